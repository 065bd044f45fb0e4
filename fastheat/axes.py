"""The axes: where cells, labels, ticks and colour bar stand, and their picture, drawn once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastheat.gif import LARGEST_SIDE
from fastheat.palette import Palette
from fastheat.text import STATIC_SUPERSAMPLE, Typeface, measure

POINTS = 72.0  # to the inch
TICK_LENGTH, TICK_PAD, TICK_WIDTH = 3.5, 3.5, 0.8  # pt, matplotlib's xtick.major.*
LABEL_PAD, TITLE_PAD = 4.0, 6.0  # pt, axes.labelpad and axes.titlepad
TIGHT_PAD = 1.08  # font sizes that Figure.tight_layout leaves free around all
SUBPLOT = (0.125, 0.11, 0.9, 0.88)  # left, bottom, right, top of the figure before tight_layout
BAR_FRACTION, BAR_PAD, BAR_ASPECT = 0.15, 0.05, 20.0  # of Figure.colorbar
ASCENT, DESCENT = 1556 / 2048, 492 / 2048  # of a line, in font sizes: DejaVu Sans' OS/2 table
LONGEST_SIDE = 1500  # px that a picture without figsize keeps its cells within, where it can
PLAIN_SIDE = 720  # px of the cells of a picture without figsize and text


class Grid(NamedTuple):
    """The visible part of the cells in pixels, columns by rows; the sides 1 are not in it."""

    x0: NDArray[np.int64]  # (M,)
    x1: NDArray[np.int64]  # (M,)
    y0: NDArray[np.int64]  # (N,)
    y1: NDArray[np.int64]  # (N,)
    center: NDArray[np.float64]  # (M,) the middle of each column


class Box(NamedTuple):
    """A rectangle in pixels, y downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    def moved(self, x: float, y: float) -> Box:
        return Box(self.x0 + x, self.y0 + y, self.x1 + x, self.y1 + y)

    def union(self, other: Box) -> Box:
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )

    def shrunk(self, aspect: float, anchor: tuple[float, float]) -> Box:
        """Return the largest box in this one with height = aspect * width, as `Bbox.anchored`."""
        width = min(self.width, self.height / aspect)
        height = width * aspect
        x = self.x0 + (self.width - width) * anchor[0]
        y = self.y0 + (self.height - height) * anchor[1]
        return Box(x, y, x + width, y + height)


@lru_cache(maxsize=4096)
def line_extent(typeface: Typeface, size: float, text: str = "") -> tuple[float, float]:
    """Return how far a line reaches above and below its baseline, in pixels.

    As in matplotlib, whatever its letters, it is at least as high as the font has it.
    """
    _, top, _, bottom = typeface.at(size).getbbox(text, anchor="ls")
    return max(float(-top), ASCENT * size), max(float(bottom), DESCENT * size)


@dataclass(frozen=True, slots=True)
class Label:
    """A text that never changes, and where its anchor stands relative to what it belongs to.

    The anchor is a point of the unturned text's box: (0, 0) its top left, (1, 1) its bottom right.
    """

    text: str
    size: float  # px
    anchor: tuple[float, float]
    rotation: float  # degrees, counterclockwise
    typeface: Typeface

    def lines(self) -> list[str]:
        return self.text.split("\n")

    def metrics(self) -> tuple[float, float, float]:
        """Return width, height of a line above the baseline and below it, in pixels."""
        return _metrics(self.text, self.typeface, self.size)

    def box(self) -> Box:
        """Return the extent of the turned text about its anchor."""
        return _box(self)

    def corners(self) -> list[tuple[float, float]]:
        width, up, down = self.metrics()
        height = up + down + (len(self.lines()) - 1) * self.leading()
        x, y = -width * self.anchor[0], -height * self.anchor[1]
        return [
            self.turned(px, py)
            for px, py in ((x, y), (x + width, y), (x, y + height), (x + width, y + height))
        ]

    def leading(self) -> float:
        """Return the distance of two lines, 1.2 of one as in matplotlib."""
        _, up, down = self.metrics()
        return 1.2 * (up + down)

    def turned(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the unturned text goes, both relative to the anchor."""
        angle = math.radians(self.rotation)
        return (
            x * math.cos(angle) + y * math.sin(angle),
            -x * math.sin(angle) + y * math.cos(angle),
        )


@lru_cache(maxsize=4096)
def _metrics(text: str, typeface: Typeface, size: float) -> tuple[float, float, float]:
    font = typeface.at(size)
    width = max(measure(line, font) for line in text.split("\n"))
    up, down = line_extent(typeface, size, text.replace("\n", ""))
    return float(width), up, down


@lru_cache(maxsize=4096)
def _box(label: Label) -> Box:
    xs, ys = zip(*label.corners(), strict=True)
    return Box(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True)
class Placed:
    """A label with the pixel that its anchor stands on."""

    label: Label
    x: float
    y: float

    def box(self) -> Box:
        """Return its extent in the picture."""
        return self.label.box().moved(self.x, self.y)


@dataclass(frozen=True, slots=True)
class Bar:
    """A colour bar: its ticks, from 0 at the bottom to 1 at the top, and its label."""

    ticks: Sequence[tuple[float, Label]]
    label: Label | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to lay out, all lengths in pixels."""

    shape: tuple[int, int]
    point: float  # px of one point
    fontsize: float
    rows: Sequence[tuple[int, Label]]  # index of the row and its label
    columns: Sequence[tuple[int, Label]]
    title: Label | None
    titled: bool  # whether each frame draws a title of its own there
    xlabel: Label | None
    ylabel: Label | None
    bar: Bar | None
    square: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What of a picture stays as it is whatever its range: its size, and where the cells stand."""

    width: int
    height: int
    slot: Box  # of the cells and the colour bar
    cells: Box


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where everything stands."""

    width: int
    height: int
    slot: Box
    cells: Box
    bar: Box | None
    title: Placed | None
    labels: tuple[Placed, ...]  # but the title


def place(
    plan: Plan, figure: tuple[int, int] | None, cell: tuple[int, int], frame: Frame | None = None
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
    n, m = plan.shape
    pad = TIGHT_PAD * plan.fontsize
    if frame is not None:
        width, height, slot, cells = frame.width, frame.height, frame.slot, frame.cells
        around = _around(plan, slot, cells)
        if min(around.x0, around.y0, width - around.x1, height - around.y1) < 0:
            raise ValueError(f"expected labels that have room in {width} x {height} px")
    elif figure is None:
        cells = Box(0.0, 0.0, float(cell[0] * m), float(cell[1] * n))
        share = 1 - BAR_FRACTION - BAR_PAD
        slot = Box(0, 0, cells.width / share, cells.height) if plan.bar else cells
        around = _around(plan, slot, cells)
        width = math.ceil(around.width + 2 * pad)
        height = math.ceil(around.height + 2 * pad)
        shift = (round(pad - around.x0), round(pad - around.y0))
        slot, cells = slot.moved(*shift), cells.moved(*shift)
    else:
        width, height = figure
        left, bottom, right, top = SUBPLOT
        slot = Box(left * width, (1 - top) * height, right * width, (1 - bottom) * height)
        cells = _cells(plan, slot)
        around = _around(plan, slot, cells)
        # tight_layout measures once, at the default margins, and then moves the margins
        slot = Box(
            max(slot.x0 - around.x0, 0.0) + pad,
            max(slot.y0 - around.y0, 0.0) + pad,
            width - max(around.x1 - slot.x1, 0.0) - pad,
            height - max(around.y1 - slot.y1, 0.0) - pad,
        )
        for _ in range(3):
            cells = _cells(plan, slot)
            if slot.width < m or slot.height < n or not _apart(cells, plan.shape):
                raise ValueError(
                    f"expected a figsize in which {n} x {m} cells and their labels have room, "
                    f"not {width} x {height} px, of which the labels leave "
                    f"{max(0, int(slot.width))} x {max(0, int(slot.height))}"
                )
            # where that cuts what stands out from cells of another size, give it its room
            around = _around(plan, slot, cells)
            cut = (-around.x0, -around.y0, around.x1 - width, around.y1 - height)
            if max(cut) <= 0:
                break
            left, top, right, bottom = (c + pad if c > 0 else 0.0 for c in cut)
            slot = Box(slot.x0 + left, slot.y0 + top, slot.x1 - right, slot.y1 - bottom)
    if max(width, height) > LARGEST_SIDE:
        raise ValueError(
            f"expected a picture of at most {LARGEST_SIDE} px a side, the most that a GIF can "
            f"have, not {width} x {height} px"
        )
    bar = _bar_box(slot) if plan.bar else None
    labels = _labels(plan, slot, cells)
    title = next((placed for placed in labels if placed.label is plan.title), None)
    others = tuple(placed for placed in labels if placed is not title)
    return Geometry(width, height, slot, cells, bar, title, others)


def _cells(plan: Plan, slot: Box) -> Box:
    n, m = plan.shape
    if plan.bar:
        slot = slot._replace(x1=slot.x0 + slot.width * (1 - BAR_FRACTION - BAR_PAD))
    return slot.shrunk(n / m, (1.0 if plan.bar else 0.5, 0.5)) if plan.square else slot


def _bar_box(slot: Box) -> Box:
    strip = slot._replace(x0=slot.x1 - BAR_FRACTION * slot.width)
    return strip.shrunk(BAR_ASPECT, (0.0, 0.5))


def _around(plan: Plan, slot: Box, cells: Box) -> Box:
    """Return the box that everything lies in."""
    around = cells
    tick = TICK_LENGTH * plan.point
    if plan.columns:
        around = around._replace(y0=around.y0 - tick)
    if plan.rows:
        around = around._replace(x0=around.x0 - tick)
    if plan.bar:
        bar = _bar_box(slot)
        around = around.union(bar._replace(x1=bar.x1 + tick))
    for placed in _labels(plan, slot, cells):
        around = around.union(placed.box())
    return around


def _labels(plan: Plan, slot: Box, cells: Box) -> list[Placed]:
    """Place every label about the cells and the colour bar."""
    n, m = plan.shape
    gap = (TICK_LENGTH + TICK_PAD) * plan.point
    middle = ((cells.x0 + cells.x1) / 2, (cells.y0 + cells.y1) / 2)
    placed = [
        Placed(label, cells.x0 - gap, cells.y0 + (i + 0.5) * cells.height / n)
        for i, label in plan.rows
    ]
    left = min((p.box().x0 for p in placed), default=cells.x0)
    placed += [
        Placed(label, cells.x0 + (j + 0.5) * cells.width / m, cells.y0 - gap)
        for j, label in plan.columns
    ]
    top = min((p.box().y0 for p in placed), default=cells.y0)
    if plan.ylabel:
        placed.append(Placed(plan.ylabel, left - LABEL_PAD * plan.point, middle[1]))
    if plan.xlabel:
        placed.append(Placed(plan.xlabel, middle[0], cells.y1 + LABEL_PAD * plan.point))
    if plan.title:
        top = min(top, cells.y0)
        placed.append(Placed(plan.title, middle[0], top - TITLE_PAD * plan.point))
    if plan.bar:
        bar = _bar_box(slot)
        ticks = [
            Placed(label, bar.x1 + gap, bar.y1 - at * bar.height) for at, label in plan.bar.ticks
        ]
        placed += ticks
        if plan.bar.label:
            right = max((p.box().x1 for p in ticks), default=bar.x1)
            x = right + LABEL_PAD * plan.point
            placed.append(Placed(plan.bar.label, x, (bar.y0 + bar.y1) / 2))
    return placed


def _edges(start: float, stop: float, count: int) -> NDArray[np.int64]:
    return np.floor(np.linspace(start, stop, count + 1) + 0.5).astype(np.int64)


def _apart(cells: Box, shape: tuple[int, int]) -> bool:
    """Return whether every cell has a pixel of its own."""
    columns = _edges(cells.x0, cells.x1, shape[1])
    rows = _edges(cells.y0, cells.y1, shape[0])
    return bool((np.diff(columns) > 0).all() and (np.diff(rows) > 0).all())


def cell_grid(cells: Box, shape: tuple[int, int], line: int) -> Grid:
    """Return the visible part of each cell, between grid lines `line` pixels wide.

    Edges are where `imshow` and snapped grid lines have them: at the nearest whole pixel. The outer
    half of the outermost lines is outside of the axes and not drawn.
    """
    n, m = shape

    def sides(start: float, stop: float, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        edges = _edges(start, stop, count)
        low, high = edges[:-1] - line // 2 + line, edges[1:] - line // 2
        # a cell that its lines would cover keeps a pixel
        low = np.minimum(low, edges[1:] - 1)
        return low, np.maximum(high, low + 1)

    x0, x1 = sides(cells.x0, cells.x1, m)
    y0, y1 = sides(cells.y0, cells.y1, n)
    center = cells.x0 + (np.arange(m) + 0.5) * cells.width / m
    return Grid(x0, x1, y0, y1, center)


# ---------------------------------------------------------------------------------------- drawing


def draw_static(
    geometry: Geometry, plan: Plan, palette: Palette, grid_line: int
) -> NDArray[np.uint8]:
    """Draw what never changes, as palette indices: grid, ticks, labels and colour bar.

    Parameters
    ----------
    grid_line
        Width of the grid lines in pixels.
    """
    ink = Image.new("L", (geometry.width, geometry.height))
    draw = ImageDraw.Draw(ink)
    n, m = plan.shape
    cells = geometry.cells
    length = max(1, round(TICK_LENGTH * plan.point))
    width = max(1, round(TICK_WIDTH * plan.point))
    left, top = math.floor(cells.x0 + 0.5), math.floor(cells.y0 + 0.5)
    for j, _ in plan.columns:
        x = math.floor(cells.x0 + (j + 0.5) * cells.width / m) - (width - 1) // 2
        draw.rectangle((x, top - length, x + width - 1, top - 1), fill=255)
    for i, _ in plan.rows:
        y = math.floor(cells.y0 + (i + 0.5) * cells.height / n) - (width - 1) // 2
        draw.rectangle((left - length, y, left - 1, y + width - 1), fill=255)
    if geometry.bar and plan.bar:
        bar = _pixels(geometry.bar)
        for at, _ in plan.bar.ticks:
            y = math.floor(geometry.bar.y1 - at * geometry.bar.height) - (width - 1) // 2
            draw.rectangle((bar[2], y, bar[2] + length - 1, y + width - 1), fill=255)
    for placed in geometry.labels:
        _draw_label(ink, draw, placed)
    if geometry.title and not plan.titled:
        _draw_label(ink, draw, geometry.title)

    shades = palette.statics[(np.arange(256) * (len(palette.statics) - 1) + 127) // 255]
    static = np.array(ink.point(shades.tolist()))
    if grid_line:
        x0, y0, x1, y1 = _pixels(cells)
        static[y0:y1, x0:x1] = palette.grid
    if geometry.bar:
        x0, y0, x1, y1 = _pixels(geometry.bar)
        bins = len(palette.fills)
        place = (np.arange(y1 - y0, 0, -1) - 0.5) / (y1 - y0)
        static[y0:y1, x0:x1] = palette.fills[(place * bins).astype(np.intp)][:, None]
        outline = palette.statics[-1]
        static[y0 - width // 2 : y0 - width // 2 + width, x0:x1] = outline
        static[y1 - width : y1, x0:x1] = outline
        static[y0:y1, x0 : x0 + width] = outline
        static[y0:y1, x1 - width : x1] = outline
    return static


def _pixels(box: Box) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = (math.floor(side + 0.5) for side in box)
    return x0, y0, x1, y1


def _draw_label(ink: Image.Image, draw: ImageDraw.ImageDraw, placed: Placed) -> None:
    label = placed.label
    if not label.text.strip():
        return
    if label.rotation % 360 == 0:
        draw_lines(draw, label, placed.x, placed.y)
        return
    # turned text is drawn larger, turned and reduced: hinting belongs to upright text only
    scale = 1 if label.rotation % 90 == 0 else STATIC_SUPERSAMPLE
    reach = math.ceil(max(math.hypot(x, y) for x, y in label.corners())) + 2
    center = (reach * scale, reach * scale)
    canvas = Image.new("L", (2 * center[0], 2 * center[1]))
    draw_lines(ImageDraw.Draw(canvas), label, *center, scale)
    if scale == 1:
        x, y = math.floor(placed.x + 0.5), math.floor(placed.y + 0.5)
        ink.paste(255, (x - reach, y - reach), canvas.rotate(label.rotation))
    else:
        # the part of a pixel that the anchor is off goes into the turn, so that labels stay even
        x, y = math.floor(placed.x), math.floor(placed.y)
        shift = ((placed.x - x) * scale, (placed.y - y) * scale)
        # only where the turned text is, which is little of the square that it turns in
        box = label.box()
        left, top = math.floor(box.x0) - 2, math.floor(box.y0) - 2
        right, bottom = math.ceil(box.x1) + 3, math.ceil(box.y1) + 3
        angle = math.radians(-label.rotation)
        cos, sin = math.cos(angle), math.sin(angle)
        # from a pixel there to where it comes from
        dx, dy = left * scale - shift[0], top * scale - shift[1]
        matrix = (
            cos,
            sin,
            cos * dx + sin * dy + center[0],
            -sin,
            cos,
            -sin * dx + cos * dy + center[1],
        )
        turned = canvas.transform(
            ((right - left) * scale, (bottom - top) * scale),
            Image.Transform.AFFINE,
            matrix,
            Image.Resampling.BICUBIC,
        )
        ink.paste(255, (x + left, y + top), turned.reduce(scale))


def draw_lines(draw: ImageDraw.ImageDraw, label: Label, x: float, y: float, scale: int = 1) -> None:
    """Draw the unturned text with its anchor at x, y; baselines and pens on whole pixels."""
    font = label.typeface.at(label.size * scale)
    width, up, down = (length * scale for length in label.metrics())
    leading = label.leading() * scale
    lines = label.lines()
    height = up + down + (len(lines) - 1) * leading
    y -= label.anchor[1] * height
    for k, line in enumerate(lines):
        pen = x - label.anchor[0] * width + (width - measure(line, font)) * 0.5 * (len(lines) > 1)
        baseline = y + up + k * leading
        draw.text((math.floor(pen + 0.5), math.floor(baseline + 0.5)), line, 255, font, anchor="ls")
