"""What fuzzing has found, as code: each input is built here, with what it must give now."""

from __future__ import annotations

import subprocess
import sys
import zlib

import pytest

from service.api.infer_request import read_infer_request
from service.api.multipart import read_parts
from service.errors import ImageError, TensorError, UploadError
from service.images.decoding import decode
from tests.fuzz.tensor_target import SIGNATURE
from tests.service.images.containers import chunk, container

LIMIT_S = 30  # for what took minutes or more; starting Python and the service takes one or two


@pytest.mark.parametrize("start", [b"", b"<?xml version='1.0'?>"])
def test_many_comments_before_no_tag_are_text(start: bytes) -> None:
    """The time that it took to name the format doubled with each comment."""
    data = (start + b"<!---->" * 100)[:600]
    code = "import sys; from service.images.formats import name_format; print(name_format(sys.stdin.buffer.read()))"
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True, timeout=LIMIT_S)
    assert done.stdout == b"text\n"


def test_a_preset_dictionary_is_refused_in_words() -> None:
    """zlib gives a number for it and no words, and that number stood in the answer."""
    packer = zlib.compressobj(zdict=b"rows")
    rows = packer.compress(bytes(9 * 8)) + packer.flush()
    with pytest.raises(ImageError, match=r"cannot be read \(they need a dictionary that no PNG has\)$"):
        decode(container(chunk(b"IDAT", rows)), 100)


@pytest.mark.parametrize("behind", ['"data": [1]2]', '"parameters": {"data": [1]2]}'])
def test_a_list_of_numbers_that_is_not_read_is_not_passed_over(behind: str) -> None:
    """It was cut out of the JSON, and nobody saw that it was none."""
    numbers = ", ".join("0" * 12)
    member = f'"name": "image", "shape": [1, 3, 2, 2], "datatype": "FP32", {behind}, "data": [{numbers}]'
    with pytest.raises(TensorError, match="a list of numbers called data outside of its only input"):
        read_infer_request(f'{{"inputs": [{{{member}}}]}}'.encode(), b"", SIGNATURE)


def test_a_boundary_that_cannot_be_printed_is_shown_as_text() -> None:
    """It was shown as Python writes it, as in '\\x80'."""
    with pytest.raises(UploadError) as caught:
        read_parts(b"--X--", b"multipart/form-data; boundary=\xff\xc2\x80", 1)
    assert str(caught.value) == "the multipart body (5 bytes) does not hold its boundary '\ufffd\ufffd'"
