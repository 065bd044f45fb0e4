"""Norms: which values share a bin of the colormap, as edges in data units.

A norm and the colormap's index rule are both monotone, so a bin is an interval of values; its edges
are found by bisection over the floats of the data's own type with matplotlib's own arithmetic, and
a kernel that compares with them gives matplotlib's bins for every value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Ends = tuple[float | None, ...]
Rule = Callable[[NDArray[np.floating]], NDArray[np.floating]]


def working_type(dtype: np.dtype) -> np.dtype:
    """Return the float type that matplotlib norms values of `dtype` in.

    `matplotlib.colors.Normalize.process_value` takes integers of up to 16 bits and bool to float32,
    larger ones to float64; `imshow` takes float16 to float32.
    """
    if dtype.kind in "biu":
        return np.promote_types(dtype, np.float32)
    return np.dtype(np.float32 if dtype.itemsize <= 4 else np.float64)


def linear(vmin: float, vmax: float) -> Rule:
    """Return matplotlib's `Normalize(vmin, vmax)`, in the arithmetic of the array it is given."""
    low, high = np.float64(vmin), np.float64(vmax)

    def norm(x: NDArray[np.floating]) -> NDArray[np.floating]:
        if low == high:
            return np.zeros_like(x)
        x = x.copy()
        with np.errstate(all="ignore"):
            x -= low
            x /= high - low
        return x

    return norm


def bin_edges(norm: Rule, bins: int, dtype: np.dtype) -> NDArray[np.float64]:
    """Return where the bins of a colormap begin.

    Parameters
    ----------
    norm
        Takes an array of `dtype` to where 0 .. 1 are the ends of the colormap.
    bins
        Entries of the colormap.
    dtype
        float32 or float64, see `working_type`.

    Returns
    -------
    (bins + 1,) float64
        The least value in or above each bin, then the least above all of them; infinite where there
        is none. What is below the first is under, what is not below the last over.

    Notes
    -----
    `matplotlib.colors.Colormap.__call__` multiplies by the number of entries, counts what equals it
    to the last entry, and truncates.
    """
    wanted = np.arange(bins + 1)

    def reached(x: NDArray[np.floating]) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            place = norm(x)
            place = place * place.dtype.type(bins)
        return np.where(wanted < bins, place >= wanted, place > bins)

    return _least(reached, len(wanted), dtype)


def edge_above(norm: Rule, threshold: float, dtype: np.dtype) -> float:
    """Return the least value whose norm is above that of `threshold`, which is in data units."""
    with np.errstate(all="ignore"):
        limit = norm(np.array([threshold]).astype(dtype))

    def reached(x: NDArray[np.floating]) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            return norm(x) > limit

    return float(_least(reached, 1, dtype)[0])


def _least(
    reached: Callable[[NDArray[np.floating]], NDArray[np.bool_]], count: int, dtype: np.dtype
) -> NDArray[np.float64]:
    """Return the least float for which each of `count` monotone predicates holds."""
    largest = np.finfo(dtype).max
    low = np.full(count, _order(-largest, dtype))  # none is known to hold here
    high = np.full(count, _order(largest, dtype))
    always = reached(np.full(count, -largest, dtype))
    never = ~reached(np.full(count, largest, dtype))
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


def finite_range(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the least and the largest finite value, None where there is none."""
    low, high = float(values.min()), float(values.max())
    if math.isfinite(low) and math.isfinite(high):
        return low, high
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def wider(
    a: tuple[float, float] | None, b: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return the range that holds both."""
    if a is None or b is None:
        return a or b
    return min(a[0], b[0]), max(a[1], b[1])


def wider_ends(a: Ends, b: Ends) -> Ends:
    """Return ranges that hold those of both: the ends of each in turn, None where there is none."""
    sides = zip(a, b, strict=True)
    return tuple(
        (max if k % 2 else min)(x, y) if x is not None and y is not None else x if y is None else y
        for k, (x, y) in enumerate(sides)
    )


TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # times a power of ten, matplotlib's AutoLocator
FEWEST_TICKS = 2
NEAR = 1e-10  # of a step, within which a tick is at the end of the range
FAR = 100  # spans that a range is away from 0, from where ticks are counted from a round number


def ticks(vmin: float, vmax: float, most: int = 9) -> list[tuple[float, str]]:
    """Return round numbers in a range, as a colour bar shows them.

    Parameters
    ----------
    most
        The most intervals between them.

    Returns
    -------
    list of (float, str)
        The place of each in the range, 0 at `vmin` and 1 at `vmax`, and its text.

    Notes
    -----
    The numbers are those of `matplotlib.ticker.AutoLocator`: the multiples of the least step that
    gives at most so many intervals, or of a smaller one where that has too few multiples.
    """
    span = vmax - vmin
    if span == 0:
        return [(0.5, f"{vmin:.6g}")]
    if span > np.finfo(float).max / 1e3 or span / most < np.finfo(float).tiny * 1e6:
        return [(0.0, f"{vmin:.4g}"), (1.0, f"{vmax:.4g}")]
    middle = vmin / 2 + vmax / 2  # their sum may be more than float64 has
    offset = 0.0
    if abs(middle) / span >= FAR:
        offset = math.copysign(10.0 ** math.floor(math.log10(abs(middle))), middle)
    low, high = vmin - offset, vmax - offset
    scale = 10.0 ** math.floor(math.log10(span / most))
    steps = [scale * power * step for power in (0.1, 1, 10) for step in TICK_STEPS[:-1]]
    fitting = [k for k, step in enumerate(steps) if step >= span / most]
    near = NEAR
    numbers: list[float] = []
    for step in reversed(steps[: fitting[0] + 1]):
        if offset:
            near = min(0.4999, max(NEAR, 10 ** (math.log10(abs(offset) / step) - 12)))
        start = low // step * step
        first = math.ceil((low - start) / step - near)
        last = math.floor((high - start) / step + near)
        numbers = [start + k * step + offset for k in range(first, last + 1)]
        inside = [x for x in numbers if vmin <= x <= vmax]
        if len(inside) >= FEWEST_TICKS:
            break
    places = [min(1.0, max(0.0, (x - vmin) / span)) for x in numbers]
    return list(zip(places, _tick_texts(numbers, step), strict=True))


def ticks_at(values: Sequence[float], vmin: float, vmax: float) -> list[tuple[float, str]]:
    """Return those of ascending values that are in a range, as `ticks` does."""
    inside = [x for x in values if vmin <= x <= vmax]
    span = vmax - vmin
    texts = [f"{x:.6g}" for x in inside]
    if not any("e" in text for text in texts):
        decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
        texts = [f"{float(text):.{decimals}f}" for text in texts]
    places = [(x - vmin) / span if span else 0.5 for x in inside]
    return list(zip(places, texts, strict=True))


def _tick_texts(numbers: list[float], step: float) -> list[str]:
    """Write ticks with the decimals that tell them apart, or with exponents where zeros abound."""
    largest = max(map(abs, numbers), default=0.0)
    digits = -math.floor(math.log10(step) + 1e-9)
    while abs(step * 10.0**digits - round(step * 10.0**digits)) > 1e-6:
        digits += 1
    if largest >= 1e7 or largest < 1e-4:
        significant = max(1, math.floor(math.log10(largest) + 1e-9) + 1 + digits)
        return [f"{x:.{significant}g}" if abs(x) > step * 1e-6 else "0" for x in numbers]
    # -0.0, or what is left of a step where 0 should be, reads as 0
    return [f"{x if abs(x) > step * 1e-6 else 0.0:.{max(digits, 0)}f}" for x in numbers]
