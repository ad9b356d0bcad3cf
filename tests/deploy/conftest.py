"""A service with two workers, used, and a Prometheus that scrapes it with the configuration in deploy/."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

FOLDER = Path("deploy/prometheus")
GOOD, BAD = Path("imgs/0-7.png"), Path("LICENSE")
CONNECTIONS = 8  # that Prometheus scrapes by, so that hardly ever all of them end at the same worker
FIRST, LATER = 16, 4  # rounds of requests before and after the first scrape that is looked at
SERVICE_AT = re.compile(r"Uvicorn running on (http://\S+)")
PROMETHEUS_AT = re.compile(r'"Listening on".*?address=(\S+)')
TIMEOUT_S = 60


class Started(NamedTuple):
    """Addresses of what may not be ready yet, without a slash at their end."""

    service: str
    prometheus: str  # empty where it is not installed


class Prometheus(NamedTuple):
    """A Prometheus that runs."""

    url: str
    since: float  # time.time() when it had seen the first use of the service, and nothing later

    def get(self, path: str, **parameters: str) -> Any:
        """The data that its HTTP API answers with."""
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def query(self, expression: str, **parameters: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values of what the expression gives now, or at another `time`."""
        found = self.get("query", query=expression, **parameters)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Both, side by side, because each takes seconds to start."""
    folder = tmp_path_factory.mktemp("monitoring")
    serve = [sys.executable, "-m", "service", "--port", "0", "--workers", "2"]
    with running(folder / "service.log", SERVICE_AT, *serve) as service:
        program = shutil.which("prometheus")
        if program is None:
            yield Started(service, "")
            return
        files = [f"--config.file={configure(folder, service)}", f"--storage.tsdb.path={folder / 'data'}"]
        listen = "--web.listen-address=127.0.0.1:0"
        with running(folder / "prometheus.log", PROMETHEUS_AT, program, *files, listen) as prometheus:
            yield Started(service, f"http://{prometheus}")


@pytest.fixture(scope="session")
def service(started: Started) -> str:
    """Address of the service, when both workers are ready and it has been used."""
    # /v2/health/ready speaks of the workers that have begun, which at first may be one of two.
    wait_for(lambda: "service_workers_ready 2.0" in httpx.get(f"{started.service}/metrics", timeout=TIMEOUT_S).text)
    assert httpx.get(f"{started.service}/v2/health/ready").status_code == 200
    use(started.service, FIRST)
    return started.service


@pytest.fixture(scope="session")
def prometheus(started: Started, service: str) -> Prometheus:
    """It has seen what `service` was used for, and then that it was used again."""
    find_program("prometheus")
    client = Prometheus(started.prometheus, 0)

    def has_seen(images: int, since: float = 0) -> bool:
        expression = f"service_images_total == {images} and timestamp(service_images_total) > {since}"
        return len(client.query(expression)) == CONNECTIONS

    wait_for(lambda: has_seen(expected_images(FIRST)))
    client = client._replace(since=time.time())
    wait_for(lambda: has_seen(expected_images(FIRST), client.since))
    use(service, LATER)
    wait_for(lambda: has_seen(expected_images(FIRST + LATER)))
    return client


def find_program(name: str) -> str:
    """Path of a program; the test is skipped where it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is missing; on Debian and Ubuntu it is in the package prometheus")
    return path


def wait_for(holds: Callable[[], object]) -> None:
    """Wait until that is so."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def running(log: Path, address: re.Pattern[str], *command: str) -> Iterator[str]:
    """Run a server; gives the address that its log names."""
    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            wait_for(lambda: address.search(log.read_text()) or process.poll() is not None)
            found = address.search(log.read_text())
            assert found, log.read_text()
            yield found[1]
        finally:
            process.terminate()
            process.wait(30)


def configure(folder: Path, service: str) -> Path:
    """The committed configuration, quicker and for this service, with more jobs: each has a connection of its own."""
    target = service.removeprefix("http://")
    text = (FOLDER / "prometheus.yml").read_text()
    for committed, here in (("15s", "500ms"), ("127.0.0.1:8000", target)):
        assert committed in text
        text = text.replace(committed, here)
    for number in range(2, CONNECTIONS + 1):
        text += f'  - job_name: connection-{number}\n    static_configs: [{{targets: ["{target}"]}}]\n'
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(FOLDER / "alerts.yml", folder)
    return folder / "prometheus.yml"


def use(service: str, rounds: int) -> None:
    """Ask what is right and what is wrong, each on a connection of its own, so that both workers are asked."""
    good, bad = ("file", GOOD.read_bytes()), ("file", BAD.read_bytes())
    with httpx.Client(base_url=service, timeout=30, headers={"connection": "close"}) as client:
        for _ in range(rounds):
            answers = [
                client.post("/mnist/classify", files=[good]),
                client.post("/mnist/classify", files=[good, good]),
                client.post("/mnist/classify", files=[bad]),
                client.post("/unknown/classify", files=[good]),
                client.post("/mnist/input", files=[good]),
                client.get("/no/such/path"),
            ]
            assert [answer.status_code for answer in answers] == [200, 200, 404, 404, 200, 404]


def expected_images(rounds: int) -> int:
    """How many images `use` has classified."""
    return 3 * rounds


def expected_requests(rounds: int) -> Counter[tuple[str, str, str]]:
    """How `use` is counted: by route, model and status."""
    counts = Counter({("classify", "mnist", "200"): 2 * rounds, ("input", "", "200"): rounds})
    counts += Counter(
        {("classify", "mnist", "404"): rounds, ("classify", "", "404"): rounds, ("none", "", "404"): rounds}
    )
    return counts
