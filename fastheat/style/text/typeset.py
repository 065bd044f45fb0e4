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
    draw_atlas,
    draw_glyphs,
    join_drawings,
    margin,
    reach,
    stamp,
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
    """Return texts set as segments: pairs of glyphs, or whole texts if glyphs cannot be cut.

    Whole texts also serve if any has several lines.

    Parameters
    ----------
    align
        Horizontal alignment of the lines of a text, as in `Type`.
    vertical
        Part of a text that stands where a single line does: -1 its top, 0 its centre, 1 its bottom.
    """
    unique = sorted(set(texts))
    charset, chains, counts = _glyphs_of(unique, typeface)
    cut = _cut(chains[:, 0], typeface, sizes, charset) if chains.shape[1] == 1 else None
    if cut is None:
        drawings: list[Drawing] = []
        for size in sizes:
            font = typeface.at(size)
            glyphs, drops = draw_glyphs(font, charset), line_drops(counts, size, vertical)
            drawings.append(_draw_whole(glyphs, chains, counts, drops, align, margin(font)))
        segments = np.arange(len(unique), dtype=np.int32)[:, None]
        cut = join_drawings(drawings), segments, np.ones(len(unique), np.int32)
    atlas, segments, lengths = cut
    return Shaped(
        atlas,
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


def _cut(
    chains: NDArray[np.intp], typeface: Typeface, sizes: tuple[float, ...], charset: Sequence[str]
) -> tuple[Type, NDArray[np.int32], NDArray[np.int32]] | None:
    """Return texts of one line, (U, longest) glyphs, as pairs, or None if glyphs cannot be cut.

    The result is an atlas, the segments of each text, and their number.
    """
    edge = np.zeros((len(chains), 1), np.intp)
    first, second = np.hstack([edge, chains]), np.hstack([chains, edge])
    lengths = 1 + (chains > 0).sum(1)  # any pair after these joins the edge to itself
    count = len(charset) + 1
    codes, place = np.unique(first * count + second, return_inverse=True)
    pairs = np.stack([codes // count, codes % count], 1)
    atlas = draw_atlas(typeface, sizes, charset, pairs, pairs)
    if atlas is None:
        return None
    return atlas, place.reshape(first.shape).astype(np.int32), lengths.astype(np.int32)


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
