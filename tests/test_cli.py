"""The command line: the options that it passes on, its output, and its errors."""

from __future__ import annotations

import inspect
import io
import json
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from gif_info import read_info
from numpy.typing import NDArray
from PIL import Image

import fastheat
from fastheat import load_frames, save_gif
from fastheat.cli import demo
from fastheat.cli import main as cli
from fastheat.cli.arguments import given_options, make_parser, parse
from fastheat.cli.main import main
from fastheat.figure.heatmap import option_names
from fastheat.figure.panels import panels_options
from fastheat.render.kernels import jit, objects

POSIX = os.name == "posix"


@pytest.fixture
def values() -> NDArray[np.float64]:
    return np.random.default_rng(0).random((5, 2, 3))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: NDArray[np.float64]) -> Path:
    """Change to a new folder that contains frames in w.npy."""
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", values)
    return tmp_path


def written(frames: object, **arguments: Any) -> bytes:
    """Return the GIF that the library writes."""
    file = io.BytesIO()
    save_gif(file, frames, **arguments)
    return file.getvalue()


def environment(unbuffered: bool = False) -> dict[str, str]:
    """Return environment variables with which a process finds the package from any folder."""
    root = str(Path(fastheat.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1" if unbuffered else ""}


def run(
    *argv: str,
    data: bytes | None = None,
    stdout: Any = subprocess.PIPE,
    unbuffered: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a new process."""
    return subprocess.run(
        [sys.executable, "-m", "fastheat", *argv],
        input=data,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment(unbuffered),
        timeout=120,
    )


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes, terminal: bool = False) -> None:
    stream = SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: terminal)
    monkeypatch.setattr(sys, "stdin", stream)


# ------------------------------------------------------------------------------- what is passed on

# (arguments, the keywords that save_gif gets); every option has a row
PASSED: list[tuple[list[str], dict[str, Any]]] = [
    (["--row-labels", "embed_dim_{}"], {"row_labels": "embed_dim_{}"}),
    (["--row-labels", "auto"], {"row_labels": "auto"}),
    (["--row-labels", "none"], {"row_labels": None}),
    (["--row-labels", "only"], {"row_labels": ["only"]}),
    (["--col-labels", "a, b,,c"], {"col_labels": ["a", "b", "", "c"]}),
    (["--col-labels", "3"], {"col_labels": 3}),
    (["--no-thin-labels"], {"thin_labels": False}),
    (["--cbar", "--cbar-ticks", "5"], {"cbar": True, "cbar_ticks": 5}),
    (["--cbar", "--cbar-ticks=-1,0,.5"], {"cbar": True, "cbar_ticks": [-1.0, 0.0, 0.5]}),
    (["--cbar", "--cbar-format", ".1e"], {"cbar": True, "cbar_format": ".1e"}),
    (["--row-groups", "2"], {"row_groups": 2}),
    (["--col-groups", "1,2"], {"col_groups": [1, 2]}),
    (["--group-color", "red"], {"group_color": "red"}),
    (["--group-width", "1.5"], {"group_width": 1.5}),
    (["--style", "dark"], {"style": "dark"}),
    (["--background", "none"], {"background": "none"}),
    (["--origin", "lower"], {"origin": "lower"}),
    (["--row-side", "right"], {"row_side": "right"}),
    (["--col-side", "bottom"], {"col_side": "bottom"}),
    (["--row-rotation", "45"], {"row_rotation": 45.0}),
    (["--cbar", "--cbar-location", "top"], {"cbar": True, "cbar_location": "top"}),
    (["--cmap", "YlGn_r"], {"cmap": "YlGn_r"}),
    (["--cmap", "navy, white,#8b0000"], {"cmap": ["navy", "white", "#8b0000"]}),
    (["--vmin", "-1"], {"vmin": -1.0}),
    (["--vmin=-1e-3"], {"vmin": -1e-3}),
    (["--vmin", "-1e-3"], {"vmin": -1e-3}),
    (["--vmin", "-.5E+2", "--vmax", "-0"], {"vmin": -50.0, "vmax": 0.0}),
    (["--under", "0.5"], {"under": "0.5"}),
    (["--over", "#f00"], {"over": "#f00"}),
    (["--bad", "none"], {"bad": "none"}),
    (["--annot", "file.npy"], {"annot": "file.npy"}),
    (["--no-annot"], {"annot": False}),
    (["--norm", "symlog"], {"norm": "symlog"}),
    (["--linthresh", "1e-3"], {"linthresh": 1e-3}),
    (["--gamma", ".5"], {"gamma": 0.5}),
    (["--boundaries", "-1,0,2.5"], {"boundaries": [-1, 0, 2.5]}),
    (["--center", "-1"], {"center": -1}),
    (["--robust"], {"robust": True}),
    (["--valfmt", "{x:.9f}"], {"valfmt": "{x:.9f}"}),
    (["--valfmt", "-.2f"], {"valfmt": "-.2f"}),
    (["--valfmt", "none"], {"valfmt": None}),
    (["--textcolors", "red", "C1"], {"textcolors": ["red", "C1"]}),
    (["--threshold", "-2"], {"threshold": -2.0}),
    (["--text-size", "7.5"], {"text_size": 7.5}),
    (["--text-size", "fit"], {"text_size": "fit"}),
    (["--ha", "left"], {"ha": "left"}),
    (["--va", "top"], {"va": "top"}),
    (["--cbar"], {"cbar": True}),
    (["--no-cbar"], {"cbar": False}),
    (["--cbar", "--cbar-label", "weight"], {"cbar": True, "cbar_label": "weight"}),
    (["--title", "none"], {"title": "none"}),
    (["--title=--x"], {"title": "--x"}),
    (["--xlabel", "in"], {"xlabel": "in"}),
    (["--ylabel", "out"], {"ylabel": "out"}),
    (["--figsize", "15", "1e1"], {"figsize": [15.0, 10.0]}),
    (["--dpi", "72"], {"dpi": 72.0}),
    (["--font", "DejaVu Sans"], {"font": "DejaVu Sans"}),
    (["--fontsize", "8"], {"fontsize": 8.0}),
    (["--grid-color", "k"], {"grid_color": "k"}),
    (["--grid-width", "0"], {"grid_width": 0.0}),
    (["--col-rotation", "-90"], {"col_rotation": -90.0}),
    (["--square"], {"square": True}),
    (["--no-square"], {"square": False}),
    (["--background", "black"], {"background": "black"}),
    (["--foreground", "white"], {"foreground": "white"}),
    (["--cbar", "--cbar-shrink", "0.5"], {"cbar": True, "cbar_shrink": 0.5}),
    (["--cbar", "--cbar-aspect", "30"], {"cbar": True, "cbar_aspect": 30}),
    (["--tick-color", "#888"], {"tick_color": "#888"}),
    (["--reduce", "absmax"], {"reduce": "absmax"}),
    (["--reduce", "none"], {"reduce": None}),
    (["--fps", "12.5"], {"fps": 12.5}),
    (["--duration", "20"], {"duration": 20.0}),
    (["--duration", "20,30.5,1e3"], {"duration": [20.0, 30.5, 1000.0]}),
    (["--loop", "none"], {"loop": None}),
    (["--loop", "0"], {"loop": 0}),
    (["--loop", "3"], {"loop": 3}),
    (["--hold", "1500"], {"hold": 1500.0}),
    (["--titles", "step {}, of five"], {"titles": "step {}, of five"}),
    (["--titles", "a,b"], {"titles": ["a", "b"]}),
    (["--workers", "4"], {"workers": 4}),
    (["--autoscale", "grow"], {"autoscale": "grow"}),
    (["--columns", "3"], {"columns": 3}),
    (["--share-range"], {"share_range": True}),
    (["--no-share-cbar"], {"share_cbar": False}),
    (["--ylim", "0", "1e1"], {"ylim": [0.0, 10.0]}),
    ([], {}),
]


def arguments_of_the_library() -> set[str]:
    own = set(inspect.signature(save_gif).parameters)
    own -= {"file", "frames", "heatmap", "options", "executor"}  # a Python object
    own -= {"tensor"}  # for frames in files, not for demo; see test_checkpoints
    return own | set(option_names())


# options for several matrices only; no flags are those of single panels and what files say
PANELS = set(panels_options()) - set(option_names()) - {"options", "lines", "xlim"}


def command_parser(command: str) -> Any:
    return make_parser().parse_args([command, *["x"] * (command == "render")]).parser


@pytest.mark.parametrize("command", ["render", "demo"])
def test_every_argument_of_the_library_is_an_option(command: str) -> None:
    actions = {
        (a.dest, flag) for a in command_parser(command)._actions for flag in a.option_strings
    }
    for name in arguments_of_the_library() | (PANELS if command == "render" else set()):
        assert (name, f"--{name.replace('_', '-')}") in actions, name


def test_every_argument_of_the_library_is_tried_below() -> None:
    tried = {name for _, given in PASSED for name in given}
    ours = arguments_of_the_library() | PANELS
    assert tried == ours - {"progress", "mask"}  # read from a file


@pytest.mark.parametrize(("argv", "given"), PASSED)
def test_options_reach_the_library(argv: list[str], given: dict[str, Any]) -> None:
    assert given_options(parse(["render", "x", *argv])) == given
    if not PANELS & set(given):
        assert given_options(parse(["demo", *argv])) == given


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        (b"one\ntwo, or three\n\n four\n", ["one", "two, or three", "", " four"]),
        (b"\xef\xbb\xbfone\r\ntwo", ["one", "two"]),
        ("\u03b1\u2028\n".encode(), ["\u03b1\u2028"]),
        (b"", []),
    ],
)
def test_labels_are_read_from_a_file_line_by_line(
    folder: Path, content: bytes, labels: list[str]
) -> None:
    Path("words.txt").write_bytes(content)
    given = given_options(parse(["render", "x", "--row-labels", "@words.txt"]))
    assert given == {"row_labels": labels}


def test_a_mask_is_read_from_a_file(folder: Path) -> None:
    mask = np.eye(2, 3, dtype=bool)
    np.save("mask.npy", mask)
    given = given_options(parse(["render", "x", "--mask", "mask.npy"]))
    np.testing.assert_array_equal(given["mask"], mask)
    Path("mask.npy").write_bytes(b"no such thing")
    with pytest.raises(ValueError, match=r"cannot read mask.npy: expected a .npy file"):
        given_options(parse(["render", "x", "--mask", "mask.npy"]))


def test_the_gif_is_the_one_that_the_library_writes(folder: Path) -> None:
    look = ["--cmap", "white,teal", "--vmin", "-1e-1", "--vmax", "2", "--valfmt", ".3f", "--cbar"]
    time = ["--duration", "20,30,40,50,60", "--loop", "none", "--hold", "900", "--workers", "2"]
    labels = ["--row-labels", "r_{}", "--col-labels", "a,b,c", "--figsize", "4", "3", "-q"]
    assert main(["render", "w.npy", "-o", "out.gif", *look, *time, *labels]) == 0
    assert Path("out.gif").read_bytes() == written(
        np.load("w.npy"),
        cmap=["white", "teal"],
        vmin=-0.1,
        vmax=2,
        valfmt=".3f",
        cbar=True,
        duration=[20, 30, 40, 50, 60],
        loop=None,
        hold=900,
        row_labels="r_{}",
        col_labels=["a", "b", "c"],
        figsize=(4, 3),
    )


@pytest.mark.parametrize("form", ["one", "each"])
@pytest.mark.parametrize("text", [False, True])
def test_annotations_are_read_from_a_file(folder: Path, form: str, text: bool) -> None:
    values = np.load("w.npy")
    annot = np.arange(values.size).reshape(values.shape)
    annot = annot if form == "each" else annot[0]
    annot = annot.astype(str) if text else annot
    np.save("a.npy", annot)
    assert main(["render", "w.npy", "-q", "--annot", "a.npy", "--valfmt", "{x}"]) == 0
    assert Path("w.gif").read_bytes() == written(values, annot=annot, valfmt="{x}")
    assert main(["render", "w.npy", "-q", "--no-annot"]) == 0
    assert Path("w.gif").read_bytes() == written(values, annot=False)


def test_wrong_annotations_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("a.npy", np.zeros((2, 2)))
    assert main(["render", "w.npy", "--annot", "a.npy"]) == 1
    assert "a.npy: expected annot of shape" in capsys.readouterr().err
    assert main(["render", "w.npy", "--annot", "none.npy"]) == 1
    assert "none.npy: No such file" in capsys.readouterr().err
    assert main(["render", "w.npy", "--annot", "a.npy", "--no-annot"]) == 2
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:over all frames, 30 values below vmin=9:UserWarning")
@pytest.mark.parametrize("argv", [["--vmin", "0"], ["--vmin", "9"], []])
def test_a_range_not_given_is_that_of_all_frames(folder: Path, argv: list[str]) -> None:
    assert main(["render", "w.npy", "-q", *argv]) == 0
    given = {"vmin": float(argv[1])} if argv else {}
    assert Path("w.gif").read_bytes() == written(np.load("w.npy"), **given)


def test_the_output_is_named_after_the_input_and_put_in_the_current_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sub").mkdir()
    Path("w.npy").rename("sub/run.1.npy")
    assert main(["render", "sub/run.1.npy"]) == 0
    with Path("run.1.gif").open("rb") as file:
        assert len(read_info(file).frames) == 5
    assert capsys.readouterr().out.startswith("run.1.gif: 5 frames of ")


# --------------------------------------------------------------------------------------- stills


@pytest.mark.parametrize("name", ["m.npy", "m.npz", "m.pkl", "m.obj"])
def test_a_matrix_alone_is_one_frame(folder: Path, values: NDArray[np.float64], name: str) -> None:
    matrix = np.tile(values[0], (9, 9))
    if name == "m.npy":
        np.save(name, matrix)
    elif name == "m.npz":
        np.savez(name, matrix)
    else:
        Path(name).write_bytes(pickle.dumps(matrix, protocol=5 if name == "m.pkl" else 2))
    assert main(["render", name, "-o", "m.gif"]) == 0
    assert len(by_pillow(Path("m.gif").read_bytes())) == 1
    save_gif("same.gif", matrix[None])
    assert Path("same.gif").read_bytes() == Path("m.gif").read_bytes()
    assert main(["render", name, "--frame", "0", "-o", "m.png"]) == 0
    assert main(["render", name, "--frame", "1", "-o", "m.png"]) == 2


@pytest.mark.parametrize("number", [0, 3, -1, -5])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "?"])
def test_a_still_is_a_frame_of_the_animation(folder: Path, number: int, dtype: str) -> None:
    values = (10 * np.load("w.npy")).astype(dtype)
    np.save("v.npy", values)
    np.save("a.npy", np.arange(values.size).reshape(values.shape).astype(str))
    for options in (
        [],
        ["--titles", "step {}", "--valfmt", "{x}"],
        ["--annot", "a.npy", "--vmin", "-1", "--cbar"],
    ):
        assert main(["render", "v.npy", "-q", "-o", "all.gif", *options]) == 0
        assert (
            main(["render", "v.npy", "-q", "-o", "one.png", *options, "--frame", str(number)]) == 0
        )
        pictures = []
        for picture, times in by_pillow(Path("all.gif").read_bytes()):
            pictures += [picture] * round(times / 100)
        with Image.open("one.png") as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), pictures[number])


@pytest.mark.parametrize("number", [0, 1, 4, -2])
@pytest.mark.parametrize("suffix", ["npz", "pkl"])
def test_a_still_of_panels_has_their_lines_as_the_animation(
    folder: Path, suffix: str, number: int
) -> None:
    series = {"a": np.load("w.npy"), "loss": np.exp(-np.arange(5.0)), "gain": np.arange(5.0)}
    if suffix == "npz":
        np.savez("p.npz", **series)
    else:
        Path("p.pkl").write_bytes(pickle.dumps(series))
    argv = ["render", f"p.{suffix}", "-q", "--titles", "step {}"]
    assert main([*argv, "-o", "all.gif"]) == 0
    assert main([*argv, "-o", "one.png", "--frame", str(number)]) == 0
    pictures = [picture for picture, _ in by_pillow(Path("all.gif").read_bytes())]
    assert len(pictures) == 5
    with Image.open("one.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), pictures[number])


def test_a_still_of_checkpoints_has_their_steps_below_its_lines(folder: Path) -> None:
    for step in (0, 100, 200):
        np.savez(f"step_{step}.npz", a=np.full((2, 3), step), loss=1 / (1 + step))
    argv = ["render", "step_*.npz", "-q", "--tensor", "a", "--tensor", "loss"]
    assert main([*argv, "-o", "all.gif"]) == 0
    assert main([*argv, "-o", "one.png", "--frame", "-1"]) == 0
    *_, (last, _) = by_pillow(Path("all.gif").read_bytes())
    with Image.open("one.png") as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), last)


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "bmp", "tif", "gif", "ppm"])
def test_a_still_is_of_the_kind_that_its_name_says(
    folder: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "w.npy", "--frame", "2", "-o", f"one.{suffix}"]) == 0
    assert capsys.readouterr().out.startswith(f"one.{suffix}: frame 2 of 5, ")
    assert main(["render", "w.npy", "--frame", "2", "-q"]) == 0
    with Image.open(f"one.{suffix}") as image, Image.open("w.png") as png:
        assert suffix.lower()[:2] in str(image.format).lower()
        difference = np.asarray(image.convert("RGB")).astype(int) - np.asarray(png.convert("RGB"))
        assert abs(difference).mean() < (2 if suffix.lower().startswith("j") else 1e-9)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_a_still_says_how_large_it_is_to_be_shown(folder: Path, suffix: str) -> None:
    argv = ["render", "w.npy", "--frame", "2", "-q", "-o", f"one.{suffix}"]
    for inch in (100, 300):
        assert main([*argv, *(["--dpi", "300"] if inch == 300 else [])]) == 0
        with Image.open(f"one.{suffix}") as image:
            assert image.info["dpi"] == pytest.approx((inch, inch), abs=0.1)


def test_a_page_of_pdf_is_as_large_as_figsize(folder: Path) -> None:
    argv = ["render", "w.npy", "--frame", "2", "-q", "-o", "one.pdf", "--dpi", "300"]
    assert main([*argv, "--figsize", "4", "3"]) == 0
    (box,) = re.findall(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", Path("one.pdf").read_bytes())
    assert [float(side) / 72 for side in box] == pytest.approx([4, 3])


def test_a_still_goes_to_standard_output(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["render", "w.npy", "--frame", "2", "-o", "-"]) == 0
    out, err = capsysbinary.readouterr()
    assert main(["render", "w.npy", "--frame", "2", "-o", "one.png", "-q"]) == 0
    assert out == Path("one.png").read_bytes()
    assert b"standard output: frame 2 of 5" in err


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (["--frame", "5"], ["--frame 0 to 4", "not 5"]),
        (["--frame", "-6"], ["-1 to -5", "not -6"]),
        (["--frame", "x"], ["--frame", "whole number", "'x'"]),
        (["-o", "one.png"], ["'one.png'", "--frame K"]),
        (["--frame", "1", "-o", "one.xyz"], ["Pillow", "'one.xyz'"]),
        (["--frame", "1", "-o", "one"], ["Pillow", "'one'"]),
        (["--frame", "1", "-o", "none/one.png"], ["folder", "'none/one.png'"]),
        (["--frame", "1", "--fps", "5"], ["--fps", "--frame"]),
        (["--frame", "1", "--titles", "a,b"], []),
        (["--frame", "2", "--titles", "a,b"], ["a title for each of 5 frames"]),
    ],
    ids=str,
)
def test_a_still_that_cannot_be_is_refused(
    folder: Path, argv: list[str], names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (main(["render", "w.npy", *argv]) == 0) is (not names)
    _, err = capsys.readouterr()
    assert all(name in err for name in names), err
    assert err.count("\n") == bool(names)
    assert not Path("one.png").exists()


# ----------------------------------------------------------------------------- standard streams


@pytest.mark.parametrize("protocol", [None, 0, 2, 5])
def test_standard_input_may_be_an_array_or_a_pickle(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    values: NDArray[np.float64],
    protocol: int | None,
) -> None:
    scratch = folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    data = (folder / "w.npy").read_bytes()
    if protocol is not None:
        data = pickle.dumps(list(values), protocol)
    standard_input(monkeypatch, data)
    assert main(["render", "-", "-o", "out.gif", "-q"]) == 0
    assert Path("out.gif").read_bytes() == written(values)
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"no frames", pickle.dumps(print)])
def test_bad_standard_input_is_named_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    standard_input(monkeypatch, data)
    assert main(["render", "-", "-o", "out.gif"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("fastheat: error: cannot read standard input: ")
    assert err.count("\n") == 1
    assert not out
    assert not Path("out.gif").exists()


def test_whoever_waits_is_told_once_that_it_compiles(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = objects.find() or objects.make(objects.host())
    monkeypatch.setattr(jit, "_run", None)
    monkeypatch.setattr(jit, "_find", lambda: None)
    monkeypatch.setattr(objects, "make", lambda *_, **__: made)
    assert main(["render", "w.npy", "--progress"]) == 0
    assert capsys.readouterr().err.count("compiling") == 1
    assert main(["render", "w.npy"]) == 0
    assert "compiling" not in capsys.readouterr().err


def test_warmup_compiles_what_the_package_lacks_once_and_says_where_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = objects.find() or objects.make(objects.host())
    compiled: list[objects.Target] = []

    def make(target: objects.Target) -> objects.MachineCode:
        compiled.append(target)
        return made

    monkeypatch.setattr(objects, "BUILT", folder / "objects")
    monkeypatch.setattr(objects, "make", make)
    monkeypatch.setenv("FASTHEAT_CACHE_DIR", str(folder / "cache"))
    told: list[None] = []
    monkeypatch.setattr(jit, "_listeners", [lambda: told.append(None)])
    path = folder / "cache" / objects.name_for(objects.host())
    for _ in range(2):
        assert main(["warmup"]) == 0
        said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
        assert said["kernels"] == str(path)
        assert said["made"].startswith("compiled on this machine, by numba ")
        assert said["package"] == str(folder / "objects")
        assert said["cache"] == str(folder / "cache")
    assert compiled == [objects.host()]
    assert len(told) == 1
    path.parent.rename(folder / "objects")
    assert main(["warmup"]) == 0
    assert "\nmade       built with the package, by numba " in capsys.readouterr().out


@pytest.mark.skipif(not POSIX, reason="permissions are POSIX's")
def test_warmup_fails_where_others_may_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = objects.find() or objects.make(objects.host())
    monkeypatch.setattr(objects, "BUILT", folder / "objects")
    monkeypatch.setattr(objects, "make", lambda _: made)
    monkeypatch.setenv("FASTHEAT_CACHE_DIR", str(folder / "cache"))
    (folder / "cache").mkdir()
    (folder / "cache").chmod(0o777)
    assert main(["warmup"]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"fastheat: error: {folder / 'cache'}: others own it or may write there")
    assert err.count("\n") == 1
    assert not list((folder / "cache").iterdir())


def test_standard_output_gets_the_gif_and_nothing_else(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["render", "w.npy", "-o", "-", "--progress", "--duration", "10"]) == 0
    out, err = capsysbinary.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert out == written(np.load("w.npy"), duration=10)
    assert b"standard output: 5 frames of " in err
    assert b"fastheat: warning: raised the delay" in err


@pytest.mark.skipif(not POSIX, reason="needs POSIX pipes")
@pytest.mark.parametrize("unbuffered", [False, True])
def test_a_gif_goes_through_pipes_and_may_be_appended_to_a_file(
    folder: Path, values: NDArray[np.float64], unbuffered: bool
) -> None:
    Path("out.gif").write_bytes(b"before")
    with Path("out.gif").open("ab") as file:
        argv, data = ("render", "-", "-o", "-", "-q"), pickle.dumps(values)
        done = run(*argv, data=data, stdout=file, unbuffered=unbuffered)
    assert (done.returncode, done.stderr) == (0, b"")
    # the range takes two passes, though the input can be read only once
    assert Path("out.gif").read_bytes() == b"before" + written(values)


def test_a_gif_is_not_written_to_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["render", "w.npy", "-o", "-"]) == 2
    out, err = capsys.readouterr()
    assert "expected standard output to be a file or a pipe, not a terminal" in err
    assert not out


def test_frames_are_not_read_from_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    standard_input(monkeypatch, b"", terminal=True)
    assert main(["render", "-", "-o", "x.gif"]) == 2
    assert "expected standard input to be a file or a pipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "stream"), [(["-", "-o", "x.gif"], "stdin"), (["w.npy", "-o", "-"], "stdout")]
)
def test_a_closed_standard_stream_is_an_error(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    stream: str,
) -> None:
    monkeypatch.setattr(sys, stream, None)
    assert main(["render", *argv]) == 1
    assert "is closed" in capsys.readouterr().err


# -------------------------------------------------------------------------------- what is printed


def test_the_summary_says_what_was_not_shown_as_given(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("w.npy", np.array([[[0.0, 1], [2, np.nan]], [[0, 1], [2, np.nan]], [[9, 9], [9, 9.0]]]))
    assert main(["render", "w.npy", "--vmin", "0.5", "--vmax", "2", "--duration", "20"]) == 0
    out, err = capsys.readouterr()
    (line,) = out.splitlines()
    assert line.startswith("w.gif: 3 frames of ")
    for part in (
        " frames/s, ",
        " a frame, ",
        "; 1 frame the same as the one before",
        "; not as given: 2 values under vmin=0.5, 4 values over vmax=2, 2 values NaN or infinite",
    ):
        assert part in line
    assert err == (
        "fastheat: warning: over all frames, 2 values below vmin=0.5 and 4 values above vmax=2 "
        "have the colours of the ends\n"
    )


def test_a_summary_without_losses_names_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "w.npy"]) == 0
    out, _ = capsys.readouterr()
    size = Path("w.gif").stat().st_size
    assert out.endswith(f" {size / 5e3:.1f} kB a frame, {size / 1e3:.1f} kB\n")


def test_quiet_leaves_warnings_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "w.npy", "--quiet", "--duration", "10"]) == 0
    out, err = capsys.readouterr()
    assert not out
    assert err == (
        "fastheat: warning: raised the delay of 5 frames to 20 ms, since browsers play shorter "
        "ones at 100 ms\n"
    )


def test_warnings_are_printed_when_it_fails_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        warnings.warn("one\ntwo", stacklevel=1)
        warnings.warn("one\ntwo", stacklevel=2)
        raise RuntimeError("x\ny")

    monkeypatch.setattr(cli, "save_gif", fail)
    assert main(["render", "w.npy"]) == 1
    lines = ["fastheat: warning: one\\ntwo", "fastheat: error: RuntimeError: x\\ny"]
    assert capsys.readouterr().err.splitlines() == lines


def test_names_cannot_break_the_line_or_steer_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", "no\n\x1b[2J.npy"]) == 1
    err = capsys.readouterr().err
    assert err == "fastheat: error: no\\n\\x1b[2J.npy: No such file or directory\n"


def test_what_the_encoding_lacks_is_escaped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, values: NDArray[np.float64]
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["render", "w.npy", "-o", "\u03b1.gif"]) == 0
    assert stream.buffer.getvalue().startswith(b"\\u03b1.gif: 5 frames")


# -------------------------------------------------------------------------------------- progress


def test_progress_counts_every_frame_on_standard_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("w.npy", np.zeros((150, 1, 1)))
    counts = []

    class Bar:
        def __init__(self, total: int, file: object, **_: object) -> None:
            assert total == 150
            assert file is sys.stderr
            self.n = 0

        def update(self, more: int) -> None:
            self.n += more
            counts.append(self.n)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            counts.append(-1)

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    assert main(["render", "w.npy", "--progress"]) == 0
    assert counts[-2:] == [150, -1]
    assert len(counts) > 2


def test_the_bar_shows_the_rate(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "w.npy", "--progress"]) == 0
    out, err = capsys.readouterr()
    assert "0/5 [" in err
    assert "frames/s]" in err
    assert "%" not in out


@pytest.mark.parametrize(
    ("argv", "terminal", "shown"),
    [
        ([], True, True),
        ([], False, False),
        (["--no-progress"], True, False),
        (["--quiet"], True, False),
        (["--quiet", "--progress"], False, True),
    ],
)
def test_a_bar_is_for_terminals_unless_told_otherwise(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    terminal: bool,
    shown: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["render", "w.npy", *argv]) == 0
    assert ("%|" in capsys.readouterr().err) == shown


def test_without_tqdm_a_terminal_has_no_bar_and_asking_for_one_names_the_extra(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["render", "w.npy"]) == 0
    assert capsys.readouterr().err == ""
    Path("w.gif").unlink()
    assert main(["render", "w.npy", "--progress"]) == 1
    message = 'fastheat: error: --progress needs tqdm: pip install "fastheat[cli]"\n'
    assert capsys.readouterr().err == message
    assert not Path("w.gif").exists()


# ---------------------------------------------------------------------------------------- errors

ERRORS: list[tuple[str, int, str]] = [
    # usage: the command line
    ("", 2, "expected a command: render, demo, info or warmup"),
    ("rendr w.npy", 2, "'rendr'"),
    ("render", 2, "INPUT"),
    ("render w.npy b.npy", 2, "unexpected argument 'b.npy', which is not a file"),
    ("render w.npy --cmpa YlGn", 2, "unknown option '--cmpa'; did you mean '--cmap'"),
    ("render w.npy --vmim=3", 2, "unknown option '--vmim'; did you mean '--vmin'"),
    ("render w.npy --row_labels a,b", 2, "did you mean '--row-labels'"),
    ("render w.npy --vmi 3", 2, "unknown option '--vmi'"),
    ("render w.npy --linewidths 2", 2, "unknown option '--linewidths'; here it is --grid-width"),
    ("render w.npy --transparent", 2, "here it is --background none"),
    ("render w.npy --mode a", 2, "here it is an option of GifWriter, in Python"),
    ("render w.npy --cbar-location top", 2, "expected --cbar with --cbar-location top"),
    ("render w.npy --style dark_background", 2, "not 'dark_background'; did you mean 'dark'?"),
    ("render w.npy --background transparent", 2, 'or "none" for a transparent one'),
    ("render vmin=3", 1, "fastheat: error: vmin=3: No such file or directory"),
    ("demo --step 3", 2, "unknown option '--step'; did you mean '--steps'"),
    ("info w.gif --jsn", 2, "unknown option '--jsn'; did you mean '--json'"),
    ("render -", 2, "expected -o OUT.gif"),
    ("render w.npy -o w.npy", 2, "expected an output that is not the input, not 'w.npy'"),
    # usage: values
    ("render w.npy --vmin abc", 2, "--vmin: expected a number, not 'abc'"),
    ("render w.npy --vmin -inf", 2, "expected vmin to be a finite number, not -inf"),
    ("render w.npy --vmin 2 --vmax 1", 2, "vmin=2.0 and vmax=1.0"),
    ("render w.npy --figsize 15", 2, "--figsize: expected 2 arguments"),
    ("render w.npy --figsize 15 -1", 2, "above 0 in inches, not [15.0, -1.0]"),
    ("render w.npy --figsize 1000 10", 2, "65535 px a side"),
    ("render w.npy --cmap YlGm", 2, "unknown colormap 'YlGm'"),
    ("render w.npy --under nocolour", 2, "'nocolour'"),
    ("render w.npy --ha middle", 2, "one of left, center, right, not 'middle'"),
    ("render w.npy --valfmt {x:q}", 2, "not '{x:q}'"),
    ("render w.npy --valfmt d", 2, "not 'd', which is for integers"),
    ("render w.npy --valfmt d --vmin 0 --vmax 1", 2, "not 'd', which is for integers"),
    ("render w.npy --row-labels a,b,c", 2, "expected 2 row_labels, not 3"),
    ("render w.npy --loop -3", 2, "--loop: expected none or a whole number, 0 to 65535, not '-3'"),
    ("render w.npy --loop 65536", 2, "not '65536'"),
    ("render w.npy --workers 0", 2, "--workers: expected a whole number, 1 or more, not '0'"),
    ("render w.npy --fps 0", 2, "--fps: expected a number above 0, not '0'"),
    ("render w.npy --fps nan", 2, "not 'nan'"),
    ("render w.npy --fps 5 --duration 9", 2, "--duration: not allowed with argument --fps"),
    ("render w.npy --duration -1,2", 2, "milliseconds, not '-1'"),
    ("render w.npy --duration 1,x", 2, "expected a number, not 'x'"),
    ("render w.npy --duration 1,2", 2, "expected a duration for each of 5 frames, not 2"),
    ("render w.npy --hold nan", 2, "--hold: expected 0 to 1e+09 milliseconds, not 'nan'"),
    ("demo --steps 0", 2, "--steps: expected a whole number, 1 or more, not '0'"),
    ("demo --seed -1", 2, "--seed: expected a whole number, 0 or more, not '-1'"),
    ("demo --every x", 2, "--every: expected a whole number, 1 or more, not 'x'"),
    ("demo --steps 3 --cmap YlGm", 2, "unknown colormap 'YlGm'"),
    # the rest: files and frames
    ("render missing.npy", 1, "missing.npy: No such file or directory"),
    ("render .", 1, ".: expected files whose names differ in a number alone, not 'c"),
    ("render w.npy -o nowhere/w.gif", 1, "there is no 'nowhere'"),
    ("render missing.npy -o nowhere/w.gif", 1, "there is no 'nowhere'"),
    ("render w.npy -o .", 1, "'.' is a folder"),
    ("render w.npy --row-labels @missing.txt", 1, "missing.txt: No such file or directory"),
    ("render w.npy --row-labels @w.npy", 1, "cannot read w.npy: expected labels in UTF-8"),
    ("render line.npy", 1, "line.npy: frames has shape (3,), expected (T, N, M)"),
    ("render a.gif", 2, "expected frames, not 'a.gif': a GIF only has pictures of them"),
    ("render picture", 1, "cannot read picture: a GIF, which has pictures"),
    ("render none.npy", 1, "none.npy: frames has shape (0, 2, 3), expected at least one frame"),
    ("render complex.npy", 1, "complex.npy: frame 0 has dtype complex128, expected real numbers"),
    ("render cut.npy", 1, "cannot read cut.npy: the file ends before its array of shape (5, 2, 3)"),
    ("render evil.obj", 1, "cannot read evil.obj: the pickle asks for builtins.print"),
    ("render uneven.obj", 1, "uneven.obj: frame 1 has shape (1, 3), expected (2, 3) as frame 0"),
    ("render dumped.obj", 1, "dumped.obj: frame 2 has shape (1, 3), expected (2, 3) as frame 0"),
    ("info missing.gif", 1, "missing.gif: No such file or directory"),
    ("info w.npy", 1, "cannot read w.npy: expected a GIF"),
    ("info .", 1, ".: Is a directory"),
]


@pytest.mark.parametrize(("line", "status", "message"), ERRORS)
def test_errors_are_one_line_and_touch_no_file(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    values: NDArray[np.float64],
    line: str,
    status: int,
    message: str,
) -> None:
    np.save("line.npy", values[0, 0])
    for name in ("a.gif", "picture"):
        Path(name).write_bytes(b"GIF89a and more")
    np.save("none.npy", values[:0])
    np.save("complex.npy", values + 1j)
    Path("cut.npy").write_bytes(Path("w.npy").read_bytes()[:200])
    Path("evil.obj").write_bytes(pickle.dumps(print))
    Path("uneven.obj").write_bytes(pickle.dumps([values[0], values[1, :1]]))
    dumped = [values[0], values[1], values[2, :1]]
    Path("dumped.obj").write_bytes(b"".join(map(pickle.dumps, dumped)))
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert main(shlex.split(line)) == status
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("fastheat: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.skipif(not POSIX, reason="as Windows has no such name")
def test_an_input_that_is_the_output_by_another_name_is_kept(folder: Path) -> None:
    before = Path("w.npy").read_bytes()
    Path("w.gif").symlink_to("w.npy")
    assert main(["render", "w.npy"]) == 2
    assert Path("w.npy").read_bytes() == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device"), "w.gif: No space left on device"),
        (PermissionError(13, "Permission denied", "x"), "x: Permission denied"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_fails_while_writing_is_one_line(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    message: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "save_gif", fail)
    assert main(["render", "w.npy"]) == 1
    assert capsys.readouterr().err == f"fastheat: error: {message}\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("argv", [["--version"], ["render", "w.npy", "-o", "-"]])
def test_a_full_disk_is_one_line(folder: Path, argv: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(*argv, stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith(b"fastheat: error: ")
    assert done.stderr.endswith(b"No space left on device\n")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not POSIX, reason="needs POSIX pipes")
@pytest.mark.parametrize(
    "argv", [["--help"], ["info", "w.gif", "--frames"], ["render", "w.npy", "-o", "-"]]
)
def test_a_reader_that_goes_away_is_no_news(folder: Path, argv: list[str]) -> None:
    save_gif("w.gif", np.load("w.npy"))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(*argv, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_is_quiet(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "save_gif", interrupt)
    assert main(["render", "w.npy"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not POSIX, reason="needs POSIX signals")
def test_an_interrupted_file_holds_the_frames_committed(folder: Path) -> None:
    values = np.random.default_rng(0).random((20_000, 10, 15))
    np.save("w.npy", values)
    command = [sys.executable, "-m", "fastheat", "render", "w.npy", "--vmin", "0", "--vmax", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment()) as process:
        deadline = time.monotonic() + 100
        while not (Path("w.gif").exists() and Path("w.gif").stat().st_size):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")
    with Path("w.gif").open("rb") as file:
        frames = len(read_info(file).frames)
    assert 0 < frames < len(values)


# ------------------------------------------------------------------------------------------ help


@pytest.mark.parametrize("argv", [[], ["render"], ["demo"], ["info"]])
def test_help_has_examples_that_can_be_run(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    Path("words.txt").write_text("a\n")
    assert main([*argv, "--help"]) == 0
    out, err = capsys.readouterr()
    assert not err
    lines = out.partition("examples:\n")[2].replace("\\\n", " ").splitlines()
    examples = [line[line.index("fastheat ") :] for line in lines if line.startswith("  ")]
    assert len(examples) > 2
    for example in examples:
        words = shlex.split(example.partition(" >")[0])
        args = parse(words[1:])
        assert args.command == words[1]
        if argv:
            assert words[1] == argv[0]


def test_help_shows_the_defaults_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for default in ("{x:.2f}", "viridis", "black white", "yes", "no", "none", "100", "auto"):
        assert (f"(default: {default})" in text) == (default != "none")
    main(["demo", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for default in ("{x:.9f}", "YlGn", "embed_dim_{}", "orig_dim_{}", "15 10", "50", "demo.gif"):
        assert f"(default: {default})" in text


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fastheat {fastheat.__version__}\n"


def test_the_parser_needs_neither_numba_nor_matplotlib() -> None:
    program = (
        "import sys; from fastheat.cli.main import main; assert main(['--help']) == 0; "
        "assert not {'numba', 'matplotlib', 'tqdm'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env=environment(), stdout=subprocess.DEVNULL
    )


# ------------------------------------------------------------------------------------------ demo


def test_the_demo_renders_what_it_trained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--figsize", "6", "4", "--valfmt", "none", "--duration", "20"]
    assert main(["demo", "--steps", "12", "--seed", "3", "--every", "4", *small]) == 0
    assert capsys.readouterr().out.startswith("demo.gif: 4 frames of 600 x 400 px ")
    look = dict(demo.LOOK) | {"figsize": (6, 4), "valfmt": None, "duration": 20}
    assert Path("demo.gif").read_bytes() == written(demo.train(12, 3, every=4), **look)


def test_the_demo_without_options_is_short_and_looks_as_the_article(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def note(file: object, frames: NDArray[np.float64], **arguments: Any) -> None:
        asked.update(arguments, file=file, frames=frames)
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "save_gif", note)
    assert main(["demo"]) == 130
    assert asked["file"] == "demo.gif"
    assert asked["frames"].shape == (101, 10, 15)
    assert asked["heatmap"].with_range(0, 1).size == (1500, 1000)
    assert (asked["duration"], asked["hold"]) == (50, 2000)
    assert main(["demo", "--fps", "25"]) == 130
    assert asked["fps"] == 25


def test_the_demo_takes_fps_in_place_of_its_duration(folder: Path) -> None:
    argv = ["demo", "--steps", "6", "--figsize", "3", "2", "--valfmt", "none", "-q"]
    assert main([*argv, "--fps", "20", "--hold", "700"]) == 0
    with Path("demo.gif").open("rb") as file:
        assert [frame.delay for frame in read_info(file).frames] == [5, 5, 70]


# ------------------------------------------------------------------------------------------ info


def described(capsys: pytest.CaptureFixture[str], argv: Sequence[str]) -> Any:
    assert main(["info", *argv, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_tells_what_was_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    summary = save_gif("w.gif", load_frames("w.npy"), duration=[20, 30, 40, 50, 60], loop=2)
    found = described(capsys, ["w.gif", "--frames"])
    each = found.pop("each")
    sizes = sorted(frame["bytes"] for frame in each)
    assert found == {
        "file": "w.gif",
        "frames": 5,
        "width": summary.size[0],
        "height": summary.size[1],
        "duration": 200.0,
        "loop": 2,
        "colors": found["colors"],
        "bytes": Path("w.gif").stat().st_size,
        "bytes_per_frame": {"min": sizes[0], "median": sizes[2], "max": sizes[-1]},
        "trailing": 0,
    }
    assert found["colors"] in (64, 128, 256)
    assert [frame["delay"] for frame in each] == [20, 30, 40, 50, 60]
    assert each[0]["box"] == [0, 0, *summary.size]
    assert all(frame["disposal"] == 1 for frame in each)
    assert "each" not in described(capsys, ["w.gif"])


def test_info_is_readable(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_gif("w.gif", load_frames("w.npy"), duration=500, loop=2)
    with Path("w.gif").open("ab") as file:
        file.write(b"left")
    assert main(["info", "w.gif", "--frames"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("w.gif: 5 frames of ")
    assert lines[1] == "  duration  2.5 s, played 3 times"
    assert f"({Path('w.gif').stat().st_size - 4} bytes)" in lines[2]
    assert "min" in lines[3]
    assert "median" in lines[3]
    assert "max" in lines[3]
    assert lines[4].startswith("  colours   ")
    assert lines[5] == "  after it  4 bytes that decoders ignore"
    assert [line[:17] for line in lines[6:]] == [f"  frame {k}: 500 ms" for k in range(5)]


@pytest.mark.parametrize(("loop", "played"), [(None, "once"), (0, "for ever"), (1, "2 times")])
def test_info_says_how_often_it_is_played(
    folder: Path, capsys: pytest.CaptureFixture[str], loop: int | None, played: str
) -> None:
    save_gif("w.gif", load_frames("w.npy"), loop=loop)
    assert main(["info", "w.gif"]) == 0
    assert f"played {played}\n" in capsys.readouterr().out


def test_info_of_a_gif_without_frames_has_no_sizes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.gif").write_bytes(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")
    assert described(capsys, ["empty.gif"])["bytes_per_frame"] is None
    assert main(["info", "empty.gif"]) == 0
    assert capsys.readouterr().out.startswith("empty.gif: 0 frames of 1 x 1 px\n")


def test_info_reads_standard_input(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(np.load("w.npy"))
    standard_input(monkeypatch, data)
    assert described(capsys, ["-"])["bytes"] == len(data)


def test_info_of_a_damaged_gif_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = written(np.load("w.npy"))
    rng = np.random.default_rng(0)
    cuts = [data[:length] for length in (0, 3, 6, 12, 100, 790, len(data) // 2, len(data) - 1)]
    for damaged in cuts:
        Path("cut.gif").write_bytes(damaged)
        assert main(["info", "cut.gif"]) == 1
        out, err = capsys.readouterr()
        assert not out
        assert err.startswith("fastheat: error: cannot read cut.gif: expected ")
        assert err.count("\n") == 1
    for _ in range(200):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 8):
            changed[place] = rng.integers(256)
        Path("odd.gif").write_bytes(changed)
        status = main(["info", "odd.gif", "--frames"])
        out, err = capsys.readouterr()
        assert (status, bool(out), err.count("\n")) in ((0, True, 0), (1, False, 1))
        assert "Error" not in err
