"""The whole conversion, from the file read to the file written, and the report it prints on the way."""

import os
from contextlib import suppress
from pathlib import Path

import onnx

from convert.errors import SourceError
from convert.graph import build_graph, count_operations
from convert.images import Images, load_images, make_images, scale_pixels
from convert.metadata import read_labels, write_metadata
from convert.parity import compare, run_onnx, run_source
from convert.source import Source, read_source


def convert(
    path: Path,
    output: Path,
    *,
    version: int = 1,
    labels: Path | None = None,
    pixel_range: str = "0-255",
    opset: int = 17,
    data: Path | None = None,
    optional_data: Path | None = None,
    tolerance: float = 1e-4,
) -> None:
    """Convert the model at `path` to `output`, replacing it only after every check has passed.

    `labels` defaults to labels.txt beside the model, where there is one. Images of `data` must fit the model, those of
    `optional_data` are used if they do. Raises ConvertError.
    """
    report("reading", str(path))
    source = read_source(path)
    if source.dtype == "uint8" and pixel_range != "0-255":
        raise SourceError(f"{path} takes uint8 pixels, which are 0-255, not {pixel_range}; leave --pixel-range out.")
    names = _find_labels(path, labels, source.classes)
    images, kind = _find_images(source, data, optional_data)

    report("converting", f"opset {opset}")
    model = build_graph(source, opset)
    write_metadata(model, path, version, pixel_range, names)
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()

    report("comparing", f"{len(images):,} {kind} images in batches of 1, 7 and 64")
    pixels = scale_pixels(images, source.dtype, pixel_range)
    parity = compare(run_source(source, pixels), run_onnx(content, pixels), tolerance)

    replace_file(output, content)
    shape = ", ".join(map(str, source.image_shape))
    operations = ", ".join(f"{n} {name}" for name, n in sorted(count_operations(model).items()))
    report("input", f"{model.graph.input[0].name} {source.dtype} (N, {shape}), pixels {pixel_range}")
    report("output", f"{model.graph.output[0].name} float32 (N, {source.classes})")
    report("labels", _abridge(names) if names else "none, so classes are known by their number")
    report("operations", f"{len(model.graph.node)}: {operations}")
    report(
        "difference",
        f"{parity.difference:.1e} at most (tolerance {tolerance:.0e}), classes agree on {parity.agreement:.2%}",
    )
    if parity.flat:
        report("note", "every image got the same answer: is the model trained?")
    report("written", f"{output}, {len(content):,} bytes")


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never half of one.

    Raises SourceError when the place cannot be written.
    """
    # Not tempfile.mkstemp: its files are readable by their owner only, and another user's server reads this one.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as err:
        with suppress(OSError):
            temporary.unlink()
        raise SourceError(f"{path} could not be written ({err.strerror}); choose another place with --output.") from err


def _find_labels(model: Path, labels: Path | None, classes: int) -> list[str] | None:
    beside = model.parent / "labels.txt"
    if labels is None and not beside.exists():
        return None
    return read_labels(labels or beside, classes)


def _find_images(source: Source, data: Path | None, optional_data: Path | None) -> tuple[Images, str]:
    if data is not None:
        return load_images(data, source.image_shape), "real"
    if optional_data is not None:
        try:
            return load_images(optional_data, source.image_shape), "real"
        except SourceError as err:
            report("note", str(err))
    return make_images(source.image_shape), "made"


def report(what: str, value: str) -> None:
    """Print one line of the report at once, so that a long step is announced before it starts."""
    print(f"{what:<11} {value}", flush=True)


def _abridge(labels: list[str], most: int = 10) -> str:
    return " ".join(labels[:most]) + (f" … {len(labels)} in all" if len(labels) > most else "")
