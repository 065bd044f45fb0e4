"""The layout: options made into all that a frame is drawn from, but its values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.gif import blocks
from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.inputs.frames.ranges import Range, range_text, wider_ends
from fastheat.inputs.sources.masks import hidden
from fastheat.layout.axes import geometry as axes
from fastheat.layout.axes.bar_numbers import (
    BarNumbers,
    find_ticks,
    part_numbers,
    ticks_of_all,
    wide_ticks,
)
from fastheat.layout.axes.drawing import draw_static
from fastheat.layout.axes.look import LARGEST_FONT, SMALLEST_FONT, Look
from fastheat.layout.axes.thinning import lay_out, pitch
from fastheat.layout.axes.ticks import segments
from fastheat.layout.frame_ranges import Scaling
from fastheat.layout.reduction import Reduction
from fastheat.messages import in_a_line, short
from fastheat.style.colors import norms
from fastheat.style.colors.norms import Edges, Norm
from fastheat.style.colors.palette import SharedPalette, join_levels, limits_of, plan_palette
from fastheat.style.text.atlas import (
    ALL_PAIRS,
    COVERAGE_STEPS,
    SHRINK,
    SMALLEST_SIZE,
    Writing,
    atlas_of_all,
    can_be_cut,
    extent,
    margin,
    measure,
    size_ladder,
    with_atlas,
)
from fastheat.style.text.fonts import Face, Typeface
from fastheat.style.text.formats import AS_THEY_ARE, ValueFormat, as_written
from fastheat.style.text.labels import Box, line_extent
from fastheat.style.text.typeset import LEADING, Lettering, Shaped, letter, shape_texts
from fastheat.tables import TRANSPARENT, Grid, Shades, Type

GRID_WIDTH = 3.0  # pt
NEARLY = 1e-6  # px, what margins may lose in rounding
THICK = 0.7  # of the least length of panels, how thick they are
GRID_SHARE = 8  # of a cell, the most that a grid line of default width takes
GROUP_WIDTH, GROUP_SHARE = 2.5, 4  # the same of lines between groups
NEAR = 8  # sizes from one of the atlas to the next, to choose from where letters cannot be cut
FIT_MARGIN = 0.5  # font sizes that values made to fit leave free, in width and in height
BLANK = "0.00"  # as long as texts that come later may be, when the first are empty
ROOMY = 8  # pixels of a picture for each row or column, where none can have less than one
DIGITS = "0123456789"

NO_TYPE = Type(
    widths=np.zeros((0, 1), np.int64),
    lows=np.zeros((0, 1), np.int64),
    highs=np.zeros((0, 1), np.int64),
    tops=np.zeros((0, 0), np.int64),
    lines=np.zeros((0, 1, 0), np.int32),
    heads=np.zeros(0, np.uint64),
    tails=np.zeros(0, np.uint64),
    starts=np.zeros(1, np.int32),
    runs=np.zeros(0, np.int32),
    align=0,
    inset=0,
)


class TitlePlace(NamedTuple):
    """Where the title of each frame stands: the middle of its last line's bottom at x, y."""

    x: float
    y: float
    size: float  # px
    top: int  # the rows of pixels from top up to bottom have nothing else
    bottom: int
    margin: float  # px, what is left free at either end of it, where it has room without


class Fixed(NamedTuple):
    """Texts that stay as they are in all frames."""

    texts: tuple[str, ...]  # of each cell
    shaped: Shaped
    lettering: Lettering


class Layout(NamedTuple):
    """Everything that a frame is drawn from, but its values: arrays and numbers only.

    Equal layouts and values give equal pixels, in whatever process.
    """

    static: NDArray[np.uint8]  # (H, W) palette indices of what never changes
    table: NDArray[np.uint8]  # (256, 3) the palette
    clear: bool  # whether the background is transparent
    statics: NDArray[np.uint8]  # (steps,) palette index of labels at each coverage
    frame: axes.Frame
    title: TitlePlace | None  # None: no frame has a title of its own
    grid: Grid
    reduction: Reduction | None  # of the values to those of the cells
    shades: Shades
    type: Type
    longest: int  # the most segments of a text that the kernels write; 0: no text
    format: ValueFormat | None  # None: no text
    writing: Writing | None  # the format where the kernels know it
    typeface: Typeface  # and what with
    sizes: tuple[float, ...]  # px
    dtype: np.dtype[Any]  # of the values, as norms tell them apart
    written: np.dtype[Any]  # of what is written, as formats do; str of texts
    annotated: bool  # whether each frame comes with what is written in it
    fixed: Fixed | None  # what is written in all frames
    vertical: int  # -1 top, 0 centre, 1 bottom
    crowded: int  # texts of a frame, where no cell has room for its
    lacking: str  # letters of the labels without a glyph
    left_out: tuple[str, ...]  # labels that were asked for and have no room
    beyond: tuple[str, ...]  # and those that are not in the range
    mask: NDArray[np.bool_] | None  # the cells that no frame shows
    norm: str  # tells it from other norms, "" for the linear one
    ends: tuple[float, float]  # the range
    scaling: Scaling | None  # how each frame has its own instead
    says_range: bool  # whether that stands in its title
    numbers: BarNumbers | None  # or at the colour bar

    @property
    def bars(self) -> list[tuple[BarNumbers, int]]:
        """The colour bars whose numbers change, and the number of the part whose range each has."""
        return [] if self.numbers is None else [(self.numbers, 0)]

    @property
    def is_by_frame(self) -> bool:
        """Whether each frame has a range of its own."""
        return self.scaling is not None

    def ranges(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the range of each of frames (T, N, M): (T, 1, 2)."""
        if self.scaling is None:
            return np.broadcast_to(np.array(self.ends), (len(values), 1, 2))
        return self.scaling.complete(self.scaling.find(hidden(values, self.mask)))[:, None]

    def over(self, ranges: NDArray[np.float64]) -> Layout:
        """Return the layout of T frames whose ranges are (T, 1, 2)."""
        if self.scaling is None:
            return self
        return self._replace(shades=self.scaling.over(self.shades, ranges[:, 0]))

    def named(self, titles: Sequence[str], ranges: NDArray[np.float64]) -> list[str]:
        """Return the titles of T frames, with their ranges where they stand there."""
        return titles_with_ranges(titles, [""], ranges) if self.says_range else list(titles)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return len(self.grid.y0), len(self.grid.x0)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.static.shape[1], self.static.shape[0]

    @property
    def shape_read(self) -> tuple[int, int]:
        """Rows and columns of the matrices, of which there may be more than cells."""
        return self.shape if self.reduction is None else self.reduction.shape

    def from_top(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return values or texts, (..., N, M), the row first that stands at the top."""
        return np.ascontiguousarray(cells[..., ::-1, :]) if self.grid.lower else cells

    @property
    def colors(self) -> int:
        """Palette entries in use."""
        return self.shades.colors

    @property
    def writes(self) -> bool:
        """Whether there are values in the cells."""
        return self.format is not None

    def moved(
        self, x: int, y: int, static: NDArray[np.uint8], palette: SharedPalette, own: int
    ) -> Layout:
        """Return the layout as a part of a larger picture.

        Parameters
        ----------
        x, y
            Where its left top comes to lie there.
        static
            What never changes of that picture.
        palette
            Its colours, of which this is layout number `own`.
        """
        grid, index = self.grid, palette.indices[own]
        inks = index[self.shades.inks]
        shades = self.shades._replace(
            inks=inks,
            alike=np.unique(inks, axis=0, return_inverse=True)[1].reshape(-1),
            colors=palette.count,
        )
        return self._replace(
            static=static,
            table=palette.table,
            statics=index[self.statics],
            frame=self.frame.moved(x, y),
            grid=Grid(
                grid.x0 + x, grid.x1 + x, grid.y0 + y, grid.y1 + y, grid.center + x, grid.lower
            ),
            shades=shades,
            type=self.type._replace(tops=self.type.tops + y),
            numbers=self.numbers and self.numbers.moved(x, y),
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """What could not be shown as it is, in cells over all frames, but for titles."""

    under: int = 0
    over: int = 0
    bad: int = 0
    masked: int = 0
    hidden: int = 0
    untitled: int = 0  # frames
    refused: int = 0  # of the bad ones, those that the norm does not take
    lacking: str = ""  # characters without a glyph
    extremes: Range = ()  # what the ranges of frames lie within, where each has its own

    def __add__(self, other: Shown) -> Shown:
        lacking = "".join(dict.fromkeys(self.lacking + other.lacking))
        return Shown(
            self.under + other.under,
            self.over + other.over,
            self.bad + other.bad,
            self.masked + other.masked,
            self.hidden + other.hidden,
            self.untitled + other.untitled,
            self.refused + other.refused,
            lacking,
            wider_ends(self.extremes, other.extremes)
            if self.extremes and other.extremes
            else self.extremes or other.extremes,
        )


def extremes_of(ranges: NDArray[np.float64]) -> Range:
    """Return what the ranges (T, P, 2) of frames lie within."""
    low, high = ranges[..., 0].min(0), ranges[..., 1].max(0)
    return tuple(np.stack([low, high], 1).reshape(-1).tolist())


def titles_with_ranges(
    titles: Sequence[str], names: Sequence[str], ranges: NDArray[np.float64]
) -> list[str]:
    """Return titles of T frames with the ranges (T, P, 2) of P panels of these names."""
    each = zip(titles, ranges.tolist(), strict=True)
    return [
        f"{title}  {range_text(dict(zip(names, own, strict=True)))}".strip() for title, own in each
    ]


def build(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any], reduction: Reduction | None
) -> Layout:
    """Return the layout of a look over a range, `reduction` as `reduction` has it."""
    rule = norms.working_type(dtype)
    annot = look.annot
    written = dtype if annot is None else annot.dtype
    annotated = isinstance(annot, Sample)
    cells = look.shape
    if reduction is not None:  # without texts
        rule, cells = norms.working_type(np.dtype(np.float64)), reduction.cells
        look = look._replace(annot=None, valfmt=None, grid_width=0.0)
        annot = None
    look, texts, samples = _to_write(look, vmin, vmax, dtype)
    cell = _cell_size(look, cells, samples)
    changes = look.given is not None and look.bar  # the numbers at the bar
    ticks = partial(ticks_of_all if changes else find_ticks, look, vmin, vmax)
    plan, geometry, left_out = lay_out(look, cells, ticks, cell)
    numbers = None
    if changes:
        plan, geometry, numbers = part_numbers(look, plan, geometry)
    line = _grid_line(look, geometry.cells)
    groups = (
        _drawn(look.row_groups, look.shape[0], cells[0]),
        _drawn(look.col_groups, look.shape[1], cells[1]),
    )
    if look.lower:  # before the row above
        groups = tuple(cells[0] - k for k in reversed(groups[0])), groups[1]
    group_line = _group_line(look, geometry.cells, line)
    grid = axes.cell_grid(geometry.cells, cells, line, groups, group_line)
    grid = grid._replace(lower=look.lower)
    left_out += _lines_left_out(grid, groups)
    sizes = _sizes(look, samples, grid)
    bins = len(look.cmap.table)
    norm = look.norm.rule(vmin, vmax, bins)
    edges = norms.bin_edges(norm, bins, rule, (vmin, vmax), look.norm)
    split = None
    if look.threshold is not None:
        split = norms.edge_above(norm, look.threshold, edges, rule)
    palette = plan_palette(
        look.cmap,
        edges,
        background=look.background,
        foreground=look.foreground,
        grid=look.grid if line else look.background,
        group=look.group if any(groups) else None,
        textcolors=look.textcolors,
        split=split,
        steps=COVERAGE_STEPS if sizes else 1,
    )
    type_, longest = NO_TYPE, 0
    writing: Writing | None = None
    if look.valfmt is not None and sizes:
        type_, longest = _type(look, look.valfmt, sizes, grid, geometry.cells)
        writing = None if isinstance(annot, Cells) else _writing(look.valfmt)
        atlas = None
        if writing is not None:
            letters = look.valfmt.charset
            atlas = atlas_of_all(look.typeface, sizes, letters, look.valfmt.neighbours)
        if atlas is None:
            writing = None
        else:
            type_ = with_atlas(type_, atlas)
    fixed = None
    if isinstance(annot, Cells) and sizes:
        type_, fixed = _fixed(look, texts, type_, sizes, grid)
    table = palette.table
    if look.clear:  # what is shown where nothing is
        table = table.copy()
        table[TRANSPARENT] = look.background
    return Layout(
        static=draw_static(
            geometry,
            plan,
            palette,
            grid,
            lines=line > 0,
            groups=groups,
            clear=look.clear,
            clear_grid=look.clear_grid,
            solid=_changing(look, geometry),
            entries=segments(look.norm, vmin, vmax, bins),
        ),
        clear=look.clear,
        table=table,
        statics=palette.statics,
        frame=geometry.frame,
        title=_title_place(look, geometry) if look.titled else None,
        grid=grid,
        reduction=reduction,
        shades=palette.shades,
        type=type_,
        longest=longest,
        writing=writing,
        format=look.valfmt if sizes else None,
        typeface=look.typeface,
        sizes=sizes,
        dtype=dtype,
        written=written,
        annotated=annotated,
        fixed=fixed,
        vertical=look.vertical,
        crowded=_crowded(look, texts) if not sizes else 0,
        lacking=look.lacking,
        left_out=left_out,
        beyond=_beyond(look, vmin, vmax),
        mask=look.mask if reduction is None else reduction.masked,
        norm=_fingerprint(look.norm, edges),
        ends=(vmin, vmax),
        scaling=_scaling(look, bins, rule),
        says_range=look.given is not None and look.titled and not look.bar,
        numbers=numbers,
    )


def _to_write(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]
) -> tuple[Look, tuple[str, ...], list[str]]:
    """Return a look as it writes texts, those of all frames, and some as wide as any."""
    annot, samples = look.annot, []
    if not isinstance(annot, Cells):
        samples = _samples(look, vmin, vmax, dtype)
    if annot is not None and annot.dtype.kind == "U":
        look = look._replace(valfmt=AS_THEY_ARE)
    if not isinstance(annot, Cells):
        return look, (), samples
    texts = annot.texts(look.valfmt)
    if look.mask is not None:
        hides = look.mask.ravel().tolist()
        texts = tuple("" if h else text for h, text in zip(hides, texts, strict=True))
    if look.lower:
        n, m = look.shape
        texts = tuple(text for i in reversed(range(n)) for text in texts[i * m : (i + 1) * m])
    return look, texts, _inked(texts)


def needed_cell(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]
) -> tuple[tuple[int, int], bool]:
    """Return how large a cell is without figsize, and whether that is for what is written in it."""
    reduced = reduction(look)
    if reduced is not None:
        return _natural_cell(look, reduced.cells, []), False
    look, _, samples = _to_write(look, vmin, vmax, dtype)
    return _natural_cell(look, look.shape, samples), bool(samples)


def frame_of(look: Look, vmin: float, vmax: float) -> axes.Frame:
    """Return where cells stand, with room for the numbers at the colour bar of any range."""
    reduced = reduction(look)
    cells = look.shape if reduced is None else reduced.cells
    ticks = partial(ticks_of_all, look, vmin, vmax)
    return lay_out(look, cells, ticks, _cell_size(look, cells, []))[1].frame


def thickened(
    shape: tuple[int, int], cell: tuple[float, float], side: float
) -> tuple[float, float]:
    """Return a size of cells such that all of them are more than a dot, and more than a line.

    Their longer side is `side` px at least, and the other one not much less.
    """
    n, m = shape
    wide, high = cell
    grow = max(1.0, side / max(n * high, m * wide))
    return max(grow * wide, THICK * side / m), max(grow * high, THICK * side / n)


def _scaling(look: Look, bins: int, rule: np.dtype[Any]) -> Scaling | None:
    if look.given is None:
        return None
    levels, _ = join_levels(look.cmap.table.tobytes())
    return Scaling(look.norm, look.robust, look.given, bins, limits_of(levels), rule)


def reduction(look: Look) -> Reduction | None:
    """Return how matrices are reduced, None where each cell has a pixel: whatever the range."""
    if look.reduce is None:
        return None
    n, m = look.shape
    if look.cell is not None:
        wide, high = (min(1.0, side) for side in look.cell)
        rows, columns = (max(1, int(count + NEARLY)) for count in (n * high, m * wide))
    elif look.figure is None:
        rows, columns = _cells_in(n, m, look)
    elif ROOMY * m <= look.figure[0] and ROOMY * n <= look.figure[1]:
        return None
    else:
        free = look._replace(frame=None)
        ticks = wide_ticks(look)
        cells = lay_out(free, None, lambda _: ticks, (1, 1))[1].cells
        high, wide = (int(side + NEARLY) for side in (cells.height, cells.width))
        rows, columns = min(n, max(1, high)), min(m, max(1, wide))
    if (rows, columns) == look.shape:
        return None
    return Reduction(look.shape, (rows, columns), look.reduce, mask=look.mask)


def _cells_in(n: int, m: int, look: Look) -> tuple[int, int]:
    """Return the rows and columns of cells of a picture without figsize.

    Blocks are alike where that goes, so that none stands out.
    """
    block = -(-max(n, m) // axes.LONGEST_SIDE)
    high = wide = block
    if look.square:
        least = max(1, round(axes.SHORTEST_SIDE * look.fontsize))
        high, wide = (max(1, min(block, side // least)) for side in (n, m))
    else:
        high, wide = (-(-side // axes.LONGEST_SIDE) for side in (n, m))
    return -(-n // high), -(-m // wide)


def _fingerprint(norm: Norm, edges: Edges) -> str:
    """Return what norms share that are alike over one range."""
    if norm.given is None:
        return str(norm)
    import hashlib  # which few norms need

    digest = hashlib.sha256(edges.bins.tobytes())
    digest.update(np.array([edges.floor, edges.ceiling]).tobytes())
    return f"{norm} {digest.hexdigest()}"


def _title_place(look: Look, geometry: axes.Geometry) -> TitlePlace | None:
    placed = geometry.title
    if placed is None:
        return None
    box = placed.box()
    top, bottom = max(0, math.floor(box.y0) - 1), math.ceil(box.y1)
    pad = axes.TIGHT_PAD * look.fontsize
    return TitlePlace(placed.x, placed.y, placed.label.size, top, bottom, pad)


def _samples(look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]) -> list[str]:
    """Return texts as wide as those of the values in the range, or of what is written instead."""
    if isinstance(look.annot, Sample):
        if look.annot.texts:
            return _inked(look.annot.texts) or [BLANK]
        if look.annot.dtype.kind != "U":
            dtype = look.annot.dtype
        elif look.valfmt is None:
            return [BLANK]
        elif look.valfmt.integers:  # which need not be for values that are not written
            dtype = np.dtype(np.int64)
        vmin, vmax = look.annot.span or (vmin, vmax)
    if look.valfmt is None:
        return []
    if look.valfmt.integers and dtype.kind not in "biu":
        raise ValueError(
            f"expected a format for {dtype} values such as '.0f', not {short(look.valfmt.source)}, "
            "which is for integers"
        )
    values = [vmin, vmax, 0.0] if vmin <= 0 <= vmax else [vmin, vmax]
    if look.valfmt.spec is None:
        # what Python writes may be longest anywhere
        values += [vmin * (1 - k / 32) + vmax * (k / 32) for k in range(33)]
    try:
        return sorted({look.valfmt.write(as_written(x, dtype)) for x in values})
    except ValueError as error:
        if isinstance(look.valfmt.source, str):
            raise ValueError(
                f"expected a format for {dtype} values, not {short(look.valfmt.source)}: "
                f"{in_a_line(error)}"
            ) from None
        raise


def _inked(texts: Iterable[str]) -> list[str]:
    return sorted({text for text in texts if text.strip()})


def _widest(look: Look, texts: Iterable[str]) -> list[str]:
    """Return the texts that need most room, none where all are empty."""
    each = _inked(texts)
    if not each:
        return []
    font = look.typeface.at(max(look.text_size, SMALLEST_FONT))
    wide = max(each, key=lambda text: measure(text, font))
    return sorted({wide, max(each, key=lambda text: text.count("\n"))})


def _fixed(
    look: Look, texts: tuple[str, ...], type_: Type, sizes: tuple[float, ...], grid: Grid
) -> tuple[Type, Fixed]:
    """Lay the texts of all frames."""
    shaped = shape_texts(texts, look.typeface, sizes, look.align, look.vertical)
    unique, place = np.unique(np.array(texts, object), return_inverse=True)
    room = int((grid.x1 - grid.x0).max())
    lettering = letter(unique.tolist(), place.reshape(1, -1), shaped, room)
    return with_atlas(type_, shaped.atlas), Fixed(texts, shaped, lettering)


def _crowded(look: Look, texts: tuple[str, ...]) -> int:
    if look.valfmt is None:
        return 0
    if isinstance(look.annot, Cells):
        return sum(bool(text.strip()) for text in texts)
    return look.shape[0] * look.shape[1]


def _cell_size(look: Look, cells: tuple[int, int], samples: list[str]) -> tuple[float, float]:
    """Return the width and height of a cell in a picture without figsize."""
    if look.cell is not None:
        return max(1.0, look.cell[0]), max(1.0, look.cell[1])
    return _natural_cell(look, cells, samples)


def _natural_cell(look: Look, cells: tuple[int, int], samples: list[str]) -> tuple[int, int]:
    """Return the same where the picture is as large as labels and texts need."""
    n, m = cells
    # what is so long and thin that it would be no more than a line is as thick as a line of text
    thick = math.ceil(axes.SHORTEST_SIDE * look.fontsize)
    least = -(-thick // m) if n > m else 1, -(-thick // n) if m > n else 1
    if not samples:
        side = max(1, min(48, axes.PLAIN_SIDE // max(n, m)))
        return _with_labels(look, cells, (max(side, least[0]), max(side, least[1])))
    size = look.fontsize if look.fit else look.text_size
    font = look.typeface.at(max(size, SMALLEST_FONT))
    width = max(measure(text, font) for text in samples)
    # a margin of a third of the size on either side, and the grid line between
    line = GRID_WIDTH * look.point if look.grid_width is None else look.grid_width * look.point
    lines = max(text.count("\n") for text in samples)
    wide = math.ceil(width + 0.7 * size + line)
    high = math.ceil((2.0 + LEADING * lines) * size + line)
    if look.square:
        wide = high = max(wide, high)
    room = axes.LONGEST_SIDE
    wide, high = max(1, min(wide, room // m)), max(1, min(high, room // n))
    if look.square:
        wide = high = min(wide, high)
    return _with_labels(look, cells, (max(wide, least[0]), max(high, least[1])))


def _with_labels(look: Look, cells: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    """Return a size of cells that gives the labels room, where the picture has it."""
    n, m = cells
    if cells != look.shape or max(n, m) > axes.LONGEST_SIDE:
        return cell
    wide, high = cell
    for_columns, for_rows = (math.ceil(each) for each in pitch(look))
    if for_columns * (max(n, m) if look.square else m) <= axes.LONGEST_SIDE:
        wide = max(wide, for_columns)
        high = max(high, for_columns) if look.square else high
    if for_rows * (max(n, m) if look.square else n) <= axes.LONGEST_SIDE:
        high = max(high, for_rows)
        wide = max(wide, for_rows) if look.square else wide
    return wide, high


def _grid_line(look: Look, cells: Box) -> int:
    n, m = look.shape
    if look.grid_width is not None:
        width = min(look.grid_width * look.point, blocks.LARGEST_SIDE)
        return max(1, math.floor(width + 0.5)) if width else 0
    cell = min(cells.width / m, cells.height / n)
    return min(math.floor(GRID_WIDTH * look.point + 0.5), int(cell) // GRID_SHARE)


def _beyond(look: Look, vmin: float, vmax: float) -> tuple[str, ...]:
    """Say which ticks of the colour bar are not in the range that all frames have."""
    if not look.bar or not isinstance(look.bar_ticks, tuple) or look.given is not None:
        return ()
    count, every = len(find_ticks(look, vmin, vmax, 1).major), len(look.bar_ticks)
    return (f"{every - count} of {every} cbar_ticks",) if count < every else ()


def _drawn(groups: tuple[int, ...], count: int, cells: int) -> tuple[int, ...]:
    """Return where groups of rows or columns begin among the cells that are drawn for them."""
    if cells == count:
        return groups
    return tuple(sorted({round(k * cells / count) for k in groups} - {0, cells}))


def _group_line(look: Look, cells: Box, line: int) -> int:
    """Return the width of the lines between groups, by default no less than that of the grid."""
    if look.group_width is not None:
        width = min(look.group_width * look.point, blocks.LARGEST_SIDE)
        return max(1, math.floor(width + 0.5))
    n, m = look.shape
    cell = int(min(cells.width / m, cells.height / n))
    return max(line, 1, min(math.floor(GROUP_WIDTH * look.point + 0.5), cell // GROUP_SHARE))


def _lines_left_out(grid: Grid, groups: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[str, ...]:
    """Say which lines between groups have no room, since a cell keeps a pixel."""
    said = []
    sides = ("row_groups", grid.y0, grid.y1), ("col_groups", grid.x0, grid.x1)
    for edges, (name, starts, stops) in zip(groups, sides, strict=True):
        count = sum(bool(stops[k - 1] >= starts[k]) for k in edges)
        if count:
            said.append(f"the lines of {count} of {len(edges)} {name}")
    return tuple(said)


def _changing(look: Look, geometry: axes.Geometry) -> list[Box]:
    """Return where frames show other things than cells, which they could not clear away again."""
    found = []
    place = _title_place(look, geometry) if look.titled else None
    if place is not None:
        found.append(Box(0, place.top, geometry.width, place.bottom))
    bar = geometry.bar
    if bar is not None and (
        look.frame is not None or look.given is not None
    ):  # whose labels change with the range
        side, line = look.bar_location, 1.2 * look.fontsize
        x0, y0, x1, y1 = bar
        found.append(
            {
                "left": Box(0, y0 - line, x0, y1 + line),
                "right": Box(x1, y0 - line, geometry.width, y1 + line),
                "top": Box(0, 0, geometry.width, y0),
                "bottom": Box(0, y1, geometry.width, geometry.height),
            }[side]
        )
    return found


def _sizes(look: Look, samples: list[str], grid: Grid) -> tuple[float, ...]:
    """Return the font sizes for values, the largest such that all in the range fit their cells.

    Of texts that are given they are such that those fit which do so at any.
    """
    room = int((grid.x1 - grid.x0).min()), int((grid.y1 - grid.y0).min())
    annot = look.annot
    given = isinstance(annot, Cells) or (annot is not None and annot.dtype.kind == "U")
    longest = _widest(look, samples) if given else samples
    size = _largest(look, longest, room)
    if size is None and given:
        each = samples if isinstance(annot, Cells) else [*samples, BLANK]
        fitting = [text for text in each if _share(look, [text], SMALLEST_SIZE, 0.0, room) >= 1]
        longest = _widest(look, fitting)
        size = _largest(look, longest, room)
    return () if size is None else _ladder(look, longest, size)


def _largest(look: Look, samples: list[str], room: tuple[int, int]) -> float | None:
    """Return the largest font size at which texts have room, None where they cannot be read.

    Those that are made to fit have margins, as far as that is not what they lack the room for.
    """
    if not samples or look.text_size < SMALLEST_SIZE:
        return None
    for margins in [FIT_MARGIN, 0.0] if look.fit else [0.0]:
        size = above = look.text_size
        while size > SMALLEST_SIZE and (times := _share(look, samples, size, margins, room)) < 1:
            above, size = size, round(min(size - 0.1, size * max(times, 0.5)), 2)
        # digits become narrower by whole pixels, so that a size between the two may do as well
        while (above := round(min(0.99 * above, above - 0.1), 2)) > max(size, SMALLEST_SIZE):
            if _share(look, samples, above, margins, room) >= 1:
                return above
        if size > SMALLEST_SIZE:
            return size
        if _share(look, samples, SMALLEST_SIZE, margins, room) >= 1:
            return SMALLEST_SIZE
    return None


def _share(
    look: Look, samples: list[str], size: float, margins: float, room: tuple[int, int]
) -> float:
    """Return how many times as much room there is as texts need, margins in font sizes."""
    font = look.typeface.at(size)
    width = max(measure(text, font) for text in samples) + 2 * margin(font) + margins * size
    height = max(_height(text, font) for text in samples) + margins * size
    return min(room[0] / width, room[1] / max(height, 1))


def _ladder(look: Look, samples: list[str], size: float) -> tuple[float, ...]:
    """Return `size` and smaller ones for longer texts, such that letters can be cut at each.

    A little below most sizes at which they cannot is one at which they can. Where none is, or
    `size` was given, what frames need of it is drawn for each chunk of them.
    """
    if look.valfmt is None or isinstance(look.annot, Cells):  # whose texts are drawn once
        return size_ladder(size)
    if look.valfmt.spec is not None:
        letters, pairs = look.valfmt.charset, look.valfmt.neighbours
    else:
        letters = "".join(sorted({*DIGITS, *"".join(samples)}))
        pairs = frozenset(a + b for a, b in product(letters, repeat=2))
    can_write = partial(can_be_cut, look.typeface, charset=letters, neighbours=pairs)
    chosen = look.fit or size < look.text_size  # which a given size is not
    near = [round(size * SHRINK ** (k / NEAR), 3) for k in range(NEAR if chosen else 1)]
    legible = [each for each in near if each >= SMALLEST_SIZE]
    first, *others = size_ladder(next(filter(can_write, legible), size))
    writable = list(filter(can_write, others))
    return first, *(writable if writable or can_write(first) else others)


def _height(text: str, font: Face) -> int:
    first, *others = text.split("\n")
    top, bottom = extent(first, font)
    return bottom - top + math.ceil(LEADING * font.size * len(others))


def _type(
    look: Look, valfmt: ValueFormat, sizes: tuple[float, ...], grid: Grid, cells: Box
) -> tuple[Type, int]:
    """Return where text stands, tops counted from its baselines, and its most segments."""
    n, _ = look.shape
    baselines = np.zeros((n, len(sizes)), np.int64)
    middle = cells.y0 + (np.arange(n) + 0.5) * cells.height / n
    narrowest = LARGEST_FONT
    for k, size in enumerate(sizes):
        up, down = line_extent(look.typeface, size, DIGITS)
        font = look.typeface.at(size)
        top, bottom = extent(DIGITS, font)
        if look.vertical == 0:
            at = np.floor(middle + (up - down) / 2 + 0.5)
        elif look.vertical < 0:
            at = grid.y0 + 1.0 - top
        else:
            at = grid.y1 - 1.0 - bottom
        baselines[:, k] = at
        narrowest = max(1, min(narrowest, *(measure(c, font) for c in {*DIGITS, *valfmt.charset})))
    room = int((grid.x1 - grid.x0).max())
    type_ = NO_TYPE._replace(tops=baselines, align=look.align, inset=max(1, round(2 * look.point)))
    return type_, int(room // narrowest) + 2 + len(valfmt.before + valfmt.after)


def _writing(valfmt: ValueFormat) -> Writing | None:
    """Return how the kernels write values, None where they cannot."""
    charset = valfmt.charset
    if valfmt.spec is None or len(charset) >= ALL_PAIRS:
        return None
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
