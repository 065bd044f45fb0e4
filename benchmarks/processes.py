"""Whole processes, timed from outside, with their peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used."""

    wall: float  # seconds
    cpu: float  # seconds
    peak: float  # MiB resident


def run(
    arguments: Sequence[str], *, cores: int | None = None, cold: bool = False, root: Path
) -> Usage:
    """Run Python with `arguments` and return what it used.

    Parameters
    ----------
    cores
        The most processors that it may use.
    cold
        Whether kernels are compiled anew.
    root
        The folder that fastheat and the benchmarks are imported from.
    """
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": str(root)}

    def limit() -> None:
        if cores is not None:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

    with tempfile.TemporaryDirectory() as cache:
        if cold:
            environment["NUMBA_CACHE_DIR"] = cache
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            preexec_fn=limit,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
