"""Panels: each looks like a heatmap of its own, in one figure, one palette and one file."""

from __future__ import annotations

import io
import itertools
import json
import math
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
from compiled import compiled
from decoders import assert_lossless, by_ffmpeg, by_pillow
from gif_info import read_info
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import fastheat
from fastheat import GifWriter, Heatmap, Panels, load_frames, save_gif
from fastheat.cli import main
from fastheat.figure import arrangement
from fastheat.layout import build
from fastheat.layout.arrange import (
    Places,
    Sizes,
    Tile,
    arrange,
    grids,
    largest,
    least_white,
    stacks,
)
from fastheat.pipeline import resume
from fastheat.render import encode
from fastheat.render.kernels.images import join_runs
from fastheat.render.kernels.lists import Lists
from fastheat.render.kernels.runs import new_runs
from fastheat.style.colors.colors import delta_e_2000, srgb_to_lab
from fastheat.tables import TRANSPARENT

Piece = tuple[int, int, npt.NDArray[np.int64]]  # left, top and pixels
Stacks = dict[str, npt.NDArray[Any]]

SHAPES = {"encoder": (6, 4), "decoder": (4, 6), "bias": (1, 7)}
LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "options": {"bias": {"valfmt": None}}}


def history(shapes: dict[str, tuple[int, int]] = SHAPES, frames: int = 7) -> Stacks:
    """Return matrices of which some cells change in each frame."""
    rng = np.random.default_rng(len(shapes))
    steps = {name: rng.normal(0, 0.2, (frames, *shape)) for name, shape in shapes.items()}
    return {
        name: np.cumsum(step * (rng.random(step.shape) < 0.3), axis=0)
        for name, step in steps.items()
    }


def frame(stacks: Stacks, number: int) -> dict[str, Any]:
    return {name: stack[number] for name, stack in stacks.items()}


def written(frames: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        save_gif(file, frames, **options)
    return file.getvalue()


def recorded(stacks: Stacks, **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with GifWriter(file, **options) as writer:
            for number in range(len(next(iter(stacks.values())))):
                writer.add(frame(stacks, number))
    return file.getvalue()


# -------------------------------------------------------------------------------------- any panels

looks = st.fixed_dictionaries(
    {},
    optional={
        "valfmt": st.sampled_from(["{x:.2f}", ".1e", None, lambda x: f"{x:.0%}"]),
        "cmap": st.sampled_from(["YlGn", "flag", "gray", "hsv", "RdBu_r", "tab10"]),
        "vmin": st.sampled_from([-1.0, -0.1]),
        "vmax": st.sampled_from([0.0, 0.5]),
        "cbar": st.booleans(),
        "grid_width": st.sampled_from([0, 1, 3]),
        "row_labels": st.sampled_from(["auto", None, "row {}"]),
        "col_labels": st.sampled_from(["auto", None, "column {}"]),
        "title": st.sampled_from(["", "own"]),
        "threshold": st.floats(-1, 1),
        "bad": st.sampled_from(["red", "0.5"]),
        "foreground": st.sampled_from(["black", "navy"]),
        "row_groups": st.just(2),
    },
)
wholes = st.fixed_dictionaries(
    {"dpi": st.sampled_from([50, 72, 100])},
    optional={
        "columns": st.integers(1, 4),
        "figsize": st.tuples(st.floats(9, 14), st.floats(9, 14)),
        "share_range": st.booleans(),
        "title": st.sampled_from(["", "All", "Two\nlines"]),
        "background": st.sampled_from(["white", "#eee"]),
        "style": st.sampled_from(["light", "dark"]),
    },
)
values = st.one_of(st.floats(-1, 1), st.sampled_from([math.nan, math.inf, 0.0, -0.0, 1e9]))


@st.composite
def panels(draw: st.DrawFn) -> tuple[Panels, Stacks]:
    count = draw(st.integers(1, 4))
    sides = st.tuples(st.integers(1, 6), st.integers(1, 6))
    shapes = {f"panel {k}": draw(sides) for k in range(count)}
    own = {name: draw(looks) for name in shapes}
    whole: dict[str, Any] = draw(wholes)
    side = draw(st.sampled_from([None, "left", "top", "bottom"]))
    if side is not None:  # one bar for all, if they are alike
        whole |= {"cbar": True, "cbar_location": side, "share_range": True}
        own = {name: {**own["panel 0"], "cbar": True} for name in shapes}
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    few = draw(st.lists(values, min_size=2, max_size=6))
    stacks: Stacks = {}
    for name, shape in shapes.items():
        kind = draw(st.sampled_from([np.float64, np.float32]))
        frames = [random.choice(few, shape)]
        for _ in range(4):
            change = random.random(shape) < draw(st.sampled_from([0.0, 0.2, 1.0]))
            frames.append(np.where(change, random.choice(few, shape), frames[-1]))
        stacks[name] = np.stack(frames).astype(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return Panels(shapes, options=own, **whole), stacks


@given(panels(), st.booleans())
@settings(max_examples=25)
def test_every_decoder_gives_back_the_still_of_each_frame(
    given: tuple[Panels, Stacks], titled: bool
) -> None:
    heatmap, stacks = given
    titles = [f"step {k}" * k for k in range(5)] if titled else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        heatmap = heatmap.completed((0.0, 1.0) * len(stacks))
        stills = [heatmap.rgb(frame(stacks, k), titles[k] if titles else None) for k in range(5)]
    assert_lossless(written(stacks, heatmap=heatmap, titles=titles), stills)


def test_bytes_do_not_depend_on_threads_chunks_or_the_way_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stacks = history(frames=40)
    expected = written(stacks, **LOOK)
    assert written(stacks, **LOOK, workers=3) == expected
    assert recorded(stacks, **LOOK) == expected
    assert recorded(stacks, **LOOK, background=False) == expected
    for length in (1, 3):
        monkeypatch.setattr("fastheat.save.chunk_length", lambda _, length=length: length)
        assert written(stacks, **LOOK) == expected


# --------------------------------------------------------------------------------- how they look


def tile(heatmap: Heatmap) -> Tile:
    cells = heatmap.layout().panels[0].frame.cells
    return Tile(*heatmap.size, round(cells.x0), round(cells.y0))


@pytest.mark.parametrize("options", [{}, {"valfmt": None}, {"cbar": True, "share_cbar": False}])
def test_a_panel_looks_as_a_heatmap_of_its_own(options: dict[str, Any]) -> None:
    stacks = history()
    heatmap = Panels(SHAPES, vmin=-1, vmax=1, cmap="gray", columns=2, **options)
    picture = heatmap.rgb(frame(stacks, 3))
    options.pop("share_cbar", None)
    alone = [
        Heatmap(shape, vmin=-1, vmax=1, cmap="gray", title=name, **options)
        for name, shape in SHAPES.items()
    ]
    single = [each.rgb(stacks[name][3]) for name, each in zip(SHAPES, alone, strict=True)]
    places = arrange([tile(each) for each in alone], 2)
    assert picture.shape == (places.height, places.width, 3)
    rest = np.ones(picture.shape[:2], bool)
    for (x, y), own in zip(places.corners, single, strict=True):
        part = picture[y : y + own.shape[0], x : x + own.shape[1]]
        rest[y : y + own.shape[0], x : x + own.shape[1]] = False
        # the panels share palette entries for the shades between fills and texts
        away = delta_e_2000(srgb_to_lab(part), srgb_to_lab(own))
        assert away.max() < 6
        assert (away == 0).mean() > (0.97 if "valfmt" not in options else 0.999)
    assert (picture[rest] == 255).all()


def test_panels_stand_in_rows_of_so_many_columns() -> None:
    shapes = {str(k): (2, 3) for k in range(5)}
    grids = [part.grid for part in Panels(shapes, vmin=0, vmax=1, columns=3).layout().panels]
    assert len({int(grid.x0[0]) for grid in grids}) == 3
    assert grids[0].y0[0] == grids[2].y0[0] < grids[3].y0[0]
    assert grids[0].x0[0] == grids[3].x0[0] < grids[1].x0[0]


tiles = st.builds(Tile, *[st.integers(20, 900)] * 2, *[st.integers(0, 20)] * 2)


def overlap(places: Places, sizes: list[Tile]) -> bool:
    taken = np.zeros((places.height, places.width), int)
    for (x, y), each in zip(places.corners, sizes, strict=True):
        assert min(x, y) >= 0
        part = taken[y : y + each.height, x : x + each.width]
        assert part.shape == (each.height, each.width)
        part += 1
    return bool((taken > 1).any())


@given(st.lists(tiles, min_size=1, max_size=7))
@settings(max_examples=40)
def test_panels_are_in_no_ones_way_and_begin_in_lines(sizes: list[Tile]) -> None:
    for order in [*grids(sizes), *stacks(sizes)]:
        places = arrange(sizes, order)
        assert not overlap(places, sizes)
        starts = [(x + t.left, y + t.top) for (x, y), t in zip(places.corners, sizes, strict=True)]
        if isinstance(order, int):
            assert all(len({x for x, _ in starts[k::order]}) == 1 for k in range(order))
            rows = [starts[k : k + order] for k in range(0, len(sizes), order)]
            assert all(len({y for _, y in row}) == 1 for row in rows)
        else:
            assert sum(order) == len(sizes)
            ends = np.cumsum(order).tolist()
            columns = [starts[e - n : e] for n, e in zip(order, ends, strict=True)]
            assert all(len({x for x, _ in column}) == 1 for column in columns)
            assert len({column[0][1] for column in columns}) == 1


def framed(width: int, height: int) -> float:
    """Return the area of the smallest figure of 3 : 2 to 16 : 9 around a box."""
    return max(width, 1.5 * height) * max(height, width * 9 / 16)


@given(st.lists(tiles, min_size=1, max_size=7))
@settings(max_examples=40)
def test_no_number_of_columns_leaves_less_white_than_the_default(sizes: list[Tile]) -> None:
    best = arrange(sizes, least_white(sizes))
    for columns in range(1, len(sizes) + 1):
        other = arrange(sizes, columns)
        assert framed(best.width, best.height) <= framed(other.width, other.height)


def test_default_columns_come_near_to_three_by_two() -> None:
    assert least_white([Tile(100, 100)] * 6) == 3
    assert least_white([Tile(1000, 50)] * 4) == 1
    assert least_white([Tile(100, 900)] * 4) == 4
    # a tall panel would waste the room beneath the others in its row
    assert least_white([*[Tile(100, 100)] * 6, Tile(100, 300)]) == (3, 3, 1)


@given(
    st.lists(st.tuples(*[st.integers(1, 70)] * 2), min_size=1, max_size=6),
    st.tuples(*[st.integers(300, 1500)] * 2),
)
@settings(max_examples=40)
def test_cells_are_the_largest_that_fit(shapes: list[tuple[int, int]], room: Any) -> None:
    def sized(side: float) -> list[Tile]:
        return [Tile(int(40 + m * side), int(30 + n * side)) for n, m in shapes]

    found = largest(sized, room, 2000.0)
    assert (found is None) == all(
        places.width > room[0] or places.height > room[1]
        for places in (arrange(sized(0), order) for order in [*grids(sized(0)), *stacks(sized(0))])
    )
    if found is None:
        return
    side, order = found
    places = arrange(sized(side), order)
    assert places.width <= room[0]
    assert places.height <= room[1]
    for columns in range(1, len(shapes) + 1):
        places = arrange(sized(1.1 * side + 1e-3), columns)
        assert places.width > room[0] or places.height > room[1]


def cells_of(heatmap: Panels) -> dict[str, tuple[float, float]]:
    """Return the width and height of the cells of each panel."""
    layout = heatmap.layout()
    boxes = {part.name: (part.frame.cells, part.shape) for part in layout.panels}
    return {name: (box.width / m, box.height / n) for name, (box, (n, m)) in boxes.items()}


MIXED = {**{f"p{k}": (6, 8) for k in range(6)}, "long": (30, 4), "thin": (1, 10)}
WEIGHTS = {"a": (64, 64), "bias": (1, 64), "c": (10, 64), "s": (1, 1)}


@pytest.mark.parametrize(
    ("shapes", "figsize", "columns"),
    [
        (MIXED, (12, 8), None),
        (MIXED, (12, 8), 4),
        (WEIGHTS, (10, 6), None),
        (WEIGHTS, (10, 6), 2),
        ({"a": (64, 32), "b": (32, 64), "bias": (1, 64)}, (11, 8), None),
    ],
)
@pytest.mark.parametrize("cbar", [False, True])
def test_cells_of_a_figsize_are_of_one_size(
    shapes: dict[str, tuple[int, int]], figsize: Any, columns: int | None, cbar: bool
) -> None:
    heatmap = Panels(
        shapes, vmin=0, vmax=1, figsize=figsize, columns=columns, valfmt=None, cbar=cbar
    )
    assert heatmap.size == (100 * figsize[0], 100 * figsize[1])
    found = cells_of(heatmap)
    first = found[next(iter(shapes))]
    line = 2.2 * 10 * 100 / 72  # px
    for name, (n, m) in shapes.items():
        wide, high = found[name]
        if (wide, high) != pytest.approx(first):  # else it would be a line or a dot
            assert min(n * first[0], m * first[0]) < line
            assert wide == pytest.approx(first[0]) or max(n * high, m * wide) < 1.01 * line
            assert min(n * high, m * wide) <= line
        assert min(n * high, m * wide) > line / 2
    boxes = [part.frame.cells for part in heatmap.layout().panels]
    taken = max(box.x1 for box in boxes) - min(box.x0 for box in boxes)
    tall = max(box.y1 for box in boxes) - min(box.y0 for box in boxes)
    assert taken > 0.8 * heatmap.size[0] or tall > 0.8 * heatmap.size[1]


def test_columns_beyond_all_panels_are_one_row() -> None:
    frame = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    row, beyond = (
        Panels(SHAPES, vmin=0, vmax=1, columns=columns).rgb(frame)
        for columns in (len(SHAPES), 10**30)
    )
    assert (row == beyond).all()


def test_cells_that_are_not_square_take_what_is_left() -> None:
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "valfmt": None, "figsize": (12, 5), "columns": 2}
    square = cells_of(Panels({"a": (9, 9), "b": (9, 6)}, **look))
    free = cells_of(Panels({"a": (9, 9), "b": (9, 6)}, square=False, **look))
    assert square["a"] == square["b"]
    assert free["a"] == free["b"]
    assert free["a"][0] > 1.5 * square["a"][0]
    assert free["a"][1] >= square["a"][1]


@pytest.mark.parametrize(("figsize", "name"), [((9, 5), "w"), ((6, 5), "a name of some length")])
def test_titles_of_panels_are_of_one_size(figsize: Any, name: str) -> None:
    shapes = {"a": (40, 40), "b": (1, 1), "c": (1, 40)}
    look: dict[str, Any] = {"row_labels": None, "col_labels": None, "valfmt": None}
    heatmap = Panels(
        shapes,
        title="",
        figsize=figsize,
        options={each: {"title": name} for each in shapes},
        vmin=0,
        vmax=1,
        **look,
    )
    picture = heatmap.rgb({each: np.zeros(shape) for each, shape in shapes.items()})
    found = []
    for part in heatmap.layout().panels:
        cells = part.frame.cells
        middle, top = int(cells.x0 + cells.x1) // 2, int(cells.y0)
        above = (picture[top - 40 : top, max(0, middle - 100) : middle + 100] < 128).all(-1)
        rows, columns = np.nonzero(above)
        found.append((np.ptp(rows), np.ptp(columns)))
    assert max(np.ptp(found, axis=0)) <= 1


@pytest.mark.parametrize("shapes", [MIXED, {f"{k}": (16, 8 * k) for k in (1, 2, 3)}])
def test_rows_of_panels_begin_at_one_height(shapes: dict[str, tuple[int, int]]) -> None:
    own: dict[str, Any] = {next(iter(shapes)): {"col_labels": "a long name {}"}}
    layout = Panels(shapes, columns=3, vmin=0, vmax=1, options=own).layout()
    tops = [int(part.grid.y0[0]) for part in layout.panels]
    assert all(len(set(tops[k : k + 3])) == 1 for k in range(0, len(tops), 3))


@pytest.mark.parametrize("valfmt", ["{x:.2f}", None])
def test_pictures_of_ordinary_models_are_usable(valfmt: str | None) -> None:
    layers = {
        "fc1.weight": (32, 20),
        "fc1.bias": (1, 32),
        "fc2.weight": (32, 32),
        "fc2.bias": (1, 32),
        "fc3.weight": (10, 32),
        "fc3.bias": (1, 10),
    }
    for shapes in (layers, MIXED, WEIGHTS, {f"head {k}": (16, 16) for k in range(12)}):
        heatmap = Panels(shapes, vmin=0, vmax=1, valfmt=valfmt)
        width, height = heatmap.size
        # wider only where numbers could not be read otherwise
        assert 700 < max(width, height) <= (2400 if valfmt else 1500)
        assert all(part.sizes for part in heatmap.layout().panels) or not valfmt
        assert 1 < width / height < 2.2
        cells = sum(
            part.frame.cells.width * part.frame.cells.height for part in heatmap.layout().panels
        )
        assert cells > 0.33 * width * height


def test_numbers_at_the_bar_that_are_longer_than_most_have_room_in_a_figsize() -> None:
    look: dict[str, Any] = {"figsize": (8, 4), "cbar": True, "share_cbar": False, "valfmt": None}
    heatmap = Panels({"a": (9, 9), "b": (9, 9)}, cbar_format=",.3f", **look)
    picture = heatmap.image({"a": np.full((9, 9), 1.0), "b": np.eye(9) * 1e9})
    assert picture.size == (800, 400)


def test_large_panels_keep_to_a_reasonable_picture() -> None:
    shapes = {str(k): (64, 64) for k in range(6)}
    assert max(Panels(shapes, vmin=0, vmax=1).size) <= 2400


def test_the_title_stands_above_all_and_follows_the_frames(tmp_path: Path) -> None:
    stacks = history()
    with GifWriter(tmp_path / "a.gif", title="step {step}", **LOOK) as writer:
        for number in range(7):
            writer.add(frame(stacks, 0), step=number)
    pictures = [picture for picture, _ in by_pillow((tmp_path / "a.gif").read_bytes())]
    assert len(pictures) == 7
    assert writer.heatmap is not None
    first = min(int(part.grid.y0[0]) for part in writer.heatmap.layout().panels)
    for old, new in itertools.pairwise(pictures):
        rows = np.flatnonzero((old != new).any((1, 2)))
        assert len(rows)
        assert rows.max() < first - 20


# ------------------------------------------------------------------------------------------ colours


@pytest.mark.parametrize(
    "maps", [("viridis", "RdBu"), ("YlGn", "magma"), ("gray", "Blues", "coolwarm")]
)
def test_fills_of_several_maps_stay_within_one_of_matplotlibs(maps: tuple[str, ...]) -> None:
    shapes = dict.fromkeys(maps, (16, 16))
    options = {name: {"cmap": name} for name in maps}
    heatmap = Panels(shapes, vmin=0, vmax=1, options=options, grid_width=0)
    ramp = ((np.arange(256) + 0.5) / 256).reshape(16, 16)
    picture = heatmap.rgb(dict.fromkeys(maps, ramp))
    for part, name in zip(heatmap.layout().panels, maps, strict=True):
        found = picture[part.grid.y0[:, None], part.grid.x0[None]]
        wanted = matplotlib.colormaps[name](ramp, bytes=True)[..., :3]
        assert delta_e_2000(srgb_to_lab(found), srgb_to_lab(wanted)).max() <= 1.0


def test_fills_that_do_not_fit_are_the_nearest_and_told_of_once() -> None:
    maps = ("hsv", "flag", "prism")
    shapes = dict.fromkeys(maps, (16, 16))
    options = {name: {"cmap": name, "valfmt": None} for name in maps}
    ramp = ((np.arange(256) + 0.5) / 256).reshape(1, 16, 16)
    with pytest.warns(UserWarning, match="256 colours have no room for") as told:
        save_gif(io.BytesIO(), dict.fromkeys(maps, ramp), vmin=0, vmax=1, options=options)
    assert len(told) == 1
    heatmap = Panels(shapes, vmin=0, vmax=1, options=options)
    with pytest.warns(UserWarning, match="up to"):
        picture = heatmap.rgb(dict.fromkeys(maps, ramp[0]))
    for part, name in zip(heatmap.layout().panels, maps, strict=True):
        found = picture[part.grid.y0[:, None], part.grid.x0[None]]
        wanted = matplotlib.colormaps[name](ramp[0], bytes=True)[..., :3]
        assert delta_e_2000(srgb_to_lab(found), srgb_to_lab(wanted)).max() < 12


def test_panels_of_one_map_share_its_colours() -> None:
    one = Panels({"a": (3, 3)}, vmin=0, vmax=1).layout().colors
    four = Panels(dict.fromkeys("abcd", (3, 3)), vmin=0, vmax=1).layout().colors
    assert one == four


# ---------------------------------------------------------------------------------- ranges and bars


def test_each_panel_has_the_range_of_its_own_values() -> None:
    stacks = history()
    summary = save_gif(io.BytesIO(), stacks)
    assert summary.ranges == {name: (stack.min(), stack.max()) for name, stack in stacks.items()}
    assert summary.vmin == min(stack.min() for stack in stacks.values())


def test_a_shared_range_is_that_of_all_that_have_none_of_their_own() -> None:
    stacks = history()
    summary = save_gif(
        io.BytesIO(), stacks, share_range=True, options={"bias": {"vmin": -9, "vmax": 9}}
    )
    both = np.concatenate([stacks["encoder"].ravel(), stacks["decoder"].ravel()])
    assert summary.ranges["bias"] == (-9, 9)
    assert summary.ranges["encoder"] == summary.ranges["decoder"] == (both.min(), both.max())


def test_values_beyond_their_panels_range_are_counted() -> None:
    stacks = history()
    with pytest.warns(UserWarning, match="values? below the vmin of their panel"):
        summary = save_gif(io.BytesIO(), stacks, vmin=-0.1, vmax=9)
    assert summary.under == sum(int((stack < -0.1).sum()) for stack in stacks.values())


def bars(heatmap: Panels) -> int:
    """Return the number of colour bars: columns with cell colours outside all cells."""
    layout = heatmap.layout()
    filled = np.isin(layout.background, np.unique(layout.panels[0].shades.ramps[:, 0])[:-1])
    for part in layout.panels:
        grid = part.grid
        filled[grid.y0[0] : grid.y1[-1], grid.x0[0] : grid.x1[-1]] = False
    # counts the left edge of each bar
    rows = filled.sum(1)
    row = filled[int(np.flatnonzero(rows == rows.max())[0])]
    return int((np.diff(row.astype(int), prepend=0) == 1).sum())


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"vmin": -1, "vmax": 1}, 1),
        ({"vmin": -1, "vmax": 1, "share_cbar": False}, 2),
        ({"options": {"a": {"vmin": 0, "vmax": 1}, "b": {"vmin": 0, "vmax": 2}}}, 2),
    ],
)
def test_one_bar_stands_for_panels_of_one_map_and_range(options: Any, count: int) -> None:
    look: dict[str, Any] = {"cmap": "Blues", "cbar": True, "valfmt": None, "columns": 2}
    assert bars(Panels({"a": (5, 5), "b": (5, 5)}, **look, **options)) == count


@pytest.mark.parametrize("more", [{}, {"figsize": (8, 5)}, {"background": "none"}])
@pytest.mark.parametrize("side", ["right", "left", "top", "bottom"])
def test_the_bar_of_all_panels_stands_where_that_of_a_heatmap_does(
    side: str, more: dict[str, Any]
) -> None:
    look: dict[str, Any] = {"cmap": "Blues", "cbar": True, "vmin": -1, "vmax": 1, "valfmt": None}
    look |= {"cbar_location": side, "cbar_label": "weight", "cbar_ticks": [-0.5, 0.25], **more}
    shapes = {"a": (5, 3), "b": (2, 6), "c": (1, 4)}
    layout = Panels(shapes, columns=2, **look).layout()
    fills = np.unique(layout.panels[0].shades.ramps[:, 0])[:-1]
    cells = np.isin(layout.background, fills)
    rest = layout.background != layout.background[0, 0]
    x0, x1, y0, y1 = (
        f(getattr(part.grid, name).flat[at] for part in layout.panels)
        for f, name, at in ((min, "x0", 0), (max, "x1", -1), (min, "y0", 0), (max, "y1", -1))
    )
    beyond: Any = {
        "right": np.s_[:, x1:],
        "left": np.s_[:, :x0],
        "top": np.s_[:y0],
        "bottom": np.s_[y1:],
    }[side]
    bar = np.zeros_like(cells)
    bar[beyond] = cells[beyond]
    ys, xs = np.nonzero(bar)
    width, height = layout.size
    # as long as all panels together, with colours in the order of the values
    length, most = (np.ptp(ys), y1 - y0) if side in ("right", "left") else (np.ptp(xs), x1 - x0)
    assert length > 0.9 * most
    middle = (ys.min() + ys.max()) // 2, (xs.min() + xs.max()) // 2
    line = (
        layout.background[:, middle[1]]
        if side in ("right", "left")
        else layout.background[middle[0]]
    )
    line = line[np.isin(line, fills)]
    levels = layout.panels[0].shades.ramps[:, 0].tolist()
    order = [levels.index(index) for index in dict.fromkeys(line.tolist())]
    assert order == sorted(order, reverse=side in ("right", "left"))
    # the ticks, their two labels and the label of the bar are on its outer side
    outside = {
        "right": rest[:, xs.max() + 3 :],
        "left": rest[:, : xs.min() - 2],
        "top": rest[: ys.min() - 2],
        "bottom": rest[ys.max() + 3 :],
    }[side]
    ink = np.flatnonzero(outside.any(1 if side in ("top", "bottom") else 0))
    assert len(ink) > 20
    assert ink[0] == 0 or ink[-1] == len(outside.any(1 if side in ("top", "bottom") else 0)) - 1
    assert 0 < xs.min() <= xs.max() < width - 1
    assert 0 < ys.min() <= ys.max() < height - 1


def test_bars_that_differ_are_not_one() -> None:
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "cbar": True}
    for own in ({"cbar_location": "left"}, {"cbar_ticks": 3}, {"cbar_format": ".1f"}):
        with pytest.raises(ValueError, match=r"expected share_cbar=True with .* alike"):
            Panels(SHAPES, options={"bias": own}, share_cbar=True, **look)
    assert (
        Panels(SHAPES, cbar_format=".1f", **look).layout().size[0]
        < (Panels(SHAPES, cbar_format=".1f", share_cbar=False, **look).layout().size[0])
    )


def test_a_range_that_grows_keeps_the_cells_where_they_are(tmp_path: Path) -> None:
    stacks = history(frames=30)
    path = tmp_path / "grows.gif"
    shared = [
        {"cbar": True, "share_range": True, "cbar_location": side}
        for side in ("right", "left", "top", "bottom")
    ]
    every: list[dict[str, Any]] = [{}, *shared, {"cbar": True, "figsize": (9, 7)}]
    for options in every:
        with GifWriter(path, autoscale="grow", **options) as writer:
            for number in range(30):
                writer.add(frame(stacks, number))
        assert writer.summary is not None
        assert writer.summary.under == writer.summary.over == 0
        for name, (low, high) in writer.summary.ranges.items():
            assert low <= stacks[name].min()
            assert high >= stacks[name].max()
        assert isinstance(writer.heatmap, Panels)
        title = None if options else writer.heatmap.range_text
        still = writer.heatmap.rgb(frame(stacks, 29), title)
        np.testing.assert_array_equal(by_pillow(path.read_bytes())[-1][0], still)
        assert len(by_ffmpeg(path.read_bytes())) > 20


# -------------------------------------------------------------------------------------- the frames


def dumped(stacks: Stacks, path: Path) -> Path:
    path.write_bytes(pickle.dumps(stacks))
    return path


def dumped_in_turn(stacks: Stacks, path: Path) -> Path:
    with path.open("wb") as file:
        for number in range(7):
            pickle.dump(frame(stacks, number), file)
    return path


def zipped(stacks: Stacks, path: Path) -> Path:
    named: Any = stacks
    np.savez(path.with_suffix(".npz"), **named)
    return path.with_suffix(".npz")


@pytest.mark.parametrize(
    "form",
    [
        lambda stacks, _: {name: list(stack) for name, stack in stacks.items()},
        lambda stacks, _: [frame(stacks, k) for k in range(7)],
        lambda stacks, _: (frame(stacks, k) for k in range(7)),
        lambda stacks, path: dumped(stacks, path / "w.pkl"),
        lambda stacks, path: dumped(
            [frame(stacks, k) for k in range(7)],  # type: ignore[arg-type]
            path / "w.pkl",
        ),
        lambda stacks, path: dumped_in_turn(stacks, path / "w.pkl"),
        lambda stacks, path: zipped(stacks, path / "w"),
        lambda stacks, path: load_frames(zipped(stacks, path / "w")),
    ],
)
def test_frames_of_any_form_make_the_same_file(
    form: Callable[[Stacks, Path], Any], tmp_path: Path
) -> None:
    shapes = {"encoder": (40, 30), "decoder": (30, 40)}  # large enough to stay in the pickle file
    stacks = history(shapes)
    look: dict[str, Any] = {"vmin": -1, "vmax": 1, "valfmt": None}
    assert written(form(stacks, tmp_path), **look) == written(stacks, **look)


@pytest.mark.parametrize("kind", [tuple, list])
def test_frames_without_names_are_in_the_order_of_the_panels(kind: Any) -> None:
    stacks = history()
    heatmap = Panels(SHAPES, **LOOK)
    frames = [kind(frame(stacks, k).values()) for k in range(7)]
    backwards = dict(reversed(stacks.items()))
    expected = written(stacks, heatmap=heatmap)
    assert written(frames, heatmap=heatmap) == expected
    assert written(iter(frames), heatmap=heatmap) == expected
    assert written(backwards, heatmap=heatmap) == expected


def test_one_panel_takes_its_matrices_alone() -> None:
    stacks = {"w": history()["encoder"]}
    heatmap = Panels({"w": (6, 4)}, vmin=-1, vmax=1)
    assert written(stacks["w"], heatmap=heatmap) == written(stacks, heatmap=heatmap)


def test_dtypes_stay_those_of_each_panel() -> None:
    stacks: Stacks = {"a": np.arange(6).reshape(1, 2, 3), "b": np.full((1, 2, 2), 0.1, np.float32)}
    heatmap = Panels({"a": (2, 3), "b": (2, 2)}, vmin=0, vmax=5, options={"a": {"valfmt": "d"}})
    picture = heatmap.rgb(frame(stacks, 0))
    assert_lossless(written(stacks, heatmap=heatmap), [picture])


def test_an_error_in_a_later_frame_leaves_those_before() -> None:
    stacks = history()

    def frames() -> Iterator[dict[str, Any]]:
        yield frame(stacks, 0)
        yield frame(stacks, 1)
        yield {"encoder": np.zeros((2, 2)), "decoder": np.zeros((4, 6)), "bias": np.zeros((1, 7))}

    file = io.BytesIO()
    expected = "panel 'encoder': frame 2 has shape (2, 2), expected (6, 4)"
    with pytest.raises(ValueError, match=re.escape(expected)):
        save_gif(file, frames(), **LOOK)
    assert len(by_pillow(file.getvalue())) == 2


def test_a_writer_copies_what_it_is_given() -> None:
    stacks = history()
    file = io.BytesIO()
    buffers = {name: np.empty(shape) for name, shape in SHAPES.items()}
    with GifWriter(file, **LOOK) as writer:
        for number in range(7):
            for name, buffer in buffers.items():
                buffer[:] = stacks[name][number]
            assert writer.add(buffers)
            for buffer in buffers.values():
                buffer.fill(7)
    assert file.getvalue() == written(stacks, **LOOK)


def test_a_file_of_panels_is_gone_on_with(tmp_path: Path) -> None:
    stacks = history(frames=9)
    path = tmp_path / "weights.gif"
    for part in (range(4), range(4, 9)):
        with GifWriter(path, mode="a", **LOOK) as writer:
            for number in part:
                writer.add(frame(stacks, number))
    heatmap = Panels(SHAPES, **LOOK)
    assert_lossless(path.read_bytes(), [heatmap.rgb(frame(stacks, k)) for k in range(9)])
    before = path.read_bytes()
    for options, what in [
        ({**LOOK, "columns": 1}, "size"),
        ({**LOOK, "vmax": 2}, "vmax"),
        ({**LOOK, "cmap": "magma"}, "colors"),
        ({"heatmap": Panels({"encoder": (6, 4)}, vmin=-1, vmax=1)}, "shape"),
        ({"heatmap": Heatmap((6, 4), vmin=-1, vmax=1)}, "shape"),
    ]:
        with pytest.raises(ValueError, match=f"expected (the )?{what}"):
            GifWriter(path, mode="a", **options)
    assert path.read_bytes() == before
    with GifWriter(path, mode="a", **LOOK) as writer, pytest.raises(ValueError, match="has keys"):
        writer.add({"encoder": np.zeros((6, 4))})


# --------------------------------------------------------------------- cost in proportion to change


def test_one_changed_cell_takes_an_image_of_its_cell(tmp_path: Path) -> None:
    first = {name: np.zeros((2, *shape)) for name, shape in SHAPES.items()}
    first["decoder"][1, 2, 3] = 1
    first["bias"][1, 0, 0] = 0
    heatmap = Panels(SHAPES, vmin=-1, vmax=1, valfmt=None, grid_width=1)
    info = read_info(io.BytesIO(written(first, heatmap=heatmap)))
    grid = heatmap.layout().panels[1].grid
    x, y, width, height = info.frames[1].box
    assert (x, y) == (grid.x0[3], grid.y0[2])
    assert (width, height) == (grid.x1[3] - grid.x0[3], grid.y1[2] - grid.y0[2])
    assert info.frames[1].length < 100


@st.composite
def parts(draw: st.DrawFn) -> list[Piece]:
    """Draw rectangles of random pixels in the cells of a grid, from left to right."""
    found = []
    for column, row in itertools.product(range(3), range(2)):
        width, height = draw(st.integers(0, 4)), draw(st.integers(1, 4))
        left = 6 * column + draw(st.integers(0, 2))
        top = 5 * row + draw(st.integers(0, 1))
        pixels = draw(st.integers(0, 2**32 - 1))
        picture = np.random.default_rng(pixels).integers(0, 3, (height, width))
        found.append((left, top, picture))
    if draw(st.booleans()):  # alone in rows as wide as all
        found.append(
            (0, 10, np.random.default_rng(draw(st.integers(0, 9))).integers(0, 3, (2, 20)))
        )
    return sorted(found, key=lambda part: part[0])


def joined(lists: Any, indices: Any, starts: Any) -> Any:
    return join_runs(1, lists, indices, starts)


@pytest.mark.parametrize("kernel", [joined, compiled(joined)])
@given(given=parts())
def test_joined_runs_are_those_of_the_rectangle_around_all(
    kernel: Callable[..., Any], given: list[Piece]
) -> None:
    canvas = np.full((12, 20), TRANSPARENT)
    indices: list[int] = []
    starts: list[int] = []
    ends, rectangles = np.zeros((len(given), 2), np.int64), np.zeros((len(given), 2, 4), np.int64)
    for k, (left, top, picture) in enumerate(given):
        ends[k] = len(indices)
        if not picture.size:
            continue
        height, width = picture.shape
        canvas[top : top + height, left : left + width] = picture
        rectangles[k, 1] = left, left + width, top, top + height
        for pixel, index in enumerate(picture.ravel().tolist()):
            if pixel == 0 or index != indices[-1]:
                indices.append(index)
                starts.append(pixel)
        indices.append(0)
        starts.append(picture.size)
        ends[k, 1] = len(indices)
    lists = Lists(
        rectangles,
        ends,
        np.array(indices, np.uint8),
        np.array(starts, np.uint32),
        np.zeros(len(given), np.int64),
    )
    runs = new_runs(canvas.size)
    drawn = [part for part in given if part[2].size]
    (x0, x1, y0, y1), n = kernel(lists, *runs)
    if not drawn:
        assert x0 >= x1
        assert n == 0
        return
    assert x0 == min(left for left, _, _ in drawn)
    assert x1 == max(left + picture.shape[1] for left, _, picture in drawn)
    wanted = canvas[y0:y1, x0:x1].ravel()
    shown = np.repeat(runs.indices[:n], np.diff(runs.starts[: n + 1].astype(int)))
    np.testing.assert_array_equal(shown, wanted)
    assert n == 1 + np.count_nonzero(np.diff(wanted))


@pytest.mark.parametrize("at_a_time", [0, 40, 300, 3000])
@pytest.mark.parametrize("valfmt", [None, ".2f"])
def test_bytes_do_not_depend_on_how_many_runs_are_listed_at_a_time(
    valfmt: str | None, at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    frames = {name: np.repeat(rng.random((1, *shape)), 60, 0) for name, shape in SHAPES.items()}
    for t in range(1, 60):
        values = frames[list(frames)[t % 3]][t:]
        i, j = rng.integers(values.shape[1:], size=(t % 5, 2)).T
        values[:, i, j] = rng.choice([np.nan, *rng.random(4)], t % 5)
    frames["loss"] = rng.random(60)
    look: dict[str, Any] = {"autoscale": "frame", "cbar": True, "dpi": 50, "valfmt": valfmt}
    look |= {"lines": "loss", "titles": [f"step {t // 7}" for t in range(60)]}
    wanted, file = io.BytesIO(), io.BytesIO()
    bad = save_gif(wanted, frames, **look).bad
    assert bad > 0
    monkeypatch.setattr(encode, "LISTED", at_a_time)
    assert save_gif(file, frames, **look).bad == bad
    assert file.getvalue() == wanted.getvalue()


# -------------------------------------------------------------------------------------- bad input

TWO = {"a": (2, 3), "b": (3, 2)}


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([(2, 3)],), {}, "expected shapes to be a dictionary of (rows, columns)"),
        (({},), {}, "expected at least one panel"),
        (({"a": 3},), {}, "panel 'a': expected shape to be (rows, columns), not 3"),
        (({"a": (0, 3)},), {}, "panel 'a': expected at least one row and column"),
        (({1: (2, 3)},), {}, "expected names of panels to be text, not 1"),
        (({"": (2, 3)},), {}, "expected names of panels, not ''"),
        (({"n" * 9999: (2, 3)},), {}, "names of panels of up to 1000 letters, not 'nnn"),
        ((TWO,), {"columns": 0}, "expected columns to be at least 1, not 0"),
        ((TWO,), {"columns": 1.5}, "expected columns to be a whole number, not 1.5"),
        ((TWO,), {"options": [1]}, "expected options to be a dictionary of those of each panel"),
        ((TWO,), {"options": {"c": {}}}, "expected options of panels a, b, not of 'c'"),
        ((TWO,), {"options": {"a": 1}}, "expected options['a'] to be a dictionary, not 1"),
        ((TWO,), {"options": {"a": {"dpi": 5}}}, "expected dpi of the whole picture, not of panel"),
        ((TWO,), {"options": {"b": {"vmim": 5}}}, "panel 'b': unknown option 'vmim'; did you mean"),
        ((TWO,), {"options": {"b": {"vmin": "x"}}}, "panel 'b': expected vmin to be a number"),
        ((TWO,), {"share_range": 1}, "expected share_range to be True or False, not 1"),
        ((TWO,), {"share_cbar": 1}, "expected share_cbar to be True or False, not 1"),
        ((TWO,), {"share_cbar": True}, "expected share_cbar=True with cbar=True and panels of one"),
        ((TWO,), {"colums": 1}, "unknown option 'colums'; did you mean 'columns'"),
        ((TWO,), {"title": 1}, "expected title to be a string, not 1"),
        ((TWO,), {"figsize": (1, 1)}, "expected a figsize in which"),
        ((TWO,), {"figsize": 3}, "expected figsize to be (width, height) in inches, not 3"),
        ((TWO,), {"row_labels": ["a", "b"]}, "panel 'b': expected 3 row_labels, not 2"),
    ],
)
def test_what_no_panels_can_be_made_of_is_named(
    arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)) as error:
        Panels(*arguments, **options).image({"a": np.eye(2, 3), "b": np.eye(3, 2)})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({}, "expected matrices with keys 'a', 'b', not no keys"),
        ({"a": np.zeros((1, 2, 3))}, "expected matrices with keys 'a', 'b', not keys 'a'"),
        (
            {"a": np.zeros((1, 2, 3)), "b": np.zeros((2, 3, 2))},
            "expected equally many frames of each panel, not 1 of 'a', 2 of 'b'",
        ),
        (
            {"a": np.zeros((1, 2, 3)), "b": iter(np.zeros((2, 3, 2)))},
            "expected frame 1 of 'a' too",
        ),
        (
            {"a": np.zeros((1, 2, 3)), "b": np.zeros((3, 2))},
            "panel 'b': frames has shape (3, 2), expected (T, N, M)",
        ),
        (
            {"a": np.zeros((1, 2, 3)), "b": np.zeros((1, 2, 3))},
            "panel 'b': frame 0 has shape (2, 3), expected (3, 2)",
        ),
        ([{"a": np.zeros((2, 3))}], "frame 0 has keys 'a', expected keys 'a', 'b'"),
        ([(np.zeros((2, 3)),)], "frame 0 has 1 matrices, expected 2: 'a', 'b'"),
        ([3], "frame 0 is of type int, expected a dictionary or a tuple of 2 matrices"),
        ([{"a": np.zeros((2, 3)), "b": "x"}], "panel 'b': frame 0"),
        ([], "there are no frames"),
    ],
)
def test_frames_that_are_not_of_the_panels_are_refused(frames: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        save_gif(io.BytesIO(), frames, heatmap=Panels(TWO, vmin=0, vmax=1))


def test_options_of_panels_need_frames_of_several_matrices() -> None:
    with pytest.raises(TypeError, match=r"expected frames that are dictionaries .* with columns="):
        save_gif(io.BytesIO(), np.zeros((2, 3, 4)), columns=2)
    with GifWriter(io.BytesIO(), columns=2, background=False) as writer:
        with pytest.raises(TypeError, match="expected frames that are dictionaries"):
            writer.add(np.zeros((2, 3)))
        writer._session.raised = True
    with (
        GifWriter(io.BytesIO(), (2, 3)) as writer,
        pytest.raises(TypeError, match="expected one matrix"),
    ):
        writer.add({"a": np.zeros((2, 3))})
    with GifWriter(io.BytesIO()) as writer:
        with pytest.raises(ValueError, match="expected at least one matrix"):
            writer.add({})
        with pytest.raises(TypeError, match="expected names of panels to be text, not 1"):
            writer.add({1: np.zeros((2, 3))})


def test_an_error_whose_class_takes_more_than_a_text_is_told_too() -> None:
    class Unread:
        shape, dtype = (2, 3, 4), np.dtype(np.float64)

        def read(self, start: int, stop: int) -> Any:
            return json.loads("{")

    with pytest.raises(ValueError, match="panel 'b': Expecting property name"):
        save_gif(io.BytesIO(), {"a": np.zeros((2, 3, 4)), "b": Unread()})


# ------------------------------------------------------------------------------- the command line


def test_a_file_of_several_arrays_makes_panels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    stacks = history()
    zipped(stacks, Path("w"))
    options = ["--columns", "1", "--share-range", "--cbar", "--no-share-cbar", "--cmap", "Blues"]
    assert main.main(["render", "w.npz", *options]) == 0
    look: dict[str, Any] = {"share_range": True, "cbar": True, "share_cbar": False}
    assert Path("w.gif").read_bytes() == written(stacks, columns=1, cmap="Blues", **look)
    assert main.main(["render", "w.npz", "--vmin", "0", "--vmax", "9"]) == 0
    assert "under the vmin of their panel" in capsys.readouterr().out
    np.save("single.npy", stacks["bias"])
    assert main.main(["render", "single.npy", "--columns", "1"]) == 2
    told = capsys.readouterr().err
    assert "expected frames that are dictionaries of matrices with --columns" in told


def test_annotations_are_those_of_single_panels() -> None:
    stacks = history()
    words = np.array([["a", "b\nc", "d", "e"]] * 6)
    own: dict[str, Any] = {"encoder": {"annot": words}, "bias": {"annot": False}}
    heatmap = Panels(SHAPES, vmin=-1, vmax=1, options=own)
    stills = [heatmap.rgb(frame(stacks, k)) for k in range(7)]
    assert heatmap.size != Panels(SHAPES, vmin=-1, vmax=1).size
    assert_lossless(written(stacks, heatmap=heatmap), stills)
    assert recorded(stacks, vmin=-1, vmax=1, options=own) == written(stacks, heatmap=heatmap)
    assert written(stacks, vmin=-1, vmax=1, annot={"encoder": words, "bias": False}) == written(
        stacks, heatmap=heatmap
    )
    assert recorded(stacks, vmin=-1, vmax=1, annot={"encoder": words, "bias": False}) == recorded(
        stacks, heatmap=heatmap
    )


@pytest.mark.filterwarnings("ignore:panel")
def test_large_matrices_are_reduced_to_the_room_of_their_panels() -> None:
    rng = np.random.default_rng(0)
    shapes = {"large": (900, 700), "small": (3, 4), "long": (1, 3000)}
    stacks: Stacks = {name: rng.normal(0, 0.3, (3, *shape)) for name, shape in shapes.items()}
    stacks["long"] = stacks["long"].astype(np.float32)
    look: dict[str, Any] = {"figsize": (8, 6), "reduce": "max", "valfmt": None}
    look |= {"vmin": -1, "vmax": 1}
    heatmap = Panels(shapes, **look)
    stills = [heatmap.rgb(frame(stacks, k)) for k in range(3)]
    data = written(stacks, heatmap=heatmap)
    assert_lossless(data, stills)
    assert written([frame(stacks, k) for k in range(3)], **look) == data
    assert recorded(stacks, **look) == data
    part = heatmap.layout().panels[0]
    rows, columns = part.shape
    starts = np.arange(rows) * -(-900 // rows), np.arange(columns) * -(-700 // columns)
    values = stacks["large"][0]
    for axis, at in enumerate(starts):
        values = np.maximum.reduceat(values, at, axis)
    alone = Heatmap((rows, columns), vmin=-1, vmax=1, valfmt=None, grid_width=0)
    grid = alone.layout().panels[0].grid
    expected = alone.rgb(values)[grid.y0[:, None], grid.x0[None]]
    found = stills[0][part.grid.y0[:, None], part.grid.x0[None]]
    np.testing.assert_array_equal(found, expected)
    assert {part.name: part.shape for part in heatmap.layout().panels}["small"] == (3, 4)


def test_panels_that_are_reduced_are_named() -> None:
    stacks = {"large": np.zeros((1, 9, 4000)), "small": np.zeros((1, 2, 2))}
    with pytest.warns(UserWarning, match=r"panel 'large': drew 9 x 4000 values as 9 x \d+ cells"):
        summary = save_gif(io.BytesIO(), stacks, vmin=0, vmax=1, valfmt=None)
    assert summary.reduced == "mean"
    assert isinstance(summary.cells, dict)
    assert summary.cells["small"] == (2, 2)
    assert summary.cells["large"][1] < 4000


def test_a_transparent_background_is_that_of_all(tmp_path: Path) -> None:
    stacks = history()
    titles = [f"step {k}" for k in range(7)]
    heatmap = Panels(SHAPES, vmin=-1, vmax=1, cbar=True, background="none", options=LOOK["options"])
    image = heatmap.image(frame(stacks, 0)).convert("RGBA")
    clear = np.asarray(image)[..., 3] == 0
    assert 0.2 < clear.mean() < 0.8
    for part in heatmap.layout().panels:
        assert not clear[part.grid.y0[0], part.grid.x0[0]]
    save_gif(tmp_path / "clear.gif", stacks, heatmap=heatmap, titles=titles)
    with Image.open(tmp_path / "clear.gif") as animation:
        for number in range(7):
            animation.seek(number)
            shown = np.asarray(animation.convert("RGBA"))
            still = heatmap.image(frame(stacks, number), titles[number]).convert("RGBA")
            np.testing.assert_array_equal(shown[..., 3], np.asarray(still)[..., 3])
            seen = shown[..., 3] > 0
            np.testing.assert_array_equal(shown[seen], np.asarray(still)[seen])


def test_pictures_say_what_they_are_of_and_the_package_what_is_public() -> None:
    assert repr(Heatmap((3, 4))) == "Heatmap((3, 4))"
    assert repr(Heatmap((3, 4), vmin=-1, vmax=0.5)) == "Heatmap((3, 4), vmin=-1, vmax=0.5)"
    panels = Panels({"a": (3, 4), "b": (1, 4)}, lines="loss")
    assert repr(panels) == "Panels({'a': (3, 4), 'b': (1, 4)}, lines=['loss'])"
    assert dir(fastheat) == sorted([*fastheat.__all__, "__version__"])
    assert all(getattr(fastheat, name).__name__ == name for name in fastheat.__all__)
    with pytest.raises(AttributeError, match="'fastheat' has no attribute 'heatmaps'"):
        fastheat.heatmaps  # noqa: B018


def test_a_picture_loads_nothing_that_only_animations_need() -> None:
    code = "import sys, fastheat; fastheat.Heatmap; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], stdout=-1, text=True, check=True).stdout
    for name in ("encode", "save", "writer", "panels", "indexed"):
        assert f"fastheat.{name}" not in loaded.split()


TILES = st.lists(
    st.tuples(st.integers(1, 99), st.sampled_from([7, 40, 41, 99])).flatmap(
        lambda sides: st.builds(
            Tile,
            st.just(sides[0]),
            st.just(sides[1]),
            st.integers(0, sides[0]),
            st.integers(0, sides[1]),
        )
    ),
    min_size=1,
    max_size=30,
)


@given(TILES, st.integers(50, 900))
def test_orders_are_as_large_as_panels_are_arranged_in_them(tiles: list[Tile], room: int) -> None:
    sizes = Sizes(tiles)
    for order in (*grids(tiles), *stacks(tiles)):
        places = arrange(tiles, order)
        assert sizes.of(order) == (places.width, places.height)
        fits = max(places.width, places.height) <= room
        assert sizes.may_fit(order, (room, room)) or not fits


@given(TILES)
def test_columns_that_are_filled_are_as_low_as_so_many_can_be(tiles: list[Tile]) -> None:
    def columns(room: int) -> list[int]:
        """Return the number of panels in each column, filled one after another."""
        found, used = [0], 0
        for tile in tiles:
            if found[-1] and used + tile.height > room:
                found.append(0)
                used = 0
            found[-1] += 1
            used += tile.height
        return found

    lowest = max(tile.height for tile in tiles)
    rooms = range(lowest, sum(tile.height for tile in tiles) + 1)
    expected = []
    for count in range(2, len(tiles)):
        room = next(room for room in rooms if len(columns(room)) <= count)
        expected.append(tuple(columns(room)))
    assert stacks(tiles) == list(dict.fromkeys(expected))


NAMES = st.lists(
    st.one_of(
        st.text("abWi. _0", min_size=1, max_size=40),
        st.from_regex(r"layer[0-9]{1,3}\.attention weight", fullmatch=True),
        st.sampled_from(["\u0394\u00e9", "a b c d e f g h i j k l m", "x" * 60]),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(
    NAMES,
    st.fixed_dictionaries(
        {},
        optional={
            "figsize": st.sampled_from([(9, 6), (15, 10)]),
            "columns": st.integers(1, 4),
            "cbar": st.booleans(),
            "cbar_location": st.just("top"),
            "xlabel": st.just("x"),
            "col_side": st.just("top"),
        },
    ),
)
@settings(max_examples=40)
def test_panels_that_are_alike_are_drawn_as_if_each_were_made_and_measured(
    names: list[str], options: dict[str, Any]
) -> None:
    if "cbar_location" in options:
        options["cbar"] = True
    shapes = {name: (2, 3 + k % 2) for k, name in enumerate(names)}
    frame = {name: np.zeros(shape) for name, shape in shapes.items()}

    def each_measured(heatmaps: Any, *rest: Any) -> list[Tile]:
        return [arrangement._tile(each.frame()) for each in arrangement.sized(heatmaps, *rest)]

    def drawn(**more: Any) -> Any:
        try:
            return Panels(shapes, vmin=0, vmax=1, **options, **more).rgb(frame).tobytes()
        except ValueError as error:
            return str(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = drawn()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrangement, "_tiles", each_measured)
            assert drawn(options={name: {"title": name} for name in names}) == found


def many_panels(count: int) -> dict[str, tuple[int, int]]:
    """Return shapes of panels whose names differ only in their digits."""
    return {f"layer{k}.weight": (2, 3) for k in range(count)}


def test_of_many_panels_each_kind_is_measured_once_for_a_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[None] = []

    def frame_of(*args: Any) -> Any:
        measured.append(None)
        return place(*args)

    place = build.frame_of
    monkeypatch.setattr(build, "frame_of", frame_of)
    counts = []
    for count in (150, 300):  # both have names of three different lengths
        measured.clear()
        assert Panels(many_panels(count), figsize=(30, 30)).reductions == {}
        counts.append(len(measured))
    assert counts[1] < 1.5 * counts[0]


@pytest.mark.parametrize("options", [{}, {"figsize": (10, 10)}, {"columns": 2}, {"title": "x"}])
def test_panels_without_room_are_refused_before_any_is_laid_out(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_none(*_: Any) -> Any:
        raise AssertionError

    frames = {name: np.zeros((2, *shape)) for name, shape in many_panels(2500).items()}
    monkeypatch.setattr(build, "build", build_none)
    with pytest.raises(ValueError, match=r"at most 65535 px .*give fewer|a figsize in which"):
        save_gif(io.BytesIO(), frames, vmin=0, vmax=1, **options)
    monkeypatch.setattr(Heatmap, "__init__", build_none)
    with pytest.raises(ValueError, match=r"at most 65535 px .*give fewer|a figsize in which"):
        Panels(many_panels(20_000), **options)


@pytest.mark.parametrize(
    ("shape", "options", "whole"),
    [
        ((6, 4), {"valfmt": ".1e"}, {"dpi": 72, "cbar_location": "top"}),
        (
            (4, 1),
            {"valfmt": None, "vmax": 0.0},
            {"dpi": 72, "title": "All", "cbar_location": "top"},
        ),
        ((1, 1), {}, {"dpi": 50, "cbar_location": "top"}),
        (
            (1, 5),
            {"vmin": -0.1, "row_labels": None},
            {"dpi": 50, "title": "Two\nlines", "cbar_location": "left"},
        ),
    ],
)
def test_a_panel_with_a_bar_has_room_in_a_figsize_of_nine_inches(
    shape: tuple[int, int], options: dict[str, Any], whole: dict[str, Any]
) -> None:
    figure: dict[str, Any] = {"figsize": (9, 9), "cbar": True, "share_range": True}
    panel = Panels({"a": shape}, options={"a": {**options, "cbar": True}}, **figure, **whole)
    for values in (
        np.linspace(-0.7, 0.2, math.prod(shape)),
        np.geomspace(1e-3, 1e9, math.prod(shape)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            picture = panel.rgb({"a": values.reshape(shape)})
        assert picture.shape[:2] == (9 * whole["dpi"], 9 * whole["dpi"])


def test_what_files_compare_tells_apart_each_panel() -> None:
    def unlike(name: str, change: dict[str, Any]) -> dict[str, str]:
        look = resume.look_of(Panels(SHAPES, vmin=-1, vmax=1, options={name: change}).layout())
        return {aspect: value for aspect, value in look.items() if value != plain[aspect]}

    plain = resume.look_of(Panels(SHAPES, vmin=-1, vmax=1).layout())
    assert not unlike("bias", {})
    for change, aspect in (
        ({"origin": "lower"}, "grid"),
        ({"valfmt": ".1e"}, "texts"),
        ({"norm": "symlog"}, "norm"),
    ):
        each = [unlike(name, change) for name in ("encoder", "decoder")]
        assert all(f"{aspect} of panels" in found for found in each)
        assert each[0] != each[1]


def test_a_thousand_panels_take_seconds() -> None:
    code = (
        "import io, time, numpy as np, fastheat\n"
        "fastheat.save_gif(io.BytesIO(), {'a': np.eye(2)[None], 'b': np.eye(2)[None]})\n"
        "frames = {f'layer{k}.weight': np.random.default_rng(k).random((2, 2, 3))"
        " for k in range(1000)}\n"
        "started = time.process_time()\n"
        "fastheat.save_gif(io.BytesIO(), frames, columns=32)\n"
        "print(time.process_time() - started)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 15  # over 40 if every panel is measured for every size


def test_bars_that_differ_in_their_outline_are_not_one() -> None:
    look: dict[str, Any] = {"cbar": True, "vmin": 0, "vmax": 1, "valfmt": None}
    shapes = {"a": (3, 4), "b": (3, 4)}
    own: dict[str, Any] = {"b": {"tick_color": "red"}}
    frames = {name: np.zeros((3, 4)) for name in shapes}
    picture = Panels(shapes, options=own, **look).rgb(frames)
    assert (picture == (255, 0, 0)).all(2).sum() > 300  # its outline, not the ticks alone
