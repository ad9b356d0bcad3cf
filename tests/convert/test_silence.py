import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("module", ["convert.speed", "bench.inprocess.pipeline"])
def test_onnx_runtime_keeps_no_store_of_events(module: str, tmp_path: Path) -> None:
    code = (
        f"import {module}, onnxruntime, time\n"
        "onnxruntime.InferenceSession('models/mnist/1/model.onnx', providers=['CPUExecutionProvider'])\n"
        "time.sleep(0.5)"
    )
    # ONNX Runtime is silent in CI, too; the test must not depend on that.
    environment = {key: value for key, value in os.environ.items() if key not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, timeout=60)
    assert not list(tmp_path.rglob("onnxruntime.db"))
