"""The palette: exact fills first, then shades of text, in 255 entries."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from fastheat.style.colors.bins import bin_edges
from fastheat.style.colors.colormaps import Colormap, colormap, names
from fastheat.style.colors.colors import RGB
from fastheat.style.colors.norms import LINEAR
from fastheat.style.colors.palette import Palette, join_levels, nearest_that_fit, plan_palette
from fastheat.tables import TRANSPARENT

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def plan(
    cmap: Colormap, steps: int = 5, split: float | None = None, background: RGB = WHITE
) -> Palette:
    return plan_palette(
        cmap,
        bin_edges(LINEAR.rule(0, 1, len(cmap.table)), len(cmap.table), np.dtype(np.float64)),
        background=background,
        foreground=BLACK,
        solid={"grid": WHITE, "tick": BLACK},
        textcolors=(BLACK, WHITE),
        split=split,
        steps=steps,
    )


def difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float64]:
    compare: Any = deltaE_ciede2000
    result: NDArray[np.float64] = compare(rgb2lab(a / 255), rgb2lab(b / 255))
    return result


@pytest.mark.parametrize("name", [n for n in names() if not n.endswith("_r")])
@pytest.mark.parametrize("steps", [1, 5])
def test_every_fill_is_within_one_delta_e_of_its_colormap_entry(name: str, steps: int) -> None:
    cmap = colormap(name)
    palette = plan(cmap, steps)
    assert palette.shades.colors <= 256
    assert difference(palette.table[palette.fills], cmap.table).max() <= 1.0


@pytest.mark.parametrize("name", ["YlGn", "viridis", "hsv", "prism", "flag"])
def test_no_colour_has_the_transparent_index(name: str) -> None:
    palette = plan(colormap(name))
    for table in (
        palette.shades.ramps,
        palette.label_ramp,
        palette.fills,
        np.array(list(palette.solid.values())),
    ):
        assert (table != TRANSPARENT).all()
        assert (table < palette.shades.colors).all()


def test_neighbours_join_only_while_one_of_them_stands_for_all() -> None:
    table = colormap("YlGn").table
    levels, colors = join_levels(table.tobytes())
    assert (np.diff(levels) >= 0).all()
    assert len(colors) == levels[-1] + 1 == 40
    assert difference(colors[levels], table).max() <= 1.0


def test_text_takes_the_colour_with_more_contrast() -> None:
    palette = plan(colormap("Greys"))
    inks = palette.table[palette.shades.ramps[1:-2, -1]]
    assert (inks[0] == BLACK).all()
    assert (inks[-1] == WHITE).all()
    assert (np.diff(inks[:, 0].astype(int)) >= 0).all()


@given(st.floats(-0.5, 1.5))
def test_a_split_changes_the_ink_there_and_nothing_else(split: float) -> None:
    palette, whole = plan(colormap("Blues"), split=split), plan(colormap("Blues"))
    shades = palette.shades
    values = np.append(np.linspace(-0.6, 1.6, 300), [split, np.nextafter(split, -9)])
    slots = np.searchsorted(shades.edges[0], values, side="right")
    inks = palette.table[shades.ramps[slots, -1]]
    assert (inks == np.where(values >= split, 255, 0)[:, None]).all()
    plain = np.searchsorted(whole.shades.edges[0], values, side="right")
    fills = palette.table[shades.ramps[slots, 0]]
    assert (fills == whole.table[whole.shades.ramps[plain, 0]]).all()
    assert ((values < shades.low[0]) == (values < 0)).all()
    assert ((values >= shades.high[0]) == (values > 1)).all()


def test_shades_go_evenly_from_the_fill_to_the_ink() -> None:
    palette = plan(colormap("YlGn"))
    shades = palette.table[palette.shades.ramps].astype(float)
    even = shades[:, :1] + (shades[:, -1:] - shades[:, :1]) * np.linspace(0, 1, 5)[:, None]
    # neighbouring levels may share shades between fill and ink
    assert np.abs(shades - even).max() <= 12
    assert (shades[:, [0, -1]] == even[:, [0, -1]]).all()


def test_maps_of_many_colours_share_shades_but_keep_their_fills() -> None:
    palette = plan(colormap("hsv"))
    shades = palette.table[palette.shades.ramps]
    even = (shades[:, 0].astype(float) + shades[:, -1]) / 2
    assert difference(shades[:, 2], even.astype(np.uint8)).max() < 12


def test_under_over_and_bad_have_slots_of_their_own() -> None:
    cmap = colormap("gray", under="red", over="lime", bad="blue")
    palette = plan(cmap)
    fills = palette.table[palette.shades.ramps[:, 0]]
    assert fills[0].tolist() == [255, 0, 0]
    assert fills[-2].tolist() == [0, 255, 0]
    assert fills[-1].tolist() == [0, 0, 255]


def test_a_bad_colour_that_the_map_does_not_have_is_the_background() -> None:
    palette = plan(colormap("gray"), background=(10, 20, 30))
    assert palette.table[palette.shades.ramps[-1, 0]].tolist() == [10, 20, 30]


def test_colours_over_the_room_go_to_their_nearest() -> None:
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (700, 3)).astype(np.uint8)
    fitted = nearest_that_fit(colors, 100)
    kept = np.unique(fitted, axis=0)
    assert len(kept) == 100
    assert {tuple(c) for c in kept} <= {tuple(c) for c in colors}
    best = np.array([difference(kept, np.broadcast_to(c, kept.shape)).min() for c in colors])
    assert np.allclose(difference(fitted, colors), best)
    assert (nearest_that_fit(colors[:100], 100) == colors[:100]).all()


def test_a_table_of_a_thousand_random_colours_is_planned() -> None:
    table = np.random.default_rng(1).integers(0, 256, (1000, 3)).astype(np.uint8)
    palette = plan(colormap(table))
    assert palette.shades.colors <= 256
