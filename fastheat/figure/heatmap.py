"""Heatmap: the options of a heatmap, and the layouts made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastheat.checks import defaults_of
from fastheat.figure.aliases import hint
from fastheat.figure.base import Figure
from fastheat.inputs.frames.annotations import Cells, Sample, written_dtype
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.ranges import completed_range
from fastheat.inputs.sources.labelled import Axes, aligned, axes_of
from fastheat.inputs.sources.masks import hidden
from fastheat.layout import build
from fastheat.layout.axes import geometry
from fastheat.layout.layout import Layout
from fastheat.layout.look import OPTIONS, read_look, with_typeface
from fastheat.layout.options import Given, Labels, labels_of, read_limits, read_shape, read_text
from fastheat.layout.reduction import Reduction
from fastheat.layout.sizes import longest_of
from fastheat.messages import short
from fastheat.style.colors.norms import Norm, check_range

BAR_ROOM = 2.5  # font sizes reserved at a colour bar for longer numbers, if its range may grow


class Heatmap(Figure):
    """The precomputed layout of heatmaps of one shape.

    Parameters
    ----------
    shape : (int, int)
        Numbers of rows N and columns M of the matrices.
    row_labels, col_labels : "auto", None, bool, int, str or sequence of str
        Labels of the rows and of the columns:

        - a sequence has one label for each row or column,
        - a string with braces, such as ``"dim_{}"``, is formatted with the number of each, from 0,
        - "auto" shows the labels of frames that carry them, such as DataFrames; without any, as
          many of these numbers as have room, at round steps,
        - True shows every one of these labels or numbers, an int n every n-th,
        - None or False draws neither labels nor ticks.

        If requested labels would overlap, only every second, third, ... is drawn, and a warning
        says how many are left out.
    thin_labels : bool
        Whether to leave out labels that would overlap. False draws every requested label.
    origin : {"upper", "lower"}
        Position of the first row, at the top or at the bottom.
    row_side : {"left", "right"}
        Side of the cells on which the row labels stand.
    col_side : {"top", "bottom"}
        Side of the cells on which the column labels stand.
    row_rotation, col_rotation : float
        Rotation of the row and column labels in degrees, counterclockwise. As with matplotlib's
        ``rotation_mode="anchor"``, a label turns about the point at its tick; it is aligned so that
        it lies outside the axes. By default row labels and numbers are not rotated, and other
        column labels are rotated by -30 above the cells and by 30 below them.
    cmap : str, sequence of colours or colormap object
        Colormap: the name of any matplotlib colormap, with ``_r`` appended to reverse it; if the
        package ``cmap`` is installed, also a name such as ``"crameri:batlow"``; a list of colours
        to blend; or any object that can be called like matplotlib's `Colormap`.
    vmin, vmax : float
        Values at the two ends of the colormap. An end that is not given is taken from the first
        values drawn, as by matplotlib's `Normalize`; `save_gif` takes it from all frames.
    norm : {"linear", "centered", "log", "symlog", "asinh", "power"} or object
        Mapping of values to the colormap. Each value falls in the same bin as in matplotlib.

        - "log" shows values that are not above 0 in the colour `bad`. If `vmin` is not given, it is
          the smallest value above 0.
        - "centered" is linear over a range that is symmetric about `center`, by default 0, as
          matplotlib's `CenteredNorm`. If only one of `vmin` and `vmax` is given, the other is its
          mirror image.

        An object must be callable like matplotlib's `Normalize`, as all of its norms are, and rise
        in its range. It is never modified; if it has no range, a copy of it is autoscaled. With
        `NoNorm`, integers are indices of the colours.
    linthresh : float
        Largest magnitude up to which the norm "symlog" is linear. By default 2, as in matplotlib.
        Selects this norm if `norm` is not given.
    gamma : float
        Exponent of the norm "power". Selects this norm if `norm` is not given.
    boundaries : sequence of float
        Edges of bins, each shown in a colour of its own, as by matplotlib's `BoundaryNorm`. They
        take the place of `norm`, `vmin` and `vmax`.
    center : float
        Value at the middle of the colormap. The values below and above it are scaled separately, as
        by matplotlib's `TwoSlopeNorm`; with ``norm="centered"`` they have the same scale.
    robust : bool
        Whether to take ends of the range that are not given from the 2nd and 98th percentiles of
        the values, rather than from the smallest and the largest.
    mask : (N, M) array of bool
        True for cells to hide. Such cells have the colour `bad` and no text, and do not count
        towards the range; neither do masked values of `numpy.ma` arrays, which look the same.
    under, over, bad : colour
        Colours of values below `vmin`, of values above `vmax`, and of values that are NaN,
        infinite, masked or not accepted by the norm. By default those of the colormap: its first
        and last colour, and the background.
    annot : bool or array-like
        Contents of the cells. True writes the values; False or None writes nothing. An (N, M) array
        of numbers is written with `valfmt` in place of the values; strings are written as they are,
        and may have several lines. Masked entries and None leave a cell empty. `save_gif` also
        takes annotations that differ between frames.
    valfmt : str, callable or None
        Format of the values in the cells: a format string (``"{x:.2f}"``), a format spec
        (``".2f"``; ``"d"``, ``"x"``, ``"b"`` or ``"o"`` for integers), or a function from a value
        to its text, such as a matplotlib formatter. None writes no values.
    textcolors : (colour, colour) or colour
        Two colours of the text in cells, or a single one. Each cell uses the colour with the
        better contrast with its fill (WCAG 2), unless `threshold` is given.
    threshold : float
        Value, in data units, above which text has the second of `textcolors`; other text has the
        first.
    text_size : float or "fit"
        Font size of the text in cells, in pt; by default `fontsize`, but at least 6.1 px. "fit" is
        the largest size that fits the cells, at most 60 pt. Text too wide for its cell is drawn
        smaller, or left out below 6.1 px, where it would be illegible.
    ha : {"center", "left", "right"}
        Horizontal alignment of text in its cell.
    va : {"center", "top", "bottom"}
        Vertical alignment of text in its cell.
    cbar : bool
        Whether to draw a colour bar.
    cbar_location : {"right", "left", "top", "bottom"}
        Side of the cells on which the colour bar stands. It is horizontal at the top and bottom.
    cbar_shrink : float
        Length of the colour bar as a fraction of the room for it, above 0 and at most 1.
    cbar_aspect : float
        Ratio of the length of the colour bar to its thickness. By default 20, as in matplotlib, but
        the bar is never thinner than 0.6 font sizes.
    cbar_label : str
        Label of the colour bar.
    cbar_ticks : int or sequence of float
        Largest number of ticks, which stand at round numbers, or the values at which to draw ticks.
        Values outside the range have no tick, and a warning says how many. By default there are as
        many ticks as in matplotlib.
    cbar_format : str or callable
        Format of the tick labels of the colour bar, as in `valfmt`, for floats.
    title, xlabel, ylabel : str
        Title above the cells, and axis labels below them and to their left. Axis labels that are
        not given are the names of the axes of frames that carry any; "" draws none.
    figsize : (float, float)
        Width and height of the image in inches, with the margins of matplotlib's
        `Figure.tight_layout`. By default the image is as large as the text in its cells needs.
    dpi : float
        Resolution in pixels per inch.
    font : str or path
        A font file, or the name of an installed font, which may end in a style: ``"DejaVu Sans
        Bold"`` or ``"serif:italic"``. By default Pillow's own font, or DejaVu Sans for all text if
        that is installed and has more of the characters. Characters without a glyph in the font are
        drawn in another installed font, so they may look different on another machine; a font file
        that has them all gives the same image everywhere.
    fontsize : float
        Font size of the labels, in pt.
    grid_color : colour
        Colour of the lines between cells. By default that of `style`, or none on a transparent
        background. "none" shows the background between the cells.
    grid_width : float
        Width of these lines in pt; 0 draws none. By default 3 pt, but at most an eighth of a cell.
    square : bool
        Whether cells are as high as they are wide.
    row_groups, col_groups : int or sequence of int
        Groups of rows and of columns, separated by lines. An int n draws a line before every n-th
        row or column; a sequence holds the indices of those that have a line before them.
    group_color : colour
        Colour of the lines between groups; by default `foreground`.
    group_width : float
        Width of the lines between groups in pt. By default 2.5 pt, but at most a quarter of a cell,
        and at least as wide as the grid.
    style : {"light", "dark"}
        Defaults of `background`, `foreground` and `grid_color`: white, black and white, or almost
        black, light grey and almost black.
    background, foreground : colour
        Colours of the background, and of the labels and ticks on it. "none" makes the background
        transparent. Where there must be an opaque one nevertheless, the background of `style` is
        used: antialiased labels blend into it, and it fills NaN cells, the rows of titles that
        change, and the area next to a colour bar whose range changes. To use another colour there,
        give a background of opacity 0, such as "#ffffff00".
    tick_color : colour
        Colour of the ticks, and of the outline and ticks of the colour bar; by default
        `foreground`.
    reduce : {"mean", "max", "min", "absmax", None}
        Reduction of matrices whose cells would be smaller than a pixel. Blocks of whole rows and
        columns are drawn as one cell each: as their mean, their largest or smallest value, or, with
        "absmax", the value of the largest magnitude with its sign. Values that are not finite are
        ignored; a block without any others is `bad`. The range, and the counts of values below and
        above it, are those of the reduced values. Such cells have neither text nor grid, but the
        labels still number the rows and columns of the matrix. None refuses such matrices.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown or its value is not one that it takes.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        row_labels: str | int | Iterable[object] | None = "auto",
        col_labels: str | int | Iterable[object] | None = "auto",
        thin_labels: bool = True,
        origin: str = "upper",
        row_side: str = "left",
        col_side: str = "top",
        row_rotation: float | None = None,
        col_rotation: float | None = None,
        cmap: object = "viridis",
        vmin: float | None = None,
        vmax: float | None = None,
        norm: object = None,
        linthresh: float | None = None,
        gamma: float | None = None,
        boundaries: Sequence[float] | None = None,
        center: float | None = None,
        robust: bool = False,
        mask: ArrayLike | None = None,
        under: object = None,
        over: object = None,
        bad: object = None,
        annot: object = True,
        valfmt: str | Callable[[Any], str] | None = "{x:.2f}",
        textcolors: Sequence[object] | str = ("black", "white"),
        threshold: float | None = None,
        text_size: float | str | None = None,
        ha: str = "center",
        va: str = "center",
        cbar: bool = False,
        cbar_location: str = "right",
        cbar_shrink: float = 1.0,
        cbar_aspect: float | None = None,
        cbar_label: str = "",
        cbar_ticks: int | Iterable[float] | None = None,
        cbar_format: str | Callable[[Any], str] | None = None,
        title: str = "",
        xlabel: str | None = None,
        ylabel: str | None = None,
        figsize: Sequence[float] | None = None,
        dpi: float = 100,
        font: str | PathLike[str] | None = None,
        fontsize: float = 10,
        grid_color: object = None,
        grid_width: float | None = None,
        square: bool = True,
        row_groups: int | Iterable[int] | None = None,
        col_groups: int | Iterable[int] | None = None,
        group_color: object = None,
        group_width: float | None = None,
        style: str = "light",
        background: object = None,
        foreground: object = None,
        tick_color: object = None,
        reduce: str | None = "mean",
        **unknown: object,
    ) -> None:
        options = locals()  # must come first, so that it holds the parameters and nothing else
        check_options(unknown)
        given = Given(read_shape(shape), options)
        self.look = read_look(given, defaults_of(Heatmap.__init__))  # the checked options
        self.limits = read_limits(given.norm, vmin, vmax)  # of the range, None until they are known
        # a token shared by all copies of a heatmap: panels that share it need the same room, apart
        # from their titles and ranges
        self.kin = object()
        self._font = font
        self._free = [name for name in ("xlabel", "ylabel") if options[name] is None]
        self._mask_axes = axes_of(mask)
        self._layouts = {}
        self._reductions: list[Reduction | None] = []  # a single item, once it is known
        self._dtype = np.dtype(np.float64)

    @classmethod
    def of(cls, values: Any, **options: Any) -> Heatmap:
        """Return a heatmap for a matrix: its shape, its labels, and its range.

        Parameters
        ----------
        values
            (N, M) matrix of numbers. The labels of a DataFrame of pandas or polars, or of a
            DataArray of xarray, are those of the heatmap, and the names of their axes are its
            `xlabel` and `ylabel`, unless the options say otherwise.
        **options
            Options of `Heatmap`.

        Returns
        -------
        Heatmap
            `image` draws the matrix with it, and `save_gif` others with the same labels.

        Examples
        --------
        >>> values = np.arange(6).reshape(2, 3)
        >>> Heatmap.of(values, cmap="RdBu")
        Heatmap((2, 3), vmin=0, vmax=5)
        """
        frames = open_frames([values])
        if isinstance(frames.shape, dict):
            raise TypeError(
                f"expected one matrix (N, M), not {short(values)}: give Panels its shapes"
            )
        heatmap = cls(frames.shape, **options).labelled(frames.axes)
        (frame,) = next(frames.through(heatmap.reductions).chunks(1))
        heatmap = heatmap.completed(heatmap.find_range(frame))
        heatmap._dtype = frames.dtype
        return heatmap

    @property
    def heatmaps(self) -> dict[str, Heatmap]:
        """The heatmap itself, as the only one of the figure."""
        return {"": self}

    def _like(self, heatmaps: Iterable[Heatmap]) -> Heatmap:
        (only,) = heatmaps
        return only

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrices."""
        return self.look.shape

    @property
    def reduction(self) -> Reduction | None:
        """The reduction of the matrices before they are drawn, or None if there is none."""
        if not self._reductions:
            self._reductions.append(build.reduction(self.look))
        return self._reductions[0]

    @property
    def reductions(self) -> dict[str, Reduction]:
        """The reduction of the matrices under the name "", if there is one."""
        return {"": self.reduction} if self.reduction else {}

    @property
    def range(self) -> tuple[float | None, float | None]:
        """`vmin` and `vmax`, each None until it is known."""
        return self.limits

    @property
    def title(self) -> str:
        """The title above the cells."""
        return self.look.title

    @property
    def titled(self) -> bool:
        """True if there is room for a title that changes from frame to frame."""
        return self.look.titled

    @property
    def norm(self) -> Norm:
        """The mapping of values to the colormap."""
        return self.look.norm

    def with_range(self, vmin: float, vmax: float) -> Heatmap:
        """Return a copy of the heatmap with the missing ends of its range filled in.

        Parameters
        ----------
        vmin, vmax
            Ends of the range. An end that was given to `Heatmap`, or found in the first values
            drawn, is kept.
        """
        return self.completed((vmin, vmax))

    def over(self, vmin: float, vmax: float) -> Heatmap:
        """Return a copy of the heatmap over another range, in place of any given to `Heatmap`."""
        check_range(vmin, vmax)
        return self.with_limits((vmin, vmax))

    def freeze_axes(self, dtype: np.dtype[Any]) -> Heatmap:
        """Return a copy of the heatmap whose cells stay in place when its range changes."""
        frame = self.layout(dtype).panels[0].frame
        if self.cbar and self.look.figure is None and self.look.bar_location in ("left", "right"):
            # numbers at the colour bar may become longer than those of this range
            frame = frame.widened(self.look.bar_location, round(BAR_ROOM * self.look.fontsize))
        return self.with_look(frame=frame)

    def with_titles(self) -> Heatmap:
        """Return a copy of the heatmap with room for frame titles as large as its own."""
        return self.with_look(titled=True)

    def with_annots(self, dtype: np.dtype[Any]) -> Heatmap:
        """Return a copy of the heatmap for annotations that change from frame to frame.

        They have the room that the heatmap has for its own annotations or values.

        Parameters
        ----------
        dtype
            The dtype of the annotations, that of str for text.

        Raises
        ------
        ValueError
            If the heatmap has no room for text, or no format for numbers.
        """
        look = self.look
        if look.annot is None and look.valfmt is None:
            raise ValueError(
                "expected a heatmap with annot= or valfmt=, which make room for texts, with "
                "annotations of each frame"
            )
        if look.valfmt is None and dtype.kind != "U":
            raise ValueError("expected a heatmap with a valfmt for the numbers of annot")
        sample = look.annot
        if isinstance(sample, Cells):
            sample = Sample(dtype, tuple(dict.fromkeys(sample.texts(look.valfmt))))
        sample = (sample or Sample(dtype))._replace(dtype=dtype)
        return self.with_look(annot=sample)

    def __repr__(self) -> str:
        low, high = self.limits
        limits = "" if low is None or high is None else f", vmin={low:g}, vmax={high:g}"
        return f"Heatmap({self.shape}{limits})"

    def needed_cell(self, dtype: np.dtype[Any]) -> tuple[tuple[int, int], tuple[int, int] | None]:
        """Return the cell size without figsize, and the least at which text is legible, if any."""
        return build.needed_cell(self.look, *self._likely_range(), dtype)

    def frame(self) -> geometry.Frame:
        """Return the frame of cells and colour bar, with room for the numbers of any range."""
        return build.frame_of(self.look, *self._likely_range())

    def _likely_range(self) -> tuple[float, float]:
        return completed_range(self.norm, self.limits, (None, None))

    def labelled(self, axes: Mapping[str, Axes]) -> Heatmap:
        """Return a copy of the heatmap with labels that matrices carry, where no others were given.

        Parameters
        ----------
        axes
            The labels of the rows and columns, under the name "".

        Raises
        ------
        ValueError
            If the option `mask` or `annot` carries other labels.
        """
        own = axes.get("")
        if own is None or self.own_axes is not None:
            return self
        look, changes = self.look, dict[str, Any]()
        for field, name, axis, count in zip(
            ("rows", "columns"), ("ylabel", "xlabel"), own, look.shape, strict=True
        ):
            labels: Labels = getattr(look, field)
            if labels.shown and labels.texts is None:  # numbers stand in for them
                own_labels = labels_of(axis, count)
                if not labels.auto:
                    own_labels = own_labels._replace(shown=labels.shown, auto=False)
                changes[field] = own_labels
            if name in self._free:
                changes[name] = read_text(name, axis.name)
        if look.mask is not None and self._mask_axes is not None:
            changes["mask"] = aligned(look.mask, self._mask_axes, own, "mask", "the frames")
        if isinstance(look.annot, Cells):
            changes["annot"] = look.annot.aligned(own)
        other = self.with_look(**changes)
        other.look = with_typeface(other.look, self._font)
        other.own_axes, other.kin = own, object()
        return other

    def with_texts_of(self, values: NDArray[np.float64], dtype: np.dtype[Any]) -> Heatmap:
        """Return a copy of the heatmap with room for the texts of a matrix (N, M)."""
        if not self.writes_by_function or self.reduction is not None:
            return self
        kind = written_dtype(dtype)
        shown = hidden(values, self.look.mask)
        seen = longest_of(self.look, *self._likely_range(), kind, shown)
        return self.with_look(seen=seen) if seen else self

    def with_seen(self, seen: Mapping[str, tuple[str, ...]]) -> Heatmap:
        """Return a copy of the heatmap with room for texts, given under the name ""."""
        return self.with_look(seen=seen[""]) if "" in seen else self

    def with_look(self, **changes: Any) -> Heatmap:
        """Return a copy of the heatmap with some fields of its look changed."""
        other = copy(self)
        other.look = self.look._replace(**changes)
        other._layouts, other._reductions = {}, []
        return other

    def with_checked_limits(self, vmin: float, vmax: float) -> Heatmap:
        """Return a copy of the heatmap with other ends of its range."""
        other = copy(self)
        other.limits, other._layouts = (vmin, vmax), {}
        return other

    def named(self, title: str) -> Heatmap | None:
        """Return a copy of the heatmap with another title, or None if that may change the font."""
        face = self.look.typeface
        plain = title.isascii() and self.look.title.isascii()
        if not plain or face.others or self.look.lacking or face.lacks(title):
            return None
        return self.with_look(title=read_text("title", title))

    def _lay_out(self, dtype: np.dtype[Any]) -> Layout:
        limits = self._likely_range()
        return build.build(self.look, *limits, written_dtype(dtype), self.reduction)


def option_names() -> tuple[str, ...]:
    """Return the names of the options of `Heatmap`, in the order of its signature."""
    return tuple(name for name in defaults_of(Heatmap.__init__) if name in OPTIONS)


def check_options(names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise TypeError for a name that is no option of `Heatmap`, and suggest the nearest.

    Parameters
    ----------
    others
        Further names that may be suggested.
    """
    for name in names:
        if name not in OPTIONS:
            raise TypeError(f"unknown option {name!r}{hint(name, [*option_names(), *others])}")
