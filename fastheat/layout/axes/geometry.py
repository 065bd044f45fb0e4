"""The axes: where cells, labels, ticks and colour bar stand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.gif.blocks import LARGEST_SIDE
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

SUBPLOT = (0.125, 0.11, 0.9, 0.88)  # left, bottom, right, top of the figure before tight_layout
# where square cells stand in the room that a bar leaves them
ANCHORS = {"left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, 0.0), "bottom": (0.5, 1.0)}
WORDS = 22.0  # font sizes that a title may be long whatever the cells, in a picture without figsize
LONGEST_SIDE = 1500  # px that a picture without figsize keeps its cells within, where it can
PLAIN_SIDE = 720  # px of the cells of a picture without figsize and text
SHORTEST_SIDE = 2.2  # font sizes that the cells of one are high and wide at least, where square


class Plan(NamedTuple):
    """What there is to lay out, all lengths in pixels."""

    shape: tuple[int, int]  # rows and columns, which labels stand at
    cells: tuple[int, int] | None  # those drawn, a pixel each where fewer; None: as many as fit
    point: float  # px of one point
    fontsize: float
    rows: Sequence[tuple[int, Label]]  # index of the row and its label
    columns: Sequence[tuple[int, Label]]
    row_side: str  # "left" or "right"
    col_side: str  # "top" or "bottom"
    title: Label | None
    titled: bool  # whether each frame draws a title of its own there
    xlabel: Label | None
    ylabel: Label | None
    bar: Bar | None
    square: bool

    def fitted(self, width: float, height: float, along: float | None = None) -> Plan:
        """Return the plan with title and labels of axes and bar that have room, in px.

        That of a bar at the side has `along`, by default as the others `height`.
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
        """Return the plan without title and labels of axes and bar."""
        bar = self.bar and self.bar._replace(label=None)
        return self._replace(title=None, xlabel=None, ylabel=None, bar=bar)

    def words(self) -> list[Label]:
        """Return title and labels of axes and bar."""
        found = (self.title, self.xlabel, self.ylabel, self.bar.label if self.bar else None)
        return [label for label in found if label is not None]


class Frame(NamedTuple):
    """What of a picture stays as it is whatever its range: its size, and where the cells stand."""

    width: int
    height: int
    cells: Box
    bar: Box | None

    def widened(self, side: str, by: int) -> Frame:
        """Return it with more room at its left or right."""
        left = by if side == "left" else 0
        bar = self.bar and self.bar.moved(left, 0)
        return Frame(self.width + by, self.height, self.cells.moved(left, 0), bar)

    def moved(self, x: float, y: float) -> Frame:
        """Return it as a part of a larger picture."""
        bar = self.bar and self.bar.moved(x, y)
        return self._replace(cells=self.cells.moved(x, y), bar=bar)

    @property
    def slot(self) -> Box:
        """Where the cells and their colour bar stand."""
        return self.cells.union(self.bar) if self.bar else self.cells


class Geometry(NamedTuple):
    """Where everything stands."""

    width: int
    height: int
    cells: Box
    bar: Box | None
    title: Placed | None
    labels: tuple[Placed, ...]  # but the title

    @property
    def frame(self) -> Frame:
        """What does not depend on the range."""
        return Frame(self.width, self.height, self.cells, self.bar)


def place(
    plan: Plan,
    figure: tuple[int, int] | None,
    cell: tuple[float, float],
    frame: Frame | None = None,
) -> Geometry:
    """Lay a plan out.

    Parameters
    ----------
    figure
        Width and height of the picture, laid out as by matplotlib's `Figure.tight_layout`. None
        makes the picture as large as the cells need.
    cell
        Width and height of a cell, where `figure` is None.
    frame
        That of another geometry, to lay out in.

    Raises
    ------
    ValueError
        If the picture is too small for its labels, or larger than a GIF may be.
    """
    pad = TIGHT_PAD * plan.fontsize
    if frame is not None:
        width, height, cells, bar = frame.width, frame.height, frame.cells, frame.bar
        plan = _fitted_in(plan, width, height, pad, cells, bar)
        around = _around(plan, cells, bar)
        if min(around.x0, around.y0, width - around.x1, height - around.y1) < 0:
            raise ValueError(f"expected labels that have room in {width} x {height} px")
    elif figure is None:
        plan, width, height, cells, bar = _grown(plan, cell, pad)
    else:
        width, height = figure
        free = plan.fitted(width - 2 * pad, height - 2 * pad)
        cells, bar = _tight(free, width, height, pad)
        plan = _fitted_in(plan, width, height, pad, cells, bar)
        if plan != free:  # a label longer than what it is beside
            cells, bar = _tight(plan, width, height, pad)
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(
            f"expected a picture of at most {LARGEST_SIDE} px a side, the most that a GIF can "
            f"have, not {width} x {height} px"
        )
    placed = [_within(p, plan, width, height, pad / 2) for p in _labels(plan, cells, bar)]
    title = next((p for p in placed if p.label is plan.title), None)
    others = tuple(p for p in placed if p is not title)
    return Geometry(width, height, cells, bar, title, others)


def _fitted_in(
    plan: Plan, width: int, height: int, pad: float, cells: Box, bar: Box | None
) -> Plan:
    """Return the plan with labels that are no longer than what they stand beside, or not much."""
    room, least = height - 2 * pad, WORDS / 2 * plan.fontsize
    lengths = [max(least, box.height) for box in (cells, bar) if box]
    return plan.fitted(width - 2 * pad, min(room, lengths[0]), min(room, lengths[-1]))


def _grown(
    plan: Plan, cell: tuple[float, float], pad: float
) -> tuple[Plan, int, int, Box, Box | None]:
    """Lay out around cells of a size."""
    n, m = plan.cells or plan.shape
    cells = Box(0.0, 0.0, float(cell[0] * m), float(cell[1] * n))
    bar = None
    if plan.bar:
        bar = plan.bar.beside(cells, _axis_labels(plan, cells), plan.fontsize, plan.point)
    # words make it larger, but not at any length
    least = WORDS * plan.fontsize
    bare = _around(plan.without_words(), cells, bar)
    plan = plan.fitted(max(bare.width, least), max(bare.height, least))
    around = _around(plan, cells, bar)
    for placed in _labels(plan, cells, bar):
        around = around.union(placed.box())
    width = math.ceil(around.width + 2 * pad)
    height = math.ceil(around.height + 2 * pad)
    x, y = round(pad - around.x0), round(pad - around.y0)
    return plan, width, height, cells.moved(x, y), bar and bar.moved(x, y)


def _tight(plan: Plan, width: int, height: int, pad: float) -> tuple[Box, Box | None]:
    """Lay out in a figure, as `tight_layout` does."""
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
        # where that cuts what stands out from cells of another size, give it its room
        around = _around(plan, cells, bar)
        cut = (-around.x0, -around.y0, around.x1 - width, around.y1 - height)
        if max(cut) <= 0:
            break
        left, top, right, bottom = (c + pad if c > 0 else 0.0 for c in cut)
        slot = Box(slot.x0 + left, slot.y0 + top, slot.x1 - right, slot.y1 - bottom)
    else:
        if plan.cells != plan.shape:  # which do not give way
            raise _too_small(plan, width, height, slot)
    return cells, bar


def _too_small(plan: Plan, width: int, height: int, slot: Box) -> ValueError:
    n, m = plan.cells or plan.shape
    return ValueError(
        f"expected a figsize in which {n} x {m} cells and their labels have room, "
        f"not {width} x {height} px, of which the labels leave "
        f"{max(0, int(slot.width))} x {max(0, int(slot.height))}"
    )


# ------------------------------------------------------------------------------ cells and their bar


def _shared(plan: Plan, slot: Box, *, exact: bool = True) -> tuple[Box, Box | None]:
    """Share a slot out between the cells and the colour bar.

    If not `exact`, the cells are as if they were of any size.
    """
    if plan.bar is None:
        return _cells(plan, slot, exact), None
    size = slot.width if plan.bar.upright else slot.height
    gap, strip = plan.bar.gap_and_strip(size, plan.fontsize)
    cells, bar = _split(plan, plan.bar, slot, gap, strip, exact)
    for _ in range(3):
        needed = plan.bar.reach(cells, bar, _axis_labels(plan, cells), plan.point)
        if needed <= gap:
            break
        gap = needed
        cells, bar = _split(plan, plan.bar, slot, gap, strip, exact)
    return cells, bar


def _split(
    plan: Plan, bar: Bar, slot: Box, gap: float, strip: float, exact: bool
) -> tuple[Box, Box]:
    inner = widened(slot, bar.location, -gap - strip)
    return _cells(plan, inner, exact), bar.place(slot, strip, plan.fontsize)


def _cells(plan: Plan, slot: Box, exact: bool) -> Box:
    """Return the place of the cells in a slot, at the bar if there is one."""
    n, m = plan.shape
    anchor = ANCHORS[plan.bar.location] if plan.bar else (0.5, 0.5)
    box = slot.shrunk(n / m, anchor) if plan.square else slot
    if plan.cells == plan.shape:
        return box
    wide, high = box.width, box.height
    least = SHORTEST_SIDE * plan.fontsize
    if plan.square and min(wide, high) < least < max(wide, high):
        # no more than a line
        wide, high = max(wide, min(least, slot.width)), max(high, min(least, slot.height))
    if exact and plan.cells is not None:
        wide = plan.cells[1] if plan.cells[1] < m else wide
        high = plan.cells[0] if plan.cells[0] < n else high
    x = slot.x0 + (slot.width - wide) * anchor[0]
    y = slot.y0 + (slot.height - high) * anchor[1]
    if exact:
        x, y = math.floor(x), math.floor(y)
    return Box(x, y, x + wide, y + high)


# ------------------------------------------------------------------------------------------ labels


def _around(plan: Plan, cells: Box, bar: Box | None) -> Box:
    """Return the box that everything lies in, but for the length of title and labels of axes."""
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
    """Move title and labels of axes and bar along their line, into the picture."""
    if not any(placed.label is label for label in plan.words()):
        return placed
    box = placed.box()
    if placed.label.rotation:
        low, high = pad - box.y0, height - pad - box.y1
        return placed._replace(y=placed.y + (low if low > 0 else min(high, 0.0)))
    low, high = pad - box.x0, width - pad - box.x1
    return placed._replace(x=placed.x + (low if low > 0 else min(high, 0.0)))


def _axis_labels(plan: Plan, cells: Box, beside: Sequence[Box] = ()) -> list[Placed]:
    """Place the labels of rows and columns and those of the axes.

    Parameters
    ----------
    beside
        What stands beside the cells, which a long label below them is to be clear of.
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
    """Return the boxes that a title or label about the middle of the cells might run across."""
    half, middle = word.box().width / 2, (cells.x0 + cells.x1) / 2
    if half > cells.width / 2:  # it may be moved into the picture
        return list(boxes)
    return [box for box in boxes if box.x0 < middle + half and box.x1 > middle - half]


def _labels(plan: Plan, cells: Box, bar: Box | None) -> list[Placed]:
    """Place every label about the cells and the colour bar."""
    of_bar = plan.bar.labels(bar, plan.point) if plan.bar and bar else []
    bar_boxes = [bar, *(p.box() for p in of_bar)] if bar else []
    upright = plan.bar is not None and plan.bar.upright
    if plan.bar and plan.bar.location == "top" and (plan.titled or plan.bar.changes):
        bar_boxes = [reduce(Box.union, bar_boxes)]  # wherever one comes to stand between them
    placed = _axis_labels(plan, cells, bar_boxes if upright else ())
    if plan.title:
        names = [p.box() for p in placed if p.label not in (plan.xlabel, plan.ylabel)]
        words = [p.box() for p in placed if p.label is plan.ylabel]
        boxes = names + _across(plan.title, cells, words + bar_boxes)
        top = min([cells.y0, *(box.y0 for box in boxes)])
        # matplotlib has its baseline there
        y = top - TITLE_PAD * plan.point + plan.title.metrics()[2]
        placed.append(Placed(plan.title, (cells.x0 + cells.x1) / 2, y))
    return placed + of_bar


# ------------------------------------------------------------------------------------------- cells


def _edges(start: float, stop: float, count: int) -> NDArray[np.int64]:
    return np.floor(np.linspace(start, stop, count + 1) + 0.5).astype(np.int64)


def _separate(cells: Box, shape: tuple[int, int]) -> bool:
    """Return whether every cell has a pixel of its own."""
    columns = _edges(cells.x0, cells.x1, shape[1])
    rows = _edges(cells.y0, cells.y1, shape[0])
    return bool((np.diff(columns) > 0).all() and (np.diff(rows) > 0).all())


def cell_grid(
    cells: Box,
    shape: tuple[int, int],
    line: int,
    groups: tuple[Sequence[int], Sequence[int]] = ((), ()),
    group_line: int = 0,
) -> Grid:
    """Return the visible part of each cell, between grid lines `line` pixels wide.

    Before the rows and the columns of `groups` they are `group_line` wide. Edges are where `imshow`
    and snapped grid lines have them: at the nearest whole pixel. The outer half of the outermost
    lines is outside of the axes and not drawn.
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
        # a cell that its lines would cover keeps a pixel
        low = np.minimum(low, edges[1:] - 1)
        return low, np.maximum(high, low + 1)

    x0, x1 = sides(cells.x0, cells.x1, m, groups[1])
    y0, y1 = sides(cells.y0, cells.y1, n, groups[0])
    center = cells.x0 + (np.arange(m) + 0.5) * cells.width / m
    return Grid(x0, x1, y0, y1, center)
