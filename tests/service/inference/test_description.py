from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.errors import ModelError
from service.inference.description import KEYS, PREFIX, Description, Said
from service.inference.readers import read_description


def ours(**values: str) -> dict[str, str]:
    return {PREFIX + key: value for key, value in values.items()}


def test_every_key_is_read(tmp_path: Path) -> None:
    metadata = ours(
        range="-1..1",
        mean="0.5",
        std="0.1, 0.2,0.3",
        channels="bgr",
        layout="NCHW",
        size="48x192",
        resize="crop",
        shorter_side="256",
        margin="0.14",
        filter="bicubic",
        background="#0a0B0c",
        labels='["cat", 7]',
        title="Animals",
        question="Which animal?",
        output="scores",
        activation="sigmoid",
    )
    assert set(metadata) == {PREFIX + key for key in KEYS}
    description = read_description(metadata, tmp_path)
    assert {key: description.get(key) for key in KEYS} == {
        "range": (-1, 1),
        "mean": (0.5,),
        "std": (0.1, 0.2, 0.3),
        "channels": "bgr",
        "layout": "NCHW",
        "size": (48, 192),
        "resize": "crop",
        "shorter_side": 256,
        "margin": 0.14,
        "filter": "bicubic",
        "background": (10, 11, 12),
        "labels": ["cat", 7],
        "title": "Animals",
        "question": "Which animal?",
        "output": "scores",
        "activation": "sigmoid",
    }
    told = {key: text.removesuffix(f" ({PREFIX}{key})") for key, text in description.provenance.items()}
    expected = {key: metadata[PREFIX + key] for key in KEYS}
    assert told == expected | {"std": "0.1,0.2,0.3", "background": "#0a0b0c", "labels": "2: cat, 7"}


@pytest.mark.parametrize(
    ("key", "text", "rule"),
    [
        ("range", "0..100", "one of 0..255, 0..1, -1..1"),
        ("mean", "0.1,0.2,x", "one number, or one for each channel"),
        ("mean", "1,2,3,4,5", "one number, or one for each channel"),
        ("std", "0.1,-0.2,0.3", "one number above 0"),
        ("size", "0x3", "the side of a square such as 224, or height x width"),
        ("size", "12345", "the side of a square"),
        ("shorter_side", "12x12", "the side of a square"),
        ("margin", "0.5", "a share of the size from 0 to 0.4"),
        ("labels", "[true]", "a JSON list with a label for each class"),
        ("background", "red", "a colour such as #ffffff"),
    ],
)
def test_a_wrong_value_is_told_with_its_rule(key: str, text: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refused:
        read_description(ours(**{key: text}), tmp_path)
    assert str(refused.value).startswith(f"metadata {PREFIX}{key} is '{text}'; it must be {rule}")


def test_long_values_are_cut_in_sentences(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as refused:
        read_description(ours(labels="x" * 10_000), tmp_path)
    assert len(str(refused.value)) < 250


def test_mean_and_std_of_another_range_do_not_count() -> None:
    description = Description()
    description.add({"range": Said((0.0, 255.0), "ours")})
    description.add(
        {"range": Said((0.0, 1.0), "theirs"), "mean": Said((0.5,), "theirs"), "size": Said((8, 8), "theirs")}
    )
    assert (description.get("range"), description.get("mean"), description.get("size")) == ((0.0, 255.0), None, (8, 8))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {"range": (0, 1)}),
        ({"size": 224}, {"size": (224, 224), "resize": "stretch"}),
        ({"size": {"height": 48, "width": 64}, "resample": 3}, {"size": (48, 64), "filter": "bicubic"}),
        (  # CLIP's old form
            {"size": 256, "crop_size": 224, "do_center_crop": True},
            {"size": (224, 224), "resize": "crop", "shorter_side": 256},
        ),
        (  # CLIP
            {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True},
            {"size": (224, 224), "resize": "crop", "shorter_side": 224},
        ),
        (  # ConvNeXT
            {"size": {"shortest_edge": 224}, "crop_pct": 0.875},
            {"size": (224, 224), "resize": "crop", "shorter_side": 256},
        ),
        (  # ConvNeXT of large pictures
            {"size": {"shortest_edge": 384}, "crop_pct": 0.875},
            {"size": (384, 384), "resize": "stretch", "shorter_side": None},
        ),
        ({"size": {"shortest_edge": 224}}, {"size": (224, 224), "resize": "crop", "shorter_side": 224}),
        ({"size": 224, "do_resize": False, "resample": 3}, {"size": (224, 224), "resize": None, "filter": None}),
        ({"rescale_factor": 1 / 127.5, "rescale_offset": True}, {"range": (-1, 1)}),  # EfficientNet
        ({"do_flip_channel_order": True}, {"channels": "bgr"}),  # MobileViT
        ({"do_normalize": False, "image_mean": [0.5] * 3}, {"mean": None}),
        ({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}, {"mean": (0.5,) * 3, "std": (0.25,) * 3}),
    ],
)
def test_processors_of_hugging_face(config: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "Any"} | config))
    description = read_description({}, tmp_path / "1")
    assert {key: description.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"size": {"height": 256, "width": 256}, "crop_size": 224, "do_center_crop": True}, "do_center_crop"),
        ({"size": {"height": 256}}, "size is"),
        ({"size": -1}, "size is"),
        ({"rescale_factor": 0}, "rescale_factor is 0"),
        ({"image_mean": "grey"}, "image_mean is 'grey'"),
        ({"size": 224, "resample": "bilinear"}, "resample is 'bilinear'"),
        ({"size": 224, "resample": 17}, "resample is 17"),
    ],
)
def test_processors_that_make_no_sense(config: dict[str, Any], says: str, tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=rf"preprocessor_config.json: {says}"):
        read_description({}, tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        {"size": 224, "resample": [2]},
        {"size": {"shortest_edge": "224"}, "crop_pct": 0.9},
        {"size": {"shortest_edge": 224}, "crop_pct": 0},
        {"size": {"shortest_edge": 224}, "crop_pct": []},
        {"rescale_factor": {}},
        {"size": [224, 224]},
    ],
)
def test_processors_of_strange_types_are_refused_in_a_sentence(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"preprocessor_config.json"):
        read_description({}, tmp_path)


@pytest.mark.parametrize("content", ['{"id2label": 7}', '{"id2label": ["cat"]}', '{"id2label": {"0": 1.5}}', "[]", "{"])
def test_configs_of_strange_types_are_refused_in_a_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"config.json"):
        read_description({}, tmp_path)


@pytest.mark.parametrize("imgsz", ["{}", "[1, 2, 3]", "'a'", "(", "None", "[0, 12]", "12.5"])
def test_sizes_of_ultralytics_that_make_no_sense_are_refused(imgsz: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="metadata imgsz is"):
        read_description({"task": "classify", "imgsz": imgsz}, tmp_path)
