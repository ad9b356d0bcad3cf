"""Pictures to compare on, and their classes where they are known.

an .npz file   x_test, of the model's size, and y_test, the number of each one's class
a folder       PNG files of any size, prepared as the service does; the class is the name of a file's folder
neither        made ones
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convert.errors import SourceError
from convert.images import REAL_LIMIT, Images, ImageShape, load_images, make_images
from convert.pictures import Pictures
from service.errors import RequestError
from service.images.reading import read_image
from service.settings import Settings


class Samples(NamedTuple):
    """Images of a model's size."""

    images: Images  # (n, height, width, channels)
    kind: str  # "real" or "made"
    classes: NDArray[np.int64] | None = None  # (n,), the number of each one's class

    def without(self, chosen: NDArray[np.bool_]) -> Samples:
        """The others."""
        return Samples(self.images[~chosen], self.kind, None if self.classes is None else self.classes[~chosen])


def make_samples(shape: ImageShape) -> Samples:
    """Made images."""
    return Samples(make_images(shape), "made")


def load_samples(path: Path, pictures: Pictures, shape: ImageShape, labels: list[str]) -> Samples:
    """The first 10,000 pictures of an .npz file or a folder; `labels` are those of the classes.

    Raises SourceError when they cannot be read, or are none of this model's.
    """
    if path.is_dir():
        return _load_folder(path, pictures, labels)
    images, classes = load_images(path, shape)
    return Samples(images[:REAL_LIMIT], "real", _check_classes(path, classes, len(images), len(labels)))


def _check_classes(path: Path, classes: NDArray[Any] | None, images: int, count: int) -> NDArray[np.int64] | None:
    if classes is None:
        return None
    if classes.size != images or classes.dtype.kind not in "iu" or classes.min() < 0 or classes.max() >= count:
        raise SourceError(
            f"{path} holds {classes.dtype} {classes.shape} as y_test; it must be a whole number from 0 to {count - 1} "
            f"for each of the {images} images, or not be there."
        )
    return classes.reshape(-1)[:REAL_LIMIT].astype(np.int64)


def _load_folder(folder: Path, pictures: Pictures, labels: list[str]) -> Samples:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".png")
    # Evenly out of all, as the first ones may be of one class.
    files = (
        [files[index] for index in np.unique(np.linspace(0, len(files) - 1, REAL_LIMIT, dtype=int))] if files else []
    )
    if not files:
        raise SourceError(f"{folder} holds no .png file; give a folder of PNGs, or an .npz file with an array x_test.")
    try:
        images = [read_image(file.read_bytes(), str(file), pictures.target, Settings().max_pixels) for file in files]
    except (RequestError, OSError) as err:
        raise SourceError(f"{err}; take it out of the folder, or mend it.") from err
    names = [file.parent.name for file in files]
    known = set(names) <= set(labels)
    classes = np.array([labels.index(name) for name in names], np.int64) if known else None
    return Samples(np.stack(images), "real", classes)
