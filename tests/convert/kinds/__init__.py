"""Kinds of Keras models that people make, each a small one: KINDS maps a name to the function that writes it."""

from tests.convert.kinds import (
    activations,
    attention,
    augmentation,
    convolutions,
    formats,
    inputs,
    normalizations,
    operations,
    outputs,
    pooling,
    precision,
    preprocessing,
    recurrent,
    structures,
)
from tests.convert.kinds.registry import KINDS

__all__ = [
    "KINDS",
    "activations",
    "attention",
    "augmentation",
    "convolutions",
    "formats",
    "inputs",
    "normalizations",
    "operations",
    "outputs",
    "pooling",
    "precision",
    "preprocessing",
    "recurrent",
    "structures",
]
