"""Frames of pickles, whose arrays are read on access, and matrices of pickled checkpoints."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastheat.inputs.sources import contents, pickles
from fastheat.inputs.sources.arrays import NESTED, array_of
from fastheat.inputs.sources.packed import packed_size
from fastheat.inputs.sources.shapes import as_row
from fastheat.inputs.sources.source import FileArray, Loaded, Pieces, Seen, Source, Stored, naming


def open_pickle(seen: Seen, tensor: str | None, defer: bool) -> Any:
    """Open the frames of a pickle; if `defer`, arrays stay in the file where that is possible."""
    with seen.open() as file:
        return frames_of_pickle(seen, file, tensor, defer)


def frames_of_pickle(seen: Seen, file: BinaryIO, tensor: str | None, defer: bool) -> Any:
    """Return the frames of pickles, of which the first begins at the position of an open file."""
    packed = packed_size(file)
    start = file.tell()
    content = pickles.load(file, defer=defer and packed is None, skip=True, packed=packed)
    if file.read(1):
        if start:
            raise ValueError("damaged: it goes on after its object")
        return _dumped(Dumps(seen, tensor))
    found = contents.choose(content, tensor)
    pickles.check_read(found.values)
    if tensor is not None and not found.name and _is_single(found.values):
        array = found.values.read(file) if _is_stored(found.values) else found.values
        return Loaded.single(seen.path, array)
    if isinstance(found.values, dict) and found.steps is None and _is_panels(found.values):
        return {name: _opened(seen, each) for name, each in found.values.items()}
    return _opened(seen, found)


def _dumped(dumps: Dumps) -> Any:
    """Return frames that were dumped one after another, or the numbers of a line."""
    if dumps.tensor is None or not contents.is_number(next(iter(dumps))):
        return dumps
    return contents.of_each(contents.Frames(list(dumps), None, dumps.tensor))


def _is_single(values: Any) -> bool:
    """Return whether a matrix or vector was found in place of frames."""
    array = isinstance(values, (np.ndarray, Stored)) and values.dtype != object
    return array and values.ndim in (1, 2) and 0 not in values.shape


def _is_panels(values: dict[Any, Any]) -> bool:
    return bool(values) and all(isinstance(each, contents.Frames) for each in values.values())


def _opened(seen: Seen, found: contents.Frames) -> Any:
    frames = found.values
    if found.name:
        if any(map(contents.is_number, frames)):
            with seen.open() as file:
                frames = [each.read(file) if _is_stored(each) else each for each in frames]
        if not any(map(_is_stored, frames)):
            line = contents.of_each(found._replace(values=frames))
            return line if isinstance(line, np.ndarray) else Pickled(seen, line, found.steps)
        frames = [_as_row(each) for each in frames]
    if isinstance(frames, Stored):
        return FileArray.of(seen, frames)
    if isinstance(frames, NESTED) and (found.steps is not None or any(map(_is_stored, frames))):
        return Pickled(seen, frames, found.steps)
    if not isinstance(frames, (np.ndarray, *NESTED)):
        raise ValueError(f"the pickle holds a {type(frames).__name__}, expected an array or list")
    return frames


def _as_row(frame: Any) -> Any:
    if isinstance(frame, Stored):
        return replace(frame, shape=(1, *frame.shape)) if frame.ndim == 1 else frame
    return as_row(frame)


def _is_stored(frame: object) -> bool:
    """Return whether a frame, or any of its matrices, is still in the file."""
    if isinstance(frame, dict):
        return any(isinstance(part, Stored) for part in frame.values())
    return isinstance(frame, Stored)


@dataclass(frozen=True, slots=True)
class Pickled:
    """The frames of a pickle, with arrays that are read from the file on access."""

    seen: Seen  # the file as it was unpickled
    frames: Any  # a sequence, some of whose arrays are `Stored`
    steps: Sequence[Any] | None = None  # the keys of the frames, if these are those of a dictionary

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Any]:
        with self.seen.open() as file:
            for frame in self.frames:
                yield self.read(frame, file)

    def read(self, frame: Any, file: BinaryIO) -> Any:
        if isinstance(frame, dict):
            return {name: self.read(part, file) for name, part in frame.items()}
        if not isinstance(frame, Stored):
            return frame
        array = frame.read(file)
        self.seen.check(file)
        return array

    def source(self) -> Source | None:
        """Return a source of the frames, or None if some are in memory or they differ in kind."""
        first = self.frames[0]
        if not all(isinstance(frame, Stored) for frame in self.frames) or first.ndim != 2:
            return None
        if len({(frame.shape, frame.dtype, frame.order) for frame in self.frames}) > 1:
            return None
        return Pieces(self.seen, np.array([frame.offset for frame in self.frames]), first)


@dataclass(frozen=True, slots=True)
class Dumps:
    """The frames of a file to which they were dumped one after another."""

    seen: Seen
    tensor: str | None = None  # the name of the matrix in each

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.seen.path

    def __iter__(self) -> Iterator[Any]:
        # the file may grow meanwhile, as that of a recording does
        opened = self.path.open("rb") if self.seen.codec is None else self.seen.open()
        with naming(self.path), opened as file:
            number, spare, packed = 0, pickles.Spare(), packed_size(file)
            while file.read(1):
                file.seek(-1, 1)
                try:
                    frame = pickles.load(
                        file, spare=spare, skip=self.tensor is not None, packed=packed
                    )
                    if self.tensor is not None:
                        frame = contents.named(frame, self.tensor)
                        if isinstance(frame, contents.Frames):
                            frame = frame.values
                        pickles.check_read(frame)
                        frame = as_row(frame)
                except (pickle.UnpicklingError, ValueError) as error:
                    raise ValueError(f"object {number}: {error}") from error
                yield frame
                del frame
                number += 1


def matrices_in(content: Any) -> dict[str, Any]:
    """Return the arrays of numbers in the content of a pickle by dotted name; "" is a sole one."""
    if isinstance(content, (np.ndarray, Stored)):
        return {"": content}
    if isinstance(content, NESTED) and contents.kind_of(content) == "matrix":
        return {"": array_of(content, 0)}
    found: dict[str, Any] = {}
    for name, value in contents.entries(content):
        if isinstance(value, (np.ndarray, Stored)):
            found[name] = value
        elif contents.kind_of(value) == "matrix":
            found[name] = array_of(value, 0)
    return found
