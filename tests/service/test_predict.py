from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.service.conftest import png_bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dark.png").write_bytes(png_bytes(np.full((4, 4), 51, np.uint8)))
    (tmp_path / "light.png").write_bytes(png_bytes(np.full((4, 4), 255, np.uint8)))
    (tmp_path / "bad.png").write_bytes(b"x")
    return tmp_path


def predict(models: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.predict", *map(str, arguments)],
        env={**os.environ, "SERVICE_MODELS": str(models)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_one_line_a_file(models: Path, folder: Path) -> None:
    done = predict(models, "--model", "shade", folder / "dark.png", folder / "light.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{folder}/dark.png  dark  0.8000\n{folder}/light.png  light  1.0000\n"


def test_json_is_the_servers(models: Path, folder: Path) -> None:
    done = predict(models, "--model=shade", "--json", "--top=2", folder / "dark.png")
    assert json.loads(done.stdout) == {"cls": "dark", "fn": "dark.png", "top": [["dark", 0.8], ["light", 0.2]]}


def test_a_bad_file_is_named_and_the_others_are_classified(models: Path, folder: Path) -> None:
    done = predict(models, "--model=shade", folder / "bad.png", folder / "none.png", folder / "dark.png")
    assert done.returncode == 1
    assert done.stdout == f"{folder}/dark.png  dark  0.8000\n"
    assert done.stderr == (
        rf"predict: {folder}/bad.png: not a PNG: the file starts with b'x', a PNG with b'\x89PNG\r\n\x1a\n'"
        f"\npredict: {folder}/none.png: No such file or directory\n"
    )


def test_no_model_is_one_sentence(models: Path, folder: Path) -> None:
    done = predict(models, "--model=nope", folder / "dark.png")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "predict: no model is called 'nope'; the models are colour, shade\n"
    done = predict(folder / "models", folder / "dark.png")
    assert done.returncode == 2
    assert done.stderr.startswith("predict: the models folder ")
