"""The command in a process of its own: exit statuses, streams, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_command(*arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MNIST_NPZ"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", "convert", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_a_conversion_is_reported_without_log_noise(model_file: Path) -> None:
    done = run_command("model.keras", cwd=model_file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "reading",
        "converting",
        "comparing",
        "input",
        "output",
        "labels",
        "operations",
        "difference",
        "written",
        "time",
    ]
    assert (model_file.parent / "1" / "model.onnx").is_file()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.keras", "error: none.keras does not exist; "),
        ("labels.txt", "error: labels.txt is not a Keras model by its name (suffix .txt); "),
        (".", "error: . is a folder without saved_model.pb, so no SavedModel; "),
    ],
)
def test_what_is_no_model_exits_with_2(name: str, message: str, model_file: Path) -> None:
    done = run_command(name, cwd=model_file.parent)
    way_out = "give a .keras file, a legacy .h5 file or a SavedModel folder.\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message + way_out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--version", "0"], "'0' is not a version; versions are whole numbers from 1"),
        (["--tolerance", "-1"], "'-1' is not a tolerance; give a number from 0, e.g. 1e-4"),
        (["--opset", "99"], "invalid choice"),
        (["--version", "2", "--output", "x"], "not allowed with argument"),
    ],
)
def test_wrong_arguments_exit_with_2(arguments: list[str], message: str) -> None:
    done = run_command("m.keras", *arguments)
    assert (done.returncode, message in done.stderr) == (2, True)


def test_help_names_every_option() -> None:
    done = run_command("--help")
    assert done.returncode == 0
    for option in (
        "--version",
        "--output",
        "--labels",
        "--pixel-range",
        "--opset",
        "--data",
        "--tolerance",
        "--verbose",
    ):
        assert option in done.stdout


def test_a_place_that_cannot_be_written_exits_with_2(model_file: Path) -> None:
    done = run_command("model.keras", "--output", "labels.txt/model.onnx", cwd=model_file.parent)
    assert done.returncode == 2
    assert done.stderr.startswith("error: labels.txt/model.onnx could not be written (")
    assert done.stderr.endswith("); choose another place with --output.\n")
