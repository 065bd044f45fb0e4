"""Cases with more workers, and with more frames than memory holds."""

from __future__ import annotations

import importlib
import io
import multiprocessing
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import fastheat
from benchmarks.job import heatmap, history
from benchmarks.measure import Table, in_turn, ratio
from benchmarks.processes import run

ROOT = Path(fastheat.__file__).parents[1]
SIDE = 64
GIGABYTE = 10**9
RENDER = """\
import sys, warnings, fastheat
warnings.simplefilter("ignore")
source, gif, result, *tensor = sys.argv[1:]
options = {"tensor": tensor[0]} if tensor else {}
summary = fastheat.save_gif(gif, source, valfmt=None, **options)
open(result, "w").write(str(summary.seconds))
"""


def workers(folder: Path, quick: bool) -> Table:
    """Compare threads, processes and a cluster on the article's job."""
    rounds, many = (1, 200) if quick else (5, 2_000)
    path = folder / "weights.npy"
    np.save(path, np.stack(history(many)))
    layout = heatmap()
    files: dict[str, bytes] = {}

    def save(name: str, **options: Any) -> None:
        file = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            fastheat.save_gif(file, path, heatmap=layout, duration=20, **options)
        files[name] = file.getvalue()

    missing = []
    with ExitStack() as stack:
        spawn = multiprocessing.get_context("spawn")
        executors: dict[str, Any] = {
            "2 processes": stack.enter_context(ProcessPoolExecutor(2, spawn))
        }
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            missing.append(f"dask.distributed ({error})")
        else:
            cluster = stack.enter_context(
                distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
            )
            executors["dask, 2 processes"] = stack.enter_context(
                distributed.Client(cluster)
            ).get_executor()
        jobs: dict[str, Callable[[], object]] = {
            "1 thread": partial(save, "1 thread", workers=1),
            "2 threads": partial(save, "2 threads", workers=2),
        }
        for name, executor in executors.items():
            jobs[name] = partial(save, name, executor=executor)
        for job in jobs.values():  # warm up imports and kernels, in every process
            job()
        seconds = in_turn(jobs, rounds).wall
    if len(set(files.values())) != 1:
        raise AssertionError(f"expected the same bytes from {', '.join(files)}")
    figures = {name: ratio(seconds["1 thread"], took) for name, took in seconds.items()}
    return Table(
        f"The article's job, {many:,} frames from a .npy file, with different workers, which all "
        f"write the same bytes: median of {rounds} rounds run in turn, wall-clock time.",
        ["", "ms per frame", "frames/s", "times one thread's rate"],
        [
            [
                name,
                f"{1e3 * median(took) / many:.3f}",
                f"{many / median(took):,.0f}",
                f"{figures[name]:.2f}",
            ]
            for name, took in seconds.items()
        ],
        figures,
        [f"Not measured here: {', '.join(missing)}."] if missing else [],
    )


def large(folder: Path, quick: bool) -> Table:
    """Measure inputs larger than memory needs to be, each in a new process."""
    rows, figures = [], {}

    def render(name: str, source: str, frames: int, size: int, *options: str) -> float:
        result = folder / "seconds.txt"
        arguments = [source, str(folder / "large.gif"), str(result), *options]
        usage = run(["-c", RENDER, *arguments], path=ROOT)
        seconds = float(result.read_text())
        figures[f"MiB, {name}"] = usage.peak
        rows.append(
            [
                name,
                f"{size / GIGABYTE:.1f}",
                f"{1e3 * seconds / frames:.3f}",
                f"{usage.peak:,.0f}",
            ]
        )
        return seconds / frames

    # make sure that machine code of the kernels is on disk
    np.save(folder / "few.npy", np.zeros((3, SIDE, SIDE), np.float32) + np.eye(SIDE))
    files = [str(folder / name) for name in ("few.npy", "few.gif", "few.txt")]
    run(["-c", RENDER, *files], path=ROOT)
    count = 15 if quick else 300
    path = folder / "sparse.npy"
    _write_sparse(path, count, 4096)
    size = path.stat().st_size
    render(f".npy file, {count} frames of 4,096 x 4,096", str(path), count, size)
    path.unlink()

    try:
        safetensors: Any = importlib.import_module("safetensors.numpy")
    except ImportError as error:
        missing = [f"Not measured here: safetensors ({error})."]
    else:
        missing = []
        count = 20 if quick else 500
        rng = np.random.default_rng(0)
        total = 0
        for k in range(count):
            tensors = {"encoder.weight": rng.normal(size=(256, 512)).astype(np.float32)}
            tensors["decoder.weight"] = np.full((2048, 1024), k, np.float32)
            path = folder / f"step_{k * 100}.safetensors"
            safetensors.save_file(tensors, path)
            total += path.stat().st_size
        source = str(folder / "step_*.safetensors")
        name = f"{count} safetensors files, a tensor of 256 x 512"
        render(name, source, count, total, "encoder.weight")
        for path in folder.glob("step_*.safetensors"):
            path.unlink()

    each = {}
    for count in (100, 1_000) if quick else (1_000, 10_000, 100_000):
        path = folder / f"{count}.npy"
        _write_drifting(path, count)
        name = f".npy file, {count:,} frames of {SIDE} x {SIDE}"
        each[count] = render(name, str(path), count, path.stat().st_size)
        path.unlink()
        figures[f"a frame, {count}"] = each[count] / next(iter(each.values()))
    return Table(
        "Inputs larger than the memory that they take: `save_gif` without text, one thread per "
        "processor, each run in a new process.",
        ["", "input, GB", "ms per frame", "peak MiB"],
        rows,
        figures,
        missing,
    )


def _write_sparse(path: Path, frames: int, side: int) -> None:
    """Write matrices with a moving band of numbers; the rest is a hole in the file."""
    array = np.lib.format.open_memmap(path, "w+", np.float32, (frames, side, side))
    rng = np.random.default_rng(0)
    for t in range(frames):
        top = 13 * t % (side - 40)
        array[t, top : top + 40] = rng.normal(size=(40, side))
    del array


def _write_drifting(path: Path, frames: int) -> None:
    """Write matrices that drift to and fro, so that all frames take equally long."""
    period = 500
    drift = np.random.default_rng(0).normal(0, 0.01, (period, SIDE, SIDE)).cumsum(0)
    forth = drift.astype(np.float32)
    array = np.lib.format.open_memmap(path, "w+", np.float32, (frames, SIDE, SIDE))
    for start in range(0, frames, period):
        part = forth if start // period % 2 == 0 else forth[::-1]
        array[start : start + period] = part[: frames - start]
    del array
