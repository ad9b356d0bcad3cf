"""Files to answers: what the server and the `predict` command do alike.

PNG bytes → decode → preprocessing.fit → (model) → probabilities → {"cls": …, "fn": …}
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii

import numpy as np
from numpy.typing import NDArray

from service.api.multipart import Part
from service.errors import RequestError
from service.images.decoding import decode
from service.images.preprocessing import fit
from service.inference.model import Model, Result


def read_image(part: Part, model: Model, max_pixels: int) -> NDArray[np.uint8]:
    """The model's view (H, W, C) uint8 of an uploaded PNG.

    Raises:
        ImageError, LimitError: The file is not a valid PNG, or too large; the message names the file.
    """
    try:
        pixels = decode(part.data, max_pixels)
    except RequestError as error:
        raise type(error)(f"{part.fn}: {error}" if part.fn else str(error)) from error
    target = model.input
    return fit(pixels, target.height, target.width, target.channels, model.background)


def write_answer(fn: str, result: Result, model: Model, top: int = 0) -> bytes:
    """JSON `{"cls": label, "fn": name}`, with `"top": [[label, probability], …]`, best first, where asked."""
    best, probabilities = result
    answer = b'{"cls":%b,"fn":%b}' % (model.label_json[best], encode_basestring_ascii(fn).encode())
    if not top:
        return answer
    order = np.argsort(-probabilities, kind="stable")[:top]
    ranked = [[model.labels[index], round(float(probabilities[index]), 4)] for index in order]
    return b'%b,"top":%b}' % (answer[:-1], json.dumps(ranked, separators=(",", ":")).encode())
