"""The look: the options of a heatmap in the form that layouts need, and the table of all options.

To add an option, add a parameter to `Heatmap`, whose docstring documents it, and a row here. The
command line, the hints at names in other libraries and the list of options that may be iterators
are derived from the row.
"""

# no `from __future__ import annotations`: the rows are read from the annotations

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.layout.axes.geometry import Frame
from fastheat.layout.axes.ticks import TickStyle
from fastheat.layout.options import (
    Labels,
    Names,
    Option,
    choice,
    color,
    elsewhere,
    flag,
    grid_color,
    number,
    place,
    read_bar_format,
    read_figure,
    read_fraction,
    read_groups,
    read_labels,
    read_mask,
    read_pair,
    read_reduce,
    read_ticks,
    text,
    width,
)
from fastheat.style.colors.colormaps import Colormap
from fastheat.style.colors.colors import RGB
from fastheat.style.colors.norms import Norm
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.formats import ValueFormat

# groups of the command line's options
COLORS, VALUES, LABELS, PICTURE = "colours", "values in the cells", "labels", "picture"


class Look(NamedTuple):
    """The checked options of a `Heatmap`, with colours as RGB values and most lengths in pixels.

    A field with an `Option` is read by it. The text before that is its help on the command line,
    and `Names` its names elsewhere. The other fields follow from several options.
    """

    shape: tuple[int, int]
    rows: Annotated[
        Labels,
        "'name_{}' to number them, a,b,c, @FILE with one per line, 5 for every fifth, auto or none",
        Option(read_labels, LABELS, "labels", "LABELS", series=True),
        Names("row_labels", also="y yticklabels"),
    ]
    columns: Annotated[
        Labels,
        "the same for the columns",
        Option(read_labels, LABELS, "labels", "LABELS", series=True),
        Names("col_labels", also="x xticklabels"),
    ]
    thin_labels: Annotated[
        bool, "leave out labels that would overlap", Option(flag, LABELS, "switch")
    ]
    origin_lower: Annotated[  # 1 if the first row is at the bottom, 0 if it is at the top
        int,
        "position of the first row: upper or lower",
        Option(place(upper=0, lower=1), LABELS, metavar="END"),
        Names("origin"),
    ]
    row_side: Annotated[
        str,
        "side of the row labels: left or right",
        Option(choice("left", "right"), LABELS, metavar="SIDE"),
    ]
    col_side: Annotated[
        str,
        "side of the column labels: top or bottom",
        Option(choice("top", "bottom"), LABELS, metavar="SIDE"),
    ]
    row_rotation: Annotated[  # degrees; None is 0
        float | None,
        "rotation of the row labels, counterclockwise",
        Option(number, LABELS, "number", "DEGREES", unset="0"),
    ]
    col_rotation: Annotated[
        float | None,
        "rotation of the column labels",
        Option(
            number, LABELS, "number", "DEGREES", unset="0 for numbers, else -30 above and 30 below"
        ),
        Names(also="rotation"),
    ]
    cmap: Annotated[
        Colormap,
        "a name that matplotlib has, with _r to reverse it, or colours to blend: white,teal,#012",
        Option(lambda name, value, given: given.cmap, COLORS, "colormap", "NAME|COLOURS"),
        Names(also="color_continuous_scale colorscale"),
    ]
    norm: Annotated[
        Norm,
        "how values are mapped to colours: linear, centered (symmetric about 0, or --center), "
        "log, symlog, asinh or power",
        Option(lambda name, value, given: given.norm, COLORS, metavar="NAME", unset="linear"),
    ]
    robust: Annotated[
        bool,
        "take vmin and vmax from the 2nd and 98th percentile, if not given",
        Option(flag, COLORS, "switch"),
    ]
    # vmin and vmax as far as they are known, if each frame has its own range
    given: tuple[float | None, float | None] | None
    mask: Annotated[  # (N, M), True in hidden cells
        NDArray[np.bool_] | None,
        "a .npy file of booleans (N, M): True for cells that are not shown",
        Option(read_mask, COLORS, "mask", "FILE"),
    ]
    valfmt: Annotated[
        ValueFormat | None,
        "format of the values: a format string, a format spec such as .2f, or none for no text",
        Option(lambda name, value, given: given.valfmt, VALUES, "text or none", "FORMAT"),
        Names(also="fmt text_auto"),
    ]
    annot: Annotated[  # numbers or texts in the cells in place of the values
        Cells | Sample | None,
        "a file of other numbers or strings to write, one matrix for all frames or one per frame",
        Option(
            lambda name, value, given: None if isinstance(given.annot, bool) else given.annot,
            VALUES,
            "annot",
            "FILE",
            unset="the values",
        ),
    ]
    textcolors: Annotated[
        tuple[RGB, RGB],
        "two colours of text, chosen by contrast or by --threshold",
        Option(read_pair, VALUES, "two colours"),
    ]
    threshold: Annotated[
        float | None,
        "value above which text has the second colour",
        Option(number, VALUES, "number", "X"),
    ]
    text_size: Annotated[  # px, upper bound if `fit`
        float,
        "font size in pt, reduced where text does not fit; or fit for as large as possible",
        Option(
            lambda name, value, given: given.sizes[1],
            VALUES,
            "number or fit",
            "PT",
            unset="--fontsize",
        ),
        Names(also="size"),
    ]
    fit: bool  # whether text is as large as fits the cells
    align: Annotated[
        int,
        "alignment in the cell: left, center or right",
        Option(place(left=-1, center=0, right=1), VALUES, metavar="WHERE"),
        Names("ha", also="horizontalalignment"),
    ]
    vertical: Annotated[
        int,
        "alignment in the cell: top, center or bottom",
        Option(place(top=-1, center=0, bottom=1), VALUES, metavar="WHERE"),
        Names("va", also="verticalalignment"),
    ]
    bar: Annotated[
        bool,
        "draw a colour bar",
        Option(flag, COLORS, "switch"),
        Names("cbar", also="cbar_visible colorbar"),
    ]
    bar_location: Annotated[
        str,
        "side of the colour bar: right, left, top or bottom",
        Option(choice("right", "left", "top", "bottom"), COLORS, metavar="SIDE", needs="cbar"),
        Names("cbar_location", also="cbar_ax location orientation"),
    ]
    bar_shrink: Annotated[
        float,
        "length of the colour bar as a fraction of the side that it stands at",
        Option(read_fraction, COLORS, "number", "X", needs="cbar"),
        Names("cbar_shrink", also="shrink"),
    ]
    bar_aspect: Annotated[
        float | None,
        "ratio of its length to its thickness",
        Option(width, COLORS, "number", "X", unset="20", needs="cbar"),
        Names("cbar_aspect"),
    ]
    bar_label: Annotated[
        str,
        "label of the colour bar",
        Option(text, COLORS, metavar="TEXT", needs="cbar"),
        Names("cbar_label", also="cbarlabel"),
    ]
    bar_ticks: Annotated[  # largest number of ticks, or their values
        int | tuple[float, ...] | None,
        "largest number of ticks of the colour bar, or their values: 5 or 0,0.5,1",
        Option(read_ticks, COLORS, "ticks", "N|X,X...", needs="cbar", series=True),
        Names("cbar_ticks", also="ticks"),
    ]
    bar_format: Annotated[
        ValueFormat | None,
        "format of the ticks, as for --valfmt",
        Option(read_bar_format, COLORS, metavar="FORMAT", needs="cbar"),
        Names("cbar_format", also="format"),
    ]
    title: Annotated[
        str,
        "text above the picture; {step} is the number in the name of a checkpoint",
        Option(text, LABELS, metavar="TEXT"),
        Names(also="suptitle"),
    ]
    titled: bool  # whether each frame has its own title; `title` is then a sample of their size
    title_size: float  # px
    xlabel: Annotated[str, "text below the cells", Option(text, LABELS, metavar="TEXT")]
    ylabel: Annotated[str, "text to the left of the cells", Option(text, LABELS, metavar="TEXT")]
    typeface: Typeface
    lacking: str  # characters of the labels and of `valfmt` without a glyph
    point: float  # px of one point
    fontsize: Annotated[  # px
        float,
        "font size of the labels in pt",
        Option(lambda name, value, given: given.sizes[0], LABELS, "number", "PT"),
    ]
    frame: Frame | None  # a frame to keep to when the range changes
    figure: Annotated[  # width and height of the image, px
        tuple[int, int] | None,
        "width and height in inches",
        Option(
            lambda name, value, given: None if value is None else read_figure(value, given.inch),
            PICTURE,
            "two numbers",
            "W H",
            unset="as large as the text needs",
        ),
        Names("figsize", also="height width"),
    ]
    cell: tuple[float, float] | None  # width and height without figsize, None if text decides
    square: Annotated[
        bool, "make cells as high as wide", Option(flag, PICTURE, "switch"), Names(also="aspect")
    ]
    grid: Annotated[
        RGB,
        "colour of the lines between cells",
        Option(grid_color, PICTURE, "color", unset="that of --style"),
        Names("grid_color", also="edgecolor edgecolors linecolor"),
    ]
    transparent_grid: bool  # whether the lines between cells are transparent
    reduce: Annotated[
        str | None,
        "value drawn for each block of cells where a cell would be under a pixel: mean, max, "
        "min or absmax (the farthest from 0), or none to refuse such matrices",
        Option(read_reduce, PICTURE, "text or none", "HOW"),
    ]
    grid_width: Annotated[  # pt
        float | None,
        "width of the lines between cells in pt, 0 for none",
        Option(width, PICTURE, "number", "PT", unset="3, at most an eighth of a cell"),
        Names(also="linewidth linewidths"),
    ]
    row_groups: Annotated[  # the rows that begin a group, except the first
        tuple[int, ...],
        "draw a line before every N-th row, or before the rows with these indices: 4 or 2,5,9",
        Option(read_groups, PICTURE, "groups", "N|N,N...", series=True),
    ]
    col_groups: Annotated[
        tuple[int, ...],
        "the same for columns",
        Option(read_groups, PICTURE, "groups", "N|N,N...", series=True),
    ]
    group: Annotated[
        RGB,
        "colour of the lines between groups",
        Option(color, PICTURE, "color", unset="--foreground"),
        Names("group_color"),
    ]
    group_width: Annotated[  # pt
        float | None,
        "width of the lines between groups in pt",
        Option(width, PICTURE, "number", "PT", unset="2.5, at most a quarter of a cell"),
    ]
    background: Annotated[  # the colour into which labels blend, even if it is transparent
        RGB,
        "colour of the figure, none for transparent",
        Option(
            lambda name, value, given: given.paper[0], PICTURE, "color", unset="that of --style"
        ),
        Names(also="facecolor"),
    ]
    transparent: bool  # whether the background is transparent
    foreground: Annotated[
        RGB, "colour of labels and ticks", Option(color, PICTURE, "color", unset="that of --style")
    ]
    tick: Annotated[
        RGB,
        "colour of ticks, and of the outline of the colour bar",
        Option(color, PICTURE, "color", unset="--foreground"),
        Names("tick_color"),
    ]

    @property
    def tick_style(self) -> TickStyle:
        """Everything that the ticks of the colour bar follow from, except its range."""
        return TickStyle(
            norm=self.norm,
            wanted=self.bar_ticks,
            format=self.bar_format,
            thin=self.thin_labels,
            location=self.bar_location,
            typeface=self.typeface,
            fontsize=self.fontsize,
            point=self.point,
        )


class _ReadWithOthers(NamedTuple):
    """The options without a field of their own in `Look`."""

    vmin: Annotated[
        object,
        "value at the start of the colormap",
        Option(elsewhere, COLORS, "number", "X", unset="the least of all"),
        Names(also="zmin"),
    ]
    vmax: Annotated[
        object,
        "value at the end of the colormap",
        Option(elsewhere, COLORS, "number", "X", unset="the greatest of all"),
        Names(also="zmax"),
    ]
    linthresh: Annotated[
        object,
        "threshold below which the norm symlog is linear",
        Option(elsewhere, COLORS, "number", "X", unset="2"),
    ]
    gamma: Annotated[object, "exponent of the norm power", Option(elsewhere, COLORS, "number", "X")]
    boundaries: Annotated[
        object,
        "edges of bins, each bin in a colour of its own",
        Option(elsewhere, COLORS, "numbers", "X,X[,X...]", series=True),
    ]
    center: Annotated[
        object,
        "value in the middle of the colormap, with a slope on either side unless --norm centered",
        Option(elsewhere, COLORS, "number", "X"),
        Names(also="vcenter"),
    ]
    under: Annotated[
        object,
        "colour of values below vmin",
        Option(elsewhere, COLORS, "color", unset="the colormap's"),
    ]
    over: Annotated[
        object,
        "colour of values above vmax",
        Option(elsewhere, COLORS, "color", unset="the colormap's"),
    ]
    bad: Annotated[
        object,
        "colour of values that are NaN, infinite, masked, or that the norm does not accept",
        Option(elsewhere, COLORS, "color", unset="the background"),
    ]
    font: Annotated[
        object,
        "a font file, or the name of an installed font",
        Option(elsewhere, LABELS, metavar="FONT"),
        Names(also="fontfamily"),
    ]
    dpi: Annotated[object, "pixels per inch", Option(elsewhere, PICTURE, "number", "DPI")]
    style: Annotated[
        object,
        "light or dark: the colours of background, labels and grid",
        Option(elsewhere, PICTURE, metavar="NAME"),
        Names(also="template"),
    ]


def _options_of(table: type) -> dict[str, tuple[str, Option]]:
    rows = {}
    for field, annotation in table.__annotations__.items():
        if hasattr(annotation, "__metadata__"):
            help_, option, *others = annotation.__metadata__
            names = others[0] if others else Names()
            rows[names.own or field] = field, option._replace(help=help_, also=names.also)
    return rows


FIELDS = _options_of(Look)  # field and row of each option that has a field
OPTIONS = {name: option for name, (_, option) in (FIELDS | _options_of(_ReadWithOthers)).items()}
