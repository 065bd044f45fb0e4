"""save_gif: frames from anywhere, in chunks, through `encode_chunk` into a file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice, repeat
from os import PathLike, fsdecode
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastheat import notes
from fastheat.annotations import Annots, Cells, open_annots, repeated
from fastheat.encode import Images, chunk_length, encode_chunk
from fastheat.forms import cells_of
from fastheat.giffile import GifFile, check_other, check_target
from fastheat.layout import Layout, Shown
from fastheat.messages import short, warn
from fastheat.mosaic import Mosaic
from fastheat.options import AUTOSCALES, read_autoscale
from fastheat.panels import Panels, check_picture, check_picture_options, make_picture
from fastheat.picture import Picture
from fastheat.plots import History
from fastheat.recorder import Recorder
from fastheat.sources import Frames, open_frames
from fastheat.summary import GifSummary, summarise
from fastheat.timing import Clock, is_whole, read_loop, read_milliseconds


def save_gif(
    file: str | PathLike[str] | BinaryIO,
    frames: object,
    *,
    fps: float | None = None,
    duration: float | Sequence[float] | None = None,
    loop: int | None = 0,
    hold: float | None = None,
    titles: str | Iterable[str] | None = None,
    annot: object = True,
    autoscale: str | None = None,
    workers: int = 1,
    progress: Callable[[int, int | None], object] | None = None,
    heatmap: Picture | None = None,
    **options: Any,
) -> GifSummary:
    """Write matrices as an animated heatmap.

    Parameters
    ----------
    file
        A path or a binary file object. At every instant it holds a whole GIF of the frames written
        so far, if it can seek.
    frames
        An array (T, N, M), a sequence or iterator of matrices (N, M), or the path of a file that
        `load_frames` reads. For panels a dictionary of arrays (T, N, M), or dictionaries of
        matrices, or tuples of them with a `heatmap` that has their names. Taken a chunk at a time,
        and never collected.
    fps
        Frames per second.
    duration
        Milliseconds a frame, or of each frame in turn; 100 if `fps` is not given either. Written in
        hundredths of a second, with rounding carried on; what is under 20 ms is raised to that.
    loop
        How often the animation is played again, 0 for ever; None plays it once.
    hold
        Milliseconds that the last frame is shown, in place of its duration.
    titles
        The title of each frame, drawn where the heatmap has its own, smaller where it is too long.
        A string with braces, such as ``"step {}"``, is formatted with the number of each. Without
        `title` and `heatmap` a list of them makes room for the longest.
    annot
        What is written in the cells, as `Heatmap` takes it, or of each frame: an array (T, N, M), a
        sequence or iterator of matrices (N, M) of numbers or strings, or the path of a file of
        them, taken as `frames` are. Without `heatmap` there is room for all of them, for those of
        the first frame where they can be read only once; what is longer is drawn smaller.
    autoscale : {None, "all", "grow"}
        Where the range comes from, as far as `vmin` and `vmax` are not given. None takes it from
        all frames, or from the first where they can be read only once; "all" refuses those. "grow"
        takes it from the first and widens it as `GifWriter` does, in one pass and on one thread.
    workers
        Threads that encode. The file does not depend on them.
    progress
        Called with the number of frames written so far and of all, None where it is not known.
    heatmap : Heatmap or Panels
        The layout to draw with, instead of `options`.
    **options
        Those of `Heatmap`; of frames that are dictionaries, those of `Panels`.

    Returns
    -------
    GifSummary
        What was written.

    Raises
    ------
    TypeError, ValueError
        If an argument or a frame is not as expected; the file is not touched, unless a frame that
        comes later than others is the reason, which are then in it.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If something is not shown as given: values out of the range, texts without room, characters
        without a glyph, delays that were raised, or a range taken from the first frame of an
        iterator.
    """
    started = time.perf_counter()
    check_target(file)
    clock = Clock(fps, duration)
    last = None if hold is None else read_milliseconds("hold", hold)
    times = read_loop(loop)
    if not is_whole(workers) or workers < 1:
        raise ValueError(f"expected workers to be at least 1, not {short(workers)}")
    if progress is not None and not callable(progress):
        raise TypeError(f"expected progress to be a function or None, not {short(progress)}")
    scaling = read_autoscale(autoscale, AUTOSCALES)
    check_picture(heatmap, options)
    check_names(options)
    panels = heatmap.shape if isinstance(heatmap, Panels) else None
    source = open_frames(frames, panels)
    room = room_of_titles(titles)
    titles = read_titles(titles)
    if isinstance(titles, Sized) and source.length not in (None, len(titles)):
        raise ValueError(f"expected a title for each of {source.length} frames, not {len(titles)}")
    check_other(file, source.file)
    clock.check(source.length)
    annots = _read_annots(annot, source, heatmap)
    if heatmap is None:
        options = {"title": room} | options
        sampled = annots.sample() if isinstance(annots, Annots) else annots
        heatmap = make_picture(source.shape, {"annot": sampled, **options})
    elif heatmap.shape != source.shape:
        raise ValueError(
            f"expected frames of shape {heatmap.shape} as the heatmap, not {source.shape}"
        )
    if isinstance(heatmap, Panels) and source.length is not None:
        heatmap = heatmap.for_frames(source.length)
    if scaling == "grow":
        heatmap.check_growth()
        each = annots if isinstance(annots, Annots) else None
        recorder = _recorder(file, heatmap, clock, times, last, titled=titles is not None)
        _record(recorder, heatmap, source, titles, each, progress)
        summary = recorder.summary(time.perf_counter() - started)
        assert summary is not None
        return summary
    if scaling == "all" and None in heatmap.range and not source.rereadable:
        raise ValueError(
            "expected frames that can be read twice with autoscale='all', such as an array, a "
            "list or a path, not an iterator: or give vmin and vmax"
        )
    if titles is not None:
        heatmap = heatmap.with_titles()
    if heatmap.reduction is not None:
        source = source.through(heatmap.reduction)
    chunks = source.chunks(chunk_length(cells_of(source.shape)))
    if None in heatmap.range:
        heatmap, chunks = with_range_of(heatmap, source, chunks)
    sample = heatmap.sample
    if isinstance(annots, Annots):
        heatmap = heatmap.with_annots(annots.dtype)
    else:
        annots = None
    layout = heatmap.layout(source.dtype)
    history = History(layout.scalars if isinstance(layout, Mosaic) else 0)

    shown = Shown()
    with GifFile(file, notes.header(layout, heatmap.range, clock.each, times, sample)) as target:
        for images in _encoded(layout, _followed(chunks, titles, annots, history), workers):
            shown += images.shown
            target.add_all(images, clock)
            if progress is not None:
                progress(clock.frames, source.length)
        if last is not None:
            more = clock.held(last)
            target.lengthen(more)
            target.add_note(notes.block(held=more))
    return summarise(heatmap, layout, shown, clock, target, time.perf_counter() - started)


def _recorder(
    file: str | PathLike[str] | BinaryIO,
    picture: Picture,
    clock: Clock,
    loop: int | None,
    hold: float | None,
    *,
    titled: bool,
) -> Recorder:
    """Return what writes frames whose range grows, as that of `GifWriter`."""
    return Recorder(
        target=Path(fsdecode(file)) if isinstance(file, str | PathLike) else file,
        make=lambda *_: picture,
        clock=clock,
        loop=loop,
        hold=hold,
        grows=True,
        titled=titled or not picture.cbar,
        shows_range=not picture.cbar,
        plans=False,
        sync=False,
    )


def _record(
    recorder: Recorder,
    picture: Picture,
    source: Frames,
    titles: Iterable[str] | None,
    annots: Annots | None,
    progress: Callable[[int, int | None], object] | None,
) -> None:
    """Write frames one chunk after the other, each of which may change the range."""
    written = (None, None) if annots is None else (annots.dtype, picture.sample)
    reduction = recorder.expect(source.shape, source.dtype, *written)
    if reduction is not None:
        source = source.through(reduction)
    with recorder:
        chunks = source.chunks(chunk_length(cells_of(source.shape)))
        each = repeat(picture.title) if titles is None else titles
        for _, values, texts, noted, _ in _followed(chunks, each, annots, History(0)):
            own = [] if noted is None else list(noted[-len(values) :])
            recorder.add(values, texts[-len(values) :], own, [None] * len(values))
            if progress is not None:
                progress(recorder.frames, source.length)


def _read_annots(
    annot: object, source: Frames, heatmap: Picture | None
) -> Annots | Cells | bool | None:
    """Return annotations of each frame, or what `Heatmap` takes."""
    if annot is None or isinstance(annot, bool | np.bool_):
        if heatmap is not None and not annot:
            raise TypeError(
                f"expected annot={annot!r} as an option of the heatmap, not beside heatmap="
            )
        return bool(annot)
    annots = open_annots(annot, source.shape)
    if isinstance(annots, Cells):
        return annots if heatmap is None else repeated(annots)
    if None not in (annots.length, source.length) and annots.length != source.length:
        raise ValueError(
            f"expected annot for each of {source.length} frames, not for {annots.length}"
        )
    return annots


def room_of_titles(titles: object) -> str:
    """Return a title that needs as much room as any of those that are known."""
    if isinstance(titles, str):
        return "\n" * titles.count("\n")
    texts = (
        [title for title in titles if isinstance(title, str)]
        if isinstance(titles, Sequence)
        else []
    )
    lines = max((text.count("\n") for text in texts), default=0)
    longest = max((line for text in texts for line in text.split("\n")), key=len, default="")
    return "\n".join([longest] * (lines + 1)) if longest else ""


def read_titles(titles: object) -> Iterable[str] | None:
    """Return a title for each frame, of what `save_gif` takes."""
    if isinstance(titles, str):
        template = titles
        try:
            numbered = template.format(0) != template.format(1)
        except (ValueError, IndexError, KeyError, AttributeError):
            numbered = False
        if not numbered:
            raise ValueError(
                "expected titles to be a text for each frame, or one with {} for its number, "
                f"not {short(titles)}"
            )
        return (template.format(number) for number in count())
    if titles is not None and not isinstance(titles, Iterable):
        raise TypeError(f"expected titles to be a text for each frame, not {short(titles)}")
    return titles


def check_names(options: dict[str, Any]) -> None:
    """Refuse what is no option, before anything is read."""
    own = ("fps", "duration", "loop", "hold", "titles", "workers", "progress", "heatmap", "annot")
    check_picture_options(options, (*own, "autoscale"))


def with_range_of(
    picture: Picture, source: Frames, chunks: Iterator[NDArray[np.float64]]
) -> tuple[Picture, Iterator[NDArray[np.float64]]]:
    """Take the range from all frames if they can be read twice, else from the first."""
    extent = picture.extent()
    if source.rereadable:
        for chunk in chunks:
            extent.add(chunk)
        return picture.fitted(extent.found), source.chunks(chunk_length(cells_of(source.shape)))
    first = next(chunks)
    picture = picture.fitted(picture.find_range(first[0]))
    taken = "the ranges"
    if not picture.ranges:
        vmin, vmax = picture.range
        taken = f"vmin={vmin:g} and vmax={vmax:g}"
    warn(
        f"took {taken} from the first frame, since the frames can be read only once: give vmin and "
        "vmax",
    )
    return picture, _chain(first, chunks)


def _chain(
    first: NDArray[np.float64], rest: Iterator[NDArray[np.float64]]
) -> Iterator[NDArray[np.float64]]:
    yield first
    yield from rest


# the values of the frame before a chunk, the chunk, the titles and annotations of all of these
# frames, and the scalars of all before the chunk
Job = tuple[
    NDArray[np.float64] | None,
    NDArray[np.float64],
    list[str],
    NDArray[Any] | None,
    NDArray[np.float64] | None,
]


def _encoded(layout: Layout | Mosaic, jobs: Iterator[Job], workers: int) -> Iterator[Images]:
    """Encode chunks on threads, at most two for each in flight, and yield them in order."""
    if workers == 1:
        for job in jobs:
            yield encode_chunk(layout, *job)
        return
    waiting: deque[Future[Images]] = deque()
    failed: Exception | None = None
    with ThreadPoolExecutor(workers, "fastheat") as pool:
        try:
            while True:
                try:
                    job = next(jobs)
                except StopIteration:
                    break
                except Exception as error:  # what was read before it is still written
                    failed = error
                    break
                waiting.append(pool.submit(encode_chunk, layout, *job))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
    if failed is not None:
        raise failed


def _followed(
    chunks: Iterator[NDArray[np.float64]],
    titles: Iterable[str] | None,
    annots: Annots | None,
    history: History,
) -> Iterator[Job]:
    """Yield each chunk after the last frame of the chunk before it."""
    before: NDArray[np.float64] | None = None
    each = None if titles is None else iter(titles)
    taken = None
    written: list[str] = []
    noted: NDArray[Any] | None = None
    done = 0
    for chunk in chunks:
        if each is not None:
            new = list(islice(each, len(chunk)))
            for k, title in enumerate(new):
                if not isinstance(title, str):
                    raise TypeError(f"expected title {done + k} to be text, not {short(title)}")
            if len(new) < len(chunk):
                raise ValueError(
                    f"expected a title for each frame, not {done + len(new)} for more frames"
                )
            written = written[-1:] + new
        if annots is not None:
            taken = taken or annots.chunks(len(chunk))  # the others are no longer
            cells = next(taken, None)
            found = 0 if cells is None else len(cells)
            if cells is None or found < len(chunk):
                raise ValueError(
                    f"expected annot for each frame, not {done + found} for more frames"
                )
            cells = cells[: len(chunk)]
            noted = cells if noted is None else np.concatenate([noted[-1:], cells])
        yield before, chunk, written, noted, history.rows
        history.add(chunk)
        done += len(chunk)
        before = chunk[-1].copy()
