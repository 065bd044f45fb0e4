"""The command line: `fastheat render`, `demo`, `info` and `warmup`."""

from __future__ import annotations

import argparse
import inspect
import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from itertools import accumulate, islice, repeat, takewhile
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TextIO

import numpy as np
from numpy.typing import NDArray

import fastheat
from fastheat.cli import demo
from fastheat.figure.aliases import elsewhere
from fastheat.figure.heatmap import Heatmap, option_names
from fastheat.figure.options import AUTOSCALES, read_autoscale
from fastheat.figure.panels import Panels, make_picture
from fastheat.gif import blocks
from fastheat.gif.clock import DEFAULT_DURATION, LONGEST_DURATION
from fastheat.gif.target import check_place, check_target
from fastheat.inputs.frames.annotations import Annots, open_annots
from fastheat.inputs.frames.spans import chunk_length, spans_of
from fastheat.inputs.frames.stream import Frames, open_frames
from fastheat.inputs.sources.arrays import check_type
from fastheat.inputs.sources.checkpoints import has_pattern
from fastheat.inputs.sources.files import Pickled, load
from fastheat.inputs.sources.npy import read_header
from fastheat.inputs.sources.shapes import cells_of
from fastheat.inputs.sources.source import FileArray
from fastheat.messages import MOST_SAID, many, printable, suggest
from fastheat.pipeline.summary import GifSummary
from fastheat.pipeline.workers import Crew
from fastheat.render.kernels import jit, objects
from fastheat.save import save_gif, titles_of, with_range_of

MOST_LABELS = 1 << 24  # bytes of a file of labels
STANDARD = "-"  # input or output, in place of a path
PANELS = ("columns", "share_range", "share_cbar", "ylim")  # of Panels, not of Heatmap
# of save_gif, not of Heatmap
TIMING = ("fps", "duration", "loop", "hold", "titles", "workers", "autoscale")
# what Pillow is told for texts to stay sharp
KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}

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


class UsageError(Exception):
    """The command line does not say what can be done."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        The arguments; None takes those of the process.

    Returns
    -------
    int
        The exit status: 0, 1 if something failed, 2 if the arguments are wrong, 130 if interrupted.
    """
    try:
        args = _parse(sys.argv[1:] if argv is None else argv)
        with _warnings_in_a_line(), _saying_that_it_compiles(args):
            args.run(args)
    except UsageError as error:
        return _fail(2, _as_options(str(error)))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads has seen enough
        return 1
    except OSError as error:
        named = f"{error.filename}: " if error.filename is not None else ""
        return _fail(1, f"{named}{error.strerror}" if error.strerror else str(error))
    except MemoryError as error:
        return _fail(1, f"not enough memory: {error}" if str(error) else "not enough memory")
    except (ValueError, TypeError, ImportError) as error:
        return _fail(1, _as_options(str(error)))
    except Exception as error:  # a mistake of ours, but still no traceback
        return _fail(1, f"{type(error).__name__}: {error}")
    return 0


# --------------------------------------------------------------------------------------- commands


def _render(args: argparse.Namespace) -> None:
    options = _given(args)
    still = "frame" in args
    suffix = ".png" if still else ".gif"
    if args.output is None and args.input == [STANDARD]:
        raise UsageError(
            f"expected -o OUT{suffix}, since standard input has no name to take it from"
        )
    output = _stem(args.input) + suffix if args.output is None else args.output
    target = _picture_target(output) if still else _target(output)
    bar = None if still else _bar_maker(args)
    names = getattr(args, "tensor", [None])
    for name in args.input[1:]:
        if not Path(name).exists():
            raise UsageError(f"unexpected argument {name!r}, which is no file")
    with _inputs(args.input) as paths:
        for name, path in zip(args.input, paths, strict=True):
            if path.suffix.lower() == ".gif" and path.is_file():
                raise UsageError(f"expected frames, not {name!r}: a GIF has pictures of them alone")
        if output != STANDARD and any(_same_file(path, output) for path in paths):
            raise UsageError(f"expected an output that is not the input, not {output!r}")
        with _naming_input(_shown(args.input)):
            given = paths[0] if len(paths) == 1 else paths
            frames = _frames_of(given, names[0] if len(names) == 1 else names)
        if still:
            _write_still(args, target, frames, options)
        else:
            _write(args, target, _shown(args.input), frames, options, bar)


def _frames_of(given: Path | list[Path], tensor: object) -> Frames:
    """Open the input; a matrix alone is a frame."""
    frames = load(given, defer=True, tensor=tensor)
    held = frames.frames if isinstance(frames, Pickled) else frames
    if getattr(held, "ndim", 0) == 2:
        frames = load(given, defer=False, tensor=tensor)
        frames = frames.in_one_frame() if isinstance(frames, FileArray) else frames[None]
    return open_frames(frames)


def _demo(args: argparse.Namespace) -> None:
    options = _given(args)
    look = dict(demo.LOOK)
    if "fps" in options:
        look.pop("duration", None)
    target = _target(args.output)
    bar = _bar_maker(args)
    history = demo.train(args.steps, args.seed, every=args.every)
    _write(args, target, "demo", history, {**look, **options}, bar)


def _info(args: argparse.Namespace) -> None:
    name = "standard input" if args.file == STANDARD else args.file
    try:
        if args.file == STANDARD:
            described = _describe(args.file, _binary(sys.stdin, name), args.frames)
        else:
            with Path(args.file).open("rb") as file:
                described = _describe(args.file, file, args.frames)
    except ValueError as error:
        raise ValueError(f"cannot read {name}: {error}") from None
    if args.json:
        _say(json.dumps(described, indent=2) + "\n", sys.stdout)
    else:
        _say("".join(f"{line}\n" for line in _info_lines(described)), sys.stdout)


def _warmup(args: argparse.Namespace) -> None:
    found = objects.where()
    if found is None:
        objects.open_cache()  # an error before it takes seconds to compile
        jit.tell_of_compiling()
        made = objects.make(objects.host())
        found = objects.keep(made), made
    path, made = found
    objects.link(made)  # an error where it cannot be used
    how = "built with the package" if path.parent == objects.BUILT else "compiled on this machine"
    rows = {
        "kernels": path,
        "made": f"{how}, by {made.maker}",
        "processor": f"{made.target.system}-{made.target.level}",
        "bytes": f"{path.stat().st_size:,}",
        "package": objects.BUILT,
        "cache": objects.cache_folder() or "none: there is no home folder",
    }
    if jit.is_plain():
        rows["not used"] = "NUMBA_DISABLE_JIT is set: kernels run as plain Python"
    lines = (f"{name:<10} {printable(str(value))}\n" for name, value in rows.items())
    _say("".join(lines), sys.stdout)


# ----------------------------------------------------------------------------------------- parser


class _Parser(argparse.ArgumentParser):
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


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = _Parser(prog="fastheat", description=fastheat.__doc__, epilog=EXAMPLES)
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
        help=".npy, .npz or pickled frames (.obj, .pkl, .pickle), .zarr or .h5; or checkpoints, "
        "each a frame: a directory, a pattern or several of .safetensors, .npz, .npy, .pt or .pth "
        "files; - for standard input",
    )
    render.add_argument(
        "--tensor",
        action="append",
        metavar="NAME",
        help="what is drawn of several in a file; given more than once, of each a panel",
    )
    output = _add_output(render, None, "INPUT's name with .gif, in the current folder")
    output.add_argument(
        "--frame",
        type=_number_of_frame,
        metavar="K",
        help="write a still of frame K alone, from 0, or from -1 backwards from the end: a picture "
        "of any kind that Pillow writes, by the end of its name (default: .png)",
    )
    _add_look(render, {})
    render.set_defaults(run=_render, parser=render)

    show = commands.add_parser(
        "demo",
        help="train a small autoencoder and make a GIF of its weights",
        description="Train a small linear autoencoder and make a GIF of its encoder's weights.",
        epilog=DEMO_EXAMPLES,
    )
    _add_output(show, "demo.gif", "demo.gif")
    training = show.add_argument_group("training")
    training.add_argument(
        "--steps", type=_count, default=300, metavar="N", help="of gradient descent (default: 300)"
    )
    training.add_argument(
        "--seed",
        type=_whole,
        default=0,
        metavar="N",
        help="of the data and the first weights (default: 0)",
    )
    training.add_argument(
        "--every", type=_count, default=3, metavar="N", help="steps a frame (default: 3)"
    )
    _add_look(show, demo.LOOK)
    show.set_defaults(run=_demo, parser=show)

    info = commands.add_parser(
        "info",
        help="say what a GIF file holds",
        description="Say what a GIF file holds: frames, size, duration, loop, bytes and colours.",
        epilog=INFO_EXAMPLES,
    )
    info.add_argument("file", metavar="FILE.gif", help="a GIF file; - for standard input")
    info.add_argument("--json", action="store_true", default=False, help="print JSON")
    info.add_argument("--frames", action="store_true", default=False, help="list every frame")
    info.set_defaults(run=_info, parser=info)

    warmup = commands.add_parser(
        "warmup",
        help="make sure that nothing has to be compiled later",
        description="Compile the drawing code where the package has none for this machine, keep it "
        "in the user's cache folder (FASTHEAT_CACHE_DIR), and say where it lies. For images of "
        "containers, whose first animation then waits for nothing.",
    )
    warmup.set_defaults(run=_warmup, parser=warmup)
    return parser


def _add_output(parser: argparse.ArgumentParser, default: str | None, shown: str) -> Any:
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


def _add_look(parser: argparse.ArgumentParser, look: Mapping[str, object]) -> None:
    """Add the options of `Heatmap` and `save_gif`, whose defaults are theirs but for `look`."""
    defaults = _defaults(save_gif) | _defaults(Panels.__init__) | _defaults(Heatmap.__init__)
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
        add(panels, "columns", text, "a picture of about 3 : 2", metavar="N", type=_count)
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
    add(timing, "workers", text, "one a processor", metavar="N", type=_count)


def _defaults(function: Callable[..., object]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _spelled(default: object) -> str:
    """Return a default as it would be given on the command line."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return " ".join(str(each) for each in default)
    return str(default)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    try:
        args, unknown = make_parser().parse_known_args(argv)
    except SystemExit:  # the help or the version was asked for, and printed
        return argparse.Namespace(run=lambda _: _say("", sys.stdout))
    if "run" not in args:
        raise UsageError("expected a command: render, demo or info; see fastheat --help")
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


# ----------------------------------------------------------------------------------------- values
# What argparse calls to read a value; it prefixes the error with the option's name.


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


def _count(text: str) -> int:
    return _integer(text, 1)


def _whole(text: str) -> int:
    return _integer(text, 0)


def _number_of_frame(text: str) -> int:
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
    each = [_count(part) for part in text.split(",")]
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


def _given(args: argparse.Namespace) -> dict[str, Any]:
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


# --------------------------------------------------------------------------------- input, output


def _binary(stream: TextIO | None, name: str) -> BinaryIO:
    """Return the bytes beneath a standard stream, which must not be a terminal."""
    if stream is None:
        raise OSError(f"{name} is closed")
    if stream.isatty():
        raise UsageError(f"expected {name} to be a file or a pipe, not a terminal")
    return stream.buffer


class _Stream:
    """Standard output as a sink that cannot seek.

    Where the shell opened it to append (``>>``) it would say that it can, and then write at the end
    all the same.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        with _given_up_on_error():
            return self._stream.write(data)

    def flush(self) -> None:
        with _given_up_on_error():
            self._stream.flush()


def _target(output: str) -> Any:
    """Return what `save_gif` writes to, refused here if it cannot, before anything is read."""
    if output == STANDARD:
        return _Stream(_binary(sys.stdout, "standard output"))
    try:
        check_target(output)
    except ValueError as error:
        raise ValueError(f"{error}, or --frame K for a still of one frame") from None
    return output


def _picture_target(output: str) -> Any:
    """Return what a still is written to, refused here if it cannot be."""
    if output == STANDARD:
        return _Stream(_binary(sys.stdout, "standard output"))
    suffix = Path(output).suffix.lower()
    if _picture_format(suffix) is None:
        raise UsageError(
            f"expected a picture that Pillow writes, such as {str(Path(output).stem) + '.png'!r}, "
            f"not {output!r}"
        )
    check_place(Path(output))
    return output


def _picture_format(suffix: str) -> str | None:
    """Return Pillow's name of the format that it writes for a suffix."""
    from PIL import Image

    name = Image.registered_extensions().get(suffix)
    return name if name in Image.SAVE else None


@contextmanager
def _inputs(names: Sequence[str]) -> Iterator[list[Path]]:
    """Give the paths of the input; standard input is kept on disk, not in memory."""
    if list(names) != [STANDARD]:
        yield [Path(name) for name in names]
        return
    source = _binary(sys.stdin, "standard input")
    # a memory map may still be open at the end, which hinders removal on Windows
    with tempfile.TemporaryDirectory(prefix="fastheat-", ignore_cleanup_errors=True) as folder:
        # all but pickles of protocol 0 and 1 is known by its first bytes, so the suffix is theirs
        path = Path(folder, "input.pickle")
        with path.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        try:
            yield [path]
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "standard input")) from None


def _stem(names: Sequence[str]) -> str:
    """Return what the output is called after the input: of several, how all of them begin."""
    stems = [Path(name).stem for name in names]
    if len(names) == 1 and not has_pattern(names[0]):
        return stems[0]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(min(stems), max(stems), strict=False))
    stem = re.split(r"[*?[]", "".join(first for first, _ in alike))[0]
    return stem.rstrip("0123456789-_=. ") or "frames"


def _shown(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _same_file(path: Path, output: str) -> bool:
    try:
        return path.samefile(output)
    except OSError:
        return False


@contextmanager
def _naming_input(name: str) -> Iterator[None]:
    """Put the name of the input before errors that do not say it."""
    shown = "standard input" if name == STANDARD else name
    try:
        yield
    except (ValueError, TypeError) as error:
        text = str(error)
        named = text if text.startswith("cannot read ") else f"{shown}: {text}"
        raise ValueError(named) from None


def _bar_maker(args: argparse.Namespace) -> Callable[..., Any] | None:
    """Return tqdm if a bar is wanted."""
    wanted = args.progress
    if wanted is None:
        wanted = not args.quiet and sys.stderr is not None and sys.stderr.isatty()
    if not wanted:
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        if args.progress:
            raise ImportError('--progress needs tqdm: pip install "fastheat[cli]"') from None
        return None
    return tqdm  # type: ignore[no-any-return]


@contextmanager
def _saying_that_it_compiles(args: argparse.Namespace) -> Iterator[None]:
    """Tell whoever waits at a terminal what for."""
    waiting = sys.stderr is not None and sys.stderr.isatty() and not getattr(args, "quiet", False)
    if not waiting and not getattr(args, "progress", None):
        yield
        return

    def tell() -> None:
        text = "fastheat: compiling, once on this machine: some seconds"
        shown = sys.modules.get("tqdm")
        shown.tqdm.write(text, sys.stderr) if shown else _say(f"{text}\n", sys.stderr)

    with jit.on_compiling(tell):
        yield


@contextmanager
def _counting(
    maker: Callable[..., Any] | None, total: int | None
) -> Iterator[Callable[[int, int | None], None] | None]:
    """Show a bar on standard error, and give what `save_gif` reports progress to."""
    if maker is None:
        yield None
        return
    bar = maker(total=total, unit=" frames", file=sys.stderr, leave=False, dynamic_ncols=True)
    with bar:
        yield lambda count, _: bar.update(count - bar.n)


def _write(
    args: argparse.Namespace,
    target: Any,
    name: str,
    frames: object,
    options: dict[str, Any],
    bar: Callable[..., Any] | None,
) -> None:
    """Write frames, such that wrong options are told from wrong frames; then say what was done."""
    printed = isinstance(target, _Stream)
    written = "standard output" if printed else str(target)
    timing = {key: options.pop(key) for key in TIMING if key in options}
    with _naming_input(name):
        source = open_frames(frames)
    each = timing.get("duration")
    if isinstance(each, list) and source.length not in (None, len(each)):
        raise UsageError(f"expected a duration for each of {source.length} frames, not {len(each)}")
    with _options_at_fault():
        each_title, options["title"] = titles_of(options.get("title"), timing.get("titles"), source)
    if "titles" in timing:
        timing["titles"] = each_title
    annots = _annots_of_frames(source, options)
    if annots is not None:
        timing["annot"] = annots
    with _options_at_fault():
        heatmap = make_picture(source.shape, options)
        if timing.get("autoscale") == "grow":
            heatmap.check_growth()
        if timing.get("autoscale") == "frame":
            heatmap.by_frame()
        if None not in heatmap.range:
            heatmap.layout(source.dtype)  # it is kept, and not made again
    try:
        with (
            _naming_input(name),
            _counting(bar, source.length) as progress,
        ):
            summary = save_gif(target, frames, heatmap=heatmap, progress=progress, **timing)
    except (ValueError, TypeError):
        if None in heatmap.range:
            with _options_at_fault():
                heatmap.fitted((None,) * len(heatmap.range)).layout(source.dtype)
        raise
    except OSError as error:
        if error.strerror and error.filename is None:  # a disk is full, say
            raise OSError(error.errno, error.strerror, written) from None
        raise
    if not args.quiet:
        said = sys.stderr if printed else sys.stdout
        _say(f"{printable(_summary(written, summary))}\n", said)


def _encoded(image: Any, name: str, inch: float) -> bytes:
    """Return the bytes of an image in a format of Pillow's, in RGB where that has no palettes.

    Parameters
    ----------
    inch
        Its pixels per inch, by which programs show it as large as it is meant to be.
    """
    settings = {"dpi": (inch, inch), "resolution": inch, **KINDS.get(name, {})}
    file = io.BytesIO()
    try:
        image.save(file, name, **settings)
    except (OSError, ValueError, KeyError):
        file = io.BytesIO()
        try:
            image.convert("RGB").save(file, name, **settings)
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(f"cannot write a picture as {name}: {error}") from None
    return file.getvalue()


def _annots_of_frames(source: Frames, options: dict[str, Any]) -> Annots | None:
    """Return annotations that each frame has its own of; in the options is what `Heatmap` takes."""
    if not options.get("annot"):
        return None
    with _naming_input(options["annot"]):
        annots = open_annots(options["annot"], source.shape)
        if isinstance(annots, Annots):
            options["annot"] = annots.sample()
            return annots
    options["annot"] = annots
    return None


def _write_still(
    args: argparse.Namespace, target: Any, source: Frames, options: dict[str, Any]
) -> None:
    """Write a picture of one frame, as the animation has it."""
    for name in TIMING:
        if name in options and name not in ("titles", "autoscale"):
            raise UsageError(f"expected no --{name} with --frame, which writes one picture")
    scaling = options.pop("autoscale", None)
    if scaling == "grow":
        raise UsageError(
            "expected no --autoscale grow with --frame, since the range depends on all frames "
            "before: give --vmin and --vmax"
        )
    given = options.pop("titles", None)
    shown = _shown(args.input)
    with _options_at_fault():
        titles, options["title"] = titles_of(options.get("title"), given, source)
    with _naming_input(shown):
        count = source.count()
    number = args.frame + count if args.frame < 0 else args.frame
    if not 0 <= number < count:
        raise UsageError(
            f"expected --frame 0 to {count - 1}, or -1 to {-count} from the end, not {args.frame}"
        )
    annots = _annots_of_frames(source, options)
    with _options_at_fault():
        heatmap = make_picture(source.shape, options)
        lines = heatmap.lines if isinstance(heatmap, Panels) else ()
        if isinstance(heatmap, Panels):
            heatmap = heatmap.for_frames(count, source.steps)
        if scaling == "frame":
            heatmap = heatmap.by_frame()
            if heatmap.is_by_frame and not heatmap.cbar and titles is None:
                titles = repeat(heatmap.title)
        if titles is not None:
            heatmap = heatmap.with_titles()
        if heatmap.reduction is not None:
            source = source.through(heatmap.reduction)
    with _naming_input(shown):
        if None in heatmap.range:
            with Crew(None, None) as crew:
                heatmap, source = with_range_of(heatmap, source, crew)
        past = _scalars(source, number, len(lines)) if lines else None
        span = spans_of(source, near=True)
        if span is None:
            values = next(islice(source.chunks(1), number, None))[0]
        else:
            (values,), told = span.part(number, number + 1).values()
            source.hear(told)
    title = None if titles is None else next(islice(titles, number, None), None)
    if titles is not None and title is None:
        raise UsageError(f"expected a title for each of {count} frames")
    annot = None if annots is None else next(islice(annots.chunks(1), number, None), None)
    if annots is not None and annot is None:
        raise UsageError(f"expected annot for each of {count} frames")
    own, kind = (None, None) if annots is None or annot is None else (annot[0], annots.dtype)
    with _options_at_fault():
        image = heatmap.frame_image(values, source.dtype, title, own, kind, past)
    suffix = ".png" if isinstance(target, _Stream) else Path(target).suffix.lower()
    inch = options.get("dpi", _defaults(Heatmap)["dpi"])
    data = _encoded(image, _picture_format(suffix) or "PNG", inch)
    if isinstance(target, _Stream):
        target.write(data)
        target.flush()
    else:
        Path(target).write_bytes(data)
    if not args.quiet:
        written = "standard output" if isinstance(target, _Stream) else str(target)
        said = sys.stderr if isinstance(target, _Stream) else sys.stdout
        width, height = image.size
        text = f"{written}: frame {number} of {count}, {width} x {height} px, {_size(len(data))}"
        _say(f"{printable(text)}\n", said)


def _scalars(source: Frames, number: int, count: int) -> NDArray[np.float64]:
    """Return the scalars of the frames before one, (number, count), which lines are drawn from."""
    history = np.empty((number, count))
    row = 0
    chunks = source.chunks(chunk_length(cells_of(source.shape)))
    while row < number:
        values = next(chunks)[: number - row]
        history[row : row + len(values)] = values[:, -count:]
        row += len(values)
    return history


@contextmanager
def _options_at_fault() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from None


# ------------------------------------------------------------------------------------ what is said


def _summary(name: str, summary: GifSummary) -> str:
    width, height = summary.size
    text = (
        f"{name}: {many(summary.frames, 'frame')} of {width} x {height} px "
        f"in {summary.seconds:.2f} s, {summary.frames / max(summary.seconds, 1e-9):.0f} frames/s, "
        f"{_size(summary.bytes / summary.frames)} a frame, {_size(summary.bytes)}"
    )
    if summary.reduced:
        cells = summary.cells.values() if isinstance(summary.cells, dict) else [summary.cells]
        drawn = ", ".join(f"{n} x {m}" for n, m in cells)
        text += f"; drawn as {drawn} cells, the {summary.reduced} of each block of values"
    if summary.merged:
        text += f"; {many(summary.merged, 'frame')} the same as the one before"
    low, high = summary.sides
    changed = [
        (summary.under, "value", f"under {low}"),
        (summary.over, "value", f"over {high}"),
        (summary.bad - summary.refused, "value", "NaN or infinite"),
        (summary.refused, "value", "that the norm does not take"),
        (summary.masked, "cell", "masked"),
        (summary.hidden, "text", "left out"),
        (len(summary.lacking), "character", "without a glyph"),
        (summary.raised, "delay", "raised"),
    ]
    shown = [f"{many(count, noun)} {what}" for count, noun, what in changed if count]
    return f"{text}; not as given: {', '.join(shown)}" if shown else text


def _describe(name: str, file: BinaryIO, each: bool) -> dict[str, Any]:
    """Return what `fastheat info --json` prints, times in milliseconds."""
    screen, end, loop, ticks = blocks.Screen((0, 0), 0), blocks.End(0, 0), None, 0
    # different lengths are few, at most the root of twice the file's length; frames may be many
    lengths: Counter[int] = Counter()
    frames = []
    for block in blocks.read_blocks(file):
        if isinstance(block, blocks.FrameInfo):
            ticks += block.delay
            lengths[block.length] += 1
            if each:
                frames.append(
                    {
                        "delay": 10 * block.delay,
                        "box": block.box,
                        "bytes": block.length,
                        "transparent": block.transparent,
                        "disposal": block.disposal,
                    }
                )
        elif isinstance(block, blocks.Screen):
            screen = block
        elif isinstance(block, blocks.Loop):
            loop = block.times
        elif isinstance(block, blocks.End):
            end = block
    described: dict[str, Any] = {
        "file": name,
        "frames": lengths.total(),
        "width": screen.size[0],
        "height": screen.size[1],
        "duration": 10.0 * ticks,
        "loop": loop,
        "colors": screen.colors,
        "bytes": end.length,
        "bytes_per_frame": None,
        "trailing": end.trailing,
    }
    if lengths:
        described["bytes_per_frame"] = {
            "min": min(lengths),
            "median": _median(lengths),
            "max": max(lengths),
        }
    return described | {"each": frames} if each else described


def _median(counts: Counter[int]) -> float:
    """Return the median of numbers of which each is there so often."""
    total = counts.total()
    numbers, ends = zip(*sorted(counts.items()), strict=True)
    reached = list(accumulate(ends))
    low, high = (numbers[bisect_right(reached, k)] for k in ((total - 1) // 2, total // 2))
    return float(low + high) / 2


def _info_lines(info: Mapping[str, Any]) -> Iterator[str]:
    loop = info["loop"]
    plays = "once" if loop is None else "for ever" if loop == 0 else f"{loop + 1} times"
    yield printable(
        f"{info['file']}: {many(info['frames'], 'frame')} of {info['width']} x {info['height']} px"
    )
    yield f"  duration  {info['duration'] / 1000:g} s, played {plays}"
    yield f"  size      {_size(info['bytes'])} ({info['bytes']} bytes)"
    if info["bytes_per_frame"]:
        sizes = (f"{name} {_size(size)}" for name, size in info["bytes_per_frame"].items())
        yield f"  a frame   {', '.join(sizes)}"
    yield f"  colours   {info['colors']} in the table"
    if info["trailing"]:
        yield f"  after it  {many(info['trailing'], 'byte')} that no decoder looks at"
    for number, frame in enumerate(info.get("each", ())):
        left, top, width, height = frame["box"]
        transparent = "" if frame["transparent"] is None else ", transparent"
        yield (
            f"  frame {number}: {frame['delay']} ms, {width} x {height} px at {left}, {top}, "
            f"{frame['bytes']} bytes{transparent}"
        )


def _size(count: float) -> str:
    if count < 1000:
        return f"{count:.0f} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Print warnings as `fastheat: warning: ...`, after what they would have broken into."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for text in dict.fromkeys(str(warning.message) for warning in caught):
                _say(f"fastheat: warning: {printable(_as_options(text))}\n", sys.stderr)


def _fail(status: int, message: str) -> int:
    _say(f"fastheat: error: {printable(message[:MOST_SAID])}\n", sys.stderr)
    return status


def _as_options(text: str) -> str:
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


def _say(text: str, stream: TextIO | None) -> None:
    if stream is None:  # closed by the shell
        return
    encoding = stream.encoding or "utf-8"
    with _given_up_on_error() if stream is sys.stdout else nullcontext():
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()


@contextmanager
def _given_up_on_error() -> Iterator[None]:
    """Keep Python from trying once more, as it exits, what standard output did not take."""
    try:
        yield
    except OSError:
        with suppress(OSError, ValueError):  # it may be an object without a descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
