"""Good cases of preprocessing that our own metadata says: values, size and colours."""

from __future__ import annotations

from collections.abc import Iterator

from tests.field.case import Good, ours
from tests.field.making import FINE, good

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCH = ours(mean="0.485,0.456,0.406", std="0.229, 0.224, 0.225")
CAFFE_MEAN = (103.939, 116.779, 123.68)
RANGES = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
# The four shapes of PNG that a crop must be seen in; all fit a side of 12 or 16 with whole numbers.
CROPPED = ("landscape", "portrait", "square", "gray", "alpha")


def values() -> Iterator[Good]:
    """Ranges, means and deviations."""
    for text, (low, high) in RANGES.items():
        word = text.replace("..", "_to_").replace("-", "minus_")
        wants = {"low": low, "high": high}
        for dtype in ("float32", "float16", "bfloat16"):
            yield good(f"range_{word}_{dtype}", wants=wants, dtype=dtype, metadata=ours(range=text), tolerance=0.02)
        yield good(f"range_{word}_gray", wants=wants, channels="gray", layout="NHW", metadata=ours(range=text))
    torch = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    yield good("normalized_torch", wants=torch, metadata=TORCH, head="logits")
    yield good("normalized_torch_nhwc", wants=torch, metadata=TORCH, layout="NHWC")
    yield good("normalized_torch_float16", wants=torch, metadata=TORCH, dtype="float16", tolerance=0.02)
    yield good("normalized_torch_range_said", wants=torch, metadata=TORCH | ours(range="0..1"), layout="CHW")
    yield good(
        "normalized_caffe",
        channels="bgr",
        wants={"mean": CAFFE_MEAN, "low": 0.0, "high": 255.0},
        metadata=ours(channels="bgr", range="0..255", mean="103.939,116.779,123.68"),
        head="logits",
    )
    yield good(
        "normalized_in_255",
        wants={"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375), "low": 0.0, "high": 255.0},
        metadata=ours(range="0..255", mean="123.675,116.28,103.53", std="58.395,57.12,57.375"),
    )
    yield good(
        "normalized_by_one_number", wants={"mean": (0.5,), "std": (0.25,)}, metadata=ours(mean="0.5", std="0.25")
    )
    yield good(
        "normalized_127_5",
        wants={"mean": (127.5,), "std": (128.0,), "low": 0.0, "high": 255.0},
        metadata=ours(range="0..255", mean="127.5", std="128"),
    )
    yield good("normalized_mean_alone", wants={"mean": (0.4, 0.5, 0.6)}, metadata=ours(mean="0.4,0.5,0.6"))
    yield good("normalized_std_alone", wants={"std": (0.2, 0.3, 0.4)}, metadata=ours(std="0.2,0.3,0.4"))
    yield good(
        "normalized_from_minus_one",
        wants={"mean": (0.1, -0.1, 0.2), "std": (0.5, 0.6, 0.7), "low": -1.0, "high": 1.0},
        metadata=ours(range="-1..1", mean="0.1,-0.1,0.2", std="0.5,0.6,0.7"),
    )
    yield good(
        "normalized_gray",
        channels="gray",
        wants={"mean": (0.1307,), "std": (0.3081,)},
        metadata=ours(mean="0.1307", std="0.3081"),
    )
    yield good(
        "normalized_flat",
        channels="gray",
        layout="NC",
        shape=("N", 144),
        wants={"mean": (0.1307,), "std": (0.3081,)},
        metadata=ours(mean="0.1307", std="0.3081"),
    )
    yield good(
        "normalized_rgba",
        channels="rgba",
        wants={"mean": (0.4, 0.5, 0.6, 0.5), "std": (0.2, 0.3, 0.4, 0.5)},
        metadata=ours(mean="0.4,0.5,0.6,0.5", std="0.2,0.3,0.4,0.5"),
        pictures=("exact_alpha", "exact", "landscape", "portrait", "gray"),
    )
    # Mean and deviation are in the order of the channels that the model takes.
    yield good(
        "normalized_bgr",
        channels="bgr",
        wants={"mean": IMAGENET_MEAN[::-1], "std": IMAGENET_STD[::-1]},
        metadata=ours(channels="bgr", mean="0.406,0.456,0.485", std="0.225,0.224,0.229"),
    )
    yield good(
        "normalized_int16",
        dtype="int16",
        layout="NHWC",
        wants={"mean": (100.0, 120.0, 140.0)},
        metadata=ours(range="0..255", mean="100,120,140"),
    )
    yield good(
        "normalized_own_size", shape=("N", 3, "height", "width"), size=None, body="halves", wants=torch, metadata=TORCH
    )
    yield good("range_of_uint16", dtype="uint16", layout="NHWC", metadata=ours(range="0..255"))


def policies() -> Iterator[Good]:
    """Inside, stretched, cropped."""
    for resize in ("fit", "stretch", "crop"):
        for layout, dtype in (("NCHW", "float32"), ("NHWC", "uint8"), ("HWC", "float32")):
            yield good(
                f"resize_{resize}_{layout.lower()}",
                layout=layout,
                dtype=dtype,
                wants={"resize": resize},
                metadata=ours(resize=resize),
                pictures=(*CROPPED, "exact"),
            )
        yield good(f"resize_{resize}_gray", channels="gray", wants={"resize": resize}, metadata=ours(resize=resize))
        yield good(
            f"resize_{resize}_open_size",
            shape=("N", 3, "height", "width"),
            wants={"resize": resize},
            metadata=ours(resize=resize, size="12x12"),
        )
    for resize in ("fit", "stretch"):
        yield good(
            f"resize_{resize}_wide",
            size=(8, 20),
            grid=(4, 5),
            wants={"resize": resize},
            metadata=ours(resize=resize),
            pictures=("landscape", "portrait", "wide", "gray", "alpha", "tiny"),
        )
    for side, size in ((16, (12, 12)), (24, (12, 12)), (14, (12, 12))):
        yield good(
            f"resize_crop_of_{side}",
            size=size,
            wants={"resize": "crop", "shorter_side": side},
            metadata=ours(resize="crop", shorter_side=str(side)),
            pictures=("portrait", "square", "gray", "fine", "fine_wide") if side == 14 else CROPPED,
        )
    yield good(
        "resize_crop_of_16_torch",
        wants={"resize": "crop", "shorter_side": 16, "mean": IMAGENET_MEAN, "std": IMAGENET_STD, "filter": "bilinear"},
        metadata=TORCH | ours(resize="crop", shorter_side="16", filter="bilinear"),
        head="logits",
    )
    yield good(
        "resize_default_is_fit", size=(10, 14), grid=(5, 7), pictures=("landscape", "portrait", "wide", "tiny", "gray")
    )


def filters() -> Iterator[Good]:
    """Each filter under each policy; the models look at every pixel of fine pictures."""
    for kind in ("area", "bilinear", "bicubic", "lanczos", "nearest"):
        for resize in ("stretch", "crop", "fit"):
            yield good(
                f"filter_{kind}_{resize}",
                wants={"filter": kind, "resize": resize},
                metadata=ours(filter=kind, resize=resize),
                body="pixels",
                pictures=FINE,
                tolerance=0.03,
            )
        yield good(
            f"filter_{kind}_enlarges",
            size=(18, 24),
            wants={"filter": kind, "resize": "stretch"},
            metadata=ours(filter=kind, resize="stretch"),
            body="pixels",
            pictures=("tiny", "exact", "wide", "landscape"),
            tolerance=0.03,
        )
        yield good(
            f"filter_{kind}_bytes",
            layout="NHWC",
            dtype="uint8",
            wants={"filter": kind, "resize": "stretch"},
            metadata=ours(filter=kind, resize="stretch"),
            body="pixels",
            head="logits",
            pictures=FINE,
            tolerance=0.03,
        )


def backgrounds() -> Iterator[Good]:
    """What shows through."""
    shown = ("alpha", "exact_alpha", "landscape", "gray")
    for name, text, colour in (
        ("black", "#000000", (0, 0, 0)),
        ("orange", "#ff8000", (255, 128, 0)),
        ("blue", "#1020F0", (16, 32, 240)),
    ):
        yield good(f"background_{name}", wants={"background": colour}, metadata=ours(background=text), pictures=shown)
        yield good(
            f"background_{name}_gray",
            channels="gray",
            layout="NHW",
            dtype="uint8",
            wants={"background": colour},
            metadata=ours(background=text),
            pictures=shown,
        )
    yield good("background_white_by_default", pictures=shown)


def cases() -> Iterator[Good]:
    """All of this file."""
    for part in (values, policies, filters, backgrounds):
        yield from part()
