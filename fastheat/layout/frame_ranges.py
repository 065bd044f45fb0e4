"""Frames that have ranges of their own: found of their values, and where their slots begin."""

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
    """How the values of each frame are spread over the colormap."""

    norm: Norm
    robust: bool
    given: tuple[float | None, float | None]  # the ends that all frames have
    bins: int  # entries of the colormap
    limits: NDArray[np.intp]  # those at which the slots of `Shades` begin
    dtype: np.dtype[Any]  # that the norm computes in

    def find(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the least and the greatest of each frame, as a range has them.

        Parameters
        ----------
        values
            (T, N, M), those that do not count masked.

        Returns
        -------
        (T, 2)
            NaN where a frame has nothing to take a range from.
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
        """Return the ranges of frames, of what was found: (T, 2)."""
        each = (
            completed_range(self.norm, self.given, (None, None) if low != low else (low, high))
            for low, high in found.tolist()
        )
        return np.array(list(each), np.float64)

    def over(self, shades: Shades, ends: NDArray[np.float64]) -> Shades:
        """Return shades over ranges, (R, 2)."""
        found = edges_of_ranges(self.norm, ends, self.limits, self.bins, self.dtype)
        return shades_over(shades, *found)
