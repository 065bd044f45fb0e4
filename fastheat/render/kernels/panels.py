"""Image blocks of frames of several parts: the runs of each part are listed, then joined.

The runs of a part's frames follow each other in indices and starts: those of frame t, if anything
changes, are at ends[t - 1] to ends[t]. Then, frame by frame, the runs of all parts are joined into
those of one image.
"""

from typing import Annotated, NamedTuple

import numpy as np

from fastheat.render.kernels.cells import Changes, count_outside, find_fills, scale_of
from fastheat.render.kernels.images import SAMPLED, changed_fills, free_index, write_image
from fastheat.render.kernels.jit import Float64s, Int32s, Int64s, Uint8s, Uint32s, entry, jit
from fastheat.render.kernels.lzw import Coder
from fastheat.render.kernels.runs import (
    Lines,
    Runs,
    begin_run,
    changed_rectangle,
    difference_runs,
    fill_runs,
    picture_runs,
    text_runs,
)
from fastheat.tables import TRANSPARENT, Grid, Shades, Type


class Lists(NamedTuple):
    """The runs of T frames of K parts of a picture that do not overlap, from left to right."""

    # changed rectangle x0, x1, y0, y1 of each frame; x0 >= x1 if nothing changes
    rectangles: Annotated[Int64s, "K, T, 4"]
    # end of each frame's runs; that of frame 0 is where the part's runs begin
    ends: Annotated[Int64s, "K, T"]
    indices: Annotated[Uint8s, "runs"]
    starts: Annotated[Uint32s, "runs"]
    cursors: Annotated[Int64s, "K"]  # scratch


# Lists the runs of frames of cells with text, from frame `start` on, until all are done or there is
# space for less than `room` runs; returns the next frame to list.
# texts: segments of each frame, or F = 1 for all
@entry
def list_changes(
    start: int,
    room: int,
    grid: Grid,
    shades: Shades,
    type_: Type,
    texts: Annotated[Int32s, "F, C, longest"],
    changes: Changes,
    ends: Annotated[Int64s, "T"],
    indices: Annotated[Uint8s, "runs"],
    starts: Annotated[Uint32s, "runs"],
) -> int:
    last = texts.shape[0] - 1
    for t in range(start, ends.size):
        end = ends[t - 1]
        if indices.size - end < room:
            return t
        x0, x1, y0, y1 = changes.rectangles[t]
        if x0 < x1:
            end += 1 + text_runs(
                (x0, x1, y0, y1),
                0,
                changes.slots[t],
                changes.dirty[t],
                changes.boxes[t],
                changes.rows[t],
                grid.x0.size,
                shades.inks,
                type_,
                texts[min(t, last)],
                texts[min(t - 1, last)],
                indices[end:],
                starts[end:],
            )
        ends[t] = end
    return ends.size


# Lists the runs of frames of cells without text, as list_changes does those with text; arguments
# as of encode_fills. rectangles: output, where the cells change
@entry
def list_fills(
    start: int,
    room: int,
    grid: Grid,
    shades: Shades,
    previous: Annotated[Float64s, "N, M"],
    values: Annotated[Float64s, "T - 1, N, M"],
    fills: Annotated[Uint8s, "2, N, M"],
    lines: Lines,
    rows: Annotated[Int64s, "N, 2"],
    changed: Annotated[Uint32s, "M + 1"],
    counts: Annotated[Int64s, "4"],
    rectangles: Annotated[Int64s, "T, 4"],
    ends: Annotated[Int64s, "T"],
    indices: Annotated[Uint8s, "runs"],
    starts: Annotated[Uint32s, "runs"],
) -> int:
    if start == 1:
        find_fills(previous, scale_of(shades, 0), shades.inks, grid.lower, fills[0])
    for t in range(start, ends.size):
        end = ends[t - 1]
        if indices.size - end < room:
            return t
        now, old = t & 1, 1 - (t & 1)
        scale, value = scale_of(shades, t), values[t - 1]
        for i in range(value.shape[0]):
            count_outside(value[i], scale, counts)
        sides = changed_fills(value, scale, shades.inks, grid, fills[now], fills[old], lines, rows)
        if sides[0] < sides[1]:
            end += 1 + fill_runs(
                sides,
                0,
                fills[now],
                fills[old],
                rows,
                changed,
                grid,
                indices[end:],
                starts[end:],
            )
        rectangles[t, 0], rectangles[t, 1], rectangles[t, 2], rectangles[t, 3] = sides
        ends[t] = end
    return ends.size


# Lists the runs of a part that is drawn as pictures, with their top left pixel at (left, top), as
# list_changes does those of cells. lines, rows: scratch, rectangles: output, where they change
@entry
def list_differences(
    start: int,
    room: int,
    pictures: Annotated[Uint8s, "T, h, w"],
    left: int,
    top: int,
    lines: Lines,
    rows: Annotated[Int64s, "h, 2"],
    rectangles: Annotated[Int64s, "T, 4"],
    ends: Annotated[Int64s, "T"],
    indices: Annotated[Uint8s, "runs"],
    starts: Annotated[Uint32s, "runs"],
) -> int:
    for t in range(start, ends.size):
        end = ends[t - 1]
        if indices.size - end < room:
            return t
        x0, x1, y0, y1 = changed_rectangle(pictures[t], pictures[t - 1], lines, rows)
        rectangles[t] = 0
        if x0 < x1:
            n, _ = difference_runs(
                pictures[t],
                pictures[t - 1],
                lines,
                rows,
                x0,
                x1,
                y0,
                y1,
                1,
                TRANSPARENT,
                True,
                indices[end:],
                starts[end:],
            )
            end += n + 1
            rectangles[t, 0], rectangles[t, 1] = left + x0, left + x1
            rectangles[t, 2], rectangles[t, 3] = top + y0, top + y1
        ends[t] = end
    return ends.size


# Joins the runs of frame t of all parts, row by row, transparent in between. Returns the rectangle
# around them, x0 >= x1 if nothing changes, and the number of runs.
@jit
def join_runs(t, lists, indices, starts):
    rectangles, cursors = lists.rectangles, lists.cursors
    x0, x1, y0, y1 = np.int64(1 << 30), np.int64(0), np.int64(1 << 30), np.int64(0)
    for k in range(cursors.size):
        cursors[k] = lists.ends[k, t - 1]
        if rectangles[k, t, 0] < rectangles[k, t, 1]:
            x0, x1 = min(x0, rectangles[k, t, 0]), max(x1, rectangles[k, t, 1])
            y0, y1 = min(y0, rectangles[k, t, 2]), max(y1, rectangles[k, t, 3])
    n, last, done = np.int64(0), np.int64(-1), np.int64(0)
    width = x1 - x0
    for y in range(y0, y1):
        for k in range(cursors.size):
            left, right = rectangles[k, t, 0], rectangles[k, t, 1]
            top, bottom = rectangles[k, t, 2], rectangles[k, t, 3]
            if left >= right or y < top or y >= bottom:
                continue
            begin = (y - y0) * width + left - x0
            if begin > done:
                n = begin_run(TRANSPARENT, done, last, n, indices, starts)
                last = np.int64(TRANSPARENT)
            pixel = (y - top) * (right - left)
            stop = pixel + right - left
            done = begin + right - left
            r = cursors[k]
            while pixel < stop:
                index = np.int64(lists.indices[r])
                n = begin_run(index, begin, last, n, indices, starts)
                last = index
                ending = np.int64(lists.starts[r + 1])
                begin += min(ending, stop) - pixel
                pixel = min(ending, stop)
                r += ending <= stop
            cursors[k] = r
    pixels = max(width, 0) * max(y1 - y0, 0)
    if done < pixels:
        n = begin_run(TRANSPARENT, done, last, n, indices, starts)
    starts[n] = pixels
    return (x0, x1, y0, y1), n


# Encodes frames of several parts from their lists of runs; start, room, out, ends and the result
# are as of encode_changes.
@entry
def encode_lists(
    start: int,
    room: int,
    lists: Lists,
    runs: Runs,
    coder: Coder,
    out: Annotated[Uint8s, "bytes"],
    ends: Annotated[Int64s, "T"],
) -> int:
    for t in range(start, ends.size):
        end = ends[t - 1]
        if out.size - end < room:
            return t
        rectangle, n = join_runs(t, lists, runs.indices, runs.starts)
        if n > 0:
            end = write_image(rectangle, runs.indices, runs.starts, n, coder, out, end)
        ends[t] = end
    return ends.size


# Encodes frames of palette indices by comparing them; start, room, out, ends and the result are as
# of encode_changes. The transparent index is `free`, or, if that is negative, one that a frame does
# not use, if any. lines, rows, present: scratch, transparents: the transparent index of each frame,
# -1 if it has none
@entry
def encode_differences(
    start: int,
    room: int,
    frames: Annotated[Uint8s, "T, H, W"],
    free: int,
    lines: Lines,
    rows: Annotated[Int64s, "H, 2"],
    present: Annotated[Uint8s, "256"],
    transparents: Annotated[Int64s, "T"],
    runs: Runs,
    coder: Coder,
    out: Annotated[Uint8s, "bytes"],
    ends: Annotated[Int64s, "T"],
) -> int:
    for t in range(start, ends.size):
        end = ends[t - 1]
        if out.size - end < room:
            return t
        transparents[t] = -1
        x0, x1, y0, y1 = changed_rectangle(frames[t], frames[t - 1], lines, rows)
        if x0 < x1:
            index = free if free >= 0 else free_index(frames[t], lines, rows, present)
            if index < 0:
                n = picture_runs(frames[t], x0, x1, y0, y1, runs.indices, runs.starts)
            else:
                # a sample of the rows shows if it pays to leave single pixels transparent
                words_only = pixels_too = np.int64(0)
                for k in range(3):
                    n, used = difference_runs(
                        frames[t],
                        frames[t - 1],
                        lines,
                        rows,
                        x0,
                        x1,
                        y0,
                        y1,
                        SAMPLED if k < 2 else 1,
                        index,
                        k == 1 or (k == 2 and pixels_too < words_only),
                        runs.indices,
                        runs.starts,
                    )
                    if k == 0:
                        words_only = n
                    elif k == 1:
                        pixels_too = n
                if used:
                    transparents[t] = index
            end = write_image((x0, x1, y0, y1), runs.indices, runs.starts, n, coder, out, end)
        ends[t] = end
    return ends.size
