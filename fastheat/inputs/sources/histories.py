"""Whole histories in one file of tensors: a stack (T, N, M), or one matrix for each step."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources import contents
from fastheat.inputs.sources.arrays import NESTED
from fastheat.inputs.sources.checkpoints import open_checkpoint, series_of
from fastheat.inputs.sources.named import SHAPES, listed, pick
from fastheat.inputs.sources.numbering import families
from fastheat.inputs.sources.pickle_globals import Unread
from fastheat.inputs.sources.pickled import Pickled
from fastheat.inputs.sources.pickles import check_read, count_of
from fastheat.inputs.sources.source import FileArray, Seen, Stack, Stored
from fastheat.inputs.sources.tensorfiles import (
    Entry,
    Placed,
    dtype_of,
    entry_of,
    list_safetensors,
)
from fastheat.inputs.sources.tensors import of_bits
from fastheat.inputs.sources.torchfiles import Places, Tensor, load, refusal
from fastheat.messages import many, short

_PER_BYTE, _SPARE = 4, 4_000_000  # values in containers, per byte of the file and in addition
_TIMES = 8  # bytes of tensors in memory per byte of the file, as of 8-bit floats


class Placings(Stack):
    """The frames of a tensor (T, N, M) whose numbers lie in a file."""

    def __init__(self, seen: Seen, placed: Placed) -> None:
        self.seen = seen
        self.path = seen.path
        self.shape = placed.shape
        self.dtype = of_bits(b"", placed.dtype).dtype
        self._placed = placed

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames."""
        with self.seen.open() as file:
            return self._placed.part(start, stop).read(file)


def open_torch(seen: Seen, tensor: str | None) -> Any:
    """Open a file of `torch.save`: a history of matrices, or else a single checkpoint."""
    with seen.open() as file:
        content, places, big = load(file)
        _check_count(content, file.seek(0, os.SEEK_END))
        found = None
        if tensor is None:
            found = contents.history_in(content)
        elif contents.are_records(content) or contents.has(content, tensor):
            value = contents.named(content, tensor)
            if isinstance(value, Unread):
                raise refusal(value.error)
            if contents.are_parts(value):
                value = contents.Frames(value, None, tensor)
            found = value if isinstance(value, contents.Frames) else contents.history_in(value)
        if found is None:
            return open_checkpoint(seen, tensor)
        values = found.values
        if isinstance(values, np.ndarray):
            return values
        if not isinstance(values, Tensor):
            try:
                check_read(values)
            except pickle.UnpicklingError as error:
                raise refusal(error) from None
            numbers = any(map(contents.is_number, values))
            if numbers or not all(isinstance(each, Tensor) and each.ndim < 3 for each in values):
                values = in_memory(file, values, places, big)
                if found.name:
                    values = contents.of_each(found._replace(values=values))
                return values if numbers else Pickled(seen, values, found.steps)
            return series_of([(seen, entry_of(each, places, big)) for each in values], found.steps)
        return frames_of(seen, entry_of(values, places, big))


def _check_count(content: Any, size: int) -> None:
    """Raise ValueError for containers that share their items so often that these take minutes."""
    try:
        count_of(content, _PER_BYTE * size + _SPARE)
    except pickle.UnpicklingError as error:
        raise refusal(error) from None


def in_memory(file: BinaryIO, values: Any, places: Places, big: bool) -> Any:
    """Return containers of tensors with the tensors' numbers, each read once."""
    size = file.seek(0, os.SEEK_END)
    arrays: dict[Tensor, npt.NDArray[Any]] = {}
    copies: dict[int, Any] = {}  # of shared containers
    left = _TIMES * size + _SPARE  # bytes

    def read(value: Any) -> Any:
        nonlocal left
        if isinstance(value, Tensor):
            if value not in arrays:
                entry = entry_of(value, places, big)
                width = dtype_of(entry).itemsize
                left -= width * value.reach if 0 not in value.shape else 0
                if left < 0:
                    raise ValueError(
                        f"its tensors share their numbers: read apart they take over {_TIMES} "
                        "times its size, expected .clone() of each"
                    )
                arrays[value] = (
                    np.empty(value.shape, dtype_of(entry)) if 0 in value.shape else entry.read(file)
                )
            return arrays[value]
        if not isinstance(value, (dict, *NESTED)):
            return value
        if id(value) not in copies:
            if isinstance(value, dict):
                copies[id(value)] = {key: read(each) for key, each in value.items()}
            else:
                copies[id(value)] = (tuple if isinstance(value, tuple) else list)(map(read, value))
        return copies[id(value)]

    return read(values)


def open_tensors(seen: Seen, tensor: str | None) -> Any:
    """Open a file of safetensors: the frames of a tensor (T, N, M), or else a checkpoint."""
    with seen.open() as file:
        entries = list_safetensors(file)
    ranks = {name: len(entry.shape) for name, entry in entries.items()}
    stacks = [name for name, rank in ranks.items() if rank == 3]
    if tensor is None and stacks:
        shapes = {name: entry.shape for name, entry in entries.items()}
        if 2 in ranks.values():
            raise ValueError(
                f"it holds {many(len(stacks), 'tensor')} of shape {SHAPES[3]} and matrices, "
                f"expected tensor= to name one: {listed(shapes, 3)}"
            )
        tensor = pick(shapes, None, 3)
    if ranks.get(tensor or "") == 3:
        return frames_of(seen, entries[str(tensor)])
    matrices = [name for name, rank in ranks.items() if rank == 2]
    found = families(matrices if tensor is None else entries)
    family = found.get(tensor or "") if tensor not in entries else None
    if tensor is None and len(found) == 1:
        (only,) = found.values()
        family = only if only.named and len(only.names) == len(matrices) else None
    if family is not None:
        return series_of([(seen, entries[name]) for name in family.names], family.steps)
    return open_checkpoint(seen, tensor)


def frames_of(seen: Seen, entry: Entry) -> Any:
    """Return the frames of a tensor (T, N, M) of a file."""
    dtype = dtype_of(entry)
    if 0 in entry.shape:
        raise ValueError(f"an array of shape {short(entry.shape)}, expected at least one cell")
    placed = entry.placed
    if placed is None or seen.codec is not None:
        with seen.open() as file:
            return entry.read(file)
    if placed.dtype != dtype.name:
        return Placings(seen, placed)
    dtype = dtype.newbyteorder(">" if placed.big else "<")
    array = FileArray.of(seen, Stored(placed.shape, dtype, "C", placed.offset))
    if placed.strides is None:
        return array
    return replace(array, strides=tuple(step * dtype.itemsize for step in placed.strides))
