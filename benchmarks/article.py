"""The article's code for an animated heatmap, one matplotlib figure per frame, and faster variants.

Each frame is an annotated heatmap as in matplotlib's gallery. It is saved to memory as a PNG and
opened by Pillow, which then writes all frames.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[Any]
SIZE = (15, 10)  # inches
LOOK: dict[str, Any] = {"cmap": "YlGn", "vmin": 0, "vmax": 0.05}


def labels(data: Values) -> tuple[list[str], list[str]]:
    rows, columns = data.shape
    return [f"embed_dim_{i}" for i in range(rows)], [f"orig_dim_{j}" for j in range(columns)]


def decorate(axes: Any, data: Values) -> None:
    """Set labels, ticks and the grid."""
    import matplotlib.pyplot as plt

    rows, columns = labels(data)
    axes.set_xticks(np.arange(len(columns)), labels=columns)
    axes.set_yticks(np.arange(len(rows)), labels=rows)
    axes.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False)
    plt.setp(axes.get_xticklabels(), rotation=-30, ha="right", rotation_mode="anchor")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="w", linestyle="-", linewidth=3)
    axes.tick_params(which="minor", bottom=False, left=False)


def colors(image: Any, data: Values) -> NDArray[np.str_]:
    """Return the text colour of each cell."""
    norm = image.norm
    return np.where(norm(data) > norm(data.max()) / 2, "white", "black")


def grabbed(figure: Any) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    buffer.seek(0)
    with Image.open(buffer) as picture:
        return picture.copy()


def by_figures(frames: Iterable[Values]) -> Iterator[Image.Image]:
    """Draw each frame as the article does, in a figure of its own."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import StrMethodFormatter

    write = StrMethodFormatter("{x:.9f}")
    for data in frames:
        figure, axes = plt.subplots(figsize=SIZE)
        image = axes.imshow(data, **LOOK)
        decorate(axes, data)
        norm: Any = image.norm
        threshold = norm(data.max()) / 2
        for (i, j), value in np.ndenumerate(data):
            color = ("black", "white")[int(norm(value) > threshold)]
            axes.text(j, i, write(value, None), ha="center", va="center", color=color)
        figure.tight_layout()
        picture = grabbed(figure)
        plt.close(figure)
        yield picture


def by_one_figure(frames: Iterable[Values]) -> Iterator[Image.Image]:
    """Draw all frames in one figure, updating only the values, the texts and their colours."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import StrMethodFormatter

    write = StrMethodFormatter("{x:.9f}")
    figure: Any = None
    for data in frames:
        if figure is None:
            figure, axes = plt.subplots(figsize=SIZE)
            image = axes.imshow(data, **LOOK)
            decorate(axes, data)
            texts = {
                (i, j): axes.text(j, i, write(value, None), ha="center", va="center")
                for (i, j), value in np.ndenumerate(data)
            }
            figure.tight_layout()
        image.set_data(data)
        color = colors(image, data)
        for (i, j), text in texts.items():
            text.set_text(write(float(data[i, j]), None))
            text.set_color(str(color[i, j]))
        yield grabbed(figure)
    plt.close(figure)


def by_seaborn(frames: Iterable[Values]) -> Iterator[Image.Image]:
    """Draw each frame with `seaborn.heatmap`."""
    import matplotlib.pyplot as plt
    import seaborn

    for data in frames:
        rows, columns = labels(data)
        figure, axes = plt.subplots(figsize=SIZE)
        seaborn.heatmap(
            data,
            annot=True,
            fmt=".9f",
            linewidths=3,
            cbar=False,
            square=True,
            xticklabels=columns,
            yticklabels=rows,
            ax=axes,
            **LOOK,
        )
        figure.tight_layout()
        picture = grabbed(figure)
        plt.close(figure)
        yield picture


def save(
    path: Path, frames: list[Values], draw: Callable[[Iterable[Values]], Iterator[Image.Image]]
) -> None:
    """Write all frames as the article does."""
    first, *others = draw(frames)
    with path.open("wb") as file:
        first.save(
            file,
            format="GIF",
            save_all=True,
            append_images=others,
            optimize=False,
            duration=20,
            loop=0,
        )
