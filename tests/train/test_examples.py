"""What the networks learn from beside MNIST."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.train.test_fonts import DEJAVU
from train.examples import Extras, Kind, gather
from train.fonts import Font
from train.negatives import LETTERS, draw_negatives
from train.sheets import prepare_glyph, redraw, warp
from train.strangers.corruptions import UNSEEN
from train.strokes import HANDS, draw_hands, draw_strokes, read_strokes

FONT = Font("round", "OFL-1.1", (DEJAVU.read_bytes(),))
EXTRAS = Extras(sheets=12, fonts=9, hands=15, negatives=30)


@pytest.fixture
def draws() -> np.random.Generator:
    return np.random.default_rng(0)


def ink_size(picture: np.ndarray) -> tuple[int, int]:
    """Height and width of what is darker than a third of the ink."""
    *_, width, height = cv2.boundingRect((picture[..., 0] > 85).astype(np.uint8))
    return height, width


def test_a_glyph_comes_out_in_the_middle_with_mnists_margin_or_fills_the_picture(draws: np.random.Generator) -> None:
    """But for one that touches the sheet's edge, which is then taken for what goes on outside."""
    pictures = [prepare_glyph(np.full((60, 30), 255, np.uint8), draws) for _ in range(60)]
    assert {(picture.shape, str(picture.dtype), picture.max()) for picture in pictures} == {((28, 28, 1), "uint8", 255)}
    sizes = [ink_size(picture) for picture in pictures]
    trimmed = sum(abs(height - 20) <= 2 and abs(width - 10) <= 2 for height, width in sizes)
    filled = sum(height >= 23 and width >= 11 for height, width in sizes)
    assert 35 < trimmed < 52
    assert filled > 8
    assert trimmed + filled > 55


def test_pens_differ_and_keep_the_digits_place(digits: np.ndarray, draws: np.random.Generator) -> None:
    inks = [(redraw(digits[0, ..., 0], draws) > 127).mean() for _ in range(40)]
    assert max(inks) > 2 * min(inks) > 0
    nothing = np.zeros((1, 1), np.uint8)  # of a font without the digit
    assert all(redraw(nothing, draws) is nothing for _ in range(4))


def test_every_digit_has_a_hand_and_some_have_several() -> None:
    hands = [line.split()[0] for line in HANDS.strip().splitlines()]
    assert set(hands) == set("0123456789")
    assert min(hands.count(digit) for digit in "12479") >= 3


def test_a_stroke_is_drawn_where_its_points_are() -> None:
    glyph = draw_strokes(read_strokes("|.2,.2 .5,0 .5,1 / |.2,1 .8,1"), 0.05)
    base, stem = (np.ptp(np.flatnonzero(glyph[row])) for row in (-7, -40))
    assert base > 5 * stem > 0
    assert glyph.shape[0] > glyph.shape[1]
    assert glyph.max() == 255


def test_hands_are_many_and_labelled(draws: np.random.Generator) -> None:
    glyphs, labels = draw_hands(60, draws)
    assert (len(glyphs), len(labels), str(labels.dtype)) == (60, 60, "uint8")
    assert len({glyph.tobytes() for glyph in glyphs}) == 60


def test_a_warped_glyph_is_whole(draws: np.random.Generator) -> None:
    glyph = np.full((40, 20), 255, np.uint8)
    areas = [(warp(glyph, draws) > 127).sum() for _ in range(50)]
    assert 0.7 * glyph.size < min(areas) < max(areas) < 1.3 * glyph.size


def test_negatives_are_of_every_kind(draws: np.random.Generator) -> None:
    pictures = draw_negatives(80, [FONT], draws)
    assert (pictures.shape, str(pictures.dtype)) == ((80, 28, 28, 1), "uint8")
    assert len({picture.tobytes() for picture in pictures}) > 70
    assert not set(LETTERS) & set("OoQDIiljZzSsBbqg0123456789")


def test_examples_are_mnist_and_the_rest_with_its_truth(digits: np.ndarray, tmp_path: Path) -> None:
    labels = np.arange(40, dtype=np.uint8) % 10
    examples = gather((digits, labels), [FONT], EXTRAS, 1, tmp_path / "examples.npz")
    assert (len(examples.images), examples.from_mnist, examples.per_epoch) == (40 + 66, 40, 40 + 22)
    np.testing.assert_array_equal(examples.images[:40], digits)
    np.testing.assert_allclose(examples.truth.sum(axis=1), 1, rtol=1e-6)
    assert (examples.truth.max(axis=1) == 1).sum() == 40 + 36
    np.testing.assert_allclose(examples.truth[-30:], 0.1)


def test_an_epoch_has_all_of_mnist_and_other_extras_each_time(digits: np.ndarray, tmp_path: Path) -> None:
    labels = np.arange(40, dtype=np.uint8) % 10
    examples = gather((digits, labels), [], EXTRAS, 1, tmp_path / "examples.npz")
    one, other = (examples.choose(np.random.default_rng(seed), Kind(light=0.8)) for seed in (1, 2))
    np.testing.assert_array_equal(one[0][:40], digits)
    assert one[2][:40].tolist() == pytest.approx([0.8] * 40)
    assert set(one[2][40:]) == {0.5}
    assert (one[0][40:] != other[0][40:]).any()


def test_examples_are_made_once_and_the_same_for_the_same_seed(digits: np.ndarray, tmp_path: Path) -> None:
    labels = np.arange(40, dtype=np.uint8) % 10
    one = gather((digits, labels), [], EXTRAS, 1, tmp_path / "one.npz")
    before = (tmp_path / "one.npz").read_bytes()
    again = gather((digits, labels), [], EXTRAS, 1, tmp_path / "one.npz")
    assert (tmp_path / "one.npz").read_bytes() == before
    fresh = gather((digits, labels), [], EXTRAS, 1, tmp_path / "fresh.npz")
    np.testing.assert_array_equal(one.images, again.images)
    np.testing.assert_array_equal(one.images, fresh.images)


def test_training_imports_nothing_of_the_unseen_corruptions() -> None:
    """They are written in the external test only."""
    folder = Path(__file__).parents[2] / "train"
    sources = "".join(path.read_text() for path in folder.glob("*.py")).replace("canny edges, zigzag", "")
    for function in UNSEEN.values():
        assert f"{function.__name__}(" not in sources
    assert "strangers.corruptions" not in sources
