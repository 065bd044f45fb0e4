"""Sources: frames that any thread, process or machine can read for itself, in any order."""

from __future__ import annotations

import inspect
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import REAL, converted
from fastheat.inputs.sources.packed import Unpacked, unpacked
from fastheat.messages import in_a_line, printable

AROUND = 1 << 21  # the system may map up to this many bytes in front of the page that was read
SCRATCH = 1 << 20  # bytes read at once into scratch memory if their layout differs from the array's
CHUNK_BYTES = 1 << 26  # of the last chunk's decoded frames, which are kept
GAP = 1 << 13  # the longest gap, in bytes, that is faster to read than to skip
# non-blocking, so that opening does not hang if a pipe has replaced the file
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)


class Source(Protocol):
    """Frames of one shape that can be read in any order.

    A worker that encodes some of the frames reads only these. A source is therefore small and can
    be pickled, and each process opens the underlying file or store itself, at its first read.
    Reads may come in any order, more than once, and from several threads at once.

    A source that only this process can read has a true attribute ``local``, see `is_local`. A
    source may also have ``path``, the path of the file that it reads, and ``steps``, one number per
    frame that titles can show.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape (T, N, M): the number of frames, and the rows and columns of each."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of all frames, or one that can hold all of them."""

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return the frames from `start` up to but not including `stop`.

        Parameters
        ----------
        start, stop
            0 <= start < stop <= T.

        Returns
        -------
        array, shape (stop - start, N, M)
            Real numbers, masked or not. The caller must not write to it: it may be a view, for
            example of a file that the user mapped, whose pages `let_go` drops after use.
        """


def is_source(frames: object) -> TypeGuard[Source]:
    """Return whether an object has the interface of a `Source`."""
    read = getattr(frames, "read", None)
    if isinstance(frames, type) or not callable(read):
        return False
    try:
        inspect.signature(read).bind(0, 1)
    except TypeError:  # another kind of read(), such as that of a file
        return False
    except ValueError:  # no signature, as for functions written in C
        if hasattr(frames, "__array__"):
            return False
    return hasattr(frames, "shape") and hasattr(frames, "dtype")


def is_local(source: Source) -> bool:
    """Return whether only this process can read a source, as is the case for an array in memory."""
    return bool(getattr(source, "local", False))


def read_frames(source: Source, start: int, stop: int) -> npt.NDArray[Any]:
    """Read and check frames of any source; errors name the first frame of the block.

    Returns
    -------
    array, shape (stop - start, N, M)
        Real numbers of one of numpy's own dtypes, masked or not.
    """
    array = converted(source.read(start, stop), start)
    expected = (stop - start, *map(int, source.shape[1:]))
    if array.shape != expected:
        raise ValueError(
            f"frame {start}: read({start}, {stop}) has shape {array.shape}, expected {expected}"
        )
    if array.dtype.kind not in REAL:
        raise TypeError(f"frame {start} has dtype {array.dtype}, expected real numbers")
    return array


class Seen(NamedTuple):
    """Size and modification time of a file when it was opened, to refuse it once it has changed.

    Attributes
    ----------
    path
        The path of the file.
    size
        Its size in bytes.
    modified
        The time of its last modification in ns, or None if that does not matter.
    codec
        The compression of the whole file, see `packed`, or None.
    """

    path: Path
    size: int
    modified: int | None = None
    codec: str | None = None

    @classmethod
    def of(cls, path: Path, file: BinaryIO) -> Seen:
        """Return the state of an open file."""
        status = os.fstat(file.fileno())
        return cls(path.absolute(), status.st_size, status.st_mtime_ns)

    def check(self, file: BinaryIO | int) -> None:
        """Raise ValueError if an open file, or the file of a descriptor, has changed."""
        if isinstance(file, Unpacked):
            return
        now = os.fstat(file if isinstance(file, int) else file.fileno())
        if now.st_size != self.size or self.modified not in (None, now.st_mtime_ns):
            raise ValueError("the file changed after it was opened")

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the file again, decompressed if it is packed; errors inside the block name it."""
        with naming(self.path), self.path.open("rb") as file:
            self.check(file)
            with self.checked(file):
                yield file if self.codec is None else unpacked(file, self.codec)

    @contextmanager
    def checked(self, file: BinaryIO | int) -> Iterator[None]:
        """Check after the block, even a failed one, that the file is unchanged; errors name it."""
        with naming(self.path):
            try:
                yield
            except Exception:
                self.check(file)
                raise
            self.check(file)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Prefix errors inside the block with the name of a file.

    FileNotFoundError passes unchanged, ImportError keeps its type, and all others become
    ValueError.
    """
    beginning = f"cannot read {printable(str(path))}: "
    inside = f"cannot read {printable(str(path.absolute()))}: "
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
        said = (known or in_a_line(error)).removeprefix(inside)
        raise ValueError(f"{beginning}{said}") from error


class Stack:
    """Base class that gives a source the array interface: length, indexing and ``__array__``."""

    shape: Any  # (T, N, M)
    dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return the frames from `start` up to but not including `stop`."""
        raise NotImplementedError

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: int | slice) -> npt.NDArray[Any]:
        """Return one frame, or an array of several."""
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
    """The source of an array in memory, which threads can slice but other processes cannot see."""

    local = True

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Return a view of the frames."""
        return self._array[start:stop]


class Loaded(Held):
    """The frames of a file, in memory.

    Attributes
    ----------
    path
        The file, None if it is not known.
    steps
        The step of each frame, or None.
    rank
        The number of dimensions of what became a frame, 1 for a vector.
    """

    def __init__(
        self,
        path: Path | None,
        frames: npt.NDArray[Any],
        steps: Sequence[Any] | None = None,
        rank: int = 2,
    ) -> None:
        super().__init__(frames)
        self.path = path
        self.steps = steps
        self.rank = rank

    @classmethod
    def single(cls, path: Path | None, array: npt.NDArray[Any]) -> Loaded:
        """Return a matrix or vector as the only frame."""
        return cls(path, array.reshape(1, -1, array.shape[-1]), rank=array.ndim)

    def __getitem__(self, index: int | slice) -> Any:
        """Return a frame, or some of the frames with their steps."""
        if not isinstance(index, slice):
            return super().__getitem__(index)
        steps = None if self.steps is None else self.steps[index]
        return Loaded(self.path, self._array[index], steps, self.rank)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An array that lies in a file, as its header or a pickle describes it.

    That has been validated, so only a later change of the file can make reading fail.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"]
    offset: int  # of the first cell in the file, in bytes

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The size of the array in bytes."""
        return prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, file: BinaryIO) -> npt.NDArray[Any]:
        """Read the array.

        Parameters
        ----------
        file
            The file, still open or opened again. Its position changes.

        Returns
        -------
        array
            Read-only.

        Raises
        ------
        EOFError
            If the file is now too short.
        """
        file.seek(self.offset)
        raw = file.read(self.nbytes)
        if len(raw) != self.nbytes:
            raise EOFError("the file ends before the array does")
        return np.ndarray(self.shape, self.dtype, buffer=raw, order=self.order)


@dataclass(eq=False, repr=False)
class FileArray(Stack):
    """An array in a file, read on demand in every process.

    The file is not memory-mapped, since the system kills a process that touches a mapped page
    beyond the end of a truncated file.

    Attributes
    ----------
    seen
        The file.
    offset
        The offset of the first cell in it, in bytes.
    shape
        (T, N, M) for a stack of frames.
    strides
        The step along each axis, in bytes.
    descriptor
        That of the file if it is already open.
    """

    seen: Seen
    offset: int
    dtype: np.dtype[Any]
    shape: Any
    strides: tuple[int, ...]
    descriptor: int | None = None

    def __post_init__(self) -> None:
        if self.dtype.hasobject:
            raise ValueError(f"an array of dtype {self.dtype}, expected numbers")

    @classmethod
    def of(cls, seen: Seen, stored: Stored) -> FileArray:
        """Return an array whose cells lie side by side in the file."""
        shape, dtype = stored.shape, stored.dtype
        axes = range(len(shape))
        inner = [shape[:axis] if stored.order == "F" else shape[axis + 1 :] for axis in axes]
        strides = tuple(dtype.itemsize * prod(sides) for sides in inner)
        return cls(seen, stored.offset, dtype, shape, strides)

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.seen.path

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return int(self.shape[0])

    def part(self, *index: slice) -> FileArray:
        """Return the part that slices of the leading axes select, without reading it."""
        offset, shape, strides = self.offset, list(self.shape), list(self.strides)
        for axis, each in enumerate(index):
            start, stop, step = each.indices(shape[axis])
            offset += start * strides[axis]
            shape[axis] = len(range(start, stop, step))
            strides[axis] *= step
        return replace(self, offset=offset, shape=tuple(shape), strides=tuple(strides))

    def in_one_frame(self) -> FileArray:
        """Return a matrix as a stack of one frame, without reading it."""
        return replace(self, shape=(1, *self.shape), strides=(0, *self.strides))

    def array(self) -> npt.NDArray[Any]:
        """Read the whole array into new memory."""
        if self.descriptor is None:
            with self.kept_open() as again:
                return again.array()
        out = np.empty(self.shape, self.dtype)
        with self.seen.checked(self.descriptor):
            if out.size:
                _fill(out, self.descriptor, self.offset, self.strides)
        return out

    @contextmanager
    def kept_open(self) -> Iterator[FileArray]:
        """Yield the same array with its file open, for reading it in parts."""
        with naming(self.path):
            descriptor = os.open(self.path, _FLAGS)
        try:
            yield replace(self, descriptor=descriptor)
        finally:
            os.close(descriptor)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames."""
        return self.part(slice(start, stop)).array()

    def __getitem__(self, index: int | slice | tuple[slice, ...]) -> npt.NDArray[Any]:
        """Read one frame or several, or the part selected by a tuple of slices of leading axes."""
        return self.part(*index).array() if isinstance(index, tuple) else super().__getitem__(index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Read the whole array."""
        return np.asarray(self.array(), dtype)


class Mapped(Held):
    """A view of a file that the caller mapped; other processes read the file instead."""

    local = False

    def __init__(self, array: npt.NDArray[Any], elsewhere: FileArray) -> None:
        super().__init__(array)
        self.path = elsewhere.path
        self._elsewhere = elsewhere

    @classmethod
    def of(cls, array: npt.NDArray[Any]) -> Mapped | None:
        """Return the source of a view of a mapped file, or None if others cannot see its data."""
        base = mapped(array)
        if type(array) not in (np.ndarray, np.memmap) or not isinstance(base, np.memmap):
            return None
        mapping: Any = getattr(base, "_mmap", None)
        # changes made through a copy-on-write mapping ("c") are not in the file
        if mapping is None or base.filename is None or base.mode == "c":
            return None
        path = Path(os.fsdecode(base.filename))
        start = np.frombuffer(mapping, np.uint8).ctypes.data
        offset = base.offset - base.offset % mmap.ALLOCATIONGRANULARITY
        try:
            size = path.stat().st_size
        except OSError:  # the file was deleted, but is still mapped here
            return None
        if offset + _bounds(array)[1] - start > size:
            return None
        offset += array.ctypes.data - start
        place = Seen(path, size), offset, array.dtype, array.shape, array.strides
        return cls(array, FileArray(*place))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a `FileArray`, without the mapping."""
        return copy, (self._elsewhere,)


class Pieces(Stack):
    """Matrices that are stored alike in one file, each at its own offset."""

    def __init__(self, seen: Seen, offsets: npt.NDArray[np.int64], first: Stored) -> None:
        self.seen = seen
        self.path = seen.path
        self.shape = (len(offsets), *first.shape)
        self.dtype = first.dtype
        self._offsets = offsets
        self._first = first

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames."""
        block = np.empty((stop - start, *self.shape[1:]), self.dtype)
        with self.seen.open() as file:
            for out, offset in zip(block, self._offsets[start:stop].tolist(), strict=True):
                out[...] = replace(self._first, offset=offset).read(file)
        return block


def in_one_frame(frames: Any) -> Any:
    """Return a matrix, or a vector in chunks, as the only frame, and anything else as it is."""
    if isinstance(frames, Chunked) and len(frames.shape) in (1, 2):
        return Loaded.single(frames.path, frames.take(0, frames.shape[0]))
    if isinstance(frames, FileArray) and frames.ndim == 2:
        return frames.in_one_frame()
    if isinstance(frames, np.ndarray) and frames.ndim == 2 and frames.dtype != object:
        return frames[None]
    return frames


class Chunked(Stack):
    """Base class for frames stored in chunks of several; keeps the last chunk for the next read."""

    path: Path | None
    every = 1  # frames in a chunk
    _block: tuple[int, npt.NDArray[Any]] = (-1, np.empty(0))  # first frame and data of the last one

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the kept chunk."""
        return {name: value for name, value in self.__dict__.items() if name != "_block"}

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames from the underlying array."""
        raise NotImplementedError

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames."""
        # read as much of a chunk as may be kept, so that long chunks are decoded rarely
        fit = CHUNK_BYTES // max(prod(self.shape[1:]) * self.dtype.itemsize, 1)
        count = max(1, min(self.every, fit))
        if stop - start >= count:
            return self.take(start, stop)
        parts = []
        while start < stop:
            row = start - start % self.every
            first = row + (start - row) // count * count
            last = min(first + count, row + self.every, len(self))
            place, block = self._block
            if place != first:
                block = self.take(first, last)
                self._block = first, block
            parts.append(block[start - first : stop - first])
            start = last
        masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
        join: Any = np.ma.concatenate if masked else np.concatenate
        return parts[0] if len(parts) == 1 else join(parts)

    def __getitem__(self, index: int | slice) -> npt.NDArray[Any]:
        """Return one frame, or an array of several, as a writeable copy."""
        return super().__getitem__(index).copy()  # writing must not change the kept chunk

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return all frames as one array."""
        return np.asarray(self.take(0, len(self)), dtype)


# ----------------------------------------------------------------------------- reading with strides


def _fill(out: npt.NDArray[Any], file: int, offset: int, strides: Sequence[int]) -> None:
    """Fill an array from a file; the strides there may be in any order, and negative."""
    steps = list(strides)
    for axis, step in enumerate(strides):
        if step < 0:
            offset += step * (out.shape[axis] - 1)
            steps[axis] = -step
            out = np.flip(out, axis)
    order = sorted(range(out.ndim), key=steps.__getitem__, reverse=True)
    _fill_in_order(out.transpose(order), file, offset, [steps[axis] for axis in order])


def _fill_in_order(out: npt.NDArray[Any], file: int, offset: int, strides: Sequence[int]) -> None:
    """Fill an array from a file in which no axis has a longer stride than the one before it."""
    sides = out.shape
    apart = zip(sides, strides, out.strides, strict=True)
    if out.flags.c_contiguous and all(side == 1 or here == there for side, there, here in apart):
        _read_into(out, file, offset)
        return
    count, step = sides[0], strides[0]
    inner = zip(sides[1:], strides[1:], strict=True)
    one = out.itemsize + sum((side - 1) * stride for side, stride in inner)  # bytes out[0] spans
    if one > SCRATCH or step - one > GAP:
        for k in range(count):
            _fill_in_order(out[k, ...], file, offset + k * step, strides[1:])
        return
    together = 1 + (SCRATCH - one) // step if step else count
    scratch = np.empty((min(together, count) - 1) * step + one, np.uint8)
    for k in range(0, count, together):
        part = out[k : k + together]
        span = scratch[: (len(part) - 1) * step + one]
        _read_into(span, file, offset + k * step)
        part[...] = np.ndarray(part.shape, out.dtype, span, 0, strides)


def _read_into(out: npt.NDArray[Any], file: int, offset: int) -> None:
    """Fill a contiguous array with the bytes of a file from `offset` on."""
    rest = memoryview(out.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    while rest:
        if hasattr(os, "preadv"):
            count = os.preadv(file, [rest], offset)  # no more than 2 GB at a time
        else:  # on Windows; no other thread uses this descriptor
            os.lseek(file, offset, os.SEEK_SET)
            data = os.read(file, min(len(rest), SCRATCH))
            count = len(data)
            rest[:count] = data
        if not count:
            raise EOFError("the file ends before the array does")
        rest = rest[count:]
        offset += count


# ------------------------------------------------------------------------------------------- arrays


def source_of(array: npt.NDArray[Any]) -> Held | Mapped:
    """Return the source of a stack of frames (T, N, M) in memory or in a mapped file."""
    return Mapped.of(array) or Held(array)


def mapped(array: object) -> object:
    """Return the memory map that an array is a view of, or else the last of its bases."""
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return array


def is_ready(array: object, dtype: type[np.generic]) -> TypeGuard[npt.NDArray[Any]]:
    """Return whether kernels can read an array in place: a plain C array that is not mapped."""
    return (
        type(array) is np.ndarray
        and array.dtype == dtype
        and array.dtype.isnative
        and array.flags.carray  # kernels are compiled for writeable arrays
        and mapped(array) is None
    )


def let_go(array: object, *, others: bool = True) -> None:
    """Drop the pages of a file that the caller mapped, which would otherwise fill the memory.

    Parameters
    ----------
    others
        Whether to drop all pages of the mapping. If False, only those that the array lies in are
        dropped, which leaves alone the pages that other threads are reading.
    """
    base = mapped(array)
    # A copy-on-write mapping ("c") would lose its changes; a shared one writes them to the file.
    if not isinstance(array, np.ndarray) or not isinstance(base, np.memmap):
        return
    if base.mode in ("r", "r+", "w+"):
        mapping: Any = getattr(base, "_mmap", None)
        if hasattr(mapping, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
            start, stop = (0, len(mapping)) if others else _place(array, mapping)
            with suppress(OSError):  # locked pages stay
                mapping.madvise(mmap.MADV_DONTNEED, start, stop - start)


def _place(array: npt.NDArray[Any], mapping: mmap.mmap) -> tuple[int, int]:
    """Return the start and end of an array's pages within its mapping, in bytes."""
    low, high = _bounds(array)
    first = np.frombuffer(mapping, np.uint8).ctypes.data
    start = max(0, low - first - AROUND)
    return start - start % mmap.PAGESIZE, high - first


def _bounds(array: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the address of an array's first byte, and the one after its last."""
    reach = [stride * (side - 1) for stride, side in zip(array.strides, array.shape, strict=True)]
    first = array.ctypes.data
    low = first + sum(step for step in reach if step < 0)
    return low, first + sum(step for step in reach if step > 0) + array.itemsize
