"""All cases as one models folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.field.case import Bad, Good
from tests.field.cases import BAD, GOOD
from tests.field.networks import save


def write_case(case: Good | Bad, models: Path) -> Path:
    """Write the model's folder of one case; gives the file that is meant."""
    folder = models / case.name
    folder.mkdir(parents=True)
    if isinstance(case, Bad):
        case.write(folder)
        return folder / "1" / "model.onnx"
    path = folder / str(case.version) / "model.onnx"
    save(case, path)
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
    if case.others:
        case.others(folder)
    return path


def write_folder(models: Path, names: Iterable[str] = ()) -> None:
    """Write the cases of these names, or all, as `<name>/<version>/model.onnx`."""
    cases: dict[str, Good | Bad] = {**GOOD, **BAD}
    for name in names or cases:
        write_case(cases[name], models)
