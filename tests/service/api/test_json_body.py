from __future__ import annotations

import json
from base64 import b64encode

import pytest

from service.api.json_body import MAX_JSON_BYTES, read_json
from service.api.multipart import MAX_PART_HEADER_BYTES, Part
from service.api.uploads import read_uploads
from service.errors import LimitError, UploadError


def body(*files: object) -> bytes:
    return json.dumps(files[0] if len(files) == 1 else list(files)).encode()


A, B = {"fn": "a.png", "data": b64encode(b"one").decode()}, {"data": ""}


def test_one_file_or_a_list() -> None:
    one, two = Part("file", "a.png", b"one"), Part("file", "", b"")
    assert read_json(body(A), "file", 2) == read_json(b"[" + body(A) + b"]", "file", 2) == [one]
    assert read_json(bytearray(body(A, B)), "file", 2) == [one, two]
    assert read_json(json.dumps(A).encode("utf-16"), "file", 2) == [one]  # JSON tells its coding itself
    assert read_uploads(b"Application/JSON; charset=utf-8", body(A), "x", 1) == [one]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is not JSON: Expecting value, line 1, column 1"),
        (b'{"fn":\n1,}', "the body is not JSON: "),
        (b'{"fn": "\xff"}', "the body is not JSON: byte 8 is not UTF-8"),
        (b"[" * 100_000, "the body is not JSON that can be read: it is nested too deeply, or has too long a number"),
        (b"9" * 10_000, "the body is not JSON that can be read: it is nested too deeply, or has too long a number"),
        (b"[]", 'the JSON body is an empty list; send {"fn": "a.png", "data": "<base64>"} or a list of them'),
        (b"3", "file 1 of the JSON body is no object; send "),
        (body(A, None), "file 2 of the JSON body is no object; send "),
        (b"{}", "file 1 of the JSON body has no text 'data'; send "),
        (body({"data": [1]}), "file 1 of the JSON body has no text 'data'; send "),
        (body(A, {"data": "", "fn": None}), "file 2 of the JSON body has no text 'fn'; send "),
        (body({"data": "b25l\n"}), "file 1 of the JSON body: its data is not base64 as RFC 4648 has it"),
        (body({"fn": "a", "data": "b25"}), "a: its data is not base64 as RFC 4648 has it: letters, digits, + and /"),
        (body({"fn": "a", "data": "b25l=b25l"}), "a: its data is not base64 as RFC 4648 has it"),
        (body({"fn": "a", "data": "é"}), "a: its data is not base64 as RFC 4648 has it"),
        (body({"fn": "a", "data": "data:image/png;base64,b25l"}), "a: its data is a data: address; send the base64 be"),
        (body({"fn": "a", "data": "HTTPS://example.org/a.png"}), "a: its data is an address, and this service fetches"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, message: str) -> None:
    with pytest.raises(UploadError) as caught:
        read_json(content, "file", 8)
    assert str(caught.value).startswith(message)


def test_files_and_bytes_are_bounded() -> None:
    with pytest.raises(LimitError, match="^the body has more parts than the 1 allowed$"):
        read_json(body(A, B), "file", 1)
    with pytest.raises(LimitError, match="^the JSON body has 8388609 bytes; at most 8388608 are allowed; send larger"):
        read_json(b" " * (MAX_JSON_BYTES + 1), "file", 1)


def test_a_name_has_the_bound_of_a_form_s() -> None:
    """It stands in sentences, of which some are kept."""
    name = "a" * MAX_PART_HEADER_BYTES
    assert read_json(body({**A, "fn": name}), "file", 1)[0].fn == name
    with pytest.raises(LimitError, match="^fn of file 1 has 8193 characters; at most 8192 are allowed$"):
        read_json(body({"fn": name + "a", "data": "!"}), "file", 1)
