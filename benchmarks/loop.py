"""A training loop of 10 ms per step, with and without a matrix recorded at each step.

Run as a program, it measures the first loop of a process: ``python benchmarks/loop.py steps file``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import fastheat


@dataclass(frozen=True, slots=True)
class Took:
    """Durations of loops, and of the call that is compared in each step."""

    loops: list[float] = field(default_factory=list)  # seconds
    calls: list[float] = field(default_factory=list)  # seconds
    opened: list[float] = field(default_factory=list)  # seconds that opening a writer took


def measure(folder: Path, rounds: int, steps: int) -> dict[str, Took]:
    """Run the loop unchanged, copying its matrix, and recording its matrix, in turn."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (256, 256)).astype(np.float32)
    slopes = rng.normal(0, 0.01, (16, 256, 256)).astype(np.float32)
    work = rng.normal(0, 1, 1 << 14)
    # calls that together take 10 ms, on one thread and without the interpreter's lock
    begun = time.perf_counter()
    for _ in range(200):
        np.tanh(work)
    turns = round(200 * 0.010 / (time.perf_counter() - begun))
    buffer = np.empty_like(weights)

    def loop(took: Took, use: Callable[[], object] | None) -> None:
        begun = time.perf_counter()
        for step in range(steps):
            for _ in range(turns):
                np.tanh(work)
            np.add(weights, slopes[step % 16], out=weights)
            if use is not None:
                start = time.perf_counter()
                use()
                took.calls.append(time.perf_counter() - start)
        took.loops.append(time.perf_counter() - begun)

    def recorded(took: Took) -> None:
        opened = fastheat.GifWriter  # the attribute imports the module, which is not timed
        begun = time.perf_counter()
        with opened(folder / "loop.gif", vmin=-3, vmax=3) as writer:
            took.opened.append(time.perf_counter() - begun)
            loop(took, lambda: writer.add(weights))

    ways: dict[str, Callable[[Took], None]] = {
        "plain": lambda took: loop(took, None),
        "copied": lambda took: loop(took, lambda: np.copyto(buffer, weights)),
        "recorded": recorded,
    }
    took = {name: Took() for name in ways}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # values out of range
        for _ in range(rounds):
            for name, way in ways.items():
                way(took[name])
            # processor speed drifts by more than the effect: average plain loops before and after
            ways["plain"](took["plain"])
            loops = took["plain"].loops
            loops[-2:] = [(loops[-2] + loops[-1]) / 2]
    return took


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        result = measure(Path(place), 1, int(sys.argv[1]))
    Path(sys.argv[2]).write_text(json.dumps({name: asdict(took) for name, took in result.items()}))
