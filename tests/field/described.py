"""Good cases that others' metadata and files describe, and of which description counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.field.case import Good, ours
from tests.field.making import good
from tests.field.scaling import IMAGENET_MEAN, IMAGENET_STD, TORCH

ANIMALS = ("cat", "dog", "emu")
ANIMALS_TEXT = "cat\ndog\nemu\n"
OTHERS_TEXT = "one\ntwo\nthree\n"
NAMES = "{0: 'cat', 1: 'dog', 2: 'emu'}"
OTHER_NAMES = "{0: 'one', 1: 'two', 2: 'three'}"
ID2LABEL = {"0": "cat", "1": "dog", "2": "emu"}
OTHER_ID2LABEL = {"0": "one", "1": "two", "2": "three"}
OPEN: Any = ("batch_size", "num_channels", "height", "width")  # as Hugging Face's exporter names them
TORCH_WANTS = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}


def processor(**values: Any) -> str:
    """A preprocessor_config.json of an image classifier, with other values."""
    return json.dumps(
        {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": True,
            "size": {"height": 12, "width": 12},
            "resample": 2,
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(IMAGENET_MEAN),
            "image_std": list(IMAGENET_STD),
        }
        | values
    )


def onnx_metadata() -> Iterator[Good]:
    """ONNX's own Image.* keys."""
    for word, low, high in (
        ("NominalRange_0_255", 0.0, 255.0),
        ("Normalized_0_1", 0.0, 1.0),
        ("Normalized_1_1", -1.0, 1.0),
        ("NominalRange_16_235", 16.0, 235.0),
    ):
        metadata = {"Image.NominalPixelRange": word}
        yield good(f"onnx_{word.lower()}", wants={"low": low, "high": high}, metadata=metadata)
    yield good("onnx_bgr8", channels="bgr", metadata={"Image.BitmapPixelFormat": "Bgr8"})
    yield good("onnx_rgb8", metadata={"Image.BitmapPixelFormat": "Rgb8"}, layout="NHWC", dtype="uint8")
    yield good("onnx_gray8", channels="gray", metadata={"Image.BitmapPixelFormat": "Gray8"})
    yield good(
        "onnx_all",
        channels="bgr",
        wants={"low": -1.0, "high": 1.0},
        metadata={
            "Image.BitmapPixelFormat": "Bgr8",
            "Image.NominalPixelRange": "Normalized_1_1",
            "Image.ColorSpaceGamma": "SRGB",
        },
    )
    yield good("onnx_names_alone_keep_fit", metadata={"names": NAMES}, labels=ANIMALS, head="logits")


def ultralytics() -> Iterator[Good]:
    """Files of Ultralytics: the shorter side to the size, the centre cropped, bilinear, 0 to 1."""
    said = {"description": "Ultralytics YOLO11n-cls", "stride": "1", "task": "classify", "names": NAMES}
    crop = {"resize": "crop", "filter": "bilinear"}
    size = {"imgsz": "[12, 12]", "batch": "1"}
    yield good("ultralytics", batch=1, wants=crop, metadata=said | size, labels=ANIMALS)
    yield good("ultralytics_any_batch", batch="batch", wants=crop, metadata=said | size, labels=ANIMALS)
    yield good(
        "ultralytics_open_size",
        shape=("batch", 3, "height", "width"),
        wants=crop,
        metadata=said | size,
        labels=ANIMALS,
    )
    yield good(
        "ultralytics_half",
        dtype="float16",
        output_dtype="float16",
        wants=crop,
        metadata=said | size,
        labels=ANIMALS,
        tolerance=0.02,
    )
    yield good(
        "ultralytics_gray", channels="gray", wants=crop, metadata=said | size | {"channels": "1"}, labels=ANIMALS
    )
    yield good(
        "ultralytics_and_ours",
        wants={"resize": "stretch", "filter": "bilinear", "low": -1.0},
        metadata=said | size | ours(resize="stretch", range="-1..1"),
        labels=ANIMALS,
    )
    yield good(
        "ultralytics_and_onnx_range",
        wants=crop | {"low": -1.0},
        labels=ANIMALS,
        metadata=said | size | {"Image.NominalPixelRange": "Normalized_1_1"},
    )
    yield good(
        "ultralytics_list_of_names",
        wants=crop,
        metadata=said | size | {"names": "['cat', 'dog', 'emu']"},
        labels=ANIMALS,
    )


def hugging_face() -> Iterator[Good]:
    """preprocessor_config.json and config.json beside the model."""
    config = json.dumps({"model_type": "vit", "architectures": ["ViTForImageClassification"], "id2label": ID2LABEL})
    stretch = {"resize": "stretch", "filter": "bilinear"}
    name = "preprocessor_config.json"
    both = {f"1/{name}": processor(), "1/config.json": config}
    yield good("hf", wants=TORCH_WANTS | stretch, files=both, labels=ANIMALS, head="logits")
    yield good(
        "hf_open", shape=OPEN, wants=TORCH_WANTS | stretch, files=both, labels=ANIMALS, head="logits", body="halves"
    )
    yield good(
        "hf_in_the_models_folder",
        shape=OPEN,
        wants=TORCH_WANTS | stretch,
        labels=ANIMALS,
        head="logits",
        files={name: processor(), "config.json": config},
    )
    yield good(
        "hf_versions_folder_first",
        wants={**stretch, "mean": (0.5,), "std": (0.5,)},
        files={
            name: processor(size={"height": 99, "width": 99}),
            f"1/{name}": processor(image_mean=[0.5] * 3, image_std=[0.5] * 3),
        },
    )
    yield good("hf_size_is_a_number", shape=OPEN, wants=TORCH_WANTS | stretch, files={name: processor(size=12)})
    for number, word in ((0, "nearest"), (1, "lanczos"), (2, "bilinear"), (3, "bicubic"), (4, "area")):
        yield good(
            f"hf_resample_{number}",
            wants=TORCH_WANTS | {"resize": "stretch", "filter": word},
            files={name: processor(resample=number)},
            body="pixels",
            pictures=("fine", "fine_wide", "fine_gray", "fine_tall"),
            tolerance=0.03,
        )
    crop = processor(
        image_processor_type="MobileNetV2ImageProcessor",
        size={"shortest_edge": 16},
        do_center_crop=True,
        crop_size={"height": 12, "width": 12},
    )
    cropped = TORCH_WANTS | {"resize": "crop", "shorter_side": 16, "filter": "bilinear"}
    yield good("hf_crop", wants=cropped, files={name: crop})
    yield good("hf_crop_open", shape=OPEN, wants=cropped, files={name: crop}, head="logits")
    yield good(
        "hf_crop_number",
        wants=cropped,
        files={name: processor(size={"shortest_edge": 16}, do_center_crop=True, crop_size=12)},
    )
    yield good("hf_without_normalization", wants=stretch, files={name: processor(do_normalize=False)})
    yield good(
        "hf_without_rescaling",
        wants={**stretch, "low": 0.0, "high": 255.0, "mean": (127.5,), "std": (127.5,)},
        files={name: processor(do_rescale=False, image_mean=[127.5] * 3, image_std=[127.5] * 3)},
    )
    yield good(
        "hf_rescaled_by_1_127",
        wants={**stretch, "high": 2.0, "mean": (1.0,), "std": (0.5,)},
        files={name: processor(rescale_factor=1 / 127.5, image_mean=[1.0] * 3, image_std=[0.5] * 3)},
    )
    yield good(
        "hf_labels_of_one_logit",
        head="one_logit",
        labels=("no", "yes"),
        files={"config.json": json.dumps({"id2label": {"0": "no", "1": "yes"}})},
    )
    yield good(
        "hf_minus_one_to_one",
        wants={**stretch, "mean": (0.5,), "std": (0.5,)},
        files={name: processor(image_mean=[0.5] * 3, image_std=[0.5] * 3)},
        layout="NHWC",
    )
    yield good(
        "hf_labels_out_of_order",
        labels=ANIMALS,
        files={"config.json": json.dumps({"id2label": {"2": "emu", "0": "cat", "1": "dog"}})},
    )
    yield good(
        "hf_labels_with_umlauts",
        labels=("Käfer", "Vögel", "Füchse"),
        files={
            "1/config.json": json.dumps({"id2label": {"0": "Käfer", "1": "Vögel", "2": "Füchse"}}, ensure_ascii=False)
        },
    )
    yield good(
        "hf_bytes",
        wants=stretch,
        layout="NHWC",
        dtype="uint8",
        files={name: processor(do_rescale=False, do_normalize=False)},
    )


def labels() -> Iterator[Good]:
    """Where labels are."""
    yield good("labels_ours", metadata=ours(labels='["cat", "dog", "emu"]'), labels=ANIMALS)
    yield good(
        "labels_ours_umlauts", metadata=ours(labels='["Käfer", "\\u732b", "Füchse"]'), labels=("Käfer", "猫", "Füchse")
    )
    yield good("labels_names", metadata={"names": NAMES}, labels=ANIMALS, layout="NHWC", dtype="uint8")
    yield good("labels_names_numbers", metadata={"names": "{0: 5, 1: 6, 2: 7}"}, labels=(5, 6, 7))
    yield good("labels_text", files={"1/labels.txt": ANIMALS_TEXT}, labels=ANIMALS)
    yield good("labels_text_in_the_models_folder", files={"labels.txt": ANIMALS_TEXT}, labels=ANIMALS)
    yield good("labels_text_windows", files={"labels.txt": b"\xef\xbb\xbfcat\r\ndog\r\nemu\r\n"}, labels=ANIMALS)
    yield good("labels_text_without_last_end", files={"labels.txt": "cat\ndog\nemu"}, labels=ANIMALS)
    yield good(
        "labels_text_umlauts",
        files={"labels.txt": "Käfer\nwhite shark\nfox, red\n"},
        labels=("Käfer", "white shark", "fox, red"),
    )
    yield good(
        "labels_title", metadata=ours(title="Animals of the farm", labels='["cat", "dog", "emu"]'), labels=ANIMALS
    )
    # Which of two counts: ours, then ONNX's and Ultralytics', then Hugging Face's, then labels.txt.
    yield good(
        "labels_ours_before_names",
        labels=ANIMALS,
        metadata=ours(labels='["cat", "dog", "emu"]') | {"names": OTHER_NAMES},
    )
    yield good(
        "labels_names_before_id2label",
        labels=ANIMALS,
        metadata={"names": NAMES},
        files={"config.json": json.dumps({"id2label": OTHER_ID2LABEL})},
    )
    yield good(
        "labels_id2label_before_text",
        labels=ANIMALS,
        files={"config.json": json.dumps({"id2label": ID2LABEL}), "labels.txt": OTHERS_TEXT},
    )
    yield good(
        "labels_names_before_text", labels=ANIMALS, metadata={"names": NAMES}, files={"1/labels.txt": OTHERS_TEXT}
    )
    yield good(
        "labels_ours_before_all",
        labels=ANIMALS,
        metadata=ours(labels='["cat", "dog", "emu"]') | {"names": OTHER_NAMES},
        files={"config.json": json.dumps({"id2label": OTHER_ID2LABEL}), "1/labels.txt": OTHERS_TEXT},
    )
    yield good(
        "labels_versions_folder_first", labels=ANIMALS, files={"1/labels.txt": ANIMALS_TEXT, "labels.txt": OTHERS_TEXT}
    )


def precedence() -> Iterator[Good]:
    """Which of two descriptions of the pixels counts."""
    normalized = {"Image.NominalPixelRange": "Normalized_1_1"}
    blue = {"Image.BitmapPixelFormat": "Bgr8"}
    half = {"mean": (0.5,), "std": (0.5,)}
    stretch = {"resize": "stretch", "filter": "bilinear"}
    file = {"preprocessor_config.json": processor()}
    yield good("first_ours_then_onnx_range", wants={"high": 255.0}, metadata=ours(range="0..255") | normalized)
    yield good("first_ours_then_onnx_format", metadata=ours(channels="rgb") | blue)
    yield good("first_ours_then_hf_mean", wants=stretch | half, metadata=ours(mean="0.5", std="0.5"), files=file)
    yield good(
        "first_ours_then_hf_resize",
        wants=TORCH_WANTS | {"resize": "fit", "filter": "bilinear"},
        metadata=ours(resize="fit"),
        files=file,
    )
    yield good(
        "first_ours_then_hf_filter",
        wants=TORCH_WANTS | {"resize": "stretch", "filter": "nearest"},
        metadata=ours(filter="nearest"),
        files=file,
        body="pixels",
        pictures=("fine", "fine_wide", "fine_gray", "fine_tall"),
        tolerance=0.03,
    )
    yield good(
        "first_ours_then_hf_size",
        shape=OPEN,
        size=(8, 16),
        wants=TORCH_WANTS | stretch,
        body="halves",
        metadata=ours(size="8x16"),
        files=file,
    )
    yield good("onnx_format_and_hf", channels="bgr", wants=TORCH_WANTS | stretch, metadata=blue, files=file)
    yield good(
        "ours_and_labels_text", wants=TORCH_WANTS, metadata=TORCH, files={"labels.txt": ANIMALS_TEXT}, labels=ANIMALS
    )
    yield good(
        "onnx_range_and_id2label",
        wants={"low": -1.0},
        metadata=normalized,
        files={"config.json": json.dumps({"id2label": ID2LABEL})},
        labels=ANIMALS,
    )


def cases() -> Iterator[Good]:
    """All of this file."""
    for part in (onnx_metadata, ultralytics, hugging_face, labels, precedence):
        yield from part()
