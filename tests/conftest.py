"""Fixtures and settings that the tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import oracles
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from fastheat.figure import base
from fastheat.layout.layout import Shown
from fastheat.render import encode
from fastheat.render.kernels import jit
from fastheat.render.stills import paint

# no deadline per example, since some kernels compile at their first call
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# background jobs of a shell ignore Ctrl-C, and so would the processes that tests start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# tests that need large packages or minutes run only when asked for
collect_ignore = [] if "FASTHEAT_SLOW_TESTS" in os.environ else ["integration"]


def _check_stills() -> None:
    """Compare every still that the kernels draw in any test with the one that numpy draws."""

    def checked(*args: Any, **options: Any) -> tuple[NDArray[np.uint8], Shown]:
        picture, shown = paint(*args, **options)
        expected, as_shown = oracles.paint(*args, **options)
        np.testing.assert_array_equal(picture, expected)
        assert shown == as_shown
        return picture, shown

    for module in (base, encode):
        module.paint = checked  # type: ignore[attr-defined]


_check_stills()

# the fallback where machine code cannot be loaded
if os.environ.get("FASTHEAT_TEST_KERNELS") == "numba":
    from fastheat.render.kernels.compiling import run_through_numba

    jit._run = run_through_numba()


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the kernels as plain Python."""
    monkeypatch.setattr(jit, "_run", jit.run_plainly)


@pytest.fixture(scope="session")
def dejavu() -> str:
    """Return the path of matplotlib's DejaVu Sans."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    assert path.is_file()
    return str(path)
