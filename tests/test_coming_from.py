"""The tables of docs/coming-from.md: both columns of each row are run, and the images compared."""

from __future__ import annotations

import ast
import inspect
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
import reference
from decoders import by_pillow
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from fastheat import Heatmap, save_gif
from fastheat.figure.heatmap import option_names
from fastheat.style.colors.colors import delta_e_2000, srgb_to_lab

pytestmark = reference.NEEDS_NEW
sns = pytest.importorskip("seaborn")

Pixels = npt.NDArray[np.uint8]
PAGE = (Path(__file__).parents[1] / "docs" / "coming-from.md").read_text()
ABSENT = "not there"
PLOTLY = [
    "zmin",
    "zmax",
    "origin",
    "labels",
    "x",
    "y",
    "animation_frame",
    "facet_col",
    "facet_col_wrap",
    "color_continuous_scale",
    "color_continuous_midpoint",
    "range_color",
    "title",
    "template",
    "width",
    "height",
    "aspect",
    "contrast_rescaling",
    "binary_string",
    "text_auto",
]


@dataclass(frozen=True)
class Row:
    """A row of a table: the code of both columns, and the aspects that are compared."""

    table: str
    there: list[str]
    here: str
    compared: list[str]

    def __str__(self) -> str:
        return self.there[0]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def rows() -> Iterator[Row]:
    for section in PAGE.split("\n## ")[1:]:
        title = section.splitlines()[0]
        for line in section.splitlines():
            if line.startswith("| `"):
                there, here, compared = (part.strip() for part in line.strip("|").split(" | "))
                code = "" if here.startswith(ABSENT) else spans(here)[0]
                yield Row(
                    title, spans(there), code, [w for w in compared.strip("| ").split(", ") if w]
                )


ROWS = list(rows())


@cache
def names() -> dict[str, Any]:
    """Return the names that the page's code defines."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    space: dict[str, Any] = {}
    exec(compile(block, "coming-from.md", "exec"), space)
    return space


def given(code: str) -> dict[str, Any]:
    """Return the keyword arguments of a call."""
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call), code
    return {str(each.arg): eval(ast.unparse(each.value), names()) for each in call.keywords}


# ------------------------------------------------------------------------------------------- here


@dataclass(frozen=True)
class Here:
    """An image drawn by fastheat, as decoded from its GIF."""

    given: Any  # an array or a table
    options: dict[str, Any]
    heatmap: Heatmap
    rgb: Pixels

    @property
    def data(self) -> npt.NDArray[np.float64]:
        """The matrix."""
        return np.asarray(self.given, np.float64)

    @property
    def grid(self) -> Any:
        """The edges of the rows and columns of the matrix."""
        grid = self.heatmap.layout().panels[0].grid
        if self.options.get("origin") == "lower":
            grid = grid._replace(y0=grid.y0[::-1], y1=grid.y1[::-1])
        return grid

    def fills(self) -> Pixels:
        """Return the colour of each cell, at a corner that no text reaches."""
        return self.rgb[np.ix_(self.grid.y1 - 1, self.grid.x1 - 1)]

    def cell(self, i: int, j: int) -> Pixels:
        grid = self.grid
        return self.rgb[grid.y0[i] : grid.y1[i], grid.x0[j] : grid.x1[j]]

    def beside(self, side: str) -> Pixels:
        """Return the part of the image on one side of the cells."""
        grid = self.grid
        return {
            "left": self.rgb[:, : grid.x0[0] - 3],
            "right": self.rgb[:, grid.x1[-1] + 3 :],
            "top": self.rgb[: grid.y0.min() - 3],
            "bottom": self.rgb[grid.y1.max() + 3 :],
        }[side]

    def ink(self, side: str) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = (self.beside(side) != self.rgb[0, 0]).any(2)
        return found

    def but(self, **options: Any) -> Here:
        """Return the same data drawn with further options."""
        return draw(self.given, self.options | options)


def draw(data: Any, options: dict[str, Any]) -> Here:
    if isinstance(data, np.ndarray):
        heatmap = Heatmap(data.shape, **options)
        heatmap.indices(data)
    else:
        heatmap = Heatmap.of(data, **options)
    file = io.BytesIO()
    save_gif(file, [data], heatmap=heatmap)
    ((picture, _),) = by_pillow(file.getvalue())
    return Here(data, options, heatmap, picture)


# ------------------------------------------------------------------------------------------ there


@dataclass(frozen=True)
class There:
    """A figure drawn by matplotlib."""

    figure: Figure
    axes: Any
    cells: Any  # a mesh or an image
    bar: Any  # None if there is none
    texts: list[Any]
    pixels: Pixels
    options: dict[str, Any]

    def fills(self) -> npt.NDArray[np.float64]:
        """Return the colour of each cell, on white."""
        values = self.cells.get_array()
        rgba = self.cells.to_rgba(values.reshape(names()["shape"]), alpha=self.cells.get_alpha())
        colors: npt.NDArray[np.float64] = rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]
        return colors

    def labelled(self, axis: Any) -> set[int]:
        """Return the rows or columns that have a label."""
        middle = 0.5 if hasattr(self.cells, "get_coordinates") else 0.0
        places = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
        return {round(float(place) - middle) for place, text in places if text.get_text()}


def finished(figure: Figure, axes: Any, cells: Any, options: dict[str, Any]) -> There:
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return There(figure, axes, cells, cells.colorbar, list(axes.texts), pixels, options)


def draw_seaborn(call: str) -> There:
    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    axes = figure.subplots()
    options = given(call)
    (data,) = ast.parse(call, mode="eval").body.args  # type: ignore[attr-defined]
    sns.heatmap(eval(ast.unparse(data), names()), ax=axes, **options)
    return finished(figure, axes, axes.collections[0], options)


def draw_matplotlib(call: str) -> There:
    """Draw with the functions of matplotlib's gallery."""
    options = given(call)
    data = np.nan_to_num(names()["data"])
    texts = options if call.startswith("annotate_heatmap") else None
    options = {} if texts is not None else dict(options)
    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    axes = figure.subplots()
    bar, label = options.pop("cbar_kw", {}), options.pop("cbarlabel", "")
    image = axes.imshow(data, **options)
    figure.colorbar(image, ax=axes, **bar).ax.set_ylabel(label, rotation=-90, va="bottom")
    n, m = data.shape
    axes.set_xticks(range(m), labels=list("vwxyz"))
    axes.set_yticks(range(n), labels=list("abc"))
    axes.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False)
    for each in axes.get_xticklabels():
        each.set(rotation=-30, ha="right", rotation_mode="anchor")
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(m + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="w", linestyle="-", linewidth=3)
    axes.tick_params(which="minor", bottom=False, left=False)
    if texts is not None:
        texts = dict(texts)
        norm: Any = image.norm
        valfmt: Any = texts.pop("valfmt", "{x:.2f}")
        valfmt = StrMethodFormatter(valfmt) if isinstance(valfmt, str) else valfmt
        colors, limit = texts.pop("textcolors", ("black", "white")), texts.pop("threshold", None)
        limit = norm(data.max()) / 2 if limit is None else norm(limit)
        for i, j in np.ndindex(data.shape):
            color = colors[int(norm(data[i, j]) > limit)]
            kw = {"ha": "center", "va": "center"} | texts
            axes.text(j, i, valfmt(data[i, j], None), color=color, **kw)
    figure.tight_layout()
    return finished(figure, axes, image, given(call))


def draw_plotly(call: str) -> There:
    """Draw with matplotlib what plotly's documentation says about its options."""
    options = given(call)
    data = names()["data"]
    size = options.get("width", 640) / 100, options.get("height", 480) / 100
    figure = Figure(figsize=size, dpi=100)
    axes = figure.subplots()
    low, high = options.get("range_color", (options.get("zmin"), options.get("zmax")))
    if "color_continuous_midpoint" in options:
        middle = options["color_continuous_midpoint"]
        high = float(np.nanmax(abs(data - middle))) + middle
        low = 2 * middle - high
    cmap = options.get("color_continuous_scale", "plasma")
    if not isinstance(cmap, str):
        cmap = LinearSegmentedColormap.from_list("", cmap)
    aspect = options.get("aspect", "auto")
    origin = options.get("origin", "upper")
    image = axes.imshow(data, cmap=cmap, vmin=low, vmax=high, aspect=aspect, origin=origin)
    for axis, own in ((axes.xaxis, options.get("x")), (axes.yaxis, options.get("y"))):
        if own is not None:
            axis.set_ticks(range(len(own)), labels=own)
    if "text_auto" in options:
        spec: Any = options["text_auto"]
        for i, j in np.ndindex(data.shape):
            if np.isfinite(data[i, j]):
                value = data[i, j]
                # a number of JavaScript has the digits that tell it from all others
                text = np.format_float_positional(value, trim="-") if spec is True else None
                axes.text(j, i, format(value, spec) if text is None else text)
    return finished(figure, axes, image, options)


# ----------------------------------------------------------------------------------------- checks


def check_size(there: There, here: Here) -> None:
    assert here.rgb.shape == there.pixels.shape


def check_places(there: There, here: Here) -> None:
    """Each cell stands where theirs does, to the pixel."""
    grid, height = here.grid, len(there.pixels)
    n, m = here.data.shape
    line = int(grid.x0[1] - grid.x1[0])
    for i, j in ((0, 0), (n - 1, m - 1)):
        ends = there.axes.transData.transform([(j - 0.5, i - 0.5), (j + 0.5, i + 0.5)])
        (x0, y0), (x1, y1) = ends.tolist()
        assert grid.x0[j] - line / 2 == pytest.approx(x0, abs=1.5)
        assert grid.x1[j] + line / 2 == pytest.approx(x1, abs=1.5)
        top, bottom = sorted((height - y0, height - y1))
        assert grid.y0[i] - line / 2 == pytest.approx(top, abs=1.5)
        assert grid.y1[i] + line / 2 == pytest.approx(bottom, abs=1.5)


def check_colours(there: There, here: Here, most: float = 1.5) -> None:
    # matplotlib truncates to 8 bits
    wanted = np.floor(there.fills() * 255) / 255
    difference = delta_e_2000(srgb_to_lab(wanted), srgb_to_lab(here.fills()))
    assert difference.max() < most, difference.round(2)


def check_near_colours(there: There, here: Here) -> None:
    check_colours(there, here, 3.0)  # one step of the colormap, which seaborn resamples


def check_range(there: There, here: Here) -> None:
    assert here.heatmap.range == pytest.approx(there.cells.get_clim(), rel=1e-12)


def check_texts(there: There, here: Here) -> None:
    """Check that each cell has the pixels of a cell annotated with their text."""
    finite = np.isfinite(here.data)
    if "figsize" not in here.options:  # without it, the size depends on the texts
        here = here.but(figsize=(18, 12))
    wanted = np.full(here.data.shape, None, object)
    texts = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in there.texts]
    wanted[finite] = texts
    annotated = here.but(annot=wanted, valfmt="{}")
    for i, j in zip(*np.nonzero(finite), strict=True):
        assert len(np.unique(here.cell(i, j).reshape(-1, 3), axis=0)) > 2, "no text"
        np.testing.assert_array_equal(here.cell(i, j), annotated.cell(i, j))
    for i, j in zip(*np.nonzero(~finite), strict=True):  # where theirs have no text
        written = len(np.unique(here.cell(i, j).reshape(-1, 3), axis=0)) > 1
        assert written == ("mask" not in here.options)


def check_text_colours(there: There, here: Here) -> None:
    """Check that the strongest ink of each cell has the colour of their text."""
    texts = iter(there.texts)
    for i, j in zip(*np.nonzero(np.isfinite(here.data)), strict=True):
        color = np.array(to_rgb(next(texts).get_color())) * 255
        away: Any = here.cell(i, j) - color
        assert abs(away).max(2).min() < 64


def check_labels(there: There, here: Here) -> None:
    """Check that labels stand beside the cells where theirs do, and nowhere else."""
    grid = here.grid
    level = "bottom" if there.axes.xaxis.get_ticks_position() == "bottom" else "top"
    sides: list[tuple[Any, Any, Any, Any]] = [
        (there.axes.yaxis, here.ink("left").any(1), grid.y0, grid.y1),
        (there.axes.xaxis, here.ink(level).any(0), grid.x0, grid.x1),
    ]
    for axis, ink, starts, stops in sides:
        middles = (starts + stops) // 2
        found = {k for k, x in enumerate(middles) if ink[x - 4 : x + 5].any()}
        assert found == there.labelled(axis)
    if not isinstance(here.given, np.ndarray):  # they are those of a table
        look = here.heatmap.look
        for axis, labels in ((there.axes.yaxis, look.rows), (there.axes.xaxis, look.columns)):
            assert labels.texts == tuple(text.get_text() for text in axis.get_ticklabels())


def check_bar(there: There, here: Here) -> None:
    """Check that the bar is on the same side as theirs, with the same end colours and label."""
    if there.bar is None:
        assert not here.ink("right").any()
        return
    box, cells = there.bar.ax.get_position(), there.axes.get_position()
    side = "right" if box.x0 >= cells.x1 else "left" if box.x1 <= cells.x0 else "bottom"
    part = srgb_to_lab(here.beside(side))
    for end in there.cells.get_clim():
        color = np.floor(np.array(there.cells.to_rgba(end))[:3] * 255) / 255
        assert delta_e_2000(part, np.broadcast_to(srgb_to_lab(color), part.shape)).min() < 1.5
    label = there.bar.ax.get_ylabel() or there.bar.ax.get_xlabel()
    assert here.options.get("cbar_label", "") == label
    if label:
        assert not np.array_equal(here.but(cbar_label="").rgb, here.rgb)


def check_ticks(there: There, here: Here) -> None:
    """Check that the bar has ticks where theirs has, and no others."""
    ink = here.ink("right")
    long = np.flatnonzero(ink.mean(0) > 0.6)
    rows = np.flatnonzero(ink[:, long[0] : long[-1]].all(1))
    column = np.flatnonzero(np.diff(ink[:, long[-1] + 3].astype(int)) == 1) + 1
    low, high = there.cells.get_clim()
    wanted = [
        rows[-1] - (y - low) / (high - low) * (rows[-1] - rows[0]) for y in there.bar.get_ticks()
    ]
    np.testing.assert_allclose(sorted(column), sorted(wanted), rtol=0, atol=2)


def check_lines(there: There, here: Here) -> None:
    """Check that the lines between cells have their colour and width."""
    if hasattr(there.cells, "get_edgecolor"):
        (edge,) = np.unique(there.cells.get_edgecolor(), axis=0)
        points = float(np.ravel(there.cells.get_linewidth())[0])
    else:
        edge, points = np.ones(3), 3.0
    grid = here.grid
    assert (abs(grid.x0[1:] - grid.x1[:-1] - points * 100 / 72) <= 1).all()
    between = here.rgb[grid.y0[0] : grid.y1[-1], grid.x1[0] : grid.x0[1]].reshape(-1, 3)
    assert (between == np.round(np.array(to_rgb(edge)) * 255)).all()


def check_square(there: There, here: Here) -> None:
    assert there.axes.get_aspect() == 1
    assert abs(float(np.diff(here.grid.x0).mean() - np.diff(here.grid.y0).mean())) < 1


def check_names(there: There, here: Here) -> None:
    """Check that each name is drawn beside what it names, and only there."""
    wanted = there.options["labels"]
    options = {"xlabel": "x", "ylabel": "y", "cbar_label": "color"}
    assert {name: here.options[name] for name in options} == {
        name: wanted[key] for name, key in options.items()
    }
    for name, side in (("xlabel", "bottom"), ("ylabel", "left"), ("cbar_label", "right")):
        other = here.but(**{name: "n" + here.options[name][1:]})
        assert not np.array_equal(other.beside(side), here.beside(side))


def check_title(there: There, here: Here) -> None:
    assert here.options["title"] == there.options["title"]
    assert here.ink("top").any(1).sum() > here.but(title="").ink("top").any(1).sum()


def check_paper(there: There, here: Here) -> None:
    assert there.options["template"] == "plotly_dark"
    assert here.rgb[0, 0].max() < 32
    assert here.beside("left").max() > 200


CHECKS: dict[str, Callable[[There, Here], None]] = {
    "size": check_size,
    "places": check_places,
    "colours": check_colours,
    "near colours": check_near_colours,
    "range": check_range,
    "texts": check_texts,
    "text colours": check_text_colours,
    "labels": check_labels,
    "bar": check_bar,
    "ticks": check_ticks,
    "lines": check_lines,
    "square": check_square,
    "names": check_names,
    "title": check_title,
    "paper": check_paper,
}
THERE = {
    "`seaborn.heatmap`": draw_seaborn,
    "matplotlib's annotated heatmap": draw_matplotlib,
    "plotly's `px.imshow`": draw_plotly,
}
STILLS = [row for row in ROWS if row.here.startswith("Heatmap") and row.compared]


@pytest.mark.filterwarnings("ignore:over all frames", "ignore:The set_bad function")
@pytest.mark.parametrize("row", STILLS, ids=str)
def test_what_is_drawn_there_is_drawn_by_what_the_page_says(row: Row) -> None:
    first = next(each for each in ROWS if each.table == row.table)
    data = names()["data"]
    if row.here.startswith("Heatmap.of("):
        data = names()["table"]
    if row.table.startswith("matplotlib"):
        data = np.nan_to_num(data)
    here = draw(data, given(first.here) | given(row.here))
    with reference.defaults():
        there = THERE[row.table](row.there[0])
        for word in row.compared:
            CHECKS[word](there, here)


def test_an_animation_has_the_frames_that_it_is_given() -> None:
    (row,) = [row for row in ROWS if row.here.startswith("save_gif(") and "fps" in row.here]
    assert row.compared == ["frames", "colours", "names"]
    first = next(each for each in ROWS if each.table == row.table)
    options, frames = given(first.here) | given(row.here), names()["frames"]
    file = io.BytesIO()
    save_gif(file, frames, **options)
    decoded = by_pillow(file.getvalue())
    assert len(decoded) == len(frames)
    labels = given(row.there[0])["labels"]
    assert options["titles"] == f"{labels.pop('animation_frame')}={{}}"
    for name, label in zip(("xlabel", "ylabel", "cbar_label"), labels.values(), strict=True):
        assert options[name] == label
        without = io.BytesIO()
        save_gif(without, frames, **{**options, name: ""})
        assert by_pillow(without.getvalue())[0][0].tobytes() != decoded[0][0].tobytes()
    assert {duration for _, duration in decoded} == {1000 / options.pop("fps")}
    low, high = np.nanmin(frames), np.nanmax(frames)
    titles = options.pop("titles")
    heatmap = Heatmap(names()["shape"], vmin=low, vmax=high, **options)
    for k, (picture, _) in enumerate(decoded):
        wanted = heatmap.rgb(frames[k], title=titles.format(k))
        np.testing.assert_array_equal(picture, wanted)
        there = matplotlib.colormaps["plasma"]((frames[k] - low) / (high - low), bytes=True)
        grid = heatmap.layout().panels[0].grid
        fills = picture[np.ix_(grid.y1 + (len(picture) - heatmap.size[1]) - 1, grid.x1 - 1)]
        finite = np.isfinite(frames[k])
        difference = delta_e_2000(srgb_to_lab(there[..., :3]), srgb_to_lab(fills))
        assert difference[finite].max() < 1.5


def test_a_number_has_all_of_its_digits_as_in_plotly() -> None:
    (row,) = [row for row in ROWS if "text_auto=True" in row.there[0]]
    valfmt = given(row.here)["valfmt"]
    assert [valfmt(x) for x in (1 / 3, 2.0, -0.25)] == ["0.3333333333333333", "2", "-0.25"]


def test_frames_have_ranges_of_their_own_as_in_matplotlib() -> None:
    (row,) = [row for row in ROWS if 'autoscale="frame"' in row.here]
    assert row.compared == ["frames", "colours"]
    options, frames, file = given(row.here), names()["frames"], io.BytesIO()
    save_gif(file, frames, **options)
    decoded = by_pillow(file.getvalue())
    assert len(decoded) == len(frames)
    del options["autoscale"]
    heatmap = Heatmap(names()["shape"], **options).per_frame_limits()
    grid = heatmap.completed(heatmap.find_range(np.array(frames))).layout().panels[0].grid
    for (picture, _), frame in zip(decoded, frames, strict=True):
        image: Any = Figure().subplots().imshow(frame)
        there = image.to_rgba(image.get_array(), bytes=True)[..., :3]
        fills = picture[np.ix_(grid.y1 - 1, grid.x1 - 1)]
        difference = delta_e_2000(srgb_to_lab(there), srgb_to_lab(fills))
        assert difference[np.isfinite(frame)].max() < 1.5


def test_panels_stand_where_plotly_has_facets() -> None:
    (row,) = [row for row in ROWS if row.here.startswith("Panels(")]
    assert row.compared == ["panels", "colours"]
    frames = tuple(names()["frames"])
    panels = eval(row.here, names())
    picture = panels.rgb(frames)
    boxes = []
    for k, frame in enumerate(frames):
        changed = list(frames)
        changed[k] = -frame
        rows, columns = np.nonzero((panels.rgb(tuple(changed)) != picture).any(2))
        boxes.append((columns.min(), columns.max() + 1, rows.min(), rows.max() + 1))
        # the cells of this panel, from the first to the last
        x0, x1, y0, y1 = boxes[-1]
        n, m = frame.shape
        y = y0 + (2 * np.arange(n) + 1) * (y1 - y0) // (2 * n)
        x = x0 + (2 * np.arange(m) + 1) * (x1 - x0) // (2 * m)
        low, high = given(row.here)["vmin"], given(row.here)["vmax"]
        there = matplotlib.colormaps["plasma"]((frame - low) / (high - low), bytes=True)
        difference = delta_e_2000(srgb_to_lab(there[..., :3]), srgb_to_lab(picture[np.ix_(y, x)]))
        assert difference[np.isfinite(frame)].max() < 1.5
    first, second, third = boxes
    assert first[1] < second[0]
    assert first[3] < third[2]
    assert third[1] < second[0] or first[0] == third[0]


@pytest.mark.filterwarnings("ignore")
def test_rows_are_in_the_order_of_a_clustermap() -> None:
    pytest.importorskip("scipy")
    (line,) = [line for line in PAGE.splitlines() if "clustermap" in line]
    imported, ordered = (code for code in spans(line) if "hierarchy" in code)
    data = np.random.default_rng(0).normal(size=(9, 6))
    space: dict[str, Any] = {"data": data}
    exec(f"{imported}\n{ordered}", space)
    with reference.defaults():
        there = sns.clustermap(data)
    assert space["order"].tolist() == there.dendrogram_row.reordered_ind


def test_every_row_is_compared_or_says_why_not() -> None:
    for row in ROWS:
        assert bool(row.compared) != (row.here == "" or ".save(" in row.here), row
        assert set(row.compared) <= {*CHECKS, "frames", "panels"}, row


@pytest.mark.parametrize(
    ("table", "parameters"),
    [
        ("`seaborn.heatmap`", [*inspect.signature(sns.heatmap).parameters]),
        ("plotly's `px.imshow`", PLOTLY),
    ],
)
def test_every_parameter_there_has_a_row(table: str, parameters: list[str]) -> None:
    text = " ".join(" ".join(row.there) for row in ROWS if row.table == table)
    for name in set(parameters) - {"data", "kwargs"}:
        assert f"{name}=" in text, name


def test_every_option_it_names_exists() -> None:
    known = {*option_names(), "fps", "duration", "loop", "hold", "titles", "columns", "autoscale"}
    for row in ROWS:
        if row.compared:
            assert set(given(row.here)) <= known, row
