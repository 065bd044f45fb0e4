"""Drawing of line plots."""

import math
from typing import Annotated

import numpy as np

from fastheat.render.kernels.jit import Float64s, Int64s, Uint8s, entry, jit


# Draws a piece of a line from (ax, ay) to (bx, by), ax <= bx, in the pixels that it covers more
# than the lines drawn before. half: half its width, box: x0, x1, y0, y1 to clip it to,
# picture, cover: (h, w), ramp: (S,) palette indices at each coverage
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


# Draws the pieces of K lines that end at frame t, or a dot of radius `dot` if a line has no value
# in the frame before. xs: (N,), ys: (N, K) pixels, NaN where there is no value
@jit
def lines_to(t, picture, cover, ramps, xs, ys, half, dot, box):
    for k in range(ramps.shape[0]):
        if not math.isnan(ys[t, k]):
            s = t - 1 if t > 0 and not math.isnan(ys[max(t - 1, 0), k]) else t
            reach = half if s < t else dot
            line_piece(picture, cover, ramps[k], xs[s], ys[s, k], xs[t], ys[t, k], reach, box)


# Copies a picture pixel by pixel; an assignment would allocate memory in case of an overlap.
# source, target: (h, w)
@jit
def copy_picture(source, target):
    for y in range(source.shape[0]):
        for x in range(np.uint64(source.shape[1])):
            target[y, x] = source[y, x]


# Draws the line plots of T frames, from frame `first` on: only what is new, or everything if the
# axes change. If `begin` is not 0, the first picture and `cover` already have the lines before
# frame `begin`. stages: index of each frame's axes, bases: empty plots with each of the G axes,
# boxes: their inside, xs, ys: pixels of all N frames in each, half, dot: as of lines_to
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
