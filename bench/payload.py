"""The same images as each candidate takes them, and its answer to a class."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from bench.upload import Upload, encode_png, multipart, post, vary

HOST = "http://127.0.0.1"


def make_payload(form: str, path: str, images: NDArray[np.uint8], classes: Sequence[int]) -> list[Upload]:
    """One request for each image (28, 28) uint8, with the class that must come back."""
    uploads = []
    for index, (image, label) in enumerate(zip(images, classes, strict=True)):
        fn = f"{index}-{label}.png"
        png = encode_png(vary(image, "plain"))
        url = urlsplit(HOST + path)
        if form == "multipart":
            message = post(url, *multipart(png, fn))
        elif form == "png":
            message = post(url, b"image/png", png)
        else:
            message = _post_tensor(path, image)
        uploads.append(Upload(fn, label, message))
    return uploads


def _post_tensor(path: str, image: NDArray[np.uint8]) -> bytes:
    """Pixels (1, 28, 28, 1) as a binary tensor.

    Source: triton-inference-server/server, docs/protocol/extension_binary_data.md.
    """
    pixels = image.tobytes()
    tensor = {
        "name": "image",
        "datatype": "UINT8",
        "shape": [1, *image.shape, 1],
        "parameters": {"binary_data_size": len(pixels)},
    }
    header = json.dumps({"inputs": [tensor]}).encode()
    length = b"Inference-Header-Content-Length: %d\r\n" % len(header)
    return post(urlsplit(HOST + path), b"application/octet-stream", header + pixels, length)


def read_class(body: bytes) -> int:
    """The class in a candidate's answer: `{"cls": 7}`, `7`, `[7]`, or the protocol's `{"outputs": [{"data": [7]}]}`."""
    value = json.loads(body)
    if isinstance(value, dict):
        value = value["cls"] if "cls" in value else value["outputs"][0]["data"]
    return int(value[0] if isinstance(value, list) else value)


def write_payload(uploads: Sequence[Upload], file: Path) -> None:
    """The file that wrk.lua reads."""
    file.write_bytes(b"".join(b"%d\n%b" % (len(upload.message), upload.message) for upload in uploads))
