"""The batcher before a model's own tensors, which is there from the first request for it on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from service.errors import FailedModelError, StartupError
from service.inference.batcher import Batcher
from service.inference.model import Model
from service.inference.statistics import Statistics
from service.inference.tensor_model import Outputs, Tensor, TensorModel
from service.priority import step_back

logger = logging.getLogger("service")


class OwnTensors:
    """Opens the session of a model's own tensor on a thread, once. All methods belong to the event loop's thread."""

    def __init__(
        self, model: Model, max_wait_s: float, statistics: Statistics, on_lost: Callable[[], None] = lambda: None
    ) -> None:
        self._model, self._max_wait_s, self._statistics, self._on_lost = model, max_wait_s, statistics, on_lost
        self.model: TensorModel | None = None
        self.batcher: Batcher[Tensor, Outputs] | None = None
        self._opening: asyncio.Future[TensorModel] | None = None

    async def open(self) -> tuple[TensorModel, Batcher[Tensor, Outputs]]:
        """The model and its batcher.

        Raises:
            FailedModelError: It cannot be opened; the next request tries again.
        """
        if self.model is None or self.batcher is None:
            await self._open()
            assert self.model is not None
            assert self.batcher is not None
        return self.model, self.batcher

    async def _open(self) -> None:
        if self._opening is None:
            thread = ThreadPoolExecutor(1, "loading", step_back)
            self._opening = asyncio.get_running_loop().run_in_executor(thread, TensorModel, self._model)
            thread.shutdown(wait=False)
        opening = self._opening
        try:
            model = await asyncio.shield(opening)  # others may wait for it when a client leaves
        except StartupError as error:
            raise FailedModelError(f"the tensors of the model {self._model.name!r} cannot be taken: {error}") from error
        finally:
            if opening.done() and self._opening is opening:
                self._opening = None
        if self.batcher is None:
            self.model = model
            self.batcher = Batcher(model, self._max_wait_s, self._statistics, on_lost=self._on_lost)
            together = "with others" if model.shares_runs else "alone"
            logger.info("POST /v2/models/%s/infer: each row runs %s.", self._model.name, together)

    @property
    def waiting(self) -> int:
        """Tensors in the queue."""
        return self.batcher.waiting if self.batcher else 0

    @property
    def works(self) -> bool:
        """Whether the device still responds."""
        return self.model is None or self.model.works

    @property
    def longest_run_s(self) -> float:
        """For how long the oldest run that has not ended has been under way."""
        return self.batcher.longest_run_s if self.batcher else 0.0

    async def close(self) -> None:
        """Answer what has been accepted, then stop."""
        if self.batcher is not None:
            await self.batcher.close()
