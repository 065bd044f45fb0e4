"""Sources: frames that any thread, process or machine can read for itself, in any order."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

from fastheat.tensors import as_array


class Source(Protocol):
    """Frames of one shape that are read where they are needed.

    Whoever encodes some of them reads these alone: a source is small, it pickles, and it opens what
    it reads from when it is first asked, in every process again. Reads may come in any order, more
    than once, and on several threads at once.

    A source that only this process can read has an attribute ``local`` that is true, see
    `is_local`. Sources may have a ``path``, that of the file that they read.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, N, M): how many frames there are, and their rows and columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that all frames have, or that can hold them all."""

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return the frames from `start` to before `stop`.

        Parameters
        ----------
        start, stop
            0 <= start < stop <= T.

        Returns
        -------
        array, shape (stop - start, N, M)
            Of real numbers, masked or not, and not to be written to: it may be a view, of a mapped
            file say, which `let_go` drops again.
        """


def is_source(frames: object) -> TypeGuard[Source]:
    """Return whether an object reads frames as a `Source` does."""
    return (
        not isinstance(frames, type)
        and hasattr(frames, "shape")
        and hasattr(frames, "dtype")
        and callable(getattr(frames, "read", None))
    )


def is_local(source: Source) -> bool:
    """Return whether only this process can read a source, such as that of an array in memory."""
    return bool(getattr(source, "local", False))


def read_frames(source: Source, start: int, stop: int) -> npt.NDArray[Any]:
    """Read frames of any source, checked; errors name the first of them.

    Returns
    -------
    array, shape (stop - start, N, M)
        Of a dtype that numpy has.
    """
    block = source.read(start, stop)
    try:
        array = as_array(block)
    except Exception as error:  # whatever a foreign __array__ raises
        what = type(block).__name__
        raise TypeError(f"frame {start} ({what}) is no array of numbers: {error}") from error
    expected = (stop - start, *map(int, source.shape[1:]))
    if array.shape != expected:
        raise ValueError(
            f"frame {start}: read({start}, {stop}) has shape {array.shape}, expected {expected}"
        )
    if array.dtype.kind not in "biuf":
        raise TypeError(f"frame {start} has dtype {array.dtype}, expected real numbers")
    return array


class Held:
    """An array in memory: threads can slice it, and other processes cannot see it."""

    local = True

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape: tuple[int, int, int] = _stack_shape(array)
        self.dtype: np.dtype[Any] = array.dtype

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a view of frames."""
        return self._array[start:stop]


class Mapped:
    """An array in a file that is mapped into memory, in every process again.

    Attributes
    ----------
    path
        The file.
    size
        How many bytes it has; a file that has become another size is refused.
    offset
        Where in it the first cell of the first frame lies.
    strides
        Bytes between frames, rows and columns.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        offset: int,
        dtype: np.dtype[Any],
        shape: tuple[int, int, int],
        strides: tuple[int, ...],
        array: npt.NDArray[Any] | None = None,
    ) -> None:
        self.path = path
        self.size = size
        self.offset = offset
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self._array = array  # where it is mapped already

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> Mapped | None:
        """Return the source of a view of a mapped file, None of what other processes cannot map."""
        base = mapped(array)
        if type(array) not in (np.ndarray, np.memmap) or not isinstance(base, np.memmap):
            return None
        mapping: Any = getattr(base, "_mmap", None)
        # what was changed in a copy-on-write mapping ("c") is not in the file
        if mapping is None or base.filename is None or base.mode == "c":
            return None
        path = Path(os.fsdecode(base.filename))
        start = np.frombuffer(mapping, np.uint8).ctypes.data
        offset = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY
        offset += array.ctypes.data - start
        last = sum(
            stride * (side - 1)
            for stride, side in zip(array.strides, array.shape, strict=True)
            if stride > 0
        )
        try:
            size = path.stat().st_size
        except OSError:  # it was deleted, and is still mapped here
            return None
        if offset + last + array.dtype.itemsize > size:
            return None
        return cls(path, size, offset, array.dtype, _stack_shape(array), array.strides, array)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a view of frames in the file."""
        if self._array is None:
            self._array = self._map()
        return self._array[start:stop]

    def _map(self) -> npt.NDArray[Any]:
        with self.path.open("rb") as file:
            if (size := os.fstat(file.fileno()).st_size) != self.size:
                raise ValueError(
                    f"cannot read {self.path}: it changed after it was opened, from {self.size} "
                    f"bytes to {size}"
                )
            whole = np.memmap(file, np.uint8, "r")
        return np.ndarray(self.shape, self.dtype, whole, self.offset, self.strides)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what is mapped here."""
        place = (self.path, self.size, self.offset, self.dtype, self.shape, self.strides)
        return Mapped, place


def source_of(array: npt.NDArray[Any]) -> Held | Mapped:
    """Return the source of a stack of frames (T, N, M) in memory, or in a mapped file."""
    return Mapped.of(array) or Held(array)


def _stack_shape(array: npt.NDArray[Any]) -> tuple[int, int, int]:
    count, rows, columns = array.shape
    return count, rows, columns


def mapped(array: object) -> object:
    """Return the memory map that an array is a view of, or what is in its place."""
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return array


def is_ready(array: npt.NDArray[Any], dtype: type[np.generic]) -> bool:
    """Return whether kernels can read an array where it lies, in memory of its own."""
    return (
        type(array) is np.ndarray
        and array.dtype == dtype
        and array.dtype.isnative
        and array.flags.carray  # kernels are compiled for arrays that may be written to
        and mapped(array) is None
    )


def let_go(array: npt.NDArray[Any]) -> None:
    """Drop the pages of a mapped file, which would stay in memory until all of it is there."""
    base = mapped(array)
    # A copy-on-write mapping ("c") would lose what was changed in it; a shared one is the file.
    if isinstance(base, np.memmap) and base.mode in ("r", "r+", "w+"):
        mapping: Any = getattr(base, "_mmap", None)
        if hasattr(mapping, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
            with suppress(OSError):  # locked pages stay
                mapping.madvise(mmap.MADV_DONTNEED)
