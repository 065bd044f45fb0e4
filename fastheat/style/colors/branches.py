"""Norms that rise in their range, but fall somewhere outside of it, in branches that do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastheat.style.colors.bins import Edges, least_floats
from fastheat.style.colors.norms import Float64s, Floats, Rule
from fastheat.style.colors.palette import shades_over
from fastheat.tables import Shades

SAMPLES = 513  # values in the range
NEAR_SAMPLES = 4097  # values on each side of it, up to
NEAR_SIDE = 2.0**10  # spans of the range away
FAR_SAMPLES = 129  # values on each side from there to the largest float
TOLERANCE = 1e-6  # of a normed value, for rounding errors
FEWEST_SAMPLES = 4  # from turn to turn, since closer ones may be more than samples show
MOST_TURNS = 60  # on each side, since slots are counted in 16 bits
REFINEMENTS, POINTS = 20, 17  # in the search for a turn between two samples


class FallError(Exception):
    """A norm falls inside its range."""

    def __init__(self, at: float, *, throughout: bool) -> None:
        super().__init__(at)
        self.at, self.throughout = at, throughout


class BranchedRule:
    """A norm over a range, as a function that rises everywhere.

    It is that of the norm on the branch around the range, and infinite beyond it, where
    `with_branches` adds the colours of the others.

    Attributes
    ----------
    turns
        Values outside of the range, in ascending order, at which the norm begins to fall or rise.
    """

    def __init__(self, norm: Rule, vmin: float, vmax: float, bins: int) -> None:
        """Find the turns of a norm; raise `FallError` if it falls inside the range."""
        self.norm, self.vmin = norm, vmin
        self.known = -np.inf, np.inf  # where the norm turns too seldom to be missed
        self.turns = self._find_turns(_samples(vmin, vmax), vmin, vmax, bins)
        self.low = max((at for at in self.turns if at <= vmin), default=-np.inf)
        self.high = min((at for at in self.turns if at > vmin), default=np.inf)

    def __call__(self, x: Floats) -> Floats:
        place = self.whole(x)
        if self.turns:
            taken = ~np.isnan(place)
            place[taken & (x < self.low)] = -np.inf
            place[taken & (x > self.high)] = np.inf
        return place

    def whole(self, x: Floats) -> Floats:
        """Return the normed values on all branches, NaN where there may be others."""
        place = self.norm(x)
        if self.known != (-np.inf, np.inf):
            place[(x < self.known[0]) | (x > self.known[1])] = np.nan
        return place

    def _find_turns(self, values: Float64s, vmin: float, vmax: float, bins: int) -> list[float]:
        with np.errstate(all="ignore"):
            places = self.norm(values)
        start, stop = map(int, np.searchsorted(values, [vmin, vmax]))
        missing = np.isnan(places)
        before, after = np.flatnonzero(missing[:start]), np.flatnonzero(missing[stop:])
        first = int(before[-1]) + 1 if len(before) else 0
        last = stop + int(after[0]) if len(after) else len(values)
        values, start, stop = values[first:last], start - first, stop - first
        # all places below 0 have one colour, and so have all above 1
        places = np.clip(places[first:last].astype(np.float64), -0.5 / bins, 1 + 0.5 / bins)
        steps = np.diff(places)
        steps[np.abs(steps) <= TOLERANCE * np.maximum(np.abs(places[:-1]), TOLERANCE)] = 0
        inside = steps[start:stop]
        if (inside < 0).any():
            fall = start + int((inside < 0).argmax())
            raise FallError(float(values[fall]), throughout=not (inside > 0).any())
        moves = np.flatnonzero(steps)
        turning = np.flatnonzero(np.diff(np.sign(steps[moves])))
        # the samples at which the norm is highest or lowest, the first and last at equal heights
        pairs = [(int(moves[k]) + 1, int(moves[k + 1])) for k in turning]
        left = self._resolved([p for p in pairs if p[0] <= start][::-1], values, 0)
        right = self._resolved([p for p in pairs if p[0] > start], values, 1)
        lows = [min(at, vmin) for at in _extremes(self.norm, values, places, left, 0)]
        highs = [max(at, vmax) for at in _extremes(self.norm, values, places, right, 1)]
        return sorted({*lows, *highs})

    def _resolved(
        self, pairs: list[tuple[int, int]], values: Float64s, side: int
    ) -> list[tuple[int, int]]:
        """Return the turns of a side, from the range outward, up to those too close together."""
        for k in range(1, len(pairs)):
            low, high = sorted((pairs[k - 1], pairs[k]))
            if high[0] - low[1] < FEWEST_SAMPLES or k == MOST_TURNS:
                end = float(values[pairs[k - 1][side]])
                self.known = (self.known[0], end) if side else (end, self.known[1])
                return pairs[: k - 1]
        return pairs


def _samples(vmin: float, vmax: float) -> Float64s:
    """Return values inside the range and on both sides of it, in ascending order."""
    largest = float(np.finfo(np.float64).max)
    span = (vmax - vmin) or 1.0
    with np.errstate(over="ignore"):
        near = np.minimum(np.geomspace(1 / NEAR_SIDE, NEAR_SIDE, NEAR_SAMPLES) * span, largest)
        beyond = np.concatenate([near, np.geomspace(near[-1], largest, FAR_SAMPLES)])
        inside = np.linspace(vmin, vmax, SAMPLES)
        values = np.concatenate([vmin - beyond, inside, vmax + beyond, [vmin, vmax]])
    return np.unique(np.clip(values, -largest, largest))


def _extremes(
    norm: Rule, values: Float64s, places: Floats, pairs: list[tuple[int, int]], side: int
) -> list[float]:
    """Return where a norm turns, given the first and the last of its highest or lowest samples."""
    found = [float(values[pair[side]]) for pair in pairs]
    single = [k for k, (first, last) in enumerate(pairs) if first == last]
    if not single:
        return found
    tops = np.array([pairs[k][0] for k in single])
    way = np.sign(places[tops] - places[tops - 1])[:, None]
    low, high, each = values[tops - 1], values[tops + 1], np.arange(len(tops))
    share = np.linspace(0, 1, POINTS)
    for _ in range(REFINEMENTS):
        grid = low[:, None] * (1 - share) + high[:, None] * share
        with np.errstate(all="ignore"):
            height = way * norm(grid.reshape(-1)).reshape(grid.shape)
        best = np.where(np.isnan(height), -np.inf, height).argmax(1)
        low = grid[each, np.maximum(best - 1, 0)]
        high = grid[each, np.minimum(best + 1, POINTS - 1)]
    for k, at in zip(single, grid[each, best].tolist(), strict=True):
        found[k] = at
    return found


def with_branches(
    shades: Shades,
    edges: Edges,
    rule: BranchedRule,
    starts: NDArray[np.intp],
    split: float | None,
    bins: int,
    dtype: np.dtype,
) -> Shades:
    """Return shades with slots for the values on all branches of a norm.

    Parameters
    ----------
    shades, edges
        The shades over one range, whose slots are those of the branch around it, and its bins.
    starts
        The entries of the colormap at which these slots begin.
    split
        The value from which on text has its second colour, if that depends on a threshold.
    bins
        Number of entries of the colormap.
    dtype
        Type the norm computes in.
    """
    own = shades.edges[0, :-1]
    entries, place, limit = starts.astype(np.float64), -1, np.nan
    if split is not None:
        place = int(np.searchsorted(edges.bins[0, starts], split, side="right"))
        entries = np.insert(entries, place, np.nan)
        limit = float(rule(np.array([split], dtype))[0]) if np.isfinite(split) else split
    count = len(entries)
    left = [at for at in rule.turns if at <= rule.vmin]
    right = rule.turns[len(left) :]
    largest = float(np.finfo(dtype).max)
    first = max(float(edges.floor[0]), -largest)
    last = min(float(np.nextafter(edges.ceiling[0], -np.inf)), largest)
    # a turn is on the branch that is nearer to the range
    bottoms = [first, *left, *np.nextafter(right, np.inf).tolist()]
    tops = [*np.nextafter(left, -np.inf).tolist(), *right, last]
    falls = (np.arange(len(bottoms)) - len(left)) % 2 == 1

    def reached(which: NDArray[np.intp], x: Floats) -> NDArray[np.bool_]:
        entry = entries[which % count]
        with np.errstate(all="ignore"):
            height = rule.whole(x)
            scaled = height * height.dtype.type(bins)
        found: NDArray[np.bool_] = np.where(entry < bins, scaled >= entry, scaled > bins)
        found[which % count == place] = (height >= limit)[which % count == place]
        return found

    def crossed(which: NDArray[np.intp], x: Floats) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = reached(which, x) ^ falls[which // count]
        return found

    low, high = np.repeat(bottoms, count), np.repeat(tops, count)
    begins = reached(np.arange(len(low)), low.astype(dtype)).reshape(-1, count).sum(1)
    crossings = np.sort(least_floats(crossed, dtype, low, high).reshape(-1, count))
    limits, numbers = [np.zeros(0)], [np.zeros(0, np.intp)]
    for k, inner in enumerate(crossings):
        bottom, top, slot = bottoms[k], tops[k], begins[k]
        if k == len(left):
            inner, bottom, top = own, rule.low, rule.high
            slot = (own <= bottom).sum()
        inner = inner[(inner > bottom) & (inner <= top) & np.isfinite(inner)]
        limits.append(np.append(bottom if k else -np.inf, inner))
        numbers.append(slot + np.arange(len(inner) + 1) * (-1 if falls[k] else 1))
    at, slots = np.maximum.accumulate(np.concatenate(limits)), np.concatenate(numbers)
    kept = np.append(np.diff(at) > 0, True)  # the last of several edges at one value
    at, slots = at[kept], slots[kept]
    # the values around the range that do not have the colours of its ends
    inside = (slots > (place == 0)) & (slots < count - (place == count - 1))
    k = int(np.searchsorted(at, rule.vmin, side="right")) - 1
    outer = np.flatnonzero(~inside)
    before, after = outer[outer < k], outer[outer > k]
    edges = edges._replace(bins=at[None, 1:])
    if inside[k]:
        edges = edges._replace(
            low=np.array([at[before[-1] + 1] if len(before) else -np.inf]),
            high=np.array([at[after[0]] if len(after) else np.inf]),
        )
    rows = np.append(slots, count + 1)
    shades = shades._replace(ramps=shades.ramps[rows], alike=shades.alike[rows])
    return shades_over(shades, edges)
