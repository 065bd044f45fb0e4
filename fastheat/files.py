"""Files of frames: which kind a path is, and its arrays, read as they are asked for."""

from __future__ import annotations

import os
import pickle
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastheat import unpickle
from fastheat.archives import Archive, open_archive
from fastheat.stores import Mapped, Pieces, Seen, Source, mapped, naming, strides_of

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
    with naming(path):
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
            return open_archive(path)
        if path.suffix.lower() in _PICKLES or magic[:1] == pickle.PROTO:
            return _load_pickle(path, defer)
        accepted = ", ".join((".npy", ".npz", *_PICKLES))
        raise ValueError(f"not a file of frames, expected the content of {accepted}")


def _load_pickle(path: Path, defer: bool) -> Any:
    with path.open("rb") as file:
        seen = Seen.of(path, file)
        frames = unpickle.load(file, defer=defer)
        if file.read(1):
            return Dumps(path)
    if isinstance(frames, dict):
        if not frames:
            raise ValueError("a dict with no keys, expected frames")
        stacks = {name: _unpickled(seen, each) for name, each in frames.items()}
        return stacks if len(stacks) > 1 else next(iter(stacks.values()))
    return _unpickled(seen, frames)


def _unpickled(seen: Seen, frames: Any) -> Any:
    if isinstance(frames, unpickle.Stored) or (
        isinstance(frames, (list, tuple, deque)) and any(map(_is_stored, frames))
    ):
        return Pickled(seen, frames)
    if not isinstance(frames, (np.ndarray, list, tuple, deque)):
        raise ValueError(f"the pickle holds a {type(frames).__name__}, expected an array or list")
    return frames


def _is_stored(frame: object) -> bool:
    """Return whether a frame, or any of its matrices, is still in the file."""
    if isinstance(frame, dict):
        return any(isinstance(part, unpickle.Stored) for part in frame.values())
    return isinstance(frame, unpickle.Stored)


@dataclass(frozen=True, slots=True)
class Pickled:
    """The frames of a pickle whose arrays are read as they are asked for."""

    seen: Seen  # the file as it was unpickled
    frames: Any  # one `Stored` stack, or a sequence of `Stored` and of frames of other kinds

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Any]:
        with self.seen.open() as file:
            for frame in self.frames:
                yield self.read(frame, file)

    def read(self, frame: Any, file: BinaryIO) -> Any:
        if isinstance(frame, dict):
            return {name: self.read(part, file) for name, part in frame.items()}
        if not isinstance(frame, unpickle.Stored):
            return frame
        array = frame.read(file)
        self.seen.check(file)
        return array

    def source(self) -> Source | None:
        """Return what reads any of the frames, None where some are in memory or unlike."""
        if isinstance(self.frames, unpickle.Stored):
            stack = self.frames
            if stack.ndim != 3:
                return None
            strides = strides_of(stack.shape, stack.dtype, stack.order)
            return Mapped(self.seen, stack.offset, stack.dtype, stack.shape, strides)
        kinds = {_kind_of(frame) for frame in self.frames}
        if len(kinds) != 1 or None in kinds:
            return None
        offsets = np.array([frame.offset for frame in self.frames])
        first = self.frames[0]
        return Pieces(self.seen, offsets, first.dtype, first.shape, first.order)


def _kind_of(frame: object) -> tuple[Any, ...] | None:
    """Return how a matrix lies in the file, None where it does not."""
    if not isinstance(frame, unpickle.Stored) or frame.ndim != 2:
        return None
    return frame.shape, frame.dtype, frame.order


@dataclass(frozen=True, slots=True)
class Dumps:
    """The frames of a file to which each was dumped in turn."""

    path: Path

    def __iter__(self) -> Iterator[Any]:
        with naming(self.path), self.path.open("rb") as file:
            number = 0
            while file.peek(1):
                try:
                    frame = unpickle.load(file)
                except pickle.UnpicklingError as error:
                    raise ValueError(f"object {number}: {error}") from error
                yield frame
                del frame
                number += 1


def file_of(frames: object) -> Path | None:
    """Return the file that frames are read from, None where there is none or it is not known."""
    if isinstance(frames, (Pickled, Archive)):
        return frames.seen.path
    if isinstance(frames, Dumps):
        return frames.path
    if isinstance(frames, Mapping):
        return next(filter(None, map(file_of, frames.values())), None)
    for each in frames if isinstance(frames, (list, tuple)) else [frames]:
        if (name := getattr(mapped(each), "filename", None)) is not None:
            return Path(name)
    return None
