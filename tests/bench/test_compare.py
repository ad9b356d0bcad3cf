from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from bench import tables
from bench.candidates import CANDIDATES, PEERS
from bench.environment import read_requirements
from bench.generator import Measurement, choose_generator
from bench.payload import read_class
from bench.rounds import Turn
from bench.summary import hold_against_goals, pipeline_limit, spread, summarize
from tests.bench.conftest import Run

needs_two_cores = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="the comparison needs two cores"
)
needs_wrk = pytest.mark.skipif(choose_generator() != "wrk", reason="wrk is not installed")


def turn(requests_per_s: float, latency_ms: float) -> Turn:
    load = Measurement(round(requests_per_s), requests_per_s, [latency_ms] * 1001, 0.5)
    return Turn(0.5, 100.0, {16: load, 64: load}, {16: 10.0, 64: 10.0})


@needs_two_cores
@needs_wrk
def test_service_against_the_floor(bench: Run, model: Path, tmp_path: Path) -> None:
    """A short run needs no peer's environment, and writes the tables, the figures and the picture."""
    short = ["--only", "service,floor", "--seconds", "1", "--rounds", "1", "--connections", "16"]
    done = bench("compare", *short, "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "compare.json").read_text())
    assert result["failed"] == {}
    assert result["generator"] == "wrk"
    assert set(result["figures"]) == {"service", "floor"}
    for figures in result["figures"].values():
        load = figures["connections"]["16"]
        assert load["requests_per_s"][0] > 100
        assert 0 < load["p50_ms"][0] <= load["p99_ms"][0]
        assert figures["resident_mb"][0] > 10
    assert {goal["what"] for goal in result["goals"]} >= {"throughput of floor at 16 connections"}
    assert "| this service, `make serve` | PNG, multipart |" in (tmp_path / "compare.md").read_text()
    assert "uvicorn answering a constant" in done.stdout
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")


@needs_two_cores
def test_failed_candidate_is_shown_and_changes_the_exit_code(bench: Run, model: Path, tmp_path: Path) -> None:
    """A setting that makes no sense: the service does not start, the floor does, under the portable generator."""
    (tmp_path / "mnist").symlink_to(model)
    short = ["--only", "service,floor", "--seconds", "1", "--rounds", "1", "--connections", "1"]
    done = bench(
        "compare",
        *short,
        "--generator",
        "python",
        "--models",
        tmp_path,
        "--output",
        tmp_path,
        SERVICE_DEFAULT_MODEL="nope",
    )
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "SERVICE_DEFAULT_MODEL is 'nope'" in done.stdout
    result = json.loads((tmp_path / "compare.json").read_text())
    assert list(result["figures"]) == ["floor"]
    assert result["figures"]["floor"]["connections"]["1"]["requests_per_s"][0] > 100


@needs_two_cores
def test_usage(bench: Run, tmp_path: Path) -> None:
    for option, value, told in (
        ("--only", "service,nobody", "unknown: nobody; there are service, "),
        ("--kinds", "png 3x3", "unknown: png 3x3; there are png 224x224, "),
        ("--rounds", "0", "'0' is not a whole number of at least 1"),
        ("--connections", "64,", "'' is not a whole number of at least 1"),
        ("--seconds", "nan", "'nan' is not a time; give seconds"),
    ):
        wrong = bench("compare", "--photos", option, value)
        assert (wrong.returncode, told in wrong.stderr) == (2, True), wrong.stderr
    no_model = bench("compare", "--models", tmp_path, "--output", tmp_path)
    assert no_model.returncode == 1
    assert "there is no" in no_model.stderr
    assert "Traceback" not in no_model.stderr


def test_every_peer_pins_what_it_needs() -> None:
    """Each requirement names one version, and each script in the folder belongs to a candidate."""
    scripts = {candidate.script for candidate in CANDIDATES if candidate.script}
    assert {path.name for path in PEERS.glob("*_server.py")} == {*scripts, "floor_server.py"}
    for script in scripts:
        requirements = read_requirements(PEERS / script)
        assert requirements
        assert all("==" in requirement for requirement in requirements)


def test_same_model_and_runtime_for_every_peer() -> None:
    """All peers but the ancestor, which has Keras, run the same version of ONNX Runtime."""
    pins = {
        requirement
        for candidate in CANDIDATES
        if candidate.script and candidate.name != "ancestor"
        for requirement in read_requirements(PEERS / candidate.script)
        if requirement.startswith("onnxruntime==")
    }
    assert len(pins) == 1


CLASS = b'{"outputs": [{"name": "cls", "datatype": "INT64"}]}' + np.array([7], np.int64).tobytes()
VALUES = b'{"outputs": [{"name": "probabilities", "datatype": "FP32"}]}' + np.eye(10, dtype=np.float32)[7].tobytes()


@pytest.mark.parametrize("body", [b'{"cls": 7, "fn": "a"}', b"7", b"[7]", CLASS, VALUES])
def test_answers_of_every_candidate_are_read(body: bytes) -> None:
    assert read_class(body) == 7


def test_figures_are_medians_of_the_rounds() -> None:
    figures = summarize([turn(100, 1.0), turn(300, 3.0), turn(200, 2.0)])
    assert figures["connections"][64]["requests_per_s"] == [200, 100, 300]
    assert figures["connections"][64]["p99_ms"] == [2, 1, 3]
    assert figures["connections"][64]["latencies_ms"] == [2.0] * 101
    assert figures["ready_s"] == [0.5, 0.5, 0.5]
    assert spread([1.23456, 1.0, 2.0]) == [1.235, 1.0, 2.0]


def test_goals_compare_with_what_was_measured() -> None:
    """A goal whose other side is missing is left out."""
    figures = {"service": summarize([turn(10_000, 1.0)]), "floor": summarize([turn(20_000, 0.5)])}
    pipeline = {"decode_us": 63.0, "run_us": {"1": 40.0, "64": 30.0}}
    assert pipeline_limit(pipeline, 64) == pytest.approx(10_000)  # with 7 us for HTTP
    goals = {goal["what"]: goal for goal in hold_against_goals(figures, pipeline)}
    assert goals["throughput of floor at 64 connections"] == {
        "what": "throughput of floor at 64 connections",
        "measured": 0.5,
        "goal": "at least 0.72 x",
        "met": False,
    }
    assert goals["pipeline's limit at 64 connections"]["measured"] == 1.0
    assert not any("mosec" in what for what in goals)


def test_tables() -> None:
    rows = [["a", "b"], ["long", "c"]]
    assert tables.as_text(rows) == "a     b\nlong  c"
    assert tables.as_markdown(rows) == "| a | b |\n| --- | --- |\n| long | c |"
    assert tables.ranged([1234.5, 99.99, 2000]) == "1,234 (100-2,000)"
