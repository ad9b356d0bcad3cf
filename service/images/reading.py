"""A file to the model's view of it: the pure function that the server, the commands, training and the fuzzer share."""

from __future__ import annotations

from service.errors import RequestError
from service.images.decoding import decode
from service.images.png import Data
from service.images.preprocessing import Pixels, Target, fit


def read_image(data: Data, name: str, target: Target, max_pixels: int) -> Pixels:
    """Pixels (height, width, channels) uint8, as `target` wants them, of a PNG file.

    Raises:
        ImageError, LimitError: The file is not a valid PNG, or too large; the message starts with its name.
    """
    try:
        return fit(decode(data, max_pixels), target)
    except RequestError as error:
        raise type(error)(f"{name}: {error}" if name else str(error)) from error
