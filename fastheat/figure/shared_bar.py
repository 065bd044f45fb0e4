"""A single colour bar for all panels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastheat.figure.heatmap import BAR_ROOM, Heatmap
from fastheat.inputs.frames.ranges import Range
from fastheat.layout.arrange import Size
from fastheat.layout.axes.measures import TIGHT_PAD
from fastheat.layout.layout import Layout
from fastheat.layout.options import Labels
from fastheat.tables import TRANSPARENT


class SharedBar(NamedTuple):
    """A colour bar for all panels, cut out of the image of a heatmap."""

    heatmap: Heatmap
    side: str  # of the panels on which it stands: "left", "right", "top" or "bottom"
    start: int  # first column of pixels in the image of the heatmap; row if it is horizontal
    stop: int  # past its last column or row

    @property
    def width(self) -> int:
        """Its width in px, if it stands beside the panels, or 0."""
        return self.stop - self.start if self.side in ("left", "right") else 0

    @property
    def height(self) -> int:
        """Its height in px, if it stands above or below the panels, or 0."""
        return self.stop - self.start - self.width

    def layout(self, ends: Range, kind: np.dtype[Any]) -> Layout:
        """Return a layout with the colour bar over a range as its background."""
        layout = self.heatmap.with_limits(ends).layout(kind)
        pixels = slice(self.start, self.stop)
        by = (-self.start, 0) if self.width else (0, -self.start)
        return layout._replace(
            background=layout.background[:, pixels] if self.width else layout.background[pixels],
            bars=tuple((numbers.moved(*by), k) for numbers, k in layout.bars),
        )


def shared_bar(
    panel: Heatmap, kind: np.dtype[Any], room: Size, *, frozen: bool = False
) -> SharedBar:
    """Return the colour bar of one panel, laid out as that of all panels.

    Parameters
    ----------
    panel
        The panel with the colour bar.
    kind
        The dtype of its values.
    room
        Width and height of all panels together.
    frozen
        Whether to reserve room for longer numbers, since the range may grow.
    """
    size, side = panel.look.fontsize, panel.look.bar_location
    upright = side in ("left", "right")
    across = room[upright] // 2 + round(20 * size)
    bar = panel.with_look(
        shape=(1, 1),
        rows=Labels(()),
        columns=Labels(()),
        row_groups=(),
        col_groups=(),
        annot=None,
        mask=None,
        valfmt=None,
        square=False,
        title="",
        xlabel="",
        ylabel="",
        figure=(across, room[1]) if upright else (room[0], across),
    )
    layout = bar.layout(kind)
    frame = layout.panels[0].frame
    cells = frame.cells
    paper = TRANSPARENT if layout.transparent else layout.label_ramp[0]
    drawn = np.flatnonzero((layout.background != paper).any(0 if upright else 1))
    pad = round(TIGHT_PAD * size)
    if side in ("right", "bottom"):
        drawn = drawn[drawn > round(cells.x1 if upright else cells.y1)]
        start, stop = int(drawn[0]), int(drawn[-1]) + 1 + pad
    else:
        drawn = drawn[drawn < round(cells.x0 if upright else cells.y0) - 1]
        start, stop = max(0, int(drawn[0]) - pad), int(drawn[-1]) + 1
    for numbers, _ in layout.bars:  # numbers that change are not in the background
        low, high = (numbers.x0, numbers.x1) if upright else (numbers.y0, numbers.y1)
        if side in ("right", "bottom"):
            start, stop = min(start, low), max(stop, high + pad)
        else:
            start, stop = max(0, min(start, low - pad)), max(stop, high)
    if frozen and upright:
        more = round(BAR_ROOM * size)
        stop += more
        by = more if side == "left" else max(0, stop - frame.width)
        bar = bar.with_look(frame=frame.widened(side, by))
    return SharedBar(bar, side, start, stop)
