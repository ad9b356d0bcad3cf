"""What is read, and what is refused with one sentence."""

from pathlib import Path
from typing import Any

import onnx

from convert.silence import silenced
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
    status, output, _ = run(tmp_path / "flat.keras", "--range", "0..1")
    assert (status, "image float32 (N, 6, 5, 1), pixels 0..1" in output) == (0, True)


def test_an_output_in_a_dictionary_is_found(keras: Any, tmp_path: Path, run: Run) -> None:
    image = keras.Input((4, 4, 1), name="photo")
    output = keras.layers.Dense(2, activation="sigmoid")(keras.layers.Flatten()(image))
    keras.Model({"photo": image}, {"classes": output}).save(tmp_path / "named.keras")
    status, output, error = run(tmp_path / "named.keras", "--range", "0..1")
    assert (status, error, "probabilities float32 (N, 2)" in output) == (0, "", True)


def test_several_inputs_or_outputs(keras: Any, tmp_path: Path, run: Run) -> None:
    one, other = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
    flat = keras.layers.Flatten()(one + other)
    keras.Model([one, other], keras.layers.Dense(2)(flat)).save(tmp_path / "two.keras")
    status, _, error = run(tmp_path / "two.keras")
    assert (status, "has 2 inputs; exactly one is converted" in error) == (2, True)
    flat = keras.layers.Flatten()(one)
    heads = [keras.layers.Dense(2, name="left")(flat), keras.layers.Dense(3, name="right")(flat)]
    keras.Model(one, heads).save(tmp_path / "out.keras")
    status, _, error = run(tmp_path / "out.keras")
    assert (status, "has 2 outputs, 'left' (None, 2), 'right' (None, 3); say with --output-name" in error) == (2, True)
    status, output, error = run(tmp_path / "out.keras", "--output-name", "right", "--range", "0..1")
    assert (status, error, "note        of 2 outputs, 'right' has the classes" in output) == (0, "", True)


def test_mixed_precision_is_told(keras: Any, tmp_path: Path, run: Run) -> None:
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2, dtype="mixed_float16")]
    keras.Sequential(layers).save(tmp_path / "mixed.keras")
    status, output, error = run(tmp_path / "mixed.keras", "--range", "0..1")
    assert (status, error) == (0, "")
    assert "note        computed in float32; the model was saved with mixed_float16\n" in output


def test_a_model_that_was_never_built(keras: Any, tmp_path: Path, run: Run) -> None:
    with silenced():
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)]).save(tmp_path / "new.keras")
    status, _, error = run(tmp_path / "new.keras")
    assert (status, "has never been built, so its input shape is unknown" in error) == (2, True)
