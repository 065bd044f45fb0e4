"""Texts that never change: how large they are, how they are turned, and which have room."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from fastheat.style.text.atlas import SHRINK, SMALLEST_SIZE, extent, measure
from fastheat.style.text.fonts import Face, Typeface

# of a power, in sizes of what it stands behind
POWER_SIZE, POWER_RAISE, POWER_GAP = 0.7, 0.34, 0.07
ASCENT, DESCENT = 1556 / 2048, 492 / 2048  # of a line, in font sizes: DejaVu Sans' OS/2 table
LEVEL = math.sin(math.radians(10))  # of a turn up to which a label counts as level or upright
MOST_LINES = 2  # of a long text, before it is drawn smaller
SMALLEST_SHARE = 0.6  # of its size that it is drawn at, before it has more lines


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
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def shrunk(self, aspect: float, anchor: tuple[float, float]) -> Box:
        """Return the largest box in this one with height = aspect * width, as `Bbox.anchored`."""
        width = min(self.width, self.height / aspect)
        height = width * aspect
        x = self.x0 + (self.width - width) * anchor[0]
        y = self.y0 + (self.height - height) * anchor[1]
        return Box(x, y, x + width, y + height)


@lru_cache(maxsize=4096)
def line_extent(typeface: Typeface, size: float, text: str = "") -> tuple[float, float]:
    """Return how far a line reaches above and below its baseline, in pixels.

    As in matplotlib, whatever its letters, it is at least as high as the font has it.
    """
    top, bottom = extent(text, typeface.at(size))
    return max(float(-top), ASCENT * size), max(float(bottom), DESCENT * size)


class Label(NamedTuple):
    """A text that never changes, and where its anchor stands relative to what it belongs to.

    The anchor is a point of the unturned text's box: (0, 0) its top left, (1, 1) its bottom right.
    """

    text: str
    size: float  # px
    anchor: tuple[float, float]
    rotation: float  # degrees, counterclockwise
    typeface: Typeface
    power: str = ""  # what stands smaller and raised behind it

    def lines(self) -> list[str]:
        return self.text.split("\n")

    def metrics(self) -> tuple[float, float, float]:
        """Return width, height of a line above the baseline and below it, in pixels."""
        return _metrics(self.text, self.power, self.typeface, self.size)

    def box(self) -> Box:
        """Return the extent of the turned text about its anchor."""
        return _box(self)

    def extent(self) -> Box:
        """Return the extent of the unturned text about its anchor."""
        width, up, down = self.metrics()
        height = up + down + (len(self.lines()) - 1) * self.leading()
        x, y = -width * self.anchor[0], -height * self.anchor[1]
        return Box(x, y, x + width, y + height)

    def corners(self) -> list[tuple[float, float]]:
        """Return the corners of the turned text about its anchor."""
        x0, y0, x1, y1 = self.extent()
        return [self.turned(x, y) for x, y in ((x0, y0), (x1, y0), (x0, y1), (x1, y1))]

    def leading(self) -> float:
        """Return the distance of two lines, 1.2 of one as in matplotlib."""
        _, up, down = self.metrics()
        return 1.2 * (up + down)

    def turned(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the unturned text goes, both relative to the anchor."""
        angle = math.radians(self.rotation)
        return (
            x * math.cos(angle) + y * math.sin(angle),
            -x * math.sin(angle) + y * math.cos(angle),
        )


@lru_cache(maxsize=4096)
def _metrics(text: str, power: str, typeface: Typeface, size: float) -> tuple[float, float, float]:
    font = typeface.at(size)
    width = float(max(measure(line, font) for line in text.split("\n")))
    up, down = line_extent(typeface, size, text.replace("\n", ""))
    if power:
        width += measure(power, typeface.at(POWER_SIZE * size)) + POWER_GAP * size
    return width, up, down


@lru_cache(maxsize=4096)
def _box(label: Label) -> Box:
    xs, ys = zip(*label.corners(), strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


def number_width(text: str, power: str, font: Face) -> float:
    """Return about how wide a number is, in pixels."""
    return measure(text, font) + POWER_SIZE * measure(power, font)


class Placed(NamedTuple):
    """A label with the pixel that its anchor stands on."""

    label: Label
    x: float
    y: float

    def box(self) -> Box:
        """Return its extent in the picture."""
        return self.label.box().moved(self.x, self.y)


# ----------------------------------------------------------------------------------------- places


def anchor_outside(side: str, rotation: float, middle: float) -> tuple[float, float]:
    """Return the point of an axis label that stands on its tick.

    It is one of the nine that matplotlib's alignments name, about which ``rotation_mode="anchor"``
    turns the text: that from which all of the text lies on the outer side of the axes.

    Parameters
    ----------
    side
        Of the axes: "left", "right", "top" or "bottom".
    rotation
        Degrees, counterclockwise.
    middle
        Height of the middle of a line, from the top of its box: 0 to 1.
    """
    out = {"left": 180.0, "right": 0.0, "top": 90.0, "bottom": 270.0}[side] - rotation
    along, upwards = math.cos(math.radians(out)), math.sin(math.radians(out))
    x = 0.5 if abs(along) < 1e-9 else float(along < 0)
    # of nearly level labels beside rows, and of nearly upright ones of columns, the middle
    y = middle if abs(upwards) <= LEVEL else float(upwards > 0)
    return x, y


def apart(
    first: Label, second: Label, x: float, y: float, gap: float, leading: float = 0.0
) -> bool:
    """Return whether two labels with the same turn do not overlap.

    Parameters
    ----------
    x, y
        From the anchor of the first to that of the second, px.
    gap, leading
        That there must be between them along a line, and from line to line.
    """
    angle = math.radians(first.rotation)
    right = x * math.cos(angle) - y * math.sin(angle)
    down = x * math.sin(angle) + y * math.cos(angle)
    one, two = first.extent(), second.extent().moved(right, down)
    beside = max(two.x0 - one.x1, one.x0 - two.x1)
    below = max(two.y0 - one.y1, one.y0 - two.y1)
    return beside >= gap or below >= leading


def thinned(
    labels: Sequence[tuple[int, Label]],
    steps: Iterator[int],
    x: float,
    y: float,
    gap: float,
    leading: float,
) -> int:
    """Return the first of ascending `steps` such that labels of every so many do not overlap.

    Parameters
    ----------
    labels
        In order, each with its number.
    x, y
        From one number to the next, px.
    gap, leading
        That there must be between neighbours along a line, and from line to line.
    """
    for step in steps:
        shown = [(k, label) for k, label in labels[::step] if label.text.strip()]
        if all(
            apart(one, two, x * (j - i), y * (j - i), gap, leading)
            for (i, one), (j, two) in itertools.pairwise(shown)
        ):
            break
    return step


def distance(first: Label, second: Label, x: float, y: float, gap: float) -> float:
    """Return how far apart two labels with the same turn must stand for `apart` to hold.

    Parameters
    ----------
    x, y
        The direction, (1, 0) to the right or (0, 1) down.
    """
    angle = math.radians(first.rotation)
    right = x * math.cos(angle) - y * math.sin(angle)
    down = x * math.sin(angle) + y * math.cos(angle)
    one, two = first.extent(), second.extent()
    beside = one.x1 - two.x0 if right > 0 else two.x1 - one.x0
    below = one.y1 - two.y0 if down > 0 else two.y1 - one.y0
    return max(
        0.0,
        min(
            (beside + gap) / abs(right) if abs(right) > 1e-9 else math.inf,
            below / abs(down) if abs(down) > 1e-9 else math.inf,
        ),
    )


# ---------------------------------------------------------------------------------- long texts


def fitted(label: Label, length: float) -> Label:
    """Return a label whose lines are no longer than `length` px.

    It is broken at spaces, into a few lines, else drawn smaller, and broken anywhere as a last
    resort: nothing of it is left out.
    """
    if max(_widths(label)) <= length:
        return label
    lines = max(MOST_LINES, len(label.lines()))
    size = label.size
    least = min(size, max(SMALLEST_SIZE, SMALLEST_SHARE * size))
    while True:
        broken = label._replace(size=size)
        broken = broken._replace(text=wrapped(broken, length))
        if size <= least or (len(broken.lines()) <= lines and max(_widths(broken)) <= length):
            break
        size = max(least, size * SHRINK)
    if max(_widths(broken)) > length:
        return broken._replace(text=wrapped(broken, length, anywhere=True))
    # as even as so many lines can be
    whole = label._replace(size=broken.size)
    low, high = 0.0, length
    while high - low > 1:
        middle = (low + high) / 2
        even = whole._replace(text=wrapped(whole, middle))
        fits = len(even.lines()) <= len(broken.lines()) and max(_widths(even)) <= length
        low, high = (low, middle) if fits else (middle, high)
    return whole._replace(text=wrapped(whole, high))


def wrapped(label: Label, length: float, *, anywhere: bool = False) -> str:
    """Return the text of a label with more lines, where the words allow none above `length` px."""
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


def _widths(label: Label) -> list[int]:
    font = label.typeface.at(label.size)
    return [measure(line, font) for line in label.lines()]


def _most(text: str, font: Face, length: float) -> int:
    """Return how many of the first letters have room."""
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
