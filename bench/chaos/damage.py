"""Damaged uploads of all kinds and colour types, a great many of them: the server lives, and keeps nothing of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from tqdm import tqdm

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.pictures import damaged_files, flat
from bench.chaos.serving import SAMPLE, count_statuses, get, make_request, send_all, settle, start
from bench.client import Answer
from bench.upload import Upload

SHORT, LONG = 30_000, 1_000_000  # uploads
DISTINCT = 3_000
KEPT_MB = 20  # of memory, at most
SIDE = 5000  # of a picture whose pixels are 100 MB


def run(long: bool) -> Iterator[Finding]:
    """The trial; long takes a minute or two."""
    count = LONG if long else SHORT
    files = list(damaged_files(DISTINCT))
    uploads = [make_request([(kind, data)]) for kind, data in files]
    good = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
    with start(app="bench.inprocess.watched_app:app") as server:
        count_statuses(server.port, [*uploads, *[good] * 1000], 16)  # memory that is used once is not a leak
        before, references = settle(server, 1), get(server.port, "/watch")[1]["references_to_none"]
        statuses, seconds = send_counted(server.port, itertools.islice(itertools.cycle(uploads), count), count)
        yield told("damaged uploads", f"{count:,} in {seconds:.0f} s")
        yield exactly("answers that are neither 404 nor 200", sum(statuses.values()) - statuses[404] - statuses[200], 0)
        yield told("of them 200, where the damage leaves the pixels readable", f"{statuses[200]:,}")
        drift = abs(get(server.port, "/watch")[1]["references_to_none"] - references)
        yield at_most("references to None, drift", drift, 50)
        yield at_most("memory kept", settle(server) - before, KEPT_MB, "MB")
        large = make_request([("large.png", flat((SIDE, SIDE), colour_type=6, broken=True))])
        count_statuses(server.port, [large] * 2, 1)
        before = settle(server)
        yield exactly(
            f"12 damaged files of {SIDE}x{SIDE} RGBA", dict(count_statuses(server.port, [large] * 12, 4)), {404: 12}
        )
        yield at_most("memory kept of them", settle(server) - before, KEPT_MB, "MB")
        yield exactly("a good file afterwards", dict(count_statuses(server.port, [good], 1)), {200: 1})


def send_counted(port: int, uploads: Iterator[Upload], count: int) -> tuple[Counter[int], float]:
    """Statuses and seconds, with a progress bar."""
    statuses: Counter[int] = Counter()
    with tqdm(total=count, unit="req", delay=2, disable=None) as bar:

        def receive(answer: Answer) -> None:
            statuses[answer.status] += 1
            bar.update()

        seconds = send_all(port, uploads, 16, receive)
    return statuses, seconds
