"""The cases. Each takes a folder to work in and returns a table of what it measured."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

import fastheat
from benchmarks import article
from benchmarks.processes import run
from fastheat.cli import main
from fastheat.demo import train

ROOT = Path(fastheat.__file__).parents[1]
OPTIONS = ["--cmap", "YlGn", "--vmin", "0", "--vmax", "0.05", "--valfmt", "{x:.9f}"]
OPTIONS += ["--figsize", "15", "10", "--duration", "20", "--quiet", "--no-progress"]


@dataclass(frozen=True, slots=True)
class Table:
    """What a case measured."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """Return it as it stands in the README."""
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join(["| " + " | ".join(line) + " |" for line in lines])


def history(frames: int) -> list[np.ndarray]:
    """Return the weights of as many steps of a real training run, 10 x 15."""
    return list(train(frames - 1, every=1))


def seed(folder: Path, quick: bool) -> Table:
    """Draw the article's job by its code and by fastheat, in turn, on one processor."""
    rounds, slow, many = (2, 3, 200) if quick else (3, 20, 1000)
    data, gif = folder / "animation_data.obj", str(folder / "training_weights.gif")
    frames = history(many)
    data.write_bytes(pickle.dumps(frames))
    main(["render", str(data), "-o", gif, *OPTIONS])  # compiles the kernels
    theirs, ours = [], []
    for _ in range(rounds):
        start = time.process_time()
        article.save(str(folder / "article.gif"), frames[:slow])
        theirs.append((time.process_time() - start) / slow)
        start = time.process_time()
        main(["render", str(data), "-o", gif, *OPTIONS])
        ours.append((time.process_time() - start) / many)
    rate = median(a / b for a, b in zip(theirs, ours, strict=True))
    size = Path(gif).stat().st_size / many
    return Table(
        "The article's job: 10 x 15 cells, nine decimals, 1500 x 1000 px, "
        f"median of {rounds} rounds, one thread",
        ["", "ms a frame", "frames a second", "bytes a frame"],
        [
            [
                f"the article's code, {slow} frames",
                f"{1e3 * median(theirs):,.0f}",
                f"{1 / median(theirs):.2f}",
                f"{(folder / 'article.gif').stat().st_size / slow:,.0f}",
            ],
            [
                f"fastheat, {many} frames",
                f"{1e3 * median(ours):.2f}",
                f"{1 / median(ours):,.0f}",
                f"{size:,.0f}",
            ],
            ["ratio", f"**{rate:,.0f}**", "", ""],
        ],
    )


def memory(folder: Path, quick: bool) -> Table:
    """Render ever longer histories in processes of their own and compare their peak memory."""
    counts = [100, 1_000] if quick else [100, 1_000, 10_000]
    rows = []
    frames = np.stack(history(1_000))
    first: dict[str, float] = {}
    for count in counts:
        longer = np.concatenate([frames] * -(-count // 1_000))[:count]
        pickled, mapped = folder / f"{count}.obj", folder / f"{count}.npy"
        pickled.write_bytes(pickle.dumps(list(longer)))
        np.save(mapped, longer)
        row = [f"{count:,}"]
        for data in (mapped, pickled):
            gif = str(folder / "memory.gif")
            arguments = ["-m", "fastheat", "render", str(data), "-o", gif, *OPTIONS]
            peak = median(run(arguments, cores=1, root=ROOT).peak for _ in range(3))
            first.setdefault(data.suffix, peak)
            row += [f"{peak:.1f}", f"{peak / first[data.suffix]:.3f}"]
        rows.append(row)
    header = ["frames", ".npy, peak MiB", "ratio", "pickled list, peak MiB", "ratio"]
    return Table("Peak memory of `fastheat render`, the article's job", header, rows)


def start(folder: Path, quick: bool) -> Table:
    """Compare whole processes with one that only imports matplotlib.pyplot."""
    rounds = 3 if quick else 7
    values = "np.random.default_rng(0).random((10, 15))"
    code = "import numpy as np, fastheat; h = fastheat.Heatmap((10, 15), vmin=0, vmax=1); "
    code += f"a = {values}"
    still = f"{code}; h.image(a).save({str(folder / 'one.png')!r})"
    gif = f"{code}; fastheat.save_gif({str(folder / 'one.gif')!r}, a[None], heatmap=h)"
    jobs = [
        ("import matplotlib.pyplot", "import matplotlib.pyplot", False, rounds),
        ("import fastheat", "import fastheat", False, rounds),
        ("one picture, Heatmap.image, warm cache", still, False, rounds),
        ("one picture, Heatmap.image, empty cache", still, True, rounds),
        ("a GIF of one frame, save_gif, warm cache", gif, False, rounds),
        ("a GIF of one frame, save_gif, empty cache (compiling)", gif, True, 2 if quick else 3),
    ]
    times: dict[str, list[float]] = {name: [] for name, *_ in jobs}
    run(["-c", gif], root=ROOT)
    for k in range(rounds):
        for name, source, cold, times_to_run in jobs:
            if k < times_to_run:
                times[name].append(run(["-c", source], cold=cold, root=ROOT).wall)
    base = median(times[jobs[0][0]])
    rows = [[name, f"{median(t):.2f}", f"{median(t) / base:.2f}"] for name, t in times.items()]
    return Table("Whole processes", ["", "seconds", "ratio"], rows)


CASES: dict[str, Callable[[Path, bool], Table]] = {"seed": seed, "memory": memory, "start": start}
