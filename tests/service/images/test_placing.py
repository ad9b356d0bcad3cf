from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.images.placing import MAX_OWN_SIDE
from service.images.preprocessing import GREY, RGB, RGBA, Target, fit
from service.images.scaling import FILTERS, resize

WHITE = (255, 255, 255)


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def plan(
    size: tuple[int, int], way: str, filter_: str | None = None, shorter: int | None = None, channels: int = RGB
) -> Target:
    return Target.plan(size, channels, WHITE, way, filter_, shorter)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("channels", [GREY, RGB])
def test_filters_are_pillows(name: str, channels: int) -> None:
    pixels = noise(50, 70, channels)
    picture = Image.fromarray(pixels if channels == RGB else pixels[:, :, 0])
    expected = np.asarray(picture.resize((20, 30), FILTERS[name])).reshape(30, 20, channels)
    assert np.array_equal(fit(pixels, plan((30, 20), "stretch", name, channels=channels)), expected)


def test_a_stretched_picture_loses_its_proportions() -> None:
    pixels = noise(40, 80, 3)
    assert np.array_equal(fit(pixels, plan((28, 28), "stretch")), resize(pixels, 28, 28))


@pytest.mark.parametrize("shape", [(40, 80), (80, 40), (40, 40), (13, 57)])
def test_a_crop_covers_the_size_and_takes_the_centre(shape: tuple[int, int]) -> None:
    pixels = noise(*shape, 3)
    share = 20 / min(shape)
    scaled = resize(pixels, *(int(side * share + 1e-9) for side in shape))
    top, left = round((scaled.shape[0] - 20) / 2), round((scaled.shape[1] - 20) / 2)
    assert np.array_equal(fit(pixels, plan((20, 20), "crop")), scaled[top : top + 20, left : left + 20])


@pytest.mark.parametrize("shape", [(20, 20), (10, 33), (64, 48), (24, 24)])
def test_the_shorter_side_comes_first_whatever_the_pictures_size(shape: tuple[int, int]) -> None:
    """Also where the picture has the model's size already."""
    pixels = noise(*shape, 3)
    picture = Image.fromarray(pixels)
    height, width = (side * 24 // min(shape) for side in shape)
    scaled = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    top, left = round((height - 20) / 2), round((width - 20) / 2)  # as torchvision.transforms.CenterCrop
    fitted = fit(pixels, plan((20, 20), "crop", "bilinear", 24))
    assert np.array_equal(fitted, scaled[top : top + 20, left : left + 20])


@pytest.mark.parametrize("way", ["fit", "crop"])
@pytest.mark.parametrize("shape", [(1, 999), (999, 1), (1, 1), (7, 3), (300, 299)])
def test_any_picture_comes_to_any_size(way: str, shape: tuple[int, int]) -> None:
    for size in ((7, 31), (31, 7), (1, 1)):
        assert fit(noise(*shape, 3), plan(size, way)).shape == (*size, 3)
        assert fit(noise(*shape, 1), plan(size, way, "bicubic", channels=GREY)).shape == (*size, 1)


@pytest.mark.parametrize("shorter", [None, 24])
def test_the_middle_of_a_long_picture_is_as_if_all_of_it_were_scaled(shorter: int | None) -> None:
    pixels = noise(6, 600, 3)
    side = shorter or 20
    top, left = (side - 20) // 2, (100 * side - 20) // 2
    scaled = resize(pixels, side, 100 * side)[top : top + 20, left : left + 20]
    assert np.array_equal(fit(pixels, plan((20, 20), "crop", None, shorter)), scaled)
    turned = fit(np.ascontiguousarray(pixels.transpose(1, 0, 2)), plan((20, 20), "crop", None, shorter))
    assert np.array_equal(turned, scaled.transpose(1, 0, 2))


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000, 1)])
@pytest.mark.parametrize("filter_", [None, "bilinear"])
@pytest.mark.parametrize("shorter", [None, 256])
def test_a_line_fits_into_the_memory(shape: tuple[int, int], filter_: str | None, shorter: int | None) -> None:
    """As a PNG it has 3 kB; scaled as a whole until it covers 224 x 224, it would have 150 GB."""
    pixels = np.broadcast_to(np.uint8(200), (*shape, 3))
    for size in ((224, 224), (1, 224), (224, 1)):
        assert (fit(np.ascontiguousarray(pixels), plan(size, "crop", filter_, shorter)) == 200).all()


def test_a_picture_keeps_its_own_size_up_to_a_bound() -> None:
    pixels = noise(30, 50, 3)
    assert fit(pixels, plan((0, 0), "fit")) is pixels
    assert fit(noise(30, 50, 1), plan((0, 0), "crop")).shape == (30, 50, 3)
    assert fit(noise(30, 2 * MAX_OWN_SIDE, 3), plan((0, 0), "fit")).shape == (15, MAX_OWN_SIDE, 3)
    assert fit(noise(3 * MAX_OWN_SIDE, 1, 3), plan((0, 0), "fit")).shape == (MAX_OWN_SIDE, 1, 3)


def test_alpha_is_a_channel_like_the_others_where_a_model_takes_it() -> None:
    pixels = noise(6, 8, 4)
    target = plan((6, 8), "fit", channels=RGBA)
    assert fit(pixels, target) is pixels
    assert np.array_equal(fit(pixels[:, :, :3].copy(), target)[:, :, 3], np.full((6, 8), 255))
    grey = fit(pixels[:, :, :1].copy(), target)
    assert np.array_equal(grey, np.dstack((*[pixels[:, :, :1]] * 3, np.full((6, 8), 255, np.uint8))))
    for name in (None, "bilinear"):
        halved = fit(pixels, plan((3, 4), "stretch", name, channels=RGBA))
        for band in range(4):
            one = fit(pixels[:, :, band : band + 1].copy(), plan((3, 4), "stretch", name, channels=GREY))
            assert np.array_equal(halved[:, :, band], one[:, :, 0])
