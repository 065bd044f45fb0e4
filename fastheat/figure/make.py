"""Creation of figures: a heatmap or panels, from the shape of frames and options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any

import numpy as np

from fastheat.checks import is_series, is_whole
from fastheat.figure.base import Figure
from fastheat.figure.heatmap import Heatmap, check_options, option_names
from fastheat.figure.panels import Panels, panels_options
from fastheat.inputs.frames.annotations import shape_of
from fastheat.inputs.sources.shapes import Shapes
from fastheat.messages import short


def check_figure(heatmap: object, options: Mapping[str, object]) -> None:
    """Raise TypeError if `heatmap` is neither a figure nor None, or if it comes with options."""
    if heatmap is not None and not isinstance(heatmap, Figure):
        raise TypeError(f"expected heatmap to be a Heatmap or Panels, not {short(heatmap)}")
    if heatmap is not None and options:
        raise TypeError(
            f"expected either heatmap= or options of one, not both: {', '.join(options)}"
        )


def check_figure_options(names: Iterable[str], others: Iterable[str] = ()) -> None:
    """Raise TypeError for a name that is an option neither of `Heatmap` nor of `Panels`.

    Parameters
    ----------
    others
        Further names that may be suggested.
    """
    known = panels_options()
    check_options([name for name in names if name not in known], [*known, *others])


def make_figure(shape: Shapes, options: Mapping[str, Any]) -> Figure:
    """Return a heatmap, or panels for frames of several matrices.

    Scalars in the frames become lines unless `lines` is given.
    """
    if isinstance(shape, dict):
        matrices = {name: sides for name, sides in shape.items() if sides}
        lines = [name for name, sides in shape.items() if not sides]
        if lines and options.get("lines") is None:
            options = {**options, "lines": lines}
        panels = Panels(matrices, **options)
        if not all(name in shape for name in panels.lines) or len(panels.shape) < len(shape):
            raise ValueError(
                f"expected frames with the scalars of lines={short(options['lines'])}, not with "
                f"{', '.join(map(repr, lines)) or 'none'}"
            )
        return panels
    only = [name for name in options if name in panels_options() and name not in option_names()]
    if only:
        raise TypeError(f"expected frames that are dictionaries of matrices with {only[0]}=")
    return Heatmap(shape, **options)


LIKELY = 1 << 20  # rows or columns


def likely_shape(options: Mapping[str, Any]) -> Shapes:
    """Return a shape with which options can be checked before that of the frames is known."""
    noted = options.get("annot")
    annots = dict(noted) if isinstance(noted, Mapping) else {}
    if not annots and all(name in option_names() for name in options):
        return _likely_sides(options)
    own = options.get("options")
    panels = {name: {"annot": each} for name, each in annots.items()}
    for name, each in own.items() if isinstance(own, Mapping) else ():
        panels[name] = {**panels.get(name, {}), **(each if isinstance(each, Mapping) else {})}
    common = {name: each for name, each in options.items() if name != "annot" or not annots}
    return {
        name: _likely_sides(common | each) for name, each in (panels or {"weights": {}}).items()
    }


def _likely_sides(options: Mapping[str, Any]) -> tuple[int, int]:
    found = shape_of(options.get("annot"))
    if found is not None:
        return found
    mask = options.get("mask")
    if mask is not None and np.ndim(mask) == 2:
        n, m = np.shape(mask)
        return int(n), int(m)

    def side(labels: object, groups: object) -> int:
        if is_series(labels) and isinstance(labels, Sized) and not isinstance(labels, str):
            return max(len(labels), 1)
        starts: Iterable[Any] = ()
        if is_series(groups) and not isinstance(groups, str | Iterator):
            starts = islice(groups, LIKELY)
        return max([2, *(int(k) + 1 for k in starts if is_whole(k) and k < LIKELY)])

    rows = side(options.get("row_labels"), options.get("row_groups"))
    return rows, side(options.get("col_labels"), options.get("col_groups"))
