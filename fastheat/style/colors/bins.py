"""Bins: the exact edges, in data units, between the colours of a colormap under any norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.style.colors.norms import Float64s, Floats, Norm, Rule


class Edges(NamedTuple):
    """The edges of K of a colormap's bins over each of R ranges, in data units."""

    # (R, K) least value in or above each bin; after the last bin, the least above all of them;
    # infinite where there is none. Values below the first edge have the colour of under, values
    # from the last edge on that of over.
    bins: Float64s
    low: Float64s  # (R,) values below this count as under the range, even in the first bin's colour
    high: Float64s  # (R,) values from this on count as over it
    floor: Float64s  # (R,) the norm accepts values from this on,
    ceiling: Float64s  # (R,) up to but not including this


def bin_edges(
    norm: Rule,
    bins: int,
    dtype: np.dtype,
    limits: tuple[float, float] = (0.0, 1.0),
    known: Norm | None = None,
) -> Edges:
    """Return the edges of all of a colormap's bins over one range.

    Parameters
    ----------
    norm
        Function from an array of `dtype` to normed values, where 0 .. 1 span the colormap.
    bins
        Number of entries of the colormap.
    dtype
        Type the norm computes in, float32 or float64; see `working_type`.
    limits
        The range (vmin, vmax), values that the norm accepts.
    known
        The `Norm` that `norm` is a rule of, to start the search close to the edges.

    Notes
    -----
    `matplotlib.colors.Colormap.__call__` multiplies normed values by the number of entries, moves a
    product that equals this number into the last entry, and truncates.
    """
    wanted, each = np.arange(bins + 1), np.array([limits])
    near = known.likely(each, wanted / bins, float(np.finfo(dtype).eps)) if known else None
    return _edges(_only(norm), each, wanted, bins, dtype, near)


def edges_of_ranges(
    norm: Norm, limits: Float64s, wanted: NDArray[np.intp], bins: int, dtype: np.dtype
) -> Edges:
    """Return selected edges of a colormap's bins over each of several ranges.

    Parameters
    ----------
    limits
        (R, 2) vmin and vmax of each range.
    wanted
        (K,) indices of the edges: k is where bin k begins, `bins` where the last one ends.
    bins, dtype
        As `bin_edges` takes them.
    """
    each, place = np.unique(limits, axis=0, return_inverse=True)
    largest = float(np.finfo(dtype).max)
    near = norm.likely(each, wanted / bins, float(np.finfo(dtype).eps))
    sizes = np.stack([*np.abs(each).T, each[:, 1] - each[:, 0]])
    known = norm.direct and bool((sizes <= largest).all())
    if known:
        found = _edges(lambda rows, x: norm.places(x, each[rows]), each, wanted, bins, dtype, near)
        near = np.stack([np.nextafter(found.bins.astype(dtype), -np.inf), found.bins])
    if not (known and norm.exact):
        alone = []
        for k, (vmin, vmax) in enumerate(each.tolist()):
            rule, own = norm.rule(vmin, vmax, bins), None if near is None else near[:, k : k + 1]
            alone.append(_edges(_only(rule), each[k : k + 1], wanted, bins, dtype, own))
        found = Edges(*(np.concatenate(parts) for parts in zip(*alone, strict=True)))
    place = place.reshape(-1)
    return Edges(*(part[place] for part in found))


def _only(rule: Rule) -> Callable[[NDArray[np.intp], Floats], Floats]:
    """Return the rule of a single range in the form that `_edges` takes."""
    return lambda _, x: rule(x)


def _edges(
    norm: Callable[[NDArray[np.intp], Floats], Floats],
    limits: Float64s,
    wanted: NDArray[np.intp],
    bins: int,
    dtype: np.dtype,
    near: Float64s | None = None,
) -> Edges:
    """Return selected edges of bins under each of R norms.

    Parameters
    ----------
    norm
        Function of the index of each value's norm, and of the values.
    limits
        (R, 2) range of each norm, values that it accepts.
    near
        (2, R, K) lower and upper bounds that probably enclose the edges.
    """
    count, each = len(limits), np.arange(len(limits))
    rows, entries = np.repeat(each, len(wanted)), np.tile(wanted, count)

    def reached(which: NDArray[np.intp], x: Floats) -> NDArray[np.bool_]:
        entry = entries[which]
        with np.errstate(all="ignore"):
            place = norm(rows[which], x)
            place = place * place.dtype.type(bins)
        return np.where(entry < bins, place >= entry, place > bins)

    def taken(which: NDArray[np.intp], x: Floats) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            missing: NDArray[np.bool_] = np.isnan(norm(which, x))
        return ~missing

    largest = float(np.finfo(dtype).max)
    inner = np.clip(limits[:, 0], -largest, largest).astype(dtype).astype(np.float64)
    every = np.full(count, largest)
    floor = least_floats(taken, dtype, -every, inner)
    ceiling = least_floats(lambda which, x: ~taken(which, x), dtype, inner, every)
    top = np.nextafter(ceiling.astype(dtype), inner.astype(dtype)).astype(np.float64)
    found = least_floats(
        reached,
        dtype,
        np.maximum(floor, -largest)[rows],
        np.minimum(top, largest)[rows],
        None if near is None else near.reshape(2, -1),
    )
    found = found.reshape(count, len(wanted))
    empty = limits[:, 0] == limits[:, 1]  # vmin == vmax: every value has the first colour
    with np.errstate(over="ignore"):
        above = np.nextafter(inner.astype(dtype), dtype.type(np.inf)).astype(np.float64)
    return Edges(
        found,
        np.where(empty, inner, found[:, 0]),
        np.where(empty, above, found[:, -1]),
        np.maximum(floor, -np.finfo(np.float64).max),
        ceiling,
    )


def edge_above(norm: Rule, threshold: float, edges: Edges, dtype: np.dtype) -> float:
    """Return the least value, in data units, whose normed value exceeds that of `threshold`."""
    (floor,), (ceiling,) = edges.floor.tolist(), edges.ceiling.tolist()
    if threshold < floor:
        return -np.inf
    if threshold >= ceiling:
        return np.inf
    with np.errstate(all="ignore"):
        limit = norm(np.array([threshold]).astype(dtype))

    def reached(_: NDArray[np.intp], x: Floats) -> NDArray[np.bool_]:
        with np.errstate(all="ignore"):
            return norm(x) > limit

    largest = float(np.finfo(dtype).max)
    top = float(np.nextafter(np.array(ceiling, dtype), dtype.type(threshold)))
    bottom, top = max(floor, -largest), min(top, largest)
    return float(least_floats(reached, dtype, np.array([bottom]), np.array([top]))[0])


def least_floats(
    reached: Callable[[NDArray[np.intp], Floats], NDArray[np.bool_]],
    dtype: np.dtype,
    bottom: Float64s,
    top: Float64s,
    near: Float64s | None = None,
) -> Float64s:
    """Return the least float for which each of n monotone predicates holds.

    Parameters
    ----------
    reached
        Evaluates the predicates with the given indices, at one float each.
    bottom, top
        (n,) interval to search. The result is -inf where the predicate already holds at `bottom`,
        and inf where it does not hold at `top`.
    near
        (2, n) lower and upper bounds that probably enclose the results.
    """
    every = np.arange(len(bottom))
    always = reached(every, bottom.astype(dtype))
    never = ~reached(every, top.astype(dtype))
    low, high = _orders(bottom, dtype), _orders(top, dtype)  # predicates fail at low, hold at high
    if near is not None:
        with np.errstate(all="ignore"):
            below, above = (_orders(guess, dtype) for guess in near)
        middle = _middle(below, above)  # 0 at an edge at 0, with all small floats on either side
        for guess in (below, above, middle, middle - 1):
            at = np.clip(guess, low, high)
            holds = reached(every, _float(at, dtype))
            low, high = np.where(holds, low, at), np.where(holds, at, high)
    left = np.flatnonzero((low + 1 < high) & ~always & ~never)
    while len(left):
        a, b = low[left], high[left]
        middle = _middle(a, b)
        holds = reached(left, _float(middle, dtype))
        low[left], high[left] = np.where(holds, a, middle), np.where(holds, middle, b)
        left = left[low[left] + 1 < high[left]]
    edges = _float(high, dtype).astype(np.float64)
    edges[always] = -np.inf
    edges[never] = np.inf
    return edges


def _middle(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    middle: NDArray[np.int64] = (a >> 1) + (b >> 1) + (a & b & 1)  # a + b could overflow
    return middle


# Integers in the same order as the floats: the bits of the magnitude, with the float's sign.
def _orders(x: Float64s, dtype: np.dtype) -> NDArray[np.int64]:
    bits = np.abs(x).astype(dtype).view(f"i{dtype.itemsize}").astype(np.int64)
    return np.where(x < 0, -bits, bits)


def _float(order: NDArray[np.int64], dtype: np.dtype) -> NDArray[np.floating]:
    magnitude = np.abs(order).astype(f"i{dtype.itemsize}").view(dtype)
    return np.where(order < 0, -magnitude, magnitude)
