"""The article's job: the weights of a real training run, and the layout that draws them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import fastheat
from fastheat.cli.demo import train

OPTIONS = ["--cmap", "YlGn", "--vmin", "0", "--vmax", "0.05", "--valfmt", "{x:.9f}"]
OPTIONS += ["--figsize", "15", "10", "--row-labels", "embed_dim_{}", "--col-labels", "orig_dim_{}"]
OPTIONS += ["--duration", "20", "--quiet", "--no-progress"]
LOOK: dict[str, Any] = {
    "cmap": "YlGn",
    "vmin": 0,
    "vmax": 0.05,
    "valfmt": "{x:.9f}",
    "figsize": (15, 10),
    "row_labels": "embed_dim_{}",
    "col_labels": "orig_dim_{}",
}
JOB = "10 x 15 cells, nine decimals, 1500 x 1000 px"
Values: TypeAlias = NDArray[np.float64]


def history(frames: int) -> list[Values]:
    """Return the 10 x 15 weight matrices of a real training run, one per step."""
    return list(train(frames - 1, every=1))


def heatmap() -> fastheat.Heatmap:
    """Return the article's layout."""
    return fastheat.Heatmap((10, 15), **LOOK)
