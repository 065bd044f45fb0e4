"""The options of a heatmap, as layouts are made of them: the look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.layout.axes import geometry
from fastheat.style.colors.colormaps import Colormap
from fastheat.style.colors.colors import RGB
from fastheat.style.colors.norms import Norm
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.formats import ValueFormat

SMALLEST_FONT, LARGEST_FONT = 1.0, 1000.0  # px


@dataclass(frozen=True, slots=True)
class Numbers(Sequence[str]):
    """The numbers of rows or columns, written when they are asked for: few of many are shown."""

    each: range

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, k: Any) -> Any:
        part = self.each[k]
        return Numbers(part) if isinstance(part, range) else str(part)


class Labels(NamedTuple):
    """The labels of an axis."""

    texts: Sequence[str]  # of all rows or columns, or none
    every: int = 1  # how many there are to each that is wanted
    numbers: bool = False
    auto: bool = False  # whether to show round numbers, as many as have room

    @property
    def letters(self) -> str:
        """All that they are written with, digits aside."""
        return "" if self.numbers else "".join(self.texts)


class Look(NamedTuple):
    """The options of a `Heatmap`, checked and read, colours and lengths as its layout has them."""

    shape: tuple[int, int]
    rows: Labels
    columns: Labels
    row_side: str
    col_side: str
    lower: bool  # whether the first row stands at the bottom
    row_rotation: float  # degrees
    col_rotation: float | None
    thin_labels: bool  # whether labels that would overlap are left out
    cmap: Colormap
    norm: Norm
    robust: bool
    given: tuple[float | None, float | None] | None  # ends, where each frame has its own range
    mask: NDArray[np.bool_] | None  # (N, M), the cells that are not shown
    valfmt: ValueFormat | None
    annot: Cells | Sample | None  # what is written in place of the values
    textcolors: tuple[RGB, RGB]
    threshold: float | None
    align: int
    vertical: int
    point: float
    fontsize: float
    text_size: float
    fit: bool  # whether that is only the most, and the values are as large as has room
    bar: bool
    bar_location: str
    bar_label: str
    bar_ticks: int | tuple[float, ...] | None  # at most so many, or at these values
    bar_format: ValueFormat | None
    title: str
    frame: geometry.Frame | None  # of another range, to lay out in
    titled: bool  # whether each frame has a title of its own, for which `title` makes room
    xlabel: str
    ylabel: str
    figure: tuple[int, int] | None
    cell: tuple[float, float] | None  # its width and height without one, None as texts need
    title_size: float  # px
    typeface: Typeface
    lacking: str  # letters of the labels and of `valfmt` without a glyph
    background: RGB  # what labels blend into, where it is clear too
    clear: bool  # whether the background is transparent
    foreground: RGB
    grid: RGB
    clear_grid: bool
    grid_width: float | None
    row_groups: tuple[int, ...]  # the rows that begin a group, but for the first
    col_groups: tuple[int, ...]
    group: RGB  # of the lines between groups
    group_width: float | None
    square: bool
    reduce: str | None  # of HOW
