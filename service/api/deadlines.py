"""Until when a request is worth an answer: the service's deadline, or the earlier one that its client names."""

from __future__ import annotations

import re

from service.errors import UploadError

HEADER = b"x-request-timeout"  # seconds, as most proxies and clients that send one write it
timeout = re.compile(rb"\d{1,9}(\.\d{1,9})?[ \t]*")  # the parser leaves spaces at the end


def read_deadline(began: int, longest_ns: int, asked: bytes) -> int:
    """When it is too late for an answer to a request that began then; both are time.perf_counter_ns().

    `asked` is the header's value, empty where there is none.

    Raises:
        UploadError: It is no number of seconds.
    """
    if not asked:
        return began + longest_ns
    if timeout.fullmatch(asked) is None:
        shown = asked[:20].decode("latin-1")
        raise UploadError(f"{HEADER.decode()} is {shown!r}; it must be seconds such as 0.5")
    return began + min(longest_ns, int(float(asked) * 1e9))
