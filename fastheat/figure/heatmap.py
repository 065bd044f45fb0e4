"""Heatmap: a picture's options, the layouts made from them, and stills drawn with those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastheat.checks import defaults_of
from fastheat.figure.aliases import hint
from fastheat.figure.base import Figure
from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.ranges import DataLimits, MatrixLimits, Range, completed_range
from fastheat.inputs.frames.stream import Frames
from fastheat.layout import build
from fastheat.layout.axes import geometry
from fastheat.layout.layout import Layout
from fastheat.layout.look import OPTIONS, Look, read_look
from fastheat.layout.options import Given, read_ends, read_shape, read_text
from fastheat.layout.reduction import Reduction
from fastheat.style.colors.norms import Norm, check_range

BAR_ROOM = 2.5  # font sizes that a colour bar whose range may grow has for longer numbers


class Heatmap(Figure):
    """The precomputed layout of heatmaps of one shape.

    Parameters
    ----------
    shape : (int, int)
        Rows N and columns M of the matrices.
    row_labels, col_labels : "auto", None, bool, int, str or sequence of str
        The labels of the rows and of the columns. A sequence has one for each; a string with
        braces, such as ``"dim_{}"``, is formatted with the number of each. "auto" numbers them from
        0, as many as have room, True all, an int every so many; None or False leave them and their
        ticks out. Of those that would overlap only every second, third, ... is drawn, and a warning
        tells how many are not.
    thin_labels : bool
        False draws all the labels that were asked for, even where they overlap.
    origin : {"upper", "lower"}
        Whether the first row stands at the top or at the bottom.
    row_side : {"left", "right"}
        Where the row labels stand.
    col_side : {"top", "bottom"}
        Where the column labels stand.
    row_rotation, col_rotation : float
        Of these labels, degrees counterclockwise. They are turned about the point that stands on
        their tick, as by matplotlib's ``rotation_mode="anchor"``, and aligned so that they lie
        outside. By default 0 for rows and for numbers, else -30 above and 30 below.
    cmap : str, sequence of colours or colormap object
        Every name that matplotlib has, with ``_r`` to reverse it; with the package ``cmap`` also
        names such as ``"crameri:batlow"``; a list of colours to blend; or any object that can be
        called as matplotlib's `Colormap`.
    vmin, vmax : float
        The values at the ends of the colormap. What is not given is taken from the first values
        drawn, as by matplotlib's `Normalize`; `save_gif` takes it from all frames.
    norm : {"linear", "centered", "log", "symlog", "asinh", "power"} or object
        How values are spread over the colormap, in the same bins as by matplotlib. Besides names,
        any object that is called as matplotlib's `Normalize`, such as its norms, which is not
        changed: a range that it lacks is taken from a copy. "log" shows what is not above 0 as
        `bad`, and takes `vmin` from the least value above 0. "centered" has a range as far on both
        sides of `center`, or 0, as matplotlib's `CenteredNorm`: of one end that is given the other
        follows.
    linthresh : float
        Up to where the norm "symlog" is linear, 2 as in matplotlib if only that is given.
    gamma : float
        The exponent of the norm "power".
    boundaries : sequence of float
        The ends of bins, each in a colour of its own, as by matplotlib's `BoundaryNorm`.
    center : float
        The value in the middle of the colormap, which has a slope on either side, as in
        matplotlib's `TwoSlopeNorm`; with ``norm="centered"`` it is the same on both.
    robust : bool
        Whether the ends that are not given are the 2nd and the 98th percentile of the values.
    mask : (N, M) array of bool
        Cells that are not shown, where it is True: they are `bad`, without text, and no part of the
        range; so are the masked ones of `numpy.ma` arrays.
    under, over, bad : colour
        For values below `vmin`, above `vmax`, and for those that are NaN, infinite or masked, or
        that the norm cannot take. By default as the colormap has them: its ends, and the
        background.
    annot : bool or array-like
        What is written in the cells: True their values, False or None nothing, an array (N, M)
        other numbers, in the way of `valfmt`, or strings, as they are and of several lines where
        they have; masked cells and None stay empty. `save_gif` takes annotations of each frame too.
    valfmt : str, callable or None
        How values are written in their cells: a format string (``"{x:.2f}"``), a format spec
        (``".2f"``), or a function that takes a value and returns its text, such as a formatter of
        matplotlib's. None writes none.
    textcolors : (colour, colour) or colour
        The colours of the texts, or one for all. Without `threshold` each cell takes the one with
        the better contrast to its fill (WCAG 2).
    threshold : float
        In data units: above it texts are in the second of `textcolors`, elsewhere in the first.
    text_size : float or "fit"
        Font size of the values, pt; by default `fontsize`; "fit" is as large as they have room for,
        up to 60 pt. A text too wide for its cell is shrunk until it fits, or left out where it
        would not be legible.
    ha : {"center", "left", "right"}
        Where in its cell a text stands.
    va : {"center", "top", "bottom"}
        The same vertically.
    cbar : bool
        Whether to draw a colour bar.
    cbar_location : {"right", "left", "top", "bottom"}
        On which side of the cells; above and below them it is level.
    cbar_shrink : float
        Length of the colour bar as a fraction of the side that it stands at, above 0 and at most 1.
    cbar_aspect : float
        Ratio of its length to its thickness. None is 20, as in matplotlib, but no thinner than 0.6
        font sizes.
    cbar_label : str
        Its label.
    cbar_ticks : int or sequence of float
        At most so many ticks, at round numbers; or ticks at these values, as far as they are in the
        range: a warning tells how many are not. By default as many as matplotlib has.
    cbar_format : str or callable
        How the ticks are written, as `valfmt`.
    title, xlabel, ylabel : str
        Texts above the picture, below it and at its left.
    figsize : (float, float)
        Width and height of the picture in inches, margins as by `Figure.tight_layout`. None makes
        the cells large enough for their text.
    dpi : float
        Pixels per inch.
    font : str or path
        A font file, or the name of an installed font with a style after it, such as ``"DejaVu Sans
        Bold"`` or ``"serif:italic"``. None is Pillow's own. Letters that it lacks are drawn with
        another font that is installed, so they may look different on another machine; the path of
        a font file that has all letters makes the same picture everywhere.
    fontsize : float
        Of the labels, pt.
    grid_color : colour
        Of the lines between cells.
    grid_width : float
        Their width, pt; 0 draws none. None is 3 pt, but no more than an eighth of a cell.
    square : bool
        Whether cells are as high as wide.
    row_groups, col_groups : int or sequence of int
        Draw a line before every so many rows or columns, or before those of these indices.
    group_color : colour
        Of these lines; by default `foreground`.
    group_width : float
        Their width, pt. None is 2.5 pt, but no more than a quarter of a cell, and no less than that
        of the grid.
    style : {"light", "dark"}
        What `background`, `foreground` and `grid_color` are by default: white, black and white; or
        nearly black, light grey and nearly black.
    background, foreground : colour
        Of the figure, and of the labels and ticks on it. "none" is a transparent background. Labels
        blend into that of `style` at their edges then, and cells that are NaN have it, as have the
        rows of titles that change and what stands beside a colour bar whose range does; a colour
        with an opacity of 0, such as "#ffffff00", is transparent too and takes its place.
    tick_color : colour
        Of the ticks, and of the outline and the ticks of the colour bar; by default `foreground`.
    reduce : {"mean", "max", "min", "absmax", None}
        What a matrix whose cells would be under a pixel is drawn as: blocks of whole rows and
        columns, of each the mean, the largest value, the least, or that of the largest magnitude
        with its sign; values that are not finite are left out, and a block of no others is `bad`.
        The range, and what is counted below and above it, are of what is drawn. Such cells have
        neither text nor grid; labels keep the numbers of the matrix. None refuses such a matrix.

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
        xlabel: str = "",
        ylabel: str = "",
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
        options = locals()  # first of all, so that the signature is all there is to say of them
        check_options(unknown)
        given = Given(read_shape(shape), options)
        self._look = read_look(given, defaults_of(Heatmap.__init__))
        low, high = read_ends(given.norm, vmin, vmax)
        self._vmin, self._vmax = low, high
        self._layouts: dict[np.dtype[Any], Layout] = {}
        self._reductions: list[Reduction | None] = []  # one, when it is known
        self._dtype = np.dtype(np.float64)
        self._told = False  # what of the labels is left out
        self._kin = object()  # one of all that differ in their titles and ranges alone

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrices."""
        return self._look.shape

    @property
    def reduction(self) -> Reduction | None:
        """How matrices become those that are drawn, None where they are drawn as they are."""
        if not self._reductions:
            self._reductions.append(build.reduction(self._look))
        return self._reductions[0]

    @property
    def range(self) -> tuple[float | None, float | None]:
        """The values at the ends of the colormap, None where they are not known yet."""
        return self._vmin, self._vmax

    @property
    def title(self) -> str:
        """The text above the picture."""
        return self._look.title

    @property
    def titled(self) -> bool:
        """Whether there is a place for a title of each frame."""
        return self._look.titled

    @property
    def cbar(self) -> bool:
        """Whether there is a colour bar."""
        return self._look.bar

    @property
    def norm(self) -> Norm:
        """How values are spread over the colormap."""
        return self._look.norm

    @property
    def threshold(self) -> float | None:
        """The value above which texts have the second of their colours."""
        return self._look.threshold

    @property
    def sample(self) -> Sample | None:
        """Sample of the per-frame annotations that the heatmap reserves room for, or None."""
        return self._look.annot if isinstance(self._look.annot, Sample) else None

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Empty: there are no panels."""
        return {}

    def with_range(self, vmin: float, vmax: float) -> Heatmap:
        """Return the same heatmap over another range.

        Parameters
        ----------
        vmin, vmax
            Take the place of what was not given to `Heatmap`; what was given stays.
        """
        ends = completed_range(self.norm, (self._vmin, self._vmax), (vmin, vmax))
        return self._like(self._look, *ends)

    def over(self, vmin: float, vmax: float) -> Heatmap:
        """Return the same heatmap over another range, whatever was given to `Heatmap`."""
        check_range(vmin, vmax)
        return self._like(self._look, *self.norm.completed(vmin, vmax))

    @property
    def lower_bounds(self) -> tuple[float, ...]:
        """The value that the range cannot go below; -inf if it can."""
        return (self.norm.bottom,)

    def check_growth(self) -> None:
        """Raise ValueError if an option rules out a range that grows."""
        if self.threshold is not None:
            raise ValueError(
                "expected no threshold with autoscale='grow', whose colours of text would move"
            )
        if self._look.robust:
            raise ValueError("expected no robust with autoscale='grow', which holds all values")
        if self.norm.fixed:
            raise ValueError("expected no boundaries with autoscale='grow', which do not move")

    def data_limits(self) -> DataLimits:
        """Return empty limits, which take in values as this heatmap counts them."""
        return DataLimits([self.matrix_limits()])

    def matrix_limits(self) -> MatrixLimits:
        """Return the same for matrices (..., N, M)."""
        # reduced matrices have no masked values any more
        mask = None if self.reduction is not None else self._look.mask
        return MatrixLimits(self.norm, robust=self._look.robust, mask=mask)

    def completed(self, found: Range) -> Heatmap:
        """Return the same heatmap with the ends that are not known taken from `found`."""
        return self._like(self._look, *completed_range(self.norm, (self._vmin, self._vmax), found))

    def with_limits(self, ends: Range) -> Heatmap:
        """Return the same heatmap over another range, whatever was given to `Heatmap`."""
        low, high = ends
        assert low is not None
        assert high is not None
        return self.over(low, high)

    def per_frame_limits(self) -> Heatmap:
        """Return the same heatmap with each frame over a range of its own, unless it was given.

        Raises
        ------
        ValueError
            If another option rules that out.
        """
        if self._look.given is not None or None not in self.range:
            return self
        if self.threshold is not None:
            raise ValueError(
                "expected no threshold with autoscale='frame', whose colours of text would move"
            )
        return self.with_look(given=self.range)

    @property
    def has_frame_limits(self) -> bool:
        """Whether each frame has a range of its own."""
        return self._look.given is not None

    def freeze_axes(self, dtype: np.dtype[Any]) -> Heatmap:
        """Return the same heatmap with cells that stay in place when its range changes."""
        frame = self.layout(dtype).panels[0].frame
        if self.cbar and self._look.figure is None and self._look.bar_location in ("left", "right"):
            # longer numbers at the colour bar than those of this range
            frame = frame.widened(self._look.bar_location, round(BAR_ROOM * self._look.fontsize))
        return self._like(self._look._replace(frame=frame), self._vmin, self._vmax)

    def with_titles(self) -> Heatmap:
        """Return the same heatmap with a place for a title of each frame, as large as its own."""
        return self._like(self._look._replace(titled=True), self._vmin, self._vmax)

    def with_annots(self, dtype: np.dtype[Any]) -> Heatmap:
        """Return the same heatmap for annotations of each frame, as large as its own texts.

        Parameters
        ----------
        dtype
            Of the annotations, that of str for texts.
        """
        look = self._look
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
        return self._like(look._replace(annot=sample), self._vmin, self._vmax)

    def __repr__(self) -> str:
        low, high = self.range
        ends = "" if low is None or high is None else f", vmin={low:g}, vmax={high:g}"
        return f"Heatmap({self.shape}{ends})"

    @property
    def writes_integers(self) -> bool:
        """Whether its format is one for integers."""
        return self._look.valfmt is not None and self._look.valfmt.integers

    @property
    def look(self) -> Look:
        """The options, read."""
        return self._look

    def needed_cell(self, dtype: np.dtype[Any]) -> tuple[tuple[int, int], bool]:
        """Return how large cells are without figsize, and whether for what is written in them."""
        low, high = self.completed((None, None)).range
        assert low is not None
        assert high is not None
        return build.needed_cell(self._look, low, high, dtype)

    def frame(self) -> geometry.Frame:
        """Return where the cells stand without figsize, with room for numbers of any range."""
        low, high = self.completed((None, None)).range
        assert low is not None
        assert high is not None
        return build.frame_of(self._look, low, high)

    def with_look(self, **changes: Any) -> Heatmap:
        """Return the same heatmap, what is named of its look another."""
        return self._like(self._look._replace(**changes), self._vmin, self._vmax)

    @property
    def kin(self) -> object:
        """An object that heatmaps share which differ in their titles and ranges alone."""
        return self._kin

    def named(self, title: str) -> Heatmap | None:
        """Return the same heatmap with another title, None where it may need another font."""
        face = self._look.typeface
        plain = title.isascii() and self._look.title.isascii()
        if not plain or face.others or self._look.lacking or face.lacks(title):
            return None
        return self.with_look(title=read_text("title", title))

    def _like(self, look: Look, vmin: float | None, vmax: float | None) -> Heatmap:
        other = Heatmap.__new__(Heatmap)
        other._look, other._vmin, other._vmax = look, vmin, vmax
        other._layouts = {}
        other._reductions = self._reductions if look is self._look else []
        other._dtype = self._dtype
        other._told = self._told
        other._kin = self._kin
        return other

    def layout(self, dtype: np.dtype[Any] | None = None) -> Layout:
        """Return what frames of values of `dtype` are drawn from.

        By default it is the dtype of the values that were drawn last, float64 before.

        Raises
        ------
        ValueError
            If the range is not known yet.
        """
        kind = self._dtype if dtype is None else dtype.newbyteorder("=")
        if kind.kind == "f" and kind.itemsize > 8:
            kind = np.dtype(np.float64)
        if kind not in self._layouts:
            if self._vmin is None or self._vmax is None:
                raise ValueError("expected vmin and vmax, or values to take them from, before this")
            self._layouts[kind] = build.build(
                self._look, self._vmin, self._vmax, kind, self.reduction
            )
        return self._layouts[kind]

    def _adopt(self, other: Figure) -> None:
        self._vmin, self._vmax = other.range

    def _open(self, values: ArrayLike) -> tuple[Frames, None]:
        frames = open_frames([values])
        if frames.shape != self.shape:
            raise ValueError(f"expected values of shape {self.shape}, not {frames.shape}")
        return frames, None

    def _check_annots(self, written: np.dtype[Any] | None) -> None:
        if written is None and self.sample is not None:
            raise ValueError("expected annot= with each matrix, for which this heatmap was made")


def option_names() -> tuple[str, ...]:
    """Return the names of the options of `Heatmap`, in the order of its signature."""
    return tuple(name for name in defaults_of(Heatmap.__init__) if name in OPTIONS)


def check_options(names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise TypeError for names that are no option of `Heatmap`, naming the nearest ones.

    Parameters
    ----------
    others
        Names that are options elsewhere, for the error.
    """
    for name in names:
        if name not in OPTIONS:
            raise TypeError(f"unknown option {name!r}{hint(name, [*option_names(), *others])}")
