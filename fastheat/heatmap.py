"""Heatmap: the options of a picture, turned into its layout once, and stills drawn from it."""

from __future__ import annotations

import inspect
import math
import reprlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFont

from fastheat import layout as layouts
from fastheat import norms
from fastheat.colormaps import Colormap, colormap
from fastheat.colors import RGB, parse_color, suggest
from fastheat.formats import ValueFormat, as_written, parse_valfmt
from fastheat.layout import Bar, Label, Layout, Plan, Shown
from fastheat.palette import plan_palette
from fastheat.sources import open_frames
from fastheat.stills import paint
from fastheat.text import (
    COVERAGE_STEPS,
    SMALLEST_SIZE,
    Type,
    Typeface,
    Writing,
    cached_atlas,
    find_typeface,
    margin,
    measure,
    size_ladder,
    with_atlas,
)

DEFAULT_ROTATION = -30.0  # of column labels that are not numbers, degrees
GRID_WIDTH = 3.0  # pt
GRID_SHARE = 8  # of a cell, the most that a grid line of default width takes
AUTO_STEPS = (1, 2, 5)
SMALLEST_FONT, LARGEST_FONT = 1.0, 1000.0  # px
DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Look:
    """The options of a `Heatmap`, checked and read, colours and lengths as its layout has them."""

    shape: tuple[int, int]
    rows: tuple[str, ...] | None  # None numbers them
    columns: tuple[str, ...] | None
    cmap: Colormap
    valfmt: ValueFormat | None
    textcolors: tuple[RGB, RGB]
    threshold: float | None
    align: int
    vertical: float
    point: float
    fontsize: float
    text_size: float
    bar: bool
    bar_label: str
    title: str
    xlabel: str
    ylabel: str
    figure: tuple[int, int] | None
    typeface: Typeface
    background: RGB
    foreground: RGB
    grid: RGB
    grid_width: float | None
    rotation: float | None
    square: bool


class Heatmap:
    """The precomputed layout of heatmaps of one shape.

    Parameters
    ----------
    shape : (int, int)
        Rows N and columns M of the matrices.
    row_labels, col_labels : "auto", None, str or sequence of str
        The labels of the rows, and of the columns on top: one each. "auto" numbers them from 0, as
        many as have room; None leaves them and their ticks out; a string with braces, such as
        ``"dim_{}"``, is formatted with the number of each.
    cmap : str, sequence of colours or colormap object
        Every name that matplotlib has, with ``_r`` to reverse it; a list of colours to blend; or
        any object that can be called as matplotlib's `Colormap`.
    vmin, vmax : float
        The values at the ends of the colormap. What is not given is taken from the first values
        drawn, as by matplotlib's `Normalize`; `save_gif` takes it from all frames.
    under, over, bad : colour
        For values below `vmin`, above `vmax`, and for those that are NaN or infinite. By default as
        the colormap has them: its ends, and the background.
    valfmt : str, callable or None
        How values are written in their cells: a format string (``"{x:.2f}"``), a format spec
        (``".2f"``), or a function that takes a value and returns its text. None writes none.
    textcolors : (colour, colour)
        The colours of the texts. Without `threshold` each cell takes the one with the better
        contrast to its fill (WCAG 2).
    threshold : float
        In data units: above it texts are in the second of `textcolors`, elsewhere in the first.
    text_size : float
        Font size of the values, pt; by default `fontsize`. A text too wide for its cell is shrunk
        until it fits, or left out where it would not be legible.
    ha : {"center", "left", "right"}
        Where in its cell a text stands.
    va : {"center", "top", "bottom"}
        The same vertically.
    cbar : bool
        Whether to draw a colour bar.
    cbar_label : str
        Its label.
    title, xlabel, ylabel : str
        Texts above the picture, below it and at its left.
    figsize : (float, float)
        Width and height of the picture in inches, margins as by `Figure.tight_layout`. None makes
        the cells large enough for their text.
    dpi : float
        Pixels per inch.
    font : str or path
        A font file or the name of an installed font. None is Pillow's own.
    fontsize : float
        Of the labels, pt.
    grid_color : colour
        Of the lines between cells.
    grid_width : float
        Their width, pt; 0 draws none. None is 3 pt, but no more than an eighth of a cell.
    col_rotation : float
        Of the column labels, degrees counterclockwise. None is -30, and 0 for numbers.
    square : bool
        Whether cells are as high as wide.
    background, foreground : colour
        Of the figure, and of the labels and ticks on it.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown or its value is not one that it takes.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        row_labels: str | Iterable[object] | None = "auto",
        col_labels: str | Iterable[object] | None = "auto",
        cmap: object = "viridis",
        vmin: float | None = None,
        vmax: float | None = None,
        under: object = None,
        over: object = None,
        bad: object = None,
        valfmt: str | Callable[[Any], str] | None = "{x:.2f}",
        textcolors: Sequence[object] = ("black", "white"),
        threshold: float | None = None,
        text_size: float | None = None,
        ha: str = "center",
        va: str = "center",
        cbar: bool = False,
        cbar_label: str = "",
        title: str = "",
        xlabel: str = "",
        ylabel: str = "",
        figsize: Sequence[float] | None = None,
        dpi: float = 100,
        font: str | PathLike[str] | None = None,
        fontsize: float = 10,
        grid_color: object = "white",
        grid_width: float | None = None,
        col_rotation: float | None = None,
        square: bool = True,
        background: object = "white",
        foreground: object = "black",
        **unknown: object,
    ) -> None:
        check_options(unknown)
        n, m = _shape(shape)
        low = None if vmin is None else _number("vmin", vmin)
        high = None if vmax is None else _number("vmax", vmax)
        if low is not None and high is not None:
            norms.check_range(low, high)
        paper = _color("background", background)
        inch = _positive("dpi", dpi)
        point = inch / layouts.POINTS
        size = _positive("fontsize", fontsize) * point
        own = size if text_size is None else _positive("text_size", text_size) * point
        if size < SMALLEST_FONT or max(size, own) > LARGEST_FONT:
            wrong = min(size, own) if size < SMALLEST_FONT else max(size, own)
            raise ValueError(
                f"expected text of {SMALLEST_FONT:g} to {LARGEST_FONT:g} px, not {wrong:.3g} px: "
                f"fontsize={fontsize!r}, text_size={text_size!r}, dpi={dpi!r}"
            )
        format_ = None if valfmt is None else parse_valfmt(valfmt)
        rows = _labels("row_labels", row_labels, n)
        columns = _labels("col_labels", col_labels, m)
        words = [
            _text(name, text)
            for name, text in (
                ("cbar_label", cbar_label),
                ("title", title),
                ("xlabel", xlabel),
                ("ylabel", ylabel),
            )
        ]
        letters = "".join([*(rows or ()), *(columns or ()), *words, "0123456789.-+e"])
        letters += format_.charset if format_ else ""
        self._look = Look(
            shape=(n, m),
            rows=rows,
            columns=columns,
            cmap=colormap(cmap, bad=bad, under=under, over=over, background=paper),
            valfmt=format_,
            textcolors=_pair(textcolors, paper),
            threshold=None if threshold is None else _number("threshold", threshold),
            align=_choice("ha", ha, {"left": -1, "center": 0, "right": 1}),
            vertical=_choice("va", va, {"top": -1, "center": 0, "bottom": 1}),
            point=point,
            fontsize=size,
            text_size=own,
            bar=bool(cbar),
            bar_label=words[0],
            title=words[1],
            xlabel=words[2],
            ylabel=words[3],
            figure=None if figsize is None else _figure(figsize, inch),
            typeface=find_typeface(font, letters),
            background=paper,
            foreground=_color("foreground", foreground),
            grid=_color("grid_color", grid_color),
            grid_width=None
            if grid_width is None
            else _positive("grid_width", grid_width, zero=True),
            rotation=None if col_rotation is None else _number("col_rotation", col_rotation),
            square=bool(square),
        )
        self._vmin, self._vmax = low, high
        self._layouts: dict[np.dtype[Any], Layout] = {}
        self._dtype = np.dtype(np.float64)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrices."""
        return self._look.shape

    @property
    def range(self) -> tuple[float | None, float | None]:
        """The values at the ends of the colormap, None where they are not known yet."""
        return self._vmin, self._vmax

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self.layout().size

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours, (256, 3) uint8; unused ones are black."""
        return self.layout().table.copy()

    def with_range(self, vmin: float, vmax: float) -> Heatmap:
        """Return the same heatmap over another range.

        Parameters
        ----------
        vmin, vmax
            Take the place of what was not given to `Heatmap`; what was given stays.
        """
        low = vmin if self._vmin is None else self._vmin
        high = vmax if self._vmax is None else self._vmax
        if low > high and None in (self._vmin, self._vmax):
            # the end that was given lies beyond all values: the range is empty there
            low, high = (low, low) if self._vmin is not None else (high, high)
        norms.check_range(low, high)
        other = Heatmap.__new__(Heatmap)
        other._look = self._look
        other._vmin, other._vmax = low, high
        other._layouts = {}
        other._dtype = self._dtype
        return other

    def layout(self, dtype: np.dtype[Any] | None = None) -> Layout:
        """Return what frames of values of `dtype` are drawn from.

        By default it is the dtype of the values that were drawn last, float64 before.

        Raises
        ------
        ValueError
            If the range is not known yet.
        """
        kind = self._dtype if dtype is None else dtype.newbyteorder("=")
        if kind.kind == "f" and kind.itemsize > 8:
            kind = np.dtype(np.float64)
        if kind not in self._layouts:
            if self._vmin is None or self._vmax is None:
                raise ValueError("expected vmin and vmax, or values to take them from, before this")
            self._layouts[kind] = _build(self._look, self._vmin, self._vmax, kind)
        return self._layouts[kind]

    def indices(self, values: ArrayLike) -> NDArray[np.uint8]:
        """Draw one matrix.

        Parameters
        ----------
        values
            (N, M) numbers.

        Returns
        -------
        (height, width) uint8
            Indices into `palette`.
        """
        frames = open_frames([values])
        if frames.shape != self.shape:
            raise ValueError(f"expected values of shape {self.shape}, not {frames.shape}")
        (matrix,) = next(frames.chunks(1))
        if self._vmin is None or self._vmax is None:
            found = norms.finite_range(matrix) or (0.0, 1.0)
            self._vmin, self._vmax = self.with_range(*found).range
        self._dtype = frames.dtype
        indices, shown = paint(self.layout(), matrix)
        warn_of(shown)
        return indices

    def rgb(self, values: ArrayLike) -> NDArray[np.uint8]:
        """Draw one matrix, (N, M), as (height, width, 3) uint8."""
        indices = self.indices(values)
        colors: NDArray[np.uint8] = self.layout().table[indices]
        return colors

    def image(self, values: ArrayLike) -> Image.Image:
        """Draw one matrix, (N, M), as a Pillow image of mode P."""
        image = Image.fromarray(self.indices(values))
        image.putpalette(self.palette.tobytes())
        return image


def warn_of(shown: Shown) -> None:
    """Warn of what is not shown as given."""
    if shown.hidden:
        warnings.warn(
            f"left out the text of {shown.hidden} cells, which have no room for it at a size that "
            "can be read: give a larger figsize or text_size, a shorter valfmt, or valfmt=None",
            stacklevel=3,
        )
    if shown.lacking:
        warnings.warn(
            f"the font has no glyph for {shown.lacking!r}: give font= a font file that has",
            stacklevel=3,
        )


# ---------------------------------------------------------------------------------------- options


def option_names() -> list[str]:
    """Return the names of the options of `Heatmap`."""
    parameters = inspect.signature(Heatmap.__init__).parameters.values()
    return [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]


def check_options(names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Refuse names that are no option of `Heatmap`, naming the nearest of those and of `others`."""
    known = option_names()
    for name in names:
        if name not in known:
            raise TypeError(f"unknown option {name!r}{suggest(name, [*known, *others])}")


def _shape(shape: object) -> tuple[int, int]:
    try:
        n, m = (int(side) for side in shape)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise TypeError(f"expected shape to be (rows, columns), not {_short(shape)}") from None
    if n < 1 or m < 1:
        raise ValueError(f"expected at least one row and column, not shape={(n, m)!r}")
    if max(n, m) > layouts.LARGEST_SIDE:
        raise ValueError(
            f"expected at most {layouts.LARGEST_SIDE} rows and columns, not shape={(n, m)!r}"
        )
    return n, m


def _short(value: object) -> str:
    return " ".join(reprlib.repr(value).split())


def _number(name: str, value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"expected {name} to be a number below 1e308") from None
    except (TypeError, ValueError):
        raise TypeError(f"expected {name} to be a number, not {_short(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"expected {name} to be a finite number, not {value!r}")
    return number


def _positive(name: str, value: object, *, zero: bool = False) -> float:
    number = _number(name, value)
    if number < 0 or (number == 0 and not zero):
        raise ValueError(f"expected {name} to be above 0{' or 0' if zero else ''}, not {value!r}")
    return number


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"expected {name} to be a string, not {value!r}")
    return value


def _color(name: str, value: object, paper: RGB = (255, 255, 255)) -> RGB:
    try:
        return parse_color(value, paper)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def _pair(colors: object, paper: RGB) -> tuple[RGB, RGB]:
    if isinstance(colors, str) or not isinstance(colors, Sequence) or len(colors) != 2:
        raise ValueError(f"expected textcolors to be two colours, not {_short(colors)}")
    return _color("textcolors", colors[0], paper), _color("textcolors", colors[1], paper)


def _choice(name: str, value: object, choices: dict[str, int]) -> int:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"expected {name} to be one of {', '.join(choices)}, not {_short(value)}")
    return choices[value]


def _figure(figsize: object, inch: float) -> tuple[int, int]:
    try:
        width, height = (_positive("figsize", side) for side in figsize)  # type: ignore[attr-defined]
    except TypeError:
        raise TypeError(
            f"expected figsize to be (width, height) in inches, not {_short(figsize)}"
        ) from None
    except ValueError:
        raise ValueError(
            f"expected figsize to be a width and a height above 0 in inches, not {_short(figsize)}"
        ) from None
    most = 10.0 * layouts.LARGEST_SIDE
    sides = int(min(width * inch + 1e-9, most)), int(min(height * inch + 1e-9, most))
    if min(sides) < 1 or max(sides) > layouts.LARGEST_SIDE:
        raise ValueError(
            f"expected a picture of 1 to {layouts.LARGEST_SIDE} px a side, which is all that a GIF "
            f"can have, not {sides[0]} x {sides[1]} px: figsize={_short(figsize)}, dpi={inch:g}"
        )
    return sides


def _labels(name: str, labels: object, count: int) -> tuple[str, ...] | None:
    """Return the labels; none for None, and None for "auto"."""
    if labels is None:
        return ()
    if isinstance(labels, str):
        if labels == "auto":
            return None
        if "{" not in labels:
            raise ValueError(
                f"expected {name} to be 'auto', a string with braces such as 'dim_{{}}' or a "
                f"sequence of {count} labels, not {labels!r}"
            )
        try:
            return tuple(labels.format(k, i=k) for k in range(count))
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
            raise ValueError(
                f"expected {name} to be a string with braces for a number such as 'dim_{{}}', "
                f"not {labels!r}: {error}"
            ) from None
    if not isinstance(labels, Iterable):
        raise TypeError(f"expected {name} to be a sequence of labels, not {labels!r}")
    texts = tuple(str(label) for label in labels)
    if len(texts) != count:
        raise ValueError(f"expected {count} {name}, not {len(texts)}")
    return texts


# ----------------------------------------------------------------------------------------- layout


def _build(look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]) -> Layout:
    rule = norms.working_type(dtype)
    samples = _samples(look, vmin, vmax, dtype)
    cell = _cell_size(look, samples)
    plan = _plan(look, vmin, vmax, cell)
    geometry = layouts.place(plan, look.figure, cell)
    line = _grid_line(look, geometry.cells)
    grid = layouts.cell_grid(geometry.cells, look.shape, line)
    sizes = _sizes(look, samples, grid)
    norm = norms.linear(vmin, vmax)
    split = None
    if look.threshold is not None:
        split = norms.edge_above(norm, look.threshold, rule)
    palette = plan_palette(
        look.cmap,
        norms.bin_edges(norm, len(look.cmap.table), rule),
        background=look.background,
        foreground=look.foreground,
        grid=look.grid if line else look.background,
        textcolors=look.textcolors,
        split=split,
        steps=COVERAGE_STEPS if sizes else 1,
    )
    type_, longest = layouts.NO_TYPE, 0
    writing: Writing | None = None
    if look.valfmt is not None and sizes:
        type_, longest = _type(look, sizes, grid, geometry.cells)
        writing = _writing(look.valfmt)
        if writing is not None:
            type_ = with_atlas(type_, cached_atlas(look.typeface, sizes, look.valfmt.charset))
    return Layout(
        static=layouts.draw_static(geometry, plan, palette, line),
        table=palette.table,
        grid=grid,
        shades=palette.shades,
        type=type_,
        longest=longest,
        writing=writing,
        format=look.valfmt if sizes else None,
        typeface=look.typeface,
        sizes=sizes,
        dtype=dtype,
        crowded=look.valfmt is not None and not sizes,
    )


def _samples(look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]) -> list[str]:
    """Return texts as wide as those of the values in the range."""
    if look.valfmt is None:
        return []
    if look.valfmt.integers and dtype.kind not in "biu":
        raise ValueError(
            f"expected a format for {dtype} values such as '.0f', not {look.valfmt.source!r}, "
            "which is for integers"
        )
    values = [vmin, vmax, 0.0] if vmin <= 0 <= vmax else [vmin, vmax]
    if look.valfmt.spec is None:
        # what Python writes may be longest anywhere
        values += [vmin * (1 - k / 32) + vmax * (k / 32) for k in range(33)]
    return sorted({look.valfmt.write(as_written(x, dtype)) for x in values})


def _cell_size(look: Look, samples: list[str]) -> tuple[int, int]:
    """Return the width and height of a cell in a picture without figsize."""
    n, m = look.shape
    if not samples:
        side = max(1, min(48, layouts.PLAIN_SIDE // max(n, m)))
        return side, side
    font = look.typeface.at(max(look.text_size, SMALLEST_FONT))
    width = max(measure(text, font) for text in samples)
    # a margin of a third of the size on either side, and the grid line between
    line = GRID_WIDTH * look.point if look.grid_width is None else look.grid_width * look.point
    wide = math.ceil(width + 0.7 * look.text_size + line)
    high = math.ceil(2.0 * look.text_size + line)
    if look.square:
        wide = high = max(wide, high)
    room = layouts.LONGEST_SIDE
    wide, high = max(1, min(wide, room // m)), max(1, min(high, room // n))
    return (min(wide, high),) * 2 if look.square else (wide, high)


def _grid_line(look: Look, cells: layouts.Box) -> int:
    n, m = look.shape
    if look.grid_width is not None:
        width = min(look.grid_width * look.point, layouts.LARGEST_SIDE)
        return max(1, math.floor(width + 0.5)) if width else 0
    cell = min(cells.width / m, cells.height / n)
    return min(math.floor(GRID_WIDTH * look.point + 0.5), int(cell) // GRID_SHARE)


def _plan(look: Look, vmin: float, vmax: float, cell: tuple[int, int]) -> Plan:
    n, m = look.shape
    if look.figure:
        # an estimate, which labels that are thinned to fit do not need better
        cell = int(0.8 * look.figure[0] / m), int(0.8 * look.figure[1] / n)
        if look.square:
            cell = (min(cell),) * 2

    def label(text: str, size: float, anchor: tuple[float, float], rotation: float = 0.0) -> Label:
        return Label(text, size, anchor, rotation, look.typeface)

    up, down = layouts.line_extent(look.typeface, look.fontsize)
    middle = 0.5 * up / (up + down)  # matplotlib's center_baseline
    row_texts = _chosen(look.rows, n, cell[1], 1.2 * (up + down))
    rotation = look.rotation
    if rotation is None:
        rotation = 0.0 if look.columns is None else DEFAULT_ROTATION
    font = look.typeface.at(look.fontsize)
    if rotation % 180 == 0:
        needed = measure(str(m - 1), font) + 0.5 * look.fontsize
    else:
        needed = 1.2 * (up + down) / abs(math.sin(math.radians(rotation)))
    column_texts = _chosen(look.columns, m, cell[0], needed)
    side = _column_anchor(rotation)
    bar = None
    if look.bar:
        ticks = norms.ticks(vmin, vmax, _most_ticks(look, cell))
        bar = Bar(
            [(at, label(text, look.fontsize, (0.0, middle))) for at, text in ticks],
            label(look.bar_label, look.fontsize, (0.5, 1.0), -90.0) if look.bar_label else None,
        )
    size = look.fontsize
    return Plan(
        shape=look.shape,
        point=look.point,
        fontsize=size,
        rows=[(i, label(text, size, (1.0, middle))) for i, text in row_texts],
        columns=[(j, label(text, size, side, rotation)) for j, text in column_texts],
        title=label(look.title, 1.2 * size, (0.5, 1.0)) if look.title else None,
        xlabel=label(look.xlabel, size, (0.5, 0.0)) if look.xlabel else None,
        ylabel=label(look.ylabel, size, (0.5, 1.0), 90.0) if look.ylabel else None,
        bar=bar,
        square=look.square,
    )


def _most_ticks(look: Look, cell: tuple[int, int]) -> int:
    """Return how many intervals the colour bar has room for, by the rule of matplotlib's axes."""
    height = cell[1] * look.shape[0]
    if look.figure:
        low, high = layouts.SUBPLOT[1], layouts.SUBPLOT[3]
        height = int((high - low) * look.figure[1])
    return max(1, min(9, int(height / (2 * look.fontsize))))


def _column_anchor(rotation: float) -> tuple[float, float]:
    """Return the point of a turned column label that stands on its tick."""
    turned = (rotation + 180) % 360 - 180
    if abs(turned) in (0, 180):
        return 0.5, float(turned == 0)
    if abs(turned) == 90:
        return float(turned < 0), 0.5
    return float(turned < 0), 1.0


def _chosen(
    labels: tuple[str, ...] | None, count: int, cell: float, needed: float
) -> list[tuple[int, str]]:
    """Return all labels that were given, or as many numbers as have room."""
    if labels is not None:
        return list(enumerate(labels))
    scale = 1
    while True:
        for step in AUTO_STEPS:
            if step * scale * cell >= needed or step * scale >= count:
                return [(k, str(k)) for k in range(0, count, step * scale)]
        scale *= 10


def _sizes(look: Look, samples: list[str], grid: layouts.Grid) -> tuple[float, ...]:
    """Return the font sizes for values, the largest such that all in the range fit their cells."""
    if not samples:
        return ()
    wide, high = int((grid.x1 - grid.x0).min()), int((grid.y1 - grid.y0).min())
    size = look.text_size
    while size >= SMALLEST_SIZE:
        font = look.typeface.at(size)
        width = max(measure(text, font) for text in samples) + 2 * margin(font)
        height = max(_height(text, font) for text in samples)
        if width <= wide and height <= high:
            return size_ladder(size)
        size = round(min(size - 0.1, size * max(wide / width, 0.5)), 2)
    return ()


def _height(text: str, font: ImageFont.FreeTypeFont) -> int:
    return int(font.getmask2(text, mode="L", anchor="ls")[0].size[1])


def _type(
    look: Look, sizes: tuple[float, ...], grid: layouts.Grid, cells: layouts.Box
) -> tuple[Type, int]:
    """Return where text stands, tops counted from its baselines, and its most segments."""
    n, _ = look.shape
    baselines = np.zeros((n, len(sizes)), np.int64)
    middle = cells.y0 + (np.arange(n) + 0.5) * cells.height / n
    narrowest = LARGEST_FONT
    for k, size in enumerate(sizes):
        up, down = layouts.line_extent(look.typeface, size, DIGITS)
        font = look.typeface.at(size)
        _, top, _, bottom = font.getbbox(DIGITS, anchor="ls")
        if look.vertical == 0:
            at = np.floor(middle + (up - down) / 2 + 0.5)
        elif look.vertical < 0:
            at = grid.y0 + 1.0 - top
        else:
            at = grid.y1 - 1.0 - bottom
        baselines[:, k] = at
        narrowest = max(1, min(narrowest, *(measure(c, font) for c in DIGITS + ".-")))
    room = int((grid.x1 - grid.x0).max())
    type_ = layouts.NO_TYPE._replace(
        tops=baselines, align=look.align, inset=max(1, round(2 * look.point))
    )
    return type_, int(room // narrowest) + 2


def _writing(valfmt: ValueFormat) -> Writing | None:
    """Return how the kernels write values, None where they cannot."""
    if valfmt.spec is None:
        return None
    charset = valfmt.charset
    glyph = {c: k + 1 for k, c in enumerate(charset)}
    glyph_of = np.zeros(128, np.uint16)
    for c in charset:
        if c.isascii():
            glyph_of[ord(c)] = glyph[c]
    return Writing(
        spec=valfmt.spec.array(),
        before=np.array([glyph[c] for c in valfmt.before], np.uint16),
        after=np.array([glyph[c] for c in valfmt.after], np.uint16),
        glyph_of=glyph_of,
        glyphs=len(charset) + 1,
        line=valfmt.longest,
    )
