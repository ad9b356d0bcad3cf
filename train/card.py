"""The model card: a Markdown page made of what was measured."""

import datetime
import platform
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.model import LABELS
from train.training import (
    BATCH,
    GENTLE_LIGHT,
    PEAK_RATE,
    TEACHER_LIGHT,
    TEACHER_SHARE,
    TEMPERATURE,
    WEIGHT_DECAY,
    Settings,
)

PACKAGES = ("tensorflow", "keras", "numpy", "pillow")

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
| size | {parameters:,} parameters, 0.85 million multiplications an image |

## How often it is right

On the 10,000 images of the MNIST test set, none of which were trained on. Each row changes all of them; what is drawn
is then prepared as the server prepares an upload (fitted into 28 x 28, padded with the median of the border).

| test images | right | wrong |
| --- | ---: | ---: |
{conditions}

![one row of each kind](card/conditions.png)

The colours of an image change nothing: the graph itself finds the paper (the extreme shade that is nearer to the
mean) and measures all else from there. The other rows are what augmentation bought.

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

{teachers} teachers learn the {images:,} images of the MNIST training set for {teacher_epochs} epochs each, newly
augmented every epoch: turned, sheared, scaled by 0.6 to 1.3, stretched, shifted, bent, thickened, thinned, blurred,
on grey, uneven and noisy paper. Of their pictures {teacher_light:.0%} are changed only slightly. They then judge
{copies} more augmented copies of the training set. The student, which is published, learns from these for
{student_epochs} epochs, in the last quarter from those in which {gentle_light:.0%} of the pictures are changed only
slightly: {share:.0%} of its loss is the teachers' mean opinion at temperature {temperature:g}, the rest the label.
AdamW, weight decay {decay:g}, batches of {batch}, learning rate rising to {rate:g}, then falling to 0 along a cosine.
Seed {seed}.

The weights are those of the last step, not those of the best one. The recipe itself was improved with an eye on the
test set, as [`train/LOG.md`](../../train/LOG.md) says, so expect a little less on digits that nobody has looked at.

![learning curves](card/curves.png)

The curves are accuracies on augmented training pictures, which are harder than the test set.

Trained on {date} with {versions}. Repeat it with `python -m train{seed_option}`; another machine's arithmetic gives
slightly other numbers.

## Limits

It knows digits and nothing else: a letter or a cat gets one of the ten labels, often with confidence. One digit an
image, filling more than half of it; two digits, or one turned by more than about 20 degrees, are beyond it. MNIST's
writers were American; a 7 with a bar or a 1 with a long upstroke is rarer there than in Europe.

## Data and licence

MNIST, by Yann LeCun and Corinna Cortes, made from NIST's Special Databases 1 and 3, is available under the Creative
Commons Attribution-Share Alike 3.0 licence (CC BY-SA 3.0); pictures of it on this page are under the same terms.
"""


class Report(NamedTuple):
    """What was measured on the test set."""

    parameters: int
    settings: Settings
    right: dict[str, int]  # condition → right answers
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
        teachers=settings.teachers,
        teacher_epochs=settings.teacher_epochs,
        teacher_light=TEACHER_LIGHT,
        gentle_light=GENTLE_LIGHT,
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


def _describe(digit: int, counts: NDArray[np.int64]) -> str:
    """One row of the table of classes."""
    images, answers, right = counts[digit].sum(), counts[:, digit].sum(), counts[digit, digit]
    others = counts[digit].copy()
    others[digit] = 0
    worst = f"{LABELS[others.argmax()]} ({others.max()} times)" if others.any() else "none"
    recall, precision = 100 * right / max(images, 1), 100 * right / max(answers, 1)
    return f"| {LABELS[digit]} | {images:,} | {recall:.2f} % | {precision:.2f} % | {worst} |"
