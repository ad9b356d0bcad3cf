"""The command line: `python -m train` writes models/mnist/model.keras, its labels and its model card."""

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("interrupted; the same command goes on from the last finished epoch")

import argparse
import dataclasses
import os
import shutil
import sys
import tempfile
from pathlib import Path

from convert.silence import silenced
from train.data import DataError, Mnist, cache_folder, digest, load

QUICK_OUTPUT = Path(tempfile.gettempdir()) / "mnist-quick"  # never in place of the model that is served
OURS = ("train", "convert", "service")
EPILOG = """\
An interrupted run goes on where it stopped when the same command is given again: its checkpoints, about 1 GB, lie in
~/.cache/upload-and-classify (or under XDG_CACHE_HOME) until the run ends. A full run takes about 80 minutes on two
cores; --quick shows in under a minute that everything works, and its model is not good.

environment: MNIST_NPZ   a local mnist.npz, as --data
exit status: 0 written; 2 wrong arguments or data; 130 interrupted
"""


def main(argv: list[str] | None = None) -> int:
    """Train as the command line says; returns the exit status."""
    arguments = parse_arguments(argv)
    arguments.output = arguments.output or (QUICK_OUTPUT if arguments.quick else Path("models/mnist"))
    file = arguments.data or os.environ.get("MNIST_NPZ")
    try:
        mnist = load(Path(file) if file else None)
        arguments.output.mkdir(parents=True, exist_ok=True)
        run(mnist, arguments)
    except (DataError, ImportError, OSError) as err:
        print(f"error: {_explain(err)}", file=sys.stderr)
        return 2
    return 0


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; argparse itself exits with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train the digit classifier on MNIST: two teachers, then the small student that is served.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", metavar="FILE", help="a local mnist.npz (default: Keras's, downloaded once, 11 MB)")
    parser.add_argument(
        "--output", metavar="FOLDER", type=Path, help=f"default: models/mnist, with --quick {QUICK_OUTPUT}"
    )
    parser.add_argument("--seed", type=_natural, default=1, help="default: 1")
    parser.add_argument("--epochs", type=_positive, help="passes of the student (default: 120, with --quick 3)")
    parser.add_argument("--quick", action="store_true", help="a tiny run on 3,000 images, to see that it works")
    parser.add_argument("--restart", action="store_true", help="forget an interrupted run with the same settings")
    return parser.parse_args(argv)


def run(mnist: Mnist, arguments: argparse.Namespace) -> None:
    """Train, publish, and clear the checkpoints away."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's remarks about this machine's hardware
    with silenced():  # before that level applies
        from train.fonts import HELD_OUT, TRAINING, load_fonts
        from train.publishing import Fonts, publish
        from train.training import QUICK, Settings, train

    settings = QUICK if arguments.quick else Settings()
    settings = dataclasses.replace(settings, seed=arguments.seed, data=digest(mnist))
    if arguments.epochs:
        settings = dataclasses.replace(settings, student_epochs=arguments.epochs)
    folder = settings.folder(cache_folder())
    if arguments.restart:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"checkpoints in {folder}, the model then in {arguments.output}")
    fonts = Fonts([], [])
    if settings.extras.fonts:
        fonts = Fonts(load_fonts(TRAINING, cache_folder()), load_fonts(HELD_OUT, cache_folder()))
    with tidying():
        student, curves = train(mnist.train_images, mnist.train_labels, fonts.training, settings, folder)
        publish(student, curves, mnist, fonts, settings, arguments.output)
        shutil.rmtree(folder)


def _explain(err: Exception) -> str:
    if isinstance(err, ImportError):
        if (err.name or "").split(".")[0] in OURS:
            raise err  # a defect
        return f"{err.name or err} is not installed; install the project with its train extra"
    return f"cannot write {err.filename} ({err.strerror})" if isinstance(err, OSError) else str(err)


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) >= 1 << 31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2147483647")
    return int(text)


def _positive(text: str) -> int:
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("0 is too few, 1 is the least")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
