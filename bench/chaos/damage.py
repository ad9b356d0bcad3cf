"""Damaged uploads of all formats and kinds, a great many of them: the server lives, and keeps nothing of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

from tqdm import tqdm

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.photos import damaged_photos, large_photo, without_a_third
from bench.chaos.pictures import damaged_files, flat
from bench.chaos.serving import SAMPLE, count_statuses, get, make_request, settle, start
from bench.client import Answer
from bench.generator import send_all
from bench.upload import Upload

SHORT, LONG = 30_000, 1_000_000  # uploads
DISTINCT = 3_000  # files of each format
FORMATS = "png,jpeg,webp"
KEPT_MB = 20  # of memory, at most
SIDE = 5000  # of a picture whose pixels are 100 MB


def run(long: bool) -> Iterator[Finding]:
    """The trial; long takes a minute or two."""
    count = LONG if long else SHORT
    pngs = (("PNG", data) for _, data in damaged_files(DISTINCT))
    formats = zip(pngs, damaged_photos("JPEG", DISTINCT), damaged_photos("WEBP", DISTINCT), strict=True)
    uploads = [make_request([file]) for files in formats for file in files]
    good = make_request([(SAMPLE.name, SAMPLE.read_bytes())])
    with start(app="bench.inprocess.watched_app:app", SERVICE_FORMATS=FORMATS) as server:
        count_statuses(server.port, [*uploads, *[good] * 1000], 16)  # memory that is used once is not a leak
        before, references = settle(server, 1), get(server.port, "/watch")[1]["references_to_none"]
        statuses, seconds = send_counted(server.port, itertools.islice(itertools.cycle(uploads), count), count)
        yield told("damaged uploads", f"{count:,} in {seconds:.0f} s")
        others = {kind: count for kind, count in statuses.items() if kind[1] not in (200, 404)}
        yield exactly("answers that are neither 404 nor 200", sum(others.values()), 0)
        for kind in ("PNG", "JPEG", "WEBP"):
            good_share = statuses[kind, 200] / max(1, statuses[kind, 200] + statuses[kind, 404])
            yield told(f"{kind}: 200, where the damage leaves the pixels readable", f"{good_share:.1%}")
        drift = abs(get(server.port, "/watch")[1]["references_to_none"] - references)
        yield at_most("references to None, drift", drift, 50)
        yield at_most("memory kept", settle(server) - before, KEPT_MB, "MB")
        large = {  # as viewers do, libjpeg makes grey what is missing
            "PNG": (flat((SIDE, SIDE), colour_type=6, broken=True), 404),
            "JPEG": (
                without_a_third(large_photo("JPEG", SIDE)),
                200,
            ),
            "WEBP": (without_a_third(large_photo("WEBP", SIDE)), 404),
        }
        for kind, (data, status) in large.items():
            upload = make_request([(kind, data)])
            count_statuses(server.port, [upload] * 2, 1)
            before = settle(server)
            answers = dict(count_statuses(server.port, [upload] * 12, 4))
            yield exactly(f"12 damaged files of {SIDE}x{SIDE}, {kind}", answers, {status: 12})
            yield at_most("memory kept of them", settle(server) - before, KEPT_MB, "MB")
        yield exactly("a good file afterwards", dict(count_statuses(server.port, [good], 1)), {200: 1})


def send_counted(port: int, uploads: Iterator[Upload], count: int) -> tuple[Counter[tuple[str, int]], float]:
    """How often each format got each status, and seconds; with a progress bar."""
    statuses: Counter[tuple[str, int]] = Counter()
    with tqdm(total=count, unit="req", delay=2, disable=None) as bar:

        def receive(answer: Answer) -> None:
            statuses[answer.upload.fn, answer.status] += 1
            bar.update()

        seconds = send_all(port, uploads, 16, receive)
    return statuses, seconds
