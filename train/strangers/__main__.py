"""The command line: `python -m train.strangers` measures a model on what it never saw, the worst row first."""

from __future__ import annotations

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("interrupted")

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.silence import silenced
from train.data import DataError, cache_folder, load
from train.fonts import HELD_OUT, Font, FontError, load_fonts

EPILOG = """\
Fonts come from the npm registry, and the pad is the page's own in a Chromium: without them, their rows are named as
skipped.

environment: MNIST_NPZ   a local mnist.npz, as --data
exit status: 0 measured, whatever the goals; 2 wrong arguments or data; 130 interrupted
"""
CHUNK = 1000  # images classified at once


def main(argv: list[str] | None = None) -> int:
    """Measure as the command line says; returns the exit status."""
    arguments = parse_arguments(argv)
    file = arguments.data or os.environ.get("MNIST_NPZ")
    try:
        mnist = load(Path(file) if file else None)
        report(arguments.model, arguments.resize, mnist.test_images, mnist.test_labels)
    except (DataError, ImportError, OSError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    return 0


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; argparse itself exits with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python -m train.strangers",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = Path("models/mnist/model.keras")
    parser.add_argument("model", nargs="?", type=Path, default=model, metavar="FILE", help=f"default: {model}")
    parser.add_argument("--data", metavar="FILE", help="a local mnist.npz (default: Keras's, downloaded once, 11 MB)")
    parser.add_argument(
        "--resize", choices=("trim", "fit"), default="trim", help="how uploads come to the model's size, default trim"
    )
    return parser.parse_args(argv)


def report(model: Path, resize: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Print the table and one JSON line.

    Raises:
        DataError: The model cannot be read.
    """
    if not model.is_file():
        raise DataError(f"{model} does not exist: give a .keras file")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with silenced():
        import keras

        from train.evaluation import FITTED, prepare
        from train.strangers.rows import Row, measure
        from train.strangers.table import write_table

    try:
        network = keras.models.load_model(model, compile=False)
    except ValueError as err:
        raise DataError(f"{model} is not a Keras model ({str(err).splitlines()[0]}): give a .keras file") from err

    def classify(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(network.predict(pictures, CHUNK, verbose=0))

    way = prepare if resize == "trim" else lambda pixels: prepare(pixels, FITTED)
    with tidying():
        rows = list(measure(classify, images, labels, load_held_out(), way))
    print(write_table(rows))
    print(json.dumps({row.name: round(row.value, 2) for row in rows if isinstance(row, Row)}))


def load_held_out() -> list[Font]:
    """The held-out fonts, or none, with a line that says why."""
    try:
        return load_fonts(HELD_OUT, cache_folder())
    except FontError as error:
        print(error, file=sys.stderr)
        return []


if __name__ == "__main__":
    sys.exit(main())
