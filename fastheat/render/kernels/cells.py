"""Cells: their slots, their texts, and their changes from frame to frame.

A cell shows one slot (its fill, and the blends from there to its ink) and one text, a row of
segments. A segment reaches from the cut through one glyph to the cut through the next, so that each
column of pixels belongs to one segment: the overlap of two glyphs is drawn once, in the atlas, and
a text is set by putting segments side by side.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np

from fastheat.render.kernels.jit import (
    Float64s,
    Int16s,
    Int32s,
    Int64s,
    Uint8s,
    entry,
    inlined,
    jit,
)
from fastheat.render.kernels.unsigned import U1
from fastheat.tables import Grid, Shades, Type

# the part of a cell to repaint: letters that replace others in the same place, the old and the new
# text, or the fill as well
NOTHING, LETTERS, TEXT, WHOLE = range(4)
UNDER, OVER, BAD, HIDDEN = range(4)  # indices of `counts`: values out of range, texts left out
# columns of `places`: a text's number of segments, font size, y of its row 0, left side and width
COUNT, SIZE, TOP, LEFT, WIDTH = range(5)
# columns of `boxes` after COUNT, SIZE and TOP of the text: the sides of the box to repaint, the
# first segment to draw, and its left side
X0, X1, Y0, Y1, FIRST, FIRST_X = range(3, 9)


class Changes(NamedTuple):
    """Changes of cells with text from frame to frame, for C = N * M cells in raster order."""

    slots: Annotated[Int16s, "T, C"]  # of every cell
    dirty: Annotated[Uint8s, "T, C"]  # part to repaint, NOTHING to WHOLE
    boxes: Annotated[Int32s, "T, C, 9"]  # of dirty cells only
    # of each row of cells: first dirty column, one past the last, first dirty y, one past the last
    rows: Annotated[Int64s, "T, N, 4"]
    rectangles: Annotated[Int64s, "T, 4"]  # x0, x1, y0, y1; x0 >= x1 if nothing changes


def new_changes(frames: int, shape: tuple[int, int]) -> Changes:
    """Return uninitialised changes for `find_changes` to fill."""
    cells = shape[0] * shape[1]
    return Changes(
        slots=np.empty((frames, cells), np.int16),
        dirty=np.empty((frames, cells), np.uint8),
        boxes=np.empty((frames, cells, 9), np.int32),
        rows=np.empty((frames, shape[0], 4), np.int64),
        rectangles=np.empty((frames, 4), np.int64),
    )


class Scale(NamedTuple):
    """The edges between slots over the range of one frame; fields as in `Shades`."""

    edges: Annotated[Float64s, "E + 1"]
    guide: Annotated[Int16s, "G + 2"]
    origin: float
    scale: float
    low: float
    high: float
    floor: float
    ceiling: float


# Returns the scale of frame t, which may be shared by all frames.
@inlined
def scale_of(shades, t):
    row = min(t, shades.edges.shape[0] - 1)
    return Scale(
        shades.edges[row],
        shades.guide[row],
        shades.origin[row],
        shades.scale[row],
        shades.low[row],
        shades.high[row],
        shades.floor[row],
        shades.ceiling[row],
    )


# Returns the slot of a value: 0 under, 1 .. E - 1 the levels, E over, E + 1 if it is not finite or
# the norm does not accept it.
@inlined
def slot_of(x, scale):
    edges, guide = scale.edges, scale.guide
    place = (x - scale.origin) * scale.scale
    place = place if place > 0.0 else 0.0  # and NaN
    # all edges in lower pieces are <= x, and maybe some in its own, which mostly has one at most
    slot = np.uint64(guide[np.uint64(min(place, np.float64(guide.size - 2)))])
    slot += np.uint64(edges[slot] <= x)
    if edges[slot] <= x:
        slot = last_slot(x, slot, place, scale)
    return np.int64(slot) if scale.floor <= x < scale.ceiling else np.int64(edges.size)


# Returns the slot of a value in a piece with several edges, of which those before `slot` are <= x.
@jit
def last_slot(x, slot, place, scale):
    edges, guide = scale.edges, scale.guide
    end = np.uint64(guide[np.uint64(min(place, np.float64(guide.size - 2))) + U1])
    while slot < end:
        middle = (slot + end) >> U1
        if edges[middle] <= x:
            slot = middle + U1
        else:
            end = middle
    return slot


# Finds the slots of values. values, slots: (C,)
@jit
def find_slots(values, scale, slots):
    for c in range(np.uint64(values.size)):
        slots[c] = slot_of(values[c], scale)


# Finds the palette indices of cells without text, rows from the top down. values, fills: (N, M),
# ramps: of Shades
@jit
def find_fills(values, scale, ramps, origin_lower, fills):
    last = values.shape[0] - 1
    for i in range(values.shape[0]):
        row = last - i if origin_lower else i
        for j in range(np.uint64(values.shape[1])):
            fills[i, j] = ramps[np.uint64(slot_of(values[row, j], scale)), 0]


# Adds the numbers of values under, over and bad to counts. values: (C,), counts: (4,)
@jit
def count_outside(values, scale, counts):
    low, high, floor, ceiling = scale.low, scale.high, scale.floor, scale.ceiling
    under = over = bad = np.int64(0)
    for c in range(np.uint64(values.size)):
        x = values[c]
        under += (x < low) & (x >= floor)
        over += (x >= high) & (x < ceiling)
        bad += not floor <= x < ceiling
    counts[UNDER] += under
    counts[OVER] += over
    counts[BAD] += bad


# Places the n segments of cell c, in row i and column j, at the largest font size that fits.
# Returns the index of the size, or one past the last if none fits, the left side, the width, and
# the y of row 0. If n is negative, none fits. texts: (C, longest)
@inlined
def place_text(c, i, j, n, grid, type_, texts):
    x0, x1, y0, y1 = grid.x0[j], grid.x1[j], grid.y0[i], grid.y1[i]
    widths, lows, highs = type_.widths, type_.lows, type_.highs
    sizes = widths.shape[0]
    size, width, low, high = -1, x1 - x0 + 1, 0, 0
    while width > x1 - x0 or high - low > y1 - y0:
        size += 1
        if n < 0 or size == sizes:
            return sizes, 0, 0, 0
        width, low, high = 0, 1 << 30, 0
        for s in range(n):
            segment = texts[c, s]
            width += widths[size, segment]
            low = min(low, lows[size, segment])
            high = max(high, highs[size, segment])
    if type_.align == 0:
        left = np.int64(math.floor(grid.center[j] - 0.5 * width + 0.5))
    elif type_.align < 0:
        left = x0 + type_.inset
    else:
        left = x1 - type_.inset - width
    top = max(y0, min(type_.tops[i, size] + low, y1 - (high - low))) - low
    return size, max(x0, min(left, x1 - width)), width, top


# Returns the first row with ink of segments `first` to `last`, and one past the last row.
# texts: (C, longest)
@inlined
def ink_rows(c, first, last, size, type_, texts):
    low, high = 1 << 30, 0
    for s in range(first, last):
        low = min(low, type_.lows[size, texts[c, s]])
        high = max(high, type_.highs[size, texts[c, s]])
    return low, high


# Updates the text of cell c to one of n segments, and sets its box to the part that changes: all of
# the old and the new text, or, if both have the same place, from the first segment that differs to
# the last. Returns the part to repaint. texts, old_texts: (C, longest), places: (C, 5),
# boxes: (C, 9)
@inlined
def update_text(c, n, size, left, width, top, type_, texts, old_texts, places, boxes):
    widths = type_.widths
    sizes = widths.shape[0]
    old_n, old_size, old_left = places[c, COUNT], places[c, SIZE], places[c, LEFT]
    old_width, old_top = places[c, WIDTH], places[c, TOP]
    alike = n == old_n and size == old_size and left == old_left
    alike = alike and width == old_width and top == old_top
    first, last, old_last = 0, n, old_n
    if alike:
        while first < last and texts[c, first] == old_texts[c, first]:
            first += 1
        while last > first and texts[c, last - 1] == old_texts[c, last - 1]:
            last -= 1
        old_last = last
    x = stop = left
    x0, x1, y0, y1 = 1 << 30, 0, 1 << 30, 0
    if size < sizes:
        for s in range(last):
            stop += widths[size, texts[c, s]]
            if s < first:
                x = stop
        low, high = ink_rows(c, first, last, size, type_, texts)
        if low < high:
            x0, x1, y0, y1 = x, stop, top + low, top + high
    if old_size < sizes:
        low, high = ink_rows(c, first, old_last, old_size, type_, old_texts)
        if low < high:
            x0 = min(x0, x if alike else old_left)
            x1 = max(x1, stop if alike else old_left + old_width)
            y0, y1 = min(y0, old_top + low), max(y1, old_top + high)
    if y0 < y1 and size < sizes:
        # segments are drawn even where they have no ink
        x0, x1 = min(x0, x), max(x1, stop)
    places[c, COUNT], places[c, SIZE], places[c, LEFT], places[c, WIDTH] = n, size, left, width
    places[c, TOP] = top
    boxes[c, COUNT], boxes[c, SIZE], boxes[c, TOP] = n, size, top
    boxes[c, X0], boxes[c, X1], boxes[c, Y0], boxes[c, Y1] = x0, x1, y0, y1
    boxes[c, FIRST], boxes[c, FIRST_X] = first, x
    if y0 >= y1:
        return NOTHING
    return LETTERS if alike else TEXT


# Finds the parts of frame t's cells with text to repaint, all of them in frame 0, and the rows and
# rectangle around them; returns the number of cells whose text does not fit. alike: of Shades,
# bits, texts, lengths: as of find_changes, places: (C, 5) of the current texts
@jit
def find_texts(t, changes, grid, alike, type_, bits, texts, lengths, places):
    before, last = max(t - 1, 0), texts.shape[0] - 1
    slots, old_slots = changes.slots[t], changes.slots[before]
    dirty, boxes, rows = changes.dirty[t], changes.boxes[t], changes.rows[t]
    written, old_written = min(t, last), min(before, last)
    new_bits, old_bits, new_lengths = bits[written], bits[old_written], lengths[written]
    new_texts, old_texts = texts[written], texts[old_written]
    fresh = t == 0
    m = grid.x0.size
    sizes = type_.widths.shape[0]
    hidden = 0
    x0, x1, y0, y1 = 1 << 30, 0, 1 << 30, 0
    for i in range(rows.shape[0]):
        first, stop, top_y, bottom_y = m, 0, 1 << 30, 0
        for j in range(m):
            c = i * m + j
            change = NOTHING
            if fresh or alike[slots[c]] != alike[old_slots[c]]:
                change = WHOLE
            if fresh or new_bits[c] != old_bits[c]:
                n = np.int64(new_lengths[c])
                size, left, width, top = place_text(c, i, j, n, grid, type_, new_texts)
                n = max(n, 0)
                part = update_text(
                    c, n, size, left, width, top, type_, new_texts, old_texts, places, boxes
                )
                change = max(change, part)
            dirty[c] = change
            if change == WHOLE:
                # the text in the cell now, which may be unchanged since the frame before
                boxes[c, COUNT], boxes[c, SIZE] = places[c, COUNT], places[c, SIZE]
                boxes[c, TOP] = places[c, TOP]
                boxes[c, X0], boxes[c, X1] = grid.x0[j], grid.x1[j]
                boxes[c, Y0], boxes[c, Y1] = grid.y0[i], grid.y1[i]
                boxes[c, FIRST], boxes[c, FIRST_X] = 0, places[c, LEFT]
            if change != NOTHING:
                first, stop = min(first, j), j + 1
                x0, x1 = min(x0, boxes[c, X0]), max(x1, boxes[c, X1])
                top_y, bottom_y = min(top_y, boxes[c, Y0]), max(bottom_y, boxes[c, Y1])
            hidden += places[c, SIZE] == sizes
        rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3] = first, stop, top_y, bottom_y
        y0, y1 = min(y0, top_y), max(y1, bottom_y)
    rectangle = changes.rectangles[t]
    rectangle[0], rectangle[1], rectangle[2], rectangle[3] = x0, x1, y0, y1
    return hidden


# Finds the parts to repaint in each frame of cells with text, and adds to counts. Frame 0 of the
# texts and of the changes is the one before the first. F is 1 if all frames have the same texts,
# else 1 + T. bits: equal for equal texts, places: scratch, changes: of 1 + T frames
@entry
def find_changes(
    previous: Annotated[Float64s, "C"],
    values: Annotated[Float64s, "T, C"],
    grid: Grid,
    shades: Shades,
    type_: Type,
    bits: Annotated[Int64s, "F, C"],
    texts: Annotated[Int32s, "F, C, longest"],
    lengths: Annotated[Int32s, "F, C"],
    places: Annotated[Int64s, "C, 5"],
    changes: Changes,
    counts: Annotated[Int64s, "4"],
) -> None:
    for t in range(1 + values.shape[0]):
        now = values[t - 1] if t > 0 else previous
        scale = scale_of(shades, t)
        find_slots(now, scale, changes.slots[t])
        hidden = find_texts(t, changes, grid, shades.alike, type_, bits, texts, lengths, places)
        if t > 0:
            count_outside(now, scale, counts)
            counts[HIDDEN] += hidden
