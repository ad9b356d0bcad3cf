"""`python -m bench`: the MNIST test set, or pictures of your own, to one server; accuracy, throughput and latency."""

from __future__ import annotations

import argparse
import http.client
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
from bench.options import count
from bench.upload import VARIANTS, Upload, make_upload

MODEL = "mnist"
INDEX_PATH = "/v2/repository/index"  # where this service tells what it serves
TIMEOUT_S = 10.0
# Images are encoded this many ahead, or to this many bytes, while the clock stands still.
BLOCK, BLOCK_BYTES = 2000, 256 << 20

EPILOG = """\
other forms, each with a --help of its own:
  python -m bench compare            this service beside other servers
  python -m bench compare --photos   the same on photographs
  python -m bench gpu                a GPU beside the CPU
  python -m bench chaos              bad input and bad luck; it says whether the service held

without HTTP, python -m bench.inprocess.NAME:
  decoding   milliseconds from a PNG to a model's view, beside OpenCV, Pillow and libvips
  trimming   microseconds to find what is drawn
  profiles   what it changes that colour profiles are not applied
  pipeline, inference, photos   parts of the comparisons above, which start them

exit status: 0 all requests were answered; 1 one failed; 2 there was nothing to measure; 130 interrupted
"""


class TestSet(NamedTuple):
    """Pictures to send."""

    size: int
    make_upload: Callable[[SplitResult, int], Upload]  # of the picture with that number
    labels: frozenset[str]  # all that there are; none where nobody knows them


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code is 1 when a request failed and 2 when there was nothing to measure."""
    options = parse(arguments)
    try:
        test_set = find_test_set(options)
        with served(options.url, options.model) as url:
            tally = report.Tally(test_set.labels)
            elapsed_s = run(hammer(urlsplit(url), test_set, tally, options))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    figures = tally.figures(elapsed_s)
    report.print_table(figures)
    if tally.find_nonsense():
        print(f"bench: no accuracy, for {tally.find_nonsense()}", file=sys.stderr)
    sent = {"images": str(options.images)} if options.images else {"variant": options.variant}
    print(json.dumps({"url": url, **sent, "concurrency": options.concurrency, **figures}))
    return 1 if tally.errors else 0


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, epilog=EPILOG, formatter_class=as_written
    )
    parser.add_argument("--url", type=_url, help="of a running server; without it, one is started and stopped")
    parser.add_argument("--model", help=f"name of the model to ask, default the only one, or {MODEL}")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="of PNGs to send instead of MNIST; where they lie in sub-folders, these are named as their labels",
    )
    parser.add_argument("--concurrency", type=count, default=16, help="connections, default %(default)s")
    parser.add_argument("--count", type=count, help="requests, default one for each picture of the set")
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
        labels = frozenset(picture.label for picture in pictures if picture.label is not None)
        return TestSet(len(pictures), lambda url, index: folder.make_upload(url, index, pictures[index]), labels)
    images, classes = read_test_set(options.data)

    def make(url: SplitResult, index: int) -> Upload:
        return make_upload(url, index, images[index], int(classes[index]), options.variant)

    return TestSet(len(images), make, frozenset("0123456789"))


@contextmanager
def served(url: str | None, model: str | None) -> Iterator[str]:
    """The model's address on the running server, or on one that runs meanwhile; a path in `url` is kept."""
    if url:
        yield url if urlsplit(url).path.strip("/") else find_route(url.rstrip("/"), model)
        return
    with server.running(server.service_command, server.READY_PATH) as started:
        yield find_route(f"http://127.0.0.1:{started.port}", model)


def find_route(url: str, model: str | None) -> str:
    """The address of the model on that server; without a name, of the only one or of MODEL.

    Raises:
        ServerError: There are several others, and the sentence names them.
    """
    if model is None:
        names = read_names(url)
        if len(names) > 1 and MODEL not in names:
            raise ServerError(f"the models at {url} are {', '.join(names)}; choose one with --model")
        model = names[0] if len(names) == 1 else MODEL
    return f"{url}/{quote(model)}/classify"


def read_names(url: str) -> list[str]:
    """Of the models that are served there; none where the server does not tell."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname or "", split.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request("POST", INDEX_PATH, b'{"ready": true}')
        return [str(entry["name"]) for entry in json.load(connection.getresponse())]
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
        return []
    finally:
        connection.close()


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
    try:
        is_good = url.scheme == "http" and url.hostname and url.port != 0
    except ValueError:  # a port that is no number, or too large a one
        is_good = False
    if not is_good:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as http://127.0.0.1:8000/{MODEL}/classify")
    return text
