"""An API key and other origins, over HTTP: they hold for the hot path as for any other."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.service.conftest import png_bytes
from tests.serving import Server, serve

KEY = "schlüssel 7"
ORIGIN = "https://example.org"
LIGHT = {"file": ("a", png_bytes(np.full((4, 4), 255, np.uint8)))}


@pytest.fixture(scope="module")
def guarded(models: Path) -> Iterator[Server]:
    with serve({"SERVICE_MODELS": str(models), "SERVICE_API_KEY": KEY, "SERVICE_CORS_ORIGINS": ORIGIN}) as server:
        yield server


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "another"}, 401),
        ({"authorization": "Bearer another"}, 401),
        ({"authorization": "Basic !"}, 401),
        ({"authorization": "Basic é".encode()}, 401),
        ({"authorization": basic("", "another")}, 401),
        ({"x-api-key": KEY.encode()}, 200),
        ({"authorization": b"Bearer " + KEY.encode()}, 200),
        ({"authorization": basic("anybody", KEY)}, 200),
    ],
)
def test_the_hot_path_and_all_others_want_the_key(guarded: Server, headers: dict[str, str], status: int) -> None:
    with httpx.Client(base_url=guarded.url, headers=headers) as client:
        assert client.post("/shade/classify", files=LIGHT).status_code == status
        assert client.post("/shade/input", files=LIGHT).status_code == status
        for path in ("/shade/classify", "/v2", "/v2/models/shade", "/metrics", "/assets/main.js"):
            assert client.get(path).status_code == status
        assert client.get("/nope").status_code == (404 if status == 200 else 401)
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert client.get(path).status_code == 200


def test_a_refusal_says_what_is_wanted_and_browsers_can_ask_for_it(guarded: Server) -> None:
    answer = httpx.post(f"{guarded.url}/shade/classify", files=LIGHT)
    assert answer.json() == {
        "error": "this service wants its API key, as Authorization: Bearer <key> or X-API-Key: <key>"
    }
    challenges = answer.headers["www-authenticate"]
    assert challenges.startswith("Basic realm=")  # Chromium looks at the first only
    assert challenges.endswith(', Bearer realm="upload-and-classify"')


def test_refusals_are_counted(guarded: Server) -> None:
    httpx.get(f"{guarded.url}/v2")
    text = httpx.get(f"{guarded.url}/metrics", headers={b"x-api-key": KEY.encode()}).text
    assert 'service_requests_total{model="",route="none",status="401"}' in text


def test_pages_of_the_origin_may_ask_and_others_may_not(guarded: Server) -> None:
    preflight = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-api-key, x-request-timeout, content-encoding",
    }
    answer = httpx.options(f"{guarded.url}/shade/classify", headers=preflight)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)
    answer = httpx.options(f"{guarded.url}/shade/classify", headers={**preflight, "origin": "https://evil.example"})
    assert answer.status_code == 400
    headers = {"origin": ORIGIN, "x-api-key": KEY.encode()}
    answer = httpx.post(f"{guarded.url}/shade/classify", files=LIGHT, headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)


def test_without_these_settings_nothing_is_asked_and_nothing_said(server: Server) -> None:
    answer = httpx.post(f"{server.url}/shade/classify", files=LIGHT, headers={"origin": ORIGIN})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
