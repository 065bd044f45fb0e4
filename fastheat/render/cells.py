"""Texts in cells, and the cells that change from frame to frame."""

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
from fastheat.style.text.formats import as_written
from fastheat.style.text.typeset import Lettering, letter, shape_texts
from fastheat.tables import Shades, Type

if TYPE_CHECKING:
    from fastheat.render.kernels.cells import Changes


def find_changes(
    panel: Panel,
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None = None,
) -> tuple[Type, Lettering, Changes, Shown]:
    """Return the changes of cells with text, and the texts to draw them with.

    Parameters
    ----------
    previous
        (N, M), the previous frame.
    values
        (T, N, M) frames.
    annots
        (1 + T, N, M) annotations of both, if the panel is annotated.

    Returns
    -------
    type : Type
        With the glyph segments of the texts.
    lettering : Lettering
        The texts of all 1 + T frames, or of one if all have the same.
    changes : Changes
        The parts to repaint in each of the 1 + T frames.
    shown : Shown
        A tally of what the T frames could not show.
    """
    previous, values = panel.from_top(previous), panel.from_top(values)
    annots = None if annots is None else panel.from_top(annots)
    type_, lettering, lacking = written(panel, previous, values, annots)
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
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None,
) -> tuple[Type, Lettering, str]:
    """Return the texts of the previous frame and T more: their values, or annotations instead.

    Returns
    -------
    type : Type
        With the glyph segments of these texts.
    lettering : Lettering
        The texts of all 1 + T frames, or of one if all have the same.
    lacking : str
        The characters that the font has no glyph for.
    """
    if panel.fixed is not None:
        return panel.type, panel.fixed.lettering, ""
    frames = 1 + len(values)
    each = np.concatenate([previous[None], values]) if annots is None else annots
    cells = np.ascontiguousarray(each).reshape(frames, -1)
    if panel.writing is None:
        return _written_in_python(panel, cells)
    bits = cells.view(np.int64)  # so that NaN equals itself, and -0.0 differs from 0.0
    texts = np.zeros((*cells.shape, panel.longest), np.int32)
    lengths = np.zeros(cells.shape, np.int32)
    digits, line = np.empty(SCRATCH, np.uint64), np.empty(panel.writing.line, np.uint8)
    write_numbers(cells, bits, panel.writing, digits, line, texts, lengths)
    return panel.type, Lettering(bits, texts, lengths), ""


def _written_in_python(panel: Panel, cells: NDArray[Any]) -> tuple[Type, Lettering, str]:
    assert panel.format is not None
    if panel.written.kind == "U":
        unique, place = np.unique(cells, return_inverse=True)
        written = unique.tolist()
    else:
        bits, place = np.unique(cells.view(np.int64), return_inverse=True)
        values, masked = bits.view(np.float64).tolist(), (bits == MASKED).tolist()
        written = [
            "" if hides else panel.format.write(as_written(x, panel.written))
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
    """Return a tally of what frames (T, N, M) could not show, from the counts of the kernels."""
    under, over, bad, left_out = counts.tolist()
    masked = int(is_masked(values).sum()) if bad else 0  # the kernels count these as bad
    if panel.crowded:
        # in no cell is there room for its text
        without = masked if panel.crowded == panel.shape[0] * panel.shape[1] else 0
        left_out = len(values) * panel.crowded - without
    refused = _count_refused(panel.shades, values) if bad else 0
    return Shown(under, over, bad - masked, masked, left_out, refused=refused, lacking=lacking)


def _count_refused(shades: Shades, values: NDArray[np.float64]) -> int:
    """Return the number of finite values (T, N, M) that the norm rejects.

    If `shades` has a range per frame, the last T of them belong to these frames.
    """
    floor, ceiling = (each[-len(values) :, None, None] for each in (shades.floor, shades.ceiling))
    if (floor <= -np.finfo(np.float64).max).all() and (ceiling == np.inf).all():
        return 0
    return int((np.isfinite(values) & ~((values >= floor) & (values < ceiling))).sum())
