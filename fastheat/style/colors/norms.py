"""Norms: which values share a bin of the colormap, as edges in data units.

A norm and the colormap's index rule are both monotone, so a bin is an interval of values; its edges
are found by bisection over the floats of the data's own type with matplotlib's own arithmetic, and
a kernel that compares with them gives matplotlib's bins for every value.
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
Ends = tuple[float | None, float | None]  # of a range, as far as they are known
# takes values to where 0 .. 1 are the ends of the colormap, and to NaN what the norm cannot take
Rule = Callable[[Floats], Floats]

NEAR = 8  # roundings, within which the edges of straight norms are looked for first
NEARLY_EVEN = 1e-9  # of a range, what its sides may differ by where they are to be the same
SYMLOG_LINEAR = 2.0  # up to where "symlog" is linear, matplotlib's SymmetricalLogScale
SAMPLES = 513  # of a norm that somebody else wrote, which has to rise with its values


def working_type(dtype: np.dtype) -> np.dtype:
    """Return the float type that matplotlib norms values of `dtype` in.

    `matplotlib.colors.Normalize.process_value` takes integers of up to 16 bits and bool to float32,
    larger ones to float64; `imshow` takes float16 to float32.
    """
    if dtype.kind in "biu":
        return np.promote_types(dtype, np.float32)
    return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)


@dataclass(frozen=True, slots=True)
class Norm:
    """How values are spread over a colormap, but for their range."""

    name: str = "linear"  # or "log", "symlog", "asinh", "power", "center", "boundaries", "object"
    number: float = 0.0  # where "symlog" becomes linear, the exponent of "power", the "center"
    boundaries: tuple[float, ...] = ()
    given: Any = None  # an "object" that is called as matplotlib's `Normalize`
    above: float = -math.inf  # what a range is taken from lies above this,
    least: float = -math.inf  # and not below this
    middle: float | None = None  # what the range is as far from on both sides, of "linear"

    @property
    def fixed(self) -> tuple[float, float] | None:
        """The range, where it is part of the norm."""
        return (self.boundaries[0], self.boundaries[-1]) if self.boundaries else None

    @property
    def own_range(self) -> tuple[float | None, float | None]:
        """The ends of the range that the norm comes with."""
        if self.given is None:
            return self.fixed or (None, None)
        return _end(self.given, "vmin"), _end(self.given, "vmax")

    @property
    def otherwise(self) -> tuple[float, float]:
        """The range where there are no values to take it from."""
        return (1.0, 10.0) if self.above >= 0 else (0.0, 1.0)

    @property
    def bottom(self) -> float:
        """What no range goes below."""
        return max(self.above, self.least)

    def check(self, vmin: float | None, vmax: float | None) -> None:
        """Refuse ends of a range, as far as they are known, that values cannot be spread over.

        Raises
        ------
        ValueError
            If an end or their difference is not finite, the lower is above the higher, or the norm
            does not take one of them.
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
        """Return the ends that were given, and what the norm makes of them for the others."""
        if self.middle is not None and (vmin is None) != (vmax is None):
            if vmin is not None:
                vmax = 2 * self.middle - vmin
            elif vmax is not None:
                vmin = 2 * self.middle - vmax
        if vmin is None or vmax is None:
            return vmin, vmax
        return self.completed(vmin, vmax)

    def takes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return those of some finite values that a range can be taken from."""
        if self.above > -math.inf:
            return values[values > self.above]
        return values[values >= self.least] if self.least > -math.inf else values

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        """Return a range taken from values as the norm makes it, such that it holds its center."""
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
        """Whether `places` knows its arithmetic."""
        return self.given is None and self.name != "boundaries"

    def places(self, x: Floats, ends: NDArray[np.float64]) -> Floats:
        """Return the places of values (n,), each over a range of its own, (n, 2).

        They are those of `rule`, one for each range; about those, of a norm with a center.
        """
        low, high = ends.T
        if self.name == "center":
            return _slopes(x, low, self.number, high)
        place = x.copy()
        kind: np.dtype[Any] = x.dtype
        with np.errstate(all="ignore"):
            if self.name not in ("linear", "power"):
                place, low, high = (self._transform(each) for each in (x, low, high))
            if self.name != "power":  # as numpy combines an array and a scalar of float64
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
        """Return what values of places (K,) over R ranges lie between, (2, R, K), if it is known.

        Parameters
        ----------
        eps
            Of the type that the norm computes in.
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
        """Return about what values have places on that scale."""
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
        """Return values on the scale that they are evenly spread on."""
        if self.name == "log":
            return _log(x)
        return _asinh(x) if self.name == "asinh" else _symlog(self.number, x)

    def rule(self, vmin: float, vmax: float, bins: int) -> Rule:
        """Return what takes values to their places in a colormap of so many entries."""
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
        """Tell it from others, "" for the plain one; of an object this is its name only."""
        if self.name == "linear":
            return "" if self.middle is None else f"centered {self.middle!r}"
        if self.given is not None:
            return type(self.given).__qualname__
        return f"{self.name} {self.number!r} {self.boundaries!r}"


LINEAR = Norm()


def _about(middle: float, vmin: float, vmax: float) -> tuple[float, float]:
    """Return the range as far on both sides of a value that holds another, as `CenteredNorm`."""
    if vmax == 2 * middle - vmin or vmin == 2 * middle - vmax:  # one that it made, but for rounding
        return vmin, vmax
    half = max(middle - vmin, vmax - middle)
    low, high = middle - abs(half), middle + abs(half)
    return (low, high) if high == 2 * middle - low else (2 * middle - high, high)


# -------------------------------------------------------------------------- matplotlib's arithmetic


def linear(vmin: float, vmax: float) -> Rule:
    """Return matplotlib's `Normalize(vmin, vmax)`, in the arithmetic of the array it is given."""
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
    """Return what `numpy.interp` does of `_two_slopes`, whose operations a compiler may join."""
    x = x.astype(np.float64)
    with np.errstate(all="ignore"):
        below, above = 0.5 / (center - low), 0.5 / (high - center)
        place: Floats = np.where(x < center, below * (x - low), above * (x - center) + 0.5)
    place[x < low] = -np.inf
    place[x > high] = np.inf
    place[x == high] = 1.0
    return place


def _scaled(transform: Callable[[Floats], Floats], vmin: float, vmax: float) -> Rule:
    """Return the norm that `make_norm_from_scale` makes of a scale."""
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
    """Return matplotlib's `AsinhTransform` of linear width 1."""
    wide = x / np.float64(1)
    # numpy.ma divides by nothing that is so much smaller
    wide[np.abs(wide) * np.finfo(np.float64).tiny >= 1] = np.nan
    place: Floats = np.arcsinh(wide)
    return place


def _symlog(width: float, x: Floats) -> Floats:
    """Return matplotlib's `SymmetricalLogTransform` of base 10 and linscale 1."""
    linthresh = np.float64(width)  # masked arrays, which it is given, take on the type of numbers
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
    """Return `BoundaryNorm(boundaries, bins)`, its whole numbers as the middles of entries."""
    regions = len(boundaries) - 1
    low, high = float(boundaries[0]), float(boundaries[-1])  # compared in the type of the values

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


# ------------------------------------------------------------------------------- norms of others


def _end(norm: Any, name: str) -> float | None:
    value = getattr(norm, name)
    return None if value is None else float(value)


def _with_range(norm: Any, vmin: float, vmax: float) -> tuple[Any, tuple[float, float]]:
    """Return a copy of a norm over a range, and the range that it makes of it."""
    norm = copied(norm)
    own = _end(norm, "vmin"), _end(norm, "vmax")
    try:
        if None in own:
            if hasattr(norm, "autoscale_None"):
                with np.errstate(all="ignore"):
                    norm.autoscale_None(np.array([vmin, vmax]))
            # what that leaves, and for ends that were given while it was not
            norm.vmin = vmin if _end(norm, "vmin") is None else norm.vmin
            norm.vmax = vmax if _end(norm, "vmax") is None else norm.vmax
        elif own != (vmin, vmax):
            norm.vmin, norm.vmax = vmin, vmax
            if norm.vmin > vmin:  # of a CenteredNorm each end moves the other
                norm.vmin = vmin
        ends = _end(norm, "vmin"), _end(norm, "vmax")
    except Exception as error:
        raise _unfit(norm, vmin, vmax, error) from error
    low = vmin if ends[0] is None else ends[0]
    return norm, (low, vmax if ends[1] is None else ends[1])


def copied(norm: Any) -> Any:
    """Return a copy of a norm, such that what is done to it is not seen from outside."""
    try:
        return copy.deepcopy(norm)
    except Exception:  # what cannot be copied as a whole is shared
        return copy.copy(norm)


def _unfit(norm: Any, vmin: float, vmax: float, why: object) -> ValueError:
    name, why = type(norm).__name__, " ".join(str(why).split()) or type(why).__name__
    return ValueError(f"expected a norm over {vmin:g} to {vmax:g}, not this {name}: {why}")


def _called(norm: Any, vmin: float, vmax: float, bins: int) -> Rule:
    """Return the rule of an object that is called as matplotlib's `Normalize`."""
    norm, _ = _with_range(norm, vmin, vmax)

    def rule(x: Floats) -> Floats:
        try:
            # some write to what they are given
            with np.errstate(all="ignore"):
                given = norm(np.ma.array(x.copy(), mask=np.zeros(x.shape, bool)))
            hidden = np.ma.getmaskarray(given)
            place: NDArray[Any] = np.array(np.ma.getdata(given))
            if place.shape != x.shape or place.dtype.kind not in "fiub":
                raise TypeError(f"it gives {short(place)} for {short(x)}")
        except Exception as error:
            raise _unfit(norm, vmin, vmax, error) from error
        if place.dtype.kind != "f":  # entries themselves, as of a BoundaryNorm
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
    """Refuse a range that no colormap can be spread over.

    Raises
    ------
    ValueError
        If an end or their difference is not finite, or the lower is above the higher.
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
