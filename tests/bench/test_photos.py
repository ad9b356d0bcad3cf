"""The comparison on photographs: a short run of this service alone, and its tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.photos import tables
from bench.photos.candidates import PEERS, list_candidates
from bench.photos.command import ALL
from bench.photos.pictures import COUNTS, SIZES, encode, mosaic
from bench.server import ROOT
from bench.tables import as_text
from tests.bench.test_compare import needs_two_cores

KIND = "png 512x512"


@needs_two_cores
def test_a_short_run_of_the_service(tmp_path: Path) -> None:
    """It makes the model, where it is not there yet, which takes a minute or two."""
    short = ["--only", "service", "--kinds", f"{KIND},jpg 224x224", "--seconds", "1", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "compare", "--photos", *short, "--connections", "4", "--output", tmp_path],
        cwd=ROOT,
        env={**os.environ, "SERVICE_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "photos.json").read_text())
    assert (result["failed"], list(result["kinds"])) == ({}, ["jpg 224x224", KIND])
    for kind in result["kinds"].values():
        load = kind["figures"]["service"]["connections"]["4"]
        assert load["requests_per_s"][0] > 1
        assert load["cpu_us"][0] > 1000
    classes = result["inprocess"]["kinds"][KIND]["service"]["classes"]
    assert len(classes) == COUNTS[KIND.split()[1]]
    assert len(set(classes)) > 1  # a model that gives each picture the same would prove nothing
    assert f"## {KIND}, 12 pictures of " in (tmp_path / "photos.md").read_text()
    assert (tmp_path / "photos.png").read_bytes().startswith(b"\x89PNG")


def test_photographs_are_native_and_compress_as_photographs_do() -> None:
    for width, height in SIZES.values():
        pixels = mosaic(width, height)
        assert pixels.shape == (height, width, 3)
        assert 1.2 < len(encode(pixels)) / (width * height) < 2.1
    assert not np.array_equal(mosaic(224, 224, 0), mosaic(224, 224, 3))


def test_every_peer_is_there_with_our_decoder_and_as_people_write_it() -> None:
    names = [candidate.name for candidate in list_candidates()]
    assert len(set(names)) == len(names)
    assert {f"{peer}-{way}" for peer in PEERS for way in ("service", "pillow")} < set(names)


def load(requests_per_s: float, cpu_us: float) -> dict[str, Any]:
    spread = {name: [1.0] * 3 for name in ("p50_ms", "p99_ms")}
    return {"connections": {16: {"requests_per_s": [requests_per_s] * 3, "cpu_us": [cpu_us] * 3, **spread}}}


def test_the_time_is_shared_out_and_goals_are_held_against_it() -> None:
    work = {"decode_ms": 6.0, "fit_ms": 0.5}
    result = {
        "connections": [16],
        "inprocess": {
            "kinds": {KIND: {"service": work, "pillow": {"decode_ms": 8.0, "fit_ms": 1.0}}},
            "run_ms": {1: 4.0, 4: 3.5},
        },
        "kinds": {
            KIND: {
                "figures": {
                    "service": load(100, 10_400),
                    "mosec-service": load(101, 11_000),
                    "mosec-pillow": load(50, 20_000),
                    "two-cores": load(190, 10_500),
                }
            }
        },
    }
    rows = tables.kind_rows(ALL, result, KIND)
    assert [row[0] for row in rows[1:]] == [
        "this service",
        "mosec, batching, our decoder",
        "mosec, batching, Pillow",
        "this service, one worker on two cores",
    ]
    assert rows[1][-5:] == ["10.4", "6", "0.5", "3.5", "0.4 (4%)"]
    assert rows[3][2:3] + rows[3][-5:] == ["2.00x", "20", "8", "1", "3.5", "7.5 (38%)"]
    assert as_text(rows)
    assert {goal["what"]: (goal["measured"], goal["met"]) for goal in tables.goals(ALL, result)} == {
        f"times mosec, batching, our decoder, {KIND} at 16": (0.99, False),
        f"times mosec, batching, Pillow, {KIND} at 16": (2.0, True),
        f"two cores, times one, {KIND} at 16": (1.9, True),
        f"all else, of our processor time, {KIND} at 16": (0.038, True),
    }
