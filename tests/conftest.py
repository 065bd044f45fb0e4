"""What the tests share: a font, and how hard hypothesis tries."""

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

# Some kernels compile at their first call, so no example has a deadline.
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# A shell's background jobs, and what they start, inherit that Ctrl-C is ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# what needs large packages or minutes is run by name
collect_ignore = [] if "FASTHEAT_SLOW_TESTS" in os.environ else ["integration"]


def _check_stills() -> None:
    """Compare each picture that kernels draw at once, anywhere, with what numpy makes of it."""

    def checked(*args: Any, **options: Any) -> tuple[NDArray[np.uint8], Shown]:
        picture, shown = paint(*args, **options)
        expected, as_shown = oracles.paint(*args, **options)
        np.testing.assert_array_equal(picture, expected)
        assert shown == as_shown
        return picture, shown

    for module in (base, encode):
        module.paint = checked  # type: ignore[attr-defined]


_check_stills()

if os.environ.get("FASTHEAT_TEST_KERNELS") == "numba":  # as where machine code cannot be loaded
    from fastheat.render.kernels.compiling import run_through_numba

    jit._run = run_through_numba()


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run kernels as the Python that they are written in."""
    monkeypatch.setattr(jit, "_run", jit.run_plainly)


@pytest.fixture(scope="session")
def dejavu() -> str:
    """Return the path of the DejaVu Sans that matplotlib draws with."""
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    assert path.is_file()
    return str(path)
