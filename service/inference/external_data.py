"""Weights in files beside a model, ONNX's external data, read into memory.

ONNX Runtime maps such files. A file that is then written over in place changes the answers of a server that runs, and
one that is cut off ends its process with SIGBUS.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from service.errors import ModelError

if TYPE_CHECKING:
    import onnx

ENTRY = b"\x0a\x08location"  # the key that every tensor with external data has, as protobuf writes it
CHUNK = 1 << 20  # bytes


class InMemory(NamedTuple):
    """A model, and the content of the files that its tensors are in, by their location; mostly there are none."""

    model: Path | bytes
    files: dict[str, bytes]


def read_external_data(source: Path | bytes, folder: Path) -> InMemory:
    """A model and its external data, whose locations are relative to `folder`; without any, the source as it is.

    Raises:
        ModelError: A file is missing, too short or outside of the folder.
    """
    if not mentions(source, ENTRY):
        return InMemory(source, {})
    import onnx  # takes a sixth of a second
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(source if isinstance(source, bytes) else source.read_bytes())
    except DecodeError:  # ONNX Runtime will say what is wrong with it
        return InMemory(source, {})
    files: dict[str, bytes] = {}
    for tensor in model.graph.initializer:
        if tensor.data_location == tensor.EXTERNAL:
            _find_content(tensor, folder, files)
    in_nodes: dict[str, bytes] = {}
    for tensor in _walk_nodes(model.graph):
        if tensor.data_location == tensor.EXTERNAL:  # there, ONNX Runtime does not look into memory
            tensor.raw_data = _find_content(tensor, folder, in_nodes)
            tensor.data_location = tensor.DEFAULT
            del tensor.external_data[:]
    return InMemory(model.SerializeToString(), files)


def mentions(source: Path | bytes, word: bytes) -> bool:
    """Whether these bytes are anywhere in a model; a large file is not held in memory for that, nor all threads up."""
    if isinstance(source, bytes):
        return any(source.find(word, at, at + CHUNK + len(word)) >= 0 for at in range(0, len(source), CHUNK))
    tail = b""
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            if word in tail + chunk:
                return True
            tail = chunk[-len(word) :]
    return False


def list_locations(model: onnx.ModelProto) -> list[str]:
    """The files that the tensors of a model are in, as it names them."""
    tensors = chain(model.graph.initializer, _walk_nodes(model.graph))
    external = (tensor for tensor in tensors if tensor.data_location == tensor.EXTERNAL)
    return sorted({entry.value for tensor in external for entry in tensor.external_data if entry.key == "location"})


def locate(location: str | bytes, folder: Path, file: str = "model.onnx") -> Path:
    """The path of external data that belongs to a model's file in a folder.

    Raises:
        ModelError: It is out of the folder; a link may lead only to where the model's own file lies.
    """
    if isinstance(location, bytes):  # protobuf's, of what is not UTF-8
        raise ModelError(f"its external data {location!r} has a name that is not UTF-8 text; the file may be damaged")
    path = folder / location
    homes = {folder.resolve(), (folder / file).resolve().parent}
    is_inside = location and not Path(location).is_absolute() and ".." not in Path(location).parts
    if not is_inside or not any(path.resolve().is_relative_to(home) for home in homes):
        raise ModelError(f"its external data {location!r} is outside of the model's folder; put it beside the model")
    return path


def explain_absence(location: str, error: OSError) -> ModelError:
    """Why external data cannot be read."""
    reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
    return ModelError(f"its external data {location!r} {reason}; it belongs beside the model's file")


def _walk_nodes(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every tensor in the nodes of a graph, and in the graphs that these have."""
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from inner.initializer
                yield from _walk_nodes(inner)


def _find_content(tensor: onnx.TensorProto, folder: Path, files: dict[str, bytes]) -> bytes:
    """What a tensor's file has of it; the file is read once into `files`."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if location not in files:
        files[location] = _read(location, folder)
    size = len(files[location])
    try:
        start = int(entries.get("offset", 0))
        end = start + int(entries.get("length", size - start))
    except ValueError:
        raise ModelError(f"its external data {location!r} has an offset or a length that is no number") from None
    if not 0 <= start <= end <= size:
        raise ModelError(f"its external data {location!r} has {size} bytes, not {end}; copy or download it again")
    return files[location][start:end]


def _read(location: str, folder: Path) -> bytes:
    """Content of a file in the model's folder."""
    try:
        return locate(location, folder).read_bytes()
    except OSError as error:
        raise explain_absence(location, error) from error
