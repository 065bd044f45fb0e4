"""Panels: several heatmaps in one image, with one palette for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from math import floor
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.checks import defaults_of, read_count, read_flag, read_number, read_positive
from fastheat.figure.arrangement import (
    Arrangement,
    Arranger,
    Measure,
    lay_out,
    too_small,
)
from fastheat.figure.base import Figure
from fastheat.figure.heatmap import Heatmap, check_options
from fastheat.inputs.frames.annotations import by_panel
from fastheat.inputs.frames.stream import converted_shape
from fastheat.inputs.sources.labelled import Axes
from fastheat.inputs.sources.shapes import Shape, check_names, form_of, of_panel, parts_of, split
from fastheat.layout.arrange import check_size
from fastheat.layout.axes.geometry import MOST_SIDE
from fastheat.layout.axes.measures import POINTS, TIGHT_PAD
from fastheat.layout.compose import Heading, compose
from fastheat.layout.layout import Layout
from fastheat.layout.lineplot import MOST_LINES, Plot
from fastheat.layout.look import bar_options, listed
from fastheat.layout.options import read_color, read_figure, read_shape, read_text, read_text_sizes
from fastheat.layout.reduction import Reduction
from fastheat.messages import short
from fastheat.style.colors.colors import RGB
from fastheat.style.text.fonts import find_typeface
from fastheat.style.text.formats import check_length

HEADING = 1.4  # font sizes, size of the title above all panels
WHOLE = ("figsize", "dpi")  # options of the whole image, which a single panel cannot have


class Panels(Figure):
    """The precomputed layout of several heatmaps in one image.

    Panels can be used wherever a `Heatmap` can. A frame is a dictionary of matrices, or a tuple of
    them in the order of the panels.

    Parameters
    ----------
    shapes : dict of (int, int)
        Numbers of rows and columns of the matrices of each panel. The keys are the names of the
        panels, which are also their titles.
    columns : int
        Number of panels side by side, in a grid that is filled row by row. By default the
        arrangement that leaves the least empty space in an image with an aspect ratio of about
        3 : 2 to 16 : 9, or, with `figsize`, the one with the largest cells: a grid, or columns that
        are filled one after the other. The panels always keep their order.
    options : dict of dict
        Options of single panels by name, such as ``{"bias": {"valfmt": None}}``. They override the
        options that all panels have in common. ``title`` replaces the name of a panel as its title;
        "" removes it.
    annot : bool, array-like or dict of them
        Contents of the cells, as for `Heatmap`: the same for all panels, or by name. `save_gif`
        also takes annotations that differ between frames.
    share_range : bool
        Whether the panels share one range, that of all their values. A `vmin` or `vmax` that is
        given to a panel is kept, and the values of a panel with both do not count.
    share_cbar : bool
        Whether to draw a single colour bar for all panels, on the side given by `cbar_location`. By
        default there is one if several panels have a colour bar, and all of these bars look the
        same and show the same colormap, norm and range.
    lines : str, sequence of str, or dict of colours
        Names of scalars, such as ``"loss"``, to show as lines in a line plot beneath the panels,
        which grows frame by frame. Each frame holds a number under each of these names;
        `GifWriter.add` takes it as a keyword such as ``loss=0.3``, and a still image takes a
        sequence of all numbers so far. A dictionary gives each line its colour. By default
        `save_gif` draws a line for each number that the first frame holds besides its matrices, and
        `GifWriter` draws those of the file to which it appends. The horizontal axis
        numbers the frames, or shows the steps of checkpoints if they are evenly spaced. A value
        with none before it is shown as a dot.
    xlim : int
        Number of frames for which the line plot has room. By default their total number; if that
        is not known, the room is doubled whenever it is full.
    ylim : (float, float)
        Limits of the vertical axis of the line plot. By default they follow the values so far.
    title : str
        Title above all panels.
    figsize : (float, float)
        Width and height of the image in inches. Cells are as large as possible and have the same
        size in all panels, except that they are enlarged in a panel that would look like a line or
        a dot. By default the image is as large as the panels need, with cells small enough to keep
        it within 1,500 px a side, if possible.
    dpi, font, fontsize
        As for `Heatmap`.
    **common
        Options of `Heatmap` for all panels.

    Raises
    ------
    TypeError, ValueError
        If an option is unknown or its value is not one that it takes.

    Examples
    --------
    >>> panels = Panels({"encoder": (4, 6), "decoder": (6, 4)}, cmap="RdBu_r", vmin=-1, vmax=1)
    >>> image = panels.image({"encoder": np.zeros((4, 6)), "decoder": np.eye(6, 4)})
    >>> image.size == panels.size
    True
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        *,
        columns: int | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        annot: object = True,
        share_range: bool = False,
        share_cbar: bool | None = None,
        lines: str | Iterable[str] | Mapping[str, object] | None = None,
        xlim: int | None = None,
        ylim: Sequence[float] | None = None,
        title: str = "",
        figsize: Sequence[float] | None = None,
        dpi: float = 100,
        font: str | PathLike[str] | None = None,
        fontsize: float = 10,
        **common: Any,
    ) -> None:
        if not isinstance(shapes, Mapping):
            raise TypeError(
                f"expected shapes to be a dictionary of (rows, columns), not {short(shapes)}"
            )
        if not shapes:
            raise ValueError("expected at least one panel, not {}")
        names = check_names(shapes)
        check_options(common, panels_options())
        own = _read_own(names, options)
        if isinstance(annot, Mapping):
            for name, each in by_panel(annot, names).items():
                own[name].setdefault("annot", each)
        else:
            common["annot"] = annot
        inch = read_positive("dpi", dpi)
        size, _ = read_text_sizes(fontsize, None, inch)
        text = read_text("title", title)
        colors = _read_lines(lines, names)
        typeface, lacking = find_typeface(font, text + "".join(colors))
        arranger = Arranger(
            panels={},
            columns=None if columns is None else read_count("columns", columns),
            figure=read_figure(figsize, inch),
            fontsize=size,
            heading=Heading(text, HEADING * size, TIGHT_PAD * size, typeface, lacking),
            plots=bool(colors),
            barred=None,
        )
        shares = read_flag("share_range", share_range)
        plot = Plot(
            names=tuple(colors),
            colors=tuple(colors.values()),
            fontsize=size,
            point=inch / POINTS,
            typeface=typeface,
            room=None if xlim is None else read_count("xlim", xlim),
            limits=None if ylim is None else _read_limits(ylim),
        )
        for name, value in (("xlim", xlim), ("ylim", ylim)):
            if value is not None and not colors:
                raise ValueError(f"expected lines= with {name}={short(value)}")
        self._plot = plot if colors else None
        common = listed(common)  # each panel reads them anew
        common |= {"dpi": dpi, "font": font, "fontsize": fontsize}
        _check_count(arranger, own)
        heatmaps: dict[str, Heatmap] = {}
        # the first panel of each shape without options of its own, which others are copies of
        alike: dict[Shape, Heatmap] = {}
        for name in names:
            with of_panel(name):
                shape = read_shape(shapes[name])
                first = None if own[name] else alike.get(shape)
                found = None if first is None else first.named(name)
                if found is None:
                    found = Heatmap(shape, **common | {"title": name} | own[name])
                if not own[name] and name.isascii():
                    alike.setdefault(shape, found)
                heatmaps[name] = found
        bars = [name for name, each in heatmaps.items() if each.cbar]
        barred = bars[0] if _has_one_bar(heatmaps, share_cbar, shares) else None
        self._cbar = len(bars) == len(heatmaps)
        self._arranger = arranger._replace(panels=heatmaps, barred=barred)
        self._shares = [shares and None in each.limits for each in heatmaps.values()]
        self._fixed: Arrangement | None = None  # after `freeze_axes`
        self._measures: list[Measure] = []  # a single item, once it is known
        self._layouts = {}
        self._dtype = form_of(self.shape, [np.dtype(np.float64)] * len(self.shape))

    def __repr__(self) -> str:
        lines = f", lines={list(self.lines)}" if self.lines else ""
        shapes = {name: each.shape for name, each in self.heatmaps.items()}
        return f"Panels({shapes}{lines})"

    @property
    def shape(self) -> dict[str, Shape]:
        """Rows and columns of the matrices of each panel, and () for each line."""
        shapes: dict[str, Shape] = {name: each.shape for name, each in self.heatmaps.items()}
        return shapes | dict.fromkeys(self.lines, ())

    @property
    def title(self) -> str:
        """The title above all panels."""
        return self._arranger.heading.text

    @property
    def titled(self) -> bool:
        """True if there is room for a title that changes from frame to frame."""
        return self._arranger.heading.own

    @property
    def cbar(self) -> bool:
        """True if every panel has a colour bar."""
        return self._cbar

    @property
    def reductions(self) -> dict[str, Reduction]:
        """The reductions of matrices before they are drawn, by panel; none for the others."""
        panels: Iterable[Heatmap] = self.heatmaps.values()
        if self._fixed is None:
            panels = self._arranger.sized(self._measured())
        each = zip(self.heatmaps, (panel.reduction for panel in panels), strict=True)
        return {name: reduction for name, reduction in each if reduction is not None}

    def freeze_axes(self, dtype: np.dtype[Any]) -> Panels:
        """Return a copy of the panels whose cells stay in place when their ranges change."""
        plan = self._arranger.arrange(self._measured(), _kinds(dtype), frozen=True)
        other = self._like(plan.panels)
        other._fixed = plan
        return other

    def with_titles(self) -> Panels:
        """Return a copy of the panels with room for frame titles as large as their own."""
        other, heading = self._like(self.heatmaps.values()), self._arranger.heading
        other._arranger = self._arranger._replace(heading=heading._replace(own=True))
        other._measures = []
        return other

    def labelled(self, axes: Mapping[str, Axes]) -> Panels:
        """Return a copy of the panels with labels that matrices carry, where none were given.

        Parameters
        ----------
        axes
            The labels of the rows and columns of each panel by name.
        """
        heatmaps: dict[str, Heatmap] = {}
        for name, each in self.heatmaps.items():
            with of_panel(name):
                heatmaps[name] = each.labelled({"": axes[name]} if name in axes else {})
        kins: dict[object, object] = {}  # panels with equal labels still need equal room
        for name, each in self.heatmaps.items():
            if heatmaps[name] is not each:
                heatmaps[name].kin = kins.setdefault((each.kin, axes[name]), heatmaps[name].kin)
        return self._resized(heatmaps.values())

    def with_texts_of(self, values: NDArray[np.float64], dtype: np.dtype[Any]) -> Panels:
        """Return a copy of the panels with room for the texts of a frame (C,)."""
        if not self.writes_by_function:
            return self
        shapes = converted_shape(self.shape, self.reductions)
        assert isinstance(shapes, dict)
        each = zip(
            self.heatmaps.values(), split(values, shapes.values()), _kinds(dtype), strict=False
        )
        reduced = self.reductions
        return self._resized(
            h if name in reduced else h.with_texts_of(own, kind)
            for name, (h, own, kind) in zip(self.heatmaps, each, strict=True)
        )

    def with_seen(self, seen: Mapping[str, tuple[str, ...]]) -> Panels:
        """Return a copy of the panels with room for texts of each, by name."""
        return self._resized(
            each.with_seen({"": seen[name]} if name in seen else {})
            for name, each in self.heatmaps.items()
        )

    def _resized(self, heatmaps: Iterable[Heatmap]) -> Panels:
        """Return a copy of the panels with others in their place, whose sizes are measured anew."""
        changed = list(heatmaps)
        if all(new is old for new, old in zip(changed, self.heatmaps.values(), strict=True)):
            return self
        other = self._like(changed)
        other._measures = []
        return other

    @property
    def heatmaps(self) -> Mapping[str, Heatmap]:
        """The heatmap of each panel by name."""
        return self._arranger.panels

    def _like(self, heatmaps: Iterable[Heatmap]) -> Panels:
        other = copy(self)
        panels = dict(zip(self.heatmaps, heatmaps, strict=True))
        other._arranger, other._layouts = self._arranger._replace(panels=panels), {}
        return other

    def with_annots(self, dtype: np.dtype[Any]) -> Panels:
        """Return a copy of the panels for annotations that change from frame to frame.

        They have the room that the panels have for their own annotations or values.

        Parameters
        ----------
        dtype
            The structured dtype of the annotations, with a field for each annotated panel.
        """
        self._measured()  # the copy keeps the sizes measured with the panels' own texts
        heatmaps = dict(self.heatmaps)
        for name in dtype.names or ():
            with of_panel(name):
                heatmaps[name] = heatmaps[name].with_annots(dtype[name])
        return self._like(heatmaps.values())

    def _lay_out(self, dtype: np.dtype[Any]) -> Layout:
        kinds, arranger, barred = _kinds(dtype), self._arranger, self._arranger.barred
        plan = self._fixed or arranger.arrange(self._measured(), kinds)
        panels = self.heatmaps.values() if self._fixed else plan.panels
        bar, plot, (width, height) = None, self._plot, plan.size
        if plan.bar is not None and barred is not None:
            drawn = plan.bar.layout(self.heatmaps[barred].range, kinds[0])
            bar = drawn, plan.bar_corner, list(self.heatmaps).index(barred)
        if plot is not None:
            plot = plot._replace(top=height - arranger.below, width=width, height=arranger.below)
        return compose(
            lay_out(self.heatmaps, panels, kinds),
            plan.corners,
            plan.size,
            arranger.heading,
            plot,
            dtype,
            bar,
            self._shares,
            says_range=self.titled and self.has_frame_limits and not self.cbar,
        )

    def _measured(self) -> Measure:
        """Return the order of the panels and the largest sizes of their cells.

        They are measured once, and do not change when unknown ranges are found, since the reduction
        of matrices depends on them.
        """
        if not self._measures:
            self._measures.append(self._arranger.measure())
        return self._measures[0]


def _kinds(form: np.dtype[Any]) -> list[np.dtype[Any]]:
    return [kind for _, kind in parts_of(form).values()]


def panels_options() -> list[str]:
    """Return the names of the options of `Panels` itself, without those of its panels."""
    return list(defaults_of(Panels.__init__))


def _check_count(arranger: Arranger, own: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ValueError, before any panel is made, if even their margins do not fit the image.

    Parameters
    ----------
    own
        The options of each panel.
    """
    count, least = len(own), floor(2 * TIGHT_PAD * arranger.fontsize)
    figure, columns = arranger.figure, arranger.columns
    if any("fontsize" in options for options in own.values()):
        return
    if figure:
        if count * least**2 > figure[0] * figure[1]:
            raise too_small(figure, arranger.heading)
    elif columns or count * least**2 > MOST_SIDE**2:
        columns = columns or 1
        check_size(0, least * max(min(columns, count), -(-count // columns)), count)


def _has_one_bar(heatmaps: Mapping[str, Heatmap], wanted: object, shares: bool) -> bool:
    """Return whether a single colour bar stands for all panels, given `share_cbar`."""
    barred = {name: each for name, each in heatmaps.items() if each.cbar}
    keys = set()
    for name, each in barred.items():
        look, limits = each.look, each.limits
        where = limits if None not in limits else "shared" if shares else name
        cmap = look.cmap.table.tobytes(), look.cmap.under, look.cmap.over
        keys.add((*cmap, where, look.norm, bar_options(look)))
    if wanted is None:
        return len(barred) > 1 and len(keys) == 1
    if read_flag("share_cbar", wanted) and len(keys) != 1:
        raise ValueError(
            "expected share_cbar=True with cbar=True and panels of one map and one range, with "
            "bars that are alike: give share_range=True, or vmin and vmax for all"
        )
    return bool(wanted)


def _read_own(names: Sequence[str], options: object) -> dict[str, dict[str, Any]]:
    """Return the options of each single panel, as new dictionaries, by name."""
    if options is None:
        return {name: {} for name in names}
    if not isinstance(options, Mapping):
        raise TypeError(
            f"expected options to be a dictionary of those of each panel, not {short(options)}"
        )
    for name, own in options.items():
        if name not in names:
            raise ValueError(f"expected options of panels {', '.join(names)}, not of {short(name)}")
        if not isinstance(own, Mapping):
            raise TypeError(f"expected options[{name!r}] to be a dictionary, not {short(own)}")
        for option in WHOLE:
            if option in own:
                raise TypeError(f"expected {option} of the whole picture, not of panel {name!r}")
        with of_panel(name):
            check_options(own)
    return {name: dict(options.get(name, {})) for name in names}


def _read_lines(lines: object, panels: Sequence[str]) -> dict[str, RGB]:
    """Return the colour of each line by name; lines without a given colour have C0, C1, ..."""
    if lines is None:
        return {}
    given: Iterable[Any] = [lines] if isinstance(lines, str) else lines  # type: ignore[assignment]
    if not isinstance(given, Iterable):
        raise TypeError(f"expected lines to be names of scalars, not {short(lines)}")
    names = [str(name) if isinstance(name, str) else name for name in given]
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise TypeError(f"expected lines to be names of scalars, not {short(lines)}")
        check_length("names of lines", name)
        if name in panels or name in names[:number]:
            raise ValueError(
                f"expected different names for all panels and lines, not {short(name)} twice"
            )
    if len(names) > MOST_LINES:
        raise ValueError(f"expected at most {MOST_LINES} lines, not {len(names)}")
    colors = lines if isinstance(lines, Mapping) else {n: f"C{k}" for k, n in enumerate(names)}
    return {name: read_color(f"lines[{name!r}]", colors[name]) for name in names}


def _read_limits(ylim: object) -> tuple[float, float]:
    try:
        low, high = (read_number("ylim", end) for end in ylim)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise TypeError(f"expected ylim to be two numbers, not {short(ylim)}") from None
    if not low < high or not np.isfinite(high - low):
        raise ValueError(f"expected ylim to be a lower and a higher number, not {short(ylim)}")
    return low, high
