"""The keys of description.py as options of a command line, alike in every command that writes them into a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from service.inference.description import KEYS
from service.inference.presets import PRESETS

HELP = {
    "range": "what black and white are: 0..255, 0..1 or -1..1",
    "mean": "subtracted from that, one number or one for each channel",
    "std": "and then divided by",
    "channels": "gray, rgb, bgr or rgba",
    "layout": "of the input's axes, such as NCHW, where that cannot be told",
    "size": "224, or height x width such as 48x192, where the file leaves it open",
    "resize": "fit (and pad), trim (fit what differs from plain ground), stretch, or crop",
    "shorter_side": "of a picture before it is cropped, in pixels; means --resize crop",
    "margin": "around what is trimmed, a share of each side, 0 to 0.4; means --resize trim",
    "filter": "area, bilinear, bicubic, lanczos or nearest",
    "background": "under transparent pixels, #rrggbb",
    "title": "on the page, such as Handwritten digits",
    "question": "on the page, such as 'Which digit is it?'",
    "output": "name of the output that is meant",
    "activation": "softmax, sigmoid or none: what makes probabilities of it",
}
MEANING = {"margin": "trim", "shorter_side": "crop"}  # a way to resize, said by what only that way has
PRESETS_HELP = """\
presets (options go before them, they go before what the file and those beside it say):
  imagenet  0..1 less ImageNet's mean, by its deviation; shorter side to 256/224 of the size, cropped: torchvision, timm
  torch     the same values, of pictures that are not cropped: Keras's DenseNet
  caffe     0..255, blue first, less 103.939,116.779,123.68: Caffe's networks, Keras's ResNet50 and VGG
  tf        -1..1: Keras's MobileNet, Xception, Inception
  clip      0..1 less CLIP's mean, by its deviation; bicubic, shorter side to the size, cropped
  raw       0..255
"""


def add_preset(parser: argparse.ArgumentParser) -> None:
    """The option --preset."""
    parser.add_argument("--preset", choices=PRESETS, default="", help="a usual way to prepare pictures, see below")


def add_keys(parser: argparse.ArgumentParser, keys: Iterable[str] = HELP) -> None:
    """An option for each of the keys; its value is the text, None where it is not given."""
    for key in keys:
        names = [f"--{key.replace('_', '-')}", *(["--crop"] if key == "shorter_side" else [])]
        parser.add_argument(*names, dest=key, type=_checked(KEYS[key]), metavar=key.upper(), help=HELP[key])


def said_keys(options: argparse.Namespace, keys: Iterable[str] = KEYS) -> dict[str, str]:
    """Those of the keys that are asked for, as text."""
    said = {key: text for key in keys if (text := getattr(options, key)) is not None}
    meant = [way for key, way in MEANING.items() if key in said]
    return {"resize": meant[0], **said} if meant else said


def _checked(parse_text: Callable[[str], object]) -> Callable[[str], str]:
    """Takes a text as it is where it can be parsed."""

    def check(text: str) -> str:
        try:
            parse_text(text.strip())
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} must be {error}") from None
        return text.strip()

    return check
