import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before a test imports ONNX Runtime, which reports its use otherwise
