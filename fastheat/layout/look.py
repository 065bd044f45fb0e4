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
from fastheat.layout.options import (
    Labels,
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

    A field with an `Option` is read by it; the other fields follow from several options.
    """

    shape: tuple[int, int]
    rows: Annotated[
        Labels,
        Option(
            read_labels,
            "'name_{}' to number them, a,b,c, @FILE with one per line, 5 for every "
            "fifth, auto or none",
            LABELS,
            "labels",
            "LABELS",
            also="y yticklabels",
            name="row_labels",
            series=True,
        ),
    ]
    columns: Annotated[
        Labels,
        Option(
            read_labels,
            "the same for the columns",
            LABELS,
            "labels",
            "LABELS",
            also="x xticklabels",
            name="col_labels",
            series=True,
        ),
    ]
    thin_labels: Annotated[
        bool, Option(flag, "leave out labels that would overlap", LABELS, "switch")
    ]
    lower: Annotated[  # 1 if the first row is at the bottom, 0 if it is at the top
        int,
        Option(
            place(upper=0, lower=1),
            "position of the first row: upper or lower",
            LABELS,
            metavar="END",
            name="origin",
        ),
    ]
    row_side: Annotated[
        str,
        Option(
            choice("left", "right"), "side of the row labels: left or right", LABELS, metavar="SIDE"
        ),
    ]
    col_side: Annotated[
        str,
        Option(
            choice("top", "bottom"),
            "side of the column labels: top or bottom",
            LABELS,
            metavar="SIDE",
        ),
    ]
    row_rotation: Annotated[  # degrees; None is 0
        float | None,
        Option(
            number,
            "rotation of the row labels, counterclockwise",
            LABELS,
            "number",
            "DEGREES",
            unset="0",
        ),
    ]
    col_rotation: Annotated[
        float | None,
        Option(
            number,
            "rotation of the column labels",
            LABELS,
            "number",
            "DEGREES",
            unset="0 for numbers, else -30 above and 30 below",
            also="rotation",
        ),
    ]
    cmap: Annotated[
        Colormap,
        Option(
            lambda name, value, given: given.cmap,
            "a name that matplotlib has, with _r to reverse it, or colours to blend: "
            "white,teal,#012",
            COLORS,
            "colormap",
            "NAME|COLOURS",
            also="color_continuous_scale colorscale",
        ),
    ]
    norm: Annotated[
        Norm,
        Option(
            lambda name, value, given: given.norm,
            "how values are mapped to colours: linear, centered (symmetric about 0, or "
            "--center), log, symlog, asinh or power",
            COLORS,
            metavar="NAME",
            unset="linear",
        ),
    ]
    robust: Annotated[
        bool,
        Option(
            flag,
            "take vmin and vmax from the 2nd and 98th percentile, if not given",
            COLORS,
            "switch",
        ),
    ]
    # vmin and vmax as far as they are known, if each frame has its own range
    given: tuple[float | None, float | None] | None
    mask: Annotated[  # (N, M), True in hidden cells
        NDArray[np.bool_] | None,
        Option(
            read_mask,
            "a .npy file of booleans (N, M): True for cells that are not shown",
            COLORS,
            "mask",
            "FILE",
        ),
    ]
    valfmt: Annotated[
        ValueFormat | None,
        Option(
            lambda name, value, given: given.valfmt,
            "format of the values: a format string, a format spec such as .2f, or none for no text",
            VALUES,
            "text or none",
            "FORMAT",
            also="fmt text_auto",
        ),
    ]
    annot: Annotated[  # numbers or texts in the cells in place of the values
        Cells | Sample | None,
        Option(
            lambda name, value, given: None if isinstance(given.annot, bool) else given.annot,
            "a file of other numbers or strings to write, one matrix for all frames or "
            "one per frame",
            VALUES,
            "annot",
            "FILE",
            unset="the values",
        ),
    ]
    textcolors: Annotated[
        tuple[RGB, RGB],
        Option(
            read_pair,
            "two colours of text, chosen by contrast or by --threshold",
            VALUES,
            "two colours",
        ),
    ]
    threshold: Annotated[
        float | None,
        Option(number, "value above which text has the second colour", VALUES, "number", "X"),
    ]
    text_size: Annotated[  # px, upper bound if `fit`
        float,
        Option(
            lambda name, value, given: given.sizes[1],
            "font size in pt, reduced where text does not fit; or fit for as large as possible",
            VALUES,
            "number or fit",
            "PT",
            unset="--fontsize",
            also="size",
        ),
    ]
    fit: bool  # whether text is as large as fits the cells
    align: Annotated[
        int,
        Option(
            place(left=-1, center=0, right=1),
            "alignment in the cell: left, center or right",
            VALUES,
            metavar="WHERE",
            also="horizontalalignment",
            name="ha",
        ),
    ]
    vertical: Annotated[
        int,
        Option(
            place(top=-1, center=0, bottom=1),
            "alignment in the cell: top, center or bottom",
            VALUES,
            metavar="WHERE",
            also="verticalalignment",
            name="va",
        ),
    ]
    bar: Annotated[
        bool,
        Option(
            flag, "draw a colour bar", COLORS, "switch", also="cbar_visible colorbar", name="cbar"
        ),
    ]
    bar_location: Annotated[
        str,
        Option(
            choice("right", "left", "top", "bottom"),
            "side of the colour bar: right, left, top or bottom",
            COLORS,
            metavar="SIDE",
            also="cbar_ax location orientation",
            name="cbar_location",
            needs="cbar",
        ),
    ]
    bar_shrink: Annotated[
        float,
        Option(
            read_fraction,
            "length of the colour bar as a fraction of the side that it stands at",
            COLORS,
            "number",
            "X",
            also="shrink",
            name="cbar_shrink",
            needs="cbar",
        ),
    ]
    bar_aspect: Annotated[
        float | None,
        Option(
            width,
            "ratio of its length to its thickness",
            COLORS,
            "number",
            "X",
            unset="20",
            name="cbar_aspect",
            needs="cbar",
        ),
    ]
    bar_label: Annotated[
        str,
        Option(
            text,
            "label of the colour bar",
            COLORS,
            metavar="TEXT",
            also="cbarlabel",
            name="cbar_label",
            needs="cbar",
        ),
    ]
    bar_ticks: Annotated[  # largest number of ticks, or their values
        int | tuple[float, ...] | None,
        Option(
            read_ticks,
            "largest number of ticks of the colour bar, or their values: 5 or 0,0.5,1",
            COLORS,
            "ticks",
            "N|X,X...",
            also="ticks",
            name="cbar_ticks",
            needs="cbar",
            series=True,
        ),
    ]
    bar_format: Annotated[
        ValueFormat | None,
        Option(
            read_bar_format,
            "format of the ticks, as for --valfmt",
            COLORS,
            metavar="FORMAT",
            also="format",
            name="cbar_format",
            needs="cbar",
        ),
    ]
    title: Annotated[
        str,
        Option(
            text,
            "text above the picture; {step} is the number in the name of a checkpoint",
            LABELS,
            metavar="TEXT",
            also="suptitle",
        ),
    ]
    titled: bool  # whether each frame has its own title; `title` is then a sample of their size
    title_size: float  # px
    xlabel: Annotated[str, Option(text, "text below the cells", LABELS, metavar="TEXT")]
    ylabel: Annotated[str, Option(text, "text to the left of the cells", LABELS, metavar="TEXT")]
    typeface: Typeface
    lacking: str  # characters of the labels and of `valfmt` without a glyph
    point: float  # px of one point
    fontsize: Annotated[  # px
        float,
        Option(
            lambda name, value, given: given.sizes[0],
            "font size of the labels in pt",
            LABELS,
            "number",
            "PT",
        ),
    ]
    frame: Frame | None  # a frame to keep to when the range changes
    figure: Annotated[  # width and height of the image, px
        tuple[int, int] | None,
        Option(
            lambda name, value, given: None if value is None else read_figure(value, given.inch),
            "width and height in inches",
            PICTURE,
            "two numbers",
            "W H",
            unset="as large as the text needs",
            also="height width",
            name="figsize",
        ),
    ]
    cell: tuple[float, float] | None  # width and height without figsize, None if text decides
    square: Annotated[
        bool, Option(flag, "make cells as high as wide", PICTURE, "switch", also="aspect")
    ]
    grid: Annotated[
        RGB,
        Option(
            grid_color,
            "colour of the lines between cells",
            PICTURE,
            "color",
            unset="that of --style",
            also="edgecolor edgecolors linecolor",
            name="grid_color",
        ),
    ]
    transparent_grid: bool  # whether the lines between cells are transparent
    reduce: Annotated[
        str | None,
        Option(
            read_reduce,
            "value drawn for each block of cells where a cell would be under a pixel: "
            "mean, max, min or absmax (the farthest from 0), or none to refuse such "
            "matrices",
            PICTURE,
            "text or none",
            "HOW",
        ),
    ]
    grid_width: Annotated[  # pt
        float | None,
        Option(
            width,
            "width of the lines between cells in pt, 0 for none",
            PICTURE,
            "number",
            "PT",
            unset="3, at most an eighth of a cell",
            also="linewidth linewidths",
        ),
    ]
    row_groups: Annotated[  # the rows that begin a group, except the first
        tuple[int, ...],
        Option(
            read_groups,
            "draw a line before every N-th row, or before the rows with these indices: 4 or 2,5,9",
            PICTURE,
            "groups",
            "N|N,N...",
            series=True,
        ),
    ]
    col_groups: Annotated[
        tuple[int, ...],
        Option(read_groups, "the same for columns", PICTURE, "groups", "N|N,N...", series=True),
    ]
    group: Annotated[
        RGB,
        Option(
            color,
            "colour of the lines between groups",
            PICTURE,
            "color",
            unset="--foreground",
            name="group_color",
        ),
    ]
    group_width: Annotated[  # pt
        float | None,
        Option(
            width,
            "width of the lines between groups in pt",
            PICTURE,
            "number",
            "PT",
            unset="2.5, at most a quarter of a cell",
        ),
    ]
    background: Annotated[  # the colour into which labels blend, even if it is transparent
        RGB,
        Option(
            lambda name, value, given: given.paper[0],
            "colour of the figure, none for transparent",
            PICTURE,
            "color",
            unset="that of --style",
            also="facecolor",
        ),
    ]
    transparent: bool  # whether the background is transparent
    foreground: Annotated[
        RGB, Option(color, "colour of labels and ticks", PICTURE, "color", unset="that of --style")
    ]
    tick: Annotated[
        RGB,
        Option(
            color,
            "colour of ticks, and of the outline of the colour bar",
            PICTURE,
            "color",
            unset="--foreground",
            name="tick_color",
        ),
    ]


class _ReadWithOthers(NamedTuple):
    """The options without a field of their own in `Look`."""

    vmin: Annotated[
        object,
        Option(
            elsewhere,
            "value at the start of the colormap",
            COLORS,
            "number",
            "X",
            unset="the least of all",
            also="zmin",
        ),
    ]
    vmax: Annotated[
        object,
        Option(
            elsewhere,
            "value at the end of the colormap",
            COLORS,
            "number",
            "X",
            unset="the greatest of all",
            also="zmax",
        ),
    ]
    linthresh: Annotated[
        object,
        Option(
            elsewhere,
            "threshold below which the norm symlog is linear",
            COLORS,
            "number",
            "X",
            unset="2",
        ),
    ]
    gamma: Annotated[object, Option(elsewhere, "exponent of the norm power", COLORS, "number", "X")]
    boundaries: Annotated[
        object,
        Option(
            elsewhere,
            "edges of bins, each bin in a colour of its own",
            COLORS,
            "numbers",
            "X,X[,X...]",
            series=True,
        ),
    ]
    center: Annotated[
        object,
        Option(
            elsewhere,
            "value in the middle of the colormap, with a slope on either side unless "
            "--norm centered",
            COLORS,
            "number",
            "X",
            also="vcenter",
        ),
    ]
    under: Annotated[
        object,
        Option(elsewhere, "colour of values below vmin", COLORS, "color", unset="the colormap's"),
    ]
    over: Annotated[
        object,
        Option(elsewhere, "colour of values above vmax", COLORS, "color", unset="the colormap's"),
    ]
    bad: Annotated[
        object,
        Option(
            elsewhere,
            "colour of values that are NaN, infinite, masked, or that the norm does not accept",
            COLORS,
            "color",
            unset="the background",
        ),
    ]
    font: Annotated[
        object,
        Option(
            elsewhere,
            "a font file, or the name of an installed font",
            LABELS,
            metavar="FONT",
            also="fontfamily",
        ),
    ]
    dpi: Annotated[object, Option(elsewhere, "pixels per inch", PICTURE, "number", "DPI")]
    style: Annotated[
        object,
        Option(
            elsewhere,
            "light or dark: the colours of background, labels and grid",
            PICTURE,
            metavar="NAME",
            also="template",
        ),
    ]


def _options_of(table: type) -> dict[str, tuple[str, Option]]:
    rows = {}
    for field, annotation in table.__annotations__.items():
        for option in getattr(annotation, "__metadata__", ()):
            rows[option.name or field] = field, option
    return rows


FIELDS = _options_of(Look)  # field and row of each option that has a field
OPTIONS = {name: option for name, (_, option) in (FIELDS | _options_of(_ReadWithOthers)).items()}
