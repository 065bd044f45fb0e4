"""Image blocks of the frames of a single matrix, and still pictures."""

from typing import Annotated, NamedTuple

import numpy as np

from fastheat.render.kernels.cells import Changes, count_outside, find_fills, scale_of
from fastheat.render.kernels.jit import (
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    Uint32s,
    entry,
    inlined,
    jit,
)
from fastheat.render.kernels.lzw import Coder, code_size_of, encode_lzw
from fastheat.render.kernels.runs import (
    Lines,
    Runs,
    changed_rectangle,
    difference_runs,
    fill_runs,
    new_lines,
    picture_runs,
    take_row,
    text_runs,
)
from fastheat.render.kernels.unsigned import U0
from fastheat.tables import TRANSPARENT, Grid, Shades, Type


# Copies bytes. Its indices are unsigned: a test for < 0 would keep the loop from being vectorised.
@inlined
def copy(source, start, target, place, count):
    for k in range(count):
        target[np.uint64(place + k)] = source[np.uint64(start + k)]


# Writes an image descriptor, the code size, and n runs as data sub-blocks to out[end:]; returns the
# new end. rectangle: x0, x1, y0, y1, out: uint8
@jit
def write_image(rectangle, indices, starts, n, coder, out, end):
    x0, x1, y0, y1 = rectangle
    code_size = code_size_of(indices, n)
    size = encode_lzw(indices, starts, n, code_size, coder)
    codes = coder.codes_out
    out[end] = 0x2C
    place = end + 1
    for number in (x0, y0, x1 - x0, y1 - y0):
        out[place], out[place + 1] = number & 0xFF, number >> 8
        place += 2
    out[place] = 0
    out[place + 1] = code_size
    place += 2
    for start in range(0, size, 255):
        length = min(255, size - start)
        out[place] = length
        copy(codes, start, out, place + 1, length)
        place += 1 + length
    out[place] = 0
    return place + 1


SAMPLED = 16  # one of this many rows is sampled
BYTES, HIGH_BITS = (np.uint64(k * 0x0101010101010101) for k in (1, 0x80))


# Returns a palette index that does not occur in the changed words of a picture: 0, 255, or the
# least one free; -1 if none is. picture: (H, W), rows: (H, 2) as of changed_rectangle, present:
# (256,) uint8 scratch
@jit
def free_index(picture, lines, rows, present):
    for index in (0, 255):
        every = np.uint64(index) * BYTES
        found = U0
        for y in range(rows.shape[0]):
            take_row(picture, picture, y, lines)
            for w in range(np.uint64(rows[y, 0]), np.uint64(rows[y, 1])):
                pixels = lines.words[0, w] ^ every
                found |= (pixels - BYTES) & ~pixels & HIGH_BITS  # not 0 if any byte of pixels is 0
        if found == U0:
            return np.int64(index)
    present[:] = 0
    for y in range(rows.shape[0]):
        for x in range(8 * rows[y, 0], min(8 * rows[y, 1], picture.shape[1])):
            present[picture[y, x]] = 1
    for index in range(256):
        if present[index] == 0:
            return np.int64(index)
    return np.int64(-1)


# Draws n runs of a rectangle into a picture, (H, W); transparent pixels are left as they are.
@jit
def draw_runs(rectangle, indices, starts, n, picture):
    x0, x1, y, _ = rectangle
    x = x0
    for r in range(n):
        left = np.int64(starts[r + 1]) - np.int64(starts[r])
        while left > 0:
            count = min(left, x1 - x)
            if indices[r] != TRANSPARENT:
                for k in range(np.uint64(x), np.uint64(x + count)):
                    picture[y, k] = indices[r]
            left -= count
            x += count
            if x == x1:
                x = x0
                y += 1


# Draws all cells with text, from the first frame of `changes`.
@entry
def paint_texts(
    grid: Grid,
    shades: Shades,
    type_: Type,
    texts: Annotated[Int32s, "C, longest"],
    changes: Changes,
    runs: Runs,
    picture: Annotated[Uint8s, "H, W"],
) -> None:
    x0, x1, y0, y1 = changes.rectangles[0]
    if x0 < x1:
        n = text_runs(
            (x0, x1, y0, y1),
            0,
            changes.slots[0],
            changes.dirty[0],
            changes.boxes[0],
            changes.rows[0],
            grid.x0.size,
            shades.inks,
            type_,
            texts,
            texts,
            runs.indices,
            runs.starts,
        )
        draw_runs((x0, x1, y0, y1), runs.indices, runs.starts, n, picture)


# Draws all cells without text, and adds to counts. fills: scratch
@entry
def paint_fills(
    values: Annotated[Float64s, "N, M"],
    grid: Grid,
    shades: Shades,
    fills: Annotated[Uint8s, "N, M"],
    counts: Annotated[Int64s, "4"],
    picture: Annotated[Uint8s, "H, W"],
) -> None:
    scale = scale_of(shades, 0)
    find_fills(values, scale, shades.inks, grid.lower, fills)
    for i in range(fills.shape[0]):
        count_outside(values[i], scale, counts)
        for y in range(grid.y0[i], grid.y1[i]):
            for j in range(fills.shape[1]):
                for x in range(np.uint64(grid.x0[j]), np.uint64(grid.x1[j])):
                    picture[y, x] = fills[i, j]


# Encodes a whole picture of palette indices as an image block; returns its size in bytes.
@entry
def encode_picture(
    picture: Annotated[Uint8s, "H, W"],
    runs: Runs,
    coder: Coder,
    out: Annotated[Uint8s, "room"],
) -> int:
    height, width = picture.shape
    n = picture_runs(picture, 0, width, 0, height, runs.indices, runs.starts)
    return write_image((0, width, 0, height), runs.indices, runs.starts, n, coder, out, 0)


class Titles(NamedTuple):
    """Strips of a picture, h rows of W pixels, with the title of each frame."""

    strips: Annotated[Uint8s, "T, h, W"]  # palette indices
    top: int  # y of the strips in the picture
    lines: Lines
    rows: Annotated[Int64s, "h, 2"]  # scratch


def new_titles(strips: Uint8s, top: int) -> Titles:
    """Return the titles of frames, with the buffers to compare them."""
    rows = np.empty((strips.shape[1], 2), np.int64)
    return Titles(strips, top, new_lines(strips.shape[2]), rows)


# Finds the runs of the rows in which the title of frame t changes. rectangle: x0, x1, y0, y1 of the
# changed cells, x0 >= x1 if there are none. Returns the rectangle around both, and the number of
# runs.
@jit
def title_runs(t, rectangle, titles, indices, starts):
    x0, x1, y0, y1 = rectangle
    strips, lines, rows = titles.strips, titles.lines, titles.rows
    left, right, top, bottom = changed_rectangle(strips[t], strips[t - 1], lines, rows)
    n = np.int64(0)
    if left < right:
        if x0 >= x1:
            x0, x1, y1 = left, right, titles.top + bottom
        x0, x1, y0 = min(x0, left), max(x1, right), titles.top + top
        n, _ = difference_runs(
            strips[t],
            strips[t - 1],
            lines,
            rows,
            x0,
            x1,
            top,
            bottom,
            1,
            TRANSPARENT,
            True,
            indices,
            starts,
        )
    return (x0, x1, y0, y1), n


# Finds fills; returns the rectangle in which they differ from old_fills: x0, x1, y0, y1 in pixels,
# all 0 if they do not. values: (N, M), fills, old_fills: (N, M), rows: (N, 2) as of
# changed_rectangle
@inlined
def changed_fills(values, scale, inks, grid, fills, old_fills, lines, rows):
    find_fills(values, scale, inks, grid.lower, fills)
    j0, j1, i0, i1 = changed_rectangle(fills, old_fills, lines, rows)
    sides = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    if j0 < j1:
        sides = (grid.x0[j0], grid.x1[j1 - 1], grid.y0[i0], grid.y1[i1 - 1])
    return sides


# Encodes frames of cells with text, from frame `start` on, until all are done or less than `room`
# bytes of `out` are left; returns the next frame to encode. A frame without changes has no bytes.
# texts: segments of each frame, or F = 1 for all, ends: end of each image block in out
@entry
def encode_changes(
    start: int,
    room: int,
    titles: Titles,
    grid: Grid,
    shades: Shades,
    type_: Type,
    texts: Annotated[Int32s, "F, C, longest"],
    changes: Changes,
    runs: Runs,
    coder: Coder,
    out: Annotated[Uint8s, "bytes"],
    ends: Annotated[Int64s, "T"],
) -> int:
    last = texts.shape[0] - 1
    for t in range(start, ends.size):
        end = ends[t - 1]
        if out.size - end < room:
            return t
        x0, x1, y0, y1 = changes.rectangles[t]
        changed = x0 < x1
        rectangle, n = title_runs(t, (x0, x1, y0, y1), titles, runs.indices, runs.starts)
        if changed:
            n = text_runs(
                rectangle,
                n,
                changes.slots[t],
                changes.dirty[t],
                changes.boxes[t],
                changes.rows[t],
                grid.x0.size,
                shades.inks,
                type_,
                texts[min(t, last)],
                texts[min(t - 1, last)],
                runs.indices,
                runs.starts,
            )
        if n > 0:
            end = write_image(rectangle, runs.indices, runs.starts, n, coder, out, end)
        ends[t] = end
    return ends.size


# Encodes frames of cells without text, as encode_changes does those with text, finding and
# comparing fills on the way; adds to counts. fills: of a frame and the one before, lines, rows,
# changed: scratch
@entry
def encode_fills(
    start: int,
    room: int,
    titles: Titles,
    grid: Grid,
    shades: Shades,
    previous: Annotated[Float64s, "N, M"],
    values: Annotated[Float64s, "T - 1, N, M"],
    fills: Annotated[Uint8s, "2, N, M"],
    lines: Lines,
    rows: Annotated[Int64s, "N, 2"],
    changed: Annotated[Uint32s, "M + 1"],
    counts: Annotated[Int64s, "4"],
    runs: Runs,
    coder: Coder,
    out: Annotated[Uint8s, "bytes"],
    ends: Annotated[Int64s, "T"],
) -> int:
    if start == 1:
        find_fills(previous, scale_of(shades, 0), shades.inks, grid.lower, fills[0])
    for t in range(start, ends.size):
        end = ends[t - 1]
        if out.size - end < room:
            return t
        now, old = t & 1, 1 - (t & 1)
        scale, value = scale_of(shades, t), values[t - 1]
        for i in range(value.shape[0]):
            count_outside(value[i], scale, counts)
        sides = changed_fills(value, scale, shades.inks, grid, fills[now], fills[old], lines, rows)
        rectangle, n = title_runs(t, sides, titles, runs.indices, runs.starts)
        if sides[0] < sides[1]:
            n = fill_runs(
                rectangle,
                n,
                fills[now],
                fills[old],
                rows,
                changed,
                grid,
                runs.indices,
                runs.starts,
            )
        if n > 0:
            end = write_image(rectangle, runs.indices, runs.starts, n, coder, out, end)
        ends[t] = end
    return ends.size
