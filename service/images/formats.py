"""What a file is that is not a PNG, by its first bytes, so that a refusal can name it."""

from __future__ import annotations

import re

Data = bytes | bytearray | memoryview  # a file's content
SIGNATURES = (
    (b"\xff\xd8\xff", "a JPEG"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"\x00\x00\x01\x00", "an ICO"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89PNG", "a PNG whose first 8 bytes are damaged, as by a transfer in text mode"),
)
# ISO base media files name their brand after "ftyp".
BRANDS = {b"avif": "an AVIF", b"avis": "an AVIF", b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIF"}
LOOKED_AT = 512  # bytes
# What stands before the tag is taken once (*+): tried in each other way, 70 short comments would take for ever.
svg = re.compile(rb"\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*|<!doctype svg[^>]*>\s*)*+<svg[\s>]", re.IGNORECASE | re.DOTALL)
html = re.compile(rb"\s*(<!--.*?-->\s*)*+<(!doctype html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL)


def name_format(data: Data) -> str:
    """The format with its article, "a JPEG"; "text" or "an unknown format" where no signature fits."""
    start = bytes(data[:LOOKED_AT]).removeprefix(b"\xef\xbb\xbf")
    for signature, name in SIGNATURES:
        if start.startswith(signature):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP"
    if start[4:8] == b"ftyp":
        return BRANDS.get(start[8:12], "a video or another ISO media file")
    if svg.match(start):
        return "an SVG"
    if html.match(start):
        return "an HTML page"
    return "text" if _is_text(start) else "an unknown format"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        # The end may have been cut within a character.
        if len(start) < LOOKED_AT or error.start < LOOKED_AT - 3:
            return False
        text = start[: error.start].decode()
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
