"""The graph of an ONNX file without its weights, so that a look at a large model's operations costs next to nothing.

onnx parses a file whole, and holds all threads up meanwhile: 100 MB for a sixth of a second. An outline is a copy of
the file's bytes, a valid model, in which large initializers have a name, a type and a shape, and no values.

Source: protobuf's encoding (protobuf.dev/programming-guides/encoding), onnx/onnx.proto for the numbers of the fields.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator

GRAPH, INITIALIZER = 7, 5  # fields of ModelProto and of GraphProto
VALUES = frozenset({4, 5, 6, 7, 9, 10, 11})  # of TensorProto
SMALL = 1024  # bytes of an initializer that is kept whole: constants that tell what an operation does
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # ways to write a field
Data = bytes | mmap.mmap


def outline(data: Data) -> bytes:
    """The model without the values of its large initializers.

    Raises:
        ValueError: This is no protobuf message.
    """
    return _rewrite(data, 0, len(data), GRAPH, lambda start, end: _outline_graph(data, start, end))


def _outline_graph(data: Data, start: int, end: int) -> bytes:
    return _rewrite(data, start, end, INITIALIZER, lambda start, end: _outline_tensor(data, start, end))


def _outline_tensor(data: Data, start: int, end: int) -> bytes:
    if end - start <= SMALL:
        return data[start:end]
    return b"".join(data[begin:stop] for field, begin, _, stop in _fields(data, start, end) if field not in VALUES)


def _rewrite(data: Data, start: int, end: int, wanted: int, write: Callable[[int, int], bytes]) -> bytes:
    """A message whose fields of one number are written anew, the others copied."""
    parts = []
    for field, begin, value, stop in _fields(data, start, end):
        if field == wanted:
            content = write(value, stop)
            parts += [_write_varint(wanted << 3 | LENGTH), _write_varint(len(content)), content]
        else:
            parts.append(data[begin:stop])
    return b"".join(parts)


def _fields(data: Data, place: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, begin, begin of the value, and end of each field of a message."""
    while place < end:
        begin = place
        tag, place = _read_varint(data, place, end)
        way, value = tag & 7, place
        if way == LENGTH:
            length, value = _read_varint(data, place, end)
            place = value + length
        elif way == VARINT:
            _, place = _read_varint(data, place, end)
        elif way in (FIXED32, FIXED64):
            place += 4 if way == FIXED32 else 8
        else:
            raise ValueError("a field is written in no way that is known")
        if place > end:
            raise ValueError("a field is longer than its message")
        yield tag >> 3, begin, value, place


def _read_varint(data: Data, place: int, end: int) -> tuple[int, int]:
    """A number, seven bits in each byte, the lowest first; and the place behind it."""
    number = shift = 0
    while place < end and shift < 64:
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
    raise ValueError("a number has no end")


def _write_varint(number: int) -> bytes:
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)
