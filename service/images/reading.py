"""A file to the model's view of it: the pure function that the server, the commands, training and the fuzzer share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from service.errors import RequestError
from service.images.decoding import ONLY_PNG, decode
from service.images.formats import Data
from service.images.preprocessing import Pixels, Target, find_region, fit
from service.images.trimming import Box


class Seen(NamedTuple):
    """The model's view of a picture, and the part of the picture that it takes for its subject, None for all of it."""

    pixels: Pixels
    region: Box | None


def read_image(data: Data, name: str, target: Target, max_pixels: int, formats: Sequence[str] = ONLY_PNG) -> Pixels:
    """Pixels (height, width, channels) uint8, as `target` wants them, of a file of one of the formats.

    Raises:
        ImageError, LimitError: The file is not a good picture, or too large; the message starts with its name.
    """
    try:
        return fit(decode(data, max_pixels, formats), target)
    except RequestError as error:
        raise _name(error, name) from error


def see_image(data: Data, name: str, target: Target, max_pixels: int, formats: Sequence[str] = ONLY_PNG) -> Seen:
    """As `read_image`, with the region."""
    try:
        pixels = decode(data, max_pixels, formats)
        return Seen(fit(pixels, target), find_region(pixels, target))
    except RequestError as error:
        raise _name(error, name) from error


def _name(error: RequestError, name: str) -> RequestError:
    return type(error)(f"{name}: {error}" if name else str(error))
