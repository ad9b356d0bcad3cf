"""A multipart/form-data body, held whole in memory, to its parts (RFC 7578, RFC 2046).

The whole body is there before it is read, because its size is bounded; so the parts are found by searching for the
boundary, which the standard keeps out of their content, and nothing is spooled, copied twice or fed through callbacks.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from service.errors import LimitError, UploadError
from service.images.formats import Data

MAX_PART_HEADER_BYTES = 8 * 1024
MAX_TYPE_BYTES = 1024  # of the Content-Type; a boundary has at most 70 by RFC 2046, but not every client counts
# What browsers, curl and the usual libraries send is read by one match each; all else by its parameters.
usual_type = re.compile(rb"multipart/form-data; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})")
usual_header = re.compile(
    rb'\r\nContent-Disposition: form-data; name="([^"\\\r\n]*)"; filename="([^"\\\r\n]*)"\r\n'
    rb"(?:Content-Type: [^\r\n]*\r\n)?\r\n",
    re.IGNORECASE,
)
boundary_line_end = re.compile(rb"[ \t]*\r\n")  # RFC 2046 lets gateways pad the line
folding = re.compile(rb"\r\n[ \t]+")
header_lines = re.compile(rb"(?:[\w!#$%&'*+.^`|~-]+:[^\r\n]*\r\n)*")
disposition_line = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*(;[^\r]*|)\r", re.IGNORECASE | re.MULTILINE)
# To the next semicolon outside quotes; quotes left open reach to the end, and \" outside them opens none.
# Once begun it cannot fail, so it never goes back to try another way: its time is linear in any text.
parameter = re.compile(rb';((?:[^;"\\]++|\\"?|"(?:[^"\\]++|\\.)*"?)*)')
# In quotes, \" and \\ stand for one character, as curl before 7.81 and httpx write them. Any other backslash stands for
# itself: browsers do not escape it, and Internet Explorer sent whole paths, as C:\dir\a.png, which are kept whole.
# What browsers do escape is kept as sent too (%22, %0D, %0A), for a file may have such a name.
escaped = re.compile(rb'\\(["\\])')
extended = re.compile(rb"(utf-8|iso-8859-1)'[^']*'(.*)", re.IGNORECASE)  # RFC 8187: charset'language'value


LARGE_BYTES = 64 * 1024  # of content; a view of the body serves as well as a copy


class Part(NamedTuple):
    """One part of a form."""

    field: str
    fn: str  # the name of the file that it brings, as sent; empty for a plain field
    data: Data


def read_parts(body: bytes | bytearray, content_type: bytes, max_parts: int) -> list[Part]:
    """Parts of `body`, in their order.

    Raises:
        UploadError: The body does not keep to the format, or a part's header is too long.
        LimitError: More than `max_parts` parts, or a Content-Type of more than `MAX_TYPE_BYTES`.
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
            names, start = usual.groups(), usual.end()
            field, fn = names[0].decode("utf-8", "replace"), names[1].decode("utf-8", "replace")
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
    if len(content_type) > MAX_TYPE_BYTES:
        raise LimitError(f"the Content-Type has {len(content_type)} bytes; at most {MAX_TYPE_BYTES} are allowed")
    boundary = _read_parameters(content_type).get(b"boundary")
    if not boundary:
        raise UploadError("the Content-Type multipart/form-data names no boundary")
    return boundary


def _read_header(body: bytes | bytearray, position: int, number: int) -> tuple[str, str, int]:
    """Names of the field and of the file in the header of the part after a boundary, and where its content begins."""
    line_end = boundary_line_end.match(body, position, position + MAX_PART_HEADER_BYTES)
    if line_end is None:  # a bare line feed is no line end, here and in the header
        raise UploadError(f"the boundary before part {number} is not followed by the end of its line")
    start = line_end.end()
    # A part without any header begins with the empty line itself.
    end = body.find(b"\r\n\r\n", start - 2, start + MAX_PART_HEADER_BYTES)
    if end == -1:
        raise UploadError(f"the header of part {number} has no end within {MAX_PART_HEADER_BYTES} bytes")
    return *_read_names(folding.sub(b" ", body[start : end + 2])), end + 4


def _read_names(header: bytes) -> tuple[str, str]:
    """Names of the field and of the file in a part's header, whose lines are unfolded."""
    if header_lines.fullmatch(header) is None:
        raise UploadError("a part of the multipart body has a header line that is not 'name: value' and CRLF")
    line = disposition_line.search(header)
    if line is None:
        raise UploadError("a part of the multipart body has no Content-Disposition: form-data header")
    values = _read_parameters(line[1])
    if b"name" not in values:
        raise UploadError("a part of the multipart body has no field name")
    return _text(values[b"name"]), _read_file_name(values.get(b"filename", b""), values.get(b"filename*", b""))


def _read_file_name(plain: bytes, coded: bytes) -> str:
    """The value of `filename*`, or of `filename` where the former is absent or in another charset.

    RFC 7578 forbids `filename*` in forms, but some clients send it, beside `filename` or instead of it.
    """
    known = extended.fullmatch(coded)
    if known is not None:
        return unquote_to_bytes(known[2]).decode(known[1].decode(), "replace")
    return _text(plain or unquote_to_bytes(coded.rpartition(b"'")[2]))


def _read_parameters(header: bytes) -> dict[bytes, bytes]:
    """What follows the first semicolon of a header's value: names in lower case; values without quotes and escapes."""
    values: dict[bytes, bytes] = {}
    for text in parameter.findall(header):
        name, _, value = text.partition(b"=")
        value = value.strip(b" \t")
        if len(value) > 1 and value.startswith(b'"') and value.endswith(b'"'):
            value = escaped.sub(rb"\1", value[1:-1])
        values[name.strip(b" \t").lower()] = value
    return values


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _show(value: bytes) -> str:
    """The text for a sentence: whatever cannot be printed is replaced."""
    return "".join(character if character.isprintable() else "\ufffd" for character in value.decode("utf-8", "replace"))
