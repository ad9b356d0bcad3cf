"""Load for a running server, over HTTP only: accuracy, throughput and latency, and a comparison with other servers."""
