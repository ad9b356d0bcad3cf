"""The models that are served: the one place that finds a model by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from service.counters import Counters, StatusCounts
from service.errors import UnknownModelError
from service.images.preprocessing import Target
from service.inference.batcher import Batcher
from service.inference.model import Model
from service.inference.statistics import Statistics

STUCK_S = 3.0  # a run for longer, and for ten times as long as it took at the start, is not going to end


@dataclass(frozen=True, slots=True)
class Served:
    """A model, what preprocessing needs to know of it, and the batcher before it."""

    model: Model
    target: Target
    batcher: Batcher
    answers: StatusCounts

    def describe(self) -> str:
        """One line for the log."""
        model, place = self.model, "on the event loop" if self.batcher.inline else "on a thread"
        return (
            f"POST /{model.name}/classify: version {model.version}, {model.classes} classes, on {model.device.name},"
            f" batches of up to {model.max_batch} images ({model.runner.batch_s * 1000:.1f} ms) {place}."
        )


class Registry:
    """Served models by name; belongs to a running event loop."""

    def __init__(
        self, models: Sequence[Model], max_queue: int, counters: Counters, on_lost: Callable[[], None]
    ) -> None:
        """`on_lost` is called when the device of a model has failed."""
        self.models = {}
        for model in models:
            batcher = Batcher(model, max_queue, Statistics(counters, model.name), on_lost=on_lost)
            answers = StatusCounts(counters, "classify", model.name)
            self.models[model.name] = Served(model, target_of(model), batcher, answers)

    def __iter__(self) -> Iterator[Served]:
        return iter(self.models.values())

    @property
    def names(self) -> list[str]:
        """Names of the models, in order."""
        return list(self.models)

    @property
    def works(self) -> bool:
        """Whether the device of every model still responds, and no run of a model has been stuck for long."""
        return all(
            served.model.runner.works and served.batcher.longest_run_s < max(STUCK_S, 10 * served.model.runner.batch_s)
            for served in self
        )

    def tell(self) -> None:
        """Tell the counters what waits now."""
        for served in self:
            served.batcher.statistics.set_waiting(served.batcher.waiting)

    def find(self, name: str) -> Served:
        """The served model of that name.

        Raises:
            UnknownModelError: There is none.
        """
        try:
            return self.models[name]
        except KeyError:
            raise UnknownModelError(f"no model is called {name!r}; the models are {', '.join(self.models)}") from None

    async def close(self) -> None:
        """Answer what has been accepted, then end."""
        for served in self:
            await served.batcher.close()
            served.model.runner.close()


def target_of(model: Model) -> Target:
    """What a model takes, for preprocessing."""
    return Target(model.input.height, model.input.width, model.input.channels, model.background)
