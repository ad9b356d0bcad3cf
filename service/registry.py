"""The models that are served, and those that cannot be: the one place that finds a model by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from weakref import WeakSet

from service.counters import Counters, StatusCounts
from service.errors import FailedModelError, UnknownModelError
from service.images.preprocessing import Pixels, Target
from service.inference.batcher import Batcher
from service.inference.loading import Failure, Loaded
from service.inference.model import Model, Result
from service.inference.own_tensors import OwnTensors
from service.inference.statistics import Statistics

STUCK_S = 3.0  # a run for longer, and for ten times as long as it took at the start, is not going to end


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Served:
    """A model, what preprocessing needs to know of it, the batchers before it, and what is answered."""

    model: Model
    target: Target
    batcher: Batcher[Pixels, Result]
    answers: StatusCounts
    tensors: OwnTensors  # the same model as /v2 has it
    inferences: StatusCounts

    @property
    def takes_rows(self) -> bool:
        """Whether a tensor may have any number of rows, which share runs with others'."""
        own = self.model.input
        opened = self.tensors.model
        return opened.shares_runs if opened else not (self.model.obstacle or own.batch or own.open)

    @property
    def works(self) -> bool:
        """Whether the model's device still responds, and no run has been stuck for long."""
        longest_s = max(self.batcher.longest_run_s, self.tensors.longest_run_s)
        return self.model.runner.works and self.tensors.works and longest_s < max(STUCK_S, 10 * self.model.batch_s)

    async def close(self) -> None:
        """Answer what has been accepted, then stop."""
        await self.batcher.close()
        await self.tensors.close()

    def describe(self) -> str:
        """One line for the log."""
        model, place = self.model, "on the event loop" if self.batcher.inline else "on a thread"
        return (
            f"POST /{model.name}/classify: version {model.version}, {model.classes} classes, on {model.device.name},"
            f" batches of up to {model.max_batch} images ({model.batch_s * 1000:.1f} ms) {place}."
        )


class Registry:
    """Served models by name, and what could not be loaded; belongs to a running event loop."""

    def __init__(self, loaded: Loaded, max_wait_s: float, counters: Counters, on_lost: Callable[[], None]) -> None:
        """`on_lost` is called when the device of a model has failed."""
        self.models: dict[str, Served] = {}
        self.failures = loaded.failures
        self.unloaded: dict[str, int] = {}  # versions that were served until they were unloaded, by name
        self._max_wait_s, self._counters, self._on_lost = max_wait_s, counters, on_lost
        self._replaced: WeakSet[Served] = WeakSet()  # that still have requests under way
        self.on_change: Callable[[], None] = lambda: None
        for model in loaded.models:
            self.put(model)

    def put(self, model: Model) -> None:
        """Serve a model from the next request on; those under way end on the one that had its name."""
        old = self.models.get(model.name)
        if old is not None:
            self._replaced.add(old)
        statistics = Statistics(self._counters, model.name, model.version)
        self.unloaded.pop(model.name, None)
        self.models[model.name] = Served(
            model,
            target_of(model),
            Batcher(model, self._max_wait_s, statistics, on_lost=self._on_lost),
            StatusCounts(self._counters, "classify", model.name),
            OwnTensors(model, self._max_wait_s, statistics, self._on_lost),
            StatusCounts(self._counters, "infer", model.name, 400),
        )
        self.on_change()

    def drop(self, name: str) -> None:
        """Serve that model no longer; requests under way are answered."""
        self._replaced.add(self.models.pop(name))
        self.on_change()

    def replace_failures(self, name: str, failures: list[Failure]) -> None:
        """Say anew which versions of that name cannot be served."""
        self.failures = [failure for failure in self.failures if failure.file.name != name] + failures

    def __iter__(self) -> Iterator[Served]:
        return iter(self.models.values())

    @property
    def names(self) -> list[str]:
        """Names of the models that are served, in order."""
        return list(self.models)

    @property
    def failed_names(self) -> list[str]:
        """Names of which no version can be served, in order."""
        return list(dict.fromkeys(name for failure in self.failures if (name := failure.file.name) not in self.models))

    @property
    def is_whole(self) -> bool:
        """Whether every name has a version that is served."""
        return not self.failed_names

    @property
    def works(self) -> bool:
        """Whether the device of every model still responds, and no run of a model has been stuck for long."""
        return all(served.works for served in self)

    def tell(self) -> None:
        """Tell the counters what waits now."""
        for served in self:
            served.batcher.statistics.set_waiting(served.batcher.waiting + served.tensors.waiting)

    def find(self, name: str, version: str = "") -> Served:
        """The served model of that name, and of that version where one is asked for.

        Raises:
            FailedModelError: There is one that cannot be served.
            UnknownModelError: There is none.
        """
        served = self.models.get(name)
        if served is not None and version in ("", str(served.model.version)):
            return served
        if failures := [each for each in self.of(name) if version in ("", str(each.file.version))]:
            reasons = [f"version {failure.file.version}: {failure.sentence}" for failure in failures]
            raise FailedModelError(f"the model {name!r} cannot be served: {'; '.join(reasons)}")
        if served is not None:
            raise UnknownModelError(
                f"version {version[:20]!r} of {name!r} is not served; version {served.model.version} is"
            )
        if name in self.unloaded:
            raise UnknownModelError(f"the model {name!r} is unloaded; POST /v2/repository/models/{name}/load loads it")
        raise UnknownModelError(f"no model is called {name!r}; the models are {', '.join(self.models) or 'none now'}")

    def of(self, name: str) -> list[Failure]:
        """The versions of that name that cannot be served, the highest first."""
        return [failure for failure in self.failures if failure.file.name == name]

    async def close(self) -> None:
        """Answer what has been accepted, then end."""
        for served in [*self._replaced, *self]:
            await served.close()
        for served in self:
            served.model.runner.close()


def target_of(model: Model) -> Target:
    """What a model takes, for preprocessing."""
    said, size = model.description, (model.input.height, model.input.width)
    keys = (said.get(key) for key in ("resize", "filter", "shorter_side", "margin"))
    return Target.plan(size, model.input.channels, model.background, *keys)
