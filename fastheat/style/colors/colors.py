"""Colours: parsing as matplotlib does it, compositing, contrast and colour difference."""

from __future__ import annotations

import re
from numbers import Real
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from fastheat.checks import is_series
from fastheat.messages import short, suggest

RGB: TypeAlias = tuple[int, int, int]
"""Channels 0..255."""

RGBA: TypeAlias = tuple[float, float, float, float]
"""Channels 0..1, alpha last and not premultiplied."""

WHITE: RGB = (255, 255, 255)

# matplotlib's values, which differ from CSS for green, cyan and others.
_LETTERS: dict[str, RGBA] = {
    "b": (0, 0, 1, 1),
    "g": (0, 0.5, 0, 1),
    "r": (1, 0, 0, 1),
    "c": (0, 0.75, 0.75, 1),
    "m": (0.75, 0, 0.75, 1),
    "y": (0.75, 0.75, 0, 1),
    "k": (0, 0, 0, 1),
    "w": (1, 1, 1, 1),
}

# In the order of the default colour cycle; "C0" is the first.
_TABLEAU = {
    "tab:blue": "#1f77b4",
    "tab:orange": "#ff7f0e",
    "tab:green": "#2ca02c",
    "tab:red": "#d62728",
    "tab:purple": "#9467bd",
    "tab:brown": "#8c564b",
    "tab:pink": "#e377c2",
    "tab:gray": "#7f7f7f",
    "tab:olive": "#bcbd22",
    "tab:cyan": "#17becf",
}
_CYCLE = list(_TABLEAU.values())
_TABLEAU["tab:grey"] = _TABLEAU["tab:gray"]

_EXPECTED = (
    "expected a CSS name, a letter of 'bgrcmykw', 'tab:blue', 'C0', '#rgb[a]', '#rrggbb[aa]', "
    "a grey '0'..'1', an RGB(A) sequence of floats 0..1 or (color, alpha)"
)


def parse_rgba(spec: object) -> RGBA:
    """Return the RGBA channels of a colour specification, read as matplotlib does.

    Parameters
    ----------
    spec
        A CSS name, one of the letters ``bgrcmykw``, ``'tab:blue'``, ``'C0'`` (counted modulo
        10), ``'#rgb'``, ``'#rgba'``, ``'#rrggbb'``, ``'#rrggbbaa'``, a grey level such as
        ``'0.5'``, a sequence of three or four floats 0..1, a tuple ``(color, alpha)``, or
        ``'none'``, which is transparent.

    Returns
    -------
    tuple of float
        Red, green, blue and alpha, each 0..1.

    Raises
    ------
    ValueError
        If `spec` is none of these.
    """
    if isinstance(spec, tuple) and len(spec) == 2 and not isinstance(spec[0], Real):
        color, alpha = spec
        rgba = parse_rgba(color)
        if alpha is None or _is_none(color):
            return rgba
        if not isinstance(alpha, Real) or not 0 <= float(alpha) <= 1:
            raise ValueError(
                f"invalid alpha {short(alpha)} in {short(spec)}: expected a number 0..1"
            )
        return (*rgba[:3], float(alpha))
    if isinstance(spec, str):
        return _parse_name(spec)
    if isinstance(spec, np.ndarray) and spec.ndim == 2 and len(spec) == 1:
        spec = spec[0]
    if is_series(spec):
        channels = list(spec)
        if len(channels) in (3, 4) and all(isinstance(v, Real) for v in channels):
            red, green, blue, alpha = (float(v) for v in [*channels, 1.0][:4])
            if all(0 <= v <= 1 for v in (red, green, blue, alpha)):
                return red, green, blue, alpha
            raise ValueError(
                f"invalid color {short(spec)}: expected channels 0..1 (divide 0..255 by 255)"
            )
    raise ValueError(f"invalid color {short(spec)}: {_EXPECTED}")


def parse_color(spec: object, background: RGB = WHITE) -> RGB:
    """Return the 8-bit colour that matplotlib paints for a colour specification.

    Parameters
    ----------
    spec
        As for `parse_rgba`.
    background
        Colour that shows through where alpha is below 1; it is the result for ``'none'``.

    Returns
    -------
    tuple of int
        Red, green and blue, each 0..255. Halves are rounded up, so ``'0.5'`` is 128; only
        colours of a colormap are truncated.

    Raises
    ------
    ValueError
        If `spec` is not a colour.
    """
    rgba = np.array([int(v * 255 + 0.5) for v in parse_rgba(spec)], np.uint8)
    red, green, blue = composite(rgba, background).tolist()
    return red, green, blue


def composite(rgba: npt.NDArray[np.uint8], background: RGB = WHITE) -> npt.NDArray[np.uint8]:
    """Composite translucent colours over an opaque background.

    Parameters
    ----------
    rgba
        Shape (..., 4), not premultiplied.
    background
        The colour beneath.

    Returns
    -------
    ndarray of uint8
        Shape (..., 3), exactly the values of matplotlib's Agg renderer.
    """
    color = rgba[..., :3].astype(np.int64)
    alpha = rgba[..., 3:].astype(np.int64)
    under = np.array(background, np.int64) * 255
    # Agg's blend in a plain RGBA buffer. Agg skips it for opaque colours, and so do we: the blend
    # would darken them by one level.
    total = ((alpha + 255) << 8) - alpha * 255
    mixed = (((color << 8) - under) * alpha + (under << 8)) // total
    return np.where(alpha == 255, color, mixed).astype(np.uint8)


def relative_luminance(rgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the relative luminance as WCAG 2 defines it.

    Parameters
    ----------
    rgb
        Shape (..., 3), sRGB: integers 0..255 or floats 0..1.

    Returns
    -------
    ndarray of float
        Shape (...): 0 for black, 1 for white.
    """
    luminance: npt.NDArray[np.float64] = _linear(rgb) @ np.array([0.2126, 0.7152, 0.0722])
    return luminance


def contrast_ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the contrast ratio of two colours as WCAG 2 defines it.

    Parameters
    ----------
    a, b
        Shapes (..., 3) that broadcast, sRGB: integers 0..255 or floats 0..1.

    Returns
    -------
    ndarray of float
        From 1 (equal luminance) to 21 (black on white); the order of the two does not matter.
    """
    first, second = relative_luminance(a) + 0.05, relative_luminance(b) + 0.05
    ratio: npt.NDArray[np.float64] = np.maximum(first, second) / np.minimum(first, second)
    return ratio


# IEC 61966-2-1: linear sRGB -> CIE XYZ under D65.
_XYZ_FROM_RGB = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
# The white point is the matrix's own, so that greys have a* = b* = 0 up to rounding.
_LAB_FROM_RGB = _XYZ_FROM_RGB / _XYZ_FROM_RGB.sum(axis=1, keepdims=True)


def srgb_to_lab(rgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Convert sRGB to CIE 1976 L*a*b*, D65.

    Parameters
    ----------
    rgb
        Shape (..., 3), sRGB: integers 0..255 or floats 0..1.

    Returns
    -------
    ndarray of float
        Shape (..., 3): L* 0..100, a*, b*.
    """
    t = _linear(rgb) @ _LAB_FROM_RGB.T
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def delta_e_2000(lab1: npt.ArrayLike, lab2: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the CIEDE2000 colour difference.

    Parameters
    ----------
    lab1, lab2
        Shapes (..., 3) that broadcast, CIE L*a*b*.

    Returns
    -------
    ndarray of float
        The difference, without the last axis; about 1 is just noticeable.

    Notes
    -----
    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes,
    supplementary test data, and mathematical observations", Color Research and Application
    30 (2005), with kL = kC = kH = 1; the names are theirs.
    """
    one, two = np.asarray(lab1, np.float64), np.asarray(lab2, np.float64)
    L1, a1, b1 = one[..., 0], one[..., 1], one[..., 2]
    L2, a2, b2 = two[..., 0], two[..., 1], two[..., 2]

    C_bar7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(C_bar7 / (C_bar7 + 25.0**7))
    C1, C2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1 = np.degrees(np.arctan2(b1, a1 * stretch)) % 360
    h2 = np.degrees(np.arctan2(b2, a2 * stretch)) % 360

    # A grey has no hue, but any value will do: dH below is 0 for it.
    dh = h2 - h1
    dh = np.where(dh > 180, dh - 360, np.where(dh < -180, dh + 360, dh))
    h_sum = h1 + h2
    h_turn = np.where(h_sum < 360, h_sum + 360, h_sum - 360)
    h_bar = np.where(np.abs(h1 - h2) > 180, h_turn, h_sum) / 2

    dL, dC = L2 - L1, C2 - C1
    dH = 2 * np.sqrt(C1 * C2) * np.sin(np.radians(dh) / 2)
    L_bar50, C_bar = ((L1 + L2) / 2 - 50) ** 2, (C1 + C2) / 2
    T = (
        1
        - 0.17 * np.cos(np.radians(h_bar - 30))
        + 0.24 * np.cos(np.radians(2 * h_bar))
        + 0.32 * np.cos(np.radians(3 * h_bar + 6))
        - 0.20 * np.cos(np.radians(4 * h_bar - 63))
    )
    S_L = 1 + 0.015 * L_bar50 / np.sqrt(20 + L_bar50)
    S_C = 1 + 0.045 * C_bar
    S_H = 1 + 0.015 * C_bar * T
    turn = np.radians(30 * np.exp(-(((h_bar - 275) / 25) ** 2)))
    R_T = -2 * np.sqrt(C_bar**7 / (C_bar**7 + 25.0**7)) * np.sin(2 * turn)

    l_term, c_term, h_term = dL / S_L, dC / S_C, dH / S_H
    square = l_term**2 + c_term**2 + h_term**2 + R_T * c_term * h_term
    difference: npt.NDArray[np.float64] = np.sqrt(square)
    return difference


def _parse_name(spec: str) -> RGBA:
    if _is_none(spec):
        return 0.0, 0.0, 0.0, 0.0
    if spec in _LETTERS:
        return _LETTERS[spec]
    if re.fullmatch("C[0-9]+", spec):
        return _parse_hex(_CYCLE[int(spec[1:]) % len(_CYCLE)])
    name = spec.lower()
    if name in _TABLEAU:
        return _parse_hex(_TABLEAU[name])
    if name in ImageColor.colormap:
        red, green, blue = ImageColor.getrgb(name)[:3]
        return red / 255, green / 255, blue / 255, 1.0
    if name.startswith("xkcd:"):
        raise ValueError(
            f"invalid color {short(spec)}: xkcd names are not shipped; expected its hex value, "
            "'#rrggbb'"
        )
    if spec.startswith("#"):
        return _parse_hex(spec)
    try:
        grey = float(spec)
    except ValueError:
        near = suggest(spec, [*ImageColor.colormap, *_TABLEAU])
        raise ValueError(f"invalid color {short(spec)}: {_EXPECTED}{near}") from None
    if not 0 <= grey <= 1:
        hint = f"; a hex color begins with '#': '#{spec}'" if _HEX.fullmatch("#" + spec) else ""
        raise ValueError(f"invalid color {short(spec)}: expected a grey level '0'..'1'{hint}")
    return grey, grey, grey, 1.0


_HEX = re.compile("#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")


def _parse_hex(spec: str) -> RGBA:
    if not _HEX.fullmatch(spec):
        raise ValueError(
            f"invalid color {short(spec)}: expected '#rgb', '#rgba', '#rrggbb' or '#rrggbbaa'"
        )
    digits = spec[1:] if len(spec) > 5 else "".join(2 * digit for digit in spec[1:])
    red, green, blue, alpha = bytes.fromhex((digits + "ff")[:8])
    return red / 255, green / 255, blue / 255, alpha / 255


def _is_none(spec: object) -> bool:
    return isinstance(spec, str) and spec.lower() == "none"


def _linear(rgb: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return linear channels 0..1: sRGB without its transfer curve (IEC 61966-2-1)."""
    values = np.asarray(rgb)
    v = values / 255.0 if values.dtype.kind in "iu" else values.astype(np.float64)
    linear: npt.NDArray[np.float64] = np.where(
        v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4
    )
    return linear
