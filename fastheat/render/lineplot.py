"""Drawing of line plots, each continued from that of the previous frame."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.layout.lineplot import (
    FEWEST_STEPS,
    Plot,
    Stage,
    base_of,
    limits_so_far,
    places_of,
    stages_of,
)
from fastheat.render.kernels.lines import plot_frames


def _draw_lines(
    plot: Plot,
    each: list[Stage],
    rows: NDArray[np.float64],
    number: int,
    begin: int,
    picture: NDArray[np.uint8] | None,
    cover: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Draw the line plots of the last frames of `rows`.

    Parameters
    ----------
    each
        The axes of each frame to draw.
    rows, number
        (N, K) scalars, and the frame number of the first row. It must be 0 if the axes change,
        since all lines are then drawn again.
    begin, picture, cover
        The line plot that the first one continues: the number of `rows` whose lines it has, its
        pixels, and its coverage, which is overwritten by that of the last. None starts with empty
        axes.
    """
    distinct = list(dict.fromkeys(each))
    places = [places_of(plot, stage, rows, number) for stage in distinct]
    bases = [base_of(plot, stage) for stage in distinct]
    pictures = np.empty((len(each), plot.height, plot.width), np.uint8)
    if picture is not None:
        pictures[0] = picture
    plot_frames(
        len(rows) - len(each),
        0 if picture is None else begin,
        np.array([distinct.index(stage) for stage in each], np.int64),
        np.stack([base.picture for base in bases]),
        np.array([base.box for base in bases], np.int64),
        np.stack([xs for xs, _ in places]),
        np.stack([ys for _, ys in places]),
        np.array(plot.ramps, np.uint8),
        plot.half,
        plot.dot,
        cover,
        pictures,
    )
    return pictures


class Past(NamedTuple):
    """The line plot of all frames so far, which later frames continue.

    Unless the axes change, each frame is drawn on top of the previous one, so the time per frame
    does not grow with their number.
    """

    rows: NDArray[np.float64]  # (N, K) the last scalars, or all if the axes are about to change
    frames: int = 0
    low: float = math.inf  # limits of the finite values so far
    high: float = -math.inf
    stage: Stage | None = None
    picture: NDArray[np.uint8] | None = None  # (h, w) of the last frame, None before the first
    cover: NDArray[np.uint8] | None = None

    def stages(self, plot: Plot, values: NDArray[np.float64], first: int = 0) -> list[Stage]:
        """Return the axes of the next frames (T, K), from index `first` on."""
        return stages_of(plot, values, first, self.frames, self.low, self.high)

    def draw(self, plot: Plot, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Draw the line plots (1 + T, h, w) of the last frame so far and the next ones (T, K)."""
        assert self.stage is not None
        assert self.cover is not None
        rows = np.concatenate([self.rows, values])
        each = [self.stage, *self.stages(plot, values)]
        number, begin = self.frames - len(self.rows), len(self.rows)
        return _draw_lines(plot, each, rows, number, begin, self.picture, self.cover.copy())

    def after(
        self, plot: Plot, values: NDArray[np.float64], rows: NDArray[np.float64] | None = None
    ) -> Past:
        """Return the line plot after the next frames (T, K), of which only the last is drawn.

        Parameters
        ----------
        rows
            The scalars to draw and keep, which end with `values`; by default `self.rows` and
            `values`.
        """
        if not len(values):
            return self
        if rows is None:
            rows = np.concatenate([self.rows, values])
        (stage,) = self.stages(plot, values, len(values) - 1)
        frames = self.frames + len(values)
        picture, cover = None, np.empty((plot.height, plot.width), np.uint8)
        if stage == self.stage:
            assert self.cover is not None
            picture, cover = self.picture, self.cover.copy()
        begin = len(rows) - len(values)
        (picture,) = _draw_lines(plot, [stage], rows, frames - len(rows), begin, picture, cover)
        lows, highs = limits_so_far(values, self.low, self.high)
        return Past(rows, frames, float(lows[-1]), float(highs[-1]), stage, picture, cover)


class History:
    """The scalars of all frames so far, in an array that doubles when it is full.

    All are kept, 8 bytes each, because they are drawn again whenever the axes change, which happens
    ever more rarely.

    Parameters
    ----------
    count
        Number of scalars per frame, which follow its matrices; with 0, nothing is kept.
    """

    def __init__(self, count: int) -> None:
        self._rows = np.empty((FEWEST_STEPS, count))
        self._frames = 0
        self._past = Past(self._rows[:0])  # brought up to date by `before`

    @property
    def rows(self) -> NDArray[np.float64] | None:
        """(frames, K) the scalars so far, which later ones do not change; None if K is 0."""
        return self._rows[: self._frames] if self._rows.shape[1] else None

    def add(self, frames: NDArray[np.float64]) -> None:
        """Keep the scalars of frames (T, C)."""
        count = self._rows.shape[1]
        if not count:
            return
        stop = self._frames + len(frames)
        if stop > len(self._rows):
            grown = np.empty((max(stop, 2 * len(self._rows)), count))
            grown[: self._frames] = self._rows[: self._frames]
            self._rows = grown
        self._rows[self._frames : stop] = frames[:, -count:]
        self._frames = stop

    def before(self, plot: Plot | None, frames: NDArray[np.float64]) -> Past | None:
        """Return the line plot that the next frames (T, C) continue, or None if `plot` is None."""
        if plot is None:
            return None
        past, stop = self._past, self._frames
        new = self._rows[past.frames : stop]
        if len(new):
            stays = past.stages(plot, new, len(new) - 1) == [past.stage]
            past = past.after(plot, new, self._rows[past.frames - 1 if stays else 0 : stop])
            self._past = past = past._replace(rows=past.rows[-1:])
        each = past.stages(plot, frames[:, -self._rows.shape[1] :])
        stays = all(stage == past.stage for stage in each)
        return past if stays else past._replace(rows=self._rows[:stop])
