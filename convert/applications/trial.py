"""One model, tried: drawn and saved by one process, converted by another, whose memory is its own."""

import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from convert.applications.models import MODELS
from convert.silence import prepare_environment, silenced

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
PICTURES = 1000
LEAST = 80  # pictures, of a model so slow that a thousand would take Keras longer than
PATIENCE = 30.0  # seconds
ANY_SIZE = (224, 224, 3)  # of a network that takes any
SETTLING = 24  # pictures from which the weights are drawn


@dataclass(frozen=True)
class Result:
    """What became of one model; of one that did not convert, `error` says why and the rest is 0."""

    name: str
    side: int = 0  # of the square images it takes
    weights: int = 0  # bytes
    operations: int = 0
    pictures: int = 0
    classes: int = 0
    difference: float = 0.0
    own: float = 0.0
    agreement: float = 0.0
    seconds: float = 0.0
    memory: int = 0  # bytes, the peak of the whole command
    error: str = ""

    @property
    def memory_goal(self) -> int:
        """Twelve times the weights, and 1 GB for TensorFlow itself."""
        return 12 * self.weights + 10**9


def try_model(name: str, folder: Path) -> Result:
    """Draw, save and convert the model `name` in `folder`, which keeps nothing."""
    try:
        side, weights = _apart(_make, name, folder)
        return _apart(_convert, name, folder, side, weights)
    finally:
        for path in folder.glob("*"):
            path.unlink()


def _apart(function: Callable[Given, Returned], *arguments: Given.args, **options: Given.kwargs) -> Returned:
    """What `function` returns in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_begin) as pool:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # in the child, which would write a traceback of its own
        future = pool.submit(function, *arguments, **options)
        signal.signal(signal.SIGINT, before)
        try:
            return future.result()
        except KeyboardInterrupt:
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _begin() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare_environment()


def _end_with_parent() -> None:
    """Whatever ends it, a signal that nobody can catch, too."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _make(name: str, folder: Path) -> tuple[int, int]:
    """Write model.keras and pictures.npz; returns the side of the images and the bytes of the weights."""
    with silenced():
        import keras

        from convert.applications.drawing import draw_weights
        from convert.images import make_images
        from convert.pictures import read_pictures

        keras.utils.set_random_seed(1)
        make = getattr(keras.applications, name)
        model = make(weights=None, classifier_activation=None)
        if None in model.input_shape[1:]:
            model = make(weights=None, classifier_activation=None, input_shape=ANY_SIZE)
        shape = model.input_shape[1:]
        pictures = read_pictures(folder / "model.keras", shape, "float32", keys={"range": MODELS[name]})
        settling = pictures.compute(make_images(shape, SETTLING, seed=1))
        draw_weights(model, settling)
        model.predict_on_batch(settling[:8])  # which builds the graph
        started = time.perf_counter()
        model.predict_on_batch(settling[:8])
        count = int(PATIENCE * 8 / (time.perf_counter() - started))
        np.savez(folder / "pictures.npz", x_test=make_images(shape, max(LEAST, min(PICTURES, count))))
        model.save(folder / "model.keras")
        return shape[0], 4 * model.count_params()


def _convert(name: str, folder: Path, side: int, weights: int) -> Result:
    with silenced():
        from convert.conversion import convert
        from convert.errors import ConvertError

        try:
            with redirect_stdout(StringIO()):
                report = convert(
                    folder / "model.keras",
                    folder / "model.onnx",
                    data=folder / "pictures.npz",
                    keys={"range": MODELS[name]},
                )
        except ConvertError as err:
            return Result(name, side, weights, memory=_peak_memory(), error=str(err))
    parity = report.parity
    return Result(
        name,
        side,
        weights,
        report.operations.total(),
        parity.images,
        parity.classes,
        parity.difference,
        parity.own,
        parity.agreement,
        report.seconds,
        _peak_memory(),
    )


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
