"""Cells of frames: what is written in them, and what of them differs from the frame before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.masks import MASKED, is_masked
from fastheat.layout.layout import Panel, Shown
from fastheat.render.kernels import cells as kernels
from fastheat.render.kernels.cells import new_changes
from fastheat.render.kernels.digits import SCRATCH, write_numbers
from fastheat.style.text.atlas import with_atlas
from fastheat.style.text.formats import ValueFormat, as_written
from fastheat.style.text.typeset import Lettering, letter, shape_texts
from fastheat.tables import Shades, Type

if TYPE_CHECKING:
    from fastheat.render.kernels.cells import Changes


def find_changes(
    panel: Panel,
    valfmt: ValueFormat,
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None = None,
) -> tuple[Type, Lettering, Changes, Shown]:
    """Find what of cells with text has to be painted, and with which letters."""
    previous, values = panel.from_top(previous), panel.from_top(values)
    annots = None if annots is None else panel.from_top(annots)
    type_, lettering, lacking = written(panel, valfmt, previous, values, annots)
    cells = panel.shape[0] * panel.shape[1]
    changes = new_changes(1 + len(values), panel.shape)
    counts = np.zeros(4, np.int64)
    kernels.find_changes(
        previous.reshape(-1),
        values.reshape(len(values), -1),
        panel.grid,
        panel.shades,
        type_,
        lettering.bits,
        lettering.segments,
        lettering.lengths,
        np.zeros((cells, 5), np.int64),
        changes,
        counts,
    )
    return type_, lettering, changes, shown_of(panel, counts, values, lacking)


def written(
    panel: Panel,
    valfmt: ValueFormat,
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None,
) -> tuple[Type, Lettering, str]:
    """Write the values of the frame before and of T frames, or what is there in their place.

    Returns
    -------
    type : Type
        With the letters of what was written.
    lettering : Lettering
        Of 1 + T frames, or of one where all have the same.
    lacking : str
        The characters that the font has no glyph for.
    """
    if panel.fixed is not None:
        return panel.type, panel.fixed.lettering, ""
    frames = 1 + len(values)
    each = np.concatenate([previous[None], values]) if annots is None else annots
    cells = np.ascontiguousarray(each).reshape(frames, -1)
    if panel.writing is None:
        return _written_in_python(panel, valfmt, cells)
    bits = cells.view(np.int64)  # -0.0 and NaN compare so
    texts = np.zeros((*cells.shape, panel.longest), np.int32)
    lengths = np.zeros(cells.shape, np.int32)
    writing = panel.writing
    write_numbers(
        cells,
        bits,
        writing.spec,
        writing.before,
        writing.after,
        writing.glyph_of,
        writing.glyphs,
        np.empty(SCRATCH, np.uint64),
        np.empty(writing.line, np.uint8),
        texts,
        lengths,
    )
    return panel.type, Lettering(bits, texts, lengths), ""


def _written_in_python(
    panel: Panel, valfmt: ValueFormat, cells: NDArray[Any]
) -> tuple[Type, Lettering, str]:
    if panel.written.kind == "U":
        unique, place = np.unique(cells, return_inverse=True)
        written = unique.tolist()
    else:
        bits, place = np.unique(cells.view(np.int64), return_inverse=True)
        values, masked = bits.view(np.float64).tolist(), (bits == MASKED).tolist()
        written = [
            "" if hides else valfmt.write(as_written(x, panel.written))
            for x, hides in zip(values, masked, strict=True)
        ]
    vertical, align = panel.vertical, panel.type.align
    shaped = shape_texts(written, panel.typeface, panel.sizes, align, vertical)
    room = int((panel.grid.x1 - panel.grid.x0).max())
    lettering = letter(written, place.reshape(cells.shape), shaped, room)
    return with_atlas(panel.type, shaped.atlas), lettering, shaped.lacking


def shown_of(
    panel: Panel, counts: NDArray[np.int64], values: NDArray[np.float64], lacking: str
) -> Shown:
    """Return what could not be shown as it is, of what kernels counted in frames (T, N, M)."""
    under, over, bad, left_out = counts.tolist()
    masked = int(is_masked(values).sum()) if bad else 0  # which the kernels count as bad
    if panel.crowded:
        left_out = _count_hidden(panel, len(values), masked)
    refused = _count_refused(panel.shades, values) if bad else 0
    return Shown(under, over, bad - masked, masked, left_out, refused=refused, lacking=lacking)


def _count_hidden(panel: Panel, frames: int, masked: int) -> int:
    """Return how many texts are left out where none has room."""
    every = panel.shape[0] * panel.shape[1]
    return frames * panel.crowded - (masked if panel.crowded == every else 0)


def _count_refused(shades: Shades, values: NDArray[np.float64]) -> int:
    """Return how many finite values of frames (T, N, M), the last ones, the norm does not take."""
    floor, ceiling = (each[-len(values) :, None, None] for each in (shades.floor, shades.ceiling))
    if (floor <= -np.finfo(np.float64).max).all() and (ceiling == np.inf).all():
        return 0
    return int((np.isfinite(values) & ~((values >= floor) & (values < ceiling))).sum())
