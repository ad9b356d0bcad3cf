from __future__ import annotations

import pytest

from service.errors import ModelError
from service.inference.description import Description, Said
from service.inference.layout import Axis, find_layout


def read(shape: list[Axis], layout: str = "", depth: int | None = None) -> str:
    description = Description()
    if layout:
        description.add({"layout": Said(layout, "the test")})
    if depth:
        description.add({"channels": Said({1: "gray", 3: "rgb", 4: "rgba"}[depth], "the test")})
    try:
        return find_layout("image", shape, depth, description)
    except ModelError as error:
        return str(error)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (["N", 3, 224, 224], "NCHW"),
        (["N", 224, 224, 3], "NHWC"),
        ([1, 1, 28, 28], "NCHW"),
        ([None, 28, 28, 1], "NHWC"),
        (["N", 4, 32, 32], "NCHW"),
        (["N", 4, 4, 1], "NHWC"),  # one channel is more common than four
        (["N", 3, 4, 4], "NCHW"),
        ([-1, 3, -1, -1], "NCHW"),
        (["N", "h", "w", 3], "NHWC"),
        (["N", "C", "H", "W"], "NCHW"),
        (["batch_size", "num_channels", "image_height", "image_width"], "NCHW"),
        ([3, 224, 224], "CHW"),
        ([224, 224, 3], "HWC"),
        ([1, 28, 28], "CHW"),
        ([28, 28, 1], "HWC"),
        (["N", 28, 28], "NHW"),
        ([2, 4, 4], "NHW"),
        ([4, 32, 32], "CHW"),
        ([None, None, 3], "HWC"),
        (["N", 784], "NC"),
    ],
)
def test_shapes_that_are_clear(shape: list[Axis], expected: str) -> None:
    assert read(shape) == expected


@pytest.mark.parametrize("shape", [["N", 3, 12, 3], ["N", 3, 3, 3], [None] * 4, ["N", "a", "b", "x"], [None, 28, 1]])
def test_shapes_that_could_be_two_are_asked(shape: list[Axis]) -> None:
    assert "could be" in read(shape)
    assert "say which: upload_and_classify.layout" in read(shape)


@pytest.mark.parametrize("shape", [[], ["N"], ["N", 8, 3, 12, 12], ["N", 5, 12, 12], ["N", 3, 0, 12]])
def test_shapes_that_are_no_picture(shape: list[Axis]) -> None:
    assert "which is no picture" in read(shape)


def test_what_is_said_decides_and_must_fit() -> None:
    assert read(["N", 3, 12, 3], "NCHW") == "NCHW"
    assert read(["N", 3, 12, 3], "NHWC") == "NHWC"
    assert read([3, 6, 9], "NHW") == "NHW"
    assert read(["a", "b", "c", "d"], "NHWC") == "NHWC"
    assert "the layout NHWC" in read(["N", 3, 12, 12], "NHWC")
    assert "the layout HWC" in read(["N", 3, 12, 12], "HWC")
    assert read(["N", 3, 12, 4], depth=4) == "NHWC"
    assert read(["N", 3, 12, 4], depth=3) == "NCHW"
    assert "the channels gray" in read(["N", 3, 12, 12], depth=1)
