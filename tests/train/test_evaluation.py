import numpy as np

from train.evaluation import conditions, draw


def test_every_condition_keeps_shape_and_dtype(digits: np.ndarray) -> None:
    for name, pixels in conditions(digits):
        assert (pixels.shape, pixels.dtype) == ((40, 28, 28, 1), np.dtype(np.uint8)), name


def test_conditions_are_the_same_every_time(digits: np.ndarray) -> None:
    for (_, one), (_, other) in zip(conditions(digits), conditions(digits), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_drawn_digit_is_dark_grey_on_light_grey_and_as_large_as_mnists() -> None:
    box = np.zeros((1, 28, 28, 1), np.uint8)
    box[:, 4:24, 4:24] = 255  # 20 pixels wide and high
    kept, turned, stretched = draw(box, (200, 300)), draw(box, (300, 200)), draw(box, (200, 300), stretch=True)
    for drawn in (kept, turned, stretched):
        assert drawn[0, 0, 0, 0] == 200
        assert abs(int(drawn[0, 14, 14, 0]) - 60) < 5  # the filter's ringing: it is sharper than what it is given
    for drawn, (width, height) in ((kept, (20, 20)), (turned, (20, 20)), (stretched, (13.3, 20))):
        ink = drawn[0, ..., 0] < 130
        assert abs(ink.any(axis=0).sum() - width) <= 1
        assert abs(ink.any(axis=1).sum() - height) <= 1
