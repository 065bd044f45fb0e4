"""The article's figure drawn by matplotlib: the oracle for the layout as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import StrMethodFormatter

VERSION = tuple(int(part) for part in matplotlib.__version__.split(".")[:2])
NEEDS_NEW = pytest.mark.skipif(
    VERSION < (3, 11), reason=f"the oracle is matplotlib 3.11, this is {matplotlib.__version__}"
)

ARTICLE = {"rotation": -30, "horizontalalignment": "right", "rotation_mode": "anchor"}
"""How the article's code turns the labels of its columns."""

Edges = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels, y downwards."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A drawn figure and its artists."""

    pixels: npt.NDArray[np.uint8]  # (height, width, 3)
    axes: Axes
    image: AxesImage
    texts: Sequence[Sequence[Text]]  # of the cells; empty without valfmt
    bar: Colorbar | None

    def edges(self, artist: Artist) -> Edges:
        """Return the window extent of an artist."""
        box = artist.get_window_extent()
        height = len(self.pixels)
        return float(box.x0), float(height - box.y1), float(box.x1), float(height - box.y0)

    def cell(self, i: int, j: int) -> Edges:
        """Return the edges of a cell, ignoring grid lines."""
        height = len(self.pixels)
        corners = [(j - 0.5, i - 0.5), (j + 0.5, i + 0.5)]
        (x0, y0), (x1, y1) = self.axes.transData.transform(corners).tolist()
        return x0, height - y0, x1, height - y1


def defaults() -> AbstractContextManager[None]:
    """Return a context with matplotlib's default settings."""
    return matplotlib.rc_context(cast("Any", dict(matplotlib.rcParamsDefault)))


def draw(
    values: npt.ArrayLike,
    row_labels: Sequence[str],
    col_labels: Sequence[str],
    *,
    figsize: tuple[float, float],
    dpi: float = 100,
    valfmt: str | None = "{x:.2f}",
    textcolors: tuple[str, str] = ("black", "white"),
    threshold: float | None = None,
    cbar: bool = False,
    cbar_label: str = "",
    cmap: str | Colormap = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
    norm: Normalize | None = None,
    aspect: str = "equal",
    row_side: str = "left",
    col_side: str = "top",
    row_text: Mapping[str, object] = {},
    col_text: Mapping[str, object] = ARTICLE,
    cbar_location: str = "right",
    cbar_shrink: float = 1.0,
    cbar_aspect: float = 20,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
) -> Reference:
    """Draw the article's `heatmap()` and `annotate_heatmap()`, laid out with `tight_layout`.

    `row_text` and `col_text` are properties to set on the labels.
    """
    data = np.asarray(values)
    rows, columns = data.shape
    with defaults():
        figure = Figure(figsize=figsize, dpi=dpi)
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.subplots()
        scale: dict[str, Any] = {"cmap": cmap, "norm": norm, "vmin": vmin, "vmax": vmax}
        image = axes.imshow(data, aspect=cast("Any", aspect), **scale)
        bar = None
        if cbar:
            size: dict[str, Any] = {"shrink": cbar_shrink, "aspect": cbar_aspect}
            bar = figure.colorbar(image, ax=axes, location=cast("Any", cbar_location), **size)
            if cbar_location == "right":
                bar.ax.set_ylabel(cbar_label, rotation=-90, va="bottom")
            else:
                bar.set_label(cbar_label)
        axes.set_xticks(np.arange(columns), labels=list(col_labels))
        axes.set_yticks(np.arange(rows), labels=list(row_labels))
        below, left = col_side == "bottom", row_side == "left"
        axes.tick_params(top=not below, bottom=below, labeltop=not below, labelbottom=below)
        axes.tick_params(left=left, right=not left, labelleft=left, labelright=not left)
        for label in axes.get_xticklabels():
            label.set(**col_text)
        for label in axes.get_yticklabels():
            label.set(**row_text)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="w", linestyle="-", linewidth=3)
        axes.tick_params(which="minor", bottom=False, left=False)
        texts: list[list[Text]] = []
        if valfmt is not None:
            formatter = StrMethodFormatter(valfmt)
            scaled = cast("Any", image.norm)
            limit = scaled(data.max()) / 2 if threshold is None else scaled(threshold)
            texts = [
                [
                    axes.text(
                        j,
                        i,
                        formatter(data[i, j], None),
                        horizontalalignment="center",
                        verticalalignment="center",
                        color=textcolors[int(bool(scaled(data[i, j]) > limit))],
                    )
                    for j in range(columns)
                ]
                for i in range(rows)
            ]
        figure.tight_layout()
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    return Reference(pixels, axes, image, texts, bar)
