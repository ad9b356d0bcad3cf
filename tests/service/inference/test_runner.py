"""The runner on ONNX Runtime's CPU provider: plainly, and through all that a GPU gets, but that its memory is here."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.errors import DeviceLostError, ModelError
from service.inference.device import Device, powers_of_two
from service.inference.runner import Runner
from service.inference.session import open_session
from tests.service.models import hungry_model, picky_model, shade_model

PLAIN = Device("cpu", threads=1)
LIKE_A_GPU = replace(PLAIN, slots=2, padded=True)
DEVICES = pytest.mark.parametrize("device", [PLAIN, LIKE_A_GPU], ids=["plain", "like a gpu"])


def start(path: Path, device: Device, max_batch: int = 8, side: int = 4) -> Runner:
    session = open_session(path, device)
    return Runner(session, device, (side, side, 1), max_batch, session.get_outputs()[0].name)


def grey(*levels: int, side: int = 4) -> list[NDArray[np.uint8]]:
    return [np.full((side, side, 1), level, np.uint8) for level in levels]


def test_batch_sizes() -> None:
    assert [powers_of_two(largest) for largest in (1, 2, 6, 8, 64)] == [
        [1],
        [1, 2],
        [1, 2, 4, 6],
        [1, 2, 4, 8],
        [1, 2, 4, 8, 16, 32, 64],
    ]
    assert PLAIN.batch_sizes(5) == [1, 2, 3, 4, 5]
    assert Device("cuda", 1, graphs=True, padded=True).batch_sizes(5) == [1, 2, 4, 5]
    assert Device("cuda", 1, graphs=False, padded=True).batch_sizes(5) == [5]


@DEVICES
def test_every_count_gives_the_answers_of_its_own_images(device: Device, tmp_path: Path) -> None:
    """Whatever the batch is padded with: before each run the buffers are full of other images."""
    runner = start(shade_model(tmp_path / "model.onnx"), device, max_batch=7)
    assert runner.sizes == ([1, 2, 4, 7] if device.padded else [1, 2, 3, 4, 5, 6, 7])
    for count in range(1, 8):
        for _ in range(device.slots):
            runner.run(grey(*[99] * 7))
        levels = np.linspace(0, 255, count).astype(int).tolist()
        outputs = runner.run(grey(*levels))
        assert outputs.shape == (count, 2)
        assert outputs[:, 1] * 255 == pytest.approx(levels, abs=1e-3)


@DEVICES
def test_buffers_are_bound_once_and_results_are_copies(device: Device, tmp_path: Path) -> None:
    runner = start(shade_model(tmp_path / "model.onnx"), device)
    slots = [runner._slots.get() for _ in range(device.slots)]
    assert len({slot.pixels.ctypes.data for slot in slots}) == device.slots
    for slot in slots:
        assert [bound.pixels.data_ptr() for bound in slot.bound.values()] == [slot.pixels.ctypes.data] * len(
            runner.sizes
        )
        runner._slots.put(slot)
    kept = [runner.run(grey(level)) for level in (0, 51, 255)]
    assert [float(outputs[0, 1]) for outputs in kept] == pytest.approx([0, 0.2, 1])


@DEVICES
def test_all_runs_of_a_gpu_are_on_one_thread(device: Device, tmp_path: Path) -> None:
    """ONNX Runtime captures CUDA graphs for each thread: one that has not captured would do it while serving."""
    runner = start(shade_model(tmp_path / "model.onnx"), device)
    seen = set()
    run = runner.session.run_with_iobinding

    def watch(*arguments: object) -> None:
        seen.add(threading.get_ident())
        run(*arguments)

    runner.session.run_with_iobinding = watch
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda level: runner.run(grey(level)), range(40)))
    assert len(seen) == 1 or not device.padded
    assert (threading.get_ident() in seen) is False
    runner.close()


def test_batches_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    runner = start(shade_model(tmp_path / "model.onnx"), LIKE_A_GPU)

    def ask(seed: int) -> None:
        draws = np.random.default_rng(seed)
        for _ in range(200):
            levels = draws.integers(0, 256, draws.integers(1, 9)).tolist()
            assert runner.run(grey(*levels))[:, 1] * 255 == pytest.approx(levels, abs=1e-3)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ask, range(2)))


def test_a_model_of_one_batch_size_is_padded(tmp_path: Path) -> None:
    runner = start(shade_model(tmp_path / "model.onnx", batch=3), PLAIN)
    assert (runner.sizes, runner.max_batch) == ([3], 3)
    assert runner.run(grey(255))[:, 1].tolist() == [1.0]


@DEVICES
def test_sizes_that_do_not_fit_into_memory_are_not_used(
    device: Device, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runner = start(hungry_model(tmp_path / "model.onnx", fits=4), device)
    assert runner.sizes == ([1, 2, 4] if device.padded else [1, 2, 3, 4])
    assert runner.max_batch == 4
    assert "does not fit into memory" in caplog.text


@DEVICES
def test_a_batch_that_no_longer_fits_is_run_in_smaller_ones(device: Device, tmp_path: Path) -> None:
    """Memory that was there at the start may be taken by another process later."""
    runner = start(shade_model(tmp_path / "model.onnx"), device)
    starved = start(hungry_model(tmp_path / "hungry.onnx", fits=4), device)
    for slot in [runner._slots.get() for _ in range(device.slots)]:
        slot._session = starved.session
        for size in runner.sizes:
            slot.bind(size)
        runner._slots.put(slot)
    runner.session = starved.session
    levels = [0, 30, 60, 90, 120, 150, 180, 255]
    assert runner.run(grey(*levels))[:, 1] * 255 == pytest.approx(levels, abs=1e-3)
    assert runner.max_batch == 4
    assert runner.works


@DEVICES
def test_a_run_that_fails_for_its_images_does_not_condemn_the_device(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picky_model(tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="it cannot run on 1 images: "):  # the noise of the warm-up is out of range
        start(path, device, side=1)
    with monkeypatch.context() as patch:
        patch.setattr(np.random, "default_rng", lambda seed: Zeros())
        runner = start(path, device, side=1)
    for _ in range(3):
        with pytest.raises(Exception, match=r"out of data bounds|out of range|must be within"):
            runner.run(grey(1, 200, side=1))
        assert runner.works
        assert runner.run(grey(1, 0, side=1)).tolist() == [[2, 2], [1, 1]]


class Zeros:
    """A generator of noise that is all 0."""

    def integers(self, low: int, high: int, shape: tuple[int, ...], dtype: type) -> NDArray[np.uint8]:
        return np.zeros(shape, np.uint8)


class Lost:
    """What a session of a lost GPU does; no machine of the tests has one to lose."""

    def run_with_iobinding(self, binding: object, options: object) -> None:
        raise RuntimeError("CUDA failure 700: an illegal memory access was encountered\nGPU=0")


@DEVICES
def test_a_device_that_does_not_answer_is_lost(device: Device, tmp_path: Path) -> None:
    runner = start(shade_model(tmp_path / "model.onnx"), device)
    assert runner.works
    runner.session = Lost()
    with pytest.raises(DeviceLostError, match=r"the device that runs the model has failed: CUDA failure 700: [^\n]*$"):
        runner.run(grey(1))
    assert not runner.works
    for _ in range(3):
        with pytest.raises(DeviceLostError, match="waits to be restarted"):
            runner.run(grey(1))
