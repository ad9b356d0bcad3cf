"""Usual ways to prepare pictures, by the names of those who use them, as keys of description.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

NONE = {"mean": "0", "std": "1"}  # said, so that no file beside the model says another
TORCHVISION = {"mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
OPENAI = {"mean": "0.48145466,0.4578275,0.40821073", "std": "0.26862954,0.26130258,0.27577711"}
CROPPED = {"range": "0..1", "channels": "rgb", "resize": "crop"}
OPEN_SIZE = 224  # pixels, where a preset crops and nobody says a size


class Preset(NamedTuple):
    """Keys, and how much larger than the model a picture is made before it is cropped; 0 where it is not."""

    keys: Mapping[str, str]
    margin: float = 0.0


PRESETS = {
    "imagenet": Preset({**CROPPED, **TORCHVISION, "filter": "bilinear"}, 256 / 224),  # torchvision's and timm's
    "torch": Preset({"range": "0..1", "channels": "rgb", **TORCHVISION}),  # Keras's word for the same values
    "caffe": Preset({"range": "0..255", "channels": "bgr", "mean": "103.939,116.779,123.68", "std": "1"}),
    "tf": Preset({"range": "-1..1", **NONE}),
    "clip": Preset({**CROPPED, **OPENAI, "filter": "bicubic"}, 1.0),
    "raw": Preset({"range": "0..255", **NONE}),
}


def combine(preset: str, keys: Mapping[str, str]) -> dict[str, str]:
    """What a preset says, "" for none, under `keys`; a mean and a deviation follow the order of the channels."""
    if not preset:
        return dict(keys)
    said = dict(PRESETS[preset].keys)
    if {keys.get("channels"), said.get("channels")} == {"rgb", "bgr"}:
        said |= {key: ",".join(reversed(said[key].split(","))) for key in ("mean", "std")}
    return {**said, **keys}


def crops(preset: str, keys: Mapping[str, str]) -> bool:
    """Whether the preset has more to say of the combined `keys`, once the model's size is known."""
    return bool(preset) and PRESETS[preset].margin > 0 and keys["resize"] == "crop"


def keys_for_size(preset: str, size: tuple[int, int]) -> dict[str, str]:
    """The keys of a preset that crops which depend on the model's height and width, (0, 0) where these are open."""
    side = max(size) or OPEN_SIZE
    keys = {"shorter_side": str(round(side * PRESETS[preset].margin))}
    return keys if max(size) else {"size": str(side), **keys}
