"""A multipart/form-data body, held whole in memory, to its parts (RFC 7578, RFC 2046).

The whole body is there before it is read, because its size is bounded; so the parts are found by searching for the
boundary, which the standard keeps out of their content, and nothing is spooled, copied twice or fed through callbacks.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from service.errors import LimitError, UploadError

MAX_PART_HEADER_BYTES = 8 * 1024
boundary_parameter = re.compile(rb';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
# What browsers, curl and the usual libraries send, in one match; any other header is read by its parameters.
usual_disposition = re.compile(
    rb'content-disposition: form-data; name="([^"\\]*)"; filename="([^"\\]*)"(?:\r\n|$)', re.IGNORECASE
)
disposition_line = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)", re.IGNORECASE | re.MULTILINE)
parameter = re.compile(rb';[ \t]*([\w*-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
escaped = re.compile(rb'\\(["\\])')


class Part(NamedTuple):
    """One part of a form."""

    field: str
    fn: str  # the name of the file that it brings, as sent; empty for a plain field
    data: bytes


def read_parts(body: bytes, content_type: bytes, max_parts: int) -> list[Part]:
    """Parts of `body`, in their order.

    Raises:
        UploadError: The body does not keep to the format.
        LimitError: More than `max_parts` parts, or a part's header is too long.
    """
    found = boundary_parameter.search(content_type)
    if found is None:
        raise UploadError("the Content-Type multipart/form-data names no boundary")
    separator = b"\r\n--" + (found[1] or found[2])
    # The first boundary opens the body; what stands before it is a preamble, to be ignored.
    position = -2 if body.startswith(separator[2:]) else body.find(separator)
    if position == -1:
        raise UploadError(f"the multipart body ({len(body)} bytes) does not hold its boundary {_text(separator[4:])!r}")
    parts: list[Part] = []
    while True:
        position += len(separator)
        if body.startswith(b"--", position):
            return parts
        if len(parts) == max_parts:
            raise LimitError(f"the body has more parts than the {max_parts} allowed")
        header_start = body.find(b"\r\n", position) + 2
        # A part without any header begins with the empty line itself.
        header_end = body.find(b"\r\n\r\n", header_start - 2, header_start + MAX_PART_HEADER_BYTES)
        if header_start == 1 or header_end == -1:
            raise UploadError(f"the header of part {len(parts) + 1} has no end within {MAX_PART_HEADER_BYTES} bytes")
        position = body.find(separator, header_end + 2)
        if position == -1:
            raise UploadError(f"the multipart body is cut off in part {len(parts) + 1}, before its closing boundary")
        field, fn = _read_names(body[header_start:header_end])
        parts.append(Part(field, fn, body[header_end + 4 : position]))


def _read_names(header: bytes) -> tuple[str, str]:
    """Names of the field and of the file in a part's header."""
    usual = usual_disposition.match(header)
    if usual is not None:
        field, fn = usual.groups()
        return field.decode("utf-8", "replace"), fn.decode("utf-8", "replace")
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
