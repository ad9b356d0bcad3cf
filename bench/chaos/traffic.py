"""What one client of the soak sends, what may come back for it, and how it behaves meanwhile."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

Bodies = Mapping[int, re.Pattern[bytes]]  # by status; what is not in it may not come


class Leaving(Enum):
    """How a client ends its connection by itself, one pause after it has sent its last piece."""

    NOT = "it stays"
    HALF = "it ends its side, and reads its answer"
    CLOSE = "it closes (FIN)"
    RESET = "it is gone at once (RST)"


class Expected(NamedTuple):
    """What may come back for one request, and where the server counts it."""

    route: str
    model: str
    bodies: Bodies
    images: int = 0  # that get a class, if the status is 200


class Ask(NamedTuple):
    """What goes out over a connection, in pieces; with one expectation for each request that is whole in it."""

    kind: str
    pieces: Sequence[bytes]
    expected: Sequence[Expected]
    pause_s: float = 0.0  # after each piece
    leaving: Leaving = Leaving.NOT


ERROR = re.compile(rb'\{"error": ".+"\}', re.DOTALL)
ANY_CLASS = re.compile(rb'\{"cls":\d,"fn":"[^"]*"\}')


def exact(text: bytes) -> re.Pattern[bytes]:
    """A body that is these bytes."""
    return re.compile(re.escape(text))


def start(text: bytes) -> re.Pattern[bytes]:
    """A body that begins with these bytes."""
    return re.compile(re.escape(text) + rb".*", re.DOTALL)


def good(body: re.Pattern[bytes], images: int = 1, model: str = "mnist") -> Expected:
    """Classes; or 503, when too much waits."""
    return Expected("classify", model, {200: body, 503: ERROR}, images)


def write_class(fn: str, top: bool = False) -> re.Pattern[bytes]:
    """The answer for a file that is named `index-class.png`."""
    label = fn.rpartition("-")[2][0]
    text = f'{{"cls":{label},"fn":"{fn}"'.encode()
    return start(text + b',"top":[[%b,' % label.encode()) if top else exact(text + b"}")


REFUSED = Expected("classify", "mnist", {404: ERROR, 503: ERROR})
