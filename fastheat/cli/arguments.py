"""Arguments of the command line: the parser, and their conversion to options of `save_gif`."""

from __future__ import annotations

import argparse
import math
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import fastheat
from fastheat.checks import AUTOSCALES, defaults_of, read_autoscale
from fastheat.cli import demo
from fastheat.figure.aliases import elsewhere
from fastheat.figure.heatmap import Heatmap, option_names
from fastheat.figure.panels import Panels
from fastheat.gif import blocks
from fastheat.gif.clock import DEFAULT_DURATION, LONGEST_DURATION
from fastheat.inputs.sources.arrays import check_type
from fastheat.inputs.sources.npy import read_header
from fastheat.layout.look import COLORS, LABELS, OPTIONS, PICTURE, VALUES
from fastheat.messages import suggest
from fastheat.save import save_gif

MOST_LABELS = 1 << 24  # bytes of a file of labels, at most
STANDARD = "-"  # standard input or output, in place of a path
PANELS = ("columns", "share_range", "share_cbar", "ylim")  # options of Panels, not of Heatmap
# options of save_gif, not of Heatmap
TIMING = ("fps", "duration", "loop", "hold", "titles", "workers", "autoscale")


class UsageError(Exception):
    """A command line that cannot be carried out."""


class Parser(argparse.ArgumentParser):
    def __init__(self, **settings: Any) -> None:
        # options that are not given are left out of the result; abbreviations are not allowed,
        # since a new option could make them ambiguous
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            **settings,
        )
        # argparse's own pattern lacks -1e-3, -inf and -1,2; no option looks like one of these
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
    """Add the options of `Heatmap`, `Panels` and `save_gif`.

    Parameters
    ----------
    look
        Defaults that replace those of the functions.
    """
    defaults = defaults_of(save_gif) | defaults_of(Panels.__init__) | defaults_of(Heatmap.__init__)
    defaults |= dict(look)

    def add(place: Any, name: str, text: str, kind: str, metavar: str, unset: str = "") -> None:
        settings = dict(KINDS[kind])
        if metavar and "action" not in settings:
            words = tuple(metavar.split())
            settings["metavar"] = words if len(words) > 1 else metavar
        default = defaults.get(name)
        said = default not in (None, "") and not (default is True and unset)
        shown = _spelled(default) if said else unset
        text += f" (default: {shown})" if shown else ""
        flag = f"--{name.replace('_', '-')}"
        place.add_argument(flag, dest=name, help=text.replace("%", "%%"), **settings)

    groups = {
        title: parser.add_argument_group(title) for title in (COLORS, VALUES, LABELS, PICTURE)
    }
    for name in option_names():
        option = OPTIONS[name]
        place: Any = groups[option.group]
        if option.kind == "annot":
            place = place.add_mutually_exclusive_group()
        add(place, name, option.help, option.kind, option.metavar, option.unset)
        if option.kind == "annot":
            place.add_argument(
                "--no-annot", dest=name, action="store_const", const=False, help="write nothing"
            )
    text = "where vmin and vmax come from if not given: all frames, the first frame and then grow, "
    text += "or each frame on its own"
    add(groups[COLORS], "autoscale", text, "autoscale", "all|grow|frame", "all")
    text = "a title for each frame: 'step {}' to number them, 'step {step}' for the number in the "
    text += "name of a checkpoint, a,b,c or @FILE with one per line; below --title if there is one"
    add(groups[LABELS], "titles", text, "text", "TITLES")

    if not look:  # of frames that may be of several matrices
        panels = parser.add_argument_group("panels, of an .npz or pickled dict with several arrays")
        text = "number of panels side by side"
        add(panels, "columns", text, "count", "N", "a picture of about 3 : 2")
        add(panels, "share_range", "use one range for all panels", "switch", "")
        text = "draw one colour bar for all panels"
        add(panels, "share_cbar", text, "switch", "", "if they have the same colormap and range")
        text = "range of the plot of an array of numbers, one per frame"
        add(panels, "ylim", text, "two numbers", "LOW HIGH", "that of the numbers so far")

    timing = parser.add_argument_group("time")
    speed = timing.add_mutually_exclusive_group()
    add(speed, "fps", "frames per second", "rate", "X")
    text = "milliseconds per frame: one number for all frames, or one for each"
    add(speed, "duration", text, "durations", "MS[,MS...]", f"{DEFAULT_DURATION:g}")
    text = "number of times to repeat the animation, 0 for ever, none to play it once"
    add(timing, "loop", text, "loop", "N")
    add(timing, "hold", "milliseconds of the last frame", "milliseconds", "MS", "its duration")
    text = "number of threads that read and encode"
    add(timing, "workers", text, "count", "N", "one per processor")


def _spelled(default: object) -> str:
    """Return a default as it is spelled on the command line."""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return " ".join(str(each) for each in default)
    return str(default)


# The functions below convert arguments for argparse, which prefixes errors with the option's name.


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, not {text!r}") from None


def _text_size(text: str) -> float | str:
    return text if text == "fit" else _real(text)


def _integer(
    text: str, least: float = -math.inf, most: float = math.inf, limits: str = "", other: str = ""
) -> int:
    with suppress(ValueError):
        if least <= int(text) <= most:
            return int(text)
    raise argparse.ArgumentTypeError(f"expected {other}a whole number{limits}, not {text!r}")


_count = partial(_integer, least=1, limits=", 1 or more")
_seed = partial(_integer, least=0, limits=", 0 or more")


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


def _one_or_more(read: Callable[[str], Any], text: str) -> Any:
    each = [read(part) for part in text.split(",")]
    return each if "," in text else each[0]


def _numbers(text: str) -> list[float]:
    return [_real(part) for part in text.split(",")]


def _loop(text: str) -> int | None:
    most = blocks.MOST_LOOPS
    return None if text.lower() == "none" else _integer(text, 0, most, f", 0 to {most}", "none or ")


def _ticks(text: str) -> int | list[float]:
    if text.isascii() and text.isdigit():
        return int(text)
    return _numbers(text)


def _autoscale(text: str) -> str:
    try:
        return str(read_autoscale(text))
    except ValueError:
        ways = ", ".join(AUTOSCALES)
        raise argparse.ArgumentTypeError(f"expected one of {ways}, not {text!r}") from None


def _or_none(text: str) -> str | None:
    return None if text.lower() == "none" else text


def _cmap(text: str) -> str | list[str]:
    return [part.strip() for part in text.split(",")] if "," in text else text


# of values on the command line, as the table of options has them
KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "text or none": {"type": _or_none},
    "switch": {"action": argparse.BooleanOptionalAction},
    "number": {"type": _real},
    "numbers": {"type": _numbers},
    "two numbers": {"type": _real, "nargs": 2},
    "number or fit": {"type": _text_size},
    "color": {"metavar": "COLOUR"},
    "two colours": {"metavar": ("COLOUR", "COLOUR"), "nargs": 2},
    "colormap": {"type": _cmap},
    "ticks": {"type": _ticks},
    "groups": {"type": partial(_one_or_more, _count)},
    "labels": {},  # read by `given_options`, as the others that can name a file
    "mask": {},
    "annot": {},
    "autoscale": {"type": _autoscale},
    "count": {"type": _count},
    "rate": {"type": _rate},
    "durations": {"type": partial(_one_or_more, _milliseconds)},
    "milliseconds": {"type": _milliseconds},
    "loop": {"type": _loop},
}


def _labels(text: str) -> str | list[str] | None:
    """Return labels, read after parsing, since a missing file is not a usage error."""
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
    """Return the path of a regular file; a pipe, say, might never end."""
    path = Path(name)
    if path.exists() and not path.is_file():
        raise ValueError(f"cannot read {path}: expected a file of {what}")
    return path


def _mask(name: str) -> Any:
    try:
        with _plain(name, "a mask").open("rb") as file:
            check_type(read_header(file, os.fstat(file.fileno()).st_size).dtype, "it")
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
    except (TypeError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"cannot read {name}: expected a .npy file: {reason}") from None


def given_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of `save_gif` that were given, with their files read."""
    known = (*option_names(), *PANELS, *TIMING)
    given = {name: value for name, value in vars(args).items() if name in known}
    for name, text in given.items():
        kind = OPTIONS[name].kind if name in OPTIONS else ""
        if kind == "labels" and text.isascii() and text.isdigit():
            given[name] = int(text)
        elif kind == "labels" or name == "titles":
            given[name] = _labels(text)
        elif kind == "mask":
            given[name] = _mask(text)
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

If a value that begins with a dash is taken for an option, write '=': --title=--weights--.
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
        help=".npy, .npz or pickled frames (.obj, .pkl, .pickle, .joblib), .pt, .safetensors, "
        ".zarr, .h5, .mat, .csv or .tsv, compressed or not; or checkpoints, each a frame: a "
        "directory, a pattern or several of these, .pth, .ckpt, .bin or .keras files; - for "
        "standard input",
    )
    render.add_argument(
        "--tensor",
        action="append",
        metavar="NAME",
        help="name of the array to draw from a file with several; if repeated, a panel for each",
    )
    output = add_output(render, None, "INPUT's name with .gif, in the current folder")
    output.add_argument(
        "--frame",
        type=_integer,
        metavar="K",
        help="write only a still of frame K, counted from 0, or from -1 backwards from the end, in "
        "any format that Pillow writes, by the suffix of the output (default: .png)",
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
    for name, kind, default, text in (
        ("--steps", _count, 300, "steps of gradient descent"),
        ("--seed", _seed, 0, "seed of the data and the initial weights"),
        ("--every", _count, 3, "steps per frame"),
    ):
        text = f"{text} (default: {default})"
        training.add_argument(name, type=kind, default=default, metavar="N", help=text)
    add_look(show, demo.LOOK)
    show.set_defaults(command="demo", parser=show)

    info = commands.add_parser(
        "info",
        help="describe a GIF file",
        description="Describe a GIF file: its frames, size, duration, loop, bytes and colours.",
        epilog=INFO_EXAMPLES,
    )
    info.add_argument("file", metavar="FILE.gif", help="a GIF file; - for standard input")
    info.add_argument("--json", action="store_true", default=False, help="print JSON")
    info.add_argument("--frames", action="store_true", default=False, help="list every frame")
    info.set_defaults(command="info", parser=info)

    warmup = commands.add_parser(
        "warmup",
        help="compile the drawing code now, if need be",
        description="Compile the drawing code if the package has none for this machine, keep it in "
        "the user's cache folder (FASTHEAT_CACHE_DIR), and print where it is. Run this when you "
        "build a container image, and its first animation does not wait for a compiler.",
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
    """Return a message with Python arguments, such as cbar=True, spelled as options: --cbar."""
    return _ARGUMENT.sub(_as_option, text)


# An argument with a number is left alone, as it reports a value; and so is one that more text
# follows directly, as it may be part of a file name.
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
