"""Frames of several matrices: these by name, and how they lie one after the other.

Such a frame flows as one vector of float64, so what keeps, cuts and compares frames need not know
how many matrices there are in one. A structured dtype has the name, shape and dtype of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.arrays import array_of, check_frame
from fastheat.messages import MOST_SAID, in_a_line, short

Shape: TypeAlias = tuple[int, ...]
# of a matrix, or of each of several by their names
Shapes: TypeAlias = "tuple[int, int] | dict[str, Shape]"

MOST_CELLS = 1 << 48  # of a matrix: more than any memory has
_LONGEST = 1000  # letters of a name, which is a title, and in errors,
_MOST_LETTERS = 2000  # and different ones of all names, each of which is looked for in all fonts


def form_of(shapes: Mapping[str, Shape], dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """Return the form of frames of several matrices."""
    names = zip(shapes, dtypes, shapes.values(), strict=True)
    return np.dtype([(name, dtype, shape) for name, dtype, shape in names])


def parts_of(form: np.dtype[Any]) -> dict[str, tuple[Shape, np.dtype[Any]]]:
    """Return the shape and the dtype of each matrix."""
    assert form.names is not None
    return {name: (form[name].shape, form[name].base) for name in form.names}


def shapes_of(form: np.dtype[Any]) -> dict[str, Shape]:
    """Return the shape of each matrix."""
    return {name: shape for name, (shape, _) in parts_of(form).items()}


def cells_of(shapes: Shapes) -> int:
    """Return how many values a frame has."""
    if isinstance(shapes, dict):
        return sum(map(prod, shapes.values()))
    return prod(shapes)


def split(values: NDArray[np.float64], shapes: Iterable[Shape]) -> list[NDArray[np.float64]]:
    """Return matrices (..., N, M), C-contiguous, of these shapes from frames (..., C)."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + prod(shape)
        part = np.ascontiguousarray(values[..., start:stop])
        parts.append(part.reshape((*values.shape[:-1], *shape)))
        start = stop
    return parts


@contextmanager
def of_panel(name: str) -> Iterator[None]:
    """Put the panel before what is wrong with its matrix."""
    try:
        yield
    except (TypeError, ValueError) as error:
        # not of its own class, which may take other arguments, as UnicodeDecodeError does
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"panel {name!r}: {in_a_line(error, MOST_SAID)}") from error


def check_names(names: Iterable[Any]) -> list[str]:
    """Refuse what are no names of panels."""
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


def check_part(number: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what is neither a matrix nor a number."""
    if shape or dtype.kind not in "biuf":
        check_frame(number, shape, dtype)


def check_panel(number: int, shape: Shape, expected: Shape | None) -> None:
    """Refuse a matrix of another shape than the panel's."""
    if expected is not None and tuple(shape) != tuple(expected):
        raise ValueError(f"frame {number} has shape {tuple(shape)}, expected {tuple(expected)}")


def matrices_of(frame: Any, names: Sequence[str], number: int) -> list[NDArray[Any]]:
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
                f"frame {number} has {keys_of(frame)}, expected {keys_of(dict.fromkeys(names))}"
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


def keys_of(mapping: Mapping[Any, Any]) -> str:
    """Return what the keys of a dictionary are, for an error."""
    names = [ascii(key)[:40] if isinstance(key, (str, int, float)) else "..." for key in mapping]
    return "keys " + ", ".join(names[:8] + ["..."] * (len(names) > 8)) if names else "no keys"
