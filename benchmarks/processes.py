"""Whole processes, timed from outside, and their peak memory.

Run as a program, this module is the launcher in between. A process inherits the peak memory of the
process that starts it, so that one has to be small.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """Time and memory that a process used."""

    wall: float  # seconds
    cpu: float  # seconds
    peak: float  # MiB resident


def run(
    arguments: Sequence[str],
    *,
    cores: int | None = None,
    fresh: bool = False,
    path: Path | None = None,
) -> Usage:
    """Run Python with `arguments` and return the time and memory that it used.

    Parameters
    ----------
    cores
        How many processors it may use; None for all.
    fresh
        Whether to give it a new, empty home folder.
    path
        A folder to import modules from before all others; None imports the installed ones.
    """
    environment = os.environ | {"MPLBACKEND": "Agg"}
    environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    with tempfile.TemporaryDirectory() as home:
        if fresh:
            for name in ("XDG_CACHE_HOME", "FASTHEAT_CACHE_DIR", "LOCALAPPDATA"):
                environment.pop(name, None)
            environment["HOME"] = home
        # not run in the folder of the sources, which would be imported then
        launcher = [sys.executable, __file__, str(cores or 0), *arguments]
        result = subprocess.run(
            launcher, env=environment, cwd=home, stdout=subprocess.PIPE, check=True
        )
    return Usage(**json.loads(result.stdout))


def _launch(cores: int, arguments: Sequence[str]) -> Usage:
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    command = [sys.executable, *arguments]
    start = time.perf_counter()
    process = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - start
    if code := os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(code, command)
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    print(json.dumps(asdict(_launch(int(sys.argv[1]), sys.argv[2:]))))
