"""Notes: comments in a GIF, which no player shows, that let it be continued later."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np

import fastheat
from fastheat.gif import blocks
from fastheat.gif.clock import LONGEST_DURATION
from fastheat.inputs.frames.annotations import (
    MOST_DIFFERENT,
    SAMPLED,
    TEXTS,
    Sample,
    Samples,
    facts_of,
)
from fastheat.inputs.frames.ranges import Range
from fastheat.inputs.sources.labelled import Axes, Axis
from fastheat.inputs.sources.shapes import MOST_CELLS, Shapes, check_names, form_of, parts_of
from fastheat.layout.layout import Layout, Panel
from fastheat.layout.sizes import MOST_SEEN
from fastheat.messages import short
from fastheat.render.encode import Images
from fastheat.style.text.fonts import Typeface
from fastheat.style.text.formats import LONGEST

_T = TypeVar("_T")

NAME = "fastheat"
# of notes, incremented by changes that make earlier versions, or their files, incompatible
VERSION = 1
STEP_WIDTH = 14  # characters


class MadeFor(NamedTuple):
    """Facts on frames that a layout was made for, besides its options.

    Attributes
    ----------
    sample
        Sample of the annotations that it has room for, if the options do not tell.
    axes
        The labels that the matrices carry, by panel.
    seen
        Texts of values that it has room for, by panel.
    """

    sample: Samples | None = None
    axes: Mapping[str, Axes] = MappingProxyType({})
    seen: Mapping[str, tuple[str, ...]] = MappingProxyType({})


NOTHING = MadeFor()


def header(
    layout: Layout,
    limits: Range,
    duration: float | None,
    loop: int | None,
    made_for: MadeFor = NOTHING,
) -> bytes:
    """Return all bytes before the first frame, with a note on what is drawn and how."""
    sample, axes, seen = made_for
    more = {
        "written": _written(layout) or None,
        "autoscale": "frame" if layout.has_frame_limits else None,
        "sample": None if sample is None else facts_of(sample),
        "xlim": layout.plot and layout.plot.room,
        "axes": {name: [list(axis) for axis in each] for name, each in axes.items()} or None,
        "seen": dict(seen) or None,
    }
    note = block(
        version=VERSION,
        writer=fastheat.__version__,
        shape=layout.shape_read,
        dtype=dtype_name(layout.dtype),
        **range_facts(limits),
        duration=duration,
        titled=layout.title is not None,
        look=look_of(layout),
        **{name: fact for name, fact in more.items() if fact is not None},
    )
    return blocks.header(layout.size, layout.table, layout.colors, loop) + note


def _written(layout: Layout) -> Any:
    """Return the dtype name of per-frame annotations, or names by panel; empty without any."""
    written = {
        panel.name: "str" if panel.written.kind == "U" else panel.written.name
        for panel in layout.panels
        if panel.annotated
    }
    return written.get("", written)


def range_facts(limits: Range) -> dict[str, Any]:
    """Return the facts of a note on a range: numbers, or lists of one number per panel."""
    if len(limits) == 2:
        return {"vmin": limits[0], "vmax": limits[1]}
    return {"vmin": limits[::2], "vmax": limits[1::2]}


def dtype_name(dtype: np.dtype[Any]) -> Any:
    """Return a dtype as a note has it: a name, or names by panel."""
    if dtype.names is None:
        return dtype.name
    return {name: kind.name for name, (_, kind) in parts_of(dtype).items()}


def look_of(layout: Layout) -> dict[str, str]:
    """Return hashes of the aspects of a layout that must not change when a file is continued.

    The range is not among them. The fields of an aspect are listed one by one, so that renaming
    fields and classes leaves the hashes as they are. A later version may add an aspect, but only to
    layouts that no earlier version could draw.
    """
    each = [_aspects_of(panel) for panel in layout.panels]
    aspects: dict[str, Any] = {
        "title": layout.title and list(layout.title),
        "fonts": _fonts_of(layout.typeface),
    }
    if layout.dtype.names is None:
        aspects = each[0] | aspects
    else:
        plot = layout.plot
        aspects["lines"] = plot and [
            *(plot.names, plot.colors, plot.top, plot.width, plot.height, plot.fontsize),
            *(plot.point, plot.room, plot.limits, plot.steps, plot.label_ramp, plot.ramps),
        ]
        aspects |= {f"{name} of panels": [panel[name] for panel in each] for name in each[0]}
    aspects["background"] = layout.background
    return {name: _hash(value) for name, value in aspects.items() if value is not None}


def _aspects_of(panel: Panel) -> dict[str, Any]:
    """Return the numbers, texts and arrays that make up each aspect of a panel; None if absent."""
    grid, reduction = panel.grid, panel.reduction
    source = None if panel.format is None else panel.format.source
    written = source if isinstance(source, str) else source is None
    return {
        "title": None,  # the place for titles, which only a whole image has
        "fonts": _fonts_of(panel.typeface),
        "grid": [grid.x0, grid.x1, grid.y0, grid.y1, grid.center, grid.origin_lower],
        "colors": [panel.shades.ramps, panel.label_ramp],
        "texts": [written, panel.sizes, panel.fixed and panel.fixed.texts],
        "reduction": reduction and [reduction.cells, reduction.how],
        "norm": panel.norm,
        "mask": panel.mask,
    }


def _fonts_of(typeface: Typeface) -> list[Any]:
    """Return the names of font files, whose folders vary between machines, and face numbers."""
    files: list[Any] = [typeface, *typeface.others]
    return [fact for each in files for fact in (each.path and Path(each.path).name, each.number)]


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(_plain(value)).encode()).hexdigest()[:8]


def _plain(value: Any) -> Any:
    """Return a value as JSON can represent it; for an array, its shape and a hash of its bytes."""
    if isinstance(value, np.ndarray):
        data = value.astype(value.dtype.newbyteorder("<"), order="C").tobytes()
        return [value.shape, hashlib.sha256(data).hexdigest()]
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def block(**facts: object) -> bytes:
    """Return a comment block with facts in JSON."""
    return blocks.comment(json.dumps({NAME: facts}, separators=(",", ":")))


def step(number: int) -> bytes:
    """Return a comment block with the step of a frame, equally long for all numbers."""
    return blocks.comment('{"%s":{"step":%*d}}' % (NAME, STEP_WIDTH, number))  # noqa: UP031


def scalars(images: Images) -> list[bytes]:
    """Return a comment block for each frame with its scalars, which its pixels do not contain."""
    return [block(scalars=each) for each in images.scalars] or [b""] * len(images.ends)


def read_scalars(comments: Iterable[bytes]) -> Iterator[list[float]]:
    """Yield the scalars of each frame from the comments of a file."""
    for comment in comments:
        given = _facts_in(comment).get("scalars")
        if isinstance(given, list):
            yield [_number(each, finite=False) for each in given]


# ------------------------------------------------------------------------------- reading


class Note(NamedTuple):
    """The facts in the comments of a file on its frames and how they were drawn, checked."""

    shape: Shapes
    dtype: np.dtype[Any]
    range: Range
    first: Range  # range of the first frame
    look: dict[str, str]  # hashes of the layout, as by `look_of`
    duration: float | None  # ms of each frame, None if they differ
    titled: bool  # whether frames have titles of their own
    written: np.dtype[Any] | None  # dtype of annotations, if frames have their own
    sample: Samples | None  # of annotations, as `header` takes it
    xlim: int | None  # frames that the line plot has room for, None if it grows
    axes: dict[str, Axes]  # labels that the matrices carry, by panel
    seen: dict[str, tuple[str, ...]]  # texts of values that there is room for, by panel
    autoscale: str | None  # "frame" if each frame has its own range
    step: int | None  # the last one recorded
    held: int  # hundredths of a second that the last frame is shown longer
    ticks: int | None  # hundredths of all frames without `held`, None in older files


_NEEDED = ("shape", "dtype", "vmin", "vmax", "look", "titled")
_HELD = {"held", "ticks"}  # facts about its end, which count only after the last frame
# facts about the whole file, of which the last of each kind counts
_KNOWN = {*Note._fields, "vmin", "vmax", "version", "writer", "mark"} - _HELD
_LONGEST_INTEGER = 20  # characters
_MOST_DELAY = round(LONGEST_DURATION / 10)  # hundredths of a second
_MOST_FRAMES = 1 << 40
_MOST_ASPECTS = 100
_NUMBERS = {np.dtype(code).name: np.dtype(code) for code in "?bBhHiIlLqQefdg"}


class NoteReader:
    """Collects the facts in the comments of a file, which are added in order."""

    def __init__(self) -> None:
        self._facts: dict[str, Any] | None = None
        self._first: dict[str, Any] = {}
        self._closing: dict[str, Any] = {}

    def add(self, comment: bytes) -> None:
        """Add a comment."""
        facts = _facts_in(comment)
        if self._facts is None:
            self._facts, self._first = {}, {name: facts.get(name) for name in ("vmin", "vmax")}
        self._facts |= {name: facts[name] for name in _KNOWN if name in facts}
        self._closing |= {name: facts[name] for name in _HELD if name in facts}

    def add_frame(self) -> None:
        """Drop the facts about the end: a frame follows that differs from the previous one."""
        self._closing.clear()

    def note(self, pixels: int) -> Note:
        """Return the note that the facts make up, after checking them.

        Parameters
        ----------
        pixels
            Number of pixels of the image, which bounds the number of matrices that it can show.

        Raises
        ------
        ValueError
            If facts are missing, or have values that fastheat does not write.
        """
        facts = self._facts or {}
        _check_version(facts)
        if missing := [name for name in _NEEDED if name not in facts]:
            raise ValueError(f"it has no note of its {missing[0]}")
        read = partial(_read, facts)
        shape = read("shape", _shapes)
        matrices = None if not isinstance(shape, dict) else sum(map(bool, shape.values()))
        if matrices is not None and matrices > pixels:
            raise ValueError(f"its note says {matrices} matrices in {pixels} pixels")
        dtype = read("dtype", partial(_form, shape=shape))
        limits = partial(_limits, matrices=matrices)
        end = partial(_read, self._closing)
        return Note(
            shape=shape,
            dtype=dtype,
            range=_range(facts, limits),
            first=_range(self._first, limits),
            look=read("look", _look),
            duration=read("duration", partial(_number, least=0, most=LONGEST_DURATION)),
            titled=read("titled", partial(_one_of, bool)),
            written=read("written", partial(_written_type, shape=shape)),
            sample=read("sample", partial(_samples, shape=shape)),
            xlim=read("xlim", partial(_whole, least=1, most=_MOST_FRAMES)),
            axes=read("axes", partial(_axes, shape=shape)) or {},
            seen=read("seen", partial(_seen, shape=shape)) or {},
            autoscale=read("autoscale", _autoscale),
            step=read("step", partial(_whole, least=-(1 << 62), most=1 << 62)),
            held=end("held", partial(_whole, least=-_MOST_DELAY, most=_MOST_DELAY)) or 0,
            ticks=end("ticks", partial(_whole, least=0, most=1 << 62)),
        )


def _check_version(facts: Mapping[str, Any]) -> None:
    """Raise ValueError if a note is of a version too old or too new to be read."""
    version, writer = facts.get("version"), facts.get("writer")
    if version is None and "mark" in facts:  # a hash that depended on the names of classes
        raise ValueError(
            "fastheat 0.1 wrote it, and later versions cannot continue its files: write a new one"
        )
    if type(version) is int and version > VERSION:
        name = short(writer).strip("'") if type(writer) is str else "of a later version"
        raise ValueError(
            f"fastheat {name} wrote it, of which this one, {fastheat.__version__}, knows too "
            "little to continue it: update fastheat"
        )
    if facts and (type(version) is not int or version < 1):
        raise ValueError(f"its note says version={short(version)}")


def says_held(comment: bytes) -> bool:
    """Return True if a comment says that the last frame is shown longer."""
    return "held" in _facts_in(comment)


def _facts_in(comment: bytes) -> dict[str, Any]:
    """Return the facts in a comment, none if it is not a note of this package."""
    if not comment.startswith(b'{"%s":' % NAME.encode()):
        return {}
    try:
        said = json.loads(comment, parse_int=_integer)
    except (ValueError, RecursionError):
        return {}
    facts = said.get(NAME) if isinstance(said, dict) else None
    return facts if isinstance(facts, dict) else {}


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:  # the time of int() is quadratic in the number of digits
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _read(facts: Mapping[str, Any], name: str, kind: Callable[[Any], _T]) -> _T:
    """Return a fact as checked by `kind`, or None if an optional one is missing."""
    value = facts.get(name)
    if value is None and name not in _NEEDED:
        return None  # type: ignore[return-value]
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError, KeyError):
        raise ValueError(f"its note says {name}={short(value)}") from None


def _number(
    value: Any, *, finite: bool = True, least: float = -math.inf, most: float = math.inf
) -> float:
    number = float(value) if type(value) in (int, float) else math.nan
    if finite and not (math.isfinite(number) and least <= number <= most):
        raise ValueError
    return number


def _whole(value: Any, *, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _one_of(kind: type[_T], value: Any) -> _T:
    if type(value) is not kind:
        raise ValueError
    return value


_text = partial(_one_of, str)


def _look(value: Any) -> dict[str, str]:
    if type(value) is not dict or len(value) > _MOST_ASPECTS:
        raise ValueError
    return {_text(name): _text(each) for name, each in value.items()}


def _autoscale(value: Any) -> str:
    if value != "frame":
        raise ValueError
    return "frame"


def _shapes(value: Any) -> Shapes:
    if isinstance(value, dict):
        return {name: _shape(value[name], (0, 2)) for name in check_names(value)}
    rows, columns = _shape(value, (2,))
    return rows, columns


def _shape(value: Any, dimensions: Sequence[int]) -> tuple[int, ...]:
    if type(value) is not list or len(value) not in dimensions:
        raise ValueError
    shape = tuple(_whole(side, least=1, most=MOST_CELLS) for side in value)
    if math.prod(shape) > MOST_CELLS:
        raise ValueError
    return shape


def _form(value: Any, shape: Shapes) -> np.dtype[Any]:
    if not isinstance(shape, dict):
        return _number_type(value)
    return form_of(shape, [_number_type(value[name]) for name in shape])


def _number_type(value: Any) -> np.dtype[Any]:
    return _NUMBERS[_text(value)]


def _written_type(value: Any, shape: Shapes) -> np.dtype[Any]:
    if not isinstance(value, dict):
        return TEXTS if value == "str" else _number_type(value)
    names = check_names(value)
    if not isinstance(shape, dict) or not set(names) <= set(shape):
        raise ValueError
    return np.dtype([(name, _written_type(value[name], (1, 1))) for name in names])


def _samples(value: Any, shape: Shapes) -> Samples:
    if not isinstance(shape, dict):
        return _sample(value)
    if not isinstance(value, dict) or not set(value) <= set(shape):
        raise ValueError
    return {name: _sample(value[name]) for name in value}


def _sample(value: Any) -> Sample:
    texts, span = value["texts"], value["span"]
    if type(texts) is not list or len(texts) > SAMPLED or not (span is None or len(span) == 2):
        raise ValueError
    if len(set("".join(map(_text, [*texts, value["letters"]])))) > MOST_DIFFERENT:
        raise ValueError
    return Sample(
        dtype=_written_type(value["dtype"], (1, 1)),
        texts=tuple(map(_text, texts)),
        letters=_text(value["letters"]),
        span=None if span is None else (_number(span[0]), _number(span[1])),
    )


def _axes(value: Any, shape: Shapes) -> dict[str, Axes]:
    shapes = shape if isinstance(shape, dict) else {"": shape}
    if type(value) is not dict or not set(value) <= set(shapes):
        raise ValueError
    found = {}
    for name, sides in value.items():
        rows, columns = (_axis(*pair) for pair in zip(sides, shapes[name], strict=True))
        found[name] = Axes(rows, columns)
    return found


def _axis(value: Any, count: int) -> Axis:
    name, texts, first, numeric = value
    if texts is not None:
        if type(texts) is not list or len(texts) != count:
            raise ValueError
        if len(set("".join(map(_text, texts)))) > MOST_DIFFERENT:
            raise ValueError
        texts = tuple(texts)
    if first is not None:
        first = _whole(first, least=-(1 << 63), most=1 << 64)
    return Axis(_text(name), texts, first, _one_of(bool, numeric))


def _seen(value: Any, shape: Shapes) -> dict[str, tuple[str, ...]]:
    if type(value) is not dict or not set(value) <= set(shape if isinstance(shape, dict) else [""]):
        raise ValueError
    if any(type(texts) is not list or len(texts) > MOST_SEEN for texts in value.values()):
        raise ValueError
    return {name: tuple(_text(text)[:LONGEST] for text in texts) for name, texts in value.items()}


def _limits(value: Any, matrices: int | None) -> tuple[float, ...]:
    """Return `vmin` or `vmax` of each matrix from a fact."""
    if matrices is None or (matrices == 1 and type(value) is not list):
        return (_number(value),)
    if type(value) is not list or len(value) != matrices:
        raise ValueError
    return tuple(map(_number, value))


def _range(facts: Mapping[str, Any], limits: Callable[[Any], tuple[float, ...]]) -> Range:
    pairs = zip(_read(facts, "vmin", limits), _read(facts, "vmax", limits), strict=True)
    return tuple(end for pair in pairs for end in pair)
