"""Sessions: frames that are added one by one become a layout, then a file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fastheat.figure.base import Figure, empty_ranges, made_up_ranges, pairs_of
from fastheat.gif import blocks
from fastheat.gif.file import GifFile, Tail
from fastheat.inputs.frames.annotations import Cells, Samples
from fastheat.inputs.frames.ranges import Range, wider_limits
from fastheat.inputs.sources.arrays import Floats, Frame, join_frames
from fastheat.inputs.sources.labelled import Axes
from fastheat.inputs.sources.shapes import Shapes
from fastheat.layout.layout import Layout
from fastheat.layout.reduction import Reduction
from fastheat.messages import in_a_line, many, short, warn
from fastheat.pipeline import resume
from fastheat.pipeline.output import Output
from fastheat.pipeline.resume import Note, NoteReader
from fastheat.pipeline.summary import GifSummary, summarise
from fastheat.render.encode import Shot, encode_between, encode_chunk
from fastheat.render.lineplot import History

CHUNK_SCALARS = 1 << 12  # frames of a file whose scalars are read together
# a frame, its title, its annotations and its step
Given: TypeAlias = tuple[Frame, str, Cells | None, int | None]

HEADROOM = 0.1  # fraction of a growing range that is left free on the side where it grows


class Found(NamedTuple):
    """A file that is to be continued."""

    path: Path
    size: tuple[int, int]  # width, height in pixels
    loop: int | None
    start: bytes  # its beginning, as long as any header
    tail: Tail
    note: Note


def find(target: Path | BinaryIO) -> Found | None:
    """Return the file that is to be continued, or None if there is none.

    Raises
    ------
    ValueError
        If it is not a GIF that fastheat wrote. Time and memory are bounded by its size, whatever
        it contains.
    """
    if not isinstance(target, Path):
        raise TypeError(f"expected a path with mode='a', not {short(target)}")
    if not target.exists() or not target.stat().st_size:
        return None
    size, loop, tail, said = (0, 0), None, Tail(), NoteReader()
    with target.open("rb") as file:
        start = file.read(1 << 10)
        file.seek(0)
        try:
            for block in blocks.read_blocks(file):
                if tail.add(block):
                    said.add_frame()
                if isinstance(block, blocks.Comment):
                    said.add(block.text)
                elif isinstance(block, blocks.Screen):
                    size = block.size
                elif isinstance(block, blocks.Loop):
                    loop = block.times
            if not tail.parts:
                raise ValueError("it has no frames")
            if not all(part.controlled for part in tail.parts):  # which holds the delay
                raise ValueError("its last frame has no graphic control block")
            note = said.note(size[0] * size[1])
        except ValueError as error:
            raise ValueError(
                f"expected a GIF that fastheat wrote, to continue it, not {str(target)!r}: "
                f"{in_a_line(error)}"
            ) from None
    return Found(target, size, loop, start, tail, note)


def check(what: str, given: object, found: object, ways: str = "") -> None:
    if given != found:
        raise ValueError(
            f"expected {what} {short(found)} as in the file to continue, not {short(given)}{ways}"
        )


def _speed(duration: float | None) -> str:
    """Describe the durations of frames, for an error."""
    if duration is None:
        return "durations of each frame"
    return f"duration={duration:.6g}" + (f" (fps={1000 / duration:.6g})" if duration else "")


@dataclass(eq=False)
class Session:
    """A file that frames are added to, whose layout follows from the first one.

    It knows no threads: only one may use it at a time.
    """

    output: Output
    make: Callable[[Shapes, Samples | None], Figure]
    grows: bool
    titled: bool
    shows_range: bool
    error: Exception | None = None
    raised: bool = False  # whether the error was raised already
    heatmap: Figure | None = None  # over the current range
    frames: int = 0  # in the file
    written: np.dtype[Any] | None = None  # dtype of per-frame annotations
    closed: bool = False
    _stuck: bool = False  # whether the range could not grow any more
    _without: Sequence[bool] = ()  # whether each panel has no values so far, and a made-up range
    _planned: Figure | None = None  # over the range that the user gave, as far as it goes
    _dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))
    _writes: bool = False  # True if a signal handler interrupted `write`
    _ends: bool = False  # whether to close the file after that
    _last: Shot | None = None  # the last frame
    _sample: Samples | None = None
    _let_go: Callable[[], None] | None = None  # undoes the longer delay of the last frame
    _history: History = field(default_factory=lambda: History(0))  # scalars of all frames so far
    _floats: Floats = field(default_factory=Floats)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the image."""
        heatmap = self.heatmap
        return None if heatmap is None else heatmap.layout(self._dtype).size

    def expect(
        self,
        shape: Shapes,
        dtype: np.dtype[Any],
        written: np.dtype[Any] | None = None,
        sample: Samples | None = None,
        axes: Mapping[str, Axes] | None = None,
    ) -> Mapping[str, Reduction]:
        """Prepare for matrices of a shape and dtype; return the reductions that frames need.

        Parameters
        ----------
        written, sample
            Dtype of the per-frame annotations, and a sample of them if it determines their room.
        axes
            The labels that the matrices carry, by panel.
        """
        if self.heatmap is not None:  # of a file that is continued
            return self.heatmap.reductions
        self.written, self._sample, self._dtype = written, sample, dtype
        heatmap = self.make(shape, sample).labelled(axes or {})
        self._planned = heatmap.with_titles() if self.titled else heatmap
        return self._planned.reductions

    def resume(self, found: Found) -> None:
        """Continue a file.

        Raises
        ------
        ValueError
            If it does not fit the options; it is left as it is.
        """
        note = found.note
        self.written, self._dtype = note.written, note.dtype
        heatmap = self.make(note.shape, note.sample).labelled(note.axes).with_seen(note.seen)
        if note.xlim is not None:
            heatmap = heatmap.for_frames(note.xlim)
        self.titled |= note.titled
        check("autoscale", "frame" if heatmap.has_frame_limits else None, note.autoscale)
        for k, (given, had) in enumerate(zip(heatmap.range, note.range, strict=True)):
            if given is not None and not self.grows:
                check(("vmin", "vmax")[k % 2], given, had)
        self._planned = heatmap
        self._lay_out(heatmap.with_limits(note.first))
        figure, layout = self._drawn
        check("size", layout.size, found.size, self._ways(note))
        if layout.plot is not None:
            check("xlim", layout.plot.room, note.xlim)
        check("loop", self.output.loop, found.loop)
        if self.output.clock.each != note.duration:
            raise ValueError(
                f"expected {_speed(note.duration)} as in the file to continue, not "
                f"{_speed(self.output.clock.each)}"
            )
        start = blocks.header(layout.size, layout.table, layout.colors, self.output.loop)
        if found.start[: len(start)] != start:
            raise ValueError(
                "expected the colors of the file to continue, not those of this cmap, "
                "threshold and these colors of texts, labels and background"
            )
        own = resume.look_of(layout)
        names = own.keys() | note.look
        unlike = sorted(name for name in names if own.get(name) != note.look.get(name))
        if unlike:
            raise ValueError(
                "expected the labels, texts, fonts and grid of the file to continue, "
                f"not others (unlike: {short(', '.join(unlike))}){self._ways(note)}"
            )
        self.heatmap = figure.with_limits(note.range)
        if self.size != found.size:
            raise ValueError(
                f"expected a range that the picture of {found.size} has room for, not that of the "
                f"file's note, {short(note.range)}"
            )
        ends = self._resume_clock(found)
        self._remember(found)
        self.output.file = file = GifFile.resumed(found.path, found.tail, sync=self.output.sync)
        notes = (comment for _, comment in found.tail.notes)
        held = ((k, each.offset) for k, each in enumerate(notes) if resume.says_held(each.text))
        number, offset = next(held, (None, 0))
        if number is not None or ends != found.tail.ticks:
            self._let_go = partial(file.let_go, found.tail.ticks - ends, number, offset)

    def _resume_clock(self, found: Found) -> int:
        """Set the clock after the frames of a file; return their duration in hundredths."""
        note, tail = found.note, found.tail
        said = tail.ticks - note.held if note.ticks is None else note.ticks
        # a process that was killed may have undone the hold of the last frame
        for ticks in (said, tail.ticks):
            if tail.begin < ticks and self.output.clock.resume(ticks) == ticks:
                return ticks
        raise ValueError(
            f"expected durations whose frames end at {10 * said} ms, as in the file to continue"
        )

    def _ways(self, note: Note) -> str:
        """Describe the options that give the layout of a file, for an error."""
        ways = ["the title, labels, font, cbar, figsize and dpi that it was written with"]
        if note.first != note.range and not self.grows:
            ways.insert(0, "autoscale='grow', as its range has grown, and")
        elif self.titled and not note.titled:
            ways.insert(0, "no changing title and no range in the title, as it has neither, and")
        if isinstance(note.shape, dict):
            ways.append("and the options of panels such as share_range")
        return f": give {' '.join(ways)}"

    def _remember(self, found: Found) -> None:
        """Read the scalars of the frames of a file."""
        scalars, count = self._drawn[1].scalars, 0
        if not scalars:
            return
        with found.path.open("rb") as file:
            comments = (b.text for b in blocks.read_blocks(file) if isinstance(b, blocks.Comment))
            each = resume.read_scalars(comments)
            while rows := list(islice(each, CHUNK_SCALARS)):
                if any(len(row) != scalars for row in rows):
                    raise ValueError(
                        f"expected {many(scalars, 'scalar')} of each frame in the file to "
                        "continue, since it has lines"
                    )
                self._history.add(np.array(rows))
                count += len(rows)
        if count != self.output.clock.frames:
            frames = many(self.output.clock.frames, "frame")
            raise ValueError(
                f"expected a file that has the scalars of its {frames}, to continue its lines, "
                f"not of {count}: versions before did not keep them"
            )

    def write(self, given: Sequence[Given]) -> None:
        """Encode frames, reduced as `expect` returned, and commit them.

        Either all of them have annotations, or none.
        """
        if self._writes:
            raise RuntimeError("expected frames one after another, not one within another")
        if self.closed:
            raise ValueError("expected a file that is open, but it was closed meanwhile")
        self._writes = True
        try:
            self._write_all(given)
        finally:
            self._writes = False
            if self._ends:
                self.close()

    def _write_all(self, given: Sequence[Given]) -> None:
        start, count = 0, len(given)
        while start < len(given):
            before = self.output.added
            try:
                self._write(given[start : start + count])
                start += count
            except Exception as error:
                start += self.output.added - before
                if count > 1 and not isinstance(error, OSError):
                    count = 1  # one by one, so that frames before the faulty one are kept
                    continue
                self.error = self._explained(error)
                raise self.error from None
            except BaseException as error:  # Ctrl-C, which must not be raised twice
                self.error = _ended(error)
                raise

    def _explained(self, error: Exception) -> Exception:
        if not isinstance(error, OSError) or error.errno is None:
            return error
        reason = error.strerror or os.strerror(error.errno)
        before = many(self.frames, "frame")
        text = f"{reason} after {before}, which the file has" if self.frames else reason
        return OSError(error.errno, text, str(self.output.place))

    def _write(self, given: Sequence[Given]) -> None:
        frames, titles, annots, steps = zip(*given, strict=True)
        noted = [each.cells for each in annots if each is not None]
        values = join_frames(frames, self._floats, self.output.clock.frames)
        assert self._planned is not None
        if not isinstance(self._planned.shape, dict):
            values = values.reshape(len(values), *frames[0][0].shape)
        self.add(values, titles, noted, steps)

    def add(
        self,
        values: NDArray[np.float64],
        titles: Sequence[str],
        noted: Sequence[NDArray[Any]],
        steps: Sequence[int | None],
    ) -> None:
        """Encode a chunk of frames from `Frames.chunks`, and commit them."""
        if self.heatmap is None:
            self._begin(values[0])
        if self._let_go is not None:
            self._let_go()
        self._let_go = None
        start = 0
        while start < len(values):
            stop = start + 1
            figure, _ = self._drawn
            if self._is_beyond(values[start]):
                figure = self._widened(values[start])
            else:
                while stop < len(values) and not self._is_beyond(values[stop]):
                    stop += 1
            part = slice(start, stop)
            self._encode(figure, values[part], titles[part], noted[part], steps[part])
            start = stop
        self.output.commit()
        self.frames = self.output.clock.frames

    @property
    def _drawn(self) -> tuple[Figure, Layout]:
        """The figure over the current range, and its layout."""
        assert self.heatmap is not None
        return self.heatmap, self.heatmap.layout(self._dtype)

    def _begin(self, values: NDArray[np.float64]) -> None:
        heatmap = self._planned
        assert heatmap is not None
        if None in heatmap.range:
            found = heatmap.find_range(values)
            self._without = heatmap.without_values(found)
            heatmap = heatmap.completed(found)
        heatmap = heatmap.with_texts_of(values, self._dtype)
        self._lay_out(heatmap)
        self.output.begin(self._drawn[1], heatmap, self._sample)

    def _lay_out(self, heatmap: Figure) -> None:
        if self.titled:
            heatmap = heatmap.with_titles()
        if self.written is not None:
            heatmap = heatmap.with_annots(self.written)
        if self.grows:
            heatmap = heatmap.freeze_axes(self._dtype)
        self._history = History(heatmap.layout(self._dtype).scalars)
        self.heatmap = heatmap

    def _is_beyond(self, values: NDArray[np.float64]) -> bool:
        if not self.grows or self._stuck:
            return False
        figure, _ = self._drawn
        found = figure.find_range(values)
        if any(
            own and None not in pair
            for own, pair in zip(self._without, pairs_of(found), strict=False)
        ):
            return True
        return wider_limits(figure.range, found) != figure.range

    def _encode(
        self,
        figure: Figure,
        values: NDArray[np.float64],
        titles: Sequence[str],
        annots: Sequence[NDArray[Any]],
        steps: Sequence[int | None],
    ) -> None:
        """Encode frames; one alone if the figure is another than before."""
        widens, layout = figure is not self.heatmap, figure.layout(self._dtype)
        last = self._last
        named = list(titles)
        if self.shows_range:
            named = [f"{title}  {figure.range_text}".strip() for title in titles]
        past = self._history.before(layout.plot, values)
        if last is None:
            stack = np.stack(annots) if annots else None
            images = encode_chunk(layout, None, values, named, stack, past)
        elif widens:
            new = Shot(layout, values[0], named[0], annots[0] if annots else None)
            images = encode_between(last, new, past)
        else:
            stack = None if last.annot is None else np.stack([last.annot, *annots])
            images = encode_chunk(layout, last.values, values, [last.title, *named], stack, past)
        self.heatmap = figure
        count = self.output.added
        try:
            self.output.add(images, steps, resume.range_facts(figure.range) if widens else None)
        finally:
            if self.output.added > count:
                k = self.output.added - count - 1
                self._history.add(values[: k + 1])
                annot = annots[k] if annots else None
                self._last = Shot(layout, values[k].copy(), named[k], annot)

    def _widened(self, values: NDArray[np.float64]) -> Figure:
        """Return the figure over a range that encloses a frame, if there is room for it."""
        figure, old = self._drawn
        found = pairs_of(figure.find_range(values))
        without = self._without or [False] * len(found)
        with suppress(ValueError):  # labels of the bar have no room, or float64 overflows
            bottoms = [each.norm.bottom for each in figure.heatmaps.values()]
            each = zip(pairs_of(figure.range), found, bottoms, without, strict=True)
            wider = (
                new if made_up and None not in new else _wider(own, new, bottom)
                for own, new, bottom, made_up in each
            )
            wide = figure.with_limits(tuple(end for pair in wider for end in pair))
            layout = wide.layout(self._dtype)
            if layout.size == old.size and np.array_equal(layout.table, old.table):
                pairs = zip(without, found, strict=True)
                self._without = [made_up and None in new for made_up, new in pairs]
                return wide
        self._stuck = True
        return figure

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            self.error = error if isinstance(error, Exception) else _ended(error)
        self.close()
        if error is None and self.error is not None:
            raise self.error

    def close(self) -> None:
        """Close the file; after an error, with the frames before it.

        If a signal handler calls this within `write`, the file is closed once that is done.
        """
        self._ends = True
        if self.closed or self._writes:
            return
        self.closed = True
        try:
            self.output.close(failed=self.error is not None)
        except Exception as error:
            self.error = self._explained(error)
        finally:
            self.output.claim.release()

    def summary(self, seconds: float) -> GifSummary | None:
        """Return the summary, or None without frames; warn of anything not shown as given."""
        if self.output.file is None:
            return None
        figure, layout = self._drawn
        if self._stuck:
            warn(
                "could not widen the range any more, since the labels of a wider one have no room "
                "in the picture: give a larger figsize, or vmin and vmax that hold all values"
            )
        assert self._planned is not None
        without = self._without or [False] * len(figure.heatmaps)
        if self.grows and (made_up := made_up_ranges(figure, without, "no frame shows a value")):
            warn(made_up)
        elif made_up := made_up_ranges(figure, without, "the first frame shows no value"):
            warn(f"{made_up}: give vmin and vmax, or autoscale='grow'")
        empty = empty_ranges(figure, self._planned.range)
        if empty and (self.output.shown.under or self.output.shown.over):
            warn(f"took {empty} from the first frame: give vmin and vmax, or autoscale='grow'")
        return summarise(figure, layout, self.output, seconds)


def _ended(error: BaseException) -> RuntimeError:
    """Return the error that says that Ctrl-C, or the like, ended a recording."""
    return RuntimeError(f"recording ended at a {type(error).__name__}")


def _wider(old: Range, found: Range, bottom: float) -> Range:
    """Return a range that encloses both, rounded outwards, with headroom where it grew.

    Parameters
    ----------
    bottom
        Lower bound of ranges. If it is finite, each end is rounded relative to itself.
    """
    both = wider_limits(old, found)
    if both == old:
        return old
    low, high = cast("tuple[float, float]", both)
    old_low, old_high = cast("tuple[float, float]", old)
    width = high - low
    if bottom > -math.inf:
        low = _rounded(low / (1 + HEADROOM), math.floor) if low < old_low else low
        high = _rounded(high * (1 + HEADROOM), math.ceil) if high > old_high else high
        return low, high
    if not 0 < width < float("inf"):
        return low, high
    step = 10.0 ** (math.floor(math.log10(width)) - 1)
    try:
        if low < old_low:
            low = math.floor((low - HEADROOM * width) / step) * step
        if high > old_high:
            high = math.ceil((high + HEADROOM * width) / step) * step
    except (OverflowError, ZeroDivisionError):  # near the limits of float64
        return both
    return (low, high) if math.isfinite(low) and math.isfinite(high) else both


def _rounded(x: float, to_whole: Callable[[float], int]) -> float:
    """Round a non-negative number to its first digit."""
    if not 1e-300 < x < 1e300:
        return x
    step = 10.0 ** math.floor(math.log10(x))
    return to_whole(x / step) * step
