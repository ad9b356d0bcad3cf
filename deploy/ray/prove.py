"""Ray Serve on one machine as several, under load; docs/scale.md has the results.

`python -m deploy.ray.prove loss` rolls a version, drains a replica and kills a raylet, and says what was lost;
`python -m deploy.ray.prove nginx` does so with services behind nginx; `python -m deploy.ray.prove cost` measures both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray
from ray import serve
from ray.cluster_utils import Cluster

from bench import client, folder, generator, processes, server
from bench.machine import describe_machine
from bench.upload import Upload
from deploy.ray.serving import build

CONNECTIONS = 16  # of a measurement
QUEUE = 32  # connections of the load, for which Ray wants two replicas of 16 requests each
PATIENCE_S = 90
PAUSE_S = 3  # of load after each event
MODEL = Path("models/mnist")
NGINX = Path("deploy/nginx.conf")
NGINX_MAIN = """daemon off; master_process off; pid nginx.pid; error_log stderr; events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{site} }}"""


def main() -> int:
    """Run one proof; the status is 1 where more was lost than the killed process had in work."""
    parser = argparse.ArgumentParser("python -m deploy.ray.prove", description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("loss", "nginx", "cost"))
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement of the cost, default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each candidate, default %(default)s")
    parser.add_argument("--only", default="", help="candidates whose name begins so")
    options = parser.parse_args()
    print(json.dumps(describe_machine()))
    if options.what != "cost":
        return prove_loss() if options.what == "loss" else prove_nginx()
    measure_costs(options.seconds, options.rounds, options.only)
    return 0


def prove_loss() -> int:
    """One load, and what happens to it, event by event."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as ends:
        models = copy_models(scratch)
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        ends.callback(cluster.shutdown)
        nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
        ray.init(cluster.address, log_to_driver=False)
        ends.callback(ray.shutdown)
        port = server.free_port()
        serve.start(http_options={"port": port, "location": "HeadOnly"})
        ends.callback(serve.shutdown)
        run_replicas(2)
        load = Load(port)
        ends.callback(load.end)
        load.during("nothing else", lambda: None)
        load.during("a version rolled", lambda: roll(models, port))
        load.during("a replica drained", lambda: run_replicas(1))
        load.during("a replica added, by what is queued", lambda: run_replicas(1, 2))
        load.during("a raylet killed", lambda: kill_raylet(nodes[0]))
        load.during("a node in its place", lambda: add_node(cluster))
        return 0 if load.lost_only("a raylet killed") else 1


def prove_nginx() -> int:
    """The same with three services behind nginx."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as ends:
        models = copy_models(scratch)
        services = [ends.enter_context(run_service(1)) for _ in range(3)]
        proxy = ends.enter_context(run_nginx(services))
        load = Load(proxy.port)
        ends.callback(load.end)
        load.during("nothing else", lambda: None)
        load.during("a version rolled", lambda: roll(models, proxy.port))
        load.during("a service ended", lambda: end(services[0]))
        load.during("a service killed", lambda: processes.kill(processes.family(services[1].process.pid)))
        return 0 if load.lost_only("") else 1


def copy_models(scratch: str) -> Path:
    """A models folder that may be changed, which all that is started from here on serves."""
    shutil.copytree(MODEL / "1", Path(scratch) / "mnist/1")
    os.environ["SERVICE_MODELS"] = scratch
    return Path(scratch)


def end(service: server.Server) -> None:
    """SIGTERM, and wait."""
    service.process.terminate()
    service.process.wait(PATIENCE_S)


class Load:
    """Digits over keep-alive connections, until the end; every answer must be right."""

    def __init__(self, port: int) -> None:
        self.answers: dict[str, Counter[str]] = {}
        self._phase, self._ends = "", False
        self._load = client.Load(urlsplit(f"http://127.0.0.1:{port}"), QUEUE, self._receive)
        self._thread = threading.Thread(target=lambda: client.run(self._load.send(self._uploads(digits(port)))))

    def during(self, phase: str, work: Callable[[], object]) -> None:
        """Do something, go on for a moment, and say what became of the requests meanwhile."""
        self.answers[phase] = Counter()
        self._phase = phase
        if not self._thread.is_alive():
            self._thread.start()
        started = time.monotonic()
        work()
        took_s = time.monotonic() - started
        time.sleep(PAUSE_S)
        print(f"{phase} ({took_s:.1f} s): {dict(self.answers[phase])}", flush=True)

    def lost_only(self, phase: str) -> bool:
        """Whether every answer was right but for those in that phase, of which no more are lost than were under way."""
        bad = {name: sum(counts.values()) - counts["right"] for name, counts in self.answers.items()}
        return all(count <= (QUEUE if name == phase else 0) for name, count in bad.items())

    def end(self) -> None:
        """Answer what is under way, then stop."""
        self._ends = True
        self._thread.join()

    def _uploads(self, uploads: list[Upload]) -> Iterator[Upload]:
        while not self._ends:
            yield from uploads

    def _receive(self, answer: client.Answer) -> None:
        right = answer.status == 200 and json.loads(answer.body)["cls"] == int(answer.upload.fn[-5])
        self.answers[self._phase]["right" if right else f"{answer.status} {answer.body[:80]!r}"] += 1


def digits(port: int) -> list[Upload]:
    """Uploads of MNIST's test set, each with its class as the last letter of its name."""
    url = urlsplit(f"http://127.0.0.1:{port}/mnist/classify")
    files = sorted(Path("imgs").glob("[1-5][0-9]-?.png"))
    return [folder.make_upload(url, 0, folder.Picture(file, None)) for file in files]


def run_replicas(least: int, most: int | None = None) -> None:
    """Deploy as `serve run` does, and wait until there are as many replicas as there may be, and no other."""
    serve.run(build({"min_replicas": least, "max_replicas": most or least}))
    wait_for_replicas(most or least)


def wait_for_replicas(count: int) -> None:
    """Wait until there are so many, and no other."""
    wait_until(lambda: read_replicas() == {"RUNNING": count})


def read_replicas() -> dict[str, int]:
    """How many replicas are in which state."""
    return dict(serve.status().applications["default"].deployments["Service"].replica_states)


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until that is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE_S} s: {serve.status()}")
        time.sleep(0.1)


def roll(models: Path, port: int) -> None:
    """Put version 2 beside version 1, and wait until every replica serves it."""
    shutil.copytree(models / "mnist/1", models / "mnist/2")

    def is_everywhere() -> bool:
        return all(read_version(port) == "2" for _ in range(20))  # of one replica or the other

    wait_until(is_everywhere)


def read_version(port: int) -> str:
    """What one replica serves."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/mnist") as answer:
        version: str = json.load(answer)["versions"][0]
        return version


def add_node(cluster: Cluster) -> None:
    """Another raylet, and wait until it has a replica."""
    cluster.add_node(num_cpus=1)
    wait_for_replicas(2)


def kill_raylet(node: Any) -> None:
    """SIGKILL, by which its replica dies too; wait until Ray has seen it."""
    os.kill(node.all_processes["raylet"][0].process.pid, signal.SIGKILL)
    wait_until(lambda: read_replicas() != {"RUNNING": 2})


def measure_costs(seconds: float, rounds: int, only: str) -> None:
    """Each candidate in turn, several times, with one connection and with many."""
    candidates = {
        "the service": partial(serve_behind_nothing, 1),
        "the service, 2 workers": partial(serve_behind_nothing, 2),
        "nginx, 1 service": partial(serve_behind_nginx, 1),
        "nginx, 2 services": partial(serve_behind_nginx, 2),
        "Ray, 1 replica": partial(serve_by_ray, 1),
        "Ray, 2 replicas": partial(serve_by_ray, 2),
    }
    cores = os.sched_getaffinity(0)
    for number in range(rounds):
        for name, start in candidates.items():
            if not name.startswith(only):
                continue
            with start() as (port, read_cpu):
                uploads = digits(port)
                generator.measure("wrk", port, uploads, CONNECTIONS, 2, cores)
                for connections in (1, CONNECTIONS):
                    before = read_cpu()
                    done = generator.measure("wrk", port, uploads, connections, seconds, cores)
                    used_s = {part: cpu_s - before[part] for part, cpu_s in read_cpu().items()}
                    spent = {part: round(cpu_s / done.requests * 1e3, 3) for part, cpu_s in used_s.items()}
                    row = {"round": number, "candidate": name, "connections": connections}
                    figures = {"requests/s": round(done.requests_per_s), "p50 ms": done.percentile_ms(50)}
                    print(json.dumps({**row, **figures, "p99 ms": done.percentile_ms(99), "CPU ms": spent}), flush=True)


Served = Iterator[tuple[int, Callable[[], dict[str, float]]]]  # a port, and CPU seconds so far of each part


@contextmanager
def serve_behind_nothing(workers: int) -> Served:
    """The service as it is."""
    with run_service(workers) as started:
        yield started.port, lambda: {"service": processes.read_usage(started.process.pid).cpu_s}


@contextmanager
def serve_behind_nginx(services: int) -> Served:
    """So many services, and nginx before them."""
    with ExitStack() as ends:
        started = [ends.enter_context(run_service(1)) for _ in range(services)]
        proxy = ends.enter_context(run_nginx(started))

        def read_cpu() -> dict[str, float]:
            behind = sum(processes.read_usage(each.process.pid).cpu_s for each in started)
            return {"service": behind, "nginx": processes.read_usage(proxy.process.pid).cpu_s}

        yield proxy.port, read_cpu


@contextmanager
def run_service(workers: int) -> Iterator[server.Server]:
    """`python -m service`."""

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "service", "--port", str(port), "--workers", str(workers)]

    with server.running(command, server.READY_PATH) as started:
        yield started


@contextmanager
def run_nginx(services: list[server.Server]) -> Iterator[server.Server]:
    """Our nginx.conf without TLS, since Ray has none here, and with an upstream for each service."""
    with tempfile.TemporaryDirectory() as scratch:
        upstreams = " ".join(f"server 127.0.0.1:{service.port};" for service in services)
        site = NGINX.read_text().replace("server 127.0.0.1:8000;", upstreams)
        site = "\n".join(line for line in site.splitlines() if "ssl_certificate" not in line)

        def command(port: int) -> list[str]:
            listens = site.replace("listen 443 ssl http2", f"listen 127.0.0.1:{port}")
            (Path(scratch) / "nginx.conf").write_text(NGINX_MAIN.format(site=listens))
            return ["nginx", "-p", scratch, "-c", "nginx.conf", "-e", "stderr"]

        with server.running(command, server.READY_PATH) as proxy:
            yield proxy


@contextmanager
def serve_by_ray(replicas: int) -> Served:
    """Ray on this machine, with one proxy."""
    port = server.free_port()
    ray.init(num_cpus=replicas, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(http_options={"port": port})
        run_replicas(replicas)
        yield port, read_cpu_of_ray
    finally:
        serve.shutdown()
        ray.shutdown()


def read_cpu_of_ray() -> dict[str, float]:
    """Of the replicas, of the proxy, and of all the rest that Ray has started."""
    spent = {"service": 0.0, "proxy": 0.0, "rest of Ray": processes.read_usage(os.getpid()).cpu_s}
    for pid in processes.family(os.getpid()):
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        parts = {b"ServeReplica": "service", b"ProxyActor": "proxy", b"haproxy": "proxy"}
        for part in {part for word, part in parts.items() if word in title}:
            cpu_s = processes.read_usage(pid).cpu_s
            spent[part] += cpu_s
            spent["rest of Ray"] -= cpu_s
    return spent


if __name__ == "__main__":
    sys.exit(main())
