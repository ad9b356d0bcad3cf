import re
from pathlib import Path

import pytest

from convert import timing


def test_a_missing_file_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert timing.main(["nowhere.onnx"]) == 2
    assert capsys.readouterr().err == "error: nowhere.onnx does not exist; name an ONNX file of a 28x28 model.\n"


def test_the_model_in_the_repository_takes_at_most_a_third_of_the_example(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a fifth; the two take turns, so that a busy machine slows both."""
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(timing, "TURNS", 5)
    assert timing.main([]) == 0
    rows = re.findall(r"^ +(\d+) +[\d.]+ +[\d.]+ +([\d.]+)", capsys.readouterr().out, re.MULTILINE)
    assert [batch for batch, _ in rows] == ["1", "16", "64"]
    assert float(rows[1][1]) < 1 / 3
