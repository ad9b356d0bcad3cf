"""JPEGs and WebPs to begin with, made here by Pillow: a small one of every kind that it writes."""

from __future__ import annotations

import random
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tests.fuzz.png_seeds import OTHERS
from tests.service.images.test_orientation import exif

SIDES = (1, 2, 7, 8, 9, 16, 17, 33)
JPEG_OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"progressive": True},
    {"optimize": True},
    {"quality": 5},
    {"subsampling": 0},
    {"subsampling": 2},
    {"restart_marker_blocks": 1},
    {"exif": b"Exif\x00\x00" + exif(6)},
    {"comment": b"none", "icc_profile": bytes(50)},
)
WEBP_OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"lossless": True},
    {"quality": 5, "method": 0},
    {"lossless": True, "exact": True, "exif": exif(8)},
    {"icc_profile": bytes(50), "xmp": b"none"},
    {"save_all": True, "duration": 10},
)
MODES = {"JPEG": ("RGB", "L", "CMYK"), "WEBP": ("RGB", "RGBA")}


def jpeg_seeds() -> dict[str, list[bytes]]:
    """Files by where they are from."""
    return {"made here": [*_make_all("JPEG", JPEG_OPTIONS), *OTHERS]}


def webp_seeds() -> dict[str, list[bytes]]:
    """Files by where they are from."""
    return {"made here": [*_make_all("WEBP", WEBP_OPTIONS), *OTHERS]}


def make_picture(rng: random.Random, kind: str) -> bytes:
    """A file of any kind that Pillow writes."""
    options = rng.choice(JPEG_OPTIONS if kind == "JPEG" else WEBP_OPTIONS)
    return _make(kind, rng.choice(MODES[kind]), (rng.choice(SIDES), rng.choice(SIDES)), options, rng.randrange(1 << 30))


def _make_all(kind: str, options: tuple[dict[str, Any], ...]) -> list[bytes]:
    return [_make(kind, mode, (17, 9), each, 0) for mode in MODES[kind] for each in options]


def _make(kind: str, mode: str, size: tuple[int, int], options: dict[str, Any], seed: int) -> bytes:
    draws = np.random.default_rng(seed)
    coarse = Image.fromarray(draws.integers(0, 256, (3, 3, 4), np.uint8), "RGBA")
    picture = coarse.resize(size, Image.Resampling.BICUBIC).convert("RGB" if mode == "CMYK" else mode).convert(mode)
    further = {"append_images": [picture.rotate(180)]} if "save_all" in options else {}
    file = BytesIO()
    picture.save(file, kind, **options, **further)
    return file.getvalue()
