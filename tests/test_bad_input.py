"""Bad input is refused in one line that names it, and leaves no file behind."""

from __future__ import annotations

import inspect
import io
import itertools
import math
import os
import pickle
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from PIL import Image

import fastheat
from fastheat import GifWriter, Heatmap, Panels, load_frames, save_gif
from fastheat.figure import aliases

FRAMES = np.random.default_rng(0).random((3, 2, 4))

Check = Callable[..., str]


def named(value: object) -> str:
    """Return a test id that is the same in every process."""
    return re.sub(r" at 0x\w+", "", str(value))


class Unlimited:
    vmin = 0

    def __call__(self, value: Any) -> Any:
        return value


class Reversed(Normalize):
    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        return 1 - super().__call__(value, clip)


class Broken(Normalize):
    def __call__(self, value: Any, clip: bool | None = None) -> Any:
        raise RuntimeError("two lines,\nthe second")


class Module:
    """The part of a PyTorch module that is looked at."""

    weight = np.zeros((2, 4))

    def state_dict(self) -> dict[str, object]:
        return {"weight": self.weight}


@pytest.fixture
def refused(tmp_path: Path) -> Check:
    """Return a check that `save_gif` refuses its arguments; the check returns the error's line."""

    def check(
        error: type[BaseException], frames: object = FRAMES, *names: str, **arguments: Any
    ) -> str:
        fresh, existing = tmp_path / "fresh.gif", tmp_path / "existing.gif"
        existing.write_bytes(b"what was here")
        messages = []
        for path in (fresh, existing):
            with pytest.raises(error) as caught:
                save_gif(path, frames, **arguments)
            assert type(caught.value) is error
            messages.append(str(caught.value))
        assert not fresh.exists()
        assert existing.read_bytes() == b"what was here"
        assert sorted(tmp_path.glob("*.gif")) == [existing]
        message = messages[0]
        assert messages[1] == message
        assert_one_line(message)
        for name in names:
            assert name in message
        return message

    return check


def assert_one_line(message: str) -> None:
    assert message
    assert "\n" not in message
    assert message == message.strip()
    assert len(message) < 600


# ------------------------------------------------------------------------------------------ frames


@pytest.mark.parametrize(
    ("frames", "names"),
    [
        (np.zeros(4), ["(4,)", "(T, N, M)"]),
        (np.zeros((2, 4)), ["(2, 4)", "(T, N, M)"]),
        (np.zeros((2, 3, 4, 5)), ["(2, 3, 4, 5)", "(T, N, M)"]),
        (np.float64(3.0), ["()", "(T, N, M)"]),
        ([1.0, 2.0], ["frame 0", "()", "(N, M)"]),
        ([[1.0, 2.0]], ["frame 0", "(2,)", "(N, M)"]),
        ([np.zeros((2, 2)), np.zeros((2, 2, 2))], ["frame 1", "(2, 2, 2)"]),
        (np.zeros((0, 2, 4)), ["(0, 2, 4)", "at least one frame"]),
        (np.zeros((3, 0, 4)), ["(0, 4)", "at least one cell"]),
        (np.zeros((3, 2, 0)), ["(2, 0)", "at least one cell"]),
        ([], ["at least one"]),
        (iter([]), ["at least one"]),
        ([np.zeros((0, 0))], ["frame 0", "(0, 0)", "at least one cell"]),
        ([np.zeros((2, 4)), np.zeros((2, 4)), np.zeros((4, 2))], ["frame 2", "(4, 2)", "(2, 4)"]),
        ([[[1, 2], [3]]], ["frame 0", "1", "2"]),
    ],
)
def test_frames_of_wrong_shapes_are_refused(refused: Check, frames: Any, names: list[str]) -> None:
    assert "expected" in refused(ValueError, frames, *names)


def test_a_frame_of_another_shape_in_an_iterator_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = (np.zeros((2, 4) if k < 3 else (3, 4)) for k in range(5))
    with pytest.raises(ValueError, match=r"frame 3 has shape \(3, 4\), expected \(2, 4\)"):
        save_gif(path, frames, vmin=0, vmax=1)


@pytest.mark.parametrize(
    ("frames", "names"),
    [
        (np.zeros((3, 2, 4), complex), ["complex128", "real numbers"]),
        ([np.zeros((2, 4)), np.zeros((2, 4), complex)], ["frame 1", "complex128"]),
        (np.full((3, 2, 4), print), ["built-in function print", "cell (0, 0, 0)", "a number"]),
        (np.full((3, 2, 4), "1.5"), ["<U3", "real numbers"]),
        (np.full((3, 2, 4), b"1.5"), ["S3", "real numbers"]),
        (np.zeros((3, 2, 4), "datetime64[s]"), ["datetime64[s]", "real numbers"]),
        ([[["a", "b"]]], ["frame 0", "<U1", "real numbers"]),
        ([[[1.0, print]]], ["frame 0", "cell (0, 1)", "expected a number"]),
        (None, ["NoneType", "expected"]),
        (3, ["int", "expected"]),
        ({}, ["dict", "expected"]),
        ({"a": print}, ["panel 'a'", "builtin_function_or_method", "expected"]),
        (b"bytes", ["bytes", "expected"]),
        ({1.0, 2.0}, ["set", "expected"]),
        (print, ["builtin_function_or_method", "expected"]),
        ([Image.new("P", (4, 2))], ["frame 0: ", "not a picture", "save_indexed_gif"]),
        ([Image.new("L", (4, 2))], ["frame 0: ", "not a picture", "Pillow"]),
        ([Module()], ["frame 0: ", "such as its .weight"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_array_of_numbers_is_refused(
    refused: Check, frames: object, names: list[str]
) -> None:
    refused(TypeError, frames, *names)


def test_values_of_another_shape_than_the_heatmap_are_refused(refused: Check) -> None:
    heatmap = Heatmap((3, 3), vmin=0, vmax=1)
    refused(ValueError, FRAMES, "(3, 3)", "(2, 4)", heatmap=heatmap)
    for draw in (heatmap.rgb, heatmap.indices, heatmap.image):
        with pytest.raises(ValueError, match=r"expected values of shape \(3, 3\), not \(2, 4\)"):
            draw(FRAMES[0])
        with pytest.raises(ValueError, match=r"shape \(9,\)"):
            draw(np.zeros(9))
        with pytest.raises(TypeError, match="complex128"):
            draw(np.zeros((3, 3), complex))


# ---------------------------------------------------------------------------------- options by name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("colour_map", None),
        ("vmni", "vmin"),
        ("Cmap", "cmap"),
        ("fig_size", "figsize"),
        ("lop", "loop"),
        ("annot_kws", None),
    ],
)
def test_unknown_options_are_refused_with_the_nearest_names(
    refused: Check, name: str, nearest: str | None
) -> None:
    message = refused(TypeError, FRAMES, repr(name), **{name: 1})
    assert nearest is None or repr(nearest) in message


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("cbar_visible", "cbar="),
        ("verticalalignment", "va="),
        ("fmt", "valfmt="),
        ("text_auto", "valfmt="),
        ("color_continuous_scale", "cmap="),
        ("range_color", "vmin= and vmax="),
        ("aspect", "square="),
        ("suptitle", "title="),
        ("annot_kws", "text_size= and textcolors="),
        ("transparent", 'background="none"'),
        ("alpha", "nothing: cells are opaque"),
        ("col_cluster", "nothing: give rows and columns in the order in which to draw them"),
        ("every", "frames[::n], or an option of GifWriter"),
    ],
)
def test_an_option_of_others_is_answered_with_what_it_is_here(
    refused: Check, name: str, here: str
) -> None:
    message = refused(TypeError, FRAMES, **{name: 1})
    assert message == f"unknown option {name!r}; here it is {here}"


def test_what_others_call_an_option_is_none_of_ours_and_leads_to_some() -> None:
    def options(function: Callable[..., Any]) -> set[str]:
        return set(inspect.signature(function).parameters)

    everywhere = options(Heatmap) & options(Panels)
    every = options(Heatmap) | options(Panels) | options(save_gif) | options(GifWriter)
    for name, here in aliases._ELSEWHERE.items():
        assert name not in everywhere
        for option in re.findall(r"(\w+)=", here):
            assert option in every, (name, here)


def test_a_heatmap_names_the_nearest_option_too() -> None:
    with pytest.raises(
        TypeError, match="unknown option 'tresh'; did you mean 'threshold'"
    ) as caught:
        Heatmap((2, 2), tresh=1)
    assert_one_line(str(caught.value))


@pytest.mark.parametrize(
    ("name", "nearest"), [("ylgn", "'YlGn'"), ("virdis", "'viridis'"), ("RdBu_R", "'RdBu_r'")]
)
def test_unknown_colormaps_are_refused_with_the_nearest_names(
    refused: Check, name: str, nearest: str
) -> None:
    refused(ValueError, FRAMES, repr(name), nearest, "expected", cmap=name)


def test_a_colormap_like_no_other_is_refused_without_a_guess(refused: Check) -> None:
    assert "did you mean" not in refused(ValueError, FRAMES, "'zzzzzz'", cmap="zzzzzz")


@pytest.mark.parametrize("cmap", [5, None, object, 1.5])
def test_what_is_no_colormap_is_refused(refused: Check, cmap: object) -> None:
    refused(TypeError, FRAMES, repr(cmap), "expected", cmap=cmap)


# -------------------------------------------------------------------------------- values of options


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"row_labels": ["a"]}, ["2 row_labels", "1"]),
        ({"row_labels": ["a", "b", "c"]}, ["2 row_labels", "3"]),
        ({"col_labels": []}, ["4 col_labels", "0"]),
        ({"col_labels": "abcd"}, ["col_labels", "'abcd'"]),
        ({"col_labels": "{:q}"}, ["col_labels", "'{:q}'"]),
        ({"col_labels": "{nope}"}, ["col_labels", "'{nope}'"]),
        ({"vmin": 2, "vmax": 1}, ["vmin=2.0", "vmax=1.0", "vmin <= vmax"]),
        ({"vmin": math.nan}, ["vmin", "nan", "finite"]),
        ({"vmax": math.inf}, ["vmax", "inf", "finite"]),
        ({"norm": "logg"}, ["norm", "'logg'", "'log'"]),
        ({"norm": "boundaries"}, ["norm", "'boundaries'", "symlog"]),
        ({"norm": "log", "vmin": 0}, ["vmin above 0", "norm='log'", "vmin=0.0"]),
        ({"norm": "log", "vmax": -1}, ["vmax above 0", "norm='log'", "vmax=-1.0"]),
        ({"norm": "symlog", "linthresh": 0}, ["linthresh", "above 0", "0"]),
        ({"linthresh": math.nan}, ["linthresh", "nan"]),
        ({"gamma": -1}, ["gamma", "-1"]),
        ({"boundaries": [1]}, ["boundaries", "two or more", "[1.0]"]),
        ({"boundaries": [0, 2, 1]}, ["boundaries", "ascending", "[0.0, 2.0, 1.0]"]),
        ({"boundaries": [0, math.nan]}, ["boundaries", "nan"]),
        ({"boundaries": range(300)}, ["257 boundaries", "256", "300"]),
        ({"boundaries": range(4), "cmap": ListedColormap(["r", "b"])}, ["3 boundaries", "4"]),
        ({"center": math.inf}, ["center", "inf"]),
        ({"center": 3, "vmin": 3}, ["center=3.0", "vmin=3.0", "vmax=None"]),
        ({"center": 3, "vmin": 0, "vmax": 2}, ["center=3.0", "vmin=0.0", "vmax=2.0"]),
        ({"norm": Normalize(2, 1)}, ["vmin=2.0", "vmax=1.0"]),
        ({"norm": Normalize(0, math.inf)}, ["vmax of norm", "inf"]),
        ({"norm": LogNorm(-1, 1)}, ["vmin above 0", "vmin=-1.0"]),
        ({"norm": LogNorm(vmin=0), "cbar": True}, ["vmin above 0", "vmin=0.0"]),
        ({"norm": LogNorm(), "vmin": -1}, ["vmin above 0", "this norm", "-1.0"]),
        ({"norm": Reversed(0, 1)}, ["Reversed", "falls at", "rise", "'viridis_r'"]),
        ({"norm": Broken(0, 1)}, ["Broken", "two lines, the second"]),
        ({"mask": np.zeros((4, 2), bool)}, ["mask", "(2, 4)", "(4, 2)"]),
        ({"mask": []}, ["mask", "(2, 4)", "(0,)"]),
        ({"threshold": math.nan}, ["threshold", "nan"]),
        ({"valfmt": "{x:.2q}"}, ["'{x:.2q}'", "expected"]),
        ({"valfmt": ".2q"}, ["'.2q'", "expected"]),
        ({"valfmt": "{y:.2f}"}, ["'{y:.2f}'", "expected"]),
        ({"valfmt": "{x:.2f"}, ["'{x:.2f'", "expected"]),
        ({"valfmt": "{x.nope}"}, ["'{x.nope}'", "expected"]),
        ({"valfmt": "{x:d}"}, ["'{x:d}'", "float64", "expected"]),
        ({"valfmt": "hello"}, ["'hello'", "expected"]),
        ({"valfmt": "%.2f"}, ["'%.2f'", "expected", "give '.2f'"]),
        ({"valfmt": "c"}, ["'c'", "expected", "give valfmt=chr"]),
        ({"valfmt": "#x"}, ["float64", "not '#x', which is for integers"]),
        ({"valfmt": "{x:08b}"}, ["float64", "not '{x:08b}', which is for integers"]),
        ({"cbar": True, "cbar_format": "x"}, ["cbar_format", "floats", "'x'"]),
        ({"textcolors": ["black"]}, ["textcolors", "['black']", "one or two colours"]),
        ({"textcolors": ["black", "wite"]}, ["textcolors", "'wite'"]),
        ({"textcolors": "blak"}, ["textcolors", "'blak'"]),
        ({"textcolors": ["red"] * 3}, ["textcolors", "one or two colours"]),
        ({"grid_color": "no colour"}, ["grid_color", "'no colour'", "expected"]),
        ({"background": (300, 0, 0)}, ["background", "300"]),
        ({"foreground": "#12"}, ["foreground", "'#12'"]),
        ({"under": "undr"}, ["'undr'"]),
        ({"under": np.array(2.0)}, ["array(2.)"]),
        ({"cmap": "x" * 1000}, ["'xxx", "..."]),
        ({"cmap": ["red"]}, ["['red']", "two colors"]),
        ({"cmap": ["red", "blu e"]}, ["'blu e'"]),
        ({"figsize": (0, 4)}, ["figsize", "(0, 4)"]),
        ({"figsize": (-1, 4)}, ["figsize", "(-1, 4)"]),
        ({"figsize": (math.nan, 4)}, ["figsize", "nan"]),
        ({"figsize": (1, 2, 3)}, ["figsize", "(1, 2, 3)"]),
        ({"figsize": (0.3, 0.3)}, ["figsize", "30 x 30 px"]),
        ({"figsize": (1000, 4)}, ["65535", "100000 x 400", "figsize"]),
        ({"figsize": (4, 655.36)}, ["65535", "65536"]),
        ({"figsize": (10, 4), "dpi": 20000, "fontsize": 1}, ["65535", "200000 x 80000", "dpi"]),
        ({"dpi": 0}, ["dpi", "0"]),
        ({"dpi": -5}, ["dpi", "-5"]),
        ({"dpi": math.nan}, ["dpi", "nan"]),
        ({"fontsize": 0}, ["fontsize", "0"]),
        ({"fontsize": 1e-9}, ["fontsize", "1e-09"]),
        ({"fontsize": 1e9}, ["fontsize", "1000000000.0"]),
        ({"text_size": -1}, ["text_size", "-1"]),
        ({"grid_width": -1}, ["grid_width", "-1"]),
        ({"cbar_label": "loss"}, ["cbar=True", "'loss'"]),
        ({"valfmt": "{x:99999999999f}"}, ["valfmt", "width", "10000"]),
        ({"valfmt": ".99999999999f"}, ["valfmt", "precision", "10000"]),
        ({"valfmt": "{x:>99999999999} {x}"}, ["format string", "width", "10000"]),
        ({"col_rotation": math.inf}, ["col_rotation", "inf"]),
        ({"row_rotation": math.nan}, ["row_rotation", "nan"]),
        ({"row_labels": 0}, ["row_labels", "1 or more", "0"]),
        ({"col_labels": np.int64(-3)}, ["col_labels", "1 or more", "-3"]),
        ({"row_side": "top"}, ["row_side", "left, right", "'top'"]),
        ({"col_side": None}, ["col_side", "top, bottom", "None"]),
        ({"cbar": True, "cbar_location": "middle"}, ["cbar_location", "bottom", "'middle'"]),
        ({"cbar_location": "left"}, ["cbar=True", "'left'"]),
        ({"cbar_ticks": 3}, ["cbar=True", "cbar_ticks=3"]),
        ({"cbar_format": ".2f"}, ["cbar=True", "'.2f'"]),
        ({"cbar": True, "cbar_ticks": 0}, ["cbar_ticks", "1 or more", "0"]),
        ({"cbar": True, "cbar_ticks": [0, math.nan]}, ["cbar_ticks", "nan"]),
        ({"cbar": True, "cbar_format": ".2q"}, ["cbar_format", "'.2q'"]),
        ({"cbar": True, "cbar_format": "d"}, ["cbar_format", "'d'", "floats"]),
        ({"row_groups": 0}, ["row_groups", "1 or more", "0"]),
        ({"row_groups": [2]}, ["row_groups", "below 2", "2"]),
        ({"col_groups": [1, 0]}, ["col_groups", "above 0", "0"]),
        ({"group_width": 0}, ["group_width", "above 0", "0"]),
        ({"group_color": "rde"}, ["group_color", "'rde'"]),
        ({"style": "darkest"}, ["style", "light, dark", "'darkest'"]),
        ({"background": "nothing"}, ["background", "'nothing'"]),
        ({"ha": "middle"}, ["ha", "'middle'", "center"]),
        ({"reduce": "median"}, ["reduce", "'median'", "absmax"]),
        ({"reduce": True}, ["reduce", "True", "mean"]),
        ({"va": "baseline"}, ["va", "'baseline'", "center"]),
        ({"font": "No Such Font"}, ["'No Such Font'", "font"]),
        ({"font": "DejaVu Sens"}, ["'DejaVu Sens'", "did you mean 'DejaVu Sans'"]),
        ({"font": "DejaVu Sans:narrow"}, ["'DejaVu Sans'", "Bold", "narrow"]),
        ({"duration": -1}, ["duration", "-1"]),
        ({"duration": math.nan}, ["duration", "nan"]),
        ({"duration": math.inf}, ["duration", "inf"]),
        ({"duration": [50, 50]}, ["3 frames", "2"]),
        ({"duration": [50, 50, 50, 50]}, ["3 frames", "4"]),
        ({"duration": [50, -50, 50]}, ["duration", "-50"]),
        ({"duration": []}, ["3 frames", "0"]),
        ({"fps": 0}, ["fps", "0"]),
        ({"fps": -25}, ["fps", "-25"]),
        ({"fps": math.nan}, ["fps", "nan"]),
        ({"fps": 1e-12}, ["fps", "1e-12"]),
        ({"fps": 25, "duration": 40}, ["fps=25", "duration=40", "not both"]),
        ({"hold": -1}, ["hold", "-1"]),
        ({"hold": math.nan}, ["hold", "nan"]),
        ({"loop": -1}, ["loop", "-1"]),
        ({"loop": 65536}, ["loop", "65536"]),
        ({"workers": 0}, ["workers", "0"]),
        ({"workers": -2}, ["workers", "-2"]),
        ({"autoscale": "some"}, ["autoscale", "all, grow", "'some'"]),
        ({"autoscale": True}, ["autoscale", "all, grow", "True"]),
        ({"autoscale": "grow", "threshold": 0.5}, ["threshold", "autoscale='grow'"]),
        ({"autoscale": "frame", "threshold": 0.5}, ["threshold", "autoscale='frame'"]),
        ({"autoscale": "grow", "robust": True}, ["robust", "autoscale='grow'"]),
        ({"autoscale": "grow", "boundaries": [0, 1, 2]}, ["boundaries", "autoscale='grow'"]),
    ],
    ids=named,
)
def test_values_that_an_option_does_not_take_are_refused(
    refused: Check, options: dict[str, Any], names: list[str]
) -> None:
    refused(ValueError, FRAMES, *names, **options)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"row_labels": 3.5}, ["row_labels", "3.5"]),
        ({"thin_labels": "no"}, ["thin_labels", "'no'"]),
        ({"cbar": True, "cbar_ticks": "many"}, ["cbar_ticks", "'many'"]),
        ({"cbar": True, "cbar_ticks": True}, ["cbar_ticks", "True"]),
        ({"cbar": True, "cbar_ticks": ["a"]}, ["cbar_ticks", "'a'"]),
        ({"cbar": True, "cbar_format": 3}, ["cbar_format", "3"]),
        ({"row_groups": "all"}, ["row_groups", "'all'"]),
        ({"row_groups": True}, ["row_groups", "True"]),
        ({"col_groups": 2.5}, ["col_groups", "2.5"]),
        ({"col_groups": [1.5]}, ["col_groups", "1.5"]),
        ({"row_rotation": "steep"}, ["row_rotation", "'steep'"]),
        ({"vmin": "low"}, ["vmin", "'low'"]),
        ({"vmax": [1]}, ["vmax", "[1]"]),
        ({"norm": 5}, ["norm", "Normalize", "5"]),
        ({"norm": Normalize}, ["norm", "Normalize", "class"]),
        ({"norm": abs}, ["norm", "vmin and vmax", "abs"]),
        ({"norm": "log", "gamma": 2}, ["no gamma", "norm='log'"]),
        ({"norm": "linear", "center": 0}, ["no center", "norm='linear'"]),
        ({"norm": "power"}, ["gamma", "norm='power'"]),
        ({"center": 0, "boundaries": [0, 1]}, ["boundaries and center"]),
        ({"norm": LogNorm(), "gamma": 2}, ["gamma", "LogNorm", "not both"]),
        ({"norm": LogNorm(1, 2), "vmin": 1}, ["no vmin", "norm that has its vmin", "vmin=1"]),
        ({"boundaries": [0, 1], "vmax": 1}, ["no vmax", "boundaries", "vmax=1"]),
        ({"boundaries": 3}, ["boundaries", "3"]),
        ({"boundaries": "abc"}, ["boundaries", "'abc'"]),
        ({"center": "zero"}, ["center", "'zero'"]),
        ({"gamma": "half"}, ["gamma", "'half'"]),
        ({"robust": 1}, ["robust", "1"]),
        ({"mask": np.full((2, 4), math.nan)}, ["mask", "True and False", "nan"]),
        ({"mask": np.full((2, 4), "x")}, ["mask", "True and False"]),
        ({"threshold": "half"}, ["threshold", "'half'"]),
        ({"valfmt": 2}, ["valfmt", "2"]),
        pytest.param({"valfmt": lambda _: 5}, ["valfmt", "string", "5"], id="valfmt that counts"),
        ({"figsize": 5}, ["figsize", "5"]),
        ({"figsize": ("a", "b")}, ["figsize", "'a'"]),
        ({"dpi": "high"}, ["dpi", "'high'"]),
        ({"fontsize": "large"}, ["fontsize", "'large'"]),
        ({"text_size": "large"}, ["text_size", "'fit'", "'large'"]),
        ({"grid_width": "thin"}, ["grid_width", "'thin'"]),
        ({"title": 5}, ["title", "5"]),
        ({"cbar_label": ["a"]}, ["cbar_label", "['a']"]),
        ({"cbar": "no"}, ["cbar", "'no'"]),
        ({"duration": [[1, 2], 3]}, ["duration", "[1, 2]"]),
        ({"square": None}, ["square", "None"]),
        ({"duration": "fast"}, ["duration", "'fast'"]),
        ({"duration": [50, "x", 50]}, ["duration", "'x'"]),
        ({"fps": "fast"}, ["fps", "'fast'"]),
        ({"hold": "long"}, ["hold", "'long'"]),
        ({"hold": timedelta(seconds=2)}, ["hold", "milliseconds", ": give hold=2000"]),
        ({"duration": timedelta(seconds=0.5)}, ["milliseconds", ": give duration=500"]),
        ({"duration": np.timedelta64(3, "s")}, ["milliseconds", ": give duration=3000"]),
        ({"duration": np.timedelta64(3, "M")}, ["duration", "milliseconds", "timedelta64(3,'M')"]),
        ({"duration": {100, 200}}, ["duration", "a list of those of each frame"]),
        ({"cbar": np.zeros(3)}, ["cbar", "array([0., 0., 0.])"]),
        ({"mask": [[1, 2], [3]]}, ["mask", "[[1, 2], [3]]"]),
        ({"annot": np.float32(2)}, ["annot", "2.0"]),
        ({"tensor": [["a"]]}, ["names", "['a']"]),
        ({"norm": LogNorm}, ["norm", "Normalize", "LogNorm'>: give LogNorm()"]),
        ({"norm": np.sqrt}, ["norm", "'sqrt'", "FuncNorm"]),
        ({"norm": Unlimited()}, ["norm", "vmin and vmax", "Unlimited"]),
        ({"valfmt": lambda: "1"}, ["valfmt", "a function of a value", "()"]),
        ({"valfmt": lambda x, pos, more: "1"}, ["valfmt", "(x, pos, more)"]),
        *(
            ({**others, name: np.array(2.0)}, [name, "array(2.)"])
            for name, others in (
                ("titles", {}),
                ("boundaries", {}),
                ("cbar_ticks", {"cbar": True}),
                ("row_labels", {}),
                ("row_groups", {}),
            )
        ),
    ],
    ids=named,
)
def test_options_of_the_wrong_type_are_refused(
    refused: Check, options: dict[str, Any], names: list[str]
) -> None:
    refused(TypeError, FRAMES, *names, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"loop": True},
        {"workers": True},
        {"loop": 1.5},
        {"loop": "ever"},
        {"workers": 1.5},
        {"font": 5},
    ],
)
def test_other_wrong_types_are_refused(refused: Check, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        save_gif(io.BytesIO(), FRAMES, **options)
    assert_one_line(str(caught.value))
    assert repr(next(iter(options.values()))) in str(caught.value)
    refused(caught.type, FRAMES, **options)


def test_an_error_of_the_callers_own_function_is_passed_on(tmp_path: Path) -> None:
    def valfmt(value: Any) -> str:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        save_gif(tmp_path / "a.gif", FRAMES, valfmt=valfmt)
    assert not (tmp_path / "a.gif").exists()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (-1, 3), (70000, 1), (1, 65536)], ids=str)
def test_shapes_that_cannot_be_drawn_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected at") as caught:
        Heatmap(shape, reduce=None)
    assert repr(shape) in str(caught.value)
    assert_one_line(str(caught.value))


@pytest.mark.parametrize("shape", [5, None, "ab", (1, 2, 3), (2,), (None, 2), ("a", "b")], ids=str)
def test_what_is_no_shape_is_refused(shape: Any) -> None:
    with pytest.raises(TypeError, match=r"expected shape to be \(rows, columns\)") as caught:
        Heatmap(shape)
    assert repr(shape) in str(caught.value)


@pytest.mark.parametrize("shape", [(6, 5), (2, 2), (3, 6, 5)], ids=str)
def test_a_matrix_in_place_of_its_shape_is_told_from_it(shape: tuple[int, ...]) -> None:
    matrix: Any = np.zeros(shape)
    with pytest.raises(TypeError, match=r"\(rows, columns\), not a ndarray: give its \.shape$"):
        Heatmap(matrix)


def test_a_picture_over_65535_px_is_refused_without_figsize_too(refused: Check) -> None:
    message = refused(ValueError, FRAMES, "65535", row_labels=["x" * 20_000] * 2, valfmt=None)
    assert "px" in message
    refused(ValueError, np.zeros((1, 1, 70_000)), "65535", "70000", reduce=None)


def test_cells_under_a_pixel_are_refused_where_they_are_not_to_be_reduced(refused: Check) -> None:
    frames = np.zeros((1, 400, 500))
    message = refused(ValueError, frames, "400 x 500", figsize=(4, 3), reduce=None)
    assert "figsize" in message


def test_a_picture_without_room_for_anything_is_refused_where_it_is_reduced(refused: Check) -> None:
    labels = "x" * 60 + "{}"
    refused(ValueError, np.zeros((1, 400, 500)), "figsize", figsize=(4, 3), row_labels=labels)


def test_a_range_that_is_not_known_yet_is_asked_for() -> None:
    heatmap = Heatmap((2, 2), vmin=0)
    for ask in (lambda: heatmap.size, lambda: heatmap.palette, heatmap.layout):
        with pytest.raises(ValueError, match="expected vmin and vmax"):
            ask()
    assert heatmap.rgb([[0, 1], [2, 3]]).shape == (*heatmap.size[::-1], 3)


def test_a_heatmap_and_options_of_one_are_refused_together(refused: Check) -> None:
    heatmap = Heatmap((2, 4), vmin=0, vmax=1)
    refused(TypeError, FRAMES, "heatmap", "cmap", heatmap=heatmap, cmap="YlGn")


@pytest.mark.parametrize("heatmap", [5, "viridis", Heatmap])
def test_what_is_no_heatmap_is_refused(refused: Check, heatmap: object) -> None:
    refused(TypeError, FRAMES, "heatmap", repr(heatmap), heatmap=heatmap)


def test_a_progress_that_cannot_be_called_is_refused(refused: Check) -> None:
    refused(TypeError, FRAMES, "progress", "5", progress=5)


# -------------------------------------------------------------------------------------------- files


def test_missing_folders_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "a.gif"
    with pytest.raises(FileNotFoundError, match="nowhere") as caught:
        save_gif(path, FRAMES)
    assert_one_line(str(caught.value))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inches", np.linspace(0.3, 3.0, 28).tolist())
@pytest.mark.parametrize("shape", [(1, 27), (27, 1), (40, 40)])
def test_cells_have_a_pixel_of_their_own_or_are_refused(
    shape: tuple[int, int], inches: float
) -> None:
    heatmap = Heatmap(shape, vmin=0, vmax=1, cbar=True, figsize=(inches, 3 - inches / 2))
    try:
        grid = heatmap.layout().panels[0].grid
    except ValueError as error:
        assert "figsize" in str(error)  # noqa: PT017
        return
    assert (grid.x1[:-1] <= grid.x0[1:]).all()
    assert (grid.y1[:-1] <= grid.y0[1:]).all()


@pytest.mark.parametrize("name", ["w.npy", "w.npz", "w.obj"])
@pytest.mark.parametrize("form", [str, load_frames], ids=["path", "loaded"])
def test_what_is_read_is_not_written_over(tmp_path: Path, name: str, form: Any) -> None:
    path, frames = tmp_path / name, np.arange(2400.0).reshape(400, 2, 3)
    if name == "w.obj":
        path.write_bytes(pickle.dumps(list(frames)))
    else:
        (np.save if name == "w.npy" else np.savez)(path, frames)
    before = path.read_bytes()
    source = form(str(path))
    if name == "w.obj" and form is load_frames:
        save_gif(path, source, valfmt=None)  # the loaded frames are in memory
        assert path.read_bytes()[:6] == b"GIF89a"
        return
    with pytest.raises(ValueError, match="other than that of the frames"):
        save_gif(path, source, valfmt=None)
    assert path.read_bytes() == before


def test_a_range_wider_than_floats_is_refused() -> None:
    with pytest.raises(ValueError, match="vmax - vmin"):
        Heatmap((1, 1), vmin=-1.7e308, vmax=1.7e308)


@pytest.mark.parametrize("dtype", [int, bool])
def test_a_format_that_is_not_for_integers_is_refused(dtype: type) -> None:
    with pytest.raises(ValueError, match=r"format for (int64|bool) values, not '\.3'") as caught:
        save_gif(io.BytesIO(), np.zeros((1, 2, 2), dtype), valfmt=".3")
    assert_one_line(str(caught.value))


@pytest.mark.parametrize("name", ["weights.mp4", "weights.PNG", "w.webp"])
def test_a_path_of_another_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"expected a path for a GIF, such as .*\.gif', not"):
        save_gif(tmp_path / name, np.zeros((2, 2, 2)))
    assert not list(tmp_path.iterdir())


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="folder"):
        save_gif(tmp_path, FRAMES)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_files_that_may_not_be_written_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"mine")
    path.chmod(0o400)
    with pytest.raises(PermissionError, match=r"a\.gif"):
        save_gif(path, FRAMES)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("target", [5, None, io.StringIO(), b"bytes"])
def test_what_cannot_be_written_to_is_refused(target: Any) -> None:
    with pytest.raises(
        TypeError, match="expected a path or a file object open for bytes"
    ) as caught:
        save_gif(target, FRAMES)
    assert_one_line(str(caught.value))


def test_a_target_is_checked_before_frames_are_read(tmp_path: Path) -> None:
    read = []

    def frames() -> Iterator[Any]:
        read.append(1)
        yield FRAMES[0]

    with pytest.raises(FileNotFoundError):
        save_gif(tmp_path / "nowhere" / "a.gif", frames(), vmin=0, vmax=1)
    with pytest.raises(TypeError, match="vmim"):
        save_gif(tmp_path / "a.gif", frames(), vmim=0)
    with pytest.raises(ValueError, match="fps"):
        save_gif(tmp_path / "a.gif", frames(), fps=0)
    assert read == []


def damaged(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "npy":
        np.save(file, FRAMES)
    elif kind == "npz":
        np.savez(file, FRAMES)
    else:
        pickle.dump(FRAMES, file)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["npy", "npz", "obj"])
@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.95])
def test_files_that_were_cut_are_refused(
    refused: Check, tmp_path: Path, kind: str, part: float
) -> None:
    path = tmp_path / f"frames.{kind}"
    whole = damaged(kind)
    path.write_bytes(whole[: int(part * len(whole))])
    refused(ValueError, path, str(path))
    refused(ValueError, str(path), str(path))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.obj", "a.pkl", "a.pickle", "a.txt", "a"])
def test_files_of_something_else_are_refused(refused: Check, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"It was a dark and stormy night; the rain fell in torrents.\n" * 9)
    refused(ValueError, path, str(path))


def test_missing_files_are_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.npy"
    with pytest.raises(FileNotFoundError, match=r"missing\.npy"):
        load_frames(missing)
    with pytest.raises(FileNotFoundError, match=r"missing\.npy"):
        save_gif(tmp_path / "a.gif", missing)
    assert list(tmp_path.iterdir()) == []


class Malice:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


def test_a_pickle_that_asks_for_more_than_numbers_is_refused(
    refused: Check, tmp_path: Path
) -> None:
    path = tmp_path / "frames.obj"
    path.write_bytes(pickle.dumps([Malice()]))
    refused(ValueError, path, str(path), "system")


# --------------------------------------------------------------------------------------- good input


def _greedy() -> dict[str, bytes]:
    """Return files of less than a megabyte that naive readers expand to far more."""
    deque = b"ccollections\ndeque\nq\x000"
    row = [float(k) for k in range(11_500)]
    levels = b"".join(
        b"](" + b"h" + bytes([k]) + b"h" + bytes([k]) + b"eq" + bytes([k + 1]) for k in range(1, 99)
    )
    multiple = [b"\x8a\x0a" + (k * (2**61 - 1)).to_bytes(10, "little") for k in range(1, 70_000)]
    nested = deque + b"h\x00)Rq\x010"
    for k in range(1, 5):
        nested += b"0h\x00)R(" + (b"h" + bytes([k])) * 60 + b"eq" + bytes([k + 1])
    vector, matrix = np.zeros(100_000, np.uint8), np.zeros((700, 700), np.uint8)
    long = "a" * 400_000
    files = {
        "deques.pkl": nested + b".",
        "levels.pkl": b"]q\x01" + levels + b".",
        "rows.pkl": pickle.dumps([[row] * 11_500]),
        "fewer rows.pkl": b"B"
        + (900_000).to_bytes(4, "little")
        + bytes(900_000)
        + b"0"
        + pickle.dumps([[row[:2500]] * 2500]),
        "vectors.pkl": pickle.dumps([[vector] * 1300]),
        "cells.pkl": pickle.dumps([[[matrix[:99]] * 1000] * 1000]),
        "panels.pkl": pickle.dumps([{f"p{k}": matrix for k in range(30_000)}]),
        "dumps.pkl": pickle.dumps([[0.0] * 1000] * 3000) * 50,
        "texts.pkl": pickle.dumps([[[long] + ["b"] * 999] * 9]),
        "keys.pkl": b"}(" + b"N".join(multiple) + b"Nu.",
        "memo.pkl": b"N" + b"".join(b"p%d\n" % (k * (2**61 - 1)) for k in range(1, 40_000)) + b".",
        "memo again.pkl": b"Np%d\n" % 10**300 + (b"0g%d\n" % 10**300) * 3000 + b".",
        "tuples.pkl": b")" + b"\x85" * 990_000 + b".",
        "lists.pkl": b"(" + b"]" * 990_000 + b"l.",
        "marks.pkl": b"(" * 990_000 + b".",
        "deep.pkl": b"B"
        + (400_000).to_bytes(4, "little")
        + bytes(400_000)
        + b"0"
        + deque
        + b"h\x00)R" * 100_000
        + b"a" * 99_999
        + b".",
        "many deques.pkl": b"(" + deque + b"h\x00)R" * 190_000 + b"l.",
        "number.pkl": b"\x8b" + (900_000).to_bytes(4, "little") + b"\x7f" * 900_000 + b".",
        "side.npy": npy_of("(" + "9" * 4000 + ", 1, 1)", b""),
        "none.npy": npy_of("(1000000000000, 0, 2)", b""),
        "header.npy": b"\x93NUMPY\x02\x00" + (900_000).to_bytes(4, "little") + b"(" * 900_000,
    }
    for name, shape in (
        ("one.npz", "(1, 20000, 20000)"),
        ("matrix.npz", "(20000, 20000)"),
        ("vector.npz", "(400000000,)"),
        ("longer.npz", "(2, 2)"),
    ):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.npy", npy_of(shape, bytes(400_000_000)))
            archive.writestr("b.npy", npy_of("(1, 1, 1)", bytes(1)))
        files[name] = buffer.getvalue()
    return files


def npy_of(shape: str, data: bytes) -> bytes:
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


# opens each file with limited memory, and prints a line for each
OPENING = """
import resource, sys, time
from pathlib import Path
import numpy as np
from fastheat.inputs.frames.annotations import open_annots
from fastheat.inputs.frames.opening import open_frames

status = Path("/proc/self/statm").read_text().split()
room = int(status[0]) * resource.getpagesize() + (300 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for path in sys.argv[1:]:
    frames = lambda: list(map(len, open_frames(path).chunks(1)))
    for read in (frames, lambda: open_annots(path, (2, 2))):
        started = time.process_time()
        try:
            said = f"read {read()}"
        except (TypeError, ValueError) as error:
            said = str(error)
        print(f"{time.process_time() - started:.2f} {said!a}", flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures memory as Linux does")
def test_small_files_take_little_memory_and_time(tmp_path: Path) -> None:
    paths = []
    for name, data in _greedy().items():
        assert len(data) < 1 << 20, name
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", OPENING, *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2 * len(paths), f"{paths[len(lines) // 2].name}: {done.stderr[-1000:]}"
    for number, line in enumerate(lines):
        seconds, said = line.split(" ", 1)
        assert float(seconds) < 5, (paths[number // 2].name, line)
        assert "MemoryError" not in said, (paths[number // 2].name, line)
        assert "\\n" not in said
        assert len(said) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    "frames",
    [
        np.array([[[math.nan, 1.0, math.inf, -math.inf]]]),
        np.zeros((2, 3, 4)),
        np.ones((1, 1, 1)),
        np.arange(5.0).reshape(1, 1, 5),
        np.arange(5.0).reshape(1, 5, 1),
        np.arange(24, dtype=np.int8).reshape(2, 3, 4),
        np.arange(24, dtype=np.uint64).reshape(2, 3, 4),
        np.arange(24).reshape(2, 3, 4) % 2 == 0,
        np.arange(24, dtype=np.float16).reshape(2, 3, 4),
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.arange(24, dtype=np.longdouble).reshape(2, 3, 4),
        np.arange(24, dtype=">f4").reshape(2, 3, 4),
        np.arange(24, dtype=">i2").reshape(2, 3, 4),
        np.arange(240.0).reshape(4, 6, 10)[::2, ::-2, 1::3],
        np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
        np.ma.masked_less(np.arange(24.0).reshape(2, 3, 4), 7),
        [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
        ([[1.5, 2]], [[3, True]]),
        [np.zeros((2, 2), np.int8), np.zeros((2, 2), np.float32)],
    ],
    ids=lambda frames: f"{getattr(frames, 'dtype', 'list')}-{np.shape(frames)}",
)
def test_good_input_is_drawn_without_a_word(frames: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    summary = save_gif(path, frames, dpi=50)
    assert summary.frames == len(frames)
    assert summary.bytes == path.stat().st_size
    assert summary.hidden == 0
    assert isinstance(summary, fastheat.GifSummary)


BOMBS = [
    "{:999999999}",
    "{:.999999999f}",
    "{:>999999999}",
    "{:٩٩٩٩٩٩٩٩٩}",
    "{!r:999999999}",
    "{:{:999999999}}",
    "{:5000}" * 500,
    "{.__class__}",
    "{[0]}",
    "{:{.real}}",
    "{:" + "9" * 20_000 + "}",
    "{}" + "x" * 10_001,
]


@pytest.mark.parametrize("place", ["valfmt", "cbar_format", "titles", "row_labels", "col_labels"])
@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_templates_are_bounded_and_reach_into_nothing(place: str, bomb: str) -> None:
    options: dict[str, Any] = {"cbar": True, place: bomb}
    with pytest.raises(ValueError, match="expected") as caught:
        save_gif(io.BytesIO(), np.eye(2)[None], **options)
    assert_a_line(caught.value)


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_a_title_that_is_filled_in_is_bounded_and_reaches_into_nothing(
    bomb: str, tmp_path: Path
) -> None:
    title = re.sub(r"\{(?=[:.!\[}])", "{step", bomb)
    with pytest.raises(ValueError, match="expected title ") as caught:
        GifWriter(io.BytesIO(), title=title, vmin=0, vmax=1).add(np.eye(2))
    assert_a_line(caught.value)
    for k in range(2):
        np.save(tmp_path / f"step_{k}.npy", np.eye(2))
    files = str(tmp_path / "step_*.npy")
    each: list[dict[str, Any]] = [{"title": title}, {"titles": title}]
    for options in [*each, {"title": "{step}", "titles": title}]:
        with pytest.raises(ValueError, match=r"expected (a title|titles) ") as caught:
            save_gif(io.BytesIO(), files, vmin=0, vmax=1, **options)
        assert_a_line(caught.value)


def test_a_width_that_fills_a_title_is_bounded() -> None:
    with GifWriter(io.BytesIO(), title="{loss:{width}.3f}", vmin=0, vmax=1) as writer:
        writer.add(np.eye(2), loss=0.5, width=12)
        with pytest.raises(ValueError, match="a width or precision above 10000"):
            writer.add(np.eye(2), loss=0.5, width=10**9)
        with pytest.raises(ValueError, match="a text of more than 10000 characters"):
            writer.add(np.eye(2), loss="x" * 10**6, width="")


@pytest.mark.parametrize(
    "function",
    [
        "{:999999999}".format,
        "%999999999f".__mod__,
        "%.999999999e".__mod__,
        "{.__class__}".format,
        lambda _: "x" * 10_001,
    ],
)
def test_what_a_function_writes_is_bounded(function: Any) -> None:
    for place in ("valfmt", "cbar_format"):
        options: dict[str, Any] = {"cbar": True, place: function}
        with pytest.raises(ValueError, match=r"expected .*(above|most) 10000|reaches into"):
            Heatmap((2, 2), vmin=0, vmax=1, **options).rgb(np.eye(2))


@pytest.mark.parametrize("place", ["title", "xlabel", "ylabel", "cbar_label"])
def test_a_text_that_no_picture_has_room_for_is_refused(place: str) -> None:
    options: dict[str, Any] = {"cbar": True, place: "x" * 10**7}
    with pytest.raises(ValueError, match=f"expected {place} of at most 100000 characters"):
        Heatmap((2, 2), **options)


def test_labels_titles_annotations_and_ticks_are_bounded() -> None:
    long, frames = "x" * 10**6, np.eye(2)[None]
    refused: list[tuple[str, dict[str, Any]]] = [
        ("row_labels of at most 100000", {"row_labels": [long, "b"]}),
        ("2 row_labels, not 3 or more", {"row_labels": itertools.count()}),
        ("2 row_labels, not 1000", {"row_labels": ["a"] * 1000}),
        ("title of at most 100000", {"titles": [long]}),
        ("texts in annot of at most 100000", {"annot": [[long, ""], ["", ""]]}),
        ("at most 10000 cbar_ticks", {"cbar": True, "cbar_ticks": range(10**9)}),
    ]
    for message, options in refused:
        with pytest.raises(ValueError, match=f"expected {message}"):
            save_gif(io.BytesIO(), frames, vmin=0, vmax=1, **options)
    with pytest.raises(ValueError, match="expected title of at most 100000"):
        GifWriter(io.BytesIO(), vmin=0, vmax=1).add(frames[0], title=long)
    with pytest.raises(ValueError, match="expected names of lines of at most 100000"):
        Panels({"a": (2, 2)}, lines=long)
    with pytest.raises(ValueError, match="at most 10000 row_labels with thin_labels=False"):
        Heatmap((20_000, 2), row_labels=True, thin_labels=False)


class Foreign:
    """An object whose repr would break the line, or control a terminal."""

    def __repr__(self) -> str:
        return "one\ntwo\x1b[2J" + "x" * 10**6


def test_errors_with_the_words_of_others_are_one_line() -> None:
    class Unformatted:
        def __format__(self, _: str) -> str:
            raise ValueError(repr(Foreign()))

    class Unread:
        def __array__(self, *_: object, **__: object) -> Any:
            raise ValueError(repr(Foreign()))

    foreign: Any = Foreign()
    with pytest.raises(ValueError, match="expected values for the title") as caught:
        GifWriter(io.BytesIO(), title="{x}", vmin=0, vmax=1).add(np.eye(2), x=Unformatted())
    assert_a_line(caught.value)
    refused: list[dict[str, Any]] = [
        {"title": foreign},
        {"annot": [[foreign] * 2] * 2},
        {"annot": Unread()},
        {"cmap": foreign},
        {"norm": foreign},
        {"font": foreign},
        {"row_labels": foreign},
        {"valfmt": "{x:\n\x1b}"},
        {"valfmt": ".2f\n\x1b"},
        {"cmap": "no\nmap\x1b" + "x" * 10**6},
        {"font": "no\nfont\x1b" + "x" * 10**6},
        {"textcolors": "no\ncolour\x1b" + "x" * 10**6},
    ]
    for options in refused:
        with pytest.raises((TypeError, ValueError, OSError)) as refusal:
            Heatmap((2, 2), vmin=0, vmax=1, **options)
        assert_a_line(refusal.value)
        with pytest.raises((TypeError, ValueError, OSError)) as refusal:
            Panels({"a": (2, 2)}, vmin=0, vmax=1, options={"a": options}).layout()
        assert_a_line(refusal.value)


def assert_a_line(error: BaseException) -> None:
    text = str(error)
    assert text.isprintable(), ascii(text)
    assert len(text) < 5000


def test_numbers_without_end_are_named_by_their_kind() -> None:
    with pytest.raises(ValueError, match=r"expected loop to be .*, not <int>$"):
        save_gif(io.BytesIO(), np.zeros((2, 2, 2)), loop=10**5000)


@pytest.mark.parametrize("name", ["row_groups", "col_groups", "cbar_ticks", "row_labels"])
def test_options_without_end_are_refused(name: str) -> None:
    more: dict[str, Any] = {"cbar": True} if name == "cbar_ticks" else {}
    for endless in (itertools.count(1), range(1, 10**12)):
        with pytest.raises(ValueError, match=name):
            Panels({"a": (3, 4), "b": (3, 4)}, **more | {name: endless})


def test_an_option_that_is_useless_says_what_it_needs() -> None:
    given: dict[str, Any] = {"cbar_ticks": math.nan, "cbar_format": 1, "cbar_aspect": "x"}
    for name, value in given.items():
        with pytest.raises(ValueError, match=f"expected cbar=True with {name}"):
            Heatmap((3, 4), **{name: value})
