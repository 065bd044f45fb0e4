"""The benchmark cases: each takes a working folder and returns a table of what it measured."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import subprocess
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastheat
from benchmarks import article, costs, encoders, forecast, loop, scaling
from benchmarks.job import JOB, LOOK, OPTIONS, Values, heatmap, history
from benchmarks.measure import Table, in_turn, one_core, ratio
from benchmarks.processes import run
from fastheat.cli.main import main

ROOT = Path(fastheat.__file__).parents[1]


def index_frames(values: list[Values]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the article's frames as palette indices, and their palette."""
    layout = heatmap()
    return np.stack([layout.indices(each) for each in values]), layout.palette


def seed(folder: Path, quick: bool) -> Table:
    """Compare the article's code, faster variants of it, and fastheat."""
    rounds, slow, many = (1, 1, 100) if quick else (3, 12, 1000)
    data = folder / "animation_data.obj"
    frames = history(many)
    data.write_bytes(pickle.dumps(frames))
    some = frames[:: many // slow][:slow]
    ours = folder / "fastheat.gif"

    def render(workers: int) -> None:
        ours.unlink(missing_ok=True)
        main(["render", str(data), "-o", str(ours), *OPTIONS, "--workers", str(workers)])

    peers = {
        "the article's code": article.by_figures,
        "matplotlib, one figure for all frames": article.by_one_figure,
        "seaborn.heatmap": article.by_seaborn,
    }
    gifs = {name: folder / f"{k}.gif" for k, name in enumerate(peers)}
    jobs: dict[str, Callable[[], object]] = {
        name: partial(article.save, gifs[name], some, draw) for name, draw in peers.items()
    }
    jobs["fastheat, one thread"] = partial(render, 1)
    for name in peers:  # warm up imports, fonts and, for fastheat, the kernels
        article.save(gifs[name], some[:1], peers[name])
    render(1)
    jobs["fastheat, two threads"] = partial(render, 2)
    seconds = in_turn(jobs, rounds)
    times = seconds.cpu | {name: seconds.wall[name] for name in ("fastheat, two threads",)}
    both_base = seconds.wall["the article's code"]
    counts = dict.fromkeys(peers, slow)
    rows = []
    base = times["the article's code"]
    figures = {}
    for name, took in times.items():
        count = counts.get(name, many)
        rate = ratio(both_base if "two" in name else base, took, count / slow)
        size = gifs.get(name, ours).stat().st_size / count
        figures[name] = rate
        rows.append(
            [
                f"{name}, {count:,} frames",
                f"{1e3 * median(took) / count:,.2f}",
                f"{count / median(took):,.1f}",
                f"{size:,.0f}",
                f"**{rate:,.1f}**",
            ]
        )
    return Table(
        f"The article's job: {JOB}, in which every text changes. From file to file, median of "
        f"{rounds} rounds run in turn in one process. Times are processor time, except for two "
        "threads: wall-clock time.",
        ["", "ms per frame", "frames/s", "bytes per frame", "times the article's rate"],
        rows,
        figures,
    )


def encode(folder: Path, quick: bool) -> Table:
    """Compare encoders on the same index frames."""
    rounds, many = (1, 4) if quick else (3, 40)
    frames, palette = index_frames(history(1000)[200 : 200 + many])
    ways, missing = encoders.available(frames, palette, folder)
    paths = {name: folder / f"encoded-{k}.gif" for k, name in enumerate(ways)}
    for name, way in ways.items():  # warm up imports and, for fastheat, the kernels
        way(frames[:2], palette, paths[name])
    with one_core():
        times = in_turn(
            {name: partial(way, frames, palette, paths[name]) for name, way in ways.items()}, rounds
        ).cpu
    rows, figures = [], {}
    sizes = {name: path.stat().st_size / many for name, path in paths.items()}
    for name, seconds in times.items():
        lossless = encoders.is_lossless(paths[name], frames, palette)
        figures[f"time, {name}"] = ratio(seconds, times["fastheat"])
        figures[f"bytes, {name}"] = sizes[name] / sizes["fastheat"]
        rows.append(
            [
                name,
                f"{1e3 * median(seconds) / many:,.2f}",
                f"{figures[f'time, {name}']:,.1f}",
                f"{sizes[name]:,.0f}",
                f"{figures[f'bytes, {name}']:.2f}",
                "yes" if lossless else "no",
            ]
        )
        if name == "fastheat" and not lossless:
            raise AssertionError("expected fastheat to be lossless")
    return Table(
        f"Encoding {many} finished index frames of the article's job: median of {rounds} rounds, "
        "processor time on one core.",
        ["", "ms per frame", "times fastheat's", "bytes per frame", "times fastheat's", "lossless"],
        rows,
        figures,
        [f"Not measured here: {', '.join(missing)}."] if missing else [],
    )


def change(folder: Path, quick: bool) -> Table:
    """Measure frames in which more and more of the 150 cells change."""
    rounds, many = (1, 200) if quick else (5, 2000)
    rng = np.random.default_rng(0)
    layout = heatmap()
    start = rng.uniform(0.01, 0.04, 150)
    jobs: dict[str, Callable[[], object]] = {}
    sizes = {}
    for count in (0, 1, 15, 150):
        values = np.empty((many, 150))
        values[0] = start
        for t in range(1, many):
            values[t] = values[t - 1]
            values[t, rng.permutation(150)[:count]] += rng.normal(0, 2e-4, count)
        path = folder / f"{count}.gif"
        frames = values.reshape(many, 10, 15)
        jobs[str(count)] = partial(quiet_save, path, frames, heatmap=layout, duration=20)
        jobs[str(count)]()
        sizes[str(count)] = path.stat().st_size / many
    with one_core():
        times = in_turn(jobs, rounds).cpu
    rows, figures = [], {}
    for name, seconds in times.items():
        figures[name] = median(a / b for a, b in zip(seconds, times["150"], strict=True))
        rows.append(
            [
                name,
                f"{1e3 * median(seconds) / many:.3f}",
                f"{figures[name]:.3f}",
                f"{sizes[name]:,.0f}",
            ]
        )
    return Table(
        f"How many of the article's 150 cells change in each of {many:,} frames: median of "
        f"{rounds} rounds, one thread.",
        ["cells that change", "ms per frame", "relative to 150", "bytes per frame"],
        rows,
        figures,
    )


def panels(folder: Path, quick: bool) -> Table:
    """Measure figures of the article's size with titles, a colour bar, and a second panel."""
    rounds, many = (1, 100) if quick else (5, 1000)
    every = np.stack(history(many))
    some = np.repeat(every[:1], many, 0)
    some[:, 4, 7] = every[:, 4, 7]
    look: dict[str, Any] = {**LOOK, "duration": 20, "workers": 1}
    look |= {"row_labels": "auto", "col_labels": "auto"}  # short: panels need room for numbers
    named = look | {"titles": "step {}", "cbar": True}
    written = named | {"valfmt": "{:.9f}".format}
    jobs: dict[str, Callable[[], object]] = {}
    for name, changing, frames, options in (
        ("the matrix alone", 150, every, look),
        ("with titles and a colour bar", 150, every, named),
        ("two such panels, titles, a colour bar", 300, {"a": every, "b": every[:, ::-1]}, named),
        ("the same, texts from a function", 300, {"a": every, "b": every[:, ::-1]}, written),
        ("the matrix alone", 1, some, look),
        ("with titles and a colour bar", 1, some, named),
        ("two such panels, titles, a colour bar", 2, {"a": some, "b": some[:, ::-1]}, named),
    ):
        key = f"{name}, {changing}"
        jobs[key] = partial(quiet_save, folder / f"{len(jobs)}.gif", frames, **options)
        jobs[key]()
    with one_core():
        times = in_turn(jobs, rounds).cpu
    rows, figures = [], {}
    for key, seconds in times.items():
        figures[key] = median(
            a / b for a, b in zip(seconds, times["the matrix alone, 150"], strict=True)
        )
        name, _, count = key.rpartition(", ")
        rows.append([name, count, f"{1e3 * median(seconds) / many:.3f}", f"{figures[key]:.2f}"])
    return Table(
        f"More elements in the article's figure of 1500 x 1000 px: {many:,} frames, median of "
        f"{rounds} rounds, one thread.",
        ["", "cells that change", "ms per frame", "relative to the first row"],
        rows,
        figures,
    )


def quiet_save(path: Path, frames: object, **options: object) -> None:
    """Write a GIF without the warnings about values out of range."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        path.unlink(missing_ok=True)
        fastheat.save_gif(path, frames, **options)  # type: ignore[arg-type]


def by_lookup(path: Path, frames: Values, palette: NDArray[np.uint8], zoom: int) -> None:
    """Write a GIF with plain numpy and Pillow: a table look-up, and the encoder."""
    scaled = np.clip((frames + 3) / 6 * 255, 0, 255).astype(np.uint8)
    if zoom > 1:
        scaled = scaled.repeat(zoom, 1).repeat(zoom, 2)
    encoders.by_pillow(scaled, palette, path)


def shape(folder: Path, quick: bool) -> Table:
    """Measure matrices of several sizes, in which every cell drifts."""
    rounds = 1 if quick else 5
    rng = np.random.default_rng(0)
    rows, figures = [], {}
    gray = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 3)
    for side, valfmt, pixels, many in (
        (16, None, 160, 2000),
        (64, ".2f", None, 100),
        (512, None, 512, 50),
        (1024, None, 1024, 20),
    ):
        many = max(4, many // 10) if quick else many
        drift = rng.normal(0, 0.01, (many, side, side)).cumsum(0)
        frames = np.clip(rng.normal(0, 1, (side, side)) + drift, -3, 3)
        look: dict[str, Any] = {"vmin": -3, "vmax": 3, "valfmt": valfmt}
        if pixels is not None:
            # leaves a margin of 15 px on every side of the cells
            inches = (pixels + 30) / 100
            look |= {"figsize": (inches, inches), "row_labels": None, "col_labels": None}
            look |= {"grid_width": 0}
        layout = fastheat.Heatmap((side, side), **look)
        paths = folder / "ours.gif", folder / "theirs.gif"
        jobs: dict[str, Callable[[], object]] = {
            str(workers): partial(
                quiet_save, paths[0], frames, heatmap=layout, duration=20, workers=workers
            )
            for workers in (1, 2)
        }
        if pixels is not None:
            jobs["lookup"] = partial(by_lookup, paths[1], frames, gray, pixels // side)
        jobs["1"]()
        seconds = in_turn(jobs, rounds)
        text = "without text" if valfmt is None else "two decimals"
        size = f"{layout.size[0]} x {layout.size[1]}"
        for workers, times in (("1", seconds.cpu), ("2", seconds.wall)):
            rate = ""
            if "lookup" in times:
                figures[f"{side}, {workers}"] = ratio(times["lookup"], times[workers])
                rate = f"{figures[f'{side}, {workers}']:.1f}"
            figures[f"{side}, {workers}, frames/s"] = many / median(times[workers])
            rows.append(
                [
                    f"{side} x {side} {text}",
                    size,
                    workers,
                    f"{1e3 * median(times[workers]) / many:.3f}",
                    f"{many / median(times[workers]):,.0f}",
                    rate,
                ]
            )
    return Table(
        "Matrices of several sizes. In each frame, every value drifts by about a hundredth of the "
        f"standard deviation of all values. Median of {rounds} rounds. The last column compares "
        "with numpy's table look-up and Pillow's encoder, which draw the cells alone.",
        ["", "px", "threads", "ms per frame", "frames/s", "times the rate of numpy + Pillow"],
        rows,
        figures,
    )


def memory(folder: Path, quick: bool) -> Table:
    """Compare the peak memory of rendering longer and longer histories, each in a new process."""
    counts, rounds = ([50, 200], 1) if quick else ([100, 1_000, 10_000], 3)
    rows = []
    frames = np.stack(history(1_000))
    first: dict[str, float] = {}
    figures = {}
    for count in counts:
        longer = np.concatenate([frames] * -(-count // 1_000))[:count]
        pickled, mapped = folder / f"{count}.obj", folder / f"{count}.npy"
        pickled.write_bytes(pickle.dumps(list(longer)))
        np.save(mapped, longer)
        row = [f"{count:,}"]
        for data in (mapped, pickled):
            gif = str(folder / "memory.gif")
            arguments = ["-m", "fastheat", "render", str(data), "-o", gif, *OPTIONS]
            peak = median(run(arguments, cores=1, path=ROOT).peak for _ in range(rounds))
            first.setdefault(data.suffix, peak)
            figures[f"{data.suffix}, {count}"] = peak / first[data.suffix]
            row += [f"{peak:.1f}", f"{peak / first[data.suffix]:.3f}"]
        rows.append(row)
    header = ["frames", ".npy, peak MiB", "ratio", "pickled list, peak MiB", "ratio"]
    title = "Peak memory of `fastheat render` for the article's job, each run in a new process."
    return Table(title, header, rows, figures)


def start(folder: Path, quick: bool) -> Table:
    """Compare whole processes with one that only imports matplotlib.pyplot."""
    rounds = 1 if quick else 7
    check = "import sys; from fastheat.render.kernels import objects; "
    check += "found = objects.where(); sys.exit(not found or found[0].parent != objects.BUILT)"
    try:
        run(["-c", check])
    except subprocess.CalledProcessError:
        raise RuntimeError(
            "this case measures fastheat as it is installed, with its machine code: pip install ."
        ) from None
    np.save(folder / "history.npy", np.stack(history(1000)))
    code = "import sys, numpy as np, fastheat\n"
    code += f"look = {LOOK!r}\nvalues = np.linspace(0, 0.05, 300).reshape(2, 10, 15)\n"
    film = f"fastheat.save_gif({str(folder / 'two.gif')!r}, values, **look)"
    long = f"np.load({str(folder / 'history.npy')!r}), duration=20, workers=1, **look)"
    long = f"fastheat.save_gif({str(folder / 'long.gif')!r}, {long}"
    end = "\nassert not {'numba', 'matplotlib'} & set(sys.modules)"
    pyplot = "import matplotlib.pyplot"
    jobs = {
        pyplot: (pyplot, False),
        "import fastheat": ("import fastheat", True),
        "one picture, Heatmap.image, fresh": (
            f"{code}fastheat.Heatmap((10, 15), **look).image(values[1]){end}",
            True,
        ),
        "a GIF of two frames, fresh": (f"{code}{film}{end}", True),
        "a GIF of two frames, warm": (f"{code}{film}{end}", False),
        "a GIF of 1,000 frames from .npy, fresh": (f"{code}{long}{end}", True),
    }
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for source, _ in jobs.values():
        run(["-c", source])
    for _ in range(rounds):
        for name, (source, fresh) in jobs.items():
            times[name].append(run(["-c", source], fresh=fresh).wall)
    warmup = "fastheat warmup, without machine code, one core"
    times[warmup] = [_compiling(folder) for _ in range(1 if quick else 3)]
    base = median(times[pyplot])
    figures = {name: median(seconds) / base for name, seconds in times.items()}
    rows = [[name, f"{median(t):.2f}", f"{figures[name]:.2f}"] for name, t in times.items()]
    title = (
        f"Whole processes, with the article's options: medians of {rounds} rounds run in turn. "
        "*Fresh* means with a new home folder. Only the last one imports numba, to compile all "
        "kernels."
    )
    return Table(title, ["", "seconds", "ratio"], rows, figures)


def _compiling(folder: Path) -> float:
    """Return the seconds that compiling all kernels takes on one processor."""
    copy = folder / "plain"
    if not copy.exists():
        found = importlib.util.find_spec("fastheat")
        assert found is not None
        assert found.origin is not None
        ignored = shutil.ignore_patterns("objects", "__pycache__")
        shutil.copytree(Path(found.origin).parent, copy / "fastheat", ignore=ignored)
    return run(["-m", "fastheat", "warmup"], cores=1, fresh=True, path=copy).wall


def floor(folder: Path, quick: bool) -> Table:
    """Compare the article's job with copying its index frames once."""
    rounds, many = (2, 50) if quick else (9, 400)
    values = history(1000)[:many]
    frames, _ = index_frames(values[:100])
    layout = heatmap()
    target = np.empty_like(frames[0])

    def copy() -> None:
        for k in range(many):
            np.copyto(target, frames[k % len(frames)])

    jobs: dict[str, Callable[[], object]] = {
        "copying each frame of 1500 x 1000 indices": copy,
        "drawing, encoding and writing it": partial(
            quiet_save, folder / "floor.gif", np.stack(values), heatmap=layout, duration=20
        ),
    }
    for job in jobs.values():
        job()
    with one_core():
        times = in_turn(jobs, rounds).cpu
    first, second = times.values()
    rate = ratio(second, first)
    return Table(
        f"Drawing compared with mere copying: {many} frames of the article's job, median of "
        f"{rounds} rounds, one core.",
        ["", "ms per frame", "ratio"],
        [
            [name, f"{1e3 * median(seconds) / many:.3f}", f"{value:.1f}"]
            for (name, seconds), value in zip(times.items(), (1.0, rate), strict=True)
        ],
        {"floor": rate},
    )


def record(folder: Path, quick: bool) -> Table:
    """Compare a loop that records a matrix at each step with the same loop without recording."""
    rounds, steps = (1, 100) if quick else (7, 500)
    quiet_save(folder / "warm.gif", np.zeros((2, 256, 256)), vmin=0, vmax=1)
    took = loop.measure(folder, rounds, steps)
    first: list[dict[str, loop.Took]] = []
    for _ in range(rounds):
        result = folder / "loop.json"
        run([loop.__file__, str(steps), str(result)], fresh=True)
        first.append({name: loop.Took(**v) for name, v in json.loads(result.read_text()).items()})
    rows, figures = [], {}
    for name, shown, runs in (
        ("plain", "without recording", [took]),
        ("copied", "np.copyto to the same array", [took]),
        ("recorded", "GifWriter.add", [took]),
        ("recorded", "GifWriter.add, fresh", first),
    ):
        key = name if runs is not first else "recorded, fresh"
        loops = [seconds for each in runs for seconds in each[name].loops]
        calls = [1e6 * seconds for each in runs for seconds in each[name].calls]
        plain = [seconds for each in runs for seconds in each["plain"].loops]
        opened = [1e3 * seconds for each in runs for seconds in each[name].opened]
        figures[f"loop, {key}"] = ratio(loops, plain)
        row = [shown, "", "", "", f"{median(loops):.3f}", f"{figures[f'loop, {key}']:.4f}"]
        if calls:
            figures[f"median, {key}"] = median(calls)
            figures[f"p99, {key}"] = float(np.percentile(calls, 99))
            row[2:4] = [f"{figures[f'{what}, {key}']:.0f}" for what in ("median", "p99")]
        if opened:
            figures[f"open, {key}"] = median(opened)
            row[1] = f"{figures[f'open, {key}']:.0f}"
        rows.append(row)
    return Table(
        f"Recording a 256 x 256 float32 matrix in each of {steps} steps of 10 ms: all calls, "
        f"including the first ones, and whole loops, of {rounds} rounds run in turn. The last row "
        f"measures the first loops of {rounds} processes, each with a new home folder.",
        ["", "opening, ms", "call, median us", "call, 99th percentile us", "loop, s", "ratio"],
        rows,
        figures,
    )


CASES: dict[str, Callable[[Path, bool], Table]] = {
    case.__name__: case
    for case in (
        seed,
        encode,
        change,
        panels,
        shape,
        memory,
        start,
        floor,
        record,
        scaling.workers,
        scaling.large,
        costs.costs,
        costs.traffic,
        forecast.predicted,
        forecast.simulation,
        forecast.million,
    )
}
