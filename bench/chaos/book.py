"""What the soak's clients have seen, beside what the server has counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from bench.chaos.traffic import Ask

SERIES = re.compile(r'service_requests_total\{model="(.*)",route="(.*)",status="(\d+)"\}')


class Series(NamedTuple):
    """One count of the server's, of answers."""

    route: str
    model: str
    status: int


class Book:
    """Counts answers, and those who left before theirs came."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()  # requests that are done: answered, left, or lost
        self.answers: Counter[Series] = Counter()
        self.left = 0
        self.perhaps: Counter[Series] = Counter()  # answers to those who left, which may be counted
        self.images: Counter[str] = Counter()  # that surely got a class, by model
        self.wrong: Counter[str] = Counter()  # answers that the contract does not allow, and how they look
        self.lost: Counter[str] = Counter()  # connections that ended before an answer, and why

    def answer(self, ask: Ask, place: int, status: int, body: bytes) -> None:
        """Judge and count the answer to the request at that place of its pipeline."""
        expected = ask.expected[place]
        pattern = expected.bodies.get(status)
        if pattern is None or pattern.fullmatch(body) is None:
            self.wrong[f"{ask.kind}: {status} {body[:200]!r}"] += 1
        self.answers[Series(expected.route, expected.model, status)] += 1
        if status == 200:
            self.images[expected.model] += expected.images

    def leave(self, ask: Ask, place: int) -> None:
        """Count who left with the requests from that place on sent, but not answered."""
        for expected in ask.expected[place:]:
            self.left += 1
            self.perhaps.update(Series(expected.route, expected.model, status) for status in expected.bodies)

    def find_miscounts(self, counted: Mapping[Series, int]) -> list[str]:
        """What the server has counted otherwise; it may have counted some of those who left."""
        most = self.answers + self.perhaps
        found = []
        for series in sorted({*counted, *most}):
            least, count = self.answers[series], counted.get(series, 0)
            if not least <= count <= most[series]:
                wanted = f"{least}" if least == most[series] else f"{least} to {most[series]}"
                found.append(f"{' '.join(map(str, series))}: {count} for {wanted}")
        return found


def read_series(metrics: Mapping[str, float]) -> Counter[Series]:
    """The server's counts of answers, from all of its metrics."""
    matches = ((SERIES.fullmatch(name), value) for name, value in metrics.items())
    return Counter({Series(match[2], match[1], int(match[3])): int(value) for match, value in matches if match})
