"""The lines of plots."""

import math
from typing import Annotated

import numpy as np

from fastheat.render.kernels.jit import Float64s, Int64s, Uint8s, entry, jit


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
