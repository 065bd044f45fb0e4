"""The range of values that arrive in chunks, found in constant memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import compress
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.shapes import Shape, split
from fastheat.style.colors.norms import LINEAR, Norm, check_range

# (vmin, vmax), or those of all panels one after the other; None if not known
Range: TypeAlias = tuple[float | None, ...]

ROBUST = (2.0, 98.0)  # percentiles, as in seaborn
EXACT = 1 << 20  # the most values whose percentiles are exact
# More values are counted in a histogram by their leading bits: sign, exponent and FRACTION bits.
FRACTION = 8
DROPPED = np.int64(52 - FRACTION)  # bits
SIDE = 1 << 11 + FRACTION  # bins for each sign


@dataclass(eq=False)
class MatrixLimits:
    """The range of the values added so far, over which a heatmap spreads its colormap.

    Attributes
    ----------
    norm
        The norm; values outside of its domain are ignored.
    robust
        Whether to use the 2nd and 98th percentile instead of the smallest and largest value. They
        equal those of `numpy.percentile` for up to `EXACT` values, and have a relative error of up
        to 1 / 256 for more.
    mask : (N, M) bool
        The cells to ignore.
    frames
        A lower bound on the number of frames that all workers will see together.
    """

    norm: Norm = LINEAR
    robust: bool = False
    mask: NDArray[np.bool_] | None = None
    frames: int = 0

    def __post_init__(self) -> None:
        self._limits: tuple[float, float] | None = None
        self._quantiles = Quantiles() if self.robust else None

    def add(self, values: NDArray[np.float64]) -> None:
        """Include values (..., N, M)."""
        if self._quantiles is not None:
            self._quantiles.expect(values.size, self.frames * prod(values.shape[-2:]))
        if self.mask is not None:
            values = values[..., ~self.mask]
        if not values.size:
            return
        if self._quantiles is not None:
            self._quantiles.add(self.norm.takes(values[np.isfinite(values)]))
            return
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            values = values[np.isfinite(values)]
            if not values.size:
                return
            low, high = float(values.min()), float(values.max())
        if low <= self.norm.above or low < self.norm.least:
            values = self.norm.takes(values)
            if not values.size:
                return
            low = float(values.min())
        self._widen(low, high)

    def _widen(self, low: float, high: float) -> None:
        if self._limits is not None:
            low, high = min(low, self._limits[0]), max(high, self._limits[1])
        self._limits = low, high

    def fresh(self, frames: int) -> MatrixLimits:
        """Return an empty copy for a worker; all workers together see at least `frames` frames."""
        return replace(self, frames=frames)

    def join(self, other: MatrixLimits) -> None:
        """Include the values that another instance has seen."""
        if self._quantiles is not None and other._quantiles is not None:
            self._quantiles.join(other._quantiles)
        if other._limits is not None:
            self._widen(*other._limits)

    @property
    def found(self) -> Range:
        """The range of the values so far, or (None, None) without any."""
        found = self._limits if self._quantiles is None else self._quantiles.at(ROBUST)
        return found or (None, None)

    @property
    def completed(self) -> tuple[float, float]:
        """The range of the values so far, or the norm's default range without any."""
        low, high = self.found
        return self.norm.otherwise if low is None or high is None else (low, high)


@dataclass(eq=False)
class DataLimits:
    """The range of each panel, of all frames that were added.

    Attributes
    ----------
    panels
        Empty limits of the matrices of each panel.
    shapes
        Of the matrices of a frame, and () for each scalar behind them; None if frames are matrices.
    shares
        Which panels have one range; by default none.
    """

    panels: Sequence[MatrixLimits]
    shapes: Sequence[Shape] | None = None
    shares: Sequence[bool] = ()

    def fresh(self, frames: int) -> DataLimits:
        """Return an empty copy for a worker; all workers together see at least `frames` frames."""
        return replace(self, panels=[each.fresh(frames) for each in self.panels])

    def join(self, other: DataLimits) -> None:
        """Include the values that another instance has seen."""
        for limits, more in zip(self.panels, other.panels, strict=True):
            limits.join(more)

    def add(self, values: NDArray[np.float64]) -> None:
        """Include frames (..., C), or matrices (..., N, M)."""
        parts = [values] if self.shapes is None else split(values, self.shapes)
        for limits, part in zip(self.panels, parts, strict=False):
            limits.add(part)

    @property
    def found(self) -> Range:
        """The range of each panel in turn, None where it has no values."""
        found = [limits.found for limits in self.panels]
        if any(self.shares):
            shared = reduce(wider_limits, compress(found, self.shares))
            found = [shared if s else own for own, s in zip(found, self.shares, strict=True)]
        return tuple(end for limits in found for end in limits)


def completed_range(
    norm: Norm, given: tuple[float | None, float | None], found: Range
) -> tuple[float, float]:
    """Return a range with the given ends, and with ends found in the values for the rest.

    Parameters
    ----------
    found
        (None, None) if there are no values; the norm's default range then applies.
    """
    low, high = found
    if low is None or high is None:
        low, high = norm.otherwise
    low = low if given[0] is None else given[0]
    high = high if given[1] is None else given[1]
    if None in given:
        if low > high:
            # the given end lies beyond all values: the range is that single value
            low, high = (low, low) if given[0] is not None else (high, high)
        low, high = norm.completed(low, high)
    check_range(low, high)
    return low + 0.0, high + 0.0  # -0.0 reads as 0


def range_text(ranges: Mapping[str, tuple[float, float]]) -> str:
    """Return ranges as text for a title, with the names of the panels if they differ."""
    texts = {name: f"[{low:g}, {high:g}]" for name, (low, high) in ranges.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return "  ".join(f"{name} {text}" for name, text in texts.items())


def wider_limits(a: Range, b: Range) -> Range:
    """Return the smallest ranges that contain two ranges, end by end; None is ignored."""
    sides = zip(a, b, strict=True)
    return tuple(
        (max if k % 2 else min)(x, y) if x is not None and y is not None else x if y is None else y
        for k, (x, y) in enumerate(sides)
    )


class Quantiles:
    """Percentiles of any number of values, exact for up to `EXACT` of them."""

    def __init__(self) -> None:
        self._seen = 0  # values, including ignored ones
        self._many = False  # whether there are too many for exact percentiles
        self._kept: list[NDArray[np.float64]] = []
        self._count = 0  # of kept values
        self._counts: NDArray[np.int64] | None = None

    def expect(self, more: int, total: int) -> None:
        """Prepare for `more` values, and `total` of all instances that will be joined."""
        self._seen += more
        self._many |= max(self._seen, total) > EXACT

    def add(self, values: NDArray[np.float64]) -> None:
        """Include finite values (n,), which `expect` has announced."""
        for start in range(0, len(values), EXACT):
            part = values[start : start + EXACT]
            self._kept.append(part.copy())
            self._count += len(part)
            if self._count > EXACT:
                self._fold()

    def join(self, other: Quantiles) -> None:
        """Include the values of another instance."""
        self.expect(other._seen, 0)
        self._many |= other._many
        if other._counts is not None:
            self._fold()
            assert self._counts is not None
            self._counts += other._counts
        for part in other._kept:
            self.add(part)

    def _fold(self) -> None:
        """Move the kept values into the histogram."""
        if self._counts is None:
            self._counts = np.zeros(2 * SIDE, np.int64)
        if self._kept:
            bits = np.concatenate(self._kept).view(np.int64)
            piece = (bits & np.int64(np.iinfo(np.int64).max)) >> DROPPED
            piece = np.where(bits < 0, SIDE - 1 - piece, SIDE + piece)
            self._counts += np.bincount(piece, minlength=2 * SIDE)
        self._kept, self._count = [], 0
        self._many = True

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle, with only the non-zero counts."""
        if self._many:
            self._fold()
        state = dict(self.__dict__)
        if self._counts is not None:
            pieces = np.flatnonzero(self._counts)
            state["_counts"] = pieces, self._counts[pieces]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._counts is not None:
            pieces, counts = state["_counts"]
            self._counts = np.zeros(2 * SIDE, np.int64)
            self._counts[pieces] = counts

    def at(self, percentiles: tuple[float, float]) -> tuple[float, float] | None:
        """Return two percentiles of all values, or None without any."""
        if self._many:
            self._fold()
        if self._counts is None:
            if not self._count:
                return None
            low, high = np.percentile(np.concatenate(self._kept), percentiles).tolist()
            return float(low), float(high)
        upto = np.cumsum(self._counts)
        if not upto[-1]:
            return None
        low, high = (self._ranked(upto, each / 100 * (int(upto[-1]) - 1)) for each in percentiles)
        return low, high

    def _ranked(self, upto: NDArray[np.int64], rank: float) -> float:
        """Return the value at a rank, as if values were spread evenly within each bin."""
        piece = int(np.searchsorted(upto, rank, side="right"))
        before = int(upto[piece - 1]) if piece else 0
        share = (rank - before + 0.5) / (int(upto[piece]) - before)
        size = piece - SIDE if piece >= SIDE else SIDE - 1 - piece
        near, far = map(float, (np.array([size, size + 1]) << DROPPED).view(np.float64))
        if not math.isfinite(far):
            far = float(np.finfo(np.float64).max)
        share = min(1.0, share)
        return near + share * (far - near) if piece >= SIDE else -far + share * (far - near)
