"""Blocks of whole rows and columns of values, each to one value.

Blocks of whole rows and columns of values, each to one value. The columns of a block come first,
downwards, many at once; then their results from left to right. A value that is not finite shows
in the result, and so does a sum that float64 does not have: only then is a block looked at value
by value.
"""

from typing import Annotated

import numpy as np

from fastheat.render.kernels.jit import Float64s, Int64s, entry, jit
from fastheat.render.kernels.unsigned import U1

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
