"""The training run: teachers, their opinion of many augmented copies of the training set, a student that learns it.

    examples  MNIST, and what it lacks: see examples.py
    teachers  learn the labels, on new augmented copies of the examples each epoch
    copies    augmented examples, each with the teachers' mean logits for every picture
    student   learns these logits and the labels, over the copies again and again; in the end over gentle ones only
    finish    the student again, at a lower rate, over copies in which many of MNIST's digits are exactly as they are
    softened  by one temperature: see temperature.py

Every epoch and copy is kept in a folder keyed by the settings, so that an interrupted run goes on where it stopped.
Random draws depend on the seed and the epoch alone, never on what ran before. Never sees the test set.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray
from tqdm import tqdm

from train.augmentation import augment
from train.examples import Examples, Extras, Kind, gather
from train.fonts import Font
from train.model import build_student, build_teacher
from train.temperature import choose_temperature, fold

Images = NDArray[np.uint8]  # (N, 28, 28, 1)
Targets = NDArray[np.float32]  # (N, 20): the probabilities that are true, then the teachers' logits
Curves = dict[str, list[float]]  # "loss" and "accuracy" of each epoch

RECIPE = 10  # raise it when a change here or in a neighbour changes what a run produces: old checkpoints then lie idle
BATCH = 256
CHUNK = 1000  # images augmented or judged at once
TEMPERATURE = 3.0  # softens both networks' answers, so that the student sees the teacher's second thoughts
PEAK_RATE, FINISH_RATE, WEIGHT_DECAY = 3e-3, 1.5e-3, 0.02  # AdamW
TEACHER = Kind(light=0.65)
STUDENT, GENTLE, FINISH = Kind(light=0.5), Kind(light=0.85), Kind(light=0.85, still=0.3, mnist=0.72)
DOUBTFUL = 0.6  # a probability below this is no answer
EXTRAS = Extras()
TEACHER_SHARE = 0.7  # of the student's loss; the labels have the rest


@dataclasses.dataclass(frozen=True)
class Settings:
    """What decides the result of a run."""

    data: str = ""  # digest of the training set
    seed: int = 1
    images: int = 60_000  # of MNIST's
    extras: Extras = EXTRAS
    teachers: int = 2
    teacher_epochs: int = 18
    copies: int = 12
    student_epochs: int = 120
    finish_copies: int = 6
    finish_epochs: int = 30
    recipe: int = RECIPE

    def folder(self, cache: Path) -> Path:
        """Where a run with exactly these settings keeps what it has done so far."""
        key = json.dumps(dataclasses.asdict(self), sort_keys=True).encode()
        return cache / f"train-{hashlib.sha256(key).hexdigest()[:12]}"


QUICK = Settings(
    images=3_000,
    extras=Extras(300, 0, 300, 300),
    teachers=1,
    teacher_epochs=3,
    copies=4,
    student_epochs=3,
    finish_copies=1,
    finish_epochs=1,
)


def train(
    images: Images, labels: NDArray[np.uint8], fonts: list[Font], settings: Settings, folder: Path
) -> tuple[keras.Model, dict[str, Curves]]:
    """Run, or finish, a training run. Returns the student (logits) and the learning curves of both networks."""
    folder.mkdir(parents=True, exist_ok=True)
    mnist = images[: settings.images], labels[: settings.images]
    examples = gather(mnist, fonts, settings.extras, settings.seed, folder / "examples.npz")

    def judged_copy(epoch: int) -> tuple[Images, Targets]:
        return read_copy(folder / f"copy-{choose_copy(epoch, settings)}.npz")

    def finishing_copy(epoch: int) -> tuple[Images, Targets]:
        return read_copy(folder / f"copy-{settings.copies + epoch % settings.finish_copies}.npz")

    curves = {}
    teachers = []
    for number in range(1, settings.teachers + 1):
        seed, name = settings.seed + 1000 * number, f"teacher {number}"

        def new_copy(epoch: int, seed: int = seed) -> tuple[Images, Targets]:
            pictures, truth = augment_examples(examples, seed, epoch, TEACHER)
            return pictures, np.concatenate([truth, 0 * truth], axis=1)

        keras.utils.set_random_seed(seed)
        teacher, curves[name] = fit(
            name, build_teacher, label_loss, settings.teacher_epochs, examples.per_epoch, new_copy, seed, folder
        )
        teachers.append(teacher)
    judge_copies(teachers, examples, settings, folder)
    keras.utils.set_random_seed(settings.seed)
    count, seed = examples.per_epoch, settings.seed
    student, curves["student"] = fit(
        "student", build_student, student_loss, settings.student_epochs, count, judged_copy, seed, folder
    )
    student, finish = fit(
        "finish",
        lambda: student,
        student_loss,
        settings.finish_epochs,
        count,
        finishing_copy,
        seed,
        folder,
        FINISH_RATE,
    )
    curves["student"] = {name: values + finish[name] for name, values in curves["student"].items()}
    soften(student, mnist, examples, settings)
    return student, curves


def soften(
    student: keras.Model, mnist: tuple[Images, NDArray[np.uint8]], examples: Examples, settings: Settings
) -> None:
    """Choose the student's temperature by MNIST's training images, and by examples changed as none was before."""
    changed, truth = augment_examples(examples, settings.seed, settings.copies + settings.finish_copies, STUDENT)
    is_digit = truth.max(axis=1) > DOUBTFUL
    clean_logits = student.predict(mnist[0], CHUNK, verbose=0)
    logits = student.predict(changed[is_digit], CHUNK, verbose=0)
    fold(student, choose_temperature(clean_logits, mnist[1], logits, truth[is_digit].argmax(axis=1).astype(np.uint8)))


def read_copy(path: Path) -> tuple[Images, Targets]:
    """Images and targets of a judged copy."""
    with np.load(path) as copy:
        return copy["images"], np.concatenate([copy["truth"], copy["logits"].astype(np.float32)], axis=1)


def choose_copy(epoch: int, settings: Settings) -> int:
    """Number of the copy for an epoch of the student: each in turn, the gentle ones for its last quarter only."""
    gentle = settings.copies // 4
    if gentle and epoch >= settings.student_epochs * 3 // 4:
        return settings.copies - 1 - epoch % gentle
    return epoch % (settings.copies - gentle)


def fit(
    name: str,
    build: Callable[[], keras.Model],
    loss: Callable[[Any, Any], Any],
    epochs: int,
    count: int,
    copy: Callable[[int], tuple[Images, Targets]],
    seed: int,
    folder: Path,
    peak_rate: float = PEAK_RATE,
) -> tuple[keras.Model, Curves]:
    """Train a network for `epochs` over the `count` pictures of `copy(epoch)`, or go on from its last epoch."""
    model = build()
    checkpoint, log = folder / f"{name}.keras", folder / f"{name}.json"
    curves: Curves = {"loss": [], "accuracy": []}
    steps = -(-count // BATCH)  # in an epoch
    if checkpoint.exists():
        model = keras.models.load_model(checkpoint, custom_objects={loss.__name__: loss, "accuracy": accuracy})
        curves = json.loads(log.read_text())
    else:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, epochs * steps, warmup_target=peak_rate, warmup_steps=min(150, epochs * steps // 4)
        )
        model.compile(keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY), loss, metrics=[accuracy])
    done = int(model.optimizer.iterations) // steps  # the log may be an epoch ahead of the checkpoint
    curves = {name: values[:done] for name, values in curves.items()}
    with tqdm(total=epochs, initial=done, desc=name, unit="epoch") as bar:
        for epoch in range(done, epochs):
            images, targets = copy(epoch)
            order = np.random.default_rng([seed, epoch]).permutation(len(images))
            history = model.fit(images[order], targets[order], BATCH, shuffle=False, verbose=0).history
            for name, values in curves.items():
                values.append(float(history[name][0]))
            log.write_text(json.dumps(curves))
            save(model, checkpoint)
            bar.set_postfix({name: f"{values[-1]:.4f}" for name, values in curves.items()}, refresh=False)
            bar.update()
    return model, curves


def save(model: keras.Model, path: Path) -> None:
    """Write a model, optimizer included, so that an interrupt leaves either the old file or the new one."""
    part = path.with_name("part.keras")
    model.save(part)
    part.replace(path)


def judge_copies(teachers: list[keras.Model], examples: Examples, settings: Settings, folder: Path) -> None:
    """Write copy-0.npz, copy-1.npz, …: augmented examples, their truth, the teachers' mean logits (N, 10) float16."""
    gentle = settings.copies // 4
    kinds = [STUDENT] * (settings.copies - gentle) + [GENTLE] * gentle + [FINISH] * settings.finish_copies
    missing = [copy for copy in range(len(kinds)) if not (folder / f"copy-{copy}.npz").exists()]
    done = len(kinds) - len(missing)
    for copy in tqdm(missing, total=len(kinds), initial=done, desc="copies", unit="copy"):
        pictures, truth = augment_examples(examples, settings.seed, copy, kinds[copy])
        logits = np.mean([teacher.predict(pictures, CHUNK, verbose=0) for teacher in teachers], axis=0)
        part = folder / "part.npz"
        np.savez(part, images=pictures, truth=truth, logits=logits.astype(np.float16))
        part.replace(folder / f"copy-{copy}.npz")


def augment_examples(examples: Examples, seed: int, copy: int, kind: Kind) -> tuple[Images, NDArray[np.float32]]:
    """The pictures of an epoch, augmented, and their truth; depends on the arguments only."""
    images, truth, light, still = examples.choose(np.random.default_rng([seed, copy]), kind)
    pictures = augment_all(images, seed, copy, light)
    pictures[still] = images[still]
    return pictures, truth


def augment_all(images: Images, seed: int, copy: int, light: NDArray[np.float32]) -> Images:
    """One augmented picture of each image, `light` (N,) of them likely only slightly changed."""
    parts = []
    for chunk, start in enumerate(range(0, len(images), CHUNK)):
        part_seed = tf.constant([seed, copy * 1000 + chunk])
        parts.append(compiled_augment(images[start : start + CHUNK], part_seed, light[start : start + CHUNK]).numpy())
    return np.concatenate(parts)


compiled_augment = tf.function(augment, reduce_retracing=True)


def label_loss(targets: Any, logits: Any) -> Any:
    """Cross-entropy with the labels, one-hot in the first 10 columns of `targets`. Returns (N,)."""
    return ops.categorical_crossentropy(targets[:, :10], logits, from_logits=True)


def student_loss(targets: Any, logits: Any) -> Any:
    """Distillation: cross-entropy with the softened teacher (columns 10 to 19), and with the labels. Returns (N,).

    After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, with its T².
    """
    teacher = ops.softmax(targets[:, 10:] / TEMPERATURE)
    softened = ops.categorical_crossentropy(teacher, logits / TEMPERATURE, from_logits=True) * TEMPERATURE**2
    return TEACHER_SHARE * softened + (1 - TEACHER_SHARE) * label_loss(targets, logits)


def accuracy(targets: Any, logits: Any) -> Any:
    """Whether each answer is the label, or doubtful where there is none, (N,) 0.0 or 1.0."""
    truth = targets[:, :10]
    is_label = ops.argmax(truth, axis=1) == ops.argmax(logits, axis=1)
    is_doubtful = ops.max(ops.softmax(logits), axis=1) < DOUBTFUL
    return ops.cast(ops.where(ops.max(truth, axis=1) > DOUBTFUL, is_label, is_doubtful), "float32")
