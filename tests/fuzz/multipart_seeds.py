"""Multipart bodies as curl, browsers and libraries send them, and the words that they are made of.

Each seed is the Content-Type in its first line and the body behind it, as `multipart_target` reads it.
"""

from __future__ import annotations

from tests.fuzz.multipart_target import LONG

CURL = b"------------------------d74496d66958873e"
CHROMIUM = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
FIREFOX = b"---------------------------9051914041544843365972754266"
REQUESTS = b"4f3c2b1a09f8e7d6c5b4a39281706f5e"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
WORDS = [
    *rb"""-- X " \" \\ ; = * % '' --X X-- form-data name= name="file" name=file filename= filename="a.png" boundary=
    filename*=UTF-8''%C3%A4.png content-disposition: multipart/form-data;boundary=X boundary="X" charset=x""".split(),
    *(b"\r\n", b"\r\n\r\n", b"\r\n--X", b"\r\n--X--\r\n", b"\n", b" ", b"\t", b"\xff", b"\xc2\x80", LONG),
    *(b"Content-Disposition: form-data; ", b"Content-Type: image/png\r\n"),
]


def multipart_seeds() -> dict[str, list[bytes]]:
    """Inputs by where they are from."""
    return {"made here": [*_of_clients(), *_of_other_forms()]}


def _of_clients() -> list[bytes]:
    """One file, as each of the usual clients sends it; two files; a file among fields."""
    file = _part(b'; name="file"; filename="0-7.png"', PNG, b"Content-Type: image/png\r\n")
    other = _part(b'; name="file"; filename="\xc3\xa4%22.png"', b"", b"Content-Type: application/octet-stream\r\n")
    field = _part(b'; name="top"', b"3")
    forms = [(CURL, [file]), (CHROMIUM, [file, other]), (FIREFOX, [field, file, field]), (REQUESTS, [file] * 6)]
    return [_form(boundary, parts) for boundary, parts in forms]


def _of_other_forms() -> list[bytes]:
    """What the standards allow and few clients send, and what they do not allow."""
    star = _part(b"; name=\"file\"; filename*=UTF-8''%C3%A4%FF.png", b"d")
    escaped = _part(b'; name="fi\\"le"; filename="a\\\\b;c=\\"d.png"', b"\r\n--\r\n")
    plain = b"content-disposition:form-data;name=file;filename=a.png\r\n\r\nd"
    long = [_part(b'; name="file"; filename="a"', LONG), _part(b'; name="' + LONG + b'"', b"")]
    quoted = b'multipart/form-data; charset=utf-8; boundary="a b"\nhello\r\n--a b\r\n' + star + b"\r\n--a b--\r\nbye"
    bad = [
        b"",
        b"multipart/form-data\n--X--",
        b"multipart/form-data; boundary=\xff\x00\n--X--",
        _form(b"X", [b"\r\n\r\n"]),
    ]
    whole = [_form(b"X", [star, escaped]), _form(b"X", [plain]), *(_form(b"X", [part]) for part in long)]
    return [*whole, quoted, *bad, *(form[:-9] for form in whole)]


def _part(parameters: bytes, content: bytes, more: bytes = b"") -> bytes:
    return b"Content-Disposition: form-data%b\r\n%b\r\n%b" % (parameters, more, content)


def _form(boundary: bytes, parts: list[bytes]) -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return b"multipart/form-data; boundary=%b\n%b--%b--\r\n" % (boundary, body, boundary)
