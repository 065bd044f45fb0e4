"""The atlas: glyphs drawn once, as segments that the kernels put side by side."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from fastheat.style.text.fonts import BASIC, Face, Typeface, clusters
from fastheat.tables import Type

COVERAGE_STEPS = 5  # of a glyph pixel: none, three in between, full
EVEN_SIZE = 512.0  # px; large enough for different widths of digits to differ in pixels
SHORT = 64  # letters; measures of texts up to this length are cached, such as numbers of panels
STATIC_SUPERSAMPLE = 4  # pixels drawn per pixel of a rotated label, in each direction
SMALLEST_SIZE = 6.1  # px; below, digits of the built-in font are 3 px wide and run together
SHRINK = 0.88  # factor from one font size of the atlas to the next
WORD_PIXELS = 16  # pixels in a word, 4 bits each
ALL_PAIRS = 48  # with fewer characters, every pair of glyphs is drawn in advance

Number = TypeVar("Number", bound=np.generic)

# ------------------------------------------------------------------------------------------ atlas


class Glyph(NamedTuple):
    left: int  # px from the pen to the first column
    top: int  # px from the baseline down to the first row, mostly negative
    cover: NDArray[np.uint8]  # (rows, columns) coverage, 0 .. 255
    advance: int  # px


EDGE = Glyph(0, 0, np.zeros((0, 0), np.uint8), 0)


def draw_glyphs(font: Face, charset: Sequence[str]) -> list[Glyph]:
    """Return the edge of a text and the glyph of each of `charset`, which are `clusters`."""
    return [EDGE, *(draw_letters(font.of(c), c) for c in charset)]


@lru_cache(maxsize=4096)
def draw_letters(font: ImageFont.FreeTypeFont, text: str) -> Glyph:
    """Return letters, all in one font, drawn as a single glyph."""
    # with basic layout, Pillow puts glyphs at whole pixels and rounds kerning away, so that a text
    # is its glyphs side by side
    mask, (left, top) = font.getmask2(text, mode="L", anchor="ls")
    cover = np.array(mask, np.uint8).reshape(mask.size[1], mask.size[0])
    rows, columns = np.nonzero(cover.any(1))[0], np.nonzero(cover.any(0))[0]
    advance = math.floor(font.getlength(text) + 0.5)
    if not len(rows):
        return Glyph(0, 0, np.zeros((0, 0), np.uint8), advance)
    cover = cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Glyph(left + int(columns[0]), top + int(rows[0]), cover, advance)


NO_PIXELS, NO_RUNS = np.zeros(0, np.uint64), np.zeros(0, np.int32)
Pairs: TypeAlias = NDArray[np.intp]
Drawing: TypeAlias = tuple[NDArray[np.int64], int, NDArray[np.uint8]]
"""Segments at one font size: widths (P,), y of row 0 relative to the baseline, and coverage
(P, rows, columns)."""


def _cuts(glyphs: Sequence[Glyph], neighbours: Pairs, room: int) -> NDArray[np.int64] | None:
    """Return the position at which to cut each glyph, px from its pen, or None if there is none.

    No neighbour's ink may reach across the cut. Glyphs are cut in the middle if possible. `room` is
    the margin beyond the ends of a text, in pixels.
    """
    advance, left, right = measures(glyphs)
    a, b = neighbours.T
    low, high = np.zeros_like(advance), advance.copy()
    np.maximum.at(low, b, right[a])
    np.minimum.at(high, a, advance[a] - left[b])
    ends = max(left[b[a == 0]].max(initial=0), right[a[b == 0]].max(initial=0))
    low[0], high[0] = 0, 0
    if ends > room or (low > high).any():
        return None
    return np.clip((advance + 1) // 2, low, high)


def measures(
    glyphs: Sequence[Glyph],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each glyph's advance, and how far its ink reaches beyond on the left and right, px."""
    each = [(g.advance, max(0, -g.left), max(0, _right(g))) for g in glyphs]
    advance, left, right = np.array(each, np.int64).T
    return advance, left, right


def _right(glyph: Glyph) -> int:
    columns: int = glyph.cover.shape[1]
    return glyph.left + columns - glyph.advance


def join_drawings(drawn: list[Drawing]) -> Type:
    """Return the drawings of all sizes as one atlas."""
    count = len(drawn[0][0]) if drawn else 0
    rows = max((cover.shape[1] for _, _, cover in drawn), default=0)
    widths = np.zeros((len(drawn), count), np.int64)
    lows, highs = np.zeros_like(widths), np.zeros_like(widths)
    lines = np.zeros((len(drawn), count, rows), np.int32)
    every: list[_Lines] = []
    total = 0
    for k, (width, _, cover) in enumerate(drawn):
        widths[k] = width
        steps = quantise(cover)
        inked = np.asarray(steps.any(2))
        lows[k] = np.where(inked.any(1), inked.argmax(1), rows)
        highs[k] = np.where(inked.any(1), inked.shape[1] - inked[:, ::-1].argmax(1), 0)
        # pad to the same number of rows at every size, so that each row of a segment has runs
        below = np.zeros((count, rows - steps.shape[1], steps.shape[2]), np.uint8)
        which, unlike = _lines(np.concatenate([steps, below], axis=1), width)
        lines[k] = total + which
        total += len(unlike.heads)
        every.append(unlike)
    return Type(
        widths,
        lows,
        highs,
        np.array([[top for _, top, _ in drawn]], np.int64),
        lines,
        np.concatenate([NO_PIXELS, *(unlike.heads for unlike in every)]),
        np.concatenate([NO_PIXELS, *(unlike.tails for unlike in every)]),
        np.cumsum([0, *(n for unlike in every for n in unlike.lengths)]).astype(np.int32),
        np.concatenate([NO_RUNS, *(unlike.runs for unlike in every)]),
        align=0,
        inset=0,
    )


def draw_segments(
    glyphs: Sequence[Glyph], pairs: Pairs, before: NDArray[np.int64], after: NDArray[np.int64]
) -> Drawing:
    """Draw each of P pairs of glyphs as a segment, from a cut through one to one through the other.

    Parameters
    ----------
    pairs
        (P, 2) glyphs.
    before, after
        (P,) position of the cut through each glyph, in pixels from its pen; of an edge, the end of
        the margin.
    """
    top, bottom = reach(glyphs)
    advance = np.array([g.advance for g in glyphs], np.int64)[pairs[:, 0]]
    widths = advance - before + after
    # each canvas has room on both sides for those parts of its glyphs that other segments own
    columns = int(widths.max(initial=1))
    cover = np.zeros((len(pairs), bottom - top, 3 * columns), np.uint8)
    pens = columns - before
    stamp(cover, glyphs, pairs, np.stack([pens, pens + advance], 1), top)
    return widths, top, cover[:, :, columns : 2 * columns]


def reach(glyphs: Sequence[Glyph]) -> tuple[int, int]:
    """Return the rows with ink relative to the baseline: the first, and the one past the last."""
    top = min(g.top for g in glyphs)
    return top, max(top + 1, *(g.top + g.cover.shape[0] for g in glyphs))


@lru_cache(maxsize=256)
def margin(font: Face) -> int:
    """Return the margin for ink beyond the advance, on either side of a text, in pixels.

    It is measured on a fixed set of letters, so that a text's position does not depend on which
    other letters are drawn.
    """
    most = 1
    for letter, has in _printable(font.typeface):
        chosen = font if has else font.of(letter)
        left, _, right, _ = chosen.getbbox(letter, anchor="ls")
        # the box encloses all ink; mostly it lies within the advance, and nothing need be drawn
        if max(-left, right - math.floor(chosen.getlength(letter) + 0.5)) > most:
            glyph = draw_letters(chosen, letter)
            most = max(most, -glyph.left, _right(glyph))
    return most


@lru_cache(maxsize=64)
def _printable(typeface: Typeface) -> list[tuple[str, bool]]:
    """Return ASCII's printable letters, each with True if the typeface's first font has it."""
    letters = string.printable.strip()
    return [(letter, typeface.file_of(letter) == typeface.own) for letter in letters]


def stamp(
    cover: NDArray[np.uint8],
    glyphs: Sequence[Glyph],
    chains: NDArray[np.intp],
    pens: NDArray[np.int64],
    top: int,
    drops: NDArray[np.int64] | int = 0,
) -> None:
    """Draw P texts, each into a canvas of its own, clipped at the sides.

    Parameters
    ----------
    cover
        (P, rows, columns) coverage.
    chains
        (P, ...) indices of the glyphs of each text, in the order in which they are drawn.
    pens, drops
        x of each glyph's pen, and the distance of its baseline below that of the first line.
    top
        y of the canvases' first row relative to the first line's baseline.
    """
    places = np.stack(np.broadcast_arrays(chains, pens, drops), -1)
    for each in places.reshape(len(chains), math.prod(chains.shape[1:]), 3).swapaxes(0, 1):
        unlike, which = unlike_rows(each)
        for place, (k, pen, drop) in enumerate(unlike.tolist()):
            glyph = glyphs[k]
            y, x = glyph.top + drop - top, pen + glyph.left
            rows, columns = glyph.cover.shape
            x0, x1 = max(x, 0), min(x + columns, cover.shape[2])
            if x0 < x1:
                chosen = np.nonzero(which == place)[0], slice(y, y + rows), slice(x0, x1)
                part, under = glyph.cover[:, x0 - x : x1 - x], cover[chosen]
                cover[chosen] = combine(under, part) if under.any() else part


def overlay(ink: NDArray[np.uint8], glyph: Glyph, pen: int, baseline: int) -> None:
    """Draw a glyph into the coverage `ink`, clipped to it."""
    x, y = pen + glyph.left, baseline + glyph.top
    x0, y0 = max(x, 0), max(y, 0)
    part = ink[y0 : max(y + glyph.cover.shape[0], 0), x0 : max(x + glyph.cover.shape[1], 0)]
    if part.size:
        cover = glyph.cover[y0 - y :, x0 - x :][: part.shape[0], : part.shape[1]]
        part[:] = combine(part, cover) if part.any() else cover


def combine(under: NDArray[np.uint8], ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the coverage of two overlapping glyphs, as Pillow's FreeType module blends them."""
    product = under.astype(np.int64) * (255 - ink.astype(np.int64)) + 128
    kept = ((product >> 8) + product) >> 8
    return np.minimum(ink + kept, 255).astype(np.uint8)


def quantise(cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return coverage 0 .. 255 rounded to one of `COVERAGE_STEPS` steps, from 0."""
    return ((cover.astype(np.uint16) * (COVERAGE_STEPS - 1) + 127) // 255).astype(np.uint8)


class _Lines(NamedTuple):
    """Distinct rows of pixels; fields as in `Type`."""

    heads: NDArray[np.uint64]
    tails: NDArray[np.uint64]
    lengths: list[int]  # number of runs of each
    runs: NDArray[np.int32]


def _lines(steps: NDArray[np.uint8], widths: NDArray[np.int64]) -> tuple[NDArray[np.intp], _Lines]:
    """Return the index (P, rows) of each row of segments among the distinct rows, and these."""
    count, rows, columns = steps.shape
    beside = np.arange(columns) >= widths[:, None, None]
    every = np.where(beside, COVERAGE_STEPS, steps).reshape(-1, columns)
    unlike, which = unlike_rows(every)
    ends = (unlike < COVERAGE_STEPS).sum(1)
    begins = np.ones(unlike.shape, bool)
    begins[:, 1:] = unlike[:, 1:] != unlike[:, :-1]
    begins &= unlike < COVERAGE_STEPS
    line, x = np.nonzero(begins)
    # a run ends where the next one begins, the last run of a line where the line ends
    last = np.append(line[1:] != line[:-1], True)
    stop = np.where(last, ends[line], np.append(x[1:], 0))
    backwards = np.take_along_axis(unlike, (ends[:, None] - 1 - np.arange(columns)) % columns, 1)
    return which.reshape(count, rows), _Lines(
        _words(unlike),
        _words(backwards),
        begins.sum(1).tolist(),
        (unlike[line, x] | stop - x << 8).astype(np.int32),
    )


def unlike_rows(rows: NDArray[Number]) -> tuple[NDArray[Number], NDArray[np.intp]]:
    """Return the distinct rows, in any order, and the index of each row among them."""
    rows = np.ascontiguousarray(rows)
    # as one item each, rows are sorted much faster than with np.unique(rows, axis=0)
    size = rows.shape[1] * rows.itemsize
    items = rows.view(np.uint64 if size == 8 else np.dtype((np.void, size)))[:, 0]
    _, first, which = np.unique(items, return_index=True, return_inverse=True)
    return rows[first], which


def _words(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the first pixels of each row, 4 bits each, the very first in the lowest bits."""
    first = pixels[:, :WORD_PIXELS].astype(np.uint64)
    places = 4 * np.arange(first.shape[1], dtype=np.uint64)
    words: NDArray[np.uint64] = np.bitwise_or.reduce(first << places, axis=1)
    return words


def with_atlas(type_: Type, atlas: Type) -> Type:
    """Return `type_` with an atlas's segments; its tops are baselines so far."""
    return atlas._replace(tops=type_.tops + atlas.tops, align=type_.align, inset=type_.inset)


@lru_cache(maxsize=16)
def atlas_of_all(
    typeface: Typeface, sizes: tuple[float, ...], charset: str, neighbours: frozenset[str]
) -> Type | None:
    """Return the atlas of every pair of glyphs, numbered as in `tables.Writing`.

    Parameters
    ----------
    sizes
        Font sizes in pixels, descending.
    neighbours
        Pairs of characters that may stand side by side. Only their segments, and those of the ends
        of a text, are sure to be correct.

    Returns
    -------
    Type or None
        Its tops, (1, sizes), are relative to the baseline. None if a glyph reaches so far into its
        neighbours that they cannot be cut anywhere.
    """
    count = len(charset) + 1
    first, second = every = np.indices((count, count)).reshape(2, -1)
    drawings: list[Drawing] = []
    for size in sizes:
        font = typeface.at(size)
        glyphs, room = draw_glyphs(font, charset), margin(font)
        cuts = _cuts(glyphs, _numbered(charset, neighbours), room)
        if cuts is None:
            return None
        before = np.where(first == 0, -room, cuts[first])
        drawings.append(
            draw_segments(glyphs, every.T, before, np.where(second == 0, room, cuts[second]))
        )
    return join_drawings(drawings)


@lru_cache(maxsize=256)
def can_be_cut(typeface: Typeface, size: float, charset: str, neighbours: frozenset[str]) -> bool:
    """Return True if `atlas_of_all` would return an atlas at a size."""
    font = typeface.at(size)
    cuts = _cuts(draw_glyphs(font, charset), _numbered(charset, neighbours), margin(font))
    return cuts is not None


def _numbered(charset: Sequence[str], neighbours: frozenset[str]) -> Pairs:
    """Return pairs of characters, and every character with the edge, as pairs of glyphs."""
    glyph_of = {c: k + 1 for k, c in enumerate(charset)}
    inside = [(glyph_of[pair[0]], glyph_of[pair[1]]) for pair in neighbours]
    ends = [(0, k) for k in glyph_of.values()] + [(k, 0) for k in glyph_of.values()]
    return np.array(inside + ends, np.intp)


def measure(text: str, font: Face) -> int:
    """Return the advance of a text's longest line, as set in the atlas, in pixels."""
    if "\n" in text:
        return max(measure(line, font) for line in text.split("\n"))
    return (_measured if len(text) <= SHORT else _measured.__wrapped__)(text, font)


@lru_cache(maxsize=1 << 14)
def _measured(text: str, font: Face) -> int:
    return sum(_advance(c, font) for c in clusters(text, font.typeface))


def extent(text: str, font: Face) -> tuple[int, int]:
    """Return the top and the bottom of a line's ink relative to its baseline, in pixels."""
    return (_extent if len(text) <= SHORT else _extent.__wrapped__)(text, font)


@lru_cache(maxsize=1 << 14)
def _extent(text: str, font: Face) -> tuple[int, int]:
    boxes = [
        _rows(letters, drawn)
        for drawn, part in parts(text, font)
        for letters in (set(part) if drawn is font and part else [part])
    ]
    return min(top for top, _ in boxes), max(bottom for _, bottom in boxes)


@lru_cache(maxsize=4096)
def _rows(text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    _, top, _, bottom = font.getbbox(text, anchor="ls")
    return int(top), int(bottom)


def parts(text: str, font: Face) -> list[tuple[ImageFont.FreeTypeFont, str]]:
    """Return the parts of a line that are drawn in one go, each with its font."""
    if text.isascii():
        line = text if text.isprintable() else "".join(clusters(text, font.typeface))
        if font.of(line) is font:
            return [(font, line)]
    found: list[tuple[ImageFont.FreeTypeFont, str]] = []
    for cluster in clusters(text, font.typeface):
        drawn = font.of(cluster)
        if found and found[-1][0] is drawn and drawn.layout_engine == BASIC:
            found[-1] = drawn, found[-1][1] + cluster
        else:
            found.append((drawn, cluster))
    return found or [(font, "")]


@lru_cache(maxsize=64)
def has_even_digits(typeface: Typeface) -> bool:
    """Return True if all digits have the same width."""
    font = typeface.at(EVEN_SIZE)
    return len({font.of(digit).getlength(digit) for digit in "0123456789"}) == 1


@lru_cache(maxsize=4096)
def _advance(character: str, font: Face) -> int:
    return math.floor(font.of(character).getlength(character) + 0.5)


def size_ladder(size: float) -> tuple[float, ...]:
    """Return the font sizes of an atlas: `size`, then smaller ones down to the smallest legible."""
    sizes = [size]
    while sizes[-1] > SMALLEST_SIZE:
        sizes.append(max(SMALLEST_SIZE, round(sizes[-1] * SHRINK, 3)))
    return tuple(sizes)
