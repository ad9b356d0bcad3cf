import numpy as np
import tensorflow as tf

from train.augmentation import augment


def test_shape_and_dtype_are_kept(digits: np.ndarray) -> None:
    pictures = augment(digits, tf.constant([1, 2]), tf.constant(0.5)).numpy()
    assert (pictures.shape, pictures.dtype) == ((40, 28, 28, 1), np.uint8)


def test_the_same_seed_draws_the_same_pictures(digits: np.ndarray) -> None:
    one, same, other = (augment(digits, tf.constant([1, draw]), tf.constant(0.5)).numpy() for draw in (2, 2, 3))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any(axis=(1, 2, 3)).all()


def test_digits_stay_legible(digits: np.ndarray) -> None:
    """Ink keeps standing out from the paper, and neither vanishes nor floods the picture."""
    pictures = augment(np.concatenate([digits] * 20), tf.constant([4, 5]), tf.constant(0.5)).numpy().astype(float)
    contrast = np.ptp(pictures, axis=(1, 2, 3))
    paper = np.median(pictures, axis=(1, 2, 3), keepdims=True)
    ink = (np.abs(pictures - paper) > contrast[:, None, None, None] / 2).mean(axis=(1, 2, 3))
    assert contrast.min() > 40
    assert (ink.min() > 0.004, ink.max() < 0.5) == (True, True)


def test_both_polarities_are_drawn(digits: np.ndarray) -> None:
    light_paper = (
        np.median(augment(np.concatenate([digits] * 10), tf.constant([6, 7]), tf.constant(0.5)).numpy(), axis=(1, 2, 3))
        > 127
    )
    assert 0.3 < light_paper.mean() < 0.7
