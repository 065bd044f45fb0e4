"""Runs of one palette index, in raster order, within the rectangle of an image.

Run r begins at pixel starts[r] and ends where the next one begins; the last ends at the size of the
image. To avoid a branch, a run is always written, but only counted if its index differs from the
last one.
"""

from typing import Annotated, NamedTuple

import numpy as np

from fastheat.render.kernels.cells import (
    COUNT,
    FIRST,
    FIRST_X,
    LETTERS,
    NOTHING,
    SIZE,
    TOP,
    X0,
    X1,
    Y0,
    Y1,
)
from fastheat.render.kernels.digits import HALF
from fastheat.render.kernels.jit import Uint8s, Uint32s, Uint64s, inlined, jit
from fastheat.render.kernels.unsigned import U0, U1, U2, U3, U52
from fastheat.tables import TRANSPARENT


class Runs(NamedTuple):
    """Buffers for the runs of an image of at most P pixels."""

    indices: Annotated[Uint8s, "P + 1"]
    starts: Annotated[Uint32s, "P + 1"]


def new_runs(pixels: int) -> Runs:
    """Return buffers for the runs of images of at most `pixels` pixels."""
    return Runs(np.empty(pixels + 1, np.uint8), np.empty(pixels + 1, np.uint32))


# Begins run n at a pixel, unless it continues the last index; returns the number of runs and the
# index, which is now the last.
@inlined
def begin_run(index, pixel, last, n, indices, starts):
    indices[np.uint64(n)] = index
    starts[np.uint64(n)] = pixel
    return n + np.int64(index != last), np.int64(index)


BIAS = np.uint64(1023)  # of a float64's exponent


# Returns the exponent of the power of two in a word, not 0, by converting it to float64.
@inlined
def exponent_of(word):
    return (np.float64(word).view(np.uint64) >> U52) - BIAS


# Returns the number of equal pixels that two words begin with, at most 15. A pixel is 4 bits, the
# first one the lowest.
@inlined
def alike_pixels(word, other):
    differing = (word ^ other) | HALF
    return np.int64(exponent_of(differing & (~differing + U1)) >> U2)


# Finds the runs of the cells with text that change in frame t, transparent between them; returns
# their number. Where letters replace others in the same place, equal segments are transparent too,
# and so are the equal pixels at the ends of the segments next to these.
# columns: M, ramps: of Shades, texts, old_texts: (C, longest)
@jit
def text_runs(t, changes, columns, ramps, type_, texts, old_texts, indices, starts):
    slots, dirty = changes.slots[t], changes.dirty[t]
    boxes, rows = changes.boxes[t], changes.rows[t]
    x0, x1, y0, y1 = changes.rectangles[t]
    width = x1 - x0
    pixels = width * (y1 - y0)
    widths, lines, line_starts, line_runs = type_.widths, type_.lines, type_.starts, type_.runs
    heads, tails = type_.heads, type_.tails
    sizes, lines_high = lines.shape[0], lines.shape[2]
    n, last, done = np.int64(0), np.int64(-1), np.int64(0)
    for i in range(rows.shape[0]):
        for y in range(rows[i, 2], rows[i, 3]):
            row0 = (y - y0) * width - x0
            for j in range(rows[i, 0], rows[i, 1]):
                c = i * columns + j
                if dirty[c] == NOTHING or y < boxes[c, Y0] or y >= boxes[c, Y1]:
                    continue
                start, stop = row0 + boxes[c, X0], row0 + boxes[c, X1]
                size = np.int64(boxes[c, SIZE])
                line = y - np.int64(boxes[c, TOP])
                inked = 0 <= line < lines_high and size < sizes
                slot = np.int64(slots[c])
                fill = np.int64(ramps[slot, 0])
                pixel = row0 + boxes[c, FIRST_X] if inked else stop
                if dirty[c] != LETTERS:
                    if start > done:
                        n, last = begin_run(TRANSPARENT, done, last, n, indices, starts)
                    if start < pixel:
                        n, last = begin_run(fill, start, last, n, indices, starts)
                    done = stop
                old_pixel = pixel
                for s in range(boxes[c, FIRST], boxes[c, COUNT]):
                    if pixel >= stop:
                        break
                    segment = texts[c, s]
                    drawn = lines[size, segment, line]
                    first, end = pixel, pixel + widths[size, segment]
                    if dirty[c] == LETTERS:
                        old = lines[size, old_texts[c, s], line]
                        aligned = pixel == old_pixel
                        old_pixel += widths[size, old_texts[c, s]]
                        if aligned and drawn == old:
                            pixel = old_pixel
                            continue
                        if aligned and end == old_pixel:
                            after = min(s + 1, boxes[c, COUNT] - 1)
                            new_next = lines[size, texts[c, after], line]
                            old_next = lines[size, old_texts[c, after], line]
                            if first > done:
                                first += alike_pixels(heads[drawn], heads[old])
                            if end >= stop or (after > s and new_next == old_next):
                                end -= alike_pixels(tails[drawn], tails[old])
                        if first > done:
                            n, last = begin_run(TRANSPARENT, done, last, n, indices, starts)
                        done = end
                    begins, ends = line_starts[drawn], line_starts[drawn + 1]
                    for r in range(np.uint64(begins), np.uint64(ends)):
                        run = np.int64(line_runs[r])
                        index = np.int64(ramps[np.uint64(slot), np.uint64(run & 0xFF)])
                        begin = pixel
                        pixel += run >> 8
                        shown = pixel > first and begin < end
                        index = index if shown else last
                        n, last = begin_run(index, max(begin, first), last, n, indices, starts)
                if pixel < done:
                    n, last = begin_run(fill, pixel, last, n, indices, starts)
    if done < pixels:
        n, _ = begin_run(TRANSPARENT, done, last, n, indices, starts)
    starts[n] = pixels
    return n


# Finds the runs of a rectangle of a picture; returns their number. picture: (H, W) palette indices
@jit
def picture_runs(rectangle, picture, indices, starts):
    x0, x1, y0, y1 = rectangle
    n, last, pixel = np.int64(0), np.int64(-1), np.int64(0)
    for y in range(np.uint64(y0), np.uint64(y1)):
        for x in range(np.uint64(x0), np.uint64(x1)):
            index = np.int64(picture[y, x])
            n, last = begin_run(index, pixel, last, n, indices, starts)
            pixel += 1
    starts[n] = pixel
    return n


# Returns the number of leading zero pixels in a word of 8, a byte each, the first one the lowest.
# differing: not 0
@inlined
def same_before(differing):
    lowest = differing & (~differing + U1)
    return np.int64(exponent_of(lowest) >> U3)


# Returns the number of trailing zero pixels in such a word.
@inlined
def same_after(differing):
    highest = differing & ~(differing >> U1)  # so that float64 does not round to a higher power
    return 7 - np.int64(exponent_of(highest) >> U3)


class Lines(NamedTuple):
    """Buffers for a row of a picture, and of the one before: W pixels, padded with zeros to S."""

    pixels: Annotated[Uint8s, "2, S"]
    words: Annotated[Uint64s, "2, S / 8"]  # the same memory as words


def new_lines(width: int) -> Lines:
    """Return buffers for rows of `width` pixels."""
    pixels = np.zeros((2, -(-width // 8) * 8), np.uint8)
    return Lines(pixels, pixels.view(np.uint64))


# Copies row y of two pictures into lines. picture, old: (H, W)
@inlined
def take_row(picture, old, y, lines):
    for x in range(np.uint64(picture.shape[1])):
        lines.pixels[0, x] = picture[y, x]
    for x in range(np.uint64(old.shape[1])):
        lines.pixels[1, x] = old[y, x]


# Returns the rectangle in which a picture differs from the one before: x0, x1, y0, y1, and x0 >= x1
# if it does not. picture, old: (H, W), rows: (H, 2) output: the first word of 8 pixels that differs
# in each row, and one past the last
@jit
def changed_rectangle(picture, old, lines, rows):
    height, width = picture.shape
    words = lines.words
    x0, x1, y0, y1 = width, 0, height, 0
    for y in range(height):
        rows[y, 0] = rows[y, 1] = 0
        differing = np.uint8(0)
        for x in range(np.uint64(width)):
            differing = np.uint8(differing | np.uint8(picture[y, x] ^ old[y, x]))
        if differing == 0:
            continue
        take_row(picture, old, y, lines)
        y0, y1 = min(y0, y), y + 1
        first, last = 0, words.shape[1] - 1
        while words[0, first] == words[1, first]:
            first += 1
        while words[0, last] == words[1, last]:
            last -= 1
        rows[y, 0], rows[y, 1] = first, last + 1
        x0 = min(x0, 8 * first + same_before(words[0, first] ^ words[1, first]))
        x1 = max(x1, 8 * last + 8 - same_after(words[0, last] ^ words[1, last]))
    return x0, x1, y0, y1


# Finds the runs of the cells without text that change in a frame, transparent between them; returns
# their number. rectangle: x0, x1, y0, y1, fills, old_fills: (N, M) palette indices, rows: (N, 2) as
# of changed_rectangle, changed: (M + 1,) uint32 scratch
@jit
def fill_runs(rectangle, fills, old_fills, rows, changed, grid, indices, starts):
    left, right, top, bottom = rectangle
    width = right - left
    pixels = width * (bottom - top)
    n, last, done = np.int64(0), np.int64(-1), np.int64(0)
    for i in range(rows.shape[0]):
        count = U0
        for j in range(np.uint64(8 * rows[i, 0]), np.uint64(min(8 * rows[i, 1], fills.shape[1]))):
            changed[count] = j
            count += np.uint64(fills[i, j] != old_fills[i, j])
        for y in range(grid.y0[i], grid.y1[i]):
            row0 = (y - top) * width - left
            for k in range(count):
                j = np.uint64(changed[k])
                start = row0 + grid.x0[j]
                if start > done:
                    n, last = begin_run(TRANSPARENT, done, last, n, indices, starts)
                fill = np.int64(fills[i, j])
                n, last = begin_run(fill, start, last, n, indices, starts)
                done = row0 + grid.x1[j]
    if done < pixels:
        n, _ = begin_run(TRANSPARENT, done, last, n, indices, starts)
    starts[n] = pixels
    return n


# Finds the runs of the differences in every step-th row of a rectangle; returns their number, and
# whether any is transparent. Unchanged words of 8 pixels are transparent, with the unchanged pixels
# next to them; so is every other unchanged pixel if `each`.
# picture, old: (H, W) palette indices, rows: (H, 2) as of changed_rectangle
@jit
def difference_runs(rectangle, picture, old, lines, rows, step, transparent, each, indices, starts):
    x0, x1, y0, y1 = rectangle
    width = x1 - x0
    n, last, done = np.int64(0), np.int64(-1), np.int64(0)
    used = False
    words = lines.words
    for y in range(y0, y1, step):
        row0 = (y - y0) * width - x0
        first, stop = rows[y, 0], rows[y, 1]
        if first < stop:
            take_row(picture, old, y, lines)
        differing = U0
        following = words[0, first] ^ words[1, first]
        for w in range(first, stop):
            before, differing = differing, following
            following = U0
            if w + 1 < stop:
                following = words[0, w + 1] ^ words[1, w + 1]
            if differing == U0:
                continue
            begin = 8 * w + (same_before(differing) if before == U0 else 0)
            end = 8 * w + 8 - (same_after(differing) if following == U0 else 0)
            if row0 + begin > done:
                n, last = begin_run(transparent, done, last, n, indices, starts)
                used = True
            for x in range(np.uint64(begin), np.uint64(end)):
                index = np.int64(picture[y, x])
                if each and picture[y, x] == old[y, x]:
                    index = np.int64(transparent)
                    used = True
                n, last = begin_run(index, row0 + np.int64(x), last, n, indices, starts)
            done = row0 + end
    pixels = width * (y1 - y0)
    if done < pixels:
        n, _ = begin_run(transparent, done, last, n, indices, starts)
        used = True
    starts[n] = pixels
    return n, used
