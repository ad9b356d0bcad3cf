"""Digits drawn on the page's own pad, in a real Chromium before a real server."""

import shutil

import numpy as np
import pytest

from tests.train.test_fonts import DEJAVU
from train.fonts import Font
from train.strangers import pad

FONT = Font("round", "OFL-1.1", (DEJAVU.read_bytes(),))


def test_a_traced_glyph_is_drawn_again_by_its_strokes() -> None:
    glyph = np.zeros((60, 40), np.uint8)
    glyph[4:10, 4:36] = glyph[4:56, 30:36] = 255  # a 7 with a right angle
    strokes = pad.trace(glyph)
    points = np.concatenate([np.array(stroke) for stroke in strokes])
    assert len(strokes) == 1
    assert np.ptp(points, axis=0).tolist() == pytest.approx([28, 46], abs=6)
    placed = pad.place(strokes, 0.5, np.random.default_rng(0))
    assert np.ptp(np.concatenate([np.array(each) for each in placed]), axis=0).max() == pytest.approx(0.46, abs=0.01)


@pytest.mark.skipif(not shutil.which("chromium"), reason="no Chromium is installed")
def test_what_the_page_uploads_has_the_strokes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pad, "FONTS_EACH", 1)
    monkeypatch.setattr(pad, "SHARES", (0.5,))
    uploads, labels = pad.draw_on_pad([FONT], np.random.default_rng(0))
    assert labels.tolist() == list(range(10))
    for upload in uploads:
        assert upload.shape == (448, 448, 3)
        ink = upload[..., 0] < 128
        assert ink.any(axis=1).sum() == pytest.approx((0.46 + 0.05) * 448, abs=12)  # the pen is as wide as that
        assert 0.01 < ink.mean() < 0.15
