"""The picture half of a GIF, as pure functions of what it shows.

`encode_chunk` takes a layout and values, `encode_indexed` finished pictures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.sources.masks import hidden
from fastheat.layout.layout import Layout, Panel, Shown, extremes_of
from fastheat.render.cells import find_changes, shown_of
from fastheat.render.kernels.images import (
    encode_differences,
    encode_lists,
    encode_picture,
)
from fastheat.render.kernels.lists import Lists, list_changes, list_differences, list_fills
from fastheat.render.kernels.lzw import new_coder, room_for
from fastheat.render.kernels.runs import new_lines, new_runs
from fastheat.render.lineplot import Past, draw_plots
from fastheat.render.margins import draw_numbers, draw_titles
from fastheat.render.stills import paint
from fastheat.style.text.formats import ValueFormat
from fastheat.tables import TRANSPARENT

if TYPE_CHECKING:
    from fastheat.render.kernels.lzw import Coder
    from fastheat.render.kernels.runs import Runs

MOST_KEPT = 1 << 22  # pixels of a picture whose encoder a thread keeps, of 6.5 bytes each

_spare = threading.local()


@dataclass(frozen=True, slots=True)
class Images:
    """The image blocks of a chunk of frames, joined.

    Frame t is ``data[ends[t - 1] : ends[t]]``, from 0; no bytes where it shows what the frame
    before showed. `transparent` has the index of pixels that it leaves as they were, None where
    it draws all, and `scalars` those of each frame, if there is a line plot.
    """

    data: bytes | memoryview
    ends: list[int]
    transparent: list[int | None]
    shown: Shown = field(default_factory=Shown)
    scalars: tuple[list[float], ...] = ()

    def __iter__(self) -> Iterator[tuple[memoryview, int | None]]:
        """Yield each image block and its transparent index."""
        view, start = memoryview(self.data), 0
        for end, transparent in zip(self.ends, self.transparent, strict=True):
            yield view[start:end], transparent
            start = end

    def __reduce__(self) -> tuple[type[Images], tuple[Any, ...]]:
        return Images, (bytes(self.data), self.ends, self.transparent, self.shown, self.scalars)


def joined(images: Sequence[Images]) -> Images:
    """Return the images of frames that follow one another."""
    if len(images) == 1:
        return images[0]
    ends: list[int] = []
    for each in images:
        before = ends[-1] if ends else 0
        ends += [before + end for end in each.ends]
    return Images(
        b"".join(each.data for each in images),
        ends,
        [index for each in images for index in each.transparent],
        sum((each.shown for each in images), Shown()),
        tuple(chain.from_iterable(each.scalars for each in images)),
    )


def encode_chunk(
    layout: Layout,
    previous: NDArray[np.float64] | None,
    values: NDArray[np.float64],
    titles: Sequence[str] = (),
    annots: NDArray[Any] | None = None,
    past: Past | None = None,
) -> Images:
    """Encode consecutive frames.

    Parameters
    ----------
    layout
        Of a `Heatmap` or of `Panels`.
    previous
        (C,) or (N, M), the frame before the first one; None if that is the first of all.
    values
        (T, C) or (T, N, M), C-contiguous.
    titles
        Titles of these frames, preceded by that of the previous frame if there is one. Only needed
        if the layout has a place for them.
    annots
        Texts of these frames, preceded by those of the previous one if there is one:
        (T or 1 + T, N, M) float64, or strings as objects; of several panels a structured array
        (T or 1 + T,) with a field for each panel that has any.
    past
        The line plot of all frames before these, if the layout has one and they are not the first.
    """
    values = values.reshape(len(values), -1)
    if layout.title is None:
        titles = ()
    if previous is None:
        first = None if annots is None else annots[0]
        images = _encode_first(layout, values[0], titles[0] if titles else "", first, past)
        if len(values) > 1:
            past = _past_with(layout, past, values[:1])
            rest = encode_chunk(layout, values[0], values[1:], titles, annots, past)
            images = joined([images, rest])
        return images
    previous = previous.reshape(-1)
    titles = titles or [""] * (1 + len(values))
    extremes: Range = ()
    ranges = None
    if layout.has_frame_limits:
        ranges = np.concatenate([layout.ranges(previous[None]), layout.ranges(values)])
        layout, titles = layout.over(ranges), layout.titled(titles, ranges)
        extremes = extremes_of(ranges[1:])
    strips, written = draw_titles(layout, titles)
    listed = []
    for panel, before, own in zip(
        layout.panels, layout.split(previous), layout.split(values), strict=True
    ):
        noted = panel.annots_in(annots)
        if noted is not None:
            noted = hidden(noted, panel.mask)
        each = hidden(before, panel.mask), hidden(own, panel.mask)
        listed.append(_list_cells(panel, *each, noted))
    if ranges is not None:  # first, since numbers in the rows of a title are drawn into its strips
        listed += [_list_pictures(*each) for each in draw_numbers(layout, ranges, strips)]
    if layout.title is not None:
        listed.append(_list_pictures(strips, 0, layout.title.top))
    if layout.plot is not None:
        assert past is not None
        pictures = past.draw(layout.plot, values[:, -layout.scalars :])
        listed.append(_list_pictures(pictures, 0, layout.plot.top))
    data, ends = _encode_lists(listed, layout.size[0] * layout.size[1])
    shown = sum((each.shown for each in listed), Shown(extremes=extremes))
    return Images(
        data,
        ends,
        [TRANSPARENT] * len(values),
        sum(written[1:], shown),
        _scalars(layout, values),
    )


def _scalars(layout: Layout, values: NDArray[np.float64]) -> tuple[list[float], ...]:
    """Return the scalars of each frame, where there is a line plot."""
    return tuple(values[:, -layout.scalars :].tolist()) if layout.scalars else ()


def _encode_lists(listed: list[_Listed], pixels: int) -> tuple[memoryview, list[int]]:
    """Encode frames whose runs are listed part by part."""
    listed.sort(key=lambda each: each.left)
    offsets = np.cumsum([0, *(len(each.indices) for each in listed[:-1])])
    lists = Lists(
        rectangles=np.stack([each.rectangles for each in listed]),
        ends=np.stack([each.ends + offset for each, offset in zip(listed, offsets, strict=True)]),
        indices=np.concatenate([each.indices for each in listed]),
        starts=np.concatenate([each.starts for each in listed]),
        cursors=np.zeros(len(listed), np.int64),
    )

    def encode(start: int, room: int, *lent: Any) -> int:
        return encode_lists(start, room, lists, *lent)

    return _collect(encode, len(listed[0].ends), pixels)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The runs of a part of a picture, as `Lists` has them."""

    left: int  # where the part begins
    rectangles: NDArray[np.int64]
    ends: NDArray[np.int64]
    indices: NDArray[np.uint8]
    starts: NDArray[np.uint32]
    shown: Shown = field(default_factory=Shown)


def _list_cells(
    panel: Panel,
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None,
) -> _Listed:
    if panel.format is None:
        return _list_fills(panel, previous, values)
    return _list_texts(panel, panel.format, previous, values, annots)


def _list_texts(
    panel: Panel,
    valfmt: ValueFormat,
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None,
) -> _Listed:
    type_, lettering, changes, shown = find_changes(panel, valfmt, previous, values, annots)

    def fill(start: int, ends: Any, indices: Any, starts: Any) -> int:
        done: int = list_changes(
            start,
            _room_of(panel),
            panel.grid,
            panel.shades,
            type_,
            lettering.segments,
            changes,
            ends,
            indices,
            starts,
        )
        return done

    ends, indices, starts = _collect_runs(fill, 1 + len(values), _room_of(panel))
    left = int(panel.grid.x0[0])
    return _Listed(left, changes.rectangles, ends, indices, starts, shown)


def _list_fills(
    panel: Panel, previous: NDArray[np.float64], values: NDArray[np.float64]
) -> _Listed:
    n, m = panel.shape
    fills = np.empty((2, n, m), np.uint8)
    lines = new_lines(m)
    rows = np.empty((n, 2), np.int64)
    changed = np.empty(m + 1, np.uint32)
    counts = np.zeros(4, np.int64)
    rectangles = np.zeros((1 + len(values), 4), np.int64)

    def fill(start: int, ends: Any, indices: Any, starts: Any) -> int:
        done: int = list_fills(
            start,
            _room_of(panel),
            panel.grid,
            panel.shades,
            previous,
            values,
            fills,
            lines,
            rows,
            changed,
            counts,
            rectangles,
            ends,
            indices,
            starts,
        )
        return done

    ends, indices, starts = _collect_runs(fill, 1 + len(values), _room_of(panel))
    shown = shown_of(panel, counts, values, "")
    return _Listed(int(panel.grid.x0[0]), rectangles, ends, indices, starts, shown)


def _list_pictures(pictures: NDArray[np.uint8], left: int, top: int) -> _Listed:
    frames, height, width = pictures.shape
    lines = new_lines(width)
    rows = np.empty((height, 2), np.int64)
    rectangles = np.zeros((frames, 4), np.int64)
    room = height * width + 2

    def fill(start: int, ends: Any, indices: Any, starts: Any) -> int:
        done: int = list_differences(
            start, room, pictures, left, top, lines, rows, rectangles, ends, indices, starts
        )
        return done

    ends, indices, starts = _collect_runs(fill, frames, room)
    return _Listed(left, rectangles, ends, indices, starts)


def _room_of(panel: Panel) -> int:
    """Return the most runs that the cells of one frame can have."""
    grid = panel.grid
    return int((grid.x1[-1] - grid.x0[0]) * (grid.y1[-1] - grid.y0[0])) + 2


def _collect_runs(
    fill: Callable[[int, Any, Any, Any], int], frames: int, room: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint32]]:
    """Let a kernel list the runs of frames 1 to `frames` in arrays that grow."""
    indices, starts = np.empty(2 * room, np.uint8), np.empty(2 * room, np.uint32)
    ends = np.zeros(frames, np.int64)
    done = 1
    while (done := fill(done, ends, indices, starts)) < frames:
        end = int(ends[done - 1])
        more = end + 2 * room
        indices = np.concatenate([indices[:end], np.empty(more, np.uint8)])
        starts = np.concatenate([starts[:end], np.empty(more, np.uint32)])
    return ends, indices[: ends[-1]], starts[: ends[-1]]


@contextmanager
def _tools(pixels: int) -> Iterator[tuple[Runs, Coder]]:
    """Lend what encodes images of `pixels` pixels.

    A thread keeps it for its next images of as many: the pages of new memory cost more than a frame
    in which little changes.
    """
    kept, _spare.tools = getattr(_spare, "tools", None), None  # one who interrupts has others
    if kept is None or kept[0] != pixels:
        kept = pixels, (new_runs(pixels), new_coder(pixels))
    yield kept[1]
    if pixels <= MOST_KEPT:
        _spare.tools = kept


def _collect(encode: Callable[..., int], frames: int, pixels: int) -> tuple[memoryview, list[int]]:
    """Let a kernel encode images 1 to `frames` to a buffer that grows.

    Parameters
    ----------
    encode
        What encodes images from one on, and returns the first that it had no room for. It is
        called with the number of that, the room that it leaves for each, and what it is lent: runs,
        coder, output, and where each image ends in that.
    frames
        One more than the images.
    pixels
        Of a picture.

    Returns
    -------
    tuple
        The images, and where each ends.
    """
    ends = np.zeros(frames, np.int64)
    with _tools(pixels) as (runs, coder):
        room = room_for(coder)
        out = np.empty(2 * room, np.uint8)
        done = 1
        while (done := encode(done, room, runs, coder, out, ends)) < frames:
            end = int(ends[done - 1])
            out = np.concatenate([out[:end], np.empty(2 * end + 2 * room, np.uint8)])
    return out[: ends[-1]].data, ends[1:].tolist()


def _past_with(layout: Layout, past: Past | None, values: NDArray[np.float64]) -> Past | None:
    """Return the lines of the frames before and of these, where there is a line plot."""
    if layout.plot is None:
        return None
    own = values[:, -layout.scalars :]
    return (past or Past(own[:0])).after(layout.plot, own)


def _plot_after(
    layout: Layout, past: Past | None, values: NDArray[np.float64]
) -> NDArray[np.uint8] | None:
    """Draw the line plot of one frame, where there is one."""
    if layout.plot is None:
        return None
    own = values[None, -layout.scalars :]
    if past is None or not past.frames:
        pictures = draw_plots(layout.plot, own, 0)
    else:
        pictures = past.draw(layout.plot, own)
    last: NDArray[np.uint8] = pictures[-1]
    return last


def _encode_first(
    layout: Layout,
    values: NDArray[np.float64],
    title: str,
    annot: NDArray[Any] | None,
    past: Past | None,
) -> Images:
    """Encode the first frame, of which all is new."""
    plot = _plot_after(layout, past, values)
    picture, shown = paint(layout, values, title, annot, plot=plot)
    transparent = TRANSPARENT if layout.transparent else None
    scalars = _scalars(layout, values[None])
    return Images(*_encode_picture(picture), [transparent], shown, scalars)


def _encode_picture(picture: NDArray[np.uint8]) -> tuple[bytes, list[int]]:
    with _tools(picture.size) as (runs, coder):
        out = np.empty(room_for(coder), np.uint8)
        size = encode_picture(picture, runs, coder, out)
    return out[:size].tobytes(), [size]


def encode_between(
    old_layout: Layout,
    old_values: NDArray[np.float64],
    old_title: str,
    old_annot: NDArray[Any] | None,
    layout: Layout,
    values: NDArray[np.float64],
    title: str,
    annot: NDArray[Any] | None,
    past: Past | None = None,
) -> Images:
    """Encode a frame after one of another layout, with the same size and palette."""
    drawn = None if past is None else past.picture
    before, _ = paint(old_layout, old_values, old_title, old_annot, plot=drawn)
    plot = _plot_after(layout, past, values)
    after, shown = paint(layout, values, title, annot, plot=plot)
    images = encode_indexed(np.stack([before, after]), TRANSPARENT, first=False)
    return replace(images, shown=shown, scalars=_scalars(layout, values[None]))


def encode_indexed(pictures: NDArray[np.uint8], transparent: int | None, *, first: bool) -> Images:
    """Encode palette indices that follow one another.

    Parameters
    ----------
    pictures
        (T, H, W) C-contiguous.
    transparent
        An index that no picture has; None takes one that is free in each, if there is one.
    first
        Whether the first of them is the first of all; else it is the one before those to encode.
    """
    if first:
        images = Images(*_encode_picture(pictures[0]), [None])
        if len(pictures) > 1:
            images = joined([images, encode_indexed(pictures, transparent, first=False)])
        return images
    _, height, width = pictures.shape
    lines = new_lines(width)
    rows = np.empty((height, 2), np.int64)
    present = np.empty(256, np.uint8)
    transparents = np.empty(len(pictures), np.int64)

    def encode(start: int, room: int, *lent: Any) -> int:
        index = -1 if transparent is None else transparent
        changes = lines, rows, present, transparents
        return encode_differences(start, room, pictures, index, *changes, *lent)

    data, ends = _collect(encode, len(pictures), height * width)
    return Images(data, ends, [k if k >= 0 else None for k in transparents[1:].tolist()])
