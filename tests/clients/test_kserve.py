"""KServe's Python client, as it is, in an environment of its own: KSERVE_PYTHON names the interpreter there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "kserve_calls.py"
SCORES = [[7.5, 23.5, 39.5]]  # the means of 0 to 15, 16 to 31 and 32 to 47


@pytest.mark.skipif("KSERVE_PYTHON" not in os.environ, reason="KSERVE_PYTHON names no interpreter with kserve")
def test_kserves_client(address: str) -> None:
    command = [os.environ["KSERVE_PYTHON"], str(SCRIPT), f"http://{address}"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "live": True,
        "ready": True,
        "model": True,
        "other": False,
        "numbers": ["seven", "FP32", SCORES],
        "bytes": ["seven", "FP32", SCORES],
    }
