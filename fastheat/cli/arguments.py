"""Arguments of the command line, and the values that they stand for."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import fastheat
from fastheat.cli import demo
from fastheat.figure.aliases import elsewhere
from fastheat.figure.heatmap import Heatmap, option_names
from fastheat.figure.options import AUTOSCALES, read_autoscale
from fastheat.figure.panels import Panels
from fastheat.gif import blocks
from fastheat.gif.clock import DEFAULT_DURATION, LONGEST_DURATION
from fastheat.inputs.sources.arrays import check_type
from fastheat.inputs.sources.npy import read_header
from fastheat.messages import suggest
from fastheat.save import save_gif

MOST_LABELS = 1 << 24  # bytes of a file of labels
STANDARD = "-"  # input or output, in place of a path
PANELS = ("columns", "share_range", "share_cbar", "ylim")  # of Panels, not of Heatmap
# of save_gif, not of Heatmap
TIMING = ("fps", "duration", "loop", "hold", "titles", "workers", "autoscale")


class UsageError(Exception):
    """The command line does not say what can be done."""


class Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        # an option that was not given is no attribute of the result; and no abbreviations, which
        # the next new option could make unclear
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            **settings,
        )
        # argparse's own does not know -1e-3, -inf or -1,2; no option here looks like one of these
        self._negative_number_matcher = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def add_output(parser: argparse.ArgumentParser, default: str | None, shown: str) -> Any:
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o",
        "--output",
        default=default,
        metavar="OUT.gif",
        help=f"where to write the GIF; - for standard output (default: {shown})",
    )
    output.add_argument(
        "-q", "--quiet", action="store_true", default=False, help="print warnings and errors only"
    )
    output.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="show a progress bar (default: on a terminal, if tqdm is installed)",
    )
    return output


def add_look(parser: argparse.ArgumentParser, look: Mapping[str, object]) -> None:
    """Add the options of `Heatmap` and `save_gif`, whose defaults are theirs but for `look`."""
    defaults = defaults_of(save_gif) | defaults_of(Panels.__init__) | defaults_of(Heatmap.__init__)
    defaults |= dict(look)

    def add(place: Any, name: str, text: str, otherwise: str = "", **settings: Any) -> None:
        default = defaults.get(name)
        said = default not in (None, "") and not (default is True and otherwise)
        shown = _spelled(default) if said else otherwise
        text += f" (default: {shown})" if shown else ""
        flag = f"--{name.replace('_', '-')}"
        place.add_argument(flag, dest=name, help=text.replace("%", "%%"), **settings)

    def number(place: Any, name: str, unit: str, text: str, otherwise: str = "") -> None:
        add(place, name, text, otherwise, metavar=unit, type=_real)

    def color(place: Any, name: str, text: str, otherwise: str = "") -> None:
        add(place, name, text, otherwise, metavar="COLOUR")

    def switch(place: Any, name: str, text: str) -> None:
        add(place, name, text, action=argparse.BooleanOptionalAction)

    colors = parser.add_argument_group("colours")
    text = "a name that matplotlib has, with _r to reverse it, or colours to blend: white,teal,#012"
    add(colors, "cmap", text, metavar="NAME|COLOURS", type=_cmap)
    number(colors, "vmin", "X", "value at the start of the colormap", "the least of all")
    number(colors, "vmax", "X", "value at its end", "the greatest of all")
    text = "where they come from if not given: all frames, grow from those of the first, or each "
    text += "frame its own"
    add(colors, "autoscale", text, "all", metavar="all|grow|frame", type=_autoscale)
    text = (
        "how values are spread over it: linear, centered (as far on both sides of 0, or --center), "
    )
    text += "log, symlog, asinh or power"
    add(colors, "norm", text, "linear", metavar="NAME")
    number(colors, "linthresh", "X", "up to where the norm symlog is linear", "2")
    number(colors, "gamma", "X", "exponent of the norm power")
    text = "ends of bins, each in a colour of its own"
    add(colors, "boundaries", text, metavar="X,X[,X...]", type=_numbers)
    number(
        colors,
        "center",
        "X",
        "value in its middle, a slope on either side but with --norm centered",
    )
    switch(colors, "robust", "from the 2nd to the 98th percentile, where vmin or vmax is not given")
    text = "a .npy file of booleans (N, M): cells that are not shown"
    add(colors, "mask", text, metavar="FILE")
    color(colors, "under", "for values below vmin", "the colormap's")
    color(colors, "over", "for values above vmax", "the colormap's")
    text = "for values that are NaN, infinite, masked, or that the norm cannot take"
    color(colors, "bad", text, "the background")
    switch(colors, "cbar", "draw a colour bar")
    text = "how many ticks it has at most, or their values: 5 or 0,0.5,1"
    add(colors, "cbar_ticks", text, metavar="N|X,X...", type=_ticks)
    add(colors, "cbar_format", "how they are written, as --valfmt", metavar="FORMAT")
    add(colors, "cbar_location", "where: right, left, top or bottom", metavar="SIDE")
    add(colors, "cbar_label", "label of the colour bar", metavar="TEXT")

    values = parser.add_argument_group("values in the cells")
    shown = values.add_mutually_exclusive_group()
    text = "a file of other numbers or strings to write, one matrix or one a frame"
    add(shown, "annot", text, "the values", metavar="FILE")
    shown.add_argument(
        "--no-annot", dest="annot", action="store_const", const=False, help="write nothing"
    )
    text = "how they are written: a format string, a format spec such as .2f, or none for no text"
    add(values, "valfmt", text, metavar="FORMAT", type=_or_none)
    text = "two colours for them, by contrast or by --threshold"
    add(values, "textcolors", text, metavar=("COLOUR", "COLOUR"), nargs=2)
    number(values, "threshold", "X", "above this value they are in the second colour")
    text = "font size in pt, less where it does not fit, or fit for as large as there is room"
    add(values, "text_size", text, "--fontsize", metavar="PT", type=_text_size)
    add(values, "ha", "where in the cell: left, center or right", metavar="WHERE")
    add(values, "va", "where in the cell: top, center or bottom", metavar="WHERE")

    labels = parser.add_argument_group("labels")
    text = "'name_{}' to number them, a,b,c, @FILE with one a line, 5 for each fifth, auto or none"
    add(labels, "row_labels", text, metavar="LABELS")
    add(labels, "col_labels", "the same of the columns", metavar="LABELS")
    switch(labels, "thin_labels", "leave out labels that would overlap")
    add(labels, "origin", "where the first row stands: upper or lower", metavar="END")
    add(labels, "row_side", "where the row labels stand: left or right", metavar="SIDE")
    add(labels, "col_side", "where the column labels stand: top or bottom", metavar="SIDE")
    text = "of the row labels, counterclockwise"
    number(labels, "row_rotation", "DEGREES", text, "0")
    text = "of the column labels"
    number(labels, "col_rotation", "DEGREES", text, "0 for numbers, else -30 above and 30 below")
    text = "text above the picture; {step} is the number in the name of a checkpoint"
    add(labels, "title", text, metavar="TEXT")
    text = "a title for each frame: 'step {}' to number them, 'step {step}' by the number in the "
    text += "name of a checkpoint, a,b,c or @FILE with one a line; below --title if there is one"
    add(labels, "titles", text, metavar="TITLES")
    add(labels, "xlabel", "text below it", metavar="TEXT")
    add(labels, "ylabel", "text at its left", metavar="TEXT")
    add(labels, "font", "a font file, or the name of an installed font", metavar="FONT")
    number(labels, "fontsize", "PT", "font size of the labels in pt")

    picture = parser.add_argument_group("picture")
    text = "width and height in inches"
    otherwise = "as large as the texts need"
    add(picture, "figsize", text, otherwise, metavar=("W", "H"), nargs=2, type=_real)
    number(picture, "dpi", "DPI", "pixels per inch")
    switch(picture, "square", "cells as high as wide")
    color(picture, "grid_color", "of the lines between cells", "that of --style")
    text = "what is drawn where cells would be under a pixel: of each block of them the mean, max, "
    text += "min or absmax (the farthest from 0), or none to refuse them"
    add(picture, "reduce", text, metavar="HOW", type=_or_none)
    text = "width of the lines in pt, 0 for none"
    number(picture, "grid_width", "PT", text, "3, at most an eighth of a cell")
    text = "a line before every so many rows, or before those of these indices: 4 or 2,5,9"
    add(picture, "row_groups", text, metavar="N|N,N...", type=_groups)
    add(picture, "col_groups", "the same of columns", metavar="N|N,N...", type=_groups)
    color(picture, "group_color", "of these lines", "--foreground")
    number(picture, "group_width", "PT", "their width in pt", "2.5, at most a quarter of a cell")
    text = "light or dark: the colours of background, labels and grid"
    add(picture, "style", text, metavar="NAME")
    color(picture, "background", "of the figure; none is transparent", "that of --style")
    color(picture, "foreground", "of labels and ticks", "that of --style")

    if not look:  # of frames that may be of several matrices
        panels = parser.add_argument_group("panels, of an .npz or pickled dict with several arrays")
        text = "panels beside each other"
        add(panels, "columns", text, "a picture of about 3 : 2", metavar="N", type=count_of)
        switch(panels, "share_range", "one range for all")
        text = "one colour bar for all"
        otherwise = "if they have one map and one range"
        add(panels, "share_cbar", text, otherwise, action=argparse.BooleanOptionalAction)
        text = "range of the plot of an array of numbers, one a frame"
        add(
            panels, "ylim", text, "that of all so far", metavar=("LOW", "HIGH"), nargs=2, type=_real
        )

    timing = parser.add_argument_group("time")
    speed = timing.add_mutually_exclusive_group()
    add(speed, "fps", "frames per second", metavar="X", type=_rate)
    text = "milliseconds of every frame, or of each in turn"
    otherwise = f"{DEFAULT_DURATION:g}"
    add(speed, "duration", text, otherwise, metavar="MS[,MS...]", type=_durations)
    text = "how often to play it again, 0 for ever, none to play it once"
    add(timing, "loop", text, metavar="N", type=_loop)
    text = "milliseconds of the last frame"
    add(timing, "hold", text, "its duration", metavar="MS", type=_milliseconds)
    text = "threads that read and encode"
    add(timing, "workers", text, "one a processor", metavar="N", type=count_of)


def defaults_of(function: Callable[..., object]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _spelled(default: object) -> str:
    """Return a default as it would be given on the command line."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return " ".join(str(each) for each in default)
    return str(default)


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, not {text!r}") from None


def _text_size(text: str) -> float | str:
    return text if text == "fit" else _real(text)


def _integer(text: str, least: int, most: int | None = None, other: str = "") -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        upper = f" to {most}" if most is not None else " or more"
        raise argparse.ArgumentTypeError(
            f"expected {other}a whole number, {least}{upper}, not {text!r}"
        )
    return number


def count_of(text: str) -> int:
    return _integer(text, 1)


def whole_number(text: str) -> int:
    return _integer(text, 0)


def number_of_frame(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, not {text!r}") from None


def _rate(text: str) -> float:
    rate = _real(text)
    if not 1000 / LONGEST_DURATION <= rate < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, not {text!r}")
    return rate


def _milliseconds(text: str) -> float:
    duration = _real(text)
    if not 0 <= duration <= LONGEST_DURATION:
        raise argparse.ArgumentTypeError(
            f"expected 0 to {LONGEST_DURATION:g} milliseconds, not {text!r}"
        )
    return duration


def _durations(text: str) -> float | list[float]:
    each = [_milliseconds(part) for part in text.split(",")]
    return each if "," in text else each[0]


def _numbers(text: str) -> list[float]:
    return [_real(part) for part in text.split(",")]


def _loop(text: str) -> int | None:
    return None if text.lower() == "none" else _integer(text, 0, blocks.MOST_LOOPS, "none or ")


def _ticks(text: str) -> int | list[float]:
    if text.isascii() and text.isdigit():
        return int(text)
    return [_real(part) for part in text.split(",")]


def _groups(text: str) -> int | list[int]:
    each = [count_of(part) for part in text.split(",")]
    return each if "," in text else each[0]


def _autoscale(text: str) -> str:
    try:
        return str(read_autoscale(text, AUTOSCALES))
    except ValueError:
        ways = ", ".join(AUTOSCALES)
        raise argparse.ArgumentTypeError(f"expected one of {ways}, not {text!r}") from None


def _or_none(text: str) -> str | None:
    return None if text.lower() == "none" else text


def _cmap(text: str) -> str | list[str]:
    return [part.strip() for part in text.split(",")] if "," in text else text


def _labels(text: str) -> str | list[str] | None:
    """Read labels; not at once, since a file that is missing is no wrong usage."""
    if text == "auto" or "{" in text:
        return text
    if text == "none":
        return None
    if not text.startswith("@"):
        return [part.strip() for part in text.split(",")]
    path = _plain(text[1:], "labels")
    if path.stat().st_size > MOST_LABELS:
        raise ValueError(f"cannot read {path}: expected at most {MOST_LABELS} bytes of labels")
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"cannot read {path}: expected labels in UTF-8: {error}") from None
    return lines[:-1] if lines[-1] == "" else lines


def _plain(name: str, what: str) -> Path:
    """Return the path of a file; others, such as pipes, may have no end."""
    path = Path(name)
    if path.exists() and not path.is_file():
        raise ValueError(f"cannot read {path}: expected a file of {what}")
    return path


def _mask(name: str) -> Any:
    try:
        with _plain(name, "a mask").open("rb") as file:
            _, _, dtype = read_header(file, os.fstat(file.fileno()).st_size)
            check_type(dtype, "it")
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except (TypeError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot read {name}: expected a .npy file: {reason}") from None


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return what was given of the arguments of `save_gif`."""
    known = (*option_names(), *PANELS, *TIMING)
    given = {name: value for name, value in vars(args).items() if name in known}
    for name in ("row_labels", "col_labels", "titles"):
        if name in given:
            text = given[name]
            every = name != "titles" and text.isascii() and text.isdigit()
            given[name] = int(text) if every else _labels(text)
    if "mask" in given:
        given["mask"] = _mask(given["mask"])
    return given


EXAMPLES = """\
examples:
  fastheat demo
  fastheat render weights.npy
  fastheat render animation_data.obj -o training_weights.gif --cmap YlGn --vmin 0 --vmax 0.05
  fastheat info training_weights.gif
"""
RENDER_EXAMPLES = """\
examples:
  fastheat render weights.npy
  fastheat render animation_data.obj -o training_weights.gif --cmap YlGn --vmin 0 --vmax 0.05 \\
      --valfmt '{x:.9f}' --figsize 15 10 --duration 20
  fastheat render 'ckpt/step_*.safetensors' --tensor encoder.weight --titles 'step {step}'
  fastheat render weights.npz --row-labels 'embed_dim_{}' --col-labels @words.txt --cbar
  fastheat render weights.npy --frame -1 -o last.png
  fastheat render weights.npy --cmap 'navy,white,#8b0000' --vmin -1 --vmax 1 --valfmt none
  python train.py | fastheat render - -o - > weights.gif

A value that begins with a dash and is no number is given with '=': --title='-- weights --'.
"""
DEMO_EXAMPLES = """\
examples:
  fastheat demo
  fastheat demo -o small.gif --every 10 --figsize 7.5 5 --valfmt '{x:.2f}' --fontsize 6
  fastheat demo --steps 600 --seed 7 --cmap RdBu_r --cbar
"""
INFO_EXAMPLES = """\
examples:
  fastheat info weights.gif
  fastheat info weights.gif --frames
  fastheat info weights.gif --json --frames > weights.json
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = Parser(prog="fastheat", description=fastheat.__doc__, epilog=EXAMPLES)
    parser.add_argument("--version", action="version", version=f"fastheat {fastheat.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    render = commands.add_parser(
        "render",
        help="make a GIF from a file of matrices",
        description="Make an animated heatmap from a file of matrices.",
        epilog=RENDER_EXAMPLES,
    )
    render.add_argument(
        "input",
        metavar="INPUT",
        nargs="+",
        help=".npy, .npz or pickled frames (.obj, .pkl, .pickle), .zarr, .h5, .csv or .tsv; or "
        "checkpoints, each a frame: a directory, a pattern or several of .safetensors, .npz, .npy, "
        ".csv, .tsv, .pt or .pth files; - for standard input",
    )
    render.add_argument(
        "--tensor",
        action="append",
        metavar="NAME",
        help="what is drawn of several in a file; given more than once, of each a panel",
    )
    output = add_output(render, None, "INPUT's name with .gif, in the current folder")
    output.add_argument(
        "--frame",
        type=number_of_frame,
        metavar="K",
        help="write a still of frame K alone, from 0, or from -1 backwards from the end: a picture "
        "of any kind that Pillow writes, by the end of its name (default: .png)",
    )
    add_look(render, {})
    render.set_defaults(command="render", parser=render)

    show = commands.add_parser(
        "demo",
        help="train a small autoencoder and make a GIF of its weights",
        description="Train a small linear autoencoder and make a GIF of its encoder's weights.",
        epilog=DEMO_EXAMPLES,
    )
    add_output(show, "demo.gif", "demo.gif")
    training = show.add_argument_group("training")
    training.add_argument(
        "--steps",
        type=count_of,
        default=300,
        metavar="N",
        help="of gradient descent (default: 300)",
    )
    training.add_argument(
        "--seed",
        type=whole_number,
        default=0,
        metavar="N",
        help="of the data and the first weights (default: 0)",
    )
    training.add_argument(
        "--every", type=count_of, default=3, metavar="N", help="steps a frame (default: 3)"
    )
    add_look(show, demo.LOOK)
    show.set_defaults(command="demo", parser=show)

    info = commands.add_parser(
        "info",
        help="say what a GIF file holds",
        description="Say what a GIF file holds: frames, size, duration, loop, bytes and colours.",
        epilog=INFO_EXAMPLES,
    )
    info.add_argument("file", metavar="FILE.gif", help="a GIF file; - for standard input")
    info.add_argument("--json", action="store_true", default=False, help="print JSON")
    info.add_argument("--frames", action="store_true", default=False, help="list every frame")
    info.set_defaults(command="info", parser=info)

    warmup = commands.add_parser(
        "warmup",
        help="make sure that nothing has to be compiled later",
        description="Compile the drawing code where the package has none for this machine, keep it "
        "in the user's cache folder (FASTHEAT_CACHE_DIR), and say where it lies. For images of "
        "containers, whose first animation then waits for nothing.",
    )
    warmup.set_defaults(command="warmup", parser=warmup)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    try:
        args, unknown = make_parser().parse_known_args(argv)
    except SystemExit:  # the help or the version was asked for, and printed
        return argparse.Namespace(command="help")
    if "command" not in args:
        raise UsageError("expected a command: render, demo, info or warmup; see fastheat --help")
    if unknown:
        flags = [word for word in unknown if re.match("--?[a-z]", word, re.IGNORECASE)]
        if not flags:
            raise UsageError(f"unexpected argument {unknown[0]!r}")
        flag = flags[0].partition("=")[0]
        known = [name for action in args.parser._actions for name in action.option_strings]
        there = elsewhere(flag.lstrip("-").replace("-", "_"))
        if "an option of" in there:
            there += ", in Python"
        raise UsageError(f"unknown option {flag!r}{there or suggest(flag, known)}")
    return args


def as_options(text: str) -> str:
    """Write arguments of Python, such as cbar=True, as the command line has them: --cbar."""
    return _ARGUMENT.sub(_as_option, text)


# but for those with a number, which say what is; behind the value no name of a file goes on
_ARGUMENT = re.compile(
    r"(?<![^\s(])(?P<name>[a-z]+(?:_[a-z]+)*)="
    r"(?P<value>'[^']*'|\"[^\"]*\"|True|False|None|)(?=[\s,;:)?]|$)"
)


def _as_option(found: re.Match[str]) -> str:
    name, value = found["name"], found["value"]
    if name not in _spelled_names():
        return found[0]
    flag = f"--{name.replace('_', '-')}"
    if value in ("True", ""):
        return flag
    if value == "False":
        return f"--no-{flag[2:]}"
    return f"{flag} {'none' if value == 'None' else shlex.quote(value[1:-1])}"


@cache
def _spelled_names() -> frozenset[str]:
    parsers = make_parser()._subparsers
    assert parsers is not None
    choices: Any = parsers._group_actions[0].choices
    return frozenset(action.dest for each in choices.values() for action in each._actions)
