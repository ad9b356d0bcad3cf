"""A JPEG: what it says of itself, the segments that hold its pixels, and the pixels.

    bytes → the segments that hold pixels → libjpeg-turbo (in OpenCV) → turned upright

Format: ITU-T T.81, https://www.w3.org/Graphics/JPEG/itu-t81.pdf. It has no checksums: damage that leaves codes which
can be read gives other pixels, here as in a browser.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import ImageError, LimitError
from service.images.formats import Data
from service.images.opencv import GREY_FLAGS, RGB_FLAGS, decode_by_opencv
from service.images.orientation import PREFIX, UPRIGHT, read_orientation, turn

SIGNATURE = b"\xff\xd8\xff"
END_OF_IMAGE, START_OF_SCAN, COMMENT, JFIF, EXIF, ADOBE = 0xD9, 0xDA, 0xFE, 0xE0, 0xE1, 0xEE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # kinds of coding; the three are tables, and one is not in use
BASELINE_TO_PROGRESSIVE = (0xC0, 0xC1, 0xC2)
LOSSLESS, ARITHMETIC = (0xC3, 0xC7, 0xCB, 0xCF), (0xC9, 0xCA, 0xCD, 0xCE)
LEFT_OUT = {*range(0xE0, 0xF0), COMMENT} - {JFIF, ADOBE}  # what no pixel needs; the two say how colours are coded
MAX_SIDE = 65_500  # pixels: libjpeg's own bound
MAX_SEGMENTS = 2_000  # a profile or a thumbnail takes up to 255, a scan two
MAX_SCANS = 64  # a progressive file has ten or so, and each goes through all pixels
SEARCHED_BYTES = 256 * 1024  # at once; Python's other threads wait meanwhile

length_field = struct.Struct(">H")
frame_fields = struct.Struct(">BHHB")  # bits, height, width, components
# In the compressed pixels 0xFF is followed by 0 or by the number of a restart.
marker = re.compile(rb"\xff{1,256}([\xc0-\xcf\xd9-\xfe])")  # it may be preceded by more of its first byte
next_marker = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


class Jpeg(NamedTuple):
    """A JPEG whose segments are in order; its pixels have not been decoded yet."""

    components: int  # 1 grey, 3 colour, 4 CMYK
    orientation: int  # 1 to 8, as EXIF has it
    data: Data  # a JPEG of the segments that pixels need, and no other


def decode(data: Data, max_pixels: int) -> NDArray[np.uint8]:
    """Pixels (H, W, C) uint8, C 1 or 3; CMYK as RGB, by its inverted values, as Adobe's programs write it.

    Raises:
        ImageError: Cut off, damaged, or of a kind that is not decoded.
        LimitError: More than `max_pixels` pixels, or over another bound.
    """
    container = read(data, max_pixels)
    pixels = decode_by_opencv(container.data, GREY_FLAGS if container.components == 1 else RGB_FLAGS)
    if pixels is None:
        raise ImageError("damaged JPEG: its compressed pixels cannot be read")
    return turn(pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis], container.orientation)


def claim_pixels(data: Data) -> int:
    """Width times height as the header has it; 0, if there is none."""
    try:
        for code, start, end in _segments(memoryview(data)):
            if code in FRAMES and end - start >= 10:
                _, height, width, _ = frame_fields.unpack_from(data, start + 4)
                return int(height * width)
            if code == START_OF_SCAN:
                break
    except (ImageError, LimitError):
        pass
    return 0


def read(data: Data, max_pixels: int) -> Jpeg:
    """Check the segments, and leave out what no pixel needs: text, profiles, thumbnails never reach the decoder.

    Raises:
        ImageError: Cut off, damaged, or of a kind that is not decoded.
        LimitError: More pixels, a longer side, more segments or scans than allowed.
    """
    view = memoryview(data)
    kept, kept_all = [view[:2]], True
    components, orientation, scans, last = 0, 0, 0, 0
    for code, start, end in _segments(view):
        if code in FRAMES:
            if components:
                raise ImageError("damaged JPEG: it has more than one frame")
            components = _read_frame(code, view[start:end], max_pixels)
        elif code == START_OF_SCAN:
            scans += 1
            if not components:
                raise ImageError("damaged JPEG: its pixels come before its header")
            if scans > MAX_SCANS:
                raise LimitError(f"the JPEG has more than {MAX_SCANS} scans; save it anew")
        elif code == EXIF and not orientation and view[start + 4 : start + 10] == PREFIX:
            orientation = read_orientation(bytes(view[start + 4 : end]))
        if code in LEFT_OUT:
            kept_all = False
        else:
            kept.append(view[start:end])
        last = end
    if not scans:
        raise ImageError("damaged JPEG: it has no pixels")
    critical = b"".join(kept) if not kept_all or last < len(view) else data
    return Jpeg(components, orientation or UPRIGHT, critical)


def _segments(view: memoryview) -> Iterator[tuple[int, int, int]]:
    """Code, start and end of each segment behind the first marker, up to the end of the image; a scan with its data."""
    start = 2
    for _ in range(MAX_SEGMENTS):
        if start + 2 > len(view):
            raise ImageError(f"truncated JPEG: the file ends after {len(view)} bytes, before its end marker")
        found = marker.match(view, start)
        if found is None:
            raise ImageError(f"damaged JPEG: byte {start} begins no segment")
        code, start = found[1][0], found.start(1) - 1
        if code == END_OF_IMAGE:
            yield code, start, start + 2
            return
        if start + 4 > len(view):
            raise ImageError(f"truncated JPEG: the file ends after {len(view)} bytes, within a segment")
        end = start + 2 + length_field.unpack_from(view, start + 2)[0]
        if end < start + 4:
            raise ImageError(f"damaged JPEG: the segment at byte {start} is shorter than its own length")
        if end > len(view):
            raise ImageError(f"truncated JPEG: a segment ends at byte {end}, the file at {len(view)}")
        if code == START_OF_SCAN:
            end = _find_marker(view, end)
        yield code, start, end
        start = end
    raise LimitError(f"the JPEG has more than {MAX_SEGMENTS} segments")


def _find_marker(view: memoryview, start: int) -> int:
    """Where the compressed pixels that begin at `start` end."""
    for place in range(start, len(view), SEARCHED_BYTES):
        found = next_marker.search(view, place, place + SEARCHED_BYTES + 1)
        if found is not None:
            return found.start()
    raise ImageError(f"truncated JPEG: the file ends after {len(view)} bytes, within its compressed pixels")


def _read_frame(code: int, segment: memoryview, max_pixels: int) -> int:
    """Number of components of the frame header, checked."""
    if code not in BASELINE_TO_PROGRESSIVE:
        kind = "lossless" if code in LOSSLESS else "arithmetically coded" if code in ARITHMETIC else "hierarchical"
        raise ImageError(f"this JPEG is {kind}, which is not decoded here; send a baseline or progressive one")
    if len(segment) < 4 + frame_fields.size:
        raise ImageError(f"damaged JPEG: its header has {len(segment)} bytes")
    bits, height, width, components = frame_fields.unpack_from(segment, 4)
    if bits != 8:
        raise ImageError(f"this JPEG has {bits} bits a sample, and 8 are decoded here; send one of 8 bits")
    if components not in (1, 3, 4) or len(segment) != 4 + frame_fields.size + 3 * components:
        raise ImageError(f"damaged JPEG: {components} components in a header of {len(segment)} bytes")
    if not (width and height):
        raise ImageError(f"damaged JPEG: its size is {width}x{height}")
    if width * height > max_pixels:
        raise LimitError(f"the image is {width}x{height}, {width * height} pixels; at most {max_pixels} are allowed")
    if max(width, height) > MAX_SIDE:
        raise LimitError(f"the image is {width}x{height}; a side may have at most {MAX_SIDE} pixels")
    return int(components)
