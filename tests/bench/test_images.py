"""`python -m bench --images`: pictures of one's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from bench.errors import DataError
from bench.folder import find_pictures, make_upload
from bench.server import ROOT
from tests.bench.test_hammer import Answering, last_line


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def draw(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((3, 5, 3), np.uint8)).save(path, "PNG")
    return path


def test_sub_folders_are_the_labels_and_each_picture_is_sent_once(tmp_path: Path, answering: Answering) -> None:
    for number in range(3):
        draw(tmp_path / f"cat/{number}.png")
    draw(tmp_path / "dog/deeper/0.PNG")
    (tmp_path / "cat/note.txt").write_text("no picture")

    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        name = body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()
        return 200, json.dumps({"cls": "cat", "fn": name}).encode()

    done = bench("--url", answering(answer), "--images", tmp_path)
    assert done.returncode == 0, done.stderr
    figures = last_line(done.stdout)
    assert (figures["answers"], figures["accuracy"], figures["images"]) == (4, 0.75, str(tmp_path))


def test_without_sub_folders_there_is_no_accuracy(tmp_path: Path, answering: Answering) -> None:
    path = draw(tmp_path / 'a "quoted" name.png')
    bodies: list[bytes] = []

    def answer(number: int, body: bytes) -> tuple[int, bytes]:
        bodies.append(body)
        return 200, b'{"cls": "None", "fn": "0.png"}'

    done = bench("--url", answering(answer), "--images", tmp_path, "--count", "3")
    figures = last_line(done.stdout)
    assert (figures["answers"], figures["failed"], figures["accuracy"]) == (3, 0, None)
    assert all(path.read_bytes() in body for body in bodies)


def test_a_model_of_any_name_is_asked_where_the_address_has_no_path(tmp_path: Path, answering: Answering) -> None:
    draw(tmp_path / "a.png")
    url = urlsplit(answering(lambda number, body: (200, b'{"cls": 1, "fn": "a.png"}')))
    done = bench("--url", f"http://{url.netloc}", "--model", "my model", "--images", tmp_path)
    assert last_line(done.stdout)["url"] == f"http://{url.netloc}/my%20model/classify"


def test_the_order_is_drawn_and_always_the_same(tmp_path: Path) -> None:
    for number in range(20):
        draw(tmp_path / f"{'even' if number % 2 == 0 else 'odd'}/{number}.png")
    pictures = find_pictures(tmp_path)
    assert pictures == find_pictures(tmp_path)
    assert {picture.label for picture in pictures[:8]} == {"even", "odd"}


def test_what_cannot_be_sent_is_said_in_a_sentence(tmp_path: Path) -> None:
    for folder, sentence in ((tmp_path, "holds no .png file"), (tmp_path / "nowhere", "is no folder")):
        done = bench("--images", folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"bench: {folder} {sentence}\n"
    done = bench("--images", tmp_path, "--variant", "drawn")
    assert done.returncode == 2
    assert "--images sends files as they are" in done.stderr
    picture = find_pictures(draw(tmp_path / "a.png").parent)[0]
    picture.path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        make_upload(urlsplit("http://x/a"), 0, picture)
