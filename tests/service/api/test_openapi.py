"""/openapi.json is what the service does: schemathesis makes requests of it, and finds no answer that is not in it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.service.models import colour_model, shade_model
from tests.serving import serve

SECONDS = os.environ.get("SCHEMATHESIS_SECONDS", "45")
# Where the service means it otherwise: an unknown method under /v2 is a 400; no schema says which tensor a model takes.
MEANT = "unsupported_method,positive_data_acceptance"


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    shade_model(tmp_path / "models/shade/3/model.onnx")
    colour_model(tmp_path / "models/colour/1/model.onnx")
    options = [f"--max-time={SECONDS}", f"--exclude-checks={MEANT}", "--no-color", "--seed=1"]
    with serve({"SERVICE_MODELS": str(tmp_path / "models"), "SERVICE_DEVICE": "cpu"}) as server:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *options]
        path = os.pathsep.join([str(Path.cwd()), *sys.path])
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert "Tested: 21" in done.stdout, done.stdout[-3000:]
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        assert not [line for line in server.log if "Traceback" in line]
