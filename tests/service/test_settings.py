from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.errors import SettingError
from service.settings import Settings, parse_colour


def test_defaults_and_values_from_the_environment() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()
    assert Settings.from_environment(
        {"SERVICE_MODELS": "/srv/models", "SERVICE_THREADS": "0", "SERVICE_MAX_BATCH": " 8 ", "SERVICE_DEVICE": "cpu"}
    ) == Settings(models=Path("/srv/models"), threads=0, max_batch=8, device="cpu")


@pytest.mark.parametrize("value", ["", "-1", "1.5", "ten", "0", "٣"])
def test_a_number_that_is_none_is_named(value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({"SERVICE_MAX_QUEUE": value})
    assert str(caught.value) == f"SERVICE_MAX_QUEUE is {value!r}; it must be a whole number of at least 1."


def test_a_variable_that_is_no_setting_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "uvicorn.error"):
        assert Settings.from_environment({"SERVICE_MAX_BATCHES": "8"}) == Settings()
    assert caplog.messages[0].startswith("SERVICE_MAX_BATCHES is not a setting; the settings are SERVICE_MODELS, ")


def test_colours() -> None:
    assert parse_colour("#ff8000", "x") == (255, 128, 0)
    for text in ("white", "#fff", "#ff80zz", ""):
        with pytest.raises(SettingError, match="SERVICE_BACKGROUND is"):
            Settings.from_environment({"SERVICE_BACKGROUND": text})


def test_every_setting_is_in_the_readme() -> None:
    readme = Path("README.md").read_text()
    for field in fields(Settings):
        default = str(getattr(Settings(), field.name))
        row = next(line for line in readme.splitlines() if line.startswith(f"| `SERVICE_{field.name.upper()}` |"))
        assert f"`{default}`" in row
