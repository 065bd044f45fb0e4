"""docs/gallery.md: its code draws its images, which are small and complete."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from gif_info import read_info
from PIL import Image

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
MOST = 2_000_000  # bytes of all images


@pytest.mark.filterwarnings("ignore:drew", "ignore:over all frames")
def test_the_code_draws_the_pictures(tmp_path: Path) -> None:
    runpy.run_path(str(ROOT / "tools" / "make_gallery.py"))["draw"](tmp_path)
    shown = re.findall(r"!\[.+?\]\(gallery/(.+?)\)", PAGE.read_text())
    kept = PAGE.parent / "gallery"
    assert sorted(shown) == sorted(each.name for each in tmp_path.iterdir())
    assert sorted(shown) == sorted(each.name for each in kept.iterdir())
    for name in shown:
        # another version of FreeType may draw letters a little wider
        with Image.open(kept / name) as old, Image.open(tmp_path / name) as new:
            assert np.allclose(old.size, new.size, rtol=0, atol=8), name
            assert getattr(old, "n_frames", 1) == getattr(new, "n_frames", 1), name


def test_the_pictures_are_small() -> None:
    files = list((PAGE.parent / "gallery").iterdir())
    assert sum(each.stat().st_size for each in files) < MOST
    for each in files:
        if each.suffix == ".gif":
            with each.open("rb") as file:
                assert read_info(file).trailing == 0
