"""Conversion of any kind of frames to contiguous float64 arrays, a chunk at a time."""

from __future__ import annotations

import math
import operator
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from math import prod
from numbers import Real
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import (
    NESTED,
    FloatArray,
    Floats,
    Header,
    array_of,
    check_dtype,
    check_frame,
    check_stack,
)
from fastheat.inputs.sources.files import Pickled, file_of, is_archive, load
from fastheat.inputs.sources.shapes import (
    Shape,
    Shapes,
    cells_of,
    check_names,
    check_panel,
    check_part,
    form_of,
    keys_of,
    matrices_of,
    of_panel,
    parts_in,
    parts_of,
    shapes_of,
)
from fastheat.inputs.sources.source import (
    FileArray,
    Source,
    Stored,
    is_ready,
    is_source,
    let_go,
    read_frames,
    source_of,
)
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import short, warn

Take: TypeAlias = "Callable[[int, int], npt.NDArray[Any] | FileArray]"

LIBRARIES = frozenset({"h5py", "zarr", "dask.array"})  # `datasets` opens their arrays
BAND = 1 << 17  # values converted to float64 at once, few enough for the processor's cache
TOGETHER = 1 << 21  # cells read at once to pass through a converter
KEPT_BYTES = 1 << 26  # of converted frames


class Converters(Protocol):
    """The converters of frames of several matrices."""

    @property
    def parts(self) -> Mapping[str, Converter | None]:
        """The converter of each matrix by name; None if the matrix is drawn as it is."""

    @property
    def cells(self) -> dict[str, Shape]:
        """The rows and columns of each matrix as drawn."""


class Converter(Protocol):
    """Converts matrices as read into matrices as drawn, such as with fewer cells."""

    @property
    def shape(self) -> tuple[int, int]:
        """The rows and columns of the matrices read."""

    @property
    def cells(self) -> tuple[int, int]:
        """The rows and columns of the matrices drawn."""

    def into(
        self, floats: Floats, out: FloatArray, block: npt.NDArray[Any] | FileArray, number: int
    ) -> None:
        """Fill `out` (t, n, m) from a block of frames (t, N, M), which may be in a file."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of one shape, read as float64 in chunks.

    Attributes
    ----------
    shape
        (N, M), the rows and columns of a frame, or those of each of its matrices by name if there
        are several.
    dtype
        The common dtype of all frames in the source, or that of the first frame if the others are
        not known. For frames of several matrices a structured dtype, see `shapes`.
    length
        The number of frames, or None if not known.
    rereadable
        Whether `chunks` may be called more than once.
    file
        The file that the frames come from, or None if there is none or it is not known.
    source
        A source for random access to the frames, before any conversion by `through`; for frames of
        several matrices, one for each by name. None if frames can only be read in order.
        `source.read_frames` reads it, and `source.is_local` says whether only this process can.
    converter
        The converter that `through` was called with.
    steps
        The number in each frame's file name, or None.
    """

    shape: Shapes
    dtype: np.dtype[Any]
    length: int | None
    rereadable: bool
    _read: Callable[[int, Any], Iterator[FloatArray]]  # (size, Converter, Converters or None)
    file: Path | None = None
    source: Source | Mapping[str, Source] | None = None
    converter: Converter | Converters | None = None
    steps: Sequence[int] | None = None
    _heard: set[str] = field(default_factory=set)

    def chunks(self, size: int) -> Iterator[FloatArray]:
        """Read every frame once, in order.

        Parameters
        ----------
        size
            The largest number of frames in a chunk.

        Returns
        -------
        iterator of array, shape (t, N, M), or (t, C) for several matrices one after the other
            C-contiguous; t = `size`, or less in the last chunk. The caller must not write to the
            arrays, which may be views of the source. Masked cells are NaN.

        Raises
        ------
        ValueError, TypeError
            At an invalid frame, or if the frames can be read only once and already were.

        Warns
        -----
        UserWarning
            Once, if conversion to float64 changes a number.
        """
        if size < 1:
            raise ValueError(f"size is {size}, expected at least 1 frame")
        return self._read(size, None)

    def through(self, converter: Converter | Converters) -> Frames:
        """Return the same frames passed through a converter while they are read.

        Only the result becomes float64 as a whole. It is kept for a second reading if it is small.
        """
        kept: dict[int, list[FloatArray]] = {}  # chunks by their size
        total = 0 if self.length is None else 8 * cells_of(converter.cells) * self.length

        def read(size: int, _: object) -> Iterator[FloatArray]:
            if size in kept:
                yield from kept[size]
                return
            chunks: list[FloatArray] = []
            room = KEPT_BYTES if self.rereadable and total <= KEPT_BYTES else 0
            for chunk in self._read(size, converter):
                room -= chunk.nbytes
                if room >= 0:
                    chunks.append(chunk)
                else:
                    chunks.clear()
                yield chunk
            if room >= 0:
                kept[size] = chunks

        return replace(self, shape=converter.cells, _read=read, converter=converter)

    @property
    def nbytes(self) -> float:
        """The size of all frames as float64 in bytes, or infinity if their number is not known."""
        return math.inf if self.length is None else 8 * cells_of(self.shape) * self.length

    def peeked(self, size: int) -> tuple[FloatArray, Frames]:
        """Return the first chunk, and the same frames, including that chunk, to be read once."""
        chunks = self.chunks(size)
        first = next(chunks)

        def read(_: int, __: object) -> Iterator[FloatArray]:
            yield first
            yield from chunks

        return first, replace(self, _read=read, rereadable=False)

    def kept(self, values: FloatArray) -> Frames:
        """Return the same frames held in memory: `values`, (T, N, M), or (T, C) for several."""

        def read(size: int, _: object) -> Iterator[FloatArray]:
            for start in range(0, len(values), size):
                yield values[start : start + size]

        return replace(self, _read=read, source=None)

    def hear(self, told: Mapping[str, str]) -> None:
        """Emit the warnings that workers reported, once per matrix."""
        for name, message in told.items():
            if name not in self._heard:
                self._heard.add(name)
                warn(message)

    def count(self) -> int:
        """Return the number of frames, reading all of them if it is not known."""
        return self.length if self.length is not None else sum(map(len, self.chunks(1)))


def open_frames(frames: object, shape: Shapes | None = None, tensor: object = None) -> Frames:
    """Check frames of any kind, and return them as `Frames`.

    Nothing is collected: arrays and lists are converted chunk by chunk, and iterators are consumed
    on demand, except for the first frame, which is read here.

    Parameters
    ----------
    frames
        An array of shape (T, N, M), or anything with its ``shape``, slices and ``__array__``; a
        `Source`; a sequence or iterable of array-likes of shape (N, M); or a path, see
        `load_frames`, whose arrays stay in the file if possible. `Frames` are returned as they
        are. Frames of several matrices are dictionaries of matrices, or one dictionary of arrays
        (T, N, M).
    shape
        The expected shape of frames. Frames of panels may be tuples in the order of their names.
    tensor
        The name of the array to draw if a file holds several, see `load_frames`.

    Returns
    -------
    Frames

    Raises
    ------
    ValueError
        If there are no frames, or their shapes are not two-dimensional, non-empty and all equal.
    TypeError
        If a frame is not an array of real numbers.
    """
    if isinstance(frames, Frames):
        return frames
    panels = shape if isinstance(shape, dict) else None
    named = Path(os.fsdecode(frames)) if isinstance(frames, (str, os.PathLike)) else None
    frames = load(frames, defer=True, tensor=tensor)
    if not LIBRARIES.isdisjoint(sys.modules):
        from fastheat.inputs.sources.datasets import dataset_of

        if (dataset := dataset_of(frames)) is not None:
            frames = dataset
    floats = Floats()
    if isinstance(frames, Mapping) and (frames or panels):
        return replace(_open_stacks(frames, panels), file=named or file_of(frames))
    if panels is not None:
        if len(panels) == 1 and _is_stack(frames):
            return replace(_open_stacks({next(iter(panels)): frames}, panels), file=named)
        return replace(_open_each(frames, floats, panels), file=named or file_of(frames))
    if isinstance(frames, Pickled) and isinstance(frames.frames, Stored):
        check_stack(frames.frames.shape)
    if is_source(frames):
        return _open_source(frames, floats)
    if all(hasattr(frames, name) for name in ("shape", "__array__", "__getitem__")):
        return replace(_open_stack(frames, floats), file=named or file_of(frames))
    iterable = hasattr(frames, "__iter__") or hasattr(frames, "__getitem__")
    unordered = isinstance(frames, (Mapping, Set, bytes, bytearray, type))
    if unordered or not (iterable or hasattr(frames, "__array__")):
        what = f" with {keys_of(frames)}" if isinstance(frames, Mapping) else ""
        raise TypeError(
            f"frames is of type {type(frames).__name__}{what}, expected an array (T, N, M), "
            "a sequence or iterable of arrays (N, M), or a path"
        )
    if not iterable:
        return _open_stack(array_of(frames, 0), floats)
    source = frames.source() if isinstance(frames, Pickled) or is_archive(frames) else None
    return replace(_open_each(frames, floats), file=named or file_of(frames), source=source)


def _is_stack(frames: object) -> bool:
    if is_archive(frames) or is_source(frames):
        return True
    return bool(getattr(frames, "ndim", 0) == 3)


def _open_stack(frames: Any, floats: Floats) -> Frames:
    shape = tuple(frames.shape)
    check_stack(shape)
    dtype = frames.dtype if isinstance(frames.dtype, np.dtype) else array_of(frames[:1], 0).dtype
    check_frame(0, shape[1:], dtype)
    if isinstance(frames, np.ndarray):
        return _open_source(source_of(frames), floats)

    def take(start: int, stop: int) -> npt.NDArray[Any]:
        block = array_of(frames[start:stop], start)
        if block.shape != (stop - start, *shape[1:]):
            raise ValueError(f"frame {start}: shape {block.shape[1:]}, expected {shape[1:]}")
        return block

    return _stacked(shape, dtype, take, floats)


def _open_source(source: Source, floats: Floats) -> Frames:
    try:
        shape = tuple(map(operator.index, source.shape))
    except TypeError:
        raise TypeError(
            f"expected the source's shape to be (T, N, M), not {short(source.shape)}"
        ) from None
    check_stack(shape)
    dtype = _dtype_of(source)
    check_frame(0, shape[1:], dtype)

    take = taker(source, dtype)
    path = getattr(source, "path", None)
    file = path if isinstance(path, Path) else None
    steps = getattr(source, "steps", None)
    if steps is not None and (not hasattr(steps, "__len__") or len(steps) != shape[0]):
        raise ValueError(
            f"expected the source's steps to be one for each of {shape[0]} frames, not "
            f"{short(steps)}"
        )
    return replace(_stacked(shape, dtype, take, floats), file=file, source=source, steps=steps)


def taker(source: Source, dtype: np.dtype[Any]) -> Take:
    """Return a function that reads frames of a source, and checks that `dtype` can hold them."""

    def take(start: int, stop: int) -> npt.NDArray[Any] | FileArray:
        if isinstance(source, FileArray):  # reducing it reads only a part at a time
            block: npt.NDArray[Any] | FileArray = source.part(slice(start, stop))
        else:
            block = read_frames(source, start, stop)
        check_dtype(start, block.dtype, dtype)
        return block

    return take


def _dtype_of(source: Source) -> np.dtype[Any]:
    """Return the numpy dtype of the arrays that a source reads."""
    try:
        return as_array(np.empty(0, source.dtype)).dtype
    except TypeError:
        raise TypeError(
            f"expected the source's dtype to be one of numpy, not {short(source.dtype)}"
        ) from None


def _stacked(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    take: Take,
    floats: Floats,
) -> Frames:
    """Open frames (T, N, M) that `take` reads in any order."""

    def read(size: int, converter: Converter | None) -> Iterator[FloatArray]:
        for start in range(0, shape[0], size):
            stop = min(start + size, shape[0])
            try:
                chunk = read_values(take, start, stop, converter, floats)
            except Exception:
                yield from singly(start, stop, converter)
            else:
                yield chunk

    def singly(start: int, stop: int, converter: Converter | None) -> Iterator[FloatArray]:
        """Yield the frames before the first that fails as one chunk, then raise its error."""
        good: list[FloatArray] = []
        failed: Exception | None = None
        for number in range(start, stop):
            try:
                good.append(read_values(take, number, number + 1, converter, floats))
            except Exception as error:
                failed = error
                break
        if good:
            yield np.concatenate(good)
        if failed is not None:
            raise failed

    return Frames((int(shape[1]), int(shape[2])), dtype, int(shape[0]), True, read)


def read_values(
    take: Take,
    start: int,
    stop: int,
    converter: Converter | None,
    floats: Floats,
) -> FloatArray:
    """Return the frames that `take` reads as float64, passed through a converter if given."""
    if converter is None:
        block = take(start, stop)
        if isinstance(block, FileArray) and block.dtype == np.float64 and block.dtype.isnative:
            return block.array()
        if is_ready(block, np.float64):
            return block
        out = np.empty(block.shape)
        with _kept_open(block) as parts:
            for t, i in _bands(*block.shape):
                floats.into(out[t, i], parts[t, i], start + t.start, i.start)
        let_go(block)
        return out
    out = np.empty((stop - start, *converter.cells))
    high, wide = converter.shape
    most = max(1, TOGETHER // (high * wide))
    for first in range(start, stop, most):
        block = take(first, min(first + most, stop))
        part = out[first - start :][: len(block)]
        with _kept_open(block) as parts:
            converter.into(floats, part, parts, first)
        let_go(block)
    return out


def _kept_open(block: npt.NDArray[Any] | FileArray) -> AbstractContextManager[Any]:
    """Return frames to be read in parts, with their file opened once if they are in one."""
    return block.kept_open() if isinstance(block, FileArray) else nullcontext(block)


def _bands(count: int, rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of frames and of their rows, in order, of few enough values for the cache."""
    together, high = max(1, BAND // (rows * columns)), max(1, BAND // columns)
    for t in range(0, count, together):
        for i in range(0, rows, high):
            yield slice(t, t + together), slice(i, i + high)


def _open_stacks(stacks: Mapping[Any, Any], panels: Mapping[str, Shape] | None) -> Frames:
    """Open a stack of matrices, or a number per frame, for each panel."""
    names = _names_of(stacks, panels)
    opened: dict[str, Frames] = {}
    for name in names:
        with of_panel(name):
            stack = stacks[name]
            opened[name] = (
                _open_scalars(stack) if _is_line(name, stack, panels) else open_frames(stack)
            )
    lengths = {name: each.length for name, each in opened.items() if each.length is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{count} of {name!r}" for name, count in lengths.items())
        raise ValueError(f"expected equally many frames of each panel, not {found}")
    shapes: dict[str, Shape] = {}
    for name, each in opened.items():
        with of_panel(name):
            if isinstance(each.shape, dict):
                raise TypeError("expected an array (T, N, M), not a dictionary")
            check_panel(0, each.shape, None if panels is None else panels[name])
        shapes[name] = each.shape

    def read(size: int, converters: Converters | None) -> Iterator[FloatArray]:
        through = {} if converters is None else converters.parts
        cells = cells_of(shapes if converters is None else converters.cells)
        chunks = {name: each._read(size, through.get(name)) for name, each in opened.items()}
        done = 0
        while True:
            parts: dict[str, FloatArray] = {}
            for name, each in chunks.items():
                with of_panel(name):
                    if (part := next(each, None)) is not None:
                        parts[name] = part
            counts = {name: len(parts.get(name, ())) for name in names}
            count = min(counts.values())
            if count:
                flat = [parts[name][:count].reshape(count, -1) for name in names]
                yield np.concatenate(flat, axis=1, out=np.empty((count, cells)))
            done += count
            for name in names:
                if counts[name] < max(counts.values()):
                    with of_panel(name):
                        next(chunks[name], None)  # raises the error that ended it, if any
                    raise ValueError(f"expected frame {done} of {name!r} too")
            if not count:
                return

    sources: dict[str, Any] = {
        name: each.source for name, each in opened.items() if each.source is not None
    }
    return Frames(
        shapes,
        form_of(shapes, [each.dtype for each in opened.values()]),
        next(iter(lengths.values()), None),
        all(each.rereadable for each in opened.values()),
        read,
        source=sources if len(sources) == len(opened) else None,
        steps=next((each.steps for each in opened.values() if each.steps is not None), None),
    )


def _is_line(name: str, stack: object, panels: Mapping[str, Shape] | None) -> bool:
    """Return whether a panel's stack holds one scalar per frame."""
    if panels is not None:
        return panels[name] == ()
    shape: Any = getattr(stack, "shape", None)
    if isinstance(stack, Real) or shape == ():
        return True
    if is_archive(stack):
        return stack.headers[:1] != () and stack.headers[0][0] == ()
    if shape is None and isinstance(stack, (list, tuple)) and stack:
        return isinstance(stack[0], Real)
    return shape is not None and len(shape) == 1


def _open_scalars(values: object) -> Frames:
    """Open one number per frame."""
    # from an iterator, since list() would allocate as many items as an archive claims to have
    array = array_of(list(iter(values)) if is_archive(values) else values, 0)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "biuf":
        raise TypeError(f"expected a number for each frame, not {array.dtype} of {array.shape}")
    scalars = array.astype(np.float64)

    def read(size: int, _: object) -> Iterator[FloatArray]:
        for start in range(0, len(scalars), size):
            yield scalars[start : start + size]

    nothing: Any = ()  # the shape of a scalar
    return Frames(nothing, np.dtype(np.float64), len(scalars), True, read)


def _names_of(frame: Mapping[Any, Any], panels: Mapping[str, Shape] | None) -> tuple[str, ...]:
    """Return the names of the panels in order; the keys of a frame must be the same names."""
    names = tuple(panels or ())
    if panels is None:  # scalars come after the matrices
        lines = {name for name in check_names(frame) if _is_line(name, frame[name], None)}
        names = tuple(sorted(frame, key=lines.__contains__))
    if set(frame) != set(names):
        raise ValueError(
            f"expected matrices with {keys_of(dict.fromkeys(names))}, not {keys_of(frame)}"
        )
    return names


def _open_bundles(
    frames: Iterable[Any],
    iterate: Callable[[], Iterator[Any]],
    length: int | None,
    rereadable: bool,
    floats: Floats,
    panels: Mapping[str, Shape] | None,
) -> Frames:
    """Open frames of several matrices each, checking the shapes and dtypes of those in `frames`."""
    names: tuple[str, ...] | None = None if panels is None else tuple(panels)
    shapes: dict[str, Shape] = {}
    dtypes: dict[str, dict[np.dtype[Any], None]] = {}
    for number, frame in enumerate(frames):
        if names is None:
            names = _names_of(frame, None)
        for name, part in zip(names, parts_in(frame, names, number), strict=True):
            with of_panel(name):
                shape, dtype = _header(part, number)
                expected = shapes.get(name, panels[name] if panels is not None else None)
                check_part(number, shape, dtype)
                check_panel(number, shape, expected)
            shapes[name] = shape
            dtype = dtype if shape else np.dtype(np.float64)
            dtypes.setdefault(name, {})[dtype] = None
    if names is None or not shapes:
        raise ValueError("there are no frames, expected at least one")
    form = form_of(
        shapes,
        [
            np.result_type(*dtypes[name]) if len(dtypes[name]) > 1 else next(iter(dtypes[name]))
            for name in names
        ],
    )
    order = names

    def read(size: int, converters: Converters | None) -> Iterator[FloatArray]:
        most = size if length is None else min(size, length)
        return _convert_bundles(iterate(), order, form, most, floats, converters)

    return Frames(shapes, form, length, rereadable, read)


def _convert_bundles(
    frames: Iterator[Any],
    names: Sequence[str],
    form: np.dtype[Any],
    size: int,
    floats: Floats,
    converters: Converters | None,
) -> Iterator[FloatArray]:
    parts = parts_of(form)
    through = {} if converters is None else converters.parts
    cells = shapes_of(form) if converters is None else converters.cells

    def fill(out: FloatArray, frame: Any, number: int) -> None:
        place = 0
        for name, array in zip(names, matrices_of(frame, names, number), strict=True):
            shape, dtype = parts[name]
            with of_panel(name):
                check_part(number, array.shape, array.dtype)
                array = array if array.shape else array.astype(np.float64)
                check_panel(number, array.shape, shape)
                check_dtype(number, array.dtype, dtype)
                stop = place + prod(cells[name])
                own = out[0, place:stop].reshape(1, *cells[name])
                _convert(array, own, number, floats, through.get(name))
                place = stop
            let_go(array)

    return _in_chunks(frames, size, (cells_of(cells),), fill)


def _in_chunks(
    frames: Iterator[Any],
    size: int,
    cells: tuple[int, ...],
    fill: Callable[[FloatArray, Any, int], None],
) -> Iterator[FloatArray]:
    """Yield chunks of `size` frames, each filled from a frame and its number by `fill`.

    A frame is converted as soon as it is read, since a training loop may yield the same array again
    with its next values.
    """
    filled = 0
    try:
        for number, frame in enumerate(frames):
            if filled == 0:
                out = np.empty((size, *cells))
            fill(out[filled : filled + 1], frame, number)
            filled += 1
            if filled == size:
                yield out
                filled = 0
    except Exception:
        if filled:  # the frames before the one that failed are valid
            yield out[:filled]
        raise
    if filled:
        yield out[:filled]


def _convert(
    array: npt.NDArray[Any],
    out: FloatArray,
    number: int,
    floats: Floats,
    converter: Converter | None,
) -> None:
    if converter is None:
        floats.into(out, array[None], number)
    else:
        converter.into(floats, out, array[None], number)


def _header(frame: object, number: int) -> Header:
    array = frame if isinstance(frame, Stored) else array_of(frame, number)
    return array.shape, array.dtype


def _open_each(frames: Any, floats: Floats, panels: Mapping[str, Shape] | None = None) -> Frames:
    length = len(frames) if hasattr(frames, "__len__") else None
    rereadable = True
    headers: Iterable[Header]
    if length is not None and hasattr(frames, "__getitem__"):

        def iterate() -> Iterator[Any]:
            for number in range(length):
                try:
                    yield frames[number]
                except IndexError:
                    if number < len(frames):
                        raise
                    raise ValueError(
                        f"frame {number} is gone: there were {length} frames, now {len(frames)}"
                    ) from None
    else:

        def iterate() -> Iterator[Any]:
            return iter(frames)

    if is_archive(frames):
        headers = frames.headers
    elif isinstance(frames, (*NESTED, Pickled)):
        each = frames.frames if isinstance(frames, Pickled) else frames
        if panels is not None or isinstance(next(iter(each), None), Mapping):
            return _open_bundles(each, iterate, length, True, floats, panels)
        headers = (_header(frame, number) for number, frame in enumerate(each))
    else:  # other frames may be expensive to read, or readable only once
        iterator = iterate()
        first = list(islice(iterator, 1))
        once = iterator is frames
        if panels is not None or (first and isinstance(first[0], Mapping)):
            again = _Once(_all(list(first), iterator)) if once else iterate
            return _open_bundles(first, again, length, not once, floats, panels)
        headers = [_header(frame, 0) for frame in first]
        if once:
            rereadable = False
            iterate = _Once(_all(first, iterator))
    shape: tuple[int, ...] | None = None
    dtypes: dict[np.dtype[Any], None] = {}
    for number, (found, dtype) in enumerate(headers):
        check_frame(number, found, dtype, shape)
        shape = found
        dtypes[dtype] = None
    if shape is None:
        raise ValueError("there are no frames, expected at least one")
    expected = shape
    common = next(iter(dtypes)) if len(dtypes) == 1 else np.result_type(*dtypes)

    def read(size: int, converter: Converter | None) -> Iterator[FloatArray]:
        most = size if length is None else min(size, length)
        return _convert_each(iterate(), expected, common, most, floats, converter)

    return Frames((expected[0], expected[1]), common, length, rereadable, read)


def _all(first: list[Any], others: Iterator[Any]) -> Iterator[Any]:
    # Unlike itertools.chain, this does not hold the first frame until the end.
    yield first.pop()
    yield from others


class _Once:
    """A function that returns an iterator once, and raises ValueError when called again."""

    def __init__(self, frames: Iterator[Any]) -> None:
        self.frames: Iterator[Any] | None = frames

    def __call__(self) -> Iterator[Any]:
        if self.frames is None:
            raise ValueError(
                "frames is an iterator, and was read already; expected a list or array"
            )
        frames, self.frames = self.frames, None
        return frames


def _convert_each(
    frames: Iterator[Any],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    size: int,
    floats: Floats,
    converter: Converter | None,
) -> Iterator[FloatArray]:
    def fill(out: FloatArray, frame: Any, number: int) -> None:
        array = array_of(frame, number)
        check_frame(number, array.shape, array.dtype, shape)
        check_dtype(number, array.dtype, dtype)
        _convert(array, out, number, floats, converter)
        let_go(array)

    return _in_chunks(frames, size, shape if converter is None else converter.cells, fill)
