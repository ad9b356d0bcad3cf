"""What the networks learn from: MNIST, the same digits as they come from sheets, other hands, fonts, and no digits.

MNIST is in every epoch; of the rest, which is made once, each epoch has a third. All are ink on black.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from train.evaluation import Pixels
from train.fonts import Font, draw_glyph
from train.model import LABELS
from train.negatives import draw_negatives
from train.sheets import enlarge, prepare_glyph, redraw, warp
from train.strokes import draw_hands

PART = 3  # of what is not MNIST, one in so many is in an epoch
CHUNK = 500  # pictures made between two steps of the progress bar
EXTRA_LIGHT = 0.5  # share of what is not MNIST that is changed only slightly
Digits = tuple[Pixels, NDArray[np.uint8]]
Truth = NDArray[np.float32]  # (N, 10) probabilities


class Extras(NamedTuple):
    """How many pictures of each kind there are beside MNIST."""

    sheets: int = 30_000
    fonts: int = 30_000
    hands: int = 12_000
    negatives: int = 30_000


class Kind(NamedTuple):
    """How hard an epoch is made."""

    light: float  # share of MNIST's that are changed only slightly
    still: float = 0.0  # share of MNIST's that are not changed at all
    mnist: float = 1.0  # share of MNIST's that are in it; others have their places


class Choice(NamedTuple):
    """What is in an epoch: MNIST's first."""

    images: Pixels  # (N, 28, 28, 1)
    truth: Truth  # (N, 10)
    light: NDArray[np.float32]  # (N,) how likely each is changed only slightly
    still: NDArray[np.bool_]  # (N,) whether it is not changed at all


class Examples(NamedTuple):
    """Pictures (N, 28, 28, 1) uint8 with the probabilities they should get (N, 10); the first of them are MNIST's."""

    images: Pixels
    truth: Truth
    from_mnist: int

    @property
    def per_epoch(self) -> int:
        """Pictures in an epoch."""
        return self.from_mnist + (len(self.images) - self.from_mnist) // PART

    def choose(self, draws: np.random.Generator, kind: Kind) -> Choice:
        """An epoch of that kind."""
        count = round(kind.mnist * self.from_mnist)  # of MNIST's
        beside = draws.permutation(np.arange(self.from_mnist, len(self.images)))[: self.per_epoch - count]
        ours = np.arange(count) if count == self.from_mnist else draws.permutation(self.from_mnist)[:count]
        chosen = np.concatenate([ours, beside])
        is_mnist = chosen < self.from_mnist
        light = np.where(is_mnist, kind.light, EXTRA_LIGHT).astype(np.float32)
        still = is_mnist & (draws.random(len(chosen)) < kind.still)
        return Choice(self.images[chosen], self.truth[chosen], light, still)


def gather(mnist: Digits, fonts: list[Font], extras: Extras, seed: int, file: Path) -> Examples:
    """All examples, from `file` or made and kept there; the same for the same arguments."""
    images, labels = mnist
    if not file.exists():
        made = list(_make(mnist, fonts, extras, np.random.default_rng(seed)))
        part = file.with_name("part.npz")
        np.savez(part, images=np.concatenate([each for each, _ in made]), truth=np.concatenate([t for _, t in made]))
        part.replace(file)
    with np.load(file) as beside:
        truth = np.concatenate([_one_hot(labels), beside["truth"]])
        return Examples(np.concatenate([images, beside["images"]]), truth, len(images))


def _make(
    mnist: Digits, fonts: list[Font], extras: Extras, draws: np.random.Generator
) -> Iterator[tuple[Pixels, Truth]]:
    """Pictures of each kind and their truth."""
    images, labels = mnist
    faces = [face for font in fonts for face in font.faces]

    def sheets(count: int) -> Digits:
        chosen = draws.integers(len(images), size=count)
        glyphs = (redraw(enlarge(images[index, ..., 0]), draws) for index in chosen)
        return np.stack([prepare_glyph(glyph, draws) for glyph in glyphs]), labels[chosen]

    def printed(count: int) -> Digits:
        digits = draws.integers(10, size=count)
        drawn = (
            draw_glyph(LABELS[digit], faces[draws.integers(len(faces))], int(draws.integers(30, 100)))
            for digit in digits
        )
        glyphs = (warp(redraw(glyph, draws), draws) for glyph in drawn)
        return np.stack([prepare_glyph(glyph, draws) for glyph in glyphs]), digits.astype(np.uint8)

    def hands(count: int) -> Digits:
        glyphs, digits = draw_hands(count, draws)
        return np.stack([prepare_glyph(glyph, draws) for glyph in glyphs]), digits

    kinds: list[tuple[Callable[[int], Digits], int]] = [(sheets, extras.sheets), (hands, extras.hands)]
    kinds += [(printed, extras.fonts)] if faces else []
    total = sum(count for _, count in kinds) + extras.negatives
    with tqdm(total=total, desc="examples", unit="picture") as bar:
        for make, count in kinds:
            for size in _chunks(count):
                pictures, digits = make(size)
                yield pictures, _one_hot(digits)
                bar.update(size)
        for size in _chunks(extras.negatives):
            yield draw_negatives(size, fonts, draws), np.full((size, len(LABELS)), 1 / len(LABELS), np.float32)
            bar.update(size)


def _chunks(count: int) -> Iterator[int]:
    yield from (min(CHUNK, count - start) for start in range(0, count, CHUNK))


def _one_hot(labels: NDArray[np.uint8]) -> Truth:
    return np.eye(len(LABELS), dtype=np.float32)[labels]
