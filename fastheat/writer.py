"""GifWriter: matrices recorded one at a time, encoded on a thread of its own."""

from __future__ import annotations

import inspect
import math
import operator
import threading
import time
import weakref
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastheat.checks import is_whole, read_autoscale, read_choice, read_flag
from fastheat.figure.base import Figure
from fastheat.figure.make import check_figure, check_figure_options, likely_shape, make_figure
from fastheat.figure.panels import Panels
from fastheat.gif.target import Claim
from fastheat.inputs.frames.annotations import (
    Cells,
    Samples,
    cells_in,
    kind_of,
    read_annot,
    sample_of,
)
from fastheat.inputs.frames.stream import matrix_in
from fastheat.inputs.sources.arrays import Floats, Frame, as_matrix, check_frame, is_masked_array
from fastheat.inputs.sources.labelled import Aligners
from fastheat.inputs.sources.shapes import (
    Shape,
    Shapes,
    check_names,
    flat,
    form_of,
    left_out,
    of_panel,
    parts_in,
    parts_of,
    warn_of_left_out,
)
from fastheat.layout.look import listed
from fastheat.layout.options import read_shape, read_title
from fastheat.layout.reduction import Reduction
from fastheat.messages import in_a_line, many, short, warn
from fastheat.pipeline.frame_queue import FrameQueue, here
from fastheat.pipeline.output import Output
from fastheat.pipeline.sampling import Sampler
from fastheat.pipeline.session import Session, check, find
from fastheat.pipeline.summary import GifSummary
from fastheat.style.text.formats import title_template

QUEUE_BYTES = 1 << 28
INLINE_BYTES = 1 << 24  # of a GIF that a notebook shows


class GifWriter:
    """Record matrices as an animated heatmap, one frame per `add`.

    The file is a complete GIF at every instant, whatever happens to the process. Frames are copied
    and queued, and five times a second a thread encodes the new ones; without the thread, a frame
    is in the file when `add` returns. Threads may share a writer. While it is open, no other writer
    can use its path: another process is refused, and an older writer of this process is closed.

    Parameters
    ----------
    file
        A path or a binary file object.
    shape : (int, int)
        Rows N and columns M of the matrices; by default those of the first matrix.
    mode : {"w", "a"}
        "w" replaces an existing file at the first frame. "a" continues it if fastheat wrote it with
        the same options; otherwise it raises an error and leaves the file as it is.
    fps, duration, loop, hold
        As `save_gif` takes them.
    every : int
        Record every n-th step.
    steps : iterable of int, or float
        Record these steps. A number records as many steps in each decade (1 to 10, 10 to 100, ...),
        evenly spaced on a logarithmic scale, and step 0.
    overhead : float
        Record a step only while recording has taken at most this fraction of the time, such as
        0.01. The time of the encoding thread counts too.
    autoscale : {None, "grow", "frame"}
        "grow" widens the range, by at least a tenth, when a value lies beyond it, and redraws the
        frame. "frame" gives each frame the range of its own values, except for a given `vmin` or
        `vmax`. The range is shown in the title, or at the colour bar if there is one.
    background : bool or colour
        Whether to encode on a thread; the file is the same. A colour is the option `background` of
        `Heatmap`, and frames are encoded on a thread.
    queue_bytes : int
        The largest size of waiting frames in bytes; two frames always have room.
    when_full : {"wait", "drop"}
        Whether `add` waits while the queue is full, or drops the frame and counts it.
    sync : bool
        Whether each frame is on disk before the next one is written, so that the file survives a
        loss of power.
    heatmap : Heatmap or Panels
        The figure to draw, instead of `options`.
    **options
        Options of `Heatmap`, or of `Panels` if frames are dictionaries. `title` is a format string
        with fields for ``{step}`` and the keyword arguments of `add`.

    Attributes
    ----------
    frames : int
        Frames recorded, and those that the continued file had.
    dropped : int
        Frames dropped because the queue was full.
    repeated : int
        Frames left out because the continued file has later steps.
    step : int or None
        The last step recorded, None before the first.
    summary : GifSummary or None
        Counts of what was written, once the writer is closed.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as expected, or a file in mode "a" does not fit.
    OSError
        If the file cannot be read or written; BlockingIOError if another process is writing it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> weights = rng.normal(size=(4, 6))
    >>> with GifWriter("weights.gif", vmin=-2, vmax=2, title="step {step}  loss {loss:.2f}") as gif:
    ...     for step in range(5):
    ...         weights += 0.1 * rng.normal(size=weights.shape)
    ...         recorded = gif.add(weights, loss=1 / (1 + step))
    >>> gif.frames
    5
    """

    def __init__(
        self,
        file: str | PathLike[str] | BinaryIO,
        shape: tuple[int, int] | None = None,
        *,
        mode: str = "w",
        fps: float | None = None,
        duration: float | Sequence[float] | None = None,
        loop: int | None = 0,
        hold: float | None = None,
        every: int | None = None,
        steps: Iterable[int] | float | None = None,
        overhead: float | None = None,
        autoscale: str | None = None,
        background: object = True,
        queue_bytes: int = QUEUE_BYTES,
        when_full: str = "wait",
        sync: bool = False,
        heatmap: Figure | None = None,
        **options: Any,
    ) -> None:
        output = Output(file, fps, duration, loop, hold, sync=sync)
        appends = read_choice("mode", mode, ("w", "a")) == "a"
        self._sampler = Sampler(every, steps, overhead)
        self._sampled = not (every is None and steps is None and overhead is None)
        scaling = read_autoscale(autoscale, ("grow", "frame"))
        grows = scaling == "grow"
        if not is_whole(queue_bytes) or queue_bytes < 1:
            raise ValueError(
                f"expected queue_bytes to be a whole number, 1 or more, not {short(queue_bytes)}"
            )
        self._drops = read_choice("when_full", when_full, ("wait", "drop")) == "drop"
        read_flag("sync", sync)
        if sync and not isinstance(file, str | PathLike):
            try:
                file.fileno()
            except (AttributeError, OSError):
                raise ValueError(
                    f"expected sync=True with a file on disk, not {short(file)}"
                ) from None
        if not isinstance(background, bool | np.bool_):
            options["background"], background = background, True
        check_figure(heatmap, options)
        check_figure_options(options, _OWN)
        options = listed(options)  # which are read again with the first frame
        known: Shapes | None = None if shape is None else read_shape(shape)
        if isinstance(output.place, Path):
            # the folder is that of now, wherever the thread may be when it creates the file
            output.place = output.place.absolute()
        if heatmap is not None:
            if known not in (None, heatmap.shape):
                raise ValueError(f"expected a heatmap of shape {known}, not {heatmap.shape}")
            known = heatmap.shape
        self._lock = threading.RLock()
        output.claim = Claim(file)
        try:
            found = find(output.place) if appends else None
            if found is not None:
                check("shape", known or found.note.shape, found.note.shape)
                known = known or found.note.shape
            # what is known of each matrix of a frame; one that is not of panels is named ""
            self._parts: dict[str, tuple[Shape | None, np.dtype[Any] | None]] = {}
            if isinstance(known, dict):
                self._parts = {name: (each, None) for name, each in known.items()}
                if found is not None:
                    self._parts = dict(parts_of(found.note.dtype))
            elif known is not None:
                self._parts = {"": (known, None if found is None else found.note.dtype)}
            # what is wrong with the options is said now, not at the first frame
            likely = known or likely_shape(options)
            if not isinstance(options.get("annot", True), bool) and not isinstance(likely, dict):
                options["annot"] = read_annot(options["annot"], likely)
            if heatmap is not None:
                sample = heatmap
            elif isinstance(likely, dict) and known is None:
                sample = Panels(likely, **options)
            else:
                sample = make_figure(likely, options)
            self._lines = sample.lines
            self._template = title_template(sample.title)
            self._fields = self._template.names
            if grows:
                sample.check_growth()
            if scaling == "frame":
                sample = sample.per_frame_limits()
                heatmap = heatmap and heatmap.per_frame_limits()
            says_range = (grows or sample.has_frame_limits) and not sample.cbar
            # an option says what there is to be room for, else those of the first frame do
            self._plans = plans = heatmap is None and options.get("annot", True) is True
            if heatmap is None and sample.shape == known:
                heatmap = sample

            def make(shape: Shapes, sampled: Samples | None) -> Figure:
                more = {"annot": sampled} if sampled is not None and plans else {}
                if heatmap is not None and not more:
                    return heatmap
                picture = make_figure(shape, {**options, **more})
                return picture.per_frame_limits() if scaling == "frame" else picture

            self._written: np.dtype[Any] | None = None  # of the annotations of frames
            self._left_out: Mapping[str, Shape | None] | None = None  # None before the first frame

            self.dropped = 0
            self.repeated = 0
            self.frames = 0
            self.step: int | None = None
            self.summary: GifSummary | None = None
            self._count = 0  # steps seen
            self._warned = False  # whether somebody was told of what is not shown
            # of the matrices that are reduced; None before the first frame
            self._reductions: Mapping[str, Reduction] | None = None
            self._floats = Floats()
            self._aligners = Aligners({} if heatmap is None else heatmap.axes)
            self._process = here()
            self._closed = False
            self._started = time.perf_counter()
            self._session = Session(
                output,
                make=make,
                grows=grows,
                titled=bool(self._fields) or says_range,
                shows_range=grows and says_range,
            )
            self._until: int | None = None  # the last step of a continued file
            if found is not None:
                self._session.resume(found)
                self._written = found.note.written
                self._aligners = Aligners(found.note.axes)
                self.frames = output.clock.frames
                self.step = self._until = found.note.step
                self._count = self.frames if self.step is None else self.step + 1
            self._thread: FrameQueue | None = None
            if background:
                self._thread = FrameQueue(self._session, self._sampler, int(queue_bytes))
                weakref.finalize(self, self._thread.finish).atexit = False
                self._thread.start()
            else:
                weakref.finalize(self, _close_in, here(), self._session)
        except BaseException:
            output.claim.release()
            raise
        output.claim.finish = partial(_finish, self._lock, self._session, self._thread)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, or None before the first frame."""
        return self._session.size

    @property
    def heatmap(self) -> Figure | None:
        """The figure over the current range, or None before the first frame."""
        return self._session.heatmap

    def __enter__(self) -> GifWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        raised = self._session.error is None or self._session.raised
        try:
            self.close()
        except Exception as other:
            if not raised:  # the loop's own error is the one to raise
                warn(f"{type(other).__name__} while recording: {in_a_line(other)}")

    def add(
        self, values: Any, /, *, title: object = None, annot: Any = None, **fields: Any
    ) -> bool:
        """Record one frame, if its step is to be recorded.

        Parameters
        ----------
        values
            (N, M) real numbers: a numpy array, a tensor of PyTorch, JAX or TensorFlow, or anything
            with ``__array__`` or ``__dlpack__``; for panels a dictionary of such by name, also a
            nested one. Vectors in it are matrices of one row; numbers and arrays of more dimensions
            are left out with a warning, unless a line has their name. Values are copied before this
            returns, or reduced if cells would be smaller than a pixel.
        title
            A text, number or date that replaces the filled title template.
        annot
            (N, M) numbers or strings to write in the cells instead of the values, for every frame
            or for none; for panels a dictionary of such, with the same panels in every frame.
            Without the option `annot`, there is room for those of the first frame, and longer ones
            are drawn smaller. They are copied too.
        **fields
            Values of the title's fields, and of the lines of panels, None for a number that is not
            known at this step. `step` is also the number of this step; by default steps count the
            calls.

        Returns
        -------
        bool
            Whether the frame is recorded.

        Raises
        ------
        TypeError, ValueError
            If `values` are no such frame, or a field of the template is missing.
        Exception
            What went wrong with an earlier frame; this one is not recorded.
        """
        if self._process is not here():
            raise RuntimeError("expected add in the process that opened the GIF, not in its child")
        with self._lock:
            return self._add(values, title, annot, fields)

    def _add(self, values: Any, title: object, annot: Any, fields: Mapping[str, Any]) -> bool:
        if self._closed or self._session.closed:
            raise ValueError(
                "expected a GifWriter that is open, but it is closed"
                + ("" if self._closed else ": another one was opened on its file")
            )
        self._raise_any()
        started = time.perf_counter()
        step = fields.get("step")
        named = step is not None
        number = self._count if step is None else _read_step(step)
        self._count = number + 1
        if named and self._until is not None and number <= self._until:
            self.repeated += 1
            return False
        if not self._sampler.takes(number):
            return False
        frame = self._frame_of(values, fields)
        text = self._title_of(title, fields, number)
        cells = self._annot_of(annot)
        noted = number if named or self._sampled else None
        if self._reductions is None:
            self._reductions = self._expect(cells)
        if self._reductions:
            frame = tuple(map(self._reduced, frame, map(self._reductions.get, self._parts)))
        if any(map(is_masked_array, frame)):
            frame = tuple(map(self._filled, frame))
        given = frame, text, cells, noted
        if self._thread is None:
            try:
                self._session.write([given])
            except BaseException:
                self._session.raised = True
                raise
        elif not self._thread.put(given, self._drops):
            self.dropped += 1
            return False
        self.frames += 1
        self.step = number
        self._sampler.spend(time.perf_counter() - started)
        return True

    def flush(self) -> None:
        """Wait until all added frames are in the file.

        Raises
        ------
        Exception
            The error that one of them caused.
        """
        if self._process is not here():
            return
        with self._lock:
            if self._thread is not None and not self._closed:
                self._thread.flush()
            self._raise_any()

    def close(self) -> GifSummary | None:
        """Write the queued frames and close the file; a second call does nothing.

        Returns
        -------
        GifSummary or None
            Counts since the writer was opened, except for frames and duration, which are those of
            the whole file; None if no frame was recorded, or in a child process.

        Raises
        ------
        Exception
            The error that a frame caused, unless an `add` has raised it.

        Warns
        -----
        UserWarning
            If something is not shown as given, as in `save_gif`, or if frames were dropped.
        """
        if self._process is not here():
            return None
        with self._lock:
            return None if self._closed else self._close()

    def _close(self) -> GifSummary | None:
        self._closed = True
        (self._thread or self._session).close()
        if not self._session.closed:  # called within `add`, which will close it
            return None
        if self._session.error is not None:
            if not self._session.raised:
                self._raise_any()
            return None
        if self.dropped:
            warn(
                f"dropped {many(self.dropped, 'frame')} that came faster than they were encoded: "
                "give a larger queue_bytes, every=, or when_full='wait'"
            )
        if self.repeated:
            warn(
                f"left out {many(self.repeated, 'frame')} of steps up to {self._until}, which were "
                "already in the file"
            )
        self.summary = self._session.summary(time.perf_counter() - self._started)
        return self.summary

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "expected a GifWriter to be neither copied nor pickled, since a file has one writer: "
            "keep it out of what is copied"
        )

    def __repr__(self) -> str:
        return f"GifWriter({str(self._session.output.place)!r}, {many(self.frames, 'frame')})"

    def _raise_any(self) -> None:
        """Raise the error of an earlier frame, if there is one."""
        if self._session.error is not None:
            self._session.raised = True
            raise self._session.error

    def _expect(self, annot: Cells | None) -> Mapping[str, Reduction]:
        """Prepare for frames as the first one; return the reductions that they need."""
        shape = self._shapes
        sample = sample_of(annot) if annot is not None and self._plans else None
        dtypes = [dtype for _, dtype in self._parts.values() if dtype is not None]
        dtype = form_of(shape, dtypes) if isinstance(shape, dict) else dtypes[0]
        try:
            return self._session.expect(shape, dtype, self._written, sample, self._aligners.axes)
        except Exception as error:
            self._session.error, self._session.raised = error, True
            raise

    @property
    def _shapes(self) -> Shapes:
        """The shapes of the matrices, once a frame is known."""
        shapes = {name: shape for name, (shape, _) in self._parts.items() if shape is not None}
        if "" not in shapes:
            return shapes
        rows, columns = shapes[""]
        return rows, columns

    def _reduced(self, array: NDArray[Any], reduction: Reduction | None) -> NDArray[Any]:
        if reduction is None:
            return array
        out = np.empty(reduction.cells)
        reduction.into(self._floats, out[None], array[None], self.frames)
        return out

    def _title_of(self, title: object, fields: Mapping[str, Any], step: int) -> str:
        if title is not None:
            text = read_title(title)
            if not self._session.titled:
                if self.frames:
                    raise ValueError(
                        "expected title= from the first frame on, since its place is laid out then"
                    )
                self._session.titled = True
            return text
        if not self._fields:
            return self._template.text
        try:
            return self._template.fill(**{"step": step, **fields})
        except KeyError as error:
            raise TypeError(
                f"expected {error.args[0]}= with add, for the title {short(self._template.text)}"
            ) from None
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(
                f"expected values for the title {short(self._template.text)}, "
                f"not {short(dict(fields))}: {in_a_line(error)}"
            ) from None

    def _annot_of(self, annot: Any) -> Cells | None:
        if annot is None:
            if self._written is not None:
                raise TypeError("expected annot= with each frame, as with those before")
            return None
        shape = self._shapes
        cells = cells_in(annot, shape, self._aligners.axes)
        if self._written is None and self.frames:
            raise ValueError(
                "expected annot= from the first frame on, since its place is laid out then"
            )
        if self._written is None:  # what is wrong with them is said now
            self._session.make(shape, sample_of(cells)).with_annots(cells.dtype)
        elif self._written != cells.dtype:
            before, now = kind_of(self._written), kind_of(cells.dtype)
            raise TypeError(f"expected annot of {before} as with the frames before, not {now}")
        self._written = cells.dtype
        return cells

    def _frame_of(self, values: Any, fields: Mapping[str, Any]) -> Frame:
        if isinstance(values, Mapping) and "" not in self._parts:
            values = self._drawn(values)
        if not self._parts and isinstance(values, Mapping):
            self._parts = dict.fromkeys(check_names(values), (None, None))
            for name in self._lines:
                self._parts.pop(name, None)
                self._parts[name] = ((), None)
        if not self._parts or "" in self._parts:
            array = self._array_of(values, "", *self._parts.get("", (None, None)))
            self._parts[""] = array.shape, array.dtype
            return (array,)
        self._warn_of_unused(fields)
        values = self._with_scalars(values, fields)
        arrays = []
        for (name, known), matrix in zip(
            self._parts.items(), parts_in(values, tuple(self._parts), self.frames), strict=True
        ):
            with of_panel(name):
                arrays.append(self._array_of(matrix, name, *known))
        for name, array in zip(self._parts, arrays, strict=True):
            self._parts[name] = array.shape, array.dtype
        return tuple(arrays)

    def _drawn(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return the entries of a frame that panels and lines show; say once which are left out."""
        values = flat(values)
        if self._left_out is None:
            without = left_out(values, {*self._parts, *self._lines})
            if not self._parts and len(without) == len(values):
                raise ValueError(
                    f"expected at least one matrix in the first frame, not {short(values)}"
                )
            self._left_out = without
            warn_of_left_out(without)
        return {name: part for name, part in values.items() if name not in self._left_out}

    def _warn_of_unused(self, fields: Mapping[str, Any]) -> None:
        """Say once what was given by name for panels and is shown nowhere."""
        shown = {"step", *self._fields, *self._parts}
        names = [name for name in fields if name not in shown]
        if names and not self._warned:
            self._warned = True
            warn(
                f"{', '.join(names)} of add is not shown: give lines={short(names[0])} for a "
                f"plot, or a title with {{{names[0]}}}"
            )

    def _with_scalars(self, values: Any, fields: Mapping[str, Any]) -> Any:
        """Return a frame with the scalars of lines among what else was given by name."""
        lines = [name for name, (shape, _) in self._parts.items() if shape == ()]
        if not lines:
            return values
        given = values
        if not isinstance(values, Mapping):
            matrices = [name for name in self._parts if name not in lines]
            given = dict(zip(matrices, parts_in(values, matrices, self.frames), strict=True))
        for name in lines:
            if name not in given and name not in fields:
                raise TypeError(f"expected {name}= with add, for the line of that name")
            if name in given and name in fields:
                raise TypeError(f"expected {name} once, not in the frame and as {name}= too")
        numbers = {name: fields.get(name, given.get(name)) for name in lines}
        # a metric that is not computed at each step
        return {**given, **{k: math.nan if x is None else x for k, x in numbers.items()}}

    def _array_of(
        self, values: Any, name: str, shape: Shape | None, dtype: np.dtype[Any] | None
    ) -> NDArray[Any]:
        if type(values) is not np.ndarray or values.dtype == object:
            if isinstance(values, Mapping):
                raise TypeError(f"expected one matrix (N, M), not {short(values)}")
            values = matrix_in(values, self.frames, self._aligners[name])
            if not np.ma.is_masked(values):
                values = np.ma.getdata(values)
        array: NDArray[Any] = values
        if array.dtype == np.longdouble and array.dtype != np.float64:
            if array.ndim == 2:
                self._floats.into((out := np.empty(array.shape))[None], array[None], self.frames)
            array = out if array.ndim == 2 else array.astype(np.float64)
        if array.dtype is dtype and array.shape == shape:
            return array
        if shape == () and array.dtype.kind in "biuf" and array.size == 1:
            return array.reshape(()).astype(np.float64)
        if array.ndim != 2 and array.dtype.kind in "biuf":
            hint = f": give {as_matrix(array.shape, 'values')}" if array.ndim else ""
            raise ValueError(f"expected a matrix (N, M), not of shape {array.shape}{hint}")
        check_frame(self.frames, array.shape, array.dtype)
        if shape is not None and array.shape != shape:
            raise ValueError(f"frame {self.frames} has shape {array.shape}, expected {shape}")
        kind = np.dtype(array.dtype.type)  # in this machine's byte order, as one object
        if dtype is not None and kind != dtype:
            raise TypeError(f"frame {self.frames} has dtype {kind}, expected {dtype} as the first")
        return array.astype(kind, copy=False)

    def _filled(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array with NaN in its masked cells, as float64 if it was of integers."""
        filled = np.empty(array.shape)
        self._floats.into(filled[None], array[None], self.frames)
        return filled.astype(array.dtype) if array.dtype.kind == "f" else filled

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the GIF in its current state, for notebooks."""
        with suppress(Exception):
            self.flush()
        place = self._session.output.place
        text = repr(self)
        if not isinstance(place, Path) or not place.is_file():
            return {"text/plain": text}
        size = place.stat().st_size
        if size > INLINE_BYTES:
            return {"text/plain": f"{text}, {size:,} bytes, too large to be shown here"}
        data = b64encode(place.read_bytes()).decode("ascii")
        return {
            "text/plain": text,
            "text/html": f'<img src="data:image/gif;base64,{data}" alt="{place.name}">',
        }


_OWN = tuple(inspect.signature(GifWriter).parameters)


# ------------------------------------------------------------------------------------------ frames


def _read_step(step: Any) -> int:
    try:
        if isinstance(step, bool):
            raise TypeError
        return operator.index(step)
    except TypeError:
        raise TypeError(
            f"expected step to be a whole number, not {short(step)}: give anything else as another "
            "field of the title"
        ) from None


def _finish(lock: threading.RLock, session: Session, thread: FrameQueue | None) -> None:
    """Finish the file of a writer that was left open, before another one opens it."""
    with lock:
        (thread or session).close()
    if session.error is not None and not session.raised:
        warn(
            f"the writer that was left open met a {type(session.error).__name__}: "
            f"{in_a_line(session.error)}"
        )


def _close_in(process: object, session: Session) -> None:
    if process is here():
        session.close()
