"""Labels that data carries: those of the rows and columns of tables, and keys of frames.

Tables are DataFrames of pandas, polars and others like them, and DataArrays of xarray. None of
these libraries is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from numbers import Integral, Number, Real
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.objects import is_real
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import short

SHORTEST = 12  # characters of a float that are written as they are; more become 12 digits
_CLOCKS = ("minutes", "seconds", "milliseconds", "microseconds")  # of `datetime.isoformat`
_UNITS = ("D", "m", "s", "ms", "us", "ns")  # of numpy
_MOST_NAMED = 3  # labels that an error names


class Axis(NamedTuple):
    """The labels of the rows or of the columns of a matrix.

    Attributes
    ----------
    name
        The name of the axis, "" without one.
    texts
        The label of each row or column; None if they are consecutive whole numbers, or if there
        are none.
    first
        The first of consecutive whole numbers.
    numeric
        Whether all labels are numbers.
    """

    name: str = ""
    texts: tuple[str, ...] | None = None
    first: int | None = None
    numeric: bool = False

    def keys(self, count: int) -> tuple[str, ...] | None:
        """Return the labels of `count` rows or columns, None without any."""
        if self.first is None:
            return self.texts
        return tuple(str(self.first + k) for k in range(count))


class Axes(NamedTuple):
    """The labels of the rows and of the columns of a matrix."""

    rows: Axis
    columns: Axis


def axes_of(value: Any) -> Axes | None:
    """Return the labels that a matrix, or an array of matrices, carries; None if it has none."""
    if isinstance(value, np.ndarray | list | tuple):
        return None
    dims, coords = getattr(value, "dims", None), getattr(value, "coords", None)
    if isinstance(dims, tuple) and isinstance(coords, Mapping):  # xarray
        return _axes_of_dims(dims, coords) if len(dims) > 1 else None
    columns = getattr(value, "column_names", None)  # pyarrow
    if columns is None:
        columns = getattr(value, "columns", None)
    shape = getattr(value, "shape", ())
    if not isinstance(shape, tuple) or len(shape) != 2 or not _is_index(columns, shape[1]):
        return None
    index = getattr(value, "index", None)
    rows = _axis_of_index(index) if _is_index(index, shape[0]) else Axis()
    return Axes(rows, _axis_of_index(columns))


def _is_index(labels: Any, count: int) -> TypeGuard[Sequence[Any]]:
    return hasattr(labels, "__len__") and hasattr(labels, "__getitem__") and len(labels) == count


def _axes_of_dims(dims: Sequence[Any], coords: Mapping[Any, Any]) -> Axes:
    def axis(dim: Any) -> Axis:
        name = text_of(dim)
        name = "" if name in ("dim_0", "dim_1", "dim_2", "dim_3") else name  # xarray's own names
        if dim not in coords:
            return Axis(name)
        return axis_of(np.asarray(coords[dim].values), name)

    return Axes(axis(dims[-2]), axis(dims[-1]))


def _axis_of_index(index: Any) -> Axis:
    """Return the labels of an index of pandas, or of a list of names."""
    names = getattr(index, "names", None)
    if names is None:
        names = [getattr(index, "name", None)]
    name = "-".join(text_of(each) for each in names if each is not None)  # as seaborn
    dtype = getattr(index, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "iuM":
        return axis_of(np.asarray(index), name)
    return axis_of(list(index), name)


def axis_of(labels: Sequence[Any] | NDArray[Any], name: str = "") -> Axis:
    """Return the labels of an axis."""
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu" and len(labels):
        first = int(labels[0])
        if np.array_equal(labels, np.arange(first, first + len(labels))):
            return Axis(name, first=first)
    each = list(labels)
    numeric = all(isinstance(x, Real | np.number) for x in each)
    texts = texts_of(labels)
    for write in (str, repr):  # different labels have different texts, by which they are compared
        if len(set(texts)) == len(texts) or len(set(each)) < len(each):
            break
        texts = tuple(map(write, each))
    return Axis(name, texts, numeric=numeric)


def axis_of_texts(labels: Sequence[str], name: str = "") -> Axis:
    """Return the labels of an axis in a file of text, where numbers are texts too."""
    if labels and all(map(_WHOLE.fullmatch, labels)):
        return axis_of(np.array(list(map(int, labels))), name)
    return Axis(name, tuple(labels), numeric=bool(labels) and all(map(_NUMBER.fullmatch, labels)))


_WHOLE, _NUMBER = re.compile(r"-?[0-9]{1,15}"), re.compile(r"[-+]?[0-9]{1,30}(\.[0-9]{0,30})?")


# -------------------------------------------------------------------------------------------- texts


def texts_of(labels: Iterable[Any]) -> tuple[str, ...]:
    """Return labels as texts, dates among them as short as all of them can be written alike.

    Labels of several levels are joined by hyphens, as in seaborn, bytes are decoded as UTF-8, and
    None is an empty label.
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "M":
        return _texts_of_dates(labels)
    each = [_plain(label) for label in labels]
    levels = {len(label) if isinstance(label, tuple) else 0 for label in each}
    if len(levels) == 1 and levels != {0}:
        return tuple(map("-".join, zip(*map(texts_of, zip(*each, strict=True)), strict=True)))
    times = [label for label in each if isinstance(label, datetime) and label == label]
    clock = _clock_of(times)
    return tuple(_text_of(label, clock) for label in each)


def text_of(label: Any) -> str:
    """Return a label as text, see `texts_of`."""
    return texts_of([label])[0]


def caption_of(value: Any) -> str | None:
    """Return a text, number, date or None as the text of a title; None for anything else."""
    if value is None or isinstance(value, str):
        return value or ""
    if getattr(value, "ndim", 0) == 0 and isinstance(_plain(value), _CAPTIONS):
        return text_of(value)
    return None


_CAPTIONS = (str, bytes, Number, np.generic, date, timedelta)


def _plain(label: Any) -> Any:
    """Return a label as an object of Python, if it is one of numpy or of another library."""
    if getattr(label, "ndim", None) == 0 and not isinstance(label, np.generic):
        label = as_array(label)[()] if hasattr(label, "detach") else np.asarray(label)[()]
    if isinstance(label, np.datetime64):
        return _texts_of_dates(np.array([label]))[0]
    return label.item() if isinstance(label, np.str_ | np.bytes_) else label


def _clock_of(times: Sequence[datetime]) -> str:
    """Return the `timespec` at which all times are written in full, "" for dates alone."""
    if all(each.time() == time.min for each in times):
        return ""
    for clock in _CLOCKS[:-1]:
        if all(datetime.fromisoformat(t.isoformat(timespec=clock)) == t for t in times):
            return clock
    return _CLOCKS[-1]


def _text_of(label: Any, clock: str) -> str:
    if label is None:
        return ""
    if isinstance(label, bytes | bytearray):
        return bytes(label).decode("utf-8", "backslashreplace")
    if isinstance(label, tuple):
        return "-".join(texts_of(label))
    if isinstance(label, datetime) and label == label:  # NaT is one too
        return label.isoformat(" ", clock) if clock else label.date().isoformat()
    text = str(label)
    if isinstance(label, float | np.floating):
        digits = SHORTEST if isinstance(label, float) else 6  # float64 is a float of Python
        return format(float(label), f".{digits}g") if len(text) > digits + 1 else text
    return text


def _texts_of_dates(dates: NDArray[Any]) -> tuple[str, ...]:
    """Return numpy's dates as texts of the coarsest unit, from days on, that is exact for all."""
    unit = np.datetime_data(dates.dtype)[0]
    if unit not in ("Y", "M", "W"):
        casts = ((each, dates.astype(f"M8[{each}]")) for each in _UNITS)
        exact = (each for each, cast in casts if np.array_equal(dates, cast, equal_nan=True))
        unit = next(exact, unit)
    texts: NDArray[np.str_] = np.datetime_as_string(dates, unit)  # type: ignore[call-overload]
    return tuple(f"{text[:10]} {text[11:]}".strip() for text in texts.tolist())


# --------------------------------------------------------------------------------------------- keys


def is_key(key: Any) -> bool:
    """Return True for the key of a frame in a series of them: a number, a date or a period."""
    if isinstance(key, tuple):  # of several levels
        return bool(key) and all(isinstance(part, str) or is_key(part) for part in key)
    if getattr(key, "ndim", None) == 0 and not isinstance(key, str | bytes):  # of an array
        return True
    return is_real(key) or isinstance(key, date | timedelta) or type(key).__name__ == "Period"


class DateText(str):
    """The text of a date, which may also be written by a format of `strftime`."""

    __slots__ = ("date",)
    date: Any

    def __format__(self, spec: str) -> str:
        return format(self.date, spec) if "%" in spec else super().__format__(spec)


def steps_of(keys: Iterable[Any]) -> list[Any]:
    """Return the keys of frames as titles show them: numbers, or texts of anything else.

    Dates are as short as all of them can be written alike.
    """
    each = list(keys)
    if not all(isinstance(key, date | np.datetime64) for key in each):
        return [step_of(key) for key in each]
    steps = []
    for text, key in zip(
        texts_of(keys if isinstance(keys, np.ndarray) else each), each, strict=True
    ):
        step = DateText(text)
        step.date = key.astype("M8[us]").item() if isinstance(key, np.datetime64) else key
        steps.append(step)
    return steps


def step_of(key: Any) -> Any:
    """Return the key of a frame as titles show it: whole numbers as int, dates as texts."""
    key = _plain(key)
    if isinstance(key, bool | np.bool_):
        return bool(key)
    if isinstance(key, Integral | np.integer):
        return int(key)
    if isinstance(key, float | np.floating):
        return float(str(key))  # of float32 too as few digits as tell it from others
    if isinstance(key, tuple) and len(key) == 1:
        return step_of(key[0])
    return key if isinstance(key, str) or is_real(key) else text_of(key)


# -------------------------------------------------------------------------------------------- order


class Aligner:
    """Converter of frames to arrays whose rows and columns are in the order of the first frame.

    Attributes
    ----------
    axes
        The labels of the first frame that carries any, or those given; None so far.
    """

    def __init__(self, axes: Axes | None = None, than: str = "frame 0") -> None:
        self.axes = axes
        self._than = than

    def array(self, value: Any, array: NDArray[Any], what: str) -> NDArray[Any]:
        """Return the array of a matrix in the order of the labels so far.

        Parameters
        ----------
        value
            The matrix as given.
        array
            The matrix as an array.
        what
            Its name in errors.

        Raises
        ------
        ValueError
            If its labels are others than those of the first frame.
        """
        found = axes_of(value)
        if found is None or array.ndim < 2:
            return array
        if self.axes is None:
            self.axes, self._than = found, what
            return array
        return aligned(array, found, self.axes, what, self._than, parts=True)


class Aligners(dict[str, Aligner]):
    """The aligner of each matrix of a frame by name, made when it is needed.

    Parameters
    ----------
    axes
        The labels that are known.
    """

    def __init__(self, axes: Mapping[str, Axes]) -> None:
        super().__init__({name: Aligner(each, "the first") for name, each in axes.items()})

    def __missing__(self, name: str) -> Aligner:
        return self.setdefault(name, Aligner())

    @property
    def axes(self) -> dict[str, Axes]:
        """The labels known of each matrix."""
        return {name: each.axes for name, each in self.items() if each.axes is not None}


def aligned(
    array: NDArray[Any],
    found: Axes,
    wanted: Axes,
    what: str,
    than: str,
    *,
    parts: bool = False,
) -> NDArray[Any]:
    """Return matrices (..., N, M) with the labels `found` in the order of those that are wanted.

    Parameters
    ----------
    what, than
        The names of the matrix, and of the one with the wanted labels, in errors.
    parts
        Whether rows with consecutive numbers may be parts of one table, taken by position.

    Raises
    ------
    ValueError
        If it has others.
    """
    names, others = [axis.name for axis in found], [axis.name for axis in wanted]
    if all(names) and names == others[::-1] != others:
        array, found = np.swapaxes(array, -2, -1), Axes(found.columns, found.rows)
    for side, name in enumerate(("row", "column")):
        numbered = None not in (wanted[side].first, found[side].first)
        if numbered and parts and name == "row":
            continue
        count = array.shape[side - 2]
        order = _order(wanted[side].keys(count), found[side].keys(count), name, what, than)
        if order is not None:
            array = np.take(array, order, side - 2)
    return array


def _order(
    wanted: Sequence[str] | None, found: Sequence[str] | None, name: str, what: str, than: str
) -> list[int] | None:
    """Return the indices that bring labels into the wanted order; None if they are in it."""
    if wanted is None or found is None or tuple(wanted) == tuple(found):
        return None
    place = {label: k for k, label in enumerate(found)}
    lacks = [label for label in wanted if label not in place]
    known = set(wanted)
    more = [label for label in found if label not in known]
    if lacks or more or len(place) < len(found):
        parts = [f"lacks {_named(lacks, name)}"] * bool(lacks)
        parts += [f"has {_named(more, name)} besides"] * bool(more)
        parts = parts or [f"has {name}s of one name in another order"]
        raise ValueError(
            f"{what} {' and '.join(parts)}, expected the {name}s of {than}: give arrays, as by "
            ".to_numpy(), to take them by position"
        )
    return [place[label] for label in wanted]


def _named(labels: Sequence[str], name: str) -> str:
    some = ", ".join(map(short, labels[:_MOST_NAMED]))
    plural = "s" if len(labels) > 1 else ""
    return f"{name}{plural} {some}{', ...' if len(labels) > _MOST_NAMED else ''}"
