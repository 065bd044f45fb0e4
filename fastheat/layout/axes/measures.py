"""Lengths of ticks and pads, with matplotlib's defaults, and functions on boxes."""

from __future__ import annotations

import math

from fastheat.style.text.labels import Box

POINTS = 72.0  # per inch
TICK_LENGTH, TICK_PAD, TICK_WIDTH = 3.5, 3.5, 0.8  # pt, matplotlib's xtick.major.*
MINOR_LENGTH, MINOR_WIDTH = 2.0, 0.6  # pt, xtick.minor.*
LABEL_PAD, TITLE_PAD = 4.0, 6.0  # pt, axes.labelpad and axes.titlepad
# pt, xtick.minor.size and pad: the grid's minor ticks carry empty labels, which others must clear
MINOR_LABELS = 2.0 + 3.4
TITLE_SIZE = 1.2  # font sizes, axes.titlesize
TIGHT_PAD = 1.08  # font sizes, margin of Figure.tight_layout around everything
SIDES = ("left", "top", "right", "bottom")  # in the order of the fields of `Box`


def pixels_of(box: Box) -> tuple[int, int, int, int]:
    """Return the sides of a box in whole pixels: left, top, right, bottom."""
    x0, y0, x1, y1 = (math.floor(side + 0.5) for side in box)
    return x0, y0, x1, y1


def widened(box: Box, side: str, by: float) -> Box:
    """Return a box extended by a length on one side."""
    sides, k = list(box), SIDES.index(side)
    sides[k] += by if k >= 2 else -by
    return Box(*sides)


def part_beyond(whole: Box, side: str, box: Box) -> Box:
    """Return the part of `whole` on one side of a box within it."""
    sides, k = list(whole), SIDES.index(side)
    sides[(k + 2) % 4] = box[k]
    return Box(*sides)


def tick_mark(
    box: tuple[int, int, int, int], side: str, at: int, length: int, width: int
) -> tuple[int, int, int, int]:
    """Return the pixels (x0, y0, x1, y1), ends included, of a tick mark outside a box.

    Parameters
    ----------
    box
        The box in pixels.
    side
        The side of the box on which the tick mark stands.
    at
        Its first pixel along that side.
    length, width
        Its size in pixels.
    """
    x0, y0, x1, y1 = box
    if side in ("top", "bottom"):
        y = y0 - length if side == "top" else y1
        return at, y, at + width - 1, y + length - 1
    x = x0 - length if side == "left" else x1
    return x, at, x + length - 1, at + width - 1
