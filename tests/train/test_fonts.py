import io
import json
import os
import stat
import tarfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from train.fonts import HELD_OUT, PRINTED, TRAINING, WRITTEN, FontError, draw_glyph, load_fonts

DEJAVU = Path(mpl.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"


def package(folder: Path, name: str, *weights: str) -> Path:
    """A package as npm packs it, with Matplotlib's own font in it."""
    path = folder / f"{name}.tgz"
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {f"package/files/{name}-latin-{weight}-normal.woff": DEJAVU.read_bytes() for weight in weights}
    files["package/package.json"] = json.dumps({"license": "OFL-1.1"}).encode()
    with tarfile.open(path, "w:gz") as archive:
        for file, content in files.items():
            member = tarfile.TarInfo(file)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_no_font_is_learned_from_and_tested_on() -> None:
    assert not set(TRAINING) & set(HELD_OUT)
    assert len(set(TRAINING)) == len(TRAINING)
    assert (len(WRITTEN) >= 20, len(PRINTED) >= 20, len(HELD_OUT)) == (True, True, 10)


def test_a_font_in_the_cache_is_read_with_its_licence_and_faces(tmp_path: Path) -> None:
    package(tmp_path / "fonts", "round", "400", "700", "900")
    (font,) = load_fonts(["round"], tmp_path)
    assert (font.name, font.licence, len(font.faces)) == ("round", "OFL-1.1", 2)


def test_a_glyph_is_cropped_and_has_full_ink() -> None:
    glyph = draw_glyph("7", DEJAVU.read_bytes(), 60)
    assert glyph.max() == 255
    assert all(edge.any() for edge in (glyph[0], glyph[-1], glyph[:, 0], glyph[:, -1]))
    assert draw_glyph(" ", DEJAVU.read_bytes(), 60).tolist() == [[0]]


def test_without_npm_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FontError, match="npm is not installed: install it"):
        load_fonts(["caveat"], tmp_path)


def command(folder: Path, script: str) -> None:
    """An npm of a few lines, first on the path."""
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)


def test_a_failing_npm_is_one_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path, "echo no network >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(FontError, match=r"npm pack @fontsource/caveat failed \(no network\): try again with a network"):
        load_fonts(["caveat"], tmp_path)
    assert not list((tmp_path / "fonts").iterdir())


def test_what_npm_packs_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = package(tmp_path, "caveat", "400")
    command(tmp_path, f'cp "{packed}" caveat-1.tgz; echo caveat-1.tgz')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert load_fonts(["caveat"], tmp_path)[0].name == "caveat"
    command(tmp_path, "exit 1")
    np.testing.assert_equal(len(load_fonts(["caveat"], tmp_path)), 1)
