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

    def layout(self, limits: Range, kind: np.dtype[Any]) -> Layout:
        """Return a layout with the colour bar over a range as its background."""
        layout = self.heatmap.with_limits(limits).layout(kind)
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
        rows=Labels(),
        columns=Labels(),
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
    last = side in ("right", "bottom")
    if last:
        drawn = drawn[drawn > round(cells.x1 if upright else cells.y1)]
    else:
        drawn = drawn[drawn < round(cells.x0 if upright else cells.y0) - 1]
    # numbers that change are not in the background
    lows = (numbers.x0 if upright else numbers.y0 for numbers, _ in layout.bars)
    highs = (numbers.x1 if upright else numbers.y1 for numbers, _ in layout.bars)
    start, stop = min([int(drawn[0]), *lows]), max([int(drawn[-1]) + 1, *highs])
    start, stop = (start, stop + pad) if last else (max(0, start - pad), stop)
    if frozen and upright:
        more = round(BAR_ROOM * size)
        stop += more
        by = more if side == "left" else max(0, stop - frame.width)
        bar = bar.with_look(frame=frame.widened(side, by))
    return SharedBar(bar, side, start, stop)
