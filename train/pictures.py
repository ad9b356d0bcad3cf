"""The model card's pictures, PNGs under 150 kB: learning curves, confusions, kinds of test images, mistakes."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from train.evaluation import Classify, Pixels, conditions
from train.model import LABELS
from train.strangers.rows import Row, Skipped
from train.strangers.table import order
from train.training import Curves

mpl.use("Agg")  # draws into files, needs no display
from matplotlib import pyplot as plt

BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#777777"
DPI = 110
SHOWN = 60  # mistakes on the sheet at most


def draw_curves(curves: dict[str, Curves], path: Path) -> None:
    """Error of all networks on augmented training pictures, by epoch, on a logarithmic scale."""
    figure, axes = plt.subplots(figsize=(7, 3.4))
    for name, curve in curves.items():
        colour = BLUE if name == "student" else GREY
        errors = 100 * (1 - np.array(curve["accuracy"]))
        axes.plot(np.arange(1, len(errors) + 1), errors, color=colour, lw=1.8)
        if name in ("student", "teacher 1"):  # the other teachers' curves lie on the first one's
            label = "teachers" if name == "teacher 1" else name
            axes.annotate(f" {label}, {errors[-1]:.2f} %", (len(errors), errors[-1]), color=colour, va="center")
    axes.set_yscale("log")
    axes.set_xlim(0, 1.25 * max(len(curve["loss"]) for curve in curves.values()))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g} %" if f"{value:.0e}"[0] in "25" else "")
    axes.set(xlabel="epoch", ylabel="error on augmented\ntraining pictures")
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def draw_confusion(counts: NDArray[np.int64], path: Path) -> None:
    """Mistakes only are coloured: the diagonal would drown them."""
    figure, axes = plt.subplots(figsize=(5.4, 5))
    mistakes = counts - np.diag(counts.diagonal())
    axes.imshow(mistakes, cmap="Reds", vmin=0, vmax=max(1, 1.6 * mistakes.max()))
    for label, answer in np.ndindex(*counts.shape):
        count, right = counts[label, answer], label == answer
        if count:
            axes.text(answer, label, count, ha="center", va="center", color=GREY if right else "black", fontsize=8.5)
    axes.set_xticks(range(len(LABELS)), LABELS)
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set(xlabel="answer", ylabel="label", title=f"{mistakes.sum()} mistakes in {counts.sum():,} test images")
    axes.tick_params(length=0)
    _save(figure, path)


def draw_mistakes(images: Pixels, labels: NDArray[np.uint8], scores: NDArray[np.float32], path: Path) -> None:
    """The wrong answers, the most confident first, each with label → answer and the answer's probability."""
    answers, confidence = scores.argmax(axis=1), scores.max(axis=1)
    wrong = np.flatnonzero(answers != labels)
    wrong = wrong[np.argsort(-confidence[wrong])][:SHOWN]
    columns = 10
    rows = max(1, -(-len(wrong) // columns))
    figure, grid = plt.subplots(rows, columns, figsize=(columns * 0.88, rows * 1.12), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, index in zip(grid.flat, wrong, strict=False):
        axes.imshow(255 - images[index, ..., 0], cmap="gray", vmin=0, vmax=255)
        title = f"{LABELS[labels[index]]} → {LABELS[answers[index]]}  {confidence[index]:.0%}"
        axes.set_title(title, fontsize=7.5, pad=2)
    _save(figure, path)


def draw_conditions(images: Pixels, labels: NDArray[np.uint8], classify: Classify, path: Path) -> None:
    """One image of each digit, a row for each condition; wrong answers are framed in red."""
    digits, indices = np.unique(labels, return_index=True)
    first = images[indices]
    rows = list(conditions(first))
    figure, grid = plt.subplots(len(rows), len(first), figsize=(len(first) * 0.5, len(rows) * 0.5))
    for line, (name, pixels) in zip(grid, rows, strict=True):
        answers = classify(pixels).argmax(axis=1)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8.5)
        for axes, pixel, digit, answer in zip(line, pixels, digits, answers, strict=True):
            axes.imshow(pixel[..., 0], cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            good = answer == digit
            axes.spines[:].set(color=GREY if good else RED, linewidth=0.4 if good else 2.5)
    figure.subplots_adjust(wspace=0.1, hspace=0.1)
    _save(figure, path)


def draw_strangers(rows: Iterable[Row | Skipped], path: Path) -> None:
    """Ten pictures of each row of the external test as the model gets them, the worst row first; wrong ones in red."""
    shown = [(f"{row.name}, {row.value:.1f} %", *row.shown) for row in order(rows) if row.shown]
    side = 0.34  # inches
    figure, grid = plt.subplots(len(shown), 10, figsize=(10 * side, len(shown) * side), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for line, (label, pictures, mistaken) in zip(grid, shown, strict=True):
        line[0].text(-0.3, 0.5, label, transform=line[0].transAxes, ha="right", va="center", fontsize=7)
        for axes, pixels, wrong in zip(line, pictures, mistaken, strict=False):
            axes.axis("on")
            axes.imshow(pixels[..., 0], cmap="gray", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set(color=RED if wrong else GREY, linewidth=2 if wrong else 0.4)
    figure.subplots_adjust(wspace=0.1, hspace=0.1)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    """Write a PNG of 64 colours, which are enough here and a third of the size."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI, bbox_inches="tight")
    plt.close(figure)
    Image.open(drawn).convert("RGB").quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
