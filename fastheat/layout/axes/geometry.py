"""Geometry of the axes: positions of cells, labels, ticks and colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.gif.limits import LARGEST_SIDE
from fastheat.layout.axes.colorbar import Bar
from fastheat.layout.axes.measures import (
    LABEL_PAD,
    MINOR_LABELS,
    TICK_LENGTH,
    TICK_PAD,
    TIGHT_PAD,
    TITLE_PAD,
    widened,
)
from fastheat.style.text.labels import Box, Label, Placed, fitted
from fastheat.tables import Grid

SUBPLOT = (0.125, 0.11, 0.9, 0.88)  # left, bottom, right, top: figure.subplot.*
# anchors of square cells in the room that a colour bar leaves
ANCHORS = {"left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, 0.0), "bottom": (0.5, 1.0)}
WORDS = 22.0  # font sizes, length that a title may have without figsize, however small the cells
LONGEST_SIDE = 1500  # px, side that all cells together keep to without figsize, if possible
MOST_SIDE = 2400  # px, the same where cells or the texts in them would be too small to be seen
PLAIN_SIDE = 720  # px, the same for cells without text
SHORTEST_SIDE = 2.2  # font sizes, least side of all square cells together


class Plan(NamedTuple):
    """Everything that is to be laid out, lengths in pixels."""

    shape: tuple[int, int]  # rows and columns that labels refer to
    cells: tuple[int, int] | None  # those drawn, a pixel each if fewer; None if as many as fit
    point: float  # px of one point
    fontsize: float
    rows: Sequence[tuple[int, Label]]  # index of the row and its label
    columns: Sequence[tuple[int, Label]]
    row_side: str  # "left" or "right"
    col_side: str  # "top" or "bottom"
    title: Label | None
    titled: bool  # whether each frame draws its own title there
    xlabel: Label | None
    ylabel: Label | None
    bar: Bar | None
    square: bool

    def fitted(self, width: float, height: float, along: float | None = None) -> Plan:
        """Return the plan with title, axis labels and bar label fitted to a width and height in px.

        The label of a vertical bar is fitted to `along`, by default `height`.
        """

        def fit(label: Label | None, length: float) -> Label | None:
            return label and fitted(label, length)

        bar = self.bar
        if bar is not None:
            beside = height if along is None else along
            bar = bar._replace(label=fit(bar.label, beside if bar.upright else width))
        return self._replace(
            title=fit(self.title, width),
            xlabel=fit(self.xlabel, width),
            ylabel=fit(self.ylabel, height),
            bar=bar,
        )

    def without_words(self) -> Plan:
        """Return the plan without title, axis labels and bar label."""
        bar = self.bar and self.bar._replace(label=None)
        return self._replace(title=None, xlabel=None, ylabel=None, bar=bar)

    def words(self) -> list[Label]:
        """Return the title, axis labels and bar label, as far as there are any."""
        found = (self.title, self.xlabel, self.ylabel, self.bar.label if self.bar else None)
        return [label for label in found if label is not None]


class Frame(NamedTuple):
    """The size of an image and the boxes of cells and bar, which do not depend on the range."""

    width: int
    height: int
    cells: Box
    bar: Box | None

    def widened(self, side: str, by: int) -> Frame:
        """Return the frame with `by` more pixels at its left or right."""
        left = by if side == "left" else 0
        bar = self.bar and self.bar.moved(left, 0)
        return Frame(self.width + by, self.height, self.cells.moved(left, 0), bar)

    def moved(self, x: float, y: float) -> Frame:
        """Return the frame as part of a larger image."""
        bar = self.bar and self.bar.moved(x, y)
        return self._replace(cells=self.cells.moved(x, y), bar=bar)

    @property
    def slot(self) -> Box:
        """The box around the cells and their colour bar."""
        return self.cells.union(self.bar) if self.bar else self.cells


class Geometry(NamedTuple):
    """The size of an image and the positions of everything in it."""

    width: int
    height: int
    cells: Box
    bar: Box | None
    title: Placed | None
    labels: tuple[Placed, ...]  # all but the title

    @property
    def frame(self) -> Frame:
        """The part that does not depend on the range."""
        return Frame(self.width, self.height, self.cells, self.bar)


def place(
    plan: Plan,
    figure: tuple[int, int] | None,
    cell: tuple[float, float],
    frame: Frame | None = None,
) -> Geometry:
    """Lay out a plan.

    Parameters
    ----------
    figure
        Width and height of the image, which is laid out as by matplotlib's `Figure.tight_layout`.
        If None, the image is as large as its cells and labels need.
    cell
        Width and height of a cell, used if `figure` is None.
    frame
        Frame of another geometry to lay out in, whatever `figure` and `cell`.

    Raises
    ------
    ValueError
        If the image is too small for its labels, or larger than a GIF can be.
    """
    pad = TIGHT_PAD * plan.fontsize
    if frame is not None:
        plan = _fitted_in(plan, frame, pad)
        width, height, cells, bar = frame
        around = _around(plan, cells, bar)
        if min(around.x0, around.y0, width - around.x1, height - around.y1) < 0:
            raise ValueError(f"expected labels that have room in {width} x {height} px")
    elif figure is None:
        plan, frame = _grown(plan, cell, pad)
    else:
        free = plan.fitted(figure[0] - 2 * pad, figure[1] - 2 * pad)
        frame = _tight(free, *figure, pad)
        plan = _fitted_in(plan, frame, pad)
        if plan != free:  # a label was longer than the box that it is beside
            frame = _tight(plan, *figure, pad)
    width, height, cells, bar = frame
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(
            f"expected a picture of at most {LARGEST_SIDE} px a side, the most that a GIF can "
            f"have, not {width} x {height} px"
        )
    placed = [_within(p, plan, width, height, pad / 2) for p in _labels(plan, cells, bar)]
    title = next((p for p in placed if p.label is plan.title), None)
    others = tuple(p for p in placed if p is not title)
    return Geometry(width, height, cells, bar, title, others)


def _fitted_in(plan: Plan, frame: Frame, pad: float) -> Plan:
    """Return the plan with title, axis labels and bar label fitted to an image.

    Vertical labels may be as long as the cells or the bar beside them, and at least `WORDS` / 2.
    """
    room, least = frame.height - 2 * pad, WORDS / 2 * plan.fontsize
    lengths = [max(least, box.height) for box in (frame.cells, frame.bar) if box]
    return plan.fitted(frame.width - 2 * pad, min(room, lengths[0]), min(room, lengths[-1]))


def _grown(plan: Plan, cell: tuple[float, float], pad: float) -> tuple[Plan, Frame]:
    """Lay out an image around cells of a given size."""
    n, m = plan.cells or plan.shape
    cells = Box(0.0, 0.0, float(cell[0] * m), float(cell[1] * n))
    bar = None
    if plan.bar:
        bar = plan.bar.beside(cells, _axis_labels(plan, cells))
    # title and labels enlarge the image, up to a limit
    least = WORDS * plan.fontsize
    bare = _around(plan.without_words(), cells, bar)
    plan = plan.fitted(max(bare.width, least), max(bare.height, least))
    boxes = (placed.box() for placed in _labels(plan, cells, bar))
    around = reduce(Box.union, boxes, _around(plan, cells, bar))
    width = math.ceil(around.width + 2 * pad)
    height = math.ceil(around.height + 2 * pad)
    x, y = round(pad - around.x0), round(pad - around.y0)
    return plan, Frame(width, height, cells, bar).moved(x, y)


def _tight(plan: Plan, width: int, height: int, pad: float) -> Frame:
    """Place cells and bar in an image of a given size, as by `tight_layout`."""
    n, m = plan.cells or (1, 1)
    left, bottom, right, top = SUBPLOT
    slot = Box(left * width, (1 - top) * height, right * width, (1 - bottom) * height)
    cells, bar = _shared(plan, slot, exact=False)
    around = _around(plan, cells, bar)
    # tight_layout measures once, at the default margins, and then moves the margins
    slot = Box(
        max(slot.x0 - around.x0, 0.0) + pad,
        max(slot.y0 - around.y0, 0.0) + pad,
        width - max(around.x1 - slot.x1, 0.0) - pad,
        height - max(around.y1 - slot.y1, 0.0) - pad,
    )
    for _ in range(3):
        cells, bar = _shared(plan, slot)
        if min(slot.width - m, slot.height - n) < 0 or not _separate(cells, (n, m)):
            raise _too_small(plan, width, height, slot)
        # labels that stick out from cells of another size may be cut off: make room for them
        around = _around(plan, cells, bar)
        cut = (-around.x0, -around.y0, around.x1 - width, around.y1 - height)
        if max(cut) <= 0:
            break
        left, top, right, bottom = (c + pad if c > 0 else 0.0 for c in cut)
        slot = Box(slot.x0 + left, slot.y0 + top, slot.x1 - right, slot.y1 - bottom)
    else:
        if plan.cells != plan.shape:  # cells of one pixel cannot shrink
            raise _too_small(plan, width, height, slot)
    return Frame(width, height, cells, bar)


def _too_small(plan: Plan, width: int, height: int, slot: Box) -> ValueError:
    n, m = plan.cells or plan.shape
    return ValueError(
        f"expected a figsize in which {n} x {m} cells and their labels have room, "
        f"not {width} x {height} px, of which the labels leave "
        f"{max(0, int(slot.width))} x {max(0, int(slot.height))}"
    )


# ------------------------------------------------------------------------------ cells and their bar


def _shared(plan: Plan, slot: Box, *, exact: bool = True) -> tuple[Box, Box | None]:
    """Return the boxes of the cells and the colour bar, which share a slot.

    Unless `exact`, the cells fill their part of it even if they are to be drawn a pixel each.
    """
    if plan.bar is None:
        return _cells(plan, slot, exact), None
    size = slot.width if plan.bar.upright else slot.height
    gap, strip = plan.bar.gap_and_strip(size)
    bar = plan.bar.place(slot, strip)
    for _ in range(4):
        cells = _cells(plan, widened(slot, plan.bar.location, -gap - strip), exact)
        needed = plan.bar.reach(cells, bar, _axis_labels(plan, cells))
        if needed <= gap:
            break
        gap = needed
    return cells, bar


def _cells(plan: Plan, slot: Box, exact: bool) -> Box:
    """Return the box of the cells in a slot, anchored towards the bar if there is one."""
    n, m = plan.shape
    anchor = ANCHORS[plan.bar.location] if plan.bar else (0.5, 0.5)
    box = slot.shrunk(n / m, anchor) if plan.square else slot
    if plan.cells == plan.shape:
        return box
    wide, high = box.width, box.height
    least = SHORTEST_SIDE * plan.fontsize
    if plan.square and min(wide, high) < least < max(wide, high):
        # square cells would be little more than a line
        wide, high = max(wide, min(least, slot.width)), max(high, min(least, slot.height))
    x = slot.x0 + (slot.width - wide) * anchor[0]
    y = slot.y0 + (slot.height - high) * anchor[1]
    if exact:
        x, y = math.floor(x), math.floor(y)
    return Box(x, y, x + wide, y + high)


# ------------------------------------------------------------------------------------------ labels


def _around(plan: Plan, cells: Box, bar: Box | None) -> Box:
    """Return the box around everything, ignoring the length of title, axis labels and bar label."""
    around = cells
    tick = TICK_LENGTH * plan.point
    if plan.columns:
        around = widened(around, plan.col_side, tick)
    if plan.rows:
        around = widened(around, plan.row_side, tick)
    if bar is not None and plan.bar is not None:
        around = around.union(widened(bar, plan.bar.location, tick))
    words = {id(label) for label in plan.words()}
    for placed in _labels(plan, cells, bar):
        box = placed.box()
        if id(placed.label) in words:
            if placed.label.rotation:
                box = box._replace(y0=placed.y, y1=placed.y)
            else:
                box = box._replace(x0=placed.x, x1=placed.x)
        around = around.union(box)
    return around


def _within(placed: Placed, plan: Plan, width: int, height: int, pad: float) -> Placed:
    """Return a label, moved along its line into the image if it is a title, axis or bar label."""
    if not any(placed.label is label for label in plan.words()):
        return placed
    box = placed.box()
    if placed.label.rotation:
        low, high = pad - box.y0, height - pad - box.y1
        return placed._replace(y=placed.y + (low if low > 0 else min(high, 0.0)))
    low, high = pad - box.x0, width - pad - box.x1
    return placed._replace(x=placed.x + (low if low > 0 else min(high, 0.0)))


def _axis_labels(plan: Plan, cells: Box, beside: Sequence[Box] = ()) -> list[Placed]:
    """Place the labels of rows and columns and the axis labels.

    Parameters
    ----------
    beside
        Boxes beside the cells that a long axis label below them must clear.
    """
    n, m = plan.shape
    gap = (TICK_LENGTH + TICK_PAD) * plan.point
    x = cells.x0 - gap if plan.row_side == "left" else cells.x1 + gap
    y = cells.y0 - gap if plan.col_side == "top" else cells.y1 + gap
    placed = [Placed(label, x, cells.y0 + (i + 0.5) * cells.height / n) for i, label in plan.rows]
    left = min((p.box().x0 for p in placed), default=cells.x0)
    columns = [
        Placed(label, cells.x0 + (j + 0.5) * cells.width / m, y) for j, label in plan.columns
    ]
    placed += columns
    minor, pad = MINOR_LABELS * plan.point, LABEL_PAD * plan.point
    if plan.ylabel:
        x = min(left, cells.x0 - minor) - pad
        placed.append(Placed(plan.ylabel, x, (cells.y0 + cells.y1) / 2))
    if plan.xlabel:
        boxes = _across(plan.xlabel, cells, [*(p.box() for p in placed), *beside])
        bottom = max([cells.y1 + minor, *(p.box().y1 for p in columns), *(b.y1 for b in boxes)])
        placed.append(Placed(plan.xlabel, (cells.x0 + cells.x1) / 2, bottom + pad))
    return placed


def _across(word: Label, cells: Box, boxes: Sequence[Box]) -> list[Box]:
    """Return the boxes that a title or label centred on the cells might overlap."""
    half, middle = word.box().width / 2, (cells.x0 + cells.x1) / 2
    if half > cells.width / 2:  # it may be moved sideways, into the image
        return list(boxes)
    return [box for box in boxes if box.x0 < middle + half and box.x1 > middle - half]


def _labels(plan: Plan, cells: Box, bar: Box | None) -> list[Placed]:
    """Place all labels around the cells and the colour bar."""
    of_bar = plan.bar.labels(bar) if plan.bar and bar else []
    bar_boxes = [bar, *(p.box() for p in of_bar)] if bar else []
    upright = plan.bar is not None and plan.bar.upright
    if plan.bar and plan.bar.location == "top" and (plan.titled or plan.bar.changes):
        bar_boxes = [reduce(Box.union, bar_boxes)]  # other numbers may stand between
    placed = _axis_labels(plan, cells, bar_boxes if upright else ())
    if plan.title:
        names = [p.box() for p in placed if p.label not in (plan.xlabel, plan.ylabel)]
        words = [p.box() for p in placed if p.label is plan.ylabel]
        boxes = names + _across(plan.title, cells, words + bar_boxes)
        top = min([cells.y0, *(box.y0 for box in boxes)])
        # the baseline stands there, as in matplotlib
        y = top - TITLE_PAD * plan.point + plan.title.metrics()[2]
        placed.append(Placed(plan.title, (cells.x0 + cells.x1) / 2, y))
    return placed + of_bar


# ------------------------------------------------------------------------------------------- cells


def _edges(start: float, stop: float, count: int) -> NDArray[np.int64]:
    return np.floor(np.linspace(start, stop, count + 1) + 0.5).astype(np.int64)


def _separate(cells: Box, shape: tuple[int, int]) -> bool:
    """Return True if every cell has a pixel of its own."""
    columns = _edges(cells.x0, cells.x1, shape[1])
    rows = _edges(cells.y0, cells.y1, shape[0])
    return bool((np.diff(columns) > 0).all() and (np.diff(rows) > 0).all())


def cell_grid(
    cells: Box,
    shape: tuple[int, int],
    line: int,
    groups: tuple[Sequence[int], Sequence[int]],
    group_line: int,
) -> Grid:
    """Return the visible part of each cell, between gridlines `line` pixels wide.

    Gridlines before the rows and columns of `groups` are `group_line` pixels wide. Edges are at the
    nearest whole pixel, as those of `imshow` and of snapped gridlines. The outer half of the
    outermost lines lies outside of the axes and is not drawn.
    """
    n, m = shape

    def sides(
        start: float, stop: float, count: int, wide: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        edges = _edges(start, stop, count)
        lines = np.full(count + 1, line)
        lines[list(wide)] = group_line
        low = edges[:-1] - lines[:-1] // 2 + lines[:-1]
        high = edges[1:] - lines[1:] // 2
        # a cell that gridlines would cover keeps a pixel
        low = np.minimum(low, edges[1:] - 1)
        return low, np.maximum(high, low + 1)

    x0, x1 = sides(cells.x0, cells.x1, m, groups[1])
    y0, y1 = sides(cells.y0, cells.y1, n, groups[0])
    center = cells.x0 + (np.arange(m) + 0.5) * cells.width / m
    return Grid(x0, x1, y0, y1, center)
