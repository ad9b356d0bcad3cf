from __future__ import annotations

import gzip
from io import BytesIO

import cv2
import pytest
from PIL import Image

from service.errors import ImageError
from service.images.decoding import claim_pixels, decode
from service.images.formats import name_format
from tests.fuzz.stand_ins import CountedDecoder


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
        (gzip.compress(b"a", mtime=0), "gzip data"),
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
    with pytest.raises(
        ImageError,
        match="^this is a JPEG; this service takes PNG; send a PNG, or start it with SERVICE_FORMATS=png,jpeg$",
    ):
        decode(by_pillow("JPEG"), 100)
    with pytest.raises(ImageError, match="^the file is empty; send a PNG$"):
        decode(b"", 100)
    taken = ("png", "jpeg", "webp")
    with pytest.raises(ImageError, match="^this is a GIF; send a PNG, JPEG or WebP$"):
        decode(by_pillow("GIF"), 100, taken)
    with pytest.raises(ImageError, match="^this is a WebP; this service takes PNG and JPEG; send a PNG or JPEG, or"):
        decode(by_pillow("WEBP"), 100, taken[:2])


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_what_is_not_enabled_reaches_no_decoder(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = CountedDecoder(cv2.imdecode)
    monkeypatch.setattr(cv2, "imdecode", counted)
    data = by_pillow(kind)
    with pytest.raises(ImageError, match=f"^this is {name_format(data)}; this service takes PNG;"):
        decode(data, 100)
    assert (counted.calls, claim_pixels(data, ("png",))) == (0, 0)
    assert decode(data, 100, ("png", kind.lower())).shape == (8, 8, 3)
    assert (counted.calls, claim_pixels(data, ("png", kind.lower()))) == (1, 64)
