from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import savings
from convert.images import make_images
from convert.silence import silenced


def test_a_line_for_each_precision(float_classifier: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with silenced():
        float_classifier.save(tmp_path / "m.keras")
    images = make_images((8, 8, 3), 60)
    np.savez(tmp_path / "data.npz", x_test=images, y_test=np.zeros(60, int))
    savings.compare("small", tmp_path / "m.keras", tmp_path / "data.npz", "tf", tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["small", each] for each in ("float32", "fp16", "int8")]
    assert all(line.endswith("% right") for line in lines)
    assert "1 of 255 off" in lines[3]


def test_pixels_are_shifted_by_one_at_most() -> None:
    images = np.tile(np.array([0, 128, 255], np.uint8), 60).reshape(5, 6, 6, 1)
    shifted = savings.shift(images).astype(int)
    assert set(np.unique(shifted - images)) == {-1, 0, 1}
    assert (shifted.min(), shifted.max()) == (0, 255)
