"""Reduction of matrices that have more rows or columns than pixels: one value for each block.

Blocks consist of whole rows and columns and are equally large, except for those at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.arrays import Floats, is_masked_array
from fastheat.inputs.sources.masks import hide
from fastheat.inputs.sources.source import FileArray, is_ready, let_go

BAND = 1 << 17  # values made float64 at a time, few enough to stay in the processor's cache

HOW = ("mean", "max", "min", "absmax")
_WHICH = {"max": 0, "min": 1, "absmax": 2}  # GREATEST, LEAST, FARTHEST of the kernels


@dataclass(frozen=True, slots=True)
class Reduction:
    """The reduction of matrices to the cells that are drawn.

    Attributes
    ----------
    shape
        Rows and columns of the matrices.
    block
        Rows and columns of the values that become one cell; at the end there may be fewer.
    how
        One of `HOW`.
    mask
        (N, M) the values to leave out, or None.
    annotated
        Whether the values have annotations, which are not drawn.

    Notes
    -----
    Values that are not finite are left out; a block without any others is NaN. The mean is computed
    in float64: the values in each column of a block are added from the top down, these sums from
    left to right, and the total is divided by the number of values. If the total overflows, it is
    computed again with values 2**64 times smaller.
    """

    shape: tuple[int, int]
    block: tuple[int, int]
    how: str
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)
    annotated: bool = False

    @property
    def rows(self) -> NDArray[np.int64]:
        """The first row of each block, and the end of the last block."""
        return _starts(self.shape[0], self.block[0])

    @property
    def columns(self) -> NDArray[np.int64]:
        """The first column of each block, and the end of the last block."""
        return _starts(self.shape[1], self.block[1])

    @property
    def masked(self) -> NDArray[np.bool_] | None:
        """The cells whose values are all masked, or None without a mask."""
        return None if self.mask is None else self._whole(self.mask)

    @classmethod
    def into_room(
        cls, shape: tuple[int, int], room: tuple[int, int], how: str, mask: NDArray[np.bool_] | None
    ) -> Reduction | None:
        """Return the reduction to as many cells as have room, or None if all values have.

        Parameters
        ----------
        room
            The most rows and columns of cells.
        """
        # equal blocks, since means of more values vary less, and would stand out as lines
        high, wide = (-(-count // most) for count, most in zip(shape, room, strict=True))
        return None if high == wide == 1 else cls(shape, (high, wide), how, mask)

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        (n, m), (high, wide) = self.shape, self.block
        return -(-n // high), -(-m // wide)

    def warning(self) -> str:
        """Return the warning about the reduction."""
        (n, m), (rows, columns), (high, wide) = self.shape, self.cells, self.block
        of = f"the {self.how} of" if self.how != "absmax" else "the value farthest from 0 of"
        fewer = "" if (n % high, m % wide) == (0, 0) else ", fewer at the end"
        without = " without the texts of annot=" if self.annotated else ""
        return (
            f"drew {n} x {m} values as {rows} x {columns} cells{without}, each {of} {high} x {wide}"
            f"{fewer}, since they would be under a pixel: give a larger figsize, another reduce=, "
            "or reduce=None for none"
        )

    def into(
        self, floats: Floats, out: NDArray[np.float64], block: NDArray[Any] | FileArray, number: int
    ) -> None:
        """Reduce frames of any real dtype, a band of rows at a time.

        Parameters
        ----------
        floats
            Converts frames to float64.
        out
            (T, n, m) output, n and m as in `cells`.
        block
            (T, N, M) frames, N and M as in `shape`; they may be masked, or in a file, which is
            read band by band.
        number
            Number of the first frame, for errors.
        """
        if block.shape != (len(out), *self.shape):
            raise ValueError(f"frame {number}: shape {block.shape[1:]}, expected {self.shape}")
        reduce = self._reducer()
        rows, columns = self.rows, self.columns
        if is_ready(block, np.float64) and self.mask is None:
            reduce(block, rows, columns, out)
            return
        n, m = self.shape
        together = max(1, BAND // (n * m))  # frames
        blocks = max(1, min(self.cells[0], BAND // (m * self.block[0])))
        tallest = min(n, (blocks + 1) * self.block[0])
        band = np.empty((min(together, len(block)), tallest, m))
        for t in range(0, len(block), together):
            for i in range(0, self.cells[0], blocks):
                starts = rows[i : i + blocks + 1]
                part = block[t : t + together, starts[0] : starts[-1]]
                if is_ready(part, np.float64) and self.mask is None:
                    values = part
                else:
                    values = band[: len(part), : part.shape[1]]
                    floats.into(values, part, number + t, int(starts[0]))
                if self.mask is not None:
                    hide(values, self.mask[starts[0] : starts[-1]])
                reduce(values, starts - starts[0], columns, out[t : t + together, i : i + blocks])
                let_go(part, others=False)
        if is_masked_array(block) and np.ma.is_masked(block):
            hide(out, self._whole(np.ma.getmaskarray(block)))

    def _whole(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the mask (..., n, m) of cells whose values are all masked in (..., N, M)."""
        rows = np.logical_and.reduceat(mask, self.rows[:-1], -2)
        cells: NDArray[np.bool_] = np.logical_and.reduceat(rows, self.columns[:-1], -1)
        return cells

    def _reducer(self) -> _Reducer:
        """Return a function that reduces a band, with its scratch memory."""
        from fastheat.render.kernels.reduce import end_of_blocks, mean_of_blocks

        m = self.shape[1]
        if self.how == "mean":
            sums = np.empty(m)
            return lambda values, rows, columns, out: mean_of_blocks(
                values, rows, columns, sums, out
            )
        which, lows, highs = _WHICH[self.how], np.empty(m), np.empty(m)
        return lambda values, rows, columns, out: end_of_blocks(
            values, rows, columns, which, lows, highs, out
        )


_Reducer = Callable[
    [NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], object
]


def _starts(count: int, side: int) -> NDArray[np.int64]:
    return np.minimum(np.arange(-(-count // side) + 1) * side, count)
