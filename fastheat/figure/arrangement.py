"""The arrangement of panels: the sizes of their cells, and the position of each panel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import floor
from typing import Any, NamedTuple

import numpy as np

from fastheat.figure.heatmap import BAR_ROOM, Heatmap
from fastheat.figure.shared_bar import SharedBar, shared_bar
from fastheat.inputs.sources.shapes import of_panel
from fastheat.layout.arrange import (
    FLATTEST,
    SMALLEST,
    Order,
    Size,
    Sizes,
    Tile,
    arrange,
    check_size,
    largest,
    least_white,
)
from fastheat.layout.axes.geometry import MOST_SIDE, SHORTEST_SIDE, WORDS, Frame
from fastheat.layout.build import thickened
from fastheat.layout.compose import Heading
from fastheat.layout.layout import Layout
from fastheat.layout.lineplot import WIDTH, size_of
from fastheat.style.text.atlas import has_even_digits
from fastheat.style.text.labels import Label, fitted

PICTURE_SIDE = 1500  # px, side within which images without figsize stay by shrinking their cells
WHOLE_PIXELS = 8  # px, size from which on cells take whole pixels, so that all are equal
SHORTENED = 1.25  # factor by which cells must grow to justify smaller titles
SHRINKS = (1.0, 0.97, 0.9, 0.75)  # factors on cell sizes, tried until the labels have room
Cell = tuple[float, float]  # width and height, px


class Arrangement(NamedTuple):
    """The panels at their final sizes, and their positions in the image."""

    panels: tuple[Heatmap, ...]
    size: tuple[int, int]  # of the image, px
    corners: tuple[tuple[int, int], ...]  # top left pixel of each panel
    bar: SharedBar | None  # the colour bar of all panels
    bar_corner: tuple[int, int]


class Measure(NamedTuple):
    """The order of panels and the largest sizes of their cells, in pixels."""

    order: Order
    side: float  # of square cells; if below 1, of the cells of the largest panel
    wide: float  # width of other cells
    high: float  # height of other cells
    words: float  # length that titles may have, however narrow the cells are
    least: float  # least length of the longer side of all cells of a panel together


class Arranger(NamedTuple):
    """The panels of an image and everything else that takes up room in it."""

    panels: Mapping[str, Heatmap]
    columns: int | None
    figure: Size | None  # of the image, px, if figsize is given
    fontsize: float  # px
    heading: Heading
    plots: bool  # whether there is a line plot
    barred: str | None  # the name of the panel whose colour bar is that of all panels

    @property
    def below(self) -> int:
        """The height of the line plot in px, 0 without one."""
        height = self.figure[1] if self.figure else None
        return size_of(self.fontsize, height) if self.plots else 0

    def sized(self, measure: Measure) -> list[Heatmap]:
        """Return the panels with the cell sizes that they have over any range."""
        bare = self.bare()
        natural = None if self.figure else natural_cells(bare, likely_kinds(bare))[0]
        return sized(bare, measure, natural)

    def bare(self) -> list[Heatmap]:
        """Return the panels, without their own colour bars if there is one for all."""
        panels = list(self.panels.values())
        if self.barred is not None:
            panels = [each.with_look(bar=False, bar_label="") for each in panels]
        return panels

    def _bar_room(self, kind: np.dtype[Any], room: Size) -> Size:
        """Return the width and height that a colour bar for all panels takes away from them."""
        if self.barred is None:
            return 0, 0
        panel = self.panels[self.barred]
        bar = shared_bar(panel.completed((None, None)), kind, room)
        # numbers may be longer or taller than those of this range
        more = round((BAR_ROOM if bar.width else 1) * panel.look.fontsize)
        return (bar.width + more, 0) if bar.width else (0, bar.height + more)

    def measure(self) -> Measure:
        """Find the order of the panels and the largest size of their cells."""
        bare = self.bare()
        kinds = likely_kinds(bare)
        width, height = self.figure or (PICTURE_SIDE, PICTURE_SIDE)
        above, below = self.heading.height, self.below
        if not self.figure and self.columns is None and len(bare) > 1:
            height = round(width / FLATTEST)
        bar = self._bar_room(kinds[0], (width, height - above - below))
        room = width - bar[0], height - above - below - bar[1]
        if self.figure:
            return self._measure_figure(bare, room)
        natural, legible = natural_cells(bare, kinds)
        words, least = WORDS * self.fontsize, SHORTEST_SIDE * self.fontsize
        measure = Measure(self.columns or 1, SMALLEST, SMALLEST, SMALLEST, words, least)

        def tiles(side: float) -> list[Tile]:
            return _tiles(bare, measure._replace(side=side, wide=side, high=side), natural)

        orders = None if self.columns is None else [self.columns]
        most = max(max(each.shape) for each in bare)
        found = largest(tiles, room, PICTURE_SIDE / most, orders)
        if found is None or found[0] < legible:
            # a larger image is better than numbers left out, or reduced matrices
            room = room[0] + MOST_SIDE - PICTURE_SIDE, room[1] + MOST_SIDE - PICTURE_SIDE
            larger = largest(tiles, room, legible + 1, orders)
            if larger is not None and larger[0] >= legible:
                found = larger
            elif found is None or found[0] < 1:
                found = largest(tiles, room, 1.01, orders)  # with which 1 px is tried
        if found is None:
            return measure
        side, order = found
        if self.columns is None:  # there may be more room than the panels need
            white = least_white(tiles(side), (bar[0], bar[1] + above + below))
            places = arrange(tiles(side), white)
            if places.width <= room[0] and places.height <= room[1]:
                order = white
        return measure._replace(order=order, side=side, wide=side, high=side)

    def _measure_figure(self, bare: Sequence[Heatmap], room: Size) -> Measure:
        """Find the order and the largest cells that fit an image of given size.

        Parameters
        ----------
        room
            Width and height left for the panels.
        """
        orders = None if self.columns is None else [self.columns]
        rows, columns = (max(each.shape[k] for each in bare) for k in (0, 1))
        bound = max(1.0, *room) / max(rows, columns)
        best = Measure(self.columns or 1, SMALLEST, SMALLEST, SMALLEST, self.fontsize, 0.0)
        for least in (SHORTEST_SIDE * self.fontsize, 0.0):
            for share in (1, 2, 4):  # shorter titles leave more room for cells
                measure = best._replace(words=WORDS * self.fontsize / share, least=least)

                def tiles(side: float, measure: Measure = measure) -> list[Tile]:
                    return _tiles(bare, measure._replace(side=side, wide=side, high=side))

                found = largest(tiles, room, bound, orders)
                if found is not None and found[0] > SHORTENED * best.side:
                    side, order = found
                    best = measure._replace(order=order, side=side, wide=side, high=side)
            if best.side > SMALLEST:
                break
        if best.side < 1 or all(each.look.square for each in bare):
            return best
        only, side = [best.order], best.side
        wider = largest(
            lambda x: _tiles(bare, best._replace(wide=max(side, x))), room, room[0] / columns, only
        )
        best = best._replace(wide=max(side, wider[0] if wider else side))
        higher = largest(
            lambda x: _tiles(bare, best._replace(high=max(side, x))), room, room[1] / rows, only
        )
        return best._replace(high=max(side, higher[0] if higher else side))

    def arrange(
        self, measure: Measure, kinds: Sequence[np.dtype[Any]], *, frozen: bool = False
    ) -> Arrangement:
        """Return the panels at their final sizes, with their positions.

        Parameters
        ----------
        kinds
            The dtype of the values of each panel.
        frozen
            Whether the panels keep their positions when their ranges change.

        Raises
        ------
        ValueError
            If the panels do not fit the image.
        """
        plan = self._placed(measure, kinds, frozen=frozen)
        if plan is None and self.figure and not any(each.reduction for each in self.sized(measure)):
            # numbers at the colour bars may be longer than was expected
            measure = self.measure()
            for share in SHRINKS:
                sides = {name: share * getattr(measure, name) for name in ("side", "wide", "high")}
                plan = self._placed(measure._replace(**sides), kinds, frozen=frozen)
                if plan is not None:
                    break
        if plan is None:
            raise too_small(self.figure, self.heading)
        check_size(*plan.size, len(self.panels))
        return plan

    def _placed(
        self, measure: Measure, kinds: Sequence[np.dtype[Any]], *, frozen: bool
    ) -> Arrangement | None:
        """Return the arrangement for a measure, or None if the panels do not fit the image."""
        bare = self.bare()
        natural = None if self.figure else natural_cells(bare, kinds)[0]
        panels = sized(bare, measure, natural)
        if not frozen and not any(each.look.bar for each in bare):
            # the sizes are known without laying out any panel
            size = Sizes(_tiles(bare, measure, natural)).of(measure.order)
            if not self.figure:
                check_size(*size, len(bare))
            elif size[0] > self.figure[0] or size[1] > self.figure[1]:
                return None
        if frozen:
            panels = [
                each.with_look(frame=each.frame()) if self.figure else each.freeze_axes(kind)
                for each, kind in zip(panels, kinds, strict=False)
            ]
        tiles = [_tile(layout.panels[0].frame) for layout in lay_out(self.panels, panels, kinds)]
        above, below = self.heading.height, self.below
        places = arrange(tiles, measure.order)
        bar, bar_size = None, (0, 0)
        if self.barred is not None:
            panel, room = self.panels[self.barred], (places.width, places.height)
            bar = shared_bar(panel, kinds[0], room, frozen=frozen)
            bar_size = bar.width, bar.height
        wide, high = places.width + bar_size[0], places.height + bar_size[1] + above + below
        least = max(self.heading.width, round(WIDTH * self.fontsize) if self.plots else 0)
        width, height = self.figure or (max(wide, least), high)
        if wide > width or high > height or self.heading.width > width:
            return None
        left, top = (width - wide) // 2, above + (height - high) // 2
        bar_corner = left, top
        if bar is not None and bar.side in ("left", "top"):
            left, top = left + bar_size[0], top + bar_size[1]
        elif bar is not None:
            bar_corner = (left + places.width, top) if bar.width else (left, top + places.height)
        return Arrangement(
            panels=tuple(panels),
            size=(width, height),
            corners=tuple((left + x, top + y) for x, y in places.corners),
            bar=bar,
            bar_corner=bar_corner,
        )


def natural_cells(
    panels: Sequence[Heatmap], kinds: Sequence[np.dtype[Any]]
) -> tuple[list[Cell], float]:
    """Return the cell size of each panel if there is room for it, and the least useful side.

    Panels without text in their cells have the smallest size of those with text. At the least
    side, which is at least a pixel, all texts can be read.
    """
    found = [each.needed_cell(kind) for each, kind in zip(panels, kinds, strict=False)]
    legible = [least for _, least in found if least is not None]
    if legible:
        wide, high = (min(cell[k] for cell, least in found if least) for k in (0, 1))
    else:
        wide, high = (max(min(cell) for cell, _ in found),) * 2
    cells = [cell if least else (wide, high) for cell, least in found]
    return [
        (min(cell),) * 2 if each.look.square else cell
        for each, cell in zip(panels, cells, strict=True)
    ], max((1.0, *map(max, legible)))


def sized(
    panels: Sequence[Heatmap], measure: Measure, natural: Sequence[Cell] | None = None
) -> list[Heatmap]:
    """Return copies of panels with the cell sizes of a measure, and titles in one font size.

    Parameters
    ----------
    natural
        Upper bounds of the cell size of each panel, or None for no bounds.
    """
    most = max(max(each.shape) for each in panels)
    cells = []
    for number, each in enumerate(panels):
        side = wide = high = measure.side
        if side < 1:
            wide = high = min(1.0, side * most / max(each.shape))
        elif not each.look.square:
            wide, high = measure.wide, measure.high
        if natural is not None:
            wide, high = min(wide, natural[number][0]), min(high, natural[number][1])
        wide, high = (floor(x) if x >= WHOLE_PIXELS else x for x in (wide, high))
        cells.append(thickened(each.shape, (wide, high), measure.least))
    titles = []
    for each, (wide, _) in zip(panels, cells, strict=True):
        titles.append((_title(each), max(measure.words, each.shape[1] * wide)))
    size = min(fitted(title, length).size for title, length in titles)
    texts = [fitted(title._replace(size=size), length).text for title, length in titles]
    return [
        each.with_look(figure=None, cell=cell, title=text, title_size=size)
        for each, cell, text in zip(panels, cells, texts, strict=True)
    ]


def _title(panel: Heatmap) -> Label:
    look = panel.look
    return Label(look.title, look.title_size, (0.5, 1.0), 0.0, look.typeface)


def _tile(frame: Frame) -> Tile:
    return Tile(frame.width, frame.height, round(frame.cells.x0), round(frame.cells.y0))


def _tiles(
    panels: Sequence[Heatmap], measure: Measure, natural: Sequence[Cell] | None = None
) -> list[Tile]:
    """Return the size of each panel, measured once for panels that need equal room."""
    first: dict[object, int] = {}
    alike = []
    for number, each in enumerate(panels):
        look, title = each.look, _title(each)
        box: object = title.box(), title.metrics()
        if title.box().width > min(measure.words, WORDS * look.fontsize):
            # how it is shrunk or broken depends on its characters; digits of one width are equal
            even = has_even_digits(look.typeface)
            box = box, _DIGIT.sub("0", look.title) if even else look.title
        bar = each.range if look.bar else None
        key = each.kin, bar, bool(look.title), box, natural and natural[number]
        alike.append(first.setdefault(key, number))
    own = None if natural is None else [natural[number] for number in first.values()]
    shown = sized([panels[number] for number in first.values()], measure, own)
    tiles = dict(zip(first.values(), (_tile(each.frame()) for each in shown), strict=True))
    return [tiles[number] for number in alike]


_DIGIT = re.compile("[0-9]")


def too_small(figure: Size | None, heading: Heading) -> ValueError:
    """Return the error for an image that the panels do not fit."""
    width, height = figure or (heading.width, heading.height)
    return ValueError(
        f"expected a figsize in which the panels and their title have room, not "
        f"{width} x {height} px"
    )


def lay_out(
    names: Iterable[str], panels: Iterable[Heatmap], kinds: Sequence[np.dtype[Any]]
) -> list[Layout]:
    """Return the layout of each panel, with its name in errors."""
    layouts = []
    for name, each, kind in zip(names, panels, kinds, strict=False):
        with of_panel(name):
            layouts.append(each.layout(kind))
    return layouts


def likely_kinds(panels: Iterable[Heatmap]) -> list[np.dtype[Any]]:
    """Return a dtype of values for each panel that its format accepts."""
    formats = [each.look.valfmt for each in panels]
    return [np.dtype(np.int64 if f is not None and f.integers else np.float64) for f in formats]
