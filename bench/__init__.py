"""Load for a running server: accuracy, throughput and latency, and a comparison with other servers.

It speaks HTTP only, but for `bench.inprocess`.
"""
