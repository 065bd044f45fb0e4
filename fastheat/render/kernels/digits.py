"""Numbers to decimal digits, exactly as Python's `format` writes them.

|x| = m * 2**-shift exactly, with m below 2**53. There are two ways to its digits, both exact:

- usual values: |x| * 10**decimals as one integer. m * 10**decimals fits into 128 bits (two uint64);
  when it is shifted right, the bits that drop out decide the rounding.
- all others: m * 2**-shift = m * 5**shift / 10**shift, so every double has a finite decimal
  expansion, whose digits are those of m * 5**shift (of m * 2**-shift where that is whole), computed
  in limbs of nine digits.

    scratch:  limbs | ... 1 2 3 4 . 5 6 7 8 9 ...     one digit per element
                                ^ UNIT

All of scratch is uint64 and only combined with uint64: numba turns a mix with int64 into float64.
"""

from typing import Annotated

import numpy as np

from fastheat.inputs.sources.masks import MASKED
from fastheat.render.kernels.jit import (
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    Uint64s,
    entry,
    inlined,
    jit,
)
from fastheat.render.kernels.unsigned import LOW, U0, U1, U5, U10, U32, U52, U63
from fastheat.style.text.formats import EXPONENT, GENERAL, MAX_PRECISION, PERCENT
from fastheat.tables import Writing

LIMBS = 90  # for 767 digits at most
UNIT = LIMBS + 320  # index of the units digit in scratch
SCRATCH = UNIT + 1080 + MAX_PRECISION  # length of scratch, which the caller provides
HALF = np.uint64(1 << 63)
HIDDEN_BIT = np.uint64(1 << 52)
FRACTION_BITS = np.uint64((1 << 52) - 1)
EXPONENT_BITS = np.uint64(2047)
BILLION = np.uint64(10**9)
POWERS = np.array([10**k for k in range(19)], np.uint64)
ASCII_0 = np.uint64(ord("0"))
INF_NAN = np.array([ord(c) - 48 for c in "infnanINFNAN"], np.uint64)


# Returns m * power / 2**shift, rounded half to even. m < 2**53, power < 2**60, shift > 0,
# result < 2**63
@inlined
def scaled(m, power, shift):
    low = (m & LOW) * (power & LOW)
    middle = (m >> U32) * (power & LOW) + (low >> U32)
    other = (m & LOW) * (power >> U32) + (middle & LOW)
    high = (m >> U32) * (power >> U32) + (middle >> U32) + (other >> U32)
    low = (other & LOW) << U32 | (low & LOW)
    # rest: the bits that drop out, from the top of 64 bits; lost: those that drop out below these
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


# Writes the digits of number, at least `count`, backwards from scratch[last]; returns the index of
# the first. scratch: (SCRATCH,)
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


# Writes all digits of m * 2**-shift to scratch[first:stop], and zeros before them from UNIT on;
# returns first and stop.
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


# Cuts scratch[first:stop] to scratch[first:end], rounding half to even, or pads it with zeros.
# Returns the index of the first digit: one lower if the carry goes that far.
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


# Writes the digits of m * 2**-shift to scratch[first:end], rounded to `wanted` decimals, or digits
# from the first if `significant`; returns first and end.
@inlined
def decimal_digits(m, shift, wanted, significant, scratch):
    decimals = wanted
    fewest = 0
    if significant:
        power = (52 - shift) * 78913 >> 18 if m != U0 else 0  # floor(log10(2 ** (52 - shift)))
        decimals = wanted - 1 - power
        fewest = 1  # the power may turn out one higher, for this value or after rounding
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


# Pads the n characters of out to `width`, leaving the first `kept` of them in place.
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


# Writes the text of a value to out; returns its length. spec: Spec, scratch: (SCRATCH,)
# uint64, out: (max_length or more,) uint8. 'd' takes whole numbers; NaN and infinities, which ints
# lack, are written as for 'f'.
@jit
def format_value(x, spec, scratch, out):
    kind, precision, sign, group = spec.kind, spec.precision, spec.sign, spec.group
    no_minus_zero, alternate, upper = spec.no_minus_zero, spec.alternate, spec.upper
    fill, align, width = spec.fill, spec.align, spec.width
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


# Writes values as segments, masked ones as none. Segments of values that are as in the frame before
# are copied from there. bits: the values as int64, so that -0.0 and NaN compare too,
# digits, line: scratch, the line of writing.line or more, lengths: number of segments, -1 if it is
# too long
@entry
def write_numbers(
    values: Annotated[Float64s, "T, C"],
    bits: Annotated[Int64s, "T, C"],
    writing: Writing,
    digits: Annotated[Uint64s, "SCRATCH"],
    line: Annotated[Uint8s, "room"],
    texts: Annotated[Int32s, "T, C, longest"],
    lengths: Annotated[Int32s, "T, C"],
) -> None:
    longest = texts.shape[2]
    before, after = writing.before, writing.after
    glyph_of, glyphs = writing.glyph_of, writing.glyphs
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
            n = format_value(values[t, c], writing.spec, digits, line)
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
