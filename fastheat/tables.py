"""What layouts are made of and kernels read: named arrays and numbers, and nothing else."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

TRANSPARENT = 0  # palette index of what stays as it was in the frame before


class Grid(NamedTuple):
    """The visible part of the cells in pixels, columns by rows; the sides 1 are not in it."""

    x0: Annotated[NDArray[np.int64], "M"]
    x1: Annotated[NDArray[np.int64], "M"]
    y0: Annotated[NDArray[np.int64], "N"]
    y1: Annotated[NDArray[np.int64], "N"]
    center: Annotated[NDArray[np.float64], "M"]  # the middle of each column
    lower: bool = False  # whether the first row of matrices is the last of these


class Shades(NamedTuple):
    """Which palette indices a cell is drawn in.

    A cell is in one of E + 2 slots: as many as there are of E edges not above its value, or the
    last where the value is not finite, or none that the norm takes. The edges are those of R
    ranges: one that all frames have, or one of each.
    """

    edges: Annotated[NDArray[np.float64], "R, E + 1"]  # ascending; the last is NaN, above all
    # how many edges lie before each of G equal pieces of the range
    guide: Annotated[NDArray[np.int16], "R, G + 2"]
    origin: Annotated[NDArray[np.float64], "R"]  # where the pieces begin, in data units
    scale: Annotated[NDArray[np.float64], "R"]  # pieces in a data unit
    inks: Annotated[NDArray[np.uint8], "E + 2, steps"]  # palette index at each coverage, 0 the fill
    # a number for each row of inks, the same for equal ones
    alike: Annotated[NDArray[np.int64], "E + 2"]
    low: Annotated[NDArray[np.float64], "R"]  # what is below is under the range,
    high: Annotated[NDArray[np.float64], "R"]  # and what is not below this over it
    floor: Annotated[NDArray[np.float64], "R"]  # the norm takes values from here on,
    ceiling: Annotated[NDArray[np.float64], "R"]  # and below this
    colors: int  # palette entries in use


class Type(NamedTuple):
    """The letters that numbers are written in, and their sizes.

    Text is laid in segments, each from where one glyph is cut to where the next is, so that every
    pixel column belongs to one segment and what two glyphs share is drawn in the atlas, once.
    """

    widths: Annotated[NDArray[np.int64], "sizes, segments"]  # px
    lows: Annotated[NDArray[np.int64], "sizes, segments"]  # first row with ink
    # past the last one, not above lows if there is none
    highs: Annotated[NDArray[np.int64], "sizes, segments"]
    # where row 0 comes to lie in each row of cells, px
    tops: Annotated[NDArray[np.int64], "N, sizes"]
    # which row of pixels; equal ones are one
    lines: Annotated[NDArray[np.int32], "sizes, segments, rows"]
    heads: Annotated[NDArray[np.uint64], "lines"]  # the first pixels of each, in words
    tails: Annotated[NDArray[np.uint64], "lines"]  # the last ones, from the last on
    starts: Annotated[NDArray[np.int32], "lines + 1"]  # into runs
    # pixels of one coverage, 0 .. COVERAGE_STEPS - 1, and << 8 how many
    runs: Annotated[NDArray[np.int32], "runs"]
    align: int  # -1 left, 0 centre, 1 right
    inset: int  # px between the side of a cell and text aligned to it
