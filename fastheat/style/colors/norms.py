"""Norms: the mapping of values to the 0 .. 1 of a colormap, in matplotlib's own arithmetic.

A norm and the colormap's indexing are both monotone, so each bin is an interval of values. `bins`
finds its edges by bisection over the floats of the type that the norm computes in, so that a kernel
that only compares values with edges puts every value into the same bin as matplotlib.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.messages import short

Floats = NDArray[np.floating]
Ends = tuple[float | None, float | None]  # vmin and vmax, None if not known
# function from values to normed values: 0 .. 1 span the colormap, NaN is what the norm rejects
Rule = Callable[[Floats], Floats]

NEAR = 8  # roundings on either side of an estimated edge, within which it is searched for first
NEARLY_EVEN = 1e-9  # of the range: largest difference between the two sides of a centered one
SYMLOG_LINEAR = 2.0  # default linear threshold of "symlog", as in matplotlib's SymmetricalLogScale
SAMPLES = 513  # values in and on each side of the range at which norm objects are checked to rise


def working_type(dtype: np.dtype) -> np.dtype:
    """Return the float type in which matplotlib norms values of `dtype`.

    `matplotlib.colors.Normalize.process_value` converts bool and integers of up to 16 bits to
    float32, and larger ones to float64; `imshow` converts float16 to float32.
    """
    if dtype.kind in "biu":
        return np.promote_types(dtype, np.float32)
    return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)


@dataclass(frozen=True, slots=True)
class Norm:
    """A norm without its range."""

    name: str = "linear"  # or "log", "symlog", "asinh", "power", "center", "boundaries", "object"
    number: float = 0.0  # linear threshold of "symlog", exponent of "power", value of "center"
    boundaries: tuple[float, ...] = ()
    given: Any = None  # for "object": an object that is called as matplotlib's `Normalize`
    above: float = -math.inf  # autoscaling ignores values that are not above this,
    least: float = -math.inf  # and values below this
    middle: float | None = None  # for "linear": centre of a range that has to be symmetric

    @property
    def fixed(self) -> tuple[float, float] | None:
        """Range that is part of the norm itself, or None."""
        return (self.boundaries[0], self.boundaries[-1]) if self.boundaries else None

    @property
    def own_range(self) -> tuple[float | None, float | None]:
        """Ends of the range, vmin and vmax, that the norm came with, each None if it did not."""
        if self.given is None:
            return self.fixed or (None, None)
        return _end(self.given, "vmin"), _end(self.given, "vmax")

    @property
    def otherwise(self) -> tuple[float, float]:
        """Fallback range if there are no values to autoscale to."""
        return (1.0, 10.0) if self.above >= 0 else (0.0, 1.0)

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
                norm = "this norm" if self.given is not None else f"norm={self.name!r}"
                raise ValueError(f"expected {name} {bound} with {norm}, not {name}={value!r}")
        if self.middle is not None:
            self._check_middle(vmin, vmax)
        if self.name == "center" and not (
            (vmin is None or vmin < self.number) and (vmax is None or self.number < vmax)
        ):
            raise ValueError(
                f"expected center between vmin and vmax, not center={self.number!r}, vmin={vmin!r} "
                f"and vmax={vmax!r}"
            )

    def _check_middle(self, vmin: float | None, vmax: float | None) -> None:
        middle: float = self.middle or 0.0
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
        """Return the ends of the range as this norm adjusts them.

        For a symmetric range, a missing end is the mirror image of the other one.
        """
        if self.middle is not None and (vmin is None) != (vmax is None):
            if vmin is not None:
                vmax = 2 * self.middle - vmin
            elif vmax is not None:
                vmin = 2 * self.middle - vmax
        if vmin is None or vmax is None:
            return vmin, vmax
        return self.completed(vmin, vmax)

    def takes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values that autoscaling takes into account, out of finite `values`."""
        if self.above > -math.inf:
            return values[values > self.above]
        return values[values >= self.least] if self.least > -math.inf else values

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        """Return a range as this norm adjusts it: symmetric, or extended to enclose its center."""
        if self.given is not None:
            return _with_range(self.given, vmin, vmax)[1]
        if self.middle is not None:
            return _about(self.middle, vmin, vmax)
        if self.name == "center":
            # matplotlib.colors.TwoSlopeNorm.autoscale_None
            if vmin >= self.number:
                vmin = self.number - (vmax - self.number)
            if vmax <= self.number:
                vmax = self.number + (self.number - vmin)
        return vmin, vmax

    @property
    def has_places(self) -> bool:
        """True if `places` is implemented for this norm."""
        return self.given is None and self.name != "boundaries"

    def places(self, x: Floats, ends: NDArray[np.float64]) -> Floats:
        """Return the normed values of `x`, (n,), each over a range of its own, `ends`, (n, 2).

        They equal the results of `rule` over each range; for "center", only up to rounding.
        """
        low, high = ends.T
        if self.name == "center":
            return _slopes(x, low, self.number, high)
        place = x.copy()
        kind: np.dtype[Any] = x.dtype
        with np.errstate(all="ignore"):
            if self.name not in ("linear", "power"):
                place, low, high = (self._transform(each) for each in (x, low, high))
            if self.name != "power":  # the type of an array combined with a float64 scalar
                kind = np.result_type(np.empty(1, place.dtype), np.float64(1.0))
            place -= low.astype(kind)
            place /= (high - low).astype(kind)
            if self.name == "power":
                place[place > 0] = np.power(place[place > 0], self.number)
        if self.name not in ("linear", "power"):
            place[~np.isfinite(place)] = np.nan
        place[ends[:, 0] == ends[:, 1]] = 0.0
        return place

    def likely(
        self, ends: NDArray[np.float64], places: NDArray[np.float64], eps: float
    ) -> NDArray[np.float64] | None:
        """Return bounds that probably enclose the values normed to `places`, or None if unknown.

        Parameters
        ----------
        ends
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
        low, high = ends[:, :1], ends[:, 1:]
        size: Any = np.abs(ends).max(1)[:, None]
        with np.errstate(all="ignore"):
            if self.name == "linear":
                at = low + (high - low) * places
            elif self.name == "power":
                at = low + (high - low) * places ** (1 / self.number)
            elif self.name == "center":
                side = np.where(places < 0.5, low - self.number, high - self.number)
                at = self.number + side * np.abs(2 * places - 1)
            elif self.has_places:
                start, end = self._transform(low), self._transform(high)
                at = self._untransform(start + (end - start) * places)
                size = 16 * (np.abs(at) + {"log": 0.0, "asinh": 1.0}.get(self.name, self.number))
            else:
                return None
            return np.stack([at - NEAR * eps * size, at + NEAR * eps * size])

    def _untransform(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the inverse of `_transform`, up to rounding."""
        if self.name == "log":
            return np.power(10.0, x)
        if self.name == "asinh":
            return np.sinh(x)
        width, linscale = self.number, 1 / (1 - 0.1)
        size = np.abs(x) / width
        return (
            np.sign(x)
            * width
            * np.where(size <= linscale, size / linscale, 10.0 ** (size - linscale))
        )

    def _transform(self, x: Floats) -> Floats:
        """Return values on the scale on which the norm is linear."""
        if self.name == "log":
            return _log(x)
        return _asinh(x) if self.name == "asinh" else _symlog(self.number, x)

    def rule(self, vmin: float, vmax: float, bins: int) -> Rule:
        """Return the norm over a range as a function, for a colormap of `bins` entries."""
        if self.given is not None:
            return _called(self.given, vmin, vmax, bins)
        if self.name == "linear":
            return linear(vmin, vmax)
        if self.name == "power":
            return _power(vmin, vmax, self.number)
        if self.name == "center":
            return _two_slopes(vmin, self.number, vmax)
        if self.name == "boundaries":
            return _stepped(np.array(self.boundaries), bins)
        return _scaled(self._transform, vmin, vmax)

    def __str__(self) -> str:
        """Return a text that identifies the norm: "" for plain linear, an object by its type."""
        if self.name == "linear":
            return "" if self.middle is None else f"centered {self.middle!r}"
        if self.given is not None:
            return type(self.given).__qualname__
        return f"{self.name} {self.number!r} {self.boundaries!r}"


LINEAR = Norm()


def _about(middle: float, vmin: float, vmax: float) -> tuple[float, float]:
    """Return the smallest range symmetric about `middle` that encloses another: `CenteredNorm`."""
    if vmax == 2 * middle - vmin or vmin == 2 * middle - vmax:  # symmetric up to rounding already
        return vmin, vmax
    half = max(middle - vmin, vmax - middle)
    low, high = middle - abs(half), middle + abs(half)
    return (low, high) if high == 2 * middle - low else (2 * middle - high, high)


# -------------------------------------------------------------------------- matplotlib's arithmetic


def linear(vmin: float, vmax: float) -> Rule:
    """Return `Normalize(vmin, vmax)`, which computes in the type of its argument."""
    low, high = np.float64(vmin), np.float64(vmax)

    def norm(x: Floats) -> Floats:
        if low == high:
            return np.zeros_like(x)
        x = x.copy()
        with np.errstate(all="ignore"):
            x -= low
            x /= high - low
        return x

    return norm


def _power(vmin: float, vmax: float, gamma: float) -> Rule:
    """Return `PowerNorm(gamma, vmin, vmax)`."""

    def norm(x: Floats) -> Floats:
        if vmin == vmax:
            return np.zeros_like(x)
        x = x.copy()
        with np.errstate(all="ignore"):
            x -= vmin
            x /= vmax - vmin
            x[x > 0] = np.power(x[x > 0], gamma)
        return x

    return norm


def _two_slopes(vmin: float, center: float, vmax: float) -> Rule:
    """Return `TwoSlopeNorm(center, vmin, vmax)`."""

    def norm(x: Floats) -> Floats:
        return np.interp(x, [vmin, center, vmax], [0, 0.5, 1], left=-np.inf, right=np.inf)

    return norm


def _slopes(
    x: Floats, low: NDArray[np.float64], center: float, high: NDArray[np.float64]
) -> Floats:
    """Return values normed as by `_two_slopes`, each over a range of its own.

    This is only equal up to rounding, since the compiler may have fused operations in numpy.interp.
    """
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        below, above = 0.5 / (center - low), 0.5 / (high - center)
        place: Floats = np.where(x < center, below * (x - low), above * (x - center) + 0.5)
    place[x < low] = -np.inf
    place[x > high] = np.inf
    place[x == high] = 1.0
    return place


def _scaled(transform: Callable[[Floats], Floats], vmin: float, vmax: float) -> Rule:
    """Return the norm that `make_norm_from_scale` builds from a scale's transform."""
    with np.errstate(all="ignore"):
        low, high = transform(np.array([vmin, vmax]))

    def norm(x: Floats) -> Floats:
        if vmin == vmax:
            return np.zeros_like(x)
        with np.errstate(all="ignore"):
            place = transform(x)
            place -= low
            place /= high - low
        place[~np.isfinite(place)] = np.nan
        return place

    return norm


def _log(x: Floats) -> Floats:
    place: Floats = np.log10(x)
    return place


def _asinh(x: Floats) -> Floats:
    """Return matplotlib's `AsinhTransform` with linear width 1."""
    wide = x / np.float64(1)
    # numpy.ma masks a quotient if its divisor is that much smaller
    wide[np.abs(wide) * np.finfo(np.float64).tiny >= 1] = np.nan
    place: Floats = np.arcsinh(wide)
    return place


def _symlog(width: float, x: Floats) -> Floats:
    """Return matplotlib's `SymmetricalLogTransform` with base 10 and linscale 1."""
    linthresh = np.float64(width)  # float64: numbers promote the masked arrays it gets there
    base = 10
    linscale = np.float64(1.0 / (1.0 - 1.0 / base))
    log_base = np.log(base)
    size = np.abs(x)
    inside = size <= linthresh
    if np.all(inside):
        return x * linscale
    out: Floats = (
        np.sign(x) * linthresh * (linscale - np.log(linthresh) / log_base + np.log(size) / log_base)
    )
    out[inside] = x[inside] * linscale
    return out


def _stepped(boundaries: NDArray[np.float64], bins: int) -> Rule:
    """Return `BoundaryNorm(boundaries, bins)`, with the centres of entries for its integers."""
    regions = len(boundaries) - 1
    low, high = float(boundaries[0]), float(boundaries[-1])  # Python floats compare in x's own type

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


# ---------------------------------------------------------------------------------- norm objects


def _end(norm: Any, name: str) -> float | None:
    value = getattr(norm, name)
    return None if value is None else float(value)


def _with_range(norm: Any, vmin: float, vmax: float) -> tuple[Any, tuple[float, float]]:
    """Return a copy of a norm object set to a range, and that range as the object adjusts it."""
    norm = copied(norm)
    own = _end(norm, "vmin"), _end(norm, "vmax")
    try:
        if None in own:
            if hasattr(norm, "autoscale_None"):
                with np.errstate(all="ignore"):
                    norm.autoscale_None(np.array([vmin, vmax]))
            # ends that autoscale_None left unset, or those of an object without it
            norm.vmin = vmin if _end(norm, "vmin") is None else norm.vmin
            norm.vmax = vmax if _end(norm, "vmax") is None else norm.vmax
        elif own != (vmin, vmax):
            norm.vmin, norm.vmax = vmin, vmax
            if norm.vmin > vmin:  # setting an end of a CenteredNorm moves the other
                norm.vmin = vmin
        ends = _end(norm, "vmin"), _end(norm, "vmax")
    except Exception as error:
        raise _unfit(norm, vmin, vmax, error) from error
    low = vmin if ends[0] is None else ends[0]
    return norm, (low, vmax if ends[1] is None else ends[1])


def copied(norm: Any) -> Any:
    """Return a copy of a norm object, so that changing it leaves the caller's alone."""
    try:
        return copy.deepcopy(norm)
    except Exception:  # it has parts that cannot be copied, and are shared
        return copy.copy(norm)


def _unfit(norm: Any, vmin: float, vmax: float, why: object) -> ValueError:
    name, why = type(norm).__name__, " ".join(str(why).split()) or type(why).__name__
    return ValueError(f"expected a norm over {vmin:g} to {vmax:g}, not this {name}: {why}")


def _called(norm: Any, vmin: float, vmax: float, bins: int) -> Rule:
    """Return a norm object, called as matplotlib's `Normalize`, as a checked function.

    Raises
    ------
    ValueError
        If calling it fails, or it rejects values in the range or decreases anywhere.
    """
    norm, _ = _with_range(norm, vmin, vmax)

    def rule(x: Floats) -> Floats:
        try:
            # a copy, since some norms write to their argument
            with np.errstate(all="ignore"):
                given = norm(np.ma.array(x.copy(), mask=np.zeros(x.shape, bool)))
            hidden = np.ma.getmaskarray(given)
            place: NDArray[Any] = np.array(np.ma.getdata(given))
            if place.shape != x.shape or place.dtype.kind not in "fiub":
                raise TypeError(f"it gives {short(place)} for {short(x)}")
        except Exception as error:
            raise _unfit(norm, vmin, vmax, error) from error
        if place.dtype.kind != "f":  # indices of entries, as from a BoundaryNorm
            place = (place + 0.5) / bins
        place[hidden] = np.nan
        return place

    inside = np.linspace(vmin, vmax, SAMPLES)
    places = rule(inside)
    if np.isnan(places).any():
        at = inside[np.isnan(places)][0]
        raise _unfit(norm, vmin, vmax, f"it does not take {at:g}")
    beyond = np.geomspace(2.0**-10, 2.0**10, SAMPLES) * ((vmax - vmin) or 1.0)
    values = np.concatenate([vmin - beyond[::-1], inside, vmax + beyond])
    with np.errstate(all="ignore"):
        places = rule(values)
        values, places = values[~np.isnan(places)], places[~np.isnan(places)]
        falls = np.flatnonzero(places[1:] < places[:-1] - 1e-6 * np.abs(places[:-1]))
    if len(falls):
        raise _unfit(norm, vmin, vmax, f"it falls at {values[falls[0]]:g}, where it should rise")
    return rule


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
