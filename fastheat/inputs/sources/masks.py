"""Masked cells: among values they are a NaN of their own, told from others by its bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# float16 has these bits of a fraction too, so that the NaN is the same in every type; no arithmetic
# gives them
MASKED = np.int64(0x7FFAD4 << 40)


def hide(values: NDArray[np.float64], mask: NDArray[np.bool_] | np.bool_) -> None:
    """Mask cells of `values`, in place."""
    values.view(np.int64)[..., mask] = MASKED


def hidden(values: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return values or texts (..., N, M) without the cells of a mask (N, M)."""
    if mask is None:
        return values
    values = values.copy()
    if values.dtype == object:
        values[..., mask] = ""
    else:
        hide(values, mask)
    return values


def is_masked(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values are masked."""
    masked: NDArray[np.bool_] = values.view(np.int64) == MASKED
    return masked
