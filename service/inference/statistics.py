"""What happens, counted: plain numbers, written by the event loop's thread only, read by /metrics."""

from __future__ import annotations

from collections import Counter


class Statistics:
    """The counts of one model since the service started."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()  # answers by HTTP status
        self.images = 0  # that were classified
        self.batches: Counter[int] = Counter()  # runs by their number of images
        self.decode_s = 0.0  # all requests' time from body to pixels
        self.queue_s = 0.0  # all images' time from pixels to the start of their run
        self.run_s = 0.0  # all runs' time
        self.failures = 0  # runs
