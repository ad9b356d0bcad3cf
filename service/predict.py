"""`python -m service.predict a.png folder …`: the service's answers without a server."""

from __future__ import annotations

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("predict: interrupted")

import argparse
import logging
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from service.api.answers import write_answer
from service.errors import RequestError, ServiceError, StartupError
from service.images.decoding import FORMATS
from service.images.preprocessing import Pixels
from service.images.reading import read_image
from service.inference.device import share_of_cores
from service.inference.loading import load_model
from service.inference.model import Model, Result
from service.registry import target_of
from service.settings import Settings

EPILOG = "exit status: 0 every file was classified; 1 one was bad; 2 no model can be used; 130 interrupted"


def main(arguments: list[str] | None = None) -> int:
    """Print one line for each file, in their order; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m service.predict", description="Classify pictures.", epilog=EPILOG)
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="pictures, or folders of them",
    )
    parser.add_argument(
        "--model", help="name of a model in the models folder (default: $SERVICE_DEFAULT_MODEL or the first one)"
    )
    parser.add_argument("--top", type=_natural, default=0, metavar="K", help="list the K best classes, too")
    parser.add_argument("--json", action="store_true", help="print the server's JSON answers")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="predict: %(message)s")  # models that cannot be used, and other warnings
    try:
        settings = Settings.from_environment()
        model = load_model(settings, options.model or settings.default_model)
    except StartupError as error:
        print(f"predict: {error}", file=sys.stderr)
        return 2
    with tidying():
        return classify(options, model, settings)


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def classify(options: argparse.Namespace, model: Model, settings: Settings) -> int:
    """Read on all cores, run in batches, print; returns 1 if a file was bad."""
    suffixes = tuple(suffix for name in settings.formats for suffix in FORMATS[name].suffixes)
    files = list(chain.from_iterable(find_files(path, suffixes) for path in options.files))
    # The lines themselves are the progress where somebody watches them.
    bar = tqdm(total=len(files), unit="file", disable=True if sys.stdout.isatty() else None, delay=2)
    failed = 0
    for path in options.files:
        if path.is_dir() and not any(file.is_relative_to(path) for file in files):
            failed = 1
            print(f"predict: {path} holds no {' or '.join(suffixes)} file", file=sys.stderr)
    with bar, ThreadPoolExecutor(share_of_cores()) as threads:
        size = model.max_batch  # which becomes smaller where memory is short; larger batches are then run in halves
        for start in range(0, len(files), size):
            batch = files[start : start + size]
            views = list(threads.map(partial(read_file, model=model, settings=settings), batch))
            images = [view for view in views if not isinstance(view, str)]
            results = iter(model.run(images) if images else [])
            for file, view in zip(batch, views, strict=True):
                outcome = view if isinstance(view, str) else next(results)
                if isinstance(outcome, str | ServiceError):
                    failed = 1
                    sys.stdout.flush()
                    tqdm.write(f"predict: {outcome}", file=sys.stderr)
                else:
                    print(write_line(file, outcome, model, options))
            bar.update(len(batch))
    return failed


def find_files(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """The file itself, or every picture in the folder and below, 2-1.png before 10-7.png."""
    if not path.is_dir():
        yield path
        return
    yield from sorted((file for file in path.rglob("*") if file.suffix.lower() in suffixes), key=by_numbers)


def by_numbers(file: Path) -> list[tuple[int, str]]:
    """Sort key: numbers by their value, other text as it is."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(file))]


def read_file(file: Path, model: Model, settings: Settings) -> Pixels | str:
    """The model's view of a file, or what is wrong with it."""
    try:
        return read_image(file.read_bytes(), str(file), target_of(model), settings.max_pixels, settings.formats)
    except RequestError as error:
        return str(error)
    except OSError as error:
        return f"{file}: {error.strerror}"


def write_line(file: Path, result: Result, model: Model, options: argparse.Namespace) -> str:
    """One line: JSON, or the file with its class and its probability, of the best ones if asked."""
    if options.json:
        return write_answer(file.name, result, model, options.top).decode()
    _, probabilities = result
    best = (-probabilities).argsort(kind="stable")[: max(1, options.top)]
    return "  ".join([str(file), *(f"{model.labels[index]}  {probabilities[index]:.4f}" for index in best)])


if __name__ == "__main__":
    sys.exit(main())
