"""`python -m bench.scale`: docs/costs.md has its tables, its inputs their sources, its sums are right."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from urllib.parse import urlsplit

import pytest

from bench.photos.pictures import SIZES, encode, mosaic
from bench.scale import ASSUMED, COUNTED, DIGITS, INPUTS, PHOTOGRAPHS, Kind, find_limits, plan, write_tables
from bench.upload import multipart, post

PAGE = Path("docs/costs.md").read_text()
URL = urlsplit("http://127.0.0.1:8000/mnist/classify")


def test_the_page_has_the_tables_as_they_are_printed() -> None:
    for table in write_tables().split("\n\n"):
        assert table in PAGE


def test_each_input_stands_where_it_is_said_to() -> None:
    for each in INPUTS:
        assert each.source in (ASSUMED, COUNTED) or (each.words and each.words in Path(each.source).read_text()), each


def test_bytes_of_a_request_are_those_of_the_pictures() -> None:
    digits = [path.read_bytes() for path in Path("imgs").glob("[0-9]*.png")]
    photographs = [encode(mosaic(*SIZES["512x512"], number)) for number in range(12)]
    for kind, files in ((DIGITS, digits), (PHOTOGRAPHS, photographs)):
        # A little is the encoder's version.
        counted = mean(len(post(URL, *multipart(file, "10-7.png"))) for file in files)
        assert counted == pytest.approx(kind.size.value, rel=0.02)


def test_the_sums_by_hand() -> None:
    need = plan(PHOTOGRAPHS, 100_000_000)  # 1,157.4 a second, 5,787.0 at the peak, 47.22 of each core
    assert (need.cores, need.machines) == (123, 9)  # 122.6; 7.7, and one to spare
    assert need.memory_mb == 16 * 650 + 42
    assert need.network_mbit_s == pytest.approx(5787.04 * 458_270 * 8 / 1e6, rel=1e-5)
    assert plan(DIGITS, 100_000_000).cores == 1  # 5,787 of 12,078


@pytest.mark.parametrize("kind", [DIGITS, PHOTOGRAPHS])
def test_what_is_full_is_full_where_the_plan_says_so(kind: Kind) -> None:
    core = find_limits(kind)["one core"]
    assert plan(kind, int(core * 0.999)).cores == 1
    assert plan(kind, int(core * 1.001)).cores == 2
