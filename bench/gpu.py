"""`python -m bench gpu`: is CUDA right and how fast is it, in this process and over HTTP, beside the CPU in one run.

Two models: the one of the repository, and one of ResNet-50's size with random weights, in float32 and float16.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import server
from bench.client import Answer
from bench.errors import BenchError, ServerError
from bench.generator import choose_generator, measure, send_all, until
from bench.gpu_report import TOLERANCE, Results, write_report
from bench.machine import describe_machine
from bench.mnist import read_test_set
from bench.resnet50 import SIDE, write_resnet50
from bench.upload import Upload, encode_png, multipart, post

MNIST = server.ROOT / "models" / "mnist" / "1" / "model.onnx"
CONNECTIONS = (1, 16, 64)
PHOTOS = 64  # different ones
WARM_UP_S = 1.0

Images = NDArray[np.uint8]  # (N, H, W, C)


def main(arguments: Sequence[str]) -> int:
    """Run the command; the exit code is 1 when the devices disagree or a request failed, 2 when nothing can run."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            results = Results(describe_machine())
            run(results, options, Path(folder))
    except BenchError as error:
        print(f"bench gpu: {error}", file=sys.stderr)
        return error.exit_code
    report = write_report(results, options.device)
    (options.output / "gpu.md").write_text(report)
    print(report)
    exact = [values for name, values in results.parity.items() if not name.endswith("float16")]
    return int(any(values["agree"] < 1 or values["difference"] > TOLERANCE for values in exact))


def save(results: Results, options: argparse.Namespace) -> None:
    """Write what has been measured so far."""
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "gpu.json").write_text(json.dumps(asdict(results), indent=1) + "\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench gpu", description=__doc__)
    parser.add_argument("--device", default="cuda", choices=("cuda", "tensorrt", "cpu"), help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement, default %(default)s")
    parser.add_argument("--requests", type=int, default=100_000, help="while memory is watched, default %(default)s")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4], help="default 1 4")
    parser.add_argument("--max-batch", type=int, default=64, help="SERVICE_MAX_BATCH, default %(default)s")
    parser.add_argument("--data", type=Path, help="mnist.npz; else $MNIST_NPZ, else it is downloaded once")
    parser.add_argument("--output", type=Path, default=server.ROOT / "bench" / "results", help="default bench/results")
    return parser.parse_args(arguments)


def run(results: Results, options: argparse.Namespace, folder: Path) -> None:
    """All measurements, one after the other; saved after each, so that a run that is cut off leaves what it has."""
    digits = read_test_set(options.data)[0][..., np.newaxis]
    photos = make_photos()
    models = {
        "mnist": (MNIST, digits),
        "resnet50 float32": (write_resnet50(folder / "resnet50-float32/1/model.onnx", np.float32), photos),
        "resnet50 float16": (write_resnet50(folder / "resnet50/1/model.onnx", np.float16), photos),
    }
    (folder / "mnist/1").mkdir(parents=True)
    shutil.copy(MNIST, folder / "mnist/1")
    for name, (file, images) in models.items():
        device = {"SERVICE_DEVICE": options.device}
        answers, graphs = infer(results, f"{name} on {options.device}", file, images, folder, options, device)
        if graphs:
            device["SERVICE_CUDA_GRAPHS"] = "0"
            infer(results, f"{name} on {options.device}, no graphs", file, images, folder, options, device)
        reference, _ = infer(results, f"{name} on cpu", file, images, folder, options, {"SERVICE_DEVICE": "cpu"})
        results.parity[name] = {
            "images": len(images),
            "agree": float((answers.argmax(1) == reference.argmax(1)).mean()),
            "difference": float(np.abs(answers - reference).max()),
        }
        save(results, options)
    shutil.rmtree(folder / "resnet50-float32")
    uploads = {
        "mnist": [make_upload("mnist", encode_png(Image.fromarray(image[..., 0]))) for image in digits[:600]],
        "resnet50": [make_upload("resnet50", encode_png(Image.fromarray(photo))) for photo in photos],
    }
    for device in dict.fromkeys((options.device, "cpu")):
        for workers in options.workers:
            load_server(results, device, workers, uploads, folder, options)
            save(results, options)
    watch_memory(results, uploads["mnist"], folder, options)
    save(results, options)


def infer(
    results: Results,
    title: str,
    file: Path,
    images: Images,
    folder: Path,
    options: argparse.Namespace,
    environment: Mapping[str, str],
) -> tuple[NDArray[np.float32], bool]:
    """Measure a model in a process of its own. Returns its probabilities and whether it ran as CUDA graphs."""
    print(f"bench gpu: {title}", file=sys.stderr)
    np.save(folder / "images.npy", images)
    done = subprocess.run(
        [
            sys.executable, "-m", "bench.inprocess.inference", file, folder / "images.npy", str(options.seconds / 2),
            folder / "answers.npy",
        ],
        cwd=server.ROOT,
        env={**os.environ, **environment, "SERVICE_MAX_BATCH": str(options.max_batch)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise ServerError(f"{title}: {(done.stderr.strip() or f'exit code {done.returncode}').splitlines()[-1]}")
    results.inference[title] = json.loads(done.stdout.splitlines()[-1])
    return np.load(folder / "answers.npy"), results.inference[title]["graphs"]


def load_server(
    results: Results,
    device: str,
    workers: int,
    uploads: Mapping[str, Sequence[Upload]],
    models: Path,
    options: argparse.Namespace,
) -> None:
    """Both models over HTTP, at each number of connections."""
    print(f"bench gpu: server with {workers} workers on {device}", file=sys.stderr)
    environment = {"SERVICE_DEVICE": device, "SERVICE_MODELS": str(models), "WEB_CONCURRENCY": str(workers)}
    environment["SERVICE_MAX_BATCH"] = str(options.max_batch)
    cores = os.sched_getaffinity(0)
    environment["SERVICE_MAX_WAIT_S"] = "60"  # throughput is wanted here, not a bounded wait
    with server.running(server.service_command, server.READY_PATH, environment) as started:
        results.ready_s.setdefault(device, round(started.ready_s, 2))
        for model, files in uploads.items():
            send_all(started.port, until(files, time.perf_counter() + WARM_UP_S), 16, lambda answer: None)
            for connections in CONNECTIONS:
                load = measure(choose_generator(), started.port, files, connections, options.seconds, cores)
                results.servers.append(
                    {
                        "model": model,
                        "device": device,
                        "workers": workers,
                        "connections": connections,
                        "requests_per_s": round(load.requests_per_s, 1),
                        "p50_ms": round(load.percentile_ms(50), 3),
                        "p99_ms": round(load.percentile_ms(99), 3),
                    }
                )


def watch_memory(results: Results, uploads: Sequence[Upload], models: Path, options: argparse.Namespace) -> None:
    """The GPU's memory before, during and after many requests; all of them must be answered."""
    print(f"bench gpu: memory over {options.requests:,} requests", file=sys.stderr)
    environment = {"SERVICE_DEVICE": options.device, "SERVICE_MODELS": str(models)}
    environment["SERVICE_MAX_BATCH"] = str(options.max_batch)
    failed: list[Answer] = []

    def receive(answer: Answer) -> None:
        if answer.status != 200:
            failed.append(answer)

    with server.running(server.service_command, server.READY_PATH, environment) as started:
        results.memory_mib.append(read_gpu_memory())
        for _ in range(4):
            part = (uploads[number % len(uploads)] for number in range(options.requests // 4))
            send_all(started.port, part, 64, receive)
            results.memory_mib.append(read_gpu_memory())
    if failed:
        raise ServerError(f"{len(failed)} of {options.requests} requests failed, the first with {failed[0].body!r}")


def read_gpu_memory() -> int:
    """MiB in use on the first GPU; 0 where there is no nvidia-smi."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    if not shutil.which(query[0]):
        return 0
    return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])


def make_photos() -> Images:
    """Smooth colours with a little noise, (64, 224, 224, 3): as PNGs they are as large as photographs."""
    draws = np.random.default_rng(0)
    coarse = draws.integers(0, 256, (PHOTOS, 7, 7, 3), np.uint8)
    smooth = [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in coarse]
    noisy = np.stack(smooth) + draws.integers(-4, 5, (PHOTOS, SIDE, SIDE, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def make_upload(model: str, png: bytes) -> Upload:
    """An upload to a model; its class is not checked here, for that is what parity is for."""
    url = urlsplit(f"http://127.0.0.1/{model}/classify")
    return Upload("0-0.png", 0, post(url, *multipart(png, "0-0.png")))
