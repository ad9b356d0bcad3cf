"""`python -m service.predict a.png b.png …`: the service's answers without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from service.api.multipart import Part
from service.api.uploads import FIELD
from service.errors import RequestError, StartupError
from service.images.reading import read_image, write_answer
from service.inference.model import Model
from service.inference.repository import find_models
from service.registry import load_models
from service.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Print one line for each file; returns 0, 1 if a file was bad, 2 if no model can be used."""
    parser = argparse.ArgumentParser(prog="python -m service.predict", description="Classify PNG files.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="PNG files")
    parser.add_argument("--model", help="name of a model in the models folder (default: the first one)")
    parser.add_argument("--top", type=int, default=0, metavar="K", help="list the K best classes, too (with --json)")
    parser.add_argument("--json", action="store_true", help="print the server's JSON answers")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
        model = load_models(settings, only=options.model or find_models(settings.models)[0].name)[0]
    except StartupError as error:
        print(f"predict: {error}", file=sys.stderr)
        return 2
    failed = 0
    for file in options.files:
        try:
            print(_classify(file, model, settings, options), flush=True)  # in the order of the files, errors too
        except RequestError as error:
            print(f"predict: {error}", file=sys.stderr)
            failed = 1
        except OSError as error:
            print(f"predict: {file}: {error.strerror}", file=sys.stderr)
            failed = 1
    return failed


def _classify(file: Path, model: Model, settings: Settings, options: argparse.Namespace) -> str:
    image = read_image(Part(FIELD, str(file), file.read_bytes()), model, settings.max_pixels)
    (result,) = model.run([image])
    if options.json:
        return write_answer(file.name, result, model, options.top).decode()
    best, probabilities = result
    return f"{file}  {model.labels[best]}  {probabilities[best]:.4f}"


if __name__ == "__main__":
    sys.exit(main())
