"""The command line: `python -m convert models/mnist/model.keras` writes `models/mnist/1/model.onnx`."""

import argparse
import math
import os
import sys
import time
from pathlib import Path

from convert.errors import ConvertError, SourceError
from convert.silence import prepare_environment, silenced
from convert.source import find_format

EPILOG = """\
The input is named "image", (N, height, width, channels) with N dynamic, of the dtype the Keras input has (uint8 or
float32); the output is "probabilities" after a softmax or sigmoid and "logits" otherwise, (N, classes) float32.

Labels are read from labels.txt beside the model, one a line, unless --labels names another file.

Every conversion is compared with the original, on the images of --data (or of the file that the environment variable
MNIST_NPZ names, where their shape fits the model) and on made images otherwise. The file is replaced only when all
answers agree.

Tried with random weights, of keras.applications: ConvNeXtTiny, DenseNet121, EfficientNetB0, EfficientNetV2B0,
InceptionV3, MobileNet, MobileNetV2, MobileNetV3Small, NASNetMobile, ResNet50 and Xception convert. ResNet50V2 does not:
ONNX Runtime 1.31 folds its zero padding into max-pooling, which pads with minus infinity, and the comparison fails.
Nor do Lambda layers and custom classes (they cannot be loaded), channels-first models, and inputs of any size. Deep
models may need --tolerance 1e-3: rounding adds up with their layers.

exit status: 0 written; 1 not convertible, or the answers differ; 2 wrong arguments or input files
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
    parser.add_argument("--labels", type=Path, help="one label a line, in the order of the classes")
    parser.add_argument(
        "--pixel-range",
        choices=("0-255", "0-1", "-1-1"),
        default="0-255",
        help="the pixel values the model was trained on; 0-255 (the default) means that it takes raw pixels and scales "
        "them itself. Written into the model as Image.NominalPixelRange; write --pixel-range=-1-1 with the equals sign",
    )
    # tf2onnx is tested on 14 to 18; 17 is read by every runtime since 2022, and 18 adds nothing that a classifier uses.
    parser.add_argument(
        "--opset", type=int, choices=range(14, 19), default=17, metavar="14..18", help="ONNX operator set (default: 17)"
    )
    parser.add_argument(
        "--data", type=Path, help="an .npz file with x_test, uint8 (n, height, width[, channels]), to compare on"
    )
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=1e-4,
        help="largest difference allowed between two outputs (default: 1e-4)",
    )
    parser.add_argument("--verbose", action="store_true", help="show the log of TensorFlow and tf2onnx")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Convert as the command line says; returns the exit status."""
    arguments = parse_arguments(argv)
    started = time.perf_counter()
    try:
        find_format(arguments.model)  # before the seconds that importing TensorFlow takes
        with silenced(not arguments.verbose):
            try:
                from convert.conversion import convert
            except ImportError as err:
                raise SourceError(
                    f"{err.name or err} is not installed; install the project with its convert extra."
                ) from err
            convert(
                arguments.model,
                arguments.output or arguments.model.parent / str(arguments.version) / "model.onnx",
                version=arguments.version,
                labels=arguments.labels,
                pixel_range=arguments.pixel_range,
                opset=arguments.opset,
                data=arguments.data,
                optional_data=Path(os.environ["MNIST_NPZ"]) if os.environ.get("MNIST_NPZ") else None,
                tolerance=arguments.tolerance,
            )
    except ConvertError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_status
    print(f"time        {time.perf_counter() - started:.1f} s")
    return 0


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version; versions are whole numbers from 1")
    return int(text)


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
    sys.exit(main())
