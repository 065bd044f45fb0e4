"""Series of checkpoints: one tensor per file, in the order of a number in the files' names."""

from __future__ import annotations

import errno
import glob
import re
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.labelled import aligned
from fastheat.inputs.sources.named import pick
from fastheat.inputs.sources.numbering import in_order
from fastheat.inputs.sources.readers import CHECKPOINTS, Reader, reader_of, reader_of_checkpoint
from fastheat.inputs.sources.source import Loaded, Seen, Stack, naming
from fastheat.inputs.sources.tensorfiles import Entry, dtype_of
from fastheat.messages import short


class Checkpoints(Stack):
    """Frames that are each a tensor of a file of its own, a vector as one row.

    Attributes
    ----------
    name
        That of the tensor in each file.
    rank
        The number of its dimensions, 1 for a vector.
    axes
        The labels of its rows and columns in the first file, or None.
    steps
        The numbers in the files' names, or the keys of matrices in one file; None if there are
        none.
    """

    def __init__(
        self, tensors: Sequence[tuple[Seen, Entry]], name: str, steps: Sequence[Any] | None
    ) -> None:
        _, first = tensors[0]
        self.name = name
        self.steps = steps
        self.shape = len(tensors), *(1, *first.shape)[-2:]
        self.dtype: np.dtype[Any] = dtype_of(first)
        self.axes = first.axes
        self.rank = len(first.shape)
        self._tensors = tensors  # each with its file, as this was when it was opened

    def __getitem__(self, index: int | slice) -> Any:
        """Return a frame, or the series of some of the files."""
        if not isinstance(index, slice):
            return super().__getitem__(index)
        other = copy(self)
        other._tensors = self._tensors[index]
        other.steps = None if self.steps is None else self.steps[index]
        other.shape = len(other._tensors), *self.shape[1:]
        return other

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read the tensor from some of the files."""
        block = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for out, (seen, entry) in zip(block, self._tensors[start:stop], strict=True):
            out[...] = self._in_order(_take(seen, entry), seen, entry)
        return block

    def _in_order(self, matrix: npt.NDArray[Any], seen: Seen, entry: Entry) -> npt.NDArray[Any]:
        """Return the matrix of a file in the order of the labels of the first file."""
        if self.axes is None or entry.axes is None or entry.axes is self.axes:
            return matrix
        return aligned(
            matrix, entry.axes, self.axes, f"the matrix in {seen.path}", "the first file"
        )


def open_checkpoint(seen: Seen, tensor: str | None) -> Checkpoints | Loaded | npt.NDArray[Any]:
    """Open a single file as a series of one checkpoint."""
    return open_checkpoints([seen.path], tensor, given=True)


def open_checkpoints(
    paths: Sequence[Path], tensor: str | None, *, given: bool, told: bool = False
) -> Checkpoints | Loaded | npt.NDArray[Any]:
    """Open the tensor of a name in each of some files, of all of which the headers are read.

    Parameters
    ----------
    paths
        The files.
    tensor
        The name; None where they hold one matrix alone.
    given
        Whether the paths were listed one by one, so that their order is one where their names
        have no number.
    told
        Whether a warning named the files that are left out, as for the tensor before this one.

    Returns
    -------
    Checkpoints, or array
        Where it is a number, those of all files.
    """
    paths, steps = in_order(paths, given=given, told=told)
    tensors: list[tuple[Seen, Entry]] = []
    name = tensor
    for path in paths:
        with naming(path), _opened(path) as file:
            seen, reader = _seen(path, file)
        with seen.open() as file:
            found = reader.list_tensors(file, name)
            name = _name_in(found, name)
            check_alike(found[name], tensors, name)
            entry = found[name]
            if tensors and entry.axes == tensors[0][1].axes:  # held once
                entry = replace(entry, axes=tensors[0][1].axes)
            tensors.append((seen, entry))
    assert name is not None
    return series_of(tensors, steps, name)


def series_of(
    tensors: Sequence[tuple[Seen, Entry]], steps: Sequence[Any] | None, name: str = ""
) -> Checkpoints | Loaded | npt.NDArray[Any]:
    """Return tensors as frames, or numbers as an array; all have to be of one shape and dtype."""
    for number, (_, entry) in enumerate(tensors):
        try:
            check_alike(entry, tensors[:1], name)
        except ValueError as error:
            raise ValueError(f"frame {number}: {error}") from None
    if not tensors[0][1].shape:
        return np.array([_take(*each).reshape(()) for each in tensors])
    seen = tensors[0][0]
    if seen.codec is None or any(other != seen for other, _ in tensors):
        return Checkpoints(tensors, name, steps)
    with seen.open() as file:  # once, and not for each frame
        frames = np.stack([entry.read(file) for _, entry in tensors])
    each = (1, *frames.shape[1:])[-2:]
    return Loaded(seen.path, frames.reshape(len(frames), *each), steps, frames.ndim - 1)


def check_alike(entry: Entry, before: Sequence[tuple[Seen, Entry]], name: str) -> None:
    """Raise ValueError for a tensor that is unlike those before it, or not of numbers."""
    dtype_of(entry)
    seen, first = before[0] if before else (None, entry)
    # a number may be a whole one in some files only
    if entry.shape != first.shape or (entry.shape and entry.dtype != first.dtype):
        what = f"tensor {short(name)}" if name else "the matrix"
        raise ValueError(
            f"{what} is {entry.dtype} {entry.shape}, expected {first.dtype} {first.shape} as in "
            f"{seen and seen.path}"
        )
    own, axes = entry.axes, first.axes
    if seen is not None and own is not None and axes is not None and own != axes:
        aligned(np.broadcast_to(np.zeros(()), entry.shape), own, axes, "the matrix", str(seen.path))


def _opened(path: Path) -> BinaryIO:
    if path.is_dir():
        raise ValueError(f"a directory, expected a file of tensors: {', '.join(CHECKPOINTS)}")
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"a special file, expected one of tensors: {', '.join(CHECKPOINTS)}")
    return path.open("rb")


def _seen(path: Path, file: BinaryIO) -> tuple[Seen, Reader]:
    """Return the state and the reader of an open file of tensors."""
    seen = Seen.of(path, file)
    codec, reader = reader_of(path, file)
    if reader is None or reader.tensors is None:
        raise ValueError(f"not a file of tensors, expected the content of {', '.join(CHECKPOINTS)}")
    return seen._replace(codec=codec), reader


def _take(seen: Seen, entry: Entry) -> npt.NDArray[Any]:
    with seen.open() as file:
        return entry.read(file)


def _name_in(found: dict[str, Entry], tensor: str | None) -> str:
    """Return the name of the requested tensor in a file."""
    if list(found) == [""]:
        if tensor:
            raise ValueError(f"it holds one array without a name, not {short(tensor)}")
        if len(shape := found[""].shape) not in (1, 2) or 0 in shape:
            raise ValueError(f"an array of shape {shape}, expected (N, M)")
        return ""
    return pick({name: entry.shape for name, entry in found.items()}, tensor, 2)


def has_pattern(path: str) -> bool:
    """Return whether a path looks like a glob pattern, and no such file exists."""
    return re.search(r"[*?]|\[.+\]", path) is not None and not Path(path).exists()


def matching(pattern: str) -> list[Path]:
    """Return the paths that match a pattern, sorted; raise FileNotFoundError if there are none."""
    paths = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207
    if not paths:
        raise FileNotFoundError(errno.ENOENT, "No file matches", pattern)
    return sorted(paths)


def files_in(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, which have to be of one kind."""
    found: dict[Reader, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if (reader := reader_of_checkpoint(path)) is not None and path.is_file():
            found.setdefault(reader, []).append(path)
    if not found:
        deeper = next(filter(reader_of_checkpoint, folder.glob("*/*")), None)
        hint = f": give a pattern such as {str(folder / '*' / deeper.name)!r}" if deeper else ""
        raise ValueError(
            f"a directory without {', '.join(CHECKPOINTS)}, expected files with frames{hint}"
        )
    kinds = [each for each in found if not each.beside] or list(found)
    if len(kinds) > 1:
        suffixes = [each.suffixes[0] for each in kinds]
        raise ValueError(
            f"a directory of files of several kinds ({', '.join(suffixes)}), expected one: give a "
            f"pattern such as {str(folder / ('*' + suffixes[0]))!r}"
        )
    return found[kinds[0]]
