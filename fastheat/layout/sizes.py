"""Sizes of cells and of the texts in them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.inputs.sources.masks import is_masked
from fastheat.layout.axes.geometry import LONGEST_SIDE, MOST_SIDE, PLAIN_SIDE, SHORTEST_SIDE
from fastheat.layout.axes.thinning import pitch
from fastheat.layout.look import Look
from fastheat.layout.options import LARGEST_FONT, SMALLEST_FONT
from fastheat.messages import in_a_line, short
from fastheat.style.text.atlas import (
    ALL_PAIRS,
    EVEN_SIZE,
    SHRINK,
    SMALLEST_SIZE,
    can_be_cut,
    extent,
    has_even_digits,
    join_drawings,
    margin,
    measure,
    size_ladder,
)
from fastheat.style.text.fonts import Face, Typeface
from fastheat.style.text.formats import ValueFormat, as_written
from fastheat.style.text.labels import Box, line_extent
from fastheat.style.text.typeset import LEADING
from fastheat.tables import Grid, Type, Writing

NEAR = 8  # sizes to choose from, between two of the atlas, where glyphs cannot be cut
FIT_MARGIN = 0.5  # font sizes that values with text_size="fit" leave free, in width and in height
BLANK = "0.00"  # as wide as later texts are likely to be, used if the first are empty
DIGITS = "0123456789"
# Of values near 0, numbers may have a digit more for each decade; those with exponents are as long.
DECADES = range(-7, 7)
LONG = (1.2345678901234567, 3.3333333333333335, 8.8888888888888893)  # of many digits
MOST_WHOLE = 1000  # whole numbers of a range of which each is formatted
GRID_WIDTH = 3.0  # pt
GRID_SHARE = 8  # a grid line of default width takes at most 1/8 of a cell
NO_TYPE = join_drawings([])


def samples_of(look: Look, vmin: float, vmax: float, dtype: np.dtype[Any]) -> list[str]:
    """Return texts as wide as the widest value in the range, or the widest annotation."""
    if isinstance(look.annot, Sample):
        if look.annot.texts:
            return inked(look.annot.texts) or [BLANK]
        if look.annot.dtype.kind != "U":
            dtype = look.annot.dtype
        elif look.valfmt is None:
            return [BLANK]
        elif look.valfmt.integers:  # the format is not applied to the values, whatever their dtype
            dtype = np.dtype(np.int64)
        vmin, vmax = look.annot.span or (vmin, vmax)
    if look.valfmt is None:
        return []
    if look.valfmt.integers and dtype.kind not in "biu":
        raise ValueError(
            f"expected a format for {dtype} values such as '.0f', not {short(look.valfmt.source)}, "
            "which is for integers"
        )
    texts, fault = set(), None
    for x in _likely_values(vmin, vmax, look.valfmt):
        try:
            texts.add(look.valfmt.write(as_written(x, dtype)))
        except Exception as error:  # the function of a user may accept no others than its values
            fault = fault or error
    if fault is not None and not texts:
        if isinstance(fault, ValueError) and isinstance(look.valfmt.source, str):
            raise ValueError(
                f"expected a format for {dtype} values, not {short(look.valfmt.source)}: "
                f"{in_a_line(fault)}"
            ) from None
        raise fault
    texts.update(look.seen)
    if look.valfmt.spec is not None:
        texts = {text.translate(_widest_digits(look.typeface)) for text in texts}
    return sorted(texts)


def _likely_values(vmin: float, vmax: float, valfmt: ValueFormat) -> list[float]:
    """Return values in a range, among them those with the longest texts."""
    values = {vmin, vmax, min(max(vmin, 0.0), vmax)}
    if valfmt.fixed:  # the longest texts are those of the ends
        return sorted(values)
    # not a power of two, so that most have as many digits as a float can have
    parts = 33 if valfmt.spec is not None else 129
    values.update(vmin * (1 - k / parts) + vmax * (k / parts) for k in range(1, parts))
    if vmax - vmin <= MOST_WHOLE:
        values.update(map(float, range(math.ceil(vmin), math.floor(vmax) + 1)))
    for sign, end in ((1.0, vmax), (-1.0, -vmin)):
        if end > 0:
            top = math.floor(math.log10(end))
            for power in {*range(top - 6, top + 1), *DECADES}:
                with suppress(OverflowError):
                    values.update(sign * digits * 10.0**power for digits in LONG)
    return sorted(x for x in values if vmin <= x <= vmax)


@lru_cache(maxsize=16)
def _widest_digits(typeface: Typeface) -> dict[int, str]:
    """Return the translation of all digits to the widest one of a font."""
    if has_even_digits(typeface):
        return {}
    font = typeface.at(EVEN_SIZE)
    widest = max(DIGITS, key=lambda digit: measure(digit, font))
    return dict.fromkeys(map(ord, DIGITS), widest)


MOST_SEEN = 16  # texts of values drawn
MOST_TRIED = 1 << 12  # different values whose texts are compared


def longest_of(
    look: Look, vmin: float, vmax: float, dtype: np.dtype[Any], values: NDArray[np.float64]
) -> tuple[str, ...]:
    """Return texts of values that are longer than any for which cells have room already.

    Only the function of a user has such texts: those of a format spec follow from the range.
    """
    if look.annot is not None or look.valfmt is None:
        return ()
    most = max(map(len, samples_of(look, vmin, vmax, dtype)), default=0)
    found = set()
    for x in np.unique(values[~is_masked(values)])[:MOST_TRIED].tolist():
        with suppress(Exception):  # which is raised when it is drawn
            found.add(look.valfmt.write(as_written(x, dtype)))
    longer = [text for text in found if len(text) > most]
    return tuple(sorted(longer, key=lambda text: (-len(text), text))[:MOST_SEEN])


def inked(texts: Iterable[str]) -> list[str]:
    return sorted({text for text in texts if text.strip()})


def _widest(look: Look, texts: Iterable[str]) -> list[str]:
    """Return the widest text and the one with most lines, or none if all are blank."""
    each = inked(texts)
    if not each:
        return []
    font = look.typeface.at(max(look.text_size, SMALLEST_FONT))
    wide = max(each, key=lambda text: measure(text, font))
    return sorted({wide, max(each, key=lambda text: text.count("\n"))})


def count_crowded(look: Look, texts: tuple[str, ...]) -> int:
    if look.valfmt is None:
        return 0
    if isinstance(look.annot, Cells):
        return sum(bool(text.strip()) for text in texts)
    return look.shape[0] * look.shape[1]


def cell_size(look: Look, cells: tuple[int, int], samples: list[str]) -> tuple[float, float]:
    """Return the width and height of a cell without figsize, in pixels."""
    if look.cell is not None:
        return max(1.0, look.cell[0]), max(1.0, look.cell[1])
    return natural_cell(look, cells, samples)


def natural_cell(look: Look, cells: tuple[int, int], samples: list[str]) -> tuple[int, int]:
    """Return the width and height of a cell if the image is as large as its texts need."""
    n, m = cells
    # cells that together would look like a line are at least as thick as a line of text
    thick = math.ceil(SHORTEST_SIDE * look.fontsize)
    least = -(-thick // m) if n > m else 1, -(-thick // n) if m > n else 1
    if not samples:
        side = max(1, min(48, PLAIN_SIDE // max(n, m)))
        return _with_labels(look, cells, (max(side, least[0]), max(side, least[1])))
    size = look.fontsize if look.fit else look.text_size
    font = look.typeface.at(max(size, SMALLEST_FONT))
    width = max(measure(text, font) for text in samples)
    # a margin of a third of the font size on either side, and a gridline
    line = GRID_WIDTH * look.point if look.grid_width is None else look.grid_width * look.point
    lines = max(text.count("\n") for text in samples)
    wide = math.ceil(width + 0.7 * size + line)
    high = math.ceil((2.0 + LEADING * lines) * size + line)
    if look.square:
        wide = high = max(wide, high)
    wide, high = min(wide, LONGEST_SIDE // m), min(high, LONGEST_SIDE // n)
    if look.square:
        wide = high = min(wide, high)
    wide, high = max(1, wide), max(1, high)
    least_wide, least_high = legible_cell(look, samples)
    if least_wide * m <= MOST_SIDE and least_high * n <= MOST_SIDE:
        wide, high = max(wide, least_wide), max(high, least_high)
    return _with_labels(look, cells, (max(wide, least[0]), max(high, least[1])))


def legible_cell(look: Look, samples: list[str]) -> tuple[int, int]:
    """Return the width and height of the smallest cell in which texts can be read."""
    size = max(SMALLEST_FONT, min(SMALLEST_SIZE, look.text_size))
    font = look.typeface.at(size)
    inner = (
        max(measure(text, font) for text in samples) + 2 * margin(font),
        max(_height(text, font) for text in samples),
    )
    if look.square:
        inner = (max(inner), max(inner))
    if look.grid_width is not None:
        line = math.ceil(look.grid_width * look.point)
        return inner[0] + line, inner[1] + line
    most = math.floor(GRID_WIDTH * look.point + 0.5)
    wide, high = (side + min(most, side // (GRID_SHARE - 1)) for side in inner)
    return wide, high


def _with_labels(look: Look, cells: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    """Return a cell size enlarged to fit all labels, as far as `LONGEST_SIDE` allows."""
    n, m = cells
    if cells != look.shape or max(n, m) > LONGEST_SIDE:
        return cell
    wide, high = cell
    for_columns, for_rows = (math.ceil(each) for each in pitch(look))
    if for_columns * (max(n, m) if look.square else m) <= LONGEST_SIDE:
        wide = max(wide, for_columns)
        high = max(high, for_columns) if look.square else high
    if for_rows * (max(n, m) if look.square else n) <= LONGEST_SIDE:
        high = max(high, for_rows)
        wide = max(wide, for_rows) if look.square else wide
    return wide, high


def font_sizes(look: Look, samples: list[str], grid: Grid) -> tuple[float, ...]:
    """Return the font sizes for values, from the largest at which all in the range fit their cells.

    Given texts, and numbers of different lengths, that fit at no legible size do not count. If
    nothing fits, there are no sizes.
    """
    room = int((grid.x1 - grid.x0).min()), int((grid.y1 - grid.y0).min())
    annot = look.annot
    given = isinstance(annot, Cells) or (annot is not None and annot.dtype.kind == "U")
    longest = _widest(look, samples) if given else samples
    size = _largest(look, longest, room)
    if size is None and (given or (look.valfmt is not None and not look.valfmt.fixed)):
        each = samples if isinstance(annot, Cells) else [*samples, BLANK]
        fitting = [text for text in each if _share(look, [text], SMALLEST_SIZE, 0.0, room) >= 1]
        longest = _widest(look, fitting)
        size = _largest(look, longest, room)
    return () if size is None else _ladder(look, longest, size)


def _largest(look: Look, samples: list[str], room: tuple[int, int]) -> float | None:
    """Return the largest legible font size at which texts fit a cell, or None.

    With text_size="fit" they have margins, unless they fit only without.
    """
    if not samples or look.text_size < SMALLEST_SIZE:
        return None
    for margins in [FIT_MARGIN, 0.0] if look.fit else [0.0]:
        size = above = look.text_size
        while size > SMALLEST_SIZE and (times := _share(look, samples, size, margins, room)) < 1:
            above, size = size, round(min(size - 0.1, size * max(times, 0.5)), 2)
        # digits become narrower by whole pixels, so a size between the two may fit as well
        while (above := round(min(0.99 * above, above - 0.1), 2)) > max(size, SMALLEST_SIZE):
            if _share(look, samples, above, margins, room) >= 1:
                return above
        if size > SMALLEST_SIZE:
            return size
        if _share(look, samples, SMALLEST_SIZE, margins, room) >= 1:
            return SMALLEST_SIZE
    return None


def _share(
    look: Look, samples: list[str], size: float, margins: float, room: tuple[int, int]
) -> float:
    """Return the ratio of a cell's size to that of texts, with `margins` in font sizes."""
    font = look.typeface.at(size)
    width = max(measure(text, font) for text in samples) + 2 * margin(font) + margins * size
    height = max(_height(text, font) for text in samples) + margins * size
    return min(room[0] / width, room[1] / max(height, 1))


def _ladder(look: Look, samples: list[str], size: float) -> tuple[float, ...]:
    """Return `size` and smaller ones for longer texts, if possible such that glyphs can be cut.

    Slightly below most sizes at which they cannot be cut is one at which they can. If there is
    none, or if the user gave `size`, texts are drawn for each chunk of frames instead.
    """
    if look.valfmt is None or isinstance(look.annot, Cells):  # their texts are drawn only once
        return size_ladder(size)
    if look.valfmt.spec is not None:
        letters, pairs = look.valfmt.charset, look.valfmt.neighbours
    else:
        letters = "".join(sorted({*DIGITS, *"".join(samples)}))
        pairs = frozenset(a + b for a, b in product(letters, repeat=2))
    can_write = partial(can_be_cut, look.typeface, charset=letters, neighbours=pairs)
    chosen = look.fit or size < look.text_size  # rather than given by the user
    near = [round(size * SHRINK ** (k / NEAR), 3) for k in range(NEAR if chosen else 1)]
    legible = [each for each in near if each >= SMALLEST_SIZE]
    first, *others = size_ladder(next(filter(can_write, legible), size))
    writable = list(filter(can_write, others))
    return first, *(writable if writable or can_write(first) else others)


def _height(text: str, font: Face) -> int:
    first, *others = text.split("\n")
    top, bottom = extent(first, font)
    return bottom - top + math.ceil(LEADING * font.size * len(others))


def type_of(
    look: Look, valfmt: ValueFormat, sizes: tuple[float, ...], grid: Grid, cells: Box
) -> tuple[Type, int]:
    """Return a type without glyphs, its tops at the baselines, and the most segments of a text."""
    n, _ = look.shape
    baselines = np.zeros((n, len(sizes)), np.int64)
    middle = cells.y0 + (np.arange(n) + 0.5) * cells.height / n
    narrowest = LARGEST_FONT
    for k, size in enumerate(sizes):
        up, down = line_extent(look.typeface, size, DIGITS)
        font = look.typeface.at(size)
        top, bottom = extent(DIGITS, font)
        if look.vertical == 0:
            at = np.floor(middle + (up - down) / 2 + 0.5)
        elif look.vertical < 0:
            at = grid.y0 + 1.0 - top
        else:
            at = grid.y1 - 1.0 - bottom
        baselines[:, k] = at
        narrowest = max(1, min(narrowest, *(measure(c, font) for c in {*DIGITS, *valfmt.charset})))
    room = int((grid.x1 - grid.x0).max())
    type_ = NO_TYPE._replace(tops=baselines, align=look.align, inset=max(1, round(2 * look.point)))
    return type_, int(room // narrowest) + 2 + len(valfmt.before + valfmt.after)


def writing_of(valfmt: ValueFormat) -> Writing | None:
    """Return the tables by which the kernels write values, or None if they cannot."""
    charset = valfmt.charset
    if valfmt.spec is None or len(charset) >= ALL_PAIRS:
        return None
    glyph = {c: k + 1 for k, c in enumerate(charset)}
    glyph_of = np.zeros(128, np.uint16)
    for c in charset:
        if c.isascii():
            glyph_of[ord(c)] = glyph[c]
    return Writing(
        spec=valfmt.spec,
        before=np.array([glyph[c] for c in valfmt.before], np.uint16),
        after=np.array([glyph[c] for c in valfmt.after], np.uint16),
        glyph_of=glyph_of,
        glyphs=len(charset) + 1,
        line=valfmt.longest,
    )
