"""Cells drawn into a picture."""

from typing import Annotated

import numpy as np

from fastheat.render.kernels.cells import Changes, count_outside, find_fills, scale_of
from fastheat.render.kernels.jit import Float64s, Int32s, Int64s, Uint8s, entry, jit
from fastheat.render.kernels.runs import Runs, text_runs
from fastheat.tables import TRANSPARENT, Grid, Shades, Type


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
    indices, starts, rectangle = runs.indices, runs.starts, changes.rectangles[0]
    if rectangle[0] < rectangle[1]:
        m = grid.x0.size
        n = text_runs(0, changes, m, shades.ramps, type_, texts, texts, indices, starts)
        draw_runs(rectangle, indices, starts, n, picture)


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
    find_fills(values, scale, shades.ramps, grid.origin_lower, fills)
    for i in range(fills.shape[0]):
        count_outside(values[i], scale, counts)
        for y in range(grid.y0[i], grid.y1[i]):
            for j in range(fills.shape[1]):
                for x in range(np.uint64(grid.x0[j]), np.uint64(grid.x1[j])):
                    picture[y, x] = fills[i, j]
