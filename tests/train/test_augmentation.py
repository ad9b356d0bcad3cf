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


def test_what_is_changed_slightly_stays_legible(digits: np.ndarray) -> None:
    """Ink keeps standing out from the paper, and neither vanishes nor floods the picture."""
    pictures = augment(np.concatenate([digits] * 20), tf.constant([4, 5]), tf.constant(1.0)).numpy().astype(float)
    contrast = np.ptp(pictures, axis=(1, 2, 3))
    paper = np.median(pictures, axis=(1, 2, 3), keepdims=True)
    ink = (np.abs(pictures - paper) > contrast[:, None, None, None] / 2).mean(axis=(1, 2, 3))
    assert (contrast > 40).mean() > 0.970
    assert (ink.min() > 0.004, ink.max() < 0.5) == (True, True)


def test_what_is_changed_heavily_is_rarely_blank_and_of_many_kinds(digits: np.ndarray) -> None:
    pictures = augment(np.concatenate([digits] * 20), tf.constant([4, 5]), tf.constant(0.0)).numpy().astype(float)
    contrast = np.ptp(pictures, axis=(1, 2, 3))
    grain = np.abs(np.diff(pictures, axis=2)).mean(axis=(1, 2, 3))
    assert (contrast > 40).mean() > 0.97
    assert (contrast < 100).mean() > 0.05
    assert grain.max() > 5 * np.median(grain)


def test_each_picture_may_have_its_own_share(digits: np.ndarray) -> None:
    """The first twenty change slightly, so that their corners stay paper; of the others some do not."""
    share = tf.constant([1.0] * 20 + [0.0] * 20)
    pictures = augment(digits, tf.constant([8, 9]), share).numpy()
    corners = pictures[:, [0, 0, -1, -1], [0, -1, 0, -1], 0].astype(int)
    assert np.ptp(corners[:20], axis=1).max() < 30
    assert np.ptp(corners[20:], axis=1).max() > 60


def test_both_polarities_are_drawn(digits: np.ndarray) -> None:
    light_paper = (
        np.median(augment(np.concatenate([digits] * 10), tf.constant([6, 7]), tf.constant(0.5)).numpy(), axis=(1, 2, 3))
        > 127
    )
    assert 0.3 < light_paper.mean() < 0.7
