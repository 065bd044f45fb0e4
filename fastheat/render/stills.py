"""Drawing of single frames: stills, and the first frame of a GIF."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.sources.masks import hidden
from fastheat.layout.layout import Layout, Panel, Shown, extremes_of
from fastheat.render.cells import find_changes, shown_of
from fastheat.render.kernels.runs import new_runs
from fastheat.render.kernels.stills import paint_fills, paint_texts
from fastheat.render.lineplot import Past
from fastheat.render.margins import draw_numbers, draw_titles


def paint(
    layout: Layout,
    values: NDArray[np.float64],
    title: str = "",
    annot: NDArray[Any] | None = None,
    past: NDArray[np.float64] | None = None,
    plot: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.uint8], Shown]:
    """Draw one frame.

    Parameters
    ----------
    values
        (N, M), or (C,) for several panels.
    title
        The title of the frame, ignored if the layout has no place for it.
    annot
        (N, M), float64 or strings as objects: the annotations of the frame, if the layout is for
        annotated frames; for several panels a structured array with a field for each annotated
        panel.
    past
        (P, K) the scalars of all earlier frames, if the layout has a line plot.
    plot
        (h, w) palette indices of the line plot, if it is drawn already.

    Returns
    -------
    (height, width) uint8
        Palette indices.
    Shown
        A tally of what could not be shown.
    """
    frame = values.reshape(-1)
    indices = layout.background.copy()
    extremes: Range = ()
    ranges = None
    if layout.has_frame_limits:
        ranges = layout.ranges(frame[None])
        layout, (title,) = layout.over(ranges), layout.titled([title], ranges)
        extremes = extremes_of(ranges)
    shown = Shown()
    for panel, own in zip(layout.panels, layout.split(frame), strict=True):
        shown += _paint_cells(panel, own, indices, panel.annots_in(annot))
    if layout.plot is not None:
        if plot is None:
            now = frame[None, -layout.scalars :]
            scalars = now if past is None else np.concatenate([past, now])
            plot = Past(scalars[:0]).after(layout.plot, scalars).picture
        assert plot is not None
        indices[layout.plot.top :] = plot
    strips, written = draw_titles(layout, [title])
    if ranges is not None:
        for (picture,), x, y in draw_numbers(layout, ranges, strips):
            indices[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    if layout.title is not None:
        indices[layout.title.top : layout.title.bottom] = strips[0]
    return indices, shown + written + Shown(extremes=extremes)


def _paint_cells(
    panel: Panel,
    values: NDArray[np.float64],
    indices: NDArray[np.uint8],
    annot: NDArray[Any] | None = None,
) -> Shown:
    """Draw the cells of one panel into an image."""
    values = np.ascontiguousarray(hidden(values, panel.mask))
    if panel.format is None:
        counts, fills = np.zeros(4, np.int64), np.empty(panel.shape, np.uint8)
        paint_fills(values, panel.grid, panel.shades, fills, counts, indices)
        return shown_of(panel, counts, values[None], "")
    each = None if annot is None else np.stack([hidden(annot, panel.mask)] * 2)
    type_, lettering, changes, shown = find_changes(panel, values, values[None], each)
    segments, runs = lettering.segments[0], new_runs(indices.size)
    paint_texts(panel.grid, panel.shades, type_, segments, changes, runs, indices)
    return shown
