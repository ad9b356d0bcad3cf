"""What a case of the matrix is: a model, files beside it, and what a right answer takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

PREFIX = "upload_and_classify."  # of our own keys in an ONNX file's metadata
PICTURES = ("landscape", "portrait", "square", "gray", "alpha")  # what most cases are asked about

Size = tuple[int, int]  # height, width
Colour = tuple[int, int, int]  # red, green, blue
Label = int | str
Axis = int | str | None  # a fixed size, a named dimension, or one without a name
Activation = Literal["", "softmax", "sigmoid", "none"]


@dataclass(frozen=True, slots=True)
class Wants:
    """How a picture becomes the tensor that a model was made for."""

    size: Size | None  # None: the picture's own
    channels: str = "rgb"  # gray, rgb, bgr or rgba
    low: float = 0.0  # what a pixel of 0 is, before mean and std
    high: float = 1.0  # what a pixel of 255 is
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resize: str = "fit"  # fit, stretch or crop
    shorter_side: int | None = None  # of the picture before it is cropped; None: the size
    filter: str = ""  # area, bilinear, bicubic, lanczos or nearest; "": the service's own
    background: Colour = (255, 255, 255)  # under transparent pixels

    @property
    def depth(self) -> int:
        """Number of channels."""
        return {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}[self.channels]


@dataclass(frozen=True, slots=True)
class Network:
    """What the ONNX file computes: means of regions, a linear layer, an activation."""

    shape: tuple[Axis, ...]  # of the input, as the file declares it
    layout: str  # what its axes are: NHWC, NCHW, NHW, HWC, CHW or NC
    dtype: str = "float32"  # of the input
    body: str = "grid"  # grid: means of regions; halves: of the halves, and the size; pixels: every pixel; conv
    grid: Size = (2, 3)  # regions down and across
    classes: int = 3
    head: str = "softmax"  # softmax, logits, relu, log_softmax, sigmoid, percent; one value: one_sigmoid, one_logit
    form: str = "NK"  # of the output: NK, NK11, NK1, N1K, N11K, K; of one value also N
    outputs: tuple[str, ...] = ("scores",)  # in order; "scores" is the one that is meant
    output_dtype: str = "float32"
    declares_output: bool = True  # whether the file has the output's shape
    output_batch: Axis = "N"  # how the file declares the output's batch
    quirk: str = ""  # see networks.QUIRKS: what goes wrong in a batch
    opset: int = 17
    weights_dtype: str = "float32"
    old_style: bool = False  # weights are listed as inputs, as before ONNX 1.4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Good:
    """A model that must be served right."""

    name: str
    network: Network
    wants: Wants
    metadata: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)  # path in the model's folder → content
    labels: tuple[Label, ...] = ()  # none: the indexes
    activation: Activation = ""  # what makes probabilities of the output; "": what its numbers are
    pictures: tuple[str, ...] = PICTURES
    version: int = 1  # that serves
    external: str = ""  # the file of the weights, beside the model
    others: Callable[[Path], None] | None = None  # writes more versions into the model's folder
    tolerance: float = 0.01  # of probabilities

    @property
    def names(self) -> list[Label]:
        """The label of each class."""
        values = 2 if self.network.head in ("one_sigmoid", "one_logit") else self.network.classes
        return list(self.labels) or list(range(values))


@dataclass(frozen=True, slots=True)
class Bad:
    """A model that must be refused, in a sentence."""

    name: str
    says: str  # a regular expression that the sentence has, in any case
    write: Callable[[Path], None]  # makes the model's folder
    proof: Literal["load", "run", "nan", "rule"]  # what is bad: loading, running, the numbers, or a rule of ours


def ours(**values: str) -> dict[str, str]:
    """Metadata under our own keys."""
    return {PREFIX + key: value for key, value in values.items()}
