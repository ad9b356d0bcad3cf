import sys
from pathlib import Path

import pytest
from PIL import Image

from train.__main__ import main
from train.training import QUICK, Settings


def test_a_quick_run_writes_model_labels_and_card(
    tmp_path: Path, own_cache: Path, tiny_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "models" / "mnist"
    assert main(["--quick", "--data", str(tiny_file), "--output", str(output)]) == 0
    assert "%  as it is" in capsys.readouterr().out
    files = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    pictures = [f"card/{name}.png" for name in ("conditions", "confusion", "curves", "mistakes", "strangers")]
    assert files == ["README.md", *pictures, "labels.txt", "model.keras"]
    for picture in pictures:
        assert (output / picture).stat().st_size < 150_000
        Image.open(output / picture).verify()
    assert (output / "labels.txt").read_text() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    assert not list((own_cache / "upload-and-classify").iterdir())  # checkpoints are cleared away


def test_a_missing_file_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_NPZ", str(tmp_path / "gone.npz"))
    assert main(["--quick", "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: cannot read ")
    assert error.count("\n") == 1


def test_an_output_that_is_a_file_is_one_line_and_status_2(tiny_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--data", str(tiny_file), "--output", str(tiny_file)]) == 2
    assert capsys.readouterr().err == f"error: cannot write {tiny_file} (File exists)\n"


@pytest.mark.parametrize("wrong", [["--seed", "-1"], ["--epochs", "0"], ["--epochs", "many"], ["--what"]])
def test_wrong_arguments_exit_with_status_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(wrong)
    assert exit_.value.code == 2
    assert "python -m train: error:" in capsys.readouterr().err


def test_the_help_says_how_many_epochs_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    passes = f"(default: {Settings().student_epochs}, with --quick {QUICK.student_epochs})"
    assert passes in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("missing", "told"), [("keras", True), ("train.fonts", False)])
def test_only_a_foreign_module_is_said_to_be_not_installed(
    missing: str, told: bool, tmp_path: Path, tiny_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--quick", "--data", str(tiny_file), "--output", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "train.publishing", raising=False)
        patch.setitem(sys.modules, missing, None)
        if told:
            assert main(command) == 2
        else:
            with pytest.raises(ImportError):  # a defect, whose traceback is wanted
                main(command)
    sentence = f"error: {missing} is not installed; install the project with its train extra\n"
    assert capsys.readouterr().err == (sentence if told else "")
