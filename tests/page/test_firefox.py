"""The page in Firefox, as Debian has it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.page.states import HEIC, IMGS
from tests.serving import Server

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
SCRIPT = Path(__file__).with_name("firefox.mjs")


@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed")
def test_a_persons_way_through_the_page(server: Server, node_modules: Path, tmp_path: Path) -> None:
    turned, heic = tmp_path / "turned.jpg", tmp_path / "IMG_0042.heic"
    with Image.open(IMGS / "large-9.png") as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned by 90° clockwise
        image.convert("RGB").rotate(90, expand=True).save(turned, exif=exif)
    heic.write_bytes(HEIC)
    files = [(IMGS / "0-7.png").resolve(), turned, heic]
    command = ["node", SCRIPT, FIREFOX, f"{server.url}/mnist/classify", *files]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    sentence = seen["chosen"][2].pop()
    assert "this is a HEIC file, which this browser cannot open" in sentence
    assert seen == {
        "example": "7",
        "fits": True,
        "drawn": "1",
        "chosen": [["0-7.png", "7", ""], ["turned.jpg", "9", ""], ["IMG_0042.heic", "–"]],  # noqa: RUF001
        "facts": True,
        "complaints": [],
    }
