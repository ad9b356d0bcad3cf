from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.images.preprocessing import GREY, RGB, fit

WHITE, RED = (255, 255, 255), (255, 0, 0)


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4)),
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([GREY, RGB])),
)
def test_any_image_fits_any_model(shape: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    fitted = fit(np.random.default_rng(0).integers(0, 256, shape, np.uint8), *wanted, WHITE)
    assert fitted.shape == wanted
    assert str(fitted.dtype) == "uint8"


def test_an_image_of_the_models_size_is_taken_as_it_is() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    assert fit(pixels, 3, 4, GREY, WHITE) is pixels


@pytest.mark.parametrize(("alpha", "expected"), [(0, RED), (255, (0, 0, 255)), (51, (204, 0, 51))])
def test_transparency_shows_the_background(alpha: int, expected: tuple[int, int, int]) -> None:
    pixels = np.full((2, 2, 4), (0, 0, 255, alpha), np.uint8)
    assert fit(pixels, 2, 2, RGB, RED)[0, 0].tolist() == list(expected)


def test_transparent_grey_shows_the_background_in_grey() -> None:
    assert fit(np.full((2, 2, 2), (9, 0), np.uint8), 2, 2, GREY, WHITE).ravel().tolist() == [255] * 4


def test_colour_becomes_luma_and_grey_becomes_three_channels() -> None:
    assert fit(np.full((1, 1, 3), (255, 0, 0), np.uint8), 1, 1, GREY, WHITE).item() == 76
    assert fit(np.full((1, 1, 1), 9, np.uint8), 1, 1, RGB, WHITE).ravel().tolist() == [9, 9, 9]


def test_proportions_are_kept_and_paper_goes_on_as_paper() -> None:
    """A black square in the middle of a wide grey sheet stays a square, and no edge appears where the sheet ends."""
    sheet = np.full((100, 200, 1), 180, np.uint8)
    sheet[30:70, 80:120] = 0
    fitted = fit(sheet, 20, 20, GREY, WHITE)[:, :, 0]
    ink = fitted < 90
    assert (ink.any(axis=0).sum(), ink.any(axis=1).sum()) == (4, 4)
    assert set(fitted[:5].ravel()) | set(fitted[-5:].ravel()) | set(fitted[:, :4].ravel()) == {180}


def test_scaling_down_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[::2] = 255
    fitted = fit(stripes, 8, 8, GREY, WHITE)
    assert 120 < fitted.min() <= fitted.max() < 136
