"""Thinning: the choice of labels and ticks that fit on the axes, and the rotation of labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from fastheat.layout.axes import geometry
from fastheat.layout.axes.colorbar import Bar
from fastheat.layout.axes.geometry import Geometry, Plan
from fastheat.layout.axes.ticks import TIMES, Ticks, TickStyle
from fastheat.layout.look import Look
from fastheat.layout.options import Labels
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.labels import (
    Box,
    Label,
    anchor_outside,
    apart,
    distance,
    line_extent,
    thinned,
)

DEFAULT_ROTATION = 30.0  # degrees, of column labels other than numbers; negative above the cells
AUTO_STEPS = (1, 2, 5)  # times a power of ten: strides of automatic numbers
APART = 0.5  # font sizes between labels in a line,
NUMBERS_APART, LEADING = 1.0, 0.2  # and between numbers; line heights between lines of numbers
MOST_NUMBERS = 32  # labels of a table for which cells are made larger if these are numbers
PASSES = 4  # of laying out, each of which may leave less room for labels than the previous one


# function from the largest number of intervals that a colour bar has room for to its ticks
Find = Callable[[int], Ticks]


class Choice(NamedTuple):
    """Strides of the labels that fit: every n-th is shown."""

    rows: int
    columns: int
    intervals: int  # the most between ticks of the colour bar
    ticks: int  # of the colour bar


def lay_out(
    look: Look, drawn: tuple[int, int] | None, ticks: Find, cell: tuple[float, float]
) -> tuple[Plan, Geometry, tuple[str, ...]]:
    """Choose the labels that fit, and lay out the axes with them.

    Parameters
    ----------
    drawn
        Rows and columns of cells that are drawn; None for as many as there are pixels.
    ticks
        Finds the ticks of the colour bar.
    cell
        Width and height of a cell in pixels, used if `look.figure` is None.

    Returns
    -------
    Plan
    Geometry
    tuple of str
        Descriptions of requested labels that are left out.
    """
    n, m = look.shape
    # estimates, too large rather than too small
    if look.frame is not None:
        cells, bar = look.frame.cells, look.frame.bar or look.frame.cells
    elif look.figure:
        width, height = look.figure
        side = min(width / m, height / n)
        cells = Box(0.0, 0.0, side * m, side * n) if look.square else Box(0.0, 0.0, width, height)
        left, bottom, right, top = geometry.SUBPLOT
        bar = Box(left * width, bottom * height, right * width, top * height)
    else:
        rows, columns = drawn or look.shape
        cells = bar = Box(0.0, 0.0, cell[0] * columns, cell[1] * rows)
    labels = _axis_labels(look)
    down = -1 if look.origin_lower else 1
    choice = Choice(0, 0, 0, 0)
    for _ in range(PASSES):
        chosen = Choice(
            max(choice.rows, _step(look, labels[0], 0.0, cells.height / n * down)),
            max(choice.columns, _step(look, labels[1], cells.width / m, 0.0)),
            *(_choose_ticks(look, ticks, bar) if look.bar else (1, 1)),
        )
        if chosen == choice:
            break
        choice = chosen
        plan = _plan(look, drawn, labels, ticks, choice)
        placed = geometry.place(plan, look.figure, cell, look.frame)
        cells, bar = placed.cells, placed.bar or bar
    return plan, placed, _left_out(look, labels, ticks, choice)


def pitch(look: Look) -> tuple[float, float]:
    """Return the column and row pitch at which every requested label fits, in pixels.

    Numbers of rows and columns are not requested, nor are those of more than a few in a table.
    """
    rows, columns = _axis_labels(look)
    down = -1 if look.origin_lower else 1

    def needed(labels: _Wanted, x: float, y: float) -> float:
        numbers = labels.wanted.auto
        if numbers and (labels.wanted.texts is None or len(labels.wanted.shown) > MOST_NUMBERS):
            return 0.0
        shown = [(k, label) for k, label in labels.every(1) if label.text.strip()]
        gap = (NUMBERS_APART if numbers else APART) * look.fontsize
        leading = LEADING * sum(line_extent(look.typeface, look.fontsize)) if numbers and y else 0.0
        return max(
            (
                distance(one, two, x, y, gap) / (j - i) + leading
                for (i, one), (j, two) in itertools.pairwise(shown)
            ),
            default=0.0,
        )

    return needed(columns, 1, 0), needed(rows, 0, down)


class _Wanted(NamedTuple):
    """The requested labels of an axis, made when they are needed, since often few are shown."""

    wanted: Labels
    make: Callable[[int], Label]

    def every(self, step: int) -> list[tuple[int, Label]]:
        """Return every step-th label with the index of its row or column."""
        return [(k, self.make(k)) for k in self.wanted.shown[::step]]


_Both = tuple[_Wanted, _Wanted]  # labels of rows and of columns


def _axis_labels(look: Look) -> _Both:
    """Return all labels of rows and of columns that are requested."""
    up, down = line_extent(look.typeface, look.fontsize)

    def labels(wanted: Labels, side: str, rotation: float) -> _Wanted:
        def make(k: int) -> Label:
            text, middle = wanted.text(k), 0.5
            if side in ("left", "right"):  # matplotlib's center_baseline
                lines = 1.2 * text.count("\n") * (up + down) + up
                middle = 0.5 * lines / (lines + down)
            anchor = anchor_outside(side, rotation, middle)
            return Label(text, look.fontsize, anchor, rotation, look.typeface)

        return _Wanted(wanted, make)

    rotation = look.col_rotation
    if rotation is None:
        turned = DEFAULT_ROTATION if look.col_side == "bottom" else -DEFAULT_ROTATION
        numbers = look.columns.texts is None or look.columns.auto or look.columns.numeric
        rotation = 0.0 if numbers else turned
    rows = labels(look.rows, look.row_side, look.row_rotation or 0.0)
    return rows, labels(look.columns, look.col_side, rotation)


def _choose_ticks(look: Look | TickStyle, found: Find, bar: Box) -> tuple[int, int]:
    """Return the most intervals for which a bar has room, and the stride at which ticks fit."""
    # matplotlib's get_tick_space: a tick takes 2 font sizes in height or 3 in width
    upright = look.bar_location in ("left", "right")
    room = bar.height / 2 if upright else bar.width / 3
    intervals = max(1, min(9, int(room / look.fontsize)))
    if not look.thin_labels and isinstance(look.bar_ticks, tuple):
        return intervals, 1
    ticks = _bar_ticks(look, found, intervals)
    x, y = (0.0, -bar.height) if upright else (bar.width, 0.0)
    for step in range(1, len(ticks)):
        if all(
            apart(one, two, x * (b - a), y * (b - a), APART * look.fontsize)
            for (a, one), (b, two) in itertools.pairwise(ticks[::step])
        ):
            return intervals, step
    return intervals, max(1, len(ticks))


def bar_labels(look: Look | TickStyle, found: Find, box: Box) -> Bar:
    """Return a colour bar with the ticks that fit if it stands in `box`."""
    ticks = lru_cache(found)
    return _bar(look, ticks, *_choose_ticks(look, ticks, box))


def _bar(look: Look | TickStyle, found: Find, intervals: int, step: int) -> Bar:
    """Return a colour bar without its label, with every step-th of its major ticks."""
    ticks = _bar_ticks(look, found, intervals)[::step]
    minor = found(intervals).minor
    return Bar(look.bar_location, look.fontsize, look.point, ticks, minor)


def _bar_ticks(look: Look | TickStyle, found: Find, intervals: int) -> list[tuple[float, Label]]:
    """Return the position and label of every major tick of a colour bar."""
    face, size = look.typeface, look.fontsize
    up, down = line_extent(face, size)
    anchor = anchor_outside(look.bar_location, 0.0, 0.5 * up / (up + down))
    return [
        (at, Label(_times(text, face), size, anchor, 0.0, face, power))
        for at, _, text, power in found(intervals).major
    ]


def _step(look: Look, labels: _Wanted, x: float, y: float) -> int:
    """Return the stride at which labels fit; (x, y) is the offset between indices, in pixels."""
    wanted = labels.wanted
    if not wanted.shown or not (look.thin_labels or wanted.auto):
        return 1
    gap = (NUMBERS_APART if wanted.auto else APART) * look.fontsize
    angle = math.radians(labels.make(0).rotation)
    line = sum(line_extent(look.typeface, look.fontsize))
    # even labels without any length would need this stride
    along = abs(x * math.cos(angle) - y * math.sin(angle))
    across = abs(x * math.sin(angle) + y * math.cos(angle))
    least = min(
        gap / along if along > 1e-9 else math.inf, line / across if across > 1e-9 else math.inf
    )
    least /= wanted.shown.step
    steps = _round_steps(least) if wanted.auto else itertools.count(max(1, math.ceil(least - 1e-9)))
    return thinned(labels.every, steps, x, y, gap, LEADING * line if wanted.auto else 0.0)


def _round_steps(least: float) -> Iterator[int]:
    for power in itertools.count():
        for step in AUTO_STEPS:
            if step * 10**power >= least - 1e-9:
                yield step * 10**power


def _left_out(look: Look, labels: _Both, ticks: Find, choice: Choice) -> tuple[str, ...]:
    """Return descriptions of requested labels that are left out."""
    said = []
    strides = choice.rows, choice.columns
    for name, own, step in zip(("row_labels", "col_labels"), labels, strides, strict=True):
        shown = own.wanted.shown
        count = len(shown) - len(shown[::step])
        if count and not own.wanted.auto:
            said.append(f"{count} of {len(shown)} {name}")
    if look.bar and isinstance(look.bar_ticks, tuple):
        every = ticks(choice.intervals).major
        if count := len(every) - len(every[:: choice.ticks]):
            said.append(f"{count} of {len(every)} cbar_ticks")
    return tuple(said)


def _plan(
    look: Look, drawn: tuple[int, int] | None, labels: _Both, ticks: Find, choice: Choice
) -> Plan:
    size = look.fontsize

    def label(text: str, size: float, anchor: tuple[float, float], rotation: float = 0.0) -> Label:
        return Label(text, size, anchor, rotation, look.typeface)

    bar = None
    if look.bar:
        rotation = {"left": 90.0, "right": -90.0}.get(look.bar_location, 0.0)
        word = (0.5, 0.0) if look.bar_location == "bottom" else (0.5, 1.0)
        bar = _bar(look, ticks, choice.intervals, choice.ticks)._replace(
            label=label(look.bar_label, size, word, rotation) if look.bar_label else None,
            changes=look.given is not None,
            shrink=look.bar_shrink,
            aspect=look.bar_aspect,
        )
    rows, last = labels[0].every(choice.rows), look.shape[0] - 1
    return Plan(
        shape=look.shape,
        cells=drawn,
        point=look.point,
        fontsize=size,
        rows=[(last - i, each) for i, each in rows] if look.origin_lower else rows,
        columns=labels[1].every(choice.columns),
        row_side=look.row_side,
        col_side=look.col_side,
        title=label(look.title, look.title_size, (0.5, 1.0)) if look.title or look.titled else None,
        titled=look.titled,
        xlabel=label(look.xlabel, size, (0.5, 0.0)) if look.xlabel else None,
        ylabel=label(look.ylabel, size, (0.5, 1.0), 90.0) if look.ylabel else None,
        bar=bar,
        square=look.square,
    )


def _times(text: str, typeface: Typeface) -> str:
    """Return a text with x in place of the multiplication sign if the font lacks that."""
    return text.replace(TIMES, "x") if typeface.lacks(TIMES) else text
