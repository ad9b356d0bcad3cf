"""The model card: a Markdown page made of what was measured."""

import datetime
import platform
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.model import LABELS
from train.strangers.rows import Row, Skipped
from train.strangers.table import write_table
from train.training import (
    BATCH,
    FINISH,
    FINISH_RATE,
    GENTLE,
    PEAK_RATE,
    TEACHER,
    TEACHER_SHARE,
    TEMPERATURE,
    WEIGHT_DECAY,
    Settings,
)

PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "opencv-python-headless")

CARD = """\
---
license: cc-by-sa-3.0
pipeline_tag: image-classification
library_name: keras
datasets: [ylecun/mnist]
---

# Handwritten digits, {parameters:,} parameters

A small convolutional network that reads one handwritten digit. It takes raw grey pixels, dark on light or light on
dark, and gives ten probabilities. `python -m train` wrote this page and everything it reports.

| | |
| --- | --- |
| input | `uint8 (N, 28, 28, 1)`, grey levels 0 to 255; nothing has to be scaled or inverted beforehand |
| output | `float32 (N, 10)`, softmax probabilities of the labels in `labels.txt` |
| file | `model.keras`, {size} kB: built-in layers only, loads without this repository's code |
| size | {parameters:,} parameters, 0.79 million multiplications an image |

## How often it is right

On the 10,000 images of the MNIST test set, none of which were trained on. Each row changes all of them; what is drawn
is then prepared as the server prepares an upload: on plain paper the digit is trimmed out and fitted into 28 x 28.

| test images | right | wrong |
| --- | ---: | ---: |
{conditions}

![one row of each kind](card/conditions.png)

The colours of an image change nothing: the graph itself finds the paper (the extreme shade that is nearer to the
mean) and measures all else from there. The other rows are what augmentation bought.

## Digits by strangers

What was never trained on, by `python -m train.strangers`, what misses its goal by most first. The fifteen corruptions
are MNIST-C's ([arXiv 1906.02337](https://arxiv.org/abs/1906.02337)), with its parameters, written anew: of ten the kind
is trained, in other strengths; canny edges, zigzag, fog, glass blur and spatter are unseen. UCI's digits are
scikit-learn's, 8 x 8 pixels of 43 writers. What is no digit is doubted where no class gets over 60 %. The calibration
error is the expected one, over 15 bins.

{strangers}

![ten of each row](card/strangers.png)

## Class by class

| digit | images | found (recall) | rightly so called (precision) | most often taken for |
| --- | ---: | ---: | ---: | --- |
{classes}

![confusion matrix](card/confusion.png)

## All its mistakes

The {mistakes} images it gets wrong as they are, the most confident first: label, answer and its probability. Some
have no certain reading.

![mistakes](card/mistakes.png)

## How it was trained

{teachers} {teachers_word} for {teacher_epochs} epochs from the {images:,} images of the MNIST training set and from
{extras:,} made pictures: the same digits from sheets of any size and place, drawn with another pen; hands that MNIST
lacks (flagged and based 1, crossed 7, open and closed 4, looped 2); digits of the fonts below, half of them with
another pen; and {negatives:,} that are no digit, whose right answer is that all ten are as likely. Of a quarter, the
glyph fills the picture. An epoch has all of MNIST and a third of the rest, newly augmented: turned, sheared, scaled
by 0.5 to 1.4, stretched, shifted, bent, thickened, thinned, blurred, partly hidden,
with lines across, on grey, uneven, shaded and noisy paper, with bands of the other polarity. Of MNIST's,
{teacher_light:.0%} are changed only slightly.

The teaching then goes through {copies} more augmented copies, which are judged once. The student, which is published,
learns from these for {student_epochs} epochs, in the last quarter from those in which {gentle_light:.0%} of MNIST's are
changed only slightly: {share:.0%} of its loss is the mean opinion that it is taught at temperature {temperature:g}, the
rest the label. AdamW, weight decay {decay:g}, batches of {batch}, learning rate rising to {rate:g}, then falling to 0
along a cosine. At last it learns for {finish_epochs} more epochs, with a rate that rises to {finish_rate:g} and falls
again, from {finish_copies} copies with {finish.mnist:.0%} of MNIST's and more of the rest, in which {finish.still:.0%}
of MNIST's are exactly as they are. Seed {seed}.

In the end its logits are divided by the highest temperature, in hundredths, that leaves training digits calibrated,
as they are and changed: what is no digit is doubted more, and no class changes.

The weights are those of the last step, not those of the best one. [`train/LOG.md`](../../train/LOG.md) says how often a
test was looked at; on digits that nobody has looked at, expect a little less.

![learning curves](card/curves.png)

The curves are accuracies on augmented training pictures, which are harder than the test set.

Trained on {date} with {versions}. Repeat it with `python -m train{seed_option}`; another machine's arithmetic gives
slightly other numbers.

## Limits

One digit an image. It is found wherever it is on plain paper; on uneven paper (a hard shadow, a texture) it must fill
about half of the picture. Two digits, or one turned by more than about 25 degrees, are beyond it. What is no digit
mostly gets low probabilities, but the class is one of ten whatever is shown: look at the probability. Letters like O,
I, l, Z and S are digits to it.

## Data and licence

MNIST, by Yann LeCun and Corinna Cortes, made from NIST's Special Databases 1 and 3, is available under the Creative
Commons Attribution-Share Alike 3.0 licence (CC BY-SA 3.0); pictures of it on this page are under the same terms. The
photographs among what is no digit are two of scikit-image's, an astronaut (NASA, public domain) and coffee (Rachel
Michetti, public domain). Fonts, none of which is part of this repository or of the model, by licence:

{fonts}
"""


class Report(NamedTuple):
    """What was measured."""

    parameters: int
    settings: Settings
    right: dict[str, int]  # condition → right answers of the test set
    strangers: list[Row | Skipped]
    licences: dict[str, str]  # of the fonts that were learned from
    confusion: NDArray[np.int64]  # (10, 10), labels by answers


def write_card(report: Report, path: Path) -> None:
    """Write the page; model.keras lies beside it."""
    settings, total = report.settings, int(report.confusion.sum())
    rows = (f"| {name} | {100 * right / total:.2f} % | {total - right} |" for name, right in report.right.items())
    text = CARD.format(
        parameters=report.parameters,
        size=round((path.parent / "model.keras").stat().st_size / 1000),
        conditions="\n".join(rows),
        classes="\n".join(_describe(digit, report.confusion) for digit in range(len(LABELS))),
        mistakes=total - int(report.confusion.trace()),
        strangers=write_table(report.strangers),
        fonts=_list_fonts(report.licences),
        extras=sum(settings.extras),
        negatives=settings.extras.negatives,
        teachers="A" if settings.teachers == 1 else settings.teachers,
        teachers_word="teacher learns" if settings.teachers == 1 else "teachers learn",
        teacher_epochs=settings.teacher_epochs,
        teacher_light=TEACHER.light,
        gentle_light=GENTLE.light,
        finish_copies=settings.finish_copies,
        finish_epochs=settings.finish_epochs,
        finish=FINISH,
        finish_rate=FINISH_RATE,
        images=settings.images,
        copies=settings.copies,
        student_epochs=settings.student_epochs,
        share=TEACHER_SHARE,
        temperature=TEMPERATURE,
        decay=WEIGHT_DECAY,
        batch=BATCH,
        rate=PEAK_RATE,
        seed=settings.seed,
        seed_option="" if settings.seed == Settings().seed else f" --seed {settings.seed}",
        date=datetime.datetime.now(datetime.UTC).date(),
        versions=f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
    )
    path.write_text(text)


def _list_fonts(licences: dict[str, str]) -> str:
    """A line for each licence with its fonts."""
    lines = [
        f"- {licence}: {', '.join(name for name, its in licences.items() if its == licence)}"
        for licence in sorted(set(licences.values()))
    ]
    return "\n".join(lines) or "- none"


def _describe(digit: int, counts: NDArray[np.int64]) -> str:
    """One row of the table of classes."""
    images, answers, right = counts[digit].sum(), counts[:, digit].sum(), counts[digit, digit]
    others = counts[digit].copy()
    others[digit] = 0
    worst = f"{LABELS[others.argmax()]} ({others.max()} times)" if others.any() else "none"
    recall, precision = 100 * right / max(images, 1), 100 * right / max(answers, 1)
    return f"| {LABELS[digit]} | {images:,} | {recall:.2f} % | {precision:.2f} % | {worst} |"
