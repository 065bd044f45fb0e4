"""Containers of arrays and settings that a file holds: which of their values are frames."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from math import nan
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from fastheat.inputs.sources.arrays import NESTED, REAL
from fastheat.inputs.sources.named import LISTED, SHAPES
from fastheat.inputs.sources.numbering import Family, are_steps, families
from fastheat.inputs.sources.pickle_globals import Unread
from fastheat.inputs.sources.shapes import as_row
from fastheat.messages import many, short, suggest

_STEPS = (int, float, datetime.date)
_DEEPEST = 50  # nested dictionaries
_MOST_NAMES, _MOST_LETTERS = 200_000, 1 << 25
_MISSING = object()
MOST_NUMBERS = 100  # in the list of an error


class Frames(NamedTuple):
    """Frames in containers.

    Attributes
    ----------
    values
        The frames.
    steps
        The step of each, if dictionaries have these as keys.
    name
        The key of each in a dictionary of its own, or "". With a name, vectors are matrices of one
        row, and numbers are those of a line.
    """

    values: Any
    steps: Sequence[Any] | None = None
    name: str = ""


def choose(content: Any, tensor: str | None) -> Frames:
    """Return the frames in the content of a file: the named ones, or the only ones.

    Dictionaries of stacks are frames of panels. Names have dots between the keys of nested
    dictionaries; in a list of dictionaries, they are keys of each.

    Raises
    ------
    ValueError
        If there are none, or several beside values that are none; the message lists all.
    """
    if tensor is not None:
        value = named(content, tensor)
        if isinstance(value, Frames):
            return value
        if is_number(value):  # of a single frame
            return Frames([value], None, tensor)
        if are_parts(value):
            return Frames(value, None, tensor)
        stepped = _steps_of(value) if isinstance(value, dict) else None
        if stepped is not None and are_parts(stepped[0]):
            return Frames(*stepped, tensor)
        inner = isinstance(value, dict) and _steps_of(value) is None
        return choose(value, None) if inner else _as_frames(value)
    if not isinstance(content, dict) or _steps_of(content) is not None:
        return _as_frames(content)
    kinds = set(map(kind_of, content.values()))
    if "frames" in kinds and kinds <= {"frames", "line"}:
        if len(content) == 1:
            return _as_frames(next(iter(content.values())))
        return Frames({name: _as_frames(each) for name, each in content.items()})
    if (only := history_in(content)) is not None:
        return only
    matrices = [each for _, each in entries(content) if kind_of(each) == "matrix"]
    if len(matrices) == 1:
        return Frames(matrices[0])
    count = f"{len(matrices)} matrices" if matrices else "no frames"
    wish = ", expected tensor= to name one" if matrices else ", expected arrays (T, N, M)"
    raise ValueError(f"it holds {count}{wish}: {listed(content)}")


def history_in(content: Any) -> Frames | None:
    """Return the only frames in containers, or None if there are none.

    Raises
    ------
    ValueError
        If there are several.
    """
    if not isinstance(content, dict):
        return _as_frames(content) if kind_of(content) == "frames" else None
    if _steps_of(content) is not None:
        return _as_frames(content)
    found: dict[str, list[Any]] = {"frames": [], "matrix": []}
    for _, value in entries(content):
        found.get(kind_of(value), []).append(value)
    frames = found["frames"]
    if len(frames) > 1 or (frames and found["matrix"]):
        beside = f" and {len(found['matrix'])} of {SHAPES[2]}" if found["matrix"] else ""
        raise ValueError(
            f"it holds {many(len(frames), 'array')} of shape {SHAPES[3]}{beside}, expected tensor= "
            f"to name one: {listed(content)}"
        )
    return _as_frames(frames[0]) if frames else None


def named(content: Any, name: str) -> Any:
    """Return the value of a name in containers, or raise ValueError that lists the names.

    Where it is a key of each of several dictionaries, its values are `Frames`.
    """
    value = _find_or_family(content, name)
    if value is not _MISSING:
        if isinstance(value, (str, bytes, type(None))):
            raise ValueError(
                f"{short(name)} is {described(value)}, expected matrices: it has {listed(content)}"
            )
        return value
    if isinstance(content, Unread):
        raise content.error
    pairs = _pairs_in(content)
    if pairs is not None and isinstance(pairs[0][0], dict):
        content = pairs[0]
    if not isinstance(content, dict) and not are_records(content):
        raise ValueError(f"it holds frames without names, not {name!r}")
    first = content if isinstance(content, dict) else content[0]
    near = suggest(name, [each for each, _ in entries(first)]) or ";"
    raise ValueError(f"it holds no {short(name)}{near} it has {listed(first)}")


def has(content: Any, name: str) -> bool:
    """Return whether containers have a value of a name."""
    return _find_or_family(content, name) is not _MISSING


def _find_or_family(content: Any, name: str) -> Any:
    """Return the value of a name, or of all steps as `Frames` if names of values begin with these.

    So "w" stands for "step_0.w" and "step_10.w".
    """
    value = _find(content, name, 0)
    if value is not _MISSING or not isinstance(content, dict):
        return value
    each = dict(entries(content))
    family = families(each).get(name)
    if family is None or not family.named:
        return _MISSING
    return Frames([each[own] for own in family.names], family.steps, name)


def _find(content: Any, name: str, depth: int) -> Any:
    if depth > _DEEPEST:
        return _MISSING
    if depth and isinstance(content, Unread):  # what is asked for is in it
        return content
    if isinstance(content, Mapping):
        if name in content:
            return content[name]
        for key, value in content.items():
            text = str(key) if isinstance(key, (str, *_STEPS)) else ""
            if text == name:
                return value
            if text and name.startswith(f"{text}."):
                found = _find(value, name[len(text) + 1 :], depth + 1)
                if found is not _MISSING:
                    return found
        stepped = _steps_of(content)
        return _MISSING if stepped is None else _find_in_each(*stepped, name, depth)
    if are_records(content):
        return _find_in_each(content, None, name, depth)
    if (pairs := _pairs_in(content)) is not None and isinstance(pairs[0][0], dict):
        return _find_in_each(*pairs, name, depth)
    first, _, rest = name.partition(".")
    if not (isinstance(content, NESTED) and first.isdigit() and len(first) < 10):
        return _MISSING
    if int(first) >= len(content):
        return _MISSING
    return _find(content[int(first)], rest, depth + 1) if rest else content[int(first)]


def _find_in_each(
    records: Sequence[Any], steps: Sequence[Any] | None, name: str, depth: int
) -> Any:
    found = [_find(each, name, depth + 1) for each in records]
    lacking = [number for number, each in enumerate(found) if each is _MISSING]
    if len(lacking) == len(found):
        return _MISSING
    if lacking:
        place = f"object {lacking[0]}" if steps is None else f"step {short(steps[lacking[0]])}"
        raise ValueError(f"{place} has no {short(name)}, expected one in each")
    values = [each.values if isinstance(each, Frames) else each for each in found]
    return Frames(values, steps, name)


def are_parts(value: Any) -> bool:
    """Return whether a sequence holds vectors or numbers, those of each step."""
    if not isinstance(value, NESTED) or not value:
        return False
    first = next((each for each in value if each is not None), None)
    return is_number(first) or len(_shape_of(first) or ()) == 1


def is_number(value: Any) -> bool:
    """Return whether a value is a number, or an array of no dimensions."""
    return isinstance(value, Real) or _shape_of(value) == ()


def of_each(frames: Frames) -> Any:
    """Return values in memory that have one name: numbers as a line, and vectors as rows.

    Raises
    ------
    ValueError
        If only some are numbers.
    """
    values = frames.values
    if any(map(is_number, values)):  # a metric that is not computed at each step
        values = [nan if value is None else value for value in values]
    if not is_number(values[0]):
        for number, value in enumerate(values):
            if not isinstance(value, (*NESTED, dict)) and not _shape_of(value):
                raise ValueError(
                    f"{short(frames.name)} of frame {number} is {described(value)}, expected a "
                    "matrix or vector"
                )
        return [as_row(value) for value in values]
    line = np.empty(len(values))
    for number, value in enumerate(values):
        if not is_number(value):
            raise ValueError(
                f"{short(frames.name)} of frame {number} is {described(value)}, expected a number "
                "as in frame 0"
            )
        if getattr(getattr(value, "dtype", None), "kind", "f") not in REAL:
            raise ValueError(
                f"{short(frames.name)} of frame {number} has dtype {value.dtype}, expected real "
                "numbers"
            )
        try:
            line[number] = value
        except OverflowError:
            raise ValueError(
                f"{short(frames.name)} of frame {number} is too large for a float"
            ) from None
    return line


def are_records(content: Any) -> bool:
    """Return whether a sequence holds dictionaries alone."""
    return isinstance(content, NESTED) and bool(content) and set(map(type, content)) == {dict}


def _steps_of(content: Mapping[Any, Any]) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """Return the values of a dictionary of frames by step, and their steps, or None.

    The keys are numbers or dates, in any order, or texts that differ in a number, in which case the
    frames are in the order of these.
    """
    if not content:
        return None
    if all(isinstance(key, _STEPS) and not isinstance(key, bool) for key in content):
        return list(content.values()), list(content)
    if not all(isinstance(key, str) for key in content):
        return None
    values = list(content.values())
    records, shapes = are_records(values), set(map(_shape_of, values))
    if not records and (len(shapes) > 1 or len(shapes.pop() or ()) != 2):
        return None
    family = _family_of(tuple(content), records)
    return family and ([content[name] for name in family.names], family.steps)


@lru_cache(maxsize=64)  # a file can have one dictionary in very many places
def _family_of(names: tuple[str, ...], records: bool) -> Family | None:
    """Return the steps that names say, or None; those of `records` are words with numbers alone."""
    if records and not are_steps(names, alone=False):
        return None
    found = list(families(names).values())
    sole = len(found) == 1 and found[0].named and len(found[0].names) == len(names)
    return found[0] if sole else None


def _as_frames(value: Any) -> Frames:
    if isinstance(value, dict) and (found := _steps_of(value)) is not None:
        return Frames(*found)
    if (found := _pairs_in(value)) is not None:
        return Frames(*found)
    return Frames(value)


def _is_pair(value: Any) -> bool:
    """Return whether a value is a pair (step, matrix), or one of a step and several matrices."""
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[0], (*_STEPS, str)):
        return False
    return isinstance(value[1], dict) or _rank_of(value[1]) == 2


def _pairs_in(value: Any) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """Return the second and the first items of a list of pairs (step, matrix), or None."""
    if not isinstance(value, NESTED) or not value or not all(map(_is_pair, value)):
        return None
    steps, frames = zip(*value, strict=True)
    return frames, steps


def kind_of(value: Any) -> str:
    """Return "frames", "matrix", "line", or "" for a value that is none of these."""
    if isinstance(value, NESTED) and value and _is_pair(value[0]):
        return "frames"
    rank = _rank_of(value)
    if rank is not None:
        return {1: "line", 2: "matrix", 3: "frames"}.get(rank, "")
    if isinstance(value, NESTED) and value and isinstance(value[0], dict):
        return "frames"
    if isinstance(value, dict) and (found := _steps_of(value)) is not None:
        return "frames" if _rank_of(found[0][0]) == 2 or isinstance(found[0][0], dict) else ""
    return ""


def _shape_of(value: Any) -> tuple[int, ...] | None:
    shape = getattr(value, "shape", None)
    return tuple(shape) if isinstance(shape, tuple) else None


def _rank_of(value: Any) -> int | None:
    """Return the number of dimensions of an array or of nested sequences, or None."""
    depth = 0
    while isinstance(value, NESTED) and value and depth < 4:
        depth += 1
        value = value[0]
    if (shape := _shape_of(value)) is not None:
        return depth + len(shape)
    return depth if depth and isinstance(value, Real) else None


def entries(content: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the values in nested dictionaries with their dotted names."""
    waiting: list[tuple[str, Any, int]] = [("", content, 0)]
    count = letters = 0
    while waiting:
        name, value, depth = waiting.pop()
        letters += len(name)
        if letters > _MOST_LETTERS:
            raise ValueError(f"its names have over {_MOST_LETTERS} letters, expected fewer")
        inner = isinstance(value, dict) and depth < _DEEPEST
        if not inner or (depth and kind_of(value) == "frames"):
            yield name, value
            if (count := count + 1) > _MOST_NAMES:
                raise ValueError(f"it has over {_MOST_NAMES} values, expected tensor= to name one")
            continue
        for key, each in reversed(value.items()):
            own = str(key)[:1000] if isinstance(key, (str, *_STEPS)) else "..."
            waiting.append((f"{name}.{own}" if name else own, each, depth + 1))


def listed(content: Any) -> str:
    """Return names and descriptions of the values in containers, shortened if there are many."""
    shown: list[str] = []
    names = list(entries(content)) if isinstance(content, dict) else [("", content)]
    for name, value in names:
        own = ascii(name if len(name) <= 60 else f"{name[:20]}...{name[-37:]}")
        own = f"{own} {described(value)}" if name else described(value)
        if shown and len(", ".join([*shown, own])) > LISTED:
            break
        shown.append(own)
    others = len(names) - len(shown)
    return ", ".join(shown) + (f" and {others} more" if others else "") or "nothing"


def numbers_in(content: Any) -> dict[str, Any]:
    """Return some of the numbers in dictionaries, by their dotted names."""
    each = entries(content) if isinstance(content, dict) else ()
    return dict(islice(((name, value) for name, value in each if is_number(value)), MOST_NUMBERS))


def described(value: Any) -> str:
    """Return what a value is, for errors."""
    if (shape := _shape_of(value)) is not None:
        return short(shape)
    if isinstance(value, dict) and (found := _steps_of(value)) is not None:
        value = found[0]
    if isinstance(value, (*NESTED, dict)):
        first = next(iter(value), None)
        shape = _shape_of(first)
        return f"{len(value)} of {short(shape)}" if shape else f"a {type(value).__name__}"
    if isinstance(value, Real):
        return "a number"
    known = {str: "text", bytes: "bytes", type(None): "None"}
    if isinstance(value, Unread):
        return short(value.name)[1:-1]
    return known.get(type(value)) or type(value).__name__
