"""Workers: threads, processes or a cluster that do jobs and return the results in order."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from fastheat.checks import is_whole
from fastheat.messages import in_a_line, short

if TYPE_CHECKING:  # imported at run time with the first job given to a worker
    from concurrent.futures import Executor, Future, ThreadPoolExecutor


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """The result of a job."""

    value: T
    nbytes: int  # approximate size of the value
    warnings: Mapping[str, str] = field(default_factory=dict)  # about frames, by matrix
    seconds: float = 0.0  # time that the job took


# target seconds per job, long enough for its overhead to be negligible
THREAD_SECONDS = 0.05  # on a thread
TASK_SECONDS = 0.25  # in a process, maybe on another machine
RESULT_BYTES = 1 << 23  # target size of a result, since results wait for earlier ones
LONGER = 2  # largest ratio of the frames of a job to those of earlier ones
SHARE = 4  # least number of jobs per worker, so that all finish at about the same time


class Job(Protocol[T]):
    """Work on some frames; small, and picklable for other processes."""

    @property
    def frames(self) -> range:
        """The numbers of the frames."""

    def run(self) -> Result[T]:
        """Do the job."""

    def each(self) -> Iterator[Job[T]]:
        """Yield a job for each frame."""


@dataclass(slots=True)
class Pace:
    """The number of frames per job, which adapts to the time that earlier jobs took."""

    frames: int
    most: int
    wanted: float  # seconds per job

    def took(self, frames: int, seconds: float, nbytes: int = 0) -> None:
        """Adapt to a finished job of `frames` frames, whose result has `nbytes` bytes."""
        fitting = int(self.wanted * frames / max(seconds, 1e-9))
        if nbytes:
            fitting = min(fitting, RESULT_BYTES * frames // nbytes)
        self.frames = max(self.frames, min(fitting, LONGER * frames, self.most))

    def limited(self, length: int | None, workers: int) -> Pace:
        """Return a pace that splits frames into a job for each worker, or `SHARE` if they are long.

        If their number `length` is None, it is unknown, and the pace stays as it is.
        """
        if length is None:
            return self
        frames = min(self.frames, -(-length // workers))
        share = max(frames, length // (SHARE * workers))
        return Pace(frames, min(self.most, share), self.wanted)


class WorkerPool:
    """Workers that do jobs.

    Parameters
    ----------
    workers
        Number of workers; by default the number that the executor reports, or, for threads, that
        of the processors that this process may use.
    executor
        An executor of `concurrent.futures`, or a dask client; None for threads.

    Raises
    ------
    TypeError, ValueError
        If either is invalid.
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
    def serial(self) -> bool:
        """True if jobs are done one after the other, in the calling thread."""
        return self._executor is None and self.workers == 1

    @property
    def in_process(self) -> bool:
        """True if workers share the memory of this process."""
        if self._executor is None:
            return True
        from concurrent.futures import ThreadPoolExecutor

        return isinstance(self._executor, ThreadPoolExecutor)

    def pace(self, frames: int, most: int, length: int | None) -> Pace:
        """Return a pace of `frames` per job at first and `most` at most, for `length` frames."""
        wanted = THREAD_SECONDS if self.in_process else TASK_SECONDS
        pace = Pace(frames, frames if self.serial else max(frames, most), wanted)
        return pace.limited(length, self.workers)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def results(
        self, jobs: Iterator[Job[T]], pace: Pace | None = None
    ) -> Generator[Result[T], None, None]:
        """Yield the results of jobs, in order.

        At most two jobs per worker and one more are taken from `jobs` in advance. A job that fails
        is given out once more if workers run in other processes. Then its frames are done here one
        at a time, so that frames before the failing one still give results. So do all jobs before
        an error of `jobs` itself.

        Raises
        ------
        RuntimeError
            If a job was lost twice.
        """
        if self.serial:
            for job in jobs:
                yield from _done_here(job)
            return
        waiting: deque[tuple[Job[T], Future[Result[T]]]] = deque()
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
                waiting.append((job, self._give(job)))
                # finished results do not wait for the next job, which may be long in coming
                while waiting and (waiting[0][1].done() or len(waiting) > 2 * self.workers):
                    yield from self._taken(*waiting.popleft(), pace)
            while waiting:
                yield from self._taken(*waiting.popleft(), pace)
        finally:
            for _, future in waiting:
                future.cancel()
        if failed is not None:
            raise failed

    def _give(self, job: Job[T]) -> Future[Result[T]]:
        """Give a job to a worker; return its future, which has the error if no worker took it."""
        executor = self._executor
        if executor is None:
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(self.workers, "fastheat")
            executor = self._pool
        try:
            future = executor.submit(_timed, job)
        except Exception as error:  # the pool is broken, or was shut down
            from concurrent.futures import Future

            future = Future()
            future.set_exception(error)
        if not all(callable(getattr(future, name, None)) for name in ("result", "done")):
            raise TypeError(
                f"expected the executor's submit to return a future, not {short(future)}"
            )
        if threading.current_thread() in getattr(executor, "_threads", ()) and future.cancel():
            self._executor = None  # one of the pool's own threads would wait for itself
            return self._give(job)
        return future

    def _taken(
        self, job: Job[T], future: Future[Result[T]], pace: Pace | None, *, again: bool = False
    ) -> Iterator[Result[T]]:
        """Yield the result of a job, or one for each frame if these were done one at a time.

        `again` says that this is the second attempt.
        """
        failed: Exception | None = None
        try:
            result = future.result()
        except Exception as error:
            failed = error
        if failed is None:
            if not isinstance(result, Result):
                raise TypeError(
                    "expected the executor's futures to have what their functions return, not "
                    f"{short(result)}"
                )
            if pace is not None:
                pace.took(len(job.frames), result.seconds, result.nbytes)
            yield result
            return
        if not self.in_process:
            if not again:
                yield from self._taken(job, self._give(job), pace, again=True)
                return
            try:
                pickle.dumps(job)
            except Exception as refused:
                raise TypeError(
                    f"expected options and frames that pickle takes, for the executor to send them "
                    f"to its workers: {refused}"
                ) from failed
            if not isinstance(failed, _OURS):
                raise _lost(job, failed) from failed
        yield from _done_here(job)


# errors that frames, options or files may cause, and that then occur in this process too
_OURS = (ArithmeticError, LookupError, MemoryError, OSError, TypeError, ValueError)


def _timed(job: Job[T]) -> Result[T]:
    started = time.perf_counter()
    result = job.run()
    return replace(result, seconds=time.perf_counter() - started)


def _done_here(job: Job[T]) -> Iterator[Result[T]]:
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
    """Return the number of workers of an executor; there is no standard way to ask for it."""
    for name in ("_max_workers", "num_workers"):
        count: Any = getattr(executor, name, None)
        if is_whole(count) and count >= 1:
            return int(count)
    client = getattr(executor, "_client", None)
    if client is not None:
        return int(max(1, sum(client.nthreads().values())))
    return processors()


def processors() -> int:
    """Return the number of processors that this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
