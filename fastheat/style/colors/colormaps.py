"""Colormaps: a name, a list of colours, a table or another library's object -> an 8-bit table.

The tables shipped are matplotlib's; COLORMAPS_LICENSE.txt names their original authors.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from io import BytesIO
from numbers import Real
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fastheat.messages import in_a_line, short, suggest
from fastheat.style.colors.colors import RGB, WHITE, composite, parse_rgba

# Three arrays: the names of the colormaps, their numbers of entries, and all entries. Where the
# reversed colormap differs from the flipped table (matplotlib recomputes and truncates it), the
# difference, modulo 256, is stored under the name with "_r".
_FILE = "colormaps.npy"  # beside this module

# Colormaps of seaborn and others in the package cmap that users ask for without the catalog's name.
_CATALOGS = {
    "seaborn": ("crest", "flare", "icefire", "mako", "rocket", "vlag"),
    "crameri": ("batlow", "roma", "vik"),
    "cmocean": ("balance", "haline", "thermal"),
    "colorcet": ("fire",),
}

# As many as matplotlib gives a colormap made from a list.
_INTERPOLATED_ENTRIES = 256


@dataclass(frozen=True, slots=True, eq=False)
class Colormap:
    """Opaque 8-bit colours for normed values, inside and outside of 0..1.

    Attributes
    ----------
    name
        The name it was requested by, for messages.
    table
        Shape (N, 3), uint8, read-only: the colour of a normed value ``x`` is ``table[int(x * N)]``,
        that of 1 is the last entry.
    under, over
        Colours of normed values below 0 and above 1.
    bad
        Colour of NaN and masked values; None shows the background.
    """

    name: str
    table: npt.NDArray[np.uint8]
    under: RGB
    over: RGB
    bad: RGB | None


def names() -> list[str]:
    """Return the names of the colormaps shipped, sorted, reversed ones (``_r``) included."""
    base = [name for name in _stored() if not name.endswith("_r")]
    return sorted(base + [name + "_r" for name in base])


def colormap(
    cmap: object,
    *,
    bad: object = None,
    under: object = None,
    over: object = None,
    background: RGB = WHITE,
) -> Colormap:
    """Return the `Colormap` that a name, a list, an array or an object describes.

    Parameters
    ----------
    cmap
        - a name: one of `names`, or ``"catalog:name"`` of the optional package ``cmap``, such as
          ``"crameri:batlow"``;
        - a list or tuple of two or more colours, evenly spaced, or of ``(position, color)``
          pairs from 0 to 1; colours in between are interpolated, to 256 entries;
        - an array of shape (N, 3) or (N, 4), uint8 or floats 0..1: the entries themselves;
        - a `Colormap`;
        - an object that returns uint8 colours when called with an array and ``bytes=True``, such
          as the colormaps of matplotlib and ``cmap``. It keeps its number of entries and its
          colours for under, over and bad.
    bad, under, over
        Colours to use instead of the colormap's own; ``bad="none"`` shows the background.
    background
        Colour that shows through where a colour has alpha below 1.

    Returns
    -------
    Colormap
        Its channels have matplotlib's 8-bit values: truncated, not rounded.

    Raises
    ------
    ValueError
        If the name is unknown, or a colour, a position or an entry is out of range.
    TypeError
        If `cmap` does not describe a colormap.
    ImportError
        If the name is one of the package ``cmap``, which is not installed.
    """
    if isinstance(cmap, Colormap):
        found = cmap
    elif isinstance(cmap, str):
        found = _from_name(cmap, background)
    elif isinstance(cmap, np.ndarray):
        found = _from_table("array", composite(_table_bytes(cmap), background))
    elif isinstance(cmap, (list, tuple)):
        found = _from_table("list", composite(_interpolate(cmap), background))
    elif callable(cmap) and not isinstance(cmap, type):
        found = _from_callable(cmap, background)
    else:
        raise TypeError(
            f"invalid cmap {short(cmap)}: expected a name, a list of colors, an (N, 3) array or a "
            "colormap object"
        )
    if bad is not None:
        found = dataclasses.replace(found, bad=_bad(_color_bytes(bad), background))
    if under is not None:
        found = dataclasses.replace(found, under=_rgb(_color_bytes(under), background))
    if over is not None:
        found = dataclasses.replace(found, over=_rgb(_color_bytes(over), background))
    return found


@lru_cache(maxsize=1)
def _stored() -> dict[str, npt.NDArray[np.uint8]]:
    data = pkgutil.get_data(__package__, _FILE)  # the package may be in a zip archive
    assert data is not None
    file = BytesIO(data)
    every, counts, entries = (np.load(file) for _ in range(3))
    return dict(zip(every.tolist(), np.split(entries, counts.cumsum()[:-1]), strict=True))


@cache
def _shipped(name: str) -> npt.NDArray[np.uint8]:
    """Return a shipped table, (N, 3), by its name in `names`."""
    base = name[:-2] if name.endswith("_r") else name
    table = _stored()[base]
    if name != base:
        table = table[::-1]
        if name in _stored():
            table = table + _stored()[name]
    return _frozen(table)


def _from_name(name: str, background: RGB) -> Colormap:
    if name in names():
        return _from_table(name, _shipped(name))
    package: Any = None
    with suppress(ImportError):
        package = importlib.import_module("cmap")
    catalog = [str(key) for key in package.Catalog()] if hasattr(package, "Catalog") else []
    if ":" not in name:
        near = suggest(name, names())
        same = _in_catalogs(name, catalog)
        if same and name.lower() not in map(str.lower, names()):
            near = f"; did you mean {' or '.join(map(repr, same))}, which the package cmap has?"
            if package is None:
                near += ' pip install "fastheat[colormaps]"'
        raise ValueError(
            f"unknown colormap {short(name)}: expected a name that matplotlib has, or colours{near}"
        )
    if package is None:
        raise ImportError(
            f"colormap {short(name)} needs the package cmap, which is not installed: "
            'pip install "fastheat[colormaps]"'
        )
    try:
        found = package.Colormap(name)
    except (ValueError, KeyError, TypeError) as error:
        reason = in_a_line(error)
        raise ValueError(
            f"unknown colormap {short(name)}: the package cmap says: {reason}"
            f"{suggest(name, catalog)}"
        ) from error
    return dataclasses.replace(_from_callable(found, background), name=name)


def _in_catalogs(name: str, catalog: Sequence[str]) -> list[str]:
    """Return the full names in the package cmap, "catalog:name", that match a bare name."""
    if not catalog:
        catalog = [f"{key}:{each}" for key, found in _CATALOGS.items() for each in found]
    base = name[:-2] if name.endswith("_r") else name
    same = [key for key in catalog if key.partition(":")[2].lower() == base.lower()]
    return [key + name[len(base) :] for key in same]


def _from_table(name: str, table: npt.NDArray[np.uint8]) -> Colormap:
    """Return a colormap with a table, (N, 3), and matplotlib's defaults for the rest."""
    return Colormap(name, _frozen(table), _triple(table[0]), _triple(table[-1]), None)


def _from_callable(cmap: object, background: RGB) -> Colormap:
    count = _entries(cmap)
    # Indices if the number of entries is known, else the centres of 256 bins.
    inside = np.arange(count) if count else (np.arange(256) + 0.5) / 256
    table = _call(cmap, inside)
    under, over, bad = _call(cmap, np.array([-1.0, 2.0, np.nan]))
    return Colormap(
        name=str(getattr(cmap, "name", type(cmap).__name__)),
        table=_frozen(composite(table, background)),
        under=_rgb(under, background),
        over=_rgb(over, background),
        bad=_bad(bad, background),
    )


def _entries(cmap: object) -> int | None:
    """Return the number of entries of a colormap object of matplotlib or cmap, else None."""
    count = getattr(cmap, "N", None)
    if isinstance(count, (int, np.integer)):
        if count < 1:
            raise ValueError(f"colormap {short(cmap)} has N = {count}: expected at least 1 entry")
        return int(count)
    lut = getattr(cmap, "lut", None)
    return len(lut()) if callable(lut) else None


def _call(cmap: object, x: npt.NDArray[np.int_] | npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Return the RGBA colours, (K, 4), that a colormap object has for `x`, (K,)."""
    try:
        colors = np.asarray(cmap(x, bytes=True))  # type: ignore[operator]
    except Exception as error:
        raise TypeError(
            f"invalid cmap {short(cmap)}: expected a colormap that can be called with an array and "
            f"bytes=True, but that raised "
            f"{type(error).__name__}: {in_a_line(error)}"
        ) from error
    if colors.dtype != np.uint8 or colors.shape not in ((len(x), 3), (len(x), 4)):
        raise TypeError(
            f"invalid cmap {short(cmap)}: expected uint8 colors of shape ({len(x)}, 4) from it, "
            f"not {colors.dtype} of shape {colors.shape}"
        )
    return _with_alpha(colors)


def _table_bytes(table: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Return a table given as an array, checked, as (N, 4) uint8."""
    if table.ndim != 2 or table.shape[1] not in (3, 4) or not len(table):
        raise ValueError(
            f"invalid cmap: an array of shape {table.shape}; expected (N, 3) or (N, 4)"
        )
    if table.dtype == np.uint8:
        return _with_alpha(table.astype(np.uint8))
    # Other integers are ambiguous: 0..255, or 0..1 as matplotlib would take them.
    if table.dtype.kind != "f":
        raise ValueError(
            f"invalid cmap: an array of {table.dtype}; expected uint8 (0..255) or floats (0..1)"
        )
    values = table.astype(np.float64)
    wrong = values[~((values >= 0) & (values <= 1))]
    if wrong.size:
        raise ValueError(f"invalid cmap: an array of floats with {wrong[0]}; expected 0..1")
    return _with_alpha(_truncate(values))


def _interpolate(colors: Sequence[object]) -> npt.NDArray[np.uint8]:
    """Return the table (256, 4) of `matplotlib.colors.LinearSegmentedColormap.from_list`.

    This repeats matplotlib's arithmetic step by step: since the result is truncated to 8 bits, it
    must not differ in the last bit of a float.
    """
    if len(colors) < 2:
        raise ValueError(f"invalid cmap {short(colors)}: expected at least two colors")
    positions = np.linspace(0, 1, len(colors))
    # No colour is a pair that begins with a number, so these are (position, color) pairs.
    if all(isinstance(c, (list, tuple)) and len(c) == 2 and isinstance(c[0], Real) for c in colors):
        pairs = cast("Sequence[tuple[float, object]]", colors)
        positions = np.array([float(position) for position, _ in pairs])
        colors = [color for _, color in pairs]
        if positions[0] != 0 or positions[-1] != 1 or not (np.diff(positions) >= 0).all():
            raise ValueError(
                f"invalid cmap positions {positions.tolist()}: expected them to rise from 0 to 1"
            )
    rgba = np.array([parse_rgba(color) for color in colors])
    last = _INTERPOLATED_ENTRIES - 1
    stops = (positions * last)[:, None]
    x = (last * np.linspace(0, 1, _INTERPOLATED_ENTRIES))[1:-1, None]
    right = np.searchsorted(stops[:, 0], x[:, 0])
    left = right - 1
    part = (x - stops[left]) / (stops[right] - stops[left])
    between = part * (rgba[right] - rgba[left]) + rgba[left]
    return _truncate(np.clip(np.concatenate([rgba[:1], between, rgba[-1:]]), 0, 1))


def _color_bytes(spec: object) -> npt.NDArray[np.uint8]:
    # Truncated, unlike in `parse_color`: matplotlib keeps these colours in the colormap's table.
    return _truncate(np.array(parse_rgba(spec)))


def _truncate(values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    return (values * 255).astype(np.uint8)


def _with_alpha(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return colours as (N, 4), with an opaque alpha added to (N, 3)."""
    if colors.shape[1] == 4:
        return colors
    return np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)


def _bad(rgba: npt.NDArray[np.uint8], background: RGB) -> RGB | None:
    return _rgb(rgba, background) if rgba[3] else None


def _rgb(rgba: npt.NDArray[np.uint8], background: RGB) -> RGB:
    return _triple(composite(rgba, background))


def _triple(rgb: npt.NDArray[np.uint8]) -> RGB:
    red, green, blue = rgb.tolist()
    return red, green, blue


def _frozen(table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a table as a contiguous, read-only array, since it is cached and shared."""
    table = np.ascontiguousarray(table)
    table.flags.writeable = False
    return table
