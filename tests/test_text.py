"""Texts have exactly the pixels that `ImageDraw.text` draws, and all of them in their cells."""

from __future__ import annotations

import copy
import io
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
from decoders import by_pillow
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib import ticker
from PIL import Image, ImageDraw, ImageFont

from fastheat import GifWriter, Heatmap, Panels, save_gif
from fastheat.layout.axes import geometry as geometry_module
from fastheat.layout.axes.geometry import Geometry
from fastheat.layout.layout import Layout
from fastheat.style.text.atlas import COVERAGE_STEPS, unlike_rows

Steps = npt.NDArray[np.uint8]
Format = str | Callable[[Any], str]

MARGIN = 60  # px of margin around a drawn text, more than any glyph reaches beyond its advance


@lru_cache(maxsize=256)
def font_at(path: str | None, size: float) -> ImageFont.FreeTypeFont:
    basic = ImageFont.Layout.BASIC
    if path is not None:
        return ImageFont.truetype(path, size, layout_engine=basic)
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font.font_variant(layout_engine=basic)


@dataclass(frozen=True)
class Drawn:
    """A text drawn by `ImageDraw.text`, in steps of coverage, cropped to its ink."""

    left: int  # of the ink, px from the start of the text
    top: int  # px from the baseline
    steps: Steps
    advance: float


@lru_cache(maxsize=4096)
def drawn(text: str, path: str | None, size: float) -> Drawn:
    font = font_at(path, size)
    advance = font.getlength(text)
    canvas = Image.new("L", (math.ceil(advance) + 2 * MARGIN, math.ceil(2 * size) + 2 * MARGIN))
    baseline = MARGIN + math.ceil(size)
    ImageDraw.Draw(canvas).text((MARGIN, baseline), text, fill=255, font=font, anchor="ls")
    # the nearest step; none lies halfway, since 255 is odd
    steps = np.rint(np.asarray(canvas) / 255 * (COVERAGE_STEPS - 1)).astype(np.uint8)
    left, top, right, bottom = ink(steps)
    return Drawn(left - MARGIN, top - baseline, steps[top:bottom, left:right], advance)


def ink(steps: Steps) -> tuple[int, int, int, int]:
    """Return the left, top, right and bottom edges of the ink."""
    rows, columns = np.flatnonzero(steps.any(1)), np.flatnonzero(steps.any(0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True)
class Found:
    """A text found in a cell, with its position in px from the cell's top left corner."""

    text: str
    size: float
    pen: int
    baseline: int
    left: int  # px of fill beside the ink
    right: int
    above: int
    below: int


BLANK = "\N{ZERO WIDTH SPACE}" * 30
LETTERS_ONLY = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "STIXGeneralItalic.ttf")

# no blend of one fill with black is a blend of the other, so a pixel identifies its fill
LOOK: dict[str, Any] = {"cmap": ["#ffffff", "#a0c0ff"], "textcolors": ("black", "black")}


def cells(heatmap: Heatmap, values: npt.NDArray[Any]) -> Iterator[tuple[int, int, Steps]]:
    """Yield the row, column and coverage of each cell, read back from the image's indices."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        indices = heatmap.indices(values)
        layout = heatmap.layout(values.dtype)
    shades = layout.panels[0].shades
    for i, j in np.ndindex(layout.panels[0].shape):
        part = indices[
            layout.panels[0].grid.y0[i] : layout.panels[0].grid.y1[i],
            layout.panels[0].grid.x0[j] : layout.panels[0].grid.x1[j],
        ]
        finite = bool(np.isfinite(values[i, j]))
        slot = int(np.searchsorted(shades.edges[0], float(values[i, j]), side="right"))
        inks = shades.ramps[slot if finite else -1]
        assert len(set(inks.tolist())) == COVERAGE_STEPS
        step_of = np.full(256, 255, np.uint8)
        step_of[inks] = np.arange(COVERAGE_STEPS)
        steps = step_of[part]
        assert steps.max() < COVERAGE_STEPS, "a colour that is not of the cell"
        yield i, j, steps


def find(text: str, path: str | None, sizes: tuple[float, ...], steps: Steps) -> Found | None:
    """Return the text found in a cell, whose ink has to match exactly; None without ink."""
    left, top, right, bottom = ink(steps)
    if right == 0:
        return None
    for size in sizes:
        wanted = drawn(text, path, size)
        if wanted.steps.shape == (bottom - top, right - left) and np.array_equal(
            wanted.steps, steps[top:bottom, left:right]
        ):
            height, width = steps.shape
            return Found(
                text,
                size,
                left - wanted.left,
                top - wanted.top,
                left,
                width - right,
                top,
                height - bottom,
            )
    raise AssertionError(f"the ink is not that of {text!r} at any of {sizes}")


def expected_text(valfmt: Format, value: Any) -> str:
    if callable(valfmt):
        return valfmt(value)
    if "{" in valfmt:
        return valfmt.format(value, x=value)
    return format(value, valfmt)


def look_up(heatmap: Heatmap, valfmt: Format, path: str | None, values: Any) -> list[Found]:
    """Return the texts found in all cells."""
    values = np.asarray(values)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        sizes = heatmap.layout(values.dtype).panels[0].sizes
    for i, j, steps in cells(heatmap, values):
        text = expected_text(valfmt, values[i, j])
        place = find(text, path, sizes, steps)
        if drawn(text, path, sizes[0]).steps.size:
            assert place is not None, f"{text!r} was left out"
            found.append(place)
    return found


FORMATS: list[Format] = [
    "{x:.2f}",
    ".9f",
    "{x:.3e}",
    "+.1f",
    "{x:.1%}",
    ",.1f",
    "$ {x:.2f}",
    "{x:g} kg",
    "[{x:08.3f}]",
    "{x:E}",
    "{x: .2f}",
    "{x:_>9.2f}",
    "{x}",
    "AV{x:.1f}To",
    "f({x:.0f})j",
    lambda x: f"{x:.3g}"[::-1],
    lambda x: f"~{x:.1f}~",
]
SIZES = [6.24, 6.6, 7.0, 8.0, 9.5, 10.0, 12.0, 13.889, 16.0, 20.0, 24.0]
ODD = [0.0, -0.0, 100.0, 88888.88, 1e-7, -1e-7, math.nan, math.inf, -math.inf, 1e22, 111.11, -7.7]

values_ = st.one_of(
    st.sampled_from(ODD),
    st.floats(-2, 2),
    st.floats(-1e6, 1e6),
    st.floats(width=32).filter(lambda x: not math.isfinite(x) or abs(x) < 1e12),
)


@pytest.fixture(scope="module", params=["own", "dejavu"])
def path(request: pytest.FixtureRequest, dejavu: str) -> str | None:
    """Return the path of a font, or None for Pillow's own."""
    return dejavu if request.param == "dejavu" else None


@pytest.fixture(scope="module", params=["STIXGeneralItalic", "DejaVuSerif-BoldItalic"])
def slanted(request: pytest.FixtureRequest, dejavu: str) -> str:
    """Return the path of a font whose letters overlap."""
    return str(Path(dejavu).with_name(f"{request.param}.ttf"))


# ------------------------------------------------------------------------------------------ pixels


@settings(max_examples=60)
@given(
    valfmt=st.sampled_from(FORMATS),
    size=st.sampled_from(SIZES),
    row=st.lists(values_, min_size=1, max_size=6),
)
@example(valfmt="{x:.1f}", size=13.889, row=[100.0, 1000.0, 80808.8])
@example(valfmt="{x:.3e}", size=13.889, row=ODD)
@example(valfmt="{x:.1f}", size=6.24, row=[0.3, 0.7, -0.3])
def test_pixels_are_those_that_image_draw_draws(
    path: str | None, valfmt: Format, size: float, row: list[float]
) -> None:
    check_pixels(path, valfmt, size, row)


@settings(max_examples=30)
@given(
    valfmt=st.sampled_from([*FORMATS, "f.{x:.1f}f.jf", lambda x: f"of.{x:.1f} j.fjord"]),
    size=st.sampled_from(SIZES),
    row=st.lists(values_, min_size=1, max_size=6),
)
def test_letters_that_reach_far_over_their_neighbours_are_whole(
    slanted: str, valfmt: Format, size: float, row: list[float]
) -> None:
    check_pixels(slanted, valfmt, size, row)


def check_pixels(path: str | None, valfmt: Format, size: float, row: list[float]) -> None:
    # the range includes the widest texts, so that none is shrunk
    widest = max(map(abs, [x for x in row if math.isfinite(x)]), default=1.0)
    heatmap = Heatmap(
        (1, len(row)),
        vmin=-widest,
        vmax=widest,
        valfmt=valfmt,
        font=path,
        text_size=size * 0.72,
        fontsize=6,
        figsize=(len(row) * 8.0, 2.0),
        square=False,
        **LOOK,
    )
    found = look_up(heatmap, valfmt, path, [row])
    assert all(abs(place.size - size) < 0.01 for place in found)
    assert len({place.baseline for place in found}) <= 1


def test_more_letters_than_pairs_are_drawn_of_are_whole(dejavu: str) -> None:
    letters = "".join(chr(c) for c in range(0x100, 0x24F))
    heatmap = Heatmap(
        (1, 1),
        vmin=0,
        vmax=1,
        valfmt=letters + "{x:.2f}",
        font=dejavu,
        figsize=(60, 2),
        square=False,
        **LOOK,
    )
    look_up(heatmap, letters + "{x:.2f}", dejavu, [[0.5]])


@pytest.mark.parametrize("size", [8.0, 13.889, 20.0])
@pytest.mark.parametrize("valfmt", ["{x:.2f}", "{x:.4e}", "{x:,.0f}", lambda x: f"{x:.2f}"])
def test_texts_of_one_width_stand_at_one_place(
    path: str | None, valfmt: Format, size: float
) -> None:
    random = np.random.default_rng(1)
    values = random.uniform(-9.9, 9.9, (6, 8)) * 10.0 ** random.integers(0, 4, (6, 8))
    heatmap = Heatmap(
        (6, 8), vmin=-1e5, vmax=1e5, valfmt=valfmt, font=path, text_size=size * 0.72, **LOOK
    )
    found = look_up(heatmap, valfmt, path, values)
    # without figsize all cells have the same size, so their texts have the same positions
    places: dict[float, set[int]] = {}
    for place in found:
        places.setdefault(drawn(place.text, path, place.size).advance, set()).add(place.pen)
    assert all(len(pens) == 1 for pens in places.values())
    assert len({place.baseline for place in found}) == 1
    width = int((heatmap.layout().panels[0].grid.x1 - heatmap.layout().panels[0].grid.x0)[0])
    for advance, (pen,) in places.items():
        assert abs(2 * pen + advance - width) <= 2, "not in the middle"


def test_digits_stand_in_the_middle_of_their_cell(path: str | None) -> None:
    heatmap = Heatmap((1, 1), vmin=0, vmax=1, valfmt="{x:.0f}", font=path, figsize=(3, 3), **LOOK)
    (place,) = look_up(heatmap, "{x:.0f}", path, [[0.0]])
    assert abs(place.left - place.right) <= 2
    # a line is centred together with its descent, as in matplotlib
    assert 0 <= place.below - place.above <= 0.4 * place.size


@pytest.mark.parametrize("va", ["top", "center", "bottom"])
@pytest.mark.parametrize("ha", ["left", "center", "right"])
def test_texts_stand_where_ha_and_va_say(path: str | None, ha: str, va: str) -> None:
    values = [[0.125, -33.3], [7.0, 100.0]]
    heatmap = Heatmap((2, 2), vmin=-99, vmax=999, font=path, figsize=(4, 4), ha=ha, va=va, **LOOK)
    for place in look_up(heatmap, "{x:.2f}", path, values):
        sides = {"left": place.left, "right": place.right}
        ends = {"top": place.above, "bottom": place.below}
        if ha in sides:
            assert sides[ha] == min(sides.values())
            assert 1 <= sides[ha] <= 8
        else:
            assert abs(place.left - place.right) <= 3
        if va in ends:
            assert ends[va] == min(ends.values())
            assert 1 <= ends[va] <= 8
        else:
            assert abs(place.above - place.below) <= 0.4 * place.size


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.bool_])
@pytest.mark.parametrize("valfmt", ["{x:.9f}", "{x}", ".3g", str])
def test_a_value_reads_as_one_of_its_own_type(dtype: Any, valfmt: Format) -> None:
    values = np.array([[0.1, 1.0, 33.3], [-2.5, 0.0, 7.77]]).astype(dtype)
    heatmap = Heatmap((2, 3), vmin=0, vmax=1, valfmt=valfmt, figsize=(9, 3), square=False, **LOOK)
    assert len(look_up(heatmap, valfmt, None, values)) == 6


@pytest.mark.parametrize(
    ("valfmt", "value", "text"),
    [
        ("{x:.9f}", 0.1 + 0.2, "0.300000000"),
        ("{x:.2f}", 2.675, "2.67"),
        (".0f", 0.5, "0"),
        (".0f", 2.5, "2"),
        ("{x:.2e}", -9.999e-100, "-1.00e-99"),
        ("{x:.1%}", 0.9996, "100.0%"),
        ("{:.1f}", 1.25, "1.2"),
        ("{0:.1f}", 1.35, "1.4"),
        ("{{{x:.1f}}}", 1.0, "{1.0}"),
        ("{x:.1f} {{}}", 1.0, "1.0 {}"),
        ("{x:+}", 1.5, "+1.5"),
        (".2f", -0.001, "-0.00"),
        ("d", 7.0, "7"),
    ],
)
def test_texts_read_as_python_formats_them(valfmt: str, value: float, text: str) -> None:
    whole = valfmt == "d"
    values = np.array([[value]], np.int64 if whole else np.float64)
    heatmap = Heatmap((1, 1), vmin=0, vmax=3, valfmt=valfmt, figsize=(4, 4), **LOOK)
    ((_, _, steps),) = cells(heatmap, values)
    place = find(text, None, heatmap.layout(values.dtype).panels[0].sizes, steps)
    assert place is not None


def test_accents_and_greek_are_drawn_by_a_font_that_has_them(dejavu: str) -> None:
    def valfmt(value: Any) -> str:
        return f"\N{GREEK SMALL LETTER SIGMA}={value:.1f}\N{DEGREE SIGN}".replace(
            "-", "\N{MINUS SIGN}"
        )

    heatmap = Heatmap((1, 2), vmin=-1, vmax=1, valfmt=valfmt, font=dejavu, **LOOK)
    look_up(heatmap, valfmt, dejavu, [[-0.5, 0.5]])


@pytest.mark.parametrize(
    "valfmt", [lambda x: "\u200b" * 30 + f"{x:.0f}", "\u200b" * 30 + "{x:.0f}"]
)
def test_letters_of_no_width_take_no_room(dejavu: str, valfmt: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        summary = save_gif(
            io.BytesIO(), np.eye(3)[None], vmin=0, vmax=1, valfmt=valfmt, font=dejavu
        )
    assert summary.hidden == 0


def test_a_fill_of_nul_is_left_to_python() -> None:
    with pytest.warns(UserWarning, match="font has a glyph"):
        save_gif(io.BytesIO(), np.zeros((1, 2, 2)), valfmt="{x:\0>9.0f}")


def test_a_minus_sign_that_python_writes_is_drawn(dejavu: str) -> None:
    def valfmt(value: float) -> str:  # like matplotlib's formatters
        return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heatmap = Heatmap((1, 2), vmin=-1, vmax=1, valfmt=valfmt, **LOOK)
        look_up(heatmap, valfmt, dejavu, [[-0.5, 0.5]])


def test_labels_without_a_glyph_are_in_the_summary_too() -> None:
    with pytest.warns(UserWarning, match=r"a glyph for .*000f1234"):
        summary = save_gif(
            io.BytesIO(), [[[0.0, 1.0]]], title="\U000f1234", font=LETTERS_ONLY, vmin=0, vmax=1
        )
    assert summary.lacking == "\U000f1234"


def test_what_the_font_lacks_is_named_once() -> None:
    heatmap = Heatmap(
        (1, 2), vmin=0, vmax=1, valfmt=lambda x: f"\U000f1234{x:.0f}", font=LETTERS_ONLY
    )
    with pytest.warns(UserWarning, match=r"a glyph for .*000f1234") as caught:
        heatmap.rgb([[0.0, 1.0]])
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=r"a glyph for .*000f1234") as caught:
        summary = save_gif(io.BytesIO(), [[[0.0, 1.0]], [[1.0, 0.0]]], heatmap=heatmap)
    assert len(caught) == 1
    assert summary.lacking == "\U000f1234"


# ------------------------------------------------------------------------------ never cut, counted


def text_or_nothing(
    heatmap: Heatmap, valfmt: Format, path: str | None, values: npt.NDArray[Any]
) -> int:
    """Return how many cells show no text, after checking that all others show all of it."""
    hidden = 0
    layout = heatmap.layout(values.dtype)
    for i, j, steps in cells(heatmap, values):
        text = expected_text(valfmt, values[i, j])
        hidden += find(text, path, layout.panels[0].sizes, steps) is None
    return hidden


def nothing_outside(heatmap: Heatmap, values: npt.NDArray[Any]) -> None:
    """Check that no text changes a pixel outside the cells."""
    layout = heatmap.layout(values.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        indices = heatmap.indices(values)
    outside = np.ones(indices.shape, bool)
    for y0, y1 in zip(layout.panels[0].grid.y0, layout.panels[0].grid.y1, strict=True):
        for x0, x1 in zip(layout.panels[0].grid.x0, layout.panels[0].grid.x1, strict=True):
            outside[y0:y1, x0:x1] = False
    np.testing.assert_array_equal(indices[outside], layout.background[outside])


CRAMPED = ["{x:.2f}", "{x:.9f}", "{x:,.1f}", "$({x:.1f})", "{x:_>7.1e}", "jgy{x:.0f}"]


@settings(max_examples=60)
@given(
    width=st.floats(1.2, 4),
    height=st.floats(0.7, 3),
    valfmt=st.sampled_from([*CRAMPED, lambda x: f"|{x:.1f}|", lambda x: f"y{x:.0f}" * 3]),
    size=st.floats(3, 24),
    align=st.tuples(
        st.sampled_from(["left", "center", "right"]), st.sampled_from(["top", "center", "bottom"])
    ),
    grid_width=st.sampled_from([0, 3]),
    row=st.lists(values_, min_size=6, max_size=6),
)
def test_texts_are_whole_and_inside_of_their_cells_or_left_out_and_counted(
    path: str | None,
    width: float,
    height: float,
    valfmt: Format,
    size: float,
    align: tuple[str, str],
    grid_width: int,
    row: list[float],
) -> None:
    values = np.array(row).reshape(2, 3)
    heatmap = Heatmap(
        (2, 3),
        vmin=-1,
        vmax=1,
        valfmt=valfmt,
        font=path,
        figsize=(width, height),
        square=False,
        text_size=size * 0.72,
        fontsize=3,
        ha=align[0],
        va=align[1],
        grid_width=grid_width,
        **LOOK,
    )
    layout = heatmap.layout()
    nothing_outside(heatmap, values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        summary = save_gif(io.BytesIO(), values[None], heatmap=heatmap)
    if layout.panels[0].sizes:
        assert summary.hidden == text_or_nothing(heatmap, valfmt, path, values)
    else:
        assert summary.hidden == 6


@pytest.mark.parametrize("height", [0.28, 0.3, 0.34, 0.38, 0.42, 0.5])
@pytest.mark.parametrize("valfmt", ["$({x:.1f})", "{x:,.1f}j", lambda x: f"$({x:.1f})"])
def test_texts_higher_than_digits_are_not_cut_in_low_cells(
    path: str | None, valfmt: Format, height: float
) -> None:
    values = np.array([[0.5, 0.25], [0.75, 1.0], [0.0, 0.125]])
    heatmap = Heatmap(
        (3, 2),
        vmin=0,
        vmax=1,
        valfmt=valfmt,
        font=path,
        figsize=(2, height),
        square=False,
        grid_width=0,
        fontsize=1,
        text_size=8,
        row_labels=None,
        col_labels=None,
        **LOOK,
    )
    if heatmap.layout().panels[0].sizes:
        text_or_nothing(heatmap, valfmt, path, values)


def test_the_articles_numbers_fit_their_cells(dejavu: str) -> None:
    values = np.random.default_rng(2).uniform(0, 0.05, (10, 15))
    values[3, 4:8] = [12.5, -0.01, math.nan, -1234.5]
    heatmap = Heatmap(
        (10, 15), vmin=0, vmax=0.05, valfmt="{x:.9f}", font=dejavu, figsize=(15, 10), **LOOK
    )
    found = look_up(heatmap, "{x:.9f}", dejavu, values)
    assert len(found) == 150
    for place in found:
        assert min(place.left, place.right, place.above, place.below) >= 0
    usual = [place for place in found if len(place.text) == 11]
    assert {place.size for place in usual} == {max(place.size for place in usual)}
    assert usual[0].size > 12  # only a little smaller than the 13.9 that would not fit


def test_a_longer_number_is_drawn_smaller_and_the_others_are_not(path: str | None) -> None:
    heatmap = Heatmap(
        (1, 3), vmin=0, vmax=1, valfmt=".2f", font=path, figsize=(3, 1.5), fontsize=8, **LOOK
    )
    found = look_up(heatmap, ".2f", path, [[0.5, 1234567890123.0, 0.25]])
    assert found[0].size == found[2].size == heatmap.layout().panels[0].sizes[0]
    assert found[1].size < found[0].size


@pytest.mark.filterwarnings("ignore:.* the colours of the ends:UserWarning")
def test_numbers_too_long_to_be_read_are_left_out_counted_and_warned_of_once(
    path: str | None,
) -> None:
    heatmap = Heatmap(
        (1, 3), vmin=0, vmax=1, valfmt=".2f", font=path, figsize=(3, 1.5), fontsize=8, **LOOK
    )
    long = [[0.5, 1e200, 0.25]]
    with pytest.warns(UserWarning, match="left out the text of 1 cell without") as caught:
        heatmap.rgb(long)
    assert len(caught) == 1
    frames = [long, long, [[1e150, 1e200, 0.25]]]
    with pytest.warns(UserWarning, match="left out the text of 4 cells") as caught:
        summary = save_gif(io.BytesIO(), frames, heatmap=heatmap)
    assert sorted(str(w.message)[:8] for w in caught) == ["left out", "over all"]
    assert (summary.hidden, summary.over) == (4, 4)


def test_a_heatmap_whose_cells_have_room_for_no_text_counts_them_all() -> None:
    frames = np.random.default_rng(3).random((5, 20, 20))
    with pytest.warns(UserWarning, match="left out the text of 2000 cells") as caught:
        summary = save_gif(io.BytesIO(), frames, figsize=(2, 2), dpi=60)
    assert len(caught) == 1
    assert summary.hidden == 2000


def test_without_valfmt_nothing_is_left_out() -> None:
    frames = np.random.default_rng(3).random((5, 20, 20))
    assert save_gif(io.BytesIO(), frames, figsize=(2, 2), dpi=60, valfmt=None).hidden == 0


@given(
    low=st.floats(-1e6, 1e6),
    high=st.floats(-1e6, 1e6),
    valfmt=st.sampled_from([f for f in FORMATS if isinstance(f, str)]),
)
def test_without_figsize_every_value_in_the_range_fits(
    low: float, high: float, valfmt: str
) -> None:
    low, high = sorted((low, high))
    values = np.array([[low, high], [(low + high) / 2, low + (high - low) * 0.123456789]])
    heatmap = Heatmap((2, 2), vmin=low, vmax=high, valfmt=valfmt, **LOOK)
    if max(len(expected_text(valfmt, x)) for x in values.flat) < 40:
        look_up(heatmap, valfmt, None, values)


# ----------------------------------------------------------------------------------------- labels


def geometry_of(heatmap: Heatmap) -> tuple[Geometry, Layout]:
    found: list[Geometry] = []
    place = geometry_module.place

    def spy(*arguments: Any) -> Geometry:
        found.append(place(*arguments))
        return found[-1]

    vmin, vmax = heatmap.range
    assert vmin is not None
    assert vmax is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry_module, "place", spy)
        layout = heatmap.with_range(vmin, vmax).layout()
    return found[-1], layout


LONG = "a label that is a good deal longer than any cell is wide, jgpqy"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cbar": True, "cbar_label": "weight"},
        {"title": "Title\nof two lines", "xlabel": "columns", "ylabel": "rows"},
        {"col_rotation": 0, "title": LONG},
        {"col_rotation": 90},
        {"col_rotation": 45, "cbar": True, "cbar_label": LONG},
        {"col_rotation": -60, "ylabel": LONG, "xlabel": LONG},
        {"col_labels": "column_{}", "row_labels": "row_{}"},
        {"row_labels": None, "col_labels": None},
        {"square": False, "col_labels": "{} long labels"},
        {"fontsize": 24, "title": "Large"},
    ],
    ids=str,
)
@pytest.mark.parametrize("figsize", [None, (9.0, 9.0)], ids=["free", "figsize"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (200, 3), (7, 5)], ids=str)
def test_all_the_ink_of_labels_is_inside_the_picture(
    path: str | None,
    shape: tuple[int, int],
    figsize: tuple[float, float] | None,
    options: dict[str, Any],
) -> None:
    heatmap = Heatmap(
        shape, vmin=-12.5, vmax=1000, valfmt=None, figsize=figsize, font=path, dpi=60, **options
    )
    try:
        geometry, layout = geometry_of(heatmap)
    except ValueError as error:  # a one-line error with advice, instead of a label that is cut off
        if figsize is None or "figsize" not in str(error):
            raise
        return
    width, height = layout.size
    for placed in geometry.labels:
        box = placed.box()
        assert min(box.x0, box.y0) >= 0, placed.label.text
        assert box.x1 <= width, placed.label.text
        assert box.y1 <= height, placed.label.text
    paper = layout.background[0, 0]
    border = [
        layout.background[0],
        layout.background[-1],
        layout.background[:, 0],
        layout.background[:, -1],
    ]
    assert all((side == paper).all() for side in border)


@pytest.mark.parametrize("anchor", ["row", "column"])
def test_upright_labels_are_drawn_by_image_draw(path: str | None, anchor: str) -> None:
    texts = ["embed_dim_0", "jgpqy", "Weights 00"]
    heatmap = Heatmap(
        (3, 3),
        vmin=0,
        vmax=1,
        valfmt=None,
        font=path,
        row_labels=texts if anchor == "row" else None,
        col_labels=texts if anchor == "column" else None,
        col_rotation=0,
        dpi=72,
        fontsize=15,
        figsize=(8, 8),
    )
    geometry, layout = geometry_of(heatmap)
    brightness = layout.table[layout.background].sum(2).astype(float) / 765
    for placed in geometry.labels:
        box = placed.box()
        x0, y0, x1, y1 = (
            math.floor(box.x0),
            math.floor(box.y0),
            math.ceil(box.x1),
            math.ceil(box.y1),
        )
        shown = 1 - brightness[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2]
        rows, columns = np.flatnonzero(shown.max(1) > 0.02), np.flatnonzero(shown.max(0) > 0.02)
        shown = shown[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        canvas = Image.new("L", (x1 - x0 + 60, y1 - y0 + 60))
        font = font_at(path, 15.0)
        ImageDraw.Draw(canvas).text((30, 40), placed.label.text, fill=255, font=font, anchor="ls")
        wanted = np.asarray(canvas) / 255
        rows, columns = np.flatnonzero(wanted.max(1) > 0.04), np.flatnonzero(wanted.max(0) > 0.04)
        wanted = wanted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert shown.shape == wanted.shape
        # labels have fewer steps of coverage than ImageDraw
        assert np.abs(shown - wanted).max() <= 0.5 / 14 + 0.01


@pytest.mark.parametrize("rotation", [0, -30, 30, 45, 90, -90, 180, -120, 359])
def test_turned_labels_have_about_as_much_ink_as_upright_ones(
    path: str | None, rotation: float
) -> None:
    def inked(angle: float) -> float:
        heatmap = Heatmap(
            (2, 2),
            vmin=0,
            vmax=1,
            valfmt=None,
            font=path,
            row_labels=None,
            col_labels=["orig_dim_0", "jgpqy"],
            col_rotation=angle,
            figsize=(6, 6),
            cmap=["white", "white"],
        )
        layout = heatmap.layout()
        return float((1 - layout.table[layout.background].sum(2) / 765).sum())

    assert inked(rotation) == pytest.approx(inked(0), rel=0.12)


# ------------------------------------------------------------------------------------ what is given


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (1, 12), (10, 2)])
def test_texts_made_to_fit_are_as_large_as_there_is_room(shape: tuple[int, int]) -> None:
    look: dict[str, Any] = {"figsize": (6, 4), "square": False, "vmin": 0, "vmax": 1, **LOOK}
    values = np.random.default_rng(0).random(shape)
    heatmap = Heatmap(shape, text_size="fit", **look)
    found = look_up(heatmap, "{x:.2f}", None, values)
    size = found[0].size
    assert all(place.size == size for place in found)
    beside = min(place.left + place.right for place in found)
    between = min(place.above + place.below for place in found)
    assert min(beside, between) >= 0.3 * size
    assert min(beside, between) <= 1.5 * size or abs(size - 60 * 100 / 72) < 0.1
    fixed = Heatmap(shape, text_size=8, **look).layout().panels[0].sizes[0]
    assert abs(fixed - 8 * 100 / 72) < 0.1
    assert size >= fixed


@pytest.mark.parametrize("width", range(46, 64))
@pytest.mark.parametrize("text_size", [None, "fit"])
def test_texts_made_smaller_are_small_such_that_the_kernels_can_write_them(
    text_size: str | None, width: int
) -> None:
    heatmap = Heatmap(
        (2, 4),
        vmin=0,
        vmax=1,
        valfmt="{x:.9f}",
        text_size=text_size,
        fontsize=8,
        figsize=((4 * width + 30) / 100, 1),
        square=False,
        row_labels=None,
        col_labels=None,
        **LOOK,
    )
    layout = heatmap.layout()
    assert layout.panels[0].sizes
    assert layout.panels[0].writing is not None
    values = np.random.default_rng(width).random((2, 4))
    look_up(heatmap, "{x:.9f}", None, values)


@pytest.mark.parametrize("width", range(30, 110, 9))
@pytest.mark.parametrize("valfmt", [".2f", ".9f"])
def test_texts_are_made_no_smaller_than_their_cells_ask_for(
    dejavu: str, valfmt: str, width: int
) -> None:
    heatmap = Heatmap(
        (2, 4),
        vmin=0,
        vmax=1,
        valfmt=valfmt,
        font=dejavu,
        figsize=((4 * width + 30) / 100, 1),
        square=False,
        row_labels=None,
        col_labels=None,
    )
    sizes = heatmap.layout().panels[0].sizes
    wide = int((heatmap.layout().panels[0].grid.x1 - heatmap.layout().panels[0].grid.x0).min())

    def needed(size: float) -> int:
        font = font_at(dejavu, size)
        # digits reach at most a pixel beyond their advance on either side
        return sum(int(font.getlength(c) + 0.5) for c in format(0.0, valfmt)) + 2

    legible = [size / 100 for size in range(610, 1389)]
    assert (sizes[0] if sizes else 0) >= 0.985 * max(
        (s for s in legible if needed(s) <= wide), default=0
    )
    assert not sizes or needed(sizes[0]) <= wide


@pytest.mark.parametrize(
    "valfmt",
    [
        "g",
        ".2g",
        ".3g",
        ".10g",
        "e",
        ",",
        "",
        "{x}",
        "%.3g".__mod__,
        str,
        lambda x: f"{x}",
    ],
)
@pytest.mark.parametrize(
    "limits", [(0, 1), (-1, 1), (-3e5, 2), (1e-7, 1e-3), (0.9, 1.1), (0, 7e12)]
)
def test_all_numbers_in_the_range_have_one_size(valfmt: Any, limits: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    low, high = limits
    values = rng.uniform(low, high, (6, 6))
    values[1:3] = np.clip(values[1:3] * 10.0 ** -rng.integers(0, 6, (2, 6)), low, high)
    heatmap = Heatmap((6, 6), vmin=low, vmax=high, valfmt=valfmt, **LOOK)
    sizes = [place.size for place in look_up(heatmap, valfmt, None, values)]
    assert sizes == pytest.approx([1000 / 72] * 36, abs=0.01)


def test_a_range_of_whole_numbers_has_room_for_the_name_of_each() -> None:
    names = {3: "the third of them"}
    wide = Heatmap((2, 2), vmin=0, vmax=4, valfmt=lambda x: names.get(x, "-"))
    assert wide.size[0] > Heatmap((2, 2), vmin=0, vmax=4, valfmt=lambda x: "-").size[0] + 100


def test_a_function_that_accepts_no_values_but_those_drawn_is_asked_for_others_in_vain() -> None:
    names = {0.5: "half", 1.5: "more", 0.0: "none"}
    heatmap = Heatmap((1, 2), vmin=0, vmax=2, valfmt=names.__getitem__)
    assert len(np.unique(heatmap.rgb([[0.5, 1.5]]).reshape(-1, 3), axis=0)) > 4


@pytest.mark.parametrize("shape", [(10, 10), (64, 64), (90, 90), (120, 30)])
def test_numbers_that_are_drawn_can_be_read(shape: tuple[int, int]) -> None:
    assert Heatmap(shape, vmin=0, vmax=1).layout().panels[0].sizes[-1] >= 6
    small = Heatmap(shape, vmin=0, vmax=1, figsize=(3, 3))
    assert all(size >= 6 for size in small.layout().panels[0].sizes)


def texts_left_out(texts: list[list[str]], **options: Any) -> int:
    """Return how many of the texts have no room in cells of about 22 x 22 px."""
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "figsize": (0.72, 0.72), "grid_width": 1}
    look |= {"row_labels": None, "col_labels": None, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return save_gif(io.BytesIO(), np.zeros((1, 2, 2)), **look).hidden


@pytest.mark.parametrize("each", [False, True], ids=["of all frames", "of each frame"])
@pytest.mark.parametrize("text_size", [None, "fit"])
def test_a_text_without_room_leaves_out_no_others(text_size: str | None, each: bool) -> None:
    long = "a good deal longer than the cell"
    texts = [["1", long], ["0.50", "2"]]
    annot: Any = [texts] if each else texts
    assert texts_left_out(texts, annot=annot, text_size=text_size) == 1
    assert texts_left_out(texts, annot=[[long] * 2] * 2) == 4


def test_texts_are_left_out_only_where_they_have_no_room_at_the_smallest_legible_size(
    dejavu: str,
) -> None:
    advance = int(font_at(dejavu, 6.1).getlength("1") + 0.5)
    look: dict[str, Any] = {"row_labels": None, "col_labels": None, "font": dejavu, **LOOK}
    for size in np.arange(4.5, 9, 0.1):
        heatmap = Heatmap(
            (2, 2), vmin=0, vmax=1, valfmt=".0f", text_size=size, figsize=(0.72, 0.72), **look
        )
        grid = heatmap.layout().panels[0].grid
        # digits reach at most a pixel beyond their advance on either side
        text = "1" * ((int((grid.x1 - grid.x0).min()) - 2) // advance)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            heatmap.rgb(np.eye(2), annot=[["1", "1"], ["1", text]])


def test_texts_that_just_fit_are_left_without_the_margins_of_those_made_to_fit() -> None:
    texts = [["1" * 5] * 2] * 2
    for size in (8, "fit"):
        assert texts_left_out(texts, annot=texts, text_size=size, figsize=(0.76, 0.76)) == 0


def test_texts_of_frames_take_the_room_that_a_heatmaps_own_would() -> None:
    heatmap = Heatmap((2, 2), vmin=0, vmax=math.pi, figsize=(2, 2), **LOOK)
    own = heatmap.layout().panels[0].sizes[0]
    found = heatmap.with_annots(np.dtype(str)).layout()
    assert found.panels[0].sizes[0] == own
    whole = Heatmap((2, 2), vmin=0, vmax=math.pi, valfmt="d", figsize=(2, 2), **LOOK)
    save_gif(io.BytesIO(), np.ones((1, 2, 2)), heatmap=whole, annot=[[["a", "b"], ["c", "d"]]])


@given(
    hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 5)
    )
)
def test_rows_are_told_apart_as_numpy_does(rows: Steps) -> None:
    unlike, which = unlike_rows(rows)
    np.testing.assert_array_equal(unlike[which], rows)
    assert len(unlike) == len(np.unique(rows, axis=0))


@pytest.mark.parametrize("color", ["red", (1.0, 0.0, 0.0), "#ff0000", ("red", "red")])
def test_one_colour_is_for_all_texts(color: Any) -> None:
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": "gray"}
    wanted = Heatmap((2, 2), textcolors=("red", "red"), **look).rgb([[0, 0.3], [0.6, 1]])
    found = Heatmap((2, 2), textcolors=color, **look).rgb([[0, 0.3], [0.6, 1]])
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "formatter",
    [
        ticker.StrMethodFormatter("$ {x:.2f}"),
        ticker.FuncFormatter(lambda x, pos: f"{x:.1f}{pos}"),
        ticker.PercentFormatter(1.0, decimals=1),
        ticker.FormatStrFormatter("%+.3f"),
        ticker.EngFormatter("V"),
        ticker.NullFormatter(),
    ],
    ids=lambda formatter: type(formatter).__name__,
)
def test_formatters_of_matplotlib_write_as_there(formatter: Any) -> None:
    values = np.array([[-0.5, 0.123], [0.25, 1.0]])
    there = copy.copy(formatter)
    there.create_dummy_axis()
    texts = [[there(x, None) for x in row] for row in values]
    look: dict[str, Any] = {"vmin": -1, "vmax": 1, "figsize": (5, 5), "text_size": 6}
    wanted = Heatmap((2, 2), annot=texts, font="DejaVu Sans", **look).rgb(values)
    found = Heatmap((2, 2), valfmt=formatter, font="DejaVu Sans", **look).rgb(values)
    np.testing.assert_array_equal(found, wanted)


def test_a_function_may_take_a_position_as_matplotlib_gives_it() -> None:
    look: dict[str, Any] = {"vmin": -1, "vmax": 1}
    wanted = Heatmap((1, 2), valfmt=lambda x: f"{x:.1f}!", **look).rgb([[0.5, 0.1]])
    two: Any = lambda x, pos: f"{x:.1f}!"  # noqa: E731
    found = Heatmap((1, 2), valfmt=two, **look).rgb([[0.5, 0.1]])
    np.testing.assert_array_equal(found, wanted)


def test_a_text_of_the_first_values_that_no_other_in_the_range_has_fits_its_cell(
    tmp_path: Path,
) -> None:
    long = "half of it, no less"

    def valfmt(x: float) -> str:
        return long if x == 0.1234 else f"{x:.1f}"

    values = np.array([[0.1234, 0.5], [1.0, 0.0]])
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "valfmt": valfmt, **LOOK}
    heatmap = Heatmap((2, 2), **look)
    assert {round(place.size, 2) for place in look_up(heatmap, valfmt, None, values)} == {13.89}
    path = tmp_path / "a.gif"
    for step, frame in enumerate([values, values[::-1]]):  # continued, with the same room
        with GifWriter(path, mode="a", **look) as writer:
            writer.add(frame, step=step)
    save_gif(saved := io.BytesIO(), [values, values[::-1]], **look)
    for data in (path.read_bytes(), saved.getvalue()):
        found = [frame for frame, _ in by_pillow(data)]
        np.testing.assert_array_equal(found, [heatmap.rgb(values), heatmap.rgb(values[::-1])])
    panels = Panels({"a": (2, 2), "b": (2, 2)}, **look)
    panels.rgb({"a": values, "b": values})
    assert panels.layout().panels[0].sizes[0] == pytest.approx(13.889, abs=0.01)


@pytest.mark.parametrize("spec", ["x", "#X", "b", "08b", "_b", "o", "#o", "+x", "x>6d", "n"])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_integers_are_written_in_every_base_as_python_writes_them(spec: str, dtype: Any) -> None:
    values = np.array([[0, 1, 255], [16, 7, 100]]).astype(dtype)
    if dtype is np.int64:
        values[1] *= -1

    def written(value: Any) -> str:
        return f"<{format(value, spec)}>"

    look = {**LOOK, "vmin": -255, "vmax": 255, "figsize": (9, 4)}
    by_spec = Heatmap((2, 3), valfmt=f"<{{x:{spec}}}>", **look).rgb(values)
    np.testing.assert_array_equal(by_spec, Heatmap((2, 3), valfmt=written, **look).rgb(values))


def test_masked_integers_have_no_digits_in_any_base() -> None:
    values = np.ma.masked_equal([[1, 255]], 255)
    look = {**LOOK, "vmin": 0, "vmax": 255}
    by_spec = Heatmap((1, 2), valfmt="x", **look).rgb(values)
    by_function = Heatmap((1, 2), valfmt=lambda value: format(value, "x"), **look).rgb(values)
    np.testing.assert_array_equal(by_spec, by_function)


def test_a_text_for_nan_among_the_first_values_fits_its_cell() -> None:
    def valfmt(x: float) -> str:
        return "a missing value" if math.isnan(x) else f"{x:.0f}"

    heatmap = Heatmap((1, 2), vmin=0, vmax=1, valfmt=valfmt, **LOOK)
    found = look_up(heatmap, valfmt, None, np.array([[math.nan, 1.0]]))
    assert [round(place.size, 2) for place in found] == [13.89, 13.89]
