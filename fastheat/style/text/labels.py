"""Labels: the size, rotation, thinning and wrapping of texts that never change."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from fastheat.style.text.atlas import SHRINK, SMALLEST_SIZE, extent, measure
from fastheat.style.text.fonts import Face, Typeface

# font size, rise and gap of an exponent, in font sizes of the text it follows
POWER_SIZE, POWER_RAISE, POWER_GAP = 0.7, 0.34, 0.07
ASCENT, DESCENT = 1556 / 2048, 492 / 2048  # of a line, in font sizes: DejaVu Sans' OS/2 table
LEVEL = math.sin(math.radians(10))  # labels within 10 degrees of it count as level or upright
MOST_LINES = 2  # lines that a long text is broken into before it is drawn smaller
SMALLEST_SHARE = 0.6  # share of its font size it may shrink to before it is broken into more lines


class Box(NamedTuple):
    """A rectangle in pixels, y downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    def moved(self, x: float, y: float) -> Box:
        return Box(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    def union(self, other: Box) -> Box:
        return Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))

    def shrunk(self, aspect: float, anchor: tuple[float, float]) -> Box:
        """Return the largest box inside with height = aspect * width, placed as `Bbox.anchored`."""
        width = min(self.width, self.height / aspect)
        height = width * aspect
        x = self.x0 + (self.width - width) * anchor[0]
        y = self.y0 + (self.height - height) * anchor[1]
        return Box(x, y, x + width, y + height)


@lru_cache(maxsize=4096)
def line_extent(typeface: Typeface, size: float, text: str = "") -> tuple[float, float]:
    """Return the ascent and descent of a line, in pixels.

    As in matplotlib, they are at least those of the font, whatever the letters.
    """
    top, bottom = extent(text, typeface.at(size))
    return max(float(-top), ASCENT * size), max(float(bottom), DESCENT * size)


class Label(NamedTuple):
    """A text that never changes, and the point it is placed and rotated by: its anchor.

    The anchor is relative to the box of the unrotated text: (0, 0) is its top left, (1, 1) its
    bottom right.
    """

    text: str
    size: float  # px
    anchor: tuple[float, float]
    rotation: float  # degrees, counterclockwise
    typeface: Typeface
    power: str = ""  # exponent after it, smaller and raised

    def lines(self) -> list[str]:
        return self.text.split("\n")

    def metrics(self) -> tuple[float, float, float]:
        """Return the width, and the ascent and descent of a line, in pixels."""
        return _metrics(self.text, self.power, self.typeface, self.size)

    def box(self) -> Box:
        """Return the bounding box of the rotated text, relative to the anchor."""
        return _box(self)

    def extent(self) -> Box:
        """Return the box of the unrotated text, relative to the anchor."""
        width, up, down = self.metrics()
        height = up + down + (len(self.lines()) - 1) * self.leading()
        x, y = -width * self.anchor[0], -height * self.anchor[1]
        return Box(x, y, x + width, y + height)

    def corners(self) -> list[tuple[float, float]]:
        """Return the corners of the rotated text's box, relative to the anchor."""
        x0, y0, x1, y1 = self.extent()
        corners = (x0, y0), (x1, y0), (x0, y1), (x1, y1)
        return [_turned(x, y, self.rotation) for x, y in corners]

    def leading(self) -> float:
        """Return the distance from line to line, 1.2 line heights as in matplotlib."""
        _, up, down = self.metrics()
        return 1.2 * (up + down)


def _turned(x: float, y: float, rotation: float) -> tuple[float, float]:
    """Return a point rotated about (0, 0) by degrees, counterclockwise."""
    sine, cosine = math.sin(math.radians(rotation)), math.cos(math.radians(rotation))
    return x * cosine + y * sine, -x * sine + y * cosine


@lru_cache(maxsize=4096)
def _metrics(text: str, power: str, typeface: Typeface, size: float) -> tuple[float, float, float]:
    font = typeface.at(size)
    width = float(measure(text, font))
    up, down = line_extent(typeface, size, text.replace("\n", ""))
    if power:
        width += measure(power, typeface.at(POWER_SIZE * size)) + POWER_GAP * size
    return width, up, down


@lru_cache(maxsize=4096)
def _box(label: Label) -> Box:
    xs, ys = zip(*label.corners(), strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def number_width(text: str, power: str, font: Face) -> float:
    """Return the approximate width of a number and its exponent, in pixels."""
    return measure(text, font) + POWER_SIZE * measure(power, font)


class Placed(NamedTuple):
    """A label and the position of its anchor in the picture, in pixels."""

    label: Label
    x: float
    y: float

    def box(self) -> Box:
        """Return its bounding box in the picture."""
        return self.label.box().moved(self.x, self.y)


# -------------------------------------------------------------------------------------- placement


def anchor_outside(side: str, rotation: float, middle: float) -> tuple[float, float]:
    """Return the anchor of a tick label, which is put on its tick.

    It is one of the nine points named by matplotlib's alignments, about which
    ``rotation_mode="anchor"`` rotates the text: the one for which all of the text lies outside of
    the axes.

    Parameters
    ----------
    side
        Side of the axes: "left", "right", "top" or "bottom".
    rotation
        Degrees, counterclockwise.
    middle
        Vertical middle of a line, as a fraction of its box from the top.
    """
    out = {"left": 180.0, "right": 0.0, "top": 90.0, "bottom": 270.0}[side] - rotation
    along, upwards = math.cos(math.radians(out)), math.sin(math.radians(out))
    x = 0.5 if abs(along) < 1e-9 else float(along < 0)
    # nearly level row labels and nearly upright column labels are centred on their ticks
    y = middle if abs(upwards) <= LEVEL else float(upwards > 0)
    return x, y


def apart(
    first: Label, second: Label, x: float, y: float, gap: float, leading: float = 0.0
) -> bool:
    """Return True if two labels with the same rotation are far enough apart.

    Parameters
    ----------
    x, y
        Offset of the second label's anchor from the first's, in pixels.
    gap, leading
        Distance required between them along a line, or else across lines, in pixels.
    """
    one, two = first.extent(), second.extent().moved(*_turned(x, y, -first.rotation))
    beside = max(two.x0 - one.x1, one.x0 - two.x1)
    below = max(two.y0 - one.y1, one.y0 - two.y1)
    return beside >= gap or below >= leading


def thinned(
    labels: Callable[[int], Sequence[tuple[int, Label]]],
    steps: Iterator[int],
    x: float,
    y: float,
    gap: float,
    leading: float,
) -> int:
    """Return the first of ascending `steps` with which every step-th label clears the next one.

    If there is none, the last step is returned. Blank labels do not count.

    Parameters
    ----------
    labels
        Function from a step to every step-th label in order, each with its index.
    x, y
        Offset from one index to the next, in pixels.
    gap, leading
        As `apart` takes them.
    """
    for step in steps:
        shown = [(k, label) for k, label in labels(step) if label.text.strip()]
        if all(
            apart(one, two, x * (j - i), y * (j - i), gap, leading)
            for (i, one), (j, two) in itertools.pairwise(shown)
        ):
            break
    return step


def distance(first: Label, second: Label, x: float, y: float, gap: float) -> float:
    """Return the least distance of the anchors at which two labels do not overlap, in pixels.

    Parameters
    ----------
    first, second
        Labels with the same rotation.
    x, y
        Direction from the first to the second: (1, 0) to the right or (0, 1) down.
    gap
        Distance required between them along a line, in pixels.
    """
    right, down = _turned(x, y, -first.rotation)
    one, two = first.extent(), second.extent()
    beside = one.x1 - two.x0 if right > 0 else two.x1 - one.x0
    below = one.y1 - two.y0 if down > 0 else two.y1 - one.y0
    along = (beside + gap) / abs(right) if abs(right) > 1e-9 else math.inf
    across = below / abs(down) if abs(down) > 1e-9 else math.inf
    return max(0.0, min(along, across))


# ---------------------------------------------------------------------------------- long texts


def fitted(label: Label, length: float) -> Label:
    """Return a label fitted to `length` px: no line of it is longer.

    Its text is broken at spaces into a few lines, then drawn smaller, and broken anywhere as a last
    resort; nothing is left out.
    """
    if _width(label) <= length:
        return label
    lines = max(MOST_LINES, len(label.lines()))
    size = label.size
    least = min(size, max(SMALLEST_SIZE, SMALLEST_SHARE * size))
    while True:
        broken = label._replace(size=size)
        broken = broken._replace(text=wrapped(broken, length))
        if size <= least or (len(broken.lines()) <= lines and _width(broken) <= length):
            break
        size = max(least, size * SHRINK)
    if _width(broken) > length:
        return broken._replace(text=wrapped(broken, length, anywhere=True))
    # make the lines as even as possible, without adding any
    whole = label._replace(size=broken.size)
    low, high = 0.0, length
    while high - low > 1:
        middle = (low + high) / 2
        even = whole._replace(text=wrapped(whole, middle))
        fits = len(even.lines()) <= len(broken.lines()) and _width(even) <= length
        low, high = (low, middle) if fits else (middle, high)
    return whole._replace(text=wrapped(whole, high))


def wrapped(label: Label, length: float, *, anywhere: bool = False) -> str:
    """Return a label's text wrapped to `length` px, at spaces; longer words stick out.

    With `anywhere`, words that are too long are broken as well.
    """
    font = label.typeface.at(label.size)
    lines: list[str] = []
    for given in label.lines():
        line = ""
        for word in given.split(" "):
            longer = f"{line} {word}" if line else word
            if line and measure(longer, font) > length:
                lines.append(line)
                longer = word
            while anywhere and (fits := max(1, _most(longer, font, length))) < len(longer):
                lines.append(longer[:fits])
                longer = longer[fits:]
            line = longer
        lines.append(line)
    return "\n".join(lines)


def _width(label: Label) -> int:
    return measure(label.text, label.typeface.at(label.size))


def _most(text: str, font: Face, length: float) -> int:
    """Return the number of leading letters that fit into `length` px."""
    low, high = 0, 16
    while high < len(text) and measure(text[:high], font) <= length:
        low, high = high, 2 * high
    high = min(high, len(text))
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle], font) <= length:
            low = middle
        else:
            high = middle - 1
    return low
