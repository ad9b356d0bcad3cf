"""What fuzzing has found, as code: each input is built here, with what it must give now."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIMIT_S = 30  # for what took minutes or more; starting Python and the service takes one or two


@pytest.mark.parametrize("start", [b"", b"<?xml version='1.0'?>"])
def test_many_comments_before_no_tag_are_text(start: bytes) -> None:
    """The time that it took to name the format doubled with each comment."""
    data = (start + b"<!---->" * 100)[:600]
    code = "import sys; from service.images.formats import name_format; print(name_format(sys.stdin.buffer.read()))"
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True, timeout=LIMIT_S)
    assert done.stdout == b"text\n"
