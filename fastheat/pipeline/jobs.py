"""Jobs: frames to measure or encode, which any worker can process on its own."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.annotations import Annots
from fastheat.inputs.frames.ranges import DataLimits
from fastheat.inputs.frames.spans import Span, chunk_length
from fastheat.layout.layout import Layout
from fastheat.messages import short
from fastheat.pipeline.workers import Pace, Result, WorkerPool
from fastheat.render.encode import Images, encode_chunk, joined
from fastheat.render.lineplot import History, Past
from fastheat.style.text.formats import check_length

_T = TypeVar("_T")

FEWEST_FRAMES = 8  # per job, since each job reads the previous frame once more
MOST_FRAMES = 4096
KEPT_LAYOUTS = 4  # unpacked layouts that a worker process keeps


class Packed:
    """A layout that is sent to other processes with each job, and unpacked there only once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._data: bytes | None = None

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        if self._data is None:
            try:
                self._data = zlib.compress(pickle.dumps(self.layout, pickle.HIGHEST_PROTOCOL), 1)
            except Exception:  # some executors have a pickle of their own that accepts more
                return Packed, (self.layout,)
        return _unpacked, (self._data,)


@lru_cache(maxsize=KEPT_LAYOUTS)
def _unpacked(data: bytes) -> Packed:
    return Packed(pickle.loads(zlib.decompress(data)))


@dataclass(frozen=True, slots=True)
class Encoding:
    """A job that encodes frames; fields as in `encode_chunk`, except for the layout and spans."""

    layout: Packed
    frames: range
    values: NDArray[np.float64] | Span  # a span begins with the previous frame, if any
    previous: NDArray[np.float64] | None = None
    titles: list[str] = field(default_factory=list)
    annots: NDArray[Any] | None = None
    past: Past | None = None

    def run(self) -> Result[Images]:
        """Encode the frames, those of a span in chunks."""
        warnings: dict[str, str] = {}
        images: list[Images] = []
        layout, previous = self.layout.layout, self.previous
        done = int(previous is not None)  # number of titles and annotations used
        chunks = self.values.chunks() if isinstance(self.values, Span) else [(self.values, {})]
        for values, more in chunks:
            warnings = {**more, **warnings}
            at = slice(max(0, done - 1), done + len(values))
            done = at.stop
            if self.frames.start and previous is None:
                previous, values = values[0], values[1:]
            if len(values):
                rest = self.titles[at], None if self.annots is None else self.annots[at], self.past
                images.append(encode_chunk(layout, previous, values, *rest))
                if isinstance(self.values, Span):
                    previous = _last(values)
        encoded = joined(images)
        return Result(encoded, len(encoded.data), warnings)

    def each(self) -> Iterator[Encoding]:
        """Yield a job for each frame."""
        ahead = int(self.frames.start > 0)  # previous frames in titles and annotations
        for k in range(len(self.frames)):
            at = slice(max(0, k + ahead - 1), k + ahead + 1)
            one = replace(
                self,
                frames=self.frames[k : k + 1],
                titles=self.titles[at],
                annots=None if self.annots is None else self.annots[at],
            )
            if isinstance(self.values, Span):
                yield replace(one, values=self.values.part(at.start, at.stop))
                continue
            past, plot = self.past, self.layout.layout.plot
            if past is not None and plot is not None:
                past = past.after(plot, self.values[:k, -len(plot.names) :])
            yield replace(
                one,
                values=self.values[k : k + 1],
                previous=self.values[k - 1] if k else self.previous,
                past=past,
            )


class Measuring(NamedTuple):
    """A job that finds the limits of frames, and returns their values too if `keeps`."""

    limits: DataLimits  # empty; stays empty, as the job may be done again
    frames: range
    span: Span
    keeps: bool
    total: int  # frames of all such jobs

    def run(self) -> Result[tuple[DataLimits, NDArray[np.float64] | None]]:
        """Return the limits of the frames, and their values or None."""
        limits = self.limits.fresh(self.total)
        warnings: dict[str, str] = {}
        kept = []
        for values, more in self.span.chunks():
            warnings = {**more, **warnings}
            limits.add(values)
            if self.keeps:
                kept.append(values)
        together = np.concatenate(kept) if kept else None
        return Result((limits, together), 0 if together is None else together.nbytes, warnings)

    def each(self) -> Iterator[Measuring]:
        """Yield a job for each frame."""
        for k, number in enumerate(self.frames):
            yield self._replace(frames=range(number, number + 1), span=self.span.part(k, k + 1))


class Beside:
    """The titles and annotations of frames, to be taken in step with them."""

    def __init__(self, titles: Iterable[str] | None, annots: Annots | None, size: int) -> None:
        self._titles = None if titles is None else _checked(titles)
        self._annots = None if annots is None else chain.from_iterable(annots.chunks(size))
        self._done = 0
        self._title: list[str] = []  # of the previous frame
        self._annot: list[NDArray[Any]] = []

    def take(self, count: int) -> tuple[list[str], NDArray[Any] | None]:
        """Return the titles and annotations of the next frames, after those of the previous frame.

        Raises
        ------
        TypeError, ValueError
            If a title is not text, or titles or annotations run out.
        """
        titles, annots = self._title, None
        if self._titles is not None:
            new = self._next(self._titles, count, "a title")
            titles, self._title = titles + new, new[-1:]
        if self._annots is not None:
            cells = self._next(self._annots, count, "annot")
            annots, self._annot = np.stack(self._annot + cells), cells[-1:]
        self._done += count
        return titles, annots

    def _next(self, each: Iterator[_T], count: int, what: str) -> list[_T]:
        new = list(islice(each, count))
        if len(new) < count:
            raise ValueError(
                f"expected {what} for each frame, not {self._done + len(new)} for more frames"
            )
        return new


def _checked(titles: Iterable[str]) -> Iterator[str]:
    """Yield titles; raise TypeError for one that is not text, or ValueError if it is too long."""
    for k, title in enumerate(titles):
        if not isinstance(title, str):
            raise TypeError(f"expected title {k} to be a text, number or date, not {short(title)}")
        check_length(f"title {k}", title)
        yield title


def _last(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the last frame, copied if there are others, so that these need not stay in memory."""
    last: NDArray[np.float64] = values[-1]
    return last if len(values) == 1 else last.copy()


def pace_of(pool: WorkerPool, cells: int, length: int | None) -> Pace:
    """Return the pace of jobs for frames with `cells` values."""
    return pool.pace(max(FEWEST_FRAMES, chunk_length(cells)), MOST_FRAMES, length)


def encodings(
    layout: Layout, chunks: Iterator[NDArray[np.float64]], beside: Beside
) -> Iterator[Encoding]:
    """Yield jobs for frames that are read here, each with the last frame of the previous job."""
    packed = Packed(layout)
    plot = layout.plot
    history = History(layout.scalars)
    previous: NDArray[np.float64] | None = None
    done = 0
    for chunk in chunks:
        titles, annots = beside.take(len(chunk))
        frames = range(done, done + len(chunk))
        past = history.before(plot, chunk)
        yield Encoding(packed, frames, chunk, previous, titles, annots, past)
        history.add(chunk)
        done += len(chunk)
        previous = _last(chunk)


def span_encodings(layout: Layout, span: Span, beside: Beside, pace: Pace) -> Iterator[Encoding]:
    """Yield jobs for frames that workers read for themselves."""
    packed = Packed(layout)
    for frames in _ranges(span, pace):
        part = span.part(max(0, frames.start - 1), frames.stop)
        titles, annots = beside.take(len(frames))
        yield Encoding(packed, frames, part, titles=titles, annots=annots)


def measurings(limits: DataLimits, span: Span, pace: Pace, *, keeps: bool) -> Iterator[Measuring]:
    """Yield jobs that find the limits of frames."""
    nothing = limits.fresh(span.stop)
    for frames in _ranges(span, pace):
        part = span.part(frames.start, frames.stop)
        yield Measuring(nothing, frames, part, keeps, span.stop)


def _ranges(span: Span, pace: Pace) -> Iterator[range]:
    start = 0
    while start < span.stop:
        stop = min(span.stop, start + pace.frames)
        yield range(start, stop)
        start = stop
