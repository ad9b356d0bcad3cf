import numpy as np
from PIL import Image

from train.evaluation import conditions, draw, prepare


def test_every_condition_keeps_shape_and_dtype(digits: np.ndarray) -> None:
    for name, pixels in conditions(digits):
        assert (pixels.shape, pixels.dtype) == ((40, 28, 28, 1), np.dtype(np.uint8)), name


def test_conditions_are_the_same_every_time(digits: np.ndarray) -> None:
    for (_, one), (_, other) in zip(conditions(digits), conditions(digits), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_tall_upload_is_fitted_and_padded_with_its_border() -> None:
    upload = Image.new("L", (100, 200), 180)
    upload.paste(20, (40, 0, 60, 200))
    pixels = np.asarray(prepare(upload))
    assert pixels.shape == (28, 28)
    assert (pixels[:, :7] == 180).all()  # 14 of 28 columns are the picture, 7 on each side are padding
    assert (pixels[:, 21:] == 180).all()
    assert pixels[14, 13] < 60


def test_a_drawn_digit_is_dark_grey_on_light_grey_at_two_thirds() -> None:
    box = np.zeros((1, 28, 28, 1), np.uint8)
    box[:, 4:24, 4:24] = 255  # 20 pixels wide and high, so 13.3 after two thirds
    kept, turned, stretched = draw(box, (200, 300)), draw(box, (300, 200)), draw(box, (200, 300), stretch=True)
    for drawn in (kept, turned, stretched):
        assert drawn[0, 0, 0, 0] == 200
        assert abs(int(drawn[0, 14, 14, 0]) - 60) < 5  # the filter's ringing: it is sharper than what it is given
    sizes = [
        tuple(int((drawn[0, ..., 0] < 130).any(axis=axis).sum()) for axis in (0, 1)) for drawn in (kept, stretched)
    ]
    assert sizes in ([(13, 13), (13, 20)], [(14, 14), (14, 20)], [(13, 14), (13, 20)], [(14, 13), (14, 20)])
