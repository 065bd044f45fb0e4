"""Every numba function: what is drawn, found and encoded for each frame.

They run without the GIL, fill what the caller lends or return arrays, and trust their arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
from numba.core import event

from fastheat.formats import (
    ALIGN,
    ALTERNATE,
    EXPONENT,
    FILL,
    GENERAL,
    GROUP,
    KIND,
    MAX_PRECISION,
    NO_MINUS_ZERO,
    PERCENT,
    PRECISION,
    SIGN,
    UPPER,
)
from fastheat.formats import (
    WIDTH as FIELD,
)
from fastheat.palette import TRANSPARENT

Function = TypeVar("Function", bound=Callable[..., Any])


def entry(function: Function) -> Any:
    """Compile a kernel that Python calls, and keep it on disk where there is a place to."""
    return _compiled(function)


def jit(function: Function) -> Any:
    """Compile a kernel that only kernels call, which spares the code that unpacks arguments."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def inlined(function: Function) -> Any:
    """Compile a kernel into those that call it."""
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True)


@contextmanager
def on_compiling(tell: Callable[[], object]) -> Iterator[None]:
    """Call `tell` when a kernel has to be compiled, which takes seconds."""

    class Listener(event.Listener):
        def on_start(self, _: event.Event) -> None:
            tell()

        def on_end(self, _: event.Event) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield


def _compiled(function: Function, **options: bool) -> Any:
    compiler: Any = numba.njit  # its annotations do not know all options
    try:
        return compiler(nogil=True, error_model="numpy", cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache may be written to
        return compiler(nogil=True, error_model="numpy", **options)(function)


# --------------------------------------------------------------------------------------- digits
#
# The kernels. |x| = m * 2**-shift exactly, m under 2**53. Two ways to its digits, both exact:
#
# - usual values: |x| * 10**decimals as one integer. m * 10**decimals fits 128 bits (two uint64);
#   shifted right, the bits that fall out say which way to round.
# - all others: m * 2**-shift = m * 5**shift / 10**shift, so every double ends in decimal too, and
#   m * 5**shift (m * 2**-shift where that is whole), in limbs of nine digits, is all its digits.
#
#     scratch:  limbs | ... 1 2 3 4 . 5 6 7 8 9 ...     one digit a number
#                                 ^ UNIT
#
# All of scratch is uint64 and meets only uint64: numba makes float64 of a mix with int64.
# numba counts a reference to each array that a kernel is given, two locked instructions that take
# longer than the work here, unless it sees one block in which the array is used last and no call in
# between. So each kernel has one exit that all paths reach with its arrays alive, no loop stops
# early on what it reads from one, and helpers are forced inline.

LIMBS = 90  # 767 digits at most
UNIT = LIMBS + 320
SCRATCH = UNIT + 1080 + MAX_PRECISION  # uint64 numbers that the caller lends
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(1 << 63)
HIDDEN_BIT = np.uint64(1 << 52)
FRACTION_BITS = np.uint64((1 << 52) - 1)
EXPONENT_BITS = np.uint64(2047)
BILLION = np.uint64(10**9)
POWERS = np.array([10**k for k in range(19)], np.uint64)
U0, U1, U5, U9, U10, U32, U52, U63 = (np.uint64(k) for k in (0, 1, 5, 9, 10, 32, 52, 63))
ASCII_0 = np.uint64(ord("0"))
INF_NAN = np.array([ord(c) - 48 for c in "infnanINFNAN"], np.uint64)


# m * power / 2**shift, rounded half to even. m < 2**53, power < 2**60, shift > 0, result < 2**63.
@inlined
def scaled(m, power, shift):
    low = (m & LOW) * (power & LOW)
    middle = (m >> U32) * (power & LOW) + (low >> U32)
    other = (m & LOW) * (power >> U32) + (middle & LOW)
    high = (m >> U32) * (power >> U32) + (middle >> U32) + (other >> U32)
    low = (other & LOW) << U32 | (low & LOW)
    # rest: the bits that fall out, from the top of 64 bits; lost: what falls out even below these
    lost = U0
    if shift <= 64:
        right, left = np.uint64(shift - 1), np.uint64(64 - shift)
        number = high << left | low >> right >> U1
        rest = low << left
    elif shift < 128:
        right, left = np.uint64(shift - 64), np.uint64(128 - shift)
        number = high >> right
        rest = high << left | low >> right
        lost = low << left
    else:
        number = rest = U0  # m * power < 2**113 is less than half
    up = rest > HALF
    if rest == HALF:
        up = lost != U0 or number & U1 != U0
    return number + np.uint64(up)


# Write the digits of number, at least `count`, backwards from scratch[last]. scratch: (SCRATCH,).
# Returns the place of the first.
@inlined
def write_digits(number, last, count, scratch):
    start = last + 1 - count
    i = last
    while number != U0 or i >= start:
        tenth = number // U10
        scratch[i] = number - tenth * U10
        number = tenth
        i -= 1
    return i + 1


# Write all digits of m * 2**-shift: scratch[first:stop], and zeros before it down to UNIT.
@inlined
def write_all_digits(m, shift, scratch):
    while shift > 0 and m & U1 == U0:
        m >>= U1
        shift -= 1
    scratch[0] = m % BILLION
    scratch[1] = m // BILLION
    count = 2
    left = abs(shift)
    while left > 0:
        step = min(left, 12)
        left -= step
        factor = U1 << np.uint64(step)
        if shift > 0:
            factor = POWERS[step] >> np.uint64(step)  # 5**step
        carry = U0
        for i in range(count):
            product = scratch[i] * factor + carry
            carry = product // BILLION
            scratch[i] = product - carry * BILLION
        if carry != U0:
            scratch[count] = carry
            count += 1
    stop = UNIT + 1 + max(shift, 0)
    first = stop
    for i in range(count):
        first = write_digits(scratch[i], first - 1, 9, scratch)
    while first < stop - 1 and scratch[first] == U0:
        first += 1
    for i in range(UNIT, first):
        scratch[i] = U0
    return first, stop


# Cut scratch[first:stop] to scratch[first:end], rounding half to even, or fill it up with zeros.
# Returns the place of the first digit: one lower if the carry goes so far.
@inlined
def round_digits(first, end, stop, scratch):
    for i in range(stop, end):
        scratch[i] = U0
    carry = U0
    if end < stop:
        dropped = scratch[end]
        rest = U0
        for i in range(end + 1, stop):
            rest |= scratch[i]
        odd = scratch[end - 1] & U1 != U0
        if dropped > U5 or (dropped == U5 and (rest != U0 or odd)):
            carry = U1
    i = end - 1
    while carry != U0 and i >= first:
        digit = scratch[i] + U1
        carry = digit // U10
        scratch[i] = digit - carry * U10
        i -= 1
    scratch[first - 1] = carry
    return first - np.int64(carry)


# Digits of m * 2**-shift, rounded: `wanted` decimals, or if `significant` so many from the first.
# Returns first and end: they lie in scratch[first:end].
@inlined
def decimal_digits(m, shift, wanted, significant, scratch):
    decimals = wanted
    fewest = 0
    if significant:
        power = (52 - shift) * 78913 >> 18 if m != U0 else 0  # floor(log10(2 ** (52 - shift)))
        decimals = wanted - 1 - power
        fewest = 1  # the power is one more where 10**k lies between, or after rounding
    fast = shift > 0 and wanted < 19 and fewest <= decimals < 19
    # 10**d <= 2**(10/3 d), so this keeps the number under 2**63
    if fast and 53 - shift + decimals * 10 // 3 < 62:
        number = scaled(m, POWERS[decimals], shift)
        count = decimals + 1
        if significant:
            count = wanted
            if number >= POWERS[wanted]:
                decimals -= 1
                number = scaled(m, POWERS[decimals], shift)
        stop = UNIT + decimals + 1
        first = write_digits(number, stop - 1, count, scratch)
    else:
        first, stop = write_all_digits(m, shift, scratch)
    if significant:
        end = first + wanted
    else:
        end = UNIT + 1 + wanted
        first = min(first, UNIT)
    rounded = round_digits(first, end, stop, scratch)
    if significant:
        end = rounded + wanted
    return rounded, end


# Shift the n characters of out, all but the first `kept`, to their place in width, and fill up.
@inlined
def pad(n, kept, fill, align, width, out):
    before = width - n  # '>' and '='
    if align == 60:  # '<'
        before = 0
    elif align == 94:  # '^'
        before //= 2
    if before > 0:
        for i in range(n - 1, kept - 1, -1):
            out[i + before] = out[i]
        for i in range(kept, kept + before):
            out[i] = fill
    for i in range(n + before, width):
        out[i] = fill


# Text of one value. spec: Spec.array(), scratch: (SCRATCH,) uint64, out: uint8, max_length or more.
# Returns its length. 'd' takes whole numbers; nan and infinities, which ints lack, read as in 'f'.
@jit
def format_value(x, spec, scratch, out):
    kind, precision, sign, group = spec[KIND], spec[PRECISION], spec[SIGN], spec[GROUP]
    no_minus_zero, alternate, upper = spec[NO_MINUS_ZERO], spec[ALTERNATE], spec[UPPER]
    fill, align, width = spec[FILL], spec[ALIGN], spec[FIELD]
    if kind == PERCENT:
        x = x * 100.0
    bits = np.float64(x).view(np.uint64)
    m = bits & FRACTION_BITS
    biased = np.int64(bits >> U52 & EXPONENT_BITS)
    negative = bits >> U63 != U0
    powered = kind == EXPONENT
    power = 0
    if biased == 2047:
        name = 6 * upper + (3 if m != U0 else 0)
        negative = negative and m == U0
        powered = False
        alternate = 0
        first = UNIT - 2
        end = point = UNIT + 1
        for i in range(3):
            scratch[first + i] = INF_NAN[name + i]
    else:
        shift = np.int64(1074)
        if biased > 0:
            m |= HIDDEN_BIT
            shift = 1075 - biased
        significant = powered or kind == GENERAL
        wanted = precision + (1 if kind == EXPONENT else 0)
        first, end = decimal_digits(m, shift, wanted, significant, scratch)
        power = UNIT - first
        if kind == GENERAL:
            powered = power < -4 or power >= wanted
            if not powered:
                for i in range(UNIT, first):
                    scratch[i] = U0
                first = min(first, UNIT)
        point = first + 1 if powered else UNIT + 1
        if kind == GENERAL and alternate == 0:
            while end > point and scratch[end - 1] == U0:
                end -= 1
        if negative and no_minus_zero != 0:
            some = U0
            for i in range(first, end):
                some |= scratch[i]
            negative = some != U0

    out[0] = 45 if negative else sign
    n = 1 if negative or sign != 0 else 0
    kept = n if align == 61 else 0
    for i in range(first, end):
        out[n] = scratch[i] + ASCII_0
        n += 1
        ahead = point - 1 - i  # digits between this one and the point
        if ahead == 0 and (end > point or alternate != 0):
            out[n] = 46
            n += 1
        elif group != 0 and ahead > 0 and ahead % 3 == 0:
            out[n] = group
            n += 1
    if powered:
        out[n] = 69 if upper != 0 else 101
        out[n + 1] = 45 if power < 0 else 43
        n += 2
        power = abs(power)
        if power >= 100:
            out[n] = 48 + power // 100
            n += 1
        out[n] = 48 + power // 10 % 10
        out[n + 1] = 48 + power % 10
        n += 2
    if kind == PERCENT:
        out[n] = 37
        n += 1
    width = max(n, width)
    pad(n, kept, fill, align, width, out)
    return width


# Writes the values that differ from the frame before as segments, those of the first frame all.
# values, bits: (T, C) floats and the same as int64, since -0.0 and NaN compare so,
# spec: Spec.array(), before, after: glyphs around a number, glyph_of: (128,) ASCII code -> glyph,
# digits: (SCRATCH,), line: at least max_length, texts: (T, C, longest),
# lengths: (T, C), -1 for too long
@entry
def write_numbers(
    values, bits, spec, before, after, glyph_of, glyphs, digits, line, texts, lengths
):
    longest = texts.shape[2]
    for t in range(values.shape[0]):
        for c in range(values.shape[1]):
            if t > 0 and bits[t, c] == bits[t - 1, c]:
                continue
            n = format_value(values[t, c], spec, digits, line)
            length = before.size + n + after.size
            lengths[t, c] = -1
            if length >= longest:
                continue
            lengths[t, c] = length + 1
            last = 0  # glyph 0 is the edge of the text
            for k in range(length):
                if k < before.size:
                    glyph = np.int64(before[k])
                elif k < before.size + n:
                    glyph = np.int64(glyph_of[line[k - before.size]])
                else:
                    glyph = np.int64(after[k - before.size - n])
                texts[t, c, k] = last * glyphs + glyph
                last = glyph
            texts[t, c, length] = last * glyphs


# ---------------------------------------------------------------------------------------- cells
#
# A cell shows one slot (its fill, and the shades from there to its ink) and one text, a row of
# segments. A segment reaches from where one glyph is cut to where the next is, so that it owns its
# columns: what two glyphs share is drawn once, in the atlas, and text is laid by putting segments
# side by side.

NOTHING, TEXT, WHOLE = 0, 1, 2  # what of a cell has to be painted
UNDER, OVER, BAD, HIDDEN = range(4)  # what is counted
# of a text: segments, font size, where row 0 of its letters lies, its first pixel and its width
COUNT, SIZE, TOP, LEFT, WIDTH = range(5)
# of a box to paint: the first three of its text, its sides, its first segment and where that begins
X0, X1, Y0, Y1, FIRST, FIRST_X = range(3, 9)
HIGHEST = 4  # of a rectangle to paint, after its sides: the highest palette index in it


class Changes(NamedTuple):
    """What frames show that the one before each did not, C = N * M cells in raster order."""

    slots: Any  # (T, C) int16, of every cell
    dirty: Any  # (T, C) uint8, NOTHING, TEXT or WHOLE
    boxes: Any  # (T, C, 9) int32, of the dirty ones; no cells where there is no text
    rows: Any  # (T, N, 2) int64, first and past the last dirty column
    rectangles: Any  # (T, 5) int64: x0, x1, y0, y1, highest; x0 >= x1 where nothing differs


def new_changes(frames: int, shape: tuple[int, int], lettered: bool) -> Changes:
    """Return what `find_changes` fills, for so many frames of matrices of a shape."""
    cells = shape[0] * shape[1]
    return Changes(
        slots=np.empty((frames, cells), np.int16),
        dirty=np.empty((frames, cells), np.uint8),
        boxes=np.empty((frames, cells if lettered else 0, 9), np.int32),
        rows=np.empty((frames, shape[0], 2), np.int64),
        rectangles=np.empty((frames, 5), np.int64),
    )


# x -> slot: 0 under, 1 .. E - 1 the levels, E over, E + 1 what is not finite. edges: (E,) ascending
@jit
def slot_of(x, edges):
    if not math.isfinite(x):
        return edges.size + 1
    low, high = 0, edges.size
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] <= x:
            low = middle + 1
        else:
            high = middle
    return low


# Where n segments stand between x0 and x1, y0 and y1, at the largest size that fits: the size, or
# one past the last where none does, the first pixel, the width and where row 0 of the letters lies.
# widths, lows, highs: (sizes, segments), tops: (N, sizes), texts: (C, longest)
@jit
def place_text(c, i, n, x0, x1, y0, y1, center, align, inset, widths, lows, highs, tops, texts):
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
    if align == 0:
        left = np.int64(math.floor(center - 0.5 * width + 0.5))
    elif align < 0:
        left = x0 + inset
    else:
        left = x1 - inset - width
    top = max(y0, min(tops[i, size] + low, y1 - (high - low))) - low
    return size, max(x0, min(left, x1 - width)), width, top


# The rows with ink of segments first to last. lows, highs: (sizes, segments), texts: (C, longest)
@jit
def ink_rows(c, first, last, size, lows, highs, texts):
    low, high = 1 << 30, 0
    for s in range(first, last):
        low = min(low, lows[size, texts[c, s]])
        high = max(high, highs[size, texts[c, s]])
    return low, high


# Gives cell c its text of n segments, and notes in its box where it differs from the one it had:
# all of both, or, where they stand alike, from the first segment that differs to the last. Returns
# whether any ink does. texts, segments: (C, longest), places: (C, 5), boxes: (C, 9)
@jit
def update_text(c, n, size, left, width, top, widths, lows, highs, texts, places, segments, boxes):
    sizes = widths.shape[0]
    old_n, old_size, old_left = places[c, COUNT], places[c, SIZE], places[c, LEFT]
    old_width, old_top = places[c, WIDTH], places[c, TOP]
    alike = n == old_n and size == old_size and left == old_left
    alike = alike and width == old_width and top == old_top
    first, last, old_last = 0, n, old_n
    if alike:
        while first < last and texts[c, first] == segments[c, first]:
            first += 1
        while last > first and texts[c, last - 1] == segments[c, last - 1]:
            last -= 1
        old_last = last
    x = stop = left
    x0, x1, y0, y1 = 1 << 30, 0, 1 << 30, 0
    if size < sizes:
        for s in range(last):
            stop += widths[size, texts[c, s]]
            if s < first:
                x = stop
        low, high = ink_rows(c, first, last, size, lows, highs, texts)
        if low < high:
            x0, x1, y0, y1 = x, stop, top + low, top + high
    if old_size < sizes:
        low, high = ink_rows(c, first, old_last, old_size, lows, highs, segments)
        if low < high:
            x0, x1 = (
                min(x0, x if alike else old_left),
                max(x1, stop if alike else old_left + old_width),
            )
            y0, y1 = min(y0, old_top + low), max(y1, old_top + high)
    if y0 < y1 and size < sizes:
        # segments are laid even where they have no ink
        x0, x1 = min(x0, x), max(x1, stop)
    places[c, COUNT], places[c, SIZE], places[c, LEFT], places[c, WIDTH] = n, size, left, width
    places[c, TOP] = top
    for s in range(first, last):
        segments[c, s] = texts[c, s]
    boxes[c, COUNT], boxes[c, SIZE], boxes[c, TOP] = n, size, top
    boxes[c, X0], boxes[c, X1], boxes[c, Y0], boxes[c, Y1] = x0, x1, y0, y1
    boxes[c, FIRST], boxes[c, FIRST_X] = first, x
    return y0 < y1


# Finds what has to be painted for each frame, and adds to counts: (4,). The frame before the others
# is frame 0, which is not counted and only compared with; or there is none, where `first`.
# values: (T, N, M), bits: the same as int64, texts: (T, C, longest) segments and
# lengths: (T, C) of the values that differ, segments: (C, longest), places: (C, 5) to work in
@entry
def find_changes(
    values, bits, first, grid, shades, type_, texts, lengths, segments, places, changes, counts
):
    frames, n, m = values.shape
    column0, column1, row0, row1, center = grid.x0, grid.x1, grid.y0, grid.y1, grid.center
    widths, tops = type_.widths, type_.tops
    lows, highs = type_.lows, type_.highs
    edges, highest_of, alike = shades.edges, shades.highest, shades.alike
    lettered = places.shape[0] > 0
    sizes = widths.shape[0]
    bad = edges.size + 1
    for t in range(frames):
        slots, dirty = changes.slots[t], changes.dirty[t]
        boxes, rows = changes.boxes[t], changes.rows[t]
        x0, x1, y0, y1, highest = 1 << 30, 0, 1 << 30, 0, 0
        for i in range(n):
            rows[i, 0], rows[i, 1] = m, 0
            for j in range(m):
                c = i * m + j
                change = NOTHING
                if t == 0 or bits[t, i, j] != bits[t - 1, i, j]:
                    slot = slot_of(values[t, i, j], edges)
                    slots[c] = slot
                    if t == 0 or alike[slot] != alike[changes.slots[t - 1, c]]:
                        change = WHOLE
                    if lettered:
                        count = np.int64(lengths[t, c])
                        size, left, width, top = place_text(
                            c,
                            i,
                            count,
                            column0[j],
                            column1[j],
                            row0[i],
                            row1[i],
                            center[j],
                            type_.align,
                            type_.inset,
                            widths,
                            lows,
                            highs,
                            tops,
                            texts[t],
                        )
                        if update_text(
                            c,
                            max(count, 0),
                            size,
                            left,
                            width,
                            top,
                            widths,
                            lows,
                            highs,
                            texts[t],
                            places,
                            segments,
                            boxes,
                        ):
                            change = max(change, TEXT)
                        if change == WHOLE:
                            boxes[c, X0], boxes[c, X1] = column0[j], column1[j]
                            boxes[c, Y0], boxes[c, Y1] = row0[i], row1[i]
                            boxes[c, FIRST], boxes[c, FIRST_X] = 0, places[c, LEFT]
                else:
                    slots[c] = changes.slots[t - 1, c]
                dirty[c] = change
                if change != NOTHING:
                    rows[i, 0] = min(rows[i, 0], j)
                    rows[i, 1] = j + 1
                    if lettered:
                        x0, x1 = min(x0, boxes[c, X0]), max(x1, boxes[c, X1])
                        y0, y1 = min(y0, boxes[c, Y0]), max(y1, boxes[c, Y1])
                    else:
                        x0, x1 = min(x0, column0[j]), max(x1, column1[j])
                        y0, y1 = min(y0, row0[i]), max(y1, row1[i])
                    highest = max(highest, np.int64(highest_of[slots[c]]))
                if slots[c] < shades.first:
                    counts[UNDER] += 1
                elif slots[c] == bad:
                    counts[BAD] += 1
                elif slots[c] > shades.last:
                    counts[OVER] += 1
                if lettered and places[c, SIZE] == sizes:
                    counts[HIDDEN] += 1
        if t == 0 and not first:
            x1 = 0
            for k in range(counts.size):
                counts[k] = 0
        rectangle = changes.rectangles[t]
        rectangle[0], rectangle[1], rectangle[2], rectangle[3] = x0, x1, y0, y1
        rectangle[HIGHEST] = highest


# ----------------------------------------------------------------------------------------- runs


# Adds a run, joined to the last where it goes on with its index. indices, lengths: (row,) -> count
@jit
def add_run(index, length, n, indices, lengths):
    if n > 0 and indices[n - 1] == index:
        lengths[n - 1] += length
        return n
    indices[n] = index
    lengths[n] = length
    return n + 1


# What lies between the boxes: of the frame before, or (first frame) of the static: (H, W) picture.
@jit
def add_gap(y, x0, x1, clear, static, n, indices, lengths):
    if clear:
        return add_run(np.int64(TRANSPARENT), x1 - x0, n, indices, lengths)
    x = x0
    while x < x1:
        start = x
        while x < x1 and static[y, x] == static[y, start]:
            x += 1
        n = add_run(np.int64(static[y, start]), x - start, n, indices, lengths)
    return n


# The runs of row y of pixels, which lies in row i of the cells, from x0 to x1; returns how many.
# static: (H, W), column0, column1: (M,), inks: Shades, widths to spans: Type, texts: (C, longest),
# slots to rows: of one frame in Changes, indices, lengths: (W,)
@jit
def row_runs(
    y,
    i,
    x0,
    x1,
    clear,
    static,
    column0,
    column1,
    inks,
    widths,
    starts,
    steps,
    spans,
    texts,
    slots,
    dirty,
    boxes,
    rows,
    indices,
    lengths,
):
    rows_of_ink = starts.shape[2] - 1
    m = column0.size
    lettered = boxes.shape[0] > 0
    sizes = widths.shape[0]
    n = np.int64(0)
    x = x0
    for j in range(rows[i, 0], rows[i, 1]):
        c = i * m + j
        if dirty[c] == NOTHING:
            continue
        slot = slots[c]
        start, stop = column0[j], column1[j]
        row = np.int64(-1)
        size = np.int64(0)
        if lettered:
            if y < boxes[c, Y0] or y >= boxes[c, Y1]:
                continue
            start, stop = np.int64(boxes[c, X0]), np.int64(boxes[c, X1])
            size = np.int64(boxes[c, SIZE])
            if size < sizes:
                row = y - np.int64(boxes[c, TOP])
                if row >= rows_of_ink:
                    row = np.int64(-1)
        if x < start:
            n = add_gap(y, x, start, clear, static, n, indices, lengths)
        x = start
        fill = np.int64(inks[slot, 0])
        if row >= 0:
            if x < boxes[c, FIRST_X]:
                n = add_run(fill, boxes[c, FIRST_X] - x, n, indices, lengths)
                x = np.int64(boxes[c, FIRST_X])
            s = np.int64(boxes[c, FIRST])
            while x < stop and s < boxes[c, COUNT]:
                segment = texts[c, s]
                for r in range(starts[size, segment, row], starts[size, segment, row + 1]):
                    n = add_run(
                        np.int64(inks[slot, steps[r]]), np.int64(spans[r]), n, indices, lengths
                    )
                x += widths[size, segment]
                s += 1
        if x < stop:
            n = add_run(fill, stop - x, n, indices, lengths)
        x = stop
    if x < x1:
        n = add_gap(y, x, x1, clear, static, n, indices, lengths)
    return n


# ------------------------------------------------------------------------------------------ LZW
#
# GIF89a, appendix F. A phrase is a code for the pixels read so far; the table holds, under
# (phrase, next index), the code of the longer phrase. Of the phrases of one index only (k, kk,
# kkk, ...) the table has every length up to longest[k], so a run is walked in one jump: the phrase
# of its length, or, where it is longer, the longest there is, which makes one longer still. They
# lie in the table under (length, k), with a bit of their own.
#
# A slot of the table holds generation << KEY_BITS | key: to empty it, count the generation on.

SLOTS = 1 << 13
KEY_BITS = 21
PURE = 1 << 20
GENERATIONS = 1 << 10  # so that a slot stays positive in an int32
TABLE_FULL = 1 << 12
CODE_SIZE, NEXT, BITS, PHRASE, SUM, FILLED, WORD, GENERATION, RUN, LENGTH = range(10)


class Coder(NamedTuple):
    """The encoder's table and place, used again for every image."""

    keys: Any  # (SLOTS,) int32
    codes: Any  # (SLOTS,) int16
    longest: Any  # (256,) int32, the longest phrase of one index
    longest_codes: Any  # (256,) int16, its code
    words: Any  # uint32, the bits so far
    codes_out: Any  # the same as uint8
    place: Any  # (10,) int64, what goes on from row to row


def new_coder(pixels: int) -> Coder:
    """Return the encoder for images of at most so many pixels."""
    # 12 bits a pixel at worst, a clear code in 3,800 of them, and the two ends
    words = np.empty((pixels + pixels // 3800 + 8) * 12 // 32 + 8, np.uint32)
    return Coder(
        keys=np.zeros(SLOTS, np.int32),
        codes=np.zeros(SLOTS, np.int16),
        longest=np.zeros(256, np.int32),
        longest_codes=np.zeros(256, np.int16),
        words=words,
        codes_out=words.view(np.uint8),
        place=np.zeros(10, np.int64),
    )


def room_for(coder: Coder) -> int:
    """Return the most bytes of an image block: its codes, and what is between and around them."""
    size = int(coder.codes_out.size)
    return size + size // 255 + 32


# The slot that holds the tagged key, or the empty one where it belongs. keys: (SLOTS,)
@jit
def find_slot(tagged, keys):
    slot = ((tagged * 2654435761) >> 16) & (SLOTS - 1)
    while keys[slot] != tagged and keys[slot] >> KEY_BITS == tagged >> KEY_BITS:
        slot = (slot + 1) & (SLOTS - 1)
    return slot


# Appends a code to the bits, least significant first; returns what is not yet a whole word.
@jit
def put_code(code, bits, total, filled, word, words):
    total |= code << filled
    filled += bits
    if filled >= 32:
        words[word] = total & 0xFFFFFFFF
        return total >> 32, filled - 32, word + 1
    return total, filled, word


@jit
def forget_runs(longest, longest_codes):
    for k in range(256):
        longest[k] = 1
        longest_codes[k] = k


# The next table, empty; returns its tag.
@jit
def next_generation(place, keys):
    place[GENERATION] += 1
    if place[GENERATION] == GENERATIONS:
        for k in range(keys.size):
            keys[k] = 0
        place[GENERATION] = 1
    return place[GENERATION] << KEY_BITS


@jit
def begin_image(code_size, coder):
    place = coder.place
    clear = 1 << code_size
    place[CODE_SIZE], place[NEXT], place[BITS] = code_size, clear + 2, code_size + 1
    place[SUM], place[FILLED], place[WORD] = clear, code_size + 1, 0
    place[PHRASE], place[RUN], place[LENGTH] = -1, -1, 0
    next_generation(place, coder.keys)
    forget_runs(coder.longest, coder.longest_codes)


# Encodes n runs. The last is kept back, since the next row may go on with it; `last` writes it too.
# indices, lengths: (row,)
@jit
def feed(indices, lengths, n, last, coder):
    keys, codes, words, place = coder.keys, coder.codes, coder.words, coder.place
    longest, longest_codes = coder.longest, coder.longest_codes
    clear = 1 << place[CODE_SIZE]
    next_code, bits, phrase = place[NEXT], place[BITS], place[PHRASE]
    total, filled, word = place[SUM], place[FILLED], place[WORD]
    run, left = place[RUN], place[LENGTH]
    tag = place[GENERATION] << KEY_BITS
    for r in range(n + 1):
        if r == n:
            if not last:
                break
            index, length = np.int64(-1), np.int64(0)
        else:
            index, length = np.int64(indices[r]), lengths[r]
        if index == run:
            left += length
            continue
        while left > 0:
            if phrase < 0:
                most = np.int64(longest[run])
                if left <= most:
                    if left == 1:
                        phrase = run
                    elif left == most:
                        phrase = np.int64(longest_codes[run])
                    else:
                        phrase = np.int64(codes[find_slot(tag | PURE | left << 8 | run, keys)])
                    break
                tagged = tag | PURE | (most + 1) << 8 | run
                slot = find_slot(tagged, keys)
                total, filled, word = put_code(
                    np.int64(longest_codes[run]), bits, total, filled, word, words
                )
                longest[run] = most + 1
                longest_codes[run] = next_code
                left -= most
            else:
                tagged = tag | phrase << 8 | run
                slot = find_slot(tagged, keys)
                if keys[slot] == tagged:
                    phrase = np.int64(codes[slot])
                    left -= 1
                    continue
                total, filled, word = put_code(phrase, bits, total, filled, word, words)
                phrase = np.int64(-1)
            keys[slot] = tagged
            codes[slot] = next_code
            # the decoder is one entry behind, so the code after this one is the first wider one
            if next_code == 1 << bits:
                bits += 1
            next_code += 1
            if next_code == TABLE_FULL:
                total, filled, word = put_code(clear, bits, total, filled, word, words)
                tag = next_generation(place, keys)
                forget_runs(longest, longest_codes)
                next_code, bits = clear + 2, place[CODE_SIZE] + 1
        run, left = index, length
    place[NEXT], place[BITS], place[PHRASE] = next_code, bits, phrase
    place[SUM], place[FILLED], place[WORD] = total, filled, word
    place[RUN], place[LENGTH] = run, left


# Writes the last phrase and the end, after the last `feed`; returns the length in bytes.
@jit
def end_image(coder):
    place, words = coder.place, coder.words
    bits = place[BITS]
    total, filled, word = put_code(
        place[PHRASE], bits, place[SUM], place[FILLED], place[WORD], words
    )
    if place[NEXT] == 1 << bits and bits < 12:
        bits += 1
    end = (1 << place[CODE_SIZE]) + 1
    total, filled, word = put_code(end, bits, total, filled, word, words)
    size = word * 4 + (filled + 7) // 8
    words[word] = total & 0xFFFFFFFF
    words[word + 1] = total >> 32
    return size


# Image descriptor, code size and data sub-blocks at out[n:]; returns where they end.
# codes: (size,) uint8
@jit
def write_image(x, y, width, height, code_size, codes, size, out, n):
    out[n] = 0x2C
    out[n + 1], out[n + 2] = x & 0xFF, x >> 8
    out[n + 3], out[n + 4] = y & 0xFF, y >> 8
    out[n + 5], out[n + 6] = width & 0xFF, width >> 8
    out[n + 7], out[n + 8] = height & 0xFF, height >> 8
    out[n + 9] = 0
    out[n + 10] = code_size
    n += 11
    for start in range(0, size, 255):
        length = min(255, size - start)
        out[n] = length
        for k in range(length):
            out[n + 1 + k] = codes[start + k]
        n += 1 + length
    out[n] = 0
    return n + 1


# --------------------------------------------------------------------------------------- frames


# The bits that indices up to `highest` need, 2 at least.
@jit
def code_size_of(highest):
    code_size = 2
    while highest >> code_size > 0:
        code_size += 1
    return code_size


# Encodes one whole picture, (H, W) palette indices up to `highest`, to out: uint8, as an image
# block; returns its size. indices, lengths: (W,) to work in
@entry
def encode_picture(picture, highest, indices, lengths, coder, out):
    height, width = picture.shape
    code_size = code_size_of(highest)
    begin_image(code_size, coder)
    for y in range(height + 1):
        n = np.int64(0)
        if y < height:
            n = add_gap(y, np.int64(0), width, False, picture, n, indices, lengths)
        feed(indices, lengths, n, y == height, coder)
    size = end_image(coder)
    return write_image(0, 0, width, height, code_size, coder.codes_out, size, out, 0)


# Encodes frames from `start` on, until all are or `out` may have no room for one; returns the frame
# to go on with. Frame 0 is the whole picture where `first`, else nothing.
# static: (H, W), texts: (T, C, longest) segments, indices, lengths: (W,) to work in, out: uint8,
# ends: (T,) where each image block ends in it, clears: (T,) whether it needs the transparent index.
# A frame that shows nothing new has no bytes.
@entry
def encode_images(
    start,
    first,
    static,
    grid,
    shades,
    type_,
    texts,
    changes,
    indices,
    lengths,
    coder,
    out,
    ends,
    clears,
):
    height, width = static.shape
    row0, row1 = grid.y0, grid.y1
    room = coder.codes_out.size + coder.codes_out.size // 255 + 32  # as in room_for
    end = np.int64(0)
    for t in range(start, ends.size):
        if t > 0:
            end = ends[t - 1]
        if out.size - end < room:
            return t
        rectangle = changes.rectangles[t]
        x0, x1, y0, y1 = rectangle[0], rectangle[1], rectangle[2], rectangle[3]
        highest = rectangle[HIGHEST]
        if t == 0 and first:
            x0, x1, y0, y1, highest = 0, width, 0, height, shades.colors - 1
        if x0 < x1:
            code_size = code_size_of(highest)
            begin_image(code_size, coder)
            i = np.int64(0)
            for y in range(y0, y1 + 1):
                n = np.int64(0)
                while i < row1.size and y >= row1[i]:
                    i += 1
                if y < y1 and i < row0.size and y >= row0[i]:
                    n = row_runs(
                        y,
                        i,
                        x0,
                        x1,
                        t > 0,
                        static,
                        grid.x0,
                        grid.x1,
                        shades.inks,
                        type_.widths,
                        type_.starts,
                        type_.steps,
                        type_.spans,
                        texts[t],
                        changes.slots[t],
                        changes.dirty[t],
                        changes.boxes[t],
                        changes.rows[t],
                        indices,
                        lengths,
                    )
                elif y < y1:
                    n = add_gap(y, x0, x1, t > 0, static, n, indices, lengths)
                feed(indices, lengths, n, y == y1, coder)
            size = end_image(coder)
            end = write_image(x0, y0, x1 - x0, y1 - y0, code_size, coder.codes_out, size, out, end)
        clears[t] = t > 0
        ends[t] = end
    return ends.size
