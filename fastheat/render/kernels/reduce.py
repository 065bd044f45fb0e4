"""Reduction of blocks of whole rows and columns to one value each.

The columns of a block are reduced first, downwards, many at once; then their results, from left to
right. Values that are not finite show in the result, and so does a sum that overflows float64: only
then is a block read value by value.
"""

from typing import Annotated

import numpy as np

from fastheat.render.kernels.jit import Float64s, Int64s, entry, jit
from fastheat.render.kernels.unsigned import U1

GREATEST, LEAST, FARTHEST = range(3)  # the value of a block to keep; x > 0 is farther than -x
LARGEST = np.finfo(np.float64).max
SAFE_FACTOR = 2.0**-64  # factor for values whose sum overflows float64


# Sums each column over rows `top` to `bottom`, in order. frame: (R, M), sums: (M,)
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


# Returns the sum of a block's finite values, each times `factor`, and their number. frame: (R, M)
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


# Finds the mean of each block's finite values. Block (i, j) has rows rows[i] to rows[i + 1] and
# columns columns[j] to columns[j + 1]. sums: scratch, out: NaN where no value is finite
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
                    factor = SAFE_FACTOR
                    total, count = sum_of_finite(frame, top, bottom, left, right, factor)
                out[t, i, j] = total / np.float64(count) / factor if count > 0 else np.nan


# Returns the least and the greatest finite value of a block, inf and -inf if there is none.
# frame: (R, M)
@jit
def ends_of_finite(frame, top, bottom, left, right):
    low, high = np.inf, -np.inf
    for c in range(left, right):
        for r in range(top, bottom):
            x = frame[r, c]
            if abs(x) <= LARGEST:
                low, high = min(low, x), max(high, x)
    return low, high


# Finds the value of each block that `which` names: GREATEST, LEAST or FARTHEST from 0. Other
# arguments as of mean_of_blocks. lows, highs: scratch
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
            # in this form, each is one instruction for many columns; NaN replaces neither
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
                # no branch, which would often be mispredicted
                best = low if least | (farthest & (-low > high)) else high
                out[t, i, j] = best if low <= high else np.nan
