"""Numbers at a colour bar, and drawing of those that change from frame to frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastheat.layout.axes.drawing import draw_marks, pieces, ramp_steps
from fastheat.layout.axes.geometry import Geometry, Plan
from fastheat.layout.axes.measures import part_beyond, pixels_of
from fastheat.layout.axes.thinning import bar_labels
from fastheat.layout.axes.ticks import TIMES, Tick, Ticks, TickStyle, bar_ticks, ticks_at
from fastheat.layout.look import Look
from fastheat.style.colors.norms import LINEAR
from fastheat.style.text.atlas import SHRINK, draw_letters
from fastheat.style.text.labels import Box, Placed, number_width

WIDE_TICK = "-0.0000"  # as wide as numbers are likely to be, if the range is not known
SCIENTIFIC = ("log", "symlog", "asinh", "object")  # norms whose ticks may be powers of ten
WIDE_POWER = f"-0.0 {TIMES} 10", "-00"  # the same for these norms: text and exponent
MOST = 9  # most intervals of a colour bar


def find_ticks(look: Look | TickStyle, vmin: float, vmax: float, intervals: int) -> Ticks:
    """Return the ticks of a colour bar that has room for at most `intervals` intervals."""
    norm, wanted, format_ = look.norm, look.bar_ticks, look.bar_format
    if isinstance(wanted, tuple):
        found = ticks_at(norm, vmin, vmax, wanted)
    elif wanted is not None:
        found = bar_ticks(norm, vmin, vmax, max(1, min(wanted - 1, intervals)))
        found = found._replace(major=found.major[:: max(1, -(-len(found.major) // wanted))])
    else:
        found = bar_ticks(norm, vmin, vmax, intervals)
    if format_ is None:
        return found
    written = [
        Tick(at, value, format_.write(value) if text else "") for at, value, text, _ in found.major
    ]
    return found._replace(major=written)


def wide_ticks(look: Look) -> Ticks:
    """Return ticks at both ends, as wide as those of any range are likely to be."""
    text, power = WIDE_TICK, ""
    if look.norm.name in SCIENTIFIC:
        text, power = WIDE_POWER
    if look.bar_format is not None:
        text = max(WIDE_TICK, look.bar_format.write(float(WIDE_TICK) - 0.0001), key=len)
        power = ""
    return Ticks([Tick(at, 0.0, text, power) for at in (0.0, 1.0)], [])


def ticks_of_all(look: Look, vmin: float, vmax: float, _intervals: int = MOST) -> Ticks:
    """Return ticks at both ends, as wide as the widest in frames with ranges of their own.

    Parameters
    ----------
    vmin, vmax
        The range of the values of all frames, as far as it is known.
    """
    wanted = look.bar_ticks
    if isinstance(wanted, tuple):
        known = find_ticks(look._replace(norm=LINEAR), wanted[0], wanted[-1], MOST)
    else:
        known = find_ticks(look, vmin, vmax, MOST)
        known = known._replace(major=known.major + wide_ticks(look).major)
    font = look.typeface.at(look.fontsize)
    widest = max(known.major, key=lambda tick: number_width(tick.text, tick.power, font))
    return Ticks([widest._replace(place=at) for at in (0.0, 1.0)], [])


@dataclass(frozen=True, slots=True, eq=False)
class BarNumbers:
    """The ticks and numbers of a colour bar in frames that each have a range of their own.

    They lie in a rectangle beside the bar, x0 <= x < x1 and y0 <= y < y1, in which nothing else
    changes.
    """

    style: TickStyle
    bar: Box  # the box of the colour bar
    x0: int
    y0: int
    x1: int
    y1: int

    def moved(self, x: int, y: int) -> BarNumbers:
        """Return the numbers as part of a larger image, at an offset of (x, y)."""
        return replace(
            self,
            bar=self.bar.moved(x, y),
            x0=self.x0 + x,
            y0=self.y0 + y,
            x1=self.x1 + x,
            y1=self.y1 + y,
        )

    def draw(
        self,
        background: NDArray[np.uint8],
        label_ramp: NDArray[np.uint8],
        tick: int,
        ranges: NDArray[np.float64],
    ) -> NDArray[np.uint8]:
        """Draw the rectangle for T frames.

        Parameters
        ----------
        background
            (H, W) palette indices of the image without the numbers.
        label_ramp
            (steps,) palette index of numbers at each coverage.
        tick
            Palette index of ticks.
        ranges
            (T, 2) the range of each frame.

        Returns
        -------
        (T, h, w) uint8
            Palette indices.
        """
        base = background[self.y0 : self.y1, self.x0 : self.x1]
        pictures = np.repeat(base[None], len(ranges), 0)
        steps = ramp_steps(label_ramp)
        shades, covered = label_ramp[steps], steps > 0
        for picture, (low, high) in zip(pictures, ranges.tolist(), strict=True):
            marks, numbers = _inks(self, low, high)
            draw_marks(picture, marks, tick)
            for x, y, ink in numbers:
                part = picture[y : y + ink.shape[0], x : x + ink.shape[1]]
                np.copyto(part, shades[ink], where=covered[ink])
        return pictures


Ink: TypeAlias = tuple[int, int, NDArray[np.uint8]]  # left, top, and the coverage of pixels


@lru_cache(maxsize=64)
def _inks(
    numbers: BarNumbers, low: float, high: float
) -> tuple[list[tuple[int, int, int, int]], list[Ink]]:
    """Return the tick marks of a range, and its numbers, which are cropped to the rectangle."""
    style = numbers.style
    bar = bar_labels(style, partial(find_ticks, style, low, high), numbers.bar)
    box = numbers.bar.moved(-numbers.x0, -numbers.y0)
    width, height = numbers.x1 - numbers.x0, numbers.y1 - numbers.y0
    written: list[Ink] = []
    for placed in bar.numbers(box):
        fitting = _fitted(placed, width, height)
        for font, text, pen, baseline in pieces(fitting.label, fitting.x, fitting.y):
            glyph = draw_letters(font, text)
            written.append((pen + glyph.left, baseline + glyph.top, glyph.cover))
    marks = list(bar.tick_marks(box))
    return marks, [_within(ink, width, height) for ink in written]


def _within(ink: Ink, width: int, height: int) -> Ink:
    """Return the part of a coverage inside a rectangle at the origin."""
    x, y, cover = ink
    left, top = max(0, -x), max(0, -y)
    return max(0, x), max(0, y), cover[top : max(0, height - y), left : max(0, width - x)]


def _fitted(placed: Placed, width: int, height: int) -> Placed:
    """Return a number shrunk until it fits a rectangle at the origin."""
    while placed.label.size > 1:
        box = placed.box()
        if min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0:
            break
        placed = placed._replace(label=placed.label._replace(size=SHRINK * placed.label.size))
    return placed


def part_numbers(look: Look, plan: Plan, geometry: Geometry) -> tuple[Plan, Geometry, BarNumbers]:
    """Separate the ticks of a colour bar from everything that never changes.

    Parameters
    ----------
    plan, geometry
        The axes, laid out with the ticks of `ticks_of_all`.

    Returns
    -------
    Plan
    Geometry
        The axes without these ticks.
    BarNumbers
        The ticks, with the rectangle in which they change.
    """
    bar, box = plan.bar, geometry.bar
    assert bar is not None
    assert box is not None
    own = {id(label) for _, label in bar.ticks}
    ends = bar._replace(ticks=[(at, bar.ticks[0][1]) for at in (0.0, 1.0)])
    boxes = [placed.box() for placed in ends.numbers(box)]
    x0, y0, x1, y1 = reduce(Box.union, boxes)
    around = Box(math.floor(x0) - 1, math.floor(y0) - 1, math.ceil(x1) + 1, math.ceil(y1) + 1)
    x0, y0, x1, y1 = map(int, part_beyond(around, bar.location, Box(*pixels_of(box))))
    # a look may hold functions and matrices, which a layout must not
    style = TickStyle(*(getattr(look, name) for name in TickStyle._fields))
    numbers = BarNumbers(
        style, box, max(0, x0), max(0, y0), min(geometry.width, x1), min(geometry.height, y1)
    )
    labels = tuple(placed for placed in geometry.labels if id(placed.label) not in own)
    plan = plan._replace(bar=bar._replace(ticks=[], minor=[]))
    return plan, geometry._replace(labels=labels), numbers
