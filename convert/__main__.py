"""The command line: `python -m convert models/mnist/model.keras` writes `models/mnist/1/model.onnx`."""

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("interrupted")

import argparse
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from convert.errors import ConvertError, SourceError
from convert.silence import prepare_environment, silenced
from service.inference.options import PRESETS_HELP, add_keys, add_preset, said_keys

OURS = ("convert", "service")
# The keys that a converted file may say; its layout, size, labels and output are known.
WRITTEN = (
    "range",
    "mean",
    "std",
    "channels",
    "resize",
    "shorter_side",
    "margin",
    "filter",
    "background",
    "title",
    "question",
)
PRECISIONS = {
    "fp16": "write the weights in half the bytes (float16); input and output stay float32",
    "int8": "write the weights in a quarter of the bytes, and compute with whole numbers, calibrated on --data",
}
EPILOG = f"""\
The input is named "image", (N, height, width, channels) with N dynamic and 1, 3 or 4 channels (grey, RGB, RGBA): uint8
where the Keras input is of integers, float32 where it is of floating point. A model with its channels first, a fixed
batch or one number for each pixel (--size) gets an adapter. The output is "probabilities" after a softmax or sigmoid
and "logits" otherwise, (N, classes) float32; (N, 1) means two classes, and its value the second one.

Models in mixed precision, float16 or float64 are loaded in float32, and compared with Keras in float32.

Labels are read from labels.txt beside the model, one a line, unless --labels names another file.

Which pixels a model was trained on is written into the file, as docs/models.md has it; without a word they are 0..255,
which means that it takes raw pixels and scales them itself. A value that begins with a minus sign is written with an
equals sign: --range=-1..1. Pictures of several sizes then go through the service's own code, from the bytes of a PNG to
probabilities, and through Keras with pixels that other code has computed.

{PRESETS_HELP}
Every conversion is compared with the original, on the images of --data (or of the file that the environment variable
MNIST_NPZ names, where their shape fits the model) and on made images otherwise. The file is replaced only when all
answers agree.

--fp16 and --int8 report size, speed and accuracy (agreement with float32, where the classes are not known) before and
after, on --data; a fifth of it, 200 at most, calibrates int8 and is not measured. docs/converting.md has figures.

Lambda layers need --trust, custom classes and functions --import; both run Python code that comes with the model.
Give them for files of people you trust only.

Two exact computations of a deep model differ by its rounding. So Keras runs once more with each pixel moved by its last
bit, and a difference of that order is accepted, with the same classes: see --tolerance.

All 40 networks of keras.applications have been tried: python -m convert.applications, docs/applications.md.

exit status: 0 written; 1 not convertible, or the answers differ; 2 wrong arguments or input files; 130 interrupted
"""


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line; argparse itself exits with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python -m convert",
        description="Convert a Keras image classifier to ONNX and prove that both give the same answers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, help="a .keras file, a legacy .h5 file or a SavedModel folder")
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--version", type=_positive, default=1, help="the number N in <folder of the model>/N/model.onnx (default: 1)"
    )
    target.add_argument("--output", type=Path, help="write here instead")
    parser.add_argument(
        "--size",
        type=_size,
        metavar="HEIGHTxWIDTH",
        help="of the images, for a model that takes any, e.g. 224x224",
    )
    parser.add_argument(
        "--output-name",
        metavar="NAME",
        help="of the output with the classes, for a model of several outputs; needed where their shapes and names do "
        "not tell. Not to be confused with --output, the file",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load Lambda layers (Keras's safe_mode=False): this RUNS the Python code that the model file contains",
    )
    parser.add_argument(
        "--import",
        type=Path,
        action="append",
        default=[],
        dest="imports",
        metavar="FILE.py",
        help="a Python file with custom classes or functions of the model: this RUNS that file. May be repeated",
    )
    parser.add_argument("--labels", type=Path, help="one label a line, in the order of the classes")
    add_preset(parser)
    add_keys(parser, WRITTEN)
    # tf2onnx is tested on 14 to 18; 17 is read by every runtime since 2022, and 18 adds nothing that a classifier uses.
    parser.add_argument(
        "--opset", type=int, choices=range(14, 19), default=17, metavar="14..18", help="ONNX operator set (default: 17)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="pictures to compare on: an .npz file with x_test, uint8 (n, height, width[, channels]), and y_test, the "
        "number of each one's class, if it is known; or a folder of PNGs, in sub-folders named as the labels or not",
    )
    lower = parser.add_mutually_exclusive_group()
    for precision, help_ in PRECISIONS.items():
        lower.add_argument(f"--{precision}", dest="precision", action="store_const", const=precision, help=help_)
    parser.add_argument(
        "--most-loss",
        type=_share,
        default=0.005,
        help="the share of the images that --fp16 or --int8 may get wrong beside those that are wrong in float32; "
        "if more are, nothing is written (default: 0.005, half a percentage point)",
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=1e-4,
        help="largest difference allowed between two outputs, unless eight times what the last bit of each pixel moves "
        "in Keras is more: of probabilities, or as a share of how far logits move from image to image (default: 1e-4)",
    )
    parser.add_argument("--verbose", action="store_true", help="show the log of TensorFlow and tf2onnx")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Convert as the command line says; returns the exit status."""
    arguments = parse_arguments(argv)
    started = time.perf_counter()
    try:
        from convert.source import Reading, find_format

        find_format(arguments.model)  # before the seconds that importing TensorFlow takes
        with silenced(not arguments.verbose):
            try:
                from convert.conversion import convert
            except ImportError as err:
                if (err.name or "").split(".")[0] in OURS:
                    raise  # a defect
                raise SourceError(
                    f"{err.name or err} is not installed; install the project with its convert extra."
                ) from err
            with tidying(), _own_temporary_folder():
                convert(
                    arguments.model,
                    arguments.output or arguments.model.parent / str(arguments.version) / "model.onnx",
                    version=arguments.version,
                    labels=arguments.labels,
                    preset=arguments.preset,
                    keys=said_keys(arguments, WRITTEN),
                    opset=arguments.opset,
                    data=arguments.data,
                    optional_data=Path(os.environ["MNIST_NPZ"]) if os.environ.get("MNIST_NPZ") else None,
                    tolerance=arguments.tolerance,
                    precision=arguments.precision or "",
                    most_loss=arguments.most_loss,
                    reading=Reading(arguments.size, arguments.output_name, arguments.trust, tuple(arguments.imports)),
                )
    except MemoryError:
        print("error: the memory is too small for this model; give a smaller --size, or more memory.", file=sys.stderr)
        return 1
    except OSError as err:  # of the report: a pipe that is closed, a disk that is full
        print(f"error: {err.filename or 'the report'}: {err.strerror}; nothing was written.", file=sys.stderr)
        return SourceError.exit_status
    except ConvertError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_status
    print(f"time        {time.perf_counter() - started:.1f} s")
    return 0


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    # TensorFlow leaves files there until Python ends in order, which it does not do here.
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version; versions are whole numbers from 1")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    sides = (height, width or height)
    if not all(side.isascii() and side.isdecimal() and int(side) > 0 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; give height and width in pixels, e.g. 224x224")
    return int(sides[0]), int(sides[1])


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share of the images; give a number from 0 to 1, e.g. 0.01")
    return value


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a tolerance; give a number from 0, e.g. 1e-4")
    return value


if __name__ == "__main__":
    prepare_environment()  # here and not in main: the environment belongs to the process
    status = main()
    with suppress(OSError):  # a pipe that is closed
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # libraries that are left half imported would write tracebacks while Python ends
