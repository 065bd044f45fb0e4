"""The colour bar that stands for all panels."""

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
    """A colour bar that stands for all panels, cut out of the picture of a heatmap."""

    heatmap: Heatmap
    side: str  # of the panels that it stands at
    start: int  # its columns of pixels, its rows if it is level
    stop: int

    @property
    def width(self) -> int:
        """Pixels that it takes beside the panels."""
        return self.stop - self.start if self.side in ("left", "right") else 0

    @property
    def height(self) -> int:
        """Pixels that it takes above or below them."""
        return self.stop - self.start - self.width

    def layout(self, ends: Range, kind: np.dtype[Any]) -> Layout:
        """Return the layout of the bar over a range, of which nothing else is drawn."""
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
    """Return the colour bar of one panel as that of all of them.

    Parameters
    ----------
    room
        Width and height of the panels, beside or above which it stands.
    frozen
        Whether its numbers may become longer, for which it has room then.
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
    for numbers, _ in layout.bars:  # which are not drawn yet
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
