"""Pixels as a file that browsers show."""

from __future__ import annotations

import cv2

from service.images.preprocessing import Pixels

TO_OPENCV = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}


def encode(pixels: Pixels, ending: str, options: tuple[int, ...] = ()) -> bytes:
    """A file of this ending, ".png" or ".webp", of pixels (H, W, 1, 3 or 4) uint8; `options` are OpenCV's."""
    turned = TO_OPENCV.get(pixels.shape[2])
    done, data = cv2.imencode(ending, pixels if turned is None else cv2.cvtColor(pixels, turned), options)
    assert done
    return bytes(data)
