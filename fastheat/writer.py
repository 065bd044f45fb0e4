"""GifWriter: matrices recorded one at a time, encoded on a thread of its own."""

from __future__ import annotations

import atexit
import inspect
import math
import os
import string
import threading
import time
import weakref
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from fastheat import gif, norms, notes
from fastheat.encode import Images, chunk_length, encode_between, encode_chunk
from fastheat.giffile import GifFile, check_target
from fastheat.heatmap import Heatmap, check_options
from fastheat.layout import Layout, Shown
from fastheat.messages import many, short, warn
from fastheat.options import read_choice, read_flag, read_shape
from fastheat.sampling import Sampler
from fastheat.sources import Floats, check_frame
from fastheat.summary import GifSummary, summarise
from fastheat.tensors import as_array
from fastheat.timing import Clock, is_whole, read_loop, read_milliseconds

QUEUE_BYTES = 1 << 26
INLINE_BYTES = 1 << 24  # of a GIF that a notebook shows
LINE = 64  # bytes of a line of the processor's cache
LARGE_PAGE = 1 << 21  # bytes
LARGE = 1 << 20  # bytes from which a copy lets other threads run
HEADROOM = 0.1  # of a range that grows, left free on the side where it does
LINGER = 0.2  # s that the thread lets frames gather: it takes the loop's time once for all of them
LOADING = 2.0  # s that opening waits for kernels to be loaded, before it leaves them to the thread


class GifWriter:
    """Records matrices as an animated heatmap, a frame at each `add`.

    At every instant the file is a whole GIF, whatever happens to the process. Frames are copied and
    queued, and a thread encodes those of each fifth of a second together; without it, they are in
    the file when `add` returns.

    Parameters
    ----------
    file
        A path or a binary file object.
    shape : (int, int)
        Rows N and columns M of the matrices; by default those of the first.
    mode : {"w", "a"}
        "w" replaces a file that is there at the first frame; "a" goes on with it, if fastheat wrote
        it with the same options, else refuses to and leaves it as it is.
    fps, duration, loop, hold
        As `save_gif` takes them.
    every : int
        Record the steps that it divides.
    steps : iterable of int, or float
        Record these steps; of a number, so many in each decade of steps (1, 10, 100, ...), evenly
        on a logarithmic scale, and step 0.
    overhead : float
        Record a step only while recording has cost at most this share of the time, such as 0.01.
        What is encoded on the thread counts too.
    autoscale : {None, "grow"}
        "grow" widens the range, by at least a tenth, when a value is beyond it, and draws the frame
        anew; the range stands in the title, or at the colour bar if there is one.
    background : bool
        Whether to encode on a thread; the file is the same.
    queue_bytes : int
        The most memory of frames that wait, at least that of two.
    when_full : {"wait", "drop"}
        Whether `add` waits when that is in use, or leaves the frame out and counts it.
    sync : bool
        Whether each frame is on the disk before the next is written, in an order that survives a
        loss of power.
    heatmap : Heatmap
        The layout to draw with, instead of `options`.
    **options
        Those of `Heatmap`. `title` is a format string that the named values of `add` fill, and
        ``{step}``.

    Attributes
    ----------
    frames : int
        Frames recorded, and those that were in the file.
    dropped : int
        Frames left out since the queue was full.
    repeated : int
        Frames left out since the file to go on with has later steps.
    step : int or None
        The last step recorded, None before the first.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as expected, or a file in mode "a" does not fit.
    OSError
        If the file cannot be read or written.

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
        background: bool = True,
        queue_bytes: int = QUEUE_BYTES,
        when_full: str = "wait",
        sync: bool = False,
        heatmap: Heatmap | None = None,
        **options: Any,
    ) -> None:
        check_target(file)
        appends = read_choice("mode", mode, {"w": 0, "a": 1})
        clock = Clock(fps, duration)
        last = None if hold is None else read_milliseconds("hold", hold)
        times = read_loop(loop)
        self._sampler = Sampler(every, steps, overhead)
        self._sampled = not (every is None and steps is None and overhead is None)
        grows = autoscale is not None and read_choice("autoscale", autoscale, {"grow": 1})
        if not is_whole(queue_bytes) or queue_bytes < 1:
            raise ValueError(f"expected queue_bytes to be at least 1, not {short(queue_bytes)}")
        self._drops = bool(read_choice("when_full", when_full, {"wait": 0, "drop": 1}))
        read_flag("sync", sync)
        if sync and not isinstance(file, str | PathLike) and not hasattr(file, "fileno"):
            raise ValueError(f"expected sync=True with a file on disk, not {short(file)}")
        if heatmap is not None and not isinstance(heatmap, Heatmap):
            raise TypeError(f"expected heatmap to be a Heatmap, not {short(heatmap)}")
        if heatmap is not None and options:
            raise TypeError(
                f"expected either heatmap= or options of one, not both: {', '.join(options)}"
            )
        check_options(options, _OWN)
        self._shape = None if shape is None else read_shape(shape)
        self._dtype: np.dtype[Any] | None = None
        target: Path | BinaryIO
        target = Path(fspath(file)) if isinstance(file, str | PathLike) else file
        if heatmap is not None and self._shape not in (None, heatmap.shape):
            raise ValueError(f"expected a heatmap of shape {self._shape}, not {heatmap.shape}")
        found = _find(target) if appends else None
        if found is not None:
            _check("shape", self._shape or (heatmap.shape if heatmap else found.shape), found.shape)
            self._shape, self._dtype = found.shape, found.dtype
        if heatmap is not None:
            self._shape = heatmap.shape
        # what is wrong with the options is said now, not at the first frame
        sample = heatmap or Heatmap(self._shape or _likely_shape(options), **options)
        self._template = sample.title
        self._fields = _fields(sample.title)
        if grows and sample.threshold is not None:
            raise ValueError(
                "expected no threshold with autoscale='grow', whose colours of text would move"
            )
        shows_range = bool(grows) and not sample.cbar
        if heatmap is None and sample.shape == self._shape:
            heatmap = sample

        def make(shape: tuple[int, int]) -> Heatmap:
            return Heatmap(shape, **options) if heatmap is None else heatmap

        self.dropped = 0
        self.repeated = 0
        self.frames = 0
        self.step: int | None = None
        self._count = 0  # steps seen
        self._process = _process
        self._closed = False
        self._started = time.perf_counter()
        self._recorder = _Recorder(
            target=target,
            make=make,
            clock=clock,
            loop=times,
            hold=last,
            grows=bool(grows),
            titled=bool(self._fields) or shows_range,
            shows_range=shows_range,
            sync=sync,
        )
        self._until: int | None = None  # the last step that a file to go on with has
        if found is not None:
            self._recorder.resume(found)
            self.frames = clock.frames
            self.step = self._until = found.step
            self._count = clock.frames if found.step is None else found.step + 1
        self._thread: _Thread | None = None
        if read_flag("background", background):
            self._thread = _Thread(self._recorder, self._sampler, int(queue_bytes))
            weakref.finalize(self, self._thread.finish).atexit = False
            self._thread.start()
        else:
            weakref.finalize(self, _close_in, _process, self._recorder)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, None before the first frame was drawn."""
        return self._recorder.size

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
        told = self._recorder.error is None or self._recorder.told
        try:
            self.close()
        except Exception as other:
            if not told:  # the loop's own error is the one to raise
                warn(f"{type(other).__name__} while recording: {other}")

    def add(self, values: Any, title: str | None = None, **fields: Any) -> bool:
        """Record one matrix, if its step is one to record.

        Parameters
        ----------
        values
            (N, M) real numbers: a numpy array, a tensor of PyTorch, JAX or TensorFlow, or anything
            with ``__array__`` or ``__dlpack__``. Copied before this returns.
        title
            In place of the filled template.
        **fields
            Fill the title's template. A `step` is the number of this step too, which else counts
            the calls.

        Returns
        -------
        bool
            Whether the frame is recorded.

        Raises
        ------
        TypeError, ValueError
            If `values` are no such matrix, or a field of the template is missing.
        Exception
            What went wrong with an earlier frame; this one is not recorded.
        """
        if self._process is not _process:
            raise RuntimeError("expected add in the process that opened the GIF, not in its child")
        if self._closed:
            raise ValueError("expected a GifWriter that is open, but it is closed")
        if self._recorder.error is not None:
            self._raise()
        started = time.perf_counter()
        step = fields.get("step")
        named = step is not None and is_whole(step)
        number = int(step) if named else self._count  # type: ignore[arg-type]
        self._count = number + 1
        if named and self._until is not None and number <= self._until:
            self.repeated += 1
            return False
        if not self._sampler.takes(number):
            return False
        text = self._title_of(title, fields, number)
        array = self._array_of(values)
        noted = number if named or self._sampled else None
        if self._thread is None:
            try:
                self._recorder.write([array], [text], [noted])
            except BaseException:
                self._recorder.told = True
                raise
        elif not self._thread.put(array, text, noted, self._drops):
            self.dropped += 1
            return False
        self.frames += 1
        self.step = number
        self._sampler.spend(time.perf_counter() - started)
        return True

    def flush(self) -> None:
        """Wait until the file has all frames that were added.

        Raises
        ------
        Exception
            What went wrong with one of them.
        """
        if self._thread is not None and not self._closed and self._process is _process:
            self._thread.flush()
        if self._recorder.error is not None:
            self._raise()

    def close(self) -> GifSummary | None:
        """Write what is queued, and close the file. Nothing happens the second time.

        Returns
        -------
        GifSummary or None
            What was written, counted since the writer was opened but for the frames and the
            duration, which are the file's; None if no frame was recorded, or in a child process.

        Raises
        ------
        Exception
            What went wrong with a frame, if no `add` has raised it.

        Warns
        -----
        UserWarning
            If something is not shown as given, as by `save_gif`; or frames were dropped.
        """
        if self._closed or self._process is not _process:
            return None
        self._closed = True
        if self._thread is not None:
            self._thread.finish()
            self._thread.join()
        else:
            self._recorder.close()
        if self._recorder.error is not None:
            if not self._recorder.told:
                self._raise()
            return None
        if self.dropped:
            warn(
                f"dropped {many(self.dropped, 'frame')} that came faster than they were encoded: "
                "give a larger queue_bytes, every=, or when_full='wait'"
            )
        if self.repeated:
            warn(
                f"left out {many(self.repeated, 'frame')} of steps up to {self._until}, which the "
                "file had already"
            )
        return self._recorder.summary(time.perf_counter() - self._started)

    def _raise(self) -> NoReturn:
        self._recorder.told = True
        assert self._recorder.error is not None
        raise self._recorder.error

    def _title_of(self, title: str | None, fields: Mapping[str, Any], step: int) -> str:
        if title is not None:
            if not isinstance(title, str):
                raise TypeError(f"expected title to be text, not {short(title)}")
            if not self._recorder.titled:
                if self.frames:
                    raise ValueError(
                        "expected title= from the first frame on, since its place is laid out then"
                    )
                self._recorder.titled = True
            return title
        if not self._fields:
            return self._template
        try:
            return self._template.format(**{"step": step, **fields})
        except KeyError as error:
            raise TypeError(
                f"expected {error.args[0]}= with add, for the title {short(self._template)}"
            ) from None
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(
                f"expected values for the title {short(self._template)}, "
                f"not {short(dict(fields))}: {error}"
            ) from None

    def _array_of(self, values: Any) -> NDArray[Any]:
        if type(values) is not np.ndarray:
            if isinstance(values, Mapping):
                raise TypeError(f"expected one matrix (N, M), not {short(values)}")
            values = _filled(values)
        array: NDArray[Any] = values
        if array.dtype is self._dtype and array.shape == self._shape:
            return array
        check_frame(self.frames, array.shape, array.dtype)
        if self._shape is not None and array.shape != self._shape:
            raise ValueError(f"frame {self.frames} has shape {array.shape}, expected {self._shape}")
        dtype = np.dtype(array.dtype.type)  # in this machine's byte order, as one object
        if self._dtype is not None and dtype != self._dtype:
            raise TypeError(
                f"frame {self.frames} has dtype {dtype}, expected {self._dtype} as the first"
            )
        self._shape, self._dtype = (array.shape[0], array.shape[1]), dtype
        return array.astype(dtype, copy=False)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the GIF as it is now, for a notebook to show."""
        with suppress(Exception):
            self.flush()
        place = self._recorder.place
        text = f"GifWriter({short(place)}), {many(self.frames, 'frame')}"
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


def _filled(values: Any) -> NDArray[Any]:
    """Return values as an array, masked cells as NaN."""
    array = as_array(values)
    mask = np.ma.getmask(array)
    plain: NDArray[Any] = np.ma.getdata(array)
    if mask is np.ma.nomask:
        return plain
    plain = plain.astype(plain.dtype if plain.dtype.kind == "f" else np.float64)
    plain[mask] = np.nan
    return plain


def _fields(title: str) -> list[str]:
    """Return the names that a title has to be filled with."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(title) if name is not None]
    except ValueError as error:
        raise ValueError(
            f"expected title to be a format string, not {short(title)}: {error}"
        ) from None
    for name in names:
        if not name or name[0].isdigit():
            raise ValueError(
                f"expected a name in each field of the title, as {{step}}, not {short(title)}"
            )
    return names


def _likely_shape(options: Mapping[str, Any]) -> tuple[int, int]:
    """Return a shape that options are tried with while that of the frames is not known."""
    n, m = (
        len(labels) if isinstance(labels, Sequence) and not isinstance(labels, str) else 2
        for labels in (options.get("row_labels"), options.get("col_labels"))
    )
    return max(n, 1), max(m, 1)


# ---------------------------------------------------------------------------------- files found


@dataclass(frozen=True, slots=True)
class _Found:
    """A file to go on with."""

    path: Path
    info: gif.GifInfo
    start: bytes  # as much of it as a header may take
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    vmin: float
    vmax: float
    step: int | None  # the last one recorded
    held: int  # hundredths that its last frame is shown longer


def _find(target: Path | BinaryIO) -> _Found | None:
    """Read the file to go on with; None where there is none."""
    if not isinstance(target, Path):
        raise TypeError(f"expected a path with mode='a', not {short(target)}")
    if not target.exists() or not target.stat().st_size:
        return None
    with target.open("rb") as file:
        info = gif.read_info(file)
        file.seek(0)
        start = file.read(1 << 10)
    said = notes.read(info.comments)
    try:
        return _Found(
            path=target,
            info=info,
            start=start,
            shape=(int(said["shape"][0]), int(said["shape"][1])),
            dtype=np.dtype(said["dtype"]),
            vmin=float(said["vmin"]),
            vmax=float(said["vmax"]),
            step=said.get("step"),
            held=int(said.get("held", 0)),
        )
    except (KeyError, TypeError, ValueError, IndexError):
        raise ValueError(
            f"expected a GIF that fastheat wrote, to go on with it, not {str(target)!r}"
        ) from None


def _check(what: str, given: object, found: object) -> None:
    if given != found:
        raise ValueError(f"expected {what} {found} as the file that is to go on has, not {given}")


# ---------------------------------------------------------------------------------------- recorder


class _Recorder:
    """Turns frames into the file: the layout, from the first of them on, and what it holds.

    It knows no threads; one at a time may use it.
    """

    def __init__(
        self,
        *,
        target: Path | BinaryIO,
        make: Callable[[tuple[int, int]], Heatmap],
        clock: Clock,
        loop: int | None,
        hold: float | None,
        grows: bool,
        titled: bool,
        shows_range: bool,
        sync: bool,
    ) -> None:
        self.place = target
        self.titled = titled
        self.error: Exception | None = None
        self.told = False  # whether somebody was told of the error
        self.shown = Shown()
        self._make = make
        self._clock = clock
        self._loop = loop
        self._hold = hold
        self._grows = grows
        self._shows_range = shows_range
        self._sync = sync
        self._heatmap: Heatmap | None = None
        self._layout: Layout | None = None
        self._file: GifFile | None = None
        self._closed_file: GifFile | None = None
        self._previous: NDArray[np.float64] | None = None
        self._title = ""  # of the frame before
        self._floats = Floats()

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the picture."""
        return None if self._layout is None else self._layout.size

    def load(self) -> None:
        """Have the kernels loaded, or compiled, by drawing something small."""
        for valfmt in (None, "{x:.2f}"):
            layout = Heatmap((1, 1), vmin=0, vmax=1, valfmt=valfmt).layout()
            for previous in (None, np.zeros((1, 1))):
                encode_chunk(layout, previous, np.ones((1, 1, 1)))

    def resume(self, found: _Found) -> None:
        """Go on with a file.

        Raises
        ------
        ValueError
            If it does not fit; it is left as it is.
        """
        heatmap = self._make(found.shape)
        for name, given, had in zip(
            ("vmin", "vmax"), heatmap.range, (found.vmin, found.vmax), strict=True
        ):
            if given is not None and not self._grows:
                _check(name, given, had)
        self._lay_out(heatmap.over(found.vmin, found.vmax), found.dtype, found.info.size)
        assert self._layout is not None
        _check("size", self._layout.size, found.info.size)
        _check("loop", self._loop, found.info.loop)
        colors = gif.header(
            self._layout.size, self._layout.table, self._layout.shades.colors, self._loop
        )
        if found.start[: len(colors)] != colors:
            raise ValueError(
                "expected the colors that the file that is to go on has, not those of this cmap "
                "and these text colors"
            )
        ticks = sum(frame.delay for frame in found.info.frames)
        if not self._clock.resume(ticks - found.held):
            raise ValueError(
                f"expected fps or durations whose frames end at {10 * (ticks - found.held)} ms, as "
                "those of the file that is to go on do"
            )
        self._file = GifFile.resumed(found.path, found.info, sync=self._sync)
        if found.held:
            self._file.lengthen(-found.held)

    def write(
        self, arrays: Sequence[NDArray[Any]], titles: Sequence[str], steps: Sequence[int | None]
    ) -> None:
        """Encode frames and commit them."""
        try:
            self._write(arrays, titles, steps)
        except BaseException as error:
            if not isinstance(error, Exception):  # Ctrl-C, which is not to be raised twice
                self.error = RuntimeError(f"recording ended at a {type(error).__name__}")
                raise
            self.error = self._explained(error)
            raise self.error from None

    def _explained(self, error: Exception) -> Exception:
        if not isinstance(error, OSError) or error.errno is None:
            return error
        text = f"{os.strerror(error.errno)} after {many(self._clock.frames, 'frame')}, which are"
        text += " whole" if self._file is not None else " not written"
        return type(error)(error.errno, text, str(self.place))

    def _write(
        self, arrays: Sequence[NDArray[Any]], titles: Sequence[str], steps: Sequence[int | None]
    ) -> None:
        values = np.empty((len(arrays), *arrays[0].shape))
        for k, array in enumerate(arrays):
            self._floats.into(values[k : k + 1], array[None], self._clock.frames + k)
        if self._layout is None:
            self._begin(values[0], arrays[0].dtype)
        start = 0
        while start < len(values):
            stop = start
            while stop < len(values) and not self._is_beyond(values[stop]):
                stop += 1
            if stop > start:
                self._encode(values[start:stop], titles[start:stop], steps[start:stop])
            if stop < len(values):
                self._grow(values[stop], titles[stop], steps[stop])
            start = stop + 1 if stop < len(values) else stop
        assert self._file is not None
        self._file.commit()

    def _begin(self, values: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
        heatmap = self._make((values.shape[0], values.shape[1]))
        if None in heatmap.range:
            heatmap = heatmap.with_range(*(norms.finite_range(values) or (0.0, 1.0)))
        self._lay_out(heatmap, dtype)
        assert self._layout is not None
        vmin, vmax = self._range()
        self._file = GifFile(
            self.place, notes.header(self._layout, vmin, vmax, self._loop), sync=self._sync
        )

    def _lay_out(
        self, heatmap: Heatmap, dtype: np.dtype[Any], size: tuple[int, int] | None = None
    ) -> None:
        if self.titled:
            heatmap = heatmap.with_titles()
        if self._grows:
            # whatever the labels of other ranges need, the picture stays as large
            heatmap = heatmap.with_size(size or heatmap.layout(dtype).size)
        self._heatmap, self._layout = heatmap, heatmap.layout(dtype)

    def _range(self) -> tuple[float, float]:
        assert self._heatmap is not None
        vmin, vmax = self._heatmap.range
        assert vmin is not None
        assert vmax is not None
        return vmin, vmax

    def _is_beyond(self, values: NDArray[np.float64]) -> bool:
        if not self._grows:
            return False
        found = norms.finite_range(values)
        vmin, vmax = self._range()
        return found is not None and (found[0] < vmin or found[1] > vmax)

    def _named(self, title: str) -> str:
        if not self._shows_range:
            return title
        vmin, vmax = self._range()
        return f"{title}  [{vmin:g}, {vmax:g}]".strip()

    def _encode(
        self,
        values: NDArray[np.float64],
        titles: Sequence[str],
        steps: Sequence[int | None],
    ) -> None:
        assert self._layout is not None
        named = [self._named(title) for title in titles]
        before = [] if self._previous is None else [self._title]
        self._take(encode_chunk(self._layout, self._previous, values, before + named), steps, {})
        self._previous, self._title = values[-1].copy(), named[-1]

    def _grow(self, values: NDArray[np.float64], title: str, step: int | None) -> None:
        """Widen the range to hold a frame, and draw it anew."""
        assert self._heatmap is not None
        assert self._layout is not None
        found = norms.finite_range(values)
        assert found is not None
        old, layout = self._layout, self._layout
        self._heatmap = self._heatmap.over(*_wider(self._range(), found))
        layout = self._heatmap.layout(old.dtype)
        if layout.size != old.size or not np.array_equal(layout.table, old.table):
            raise ValueError(
                f"expected room for the labels of values from {found[0]:g} to {found[1]:g}: give "
                "a larger figsize, or vmin and vmax that hold all values"
            )
        named = self._named(title)
        if self._previous is None:
            images = encode_chunk(layout, None, values[None], [named])
        else:
            images = encode_between(old, self._previous, self._title, layout, values, named)
        self._layout = layout
        vmin, vmax = self._range()
        self._take(images, [step], {"vmin": vmin, "vmax": vmax})
        self._previous, self._title = values.copy(), named

    def _take(self, images: Images, steps: Sequence[int | None], facts: dict[str, Any]) -> None:
        assert self._file is not None
        self.shown += images.shown
        view, start = memoryview(images.data), 0
        for end, transparent, step in zip(images.ends, images.transparent, steps, strict=True):
            note = notes.block(**facts) if facts else b""
            if step is not None:
                note = notes.step(step, **facts)
            self._file.add(view[start:end], transparent, self._clock.next(), note)
            start = end

    def close(self) -> None:
        """Close the file; after an error, as it was before that."""
        file, self._file = self._file, None
        self._closed_file = file
        if file is None:
            return
        if self.error is not None:
            file.abandon()
            return
        try:
            if self._hold is not None:
                more = self._clock.held(self._hold)
                file.lengthen(more)
                file.add_note(notes.block(held=more))
            file.close()
        except Exception as error:
            self.error = self._explained(error)
            file.abandon()

    def summary(self, seconds: float) -> GifSummary | None:
        """Return what was written, None if nothing was."""
        if self._closed_file is None or self._heatmap is None or self._layout is None:
            return None
        return summarise(
            self._heatmap, self._layout, self.shown, self._clock, self._closed_file, seconds
        )


def _close_in(process: object, recorder: _Recorder) -> None:
    if process is _process:
        recorder.close()


def _wider(old: tuple[float, float], found: tuple[float, float]) -> tuple[float, float]:
    """Return a range that holds both, rounded outwards, with room where it became wider."""
    low, high = min(old[0], found[0]), max(old[1], found[1])
    width = high - low
    if not 0 < width < float("inf"):
        return low, high
    step = 10.0 ** (math.floor(math.log10(width)) - 1)
    if low < old[0]:
        low = math.floor((low - HEADROOM * width) / step) * step
    if high > old[1]:
        high = math.ceil((high + HEADROOM * width) / step) * step
    return (
        (low, high)
        if math.isfinite(low) and math.isfinite(high)
        else (
            min(old[0], found[0]),
            max(old[1], found[1]),
        )
    )


# ------------------------------------------------------------------------------------------ thread


class _Memory:
    """Buffers cut from blocks of large pages, which a copy to runs through in half the time."""

    def __init__(self) -> None:
        self._block = np.empty(0, np.uint8)

    def cut(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array like another, C-contiguous and not set to anything."""
        size = -(-array.nbytes // LINE) * LINE
        if size > self._block.size:
            # numpy asks for large pages from 4 MB on
            block = np.empty(2 * LARGE_PAGE + max(size, LARGE_PAGE), np.uint8)
            self._block = block[-block.ctypes.data % LARGE_PAGE :]
        piece, self._block = self._block[: array.nbytes], self._block[size:]
        return piece.view(array.dtype).reshape(array.shape)


class _Thread:
    """A queue of copied frames, and the thread that has them encoded.

    Nothing that `put` does lets go of the interpreter's lock or waits for another thread, unless
    the queue is full: a loop must not slow down. It holds no reference to the `GifWriter`.
    """

    def __init__(self, recorder: _Recorder, sampler: Sampler, queue_bytes: int) -> None:
        self._recorder = recorder
        self._sampler = sampler
        self._room = queue_bytes
        self._queue: SimpleQueue[_Item | threading.Event | None] = SimpleQueue()
        self._free: SimpleQueue[NDArray[Any]] = SimpleQueue()
        self._memory = _Memory()
        self._buffers = 0
        self._hurry = threading.Event()  # somebody waits for what is queued
        self._ready = threading.Event()
        self._process = _process
        self._thread = threading.Thread(target=self._run, name="fastheat", daemon=True)

    def start(self) -> None:
        """Start, and give the kernels time to be loaded, which holds up all other threads."""
        self._thread.start()
        _running.add(self)
        self._ready.wait(LOADING)

    def put(self, array: NDArray[Any], title: str, step: int | None, drops: bool) -> bool:
        """Queue a copy of a frame; return whether there was room for it."""
        try:
            buffer = self._free.get_nowait()
        except Empty:
            if self._buffers < max(2, self._room // max(array.nbytes, 1)):
                self._buffers += 1
                buffer = self._memory.cut(array)
            elif drops:
                self._hurry.set()
                return False
            else:
                self._hurry.set()
                buffer = self._free.get()
        try:
            if array.flags.c_contiguous and array.nbytes < LARGE:
                buffer.data.cast("B")[:] = array.data.cast("B")
            else:
                np.copyto(buffer, array)
            self._queue.put((buffer, title, step))
        except BaseException:
            self._free.put(buffer)
            raise
        return True

    def flush(self) -> None:
        """Wait until what is queued was written."""
        done = threading.Event()
        self._queue.put(done)
        self._hurry.set()
        done.wait()

    def finish(self) -> None:
        """Let the thread end when all is written."""
        if self._process is _process:
            self._queue.put(None)
            self._hurry.set()

    def join(self) -> None:
        """Wait for its end."""
        if self._process is _process:
            self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(Exception):  # told when a frame meets it
                self._recorder.load()
            self._ready.set()
            self._work()
        finally:
            self._recorder.close()
            _running.discard(self)

    def _work(self) -> None:
        item = self._queue.get()
        while item is not None:
            self._hurry.wait(LINGER)
            self._hurry.clear()
            item = self._drain(item)
            if item is _NOTHING:
                item = self._queue.get()

    def _drain(self, item: Any) -> Any:
        """Write the frames that wait; return what ends them, None or `_NOTHING`."""
        batch: list[_Item] = []
        while True:
            if isinstance(item, tuple):
                batch.append(item)
                most = chunk_length((item[0].shape[0], item[0].shape[1]))
                full = len(batch) == most
            if batch and (full or not isinstance(item, tuple)):
                self._write(batch)
                batch = []
            if isinstance(item, threading.Event):
                item.set()
            elif not isinstance(item, tuple):
                return item
            try:
                item = self._queue.get_nowait()
            except Empty:
                item = _NOTHING

    def _write(self, batch: list[_Item]) -> None:
        started = time.thread_time()
        if self._recorder.error is None:
            with suppress(BaseException):  # the recorder keeps it
                self._recorder.write(*map(list, zip(*batch, strict=True)))
        self._sampler.spend(time.thread_time() - started)
        for buffer, _, _ in batch:
            self._free.put(buffer)


# one object in each process
_process = object()


def _forked() -> None:
    global _process
    _process = object()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

_Item = tuple[NDArray[Any], str, int | None]
_NOTHING = object()
_running: set[_Thread] = set()


@atexit.register
def _finish_all() -> None:
    """Write what is queued when the interpreter ends and nobody closed it."""
    for thread in list(_running):
        thread.finish()
        thread.join()
