"""Fonts whose digits are learned from and tested on: free ones of the npm registry, fetched once into the cache.

FontError   a font cannot be had: there is no npm, or no network
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from train.data import DataError

SCOPE = "@fontsource"  # Fontsource publishes each family as a package, with its licence
WRITTEN = (
    "caveat",
    "caveat-brush",
    "kalam",
    "patrick-hand",
    "indie-flower",
    "reenie-beanie",
    "rock-salt",
    "architects-daughter",
    "gochi-hand",
    "handlee",
    "covered-by-your-grace",
    "annie-use-your-telescope",
    "cedarville-cursive",
    "homemade-apple",
    "nanum-pen-script",
    "neucha",
    "short-stack",
    "schoolbell",
    "sue-ellen-francisco",
    "swanky-and-moo-moo",
    "delius",
    "permanent-marker",
    "bad-script",
    "marck-script",
    "mansalva",
    "yomogi",
    "zen-kurenaido",
    "gaegu",
    "playpen-sans",
    "amatic-sc",
    "sriracha",
)
PRINTED = (
    "roboto",
    "open-sans",
    "lato",
    "inter",
    "noto-serif",
    "merriweather",
    "source-code-pro",
    "inconsolata",
    "oswald",
    "playfair-display",
    "bitter",
    "arvo",
    "roboto-slab",
    "space-mono",
    "comfortaa",
    "quicksand",
    "exo-2",
    "pt-serif",
    "fira-sans",
    "courier-prime",
    "jetbrains-mono",
    "nunito",
    "old-standard-tt",
    "dosis",
    "ubuntu",
)
TRAINING = (*WRITTEN, *PRINTED)
HELD_OUT_WRITTEN = ("shadows-into-light", "shantell-sans", "gloria-hallelujah", "delicious-handrawn", "comic-neue")
HELD_OUT_PRINTED = ("work-sans", "libre-baskerville", "cousine", "titillium-web", "zilla-slab")
HELD_OUT = (*HELD_OUT_WRITTEN, *HELD_OUT_PRINTED)  # never trained on
WEIGHTS = ("400", "300", "700")  # of which a family has some
NPM_TIMEOUT_S = 300


class FontError(DataError):
    """One sentence for the user: why there are no fonts, and the way out."""


class Font(NamedTuple):
    """A family: its faces as font files, one for each weight."""

    name: str
    licence: str  # SPDX
    faces: tuple[bytes, ...]


def load_fonts(names: tuple[str, ...] | list[str], cache: Path) -> list[Font]:
    """The families of these names, from the folder `cache` or fetched into it.

    Raises:
        FontError: There is no npm, or it cannot fetch one.
    """
    folder = cache / "fonts"
    missing = [name for name in names if not (folder / f"{name}.tgz").exists()]
    if missing:
        _fetch(missing, folder)
    return [_read(folder / f"{name}.tgz", name) for name in names]


def draw_glyph(text: str, face: bytes, height: int) -> NDArray[np.uint8]:
    """The glyph (H, W) uint8, ink 255 on 0, cropped; `height` is the font's size in pixels. Empty where it has none."""
    font = ImageFont.truetype(io.BytesIO(face), height)
    box = font.getbbox(text)
    canvas = Image.new("L", (max(1, int(box[2] - box[0]) + 8), max(1, int(box[3] - box[1]) + 8)))
    ImageDraw.Draw(canvas).text((4 - box[0], 4 - box[1]), text, 255, font=font)
    return np.asarray(canvas.crop(canvas.getbbox() or (0, 0, 1, 1)))


def _fetch(names: list[str], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FontError("fonts come from the npm registry, and npm is not installed: install it (nodejs.org)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as staging:
        for name in names:
            command = [npm, "pack", "--silent", f"{SCOPE}/{name}"]
            try:
                done = subprocess.run(command, cwd=staging, capture_output=True, text=True, timeout=NPM_TIMEOUT_S)  # noqa: S603
            except subprocess.TimeoutExpired:
                raise FontError(f"npm pack {SCOPE}/{name} took over {NPM_TIMEOUT_S} s: try again") from None
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
                raise FontError(f"npm pack {SCOPE}/{name} failed ({reason}): try again with a network")
            (Path(staging) / done.stdout.split()[-1]).replace(folder / f"{name}.tgz")


def _read(path: Path, name: str) -> Font:
    with tarfile.open(path) as package:

        def content(member: str) -> bytes:
            file = package.extractfile(member)
            assert file is not None
            return file.read()

        members = set(package.getnames())
        files = [f"package/files/{name}-latin-{weight}-normal.woff" for weight in WEIGHTS]
        faces = tuple(content(file) for file in files if file in members)
        return Font(name, json.loads(content("package/package.json"))["license"], faces)
