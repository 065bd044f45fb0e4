"""The article's way to an animated heatmap: a matplotlib figure for each frame.

Annotated heatmap as in matplotlib's gallery, saved to PNG in memory, opened by Pillow, and all
frames written by Pillow.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def draw(data: NDArray[Any]) -> Image.Image:
    """Draw one frame, 15 x 10 inches, nine decimals in every cell."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import StrMethodFormatter

    rows, columns = data.shape
    figure, axes = plt.subplots(figsize=(15, 10))
    image = axes.imshow(data, cmap="YlGn", vmin=0, vmax=0.05)
    axes.set_xticks(np.arange(columns), labels=[f"orig_dim_{j}" for j in range(columns)])
    axes.set_yticks(np.arange(rows), labels=[f"embed_dim_{i}" for i in range(rows)])
    axes.tick_params(top=True, bottom=False, labeltop=True, labelbottom=False)
    plt.setp(axes.get_xticklabels(), rotation=-30, ha="right", rotation_mode="anchor")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="w", linestyle="-", linewidth=3)
    axes.tick_params(which="minor", bottom=False, left=False)
    norm: Any = image.norm
    threshold = norm(data.max()) / 2
    write = StrMethodFormatter("{x:.9f}")
    for i in range(rows):
        for j in range(columns):
            color = ("black", "white")[int(norm(data[i, j]) > threshold)]
            axes.text(j, i, write(data[i, j], None), ha="center", va="center", color=color)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    buffer.seek(0)
    with Image.open(buffer) as picture:
        return picture.copy()


def save(path: str, frames: list[NDArray[Any]]) -> None:
    """Write all frames as the article does."""
    first, *others = (draw(frame) for frame in frames)
    with open(path, "wb") as file:  # noqa: PTH123
        first.save(
            file,
            format="GIF",
            save_all=True,
            append_images=others,
            optimize=False,
            duration=20,
            loop=0,
        )
