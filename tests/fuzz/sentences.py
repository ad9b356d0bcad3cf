"""What the message of a refusal may look like: a sentence for a person, nothing of Python."""

from __future__ import annotations

import re

PYTHON = re.compile(r"\bb'|\bb\"|\\x|\\u|Traceback|File \"|Error\b|<[a-z]+ object|\bNone\b")
MAX_LENGTH = 300  # characters


def assert_plain(message: str) -> None:
    """The message is one line that can be printed, without bytes or tracebacks as Python writes them."""
    assert 10 <= len(message) <= MAX_LENGTH, f"{len(message)} characters: {message!r}"
    assert message.isprintable(), f"not printable: {message!r}"
    assert not PYTHON.search(message), f"Python in a message: {message!r}"
