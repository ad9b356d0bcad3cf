"""Every case in this process, without HTTP: pictures → service.images → service.inference → the reference's answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.errors import StartupError
from service.images.reading import read_image
from service.inference.device import Device
from service.inference.file_kind import refuse_other_kinds
from service.inference.model import Model, sound
from service.registry import target_of
from service.settings import Settings
from tests.field.case import Bad, Good
from tests.field.cases import BAD, GOOD
from tests.field.folder import write_case
from tests.field.pictures import png_of
from tests.field.reference import answer
from tests.field.test_served import LONGEST

RULES = {name: case for name, case in BAD.items() if case.proof != "load"}  # ONNX Runtime loads them
CPU = Device("cpu", threads=1)
SETTINGS = Settings(max_batch=8)


def load(case: Good | Bad, models: Path) -> Model:
    path = write_case(case, models)
    refuse_other_kinds(path)  # as the models folder does first
    return Model(case.name, 1, path, CPU, SETTINGS)


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD.keys())
def test_a_good_model_is_right(case: Good, tmp_path: Path) -> None:
    model = load(case, tmp_path)
    target = target_of(model)
    images = [read_image(png_of(picture), picture, target, 10**6) for picture in case.pictures]
    alone = [sound(model.run([image]))[0] for image in images]
    together = [
        result
        for start in range(0, len(images), model.max_batch)
        for result in sound(model.run(images[start : start + model.max_batch]))
    ]
    assert model.labels == case.names
    for index, picture in enumerate(case.pictures):
        right = answer(case, picture)
        for best, row in (alone[index], together[index]):
            told = dict(zip(model.labels, row.tolist(), strict=True))
            assert told == pytest.approx(right.probabilities, abs=case.tolerance), picture
            if right.margin > 2 * case.tolerance:
                assert model.labels[best] == right.label, picture


@pytest.mark.parametrize("case", RULES.values(), ids=RULES.keys())
def test_a_model_against_a_rule_is_refused_in_a_sentence(case: Bad, tmp_path: Path) -> None:
    with pytest.raises(StartupError) as refused:
        load(case, tmp_path)
    sentence = str(refused.value)
    assert len(sentence) < LONGEST
    assert re.search(case.says, sentence, re.IGNORECASE), sentence
