"""Norm objects: anything that is called as matplotlib's `Normalize`, as a `Norm`."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.messages import short
from fastheat.style.colors.branches import BranchedRule, FallError
from fastheat.style.colors.norms import FUNCTION, Ends, Floats, Limits, Norm, Scale

SAMPLES = 513  # values in the range at which norm objects are checked to be defined


class NormObject(Norm):
    """An object that is called as matplotlib's `Normalize`, copied from the user's."""

    name, direct = "object", False
    given: Any = None
    integers: np.dtype[Any] | None = None  # of the values, if the norm gives indices for them

    @property
    def boundaries(self) -> tuple[float, ...]:
        """Edges between the colours, if the object has them as a `BoundaryNorm` does."""
        own = getattr(self.given, "boundaries", None)
        return () if own is None else tuple(np.asarray(own, np.float64).tolist())

    @property
    def own_range(self) -> Ends:
        """Ends of the range, vmin and vmax, that the object came with."""
        return _ends(self.given)

    @property
    def scale(self) -> Scale:
        """The scale that matplotlib's norms with one have."""
        scale = getattr(self.given, "_scale", None)
        name = getattr(scale, "name", None)
        base = float(getattr(scale, "base", 10.0))
        if name == "log" and base > 1:
            return Scale("log", base)
        if name == "symlog":
            return Scale("symlog", base, float(getattr(scale, "linthresh", 1.0)))
        if name == "asinh":
            return Scale("asinh", 10.0, float(getattr(scale, "linear_width", 1.0)))
        return FUNCTION

    @property
    def _spelled(self) -> str:
        return "this norm"

    def completed(self, vmin: float, vmax: float) -> tuple[float, float]:
        low, high = _with_range(self.given, vmin, vmax)[1]
        if low > vmin or high < vmax:  # the norm has ignored what it does not take
            end = vmin if low > vmin else vmax
            raise _unfit(self.given, vmin, vmax, f"it does not take {end:g}: give vmin and vmax")
        return low, high

    def for_dtype(self, dtype: np.dtype[Any], limits: Limits) -> tuple[Norm, Limits]:
        """Return the norm and the range of values of `dtype`; some leave integers as they are."""
        if dtype.kind in "biu":
            norm, ends = _with_range(self.given, *limits)[0], np.array(limits)
            if _gives_indices(norm, _whole(ends, dtype)) and not _gives_indices(norm, ends):
                return NormObject(**{**self.__dict__, "integers": dtype}), limits
        return self, limits

    def rule(self, vmin: float, vmax: float, bins: int) -> BranchedRule:
        """Return the norm over a range as a checked function.

        Raises
        ------
        ValueError
            If calling it fails, or it rejects values in the range or decreases there.
        """
        norm, _ = _with_range(self.given, vmin, vmax)

        def rule(x: Floats) -> Floats:
            # a copy, since some norms write to their argument
            values = x.copy() if self.integers is None else _whole(x, self.integers)
            try:
                with np.errstate(all="ignore"):
                    given = norm(np.ma.array(values, mask=np.zeros(x.shape, bool)))
                place: NDArray[Any] = np.array(np.ma.getdata(given))
                hidden = np.ma.getmaskarray(np.ma.array(place, mask=np.ma.getmask(given)))
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
        try:
            return BranchedRule(rule, vmin, vmax, bins)
        except FallError as fall:
            way = ": reverse the cmap instead, as 'viridis_r'" if fall.throughout else ""
            why = f"it falls at {fall.at:g}, where it should rise{way}"
        raise _unfit(norm, vmin, vmax, why)

    def __str__(self) -> str:
        return type(self.given).__qualname__


def _gives_indices(norm: Any, values: NDArray[Any]) -> bool:
    """Return whether a norm object gives indices of colours, as a `BoundaryNorm` does."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(norm(np.ma.array(values))).dtype.kind in "biu"
    except Exception:  # told when the norm is used
        return False


def _whole(x: Floats, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values rounded down to integers of a dtype, or to bools."""
    if dtype.kind == "b":
        return x >= 1
    limits = np.iinfo(dtype)
    # the largest of 64 bits is no float
    most = np.nextafter(float(limits.max) + 1, 0)
    return np.clip(np.floor(x.astype(np.float64)), float(limits.min), most).astype(dtype)


def _ends(norm: Any) -> Ends:
    low, high = (None if end is None else float(end) for end in (norm.vmin, norm.vmax))
    return low, high


def _with_range(norm: Any, vmin: float, vmax: float) -> tuple[Any, tuple[float, float]]:
    """Return a copy of a norm object set to a range, and that range as the object adjusts it."""
    norm = copied(norm)
    own = _ends(norm)
    try:
        if None in own:
            if hasattr(norm, "autoscale_None"):
                with np.errstate(all="ignore"):
                    norm.autoscale_None(np.array([vmin, vmax]))
            # ends that autoscale_None left unset, or those of an object without it
            norm.vmin = vmin if norm.vmin is None else norm.vmin
            norm.vmax = vmax if norm.vmax is None else norm.vmax
            if np.allclose(
                (norm.vmin, norm.vmax), (vmin, vmax), 1e-12, 0
            ):  # but for rounding, as it is
                norm.vmin, norm.vmax = vmin, vmax
        elif own != (vmin, vmax):
            norm.vmin, norm.vmax = vmin, vmax
            if norm.vmin > vmin:  # setting an end of a CenteredNorm moves the other
                norm.vmin = vmin
        low, high = _ends(norm)
    except Exception as error:
        raise _unfit(norm, vmin, vmax, error) from error
    return norm, (vmin if low is None else low, vmax if high is None else high)


def copied(norm: Any) -> Any:
    """Return a copy of a norm object, so that changing it leaves the caller's alone."""
    try:
        return copy.deepcopy(norm)
    except Exception:  # it has parts that cannot be copied, and are shared
        return copy.copy(norm)


def _unfit(norm: Any, vmin: float, vmax: float, why: object) -> ValueError:
    name, why = type(norm).__name__, " ".join(str(why).split()) or type(why).__name__
    return ValueError(f"expected a norm over {vmin:g} to {vmax:g}, not this {name}: {why}")
