"""Loads and unloads models by order, where SERVICE_MODEL_CONTROL is explicit.

    /v2/repository/models/<name>/load → order in the counters → every worker loads → all have it → switched → answer

The models folder is looked at for an order only. Orders are in memory that all workers share, so that one that takes
another's place does what the others have done.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from service.counters import GAUGE, Counters
from service.errors import ModelControlError, ModelError
from service.following import PATIENCE_S, TURN_S, Change, Follower
from service.inference.loading import Loaded
from service.inference.repository import Marks, mark_models
from service.registry import Registry
from service.settings import Settings

logger = logging.getLogger("service")
DONE, VERSION = f"{GAUGE}done", f"{GAUGE}version"  # what each worker says of a name: the last order, what it serves


class Obeyer(Follower):
    """Does what orders say. All but loading is the event loop's."""

    def __init__(self, registry: Registry, loaded: Loaded, counters: Counters, settings: Settings) -> None:
        self._stamps: dict[str, int] = {}  # of the orders that are done or under way
        self._done: dict[str, int] = {}  # of those that are done
        self._refusals: dict[str, str] = {}  # why the last order for a name could not be done
        self._obeyed = 0
        super().__init__(registry, loaded, counters, settings)
        self._look_s = self._idle_s = TURN_S
        for name in registry.names:
            self._tell(name)

    async def order(self, name: str, unload: bool) -> None:
        """Have a model loaded, or unloaded, by all workers; returns when all have done so.

        Raises:
            ModelControlError: It has not been; the message says why.
        """
        if not unload and name not in await self._on_thread(self._mark):
            raise ModelControlError(f"the models folder has no {name}/<version>/model.onnx")
        if unload and name not in self._registry.models:
            raise ModelControlError(f"no model that is served is called {name!r}")
        stamp = self._counters.order(name, unload)
        end = time.monotonic() + PATIENCE_S
        while self._done.get(name, 0) < stamp or any(done < stamp for done in self._counters.each(DONE, name)):
            if time.monotonic() > end:
                raise ModelControlError(f"{name}: not all workers have done so within {PATIENCE_S:.0f} s")
            await asyncio.sleep(TURN_S)
        if name in self._refusals:
            raise ModelControlError(self._refusals[name])
        if not unload and (failures := self._registry.of(name)):
            raise ModelControlError(f"version {failures[0].file.version} cannot be served: {failures[0].sentence}")

    async def look(self) -> None:
        """Load or unload what there are orders for."""
        latest = self._counters.last_order
        if latest <= self._obeyed:
            return
        self._obeyed = latest
        found = await self._on_thread(self._mark)
        for name, stamp in self._counters.orders().items():
            if stamp > self._stamps.get(name, 0):
                self._stamps[name] = stamp
                self._refusals.pop(name, None)
                try:
                    await self._prepare(name, {} if stamp & 1 else found.get(name, {}))
                except Exception:  # a defect must not end what obeys
                    logger.exception("Loading %s has failed in a way that is not foreseen.", name)
                    self._refusals[name] = "loading it has failed; the log says why"
                    self._tell(name)

    def _mark(self) -> dict[str, Marks]:
        try:
            return mark_models(self._settings.models)
        except ModelError:
            return {}

    def _apply(self, name: str, change: Change) -> None:
        super()._apply(name, change)
        self._tell(name)

    def _drop(self, name: str) -> None:
        self._registry.unloaded[name] = self._registry.models[name].model.version
        self._registry.drop(name)
        logger.info("%s is unloaded.", name)

    def _give_up(self, name: str, change: Change) -> None:
        super()._give_up(name, change)
        self._refusals[name] = "it stays as it is: the workers differ in what they could load"
        self._tell(name)

    def _seed(self, name: str, marks: Marks) -> object:
        return self._stamps.get(name, 0)

    def _tell(self, name: str) -> None:
        served = self._registry.models.get(name)
        self._done[name] = self._stamps.get(name, 0)
        for kind, value in ((DONE, self._done[name]), (VERSION, served.model.version + 1 if served else 0)):
            self._counters.values[self._counters.cell(kind, name)] = value


def version_elsewhere(counters: Counters) -> Callable[[str], int | None]:
    """The version that other workers serve of a name, for one that takes another's place; None if none does."""

    def find(name: str) -> int | None:
        found = max(counters.each(VERSION, name), default=0)
        return found - 1 if found else None

    return find
