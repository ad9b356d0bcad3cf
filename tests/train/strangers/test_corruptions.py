import numpy as np
import pytest

from train.strangers.corruptions import TRAINABLE, UNSEEN, corrupt, dotted_line, fog, rotate, stripe, translate, zigzag


def test_there_are_the_fifteen_of_the_paper(digits: np.ndarray) -> None:
    names = [name for name, _ in corrupt(digits)]
    assert names == [*TRAINABLE, *UNSEEN]
    assert (len(TRAINABLE), len(UNSEEN)) == (10, 5)


def test_each_changes_every_image_and_keeps_shape_and_dtype(digits: np.ndarray) -> None:
    for name, pictures in corrupt(digits):
        assert pictures.shape == digits.shape, name
        assert pictures.dtype == np.uint8
        assert (pictures != digits).any(axis=(1, 2, 3)).all(), name


def test_they_are_the_same_every_time(digits: np.ndarray) -> None:
    for (_, one), (_, other) in zip(corrupt(digits), corrupt(digits), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stripe_is_the_negative_of_the_outer_quarters() -> None:
    changed = stripe(np.zeros((1, 28, 28)), np.random.default_rng(0))
    assert changed[0, 0].tolist() == [1] * 7 + [0] * 14 + [1] * 7


def test_a_translation_is_by_three_along_both_axes() -> None:
    image = np.zeros((8, 28, 28))
    image[:, 14, 14] = 1
    moved = translate(image, np.random.default_rng(0))
    assert {tuple(place[1:]) for place in np.argwhere(moved)} <= {(11, 11), (11, 17), (17, 11), (17, 17)}
    assert moved.sum() == 8


def test_a_rotation_keeps_the_centre_and_turns_by_23_degrees() -> None:
    image = np.zeros((1, 28, 28))
    image[:, 2:26, 13:15] = 1
    rows, columns = np.nonzero(rotate(image, np.random.default_rng(0))[0] > 0.5)
    slope = np.polyfit(rows, columns, 1)[0]
    assert abs(abs(slope) - np.tan(0.4)) < 0.05
    assert abs(columns.mean() - 13.5) < 0.5


@pytest.mark.parametrize(("draw", "columns"), [(dotted_line, (2, 27)), (zigzag, (2, 25))])
def test_lines_go_from_side_to_side(draw: object, columns: tuple[int, int]) -> None:
    lines = draw(np.zeros((20, 28, 28)), np.random.default_rng(0))  # type: ignore[operator]
    drawn = np.flatnonzero(lines.clip(0, 1).any(axis=(0, 1)))
    assert (drawn.min(), drawn.max()) == pytest.approx(columns, abs=1)
    assert ((lines > 0.9).sum(axis=1).max(axis=1) >= 1).all()


def test_fog_is_smooth_and_leaves_a_quarter_of_the_contrast() -> None:
    images = np.zeros((90, 28, 28))
    images[:, 10:18, 10:18] = 1
    foggy = fog(images, np.random.default_rng(0))
    plain = fog(0 * images, np.random.default_rng(0))
    np.testing.assert_allclose((foggy - plain)[:, 12, 12], 0.25)
    steps, spread = np.abs(np.diff(plain, axis=2)).mean(), plain.std()
    assert steps < spread / 3
