"""How good a model is: on the test set, and on pictures of it as people upload them, prepared by the server's code.

Knows models only as callables, (N, 28, 28, 1) uint8 to (N, 10) scores.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from service.images.preprocessing import GREY, Target, fit

Pixels = NDArray[np.uint8]  # (N, 28, 28, 1)
Labels = NDArray[np.uint8]
Classify = Callable[[Pixels], NDArray[np.float32]]

SIDE = 28
BINS = 15  # of the calibration error
MARGIN = 0.14  # of the model's side, that MNIST leaves free: its digits are 20 of 28 pixels
WHITE = (255, 255, 255)
SERVED = Target.plan((SIDE, SIDE), GREY, WHITE, "trim", None, margin=MARGIN)  # as the service has the model's input
FITTED = Target.plan((SIDE, SIDE), GREY, WHITE, "fit", None)  # as it had it before: the whole picture
INK, PAPER = 60, 200  # dark grey on light grey


def calibration_error(scores: NDArray[np.float32], labels: Labels) -> float:
    """Expected calibration error in per cent, over BINS equal bins of confidence.

    Guo et al., "On Calibration of Modern Neural Networks" (2017), arXiv 1706.04599.
    """
    confidence, good = scores.max(axis=1), scores.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(good[bins == each].mean() - confidence[bins == each].mean()) * (bins == each).mean() for each in set(bins)
    ]
    return 100 * float(np.sum(gaps))


def conditions(images: Pixels, seed: int = 0) -> Iterator[tuple[str, Pixels]]:
    """The test set again and again, each time as another kind of picture, with a name for the table."""
    draws = np.random.default_rng(seed)
    yield "as it is", images
    yield "inverted colours", 255 - images
    yield "drawn at 200x300, proportions kept", draw(images, (200, 300))
    yield "drawn at 300x200, proportions kept", draw(images, (300, 200))
    yield "drawn at 200x300, stretched to fill it", draw(images, (200, 300), stretch=True)
    yield "turned by up to 15 degrees", each(images, lambda image: image.rotate(draws.uniform(-15, 15), BILINEAR))
    yield "shifted by up to 4 pixels", each(images, lambda image: shift(image, *draws.integers(-4, 5, 2)))
    yield "larger by a quarter", each(images, lambda image: zoom(image, 1.25))
    yield "smaller by a third", each(images, lambda image: zoom(image, 0.67))
    yield "thicker pen", each(images, lambda image: Image.blend(image, image.filter(ImageFilter.MaxFilter(3)), 0.6))
    yield "thinner pen", each(images, lambda image: Image.blend(image, image.filter(ImageFilter.MinFilter(3)), 0.4))
    yield "blurred, radius 1", each(images, lambda image: image.filter(ImageFilter.GaussianBlur(1)))
    yield "a fifth of the contrast", (images // 5 + 100).astype(np.uint8)
    yield "noisy grey paper", _clip(90 + images * 0.5 + draws.normal(0, 12, images.shape))
    yield "light falling from the left", _clip(30 + images * 0.6 + np.linspace(45, 0, SIDE)[None, None, :, None])


BILINEAR = Image.Resampling.BILINEAR


def draw(images: Pixels, size: tuple[int, int], *, stretch: bool = False) -> Pixels:
    """Dark grey digits on a light grey canvas of `size` (width, height), then prepared as the server prepares uploads.

    The digit fills the canvas if `stretch`; otherwise it is a centred square of the canvas's shorter side.
    """
    box = size if stretch else (min(size), min(size))
    corner = ((size[0] - box[0]) // 2, (size[1] - box[1]) // 2)

    def one(image: Image.Image) -> Image.Image:
        ink = image.resize(box, BILINEAR).point(lambda level: PAPER + (INK - PAPER) * level / 255)
        canvas = Image.new("L", size, PAPER)
        canvas.paste(ink, corner)
        return Image.fromarray(fit(np.asarray(canvas)[..., None], SERVED)[..., 0])

    return each(images, one)


def prepare(pixels: NDArray[np.uint8], target: Target = SERVED) -> Pixels:
    """What the model gets of an upload's pixels (H, W, 1, 3 or 4): (28, 28, 1) uint8."""
    return fit(pixels, target)


def each(images: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """Apply a Pillow operation to every image."""
    return np.stack([np.asarray(change(Image.fromarray(image[..., 0]))) for image in images])[..., None]


def shift(image: Image.Image, right: int, down: int) -> Image.Image:
    """Move the content; what comes in is 0."""
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, -int(right), 0, 1, -int(down)))


def zoom(image: Image.Image, factor: float) -> Image.Image:
    """Enlarge or reduce around the centre, same size outside; what comes in is 0."""
    side = round(SIDE * factor)
    canvas = Image.new("L", (SIDE, SIDE), 0)
    canvas.paste(image.resize((side, side), BILINEAR), ((SIDE - side) // 2, (SIDE - side) // 2))
    return canvas


def _clip(levels: NDArray[np.float64]) -> Pixels:
    return levels.round().clip(0, 255).astype(np.uint8)
