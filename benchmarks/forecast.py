"""Predictions for more workers, simulated from costs measured on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.costs import LARGE, Costs, caller_peak, measured, missing, pace_for
from benchmarks.measure import Table
from benchmarks.simulation import Outcome, Steps, simulate
from fastheat.pipeline.workers import Pace, processors

DISK = 1e9  # bytes/s at which the GIF is written
NETWORK, STORES = 1e10, 1e11  # bytes/s that all workers together read: from one machine, from many
MANY = 1_000_000  # frames of the largest plan
HOUR = 60 * 60
MIB = 1 << 20
SHOWN = {
    "workers": "the workers",
    "reading": "reading",
    "jobs": "submitting and collecting jobs",
    "joining": "joining",
    "taking": "reading in the calling process",
    "disk": "the disk",
}


def predicted(folder: Path, quick: bool) -> Table:
    """Compare the predicted and the measured rates of one and two workers."""
    rows, figures = [], {}
    for each in measured(quick):
        row = [each.name]
        for name, took in each.measured.items():
            rate = _rate_here(each, name)
            figures[f"{each.name}, {name}"] = rate * took
            row += [f"{rate:,.0f}", f"{1 / took:,.0f}"]
        one, two = each.measured["1 thread"], each.measured["2 threads"]
        speedup = _rate_here(each, "2 threads") / _rate_here(each, "1 thread")
        rows.append([*row, f"{speedup:.2f}", f"{one / two:.2f}"])
    header = [""]
    for name in ("1 thread", "2 threads", "2 processes"):
        header += [f"{name}: predicted", "measured"]
    return Table(
        f"Frames/s on {processors()} processors, which the calling thread shares with the workers: "
        "simulated from the costs, and measured by the wall clock.",
        [*header, "2 threads / 1 thread: predicted", "measured"],
        rows,
        figures,
    )


def _rate_here(costs: Costs, name: str) -> float:
    """Return the predicted frames/s of one or two workers on this machine."""
    if name == "1 thread":
        return 1 / steps_of(costs, "threads", disk=None).alone()
    kind = name.split()[1]
    steps = steps_of(costs, kind, disk=None)
    pace = pace_for(costs.drawn, 2, costs.frames, near=kind == "threads")
    outcome = simulate(steps, 2, costs.frames, pace)
    busy = 2 * outcome.busy["workers"] + _calling(outcome)
    return outcome.rate / max(1, busy / processors())


def simulation(folder: Path, quick: bool) -> Table:
    """Simulate 64 and 1,024 workers, and name the bottleneck."""
    rows, figures = [], {}
    for each in measured(quick):
        for name, kind, workers in _crews(each):
            steps = steps_of(each, kind)
            outcome = _simulated(steps, workers, each.lengths["far"])
            alone = steps_of(each, "threads").alone()
            times = outcome.rate * alone
            figures[f"{each.name}, {name}"] = times
            rows.append(
                [
                    each.name,
                    name,
                    f"{outcome.rate:,.0f}",
                    f"{times:,.1f}",
                    f"{alone / steps.least(each.lengths['far']):,.1f}",
                    f"{100 * outcome.busy['workers']:.0f} %",
                    f"{100 * _calling(outcome):.0f} %",
                    SHOWN[outcome.limit],
                ]
            )
    header = [
        "",
        "workers",
        "frames/s",
        "times one thread's rate",
        "at most, with any number of workers",
    ]
    header += ["workers busy", "calling process busy", "limited by"]
    return Table(
        "Simulated from the costs. Workers are as fast as a processor here, and their files are in "
        f"memory. The GIF is written at {DISK / 1e9:.0f} GB/s.",
        header,
        rows,
        figures,
        missing(quick),
    )


@dataclass(frozen=True, slots=True)
class Way:
    """A way to render the million frames."""

    name: str
    kind: str
    workers: int
    storage: float


WAYS = (
    Way("1 thread", "threads", 1, NETWORK),
    Way("64 processes", "processes", 64, NETWORK),
    Way("64 processes", "processes", 64, STORES),
    Way("1,024 Dask workers", "dask", 1024, NETWORK),
    Way("1,024 Dask workers", "dask", 1024, STORES),
    Way("64 processes, values sent", "values sent", 64, NETWORK),
)


def million(folder: Path, quick: bool) -> Table:
    """Estimate the time and memory of a million frames of 4,096 x 4,096 float32."""
    rows, figures = [], {}
    peak = caller_peak()
    for each in measured(quick):
        if not each.name.startswith(f"{LARGE} x"):
            continue
        drawn = each.name.split(" as ")[1]
        for way in WAYS:
            if way.kind not in each.given:
                continue
            need = _need(each, way, peak)
            name = f"{drawn} cells, {way.name}"
            figures[f"hours, {name}, {way.storage:g}"] = need.hours
            rows.append(
                [
                    name,
                    f"{way.storage / 1e9:.0f}",
                    f"{MANY / need.hours / HOUR:,.0f}",
                    f"{need.hours:,.1f}",
                    f"{need.read / 1e12:,.0f}",
                    f"{need.read / 1e9 / need.hours / HOUR:,.1f}",
                    f"{need.there / 1e9:,.0f}",
                    f"{need.back / 1e9:,.0f}",
                    f"{MANY * each.disk / 1e9:,.0f}",
                    f"{need.worker:,.0f}" if way.workers > 1 else "",
                    f"{need.caller:,.0f}",
                    need.limit,
                ]
            )
    header = ["", "storage, GB/s", "frames/s", "hours", "read, TB", "read, GB/s"]
    header += ["to workers, GB", "from workers, GB", "GIF, GB"]
    header += ["per worker, MiB", "calling process, MiB", "limited by"]
    return Table(
        f"{MANY:,} frames of {LARGE:,} x {LARGE:,} float32 in one pass. Workers are as fast as a "
        "processor here. The storage speed is that of all workers together. The GIF is written at "
        f"{DISK / 1e9:.0f} GB/s.",
        header,
        rows,
        figures,
        missing(quick),
    )


@dataclass(frozen=True, slots=True)
class Need:
    """What all frames need: hours, bytes read and sent each way, and peak memory in MiB."""

    hours: float
    read: float
    there: float
    back: float
    worker: float
    caller: float
    limit: str


def _need(costs: Costs, way: Way, peak: float) -> Need:
    length = costs.lengths["far"]
    steps = steps_of(costs, way.kind, storage=way.storage)
    if way.workers == 1:
        alone = MANY * steps.alone() / HOUR
        return Need(alone, MANY * costs.input, 0, 0, 0, costs.worker, SHOWN["workers"])
    outcome = _simulated(steps, way.workers, length)
    sent = way.kind == "values sent"
    job = costs.sent if sent else costs.job
    flying = (2 * way.workers + 1) * (job + costs.back * length)
    return Need(
        hours=MANY / outcome.rate / HOUR,
        read=MANY * costs.input * (1 + steps.ahead / length),
        there=MANY * job / length,
        back=MANY * costs.back,
        worker=costs.worker,
        caller=peak + flying / MIB,
        limit=SHOWN["taking" if sent and outcome.limit == "joining" else outcome.limit],
    )


def steps_of(
    costs: Costs, kind: str, disk: float | None = DISK, storage: float | None = None
) -> Steps:
    """Return the durations of the steps with workers of one kind.

    Parameters
    ----------
    kind
        One of `costs.KINDS`.
    disk, storage
        Bytes per second; None for a file that is in memory.
    """
    write = costs.disk / disk if disk else 0.0
    given = costs.input / storage if storage else 0.0
    if kind == "values sent":
        # the calling thread reads each frame once, and the workers read none
        join = costs.join + costs.read + given
        return Steps(
            costs.encode,
            costs.packed["sent"],
            costs.given[kind],
            join,
            write,
            ahead=0,
            nbytes=costs.back,
        )
    packed = 0.0 if kind == "threads" else costs.packed["read"]
    return Steps(
        frame=costs.read + costs.encode,
        job=costs.read + packed,
        give=costs.given[kind],
        join=costs.join,
        write=write,
        read=given,
        nbytes=costs.back,
    )


def _simulated(steps: Steps, workers: int, length: int) -> Outcome:
    """Simulate a run that is long enough for its beginning and end to be negligible."""
    return simulate(steps, workers, 50 * workers * length, Pace(length, length, 1.0))


def _crews(costs: Costs) -> list[tuple[str, str, int]]:
    """Return the names, kinds and numbers of the workers to simulate."""
    crews = [("64 processes", "processes", 64), ("1,024 Dask workers", "dask", 1_024)]
    return [pool for pool in crews if pool[1] in costs.given]


def _calling(outcome: Outcome) -> float:
    """Return the share of the time for which the calling process is busy."""
    return sum(outcome.busy[name] for name in ("jobs", "joining", "disk"))
