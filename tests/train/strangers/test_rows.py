import numpy as np
import pytest

from tests.train.test_fonts import DEJAVU
from train.evaluation import FITTED, calibration_error, prepare
from train.fonts import Font
from train.strangers import others, rows, sheets
from train.strangers.rows import Row, Skipped, measure
from train.strangers.table import order, write_table

FONT = Font("round", "OFL-1.1", (DEJAVU.read_bytes(),))


def flat(pictures: np.ndarray) -> np.ndarray:
    """A model that does not know: always "0", with a tenth."""
    return np.full((len(pictures), 10), 0.1, np.float32)


def test_calibration_is_perfect_where_confidence_is_accuracy() -> None:
    scores = np.zeros((100, 10), np.float32)
    scores[:, 3], scores[:, 4] = 0.7, 0.3
    labels = np.array([3] * 70 + [4] * 30, np.uint8)
    assert calibration_error(scores, labels) == pytest.approx(0, abs=1e-4)
    assert calibration_error(scores, np.full(100, 3, np.uint8)) == pytest.approx(30, abs=1e-4)


@pytest.mark.parametrize("share", sheets.SHARES)
def test_a_digit_on_a_sheet_has_its_share_of_the_width(share: float) -> None:
    draws = np.random.default_rng(0)
    for _ in range(20):
        sheet = sheets.lay(np.full((20, 8), 255, np.uint8), share, draws)
        side = len(sheet)
        assert sheet.shape == (side, side, 1)
        ink = np.abs(sheet[..., 0].astype(int) - np.median(sheet)) > 60
        assert ink.any(axis=1).sum() == pytest.approx(share * side, abs=2)
        assert ink.any(axis=0).sum() == pytest.approx(0.4 * share * side, abs=2)


def test_photographs_of_paper_are_lit_unevenly_and_shadows_are_hard() -> None:
    draws = np.random.default_rng(0)
    photos = {paper: sheets.photograph(np.full((20, 8), 255, np.uint8), paper, draws) for paper in sheets.PAPERS}
    assert {photo.shape for photo in photos.values()} == {(320, 240, 3)}
    spread = {paper: photo.mean(axis=2)[:40].std() for paper, photo in photos.items()}
    assert spread["squared"] > spread["plain"]


def test_ucis_digits_are_dark_on_light() -> None:
    uploads, labels = sheets.load_uci()
    assert (len(uploads), uploads[0].shape, np.bincount(labels).min() > 170) == (1797, (160, 160, 1), True)
    assert np.median(uploads[0]) > 200


def test_what_is_no_digit_is_of_five_kinds() -> None:
    kinds = others.draw_others([FONT], np.random.default_rng(0), 12)
    assert set(kinds) == {"smileys", "scribbles", "blank and noise", "photographs", "letters"}
    assert {len(uploads) for name, uploads in kinds.items() if name != "letters"} == {12}
    assert not set(others.LETTERS) & set("OIlZS")


def test_every_row_is_measured_or_named_as_skipped(digits: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "OTHERS_EACH", 10)
    labels = np.arange(40, dtype=np.uint8) % 10
    found = list(measure(flat, digits, labels, [], prepare))
    skipped = [row for row in found if isinstance(row, Skipped)]
    assert [row.name for row in skipped] == ["held-out fonts, the pad and letters"]
    values = {row.name: row.value for row in found if isinstance(row, Row)}
    assert len(values) >= 35
    assert values["MNIST as it is"] == pytest.approx(10)
    assert values["calibration error, MNIST as it is"] == pytest.approx(0, abs=1e-4)
    assert values["no digit, doubted: smileys"] == 100
    table = write_table(found)
    assert "| held-out fonts, the pad and letters | | skipped: there are no fonts | |" in table
    assert table.splitlines()[2].endswith("missed |")


def test_fonts_have_rows_and_without_chromium_the_pad_is_skipped(
    digits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "OTHERS_EACH", 5)
    monkeypatch.setenv("PATH", "")
    labels = np.arange(40, dtype=np.uint8) % 10
    fonts = [FONT, FONT._replace(name="comic-neue")]
    found = {row.name: row for row in measure(flat, digits, labels, fonts, lambda pixels: prepare(pixels, FITTED))}
    assert found["drawn on the pad"] == Skipped("drawn on the pad", "no Chromium is installed")
    assert {"held-out fonts, written", "held-out fonts, printed", "held-out fonts, the flagged 1"} <= set(found)


def test_what_misses_its_goal_by_most_comes_first() -> None:
    made = [
        Row("good", 1, 99.0, 98),
        Row("no goal, bad", 1, 10.0, None),
        Row("bad", 1, 50.0, 90),
        Row("error", 1, 8.0, 5, at_most=True),
        Row("no goal", 1, 90.0, None),
    ]
    assert [row.name for row in order(made)] == ["bad", "error", "good", "no goal, bad", "no goal"]
    assert "| error | 1 | 8.00 % | ≤ 5 %, missed |" in write_table(made)
