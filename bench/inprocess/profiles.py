"""What it changes that colour profiles are not applied: photographs as a Display P3 or an Adobe RGB file has them.

    SERVICE_MODELS=FOLDER python -m bench.inprocess.profiles [MODEL]

Crops of scikit-image's photographs, sRGB, are converted to each space by LittleCMS and read as the service reads them,
without the profile. Told are the differences of the samples, of 255, and, where a model is named, how often its class
is another one. Beside them, as a yardstick: a JPEG of quality 85, and a resize by another good filter.
"""

from __future__ import annotations

from service.interruption import leave_at_once

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("bench: interrupted")

import io
import json
import struct
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from service.images.decoding import decode
from service.images.preprocessing import fit
from service.images.scaling import by_pillow
from service.inference.loading import load_model
from service.registry import target_of
from service.settings import Settings

Pixels = NDArray[np.uint8]  # (H, W, 3)
Change = Callable[[Pixels], Pixels]
CROPS = 40  # of each photograph
LEAST = 0.5  # of the photograph's shorter side
# Red, green and blue in XYZ, adapted to D50 as profiles have them, and the tone curve: Apple's and Adobe's profiles.
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), None
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 563 / 256
D50 = 0.9642, 1.0, 0.8249


def main(name: str = "") -> None:
    """Measure, print a table and one JSON line."""
    crops = [crop for photo in photographs() for crop in cut(photo)]
    changes: dict[str, Change] = {
        "Display P3": to_space(*DISPLAY_P3),
        "Adobe RGB": to_space(*ADOBE_RGB),
        "JPEG, quality 85": save_as_jpeg,
    }
    result = {what: differences(crops, change) for what, change in changes.items()}
    if name:
        for what, share in class_changes(crops, changes, name).items():
            result.setdefault(what, {})["other class, %"] = share
    for what, figures in result.items():
        print(f"{what:<20}{figures}")
    print(f"{'applying a profile':<20}{time_to_apply():.2f} ms a megapixel")
    print(json.dumps(result))


def photographs() -> list[Pixels]:
    """scikit-image's photographs in colour."""
    from skimage import data

    return [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *data.stereo_motorcycle()[:2]]


def cut(photo: Pixels) -> list[Pixels]:
    """Square crops, drawn and always the same."""
    draws = np.random.default_rng(0)
    crops = []
    for _ in range(CROPS):
        side = int(min(photo.shape[:2]) * draws.uniform(LEAST, 1))
        top, left = (draws.integers(0, whole - side + 1) for whole in photo.shape[:2])
        crops.append(np.ascontiguousarray(photo[top : top + side, left : left + side]))
    return crops


def to_space(primaries: tuple[tuple[float, ...], ...], gamma: float | None) -> Change:
    """Samples of the same colours in another space."""
    space = ImageCms.ImageCmsProfile(io.BytesIO(make_profile(primaries, gamma)))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), space, "RGB", "RGB")

    def change(pixels: Pixels) -> Pixels:
        converted = ImageCms.applyTransform(Image.fromarray(pixels), transform)
        assert converted is not None
        return np.asarray(converted)

    return change


def save_as_jpeg(pixels: Pixels) -> Pixels:
    """What is left by a JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=85)
    return decode(file.getvalue(), pixels.size, ("png", "jpeg"))


def differences(crops: list[Pixels], change: Change) -> dict[str, float]:
    """Of the samples: the mean, and what 1 in 100 are beyond."""
    found = np.concatenate([np.abs(change(crop).astype(int) - crop).ravel() for crop in crops])
    return {"mean": round(float(found.mean()), 2), "p99": float(np.percentile(found, 99))}


def class_changes(crops: list[Pixels], changes: dict[str, Change], name: str) -> dict[str, float]:
    """Percentage of the crops that get another class, for each change and for another filter."""
    model = load_model(Settings.from_environment(), name)
    target = target_of(model)

    def classify(change: Change) -> NDArray[np.int64]:
        views = [fit(change(crop), target) for crop in crops]
        size = model.max_batch
        batches = (model.run(views[start : start + size]) for start in range(0, len(views), size))
        return np.array([result[0] for batch in batches for result in batch if isinstance(result, tuple)])

    def by_lanczos(crop: Pixels) -> Pixels:
        return by_pillow(crop, *(target.height or 256, target.width or 256), Image.Resampling.LANCZOS)

    right = classify(lambda crop: crop)
    assert len(right) == len(crops)
    shares = {what: classify(change) != right for what, change in {**changes, "another filter": by_lanczos}.items()}
    return {what: round(100 * float(share.mean()), 1) for what, share in shares.items()}


def time_to_apply() -> float:
    """Milliseconds that LittleCMS takes for a megapixel."""
    space = ImageCms.ImageCmsProfile(io.BytesIO(make_profile(*DISPLAY_P3)))
    transform = ImageCms.buildTransform(space, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8))
    best = min(_time(lambda: ImageCms.applyTransform(picture, transform)) for _ in range(5))
    return best * 1000


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def make_profile(primaries: tuple[tuple[float, ...], ...], gamma: float | None) -> bytes:
    """An ICC profile of a display, version 2 (ICC.1:2001-04); without a gamma, the curve is sRGB's."""
    curve = b"curv" + bytes(4) + (write_gamma(gamma) if gamma else write_srgb_curve())
    white, *colours = (b"XYZ " + bytes(4) + b"".join(map(fixed, values)) for values in (D50, *primaries))
    text = b"text" + bytes(4) + b"none\x00"
    description = b"desc" + bytes(4) + struct.pack(">I", 5) + b"made\x00" + bytes(78)
    tags = {b"desc": description, b"cprt": text, b"wtpt": white}
    tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, content, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, value in tags.items():
        table += tag + struct.pack(">II", start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    head = bytes(8) + b"\x02\x40\x00\x00mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + b"".join(map(fixed, D50))
    whole = head.ljust(128, b"\x00") + table + content
    return struct.pack(">I", len(whole)) + whole[4:]


def fixed(value: float) -> bytes:
    """A number with 16 bits behind the point."""
    return struct.pack(">i", round(value * 65536))


def write_gamma(gamma: float) -> bytes:
    """A curve that is a power."""
    return struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def write_srgb_curve() -> bytes:
    """IEC 61966-2-1's curve as a table."""
    coded = np.linspace(0, 1, 1024)
    light = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    samples: bytes = np.rint(light * 65535).astype(">u2").tobytes()
    return struct.pack(">I", 1024) + samples


if __name__ == "__main__":
    main(*sys.argv[1:])
