"""Ranges of individual frames, found in their values, and the bin edges over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.ranges import MatrixLimits, completed_range
from fastheat.style.colors.bins import edges_of_ranges
from fastheat.style.colors.norms import Norm
from fastheat.style.colors.palette import shades_over
from fastheat.tables import Shades


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """The rule by which each frame has its own range."""

    norm: Norm
    robust: bool
    given: tuple[float | None, float | None]  # vmin and vmax of all frames, None if found in each
    bins: int  # entries of the colormap
    starts: NDArray[np.intp]  # entries at which the slots of `Shades` begin
    dtype: np.dtype[Any]  # in which the norm computes

    def find(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the smallest and largest value of each frame, or its percentiles if `robust`.

        Parameters
        ----------
        values
            (T, N, M), with cells to ignore masked.

        Returns
        -------
        (T, 2)
            NaN for frames without any finite value that the norm accepts.
        """
        flat = values.reshape(len(values), -1)
        if self.robust:
            each = [MatrixLimits(self.norm, robust=True) for _ in flat]
            for limits, own in zip(each, flat, strict=True):
                limits.add(own)
            return np.array([limits.found for limits in each], np.float64)
        low, high = flat.min(1), flat.max(1)
        above, least = self.norm.above, self.norm.least
        with np.errstate(invalid="ignore"):
            if not (np.isfinite(low) & np.isfinite(high) & (low > above) & (low >= least)).all():
                counts = np.isfinite(flat) & (flat > above) & (flat >= least)
                low = flat.min(1, where=counts, initial=np.inf)
                high = flat.max(1, where=counts, initial=-np.inf)
        found = np.stack([low, high], 1)
        found[low > high] = np.nan
        return found

    def complete(self, found: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the ranges (T, 2) of frames, given those that `find` returns."""
        each = (
            completed_range(self.norm, self.given, (None, None) if low != low else (low, high))
            for low, high in found.tolist()
        )
        return np.array(list(each), np.float64)

    def over(self, shades: Shades, limits: NDArray[np.float64]) -> Shades:
        """Return `shades` with edges over ranges (R, 2)."""
        edges = edges_of_ranges(self.norm, limits, self.starts, self.bins, self.dtype)
        return shades_over(shades, edges)
