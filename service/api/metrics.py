"""GET /metrics: what all workers have counted, in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from service.counters import GAUGE, READY, Counters, Labels
from service.inference.statistics import BATCH_BOUNDS
from service.registry import Registry

NS = 1e9  # in a second


async def read_metrics(request: Request) -> Response:
    """The metrics as text, Prometheus's or OpenMetrics, whichever the client prefers."""
    collected = CollectorRegistry()
    collected.register(ServiceCollector(request.app.state.registry, request.app.state.counters))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(collected), headers={"content-type": content_type})


class ServiceCollector(Collector):
    """Reads the counts of all workers when it is asked."""

    def __init__(self, registry: Registry, counters: Counters) -> None:
        self.registry, self.counters = registry, counters

    def collect(self) -> Iterable[Metric]:
        """One family for each kind of count."""
        self.registry.tell()
        sums = self.counters.totals()
        yield from self._collect_service(sums)
        for served in self.registry:
            yield from collect_model(served.model.name, sums)

    def _collect_service(self, sums: Mapping[Labels, int]) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "service_requests", "Answers by route, model and HTTP status.", labels=["route", "model", "status"]
        )
        for (kind, *labels), count in sorted(sums.items()):
            if kind == "requests":
                requests.add_metric(labels, count)
        info = InfoMetricFamily("service_model", "What is served, and on what it runs.", labels=["model"])
        up = GaugeMetricFamily("service_model_ready", "1 while the model's device responds.", labels=["model"])
        failed = GaugeMetricFamily(
            "service_model_failed", "1 for a version that cannot be served.", labels=["model", "version"]
        )
        for failure in self.registry.failures:
            failed.add_metric([failure.file.name, str(failure.file.version)], 1.0)
        for served in self.registry:
            model = served.model
            failed.add_metric([model.name, str(model.version)], 0.0)
            device = {"device": model.device.name, "provider": model.device.provider}
            info.add_metric([model.name], {"version": str(model.version), **device})
            up.add_metric([model.name], float(model.runner.works))
        workers = self.counters.workers()
        ready = sum(worker.phase == READY and worker.responds for worker in workers)
        return (
            requests,
            info,
            up,
            failed,
            GaugeMetricFamily("service_workers", "Processes of this service.", len(workers)),
            GaugeMetricFamily("service_workers_configured", "Processes that there should be.", self.counters.wanted),
            GaugeMetricFamily("service_workers_ready", "Of them, those that are ready and respond.", ready),
        )


def collect_model(name: str, sums: Mapping[Labels, int]) -> Iterable[Metric]:
    """The families of one model."""

    def of(kind: str) -> int:
        return sums.get((kind, name), 0)

    labels, values = ["model"], [name]
    by_version = {key[2]: count for key, count in sums.items() if key[:2] == ("images", name)}
    classified = sum(by_version.values())
    images = CounterMetricFamily("service_images", "Images that were classified.", labels=["model", "version"])
    for version, count in by_version.items():
        images.add_metric([name, version], count)
    failures = CounterMetricFamily("service_batch_failures", "Runs of the model that failed.", labels=labels)
    failures.add_metric(values, of("failures"))
    waiting = GaugeMetricFamily("service_queue_images", "Images that wait for a run.", labels=labels)
    waiting.add_metric(values, of(f"{GAUGE}waiting"))
    sizes = HistogramMetricFamily("service_batch_size_images", "Images in one run of the model.", labels=labels)
    sizes.add_metric(values, cumulate(sums, name), classified)
    decode = SummaryMetricFamily("service_decode_seconds", "A request's time from body to pixels.", labels=labels)
    decode.add_metric(values, of("decodes"), of("decode_ns") / NS)
    queue = SummaryMetricFamily("service_queue_seconds", "An image's time in the queue.", labels=labels)
    queue.add_metric(values, classified, of("queue_ns") / NS)
    run = SummaryMetricFamily("service_inference_seconds", "A run's time.", labels=labels)
    run.add_metric(values, of("runs"), of("run_ns") / NS)
    return images, failures, waiting, sizes, decode, queue, run


def cumulate(sums: Mapping[Labels, int], name: str) -> list[tuple[str, float]]:
    """A histogram's buckets: how many runs had at most so many images."""
    buckets: list[tuple[str, float]] = []
    total = 0
    for bound in BATCH_BOUNDS:
        total += sums.get(("batch", name, str(bound)), 0)
        buckets.append((str(bound), total))
    return [*buckets, ("+Inf", total)]
