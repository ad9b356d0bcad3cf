"""Load for a running server: accuracy, throughput and latency, and a comparison with other servers.

It speaks HTTP only, but for `bench.inprocess`, `bench.chaos.leaking`, and the peers that are given this service's
decoder.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # ONNX Runtime reports its use unless told not to before it is imported
