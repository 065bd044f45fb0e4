"""The palette of an animation: the fills of cells, their blends with text, labels and lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastheat.style.colors.bins import Edges
from fastheat.style.colors.colormaps import Colormap
from fastheat.style.colors.colors import RGB, contrast_ratio, delta_e_2000, srgb_to_lab
from fastheat.tables import TRANSPARENT, Shades

TOLERANCE = 0.99  # CIEDE2000 between a cell's colour and its colormap entry; 1.0 less rounding
LONGEST_LEVEL = 32  # colormap entries in one level, at most
PIECES = 1024  # equal parts of the range, by which the slot of a value is looked up
STATIC_STEPS = 15  # coverages of label pixels, from the background to the ink
FEWEST_STATIC_STEPS = 7  # of them if there are many fills
MOST_FIXED = 128  # colours of a shared table that are neither fills nor blends


class Palette(NamedTuple):
    """All colours of an animation, and what each of them is for."""

    table: NDArray[np.uint8]  # (256, 3), unused entries black
    shades: Shades
    label_ramp: NDArray[np.uint8]  # (steps,) palette index of label pixels at each coverage
    solid: Mapping[str, int]  # palette index of ticks, of lines between cells and between groups
    fills: NDArray[np.uint8]  # (bins,) palette index of each colormap entry


def shades_over(shades: Shades, edges: Edges) -> Shades:
    """Return `shades` with other edges, which are those between its slots."""
    ends = np.full((len(edges.bins), 1), np.nan)
    limits, guides = np.concatenate([edges.bins, ends], 1), _guides(edges.bins)
    return Shades(limits, *guides, shades.ramps, shades.alike, *edges[1:], shades.colors)


def plan_palette(
    cmap: Colormap,
    edges: Edges,
    *,
    background: RGB,
    foreground: RGB,
    solid: Mapping[str, RGB],
    textcolors: Sequence[RGB],
    split: float | None,
    steps: int,
) -> Palette:
    """Return the palette of a layout, with fills in the nearest colour if there are too many.

    Parameters
    ----------
    cmap
        Colours of the bins, and of values outside of them.
    edges
        Edges of the bins.
    background, foreground
        Colours of the figure, and of its labels.
    solid
        Colours of what is drawn without blending: ticks, and lines between cells and groups.
    textcolors
        Two colours. Without `split`, text takes the one with the better contrast to its cell.
    split
        Least value whose text has the second of `textcolors`; that of lower values has the first.
    steps
        Number of coverages of text pixels, from the fill to the ink; 1 without text.
    """
    groups, _ = join_levels(cmap.table.tobytes())
    limits, place = edges.bins[:, starts_of(groups)], None
    if split is not None:
        place = int(np.searchsorted(limits[0], split, side="right"))
        limits = np.insert(limits, place, split, 1)
    ends = cmap.under, cmap.over, background if cmap.bad is None else cmap.bad
    others = background, foreground, tuple(solid.items())
    inks = textcolors[0], textcolors[1]
    palette = _palette_of(cmap.table.tobytes(), ends, *others, inks, place, steps)
    return palette._replace(shades=shades_over(palette.shades, edges._replace(bins=limits)))


@lru_cache(maxsize=64)
def _palette_of(
    entries: bytes,
    ends: tuple[RGB, RGB, RGB],
    background: RGB,
    foreground: RGB,
    solid: tuple[tuple[str, RGB], ...],
    textcolors: tuple[RGB, RGB],
    place: int | None,
    steps: int,
) -> Palette:
    """Return a palette whose shades have no edges yet, cached since many panels may have the same.

    Parameters
    ----------
    entries, ends
        The colormap: its entries, (bins, 3) uint8 as bytes, and its under, over and bad colours.
    background, foreground, solid, textcolors, steps
        As `plan_palette` takes them.
    place
        Index of the slot that `split` divides in two, or None without `split`.
    """
    groups, colors = join_levels(entries)
    under, over, bad = ends
    fills = np.array([under, *colors, over, bad], np.uint8)
    slots = 1 + groups
    first, last = 1, len(colors)
    if place is not None:
        fills = np.insert(fills, place, fills[place], axis=0)
        slots[slots > place] += 1
        first += place == 0
        last += place < len(colors) + 1
        second = np.arange(len(fills)) > place
        second[-1] = False
    else:
        first_contrast, second_contrast = (contrast_ratio(fills, color) for color in textcolors)
        second = second_contrast > first_contrast
    inks = np.array(textcolors, np.uint8)[second.astype(int)]

    few = len({*_tuples(fills)}) <= 120
    label_ramp = _blends(background, foreground, STATIC_STEPS if few else FEWEST_STATIC_STEPS)
    drawn = [color for _, color in solid]
    fixed = {*_tuples(label_ramp), *(_tuples(inks) if steps > 1 else ()), *drawn}
    fills = nearest_that_fit(fills, 255 - len(fixed))
    room = 255 - len(fixed | {*_tuples(fills)})
    shades = _blends(fills[:, None], inks[:, None], steps)
    if steps > 1:
        shades[:, 1:-1] = _shared(shades[:, 1:-1], second, slice(first, last + 1), room)

    # the colours that change come first, so that images of these alone have a small code size
    blended = _tuples(np.concatenate([fills, shades.reshape(-1, 3), label_ramp]))
    colors_in_use = list(dict.fromkeys([*blended, *drawn]))[:255]
    table, find = _table_of(colors_in_use)
    shade_table = np.array([[find(c) for c in _tuples(row)] for row in shades], np.uint8)
    alike = np.unique(shade_table, axis=0, return_inverse=True)[1].reshape(-1)
    none, no_guide = np.zeros(0), np.zeros((0, PIECES + 2), np.int16)
    edges = none[None], no_guide, none, none
    return Palette(
        table,
        Shades(*edges, shade_table, alike, none, none, none, none, len(colors_in_use) + 1),
        np.array([find(c) for c in _tuples(label_ramp)], np.uint8),
        {name: find(color) for name, color in solid},
        shade_table[slots, 0],
    )


def _table_of(colors: Sequence[RGB]) -> tuple[NDArray[np.uint8], Callable[[RGB], int]]:
    """Return the table of colours, (256, 3) from index 1 on, and a function to look one up.

    The index of a colour that is not among them is that of the nearest.
    """
    table = np.zeros((256, 3), np.uint8)
    table[1 : len(colors) + 1] = colors
    lab = srgb_to_lab(np.array(colors))
    index = {color: k + 1 for k, color in enumerate(colors)}

    def find(color: RGB) -> int:
        if color not in index:
            index[color] = 1 + int(delta_e_2000(lab, srgb_to_lab(np.array(color))).argmin())
        return index[color]

    return table, find


class SharedPalette(NamedTuple):
    """The palettes of several layouts, merged into one table."""

    table: NDArray[np.uint8]  # (256, 3), unused entries black
    used: int  # entries in use
    indices: tuple[NDArray[np.uint8], ...]  # for each layout, (256,) its own index -> shared index
    replaced: int  # number of fills in the nearest colour for lack of room
    off: float  # largest CIEDE2000 difference among these


def share_palette(
    tables: Sequence[NDArray[np.uint8]],
    fills: Sequence[NDArray[np.uint8]],
    fixed: Sequence[NDArray[np.uint8]],
    used: Sequence[NDArray[np.uint8]],
) -> SharedPalette:
    """Merge the tables of several layouts into one.

    A colour that several of them have is stored once. If there is no room for all colours, fills of
    cells take precedence over their blends with text, which are replaced by the nearest colour.

    Parameters
    ----------
    tables
        Table of each layout, (256, 3).
    fills, fixed, used
        Indices into each table: the fills of cells, other colours that must be exact, and all
        entries in use.
    """

    def all_of(entries: Sequence[NDArray[np.uint8]]) -> list[RGB]:
        pairs = zip(tables, entries, strict=True)
        return list(dict.fromkeys(c for table, part in pairs for c in _tuples(table[part])))

    wanted, exact = all_of(fills), all_of(fixed)
    exact = list(dict.fromkeys(_tuples(nearest_that_fit(np.array(exact, np.uint8), MOST_FIXED))))
    room = 255 - len(exact)
    kept = nearest_that_fit(np.array(wanted, np.uint8), room)
    first = list(dict.fromkeys(_tuples(kept)))
    known = list(dict.fromkeys([*first, *exact]))
    others = [c for c in all_of(used) if c not in {*known, *wanted}]
    if len(others) > 255 - len(known):
        lab, of_known = srgb_to_lab(np.array(others)), srgb_to_lab(np.array(known))
        others = [others[k] for k in _farthest(lab, of_known, 255 - len(known))[0]]
    # the colours that change come first, so that images of these alone have a small code size
    colors_in_use = list(dict.fromkeys([*first, *others, *exact]))
    table, find = _table_of(colors_in_use)
    table[TRANSPARENT] = tables[0][TRANSPARENT]  # shown by decoders that ignore transparency
    indices = []
    for own, entries in zip(tables, used, strict=True):
        index_of = np.zeros(256, np.uint8)
        index_of[entries] = [find(c) for c in _tuples(own[entries])]
        index_of[TRANSPARENT] = TRANSPARENT
        indices.append(index_of)
    away = delta_e_2000(
        srgb_to_lab(np.array(wanted)), srgb_to_lab(table[[find(c) for c in wanted]])
    )
    moved = away > 0
    return SharedPalette(
        table, len(colors_in_use) + 1, tuple(indices), int(moved.sum()), float(away.max())
    )


def _farthest(
    lab: NDArray[np.float64], known: NDArray[np.float64], room: int
) -> tuple[list[int], NDArray[np.intp]]:
    """Return the indices of `room` colours, chosen farthest first from `known` and each other.

    Also return the nearest to each colour, (n,), among the chosen, -1 if one of `known` is nearer.
    This bounds the largest difference (Gonzalez 1985).
    """
    chosen, nearest = [], np.full(len(lab), -1)
    distance = delta_e_2000(lab[:, None], known[None]).min(1)
    for _ in range(room):
        chosen.append(int(distance.argmax()))
        away = delta_e_2000(lab, lab[chosen[-1]])
        nearest = np.where(away < distance, chosen[-1], nearest)
        distance = np.minimum(distance, away)
    return chosen, nearest


def _guides(
    edges: NDArray[np.float64],
) -> tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.float64]]:
    """Return the guide, origin and scale of `Shades`, for edges (R, E).

    They narrow the search for a value's slot to the few edges in the same piece of the range. The
    pieces of values and of edges are computed by the same, monotone arithmetic, so that edges in
    lower pieces are never above the value.
    """
    count, last = edges.shape[0], edges.shape[1] - 1
    finite = np.isfinite(edges)
    rows, some = np.arange(count), finite.any(1)
    origin = np.where(some, edges[rows, finite.argmax(1)], 0.0)
    end = np.where(some, edges[rows, last - finite[:, ::-1].argmax(1)], 0.0)
    with np.errstate(all="ignore"):
        scale = PIECES / (end - origin)
        scale = np.where(some & np.isfinite(scale), scale, 0.0)
        places = (edges - origin[:, None]) * scale[:, None]
        pieces = np.clip(np.nan_to_num(places), 0, PIECES).astype(np.int64)
    width = PIECES + 2
    found = np.bincount((pieces + 1 + width * rows[:, None]).reshape(-1), minlength=count * width)
    guide = found.reshape(count, width).cumsum(1).astype(np.int16)
    return guide, origin, scale


def starts_of(levels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first entry of each of `join_levels`' levels, and the number of entries."""
    return np.append(np.flatnonzero(np.diff(levels, prepend=-1)), len(levels))


@lru_cache(maxsize=32)
def join_levels(table: bytes) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Join neighbouring entries of a colormap into levels of indistinguishable colours.

    With fewer levels, fewer cells change from frame to frame, and more of the palette is left for
    text.

    Parameters
    ----------
    table
        (N, 3) uint8, as bytes.

    Returns
    -------
    (N,) int
        Level of each entry.
    (levels, 3) uint8
        Colour of each level: one of its entries, within `TOLERANCE` of all the others.
    """
    colors = np.frombuffer(table, np.uint8).reshape(-1, 3)
    lab = srgb_to_lab(colors)
    count = len(colors)
    close = np.eye(count, dtype=bool)
    steps = np.arange(1, min(LONGEST_LEVEL, count))[:, None]
    one, other = np.broadcast_arrays(np.arange(count), np.arange(count) + steps)
    one, other = one[other < count], other[other < count]
    near = delta_e_2000(lab[one], lab[other]) <= TOLERANCE
    near |= (colors[one] == colors[other]).all(1)
    one, other = one[near], other[near]
    close[one, other] = close[other, one] = True
    levels = np.zeros(count, np.intp)
    chosen: list[NDArray[np.uint8]] = []
    start = 0
    while start < count:
        stands = close[start].copy()  # which entries are close to all of the level so far
        stop = start + 1
        while stop < count and (stands & close[stop])[start : stop + 1].any():
            stands &= close[stop]
            stop += 1
        candidates = start + np.flatnonzero(stands[start:stop])
        levels[start:stop] = len(chosen)
        chosen.append(colors[candidates[len(candidates) // 2]])
        start = stop
    return levels, np.array(chosen, np.uint8)


def nearest_that_fit(colors: NDArray[np.uint8], room: int) -> NDArray[np.uint8]:
    """Return the colours, (n, 3), reduced to at most `room` different ones.

    The others are replaced by the nearest one kept.
    """
    unique, inverse = np.unique(colors, axis=0, return_inverse=True)
    if len(unique) <= room:
        return colors
    lab = srgb_to_lab(unique)
    _, nearest = _farthest(lab, lab[:1], room - 1)
    replaced: NDArray[np.uint8] = unique[np.maximum(nearest, 0)][inverse.reshape(-1)]
    return replaced


def _blends(fill: ArrayLike, ink: ArrayLike, steps: int) -> NDArray[np.uint8]:
    """Return `steps` blends (..., steps, 3) of fills and inks, (..., 1, 3), as in ImageDraw."""
    cover = np.linspace(0, 1, steps)[:, None] if steps > 1 else np.zeros((1, 1))
    low, high = np.asarray(fill, float), np.asarray(ink, float)
    blends: NDArray[np.uint8] = np.floor(low + (high - low) * cover + 0.5).astype(np.uint8)
    return blends


def _shared(
    blends: NDArray[np.uint8], second: NDArray[np.bool_], levels: slice, room: int
) -> NDArray[np.uint8]:
    """Return `blends`, averaged over just enough neighbouring levels for `room` colours to do.

    Only levels with the same ink share their blends.

    Parameters
    ----------
    blends
        (slots, steps, 3) colours between fill and ink.
    second
        (slots,) whether the ink is the second text colour.
    levels
        The slots that are levels of the colormap.
    room
        Number of colours to reduce them to, if possible.
    """
    slots = np.arange(len(blends))
    part = np.cumsum(np.diff(second, prepend=second[0]) != 0)
    # under, over and bad may have any colour, so their slots share with no other
    alone = np.ones(len(blends), bool)
    alone[levels] = False
    shared = blends
    for size in range(1, len(blends) + 1):
        keys = np.stack([part, np.where(alone, slots, slots // size), alone], 1)
        _, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.reshape(-1)
        sums = np.zeros((group.max() + 1, *blends.shape[1:]))
        np.add.at(sums, group, blends)
        means = sums / np.bincount(group)[:, None, None]
        shared = np.floor(means + 0.5).astype(np.uint8)[group]
        if len({*_tuples(shared.reshape(-1, 3))}) <= room:
            break
    return shared


def _tuples(colors: NDArray[np.uint8]) -> list[RGB]:
    return [(r, g, b) for r, g, b in colors.tolist()]
