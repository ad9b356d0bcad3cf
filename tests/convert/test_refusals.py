"""What cannot be loaded is refused with one line that says what it is and what to do, and leaves nothing behind."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import onnx
import pytest

from convert.keras_file import ADOPT
from convert.silence import silenced
from service.inference.readers import read_description
from tests.convert.conftest import Run
from tests.convert.kinds.structures import CUSTOM, mine

MNIST = Path(__file__).parents[2] / "models" / "mnist" / "1" / "model.onnx"
SAVE = 'save the whole model with model.save("model.keras")'


def garbage_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")


def damaged_configuration(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{")


def weights(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("layers/dense/vars").create_dataset("0", data=[1.0])


def pickled(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")


def nested(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "[" * 100_000)


def listed(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "[1, 2]")


def cut_off(path: Path) -> None:
    garbage_zip(path)
    path.write_bytes(path.read_bytes()[:-40])


def no_weights(path: Path) -> None:
    h5py.File(path, "w").close()


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("m.keras", garbage_zip, f"is a zip archive without config.json, so no Keras model; {SAVE}."),
        ("m.keras", damaged_configuration, "is damaged (Expecting property name"),
        ("m.keras", lambda path: path.write_text("hello"), f"is text; {SAVE} (a .keras file is a zip archive)."),
        ("m.keras", lambda path: path.write_bytes(b""), f"is empty; {SAVE} (a .keras file is a zip archive)."),
        ("m.keras", lambda path: path.write_bytes(b"\x00\xff"), f"is no file of Keras; {SAVE}"),
        ("m.keras", weights, "is an HDF5 file; name it .h5 (a .keras file is a zip archive)."),
        (
            "m.keras",
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
            "is a Git LFS pointer and not the model itself; run `git lfs pull`",
        ),
        ("m.keras", cut_off, f"is a zip archive that was cut off; copy it again, or {SAVE} again"),
        ("m.keras", nested, "is damaged (maximum recursion depth exceeded"),
        ("m.keras", listed, f"is damaged (its configuration is no dictionary); {SAVE} again."),
        ("m.keras", pickled, f"is PyTorch's; export it with torch.onnx.export(), and give that to {ADOPT}."),
        (
            "m.h5",
            lambda path: path.write_bytes(b"\x80\x02}q"),
            "is Python's pickle, as PyTorch writes it; export",
        ),
        ("m.h5", lambda path: path.write_bytes(b"\x1c\0\0\0TFL3"), f"is TensorFlow Lite's; {SAVE} where it was made"),
        (
            "m.keras",
            lambda path: path.write_bytes(MNIST.read_bytes()),
            f"is an ONNX file, which needs no conversion; give it to {ADOPT} ",
        ),
        (
            "m.onnx",
            lambda path: path.write_bytes(MNIST.read_bytes()),
            f"is an ONNX file by its name, which needs no conversion; give it to {ADOPT}.",
        ),
        ("m.h5", lambda path: path.write_text("hello"), f"is text; {SAVE} (an .h5 file is HDF5)."),
        ("m.h5", garbage_zip, "is a zip archive; name it .keras, if Keras wrote it (an .h5 file is HDF5)."),
        ("m.weights.h5", weights, "holds weights only, not the model that they belong to; build the model, "),
        ("m.h5", no_weights, f"is an HDF5 file without a Keras model; {SAVE}."),
    ],
)
def test_files_that_are_no_models(
    name: str, write: Callable[[Path], Any], message: str, tmp_path: Path, run: Run
) -> None:
    write(tmp_path / name)
    status, _, error = run(tmp_path / name)
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith(f"error: {tmp_path / name} {message}")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def small(keras: Any, *layers: Any) -> Any:
    return keras.Sequential([keras.Input((4, 4, 1)), *layers, keras.layers.Flatten(), keras.layers.Dense(2)])


def test_weights_of_a_real_model_are_weights_only(keras: Any, tmp_path: Path, run: Run) -> None:
    small(keras).save_weights(tmp_path / "m.weights.h5")
    status, _, error = run(tmp_path / "m.weights.h5")
    assert (status, "holds weights only" in error) == (2, True)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer_needs_trust(suffix: str, keras: Any, tmp_path: Path, run: Run) -> None:
    path = tmp_path / f"lambda{suffix}"
    with silenced():
        small(keras, keras.layers.Lambda(lambda x: x / 255, output_shape=(4, 4, 1))).save(path)
    assert run(path)[::2] == (
        2,
        f"error: {path} has a Lambda layer, which is Python code; put a layer of Keras in its place "
        "(keras.layers.Rescaling for pixels), or give --trust if you trust whoever made the file.\n",
    )
    status, output, error = run(path, "--trust")
    assert (status, error, "written" in output) == (0, "", True)


def test_a_lambda_layer_that_lacks_a_name(keras: Any, tmp_path: Path, run: Run) -> None:
    """A file holds the code of a lambda, not the modules that it uses."""
    path = tmp_path / "lambda.keras"
    function = eval("lambda x: tf.square(x)", {"tf": keras.ops})
    small(keras, keras.layers.Lambda(function, output_shape=(4, 4, 1))).save(path)
    status, _, error = run(path, "--trust")
    assert (status, error.count("\n")) == (2, 1)
    assert "has a Lambda layer whose code does not run here (" in error
    assert "name 'tf' is not defined" in error
    assert 'write it with model.export("folder") where it was made, and convert that folder.' in error


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("what", ["class 'Scaled'", "function 'bent'"])
def test_what_is_no_part_of_keras_needs_an_import(what: str, suffix: str, keras: Any, tmp_path: Path, run: Run) -> None:
    layer = mine().Scaled(2.0) if "Scaled" in what else keras.layers.Activation(mine().bent)
    path = tmp_path / f"custom{suffix}"
    with silenced():
        small(keras, layer).save(path)
    status, _, error = run(path)
    assert (status, error.count("\n")) == (2, 1)
    name = what.split("'")[1]
    assert error.startswith(f"error: {path} needs the ")
    assert f"'{name}', which is not a part of Keras; give the Python file that defines it with --import" in error
    status, output, error = run(path, "--import", CUSTOM.imports[0])
    assert (status, error, "written" in output) == (0, "", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is no Python file; give one that ends in .py to --import."),
        ("import sys; sys.exit(3)", "failed (SystemExit: 3); mend it, or import another."),
        ("1 / 0", "failed (ZeroDivisionError: division by zero); mend it, or import another."),
        ("import beside_it", "failed (ModuleNotFoundError: No module named 'beside_it'); mend it, or import another."),
    ],
)
def test_a_file_to_import_that_fails(text: str | None, message: str, model_file: Path, run: Run) -> None:
    code = model_file.parent / "mine.py"
    if text is not None:
        code.write_text(text)
    assert run(model_file, "--import", code)[::2] == (2, f"error: {code} {message}\n")
    assert not (model_file.parent / "1").exists()


def test_a_file_to_import_finds_what_lies_beside_it(keras: Any, tmp_path: Path, run: Run) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("def halved(x):\n    return x / 2\n")
    (tmp_path / "mine.py").write_text("from neighbour_of_mine import halved\n")
    namespace: dict[str, Any] = {"__name__": "mine"}
    exec((tmp_path / "neighbour_of_mine.py").read_text(), namespace)
    small(keras, keras.layers.Activation(namespace["halved"])).save(tmp_path / "m.keras")
    assert run(tmp_path / "m.keras", "--import", tmp_path / "mine.py")[0] == 0


def test_operations_of_keras_2_are_told(keras: Any, tmp_path: Path, run: Run) -> None:
    with silenced():
        small(keras, keras.layers.ReLU()).save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file.attrs["model_config"] = file.attrs["model_config"].replace('"ReLU"', '"TFOpLambda"')
    status, _, error = run(tmp_path / "m.h5")
    assert (status, error.count("\n")) == (2, 1)
    assert "has TensorFlow operations between layers (TFOpLambda), as Keras 2 wrote them; export it there" in error


def test_a_broken_saved_model(tmp_path: Path, run: Run) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\x00\x01")
    status, _, error = run(tmp_path / "broken")
    assert (status, error.count("\n")) == (2, 1)
    assert error.startswith(f"error: {tmp_path / 'broken'} could not be loaded (")


def test_a_saved_model_of_a_fixed_batch(keras: Any, tmp_path: Path, run: Run) -> None:
    import tensorflow as tf

    module = tf.Module()
    signature = [tf.TensorSpec((3, 4, 4, 1), tf.float32)]
    module.serve = tf.function(lambda image: tf.reshape(image, (3, 16)), input_signature=signature)
    tf.saved_model.save(module, tmp_path / "fixed")
    status, _, error = run(tmp_path / "fixed")
    assert (status, "fixes its batch size at 3; convert the .keras file" in error) == (2, True)


def exported(policy: str, keras: Any, folder: Path) -> Path:
    """A SavedModel that computes as the policy says."""
    layers = keras.layers
    with silenced():
        keras.config.set_dtype_policy(policy)
        try:
            small(keras, layers.Rescaling(1 / 255), layers.Conv2D(3, 3)).export(folder / policy, verbose=False)
        finally:
            keras.config.set_dtype_policy("float32")
    return folder / policy


@pytest.mark.parametrize(("policy", "dtype"), [("mixed_bfloat16", "bfloat16"), ("float64", "float64")])
def test_a_saved_model_of_what_onnx_runtime_does_not_compute(
    policy: str, dtype: str, keras: Any, tmp_path: Path, run: Run
) -> None:
    path = exported(policy, keras, tmp_path)
    assert run(path)[::2] == (
        2,
        f"error: {path} has a Conv2D of {dtype}, which ONNX Runtime does not compute; "
        "convert the .keras file that it was exported from, or export it in float32.\n",
    )


def test_a_saved_model_in_float16_is_noted(keras: Any, tmp_path: Path, run: Run) -> None:
    path = exported("mixed_float16", keras, tmp_path)
    status, output, _ = run(path, "--tolerance", "0.05")
    assert (status, "note        it computes in float16; where its answers differ" in output) == (0, True)


def test_names_of_any_letters(keras: Any, tmp_path: Path, run: Run) -> None:
    """TensorFlow's scopes take none of these."""
    layers, path = keras.layers, tmp_path / "größe und breite.keras"
    hidden = layers.Conv2D(4, 3, name="erste Faltung")(keras.Input((8, 8, 3), name="bild_ö"))
    outputs = [layers.Dense(2, name=name)(layers.Flatten()(hidden)) for name in ("größe", "畳み込み 😀")]
    keras.Model(hidden._keras_history.operation.input, outputs, name="modell ä").save(path)
    status, output, error = run(path, "--output-name", "größe")
    assert (status, error, "note        of 2 outputs, 'größe' has the classes" in output) == (0, "", True)
    assert "'畳み込み 😀' (None, 2)" in run(path)[2]


@pytest.mark.parametrize("labels", [["a, b", "\"quoted\" 'both'", "😀 ö"], ["1,5", "\\n", "{0}"]])
def test_labels_of_any_letters(labels: list[str], model_file: Path, run: Run) -> None:
    (model_file.parent / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
    assert run(model_file)[0] == 0
    content = (model_file.parent / "1" / "model.onnx").read_bytes()
    assert read_description(properties(content), model_file.parent / "1").get("labels") == labels


def properties(content: bytes) -> dict[str, str]:
    return {prop.key: prop.value for prop in onnx.load_from_string(content).metadata_props}


def test_a_device_or_a_folder_is_not_replaced(model_file: Path, run: Run) -> None:
    pipe = model_file.parent / "pipe"
    os.mkfifo(pipe)
    for place in (pipe, model_file.parent):
        status, _, error = run(model_file, "--output", place)
        told = f"error: {place} is a folder or a device; choose another place.\n"
        assert (status, error) == (2, told)
    assert pipe.is_fifo()


def test_names_that_no_file_can_have(model_file: Path, run: Run) -> None:
    status, _, error = run(model_file, "--output", model_file.parent / ("x" * 300))
    assert (status, "could not be written (File name too long)" in error) == (2, True)
    status, _, error = run("x" * 5000 + ".keras")
    assert (status, "cannot be read (File name too long); give a .keras file" in error, error.count("\n")) == (
        2,
        True,
        1,
    )
    status, _, error = run("a\0b.keras")
    assert (status, "does not exist" in error) == (2, True)


def test_a_size_that_no_memory_holds(keras: Any, tmp_path: Path, run: Run) -> None:
    layers = [keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "any.keras")
    status, _, error = run(tmp_path / "any.keras", "--size", "9999999x9999999")
    assert (status, error) == (
        1,
        "error: the memory is too small for this model; give a smaller --size, or more memory.\n",
    )


def test_a_size_that_is_too_small_says_what_keras_says(keras: Any, tmp_path: Path, run: Run) -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(3, 3), layers.GlobalAveragePooling2D()])
    model.save(tmp_path / "any.keras")
    status, _, error = run(tmp_path / "any.keras", "--size", "1x1")
    assert (status, "Negative dimension size caused by subtracting 3 from 1" in error, error.count("\n")) == (
        1,
        True,
        1,
    )
