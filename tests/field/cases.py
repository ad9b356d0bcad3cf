"""All cases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from tests.field import bad_files, bad_metadata, bad_models, described, inputs, neighbours, outputs, placed, scaling
from tests.field.case import Bad, Good

Case = TypeVar("Case", Good, Bad)


def _by_name(cases: Iterator[Case]) -> dict[str, Case]:
    named: dict[str, Case] = {}
    for case in cases:
        assert case.name not in named, f"two cases are called {case.name!r}"
        named[case.name] = case
    return named


GOOD = _by_name(case for part in (inputs, outputs, scaling, described, neighbours, placed) for case in part.cases())
BAD = _by_name(case for part in (bad_files, bad_models, bad_metadata) for case in part.cases())
