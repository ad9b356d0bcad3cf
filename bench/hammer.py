"""`python -m bench`: the MNIST test set, or pictures of your own, to one server; accuracy, throughput and latency."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from tqdm import tqdm

from bench import folder, report, server
from bench.client import Answer, Load, run
from bench.errors import BenchError, ServerError
from bench.mnist import read_test_set
from bench.upload import VARIANTS, Upload, make_upload

MODEL = "mnist"
# Images are encoded this many ahead, or to this many bytes, while the clock stands still.
BLOCK, BLOCK_BYTES = 2000, 256 << 20


class TestSet(NamedTuple):
    """Pictures to send."""

    size: int
    make_upload: Callable[[SplitResult, int], Upload]  # of the picture with that number


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code is 1 when a request failed and 2 when there was nothing to measure."""
    options = parse(arguments)
    try:
        test_set = find_test_set(options)
        with served(options.url, options.model) as url:
            tally = report.Tally()
            elapsed_s = run(hammer(urlsplit(url), test_set, tally, options))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    figures = tally.figures(elapsed_s)
    report.print_table(figures)
    sent = {"images": str(options.images)} if options.images else {"variant": options.variant}
    print(json.dumps({"url": url, **sent, "concurrency": options.concurrency, **figures}))
    return 1 if tally.errors else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--url", type=_url, help="of a running server; without it, one is started and stopped")
    parser.add_argument("--model", default=MODEL, help="name of the model to ask, default %(default)s")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="of PNGs to send instead of MNIST; where they lie in sub-folders, these are named as their labels",
    )
    parser.add_argument("--concurrency", type=_count, default=16, help="connections, default %(default)s")
    parser.add_argument("--count", type=_count, help="requests, default one for each picture of the set")
    parser.add_argument("--variant", choices=VARIANTS, default="plain", help="of the images, default %(default)s")
    parser.add_argument("--data", type=Path, help="mnist.npz; else $MNIST_NPZ, else it is downloaded once")
    parser.add_argument("--print", action="store_true", help="print each answer")
    options = parser.parse_args(arguments)
    if options.images and (options.variant != "plain" or options.data):
        parser.error("--variant and --data are of MNIST; --images sends files as they are")
    return options


def find_test_set(options: argparse.Namespace) -> TestSet:
    """The pictures that the command line means.

    Raises:
        DataError: There are none.
    """
    if options.images:
        pictures = folder.find_pictures(options.images)
        return TestSet(len(pictures), lambda url, index: folder.make_upload(url, index, pictures[index]))
    images, labels = read_test_set(options.data)

    def make(url: SplitResult, index: int) -> Upload:
        return make_upload(url, index, images[index], int(labels[index]), options.variant)

    return TestSet(len(images), make)


@contextmanager
def served(url: str | None, model: str) -> Iterator[str]:
    """The model's address on the running server, or on one that runs meanwhile; a path in `url` is kept."""
    path = f"/{quote(model)}/classify"
    if url:
        yield url if urlsplit(url).path.strip("/") else url.rstrip("/") + path
        return
    with server.running(server.service_command, server.READY_PATH) as started:
        yield f"http://127.0.0.1:{started.port}{path}"


async def hammer(url: SplitResult, test_set: TestSet, tally: report.Tally, options: argparse.Namespace) -> float:
    """Send the requests and return the seconds for which they were under way.

    Raises:
        ServerError: No server answers at all.
    """
    count = options.count or test_set.size
    with tqdm(total=count, unit="req", disable=options.print) as bar:

        def receive(answer: Answer) -> None:
            tally.add(answer)
            bar.update()
            if options.print:
                print(answer.body.decode(errors="replace"))

        load = Load(url, options.concurrency, receive)
        elapsed_s = 0.0
        try:
            for block in encode_blocks(url, test_set, count):
                elapsed_s += await load.send(block)
        except OSError as error:
            raise ServerError(f"no server answers at {url.geturl()} ({error}); start one, or leave out --url") from None
        finally:
            load.close()
        return elapsed_s


def encode_blocks(url: SplitResult, test_set: TestSet, count: int) -> Iterator[list[Upload]]:
    """Uploads of the test set, from its start again where `count` is larger, in blocks of BLOCK."""
    block: list[Upload] = []
    size = 0
    for number in range(count):
        block.append(test_set.make_upload(url, number % test_set.size))
        size += len(block[-1].message)
        if len(block) == BLOCK or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme != "http" or not url.hostname:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as http://127.0.0.1:8000/{MODEL}/classify")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
