"""The layout of one matrix: positions and colours of everything in its image."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from fastheat.gif.limits import LARGEST_SIDE
from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.layout.axes.bar_numbers import find_ticks, part_numbers, ticks_of_all, wide_ticks
from fastheat.layout.axes.drawing import draw_background
from fastheat.layout.axes.geometry import LONGEST_SIDE, SHORTEST_SIDE, Frame, Geometry, cell_grid
from fastheat.layout.axes.measures import TIGHT_PAD, part_beyond
from fastheat.layout.axes.thinning import lay_out
from fastheat.layout.axes.ticks import segments
from fastheat.layout.frame_ranges import Scaling
from fastheat.layout.layout import Fixed, Layout, Panel, TitlePlace
from fastheat.layout.look import Look
from fastheat.layout.reduction import Reduction
from fastheat.layout.sizes import (
    GRID_SHARE,
    GRID_WIDTH,
    NO_TYPE,
    cell_size,
    count_crowded,
    font_sizes,
    inked,
    legible_cell,
    natural_cell,
    samples_of,
    type_of,
    writing_of,
)
from fastheat.style.colors import norms
from fastheat.style.colors.bins import Edges, bin_edges, edge_above
from fastheat.style.colors.branches import BranchedRule, with_branches
from fastheat.style.colors.norm_objects import NormObject
from fastheat.style.colors.norms import Norm
from fastheat.style.colors.palette import join_levels, plan_palette, starts_of
from fastheat.style.text.atlas import COVERAGE_STEPS, atlas_of_all, with_atlas
from fastheat.style.text.formats import AS_THEY_ARE
from fastheat.style.text.labels import Box
from fastheat.style.text.typeset import letter, shape_texts
from fastheat.tables import TRANSPARENT, Grid, Shades, Type

NEARLY = 1e-6  # px, allowance for rounding errors in the size of the axes
THICK = 0.7  # least thickness of all cells of a panel together, as a share of their least length
GROUP_WIDTH, GROUP_SHARE = 2.5, 4  # the same for lines between groups: 2.5 pt, 1/4 of a cell
ROOMY = 8  # px of image per row or column, at which no cell can be smaller than a pixel


def build(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any], reduction: Reduction | None
) -> Layout:
    """Return the layout of a heatmap over a range.

    Parameters
    ----------
    look
        The options of the heatmap.
    dtype
        The dtype of the values.
    reduction
        The result of `reduction` for this look.
    """
    norm, (vmin, vmax) = look.norm.for_dtype(dtype, (vmin, vmax))
    look = look._replace(norm=norm)
    rule = norms.working_type(dtype)
    annot = look.annot
    written = dtype if annot is None else annot.dtype
    annotated = isinstance(annot, Sample)
    cells, block = look.shape, (1, 1)
    if reduction is not None:  # such cells have no text
        rule, cells = norms.working_type(np.dtype(np.float64)), reduction.cells
        block = reduction.block
        look = look._replace(annot=None, valfmt=None, grid_width=0.0)
        annot = None
    look, texts, samples = _to_write(look, vmin, vmax, dtype)
    cell = cell_size(look, cells, samples)
    changes = look.given is not None and look.bar  # whether the numbers at the colour bar change
    ticks = partial(ticks_of_all if changes else find_ticks, look, vmin, vmax)
    plan, geometry, left_out = lay_out(look, cells, ticks, cell)
    numbers = None
    if changes:
        plan, geometry, numbers = part_numbers(look, plan, geometry)
    line, group_line = _line_widths(look, geometry.cells)
    groups = (
        _drawn(look.row_groups, cells[0], block[0]),
        _drawn(look.col_groups, cells[1], block[1]),
    )
    if look.origin_lower:  # the first row is at the bottom, but cells are counted from the top
        groups = tuple(cells[0] - k for k in reversed(groups[0])), groups[1]
    grid = cell_grid(geometry.cells, cells, line, groups, group_line)._replace(
        origin_lower=bool(look.origin_lower)
    )
    left_out += _lines_left_out(grid, groups)
    sizes = font_sizes(look, samples, grid)
    bins = len(look.cmap.table)
    places = norm.rule(vmin, vmax, bins)
    edges = bin_edges(places, bins, rule, (vmin, vmax), norm)
    split = None
    if look.threshold is not None:
        split = edge_above(places, look.threshold, edges, rule)
    palette = plan_palette(
        look.cmap,
        edges,
        background=look.background,
        foreground=look.foreground,
        solid={
            "grid": look.grid if line else look.background,
            "group": look.group if any(groups) else look.grid if line else look.background,
            "tick": look.tick,
        },
        textcolors=look.textcolors,
        split=split,
        steps=COVERAGE_STEPS if sizes else 1,
    )
    branched = isinstance(places, BranchedRule) and bool(places.turns) and look.given is None
    if isinstance(places, BranchedRule) and branched:
        starts = starts_of(join_levels(look.cmap.table.tobytes())[0])
        shades = with_branches(palette.shades, edges, places, starts, split, bins, rule)
        palette = palette._replace(shades=shades)
    type_, longest, writing, fixed = NO_TYPE, 0, None, None
    if look.valfmt is not None and sizes:
        type_, longest = type_of(look, look.valfmt, sizes, grid, geometry.cells)
        if isinstance(annot, Cells):
            type_, fixed = _fixed(look, texts, type_, sizes, grid)
        elif writing := writing_of(look.valfmt):
            letters, neighbours = look.valfmt.charset, look.valfmt.neighbours
            atlas = atlas_of_all(look.typeface, sizes, letters, neighbours)
            if atlas is None:
                writing = None
            else:
                type_ = with_atlas(type_, atlas)
    table = palette.table
    if look.transparent:  # the colour in viewers that ignore transparency
        table = table.copy()
        table[TRANSPARENT] = look.background
    panel = Panel(
        name="",
        frame=geometry.frame,
        grid=grid,
        reduction=reduction,
        shades=palette.shades,
        label_ramp=palette.label_ramp,
        tick=palette.solid["tick"],
        type=type_,
        longest=longest,
        format=look.valfmt if sizes else None,
        writing=writing,
        typeface=look.typeface,
        sizes=sizes,
        dtype=dtype,
        written=written,
        annotated=annotated,
        fixed=fixed,
        vertical=look.vertical,
        crowded=count_crowded(look, texts) if not sizes else 0,
        mask=look.mask if reduction is None else reduction.masked,
        norm=_fingerprint(norm, edges, palette.shades if branched else None),
        limits=(vmin, vmax),
        scaling=_scaling(look, bins, rule),
    )
    return Layout(
        panels=(panel,),
        background=draw_background(
            geometry,
            plan,
            palette,
            grid,
            lines=line > 0,
            groups=groups,
            transparent=look.transparent,
            transparent_grid=look.transparent_grid,
            solid=_changing(look, geometry),
            entries=segments(look.norm, vmin, vmax, bins),
        ),
        table=table,
        colors=palette.shades.colors,
        transparent=look.transparent,
        label_ramp=palette.label_ramp,
        typeface=look.typeface,
        title=_title_place(look, geometry) if look.titled else None,
        plot=None,
        dtype=dtype,
        bars=() if numbers is None else ((numbers, 0),),
        shares=(False,),
        says_range=look.given is not None and look.titled and not look.bar,
        lacking=look.lacking,
        left_out=left_out,
        beyond=_beyond(look, vmin, vmax),
    )


def _to_write(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]
) -> tuple[Look, tuple[str, ...], list[str]]:
    """Return the options and the texts from which the text in cells is laid out.

    Returns
    -------
    Look
        The options, with a format for annotations that are strings.
    tuple of str
        The text of each cell from the top down, if it is the same in all frames; else empty.
    list of str
        Texts about as wide as the widest that will be drawn.
    """
    annot, samples = look.annot, []
    if not isinstance(annot, Cells):
        samples = samples_of(look, vmin, vmax, dtype)
    if annot is not None and annot.dtype.kind == "U":
        look = look._replace(valfmt=AS_THEY_ARE)
    if not isinstance(annot, Cells):
        return look, (), samples
    texts = annot.texts(look.valfmt)
    if look.mask is not None:
        hides = look.mask.ravel().tolist()
        texts = tuple("" if h else text for h, text in zip(hides, texts, strict=True))
    if look.origin_lower:
        n, m = look.shape
        texts = tuple(text for i in reversed(range(n)) for text in texts[i * m : (i + 1) * m])
    return look, texts, inked(texts)


def needed_cell(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]
) -> tuple[tuple[int, int], tuple[int, int] | None]:
    """Return the cell size (width, height) without figsize, and the least at which text is legible.

    The latter is None without text.
    """
    reduced = reduction(look)
    if reduced is not None:
        return natural_cell(look, reduced.cells, []), None
    look, _, samples = _to_write(look, vmin, vmax, dtype)
    least = legible_cell(look, samples) if samples else None
    return natural_cell(look, look.shape, samples), least


def frame_of(look: Look, vmin: float, vmax: float) -> Frame:
    """Return the frame of cells and colour bar, with room for the numbers of any range."""
    reduced = reduction(look)
    cells = look.shape if reduced is None else reduced.cells
    ticks = partial(ticks_of_all, look, vmin, vmax)
    # only the end ticks are laid out, but a title has to clear numbers anywhere above the bar
    look = look._replace(titled=look.titled or look.title != "")
    return lay_out(look, cells, ticks, cell_size(look, cells, []))[1].frame


def thickened(
    shape: tuple[int, int], cell: tuple[float, float], side: float
) -> tuple[float, float]:
    """Return the cell size, enlarged if all cells together would look like a dot or a line.

    Their longer side together is at least `side` px, and the other at least `THICK` times that.
    """
    n, m = shape
    wide, high = cell
    grow = max(1.0, side / max(n * high, m * wide))
    return max(grow * wide, THICK * side / m), max(grow * high, THICK * side / n)


def _scaling(look: Look, bins: int, rule: np.dtype[Any]) -> Scaling | None:
    if look.given is None:
        return None
    levels, _ = join_levels(look.cmap.table.tobytes())
    return Scaling(look.norm, look.robust, look.given, bins, starts_of(levels), rule)


def reduction(look: Look) -> Reduction | None:
    """Return the reduction of matrices over any range, or None if each cell has a pixel."""
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
        rows, columns = max(1, high), max(1, wide)
    reduced = Reduction.into_room(look.shape, (rows, columns), look.reduce, look.mask)
    return reduced and replace(reduced, annotated=look.annot is not None)


def _cells_in(n: int, m: int, look: Look) -> tuple[int, int]:
    """Return the rows and columns of cells in an image without figsize.

    They are chosen so that blocks are as equal in size as possible, and none stands out.
    """
    if look.square:
        block = -(-max(n, m) // LONGEST_SIDE)
        least = max(1, round(SHORTEST_SIDE * look.fontsize))
        high, wide = (max(1, min(block, side // least)) for side in (n, m))
    else:
        high, wide = (-(-side // LONGEST_SIDE) for side in (n, m))
    return -(-n // high), -(-m // wide)


def _fingerprint(norm: Norm, edges: Edges, branches: Shades | None) -> str:
    """Return a text that is equal for norms with equal bins over one range."""
    if not isinstance(norm, NormObject):
        return str(norm)
    import hashlib  # few norms need it

    digest = hashlib.sha256(edges.bins.tobytes())
    digest.update(np.array([edges.floor, edges.ceiling]).tobytes())
    if branches is not None:
        digest.update(branches.edges.tobytes())
    return f"{norm} {digest.hexdigest()}"


def _title_place(look: Look, geometry: Geometry) -> TitlePlace | None:
    placed = geometry.title
    if placed is None:
        return None
    box = placed.box()
    top, bottom = max(0, math.floor(box.y0) - 1), math.ceil(box.y1)
    pad = TIGHT_PAD * look.fontsize
    return TitlePlace(placed.x, placed.y, placed.label.size, top, bottom, pad)


def _fixed(
    look: Look, texts: tuple[str, ...], type_: Type, sizes: tuple[float, ...], grid: Grid
) -> tuple[Type, Fixed]:
    """Typeset texts that stay the same in all frames, and return the type with their glyphs."""
    shaped = shape_texts(texts, look.typeface, sizes, look.align, look.vertical)
    unique, place = np.unique(np.array(texts, object), return_inverse=True)
    room = int((grid.x1 - grid.x0).max())
    lettering = letter(unique.tolist(), place.reshape(1, -1), shaped, room)
    return with_atlas(type_, shaped.atlas), Fixed(texts, lettering)


def _line_widths(look: Look, cells: Box) -> tuple[int, int]:
    """Return the widths in px of lines between cells and, if not given at least that, groups."""
    n, m = look.shape
    cell = int(min(cells.width / m, cells.height / n))

    def width(given: float | None, default: float, share: int) -> int:
        if given is None:
            return min(math.floor(default * look.point + 0.5), cell // share)
        return max(1, math.floor(min(given * look.point, LARGEST_SIDE) + 0.5)) if given else 0

    line = width(look.grid_width, GRID_WIDTH, GRID_SHARE)
    group = width(look.group_width, GROUP_WIDTH, GROUP_SHARE)
    return line, max(line, 1, group) if look.group_width is None else group


def _beyond(look: Look, vmin: float, vmax: float) -> tuple[str, ...]:
    """Return a description of requested ticks outside the range, if all frames share one range."""
    if not look.bar or not isinstance(look.bar_ticks, tuple) or look.given is not None:
        return ()
    count, every = len(find_ticks(look, vmin, vmax, 1).major), len(look.bar_ticks)
    return (f"{every - count} of {every} cbar_ticks",) if count < every else ()


def _drawn(groups: tuple[int, ...], cells: int, block: int) -> tuple[int, ...]:
    """Return the indices of the cells before which groups begin, if cells are blocks of rows."""
    return tuple(sorted({round(k / block) for k in groups} - {0, cells}))


def _lines_left_out(grid: Grid, groups: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[str, ...]:
    """Return descriptions of lines between groups without room, since each cell keeps a pixel."""
    said = []
    sides = ("row_groups", grid.y0, grid.y1), ("col_groups", grid.x0, grid.x1)
    for edges, (name, starts, stops) in zip(groups, sides, strict=True):
        count = sum(bool(stops[k - 1] >= starts[k]) for k in edges)
        if count:
            said.append(f"the lines of {count} of {len(edges)} {name}")
    return tuple(said)


def _changing(look: Look, geometry: Geometry) -> list[Box]:
    """Return the boxes outside the cells that frames redraw.

    Transparent pixels could not clear them, so they have an opaque background.
    """
    found = []
    place = _title_place(look, geometry) if look.titled else None
    if place is not None:
        found.append(Box(0, place.top, geometry.width, place.bottom))
    bar, side, line = geometry.bar, look.bar_location, 1.2 * look.fontsize
    if bar is not None and (look.frame or look.given):  # its labels change with the range
        whole = Box(0, 0, geometry.width, geometry.height)
        if side in ("left", "right"):
            whole = whole._replace(y0=bar.y0 - line, y1=bar.y1 + line)
        found.append(part_beyond(whole, side, bar))
    return found
