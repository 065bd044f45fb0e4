"""The layout of several panels: one image and one palette for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastheat.layout.arrange import Size
from fastheat.layout.axes.drawing import blend, draw_lines
from fastheat.layout.layout import Layout, TitlePlace
from fastheat.layout.lineplot import MOST_LINES, RAMP_STEPS, Plot
from fastheat.style.colors.palette import SharedPalette, share_palette
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.labels import Label
from fastheat.tables import TRANSPARENT


class Heading(NamedTuple):
    """The title above all panels."""

    text: str
    size: float  # px, of the font
    pad: float  # px
    typeface: Typeface
    lacking: str  # characters without a glyph
    own: bool = False  # whether each frame has its own title

    @property
    def height(self) -> int:
        """The height of the title and its pad in pixels, 0 without a title."""
        return math.ceil(self.pad + self._label().box().height) if self.text or self.own else 0

    @property
    def width(self) -> int:
        """The least width of an image with room for the title, in pixels."""
        return math.ceil(self._label().box().width + 2 * self.pad) if self.text else 0

    def _label(self) -> Label:
        return Label(self.text, self.size, (0.5, 1.0), 0.0, self.typeface)

    def place(self, width: int) -> TitlePlace | None:
        """Return the place of frame titles in an image of a given width, or None without any."""
        if not self.own:
            return None
        return TitlePlace(width / 2, float(self.height), self.size, 0, self.height, self.pad)

    def draw(self, background: NDArray[np.uint8], label_ramp: NDArray[np.uint8]) -> None:
        """Draw the title into a background, unless each frame has its own."""
        if not self.text or self.own:
            return
        width, height = background.shape[1], self.height
        ink = Image.new("L", (width, height))
        draw_lines(ImageDraw.Draw(ink), self._label(), width / 2, float(height))
        blend(background[:height], ink, label_ramp)


def compose(
    layouts: Sequence[Layout],
    corners: Sequence[tuple[int, int]],
    size: Size,
    heading: Heading,
    plot: Plot | None,
    form: np.dtype[Any],
    bar: tuple[Layout, tuple[int, int], int] | None = None,
    shares: Sequence[bool] = (),
    *,
    says_range: bool = False,
) -> Layout:
    """Return the layout of an image with several heatmaps as its panels.

    Parameters
    ----------
    layouts, corners
        The layout of each heatmap, and the pixel (x, y) at which its top left corner is placed.
    size
        Width and height of the image.
    form
        The structured dtype of frames.
    bar
        The colour bar of all panels, if there is one: a layout of which only the background is
        drawn, its top left corner, and the index of the panel whose range it shows.
    shares
        Whether each panel takes part in a common range, if frames have ranges of their own.
    says_range
        Whether the title of each frame states its ranges.
    """
    drawn, at, of = list(layouts), list(corners), list(range(len(layouts)))
    if bar is not None:
        drawn, at, of = [*drawn, bar[0]], [*at, bar[1]], [*of, bar[2]]
    palette = _shared(drawn, plot)
    ramp = palette.indices[0][layouts[0].label_ramp]
    transparent = layouts[0].transparent
    background = np.full((size[1], size[0]), TRANSPARENT if transparent else ramp[0], np.uint8)
    if heading.own:  # opaque, since frames could not clear an old title with transparent pixels
        background[: heading.height] = ramp[0]
    for (x, y), layout, index in zip(at, drawn, palette.indices, strict=False):
        w, h = layout.size
        background[y : y + h, x : x + w] = index[layout.background]
    heading.draw(background, ramp)
    if plot is not None:
        ramps = palette.indices[-1][_RAMPS[: len(plot.names)]]
        plot = plot._replace(
            label_ramp=tuple(ramp.tolist()), ramps=tuple(map(tuple, ramps.tolist()))
        )
        background[plot.top :] = ramp[0]  # opaque for the same reason
    names = list(form.names or ())[: len(layouts)]
    return Layout(
        panels=tuple(
            layout.panels[0].moved(x, y, name, palette, k)
            for k, (name, layout, (x, y)) in enumerate(zip(names, layouts, corners, strict=True))
        ),
        background=background,
        table=palette.table,
        colors=palette.used,
        transparent=any(layout.transparent for layout in layouts),
        label_ramp=ramp,
        typeface=heading.typeface,
        title=heading.place(size[0]),
        plot=plot,
        dtype=form,
        bars=tuple(
            (numbers.moved(x, y), k)
            for layout, (x, y), k in zip(drawn, at, of, strict=True)
            for numbers, _ in layout.bars
        ),
        shares=tuple(shares),
        says_range=says_range,
        lacking="".join(
            dict.fromkeys("".join([heading.lacking, *(layout.lacking for layout in layouts)]))
        ),
        left_out=_named(names, layouts, "left_out") + (bar[0].left_out if bar else ()),
        beyond=_named(names, layouts, "beyond") + (bar[0].beyond if bar else ()),
        replaced=palette.replaced,
        off=palette.off,
    )


def _named(names: Sequence[str], layouts: Sequence[Layout], what: str) -> tuple[str, ...]:
    """Return the descriptions of labels in a field of all layouts, with the names of panels."""
    pairs = zip(names, layouts, strict=False)
    return tuple(f"{each} of panel {name!r}" for name, own in pairs for each in getattr(own, what))


# entries of the line plot's own palette: a row of coverages for each line
_RAMPS = 1 + np.arange(MOST_LINES * RAMP_STEPS).reshape(MOST_LINES, RAMP_STEPS)


def _shared(layouts: Sequence[Layout], plot: Plot | None) -> SharedPalette:
    fills, fixed, used = [], [], []
    for layout in layouts:
        ramps = layout.panels[0].shades.ramps
        own, blends = np.unique(ramps[:, 0]), np.unique(ramps[:, 1:-1])
        tick = np.array([layout.panels[0].tick], np.uint8)
        drawn = layout.background, layout.label_ramp, tick, ramps
        every = np.unique(np.concatenate(drawn, axis=None))
        fills.append(own)
        fixed.append(np.union1d(np.setdiff1d(every, [*own, *blends]), layout.label_ramp))
        used.append(every)
    tables = [layout.table for layout in layouts]
    if plot is not None:
        # the last palette blends from the background to the colour of each line
        entries = _RAMPS[: len(plot.names)]
        paper = tables[0][layouts[0].label_ramp[0]].astype(float)
        cover = np.linspace(0, 1, RAMP_STEPS)[:, None]
        table = np.zeros((256, 3), np.uint8)
        for row, color in zip(entries, plot.colors, strict=True):
            table[row] = np.floor(paper + (np.array(color) - paper) * cover + 0.5)
        tables.append(table)
        fills.append(np.zeros(0, np.uint8))
        fixed.append(entries.reshape(-1).astype(np.uint8))
        used.append(entries.reshape(-1).astype(np.uint8))
    return share_palette(tables, fills, fixed, used)
