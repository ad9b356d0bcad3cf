"""JPEG and WebP files that are damaged, of every kind that Pillow writes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from bench.server import ROOT

PICTURES = ("photo-3.png", "shadow-6.png", "0-7.png")
KINDS: dict[str, tuple[dict[str, Any], ...]] = {
    "JPEG": (
        {},
        {"progressive": True},
        {"subsampling": 0, "quality": 95},
        {"restart_marker_blocks": 4},
        {"exif": Image.Exif()},
        {"comment": b"none", "icc_profile": bytes(3000)},
    ),
    "WEBP": ({}, {"lossless": True}, {"quality": 20}, {"exif": Image.Exif()}, {"save_all": True, "duration": 10}),
}
MODES = {"JPEG": ("RGB", "L", "CMYK"), "WEBP": ("RGB", "RGBA")}
DAMAGES = ("bit", "run", "cut", "left out", "repeated", "header", "swapped")
SIDE = 96  # pixels at most, so that the files are small and many are sent
RUN = 16  # bytes


def whole_files(kind: str) -> list[bytes]:
    """Small good files of a format."""
    return [
        save(path, kind, mode, options)
        for path in (ROOT / "imgs" / name for name in PICTURES)
        for mode in MODES[kind]
        for options in KINDS[kind]
    ]


def save(path: Path, kind: str, mode: str, options: dict[str, Any]) -> bytes:
    """One of them."""
    picture = Image.open(path).convert("RGB").convert(mode)
    picture.thumbnail((SIDE, SIDE))
    further = {"append_images": [picture.rotate(90)]} if "save_all" in options else {}
    file = io.BytesIO()
    picture.save(file, kind, **options, **further)
    return file.getvalue()


def damage(kind: str, data: bytes, random: Random) -> bytes:
    """The file, damaged in one of DAMAGES."""
    place = random.randrange(2, len(data) - RUN)
    before, run, behind = data[:place], data[place : place + RUN], data[place + RUN :]
    if kind == "bit":
        return before + bytes([run[0] ^ 1 << random.randrange(8)]) + run[1:] + behind
    if kind == "header":
        return damage("run", data[:600], random) + data[600:]
    other = random.randrange(2, len(data) - RUN)
    return {
        "run": before + random.randbytes(RUN) + behind,
        "cut": before,
        "left out": before + behind,
        "repeated": before + run * random.choice((2, 50)) + behind,
        "swapped": data[:2] + data[other:] + data[2:other],
    }[kind]


def damaged_photos(kind: str, count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files of a format, each kind of damage as often as the others."""
    random, files = Random(seed), whole_files(kind)
    for index in range(count):
        yield kind, damage(DAMAGES[index % len(DAMAGES)], random.choice(files), random)


def large_photo(kind: str, side: int, **options: Any) -> bytes:
    """A file of side x side."""
    noise = np.random.default_rng(0).integers(0, 256, (side // 50, side // 50, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((side, side)).save(file, kind, quality=50, **options)
    return file.getvalue()


def without_a_third(data: bytes) -> bytes:
    """The file without its last third, which ends as if it were whole."""
    return data[: len(data) * 2 // 3] + data[-2:]
