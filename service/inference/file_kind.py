"""What a file is that is called model.onnx and is no ONNX model, by its first bytes, and the way out."""

from __future__ import annotations

import struct
import zipfile
from codecs import getincrementaldecoder
from pathlib import Path

from service.errors import ModelError

HEAD = 1024  # bytes that are looked at
SHOWN = 40  # characters of a text
CONVERT = "`python -m convert` makes an ONNX file of it"
DOWNLOAD = "download the model again"
# Place, the bytes there, and what that is. No ONNX file begins so: its first byte is the tag of a protobuf field.
KINDS: list[tuple[int, bytes, str]] = [
    (0, b"version https://git-lfs.github.com/spec", "a Git LFS pointer, not the model itself; run `git lfs pull`"),
    (0, b"/annex/objects/", "a git-annex pointer, not the model itself; run `git annex get`"),
    (0, b"\x89HDF\r\n\x1a\n", f"an HDF5 file, such as Keras's .h5; {CONVERT}"),
    (4, b"TFL3", "a TensorFlow Lite model; `python -m tf2onnx.convert --tflite` makes an ONNX file of it"),
    (4, b"ORTM", "in ONNX Runtime's own .ort format; put the .onnx file here from which it was made"),
    (0, b"GGUF", "a GGUF file, weights without a graph; export the model to ONNX"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture, no model"),
    (0, b"\xff\xd8\xff", "a JPEG picture, no model"),
    (0, b"GIF8", "a GIF picture, no model"),
    (0, b"%PDF", "a PDF document, no model"),
    (0, b"\x1f\x8b", "compressed by gzip; unpack it with `gunzip`"),
    (0, b"BZh", "compressed by bzip2; unpack it with `bunzip2`"),
    (0, b"\xfd7zXZ\0", "compressed by xz; unpack it with `unxz`"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by Zstandard; unpack it with `unzstd`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (0, b"Rar!\x1a\x07", "a RAR archive; unpack it"),
    (257, b"ustar", "a tar archive; unpack it"),
]
PICKLES = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
PICKLE = "a Python pickle, such as PyTorch and scikit-learn write; export it by torch.onnx.export or skl2onnx"
# A member of a zip archive, and what it tells.
MEMBERS = {
    "data.pkl": "a PyTorch checkpoint (a zip archive); torch.onnx.export makes an ONNX file of the model",
    "config.json": f"a Keras model (a zip archive); {CONVERT}",
}


def refuse_other_kinds(path: Path) -> None:
    """Do nothing if the file may be an ONNX model.

    Raises:
        ModelError: It is something else; the sentence says what, and the way out.
        OSError: It cannot be read.
    """
    if path.is_dir():
        saved = (path / "saved_model.pb").exists()
        raise ModelError(f"it is a folder, TensorFlow's SavedModel; {CONVERT}" if saved else "it is a folder, no file")
    if path.is_symlink() and not path.exists():
        raise ModelError(f"it is a link to {str(path.readlink())!r}, where nothing is; put the model there")
    if path.exists() and not path.is_file():  # to read a pipe would be to wait for ever
        raise ModelError("it is no regular file")
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = find_kind(head, path)
    if kind:
        raise ModelError(f"it is {kind}")


def find_kind(head: bytes, path: Path) -> str:
    """What a file is that begins so; empty where it may be an ONNX model."""
    if not head:
        return f"empty, 0 bytes; {DOWNLOAD}"
    if not head.strip(b"\0"):
        return f"nothing but zeros, no ONNX model; {DOWNLOAD}"
    for place, magic, kind in KINDS:
        if head.startswith(magic, place):
            return kind
    if head.startswith(b"PK\x03\x04"):
        return _name_archive(path)
    if head.startswith(PICKLES):
        return PICKLE
    if _is_safetensors(head, path.stat().st_size):
        return "a safetensors file, weights without a graph; export the model to ONNX"
    return _name_text(head)


def _name_archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return f"a zip archive that is damaged; {DOWNLOAD}"
    return next((kind for name, kind in MEMBERS.items() if name in names), "a zip archive; unpack it")


def _is_safetensors(head: bytes, size: int) -> bool:
    """Whether the first eight bytes are the length of the JSON that follows."""
    return head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= size - 8


def _name_text(head: bytes) -> str:
    """What kind of text it is; empty for what is none."""
    try:
        text = getincrementaldecoder("utf-8-sig")().decode(head).strip()  # the last letter may be cut
    except UnicodeDecodeError:
        return ""
    if not all(letter.isprintable() or letter.isspace() for letter in text):
        return ""
    start = text.lower()
    if start.startswith(("<!doctype html", "<html")):
        return f"an HTML page, as a failed download leaves it; {DOWNLOAD}"
    if start.startswith("<?xml"):
        return f"XML, such as the error of a failed download; {DOWNLOAD}"
    shown = " ".join(text.split())
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return f"{'JSON' if text[:1] in ('{', '[') else 'text'}, no model: {shown!r}; {DOWNLOAD}"
