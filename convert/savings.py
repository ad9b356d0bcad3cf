"""`python -m convert.savings`: what float16 and int8 save and cost on this processor, for two models, side by side.

The digits of models/mnist on MNIST's test images, where the environment variable MNIST_NPZ names them, and Keras's
MobileNetV2 (224x224, 1,000 classes) on made images. Its weights are drawn at random: speed and size are those of a
trained one, the loss is not. How much a model moves by itself is told by the last line: float32, pixels 1 of 255 off.
"""

from service.interruption import leave_at_once, tidying

if __name__ == "__main__":  # before what takes a second to import
    leave_at_once("interrupted")

import argparse
import os
import sys
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from convert.errors import ConvertError
from convert.silence import prepare_environment, silenced

MNIST = Path("models/mnist/model.keras")
BATCHES = (1, 16)
PICTURES, NORMALIZED = 200, 32  # images for MobileNetV2, and of these, for its normalizations
CONTRAST = 3.0  # deviation of its logits, with which several hundred classes occur


def main(argv: list[str] | None = None) -> int:
    """Print a line for each model and precision."""
    argparse.ArgumentParser(prog="python -m convert.savings", description=__doc__).parse_args(argv)
    with silenced():
        import convert.conversion  # noqa: F401 (TensorFlow, before there is something to tidy up)
        from convert.images import make_images
        from convert.speed import name_processor

    print(f"{name_processor()}, one thread; microseconds an image")
    print(f"{'model':<12} {'precision':<9} {'bytes':>10}  {'batch of 1':>10}  {'batch of 16':>11}  classes")
    data = os.environ.get("MNIST_NPZ")
    try:
        with tidying(), tempfile.TemporaryDirectory() as folder:
            if data and MNIST.exists():
                compare("mnist", MNIST, Path(data), "", Path(folder))
            images = Path(folder) / "images.npz"
            np.savez(images, x_test=make_images((224, 224, 3), PICTURES))
            with silenced():
                write_mobile_net(Path(folder) / "mobilenet.keras", np.load(images)["x_test"])
            compare("MobileNetV2", Path(folder) / "mobilenet.keras", images, "tf", Path(folder))
    except ConvertError as err:
        print(f"error: {err}", file=sys.stderr)
        return err.exit_status
    return 0


def compare(name: str, path: Path, data: Path, preset: str, folder: Path) -> None:
    """Convert a Keras file to all precisions, and print a line for each."""
    from convert.conversion import convert
    from convert.loss import choose_calibration, compare_classes
    from convert.parity import run_onnx
    from convert.pictures import read_pictures
    from convert.precision import PRECISIONS, convert_precision
    from convert.samples import load_samples
    from convert.source import read_source
    from convert.speed import time_in_turn

    with silenced(), redirect_stdout(StringIO()):
        source = read_source(path)
        convert(path, folder / "model.onnx", data=data, preset=preset, tolerance=1e-2)
        pictures = read_pictures(path, source.image_shape, source.dtype, preset)
        labels = [str(index) for index in range(source.classes)]
        samples = load_samples(data, pictures, source.image_shape, labels)
        calibrating = choose_calibration(samples, "int8")
        plain = onnx.load(folder / "model.onnx")
        calibration = pictures.compute(samples.images[calibrating])
        lowered = [convert_precision(plain, precision, calibration) for precision in PRECISIONS]
    files = [model.SerializeToString() for model in (plain, *lowered)]
    times = [time_in_turn(files, pictures.compute(samples.images[:batch])) for batch in BATCHES]
    measured, classes = samples.without(calibrating).images, samples.without(calibrating).classes
    expected = run_onnx(files[0], measured, pictures.compute)
    for index, precision in enumerate(("float32", *PRECISIONS)):
        loss = compare_classes(expected, run_onnx(files[index], measured, pictures.compute), classes)
        taken = f"{times[0][index]:>10,.1f}  {times[1][index]:>11,.1f}"
        print(f"{name:<12} {precision:<9} {len(files[index]):>10,}  {taken}  {tell(loss)}", flush=True)
    shifted = compare_classes(expected, run_onnx(files[0], shift(measured), pictures.compute), classes)
    print(f"{name:<12} {'1 of 255 off':<45}  {tell(shifted)}")


def tell(loss: Any) -> str:
    """The share of the images that are right, or as before."""
    return f"{loss.after:.2%} {'right' if loss.labelled else 'as in float32'}"


def shift(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each pixel of (n, height, width, channels) as it is, or 1 lighter or darker."""
    steps = np.random.default_rng(0).integers(-1, 2, images.shape)
    shifted: NDArray[np.uint8] = np.clip(images + steps, 0, 255).astype(np.uint8)
    return shifted


def write_mobile_net(path: Path, images: Any) -> None:
    """MobileNetV2 of random weights, normalized on the images so that each layer's numbers are of use."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2((224, 224, 3), weights=None, classes=1000)
    pixels = keras.applications.mobilenet_v2.preprocess_input(images.astype(np.float32))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # so that one batch is what it remembers
    model(pixels[:NORMALIZED], training=True)
    features = keras.Model(model.inputs, model.layers[-1].input).predict(pixels, batch_size=NORMALIZED, verbose=0)
    kernel, _ = model.layers[-1].get_weights()
    logits = features @ kernel
    scale = CONTRAST / (logits.std(axis=0) + 1e-6)
    model.layers[-1].set_weights([kernel * scale, -logits.mean(axis=0) * scale])
    model.save(path)


if __name__ == "__main__":
    prepare_environment()
    sys.exit(main())
