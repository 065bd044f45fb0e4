"""Lists of the runs that change from frame to frame, of each part of a picture.

A part is the cells of a panel, a line of text or a plot. The runs of its frames stand one after the
other, those of frame t at ends[t - 1] to ends[t] of indices and starts; a frame that shows nothing
new has none. As many frames are listed at a time as there is room for.
"""

from typing import Annotated, NamedTuple

import numpy as np

from fastheat.render.kernels.cells import Changes, count_outside, find_fills, scale_of
from fastheat.render.kernels.jit import Float64s, Int32s, Int64s, Uint8s, Uint32s, entry, inlined
from fastheat.render.kernels.runs import (
    Lines,
    changed_rectangle,
    difference_runs,
    fill_runs,
    text_runs,
)
from fastheat.tables import TRANSPARENT, Grid, Shades, Type


class Lists(NamedTuple):
    """The runs of T frames of K parts of a picture that do not overlap, from left to right."""

    # changed rectangle x0, x1, y0, y1 of each frame; x0 >= x1 if nothing changes
    rectangles: Annotated[Int64s, "K, T, 4"]
    # end of each frame's runs; that of the frame before the first listed is where its runs begin
    ends: Annotated[Int64s, "K, T"]
    indices: Annotated[Uint8s, "runs"]
    starts: Annotated[Uint32s, "runs"]
    cursors: Annotated[Int64s, "K"]  # scratch


# Finds fills; returns the rectangle in which they differ from old_fills: x0, x1, y0, y1 in pixels,
# all 0 if they do not. values: (N, M), fills, old_fills: (N, M), rows: (N, 2) as of
# changed_rectangle
@inlined
def changed_fills(values, scale, ramps, grid, fills, old_fills, lines, rows):
    find_fills(values, scale, ramps, grid.origin_lower, fills)
    j0, j1, i0, i1 = changed_rectangle(fills, old_fills, lines, rows)
    sides = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    if j0 < j1:
        sides = (grid.x0[j0], grid.x1[j1 - 1], grid.y0[i0], grid.y1[i1 - 1])
    return sides


# Lists the runs of frames of cells with text, from frame `start` on, until all are done or there is
# space for less than `room` runs; returns the next frame to list.
# texts: segments of each frame, or F = 1 for all, rectangles: output, where the cells change
@entry
def list_changes(
    grid: Grid,
    shades: Shades,
    type_: Type,
    texts: Annotated[Int32s, "F, C, longest"],
    changes: Changes,
    start: int,
    room: int,
    rectangles: Annotated[Int64s, "T, 4"],
    ends: Annotated[Int64s, "T"],
    indices: Annotated[Uint8s, "runs"],
    starts: Annotated[Uint32s, "runs"],
) -> int:
    last = texts.shape[0] - 1
    for t in range(start, ends.size):
        end = ends[t - 1]
        if indices.size - end < room:
            return t
        for side in range(4):
            rectangles[t, side] = changes.rectangles[t, side]
        if rectangles[t, 0] < rectangles[t, 1]:
            now, old = texts[min(t, last)], texts[min(t - 1, last)]
            m, more, ramps = grid.x0.size, (indices[end:], starts[end:]), shades.ramps
            end += 1 + text_runs(t, changes, m, ramps, type_, now, old, *more)
        ends[t] = end
    return ends.size


# Lists the runs of frames of cells without text, as list_changes does those with text.
# fills, lines, rows, changed: scratch, rectangles: output, where the cells change
@entry
def list_fills(
    grid: Grid,
    shades: Shades,
    previous: Annotated[Float64s, "N, M"],
    values: Annotated[Float64s, "T - 1, N, M"],
    fills: Annotated[Uint8s, "2, N, M"],
    lines: Lines,
    rows: Annotated[Int64s, "N, 2"],
    changed: Annotated[Uint32s, "M + 1"],
    counts: Annotated[Int64s, "4"],
    start: int,
    room: int,
    rectangles: Annotated[Int64s, "T, 4"],
    ends: Annotated[Int64s, "T"],
    indices: Annotated[Uint8s, "runs"],
    starts: Annotated[Uint32s, "runs"],
) -> int:
    if start == 1:
        find_fills(previous, scale_of(shades, 0), shades.ramps, grid.origin_lower, fills[0])
    for t in range(start, ends.size):
        end = ends[t - 1]
        if indices.size - end < room:
            return t
        now, old = t & 1, 1 - (t & 1)
        scale, value = scale_of(shades, t), values[t - 1]
        for i in range(value.shape[0]):
            count_outside(value[i], scale, counts)
        sides = changed_fills(value, scale, shades.ramps, grid, fills[now], fills[old], lines, rows)
        if sides[0] < sides[1]:
            end += 1 + fill_runs(
                sides, fills[now], fills[old], rows, changed, grid, indices[end:], starts[end:]
            )
        rectangles[t, 0], rectangles[t, 1], rectangles[t, 2], rectangles[t, 3] = sides
        ends[t] = end
    return ends.size


# Lists the runs of a part that is drawn as pictures, with their top left pixel at (left, top), as
# list_changes does those of cells. lines, rows: scratch, rectangles: output, where they change
@entry
def list_differences(
    pictures: Annotated[Uint8s, "T, h, w"],
    left: int,
    top: int,
    lines: Lines,
    rows: Annotated[Int64s, "h, 2"],
    start: int,
    room: int,
    rectangles: Annotated[Int64s, "T, 4"],
    ends: Annotated[Int64s, "T"],
    indices: Annotated[Uint8s, "runs"],
    starts: Annotated[Uint32s, "runs"],
) -> int:
    for t in range(start, ends.size):
        end = ends[t - 1]
        if indices.size - end < room:
            return t
        now, old = pictures[t], pictures[t - 1]
        sides = changed_rectangle(now, old, lines, rows)
        x0, x1, y0, y1 = sides
        rectangles[t] = 0
        if x0 < x1:
            more = indices[end:], starts[end:]
            n, _ = difference_runs(sides, now, old, lines, rows, 1, TRANSPARENT, True, *more)
            end += n + 1
            rectangles[t, 0], rectangles[t, 1] = left + x0, left + x1
            rectangles[t, 2], rectangles[t, 3] = top + y0, top + y1
        ends[t] = end
    return ends.size
