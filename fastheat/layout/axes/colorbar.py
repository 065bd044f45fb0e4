"""The colour bar: its size and position, its ticks and labels, and its drawing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.layout.axes.measures import (
    LABEL_PAD,
    MINOR_LENGTH,
    MINOR_WIDTH,
    SIDES,
    TICK_LENGTH,
    TICK_PAD,
    TICK_WIDTH,
    pixels_of,
    tick_mark,
    widened,
)
from fastheat.style.colors.palette import Palette
from fastheat.style.text.labels import Box, Label, Placed

BAR_FRACTION, BAR_ASPECT = 0.15, 20.0  # defaults of Figure.colorbar, as are the pads
BAR_PADS = {"left": 0.10, "right": 0.05, "top": 0.05, "bottom": 0.15}
BAR_LEAST = 0.6  # font sizes, least thickness of a colour bar and least gap to the cells
BAR_GAP = 1.6  # font sizes, largest gap without figsize, unless labels need more
BAR_LENGTH = 9.0  # font sizes, least length of a colour bar without figsize


class Bar(NamedTuple):
    """A colour bar with its ticks and label.

    Positions along the bar run from 0 at its start to 1 at its end. It starts at the bottom, or at
    the left if it is above or below the cells.
    """

    location: str  # "left", "right", "top" or "bottom" of the cells
    fontsize: float  # px
    point: float  # px of one point
    ticks: Sequence[tuple[float, Label]]  # position and label of each
    minor: Sequence[float]  # positions of ticks without a label
    label: Label | None = None
    changes: bool = False  # whether its ticks change from frame to frame
    shrink: float = 1.0  # its length as a fraction of the room for it
    aspect: float | None = None  # length to thickness; None is BAR_ASPECT if that is thick enough

    @property
    def upright(self) -> bool:
        """True if the bar is vertical, to the left or right of the cells."""
        return self.location in ("left", "right")

    @property
    def first(self) -> bool:
        """True if the bar is to the left of the cells or above them."""
        return self.location in ("left", "top")

    def _turned(self, box: Box) -> Box:
        """Return a box as it is if the bar is vertical, with x and y exchanged otherwise."""
        return box if self.upright else Box(box.y0, box.x0, box.y1, box.x1)

    def gap_and_strip(self, size: float) -> tuple[float, float]:
        """Return the gap between cells and bar and the strip for the bar, of `size` px in total."""
        least = BAR_LEAST * self.fontsize
        return max(BAR_PADS[self.location] * size, least), max(BAR_FRACTION * size, least)

    def beside(self, cells: Box, labels: Sequence[Placed]) -> Box:
        """Return the box of the bar beside cells with labels around them."""
        across = self._turned(cells)
        whole = across.width / (1 - BAR_FRACTION - BAR_PADS[self.location])
        gap, strip = self.gap_and_strip(whole)
        gap = min(gap, BAR_GAP * self.fontsize)
        # a bar that is longer than the cells is centred on them
        more = max(0.0, BAR_LENGTH * self.fontsize - across.height) / 2
        box = Box(0.0, 0.0, 0.0, 0.0)
        for _ in range(2):
            x0, y0, x1, y1 = self._turned(widened(cells, self.location, gap + strip))
            slot = self._turned(Box(x0, y0 - more, x1, y1 + more))
            box = self.place(slot, strip)
            gap = max(gap, self.reach(cells, box, labels))
        return box

    def place(self, slot: Box, strip: float) -> Box:
        """Return the box of the bar in the strip at its side of a slot, as by `Figure.colorbar`."""
        x0, y0, x1, y1 = self._turned(slot)
        room = self.shrink * (y1 - y0)
        aspect = self.aspect or BAR_ASPECT
        least = 1.0 if self.aspect else BAR_LEAST * self.fontsize
        thick = max(min(strip, room / aspect), least)
        half, middle = min(room, aspect * thick) / 2, (y0 + y1) / 2
        if self.first:
            x0, x1 = x0 + strip - thick, x0 + strip
        else:
            x0, x1 = x1 - strip, x1 - strip + thick
        return self._turned(Box(x0, middle - half, x1, middle + half))

    def reach(self, cells: Box, box: Box, labels: Sequence[Placed]) -> float:
        """Return the gap between cells and bar at which the bar clears all labels, in pixels."""
        reach = 0.0
        for placed in self.labels(box):  # these may stick out beyond the bar
            box = box.union(placed.box())
        bar, inner = self._turned(box), self._turned(cells)
        for label in (self._turned(placed.box()) for placed in labels):
            if label.y1 > bar.y0 and label.y0 < bar.y1:
                reach = max(reach, inner.x0 - label.x0 if self.first else label.x1 - inner.x1)
        return reach + LABEL_PAD * self.point if reach > 0 else 0.0

    def numbers(self, box: Box) -> list[Placed]:
        """Place the tick labels."""
        gap = (TICK_LENGTH + TICK_PAD) * self.point
        side = box[SIDES.index(self.location)] + (-gap if self.first else gap)
        if self.upright:
            return [Placed(label, side, box.y1 - at * box.height) for at, label in self.ticks]
        return [Placed(label, box.x0 + at * box.width, side) for at, label in self.ticks]

    def labels(self, box: Box) -> list[Placed]:
        """Place the tick labels and the label of the bar."""
        pad = LABEL_PAD * self.point
        placed = self.numbers(box)
        if self.label:
            x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
            k = SIDES.index(self.location)
            sides = [p.box()[k] for p in placed] or [box[k]]
            side = min(sides) - pad if self.first else max(sides) + pad
            if self.upright:
                x = side
            else:  # above the bar, its baseline is at the pad, as that of a title
                y = side + self.label.metrics()[2] if self.first else side
            placed.append(Placed(self.label, x, y))
        return placed

    def tick_marks(self, box: Box) -> Iterator[tuple[int, int, int, int]]:
        """Yield the tick marks of a bar in a box as pixels (x0, y0, x1, y1), ends included."""
        length, width, short, thin = (
            max(1, round(x * self.point))
            for x in (TICK_LENGTH, TICK_WIDTH, MINOR_LENGTH, MINOR_WIDTH)
        )
        marks = [(at, length, width) for at, _ in self.ticks]
        for at, long, wide in marks + [(at, short, thin) for at in self.minor]:
            place = box.y1 - at * box.height if self.upright else box.x0 + at * box.width
            at_pixel = math.floor(place) - (wide - 1) // 2
            yield tick_mark(pixels_of(box), self.location, at_pixel, long, wide)

    def draw(
        self,
        background: NDArray[np.uint8],
        box: Box,
        palette: Palette,
        entries: NDArray[np.intp],
        width: int,
    ) -> None:
        """Draw the colours and the outline of the bar.

        Parameters
        ----------
        background
            (H, W) palette indices to draw into.
        box
            The box of the bar.
        entries
            Colormap indices that the bar shows in equal segments, from its start.
        width
            Width of the outline in px.
        """
        x0, y0, x1, y1 = pixels_of(box)
        count = y1 - y0 if self.upright else x1 - x0
        parts = ((np.arange(count) + 0.5) / count * len(entries)).astype(np.intp)
        fills = palette.fills[entries[parts]]
        background[y0:y1, x0:x1] = fills[::-1, None] if self.upright else fills
        outline = palette.solid["tick"]
        background[y0 - width // 2 : y0 - width // 2 + width, x0:x1] = outline
        background[y1 - width : y1, x0:x1] = outline
        background[y0:y1, x0 : x0 + width] = outline
        background[y0:y1, x1 - width : x1] = outline
