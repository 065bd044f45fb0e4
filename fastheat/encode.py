"""encode_chunk: the whole picture half of a GIF as one pure function of layout and values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastheat.formats import ValueFormat, as_written
from fastheat.layout import Layout, Shown
from fastheat.stills import paint
from fastheat.text import Type, shape_texts, with_atlas


@dataclass(frozen=True, slots=True)
class Images:
    """The image blocks of a chunk of frames, joined.

    Frame t is ``data[ends[t - 1] : ends[t]]``, from 0; no bytes where it shows what the frame
    before showed. `transparent` says of each whether it leaves pixels as they were.
    """

    data: bytes
    ends: list[int]
    transparent: list[bool]
    shown: Shown

    def __add__(self, other: Images) -> Images:
        return Images(
            self.data + other.data,
            self.ends + [len(self.data) + end for end in other.ends],
            self.transparent + other.transparent,
            self.shown + other.shown,
        )


def encode_chunk(
    layout: Layout, previous: NDArray[np.float64] | None, values: NDArray[np.float64]
) -> Images:
    """Encode frames that follow one another.

    Parameters
    ----------
    layout
        From `Heatmap`.
    previous
        (N, M) the values of the frame before the first, None where that is the first of all.
    values
        (T, N, M) C-contiguous.
    """
    if previous is None:
        images = _encode_first(layout, values[0])
        if len(values) > 1:
            images += encode_chunk(layout, values[0], values[1:])
        return images
    from fastheat import kernels

    every = np.concatenate([previous[None], values])
    lettering, texts, lengths, lacking = _written(layout, every)
    width, height = layout.size
    frames, cells = len(every), layout.shape[0] * layout.shape[1]
    lettered = texts.shape[2] > 0
    changes = kernels.new_changes(frames, layout.shape, lettered)
    counts = np.zeros(4, np.int64)
    kernels.find_changes(
        every,
        every.view(np.int64),
        layout.grid,
        layout.shades,
        lettering,
        texts,
        lengths,
        np.zeros((cells if lettered else 0, 5), np.int64),
        changes,
        counts,
    )
    coder, runs = kernels.new_coder(width * height), kernels.new_runs(width * height)
    room = kernels.room_for(coder)
    out = np.empty(2 * room, np.uint8)
    ends = np.zeros(frames, np.int64)
    done = 1
    while True:
        done = kernels.encode_changes(
            done,
            room,
            layout.grid,
            layout.shades,
            lettering,
            texts,
            changes,
            runs,
            coder,
            out,
            ends,
        )
        if done == frames:
            break
        end = int(ends[done - 1])
        out = np.concatenate([out[:end], np.empty(2 * end + 2 * room, np.uint8)])
    data = out[: ends[-1]].tobytes()
    shown = _shown(layout, counts, len(values), lacking)
    return Images(data, ends[1:].tolist(), [True] * len(values), shown)


def _encode_first(layout: Layout, values: NDArray[np.float64]) -> Images:
    """Encode the frame that all of is new, drawn in numpy: no kernel has to be compiled for it."""
    from fastheat import kernels

    picture, shown = paint(layout, values)
    coder, runs = kernels.new_coder(picture.size), kernels.new_runs(picture.size)
    out = np.empty(kernels.room_for(coder), np.uint8)
    size = kernels.encode_picture(picture, layout.shades.colors - 1, runs, coder, out)
    return Images(out[:size].tobytes(), [size], [False], shown)


def _shown(layout: Layout, counts: NDArray[np.int64], frames: int, lacking: str) -> Shown:
    under, over, bad, hidden = counts.tolist()
    if layout.crowded:
        hidden = frames * layout.shape[0] * layout.shape[1]
    return Shown(under, over, bad, hidden, lacking)


def _written(
    layout: Layout, values: NDArray[np.float64]
) -> tuple[Type, NDArray[np.int32], NDArray[np.int32], str]:
    """Write the values.

    Returns
    -------
    type : Type
        With the letters of what was written.
    texts : (T, N * M, longest) int32
        The segments of each text.
    lengths : (T, N * M) int32
        How many there are, -1 where a text is longer than any cell has room for.
    lacking : str
        The characters that the font has no glyph for.
    """
    frames = len(values)
    cells = values.reshape(frames, -1)
    if layout.format is None:
        return layout.type, np.zeros((frames, 0, 0), np.int32), np.zeros((frames, 0), np.int32), ""
    if layout.writing is None:
        return _written_in_python(layout, layout.format, cells)
    from fastheat import kernels

    texts = np.zeros((*cells.shape, layout.longest), np.int32)
    lengths = np.zeros(cells.shape, np.int32)
    writing = layout.writing
    kernels.write_numbers(
        cells,
        cells.view(np.int64),
        writing.spec,
        writing.before,
        writing.after,
        writing.glyph_of,
        writing.glyphs,
        np.empty(kernels.SCRATCH, np.uint64),
        np.empty(writing.line, np.uint8),
        texts,
        lengths,
    )
    return layout.type, texts, lengths, ""


def _written_in_python(
    layout: Layout, valfmt: ValueFormat, cells: NDArray[np.float64]
) -> tuple[Type, NDArray[np.int32], NDArray[np.int32], str]:
    bits, place = np.unique(cells.view(np.int64), return_inverse=True)
    written = [valfmt.write(as_written(x, layout.dtype)) for x in bits.view(np.float64)]
    atlas, segments, lacking = shape_texts(written, layout.typeface, layout.sizes)
    room = int((layout.grid.x1 - layout.grid.x0).max())
    chains = [segments[text] if text else [] for text in written]
    fitting = [c if atlas.widths[:, c].sum(1).min() <= room else None for c in chains]
    table = np.zeros((len(written), max(map(len, filter(None, fitting)), default=1)), np.int32)
    lengths = np.full(len(written), -1, np.int32)
    for k, chain in enumerate(fitting):
        if chain is not None:
            table[k, : len(chain)] = chain
            lengths[k] = len(chain)
    place = place.reshape(cells.shape)
    return with_atlas(layout.type, atlas), table[place], lengths[place], lacking
