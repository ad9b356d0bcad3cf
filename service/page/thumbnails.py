"""Small pictures as `data:` addresses, made once and sent within the page: 16 of them are no request."""

from __future__ import annotations

from base64 import b64encode

import cv2

from service.images.encoding import encode
from service.images.preprocessing import Pixels
from service.images.scaling import resize

SIDE = 64  # pixels, of the longer one; shown at 48
QUALITY = 70  # of WebP


def write_thumbnail(pixels: Pixels, side: int = SIDE) -> str:
    """A `data:` address of pixels (H, W, 1, 3 or 4) uint8, scaled down to fit into a square: WebP.

    What fits already stays as it is, without loss: its pixels are to be seen.
    """
    height, width, _ = pixels.shape
    share = min(1.0, side / max(height, width))
    if share < 1:
        pixels = resize(pixels, max(1, round(height * share)), max(1, round(width * share)))
    kept = QUALITY if share < 1 else 101  # above 100 WebP loses nothing
    file = encode(pixels, ".webp", (cv2.IMWRITE_WEBP_QUALITY, kept))
    return f"data:image/webp;base64,{b64encode(file).decode()}"
