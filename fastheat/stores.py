"""Sources: frames that any thread, process or machine can read for itself, in any order."""

from __future__ import annotations

import inspect
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

from fastheat.messages import in_a_line, printable
from fastheat.tensors import as_array

AROUND = 1 << 21  # bytes before a page that is read which the system may map with it


class Source(Protocol):
    """Frames of one shape that are read where they are needed.

    Whoever encodes some of them reads these alone: a source is small, it pickles, and it opens what
    it reads from when it is first asked, in every process again. Reads may come in any order, more
    than once, and on several threads at once.

    A source that only this process can read has an attribute ``local`` that is true, see
    `is_local`. Sources may have a ``path``, that of the file that they read, and ``steps``, a
    number of each frame that titles can have.
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
    read = getattr(frames, "read", None)
    if isinstance(frames, type) or not callable(read):
        return False
    try:
        inspect.signature(read).bind(0, 1)
    except TypeError:  # it reads something else, or in another way
        return False
    except ValueError:  # not known, as of what is written in C
        if hasattr(frames, "__array__"):
            return False
    return hasattr(frames, "shape") and hasattr(frames, "dtype")


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
        raise TypeError(
            f"frame {start} ({what}) is no array of numbers: {in_a_line(error)}"
        ) from error
    expected = (stop - start, *map(int, source.shape[1:]))
    if array.shape != expected:
        raise ValueError(
            f"frame {start}: read({start}, {stop}) has shape {array.shape}, expected {expected}"
        )
    if array.dtype.kind not in "biuf":
        raise TypeError(f"frame {start} has dtype {array.dtype}, expected real numbers")
    return array


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was when it was opened; once it is another, it is refused.

    Attributes
    ----------
    path
        Its path.
    size
        How many bytes it has.
    modified
        When it was last written to, in ns; None where that does not matter.
    """

    path: Path
    size: int
    modified: int | None = None

    @classmethod
    def of(cls, path: Path, file: BinaryIO) -> Seen:
        """Return how a file is that is open."""
        status = os.fstat(file.fileno())
        return cls(path, status.st_size, status.st_mtime_ns)

    def check(self, file: BinaryIO) -> None:
        """Refuse a file that is not as it was."""
        now = Seen.of(self.path, file)
        if now.size != self.size or self.modified not in (None, now.modified):
            raise ValueError("the file changed after it was opened")

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open it again; what goes wrong has its name."""
        with naming(self.path), self.path.open("rb") as file:
            self.check(file)
            yield file
            self.check(file)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of a file before what is wrong with it."""
    beginning = f"cannot read {printable(str(path))}: "
    try:
        yield
    except FileNotFoundError:
        raise
    except ImportError as error:
        if str(error).startswith(beginning):
            raise
        raise ImportError(f"{beginning}{error}") from None
    except Exception as error:  # damaged files make zipfile, zlib and numpy raise almost anything
        if str(error).startswith(beginning):
            raise
        known = error.strerror if isinstance(error, OSError) else None
        raise ValueError(f"{beginning}{known or in_a_line(error)}") from error


class Stack:
    """What sources have in common with arrays (T, N, M): a length, frames and an array of all."""

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return the frames from `start` to before `stop`."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> npt.NDArray[Any]:
        """Return a frame, or an array of several."""
        if isinstance(index, slice):
            numbers = range(*index.indices(len(self)))
            if numbers.step == 1 and len(numbers):
                return self.read(numbers.start, numbers.stop)
            frames = [self[number] for number in numbers]
            return np.stack(frames) if frames else np.empty((0, *self.shape[1:]), self.dtype)
        number = range(len(self))[index]
        frame: npt.NDArray[Any] = self.read(number, number + 1)[0]
        return frame

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return map(self.__getitem__, range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return all frames as one array."""
        return np.asarray(self.read(0, len(self)), dtype)


class Held(Stack):
    """An array in memory: threads can slice it, and other processes cannot see it."""

    local = True

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape = _three(array.shape)
        self.dtype = array.dtype

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a view of frames."""
        return self._array[start:stop]


class Mapped(Stack):
    """An array in a file that is mapped into memory, in every process again.

    Attributes
    ----------
    seen
        The file.
    offset
        Where in it the first cell of the first frame lies.
    strides
        Bytes between frames, rows and columns.
    """

    def __init__(
        self,
        seen: Seen,
        offset: int,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        array: npt.NDArray[Any] | None = None,
    ) -> None:
        self.seen = seen
        self.path = seen.path
        self.offset = offset
        self.dtype = dtype
        self.shape = _three(shape)
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
        return cls(Seen(path, size), offset, array.dtype, array.shape, array.strides, array)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a view of frames in the file."""
        if self._array is None:
            with self.seen.open() as file:
                whole = np.memmap(file, np.uint8, "r")
            self._array = np.ndarray(self.shape, self.dtype, whole, self.offset, self.strides)
        return self._array[start:stop]

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what is mapped here."""
        return Mapped, (self.seen, self.offset, self.dtype, self.shape, self.strides)


class Pieces(Stack):
    """Matrices of one shape and dtype that lie in one file, each at a place of its own."""

    def __init__(
        self,
        seen: Seen,
        offsets: npt.NDArray[np.int64],
        dtype: np.dtype[Any],
        cells: tuple[int, ...],
        order: Literal["C", "F"],
    ) -> None:
        self.seen = seen
        self.path = seen.path
        self.offsets = offsets
        self.dtype = dtype
        self.shape = _three((len(offsets), *cells))
        self.order = order

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames."""
        block = np.empty((stop - start, *self.shape[1:]), self.dtype)
        size = block[0].nbytes
        with self.seen.open() as file:
            for out, offset in zip(block, self.offsets[start:stop].tolist(), strict=True):
                file.seek(offset)
                raw = file.read(size)
                if len(raw) != size:
                    raise EOFError("the file ends before the array does")
                out[...] = np.ndarray(out.shape, self.dtype, raw, order=self.order)
        return block


def source_of(array: npt.NDArray[Any]) -> Held | Mapped:
    """Return the source of a stack of frames (T, N, M) in memory, or in a mapped file."""
    return Mapped.of(array) or Held(array)


def _three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    count, rows, columns = shape
    return count, rows, columns


def strides_of(
    shape: tuple[int, ...], dtype: np.dtype[Any], order: Literal["C", "F"]
) -> tuple[int, ...]:
    """Return the bytes from one item to the next, by each axis, of an array without gaps."""
    axes = range(len(shape))
    inner = [shape[:axis] if order == "F" else shape[axis + 1 :] for axis in axes]
    return tuple(dtype.itemsize * prod(sides) for sides in inner)


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


def let_go(array: npt.NDArray[Any], *, others: bool = True) -> None:
    """Drop the pages of a mapped file, which would stay in memory until all of it is there.

    Parameters
    ----------
    others
        Whether to drop all of its pages, and not only those that the array lies in, which is
        better where other threads are reading it.
    """
    base = mapped(array)
    # A copy-on-write mapping ("c") would lose what was changed in it; a shared one is the file.
    if isinstance(base, np.memmap) and base.mode in ("r", "r+", "w+"):
        mapping: Any = getattr(base, "_mmap", None)
        if hasattr(mapping, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
            start, stop = (0, len(mapping)) if others else _place(array, mapping)
            with suppress(OSError):  # locked pages stay
                mapping.madvise(mmap.MADV_DONTNEED, start, stop - start)


def _place(array: npt.NDArray[Any], mapping: mmap.mmap) -> tuple[int, int]:
    """Return from where to where a mapping has the pages of an array."""
    low, high = _bounds(array)
    first = np.frombuffer(mapping, np.uint8).ctypes.data
    start = max(0, low - first - AROUND)
    return start - start % mmap.PAGESIZE, high - first


def _bounds(array: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the addresses of an array's first byte, and after its last one."""
    reach = [stride * (side - 1) for stride, side in zip(array.strides, array.shape, strict=True)]
    first = array.ctypes.data
    low = first + sum(step for step in reach if step < 0)
    return low, first + sum(step for step in reach if step > 0) + array.itemsize
