"""Every executor gives the same bytes, and no frame is lost with a worker."""

from __future__ import annotations

import io
import itertools
import multiprocessing
import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastheat
from fastheat.inputs.frames import ranges, spans
from fastheat.inputs.frames.ranges import EXACT, DataLimits, MatrixLimits
from fastheat.inputs.frames.spans import Part, Span
from fastheat.pipeline import jobs
from fastheat.pipeline import workers as executors
from fastheat.pipeline.workers import Pace, WorkerPool
from fastheat.style.colors.norms import LINEAR, LogNorm, Norm

Values = NDArray[np.float64]
STACK = np.random.default_rng(3).normal(size=(23, 4, 5)).cumsum(0)
LIMITS: dict[str, Any] = {"vmin": -9, "vmax": 9}
LOOK: dict[str, Any] = {"figsize": (4, 3), "valfmt": "{x:.1f}"}


@pytest.fixture(autouse=True)
def _short_jobs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "size" not in request.fixturenames:
        monkeypatch.setattr(spans, "CHUNK_FRAMES", 3)
        monkeypatch.setattr(jobs, "FEWEST_FRAMES", 3)


def written(frames: object, **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fastheat.save_gif(file, frames, **{**LOOK, **options})
    return file.getvalue()


class Late(Executor):
    """An executor that runs jobs only when a result is waited for, the last one first."""

    def __init__(self, workers: int) -> None:
        self._max_workers = workers
        self.waiting: list[tuple[Waited, Callable[..., Any], Any]] = []
        self.most = 0
        self.cancelled = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = Waited(self)
        self.waiting.append((future, fn, pickle.dumps(args)))
        self.most = max(self.most, len(self.waiting))
        return future

    def work(self) -> None:
        while self.waiting:
            future, fn, args = self.waiting.pop()
            try:
                # pickled, as from another process
                future.set_result(pickle.loads(pickle.dumps(fn(*pickle.loads(args)))))
            except Exception as error:
                future.set_exception(error)


class Waited(Future[Any]):
    def __init__(self, executor: Late) -> None:
        super().__init__()
        self.executor = executor

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self.executor.work()
        return super().result(timeout)

    def cancel(self) -> bool:
        self.executor.cancelled += not self.done()
        return super().cancel()


class Losing(Late):
    """An executor that loses jobs that begin with certain frames, a given number of times."""

    def __init__(self, *lost: int, times: int = 1) -> None:
        super().__init__(2)
        self.lost = dict.fromkeys(lost, times)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        first = args[0].frames.start
        if self.lost.get(first):
            self.waiting.pop()
            self.lost[first] -= 1
            future.set_exception(BrokenProcessPool("a worker was killed"))
        return future


@pytest.mark.parametrize("workers", [None, 2, 3])
@pytest.mark.parametrize(
    "options", [{}, {"vmin": -1, "vmax": 2}, {"robust": True, "norm": "symlog"}]
)
def test_the_bytes_are_those_of_one_worker(options: dict[str, Any], workers: int | None) -> None:
    wanted = written(STACK, workers=1, **options)
    assert written(STACK, workers=workers, **options) == wanted
    assert written(STACK, executor=Late(2), workers=workers, **options) == wanted
    with ThreadPoolExecutor(2) as pool:
        assert written(STACK, executor=pool, workers=workers, **options) == wanted


def test_the_bytes_are_those_of_one_worker_whatever_the_frames_come_from(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", STACK)
    (tmp_path / "list.pkl").write_bytes(pickle.dumps(list(STACK)))
    wanted = written(STACK, workers=1)
    for frames in (tmp_path / "stack.npy", tmp_path / "list.pkl", list(STACK), STACK.tolist()):
        assert written(frames, workers=1) == wanted
        assert written(frames, workers=2) == wanted
        assert written(frames, executor=Late(2)) == wanted
    mapped = np.load(tmp_path / "stack.npy", mmap_mode="r")
    assert written(mapped[::2], executor=Late(2)) == written(STACK[::2], workers=1)
    assert written(iter(STACK), executor=Late(2), **LIMITS) == written(STACK, workers=1, **LIMITS)


def test_titles_and_annotations_go_with_their_frames() -> None:
    texts = [[[f"{t}.{i}.{j}" for j in range(5)] for i in range(4)] for t in range(len(STACK))]
    options: dict[str, Any] = {"titles": "step {}", "annot": texts}
    wanted = written(STACK, workers=1, **options)
    assert written(STACK, workers=3, **options) == wanted
    assert written(STACK, executor=Late(2), **options) == wanted
    assert written(STACK, executor=Late(2), **{**options, "annot": STACK**2}) == written(
        STACK, workers=1, **{**options, "annot": STACK**2}
    )


@pytest.mark.parametrize("lines", [None, "loss"])
def test_panels_and_their_plot_are_those_of_one_worker(lines: str | None, tmp_path: Path) -> None:
    stacks: dict[str, Any] = {"a": STACK, "b": STACK[:, :2].astype(np.float32)}
    if lines:
        stacks[lines] = np.geomspace(9, 1, len(STACK))
    look = {"lines": lines} if lines else {}
    wanted = written(stacks, workers=1, **look)
    assert written(stacks, workers=2, **look) == wanted
    np.savez(tmp_path / "stacks.npz", **stacks)
    assert written(tmp_path / "stacks.npz", executor=Late(2), **look) == wanted


@pytest.mark.parametrize("how", ["mean", "absmax"])
def test_what_is_reduced_and_masked_is_that_of_one_worker(how: str, tmp_path: Path) -> None:
    large = np.random.default_rng(5).normal(size=(9, 300, 700)).astype(np.float32)
    mask = np.zeros((300, 700), bool)
    mask[:40, :90] = True
    options: dict[str, Any] = {"figsize": (3, 2), "reduce": how, "mask": mask}
    wanted = written(large, workers=1, **options)
    np.save(tmp_path / "large.npy", large)
    assert written(large, workers=2, **options) == wanted
    assert written(tmp_path / "large.npy", executor=Late(2), **options) == wanted


def test_processes_write_the_same_bytes(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", STACK)
    wanted = written(STACK, workers=1)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert written(tmp_path / "stack.npy", executor=pool) == wanted
        assert written(STACK, executor=pool) == wanted
        with pytest.raises(TypeError, match="pickle"):
            written(STACK, executor=pool, valfmt=lambda x: f"{x:.1f}")
        assert written(STACK[:5], executor=pool) == written(STACK[:5])  # the pool is left open


@given(st.integers(1, 4), st.lists(st.integers(0, 7), max_size=8))
def test_what_a_lost_worker_had_is_done_again(workers: int, lost: list[int]) -> None:
    executor = Losing(*(3 * k for k in lost))
    assert written(STACK, executor=executor, workers=workers) == written(STACK, workers=1)
    assert not any(executor.lost.values())


def test_frames_that_are_lost_twice_are_named_and_those_before_are_in_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.gif"
    with pytest.raises(RuntimeError, match=r"lost frames 6 to 8 twice.*a worker was killed"):
        fastheat.save_gif(path, STACK, **LIMITS, executor=Losing(6, times=2), workers=2, **LOOK)
    assert len(by_pillow(path.read_bytes())) == 6


def test_an_executor_that_takes_nothing_any_more_is_an_error(tmp_path: Path) -> None:
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    pool.shutdown()
    with pytest.raises(RuntimeError, match=r"lost frames 0 to 2 twice.*shutdown"):
        written(STACK, **LIMITS, executor=pool)


def test_no_more_is_in_flight_than_the_workers_need_soon() -> None:
    for workers in (1, 2, 3):
        executor = Late(workers)
        written(STACK, executor=executor)
        assert 2 <= executor.most <= 2 * workers + 1


class AtOnce(Executor):
    """An executor that runs each job when it is submitted."""

    _max_workers = 9

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_what_is_done_is_in_the_file_before_more_frames_are_waited_for() -> None:
    done: list[int] = [0]
    behind: list[int] = []

    def frames() -> Iterator[Values]:
        for number, values in enumerate(STACK):
            behind.append(number - done[-1])
            yield values

    def progress(count: int, _: int | None) -> None:
        done.append(count)

    written(frames(), executor=AtOnce(), progress=progress, **LIMITS)
    assert max(behind) == 2  # the frames of its own chunk
    assert done[-1] == len(STACK)


def test_the_frames_before_a_wrong_one_are_in_the_file(tmp_path: Path) -> None:
    def refuse(x: float) -> str:
        if x == 7:
            raise ValueError("no sevens here")
        return f"{x:.0f}"

    frames = np.zeros((12, 4, 5)) + np.arange(12)[:, None, None] % 5
    frames[8, 1, 1] = 7
    path = tmp_path / "a.gif"
    options: dict[str, Any] = {"vmin": 0, "vmax": 5, "valfmt": refuse, "figsize": (4, 3)}
    for workers in (1, 2):
        with pytest.raises(ValueError, match="no sevens here"):
            fastheat.save_gif(path, frames, workers=workers, **options)
        assert len(by_pillow(path.read_bytes())) == 8


def test_a_source_that_fails_says_so_after_the_frames_before(tmp_path: Path) -> None:
    class Failing:
        shape = (12, 4, 5)
        dtype = np.dtype(float)

        def read(self, start: int, stop: int) -> Values:
            if stop > 8:
                raise OSError(5, "the disk is gone")
            return STACK[start:stop]

    for options in ({"workers": 1}, {"workers": 2}, {"executor": ThreadPoolExecutor(2)}):
        path = tmp_path / "a.gif"
        with pytest.raises(OSError, match="the disk is gone"):
            fastheat.save_gif(path, Failing(), **LIMITS, **options, **LOOK)
        assert len(by_pillow(path.read_bytes())) == 8


def test_what_is_in_flight_is_cancelled_when_the_caller_stops(tmp_path: Path) -> None:
    class Stop(BaseException):
        pass

    def stop(done: int, total: int | None) -> None:
        raise Stop

    class Slow(Late):
        def work(self) -> None:  # runs only the job that is waited for
            future, fn, args = self.waiting.pop(0)
            future.set_result(fn(*pickle.loads(args)))

    executor = Slow(2)
    path = tmp_path / "a.gif"
    with pytest.raises(Stop):
        fastheat.save_gif(path, STACK, **LIMITS, executor=executor, progress=stop, **LOOK)
    assert executor.cancelled == 4
    assert len(by_pillow(path.read_bytes())) == 3


def test_own_threads_end_with_the_call() -> None:
    def running() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name.startswith("fastheat_")]

    seen: list[str] = []
    written(STACK, workers=3, progress=lambda done, total: seen.extend(running()))
    assert seen
    assert not running()


def test_a_number_that_changes_is_told_of_once_whoever_reads_it(tmp_path: Path) -> None:
    large = np.full((9, 2, 2), 2**53, np.int64) + np.arange(9)[:, None, None]
    np.save(tmp_path / "large.npy", large)
    for options in ({"workers": 1}, {"workers": 2}, {"executor": Late(2)}):
        with pytest.warns(UserWarning, match="frame 1: 9007199254740993 in cell") as caught:
            fastheat.save_gif(tmp_path / "a.gif", tmp_path / "large.npy", valfmt=None, **options)
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_jobs_get_longer_while_they_are_quick_and_each_worker_has_some() -> None:
    pace = Pace(frames=3, most=50, wanted=1.0)
    pace.took(3, 0.1)
    assert pace.frames == 6
    pace.took(6, 0.2)
    pace.took(3, 0.1)
    assert pace.frames == 12
    for _ in range(9):
        pace.took(pace.frames, 0.001)
    assert pace.frames == 50
    pace.took(50, 60.0)  # a job that waited, or compiled
    assert pace.frames == 50
    assert Pace(3, 50, 1.0).limited(100, 2).most == 100 // (executors.SHARE * 2)
    assert Pace(3, 50, 1.0).limited(8, 2).most == 3
    assert Pace(30, 50, 1.0).limited(8, 2) == Pace(4, 4, 1.0)
    assert WorkerPool(1, None).pace(8, 64, 1000).most == 8


def test_jobs_get_no_longer_than_their_results_may_be_large() -> None:
    pace = Pace(frames=4, most=500, wanted=1.0)
    for _ in range(9):
        pace.took(pace.frames, 1e-6, executors.RESULT_BYTES // 20 * pace.frames)
    assert pace.frames == 20


class Failing:
    """A source that fails twice within a job, but not for single frames."""

    shape, dtype = STACK.shape, STACK.dtype

    def __init__(self) -> None:
        self.failures = 2

    def read(self, start: int, stop: int) -> Values:
        if self.failures and stop - start > 1 and start >= 4:
            self.failures -= 1
            raise OSError("the network is down")
        return STACK[start:stop]


def test_a_job_that_is_done_again_counts_its_values_once() -> None:
    whole = MatrixLimits(robust=True)
    whole.add(STACK)
    joined = DataLimits([MatrixLimits(robust=True)])
    source = Failing()
    span = Span({"": Part(source, STACK.dtype, None)}, 0, len(STACK), 2)
    for measured in WorkerPool(2, None).results(
        jobs.measurings(joined, span, Pace(12, 12, 1.0), keeps=False)
    ):
        joined.join(measured.value[0])
    assert source.failures == 0
    assert joined.found == whole.found


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_worker_reads_no_more_at_a_time_than_a_chunk_has(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched:
        shape, dtype = STACK.shape, STACK.dtype

        def __init__(self) -> None:
            self.reads: list[tuple[int, int]] = []

        def read(self, start: int, stop: int) -> Values:
            self.reads.append((start, stop))
            return STACK[start:stop]

    monkeypatch.setattr(spans, "CHUNK_FRAMES", size)
    options: dict[str, Any] = {"titles": "step {}", "annot": STACK**2}
    wanted = written(STACK, workers=1, **options)
    source = Watched()
    assert written(source, executor=ThreadPoolExecutor(1), **options) == wanted
    assert max(stop - start for start, stop in source.reads) == size
    twice = sum(stop - start for start, stop in source.reads)
    # once for the range, once for encoding, plus the frame before each job
    assert twice <= 2 * len(STACK) + len(STACK) // jobs.FEWEST_FRAMES


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        (3, "executor to be one of concurrent.futures"),
        ("threads", "executor to be one of concurrent.futures"),
        (ThreadPoolExecutor, "executor to be one of concurrent.futures"),
    ],
)
def test_what_is_no_executor_is_refused(executor: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=said):
        fastheat.save_gif(tmp_path / "a.gif", STACK, executor=executor)
    assert not (tmp_path / "a.gif").exists()


@given(
    values=st.lists(
        st.one_of(st.floats(allow_nan=True), st.floats(-3, 3)), min_size=12, max_size=24
    ),
    cuts=st.lists(st.integers(0, 6), max_size=4),
    robust=st.booleans(),
    norm=st.sampled_from([LINEAR, LogNorm()]),
    few=st.booleans(),
)
def test_a_range_does_not_depend_on_how_the_frames_are_cut(
    values: list[float], cuts: list[int], robust: bool, norm: Norm, few: bool
) -> None:
    frames = np.resize(np.array(values), (6, 2, 3))
    edges = sorted({0, *cuts, 6})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "EXACT", EXACT if few else 5)
        whole = MatrixLimits(norm, robust=robust)
        whole.add(frames)
        joined = MatrixLimits(norm, robust=robust)
        for start, stop in itertools.pairwise(edges):
            part = joined.fresh(6)
            part.add(frames[start:stop])
            joined.join(pickle.loads(pickle.dumps(part)))
    assert joined.found == whole.found


class Answering(Executor):
    """An executor that returns a given answer in place of a future."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", [None, 3, (0.1, 2)])
def test_an_executor_that_gives_something_else_is_refused(answer: object) -> None:
    with pytest.raises(TypeError, match=r"submit to return a future, not (None|3|\(0.1, 2\))$"):
        written(STACK, executor=Answering(answer))
    future: Future[object] = Future()
    future.set_result(answer)
    with pytest.raises(TypeError, match=r"what their functions return, not (None|3|\(0.1, 2\))$"):
        written(STACK, executor=Answering(future))


def test_a_thread_of_the_pool_does_not_wait_for_itself() -> None:
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(written, STACK, executor=pool)
        try:
            assert future.result(timeout=60) == written(STACK, workers=1)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
