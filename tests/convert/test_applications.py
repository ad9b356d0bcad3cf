"""Small networks of keras.applications: as the command tries all of them, in a minute instead of hours."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.applications import trial
from convert.applications.__main__ import main
from convert.applications.drawing import draw_weights
from convert.applications.models import MODELS
from convert.applications.page import write_page
from convert.applications.trial import Result
from convert.images import make_images
from convert.pictures import read_pictures
from tests.processes import is_running


def test_every_network_that_keras_exports_is_tried(keras: Any) -> None:
    exported = {name for name, made in vars(keras.applications).items() if callable(made)}
    assert exported == set(MODELS)
    assert len(MODELS) == 40


def test_drawn_weights_tell_pictures_apart(keras: Any) -> None:
    model = keras.applications.MobileNetV2(
        (96, 96, 3), alpha=0.35, weights=None, classes=50, classifier_activation=None
    )
    pixels = read_pictures(Path("m"), (96, 96, 3), "float32", "tf").compute(make_images((96, 96, 3), 120))
    flat = np.asarray(model(pixels, training=False))
    draw_weights(model, pixels[:24])
    logits = np.asarray(model(pixels, training=False))
    assert len(set(logits.argmax(axis=1).tolist())) >= 20
    assert np.ptp(flat, axis=0).max() < 0.01 < 1 < np.ptp(logits, axis=0).max()


def test_a_network_converts_and_its_row_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["MobileNetV3Small", "--page", str(tmp_path / "page.md"), "--results", str(tmp_path / "results.json")]
    assert main(asked) == 0
    row = (tmp_path / "page.md").read_text().splitlines()[-1].split(" | ")
    assert row[:2] == ["| MobileNetV3Small", "224"]
    assert int(row[5]) >= 20
    assert row[8] == "100.00%"
    monkeypatch.setattr(trial, "_make", None)  # what has a result is not tried again
    capsys.readouterr()
    assert main(asked) == 0
    assert "100.00% of " in capsys.readouterr().out


def test_one_that_did_not_convert_is_listed_with_its_reason() -> None:
    page = write_page({"VGG16": Result("VGG16", error="too large"), "Xception": Result("Xception", 299, operations=9)})
    assert "**1 of 40 convert and agree**" in page
    assert "| Xception | 299 |" in page
    assert page.endswith("## What did not convert\n\n- VGG16: too large\n")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells who lives")
def test_what_tries_a_model_ends_with_the_command_that_is_killed(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    code = f"""
from convert.applications.trial import _apart
if __name__ == "__main__":
    _apart(exec, "import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
"""
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], env={**os.environ, "PYTHONPATH": "."})
    deadline = time.monotonic() + 60
    while not begun.exists() or not begun.read_text():
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    while is_running(int(begun.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)
