"""Figures: the interface and the drawing that `Heatmap` and `Panels` share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastheat.inputs.frames.annotations import Samples, cells_in
from fastheat.inputs.frames.ranges import DataLimits, Range, range_text
from fastheat.inputs.frames.stream import Frames
from fastheat.inputs.sources.shapes import Shapes
from fastheat.layout.layout import Layout, Shown
from fastheat.layout.options import read_text
from fastheat.layout.reduction import Reduction, Reductions
from fastheat.messages import many, short, warn
from fastheat.render.stills import paint
from fastheat.tables import TRANSPARENT


def pairs_of(ends: Range) -> list[tuple[float | None, float | None]]:
    """Return `vmin` and `vmax` of each panel."""
    return list(zip(ends[::2], ends[1::2], strict=True))


class Figure(ABC):
    """One or several heatmaps in one picture, whose layout is computed before any is drawn."""

    _dtype: np.dtype[Any]  # of the values that were drawn last
    _told = False  # whether the user was warned of labels that are left out

    @property
    @abstractmethod
    def shape(self) -> Shapes:
        """Rows and columns of the matrices."""

    @property
    @abstractmethod
    def range(self) -> Range:
        """`vmin` and `vmax` of each panel in turn, None where they are not known yet."""

    @property
    def range_text(self) -> str:
        """The ranges as a title shows them."""
        pairs = pairs_of(self.range)
        known = [(low, high) for low, high in pairs if low is not None and high is not None]
        return range_text(dict(zip(self.ranges or [""], known, strict=True)))

    @property
    @abstractmethod
    def ranges(self) -> dict[str, tuple[float, float]]:
        """`vmin` and `vmax` by the name of the panel; empty for a heatmap."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The text above the figure."""

    @property
    @abstractmethod
    def titled(self) -> bool:
        """Whether there is a place for a title of each frame."""

    @property
    @abstractmethod
    def cbar(self) -> bool:
        """Whether every panel has a colour bar."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the scalars in the line plot."""
        return ()

    @property
    @abstractmethod
    def threshold(self) -> float | None:
        """The value above which texts have the second of their colours."""

    @property
    @abstractmethod
    def reduction(self) -> Reduction | Reductions | None:
        """The reduction of matrices to those that are drawn, None if all are drawn as they are."""

    @property
    @abstractmethod
    def lower_bounds(self) -> tuple[float, ...]:
        """The values that the ranges of panels cannot go below; -inf where they can."""

    @abstractmethod
    def check_growth(self) -> None:
        """Raise ValueError if an option rules out a range that grows."""

    @abstractmethod
    def data_limits(self) -> DataLimits:
        """Return empty limits, which take in values as this figure counts them."""

    def find_range(self, values: NDArray[np.float64]) -> Range:
        """Return the range of frames, (..., C) or (..., N, M)."""
        limits = self.data_limits()
        limits.add(values)
        return limits.found

    @abstractmethod
    def completed(self, found: Range) -> Figure:
        """Return the same figure with the ends of ranges that are not known taken from `found`."""

    @abstractmethod
    def with_limits(self, ends: Range) -> Figure:
        """Return the same figure over other ranges, whatever was given."""

    @abstractmethod
    def per_frame_limits(self) -> Figure:
        """Return the same figure with each frame over a range of its own, unless it was given.

        Raises
        ------
        ValueError
            If another option rules that out.
        """

    @property
    @abstractmethod
    def has_frame_limits(self) -> bool:
        """Whether each frame has a range of its own."""

    @abstractmethod
    def freeze_axes(self, dtype: np.dtype[Any]) -> Figure:
        """Return the same figure with cells that stay in place when its range changes."""

    @abstractmethod
    def with_titles(self) -> Figure:
        """Return the same figure with a place for a title of each frame, as large as its own."""

    def for_frames(self, count: int, steps: Sequence[int] | None = None) -> Figure:
        """Return the same figure with room for `count` frames in its line plot.

        Parameters
        ----------
        steps
            The number of each frame, which the plot counts if they are evenly spaced.
        """
        return self

    @property
    @abstractmethod
    def sample(self) -> Samples | None:
        """Sample of the per-frame annotations that the figure reserves room for, or None."""

    @abstractmethod
    def with_annots(self, dtype: np.dtype[Any]) -> Figure:
        """Return the same figure with room for annotations of each frame.

        Parameters
        ----------
        dtype
            Of the annotations, that of str for texts; of panels with a field for each that has any.
        """

    @abstractmethod
    def layout(self, dtype: np.dtype[Any] | None = None) -> Layout:
        """Return the layout of frames with values of `dtype`.

        The default is the dtype of the values that were drawn last, float64 before.

        Raises
        ------
        ValueError
            If the range is not known yet, or something has no room.
        """

    @abstractmethod
    def _adopt(self, other: Figure) -> None:
        """Take on the range of the same figure over another one."""

    @abstractmethod
    def _open(self, values: Any) -> tuple[Frames, NDArray[np.float64] | None]:
        """Return one frame, and the scalars of those before it if it comes with them."""

    @abstractmethod
    def _check_annots(self, written: np.dtype[Any] | None) -> None:
        """Raise ValueError if annotations are missing that the figure was made for."""

    def _draw(self, values: Any, title: str | None, annot: Any) -> tuple[NDArray[np.uint8], Layout]:
        """Return palette indices of a frame, and the layout that they were drawn with."""
        noted = None if annot is None else cells_in(annot, self.shape)
        frames, past = self._open(values)
        if title is not None:
            read_text("title", title)
        figure = self if title is None or self.titled else self.with_titles()
        if figure.reduction is not None:
            frames = frames.through(figure.reduction)
        (frame,) = next(frames.chunks(1))
        if None in self.range:
            found = figure.find_range(frame)
            self._adopt(self.completed(found))
            # as it was measured, since the size of panels decides how their matrices are reduced
            figure = self if figure is self else figure.completed(found)
        cells, written = (None, None) if noted is None else (noted.drawn(), noted.dtype)
        drawn = figure._drawn(frame, frames.dtype, title, cells, written, past)
        self._dtype, self._told = figure._dtype, figure._told
        return drawn

    def _drawn(
        self,
        frame: NDArray[np.float64],
        dtype: np.dtype[Any],
        title: str | None,
        annot: NDArray[Any] | None,
        written: np.dtype[Any] | None,
        past: NDArray[np.float64] | None,
    ) -> tuple[NDArray[np.uint8], Layout]:
        self._dtype = dtype
        self._check_annots(written)
        figure = self if title is None or self.titled else self.with_titles()
        if written is not None:
            figure = figure.with_annots(written)
        layout = figure.layout()
        indices, shown = paint(layout, frame, title or "", annot, past)
        warn_of(shown, layout)
        if not self._told:
            self._told = True
            warn_of_labels(layout)
        return indices, layout

    def frame_image(
        self,
        values: NDArray[np.float64],
        dtype: np.dtype[Any],
        title: str | None,
        annot: NDArray[Any] | None = None,
        written: np.dtype[Any] | None = None,
        past: NDArray[np.float64] | None = None,
    ) -> Image.Image:
        """Draw one frame of a chunk, reduced already if it is to be.

        Parameters
        ----------
        dtype, written
            The dtypes of the frames and of their annotations, as they were given.
        past
            (P, K) the scalars of all frames before, if there is a line plot.
        """
        return image_of(*self._drawn(values, dtype, title, annot, written, past))

    def indices(
        self, values: Any, title: str | None = None, annot: Any = None
    ) -> NDArray[np.uint8]:
        """Draw one frame.

        Parameters
        ----------
        values
            (N, M) numbers; for panels a dictionary of such matrices, or a tuple in their order.
        title
            Replaces the figure's own title, and is drawn smaller if it is too long.
        annot
            (N, M) numbers or strings that replace the heatmap's own, drawn smaller if they are too
            long; for panels a dictionary of such matrices for some or all of them.

        Returns
        -------
        (height, width) uint8
            Indices into `palette`.
        """
        return self._draw(values, title, annot)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self.layout().size

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours, (256, 3) uint8; unused ones are black."""
        return self.layout().table.copy()

    def rgb(self, values: Any, title: str | None = None, annot: Any = None) -> NDArray[np.uint8]:
        """Draw one frame as (height, width, 3) uint8; the arguments are those of `indices`."""
        indices, layout = self._draw(values, title, annot)
        colors: NDArray[np.uint8] = layout.table[indices]
        return colors

    def image(self, values: Any, title: str | None = None, annot: Any = None) -> Image.Image:
        """Draw one frame as a Pillow image of mode P; the arguments are those of `indices`."""
        return image_of(*self._draw(values, title, annot))


def image_of(indices: NDArray[np.uint8], layout: Layout) -> Image.Image:
    """Return palette indices as an image."""
    image = Image.fromarray(indices)
    image.putpalette(layout.table.tobytes())
    if layout.transparent:
        image.info["transparency"] = TRANSPARENT
    return image


def warn_of(shown: Shown, layout: Layout) -> None:
    """Warn of values, texts and colours that are not shown as given."""
    for panel in layout.panels:
        if panel.reduction is not None:
            warn((f"panel {panel.name!r}: " if panel.name else "") + panel.reduction.told())
    if shown.hidden:
        warn(
            f"left out the text of {many(shown.hidden, 'cell')} without room for it at a size that "
            "can be read: give a larger figsize, a smaller text_size, a shorter valfmt, or "
            "valfmt=None"
        )
    if shown.untitled:
        warn(
            f"left out the title of {many(shown.untitled, 'frame')} without room for it at a size "
            "that can be read: give a larger figsize or a shorter title"
        )
    if shown.lacking:
        warn(f"no font has a glyph for {short(shown.lacking)}: give font= a font file that has")
    if layout.replaced:
        warn(
            f"{many(layout.replaced, 'colour')} of the panels' cells, which 256 colours have no "
            f"room for, are shown in the nearest that they have, up to {layout.off:.1f} off "
            "(CIEDE2000): give maps that are alike"
        )


def empty_ranges(figure: Figure, given: Range) -> str:
    """Describe the ranges that were not `given` and hold a single value; "" if there is none."""
    pairs = zip(pairs_of(figure.range), pairs_of(given), strict=True)
    empty = [None in own and ends[0] == ends[1] for ends, own in pairs]
    if not any(empty):
        return ""
    if not figure.ranges:
        vmin, vmax = figure.range
        return f"an empty range, vmin={vmin:g} and vmax={vmax:g},"
    names = " and ".join(map(repr, compress(figure.ranges, empty)))
    return f"empty ranges of {names}"


def warn_of_labels(layout: Layout) -> None:
    """Warn of labels that were asked for and are left out."""
    if layout.left_out:
        warn(
            f"left out {' and '.join(layout.left_out)}, which have no room: give a larger figsize, "
            "a smaller fontsize, labels that are turned, or thin_labels=False to draw all of them"
        )
    if layout.beyond:
        warn(f"left out {' and '.join(layout.beyond)}, which are not in the range")


def ways_of(layout: Layout) -> tuple[str, ...]:
    """Return the ways in which matrices are reduced."""
    found = (panel.reduction.how for panel in layout.panels if panel.reduction is not None)
    return tuple(dict.fromkeys(found))
