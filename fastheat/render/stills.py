"""One picture at a time: a still, or the first frame of a GIF."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.sources.masks import hidden
from fastheat.inputs.sources.shapes import split
from fastheat.layout.arrange import Mosaic
from fastheat.layout.layout import Layout, Shown, extremes_of
from fastheat.render.cells import find_changes, shown_of
from fastheat.render.kernels.images import paint_fills, paint_texts
from fastheat.render.kernels.runs import new_runs
from fastheat.render.lineplot import draw_plots
from fastheat.render.margins import draw_numbers, draw_titles


def paint(
    layout: Layout | Mosaic,
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
        (N, M), or (C,) of several panels.
    title
        Where the layout has a place for it.
    annot
        (N, M) float64, or strings as objects: what is written in place of the values, where the
        layout is for that; fields of such for those panels that have any.
    past
        (P, K) the scalars of all frames before, where the layout has a line plot.
    plot
        (h, w) palette indices of that plot, where it is drawn already.

    Returns
    -------
    (height, width) uint8
        Palette indices.
    Shown
        What could not be shown as it is.
    """
    indices = layout.static.copy()
    extremes: Range = ()
    ranges = None
    if layout.is_by_frame:
        ranges = layout.ranges(values[None])
        layout, (title,) = layout.over(ranges), layout.named([title], ranges)
        extremes = extremes_of(ranges)
    if isinstance(layout, Mosaic):
        shown = Shown()
        parts = zip(layout.shape, layout.parts, split(values, layout.shape), strict=False)
        for name, part, own in parts:
            noted = annot[name] if annot is not None and part.annotated else None
            shown += _paint_cells(part, own, indices, noted)
        if layout.plot is not None:
            if plot is None:
                now = values[None, -layout.scalars :]
                scalars = now if past is None else np.concatenate([past, now])
                (plot,) = draw_plots(layout.plot, scalars, len(scalars) - 1)
            indices[layout.plot.top :] = plot
    else:
        shown = _paint_cells(layout, values, indices, annot)
    strips, (written,) = draw_titles(layout, [title])
    if ranges is not None:
        for (picture,), x, y in draw_numbers(layout, ranges, strips):
            indices[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    if layout.title is not None:
        indices[layout.title.top : layout.title.bottom] = strips[0]
        shown += written
    return indices, shown + Shown(extremes=extremes)


def _paint_cells(
    layout: Layout,
    values: NDArray[np.float64],
    indices: NDArray[np.uint8],
    annot: NDArray[Any] | None = None,
) -> Shown:
    """Draw the cells of one matrix into a picture."""
    values = np.ascontiguousarray(hidden(values, layout.mask))
    if layout.format is None:
        counts, fills = np.zeros(4, np.int64), np.empty(layout.shape, np.uint8)
        paint_fills(values, layout.grid, layout.shades, fills, counts, indices)
        return shown_of(layout, counts, values[None], "")
    each = None if annot is None else np.stack([hidden(annot, layout.mask)] * 2)
    type_, lettering, changes, shown = find_changes(
        layout, layout.format, values, values[None], each
    )
    segments, runs = lettering.segments[0], new_runs(indices.size)
    paint_texts(layout.grid, layout.shades, type_, segments, changes, runs, indices)
    return shown
