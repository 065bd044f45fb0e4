"""Drawing of the part of an image that never changes: gridlines, ticks, labels and colour bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fastheat.layout.axes.geometry import Geometry, Plan
from fastheat.layout.axes.measures import TICK_LENGTH, TICK_WIDTH, pixels_of, tick_mark
from fastheat.style.colors.palette import Palette
from fastheat.style.text.atlas import STATIC_SUPERSAMPLE, measure, parts
from fastheat.style.text.labels import POWER_GAP, POWER_RAISE, POWER_SIZE, Box, Label, Placed
from fastheat.tables import TRANSPARENT, Grid

SLICE = 24  # px, width of the slices in which rotated text is drawn


def draw_background(
    geometry: Geometry,
    plan: Plan,
    palette: Palette,
    grid: Grid,
    *,
    lines: bool,
    groups: tuple[Sequence[int], Sequence[int]],
    transparent: bool,
    transparent_grid: bool,
    solid: Sequence[Box],
    entries: NDArray[np.intp],
) -> NDArray[np.uint8]:
    """Draw the part that never changes as palette indices: gridlines, ticks, labels, colour bar.

    Parameters
    ----------
    lines
        Whether there are gridlines.
    groups
        The rows and columns before which a group line is drawn.
    transparent, transparent_grid
        Whether the background and the gridlines are transparent.
    solid
        Boxes that frames draw in, where the background is opaque nevertheless: pixels that were
        drawn once cannot become transparent again.
    entries
        Colormap indices that the colour bar shows in equal segments, from its start.
    """
    size = geometry.width, geometry.height
    drawn = bytearray(geometry.width * geometry.height)
    ink = Image.frombuffer("L", size, drawn, "raw", "L", 0, 1)
    ink.readonly = 0  # lets Pillow draw into `drawn` itself; tobytes() would import more modules
    draw = ImageDraw.Draw(ink)
    n, m = plan.shape
    cells = geometry.cells
    length = max(1, round(TICK_LENGTH * plan.point))
    width = max(1, round(TICK_WIDTH * plan.point))
    box = pixels_of(cells)
    marks = []
    for j, _ in plan.columns:
        x = math.floor(cells.x0 + (j + 0.5) * cells.width / m) - (width - 1) // 2
        marks.append(tick_mark(box, plan.col_side, x, length, width))
    for i, _ in plan.rows:
        y = math.floor(cells.y0 + (i + 0.5) * cells.height / n) - (width - 1) // 2
        marks.append(tick_mark(box, plan.row_side, y, length, width))
    bar = geometry.bar
    if bar and plan.bar:
        marks += plan.bar.tick_marks(bar)
    for placed in geometry.labels:
        _draw_label(ink, draw, placed)
    if geometry.title and not plan.titled:
        _draw_label(ink, draw, geometry.title)

    steps = ramp_steps(palette.label_ramp)
    shades = np.where(transparent & (steps == 0), TRANSPARENT, palette.label_ramp[steps])
    if not np.frombuffer(drawn, np.uint8).any():  # nothing was drawn, or Pillow drew into a copy
        drawn = bytearray(ink.tobytes())
    background = np.frombuffer(drawn.translate(bytes(shades.tolist())), np.uint8).reshape(
        size[::-1]
    )
    draw_marks(background, marks, palette.solid["tick"])
    for each in solid if transparent else ():
        x0, y0, x1, y1 = pixels_of(each)
        part = background[max(y0, 0) : y1, max(x0, 0) : x1]
        part[part == TRANSPARENT] = palette.label_ramp[0]
    x0, y0, x1, y1 = pixels_of(cells)
    if lines:
        background[y0:y1, x0:x1] = TRANSPARENT if transparent_grid else palette.solid["grid"]
    for i in groups[0]:
        background[grid.y1[i - 1] : grid.y0[i], x0:x1] = palette.solid["group"]
    for j in groups[1]:
        background[y0:y1, grid.x1[j - 1] : grid.x0[j]] = palette.solid["group"]
    if bar and plan.bar:
        plan.bar.draw(background, bar, palette, entries, width)
    return background


def draw_marks(
    picture: NDArray[np.uint8], marks: Iterable[tuple[int, int, int, int]], tick: int
) -> None:
    """Draw tick marks, given as pixels (x0, y0, x1, y1) with ends included, as palette indices."""
    for x0, y0, x1, y1 in marks:
        picture[max(y0, 0) : max(y1 + 1, 0), max(x0, 0) : max(x1 + 1, 0)] = tick


def ramp_steps(ramp: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the index into a ramp of palette indices for each coverage from 0 to 255."""
    return (np.arange(256) * (len(ramp) - 1) + 127) // 255


def blend(picture: NDArray[np.uint8], ink: Image.Image, ramp: NDArray[np.uint8]) -> None:
    """Draw coverages into palette indices."""
    steps = ramp_steps(ramp)[np.asarray(ink)]
    np.copyto(picture, ramp[steps], where=steps > 0)


def _draw_label(ink: Image.Image, draw: ImageDraw.ImageDraw, placed: Placed) -> None:
    label = placed.label
    if not label.text.strip():
        return
    if label.rotation % 360 == 0:
        draw_lines(draw, label, placed.x, placed.y)
        return
    if label.rotation % 90 == 0:
        reach = math.ceil(max(math.hypot(x, y) for x, y in label.corners())) + 2
        canvas = Image.new("L", (2 * reach, 2 * reach))
        draw_lines(ImageDraw.Draw(canvas), label, reach, reach)
        x, y = math.floor(placed.x + 0.5), math.floor(placed.y + 0.5)
        ink.paste(255, (x - reach, y - reach), canvas.rotate(label.rotation))
    else:
        _draw_turned(ink, placed)


def _draw_turned(ink: Image.Image, placed: Placed) -> None:
    """Draw rotated text enlarged, then reduce it, since hinting suits unrotated text only."""
    label, scale = placed.label, STATIC_SUPERSAMPLE
    # no larger than the text with its overhang, since Pillow skips pixels outside quickly
    extent, room = label.extent(), math.ceil(label.size) + 2
    left, top = math.floor(extent.x0) - room, math.floor(extent.y0) - room
    right, bottom = math.ceil(extent.x1) + room, math.ceil(extent.y1) + room
    canvas = Image.new("L", ((right - left) * scale, (bottom - top) * scale))
    anchor = -left * scale, -top * scale
    draw_lines(ImageDraw.Draw(canvas), label, *anchor, scale)
    # the anchor's fraction of a pixel goes into the rotation, so that labels stay evenly spaced
    x, y = math.floor(placed.x), math.floor(placed.y)
    shift = ((placed.x - x) * scale, (placed.y - y) * scale)
    angle = math.radians(-label.rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    for left, top, right, bottom in _slices(label):
        # affine map from a pixel of the slice to its source in the canvas
        dx, dy = left * scale - shift[0], top * scale - shift[1]
        matrix = (
            cos,
            sin,
            cos * dx + sin * dy + anchor[0],
            -sin,
            cos,
            -sin * dx + cos * dy + anchor[1],
        )
        turned = canvas.transform(
            ((right - left) * scale, (bottom - top) * scale),
            Image.Transform.AFFINE,
            matrix,
            Image.Resampling.BILINEAR,
        )
        ink.paste(255, (x + left, y + top), turned.reduce(scale))


def _slices(label: Label) -> Iterator[tuple[int, int, int, int]]:
    """Yield vertical slices that closely cover a rotated text: left, top, right, bottom."""
    a, b, d, c = label.corners()
    edges = [sorted(edge) for edge in ((a, b), (b, c), (c, d), (d, a))]
    box = label.box()
    last = math.ceil(box.x1) + 3
    for left in range(math.floor(box.x0) - 2, last, SLICE):
        right = min(left + SLICE, last)
        low, high = box.y1, box.y0
        for (x0, y0), (x1, y1) in edges:
            # one pixel more on both sides, since pixels on the border belong to both slices
            start, stop = max(x0, left - 1), min(x1, right + 1)
            for x in (start, stop) if start <= stop else ():
                y = y0 + (y1 - y0) * (x - x0) / max(x1 - x0, 1e-9)
                low, high = min(low, y), max(high, y)
        if low <= high:
            yield left, math.floor(low) - 2, right, math.ceil(high) + 3


def draw_lines(draw: ImageDraw.ImageDraw, label: Label, x: float, y: float, scale: int = 1) -> None:
    """Draw the unrotated text of a label with its anchor at (x, y)."""
    for font, text, pen, baseline in pieces(label, x, y, scale):
        draw.text((pen, baseline), text, 255, font, anchor="ls")


def pieces(
    label: Label, x: float, y: float, scale: int = 1
) -> Iterator[tuple[ImageFont.FreeTypeFont, str, int, int]]:
    """Yield the pieces of a label's unrotated text: font, text, and pen and baseline in pixels."""
    font = label.typeface.at(label.size * scale)
    width, up, down = (length * scale for length in label.metrics())
    leading = label.leading() * scale
    lines = label.lines()
    height = up + down + (len(lines) - 1) * leading
    y -= label.anchor[1] * height
    for k, line in enumerate(lines):
        pen = x - label.anchor[0] * width + (width - measure(line, font)) * 0.5 * (len(lines) > 1)
        baseline = y + up + k * leading
        x_pen = math.floor(pen + 0.5)
        for drawn, part in parts(line, font):
            yield drawn, part, x_pen, math.floor(baseline + 0.5)
            x_pen += measure(part, font)
    if label.power:
        size = label.size * scale
        pen += measure(lines[-1], font) + POWER_GAP * size
        baseline -= POWER_RAISE * size
        font = label.typeface.at(POWER_SIZE * size)
        yield font, label.power, math.floor(pen + 0.5), math.floor(baseline + 0.5)
