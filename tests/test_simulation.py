"""The simulation of more workers, compared with closed formulas and with real executors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulation import LIMITS, Steps, simulate
from fastheat.pipeline.workers import Pace, Result, WorkerPool

STEPS = Steps(frame=3e-3, job=2e-3, give=4e-4, join=1e-4, write=5e-5)
FREE = replace(STEPS, give=0.0, join=0.0, write=0.0)
seconds = st.floats(1e-6, 1.0)


def pace(frames: int = 5) -> Pace:
    """Return a pace at which all jobs have the same number of frames."""
    return Pace(frames, frames, 1.0)


@dataclass(frozen=True)
class Counted:
    """A job that is its own result, of no bytes."""

    frames: range

    def run(self) -> Result[Counted]:
        return Result(self, 0)

    def each(self) -> Iterator[Counted]:
        return iter(())


@dataclass
class Told(Pace):
    """A pace that tells another pace the durations that jobs would have had."""

    other: Pace
    each: float

    def __init__(self, other: Pace, each: float) -> None:
        super().__init__(other.frames, other.most, other.wanted)
        self.other, self.each = other, each

    def took(self, frames: int, seconds: float, nbytes: int = 0) -> None:
        self.other.took(frames, self.each * frames, nbytes)


class Virtual(Executor):
    """Workers with given durations, and a virtual clock that advances when results are awaited."""

    def __init__(self, workers: int, each: float) -> None:
        self.now, self.each = 0.0, each
        self.free = [0.0] * workers

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        result = fn(*args, **kwargs)
        worker = min(range(len(self.free)), key=self.free.__getitem__)
        ended = max(self.now, self.free[worker]) + self.each * len(args[0].frames)
        self.free[worker] = ended
        return Coming(self, ended, result)


class Coming(Future[Any]):
    """A result that is available at a given time."""

    def __init__(self, executor: Virtual, time: float, value: Any) -> None:
        super().__init__()
        self.executor, self.time = executor, time
        self.set_result(value)

    def done(self) -> bool:
        return self.time <= self.executor.now

    def result(self, timeout: float | None = None) -> Any:
        self.executor.now = max(self.executor.now, self.time)
        return super().result(timeout)


def _jobs(pace: Pace, frames: int) -> Iterator[Counted]:
    start = 0
    while start < frames:
        stop = min(frames, start + pace.frames)
        yield Counted(range(start, stop))
        start = stop


def test_one_worker_takes_what_its_jobs_take_after_another() -> None:
    outcome = simulate(FREE, 1, 500, pace())
    assert outcome.jobs == 100
    assert outcome.seconds == pytest.approx(100 * (2e-3 + 5 * 3e-3))
    assert outcome.limit == "workers"
    assert outcome.busy["workers"] == pytest.approx(1)


def test_joining_goes_on_beside_one_worker() -> None:
    first, last = STEPS.give, 5 * (STEPS.join + STEPS.write)
    outcome = simulate(STEPS, 1, 500, pace())
    assert outcome.seconds == pytest.approx(first + 100 * (2e-3 + 5 * 3e-3) + last)


@pytest.mark.parametrize("workers", [2, 3, 64])
def test_workers_are_that_many_times_as_fast_where_the_join_is_free(workers: int) -> None:
    one = simulate(FREE, 1, 5 * 640 * 3, pace()).seconds
    assert one / simulate(FREE, workers, 5 * 640 * 3, pace()).seconds == pytest.approx(workers)


def test_any_number_of_workers_wait_for_the_thread_that_gives_and_joins() -> None:
    outcome = simulate(STEPS, 10_000, 500_000, pace())
    each = STEPS.give + 5 * (STEPS.join + STEPS.write)
    assert outcome.seconds == pytest.approx(100_000 * each, rel=1e-3)
    assert 5 * STEPS.least(5) == pytest.approx(each)
    assert outcome.limit == "joining"
    assert simulate(replace(STEPS, write=1.0), 64, 5000, pace()).limit == "disk"
    assert simulate(replace(STEPS, give=1.0), 64, 5000, pace()).limit == "jobs"


def test_any_number_of_workers_wait_for_what_they_read_from() -> None:
    outcome = simulate(replace(FREE, read=1e-3), 10_000, 50_000, pace())
    assert outcome.rate == pytest.approx(5 / 6 * 1000, rel=1e-3)  # the frame before is read again
    assert outcome.limit == "reading"


@given(seconds, seconds, st.integers(1, 200))
def test_a_job_for_each_worker_at_once_is_amdahls_law(
    work: float, join: float, workers: int
) -> None:
    # everything parallel is done before everything serial
    steps = Steps(frame=work, job=0.0, give=0.0, join=join, write=0.0)
    serial = join / (work + join)
    speedup = workers * steps.alone() / simulate(steps, workers, workers, pace(1)).seconds
    assert speedup == pytest.approx(1 / (serial + (1 - serial) / workers))


@given(seconds, seconds, st.integers(1, 50))
def test_a_long_run_is_between_amdahls_law_and_what_waits_for_nothing(
    work: float, join: float, workers: int
) -> None:
    steps = Steps(frame=work, job=0.0, give=0.0, join=join, write=0.0)
    serial = join / (work + join)
    frames = 200 * workers
    speedup = frames * steps.alone() / simulate(steps, workers, frames, pace(1)).seconds
    assert speedup >= 0.99 / (serial + (1 - serial) / workers)
    assert speedup <= 1.01 * min(workers / (1 - serial), 1 / serial)


@given(seconds, seconds, seconds, seconds, st.integers(1, 40), st.integers(1, 300))
def test_nobody_is_busy_for_longer_than_the_run(
    frame: float, give: float, join: float, read: float, workers: int, frames: int
) -> None:
    steps = Steps(frame, frame / 2, give, join, join / 3, read)
    outcome = simulate(steps, workers, frames, Pace(2, 16, 0.05))
    calling = sum(outcome.busy[name] for name in ("jobs", "joining", "disk"))
    assert list(outcome.busy) == list(LIMITS)
    assert outcome.frames == frames
    assert 0 < max(outcome.busy["workers"], outcome.busy["reading"], calling) <= 1 + 1e-9


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_jobs_get_longer_as_those_of_a_crew_do(workers: int) -> None:
    # a real pool is told the same durations, and has to choose the same lengths of jobs
    frames, each = 3_000, 1e-4
    quick = replace(FREE, frame=each, job=0.0)
    pool = WorkerPool(workers, Virtual(workers, each))
    own = Pace(2, 64, 0.01)
    done = list(pool.results(_jobs(own, frames), Told(own, each)))
    jobs = simulate(quick, workers, frames, Pace(2, 64, 0.01)).jobs
    assert [t for each in done for t in each.value.frames] == list(range(frames))
    assert jobs == len(done)
    assert jobs < frames / 2


def test_nothing_is_slower_with_more_workers() -> None:
    rates = [simulate(STEPS, workers, 20_000, pace()).rate for workers in (1, 2, 4, 8, 16, 64)]
    assert all(more > 0.999 * fewer for fewer, more in pairwise(rates))
    assert rates[3] > 7 * rates[0]
