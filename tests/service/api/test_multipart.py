from __future__ import annotations

import contextlib

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser, parse_options_header

from service.api.multipart import MAX_PART_HEADER_BYTES, Part, read_parts
from service.errors import LimitError, RequestError, UploadError

TYPE = b"multipart/form-data; boundary=XX"


def by_python_multipart(body: bytes, boundary: bytes) -> list[Part]:
    """The parts as Starlette's own parser finds them."""
    parts: list[Part] = []
    headers: list[bytes] = []
    content: list[bytes] = []

    def end() -> None:
        _, options = parse_options_header(b"".join(headers))
        parts.append(Part(options[b"name"].decode(), options.get(b"filename", b"").decode(), b"".join(content)))
        headers.clear()
        content.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_header_value": lambda data, start, stop: headers.append(data[start:stop]),
            "on_part_data": lambda data, start, stop: content.append(data[start:stop]),
            "on_part_end": end,
        },
    )
    parser.write(body)
    parser.finalize()
    return parts


names = st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n', exclude_categories=["Cc"]), min_size=1)


@given(st.lists(st.tuples(names, st.none() | names, st.binary(max_size=80)), min_size=1, max_size=5))
def test_parts_are_those_of_an_established_parser(fields: list[tuple[str, str | None, bytes]]) -> None:
    body = b""
    for name, filename, content in fields:
        file = b"" if filename is None else b'; filename="%b"' % filename.encode()
        body += b'--XX\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n' % (name.encode(), file)
        body += content.replace(b"--XX", b"") + b"\r\n"
    body += b"--XX--\r\n"
    assert read_parts(body, TYPE, 5) == by_python_multipart(body, b"XX")


@given(st.lists(st.sampled_from([b"--XX", b"--", b"\r\n", b'Content-Disposition: form-data; name="file"', b"x", b":"])))
def test_any_body_gives_parts_or_a_request_error(pieces: list[bytes]) -> None:
    with contextlib.suppress(RequestError):
        read_parts(b"".join(pieces), TYPE, 5)


@pytest.mark.parametrize(
    "name", ["0-7.png", "ä 数.png", 'a"b.png', "a\\b.png", "a;b=c.png", "<img onerror=1>.png", "'.png"]
)
def test_file_names_of_real_clients(name: str) -> None:
    files = {"file": (name, b"data", "image/png")}
    by_requests = requests.Request("POST", "http://test/", files=files).prepare()
    by_httpx = httpx.Request("POST", "http://test/", files=files)
    assert isinstance(by_requests.body, bytes)
    # Browsers and these clients send a quotation mark as %22, and nothing else escaped: the name is kept as sent.
    sent = name.replace('"', "%22")
    for body, kind in [
        (by_requests.body, by_requests.headers["Content-Type"]),
        (by_httpx.read(), by_httpx.headers["Content-Type"]),
    ]:
        (part,) = read_parts(body, kind.encode(), 1)
        assert part.field == "file"
        assert part.fn in (name, sent, sent.replace("\\", "\\\\"))
        assert part.data == b"data"


@pytest.mark.parametrize(
    ("header", "filename"),
    [
        (b'Content-Disposition: form-data; name="file"; filename="a\\"b.png"', 'a"b.png'),  # curl before 7.81
        (b"content-disposition:form-data;name=file;filename=a.png", "a.png"),
        (b'Content-Type: image/png\r\nContent-Disposition: form-data; filename="a.png"; name="file"', "a.png"),
        (b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%C3%A4.png", "ä.png"),
        (b'Content-Disposition: form-data; name="file"', ""),
    ],
)
def test_other_ways_to_write_the_same_header(header: bytes, filename: str) -> None:
    assert read_parts(b"--XX\r\n%b\r\n\r\nd\r\n--XX--" % header, TYPE, 1) == [("file", filename, b"d")]


def test_a_preamble_and_a_quoted_boundary() -> None:
    body = b'hello\r\n--a b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n--a b--'
    assert read_parts(body, b'multipart/form-data; charset=utf-8; boundary="a b"', 1) == [("x", "", b"")]


PART = b'--XX\r\nContent-Disposition: form-data; name="file"\r\n\r\nd\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "error", "message"),
    [
        (PART, b"multipart/form-data", UploadError, "the Content-Type multipart/form-data names no boundary"),
        (b"abc", TYPE, UploadError, "the multipart body (3 bytes) does not hold its boundary 'XX'"),
        (PART + b"--XX\r\nabc", TYPE, UploadError, "the header of part 2 has no end within 8192 bytes"),
        (PART[:-1], TYPE, UploadError, "the multipart body is cut off in part 1, before its closing boundary"),
        (
            b"--XX\r\nX: %b\r\n\r\n" % bytes(MAX_PART_HEADER_BYTES),
            TYPE,
            UploadError,
            "the header of part 1 has no end within 8192 bytes",
        ),
        (
            b"--XX\r\nX: y\r\n\r\n\r\n--XX--",
            TYPE,
            UploadError,
            "a part of the multipart body has no Content-Disposition: form-data header",
        ),
        (
            b"--XX\r\nContent-Disposition: form-data; filename=a\r\n\r\n\r\n--XX--",
            TYPE,
            UploadError,
            "a part of the multipart body has no field name",
        ),
        (PART * 3 + b"--XX--", TYPE, LimitError, "the body has more parts than the 2 allowed"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, kind: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        read_parts(body, kind, 2)
    assert str(caught.value) == message
