"""docs/models.md has every key with values that are taken, and every preset as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.inference.description import KEYS
from service.inference.presets import PRESETS

DOCUMENT = Path("docs/models.md").read_text()
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", DOCUMENT, re.MULTILINE)}


def test_every_key_has_a_row_and_no_other() -> None:
    assert set(ROWS) == set(KEYS) | set(PRESETS)


@pytest.mark.parametrize("key", KEYS)
def test_the_values_shown_are_taken(key: str) -> None:
    shown = re.findall(r"`([^`]+)`", ROWS[key][0])
    assert shown
    for text in shown:
        KEYS[key](text)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_presets_row_is_what_it_says(preset: str) -> None:
    keys = PRESETS[preset].keys
    shown = [ROWS[preset][0], *ROWS[preset][1].split(" | ")[:3]]
    for key, text in zip(("range", "mean", "std", "channels"), shown, strict=True):
        assert text == keys.get(key, "as without it")
    assert ("crop" in ROWS[preset][1]) == (keys.get("resize") == "crop")
