import re
from pathlib import Path

import pytest

from convert import timing


def test_a_missing_file_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert timing.main(["nowhere.onnx"]) == 2
    assert capsys.readouterr().err == "error: nowhere.onnx does not exist; name an ONNX file of a 28x28 model.\n"


def test_a_line_for_each_batch_size(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(timing, "TURNS", 1)
    assert timing.main([]) == 0
    rows = re.findall(r"^ +(\d+) +[\d.]+ +[\d.]+ +([\d.]+)", capsys.readouterr().out, re.MULTILINE)
    assert [batch for batch, _ in rows] == ["1", "16", "64"]
