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
TYPES = {"FP32": np.float32, "INT64": np.int64}  # of the protocol's names, those of classes and their values


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
            message = post_tensor(path, image[..., np.newaxis])
        uploads.append(Upload(fn, label, message))
    return uploads


def post_tensor(path: str, image: NDArray[np.uint8]) -> bytes:
    """Pixels (1, height, width, channels) as a binary tensor, as tritonclient does; the answer is to be binary, too.

    Source: triton-inference-server/server, docs/protocol/extension_binary_data.md.
    """
    pixels = image.tobytes()
    tensor = {
        "name": "image",
        "datatype": "UINT8",
        "shape": [1, *image.shape],
        "parameters": {"binary_data_size": len(pixels)},
    }
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    length = b"Inference-Header-Content-Length: %d\r\n" % len(header)
    return post(urlsplit(HOST + path), b"application/octet-stream", header + pixels, length)


def read_class(body: bytes) -> int:
    """The class in a candidate's answer: `{"cls": 7}`, `7`, `[7]`, or the protocol's `{"outputs": […]}` and a tensor.

    That is the class itself, or a value for each class.
    """
    value, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
    if isinstance(value, dict) and "outputs" in value:
        numbers = np.frombuffer(body[end:], TYPES[value["outputs"][0]["datatype"]])
        return int(numbers.argmax() if len(numbers) > 1 else numbers[0])
    if isinstance(value, dict):
        value = value["cls"]
    return int(value[0] if isinstance(value, list) else value)


def write_payload(uploads: Sequence[Upload], file: Path) -> None:
    """The file that wrk.lua reads."""
    file.write_bytes(b"".join(b"%d\n%b" % (len(upload.message), upload.message) for upload in uploads))
