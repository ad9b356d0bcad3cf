"""An ONNX file taken apart, into the graph and its weights, and put together again.

onnx reads and writes a file whole, and holds all threads up meanwhile: 100 MB for a tenth of a second. Here the large
initializers are left where they are, bytes of the file; what onnx looks at and changes is a model without them.

Source: protobuf's encoding (protobuf.dev/programming-guides/encoding), by which messages that follow each other are
merged; onnx/onnx.proto for the numbers of the fields.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

GRAPH, INITIALIZER = 7, 5  # fields of ModelProto and of GraphProto
SMALL = 1024  # bytes of an initializer that stays in the graph: constants that tell what an operation does
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5  # ways to write a field
STEP = 1 << 20  # bytes that are copied at once, between which other threads have their turn
Span = tuple[int, int]  # begin and end, in the file


def split(data: bytes) -> tuple[bytes, list[Span]]:
    """The model without its large initializers, itself a valid message, and where these are, as fields of the graph.

    Raises:
        ValueError: This is no protobuf message.
    """
    parts, weights = [], []
    for field, begin, value, end in _fields(data, 0, len(data)):
        if field != GRAPH:
            parts.append(data[begin:end])
            continue
        kept = []
        for inner, first, _, last in _fields(data, value, end):
            if inner == INITIALIZER and last - first > SMALL:
                weights.append((first, last))
            else:
                kept.append(data[first:last])
        parts.append(_write_graph_head(sum(map(len, kept))))
        parts += kept
    return b"".join(parts), weights


def join(model: bytes, data: bytes, weights: Sequence[Span]) -> bytes:
    """The model, changed or not, with the initializers of the file `data` that it was split from."""
    whole = io.BytesIO()
    whole.write(model)
    if weights:
        whole.write(_write_graph_head(sum(end - begin for begin, end in weights)))
    view = memoryview(data)
    for begin, end in weights:
        for start in range(begin, end, STEP):
            whole.write(view[start : min(start + STEP, end)])
    return whole.getvalue()


def _write_graph_head(length: int) -> bytes:
    return _write_varint(GRAPH << 3 | LENGTH) + _write_varint(length)


def _fields(data: bytes, place: int, end: int) -> Iterator[tuple[int, int, int, int]]:
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


def _read_varint(data: bytes, place: int, end: int) -> tuple[int, int]:
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
