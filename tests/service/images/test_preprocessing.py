from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service.images.preprocessing import GREY, RGB, Target, fit
from service.images.scaling import resize

WHITE, RED = (255, 255, 255), (255, 0, 0)


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 3, 4])),
    st.tuples(st.integers(1, 90), st.integers(1, 90), st.sampled_from([GREY, RGB])),
)
def test_any_image_fits_any_model(shape: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    fitted = fit(np.random.default_rng(0).integers(0, 256, shape, np.uint8), Target(*wanted, WHITE))
    assert fitted.shape == wanted
    assert str(fitted.dtype) == "uint8"


def test_an_image_of_the_models_size_is_taken_as_it_is() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    assert fit(pixels, Target(3, 4, GREY, WHITE)) is pixels


@pytest.mark.parametrize(("alpha", "expected"), [(0, RED), (255, (0, 0, 255)), (51, (204, 0, 51))])
def test_transparency_shows_the_background(alpha: int, expected: tuple[int, int, int]) -> None:
    pixels = np.full((2, 2, 4), (0, 0, 255, alpha), np.uint8)
    assert fit(pixels, Target(2, 2, RGB, RED))[0, 0].tolist() == list(expected)


def test_transparent_grey_shows_the_background_in_grey() -> None:
    assert fit(np.full((2, 2, 4), (9, 9, 9, 0), np.uint8), Target(2, 2, GREY, WHITE)).ravel().tolist() == [255] * 4


def test_every_alpha_is_rounded_to_the_nearest_on_every_row() -> None:
    """All 65,536 pairs of a level and an alpha: more rows than are done at a time."""
    levels, alphas = np.meshgrid(np.arange(256), np.arange(256))
    pixels = np.dstack((levels, levels, levels, alphas)).astype(np.uint8)
    shown = fit(pixels, Target(256, 256, RGB, (255, 0, 7)))
    share = alphas[..., None] / 255
    assert np.array_equal(shown, np.rint(levels[..., None] * share + np.array([255, 0, 7]) * (1 - share)))


def test_colour_becomes_luma_and_grey_becomes_three_channels() -> None:
    assert fit(np.full((1, 1, 3), (255, 0, 0), np.uint8), Target(1, 1, GREY, WHITE)).item() == 76
    assert fit(np.full((1, 1, 1), 9, np.uint8), Target(1, 1, RGB, WHITE)).ravel().tolist() == [9, 9, 9]


def test_proportions_are_kept_and_paper_goes_on_as_paper() -> None:
    """A black square in the middle of a wide grey sheet stays a square, and no edge appears where the sheet ends."""
    sheet = np.full((100, 200, 1), 180, np.uint8)
    sheet[30:70, 80:120] = 0
    fitted = fit(sheet, Target(20, 20, GREY, WHITE))[:, :, 0]
    ink = fitted < 90
    assert (ink.any(axis=0).sum(), ink.any(axis=1).sum()) == (4, 4)
    assert set(fitted[:5].ravel()) | set(fitted[-5:].ravel()) | set(fitted[:, :4].ravel()) == {180}


def test_scaling_down_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[::2] = 255
    fitted = fit(stripes, Target(8, 8, GREY, WHITE))
    assert 120 < fitted.min() <= fitted.max() < 136


@pytest.mark.parametrize("side", [28, 64, 65, 224])
def test_the_filter_is_near_to_pillows_antialiased_ones(side: int) -> None:
    """On a natural texture the mean error stays well below what bilinear and bicubic differ by."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    photo = noise.resize((640, 480), Image.Resampling.BICUBIC)
    height = round(side * 3 / 4)
    ours = resize(np.asarray(photo), height, side).astype(int)
    lanczos, bicubic, bilinear = (
        np.asarray(photo.resize((side, height), getattr(Image.Resampling, name)), int)
        for name in ("LANCZOS", "BICUBIC", "BILINEAR")
    )
    error = min(np.abs(ours - lanczos).mean(), np.abs(ours - bicubic).mean())
    assert error < 0.75 * np.abs(bilinear - lanczos).mean()


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000, 1), (3, 40_000), (1, 1)])
def test_any_proportions(shape: tuple[int, int]) -> None:
    for side in (28, 224):
        assert set(fit(np.full((*shape, 3), 77, np.uint8), Target(side, side, RGB, WHITE)).ravel()) == {77}


def test_half_a_pixel_of_a_crop_is_rounded_to_the_even_one() -> None:
    """As torchvision's CenterCrop does, where (8 - 5) / 2 is 2, (12 - 5) / 2 is 4 and (12 - 7) / 2 is 2."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    for width, left in ((5, 4), (7, 2)):
        target = Target.plan((5, width), 3, WHITE, "crop", "bilinear", 8)
        assert np.array_equal(fit(pixels, target), pixels[2:7, left : left + width])
