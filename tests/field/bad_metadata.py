"""Bad cases: good models with metadata or files beside them that make no sense."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.field.bad_models import model
from tests.field.case import Bad, ours
from tests.field.described import NAMES, processor
from tests.field.making import good


def own_keys() -> Iterator[Bad]:
    """Our keys with values that they cannot have, or that the model contradicts."""
    said: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
        ("range", "range", {"range": "0..100"}, {}),
        ("range_in_words", "range", {"range": "zero to one"}, {}),
        ("mean_of_two", "mean", {"mean": "0.5,0.5"}, {}),
        ("mean_in_words", "mean", {"mean": "grey"}, {}),
        ("mean_nan", "mean", {"mean": "nan"}, {}),
        ("std_of_four", "std", {"std": "1,1,1,1"}, {}),
        ("std_zero", "std", {"std": "0"}, {}),
        ("std_infinite", "std", {"std": "inf"}, {}),
        ("channels", "channels", {"channels": "cmyk"}, {}),
        ("channels_gray_of_three", "channels", {"channels": "gray"}, {}),
        ("channels_rgb_of_one", "channels", {"channels": "rgb"}, {"channels": "gray"}),
        ("channels_rgba_of_three", "channels", {"channels": "rgba"}, {}),
        ("layout", "layout", {"layout": "WHCN"}, {}),
        ("layout_other_rank", "layout", {"layout": "HWC"}, {}),
        ("layout_other_axis", "layout|channels", {"layout": "NHWC"}, {}),
        ("size", "size", {"size": "big"}, {}),
        ("size_zero", "size", {"size": "0"}, {}),
        ("size_negative", "size", {"size": "-12"}, {}),
        ("size_of_three", "size", {"size": "12x12x3"}, {}),
        ("size_other", "size", {"size": "24"}, {}),
        ("size_not_of_flat", "size", {"size": "5x5"}, {"layout": "NC", "shape": ("N", 144), "channels": "gray"}),
        ("size_one_side_other", "size", {"size": "12x20"}, {"shape": ("N", 3, 16, "w"), "size": (16, 20)}),
        ("resize", "resize", {"resize": "squash"}, {}),
        ("shorter_side", "shorter_side", {"resize": "crop", "shorter_side": "short"}, {}),
        ("shorter_side_zero", "shorter_side", {"resize": "crop", "shorter_side": "0"}, {}),
        ("filter", "filter", {"filter": "gauss"}, {}),
        ("background", "background", {"background": "orange"}, {}),
        ("labels_no_json", "labels", {"labels": "cat, dog, emu"}, {}),
        ("labels_too_few", "labels", {"labels": '["cat", "dog"]'}, {}),
        ("labels_too_many", "labels", {"labels": '["cat", "dog", "emu", "fox"]'}, {}),
        ("labels_an_object", "labels", {"labels": '{"cat": 0, "dog": 1, "emu": 2}'}, {}),
        ("labels_null", "labels", {"labels": '["cat", null, "emu"]'}, {}),
        ("output", "output", {"output": "probs"}, {}),
        ("activation", "activation", {"activation": "relu"}, {}),
    ]
    for name, says, values, keywords in said:
        yield Bad(f"bad_key_{name}", says, model(good("key", metadata=ours(**values), **keywords)), "rule")


def others() -> Iterator[Bad]:
    """Others' metadata and files."""
    for name, says, metadata in (
        ("onnx_range", "NominalPixelRange", {"Image.NominalPixelRange": "Normalized_0_2"}),
        ("names_broken", "names", {"names": "nonsense("}),
        ("names_too_few", "names|label", {"names": "{0: 'cat'}"}),
        ("names_too_many", "names|label", {"names": "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"}),
        (
            "detector_by_its_task",
            "detect|task",
            {"task": "detect", "names": NAMES, "imgsz": "[12, 12]", "stride": "32"},
        ),
        ("imgsz", "imgsz|size", {"task": "classify", "imgsz": "large", "stride": "1"}),
    ):
        yield Bad(f"bad_{name}", says, model(good("other", metadata=metadata)), "rule")
    for name, says, files in (
        ("labels_text_too_few", "labels", {"labels.txt": "cat\ndog\n"}),
        ("labels_text_too_many", "labels", {"1/labels.txt": "cat\ndog\nemu\nfox\n"}),
        ("labels_text_not_utf8", "labels", {"labels.txt": b"K\xe4fer\ndog\nemu\n"}),
        ("id2label_too_few", "id2label|label", {"config.json": json.dumps({"id2label": {"0": "cat"}})}),
        ("id2label_gap", "id2label|label", {"config.json": json.dumps({"id2label": {"0": "a", "1": "b", "3": "d"}})}),
        ("config_no_json", "config.json|json", {"config.json": "{"}),
        ("processor_no_json", "preprocessor_config.json|json", {"1/preprocessor_config.json": "<html>"}),
        ("processor_a_list", "preprocessor_config.json|json|object", {"preprocessor_config.json": "[1]"}),
        ("processor_mean_of_two", "mean", {"preprocessor_config.json": processor(image_mean=[0.5, 0.5])}),
        ("processor_std_zero", "std", {"preprocessor_config.json": processor(image_std=[0, 0, 0])}),
        ("processor_resample", "resample|filter", {"preprocessor_config.json": processor(resample=17)}),
    ):
        yield Bad(f"bad_{name}", says, model(good("other", files=files)), "rule")


def cases() -> Iterator[Bad]:
    """All of this file."""
    yield from own_keys()
    yield from others()
