"""A foreign ONNX file into the models folder: with what belongs to it and the keys of description.py, or not at all.

the file → its graph, keys written → a hidden folder beside the version's, external data copied → renamed
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import ModelError
from service.inference.description import PREFIX
from service.inference.external_data import explain_absence, list_locations, locate
from service.inference.file_kind import refuse_other_kinds
from service.inference.image_input import read_image_tensor
from service.inference.presets import combine, crops, keys_for_size
from service.inference.readers import COMPANIONS, read_description
from service.inference.repository import FILE, NUMBER
from service.inference.session import NO_MODEL, Declared

if TYPE_CHECKING:
    import onnx

EXPORTS = "onnx"  # Hugging Face's folder of a model's ONNX files; what describes them lies above


def write_adopted(source: Path, folder: Path, preset: str, keys: Mapping[str, str]) -> None:
    """Write model.onnx and what belongs to it into a folder; `keys` go before the preset's, these before the file's.

    Raises:
        ModelError: The file is no model, or one without an image input; the sentence says why.
        OSError: Something cannot be read or written.
    """
    model = read_graph(source)
    _copy_external_data(model, source, folder)
    _copy_companions(source, folder)
    described = combine(preset, keys)
    _write_keys(model, described)
    if crops(preset, described):
        for_size = keys_for_size(preset, _find_size(model, folder))
        _write_keys(model, {key: text for key, text in for_size.items() if key not in keys})
    (folder / FILE).write_bytes(serialize(model))


def read_graph(source: Path) -> onnx.ModelProto:
    """The content of an ONNX file, but for its external data.

    Raises:
        ModelError: It is no ONNX model.
        OSError: It cannot be read.
    """
    refuse_other_kinds(source)
    import onnx  # takes a sixth of a second
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(source, load_external_data=False)
    except DecodeError as error:
        raise ModelError(NO_MODEL) from error


@contextmanager
def placed(folder: Path, replaces: bool) -> Iterator[Path]:
    """A hidden folder that becomes `folder` in the end; after an error nothing is left of it.

    Raises:
        ModelError: There is one already, and it is not to be replaced.
        OSError: It cannot be made.
    """
    if not replaces and folder.exists() and any(folder.iterdir()):
        raise ModelError(f"{folder} exists; take another --version, or --force to replace it")
    made = [each for each in folder.parents if not each.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = folder.with_name(f".adopt-{os.getpid()}")
    try:
        staging.mkdir()
        yield staging
        _put_in_place(staging, folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise


def _put_in_place(staging: Path, folder: Path) -> None:
    if not folder.exists():
        staging.rename(folder)
        return
    replaced = folder.with_name(f".replaced-{os.getpid()}")
    folder.rename(replaced)
    try:
        staging.rename(folder)
    except BaseException:
        replaced.rename(folder)
        raise
    shutil.rmtree(replaced)


def _copy_external_data(model: onnx.ModelProto, source: Path, folder: Path) -> None:
    for location in list_locations(model):
        path, copy = locate(location, source.parent, source.name), folder / location
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise explain_absence(location, error) from error


def _copy_companions(source: Path, folder: Path) -> None:
    """Copy the files that describe the model: beside it, or above where its folder is a version's or of exports."""
    home = source.resolve().parent if source.parent == Path() else source.parent
    homes = [home, home.parent] if home.name == EXPORTS or NUMBER.fullmatch(home.name) else [home]
    for name in COMPANIONS:
        path = next((each / name for each in homes if (each / name).is_file()), None)
        if path is not None:
            shutil.copyfile(path, folder / name)


def _write_keys(model: onnx.ModelProto, keys: Mapping[str, str]) -> None:
    """Set metadata, and leave all other metadata as it is."""
    names = {PREFIX + key for key in keys}
    kept = [(prop.key, prop.value) for prop in model.metadata_props if prop.key not in names]
    del model.metadata_props[:]
    for name, text in [*kept, *((PREFIX + key, text) for key, text in keys.items())]:
        model.metadata_props.add(key=name, value=text)


def _find_size(model: onnx.ModelProto, folder: Path) -> tuple[int, int]:
    """Height and width of the model's pictures, (0, 0) where it leaves them open."""
    import onnx

    description = read_description({prop.key: prop.value for prop in model.metadata_props}, folder)
    stored = {tensor.name for tensor in model.graph.initializer}  # which old files list among the inputs, too
    inputs = [value for value in model.graph.input if value.name not in stored]
    if not inputs:
        raise ModelError("it has no input")
    declared = inputs[0].type.tensor_type
    dtype = f"tensor({onnx.TensorProto.DataType.Name(declared.elem_type).lower()})"
    shape = [dim.dim_value or dim.dim_param or None for dim in declared.shape.dim]
    tensor = read_image_tensor(Declared(inputs[0].name, dtype, shape), description)
    return tensor.height, tensor.width


def serialize(model: onnx.ModelProto) -> bytes:
    """The bytes of a model's file, without its external data.

    Raises:
        ModelError: They are more than one protobuf message may have, 2 GiB.
    """
    try:
        data: bytes = model.SerializeToString()
    except Exception as error:  # protobuf's own, EncodeError or ValueError by version
        raise ModelError("it is larger than 2 GiB; store its weights as external data") from error
    return data
