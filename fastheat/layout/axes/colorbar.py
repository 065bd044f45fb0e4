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
    ticks: Sequence[tuple[float, Label]]  # position and label of each
    label: Label | None
    minor: Sequence[float]  # positions of ticks without a label
    changes: bool = False  # whether its ticks change from frame to frame
    shrink: float = 1.0  # its length as a fraction of the room for it
    aspect: float | None = None  # length to thickness; None is BAR_ASPECT if that is thick enough

    @property
    def upright(self) -> bool:
        """True if the bar is vertical, to the left or right of the cells."""
        return self.location in ("left", "right")

    def gap_and_strip(self, size: float, fontsize: float) -> tuple[float, float]:
        """Return the gap between cells and bar and the strip for the bar, of `size` px in total."""
        least = BAR_LEAST * fontsize
        return max(BAR_PADS[self.location] * size, least), max(BAR_FRACTION * size, least)

    def beside(self, cells: Box, labels: Sequence[Placed], fontsize: float, point: float) -> Box:
        """Return the box of the bar beside cells with labels around them."""
        size = cells.width if self.upright else cells.height
        whole = size / (1 - BAR_FRACTION - BAR_PADS[self.location])
        gap, strip = self.gap_and_strip(whole, fontsize)
        gap = min(gap, BAR_GAP * fontsize)
        # a bar that is longer than the cells is centred on them
        length = cells.height if self.upright else cells.width
        more = max(0.0, BAR_LENGTH * fontsize - length) / 2
        box = Box(0.0, 0.0, 0.0, 0.0)
        for _ in range(2):
            slot = widened(cells, self.location, gap + strip)
            if self.upright:
                slot = slot._replace(y0=slot.y0 - more, y1=slot.y1 + more)
            else:
                slot = slot._replace(x0=slot.x0 - more, x1=slot.x1 + more)
            box = self.place(slot, strip, fontsize)
            gap = max(gap, self.reach(cells, box, labels, point))
        return box

    def place(self, slot: Box, strip: float, fontsize: float) -> Box:
        """Return the box of the bar in the strip at its side of a slot, as by `Figure.colorbar`."""
        room = self.shrink * (slot.height if self.upright else slot.width)
        aspect, least = self.aspect or BAR_ASPECT, BAR_LEAST * fontsize if not self.aspect else 1.0
        thick = max(min(strip, room / aspect), least)
        half = min(room, aspect * thick) / 2
        x, y = (slot.x0 + slot.x1) / 2, (slot.y0 + slot.y1) / 2
        if self.location == "left":
            return Box(slot.x0 + strip - thick, y - half, slot.x0 + strip, y + half)
        if self.location == "right":
            return Box(slot.x1 - strip, y - half, slot.x1 - strip + thick, y + half)
        if self.location == "top":
            return Box(x - half, slot.y0 + strip - thick, x + half, slot.y0 + strip)
        return Box(x - half, slot.y1 - strip, x + half, slot.y1 - strip + thick)

    def reach(self, cells: Box, box: Box, labels: Sequence[Placed], point: float) -> float:
        """Return the gap between cells and bar at which the bar clears all labels, in pixels."""
        reach = 0.0
        for placed in self.labels(box, point):  # these may stick out beyond the bar
            box = box.union(placed.box())
        for placed in labels:
            label = placed.box()
            if self.upright and label.y1 > box.y0 and label.y0 < box.y1:
                out = cells.x0 - label.x0 if self.location == "left" else label.x1 - cells.x1
            elif not self.upright and label.x1 > box.x0 and label.x0 < box.x1:
                out = cells.y0 - label.y0 if self.location == "top" else label.y1 - cells.y1
            else:
                continue
            reach = max(reach, out)
        return reach + LABEL_PAD * point if reach > 0 else 0.0

    def numbers(self, box: Box, point: float) -> list[Placed]:
        """Place the tick labels."""
        gap = (TICK_LENGTH + TICK_PAD) * point
        if self.upright:
            x = box.x0 - gap if self.location == "left" else box.x1 + gap
            return [Placed(label, x, box.y1 - at * box.height) for at, label in self.ticks]
        y = box.y0 - gap if self.location == "top" else box.y1 + gap
        return [Placed(label, box.x0 + at * box.width, y) for at, label in self.ticks]

    def labels(self, box: Box, point: float) -> list[Placed]:
        """Place the tick labels and the label of the bar."""
        pad = LABEL_PAD * point
        placed = self.numbers(box, point)
        if self.label:
            x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
            if self.location == "left":
                x = min((p.box().x0 for p in placed), default=box.x0) - pad
            elif self.location == "right":
                x = max((p.box().x1 for p in placed), default=box.x1) + pad
            elif self.location == "top":
                y = min((p.box().y0 for p in placed), default=box.y0) - pad
                y += self.label.metrics()[2]  # its baseline is at the pad, as that of a title
            else:
                y = max((p.box().y1 for p in placed), default=box.y1) + pad
            placed.append(Placed(self.label, x, y))
        return placed

    def tick_marks(self, box: Box, point: float) -> Iterator[tuple[int, int, int, int]]:
        """Yield the tick marks of a bar in a box as pixels (x0, y0, x1, y1), ends included."""
        length, width, short, thin = (
            max(1, round(x * point)) for x in (TICK_LENGTH, TICK_WIDTH, MINOR_LENGTH, MINOR_WIDTH)
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
