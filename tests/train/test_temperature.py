"""The temperature doubts as much as the calibration of pictures of digits allows."""

import keras
import numpy as np
import pytest

from train.evaluation import calibration_error
from train.temperature import TEMPERATURES, choose_temperature, fold


def draw_logits(true_temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of whoever is as sure as it may be when they are divided by that, and the labels that are drawn so."""
    draws = np.random.default_rng(1)
    logits = draws.normal(scale=6, size=(50_000, 10)).astype(np.float32)
    noise = draws.gumbel(size=logits.shape)
    return logits, (logits / true_temperature + noise).argmax(axis=1).astype(np.uint8)


def test_it_is_the_highest_that_stays_calibrated() -> None:
    clean, changed = draw_logits(1.2), draw_logits(1.2)
    chosen = choose_temperature(*clean, *changed)
    assert 1.2 <= chosen < 1.4  # 1 % of error is allowed beyond what is right


def test_a_bound_that_neither_keeps_leaves_everything_as_it_is() -> None:
    assert choose_temperature(*draw_logits(6.0), *draw_logits(6.0)) == 1.0


def test_the_stricter_of_both_decides() -> None:
    calm, sharp = draw_logits(1.6), draw_logits(1.0)
    assert choose_temperature(*sharp, *calm) < choose_temperature(*calm, *calm) <= max(TEMPERATURES)


def test_folded_logits_are_divided_and_no_class_changes() -> None:
    images = keras.Input((4,))
    student = keras.Model(images, keras.layers.Dense(10, name="logits", bias_initializer="normal")(images))
    given = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)
    before = student.predict(given, verbose=0)
    fold(student, 1.3)
    assert student.predict(given, verbose=0) == pytest.approx(before / 1.3, abs=1e-5)


def test_a_temperature_that_is_right_has_no_error() -> None:
    logits, labels = draw_logits(1.0)
    powers = np.exp(logits)
    assert calibration_error(powers / powers.sum(axis=1, keepdims=True), labels) < 0.5
