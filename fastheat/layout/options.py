"""Readers of options, which check values given by users and convert each to a single form.

The table of options is `Look`; its rows name the reader of each option.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastheat.checks import is_series, read_choice, read_flag, read_number, read_positive
from fastheat.gif.limits import LARGEST_SIDE
from fastheat.inputs.frames.annotations import MOST_DIFFERENT, Cells, Sample, read_annot
from fastheat.inputs.sources.labelled import Axis, caption_of, texts_of
from fastheat.inputs.sources.objects import numbers_of
from fastheat.inputs.sources.shapes import MOST_CELLS
from fastheat.layout.axes.measures import POINTS
from fastheat.layout.reduction import HOW
from fastheat.messages import in_a_line, short, suggest
from fastheat.style.colors.colormaps import Colormap, colormap
from fastheat.style.colors.colors import RGB, parse_color, parse_rgba
from fastheat.style.colors.norm_objects import NormObject, copied
from fastheat.style.colors.norms import (
    LINEAR,
    SYMLOG_LINEAR,
    AsinhNorm,
    BoundaryNorm,
    CenteredNorm,
    IndexNorm,
    LogNorm,
    Norm,
    PowerNorm,
    SymLogNorm,
    TwoSlopeNorm,
)
from fastheat.style.text.atlas import SMALLEST_SIZE
from fastheat.style.text.formats import LONGEST, Template, ValueFormat, check_length, parse_valfmt

MOST_MEASURED = 1000  # labels that frames carry; of more, those that have room are drawn
SMALLEST_FONT, LARGEST_FONT = 1.0, 1000.0  # px
FIT_SIZE = 60.0  # pt, largest size of text that is fitted to its cells


class Option(NamedTuple):
    """A row of the table of options; the last three fields stand beside it in the table."""

    read: Reader
    group: str  # of options in the help of the command line
    kind: str = "text"  # kind of value on the command line, see `cli.arguments`
    metavar: str = ""  # placeholder for the value in the help
    unset: str = ""  # description of the default None in the help
    name: str = ""  # of the option, if the field of `Look` has a different one
    field: str = ""  # of `Look`, empty if the option is read together with others
    help: str = ""  # on the command line
    also: str = ""  # its names in other libraries


class Style(NamedTuple):
    """Colours that go together."""

    background: str
    foreground: str
    grid: str


STYLES = {"light": Style("white", "black", "white"), "dark": Style("#161616", "#e4e4e4", "#161616")}


class Given:
    """The options as given; those on which others depend are read on first access."""

    def __init__(self, shape: tuple[int, int], options: Mapping[str, Any]) -> None:
        self.shape = shape
        self._options = options

    def __getitem__(self, name: str) -> Any:
        return self._options[name]

    @cached_property
    def style(self) -> Style:
        """The default colours."""
        name = self["style"]
        try:
            return STYLES[read_choice("style", name, STYLES)]
        except ValueError as error:
            begun = [each for each in STYLES if isinstance(name, str) and name.startswith(each)]
            raise ValueError(f"{error}; did you mean {begun[0]!r}?" if begun else error) from None

    @cached_property
    def paper(self) -> tuple[RGB, bool]:
        """The colour of the background, and whether it is transparent."""
        own = self.style.background
        given = self["background"]
        return read_background(own if given is None else given, parse_color(own))

    @cached_property
    def foreground(self) -> RGB:
        """The colour of labels and ticks."""
        given = self["foreground"]
        return read_color("foreground", self.style.foreground if given is None else given)

    @cached_property
    def has_no_grid(self) -> bool:
        """Whether the lines between cells have the colour of the background."""
        color = self["grid_color"]
        if isinstance(color, str) and color.lower() == "none":
            return True
        return self.paper[1] and color is None

    @cached_property
    def inch(self) -> float:
        """Pixels per inch."""
        return read_positive("dpi", self["dpi"])

    @cached_property
    def sizes(self) -> tuple[float, float]:
        """Font sizes of labels and of text in cells, in pixels."""
        return read_text_sizes(self["fontsize"], self["text_size"], self.inch)

    @cached_property
    def cmap(self) -> Colormap:
        """The colormap."""
        ends = {name: self[name] for name in ("bad", "under", "over")}
        return colormap(self["cmap"], **ends, background=self.paper[0])

    @cached_property
    def norm(self) -> Norm:
        """The norm."""
        own = {name: self[name] for name in SELECTS}
        return read_norm(self["norm"], own, bins=len(self.cmap.table))

    @cached_property
    def annot(self) -> Cells | Sample | bool:
        """Annotations in place of the values, or whether the values are written."""
        return read_annot(self["annot"], self.shape)

    @cached_property
    def valfmt(self) -> ValueFormat | None:
        """The format of values, or None if no text needs one."""
        valfmt, annot = self["valfmt"], self.annot
        format_ = None if valfmt is None else parse_valfmt(valfmt)
        if annot is False:
            return None
        if not isinstance(annot, bool) and format_ is None and annot.dtype.kind != "U":
            raise ValueError("expected a valfmt for the numbers of annot, not None")
        return format_


Reader: TypeAlias = Callable[[str, Any, Given], Any]


# ---------------------------------------------------------------------- readers of one value each


def flag(name: str, value: Any, given: Given) -> bool:
    return read_flag(name, value)


def number(name: str, value: Any, given: Given) -> float | None:
    return None if value is None else read_number(name, value)


def width(name: str, value: Any, given: Given) -> float | None:
    return None if value is None else read_positive(name, value, zero=name == "grid_width")


def fraction(name: str, value: Any, given: Given) -> float:
    fraction = read_number(name, value)
    if not 0 < fraction <= 1:
        raise ValueError(f"expected {name} to be above 0 and at most 1, not {short(value)}")
    return fraction


def text(name: str, value: Any, given: Given) -> str:
    return read_text(name, value)


def choice(*choices: str) -> Reader:
    return lambda name, value, given: read_choice(name, value, choices)


def place(**choices: int) -> Reader:
    return lambda name, value, given: choices[read_choice(name, value, choices)]


def color(name: str, value: Any, given: Given) -> RGB:
    """Read a colour; None is that of the foreground."""
    return given.foreground if value is None else read_color(name, value, given.paper[0])


def grid_color(name: str, value: Any, given: Given) -> RGB:
    """Read the colour of the lines between cells, that of the style if None."""
    if given.has_no_grid:
        return given.paper[0]
    return read_color(name, given.style.grid if value is None else value, given.paper[0])


def derived(name: str, value: Any, given: Given) -> Any:
    return getattr(given, name)


def annot(name: str, value: Any, given: Given) -> Cells | Sample | None:
    return None if isinstance(given.annot, bool) else given.annot


def fontsize(name: str, value: Any, given: Given) -> float:
    return given.sizes[0]


def text_size(name: str, value: Any, given: Given) -> float:
    return given.sizes[1]


def paper(name: str, value: Any, given: Given) -> RGB:
    return given.paper[0]


def figsize(name: str, value: Any, given: Given) -> tuple[int, int] | None:
    return read_figure(value, given.inch)


def elsewhere(name: str, value: Any, given: Given) -> None:
    """Do nothing: the option is read together with another, by `Given` or `Heatmap`."""


def read_shape(shape: object) -> tuple[int, int]:
    try:
        n, m = (operator.index(side) for side in shape)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        own = getattr(shape, "shape", ())  # a matrix may have been given in place of its shape
        given = short(shape) if len(own) < 2 else f"a {type(shape).__name__}: give its .shape"
        raise TypeError(f"expected shape to be (rows, columns), not {given}") from None
    if n < 1 or m < 1:
        raise ValueError(f"expected at least one row and column, not shape={short((n, m))}")
    if n * m > MOST_CELLS:
        raise ValueError(f"expected at most {MOST_CELLS} cells, not shape={short((n, m))}")
    return n, m


def reduce(name: str, reduce: Any, given: Given) -> str | None:
    if reduce is None:
        if max(given.shape) > LARGEST_SIDE:
            raise ValueError(
                f"expected at most {LARGEST_SIDE} rows and columns with reduce=None, "
                f"not shape={given.shape!r}"
            )
        return None
    if not isinstance(reduce, str) or reduce not in HOW:
        raise ValueError(
            f"expected reduce to be one of {', '.join(HOW)}, or None, not {short(reduce)}"
        )
    return reduce


def read_text_sizes(fontsize: object, text_size: object, inch: float) -> tuple[float, float]:
    """Return the font sizes of labels and of text in cells, in pixels."""
    point = inch / POINTS
    size = read_positive("fontsize", fontsize) * point
    if isinstance(text_size, str):
        if text_size != "fit":
            raise TypeError(f"expected text_size to be a number or 'fit', not {short(text_size)}")
        own = max(SMALLEST_FONT, min(FIT_SIZE * point, LARGEST_FONT))
    elif text_size is None:
        own = max(size, SMALLEST_SIZE)
    else:
        own = read_positive("text_size", text_size) * point
    if size < SMALLEST_FONT or max(size, own) > LARGEST_FONT:
        wrong = min(size, own) if size < SMALLEST_FONT else max(size, own)
        raise ValueError(
            f"expected text of {SMALLEST_FONT:g} to {LARGEST_FONT:g} px, not {wrong:.3g} px: "
            f"fontsize={fontsize!r}, text_size={text_size!r}, dpi={inch:g}"
        )
    return size, own


def read_text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"expected {name} to be a string, not {short(value)}")
    return check_length(name, value)


def read_title(value: object) -> str:
    """Return the title of a frame, which may be a number or a date, as text."""
    text = caption_of(value)
    if text is None:
        raise TypeError(f"expected title to be a text, number or date, not {short(value)}")
    return check_length("title", text)


def read_background(value: object, paper: RGB) -> tuple[RGB, bool]:
    """Return the colour of the background, and whether it is transparent.

    "none" gives `paper`. Any other colour of opacity 0 gives its own RGB value, into which labels
    blend.
    """
    try:
        *rgb, alpha = parse_rgba(value)
    except (TypeError, ValueError) as error:
        other = ', or "none" for a transparent one' if "expected" in str(error) else ""
        raise type(error)(f"background: {error}{other}") from None
    if alpha > 0:
        return read_color("background", value), False
    if isinstance(value, str) and value.lower() == "none":
        return paper, True
    return parse_color(rgb), True


def groups(name: str, value: Any, given: Given) -> tuple[int, ...]:
    """Return the indices of rows or columns that begin a group, except the first, ascending."""
    count = given.shape[name == "col_groups"]
    if value is None:
        return ()
    every = _read_every(name, value)
    if every is not None:
        return tuple(range(every, count, every))
    found = set()
    for each in _items(name, value, "an int or a sequence of indices"):
        index = _index(each)
        if index is None:
            raise TypeError(f"expected {name} to hold indices, not {short(each)}")
        if not 0 < index < count:
            raise ValueError(f"expected {name} to be above 0 and below {count}, not {short(each)}")
        found.add(index)
    return tuple(sorted(found))


def ticks(name: str, value: Any, given: Given) -> int | tuple[float, ...] | None:
    if value is None:
        return None
    count = _index(value)
    if count is not None:
        if count < 1:
            raise ValueError(f"expected cbar_ticks to be 1 or more, or values, not {short(value)}")
        return count
    values = _items(name, value, "a number of ticks or their values")
    ticks = {read_number("cbar_ticks", each) for each in islice(values, LONGEST + 1)}
    if len(ticks) > LONGEST:
        raise ValueError(f"expected at most {LONGEST} cbar_ticks, not more")
    return tuple(sorted(ticks))


def bar_format(name: str, value: Any, given: Given) -> ValueFormat | None:
    if value is None:
        return None
    try:
        format_ = parse_valfmt(value)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("valfmt", "cbar_format")) from None
    if format_.integers:
        raise ValueError(f"expected cbar_format to be for floats such as '.0f', not {short(value)}")
    return format_


def read_color(name: str, value: object, paper: RGB = (255, 255, 255)) -> RGB:
    try:
        return parse_color(value, paper)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def pair(name: str, colors: Any, given: Given) -> tuple[RGB, RGB]:
    paper = given.paper[0]
    if isinstance(colors, str) or (
        isinstance(colors, Sequence) and len(colors) in (3, 4) and _is_number(colors[0])
    ):
        color = read_color("textcolors", colors, paper)
        return color, color
    if not isinstance(colors, Sequence) or len(colors) != 2:
        raise ValueError(f"expected textcolors to be one or two colours, not {short(colors)}")
    return read_color("textcolors", colors[0], paper), read_color("textcolors", colors[1], paper)


def _is_number(value: object) -> bool:
    return isinstance(value, float | int | np.number) and not isinstance(value, bool)


def read_figure(figsize: object, inch: float) -> tuple[int, int] | None:
    if figsize is None:
        return None
    try:
        width, height = (read_positive("figsize", side) for side in figsize)  # type: ignore[attr-defined]
    except TypeError:
        raise TypeError(
            f"expected figsize to be (width, height) in inches, not {short(figsize)}"
        ) from None
    except ValueError:
        raise ValueError(
            f"expected figsize to be a width and a height above 0 in inches, not {short(figsize)}"
        ) from None
    most = 10.0 * LARGEST_SIDE
    sides = int(min(width * inch + 1e-9, most)), int(min(height * inch + 1e-9, most))
    if min(sides) < 1 or max(sides) > LARGEST_SIDE:
        raise ValueError(
            f"expected an image of 1 to {LARGEST_SIDE} px a side, the limits of a GIF, not "
            f"{sides[0]} x {sides[1]} px: figsize={short(figsize)}, dpi={inch:g}"
        )
    return sides


class Labels(NamedTuple):
    """The labels of an axis."""

    shown: range = range(0)  # the rows or columns whose labels are requested
    texts: tuple[str, ...] | None = None  # of all rows or columns, None for their numbers
    auto: bool = False  # whether to show as many as have room, at round numbers
    numeric: bool = False  # whether the texts are numbers, which are not turned

    def text(self, k: int) -> str:
        """Return the label of a row or column."""
        return str(k) if self.texts is None else self.texts[k]


def labels(name: str, value: Any, given: Given) -> Labels:
    labels = _labels(name, value, given.shape[name == "col_labels"])
    shown = labels.shown.stop // labels.shown.step
    if not read_flag("thin_labels", given["thin_labels"]) and not labels.auto and shown > LONGEST:
        raise ValueError(f"expected at most {LONGEST} {name} with thin_labels=False, not {shown}")
    return labels


def _labels(name: str, labels: object, count: int) -> Labels:
    switched = isinstance(labels, bool | np.bool_)
    if labels is None or (switched and not labels):
        return Labels()
    every = 1 if switched else _read_every(name, labels)
    if every is not None:
        return Labels(range(0, count, min(every, count)))
    if isinstance(labels, str):
        if labels == "auto":
            return Labels(range(count), auto=True)
        if "{" not in labels:
            raise ValueError(
                f"expected {name} to be 'auto', a string with braces such as 'dim_{{}}' or a "
                f"sequence of {count} labels, not {short(labels)}"
            )
        try:
            template = Template.read(labels)
            return Labels(range(count), tuple(template.fill(k, i=k) for k in range(count)))
        except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
            raise ValueError(
                f"expected {name} to be a string with braces for a number such as 'dim_{{}}', "
                f"not {short(labels)}: {in_a_line(error)}"
            ) from None
    items = _items(name, labels, "a sequence of labels or a whole number")
    # at most one label too many is read, since an iterator may not end
    texts = texts_of(islice(items, count + 1))
    for text in texts:
        check_length(name, text)
    if len(texts) != count:
        found = len(labels) if isinstance(labels, Sized) else len(texts)
        more = "" if found <= count or isinstance(labels, Sized) else " or more"
        raise ValueError(f"expected {count} {name}, not {found}{more}")
    return Labels(range(count), texts)


def labels_of(axis: Axis, count: int) -> Labels:
    """Return the labels that `count` rows or columns carry, or their numbers without any."""
    texts = axis.keys(count)
    if texts is None or axis.first == 0:
        return Labels(range(count), auto=True)
    check_length("labels", max(texts, key=len))
    if (letters := len(set("".join(texts)))) > MOST_DIFFERENT:
        raise ValueError(
            f"expected labels with up to {MOST_DIFFERENT} different letters, not {letters}: give "
            "row_labels and col_labels"
        )
    numeric = axis.numeric or axis.first is not None
    return Labels(range(count), texts, auto=numeric or count > MOST_MEASURED, numeric=numeric)


def _read_every(name: str, value: object) -> int | None:
    """Return the stride n of "every n-th row or column", or None if the value is not a number."""
    every = _index(value)
    if every is not None and every < 1:
        raise ValueError(f"expected {name} as a number to be 1 or more, not {short(value)}")
    return every


def _items(name: str, value: object, wanted: str) -> Iterable[Any]:
    if isinstance(value, str) or not is_series(value):
        raise TypeError(f"expected {name} to be {wanted}, not {short(value)}")
    return value


def _index(value: object) -> int | None:
    """Return a value as an int, or None if it is not a whole number."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, np.ndarray) and value.ndim):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


# ------------------------------------------------------------------------------------------- norms

NORMS = ("linear", "centered", "log", "symlog", "asinh", "power")  # those that have names
# options of norms, and the norm that each selects if `norm` is not given
SELECTS = {"linthresh": "symlog", "gamma": "power", "boundaries": "boundaries", "center": "center"}
OWN = {"symlog": "linthresh", "power": "gamma", "centered": "center"}  # of norms with a name


def read_norm(norm: object, own: Mapping[str, object], *, bins: int) -> Norm:
    """Return the norm selected by a name, by an option that belongs to it, or by an object.

    Parameters
    ----------
    own
        The values of the options in `SELECTS`.
    bins
        Number of entries of the colormap.
    """
    used = [name for name in SELECTS if own[name] is not None]
    if len(used) > 1:
        raise TypeError(f"expected one norm, not both of {' and '.join(used)}")
    if norm is not None and not isinstance(norm, str):
        if used:
            raise TypeError(f"expected either {used[0]}= or norm={short(norm)}, not both")
        return _read_norm_object(norm, bins)
    name = "linear" if norm is None else norm
    if name not in NORMS:
        raise ValueError(
            f"expected norm to be one of {', '.join(NORMS)}, or to be called as matplotlib's "
            f"Normalize, not {short(name)}{suggest(name, NORMS)}"
        )
    if used and norm is None:
        name = SELECTS[used[0]]
    elif used and used[0] != OWN.get(name):
        raise TypeError(f"expected no {used[0]} with norm={name!r}")
    linthresh, gamma, boundaries, center = map(own.__getitem__, SELECTS)
    if name == "centered":
        return CenteredNorm(middle=0.0 if center is None else read_number("center", center) + 0.0)
    if name == "log":
        return LogNorm()
    if name == "symlog":
        linear = SYMLOG_LINEAR if linthresh is None else read_positive("linthresh", linthresh)
        return SymLogNorm(linthresh=linear)
    if name == "power":
        if gamma is None:
            raise TypeError("expected gamma, the exponent, with norm='power'")
        return PowerNorm(gamma=read_positive("gamma", gamma))
    if name == "center":
        return TwoSlopeNorm(center=read_number("center", center))
    if name == "boundaries":
        return BoundaryNorm(edges=_read_boundaries(boundaries, bins))
    return LINEAR if name == "linear" else AsinhNorm()


def _read_boundaries(boundaries: object, bins: int) -> tuple[float, ...]:
    given = _items("boundaries", boundaries, "numbers")
    numbers = tuple(read_number("boundaries", each) for each in given)
    if len(numbers) < 2 or any(a >= b for a, b in itertools.pairwise(numbers)):
        raise ValueError(
            "expected boundaries to be two or more numbers in ascending order, not "
            f"{short(list(numbers))}"
        )
    if len(numbers) - 1 > bins:
        raise ValueError(
            f"expected at most {bins + 1} boundaries, since cmap has {bins} colours, "
            f"not {len(numbers)}"
        )
    return numbers


def read_limits(norm: Norm, vmin: object, vmax: object) -> tuple[float | None, float | None]:
    """Return `vmin` and `vmax` as given or as the norm has them, each None if unknown."""
    limits: list[float | None] = []
    for name, value, own in zip(("vmin", "vmax"), (vmin, vmax), norm.own_range, strict=True):
        if value is not None and own is not None:
            where = norm.fixed or f"a norm that has its {name}"
            raise TypeError(f"expected no {name} with {where}, not {name}={short(value)}")
        limits.append(own if value is None else read_number(name, value) + 0.0)  # -0.0 reads as 0
    low, high = limits
    norm.check(low, high)
    return norm.mirrored(low, high)


def mask(name: str, mask: Any, given: Given) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    shape = given.shape
    refused = f"expected mask to be an array of True and False, not {short(mask)}"
    if isinstance(mask, list | tuple):
        widths = {len(row) for row in mask if hasattr(row, "__len__")}
        if len(widths) > 1:  # older versions of numpy would make an array of objects
            raise TypeError(refused)
    try:
        array = np.asarray(mask)
        if array.dtype == object:
            array = numbers_of(array, "mask")
    except (TypeError, ValueError):  # nested rows of different lengths, or objects of other kinds
        raise TypeError(refused) from None
    if array.shape != shape:
        each = array.shape[1:] == shape
        hint = ": for one of each frame, give frames np.ma.array(frame, mask=mask)" if each else ""
        raise ValueError(f"expected a mask of shape {shape}, not {array.shape}{hint}")
    if array.dtype.kind not in "biuf" or np.isnan(array).any():
        raise TypeError(refused)
    return array.astype(bool)  # numbers too, as np.triu(corr)


def _read_norm_object(norm: Any, bins: int) -> Norm:
    named = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(norm).__mro__]
    if named[0] == "matplotlib.colors.NoNorm":
        return IndexNorm(colors=float(bins))
    limited = hasattr(norm, "vmin") and hasattr(norm, "vmax")
    if not callable(norm) or isinstance(norm, type) or not limited:
        hint = ""
        if isinstance(norm, type) and limited:
            hint = f": give {norm.__name__}()"
        elif callable(norm):
            hint = ": matplotlib.colors.FuncNorm makes one of a function and its inverse"
        raise TypeError(
            f"expected norm to be a name, or an object that is called as matplotlib's Normalize "
            f"and has its vmin and vmax, not {short(norm)}{hint}"
        )
    if "matplotlib.colors.MultiNorm" in named:
        raise TypeError("expected a norm of single values, not a MultiNorm")
    own = copied(norm)
    for name in ("vmin", "vmax"):
        if getattr(own, name, None) is not None:
            read_number(f"the {name} of norm", getattr(own, name))
    above, least = _taken(own)
    return NormObject(given=own, above=above, least=least)


def _taken(norm: Any) -> tuple[float, float]:
    """Return bounds on the values to which a norm object autoscales.

    A trial shows whether these are all values, those above 0, or those of at least 0.

    Returns
    -------
    above, least
        The attributes of these names in `Norm`.
    """
    every = -math.inf
    trial = copied(norm)
    try:
        trial.vmin = trial.vmax = None
        with np.errstate(all="ignore"):
            trial.autoscale_None(np.array([-2.0, -1.0, 0.0, 0.25, 0.5, 1.0, 2.0]))
        least = float(trial.vmin)
    except Exception:  # the norm is checked once its range is known
        return every, every
    return 0.0 if least == 0.25 else every, 0.0 if least == 0 else every
