"""Typesetting: texts written in Python, as segments of an atlas made for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.style.text.atlas import (
    Drawing,
    Glyph,
    Pairs,
    draw_glyphs,
    draw_segments,
    join_drawings,
    margin,
    measures,
    reach,
    stamp,
    unlike_rows,
)
from fastheat.style.text.fonts import Typeface, clusters
from fastheat.tables import Type

LEADING = 1.2  # distance from line to line of a cell's text, in font sizes


class Lettering(NamedTuple):
    """The texts of C cells as segments, for F frames; F is 1 if all frames have the same."""

    bits: NDArray[np.int64]  # (F, C) identifier of each text, the same for equal texts
    segments: NDArray[np.int32]  # (F, C, longest)
    lengths: NDArray[np.int32]  # (F, C) number of segments, -1 if the text is wider than any cell


class Shaped(NamedTuple):
    """U distinct texts as segments."""

    atlas: Type  # of the segments that the texts use
    rows: dict[str, int]  # row of each text in the arrays below
    segments: NDArray[np.int32]  # (U, longest)
    lengths: NDArray[np.int32]  # (U,) number of segments of each text
    lacking: str  # characters for which no font has a glyph


def shape_texts(
    texts: Iterable[str], typeface: Typeface, sizes: tuple[float, ...], align: int, vertical: int
) -> Shaped:
    """Return texts set as segments: pairs of glyphs, or a whole text if its glyphs cannot be cut.

    A text of several lines is whole, too. The segments of a text depend on no other text, so that
    the part that changes from one to the next is the same in whatever chunk of frames they are.

    Parameters
    ----------
    align
        Horizontal alignment of the lines of a text, as in `Type`.
    vertical
        Part of a text that stands where a single line does: -1 its top, 0 its centre, 1 its bottom.
    """
    unique = sorted(set(texts))
    charset, chains, counts = _glyphs_of(unique, typeface)
    fonts = [typeface.at(size) for size in sizes]
    glyphs = [draw_glyphs(font, charset) for font in fonts]
    rooms = [margin(font) for font in fonts]
    pairs, numbers, can_be_cut = _pairs(chains[:, 0], counts == 1, glyphs, rooms)
    chosen = np.flatnonzero(~can_be_cut)
    drawings: list[Drawing] = []
    for k, (size, room) in enumerate(zip(sizes, rooms, strict=True)):
        drawing = draw_segments(glyphs[k], pairs[:, :2], *pairs[:, 2 + 2 * k : 4 + 2 * k].T)
        if len(chosen):
            own, lines = chains[chosen], counts[chosen]
            drops = line_drops(counts, size, vertical)[chosen]
            whole = _draw_whole(glyphs[k], own, lines, drops, align, room)
            drawing = _side_by_side(drawing, whole)
        drawings.append(drawing)
    segments = np.zeros((len(unique), chains.shape[2] + 1), np.int32)
    segments[can_be_cut] = numbers[can_be_cut]
    segments[chosen, 0] = len(pairs) + np.arange(len(chosen))
    lengths = np.where(can_be_cut, 1 + (chains[:, 0] > 0).sum(1), 1)
    return Shaped(
        join_drawings(drawings),
        {text: k for k, text in enumerate(unique)},
        segments,
        np.where(np.array([bool(text) for text in unique], bool), lengths, 0).astype(np.int32),
        typeface.lacks("".join(sorted(set().union(*unique)))),
    )


def _glyphs_of(
    texts: Sequence[str], typeface: Typeface
) -> tuple[list[str], NDArray[np.intp], NDArray[np.int64]]:
    """Return the distinct clusters, the glyphs of each text, and its number of lines.

    The glyphs have shape (U, lines, longest): k + 1 is the k-th cluster, and 0, the edge, fills the
    rest of a line.
    """
    every = "".join(texts)
    if every.isascii() and every.isprintable():
        longest = max([1, *map(len, texts)])
        codes = np.array(texts, f"U{longest}").view(np.uint32).reshape(len(texts), longest)
        charset = sorted(set(every))
        number_of = np.zeros(128, np.intp)
        number_of[[ord(c) for c in charset]] = np.arange(1, len(charset) + 1)
        return charset, number_of[codes][:, None], np.ones(len(texts), np.int64)
    lines = [[clusters(line, typeface) for line in text.split("\n")] for text in texts]
    charset = sorted({c for each in lines for line in each for c in line})
    number = {c: k + 1 for k, c in enumerate(charset)}
    counts = np.array([len(each) for each in lines], np.int64)
    longest = max([1, *(len(line) for each in lines for line in each)])
    chains = np.zeros((len(texts), counts.max(initial=1), longest), np.intp)
    for chain, each in zip(chains, lines, strict=True):
        for row, line in zip(chain, each, strict=False):
            row[: len(line)] = [number[c] for c in line]
    return charset, chains, counts


def _pairs(
    chains: Pairs,
    single: NDArray[np.bool_],
    glyphs: Sequence[Sequence[Glyph]],
    rooms: Sequence[int],
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]:
    """Return the segments of those of U texts whose glyphs can be cut.

    A glyph is cut in its middle, or as near as the ink of its neighbours lets.

    Parameters
    ----------
    chains
        (U, longest) glyphs of each text's first line.
    single
        (U,) whether that is the only one.
    glyphs
        The glyphs at each of S sizes.
    rooms
        Margin on either side of a text at each size, in pixels.

    Returns
    -------
    pairs : (P, 2 + 2 * S)
        Of each segment its glyphs, and the cuts through both at each size, as `draw_segments` takes
        them.
    numbers : (U, longest + 1)
        The segments of each text that can be cut, followed by ones that join the edge to itself.
    can_be_cut : (U,)
        Whether a text has one line, and no ink reaches across a cut or beyond the margins.
    """
    # two glyphs with their other neighbours, on which the cuts depend
    narrow = np.uint16 if chains.max(initial=0) < 1 << 16 else np.int64
    wide = np.pad(chains.astype(narrow), ((0, 0), (2, 2)))
    every = np.lib.stride_tricks.sliding_window_view(wide, 4, axis=1)
    unlike, which = unlike_rows(every.reshape(-1, 4))
    ahead, first, second, behind = unlike.T
    possible = np.ones(len(unlike), bool)
    columns = [first, second]
    for drawn, room in zip(glyphs, rooms, strict=True):
        advance, left, right = measures(drawn)
        for glyph, before, after, end in (
            (first, ahead, second, -room),
            (second, first, behind, room),
        ):
            low, high = right[before], advance[glyph] - left[after]
            over = np.where(before == 0, left[glyph], 0) > room
            over |= np.where(after == 0, right[glyph], 0) > room
            cuts = np.clip((advance[glyph] + 1) // 2, low, high)
            columns.append(np.where(glyph == 0, end, cuts))
            possible &= (glyph == 0) | ((low <= high) & ~over)
    which = which.reshape(every.shape[:2])
    can_be_cut = single & np.all(possible[which], axis=1)
    used = np.unique(which[can_be_cut])
    number_of = np.zeros(len(unlike), np.int32)
    pairs, number_of[used] = unlike_rows(np.stack(columns, 1).astype(np.int64)[used])
    return pairs, number_of[which], can_be_cut


def _side_by_side(one: Drawing, other: Drawing) -> Drawing:
    """Return the segments of both."""
    top = min(one[1], other[1])
    rows = max(y + cover.shape[1] for _, y, cover in (one, other)) - top
    columns = max(cover.shape[2] for _, _, cover in (one, other))
    covers = np.zeros((len(one[0]) + len(other[0]), rows, columns), np.uint8)
    start = 0
    for _, y, cover in (one, other):
        count, height, width = cover.shape
        covers[start : start + count, y - top : y - top + height, :width] = cover
        start += count
    return np.concatenate([one[0], other[0]]), top, covers


def _draw_whole(
    glyphs: Sequence[Glyph],
    chains: Pairs,
    counts: NDArray[np.int64],
    drops: NDArray[np.int64],
    align: int,
    room: int,
) -> Drawing:
    """Draw each of P texts as one segment.

    Parameters
    ----------
    chains
        (P, lines, longest) glyphs of each line of each text, padded with edges.
    counts
        (P,) number of lines of each text.
    drops
        (P, lines) distance of each line below the position of a single line, in pixels.
    room
        Margin on either side of a text, in pixels; more if its ink needs it.
    """
    advance = np.array([g.advance for g in glyphs], np.int64)[chains]
    left = np.array([g.left for g in glyphs], np.int64)[chains]
    columns = np.array([g.cover.shape[1] for g in glyphs], np.int64)[chains]
    pens = advance.cumsum(2) - advance
    length = advance.sum(2)
    inked = columns > 0
    beyond = np.maximum(
        np.where(inked, -(pens + left), 0).max((1, 2)),
        np.where(inked, pens + left + columns - length[:, :, None], 0).max((1, 2)),
    )
    rooms = np.maximum(room, beyond)
    longest = length.max(1)
    pens += rooms[:, None, None]
    pens += ((longest[:, None] - length) * (1 + align) // 2)[:, :, None]
    widths = longest + 2 * rooms
    shown = np.arange(chains.shape[1]) < counts[:, None]
    top, bottom = reach(glyphs)
    highest = int(drops[shown].min(initial=0))
    rows = bottom - top + int(drops[shown].max(initial=0)) - highest
    cover = np.zeros((len(chains), rows, int(widths.max(initial=1))), np.uint8)
    stamp(cover, glyphs, chains, pens, top, drops[:, :, None] - highest)
    return widths, top + highest, cover


def line_drops(counts: NDArray[np.int64], size: float, vertical: int) -> NDArray[np.int64]:
    """Return the distance of each text's lines below the position of a single line, in pixels.

    Parameters
    ----------
    counts
        (P,) number of lines of each text.
    size
        Font size in pixels.
    vertical
        As `shape_texts` takes it.
    """
    lines = np.arange(max(1, counts.max(initial=1)))
    above = {-1: 0.0, 0: 0.5, 1: 1.0}[vertical] * (counts[:, None] - 1)
    drops: NDArray[np.int64] = np.floor((lines - above) * LEADING * size + 0.5).astype(np.int64)
    return drops


def letter(unique: Sequence[str], place: NDArray[np.intp], shaped: Shaped, room: int) -> Lettering:
    """Return the texts of cells, out of those that `shape_texts` has set.

    Parameters
    ----------
    unique
        The distinct texts of the cells.
    place
        (F, C) index of each cell's text in `unique`.
    room
        Width of the widest cell in pixels.
    """
    rows = np.array([shaped.rows[text] for text in unique], np.intp)
    segments, lengths = shaped.segments[rows], shaped.lengths[rows]
    used = np.arange(segments.shape[1]) < lengths[:, None]
    widths = np.where(used, shaped.atlas.widths[:, segments], 0).sum(2)
    fits = widths.min(0) <= room
    longest = int(lengths[fits].max(initial=1))
    lengths = np.where(fits, lengths, -1).astype(np.int32)
    return Lettering(place.astype(np.int64), segments[:, :longest][place], lengths[place])
