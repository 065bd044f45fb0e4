"""What frames are drawn with: the part that a heatmap and panels of several have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastheat.inputs.frames.annotations import Samples
from fastheat.inputs.frames.ranges import Extent, Extents, Range
from fastheat.inputs.sources.shapes import Shapes
from fastheat.layout.arrange import Mosaic
from fastheat.layout.layout import Layout, Shown
from fastheat.layout.reduction import Reduction, Reductions
from fastheat.messages import many, short, warn
from fastheat.tables import TRANSPARENT


def pairs_of(ends: Range) -> list[tuple[float | None, float | None]]:
    """Return `vmin` and `vmax` of each panel."""
    return list(zip(ends[::2], ends[1::2], strict=True))


class Picture(ABC):
    """A picture of matrices whose layout is precomputed."""

    @property
    @abstractmethod
    def shape(self) -> Shapes:
        """Rows and columns of the matrices."""

    @property
    @abstractmethod
    def range(self) -> Range:
        """The values at the ends of the colormap, None where they are not known yet."""

    @property
    @abstractmethod
    def range_text(self) -> str:
        """The range as a title shows it."""

    @property
    @abstractmethod
    def ranges(self) -> dict[str, tuple[float, float]]:
        """`vmin` and `vmax` of each panel, none of a single heatmap."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The text above the picture."""

    @property
    @abstractmethod
    def cbar(self) -> bool:
        """Whether there is a colour bar."""

    @property
    @abstractmethod
    def threshold(self) -> float | None:
        """The value above which texts have the second of their colours."""

    @property
    @abstractmethod
    def reduction(self) -> Reduction | Reductions | None:
        """How matrices become those that are drawn, None where they are drawn as they are."""

    @property
    @abstractmethod
    def bottoms(self) -> tuple[float, ...]:
        """What the range does not go below, of each panel in turn; -inf where it may."""

    @abstractmethod
    def check_growth(self) -> None:
        """Refuse what a range that grows cannot be with."""

    @abstractmethod
    def extent(self) -> Extent | Extents:
        """Return what takes the range of frames as this picture wants it, a chunk at a time."""

    def find_range(self, values: NDArray[np.float64]) -> Range:
        """Return the range of frames."""
        extent = self.extent()
        extent.add(values)
        return extent.found

    @abstractmethod
    def fitted(self, found: Range) -> Picture:
        """Return the same picture, the ends of its range that are not known those found."""

    @abstractmethod
    def ranged(self, ends: Range) -> Picture:
        """Return the same picture over another range, whatever was given."""

    @abstractmethod
    def by_frame(self) -> Picture:
        """Return the same picture, each frame over a range of its own, as far as none is given.

        Raises
        ------
        ValueError
            If it has what such ranges cannot be with.
        """

    @property
    @abstractmethod
    def is_by_frame(self) -> bool:
        """Whether each frame has a range of its own."""

    @abstractmethod
    def framed(self, dtype: np.dtype[Any]) -> Picture:
        """Return the same picture whose cells stay where they are whatever its range becomes."""

    @abstractmethod
    def with_titles(self) -> Picture:
        """Return the same picture with a place for a title of each frame, as large as its own."""

    @property
    def sample(self) -> Samples | None:
        """What the annotations of frames are like that it was made for, not by its own."""
        return None

    @abstractmethod
    def with_annots(self, dtype: np.dtype[Any]) -> Picture:
        """Return the same picture for annotations of each frame, as large as its own texts."""

    @abstractmethod
    def layout(self, dtype: np.dtype[Any] | None = None) -> Layout | Mosaic:
        """Return what frames of values of `dtype` are drawn from.

        By default it is the dtype of the values that were drawn last, float64 before.

        Raises
        ------
        ValueError
            If the range is not known yet.
        """

    @abstractmethod
    def _draw(
        self, values: Any, title: str | None, annot: Any
    ) -> tuple[NDArray[np.uint8], Layout | Mosaic]:
        """Return palette indices of a frame, and the layout that they were drawn with."""

    @abstractmethod
    def frame_image(
        self,
        values: NDArray[np.float64],
        dtype: np.dtype[Any],
        title: str | None,
        annot: NDArray[Any] | None = None,
        written: np.dtype[Any] | None = None,
        past: NDArray[np.float64] | None = None,
    ) -> Image.Image:
        """Draw what a chunk has of one frame.

        Parameters
        ----------
        dtype, written
            Those of the frames and of their annotations, as they were given.
        past
            (P, K) the scalars of all frames before, where there are lines.
        """

    def indices(
        self, values: Any, title: str | None = None, annot: Any = None
    ) -> NDArray[np.uint8]:
        """Draw one frame.

        Parameters
        ----------
        values
            (N, M) numbers; of panels a dictionary of such, or a tuple of them in their order.
        title
            In place of the picture's own, smaller where it is too long.
        annot
            (N, M) numbers or strings, in place of the heatmap's own, smaller where they are too
            long; of panels a dictionary of such for some or all of them.

        Returns
        -------
        (height, width) uint8
            Indices into `palette`.
        """
        return self._draw(values, title, annot)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture in pixels."""
        return self.layout().size

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours, (256, 3) uint8; unused ones are black."""
        return self.layout().table.copy()

    def rgb(self, values: Any, title: str | None = None, annot: Any = None) -> NDArray[np.uint8]:
        """Draw one frame, as `indices`, as (height, width, 3) uint8."""
        indices, layout = self._draw(values, title, annot)
        colors: NDArray[np.uint8] = layout.table[indices]
        return colors

    def image(self, values: Any, title: str | None = None, annot: Any = None) -> Image.Image:
        """Draw one frame, as `indices`, as a Pillow image of mode P."""
        return image_of(*self._draw(values, title, annot))


def image_of(indices: NDArray[np.uint8], layout: Layout | Mosaic) -> Image.Image:
    """Return palette indices as an image."""
    image = Image.fromarray(indices)
    image.putpalette(layout.table.tobytes())
    if layout.clear:
        image.info["transparency"] = TRANSPARENT
    return image


def warn_of(shown: Shown, layout: Layout | Mosaic) -> None:
    """Warn of what is not shown as given."""
    reductions = layout.reductions if isinstance(layout, Mosaic) else {"": layout.reduction}
    for name, reduction in reductions.items():
        if reduction is not None:
            warn((f"panel {name!r}: " if name else "") + reduction.told())
    if shown.hidden:
        warn(
            f"left out the text of {many(shown.hidden, 'cell')} without room for it at a size that "
            "can be read: give a larger figsize, a smaller text_size, a shorter valfmt, or "
            "valfmt=None"
        )
    if shown.untitled:
        warn(
            f"left out the title of {many(shown.untitled, 'frame')} without room for it at a size "
            "that can be read: give a larger figsize or a shorter title"
        )
    if shown.lacking:
        warn(f"no font has a glyph for {short(shown.lacking)}: give font= a font file that has")
    if isinstance(layout, Mosaic) and layout.replaced:
        warn(
            f"{many(layout.replaced, 'colour')} of the panels' cells, which 256 colours have no "
            f"room for, are shown in the nearest that they have, up to {layout.off:.1f} off "
            "(CIEDE2000): give maps that are alike"
        )


def empty_ranges(picture: Picture, given: Range) -> str:
    """Return which ranges, of those not `given`, have all values at one end; "" where none has."""
    pairs = zip(pairs_of(picture.range), pairs_of(given), strict=True)
    empty = [None in own and ends[0] == ends[1] for ends, own in pairs]
    if not any(empty):
        return ""
    if not picture.ranges:
        vmin, vmax = picture.range
        return f"an empty range, vmin={vmin:g} and vmax={vmax:g},"
    names = " and ".join(map(repr, compress(picture.ranges, empty)))
    return f"empty ranges of {names}"


def warn_of_labels(layout: Layout | Mosaic) -> None:
    """Warn of labels that were asked for and are left out."""
    if layout.left_out:
        warn(
            f"left out {' and '.join(layout.left_out)}, which have no room: give a larger figsize, "
            "a smaller fontsize, labels that are turned, or thin_labels=False to draw all of them"
        )
    if layout.beyond:
        warn(f"left out {' and '.join(layout.beyond)}, which are not in the range")


def ways_of(layout: Layout | Mosaic) -> tuple[str, ...]:
    """Return the ways in which matrices are reduced."""
    parts = layout.parts if isinstance(layout, Mosaic) else (layout,)
    found = (part.reduction.how for part in parts if part.reduction is not None)
    return tuple(dict.fromkeys(found))
