"""The real server with all cases in one models folder: the good ones right, beside the bad ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.field.asking import Asked, Reply, serve_cases
from tests.field.case import Bad, Good
from tests.field.cases import BAD, GOOD
from tests.field.reference import Answer, answer

LONGEST = 600  # characters of a sentence
LOWER = [case for case in GOOD.values() if case.name.startswith("lower_serves")]


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD.keys())
def test_a_good_model_is_served_right(case: Good, server: Asked) -> None:
    for picture, sent, reply in server.classify_each(case):
        compare(case, answer(case, picture), reply, f"{case.name}: {picture}, {sent}")
    assert server.about(case.name, "/ready") == (200, {"ready": True})
    about = server.about(case.name)
    assert about.status == 200
    assert about.json["versions"] == [str(case.version)]


def compare(case: Good, right: Answer, reply: Reply, what: str) -> None:
    """That a server's answer is the reference's, within the case's tolerance."""
    assert reply.status == 200, f"{what}: {reply.json}"
    told = dict(reply.json["top"])
    wrong = {
        label: (told.get(label), round(probability, 4))
        for label, probability in right.probabilities.items()
        if label not in told or abs(told[label] - probability) > case.tolerance
    }
    assert not wrong, f"{what}: told and right by label: {wrong}"
    assert len(told) == len(right.probabilities), what
    if right.margin > 2 * case.tolerance:
        assert reply.json["cls"] == right.label, what


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_a_bad_model_is_refused_in_a_sentence(case: Bad, server: Asked) -> None:
    reply = server.classify(case.name, ["square"], 3)
    assert reply.status == 503, reply
    assert list(reply.json) == ["error"]
    sentence = reply.json["error"]
    assert "\n" not in sentence.strip()
    assert len(sentence) < LONGEST
    said = sentence.replace(case.name, "…")  # the name itself proves nothing
    assert re.search(case.says, said, re.IGNORECASE), sentence
    assert server.about(case.name, "/ready").status == 503
    about = json.dumps(server.about(case.name).json).replace(case.name, "…")
    assert re.search(case.says, about, re.IGNORECASE), about


@pytest.mark.parametrize("name", [*BAD, *(case.name for case in LOWER)])
def test_the_log_names_a_bad_model_in_a_line(name: str, server: Asked) -> None:
    assert [line for line in server.log if f"/{name}/" in line]


def test_the_log_has_no_traceback(server: Asked) -> None:
    assert not [line for line in server.log if "Traceback" in line]


def test_a_server_with_bad_models_is_live_and_not_ready(server: Asked) -> None:
    assert server.get("/v2/health/live").status == 200
    assert server.get("/v2/health/ready").status == 503


def test_an_unknown_model_is_still_unknown(server: Asked) -> None:
    reply = server.classify("no such model", ["square"], 1)
    assert reply.status == 404
    assert "no such model" in reply.json["error"]


def test_a_server_whose_bad_versions_have_lower_ones_is_ready(tmp_path: Path) -> None:
    names = [case.name for case in LOWER]
    with serve_cases(tmp_path / "models", [*names, "dtype_uint8_nhwc"]) as server:
        assert server.get("/v2/health/ready").status == 200
        for case in LOWER:
            compare(case, answer(case, "square"), server.classify(case.name, ["square"], 3), case.name)
