"""A request for inference of the Open Inference Protocol to the tensor that it brings, and to what it asks for.

    body → header in JSON, without the numbers in it → checked → tensor, from those numbers or from the bytes behind

Whatever is allocated is allocated for what has come: a shape is first compared with the model's, then with the bytes.
Sources: kserve/open-inference-protocol, specification/protocol/inference_rest.md; triton-inference-server/server,
docs/protocol/extension_binary_data.md, extension_classification.md.
"""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from service.api.tensors import Tensor, name_datatype, read_binary, read_numbers, show
from service.errors import NotOfferedError, TensorError
from service.inference.image_input import ImageTensor

MAX_HEADER_BYTES = 64 * 1024  # of the JSON, numbers not counted
MAX_LISTS = 2  # of numbers that are looked for in one body: the second is one too many
MAX_NUMBER = 1 << 62
DATA, PLACE = b'"data"', secrets.token_hex(8).encode()  # that stands for a list, and that no client knows
begins = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[')
Span = tuple[int, int]  # of a list of numbers in the body
Json = Mapping[str, Any]


class Signature(NamedTuple):
    """What a model takes and gives."""

    input: ImageTensor
    outputs: Sequence[str]
    max_rows: int  # of one request


class Wanted(NamedTuple):
    """One output as it is asked for."""

    name: str
    is_binary: bool
    classes: int  # to list as "value:index:label"; 0 for the tensor as it is


class InferRequest(NamedTuple):
    """A whole request."""

    id: str | None
    tensor: Tensor
    wanted: Sequence[Wanted]
    timeout_ns: int  # 0 for none


def read_infer_request(body: bytes | bytearray, header_length: bytes, signature: Signature) -> InferRequest:
    """The request; `header_length` is the value of the header Inference-Header-Content-Length, empty without one.

    Raises:
        TensorError: It cannot be read, or is not for this model.
        NotOfferedError: It asks for a part of the protocol that is left out.
    """
    if not body:
        raise TensorError("the body is empty; send JSON")
    size = _read_length(header_length, len(body))
    if not size:
        return _read_raw(body, signature)
    header, lists = read_header(body, size)
    parameters = read_parameters(header, "the request")
    if any(parameters.get(key) for key in ("sequence_id", "sequence_start", "sequence_end")):
        raise NotOfferedError("sequences are not offered: each request is answered by itself")
    identifier = header.get("id")
    if not isinstance(identifier, str | None):
        raise TensorError(f"id is {show(identifier)}; it must be a text")
    given = _only_input(header, signature.input.name)
    if len(lists) > ("data" in given):  # what is not read below has not been seen to be JSON
        raise TensorError("the JSON has a list of numbers called data outside of its only input")
    binary = memoryview(body)[size:]
    return InferRequest(
        identifier,
        _read_tensor(given, body, lists, binary, signature),
        _read_wanted(header, read_truth(parameters, "binary_data_output"), signature.outputs),
        _whole(parameters.get("timeout", 0), "timeout", MAX_NUMBER // 1000) * 1000,
    )


def _read_length(header_length: bytes, size: int) -> int:
    if not header_length:
        return size
    if not (header_length.isdigit() and len(header_length) < 20 and int(header_length) <= size):
        told = header_length.decode("latin-1")
        raise TensorError(f"Inference-Header-Content-Length is {show(told)}; the body has {size} bytes")
    return int(header_length)


def _read_raw(body: bytes | bytearray, signature: Signature) -> InferRequest:
    """The tensor as the whole body, of which a header of no length says nothing."""
    source = signature.input
    shape, known = list(source.whole_shape), math.prod(abs(side) for side in source.whole_shape) * source.dtype.itemsize
    if shape.count(-1) == 1:
        shape[shape.index(-1)] = len(body) // known
    check_shape(shape, signature)
    return InferRequest(
        None,
        read_binary(memoryview(body), shape, source.dtype),
        [Wanted(name, is_binary=True, classes=0) for name in signature.outputs],
        0,
    )


def read_header(body: bytes | bytearray, size: int) -> tuple[Json, list[Span]]:
    """The first `size` bytes as JSON, and where the lists of numbers are that have been cut out of it.

    Each list of numbers that is some `"data"` is `[PLACE]` instead. In JSON, a quote within a text has a
    backslash before it, so that `"data":` cannot be anything but a key.

    Raises:
        TensorError: It is no JSON object, or one of too many bytes or too many levels.
    """
    pieces: list[bytes] = []
    lists: list[Span] = []
    last = 0
    found = body.find(DATA, 0, size)
    while found != -1 and len(lists) < MAX_LISTS:
        match = begins.match(body, found, size)
        found += len(DATA)
        if match is not None:
            limit = size
            for byte in (b'"', b"}"):  # neither is in a list of numbers
                if (stop := body.find(byte, match.end(), limit)) != -1:
                    limit = stop
            if end := body.rfind(b"]", match.end(), limit) + 1:
                pieces += [bytes(body[last : match.end()]), b'"%b"]' % PLACE]
                lists.append((match.end() - 1, end))
                last = found = end
        found = body.find(DATA, found, size)
    length = sum(map(len, pieces)) + size - last
    if length > MAX_HEADER_BYTES:
        raise TensorError(f"the JSON has {length} bytes beside its numbers; at most {MAX_HEADER_BYTES} are allowed")
    try:
        header = json.loads(b"".join([*pieces, body[last:size]]).decode())
    except RecursionError as error:
        raise TensorError("the JSON has too many levels, one within another") from error
    except ValueError as error:
        raise TensorError(f"the first {size} bytes of the body are not JSON") from error
    if not isinstance(header, dict):
        raise TensorError("the JSON is no object; send {" + '"inputs": …}')
    return header, lists


def _only_input(header: Json, name: str) -> Json:
    inputs = _objects(header.get("inputs", []), "inputs")
    names = [given.get("name") for given in inputs]
    if names != [name]:
        raise TensorError(f"inputs are {show(names)}; the model has one, {show(name)}")
    return inputs[0]


def _read_tensor(
    given: Json, body: bytes | bytearray, lists: Sequence[Span], binary: memoryview, signature: Signature
) -> Tensor:
    source = signature.input
    datatype, shape, parameters = given.get("datatype"), given.get("shape"), read_parameters(given, "the input")
    if datatype != name_datatype(source.dtype.name):
        raise TensorError(f"datatype is {show(datatype)}; the model takes {name_datatype(source.dtype.name)}")
    shape = check_shape(shape, signature)
    size = parameters.get("binary_data_size")
    if (size is None) == ("data" not in given):
        raise TensorError("an input has either data or a binary_data_size")
    if size is not None:
        if _whole(size, "binary_data_size", MAX_NUMBER) != len(binary):
            raise TensorError(f"binary_data_size is {size}; {len(binary)} bytes follow the JSON")
        return read_binary(binary, shape, source.dtype)
    if len(binary):
        raise TensorError(f"{len(binary)} bytes follow the JSON, and no input has a binary_data_size")
    data = given["data"]
    if data != [PLACE.decode()]:
        raise TensorError("data must be a list of numbers")
    return read_numbers(body, *lists[0], shape, source.dtype)


def check_shape(shape: object, signature: Signature) -> list[int]:
    """The shape of a tensor, where the model takes it.

    Raises:
        TensorError: It does not.
    """
    expected = signature.input.whole_shape
    sides = shape if isinstance(shape, list) and len(shape) == len(expected) else [0]
    if not all(type(side) is int and 0 < side <= MAX_NUMBER for side in sides):
        raise TensorError(f"shape is {show(shape)}; the model takes {list(expected)}, where -1 is any number from 1")
    if any(side != known for side, known in zip(sides, expected, strict=True) if known > 0):
        raise TensorError(f"shape is {show(shape)}; the model takes {list(expected)}")
    if expected[0] == -1 and "N" in signature.input.layout and sides[0] > signature.max_rows:
        raise TensorError(f"the tensor has {show(sides[0])} rows; at most {signature.max_rows} are allowed")
    return sides


def _read_wanted(header: Json, is_binary: bool, names: Sequence[str]) -> list[Wanted]:
    asked = _objects(header.get("outputs", []), "outputs")
    if not asked:
        return [Wanted(name, is_binary, 0) for name in names]
    wanted: list[Wanted] = []
    for output in asked:
        name, parameters = output.get("name"), read_parameters(output, "an output")
        if name not in names:
            raise TensorError(f"no output is called {show(name)}; the outputs are {', '.join(names)}")
        if any(name == other.name for other in wanted):
            raise TensorError(f"output {show(name)} is asked for twice")
        classes = _whole(parameters.get("classification", 0), "classification", MAX_NUMBER)
        wanted.append(Wanted(str(name), read_truth(parameters, "binary_data", is_binary), classes))
    return wanted


def _objects(value: object, what: str) -> list[dict[str, Any]]:
    if not (isinstance(value, list) and all(isinstance(each, dict) for each in value)):
        raise TensorError(f"{what} is {show(value)}; it must be a list of objects")
    return value


def read_parameters(owner: Json, what: str) -> dict[str, Any]:
    """The parameters of an object of the protocol.

    Raises:
        TensorError: They are no object.
        NotOfferedError: They speak of shared memory.
    """
    parameters = owner.get("parameters", {})
    if not isinstance(parameters, dict):
        raise TensorError(f"the parameters of {what} are {show(parameters)}; they must be an object")
    if any(key.startswith("shared_memory") for key in parameters):
        raise NotOfferedError("shared memory is not offered; send the tensor in the body")
    return parameters


def _whole(value: object, what: str, most: int) -> int:
    if not (type(value) is int and 0 <= value <= most):
        raise TensorError(f"{what} is {show(value)}; it must be a whole number from 0")
    return value


def read_truth(owner: Json, what: str, default: bool = False) -> bool:
    """A member that is true or false.

    Raises:
        TensorError: It is something else.
    """
    value = owner.get(what, default)
    if not isinstance(value, bool):
        raise TensorError(f"{what} is {show(value)}; it must be true or false")
    return value
