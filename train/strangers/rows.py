"""The rows of the external test: what is shown to the model, what is asked of its answers, and the goal.

A picture is an upload of any size, prepared as the service prepares it, or 28 x 28 already, which the service takes as
it is. Nothing here is trained on: not these images, fonts or photographs, and not five of the corruptions at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.evaluation import Classify, Labels, Pixels, calibration_error
from train.fonts import HELD_OUT_WRITTEN, Font
from train.strangers import others, pad, sheets
from train.strangers.corruptions import TRAINABLE, UNSEEN, corrupt
from train.strangers.sheets import Upload

Prepare = Callable[[Upload], Pixels]
SHEETS_EACH = 2000  # of MNIST's test digits, for each size on a sheet
PHOTOS_EACH = 500  # for each kind of paper
OTHERS_EACH = 300  # for each kind of what is no digit
FONT_COPIES = 10
DOUBT = 0.6  # what is no digit gets no class above it


class Row(NamedTuple):
    """One line of the report."""

    name: str
    pictures: int
    value: float  # per cent
    goal: float | None  # per cent, None where there is none of its own
    at_most: bool = False  # whether the goal is an upper bound
    shown: tuple[Pixels, NDArray[np.bool_]] | None = None  # ten for the card, and which are answered wrongly

    @property
    def margin(self) -> float:
        """Points by which it is better than its goal, or than 100 % where it has none."""
        if self.goal is None:
            return self.value - 100
        return self.goal - self.value if self.at_most else self.value - self.goal


class Skipped(NamedTuple):
    """A row that could not be measured here."""

    name: str
    reason: str


def measure(
    classify: Classify, images: Pixels, labels: Labels, fonts: list[Font], prepare: Prepare
) -> Iterator[Row | Skipped]:
    """Every row, on MNIST's test set (`images`, `labels`) and `fonts`, which may be empty."""
    draws = np.random.default_rng(1)

    def right(name: str, pictures: Pixels, truth: Labels, goal: float | None = None) -> Row:
        """How many are right, and the first picture of each digit."""
        good = classify(pictures).argmax(axis=1) == truth
        first = np.unique(truth, return_index=True)[1]
        return Row(name, len(truth), 100 * good.mean(), goal, False, (pictures[first], ~good[first]))

    yield right("MNIST as it is", images, labels, 99.6)
    yield right("MNIST inverted", 255 - images, labels, 99.6)
    yield Row("calibration error, MNIST as it is", len(labels), calibration_error(classify(images), labels), 1, True)
    yield from _measure_corruptions(classify, images, labels, right)
    glyphs = [sheets.cut(image[..., 0]) for image in images]
    for share in sheets.SHARES:
        chosen = draws.permutation(len(labels))[:SHEETS_EACH]
        pictures = prepare_all((sheets.lay(glyphs[index], share, draws) for index in chosen), prepare)
        yield right(f"sheet, digit of {share:.0%} of its width, any place", pictures, labels[chosen], 99)
    for paper in sheets.PAPERS:
        chosen = draws.permutation(len(labels))[:PHOTOS_EACH]
        pictures = prepare_all((sheets.photograph(glyphs[index], paper, draws) for index in chosen), prepare)
        yield right(f"photograph of {paper} paper", pictures, labels[chosen])
    uploads, truth = sheets.load_uci()
    yield right("UCI's digits, 8x8 enlarged", prepare_all(uploads, prepare), truth, 95)
    if fonts:
        yield from _measure_fonts(fonts, draws, right, prepare)
    else:
        yield Skipped("held-out fonts, the pad and letters", "there are no fonts")
    for name, strange in others.draw_others(fonts, draws, OTHERS_EACH).items():
        pictures = prepare_all(strange, prepare)
        doubtful = classify(pictures).max(axis=1) <= DOUBT
        shown = pictures[:10], ~doubtful[:10]
        yield Row(f"no digit, doubted: {name}", len(pictures), 100 * doubtful.mean(), 80, False, shown)


def _measure_corruptions(
    classify: Classify, images: Pixels, labels: Labels, right: Callable[..., Row]
) -> Iterator[Row]:
    values, errors = {}, []
    for name, pictures in corrupt(images):
        row = right(f"corruption: {name}{' (unseen)' if name in UNSEEN else ''}", pictures, labels)
        values[name] = row.value
        errors.append(calibration_error(classify(pictures), labels))
        yield row
    trainable = [values[name] for name in TRAINABLE]
    count = len(labels)
    yield Row(
        "mean of the ten corruptions whose kind is trained", count * len(TRAINABLE), float(np.mean(trainable)), 97.5
    )
    yield Row("worst of the ten corruptions whose kind is trained", count, min(trainable), 94)
    unseen = float(np.mean([values[name] for name in UNSEEN]))
    yield Row("mean of the five corruptions that are never trained", count * len(UNSEEN), unseen, 90)
    yield Row("calibration error, corruptions' mean", count * len(errors), float(np.mean(errors)), 5, True)


def _measure_fonts(
    fonts: list[Font], draws: sheets.Draws, right: Callable[..., Row], prepare: Prepare
) -> Iterator[Row | Skipped]:
    written = [font for font in fonts if font.name in HELD_OUT_WRITTEN]
    printed = [font for font in fonts if font.name not in HELD_OUT_WRITTEN]
    pictures, labels = [], []
    for kind, some in (("written", written), ("printed", printed)):
        glyphs, truth = sheets.draw_fonts(some, draws, FONT_COPIES)
        prepared = prepare_all((sheets.lay(glyph, draws.uniform(0.15, 0.9), draws) for glyph in glyphs), prepare)
        yield right(f"held-out fonts, {kind}", prepared, truth)
        pictures.append(prepared)
        labels.append(truth)
    whole, truth = np.concatenate(pictures), np.concatenate(labels)
    yield right("held-out fonts", whole, truth, 98)
    is_one = labels[1] == 1  # all that are printed have a flag
    yield right("held-out fonts, the flagged 1", pictures[1][is_one], labels[1][is_one], 97)
    try:
        uploads, truth = pad.draw_on_pad(fonts, draws)
    except pad.PadError as error:
        yield Skipped("drawn on the pad", str(error))
    else:
        yield right("drawn on the pad, seven sizes and places", prepare_all(uploads, prepare), truth, 98)


def prepare_all(uploads: Iterable[Upload], prepare: Prepare) -> Pixels:
    """(N, 28, 28, 1) uint8."""
    return np.stack([prepare(upload) for upload in uploads])
