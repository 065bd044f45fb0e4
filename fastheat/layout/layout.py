"""Layouts: everything that frames are drawn from, except their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range, range_text, wider_ends
from fastheat.inputs.sources.masks import hidden
from fastheat.inputs.sources.shapes import Shape, Shapes, split
from fastheat.layout.axes.bar_numbers import (
    BarNumbers,
)
from fastheat.layout.axes.geometry import Frame
from fastheat.layout.frame_ranges import Scaling
from fastheat.layout.lineplot import Plot
from fastheat.layout.reduction import Reduction
from fastheat.style.colors.palette import SharedPalette
from fastheat.style.text.atlas import (
    Writing,
)
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.formats import ValueFormat
from fastheat.style.text.typeset import Lettering, Shaped
from fastheat.tables import Grid, Shades, Type


class TitlePlace(NamedTuple):
    """Where the title of each frame stands: the middle of its last line's bottom at x, y."""

    x: float
    y: float
    size: float  # px
    top: int  # the rows of pixels from top up to bottom have nothing else
    bottom: int
    margin: float  # px, what is left free at either end of it, where it has room without


class Fixed(NamedTuple):
    """Texts that stay as they are in all frames."""

    texts: tuple[str, ...]  # of each cell
    shaped: Shaped
    lettering: Lettering


class Panel(NamedTuple):
    """The cells of one matrix: everything that they are drawn from, except its values."""

    name: str  # "" in a heatmap, which has no other
    frame: Frame
    grid: Grid
    reduction: Reduction | None  # of the values to those of the cells
    shades: Shades
    label_ramp: NDArray[np.uint8]  # (steps,) palette index of its labels at each coverage
    tick: int  # palette index of its ticks
    type: Type
    longest: int  # the most segments of a text that the kernels write; 0: no text
    format: ValueFormat | None  # None: no text
    writing: Writing | None  # the format where the kernels know it
    typeface: Typeface
    sizes: tuple[float, ...]  # px
    dtype: np.dtype[Any]  # of the values, which norms depend on
    written: np.dtype[Any]  # of the values that are written, which formats depend on; str of texts
    annotated: bool  # whether each frame comes with its own annotations
    fixed: Fixed | None  # the annotations of all frames
    vertical: int  # -1 top, 0 centre, 1 bottom
    crowded: int  # texts of a frame, where no cell has room for its
    mask: NDArray[np.bool_] | None  # the cells that no frame shows
    norm: str  # tells it from other norms, "" for the linear one
    ends: tuple[float, float]  # the range
    scaling: Scaling | None  # the rule by which each frame has its own range instead

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return len(self.grid.y0), len(self.grid.x0)

    @property
    def shape_read(self) -> tuple[int, int]:
        """Rows and columns of the matrices, of which there may be more than of cells."""
        return self.shape if self.reduction is None else self.reduction.shape

    def from_top(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return values or texts, (..., N, M), with the row first that stands at the top."""
        return np.ascontiguousarray(cells[..., ::-1, :]) if self.grid.lower else cells

    def annots_in(self, annots: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return the annotations of this panel among those of frames, None if it takes none."""
        if annots is None or not self.annotated:
            return None
        return annots[self.name] if self.name else annots

    def moved(self, x: int, y: int, name: str, palette: SharedPalette, own: int) -> Panel:
        """Return the panel as a part of a larger picture.

        Parameters
        ----------
        x, y
            The top left corner of its own picture in the larger one.
        name
            Its name there.
        palette, own
            The colours of all panels, and its number among them.
        """
        grid, index = self.grid, palette.indices[own]
        inks = index[self.shades.inks]
        shades = self.shades._replace(
            inks=inks,
            alike=np.unique(inks, axis=0, return_inverse=True)[1].reshape(-1),
            colors=palette.used,
        )
        return self._replace(
            name=name,
            frame=self.frame.moved(x, y),
            grid=Grid(
                grid.x0 + x, grid.x1 + x, grid.y0 + y, grid.y1 + y, grid.center + x, grid.lower
            ),
            shades=shades,
            label_ramp=index[self.label_ramp],
            tick=int(index[self.tick]),
            type=self.type._replace(tops=self.type.tops + y),
        )


class Layout(NamedTuple):
    """Everything that frames are drawn from, except their values: arrays and numbers only.

    A heatmap is a picture of one panel. Equal layouts and values give equal pixels in every
    process. Frames are vectors (C,): the matrices of the panels in raster order, one after the
    other, then the scalars of the line plot.
    """

    panels: tuple[Panel, ...]
    background: NDArray[np.uint8]  # (H, W) palette indices of everything that never changes
    table: NDArray[np.uint8]  # (256, 3) the palette
    colors: int  # entries in use
    transparent: bool  # whether the background is
    label_ramp: NDArray[np.uint8]  # (steps,) palette index of titles at each coverage
    typeface: Typeface  # of the titles of frames
    title: TitlePlace | None  # None: no frame has a title of its own
    plot: Plot | None  # the line plot
    dtype: np.dtype[Any]  # of the values; of several matrices their form
    bars: tuple[tuple[BarNumbers, int], ...]  # changing numbers at colour bars, and whose range
    shares: tuple[bool, ...]  # which panels have one range, where frames have their own
    says_range: bool  # whether that stands in the title
    lacking: str = ""  # letters of the labels without a glyph
    left_out: tuple[str, ...] = ()  # labels that were asked for and have no room
    beyond: tuple[str, ...] = ()  # labels that were asked for and are not in the range
    replaced: int = 0  # colours of cells that are shown in the nearest one for want of room
    off: float = 0.0  # and the most that they are off, CIEDE2000

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.background.shape[1], self.background.shape[0]

    @property
    def shape(self) -> Shapes:
        """Rows and columns of cells."""
        return self._by_name([panel.shape for panel in self.panels])

    @property
    def shape_read(self) -> Shapes:
        """Rows and columns of the matrices, of which there may be more than of cells."""
        return self._by_name([panel.shape_read for panel in self.panels])

    def _by_name(self, shapes: Sequence[tuple[int, int]]) -> Shapes:
        if self.dtype.names is None:
            return shapes[0]
        named: dict[str, Shape] = dict.fromkeys(self.dtype.names, ())
        return named | dict(zip(self.dtype.names, shapes, strict=False))

    @property
    def scalars(self) -> int:
        """The number of scalars behind the matrices of a frame."""
        return 0 if self.plot is None else len(self.plot.names)

    @property
    def writes(self) -> bool:
        """Whether there are texts in the cells of any panel."""
        return any(panel.format is not None for panel in self.panels)

    @property
    def has_frame_limits(self) -> bool:
        """Whether each frame has ranges of its own."""
        return any(panel.scaling is not None for panel in self.panels)

    def split(self, frames: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the matrices, (..., N, M), of each panel in frames (..., C)."""
        return split(frames, [panel.shape for panel in self.panels])

    def ranges(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the range of each panel in each of frames (T, C): (T, P, 2)."""
        found = []
        for panel, own in zip(self.panels, self.split(frames), strict=True):
            if panel.scaling is None:
                found.append(np.broadcast_to(np.array(panel.ends), (len(frames), 2)))
            else:
                found.append(panel.scaling.find(hidden(own, panel.mask)))
        together = list(compress(found, self.shares))
        if together:
            low, high = np.fmin.reduce(together)[:, 0], np.fmax.reduce(together)[:, 1]
            shared = np.stack([low, high], 1)
            found = [shared if s else own for own, s in zip(found, self.shares, strict=True)]
        each = zip(self.panels, found, strict=True)
        ends = [own if p.scaling is None else p.scaling.complete(own) for p, own in each]
        return np.stack(ends, 1)

    def over(self, ranges: NDArray[np.float64]) -> Layout:
        """Return the layout of T frames whose ranges are (T, P, 2)."""
        panels = (
            panel
            if panel.scaling is None
            else panel._replace(shades=panel.scaling.over(panel.shades, ranges[:, k]))
            for k, panel in enumerate(self.panels)
        )
        return self._replace(panels=tuple(panels))

    def titled(self, titles: Sequence[str], ranges: NDArray[np.float64]) -> list[str]:
        """Return the titles of T frames, followed by their ranges where the title says them."""
        if not self.says_range:
            return list(titles)
        names = [panel.name for panel in self.panels]
        each = zip(titles, ranges.tolist(), strict=True)
        return [
            f"{title}  {range_text(dict(zip(names, own, strict=True)))}".strip()
            for title, own in each
        ]


@dataclass(frozen=True, slots=True)
class Shown:
    """What could not be shown as it is, in cells over all frames, but for titles."""

    under: int = 0
    over: int = 0
    bad: int = 0
    masked: int = 0
    hidden: int = 0
    untitled: int = 0  # frames
    refused: int = 0  # of the bad ones, those that the norm does not take
    lacking: str = ""  # characters without a glyph
    extremes: Range = ()  # what the ranges of frames lie within, where each has its own

    def __add__(self, other: Shown) -> Shown:
        lacking = "".join(dict.fromkeys(self.lacking + other.lacking))
        return Shown(
            self.under + other.under,
            self.over + other.over,
            self.bad + other.bad,
            self.masked + other.masked,
            self.hidden + other.hidden,
            self.untitled + other.untitled,
            self.refused + other.refused,
            lacking,
            wider_ends(self.extremes, other.extremes)
            if self.extremes and other.extremes
            else self.extremes or other.extremes,
        )


def extremes_of(ranges: NDArray[np.float64]) -> Range:
    """Return what the ranges (T, P, 2) of frames lie within."""
    low, high = ranges[..., 0].min(0), ranges[..., 1].max(0)
    return tuple(np.stack([low, high], 1).reshape(-1).tolist())
