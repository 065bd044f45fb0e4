"""Masked cells, stored among float64 values as a NaN with a bit pattern of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# These fraction bits exist in float16 too, so the NaN survives casts between all float types. No
# arithmetic produces them.
MASKED = np.int64(0x7FFAD4 << 40)


def hide(values: NDArray[np.float64], mask: NDArray[np.bool_] | np.bool_) -> None:
    """Mask cells of `values`, in place."""
    values.view(np.int64)[..., mask] = MASKED


def hidden(values: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return a copy of values or texts (..., N, M) in which the cells of a mask (N, M) are hidden.

    Without a mask, the values themselves are returned.
    """
    if mask is None:
        return values
    values = values.copy()
    if values.dtype == object:
        values[..., mask] = ""
    else:
        hide(values, mask)
    return values


def is_masked(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the mask of the values: True where they are masked."""
    masked: NDArray[np.bool_] = values.view(np.int64) == MASKED
    return masked
