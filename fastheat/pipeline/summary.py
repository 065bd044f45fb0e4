"""What was written, as numbers, and the warnings of what is not shown as given."""

from __future__ import annotations

from dataclasses import dataclass

from fastheat.figure.base import Figure, warn_of, warn_of_labels, ways_of
from fastheat.gif.clock import Clock
from fastheat.gif.file import GifFile
from fastheat.inputs.sources.shapes import Shapes
from fastheat.layout.layout import Layout, Shown
from fastheat.messages import many, warn


@dataclass(frozen=True, slots=True)
class GifSummary:
    """What was written, and what of the frames could not be shown as given.

    Attributes
    ----------
    frames : int
        Frames taken from the source.
    merged : int
        Those that showed the same as the one before and only made it last longer.
    size : (int, int)
        Width and height in pixels.
    duration : float
        Milliseconds that the animation plays once.
    vmin, vmax : float
        The values at the ends of the colormap; of panels the least and the greatest of all, and so
        of frames that have ranges of their own.
    ranges : dict
        `vmin` and `vmax` of each panel by its name; empty of a single heatmap.
    autoscale : str or None
        "frame" where each frame had a range of its own.
    under, over, bad : int
        Values below `vmin`, above `vmax`, and NaN, infinite or such that the norm cannot take them,
        over all cells and frames.
    refused : int
        Those of the bad ones that are finite, but the norm does not take them.
    masked : int
        Cells that are masked, which are not among these.
    reduced : str or None
        What blocks of values were drawn as, one of "mean", "max", "min" and "absmax", where there
        were more values than pixels.
    cells : (int, int)
        The rows and columns that were drawn, fewer than the matrix has where it was reduced; of
        panels those of each by its name.
    hidden : int
        Texts left out since their cells had no room.
    untitled : int
        Frames whose title was left out for want of room.
    left_out : tuple of str
        Which labels of rows and columns were left out since they would overlap, and which ticks of
        the colour bar since they would too or are not in the range.
    lacking : str
        Characters that the font has no glyph for.
    raised : int
        Frames whose delay was raised to 20 ms, the shortest that browsers keep to.
    bytes : int
        Size of the GIF.
    seconds : float
        Time that it took.
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
        """What values are below or above of, in words."""
        if self.autoscale == "frame":
            return "the vmin of their frame", "the vmax of their frame"
        if self.ranges:
            return "the vmin of their panel", "the vmax of their panel"
        return f"vmin={self.vmin:g}", f"vmax={self.vmax:g}"


def summarise(
    picture: Figure,
    layout: Layout,
    shown: Shown,
    clock: Clock,
    target: GifFile,
    seconds: float,
) -> GifSummary:
    """Return what was written, and warn of what is not shown as given."""
    if target.gone:
        warn(
            "the file was removed or replaced while it was written, so that what came then is lost"
        )
    warn_of(shown, layout)
    warn_of_labels(layout)
    ends = [end for end in shown.extremes or picture.range if end is not None]
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
