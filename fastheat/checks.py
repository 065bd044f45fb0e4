"""Checks of arguments, shared by several folders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard


def is_series(value: object) -> TypeGuard[Iterable[Any]]:
    """Return True if a value can be iterated over, which a 0-dimensional array cannot."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0
