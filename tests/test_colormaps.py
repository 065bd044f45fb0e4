"""Colormaps, compared with matplotlib's to the last bit."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
import reference
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap as MplColormap
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure

from fastheat.style.colors import colormaps
from fastheat.style.colors.colormaps import Colormap, colormap, names

RGBTable = npt.NDArray[np.uint8]


def table_of(cmap: MplColormap) -> RGBTable:
    return np.asarray(cmap(np.arange(cmap.N), bytes=True), np.uint8)[:, :3]


def extremes_of(cmap: MplColormap) -> list[tuple[int, ...] | None]:
    colors = np.asarray(cmap(np.array([-1.0, 2.0, np.nan]), bytes=True))
    return [tuple(color[:3].tolist()) if color[3] else None for color in colors]


def assert_equal(ours: Colormap, theirs: MplColormap) -> None:
    np.testing.assert_array_equal(ours.table, table_of(theirs))
    assert [ours.under, ours.over, ours.bad] == extremes_of(theirs)


def drawn(cmap: MplColormap, values: list[float], background: tuple[int, int, int]) -> RGBTable:
    """Return the colours that imshow paints for values normed to 0..1."""
    figure = Figure(figsize=(1, 1), dpi=10 * len(values), facecolor=f"#{bytes(background).hex()}")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow([values], cmap=cmap, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.asarray(canvas.buffer_rgba())
    return picture[len(picture) // 2, 5::10, :3]


@reference.NEEDS_NEW
@pytest.mark.parametrize("name", names())
def test_every_name_gives_matplotlibs_table(name: str) -> None:
    if name not in matplotlib.colormaps:
        pytest.skip(f"matplotlib {matplotlib.__version__} has no {name}")
    assert_equal(colormap(name), matplotlib.colormaps[name])


def test_names_are_sorted_and_come_with_their_reverse() -> None:
    shipped = names()
    assert shipped == sorted(set(shipped))
    assert len(shipped) == 182
    assert {name for name in shipped if name.endswith("_r")} == {
        name + "_r" for name in shipped if not name.endswith("_r")
    }


def matplotlibs_own() -> list[str]:
    """Return the names of matplotlib's colormaps, without those that other packages add."""
    code = "import matplotlib; print(*matplotlib.colormaps)"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


def test_no_name_of_matplotlib_3_11_is_missing() -> None:
    version = tuple(int(part) for part in matplotlib.__version__.split(".")[:2])
    if version > (3, 11):
        pytest.skip("a later matplotlib may have more")
    assert set(matplotlibs_own()) <= set(names())


def test_a_names_table_is_shared_and_read_only() -> None:
    first, again = colormap("viridis"), colormap("viridis")
    assert first.table is again.table
    assert first.table.shape == (256, 3)
    assert first.table.dtype == np.uint8
    assert colormap("tab10_r").table.flags.c_contiguous
    with pytest.raises(ValueError):
        first.table[0] = 0


def test_a_mistyped_name_is_answered_with_the_nearest_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"'ylgn'.*did you mean.*'YlGn'") as caught:
        colormap("ylgn")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"matplotlib has, or colours$"):
        colormap("zzzzqqqq")


@reference.NEEDS_NEW
@pytest.mark.parametrize(
    "colors",
    [
        ["white", "tab:blue"],
        ["k", "#12345678", (1.0, 0.5, 0.2), "0.3", "C3"],
        [(0.1, 0.2, 0.3), (0.9, 0.8, 0.7), (0.5, 0.5, 0.5)],
        [("red", 0.5), ("blue", 1.0)],
        ("r", "none", "b"),
        [(0, "red"), (0.1, "white"), (1, "blue")],
        [(0.0, "red"), (0.5, "white"), (0.5, "black"), (1.0, "blue")],
        [[0, "r"], [np.float32(0.3), (0, 1, 0, 0.5)], [1, "b"]],
        [f"#{v:02x}{255 - v:02x}7f" for v in range(256)],
    ],
)
def test_a_list_is_interpolated_as_from_list_does(colors: Any) -> None:
    theirs = LinearSegmentedColormap.from_list("x", colors)
    rgba = np.asarray(theirs(np.arange(256), bytes=True))
    ours = colormap(colors)
    assert ours.bad is None
    if (rgba[:, 3] == 255).all():
        assert_equal(ours, theirs)
    else:
        # The first entry, laid over white, shows that alpha was interpolated too.
        background = (255, 255, 255)
        values = [0.0, 0.3, 0.5, 0.7, 1.0]
        np.testing.assert_array_equal(
            ours.table[[int(min(v * 256, 255)) for v in values]], drawn(theirs, values, background)
        )


@reference.NEEDS_NEW
def test_random_lists_are_interpolated_to_the_same_bits() -> None:
    random = np.random.default_rng(1)
    for count in (2, 3, 5, 17, 255, 300):
        colors = [tuple(color) for color in random.random((count, 3))]
        assert_equal(colormap(colors), LinearSegmentedColormap.from_list("x", colors))
        inner = np.sort(random.random(count - 2)).tolist()
        pairs = list(zip([0.0, *inner, 1.0], colors, strict=True))
        assert_equal(colormap(pairs), LinearSegmentedColormap.from_list("x", pairs))


@pytest.mark.parametrize(
    ("colors", "message"),
    [
        ([], "at least two"),
        (["red"], "at least two"),
        (["red", "bleu"], "'bleu'.*'blue'"),
        ([(0.2, "red"), (1, "blue")], "rise from 0 to 1"),
        ([(0, "red"), (0.9, "blue")], "rise from 0 to 1"),
        ([(0, "red"), (0.7, "w"), (0.6, "w"), (1, "blue")], "rise from 0 to 1"),
        ([(0, "red"), (float("nan"), "w"), (1, "blue")], "rise from 0 to 1"),
        ([(255, 0, 0), (0, 255, 0)], "0..1"),
    ],
)
def test_a_bad_list_is_refused(colors: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        colormap(colors)


def test_an_array_is_the_table_itself() -> None:
    entries = np.random.default_rng(2).integers(0, 256, (7, 3), np.uint8)
    ours = colormap(entries)
    np.testing.assert_array_equal(ours.table, entries)
    assert (ours.under, ours.over) == (tuple(entries[0]), tuple(entries[-1]))
    entries[0] = 0
    assert ours.table[0].any(), "the table must not follow the caller's array"
    with pytest.raises(ValueError):
        ours.table[0] = 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_of_floats_is_truncated_as_a_listed_colormap(dtype: type) -> None:
    floats: npt.NDArray[Any] = np.random.default_rng(3).random((40, 3)).astype(dtype)
    assert_equal(colormap(floats), ListedColormap(floats))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.zeros((4, 2)), r"shape \(4, 2\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\)"),
        (np.zeros(3), r"shape \(3,\)"),
        (np.array([[0, 0, 1.5]]), "1.5"),
        (np.array([[0, np.nan, 1]]), "nan"),
        (np.array([[255, 0, 0]]), "int64.*uint8"),
    ],
)
def test_a_bad_array_is_refused(table: npt.NDArray[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        colormap(table.astype(np.int64) if table.dtype.kind == "i" else table)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 255, 257, 1000, 4096])
def test_a_matplotlib_object_keeps_its_number_of_entries(count: int) -> None:
    theirs = matplotlib.colormaps["viridis"].resampled(count)
    ours = colormap(theirs)
    assert ours.table.shape == (count, 3)
    assert_equal(ours, theirs)


def test_a_matplotlib_object_keeps_its_extremes() -> None:
    theirs = matplotlib.colormaps["YlGn"].with_extremes(
        under=(0.5, 0.5, 0.5), over="0.1", bad=(0.3, 0.7, 0.9)
    )
    ours = colormap(theirs)
    assert_equal(ours, theirs)
    assert ours.name == "YlGn"
    assert ours.under == (127, 127, 127)


def test_extremes_given_are_those_that_imshow_paints() -> None:
    extremes: dict[str, Any] = {"under": (0.5, 0.5, 0.5), "over": "#abcdef", "bad": ("red", 0.4)}
    background = (10, 200, 90)
    ours = colormap("magma", background=background, **extremes)
    theirs = matplotlib.colormaps["magma"].with_extremes(**extremes)
    assert ours.bad is not None
    np.testing.assert_array_equal(
        [ours.under, ours.over, ours.bad], drawn(theirs, [-1.0, 2.0, np.nan], background)
    )


def test_extremes_given_replace_those_of_an_object() -> None:
    theirs = matplotlib.colormaps["YlGn"].with_extremes(under="r", over="b", bad="k")
    ours = colormap(theirs, under="w")
    assert (ours.under, ours.over, ours.bad) == ((255, 255, 255), (0, 0, 255), (0, 0, 0))
    ours = colormap(ours, bad="none", over="0")
    assert (ours.under, ours.over, ours.bad) == ((255, 255, 255), (0, 0, 0), None)


@pytest.mark.parametrize("bad", ["none", (1, 0, 0, 0), ("red", 0), "#ff000000"])
def test_a_transparent_bad_colour_shows_the_background(bad: object) -> None:
    assert colormap("viridis").bad is None
    assert colormap("viridis", bad=bad).bad is None


def test_a_bad_extreme_is_named() -> None:
    with pytest.raises(ValueError, match=r"'blak'.*'black'"):
        colormap("viridis", under="blak")


@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (31, 200, 77)])
def test_translucent_entries_are_laid_over_the_background_as_imshow_does(
    background: tuple[int, int, int],
) -> None:
    entries = np.random.default_rng(4).random((20, 4))
    theirs = ListedColormap(entries)
    expected = drawn(theirs, [(k + 0.5) / 20 for k in range(20)], background)
    for given in (entries, theirs):
        ours = colormap(given, background=background)
        np.testing.assert_array_equal(ours.table, expected)
        assert ours.under == tuple(expected[0])


def test_our_own_object_passes_through() -> None:
    ours = colormap("viridis")
    assert colormap(ours) is ours


def test_any_callable_with_bytes_is_probed_at_the_middle_of_its_bins() -> None:
    probed: list[float] = []

    def ramp(x: npt.NDArray[np.float64], bytes: bool) -> RGBTable:
        probed.extend(x.tolist())
        level = np.nan_to_num(np.clip(x, 0, 0.999), nan=0.5) * 256
        return np.stack([level] * 3, axis=-1).astype(np.uint8)

    ours = colormap(ramp)
    np.testing.assert_array_equal(ours.table, np.repeat(np.arange(256), 3).reshape(256, 3))
    assert probed[:256] == [(k + 0.5) / 256 for k in range(256)]
    assert (ours.under, ours.over, ours.bad) == ((0,) * 3, (255,) * 3, (128,) * 3)


@pytest.mark.parametrize(
    "cmap",
    [
        None,
        3,
        object(),
        ListedColormap,
        lambda x: x,
        lambda x, bytes: x,
        lambda x, bytes: np.zeros((2, 4), np.uint8),
    ],
)
def test_what_is_no_colormap_is_refused(cmap: object) -> None:
    with pytest.raises(TypeError, match="expected"):
        colormap(cmap)


class CatalogColormap:
    """The part of cmap.Colormap that is used."""

    def __init__(self, name: str) -> None:
        if name != "crameri:batlow":
            raise ValueError(f"Colormap {name!r} not found.\nSee the catalog.")
        self.name = "batlow"

    def lut(self) -> npt.NDArray[np.float64]:
        return np.linspace([0, 0, 0, 1], [1, 0.5, 0.2, 1], 10)

    def __call__(self, x: npt.NDArray[Any], *, bytes: bool = False) -> RGBTable:
        theirs = ListedColormap(self.lut()[:, :3]).with_extremes(under="r", over="b", bad="k")
        return np.asarray(theirs(x, bytes=bytes))


def test_a_catalog_name_is_taken_from_the_package_cmap(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("cmap")
    package.Colormap = CatalogColormap  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cmap", package)
    ours = colormap("crameri:batlow")
    assert ours.name == "crameri:batlow"
    assert ours.table.shape == (10, 3)
    assert (ours.under, ours.over, ours.bad) == ((255, 0, 0), (0, 0, 255), (0, 0, 0))
    with pytest.raises(ValueError, match=r"'crameri:batlo'.*not found") as caught:
        colormap("crameri:batlo")
    assert "\n" not in str(caught.value)


def test_a_catalog_name_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmap", None)
    with pytest.raises(ImportError, match=r"'crameri:batlow'.*pip install .fastheat\[colormaps\]"):
        colormap("crameri:batlow")
    for name in ("rocket", "vlag_r", "batlow"):
        with pytest.raises(ValueError, match=rf":{name}'.*pip install .fastheat\[colormaps\]"):
            colormap(name)


def test_the_names_without_a_catalog_are_in_the_package() -> None:
    package = pytest.importorskip("cmap")
    for catalog, found in colormaps._CATALOGS.items():
        for name in found:
            assert len(colormap(f"{catalog}:{name}").table) == 256
            assert f"{catalog}:{name}" in map(str, package.Catalog())


def test_the_real_package_cmap_gives_its_own_colours() -> None:
    package = pytest.importorskip("cmap")
    for name in ("crameri:batlow", "crameri:batlow_r", "colorcet:fire", "cmocean:thermal"):
        named = colormap(name)
        np.testing.assert_array_equal(named.table, colormap(package.Colormap(name)).table)
        assert named.name == name
    with pytest.raises(ValueError, match=r"'crameri:batlo'.*did you mean.*'crameri:batlow'"):
        colormap("crameri:batlo")
    with pytest.raises(ValueError, match=r"'batlow'.*did you mean.*'crameri:batlow'"):
        colormap("batlow")
    for name in ("crameri:batlow", "tab10", "cmocean:thermal"):
        theirs = package.Colormap(name)
        lut = theirs.lut()
        ours = colormap(theirs)
        np.testing.assert_array_equal(ours.table, (lut * 255).astype(np.uint8)[:, :3])
        assert ours.bad is None
    theirs = package.Colormap("crameri:batlow").with_extremes(under="red", over="blue", bad="k")
    ours = colormap(theirs)
    assert (ours.under, ours.over, ours.bad) == ((255, 0, 0), (0, 0, 255), (0, 0, 0))


FOREIGN = """
import colorcet, numpy as np
from cmcrameri import cm as crameri
from fastheat.style.colors.colormaps import colormap

for theirs in (colorcet.cm.fire, colorcet.cm["bmy_r"], crameri.batlow, crameri.batlowS):
    ours = colormap(theirs)
    assert (ours.table == theirs(np.arange(theirs.N), bytes=True)[:, :3]).all()
    assert ours.name == theirs.name
# colorcet has its maps as lists of colours too, which are entries there
theirs = colorcet.cm.fire(np.arange(256), bytes=True)[:, :3].astype(int)
assert abs(colormap(colorcet.fire).table - theirs).max() <= 1
"""


def test_colormaps_of_colorcet_and_cmcrameri_give_their_own_colours() -> None:
    if not all(importlib.util.find_spec(name) for name in ("colorcet", "cmcrameri")):
        pytest.skip("needs colorcet and cmcrameri")
    # in a new process, since they register their colormaps with matplotlib
    subprocess.run([sys.executable, "-c", FOREIGN], check=True)


def test_matplotlib_is_not_imported_for_a_name() -> None:
    code = (
        "import sys; from fastheat.style.colors import colormaps as c;"
        "c.colormap('viridis_r'); c.colormap(['r', 'b']);"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_generator_writes_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    if not matplotlib.__version__.startswith("3.11."):
        pytest.skip("the tables are those of matplotlib 3.11")
    tools = Path(colormaps.__file__).parents[3] / "tools"
    if not tools.is_dir():
        pytest.skip("not a source tree")
    monkeypatch.syspath_prepend(str(tools))
    own = matplotlibs_own()
    generated = {
        name: table
        for name, table in importlib.import_module("make_colormaps").arrays().items()
        if name in own
    }
    shipped = colormaps._stored()
    assert sorted(shipped) == sorted(generated)
    for name, table in generated.items():
        np.testing.assert_array_equal(shipped[name], table)
