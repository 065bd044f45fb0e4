"""The look: the options of a heatmap in the form that layouts need, and the table that reads them.

To add an option, add a parameter to `Heatmap`, whose docstring documents it, and a row here. The
command line, the hints at names in other libraries and the list of options that may be iterators
are derived from the row.
"""

# no `from __future__ import annotations`: the rows are read from the annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.layout import options as read
from fastheat.layout.axes.geometry import Frame
from fastheat.layout.axes.measures import POINTS, TITLE_SIZE
from fastheat.layout.options import Given, Labels, Option
from fastheat.messages import short
from fastheat.style.colors.colormaps import Colormap
from fastheat.style.colors.colors import RGB
from fastheat.style.colors.norms import Norm
from fastheat.style.text.fonts import Typeface, find_typeface
from fastheat.style.text.formats import ValueFormat

MOST_LISTED = 1 << 20  # items of an iterator
LISTED = ("labels", "groups", "ticks", "numbers")  # kinds of options that may be iterators
# groups of the command line's options
COLORS, VALUES, LABELS, PICTURE = "colours", "values in the cells", "labels", "picture"


class Look(NamedTuple):
    """The checked options of a `Heatmap`, with colours as RGB values and most lengths in pixels.

    A field with an `Option` is read by it. The text before that is its help on the command line,
    one after it its names in matplotlib, seaborn, plotly, Pillow and imageio. The other fields
    follow from several options.
    """

    shape: tuple[int, int]
    rows: Annotated[
        Labels,
        "'name_{}' to number them, a,b,c, @FILE with one per line, 5 for every fifth, auto or none",
        Option(read.labels, LABELS, "labels", "LABELS", name="row_labels"),
        "y yticklabels",
    ]
    columns: Annotated[
        Labels,
        "the same for the columns",
        Option(read.labels, LABELS, "labels", "LABELS", name="col_labels"),
        "x xticklabels",
    ]
    thin_labels: Annotated[
        bool, "leave out labels that would overlap", Option(read.flag, LABELS, "switch")
    ]
    origin_lower: Annotated[  # 1 if the first row is at the bottom, 0 if it is at the top
        int,
        "position of the first row: upper or lower",
        Option(read.place(upper=0, lower=1), LABELS, metavar="END", name="origin"),
    ]
    row_side: Annotated[
        str,
        "side of the row labels: left or right",
        Option(read.choice("left", "right"), LABELS, metavar="SIDE"),
    ]
    col_side: Annotated[
        str,
        "side of the column labels: top or bottom",
        Option(read.choice("top", "bottom"), LABELS, metavar="SIDE"),
    ]
    row_rotation: Annotated[  # degrees; None is 0
        float | None,
        "rotation of the row labels, counterclockwise",
        Option(read.number, LABELS, "number", "DEGREES", unset="0"),
    ]
    col_rotation: Annotated[
        float | None,
        "rotation of the column labels",
        Option(
            read.number,
            LABELS,
            "number",
            "DEGREES",
            unset="0 for numbers, else -30 above and 30 below",
        ),
        "rotation",
    ]
    cmap: Annotated[
        Colormap,
        "a name that matplotlib has, with _r to reverse it, or colours to blend: white,teal,#012",
        Option(read.derived, COLORS, "colormap", "NAME|COLOURS"),
        "color_continuous_scale colorscale",
    ]
    norm: Annotated[
        Norm,
        "how values are mapped to colours: linear, centered (symmetric about 0, or --center), "
        "log, symlog, asinh or power",
        Option(read.derived, COLORS, metavar="NAME", unset="linear"),
    ]
    robust: Annotated[
        bool,
        "take vmin and vmax from the 2nd and 98th percentile, if not given",
        Option(read.flag, COLORS, "switch"),
    ]
    # vmin and vmax as far as they are known, if each frame has its own range
    given: tuple[float | None, float | None] | None
    mask: Annotated[  # (N, M), True in hidden cells
        NDArray[np.bool_] | None,
        "a .npy file of booleans (N, M): True for cells that are not shown",
        Option(read.mask, COLORS, "mask", "FILE"),
    ]
    valfmt: Annotated[
        ValueFormat | None,
        "format of the values: a format string, a format spec such as .2f, or none for no text",
        Option(read.derived, VALUES, "text or none", "FORMAT"),
        "fmt text_auto",
    ]
    annot: Annotated[  # numbers or texts in the cells in place of the values
        Cells | Sample | None,
        "a file of other numbers or strings to write, one matrix for all frames or one per frame",
        Option(read.annot, VALUES, "annot", "FILE", unset="the values"),
    ]
    textcolors: Annotated[
        tuple[RGB, RGB],
        "two colours of text, chosen by contrast or by --threshold",
        Option(read.pair, VALUES, "two colours"),
    ]
    threshold: Annotated[
        float | None,
        "value above which text has the second colour",
        Option(read.number, VALUES, "number", "X"),
    ]
    text_size: Annotated[  # px, upper bound if `fit`
        float,
        "font size in pt, reduced where text does not fit; or fit for as large as possible",
        Option(read.text_size, VALUES, "number or fit", "PT", unset="--fontsize"),
        "size",
    ]
    fit: bool  # whether text is as large as fits the cells
    align: Annotated[
        int,
        "alignment in the cell: left, center or right",
        Option(read.place(left=-1, center=0, right=1), VALUES, metavar="WHERE", name="ha"),
        "horizontalalignment",
    ]
    vertical: Annotated[
        int,
        "alignment in the cell: top, center or bottom",
        Option(read.place(top=-1, center=0, bottom=1), VALUES, metavar="WHERE", name="va"),
        "verticalalignment",
    ]
    bar: Annotated[
        bool,
        "draw a colour bar",
        Option(read.flag, COLORS, "switch", name="cbar"),
        "cbar_visible colorbar",
    ]
    bar_location: Annotated[
        str,
        "side of the colour bar: right, left, top or bottom",
        Option(
            read.choice("right", "left", "top", "bottom"),
            COLORS,
            metavar="SIDE",
            name="cbar_location",
        ),
        "cbar_ax location orientation",
    ]
    bar_shrink: Annotated[
        float,
        "length of the colour bar as a fraction of the side that it stands at",
        Option(read.fraction, COLORS, "number", "X", name="cbar_shrink"),
        "shrink",
    ]
    bar_aspect: Annotated[
        float | None,
        "ratio of its length to its thickness",
        Option(read.width, COLORS, "number", "X", unset="20", name="cbar_aspect"),
    ]
    bar_label: Annotated[
        str,
        "label of the colour bar",
        Option(read.text, COLORS, metavar="TEXT", name="cbar_label"),
        "cbarlabel",
    ]
    bar_ticks: Annotated[  # largest number of ticks, or their values
        int | tuple[float, ...] | None,
        "largest number of ticks of the colour bar, or their values: 5 or 0,0.5,1",
        Option(read.ticks, COLORS, "ticks", "N|X,X...", name="cbar_ticks"),
        "ticks",
    ]
    bar_format: Annotated[
        ValueFormat | None,
        "format of the ticks, as for --valfmt",
        Option(read.bar_format, COLORS, metavar="FORMAT", name="cbar_format"),
        "format",
    ]
    title: Annotated[
        str,
        "text above the picture; {step} is the number in the name of a checkpoint",
        Option(read.text, LABELS, metavar="TEXT"),
        "suptitle",
    ]
    seen: tuple[str, ...]  # longest texts of values drawn, where others of the range are shorter
    titled: bool  # whether each frame has its own title; `title` is then a sample of their size
    title_size: float  # px
    xlabel: Annotated[str, "text below the cells", Option(read.text, LABELS, metavar="TEXT")]
    ylabel: Annotated[
        str, "text to the left of the cells", Option(read.text, LABELS, metavar="TEXT")
    ]
    typeface: Typeface
    lacking: str  # characters of the labels and of `valfmt` without a glyph
    point: float  # px of one point
    fontsize: Annotated[  # px
        float,
        "font size of the labels in pt",
        Option(read.fontsize, LABELS, "number", "PT"),
    ]
    frame: Frame | None  # a frame to keep to when the range changes
    figure: Annotated[  # width and height of the image, px
        tuple[int, int] | None,
        "width and height in inches",
        Option(
            read.figsize,
            PICTURE,
            "two numbers",
            "W H",
            unset="as large as the text needs",
            name="figsize",
        ),
        "height width",
    ]
    cell: tuple[float, float] | None  # width and height without figsize, None if text decides
    square: Annotated[
        bool, "make cells as high as wide", Option(read.flag, PICTURE, "switch"), "aspect"
    ]
    grid: Annotated[
        RGB,
        "colour of the lines between cells",
        Option(read.grid_color, PICTURE, "color", unset="that of --style", name="grid_color"),
        "edgecolor edgecolors linecolor",
    ]
    transparent_grid: bool  # whether the lines between cells are transparent
    reduce: Annotated[
        str | None,
        "value drawn for each block of cells where a cell would be under a pixel: mean, max, "
        "min or absmax (the farthest from 0), or none to refuse such matrices",
        Option(read.reduce, PICTURE, "text or none", "HOW"),
    ]
    grid_width: Annotated[  # pt
        float | None,
        "width of the lines between cells in pt, 0 for none",
        Option(read.width, PICTURE, "number", "PT", unset="3, at most an eighth of a cell"),
        "linewidth linewidths",
    ]
    row_groups: Annotated[  # the rows that begin a group, except the first
        tuple[int, ...],
        "draw a line before every N-th row, or before the rows with these indices: 4 or 2,5,9",
        Option(read.groups, PICTURE, "groups", "N|N,N..."),
    ]
    col_groups: Annotated[
        tuple[int, ...],
        "the same for columns",
        Option(read.groups, PICTURE, "groups", "N|N,N..."),
    ]
    group: Annotated[
        RGB,
        "colour of the lines between groups",
        Option(read.color, PICTURE, "color", unset="--foreground", name="group_color"),
    ]
    group_width: Annotated[  # pt
        float | None,
        "width of the lines between groups in pt",
        Option(read.width, PICTURE, "number", "PT", unset="2.5, at most a quarter of a cell"),
    ]
    background: Annotated[  # the colour into which labels blend, even if it is transparent
        RGB,
        "colour of the figure, none for transparent",
        Option(read.paper, PICTURE, "color", unset="that of --style"),
        "facecolor",
    ]
    transparent: bool  # whether the background is transparent
    foreground: Annotated[
        RGB,
        "colour of labels and ticks",
        Option(read.color, PICTURE, "color", unset="that of --style"),
    ]
    tick: Annotated[
        RGB,
        "colour of ticks, and of the outline of the colour bar",
        Option(read.color, PICTURE, "color", unset="--foreground", name="tick_color"),
    ]


# the options without a field of their own in `Look`
_READ_WITH_OTHERS: Mapping[str, Sequence[Any]] = {
    "vmin": (
        "value at the start of the colormap",
        Option(read.elsewhere, COLORS, "number", "X", unset="the least of all"),
        "zmin",
    ),
    "vmax": (
        "value at the end of the colormap",
        Option(read.elsewhere, COLORS, "number", "X", unset="the greatest of all"),
        "zmax",
    ),
    "linthresh": (
        "threshold below which the norm symlog is linear",
        Option(read.elsewhere, COLORS, "number", "X", unset="2"),
    ),
    "gamma": ("exponent of the norm power", Option(read.elsewhere, COLORS, "number", "X")),
    "boundaries": (
        "edges of bins, each bin in a colour of its own",
        Option(read.elsewhere, COLORS, "numbers", "X,X[,X...]"),
    ),
    "center": (
        "value in the middle of the colormap, with a slope on either side unless --norm centered",
        Option(read.elsewhere, COLORS, "number", "X"),
        "vcenter",
    ),
    "under": (
        "colour of values below vmin",
        Option(read.elsewhere, COLORS, "color", unset="the colormap's"),
    ),
    "over": (
        "colour of values above vmax",
        Option(read.elsewhere, COLORS, "color", unset="the colormap's"),
    ),
    "bad": (
        "colour of values that are NaN, infinite, masked, or that the norm does not accept",
        Option(read.elsewhere, COLORS, "color", unset="the background"),
    ),
    "font": (
        "a font file, or the name of an installed font",
        Option(read.elsewhere, LABELS, metavar="FONT"),
        "fontfamily",
    ),
    "dpi": ("pixels per inch", Option(read.elsewhere, PICTURE, "number", "DPI")),
    "style": (
        "light or dark: the colours of background, labels and grid",
        Option(read.elsewhere, PICTURE, metavar="NAME"),
        "template",
    ),
}


def _rows() -> dict[str, Option]:
    rows: dict[str, Option] = {}
    for field, annotation in Look.__annotations__.items():
        if hasattr(annotation, "__metadata__"):
            help_, option, *also = annotation.__metadata__
            rows[option.name or field] = option._replace(
                field=field, help=help_, also=" ".join(also)
            )
    for name, (help_, option, *also) in _READ_WITH_OTHERS.items():
        rows[name] = option._replace(help=help_, also=" ".join(also))
    return rows


OPTIONS = _rows()  # the table: the row of each option


def read_look(given: Given, defaults: Mapping[str, Any]) -> Look:
    """Read the options of a heatmap.

    Parameters
    ----------
    given
        The options as given.
    defaults
        The default of each option.

    Raises
    ------
    TypeError, ValueError
        If the value of an option is not one that it takes, or it has no effect without another
        option that is off.
    """
    found = {}
    for name, option in OPTIONS.items():
        if not option.field:
            continue
        value = given[name]
        useless = name.startswith("cbar_") and not given["cbar"]
        useless &= not _is_unset(value, defaults[name])
        if not useless or defaults[name] is not None:
            found[option.field] = option.read(name, value, given)
        if useless:
            raise ValueError(f"expected cbar=True with {name}={short(value)}")
    typeface, lacking = find_typeface(given["font"], *_letters(found))
    _, transparent = given.paper
    return Look(
        **found,
        shape=given.shape,
        given=None,
        seen=(),
        fit=given["text_size"] == "fit",
        titled=False,
        title_size=TITLE_SIZE * found["fontsize"],
        typeface=typeface,
        lacking=lacking,
        point=given.inch / POINTS,
        frame=None,
        cell=None,
        transparent_grid=transparent and given.has_no_grid,
        transparent=transparent,
    )


def with_typeface(look: Look, font: str | PathLike[str] | None) -> Look:
    """Return a look in the typeface that has the letters of its labels, which are others now."""
    typeface, lacking = find_typeface(font, *_letters(look._asdict()))
    return look._replace(typeface=typeface, lacking=lacking)


def bar_options(look: Look) -> tuple[Any, ...]:
    """Return the options of the colour bar, equal for bars that look alike."""
    own = [getattr(look, row.field) for name, row in OPTIONS.items() if name.startswith("cbar_")]
    colors = look.tick, look.foreground
    return *colors, *(each.source if isinstance(each, ValueFormat) else each for each in own)


def _letters(found: Mapping[str, Any]) -> tuple[str, str]:
    """Return the characters to draw, and further ones that a Python format may write."""
    labels = [*(found["rows"].texts or ()), *(found["columns"].texts or ())]
    words = [found[name] for name in ("bar_label", "title", "xlabel", "ylabel")]
    letters = "".join([*labels, *words, "0123456789.-+e"])
    bar_format: ValueFormat | None = found["bar_format"]
    if bar_format:
        letters += bar_format.charset or bar_format.likely
    annot: Cells | Sample | None = found["annot"]
    valfmt: ValueFormat | None = found["valfmt"]
    if annot is not None and annot.dtype.kind == "U":
        return letters + (
            annot.letters if isinstance(annot, Sample) else "".join(annot.texts(None))
        ), ""
    if valfmt is None:
        return letters, ""
    return letters + valfmt.charset, "" if valfmt.charset else valfmt.likely


def listed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that can be read several times, with iterators turned into lists.

    Raises
    ------
    ValueError
        If an iterator has so many items that it may have no end.
    """
    found = dict(options)
    for name, value in options.items():
        if name in OPTIONS and OPTIONS[name].kind in LISTED and isinstance(value, Iterator):
            found[name] = list(islice(value, MOST_LISTED + 1))
            if len(found[name]) > MOST_LISTED:
                raise ValueError(
                    f"expected {name} to be an iterator of up to {MOST_LISTED} items, not of more: "
                    "give a list or an array"
                )
    return found


def _is_unset(value: object, default: object) -> bool:
    return value is None or value is default or (type(value) is type(default) and value == default)
