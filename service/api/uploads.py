"""A body and a query to the files that they bring: multipart parts, one bare picture, or JSON."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs

from service.api.json_body import read_json
from service.api.multipart import Part, read_parts
from service.errors import UploadError

FIELD = "file"
FORM, IMAGE = b"multipart/form-data", b"image/"
BYTES, JSON = b"application/octet-stream", b"application/json"


class Query(NamedTuple):
    """What the query string asks."""

    fn: str = ""  # name of a bare body
    top: int = 0  # how many classes to list


NO_QUERY = Query()


def read_uploads(content_type: bytes, body: bytes | bytearray, fn: str, max_parts: int) -> list[Part]:
    """The parts that bring a file, in their order; at least one. `fn` is the name of a bare body.

    Raises:
        UploadError: No file, or a body that cannot be read.
        LimitError: Too many parts.
    """
    if content_type[: len(FORM)].lower() == FORM:
        parts = read_parts(body, content_type, max_parts)
        if len(parts) == 1 and parts[0].field == FIELD and parts[0].data:
            return parts
        uploads = [part for part in parts if part.field == FIELD]
        # A browser sends an empty, nameless file for a form in which none was chosen.
        if not uploads or uploads == [(FIELD, "", b"")]:
            raise UploadError(f"no file was uploaded; send a PNG as the multipart part {FIELD!r}")
        return uploads
    media_type = content_type.partition(b";")[0].strip().lower()
    if media_type.startswith(IMAGE) or media_type == BYTES:  # what it really is, its first bytes tell
        return [Part(FIELD, fn, body)]
    if media_type == JSON:
        return read_json(body, FIELD, max_parts)
    kind = content_type.decode("latin-1") or "absent"
    raise UploadError(f"the Content-Type is {kind}; send multipart/form-data with a part {FIELD!r}, or image/png")


def read_query(query_string: bytes) -> Query:
    """The query's `fn` and `top`.

    Raises:
        UploadError: `top` is not a whole number of at least 1.
    """
    if not query_string:
        return NO_QUERY
    values = parse_qs(query_string.decode("latin-1"))
    fn, top = values.get("fn", [""])[0], values.get("top", [""])[0]
    if not top:
        return Query(fn)
    if not (top.isascii() and top.isdecimal() and len(top) < 10 and int(top) > 0):
        raise UploadError(f"top is {top[:20]!r}; it must be a whole number of at least 1")
    return Query(fn, int(top))
