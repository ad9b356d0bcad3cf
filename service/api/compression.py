"""Bodies in gzip or deflate, both ways; what expands does so within a bound."""

from __future__ import annotations

import re
import zlib

from service.errors import LimitError, TensorError

# zlib's window bits of each; deflate is a zlib stream, by RFC 9110.
CODINGS = {b"gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
WORTH_BYTES = 1024  # a smaller answer gains nothing
LEVEL = 1  # the quickest
refused = re.compile(rb";[ \t]*q=0(\.0*)?[ \t]*$")


def read_coding(content_encoding: bytes) -> bytes:
    """The one coding of a body, empty for none.

    Raises:
        TensorError: It is none that is known here.
    """
    coding = content_encoding.strip().lower()
    if coding in (b"", b"identity"):
        return b""
    if coding not in CODINGS:
        raise TensorError(f"Content-Encoding is {coding[:20].decode('latin-1')!r}; it must be gzip, deflate or none")
    return coding


def expand(body: bytes | bytearray, coding: bytes, max_bytes: int) -> bytes:
    """The body as it was before it was compressed.

    Raises:
        TensorError: It is damaged, cut off, or followed by something else.
        LimitError: It has more bytes than allowed; they are not made.
    """
    unpacker = zlib.decompressobj(CODINGS[coding])
    try:
        plain = unpacker.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise TensorError(f"the body is not {coding.decode()}, or is damaged") from error
    if len(plain) > max_bytes:
        raise LimitError(f"the body expands to more than {max_bytes} bytes; that many are allowed")
    if not unpacker.eof or unpacker.unused_data:
        raise TensorError(f"the body is {coding.decode()} that is cut off, or has something behind it")
    return plain


def choose_coding(accept_encoding: bytes, size: int) -> bytes:
    """The coding for an answer of `size` bytes, of those that the client takes; empty for none."""
    if not accept_encoding or size < WORTH_BYTES:
        return b""
    accepted = (each for each in accept_encoding.split(b",") if not refused.search(each))
    taken = {each.partition(b";")[0].strip().lower() for each in accepted}
    return next((coding for coding in CODINGS if coding in taken), b"")


def compress(body: bytes, coding: bytes) -> bytes:
    """The body in that coding."""
    packer = zlib.compressobj(LEVEL, wbits=CODINGS[coding])
    return packer.compress(body) + packer.flush()
