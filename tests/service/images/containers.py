"""PNG files built chunk by chunk, right or wrong."""

from __future__ import annotations

import zlib

from service.images import png


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and its checksum."""
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def header(size: tuple[int, int] = (8, 8), bit_depth: int = 8, colour_type: int = 0, rest: bytes = bytes(3)) -> bytes:
    """An IHDR chunk; `rest` is compression, filter and interlace."""
    return chunk(b"IHDR", png.size_fields.pack(*size) + bytes((bit_depth, colour_type)) + rest)


def container(*chunks: bytes, size: tuple[int, int] = (8, 8), bit_depth: int = 8, colour_type: int = 0) -> bytes:
    """Signature, IHDR, the chunks, IEND."""
    return png.SIGNATURE + header(size, bit_depth, colour_type) + b"".join(chunks) + chunk(b"IEND", b"")
