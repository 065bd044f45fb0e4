"""Oracles for the kernels: the same drawing and reducing, written in numpy.

They take the same layouts, and share no code with the kernels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.sources.masks import hidden, is_masked
from fastheat.layout.layout import Layout, Panel, Shown, extremes_of
from fastheat.layout.lineplot import Plot, base_of, places_of, stages_of
from fastheat.layout.reduction import Reduction
from fastheat.render.margins import draw_numbers, draw_titles
from fastheat.style.text.atlas import with_atlas
from fastheat.style.text.formats import ValueFormat, as_written
from fastheat.style.text.typeset import Shaped, shape_texts
from fastheat.tables import Shades, Type, Writing

SHRINK = 2.0**-64  # scales down values whose sum float64 cannot hold


def paint(
    layout: Layout,
    values: NDArray[np.float64],
    title: str = "",
    annot: NDArray[Any] | None = None,
    past: NDArray[np.float64] | None = None,
    plot: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], Shown]:
    """Draw one frame.

    Parameters
    ----------
    values
        (N, M), or (C,) of several panels.
    title
        The title, if the layout has a place for it.
    annot
        (N, M) float64, or strings as objects, to write instead of the values, if the layout is made
        for annotations. For panels, a structured array with a field for each annotated panel.
    past
        (P, K) scalars of all earlier frames, if the layout has a line plot.
    plot
        (h, w) palette indices of that plot, if it is drawn already.

    Returns
    -------
    (height, width) uint8
        Palette indices.
    Shown
        Counts of what could not be shown as given.
    """
    frame = values.reshape(-1)
    indices = layout.background.copy()
    extremes: Range = ()
    ranges = None
    if layout.has_frame_limits:
        ranges = layout.ranges(frame[None])
        layout, (title,) = layout.over(ranges), layout.titled([title], ranges)
        extremes = extremes_of(ranges)
    shown, start = Shown(), 0
    for panel in layout.panels:
        own = frame[start : start + prod(panel.shape)].reshape(panel.shape)
        start += own.size
        noted = annot[panel.name] if annot is not None and panel.name and panel.annotated else None
        shown += _paint_cells(panel, own, indices, noted if panel.name else annot)
    if layout.plot is not None:
        if plot is None:
            now = frame[None, start:]
            scalars = now if past is None else np.concatenate([past, now])
            plot = paint_plot(layout.plot, scalars)
        indices[layout.plot.top :] = plot
    strips, written = draw_titles(layout, [title])
    if ranges is not None:
        for (picture,), x, y in draw_numbers(layout, ranges, strips):
            indices[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    if layout.title is not None:
        indices[layout.title.top : layout.title.bottom] = strips[0]
    return indices, shown + written + Shown(extremes=extremes)


def _paint_cells(
    panel: Panel,
    values: NDArray[np.float64],
    indices: NDArray[np.uint8],
    annot: NDArray[Any] | None = None,
) -> Shown:
    """Draw the cells of one matrix into an image."""
    values = hidden(values, panel.mask)
    annot = None if annot is None else panel.from_top(hidden(annot, panel.mask))
    values = panel.from_top(values)
    masked = is_masked(values)
    grid, shades = panel.grid, panel.shades
    (edges,), (low,), (high,) = shades.edges, shades.low, shades.high
    (floor,), (ceiling,) = shades.floor, shades.ceiling
    slots = np.searchsorted(edges, values, side="right")
    bad = len(edges)
    slots[~((values >= floor) & (values < ceiling))] = bad
    ys, i = _pixels(grid.y0, grid.y1)
    xs, j = _pixels(grid.x0, grid.x1)
    # one axis after the other, which is many times faster than both at once
    rows, columns = _span(ys), _span(xs)
    band = indices[rows]
    band[:, columns] = shades.ramps[:, 0].take(slots).take(j, axis=1).take(i, axis=0)
    indices[rows] = band
    left_out, lacking = count_hidden(panel, 1, int(masked.sum())), ""
    if panel.format is not None:
        cells = values if annot is None else annot
        left_out, lacking = _write(panel, panel.format, cells, slots, indices)
    return Shown(
        under=int(((values < low) & (slots < bad)).sum()),
        over=int(((values >= high) & (slots < bad)).sum()),
        bad=int(((slots == bad) & ~masked).sum()),
        masked=int(masked.sum()),
        hidden=left_out,
        refused=count_refused(shades, values[None]),
        lacking=lacking,
    )


def count_hidden(panel: Panel, frames: int, masked: int) -> int:
    """Return how many texts are left out if none has room."""
    every = panel.shape[0] * panel.shape[1]
    return frames * panel.crowded - (masked if panel.crowded == every else 0)


def count_refused(shades: Shades, values: NDArray[np.float64]) -> int:
    """Return how many finite values of the last frames, (T, N, M), the norm cannot take."""
    floor, ceiling = (each[-len(values) :, None, None] for each in (shades.floor, shades.ceiling))
    if (floor <= -np.finfo(np.float64).max).all() and (ceiling == np.inf).all():
        return 0
    return int((np.isfinite(values) & ~((values >= floor) & (values < ceiling))).sum())


def _pixels(
    starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixels of all cells along one axis, and the cell of each pixel."""
    pixels = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)])
    return pixels, np.repeat(np.arange(len(starts)), stops - starts)


def _span(pixels: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return ascending pixels, as a slice if they are contiguous."""
    first, last = int(pixels[0]), int(pixels[-1])
    return slice(first, last + 1) if last - first + 1 == len(pixels) else pixels


def _write(
    panel: Panel,
    valfmt: ValueFormat,
    cells: NDArray[Any],
    slots: NDArray[np.intp],
    indices: NDArray[np.uint8],
) -> tuple[int, str]:
    """Draw texts into `indices`; return how many had no room, and characters without a glyph."""
    each: list[Any] = cells.ravel().tolist()
    texts: Sequence[str] = each if panel.fixed is None else panel.fixed.texts
    if panel.fixed is None and panel.written.kind != "U":
        texts = [
            "" if hides else valfmt.write(as_written(x, panel.written))
            for x, hides in zip(each, is_masked(cells).ravel(), strict=True)
        ]
    type_, lacking = panel.type, ""
    if panel.writing is not None:
        affixes = len(valfmt.before), len(valfmt.after)
        chains = {text: _chain(text, affixes, panel.writing) for text in set(texts)}
    else:
        vertical, align = panel.vertical, panel.type.align
        shaped = shape_texts(texts, panel.typeface, panel.sizes, align, vertical)
        chains = {text: _shaped_chain(text, shaped) for text in set(texts)}
        if panel.fixed is None:
            type_, lacking = with_atlas(type_, shaped.atlas), shaped.lacking
    letters: dict[tuple[int, int], NDArray[np.uint8]] = {}
    left_out = 0
    for c, text in enumerate(texts):
        if not text:
            continue
        i, j = divmod(c, cells.shape[1])
        chain = chains[text]
        room = int(panel.grid.x1[j] - panel.grid.x0[j])
        widths = type_.widths[:, chain].sum(1)
        lows, highs = type_.lows[:, chain].min(1), type_.highs[:, chain].max(1)
        tall = int(panel.grid.y1[i] - panel.grid.y0[i])
        fitting = np.flatnonzero((widths <= room) & (highs - lows <= tall))
        too_long = panel.writing is not None and len(chain) > panel.longest
        if too_long or not len(fitting):
            left_out += 1
            continue
        size = int(fitting[0])
        for segment in chain:
            if (size, segment) not in letters:
                letters[size, segment] = _letter(type_, size, segment)
        low, high = int(lows[size]), int(highs[size])
        if low >= high:
            continue
        steps = np.hstack([letters[size, segment] for segment in chain])[low:high]
        x = _left(panel, j, int(widths[size]))
        y = int(type_.tops[i, size]) + low
        y = max(int(panel.grid.y0[i]), min(y, int(panel.grid.y1[i]) - (high - low)))
        indices[y : y + steps.shape[0], x : x + steps.shape[1]] = panel.shades.ramps[
            slots[i, j], steps
        ]
    return left_out, lacking


def _shaped_chain(text: str, shaped: Shaped) -> list[int]:
    """Return the segments of a text that was set in Python."""
    row = shaped.rows[text]
    chain: list[int] = shaped.segments[row, : shaped.lengths[row]].tolist()
    return chain


def _chain(text: str, affixes: tuple[int, int], writing: Writing) -> list[int]:
    number = text[affixes[0] : len(text) - affixes[1]]
    inner = [int(writing.glyph_of[ord(c)]) for c in number]
    glyphs = [0, *writing.before.tolist(), *inner, *writing.after.tolist(), 0]
    return [a * writing.glyphs + b for a, b in itertools.pairwise(glyphs)]


def _letter(type_: Type, size: int, segment: int) -> NDArray[np.uint8]:
    """Return the coverage of a segment, (rows, columns), in steps."""
    lines = type_.lines[size, segment].tolist()
    runs = np.concatenate([type_.runs[type_.starts[k] : type_.starts[k + 1]] for k in lines])
    return np.repeat(runs & 0xFF, runs >> 8).astype(np.uint8).reshape(len(lines), -1)


def _left(panel: Panel, j: int, width: int) -> int:
    low, high = int(panel.grid.x0[j]), int(panel.grid.x1[j])
    align = panel.type.align
    if align == 0:
        x = int(np.floor(panel.grid.center[j] - 0.5 * width + 0.5))
    elif align < 0:
        x = low + panel.type.inset
    else:
        x = high - panel.type.inset - width
    return max(low, min(x, high - width))


# -------------------------------------------------------------------------------------- line plots


def paint_plot(plot: Plot, values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw the axes and lines of the last frame; values are (all frames, K)."""
    (stage,) = stages_of(plot, values, len(values) - 1)
    base = base_of(plot, stage)
    picture = base.picture.copy()
    cover = np.zeros(picture.shape, np.uint8)
    xs, ys = places_of(plot, stage, values)
    for t in range(len(values)):
        for k, ramp in enumerate(plot.ramps):
            if np.isnan(ys[t, k]):
                continue
            s = t - 1 if t > 0 and not np.isnan(ys[t - 1, k]) else t
            _segment(
                picture,
                cover,
                np.array(ramp, np.uint8),
                (float(xs[s]), float(ys[s, k]), float(xs[t]), float(ys[t, k])),
                plot.half if s < t else plot.dot,
                base.box,
            )
    return picture


def _segment(
    picture: NDArray[np.uint8],
    cover: NDArray[np.uint8],
    ramp: NDArray[np.uint8],
    ends: tuple[float, float, float, float],
    half: float,
    box: tuple[int, int, int, int],
) -> None:
    ax, ay, bx, by = ends
    reach = half + 1.0
    x0, x1 = max(box[0], math.floor(ax - reach)), min(box[1], math.ceil(bx + reach))
    y0, y1 = (
        max(box[2], math.floor(min(ay, by) - reach)),
        min(box[3], math.ceil(max(ay, by) + reach)),
    )
    if x0 >= x1 or y0 >= y1:
        return
    px, py = np.arange(x0, x1)[None] + 0.5, np.arange(y0, y1)[:, None] + 0.5
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    along = np.zeros((y1 - y0, x1 - x0))
    if length > 0:
        along = ((px - ax) * dx + (py - ay) * dy) / length
    along = np.minimum(np.maximum(along, 0.0), 1.0)
    ex, ey = px - (ax + along * dx), py - (ay + along * dy)
    covered = np.minimum(np.maximum(half + 0.5 - np.sqrt(ex * ex + ey * ey), 0.0), 1.0)
    steps = np.floor(covered * (len(ramp) - 1) + 0.5).astype(np.uint8)
    part, shown = cover[y0:y1, x0:x1], picture[y0:y1, x0:x1]
    more = steps > part
    part[more] = steps[more]
    shown[more] = ramp[steps[more]]


# --------------------------------------------------------------------------------------- reduction


def reduce_blocks(reduction: Reduction, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a value for each block of matrices (T, N, M), ignoring the mask."""
    rows, columns = reduction.rows, reduction.columns
    out = np.empty((len(values), *reduction.cells))
    finite = np.isfinite(values)

    def folded(operation: np.ufunc, otherwise: float, factor: float = 1.0) -> Any:
        kept = np.where(finite, values * factor, otherwise)
        return _fold(operation, _fold(operation, kept, rows, 1), columns, 2)

    counts = _fold(np.add, _fold(np.add, finite.astype(np.int64), rows, 1), columns, 2)
    with np.errstate(all="ignore"):
        if reduction.how == "mean":
            totals = folded(np.add, 0.0)
            out[...] = totals / counts
            large = ~np.isfinite(totals)
            if large.any():
                shrunk = folded(np.add, 0.0, SHRINK) / counts / SHRINK
                out[large] = shrunk[large]
        else:
            low, high = folded(np.minimum, np.inf), folded(np.maximum, -np.inf)
            out[...] = {
                "max": high,
                "min": low,
                "absmax": np.where(-low > high, low, high),
            }[reduction.how]
    out[counts == 0] = np.nan
    return out


def _fold(
    operation: np.ufunc, values: NDArray[Any], starts: NDArray[np.int64], axis: int
) -> NDArray[Any]:
    """Combine the values of each block along an axis, one after the other."""
    sizes = np.diff(starts)
    result = values.take(starts[:-1], axis)
    for k in range(1, int(sizes.max())):
        longer = np.flatnonzero(sizes > k)
        place = (slice(None),) * axis + (longer,)
        result[place] = operation(result[place], values.take(starts[longer] + k, axis))
    return result
