"""Write fastheat/style/colors/colormaps.npy from the installed matplotlib (3.11 or later).

Run it again to pick up new colormaps: ``python tools/make_colormaps.py``. The file's bytes depend
only on the tables and on numpy's array format.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap

TARGET = Path(__file__).parents[1] / "fastheat" / "style" / "colors" / "colormaps.npy"


def table_of(cmap: Colormap) -> npt.NDArray[np.uint8]:
    """Return the (N, 3) entries of a colormap, after checking that nothing else defines it."""
    entries = np.asarray(cmap(np.arange(cmap.N), bytes=True), np.uint8)
    under, over, bad = np.asarray(cmap(np.array([-1.0, 2.0, np.nan]), bytes=True), np.uint8)
    if not (
        (entries[:, 3] == 255).all()
        and (under == entries[0]).all()
        and (over == entries[-1]).all()
        and not bad.any()
    ):
        raise SystemExit(f"{cmap.name}: alpha, under, over or bad are special; store them too")
    return entries[:, :3]


def arrays() -> dict[str, npt.NDArray[np.uint8]]:
    """Return the tables to store: each colormap, and each "_r" map minus the flipped original."""
    found: dict[str, npt.NDArray[np.uint8]] = {}
    for name in sorted(matplotlib.colormaps):
        if name.endswith("_r"):
            continue
        found[name] = table_of(matplotlib.colormaps[name])
        # modulo 256, in uint8
        difference = table_of(matplotlib.colormaps[name + "_r"]) - found[name][::-1]
        if difference.any():
            found[name + "_r"] = difference
    return found


def main() -> None:
    """Write the file."""
    tables = arrays()
    with TARGET.open("wb") as file:
        np.save(file, np.array(list(tables)))
        np.save(file, np.array([len(table) for table in tables.values()]))
        np.save(file, np.concatenate(list(tables.values())))
    count = sum(not name.endswith("_r") for name in tables)
    print(
        f"{TARGET}: {count} maps, {len(tables) - count} differences, {TARGET.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
