"""Figures: the interface and the drawing that `Heatmap` and `Panels` share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastheat.checks import is_whole
from fastheat.inputs.frames.annotations import Sample, Samples, cells_in
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.ranges import (
    DataLimits,
    MatrixLimits,
    Range,
    completed_range,
    range_text,
)
from fastheat.inputs.frames.stream import converted_shape
from fastheat.inputs.sources.labelled import Axes
from fastheat.inputs.sources.shapes import Shapes
from fastheat.inputs.sources.tensors import as_array
from fastheat.layout.layout import Layout, Shown
from fastheat.layout.lineplot import Plot
from fastheat.layout.options import read_title
from fastheat.layout.reduction import Reduction
from fastheat.messages import many, short, warn
from fastheat.render.stills import paint
from fastheat.style.colors.norms import check_range
from fastheat.tables import TRANSPARENT

if TYPE_CHECKING:
    from typing_extensions import Self

    from fastheat.figure.heatmap import Heatmap


def pairs_of(limits: Range) -> list[tuple[float | None, float | None]]:
    """Return a list of the pairs (vmin, vmax) of the panels."""
    return list(zip(limits[::2], limits[1::2], strict=True))


class Figure(ABC):
    """One or several heatmaps in one image, whose layout is computed before any frame is drawn."""

    own_axes: Axes | None = None  # labels that the matrices of a heatmap carry
    _drawn_once = False  # whether labels and texts of the first values can no longer be taken
    _dtype: np.dtype[Any]  # of the values drawn last
    _layouts: dict[np.dtype[Any], Layout]  # by dtype
    _plot: Plot | None = None  # its place follows from the size of the image
    _shares: Sequence[bool] = ()  # whether each panel takes part in a common range; none by default
    _warned = False  # whether a warning about labels that are left out was issued

    @property
    @abstractmethod
    def heatmaps(self) -> Mapping[str, Heatmap]:
        """The heatmap of each panel by name; a heatmap is its only one, named ""."""

    @abstractmethod
    def _like(self, heatmaps: Iterable[Heatmap]) -> Self:
        """Return a copy of the figure with other heatmaps in place of its own."""

    @property
    @abstractmethod
    def shape(self) -> Shapes:
        """Rows and columns of the matrices."""

    @property
    def range(self) -> Range:
        """`vmin` and `vmax` of each panel in turn, each None until it is known."""
        return tuple(end for each in self.heatmaps.values() for end in each.limits)

    @property
    def range_text(self) -> str:
        """The ranges as text, in the form in which a title shows them."""
        return range_text(self._known())

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range (vmin, vmax) of each panel by name, if it is known; empty for a heatmap."""
        return {name: limits for name, limits in self._known().items() if name}

    def _known(self) -> dict[str, tuple[float, float]]:
        """Return the range of each panel, as far as both ends are known."""
        each = ((name, *heatmap.limits) for name, heatmap in self.heatmaps.items())
        return {
            name: (low, high) for name, low, high in each if low is not None and high is not None
        }

    @property
    @abstractmethod
    def title(self) -> str:
        """The title above all cells."""

    @property
    @abstractmethod
    def titled(self) -> bool:
        """True if there is room for a title that changes from frame to frame."""

    @property
    def cbar(self) -> bool:
        """True if every panel has a colour bar."""
        return all(each.look.bar for each in self.heatmaps.values())

    @property
    def lines(self) -> tuple[str, ...]:
        """The names of the scalars in the line plot."""
        return () if self._plot is None else self._plot.names

    @property
    def threshold(self) -> float | None:
        """The value above which text has the second of `textcolors`, or None.

        That of the first panel that has one.
        """
        found = (each.look.threshold for each in self.heatmaps.values())
        return next((each for each in found if each is not None), None)

    @property
    @abstractmethod
    def reductions(self) -> dict[str, Reduction]:
        """The reductions of matrices before they are drawn, by panel; none for the others."""

    def check_growth(self) -> None:
        """Raise ValueError if an option does not allow the range to grow."""
        for look in (each.look for each in self.heatmaps.values()):
            if look.threshold is not None:
                raise ValueError(
                    "expected no threshold with autoscale='grow', which would move the colours of "
                    "text"
                )
            if look.robust:
                raise ValueError(
                    "expected no robust with autoscale='grow', which covers all values"
                )
            if look.norm.fixed:
                raise ValueError(
                    f"expected no {look.norm.fixed} with autoscale='grow': its range stays as it is"
                )

    def data_limits(self) -> DataLimits:
        """Return empty limits, to which the values of frames can be added to find their range."""
        reductions, panels = self.reductions, []
        for name, each in self.heatmaps.items():
            # a reduction has left out the masked values already
            mask = None if name in reductions else each.look.mask
            panels.append(MatrixLimits(each.norm, robust=each.look.robust, mask=mask))
        shape = converted_shape(self.shape, reductions)
        return DataLimits(
            panels, list(shape.values()) if isinstance(shape, dict) else None, self._shares
        )

    def find_range(self, values: NDArray[np.float64]) -> Range:
        """Return the range of frames of shape (..., C) or (..., N, M)."""
        limits = self.data_limits()
        limits.add(values)
        return limits.found

    def completed(self, found: Range, *, known: bool = False) -> Self:
        """Return a copy of the figure with the unknown ends of ranges taken from `found`.

        Where that has none either, they are made up, unless only `known` ones are wanted.
        """
        each = zip(self.heatmaps.values(), pairs_of(found), strict=True)
        return self._like(
            h
            if known and None in own
            else h.with_checked_limits(*completed_range(h.norm, h.limits, own))
            for h, own in each
        )

    def without_values(self, found: Range) -> list[bool]:
        """Return for each panel whether its range is unknown, and has to be made up."""
        each = zip(self.heatmaps.values(), pairs_of(found), strict=True)
        return [None in h.limits and None in own and h.look.given is None for h, own in each]

    def with_limits(self, limits: Range) -> Self:
        """Return a copy of the figure over other ranges, in place of any that were given."""
        heatmaps = []
        for each, (low, high) in zip(self.heatmaps.values(), pairs_of(limits), strict=True):
            assert low is not None
            assert high is not None
            check_range(low, high)
            heatmaps.append(each.with_checked_limits(*each.norm.completed(low, high)))
        return self._like(heatmaps)

    def per_frame_limits(self) -> Self:
        """Return a copy of the figure in which each frame has its own range.

        Ends of ranges that are known stay the same in all frames. A heatmap with both is returned
        as it is.

        Raises
        ------
        ValueError
            If another option does not allow the range to change.
        """
        heatmaps = []
        for each in self.heatmaps.values():
            free = each.look.given is None and None in each.limits
            if free and each.look.threshold is not None:
                raise ValueError(
                    "expected no threshold with autoscale='frame', which would move the colours "
                    "of text"
                )
            heatmaps.append(each.with_look(given=each.limits) if free else each)
        return self._like(heatmaps)

    @property
    def has_frame_limits(self) -> bool:
        """True if each frame has its own range."""
        return any(each.look.given is not None for each in self.heatmaps.values())

    @property
    def axes(self) -> dict[str, Axes]:
        """The labels that the matrices of each panel carry, in whose order they are drawn."""
        each = ((name, heatmap.own_axes) for name, heatmap in self.heatmaps.items())
        return {name: axes for name, axes in each if axes is not None}

    @abstractmethod
    def labelled(self, axes: Mapping[str, Axes]) -> Self:
        """Return a copy of the figure with labels that matrices carry, where none were given.

        Parameters
        ----------
        axes
            The labels of the rows and columns of each panel by name; of a heatmap, under "".
        """

    @property
    def writes_by_function(self) -> bool:
        """True if the values of a panel are written by a function, or by Python's `format`."""
        looks = (each.look for each in self.heatmaps.values())
        formats = (look.valfmt for look in looks if look.annot is None)
        return any(each is not None and each.spec is None for each in formats)

    @abstractmethod
    def with_texts_of(self, values: NDArray[np.float64], dtype: np.dtype[Any]) -> Self:
        """Return a copy of the figure with room for the texts of a frame, after any reduction.

        Functions that write values may return longer texts than those of values tried beforehand.
        """

    @abstractmethod
    def with_seen(self, seen: Mapping[str, tuple[str, ...]]) -> Self:
        """Return a copy of the figure with room for texts by panel, as `seen` returns them."""

    @property
    def seen(self) -> dict[str, tuple[str, ...]]:
        """The texts of values drawn that each panel makes room for, where it has any."""
        each = ((name, heatmap.look.seen) for name, heatmap in self.heatmaps.items())
        return {name: texts for name, texts in each if texts}

    @abstractmethod
    def freeze_axes(self, dtype: np.dtype[Any]) -> Self:
        """Return a copy of the figure whose cells stay in place when its range changes."""

    @abstractmethod
    def with_titles(self) -> Self:
        """Return a copy of the figure with room for frame titles as large as its own."""

    def for_frames(self, count: int, steps: Iterable[Any] | None = None) -> Self:
        """Return a copy of the figure with room for `count` frames in its line plot.

        An `xlim` that was given is kept.

        Parameters
        ----------
        steps
            The step of each frame. The line plot shows steps if they are whole numbers, evenly
            spaced, and numbers of frames otherwise.
        """
        plot = self._plot
        if plot is None:
            return self
        if plot.room is None:
            plot = plot._replace(room=count)
        if isinstance(steps, Sequence) and len(steps) > 1 and all(map(is_whole, steps)):
            strides = set(np.diff(steps).tolist())
            if len(strides) == 1 and min(strides) > 0:
                plot = plot._replace(steps=(int(steps[0]), int(strides.pop())))
        other = self._like(self.heatmaps.values())
        other._plot = plot
        return other

    @property
    def sample(self) -> Samples | None:
        """Sample of the per-frame annotations that the figure reserves room for, or None.

        That of each annotated panel by name, if there are panels.
        """
        annots = {name: each.look.annot for name, each in self.heatmaps.items()}
        samples = {name: each for name, each in annots.items() if isinstance(each, Sample)}
        return samples.get("", samples or None)

    @abstractmethod
    def with_annots(self, dtype: np.dtype[Any]) -> Self:
        """Return a copy of the figure for annotations that change from frame to frame.

        Parameters
        ----------
        dtype
            The dtype of the annotations, that of str for text; for panels a structured dtype with a
            field for each annotated panel.
        """

    def layout(self, dtype: np.dtype[Any] | None = None) -> Layout:
        """Return the layout of frames with values of `dtype`, a structured dtype for panels.

        The default is the dtype of the values drawn last, or float64 if there were none.

        Raises
        ------
        ValueError
            If the range is not known yet, or something does not fit the image.
        """
        kind = self._dtype if dtype is None else dtype
        if kind not in self._layouts:
            if None in self.range:
                raise ValueError("expected vmin and vmax, or values to take them from, before this")
            self._layouts[kind] = self._lay_out(kind)
        return self._layouts[kind]

    @abstractmethod
    def _lay_out(self, dtype: np.dtype[Any]) -> Layout:
        """Return the layout of frames with values of `dtype`, once all ranges are known."""

    def _check_annots(self, written: np.dtype[Any] | None) -> None:
        """Raise ValueError if the figure is made for annotated frames and annotations are missing.

        `written` is the dtype of the annotations, or None without any.
        """
        given = () if written is None else written.names or ("",)
        for name, each in self.heatmaps.items():
            if each.sample is not None and name not in given:
                raise ValueError(
                    f"panel {name!r}: expected annot= with each frame, for which it was made"
                    if name
                    else "expected annot= with each matrix, for which this heatmap was made"
                )

    def _draw(self, values: Any, title: object, annot: Any) -> tuple[NDArray[np.uint8], Layout]:
        """Return the palette indices of a frame, and the layout with which they were drawn."""
        values, past = split_history(values, self.lines)
        frames = open_frames([values], self.shape, axes=self.axes)
        if frames.shape != self.shape:
            raise ValueError(f"expected values of shape {self.shape}, not {frames.shape}")
        noted = None if annot is None else cells_in(annot, self.shape, frames.axes)
        text = None if title is None else read_title(title)
        first, self._drawn_once = not self._drawn_once, True
        if first and frames.axes:  # as the range, they are those of the first values
            vars(self).update(vars(self.labelled(frames.axes)))
        figure = self if text is None or self.titled else self.with_titles()
        (frame,) = next(frames.through(figure.reductions).chunks(1))
        if None in self.range:
            found = figure.find_range(frame)
            # not made anew, since the measured sizes of panels determine how they are reduced
            figure = figure.completed(found)
            # a panel without values waits for the first one
            vars(self).update(vars(self.completed(found, known=True)))
        if first:
            seen = figure.with_texts_of(frame, frames.dtype)
            if seen is not figure:
                figure = seen
                vars(self).update(vars(self.with_seen(seen.seen)))
        cells, written = (None, None) if noted is None else (noted.cells, noted.dtype)
        drawn = figure._drawn(frame, frames.dtype, text, cells, written, past)
        self._dtype, self._warned = figure._dtype, figure._warned
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
        layout = (self if written is None else self.with_annots(written)).layout()
        indices, shown = paint(layout, frame, title or "", annot, past)
        warn_of(shown, layout)
        if not self._warned:
            self._warned = True
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
        """Draw one frame of a chunk as a Pillow image of mode P.

        Parameters
        ----------
        values
            The frame, (N, M) or (C,), after any reduction.
        dtype, written
            The dtypes of the frames and of their annotations, as they were given.
        past
            (P, K) scalars of all earlier frames, if there is a line plot.
        """
        return image_of(*self._drawn(values, dtype, title, annot, written, past))

    def indices(self, values: Any, title: object = None, annot: Any = None) -> NDArray[np.uint8]:
        """Draw one frame.

        Parameters
        ----------
        values
            (N, M) matrix of numbers; for panels a dictionary of such matrices, or a tuple of them
            in the order of the panels.
        title
            Title to draw in place of the figure's own: a text, number or date. It is drawn smaller
            if it is too long.
        annot
            (N, M) numbers or strings to write in the cells in place of the heatmap's own
            annotations, smaller if they are too long; for panels a dictionary of such matrices for
            some or all of them.

        Returns
        -------
        (height, width) uint8
            Indices into `palette`.
        """
        return self._draw(values, title, annot)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image in pixels."""
        return self.layout().size

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours, (256, 3) uint8; unused entries are black."""
        return self.layout().table.copy()

    def rgb(self, values: Any, title: object = None, annot: Any = None) -> NDArray[np.uint8]:
        """Draw one frame as (height, width, 3) uint8; the arguments are those of `indices`."""
        indices, layout = self._draw(values, title, annot)
        colors: NDArray[np.uint8] = layout.table[indices]
        return colors

    def image(self, values: Any, title: object = None, annot: Any = None) -> Image.Image:
        """Draw one frame as a Pillow image of mode P; the arguments are those of `indices`."""
        return image_of(*self._draw(values, title, annot))


def split_history(values: Any, lines: Sequence[str]) -> tuple[Any, NDArray[np.float64] | None]:
    """Return a frame with one number for each line, and their numbers in earlier frames.

    Returns
    -------
    values
        The frame, with the last number of each sequence in place of the sequence.
    past
        (P, K) numbers of K lines in P earlier frames, or None if the frame has no sequences.
    """
    if not lines or not isinstance(values, Mapping):
        return values, None
    histories = []
    frame = dict(values)
    for name in lines:
        if name not in frame or np.ndim(frame[name]) != 1 or not len(frame[name]):
            continue
        history = as_array(frame[name])
        if history.dtype.kind not in "biuf":
            raise TypeError(f"expected numbers of {name!r}, not {history.dtype}")
        histories.append(history[:-1].astype(np.float64))
        frame[name] = history[-1]
    if not histories:
        return frame, None
    if len(histories) < len(lines) or len(set(map(len, histories))) > 1:
        raise ValueError("expected equally many numbers for each line")
    return frame, np.stack(histories, 1)


def image_of(indices: NDArray[np.uint8], layout: Layout) -> Image.Image:
    """Return palette indices as a Pillow image of mode P with the palette of a layout."""
    image = Image.fromarray(indices)
    image.putpalette(layout.table.tobytes())
    if layout.transparent:
        image.info["transparency"] = TRANSPARENT
    return image


def warn_of(shown: Shown, layout: Layout) -> None:
    """Warn about values, texts, titles and colours that are not shown as given."""
    for panel in layout.panels:
        if panel.reduction is not None:
            warn((f"panel {panel.name!r}: " if panel.name else "") + panel.reduction.warning())
    if shown.hidden:
        warn(
            f"left out the text of {many(shown.hidden, 'cell')} without room for it at a size that "
            "can be read: give a larger figsize, another text_size (6.1 px or more), a shorter "
            "valfmt, or valfmt=None"
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
            f"256 colours have no room for {many(layout.replaced, 'colour')} of the panels' cells, "
            f"for which the nearest are shown, up to {layout.off:.1f} off (CIEDE2000): give panels "
            "colormaps that have colours in common"
        )


def empty_ranges(figure: Figure, given: Range) -> str:
    """Return a description of ranges that were found to be a single value; "" if there is none."""
    pairs = zip(pairs_of(figure.range), pairs_of(given), strict=True)
    empty = [None in own and limits[0] == limits[1] for limits, own in pairs]
    if not any(empty):
        return ""
    if not figure.ranges:
        vmin, vmax = figure.range
        return f"an empty range, vmin={vmin:g} and vmax={vmax:g},"
    names = " and ".join(map(repr, compress(figure.ranges, empty)))
    return f"empty ranges of {names}"


def made_up_ranges(figure: Figure, without: Sequence[bool], where: str) -> str:
    """Return a description of ranges that were made up for want of values, and why; "" without any.

    Parameters
    ----------
    figure
        The figure over these ranges.
    without
        The panels without values.
    where
        What is wrong with the frames: "the first frame shows no value".
    """
    found = [name for name, own in zip(figure.heatmaps, without, strict=True) if own]
    if not found:
        return ""
    heatmap = figure.heatmaps[found[0]]
    vmin, vmax = heatmap.limits
    why = f"since {where} that is {heatmap.norm.wanted}"
    if not figure.ranges:
        return f"took vmin={vmin:g} and vmax={vmax:g}, {why}"
    return f"took the range [{vmin:g}, {vmax:g}] for {' and '.join(map(repr, found))}, {why}"


def warn_of_labels(layout: Layout) -> None:
    """Warn about requested labels that are left out."""
    if layout.left_out:
        warn(
            f"left out {' and '.join(layout.left_out)}, which have no room: give a larger figsize, "
            "a smaller fontsize, labels that are turned, or thin_labels=False to draw all of them"
        )
    if layout.beyond:
        warn(f"left out {' and '.join(layout.beyond)}, which are not in the range")


def ways_of(layout: Layout) -> tuple[str, ...]:
    """Return the `reduce` options by which matrices are reduced, each once."""
    found = (panel.reduction.how for panel in layout.panels if panel.reduction is not None)
    return tuple(dict.fromkeys(found))
