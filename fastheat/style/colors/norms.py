"""Norms: the mapping of values to the 0 .. 1 of a colormap, in matplotlib's own arithmetic.

A norm and the colormap's indexing are both monotone, so each bin is an interval of values. `bins`
finds its edges by bisection over the floats of the type that the norm computes in, so that a kernel
that only compares values with edges puts every value into the same bin as matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Float64s = NDArray[np.float64]
Limits = tuple[float, float]  # vmin and vmax
Ends = tuple[float | None, float | None]  # vmin and vmax, None if not known
# function from values to normed values: 0 .. 1 span the colormap, NaN is what the norm rejects
Rule = Callable[[Floats], Floats]

NEAR = 8  # roundings on either side of an estimated edge, within which it is searched for first
NEARLY_EVEN = 1e-9  # of the range: largest difference between the two sides of a centered one
SYMLOG_LINEAR = 2.0  # default linear threshold of "symlog", as in matplotlib's SymmetricalLogScale


def working_type(dtype: np.dtype) -> np.dtype:
    """Return the float type in which matplotlib norms values of `dtype`.

    `matplotlib.colors.Normalize.process_value` converts bool and integers of up to 16 bits to
    float32, and larger ones to float64; `imshow` converts float16 to float32.
    """
    if dtype.kind in "biu":
        return np.promote_types(dtype, np.float32)
    return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)


class Norm:
    """A norm without its range; this one is linear.

    A subclass for each other norm says how values are mapped, which ranges it takes and where a
    colour bar has ticks.
    """

    name = "linear"
    direct = True  # whether `places` and `likely` are defined; else only `rule` is
    exact = True  # whether `places` gives every bit of `rule`
    fixed = ""  # name of the option that the range is part of, if it is
    axis = ""  # name of the scale of an axis with this norm, if not the norm's own
    parameter = ""  # name of its number, if it has one
    above = -math.inf  # autoscaling ignores values that are not above this,
    least = -math.inf  # and values below this

    def __init__(self, **parameters: Any) -> None:
        # no dataclasses, ten of which take longer to make than a picture to draw
        self.__dict__.update(parameters)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.items()))

    @property
    def boundaries(self) -> tuple[float, ...]:
        """Edges between the colours, if the norm has its own."""
        return ()

    @property
    def own_range(self) -> Ends:
        """Ends of the range, vmin and vmax, that the norm came with, each None if it did not."""
        return None, None

    @property
    def scale(self) -> Scale:
        """The scale of an axis with this norm, which determines its ticks."""
        return Scale(self.axis or self.name)

    @property
    def otherwise(self) -> tuple[float, float]:
        """Fallback range if there are no values to autoscale to."""
        return (1.0, 10.0) if self.above >= 0 else (0.0, 1.0)

    @property
    def wanted(self) -> str:
        """What values must be for autoscaling to take them into account."""
        if self.above > -math.inf:
            return f"above {self.above:g}"
        return f"{self.least:g} or more" if self.least > -math.inf else "finite"

    @property
    def bottom(self) -> float:
        """Lower bound of vmin, -inf if there is none."""
        return max(self.above, self.least)

    def check(self, vmin: float | None, vmax: float | None) -> None:
        """Raise an error if the norm is not defined over a range; an end may be None if unknown.

        Raises
        ------
        ValueError
            If both ends are known and one or their difference is not finite, or vmin is above vmax;
            if the norm does not accept an end; or if the range does not fit its centre.
        """
        if vmin is not None and vmax is not None:
            check_range(vmin, vmax)
        for name, value in (("vmin", vmin), ("vmax", vmax)):
            if value is not None and (value <= self.above or value < self.least):
                bound = f"above {self.above:g}"
                if value > self.above:
                    bound = f"at least {self.least:g}"
                raise ValueError(
                    f"expected {name} {bound} with {self._spelled}, not {name}={value!r}"
                )

    @property
    def _spelled(self) -> str:
        return f"norm={self.name!r}"

    def mirrored(self, vmin: float | None, vmax: float | None) -> Ends:
        """Return the ends of the range as this norm adjusts them."""
        return (vmin, vmax) if vmin is None or vmax is None else self.completed(vmin, vmax)

    def takes(self, values: Float64s) -> Float64s:
        """Return the values that autoscaling takes into account, out of finite `values`."""
        if self.above > -math.inf:
            return values[values > self.above]
        return values[values >= self.least] if self.least > -math.inf else values

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        """Return a range as this norm adjusts it: symmetric, or extended to enclose its center."""
        return vmin, vmax

    def rule(self, vmin: float, vmax: float, bins: int) -> Rule:
        """Return the norm over a range as a function, for a colormap of `bins` entries."""
        limits = np.array([[vmin, vmax]])

        def norm(x: Floats) -> Floats:
            return self.places(x.reshape(-1), limits).reshape(x.shape)

        return norm

    def for_dtype(self, dtype: np.dtype[Any], limits: Limits) -> tuple[Norm, Limits]:
        """Return the norm and the range of values of `dtype`."""
        return self, limits

    def transform(self, x: Floats) -> Floats:
        """Return an array of its own with the values on the scale that the norm is linear on."""
        return x.copy()

    def untransform(self, x: Float64s) -> Float64s:
        """Return the inverse of `transform`, up to rounding."""
        return x

    def places(self, x: Floats, limits: Float64s) -> Floats:
        """Return the normed values of `x`, (n,), over ranges (n, 2), or (1, 2) for all values."""
        with np.errstate(all="ignore"):
            place, low, high = (self.transform(each) for each in (x, *limits.T))
            kind = self._kind(place.dtype)
            place -= low.astype(kind)
            place /= (high - low).astype(kind)
        np.copyto(place, 0.0, where=limits[:, 0] == limits[:, 1])
        return place

    def _kind(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type in which the range is: that of an array with a float64 scalar."""
        return np.result_type(np.empty(1, dtype), np.float64(1.0))

    def likely(self, limits: Float64s, places: Float64s, eps: float) -> Float64s | None:
        """Return bounds that probably enclose the values normed to `places`, or None if unknown.

        Parameters
        ----------
        limits
            (R, 2) ranges.
        places
            (K,) normed values.
        eps
            Machine epsilon of the type that the norm computes in.

        Returns
        -------
        ndarray or None
            (2, R, K) lower and upper bounds.
        """
        if not self.direct:
            return None
        with np.errstate(all="ignore"):
            at = self._inverse(limits[:, :1], limits[:, 1:], places)
            near = NEAR * eps * self._size(at, np.abs(limits).max(1)[:, None])
            return np.stack([at - near, at + near])

    def _inverse(self, low: Float64s, high: Float64s, places: Float64s) -> Float64s:
        """Return the values with normed values `places`, up to rounding."""
        start, end = self.transform(low), self.transform(high)
        return self.untransform(start + (end - start) * places)

    def _size(self, at: Float64s, limits: Float64s) -> Float64s:
        """Return the magnitude of numbers whose rounding matters for the values `at`."""
        return limits

    def __str__(self) -> str:
        """Return a text that identifies the norm, "" for the linear one, an object by its type."""
        number = getattr(self, self.parameter, 0.0)
        return "" if self.name == "linear" else f"{self.name} {number!r} {self.boundaries!r}"


LINEAR = Norm()


class Scale(NamedTuple):
    """The scale of a matplotlib axis."""

    name: str  # "linear", "log", "symlog", "asinh", or "function"
    base: float = 10.0
    linear: float = 1.0  # linear threshold of "symlog", linear width of "asinh"


FUNCTION = Scale("function")


class CenteredNorm(Norm):
    """Linear, over a range that is symmetric about a value: matplotlib's `CenteredNorm`."""

    middle = 0.0
    axis = "function"

    def check(self, vmin: float | None, vmax: float | None) -> None:
        Norm.check(self, vmin, vmax)
        middle = self.middle
        inside = (vmin is None or vmin <= middle) and (vmax is None or middle <= vmax)
        if vmin is not None and vmax is not None:
            off = abs((vmax - middle) - (middle - vmin))
            inside = inside and off <= NEARLY_EVEN * (vmax - vmin)
        if not inside:
            given = (("vmin", vmin), ("vmax", vmax))
            said = " and ".join(f"{name}={x!r}" for name, x in given if x is not None)
            raise ValueError(
                f"expected a range as far on both sides of {middle!r} with norm='centered', "
                f"not {said}"
            )

    def mirrored(self, vmin: float | None, vmax: float | None) -> Ends:
        """Return the ends of the range, a missing one as the mirror image of the other."""
        if vmin is not None and vmax is None:
            vmax = 2 * self.middle - vmin
        elif vmax is not None and vmin is None:
            vmin = 2 * self.middle - vmax
        return Norm.mirrored(self, vmin, vmax)

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        middle = self.middle
        if vmax == 2 * middle - vmin or vmin == 2 * middle - vmax:  # but for rounding, symmetric
            return vmin, vmax
        half = max(middle - vmin, vmax - middle)
        low, high = middle - abs(half), middle + abs(half)
        return (low, high) if high == 2 * middle - low else (2 * middle - high, high)

    def __str__(self) -> str:
        return f"centered {self.middle!r}"


class PowerNorm(Norm):
    """A power of the linear norm: matplotlib's `PowerNorm`."""

    name, axis, parameter = "power", "function", "gamma"
    gamma = 1.0

    def places(self, x: Floats, limits: Float64s) -> Floats:
        place = Norm.places(self, x, limits)
        with np.errstate(all="ignore"):
            place[place > 0] = np.power(place[place > 0], self.gamma)
        return place

    def _kind(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        return dtype

    def _inverse(self, low: Float64s, high: Float64s, places: Float64s) -> Float64s:
        return Norm._inverse(self, low, high, places ** (1 / self.gamma))


class TwoSlopeNorm(Norm):
    """Linear on either side of a center: matplotlib's `TwoSlopeNorm`."""

    name, axis, parameter = "center", "function", "center"
    exact = False
    center = 0.0

    def check(self, vmin: float | None, vmax: float | None) -> None:
        Norm.check(self, vmin, vmax)
        if not ((vmin is None or vmin < self.center) and (vmax is None or self.center < vmax)):
            raise ValueError(
                f"expected center between vmin and vmax, not center={self.center!r}, vmin={vmin!r} "
                f"and vmax={vmax!r}"
            )

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        # matplotlib.colors.TwoSlopeNorm.autoscale_None
        if vmin >= self.center:
            vmin = self.center - (vmax - self.center)
        if vmax <= self.center:
            vmax = self.center + (self.center - vmin)
        return vmin, vmax

    def rule(self, vmin: float, vmax: float, bins: int) -> Rule:
        points = [vmin, self.center, vmax]
        return lambda x: np.interp(x, points, [0, 0.5, 1], left=-np.inf, right=np.inf)

    def places(self, x: Floats, limits: Float64s) -> Floats:
        """Return the values of `rule` up to rounding: compilers may join operations of `interp`."""
        low, high = limits.T
        x = x.astype(np.float64)
        with np.errstate(all="ignore"):
            below, above = 0.5 / (self.center - low), 0.5 / (high - self.center)
            place: Floats = np.where(
                x < self.center, below * (x - low), above * (x - self.center) + 0.5
            )
        place[x < low] = -np.inf
        place[x > high] = np.inf
        place[x == high] = 1.0
        return place

    def _inverse(self, low: Float64s, high: Float64s, places: Float64s) -> Float64s:
        side = np.where(places < 0.5, low - self.center, high - self.center)
        at: Float64s = self.center + side * np.abs(2 * places - 1)
        return at


class ScaledNorm(Norm):
    """Linear on the scale of an axis, as `matplotlib.colors.make_norm_from_scale` makes norms."""

    def places(self, x: Floats, limits: Float64s) -> Floats:
        place = Norm.places(self, x, limits)
        place[~np.isfinite(place)] = np.nan
        return place

    def _size(self, at: Float64s, limits: Float64s) -> Float64s:
        size: Float64s = 16 * (np.abs(at) + self._unit)
        return size

    @property
    def _unit(self) -> float:
        """The size of values for which the scale is about linear."""
        return self.scale.linear


class LogNorm(ScaledNorm):
    """Logarithmic, of values above 0: matplotlib's `LogNorm`."""

    name = "log"
    above = 0.0

    def transform(self, x: Floats) -> Floats:
        place: Floats = np.log10(x)
        return place

    def untransform(self, x: Float64s) -> Float64s:
        at: Float64s = np.power(10.0, x)
        return at

    @property
    def _unit(self) -> float:
        return 0.0


class AsinhNorm(ScaledNorm):
    """The inverse hyperbolic sine: matplotlib's `AsinhNorm` of linear width 1."""

    name = "asinh"

    def transform(self, x: Floats) -> Floats:
        wide = x / np.float64(1)
        # numpy.ma divides by nothing that is so much smaller
        wide[np.abs(wide) * np.finfo(np.float64).tiny >= 1] = np.nan
        place: Floats = np.arcsinh(wide)
        return place

    def untransform(self, x: Float64s) -> Float64s:
        return np.sinh(x)


class SymLogNorm(ScaledNorm):
    """Logarithmic on either side of a linear part: `SymLogNorm`, base 10, linscale 1."""

    name, parameter = "symlog", "linthresh"
    linthresh = SYMLOG_LINEAR

    @property
    def scale(self) -> Scale:
        return Scale("symlog", linear=self.linthresh)

    def transform(self, x: Floats) -> Floats:
        # float64, since numbers promote the masked arrays that matplotlib has here
        linthresh, linscale = np.float64(self.linthresh), np.float64(1.0 / (1.0 - 1.0 / 10))
        log_base, size = np.log(10), np.abs(x)
        inside = size <= linthresh
        if np.all(inside):
            return x * linscale
        decades = linscale - np.log(linthresh) / log_base + np.log(size) / log_base
        out: Floats = np.sign(x) * linthresh * decades
        out[inside] = x[inside] * linscale
        return out

    def untransform(self, x: Float64s) -> Float64s:
        width, linscale = self.linthresh, 1 / (1 - 0.1)
        size = np.abs(x) / width
        far = np.where(size <= linscale, size / linscale, 10.0 ** (size - linscale))
        return np.sign(x) * width * far


class BoundaryNorm(Norm):
    """A colour for each interval between boundaries: matplotlib's `BoundaryNorm`."""

    name, direct, fixed = "boundaries", False, "boundaries"
    edges: tuple[float, ...] = ()

    @property
    def boundaries(self) -> tuple[float, ...]:
        """Edges between the colours."""
        return self.edges

    @property
    def own_range(self) -> tuple[float, float]:
        """The first and the last boundary."""
        return self.edges[0], self.edges[-1]

    def rule(self, vmin: float, vmax: float, bins: int) -> Rule:
        """Return the norm, with the centres of entries for the integers of matplotlib's."""
        boundaries = np.array(self.edges)
        regions = len(boundaries) - 1
        low, high = map(float, self.own_range)  # Python floats compare in x's own type

        def norm(x: Floats) -> Floats:
            entry = (np.digitize(x, boundaries) - 1).astype(np.float64)
            if bins > regions:
                if regions == 1:
                    entry[entry == 0] = (bins - 1) // 2
                else:
                    entry = (bins - 1) / (regions - 1) * entry
            entry = np.trunc(entry)
            entry[x < low] = -1
            entry[x >= high] = bins
            entry[np.isnan(x)] = np.nan
            return (entry + 0.5) / bins

        return norm


class IndexNorm(Norm):
    """Values as indices of the colours: matplotlib's `NoNorm` of integers."""

    name, parameter, fixed = "index", "colors", "NoNorm"
    colors = 0.0  # number of entries of the colormap

    @property
    def own_range(self) -> tuple[float, float]:
        """The indices of the first and the last colour."""
        return 0.0, self.colors - 1

    @property
    def scale(self) -> Scale:
        return Scale("index", base=self.colors)

    def for_dtype(self, dtype: np.dtype[Any], limits: Limits) -> tuple[Norm, Limits]:
        """Return the norm and the range of values of `dtype`; floats are shares of the colormap."""
        return (self, limits) if dtype.kind in "biu" else (LINEAR, (0.0, 1.0))

    def places(self, x: Floats, limits: Float64s) -> Floats:
        """Return the centres of the colours with these indices."""
        place: Floats = (x + 0.5) / self.colors
        return place

    def likely(self, limits: Float64s, places: Float64s, eps: float) -> Float64s | None:
        return Norm.likely(self, np.array([[-0.5, self.colors - 0.5]]), places, eps)


def check_range(vmin: float, vmax: float) -> None:
    """Raise an error if no colormap can span a range.

    Raises
    ------
    ValueError
        If an end or their difference is not finite, or vmin is above vmax.
    """
    for name, value in (("vmin", vmin), ("vmax", vmax)):
        if not math.isfinite(value):
            raise ValueError(f"expected {name} to be a finite number, not {value!r}")
    if vmin > vmax:
        raise ValueError(f"expected vmin <= vmax, not vmin={vmin!r} and vmax={vmax!r}")
    if not math.isfinite(vmax - vmin):
        raise ValueError(
            f"expected vmax - vmin to be below 1.8e308, not vmin={vmin!r} and vmax={vmax!r}"
        )
