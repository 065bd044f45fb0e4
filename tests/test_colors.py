"""Colours, compared with matplotlib for names, and with published pairs for differences."""

from __future__ import annotations

import io
from typing import Any

import matplotlib.colors as mcolors
import numpy as np
import pytest
import reference
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from skimage.color import deltaE_ciede2000, rgb2lab

from fastheat.messages import suggest
from fastheat.style.colors.colors import (
    RGB,
    composite,
    contrast_ratio,
    delta_e_2000,
    parse_color,
    parse_rgba,
    relative_luminance,
    srgb_to_lab,
)

# Sharma, Wu and Dalal 2005, table 1: L1 a1 b1 L2 a2 b2 dE00.
SHARMA_PAIRS = np.loadtxt(
    io.StringIO("""
    50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
    50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
    50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
    50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
    50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
    50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
    50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
    50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
    50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
    50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
    50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
    50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
    50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
    50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
    50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
    50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
    50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
    50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
    50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
    50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
    50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
    50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
    50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
    50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
    60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
    63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
    61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
    35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
    22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
    36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
    90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
    90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
    6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
    2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
    """)
)


def painted(spec: Any, background: RGB = (255, 255, 255)) -> RGB:
    """Return the colour that matplotlib paints for a colour spec."""
    figure = Figure(figsize=(1, 1), dpi=8, facecolor=f"#{bytes(background).hex()}")
    figure.add_artist(Rectangle((-1, -1), 3, 3, facecolor=spec, linewidth=0))
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    red, green, blue = np.asarray(canvas.buffer_rgba())[4, 4, :3].tolist()
    return red, green, blue


@pytest.mark.parametrize("name", [*mcolors.CSS4_COLORS, *mcolors.BASE_COLORS])
def test_every_name_is_matplotlibs_colour(name: str) -> None:
    assert parse_rgba(name) == mcolors.to_rgba(name)


@pytest.mark.parametrize("name", [*mcolors.TABLEAU_COLORS, "tab:grey"])
def test_every_tableau_name_is_matplotlibs_colour(name: str) -> None:
    assert parse_rgba(name) == mcolors.to_rgba(name)


@reference.NEEDS_NEW
@pytest.mark.parametrize(
    "spec",
    [
        *[f"C{k}" for k in (*range(12), 99)],
        "White",
        "RebeccaPurple",
        "TAB:Blue",
        "#fff",
        "#1aF",
        "#1aF8",
        "#12AbeF",
        "#12abef80",
        "0",
        "1",
        "0.5",
        ".25",
        "1e-1",
        " 0.5",
        (0.1, 0.2, 0.3),
        [0.1, 0.2, 0.3, 0.4],
        (1, 0, 0),
        np.array([0.1, 0.2, 0.3]),
        np.array([[0.1, 0.2, 0.3]]),
        np.array([0.1, 0.2, 0.3], np.float32),
        ("red", 0.5),
        ("#12abef80", 0.25),
        ("C1", 0.2),
        ("0.5", 0.3),
        ((0.1, 0.2, 0.3), 0.5),
        ((0.1, 0.2, 0.3, 0.9), 0.5),
        ("r", None),
        ("none", 0.5),
        "none",
        "None",
    ],
)
def test_every_way_to_write_a_colour_is_read_as_matplotlib_does(spec: Any) -> None:
    assert parse_rgba(spec) == mcolors.to_rgba(spec)


@pytest.mark.parametrize(
    "spec",
    [
        *["", "G", "c0", "C", "C-1", " red", "#12345", "#ggg", "#", "-0.1", "1.1", "nan", "inf"],
        *["rgb(1, 2, 3)", None, 0.5, 1, (1, 2, 3), (0.1, 0.2), (1, 1, 1, 1, 1), ("red", 2)],
        *[("red", "0.5"), ("red", -0.1), ["red", 0.5], (0.1, "0.2", 0.3), b"red", {}],
    ],
)
def test_what_matplotlib_refuses_is_refused_by_name(spec: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        mcolors.to_rgba(spec)
    with pytest.raises(ValueError, match="expected") as caught:
        parse_color(spec)
    assert repr(spec) in str(caught.value)


@pytest.mark.parametrize("spec", [(float("nan"), 0, 0), ("red", float("nan"))])
def test_channels_that_are_nan_are_refused(spec: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_rgba(spec)


def test_an_error_suggests_the_nearest_names() -> None:
    with pytest.raises(ValueError, match=r"'bleu'.*did you mean.*'blue'") as caught:
        parse_color("bleu")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"'tab:blu'.*'tab:blue'"):
        parse_color("tab:blu")


def test_a_forgotten_hash_is_suggested() -> None:
    with pytest.raises(ValueError, match="'#123456'"):
        parse_color("123456")


def test_xkcd_names_are_said_not_to_be_shipped() -> None:
    with pytest.raises(ValueError, match=r"'xkcd:sky blue'.*not shipped"):
        parse_color("xkcd:sky blue")


def test_floats_are_rounded_as_matplotlib_paints_them() -> None:
    assert parse_color((0.5, 0.5, 0.5)) == (128, 128, 128)
    greys = [*np.linspace(0, 1, 101).tolist(), *((np.arange(16) * 17 + 0.5) / 255).clip(0, 1)]
    for grey in greys:
        spec = (grey, grey, grey)
        assert parse_color(spec) == painted(spec)


def test_alpha_is_laid_over_the_background_as_matplotlib_paints_it() -> None:
    random = np.random.default_rng(5)
    for alpha in [0.0, 1.0, 0.001, 0.999, *random.random(60)]:
        spec = (*random.random(3).tolist(), float(alpha))
        red, green, blue = random.integers(0, 256, 3).tolist()
        background = (red, green, blue)
        assert parse_color(spec, background) == painted(spec, background)


def test_none_is_all_background() -> None:
    assert parse_color("none", (1, 2, 3)) == (1, 2, 3)
    assert parse_color("none") == (255, 255, 255)


def test_compositing_keeps_both_ends_exact() -> None:
    colors = np.arange(256, dtype=np.uint8)
    opaque = np.stack([colors, colors, colors, np.full(256, 255, np.uint8)], axis=-1)
    clear = np.stack([colors, colors, colors, np.zeros(256, np.uint8)], axis=-1)
    np.testing.assert_array_equal(composite(opaque, (9, 99, 199)), opaque[:, :3])
    np.testing.assert_array_equal(composite(clear, (9, 99, 199)), np.tile([9, 99, 199], (256, 1)))
    assert composite(opaque.reshape(4, 64, 4)).shape == (4, 64, 3)


def test_suggestions_ignore_case_and_may_be_none() -> None:
    assert suggest("ylgn", ["YlGn", "viridis"]) == "; did you mean 'YlGn'?"
    assert suggest("VIRIDES", ["YlGn", "viridis"]) == "; did you mean 'viridis'?"
    assert suggest("zzz", ["YlGn", "viridis"]) == ""
    assert suggest("anot", ["annot", "vmin", "annot"]) == "; did you mean 'annot'?"


def test_lab_of_the_primaries() -> None:
    rgb = np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    expected = [
        [100.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [53.2408, 80.0925, 67.2032],
        [87.7347, -86.1827, 83.1793],
        [32.2970, 79.1875, -107.8602],
    ]
    np.testing.assert_allclose(srgb_to_lab(rgb), expected, atol=2e-3)


def test_lab_agrees_with_skimage_for_integers_and_floats() -> None:
    rgb = np.random.default_rng(6).integers(0, 256, (50, 40, 3), np.uint8)
    expected = rgb2lab(rgb)
    # scikit-image's white point and matrix have one digit less
    np.testing.assert_allclose(srgb_to_lab(rgb), expected, atol=0.02)
    np.testing.assert_array_equal(srgb_to_lab(rgb / 255), srgb_to_lab(rgb))
    np.testing.assert_array_equal(srgb_to_lab(rgb.astype(np.int64)), srgb_to_lab(rgb))


def test_greys_have_no_hue() -> None:
    greys = np.repeat(np.arange(256), 3).reshape(-1, 3)
    np.testing.assert_allclose(srgb_to_lab(greys)[:, 1:], 0, atol=1e-10)


def test_delta_e_2000_gives_the_published_differences() -> None:
    assert len(SHARMA_PAIRS) == 34
    one, two, expected = SHARMA_PAIRS[:, :3], SHARMA_PAIRS[:, 3:6], SHARMA_PAIRS[:, 6]
    np.testing.assert_allclose(delta_e_2000(one, two), expected, atol=5.1e-5)
    np.testing.assert_allclose(delta_e_2000(two, one), expected, atol=5.1e-5)


def test_delta_e_2000_agrees_with_skimage_and_broadcasts() -> None:
    random = np.random.default_rng(7)
    one = srgb_to_lab(random.integers(0, 256, (60, 1, 3)))
    two = srgb_to_lab(random.integers(0, 256, (1, 70, 3)))
    ours = delta_e_2000(one, two)
    assert ours.shape == (60, 70)
    oracle: Any = deltaE_ciede2000
    expected = oracle(*np.broadcast_arrays(one, two))
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_delta_e_2000_of_a_colour_and_itself_is_zero() -> None:
    lab = srgb_to_lab(np.random.default_rng(8).integers(0, 256, (500, 3)))
    np.testing.assert_array_equal(delta_e_2000(lab, lab), 0)


def test_contrast_ratios_of_wcag() -> None:
    white, black, grey = (255, 255, 255), (0, 0, 0), (118, 118, 118)
    assert contrast_ratio(white, black) == pytest.approx(21)
    assert contrast_ratio(black, white) == pytest.approx(21)
    assert contrast_ratio(grey, grey) == pytest.approx(1)
    # #767676 is the lightest grey that passes 4.5 on white, #777777 fails.
    assert contrast_ratio(grey, white) == pytest.approx(4.54, abs=0.005)
    assert contrast_ratio((119, 119, 119), white) == pytest.approx(4.48, abs=0.005)


def test_luminance_weighs_the_channels_and_takes_arrays() -> None:
    rgb = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)
    np.testing.assert_allclose(relative_luminance(rgb), [0.2126, 0.7152, 0.0722, 1])
    np.testing.assert_allclose(relative_luminance(rgb / 255), relative_luminance(rgb))
    assert relative_luminance((127, 127, 127)) == pytest.approx(0.2122, abs=1e-4)
    assert contrast_ratio(rgb[:, None], rgb[None]).shape == (4, 4)
