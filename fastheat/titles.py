"""Titles that change from frame to frame: each drawn into the rows of pixels kept for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastheat.axes import Label, draw_lines
from fastheat.layout import Layout, Shown, TitlePlace
from fastheat.text import SHRINK, SMALLEST_SIZE


def draw_titles(layout: Layout, titles: Sequence[str]) -> tuple[NDArray[np.uint8], list[Shown]]:
    """Draw titles, each as large as it fits up to the size of the layout's.

    Returns
    -------
    strips : (T, h, W) uint8
        Palette indices of the rows from `TitlePlace.top` on.
    shown : list
        What of each could not be shown.
    """
    place = layout.title
    if place is None:
        return np.zeros((len(titles), 0, layout.size[0]), np.uint8), [Shown()] * len(titles)
    base = layout.static[place.top : place.bottom]
    drawn: dict[str, tuple[NDArray[np.uint8], Shown]] = {}
    for title in titles:
        if title not in drawn:
            drawn[title] = _draw(layout, place, title, base)
    strips = np.empty((len(titles), *base.shape), np.uint8)
    for strip, title in zip(strips, titles, strict=True):
        strip[:] = drawn[title][0]
    return strips, [drawn[title][1] for title in titles]


def _draw(
    layout: Layout, place: TitlePlace, title: str, base: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], Shown]:
    if not title.strip():
        return base, Shown()
    height, width = base.shape
    lacking = layout.typeface.lacks(title)
    size = place.size
    while True:
        label = Label(title, size, (0.5, 1.0), 0.0, layout.typeface)
        box = label.box()
        if box.width <= width - 2 and box.height <= height:
            break
        size *= SHRINK
        if size < SMALLEST_SIZE:
            return base, Shown(hidden=1, lacking=lacking)
    # about the middle of the cells, where the picture has room for it there
    half = box.width / 2 + 1
    x = min(max(place.x, half), width - half)
    ink = Image.new("L", (width, height))
    draw_lines(ImageDraw.Draw(ink), label, x, place.y - place.top)
    cover = np.asarray(ink).astype(np.int64)
    steps = (cover * (len(layout.statics) - 1) + 127) // 255
    strip = np.where(steps > 0, layout.statics[steps], base)
    return strip, Shown(lacking=lacking)
