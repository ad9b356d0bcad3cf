"""A multipart/form-data body, held whole in memory, to its parts (RFC 7578, RFC 2046).

The whole body is there before it is read, because its size is bounded; so the parts are found by searching for the
boundary, which the standard keeps out of their content, and nothing is spooled, copied twice or fed through callbacks.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from service.errors import LimitError, UploadError
from service.images.png import Data

MAX_PART_HEADER_BYTES = 8 * 1024
# What browsers, curl and the usual libraries send is read by one match each; all else by its parameters.
usual_type = re.compile(rb"multipart/form-data; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})")
usual_header = re.compile(
    rb'\r\nContent-Disposition: form-data; name="([^"\\\r\n]*)"; filename="([^"\\\r\n]*)"\r\n'
    rb"(?:Content-Type: [^\r\n]*\r\n)?\r\n",
    re.IGNORECASE,
)
boundary_parameter = re.compile(rb';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
disposition_line = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)", re.IGNORECASE | re.MULTILINE)
parameter = re.compile(rb';[ \t]*([\w*-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
escaped = re.compile(rb'\\(["\\])')


LARGE_BYTES = 64 * 1024  # of content; a view of the body serves as well as a copy


class Part(NamedTuple):
    """One part of a form."""

    field: str
    fn: str  # the name of the file that it brings, as sent; empty for a plain field
    data: Data


def read_parts(body: bytes | bytearray, content_type: bytes, max_parts: int) -> list[Part]:
    """Parts of `body`, in their order.

    Raises:
        UploadError: The body does not keep to the format.
        LimitError: More than `max_parts` parts, or a part's header is too long.
    """
    separator = b"\r\n--" + _read_boundary(content_type)
    # The first boundary opens the body; what stands before it is a preamble, to be ignored.
    position = -2 if body.startswith(separator[2:]) else body.find(separator)
    if position == -1:
        raise UploadError(f"the multipart body ({len(body)} bytes) does not hold its boundary '{_show(separator[4:])}'")
    parts: list[Part] = []
    while True:
        position += len(separator)
        if body.startswith(b"--", position):
            return parts
        if len(parts) == max_parts:
            raise LimitError(f"the body has more parts than the {max_parts} allowed")
        usual = usual_header.match(body, position, position + MAX_PART_HEADER_BYTES)
        if usual is not None:
            field, fn = usual[1].decode("utf-8", "replace"), usual[2].decode("utf-8", "replace")
            start = usual.end()
        else:
            field, fn, start = _read_header(body, position, len(parts) + 1)
        position = body.find(separator, start - 2)  # an empty part ends where its header does
        if position == -1:
            raise UploadError(f"the multipart body is cut off in part {len(parts) + 1}, before its closing boundary")
        data = body[start:position] if position - start < LARGE_BYTES else memoryview(body)[start:position]
        parts.append(Part(field, fn, data))


def _read_boundary(content_type: bytes) -> bytes:
    usual = usual_type.fullmatch(content_type)
    if usual is not None:
        return usual[1]
    found = boundary_parameter.search(content_type)
    if found is None:
        raise UploadError("the Content-Type multipart/form-data names no boundary")
    return found[1] or found[2]


def _read_header(body: bytes | bytearray, position: int, number: int) -> tuple[str, str, int]:
    """Names of the field and of the file in the header of the part after a boundary, and where its content begins."""
    start = body.find(b"\r\n", position) + 2
    # A part without any header begins with the empty line itself.
    end = body.find(b"\r\n\r\n", start - 2, start + MAX_PART_HEADER_BYTES)
    if start == 1 or end == -1:
        raise UploadError(f"the header of part {number} has no end within {MAX_PART_HEADER_BYTES} bytes")
    return *_read_names(bytes(body[start:end])), end + 4


def _read_names(header: bytes) -> tuple[str, str]:
    """Names of the field and of the file in a part's header."""
    line = disposition_line.search(header)
    if line is None:
        raise UploadError("a part of the multipart body has no Content-Disposition: form-data header")
    values = {name.lower(): quoted or plain for name, quoted, plain in parameter.findall(line[1])}
    if b"name" not in values:
        raise UploadError("a part of the multipart body has no field name")
    if b"filename*" in values:  # RFC 5987, which some clients send beside or instead of filename
        _, _, encoded = values[b"filename*"].partition(b"''")
        values[b"filename"] = unquote_to_bytes(encoded)
    return _text(values[b"name"]), _text(values.get(b"filename", b""))


def _text(value: bytes) -> str:
    return escaped.sub(rb"\1", value).decode("utf-8", "replace")


def _show(value: bytes) -> str:
    """The text for a sentence: whatever cannot be printed is replaced."""
    return "".join(character if character.isprintable() else "\ufffd" for character in value.decode("utf-8", "replace"))
