"""float16 and int8: measured on pictures, refused beyond a stated loss, and served as any other file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from convert.errors import LossError, SourceError
from convert.images import make_images
from convert.loss import choose_calibration, compare_classes, describe_speed, measure_loss
from convert.pictures import read_pictures
from convert.precision import PRODUCTS, convert_precision
from convert.samples import Samples, load_samples, make_samples
from convert.serving import encode, serve
from convert.silence import silenced
from convert.speed import name_processor
from tests.convert.conftest import Run
from tests.convert.kinds.spreading import spread

MNIST = Path(__file__).parents[2] / "models" / "mnist" / "1" / "model.onnx"
IMGS = Path(__file__).parents[2] / "imgs"


@pytest.fixture(scope="module")
def wide(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sums of raw pixels that float16 cannot hold, then two convolutions and a residual, four classes."""
    keras.utils.set_random_seed(3)  # how much is lost depends on the weights
    layers, path = keras.layers, tmp_path_factory.mktemp("wide") / "model.keras"
    image = keras.Input((24, 24, 3))
    pixels = image * (100_000.0 / (keras.ops.sum(image, axis=(1, 2, 3), keepdims=True) + 1.0)) / 64.0
    first = layers.Conv2D(8, 3, padding="same", activation="relu")(pixels)
    second = layers.Conv2D(8, 3, padding="same")(first)
    hidden = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(layers.ReLU(max_value=6.0)(first + second)))
    with silenced():
        model = keras.Model(image, layers.Dense(4, activation="softmax")(hidden))
        spread(keras, model)
        model.save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.npz"
    np.savez(path, x_test=make_images((24, 24, 3), 240))
    return path


@pytest.mark.parametrize(("precision", "share", "dtype"), [("fp16", 0.75, "FLOAT16"), ("int8", 0.9, "INT8")])
def test_a_smaller_file_of_the_same_answers(
    precision: str, share: float, dtype: str, wide: Path, data: Path, tmp_path: Path, run: Run
) -> None:
    plain, target = tmp_path / "plain" / "m.onnx", tmp_path / "m.onnx"
    arguments = (wide, "--data", data, "--preset", "raw")
    assert run(*arguments, "--output", plain)[0] == 0
    status, output, error = run(*arguments, "--output", target, f"--{precision}", "--most-loss", "0.1")
    assert (status, error) == (0, "")
    lines = {line.split()[0]: line for line in output.splitlines()}
    assert precision in lines["precision"]
    assert name_processor() in lines["speed"]
    assert "images get the same class as in float32 (at most 0.1 may be lost)" in lines["loss"]
    one, other = onnx.load(plain), onnx.load(target)
    assert [*one.graph.input, *one.graph.output] == [*other.graph.input, *other.graph.output]
    assert list(one.metadata_props) == list(other.metadata_props)
    assert other.doc_string == f"{one.doc_string} Reduced to {precision}."
    assert getattr(onnx.TensorProto, dtype) in {tensor.data_type for tensor in other.graph.initializer}
    weights = [sum(len(t.raw_data) for t in model.graph.initializer) for model in (one, other)]
    assert weights[1] < share * weights[0]
    pictures = list(make_images((24, 24, 3), 60))
    rows = [serve(path.read_bytes(), pictures)[0] for path in (plain, target)]
    assert float((rows[0].argmax(axis=1) == rows[1].argmax(axis=1)).mean()) > 0.9
    assert len(set(rows[0].argmax(axis=1).tolist())) > 1


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_what_prepares_pixels_and_makes_probabilities_stays_in_float32(precision: str) -> None:
    model = onnx.load(MNIST)
    images = make_images((28, 28, 1), 60)
    lowered = convert_precision(model, precision, images)
    kinds = [node.op_type for node in lowered.graph.node]
    first = next(index for index, kind in enumerate(kinds) if kind in PRODUCTS)
    types = {tensor.name: tensor.data_type for tensor in lowered.graph.initializer}
    head = [
        name for node in lowered.graph.node[:first] if node.op_type == "Mul" for name in node.input if name in types
    ]
    assert [types[name] for name in head] == [onnx.TensorProto.FLOAT]
    casts = [node for node in lowered.graph.node if node.op_type == "Cast"]
    assert len(casts) == (3 if precision == "fp16" else 1)
    assert kinds[-1] == "Softmax"


def test_real_digits_lose_little_in_int8(run: Run, tmp_path: Path) -> None:
    """Pictures of any size, in a folder whose name is no label."""
    status, output, _ = run(
        MNIST.parents[1] / "model.keras",
        "--output",
        tmp_path / "m.onnx",
        "--data",
        IMGS,
        "--int8",
        "--most-loss",
        "0.04",
    )
    assert (status, "precision   int8, calibrated on 15 of the images" in output) == (0, True)
    assert " of 61 images get the same class as in float32" in output
    session = ort.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (image,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (image.type, probabilities.type) == ("tensor(uint8)", "tensor(float)")


def test_more_than_the_stated_loss_is_refused(data: Path, tmp_path: Path, run: Run, keras: Any) -> None:
    """Of so many classes some are closer than whole numbers can tell."""
    layers = keras.layers
    with silenced():
        convolutions = [layers.Conv2D(8, 3, activation="relu") for _ in range(3)]
        head = [layers.GlobalAveragePooling2D(), layers.Dense(300, activation="softmax")]
        model = keras.Sequential([keras.Input((24, 24, 3)), *convolutions, *head])
        spread(keras, model)
        model.save(tmp_path / "close.keras")
    before = sorted(tmp_path.iterdir())
    status, _, error = run(tmp_path / "close.keras", "--data", data, "--int8", "--output", tmp_path / "m.onnx")
    assert (status, error.count("\n")) == (1, 1)
    assert error.startswith("error: int8 loses ")
    assert "and --most-loss is 0.005; nothing was written. Leave --int8 out, or allow it with --most-loss 0." in error
    assert sorted(tmp_path.iterdir()) == before


def rows(*classes: int) -> NDArray[np.float32]:
    return np.eye(3, dtype=np.float32)[list(classes)]


def test_loss_is_of_labels_where_they_are_known() -> None:
    before, after = rows(0, 1, 2, 0), rows(0, 1, 1, 1)
    known = compare_classes(before, after, np.array([0, 1, 1, 0]))
    assert (known.before, known.after, str(known)) == (0.75, 0.75, "75.00% → 75.00% of 4 images are right")
    unknown = compare_classes(before, after, None)
    assert (unknown.before, unknown.after) == (1.0, 0.5)
    assert str(unknown) == "50.00% of 4 images get the same class as in float32"


def test_a_loss_names_what_would_allow_it() -> None:
    digits = make_images((28, 28, 1), 30)
    onnx_file = MNIST.read_bytes()
    wrong = onnx.load(MNIST)
    wrong.graph.node[-2].op_type = "Sub"  # the bias of the logits
    with pytest.raises(LossError, match=r"fp16 loses .* and --most-loss is -1; .* or allow it with --most-loss "):
        measure_loss((onnx_file, wrong.SerializeToString()), Samples(digits, "real"), lambda images: images, -1, "fp16")


def test_calibration_is_a_part_of_the_pictures_and_not_measured() -> None:
    samples = Samples(np.zeros((100, 2, 2, 1), np.uint8), "real")
    chosen = choose_calibration(samples, "int8")
    assert (chosen.sum(), chosen[0], chosen[-1]) == (20, True, True)
    assert choose_calibration(Samples(np.zeros((5000, 2, 2, 1), np.uint8), "real"), "int8").sum() == 200
    assert not choose_calibration(samples, "fp16").any()


@pytest.mark.parametrize(
    ("samples", "have"),
    [
        (make_samples((4, 4, 1)), "only made ones are there"),
        (Samples(np.zeros((49, 2, 2, 1), np.uint8), "real"), "there are 49"),
    ],
)
def test_too_few_pictures_are_refused(samples: Samples, have: str) -> None:
    with pytest.raises(SourceError, match=f"is measured on at least 50 pictures .*{have}; give them with --data"):
        choose_calibration(samples, "int8")


def test_classes_of_an_npz_file(tmp_path: Path) -> None:
    pictures = read_pictures(Path("m"), (4, 4, 1), "uint8")
    images, path = np.zeros((6, 4, 4), np.uint8), tmp_path / "data.npz"
    np.savez(path, x_test=images, y_test=np.arange(6).reshape(6, 1) % 3)
    loaded = load_samples(path, pictures, (4, 4, 1), ["a", "b", "c"])
    assert loaded.classes is not None
    assert loaded.classes.tolist() == [0, 1, 2, 0, 1, 2]
    for wrong in (np.arange(6), np.arange(3), np.zeros((6, 3)), np.full(6, -1), np.zeros(0, int)):
        np.savez(path, x_test=images, y_test=wrong)
        with pytest.raises(SourceError, match=r"as y_test; it must be a whole number from 0 to 2 for each of the 6"):
            load_samples(path, pictures, (4, 4, 1), ["a", "b", "c"])
    np.savez(path, x_test=images)
    assert load_samples(path, pictures, (4, 4, 1), ["a", "b", "c"]).classes is None


def test_classes_of_a_folder(tmp_path: Path) -> None:
    pictures = read_pictures(Path("m"), (6, 6, 3), "float32", keys={"channels": "bgr"})
    for index, name in enumerate(("cat", "dog", "cat")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{index}.PNG").write_bytes(encode(np.full((9, 9, 3), (index, 7, 9), np.uint8)))
    loaded = load_samples(tmp_path, pictures, (6, 6, 3), ["dog", "cat"])
    assert loaded.classes is not None
    assert loaded.classes.tolist() == [1, 1, 0]
    assert loaded.images[:, 0, 0].tolist() == [[0, 7, 9], [2, 7, 9], [1, 7, 9]]
    assert load_samples(tmp_path, pictures, (6, 6, 3), ["dog", "bird"]).classes is None
    (tmp_path / "cat" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    with pytest.raises(SourceError, match=r"bad.png: .*; take it out of the folder, or mend it\."):
        load_samples(tmp_path, pictures, (6, 6, 3), ["dog", "cat"])
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match=r"none holds no .png file; give a folder of PNGs, or an .npz file"):
        load_samples(tmp_path / "none", pictures, (6, 6, 3), ["dog", "cat"])


def test_speed_names_the_processor() -> None:
    images = make_images((28, 28, 1), 20)
    told = describe_speed(MNIST.read_bytes(), MNIST.read_bytes(), images)
    assert told.startswith("batch of 1 ")
    assert ", batch of 16 " in told
    assert told.endswith(f"; {name_processor()}, one thread")


@pytest.mark.parametrize("arguments", [["--fp16", "--int8"], ["--most-loss", "2"], ["--most-loss", "-0.1"]])
def test_wrong_arguments(arguments: list[str], run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("m.keras", *arguments)
    message = capsys.readouterr().err
    assert (
        "not allowed with argument" in message or "is not a share of the images; give a number from 0 to 1" in message
    )
