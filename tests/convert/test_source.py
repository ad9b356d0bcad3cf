"""What is read, and what is refused with one sentence."""

import zipfile
from pathlib import Path
from typing import Any

import onnx
import pytest

from convert.errors import SourceError
from convert.silence import silenced
from convert.source import check_input, check_output
from tests.convert.conftest import Run


def test_legacy_h5_converts(float_classifier: Any, tmp_path: Path, run: Run) -> None:
    with silenced():
        float_classifier.save(tmp_path / "model.h5")
    status, output, _ = run(tmp_path / "model.h5", "--output", tmp_path / "out" / "m.onnx")
    assert (status, "float32 (N, 8, 8, 3)" in output) == (0, True)
    assert (tmp_path / "out" / "m.onnx").is_file()


def test_exported_saved_model_converts(classifier: Any, tmp_path: Path, run: Run) -> None:
    with silenced():
        classifier.export(tmp_path / "shapes" / "saved", verbose=False)
    status, output, _ = run(tmp_path / "shapes" / "saved")
    assert (status, "uint8 (N, 12, 10, 1)" in output) == (0, True)
    model = onnx.load(tmp_path / "shapes" / "1" / "model.onnx")
    assert [v.name for v in (*model.graph.input, *model.graph.output)] == ["image", "probabilities"]
    assert model.doc_string == "Converted from the SavedModel saved."


def test_grey_images_without_a_channel_dimension_get_one(keras: Any, tmp_path: Path, run: Run) -> None:
    """The first model of every tutorial takes (N, 28, 28)."""
    layers = [keras.Input((6, 5)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    keras.Sequential(layers).save(tmp_path / "flat.keras")
    status, output, _ = run(tmp_path / "flat.keras", "--pixel-range", "0-1")
    assert (status, "image float32 (N, 6, 5, 1), pixels 0-1" in output) == (0, True)


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((None, 10), "float32", "takes an input of shape (None, 10), not images"),
        ((), "string", "takes an input of shape (), not images"),
        ((16, 28, 28, 1), "uint8", "fixes its batch size at 16"),
        ((None, None, None, 3), "uint8", "takes images of any size"),
        ((None, 1, 28, 28), "uint8", "takes 28 channels"),
        ((None, 28, 28, 4), "uint8", "takes 4 channels"),
        ((None, 28, 28, 1), "int64", "takes int64 images"),
    ],
)
def test_inputs_that_are_not_images(shape: tuple[int | None, ...], dtype: str, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        check_input(Path("m.keras"), shape, dtype)
    assert str(caught.value).startswith(f"m.keras {message}")


@pytest.mark.parametrize("shape", [(None, 1), (None, None), (None, 7, 7, 3), (None,)])
def test_outputs_that_are_not_classes(shape: tuple[int | None, ...]) -> None:
    with pytest.raises(SourceError, match="a classifier's is"):
        check_output(Path("m.keras"), shape)


def test_an_output_in_a_dictionary_is_found(keras: Any, tmp_path: Path, run: Run) -> None:
    image = keras.Input((4, 4, 1), name="photo")
    output = keras.layers.Dense(2, activation="sigmoid")(keras.layers.Flatten()(image))
    keras.Model({"photo": image}, {"classes": output}).save(tmp_path / "named.keras")
    status, output, error = run(tmp_path / "named.keras", "--pixel-range", "0-1")
    assert (status, error, "probabilities float32 (N, 2)" in output) == (0, "", True)


def test_several_inputs_or_outputs(keras: Any, tmp_path: Path, run: Run) -> None:
    one, other = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(one + other)
    keras.Model([one, other], keras.layers.Dense(2)(flat)).save(tmp_path / "two.keras")
    status, _, error = run(tmp_path / "two.keras")
    assert (status, "has 2 inputs; exactly one is converted" in error) == (2, True)
    flat = keras.layers.Flatten()(one)
    keras.Model(one, [keras.layers.Dense(2)(flat), keras.layers.Dense(3)(flat)]).save(tmp_path / "out.keras")
    status, _, error = run(tmp_path / "out.keras")
    assert (status, "has 2 outputs; exactly one is converted" in error) == (2, True)


def test_a_custom_class_is_named(keras: Any, tmp_path: Path, run: Run) -> None:
    class Doubled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pixels: Any) -> Any:
            return 2 * pixels

    layers = [keras.Input((4, 4, 1)), Doubled(), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "custom.keras")
    assert run(tmp_path / "custom.keras")[::2] == (
        2,
        f"error: {tmp_path}/custom.keras could not be loaded (Could not locate class 'Doubled'); "
        "save the complete model as .keras, without Lambda layers and custom classes.\n",
    )


def test_models_that_do_not_load(keras: Any, tmp_path: Path, run: Run) -> None:
    doubled = keras.layers.Lambda(lambda x: 2 * x)  # refused by Keras: a file must not bring code with it
    layers = [keras.Input((4, 4, 1)), doubled, keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(tmp_path / "lambda.keras")
    (tmp_path / "text.keras").write_text("not a zip")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("a", "b")
    (tmp_path / "text.h5").write_text("not HDF5")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\x00\x01")
    for name in ("lambda.keras", "text.keras", "empty.keras", "text.h5", "broken"):
        status, _, error = run(tmp_path / name)
        assert status == 2
        assert error.startswith(f"error: {tmp_path / name} could not be loaded (")
        assert error.count("\n") == 1
