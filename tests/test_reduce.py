"""Reduction of matrices with more cells than pixels: blocks, compared with numpy and each other."""

from __future__ import annotations

import io
import math
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from decoders import assert_lossless, by_pillow
from gif_info import read_info
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from oracles import paint, reduce_blocks

from fastheat import GifWriter, Heatmap, Panels, save_gif
from fastheat.inputs.frames import stream
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources.arrays import Floats
from fastheat.inputs.sources.masks import is_masked
from fastheat.layout import reduction as reduce
from fastheat.layout.reduction import HOW, Reduction

Floating = npt.NDArray[np.float64]

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(300, 400)).astype(np.float32)
STACK = MATRIX + np.arange(4, dtype=np.float32)[:, None, None] / 8
SMALL: dict[str, Any] = {
    "figsize": (3, 2),
    "vmin": -1,
    "vmax": 1,
}  # fewer pixels than MATRIX has cells

pytestmark = pytest.mark.filterwarnings(
    "ignore:drew:UserWarning", "ignore:over all frames:UserWarning"
)


@pytest.fixture(params=[False, True], ids=["uncompiled", "compiled"])
def kernel(request: pytest.FixtureRequest) -> None:
    if not request.param:
        request.getfixturevalue("uncompiled")


def reduced(reduction: Reduction, block: npt.NDArray[Any]) -> Floating:
    out = np.full((len(block), *reduction.cells), 7.0)
    reduction.into(Floats(), out, block, 0)
    return out


def one_by_one(reduction: Reduction, values: npt.NDArray[Any]) -> Iterator[tuple[int, int, Any]]:
    """Yield the finite values of each block, computed from the sizes alone."""
    (n, m), (high, wide) = reduction.shape, reduction.block
    for i, y in enumerate(range(0, n, high)):
        for j, x in enumerate(range(0, m, wide)):
            block = values[y : y + high, x : x + wide]
            yield i, j, block[np.isfinite(block)]


EXPECTED: dict[str, Callable[[Any], float]] = {
    "max": lambda block: block.max(),
    "min": lambda block: block.min(),
    "absmax": lambda block: max(block, key=lambda x: (abs(x), x)),
    "mean": lambda block: float(sum(map(Fraction, block.tolist())) / len(block)),
}


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("shape", "block"),
    [((7, 5), (3, 2)), ((4, 9), (4, 2)), ((13, 1), (2, 1)), ((6, 6), (1, 1)), ((5, 8), (5, 8))],
    ids=str,
)
def test_a_block_becomes_what_numpy_finds_in_it(
    how: str, shape: tuple[int, int], block: tuple[int, int]
) -> None:
    values = RNG.normal(size=(2, *shape))
    values[0, shape[0] // 2 :, : shape[1] // 2 + 1] = [[np.nan]]
    values[1, 0, 0], values[1, -1, -1] = np.inf, -np.inf
    reduction = Reduction(shape, block, how)
    with np.errstate(all="ignore"):  # like compiled kernels
        found = reduced(reduction, values)
    np.testing.assert_array_equal(found, reduce_blocks(reduction, values))
    for t in range(2):
        for i, j, own in one_by_one(reduction, values[t]):
            if len(own):
                assert found[t, i, j] == pytest.approx(EXPECTED[how](own), rel=1e-15, abs=1e-15)
            else:
                assert math.isnan(found[t, i, j])


FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.sampled_from(HOW),
    st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
        lambda shape: st.tuples(
            npst.arrays(np.float64, shape, elements=FLOATS),
            st.integers(1, shape[0]),
            st.integers(1, shape[1]),
        )
    ),
)
def test_kernels_and_numpy_agree_to_the_last_bit(
    how: str, given: tuple[Floating, int, int]
) -> None:
    values, rows, columns = given
    reduction = Reduction(values.shape, (rows, columns), how)
    found = reduced(reduction, values[None])
    np.testing.assert_array_equal(found, reduce_blocks(reduction, values[None]))
    for i, j, block in one_by_one(reduction, values):
        if not len(block):
            assert math.isnan(found[0, i, j])
        elif how != "mean":
            assert found[0, i, j] == EXPECTED[how](block)
        else:  # of mixed signs: as accurate as their magnitude allows
            unit = float(np.abs(block).max())
            assert found[0, i, j] == pytest.approx(EXPECTED[how](block), rel=0, abs=1e-14 * unit)


def test_the_mean_of_values_whose_sum_is_too_large_is_finite() -> None:
    values = np.full((1, 8, 8), 1.5e308)
    values[0, :4] = -1.25e308
    values[0, 5, 5] = np.inf
    reduction = Reduction((8, 8), (4, 4), "mean")
    found = reduced(reduction, values)
    np.testing.assert_array_equal(found, reduce_blocks(reduction, values))
    np.testing.assert_allclose(found[0], [[-1.25e308] * 2, [1.5e308] * 2], rtol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 65, 1000, 1001])
@pytest.mark.parametrize("room", [1, 2, 3, 7, 64, 999, 1000])
def test_blocks_are_equal_as_small_as_have_room_and_smaller_only_at_the_end(
    n: int, room: int
) -> None:
    reduction = Reduction.into_room((n, n), (room, room), "mean", None)
    if room >= n:
        assert reduction is None
        return
    assert reduction is not None
    sizes = np.diff(reduction.rows)
    assert sizes.sum() == n
    assert len(sizes) == reduction.cells[0] <= room
    assert (sizes[:-1] == sizes[0]).all()
    assert 1 <= sizes[-1] <= sizes[0]
    assert reduction.block == (sizes[0], sizes[0])
    assert -(-n // (sizes[0] - 1)) > room  # smaller blocks would be too many
    ends = "" if n % sizes[0] == 0 else ", fewer at the end"
    assert f"cells, each the mean of {sizes[0]} x {sizes[0]}{ends}, since" in reduction.warning()


def test_annotations_of_a_reduced_matrix_are_told_to_be_left_out() -> None:
    values = np.zeros((3000, 4))
    with pytest.warns(UserWarning, match="as 1500 x 4 cells without the texts of annot=, each"):
        save_gif(io.BytesIO(), [values], annot=values)
    with pytest.warns(UserWarning, match="as 1500 x 4 cells, each"):
        save_gif(io.BytesIO(), [values])


@pytest.mark.parametrize("how", ["mean", "absmax"])
@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8", "f2", "i8", "u1", "?"])
def test_bands_of_any_dtype_become_what_all_of_it_becomes(
    monkeypatch: pytest.MonkeyPatch, how: str, dtype: str
) -> None:
    values = (RNG.normal(size=(5, 61, 37)) * 50).astype(dtype)
    reduction = Reduction((61, 37), (11, 5), how)
    whole = reduce_blocks(reduction, values.astype(np.float64))
    for band in (1, 61 * 37, 2 * 61 * 37 + 5, 500):
        monkeypatch.setattr(reduce, "BAND", band)
        np.testing.assert_array_equal(reduced(reduction, values), whole)
        flipped = np.asfortranarray(values)
        np.testing.assert_array_equal(reduced(reduction, flipped), whole)


def test_masked_cells_are_left_out() -> None:
    values = np.ma.masked_greater(np.arange(48).reshape(1, 6, 8), 30)
    reduction = Reduction((6, 8), (2, 4), "max")
    found = reduced(reduction, values)[0]
    np.testing.assert_array_equal(found, [[11, 15], [27, 30], [np.nan, np.nan]])
    np.testing.assert_array_equal(is_masked(found), np.isnan(found))  # masked, unlike NaN


def test_a_value_that_float64_does_not_have_is_told_where_it_is() -> None:
    values = np.zeros((40, 30), np.int64)
    values[33, 20] = 2**53 + 1
    with pytest.warns(UserWarning, match=r"frame 1: 9007199254740993 in cell \(33, 20\)"):
        list(
            open_frames([np.zeros_like(values), values])
            .through({"": Reduction((40, 30), (5, 5), "max")})
            .chunks(4)
        )


# ------------------------------------------------------------------------------------------ frames


@pytest.mark.parametrize("kind", ["array", "mapped", "list", "iterator", "npz", "pickle"])
def test_frames_of_every_kind_become_the_same(tmp_path: Path, kind: str) -> None:
    frames: Any = STACK
    if kind == "mapped":
        np.save(tmp_path / "a.npy", STACK)
        frames = np.load(tmp_path / "a.npy", mmap_mode="r")
    elif kind == "npz":
        frames = tmp_path / "a.npz"
        np.savez(frames, STACK)
    elif kind == "pickle":
        frames = tmp_path / "a.pkl"
        STACK.dump(frames)
    elif kind != "array":
        frames = list(STACK) if kind == "list" else iter(STACK)
    save_gif(tmp_path / "a.gif", frames, **SMALL)
    save_gif(tmp_path / "b.gif", STACK, **SMALL)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_what_a_second_reading_needs_is_kept_only_where_it_is_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reduction = Reduction(MATRIX.shape, (3, 4), "mean")
    seen: list[int] = []

    def into(self: Reduction, *arguments: Any) -> None:
        seen.append(len(arguments[1]))
        own(self, *arguments)

    own = Reduction.into
    monkeypatch.setattr(Reduction, "into", into)
    for most, times in ((stream.KEPT_BYTES, 1), (3 * 4 * 8 * 3, 2)):
        monkeypatch.setattr(stream, "KEPT_BYTES", most)
        frames = open_frames(STACK).through({"": reduction})
        first, again = (np.concatenate(list(frames.chunks(2))) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert sum(seen) == times * len(STACK)
        seen.clear()


def test_a_mapped_file_larger_than_a_band_leaves_memory_as_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "a.npy", STACK)
    let_go: list[Any] = []
    monkeypatch.setattr(reduce, "BAND", 1000)
    monkeypatch.setattr(reduce, "let_go", lambda part, others: let_go.append(part))
    reduced(Reduction((300, 400), (30, 40), "max"), np.load(tmp_path / "a.npy", mmap_mode="r"))
    # each band of rows is released once, as soon as it has been read
    assert sum(part.size for part in let_go) == STACK.size
    assert max(part.nbytes for part in let_go) < STACK.nbytes / 20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_frame_in_a_file_is_read_a_band_at_a_time(dtype: Any, tmp_path: Path) -> None:
    side = 4000
    array = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", dtype, (2, side, side))
    array[1, :9, :9] = 7
    del array
    frames = open_frames(tmp_path / "a.npy").through({"": Reduction((side, side), (40, 40), "max")})
    list(frames.chunks(2))  # warms up the kernels
    again = open_frames(tmp_path / "a.npy").through({"": Reduction((side, side), (40, 40), "max")})
    tracemalloc.start()
    try:
        values = np.concatenate(list(again.chunks(2)))
        assert tracemalloc.get_traced_memory()[1] < 1 << 24  # though a frame has 64 or 128 MB
    finally:
        tracemalloc.stop()
    assert values[1, 0, 0] == 7
    assert np.count_nonzero(values) == 1


# ---------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("how", HOW)
def test_a_gif_shows_the_reduced_values_as_stills_of_them_do(how: str) -> None:
    frames = STACK.copy()
    frames[1, 10:60, 20:90] = np.nan
    heatmap = Heatmap((300, 400), reduce=how, cbar=True, title="weights", **SMALL)
    assert heatmap.reduction is not None
    file = io.BytesIO()
    summary = save_gif(file, frames, heatmap=heatmap)
    assert_lossless(file.getvalue(), [heatmap.rgb(frame) for frame in frames])
    means = reduced(heatmap.reduction, frames)
    layout = heatmap.layout()
    same = layout._replace(panels=(layout.panels[0]._replace(reduction=None),))
    for frame, mean in zip(frames, means, strict=True):
        indices, _ = paint(same, mean)
        np.testing.assert_array_equal(heatmap.indices(frame), indices)
    assert summary.reduced == how
    assert summary.cells == heatmap.reduction.cells == layout.shape
    assert summary.under == (means < -1).sum()
    assert summary.over == (means > 1).sum()
    assert summary.bad == np.isnan(means).sum() > 0


@pytest.mark.parametrize("side", [40, 153, 512])
def test_a_matrix_of_as_many_cells_as_its_axes_have_pixels_is_not_reduced(side: int) -> None:
    inches = (side + 30) / 100  # margins of 15 px
    bare: dict[str, Any] = {"row_labels": None, "col_labels": None, "grid_width": 0}
    heatmap = Heatmap((side, side), valfmt=None, vmin=0, vmax=1, figsize=(inches, inches), **bare)
    assert heatmap.layout().shape == (side, side)


def test_each_cell_has_a_pixel_and_labels_stand_at_rows_of_the_matrix() -> None:
    import test_text

    values = np.zeros((600, 800))
    values[300, :] = 1  # a line in the middle
    heatmap = Heatmap(
        (600, 800), reduce="max", vmin=0, vmax=1, figsize=(4, 3), cmap=["white", "black"]
    )
    geometry, layout = test_text.geometry_of(heatmap)
    grid = layout.panels[0].grid
    assert layout.shape == (200, 267)
    for starts, stops in ((grid.x0, grid.x1), (grid.y0, grid.y1)):
        assert (starts[1:] == stops[:-1]).all()
        assert set((stops - starts).tolist()) <= {1, 2}
    ticks = {p.label.text: p.y for p in geometry.labels if p.x < geometry.cells.x0}
    left = heatmap.rgb(values)[:, int(grid.x0[0]), 0]
    assert (
        abs(int(np.flatnonzero(left[grid.y0[0] : grid.y1[-1]] < 9)[0]) + grid.y0[0] - ticks["300"])
        <= 1
    )
    assert "600" not in ticks
    assert "0" in ticks


@pytest.mark.parametrize(
    ("shape", "cells"),
    [
        ((1500, 1500), None),
        ((1501, 1501), (751, 751)),
        ((4096, 4096), (1366, 1366)),
        ((16384, 16384), (1490, 1490)),
        ((1, 1000), None),
        ((1000, 1), None),
        ((1, 5000), (1, 1250)),
        ((100_000, 1), (1493, 1)),
        ((100, 10_000), (34, 1429)),
        ((6000, 60), (1500, 60)),
    ],
    ids=str,
)
def test_a_picture_without_figsize_is_large_enough_to_see_and_small_enough_to_show(
    shape: tuple[int, int], cells: tuple[int, int] | None
) -> None:
    heatmap = Heatmap(shape, vmin=0, vmax=1, valfmt=None)
    assert (heatmap.reduction and heatmap.reduction.cells) == cells
    assert max(heatmap.size) <= 1600
    grid = heatmap.layout().panels[0].grid
    assert grid.x1[-1] - grid.x0[0] >= 30
    assert grid.y1[-1] - grid.y0[0] >= 30


def test_only_the_side_without_room_is_reduced() -> None:
    heatmap = Heatmap((1000, 4), figsize=(4, 4), square=False, vmin=0, vmax=1)
    assert heatmap.reduction is not None
    assert heatmap.reduction.cells[1] == 4
    assert heatmap.reduction.cells[0] > 200
    grid = heatmap.layout().panels[0].grid
    assert (grid.x1 - grid.x0 > 50).all()
    assert set((grid.y1 - grid.y0).tolist()) <= {1, 2}


@pytest.mark.parametrize("cbar", [False, True])
@pytest.mark.parametrize("high", [0.0123, 1.0, 123456.0])
def test_how_cells_are_reduced_does_not_depend_on_the_range(cbar: bool, high: float) -> None:
    sizes = {
        Heatmap((500, 500), figsize=(5, 4), cbar=cbar, vmin=-high, vmax=x).layout().shape
        for x in (None, high)
        if x is not None
    }
    heatmap = Heatmap((500, 500), figsize=(5, 4), cbar=cbar)
    assert heatmap.reduction is not None
    assert sizes == {heatmap.reduction.cells}
    heatmap.image(RNG.uniform(-high, high, (500, 500)))  # it has room


@pytest.mark.parametrize("norm", ["log", "symlog", "asinh", "power"])
@pytest.mark.parametrize("high", [0.00037, 0.37, 37, 3.7e8])
def test_ticks_of_other_norms_have_room_beside_reduced_cells(norm: str, high: float) -> None:
    gamma: dict[str, Any] = {"gamma": 0.5} if norm == "power" else {}
    heatmap = Heatmap((500, 500), figsize=(5, 4), cbar=True, norm=norm, **gamma)
    low = 0.01 if norm == "log" else -1
    heatmap.image(RNG.uniform(low * high, high, (500, 500)))


def test_the_range_is_that_of_what_is_shown() -> None:
    values = RNG.normal(size=(3, 3000, 2000))
    heatmap = Heatmap((3000, 2000))
    assert heatmap.reduction is not None
    means = reduced(heatmap.reduction, values)
    heatmap.image(values[0])
    assert heatmap.range == (means[0].min(), means[0].max())
    file = io.BytesIO()
    summary = save_gif(file, values)
    assert (summary.vmin, summary.vmax) == (means.min(), means.max())
    assert summary.under == summary.over == 0


def test_it_is_told_once_that_values_are_reduced(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        save_gif(tmp_path / "a.gif", STACK, **SMALL)
        Heatmap((300, 400), **SMALL).image(MATRIX)
    texts = [str(each.message) for each in caught if "drew" in str(each.message)]
    assert len(texts) == 2
    assert texts[0] == texts[1]
    assert "300 x 400" in texts[0]
    assert "mean" in texts[0]


def test_sides_over_65535_are_drawn(tmp_path: Path) -> None:
    values = np.zeros((2, 3, 70_000), np.float32)
    values[1, 1, 65_600:] = 1
    save_gif(tmp_path / "a.gif", values, vmin=0, vmax=1, cmap=["white", "black"], row_labels=None)
    with (tmp_path / "a.gif").open("rb") as file:
        assert max(read_info(file).size) < 1600
    (_, (last, _)) = by_pillow((tmp_path / "a.gif").read_bytes())
    grid = Heatmap((3, 70_000), vmin=0, vmax=1, row_labels=None).layout().panels[0].grid
    row = last[int(grid.y0[1]), grid.x0, 0]
    assert np.flatnonzero(row < 9)[0] == pytest.approx(len(row) * 65_600 / 70_000, abs=1)


# ------------------------------------------------------------------------------------------- loops


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("shape", [None, (300, 400)])
@pytest.mark.parametrize("how", ["mean", "max"])
def test_a_recorded_gif_is_the_one_of_save_gif(
    tmp_path: Path, background: bool, shape: tuple[int, int] | None, how: str
) -> None:
    frame = np.empty_like(MATRIX)
    options: dict[str, Any] = {"reduce": how, "cbar": True, **SMALL}
    with GifWriter(tmp_path / "a.gif", shape, background=background, **options) as writer:
        for each in STACK:
            frame[...] = each
            writer.add(frame)
            frame[...] = np.nan
    assert writer.summary is not None
    assert writer.summary.reduced == how
    save_gif(tmp_path / "b.gif", STACK, **options)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


@pytest.mark.parametrize(
    "annot", [MATRIX > 0, np.full(MATRIX.shape, "text")], ids=["numbers", "str"]
)
def test_texts_have_no_room_where_values_are_reduced(tmp_path: Path, annot: Any) -> None:
    save_gif(tmp_path / "a.gif", STACK, **SMALL)
    plain = (tmp_path / "a.gif").read_bytes()
    save_gif(tmp_path / "a.gif", STACK, annot=annot, **SMALL)
    assert by_pillow((tmp_path / "a.gif").read_bytes())[-1][0].tolist() == (
        by_pillow(plain)[-1][0].tolist()
    )
    heatmap = Heatmap((300, 400), **SMALL)
    np.testing.assert_array_equal(heatmap.rgb(MATRIX, annot=annot), heatmap.rgb(MATRIX))
    for mode in ("w", "a"):
        with GifWriter(tmp_path / "a.gif", mode=mode, **SMALL) as writer:
            for each in STACK[:2]:
                writer.add(each, annot=annot)
    assert writer.frames == 4


def test_a_recorded_title_has_its_room_before_values_are_reduced(tmp_path: Path) -> None:
    with GifWriter(tmp_path / "a.gif", **SMALL) as writer:
        for step, each in enumerate(STACK):
            writer.add(each, title=f"step {step}")
    save_gif(tmp_path / "b.gif", STACK, titles="step {}", title="", **SMALL)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_range_that_grows_is_that_of_the_reduced_values(tmp_path: Path) -> None:
    with GifWriter(tmp_path / "a.gif", figsize=(3, 2), autoscale="grow") as writer:
        for each in STACK:
            writer.add(each)
    assert writer.summary is not None
    assert writer.summary.under == writer.summary.over == 0
    assert writer.summary.vmax < STACK.max()


def test_a_file_of_reduced_values_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    for part in (STACK[:2], STACK[2:]):
        with GifWriter(path, mode="a", **SMALL) as writer:
            for each in part:
                writer.add(each)
    assert writer.frames == 4
    save_gif(tmp_path / "b.gif", STACK, **SMALL)
    decoded = by_pillow((tmp_path / "b.gif").read_bytes())
    assert_lossless(path.read_bytes(), [picture for picture, _ in decoded])
    with pytest.raises(ValueError, match="labels, texts, fonts and grid"):
        GifWriter(path, mode="a", reduce="max", **SMALL)
    with pytest.raises(ValueError, match=r"expected shape \(300, 400\)"):
        GifWriter(path, (300, 401), mode="a", **SMALL)


def test_an_error_of_the_first_frame_is_raised_where_it_is_added(tmp_path: Path) -> None:
    writer = GifWriter(tmp_path / "a.gif", row_labels=["a", "b"], reduce=None)
    with pytest.raises(ValueError, match="expected 3 row_labels, not 2"):
        writer.add(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="expected 3 row_labels, not 2"):
        writer.add(np.zeros((3, 2)))
    assert writer.close() is None


@pytest.mark.parametrize("titles", [[], ["--titles", "step {}"]], ids=["plain", "titled"])
def test_a_still_from_the_command_line_is_the_frame_of_the_animation(
    tmp_path: Path, titles: list[str]
) -> None:
    from PIL import Image

    from fastheat.cli.main import main

    np.save(tmp_path / "a.npy", STACK)
    options = ["--figsize", "3", "2", "--reduce", "max", "-q", *titles]
    assert main(["render", str(tmp_path / "a.npy"), "-o", str(tmp_path / "a.gif"), *options]) == 0
    still = tmp_path / "a.png"
    options += ["--frame", "2"]
    assert main(["render", str(tmp_path / "a.npy"), "-o", str(still), *options]) == 0
    picture, _ = by_pillow((tmp_path / "a.gif").read_bytes())[2]
    with Image.open(still) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), picture)


def test_masked_values_of_panels_that_are_reduced_do_not_count() -> None:
    values, mask = RNG.normal(size=(400, 400)), np.zeros((400, 400), bool)
    mask[:200] = True
    values[:200] += 100
    panels = Panels({"a": (400, 400)}, figsize=(3, 3), mask=mask)
    with pytest.warns(UserWarning, match="drew 400 x 400 values"):
        panels.image({"a": values})
    assert max(end for limits in panels.ranges.values() for end in limits) < 10


@pytest.mark.filterwarnings("ignore:.*drew 300 x 40 values")
def test_reduced_panels_are_recorded_with_lines_as_they_are_saved(tmp_path: Path) -> None:
    large, small = RNG.normal(size=(4, 300, 40)), RNG.normal(size=(4, 3, 4))
    frames = [
        {"a": a, "b": b, "loss": 1 / k}
        for k, (a, b) in enumerate(zip(large, small, strict=True), 1)
    ]
    look: Any = {"vmin": -1, "vmax": 1, "lines": "loss", "xlim": 4, "figsize": (4, 4), "dpi": 50}
    saved, recorded = tmp_path / "saved.gif", tmp_path / "recorded.gif"
    save_gif(saved, frames, valfmt=None, **look)
    with GifWriter(recorded, valfmt=None, **look) as writer:
        for frame in frames:
            writer.add(frame)
    found, wanted = (by_pillow(file.read_bytes()) for file in (recorded, saved))
    for (picture, _), (expected, _) in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(picture, expected)
