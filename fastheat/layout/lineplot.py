"""The line plot of scalars beneath panels: its axes, their limits, and positions of values."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastheat.layout.axes.drawing import blend, draw_lines, ramp_steps
from fastheat.layout.axes.measures import TICK_LENGTH, TICK_PAD, TICK_WIDTH, TIGHT_PAD, tick_mark
from fastheat.layout.axes.ticks import linear_ticks
from fastheat.style.colors.colors import RGB
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.labels import Label, line_extent

RAMP_STEPS = 6  # coverages of a pixel by a line, from none to full
LINE_WIDTH = 1.5  # pt, matplotlib's lines.linewidth
DOT = 3.0  # line widths, diameter of the dot at a value with none before it
WIDE_LABEL = "-0.000"  # as wide as labels are likely to be; wider ones are drawn smaller
LABELS_APART = 1.7  # font sizes, least distance from label to label
HEIGHT, WIDTH = 14.5, 26.0  # font sizes, height and least width of the plot without figsize
MOST_LINES = 10
SHARE = 0.3  # of an image's height, the most that the plot takes
FEWEST_STEPS = 32  # frames that there is room for at first, if their number is not known


class Stage(NamedTuple):
    """The limits of the axes: frames 0 to room - 1, and values from low to high."""

    room: int
    low: float
    high: float


class Plot(NamedTuple):
    """A line plot in image rows of its own: everything that it is drawn from, except its values."""

    names: tuple[str, ...]
    colors: tuple[RGB, ...]
    fontsize: float  # px
    point: float
    typeface: Typeface
    room: int | None  # number of frames, None if not known
    limits: tuple[float, float] | None  # of the values, None if they grow
    steps: tuple[int, int] | None = None  # step of the first frame, steps per frame
    top: int = 0  # its first row in the image; its place and colours are those of the image
    width: int = 0
    height: int = 0
    label_ramp: tuple[int, ...] = ()  # palette index of labels at each coverage, once known
    ramps: tuple[tuple[int, ...], ...] = ()  # the same for each line

    @property
    def half(self) -> float:
        """Half the width of a line in pixels."""
        return max(1.0, LINE_WIDTH * self.point) / 2

    @property
    def dot(self) -> float:
        """The radius of the dot at a value with none before it, in pixels."""
        return DOT * self.half


def stages_of(
    plot: Plot,
    values: NDArray[np.float64],
    first: int,
    number: int = 0,
    low: float = math.inf,
    high: float = -math.inf,
) -> list[Stage]:
    """Return the axes of each of the frames in `values` from index `first` on.

    Parameters
    ----------
    values
        (T, K) scalars of consecutive frames.
    number, low, high
        The number of the first of these frames, and the limits of the finite values before it.
    """
    lows, highs = limits_so_far(values, low, high)
    return [
        Stage(_room(plot, number + k), *_limits(plot, float(lows[k]), float(highs[k])))
        for k in range(first, len(values))
    ]


def limits_so_far(
    values: NDArray[np.float64], low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the limits of the finite values up to each frame, given those of earlier frames."""
    finite = np.isfinite(values)
    lows = np.minimum.accumulate(np.where(finite, values, np.inf).min(1))
    highs = np.maximum.accumulate(np.where(finite, values, -np.inf).max(1))
    return np.minimum(lows, low), np.maximum(highs, high)


def _room(plot: Plot, number: int) -> int:
    """Return the number of frames that the axis has room for, doubled whenever it is full."""
    room = plot.room or FEWEST_STEPS
    while room <= number:
        room *= 2
    return room


@lru_cache(maxsize=4096)
def _limits(plot: Plot, low: float, high: float) -> tuple[float, float]:
    """Return round limits around values from `low` to `high`."""
    if plot.limits is not None:
        return plot.limits
    if low > high:
        return 0.0, 1.0
    span = high - low
    if not 0 < span < math.inf or span < 1e-12 * max(abs(low), abs(high)):
        half = 0.5 * max(abs(low), abs(high)) or 0.5
        half = min(half, 1e300)
        return max(low - half, -1e307), min(high + half, 1e307)
    step = 10.0 ** math.floor(math.log10(span) - 0.3)
    if step == 0 or not math.isfinite(high + step):
        return low, high
    bottom, above = math.floor(low / step) * step, math.ceil(high / step) * step
    return (bottom, above) if math.isfinite(bottom) and math.isfinite(above) else (low, high)


class Base(NamedTuple):
    """An empty line plot: spines, ticks, labels and the names of lines."""

    picture: NDArray[np.uint8]  # (h, w) palette indices
    box: tuple[int, int, int, int]  # x0, x1, y0, y1 inside the spines,
    data: tuple[int, int, int, int]  # and of the limits, inset so that dots are not clipped


@lru_cache(maxsize=64)
def base_of(plot: Plot, stage: Stage) -> Base:
    """Draw an empty line plot."""
    size, point = plot.fontsize, plot.point
    pad = TIGHT_PAD * size
    up, down = line_extent(plot.typeface, size)
    gap = (TICK_LENGTH + TICK_PAD) * point
    top = round(pad + up + down + 0.4 * size)
    bottom = max(top + 2, math.floor(plot.height - pad - 2 * (up + down) - gap))
    room = _width(plot, WIDE_LABEL)
    left = math.ceil(pad + gap + room)
    right = max(left + 2, math.floor(plot.width - pad))
    inner = math.ceil(plot.dot)
    data = left, right, top, bottom
    if min(right - left, bottom - top) > 4 * inner:
        data = left + inner, right - inner, top + inner, bottom - inner
    most = max(1, min(9, int((data[3] - data[2]) / (LABELS_APART * size))))
    middle = 0.5 * up / (up + down)
    across = linear_ticks(stage.low, stage.high, most)
    widest = max((_width(plot, text) for _, text in across), default=room)
    shown = size * min(1.0, room / widest)
    labels = [Label(text, shown, (1.0, middle), 0.0, plot.typeface) for _, text in across]
    start, stride = plot.steps or (0, 1)
    last = max(stage.room - 1, 1)
    wide = _width(plot, str(start + stride * last))
    most = max(1, min(9, int((right - left) / (wide + 2 * size))))
    along = linear_ticks(start, start + stride * last, most)
    along = [(at, text) for at, text in along if float(text) == int(float(text))]

    ink = Image.new("L", (plot.width, plot.height))
    draw = ImageDraw.Draw(ink)
    width = max(1, round(TICK_WIDTH * point))
    box, length = (left, top, right, bottom), width + round(TICK_LENGTH * point)
    draw.rectangle((left - width, top - width, right + width - 1, bottom + width - 1), fill=255)
    draw.rectangle((left, top, right - 1, bottom - 1), fill=0)
    for (at, _), label in zip(across, labels, strict=True):
        y = data[3] - at * (data[3] - data[2])
        draw_lines(draw, label, left - width - gap, y)
        row = min(max(round(y - width / 2), top - width), bottom)
        draw.rectangle(tick_mark(box, "left", row, length, width), fill=255)
    for at, text in along:
        x = data[0] + at * (data[1] - data[0])
        label = Label(f"{float(text):.0f}", size, (0.5, 0.0), 0.0, plot.typeface)
        half = label.box().width / 2
        draw_lines(draw, label, min(x, plot.width - half - 1), bottom + width + gap)
        column = min(max(round(x - width / 2), left - width), right)
        draw.rectangle(tick_mark(box, "bottom", column, length, width), fill=255)
    word = Label("frame" if plot.steps is None else "step", size, (0.5, 0.0), 0.0, plot.typeface)
    draw_lines(draw, word, (left + right) / 2, bottom + width + gap + up + down)
    label_ramp = np.array(plot.label_ramp, np.uint8)
    picture = label_ramp[ramp_steps(label_ramp)][np.asarray(ink)]
    _draw_names(plot, picture, (left + right) / 2, top - 0.4 * size)
    return Base(picture, (left, right, top, bottom), data)


def _draw_names(plot: Plot, picture: NDArray[np.uint8], x: float, y: float) -> None:
    """Draw the name of each line in its colour, side by side, centred on x and above y."""
    size = plot.fontsize
    while True:
        labels = [Label(name, size, (0.0, 1.0), 0.0, plot.typeface) for name in plot.names]
        widths = [label.box().width for label in labels]
        total = sum(widths) + 1.5 * size * (len(labels) - 1)
        if total <= plot.width - 2 or size <= 1:
            break
        size *= 0.9
    pen = min(max(x - total / 2, 1.0), max(1.0, plot.width - total - 1))
    for label, width, ramp in zip(labels, widths, plot.ramps, strict=True):
        ink = Image.new("L", (plot.width, plot.height))
        draw_lines(ImageDraw.Draw(ink), label, pen, y)
        blend(picture, ink, np.array(ramp, np.uint8))
        pen += width + 1.5 * size


def _width(plot: Plot, text: str) -> float:
    return Label(text, plot.fontsize, (0.0, 0.0), 0.0, plot.typeface).box().width


def places_of(
    plot: Plot, stage: Stage, values: NDArray[np.float64], number: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x (N,) and y (N, K) in px of values from frame `number` on, NaN if not finite."""
    base = base_of(plot, stage)
    left, right, top, bottom = base.data
    numbers = np.arange(number, number + len(values))
    xs = left + (right - left) * numbers / max(stage.room - 1, 1)
    with np.errstate(all="ignore"):
        ys = bottom - (values - stage.low) * ((bottom - top) / (stage.high - stage.low))
    far = 4.0 * plot.height
    return xs, np.where(np.isfinite(values), np.clip(ys, -far, far), np.nan)


def size_of(fontsize: float, height: int | None) -> int:
    """Return the height of the plot in pixels; `height` is the image's, or None if it is free."""
    rows = round(HEIGHT * fontsize)
    return rows if height is None else max(1, min(rows, int(SHARE * height)))
