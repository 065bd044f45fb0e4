"""The image blocks of a GIF, as pure functions of its frames.

`encode_chunk` takes a layout and values, `encode_indexed` palette indices.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.sources.masks import hidden
from fastheat.layout.layout import Layout, Panel, Shown, extremes_of
from fastheat.render.cells import find_changes, shown_of
from fastheat.render.kernels.images import encode_differences, encode_lists, encode_picture
from fastheat.render.kernels.lists import Lists, list_changes, list_differences, list_fills
from fastheat.render.kernels.lzw import new_coder, room_for
from fastheat.render.kernels.runs import new_lines, new_runs
from fastheat.render.lineplot import Past
from fastheat.render.margins import draw_numbers, draw_titles
from fastheat.render.stills import paint
from fastheat.tables import TRANSPARENT

if TYPE_CHECKING:
    from fastheat.render.kernels.lzw import Coder
    from fastheat.render.kernels.runs import Runs

LISTED = 1 << 19  # room for runs besides those of one frame, 5 bytes a run
MOST_KEPT = 1 << 22  # pixels, the largest images that a thread keeps buffers for, 12 bytes a pixel

_spare = threading.local()


@dataclass(frozen=True, slots=True)
class Images:
    """The image blocks of consecutive frames, joined.

    Frame t is ``data[ends[t - 1] : ends[t]]``, the first from 0; it is empty if it shows the same
    as the previous one. `transparent` is the palette index of the pixels that a frame leaves
    unchanged, or None if it draws all of them. `scalars` are those of each frame, if there is a
    line plot.
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
    """Return the images of consecutive chunks as those of a single one."""
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
        The layout of a `Heatmap` or of `Panels`.
    previous
        (C,) or (N, M), the previous frame; None if there is none.
    values
        (T, C) or (T, N, M), C-contiguous.
    titles
        Titles of these frames, preceded by that of the previous frame if there is one. Only needed
        if the layout has a place for them.
    annots
        Annotations of these frames, preceded by those of the previous frame if there is one:
        (T or 1 + T, N, M), float64 or strings as objects; for several panels a structured array
        (T or 1 + T,) with a field for each annotated panel.
    past
        The line plot of all earlier frames, if the layout has one and there are any.
    """
    values = values.reshape(len(values), -1)
    if layout.title is None:
        titles = ()
    if previous is None:
        title, first = titles[0] if titles else "", None if annots is None else annots[0]
        past = _past_with(layout, past, values[:1])
        picture, shown = paint(layout, values[0], title, first, plot=past and past.picture)
        transparent = TRANSPARENT if layout.transparent else None
        scalars = _scalars(layout, values[:1])
        images = Images(*_encode_picture(picture), [transparent], shown, scalars)
        if len(values) > 1:
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
    strips, written = draw_titles(layout, titles, 1)
    parts = []
    for panel, before, own in zip(
        layout.panels, layout.split(previous), layout.split(values), strict=True
    ):
        noted = panel.annots_in(annots)
        if noted is not None:
            noted = hidden(noted, panel.mask)
        each = hidden(before, panel.mask), hidden(own, panel.mask)
        parts.append(_fills(panel, *each) if panel.format is None else _texts(panel, *each, noted))
    if ranges is not None:  # before the titles, as it also draws into `strips`
        parts += [_pictures(*each) for each in draw_numbers(layout, ranges, strips)]
    if layout.title is not None:
        parts.append(_pictures(strips, 0, layout.title.top))
    if layout.plot is not None:
        assert past is not None
        pictures = past.draw(layout.plot, values[:, -layout.scalars :])
        parts.append(_pictures(pictures, 0, layout.plot.top))
    data, ends = _encode_parts(parts, 1 + len(values), layout.size[0] * layout.size[1])
    shown = sum((each.shown() for each in parts), Shown(extremes=extremes)) + written
    return Images(data, ends, [TRANSPARENT] * len(values), shown, _scalars(layout, values))


def _scalars(layout: Layout, values: NDArray[np.float64]) -> tuple[list[float], ...]:
    """Return the scalars of each frame if there is a line plot, else ()."""
    return tuple(values[:, -layout.scalars :].tolist()) if layout.scalars else ()


class _Part(NamedTuple):
    """One part of the image, whose runs are to be listed."""

    left: int  # x of its left edge, px
    room: int  # upper bound on the runs of one frame
    # lists runs; takes start, room, rectangles, ends, indices and starts, as `list_changes` does
    list_runs: Callable[..., int]
    shown: Callable[[], Shown]  # a tally of what could not be shown, once all is listed


def _fills(panel: Panel, previous: NDArray[np.float64], values: NDArray[np.float64]) -> _Part:
    n, m = panel.shape
    counts = np.zeros(4, np.int64)
    scratch = np.empty((2, n, m), np.uint8), new_lines(m), np.empty((n, 2), np.int64)
    given = previous, values, *scratch, np.empty(m + 1, np.uint32), counts
    list_runs = partial(list_fills, panel.grid, panel.shades, *given)
    return _Part(*_place(panel), list_runs, partial(shown_of, panel, counts, values, ""))


def _texts(
    panel: Panel,
    previous: NDArray[np.float64],
    values: NDArray[np.float64],
    annots: NDArray[Any] | None,
) -> _Part:
    # found once, right before the first runs are listed: both kernels take the same tables, which
    # are packed only once if no other panel's are packed in between
    found = cache(partial(find_changes, panel, previous, values, annots))

    def list_runs(*rest: Any) -> int:
        type_, lettering, changes, _ = found()
        texts = type_, lettering.segments, changes
        return list_changes(panel.grid, panel.shades, *texts, *rest)

    return _Part(*_place(panel), list_runs, lambda: found()[-1])


def _place(panel: Panel) -> tuple[int, int]:
    """Return the left side of a panel's cells and an upper bound on their runs."""
    grid = panel.grid
    left, top = int(grid.x0[0]), int(grid.y0[0])
    return left, (int(grid.x1[-1]) - left) * (int(grid.y1[-1]) - top) + 2


def _pictures(pictures: NDArray[np.uint8], left: int, top: int) -> _Part:
    _, height, width = pictures.shape
    scratch = new_lines(width), np.empty((height, 2), np.int64)
    list_runs = partial(list_differences, pictures, left, top, *scratch)
    return _Part(left, height * width + 2, list_runs, Shown)


def _encode_parts(parts: list[_Part], frames: int, pixels: int) -> tuple[memoryview, list[int]]:
    """Encode frames from the runs of each part of the image.

    A part lists frames until its buffer is full, and again when all of these are encoded. Buffers
    for a frame or two would be slower: each change between the kernels costs some time.
    """
    parts.sort(key=lambda each: each.left)
    spare = LISTED // len(parts)
    sides = list(accumulate((each.room + spare for each in parts), initial=0))
    rectangles = np.zeros((len(parts), frames, 4), np.int64)
    part_ends, cursors = np.zeros((len(parts), frames), np.int64), np.zeros(len(parts), np.int64)
    listed = [1] * len(parts)  # the next frame of each part to list
    with _tools(pixels, sides[-1]) as tools:
        lists = Lists(rectangles, part_ends, *tools.listed, cursors)

        def encode(start: int, *rest: Any) -> int:
            for k, part in enumerate(parts):
                if listed[k] == start:
                    part_ends[k, start - 1] = sides[k]
                    own = [each[: sides[k + 1]] for each in tools.listed]
                    given = start, part.room, rectangles[k], part_ends[k]
                    listed[k] = part.list_runs(*given, *own)
            return encode_lists(lists, min(listed), start, *rest)

        return _encode(encode, frames, tools)


class _Tools(NamedTuple):
    """Buffers to encode images with."""

    listed: Runs  # of the parts of images
    runs: Runs
    coder: Coder


@contextmanager
def _tools(pixels: int, listed: int = 0) -> Iterator[_Tools]:
    """Lend buffers to encode images of `pixels` pixels from parts of `listed` runs.

    The thread keeps them for its next images of this size: fresh memory pages cost more time than
    a frame in which little changes.
    """
    kept, _spare.tools = getattr(_spare, "tools", None), None  # a signal handler gets others
    if kept is None or kept[0] != pixels:
        kept = pixels, _Tools(new_runs(listed), new_runs(pixels), new_coder(pixels))
    tools: _Tools = kept[1]
    if len(tools.listed.indices) < listed:
        tools = tools._replace(listed=new_runs(listed))
    yield tools
    if pixels <= MOST_KEPT:
        _spare.tools = pixels, tools


def _encode(encode: Callable[..., int], frames: int, tools: _Tools) -> tuple[memoryview, list[int]]:
    """Return the image blocks of frames, and their ends.

    Parameters
    ----------
    encode
        Encodes frames from a given number on, some or all; returns the next one to encode. Its
        arguments are that number, `room`, runs, coder, ends and out, as of `encode_lists`.
    frames
        Number of frames, including the previous one, number 0, which is not encoded.
    """
    room = room_for(tools.coder)
    ends, out = np.zeros(frames, np.int64), np.empty(2 * room, np.uint8)
    done = 1
    while (done := encode(done, room, tools.runs, tools.coder, ends, out)) < frames:
        end = int(ends[done - 1])
        if len(out) - end < room:
            # not by `np.concatenate`: what is not written yet takes no memory
            larger = np.empty(2 * (end + room), np.uint8)
            larger[:end] = out[:end]
            out = larger
    return out[: ends[-1]].data, ends[1:].tolist()


def _past_with(layout: Layout, past: Past | None, values: NDArray[np.float64]) -> Past | None:
    """Return the line plot continued by frames (T, C), or None if the layout has none."""
    if layout.plot is None:
        return None
    own = values[:, -layout.scalars :]
    return (past or Past(own[:0])).after(layout.plot, own)


def _encode_picture(picture: NDArray[np.uint8]) -> tuple[bytes, list[int]]:
    with _tools(picture.size) as (_, runs, coder):
        out = np.empty(room_for(coder), np.uint8)
        size = encode_picture(picture, runs, coder, out)
    return out[:size].tobytes(), [size]


class Shot(NamedTuple):
    """A frame with all that it is drawn from, except for a line plot."""

    layout: Layout
    values: NDArray[np.float64]
    title: str
    annot: NDArray[Any] | None


def encode_between(old: Shot, new: Shot, past: Past | None = None) -> Images:
    """Encode a frame that follows one of another layout with the same size and palette."""
    before, _ = paint(*old, plot=past and past.picture)
    now = _past_with(new.layout, past, new.values[None])
    after, shown = paint(*new, plot=now and now.picture)
    images = encode_indexed(np.stack([before, after]), TRANSPARENT, first=False)
    return replace(images, shown=shown, scalars=_scalars(new.layout, new.values[None]))


def encode_indexed(pictures: NDArray[np.uint8], transparent: int | None, *, first: bool) -> Images:
    """Encode consecutive images of palette indices.

    Parameters
    ----------
    pictures
        (T, H, W) C-contiguous.
    transparent
        An index that no image uses. None chooses, for each image, one that its changed part does
        not use, if there is one.
    first
        Whether the first image starts the GIF; if not, it is the previous one and is not encoded.
    """
    if first:
        images = Images(*_encode_picture(pictures[0]), [None])
        if len(pictures) > 1:
            images = joined([images, encode_indexed(pictures, transparent, first=False)])
        return images
    _, height, width = pictures.shape
    index = -1 if transparent is None else transparent
    transparents = np.empty(len(pictures), np.int64)
    scratch = new_lines(width), np.empty((height, 2), np.int64), np.empty(256, np.uint8)
    given = pictures, index, *scratch, transparents
    with _tools(height * width) as tools:
        data, ends = _encode(partial(encode_differences, *given), len(pictures), tools)
    return Images(data, ends, [k if k >= 0 else None for k in transparents[1:].tolist()])
