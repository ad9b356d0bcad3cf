"""What `python -m bench gpu` has measured, and its report as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

TOLERANCE = 1e-3  # of probabilities, CPU against GPU


@dataclass(slots=True)
class Results:
    """What was measured; written as JSON as it is."""

    machine: dict[str, str]
    inference: dict[str, dict[str, Any]] = field(default_factory=dict)  # by "model on device"
    parity: dict[str, dict[str, float]] = field(default_factory=dict)  # by model
    servers: list[dict[str, Any]] = field(default_factory=list)  # one for each load
    ready_s: dict[str, float] = field(default_factory=dict)  # by device
    memory_mib: list[int] = field(default_factory=list)  # of the GPU, in the course of many requests


def write_report(results: Results, device: str) -> str:
    """The results as Markdown, goals first."""
    lines = [f"# {device.upper()} against the CPU", ""]
    lines += [f"- {name}: {value}" for name, value in results.machine.items()]
    lines += ["", *write_goals(results, device), "", *write_rates(results), "", *write_loads(results), ""]
    lines.append(f"Seconds from the start of the process to ready, both models: {results.ready_s}. GPU memory (MiB)")
    lines.append(f"before, and after each quarter of the requests: {results.memory_mib}.")
    return "\n".join(lines) + "\n"


def write_goals(results: Results, device: str) -> Iterator[str]:
    """One row for each goal with what came out."""
    yield "| goal | came out |"
    yield "| --- | --- |"
    for name, values in results.parity.items():
        text = f"{values['agree']:.2%} of {values['images']:,.0f}, {values['difference']:.1e}"
        yield f"| {name}: all classes as on the CPU, probabilities within {TOLERANCE:g} | {text} |"
    rates = results.inference[f"resnet50 float16 on {device}"]["images_per_s"]
    largest = rates[max(rates, key=int)]
    share = largest["runner"] / largest["bound"]
    yield f"| resnet50 float16: runner at least 0.75 of ONNX Runtime's best | {share:.2f} |"
    best = max((load["requests_per_s"] for load in select(results, "resnet50", device)), default=0)
    yield f"| resnet50 float16: server at least 0.6 of the runner | {best / largest['runner']:.2f} |"
    alone = [load for load in select(results, "mnist", device) if load["connections"] == load["workers"] == 1]
    yield f"| mnist: one request alone, p50 at most 1 ms | {alone[0]['p50_ms'] if alone else '-'} ms |"


def select(results: Results, model: str, device: str) -> Iterator[dict[str, Any]]:
    """The loads of a model on a device."""
    return (load for load in results.servers if (load["model"], load["device"]) == (model, device))


def write_rates(results: Results) -> Iterator[str]:
    """Images a second in this process."""
    yield "| images/s in one process, batch of | runner | ONNX Runtime, bound | session.run |"
    yield "| --- | ---: | ---: | ---: |"
    for title, result in results.inference.items():
        for size, rates in result["images_per_s"].items():
            graphs = ", CUDA graphs" if result["graphs"] else ""
            yield f"| {title}{graphs}: {size} | {rates['runner']:,} | {rates['bound']:,} | {rates['plain']:,} |"


def write_loads(results: Results) -> Iterator[str]:
    """Requests a second over HTTP."""
    yield "| over HTTP | workers | connections | req/s | p50 ms | p99 ms |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for load in results.servers:
        numbers = [load[name] for name in ("workers", "connections", "requests_per_s", "p50_ms", "p99_ms")]
        yield f"| {load['model']} on {load['device']} | " + " | ".join(f"{number:,}" for number in numbers) + " |"
