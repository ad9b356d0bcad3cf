"""Good cases of inputs: dtypes, layouts, channels, batches, sizes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.field.case import Good, ours
from tests.field.making import good

INTEGERS = ("uint8", "uint16", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
OWN_SIZES = ("landscape", "portrait", "square", "gray", "alpha", "tiny")


def dtypes() -> Iterator[Good]:
    """Every dtype in the two common layouts."""
    for dtype in (*INTEGERS, *FLOATS):
        yield good(f"dtype_{dtype}_nhwc", dtype=dtype, layout="NHWC")
        yield good(f"dtype_{dtype}_nchw", dtype=dtype, layout="NCHW", head="logits")
        yield good(f"dtype_{dtype}_gray", dtype=dtype, layout="NHW", channels="gray")
    # An int8 holds no 255: pixels less 128, as quantized models have them.
    less = {"mean": (128.0,)}
    yield good("dtype_int8_nhwc", dtype="int8", layout="NHWC", wants=less)
    yield good("dtype_int8_by_metadata", dtype="int8", wants=less, metadata=ours(range="0..255", mean="128"))


def layouts() -> Iterator[Good]:
    """Every layout, of sides that are not alike."""
    for dtype in ("uint8", "float32"):
        for layout in ("NHWC", "NCHW", "HWC", "CHW"):
            yield good(f"layout_{layout.lower()}_{dtype}", layout=layout, dtype=dtype, size=(8, 12))
            yield good(f"layout_{layout.lower()}_tall_{dtype}", layout=layout, dtype=dtype, size=(16, 9), head="logits")
            yield good(
                f"layout_{layout.lower()}_gray_{dtype}", layout=layout, dtype=dtype, size=(8, 12), channels="gray"
            )
        yield good(f"layout_nhw_{dtype}", layout="NHW", dtype=dtype, size=(8, 12), channels="gray")
        yield good(f"layout_flat_square_{dtype}", layout="NC", shape=("N", 144), dtype=dtype, channels="gray")
        yield good(
            f"layout_flat_given_{dtype}",
            layout="NC",
            shape=("N", 96),
            dtype=dtype,
            size=(8, 12),
            channels="gray",
            metadata=ours(size="8x12"),
        )
    yield good("layout_flat_fixed_batch", layout="NC", shape=(1, 784), size=(28, 28), channels="gray", grid=(4, 7))
    for layout in ("NHWC", "NCHW", "CHW"):
        yield good(f"layout_{layout.lower()}_rgba", layout=layout, size=(8, 12), channels="rgba", pictures=RGBA)
        yield good(f"layout_{layout.lower()}_rgba_uint8", layout=layout, channels="rgba", pictures=RGBA, dtype="uint8")
    yield good("layout_rgba_named", channels="rgba", pictures=RGBA, metadata=ours(channels="rgba"), head="logits")
    # Shapes that could be two things, decided by metadata or by the names of dimensions.
    yield good("ambiguous_nchw", size=(12, 3), grid=(2, 3), metadata=ours(layout="NCHW"))
    yield good("ambiguous_nhwc", layout="NHWC", size=(3, 12), grid=(3, 2), metadata=ours(layout="NHWC"))
    yield good("ambiguous_named_nchw", shape=("batch", "channels", "height", "width"), metadata=COLOUR, head="logits")
    yield good("ambiguous_named_nhwc", layout="NHWC", shape=("batch", "height", "width", "channels"), metadata=COLOUR)
    yield good("ambiguous_unnamed_nhwc", layout="NHWC", shape=(None,) * 4, metadata=COLOUR | ours(layout="NHWC"))
    yield good(
        "ambiguous_unnamed_nchw", layout="NCHW", shape=("a", "b", "c", "d"), metadata=COLOUR | ours(layout="NCHW")
    )
    yield good("ambiguous_chw", layout="CHW", size=(6, 9), metadata=ours(layout="CHW"))
    yield good(
        "ambiguous_three_grays",
        layout="NHW",
        batch=3,
        size=(6, 9),
        channels="gray",
        metadata=ours(layout="NHW"),
    )
    yield good(
        "ambiguous_small_rgba_nhwc",
        layout="NHWC",
        channels="rgba",
        size=(4, 6),
        grid=(2, 3),
        pictures=RGBA,
        metadata=ours(layout="NHWC"),
    )


RGBA = ("exact_alpha", "exact", "landscape", "portrait", "gray")
COLOUR = ours(channels="rgb", size="12x12")


def channels() -> Iterator[Good]:
    """Grey, red first, blue first, alpha; by the shape and by metadata."""
    yield good("channels_gray_of_colour", channels="gray", head="logits")
    yield good("channels_gray_named", channels="gray", metadata=ours(channels="gray"))
    yield good("channels_rgb_named", metadata=ours(channels="rgb"))
    for layout in ("NCHW", "NHWC", "HWC"):
        for dtype in ("uint8", "float32"):
            yield good(
                f"channels_bgr_{layout.lower()}_{dtype}",
                layout=layout,
                dtype=dtype,
                channels="bgr",
                metadata=ours(channels="bgr"),
            )


def batches() -> Iterator[Good]:
    """Dynamic, unnamed, fixed."""
    yield good("batch_unnamed", batch=None, layout="NHWC", dtype="uint8")
    yield good("batch_named_strangely", batch="unk__614")
    yield good("batch_minus_one", batch=-1, output_batch=-1)
    for batch in (1, 2, 4, 7):
        yield good(f"batch_of_{batch}", batch=batch, head="logits")
        yield good(f"batch_of_{batch}_pixels", batch=batch, layout="NHWC", dtype="uint8")
    yield good("batch_of_1_halves", shape=(1, 3, "h", "w"), size=None, body="halves", pictures=OWN_SIZES)


def sizes() -> Iterator[Good]:
    """Heights and widths that the file leaves open."""
    for layout, shape in (
        ("NCHW", ("N", 3, "height", "width")),
        ("NHWC", ("N", "height", "width", 3)),
        ("NCHW", ("N", 3, None, None)),
        ("CHW", (3, "height", "width")),
        ("HWC", ("height", "width", 3)),
    ):
        for dtype in ("float32", "uint8"):
            kind = f"{layout.lower()}{'_unnamed' if None in shape else ''}_{dtype}"
            yield good(
                f"size_own_{kind}",
                layout=layout,
                shape=shape,
                size=None,
                dtype=dtype,
                body="halves",
                pictures=OWN_SIZES,
            )
            yield good(
                f"size_given_{kind}",
                layout=layout,
                shape=shape,
                size=(8, 12),
                dtype=dtype,
                body="halves",
                head="logits",
                metadata=ours(size="8x12"),
            )
    yield good(
        "size_own_gray",
        shape=("N", 1, "height", "width"),
        size=None,
        channels="gray",
        body="halves",
        pictures=OWN_SIZES,
    )
    yield good("size_square", shape=("N", 3, "height", "width"), size=(12, 12), metadata=ours(size="12"))
    yield good(
        "size_one_side_open", shape=("N", 3, 12, "width"), size=(12, 20), metadata=ours(size="12x20"), grid=(3, 4)
    )
    yield good("size_said_again", size=(8, 12), metadata=ours(size="8x12"))
    yield good(
        "size_of_gray_batches",
        layout="NHW",
        shape=("N", "height", "width"),
        size=(8, 12),
        channels="gray",
        metadata=ours(size="8x12"),
    )
    yield good(
        "size_convolution", shape=("N", 3, "height", "width"), size=(20, 28), body="conv", metadata=ours(size="20x28")
    )
    yield good(
        "size_224",
        layout="NHWC",
        size=(224, 224),
        dtype="uint8",
        grid=(4, 7),
        wants={"resize": "stretch", "filter": "bilinear"},
        metadata=ours(resize="stretch", filter="bilinear"),
    )
    yield good("size_28", layout="NHWC", size=(28, 28), channels="gray", dtype="uint8", grid=(7, 4), classes=10)


def files_of_age() -> Iterator[Good]:
    """Old and new ways to write a file."""
    yield good("age_opset_7", opset=7, old_style=True)
    yield good("age_opset_9_initializers_are_inputs", opset=9, old_style=True, layout="NHWC", head="logits")
    yield good("age_opset_11", opset=11, head="logits")
    yield good("age_opset_13", opset=13)
    yield good("age_opset_18", opset=18, layout="HWC")
    yield good("age_opset_21", opset=21, layout="NHWC", dtype="uint8")
    yield good("weights_float16", weights_dtype="float16")
    yield good("weights_float16_throughout", dtype="float16", weights_dtype="float16", output_dtype="float16")
    yield good("weights_float64", weights_dtype="float64", dtype="float64", output_dtype="float64", head="logits")
    yield good("convolution", size=(16, 12), body="conv", head="logits")
    yield good("convolution_bytes", size=(16, 12), body="conv", layout="NHWC", dtype="uint8")
    yield good("external_weights", external="weights.bin", layout="NHWC")
    yield good("external_weights_bytes", external="model.onnx.data", layout="NHWC", dtype="uint8", head="logits")
    yield good("external_weights_in_a_folder", external="data/weights.bin")


def cases() -> Iterator[Good]:
    """All of this file."""
    for part in (dtypes, layouts, channels, batches, sizes, files_of_age):
        yield from part()
