"""Choice of one array in a file by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastheat.messages import short, suggest

LISTED = 300  # characters of names and shapes in an error message
SHAPES = {2: "(N, M)", 3: "(T, N, M)"}


def pick(shapes: Mapping[str, tuple[int, ...]], name: str | None, rank: int) -> str:
    """Return the name of the array to read: the given one, or that of the only suitable array.

    Parameters
    ----------
    shapes
        The shapes of all arrays, by name.
    name
        The requested name, or None. A named array may have up to two dimensions less.
    rank
        The number of dimensions of a suitable array, 2 or 3.

    Raises
    ------
    ValueError
        If there is no such array, or no name is given and several are suitable. The message lists
        the arrays.
    """
    fitting = [each for each, shape in shapes.items() if len(shape) == rank and 0 not in shape]
    if name is None:
        if len(fitting) == 1:
            return fitting[0]
        found = f"{len(fitting)} tensors" if fitting else "no tensor"
        wish = ", expected tensor= to name one" if fitting else ""
        raise ValueError(f"it holds {found} of shape {SHAPES[rank]}{wish}: {listed(shapes, rank)}")
    if name not in shapes:
        near = suggest(name, shapes) or ";"
        raise ValueError(f"it holds no tensor {short(name)}{near} it has {listed(shapes, rank)}")
    shape = shapes[name]
    if not rank - 2 <= len(shape) <= rank or 0 in shape:
        hint = "; give arrays that are reshaped" if rank == 2 and len(shape) > 2 else ""
        raise ValueError(
            f"tensor {short(name)} has shape {short(shape)}, expected {SHAPES[rank]}{hint}"
        )
    return name


def listed(shapes: Mapping[str, tuple[int, ...]], rank: int) -> str:
    """Return names and shapes as text, shortened if long, with arrays of the given rank first."""
    names = sorted(shapes, key=lambda name: len(shapes[name]) != rank)
    shown: list[str] = []
    for name in names:
        own = f"{_short(name)} {short(shapes[name])}"
        if shown and len(", ".join([*shown, own])) > LISTED:
            break
        shown.append(own)
    others = names[len(shown) :]
    if not others:
        return ", ".join(shown) or "nothing"
    alike = sum(len(shapes[name]) == rank and 0 not in shapes[name] for name in others)
    fitting = f", {alike} of them {SHAPES[rank]}" if alike else ""
    return f"{', '.join(shown)} and {len(others)} more{fitting}"


def _short(name: str) -> str:
    return ascii(name if len(name) <= 60 else f"{name[:20]}...{name[-37:]}")


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dictionary, or raise ValueError if a name occurs twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found
