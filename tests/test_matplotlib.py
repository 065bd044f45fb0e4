"""Images compared with matplotlib's: positions, colours, and structural similarity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
import reference
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.text import Text
from matplotlib.ticker import AutoLocator
from reference import Edges, Reference
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from fastheat.figure.heatmap import Heatmap
from fastheat.layout.axes import geometry as geometry_module
from fastheat.layout.axes.ticks import linear_ticks
from fastheat.style.colors import bins, norms
from fastheat.style.colors.colormaps import names
from fastheat.style.text.labels import Box, Placed

pytestmark = reference.NEEDS_NEW

Pixels = npt.NDArray[np.uint8]

FIGURES = [
    pytest.param((10, 15), (15, 10), 100, id="article"),
    pytest.param((5, 5), (6, 4), 100, id="small"),
    pytest.param((8, 3), (6, 8), 100, id="tall"),
    pytest.param((3, 12), (12, 4), 100, id="wide"),
    pytest.param((1, 1), (4, 4), 100, id="one cell"),
    pytest.param((6, 7), (7.3, 5.1), 72, id="72 dpi"),
    pytest.param((6, 7), (7.3, 5.1), 137, id="137 dpi"),
    pytest.param((12, 20), (13, 9), 100, id="many cells"),
]


def labels(shape: tuple[int, int]) -> tuple[list[str], list[str]]:
    rows, columns = shape
    return (
        [f"embed_dim_{i}" for i in range(rows)],
        [f"orig_dim_{j}" for j in range(columns)],
    )


def both(
    values: npt.NDArray[Any],
    dejavu: str,
    *,
    row_labels: Sequence[str] | None = None,
    col_labels: Sequence[str] | None = None,
    square: bool = True,
    **options: Any,
) -> tuple[Reference, Heatmap]:
    """Draw a figure with matplotlib, and lay out the same one with fastheat."""
    rows, columns = labels((values.shape[0], values.shape[1]))
    rows, columns = list(row_labels or rows), list(col_labels or columns)
    theirs = reference.draw(values, rows, columns, aspect="equal" if square else "auto", **options)
    ours = Heatmap(
        (values.shape[0], values.shape[1]),
        row_labels=rows,
        col_labels=columns,
        square=square,
        font=dejavu,
        **options,
    )
    assert ours.size == (theirs.pixels.shape[1], theirs.pixels.shape[0])
    return theirs, ours


def some_values(shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    return np.random.default_rng(sum(shape)).uniform(0, 1, shape)


def apart(first: Edges | Box, second: Edges | Box) -> float:
    """Return the largest distance between the sides of two boxes."""
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


@lru_cache(maxsize=1)
def plain_figure(
    shape: tuple[int, int],
    figsize: tuple[float, float],
    dpi: float,
    cbar: bool,
    square: bool,
    dejavu: str,
) -> tuple[Reference, Heatmap]:
    """Return figures without texts in the cells."""
    return both(
        some_values(shape),
        dejavu,
        figsize=figsize,
        dpi=dpi,
        square=square,
        cbar=cbar,
        cbar_label="weight" if cbar else "",
        valfmt=None,
        vmin=0,
        vmax=1,
    )


# ----------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("cbar", "square"),
    [(False, True), (True, True), (True, False)],
    ids=["no bar", "bar", "bar, oblong"],
)
@pytest.mark.parametrize(("shape", "figsize", "dpi"), FIGURES)
def test_cells_and_labels_stand_where_matplotlib_has_them(
    dejavu: str,
    shape: tuple[int, int],
    figsize: tuple[float, float],
    dpi: float,
    cbar: bool,
    square: bool,
) -> None:
    theirs, ours = plain_figure(shape, figsize, dpi, cbar, square, dejavu)
    grid = ours.layout().panels[0].grid
    # the visible part of a cell lies between grid lines, which cover it by half their width
    line = int(grid.x0[1] - grid.x1[0]) if shape[1] > 1 else round(3 * dpi / 72)
    before, after = line - line // 2, line // 2
    for i, j in np.ndindex(shape):
        mine = (
            float(grid.x0[j] - before),
            float(grid.y0[i] - before),
            float(grid.x1[j] + after),
            float(grid.y1[i] + after),
        )
        assert apart(mine, theirs.cell(i, j)) <= 1, (i, j)
    placed = placed_labels(ours)
    wanted = static_labels(theirs, bar_label=cbar)
    assert [plain(text.get_text()) for text in wanted] == [p.label.text for p in placed]
    for text, label in zip(wanted, placed, strict=True):
        assert apart(label.box(), theirs.edges(text)) <= 2, text.get_text()


@pytest.mark.parametrize("square", [True, False], ids=["square", "oblong"])
@pytest.mark.parametrize(("shape", "figsize", "dpi"), FIGURES[1:-1])
def test_grid_lines_are_drawn_within_a_pixel(
    dejavu: str, shape: tuple[int, int], figsize: tuple[float, float], dpi: float, square: bool
) -> None:
    # all cells are black, so black pixels in the middle row and column of the image are cells
    theirs, ours = both(
        np.zeros(shape),
        dejavu,
        figsize=figsize,
        dpi=dpi,
        square=square,
        valfmt=None,
        cmap="gray",
        vmin=0,
        vmax=1,
    )
    x0, y0, x1, y1 = theirs.cell(shape[0] // 2, shape[1] // 2)
    middle = round((y0 + y1) / 2) + 2, round((x0 + x1) / 2) + 2  # beside the tick marks
    left, top = round(theirs.cell(0, 0)[0]), round(theirs.cell(0, 0)[1])
    for axis, inside in ((0, left), (1, top)):
        mine = np.take(ours.rgb(np.zeros(shape)), middle[axis], axis)[inside:, 0]
        other = np.take(theirs.pixels, middle[axis], axis)[inside:, 0]
        sides = [np.flatnonzero(np.diff((line < 128).astype(int))) for line in (mine, other)]
        assert len(sides[0]) == len(sides[1])
        assert np.abs(sides[0] - sides[1]).max() <= 1


def static_labels(theirs: Reference, bar_label: bool) -> list[Text]:
    """Return matplotlib's labels in fastheat's order: rows, columns, bar ticks, bar label."""
    found = [*theirs.axes.get_yticklabels(), *theirs.axes.get_xticklabels()]
    if theirs.bar:
        low, high = theirs.image.get_clim()
        ticks = zip(theirs.bar.get_ticks(), theirs.bar.ax.get_yticklabels(), strict=True)
        found += [label for at, label in ticks if low <= at <= high]
        found += [theirs.bar.ax.yaxis.get_label()] if bar_label else []
    return found


def plain(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def placed_labels(heatmap: Heatmap) -> Sequence[Placed]:
    """Return the placed labels, which a layout does not keep."""
    found: list[Placed] = []
    place = geometry_module.place

    def spy(*arguments: Any) -> Any:
        geometry = place(*arguments)
        found[:] = geometry.labels
        return geometry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geometry_module, "place", spy)
        heatmap.with_range(0, 1).layout()  # laid out again, with the same range
    return found


def ink_box(pixels: Pixels, around: Edges) -> Box:
    """Return the bounding box of dark pixels in a part of an image."""
    x0, y0, x1, y1 = (round(side) for side in around)
    part = pixels[max(y0, 0) : y1, max(x0, 0) : x1].max(2) < 150
    rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    assert len(rows), "nothing is drawn there"
    return Box(
        float(columns[0]) + max(x0, 0),
        float(rows[0]) + max(y0, 0),
        float(columns[-1]) + max(x0, 0) + 1,
        float(rows[-1]) + max(y0, 0) + 1,
    )


@pytest.mark.parametrize("cbar", [False, True], ids=["no bar", "bar"])
@pytest.mark.parametrize(("shape", "figsize", "dpi"), FIGURES)
def test_label_ink_is_within_two_pixels(
    dejavu: str, shape: tuple[int, int], figsize: tuple[float, float], dpi: float, cbar: bool
) -> None:
    # every fourth label, so that no other one reaches into the box of a rotated one
    rows, columns = (
        [text if k % 4 == 0 else "" for k, text in enumerate(texts)] for texts in labels(shape)
    )
    values = np.zeros(shape)
    theirs, ours = both(
        values,
        dejavu,
        row_labels=rows,
        col_labels=columns,
        figsize=figsize,
        dpi=dpi,
        cbar=cbar,
        cbar_label="weight" if cbar else "",
        valfmt=None,
        cmap="gray_r",
        vmin=0,
        vmax=1,
    )
    picture = ours.rgb(values)
    for text in static_labels(theirs, bar_label=cbar):
        if text.get_text():
            x0, y0, x1, y1 = theirs.edges(text)
            around = x0 - 3, y0 - 3, x1 + 3, y1 + 3
            mine, other = ink_box(picture, around), ink_box(theirs.pixels, around)
            assert apart(mine, other) <= 2, text.get_text()


# ---------------------------------------------------------------------------------------- colours


def delta_e(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the CIEDE2000 difference of 8-bit colours, by scikit-image."""
    one, two = (rgb2lab(np.asarray(colors, np.uint8) / 255.0) for colors in (first, second))
    difference: Any = deltaE_ciede2000  # has no types
    return np.asarray(difference(one, two))


def painted(cmap: Colormap, norm: Normalize, values: npt.NDArray[Any]) -> Pixels:
    """Return the colours that imshow paints on white, where non-finite values are bad."""
    masked = np.ma.masked_invalid(values)
    with np.errstate(over="ignore"):  # values far beyond a narrow range
        rgba = np.asarray(cmap(norm(masked), bytes=True)).astype(float)
    alpha = rgba[..., 3:] / 255
    return np.asarray(np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)), np.uint8)


def fills(heatmap: Heatmap, values: npt.NDArray[Any]) -> Pixels:
    """Return the colour of each cell, at a corner that no text reaches."""
    picture = heatmap.rgb(values)
    grid = heatmap.layout(values.dtype).panels[0].grid
    return picture[grid.y0[:, None], grid.x0[None, :]]


@pytest.mark.parametrize("valfmt", [None, "{x:.0f}"], ids=["plain", "text"])
@pytest.mark.parametrize("name", names())
def test_every_fill_is_within_one_ciede2000(name: str, valfmt: str | None) -> None:
    if name not in matplotlib.colormaps:
        pytest.skip(f"matplotlib {matplotlib.__version__} has no {name}")
    cmap = matplotlib.colormaps[name]
    values = ((np.arange(256.0) + 0.5) / 256).reshape(16, 16)
    values = np.concatenate([values, np.linspace(-1, 2, 16)[None]])
    values[-1, 8] = math.nan
    heatmap = Heatmap(
        (17, 16),
        cmap=name,
        vmin=0,
        vmax=1,
        valfmt=valfmt,
        row_labels=None,
        col_labels=None,
        fontsize=6,
        figsize=(4.2, 4.4),
    )
    away = delta_e(fills(heatmap, values), painted(cmap, Normalize(0, 1), values))
    if name.startswith(("flag", "prism")):  # these have the most colours
        print(f"{name}, valfmt={valfmt}: at most {away.max():.2f}")
    assert away.max() <= 1.0


def test_the_colour_difference_is_scikit_images() -> None:
    random = np.random.default_rng(0)
    first, second = random.integers(0, 256, (2, 4000, 3), np.uint8)
    second[:2000] = np.clip(first[:2000] + random.integers(-3, 4, (2000, 3)), 0, 255)
    from fastheat.style.colors.colors import delta_e_2000, srgb_to_lab

    mine = delta_e_2000(srgb_to_lab(first), srgb_to_lab(second))
    np.testing.assert_allclose(mine, delta_e(first, second), atol=0.01)


def distinct(count: int) -> ListedColormap:
    """Return a colormap whose entries all look different, so that a colour identifies the bin."""
    # a shuffled cube of colours, all farther apart than colours that may be merged
    steps = np.linspace(0.05, 0.95, math.ceil(count ** (1 / 3)))
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)[:count]
    order = np.random.default_rng(count).permutation(count)
    return ListedColormap([tuple(color) for color in cube[order].tolist()])


def nearby(edges: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Return all values, with the next two floats on both sides of each."""
    steps = [edges]
    for way in (-np.inf, np.inf):
        limit = edges.dtype.type(way)
        steps.append(np.nextafter(edges, limit))
        steps.append(np.nextafter(steps[-1], limit))
    found = np.concatenate(steps)
    return found[np.isfinite(found)]


def edge_values(low: float, high: float, bins: int, dtype: Any) -> npt.NDArray[Any]:
    """Return values around every bin edge, in a dtype."""
    with np.errstate(over="ignore"):
        edges = (low + (high - low) * np.arange(-1, bins + 2) / bins).astype(dtype)
    return np.unique(nearby(edges))


def table(values: npt.NDArray[Any], width: int = 16) -> npt.NDArray[Any]:
    """Return values as a matrix, padded with the last one."""
    missing = -len(values) % width
    return np.concatenate([values, np.repeat(values[-1:], missing)]).reshape(-1, width)


def assert_same_fills(
    values: npt.NDArray[Any],
    vmin: float,
    vmax: float,
    cmap: Colormap,
    drawn: npt.NDArray[Any] | None = None,
) -> None:
    """Check that each value has matplotlib's colour to the last bit, and so the same bin."""
    matrix = table(values)
    heatmap = Heatmap(
        (matrix.shape[0], matrix.shape[1]),
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        valfmt=None,
        row_labels=None,
        col_labels=None,
    )
    mine = fills(heatmap, matrix)
    wanted = painted(cmap, Normalize(vmin, vmax), matrix if drawn is None else table(drawn))
    wrong = (mine != wanted).any(-1)
    assert not wrong.any(), (
        f"{matrix[wrong][:3]!r} are {mine[wrong][:3]}, but matplotlib's {wanted[wrong][:3]}"
    )


RANGES = [(0.0, 0.05), (0.0, 1.0), (-1.0, 1.0), (-3.2, 7.9), (1e-6, 5e-6), (1000.0, 1000.25)]
BINS = [1, 2, 7, 100, 200]


@pytest.mark.parametrize("bins", BINS)
@pytest.mark.parametrize(("vmin", "vmax"), RANGES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bins_are_those_of_matplotlib_about_every_edge(
    dtype: Any, vmin: float, vmax: float, bins: int
) -> None:
    assert_same_fills(edge_values(vmin, vmax, bins, dtype), vmin, vmax, distinct(bins))


@pytest.mark.parametrize(("vmin", "vmax"), RANGES)
def test_float16_is_drawn_as_float32_is(vmin: float, vmax: float) -> None:
    # imshow resamples values in float32
    values = edge_values(vmin, vmax, 200, np.float16)
    assert_same_fills(values, vmin, vmax, distinct(200), values.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(data=st.data())
def test_bins_are_those_of_matplotlib_for_any_value_and_range(dtype: Any, data: Any) -> None:
    floats = st.floats(-(2.0**100), 2.0**100, width=32)
    vmin, vmax = sorted(data.draw(st.tuples(floats, floats)))
    if 0 < vmax - vmin < 1e-30:
        vmax = vmin
    inside = st.floats(-0.5, 1.5).map(lambda part: vmin + part * (vmax - vmin))
    anything = st.one_of(
        inside, floats, st.sampled_from([vmin, vmax, 0.0, -0.0, math.nan, math.inf, -math.inf])
    )
    values = np.array(data.draw(st.lists(anything, min_size=1, max_size=60))).astype(dtype)
    finite = values[np.isfinite(values)]
    values = np.concatenate([values, nearby(finite)])
    assert_same_fills(values, vmin, vmax, distinct(100))


@pytest.mark.parametrize("cells", [256, 1000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("vmin", "vmax"), RANGES)
def test_edges_of_many_bins_are_matplotlibs(
    vmin: float, vmax: float, dtype: Any, cells: int
) -> None:
    # more bins than a GIF has colours, so the test compares their edges
    entries = ListedColormap([(k // 256 / 255, k % 256 / 255, 0) for k in range(cells)])
    numbers = entries.with_extremes(under=(0, 0, 1), over=(0, 1, 1))
    values = edge_values(vmin, vmax, cells, dtype)
    rgba = numbers(Normalize(vmin, vmax)(values), bytes=False)
    high, low, beyond, _ = np.rint(np.asarray(rgba).T * 255).astype(int)
    wanted = np.where(beyond > 0, np.where(low > 0, cells, -1), high * 256 + low)
    edges = bins.bin_edges(norms.LINEAR.rule(vmin, vmax, 256), cells, np.dtype(dtype))
    np.testing.assert_array_equal(np.searchsorted(edges.bins[0], values, side="right") - 1, wanted)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("vmin", "vmax"), [(0, 100), (-100, 100), (0.5, 77.7), (-3, 3), (10, 10), (0, 40000)]
)
def test_integers_have_the_bins_of_normalize(dtype: Any, vmin: float, vmax: float) -> None:
    limits = np.iinfo(dtype)
    values = np.arange(max(limits.min, -150), min(limits.max, 400) + 1).astype(dtype)
    random = np.random.default_rng(0).integers(limits.min, limits.max, 400, dtype)
    most = np.array([limits.min, limits.max], dtype)
    if limits.bits == 64:  # float64 holds integers up to 2 ** 53 exactly
        random, most = random >> 12, most >> 12
    assert_same_fills(np.concatenate([values, random, most]), vmin, vmax, distinct(100))


@pytest.mark.parametrize(("vmin", "vmax"), [(0, 1), (-1, 0.5), (0, 0), (1, 3)])
def test_booleans_have_the_bins_of_normalize(vmin: float, vmax: float) -> None:
    assert_same_fills(np.array([False, True]), vmin, vmax, distinct(100))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8])
def test_big_endian_and_strided_values_are_those_that_they_stand_for(dtype: Any) -> None:
    values = (np.arange(240).reshape(15, 16) % 97).astype(dtype)
    spread = np.zeros((30, 48), values.dtype)
    spread[::2, ::3] = values
    swapped = values.astype(values.dtype.newbyteorder())
    heatmap = Heatmap((15, 16), vmin=3, vmax=90, valfmt=None)
    wanted = heatmap.rgb(values)
    for same in (swapped, spread[::2, ::3], np.asfortranarray(values), values[::-1][::-1]):
        np.testing.assert_array_equal(heatmap.rgb(same), wanted)


def test_all_values_have_the_first_colour_where_vmin_is_vmax() -> None:
    values = np.array([-1e300, -1.0, 4.999, 5.0, 5.001, 1e300, math.nan, math.inf])
    assert_same_fills(values, 5.0, 5.0, distinct(7))


def extremes() -> Colormap:
    return distinct(50).with_extremes(bad="fuchsia", under="#0a141e", over="orange")


def test_under_over_and_bad_have_the_colours_that_the_colormap_was_given() -> None:
    values = np.array(
        [-math.inf, math.inf, math.nan, -1e-300, -5.0, 1 + 1e-15, 9.0, 0.0, -0.0, 1.0]
    )
    blend = LinearSegmentedColormap.from_list("two", ["black", "white"], N=2)
    cmap = blend.with_extremes(bad="fuchsia", under="#0a141e", over="orange")
    assert_same_fills(values, 0, 1, cmap)
    assert_same_fills(values.astype(np.float32), 0, 1, extremes())


def test_under_over_and_bad_may_be_given_as_options() -> None:
    values = np.array([[-1.0, 0.25, 0.75], [2.0, math.nan, math.inf]])
    cmap = distinct(50)
    heatmap = Heatmap(
        (2, 3), cmap=cmap, vmin=0, vmax=1, under="red", over=(0, 1, 0), bad="#123456", valfmt=None
    )
    with_extremes = cmap.with_extremes(under="red", over=(0, 1, 0), bad="#123456")
    mine = fills(heatmap, values)
    np.testing.assert_array_equal(mine, painted(with_extremes, Normalize(0, 1), values))


def test_bad_cells_show_the_background_as_imshow_leaves_it() -> None:
    heatmap = Heatmap((1, 2), cmap=distinct(9), vmin=0, vmax=1, valfmt=None, background="#c0ffee")
    assert fills(heatmap, np.array([[math.nan, 0.5]]))[0, 0].tolist() == [0xC0, 0xFF, 0xEE]


def test_imshow_itself_paints_the_same_fills(dejavu: str) -> None:
    values = np.array([[0.0, 0.3, 1.0, -1.0], [2.0, math.nan, math.inf, -math.inf]])
    theirs, ours = both(
        values, dejavu, figsize=(8, 5), valfmt=None, cmap=extremes(), vmin=0, vmax=1
    )
    mine = fills(ours, values)
    for i, j in np.ndindex(2, 4):
        x0, y0, x1, y1 = theirs.cell(i, j)
        other = theirs.pixels[round((y0 + y1) / 2), round((x0 + x1) / 2)]
        assert mine[i, j].tolist() == other.tolist(), (i, j)


# ------------------------------------------------------------------------------------ text colours


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
@pytest.mark.parametrize("threshold", [0.0, 3.3, 5.0, -4.0, 10.0, 25.0])
def test_text_colours_follow_the_articles_threshold(
    dejavu: str, threshold: float, dtype: Any
) -> None:
    norm = Normalize(0, 10)
    values = np.arange(-5, 15, 0.5).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values = np.concatenate([values, nearby(np.array([threshold, 0, 10], dtype))])
    matrix = table(values, 6)
    heatmap = Heatmap(
        (matrix.shape[0], 6),
        vmin=0,
        vmax=10,
        textcolors=("red", "blue"),
        threshold=threshold,
        valfmt=lambda _: "\N{FULL BLOCK}",
        font=dejavu,
    )
    picture = heatmap.rgb(matrix)
    grid = heatmap.layout(matrix.dtype).panels[0].grid
    middle = picture[(grid.y0 + grid.y1)[:, None] // 2, (grid.x0 + grid.x1)[None, :] // 2]
    above = np.asarray(norm(matrix) > norm(matrix.dtype.type(threshold)), bool)
    if np.dtype(dtype).kind != "f":
        above = np.asarray(norm(matrix) > norm(threshold), bool)
    wanted = np.where(above[..., None], [0, 0, 255], [255, 0, 0])
    np.testing.assert_array_equal(middle, wanted)


def test_a_cell_that_is_not_finite_has_the_first_text_colour(dejavu: str) -> None:
    heatmap = Heatmap(
        (1, 3),
        vmin=0,
        vmax=1,
        textcolors=("red", "blue"),
        threshold=-5,
        valfmt=lambda _: "\N{FULL BLOCK}",
        font=dejavu,
    )
    picture = heatmap.rgb([[math.nan, math.inf, 0.5]])
    grid = heatmap.layout().panels[0].grid
    middle = picture[(grid.y0[0] + grid.y1[0]) // 2, (grid.x0 + grid.x1) // 2]
    assert middle.tolist() == [[255, 0, 0], [255, 0, 0], [0, 0, 255]]


# --------------------------------------------------------------------------------------- the whole


@pytest.mark.parametrize("cbar", [False, True], ids=["no bar", "bar"])
@pytest.mark.parametrize(("shape", "figsize", "dpi"), FIGURES[:-1])
def test_whole_pictures_are_alike(
    dejavu: str, shape: tuple[int, int], figsize: tuple[float, float], dpi: float, cbar: bool
) -> None:
    values = some_values(shape)
    cmap = "RdBu" if shape[0] < shape[1] / 2 else "YlGn"
    theirs, ours = both(
        values,
        dejavu,
        figsize=figsize,
        dpi=dpi,
        cmap=cmap,
        cbar=cbar,
        cbar_label="weight" if cbar else "",
        vmin=0,
        vmax=1,
        threshold=0.5,
    )
    similarity: Any = structural_similarity  # has no types
    alike = similarity(theirs.pixels, ours.rgb(values), channel_axis=2)
    print(f"{shape} in {figsize} at {dpi} dpi, {cmap}, cbar={cbar}: SSIM {alike:.4f}")
    # at other resolutions than 100 dpi, matplotlib snaps lines differently
    assert alike >= (0.95 if dpi == 100 else 0.92)


# ------------------------------------------------------------------------------------- colour bars


def number(text: str) -> float:
    return float(plain(text))


@pytest.mark.parametrize(
    ("vmin", "vmax"),
    [
        (0.0, 0.05),
        (-1.0, 1.0),
        (0.0, 1.0),
        (-3.2, 7.9),
        (0.0, 1000.0),
        (1e-6, 5e-6),
        (0.0, 255.0),
        (-2.5, -1.1),
        (0.25, 9.75),
        (1000.01, 1000.02),
        (1e6, 3e7),
        (1e8, 1e8 + 1),
    ],
)
def test_colour_bar_ticks_are_matplotlibs(dejavu: str, vmin: float, vmax: float) -> None:
    theirs, ours = both(
        np.full((4, 4), vmin),
        dejavu,
        figsize=(6, 5),
        cbar=True,
        valfmt=None,
        vmin=vmin,
        vmax=vmax,
    )
    assert theirs.bar is not None
    offset = plain(theirs.bar.ax.yaxis.get_offset_text().get_text())
    power, _, plus = offset.partition("+") if "e" in offset else ("", "", "")
    assert not power.endswith("e")
    scale, shift = float(power or 1), float(plus or 0)
    ticks = zip(theirs.bar.get_ticks(), theirs.bar.ax.get_yticklabels(), strict=True)
    shown = [(at, label) for at, label in ticks if vmin <= at <= vmax]
    mine = placed_labels(ours)[8:]
    step = shown[1][0] - shown[0][0]
    assert len(mine) == len(shown)
    for (at, label), placed in zip(shown, mine, strict=True):
        mine_at, other_at = placed.box(), theirs.edges(label)
        middles = [(top + bottom) / 2 for _, top, _, bottom in (mine_at, other_at)]
        assert abs(middles[0] - middles[1]) <= 2
        assert number(label.get_text()) * scale + shift == pytest.approx(at, abs=step / 50)
        assert number(placed.label.text) == pytest.approx(at, abs=step / 50)


spans = st.builds(
    lambda low, part, power: (low * 10.0**power, (low + part) * 10.0**power),
    st.floats(-1e4, 1e4),
    st.floats(1e-2, 1e4),
    st.integers(-12, 12),
)


@given(spans)
@example((0.0, 23.0))
@example((0.25, 9.75))
@example((4.3755e-08, 4.3845e-08))
def test_ticks_are_those_of_auto_locator(span: tuple[float, float]) -> None:
    vmin, vmax = span
    locator = AutoLocator()
    locator.set_params(nbins=9)  # as many as a bar of the usual length has room for

    def inside(ticks: Sequence[float]) -> list[float]:
        # rounding decides whether a tick at the very end is in the range
        margin = 1e-6 * (vmax - vmin)
        return [float(at) for at in ticks if vmin + margin < at < vmax - margin]

    wanted = inside(np.asarray(locator.tick_values(vmin, vmax)).tolist())
    mine = inside([vmin + at * (vmax - vmin) for at, _ in linear_ticks(vmin, vmax)])
    np.testing.assert_allclose(mine, wanted, rtol=0, atol=1e-4 * (vmax - vmin))


@given(spans)
@example((1e8, 1e8 + 1))
@example((1e-5, 1.0001e-5))
@example((8.988e307, 8.989e307))
def test_ticks_read_as_where_they_stand(span: tuple[float, float]) -> None:
    vmin, vmax = span
    ticks = linear_ticks(vmin, vmax)
    assert len(ticks) >= 2
    step = (ticks[1][0] - ticks[0][0]) * (vmax - vmin)
    for place, text in ticks:
        assert float(text) == pytest.approx(vmin + place * (vmax - vmin), abs=step / 50)


def test_the_colour_bar_shows_every_bin_from_bottom_to_top(dejavu: str) -> None:
    cmap = distinct(5)
    theirs, ours = both(
        np.zeros((4, 4)), dejavu, figsize=(6, 6), cbar=True, valfmt=None, cmap=cmap, vmin=0, vmax=1
    )
    assert theirs.bar is not None
    box = theirs.bar.ax.get_window_extent()
    height = len(theirs.pixels)
    x = round((box.x0 + box.x1) / 2)
    mine, other = ours.rgb(np.zeros((4, 4)))[:, x], theirs.pixels[:, x]
    low, high = height - box.y1 + 4, height - box.y0 - 4
    steps = [(np.diff(line.astype(int), axis=0) != 0).any(1) for line in (mine, other)]
    inside = [np.flatnonzero(step[: int(high)])[step[: int(low)].sum() :] for step in steps]
    assert len(inside[0]) == len(inside[1]) == 4
    assert np.abs(inside[0] - inside[1]).max() <= 1
    for y in np.linspace(height - box.y0 - 10, height - box.y1 + 10, 40).round().astype(int):
        if np.abs(inside[1] - y).min() > 2:
            # the colour bar is a mesh, which rounds where images truncate
            assert np.abs(mine[y].astype(int) - other[y]).max() <= 1
