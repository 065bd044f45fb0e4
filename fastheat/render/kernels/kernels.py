"""The kernels: what is drawn, found and encoded for each frame.

They run without the interpreter's lock, fill what the caller lends, and trust their arguments.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.masks import MASKED
from fastheat.render.kernels.jit import entry, inlined, jit
from fastheat.style.text.formats import (
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
from fastheat.style.text.formats import WIDTH as FIELD
from fastheat.tables import TRANSPARENT, Grid, Shades, Type

Uint8s = NDArray[np.uint8]
Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Uint16s = NDArray[np.uint16]
Uint32s = NDArray[np.uint32]
Uint64s = NDArray[np.uint64]
Float64s = NDArray[np.float64]

# --------------------------------------------------------------------------------------- digits
#
# |x| = m * 2**-shift exactly, m under 2**53. Two ways to its digits, both exact:
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
U0, U1, U2, U3, U5, U7, U9, U10 = (np.uint64(k) for k in (0, 1, 2, 3, 5, 7, 9, 10))
U32, U52, U63 = (np.uint64(k) for k in (32, 52, 63))
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


# Writes values as segments, masked ones as none; those that are as in the frame before are copied
# from there. bits: the values as int64, since -0.0 and NaN compare so, spec: Spec.array(),
# before, after: glyphs around a number, glyph_of: by ASCII code, digits, line: to work in, the line
# at least max_length, lengths: -1 for too long
@entry
def write_numbers(
    values: Annotated[Float64s, "T, C"],
    bits: Annotated[Int64s, "T, C"],
    spec: Annotated[Int64s, "fields"],
    before: Annotated[Uint16s, "left"],
    after: Annotated[Uint16s, "right"],
    glyph_of: Annotated[Uint16s, "128"],
    glyphs: int,
    digits: Annotated[Uint64s, "SCRATCH"],
    line: Annotated[Uint8s, "room"],
    texts: Annotated[Int32s, "T, C, longest"],
    lengths: Annotated[Int32s, "T, C"],
) -> None:
    longest = texts.shape[2]
    for t in range(values.shape[0]):
        for c in range(values.shape[1]):
            if t > 0 and bits[t, c] == bits[t - 1, c]:
                lengths[t, c] = lengths[t - 1, c]
                for k in range(lengths[t, c]):
                    texts[t, c, k] = texts[t - 1, c, k]
                continue
            if bits[t, c] == MASKED:
                lengths[t, c] = 0
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


# ------------------------------------------------------------------------------------- reducing
#
# Blocks of whole rows and columns of values, each to one value. The columns of a block come first,
# downwards, many at once; then their results from left to right. A value that is not finite shows
# in the result, and so does a sum that float64 does not have: only then is a block looked at value
# by value.

GREATEST, LEAST, FARTHEST = range(3)  # which value of a block: of x and -x, x > 0 is the farthest
LARGEST = np.finfo(np.float64).max
SHRINK = 2.0**-64  # a factor for values whose sum float64 does not have


# The sums of columns of rows `top` to `bottom`, from the first row on. frame: (R, M), sums: (M,)
@jit
def add_rows(frame, top, bottom, sums):
    width = np.uint64(sums.size)
    r = top + min(bottom - top, 3)
    for c in range(width):
        sums[c] = frame[top, c]
    if r == top + 2:
        for c in range(width):
            sums[c] += frame[top + 1, c]
    if r == top + 3:
        for c in range(width):
            sums[c] = sums[c] + frame[top + 1, c] + frame[top + 2, c]
    while r + 4 <= bottom:
        for c in range(width):
            sums[c] = sums[c] + frame[r, c] + frame[r + 1, c] + frame[r + 2, c] + frame[r + 3, c]
        r += 4
    while r < bottom:
        for c in range(width):
            sums[c] += frame[r, c]
        r += 1


# The sum of the finite values of a block, each times `factor`, and how many. frame: (R, M)
@jit
def sum_of_finite(frame, top, bottom, left, right, factor):
    total = 0.0
    count = np.int64(0)
    for c in range(left, right):
        column = 0.0
        for r in range(top, bottom):
            if abs(frame[r, c]) <= LARGEST:
                column += frame[r, c] * factor
                count += 1
        total += column
    return total, count


# The mean of each block: (i, j) has the rows from rows[i] up to rows[i + 1], and so the columns.
# sums: to work in, out: NaN where no value is finite
@entry
def mean_of_blocks(
    values: Annotated[Float64s, "T, R, M"],
    rows: Annotated[Int64s, "n + 1"],
    columns: Annotated[Int64s, "m + 1"],
    sums: Annotated[Float64s, "M"],
    out: Annotated[Float64s, "T, n, m"],
) -> None:
    for t in range(values.shape[0]):
        frame = values[t]
        for i in range(rows.size - 1):
            top, bottom = rows[i], rows[i + 1]
            add_rows(frame, top, bottom, sums)
            finite = True
            for j in range(np.uint64(columns.size - 1)):
                left, right = columns[j], columns[np.uint64(j) + U1]
                total = 0.0
                for c in range(np.uint64(left), np.uint64(right)):
                    total += sums[c]
                finite &= abs(total) <= LARGEST
                out[t, i, j] = total / np.float64((bottom - top) * (right - left))
            if finite:
                continue
            for j in range(columns.size - 1):
                left, right = columns[j], columns[j + 1]
                factor = 1.0
                total, count = sum_of_finite(frame, top, bottom, left, right, factor)
                if not abs(total) <= LARGEST:
                    factor = SHRINK
                    total, count = sum_of_finite(frame, top, bottom, left, right, factor)
                out[t, i, j] = total / np.float64(count) / factor if count > 0 else np.nan


# The least and the largest finite value of a block, infinite where there is none. frame: (R, M)
@jit
def ends_of_finite(frame, top, bottom, left, right):
    low, high = np.inf, -np.inf
    for c in range(left, right):
        for r in range(top, bottom):
            x = frame[r, c]
            if abs(x) <= LARGEST:
                low, high = min(low, x), max(high, x)
    return low, high


# The greatest, least or farthest value of each block, `which`; the rest as of mean_of_blocks.
# lows, highs: to work in
@entry
def end_of_blocks(
    values: Annotated[Float64s, "T, R, M"],
    rows: Annotated[Int64s, "n + 1"],
    columns: Annotated[Int64s, "m + 1"],
    which: int,
    lows: Annotated[Float64s, "M"],
    highs: Annotated[Float64s, "M"],
    out: Annotated[Float64s, "T, n, m"],
) -> None:
    width = np.uint64(values.shape[2])
    least, farthest = which == LEAST, which == FARTHEST
    for t in range(values.shape[0]):
        frame = values[t]
        for i in range(rows.size - 1):
            top, bottom = rows[i], rows[i + 1]
            lows[:] = np.inf
            highs[:] = -np.inf
            # written such that each is one instruction for many columns; NaN is neither
            for r in range(top, bottom):
                for c in range(width):
                    x, low, high = frame[r, c], lows[c], highs[c]
                    lows[c] = x if x < low else low
                    highs[c] = x if x > high else high
            for j in range(np.uint64(columns.size - 1)):
                left, right = columns[j], columns[np.uint64(j) + U1]
                low, high = np.inf, -np.inf
                for c in range(np.uint64(left), np.uint64(right)):
                    low = lows[c] if lows[c] < low else low
                    high = highs[c] if highs[c] > high else high
                if not (low >= -LARGEST) & (high <= LARGEST):
                    low, high = ends_of_finite(frame, top, bottom, left, right)
                # no branch, whose way would be a guess
                best = low if least | (farthest & (-low > high)) else high
                out[t, i, j] = best if low <= high else np.nan


# ---------------------------------------------------------------------------------------- cells
#
# A cell shows one slot (its fill, and the shades from there to its ink) and one text, a row of
# segments. A segment reaches from where one glyph is cut to where the next is, so that it owns its
# columns: what two glyphs share is drawn once, in the atlas, and text is laid by putting segments
# side by side.

# what of a cell has to be painted: letters that stand where others stood, all that it has and had,
# or the fill as well
NOTHING, LETTERS, TEXT, WHOLE = range(4)
UNDER, OVER, BAD, HIDDEN = range(4)  # what is counted
# of a text: segments, font size, where row 0 of its letters lies, its first pixel and its width
COUNT, SIZE, TOP, LEFT, WIDTH = range(5)
# of a box to paint: the first three of its text, its sides, its first segment and where that begins
X0, X1, Y0, Y1, FIRST, FIRST_X = range(3, 9)


class Changes(NamedTuple):
    """What cells with text show that those of the frame before did not.

    C = N * M cells in raster order.
    """

    slots: Annotated[Int16s, "T, C"]  # of every cell
    dirty: Annotated[Uint8s, "T, C"]  # NOTHING to WHOLE
    boxes: Annotated[Int32s, "T, C, 9"]  # of the dirty ones
    # the first and past the last dirty column, and pixel row of them
    rows: Annotated[Int64s, "T, N, 4"]
    rectangles: Annotated[Int64s, "T, 4"]  # x0, x1, y0, y1; x0 >= x1 where nothing differs


def new_changes(frames: int, shape: tuple[int, int]) -> Changes:
    """Return what `find_changes` fills, for so many frames of matrices of a shape."""
    cells = shape[0] * shape[1]
    return Changes(
        slots=np.empty((frames, cells), np.int16),
        dirty=np.empty((frames, cells), np.uint8),
        boxes=np.empty((frames, cells, 9), np.int32),
        rows=np.empty((frames, shape[0], 4), np.int64),
        rectangles=np.empty((frames, 4), np.int64),
    )


class Scale(NamedTuple):
    """Where the slots begin over the range of one frame, as `Shades` have it."""

    edges: Annotated[Float64s, "E + 1"]
    guide: Annotated[Int16s, "G + 2"]
    origin: float
    scale: float
    low: float
    high: float
    floor: float
    ceiling: float


# The scale of frame t, where all have one that.
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


# The slot of a value: 0 under, 1 .. E - 1 the levels, E over, E + 1 what is not finite, or not
# taken by the norm.
@inlined
def slot_of(x, scale):
    edges, guide = scale.edges, scale.guide
    place = (x - scale.origin) * scale.scale
    place = place if place > 0.0 else 0.0  # and NaN
    # not above a value are the edges of lower pieces, and some of its own: mostly one at most
    slot = np.uint64(guide[np.uint64(min(place, np.float64(guide.size - 2)))])
    slot += np.uint64(edges[slot] <= x)
    if edges[slot] <= x:
        slot = last_slot(x, slot, place, scale)
    return np.int64(slot) if scale.floor <= x < scale.ceiling else np.int64(edges.size)


# The slot of a value in a piece with many edges, of which those before `slot` are not above it.
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


# Slots of values. values, slots: (C,)
@jit
def find_slots(values, scale, slots):
    for c in range(np.uint64(values.size)):
        slots[c] = slot_of(values[c], scale)


# Palette indices of cells without text, from the top down. values, fills: (N, M), inks: of Shades
@jit
def find_fills(values, scale, inks, lower, fills):
    last = values.shape[0] - 1
    for i in range(values.shape[0]):
        row = last - i if lower else i
        for j in range(np.uint64(values.shape[1])):
            fills[i, j] = inks[np.uint64(slot_of(values[row, j], scale)), 0]


# Adds to counts: (4,) how many values are out of the range. values: (C,)
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


# Where n segments stand between x0 and x1, y0 and y1, at the largest size that fits: the size, or
# one past the last where none does, the first pixel, the width and where row 0 of the letters lies.
# widths, lows, highs: (sizes, segments), tops: (N, sizes), texts: (C, longest)
@inlined
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
@inlined
def ink_rows(c, first, last, size, lows, highs, texts):
    low, high = 1 << 30, 0
    for s in range(first, last):
        low = min(low, lows[size, texts[c, s]])
        high = max(high, highs[size, texts[c, s]])
    return low, high


# Gives cell c its text of n segments, and notes in its box where it differs from the one it had:
# all of both, or, where they stand alike, from the first segment that differs to the last. Returns
# what has to be painted. texts, old_texts: (C, longest), places: (C, 5), boxes: (C, 9)
@inlined
def update_text(c, n, size, left, width, top, widths, lows, highs, texts, old_texts, places, boxes):
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
        low, high = ink_rows(c, first, last, size, lows, highs, texts)
        if low < high:
            x0, x1, y0, y1 = x, stop, top + low, top + high
    if old_size < sizes:
        low, high = ink_rows(c, first, old_last, old_size, lows, highs, old_texts)
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
    boxes[c, COUNT], boxes[c, SIZE], boxes[c, TOP] = n, size, top
    boxes[c, X0], boxes[c, X1], boxes[c, Y0], boxes[c, Y1] = x0, x1, y0, y1
    boxes[c, FIRST], boxes[c, FIRST_X] = first, x
    if y0 >= y1:
        return NOTHING
    return LETTERS if alike else TEXT


# What of cells with text has to be painted, in which rows and rectangle; returns how many have no
# room for theirs. slots, old_slots, dirty: (C,), rows, rectangle, boxes: of one frame in Changes,
# bits, old_bits: (C,) int64, equal where what is written is, type_: Type,
# texts, old_texts: (C, longest) segments, lengths: (C,), places: (C, 5) of the texts that are
@jit
def find_texts(
    slots,
    old_slots,
    alike,
    grid,
    dirty,
    rows,
    rectangle,
    fresh,
    bits,
    old_bits,
    type_,
    texts,
    old_texts,
    lengths,
    places,
    boxes,
):
    m = grid.x0.size
    widths, lows, highs, tops = type_.widths, type_.lows, type_.highs, type_.tops
    sizes = widths.shape[0]
    hidden = 0
    x0, x1, y0, y1 = 1 << 30, 0, 1 << 30, 0
    for i in range(rows.shape[0]):
        first, stop, top_y, bottom_y = m, 0, 1 << 30, 0
        for j in range(m):
            c = i * m + j
            change = NOTHING
            if fresh or alike[slots[c]] != alike[old_slots[c]]:
                change = WHOLE
            if fresh or bits[c] != old_bits[c]:
                count = np.int64(lengths[c])
                size, left, width, top = place_text(
                    c,
                    i,
                    count,
                    grid.x0[j],
                    grid.x1[j],
                    grid.y0[i],
                    grid.y1[i],
                    grid.center[j],
                    type_.align,
                    type_.inset,
                    widths,
                    lows,
                    highs,
                    tops,
                    texts,
                )
                written = update_text(
                    c,
                    max(count, 0),
                    size,
                    left,
                    width,
                    top,
                    widths,
                    lows,
                    highs,
                    texts,
                    old_texts,
                    places,
                    boxes,
                )
                change = max(change, written)
            dirty[c] = change
            if change == WHOLE:
                # of the text that stands there, which may be that of the frame before
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
    rectangle[0], rectangle[1], rectangle[2], rectangle[3] = x0, x1, y0, y1
    return hidden


# Finds what has to be painted for each frame of cells with text, and adds to counts. Frame 0 of
# what is written and found is the one before the first. What is written may be one frame, F = 1,
# which all have, else F = 1 + T. places: to work in, changes: of 1 + T frames
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
    last = texts.shape[0] - 1
    for t in range(1 + values.shape[0]):
        now = values[t - 1] if t > 0 else previous
        before = max(t - 1, 0)
        written, old_written = min(t, last), min(before, last)
        scale = scale_of(shades, t)
        find_slots(now, scale, changes.slots[t])
        hidden = find_texts(
            changes.slots[t],
            changes.slots[before],
            shades.alike,
            grid,
            changes.dirty[t],
            changes.rows[t],
            changes.rectangles[t],
            t == 0,
            bits[written],
            bits[old_written],
            type_,
            texts[written],
            texts[old_written],
            lengths[written],
            places,
            changes.boxes[t],
        )
        if t > 0:
            count_outside(now, scale, counts)
            counts[HIDDEN] += hidden


# ----------------------------------------------------------------------------------------- runs
#
# What an image shows, as runs of one palette index in raster order: run r begins at pixel starts[r]
# and ends where the next one begins, the last at the size of the image. A run is written whether it
# goes on with the last index or not, and counts if it does not: that needs no branch.


class Runs(NamedTuple):
    """Room for the runs of an image."""

    indices: Annotated[Uint8s, "P + 1"]
    starts: Annotated[Uint32s, "P + 1"]


def new_runs(pixels: int) -> Runs:
    """Return room for the runs of images of at most so many pixels."""
    return Runs(np.empty(pixels + 1, np.uint8), np.empty(pixels + 1, np.uint32))


# Begins run n at a pixel, if it is not of the index of the one before; returns how many there are.
@inlined
def begin_run(index, pixel, last, n, indices, starts):
    indices[np.uint64(n)] = index
    starts[np.uint64(n)] = pixel
    return n + np.int64(index != last)


# The index of the last of n runs, -1 if there is none, and the pixel where it ends.
@inlined
def where_runs_end(n, indices, starts):
    if n == 0:
        return np.int64(-1), np.int64(0)
    return np.int64(indices[n - 1]), np.int64(starts[n])


BIAS = np.uint64(1023)  # of a float64's exponent


# The power of two in a word, not 0: float64 has it as its exponent.
@inlined
def exponent_of(word):
    return (np.float64(word).view(np.uint64) >> U52) - BIAS


# How many pixels, 4 bits each from the lowest on, two words begin with alike, of the first 15.
@inlined
def alike_pixels(word, other):
    differing = (word ^ other) | HALF
    return np.int64(exponent_of(differing & (~differing + U1)) >> U2)


# The runs of cells with text that change in a frame; returns how many. What lies between is
# transparent. Where letters stand as others did before, what both have in a row of pixels is left:
# whole segments, and of those beside what is left the pixels that are alike.
# rectangle: x0, x1, y0, y1, n: runs of what is above the cells, slots, dirty, boxes, rows: of one
# frame in Changes, inks: Shades, type_: Type, texts, old_texts: (C, longest)
@jit
def text_runs(
    rectangle, n, slots, dirty, boxes, rows, columns, inks, type_, texts, old_texts, indices, starts
):
    x0, x1, y0, y1 = rectangle
    width = x1 - x0
    pixels = width * (y1 - y0)
    widths, lines, line_starts, line_runs = type_.widths, type_.lines, type_.starts, type_.runs
    heads, tails = type_.heads, type_.tails
    sizes, lines_high = lines.shape[0], lines.shape[2]
    last, done = where_runs_end(n, indices, starts)
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
                fill = np.int64(inks[slot, 0])
                pixel = row0 + boxes[c, FIRST_X] if inked else stop
                if dirty[c] != LETTERS:
                    if start > done:
                        n = begin_run(TRANSPARENT, done, last, n, indices, starts)
                        last = np.int64(TRANSPARENT)
                    if start < pixel:
                        n = begin_run(fill, start, last, n, indices, starts)
                        last = fill
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
                            n = begin_run(TRANSPARENT, done, last, n, indices, starts)
                            last = np.int64(TRANSPARENT)
                        done = end
                    begins, ends = line_starts[drawn], line_starts[drawn + 1]
                    for r in range(np.uint64(begins), np.uint64(ends)):
                        run = np.int64(line_runs[r])
                        index = np.int64(inks[np.uint64(slot), np.uint64(run & 0xFF)])
                        begin = pixel
                        pixel += run >> 8
                        shown = pixel > first and begin < end
                        index = index if shown else last
                        n = begin_run(index, max(begin, first), last, n, indices, starts)
                        last = index
                if pixel < done:
                    n = begin_run(fill, pixel, last, n, indices, starts)
                    last = fill
    if done < pixels:
        n = begin_run(TRANSPARENT, done, last, n, indices, starts)
    starts[n] = pixels
    return n


# The runs of a rectangle of a picture: (H, W) palette indices; returns how many.
@jit
def picture_runs(picture, x0, x1, y0, y1, indices, starts):
    n, last, pixel = np.int64(0), np.int64(-1), np.int64(0)
    for y in range(np.uint64(y0), np.uint64(y1)):
        for x in range(np.uint64(x0), np.uint64(x1)):
            index = np.int64(picture[y, x])
            n = begin_run(index, pixel, last, n, indices, starts)
            last = index
            pixel += 1
    starts[n] = pixel
    return n


# How many of 8 pixels, a byte each from the lowest on, are 0; `differing` is not 0.
@inlined
def same_before(differing):
    lowest = differing & (~differing + U1)
    return np.int64(exponent_of(lowest) >> U3)


# The same from the highest on.
@inlined
def same_after(differing):
    highest = differing & ~(differing >> U1)  # a float64 rounds what is left to no higher power
    return 7 - np.int64(exponent_of(highest) >> U3)


class Lines(NamedTuple):
    """Room for a row of a picture and the same of the one before, W pixels and zeros up to S."""

    pixels: Annotated[Uint8s, "2, S"]
    words: Annotated[Uint64s, "2, S / 8"]  # the same


def new_lines(width: int) -> Lines:
    """Return room for rows of so many pixels."""
    pixels = np.zeros((2, -(-width // 8) * 8), np.uint8)
    return Lines(pixels, pixels.view(np.uint64))


# Takes row y of two pictures into lines. picture, old: (H, W)
@inlined
def take_row(picture, old, y, lines):
    for x in range(np.uint64(picture.shape[1])):
        lines.pixels[0, x] = picture[y, x]
    for x in range(np.uint64(old.shape[1])):
        lines.pixels[1, x] = old[y, x]


# Where a picture differs from the one before: x0, x1, y0, y1, with x0 >= x1 where it does not.
# picture, old: (H, W), rows: (H, 2) takes the first and past the last word of 8 pixels that differ
# in each row
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


# The runs of cells without text that change from one frame to the next; returns how many. What lies
# between them is transparent. rectangle: x0, x1, y0, y1, n: runs of what is above the cells,
# fills, old_fills: (N, M) palette indices, rows: (N, 2) as of changed_rectangle,
# changed: (M + 1,) uint32 to work in
@jit
def fill_runs(rectangle, n, fills, old_fills, rows, changed, grid, indices, starts):
    left, right, top, bottom = rectangle
    width = right - left
    pixels = width * (bottom - top)
    last, done = where_runs_end(n, indices, starts)
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
                    n = begin_run(TRANSPARENT, done, last, n, indices, starts)
                    last = np.int64(TRANSPARENT)
                fill = np.int64(fills[i, j])
                n = begin_run(fill, start, last, n, indices, starts)
                last = fill
                done = row0 + grid.x1[j]
    if done < pixels:
        n = begin_run(TRANSPARENT, done, last, n, indices, starts)
    starts[n] = pixels
    return n


# The runs of what differs, of each `step`-th row of a rectangle; returns how many, and whether any
# is transparent. Words of 8 pixels that are as they were are transparent, with what is beside them;
# of the others `each` pixel that is as it was, or none.
# picture, old: (H, W) palette indices, rows: (H, 2) as of changed_rectangle
@jit
def difference_runs(
    picture,
    old,
    lines,
    rows,
    x0,
    x1,
    y0,
    y1,
    step,
    transparent,
    each,
    indices,
    starts,
):
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
                n = begin_run(transparent, done, last, n, indices, starts)
                last = np.int64(transparent)
                used = True
            for x in range(np.uint64(begin), np.uint64(end)):
                index = np.int64(picture[y, x])
                if each and picture[y, x] == old[y, x]:
                    index = np.int64(transparent)
                    used = True
                n = begin_run(index, row0 + np.int64(x), last, n, indices, starts)
                last = index
            done = row0 + end
    pixels = width * (y1 - y0)
    if done < pixels:
        n = begin_run(transparent, done, last, n, indices, starts)
        used = True
    starts[n] = pixels
    return n, used


# ------------------------------------------------------------------------------------------ LZW
#
# GIF89a, appendix F. A phrase is a code for the pixels read so far. From a phrase P leads, for an
# index k that P does not end with, a chain of longer ones: Pk, Pkk, ... up to the longest there is
# (from no phrase at all: k, kk, ...). A chain is named by the code of its first. So a run needs
# no step a pixel, but one to its chain and one to its length in it:
#
#     chain of (P, k)             in the table, from the key P | k
#     length 1, the longest       the chain's name, and last[chain], longest[chain] long
#     lengths between             in the table, from the key chain | length
#
# A run that is longer than the longest ends the phrase there, which makes one longer still.
#
# The table has the code for a key where it hashes to, or some steps on; keys has the key of each
# code. An entry holds generation << 12 | code: to empty the table, count the generation on.
#
# A full table is kept as it is while it pays (a deferred clear, which the cover sheet of GIF89a
# describes): until the runs that a word of codes stands for are fewer than they were on the whole
# since it was empty, or while an earlier table was used, as one leaves a patch when it gives less
# than others do on average (Charnov 1976).
#
#     entries: (SLOTS,) uint16      keys: (4096,) uint32      longest, last: (4096,) uint16
#
# All is uint64 here, since numba makes float64 of a mix with int64 and tests signed places for < 0.

# 64 KB, an eighth of it in use at most: a miss of the nearest cache costs less than the wrong
# guess of a branch where two keys meet; codes took 7 % longer with half as many slots, 25 % with a
# quarter
SLOTS = 1 << 15
GENERATIONS = 1 << 4
CODES = 1 << 12
MASK = np.uint64(SLOTS - 1)
STEP = np.uint64(1021)  # to the next slot; neighbouring codes have neighbouring ones
SPREAD = np.uint64(2531)  # what an index or a length is multiplied by, to take it far from others
APART = np.uint64(1365)
LENGTHS = np.uint64(1 << 31)  # the bit of keys that have a length
NO_PHRASE = np.uint64(CODES)
FULL = np.uint64(CODES)
LOOKED_AT = 128  # codes from one look at a full table to the next
KEPT_FROM = 0.95  # of the average, since a new table has to learn first
U8, U12, U31 = (np.uint64(k) for k in (8, 12, 31))


class Coder(NamedTuple):
    """The encoder's table and output, used again for every image."""

    entries: Annotated[Uint16s, "SLOTS"]
    keys: Annotated[Uint32s, "CODES"]
    longest: Annotated[Uint16s, "CODES"]
    last: Annotated[Uint16s, "CODES"]
    generation: Annotated[Uint64s, "1"]
    words: Annotated[Uint32s, "room"]  # the codes
    codes_out: Annotated[Uint8s, "4 * room"]  # the same


def new_coder(pixels: int) -> Coder:
    """Return the encoder for images of at most so many pixels."""
    # 12 bits a pixel at worst, a clear code in 3,800 of them, and the two ends
    words = np.empty((pixels + pixels // 3800 + 8) * 12 // 32 + 8, np.uint32)
    return Coder(
        entries=np.zeros(SLOTS, np.uint16),
        keys=np.zeros(CODES, np.uint32),
        longest=np.zeros(CODES, np.uint16),
        last=np.zeros(CODES, np.uint16),
        generation=np.zeros(1, np.uint64),
        words=words,
        codes_out=words.view(np.uint8),
    )


def room_for(coder: Coder) -> int:
    """Return the most bytes of an image block: its codes, and what is between and around them."""
    size = int(coder.codes_out.size)
    return size + size // 255 + 32


# The code for a key that hashes to a slot, or FULL or more, and the slot where it is or belongs.
@inlined
def find_code(key, slot, tag, entries, keys):
    code = np.uint64(entries[slot]) ^ tag
    while code < FULL and np.uint64(keys[code]) != key:
        slot = (slot + STEP) & MASK
        code = np.uint64(entries[slot]) ^ tag
    return code, slot


# Appends a code to the bits, least significant first: whole words are left behind.
@inlined
def put_code(code, bits, total, filled, word, words):
    total |= code << filled
    filled += bits
    words[word] = np.uint32(total & LOW)
    whole = filled >> U5
    return total >> (whole << U5), filled & U31, word + whole


# An empty table; returns its tag.
@inlined
def next_table(clear, coder):
    for k in range(clear):
        coder.longest[k] = 1
        coder.last[k] = k
    generation = coder.generation[0] + U1
    if generation == GENERATIONS:
        coder.entries[:] = 0
        generation = U1
    coder.generation[0] = generation
    return generation << U12


# Encodes n runs of indices below 1 << code_size; returns the length of the codes in bytes.
@jit
def encode_lzw(indices, starts, n, code_size, coder):
    entries, keys, longest, last = coder.entries, coder.keys, coder.longest, coder.last
    words = coder.words
    clear = U1 << np.uint64(code_size)
    tag = next_table(clear, coder)
    bits = np.uint64(code_size) + U1
    code = clear + U2
    total, filled, word = clear, bits, U0
    phrase = NO_PHRASE
    slot = key = U0
    first_run, first_word = np.int64(0), U0  # where the table was empty
    unseen, seen_run, seen_word = 0, np.int64(0), U0  # where a full one was looked at
    best = 0.0  # runs that a word of codes stood for, by the best table so far
    for r in range(n):
        k = np.uint64(indices[r])
        left = np.uint64(starts[r + 1]) - np.uint64(starts[r])
        while True:
            chain = k
            if phrase != NO_PHRASE:
                key = phrase << U8 | k
                chain, slot = find_code(key, (phrase ^ k * SPREAD) & MASK, tag, entries, keys)
            if chain < FULL:
                most = np.uint64(longest[chain])
                if left <= most:
                    phrase = chain
                    if left != U1:
                        phrase = np.uint64(last[chain])
                        if left != most:
                            key = LENGTHS | left << U12 | chain
                            slot = (chain ^ left * SPREAD + APART) & MASK
                            phrase, slot = find_code(key, slot, tag, entries, keys)
                    break
                phrase = np.uint64(last[chain])
                left -= most
                if code < FULL:
                    most += U1
                    longest[chain] = most
                    last[chain] = code
                    key = LENGTHS | most << U12 | chain
                    slot = (chain ^ most * SPREAD + APART) & MASK
                    _, slot = find_code(key, slot, tag, entries, keys)
            elif code < FULL:
                longest[code] = 1
                last[code] = code
            total, filled, word = put_code(phrase, bits, total, filled, word, words)
            phrase = NO_PHRASE
            if code < FULL:
                entries[slot] = tag | code
                keys[code] = key
                # the decoder is one entry behind, so the code after this one is the first wider one
                bits += code >> bits
                code += U1
                if code == FULL:
                    unseen, seen_run, seen_word = LOOKED_AT, r, word
            else:
                unseen -= 1
                if unseen == 0:
                    now = np.float64(r - seen_run) / np.float64(word - seen_word)
                    average = np.float64(r - first_run) / np.float64(word - first_word)
                    if now < KEPT_FROM * max(average, best):
                        best = max(average, best)
                        total, filled, word = put_code(clear, bits, total, filled, word, words)
                        tag = next_table(clear, coder)
                        bits = np.uint64(code_size) + U1
                        code = clear + U2
                        first_run, first_word = r, word
                    unseen, seen_run, seen_word = LOOKED_AT, r, word
    total, filled, word = put_code(phrase, bits, total, filled, word, words)
    if code == U1 << bits and bits < U12:
        bits += U1
    total, filled, word = put_code(clear + U1, bits, total, filled, word, words)
    words[word] = np.uint32(total & LOW)
    return np.int64(word) * 4 + np.int64(filled + U7) // 8


# The bits that n indices need, 2 at least.
@jit
def code_size_of(indices, n):
    bits = np.uint8(3)
    for r in range(n):
        bits |= indices[r]
    code_size = 2
    while bits >> code_size > 0:
        code_size += 1
    return code_size


# --------------------------------------------------------------------------------------- images


# Copies bytes. Unsigned places are not tested for < 0, which would keep the loop from vectors.
@inlined
def copy(source, start, target, place, count):
    for k in range(count):
        target[np.uint64(place + k)] = source[np.uint64(start + k)]


# Image descriptor, code size and n runs as data sub-blocks at out[end:]; returns where they end.
# rectangle: x0, x1, y0, y1, out: uint8
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


SAMPLED = 16  # rows, of which one is looked at
BYTES, HIGH_BITS = (np.uint64(k * 0x0101010101010101) for k in (1, 0x80))


# An index that no row of a picture that differs has: 0, the last, or the least that is free; -1
# where none is. picture: (H, W), rows: (H, 2) as of changed_rectangle,
# present: (256,) uint8 to work in
@jit
def free_index(picture, lines, rows, present):
    for index in (0, 255):
        every = np.uint64(index) * BYTES
        found = U0
        for y in range(rows.shape[0]):
            take_row(picture, picture, y, lines)
            for w in range(np.uint64(rows[y, 0]), np.uint64(rows[y, 1])):
                pixels = lines.words[0, w] ^ every
                found |= (pixels - BYTES) & ~pixels & HIGH_BITS  # not 0 where a byte of it is
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


# Draws n runs of a rectangle into a picture, (H, W), of which what is transparent stays as it is.
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


# Draws all cells with text, as find_changes found them for its first frame.
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


# Draws all cells without text, and adds to counts. fills: to work in
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


# Encodes one whole picture of palette indices as an image block; returns its size.
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
    """The rows of pixels that have the title of each frame, of W pixels each."""

    strips: Annotated[Uint8s, "T, h, W"]  # palette indices
    top: int  # the first of these rows in the picture
    lines: Lines
    rows: Annotated[Int64s, "h, 2"]  # to work in


def new_titles(strips: Uint8s, top: int) -> Titles:
    """Return the titles of frames, with room to compare them in."""
    rows = np.empty((strips.shape[1], 2), np.int64)
    return Titles(strips, top, new_lines(strips.shape[2]), rows)


# Adds the title of frame t to the rectangle of its cells: x0, x1, y0, y1, with x0 >= x1 where they
# do not change. Returns both together, and the runs of the rows that the title changes in.
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


# Finds fills, and where they differ from those before: x0, x1, y0, y1, 0 where they do not.
# values: (N, M), fills, old_fills: (N, M), rows: (N, 2) as of changed_rectangle
@inlined
def changed_fills(values, scale, inks, grid, fills, old_fills, lines, rows):
    find_fills(values, scale, inks, grid.lower, fills)
    j0, j1, i0, i1 = changed_rectangle(fills, old_fills, lines, rows)
    sides = (np.int64(0), np.int64(0), np.int64(0), np.int64(0))
    if j0 < j1:
        sides = (grid.x0[j0], grid.x1[j1 - 1], grid.y0[i0], grid.y1[i1 - 1])
    return sides


# Encodes frames of cells with text from `start` on, until all are or `out` has less than `room`
# left; returns the frame to go on with. A frame that shows nothing new has no bytes.
# texts: segments of each frame, or of all, ends: where each image block ends in out
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


# The same for cells without text, which are found and compared on the way; adds to counts.
# fills: of the last frame and the one before it, lines, rows, changed: to work in
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


# --------------------------------------------------------------------------------------- panels
#
# Each panel has the runs of its frames one after the other, those of frame t at ends[t - 1] to
# ends[t] of indices and starts, where nothing differs none. Then those of all are joined, frame by
# frame, to the runs of one image.


class Lists(NamedTuple):
    """The runs of T frames of K parts of a picture that do not overlap, from left to right."""

    # x0, x1, y0, y1 of what differs; x0 >= x1 where nothing does
    rectangles: Annotated[Int64s, "K, T, 4"]
    # where the runs of each frame end, the first at where they all begin
    ends: Annotated[Int64s, "K, T"]
    indices: Annotated[Uint8s, "runs"]
    starts: Annotated[Uint32s, "runs"]
    cursors: Annotated[Int64s, "K"]  # to work in


# Finds the runs of cells with text from frame `start` on, until all are or there is less `room`
# than one may take; returns the frame to go on with.
# texts: segments of each frame, or of all
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


# The same for cells without text, as encode_fills. rectangles: takes where they change
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


# The same for a part that is drawn as pictures, of which the left top pixel lies at left and top.
# lines, rows: to work in
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


# Draws a piece of a line from ax, ay to bx, by, ax <= bx, where it covers more than what is there.
# box: x0, x1, y0, y1, beyond which it ends, picture, cover: (h, w), ramp: (S,) palette indices at
# each coverage
@jit
def line_piece(picture, cover, ramp, ax, ay, bx, by, half, box):
    reach = half + 1.0
    x0, x1 = max(box[0], math.floor(ax - reach)), min(box[1], math.ceil(bx + reach))
    y0 = max(box[2], math.floor(min(ay, by) - reach))
    y1 = min(box[3], math.ceil(max(ay, by) + reach))
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    for y in range(y0, y1):
        for x in range(x0, x1):
            px, py = x + 0.5, y + 0.5
            along = 0.0
            if length > 0:
                along = ((px - ax) * dx + (py - ay) * dy) / length
            along = min(max(along, 0.0), 1.0)
            ex, ey = px - (ax + along * dx), py - (ay + along * dy)
            covered = min(max(half + 0.5 - math.sqrt(ex * ex + ey * ey), 0.0), 1.0)
            step = np.int64(math.floor(covered * (ramp.size - 1) + 0.5))
            if step > cover[y, x]:
                cover[y, x] = step
                picture[y, x] = ramp[step]


# Draws the lines to frame t, a dot where none leads to it. xs: (N,), ys: (N, K) pixels, NaN where
# there is no value
@jit
def lines_to(t, picture, cover, ramps, xs, ys, half, dot, box):
    for k in range(ramps.shape[0]):
        if not math.isnan(ys[t, k]):
            s = t - 1 if t > 0 and not math.isnan(ys[max(t - 1, 0), k]) else t
            reach = half if s < t else dot
            line_piece(picture, cover, ramps[k], xs[s], ys[s, k], xs[t], ys[t, k], reach, box)


# Copies a picture, as no assignment does: those ask for memory where the two could overlap.
# source, target: (h, w)
@jit
def copy_picture(source, target):
    for y in range(source.shape[0]):
        for x in range(np.uint64(source.shape[1])):
            target[y, x] = source[y, x]


# Draws the line plot of frames `first` on: what is new, or all where the axes are others than those
# of the frame before. The first picture and `cover` have the lines before frame `begin` already, if
# that is not 0. stages: which axes each has, bases: these, boxes: what is within, xs, ys: all
# frames' places in each
@entry
def plot_frames(
    first: int,
    begin: int,
    stages: Annotated[Int64s, "T"],
    bases: Annotated[Uint8s, "G, h, w"],
    boxes: Annotated[Int64s, "G, 4"],
    xs: Annotated[Float64s, "G, N"],
    ys: Annotated[Float64s, "G, N, K"],
    ramps: Annotated[Uint8s, "K, steps"],
    half: float,
    dot: float,
    cover: Annotated[Uint8s, "h, w"],
    pictures: Annotated[Uint8s, "T, h, w"],
) -> None:
    for t in range(stages.size):
        g = stages[t]
        box = (boxes[g, 0], boxes[g, 1], boxes[g, 2], boxes[g, 3])
        start = first + t
        if t == 0 and begin > 0:
            start = begin
        elif t == 0 or stages[t - 1] != g:
            copy_picture(bases[g], pictures[t])
            cover[:] = 0
            start = 0
        else:
            copy_picture(pictures[t - 1], pictures[t])
        for u in range(start, first + t + 1):
            lines_to(u, pictures[t], cover, ramps, xs[g], ys[g], half, dot, box)


# Joins the runs of frame t of all parts, row by row; what lies between them is transparent. Returns
# the rectangle around them, x0 >= x1 where nothing differs, and how many runs it has.
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


# Encodes frames of several parts, as encode_changes does those of one.
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


# The same for frames of palette indices, which are compared. Index `free` is transparent, or, where
# that is negative, one that the frame has not, if there is one. lines, rows, present: to work in,
# transparents: the transparent index of each frame, -1 where it has none
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
                # whether to leave every single pixel shows in a part of the rows
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
