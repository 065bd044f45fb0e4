"""Stills and first frames of the kernels, compared with numpy: every pixel, and the counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import paint

from fastheat import Heatmap, Panels
from fastheat.figure.base import Figure
from fastheat.inputs.sources.masks import hide
from fastheat.layout.layout import Shown
from fastheat.render import stills
from fastheat.render.encode import encode_chunk
from fastheat.tables import TRANSPARENT

Values = npt.NDArray[np.float64]


def assert_alike(found: tuple[Any, Shown], wanted: tuple[Any, Shown]) -> None:
    np.testing.assert_array_equal(found[0], wanted[0])
    assert found[1] == wanted[1]


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ODD = [0.0, -0.0, 1.0, -1e-9, 1e22, 1e300, math.nan, math.inf, -math.inf]
numbers = st.one_of(st.floats(-1.5, 1.5), st.floats(), st.sampled_from(ODD))


def shouted(value: float) -> str:
    return f"{value:.0f}!\n" * (value > 0.2) + "fjord"


looks = st.fixed_dictionaries(
    {},
    optional={
        "valfmt": st.sampled_from(
            ["{x:.2f}", "$ {x:+.1e}!", ".60f", "{x}", "{x:.1%}", "{x:.1f}\u00b0", shouted, None]
        ),
        "cmap": st.sampled_from(["YlGn", "flag", "tab10"]),
        "figsize": st.tuples(st.floats(0.5, 5), st.floats(0.5, 5)),
        "dpi": st.sampled_from([40, 72, 111.1]),
        "grid_width": st.sampled_from([0, 1, 3]),
        "ha": st.sampled_from(["left", "center", "right"]),
        "va": st.sampled_from(["top", "center", "bottom"]),
        "origin": st.just("lower"),
        "square": st.booleans(),
        "row_labels": st.none(),
        "col_labels": st.none(),
        "threshold": st.floats(-1, 2),
        "text_size": st.floats(1, 30),
        "fontsize": st.floats(4, 20),
        "bad": st.sampled_from(["red", "0.5"]),
        "norm": st.sampled_from(["symlog", "asinh"]),
        "row_groups": st.integers(1, 4),
        "cbar_location": st.sampled_from(["left", "right", "top", "bottom"]),
    },
).map(lambda look: look | {"cbar": "cbar_location" in look})
wholes = st.fixed_dictionaries(
    {},
    optional={
        "background": st.sampled_from(["none", "black", "#eee"]),
        "title": st.sampled_from(["", "All", "Two\nlines"]),
    },
)


def compare(picture: Figure, values: Values, title: str = "", annot: Any = None) -> None:
    """Check that a still and a first frame are what numpy draws."""
    try:
        layout = picture.layout()
    except ValueError as error:
        if "figsize" not in str(error):
            raise
        return  # its cells have no room
    if any(panel.reduction for panel in layout.panels):
        return  # values are reduced before they are drawn
    kept = values.copy()
    wanted = paint(layout, values, title, annot)
    assert_alike(stills.paint(layout, values, title, annot), wanted)
    np.testing.assert_array_equal(values, kept)
    titles, annots = [title] * (layout.title is not None), None if annot is None else annot[None]
    images = encode_chunk(layout, None, values[None], titles, annots)
    assert images.shown == wanted[1]
    assert images.transparent == [TRANSPARENT if layout.transparent else None]


@st.composite
def matrices(draw: st.DrawFn, most: int = 9) -> Values:
    """Draw a matrix of a few different values, some of them masked."""
    shape = draw(st.tuples(st.integers(1, most), st.integers(1, most)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values: Values = random.choice(draw(st.lists(numbers, min_size=1, max_size=9)), shape)
    hide(values, random.random(shape) < draw(st.sampled_from([0.0, 0.2, 1.0])))
    return values


@given(matrices(), looks, wholes, st.data())
def test_a_heatmap_is_drawn_as_in_numpy(
    values: Values, look: dict[str, Any], whole: dict[str, Any], data: st.DataObject
) -> None:
    look = {"vmin": -1.0, "vmax": 1.0, **look, **whole}
    random = np.random.default_rng(0)
    if data.draw(st.booleans()):
        look["mask"] = random.random(values.shape) < 0.3
    annot = None
    kind = data.draw(st.sampled_from(["values", "fixed", "numbers", "words"]))
    words = np.array(["", "a", "bcd", "e\nf", "x" * 40, "fjord"], object)
    if kind == "fixed":
        look["annot"] = random.choice(words, values.shape)
    elif kind != "values" and look.get("valfmt", "") is None:
        kind = "values"  # without text, there is no room for annotations
    heatmap = Heatmap(values.shape, **look)
    if kind == "numbers":
        annot = random.choice(ODD, values.shape)
        heatmap = heatmap.with_annots(annot.dtype)
    elif kind == "words":
        annot = random.choice(words, values.shape)
        heatmap = heatmap.with_annots(np.dtype(str))
    if data.draw(st.booleans()):
        heatmap = heatmap.with_titles()
    compare(heatmap, values, data.draw(st.sampled_from(["", "step 12", "wide " * 30])), annot)


@given(matrices(), looks, wholes)
def test_a_heatmap_over_its_own_range_is_drawn_as_in_numpy(
    values: Values, look: dict[str, Any], whole: dict[str, Any]
) -> None:
    values = np.where(np.abs(values) > 1e9, 1e9, values)  # so that the range is finite
    look = {key: look[key] for key in look if key != "threshold"}
    heatmap = Heatmap(values.shape, **look, **whole).per_frame_limits()
    try:
        found = heatmap.find_range(values[None])
    except ValueError as error:
        if "figsize" not in str(error):
            raise
        return  # the figure has no room for its cells
    compare(heatmap.completed(found), values, "its own")


@given(st.lists(st.tuples(matrices(5), looks), min_size=1, max_size=3), wholes, st.data())
def test_panels_are_drawn_as_in_numpy(
    parts: list[tuple[Values, dict[str, Any]]], whole: dict[str, Any], data: st.DataObject
) -> None:
    shapes, own = {}, {}
    for k, (values, look) in enumerate(parts):
        name = f"panel {k}"
        shapes[name] = values.shape
        own[name] = {key: look[key] for key in look if key not in ("figsize", "dpi", "fontsize")}
        if data.draw(st.booleans()):
            own[name]["mask"] = np.random.default_rng(k).random(values.shape) < 0.3
    lines = data.draw(st.sampled_from([None, "loss"]))
    panels = Panels(shapes, options=own, lines=lines, dpi=50, vmin=-1.0, vmax=1.0, **whole)
    flat = np.concatenate([values.ravel() for values, _ in parts])
    if lines:
        flat = np.append(flat, data.draw(numbers))
    compare(panels, flat)
    if lines:
        past = np.random.default_rng(0).normal(size=(data.draw(st.integers(1, 60)), 1))
        layout = panels.layout()
        found = stills.paint(layout, flat, past=past)
        assert_alike(found, paint(layout, flat, past=past))


@pytest.mark.parametrize("location", ["right", "bottom"])
def test_panels_over_their_own_ranges_are_drawn_as_in_numpy(location: str) -> None:
    frames = np.random.default_rng(0).normal(size=(6, 7)) * 10.0 ** np.arange(-2, 4)[:, None]
    shapes = {"a": (1, 4), "b": (3, 1)}
    for valfmt in (None, "{x:.1e}"):
        look: dict[str, Any] = {"cbar": True, "cbar_location": location, "valfmt": valfmt}
        panels = Panels(shapes, **look).per_frame_limits()
        panels = panels.completed(panels.find_range(frames))
        for frame in frames:
            compare(panels, frame)
