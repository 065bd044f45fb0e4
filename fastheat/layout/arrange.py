"""Arrangements of panels in rows and columns."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.gif.limits import LARGEST_SIDE

Size = tuple[int, int]  # width and height, px

FLATTEST, LONGEST = 3 / 2, 16 / 9  # width to height, limits of a usable image
STACKED = 1.05  # factor by which panels stacked in columns must beat a grid to be chosen
SMALLEST = 1e-4  # px, smallest cells that are tried
EXACT = 1e-3  # relative precision of the size of cells


class Places(NamedTuple):
    """The size of an arrangement, and the top left corner of each panel in it."""

    width: int
    height: int
    corners: tuple[tuple[int, int], ...]


class Tile(NamedTuple):
    """The size of a panel with its labels, for arranging it."""

    width: int
    height: int
    left: int = 0  # px, where its cells begin
    top: int = 0


# the number of columns of a grid that is filled row by row, or the number of tiles stacked in each
# column
Order = int | tuple[int, ...]
Orders = Callable[[Sequence[Tile]], Sequence[Order]]


def arrange(tiles: Sequence[Tile], order: Order) -> Places:
    """Put tiles beside and beneath each other, with the edges of their cells aligned."""
    sizes = Sizes(tiles)
    return Places(*sizes.of(order), sizes.corners(order))


class Sizes:
    """The sizes and positions of tiles in any order."""

    def __init__(self, tiles: Sequence[Tile]) -> None:
        sides = np.array(tiles, np.int64).reshape(-1, 4)
        self._count = len(tiles)
        self._left, self._right = sides[:, 2], sides[:, 0] - sides[:, 2]
        self._top, self._bottom = sides[:, 3], sides[:, 1] - sides[:, 3]
        self._down = np.concatenate([[0], np.cumsum(sides[:, 1])])
        self._least = int(sides[:, 0].min()), int(sides[:, 1].min())

    def of(self, order: Order) -> Size:
        """Return the width and height of an order."""
        lefts, rights, tops, bottoms = self._edges(order)
        heights = tops + bottoms
        height = heights.sum() if isinstance(order, int) else heights.max()
        return int((lefts + rights).sum()), int(height)

    def corners(self, order: Order) -> tuple[tuple[int, int], ...]:
        """Return the top left corner of each tile in an order."""
        lefts, rights, tops, bottoms = self._edges(order)
        if isinstance(order, int):
            row, column = np.divmod(np.arange(self._count), min(order, self._count))
            y = (_starts(tops + bottoms) + tops)[row] - self._top
        else:
            column = np.repeat(np.arange(len(order)), order)
            y = tops[column] + self._down[:-1] - self._down[_starts(np.array(order))[column]]
        x = (_starts(lefts + rights) + lefts)[column] - self._left
        return tuple(zip(x.tolist(), y.tolist(), strict=True))

    def _edges(self, order: Order) -> tuple[NDArray[np.int64], ...]:
        """Return the room beside and above the edges of cells that are aligned.

        Returns
        -------
        lefts, rights
            The room on either side of the left edge of the cells in each column.
        tops, bottoms
            The room above and below the top edge of the cells in each row, or above and below the
            top edge of each column if tiles are stacked.
        """
        if isinstance(order, int):
            columns = min(order, self._count)
            shape = -(-self._count // columns), columns
            lefts, rights = (_in_grid(sides, shape).max(0) for sides in (self._left, self._right))
            tops, bottoms = (_in_grid(sides, shape).max(1) for sides in (self._top, self._bottom))
            return lefts, rights, tops, bottoms
        starts = _starts(np.array(order))
        lefts, rights = (np.maximum.reduceat(s, starts) for s in (self._left, self._right))
        tops = self._top[starts]
        return lefts, rights, tops.max() - tops, self._down[starts + order] - self._down[starts]

    def may_fit(self, order: Order, room: Size) -> bool:
        """Return False if an order could not fit even with all tiles as small as the smallest."""
        columns = min(order, self._count) if isinstance(order, int) else len(order)
        rows = -(-self._count // columns)
        return columns * self._least[0] <= room[0] and rows * self._least[1] <= room[1]


def _starts(sides: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the start of each of some sides that follow each other."""
    return np.cumsum(sides) - sides


def _in_grid(sides: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the sides of tiles in rows and columns, with very small ones where there are none."""
    grid = np.full(shape, np.iinfo(np.int64).min)
    grid.reshape(-1)[: len(sides)] = sides
    return grid


def grids(tiles: Sequence[Tile]) -> list[Order]:
    """Return all possible numbers of columns."""
    return list(range(1, len(tiles) + 1))


def stacks(tiles: Sequence[Tile]) -> list[Order]:
    """Return the lowest stackings of tiles in 2 columns and more."""
    ends = list(accumulate(tile.height for tile in tiles))
    found: list[Order] = []
    least, high = max(tile.height for tile in tiles), ends[-1]
    count = 2
    while count < len(tiles):
        low = least
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if len(_filled(ends, middle)) <= count else (middle + 1, high)
        found.append(_filled(ends, low))
        if low == least:  # more columns would not be lower
            break
        # the next number of columns that is lower
        count = max(count + 1, len(_filled(ends, low - 1)))
    return list(dict.fromkeys(found))


def _filled(ends: Sequence[int], room: int) -> tuple[int, ...]:
    """Return the number of tiles in each column, if each is filled to `room` before the next.

    Parameters
    ----------
    ends
        Cumulative heights of the tiles.
    """
    counts, start, used = [], 0, 0
    while start < len(ends):
        stop = max(start + 1, bisect_right(ends, used + room, start))
        counts.append(stop - start)
        start, used = stop, ends[stop - 1]
    return tuple(counts)


def least_white(tiles: Sequence[Tile], more: Size = (0, 0)) -> Order:
    """Return the order that fits into the smallest area with an aspect from 3 : 2 to 16 : 9.

    Parameters
    ----------
    more
        Width and height that other things take beside and beneath the tiles.
    """
    sizes = Sizes(tiles)

    def area(order: Order) -> float:
        width, height = sizes.of(order)
        width, height = width + more[0], height + more[1]
        return max(width, FLATTEST * height) * max(height, width / LONGEST)

    best = min(grids(tiles), key=area)
    others = stacks(tiles)
    stacked = min(others, key=area) if others else best
    return stacked if area(stacked) * STACKED < area(best) else best


def largest(
    tiles: Callable[[float], Sequence[Tile]],
    room: Size,
    bound: float,
    orders: Sequence[Order] | None = None,
) -> tuple[float, Order] | None:
    """Return the largest size of cells at which tiles fit, and their order; None if they do not.

    Parameters
    ----------
    tiles
        Function from the size of cells to tiles.
    room
        Width and height to fit into.
    bound
        Upper bound of the size.
    orders
        Orders to choose from, by default all.
    """

    def fit(size: float, given: Orders) -> Order | None:
        each = tiles(size)
        sizes = Sizes(each)
        for order in given(each):
            if sizes.may_fit(order, room):
                width, height = sizes.of(order)
                if width <= room[0] and height <= room[1]:
                    return order
        return None

    def search(low: float, given: Orders) -> tuple[float, Order] | None:
        best, high = fit(low, given), bound
        if best is None:
            return None
        while high - low > EXACT * high:
            middle = math.sqrt(low * high)
            order = fit(middle, given)
            if order is None:
                high = middle
            else:
                low, best = middle, order
        return low, best

    if orders is not None:
        return search(SMALLEST, lambda _: orders)
    found = search(SMALLEST, grids)
    stacked = search(SMALLEST if found is None else STACKED * found[0], stacks)
    return stacked or found


def check_size(width: int, height: int, count: int) -> None:
    if max(width, height) > LARGEST_SIDE:
        found = f"{width} x {height} px" if width else f"{height} px or more"
        raise ValueError(
            f"expected panels of at most {LARGEST_SIDE} px a side together, the most that a "
            f"GIF can have, not {found}: give fewer than these {count}, columns=, a smaller "
            "fontsize, or a figsize"
        )
