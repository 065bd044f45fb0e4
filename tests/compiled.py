"""Helper kernels, which only kernels call, compiled by numba so that tests can call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastheat.render.kernels.compiling import OPTIONS, Copies

_COPIES = Copies()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function, whose calls of other kernels are resolved in its own module."""
    dispatcher: Callable[..., Any] = _COPIES.compiled(function, OPTIONS)
    return dispatcher
