from __future__ import annotations

import contextlib
import time

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser, parse_options_header

from service.api.multipart import MAX_PART_HEADER_BYTES, MAX_TYPE_BYTES, Part, read_parts
from service.errors import LimitError, RequestError, UploadError

TYPE = b"multipart/form-data; boundary=XX"


def by_python_multipart(body: bytes, boundary: bytes) -> list[Part]:
    """The parts as Starlette's own parser finds them."""
    parts: list[Part] = []
    header, content = bytearray(), bytearray()
    headers: dict[bytes, bytes] = {}
    name = bytearray()

    def end_header() -> None:
        headers[bytes(name).lower()] = bytes(header)
        name.clear()
        header.clear()

    def end() -> None:
        _, options = parse_options_header(headers[b"content-disposition"])
        parts.append(Part(options[b"name"].decode(), options.get(b"filename", b"").decode(), bytes(content)))
        headers.clear()
        content.clear()

    parser = MultipartParser(
        boundary,
        {
            "on_header_field": lambda data, start, stop: name.extend(data[start:stop]),
            "on_header_value": lambda data, start, stop: header.extend(data[start:stop]),
            "on_header_end": end_header,
            "on_part_data": lambda data, start, stop: content.extend(data[start:stop]),
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


spaces = st.sampled_from([b"", b" ", b"\t ", b"\r\n ", b" \r\n\t"])
others = st.sampled_from(
    [b"X: y", b'content-type:image/png; name="no"', b"Empty:", b"X: a\r\n b;name=no", b"!$'*`|~: y"]
)
extras = st.sampled_from([b"x=y", b"name2=no", b"size = 3", b'comment="; name=no; filename=\\"no\\""', b"alone", b""])
contents = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b"-", b"--", b"--X", b"\x00", b"y"])).map(b"".join)
quotable = st.text(st.characters(codec="utf-8", exclude_characters="\\\r\n", exclude_categories=["Cc"]), max_size=30)
tokens = st.text(st.sampled_from("abcXYZ012_-.%'()"), min_size=1, max_size=30)


@st.composite
def odd_headers(draw: st.DrawFn) -> bytes:
    """The header of a part, legal, but not as the usual clients write it."""
    # No backslash but before a quotation mark: python-multipart takes \\" for an open quote, and cuts the paths of IE.
    quoted = quotable.map(lambda text: b'"%b"' % text.encode().replace(b'"', b'\\"'))
    value = quoted | tokens.map(str.encode)
    parameters = [draw(st.sampled_from([b"name", b"Name"])) + draw(spaces) + b"=" + draw(spaces) + draw(value)]
    if draw(st.booleans()):
        parameters.append(draw(st.sampled_from([b"filename=", b"FileName= "])) + draw(value))
    parameters = draw(st.permutations(parameters + draw(st.lists(extras, max_size=2))))
    line = draw(st.sampled_from([b"Content-Disposition:", b"content-disposition: ", b"CONTENT-DISPOSITION: \t"]))
    line += b"form-data" + b"".join(draw(spaces) + b";" + draw(spaces) + parameter for parameter in parameters)
    lines = draw(st.permutations([line, *draw(st.lists(others, max_size=3))]))
    return b"\r\n".join(lines) + b"\r\n\r\n"


@given(
    st.lists(st.tuples(st.sampled_from([b"", b" ", b"\t "]), odd_headers(), contents), max_size=3),
    st.sampled_from([b"", b"\r\n", b"a preamble --XX\r\nof two lines\r\n"]),
    st.sampled_from([b"", b"\r\n", b" \t\r\nan epilogue\r\n--XX\r\n"]),
)
def test_odd_parts_are_those_of_an_established_parser(
    parts: list[tuple[bytes, bytes, bytes]], preamble: bytes, epilogue: bytes
) -> None:
    body = plain = b""
    for padding, header, content in parts:
        body += b"--XX%b\r\n%b%b\r\n" % (padding, header, content)
        # python-multipart refuses folded lines, padding of the first boundary and most preambles, which are legal.
        unfolded = header.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
        plain += b"--XX%b\r\n%b%b\r\n" % (padding if plain else b"", unfolded, content)
    expected = by_python_multipart(plain + b"--XX--", b"XX")
    assert len(expected) == len(parts)
    assert read_parts(preamble + body + b"--XX--" + epilogue, TYPE, 3) == expected


boundaries = st.text(st.sampled_from("aZ09'()+_,-./:=? ;\"<>@[]"), min_size=1).filter(lambda text: text.strip() == text)


@given(boundaries, st.lists(extras, max_size=2), st.lists(extras, max_size=2), st.sampled_from([b"=", b" = ", b"\t="]))
def test_a_boundary_is_that_of_an_established_parser(
    boundary: str, before: list[bytes], after: list[bytes], equals: bytes
) -> None:
    quoted = b'BOUNDARY%b"%b"' % (equals, boundary.encode().replace(b'"', b'\\"'))
    kind = b" ; ".join([b"multipart/form-data", b'x="; boundary=no"', *before, quoted, *after])
    assert parse_options_header(kind)[1][b"boundary"] == boundary.encode()
    assert read_parts(PART.replace(b"XX", boundary.encode()) + b"--%b--" % boundary.encode(), kind, 1) == [FILE]


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
        (b'Content-Disposition: form-data; name="file"; filename="C:\\dir\\a.png"', "C:\\dir\\a.png"),  # IE
        (b'Content-Disposition: form-data; name="file"; filename="a\\"', "a\\"),  # a browser, of a file named so
        (b'Content-Disposition: form-data; name="file"; filename="a\\\\"', "a\\"),  # httpx, of the same
        (b'Content-Disposition: form-data; name="file"; filename="a"b.png"', 'a"b.png'),
        (b'Content-Disposition: form-data; name="file"; filename="a%22%0D%0Ab.png"', "a%22%0D%0Ab.png"),
        (b'Content-Disposition: form-data; name="file"; filename="; name=x"', "; name=x"),
        (b'Content-Disposition: form-data; name="file"; filename="\xe4.png"', "�.png"),
        (b'Content-Disposition: form-data;\r\n name="file"; filename="a.png"', "a.png"),
        (b'Content-Disposition:\r\n\tform-data\r\n ;name="file"\r\n \r\nX: y', ""),
        (b"content-disposition:form-data;name=file;filename=a.png", "a.png"),
        (b'Content-Disposition: form-data; filename=a\\"b; name="file"', 'a\\"b'),
        (b'Content-Type: image/png\r\nContent-Disposition: form-data; filename="a.png"; name="file"', "a.png"),
        (b'Content-Disposition: form-data; name="file"', ""),
    ],
)
def test_other_ways_to_write_the_same_header(header: bytes, filename: str) -> None:
    assert read_parts(b"--XX\r\n%b\r\n\r\nd\r\n--XX--" % header, TYPE, 1) == [("file", filename, b"d")]


@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        (b"filename*=UTF-8''%C3%A4.png", "ä.png"),
        (b"filename*=UTF-8'en'%C3%A4.png", "ä.png"),
        (b"filename*=\"utf-8''%C3%A4.png\"", "ä.png"),
        (b"filename*=iso-8859-1''%E4.png", "ä.png"),
        (b"filename*=ISO-8859-1'de'%E4.png", "ä.png"),
        (b"filename*=UTF-8''it's%5C%5C%E4", "it's\\\\�"),
        (b"filename*=UTF-8''%C3%A4.png; filename=\"a.png\"", "ä.png"),
        (b"filename=\"a.png\"; filename*=UTF-8''%C3%A4.png", "ä.png"),
        (b"filename*=koi8-r''%C1; filename=\"a.png\"", "a.png"),
        (b"filename*=koi8-r''%C1%C3%A4", "�ä"),
        (b"filename*=%C3%A4.png", "ä.png"),
        (b"filename*=", ""),
        (b'filename*0="a"; filename*1=".png"', ""),  # the continuations of RFC 2231, which no client sends in a form
    ],
)
def test_file_names_in_a_charset(parameters: bytes, filename: str) -> None:
    """RFC 7578 forbids them, so python-multipart ignores them; but some old clients send nothing else."""
    body = b"--XX\r\nContent-Disposition: form-data; name=file; %b\r\n\r\nd\r\n--XX--" % parameters
    assert read_parts(body, TYPE, 1) == [("file", filename, b"d")]


PART = b'--XX\r\nContent-Disposition: form-data; name="file"\r\n\r\nd\r\n'
FILE = Part("file", "", b"d")


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        (b'multipart/form-data; charset=utf-8; boundary="XX"', b"XX"),
        (b"Multipart/Form-Data;BOUNDARY = XX ; charset=utf-8", b"XX"),
        (b'multipart/form-data; comment="; boundary=no"; boundary=XX', b"XX"),
        (b'multipart/form-data; comment="\\"; boundary=no"; boundary=XX', b"XX"),
        (b"multipart/form-data; my-boundary=no; boundary=XX; boundary2=no", b"XX"),
        (b'multipart/form-data; boundary="a b"', b"a b"),
        (b'multipart/form-data; boundary="a;b=\'"', b"a;b='"),
        (b'multipart/form-data; boundary="a\\"b\\\\c\\d"', b'a"b\\c\\d'),
        (b"multipart/form-data; boundary=" + b"x" * 255, b"x" * 255),
    ],
)
def test_a_boundary_in_other_words(kind: bytes, boundary: bytes) -> None:
    assert parse_options_header(kind)[1][b"boundary"] == boundary
    assert read_parts(PART.replace(b"XX", boundary) + b"--%b--" % boundary, kind, 1) == [FILE]


def test_a_preamble_padding_and_an_epilogue() -> None:
    body = PART.replace(b"XX", b"XX \t") + PART.replace(b"\r\nd", b"\r\n") + b"--XX-- \r\n" + PART
    for preamble in (b"", b"\r\n", b"hello --XX\r\n"):
        assert read_parts(preamble + body, TYPE, 2) == [FILE, ("file", "", b"")]
    assert read_parts(b"hello\r\n--XX--", TYPE, 1) == []


@pytest.mark.parametrize("run", [b"\\", b'"', b'\\"', b";", b';a="\\', b'";', b" ", b"\r\n ", b"X:\r\n", b"%", b"'"])
def test_the_time_is_linear_in_hostile_headers(run: bytes) -> None:
    """Headers as long as may be, in as many parts: that takes a fraction of a second."""
    start = time.process_time()
    for before in (b'name=file; filename="', b"name=file; filename*=utf-8''", b""):
        header = b"Content-Disposition: form-data; %b" % before
        header += (run * MAX_PART_HEADER_BYTES)[: MAX_PART_HEADER_BYTES - len(header) - 4]
        with contextlib.suppress(UploadError):
            read_parts(b"--XX\r\n%b\r\n\r\nd\r\n" % header * 256 + b"--XX--", TYPE, 256)
        with contextlib.suppress(RequestError):
            read_parts(PART, (b"multipart/form-data; " + before + run * MAX_TYPE_BYTES)[:MAX_TYPE_BYTES], 1)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("run", [b"\r\n--", b"\r\n--X", b"--XX\r\n", b"\r\n--XX \t", b"\r\n\r\n", b" "])
def test_the_time_is_linear_in_hostile_bodies(run: bytes) -> None:
    body = run * (33_000_000 // len(run))
    start = time.process_time()
    for before in (b"", b"--XX", PART[:-3]):
        with contextlib.suppress(RequestError):
            read_parts(before + body, TYPE, 256)
    assert time.process_time() - start < 5


NO_BOUNDARY = "the Content-Type multipart/form-data names no boundary"
NO_LINE_END = "the boundary before part %d is not followed by the end of its line"
NO_END = "the header of part %d has no end within 8192 bytes"
NO_HEADER = "a part of the multipart body has a header line that is not 'name: value' and CRLF"
NO_DISPOSITION = "a part of the multipart body has no Content-Disposition: form-data header"
NO_NAME = "a part of the multipart body has no field name"


@pytest.mark.parametrize(
    ("body", "kind", "error", "message"),
    [
        (PART, b"multipart/form-data", UploadError, NO_BOUNDARY),
        (b"abc", TYPE, UploadError, "the multipart body (3 bytes) does not hold its boundary 'XX'"),
        (PART + b"--XX\r\nabc", TYPE, UploadError, NO_END % 2),
        (PART[:-1], TYPE, UploadError, "the multipart body is cut off in part 1, before its closing boundary"),
        (b"--XX\r\nX: %b\r\n\r\n" % bytes(MAX_PART_HEADER_BYTES), TYPE, UploadError, NO_END % 1),
        (b"--XX\r\nX: y\r\n\r\n\r\n--XX--", TYPE, UploadError, NO_DISPOSITION),
        (b"--XX\r\nContent-Disposition: form-data; filename=a\r\n\r\n\r\n--XX--", TYPE, UploadError, NO_NAME),
        (b"--XX\r\nContent-Disposition: form-data\r\n\r\n\r\n--XX--", TYPE, UploadError, NO_NAME),
        (b"--XX\r\n\r\nd\r\n--XX--", TYPE, UploadError, NO_DISPOSITION),
        (PART.replace(b"form-data", b"attachment") + b"--XX--", TYPE, UploadError, NO_DISPOSITION),
        (PART.replace(b"; name", b"\r\nX: ; name") + b"--XX--", TYPE, UploadError, NO_NAME),
        (PART.replace(b"; name", b"; filename*") + b"--XX--", TYPE, UploadError, NO_NAME),
        # Bare line feeds, after the boundary and in the header; python-multipart takes the latter into the value.
        (PART.replace(b"\r\n", b"\n") + b"--XX--", TYPE, UploadError, NO_LINE_END % 1),
        (PART.replace(b'"\r', b'"\nX: y\r') + b"--XX--", TYPE, UploadError, NO_HEADER),
        (PART.replace(b'"\r', b'"\rX: y\r') + b"--XX--", TYPE, UploadError, NO_HEADER),
        # No header line has a space in its name or before it, or is the next boundary.
        (PART.replace(b": ", b" : ") + b"--XX--", TYPE, UploadError, NO_HEADER),
        (PART.replace(b"Content", b" Content") + b"--XX--", TYPE, UploadError, NO_HEADER),
        (b"--XX\r\nX: y\r\n" + PART + b"--XX--", TYPE, UploadError, NO_HEADER),
        # A line that only begins as the boundary is one by RFC 2046, and so is no content, but it is no whole one.
        (PART + b"--XXY" + PART[4:], TYPE, UploadError, NO_LINE_END % 2),
        (PART + b"--XX-" + PART[4:], TYPE, UploadError, NO_LINE_END % 2),
        (PART + b"--XX", TYPE, UploadError, NO_LINE_END % 2),
        (PART, b'multipart/form-data; boundary=""', UploadError, NO_BOUNDARY),
        (PART, b'multipart/form-data; comment="; boundary=XX"', UploadError, NO_BOUNDARY),
        (PART, TYPE * 34, LimitError, "the Content-Type has 1088 bytes; at most 1024 are allowed"),
        (PART * 3 + b"--XX--", TYPE, LimitError, "the body has more parts than the 2 allowed"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, kind: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        read_parts(body, kind, 2)
    assert str(caught.value) == message
