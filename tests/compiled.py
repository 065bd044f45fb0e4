"""Kernels that only kernels call, compiled by numba so that tests can call them too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastheat.render.kernels.compiling import OPTIONS, Copies

_COPIES = Copies()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function; the kernels that it calls are globals of its module."""
    dispatcher: Callable[..., Any] = _COPIES.compiled(function, OPTIONS)
    return dispatcher
