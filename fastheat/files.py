"""Files of frames: which kind a path is, and its arrays, read as they are asked for."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat import unpickle
from fastheat.arrays import Header
from fastheat.messages import in_a_line
from fastheat.stores import mapped

_PICKLES = (".obj", ".pkl", ".pickle")


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
    return load(source, defer=False)


def load(source: object, *, defer: bool) -> Any:
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
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else in_a_line(error)
        )
        raise ValueError(f"cannot read {path}: {reason}") from error


def _load_pickle(path: Path, defer: bool) -> Any:
    with path.open("rb") as file:
        stamp = _stamp(file)
        frames = unpickle.load(file, defer=defer)
        if file.read(1):
            return Dumps(path)
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
        return Pickled(path, stamp, frames)
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


@dataclass(frozen=True, slots=True)
class Pickled:
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
class Dumps:
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
class Archive:
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


def _open_archive(path: Path) -> Archive | dict[str, Archive]:
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
        return Archive(path, tuple(headers), ((shape[1:], dtype),) * min(shape[0], 1), shape[0])
    if not others and shapes and all(len(shape) == 2 for shape in shapes):
        return Archive(path, tuple(headers), tuple(headers.values()), len(headers))
    if not others and shapes and {3} <= {len(shape) for shape in shapes} <= {1, 3}:
        return {
            name[:-4]: Archive(path, (name,), ((shape[1:], dtype),) * min(shape[0], 1), shape[0])
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


def file_of(frames: object) -> Path | None:
    """Return the file that frames are read from, None where there is none or it is not known."""
    if isinstance(frames, (Pickled, Dumps, Archive)):
        return frames.path
    if isinstance(frames, Mapping):
        return next(filter(None, map(file_of, frames.values())), None)
    for each in frames if isinstance(frames, (list, tuple)) else [frames]:
        if (name := getattr(mapped(each), "filename", None)) is not None:
            return Path(name)
    return None
