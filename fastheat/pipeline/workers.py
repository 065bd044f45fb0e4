"""Jobs on threads, in processes or on a cluster: some at a time, their results in order."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from fastheat.gif.clock import is_whole
from fastheat.messages import in_a_line, short

if TYPE_CHECKING:  # else loaded for the first job that is given to a worker
    from concurrent.futures import Executor, Future, ThreadPoolExecutor


class Result(Protocol):
    """What a job gives."""

    @property
    def nbytes(self) -> int:
        """How large it is, about."""


T = TypeVar("T", bound=Result)
T_co = TypeVar("T_co", bound=Result, covariant=True)

THREAD_SECONDS = 0.05  # that a job takes, about, such that what is around it does not count:
TASK_SECONDS = 0.25  # of a thread, or of a process, maybe elsewhere
RESULT_BYTES = 1 << 23  # that a job gives, about, since some wait for those before them
LONGER = 2  # times that a job has at most of the frames of those before it
SHARE = 4  # jobs that each worker has at least, such that all end at about the same time


class Job(Protocol[T_co]):
    """Frames, and what to do with them; small, and of what pickle takes."""

    @property
    def frames(self) -> range:
        """Their numbers."""

    def run(self) -> T_co:
        """Do it."""

    def each(self) -> Iterator[Job[T_co]]:
        """Yield the same with one frame at a time."""


@dataclass(slots=True)
class Pace:
    """How many frames a job has: at first, at most, and by what those before it took."""

    frames: int
    most: int
    wanted: float  # seconds a job

    def took(self, frames: int, seconds: float, nbytes: int = 0) -> None:
        """Take note of a job that is done, and of how many bytes it gave."""
        fitting = int(self.wanted * frames / max(seconds, 1e-9))
        if nbytes:
            fitting = min(fitting, RESULT_BYTES * frames // nbytes)
        self.frames = max(self.frames, min(fitting, LONGER * frames, self.most))

    def limited(self, length: int | None, workers: int) -> Pace:
        """Return one that leaves each of the workers a job, and some where they are long."""
        if length is None:
            return self
        frames = min(self.frames, -(-length // workers))
        share = max(frames, length // (SHARE * workers))
        return Pace(frames, min(self.most, share), self.wanted)


class Crew:
    """Workers that jobs are given to.

    Parameters
    ----------
    workers
        How many there are: of threads all processors that this process may use, if not given; of
        an executor what it says, or as many.
    executor
        That of `concurrent.futures` whose they are, or a client of dask; None for threads.

    Raises
    ------
    TypeError, ValueError
        If either is not as expected.
    """

    def __init__(self, workers: object, executor: object) -> None:
        if workers is not None and (not is_whole(workers) or workers < 1):  # type: ignore[operator]
            raise ValueError(
                f"expected workers to be a whole number, 1 or more, not {short(workers)}"
            )
        self._executor = None if executor is None else _executor_of(executor)
        self._pool: ThreadPoolExecutor | None = None
        if workers is not None:
            self.workers = int(workers)  # type: ignore[call-overload]
        elif self._executor is None:
            self.workers = processors()
        else:
            self.workers = _workers_of(self._executor)

    @property
    def alone(self) -> bool:
        """Whether jobs are done by the thread that gives them, one after the other."""
        return self._executor is None and self.workers == 1

    @property
    def near(self) -> bool:
        """Whether jobs are done in this process, with the memory that it has."""
        if self._executor is None:
            return True
        from concurrent.futures import ThreadPoolExecutor

        return isinstance(self._executor, ThreadPoolExecutor)

    def pace(self, frames: int, most: int, length: int | None) -> Pace:
        """Return how many frames jobs have, of so many at first and at most."""
        wanted = THREAD_SECONDS if self.near else TASK_SECONDS
        pace = Pace(frames, frames if self.alone else max(frames, most), wanted)
        return pace.limited(length, self.workers)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def results(self, jobs: Iterator[Job[T]], pace: Pace | None = None) -> Generator[T, None, None]:
        """Yield what jobs give, in order.

        No more are taken from `jobs` than there are two of for each worker and one more. Where one
        fails, it is given out once more if its workers are not of this process; then its frames are
        done here one at a time, such that those before the one that it fails at are still there. So
        are all before an error of `jobs` itself.

        Raises
        ------
        RuntimeError
            If a job was lost twice.
        """
        if self.alone:
            for job in jobs:
                yield from _done_here(job)
            return
        waiting: deque[_Given[T]] = deque()
        failed: Exception | None = None
        try:
            while failed is None:
                try:
                    job = next(jobs)
                except StopIteration:
                    break
                except Exception as error:
                    failed = error
                    break
                waiting.append(self._give(job))
                # what is done is not kept until more comes, which may take as long as it likes
                while waiting and (waiting[0].done or len(waiting) > 2 * self.workers):
                    yield from self._taken(waiting.popleft(), pace)
            while waiting:
                yield from self._taken(waiting.popleft(), pace)
        finally:
            for given in waiting:
                if given.future is not None:
                    given.future.cancel()
        if failed is not None:
            raise failed

    def _give(self, job: Job[T]) -> _Given[T]:
        executor = self._executor
        if executor is None:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(self.workers, "fastheat")
            executor = self._pool
        try:
            future = executor.submit(_timed, job)
        except Exception as error:  # of a pool that is broken, or was shut down
            return _Given(job, None, error)
        if not all(callable(getattr(future, name, None)) for name in ("result", "done")):
            raise TypeError(
                f"expected the executor's submit to return a future, not {short(future)}"
            )
        if threading.current_thread() in getattr(executor, "_threads", ()) and future.cancel():
            self._executor = None  # one of the pool's own threads would wait for itself
            return self._give(job)
        return _Given(job, future)

    def _taken(self, given: _Given[T], pace: Pace | None) -> Iterator[T]:
        """Yield what came of a job, several where it was done a frame at a time."""
        error = given.error
        if given.future is not None:
            try:
                done = given.future.result()
            except Exception as raised:
                error = raised
            else:
                if not isinstance(done, _Done):
                    raise TypeError(
                        "expected the executor's futures to have what their functions return, not "
                        f"{short(done)}"
                    )
                if pace is not None:
                    pace.took(len(given.job.frames), done.seconds, done.result.nbytes)
                yield done.result
                return
        assert error is not None
        if not self.near:
            if not given.again:
                again = self._give(given.job)
                again.again = True
                yield from self._taken(again, pace)
                return
            if (refused := _unpicklable(given.job)) is not None:
                raise TypeError(
                    f"expected options and frames that pickle takes, for the executor to send them "
                    f"to its workers: {refused}"
                ) from error
            if not isinstance(error, _OURS):
                raise _lost(given.job, error) from error
        yield from _done_here(given.job)


@dataclass(slots=True)
class _Given(Generic[T]):
    """A job that was given to a worker."""

    job: Job[T]
    future: Future[_Done[T]] | None
    error: Exception | None = None  # why it could not be given
    again: bool = False  # whether it is for the second time

    @property
    def done(self) -> bool:
        """Whether its result can be had without waiting."""
        return self.future is not None and self.future.done()


# what frames, options and files may be the reason of, which then is found here too
_OURS = (ArithmeticError, LookupError, MemoryError, OSError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    """What a job gave, and how long it took."""

    seconds: float
    result: T


def _timed(job: Job[T]) -> _Done[T]:
    started = time.perf_counter()
    result = job.run()
    return _Done(time.perf_counter() - started, result)


def _done_here(job: Job[T]) -> Iterator[T]:
    try:
        result = job.run()
    except Exception:
        if len(job.frames) == 1:
            raise
    else:
        yield result
        return
    for single in job.each():
        yield single.run()


def _unpicklable(job: Job[Any]) -> Exception | None:
    try:
        pickle.dumps(job)
    except Exception as error:
        return error
    return None


def _lost(job: Job[Any], error: Exception) -> Exception:
    first, last = job.frames[0], job.frames[-1]
    named = f"frame {first}" if first == last else f"frames {first} to {last}"
    reason = in_a_line(error) if str(error).strip() else "no reason given"
    return RuntimeError(
        f"the executor lost {named} twice, of which nothing is in the file: "
        f"{type(error).__name__}: {reason}"
    )


def _executor_of(given: Any) -> Executor:
    if not isinstance(given, type) and hasattr(given, "get_executor"):  # a dask.distributed.Client
        given = given.get_executor(pure=False)
    if isinstance(given, type) or not callable(getattr(given, "submit", None)):
        raise TypeError(
            "expected executor to be one of concurrent.futures, as ProcessPoolExecutor, or a "
            f"client of dask, not {short(given)}"
        )
    return given  # type: ignore[no-any-return]


def _workers_of(executor: Any) -> int:
    """Return how many workers an executor says that it has; there is no one way to say so."""
    for name in ("_max_workers", "num_workers"):
        count: Any = getattr(executor, name, None)
        if is_whole(count) and count >= 1:
            return int(count)
    client = getattr(executor, "_client", None)
    if client is not None:
        return int(max(1, sum(client.nthreads().values())))
    return processors()


def processors() -> int:
    """Return how many processors this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
