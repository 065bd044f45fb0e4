"""The summary of a written GIF, and warnings about values not shown as given."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from fastheat.figure.base import Figure, warn_of, warn_of_labels, ways_of
from fastheat.inputs.sources.shapes import Shapes
from fastheat.layout.layout import Layout
from fastheat.messages import many, warn
from fastheat.pipeline.output import Output


@dataclass(frozen=True, slots=True)
class GifSummary:
    """Summary of a written GIF, and of everything in its frames that is not shown as given.

    Attributes
    ----------
    frames : int
        Frames taken from the source.
    merged : int
        Frames that showed the same as the previous one and only made it last longer.
    size : (int, int)
        Width and height in pixels.
    duration : float
        Length of the animation in milliseconds, played once.
    vmin, vmax : float
        Values at the ends of the colormap; if there are several ranges, of panels or of frames, the
        smallest `vmin` and the largest `vmax`.
    ranges : dict
        `vmin` and `vmax` of each panel by its name; empty for a single heatmap.
    autoscale : str or None
        "frame" if each frame had a range of its own.
    under, over, bad : int
        Number of values below `vmin`, above `vmax`, and NaN, infinite or rejected by the norm, over
        all cells and frames.
    refused : int
        Number of finite values among the bad ones, which the norm rejected.
    masked : int
        Number of masked cells, which do not count as bad.
    reduced : str or None
        Value that was drawn for each block of values, "mean", "max", "min" or "absmax", if there
        were more values than pixels.
    cells : (int, int)
        Rows and columns that were drawn, fewer than those of the matrix if it was reduced; for
        panels, a dict of them by name.
    hidden : int
        Texts left out because their cells had no room.
    untitled : int
        Frames whose title was left out for lack of room.
    left_out : tuple of str
        Labels of rows and columns that were left out because they would overlap, and ticks of the
        colour bar that would overlap or are outside of the range.
    lacking : str
        Characters that the font has no glyph for.
    raised : int
        Frames whose delay was raised to 20 ms, the shortest that browsers honour.
    bytes : int
        Size of the GIF.
    seconds : float
        Time that writing took.
    """

    frames: int
    merged: int
    size: tuple[int, int]
    duration: float
    vmin: float
    vmax: float
    ranges: dict[str, tuple[float, float]]
    autoscale: str | None
    under: int
    over: int
    bad: int
    refused: int
    masked: int
    reduced: str | None
    cells: Shapes
    hidden: int
    untitled: int
    left_out: tuple[str, ...]
    lacking: str
    raised: int
    bytes: int
    seconds: float

    @property
    def sides(self) -> tuple[str, str]:
        """The ends of the range, in words."""
        if self.autoscale == "frame":
            return "the vmin of their frame", "the vmax of their frame"
        if self.ranges:
            return "the vmin of their panel", "the vmax of their panel"
        return f"vmin={self.vmin:g}", f"vmax={self.vmax:g}"


def summarise(picture: Figure, layout: Layout, output: Output, seconds: float) -> GifSummary:
    """Return the summary of a GIF, and warn of everything that is not shown as given."""
    target, clock, shown = output.file, output.clock, output.shown
    assert target is not None
    if target.gone:
        warn(
            "the file was removed or replaced while it was written, so that what came then is lost"
        )
    warn_of(shown, layout)
    warn_of_labels(layout)
    limits = tuple(chain.from_iterable(panel.limits for panel in layout.panels))
    ends = [end for end in shown.extremes or limits if end is not None]
    pairs = zip(ends[::2], ends[1::2], strict=True)
    summary = GifSummary(
        frames=clock.frames,
        merged=target.merged,
        size=layout.size,
        duration=10.0 * target.ticks,
        vmin=min(ends),
        vmax=max(ends),
        ranges=dict(zip(picture.ranges, pairs, strict=False)),
        autoscale="frame" if layout.has_frame_limits else None,
        under=shown.under,
        over=shown.over,
        bad=shown.bad,
        refused=shown.refused,
        masked=shown.masked,
        reduced=", ".join(ways_of(layout)) or None,
        cells=layout.shape,
        hidden=shown.hidden,
        untitled=shown.untitled,
        left_out=layout.left_out + layout.beyond,
        lacking="".join(dict.fromkeys(layout.lacking + shown.lacking)),
        raised=clock.raised,
        bytes=target.length,
        seconds=seconds,
    )
    low, high = summary.sides
    sides = [(shown.under, f"below {low}"), (shown.over, f"above {high}")]
    clipped = [f"{many(count, 'value')} {where}" for count, where in sides if count]
    if clipped:
        warn(f"over all frames, {' and '.join(clipped)} have the colours of the ends")
    if shown.refused:
        warn(
            f"over all frames, {many(shown.refused, 'value')} that the norm does not take have the "
            "colour of bad"
        )
    clock.warn()
    return summary
