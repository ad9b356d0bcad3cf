"""A JSON body to its files, for who cannot send a form: {"fn": "a.png", "data": "<base64>"}, or a list of them.

Text that names an address is refused, not fetched: a server that fetches for strangers reaches what they cannot, such
as a cloud's metadata or a neighbour behind the same firewall, and waits for servers that it does not know.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from typing import Any

from service.api.multipart import MAX_PART_HEADER_BYTES, Part
from service.errors import LimitError, UploadError

# Parsing that much takes 10 ms, during which Python does nothing else, and four times its memory.
MAX_JSON_BYTES = 8 * 1024 * 1024
WANTED = '{"fn": "a.png", "data": "<base64>"}'


def read_json(body: bytes | bytearray, field: str, max_parts: int) -> list[Part]:
    """The files of `body` as parts of that field, in their order; at least one.

    Raises:
        UploadError: It is not such a body.
        LimitError: More than MAX_JSON_BYTES, or than `max_parts` files.
    """
    if len(body) > MAX_JSON_BYTES:
        raise LimitError(
            f"the JSON body has {len(body)} bytes; at most {MAX_JSON_BYTES} are allowed; send larger files as a form"
        )
    value = _parse(body)
    files = value if isinstance(value, list) else [value]
    if not files:
        raise UploadError(f"the JSON body is an empty list; send {WANTED} or a list of them")
    if len(files) > max_parts:
        raise LimitError(f"the body has more parts than the {max_parts} allowed")
    return [_read_file(file, field, number) for number, file in enumerate(files, 1)]


def _parse(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        raise UploadError(f"the body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise UploadError(f"the body is not JSON: byte {error.start} is not UTF-8") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; thousands of brackets
        raise UploadError(
            "the body is not JSON that can be read: it is nested too deeply, or has too long a number"
        ) from error


def _read_file(file: Any, field: str, number: int) -> Part:
    if not isinstance(file, dict):
        raise UploadError(f"file {number} of the JSON body is no object; send {WANTED} or a list of them")
    fn, data = file.get("fn", ""), file.get("data")
    if not (isinstance(fn, str) and isinstance(data, str)):
        missing = "fn" if isinstance(data, str) else "data"
        raise UploadError(f"file {number} of the JSON body has no text {missing!r}; send {WANTED} or a list of them")
    if len(fn) > MAX_PART_HEADER_BYTES:  # of which a form's may have no more either
        raise LimitError(f"fn of file {number} has {len(fn)} characters; at most {MAX_PART_HEADER_BYTES} are allowed")
    try:
        return Part(field, fn, a2b_base64(data, strict_mode=True))
    except ValueError as error:
        name = fn or f"file {number} of the JSON body"
        raise UploadError(f"{name}: {_explain(data)}") from error


def _explain(data: str) -> str:
    """Why a text is no base64."""
    start = data[:8].lower()
    if start.startswith("data:"):
        return "its data is a data: address; send the base64 behind its comma alone"
    if start.startswith(("http:", "https:", "ftp:", "file:")):
        return "its data is an address, and this service fetches nothing; send the file's bytes in base64"
    return "its data is not base64 as RFC 4648 has it: letters, digits, + and /, padded with =, no line ends"
