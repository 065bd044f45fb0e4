"""The cost of a frame to workers and caller, in seconds and bytes, measured step by step."""

from __future__ import annotations

import importlib
import multiprocessing
import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

import fastheat
from benchmarks.job import heatmap, history
from benchmarks.measure import Table, in_turn, one_core
from benchmarks.processes import run
from fastheat.gif.target import Claim
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.spans import chunk_length, spans_of
from fastheat.inputs.sources.shapes import cells_of
from fastheat.pipeline.jobs import Beside, Encoding, encodings, pace_of, span_encodings
from fastheat.pipeline.output import Output
from fastheat.pipeline.workers import Job, Pace, Result, WorkerPool
from fastheat.render.encode import Images, encode_chunk

ROOT = Path(fastheat.__file__).parents[1]
LARGE = 4096
PACKED = 10  # repetitions of unpickling a job
KINDS = ("threads", "processes", "dask", "values sent")
WORKER = """\
import pickle, sys, warnings
warnings.simplefilter("ignore")
for job in pickle.load(open(sys.argv[1], "rb")):
    job.run()
"""

CALLER = """\
import multiprocessing, sys, warnings
from concurrent.futures import ProcessPoolExecutor
import fastheat
warnings.simplefilter("ignore")
with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
    fastheat.save_gif(sys.argv[2], sys.argv[1], vmin=-3, vmax=3, valfmt=None, executor=pool)
"""


@dataclass(frozen=True, slots=True)
class Case:
    """Frames in a file, and the heatmap that draws them."""

    name: str
    path: Path
    picture: fastheat.Heatmap


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a case: seconds of processor time, and bytes.

    Attributes
    ----------
    cells, drawn
        Cells of a frame's matrix, and cells drawn, which are fewer if the matrix is reduced.
    read
        Seconds to read a frame from a .npy file whose pages are in memory, as float64, and to
        reduce it if it is drawn smaller.
    encode
        Seconds to encode a frame.
    join
        Seconds for the calling thread to put a frame's images into the file.
    given
        Seconds for the calling process to submit a job and to collect its result, for each of
        `KINDS`.
    packed
        Seconds for a worker in another process to unpickle a job and to pickle its result, for
        values that are "read" there and for values that are "sent".
    input, job, back, disk
        Bytes of a frame in its source, of a submitted job, of a frame's result, and of that
        frame's data in the file.
    sent
        Bytes of a job that contains its values.
    measured
        Seconds per frame of a whole run, by the wall clock, for "1 thread", "2 threads" and
        "2 processes".
    worker
        Peak memory of a process that runs jobs, in MiB.
    lengths
        Frames per job: "near" for threads, "far" for other processes.
    """

    name: str
    cells: int
    drawn: int
    frames: int
    read: float
    encode: float
    join: float
    given: dict[str, float]
    packed: dict[str, float]
    input: float
    job: float
    back: float
    disk: float
    sent: float
    measured: dict[str, float]
    worker: float
    lengths: dict[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A job that is submitted like any other, but whose result the worker already has."""

    job: Encoding
    path: Path

    @property
    def frames(self) -> range:
        """Frame numbers of the job."""
        return self.job.frames

    def run(self) -> Result[Images]:
        """Return the result."""
        return _answer(self.path)

    def each(self) -> Iterator[Job[Images]]:
        """Yield nothing, since the job never fails."""
        return iter(())


@lru_cache(maxsize=1)
def _answer(path: Path) -> Result[Images]:
    encoded: Result[Images] = pickle.loads(path.read_bytes())
    return encoded


def pace_for(cells: int, workers: int, length: int | None, *, near: bool) -> Pace:
    """Return the pace of jobs that `save_gif` would use."""
    executor = None if near else ProcessPoolExecutor(1)  # starts no process before it has a job
    pool = WorkerPool(workers, executor)
    return pace_of(pool, cells, length)


def costs(folder: Path, quick: bool) -> Table:
    """Measure the cost of a frame to the workers and to the calling process."""
    rows, figures = [], {}
    for each in measured(quick):
        work = each.read + each.encode
        figures[f"join, {each.name}"] = each.join / (work + each.join)
        rows.append(
            [
                each.name,
                f"{1e3 * each.read:.3f}",
                f"{1e3 * each.encode:.3f}",
                f"{1e9 * work / each.cells:,.1f}",
                f"{1e3 * each.join:.4f}",
                f"{each.lengths['near']} / {each.lengths['far']}",
                *(f"{1e3 * each.given[kind]:.2f}" for kind in _kinds(quick)),
            ]
        )
    header = ["", "read, ms", "encode, ms", "ns per cell", "join, ms", "frames per job"]
    return Table(
        "Processor time, medians. A worker reads a frame from a .npy file that is in memory, and "
        "encodes it; both together are also given per cell of its matrix. The calling process "
        "joins the frame to the file. It also submits each job and collects its result. The frames "
        "per job are those for threads / for other workers. In each frame, every value drifts by "
        "about a hundredth of the standard deviation of all values.",
        [*header, *(f"per job: {kind}, ms" for kind in _kinds(quick))],
        rows,
        figures,
        missing(quick),
    )


def traffic(folder: Path, quick: bool) -> Table:
    """Measure the bytes of a frame on its way to a worker and back to the file."""
    rows = []
    for each in measured(quick):
        counts = each.input, each.job, each.sent, each.back, each.disk
        rows.append([each.name, str(each.lengths["far"]), *(f"{count:,.0f}" for count in counts)])
    header = ["", "frames per job", "frame in its source", "job to a worker"]
    header += ["job with its values", "frame from a worker", "frame in the file"]
    return Table("Bytes; what goes to other processes is pickled.", header, rows)


def _kinds(quick: bool) -> list[str]:
    return [kind for kind in KINDS if kind in measured(quick)[0].given]


def missing(quick: bool) -> list[str]:
    return [] if "dask" in _kinds(quick) else ["Not measured here: dask.distributed."]


@cache
def measured(quick: bool) -> list[Costs]:
    """Measure all cases, once per process, so that all tables of a run agree."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")
        folder = Path(name)
        spawn = multiprocessing.get_context("spawn")
        pool = stack.enter_context(ProcessPoolExecutor(2, spawn))
        pools = {"threads": WorkerPool(2, None), "processes": WorkerPool(2, pool)}
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError:
            pass
        else:
            cluster = stack.enter_context(
                distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
            )
            pools["dask"] = WorkerPool(2, stack.enter_context(distributed.Client(cluster)))
        stack.enter_context(pools["threads"])
        found = []
        for case in _cases(folder, quick):
            found.append(_measure(case, pools, pool, folder, 1 if quick else 5))
            case.path.unlink()
        return found


@cache
def caller_peak() -> float:
    """Return the peak MiB of a process while others encode a few small frames for it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "few.npy"
        np.save(path, np.random.default_rng(0).normal(size=(9, 64, 64)))
        return run(["-c", CALLER, str(path), str(path.with_suffix(".gif"))], path=ROOT).peak


def _cases(folder: Path, quick: bool) -> Iterator[Case]:
    """Yield each case, after writing its frames to the one file that all cases use in turn."""
    path = folder / "frames.npy"
    many = 200 if quick else 2_000
    np.save(path, np.stack(history(many)))
    yield Case("10 x 15, nine decimals, 1500 x 1000 px", path, heatmap())
    for side, many in () if quick else ((64, 5_000), (512, 200), (1024, 50)):
        _drifting(path, many, side, np.dtype(float))
        yield Case(f"{side} x {side} without text", path, _plain(side, side))
    for cells in (None,) if quick else (None, 512):
        _drifting(path, 4 if quick else 24, LARGE, np.dtype(np.float32))
        picture = _plain(LARGE, cells)
        assert picture.reduction is not None
        drawn = picture.reduction.cells[0]
        yield Case(f"{LARGE} x {LARGE} float32 as {drawn} x {drawn}", path, picture)


def _drifting(path: Path, frames: int, side: int, dtype: np.dtype[Any]) -> None:
    """Write matrices whose values drift by about a hundredth of their standard deviation."""
    rng = np.random.default_rng(0)
    kind: Any = np.float32 if dtype == np.float32 else np.float64
    array = np.lib.format.open_memmap(path, "w+", dtype, (frames, side, side))
    steps = [rng.standard_normal((side, side), kind) / 100 for _ in range(min(frames, 8))]
    now = rng.standard_normal((side, side), kind)
    for t in range(frames):
        array[t] = now
        # to and fro, so that early and late frames are alike
        now += steps[t % 8] if t // 8 % 2 == 0 else -steps[t % 8]
    del array


def _plain(side: int, cells: int | None) -> fastheat.Heatmap:
    """Return a heatmap without text; `cells`, if given, makes it one pixel per cell drawn."""
    if cells is None or side == 64:
        limit = 3 / max(1, side // 1366)
        return fastheat.Heatmap((side, side), vmin=-limit, vmax=limit, valfmt=None)
    limit = 3 * cells / side  # for means of blocks
    inches = (cells + 30) / 100  # a margin of 15 px on every side of the cells
    return fastheat.Heatmap(
        (side, side),
        vmin=-limit,
        vmax=limit,
        valfmt=None,
        figsize=(inches, inches),
        row_labels=None,
        col_labels=None,
        grid_width=0,
    )


def _measure(
    case: Case, pools: dict[str, WorkerPool], pool: ProcessPoolExecutor, folder: Path, rounds: int
) -> Costs:
    source = open_frames(case.path).through(case.picture.reductions)
    layout = case.picture.layout(source.dtype)
    span = spans_of(source, in_process=False)
    assert span is not None
    assert source.length is not None
    cells = cells_of(source.shape)
    chunk = chunk_length(cells)
    # without the first frame, which draws everything and is not like the others
    parts = [slice(k, min(k + chunk, source.length)) for k in range(1, source.length, chunk)]
    values, _ = span.values()
    first = encode_chunk(layout, None, values[:1])
    encoded: list[Images] = []

    def read() -> None:
        for part in parts:
            span.part(part.start, part.stop).values()

    def encode() -> None:
        encoded.clear()
        encoded.extend(encode_chunk(layout, values[each.start - 1], values[each]) for each in parts)

    def join() -> None:
        for images in encoded:
            output.add(images)
            output.commit()

    encode()  # warms up the kernels
    file = folder / "joined.gif"
    output = Output(file, None, 20, 0)
    with one_core(), Claim(file) as output.claim, output:
        output.begin(layout, case.picture, case.picture.sample)
        output.add(first)
        output.commit()
        seconds = in_turn({"read": read, "encode": encode, "join": join}, rounds).cpu
    a_frame = {name: median(took) / (source.length - 1) for name, took in seconds.items()}

    work = a_frame["read"] + a_frame["encode"]
    nbytes = sum(len(images.data) for images in encoded) / (source.length - 1)
    lengths = {}
    for name in ("near", "far"):
        pace = pace_for(cells, 2, None, near=name == "near")
        for _ in range(20):  # until jobs get no longer
            took = a_frame["read"] + pace.frames * work
            pace.took(pace.frames, took, int(pace.frames * nbytes))
        lengths[name] = pace.frames
    far = min(lengths["far"], source.length - 1)
    jobs = list(span_encodings(layout, span, Beside(None, None, far), Pace(far, far, 1.0)))[1:]
    job = jobs[0]
    result = job.run()
    answer = folder / f"answer-{case.name}.pkl"
    answer.write_bytes(pickle.dumps(result))
    _answer.cache_clear()
    times = 20 if rounds == 1 else 200
    given = {}
    for kind, workers in pools.items():
        given[kind] = _exchange(workers, [Answer(each, answer) for each in jobs], times)
    whole = encodings(layout, iter([values[:far], values[1 : 1 + far]]), Beside(None, None, far))
    sent = list(whole)[1]
    given["values sent"] = _exchange(pools["processes"], [Answer(sent, answer)], times // 4)
    packing = in_turn(
        {"read": partial(_pack, job, result), "sent": partial(_pack, sent, result)}, rounds
    ).cpu

    return Costs(
        name=case.name,
        cells=case.picture.shape[0] * case.picture.shape[1],
        drawn=cells,
        frames=source.length,
        read=a_frame["read"],
        encode=a_frame["encode"],
        join=a_frame["join"],
        given=given,
        packed={name: median(took) / PACKED for name, took in packing.items()},
        input=case.path.stat().st_size / source.length,
        job=len(pickle.dumps(job)),
        back=len(pickle.dumps(result)) / len(job.frames),
        disk=sum(len(images.data) for images in encoded) / (source.length - 1),
        sent=len(pickle.dumps(sent)),
        measured=_whole_runs(case, pool, folder, rounds),
        worker=_peak(folder, jobs[:6]),
        lengths=lengths,
    )


def _pack(job: Encoding, result: Result[Images]) -> None:
    data = pickle.dumps(job)
    for _ in range(PACKED):
        pickle.loads(data)
        pickle.dumps(result)


def _exchange(pool: WorkerPool, jobs: list[Answer], times: int) -> float:
    """Return this process's seconds for each job that it submits and collects."""
    for _ in pool.results(iter(jobs * 3)):  # warms up connections, and each worker's answer
        pass
    repeated = [jobs[k % len(jobs)] for k in range(times)]
    started = process_time()
    for _ in pool.results(iter(repeated)):
        pass
    return (process_time() - started) / times


def _whole_runs(
    case: Case, pool: ProcessPoolExecutor, folder: Path, rounds: int
) -> dict[str, float]:
    """Return the seconds per frame of whole runs with one and two workers."""
    frames = len(np.load(case.path, mmap_mode="r"))
    save = partial(
        fastheat.save_gif, folder / "whole.gif", case.path, heatmap=case.picture, duration=20
    )
    jobs: dict[str, Callable[[], object]] = {
        "1 thread": partial(save, workers=1),
        "2 threads": partial(save, workers=2),
        "2 processes": partial(save, executor=pool),
    }
    for job in jobs.values():
        job()
    wall = in_turn(jobs, rounds).wall
    return {name: median(took) / frames for name, took in wall.items()}


def _peak(folder: Path, jobs: Sequence[Encoding]) -> float:
    """Return the peak MiB of a process that runs some jobs one after another."""
    path = folder / "jobs.pkl"
    path.write_bytes(pickle.dumps(list(jobs)))
    return run(["-c", WORKER, str(path)], path=ROOT).peak
