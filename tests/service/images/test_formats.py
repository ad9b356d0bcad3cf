from __future__ import annotations

import gzip
from io import BytesIO

import pytest
from PIL import Image

from service.errors import ImageError
from service.images.decoding import decode
from service.images.formats import name_format


def by_pillow(kind: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("JPEG", "a JPEG"),
        ("GIF", "a GIF"),
        ("WEBP", "a WebP"),
        ("BMP", "a BMP"),
        ("TIFF", "a TIFF"),
        ("ICO", "an ICO"),
        ("AVIF", "an AVIF"),
        ("PDF", "a PDF"),
    ],
)
def test_real_files_of_other_formats_are_named(kind: str, name: str) -> None:
    assert name_format(by_pillow(kind)) == name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "a HEIC"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00", "a video or another ISO media file"),
        (b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG"),
        (b"\xef\xbb\xbf  <!DOCTYPE html><html>", "an HTML page"),
        (gzip.compress(b"a"), "gzip data"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (b"\x89PNG\n\x1a\n", "a PNG whose first 8 bytes are damaged, as by a transfer in text mode"),
        ("Grüße".encode() * 200, "text"),
        (b"{}", "text"),
        (b"\x00\x01\x02", "an unknown format"),
        ("Grüße".encode("latin-1"), "an unknown format"),
    ],
)
def test_other_files_are_named(data: bytes, name: str) -> None:
    assert name_format(data) == name


def test_the_refusal_says_what_to_send() -> None:
    with pytest.raises(ImageError, match="^this is a JPEG; send a PNG$"):
        decode(by_pillow("JPEG"), 100)
    with pytest.raises(ImageError, match="^the file is empty; send a PNG$"):
        decode(b"", 100)
