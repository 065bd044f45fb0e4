"""Anything with frames -> contiguous float64 arrays, a chunk at a time."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from math import prod
from numbers import Real
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fastheat import unpickle
from fastheat.forms import Shape, Shapes, cells_of, form_of, parts_of, shapes_of
from fastheat.masks import hide
from fastheat.messages import short, warn
from fastheat.stores import Source, is_ready, is_source, let_go, mapped, read_frames, source_of
from fastheat.tensors import as_array

FloatArray: TypeAlias = npt.NDArray[np.float64]
# a matrix, or those of the panels
Frame: TypeAlias = "npt.NDArray[Any] | tuple[npt.NDArray[Any], ...]"
Header: TypeAlias = tuple[tuple[int, ...], "np.dtype[Any]"]

_PICKLES = (".obj", ".pkl", ".pickle")
_MOST_CELLS = 1 << 27  # of a nested list: 1 GB of float64
TOGETHER = 1 << 21  # cells of frames that are read at once to become others
KEPT_BYTES = 1 << 26  # of what frames became


def load_frames(source: object) -> Any:
    """Load frames from a file, in a form that `save_gif` takes.

    Parameters
    ----------
    source
        The path of

        - a ``.npy`` file: an array of shape (T, N, M),
        - a ``.npz`` file: one such array, or several of shape (N, M), the frames in stored order,
        - a ``.obj``, ``.pkl`` or ``.pickle`` file: a pickled array or list of frames, a dict with
          one such entry, or frames that were dumped to the file one after another.

        The content decides where the suffix does not. Anything but a path is returned as it is.

    Returns
    -------
    array, list or iterable
        The frames. All but a single pickled object is read from the file as it is iterated over,
        and can be iterated over again.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, is damaged, or holds anything else. A pickle that asks for more
        than arrays, numbers and containers is refused, and nothing in it is run.
    """
    return _load(source, defer=False)


def _load(source: object, *, defer: bool) -> Any:
    if not isinstance(source, (str, os.PathLike)):
        return source
    path = Path(os.fsdecode(source))
    with _naming(path):
        if path.exists() and not path.is_file():
            kind = "directory" if path.is_dir() else "special file"
            raise ValueError(f"a {kind}, expected a file with frames")
        with path.open("rb") as file:
            magic = file.read(6)
        if not magic:
            raise ValueError("the file is empty")
        if magic == b"\x93NUMPY":
            return np.lib.format.open_memmap(path, mode="r")
        if magic[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return _open_archive(path)
        if path.suffix.lower() in _PICKLES or magic[:1] == pickle.PROTO:
            return _load_pickle(path, defer)
        accepted = ", ".join((".npy", ".npz", *_PICKLES))
        raise ValueError(f"not a file of frames, expected the content of {accepted}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged files make zipfile, zlib and numpy raise almost anything
        reason = error.strerror if isinstance(error, OSError) and error.strerror else _line(error)
        raise ValueError(f"cannot read {path}: {reason}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__


def _load_pickle(path: Path, defer: bool) -> Any:
    with path.open("rb") as file:
        stamp = _stamp(file)
        frames = unpickle.load(file, defer=defer)
        if file.read(1):
            return _Dumps(path)
    if isinstance(frames, dict):
        if not frames:
            raise ValueError("a dict with no keys, expected frames")
        stacks = {name: _unpickled(path, stamp, each) for name, each in frames.items()}
        return stacks if len(stacks) > 1 else next(iter(stacks.values()))
    return _unpickled(path, stamp, frames)


def _unpickled(path: Path, stamp: tuple[int, ...], frames: Any) -> Any:
    if isinstance(frames, unpickle.Stored) or (
        isinstance(frames, (list, tuple, deque)) and any(map(_is_stored, frames))
    ):
        return _Pickled(path, stamp, frames)
    if not isinstance(frames, (np.ndarray, list, tuple, deque)):
        raise ValueError(f"the pickle holds a {type(frames).__name__}, expected an array or list")
    return frames


def _is_stored(frame: object) -> bool:
    """Return whether a frame, or any of its matrices, is still in the file."""
    if isinstance(frame, dict):
        return any(isinstance(part, unpickle.Stored) for part in frame.values())
    return isinstance(frame, unpickle.Stored)


def _stamp(file: BinaryIO) -> tuple[int, ...]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _keys(mapping: Mapping[Any, Any]) -> str:
    names = [ascii(key)[:40] if isinstance(key, (str, int, float)) else "..." for key in mapping]
    return "keys " + ", ".join(names[:8] + ["..."] * (len(names) > 8)) if names else "no keys"


@dataclass(frozen=True, slots=True)
class _Pickled:
    """The frames of a pickle whose arrays are read as they are asked for."""

    path: Path
    stamp: tuple[int, ...]  # of the file when it was unpickled
    frames: Any  # one `Stored` stack, or a sequence of `Stored` and of frames of other kinds

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Any]:
        with _naming(self.path), self.path.open("rb") as file:
            for frame in self.frames:
                yield self.read(frame, file)

    def read(self, frame: Any, file: BinaryIO) -> Any:
        if isinstance(frame, dict):
            return {name: self.read(part, file) for name, part in frame.items()}
        if not isinstance(frame, unpickle.Stored):
            return frame
        array = frame.read(file)
        if _stamp(file) != self.stamp:
            raise ValueError("the file changed after it was opened")
        return array


@dataclass(frozen=True, slots=True)
class _Dumps:
    """The frames of a file to which each was dumped in turn."""

    path: Path

    def __iter__(self) -> Iterator[Any]:
        with _naming(self.path), self.path.open("rb") as file:
            number = 0
            while file.peek(1):
                try:
                    frame = unpickle.load(file)
                except pickle.UnpicklingError as error:
                    raise ValueError(f"object {number}: {error}") from error
                yield frame
                del frame
                number += 1


@dataclass(frozen=True, slots=True)
class _Archive:
    """The frames of an .npz file, read as they are asked for."""

    path: Path
    names: tuple[str, ...]
    headers: tuple[Header, ...]  # of each frame, or one for them all
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        with _naming(self.path), zipfile.ZipFile(self.path) as archive:
            for name in self.names:
                with archive.open(name) as member:
                    yield from _read_member(member)


def _open_archive(path: Path) -> _Archive | dict[str, _Archive]:
    headers: dict[str, Header] = {}
    with zipfile.ZipFile(path) as archive:
        others = [name for name in archive.namelist() if not name.endswith(".npy")]
        for name in archive.namelist():
            if name.endswith(".npy"):
                with archive.open(name) as member:
                    shape, _, dtype = _read_header(member)
                    headers[name] = shape, dtype
    shapes = [shape for shape, _ in headers.values()]
    if not others and len(shapes) == 1 and len(shapes[0]) == 3:
        ((shape, dtype),) = headers.values()
        return _Archive(path, tuple(headers), ((shape[1:], dtype),) * min(shape[0], 1), shape[0])
    if not others and shapes and all(len(shape) == 2 for shape in shapes):
        return _Archive(path, tuple(headers), tuple(headers.values()), len(headers))
    if not others and shapes and {3} <= {len(shape) for shape in shapes} <= {1, 3}:
        return {
            name[:-4]: _Archive(path, (name,), ((shape[1:], dtype),) * min(shape[0], 1), shape[0])
            for name, (shape, dtype) in headers.items()
        }
    found = [f"{name[:-4][:40]!a} {shape}" for name, (shape, _) in headers.items()]
    found += [ascii(name[:40]) for name in others]
    raise ValueError(
        f"the archive holds {', '.join(found[:8] + ['...'] * (len(found) > 8)) or 'nothing'}, "
        "expected arrays of shape (T, N, M) or several of shape (N, M)"
    )


def _read_header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        header = np.lib.format.read_array_header_2_0(member)
    else:  # 3.0 is for field names in Unicode, which no array of numbers has
        raise ValueError(f"npy format {version}, expected (1, 0) or (2, 0)")
    shape, fortran, dtype = header
    if shape and min(shape) < 0:
        raise ValueError(f"an array of shape {shape}, expected no negative sides")
    return shape, fortran, dtype


def _read_member(member: IO[bytes]) -> Iterator[npt.NDArray[Any]]:
    shape, fortran, dtype = _read_header(member)
    if len(shape) == 2:
        shape = (1, *shape)
    # In Fortran order the cells of a frame lie apart, so the frames can only be read together.
    together = max(shape[0], 1) if fortran else 1
    block = (together, *shape[1:])
    for _ in range(0, shape[0], together):
        # Read first: the header may claim any size, and only what is there is allocated.
        size = int(np.prod(block, dtype=object)) * dtype.itemsize
        raw = member.read(size)
        if len(raw) != size:
            raise ValueError(f"{member.name} ends before its {shape[0]} frames do")
        yield from np.ndarray(block, dtype, buffer=raw, order="F" if fortran else "C")
    if member.read(1):
        raise ValueError(f"{member.name} goes on after its {shape[0]} frames")


class Converters(Protocol):
    """Those of frames of several matrices."""

    @property
    def parts(self) -> Mapping[str, Converter | None]:
        """Of each matrix by its name, None where it is drawn as it is."""

    @property
    def cells(self) -> dict[str, Shape]:
        """Rows and columns of those that are drawn."""


class Converter(Protocol):
    """Makes matrices that are drawn of those that are read."""

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of those that are drawn."""

    def into(self, floats: Floats, out: FloatArray, block: npt.NDArray[Any], number: int) -> None:
        """Fill `out`, (t, n, m), from frames."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of one shape, as float64, a chunk at a time.

    Attributes
    ----------
    shape
        (N, M), the rows and columns of a frame; of each of its matrices by their names, where it
        has several.
    dtype
        The common dtype of all frames in the source; of the first one, if the others are not known.
        The form of frames of several matrices, see `forms`.
    length
        How many frames there are, None if that is not known.
    rereadable
        Whether `chunks` may be called more than once.
    file
        The file that they come from, None if there is none or it is not known.
    source
        What reads any of them at any time, before `through` makes others of them; None where they
        can only be taken in order. `stores.read_frames` reads it, and `stores.is_local` says
        whether other processes cannot.
    """

    shape: Shapes
    dtype: np.dtype[Any]
    length: int | None
    rereadable: bool
    _read: Callable[[int, Any], Iterator[FloatArray]]  # with a Converter, Converters or None
    file: Path | None = None
    source: Source | None = None

    def chunks(self, size: int) -> Iterator[FloatArray]:
        """Read every frame once, in order.

        Parameters
        ----------
        size
            The most frames of a chunk.

        Returns
        -------
        iterator of array, shape (t, N, M), or (t, C) of several matrices one after the other
            C-contiguous, t = `size` in all but the last, and not to be written to: they may be the
            source's own. Masked cells are NaN.

        Raises
        ------
        ValueError, TypeError
            At a frame that is not one; or if the frames can be read only once, and were.

        Warns
        -----
        UserWarning
            Once, if a number changes its value as float64.
        """
        if size < 1:
            raise ValueError(f"size is {size}, expected at least 1 frame")
        return self._read(size, None)

    def through(self, converter: Converter | Converters) -> Frames:
        """Return the same frames, each made another by a converter before all of it is float64.

        What they become is kept for a second reading where that takes few bytes.
        """
        kept: dict[int, list[FloatArray]] = {}  # chunks of a size

        def read(size: int, _: object) -> Iterator[FloatArray]:
            if size in kept:
                yield from kept[size]
                return
            chunks: list[FloatArray] = []
            room = KEPT_BYTES if self.rereadable else 0
            for chunk in self._read(size, converter):
                room -= chunk.nbytes
                if room >= 0:
                    chunks.append(chunk)
                else:
                    chunks.clear()
                yield chunk
            if room >= 0:
                kept[size] = chunks

        return replace(self, shape=converter.cells, _read=read)

    def count(self) -> int:
        """Return how many frames there are, if need be by reading all of them."""
        return self.length if self.length is not None else sum(map(len, self.chunks(1)))


def open_frames(frames: object, panels: Mapping[str, Shape] | None = None) -> Frames:
    """Check frames of any kind, and make them readable in one way.

    Nothing is collected: arrays and lists are converted chunk by chunk, and iterators are read as
    they are asked for, starting with one frame here.

    Parameters
    ----------
    frames
        An array of shape (T, N, M), or anything with its ``shape``, slices and ``__array__``; a
        `Source`; a sequence or iterable of array-likes of shape (N, M); or a path, see
        `load_frames`, whose arrays are left in the file where that is possible. `Frames` are
        returned as they are. Frames of several matrices are dictionaries of them, or one dictionary
        of arrays (T, N, M).
    panels
        The matrices of a frame, (N, M) by their names; then frames may be tuples in this order.

    Returns
    -------
    Frames

    Raises
    ------
    ValueError
        If there are no frames, or their shapes are not two-dimensional, not empty and all equal.
    TypeError
        If something is no array of real numbers.
    """
    if isinstance(frames, Frames):
        return frames
    named = Path(os.fsdecode(frames)) if isinstance(frames, (str, os.PathLike)) else None
    frames = _load(frames, defer=True)
    floats = Floats()
    if isinstance(frames, Mapping) and (frames or panels):
        return replace(_open_stacks(frames, panels), file=named or file_of(frames))
    if panels is not None:
        if len(panels) == 1 and getattr(frames, "ndim", 3 * isinstance(frames, _Archive)) == 3:
            return replace(_open_stacks({next(iter(panels)): frames}, panels), file=named)
        return replace(_open_each(frames, floats, panels), file=named or file_of(frames))
    if isinstance(frames, _Pickled) and isinstance(frames.frames, unpickle.Stored):
        _check_stack(frames.frames.shape)
    if is_source(frames):
        return _open_source(frames, floats)
    if all(hasattr(frames, name) for name in ("shape", "__array__", "__getitem__")):
        return replace(_open_stack(frames, floats), file=named or file_of(frames))
    iterable = hasattr(frames, "__iter__") or hasattr(frames, "__getitem__")
    unordered = isinstance(frames, (Mapping, Set, bytes, bytearray, type))
    if unordered or not (iterable or hasattr(frames, "__array__")):
        what = f" with {_keys(frames)}" if isinstance(frames, Mapping) else ""
        raise TypeError(
            f"frames is of type {type(frames).__name__}{what}, expected an array (T, N, M), "
            "a sequence or iterable of arrays (N, M), or a path"
        )
    if not iterable:
        return _open_stack(array_of(frames, 0), floats)
    return replace(_open_each(frames, floats), file=named or file_of(frames))


def _open_stack(frames: Any, floats: Floats) -> Frames:
    shape = tuple(frames.shape)
    _check_stack(shape)
    dtype = frames.dtype if isinstance(frames.dtype, np.dtype) else array_of(frames[:1], 0).dtype
    check_frame(0, shape[1:], dtype)
    if isinstance(frames, np.ndarray):
        return _open_source(source_of(frames), floats)

    def take(start: int, stop: int) -> npt.NDArray[Any]:
        return array_of(frames[start:stop], start)

    return _stacked(shape, dtype, take, floats)


def _open_source(source: Source, floats: Floats) -> Frames:
    shape = tuple(map(int, source.shape))
    _check_stack(shape)
    dtype = _dtype_of(source)
    check_frame(0, shape[1:], dtype)

    def take(start: int, stop: int) -> npt.NDArray[Any]:
        block = read_frames(source, start, stop)
        _check_dtype(start, block.dtype, dtype)
        return block

    path = getattr(source, "path", None)
    file = path if isinstance(path, Path) else None
    return replace(_stacked(shape, dtype, take, floats), file=file, source=source)


def _dtype_of(source: Source) -> np.dtype[Any]:
    """Return the dtype of what a source reads, as numpy has it."""
    try:
        return as_array(np.empty(0, source.dtype)).dtype
    except TypeError:
        raise TypeError(
            f"expected the source's dtype to be one of numpy, not {short(source.dtype)}"
        ) from None


def _stacked(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    take: Callable[[int, int], npt.NDArray[Any]],
    floats: Floats,
) -> Frames:
    """Open (T, N, M) of which `take` reads any frames."""

    def read(size: int, converter: Converter | None) -> Iterator[FloatArray]:
        if converter is not None:
            yield from through(size, converter)
            return
        for start in range(0, shape[0], size):
            stop = min(start + size, shape[0])
            block = take(start, stop)
            if is_ready(block, np.float64):
                yield block
                continue
            out = np.empty((stop - start, *shape[1:]))
            floats.into(out, block, start)
            let_go(block)
            yield out

    def through(size: int, converter: Converter) -> Iterator[FloatArray]:
        most = max(1, TOGETHER // (shape[1] * shape[2]))
        for start in range(0, shape[0], size):
            out = np.empty((min(size, shape[0] - start), *converter.cells))
            for first in range(0, len(out), most):
                part = out[first : first + most]
                block = take(start + first, start + first + len(part))
                converter.into(floats, part, block, start + first)
                let_go(block)
            yield out

    return Frames((int(shape[1]), int(shape[2])), dtype, int(shape[0]), True, read)


def _open_stacks(stacks: Mapping[Any, Any], panels: Mapping[str, Shape] | None) -> Frames:
    """Open a stack of matrices for each panel."""
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
        raise ValueError(f"expected as many frames of each panel, not {found}")
    shapes: dict[str, Shape] = {}
    for name, each in opened.items():
        with of_panel(name):
            if isinstance(each.shape, dict):
                raise TypeError("expected an array (T, N, M), not a dictionary")
            _check_panel(0, each.shape, None if panels is None else panels[name])
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
            count = max(map(len, parts.values()), default=0)
            for name in names:
                if count and (name not in parts or len(parts[name]) < count):
                    raise ValueError(f"expected frame {done + count - 1} of {name!r} too")
            if not count:
                return
            flat = [parts[name].reshape(count, -1) for name in names]
            yield np.concatenate(flat, axis=1, out=np.empty((count, cells)))
            done += count

    return Frames(
        shapes,
        form_of(shapes, [each.dtype for each in opened.values()]),
        next(iter(lengths.values()), None),
        all(each.rereadable for each in opened.values()),
        read,
    )


def _is_line(name: str, stack: object, panels: Mapping[str, Shape] | None) -> bool:
    """Return whether a stack is one of scalars."""
    if panels is not None:
        return panels[name] == ()
    shape: Any = getattr(stack, "shape", None)
    if isinstance(stack, Real) or shape == ():
        return True
    if isinstance(stack, _Archive):
        return stack.headers[:1] != () and stack.headers[0][0] == ()
    if shape is None and isinstance(stack, (list, tuple)) and stack:
        return isinstance(stack[0], Real)
    return shape is not None and len(shape) == 1


def _open_scalars(values: object) -> Frames:
    """Open numbers, one a frame."""
    array = array_of(list(values) if isinstance(values, (_Archive, deque)) else values, 0)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "biuf":
        raise TypeError(f"expected a number for each frame, not {array.dtype} of {array.shape}")
    scalars = array.astype(np.float64)

    def read(size: int, _: object) -> Iterator[FloatArray]:
        for start in range(0, len(scalars), size):
            yield scalars[start : start + size]

    nothing: Any = ()  # rows and columns of a number
    return Frames(nothing, np.dtype(np.float64), len(scalars), True, read)


@contextmanager
def of_panel(name: str) -> Iterator[None]:
    """Put the panel before what is wrong with its matrix."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"panel {name!r}: {error}") from error


def _names_of(frame: Mapping[Any, Any], panels: Mapping[str, Shape] | None) -> tuple[str, ...]:
    """Return the names of the panels in their order; a dictionary has to have them all."""
    names = tuple(panels or ())
    if panels is None:  # numbers stand behind the matrices
        lines = {name for name in check_names(frame) if _is_line(name, frame[name], None)}
        names = tuple(sorted(frame, key=lines.__contains__))
    if set(frame) != set(names):
        raise ValueError(
            f"expected matrices with {_keys(dict.fromkeys(names))}, not {_keys(frame)}"
        )
    return names


def check_names(names: Iterable[Any]) -> list[str]:
    """Refuse what are no names of panels."""
    checked = []
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"expected names of panels to be text, not {short(name)}")
        if not name:
            raise ValueError("expected names of panels, not ''")
        checked.append(name)
    return checked


def check_part(number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what is neither a matrix nor a number."""
    if shape or dtype.kind not in "biuf":
        check_frame(number, shape, dtype)


def _check_panel(number: int, shape: Shape, expected: Shape | None) -> None:
    if expected is not None and tuple(shape) != tuple(expected):
        raise ValueError(f"frame {number} has shape {tuple(shape)}, expected {tuple(expected)}")


def matrices_of(frame: Any, names: Sequence[str], number: int) -> list[npt.NDArray[Any]]:
    """Return the matrices of a frame, in the order of the panels."""
    arrays = []
    for name, part in zip(names, parts_in(frame, names, number), strict=True):
        with of_panel(name):
            arrays.append(array_of(part, number))
    return arrays


def parts_in(frame: Any, names: Sequence[str], number: int) -> list[Any]:
    """Return what a frame has for each panel, in their order."""
    if isinstance(frame, Mapping):
        if set(frame) != set(names):
            raise ValueError(
                f"frame {number} has {_keys(frame)}, expected {_keys(dict.fromkeys(names))}"
            )
        return [frame[name] for name in names]
    if not isinstance(frame, (list, tuple, np.ndarray)):
        raise TypeError(
            f"frame {number} is of type {type(frame).__name__}, expected a dictionary or a tuple "
            f"of {len(names)} matrices"
        )
    if len(frame) != len(names):
        raise ValueError(
            f"frame {number} has {len(frame)} matrices, expected {len(names)}: "
            f"{', '.join(map(repr, names))}"
        )
    return list(frame)


def _open_bundles(
    frames: Iterable[Any],
    iterate: Callable[[], Iterator[Any]],
    length: int | None,
    rereadable: bool,
    floats: Floats,
    panels: Mapping[str, Shape] | None,
) -> Frames:
    """Open frames of several matrices each; of `frames` the shapes and dtypes are looked at."""
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
                _check_panel(number, shape, expected)
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
                _check_panel(number, array.shape, shape)
                _check_dtype(number, array.dtype, dtype)
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
    """Yield chunks of as many frames, each filled at once with its number.

    At once, since a training loop may yield the same array again with the next values in it.
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
        if filled:  # the frames before the one that failed are good
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


def _check_dtype(number: int, dtype: np.dtype[Any], expected: np.dtype[Any]) -> None:
    if not np.can_cast(dtype, expected, "safe"):
        # the number would read as another, and have another bin
        raise TypeError(f"frame {number} has dtype {dtype}, expected {expected} as frame 0")


def _open_each(frames: Any, floats: Floats, panels: Mapping[str, Shape] | None = None) -> Frames:
    length = len(frames) if hasattr(frames, "__len__") else None
    rereadable = True
    headers: Iterable[Header]
    if length is not None and hasattr(frames, "__getitem__"):

        def iterate() -> Iterator[Any]:
            return map(frames.__getitem__, range(length))
    else:

        def iterate() -> Iterator[Any]:
            return iter(frames)

    if isinstance(frames, _Archive):
        headers = frames.headers
    elif isinstance(frames, (list, tuple, deque, _Pickled)):
        each = frames.frames if isinstance(frames, _Pickled) else frames
        if panels is not None or isinstance(next(iter(each), None), Mapping):
            return _open_bundles(each, iterate, length, True, floats, panels)
        headers = (_header(frame, number) for number, frame in enumerate(each))
    else:  # the others may be expensive to read, or gone when read
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
    # Unlike itertools.chain, this does not keep the first frame until the last one.
    yield first.pop()
    yield from others


class _Once:
    """An iterator that says so when it is asked for again, rather than being empty."""

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
        _check_dtype(number, array.dtype, dtype)
        _convert(array, out, number, floats, converter)
        let_go(array)

    return _in_chunks(frames, size, shape if converter is None else converter.cells, fill)


def file_of(frames: object) -> Path | None:
    """Return the file that frames are read from, None where there is none or it is not known."""
    if isinstance(frames, (_Pickled, _Dumps, _Archive)):
        return frames.path
    if isinstance(frames, Mapping):
        return next(filter(None, map(file_of, frames.values())), None)
    for each in frames if isinstance(frames, (list, tuple)) else [frames]:
        if (name := getattr(mapped(each), "filename", None)) is not None:
            return Path(name)
    return None


def _header(frame: object, number: int) -> Header:
    array = frame if isinstance(frame, unpickle.Stored) else array_of(frame, number)
    return array.shape, array.dtype


def array_of(frame: object, number: int) -> npt.NDArray[Any]:
    """Return a frame as an array, which may be its own memory; errors name its number."""
    stack: Any = as_array
    if isinstance(frame, (list, tuple)):
        _check_rows(frame, number)
        if any(isinstance(row, np.ma.MaskedArray) for row in frame):
            stack = np.ma.stack
    try:
        return stack(frame)  # type: ignore[no-any-return]
    except Exception as error:  # whatever a foreign __array__ raises
        what = type(frame).__name__
        raise TypeError(
            f"frame {number} ({what}) is no array of numbers: {_line(error)}"
        ) from error


def _check_rows(frame: list[Any] | tuple[Any, ...], number: int) -> None:
    # Before numpy looks: it searches 64 levels, which takes for ever where lists share their items.
    widths = {len(row) for row in frame if hasattr(row, "__len__")}
    if len(widths) > 1:
        few, many = min(widths), max(widths)
        raise ValueError(
            f"frame {number} has rows of {few} and of {many} cells, expected all alike"
        )
    if widths and len(frame) * max(widths) > _MOST_CELLS:
        raise ValueError(
            f"frame {number} is a list of {len(frame)} x {max(widths)} cells, expected an array"
        )
    if any(
        any(isinstance(cell, (list, tuple, dict)) for cell in row)
        if isinstance(row, (list, tuple))
        else getattr(row, "ndim", 1) > 1
        for row in frame
    ):
        raise ValueError(f"frame {number} has rows of rows, expected rows of cells")


def _check_stack(shape: tuple[int, ...]) -> None:
    if len(shape) != 3:
        hint = "; for a single frame pass frames[None]" if len(shape) == 2 else ""
        raise ValueError(f"frames has shape {shape}, expected (T, N, M){hint}")
    if shape[0] == 0:
        raise ValueError(f"frames has shape {shape}, expected at least one frame")


def check_frame(
    number: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    expected: tuple[int, ...] | None = None,
) -> None:
    if dtype.kind not in "biuf":
        raise TypeError(f"frame {number} has dtype {dtype}, expected real numbers")
    if len(shape) != 2:
        hint = "; for a single frame pass [frame]" if len(shape) == 1 else ""
        raise ValueError(
            f"frame {number} has shape {shape}, expected rows and columns (N, M){hint}"
        )
    if min(shape) < 1:
        raise ValueError(f"frame {number} has shape {shape}, expected at least one cell")
    if expected is not None and shape != expected:
        raise ValueError(f"frame {number} has shape {shape}, expected {expected} as frame 0")


class Floats:
    """Converts to float64, and warns of the first value that this changes."""

    def __init__(self) -> None:
        self.warned = False

    # out: (t, n, M) float64, block: (t, n, M) of any real dtype, from this row of frames on
    def into(self, out: FloatArray, block: npt.NDArray[Any], number: int, row: int = 0) -> None:
        if block.shape != out.shape:
            raise ValueError(f"frame {number}: shape {block.shape[1:]}, expected {out.shape[1:]}")
        values, mask = np.ma.getdata(block), np.ma.getmask(block)
        with np.errstate(all="ignore"):  # what overflows is found below, a NaN is no news
            out[...] = values
            if not self.warned and values.dtype.itemsize >= 8 and values.dtype != np.float64:
                changed = _changed(values, out) & ~mask
                if changed.any():
                    self.tell(values, out, number, changed, row)
        if mask is not np.ma.nomask:
            hide(out, mask)

    def tell(
        self,
        values: npt.NDArray[Any],
        out: FloatArray,
        number: int,
        changed: npt.NDArray[Any],
        top: int,
    ) -> None:
        self.warned = True
        frame, row, col = (int(axis[0]) for axis in np.nonzero(changed))
        became = float(out[frame, row, col])
        shown = int(became) if values.dtype.kind in "iu" else became
        warn(
            f"frame {number + frame}: {values[frame, row, col]} in cell ({top + row}, {col}) "
            f"becomes {shown} as float64; later such values are not named"
        )


def join_frames(frames: Sequence[Frame], floats: Floats, number: int) -> FloatArray:
    """Return frames as float64, (T, N, M) or (T, C) of panels."""
    first = frames[0]
    if isinstance(first, tuple):
        values = np.empty((len(frames), sum(part.size for part in first)))
        start = 0
        for k, part in enumerate(first):
            stop = start + part.size
            for out, frame in zip(values, frames, strict=True):
                floats.into(out[start:stop].reshape(1, *part.shape), frame[k][None], number)
            start = stop
        return values
    values = np.empty((len(frames), *first.shape))
    floats.into(values, first[None] if len(frames) == 1 else np.stack(frames), number)
    return values


def _changed(values: npt.NDArray[Any], out: FloatArray) -> npt.NDArray[Any]:
    changed: npt.NDArray[Any] = out.astype(values.dtype) != values
    if values.dtype.kind == "f":
        changed &= ~np.isnan(values)
        return changed
    # The largest integers round up to a power of two, and C does not define the way back from it.
    changed |= out >= 2.0 ** (64 if values.dtype.kind == "u" else 63)
    return changed
