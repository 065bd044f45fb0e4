"""The axes on every side: against matplotlib's, and that nothing overlaps."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import reference
from decoders import by_pillow
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reference import Reference

from fastheat import GifWriter, Heatmap, Panels, save_gif
from fastheat.layout.axes import geometry as geometry_module
from fastheat.layout.axes.geometry import Geometry
from fastheat.layout.layout import Layout
from fastheat.layout.options import Labels
from fastheat.style.text.fonts import find_typeface
from fastheat.style.text.labels import Box, Label, Placed, anchor_outside, apart, distance

LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "valfmt": None}


def geometry_of(heatmap: Heatmap) -> tuple[Geometry, Layout]:
    """Return where everything stands, which a layout does not keep."""
    found: list[Geometry] = []
    place = geometry_module.place

    def spy(*arguments: Any) -> Any:
        found.append(place(*arguments))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry_module, "place", spy)
        vmin, vmax = heatmap.range
        assert vmin is not None
        assert vmax is not None
        layout = heatmap.over(vmin, vmax).layout()
    return found[-1], layout


def corners(placed: Placed) -> list[tuple[float, float]]:
    return [(x + placed.x, y + placed.y) for x, y in placed.label.corners()]


def overlap(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> bool:
    """Whether two rectangles have points in common, by the axes that might separate them."""
    for a, b, c, _ in (first, second):  # the corners b and c are beside a
        for (x0, y0), (x1, y1) in ((a, b), (a, c)):
            dx, dy = x1 - x0, y1 - y0
            length = math.hypot(dx, dy) or 1.0
            one, two = ([(x * dx + y * dy) / length for x, y in box] for box in (first, second))
            if max(one) <= min(two) + 1e-6 or max(two) <= min(one) + 1e-6:
                return False
    return True


def rectangle(box: Box) -> list[tuple[float, float]]:
    return [(box.x0, box.y0), (box.x1, box.y0), (box.x0, box.y1), (box.x1, box.y1)]


def assert_nothing_overlaps(geometry: Geometry) -> None:
    shown = [p for p in (*geometry.labels, geometry.title) if p and p.label.text.strip()]
    for one, two in itertools.combinations(shown, 2):
        assert not overlap(corners(one), corners(two)), (one.label.text, two.label.text)
    for each in shown:
        for box in filter(None, (geometry.cells, geometry.bar)):
            assert not overlap(corners(each), rectangle(box)), (each.label.text, box)
        box = each.box()
        assert min(box.x0, box.y0) >= 0, each.label.text
        assert box.x1 <= geometry.width, each.label.text
        assert box.y1 <= geometry.height, each.label.text


# ------------------------------------------------------------------------------ sides and rotation


def against(dejavu: str, shape: tuple[int, int], theirs: dict[str, Any], **options: Any) -> None:
    """Compare the places of cells, bar and labels with matplotlib's."""
    rows = [f"row_{i}" for i in range(shape[0])]
    columns = [f"column_{j}" for j in range(shape[1])]
    values = np.linspace(0, 1, shape[0] * shape[1]).reshape(shape)
    # matplotlib's minus is wider
    options = {"figsize": (8, 7), **options, "vmin": 0, "vmax": 1, "valfmt": None}
    wanted = reference.draw(values, rows, columns, **theirs, **options)
    for name, key in (("row_text", "row_rotation"), ("col_text", "col_rotation")):
        options[key] = theirs.get(name, {}).get("rotation", 0)
    options["square"] = theirs.get("aspect") != "auto"
    heatmap = Heatmap(shape, row_labels=rows, col_labels=columns, font=dejavu, **options)
    geometry, _ = geometry_of(heatmap)
    height = len(wanted.pixels)
    box = wanted.axes.get_window_extent()
    assert_near(geometry.cells, (box.x0, height - box.y1, box.x1, height - box.y0), "cells")
    if wanted.bar:
        assert geometry.bar is not None
        box = wanted.bar.ax.get_window_extent()
        assert_near(geometry.bar, (box.x0, height - box.y1, box.x1, height - box.y0), "bar")
    mine = list(geometry.labels) + ([geometry.title] if geometry.title else [])
    labels = texts(wanted)
    assert [p.label.text for p in mine] == [
        text.replace("\N{MINUS SIGN}", "-") for text, _ in labels
    ]
    for placed, (text, edges) in zip(mine, labels, strict=True):
        assert_near(placed.box(), edges, text)


def texts(theirs: Reference) -> list[tuple[str, reference.Edges]]:
    ax = theirs.axes
    found = [*ax.get_yticklabels(), *ax.get_xticklabels(), ax.yaxis.label, ax.xaxis.label]
    if theirs.bar:
        axis = theirs.bar.long_axis
        ticks = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
        found += [label for at, label in ticks if 0 <= at <= 1]
        found.append(axis.label)
    found.append(ax.title)
    return [(text.get_text(), theirs.edges(text)) for text in found if text.get_text()]


def assert_near(mine: Box, other: reference.Edges, what: str) -> None:
    assert max(abs(a - b) for a, b in zip(mine, other, strict=True)) <= 2, (what, mine, other)


def aligned(rotation: float, ha: str, va: str) -> dict[str, object]:
    return {"rotation": rotation, "ha": ha, "va": va, "rotation_mode": "anchor"}


@reference.NEEDS_NEW
@pytest.mark.parametrize(
    ("side", "rotation", "ha", "va"),
    [
        ("top", 0, "center", "bottom"),
        ("top", 45, "left", "bottom"),
        ("top", -60, "right", "bottom"),
        ("top", 90, "left", "center"),
        ("top", 120, "left", "top"),
        ("top", 180, "center", "top"),
        ("bottom", 0, "center", "top"),
        ("bottom", 30, "right", "top"),
        ("bottom", -45, "left", "top"),
        ("bottom", -90, "left", "center"),
        ("bottom", 90, "right", "center"),
        ("bottom", 200, "left", "bottom"),
    ],
)
def test_column_labels_stand_where_matplotlib_has_them(
    dejavu: str, side: str, rotation: float, ha: str, va: str
) -> None:
    theirs = {"col_text": aligned(rotation, ha, va)}
    against(dejavu, (5, 6), theirs, col_side=side, ylabel="rows", xlabel="columns", title="Title")


@reference.NEEDS_NEW
@pytest.mark.parametrize(
    ("side", "rotation", "ha", "va"),
    [
        ("left", 0, "right", "center_baseline"),
        ("left", 45, "right", "bottom"),
        ("left", -30, "right", "top"),
        ("left", 90, "center", "bottom"),
        ("left", 180, "left", "center_baseline"),
        ("right", 0, "left", "center_baseline"),
        ("right", 30, "left", "top"),
        ("right", -45, "left", "bottom"),
        ("right", -90, "center", "bottom"),
    ],
)
def test_row_labels_stand_where_matplotlib_has_them(
    dejavu: str, side: str, rotation: float, ha: str, va: str
) -> None:
    theirs = {"row_text": aligned(rotation, ha, va), "col_text": aligned(-30, "right", "bottom")}
    against(dejavu, (5, 6), theirs, row_side=side, ylabel="rows", xlabel="columns", title="Title")


@reference.NEEDS_NEW
@pytest.mark.parametrize("square", [True, False], ids=["square", "oblong"])
@pytest.mark.parametrize("shape", [(5, 6), (3, 12), (9, 3)], ids=str)
@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
def test_colour_bars_stand_where_matplotlib_has_them(
    dejavu: str, location: str, shape: tuple[int, int], square: bool
) -> None:
    # labels on the other sides, since matplotlib draws its bar over those between
    side = {"left": "right", "right": "left"}.get(location, "left")
    below = location == "top"
    against(
        dejavu,
        shape,
        {
            "aspect": "equal" if square else "auto",
            "col_text": aligned(30, "right", "top") if below else reference.ARTICLE,
        },
        cbar=True,
        cbar_location=location,
        cbar_label="weight",
        row_side=side,
        col_side="bottom" if below else "top",
    )


@reference.NEEDS_NEW
@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
@pytest.mark.parametrize(
    "size",
    [
        {"cbar_shrink": 0.5},
        {"cbar_shrink": 0.8, "cbar_aspect": 40},
        {"cbar_aspect": 6},
        {"cbar_shrink": 0.25, "cbar_aspect": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(4, 7), (12, 3)], ids=str)
def test_the_size_of_the_bar_is_matplotlibs(
    dejavu: str, size: dict[str, float], location: str, shape: tuple[int, int]
) -> None:
    side = {"left": "right", "right": "left"}.get(location, "left")
    below = location == "top"
    theirs = {"col_text": aligned(30, "right", "top") if below else reference.ARTICLE}
    against(
        dejavu,
        shape,
        theirs,
        cbar=True,
        cbar_location=location,
        row_side=side,
        col_side="bottom" if below else "top",
        **size,
    )


@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
def test_the_bar_of_a_picture_without_figsize_and_of_all_panels_is_shrunk_too(
    location: str,
) -> None:
    def length_and_thickness(picture: Any) -> tuple[int, int]:
        fills = np.unique(picture.layout().panels[0].shades.ramps[:, 0])[:-1]
        bar = np.isin(picture.layout().background, fills)
        if isinstance(picture, Heatmap):
            x0, y0, x1, y1 = map(round, picture.layout().panels[0].frame.cells)
            bar[y0:y1, x0:x1] = False
        else:
            for panel in picture.layout().panels:
                grid = panel.grid
                bar[grid.y0[0] : grid.y1[-1], grid.x0[0] : grid.x1[-1]] = False
        ys, xs = np.nonzero(bar)
        height, width = int(np.ptp(ys)) + 3, int(np.ptp(xs)) + 3  # the outline is on either side
        return (height, width) if location in ("left", "right") else (width, height)

    look: dict[str, Any] = LOOK | {"cmap": "Blues", "cbar": True, "cbar_location": location}
    for make in (
        lambda **own: Heatmap((9, 9), **look, **own),
        lambda **own: Panels({"a": (9, 9), "b": (5, 9)}, columns=1, **look, **own),
    ):
        whole, thick = length_and_thickness(make())
        length, _ = length_and_thickness(make(cbar_shrink=0.5))
        # a thinner bar leaves more room for panels, whose side it is as long as
        assert 0.48 < length / whole < 0.56
        length, thinner = length_and_thickness(make(cbar_aspect=40))
        assert abs(length / thinner - 40) < 8
        assert thinner < thick
        with pytest.raises(ValueError, match=r"cbar_shrink to be above 0 and at most 1, not 1\.5"):
            make(cbar_shrink=1.5)
        with pytest.raises(ValueError, match="cbar_aspect to be above 0, not 0"):
            make(cbar_aspect=0)
    with pytest.raises(ValueError, match=r"expected cbar=True with cbar_shrink=0\.5"):
        Heatmap((3, 3), cbar_shrink=0.5)


@pytest.mark.parametrize("figsize", [None, (8, 7)], ids=["free", "figsize"])
@pytest.mark.parametrize("shape", [(1, 1), (4, 7), (1, 10), (10, 1), (12, 3)], ids=str)
@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
def test_nothing_overlaps_on_any_side(
    location: str, shape: tuple[int, int], figsize: tuple[float, float] | None
) -> None:
    for row_side, col_side, turn in itertools.product(
        ("left", "right"), ("top", "bottom"), (None, 45, -80)
    ):
        heatmap = Heatmap(
            shape,
            row_labels="row {}",
            col_labels="column {}",
            row_side=row_side,
            col_side=col_side,
            row_rotation=turn,
            col_rotation=turn,
            cbar=True,
            cbar_location=location,
            cbar_label="weight of it",
            title="Some title that is longer than the cells are wide",
            xlabel="columns",
            ylabel="rows",
            figsize=figsize,
            dpi=72,
            **LOOK,
        )
        assert_nothing_overlaps(geometry_of(heatmap)[0])


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (200, 3), (1, 10)], ids=str)
def test_long_titles_are_wrapped_and_leave_the_picture_its_size(shape: tuple[int, int]) -> None:
    words = "a title that goes on and on "
    for title in (words * 3, "w" * 120, words + "w" * 90, "a\nb\nc " + words):
        plain = Heatmap(shape, cbar=True, **LOOK).size
        heatmap = Heatmap(
            shape, title=title, xlabel=title, ylabel=title, cbar=True, cbar_label=title, **LOOK
        )
        geometry, _ = geometry_of(heatmap)
        assert_nothing_overlaps(geometry)
        assert geometry.width <= max(plain[0], 400) + 250
        assert geometry.height <= max(plain[1], 400) + 250
        for placed in (*geometry.labels, geometry.title):
            if placed and len(placed.label.text) > 20:
                shown = placed.label.text.replace("\n", "").replace(" ", "")
                assert shown == title.replace("\n", "").replace(" ", "")
        in_figure, _ = geometry_of(Heatmap(shape, title=title, cbar=True, figsize=(5, 16), **LOOK))
        assert_nothing_overlaps(in_figure)
        assert in_figure.cells.width > 20


@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
def test_a_bar_of_a_flat_or_narrow_matrix_has_room_for_ticks(location: str) -> None:
    for shape in ((1, 1), (1, 10), (10, 1), (3, 600), (600, 3)):
        geometry, _ = geometry_of(Heatmap(shape, cbar=True, cbar_location=location, **LOOK))
        bar = geometry.bar
        assert bar is not None
        assert min(bar.width, bar.height) >= 8
        assert max(bar.width, bar.height) >= 120
        ticks = [p for p in geometry.labels if p.label.text in ("-1.0", "0.0", "1.0", "-1", "1")]
        assert len(ticks) >= 2


# ------------------------------------------------------------------------------------- thinning


def shown(heatmap: Heatmap) -> list[str]:
    return [placed.label.text for placed in geometry_of(heatmap)[0].labels]


@given(
    count=st.integers(1, 60),
    size=st.floats(2, 60),
    rotation=st.sampled_from([0, 90, -90]) | st.floats(-180, 180),
    lengths=st.lists(st.integers(0, 12), min_size=60, max_size=60),
    side=st.sampled_from(["top", "bottom", "left", "right"]),
    kind=st.sampled_from(["given", "auto", "every"]),
)
def test_labels_never_overlap_and_those_left_out_are_counted(
    count: int, size: float, rotation: float, lengths: list[int], side: str, kind: str
) -> None:
    across = side in ("top", "bottom")
    texts: Any = ["w" * length for length in lengths[:count]]
    texts = {"given": texts, "auto": "auto", "every": 2}[kind]
    other = "row_labels" if across else "col_labels"
    mine = "col_labels" if across else "row_labels"
    heatmap = Heatmap(
        (1, count) if across else (count, 1),
        **{mine: texts, other: None, f"{mine[:3]}_rotation": rotation, f"{mine[:3]}_side": side},
        figsize=(size * count / 100 + 4, 4) if across else (4, size * count / 100 + 4),
        square=False,
        **LOOK,
    )
    try:
        geometry, layout = geometry_of(heatmap)
    except ValueError:  # labels that leave the cells no room
        return
    assert_nothing_overlaps(geometry)
    asked = len(range(0, count, 2)) if kind == "every" else count
    left = asked - len(geometry.labels)
    told = (f"{left} of {asked} {mine}",) if left and kind != "auto" else ()
    assert layout.left_out == told


def test_labels_that_overlap_are_thinned_with_one_warning_or_forced() -> None:
    texts = [f"neuron {k}" for k in range(30)]
    options: dict[str, Any] = {
        "row_labels": None,
        "col_labels": texts,
        "col_rotation": 0,
        "figsize": (8, 2),
        **LOOK,
    }
    heatmap = Heatmap((1, 30), **options)
    with pytest.warns(UserWarning, match="left out 20 of 30 col_labels, which have no room"):
        heatmap.rgb(np.zeros((1, 30)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heatmap.rgb(np.ones((1, 30)))
    assert shown(heatmap) == texts[::3]
    assert shown(Heatmap((1, 30), thin_labels=False, **options)) == texts
    with pytest.warns(UserWarning, match="20 of 30 col_labels") as told:
        summary = save_gif(BytesIO(), np.zeros((3, 1, 30)), **options)
    assert len(told) == 1
    assert summary.left_out == ("20 of 30 col_labels",)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ("auto", list("01234567")),
        (True, list("01234567")),
        (False, []),
        (None, []),
        (3, ["0", "3", "6"]),
        (np.int64(9), ["0"]),
        ("k{}", [f"k{k}" for k in range(8)]),
        (np.arange(8) / 2, ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5"]),
    ],
    ids=str,
)
def test_labels_are_what_seaborn_takes(labels: Any, wanted: list[str]) -> None:
    assert shown(Heatmap((8, 1), row_labels=labels, col_labels=None, **LOOK)) == wanted
    assert (
        shown(Heatmap((1, 8), col_labels=labels, row_labels=None, col_rotation=90, **LOOK))
        == wanted
    )


def test_numbers_are_thinned_to_round_ones_without_a_word() -> None:
    heatmap = Heatmap((1, 400), row_labels=None, figsize=(6, 2), **LOOK)
    geometry, layout = geometry_of(heatmap)
    numbers = [int(placed.label.text) for placed in geometry.labels]
    assert numbers == list(range(0, 400, 50))
    assert layout.left_out == ()


@pytest.mark.parametrize("valfmt", ["d", None])
def test_an_image_has_room_for_all_of_a_few_numbers_of_a_table(valfmt: str | None) -> None:
    pandas = pytest.importorskip("pandas")
    values = np.arange(144).reshape(12, 12)
    years = pandas.DataFrame(values, range(2000, 2012), range(1949, 1961))
    heatmap = Heatmap.of(years, valfmt=valfmt)
    assert shown(heatmap) == [*map(str, range(2000, 2012)), *map(str, range(1949, 1961))]
    many = pandas.DataFrame(np.zeros((1, 100)), columns=np.arange(1000, 1100))
    few = shown(Heatmap.of(many, valfmt=None, row_labels=None))
    assert [int(text) for text in few] == list(range(1000, 1100, 10))


@pytest.mark.parametrize("labels", ["auto", 2, True])
def test_numbers_of_a_table_are_level_whichever_of_them_are_shown(labels: Any) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(np.zeros((2, 6)), columns=[0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
    geometry, _ = geometry_of(Heatmap.of(table, col_labels=labels, row_labels=None))
    assert {placed.label.rotation for placed in geometry.labels} == {0.0}
    assert len(geometry.labels) == (3 if labels == 2 else 6)


def test_two_labels_are_apart_by_the_gap_along_their_line(dejavu: str) -> None:
    typeface, _ = find_typeface(dejavu, "abc")
    one = Label("abc", 20.0, (0.5, 1.0), 0.0, typeface)
    width = one.extent().width
    assert apart(one, one, width + 5, 0, 5)
    assert not apart(one, one, width + 4.9, 0, 5)
    assert apart(one, one, 0, one.extent().height, 5)


# ---------------------------------------------------------------------------- ticks of colour bars


def ticks_of(**options: Any) -> list[tuple[str, float]]:
    """Return the texts of a colour bar and where they stand, 0 at its start and 1 at its end."""
    heatmap = Heatmap(
        (4, 4), row_labels=None, col_labels=None, cbar=True, figsize=(6, 5), **LOOK | options
    )
    geometry, _ = geometry_of(heatmap)
    bar = geometry.bar
    assert bar is not None
    if options.get("cbar_location") in ("top", "bottom"):
        return [(p.label.text, (p.x - bar.x0) / bar.width) for p in geometry.labels]
    return [(p.label.text, (bar.y1 - p.y) / bar.height) for p in geometry.labels]


@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
def test_ticks_of_the_colour_bar_are_those_that_were_given(location: str) -> None:
    found = ticks_of(cbar_ticks=[0.5, -1, 7, 0, -1], cbar_location=location, cbar_format="{x:+.1f}")
    assert [text for text, _ in found] == ["-1.0", "+0.0", "+0.5"]
    assert [at for _, at in found] == pytest.approx([0, 0.5, 0.75])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"cbar_ticks": np.array([0.25, 1])}, ["0.25", "1.00"]),
        ({"cbar_ticks": []}, []),
        ({"cbar_ticks": 3}, ["-1", "0", "1"]),
        ({"cbar_ticks": 1}, ["-1"]),
        ({"cbar_ticks": 3, "cbar_format": ".0%"}, ["-100%", "0%", "100%"]),
        ({"cbar_ticks": 3, "cbar_format": "<{x:g}>"}, ["<-1>", "<0>", "<1>"]),
        ({"cbar_ticks": [1e-7, 1], "vmin": 0}, ["1e-07", "1"]),
        ({"cbar_ticks": [5, 6], "vmin": 5, "vmax": 5}, ["5"]),
    ],
    ids=str,
)
def test_ticks_may_be_counted_and_written_as_values_are(
    options: dict[str, Any], wanted: list[str]
) -> None:
    assert [text for text, _ in ticks_of(**options)] == wanted


@given(st.integers(1, 30), st.sampled_from(["right", "top"]))
def test_there_are_no_more_ticks_than_were_asked_for(count: int, location: str) -> None:
    assert 1 <= len(ticks_of(cbar_ticks=count, cbar_location=location)) <= count


def test_ticks_that_would_overlap_are_left_out_and_counted() -> None:
    options: dict[str, Any] = {"cbar": True, "cbar_ticks": np.linspace(-1, 1, 201), **LOOK}
    heatmap = Heatmap((4, 4), **options)
    assert_nothing_overlaps(geometry_of(heatmap)[0])
    with pytest.warns(UserWarning, match=r"left out \d+ of 201 cbar_ticks, which have no room"):
        heatmap.rgb(np.zeros((4, 4)))
    forced = geometry_of(Heatmap((4, 4), thin_labels=False, **options))[0]
    assert len(forced.labels) == 8 + 201


# ------------------------------------------------------------------------------------------- groups


def colours_between(heatmap: Heatmap, axis: int) -> list[set[tuple[int, ...]]]:
    """Return the colours between the cells along an axis, from the first gap on."""
    picture = heatmap.rgb(np.zeros(heatmap.shape))
    grid = heatmap.layout().panels[0].grid
    starts, stops = ((grid.y0, grid.y1), (grid.x0, grid.x1))[axis]
    found = []
    for stop, start in zip(stops[:-1], starts[1:], strict=True):
        gap = picture[stop:start, grid.x0[0]] if axis == 0 else picture[grid.y0[0], stop:start]
        found.append({tuple(colour.tolist()) for colour in gap})
    return found


@pytest.mark.parametrize("grid_width", [0, 1, 3])
def test_lines_stand_between_groups_and_nowhere_else(grid_width: float) -> None:
    heatmap = Heatmap(
        (6, 7),
        row_groups=2,
        col_groups=[5, 1],
        group_color="red",
        group_width=4,
        grid_color="blue",
        grid_width=grid_width,
        **LOOK,
    )
    red, other = {(255, 0, 0)}, {(0, 0, 255)} if grid_width else set()
    assert colours_between(heatmap, 0) == [other, red, other, red, other]
    assert colours_between(heatmap, 1) == [red, other, other, other, red, other]
    grid = heatmap.layout().panels[0].grid
    assert grid.y0[2] - grid.y1[1] == grid.x0[5] - grid.x1[4] == round(4 * 100 / 72)


def test_groups_are_marked_in_the_colour_of_labels_wide_enough_to_be_seen() -> None:
    heatmap = Heatmap((4, 4), row_groups=2, foreground="green", **LOOK)
    assert colours_between(heatmap, 0)[1] == {(0, 128, 0)}
    for shape in ((300, 300), (40, 4), (4, 40)):
        grid = Heatmap(shape, row_groups=2, col_groups=2, **LOOK).layout().panels[0].grid
        assert (grid.y0[2::2] > grid.y1[1:-1:2]).all()
        assert (grid.x0[2::2] > grid.x1[1:-1:2]).all()
        assert (grid.x1 > grid.x0).all()


def test_the_edges_of_cells_stay_where_they_are_beside_groups() -> None:
    plain, grouped = (
        Heatmap((9, 9), figsize=(5, 5), row_groups=groups, **LOOK).layout().panels[0].grid
        for groups in (None, 3)
    )
    np.testing.assert_array_equal(plain.x0, grouped.x0)
    np.testing.assert_array_equal(plain.y0[[1, 2, 4, 5]], grouped.y0[[1, 2, 4, 5]])
    assert np.abs(plain.y0 - grouped.y0).max() <= 3


def test_lines_between_cells_of_a_pixel_are_counted_as_left_out() -> None:
    heatmap = Heatmap((720, 720), row_groups=100, **LOOK)
    with pytest.warns(UserWarning, match="left out the lines of 7 of 7 row_groups, which have no"):
        heatmap.rgb(np.zeros((720, 720)))


# -------------------------------------------------------------------------------- style, background


def colours(heatmap: Heatmap) -> tuple[Any, Any, Any]:
    """Return the colours of a picture's corner, of the row labels' ticks and of the grid."""
    picture = heatmap.rgb(np.zeros(heatmap.shape))
    grid = heatmap.layout().panels[0].grid
    tick = picture[(grid.y0[0] + grid.y1[0]) // 2, grid.x0[0] - 6]
    between = picture[grid.y0[0], grid.x1[0]]
    return picture[0, 0].tolist(), tick.tolist(), between.tolist()


def test_a_style_gives_the_colours_that_nothing_else_does() -> None:
    white, black, red = [255] * 3, [0] * 3, [255, 0, 0]
    assert colours(Heatmap((2, 2), **LOOK)) == (white, black, white)
    assert colours(Heatmap((2, 2), style="light", **LOOK)) == (white, black, white)
    paper, ink, grid = colours(Heatmap((2, 2), style="dark", **LOOK))
    assert max(paper) < 40
    assert min(ink) > 200
    assert grid == paper
    assert colours(Heatmap((2, 2), style="dark", background="red", **LOOK)) == (red, ink, grid)
    assert colours(Heatmap((2, 2), style="dark", foreground="red", **LOOK)) == (paper, red, grid)
    assert colours(Heatmap((2, 2), style="dark", grid_color="red", **LOOK)) == (paper, ink, red)


# labels that leave ticks alone, in colours that the colormap has not
TICKS: dict[str, Any] = {"row_labels": [" "] * 3, "col_labels": [" "] * 4, "cmap": "Greens"}


@pytest.mark.parametrize("location", ["left", "right", "top", "bottom"])
def test_tick_color_is_that_of_ticks_and_of_the_outline_of_the_bar_alone(location: str) -> None:
    look: dict[str, Any] = LOOK | TICKS | {"cbar": True, "cbar_location": location, "cbar_ticks": 3}
    values = np.zeros((3, 4))
    plain, red = Heatmap((3, 4), **look), Heatmap((3, 4), tick_color="red", **look)
    before, after = plain.rgb(values), red.rgb(values)
    changed = (before != after).any(2)
    assert {tuple(x) for x in after[changed].tolist()} == {(255, 0, 0)}
    assert {tuple(x) for x in before[changed].tolist()} == {(0, 0, 0)}
    # what stays black are the numbers at the bar
    black = (after == 0).all(2)
    bar = red.layout().panels[0].frame.bar
    assert bar is not None
    beside = {
        "left": np.s_[:, : int(bar.x0)],
        "right": np.s_[:, int(bar.x1) :],
        "top": np.s_[: int(bar.y0)],
        "bottom": np.s_[int(bar.y1) :],
    }[location]
    assert black.sum() == black[beside].sum() > 0
    explicit = Heatmap((3, 4), foreground="red", **look)
    np.testing.assert_array_equal(changed, (explicit.rgb(values) == (255, 0, 0)).all(2) & changed)


def test_ticks_that_change_with_the_range_have_the_tick_color_too() -> None:
    frames = np.random.default_rng(0).normal(size=(5, 3, 4))
    look: dict[str, Any] = TICKS | {"valfmt": None, "cbar": True, "autoscale": "frame"}
    red_too: dict[str, Any] = {"tick_color": "red"}
    for own in ({}, red_too, red_too | {"background": "none"}):
        for stacks in (frames, {"a": frames, "b": frames[:, ::-1]}):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                data = BytesIO()
                save_gif(data, stacks, **look, **own)
            for picture, _ in by_pillow(data.getvalue()):
                red = (np.asarray(picture)[..., :3] == (255, 0, 0)).all(2)
                assert (red.sum() > 100) == ("tick_color" in own)


def test_each_panel_has_its_own_tick_color() -> None:
    own = {"a": {"tick_color": "red"}, "b": {"tick_color": "blue"}}
    panels = Panels({"a": (3, 4), "b": (3, 4)}, options=own, **LOOK, **TICKS)
    picture = panels.rgb({"a": np.zeros((3, 4)), "b": np.zeros((3, 4))})
    colours = {tuple(x) for x in picture.reshape(-1, 3).tolist()}
    assert {(255, 0, 0), (0, 0, 255)} <= colours
    assert (0, 0, 0) in colours  # the titles


CLEAR: dict[str, Any] = {"vmin": -1, "vmax": 1, "cmap": "viridis", "background": "none"}


def rgba_by_pillow(data: bytes) -> list[npt.NDArray[np.uint8]]:
    with Image.open(BytesIO(data)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
    return frames


def rgba_by_ffmpeg(data: bytes) -> list[npt.NDArray[np.uint8]]:
    frames = []
    with av.open(BytesIO(data), "r", format="gif") as container:
        for frame in container.decode(video=0):
            assert frame.format.name == "bgra"
            plane = np.frombuffer(bytes(frame.planes[0]), np.uint8)
            bgra = plane.reshape(frame.height, frame.planes[0].line_size)[:, : 4 * frame.width]
            frames.append(bgra.reshape(frame.height, frame.width, 4)[..., [2, 1, 0, 3]])
    return frames


def assert_clear(data: bytes, heatmap: Heatmap, frames: Any, titles: Any = None) -> None:
    """Every decoder gives the heatmap's colours where they are, and nothing elsewhere."""
    for found in (rgba_by_pillow(data), rgba_by_ffmpeg(data)):
        assert len(found) == len(frames)
        for k, (picture, values) in enumerate(zip(found, frames, strict=True)):
            title = titles[k] if titles else None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                indices, rgb = heatmap.indices(values, title), heatmap.rgb(values, title)
            np.testing.assert_array_equal(picture[..., 3], np.where(indices == 0, 0, 255))
            np.testing.assert_array_equal(picture[indices > 0, :3], rgb[indices > 0])


@pytest.mark.parametrize("valfmt", [None, ".1f"])
@pytest.mark.parametrize("titled", [False, True])
def test_a_transparent_background_is_transparent_in_every_frame(
    valfmt: str | None, titled: bool
) -> None:
    frames = np.random.default_rng(0).uniform(-1, 1, (6, 5, 7))
    frames[2, 1, 1] = np.nan
    titles = [f"step {k}" for k in range(6)] if titled else None
    heatmap = Heatmap((5, 7), cbar=True, valfmt=valfmt, row_groups=2, title="Title", **CLEAR)
    file = BytesIO()
    save_gif(file, frames, heatmap=heatmap, titles=titles)
    assert_clear(file.getvalue(), heatmap, frames, titles)
    first = heatmap.indices(frames[0], titles[0] if titles else None)
    assert (first == 0).mean() > 0.2
    grid = heatmap.layout().panels[0].grid
    assert first[grid.y0[0], grid.x1[0]] == 0  # between cells
    assert first[grid.y1[1], grid.x1[0]] != 0  # between groups
    nan = heatmap.rgb(frames[2])[grid.y0[1], grid.x0[1]]
    assert nan.tolist() == [255, 255, 255]


def test_a_writer_whose_range_grows_clears_nothing_that_it_could_not_draw_again() -> None:
    frames = np.random.default_rng(0).uniform(-1, 1, (6, 5, 7)) * 4.0 ** np.arange(6)[:, None, None]
    options = {k: v for k, v in CLEAR.items() if k not in ("vmin", "vmax")}
    for more in ({"cbar": True}, {"cbar": True, "cbar_location": "left"}, {}):
        file = BytesIO()
        heatmap = Heatmap((5, 7), **options, **more)
        with GifWriter(file, autoscale="grow", heatmap=heatmap) as gif:
            for values in frames:
                gif.add(values)
        by_pillow, by_ffmpeg = rgba_by_pillow(file.getvalue()), rgba_by_ffmpeg(file.getvalue())
        assert gif.heatmap is not None
        last = gif.heatmap.rgb(frames[-1]) if "cbar" in more else None
        for one, two in zip(by_pillow, by_ffmpeg, strict=True):
            np.testing.assert_array_equal(one[..., 3], two[..., 3])
            np.testing.assert_array_equal(one[..., 3], by_pillow[0][..., 3])
        if last is not None:
            shown = by_pillow[-1][..., 3] > 0
            np.testing.assert_array_equal(by_pillow[-1][shown, :3], last[shown])


def test_a_still_with_a_transparent_background_is_a_transparent_png() -> None:
    values = np.linspace(-1, 1, 20).reshape(4, 5)
    heatmap = Heatmap((4, 5), **CLEAR)
    image = heatmap.image(values)
    file = BytesIO()
    image.save(file, "PNG")
    file.seek(0)
    with Image.open(file) as png:
        rgba = np.asarray(png.convert("RGBA"))
    indices = heatmap.indices(values)
    np.testing.assert_array_equal(rgba[..., 3], np.where(indices == 0, 0, 255))
    np.testing.assert_array_equal(rgba[indices > 0, :3], heatmap.rgb(values)[indices > 0])
    assert "transparency" not in Heatmap((4, 5), vmin=-1, vmax=1).image(values).info


def test_labels_blend_into_the_colour_that_stands_for_a_transparent_background() -> None:
    values = np.full((2, 2), np.nan)
    looks: list[tuple[dict[str, Any], list[int]]] = [
        ({"background": "none"}, [255, 255, 255]),
        ({"background": "none", "style": "dark"}, [0x16, 0x16, 0x16]),
        ({"background": "#10203000"}, [0x10, 0x20, 0x30]),
    ]
    for options, paper in looks:
        heatmap = Heatmap((2, 2), vmin=0, vmax=1, valfmt=None, **options)
        grid = heatmap.layout().panels[0].grid
        assert heatmap.indices(values)[0, 0] == 0
        picture = heatmap.rgb(values)
        assert picture[0, 0].tolist() == paper
        assert picture[grid.y0[0], grid.x0[0]].tolist() == paper
        solid = options | {"background": f"#{bytes(paper).hex()}", "grid_color": "none"}
        opaque = Heatmap((2, 2), vmin=0, vmax=1, valfmt=None, **solid)
        same = opaque.rgb(values)
        np.testing.assert_array_equal(picture[:, : grid.x0[0]], same[:, : grid.x0[0]])


# -------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("square", [True, False], ids=["square", "oblong"])
@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (1, 40), (90, 1), (5, 5)], ids=str)
def test_cells_are_large_enough_for_the_labels_that_are_given(
    shape: tuple[int, int], square: bool
) -> None:
    for turn in (None, 0, 90, 45):
        heatmap = Heatmap(
            shape, row_labels="row {}", col_labels="c {}", col_rotation=turn, square=square, **LOOK
        )
        geometry, layout = geometry_of(heatmap)
        assert layout.left_out == ()
        assert_nothing_overlaps(geometry)
        assert max(geometry.cells.width, geometry.cells.height) <= 1500


@given(
    rotation=st.floats(-180, 180),
    texts=st.tuples(st.text("abc", min_size=1), st.text("abc", min_size=1)),
    down=st.booleans(),
)
def test_labels_are_apart_from_the_distance_on(
    rotation: float, texts: tuple[str, str], down: bool
) -> None:
    typeface, _ = find_typeface(None, "abc")
    anchor = anchor_outside("left" if down else "top", rotation, 0.4)
    one, two = (Label(text, 20.0, anchor, rotation, typeface) for text in texts)
    x, y = float(not down), float(down)
    far = distance(one, two, x, y, 5.0)
    assert apart(one, two, x * far * 1.001, y * far * 1.001 + 1e-9, 5.0) or far < 1e-6
    if far > 1:
        assert not apart(one, two, x * far * 0.99, y * far * 0.99, 5.0)


def test_numbers_are_a_blank_apart_and_lines_of_them_a_fifth() -> None:
    for count in range(10, 400, 13):
        for shape in ((1, count), (count, 1)):
            geometry, _ = geometry_of(Heatmap(shape, figsize=(6, 6), **LOOK))
            labels = [p.box() for p in geometry.labels if p.label.text != "0"][1:]
            for one, two in itertools.pairwise(labels):
                gap = max(two.x0 - one.x1, (two.y0 - one.y1) * 5)
                assert gap >= 100 / 72 * 10 - 1


def test_the_lines_of_a_long_title_are_about_as_long_as_each_other() -> None:
    title = "A title that is rather longer than its picture is wide, as some are"
    geometry, _ = geometry_of(Heatmap((6, 6), title=title, **LOOK))
    assert geometry.title is not None
    label = geometry.title.label
    assert label.text.replace("\n", " ") == title
    first, second = (label._replace(text=line).box().width for line in label.lines())
    assert min(first, second) > 0.7 * max(first, second)


def test_ticks_beyond_the_range_are_told_of_once() -> None:
    ticks, told = [-9, -1, 0, 1, 4], "left out 2 of 5 cbar_ticks, which are not in the range"
    heatmap = Heatmap((2, 3), cbar=True, cbar_ticks=ticks, **LOOK)
    with pytest.warns(UserWarning, match=told):
        heatmap.rgb(np.zeros((2, 3)))
    heatmap.rgb(np.zeros((2, 3)))
    with pytest.warns(UserWarning, match=told):
        summary = save_gif(BytesIO(), np.zeros((2, 2, 3)), heatmap=heatmap)
    assert summary.left_out == ("2 of 5 cbar_ticks",)
    assert not Heatmap((2, 3), cbar=True, cbar_ticks=ticks[1:4], **LOOK).layout().beyond
    log = Heatmap((2, 3), cbar=True, cbar_ticks=[-1, 0, 1], norm="log", vmin=0.1, vmax=10)
    assert log.layout().beyond == ("2 of 3 cbar_ticks",)
    with pytest.warns(UserWarning, match="left out 1 of 2 cbar_ticks, which"):
        Panels({"a": (2, 3), "b": (2, 2)}, cbar=True, cbar_ticks=[0, 2], **LOOK).rgb(
            (np.zeros((2, 3)), np.zeros((2, 2)))
        )
    own = {"b": {"cbar": True, "cbar_ticks": [0, 2]}}
    assert Panels({"a": (2, 3), "b": (2, 2)}, options=own, **LOOK).layout().beyond == (
        "1 of 2 cbar_ticks of panel 'b'",
    )


@pytest.mark.parametrize("location", ["left", "right", "top", "bottom"])
@pytest.mark.parametrize("shape", [(6, 8), (1, 40), (40, 1), (3, 200), (100, 100)])
def test_a_bar_is_not_far_from_the_cells_whatever_their_number(
    shape: tuple[int, int], location: str
) -> None:
    sides: dict[str, Any] = {
        "row_side": "right" if location == "left" else "left",
        "col_side": "bottom" if location == "top" else "top",
    }
    layout = Heatmap(
        shape, vmin=0, vmax=1, valfmt=None, cbar=True, cbar_location=location, **sides
    ).layout()
    cells, bar = layout.panels[0].frame.cells, layout.panels[0].frame.bar
    assert bar is not None
    gap = {
        "left": cells.x0 - bar.x1,
        "right": bar.x0 - cells.x1,
        "top": cells.y0 - bar.y1,
        "bottom": bar.y0 - cells.y1,
    }[location]
    point = 100 / 72
    # as far as with a line of labels between, with their ticks and pads
    assert 5 * point < gap < (3.5 + 3.5 + 10 * 1.2 + 4) * point


def test_numbers_of_very_many_rows_are_those_of_their_range() -> None:
    labels = Labels(range(2_000_000))
    assert [labels.text(k) for k in (0, 12, 1_999_999)] == ["0", "12", "1999999"]
    heatmap = Heatmap((2_000_000, 1), vmin=0, vmax=1)
    shown = [placed.label.text for placed in geometry_of(heatmap)[0].labels][:3]
    assert shown == ["0", "50000", "100000"]


def test_labels_for_more_rows_than_there_are_number_the_first() -> None:
    look: dict[str, Any] = {"vmin": 0, "vmax": 1}
    wanted = Heatmap((3, 3), row_labels=3, **look).rgb(np.eye(3))
    np.testing.assert_array_equal(
        Heatmap((3, 3), row_labels=10**400, **look).rgb(np.eye(3)), wanted
    )


def test_labels_that_are_arrays_of_one_value_are_written_as_it() -> None:
    class Item:  # as an array of xarray or a tensor gives its own
        ndim = 0

        def __init__(self, value: object) -> None:
            self.value = value

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            return np.array(self.value, dtype)

        def __str__(self) -> str:
            return f"<Item>\n{self.value}"

    wanted = ["ab", "7", "0.1", "2024-05-06"]
    labels = ["ab", 7, np.float32(0.1), np.datetime64("2024-05-06")]
    matrix, items = np.eye(4), [Item(label) for label in labels]
    plain = Heatmap((4, 4), row_labels=wanted, col_labels=wanted).rgb(matrix)
    for each in (labels, items):
        drawn = Heatmap((4, 4), row_labels=each, col_labels=each).rgb(matrix)
        np.testing.assert_array_equal(drawn, plain)


def test_what_never_changes_is_drawn_where_pillow_draws_into_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options: dict[str, Any] = {"vmin": 0, "vmax": 1, "title": "a title", "row_labels": "row {}"}
    expected = Heatmap((3, 4), **options).layout().background

    def copied(mode: str, size: tuple[int, int], data: bytearray, *args: Any) -> Image.Image:
        return Image.frombytes(mode, size, bytes(data), *args)

    monkeypatch.setattr(Image, "frombuffer", copied)
    assert np.array_equal(Heatmap((3, 4), **options).layout().background, expected)
