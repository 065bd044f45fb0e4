"""Checks of arguments, shared by several folders."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

import numpy as np

from fastheat.messages import short


def is_series(value: object) -> TypeGuard[Iterable[Any]]:
    """Return True if a value can be iterated over, which a 0-dimensional array cannot."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0


def read_number(name: str, value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"expected {name} to be a number below 1e308") from None
    except (TypeError, ValueError):
        raise TypeError(f"expected {name} to be a number, not {short(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"expected {name} to be a finite number, not {short(value)}")
    return number


def read_positive(name: str, value: object, *, zero: bool = False) -> float:
    number = read_number(name, value)
    if number < 0 or (number == 0 and not zero):
        raise ValueError(
            f"expected {name} to be above 0{' or 0' if zero else ''}, not {short(value)}"
        )
    return number


def read_count(name: str, value: object) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"expected {name} to be a whole number, not {short(value)}") from None
    if number < 1:
        raise ValueError(f"expected {name} to be at least 1, not {short(value)}")
    return number


def read_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"expected {name} to be True or False, not {short(value)}")
    return bool(value)


def read_choice(name: str, value: object, choices: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"expected {name} to be one of {', '.join(choices)}, not {short(value)}")
    return value


AUTOSCALES = ("all", "grow", "frame")


def read_autoscale(value: object, ways: Iterable[str] = AUTOSCALES) -> str | None:
    """Return the source of ranges, or None if it follows from the frames."""
    return None if value is None else read_choice("autoscale", value, ways)


def defaults_of(function: Callable[..., object]) -> dict[str, Any]:
    """Return the keyword-only parameters of a function, with their defaults."""
    defaults: dict[str, Any] | None = function.__kwdefaults__
    assert defaults is not None
    return defaults


def is_whole(value: object) -> bool:
    """Return True for an integer of Python or numpy, but not for a bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
