"""Checks of arguments that several rooms share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard


def is_series(value: object) -> TypeGuard[Iterable[Any]]:
    """Return whether there is one after the other in a value, as in no array without dimensions."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0
