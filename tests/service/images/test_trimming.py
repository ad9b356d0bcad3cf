"""Trimming: the subject's box on plain ground, and nothing where the ground is not plain."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from service.images.placing import border_colour
from service.images.preprocessing import GREY, RGB, RGBA, Target, find_region, fit
from service.images.trimming import Box, find_subject, look_at

WHITE = (255, 255, 255)
SIDE, MARGIN = 28, 0.14
Pixels = NDArray[np.uint8]


def trimmed(pixels: Pixels, channels: int = GREY, size: tuple[int, int] = (SIDE, SIDE)) -> Pixels:
    return fit(pixels, Target.plan(size, channels, WHITE, "trim", None, margin=MARGIN))


def fitted(pixels: Pixels, channels: int = GREY) -> Pixels:
    return fit(pixels, Target.plan((SIDE, SIDE), channels, WHITE, "fit", None))


def find(pixels: Pixels) -> Box | None:
    view, factor = look_at(pixels)
    box = find_subject(view, border_colour(view))
    return box and Box(*(factor * side for side in box))


def sheet(share: float, x: float, y: float, side: int = 300, paper: int = 220, ink: int = 30) -> Pixels:
    """A 5 of three bars, its height a share of the sheet, at a place from 0 to 1 of what is free."""
    pixels = np.full((side, side, 1), paper, np.uint8)
    height = round(share * side)
    width, pen = max(3, height * 2 // 3), max(1, height // 7)
    glyph = np.zeros((height, width), bool)
    for top in (0, (height - pen) // 2, height - pen):
        glyph[top : top + pen] = True
    glyph[: height // 2, :pen] = glyph[height // 2 :, -pen:] = True
    edge = side // 40
    top, left = (round(edge + at * (side - length - 2 * edge)) for at, length in ((y, height), (x, width)))
    pixels[top : top + height, left : left + width, 0][glyph] = ink
    return pixels


def ink_box(pixels: Pixels) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of what is nearer to black."""
    rows, columns = np.nonzero(pixels[..., 0] < 128)
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


@pytest.mark.parametrize("share", [0.15, 0.25, 0.4, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("place", [(0.02, 0.02), (0.5, 0.9), (0.98, 0.5), (0.3, 0.1), (1, 1)])
def test_a_glyph_of_any_size_at_any_place_comes_out_the_same(share: float, place: tuple[float, float]) -> None:
    for side in (90, 300, 1100):
        top, left, bottom, right = ink_box(trimmed(sheet(share, *place, side)))
        assert abs(bottom - top - 20) <= 2
        assert abs(top + bottom - SIDE) <= 2
        assert abs(left + right - SIDE) <= 2


def test_light_on_dark_is_the_negative_of_dark_on_light() -> None:
    dark, light = sheet(0.3, 0.8, 0.2), 255 - sheet(0.3, 0.8, 0.2)
    assert np.abs(255 - trimmed(light).astype(int) - trimmed(dark)).max() <= 2


def test_proportions_are_kept_in_a_target_of_any() -> None:
    top, left, bottom, right = ink_box(trimmed(sheet(0.3, 0.1, 0.7), size=(40, 100)))
    assert abs((right - left) / (bottom - top) - 2 / 3) < 0.1
    assert abs(bottom - top - 0.72 * 40) <= 2


def test_colour_alone_tells_a_subject_from_its_ground() -> None:
    """Red on a green of the same luma."""
    pixels = np.full((200, 200, 3), (0, 130, 0), np.uint8)
    pixels[20:60, 120:160] = (255, 0, 0)
    shown = trimmed(pixels, RGB)
    red = shown[..., 0] > 128
    assert (red.any(axis=0).sum(), red.any(axis=1).sum()) == (20, 20)


def test_transparency_tells_a_subject_where_a_model_takes_it() -> None:
    pixels = np.zeros((200, 200, 4), np.uint8)
    pixels[20:60, 120:160, 3] = 255
    opaque = trimmed(pixels, RGBA)[..., 3] > 128
    assert (opaque.any(axis=0).sum(), opaque.any(axis=1).sum()) == (20, 20)


def test_what_has_the_models_size_is_taken_as_it_is() -> None:
    pixels = sheet(0.3, 0.1, 0.1, SIDE)
    target = Target.plan((SIDE, SIDE), GREY, WHITE, "trim", None, margin=MARGIN)
    assert fit(pixels, target) is pixels


def test_without_a_margin_the_subject_fills_the_size() -> None:
    target = Target.plan((SIDE, SIDE), GREY, WHITE, "trim", None)
    assert ink_box(fit(sheet(0.4, 0.2, 0.6), target))[::2] == (0, SIDE)


def test_the_ground_goes_on_where_the_picture_ends() -> None:
    """A subject at the edge has as much free around it as one in the middle."""
    shown = trimmed(sheet(0.9, 0.5, 0.5, paper=180))
    assert set(shown[0].ravel()) | set(shown[-1].ravel()) | set(shown[:, 0].ravel()) <= set(range(176, 185))


def smooth(height: int, width: int, grain: float, seed: int) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    levels = cv2.GaussianBlur(noise, (0, 0), grain)
    whole: NDArray[np.float64] = (levels - levels.min()) / np.ptp(levels)
    return whole


def fog(seed: int) -> Pixels:
    ground = 60 + 190 * smooth(240, 240, 30, seed)
    return np.minimum(ground[..., None], sheet(0.5, 0.5, 0.5, 240, 255, 50)).astype(np.uint8)


def hard_shadow(seed: int) -> Pixels:
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[:240, :240] / 240
    angle = draws.uniform(0, 2 * np.pi)
    dark = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5) > draws.uniform(-0.2, 0.2)
    return (sheet(0.5, 0.5, 0.5, 240) * np.where(dark, 0.5, 1)[..., None]).astype(np.uint8)


def noise(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (60, 60, 1), np.uint8)


def ruled(seed: int) -> Pixels:
    pixels = sheet(0.5, 0.5, 0.5, 240)
    pixels[np.random.default_rng(seed).integers(5, 20) :: 24] = 30
    return pixels


def photograph(seed: int) -> Pixels:
    photo = (data.chelsea, data.coffee, data.astronaut)[seed % 3]()
    top, left = np.random.default_rng(seed).integers(0, 60, 2)
    return np.ascontiguousarray(photo[top : top + 220, left : left + 300])


def blank(seed: int) -> Pixels:
    return np.full((90, 80, 1), seed, np.uint8)


@pytest.mark.parametrize("make", [fog, hard_shadow, noise, ruled, photograph, blank])
@pytest.mark.parametrize("seed", range(12))
def test_ground_that_is_not_plain_leaves_the_picture_alone(make: object, seed: int) -> None:
    pixels = make(seed)  # type: ignore[operator]
    assert find(pixels) is None
    channels = pixels.shape[2]
    assert np.array_equal(trimmed(pixels, channels), fitted(pixels, channels))


def test_a_speck_of_dust_is_no_subject() -> None:
    pixels = np.full((300, 300, 1), 200, np.uint8)
    pixels[100:105, 40:44] = 0
    assert find(pixels) is None


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300), st.sampled_from([GREY, RGB, RGBA])),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.floats(0, 0.4),
    st.integers(0, 4),
)
def test_any_picture_comes_to_any_size(
    shape: tuple[int, int, int], size: tuple[int, int], margin: float, seed: int
) -> None:
    """A random rectangle on plain ground, which may be the whole picture."""
    draws = np.random.default_rng([*shape[:2], seed])
    pixels = np.full(shape, draws.integers(256, size=shape[2]), np.uint8)
    top, left = draws.integers(shape[0]), draws.integers(shape[1])
    pixels[top : draws.integers(top, shape[0]) + 1, left : draws.integers(left, shape[1]) + 1] = 255 - pixels[0, 0]
    shown = fit(pixels, Target.plan(size, shape[2], WHITE, "trim", None, margin=margin))
    assert shown.shape == (*size, shape[2])


@given(st.floats(0.15, 0.9), st.floats(0, 1), st.floats(0, 1), st.integers(60, 700))
def test_the_box_is_the_subjects(share: float, x: float, y: float, side: int) -> None:
    pixels = sheet(share, x, y, side)
    rows, columns = np.nonzero(pixels[..., 0] < 128)
    box, factor = find(pixels), look_at(pixels)[1]
    assert box is not None
    expected = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    assert max(abs(int(one) - other) for one, other in zip(expected, box, strict=True)) <= 2 * factor


@pytest.mark.parametrize("shape", [(1, 100_000), (100_000, 1), (2, 40_000), (40_000, 3)])
def test_the_longest_pictures_cost_no_more_than_they_must(shape: tuple[int, int]) -> None:
    pixels = np.full((*shape, 3), 77, np.uint8)
    pixels[shape[0] // 2, shape[1] // 3 : shape[1] // 2] = 255
    assert trimmed(pixels, RGB).shape == (SIDE, SIDE, 3)


def test_the_region_is_the_subjects_box_where_a_model_trims() -> None:
    pixels = sheet(0.3, 0.7, 0.2)
    top, left, bottom, right = ink_box(pixels)
    trims = Target.plan((SIDE, SIDE), GREY, WHITE, "trim", None, margin=MARGIN)
    assert find_region(pixels, trims) == pytest.approx(Box(top, left, bottom, right), abs=3)
    alpha = np.dstack((np.zeros((300, 300, 3), np.uint8), 255 - pixels[..., 0]))
    assert find_region(alpha, trims) == pytest.approx(Box(top, left, bottom, right), abs=3)
    assert find_region(pixels, Target.plan((SIDE, SIDE), GREY, WHITE, "fit", None)) is None
    assert find_region(np.full((300, 300, 1), 200, np.uint8), trims) is None
    assert find_region(pixels[:SIDE, :SIDE], trims) is None
