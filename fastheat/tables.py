"""Tables of a layout that kernels read: named tuples of arrays and numbers only."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

TRANSPARENT = 0  # palette index of pixels that keep the colour of the frame before


class Grid(NamedTuple):
    """Pixel bounds of the cells in each column, x0 <= x < x1, and in each row, y0 <= y < y1."""

    x0: Annotated[NDArray[np.int64], "M"]
    x1: Annotated[NDArray[np.int64], "M"]
    y0: Annotated[NDArray[np.int64], "N"]
    y1: Annotated[NDArray[np.int64], "N"]
    center: Annotated[NDArray[np.float64], "M"]  # x of the middle of each column
    origin_lower: bool = False  # whether matrices start at the bottom: in the last of these rows


class Shades(NamedTuple):
    """Palette indices of cells and their text, by value.

    A value is in one of E + 2 slots, numbered by how many of the E edges are <= the value; the last
    is for values that are not finite or that the norm does not accept. There are edges for each of
    R ranges: one range for all frames, or one per frame.
    """

    edges: Annotated[NDArray[np.float64], "R, E + 1"]  # ascending; the last is NaN, a sentinel
    # number of edges before each of G equal pieces of the range
    guide: Annotated[NDArray[np.int16], "R, G + 2"]
    origin: Annotated[NDArray[np.float64], "R"]  # where the first piece begins, in data units
    scale: Annotated[NDArray[np.float64], "R"]  # pieces per data unit
    # palette index at each coverage of text; coverage 0 is the fill
    ramps: Annotated[NDArray[np.uint8], "E + 2, steps"]
    # identifier of each row of ramps, the same for equal rows
    alike: Annotated[NDArray[np.int64], "E + 2"]
    low: Annotated[NDArray[np.float64], "R"]  # values below this count as under the range
    high: Annotated[NDArray[np.float64], "R"]  # values from this on count as over it
    floor: Annotated[NDArray[np.float64], "R"]  # the norm accepts values from this on,
    ceiling: Annotated[NDArray[np.float64], "R"]  # up to but not including this
    colors: int  # palette entries in use


class Type(NamedTuple):
    """Glyph segments at several font sizes, and where text stands in the cells.

    Text is set in segments, each from the cut through one glyph to the cut through the next, so
    that every pixel column belongs to exactly one segment, and the overlap of two glyphs is drawn
    once, in the atlas. A line is a row of pixels of a segment.
    """

    widths: Annotated[NDArray[np.int64], "sizes, segments"]  # px
    lows: Annotated[NDArray[np.int64], "sizes, segments"]  # first row with ink
    # past the last row with ink; <= lows if there is none
    highs: Annotated[NDArray[np.int64], "sizes, segments"]
    # y of the segments' row 0 in each row of cells, px
    tops: Annotated[NDArray[np.int64], "N, sizes"]
    # index of each row's line; equal lines are stored once
    lines: Annotated[NDArray[np.int32], "sizes, segments, rows"]
    heads: Annotated[NDArray[np.uint64], "lines"]  # first pixels of each line, 4 bits each
    tails: Annotated[NDArray[np.uint64], "lines"]  # last pixels, the very last in the lowest bits
    starts: Annotated[NDArray[np.int32], "lines + 1"]  # first run of each line
    # pixels of equal coverage: coverage 0 .. COVERAGE_STEPS - 1, plus length << 8
    runs: Annotated[NDArray[np.int32], "runs"]
    align: int  # -1 left, 0 centre, 1 right
    inset: int  # px between the edge of a cell and text aligned to it


class Spec(NamedTuple):
    """A format spec as numbers; characters are ASCII codes, with 0 for none."""

    kind: int
    precision: int
    sign: int  # '+' or ' ' before values that are not negative, else 0
    no_minus_zero: int
    alternate: int
    group: int  # ',' or '_' between thousands
    upper: int
    fill: int
    align: int  # one of '<', '>', '^', '='
    width: int


class Writing(NamedTuple):
    """The glyphs, and the texts before and after, by which a number is written as segments.

    Segment ``a * glyphs + b`` joins glyph a to glyph b; glyph 0 is the edge of the text.
    """

    spec: Spec
    before: Annotated[NDArray[np.uint16], "left"]  # glyphs of the literal text before the number
    after: Annotated[NDArray[np.uint16], "right"]  # glyphs of the literal text after it
    glyph_of: Annotated[NDArray[np.uint16], "128"]  # ASCII code -> glyph
    glyphs: int  # number of glyphs, with the edge
    line: int  # most characters of a number
