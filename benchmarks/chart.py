"""A chart of two cases, drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Table


def draw(tables: Mapping[str, Table], path: Path) -> None:
    """Draw the rates of the article's job and of the encoders, as far as they were measured."""
    import matplotlib.pyplot as plt

    panels = [
        ("seed", "The article's job: frames/s", 2, "log"),
        ("encode", "Encoding finished frames: ms per frame", 1, "log"),
        ("encode", "Encoding finished frames: bytes per frame", 3, "linear"),
    ]
    panels = [panel for panel in panels if panel[0] in tables]
    if not panels:
        return
    figure, axes = plt.subplots(len(panels), figsize=(9, 2.4 * len(panels)), squeeze=False)
    for place, (name, title, column, scale) in zip(axes[:, 0], panels, strict=True):
        rows = tables[name].rows[::-1]
        values = [float(row[column].replace(",", "")) for row in rows]
        ours = ["#1b7837" if row[0].startswith("fastheat") else "#999999" for row in rows]
        bars = place.barh([row[0] for row in rows], values, color=ours)
        place.bar_label(bars, [row[column] for row in rows], padding=4)
        place.set_title(f"{title} (log)" if scale == "log" else title, loc="left")
        place.set_xscale(scale)
        place.set_xlim(min(values) / 2 if scale == "log" else 0, max(values) * 1.3)
        # every bar is labelled with its value
        place.xaxis.set_visible(False)
        place.spines[["top", "right", "bottom"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)
