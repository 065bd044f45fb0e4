"""Norms: bins, ranges and colour bars compared with matplotlib's, and masked values."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import reference
from decoders import by_ffmpeg
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.scale import LogitScale
from oracles import paint

import fastheat
from fastheat.figure.heatmap import Heatmap
from fastheat.inputs.frames.ranges import EXACT, Quantiles
from fastheat.layout.axes.ticks import bar_ticks, ticks_at
from fastheat.style.colors.bins import bin_edges, edges_of_ranges

pytestmark = reference.NEEDS_NEW

Make = Callable[[], Any]


def named(name: str) -> Any:
    """Return the norm that `imshow` makes from a name."""
    norm: Any = Figure().subplots().imshow([[1.0, 2.0]], norm=name).norm
    norm.vmin = norm.vmax = None
    return norm


class Squared(Normalize):
    """A user-defined norm."""

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        place = super().__call__(value, clip)
        return np.sign(place) * place**2


ROOTS = (lambda x: np.sqrt(x), lambda x: x**2)
CUBES = (lambda x: x**3, lambda x: np.cbrt(x))

# options of a heatmap, and the matplotlib norm that they correspond to, without its range
KINDS: dict[str, tuple[dict[str, Any], Make]] = {
    "linear": ({"norm": "linear"}, Normalize),
    "log": ({"norm": "log"}, colors.LogNorm),
    "symlog": ({"norm": "symlog"}, lambda: named("symlog")),
    "symlog 0.1": ({"linthresh": 0.1}, lambda: colors.SymLogNorm(0.1)),
    "asinh": ({"norm": "asinh"}, colors.AsinhNorm),
    "power 0.5": ({"gamma": 0.5}, lambda: colors.PowerNorm(0.5)),
    "power 2": ({"norm": "power", "gamma": 2}, lambda: colors.PowerNorm(2)),
    "centered": ({"norm": "centered"}, colors.CenteredNorm),
    "centered 0.1": ({"norm": "centered", "center": 0.1}, lambda: colors.CenteredNorm(0.1)),
    "center": ({"center": 0.3}, lambda: colors.TwoSlopeNorm(0.3)),
}
OBJECTS: dict[str, Make] = {
    "LogNorm": colors.LogNorm,
    "SymLogNorm": lambda: colors.SymLogNorm(0.03, linscale=0.5, base=2),
    "PowerNorm": lambda: colors.PowerNorm(1 / 3),
    "TwoSlopeNorm": lambda: colors.TwoSlopeNorm(0.25),
    "CenteredNorm": lambda: colors.CenteredNorm(0.1),
    "FuncNorm of roots": lambda: colors.FuncNorm(ROOTS),
    "FuncNorm of cubes": lambda: colors.FuncNorm(CUBES),
    "AsinhNorm": lambda: colors.AsinhNorm(0.1),
    "clipped": lambda: Normalize(clip=True),
    "clipped log": lambda: colors.LogNorm(clip=True),
    "a user's": Squared,
}
KINDS |= {name: ({"norm": make()}, make) for name, make in OBJECTS.items()}
CENTERED = ("centered", "centered 0.1")
POSITIVE = ("log", "LogNorm", "FuncNorm of roots", "clipped log")
RANGES = [(0.01, 7.5), (-3.0, 40.0), (-0.5, 0.5), (1e-3, 1e3)]
BIN_COLORS = 100


def distinct(count: int) -> Colormap:
    """Return a colormap whose entries all look different, so that a colour identifies the bin."""
    steps = np.linspace(0.05, 0.95, math.ceil(count ** (1 / 3)))
    cube = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)[:count]
    order = np.random.default_rng(count).permutation(count)
    table = ListedColormap([tuple(color) for color in cube[order].tolist()])
    return table.with_extremes(under="#ff00ff", over="#00ffff", bad="#ffff00")


def nearby(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return all values, with the next two floats on both sides of each."""
    steps = [values]
    for way in (-np.inf, np.inf):
        steps.append(np.nextafter(values, values.dtype.type(way)))
        steps.append(np.nextafter(steps[-1], values.dtype.type(way)))
    found: npt.NDArray[Any] = np.unique(np.concatenate(steps))
    finite: npt.NDArray[Any] = found[np.isfinite(found)]
    return finite


def fills(heatmap: Heatmap, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    picture = heatmap.rgb(values)
    grid = heatmap.layout(values.dtype).panels[0].grid
    return picture[grid.y0[:, None], grid.x0[None, :]]


def painted(cmap: Colormap, norm: Any, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    with np.errstate(all="ignore"):
        rgba = cmap(norm(np.ma.masked_invalid(values)), bytes=True)
    return np.asarray(rgba)[..., :3]


def assert_alike(
    options: dict[str, Any], norm: Any, values: npt.NDArray[Any], bins: int = BIN_COLORS
) -> None:
    """Check that each value has matplotlib's colour, and so the same bin."""
    missing = -len(values) % 16
    matrix = np.concatenate([values, np.repeat(values[-1:], missing)]).reshape(-1, 16)
    cmap = distinct(bins)
    heatmap = Heatmap(
        matrix.shape, cmap=cmap, valfmt=None, row_labels=None, col_labels=None, **options
    )
    mine, wanted = fills(heatmap, matrix), painted(cmap, norm, matrix)
    wrong = (mine != wanted).any(-1)
    assert not wrong.any(), (
        f"{matrix[wrong][:3]!r} are {mine[wrong][:3]}, but matplotlib's {wanted[wrong][:3]}"
    )


def about_edges(options: dict[str, Any], dtype: Any) -> npt.NDArray[Any]:
    """Return values around every bin edge of a heatmap, and some others."""
    layout = Heatmap((2, 2), cmap=distinct(BIN_COLORS), valfmt=None, **options).layout(
        np.dtype(dtype)
    )
    shades = layout.panels[0].shades
    edges = np.concatenate([shades.edges[0], shades.floor, shades.ceiling, [0.0]])
    rng = np.random.default_rng(0)
    low, high = Heatmap((2, 2), **options).range
    assert low is not None
    assert high is not None
    others = rng.uniform(low - (high - low), high + (high - low), 300)
    special = np.array([0.0, -0.0, low, high, np.nan, np.inf, -np.inf, 1e-30, -1e30, 1e30])
    with np.errstate(over="ignore"):
        near = nearby(edges[np.isfinite(edges)].astype(dtype))
        return np.concatenate([near, others.astype(dtype), special.astype(dtype)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("vmin", "vmax"), RANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_bins_are_matplotlibs_about_every_edge(
    kind: str, vmin: float, vmax: float, dtype: Any
) -> None:
    if vmin <= 0 and kind in POSITIVE:
        vmin = 0.02
    options, make = KINDS[kind]
    norm = make()
    if kind == "center" and not vmin < 0.3 < vmax:
        return
    norm.autoscale_None(np.array([vmin, vmax]))
    options = {**options, "vmin": norm.vmin, "vmax": norm.vmax}
    assert_alike(options, norm, about_edges(options, dtype))


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64])
@pytest.mark.parametrize("kind", KINDS)
def test_bins_of_integers_are_matplotlibs(kind: str, dtype: Any) -> None:
    options, make = KINDS[kind]
    limits = np.iinfo(dtype)
    values = np.arange(max(limits.min, -300), min(limits.max, 300) + 1).astype(dtype)
    norm = make()
    norm.autoscale_None(np.array([1, 100]))
    if kind == "center":
        norm = colors.TwoSlopeNorm(0.3, -5, 100)
    assert_alike({**options, "vmin": norm.vmin, "vmax": norm.vmax}, norm, values)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
@pytest.mark.parametrize(
    ("boundaries", "bins"),
    [
        ([0, 1], 100),
        ([0.1, 0.2, 0.7, 3], 100),
        ([-3, -1, 0, 1, 3], 4),
        ([-3, -1, 0, 1, 3], 256),
        (np.linspace(-1, 1, 101), 100),
    ],
)
def test_boundaries_have_the_bins_of_boundary_norm(boundaries: Any, bins: int, dtype: Any) -> None:
    cmap = distinct(min(bins, BIN_COLORS))
    norm = colors.BoundaryNorm(boundaries, cmap.N)
    values = np.concatenate([nearby(np.array(boundaries, np.float64)), np.linspace(-5, 5, 101)])
    values = values.astype(dtype)
    assert_alike({"boundaries": boundaries}, norm, values, cmap.N)
    assert_alike({"norm": norm}, norm, values, cmap.N)
    for extend in ("min", "max", "both"):
        if len(boundaries) + 1 <= cmap.N:
            norm = colors.BoundaryNorm(boundaries, cmap.N, extend=extend)
            assert_alike({"norm": norm}, norm, values, cmap.N)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(data=st.data())
def test_bins_are_matplotlibs_for_any_value_and_range(dtype: Any, data: Any) -> None:
    kind = data.draw(st.sampled_from([kind for kind in KINDS if kind != "center"]))
    floats = st.floats(-(2.0**40), 2.0**40, width=32).filter(lambda x: x == 0 or abs(x) > 1e-12)
    vmin, vmax = sorted(data.draw(st.tuples(floats, floats)))
    if kind in POSITIVE:
        vmin, vmax = sorted((abs(vmin) or 1.0, abs(vmax) or 1.0))
    options, make = KINDS[kind]
    norm = make()
    norm.autoscale_None(np.array([vmin, vmax]))
    low, high = norm.vmin, norm.vmax
    if 0 < high - low < 1e-6 * max(abs(low), abs(high)):
        return
    inside = st.floats(-0.5, 1.5).map(lambda part: low + part * (high - low))
    anything = st.one_of(inside, floats, st.sampled_from([low, high, 0.0, math.nan, math.inf]))
    values = np.array(data.draw(st.lists(anything, min_size=1, max_size=40))).astype(dtype)
    assert_alike({**options, "vmin": low, "vmax": high}, norm, values)


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_find_the_bins_that_stills_do(kind: str, tmp_path: Any) -> None:
    # several decades; in the lower ones, many edges lie close together
    options = {**KINDS[kind][0], "vmin": 1e-4, "vmax": 1e3, "cmap": distinct(BIN_COLORS)}
    if kind in CENTERED:  # the other limit follows
        del options["vmin"]
    values = about_edges({k: v for k, v in options.items() if k != "cmap"}, np.float64)
    values = np.concatenate([values, np.geomspace(1e-5, 1e4, 500)])
    frames = np.random.default_rng(0).permutation(values)[: len(values) // 40 * 40]
    frames = frames.reshape(4, -1, 10)
    heatmap = Heatmap(frames[0].shape, valfmt=None, **options)
    path = tmp_path / "a.gif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        summary = fastheat.save_gif(path, frames, heatmap=heatmap)
    for picture, frame in zip(by_ffmpeg(path.read_bytes()), frames, strict=True):
        np.testing.assert_array_equal(picture, heatmap.rgb(frame))
    bad = sum(paint(heatmap.layout(), frame)[1].bad for frame in frames)
    assert summary.bad == bad


def test_imshow_paints_the_same_cells() -> None:
    values = np.array([[-1.0, 0.0, 1e-3], [0.5, 2.0, np.inf], [np.nan, 11.0, 9.99]])
    cmap = distinct(8)
    with reference.defaults():
        figure = Figure(figsize=(3, 3), dpi=100)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.imshow(values, norm=colors.LogNorm(0.01, 10), cmap=cmap)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        wanted = np.asarray(canvas.buffer_rgba())[50::100, 50::100, :3]
    heatmap = Heatmap((3, 3), norm="log", vmin=0.01, vmax=10, cmap=cmap, valfmt=None)
    assert np.abs(fills(heatmap, values).astype(int) - wanted).max() <= 1


# ----------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize("kind", KINDS)
def test_a_range_that_is_not_given_is_taken_as_matplotlib_takes_it(kind: str) -> None:
    options, make = KINDS[kind]
    rng = np.random.default_rng(3)
    for values in (
        rng.normal(size=(4, 5)),
        rng.uniform(1, 2, (4, 5)),
        -rng.uniform(1, 2, (4, 5)),
        np.ones((4, 5)),
    ):
        values[0, 0] = math.nan
        if kind in POSITIVE and np.nanmax(values) < 0:
            continue
        norm = make()
        with np.errstate(all="ignore"):
            norm.autoscale_None(np.ma.masked_invalid(values))
        heatmap = Heatmap((4, 5), **options, valfmt=None)
        heatmap.indices(values)
        assert heatmap.range == (norm.vmin, norm.vmax)


def test_a_centered_range_is_as_far_on_both_sides() -> None:
    def ends(**options: Any) -> tuple[float | None, float | None]:
        return Heatmap((2, 2), norm="centered", **options).range

    assert ends() == (None, None)
    assert ends(vmin=-2) == ends(vmax=2) == ends(vmin=-2, vmax=2) == (-2, 2)
    assert ends(vmax=3, center=1) == (-1, 3)
    assert ends(vmin=0.2, vmax=0.4, center=0.3) == pytest.approx((0.2, 0.4))
    assert ends(vmax=0) == (0, 0)
    for options, said in (
        ({"vmin": -1, "vmax": 2}, "far on both sides of 0.0 with norm='centered', not vmin=-1.0 a"),
        ({"vmin": 1}, "both sides of 0.0 with norm='centered', not vmin=1.0"),
        ({"vmax": 1, "center": 2}, "both sides of 2.0 with norm='centered', not vmax=1.0"),
    ):
        with pytest.raises(ValueError, match=said):
            ends(**options)
    with pytest.raises(TypeError, match="expected no gamma with norm='centered'"):
        ends(gamma=2)


@pytest.mark.parametrize("center", [0.0, 0.1, -3.7])
def test_a_centered_range_of_frames_holds_them_however_it_is_taken(
    center: float, tmp_path: Any
) -> None:
    frames = np.random.default_rng(2).normal(0.5, 1, (40, 3, 4))
    path = tmp_path / "a.gif"
    own: dict[str, Any] = {"norm": "centered", "center": center, "cbar": True}
    norm = colors.CenteredNorm(center)
    norm.autoscale_None(frames)
    summary = fastheat.save_gif(path, frames, **own)
    assert (summary.vmin, summary.vmax) == (norm.vmin, norm.vmax)
    assert (summary.under, summary.over) == (0, 0)
    norm = colors.CenteredNorm(center)
    norm.autoscale_None(np.percentile(frames, (2, 98)))
    with pytest.warns(UserWarning, match="over all frames"):
        summary = fastheat.save_gif(path, frames, robust=True, **own)
    assert (summary.vmin, summary.vmax) == (norm.vmin, norm.vmax)
    summary = fastheat.save_gif(path, frames, autoscale="grow", **own)
    assert (summary.under, summary.over) == (0, 0)
    assert summary.vmin + summary.vmax == pytest.approx(2 * center)
    with fastheat.GifWriter(path, autoscale="grow", **own) as writer:
        writer.add(frames[0])
    with fastheat.GifWriter(path, mode="a", autoscale="grow", **own) as writer:
        for frame in frames[1:]:
            writer.add(frame)
    assert writer.summary is not None
    assert (writer.summary.vmin, writer.summary.vmax) == (summary.vmin, summary.vmax)
    with pytest.raises(ValueError, match=r"expected the (labels|size)"):
        fastheat.GifWriter(path, mode="a", autoscale="grow", cbar=True)


def test_a_norm_that_is_given_is_not_changed() -> None:
    norm = colors.LogNorm()
    Heatmap((2, 2), norm=norm).indices([[1, 2], [3, 4]])
    assert (norm.vmin, norm.vmax) == (None, None)
    fixed = colors.LogNorm(1, 10)
    heatmap = Heatmap((2, 2), norm=fixed)
    fixed.vmax = 100
    assert heatmap.range == (1, 10)


def test_values_that_log_does_not_take_are_bad(tmp_path: Any) -> None:
    frames = np.array([[[-1.0, 0.0, 0.5], [2.0, 20.0, np.nan]]])
    with pytest.warns(UserWarning, match="2 values that the norm does not take"):
        summary = fastheat.save_gif(tmp_path / "a.gif", frames, norm="log", bad="red")
    assert (summary.vmin, summary.vmax) == (0.5, 20)
    assert (summary.bad, summary.under, summary.over) == (3, 0, 0)
    with (
        pytest.warns(UserWarning, match="1 value below vmin"),
        pytest.warns(UserWarning, match="2 values that the norm does not take"),
    ):
        summary = fastheat.save_gif(tmp_path / "a.gif", frames, norm="log", vmin=1)
    assert (summary.bad, summary.under) == (3, 1)


@pytest.mark.parametrize("count", [1, 7, 1000, EXACT, EXACT + 1, 3 * EXACT + 5])
def test_robust_takes_the_percentiles_of_numpy(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.standard_cauchy(count)
    found = Quantiles()
    for start in range(0, count, 300_001):
        found.add(values[start : start + 300_001])
    wanted = np.percentile(values, [2, 98])
    assert found.at((2, 98)) == pytest.approx(wanted, rel=0 if count <= EXACT else 1 / 256)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=300))
def test_counted_percentiles_are_within_what_is_said(values: list[float]) -> None:
    found = Quantiles()
    found.add(np.array(values))
    found._fold()
    ordered = np.sort(values)
    for percent in (0, 2, 50, 98, 100):
        low, high = found.at((percent, percent)) or (0, 0)
        assert low == high
        rank = percent / 100 * (len(values) - 1)
        ends = ordered[math.floor(rank)], ordered[math.ceil(rank)]
        slack = max(abs(ends[0]), abs(ends[1])) / 256 + 1e-300
        assert ends[0] - slack <= low <= ends[1] + slack


def test_robust_is_over_all_frames_but_for_an_end_that_is_given(tmp_path: Any) -> None:
    frames = np.random.default_rng(0).normal(size=(50, 6, 7))
    frames[3, 2, 2] = math.inf
    low, high = np.percentile(frames[np.isfinite(frames)], [2, 98])
    cases: list[tuple[dict[str, Any], tuple[float, float]]]
    cases = [({}, (low, high)), ({"vmax": 9.0}, (low, 9.0))]
    for options, wanted in cases:
        with pytest.warns(UserWarning, match="have the colours of the ends"):
            summary = fastheat.save_gif(tmp_path / "a.gif", frames, robust=True, **options)
        assert (summary.vmin, summary.vmax) == pytest.approx(wanted, rel=1e-12)


# ----------------------------------------------------------------------------------------- masks


@pytest.mark.parametrize("valfmt", [None, "{x:.1f}", lambda x: f"<{x:.0f}>"])
def test_masked_cells_are_bad_and_have_no_text(valfmt: Any, tmp_path: Any) -> None:
    frames = np.random.default_rng(0).normal(size=(5, 3, 4))
    frames[:, 0, 0] = 1e9  # would widen the range
    frames[2, 2, 2] = math.nan
    mask = np.zeros((3, 4), bool)
    mask[0, 0] = mask[1, 3] = True
    options: dict[str, Any] = {"valfmt": valfmt, "bad": "#ff0000", "grid_width": 0}
    summary = fastheat.save_gif(tmp_path / "a.gif", frames, mask=mask, **options)
    assert summary.vmax < 10
    assert (summary.masked, summary.bad) == (10, 1)
    data = np.ma.masked_array(frames, np.broadcast_to(mask, frames.shape))
    other = fastheat.save_gif(tmp_path / "b.gif", data, **options)
    assert (other.masked, other.bad) == (10, 1)
    pictures = [by_ffmpeg((tmp_path / name).read_bytes()) for name in ("a.gif", "b.gif")]
    heatmap = Heatmap((3, 4), mask=mask, vmin=summary.vmin, vmax=summary.vmax, **options)
    for first, second, frame in zip(*pictures, frames, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, heatmap.rgb(frame))
    grid = heatmap.layout().panels[0].grid
    for i, j in np.argwhere(mask):
        cell = pictures[0][2][grid.y0[i] : grid.y1[i], grid.x0[j] : grid.x1[j]]
        assert (cell == (255, 0, 0)).all()
    cell = pictures[0][2][grid.y0[2] : grid.y1[2], grid.x0[2] : grid.x1[2]]
    assert (cell != (255, 0, 0)).any() == (valfmt is not None)  # a NaN reads "nan"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_a_writer_takes_masked_matrices_of_every_type(dtype: Any, tmp_path: Any) -> None:
    values = np.ma.masked_equal(np.arange(6).reshape(2, 3).astype(dtype), 4)
    with fastheat.GifWriter(tmp_path / "a.gif", vmin=0, vmax=9) as writer:
        writer.add(values)
        writer.add(values + np.ones((), dtype))
    assert writer.summary is not None
    assert (writer.summary.masked, writer.summary.bad) == (2, 0)


# ------------------------------------------------------------------------------------ the writer


@pytest.mark.filterwarnings("ignore:.*that the norm does not take:UserWarning")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "clipped log"])
def test_a_range_grows_with_every_norm(kind: str, tmp_path: Any) -> None:
    options, _ = KINDS[kind]
    rng = np.random.default_rng(1)
    frames = rng.uniform(0.5, 1.0, (4, 3, 3))
    frames[1, 0, 0], frames[2, 1, 1], frames[3, 2, 2] = 30.0, 0.01, -2.0
    with fastheat.GifWriter(
        tmp_path / "a.gif", autoscale="grow", cbar=True, background=False, **options
    ) as writer:
        for frame in frames:
            writer.add(frame)
            assert writer.heatmap is not None
            low, high = writer.heatmap.range
            assert low is not None
            assert high is not None
            inside = frame[frame > 0] if kind in POSITIVE else frame
            assert low <= inside.min()
            assert inside.max() <= high
    assert writer.summary is not None
    assert (writer.summary.under, writer.summary.over) == (0, 0)
    assert writer.summary.bad == (kind in POSITIVE)


@pytest.mark.parametrize(
    "other",
    [{}, {"norm": "log"}, {"linthresh": 2}, {"norm": colors.SymLogNorm(1)}, {"mask": np.eye(2)}],
    ids=["linear", "log", "another linthresh", "an object", "a mask"],
)
def test_a_file_is_not_gone_on_with_in_another_norm(other: Any, tmp_path: Any) -> None:
    path = tmp_path / "a.gif"
    same: dict[str, Any] = {"vmin": 1, "vmax": 5, "linthresh": 1, "valfmt": None}
    with fastheat.GifWriter(path, **same) as writer:
        writer.add(np.ones((2, 2)))
    with fastheat.GifWriter(path, mode="a", **same) as writer:
        writer.add(np.full((2, 2), 2.0))
    if "mask" not in other:
        del same["linthresh"]
    with pytest.raises(ValueError, match="expected the"):
        fastheat.GifWriter(path, mode="a", **{**same, **other})


# --------------------------------------------------------------------------------- the colour bar


Marks = list[tuple[float, str]]


def plain(text: str) -> str:
    """Return a matplotlib label as fastheat writes it, with '^' before a superscript."""
    text = text.replace("\N{MINUS SIGN}", "-").replace(r"\times", " \N{MULTIPLICATION SIGN} ")
    text = re.sub(r"\$\\mathdefault\{(.*)\}\$", r"\1", text)
    return re.sub(r"\^\{(.*)\}", r"^\1", text)


def their_marks(norm: Any, height: float) -> tuple[Marks, list[float]]:
    """Return the places and texts of matplotlib's bar ticks, and the places of minor ticks."""
    with reference.defaults():
        figure = Figure(figsize=(4, height))
        image = figure.subplots().imshow([[norm.vmin, norm.vmax]], norm=norm)
        bar = figure.colorbar(image)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        axis: Any = bar.ax.yaxis
        into = bar.ax.transData + bar.ax.transAxes.inverted()
        marks: list[tuple[float, str]] = []
        for ticks in (axis.get_major_ticks(), axis.get_minor_ticks()):
            for tick in ticks:
                place = float(into.transform((0, tick.get_loc()))[1])
                if -1e-9 <= place <= 1 + 1e-9:
                    marks.append((place, plain(tick.label2.get_text())))
    if bar.ax.yaxis.get_offset_text().get_text():
        marks = [(place, text and "?") for place, text in marks]  # a common power stands elsewhere
    return sorted_out(marks)


def sorted_out(marks: Marks) -> tuple[Marks, list[float]]:
    """Return the ticks with texts, and the other places that have no such tick."""
    written = sorted(mark for mark in marks if mark[1])
    places = np.array([place for place, _ in written])
    return written, sorted(p for p, text in marks if not text and min(abs(places - p)) > 1e-9)


SPANS = [
    (0.01, 7.5),
    (1.0, 1000.0),
    (1e-20, 3e16),
    (2.0, 7.0),
    (2.0, 2.2),
    (-3.0, 40.0),
    (-0.5, 0.7),
    (-1e4, 2e6),
    (-800.0, -0.3),
]


@pytest.mark.parametrize(("vmin", "vmax"), SPANS)
@pytest.mark.parametrize(
    "kind",
    [
        "log",
        "symlog",
        "symlog 0.1",
        "asinh",
        "power 0.5",
        "center",
        "LogNorm",
        "SymLogNorm",
        "CenteredNorm",
        "centered",
        "centered 0.1",
        "FuncNorm of roots",
        "AsinhNorm",
    ],
)
def test_the_bar_has_the_ticks_of_matplotlibs(kind: str, vmin: float, vmax: float) -> None:
    options, make = KINDS[kind]
    if kind in POSITIVE and vmin <= 0:
        return
    if kind in ("center", "TwoSlopeNorm") and not vmin < 0.2 < vmax:
        return
    norm = make()
    norm.autoscale_None(np.array([vmin, vmax]))
    wanted, between = their_marks(norm, 8)
    heatmap = Heatmap((2, 2), **options, vmin=norm.vmin, vmax=norm.vmax)
    low, high = heatmap.range
    assert low is not None
    assert high is not None
    ticks = bar_ticks(heatmap.norm, low, high)
    marks = [
        (tick.place, tick.text + ("^" + tick.power) * bool(tick.power)) for tick in ticks.major
    ]
    mine, others = sorted_out([*marks, *((place, "") for place in ticks.minor)])
    np.testing.assert_allclose([p for p, _ in mine], [p for p, _ in wanted], atol=1e-6)
    for (_, one), (_, other) in zip(mine, wanted, strict=True):
        assert other in ("?", one)
    np.testing.assert_allclose(others, between, atol=1e-6)


@pytest.mark.parametrize(
    "boundaries",
    [[0, 1], [-1, 0, 0.25, 0.5, 2, 5], [-3, -1, 1, 3], np.linspace(0, 1, 24), [0.001, 0.1, 100]],
    ids=len,
)
def test_a_bar_of_boundaries_is_matplotlibs(boundaries: Any) -> None:
    norm = colors.BoundaryNorm(boundaries, 256)
    wanted, between = their_marks(norm, 8)
    for options in ({"boundaries": boundaries}, {"norm": norm}):
        heatmap = Heatmap((2, 2), **options)
        low, high = heatmap.range
        assert low is not None
        assert high is not None
        ticks = bar_ticks(heatmap.norm, low, high)
        assert [tick.text for tick in ticks.major] == [text for _, text in wanted]
        np.testing.assert_allclose([tick.place for tick in ticks.major], [at for at, _ in wanted])
        np.testing.assert_allclose(ticks.minor, between, atol=1e-9)


@pytest.mark.parametrize("kind", ["log", "symlog 0.1", "center", "boundaries"])
def test_the_bar_is_drawn_as_matplotlib_draws_it(kind: str, dejavu: str) -> None:
    cases: dict[str, tuple[dict[str, Any], Any]] = {
        "log": ({"norm": "log", "vmin": 0.02, "vmax": 300}, colors.LogNorm(0.02, 300)),
        "symlog 0.1": (
            {"linthresh": 0.1, "vmin": -5, "vmax": 90},
            colors.SymLogNorm(0.1, vmin=-5, vmax=90),
        ),
        "center": ({"center": 0, "vmin": -1, "vmax": 6}, colors.TwoSlopeNorm(0, -1, 6)),
        "boundaries": (
            {"boundaries": [0, 0.5, 1, 4, 9]},
            colors.BoundaryNorm([0, 0.5, 1, 4, 9], 256),
        ),
    }
    options, norm = cases[kind]
    values = np.full((4, 4), 1.0)
    theirs = reference.draw(
        values, [""] * 4, [""] * 4, figsize=(6, 6), cbar=True, valfmt=None, norm=norm
    )
    heatmap = Heatmap(
        (4, 4),
        **options,
        figsize=(6, 6),
        cbar=True,
        valfmt=None,
        font=dejavu,
        row_labels=[""] * 4,
        col_labels=[""] * 4,
    )
    mine = heatmap.rgb(values)
    assert theirs.bar is not None
    x0, y0, x1, y1 = (round(side) for side in theirs.edges(theirs.bar.ax))
    strips = [picture[y0 + 3 : y1 - 3, (x0 + x1) // 2] for picture in (mine, theirs.pixels)]
    # the bar's right outline; wider or narrower labels move it
    dark = [(picture[y0 + 3 : y1 - 3] < 60).all((0, 2)) for picture in (mine, theirs.pixels)]
    right = [int(np.flatnonzero(columns)[-1]) + 1 for columns in dark]
    steps = [np.flatnonzero((np.abs(np.diff(s.astype(int), axis=0)) > 20).any(1)) for s in strips]
    if kind == "boundaries":
        assert len(steps[0]) == len(steps[1]) == 3
        np.testing.assert_allclose(steps[0], steps[1], atol=1)
    else:
        assert np.abs(strips[0].astype(int) - strips[1]).max() <= 8
    # ticks are equally long, and on the same rows
    for away in (1, 3):
        ink = [
            np.flatnonzero(picture[y0 - 2 : y1 + 2, x + away].sum(1) < 500)
            for picture, x in zip((mine, theirs.pixels), right, strict=True)
        ]
        assert {round(y) for y in ink[0]} <= {y + d for y in ink[1] for d in (-1, 0, 1)}
        assert {round(y) for y in ink[1]} <= {y + d for y in ink[0] for d in (-1, 0, 1)}


@pytest.mark.parametrize("how", ["mean", "max"])
def test_masked_values_are_left_out_of_blocks(how: str, tmp_path: Any) -> None:
    frames = np.random.default_rng(0).uniform(size=(3, 400, 500))
    mask = np.zeros((400, 500), bool)
    mask[:100, :50] = True
    frames[:, mask] = 1e6
    mask[300:, 400:] = np.random.default_rng(1).random((100, 100)) < 0.5
    look: dict[str, Any] = {"figsize": (2, 2), "reduce": how, "bad": "red"}
    with pytest.warns(UserWarning, match="drew 400 x 500 values"):
        summary = fastheat.save_gif(tmp_path / "a.gif", frames, mask=mask, **look)
    plain = np.where(mask, np.nan, frames)
    with pytest.warns(UserWarning, match="drew 400 x 500 values"):
        other = fastheat.save_gif(tmp_path / "b.gif", plain, **look)
    assert summary.vmax == other.vmax <= 1
    assert summary.masked == other.bad > 0
    assert summary.bad == 0
    first, second = (by_ffmpeg((tmp_path / name).read_bytes()) for name in ("a.gif", "b.gif"))
    np.testing.assert_array_equal(first, second)


def test_masked_cells_have_no_annotations(tmp_path: Any) -> None:
    frames = np.random.default_rng(0).normal(size=(3, 2, 2))
    mask = np.array([[True, False], [False, False]])
    words = np.array([["a", "b"], ["c", "d"]])
    for annot in (words, np.array([words] * 3), np.ones((3, 2, 2))):
        path = tmp_path / "a.gif"
        summary = fastheat.save_gif(path, frames, mask=mask, annot=annot, grid_width=0, bad="r")
        assert summary.masked == 3
        heatmap = Heatmap((2, 2), grid_width=0, annot=words, vmin=0, vmax=1)
        grid = heatmap.layout().panels[0].grid
        for picture in by_ffmpeg(path.read_bytes()):
            cell = picture[grid.y0[0] : grid.y1[0] - 3, grid.x0[0] : grid.x1[0] - 3]
            assert (cell[3:, 3:] == cell[5, 5]).all()


def test_ticks_that_are_asked_for_stand_where_the_norm_has_them() -> None:
    log = Heatmap((2, 2), norm="log", vmin=0.1, vmax=1000).norm
    ticks = ticks_at(log, 0.1, 1000, (0.01, 1, 50, 1000))
    wanted = np.log10(np.array([1, 50, 1000]) / 0.1) / 4
    np.testing.assert_allclose([tick.place for tick in ticks.major], wanted)
    assert [tick.text for tick in ticks.major] == ["1", "50", "1000"]
    steps = Heatmap((2, 2), boundaries=[0, 1, 10, 100]).norm
    ticks = ticks_at(steps, 0, 100, (0, 5.5, 10))
    np.testing.assert_allclose([tick.place for tick in ticks.major], [0, 0.5, 2 / 3])


def test_a_format_of_the_bar_is_that_of_its_values(dejavu: str) -> None:
    look: dict[str, Any] = {"norm": "log", "vmin": 0.1, "vmax": 1000, "cbar": True, "font": dejavu}
    values = np.ones((20, 20))
    names = {0.1: "0.1", 10: "10.0", 1000: "1000.0"}
    one, other = (
        Heatmap(values.shape, **look, cbar_format=text, cbar_ticks=tuple(names)).rgb(values)
        for text in ("{x:.1f}", names.__getitem__)
    )
    np.testing.assert_array_equal(one, other)


def test_panels_have_norms_masks_and_ranges_of_their_own(tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    frames = [{"a": rng.lognormal(size=(3, 4)), "b": rng.normal(size=(2, 5))} for _ in range(4)]
    mask = np.zeros((2, 5), bool)
    mask[1, 2] = True
    own: dict[str, Any] = {"a": {"norm": "log"}, "b": {"mask": mask, "center": 0, "robust": True}}
    panels = fastheat.Panels({"a": (3, 4), "b": (2, 5)}, cbar=True, options=own)
    path = tmp_path / "a.gif"
    with pytest.warns(UserWarning, match="have the colours of the ends"):
        summary = fastheat.save_gif(path, frames, heatmap=panels)
    values = np.array([frame["b"][~mask] for frame in frames])
    assert summary.ranges["b"] == pytest.approx(np.percentile(values, [2, 98]))
    logs = np.array([frame["a"] for frame in frames])
    assert summary.ranges["a"] == (logs.min(), logs.max())
    assert summary.masked == 4
    drawn = panels.completed(tuple(end for ends in summary.ranges.values() for end in ends))
    for picture, frame in zip(by_ffmpeg(path.read_bytes()), frames, strict=True):
        np.testing.assert_array_equal(picture, drawn.rgb(frame))


# ---------------------------------------------------------------------------- ranges of frames

# for float32, matplotlib computes a range around 0.1 in float32
APART = ("centered 0.1", "CenteredNorm", "TwoSlopeNorm", "a user's")
OF_FRAMES = [name for name in KINDS if name not in APART]


def frames_of(kind: str, dtype: Any, count: int = 6) -> npt.NDArray[Any]:
    """Return frames that each have another range, with values around the bin edges."""
    rng = np.random.default_rng(len(kind))
    frames = []
    for scale in 10.0 ** rng.uniform(-2, 2, count):
        low, high = np.sort(rng.normal(0, scale, 2))
        if kind in POSITIVE:
            low, high = abs(low) / 9 + 1e-3, abs(low) + abs(high)
        places = np.linspace(0, 1, BIN_COLORS + 1)[1:-1]
        values = np.geomspace(low, high, 90) if low > 0 else low + places * (high - low)
        inside = np.clip(nearby(values.astype(dtype)), low, high)
        frames.append(np.resize(np.append([low, high], inside), 480).reshape(20, 24))
    return np.array(frames).astype(dtype)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:over all frames")  # float32's log10
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", OF_FRAMES)
def test_each_frame_has_the_bins_of_matplotlib_over_its_own_range(kind: str, dtype: Any) -> None:
    options, make = KINDS[kind]
    frames = frames_of(kind, dtype)
    frames[2, 0, 2:5] = np.nan, np.inf, -np.inf
    cmap, file = distinct(BIN_COLORS), io.BytesIO()
    look: dict[str, Any] = {"cmap": cmap, "valfmt": None, "figsize": (6, 5), **options}
    fastheat.save_gif(file, frames, autoscale="frame", **look)
    plain = Heatmap((20, 24), vmin=1, vmax=2, cmap=cmap, valfmt=None, figsize=(6, 5))
    grid = plain.with_titles().layout().panels[0].grid
    pictures = by_ffmpeg(file.getvalue())
    assert len(pictures) == len(frames)
    for picture, frame in zip(pictures, frames, strict=True):
        norm = make()
        norm.autoscale_None(np.ma.masked_invalid(frame))
        mine = picture[grid.y0[:, None], grid.x0[None, :]]
        wrong = (mine != painted(cmap, norm, frame)).any(-1)
        assert not wrong.any(), f"{frame[wrong][:3]!r} of {norm.vmin!r} to {norm.vmax!r}"


@given(
    st.sampled_from(["linear", "log", "symlog", "asinh", "power 0.5", "center", "LogNorm"]),
    st.sampled_from([np.float32, np.float64]),
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=4),
    st.integers(-300, 300),
)
def test_edges_of_several_ranges_are_those_of_each(
    kind: str, dtype: Any, pairs: list[tuple[float, float]], power: int
) -> None:
    norm = Heatmap((1, 1), **KINDS[kind][0]).norm
    ends = np.sort(np.array(pairs) * 10.0 ** (power / (1 if kind == "linear" else 50)), 1)
    if norm.name == "center":
        ends += [[-1.0, 1.0]]
        ends = np.stack([np.minimum(ends[:, 0], 0.0), np.maximum(ends[:, 1], 1.0)], 1)
    elif kind in POSITIVE:
        ends = np.sort(np.abs(ends), 1) + 1e-9
    wanted = np.array([0, 3, 50, 99, 100])
    found = edges_of_ranges(norm, ends, wanted, 100, np.dtype(dtype))
    for k, (low, high) in enumerate(ends.tolist()):
        with np.errstate(over="ignore"):
            alone = bin_edges(norm.rule(low, high, 100), 100, np.dtype(dtype), (low, high))
        np.testing.assert_array_equal(found.bins[k], alone.bins[0, wanted])
        assert [part[k] for part in found[1:]] == [part[0] for part in alone[1:]]


def test_the_least_numbers_that_there_are_have_ticks_around_a_center() -> None:
    least = 5e-324
    heatmap = Heatmap((2, 2), vmin=-20 * least, vmax=30 * least, center=0, cbar=True)
    assert heatmap.rgb(np.full((2, 2), least)).shape[2] == 3


@pytest.mark.parametrize("bottom", [1e-307, 1.0, 1e300])
def test_the_largest_numbers_that_there_are_have_ticks(bottom: float) -> None:
    heatmap = Heatmap((1, 2), vmin=bottom, vmax=1.7e308, norm="log", cbar=True, valfmt="g")
    assert heatmap.rgb(np.array([[bottom, 1e308]])).shape[2] == 3
    # matplotlib's own bar fails here: its margin around the range is no number
    ticks = bar_ticks(heatmap.norm, bottom, 1.7e308).major
    powers = np.array([float(tick.power) for tick in ticks])
    assert len(powers) == 9
    assert len(set(np.diff(powers))) == 1
    low, high = math.log10(bottom), math.log10(1.7e308)
    np.testing.assert_allclose([tick.place for tick in ticks], (powers - low) / (high - low))


SQUARES = (np.square, np.sqrt)


class Whole(Normalize):
    """A norm that gives indices of colours, which wrap around far away."""

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        with np.errstate(invalid="ignore"):
            return np.ma.array(
                np.floor(np.ma.getdata(value)).astype(int), mask=np.ma.getmask(value)
            )


class Divided(Normalize):
    """A norm whose result is of integers if the values are."""

    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        return value // 10


@pytest.mark.parametrize("make", [colors.NoNorm, lambda: Whole(0, 9), lambda: Divided(0, 90)])
@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, ">i4", np.int64, np.float32, float])
def test_integers_are_indices_of_colours_where_matplotlib_takes_them_so(
    make: Make, dtype: Any
) -> None:
    values = np.array([0, 1, 2, 5, 99, 100, 101, 120, 0.25, 0.5, 0.999, 0.75, -1, -3, -128, 127])
    if np.dtype(dtype).kind in "bu":
        values = abs(values)
    values = values.astype(dtype)
    norm = make()
    assert_alike({"norm": norm}, norm, values)


def test_a_bar_of_indices_is_matplotlibs() -> None:
    for count in (1, 3, 10, 11, 64, 256):
        cmap = distinct(count)
        figure = Figure()
        bar = figure.colorbar(ScalarMappable(colors.NoNorm(), cmap), ax=figure.subplots())
        wanted = [text.get_text() for text in bar.ax.get_yticklabels()]
        low, high = bar.ax.get_ylim()
        heatmap = Heatmap((2, 2), cmap=cmap, norm=colors.NoNorm(), cbar=True)
        ticks = bar_ticks(heatmap.norm, 0, count - 1, 10).major
        assert [tick.text for tick in ticks] == wanted
        np.testing.assert_allclose(
            [tick.place for tick in ticks], (bar.ax.get_yticks() - low) / (high - low)
        )


def test_a_bar_with_room_for_one_index_has_that_of_the_first_colour() -> None:
    heatmap = Heatmap((2, 2), cmap=distinct(3), norm=colors.NoNorm())
    assert [tick.text for tick in bar_ticks(heatmap.norm, 0, 2, 1).major] == ["0"]


def test_indices_beyond_the_colours_are_told_by_the_first_and_last_index() -> None:
    frames = np.array([[[-5, 0, 255, 256, 300]]])
    with pytest.warns(UserWarning, match=r"1 value below vmin=0 and 2 values above vmax=255 "):
        fastheat.save_gif(io.BytesIO(), frames, norm=colors.NoNorm(), cbar=True)
    with pytest.warns(UserWarning, match=r"1 value below vmin=0 and 1 value above vmax=1 "):
        fastheat.save_gif(io.BytesIO(), np.array([[[-0.5, 0, 1, 2]]]), norm=colors.NoNorm())
    with pytest.raises(TypeError, match="expected no vmin with NoNorm"):
        Heatmap((2, 2), norm=colors.NoNorm(), vmin=0)
    with pytest.raises(ValueError, match="expected no NoNorm with autoscale='grow'"):
        fastheat.save_gif(io.BytesIO(), frames, norm=colors.NoNorm(), autoscale="grow")


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
@pytest.mark.parametrize("reach", [1.5, 30.0, 1e6, 1e30])
@pytest.mark.parametrize(
    ("function", "vmin", "vmax"),
    [
        (np.square, 0, 1),
        (np.square, 0.5, 1),
        (lambda x: -np.square(x), -1, 0),
        (np.abs, 0, 1),
        (lambda x: x * (1 - x), -0.5, 0.5),
        (lambda x: x**4 - 3 * x**2, 1.5, 2),
        (lambda x: x**3 - x / 10, 1, 2),
        (lambda x: x + np.where(x < 0, np.sin(9 * x) / 5, 0), 0, 3),
    ],
)
def test_a_norm_that_falls_beyond_its_range_has_matplotlibs_colours(
    function: Any, vmin: float, vmax: float, reach: float, dtype: Any
) -> None:
    if dtype == np.int32:
        vmin, vmax, reach = 10 * vmin, 10 * vmax, min(reach, 1e9)
        function = partial(lambda own, x: own(x / 10), function)
    values = np.concatenate([np.linspace(-reach, reach, 1500), np.linspace(vmin, vmax, 500)])

    def make() -> Any:
        return colors.FuncNorm((function, function), vmin, vmax)

    assert_alike({"norm": make()}, make(), values.astype(dtype))


@pytest.mark.parametrize("seed", range(12))
def test_a_norm_of_random_slopes_has_matplotlibs_colours_on_all_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners, heights = np.sort(rng.uniform(-5, 5, 8)), rng.normal(size=8)
    k = int(rng.integers(1, 6))
    heights[k + 1] = heights[k] + 0.1 + abs(heights[k + 1] - heights[k])
    slopes = partial(np.interp, xp=corners, fp=heights)
    norm = colors.FuncNorm((slopes, slopes), *(corners[k : k + 2] @ [[0.99, 0.01], [0.01, 0.99]]))
    assert_alike({"norm": norm}, norm, np.linspace(-6, 6, 2000))


def test_a_norm_of_waves_has_matplotlibs_colours_as_far_as_they_are_told_apart() -> None:
    norm = colors.FuncNorm((np.sin, np.arcsin), -1.5, 1.5)
    assert_alike({"norm": norm}, norm, np.linspace(-40, 40, 4000))
    with pytest.warns(UserWarning, match="2 values that the norm does not take"):
        fastheat.save_gif(io.BytesIO(), np.array([[[-1e5, 0, 1, 1e5]]]), norm=norm)


@pytest.mark.parametrize("threshold", [-2, 0, 0.5, 1, 2])
def test_text_on_the_branches_of_a_norm_has_the_colour_of_its_normed_value(
    threshold: float,
) -> None:
    norm = colors.FuncNorm(SQUARES, 0, 1)
    values = np.linspace(-1.2, 1.2, 16).reshape(4, 4)
    options: dict[str, Any] = {
        "norm": norm,
        "threshold": threshold,
        "valfmt": lambda _: "#",
        "cmap": distinct(9),
    }
    signed, squared = (Heatmap((4, 4), **options) for _ in range(2))
    np.testing.assert_array_equal(signed.rgb(values), squared.rgb(np.abs(values)))


def test_values_on_other_branches_are_counted_by_their_colours() -> None:
    frames = np.array([[[-2, -0.5, 0, 0.5, 1, 2.0]]])
    norm = colors.FuncNorm(SQUARES, 0, 1)
    with pytest.warns(UserWarning, match="1 value below vmin=0 and 1 value above vmax=1 "):
        fastheat.save_gif(io.BytesIO(), frames, norm=norm)
    with pytest.warns(UserWarning, match="2 values below the vmin of their frame"):
        fastheat.save_gif(
            io.BytesIO(), frames, norm=colors.FuncNorm(SQUARES), vmin=0, autoscale="frame"
        )


def test_a_file_is_not_gone_on_with_by_a_norm_of_other_branches(tmp_path: Any) -> None:
    def norm(scale: float) -> Any:
        def bent(x: Any) -> Any:
            return np.where(x < -1, scale * (-1 - x), x)

        return colors.FuncNorm((bent, bent), 0, 1)

    with fastheat.GifWriter(tmp_path / "a.gif", norm=norm(1)) as gif:
        gif.add(np.eye(2))
    with fastheat.GifWriter(tmp_path / "a.gif", mode="a", norm=norm(1)) as gif:
        gif.add(np.eye(2))
    with (
        pytest.raises(ValueError, match="norm"),
        fastheat.GifWriter(tmp_path / "a.gif", mode="a", norm=norm(0.5)) as gif,
    ):
        gif.add(np.eye(2))


def test_a_range_that_a_norm_does_not_take_as_it_is_is_refused() -> None:
    logit = colors.make_norm_from_scale(LogitScale, Normalize)
    values = np.linspace(0, 1, 12).reshape(1, 3, 4)
    with pytest.raises(ValueError, match="it does not take 1: give vmin and vmax"):
        fastheat.save_gif(io.BytesIO(), values, norm=logit())
    norm = logit(vmin=0.1, vmax=0.9)
    assert_alike({"norm": norm}, norm, np.linspace(-0.5, 1.5, 500))


@pytest.mark.parametrize("kind", ["log", "symlog"])
@pytest.mark.parametrize(("low", "high"), [(1e-310, 1.0), (1.0, 1e308), (5e-324, 1.7e308)])
def test_a_bar_spans_all_numbers_that_there_are(kind: str, low: float, high: float) -> None:
    frames = np.array([[[low, high]], [[low, high / 2]], [[2 * low, high]]])
    for autoscale in (None, "frame"):
        for norm in (kind, named(kind)):
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "over all frames")
                summary = fastheat.save_gif(
                    io.BytesIO(), frames, norm=norm, cbar=True, valfmt="g", autoscale=autoscale
                )
            assert (summary.vmin, summary.vmax) == (low, high)
