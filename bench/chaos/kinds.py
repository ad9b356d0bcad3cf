"""The soak's mix: which kind of request comes how often."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

from bench.chaos.manners import make_manners
from bench.chaos.pages import make_pages
from bench.chaos.traffic import Ask
from bench.chaos.uploads import make_uploads

SHARES = {  # of each round
    "digit": 12_000,
    "digit, top=3": 1_000,
    "digit as a bare body": 1_000,
    "digit in JSON": 300,
    "digit to the leavers' model": 800,
    "damaged file": 1_500,
    "no PNG": 600,
    "odd form": 600,
    "unknown model": 300,
    "several files": 300,
    "picture of another sort": 120,
    "preview": 120,
    "large photo": 4,
    "page, metadata, health": 240,
    "metrics": 10,
    "pipeline": 300,
    "chunks": 300,
    "body in pieces": 120,
    "head in pieces": 60,
    "body that waits for 100": 60,
    "wish for HTTP/2": 60,
    # From here on, each takes a connection of its own.
    "short connection": 240,
    "HTTP/1.0": 40,
    "end of the client's side": 40,
    "not HTTP": 40,
    "head too large": 10,
    "body too large": 20,
    "leaves without a word": 40,
    "leaves within the head": 40,
    "leaves within the body": 120,
    "leaves after the request": 120,
}
CONNECTIONS = {
    "slow body": 2,
    "slow head": 1,
    "nothing for seconds": 1,
    "half a body for seconds": 1,
}  # that do no more


class Mix:
    """All kinds: in rounds, in which each has its share, and those that have connections of their own."""

    def __init__(self, seed: int = 0) -> None:
        asks: dict[str, list[Ask]] = {}
        for ask in itertools.chain(make_uploads(), make_pages(), make_manners()):
            asks.setdefault(ask.kind, []).append(ask)
        assert asks.keys() == SHARES.keys() | CONNECTIONS.keys()
        self.kinds = sorted(asks)
        self.round = [
            ask for kind, share in SHARES.items() for ask in itertools.islice(itertools.cycle(asks[kind]), share)
        ]
        Random(seed).shuffle(self.round)
        self._own = [asks[kind] for kind, count in CONNECTIONS.items() for _ in range(count)]

    def lanes(self, connections: int) -> list[Iterator[Ask]]:
        """What each connection sends, without end; most of them take their turns from the rounds."""
        own = [itertools.cycle(asks) for asks in self._own]
        return [*own, *[itertools.cycle(self.round)] * (connections - len(own))]
