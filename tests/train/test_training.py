from pathlib import Path

import numpy as np
import pytest

from train import training
from train.data import load
from train.examples import Examples, Extras, Kind
from train.training import Settings, augment_examples, choose_copy, train

SETTINGS = Settings(
    images=300,
    extras=Extras(30, 0, 30, 30),
    teachers=1,
    teacher_epochs=2,
    copies=2,
    student_epochs=3,
    finish_copies=1,
    finish_epochs=2,
)


def test_other_settings_have_another_folder(tmp_path: Path) -> None:
    folders = {Settings(seed=seed, copies=copies).folder(tmp_path) for seed in (1, 2) for copies in (3, 4)}
    assert len(folders) == 4
    assert Settings().folder(tmp_path) == Settings().folder(tmp_path)


def test_the_student_ends_on_gentle_copies_and_sees_every_copy() -> None:
    settings = Settings(copies=8, student_epochs=40)
    chosen = [choose_copy(epoch, settings) for epoch in range(40)]
    assert chosen[:30] == [epoch % 6 for epoch in range(30)]
    assert set(chosen[30:]) == {6, 7}


def test_of_the_finish_a_share_of_mnist_is_as_it_is_and_others_have_places(tiny_file: Path) -> None:
    mnist = load(tiny_file)
    examples = Examples(mnist.train_images[:300], np.eye(10, dtype=np.float32)[mnist.train_labels[:300]], 150)
    kind = Kind(light=1.0, still=0.4, mnist=0.8)
    chosen = examples.choose(np.random.default_rng([1, 0]), kind)
    pictures, truth = augment_examples(examples, 1, 0, kind)
    assert (truth == chosen.truth).all()
    assert len(pictures) == examples.per_epoch == 200
    assert chosen.still[:120].mean() == pytest.approx(0.4, abs=0.15)
    assert not chosen.still[120:].any()
    same = (pictures == chosen.images).all(axis=(1, 2, 3))
    assert (same[:120] == chosen.still[:120]).all()


def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    tmp_path: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after the teacher's first epoch, after the first copy, and after the student's second epoch."""
    mnist = load(tiny_file)
    whole, curves = train(mnist.train_images, mnist.train_labels, [], SETTINGS, tmp_path / "whole")
    augment_all, calls = training.augment_all, 0

    def interrupted(*arguments: object) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls in (2, 5):
            raise KeyboardInterrupt
        return augment_all(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "augment_all", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(mnist.train_images, mnist.train_labels, [], SETTINGS, tmp_path / "parts")
    save, saved = training.save, 0

    def interrupted_save(*arguments: object) -> None:
        nonlocal saved
        save(*arguments)  # type: ignore[arg-type]
        saved += 1
        if saved == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "save", interrupted_save)
    with pytest.raises(KeyboardInterrupt):
        train(mnist.train_images, mnist.train_labels, [], SETTINGS, tmp_path / "parts")
    parts, resumed_curves = train(mnist.train_images, mnist.train_labels, [], SETTINGS, tmp_path / "parts")
    assert {name: len(curve["loss"]) for name, curve in resumed_curves.items()} == {"teacher 1": 2, "student": 3 + 2}
    np.testing.assert_allclose(resumed_curves["student"]["loss"], curves["student"]["loss"], rtol=1e-3)
    for one, other in zip(parts.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=0.02)  # threads add in any order
