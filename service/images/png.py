"""The container of a PNG: what it says of itself, and the chunks that hold its pixels.

Format: W3C Portable Network Graphics (Third Edition), https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from service.errors import ImageError, LimitError
from service.images.formats import Data
from service.images.orientation import UPRIGHT, read_orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
PIXEL_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # colour types
BIT_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
TRANSPARENCY_BYTES = {GREY: (2,), RGB: (6,), PALETTE: range(1, 257)}  # of a tRNS chunk
MAX_SIDE = 1_000_000  # pixels: libpng's own bound
MAX_CHUNKS = 50_000  # a file of 32 MiB in chunks of 4 KiB has 8,192
INFLATE_BYTES = 4096  # compressed; deflate makes at most 1,032 times as many of them

length_and_kind = struct.Struct(">I4s")
size_fields = struct.Struct(">II")
header_fields = struct.Struct(">IIBBBBB")
HEADER_START = SIGNATURE + b"\x00\x00\x00\rIHDR"
HEADER_END = len(HEADER_START) + header_fields.size + 4


class Png(NamedTuple):
    """A PNG whose chunks are in order; its pixels have not been decoded yet."""

    width: int  # pixels
    height: int  # pixels
    bit_depth: int
    colour_type: int
    transparency: bytes | None  # content of the tRNS chunk
    is_interlaced: bool
    orientation: int  # 1 to 8, as EXIF has it
    data: Data  # a PNG of the chunks that pixels need, and no other


def claim_pixels(data: Data) -> int:
    """Width times height as the first chunk has it; 0, if the file is no PNG."""
    if len(data) < HEADER_END or data[:8] != SIGNATURE:
        return 0
    width, height = size_fields.unpack_from(data, len(HEADER_START))
    return int(width * height)


def read(data: Data, max_pixels: int) -> Png:
    """Check the container, and leave out of it what no pixel needs: text, profiles, animations never reach a decoder.

    The checksums of IDAT chunks are left to the decoder.

    Raises:
        ImageError: Cut off, damaged, or against the standard.
        LimitError: More pixels, a longer side or more chunks than allowed.
    """
    width, height, bit_depth, colour_type, is_interlaced = _read_header(data, max_pixels)
    kept, kept_all, orientation = [memoryview(data)[:HEADER_END]], True, 0
    found = {b"IHDR": b""}  # content by kind; that of IDAT stays with the decoder
    for kind, chunk in chunks(data):
        if kind != b"IDAT":
            check_chunk(kind, chunk)
        if kind in PIXEL_CHUNKS:
            if kind in found and kind != b"IDAT":
                raise ImageError(f"damaged PNG: it has more than one {_name(kind)} chunk")
            if kind == b"IDAT" and kind in found and kept[-1][4:8] != kind:
                raise ImageError("damaged PNG: its IDAT chunks do not follow each other")
            found[kind] = b"" if kind == b"IDAT" else bytes(chunk[8:-4])
            kept.append(chunk)
        else:
            kept_all = False
            if kind == b"eXIf" and not orientation:
                orientation = read_orientation(bytes(chunk[8:-4]))
    if b"IDAT" not in found:
        raise ImageError("damaged PNG: it has no IDAT chunk, so no pixels")
    if colour_type == PALETTE and b"PLTE" not in found:
        raise ImageError("damaged PNG: its pixels are indices into a palette, and it has no PLTE chunk")
    transparency = found.get(b"tRNS")
    if transparency is not None and len(transparency) not in TRANSPARENCY_BYTES.get(colour_type, ()):
        raise ImageError(f"damaged PNG: a tRNS chunk of {len(transparency)} bytes in an image of type {colour_type}")
    critical = data if kept_all else b"".join(kept)
    turned = orientation or UPRIGHT
    return Png(width, height, bit_depth, colour_type, transparency, is_interlaced, turned, critical)


def find_damage(png: Png) -> str:
    """Why a decoder refuses the pixels of a PNG: a wrong checksum, else what zlib says of them."""
    inflate, unpacked = zlib.decompressobj(), 0
    if zlib.crc32(png.data[12 : HEADER_END - 4]) != int.from_bytes(png.data[HEADER_END - 4 : HEADER_END]):
        return _wrong_checksum(b"IHDR")
    most = png.height * (8 * png.width + 1)  # bytes of the deepest pixels there are; no bomb is unpacked further
    try:
        for kind, chunk in chunks(png.data):
            if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
                return _wrong_checksum(kind)
            content = chunk[8:-4] if kind == b"IDAT" else b""
            for start in range(0, len(content), INFLATE_BYTES):
                if unpacked <= most:
                    unpacked += len(inflate.decompress(content[start : start + INFLATE_BYTES]))
    except zlib.error as error:
        reason = str(error).partition(": ")[2] or "they need a dictionary that no PNG has"
        return f"damaged PNG: its compressed pixels cannot be read ({reason})"
    if not inflate.eof and unpacked <= most:
        return "truncated PNG: its compressed pixels end too early"
    return f"damaged PNG: it has fewer pixels than {png.width}x{png.height}, or its rows or chunks are not in order"


def chunks(data: Data) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and bytes, from length to checksum, of each chunk behind the header, up to IEND."""
    view, start, kind = memoryview(data), HEADER_END, b""
    for _ in range(MAX_CHUNKS):
        if start + 12 > len(view):
            raise ImageError(f"truncated PNG: the file ends after {len(view)} bytes, before its IEND chunk")
        length, kind = length_and_kind.unpack_from(view, start)
        end = start + 12 + length
        if end > len(view):
            raise ImageError(f"truncated PNG: chunk {_name(kind)} ends at byte {end}, the file at {len(view)}")
        yield kind, view[start:end]
        if kind == b"IEND":
            return
        start = end
    raise LimitError(f"the PNG has more than {MAX_CHUNKS} chunks")


def _read_header(data: Data, max_pixels: int) -> tuple[int, int, int, int, bool]:
    """Width, height, bit depth, colour type and whether it is interlaced, of the IHDR chunk, checked."""
    if len(data) < HEADER_END:
        raise ImageError(f"truncated PNG: the file ends after {len(data)} bytes, within its first chunk")
    if data[: len(HEADER_START)] != HEADER_START:
        raise ImageError("damaged PNG: the first chunk is not an IHDR of 13 bytes")
    check_chunk(b"IHDR", memoryview(data)[len(SIGNATURE) : HEADER_END])
    width, height, bit_depth, colour_type, compression, filtering, interlace = header_fields.unpack_from(data, 16)
    if bit_depth not in BIT_DEPTHS.get(colour_type, ()):
        raise ImageError(f"damaged PNG: colour type {colour_type} with {bit_depth} bits is not in the standard")
    if compression or filtering or interlace > 1:
        raise ImageError(
            f"damaged PNG: compression {compression}, filter {filtering}, interlace {interlace} is not in the standard"
        )
    if not (width and height):
        raise ImageError(f"damaged PNG: its size is {width}x{height}")
    if width * height > max_pixels:
        raise LimitError(f"the image is {width}x{height}, {width * height} pixels; at most {max_pixels} are allowed")
    if max(width, height) > MAX_SIDE:
        raise LimitError(f"the image is {width}x{height}; a side may have at most {MAX_SIDE} pixels")
    return width, height, bit_depth, colour_type, bool(interlace)


def check_chunk(kind: bytes, chunk: memoryview) -> None:
    """Compare the checksum of a chunk, from length to checksum, and refuse one that none may skip.

    Raises:
        ImageError: It is wrong, or unknown.
    """
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        raise ImageError(_wrong_checksum(kind))
    if not kind[0] & 0x20 and kind not in PIXEL_CHUNKS:  # a small first letter marks what a decoder may leave out
        raise ImageError(f"this PNG has a chunk {_name(kind)}, which the standard does not know and none may skip")


def _wrong_checksum(kind: bytes) -> str:
    return f"damaged PNG: the checksum of chunk {_name(kind)} does not match its content"


def _name(kind: bytes) -> str:
    """A chunk's four letters; other bytes as the number that they are."""
    return kind.decode() if kind.isalpha() else f"0x{kind.hex()}"
