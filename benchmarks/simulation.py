"""A run as it would be with any number of workers, from what its steps take.

It follows `fastheat.pipeline.workers.Crew.results`: one thread gives jobs and takes their results
in order, as soon as they are done, so many in flight at most; whoever is free does the next; all
read from one storage.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

from fastheat.pipeline.workers import Pace

LIMITS = ("workers", "reading", "jobs", "joining", "disk")


@dataclass(frozen=True, slots=True)
class Steps:
    """Seconds that the steps of a run take."""

    frame: float  # of a worker, for each frame
    job: float  # of a worker, for each job: the frame before is read once more
    give: float  # of the calling thread, for each job: to give it and take its result
    join: float  # of the calling thread, for each frame
    write: float  # of the disk, for each frame; the calling thread waits for it
    read: float = 0.0  # of the storage that all workers share, for each frame
    ahead: int = 1  # frames that a job reads besides its own
    nbytes: float = 0.0  # of the result of a frame

    def alone(self) -> float:
        """Return the seconds of a frame where one thread does all, and reads none twice."""
        return self.read + self.frame + self.join + self.write

    def least(self, length: int) -> float:
        """Return those of the calling thread, of a frame in jobs of so many: no run is quicker."""
        return self.give / length + self.join + self.write


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run took, and how much of that time each of its parts was busy, by `LIMITS`."""

    frames: int
    jobs: int
    seconds: float
    busy: dict[str, float]

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds

    @property
    def limit(self) -> str:
        """The part that the others wait for: of the calling thread what takes it longest."""
        calling = ("jobs", "joining", "disk")
        shares = {name: self.busy[name] for name in ("workers", "reading")}
        shares["calling"] = sum(self.busy[name] for name in calling)
        most = max(shares, key=lambda name: shares[name])
        return most if most != "calling" else max(calling, key=lambda name: self.busy[name])


def simulate(steps: Steps, workers: int, frames: int, pace: Pace) -> Outcome:
    """Run frames through so many workers, in jobs of the length that the pace gives them.

    Nothing is random, and jobs begin in the order in which they are given, so each can be followed
    to its end at once.
    """
    calling = storage = 0.0  # when the calling thread is free, and the storage
    free = [0.0] * workers  # and each worker
    waiting: deque[tuple[float, int, float]] = deque()  # when a job ends, its frames, its seconds
    given = jobs = 0
    worked = 0.0
    while given < frames or waiting:
        done = bool(waiting) and waiting[0][0] <= calling  # which is taken before more is given
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
