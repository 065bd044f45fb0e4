"""`save_gif`: frames from any source to a file, a chunk at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Sized
from contextlib import closing
from itertools import chain, repeat
from os import PathLike
from string import Formatter
from typing import Any, BinaryIO

import numpy as np

from fastheat.checks import AUTOSCALES, defaults_of, is_series, read_autoscale
from fastheat.figure.base import Figure, empty_ranges, made_up_ranges
from fastheat.figure.make import check_figure, check_figure_options, make_figure
from fastheat.gif.target import Claim, check_other
from fastheat.inputs.frames.annotations import Annots, Cells, Parts, open_annots
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.frames.spans import chunk_length, spans_of
from fastheat.inputs.frames.stream import KEPT_BYTES, Frames
from fastheat.inputs.sources.labelled import caption_of, texts_of
from fastheat.inputs.sources.numbering import COUNTED
from fastheat.inputs.sources.shapes import cells_of
from fastheat.layout.layout import Layout
from fastheat.messages import in_a_line, short, warn
from fastheat.pipeline.jobs import Beside, encodings, measurings, pace_of, span_encodings
from fastheat.pipeline.output import Output
from fastheat.pipeline.session import Session
from fastheat.pipeline.summary import GifSummary, summarise
from fastheat.pipeline.workers import Result, WorkerPool
from fastheat.render.encode import Images
from fastheat.render.kernels import jit
from fastheat.style.text.formats import Template


def save_gif(
    file: str | PathLike[str] | BinaryIO,
    frames: object,
    *,
    tensor: object = None,
    fps: float | None = None,
    duration: float | Sequence[float] | None = None,
    loop: int | None = 0,
    hold: float | None = None,
    titles: str | Iterable[object] | None = None,
    annot: object = True,
    autoscale: str | None = None,
    workers: int | None = None,
    executor: object = None,
    progress: Callable[[int, int | None], object] | None = None,
    heatmap: Figure | None = None,
    **options: Any,
) -> GifSummary:
    """Write matrices as an animated heatmap.

    Parameters
    ----------
    file
        A path or a binary file object. If it can seek, it holds a complete GIF of the frames
        written so far at every instant.
    frames
        An array (T, N, M), a sequence or iterator of matrices (N, M), or what `load_frames` reads:
        a path, or a pattern or sequence of paths of checkpoints; an array of zarr or dask, an h5py
        dataset, or any object with ``shape`` (T, N, M), ``dtype`` and ``read(start, stop)``. For
        panels, a dictionary of arrays (T, N, M), a sequence of dictionaries of matrices, or of
        tuples if `heatmap` has the names. They are read a chunk at a time, and never collected. A
        matrix in a file is one frame. Vectors in dictionaries are matrices of one row. Frames with
        keys are pairs ``(step, matrix)``, a dictionary by numbers or dates, or the groups of a
        DataFrame; the keys are ``{step}`` in titles. Tables are drawn in the order of the labels of
        the first one.
    tensor
        The name of the array to draw if the files hold several, or several names; see
        `load_frames`.
    fps
        Frames per second.
    duration
        Milliseconds per frame, or a sequence with those of each frame; 100 if `fps` is not given
        either. GIF stores hundredths of a second; rounding errors do not add up. Durations under
        20 ms are raised to 20 ms.
    loop
        Number of times that the animation is repeated, 0 for ever; None plays it once.
    hold
        Milliseconds that the last frame is shown, in place of its duration.
    titles
        The title of each frame, in a line below the option `title`, or instead of the title of
        `heatmap`. It is drawn smaller if it is too long. A string with braces, such as
        ``"step {}"``, is formatted with the number of each frame, from 0; ``{step}`` in it, or in
        `title`, is the key of each frame, or the number in the name of its file. Titles may be
        numbers, dates or None too. By default, frames of an array of xarray have the first
        coordinate. Without `heatmap`, a list makes room for its longest title.
    annot
        Texts in the cells: for all frames as `Heatmap` takes them, or for each frame an array
        (T, N, M), a sequence or iterator of matrices (N, M) of numbers or strings, or the path of a
        file of such. For panels, a dictionary of any of these by name. Without `heatmap`, there is
        room for all texts, or for those of the first frame if they can be read only once; longer
        ones are drawn smaller.
    autoscale : {None, "all", "grow", "frame"}
        The source of `vmin` and `vmax` if they are not given. None takes them from all frames, or
        from the first one if frames can be read only once; "all" raises an error in that case.
        "grow" takes them from the first frame and widens the range as `GifWriter` does, in one pass
        and on one thread. "frame" gives each frame the range of its own values, which is shown in
        its title, or at the colour bar if there is one.
    workers
        Number of threads that read and encode frames; by default one for each processor that this
        process may use. With `executor`, the number of its workers, if it does not say so itself.
        The bytes of the file do not depend on it, nor on the machine if `font` has all letters.
    executor : concurrent.futures.Executor or dask.distributed.Client
        Its workers, processes or machines of a cluster, read and encode frames instead of threads.
        They read sources with random access, such as files, themselves, and are sent all others.
        It is left open.
    progress
        Called with the number of frames written so far and the number of all, None if unknown.
    heatmap : Heatmap or Panels
        The figure to draw, instead of `options`.
    **options
        Options of `Heatmap`, or of `Panels` if frames are dictionaries.

    Returns
    -------
    GifSummary
        Counts of the frames that were written, and of everything not shown as given.

    Raises
    ------
    TypeError, ValueError
        If an argument or a frame is not as expected. The file is not touched, unless frames before
        that one were written, which it then has.
    OSError
        If the file cannot be written; BlockingIOError if another writer has it.
    RuntimeError
        If a worker of the executor was lost, and the one that repeated its work was lost too. The
        file has the frames before.

    Warns
    -----
    UserWarning
        If something is not shown as given: values out of range, texts without room, characters
        without a glyph, raised delays, or a range taken from the first frame of an iterator.
    """
    started = time.perf_counter()
    output = Output(file, fps, duration, loop, hold)
    pool = WorkerPool(workers, executor)
    if progress is not None and not callable(progress):
        raise TypeError(f"expected progress to be a function or None, not {short(progress)}")
    scaling = read_autoscale(autoscale, AUTOSCALES)
    check_figure(heatmap, options)
    check_figure_options(options, defaults_of(save_gif))
    with Claim(file) as output.claim:
        given = (None, None) if heatmap is None else (heatmap.shape, heatmap.axes)
        source = open_frames(frames, given[0], tensor, given[1])
        if heatmap is not None:
            if titles is None:
                titles = stepped(heatmap.title, source) or named_by_step(heatmap.title, source)
            titles = read_titles(titles, source.steps)
        else:
            titles, options["title"] = titles_of(options.get("title"), titles, source)
        if isinstance(titles, Sized) and source.length not in (None, len(titles)):
            raise ValueError(
                f"expected a title for each of {source.length} frames, not {len(titles)}"
            )
        check_other(file, source.file)
        output.clock.check(source.length)
        annots = _read_annots(annot, source, heatmap)
        each = annots if isinstance(annots, Annots) else None
        if heatmap is None:
            sampled = annots if each is None else each.sample()
            heatmap = make_figure(source.shape, {"annot": sampled, **options})
        elif heatmap.shape != source.shape:
            raise ValueError(
                f"expected frames of shape {heatmap.shape} as the heatmap, not {source.shape}"
            )
        heatmap = heatmap.labelled(source.axes)
        if source.length is not None:
            heatmap = heatmap.for_frames(source.length, source.steps)
        if scaling == "grow":
            heatmap.check_growth()
            session = _recorded(output, heatmap, source, titles, each, progress)
            summary = session.summary(time.perf_counter() - started)
            assert summary is not None
            return summary
        if scaling == "all" and None in heatmap.range and not source.rereadable:
            raise ValueError(
                "expected frames that can be read twice with autoscale='all', such as an array, a "
                "list or a path, not an iterator: or give vmin and vmax"
            )
        heatmap, titles, source = prepared(heatmap, scaling, titles, source)
        sample = heatmap.sample
        if each is not None:
            heatmap = heatmap.with_annots(each.dtype)
        with pool:
            if None in heatmap.range:
                heatmap, source = with_range_of(heatmap, source, pool)
            heatmap, source = with_first_texts(heatmap, source)
            layout = heatmap.layout(source.dtype)
            if pool.in_process:
                jit.load()  # here, where Ctrl-C reaches a compiler, and not in a worker's thread
            beside = Beside(titles, each, chunk_length(cells_of(source.shape)))
            with output, closing(_encoded(layout, source, beside, pool)) as results:
                output.begin(layout, heatmap, sample)
                for encoded in results:
                    source.emit(encoded.warnings)
                    output.add(encoded.value)
                    output.commit()
                    if progress is not None:
                        progress(output.clock.frames, source.length)
        return summarise(heatmap, layout, output, time.perf_counter() - started)


def prepared(
    figure: Figure, autoscale: str | None, titles: Iterable[str] | None, source: Frames
) -> tuple[Figure, Iterable[str] | None, Frames]:
    """Return a figure with a place for titles, the titles, and the frames reduced for it."""
    if autoscale == "frame":
        figure = figure.per_frame_limits()
        if figure.has_frame_limits and not figure.cbar and titles is None:
            titles = repeat(figure.title)
    if titles is not None:
        figure = figure.with_titles()
    return figure, titles, source.through(figure.reductions)


def _recorded(
    output: Output,
    figure: Figure,
    source: Frames,
    titles: Iterable[str] | None,
    annots: Annots | None,
    progress: Callable[[int, int | None], object] | None,
) -> Session:
    """Write frames, each of which may widen the range; return the session that did, closed."""
    session = Session(
        output,
        make=lambda *_: figure,
        grows=True,
        titled=titles is not None or not figure.cbar,
        shows_range=not figure.cbar,
    )
    written = (None, None) if annots is None else (annots.dtype, figure.sample)
    source = source.through(session.expect(source.shape, source.dtype, *written))
    with session:
        size = chunk_length(cells_of(source.shape))
        beside = Beside(repeat(figure.title) if titles is None else titles, annots, size)
        for values in source.chunks(size):
            many = len(values)
            texts, noted = beside.take(many)
            own = [] if noted is None else list(noted[-many:])
            session.add(values, texts[-many:], own, [None] * many)
            if progress is not None:
                progress(session.frames, source.length)
    return session


def _read_annots(
    annot: object, source: Frames, heatmap: Figure | None
) -> Annots | Cells | Parts | bool:
    """Return annotations of each frame, or the option `annot` of `Heatmap`."""
    if annot is None or isinstance(annot, bool | np.bool_):
        if heatmap is not None and not annot:
            raise TypeError(
                f"expected annot={annot!r} as an option of the heatmap, not beside heatmap="
            )
        return bool(annot)
    annots = open_annots(annot, source.shape, source.axes, made=heatmap is not None)
    if not isinstance(annots, Annots):
        return annots
    if None not in (annots.length, source.length) and annots.length != source.length:
        raise ValueError(
            f"expected annot for each of {source.length} frames, not for {annots.length}"
        )
    return annots


def titles_of(title: object, titles: object, source: Frames) -> tuple[Iterable[str] | None, object]:
    """Return a title for each frame, or None, and the title that the layout makes room for.

    Parameters
    ----------
    title
        The title of all frames, in which ``{step}`` stands for the step of each.
    titles
        Titles of each frame, as `save_gif` takes them, which stand below it.
    """
    if titles is None:
        titles = named_by_step(title, source)
    if titles is None:
        each = read_titles(stepped(title, source), source.steps)
        if each is None or not _are_texts(source.steps):
            return each, title
        each = list(each)
        return each, room_of_titles(each)
    each = read_titles(titles, source.steps)
    if isinstance(titles, str) and "{step" in titles and _are_texts(source.steps):
        each = list(each or ())
    room = room_of_titles(titles if not isinstance(each, Sequence) else each)
    if each is None or not isinstance(title, str) or not title.strip():
        return each, room if title is None else title
    try:
        heads = list(read_titles(stepped(title, source), source.steps) or ())
    except ValueError:
        raise ValueError(
            f"expected a title of all frames above those of each, not {short(title)}"
        ) from None
    pairs = zip(chain(heads, repeat(title)), each, strict=False)
    both = (_below(head, own) if isinstance(own, str) else own for head, own in pairs)
    longest = max(heads, key=len, default=title)
    return (list(both) if isinstance(each, Sized) else both), f"{longest}\n{room or ' '}"


def named_by_step(title: object, source: Frames) -> str | None:
    """Return the titles of frames whose steps have a name, as those of xarray, or None.

    A title that was given takes their place.
    """
    if (title is not None and title != "") or not source.step_name:
        return None
    name = source.step_name.replace("{", "{{").replace("}", "}}")
    return f"{name} = {{step}}"


def _are_texts(steps: Iterable[Any] | None) -> bool:
    """Return whether steps are known texts, which may be longer than the field for them."""
    return isinstance(steps, Sequence) and any(isinstance(step, str) for step in steps)


def _below(head: str, title: str) -> str:
    return f"{head}\n{title}" if title else head


def room_of_titles(titles: object) -> str:
    """Return a title that needs as much room as any of the known ones."""
    if isinstance(titles, str):
        return "\n" * titles.count("\n")
    known = titles if isinstance(titles, Sequence) else ()
    texts = [title.split("\n") for title in known if isinstance(title, str)]
    longest = max(chain.from_iterable(texts), key=len, default="")
    return "\n".join([longest] * max(map(len, texts), default=0)) if longest else ""


def stepped(title: object, source: Frames) -> str | None:
    """Return the title if it has a field for the step of each frame, or None."""
    if not isinstance(title, str):
        return None
    try:
        fields = {_REACH.split(f)[0] for _, f, _, _ in Formatter().parse(title) if f is not None}
    except ValueError:  # a lone brace
        return None
    if "step" not in fields:
        if called := sorted(fields & _OTHER_NAMES):
            raise ValueError(
                f"expected {{step}} for the step of each frame, not {{{called[0]}}}, in the title "
                f"{short(title)}"
            )
        if "" in fields:
            raise ValueError(
                f"expected a title of all frames, not {short(title)}: give titles={short(title)}"
            )
        return None
    if source.steps is None:
        raise ValueError(
            "expected frames with a {step}, such as pairs (step, matrix), or files with numbers in "
            f"their names, with the title {short(title)}: give titles='step {{}}' to number "
            "frames, or a text for each"
        )
    try:
        Template.read(title).fill(0, step=_first(source.steps))
    except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        reason = f": {in_a_line(error)}" if isinstance(error, ValueError) else ""
        raise ValueError(
            f"expected a title with {{step}} alone, the step of each frame, not {short(title)}"
            f"{reason}"
        ) from None
    return title


_OTHER_NAMES = {name for name in COUNTED if len(name) > 2} | {"frame", "index"}  # of steps
_REACH = re.compile(r"[.\[]")  # begins what a field takes from its value


class _AnyStep:
    """A step that is not known yet, which takes any format."""

    def __format__(self, spec: str) -> str:
        return ""


def _first(steps: Iterable[Any]) -> Any:
    """Return the first step."""
    return steps[0] if isinstance(steps, Sequence) and steps else _AnyStep()


def _filled(template: Template, number: int, fields: Mapping[str, Any]) -> str:
    """Return the title of a frame."""
    try:
        return template.fill(number, **fields)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"expected a format for step {short(fields.get('step'))} of frame {number}, not "
            f"{short(template.text)}: {in_a_line(error)}"
        ) from None


def read_titles(titles: object, steps: Iterable[Any] | None = None) -> Iterable[str] | None:
    """Return a title for each frame, or None without titles.

    Parameters
    ----------
    titles
        The argument of `save_gif`.
    steps
        The step of each frame, for ``{step}``, if known.
    """
    if isinstance(titles, str):
        fields = repeat({}) if steps is None else ({"step": step} for step in steps)
        known = "" if steps is None else " or {step} for its step"
        expected = (
            f"expected titles to be a text for each frame, or one with {{}} for its number"
            f"{known}, not {short(titles)}"
        )
        try:
            template = Template.read(titles)
        except ValueError as error:
            raise ValueError(f"{expected}: {in_a_line(error)}") from None
        reason = ""
        try:
            numbered = bool(template.names)
            template.fill(0, **({} if steps is None else {"step": _first(steps)}))
        except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
            numbered = False
            reason = f": {in_a_line(error)}" if isinstance(error, ValueError) else ""
        if not numbered:
            raise ValueError(f"{expected}{reason}")
        return (_filled(template, number, each) for number, each in enumerate(fields))
    if titles is not None and not is_series(titles):
        raise TypeError(f"expected titles to be a text for each frame, not {short(titles)}")
    if isinstance(titles, Sized):  # dates among them are written alike
        each = list(titles)
        return texts_of(each) if all(caption_of(title) is not None for title in each) else each
    return None if titles is None else map(_caption, titles)


def _caption(title: Any) -> Any:
    text = caption_of(title)
    return title if text is None else text  # others are refused with their number


def with_range_of(picture: Figure, source: Frames, pool: WorkerPool) -> tuple[Figure, Frames]:
    """Return a figure with the range of all frames, or of the first if they are read only once.

    Where each frame has its own, it is what there is room for in the picture.
    """
    if not source.rereadable:
        first, source = source.peeked(chunk_length(cells_of(source.shape)))
        given = picture.range
        found = picture.find_range(first[0])
        without = picture.without_values(found)
        picture = picture.completed(found)
        if picture.has_frame_limits:
            return picture, source
        if made_up := made_up_ranges(picture, without, "the first frame shows no value"):
            warn(
                f"{made_up}, and the frames can be read only once: give vmin and vmax, or "
                "autoscale='grow'"
            )
            return picture, source
        taken = "the ranges"
        if not picture.ranges:
            vmin, vmax = picture.range
            taken = f"vmin={vmin:g} and vmax={vmax:g}"
        empty = empty_ranges(picture, given)
        ways = "give vmin and vmax" + (", or autoscale='grow'" if empty else "")
        warn(
            f"took {empty or taken} from the first frame, since the frames can be read only once: "
            f"{ways}"
        )
        return picture, source
    limits = picture.data_limits()
    size = chunk_length(cells_of(source.shape))
    span = None if pool.serial else spans_of(source, in_process=pool.in_process)
    if span is None:
        for chunk in source.chunks(size):
            limits.add(chunk)
        return _completed(picture, limits.found), source
    pace = pace_of(pool, cells_of(source.shape), source.length)
    keeps = bool(source.converters) and source.nbytes <= KEPT_BYTES
    kept = []
    for measured in pool.results(measurings(limits, span, pace, keeps=keeps), pace):
        part, values = measured.value
        limits.join(part)
        source.emit(measured.warnings)
        if values is not None:
            kept.append(values)
    if keeps:
        source = source.kept(np.concatenate(kept))
    return _completed(picture, limits.found), source


def with_first_texts(picture: Figure, source: Frames) -> tuple[Figure, Frames]:
    """Return a figure with room for the texts of the first frame, where functions write them."""
    if not picture.writes_by_function:
        return picture, source
    if source.rereadable:
        first = next(source.chunks(1))
    else:
        first, source = source.peeked(chunk_length(cells_of(source.shape)))
    return picture.with_texts_of(first[0], source.dtype), source


def _completed(picture: Figure, found: Range) -> Figure:
    """Return a figure over the range of all frames; warn of one that is made up."""
    completed = picture.completed(found)
    without = picture.without_values(found)
    if made_up := made_up_ranges(completed, without, "no frame shows a value"):
        warn(made_up)
    return completed


def _encoded(
    layout: Layout, source: Frames, beside: Beside, pool: WorkerPool
) -> Generator[Result[Images], None, None]:
    """Yield the encoded frames in order."""
    span = None
    if not pool.serial and layout.plot is None:  # which shows all frames before
        span = spans_of(source, in_process=pool.in_process)
    if span is None:
        chunks = source.chunks(chunk_length(cells_of(source.shape)))
        return pool.results(encodings(layout, chunks, beside))
    pace = pace_of(pool, cells_of(source.shape), source.length)
    return pool.results(span_encodings(layout, span, beside, pace), pace)
