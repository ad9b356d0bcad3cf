"""The pixels that a model was trained on: written into the file, and the same to the service as to Keras."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from convert.errors import SourceError
from convert.images import make_images
from convert.metadata import write_metadata
from convert.pictures import read_pictures
from convert.serving import CHANNELS, COUNT, make_pictures, serve
from convert.silence import silenced
from tests.convert.conftest import Run
from tests.convert.kinds.spreading import spread

MODEL = Path("model.keras")
IMAGENET = {"range": "0..1", "channels": "rgb", "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225"}
CROPPED = {"resize": "crop", "filter": "bilinear"}
CAFFE = {"range": "0..255", "channels": "bgr", "mean": "103.939,116.779,123.68", "std": "1"}


def properties(path: Path) -> dict[str, str]:
    return {prop.key: prop.value for prop in onnx.load(path).metadata_props}


def own(path: Path) -> dict[str, str]:
    prefix = "upload_and_classify."
    return {name.removeprefix(prefix): text for name, text in properties(path).items() if name.startswith(prefix)}


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_a_mode_of_keras_is_what_keras_computes(mode: str, keras: Any) -> None:
    images = make_images((9, 7, 3), 30)
    expected = keras.applications.imagenet_utils.preprocess_input(images.astype(np.float32), "channels_last", mode)
    computed = read_pictures(MODEL, (9, 7, 3), "float32", mode).compute(images)
    np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.fixture(scope="module")
def mobile_net(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MobileNetV2 of a third of its width."""
    path = tmp_path_factory.mktemp("mobile") / "model.keras"
    with silenced():
        model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=20)
        spread(keras, model, {"range": "-1..1"})
        model.save(path)
    return path


@pytest.fixture(scope="module")
def vgg(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks of 3x3 convolutions, and logits."""
    layers, path = keras.layers, tmp_path_factory.mktemp("vgg") / "model.keras"
    blocks = [
        layer
        for width in (8, 16)
        for layer in (
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
        )
    ]
    head = [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(12)]
    with silenced():
        model = keras.Sequential([keras.Input((32, 40, 3)), *blocks, *head])
        spread(keras, model, CAFFE)
        model.save(path)
    return path


@pytest.fixture(scope="module")
def dense_net(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense block with batch normalization before each convolution."""
    layers, path = keras.layers, tmp_path_factory.mktemp("dense") / "model.keras"
    image = hidden = keras.Input((48, 48, 3))
    for _ in range(3):
        grown = layers.ReLU()(layers.BatchNormalization()(hidden))
        hidden = layers.Concatenate()([hidden, layers.Conv2D(6, 3, padding="same")(grown)])
    output = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(layers.AveragePooling2D(4)(hidden)))
    with silenced():
        model = keras.Model(image, output)
        spread(keras, model, IMAGENET)
        model.save(path)
    return path


@pytest.mark.parametrize(
    ("model", "arguments", "keys", "shown"),
    [
        ("mobile_net", ["--preset", "tf"], {"range": "-1..1", "mean": "0", "std": "1"}, "pixels -1..1\n"),
        ("vgg", ["--preset", "caffe"], CAFFE, "pixels 0..255 less 103.939,116.779,123.68 by 1, blue first\n"),
        (
            "vgg",
            ["--preset", "caffe", "--channels", "rgb", "--resize", "stretch"],
            {**CAFFE, "channels": "rgb", "mean": "123.68,116.779,103.939", "resize": "stretch"},
            "pixels 0..255 less 123.68,116.779,103.939 by 1\n",
        ),
        ("vgg", ["--preset", "raw"], {"range": "0..255", "mean": "0", "std": "1"}, "pixels 0..255\n"),
        ("vgg", ["--channels", "bgr"], {"channels": "bgr"}, "pixels 0..255, blue first\n"),
        (
            "dense_net",
            ["--preset", "torch"],
            IMAGENET,
            "pixels 0..1 less 0.485,0.456,0.406 by 0.229,0.224,0.225\n",
        ),
        (
            "dense_net",
            ["--preset", "imagenet"],
            {**IMAGENET, **CROPPED, "shorter_side": "55"},
            "pixels 0..1 less 0.485,0.456,0.406 by 0.229,0.224,0.225\n",
        ),
        (
            "dense_net",
            ["--range", "0..1", "--mean", "0.5", "--std", "0.25", "--crop", "60", "--filter", "bicubic"],
            {
                "range": "0..1",
                "mean": "0.5",
                "std": "0.25",
                "resize": "crop",
                "shorter_side": "60",
                "filter": "bicubic",
            },
            "pixels 0..1 less 0.5 by 0.25\n",
        ),
        (
            "dense_net",
            ["--preset", "clip", "--background", "#102030", "--title", "Kätzchen & Hunde, “gut”"],
            {
                "range": "0..1",
                "channels": "rgb",
                "resize": "crop",
                "mean": "0.48145466,0.4578275,0.40821073",
                "std": "0.26862954,0.26130258,0.27577711",
                "filter": "bicubic",
                "shorter_side": "48",
                "background": "#102030",
                "title": "Kätzchen & Hunde, “gut”",
            },
            "pixels 0..1 less 0.48145466,0.4578275,0.40821073 by 0.26862954,0.26130258,0.27577711\n",
        ),
    ],
)
def test_keys_are_written_and_proven(
    model: str,
    arguments: list[str],
    keys: dict[str, str],
    shown: str,
    run: Run,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    target = tmp_path / "1" / "model.onnx"
    status, output, error = run(request.getfixturevalue(model), "--output", target, *arguments)
    assert (status, error) == (0, "")
    assert shown in output
    assert own(target) == keys
    assert ("Image.NominalPixelRange" in properties(target)) == (" less " not in shown)
    assert properties(target)["Image.BitmapPixelFormat"] == ("Bgr8" if "blue first" in shown else "Rgb8")


def test_imagenet_pixels_are_what_pillow_and_keras_make_of_a_photograph(
    dense_net: Path, keras: Any, tmp_path: Path, run: Run
) -> None:
    """Not by the service's code: Pillow scales the shorter side and takes the centre; Keras computes the numbers."""
    target = tmp_path / "1" / "model.onnx"
    assert run(dense_net, "--output", target, "--preset", "imagenet")[0] == 0
    with silenced():
        model = keras.models.load_model(dense_net)
    pictures, rows = list(make_images((110, 165, 3), 12)), []
    for pixels in pictures:
        left = (82 - 48) // 2
        scaled = Image.fromarray(pixels).resize((82, 55), Image.Resampling.BILINEAR)
        cut = np.asarray(scaled.crop((left, 4, left + 48, 52)), np.float32)  # (55 - 48) / 2, to the even number
        rows.append(keras.applications.imagenet_utils.preprocess_input(cut, "channels_last", "torch"))
    served, _ = serve(target.read_bytes(), pictures)
    expected = model.predict_on_batch(np.stack(rows))
    assert len(set(expected.argmax(axis=1).tolist())) > 2
    np.testing.assert_allclose(served, expected, atol=1e-4)


def test_a_wrong_key_in_the_file_is_found(vgg: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mistake of ours would be: the file says other pixels than were asked for."""

    def write_wrong(model: Any, *arguments: Any) -> None:
        write_metadata(model, *arguments)
        for prop in model.metadata_props:
            prop.value = prop.value.replace("123.68", "103.68")

    monkeypatch.setattr("convert.conversion.write_metadata", write_wrong)
    status, _, error = run(vgg, "--output", tmp_path / "m.onnx", "--preset", "caffe")
    assert (status, error.count("\n")) == (1, 1)
    assert error.startswith("error: From the bytes of a picture to the service's probabilities: ONNX Runtime differs")
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--mean", "0.5"],
            "--mean and --std count from a range; say which with --range: 0..1 for a mean such as 0.485",
        ),
        (["--preset", "tf", "--mean", "0.1,0.2"], "--mean has a mean of 2 numbers; the model has 3 channels."),
        (["--crop", "20"], "--shorter-side is a shorter_side of 20, which does not cover 32x40."),
        (["--crop", "60", "--resize", "fit"], "--shorter-side is of pictures that are cropped, and --resize is fit;"),
        (["--channels", "gray"], "takes 3 channels, and --channels is of gray; say --channels rgb"),
    ],
)
def test_keys_that_do_not_fit_the_model(
    arguments: list[str], message: str, vgg: Path, tmp_path: Path, run: Run
) -> None:
    status, _, error = run(vgg, "--output", tmp_path / "m.onnx", *arguments)
    assert (status, error.count("\n"), message in error) == (2, 1, True)


@pytest.mark.parametrize("preset", ["imagenet", "caffe", "clip", "torch"])
def test_a_preset_of_colours_is_none_for_grey(preset: str, model_file: Path, run: Run) -> None:
    status, _, error = run(model_file, "--preset", preset)
    assert (status, f"takes 1 channels, and --preset {preset} is of " in error) == (2, True)


def test_raw_is_a_preset_for_bytes(model_file: Path, run: Run) -> None:
    assert run(model_file, "--preset", "raw")[0] == 0
    assert own(model_file.parent / "1" / "model.onnx") == {"range": "0..255", "mean": "0", "std": "1"}


def test_few_rows_are_not_taken_for_channels() -> None:
    assert read_pictures(MODEL, (3, 40, 3), "float32").keys == {"layout": "NHWC"}
    assert read_pictures(MODEL, (5, 40, 3), "float32").keys == {}


def test_a_value_is_checked_as_the_service_does() -> None:
    with pytest.raises(SourceError, match=r"metadata --mean is 'x'; it must be one number, or one for each channel"):
        read_pictures(MODEL, (5, 40, 3), "float32", keys={"range": "0..1", "mean": "x"})


def test_pictures_are_of_many_sizes_and_kinds() -> None:
    made = make_pictures((20, 30, 3))
    assert len(made) == COUNT
    assert len({pixels.shape[:2] for pixels in made}) >= 5
    assert {pixels.shape[2] for pixels in made} == set(CHANNELS)
    assert any((pixels[:, :, 3] < 200).any() for pixels in made if pixels.shape[2] == 4)
