"""`python -m service.doctor`: what inference runs on here, why, and what would have to be installed for a GPU."""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("doctor: interrupted")

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence

import numpy as np

from service.errors import StartupError
from service.inference import cuda, cuda_probe
from service.inference.device import PROVIDERS, Device, choose_device, share_of_cores
from service.inference.loading import Attempt, explain, find_files, load_one, open_model
from service.inference.model import Model, sound
from service.inference.onnx_runtime import ort
from service.inference.repository import ModelFile
from service.settings import Settings

EPILOG = "exit status: 0 the service would start with these settings; 1 it would not; 130 interrupted"
TIMING_S = 0.5  # for each batch size


def main(arguments: list[str] | None = None) -> int:
    """Print the report; the exit status says whether the service would start."""
    parser = argparse.ArgumentParser(prog="python -m service.doctor", description=__doc__, epilog=EPILOG)
    parser.parse_args(arguments)
    print_machine()
    obstacle = None
    try:
        settings = Settings.from_environment()
        cuda.prepare(settings.gpus)
        obstacle = cuda_probe.find_obstacle()
        print_cuda(obstacle)
        device = choose_device(settings)
        print_line("inference", f"SERVICE_DEVICE={settings.device}: on {device.name}")
        attempts = [report(files, device, settings) for files in find_files(settings).values()]
        if not any(model for model, _ in attempts):
            raise explain([failure for _, failures in attempts for failure in failures])
    except StartupError as error:
        print_line("service", f"does not start: {error}")
        return 1
    if obstacle and device.name == "cpu":
        print(f"\nNo GPU is used, because {obstacle}.")
    return 0


def report(files: Sequence[ModelFile], device: Device, settings: Settings) -> Attempt:
    """Print what is to be known of a name: the versions that cannot be served, and the one that is.

    Raises:
        DeviceError: SERVICE_DEVICE asks for a device that cannot run it.
    """
    attempt = load_one(files, device, settings)
    for file, sentence in attempt.failures:
        print_line(f"model {file.name}", f"version {file.version} cannot be served: {sentence}")
    model = attempt.model
    if model is not None:
        print_model(model)
        if device.name != "cpu":
            file = next(file for file in files if file.version == model.version)
            reference = open_model(file, Device("cpu", device.threads), settings)
            print_model(reference)
            print_agreement(model, reference)
    return attempt


def print_line(title: str, text: str) -> None:
    """One row of the report."""
    print(f"{title:<13} {text}")


def print_machine() -> None:
    """Python, processor and ONNX Runtime."""
    threads = f"{share_of_cores()} for this process, of {os.cpu_count()}"
    print_line("machine", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}")
    print_line("cores", f"{threads} (affinity mask, cgroup quota, WEB_CONCURRENCY)")
    build = f", built for CUDA {ort.cuda_version}" if ort.cuda_version else ", built without CUDA"
    print_line("ONNX Runtime", f"{ort.__version__}{build}: {' '.join(ort.get_available_providers())}")


def print_cuda(obstacle: str | None) -> None:
    """Driver, GPUs and libraries, as far as there are any."""
    if PROVIDERS["cuda"] in ort.get_available_providers() and sys.platform == "linux":
        print_line("driver", cuda_probe.describe_driver())
        for gpu in cuda_probe.read_gpus():
            major, minor = gpu.capability
            print_line("GPU", f"{gpu.name}, {gpu.memory / 2**30:.0f} GiB, compute capability {major}.{minor}")
        for library in cuda_probe.load_libraries():
            print_line("library", f"{library.name:<35} {library.path or library.problem}")
    print_line("CUDA", f"cannot be used: {obstacle}" if obstacle else "works: a convolution has run on the GPU")


def print_model(model: Model) -> None:
    """Where a model's nodes are, and how fast it is."""
    nodes = ", ".join(f"{count} nodes on {provider}" for provider, count in model.placement.counts.items())
    graphs = ", CUDA graphs" if model.device.graphs else ""
    print_line(f"model {model.name}", f"version {model.version} on {model.device.name}: {nodes}{graphs}")
    for stray in model.placement.strays:
        print_line("", f"on the CPU for want of a kernel: {stray}")
    for size in sorted({1, model.max_batch}):
        seconds = time_batch(model, size)
        print_line("", f"batch of {size:>3}: {seconds * 1000:8.3f} ms, {size / seconds:10,.0f} images/s")


def time_batch(model: Model, size: int) -> float:
    """Median seconds of a batch, copies included."""
    images = make_images(model, size)
    durations: list[float] = []
    end = time.perf_counter() + TIMING_S
    while not durations or time.perf_counter() < end:
        started = time.perf_counter()
        model.run(images)
        durations.append(time.perf_counter() - started)
    return float(np.median(durations))


def print_agreement(model: Model, reference: Model) -> None:
    """How far the device's answers are from the CPU's."""
    images = make_images(model, min(model.max_batch, reference.max_batch))
    pairs = list(zip(sound(model.run(images)), sound(reference.run(images)), strict=True))
    same = sum(one[0] == other[0] for one, other in pairs)
    difference = max(float(np.abs(one[1] - other[1]).max()) for one, other in pairs)
    print_line("", f"{same} of {len(pairs)} classes as on the CPU, probabilities differ by {difference:.1e} at most")


def make_images(model: Model, count: int) -> list[np.ndarray]:
    """Noise, the same each time."""
    shape = (count, *model.runner.image_shape)
    return list(np.random.default_rng(0).integers(0, 256, shape, np.uint8))


if __name__ == "__main__":
    sys.exit(main())
