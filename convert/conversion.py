"""The whole conversion, from the file read to the file written, and the report it prints on the way."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from convert.adapters import as_classes
from convert.errors import SourceError
from convert.files import replace_file
from convert.graph import build_graph, count_operations
from convert.images import Images
from convert.loss import choose_calibration, describe_speed, measure_loss
from convert.memory import give_back
from convert.metadata import read_labels, write_metadata
from convert.parity import Parity, batch_sizes, compare, move_last_bits, run_onnx, run_source
from convert.pictures import Pictures, read_pictures
from convert.precision import convert_precision
from convert.samples import Samples, load_samples, make_samples
from convert.serving import COUNT, compare_served, make_pictures, serve
from convert.source import AS_IT_IS, Reading, Source, read_source

MOST_LOSS = 0.005


@dataclass(frozen=True)
class Report:
    """What came out of a conversion."""

    operations: Counter[str]
    parity: Parity
    size: int  # bytes
    seconds: float  # until there was something to compare


def convert(
    path: Path,
    output: Path,
    *,
    version: int = 1,
    labels: Path | None = None,
    preset: str = "",
    keys: Mapping[str, str] | None = None,
    opset: int = 17,
    data: Path | None = None,
    optional_data: Path | None = None,
    tolerance: float = 1e-4,
    precision: str = "",
    most_loss: float = MOST_LOSS,
    reading: Reading = AS_IT_IS,
) -> Report:
    """Convert the model at `path` to `output`, replacing it only after every check has passed.

    `labels` defaults to labels.txt beside the model, where there is one. `preset` and `keys` say which pixels it was
    trained on (docs/models.md), 0..255 without a word. Images of `data` must fit the model, those of
    `optional_data` are used if they do. `precision` is "fp16" or "int8", "" for float32; of the images, a share of
    `most_loss` may get a wrong class by it. Raises ConvertError.
    """
    started = time.perf_counter()
    report("reading", str(path))
    source = read_source(path, reading)
    for note in source.notes:
        report("note", note)
    pictures = read_pictures(path, source.image_shape, source.dtype, preset, keys)
    names = _find_labels(path, labels, source.classes)
    samples = _find_samples(source, pictures, names, data, optional_data)
    calibrating = choose_calibration(samples, precision) if precision else None

    report("converting", f"opset {opset}")
    content, operations, answer = _build(source, opset, path, version, pictures, names)

    images = samples.images
    sizes = ", ".join(map(str, batch_sizes(images)))
    report("comparing", f"{len(images):,} {samples.kind} images in batches of {sizes}")
    seconds = time.perf_counter() - started
    parity = _prove(source, content, images, pictures, tolerance)

    report("serving", f"{COUNT} made pictures of other sizes, as the service would")
    served = compare_served(source, pictures, content, parity.allowed)
    if calibrating is not None:
        lowered = _lower(content, precision, samples, pictures, calibrating, most_loss)
        operations, content = count_operations(lowered), lowered.SerializeToString()
        serve(content, make_pictures(source.image_shape))

    report("input", f"image {source.dtype} (N, {', '.join(map(str, source.image_shape))}), {pictures}")
    report("output", f"{answer} float32 (N, {source.values})")
    report("labels", _abridge(names) if names else "none, so classes are known by their number")
    kinds = ", ".join(f"{n} {name}" for name, n in sorted(operations.items()))
    report("operations", f"{operations.total()}: {kinds}")
    _report_parity(parity, served)
    replace_file(output, content)
    report("written", f"{output}, {len(content):,} bytes")
    return Report(operations, parity, len(content), seconds)


def _build(
    source: Source, opset: int, path: Path, version: int, pictures: Pictures, names: list[str] | None
) -> tuple[bytes, Counter[str], str]:
    """The file as it may be written in float32, how often it has each operation, and its output's name."""
    model = build_graph(source, opset)
    write_metadata(model, path, version, pictures, names)
    content, operations, answer = model.SerializeToString(), count_operations(model), model.graph.output[0].name
    del model  # its weights are in `content` once more
    give_back()
    return content, operations, answer


def _report_parity(parity: Parity, served: Parity) -> None:
    own = f"; Keras moves by {parity.own:.1e} with the last bit of each pixel" if parity.own else ""
    report("difference", f"{parity.difference:.1e} at most, allowed {parity.allowed:.1e}{own}")
    report("agreement", f"{parity.agreement:.2%} of the images, {parity.classes} classes among them")
    report("served", f"{served.difference:.1e} at most, allowed {served.allowed:.1e}")
    if parity.flat:
        report("note", "every image got the same answer: is the model trained?")


def _prove(source: Source, content: bytes, images: Images, pictures: Pictures, tolerance: float) -> Parity:
    """Run all three: the original, what is to be written, and the original on pixels whose last bits were moved."""
    answers = [run_source(source, images, pictures.compute), run_onnx(content, images, pictures.compute)]
    if source.dtype == "float32":  # whole numbers have no last bit that is not a grey level
        answers.append(run_source(source, images, lambda batch: move_last_bits(pictures.compute(batch))))
    return compare(*as_classes(*answers), tolerance=tolerance)


def _find_labels(model: Path, labels: Path | None, classes: int) -> list[str] | None:
    beside = model.parent / "labels.txt"
    if labels is None and not beside.exists():
        return None
    return read_labels(labels or beside, classes)


def _find_samples(
    source: Source, pictures: Pictures, names: list[str] | None, data: Path | None, optional_data: Path | None
) -> Samples:
    labels = names or [str(index) for index in range(source.classes)]
    if data is not None:
        return load_samples(data, pictures, source.image_shape, labels)
    if optional_data is not None:
        try:
            return load_samples(optional_data, pictures, source.image_shape, labels)
        except SourceError as err:
            report("note", str(err))
    return make_samples(source.image_shape)


def _lower(
    content: bytes,
    precision: str,
    samples: Samples,
    pictures: Pictures,
    calibrating: NDArray[np.bool_],
    most_loss: float,
) -> onnx.ModelProto:
    count = f", calibrated on {calibrating.sum()} of the images" if calibrating.any() else ""
    report("precision", f"{precision}{count}")
    calibration = pictures.compute(samples.images[calibrating])
    lowered = convert_precision(onnx.load_from_string(content), precision, calibration)
    after = lowered.SerializeToString()
    measured = samples.without(calibrating)
    loss = measure_loss((content, after), measured, pictures.compute, most_loss, precision)
    report("size", f"{len(content):,} → {len(after):,} bytes")
    report("speed", describe_speed(content, after, pictures.compute(measured.images[:16])))
    report("loss", f"{loss} (at most {most_loss:g} may be lost)")
    return lowered


def report(what: str, value: str) -> None:
    """Print one line of the report at once, so that a long step is announced before it starts."""
    print(f"{what:<11} {value}", flush=True)


def _abridge(labels: list[str], most: int = 10) -> str:
    return " ".join(labels[:most]) + (f" … {len(labels)} in all" if len(labels) > most else "")
