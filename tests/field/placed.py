"""Good cases of where a model lies: names of folders, and versions beside the one that serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.field.case import Good
from tests.field.making import good
from tests.field.networks import save

NAMES = (
    "with space",
    "Größe",
    "under_score",
    "dotted.name.v1.5",
    "Käfer und Vögel_2.0",
    "dash-and-dash",
    "UPPER lower",
    "cats & dogs",
    "cats+dogs",
    "100%",
    "猫",
    "7",
    "model.onnx",
)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 102\n"


def lone_files(**versions: bytes) -> Callable[[Path], None]:
    """Writes `<version>/model.onnx` with these contents; keywords are `v<version>`."""

    def write(folder: Path) -> None:
        for version, content in versions.items():
            path = folder / version[1:] / "model.onnx"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)

    return write


def other_model(version: str, seed: int) -> Callable[[Path], None]:
    """Writes another good model, with other answers, as that version."""

    def write(folder: Path) -> None:
        save(good("other", seed=seed), folder / version / "model.onnx")

    return write


def cases() -> Iterator[Good]:
    """All of this file."""
    for name in NAMES:
        yield good(name, layout="NHWC", dtype="uint8")
    yield good("version_2_of_2", version=2, others=other_model("1", 1))
    yield good("version_10_after_9", version=10, others=other_model("9", 2))
    yield good("version_is_a_date", version=20261125, others=other_model("20261124", 3))
    yield good("version_1_beside_words", others=other_model("latest", 4))
    yield good("version_1_beside_a_dotted_one", others=other_model("2.0", 5))
    yield good("version_1_beside_a_folder_without_model", others=lambda folder: (folder / "2").mkdir())
    # The highest version is bad, so the next lower one serves.
    yield good("lower_serves_for_a_pointer", others=lone_files(v2=POINTER))
    yield good("lower_serves_for_an_empty_file", others=lone_files(v2=b""), layout="NHWC", dtype="uint8")
    yield good(
        "lower_serves_for_html", others=lone_files(v7=b"<!DOCTYPE html><html><body>404</body></html>"), version=6
    )
    yield good("lower_serves_for_two_bad_ones", others=lone_files(v3=b"\0" * 100, v2=POINTER))
    yield good("lower_serves_the_middle_one", version=2, others=_around)
    yield good("lower_serves_for_a_tabular_one", others=_tabular)


def _around(folder: Path) -> None:
    other_model("1", 6)(folder)
    lone_files(v3=b"PK\x03\x04 no model")(folder)


def _tabular(folder: Path) -> None:
    from tests.field.bad_models import table

    table(folder / "5" / "model.onnx")
