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
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.messages import short

Floats = NDArray[np.floating]
# takes values to where 0 .. 1 are the ends of the colormap, and to NaN what the norm cannot take
Rule = Callable[[Floats], Floats]

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
        if self.name == "center" and not (
            (vmin is None or vmin < self.number) and (vmax is None or self.number < vmax)
        ):
            raise ValueError(
                f"expected center between vmin and vmax, not center={self.number!r}, vmin={vmin!r} "
                f"and vmax={vmax!r}"
            )

    def takes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return those of some finite values that a range can be taken from."""
        if self.above > -math.inf:
            return values[values > self.above]
        return values[values >= self.least] if self.least > -math.inf else values

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        """Return a range taken from values as the norm makes it, such that it holds its center."""
        if self.given is not None:
            return _with_range(self.given, vmin, vmax)[1]
        if self.name == "center":
            # matplotlib.colors.TwoSlopeNorm.autoscale_None
            if vmin >= self.number:
                vmin = self.number - (vmax - self.number)
            if vmax <= self.number:
                vmax = self.number + (self.number - vmin)
        return vmin, vmax

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
        transforms: dict[str, Callable[[Floats], Floats]] = {
            "log": _log,
            "asinh": _asinh,
            "symlog": partial(_symlog, self.number),
        }
        return _scaled(transforms[self.name], vmin, vmax)

    def __str__(self) -> str:
        """Tell it from others, "" for the plain one; of an object this is its name only."""
        if self.name == "linear":
            return ""
        if self.given is not None:
            return type(self.given).__qualname__
        return f"{self.name} {self.number!r} {self.boundaries!r}"


LINEAR = Norm()


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


# ------------------------------------------------------------------------------------------- edges


class Edges(NamedTuple):
    """The values at which the bins of a colormap begin."""

    # (bins + 1,) the least value in or above each bin, then the least above all of them; infinite
    # where there is none. What is below the first is under, what is not below the last over.
    bins: NDArray[np.float64]
    floor: float  # the norm takes values from here on,
    ceiling: float  # and below this


def bin_edges(norm: Rule, bins: int, dtype: np.dtype, within: float = 0.0) -> Edges:
    """Return where the bins of a colormap begin.

    Parameters
    ----------
    norm
        Takes an array of `dtype` to where 0 .. 1 are the ends of the colormap.
    bins
        Entries of the colormap.
    dtype
        float32 or float64, see `working_type`.
    within
        A value that the norm takes.

    Notes
    -----
    `matplotlib.colors.Colormap.__call__` multiplies by the number of entries, counts what equals it
    to the last entry, and truncates.
    """
    wanted = np.arange(bins + 1)

    def reached(x: Floats) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            place = norm(x)
            place = place * place.dtype.type(bins)
        return np.where(wanted < bins, place >= wanted, place > bins)

    def taken(x: Floats) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            missing: NDArray[np.bool_] = np.isnan(norm(x))
        return ~missing

    largest = float(np.finfo(dtype).max)
    within = float(np.clip(np.array(within, dtype), -largest, largest))
    floor = float(_least(taken, 1, dtype, -largest, within)[0])
    ceiling = float(_least(lambda x: ~taken(x), 1, dtype, within, largest)[0])
    top = float(np.nextafter(np.array(ceiling, dtype), dtype.type(within)))
    return Edges(
        _least(reached, len(wanted), dtype, max(floor, -largest), min(top, largest)),
        max(floor, -np.finfo(np.float64).max),
        ceiling,
    )


def edge_above(norm: Rule, threshold: float, edges: Edges, dtype: np.dtype) -> float:
    """Return the least value whose norm is above that of `threshold`, which is in data units."""
    if threshold < edges.floor:
        return -np.inf
    if threshold >= edges.ceiling:
        return np.inf
    with np.errstate(all="ignore"):
        limit = norm(np.array([threshold]).astype(dtype))

    def reached(x: Floats) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            return norm(x) > limit

    largest = float(np.finfo(dtype).max)
    top = float(np.nextafter(np.array(edges.ceiling, dtype), dtype.type(threshold)))
    return float(_least(reached, 1, dtype, max(edges.floor, -largest), min(top, largest))[0])


def _least(
    reached: Callable[[Floats], NDArray[np.bool_]],
    count: int,
    dtype: np.dtype,
    bottom: float,
    top: float,
) -> NDArray[np.float64]:
    """Return the least float for which each of `count` monotone predicates holds.

    -inf where it holds at `bottom` already, inf where it does not hold at `top`.
    """
    low = np.full(count, _order(bottom, dtype))  # none is known to hold here
    high = np.full(count, _order(top, dtype))
    always = reached(np.full(count, bottom, dtype))
    never = ~reached(np.full(count, top, dtype))
    while np.any(low + 1 < high):
        middle = (low >> 1) + (high >> 1) + (low & high & 1)  # their sum may not fit
        holds = reached(_float(middle, dtype))
        high = np.where(holds, middle, high)
        low = np.where(holds, low, middle)
    edges = _float(high, dtype).astype(np.float64)
    edges[always] = -np.inf
    edges[never] = np.inf
    return edges


# Floats are in the order of their magnitude's bits, taken with their sign.
def _order(x: float, dtype: np.dtype) -> int:
    bits = int(np.array(abs(x), dtype).view(f"i{dtype.itemsize}"))
    return -bits if x < 0 else bits


def _float(order: NDArray[np.int64], dtype: np.dtype) -> NDArray[np.floating]:
    magnitude = np.abs(order).astype(f"i{dtype.itemsize}").view(dtype)
    return np.where(order < 0, -magnitude, magnitude)


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
