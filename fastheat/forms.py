"""Frames of several matrices: how they lie one after the other, as a structured dtype says.

Such a frame flows as one vector of float64, so what keeps, cuts and compares frames need not know
how many matrices there are in one. The field of each has its name, shape and dtype.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]
# of a matrix, or of each of several by their names
Shapes: TypeAlias = "tuple[int, int] | dict[str, Shape]"


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


def split(values: NDArray[np.float64], shapes: Mapping[str, Shape]) -> list[NDArray[np.float64]]:
    """Return the matrices, (..., N, M) and C-contiguous, of frames, (..., C)."""
    parts, start = [], 0
    for shape in shapes.values():
        stop = start + prod(shape)
        part = np.ascontiguousarray(values[..., start:stop])
        parts.append(part.reshape((*values.shape[:-1], *shape)))
        start = stop
    return parts
