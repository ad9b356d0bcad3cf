"""A multipart body to its parts: what that may give, and nothing else.

An input is the Content-Type in its first line, and the body behind it. LONG in a body stands for a part too long to be
copied, or for a header over its bound.
"""

from __future__ import annotations

from service.api.multipart import LARGE_BYTES, Part, read_parts
from service.errors import LimitError, UploadError
from tests.fuzz.sentences import assert_plain

MAX_PARTS = 5
LONG = b"{LONG}"
MAX_LONG = 2  # of them in a body


def check(data: bytes) -> bool:
    """Whether `data` is a multipart body.

    Raises:
        AssertionError, or anything that is no RequestError: What may not be.
    """
    content_type, _, body = data.partition(b"\n")
    body = body.replace(LONG, bytes(LARGE_BYTES), MAX_LONG)
    parts = _read(body, content_type)
    assert parts == _read(bytearray(body), content_type)
    return parts is not None


def _read(body: bytes | bytearray, content_type: bytes) -> list[Part] | None:
    """Parts, checked; None for a refusal, checked too."""
    try:
        parts = read_parts(body, content_type, MAX_PARTS)
    except (UploadError, LimitError) as error:
        _assert_plain(str(error), content_type.decode("utf-8", "replace"))
        return None
    assert len(parts) <= MAX_PARTS
    position = 0
    for part in parts:
        for text in (part.field, part.fn):
            assert isinstance(text, str)
            text.encode()  # nothing that JSON and the log cannot take
        found = body.find(part.data, position)
        assert found >= position, "the data of a part is no slice of the body behind the part before it"
        position = found + len(part.data)
    return parts


def _assert_plain(message: str, content_type: str) -> None:
    """A plain sentence, at whose end the boundary may stand as the client sent it."""
    sentence, _, boundary = message.partition(" boundary '")
    assert_plain(sentence)
    assert boundary.isprintable(), f"not printable: {boundary!r}"
    sent = "".join(character if character.isprintable() else "\ufffd" for character in content_type)
    # A boundary may be cut off within a character, and comes without the backslashes of its quoted pairs.
    shown, sent = (text.replace("\\", "") for text in (boundary.removesuffix("'").strip("\ufffd"), sent))
    assert shown in sent, f"not as it was sent: {boundary!r}"
