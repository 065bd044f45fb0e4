"""Conversion of any kind of frames to contiguous float64 arrays, a chunk at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import FloatArray, Floats, Header, array_of, check_dtype
from fastheat.inputs.sources.labelled import Aligner, Aligners, Axes
from fastheat.inputs.sources.shapes import Shapes, cells_of
from fastheat.inputs.sources.source import FileArray, Source, Stored, is_ready, let_go, read_frames
from fastheat.messages import warn

Take: TypeAlias = "Callable[[int, int], npt.NDArray[Any] | FileArray]"

BAND = 1 << 17  # values converted to float64 at once, few enough for the processor's cache
TOGETHER = 1 << 21  # cells read at once to pass through a converter
KEPT_BYTES = 1 << 26  # of converted frames


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


# by matrix, without those that are drawn as they are; a single one is named ""
Converters: TypeAlias = Mapping[str, Converter]


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
    converters
        The converters that `through` was called with.
    steps
        The key of each frame, such as the number in the name of its file, or None. Those of an
        iterator are known once its frame was read.
    step_name
        What the steps are, such as the name of a dimension; "" if that is not known.
    aligners
        The labels of the rows and columns of each matrix; a single one is named "".
    """

    shape: Shapes
    dtype: np.dtype[Any]
    length: int | None
    rereadable: bool
    _read: Callable[[int, Converters], Iterator[FloatArray]]  # of chunks of a size
    file: Path | None = None
    source: Source | Mapping[str, Source] | None = None
    converters: Converters = field(default_factory=dict)
    steps: Iterable[Any] | None = None
    step_name: str = ""
    aligners: Aligners = field(default_factory=lambda: Aligners({}))
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
        return self._read(size, {})

    @property
    def axes(self) -> dict[str, Axes]:
        """The labels of rows and columns of the matrices that carry any, by name."""
        return self.aligners.axes

    def through(self, converters: Converters) -> Frames:
        """Return the same frames passed through converters while they are read.

        Only the result becomes float64 as a whole. It is kept for a second reading if it is small.
        """
        if not converters:
            return self
        kept: dict[int, list[FloatArray]] = {}  # chunks by their size
        shape = converted_shape(self.shape, converters)
        total = 0 if self.length is None else 8 * cells_of(shape) * self.length

        def read(size: int, _: object) -> Iterator[FloatArray]:
            if size in kept:
                yield from kept[size]
                return
            chunks: list[FloatArray] = []
            room = KEPT_BYTES if self.rereadable and total <= KEPT_BYTES else 0
            for chunk in self._read(size, converters):
                room -= chunk.nbytes
                if room >= 0:
                    chunks.append(chunk)
                else:
                    chunks.clear()
                yield chunk
            if room >= 0:
                kept[size] = chunks

        return replace(self, shape=shape, _read=read, converters=converters)

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

    def emit(self, warnings: Mapping[str, str]) -> None:
        """Emit the warnings that workers reported, once per matrix."""
        for name, message in warnings.items():
            if name not in self._heard:
                self._heard.add(name)
                warn(message)

    def count(self) -> int:
        """Return the number of frames, reading all of them if it is not known."""
        return self.length if self.length is not None else sum(map(len, self.chunks(1)))


def converted_shape(shape: Shapes, converters: Converters) -> Shapes:
    """Return the shapes of matrices that have passed through converters."""
    cells = {name: each.cells for name, each in converters.items()}
    return {**shape, **cells} if isinstance(shape, dict) else cells.get("", shape)


def joined(parts: Iterable[FloatArray]) -> FloatArray:
    """Return the frames (T, C) with matrices from `parts`, each (T, N, M) or scalars (T,)."""
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def common_length(panels: Mapping[str, Any], what: str) -> int | None:
    """Return the number of frames of all panels, None if it is not known of any.

    Raises
    ------
    ValueError
        If they differ; the message says `what` was expected.
    """
    lengths = {name: each.length for name, each in panels.items() if each.length is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} of {name!r}" for name, length in lengths.items())
        raise ValueError(f"expected {what}, not {found}")
    return next(iter(lengths.values()), None)


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


def read_values(
    take: Take, start: int, stop: int, converter: Converter | None, floats: Floats
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


def in_chunks(
    frames: Iterable[Any],
    size: int,
    cells: tuple[int, ...],
    fill: Callable[[npt.NDArray[Any], Any, int], None],
    dtype: type = float,
) -> Iterator[npt.NDArray[Any]]:
    """Yield chunks of `size` frames, each filled from a frame and its number by `fill`.

    A frame is converted as soon as it is read, since a training loop may yield the same array again
    with its next values.
    """
    filled = 0
    try:
        for number, frame in enumerate(frames):
            if filled == 0:
                out: npt.NDArray[Any] = np.empty((size, *cells), dtype)
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


def into_of(
    converter: Converter | None, floats: Floats
) -> Callable[[FloatArray, npt.NDArray[Any], int], None]:
    """Return the function that fills an array from a block of frames with a first number."""
    return floats.into if converter is None else partial(converter.into, floats)


def header(frame: object, number: int, aligner: Aligner) -> Header:
    """Return the shape and dtype of a frame, and check the labels that it carries."""
    array = frame if isinstance(frame, Stored) else matrix_in(frame, number, aligner)
    return array.shape, array.dtype


def matrix_in(frame: object, number: int, aligner: Aligner) -> npt.NDArray[Any]:
    """Return a frame as an array, with rows and columns in the order of those of the first."""
    return aligner.array(frame, array_of(frame, number), f"frame {number}")
