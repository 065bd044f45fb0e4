"""Titles and colour bar numbers that change from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fastheat.layout.axes.drawing import pieces
from fastheat.layout.layout import Layout, Shown, TitlePlace
from fastheat.style.text.atlas import SHRINK, SMALLEST_SIZE, draw_letters, overlay
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.labels import Label, wrapped


def draw_titles(
    layout: Layout, titles: Sequence[str], first: int = 0
) -> tuple[NDArray[np.uint8], Shown]:
    """Draw titles, each at the largest font size that fits, up to that of the layout.

    Returns
    -------
    strips : (T, h, W) uint8
        Palette indices of the rows of the image from `TitlePlace.top` on.
    shown : Shown
        A tally of what titles[first:] could not show.
    """
    place, width = layout.title, layout.size[0]
    if place is None:
        return np.zeros((len(titles), 0, width), np.uint8), Shown()
    base = layout.background[place.top : place.bottom]
    strips = np.empty((len(titles), *base.shape), np.uint8)
    strips[:] = base
    left_out = []
    for strip, title in zip(strips, titles, strict=True):
        cover = _cover(title, layout.typeface, place, width)
        if cover is not None:
            x, ink = cover
            steps = (ink * (len(layout.label_ramp) - 1) + 127) // 255
            part = strip[:, x : x + ink.shape[1]]
            np.copyto(part, layout.label_ramp[steps], where=steps > 0)
        left_out.append(cover is None and bool(title.strip()))
    lacking = layout.typeface.lacks("".join(titles[first:]))
    return strips, Shown(untitled=sum(left_out[first:]), lacking=lacking)


def draw_numbers(
    layout: Layout, ranges: NDArray[np.float64], strips: NDArray[np.uint8]
) -> list[tuple[NDArray[np.uint8], int, int]]:
    """Draw the colour bar numbers of frames with ranges (T, P, 2).

    Numbers in the rows of the titles are drawn into `strips`.

    Returns
    -------
    list of ((T, h, w) uint8, int, int)
        Palette indices of a rectangle beside each colour bar, and x and y of its top left pixel.
    """
    drawn = []
    for numbers, panel in layout.bars:
        own = layout.panels[panel]
        pictures = numbers.draw(layout.background, own.label_ramp, own.tick, ranges[:, panel])
        x0, x1, top = numbers.x0, numbers.x1, numbers.y0
        if layout.title is not None and top < layout.title.bottom:
            first, top = max(top, layout.title.top), min(layout.title.bottom, numbers.y1)
            rows = pictures[:, first - numbers.y0 : top - numbers.y0]
            strip = strips[:, first - layout.title.top : top - layout.title.top, x0:x1]
            np.copyto(strip, rows, where=rows != layout.background[first:top, x0:x1])
        drawn.append((np.ascontiguousarray(pictures[:, top - numbers.y0 :]), x0, top))
    return drawn


@lru_cache(maxsize=64)
def _cover(
    title: str, typeface: Typeface, place: TitlePlace, width: int
) -> tuple[int, NDArray[np.intp]] | None:
    """Return a title's left column and coverage (h, w), 0 to 255, or None if it does not fit."""
    height, whole = place.bottom - place.top, Label(title, place.size, (0.5, 1.0), 0.0, typeface)
    label = _fitting(whole, width - 2 * place.margin, height) or _fitting(whole, width - 2, height)
    if label is None:
        return None
    box = label.box()
    # centred on the cells, as far as the image has room
    half = box.width / 2 + max(1.0, min(place.margin / 2, (width - box.width) / 2))
    x = min(max(place.x, half), width - half)
    ink = np.zeros((height, width), np.uint8)
    for font, text, pen, baseline in pieces(label, x, place.y - place.top):
        # ASCII letters are drawn one by one and cached, since titles share most of them
        for letters in text if text.isascii() else (text,):
            glyph = draw_letters(font, letters)
            overlay(ink, glyph, pen, baseline)
            pen += glyph.advance
    columns = np.flatnonzero(ink.any(0))
    left, right = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 0)
    return left, ink[:, left:right].astype(np.intp)


def _fitting(label: Label, width: float, height: float) -> Label | None:
    """Return a title at the largest legible font size that fits, or None."""
    boxes = ((each, each.box()) for each in _attempts(label, width))
    fitting = (each for each, box in boxes if box.width <= width and box.height <= height)
    return next(fitting, None)


def _attempts(label: Label, width: float) -> Iterator[Label]:
    """Yield a title ever smaller, as it is and wrapped at spaces; then again, wrapped anywhere."""
    for anywhere in (False, True):
        size = label.size
        while size >= SMALLEST_SIZE:
            smaller = label._replace(size=size)
            if not anywhere:
                yield smaller
            yield smaller._replace(text=wrapped(smaller, width, anywhere=anywhere))
            size *= SHRINK
