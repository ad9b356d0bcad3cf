"""`python -m bench`: the MNIST test set to one server, then accuracy, throughput and latency."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bench import report, server
from bench.client import Answer, Load, run
from bench.errors import BenchError, ServerError
from bench.mnist import read_test_set
from bench.upload import VARIANTS, Upload, make_upload

PATH = "/mnist/classify"
# Images are encoded this many ahead, while the clock stands still.
BLOCK = 2000

TestSet = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code is 1 when a request failed and 2 when there was nothing to measure."""
    options = parse(arguments)
    try:
        test_set = read_test_set(options.data)
        with served(options.url) as url:
            tally = report.Tally()
            elapsed_s = run(hammer(urlsplit(url), test_set, tally, options))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    figures = tally.figures(elapsed_s)
    report.print_table(figures)
    settings = {"url": url, "variant": options.variant, "concurrency": options.concurrency}
    print(json.dumps({**settings, **figures}))
    return 1 if tally.errors else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--url", type=_url, help="of a running server; without it, one is started and stopped")
    parser.add_argument("--concurrency", type=_count, default=16, help="connections, default %(default)s")
    parser.add_argument("--count", type=_count, default=10000, help="requests, default %(default)s, the whole set")
    parser.add_argument("--variant", choices=VARIANTS, default="plain", help="of the images, default %(default)s")
    parser.add_argument("--data", type=Path, help="mnist.npz; else $MNIST_NPZ, else it is downloaded once")
    parser.add_argument("--print", action="store_true", help="print each answer")
    return parser.parse_args(arguments)


@contextmanager
def served(url: str | None) -> Iterator[str]:
    """The address of the running server, or of one that runs meanwhile."""
    if url:
        yield url
        return
    with server.running(server.service_command, server.READY_PATH) as started:
        yield f"http://127.0.0.1:{started.port}{PATH}"


async def hammer(url: SplitResult, test_set: TestSet, tally: report.Tally, options: argparse.Namespace) -> float:
    """Send the requests and return the seconds for which they were under way.

    Raises:
        ServerError: No server answers at all.
    """
    with tqdm(total=options.count, unit="req", disable=options.print) as bar:

        def receive(answer: Answer) -> None:
            tally.add(answer)
            bar.update()
            if options.print:
                print(answer.body.decode(errors="replace"))

        load = Load(url, options.concurrency, receive)
        elapsed_s = 0.0
        try:
            for block in encode_blocks(url, test_set, options.count, options.variant):
                elapsed_s += await load.send(block)
        except OSError as error:
            raise ServerError(f"no server answers at {url.geturl()} ({error}); start one, or leave out --url") from None
        finally:
            load.close()
        return elapsed_s


def encode_blocks(url: SplitResult, test_set: TestSet, count: int, variant: str) -> Iterator[list[Upload]]:
    """Uploads of the test set, from its start again where `count` is larger, in blocks of BLOCK."""
    images, labels = test_set
    for start in range(0, count, BLOCK):
        indices = [number % len(images) for number in range(start, min(start + BLOCK, count))]
        yield [make_upload(url, index, images[index], int(labels[index]), variant) for index in indices]


def _url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as http://127.0.0.1:8000{PATH}")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
