"""Frames with keys: pairs, dictionaries by steps, groups of tables, arrays with coordinates."""

from __future__ import annotations

from collections import UserDict, deque
from collections.abc import Collection, ItemsView, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from fastheat.inputs.frames.stream import Frames
from fastheat.inputs.sources.arrays import NESTED
from fastheat.inputs.sources.labelled import is_key, steps_of, text_of
from fastheat.inputs.sources.numbering import are_steps
from fastheat.inputs.sources.shapes import keys_of
from fastheat.messages import short

MATRIX = 2  # dimensions
_DEEPEST = 3  # dimensions of lists that are looked at


class Keyed(NamedTuple):
    """Frames without their keys.

    Attributes
    ----------
    frames
        The frames, or whatever was given if it has no keys.
    steps
        The key of each frame, in order; None without any. Keys of an iterator are known once its
        frame was read.
    name
        What the keys are, such as the name of a dimension; "" if that is not known.
    """

    frames: Any
    steps: Iterable[Any] | None = None
    name: str = ""

    def given(self, opened: Frames) -> Frames:
        """Return opened frames with their keys as steps."""
        if self.steps is None:
            return opened
        return replace(opened, steps=self.steps, step_name=self.name)


def keyed_frames(frames: Any, panels: Collection[str] | None) -> Keyed:
    """Return frames of any kind without their keys, and the keys.

    Parameters
    ----------
    panels
        The names of the matrices of a frame, if they are known.

    Raises
    ------
    ValueError
        If a dictionary may be one frame of several matrices, or several frames.
    """
    if _is_grouped(frames):
        return _of_groups(frames)
    if isinstance(frames, dict | UserDict):
        return _of_dictionary(frames, panels)
    if isinstance(frames, ItemsView):
        frames = list(frames)
    if isinstance(frames, NESTED):
        if not frames or not _is_pair(frames[0]):
            return _of_arrays(frames)
        for number, frame in enumerate(frames):
            _check_pair(frame, number)
        keys = [_key(key) for key, _ in frames]
        return Keyed(_without_keys([each for _, each in frames], keys), steps_of(keys))
    if isinstance(frames, Iterator):
        return _of_iterator(frames)
    dims, coords = getattr(frames, "dims", None), getattr(frames, "coords", None)
    if isinstance(dims, tuple) and len(dims) == _DEEPEST and isinstance(coords, Mapping):  # xarray
        if dims[0] not in coords:
            return Keyed(frames)
        return Keyed(frames, steps_of(coords[dims[0]].values), text_of(dims[0]))
    steps = None if isinstance(frames, type) else getattr(frames, "steps", None)
    return Keyed(frames, steps if isinstance(steps, Sequence | np.ndarray) else None)


def _of_arrays(frames: Sequence[Any]) -> Keyed:
    """Return frames with the coordinate that each has in place of its first dimension, if any."""
    each: list[Any] = [getattr(frame, "coords", None) for frame in frames]
    if not frames or not all(isinstance(coords, Mapping) for coords in each):
        return Keyed(frames)
    known = [name for name, coord in each[0].items() if coord.ndim == 0]
    if not known or not all(known[0] in coords for coords in each):
        return Keyed(frames)
    keys = np.array([coords[known[0]].values for coords in each])
    if keys.ndim > 1 or len(set(keys.tolist())) < len(keys):
        return Keyed(frames)
    return Keyed(frames, steps_of(keys), text_of(known[0]))


def _key(key: Any) -> Any:
    """Return the key of a group, which is a tuple if it is of several columns, or of a list."""
    return key[0] if isinstance(key, tuple) and len(key) == 1 else key


def _is_pair(frame: Any) -> bool:
    """Return True for a pair of a key and a matrix, or several matrices by name."""
    if not isinstance(frame, tuple) or len(frame) != 2:
        return False
    key, matrix = _key(frame[0]), frame[1]
    return (is_key(key) or isinstance(key, str)) and (
        isinstance(matrix, Mapping) or _depth(matrix) >= MATRIX
    )


def _check_pair(frame: Any, number: int) -> None:
    """Raise ValueError for a frame that is no pair although the first one is."""
    if not _is_pair(frame):
        raise ValueError(
            f"frame {number} is a {type(frame).__name__}, expected a pair (key, matrix) as frame 0"
        )


def _depth(value: Any) -> int:
    """Return the number of dimensions of a matrix, as far as that is known without reading it."""
    depth = 0
    while isinstance(value, NESTED) and value and depth < _DEEPEST:
        value, depth = value[0], depth + 1
    ndim = getattr(value, "ndim", None)
    if not isinstance(ndim, int):
        shape = getattr(value, "shape", ())  # polars has no ndim
        ndim = len(shape) if isinstance(shape, tuple) else 0
    return depth + ndim


def _of_iterator(frames: Iterator[Any]) -> Keyed:
    """Return the frames of an iterator whose first item is a pair, and the keys read so far."""
    first = list(islice(frames, 1))
    pairs = bool(first) and _is_pair(first[0])
    again = all_of(first, frames)
    if not pairs:
        return Keyed(again)
    keys: deque[Any] = deque()

    def matrices() -> Iterator[Any]:
        for number, frame in enumerate(again):
            _check_pair(frame, number)
            keys.append(steps_of([_key(frame[0])])[0])
            yield frame[1]

    def steps() -> Iterator[Any]:
        while keys:  # the title of a frame is made once that was read
            yield keys.popleft()

    return Keyed(matrices(), steps())


def all_of(first: list[Any], others: Iterator[Any]) -> Iterator[Any]:
    """Yield the items read first, and all others."""
    # unlike itertools.chain, this does not hold the first frame until the end
    while first:
        yield first.pop(0)
    yield from others


def _of_dictionary(frames: Mapping[Any, Any], panels: Collection[str] | None) -> Keyed:
    keys = list(frames)
    values = list(frames.values())
    depths = set(map(_depth, values))
    if keys and all(map(is_key, keys)):
        if panels is None and depths == {MATRIX + 1}:
            raise ValueError(
                f"expected a matrix for each step, which is what {keys_of(frames)} are, not arrays "
                "of 3 dimensions: give {f'head {key}': array for key, array in frames.items()} for "
                "panels of these names"
            )
        return Keyed(values, steps_of(keys))
    if not keys or not all(isinstance(key, str) for key in keys):
        if depths == {MATRIX}:
            raise ValueError(
                f"expected numbers or dates as keys of frames, not {keys_of(frames)}: give "
                "list(frames.values()) with titles= of a text for each"
            )
        return Keyed(frames)
    bundles = all(isinstance(each, Mapping) for each in values)
    if bundles and are_steps(keys, alone=False) and not set(keys) & set(panels or ()):
        return Keyed(values, keys)
    if MATRIX not in depths or max(depths) > MATRIX:
        return Keyed(frames)
    if panels is None and depths == {MATRIX} and are_steps(keys, alone=True):
        return Keyed(values, keys)
    ways = "[frames] for one frame with a panel for each"
    if panels is None and depths == {MATRIX}:
        ways += ", or list(frames.items()) for one frame after another"
    raise ValueError(
        f"expected frames in order, not one dictionary of matrices with {keys_of(frames)}: give "
        f"{ways}"
    )


# ------------------------------------------------------------------------------------------- groups


def _is_grouped(frames: Any) -> bool:
    """Return whether frames are the groups of a table of pandas, polars or the like."""
    if isinstance(frames, type) or not hasattr(frames, "__iter__"):
        return False
    named = type(frames).__name__.endswith(("GroupBy", "Resampler", "Resample"))
    return named and (hasattr(frames, "agg") or hasattr(frames, "dims"))


def _of_groups(groups: Any) -> Keyed:
    """Return the groups of a table without what they were grouped by."""
    pairs = [(key if isinstance(key, tuple) else (key,), table) for key, table in groups]
    steps = steps_of([_key(key) for key, _ in pairs])
    tables = [table for _, table in pairs]
    if not tables:
        return Keyed(tables)
    if hasattr(tables[0], "dims"):  # of xarray, each with what it was grouped by
        return Keyed([t.squeeze(drop=True) if t.ndim > MATRIX else t for t in tables], steps)
    if not hasattr(tables[0], "columns"):
        raise TypeError(
            "expected groups of a table, not of one of its columns: give the groups of a list of "
            "columns, [['a']] in place of ['a']"
        )
    for step, table in zip(steps, tables, strict=True):
        if not len(table):
            raise ValueError(
                f"group {short(step)} has no rows, expected some in each: group with observed=True"
            )
    by = _grouped_by(groups)
    kept = [name for name in tables[0].columns if name not in by]
    tables = [table[kept] for table in tables]
    return Keyed(_with_common_rows(tables, by) if hasattr(tables[0], "iloc") else tables, steps)


def _without_keys(tables: Sequence[Any], keys: Sequence[Any]) -> Sequence[Any]:
    """Return tables without the column that repeats the key of each, as listed groups have."""
    if len(set(map(text_of, keys))) < 2 or not all(
        hasattr(t, "columns") and hasattr(t, "drop") for t in tables
    ):
        return tables
    pairs = list(zip(tables, keys, strict=True))
    for name in tables[0].columns:
        if all(name in t.columns and bool((t[name] == key).all()) for t, key in pairs):
            return [table[[each for each in table.columns if each != name]] for table in tables]
    return tables


def _grouped_by(groups: Any) -> set[Any]:
    """Return the names of the columns and index levels by which a table was grouped."""
    by = getattr(groups, "keys", None) if hasattr(groups, "level") else getattr(groups, "by", ())
    level = getattr(groups, "level", None)
    names = set()
    for each in _listed(by):
        name = getattr(each, "key", getattr(each, "name", each))  # of a Grouper, or of a column
        meta: Any = getattr(each, "meta", None)
        name = meta.output_name() if hasattr(meta, "output_name") else name  # of polars
        if name is not None and getattr(type(name), "__hash__", None):
            names.add(name)
    for each in _listed(level):
        index = groups.obj.index
        names.add(index.names[each] if isinstance(each, int) else each)
        names.add(_Level(each if isinstance(each, int) else index.names.index(each)))
    return names


class _Level(int):
    """The number of an index level."""


def _listed(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else [value]


def _with_common_rows(tables: Sequence[Any], by: set[Any]) -> list[Any]:
    """Return groups of a table of pandas with the labels of rows that they have in common."""
    names = list(tables[0].index.names)
    own = [
        k for k, name in enumerate(names) if (name is not None and name in by) or k in _levels(by)
    ]
    if 0 < len(own) < len(names):
        tables = [table.droplevel(own) for table in tables]
    labels = [set(table.index) for table in tables]
    if len(tables) > 1 and len(set().union(*labels)) == sum(map(len, labels)):
        return [table.reset_index(drop=True) for table in tables]  # places in the whole table
    return list(tables)


def _levels(by: set[Any]) -> list[int]:
    return [each for each in by if isinstance(each, _Level)]
