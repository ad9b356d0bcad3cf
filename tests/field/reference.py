"""The right answers, in numpy and Pillow: preprocessing, and the arithmetic of a case's model.

    picture → background → size → channels → range, mean, std → layout, dtype → the model's arithmetic → probabilities

Written from the specification; nothing of service/ is imported, and ONNX Runtime is not asked.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.field.case import Good, Network, Size, Wants
from tests.field.pictures import Pixels, pixels_of
from tests.field.weights import SIZE_UNIT, Weights, weights_of

Tensor = NDArray[Any]
Floats = NDArray[np.float64]
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601-2
SMALL = 64 * 64  # up to this many pixels the service's own filter ends with Lanczos
FILTERS = {
    "area": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "nearest": Image.Resampling.NEAREST,
}
EPSILON = 1e-5  # of the batch normalization


class Answer(NamedTuple):
    """What a server should say about a picture."""

    label: int | str
    probabilities: dict[int | str, float]

    @property
    def margin(self) -> float:
        """How far the best class is before the next."""
        first, second, *_ = sorted(self.probabilities.values(), reverse=True)
        return first - second


def answer(case: Good, picture: str) -> Answer:
    """The right answer of a case's model to the picture of that name."""
    return answer_as(case, picture, case.wants)


def answer_as(case: Good, picture: str, wants: Wants) -> Answer:
    """The answer where the picture is prepared as `wants`, rightly or not."""
    weights = weights_of(case.name, case.network, case.wants)
    scores = compute(case.network, weights, round_to(case.network.dtype, prepare(picture, wants)))
    probabilities = dict(zip(case.names, to_probabilities(case, scores).tolist(), strict=True))
    return Answer(max(probabilities, key=lambda label: probabilities[label]), probabilities)


# Preprocessing.


def prepare(picture: str, wants: Wants) -> Floats:
    """The values (h, w, c) of the picture of that name that the model wants."""
    look = replace(wants, low=0.0, high=1.0, mean=(0.0,), std=(1.0,))
    return normalize(_see_picture(picture, look), wants)


@lru_cache(maxsize=4096)
def _see_picture(picture: str, look: Wants) -> Pixels:
    return see(pixels_of(picture), look)


def normalize(pixels: Pixels, wants: Wants) -> Floats:
    """The values of pixels that have the size and the channels that the model wants."""
    values = pixels.astype(np.float64) / 255 * (wants.high - wants.low) + wants.low
    result: Floats = (values - np.array(wants.mean)) / np.array(wants.std)
    return result


def see(pixels: Pixels, wants: Wants) -> Pixels:
    """The pixels (h, w, c) of the size and the channels that the model wants."""
    if pixels.shape[2] == 4 and wants.channels != "rgba":
        pixels = _lay_on(pixels, wants)
    if wants.size is not None:
        pixels = _resize(pixels, wants, wants.size)
    if wants.channels == "gray":
        return pixels if pixels.shape[2] == 1 else _whole(pixels @ LUMA)[:, :, np.newaxis]
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, 2)
    if wants.channels == "rgba" and pixels.shape[2] == 3:
        pixels = np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))
    return pixels[:, :, ::-1] if wants.channels == "bgr" else pixels


def _whole(values: Floats) -> Pixels:
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)


def _lay_on(pixels: Pixels, wants: Wants) -> Pixels:
    alpha = pixels[:, :, 3:] / 255
    return _whole(pixels[:, :, :3] * alpha + np.array(wants.background) * (1 - alpha))


def _resize(pixels: Pixels, wants: Wants, size: Size) -> Pixels:
    if wants.resize == "stretch":
        return _scale(pixels, size, wants.filter)
    height, width = pixels.shape[:2]
    if wants.resize == "crop":
        if wants.shorter_side:
            share = wants.shorter_side / min(height, width)
        else:
            share = max(size[0] / height, size[1] / width)  # as little as covers the size; of a square, its side
        scaled = _scale(pixels, (int(height * share + 1e-9), int(width * share + 1e-9)), wants.filter)
        top, left = (round((own - asked) / 2) for own, asked in zip(scaled.shape[:2], size, strict=True))
        return scaled[top : top + size[0], left : left + size[1]]
    if (height, width) == size:
        return pixels
    share = min(size[0] / height, size[1] / width)
    inside = max(1, round(height * share)), max(1, round(width * share))
    border = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    canvas = np.empty((*size, pixels.shape[2]), np.uint8)
    canvas[...] = np.floor(np.median(border, axis=0)).astype(np.uint8)
    top, left = (size[0] - inside[0]) // 2, (size[1] - inside[1]) // 2
    canvas[top : top + inside[0], left : left + inside[1]] = _scale(pixels, inside, wants.filter)
    return canvas


def _scale(pixels: Pixels, size: Size, kind: str) -> Pixels:
    """Pixels of another size, proportions or not."""
    if pixels.shape[:2] == size:
        return pixels
    if kind:
        return _by_pillow(pixels, size, FILTERS[kind])
    if size[0] * size[1] > SMALL:
        raise NotImplementedError("the service's own filter for larger tensors; no case has one")
    twice = min(pixels.shape[0], 2 * size[0]), min(pixels.shape[1], 2 * size[1])
    rows, columns = _shares(pixels.shape[0], twice[0]), _shares(pixels.shape[1], twice[1])
    nearer = _whole(np.einsum("ah,hwc,bw->abc", rows, pixels.astype(np.float64), columns))
    return _by_pillow(nearer, size, Image.Resampling.LANCZOS)


def _shares(length: int, count: int) -> Floats:
    """(count, length): how much of each pixel is in each of `count` equal parts of a line."""
    edges = np.linspace(0, length, count + 1)
    starts = np.arange(length)
    overlap = np.minimum(edges[1:, np.newaxis], starts + 1) - np.maximum(edges[:-1, np.newaxis], starts)
    result: Floats = np.clip(overlap, 0, None) * count / length
    return result


def _by_pillow(pixels: Pixels, size: Size, resampling: Image.Resampling) -> Pixels:
    """Each channel by itself, so that alpha is a channel like the others."""
    bands = [Image.fromarray(pixels[:, :, band]).resize(size[::-1], resampling) for band in range(pixels.shape[2])]
    return np.dstack([np.asarray(band) for band in bands])


# What ONNX Runtime is given.


def tensor_of(network: Network, values: Floats) -> Tensor:
    """The input of the model for one picture, in the model's layout and dtype; a batch of 1 where it has batches."""
    typed = values.astype(dtype_of(network.dtype))
    if network.layout in ("NCHW", "CHW"):
        typed = typed.transpose(2, 0, 1)
    elif network.layout == "NHW":
        typed = typed[:, :, 0]
    elif network.layout == "NC":
        typed = typed.reshape(-1)
    return typed[np.newaxis] if network.layout.startswith("N") else typed


def dtype_of(name: str) -> np.dtype[Any]:
    """The numpy dtype of that name."""
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def round_to(dtype: str, values: Floats) -> Floats:
    """The values as the dtype keeps them."""
    return values.astype(dtype_of(dtype)).astype(np.float64)


# The arithmetic of networks.py.


def compute(network: Network, weights: Weights, values: Floats) -> Floats:
    """The numbers (classes or 1,) that the model gives for the values (h, w, c) of one picture."""
    logits = _features(network, weights, _quirk(network, values)) @ weights.matrix + weights.bias
    match network.head:
        case "softmax":
            return softmax(logits)
        case "percent":
            return 100 * softmax(logits)
        case "sigmoid" | "one_sigmoid":
            return sigmoid(logits)
        case "relu":
            return np.maximum(logits, 0)
        case "log_softmax":
            logarithms: Floats = logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())
            return logarithms
        case _:
            return logits


def _quirk(network: Network, values: Floats) -> Floats:
    """What a batch of this one picture is to a model that looks at its whole batch."""
    match network.quirk:
        case "batch_norm" | "unread_batch_norm" | "own_batch_norm":
            result: Floats = (values - values.mean((0, 1))) / np.sqrt(values.var((0, 1)) + EPSILON)
            return result
        case "batch_max":
            scaled: Floats = values / values.max()
            return scaled
        case "batch_mean":
            centred: Floats = values - values.mean()
            return centred
        case _:
            return values


def _features(network: Network, weights: Weights, values: Floats) -> Floats:
    height, width, depth = values.shape
    if network.body == "pixels":
        return values.reshape(-1)
    if network.body == "halves":
        top, left = height // 2, width // 2
        sides = [values[:top], values[top:], values[:, :left], values[:, left:]]
        size = np.array([height, width]) / SIZE_UNIT
        return np.concatenate([*(side.mean((0, 1)) for side in sides), size])
    if network.body == "conv":
        windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(0, 1))  # (h, w, c, 3, 3)
        values = np.maximum(np.einsum("hwcij,kcij->hwk", windows, weights.kernels), 0)
        averages: Floats = values.mean((0, 1))
        return averages
    down, across = network.grid
    regions = values.reshape(down, height // down, across, width // across, depth)
    means: Floats = regions.mean((1, 3)).reshape(-1)
    return means


def to_probabilities(case: Good, scores: Floats) -> Floats:
    """One for each class."""
    if case.activation == "none":
        return scores
    if case.activation == "softmax":
        return softmax(scores)
    if case.activation == "sigmoid" and len(scores) > 1:
        return sigmoid(scores)
    if case.network.head in ("one_sigmoid", "one_logit"):
        raw = case.network.head == "one_logit" or case.activation == "sigmoid"
        chance = sigmoid(scores)[0] if raw else scores[0]
        return np.array([1 - chance, chance])
    if case.network.head == "percent":
        return scores / 100
    return softmax(scores) if case.network.head in ("logits", "relu", "log_softmax") else scores


def softmax(logits: Floats) -> Floats:
    """Probabilities that sum to 1."""
    exponents = np.exp(logits - logits.max())
    result: Floats = exponents / exponents.sum()
    return result


def sigmoid(logits: Floats) -> Floats:
    """A probability of each."""
    result: Floats = (1 + np.tanh(logits / 2)) / 2  # where exp(-logits) would be too large
    return result
