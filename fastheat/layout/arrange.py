"""The layout of several panels: where each stands, and one picture and palette for all."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastheat.gif import blocks
from fastheat.inputs.sources.masks import hidden
from fastheat.inputs.sources.shapes import Shape, shapes_of, split
from fastheat.layout.axes.bar_numbers import BarNumbers
from fastheat.layout.axes.drawing import draw_lines
from fastheat.layout.layout import Layout, TitlePlace, titles_with_ranges
from fastheat.layout.lineplot import MOST_LINES, RAMP_STEPS, Plot
from fastheat.layout.reduction import Reduction
from fastheat.style.colors.palette import SharedPalette, share_palette
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.labels import Label
from fastheat.tables import TRANSPARENT

Size = tuple[int, int]  # width and height, px

FLATTEST, LONGEST = 3 / 2, 16 / 9  # width to height of a usable picture
STACKED = 1.05  # times as large that panels in columns are, if they are not in rows
SMALLEST = 1e-4  # cells, px
EXACT = 1e-3  # of them, how exactly they fit


class Mosaic(NamedTuple):
    """Everything that a frame of several panels is drawn from, but its values: as a `Layout`."""

    parts: tuple[Layout, ...]  # each in the coordinates and colours of the whole
    shape: dict[str, Shape]  # rows and columns that are drawn of each
    static: NDArray[np.uint8]  # (H, W) palette indices of what never changes
    table: NDArray[np.uint8]  # (256, 3) the palette
    clear: bool  # whether the background is transparent
    statics: NDArray[np.uint8]  # (steps,) palette index of the title at each coverage
    title: TitlePlace | None
    plot: Plot | None  # of scalars, which stand behind the matrices
    typeface: Typeface
    colors: int  # palette entries in use
    dtype: np.dtype[Any]  # the form of the frames
    lacking: str  # letters of the labels without a glyph
    left_out: tuple[str, ...]  # labels that were asked for and have no room
    beyond: tuple[str, ...]  # and those that are not in the range
    replaced: int  # colours of cells in the nearest one for want of room,
    off: float  # and how far off they are, CIEDE2000
    shares: tuple[bool, ...]  # which of the parts have one range, where frames have their own
    says_range: bool  # whether that stands in the title
    numbers: BarNumbers | None  # at a colour bar of all parts, where they change,
    barred: int  # and the part whose range it has

    @property
    def bars(self) -> list[tuple[BarNumbers, int]]:
        """The colour bars whose numbers change, and the number of the part whose range each has."""
        own = [(part.numbers, k) for k, part in enumerate(self.parts)]
        each = [*own, (self.numbers, self.barred)]
        return [(numbers, k) for numbers, k in each if numbers is not None]

    @property
    def is_by_frame(self) -> bool:
        """Whether each frame has ranges of its own."""
        return any(part.is_by_frame for part in self.parts)

    def ranges(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the range of each part in each of frames (T, C): (T, P, 2)."""
        found = []
        for part, own in zip(self.parts, split(values, self.shape), strict=False):
            if part.scaling is None:
                found.append(part.ranges(own)[:, 0])
            else:
                found.append(part.scaling.find(hidden(own, part.mask)))
        together = list(compress(found, self.shares))
        if together:
            low, high = np.fmin.reduce(together)[:, 0], np.fmax.reduce(together)[:, 1]
            shared = np.stack([low, high], 1)
            found = [shared if s else own for own, s in zip(found, self.shares, strict=True)]
        each = zip(self.parts, found, strict=True)
        ends = [own if part.scaling is None else part.scaling.complete(own) for part, own in each]
        return np.stack(ends, 1)

    def over(self, ranges: NDArray[np.float64]) -> Mosaic:
        """Return the layout of T frames whose ranges are (T, P, 2)."""
        parts = (part.over(ranges[:, k : k + 1]) for k, part in enumerate(self.parts))
        return self._replace(parts=tuple(parts))

    def named(self, titles: Sequence[str], ranges: NDArray[np.float64]) -> list[str]:
        """Return the titles of T frames, with their ranges where they stand there."""
        names = list(self.shape)[: len(self.parts)]
        return titles_with_ranges(titles, names, ranges) if self.says_range else list(titles)

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return self.static.shape[1], self.static.shape[0]

    @property
    def shape_read(self) -> dict[str, Shape]:
        """Rows and columns of the matrices, of which there may be more than cells."""
        return shapes_of(self.dtype)

    @property
    def scalars(self) -> int:
        """How many numbers of a frame stand behind the matrices."""
        return 0 if self.plot is None else len(self.plot.names)

    @property
    def reductions(self) -> dict[str, Reduction | None]:
        """How the matrices become those that are drawn."""
        parts = zip(self.shape, self.parts, strict=False)
        return {name: part.reduction for name, part in parts}

    @property
    def writes(self) -> bool:
        """Whether there are values in the cells of any panel."""
        return any(part.writes for part in self.parts)


def plot_of(layout: Layout | Mosaic) -> Plot | None:
    """Return the line plot of a layout, None where there is none."""
    return layout.plot if isinstance(layout, Mosaic) else None


class Heading(NamedTuple):
    """The title above all panels."""

    text: str
    size: float  # px
    pad: float
    typeface: Typeface
    lacking: str  # its letters without a glyph
    own: bool = False  # whether each frame has its own

    @property
    def height(self) -> int:
        """The rows of pixels that it takes, 0 if there is none."""
        return math.ceil(self.pad + self._label().box().height) if self.text or self.own else 0

    @property
    def width(self) -> int:
        """The least width of a picture that has room for it."""
        return math.ceil(self._label().box().width + 2 * self.pad) if self.text else 0

    def _label(self) -> Label:
        return Label(self.text, self.size, (0.5, 1.0), 0.0, self.typeface)

    def place(self, width: int) -> TitlePlace | None:
        """Return where each frame has its own."""
        if not self.own:
            return None
        return TitlePlace(width / 2, float(self.height), self.size, 0, self.height, self.pad)

    def draw(self, static: NDArray[np.uint8], statics: NDArray[np.uint8]) -> None:
        """Draw it where it is that of all frames."""
        if not self.text or self.own:
            return
        width, height = static.shape[1], self.height
        ink = Image.new("L", (width, height))
        draw_lines(ImageDraw.Draw(ink), self._label(), width / 2, float(height))
        steps = (np.asarray(ink).astype(np.intp) * (len(statics) - 1) + 127) // 255
        np.copyto(static[:height], statics[steps], where=steps > 0)


class Places(NamedTuple):
    """Where the left top of each panel comes to lie."""

    width: int
    height: int
    corners: tuple[tuple[int, int], ...]


class Tile(NamedTuple):
    """A picture that is to be put beside others."""

    width: int
    height: int
    left: int = 0  # where its cells begin
    top: int = 0


# The columns of a grid that is filled row by row, or how many stand beneath each other in each
# column.
Order = int | tuple[int, ...]
Orders = Callable[[Sequence[Tile]], Sequence[Order]]


def arrange(tiles: Sequence[Tile], order: Order) -> Places:
    """Put pictures beside and beneath each other, such that cells begin in lines."""
    if isinstance(order, int):
        columns = min(order, len(tiles))
        down = [tiles[k::order] for k in range(columns)]
        widths, lefts = _lined([[(t.width, t.left) for t in column] for column in down])
        rows = [tiles[k : k + order] for k in range(0, len(tiles), order)]
        heights, tops = _lined([[(t.height, t.top) for t in row] for row in rows])
        xs, ys = _starts(widths), _starts(heights)
        corners = [
            (xs[k % order] + lefts[k % order] - t.left, ys[k // order] + tops[k // order] - t.top)
            for k, t in enumerate(tiles)
        ]
        return Places(sum(widths), sum(heights), tuple(corners))
    stops = [sum(order[: k + 1]) for k in range(len(order))]
    stacks = [tiles[stop - count : stop] for count, stop in zip(order, stops, strict=True)]
    widths, lefts = _lined([[(t.width, t.left) for t in stack] for stack in stacks])
    first = max(stack[0].top for stack in stacks)
    corners, height = [], 0
    for x, left, stack in zip(_starts(widths), lefts, stacks, strict=True):
        y = first - stack[0].top
        for t in stack:
            corners.append((x + left - t.left, y))
            y += t.height
        height = max(height, y)
    return Places(sum(widths), height, tuple(corners))


def _lined(each: Sequence[Sequence[tuple[int, int]]]) -> tuple[list[int], list[int]]:
    """Return how much room pictures take, and where in it the cells of all begin."""
    starts = [max(start for _, start in pairs) for pairs in each]
    rest = [max(size - start for size, start in pairs) for pairs in each]
    return [a + b for a, b in zip(starts, rest, strict=True)], starts


def _starts(sides: Sequence[int]) -> list[int]:
    return list(accumulate(sides[:-1], initial=0))


class Sizes:
    """How large pictures are beside and beneath each other in any order, as `arrange` puts them."""

    def __init__(self, tiles: Sequence[Tile]) -> None:
        sides = np.array(tiles, np.int64).reshape(-1, 4)
        self._count = len(tiles)
        self._left, self._right = sides[:, 2], sides[:, 0] - sides[:, 2]
        self._top, self._bottom = sides[:, 3], sides[:, 1] - sides[:, 3]
        self._down = np.concatenate([[0], np.cumsum(sides[:, 1])])
        self._least = int(sides[:, 0].min()), int(sides[:, 1].min())

    def of(self, order: Order) -> Size:
        """Return width and height."""
        if isinstance(order, int):
            columns = min(order, self._count)
            rows = -(-self._count // columns)
            across = (
                self._most(self._left, rows, columns, 0),
                self._most(self._right, rows, columns, 0),
            )
            down = (
                self._most(self._top, rows, columns, 1),
                self._most(self._bottom, rows, columns, 1),
            )
            return int(sum(each.sum() for each in across)), int(sum(each.sum() for each in down))
        stops = np.cumsum(np.array(order, np.int64))
        starts = stops - order
        widths = np.maximum.reduceat(self._left, starts) + np.maximum.reduceat(self._right, starts)
        tops = self._top[starts]
        heights = tops.max() - tops + self._down[stops] - self._down[starts]
        return int(widths.sum()), int(heights.max())

    def may_fit(self, order: Order, room: Size) -> bool:
        """Return whether that can be, by the smallest picture alone."""
        columns = min(order, self._count) if isinstance(order, int) else len(order)
        rows = -(-self._count // columns)
        return columns * self._least[0] <= room[0] and rows * self._least[1] <= room[1]

    def _most(
        self, sides: NDArray[np.int64], rows: int, columns: int, axis: int
    ) -> NDArray[np.int64]:
        """Return the largest of each column or row of a grid."""
        grid = np.full(rows * columns, np.iinfo(np.int64).min)
        grid[: self._count] = sides
        most: NDArray[np.int64] = grid.reshape(rows, columns).max(axis)
        return most


def grids(tiles: Sequence[Tile]) -> list[Order]:
    """Return every number of columns."""
    return list(range(1, len(tiles) + 1))


def stacks(tiles: Sequence[Tile]) -> list[Order]:
    """Return how pictures stand in so many columns, each as low as that goes."""
    ends = list(accumulate(tile.height for tile in tiles))
    found: list[Order] = []
    least, high = max(tile.height for tile in tiles), ends[-1]
    count = 2
    while count < len(tiles):
        low = least
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if len(_filled(ends, middle)) <= count else (middle + 1, high)
        found.append(_filled(ends, low))
        if low == least:  # which more columns are not lower than
            break
        # as many as are lower
        count = max(count + 1, len(_filled(ends, low - 1)))
    return list(dict.fromkeys(found))


def _filled(ends: Sequence[int], room: int) -> tuple[int, ...]:
    """Return how many stand in each column of a height that is filled before the next.

    Parameters
    ----------
    ends
        The height of the first of all, of the first two, and so on.
    """
    counts, start, used = [], 0, 0
    while start < len(ends):
        stop = max(start + 1, bisect_right(ends, used + room, start))
        counts.append(stop - start)
        start, used = stop, ends[stop - 1]
    return tuple(counts)


def least_white(tiles: Sequence[Tile], more: Size = (0, 0)) -> Order:
    """Return the order whose picture has the smallest frame from 3 : 2 to 16 : 9 about it.

    Parameters
    ----------
    more
        What stands beside and beneath all of them.
    """
    sizes = Sizes(tiles)

    def area(order: Order) -> float:
        width, height = sizes.of(order)
        width, height = width + more[0], height + more[1]
        return max(width, FLATTEST * height) * max(height, width / LONGEST)

    best = min(grids(tiles), key=area)
    others = stacks(tiles)
    stacked = min(others, key=area) if others else best
    return stacked if area(stacked) * STACKED < area(best) else best


def largest(
    tiles: Callable[[float], Sequence[Tile]],
    room: Size,
    bound: float,
    orders: Sequence[Order] | None = None,
) -> tuple[float, Order] | None:
    """Return how large cells can be in a picture, and in which order; None: they have no room.

    Parameters
    ----------
    tiles
        Return the panels, given how large their cells are.
    bound
        More than that they are not.
    orders
        Those to choose from. None are all.
    """

    def fit(size: float, given: Orders) -> Order | None:
        each = tiles(size)
        sizes = Sizes(each)
        for order in given(each):
            if sizes.may_fit(order, room):
                width, height = sizes.of(order)
                if width <= room[0] and height <= room[1]:
                    return order
        return None

    def search(low: float, given: Orders) -> tuple[float, Order] | None:
        best, high = fit(low, given), bound
        if best is None:
            return None
        while high - low > EXACT * high:
            middle = math.sqrt(low * high)
            order = fit(middle, given)
            if order is None:
                high = middle
            else:
                low, best = middle, order
        return low, best

    if orders is not None:
        return search(SMALLEST, lambda _: orders)
    found = search(SMALLEST, grids)
    stacked = search(SMALLEST if found is None else STACKED * found[0], stacks)
    return stacked or found


def check_size(width: int, height: int, count: int) -> None:
    if max(width, height) > blocks.LARGEST_SIDE:
        found = f"{width} x {height} px" if width else f"{height} px or more"
        raise ValueError(
            f"expected panels of at most {blocks.LARGEST_SIDE} px a side together, the most that a "
            f"GIF can have, not {found}: give fewer than these {count}, columns=, a smaller "
            "fontsize, or a figsize"
        )


def compose(
    layouts: Sequence[Layout],
    corners: Sequence[tuple[int, int]],
    size: Size,
    heading: Heading,
    plot: Plot | None,
    form: np.dtype[Any],
    bar: tuple[Layout, tuple[int, int]] | None = None,
    shares: Sequence[bool] = (),
    *,
    says_range: bool = False,
    barred: int = 0,
) -> Mosaic:
    """Put layouts together.

    Parameters
    ----------
    corners
        Where the left top of each comes to lie.
    bar
        One of which only what never changes is drawn, and where.
    shares
        Which of the layouts have one range, where frames have their own.
    says_range
        Whether that stands in the title.
    barred
        The number of the layout whose range the bar has.
    """
    drawn = [*layouts, bar[0]] if bar is not None else list(layouts)
    at = [*corners, bar[1]] if bar is not None else list(corners)
    palette = _shared(drawn, plot)
    statics = palette.indices[0][layouts[0].statics]
    clear = layouts[0].clear
    static = np.full((size[1], size[0]), TRANSPARENT if clear else statics[0], np.uint8)
    if heading.own:  # which frames could not clear away again
        static[: heading.height] = statics[0]
    for (x, y), layout, index in zip(at, drawn, palette.indices, strict=False):
        w, h = layout.size
        static[y : y + h, x : x + w] = index[layout.static]
    heading.draw(static, statics)
    names = form.names or ()
    if plot is not None:
        ramps = palette.indices[-1][_RAMPS[: len(plot.names)]]
        plot = plot._replace(
            statics=tuple(statics.tolist()),
            ramps=tuple(map(tuple, ramps.tolist())),
        )
        static[plot.top :] = statics[0]  # which frames could not clear away again
    return Mosaic(
        parts=tuple(
            layout.moved(x, y, static, palette, k)
            for k, (layout, (x, y)) in enumerate(zip(layouts, corners, strict=True))
        ),
        shape=dict(zip(names, [layout.shape for layout in layouts], strict=False))
        | ({} if plot is None else dict.fromkeys(plot.names, ())),
        static=static,
        table=palette.table,
        clear=any(layout.clear for layout in layouts),
        statics=statics,
        title=heading.place(size[0]),
        plot=plot,
        typeface=heading.typeface,
        colors=palette.count,
        dtype=form,
        lacking="".join(
            dict.fromkeys("".join([heading.lacking, *(layout.lacking for layout in layouts)]))
        ),
        left_out=_named(names, layouts, "left_out") + (bar[0].left_out if bar else ()),
        beyond=_named(names, layouts, "beyond") + (bar[0].beyond if bar else ()),
        replaced=palette.replaced,
        off=palette.off,
        shares=tuple(shares),
        says_range=says_range,
        numbers=None if bar is None or bar[0].numbers is None else bar[0].numbers.moved(*bar[1]),
        barred=barred,
    )


def _named(names: Sequence[str], layouts: Sequence[Layout], what: str) -> tuple[str, ...]:
    """Return what is said of the labels of each panel, with its name."""
    pairs = zip(names, layouts, strict=False)
    return tuple(f"{each} of panel {name!r}" for name, own in pairs for each in getattr(own, what))


# entries of the table of a plot's own: the coverages of each line
_RAMPS = 1 + np.arange(MOST_LINES * RAMP_STEPS).reshape(MOST_LINES, RAMP_STEPS)


def _shared(layouts: Sequence[Layout], plot: Plot | None) -> SharedPalette:
    fills, fixed, used = [], [], []
    for layout in layouts:
        inks = layout.shades.inks
        own, blends = np.unique(inks[:, 0]), np.unique(inks[:, 1:-1])
        drawn = [layout.static, layout.statics, inks]
        every = np.unique(np.concatenate([each.reshape(-1) for each in drawn]))
        fills.append(own)
        fixed.append(np.union1d(np.setdiff1d(every, [*own, *blends]), layout.statics))
        used.append(every)
    tables = [layout.table for layout in layouts]
    if plot is not None:
        # the last of all, each line from the background to its own colour
        entries = _RAMPS[: len(plot.names)]
        paper = tables[0][layouts[0].statics[0]].astype(float)
        cover = np.linspace(0, 1, RAMP_STEPS)[:, None]
        table = np.zeros((256, 3), np.uint8)
        for row, color in zip(entries, plot.colors, strict=True):
            table[row] = np.floor(paper + (np.array(color) - paper) * cover + 0.5)
        tables.append(table)
        fills.append(np.zeros(0, np.uint8))
        fixed.append(entries.reshape(-1).astype(np.uint8))
        used.append(entries.reshape(-1).astype(np.uint8))
    return share_palette(tables, fills, fixed, used)
