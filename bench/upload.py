"""MNIST images as HTTP requests: a variant of the pixels, a PNG, a multipart upload, all bytes of the request."""

from __future__ import annotations

import io
from typing import NamedTuple
from urllib.parse import SplitResult

import numpy as np
from numpy.typing import NDArray
from PIL import Image

VARIANTS = ("plain", "inverted", "drawn")
PAPER, INK = 200, 60  # greys of the drawn variant
DRAWN_SIZE = (200, 300)  # width, height in pixels
BOUNDARY = b"----upload-and-classify-bench"


class Upload(NamedTuple):
    """One request and the answer that it must get."""

    fn: str
    label: int | str | None  # None where nobody knows it
    message: bytes  # the whole HTTP request


def vary(image: NDArray[np.uint8], variant: str) -> Image.Image:
    """An MNIST image (28, 28) uint8 as one of VARIANTS.

    `plain` is as published, `inverted` is 255 - x, and `drawn` is dark grey on light grey paper of 200 x 300 pixels,
    the digit enlarged to 200 x 200 and centred.
    """
    if variant == "plain":
        return Image.fromarray(image)
    if variant == "inverted":
        return Image.fromarray(255 - image)
    width, height = DRAWN_SIZE
    digit = Image.fromarray(image).resize((width, width), Image.Resampling.BICUBIC)
    ink = digit.point([PAPER + (INK - PAPER) * value // 255 for value in range(256)])
    paper = Image.new("L", DRAWN_SIZE, PAPER)
    paper.paste(ink, (0, (height - width) // 2))
    return paper


def encode_png(image: Image.Image) -> bytes:
    """The file that Pillow's `save` writes by default."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def multipart(png: bytes, fn: str) -> tuple[bytes, bytes]:
    """Content-Type and body of an upload form with the one part `file`."""
    head = b'--%b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: image/png\r\n\r\n'
    body = head % (BOUNDARY, fn.encode()) + png + b"\r\n--%b--\r\n" % BOUNDARY
    return b"multipart/form-data; boundary=" + BOUNDARY, body


def post(url: SplitResult, content_type: bytes, body: bytes, headers: bytes = b"") -> bytes:
    """All bytes of an HTTP/1.1 POST; `headers` are further lines, each with its end."""
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n"
    return head % (path.encode(), url.netloc.encode(), content_type, len(body), headers) + body


def make_upload(url: SplitResult, index: int, image: NDArray[np.uint8], label: int, variant: str = "plain") -> Upload:
    """The upload of test image `index`, its file named `index-class.png`."""
    fn = f"{index}-{label}.png"
    return Upload(fn, label, post(url, *multipart(encode_png(vary(image, variant)), fn)))
