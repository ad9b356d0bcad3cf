"""Who is compared, and how each is started: this service, the floor, and the peers of `bench/peers`.

Every server has one core and one worker, one ONNX Runtime thread, no access log, and the batching settings that served
it best; what was tried is in `bench/LOG.md`. A peer's script pins what it needs in its header (PEP 723).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One server."""

    name: str
    title: str
    command: str  # words, with {bin}: the environment's programs, {peers}: bench/peers, {port}
    path: str = "/mnist/classify"  # of the endpoint
    ready_path: str = "/ready"
    form: str = "multipart"  # what it takes: multipart, png (the bare file) or tensor (decoded pixels)
    script: str = ""  # in bench/peers; none means the environment in which this command runs
    workers: int = 1
    cores: int = 1
    constant: bool = False  # its answers are not the model's
    environment: Sequence[tuple[str, str]] = ()  # variables of its own
    loads_libpython: bool = False  # it must find this interpreter's own libpython3.x.so, not the system's


SERVICE = "{bin}/python -m service --port {port}"
PLAIN = "{bin}/python -m uvicorn service:app --no-access-log --port {port}"

CANDIDATES = (
    Candidate("service", "this service, `make serve`", SERVICE, ready_path="/v2/health/ready"),
    Candidate(
        "protocol",
        "this service, uvicorn with its protocol class",
        PLAIN + " --http service.server:Protocol",
        ready_path="/v2/health/ready",
    ),
    Candidate("plain", "this service, plain uvicorn (ASGI)", PLAIN, ready_path="/v2/health/ready"),
    Candidate(
        "floor",
        "uvicorn answering a constant",
        "{bin}/python -m uvicorn --app-dir {peers} floor_server:app --no-access-log --port {port}",
        constant=True,
    ),
    Candidate(
        "mosec",
        "mosec, batching",
        "{bin}/python {peers}/mosec_server.py --port {port} --log-level error",
        path="/inference",
        ready_path="/",
        form="png",
        script="mosec_server.py",
    ),
    Candidate(
        "starlette",
        "plain Starlette handler",
        "{bin}/python -m uvicorn --app-dir {peers} starlette_server:app --no-access-log --port {port}",
        script="starlette_server.py",
    ),
    Candidate(
        "pytriton",
        "Triton through PyTriton",
        "{bin}/python {peers}/pytriton_server.py {port}",
        path="/v2/models/mnist/infer",
        ready_path="/v2/models/mnist/ready",
        form="tensor",
        script="pytriton_server.py",
        loads_libpython=True,
    ),
    Candidate(
        "tensors",
        "this service, tensors as Triton takes them",
        SERVICE,
        path="/v2/models/mnist/infer",
        ready_path="/v2/health/ready",
        form="tensor",
    ),
    Candidate(
        "litserve",
        "LitServe, batching",
        "{bin}/python {peers}/litserve_server.py {port}",
        path="/predict",
        ready_path="/health",
        script="litserve_server.py",
    ),
    Candidate(
        "bentoml",
        "BentoML",
        "{bin}/bentoml serve bentoml_server:Classifier --working-dir {peers} --port {port}",
        path="/classify",
        ready_path="/readyz",
        script="bentoml_server.py",
    ),
    Candidate(
        "ancestor",
        "Flask and Keras predict",
        "{bin}/gunicorn --chdir {peers} --threads 4 --bind 127.0.0.1:{port} ancestor_server:app",
        script="ancestor_server.py",
    ),
    Candidate(
        "two-workers",
        "this service, two workers on two cores",
        SERVICE + " --workers 2",
        ready_path="/v2/health/ready",
        workers=2,
        cores=2,
    ),
)
