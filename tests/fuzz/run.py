"""Reads inputs in forked processes, and keeps one finding of each kind."""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import shutil
import signal
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from . import readers, watch
from .corpus import SECRET, SECRET_NAME, Seed
from .mutate import mutated

# wall-clock seconds after which an input is aborted, unless twice its processor time runs out first
STALLED = 60.0
TIRED = 64 << 20  # bytes above idle at which a process hands the remaining inputs to a new one
What = tuple[str, str, str]  # kind, key and text of a finding
MOST_DOUBTED = 20  # findings that look the same and are tried again, at most
Told = tuple[int, str, str, str]  # number of an input, and kind, key and text of a finding
_AGAIN = ("crash", "hang", "slow", "memory")  # kinds that earlier inputs may have caused


@dataclass(frozen=True)
class Case:
    """An input, and the reader for it."""

    number: int
    seed: Seed
    reader: str
    variant: int


@dataclass(frozen=True)
class Found:
    """A finding, as it is printed and kept."""

    kind: str
    key: str
    text: str
    case: Case

    @property
    def name(self) -> str:
        """Return a name for its folder that identifies it."""
        slug = re.sub(r"\W+", "-", f"{self.kind} {self.case.seed.kind}").strip("-").lower()
        return f"{slug}-{hashlib.sha256(f'{self.kind} {self.key}'.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        case = self.case
        return f"{self.name}: {self.kind} at {self.key}, {case.reader} of {case.seed.name}"


class Inputs:
    """The inputs of a random seed, by number: first the unchanged corpus, then mutations of it."""

    together = 200  # inputs per process

    def __init__(self, corpus: Sequence[Seed], seed: int, only: str = "") -> None:
        pattern = re.compile(only)
        self._corpus = corpus
        self._seed = seed
        pairs = [
            (each, name)
            for each in corpus
            for name, reader in readers.READERS.items()
            if each.kind in reader.kinds and pattern.search(f"{name} {each.kind} {each.name}")
        ]
        if not pairs:
            raise ValueError(f"expected a part of 'READER KIND NAME', not {only!r}")
        self.pairs = pairs
        # small files allow more mutations in the same time, so they weigh more; every kind has a
        # fixed share, however many files it has in the corpus
        light = {each: 1 / (1 + sum(map(len, each.files.values())) / 20_000) for each in corpus}
        kinds = {each.kind for each in corpus}
        shares = {kind: sum(light[e] for e in corpus if e.kind == kind) for kind in kinds}
        weights = (
            readers.READERS[name].weight
            * light[each]
            * WEIGHTS.get(each.kind, 1)
            / shares[each.kind]
            for each, name in pairs
        )
        self._weights = list(accumulate(weights))

    @property
    def unchanged(self) -> int:
        """Return how many inputs are unchanged files of the corpus."""
        return len(self.pairs)

    def __getitem__(self, number: int) -> Case:
        rng = Random(f"{self._seed} {number}")
        if number < self.unchanged:
            seed, name = self.pairs[number]
            return Case(number, seed, name, zlib.crc32(f"{seed.name}{name}".encode()))
        ((seed, name),) = rng.choices(self.pairs, cum_weights=self._weights)
        variant = rng.randrange(readers.VARIANTS)
        return Case(number, mutated(seed, self._corpus, rng), name, variant)


# relative share of mutations of each kind, 1 of others
WEIGHTS = {
    "npy": 3,
    "npz": 3,
    "pickle": 5,
    "safetensors": 2,
    "torch": 1.5,
    "zarr": 1.5,
    "hdf5": 1.5,
}
WEIGHTS |= {"gif": 3, "font": 0.3, "text": 0.3, "csv": 2}


# ------------------------------------------------------------------------------ in the processes


def place(case: Case, folder: Path) -> Path:
    """Write the files of an input to an empty folder, and return the path to read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    tempfile.tempdir = str(folder)
    for name, data in case.seed.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / case.seed.main


def read(case: Case, folder: Path, watching: watch.Watch, trace: Path) -> What | None:
    """Read an input, and return kind, key and text of a finding, or None."""
    path = place(case, folder)
    found = None
    size = trace.stat().st_size
    with watching:
        try:
            readers.check(case.reader, path, case.seed.name, case.variant)
        except readers.Finding as finding:
            found = finding.kind, finding.key, finding.text
        except BaseException as error:  # including SystemExit
            found = f"error {type(error).__name__}", readers.where(error), str(error)[:500]
    if watching.seen:
        event = watching.seen[0]
        return "audit", re.sub(r"\d+|/\S+", "", event)[:60], "; ".join(watching.seen[:8])
    if watching.seconds > watch.SECONDS:
        text = trace.read_text("utf-8", "replace")[size:]
        return "slow", _place_of(text), f"{watching.seconds:.1f} s\n{text[:2000]}"
    if watching.grown > watch.MEMORY and (found is None or found[0] != "memory"):
        key = found[1] if found else case.reader + " " + case.seed.kind
        return "memory", key, f"{watching.grown >> 20} MB above idle {found or ''}"
    return found


def _place_of(trace: str) -> str:
    """Return the functions in a dump of faulthandler: our outermost ones, or the innermost."""
    frames = re.findall(r'File "(.*?)", line \d+ in (\S+)', trace)
    places = [(path, f"{Path(path).name}:{function}") for path, function in frames]
    ours = [name for path, name in places if "/fastheat/" in path]
    outermost = [name for name in ours[::-1] if not name.startswith("cli.py")][:3]
    return " ".join(outermost or [name for _, name in places[:1]] or ["unknown"])


def _work(numbers: Iterable[int], inputs: Inputs, home: Path, pipe: int, times: int) -> None:
    """Read inputs in a child process, and report each as a line of JSON."""
    trace = home.with_suffix(".trace")
    with trace.open("w") as file:
        os.dup2(file.fileno(), 2)  # C libraries write there too
        watching = watch.Watch(home, file)
        for number in numbers:
            case = inputs[number]
            for _ in range(times):
                os.write(pipe, b'{"start": %d}\n' % number)
                found = read(case, home, watching, trace)
            told: dict[str, Any] = {"done": number, "found": found and [t[:3000] for t in found]}
            os.write(pipe, json.dumps(told).encode("ascii") + b"\n")
            tired = watch.resident() > watching.idle + TIRED
            if times == 1 and (tired or (found and found[0] in _AGAIN)):
                return


# ------------------------------------------------------------------------------ around them


@dataclass(frozen=True)
class _Task:
    """Inputs to read, or one input with a finding to read again."""

    numbers: list[int]
    first: Told | None


class _Child:
    """A forked process that reads inputs, or one input with a finding again on its own."""

    def __init__(self, task: _Task, inputs: Inputs, home: Path) -> None:
        self.task = task
        self.home = home
        self.at: int | None = None  # the input that it is reading
        self.left = list(task.numbers)
        self.told: list[Told] = []
        self._stalled = False
        self._rest = b""
        self.pipe, told = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(self.pipe)
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                _work(task.numbers, inputs, home, told, times=1 if task.first is None else 2)
                status = 0
            finally:
                os._exit(status)  # without the parent's exit handlers
        os.close(told)
        self._begin()

    def _begin(self) -> None:
        self._heard, self._used = time.monotonic(), self._processor_time()

    def _processor_time(self) -> float:
        with suppress(OSError):
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0

    def hear(self) -> bool:
        """Read its reports, and return whether it is still running."""
        data = os.read(self.pipe, 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for each in map(json.loads, lines):
            self.at = each.get("start")
            if "done" in each:
                self.left.remove(each["done"])
                if each["found"]:
                    self.told.append((each["done"], *each["found"]))
        self._begin()
        return bool(data)

    def check_stalled(self) -> None:
        if self._stalled or self.at is None:
            return
        late = time.monotonic() - self._heard > STALLED
        if late or self._processor_time() - self._used > 2 * watch.SECONDS:
            self._stalled = True
            os.kill(self.pid, signal.SIGABRT)  # faulthandler dumps where it is

    def end(self) -> None:
        """Wait for its end, which is a finding too if it was abnormal."""
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        shutil.rmtree(self.home, ignore_errors=True)
        if status == 0:
            return
        trace = self.home.with_suffix(".trace").read_text("utf-8", "replace")
        if self.at is None:
            raise RuntimeError(f"a process ended before or behind its inputs: {trace[-3000:]}")
        code = os.waitstatus_to_exitcode(status)
        said = signal.Signals(-code).name if code < 0 else f"status {code}"
        dump = trace[max(trace.rfind("Fatal Python error"), 0) :].partition("\n\nExtension")[0]
        kind = "hang" if self._stalled else "crash"
        self.left.remove(self.at)
        self.told.append((self.at, kind, f"{said} {_place_of(dump)}", dump[:3000]))


def search(
    inputs: Inputs,
    *,
    start: int = 0,
    stop: Callable[[int], bool],
    jobs: int,
    tell: Callable[[Found], None],
    count: Callable[[int], None] = lambda read: None,
) -> list[Found]:
    """Read inputs until `stop` says so, and return one finding of each kind and place.

    Parameters
    ----------
    start
        The number of the first input.
    stop
        Called with the number of the next input; returns whether to end there.
    jobs
        Processes that run at the same time.
    tell
        Called with each new finding.
    count
        Called with the number of inputs that were read.
    """
    found: dict[tuple[str, str], Found] = {}
    # for each finding, others to try if it is not reproduced
    doubted: dict[tuple[str, str], list[Told]] = {}
    tasks: list[_Task] = []
    read = begun = 0

    def keep(told: Told, alone: bool) -> None:
        number, kind, key, text = told
        if (kind, key) in found:
            return
        if kind in _AGAIN and not alone:
            if (kind, key) in doubted:
                doubted[kind, key].append(told)
            else:
                doubted[kind, key] = []
                tasks.append(_Task([number], told))
            return
        found[kind, key] = Found(kind, key, text, inputs[number])
        tell(found[kind, key])

    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        selectors.DefaultSelector() as selector,
    ):
        top = Path(folder).resolve()
        _write_secret(top)
        children: set[_Child] = set()
        try:
            while True:
                while len(children) < jobs and (tasks or not stop(start)):
                    if not tasks:
                        following = range(start, start + inputs.together)
                        tasks.append(_Task([n for n in following if not stop(n)], None))
                        start = following.stop
                    child = _Child(tasks.pop(), inputs, top / f"child-{begun}")
                    begun += 1
                    children.add(child)
                    selector.register(child.pipe, selectors.EVENT_READ, child)
                if not children:
                    return list(found.values())
                for key, _ in selector.select(1.0):
                    child = key.data
                    if child.hear():
                        continue
                    selector.unregister(child.pipe)
                    children.remove(child)
                    child.end()
                    first = child.task.first
                    for told in child.told:
                        keep(told, alone=first is not None)
                    if first is None:
                        read += len(child.task.numbers) - len(child.left)
                        count(read)
                        if child.left and not stop(child.left[0]):
                            tasks.append(_Task(child.left, None))
                        continue
                    number, kind, place, text = first
                    if kind == "crash" and not child.told:
                        keep((number, kind, place, f"not alone, but after others: {text}"), True)
                    others = doubted.pop((kind, place))
                    for told in others[:MOST_DOUBTED]:
                        keep(told, alone=False)
                for child in children:
                    child.check_stalled()
        finally:
            for child in children:
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)


def _write_secret(top: Path) -> None:
    """Write the files that no input may lead to."""
    (top / SECRET_NAME).write_bytes(SECRET.tobytes())
    if find_spec("h5py") is not None:
        import h5py

        with h5py.File(top / f"{SECRET_NAME}.h5", "w") as file:
            file["w"] = SECRET.reshape(2, 4, 8)


# ---------------------------------------------------------------------------------- what is kept


def save(found: Found, folder: Path) -> Path:
    """Keep the files that reproduce a finding."""
    place = folder / found.name
    shutil.rmtree(place, ignore_errors=True)
    for name, data in found.case.seed.files.items():
        path = place / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    said = asdict(found)
    said["case"]["seed"]["files"] = list(found.case.seed.files)
    (place / "finding.json").write_text(json.dumps(said, indent=1))
    return place


class Kept(Inputs):
    """The input of a kept finding."""

    together = 1

    def __init__(self, place: Path) -> None:
        said = json.loads((place / "finding.json").read_text())["case"]
        seed = said["seed"]
        files = {name: (place / "files" / name).read_bytes() for name in seed["files"]}
        self._case = Case(
            0, Seed(seed["kind"], seed["name"], files), said["reader"], said["variant"]
        )

    def __getitem__(self, number: int) -> Case:
        return self._case


def repeat(place: Path) -> list[Found]:
    """Read the input of a kept finding again, on its own."""
    return search(Kept(place), stop=lambda number: number > 0, jobs=1, tell=lambda found: None)


# a valid file of each kind
SOUND: tuple[str, ...] = (
    "stack-f8.npy",
    "frames.npz",
    "list-4.pkl",
    "one.safetensors",
    "state.pt",
    "one.h5",
)
SOUND += ("plain.gif", "aileron.ttf", "two.txt")


def warm(inputs: Inputs) -> None:
    """Load kernels, fonts and libraries before forking, except zarr, which starts threads."""
    seen: set[tuple[str, str]] = set()
    back = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for seed, name in inputs.pairs:
            if (seed.kind, name) in seen or seed.name not in SOUND:
                continue
            seen.add((seed.kind, name))
            for variant in range(4):
                case = Case(0, seed, name, variant)
                path = place(case, Path(folder).resolve() / "warm")
                try:
                    readers.check(name, path, seed.name, variant)
                except readers.Finding:
                    pass
                finally:
                    os.chdir(back)
                    tempfile.tempdir = None


def has_what_it_takes() -> bool:
    """Return whether this system has fork and /proc."""
    return hasattr(os, "fork") and sys.platform == "linux"
