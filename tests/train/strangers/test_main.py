import subprocess
import sys
from pathlib import Path

import pytest

from train.strangers.__main__ import main


def test_a_missing_model_is_one_line_and_status_2(tiny_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["none.keras", "--data", str(tiny_file)]) == 2
    error = capsys.readouterr().err
    assert error == "error: none.keras does not exist: give a .keras file\n"


def test_a_file_that_is_no_model_is_one_line_and_status_2(
    tmp_path: Path, tiny_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.keras").write_text("no model")
    assert main([str(tmp_path / "net.keras"), "--data", str(tiny_file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}/net.keras is not a Keras model (")
    assert error.count("\n") == 1


def test_help_names_the_command() -> None:
    command = [sys.executable, "-m", "train.strangers", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: python -m train.strangers")
