"""Timing in turn: every way gets its share of whatever else the machine does."""

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
    """What a case measured."""

    title: str
    header: list[str]
    rows: list[list[str]]
    figures: dict[str, float] = field(default_factory=dict)  # the ratios by name
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return it as it stands in the documentation."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return "\n\n".join([self.title, table, *self.notes])


@dataclass(frozen=True, slots=True)
class Seconds:
    """What each of several jobs took, round by round."""

    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]  # of the processor, in this process and in those it started


def in_turn(jobs: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """Run all jobs once a round, and time them."""
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
    """Return what this process and those that it waited for have used."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def ratio(slower: list[float], faster: list[float], scale: float = 1.0) -> float:
    """Return how many times slower, the median over rounds."""
    return scale * median(a / b for a, b in zip(slower, faster, strict=True))


@contextmanager
def one_core() -> Iterator[None]:
    """Let this process use one processor, where the system can be told so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(every)[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)
