"""The picture of the axes, drawn once: grid, ticks, labels and colour bar."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fastheat.axes import (
    MINOR_LENGTH,
    MINOR_WIDTH,
    TICK_LENGTH,
    TICK_WIDTH,
    Bar,
    Geometry,
    Plan,
)
from fastheat.labels import POWER_GAP, POWER_RAISE, POWER_SIZE, Box, Label, Placed
from fastheat.palette import Palette
from fastheat.tables import TRANSPARENT, Grid
from fastheat.text import STATIC_SUPERSAMPLE, measure, parts


def draw_static(
    geometry: Geometry,
    plan: Plan,
    palette: Palette,
    grid: Grid,
    *,
    lines: bool,
    groups: tuple[Sequence[int], Sequence[int]],
    clear: bool,
    clear_grid: bool,
    solid: Sequence[Box],
    entries: NDArray[np.intp],
) -> NDArray[np.uint8]:
    """Draw what never changes, as palette indices: grid, ticks, labels and colour bar.

    Parameters
    ----------
    lines
        Whether there are grid lines.
    groups
        The rows and columns that another line stands before.
    clear, clear_grid
        Whether the background and the grid are transparent, which what is drawn there later could
        not become again.
    solid
        Where it is not transparent all the same.
    entries
        Of the colormap, which the colour bar shows evenly spread from its start on.
    """
    ink = Image.new("L", (geometry.width, geometry.height))
    draw = ImageDraw.Draw(ink)
    n, m = plan.shape
    cells = geometry.cells
    length = max(1, round(TICK_LENGTH * plan.point))
    width = max(1, round(TICK_WIDTH * plan.point))
    box = _pixels(cells)
    for j, _ in plan.columns:
        x = math.floor(cells.x0 + (j + 0.5) * cells.width / m) - (width - 1) // 2
        draw.rectangle(_tick(box, plan.col_side, x, length, width), fill=255)
    for i, _ in plan.rows:
        y = math.floor(cells.y0 + (i + 0.5) * cells.height / n) - (width - 1) // 2
        draw.rectangle(_tick(box, plan.row_side, y, length, width), fill=255)
    bar = geometry.bar
    if bar and plan.bar:
        for mark in tick_marks(plan.bar, bar, plan.point):
            draw.rectangle(mark, fill=255)
    for placed in geometry.labels:
        _draw_label(ink, draw, placed)
    if geometry.title and not plan.titled:
        _draw_label(ink, draw, geometry.title)

    steps = (np.arange(256) * (len(palette.statics) - 1) + 127) // 255
    shades = np.where(clear & (steps == 0), TRANSPARENT, palette.statics[steps])
    static = np.array(ink.point(shades.tolist()))
    for each in solid if clear else ():
        x0, y0, x1, y1 = _pixels(each)
        part = static[max(y0, 0) : y1, max(x0, 0) : x1]
        part[part == TRANSPARENT] = palette.statics[0]
    x0, y0, x1, y1 = _pixels(cells)
    if lines:
        static[y0:y1, x0:x1] = TRANSPARENT if clear_grid else palette.grid
    for i in groups[0]:
        static[grid.y1[i - 1] : grid.y0[i], x0:x1] = palette.group
    for j in groups[1]:
        static[y0:y1, grid.x1[j - 1] : grid.x0[j]] = palette.group
    if bar and plan.bar:
        x0, y0, x1, y1 = _pixels(bar)
        count = y1 - y0 if plan.bar.upright else x1 - x0
        parts = ((np.arange(count) + 0.5) / count * len(entries)).astype(np.intp)
        fills = palette.fills[entries[parts]]
        static[y0:y1, x0:x1] = fills[::-1, None] if plan.bar.upright else fills
        outline = palette.statics[-1]
        static[y0 - width // 2 : y0 - width // 2 + width, x0:x1] = outline
        static[y1 - width : y1, x0:x1] = outline
        static[y0:y1, x0 : x0 + width] = outline
        static[y0:y1, x1 - width : x1] = outline
    return static


def tick_marks(bar: Bar, box: Box, point: float) -> Iterator[tuple[int, int, int, int]]:
    """Yield the tick marks of a colour bar that stands in a box: first and last pixels."""
    length, width, short, thin = (
        max(1, round(x * point)) for x in (TICK_LENGTH, TICK_WIDTH, MINOR_LENGTH, MINOR_WIDTH)
    )
    marks = [(at, length, width) for at, _ in bar.ticks]
    for at, long, wide in marks + [(at, short, thin) for at in bar.minor]:
        place = box.y1 - at * box.height if bar.upright else box.x0 + at * box.width
        at_pixel = math.floor(place) - (wide - 1) // 2
        yield _tick(_pixels(box), bar.location, at_pixel, long, wide)


def _tick(
    box: tuple[int, int, int, int], side: str, at: int, length: int, width: int
) -> tuple[int, int, int, int]:
    """Return a tick mark outside of one side of a box, from pixel `at` on."""
    x0, y0, x1, y1 = box
    if side in ("top", "bottom"):
        y = y0 - length if side == "top" else y1
        return at, y, at + width - 1, y + length - 1
    x = x0 - length if side == "left" else x1
    return x, at, x + length - 1, at + width - 1


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
            Image.Resampling.BILINEAR,
        )
        ink.paste(255, (x + left, y + top), turned.reduce(scale))


def draw_lines(draw: ImageDraw.ImageDraw, label: Label, x: float, y: float, scale: int = 1) -> None:
    """Draw the unturned text with its anchor at x, y."""
    for font, text, pen, baseline in pieces(label, x, y, scale):
        draw.text((pen, baseline), text, 255, font, anchor="ls")


def pieces(
    label: Label, x: float, y: float, scale: int = 1
) -> Iterator[tuple[ImageFont.FreeTypeFont, str, int, int]]:
    """Yield what the unturned text is drawn of; baselines and pens are on whole pixels."""
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
