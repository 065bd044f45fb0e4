"""Timing of jobs in turn, so that other load on the machine affects all of them alike."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Table:
    """A table of what a case measured."""

    title: str
    header: list[str]
    rows: list[list[str]]
    figures: dict[str, float] = field(default_factory=dict)  # ratios and other results by name
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the table as Markdown, as it appears in the documentation."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return "\n\n".join([self.title, table, *self.notes])


@dataclass(frozen=True, slots=True)
class Seconds:
    """Durations of several jobs, round by round."""

    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]  # processor time of this process and of the ones that it started


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Run and time every job once per round."""
    seconds = Seconds({name: [] for name in jobs}, {name: [] for name in jobs})
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            used, start = _processor_seconds(), time.perf_counter()
            job()
            seconds.wall[name].append(time.perf_counter() - start)
            seconds.cpu[name].append(_processor_seconds() - used)
    return seconds


def _processor_seconds() -> float:
    """Return the processor time of this process and of the children that it waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def ratio(slower: list[float], faster: list[float], scale: float = 1.0) -> float:
    """Return how many times slower the slower one is: the median over rounds."""
    return scale * median(a / b for a, b in zip(slower, faster, strict=True))


@contextmanager
def one_core() -> Iterator[None]:
    """Restrict this process to one processor, where the system supports that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)
