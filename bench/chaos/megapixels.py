"""A photograph of a hundred million pixels: answered within the memory and the time that its pixels and libpng take."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np

from bench.chaos.goals import Finding, at_most, exactly, told
from bench.chaos.serving import MB, SAMPLE, count_statuses, make_request, resident_mb, settle, start_service
from bench.photos.pictures import encode, mosaic
from bench.server import Server
from bench.upload import Upload

SIDE = 10_000
MOST = {  # of pixels and bytes, by setting
    "SERVICE_MAX_PIXELS": SIDE * SIDE,
    "SERVICE_MAX_BODY_BYTES": 250_000_000,
    "SERVICE_MAX_HELD_BYTES": 500_000_000,
}
SHORT, LONG = 2, 8  # requests, one after the other
MEMORY, LESS, TIME = 1.5, 1.0, 1.3  # times the pixels, times the pixels at best, times the decoder


def run(long: bool) -> Iterator[Finding]:
    """The trial; long sends it more often."""
    file = encode(mosaic(SIDE, SIDE), "PNG", compress_level=3)
    pixels_mb = SIDE * SIDE * 3 / MB
    yield told(f"a photograph of {SIDE}x{SIDE}, RGB: the file, its pixels", f"{len(file) / MB:.0f}, {pixels_mb:.0f} MB")
    decoder_s = min(time_decoder(file) for _ in range(2))
    yield told("libpng (OpenCV) alone, whole", f"{decoder_s:.2f} s")
    small, large = make_request([(SAMPLE.name, SAMPLE.read_bytes())]), make_request([("a.png", file)])
    with start_service(descriptors=0, **{name: str(value) for name, value in MOST.items()}) as server:
        count_statuses(server.port, [small] * 500, 2)
        before = settle(server, 2)
        seconds, peak_mb, statuses = send(server, large, LONG if long else SHORT)
        yield exactly("answers", statuses, {200: LONG if long else SHORT})
        yield at_most("peak memory beyond an idle server's, times the pixels", (peak_mb - before) / pixels_mb, MEMORY)
        yield told("… of which the upload is", f"{len(file) / MB / pixels_mb:.2f}")
        yield told(f"… below {LESS:g}, the stretch", peak_mb - before < LESS * pixels_mb)
        yield at_most("from the request to its answer, times the decoder's time", seconds / decoder_s, TIME, timed=True)
        yield at_most("memory kept", settle(server) - before, 20, "MB")
        yield exactly("a small file afterwards", dict(count_statuses(server.port, [small], 1)), {200: 1})


def time_decoder(file: bytes) -> float:
    """Seconds of libpng for the whole file."""
    started = time.perf_counter()
    assert cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB) is not None
    return time.perf_counter() - started


def send(server: Server, large: Upload, count: int) -> tuple[float, float, dict[int, int]]:
    """The shortest time of one, the highest memory meanwhile, and the statuses."""
    done, peak = threading.Event(), [0.0]

    def weigh() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], resident_mb(server))

    thread = threading.Thread(target=weigh)
    thread.start()
    shortest, statuses = np.inf, dict[int, int]()
    for _ in range(count):
        started = time.perf_counter()
        for status, times in count_statuses(server.port, [large], 1).items():
            statuses[status] = statuses.get(status, 0) + times
        shortest = min(shortest, time.perf_counter() - started)
    done.set()
    thread.join()
    return shortest, peak[0], statuses
