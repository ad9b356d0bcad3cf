"""`python -m service.adopt model.onnx --name x`: puts a foreign model into the models folder, described and checked."""

from __future__ import annotations

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("adopt: interrupted")

import argparse
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from service.describe import align, as_text
from service.errors import ModelError, ServiceError
from service.images.reading import read_image
from service.inference.adoption import placed, write_adopted
from service.inference.description import labels_of
from service.inference.device import choose_device
from service.inference.loading import open_model
from service.inference.model import Model, sound
from service.inference.options import PRESETS_HELP, add_keys, add_preset, said_keys
from service.inference.repository import FILE, NUMBER, ModelFile, find_name_obstacle
from service.registry import target_of
from service.settings import Settings

DESCRIPTION = """\
Copy an ONNX file with its external data to <models>/<name>/<version>/model.onnx, write into it what it does not say of
its pictures and classes, and load it as the service does. Where that fails, nothing is left behind."""
EPILOG = f"""\
{PRESETS_HELP}
examples:
  python -m service.adopt resnet50.onnx --name resnet50 --preset imagenet --labels imagenet.txt --try cat.png
  python -m service.adopt net.onnx --name net --range=-1..1 --channels bgr --resize stretch --filter bilinear
  python -m service.adopt models/net/1/model.onnx --name net --force --title "Cats and dogs"

A value that begins with a minus sign is written with an equals sign. docs/models.md has all keys and their values.

exit status: 0 it is in the models folder; 2 it cannot be served, or an argument makes no sense; 130 interrupted"""
TOP = 5


def main(arguments: list[str] | None = None) -> int:
    """Adopt as the command line says; returns the exit status."""
    options = parse(arguments)
    logging.basicConfig(format="adopt: %(message)s")
    try:
        settings = replace(Settings.from_environment(), device="cpu")
        with tidying():
            print(adopt(options, settings))
    except ServiceError as error:
        print(f"adopt: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"adopt: {error.filename or options.file}: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line; argparse itself exits with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(
        prog="python -m service.adopt",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the ONNX file")
    parser.add_argument("--name", type=_name, required=True, help="of the model, and so of its route")
    parser.add_argument("--version", type=_version, default=1, metavar="N", help="default 1")
    parser.add_argument("--models", type=Path, metavar="DIR", help="the models folder (default: $SERVICE_MODELS)")
    parser.add_argument("--force", action="store_true", help="replace the folder of that version")
    add_preset(parser)
    parser.add_argument("--try", type=Path, dest="picture", metavar="PNG", help=f"show its {TOP} best classes")
    add_keys(parser)
    parser.add_argument(
        "--labels",
        type=_read_labels,
        metavar="FILE",
        help="text file of a label for each class, one a line, or a .json list",
    )
    return parser.parse_args(arguments)


def adopt(options: argparse.Namespace, settings: Settings) -> str:
    """Put the file into its place; returns what is to be told of it.

    Raises:
        ServiceError: It cannot be served, or the picture is bad.
        OSError: A file cannot be read or written.
    """
    folder = (options.models or settings.models) / options.name / str(options.version)
    with placed(folder, options.force) as staging:
        try:
            write_adopted(options.file, staging, options.preset, said_keys(options))
            file = ModelFile(options.name, options.version, staging / FILE)
            model = open_model(file, choose_device(settings), settings)
        except ModelError as error:
            raise ModelError(f"{options.file}: {error}") from error
        best = [] if options.picture is None else ["", *find_best(options.picture, model, settings)]
    return "\n".join([as_text(model, folder / FILE), *best])


def find_best(picture: Path, model: Model, settings: Settings) -> list[str]:
    """The best classes of a PNG with their probabilities, by the server's own way.

    Raises:
        ServiceError: It is no picture, or the model has no numbers for it.
        OSError: It cannot be read.
    """
    image = read_image(picture.read_bytes(), str(picture), target_of(model), settings.max_pixels, settings.formats)
    ((_, probabilities),) = sound(model.run([image]))
    best = (-probabilities).argsort(kind="stable")[:TOP]
    return [str(picture), *align([(f"  {model.labels[index]}", f"{probabilities[index]:.4f}") for index in best])]


def _read_labels(path: str) -> str:
    """The labels of a file as JSON."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        lines = [line.strip() for line in text.rstrip().splitlines()]
        return json.dumps(labels_of(json.loads(text) if path.endswith(".json") else lines), ensure_ascii=False)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{path} must be {error}") from None


def _name(text: str) -> str:
    obstacle = find_name_obstacle(text) if text and Path(text).name == text else "it is no name of a folder"
    if obstacle:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be a model's name: {obstacle}")
    return text


def _version(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no version; versions are whole numbers such as 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
