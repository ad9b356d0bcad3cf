"""Files of good models with some bytes changed, a hundred beside one that is whole: it is served, and nothing crashes.

MUTATED_MODELS says how many (200): `MUTATED_MODELS=10000 pytest tests/field/test_mutated.py` takes some minutes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.field.cases import GOOD
from tests.field.networks import save
from tests.service.models import shade_model

FOLDERS = int(os.environ.get("MUTATED_MODELS", "200")) // 100
LOAD = """
from service.inference.loading import load_models
from service.settings import Settings
loaded = load_models(Settings.from_environment())
print("served", [model.name for model in loaded.models if model.name == "whole"])
print([failure.sentence for failure in loaded.failures if failure.sentence.startswith("loading it has failed")])
"""


def mutate(data: bytes, draws: random.Random) -> bytes:
    """Up to eight bytes changed, left out or put in; half of the time near an end, where names and metadata are."""
    changed = bytearray(data)
    for _ in range(draws.choice((1, 1, 2, 4, 8))):
        place = draws.randrange(len(changed))
        if draws.random() < 0.5:
            place = min(place, len(changed) - 1 - place) % 2000
        kind = draws.random()
        if kind < 0.8:
            changed[place] = draws.randrange(256)
        elif kind < 0.9:
            del changed[place : place + draws.randrange(1, 9)]
        else:
            changed[place:place] = draws.randbytes(draws.randrange(1, 5))
    return bytes(changed)


@pytest.mark.parametrize("seed", range(FOLDERS))
def test_a_whole_model_is_served_beside_a_hundred_mutated_ones(seed: int, tmp_path: Path) -> None:
    draws = random.Random(seed)
    shade_model(tmp_path / "models/whole/1/model.onnx")
    for index, case in enumerate(draws.sample(list(GOOD.values()), 100)):
        path = tmp_path / f"models/{index:03}/1/model.onnx"
        save(case, path)
        path.write_bytes(mutate(path.read_bytes(), draws))
    variables = {**os.environ, "SERVICE_MODELS": str(tmp_path / "models"), "SERVICE_DEVICE": "cpu"}
    command = [sys.executable, "-X", "faulthandler", "-c", LOAD]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[0] == "served ['whole']"
    assert done.stdout.splitlines()[1] == "[]", "not foreseen: " + done.stdout
