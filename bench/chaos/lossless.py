"""Load that counts what is lost: a request that was sent whole, and got no answer."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bench.chaos.serving import SAMPLE, make_request
from bench.client import Answer
from bench.generator import send_all
from bench.upload import Upload

CONNECTIONS = 32
NOT_SENT = b"the server is gone"  # the client's word for what it did not send


class Losses:
    """What came back under a load that goes on in a thread of its own."""

    def __init__(self) -> None:
        self.answers: Counter[int] = Counter()  # by status; 0 for none
        self.reasons: Counter[str] = Counter()
        self.stopped = threading.Event()

    def receive(self, answer: Answer) -> None:
        """Count one answer."""
        if answer.status == 0 and answer.body == NOT_SENT:
            return
        self.answers[answer.status] += 1
        if answer.status != 200:
            self.reasons[answer.body.decode(errors="replace")[:60]] += 1

    @property
    def lost(self) -> int:
        """Requests without an answer, or with a bad one."""
        return self.answers.total() - self.answers[200]


def uploads(keep_alive: bool) -> Iterator[Upload]:
    """The same small upload for ever, on connections that stay or one for each."""
    headers = b"" if keep_alive else b"Connection: close\r\n"
    return itertools.repeat(make_request([(SAMPLE.name, SAMPLE.read_bytes())], headers=headers))


@contextmanager
def load(port: int, keep_alive: bool, warm_s: float = 1.0, upload: Upload | None = None) -> Iterator[Losses]:
    """Load while the block runs, which begins when it has gone on for a moment; it ends by itself with the server."""
    losses = Losses()
    asks = itertools.repeat(upload) if upload else uploads(keep_alive)
    endless = itertools.takewhile(lambda _: not losses.stopped.is_set(), asks)

    def send() -> None:
        with suppress(OSError):
            send_all(port, endless, CONNECTIONS, losses.receive)

    thread = threading.Thread(target=send)
    thread.start()
    time.sleep(warm_s)
    try:
        yield losses
    finally:
        losses.stopped.set()
        thread.join(30)
