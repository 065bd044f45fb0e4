"""Kernels made ready before a frame needs them, without holding up a loop."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from fastheat.arrays import Floats
from fastheat.encode import encode_between, encode_chunk
from fastheat.heatmap import Heatmap
from fastheat.layout import Layout
from fastheat.mosaic import Mosaic
from fastheat.panels import Panels
from fastheat.picture import Picture
from fastheat.reduce import Reduction

NICENESS = 10  # of the process that compiles: it has time while others have none to do
TURN = 0.05  # s


def kinds_of(layout: Layout | Mosaic) -> tuple[str, ...]:
    """Return the kinds of layouts whose kernels draw one."""
    parts = layout.parts if isinstance(layout, Mosaic) else (layout,)
    kinds = dict.fromkeys("texts" if part.writes else "fills" for part in parts)
    if isinstance(layout, Layout):
        return ("panels", *kinds) if layout.bars else tuple(kinds)
    return ("panels", *kinds) if layout.plot is None else ("panels", *kinds, "lines")


def load(kinds: Sequence[str], grows: bool, ways: Sequence[str] = ()) -> None:
    """Load what frames need, or compile it, by drawing something small.

    Parameters
    ----------
    kinds
        As `kinds_of` gives them.
    grows
        Whether a frame may be one of another layout than that before it.
    ways
        How matrices are reduced.
    """
    options: dict[str, Any] = {"vmin": 0, "vmax": 1}
    written = {"texts": "{x:.2f}", "fills": None}
    picture: Picture
    if "panels" in kinds:
        own = {kind: {"valfmt": written[kind]} for kind in kinds[1:] if kind in written}
        lines = "lines" if "lines" in kinds else None
        picture = Panels(dict.fromkeys(own, (1, 1)), options=own, lines=lines, **options)
        zero, one = np.zeros(len(kinds) - 1), np.ones(len(kinds) - 1)
    else:
        picture = Heatmap((1, 1), valfmt=written[kinds[0]], **options)
        zero, one = np.zeros((1, 1)), np.ones((1, 1))
    layout = picture.layout()
    encode_chunk(layout, None, np.stack([zero, one]))
    if grows:
        encode_between(layout, zero, "", None, layout, one, "", None)
    for how in ways:
        Reduction((2, 2), (1, 1), how).into(Floats(), np.zeros((1, 1, 1)), np.zeros((1, 2, 2)), 0)


def load_kept() -> None:
    """Load what is on disk of what any frame may need, and compile nothing."""
    with suppress(_Missing), _refusing():
        for kinds in (("fills",), ("texts",)):
            load(kinds, grows=False)


def load_beside(
    kinds: Sequence[str], grows: bool, ways: Sequence[str], meanwhile: Callable[[], object]
) -> None:
    """Load what frames need; a process of its own compiles what is not on disk.

    To compile takes seconds and holds the interpreter's lock, whatever thread does it. `meanwhile`
    is called again and again while it lasts.
    """
    from fastheat import kernels

    with _lock:  # what one has compiled, others find
        try:
            with _refusing():
                load(kinds, grows, ways)
        except _Missing:
            if kernels.on_disk and _has_interpreter():
                with suppress(OSError):
                    _compile(kinds, grows, ways, meanwhile)
            load(kinds, grows, ways)


@contextmanager
def _refusing() -> Iterator[None]:
    """Raise `_Missing` where this thread would compile."""
    from fastheat import kernels

    thread = threading.get_ident()

    def refuse() -> None:
        if threading.get_ident() == thread:
            raise _Missing

    with kernels.on_compiling(refuse):
        yield


class _Missing(BaseException):
    """A kernel that is not on disk. Nothing that wraps errors wraps it."""


def _compile(
    kinds: Sequence[str], grows: bool, ways: Sequence[str], meanwhile: Callable[[], object]
) -> None:
    code = (
        "import os, sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        f"getattr(os, 'nice', abs)({NICENESS})\n"
        "from fastheat.loading import load\n"
        f"load({kinds!r}, {grows!r}, {ways!r})"
    )
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=nothing,
        stdout=nothing,
        stderr=nothing,
        start_new_session=True,  # Ctrl-C is for the loop
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    # whatever becomes of it: what is not on disk then is compiled here, where errors are told
    while process.poll() is None:
        meanwhile()
        time.sleep(TURN)


def _has_interpreter() -> bool:
    """Return whether `sys.executable` is a Python to run, and not a program that holds one."""
    name = Path(sys.executable or "").name.lower()
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)


_lock = threading.Lock()


def _forked() -> None:
    global _lock
    _lock = threading.Lock()  # the thread that may have held it is not in this process


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
