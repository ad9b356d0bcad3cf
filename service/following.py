"""Follows the models folder while the service runs: what is new there takes over, without a restart.

    folder → marks, unlike those served and the same twice → loaded and warm → in every worker → switched

Each worker looks for itself, loads on a thread that steps back before its event loop, and says in the counters what it
has ready. When all say the same, they switch, within a tenth of a second of each other: a request under way ends on the
model it began with, the next one begins on the new one. A version that cannot be served changes nothing but a sentence.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from service.counters import GAUGE, Counters
from service.errors import ModelError
from service.inference.loading import Attempt, Loaded, load_change, log_failures
from service.inference.model import Model
from service.inference.repository import Marks, mark_models
from service.memory import give_back
from service.priority import step_back
from service.registry import Registry
from service.settings import Settings

logger = logging.getLogger("service")
Given = TypeVar("Given")
READY_NAME = f"{GAUGE}prepared"
TURN_S = 0.05  # between looks at whether the others are ready as well
PATIENCE_S = 120.0  # for them
SWITCH_INTERVAL_S = 0.0005  # of threads, while one warms a model up beside a busy event loop: what it times is quick


class Change(NamedTuple):
    """What one name is about to become; without marks it is gone, without a model what is served stays."""

    marks: Marks
    attempt: Attempt
    sign: int
    since: float  # time.monotonic()


class Follower:
    """Loads what has changed, and switches. All but loading is the event loop's."""

    def __init__(self, registry: Registry, loaded: Loaded, counters: Counters, settings: Settings) -> None:
        self._registry, self._counters, self._settings, self._device = registry, counters, settings, loaded.device
        self._served: dict[str, Marks] = dict(loaded.marks)  # from which the registry is as it is
        self._seen: dict[str, Marks] = {}  # at the last look
        self._changes: dict[str, Change] = {}
        self._complaint = ""  # about the folder, told once
        self._thread = ThreadPoolExecutor(1, "loading", step_back)
        self._look_s = settings.poll_s  # between looks at what is new …
        self._idle_s = settings.poll_s / 10  # … and at whether something is to be switched
        for name in self._served:
            self._show(name, self._sign_served(name))

    async def follow(self) -> None:
        """Look and switch for ever."""
        await asyncio.gather(self._keep_looking(), self._keep_switching())

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await self.look()
            except Exception:  # a defect must not end what keeps looking
                logger.exception("Looking at the models folder has failed in a way that is not foreseen.")

    async def _keep_switching(self) -> None:
        while True:
            await asyncio.sleep(TURN_S if self._changes else self._idle_s)
            self.switch()

    async def look(self) -> None:
        """Load what has changed since it was served, and has not changed since the last look."""
        try:
            found = await self._on_thread(partial(mark_models, self._settings.models))
        except ModelError as error:  # perhaps a disk that is not there for a moment
            if str(error) != self._complaint:
                logger.error("What is served stays as it is: %s.", error)
            self._complaint = str(error)
            return
        self._complaint = ""
        seen, self._seen = self._seen, found
        for name in sorted({*found, *self._served}):
            marks = found.get(name, {})
            change = self._changes.get(name)
            if marks == self._served.get(name, {}):
                self._forget(name)
            elif marks == seen.get(name, {}) and (change is None or change.marks != marks):
                await self._prepare(name, marks)

    async def _prepare(self, name: str, marks: Marks) -> None:
        """Have ready what a name is to become."""
        served = self._registry.models.get(name)
        load = partial(
            load_change,
            marks,
            self._served.get(name, {}),
            served.model if served else None,
            self._registry.of(name),
            self._device,
            self._settings,
        )
        attempt = await self._on_thread(partial(_load_beside, load)) if marks else Attempt(None, [])
        model = attempt.model or (served.model if served and marks else None)
        sign = _sign(self._seed(name, marks), model)
        self._changes[name] = Change(marks, attempt, sign, time.monotonic())
        self._show(name, sign)
        self.switch()

    def switch(self) -> None:
        """Serve every change that all workers have ready."""
        for name, change in list(self._changes.items()):
            signs = self._counters.each(READY_NAME, name)
            if all(sign == change.sign for sign in signs):
                del self._changes[name]
                self._apply(name, change)
            elif time.monotonic() - change.since > PATIENCE_S:
                self._give_up(name, change)

    def _apply(self, name: str, change: Change) -> None:
        registry, (model, failures) = self._registry, change.attempt
        log_failures(Attempt(model, [each for each in failures if each not in registry.of(name)]))
        registry.replace_failures(name, failures)
        if model is not None:
            registry.put(model)
            logger.info(registry.models[name].describe())
        elif not change.marks:
            if name in registry.models:
                self._drop(name)
            self._served.pop(name, None)
        if change.marks:
            self._served[name] = change.marks
        asyncio.get_running_loop().call_later(1, self._give_back)

    def _drop(self, name: str) -> None:
        self._registry.drop(name)
        logger.info("%s is not served any longer: its folder has gone.", name)

    def _give_up(self, name: str, change: Change) -> None:
        logger.error("%s stays as it is: the workers differ in what they could load.", name)
        self._forget(name)
        self._served[name] = change.marks  # until its files change again

    def _forget(self, name: str) -> None:
        if self._changes.pop(name, None) is not None:
            self._show(name, self._sign_served(name))

    def _sign_served(self, name: str) -> int:
        served = self._registry.models.get(name)
        return _sign(self._seed(name, self._served.get(name, {})), served.model if served else None)

    def _seed(self, name: str, marks: Marks) -> object:
        """What workers must agree in, beside the version."""
        return tuple(sorted(marks.values()))

    def _show(self, name: str, sign: int) -> None:
        """Tell the other workers what this one has ready."""
        self._counters.values[self._counters.cell(READY_NAME, name)] = sign

    def _give_back(self) -> None:
        self._thread.submit(give_back)

    async def _on_thread(self, work: Callable[[], Given]) -> Given:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Take up nothing else."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _sign(seed: object, model: Model | None) -> int:
    """By which workers see that they have the same: of the files of all versions, say, and of the one that is served.

    Numbers have the same hash in all processes; texts have not.
    """
    return 1 + (hash((seed, model.version if model else -1)) & (1 << 61) - 1)


def _load_beside(load: Callable[[], Attempt]) -> Attempt:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        return load()
    finally:
        sys.setswitchinterval(interval)
