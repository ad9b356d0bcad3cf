"""How other servers end under load: SIGTERM, and what was sent whole and got no answer. Builds their environments."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from bench.candidates import CANDIDATES
from bench.chaos.goals import Finding, told
from bench.chaos.lossless import load
from bench.chaos.serving import SAMPLE
from bench.rounds import Plan, start
from bench.server import ROOT
from bench.upload import Upload, multipart, post

PEERS = ("starlette", "litserve", "mosec")
SHORT, LONG = 3, 10  # ends of each kind


def run(long: bool) -> Iterator[Finding]:
    """The trial; these are not ours, so there is no goal."""
    plan = Plan("python", [], 0.0, ROOT / "models", 0, 1)
    for candidate in CANDIDATES:
        for keep_alive in (True, False) if candidate.name in PEERS else ():
            answers: Counter[int] = Counter()
            for _ in range(LONG if long else SHORT):
                upload = make_upload(candidate.form, candidate.path, keep_alive)
                with start(candidate, plan) as server, load(server.port, keep_alive, upload=upload) as losses:
                    server.process.send_signal(signal.SIGTERM)
                    server.process.wait(60)
                    time.sleep(1.2)
                answers += losses.answers
            kind = "keep-alive" if keep_alive else "a connection for each"
            others = {status: count for status, count in answers.items() if status not in (0, 200)}
            yield told(f"SIGTERM, {candidate.title}, {kind}: without an answer of {answers.total():,}", answers[0])
            yield told(f"SIGTERM, {candidate.title}, {kind}: with a status other than 200", others)


def make_upload(form: str, path: str, keep_alive: bool) -> Upload:
    """The sample as a peer takes it."""
    png = SAMPLE.read_bytes()
    kind, body = multipart(png, SAMPLE.name) if form == "multipart" else (b"image/png", png)
    headers = b"" if keep_alive else b"Connection: close\r\n"
    return Upload(SAMPLE.name, 7, post(urlsplit(f"http://127.0.0.1{path}"), kind, body, headers))
