"""GET /metrics: every model's counts, in Prometheus's text format. Each worker reports its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

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

from service.inference.device import powers_of_two
from service.registry import Registry


async def read_metrics(request: Request) -> Response:
    """The metrics as text, Prometheus's or OpenMetrics, whichever the client prefers."""
    registry = CollectorRegistry()
    registry.register(ModelCollector(request.app.state.registry))
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), headers={"content-type": content_type})


class ModelCollector(Collector):
    """Reads the models' counts when it is asked."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def collect(self) -> Iterable[Metric]:
        """One family for each kind of count, with the model's name as a label."""
        labels = ["model"]
        info = InfoMetricFamily("service_model", "What is served, and on what it runs.", labels=labels)
        up = GaugeMetricFamily("service_model_ready", "1 while the model's device answers.", labels=labels)
        requests = CounterMetricFamily("service_requests", "Answers of /classify.", labels=["model", "status"])
        images = CounterMetricFamily("service_images", "Images that were classified.", labels=labels)
        failures = CounterMetricFamily("service_batch_failures", "Runs of the model that failed.", labels=labels)
        waiting = GaugeMetricFamily("service_queue_images", "Images that wait for a run.", labels=labels)
        sizes = HistogramMetricFamily("service_batch_size_images", "Images in one run of the model.", labels=labels)
        decode = SummaryMetricFamily("service_decode_seconds", "A request's time from body to pixels.", labels=labels)
        queue = SummaryMetricFamily("service_queue_seconds", "An image's time in the queue.", labels=labels)
        run = SummaryMetricFamily("service_inference_seconds", "A run's time.", labels=labels)
        for served in self.registry:
            model, counts, name = served.model, served.batcher.statistics, served.model.name
            device = {"device": model.device.name, "provider": model.device.provider}
            info.add_metric([name], {"version": str(model.version), **device})
            up.add_metric([name], float(model.runner.works))
            for status, count in sorted(counts.requests.items()):
                requests.add_metric([name, str(status)], count)
            images.add_metric([name], counts.images)
            failures.add_metric([name], counts.failures)
            waiting.add_metric([name], served.batcher.waiting)
            buckets = _cumulate(counts.batches, powers_of_two(max(model.runner.sizes)))
            sizes.add_metric([name], buckets, counts.images)
            decode.add_metric([name], sum(counts.requests.values()), counts.decode_s)
            queue.add_metric([name], counts.images, counts.queue_s)
            run.add_metric([name], counts.batches.total(), counts.run_s)
        return info, up, requests, images, failures, waiting, sizes, decode, queue, run


def _cumulate(counts: Counter[int], bounds: Iterable[int]) -> list[tuple[str, float]]:
    """A histogram's buckets: how many values are at most each bound."""
    buckets = [(str(bound), sum(count for value, count in counts.items() if value <= bound)) for bound in bounds]
    return [*buckets, ("+Inf", counts.total())]
