"""The numbers in names of files and arrays: which of them counts steps, and the order it gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fastheat.messages import printable, warn

# before the number that counts, where names differ in several
COUNTED = (
    *("step", "steps", "globalstep", "iteration", "iterations", "iter", "it", "batch", "update"),
    *("epoch", "epochs", "ep", "e", "round", "checkpoint", "ckpt", "time", "t"),
)
# files beside numbered ones, which repeat one of these
_UNNUMBERED = frozenset({"last", "best", "latest", "final", "current"})
_MOST_DIGITS = 300  # of a number in a name
_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]\d+)?)", re.IGNORECASE)


class Steps(NamedTuple):
    """The order of some names, and the number of each in that order."""

    order: Sequence[int]  # places of the names
    numbers: tuple[float, ...]


def steps_in(names: Sequence[str]) -> Steps | None:
    """Return the steps of names that differ in one number or count in one, None for others."""
    parts = [_NUMBER.split(name) for name in names]
    if len(names) < 2 or any(each[::2] != parts[0][::2] for each in parts):
        return None
    numbers = [tuple(map(_number_of, each[1::2])) for each in parts]
    column = _counted(parts[0][::2], numbers)
    if column is None or len({each[column] for each in numbers}) < len(names):
        return None
    order = sorted(range(len(names)), key=lambda k: numbers[k][column])
    return Steps(order, tuple(numbers[k][column] for k in order))


def in_order(
    paths: Sequence[Path], *, given: bool, told: bool = False
) -> tuple[Sequence[Path], tuple[float, ...] | None]:
    """Return files sorted by the number that counts in their names, and these numbers.

    Files such as ``last`` and ``best`` among numbered ones are left out, with a warning unless the
    caller was `told`. Files that the caller listed one by one (`given`) may lack such a number.
    They keep their order, and None is returned for the numbers.
    """
    if len(paths) == 1:
        found = re.findall(r"\d+", paths[0].stem)
        return paths, (int(found[-1]),) if found else None
    paths = _numbered(paths, told)
    parts = [_NUMBER.split(str(path)) for path in paths]
    texts = [each[::2] for each in parts]
    numbers = [tuple(map(_number_of, each[1::2])) for each in parts]
    other = next((path for path, each in zip(paths, texts, strict=True) if each != texts[0]), None)
    column = _counted(texts[0], numbers) if other is None else None
    if column is None and given:
        return paths, None
    if other is not None:
        raise ValueError(
            f"expected files whose names differ in a number alone, not {str(paths[0])!r} and "
            f"{str(other)!r}"
        )
    if column is None:
        raise ValueError(
            f"expected files whose names differ in one number, not in several as {str(paths[0])!r} "
            f"and {str(paths[-1])!r}"
        )
    first: dict[float, Path] = {}
    for path, each in zip(paths, numbers, strict=True):
        same = first.setdefault(each[column], path)
        if same is not path:
            raise ValueError(
                f"expected one file of number {each[column]}, not {str(same)!r} and {str(path)!r}"
            )
    steps = tuple(sorted(first))
    return [first[step] for step in steps], steps


def _numbered(paths: Sequence[Path], told: bool) -> Sequence[Path]:
    """Return paths without files such as ``last`` and ``best``, if all others have a number."""
    kept = [path for path in paths if not _UNNUMBERED & set(_words(path.stem))]
    if len(kept) == len(paths) or not kept or not all(re.search(r"\d", p.stem) for p in kept):
        return paths
    left = ", ".join(printable(path.name)[:60] for path in paths if path not in set(kept))
    if not told:
        warn(f"left out {left[:300]}: beside numbered files, these repeat some of them")
    return kept


def _words(text: str) -> list[str]:
    return re.split(r"[^a-z]+", text.lower())


def _number_of(text: str) -> float:
    """Return a number as a whole one if it is written so."""
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a name with a number of {len(text)} digits, expected fewer")
    return int(text) if text.isdigit() else float(text)


def _counted(texts: Sequence[str], numbers: Sequence[tuple[float, ...]]) -> int | None:
    """Return the index of the number to sort names by, or None if there is none or it is ambiguous.

    That is the only number that differs, or among whole ones the only one, the one after a word
    such as "step", or the only one that differs in each name.
    """
    columns = range(len(numbers[0]))
    differing = [column for column in columns if len({each[column] for each in numbers}) > 1]
    if len(differing) < 2:
        return differing[0] if differing else max(columns, default=None)
    whole = _only(differing, lambda column: all(type(each[column]) is int for each in numbers))
    words = {column: _words(texts[column].rstrip("=-_. 0"))[-1] for column in whole}
    for word in COUNTED:
        called = [column for column in whole if words[column] == word]
        if len(called) == 1:
            return called[0]
    if len(whole) > 1:
        whole = _only(whole, lambda column: len({each[column] for each in numbers}) == len(numbers))
    return whole[0] if len(whole) == 1 else None


def _only(columns: Iterable[int], keep: object) -> list[int]:
    return [column for column in columns if keep(column)]  # type: ignore[operator]


class Family(NamedTuple):
    """Arrays of one name, of one per step: their own names in order, and their steps."""

    names: tuple[str, ...]
    steps: tuple[float, ...]
    named: bool  # whether the numbers stand alone, or after a word such as "step"


def families(names: Iterable[str]) -> dict[str, Family]:
    """Return the arrays whose names, parts between slashes or dots, count steps.

    The name of a family is theirs without the part that counts or its number, such as ``weight``
    for ``step_0/weight`` and ``step_10/weight``, and ``w`` for ``w_0`` and ``w_10``.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        found.setdefault(tuple(_NUMBER.split(name)[::2]), []).append(name)
    result: dict[str, Family] = {}
    for group in found.values():
        if (steps := steps_in(group)) is None:
            continue
        ordered = tuple(group[k] for k in steps.order)
        name, is_named = _without(ordered)
        result[name] = Family(ordered, steps.numbers, is_named)
    return result


def are_steps(names: Sequence[str], *, alone: bool) -> bool:
    """Return whether names say steps and nothing else, such as "step 10" and "step 20".

    With `alone`, a number without a word is a step too, and else that of a layer.
    """
    split = [_NUMBER.split(name) for name in names]
    if not names or any(each[::2] != split[0][::2] or len(each) != 3 for each in split):
        return False
    before, _, after = split[0]
    words = _words(before.rstrip("=-_.: #"))
    return not after and (alone if not before else words[-1] in COUNTED)


def _without(names: Sequence[str]) -> tuple[str, bool]:
    """Return a name without the part in which it differs, and whether that counts steps for sure.

    Numbers between dots are those of layers, as in ``0.weight``.
    """
    first, second = (re.split(r"([/.])", name) for name in (names[0], names[1]))
    place = next(k for k, (a, b) in enumerate(zip(first, second, strict=True)) if a != b)
    word = re.sub(r"\d.*$", "", first[place]).rstrip("=-_ ")
    if not word or _words(word)[-1] in COUNTED:
        kept = [part for k, part in enumerate(first[::2]) if 2 * k != place]
        mark = "/" if "/" in names[0] else "."
        ends = (0, len(first) - 1) if mark == "/" or len(first) == 1 else ()
        return mark.join(kept), bool(word) or place in ends
    return "".join([*first[:place], word, *first[place + 1 :]]), False
