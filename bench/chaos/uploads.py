"""The soak's uploads: good pictures of every sort, and what is refused."""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from bench.chaos.pictures import damaged_files, interlaced
from bench.chaos.serving import PATH, make_request
from bench.chaos.traffic import ANY_CLASS, ERROR, REFUSED, Ask, Expected, good, start, write_class
from bench.server import ROOT
from bench.upload import BOUNDARY, multipart, post

SAMPLES = ROOT / "imgs"
DIGITS = sorted(SAMPLES.glob("[0-9]*-[0-9].png"))  # 28 x 28, as MNIST has them
PEOPLES = ("photo-3", "shadow-6", "transparent-5", "palette-2", "deep16-8", "fax-5", "tiny-3", "wide-7")
DAMAGED = 500  # files
PHOTO_SIZE = 1800, 1350  # width, height in pixels: 2.4 million
FORM = b"multipart/form-data; boundary=" + BOUNDARY
MODEL_VIEW = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x1c\x00\x00\x00\x1c"  # 28 x 28


def form(files: list[tuple[str, bytes]], path: str = PATH, headers: bytes = b"") -> bytes:
    """A request that uploads the files as a form."""
    return make_request(files, path, headers).message


def send(content_type: bytes, body: bytes, path: str = PATH, headers: bytes = b"") -> bytes:
    """A request with that body."""
    return post(urlsplit(f"http://127.0.0.1{path}"), content_type, body, headers)


def read_file(file: Path) -> list[tuple[str, bytes]]:
    """A file as a form has it."""
    return [(file.name, file.read_bytes())]


def digits(model: str = "mnist") -> Iterator[tuple[bytes, Expected]]:
    """The small uploads that most clients send."""
    for file in DIGITS:
        yield form(read_file(file), f"/{model}/classify"), good(write_class(file.name), model=model)


def digits_with_top() -> Iterator[tuple[bytes, Expected]]:
    """The same, with the three best classes asked for."""
    for file in DIGITS:
        yield form(read_file(file), f"{PATH}?top=3"), good(write_class(file.name, top=True))


def bare() -> Iterator[tuple[bytes, Expected]]:
    """A PNG that is the whole body."""
    for file in DIGITS:
        path = f"{PATH}?fn={file.name}"
        yield send(b"image/png", file.read_bytes(), path), good(write_class(file.name))


def in_json() -> Iterator[tuple[bytes, Expected]]:
    """A PNG in base64, and what is no such thing."""
    for file in DIGITS[:10]:
        body = json.dumps({"fn": file.name, "data": b64encode(file.read_bytes()).decode()}).encode()
        yield send(b"application/json", body), good(write_class(file.name))
        yield send(b"application/json", body[:-9]), REFUSED


def other_pictures() -> Iterator[tuple[bytes, Expected]]:
    """Other sizes, depths and colours than the model's."""
    for name in PEOPLES:
        file = SAMPLES / f"{name}.png"
        yield form(read_file(file)), good(write_class(file.name))
    for file in DIGITS[:10]:
        pixels = np.kron(np.asarray(Image.open(file)), np.ones((3, 3), np.uint8))
        yield form([(file.name, interlaced(pixels))]), good(write_class(file.name))


def several() -> Iterator[tuple[bytes, Expected]]:
    """Several files in one form."""
    for place in range(0, len(DIGITS) - 5, 5):
        files = DIGITS[place : place + 2 + place % 4]
        classes = b",".join(write_class(file.name).pattern for file in files)
        body = re.compile(rb"\[" + classes + rb"\]")
        yield form([upload for file in files for upload in read_file(file)]), good(body, len(files))


def large_photo() -> Iterator[tuple[bytes, Expected]]:
    """A photo of some million pixels."""
    photo = Image.open(SAMPLES / "photo-3.png").convert("RGB").resize(PHOTO_SIZE, Image.Resampling.BICUBIC)
    packed = io.BytesIO()
    photo.save(packed, "PNG", compress_level=1)
    yield form([("large-3.png", packed.getvalue())]), good(write_class("large-3.png"))


def damaged() -> Iterator[tuple[bytes, Expected]]:
    """Damaged files; some damage leaves the pixels readable."""
    for kind, data in damaged_files(DAMAGED):
        yield form([(kind, data)]), Expected("classify", "mnist", {200: ANY_CLASS, 404: ERROR, 503: ERROR}, 1)


def no_png() -> Iterator[tuple[bytes, Expected]]:
    """Text, a JPEG, nothing, a file that is cut off, and a bad one among good ones."""
    digit = DIGITS[0].read_bytes()
    jpeg = io.BytesIO()
    Image.open(DIGITS[0]).save(jpeg, "JPEG")
    named = {"notes.txt": b"This is text.\n" * 20, "0-7.jpg": jpeg.getvalue(), "empty.png": b""}
    for name, data in {**named, "cut.png": digit[: len(digit) // 2]}.items():
        refused = REFUSED._replace(bodies={404: start(b'{"error": "%b: ' % name.encode()), 503: ERROR})
        yield form([(name, data)]), refused
        yield form([(DIGITS[0].name, digit), (name, data)]), refused


def unknown_model() -> Iterator[tuple[bytes, Expected]]:
    """A path of no model."""
    body = start(b'{"error": "no model is called \'nope\'; the models are mnist')
    yield form(read_file(DIGITS[0]), "/nope/classify"), Expected("classify", "", {404: body})


def odd_forms() -> Iterator[tuple[bytes, Expected]]:
    """Forms without a file, cut off, with bare line feeds, with a huge header, without a boundary; wrong queries."""
    _, body = multipart(DIGITS[0].read_bytes(), DIGITS[0].name)
    head, _, content = body.partition(b"\r\n\r\n")
    lines = head.replace(b"\r\n", b"\n") + b"\n\n" + content
    huge = head + b"\r\nX-Long: " + b"a" * 10_000 + b"\r\n\r\n" + content
    bodies = [body.replace(b'name="file"', b'name="other"'), body[:-200], body[:60], lines, huge, b"", b"\r\n" * 30]
    messages = [send(FORM, odd) for odd in bodies]
    messages += [send(b"multipart/form-data", body), send(b"text/plain", b"hello"), send(FORM[:-1], body[:-9])]
    messages += [send(FORM, body, f"{PATH}?top={top}") for top in ("0", "x", "-1")]
    for message in messages:
        yield message, REFUSED


def preview() -> Iterator[tuple[bytes, Expected]]:
    """What the model sees of a picture, also of one that is damaged."""
    seen = Expected("input", "", {200: start(MODEL_VIEW), 503: ERROR})
    for file in DIGITS[:10]:
        yield form(read_file(file), "/mnist/input"), seen
    yield form([("notes.txt", b"text")], "/mnist/input"), Expected("input", "", {404: ERROR, 503: ERROR})


UPLOADS: dict[str, Callable[[], Iterator[tuple[bytes, Expected]]]] = {
    "digit": digits,
    "digit, top=3": digits_with_top,
    "digit as a bare body": bare,
    "digit in JSON": in_json,
    "digit to the leavers' model": lambda: digits("twin"),
    "picture of another sort": other_pictures,
    "several files": several,
    "large photo": large_photo,
    "damaged file": damaged,
    "no PNG": no_png,
    "unknown model": unknown_model,
    "odd form": odd_forms,
    "preview": preview,
}


def make_uploads() -> Iterator[Ask]:
    """Every upload, as one piece over a connection that goes on."""
    for kind, make in UPLOADS.items():
        for message, expected in make():
            yield Ask(kind, (message,), (expected,))
