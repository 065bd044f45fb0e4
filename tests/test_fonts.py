"""Fonts are found by path and by name, and other fonts supply the letters that one lacks."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from decoders import assert_lossless
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features
from PIL.ImageFont import Layout

from fastheat import Heatmap, Panels, save_gif
from fastheat.layout.axes.drawing import draw_lines
from fastheat.style.text import fonts
from fastheat.style.text.fonts import Typeface, find_typeface, locate
from fastheat.style.text.labels import Label

FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
STIX, DEJAVU = str(FOLDER / "STIXGeneral.ttf"), str(FOLDER / "DejaVuSans.ttf")
NOWHERE = "\U000f1234"  # private use area
NEEDS_RAQM = pytest.mark.skipif(not features.check("raqm"), reason="needs Pillow with libraqm")


def forget() -> None:
    for each in vars(fonts).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()


@pytest.fixture
def only_matplotlib(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make matplotlib's fonts the only installed ones."""
    forget()
    monkeypatch.setattr(fonts, "_folders", lambda: iter([FOLDER]))
    yield
    forget()


def drawn(parts: list[tuple[str, str, Layout]], size: float) -> NDArray[np.uint8]:
    """Return texts drawn beside each other, each with its font file, cropped to the ink."""
    canvas = Image.new("L", (600, 100))
    pen = 50
    for text, path, engine in parts:
        font = ImageFont.truetype(path, size, layout_engine=engine)
        ImageDraw.Draw(canvas).text((pen, 60), text, 255, font, anchor="ls")
        # glyphs start at whole pixels
        letters = [text] if engine == Layout.RAQM else text
        pen += sum(int(font.getlength(c) + 0.5) for c in letters)
    return np.asarray(canvas.crop(canvas.getbbox()))


def ours(text: str, typeface: Typeface, size: float) -> NDArray[np.uint8]:
    canvas = Image.new("L", (600, 100))
    draw_lines(ImageDraw.Draw(canvas), Label(text, size, (0, 0), 0.0, typeface), 50, 40)
    return np.asarray(canvas.crop(canvas.getbbox()))


# ------------------------------------------------------------------------------------------- names


@pytest.mark.usefixtures("only_matplotlib")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("DejaVu Sans", "DejaVuSans"),
        ("dejavu sans", "DejaVuSans"),
        ("DejaVu Sans:bold", "DejaVuSans-Bold"),
        ("DejaVu Sans Bold", "DejaVuSans-Bold"),
        ("DejaVu Sans:style=Bold", "DejaVuSans-Bold"),
        ("DejaVu Sans:bold italic", "DejaVuSans-BoldOblique"),
        ("DejaVu Sans:Oblique", "DejaVuSans-Oblique"),
        ("DejaVu Serif Bold Italic", "DejaVuSerif-BoldItalic"),
        ("STIXGeneral:italic", "STIXGeneralItalic"),
        ("serif", "DejaVuSerif"),
        ("serif:bold", "DejaVuSerif-Bold"),
        ("sans-serif", "DejaVuSans"),
        ("monospace", "DejaVuSansMono"),
    ],
)
def test_fonts_have_names_and_styles(name: str, file: str) -> None:
    found = locate(name)
    assert found.path is not None
    assert Path(found.path).stem == file


@pytest.mark.usefixtures("only_matplotlib")
def test_unknown_fonts_are_refused_with_those_that_are_near() -> None:
    with pytest.raises(ValueError, match="'DejaVu Serf'; did you mean 'DejaVu Serif'"):
        locate("DejaVu Serf")
    with pytest.raises(ValueError, match=r"style of 'DejaVu Sans', which has .*Bold.*, not font="):
        locate("DejaVu Sans:heavy")
    for name in ("", " ", "./none.ttf", "none.ttf"):
        with pytest.raises(ValueError, match="expected a font file or the name"):
            locate(name)


# ---------------------------------------------------------------------------------- letters lacked


@pytest.mark.usefixtures("only_matplotlib")
@pytest.mark.parametrize("size", [11.3, 13.889, 30.0])
def test_letters_that_a_font_lacks_are_drawn_with_one_that_has_them(size: float) -> None:
    typeface, lacking = find_typeface(STIX, "n\N{SNOWMAN}b ab")
    assert not lacking
    parts = [("n", STIX, Layout.BASIC), ("\N{SNOWMAN}", DEJAVU, Layout.BASIC)]
    wanted = drawn([*parts, ("b ab", STIX, Layout.BASIC)], size)
    np.testing.assert_array_equal(ours("n\N{SNOWMAN}b ab", typeface, size), wanted)


@pytest.mark.usefixtures("only_matplotlib")
def test_pillows_own_font_gives_way_to_dejavu_for_what_that_has() -> None:
    assert find_typeface(None, "abc 123")[0] == Typeface()
    assert find_typeface(None, "\u00fcber \u03b1\u03b2\u03b3 \u0416")[0].path == DEJAVU


@pytest.mark.usefixtures("only_matplotlib")
def test_letters_that_no_font_has_are_named_once() -> None:
    with pytest.warns(UserWarning, match=r"no font has a glyph for '.*000f1234'") as caught:
        _, lacking = find_typeface(STIX, f"a{NOWHERE}b{NOWHERE}\N{SNOWMAN}")
    assert lacking == NOWHERE
    assert len(caught) == 1


def test_a_font_of_boxes_for_everything_is_not_taken() -> None:
    assert not any("LastResort" in str(each.file.path) for each in fonts.installed())


@pytest.mark.usefixtures("only_matplotlib")
def test_accents_that_stand_alone_join_their_letters() -> None:
    typeface, _ = find_typeface(DEJAVU, "e\u0301te\u0301")
    wanted = drawn([("\u00e9t\u00e9", DEJAVU, Layout.BASIC)], 20)
    np.testing.assert_array_equal(ours("e\u0301te\u0301", typeface, 20), wanted)


@NEEDS_RAQM
@pytest.mark.usefixtures("only_matplotlib")
@pytest.mark.parametrize("text", ["\u05e9\u05dc\u05d5\u05dd 12", "\u0627\u0644\u0639 loss"])
def test_letters_that_join_or_run_to_the_left_are_shaped(text: str) -> None:
    typeface, _ = find_typeface(DEJAVU, text)
    wanted = drawn([(text, DEJAVU, Layout.RAQM)], 20)
    np.testing.assert_array_equal(ours(text, typeface, 20), wanted)


@pytest.mark.usefixtures("only_matplotlib")
def test_without_libraqm_there_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find_typeface(None, "abc \u03b1\u00e9")
    with pytest.warns(UserWarning, match="no libraqm"):
        typeface, _ = find_typeface(DEJAVU, "\u05e9\u05dc")
    assert ours("\u05e9\u05dc", typeface, 20).any()


@pytest.mark.usefixtures("only_matplotlib")
@pytest.mark.parametrize(
    "options",
    [
        {"valfmt": "{x:.1f}\N{SNOWMAN}"},
        {"valfmt": lambda x: f"\N{SNOWMAN}{x:.1f}"},
        {"annot": [["\u05e9\u05dc\n1", "\u65e5"], ["e\u0301", "\t\x00"]]},
    ],
)
@pytest.mark.filterwarnings("ignore:no font has a glyph:UserWarning")
@pytest.mark.filterwarnings("ignore:letters that join:UserWarning")
def test_cells_are_drawn_by_several_fonts_too(options: dict[str, Any]) -> None:
    values = np.random.default_rng(0).random((4, 2, 2))
    heatmap = Heatmap((2, 2), vmin=0, vmax=1, font=STIX, **options)
    file = io.BytesIO()
    titles = ["a", "\N{SNOWMAN} b", "\u0416", "\u05e9"]
    save_gif(file, values, heatmap=heatmap, titles=titles)
    wanted = [heatmap.rgb(v, title=t) for v, t in zip(values, titles, strict=True)]
    assert_lossless(file.getvalue(), wanted)
    assert not np.array_equal(wanted[0], wanted[1])


@pytest.mark.usefixtures("only_matplotlib")
@pytest.mark.parametrize("valfmt", ["{x:.2f}", lambda x: f"{x:.2f}"], ids=["spec", "function"])
def test_ascii_that_a_font_lacks_is_drawn_with_another_too(valfmt: Any) -> None:
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "cbar": True, "title": "0-1", "valfmt": valfmt}
    values = [[0.25, 0.5], [0.75, 1.0]]
    wanted = Heatmap((2, 2), font="DejaVu Sans", **look)
    found = Heatmap((2, 2), font="DejaVu Sans Display", **look)  # a font of symbols only
    np.testing.assert_array_equal(found.rgb(values), wanted.rgb(values))
    file = io.BytesIO()
    save_gif(file, [values, values[::-1]], fps=10, heatmap=found)
    assert_lossless(file.getvalue(), [wanted.rgb(values), wanted.rgb(values[::-1])])


def test_compressed_fonts_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    for begin in (b"wOFF", b"wOF2", b"\x1f\x8b\x08\x00", b"BZh9"):
        (tmp_path / "a.ttf").write_bytes(begin + bytes(1000))
        with pytest.raises(ValueError, match=r"a plain font file such as .*, not .*a\.ttf"):
            find_typeface(str(tmp_path / "a.ttf"), "abc")


def test_letters_that_no_font_has_are_looked_for_up_to_a_number() -> None:
    letters = "".join(map(chr, range(0x20000, 0x20000 + 2001)))
    with pytest.raises(ValueError, match=r"a font that lacks at most 2000 of the letters .* 2001"):
        find_typeface(None, letters)
    with pytest.raises(ValueError, match="up to 2000 different letters, not 2001"):
        Panels({letters[:1000]: (2, 2), letters[1000:2000]: (2, 2), letters[2000:]: (2, 2)})


def test_a_font_of_huge_letters_is_refused_in_words_or_drawn(tmp_path: Path) -> None:
    ttlib = pytest.importorskip("fontTools.ttLib")  # a dependency of matplotlib
    font = ttlib.TTFont(locate("DejaVu Sans").path)
    font["head"].unitsPerEm = 16  # letters are 128 times as large
    font.save(tmp_path / "huge.ttf")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            Heatmap((2, 2), font=str(tmp_path / "huge.ttf"), vmin=0, vmax=1).image(np.eye(2))
        except ValueError as error:  # some versions of FreeType refuse to draw it
            message = str(error)
        else:
            message = ""
    assert not message or "expected a font whose letters fit in a picture" in message
