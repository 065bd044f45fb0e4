"""Ticks of a colour bar: their positions and labels, as matplotlib gives them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.style.colors.norms import Norm, Scale
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.formats import ValueFormat

TICK_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # times a power of ten, as in matplotlib's AutoLocator
FEWEST_TICKS = 2
NEAR = 1e-10  # of a step or the range: tolerance for ticks at the ends of the range
FAR = 100  # spans; at this distance from 0 and more, ticks are counted from a round offset
SYMLOG_TICKS, ASINH_TICKS, BOUNDARY_TICKS = 15, 11, 10  # defaults of matplotlib's locators
NEARLY_EVEN = 0.2  # relative asymmetry up to which ticks of "asinh" are made symmetric about 0
ALL_WRITTEN = 0.4  # decades; in ranges up to this width all logarithmic ticks are labelled
TIMES = "\N{MULTIPLICATION SIGN}"


class Tick(NamedTuple):
    """A major tick, or a minor one with a label."""

    place: float  # position on the bar, 0 at its start and 1 at its end
    value: float
    text: str  # label, empty if the others suffice
    power: str = ""  # exponent after it, raised


class TickStyle(NamedTuple):
    """The fields of a look that the ticks of its colour bar follow from."""

    norm: Norm
    bar_ticks: int | tuple[float, ...] | None  # largest number of ticks, or their values
    bar_format: ValueFormat | None
    thin_labels: bool
    bar_location: str
    typeface: Typeface
    fontsize: float  # px
    point: float  # px of one point


class Ticks(NamedTuple):
    """The ticks of a colour bar."""

    major: list[Tick]
    minor: list[float]  # positions of those without a label


def bar_ticks(norm: Norm, vmin: float, vmax: float, most: int = 9) -> Ticks:
    """Return the ticks of matplotlib's colour bar.

    Parameters
    ----------
    norm
        The norm by which ticks are placed, since colours are spread evenly along the bar.
    most
        The largest number of intervals between ticks that there is room for.
    """
    if norm.boundaries:
        return _boundary_ticks(np.array(norm.boundaries))
    scale = norm.scale
    if scale.name == "linear" or vmin == vmax:
        return Ticks(
            [Tick(at, float(text), text) for at, text in linear_ticks(vmin, vmax, most)], []
        )
    numbers, minor = _numbers(scale, vmin, vmax, most)
    inside = _placed(norm, vmin, vmax, numbers)
    if scale.name in ("function", "index"):
        words = [(text, "") for text in plain_texts([x for x, _ in inside])]
    else:
        words = [_scientific(x, scale, vmin, vmax) for x, _ in inside]
    ticks = [Tick(at, x, *word) for (x, at), word in zip(inside, words, strict=True)]
    between = [mark for mark in _placed(norm, vmin, vmax, minor) if mark not in inside]
    if scale.name != "log":  # no other scale has labels on minor ticks
        return Ticks(ticks, [at for _, at in between])
    minors = [Tick(at, x, *_scientific(x, scale, vmin, vmax)) for x, at in between]
    ticks += [tick for tick in minors if tick.text]
    return Ticks(sorted(ticks), [tick.place for tick in minors if not tick.text])


def ticks_at(norm: Norm, vmin: float, vmax: float, values: Sequence[float]) -> Ticks:
    """Return ticks at ascending values, without those outside the range."""
    inside = _placed(norm, vmin, vmax, values)
    if vmin == vmax:
        inside = [(x, 0.5) for x in values if x == vmin]
    texts = [f"{x + 0.0:.6g}" for x, _ in inside]  # -0.0 reads as 0
    if not any("e" in text for text in texts):
        decimals = max((len(text.partition(".")[2]) for text in texts), default=0)
        texts = [f"{float(text):.{decimals}f}" for text in texts]
    return Ticks([Tick(at, float(t), t) for (_, at), t in zip(inside, texts, strict=True)], [])


def _placed(
    norm: Norm, vmin: float, vmax: float, numbers: Sequence[float]
) -> list[tuple[float, float]]:
    """Return the numbers within the range, each with its position on the bar."""
    near = NEAR * (vmax - vmin)
    within = [x for x in numbers if vmin - near <= x <= vmax + near]
    boundaries = norm.boundaries
    if not boundaries:
        inner = np.array(within, np.float64)
        for end in (vmin, vmax):  # rounding errors must not put a tick outside of the norm's domain
            inner[np.isclose(inner, end, 1e-12, 0)] = end
        places = norm.rule(vmin, vmax, 256)(inner).tolist()
    else:
        places = np.interp(within, boundaries, np.linspace(0, 1, len(boundaries))).tolist()
    return [
        (x, min(1.0, max(0.0, at)))
        for x, at in zip(within, places, strict=True)
        if -NEAR <= at <= 1 + NEAR
    ]


def segments(norm: Norm, vmin: float, vmax: float, bins: int) -> NDArray[np.intp]:
    """Return the colormap indices that a colour bar shows in equal segments, from its start."""
    boundaries = np.array(norm.boundaries)
    if not len(boundaries):
        return np.arange(bins)
    middles = (boundaries[:-1] + boundaries[1:]) / 2
    places = norm.rule(vmin, vmax, bins)(middles)
    return np.clip(np.floor(places * bins), 0, bins - 1).astype(np.intp)


# -------------------------------------------------------------------------- matplotlib's locators


def _numbers(scale: Scale, vmin: float, vmax: float, most: int) -> tuple[list[float], list[float]]:
    """Return the major and minor ticks of matplotlib's locators, some of them beyond the range."""
    if scale.name == "index":  # as matplotlib.ticker.IndexLocator, with room for the labels
        count = int(scale.base)
        return [float(k) for k in range(0, count, max(1 + count // 10, -(-count // most)))], []
    if scale.name == "log":
        return _log_numbers(vmin, vmax, scale.base, max(2, most))
    if scale.name == "symlog":
        return _symlog_numbers(vmin, vmax, scale.base, scale.linear), []
    if scale.name == "asinh":
        return (
            _asinh_numbers(vmin, vmax, scale.linear, ()),
            _asinh_numbers(vmin, vmax, scale.linear, (2.0, 5.0)),
        )
    return _round_numbers(vmin, vmax, most)[0], []


def _log_numbers(
    vmin: float, vmax: float, base: float, most: int
) -> tuple[list[float], list[float]]:
    """Return the major and minor ticks of `matplotlib.ticker.LogLocator`."""
    low, high = (_log(x, base) for x in (vmin, vmax))
    first, last = math.ceil(low), math.floor(high)
    count = last - first + 1
    stride = count // (most + 1) + 1
    wanted = min(most, math.ceil(count / stride))
    if wanted == 0:
        decades = [first - 1, last + 1]
        stride = decades[1] - decades[0]
    elif wanted == 1:
        middle = round((low + high) / 2)
        stride = max(middle - (first - 1), (last + 1) - middle)
        decades = [middle - stride, middle, middle + stride]
    else:
        stride = (count - 1) // (wanted - 1)
        if stride < count / wanted:
            stride = count // wanted
        least = max(count - stride * wanted, 0)
        offset = -first % stride
        if not least <= offset < min(count - stride * (wanted - 1), stride):
            offset = least
        decades = list(range(first + offset - stride, last + stride + 1, stride))
    major = [_power(base, k) for k in decades]
    if count >= 10 or base < 3 or not (stride == 1 or count <= 1):
        return major, []
    minor = [
        digit * _power(base, k)
        for k in range(first - 1, last + 1)
        for digit in range(2, math.ceil(base))
    ]
    if stride == 1 and len(decades) - 2 + sum(vmin <= x <= vmax for x in minor) <= 1:
        minor, _ = _round_numbers(vmin, vmax, most)
    return major, minor


def _power(base: float, exponent: int) -> float:
    """Return a power, inf if it is too large for a float."""
    try:
        return base**exponent
    except OverflowError:
        return math.inf


def _log(x: float, base: float) -> float:
    if base == 10:
        return math.log10(x)
    return math.log2(x) if base == 2 else math.log(x) / math.log(base)


def _symlog_numbers(vmin: float, vmax: float, base: float, linear: float) -> list[float]:
    """Return the ticks of `matplotlib.ticker.SymmetricalLogLocator`."""
    if -linear <= vmin < vmax <= linear:
        return sorted({vmin, 0.0, vmax})
    below, above = vmin < -linear, vmax > linear

    def powers(low: float, high: float) -> tuple[int, int]:
        return (math.floor(np.log(low) / np.log(base)), math.ceil(np.log(high) / np.log(base)))

    lower = powers(abs(min(-linear, vmax)), abs(vmin) + 1) if below else (0, 0)
    upper = powers(max(linear, vmin), vmax + 1) if above else (0, 0)
    between = (below and vmax > -linear) or (above and vmin < linear)
    total = lower[1] - lower[0] + upper[1] - upper[0] + between
    stride = max(total // (SYMLOG_TICKS - 1), 1)
    numbers = [-_power(base, k) for k in reversed(range(*lower, stride))]
    return numbers + [0.0] * between + [_power(base, k) for k in range(*upper, stride)]


def _asinh_numbers(
    vmin: float, vmax: float, linear: float, digits: tuple[float, ...]
) -> list[float]:
    """Return the ticks of `matplotlib.ticker.AsinhLocator`."""
    if vmin * vmax < 0 and abs(1 + vmax / vmin) < NEARLY_EVEN:
        vmax = max(abs(vmin), abs(vmax))
        vmin = -vmax
    low, high = (linear * math.asinh(x / linear) for x in (vmin, vmax))
    places = np.linspace(low, high, ASINH_TICKS)
    if low * high < 0:
        places = np.append(places[abs(places / (high - low)) > 0.5 / ASINH_TICKS], 0.0)
    numbers = linear * np.sinh(places / linear)
    with np.errstate(divide="ignore", over="ignore"):
        powers = np.sign(numbers) * 10.0 ** np.floor(np.log(abs(numbers)) / math.log(10))
        powers[numbers == 0] = 0
        found = np.outer(powers, digits).ravel() if digits else powers
    kept: list[float] = sorted(set(found.tolist()))
    return kept if len(kept) >= 2 else np.linspace(vmin, vmax, ASINH_TICKS).tolist()


def _boundary_ticks(boundaries: NDArray[np.float64]) -> Ticks:
    """Return a tick at each boundary, at most `BOUNDARY_TICKS` of them major ones with labels."""
    count = len(boundaries)
    # as matplotlib.ticker.FixedLocator(boundaries, nbins=10) chooses them
    step = max(math.ceil(count / BOUNDARY_TICKS), 1)
    start = min(range(step), key=lambda k: (np.abs(boundaries[k::step]).min(), k))
    places = np.linspace(0, 1, count)
    texts = plain_texts(boundaries[start::step].tolist())
    kept = zip(places[start::step].tolist(), boundaries[start::step].tolist(), texts, strict=True)
    major = [Tick(*each) for each in kept]
    minor = [at for k, at in enumerate(places.tolist()) if k % step != start % step]
    return Ticks(major, minor)


def _scientific(x: float, scale: Scale, vmin: float, vmax: float) -> tuple[str, str]:
    """Return the label and exponent that `matplotlib.ticker.LogFormatterSciNotation` gives a tick.

    Both are empty if other labels suffice.
    """
    if x == 0:
        return "0", ""
    base = scale.base
    sign = "-" if x < 0 else ""
    exact = math.log(abs(x)) / math.log(base)
    is_power = abs(exact - round(exact)) < 1e-10
    exponent = round(exact) if is_power else math.floor(exact)
    digit = base ** (exact - exponent)
    if round(digit) not in _written(scale, vmin, vmax):
        return "", ""
    if is_power:
        return f"{sign}{base:g}", str(exponent)
    if abs(digit - round(digit)) < 1e-10:
        digit = round(digit)
    return f"{sign}{digit:g} {TIMES} {base:g}", str(exponent)


def _written(scale: Scale, vmin: float, vmax: float) -> set[float]:
    """Return the multiples of powers of the base at which ticks have labels."""
    base = scale.base

    def decades(low: float, high: float) -> tuple[int, float]:
        first, last = math.log(low, base), math.log(high, base)
        return math.floor(last) - math.floor(math.nextafter(first, -math.inf)), last - first

    if scale.name == "symlog":
        parts = []
        if vmin < -scale.linear:
            # matplotlib counts these from the far end, so that their number is 0 or less
            parts.append(decades(-vmin, -min(vmax, -scale.linear)))
        if vmax > scale.linear:
            parts.append(decades(max(vmin, scale.linear), vmax))
        powers = sum(n for n, _ in parts)
        width = sum(abs(w) for _, w in parts)
    elif vmin <= 0:
        return {1.0}
    else:
        powers, width = decades(vmin, vmax)
    if powers > 1:
        return {1.0}
    if width > ALL_WRITTEN:
        return {float(x) for x in np.round(np.geomspace(1, base, int(base) // 2 + 1))}
    return {float(x) for x in np.arange(1, base + 1)}


# ----------------------------------------------------------------------------------- round numbers


def linear_ticks(vmin: float, vmax: float, most: int = 9) -> list[tuple[float, str]]:
    """Return ticks at round numbers in a range.

    Parameters
    ----------
    most
        The largest number of intervals between them.

    Returns
    -------
    list of (float, str)
        The position of each tick, 0 at `vmin` and 1 at `vmax`, and its label.
    """
    span = vmax - vmin
    if span == 0:
        return [(0.5, f"{vmin + 0.0:.6g}")]  # -0.0 reads as 0
    numbers, step = _round_numbers(vmin, vmax, most)
    if not step:
        return [(0.0, f"{vmin:.4g}"), (1.0, f"{vmax:.4g}")]
    places = [min(1.0, max(0.0, (x - vmin) / span)) for x in numbers]
    return list(zip(places, _tick_texts(numbers, step), strict=True))


def _round_numbers(vmin: float, vmax: float, most: int) -> tuple[list[float], float]:
    """Return round numbers in a range and the step between them.

    If the range is too large or too small for float64 arithmetic, they are its ends, and the step
    is 0.

    Notes
    -----
    The numbers are those of `matplotlib.ticker.AutoLocator`: the multiples of the smallest step
    that gives at most `most` intervals, or of a smaller one if that has too few multiples.
    """
    span = vmax - vmin
    if span > np.finfo(float).max / 1e3 or span / most < np.finfo(float).tiny * 1e6:
        return [vmin, vmax], 0.0
    middle = vmin / 2 + vmax / 2  # vmin + vmax may overflow
    offset = 0.0
    if abs(middle) / span >= FAR:
        offset = math.copysign(10.0 ** math.floor(math.log10(abs(middle))), middle)
    low, high = vmin - offset, vmax - offset
    scale = 10.0 ** math.floor(math.log10(span / most))
    # in matplotlib's order of operations: the last bit decides whether a step just fits
    steps = [power * step * scale for power in (0.1, 1, 10) for step in TICK_STEPS[:-1]]
    fitting = [k for k, step in enumerate(steps) if step >= (high - low) / most]
    near = NEAR
    numbers: list[float] = []
    for step in reversed(steps[: fitting[0] + 1]):
        if offset:
            near = min(0.4999, max(NEAR, 10 ** (math.log10(abs(offset) / step) - 12)))
        start = low // step * step
        first = math.ceil((low - start) / step - near)
        last = math.floor((high - start) / step + near)
        numbers = [start + k * step + offset for k in range(first, last + 1)]
        inside = [x for x in numbers if vmin <= x <= vmax]
        if len(inside) >= FEWEST_TICKS:
            break
    return numbers, step


def plain_texts(numbers: Sequence[float]) -> list[str]:
    """Return numbers as text, with the decimals of `matplotlib.ticker.ScalarFormatter`."""
    if not numbers:
        return []
    span = max(numbers) - min(numbers) or max(map(abs, numbers)) or 1.0
    order = math.floor(math.log10(span))
    digits = max(0, 3 - order)
    while digits >= 0 and all(abs(x - round(x, digits)) < 1e-3 * 10.0**order for x in numbers):
        digits -= 1
    return _tick_texts(list(numbers), 10.0 ** -(digits + 1))


def _tick_texts(numbers: list[float], step: float) -> list[str]:
    """Return labels with enough decimals to tell ticks apart, or exponents for extreme values."""
    largest = max(map(abs, numbers), default=0.0)
    if step < np.finfo(float).tiny:
        return [f"{x:.3g}" for x in numbers]
    digits = -math.floor(math.log10(step) + 1e-9)
    while abs(step * 10.0**digits - round(step * 10.0**digits)) > 1e-6:
        digits += 1
    if largest >= 1e7 or 0 < largest < 1e-4:
        significant = max(1, math.floor(math.log10(largest) + 1e-9) + 1 + digits)
        return [f"{x:.{significant}g}" if abs(x) > step * 1e-6 else "0" for x in numbers]
    # -0.0, or a rounding error in place of 0, reads as 0
    return [f"{x if abs(x) > step * 1e-6 else 0.0:.{max(digits, 0)}f}" for x in numbers]
