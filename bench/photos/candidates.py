"""Who is compared: this service, and each peer twice, with this service's decoder and filter and as people write it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.candidates import CANDIDATES, SERVICE, Candidate
from bench.photos.model import NAME
from bench.server import ROOT

PATH = f"/{NAME}/classify"
PEERS = ("mosec", "starlette", "litserve", "bentoml")
WAYS = {"service": "our decoder", "pillow": "Pillow"}
# Nobody is refused, as nobody is by the peers; and a gigabyte of uploads may wait.
SETTINGS = (
    ("SERVICE_FORMATS", "png,jpeg"),
    ("SERVICE_MAX_WAIT_S", "600"),
    ("SERVICE_MAX_HELD_BYTES", str(1 << 30)),
)
ONE = Candidate("service", "this service", SERVICE, PATH, "/v2/health/ready", environment=SETTINGS)


def list_candidates() -> Iterator[Candidate]:
    """All of them, in the order of the table."""
    yield ONE
    by_name = {candidate.name: candidate for candidate in CANDIDATES}
    for way, words in WAYS.items():
        # A peer's environment has what the decoder needs; the project's root is where it is found.
        environment = ("BENCH_PREPARE", way), ("PYTHONPATH", str(ROOT))
        for name in PEERS:
            peer = by_name[name]
            yield replace(peer, name=f"{name}-{way}", title=f"{peer.title}, {words}", environment=environment)
    yield replace(by_name["pytriton"], title="Triton through PyTriton, which gets pixels of 224x224")
    yield replace(ONE, name="two-cores", title="this service, one worker on two cores", cores=2)
    two = SERVICE + " --workers 2"
    yield replace(
        ONE, name="two-workers", title="this service, two workers on two cores", command=two, workers=2, cores=2
    )
