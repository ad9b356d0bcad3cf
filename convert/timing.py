"""`python -m convert.timing`: microseconds an image of a model and of Keras's example CNN, side by side on one thread.

The example is a common first network:
two 3x3 convolutions of 32, max-pooling, dense 128.
Untrained weights take the same time.
"""

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("interrupted")

import argparse
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np

from convert.errors import first_line
from convert.silence import prepare_environment, silenced
from convert.speed import TURNS, time_in_turn

BATCHES = (1, 16, 64)


def main(argv: list[str] | None = None) -> int:
    """Print one line for each batch size."""
    parser = argparse.ArgumentParser(prog="python -m convert.timing", description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/mnist/1/model.onnx"), help="an ONNX file")
    arguments = parser.parse_args(argv)
    if not arguments.model.is_file():
        print(f"error: {arguments.model} does not exist; name an ONNX file of a 28x28 model.", file=sys.stderr)
        return 2
    with silenced():
        import convert.conversion  # noqa: F401 (TensorFlow, before there is something to tidy up)
    with tidying(), tempfile.TemporaryDirectory() as folder:
        example = Path(folder) / "example.onnx"
        with silenced(), redirect_stdout(StringIO()):
            convert_example(example)
        print(f"{'batch':>5}  {'model':>8}  {'example':>8}  ratio   (microseconds an image, medians of {TURNS} turns)")
        for batch in BATCHES:
            images = np.random.default_rng(0).integers(0, 256, (batch, 28, 28, 1), np.uint8)
            try:
                ours, theirs = time_in_turn((arguments.model, example), images, TURNS)
            except Exception as err:  # ONNX Runtime has no common base class for its errors
                reason = f"is no ONNX file of a 28x28 model ({first_line(err)})"
                print(f"error: {arguments.model} {reason}.", file=sys.stderr)
                return 2
            print(f"{batch:>5}  {ours:>8.1f}  {theirs:>8.1f}  {ours / theirs:.2f}")
    return 0


def convert_example(path: Path) -> None:
    """Write Keras's example CNN, on raw pixels, as ONNX."""
    import keras

    from convert.conversion import convert

    layers = keras.layers
    keras.Sequential(
        [
            keras.Input((28, 28, 1), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    ).save(path.with_suffix(".keras"))
    convert(path.with_suffix(".keras"), path)


if __name__ == "__main__":
    prepare_environment()
    sys.exit(main())
