from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.errors import SettingError
from service.settings import Settings, colour


def test_defaults_and_values_from_the_environment() -> None:
    assert Settings.from_environment({"PATH": "/bin"}) == Settings()
    assert Settings.from_environment(
        {"SERVICE_MODELS": "/srv/models", "SERVICE_THREADS": "0", "SERVICE_MAX_BATCH": " 8 ", "SERVICE_DEVICE": "cpu"}
    ) == Settings(models=Path("/srv/models"), threads=0, max_batch=8, device="cpu")


@pytest.mark.parametrize("value", ["", "-1", "1.5", "ten", "0", "٣"])
def test_a_number_that_is_none_is_named(value: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({"SERVICE_MAX_BATCH": value})
    assert str(caught.value) == f"SERVICE_MAX_BATCH is {value!r}; it must be a whole number of at least 1."


def test_a_variable_that_is_no_setting_is_warned_of_with_the_likely_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "service"):
        assert Settings.from_environment({"SERVICE_MAX_BATCHES": "8", "SERVICE_X": "1"}) == Settings()
    assert caplog.messages[0] == "SERVICE_MAX_BATCHES is not a setting; did you mean SERVICE_MAX_BATCH?"
    assert caplog.messages[1].startswith(
        "SERVICE_X is not a setting; the settings are SERVICE_MODELS, SERVICE_POLL_S, SERVICE_MODEL_CONTROL, "
    )


def test_values_are_parsed_to_what_they_mean() -> None:
    assert colour("#ff8000") == (255, 128, 0)
    settings = Settings.from_environment({"SERVICE_GPUS": "0, 2", "SERVICE_CUDA_GRAPHS": "0"})
    assert (settings.gpus, settings.cuda_graphs) == ((0, 2), False)
    assert Settings.from_environment({"SERVICE_FORMATS": "WebP, png"}).formats == ("png", "webp")


@pytest.mark.parametrize(
    ("variable", "values", "rule"),
    [
        ("SERVICE_BACKGROUND", ("white", "#fff", "#ff80zz", ""), "a colour such as #ffffff"),
        ("SERVICE_GPUS", ("", "a", "0,", "-1"), "numbers of GPUs such as 0 or 0,1"),
        ("SERVICE_CUDA_GRAPHS", ("2", "yes"), "0 or 1"),
        ("SERVICE_MAX_WAIT_S", ("", "-1", "1e3", ".5", "inf", "0"), "seconds such as 0.5, at least 0.001"),
        ("SERVICE_FORMATS", ("", "jpeg", "png,gif", "png jpeg"), "png, alone or with others of png,jpeg,webp"),
        ("SERVICE_DEVICE", ("gpu", ""), "one of auto, cpu, cuda, tensorrt"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_the_rule(variable: str, values: tuple[str, ...], rule: str) -> None:
    for value in values:
        with pytest.raises(SettingError) as caught:
            Settings.from_environment({variable: value})
        assert str(caught.value) == f"{variable} is {value!r}; it must be {rule}."


def test_every_setting_is_documented() -> None:
    page = Path("docs/settings.md").read_text()
    for field in fields(Settings):
        row = next(line for line in page.splitlines() if line.startswith(f"| `SERVICE_{field.name.upper()}` |"))
        assert f"`{field.metadata['default']}`" in row
