"""A simulated run with any number of workers, from the durations of its steps.

It follows `fastheat.pipeline.workers.WorkerPool.results`. One thread submits jobs and collects
their results in order, as soon as they are done; the number of jobs in flight is limited. Whichever
worker is free does the next job. All workers read from the same storage.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

from fastheat.pipeline.workers import Pace

LIMITS = ("workers", "reading", "jobs", "joining", "disk")


@dataclass(frozen=True, slots=True)
class Steps:
    """Durations of the steps of a run, in seconds."""

    frame: float  # of a worker, per frame
    job: float  # of a worker, per job: reading the frame before it again
    give: float  # of the calling thread, per job: submitting it and collecting its result
    join: float  # of the calling thread, per frame
    write: float  # of the disk, per frame; the calling thread waits for it
    read: float = 0.0  # of the storage that all workers share, per frame
    ahead: int = 1  # frames that a job reads besides its own
    nbytes: float = 0.0  # of a frame's result

    def alone(self) -> float:
        """Return the seconds per frame if one thread does everything and reads no frame twice."""
        return self.read + self.frame + self.join + self.write

    def least(self, length: int) -> float:
        """Return the calling thread's seconds per frame in jobs of this length, a lower bound."""
        return self.give / length + self.join + self.write


@dataclass(frozen=True, slots=True)
class Outcome:
    """The duration of a run, and the share of it for which each of `LIMITS` was busy."""

    frames: int
    jobs: int
    seconds: float
    busy: dict[str, float]

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds

    @property
    def limit(self) -> str:
        """The bottleneck: the workers, reading, or the longest task of the calling thread."""
        calling = ("jobs", "joining", "disk")
        shares = {name: self.busy[name] for name in ("workers", "reading")}
        shares["calling"] = sum(self.busy[name] for name in calling)
        most = max(shares, key=lambda name: shares[name])
        return most if most != "calling" else max(calling, key=lambda name: self.busy[name])


def simulate(steps: Steps, workers: int, frames: int, pace: Pace) -> Outcome:
    """Simulate `workers` that work on `frames`, in jobs as long as `pace` makes them.

    Nothing is random, and jobs begin in the order in which they are submitted, so each job can be
    followed to its end immediately.
    """
    calling = storage = 0.0  # the times from which they are free
    free = [0.0] * workers  # and the same for each worker
    waiting: deque[tuple[float, int, float]] = deque()  # each job's end, frames and seconds
    given = jobs = 0
    worked = 0.0
    while given < frames or waiting:
        # a result is collected before more jobs are submitted
        done = bool(waiting) and waiting[0][0] <= calling
        if given < frames and len(waiting) <= 2 * workers and not done:
            count = min(pace.frames, frames - given)
            calling += steps.give
            began = max(calling, heappop(free))
            read = steps.read * (count + steps.ahead)
            storage = max(storage, began) + read
            work = steps.job + steps.frame * count
            ended = max(began + read, storage) + work
            heappush(free, ended)
            waiting.append((ended, count, ended - began))
            worked += work
            jobs += 1
            given += count
        else:
            ended, count, took = waiting.popleft()
            calling = max(calling, ended) + (steps.join + steps.write) * count
            pace.took(count, took, int(steps.nbytes * count))
    busy = {
        "workers": worked / workers,
        "reading": steps.read * (frames + steps.ahead * jobs),
        "jobs": steps.give * jobs,
        "joining": steps.join * frames,
        "disk": steps.write * frames,
    }
    return Outcome(
        frames, jobs, calling, {name: seconds / calling for name, seconds in busy.items()}
    )
