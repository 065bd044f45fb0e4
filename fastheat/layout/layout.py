"""Layouts: everything from which frames are drawn, except their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range, range_text, wider_limits
from fastheat.inputs.sources.masks import hidden
from fastheat.inputs.sources.shapes import Shape, Shapes, split
from fastheat.layout.axes.bar_numbers import BarNumbers
from fastheat.layout.axes.geometry import Frame
from fastheat.layout.frame_ranges import Scaling
from fastheat.layout.lineplot import Plot
from fastheat.layout.reduction import Reduction
from fastheat.style.colors.palette import SharedPalette
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.formats import ValueFormat
from fastheat.style.text.typeset import Lettering
from fastheat.tables import Grid, Shades, Type, Writing


class TitlePlace(NamedTuple):
    """The place of the title of each frame; (x, y) is the bottom centre of its last line."""

    x: float
    y: float
    size: float  # px
    top: int  # rows top <= y < bottom of the image contain nothing but the title
    bottom: int
    margin: float  # px, free space at either end of the title, given up if it is too long


class Fixed(NamedTuple):
    """Texts in cells that are the same in all frames."""

    texts: tuple[str, ...]  # one for each cell
    lettering: Lettering


class Panel(NamedTuple):
    """The cells of one matrix: everything from which they are drawn, except its values."""

    name: str  # "" in a heatmap
    frame: Frame
    grid: Grid
    reduction: Reduction | None  # from matrices to cells, None without one
    shades: Shades
    label_ramp: NDArray[np.uint8]  # (steps,) palette index of labels at each coverage
    tick: int  # palette index of ticks
    type: Type
    longest: int  # the most segments in a text that the kernels write, 0 without text
    format: ValueFormat | None  # None without text
    writing: Writing | None  # the tables by which the kernels write values, None if they cannot
    typeface: Typeface
    sizes: tuple[float, ...]  # px, font sizes of text in cells, largest first
    dtype: np.dtype[Any]  # of the values; norms depend on it
    # dtype of the values or annotations that are written, str for text; formats depend on it
    written: np.dtype[Any]
    annotated: bool  # whether each frame comes with its own annotations
    fixed: Fixed | None  # texts that are the same in all frames
    vertical: int  # alignment of text: -1 top, 0 centre, 1 bottom
    crowded: int  # number of texts left out in each frame, if no cell has room for text
    mask: NDArray[np.bool_] | None  # True in cells that no frame shows
    norm: str  # identifies the norm, "" for the linear one
    limits: tuple[float, float]  # the range
    scaling: Scaling | None  # the rule by which each frame has its own range, None if it does not

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return len(self.grid.y0), len(self.grid.x0)

    @property
    def shape_read(self) -> tuple[int, int]:
        """Rows and columns of the matrices, before any reduction."""
        return self.shape if self.reduction is None else self.reduction.shape

    def from_top(self, cells: NDArray[Any]) -> NDArray[Any]:
        """Return values or texts (..., N, M) in the order of rows from the top down."""
        return np.ascontiguousarray(cells[..., ::-1, :]) if self.grid.origin_lower else cells

    def annots_in(self, annots: NDArray[Any] | None) -> NDArray[Any] | None:
        """Return the annotations of this panel out of those of frames, or None without any."""
        if annots is None or not self.annotated:
            return None
        return annots[self.name] if self.name else annots

    def moved(self, x: int, y: int, name: str, palette: SharedPalette, own: int) -> Panel:
        """Return the panel as part of a larger image.

        Parameters
        ----------
        x, y
            The position of the top left corner of its own image in the larger one.
        name
            Its name there.
        palette, own
            The palette of all panels, and the index of this panel among them.
        """
        grid, index = self.grid, palette.indices[own]
        ramps = index[self.shades.ramps]
        shades = self.shades._replace(
            ramps=ramps,
            alike=np.unique(ramps, axis=0, return_inverse=True)[1].reshape(-1),
            colors=palette.used,
        )
        return self._replace(
            name=name,
            frame=self.frame.moved(x, y),
            grid=Grid(
                grid.x0 + x,
                grid.x1 + x,
                grid.y0 + y,
                grid.y1 + y,
                grid.center + x,
                grid.origin_lower,
            ),
            shades=shades,
            label_ramp=index[self.label_ramp],
            tick=int(index[self.tick]),
            type=self.type._replace(tops=self.type.tops + y),
        )


class Layout(NamedTuple):
    """Everything from which frames are drawn, except their values: arrays and numbers only.

    A heatmap is an image of one panel. Equal layouts and values give equal pixels in every process.
    Frames are vectors (C,): the matrices of the panels in raster order, one after the other, then
    the scalars of the line plot.
    """

    panels: tuple[Panel, ...]
    background: NDArray[np.uint8]  # (H, W) palette indices of everything that never changes
    table: NDArray[np.uint8]  # (256, 3) the palette
    colors: int  # number of palette entries in use
    transparent: bool  # whether the background is transparent
    label_ramp: NDArray[np.uint8]  # (steps,) palette index of titles at each coverage
    typeface: Typeface  # of the titles of frames
    title: TitlePlace | None  # None if frames have no titles of their own
    plot: Plot | None  # the line plot
    dtype: np.dtype[Any]  # of the values, structured for panels
    # changing numbers at colour bars, each with the index of the panel whose range they show
    bars: tuple[tuple[BarNumbers, int], ...]
    shares: tuple[bool, ...]  # whether each panel takes part in a common range of each frame
    says_range: bool  # whether the title of each frame states its ranges
    lacking: str = ""  # characters of the labels without a glyph
    left_out: tuple[str, ...] = ()  # requested labels without room
    beyond: tuple[str, ...] = ()  # requested labels outside the range
    replaced: int = 0  # number of colours of cells replaced by the nearest in the palette
    off: float = 0.0  # the largest difference of a replaced colour, CIEDE2000

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.background.shape[1], self.background.shape[0]

    @property
    def shape(self) -> Shapes:
        """Rows and columns of cells, by name for panels."""
        return self._by_name([panel.shape for panel in self.panels])

    @property
    def shape_read(self) -> Shapes:
        """Rows and columns of the matrices before any reduction, by name for panels."""
        return self._by_name([panel.shape_read for panel in self.panels])

    def _by_name(self, shapes: Sequence[tuple[int, int]]) -> Shapes:
        if self.dtype.names is None:
            return shapes[0]
        named: dict[str, Shape] = dict.fromkeys(self.dtype.names, ())
        return named | dict(zip(self.dtype.names, shapes, strict=False))

    @property
    def scalars(self) -> int:
        """The number of scalars after the matrices of a frame."""
        return 0 if self.plot is None else len(self.plot.names)

    @property
    def writes(self) -> bool:
        """True if any panel has text in its cells."""
        return any(panel.format is not None for panel in self.panels)

    @property
    def has_frame_limits(self) -> bool:
        """True if each frame has its own ranges."""
        return any(panel.scaling is not None for panel in self.panels)

    def split(self, frames: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the matrices (..., N, M) of each panel in frames (..., C)."""
        return split(frames, [panel.shape for panel in self.panels])

    def ranges(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the range of each of P panels in each of the frames (T, C), shape (T, P, 2)."""
        found = []
        for panel, own in zip(self.panels, self.split(frames), strict=True):
            if panel.scaling is None:
                found.append(np.broadcast_to(np.array(panel.limits), (len(frames), 2)))
            else:
                found.append(panel.scaling.find(hidden(own, panel.mask)))
        together = list(compress(found, self.shares))
        if together:
            low, high = np.fmin.reduce(together)[:, 0], np.fmax.reduce(together)[:, 1]
            shared = np.stack([low, high], 1)
            found = [shared if s else own for own, s in zip(found, self.shares, strict=True)]
        each = zip(self.panels, found, strict=True)
        limits = [own if p.scaling is None else p.scaling.complete(own) for p, own in each]
        return np.stack(limits, 1)

    def over(self, ranges: NDArray[np.float64]) -> Layout:
        """Return the layout for T frames with ranges (T, P, 2)."""
        panels = (
            panel
            if panel.scaling is None
            else panel._replace(shades=panel.scaling.over(panel.shades, ranges[:, k]))
            for k, panel in enumerate(self.panels)
        )
        return self._replace(panels=tuple(panels))

    def titled(self, titles: Sequence[str], ranges: NDArray[np.float64]) -> list[str]:
        """Return the titles of T frames, followed by their ranges if `says_range`."""
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
    """Counts of cells and titles, over all frames, that could not be shown as given."""

    under: int = 0
    over: int = 0
    bad: int = 0
    masked: int = 0
    hidden: int = 0  # texts left out for want of room
    untitled: int = 0  # frames whose title is left out
    refused: int = 0  # bad cells with finite values that the norm does not accept
    lacking: str = ""  # characters without a glyph
    extremes: Range = ()  # the limits of the ranges of all frames, if each has its own

    def __add__(self, other: Shown) -> Shown:
        both = self.extremes, other.extremes
        return Shown(
            self.under + other.under,
            self.over + other.over,
            self.bad + other.bad,
            self.masked + other.masked,
            self.hidden + other.hidden,
            self.untitled + other.untitled,
            self.refused + other.refused,
            lacking="".join(dict.fromkeys(self.lacking + other.lacking)),
            extremes=wider_limits(*both) if all(both) else both[0] or both[1],
        )


def extremes_of(ranges: NDArray[np.float64]) -> Range:
    """Return the smallest ranges that contain the ranges (T, P, 2) of all frames."""
    low, high = ranges[..., 0].min(0), ranges[..., 1].max(0)
    return tuple(np.stack([low, high], 1).reshape(-1).tolist())
