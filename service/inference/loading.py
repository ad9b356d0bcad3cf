"""Models from files: many at once, and none of them harmed by another that cannot be loaded.

the files of a name, the highest version first → the first that can be served, and why those before it cannot
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, ParamSpec, TypeVar

from service.errors import DeviceError, ModelError, SettingError, StartupError
from service.inference.device import Device, choose_device, share_of_cores
from service.inference.file_kind import refuse_other_kinds
from service.inference.model import Model
from service.inference.repository import Marks, ModelFile, find_models, mark_models
from service.memory import give_back
from service.settings import Settings

logger = logging.getLogger("service")
MAX_SENTENCE = 400  # characters; ONNX Runtime may say more
Asked = ParamSpec("Asked")
Given = TypeVar("Given")


class Failure(NamedTuple):
    """A version that cannot be served, and why, as a sentence that begins with "it" or with what is wrong."""

    file: ModelFile
    sentence: str


class Attempt(NamedTuple):
    """What one name has given: a model unless every version has failed."""

    model: Model | None
    failures: list[Failure]


class Loaded(NamedTuple):
    """What the models folder has given, in its order."""

    models: list[Model]
    failures: list[Failure]
    device: Device
    marks: dict[str, Marks]  # of what was there when loading began


def load_models(settings: Settings, version_of: Callable[[str], int | None] = lambda name: None) -> Loaded:
    """A model of every name in the folder, loaded and warmed up; whatever cannot be served is logged.

    `version_of` a name is the only version to look at, if it is there; None for the highest that can be served.

    Raises:
        StartupError: Nothing can be served, or the device cannot be used; the message says why.
    """
    found = find_files(settings)
    device = choose_device(settings)
    loaded = Loaded([], [], device, mark_models(settings.models))
    # On a GPU one after another: what a thread does there breaks the CUDA graph that another one captures.
    with ThreadPoolExecutor(share_of_cores() if device.name == "cpu" else 1) as threads, HeldLines() as lines:
        attempts = []
        for name, files in found.items():
            version = version_of(name)
            chosen = [file for file in files if file.version == version] or files
            attempts.append(threads.submit(lines.hold, load_one, chosen, device, settings))
        try:
            for attempt in attempts:
                outcome, held = attempt.result()
                lines.release(held)
                log_failures(outcome)
                loaded.models.extend([outcome.model] if outcome.model else [])
                loaded.failures.extend(outcome.failures)
        finally:
            threads.shutdown(cancel_futures=True)
    if not loaded.models:
        raise explain(loaded.failures)
    give_back()  # what loading took: parsed files, and weights before they were rearranged
    return loaded


def load_model(settings: Settings, name: str) -> Model:
    """The model of that name, or without one the first that can be served.

    Raises:
        StartupError: There is none, or the device cannot be used; the message says why.
    """
    found = find_files(settings)
    if name and name not in found:
        raise ModelError(f"no model is called {name!r}; the models are {', '.join(found)}")
    device = choose_device(settings)
    failures: list[Failure] = []
    for files in [found[name]] if name else found.values():
        attempt = load_one(files, device, settings)
        log_failures(attempt)
        if attempt.model is not None:
            return attempt.model
        failures += attempt.failures
    raise explain(failures)


def find_files(settings: Settings) -> dict[str, list[ModelFile]]:
    """The versions of every model, the highest first, by name.

    Raises:
        ModelError: There is no models folder, or no model in it.
        SettingError: SERVICE_DEFAULT_MODEL names none of them.
    """
    found = find_models(settings.models)
    if settings.default_model and settings.default_model not in found:
        names = ", ".join(found)
        raise SettingError(f"SERVICE_DEFAULT_MODEL is {settings.default_model!r}; the models are {names}.")
    return found


def load_one(files: Sequence[ModelFile], device: Device, settings: Settings) -> Attempt:
    """The first of a name's versions that can be served, and what those before it lack.

    Raises:
        DeviceError: SERVICE_DEVICE asks for a device that cannot run one of them.
    """
    failures: list[Failure] = []
    for file in files:
        try:
            return Attempt(open_model(file, device, settings), failures)
        except ModelError as error:
            failures.append(Failure(file, str(error)))
    return Attempt(None, failures)


def load_change(
    marks: Marks, before: Marks, served: Model | None, failures: Sequence[Failure], device: Device, settings: Settings
) -> Attempt:
    """As `load_one`, for a name that is served, or has failed, already; what has not changed is not loaded again.

    No model means that the one that is served stays: it is the best still, or nothing better can be served.
    """
    known, failed = {failure.file: failure for failure in failures}, []
    for file, mark in marks.items():
        unchanged = before.get(file) == mark
        if unchanged and file in known:
            failed.append(known[file])
        elif unchanged and served is not None and served.version == file.version:
            break
        else:
            try:
                model, others = load_one([file], device, settings)
            except DeviceError as error:
                model, others = None, [Failure(file, _shorten(str(error)))]
            failed += others
            if model is not None:
                return Attempt(model, failed)
    return Attempt(None, failed)


def log_failures(attempt: Attempt) -> None:
    """One line for each version that cannot be served."""
    instead = f", version {attempt.model.version} is instead" if attempt.model else ""
    for failure in attempt.failures:
        logger.error("%s is not served%s: %s", failure.file.path, instead, failure.sentence)


def open_model(file: ModelFile, device: Device, settings: Settings) -> Model:
    """The model of a file, warmed up.

    Raises:
        ModelError: It cannot be served; the message is the sentence that says why.
        DeviceError: SERVICE_DEVICE asks for a device that cannot run it.
    """
    try:
        refuse_other_kinds(file.path)
        return Model(file.name, file.version, file.path, device, settings)
    except StartupError as error:
        if isinstance(error, DeviceError) and settings.device in ("cuda", "tensorrt"):
            raise DeviceError(f"cannot serve {file.path}: {error}") from error
        raise ModelError(_shorten(str(error))) from error
    except OSError as error:
        raise ModelError(f"it cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:  # ONNX Runtime's, wherever it is asked for them
        raise ModelError("its names or its metadata are not UTF-8 text; it may be damaged") from error
    except Exception as error:  # a defect of ours or of a library must not take the other models down
        logger.exception("Loading %s has failed in a way that is not foreseen.", file.path)
        raise ModelError(_shorten(f"loading it has failed: {type(error).__name__}: {error}")) from error


def explain(failures: Sequence[Failure]) -> ModelError:
    """Why nothing can be served."""
    first, others = failures[0], len(failures) - 1
    more = f" ({others} more cannot be served either; the log names them)" if others else ""
    return ModelError(f"cannot serve {first.file.path}: {first.sentence}{more}")


def _shorten(sentence: str) -> str:
    line = " ".join(sentence.split())
    return line if len(line) <= MAX_SENTENCE else f"{line[:MAX_SENTENCE]} …"


class HeldLines(logging.Filter):
    """Holds back what threads log, so that the log's order is the folder's and not that of who is done first."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.local()

    def __enter__(self) -> HeldLines:
        logger.addFilter(self)
        return self

    def __exit__(self, *error: object) -> None:
        logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written now; called by logging."""
        held: list[logging.LogRecord] | None = getattr(self._thread, "held", None)
        if held is None:
            return True
        held.append(record)
        return False

    def hold(
        self, work: Callable[Asked, Given], *arguments: Asked.args, **keywords: Asked.kwargs
    ) -> tuple[Given, list[logging.LogRecord]]:
        """What the work gives, and what it has logged meanwhile."""
        held: list[logging.LogRecord] = []
        self._thread.held = held
        try:
            return work(*arguments, **keywords), held
        finally:
            self._thread.held = None

    def release(self, held: Sequence[logging.LogRecord]) -> None:
        """Write what was held back."""
        for record in held:
            logger.handle(record)
