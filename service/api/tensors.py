"""Tensors of the Open Inference Protocol: numbers in JSON, or bytes of Triton's binary extension, to and from NumPy.

Both are read piece by piece into the array that they make: a list of Python's numbers would take eight times the memory
of the text, and hold up every other thread while it is made.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import TensorError

Tensor = NDArray[Any]
# The protocol's names, where they are not NumPy's in capitals.
DATATYPES = {"float16": "FP16", "float32": "FP32", "float64": "FP64", "bfloat16": "BF16", "object": "BYTES"}
ONNX_NAMES = {"float": "float32", "double": "float64", "string": "object"}
PIECE_BYTES = 16 * 1024  # read at once, and more than any number has
COUNTED_BYTES = 1 << 20  # at once
PIECE_NUMBERS = 4096  # written at once
NUMBERS = b"0123456789+-.eE, \t\r\n[]"  # that a list of numbers is written with
ALIKE = bytes.maketrans(b"123456789+-.eE", b"0" * 14)
MISPLACED = b"]0", b"0[", b"]["  # what no comma parts
UNNESTED = bytes.maketrans(b"[]", b"  ")
SHOWN = 50  # characters of what a client has sent, in a sentence
LENGTH = struct.Struct("<I")  # before each of BYTES


def name_datatype(kind: str) -> str:
    """The protocol's name of NumPy's or ONNX Runtime's type: FP32 of float32, and of tensor(float)."""
    kind = kind.removeprefix("tensor(").removesuffix(")")
    kind = ONNX_NAMES.get(kind, kind)
    return DATATYPES.get(kind, kind.upper())


def name_type(datatype: str) -> str:
    """The name of such a type in Triton's model configuration: TYPE_FP32 of FP32, TYPE_STRING of BYTES."""
    return f"TYPE_{'STRING' if datatype == 'BYTES' else datatype}"


def read_binary(data: memoryview, shape: Sequence[int], dtype: np.dtype[Any]) -> Tensor:
    """The tensor of little-endian numbers; it is a view of the data.

    Raises:
        TensorError: The data is of another length.
    """
    size = math.prod(shape) * dtype.itemsize
    if len(data) != size:
        raise TensorError(f"the tensor has {len(data)} bytes; {name_datatype(dtype.name)} {list(shape)} has {size}")
    return np.frombuffer(data, np.uint8).view(dtype).reshape(shape)


def read_numbers(text: bytes | bytearray, start: int, end: int, shape: Sequence[int], dtype: np.dtype[Any]) -> Tensor:
    """The tensor of a JSON list in text[start:end], flat or nested as the shape is.

    Raises:
        TensorError: It is no such list, or holds what the type does not.
    """
    count, told = math.prod(shape), _count(text, b",", start, end) + 1
    if told != count:
        raise TensorError(f"data has {told} numbers; the shape {list(shape)} has {count}")
    lists = _count(text, b"[", start, end)
    allowed = accumulate(accumulate(shape[:-1], mul, initial=1))  # of a flat one, and of each depth of nesting
    if lists != _count(text, b"]", start, end) or lists not in allowed:
        raise TensorError(f"data must be one flat list of numbers, or nested as its shape {list(shape)} is")
    values, filled, depth = np.empty(count, dtype), 0, 0
    while start < end:
        stop = text.find(b",", start + PIECE_BYTES, end)
        stop = end if stop == -1 else stop
        piece = bytes(text[start : min(stop, start + 2 * PIECE_BYTES + 1)])
        depth = _follow_brackets(piece, depth, stop == end)
        numbers = _read_piece(piece, dtype)
        values[filled : filled + len(numbers)] = numbers
        start, filled = stop + 1, filled + len(numbers)
    if filled != count:
        raise TensorError(f"data has {filled} numbers; the shape {list(shape)} has {count}")
    return values.reshape(shape)


def _count(text: bytes | bytearray, byte: bytes, start: int, end: int) -> int:
    """As `text.count`, which lets no other thread run meanwhile, in steps."""
    return sum(text.count(byte, step, min(step + COUNTED_BYTES, end)) for step in range(start, end, COUNTED_BYTES))


def _follow_brackets(piece: bytes, depth: int, is_last: bool) -> int:
    """How deep a list is nested behind a piece of it, which ends at a comma."""
    if b"[" not in piece and b"]" not in piece:
        return depth
    marks = np.frombuffer(piece, np.uint8)
    levels = depth + np.cumsum((marks == ord("[")).astype(np.int64) - (marks == ord("]")))
    skeleton = piece.translate(ALIKE, b" \t\r\n")
    if any(pair in skeleton for pair in MISPLACED) or (levels[: len(levels) - is_last] < 1).any():
        raise TensorError("data is not a JSON list of numbers")
    return int(levels[-1])


def _read_piece(piece: bytes, dtype: np.dtype[Any]) -> Tensor:
    if len(piece) > 2 * PIECE_BYTES:
        raise TensorError(f"a number in data has more than {PIECE_BYTES} characters")
    strange = piece.translate(None, NUMBERS).decode("utf-8", "replace")
    if strange:
        raise TensorError(f"data must hold numbers and nothing else; it holds {show(strange)}")
    try:
        numbers = json.loads(b"[%b]" % piece.translate(UNNESTED))
    except ValueError as error:
        raise TensorError("data is not a JSON list of numbers") from error
    return _convert(numbers, dtype)


def _convert(numbers: list[int | float], dtype: np.dtype[Any]) -> Tensor:
    name = name_datatype(dtype.name)
    if dtype.kind in "iu":
        whole, limits = np.array(numbers), np.iinfo(dtype)
        if whole.dtype.kind not in "iu" and numbers:
            raise TensorError(f"{name} is of whole numbers, {limits.min} to {limits.max}; data holds others")
        if numbers and (whole.min() < limits.min or whole.max() > limits.max):
            raise TensorError(f"{name} is {limits.min} to {limits.max}; data holds {whole.min()} to {whole.max()}")
        return whole.astype(dtype)
    try:
        with np.errstate(over="ignore"):
            values = np.array(numbers, np.float64).astype(dtype)
    except OverflowError:
        values = np.full(1, np.inf, dtype)
    if not np.isfinite(values).all():
        raise TensorError(f"data holds a number that is too large for {name}")
    return values


def write_binary(tensor: Tensor) -> bytes:
    """Little-endian numbers; of BYTES, the length of each before it."""
    if tensor.dtype.kind != "O":
        return np.ascontiguousarray(tensor).tobytes()
    words = [word.encode() for word in tensor.flat]
    return b"".join(part for word in words for part in (LENGTH.pack(len(word)), word))


def write_numbers(tensor: Tensor, name: str) -> bytes:
    """A flat JSON list.

    Raises:
        TensorError: JSON has no form for a number in it.
    """
    if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
        raise TensorError(f"output {name!r} has NaN or infinity, for which JSON has no form; ask for it as binary_data")
    flat = tensor.reshape(-1)
    pieces = (flat[start : start + PIECE_NUMBERS].tolist() for start in range(0, flat.size, PIECE_NUMBERS))
    return b"[%b]" % b",".join(json.dumps(piece, separators=(",", ":"))[1:-1].encode() for piece in pieces)


def classify(tensor: Tensor, rows_count: int, count: int, labels: Sequence[object] | None) -> Tensor:
    """The highest values (rows, count) of each row as "value:index:label", by Triton's extension.

    Without labels, or where there is not one for each value, they are "value:index".
    """
    rows = tensor.reshape(rows_count, -1)
    labels = labels if labels is not None and len(labels) == rows.shape[1] else None
    best = np.argsort(-rows.astype(np.float64), axis=1, kind="stable")[:, :count]
    words = [[_word(row[index], index, labels) for index in order] for row, order in zip(rows, best, strict=True)]
    return np.array(words, object)


def _word(value: float, index: int, labels: Sequence[object] | None) -> str:
    return f"{value:f}:{index}" if labels is None else f"{value:f}:{index}:{labels[index]}"


def show(value: object) -> str:
    """What a client has sent, for a sentence: short, and with nothing in it that cannot be printed."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        text = "too many levels"
    short = "".join(character if character.isprintable() else "\ufffd" for character in text[:SHOWN])
    short += "…" * (len(text) > SHOWN)
    return f"'{short}'" if isinstance(value, str) else short
