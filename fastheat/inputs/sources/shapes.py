"""The shapes and dtypes of frames that hold several named matrices, as a structured dtype.

Such a frame is handled as one float64 vector, the matrices one after the other, so code that
stores, slices or compares frames need not know how many matrices there are. The structured dtype
holds the name, shape and dtype of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.arrays import REAL, check_frame
from fastheat.inputs.sources.remedies import without_values
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import MOST_SAID, in_a_line, short, warn

Shape: TypeAlias = tuple[int, ...]
# the shape of one matrix, or of several by name
Shapes: TypeAlias = "tuple[int, int] | dict[str, Shape]"

MOST_CELLS = 1 << 48  # of a matrix, more than any memory holds
DEEPEST = 20  # dictionaries in one another
MOST_LISTED = 8  # names in a message
_LONGEST = 1000  # letters of a name, which appears as a title and in errors
_MOST_LETTERS = 2000  # different letters in all names, each of which is looked up in all fonts


def form_of(shapes: Mapping[str, Shape], dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """Return the structured dtype of frames of several matrices."""
    return np.dtype(list(zip(shapes, dtypes, shapes.values(), strict=True)))


def parts_of(form: np.dtype[Any]) -> dict[str, tuple[Shape, np.dtype[Any]]]:
    """Return the shape and dtype of each matrix."""
    assert form.names is not None
    return {name: (form[name].shape, form[name].base) for name in form.names}


def cells_of(shapes: Shapes) -> int:
    """Return the number of values in a frame."""
    if isinstance(shapes, dict):
        return sum(map(prod, shapes.values()))
    return prod(shapes)


def split(values: NDArray[np.float64], shapes: Iterable[Shape]) -> list[NDArray[np.float64]]:
    """Split frames (..., C) into matrices of these shapes, each (..., N, M) and C-contiguous."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + prod(shape)
        part = np.ascontiguousarray(values[..., start:stop])
        parts.append(part.reshape((*values.shape[:-1], *shape)))
        start = stop
    return parts


@contextmanager
def of_panel(name: str) -> Iterator[None]:
    """Prefix errors with the name of the panel whose matrix they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        # a subclass may take other arguments, as UnicodeDecodeError does
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"panel {name!r}: {in_a_line(error, MOST_SAID)}") from error


def check_names(names: Iterable[Any]) -> list[str]:
    """Return names of panels as a list; raise TypeError or ValueError for invalid ones."""
    checked = []
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"expected names of panels to be text, not {short(name)}")
        if not name:
            raise ValueError("expected names of panels, not ''")
        if len(name) > _LONGEST:
            raise ValueError(
                f"expected names of panels of up to {_LONGEST} letters, not {short(name)}"
            )
        checked.append(name)
    if (letters := len(set("".join(checked)))) > _MOST_LETTERS:
        raise ValueError(
            f"expected names of panels with up to {_MOST_LETTERS} different letters, not {letters}"
        )
    return checked


def check_part(
    number: int, shape: Shape, dtype: np.dtype[Any], expected: Shape | None = None
) -> None:
    """Raise TypeError or ValueError unless a part of a frame is as its panel expects.

    That is a matrix of real numbers, or a scalar.
    """
    if shape or dtype.kind not in REAL:
        check_frame(number, shape, dtype)
    if expected is not None and tuple(shape) != tuple(expected):
        raise ValueError(f"frame {number} has shape {tuple(shape)}, expected {tuple(expected)}")


def flat(frame: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the entries of nested dictionaries, by their keys with dots between them.

    Raises
    ------
    TypeError
        If it is a sparse matrix, which may be a dictionary of its cells.
    ValueError
        If two entries have one name.
    """
    if reason := without_values(frame):
        raise TypeError(reason)
    pairs = list(_entries(frame, DEEPEST))
    entries = dict(pairs)
    if len(entries) < len(pairs):
        twice = next(
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        )
        raise ValueError(f"expected one entry of each name, but there are two of {short(twice)}")
    return entries


def _entries(frame: Mapping[Any, Any], depth: int) -> Iterator[tuple[Any, Any]]:
    for name, part in frame.items():
        if isinstance(part, Mapping) and part and depth and not hasattr(part, "shape"):
            yield from ((f"{name}.{key}", each) for key, each in _entries(part, depth - 1))
        else:
            yield name, part


def left_out(frame: Mapping[Any, Any], wanted: Collection[str]) -> dict[str, Shape | None]:
    """Return the shapes of arrays in a frame that are neither matrices nor vectors, nor `wanted`.

    These are those of a training state, such as numbers and the kernels of convolutions. A text has
    the shape None.
    """
    found: dict[str, Shape | None] = {}
    for name, part in frame.items():
        if isinstance(part, (str, bytes)) and name not in wanted:
            found[name] = None
        shape = () if isinstance(part, Number) else getattr(part, "shape", None)
        if name in wanted or shape is None:
            continue
        if len(shape) not in (1, 2) or 0 in shape:
            found[name] = tuple(shape)
    return found


def warn_of_left_out(shapes: Mapping[str, Shape | None]) -> None:
    """Say once which arrays of a frame are not drawn, and how they could be."""
    if not shapes:
        return
    ways = {
        "numbers are drawn with lines=": () in shapes.values(),
        "others as .reshape(len(w), -1)": any(len(shape or ()) > 2 for shape in shapes.values()),
    }
    listed = [
        f"{short(name)} {'(a text)' if shape is None else shape or '(a number)'}"
        for name, shape in shapes.items()
    ]
    more = f" and {len(listed) - MOST_LISTED} more" if len(listed) > MOST_LISTED else ""
    how = ", ".join(way for way, wanted in ways.items() if wanted)
    warn(
        f"left out {', '.join(listed[:MOST_LISTED])}{more}, expected matrices and vectors"
        + (f": {how}" if how else "")
    )


def parts_in(frame: Any, names: Sequence[str], number: int) -> list[Any]:
    """Return the entries of a frame, a dictionary or sequence, in the order of the panels.

    Vectors are matrices of one row.
    """
    if isinstance(frame, Mapping):
        if set(frame) != set(names):
            raise ValueError(
                f"frame {number} has {keys_of(frame)}, expected {keys_of(dict.fromkeys(names))}"
            )
        return [as_row(frame[name]) for name in names]
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
    return list(map(as_row, frame))


def as_row(part: Any) -> Any:
    """Return a vector as a matrix of one row, anything else as it is."""
    if isinstance(part, (list, tuple)) and part and isinstance(part[0], Number):
        return [part]
    if getattr(part, "ndim", None) != 1:
        return part
    return part[None] if hasattr(type(part), "detach") else as_array(part)[None]


def keys_of(mapping: Mapping[Any, Any]) -> str:
    """Return the keys of a dictionary as text for an error message."""
    names = [ascii(key)[:40] if isinstance(key, (str, int, float)) else "..." for key in mapping]
    return "keys " + ", ".join(names[:8] + ["..."] * (len(names) > 8)) if names else "no keys"
