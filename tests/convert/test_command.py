"""The command in a process of its own: exit statuses, streams, no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from convert.__main__ import main

ROOT = Path(__file__).parents[2]


def run_command(
    *arguments: object, cwd: Path = ROOT, stdout: Any = subprocess.PIPE, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MNIST_NPZ"}
    environment |= {"PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        [sys.executable, "-m", "convert", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_conversion_is_reported_without_log_noise(model_file: Path) -> None:
    done = run_command("model.keras", cwd=model_file.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "reading",
        "converting",
        "comparing",
        "serving",
        "input",
        "output",
        "labels",
        "operations",
        "difference",
        "agreement",
        "served",
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
        (["--size", "0x3"], "'0x3' is not a size; give height and width in pixels, e.g. 224x224"),
        (["--size", "axb"], "'axb' is not a size"),
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
        "--size",
        "--output-name",
        "--trust",
        "--import",
        "--preset",
        "--range",
        "--mean",
        "--shorter-side",
        "--title",
        "--opset",
        "--data",
        "--fp16",
        "--int8",
        "--most-loss",
        "--tolerance",
        "--verbose",
    ):
        assert option in done.stdout


def test_a_place_that_cannot_be_written_exits_with_2(model_file: Path) -> None:
    done = run_command("model.keras", "--output", "labels.txt/model.onnx", cwd=model_file.parent)
    assert done.returncode == 2
    assert done.stderr.startswith("error: labels.txt/model.onnx could not be written (")
    assert done.stderr.endswith("); choose another place.\n")


def test_nothing_is_left_in_the_temporary_folder(model_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    done = run_command("model.keras", cwd=model_file.parent, TMPDIR=str(folder))
    assert (done.returncode, done.stderr, list(folder.iterdir())) == (0, "", [])


def test_a_report_that_nobody_reads_ends_it(model_file: Path) -> None:
    before = sorted(model_file.parent.iterdir())
    with Path("/dev/full").open("w") as full:
        done = run_command("model.keras", cwd=model_file.parent, stdout=full)
    assert (done.returncode, done.stderr) == (2, "error: the report: No space left on device; nothing was written.\n")
    assert sorted(model_file.parent.iterdir()) == before


@pytest.mark.parametrize("step", ["reading", "converting", "comparing"])
def test_ctrl_c_is_one_line_and_130(step: str, model_file: Path) -> None:
    before = sorted(model_file.parent.iterdir())
    command = [sys.executable, "-m", "convert", "model.keras"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=model_file.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs, these tests among them, ignore the signal, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(step):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "interrupted\n")
    assert sorted(model_file.parent.iterdir()) == before


@pytest.mark.parametrize(("missing", "told"), [("onnxslim", True), ("convert.graph", False)])
def test_only_a_foreign_module_is_said_to_be_not_installed(
    missing: str, told: bool, model_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("convert.conversion", "convert.graph"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    if told:
        assert main([str(model_file)]) == 2
    else:
        with pytest.raises(ImportError):  # a defect, whose traceback is wanted
            main([str(model_file)])
    sentence = f"error: {missing} is not installed; install the project with its convert extra.\n"
    assert capsys.readouterr().err == (sentence if told else "")
