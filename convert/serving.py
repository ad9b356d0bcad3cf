"""The written file as the service serves it, from the bytes of a PNG to probabilities, compared with the Keras model.

The service finds out by itself, from the file alone, how pictures are prepared; the Keras model gets them by
pictures.py. So the keys in the file are proven with the rest.
"""

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from convert.errors import GraphError, ParityError
from convert.images import Images, ImageShape, make_images
from convert.parity import OWN_LIMIT, Outputs, Parity, compare, find_unit, move_last_bits, run_source
from convert.pictures import Pictures
from convert.source import Source
from service.errors import ServiceError
from service.images.reading import read_image
from service.inference.device import Device
from service.inference.loading import open_model
from service.inference.model import sound
from service.inference.repository import FILE, ModelFile
from service.registry import target_of
from service.settings import Settings

# Of the model's height and width: as it is, larger, smaller, wide and tall; in turn grey, RGB and with alpha.
SIZES = ((1.0, 1.0), (2.0, 2.0), (0.5, 0.5), (1.2, 2.7), (3.1, 1.4))
CHANNELS = (1, 3, 4)
SETTINGS = Settings(max_batch=8)
COUNT = len(SIZES) * len(CHANNELS) * 2


def compare_served(source: Source, pictures: Pictures, content: bytes, allowed: float) -> Parity:
    """How far the service's probabilities for COUNT made pictures of several sizes are from the Keras model's.

    `allowed` is how far the outputs may differ, as a share of their spread where they are logits.

    Raises GraphError when the service cannot serve the file, ParityError when its answers differ.
    """
    made = make_pictures(source.image_shape)
    fitted = np.stack([pictures.fit(pixels) for pixels in made])
    answers = [run_source(source, fitted, pictures.compute)]
    if source.dtype == "float32":
        answers.append(run_source(source, fitted, lambda batch: move_last_bits(pictures.compute(batch))))
    served, activation = serve(content, made)
    try:
        expected, *moved = [as_probabilities(values, activation) for values in answers]
        if activation == "softmax":
            allowed = max(allowed, min(of_probabilities(allowed, answers[0]), OWN_LIMIT))
        return compare(expected, served, *moved, tolerance=allowed)
    except ParityError as err:
        raise ParityError(f"From the bytes of a picture to the service's probabilities: {err}") from err


def serve(content: bytes, pictures: list[Images]) -> tuple[Outputs, str]:
    """The service's probabilities (n, classes) for n pictures, and its word for what makes them of the outputs.

    Raises GraphError when it cannot serve the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_bytes(content)
        try:
            model = open_model(ModelFile("converted", 1, path), Device("cpu", threads=1), SETTINGS)
            target = target_of(model)
            views = [read_image(encode(pixels), "", target, SETTINGS.max_pixels) for pixels in pictures]
            batches = [views[start : start + model.max_batch] for start in range(0, len(views), model.max_batch)]
            rows = np.stack([row for batch in batches for _, row in sound(model.run(batch))])
        except ServiceError as err:
            raise GraphError(f"The service cannot serve the converted model: {err}; nothing was written.") from err
        return rows, model.description.get("activation")


def make_pictures(shape: ImageShape) -> list[Images]:
    """COUNT pictures (H, W, 1, 3 or 4) for a model of images (height, width, channels)."""
    height, width, _ = shape
    pictures = []
    for index in range(COUNT):
        tall, wide = SIZES[index % len(SIZES)]
        sides = max(1, round(height * tall)), max(1, round(width * wide))
        pictures.append(make_images((*sides, CHANNELS[index % len(CHANNELS)]), 6, seed=index)[index % 6])
    return pictures


def encode(pixels: Images) -> bytes:
    """A PNG of (H, W, 1, 3 or 4)."""
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def of_probabilities(allowed: float, logits: Outputs) -> float:
    """What softmax makes at most of a difference that logits (n, classes) may have, as a share of their spread."""
    return allowed * find_unit(logits) / 2  # a row of its Jacobian sums to 2 p (1 - p), at most a half


def as_probabilities(values: Outputs, activation: str) -> Outputs:
    """Probabilities (n, classes) of a model's outputs (n, values); one value is the second class's."""
    rows = values.astype(np.float64)
    if activation == "sigmoid":
        rows = 1 / (1 + np.exp(-rows))
    elif activation == "softmax":
        powers = np.exp(rows - rows.max(axis=1, keepdims=True))
        rows = powers / powers.sum(axis=1, keepdims=True)
    elif np.allclose(rows.sum(axis=1), 100, atol=1):
        rows = rows / 100  # percentages
    if rows.shape[1] == 1:
        rows = np.concatenate((1 - rows, rows), axis=1)
    return rows.astype(np.float32)
