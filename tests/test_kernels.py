"""The kernels as plain Python on small input, compared with compiled ones and with numpy."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import compiled
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracles import paint
from PIL import Image, ImageSequence

from fastheat import Heatmap, save_gif
from fastheat.render.encode import encode_chunk, joined
from fastheat.render.kernels.cells import count_outside, find_slots, scale_of
from fastheat.render.kernels.runs import (
    changed_rectangle,
    difference_runs,
    fill_runs,
    new_lines,
    new_runs,
)
from fastheat.tables import TRANSPARENT


def walk(seed: int, frames: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return frames that each differ from the previous one in some cells."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.2, (frames, *shape)) * (rng.random((frames, *shape)) < 0.4)
    values: NDArray[np.float64] = steps.cumsum(0)
    values[rng.random(values.shape) < 0.05] = np.nan
    return values


SMALL = [
    {"valfmt": None, "grid_width": 0},
    {"valfmt": ".1f", "dpi": 40},
    {"valfmt": "$ {x:+.1e}!", "dpi": 30, "threshold": 0.1, "ha": "right", "cbar": True},
    {"valfmt": lambda x: f"<{x:.1f}>" if x < 0 else "", "dpi": 40, "ha": "left"},
    {"valfmt": ".60f", "dpi": 30, "figsize": (2, 2)},
    {"valfmt": ".1f", "figsize": (0.9, 0.9), "row_labels": None, "col_labels": None},
]


@pytest.mark.filterwarnings("ignore:overflow encountered in scalar:RuntimeWarning")
@pytest.mark.parametrize("options", SMALL)
def test_kernels_draw_the_same_uncompiled(
    options: dict[str, object], request: pytest.FixtureRequest
) -> None:
    heatmap = Heatmap((3, 2), vmin=-0.5, vmax=0.5, **options)  # type: ignore[arg-type]
    frames = walk(3, 5, (3, 2))
    frames[4] = 1e300
    expected = encode_chunk(heatmap.layout(), None, frames)
    request.getfixturevalue("uncompiled")
    assert encode_chunk(heatmap.layout(), None, frames) == expected


@pytest.mark.parametrize("options", SMALL)
def test_a_chunk_may_be_cut_anywhere(options: dict[str, object]) -> None:
    layout = Heatmap((3, 2), vmin=-0.5, vmax=0.5, **options).layout()  # type: ignore[arg-type]
    frames = walk(4, 9, (3, 2))
    whole = encode_chunk(layout, None, frames)
    for cut in range(1, 9):
        first = encode_chunk(layout, None, frames[:cut])
        second = encode_chunk(layout, frames[cut - 1], frames[cut:])
        assert joined([first, second]) == whole


@pytest.mark.parametrize("options", SMALL)
def test_a_picture_alone_has_the_bytes_of_the_first_of_many(options: dict[str, object]) -> None:
    layout = Heatmap((3, 2), vmin=-0.5, vmax=0.5, **options).layout()  # type: ignore[arg-type]
    frames = walk(6, 2, (3, 2))
    alone, many = encode_chunk(layout, None, frames[:1]), encode_chunk(layout, None, frames)
    assert alone.data == many.data[: many.ends[0]]
    assert alone.transparent == many.transparent[:1]
    assert alone.shown == paint(layout, frames[0])[1]


def test_what_else_is_in_a_chunk_does_not_change_the_bytes_of_a_frame() -> None:
    # at 5.88 px, digits of Pillow's font overlap the decimal point, so Python formats them
    look = {"dpi": 40, "figsize": (3.5, 3.0), "text_size": 12.0}
    layout = Heatmap((1, 7), vmin=-1, vmax=0, **look).layout()  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for _ in range(60):
        frames = rng.choice([1.0, 1.29e16, 0.5, 0.25, 1.8, -0.3], (5, 1, 7))
        whole = encode_chunk(layout, None, frames)
        parts = [
            encode_chunk(layout, frames[k - 1] if k else None, frames[k : k + 1]).data
            for k in range(5)
        ]
        assert b"".join(parts) == whole.data


def test_long_chunks_outgrow_the_first_buffer() -> None:
    layout = Heatmap((30, 30), vmin=0, vmax=1, valfmt=None, dpi=40).layout()
    frames = np.random.default_rng(0).random((60, 30, 30))
    whole = encode_chunk(layout, None, frames)
    parts = [
        encode_chunk(layout, frames[k - 1] if k else None, frames[k : k + 1]).data
        for k in range(60)
    ]
    assert whole.data == b"".join(parts)


def test_what_could_not_be_shown_is_counted_over_all_frames() -> None:
    layout = Heatmap((2, 2), vmin=0, vmax=1, valfmt=".1f").layout()
    frame = np.array([[-1.0, 2.0], [np.nan, 1e300]])
    images = encode_chunk(layout, None, np.stack([frame, frame, np.full((2, 2), 0.5)]))
    shown = images.shown
    assert (shown.under, shown.over, shown.bad, shown.hidden) == (2, 4, 2, 2)
    _, still = paint(layout, frame)
    assert (still.under, still.over, still.bad, still.hidden) == (1, 2, 1, 1)


def slots_of(values: Any, shades: Any, slots: Any) -> None:
    find_slots(values, scale_of(shades, 0), slots)


@pytest.mark.parametrize("kernel", [slots_of, compiled(slots_of)])
@pytest.mark.parametrize(
    ("vmin", "vmax"),
    [(0.0, 1.0), (-3.0, 3.0), (1.0, 1.0), (0.0, 5e-324), (1e300, 1.0001e300), (-8e307, 8e307)],
)
def test_slots_are_found_as_numpy_searches_the_edges(
    vmin: float, vmax: float, kernel: Callable[..., None]
) -> None:
    shades = Heatmap((2, 2), vmin=vmin, vmax=vmax, threshold=vmin).layout().panels[0].shades
    edges = shades.edges[np.isfinite(shades.edges)]
    around = [np.nextafter(edges, side) for side in (-np.inf, np.inf)]
    extreme = [0.0, -0.0, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308]
    spread = np.random.default_rng(0).uniform(vmin, vmax, 300)
    values = np.concatenate([edges, *around, spread, extreme, [np.inf, -np.inf, np.nan]])
    slots = np.empty(len(values), np.int16)
    with np.errstate(all="ignore"):
        kernel(values, shades, slots)
    expected = np.searchsorted(shades.edges[0], values, side="right")
    expected[~np.isfinite(values)] = len(shades.edges[0])
    np.testing.assert_array_equal(slots, expected)


def outside(values: Any, shades: Any, counts: Any) -> None:
    count_outside(values, scale_of(shades, 0), counts)


@pytest.mark.parametrize("kernel", [outside, compiled(outside)])
def test_values_outside_of_the_range_are_counted_as_numpy_counts_them(
    kernel: Callable[..., None],
) -> None:
    shades = Heatmap((2, 2), vmin=-1, vmax=1).layout().panels[0].shades
    values = np.random.default_rng(0).normal(0, 1, 300)
    values[:12] = [np.nan, np.inf, -np.inf, -1, 1, 1.001, 1e308, -1e308, 0, 5, -5, 2]
    counts = np.ones(4, np.int64)
    with np.errstate(all="ignore"):
        kernel(values, shades, counts)
    finite = np.isfinite(values)
    under, over = ((values < -1) & finite).sum(), ((values > 1) & finite).sum()
    assert counts.tolist() == [1 + under, 1 + over, 1 + (~finite).sum(), 1]


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("look", [{}, {"grid_width": 0}, {"figsize": (1.5, 0.8), "square": False}])
def test_runs_of_fills_make_the_new_picture_of_the_old(look: dict[str, Any], share: float) -> None:
    rng = np.random.default_rng(int(100 * share))
    look |= {"row_labels": None, "col_labels": None, "valfmt": None, "dpi": 30}
    layout = Heatmap((5, 21), vmin=0, vmax=1, **look).layout()
    grid = layout.panels[0].grid
    old, new = rng.integers(1, 4, (2, 5, 21)).astype(np.uint8)
    new = np.where(rng.random(new.shape) < share, new, old)
    rows = np.zeros((5, 2), np.int64)
    indices, starts = new_runs(layout.size[0] * layout.size[1])
    work = np.zeros(22, np.uint32)
    with np.errstate(over="ignore"):
        cells = changed_rectangle(new, old, new_lines(21), rows)
        x0, x1, y0, y1 = map(int, cells)
        box = grid.x0[x0], grid.x1[x1 - 1], grid.y0[y0], grid.y1[y1 - 1]
        n = fill_runs(box, new, old, rows, work, grid, indices, starts)
    assert (np.diff(starts[: n + 1].astype(int)) > 0).all()
    assert (indices[1:n] != indices[: n - 1]).all()
    wanted = np.full(layout.size[::-1], TRANSPARENT)
    for i, j in np.argwhere(new != old):
        wanted[grid.y0[i] : grid.y1[i], grid.x0[j] : grid.x1[j]] = new[i, j]
    wanted = wanted[grid.y0[y0] : grid.y1[y1 - 1], grid.x0[x0] : grid.x1[x1 - 1]]
    drawn = np.repeat(indices[:n], np.diff(starts[: n + 1].astype(int))).reshape(wanted.shape)
    np.testing.assert_array_equal(drawn, wanted)


@pytest.mark.parametrize("each", [True, False])
@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_runs_of_differences_make_the_new_picture_of_the_old(
    share: float, step: int, each: bool
) -> None:
    rng = np.random.default_rng(int(100 * share))
    old, new = rng.integers(1, 4, (2, 10, 45)).astype(np.uint8)
    new = np.where(rng.random(new.shape) < share, new, old)
    rows = np.zeros((10, 2), np.int64)
    lines = new_lines(45)
    indices, starts = new_runs(450)
    with np.errstate(over="ignore"):
        sides = x0, x1, y0, y1 = tuple(map(int, changed_rectangle(new, old, lines, rows)))
        n, used = difference_runs(sides, new, old, lines, rows, step, 0, each, indices, starts)
    part = np.s_[y0:y1, x0:x1]
    drawn = np.repeat(indices[:n], np.diff(starts[: n + 1].astype(int))).reshape(y1 - y0, x1 - x0)
    assert (np.diff(starts[: n + 1].astype(int)) > 0).all()
    assert (indices[1:n] != indices[: n - 1]).all()
    shown = np.where(drawn == 0, old[part], drawn)
    np.testing.assert_array_equal(shown[::step], new[part][::step])
    assert used == (drawn == 0).any()
    if each and step == 1:
        np.testing.assert_array_equal(drawn == 0, old[part] == new[part])


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6))
def test_one_changed_cell_changes_its_rectangle_only(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    layout = Heatmap((n, m), vmin=0, vmax=1, valfmt=None, dpi=30).layout()
    frames = np.stack([np.zeros((n, m))] * 2)
    i, j = rng.integers(n), rng.integers(m)
    frames[1, i, j] = 1.0
    images = encode_chunk(layout, frames[0], frames[1:])
    box = np.frombuffer(images.data[1:9], "<u2").tolist()
    grid = layout.panels[0].grid
    x0, y0 = int(grid.x0[j]), int(grid.y0[i])
    assert box == [x0, y0, int(grid.x1[j]) - x0, int(grid.y1[i]) - y0]
    assert images.transparent == [TRANSPARENT]


def test_minus_zero_is_another_text_than_zero() -> None:
    layout = Heatmap((1, 1), vmin=0, vmax=1).layout()
    images = encode_chunk(layout, np.array([[0.0]]), np.array([[[-0.0]], [[0.0]], [[0.0]]]))
    assert images.ends[0] > 0
    assert images.ends[1] > images.ends[0]
    assert images.ends[2] == images.ends[1]


def test_only_the_digits_that_differ_are_drawn() -> None:
    layout = Heatmap((1, 1), vmin=0, vmax=1, valfmt=".6f").layout()
    images = encode_chunk(
        layout, np.array([[0.500001]]), np.array([[[0.500002]], [[0.500012]], [[0.700012]]])
    )
    widths = []
    start = 0
    for end in images.ends:
        widths.append(int.from_bytes(images.data[start + 5 : start + 7], "little"))
        start = end
    assert widths[0] < widths[1] < widths[2]


def test_a_text_that_becomes_blank_and_wider_leaves_whole_rows() -> None:
    heatmap = Heatmap((1, 2), vmin=0, vmax=1, valfmt=lambda x: "1" if x < 2.5 else " " * 7)
    frames = np.array([[[2, 2.0]], [[3, 2]], [[2, 3]], [[3, 3]], [[2, 2]]])
    assert_lossless(heatmap, frames)


@pytest.mark.parametrize(
    "valfmt", ["{x:.1f}\u00b0", "\u20ac {x:.1f}", lambda x: "", lambda x: " " * 7]
)
def test_literal_text_beyond_ascii_and_no_text_at_all(valfmt: object) -> None:
    heatmap = Heatmap((2, 2), vmin=0, vmax=1, valfmt=valfmt)  # type: ignore[arg-type]
    assert_lossless(heatmap, np.random.default_rng(0).random((3, 2, 2)))


@pytest.mark.parametrize("valfmt", ["d", "{x}", repr])
def test_a_still_is_drawn_in_the_colours_of_its_own_type(valfmt: object) -> None:
    heatmap = Heatmap((3, 4), vmin=0, vmax=800_000, valfmt=valfmt, figsize=(2.3, 2))  # type: ignore[arg-type]
    frames = np.random.default_rng(0).integers(0, 9, (3, 3, 4)) * 100_000
    assert_lossless(heatmap, frames)
    assert heatmap.size == heatmap.image(frames[0]).size


def assert_lossless(heatmap: Heatmap, frames: NDArray[np.generic]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        file = io.BytesIO()
        save_gif(file, frames, heatmap=heatmap)
        with Image.open(file) as image:
            for k, frame in enumerate(ImageSequence.Iterator(image)):
                assert (np.asarray(frame.convert("RGB")) == heatmap.rgb(frames[k])).all()
            assert k == len(frames) - 1
