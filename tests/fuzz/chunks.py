"""A PNG, right or wrong, as a list of chunks, and back with right lengths and checksums."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from service.images import png
from tests.service.images import containers

MAX_INFLATED = 64 * 1024  # bytes; larger pictures keep the stream that they have, so that each input stays quick


class Chunk(NamedTuple):
    """One chunk; its length and its checksum are made when it is written."""

    kind: bytes  # four bytes
    content: bytes


def split(data: bytes) -> list[Chunk]:
    """The chunks of `data`, as far as it has them; none, if it does not start like a PNG."""
    if data[:8] != png.SIGNATURE:
        return []
    chunks, start = [], 8
    while start + 8 <= len(data):
        length, kind = png.length_and_kind.unpack_from(data, start)
        chunks.append(Chunk(kind, data[start + 8 : start + 8 + length]))
        start += 12 + length
    return chunks


def join(chunks: list[Chunk]) -> bytes:
    """The file that these chunks make; each checksum is right."""
    return png.SIGNATURE + b"".join(containers.chunk(kind, content) for kind, content in chunks)


def inflate(stream: bytes) -> bytes:
    """What a zlib stream unpacks to, until its damage or up to MAX_INFLATED bytes; the Adler sum is not looked at."""
    unpacked, inflater = bytearray(), zlib.decompressobj(-15)
    try:
        for start in range(2, len(stream), 64):  # in pieces: what comes before the damage is kept
            unpacked += inflater.decompress(stream[start : start + 64], MAX_INFLATED)
            if len(unpacked) > MAX_INFLATED:
                break
    except zlib.error:
        pass
    return bytes(unpacked[:MAX_INFLATED])


def repair_adler(stream: bytes) -> bytes:
    """The zlib stream with the Adler sum of what it unpacks to as its last four bytes."""
    return stream[:-4] + zlib.adler32(inflate(stream)).to_bytes(4)


def pixel_stream(chunks: list[Chunk]) -> bytes:
    """The content of all IDAT chunks."""
    return b"".join(content for kind, content in chunks if kind == b"IDAT")


def with_stream(chunks: list[Chunk], stream: bytes, cuts: list[int]) -> list[Chunk]:
    """The chunks with another pixel stream, cut at these positions, where the first IDAT is, or before the last."""
    ends = [*sorted(cuts), len(stream)]
    pieces = [Chunk(b"IDAT", stream[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    kinds = [kind for kind, _ in chunks]
    place = kinds.index(b"IDAT") if b"IDAT" in kinds else max(1, len(chunks) - 1)
    others = [chunk for chunk in chunks if chunk.kind != b"IDAT"]
    return [*others[:place], *pieces, *others[place:]]
