"""GifWriter: the bytes of save_gif, whatever happens to the process, the disk or the loop."""

from __future__ import annotations

import copy
import gc
import io
import itertools
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from decoders import every_decoder
from gif_info import GifInfo, read_info
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageSequence

import fastheat
from fastheat import GifWriter, Heatmap, save_gif
from fastheat.gif import blocks
from fastheat.gif.file import GifFile
from fastheat.pipeline.sampling import Sampler
from fastheat.render.encode import encode_chunk

LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "dpi": 50}
TITLE = "step {step}  loss {loss:.2f}"


@pytest.fixture(autouse=True)
def clipped_values_are_no_news() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "over all frames", UserWarning)
        yield


def walk(count: int, shape: tuple[int, int] = (3, 4), seed: int = 0) -> NDArray[np.float32]:
    """Return frames, some of which repeat the previous one."""
    steps = np.random.default_rng(seed).normal(0, 0.1, (count, *shape))
    steps[4::7] = 0
    return steps.cumsum(0).astype(np.float32)


def pictures(path: Path | io.BytesIO) -> list[tuple[int, NDArray[np.uint8]]]:
    """Return the delay and the pixels of each frame, equal consecutive ones merged."""
    shown: list[tuple[int, NDArray[np.uint8]]] = []
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            delay, pixels = int(frame.info["duration"]), np.asarray(frame.convert("RGB"))
            if shown and (shown[-1][1] == pixels).all():
                delay += shown.pop()[0]
            shown.append((delay, pixels))
    return shown


def said_in(info: GifInfo) -> list[dict[str, Any]]:
    return [json.loads(comment)["fastheat"] for comment in info.comments]


def info_of(path: Path) -> GifInfo:
    with path.open("rb") as file:
        return read_info(file)


def assert_same(first: Path, second: Path) -> None:
    one, other = pictures(first), pictures(second)
    assert [delay for delay, _ in one] == [delay for delay, _ in other]
    for (_, pixels), (_, others) in zip(one, other, strict=True):
        np.testing.assert_array_equal(pixels, others)


# --------------------------------------------------------------------------------- the same bytes


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"valfmt": None, "duration": 33.4},
        {"fps": 30, "hold": 900, "loop": 3},
        {"duration": 40_000, "hold": 20},
        {"title": "no field", "loop": None},
    ],
)
def test_the_bytes_are_those_of_save_gif(options: dict[str, Any], background: bool) -> None:
    frames = walk(50)
    whole, stream = io.BytesIO(), io.BytesIO()
    expected = save_gif(whole, frames, **LOOK, **options)
    with GifWriter(stream, background=background, **LOOK, **options) as writer:
        for frame in frames:
            assert writer.add(frame)
        summary = None if background else writer.close()
    assert stream.getvalue() == whole.getvalue()
    if summary is not None:
        assert (summary.frames, summary.merged) == (expected.frames, expected.merged)
        assert (summary.duration, summary.bytes) == (expected.duration, expected.bytes)


@pytest.mark.parametrize("background", [True, False])
def test_filled_titles_are_those_that_save_gif_is_given(background: bool) -> None:
    frames = walk(40)
    titles = [f"step {k}  loss {1 / (1 + k):.2f}" for k in range(40)]
    whole, stream = io.BytesIO(), io.BytesIO()
    heatmap = Heatmap((3, 4), title=TITLE, **LOOK)
    save_gif(whole, frames, titles=titles, heatmap=heatmap)
    with GifWriter(stream, title=TITLE, background=background, **LOOK) as writer:
        for k, frame in enumerate(frames):
            writer.add(frame, loss=1 / (1 + k))
    assert stream.getvalue() == whole.getvalue()
    stream.seek(0)
    shown = pictures(stream)
    assert len(shown) == 40
    for (_, pixels), frame, title in zip(shown, frames, titles, strict=True):
        np.testing.assert_array_equal(pixels, heatmap.rgb(frame, title))


def test_a_sink_that_cannot_seek_gets_the_same_pixels() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    pipe, whole = Pipe(), io.BytesIO()
    with GifWriter(pipe, hold=500, **LOOK) as writer:  # type: ignore[arg-type]
        for frame in walk(20):
            writer.add(frame)
    save_gif(whole, walk(20), hold=500, **LOOK)
    assert pipe.data == whole.getvalue()


def test_values_are_copied_before_add_returns(tmp_path: Path) -> None:
    frames, weights = walk(60), np.zeros((3, 4), np.float32)
    with GifWriter(tmp_path / "live.gif", **LOOK) as writer:
        for frame in frames:
            weights[:] = frame
            writer.add(weights)
            weights[:] = np.nan
    save_gif(tmp_path / "whole.gif", frames, **LOOK)
    assert (tmp_path / "live.gif").read_bytes() == (tmp_path / "whole.gif").read_bytes()


def test_the_first_values_give_the_range_that_is_not_given() -> None:
    stream = io.BytesIO()
    with GifWriter(stream, background=False, dpi=50) as writer:
        for frame in walk(5):
            writer.add(frame)
    (said,) = said_in(read_info(io.BytesIO(stream.getvalue())))
    assert (said["vmin"], said["vmax"]) == (walk(5)[0].min(), walk(5)[0].max())
    assert said["shape"] == [3, 4]
    assert said["dtype"] == "float32"


# ------------------------------------------------------------------------------ whole at every add


@pytest.mark.parametrize("sync", [False, True])
def test_the_file_is_whole_with_all_frames_after_each_add(tmp_path: Path, sync: bool) -> None:
    path, frames = tmp_path / "live.gif", walk(30)
    heatmap = Heatmap((3, 4), **LOOK)
    with GifWriter(path, background=False, sync=sync, heatmap=heatmap) as writer:
        for count, frame in enumerate(frames, 1):
            writer.add(frame)
            shown = pictures(path)
            np.testing.assert_array_equal(shown[-1][1], heatmap.rgb(frame))
            assert sum(delay for delay, _ in shown) == 100 * count


def test_flush_waits_for_all_frames(tmp_path: Path) -> None:
    path = tmp_path / "live.gif"
    with GifWriter(path, **LOOK) as writer:
        for count, frame in enumerate(walk(40), 1):
            writer.add(frame)
            if count % 10 == 0:
                writer.flush()
                assert sum(delay for delay, _ in pictures(path)) == 100 * count


def test_an_old_file_stays_until_the_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "old.gif"
    path.write_bytes(b"old")
    GifWriter(path).close()
    assert path.read_bytes() == b"old"
    path.chmod(0o600)
    with GifWriter(path, background=False, **LOOK) as writer:
        writer.add(walk(1)[0])
        assert len(pictures(path)) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    link, path = tmp_path / "link.gif", tmp_path / "real.gif"
    link.symlink_to(path)
    with GifWriter(link, **LOOK) as writer:
        writer.add(walk(1)[0])
    assert link.is_symlink()
    assert len(pictures(path)) == 1


class Watched(io.BytesIO):
    """A file that is decoded after each write, as a reader at that instant would see it."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: list[int] = []

    def write(self, data: Any) -> int:
        written = super().write(data)
        self.counts.append(len(read_info(io.BytesIO(self.getvalue())).frames))
        return written

    def truncate(self, size: int | None = None) -> int:
        length = super().truncate(size)
        read_info(io.BytesIO(self.getvalue()))
        return length


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([2, 10, 60_000, 65_535, 65_536, 131_071])),
        min_size=1,
        max_size=12,
    ),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.integers(-60_000, 70_000),
)
def test_delays_are_mended_to_what_one_commit_would_write(
    frames: list[tuple[bool, int]], commits: list[bool], held: int
) -> None:
    table = np.zeros((256, 3), np.uint8)
    header = blocks.header((2, 2), table, 4, 0)
    files = Watched(), io.BytesIO(), Stream()
    last = frames[-1][1]
    for file, cut in zip(files, (True, False, True), strict=True):
        with closing(GifFile(file, header)) as target:
            for k, ((repeats, delay), commit) in enumerate(zip(frames, commits, strict=False)):
                label = blocks.comment("x" * (k % 3))
                target.add(b"" if repeats and k else blocks.EMPTY_IMAGE, 0, delay, label=label)
                if cut and commit:
                    target.commit()
            target.hold(max(held, 2 - last), blocks.comment("end"))
        data = file.getvalue()
        assert target.length == len(data)
        info = read_info(io.BytesIO(data))
        assert sum(frame.delay for frame in info.frames) == target.ticks
        assert info.trailing == 0
    assert files[0].getvalue() == files[1].getvalue() == files[2].getvalue()


class Stream(io.BytesIO):
    """A sink that cannot seek."""

    def seekable(self) -> bool:
        return False


LOOP = """
import sys
import numpy as np
import fastheat
path, background, mode = sys.argv[1], sys.argv[2] == "1", sys.argv[3]
frames = np.load(path + ".npy")
writer = fastheat.GifWriter(
    path, vmin=-1, vmax=1, dpi=40, mode=mode, background=background, duration=20,
    title="step {step}",
)
print("ready", flush=True)
for step in range(len(frames)):
    writer.add(frames[step], step=step)
    print(step, flush=True)
writer.close()
"""


def killed(path: Path, background: bool, delay: float, after: str = "0\n") -> int:
    """Run the loop in a child, kill it, and return the last step that it reported as added.

    The delay begins when the child prints `after`.
    """
    argv = [sys.executable, "-c", LOOP, str(path), str(int(background)), "w"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = ""
        while line != after:
            line = child.stdout.readline()
        time.sleep(delay)
        child.kill()
        said = [line, *child.stdout.read().split("\n")[:-1]]
    return int(said[-1]) if said[-1] != "ready\n" else -1


def check_killed(path: Path, whole: Path, frames: NDArray[np.float32], moments: list[float]) -> int:
    """Kill children after these delays, and return how many were killed in the middle."""
    between = 0
    for number, moment in enumerate(moments):
        background = number % 4 == 3
        path.unlink(missing_ok=True)
        # one in ten at any time around the first frame
        last = killed(path, background, moment, "0\n" if number % 10 else "ready\n")
        if not path.exists():
            assert last == -1 or background
            continue
        between += last < len(frames) - 1
        counts = every_decoder(path)
        assert len(set(counts.values())) == 1, counts
        count = next(iter(counts.values()))
        if not background:
            assert count >= last + 1
        with GifWriter(
            path, mode="a", vmin=-1, vmax=1, dpi=40, duration=20, title="step {step}"
        ) as writer:
            assert writer.frames == count
            assert writer.step == count - 1
            for step in range(count, len(frames)):
                writer.add(frames[step], step=step)
        assert_same(path, whole)
    return between


def prepared(tmp_path: Path) -> tuple[Path, Path, NDArray[np.float32]]:
    frames = walk(400)
    path, whole = tmp_path / "killed.gif", tmp_path / "whole.gif"
    np.save(f"{path}.npy", frames)
    with GifWriter(whole, vmin=-1, vmax=1, dpi=40, duration=20, title="step {step}") as writer:
        for step, frame in enumerate(frames):
            writer.add(frame, step=step)
    return path, whole, frames


def test_a_killed_loop_leaves_a_whole_file_that_is_gone_on_with(tmp_path: Path) -> None:
    moments = np.random.default_rng(0).uniform(0, 0.3, 4).tolist()
    check_killed(*prepared(tmp_path), moments)


@pytest.mark.skipif("FASTHEAT_SLOW_TESTS" not in os.environ, reason="takes minutes")
def test_two_hundred_killed_loops(tmp_path: Path) -> None:
    moments = np.random.default_rng(1).uniform(0, 0.1, 200).tolist()  # about as long as the loop
    assert check_killed(*prepared(tmp_path), moments) > 100


# ------------------------------------------------------------------------------------------ errors


class Failing(io.BytesIO):
    """A file on a disk that fills up."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("background", [True, False])
def test_a_full_disk_is_told_once_and_leaves_what_was_committed(background: bool) -> None:
    file, frames = Failing(20_000), walk(200)
    added = 0
    with (  # noqa: PT012
        pytest.raises(
            OSError, match=r"No space left on device after \d+ frames, which the file has"
        ),
        GifWriter(file, background=background, **LOOK) as writer,
    ):
        for frame in frames:
            writer.add(frame)
            if background:
                writer.flush()
            added += 1
    writer.close()
    assert added > 3
    shown = pictures(io.BytesIO(file.getvalue()))
    assert sum(delay for delay, _ in shown) == 100 * added
    heatmap = Heatmap((3, 4), **LOOK)
    np.testing.assert_array_equal(shown[-1][1], heatmap.rgb(frames[added - 1]))


@pytest.mark.parametrize("background", [True, False])
def test_a_full_disk_of_a_real_file(tmp_path: Path, background: bool) -> None:
    code = f"""
import resource, signal, sys
import numpy as np
import fastheat
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
rng = np.random.default_rng(0)
with fastheat.GifWriter(sys.argv[1], vmin=-1, vmax=1, background={background}) as writer:
    writer.add(np.zeros((3, 4)))
    writer.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    for step in range(100_000):
        writer.add(rng.normal(size=(3, 4)))
        writer.flush()
"""
    path = tmp_path / "full.gif"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("OSError") == 1
    assert "File too large after" in done.stderr
    assert str(path) in done.stderr
    assert len(pictures(path)) > 2


def test_an_error_in_the_thread_is_raised_by_the_next_add_or_by_close() -> None:
    def valfmt(x: float) -> str:
        if x > 5:
            raise ZeroDivisionError("five")
        return "x"

    writer = GifWriter(io.BytesIO(), valfmt=valfmt, **LOOK)
    writer.add(walk(1)[0])
    writer.add(walk(1)[0] + 9)
    with pytest.raises(ZeroDivisionError, match="five"):
        writer.flush()
    with pytest.raises(ZeroDivisionError, match="five"):
        writer.add(walk(1)[0])
    assert writer.close() is None
    other = GifWriter(io.BytesIO(), valfmt=valfmt, **LOOK)
    other.add(walk(1)[0] + 9)
    with pytest.raises(ZeroDivisionError, match="five"):
        other.close()
    other.close()


def test_an_error_of_the_loop_is_the_one_that_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "weights.gif"
    with pytest.raises(KeyError, match="diverged"), GifWriter(path, **LOOK) as writer:  # noqa: PT012
        for frame in walk(20):
            writer.add(frame)
        raise KeyError("diverged")
    assert sum(delay for delay, _ in pictures(path)) == 2000


@pytest.mark.parametrize("background", [True, False])
def test_ctrl_c_leaves_all_frames_that_were_added(tmp_path: Path, background: bool) -> None:
    code = f"""
import sys, time
import numpy as np
import fastheat
with fastheat.GifWriter(sys.argv[1], vmin=-1, vmax=1, background={background}) as writer:
    for step in range(10**9):
        writer.add(np.random.default_rng(step).normal(size=(3, 4)))
        print(step, flush=True)
        time.sleep(0.001)
"""
    path = tmp_path / "interrupted.gif"
    argv = [sys.executable, "-W", "ignore", "-c", code, str(path)]
    with (
        (tmp_path / "errors").open("w+") as errors,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, text=True) as child,
    ):
        assert child.stdout is not None
        while child.stdout.readline() != "20\n":
            pass
        child.send_signal(signal.SIGINT)
        # not `communicate`, which misses what `readline` has buffered
        out = child.stdout.read()
        errors.seek(0)
        err = errors.read()
    assert err.count("KeyboardInterrupt") >= 1
    last = max([20, *map(int, out.split())])
    assert len(pictures(path)) in (last + 1, last + 2)


@pytest.mark.parametrize("ending", ["pass", "del writer, gc", "raise SystemExit(3)"])
def test_a_forgotten_close_loses_nothing(tmp_path: Path, ending: str) -> None:
    code = f"""
import gc, sys
import numpy as np
import fastheat
writer = fastheat.GifWriter(sys.argv[1], vmin=-1, vmax=1)
for frame in np.random.default_rng(0).normal(size=(50, 3, 4)):
    writer.add(frame)
{ending}
"""
    path = tmp_path / "forgotten.gif"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode == (3 if "3" in ending else 0), done.stderr
    assert done.stderr == ""
    assert len(pictures(path)) == 50


@pytest.mark.parametrize("helped", [True, False])
def test_a_loop_is_recorded_while_kernels_compile(tmp_path: Path, helped: bool) -> None:
    code = f"""
import sys
import numpy as np
import fastheat
from fastheat.render.kernels import jit, objects
objects.BUILT = objects.BUILT / "nothing"
compiled = []
if not {helped}:
    sys.executable = "/no/python"
with jit.on_compiling(lambda: compiled.append(1)):
    with fastheat.GifWriter(sys.argv[1], vmin=-1, vmax=1, valfmt=None) as writer:
        for frame in np.random.default_rng(0).normal(size=(50, 3, 4)):
            writer.add(frame)
print(len(compiled), "numba" in sys.modules)
"""
    path, again = tmp_path / "loop.gif", tmp_path / "again.gif"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(path)],
        env=os.environ | {"FASTHEAT_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", str(not helped)]
    with GifWriter(again, vmin=-1, vmax=1, valfmt=None, background=False) as writer:
        for frame in np.random.default_rng(0).normal(size=(50, 3, 4)):
            writer.add(frame)
    assert path.read_bytes() == again.read_bytes()


def test_a_writer_that_nothing_refers_to_ends_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "gone.gif"
    writer = GifWriter(path, **LOOK)
    writer.add(walk(1)[0])
    thread = writer._thread
    assert thread is not None
    del writer
    gc.collect()
    thread._thread.join()
    assert len(pictures(path)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("background", [True, False])
def test_only_the_process_that_opened_it_writes(tmp_path: Path, background: bool) -> None:
    code = f"""
import os, sys
import numpy as np
import fastheat
frames = np.random.default_rng(0).normal(size=(30, 3, 4))
writer = fastheat.GifWriter(sys.argv[1], vmin=-1, vmax=1, background={background})
for k, frame in enumerate(frames):
    writer.add(frame)
    if k % 10 == 5:
        child = os.fork()
        if not child:
            try:
                writer.add(frame)
            except RuntimeError as error:
                assert "not in its child" in str(error)
            else:
                os._exit(1)
            writer.flush()
            writer.close()
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
writer.close()
"""
    path = tmp_path / "forked.gif"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(pictures(path)) == 30


def test_an_error_class_with_a_constructor_of_its_own_is_told() -> None:
    class BrokenError(OSError):
        def __init__(self, why: str) -> None:
            super().__init__(5, why)

    class Sink(io.BytesIO):
        def write(self, data: Any) -> int:
            raise BrokenError("unplugged")

    for background in (True, False):
        writer = GifWriter(Sink(), background=background, **LOOK)
        with pytest.raises(OSError, match="unplugged"):  # noqa: PT012
            writer.add(np.zeros((2, 2)))
            writer.flush()


def test_ctrl_c_within_add_leaves_every_frame_as_it_was() -> None:
    code = """
import io, signal, warnings
import numpy as np
import fastheat

warnings.simplefilter("ignore")

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
file = io.BytesIO()
writer = fastheat.GifWriter(file, vmin=0, vmax=100, valfmt=None, figsize=(5, 5))
zeros = np.zeros((350, 350))
writer.add(zeros)
writer.flush()
for delay in np.linspace(1e-4, 2e-3, 20):
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        while True:
            writer.add(zeros)
    except KeyboardInterrupt:
        pass
writer.flush()
values = [8.0 * k for k in range(1, 13)]
for value in values:
    writer.add(np.full((350, 350), value))
writer.close()
heatmap = fastheat.Heatmap((350, 350), vmin=0, vmax=100, valfmt=None, figsize=(5, 5))
from PIL import Image, ImageSequence
shown = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(Image.open(file))]
wanted = [heatmap.rgb(np.full((350, 350), value)) for value in [0.0, *values]]
assert len(shown) == len(wanted), len(shown)
assert all((a == b).all() for a, b in zip(shown, wanted))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_flush_after_the_thread_has_ended_does_not_wait_for_it() -> None:
    writer = GifWriter(io.BytesIO(), **LOOK)
    writer.add(np.zeros((2, 2)))
    assert writer._thread is not None
    writer._thread.close()
    writer.flush()
    with pytest.raises(ValueError, match="it is closed"):
        writer.add(np.zeros((2, 2)))


def test_the_folder_is_that_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    monkeypatch.chdir(tmp_path / "one")
    with GifWriter("x.gif", **LOOK) as writer:
        monkeypatch.chdir(tmp_path / "two")
        writer.add(np.zeros((2, 2)))
    assert (tmp_path / "one" / "x.gif").exists()
    assert not (tmp_path / "two" / "x.gif").exists()


def test_a_part_of_a_killed_process_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    (tmp_path / ".x.gif.part").symlink_to(other)
    with GifWriter(tmp_path / "x.gif", **LOOK) as writer:
        writer.add(np.zeros((2, 2)))
    assert other.read_bytes() == b"precious"
    assert len(pictures(tmp_path / "x.gif")) == 1


# ------------------------------------------------------------------------------- what is recorded


def recorded(loop: range, **options: Any) -> list[int]:
    with GifWriter(io.BytesIO(), background=False, valfmt=None, **LOOK, **options) as writer:
        return [step for step in loop if writer.add(np.full((2, 2), step / 9), step=step)]


def test_every_nth_step_is_recorded() -> None:
    assert recorded(range(20), every=7) == [0, 7, 14]
    assert recorded(range(5, 20), every=7) == [7, 14]


def test_named_steps_are_recorded() -> None:
    assert recorded(range(20), steps=[3, 3, 18, 40]) == [3, 18]


def test_steps_on_a_logarithmic_scale_are_about_as_many_in_each_decade() -> None:
    assert recorded(range(1001), steps=1) == [0, 1, 10, 100, 1000]
    assert recorded(range(101), steps=2) == [0, 1, 3, 10, 32, 100]
    sampler = Sampler(None, 10, None)
    taken = [step for step in range(10_001) if sampler.takes(step)]
    for low in (100, 1000):
        assert len([step for step in taken if low <= step < 10 * low]) == 10


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int64, np.uint8, np.bool_])
@pytest.mark.parametrize("valfmt", ["{x}", None])
@pytest.mark.parametrize("background", [True, False])
def test_masked_arrays_are_written_as_save_gif_writes_them(
    dtype: Any, valfmt: str | None, background: bool
) -> None:
    rng = np.random.default_rng(0)
    values = (rng.random((9, 3, 4)) * 4).round().astype(dtype)
    mask = rng.random(values.shape) < 0.3
    mask[[1, 4, 5]] = False
    every = np.ma.array(values, mask=mask)
    look: dict[str, Any] = {"vmin": 0, "vmax": 4, "valfmt": valfmt}
    for frames in (every, every[1:]):  # the first frame is masked, or not
        each = [frame if frame.mask.any() else frame.data for frame in frames]
        pairs: list[tuple[Any, list[Any]]] = [
            (frames, each),
            (frames, list(frames)),
            ({"a": frames, "b": frames.data}, [{"a": one, "b": one.data} for one in frames]),
        ]
        for stack, recorded_frames in pairs:
            file, other = io.BytesIO(), io.BytesIO()
            save_gif(other, stack, **look)
            with GifWriter(file, background=background, **look) as writer:
                for frame in recorded_frames:
                    writer.add(frame)
            assert file.getvalue() == other.getvalue()


@pytest.mark.filterwarnings("ignore:drew:UserWarning")
def test_masked_blocks_of_large_matrices_are_masked() -> None:
    values = np.random.default_rng(0).random((3, 700, 90))
    frames = np.ma.array(values, mask=np.zeros(values.shape, bool))
    frames[1, 100:200, 20:60] = np.ma.masked
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "figsize": (3, 2.5), "bad": "red"}
    file, other = io.BytesIO(), io.BytesIO()
    save_gif(other, frames, **look)
    with GifWriter(file, **look) as writer:
        for frame in frames:
            writer.add(frame)
    assert file.getvalue() == other.getvalue()


def test_integers_that_float64_has_not_are_told_of_among_masked_ones() -> None:
    large = np.ma.masked_equal(np.array([[2**53 + 1, 2], [3, 4]]), 2)
    look: dict[str, Any] = {"vmin": 0, "vmax": 2**54, "valfmt": None}
    told = pytest.warns(UserWarning, match="frame 1: 9007199254740993 in cell")
    with told, GifWriter(io.BytesIO(), **look) as writer:
        for frame in (np.ones((2, 2), np.int64), large):
            writer.add(frame)


@pytest.mark.parametrize("step", [np.int64(7), np.array(7)])
def test_whole_numbers_of_any_kind_are_steps(step: Any) -> None:
    with GifWriter(io.BytesIO(), background=False, every=7, **LOOK) as writer:
        assert writer.add(np.zeros((2, 2)), step=step)
        assert writer.step == 7
        assert not writer.add(np.zeros((2, 2)), step=step + 1)
        with pytest.raises(TypeError, match=r"expected step to be a whole number, not 2\.5"):
            writer.add(np.zeros((2, 2)), step=2.5)


def test_without_a_step_the_calls_are_counted() -> None:
    with GifWriter(io.BytesIO(), background=False, every=3, **LOOK) as writer:
        assert [writer.add(np.ones((2, 2))) for _ in range(7)] == [True, False, False] * 2 + [True]
    assert writer.frames == 3
    assert writer.step == 6


def test_recording_keeps_to_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    sampler = Sampler(None, None, 0.01)
    taken = 0
    for step in range(10_000):
        now[0] += 0.010
        if sampler.takes(step):
            sampler.spend(0.005)
            now[0] += 0.005
            taken += 1
            assert taken * 0.005 <= 0.01 * now[0] + 0.005
    assert taken == pytest.approx(200, rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every to be a whole number from 1, not 0"),
        ({"every": 2.5}, "every to be a whole number from 1, not 2.5"),
        ({"every": True}, "every to be a whole number"),
        ({"every": 2, "steps": [1]}, "every or steps, not both"),
        ({"steps": "12"}, "steps to be the numbers of steps"),
        ({"steps": [1, 2.5]}, "steps to be whole numbers, not 2.5"),
        (
            {"steps": 0.001},
            "steps to be the numbers of steps, or how many of a decade, 0.1 or more",
        ),
        ({"steps": -1}, "steps to be the numbers of steps"),
        ({"steps": float("inf")}, "steps to be the numbers of steps"),
        ({"steps": 10**400}, "steps to be the numbers of steps"),
        ({"overhead": 0}, "overhead to be a share"),
        ({"overhead": 1.5}, "overhead to be a share .* not 1.5"),
        ({"overhead": "1%"}, "overhead to be a share"),
        ({"mode": "x"}, "mode"),
        ({"autoscale": "all"}, "autoscale"),
        ({"when_full": "block"}, "when_full"),
        ({"queue_bytes": 0}, "queue_bytes to be a whole number, 1 or more"),
        ({"background": 1}, "background"),
        ({"sync": "yes"}, "sync"),
        ({"sync": True}, "sync=True with a file on disk"),
        ({"title": "loss {"}, "title to be a format string"),
        ({"title": "loss {}"}, "a name in each field of the title"),
        ({"title": "loss {0}"}, "a name in each field of the title"),
        ({"fps": 0}, "fps to be above 0"),
        ({"hold": -1}, "hold"),
        ({"shape": (0, 3)}, "shape"),
        ({"cmapp": "x"}, "unknown option 'cmapp'; did you mean 'cmap'"),
        ({"evry": 2}, "unknown option 'evry'; did you mean 'every'"),
        ({"cmap": "virdis"}, "virdis"),
        ({"heatmap": Heatmap((2, 2)), "cmap": "gray"}, "either heatmap= or options"),
        ({"heatmap": 3}, "heatmap to be a Heatmap"),
        ({"heatmap": Heatmap((2, 2)), "shape": (3, 3)}, "a heatmap of shape"),
        ({"autoscale": "grow", "threshold": 0.5}, "no threshold with autoscale='grow'"),
        ({"row_labels": ["a", "b"], "shape": (3, 3)}, "row_labels"),
        ({"mode": "a"}, "a path with mode='a'"),
    ],
)
def test_wrong_arguments_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    threads = threading.active_count()
    with pytest.raises((TypeError, ValueError), match=message):
        GifWriter(io.BytesIO(), **options)
    assert threading.active_count() <= threads


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((2, 3)), r"frame 1 has shape \(2, 3\), expected \(2, 2\)"),
        (np.ones(4), r"a matrix \(N, M\), not of shape \(4,\): give \[values\]"),
        (3.0, r"expected a matrix \(N, M\), not of shape \(\)$"),
        (np.ones((4, 3, 2)), r"of shape \(4, 3, 2\): give values.reshape\(4, -1\)"),
        (np.ones((2, 2), complex), "frame 1 has dtype complex128, expected real numbers"),
        (np.ones((2, 2), np.int64), "frame 1 has dtype int64, expected float64"),
        (np.array([["a", "b"], ["c", "d"]]), "frame 1 has dtype <U1"),
        ({"w": np.ones((2, 2))}, "expected one matrix"),
        (None, r"frame 1: expected numbers, not None, as a gradient is before backward\(\)"),
        ("weights", "frame 1 has dtype <U7"),
        ([[1.0, 2.0], [3.0]], "frame 1 has rows of 1 and of 2 cells"),
        (Image.new("P", (4, 3)), "expected numbers, not a picture"),
        (
            SimpleNamespace(state_dict=dict),
            "not a SimpleNamespace: give its .state_dict",
        ),
    ],
)
def test_wrong_values_are_refused_and_the_next_are_taken(values: object, message: str) -> None:
    stream = io.BytesIO()
    with GifWriter(stream, **LOOK) as writer:
        writer.add(np.zeros((2, 2)))
        with pytest.raises((TypeError, ValueError), match=message):
            writer.add(values)
        writer.add([[1, 0.0], [0, 1]])
    assert len(pictures(stream)) == 2


def test_titles_need_their_fields_and_their_place() -> None:
    with GifWriter(io.BytesIO(), title=TITLE, **LOOK) as writer:
        with pytest.raises(TypeError, match="expected loss= with add, for the title"):
            writer.add(np.zeros((2, 2)), step=3)
        with pytest.raises(ValueError, match=r"expected values for the title .* not .*'nought'"):
            writer.add(np.zeros((2, 2)), loss="nought")
        with pytest.raises(TypeError, match="title to be a text, number or date, not \\{3\\}"):
            writer.add(np.zeros((2, 2)), title={3})
        writer.add(np.zeros((2, 2)), loss=np.float32(3))
    with GifWriter(io.BytesIO(), **LOOK) as writer:
        writer.add(np.zeros((2, 2)))
        with pytest.raises(ValueError, match="title= from the first frame on"):
            writer.add(np.zeros((2, 2)), title="late")
    stream = io.BytesIO()
    with GifWriter(stream, background=False, **LOOK) as writer:
        writer.add(np.zeros((2, 2)), title="one")
        writer.add(np.zeros((2, 2)), title="two")
    (_, one), (_, two) = pictures(stream)
    heatmap = Heatmap((2, 2), **LOOK)
    np.testing.assert_array_equal(one, heatmap.rgb(np.zeros((2, 2)), "one"))
    np.testing.assert_array_equal(two, heatmap.rgb(np.zeros((2, 2)), "two"))


def test_a_closed_writer_takes_nothing() -> None:
    writer = GifWriter(io.BytesIO(), **LOOK)
    writer.add(np.zeros((2, 2)))
    assert writer.close() is not None
    assert writer.close() is None
    with pytest.raises(ValueError, match="it is closed"):
        writer.add(np.zeros((2, 2)))


@pytest.mark.parametrize("when_full", ["wait", "drop"])
def test_a_full_queue_waits_or_drops_and_counts(
    when_full: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*args: Any) -> Any:
        time.sleep(0.02)
        return encode_chunk(*args)

    monkeypatch.setattr("fastheat.pipeline.session.encode_chunk", slow)
    stream = io.BytesIO()
    writer = GifWriter(stream, queue_bytes=300, when_full=when_full, **LOOK)
    taken = [writer.add(frame) for frame in np.eye(3, dtype=np.float32)[np.arange(40) % 3, None]]
    assert writer.frames == sum(taken)
    assert writer.dropped == 40 - sum(taken)
    if when_full == "wait":
        assert all(taken)
        writer.close()
    else:
        assert 2 <= sum(taken) < 40
        with pytest.warns(UserWarning, match=rf"dropped {writer.dropped} frames"):
            writer.close()
    assert sum(delay for delay, _ in pictures(stream)) == 100 * sum(taken)


# ------------------------------------------------------------------------------ range that grows


def grown(path: Path, frames: NDArray[np.float32], **options: Any) -> fastheat.GifSummary:
    with GifWriter(path, autoscale="grow", **options) as writer:
        for frame in frames:
            writer.add(frame)
        summary = writer.close()
    assert summary is not None
    return summary


@pytest.mark.parametrize("options", [{}, {"valfmt": None}, {"cbar": True}, {"title": "{step}"}])
def test_a_range_that_grows_holds_all_values_and_is_in_the_picture(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path, again = tmp_path / "grow.gif", tmp_path / "again.gif"
    frames = walk(40) * np.linspace(1, 30, 40, dtype=np.float32)[:, None, None]
    summary = grown(path, frames, **options)
    grown(again, frames, background=False, **options)
    assert path.read_bytes() == again.read_bytes()
    assert (summary.under, summary.over) == (0, 0)
    assert summary.vmin <= frames.min() < frames.max() <= summary.vmax
    wide = summary.vmax - summary.vmin
    assert wide < 1.5 * (frames.max() - frames.min())
    info = info_of(path)
    ranges = said_in(info)
    widened = [(r["vmin"], r["vmax"]) for r in ranges if "vmin" in r]
    assert 3 < len(widened) < 40
    for (a, b), (c, d) in itertools.pairwise(widened):
        assert c <= a < b <= d
    # the cells stay in place, in the colours of a heatmap with the final range
    shown = pictures(path)
    heatmap = Heatmap((3, 4), vmin=summary.vmin, vmax=summary.vmax, **options)
    said = f"[{summary.vmin:g}, {summary.vmax:g}]"
    title = f"{options['title'].format(step=39)}  {said}" if "title" in options else said
    with GifWriter(tmp_path / "last.gif", mode="w", autoscale="grow", **options) as writer:
        writer.add(frames[0])
        writer.flush()
        assert writer.heatmap is not None
        assert isinstance(writer.heatmap, Heatmap)
        before = writer.heatmap.layout().panels[0].grid
        for frame in frames[1:]:
            writer.add(frame)
        writer.flush()
        assert isinstance(writer.heatmap, Heatmap)
        after = writer.heatmap.layout().panels[0].grid
        drawn = writer.heatmap.rgb(frames[-1], None if "cbar" in options else title)
    np.testing.assert_array_equal(shown[-1][1], drawn)
    assert all((a == b).all() for a, b in zip(before[:5], after[:5], strict=True))
    own = heatmap.layout(frames.dtype)
    i, j = np.indices((3, 4))
    middle = drawn[after.y0[i] + 1, after.x0[j] + 1]
    plain = heatmap.rgb(frames[-1])[own.panels[0].grid.y0[i] + 1, own.panels[0].grid.x0[j] + 1]
    np.testing.assert_array_equal(middle, plain)


@pytest.mark.filterwarnings("ignore:left out the text")
@pytest.mark.filterwarnings("ignore:could not widen")
@pytest.mark.parametrize("value", [5e-324, 1e-310, 1e10, 1e300, 1.7e308])
def test_a_range_grows_to_any_number(value: float) -> None:
    file = io.BytesIO()
    with GifWriter(file, autoscale="grow", valfmt=None, dpi=50) as writer:
        for x in (0.0, value, -value):
            writer.add([[0.0, x]])
    assert len(pictures(file)) >= 2


@pytest.mark.filterwarnings("ignore:left out the text")
def test_a_range_that_cannot_grow_any_more_is_kept_and_told(tmp_path: Path) -> None:
    frames = np.array([[0.13, -0.13], [0.64, 0.10]]) * 2.0 ** np.arange(60)[:, None, None]
    path = tmp_path / "diverged.gif"
    writer = GifWriter(path, autoscale="grow", cbar=True, duration=20)
    for frame in frames:
        writer.add(frame)
    with pytest.warns(UserWarning, match="could not widen the range any more"):
        writer.close()
    assert writer.summary is not None
    assert writer.summary.over > 0
    assert sum(delay for delay, _ in pictures(path)) == 20 * 60


@pytest.mark.parametrize("background", [True, False])
def test_frames_before_one_that_fails_are_in_the_file(tmp_path: Path, background: bool) -> None:
    def valfmt(x: float) -> str:
        if x > 8.5:
            raise ZeroDivisionError("large")
        return f"{x:.1f}"

    path = tmp_path / "failed.gif"
    writer = GifWriter(path, background=background, valfmt=valfmt, **LOOK)
    with pytest.raises(ZeroDivisionError, match="large"):  # noqa: PT012
        for k in range(10):
            writer.add(np.full((2, 2), float(k)))
        writer.close()
    writer.close()
    assert sum(delay for delay, _ in pictures(path)) == 900


@pytest.mark.parametrize("background", [True, False])
def test_durations_that_end_too_early_end_the_file_there(tmp_path: Path, background: bool) -> None:
    path = tmp_path / "short.gif"
    writer = GifWriter(path, background=background, duration=[100] * 5, **LOOK)
    with pytest.raises(ValueError, match="expected a duration for each frame, not 5 for more"):  # noqa: PT012
        for frame in walk(6):
            writer.add(frame)
        writer.close()
    writer.close()
    assert sum(delay for delay, _ in pictures(path)) == 500


def test_a_range_that_holds_all_values_does_not_grow(tmp_path: Path) -> None:
    summary = grown(tmp_path / "wide.gif", walk(10), vmin=-9, vmax=9)
    assert (summary.vmin, summary.vmax) == (-9, 9)


# --------------------------------------------------------------------------------------- going on


def test_a_file_is_gone_on_with_where_a_checkpoint_was(tmp_path: Path) -> None:
    frames, whole, path = walk(60), tmp_path / "whole.gif", tmp_path / "resumed.gif"
    for file, parts in ((whole, [range(60)]), (path, [range(25), range(20, 41), range(30, 60)])):
        for part in parts:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "left out .* of steps up to")
                with GifWriter(file, mode="a", title=TITLE, duration=33.4, **LOOK) as writer:
                    for step in part:
                        writer.add(frames[step], step=step, loss=1 / (1 + step))
        assert writer.frames == 60
        assert writer.step == 59
    assert writer.repeated == 11
    assert_same(whole, path)


def test_a_warning_says_what_the_file_had_already(tmp_path: Path) -> None:
    path = tmp_path / "twice.gif"
    for _ in range(2):
        writer = GifWriter(path, mode="a", **LOOK)
        taken = [writer.add(frame, step=step) for step, frame in enumerate(walk(5))]
        if writer.repeated:
            assert not any(taken)
            with pytest.warns(UserWarning, match="left out 5 frames of steps up to 4"):
                writer.close()
        else:
            writer.close()
    assert writer.frames == 5


@pytest.mark.parametrize("hold", [None, 900])
def test_a_file_of_save_gif_is_gone_on_with(tmp_path: Path, hold: float | None) -> None:
    frames, whole, path = walk(30), tmp_path / "whole.gif", tmp_path / "resumed.gif"
    save_gif(whole, frames, hold=hold, fps=30, **LOOK)
    save_gif(path, frames[:13], hold=hold, fps=30, **LOOK)
    with GifWriter(path, mode="a", hold=hold, fps=30, **LOOK) as writer:
        assert writer.frames == 13
        for frame in frames[13:]:
            writer.add(frame)
    assert_same(whole, path)


@pytest.mark.parametrize("hold", [900, 2_000, 2_000_000])
@pytest.mark.parametrize("again", [None, 500])
def test_a_held_frame_is_let_go_once(tmp_path: Path, hold: float, again: float | None) -> None:
    frames, path, whole = walk(12), tmp_path / "held.gif", tmp_path / "whole.gif"
    with GifWriter(path, hold=hold, **LOOK) as writer:
        for step in range(3):
            writer.add(frames[step], step=step)
    GifWriter(path, mode="a", hold=hold, **LOOK).close()
    for first in (3, 6):
        # a run that ended without closing the file
        other = GifWriter(path, mode="a", background=False, hold=again, **LOOK)
        assert other.frames == first
        for step in range(first, first + 3):
            other.add(frames[step], step=step)
        other._session.output.file.abandon()  # type: ignore[union-attr]
        other._session.output.file = None
    with GifWriter(path, mode="a", **LOOK) as writer:
        for step in range(9, 12):
            writer.add(frames[step], step=step)
    save_gif(whole, frames, **LOOK)
    assert_same(path, whole)


@pytest.mark.parametrize("background", [True, False])
def test_the_last_step_is_known_after_repeats_and_growth(tmp_path: Path, background: bool) -> None:
    path = tmp_path / "steps.gif"
    with GifWriter(path, autoscale="grow", background=background) as writer:
        for step, value in enumerate([1, 5, 5, 2, 3, 3, 4, 4]):
            writer.add([[0.0, value]], step=step)
    with GifWriter(path, mode="a", autoscale="grow") as writer:
        assert writer.step == 7
        assert writer.frames == 8


def test_frames_with_titles_of_their_own_are_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "titled.gif"
    for first in (0, 3):
        with GifWriter(path, mode="a", **LOOK) as writer:
            for step in range(first, first + 3):
                writer.add(walk(6)[step], title=f"t{step}", step=step)
    assert len(pictures(path)) == 6


def test_the_range_is_that_of_the_file(tmp_path: Path) -> None:
    frames, path = walk(30), tmp_path / "resumed.gif"
    for part in (frames[:10], frames[10:]):
        with GifWriter(path, mode="a", dpi=50) as writer:
            for frame in part:
                writer.add(frame)
    low, high = float(frames[0].min()), float(frames[0].max())
    heatmap = Heatmap((3, 4), vmin=low, vmax=high, dpi=50)
    np.testing.assert_array_equal(pictures(path)[-1][1], heatmap.rgb(frames[-1]))


def test_a_range_goes_on_growing(tmp_path: Path) -> None:
    frames, path, whole = walk(40), tmp_path / "resumed.gif", tmp_path / "whole.gif"
    frames *= np.linspace(1, 30, 40, dtype=np.float32)[:, None, None]
    for part in (frames[:20], frames[20:]):
        with GifWriter(path, mode="a", autoscale="grow", cbar=True) as writer:
            for frame in part:
                writer.add(frame)
    grown(whole, frames, cbar=True)
    assert_same(path, whole)


def test_a_file_whose_range_grew_asks_for_that(tmp_path: Path) -> None:
    path = tmp_path / "grown.gif"
    grown(path, walk(20) * np.linspace(1, 30, 20, dtype=np.float32)[:, None, None])
    with pytest.raises(ValueError, match=r"expected size .*: give autoscale='grow', as its range"):
        GifWriter(path, mode="a", dpi=40)


def test_a_tail_that_was_not_committed_is_cut_off(tmp_path: Path) -> None:
    frames, whole, path = walk(30), tmp_path / "whole.gif", tmp_path / "resumed.gif"
    save_gif(whole, frames, **LOOK)
    save_gif(path, frames[:13], **LOOK)
    with path.open("ab") as file:
        file.write(os.urandom(100_000))
    with GifWriter(path, mode="a", **LOOK) as writer:
        for frame in frames[13:]:
            writer.add(frame)
    assert_same(whole, path)
    assert info_of(path).trailing == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dpi": 60}, r"expected size \(\d+, \d+\) as in the file to continue, not \(\d+, \d+\)"),
        ({"cmap": "magma"}, "the colors of the file"),
        ({"vmin": -2}, "expected vmin -1.0 as in the file to continue, not -2.0"),
        ({"loop": 3}, "expected loop 0 as in the file to continue, not 3"),
        (
            {"duration": 70},
            r"expected duration=100 \(fps=10\) as in the file to continue, not duration=70 ",
        ),
        ({"fps": 30}, r"not duration=33.3333 \(fps=30\)$"),
        ({"duration": [130] * 30}, "expected duration=100 .* not durations of each frame"),
        ({"title": "epoch"}, "expected size .*: give the title, labels, font, cbar, figsize and"),
        ({"title": "{step}"}, "expected size .*: give no changing title and no range"),
        ({"autoscale": "grow", "vmin": None}, "give no changing title and no range in the title"),
        ({"valfmt": "{x:.1f}"}, "expected the labels, texts, fonts and grid of the file"),
        ({"row_labels": ["a", "b", "c"]}, "expected the labels, texts, fonts and grid"),
        ({"square": False, "figsize": (3, 2)}, "expected the labels, texts, fonts and grid"),
        ({"shape": (4, 3)}, r"expected shape \(3, 4\) as in the file to continue, not \(4, 3\)"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_left_as_it_is(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = tmp_path / "other.gif"
    fixed: dict[str, Any] = {"figsize": (3, 2)} if "expected the labels" in message else {}
    save_gif(path, walk(10), **LOOK, **fixed)
    options = {**fixed, **options}
    with path.open("ab") as file:
        file.write(b"tail")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        GifWriter(path, mode="a", **{**LOOK, **options})
    assert path.read_bytes() == before
    with GifWriter(path, mode="a", **LOOK, **fixed) as writer:
        with pytest.raises(TypeError, match="dtype float64, expected float32"):
            writer.add(np.zeros((3, 4)))
        with pytest.raises(ValueError, match=r"shape \(2, 2\), expected \(3, 4\)"):
            writer.add(np.zeros((2, 2), np.float32))


@pytest.mark.parametrize("data", [b"GIF89a", b"no gif at all", b"GIF89a\x01\0\x01\0\0\0\0;"])
def test_what_fastheat_did_not_write_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "foreign.gif"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="expected a"):
        GifWriter(path, mode="a", **LOOK)
    assert path.read_bytes() == data


# --------------------------------------------------------------------------------------- notebooks


def test_a_notebook_shows_the_gif_as_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from base64 import b64decode

    path = tmp_path / "shown.gif"
    with GifWriter(path, **LOOK) as writer:
        assert "text/html" not in writer._repr_mimebundle_()
        writer.add(walk(1)[0])
        html = writer._repr_mimebundle_(include=None)["text/html"]
        assert b64decode(html.split("base64,")[1].split('"')[0]) == path.read_bytes()
        monkeypatch.setattr("fastheat.writer.INLINE_BYTES", 10)
        assert "too large to be shown" in writer._repr_mimebundle_()["text/plain"]
    with GifWriter(io.BytesIO(), **LOOK) as other:
        assert list(other._repr_mimebundle_()) == ["text/plain"]


def test_groups_and_ticks_may_be_read_but_once_and_the_shape_be_that_of_the_first() -> None:
    file = io.BytesIO()
    options: dict[str, Any] = {"vmin": 0, "vmax": 1, "cbar": True, "background": "none"}
    with GifWriter(
        file, row_groups=iter([5]), col_groups=iter([1, 7]), cbar_ticks=iter([0, 1]), **options
    ) as writer:
        writer.add(np.full((6, 8), 0.5))
    assert writer.heatmap is not None
    same = Heatmap((6, 8), row_groups=[5], col_groups=[1, 7], cbar_ticks=[0, 1], **options)
    np.testing.assert_array_equal(writer.heatmap.rgb(np.ones((6, 8))), same.rgb(np.ones((6, 8))))


@pytest.mark.parametrize("more", [{}, {"title": "t" * 5000}, {"annot": [["a" * 5000]]}])
def test_what_waits_counts_with_its_objects_title_and_annotations(more: dict[str, Any]) -> None:
    """Compared with what Python allocates, since small frames consist mostly of objects."""
    frame, room, go = np.zeros((1, 1), np.float32), 2_000_000, threading.Event()
    GifWriter(io.BytesIO(), **LOOK).close()  # loads the kernels first
    writer = GifWriter(io.BytesIO(), queue_bytes=room, when_full="drop", **LOOK)
    writer._session.write = lambda *_: go.wait(30)  # type: ignore[method-assign, assignment]
    tracemalloc.start()
    try:
        while writer.add(frame, **{name: copied(each) for name, each in more.items()}):
            pass
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        go.set()
    with pytest.warns(UserWarning, match="dropped 1 frame"):
        writer.close()
    assert 0.3 * room < held < 1.2 * room


@pytest.mark.skipif(os.name == "nt", reason="timers of POSIX")
def test_an_add_that_is_interrupted_while_it_waits_makes_no_room() -> None:
    def late(*_: object) -> None:
        raise TimeoutError

    go, frame = threading.Event(), np.zeros((100, 100))
    writer = GifWriter(io.BytesIO(), queue_bytes=3 * frame.nbytes, valfmt=None, **LOOK)
    writer._session.write = lambda *_: go.wait(60)  # type: ignore[method-assign, assignment]
    before = signal.signal(signal.SIGALRM, late)
    queued = 0
    try:
        for _ in range(40):
            with suppress(TimeoutError):
                signal.setitimer(signal.ITIMER_REAL, 0.02)
                queued += writer.add(frame)
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        go.set()
    writer.close()
    assert 2 <= queued <= 4


def copied(value: Any) -> Any:
    """Return a copy of a string, or of rows of strings, in new memory."""
    return "".join(list(value)) if isinstance(value, str) else [[copied(x) for x in value[0]]]


STATE = {
    "0.weight": np.arange(6.0).reshape(2, 3),
    "0.bias": np.arange(2.0),
    "1.num_batches_tracked": np.array(3),
    "2.weight": np.ones((2, 3, 3, 3)),
}


def test_a_state_is_drawn_with_vectors_as_rows_and_says_once_what_it_leaves_out() -> None:
    stream, other = io.BytesIO(), io.BytesIO()
    with GifWriter(stream) as gif:
        with pytest.warns(UserWarning, match="left out") as caught:
            gif.add(STATE)
        gif.add(STATE)
    assert [str(each.message) for each in caught] == [
        "left out '1.num_batches_tracked' (a number), '2.weight' (2, 3, 3, 3), expected matrices "
        "and vectors: numbers are drawn with lines=, others as .reshape(len(w), -1)"
    ]
    with GifWriter(other) as gif:
        for _ in range(2):
            gif.add({"0.weight": STATE["0.weight"], "0.bias": STATE["0.bias"][None]})
    assert stream.getvalue() == other.getvalue()


def test_states_in_a_list_are_drawn_as_a_writer_draws_them() -> None:
    states = [{**STATE, "1.num_batches_tracked": np.zeros((1, 1, 1)) + k} for k in range(2)]
    stream, other = io.BytesIO(), io.BytesIO()
    with pytest.warns(UserWarning, match="left out"):
        save_gif(stream, states, vmin=0, vmax=5)
    with GifWriter(other, vmin=0, vmax=5) as gif:
        with pytest.warns(UserWarning, match="left out"):
            gif.add(states[0])
        gif.add(states[1])
    assert stream.getvalue() == other.getvalue()


def test_entries_of_nested_dictionaries_are_named_by_their_path() -> None:
    nested = {"params": {"dense": {"kernel": np.eye(2), "bias": [1.0, 2.0]}}}
    stream = io.BytesIO()
    with GifWriter(stream) as gif:
        gif.add(nested)
    assert gif.heatmap is not None
    assert gif.heatmap.shape == {"params.dense.kernel": (2, 2), "params.dense.bias": (1, 2)}
    with GifWriter(io.BytesIO()) as gif, pytest.raises(ValueError, match=r"two of 'a\.b'"):
        gif.add({"a.b": np.eye(2), "a": {"b": np.eye(2)}})


def test_a_number_of_a_line_may_be_none() -> None:
    def recorded(none: float | None) -> bytes:
        stream = io.BytesIO()
        with GifWriter(stream, lines=["loss", "val"], vmin=0, vmax=1) as gif:
            gif.add({"w": np.eye(2)}, loss=1.0, val=none)
            gif.add({"w": np.eye(2)}, loss=0.5, val=2.0)
            gif.add({"w": np.eye(2), "val": none}, loss=0.25)
        return stream.getvalue()

    assert recorded(None) == recorded(math.nan)


def test_a_number_of_a_line_is_given_once() -> None:
    with (
        GifWriter(io.BytesIO(), lines="loss") as gif,
        pytest.raises(TypeError, match="expected loss once, not in the frame and as loss= too"),
    ):
        gif.add({"w": np.eye(2), "loss": 1.0}, loss=0.5)


def test_titles_of_a_frame_are_given_by_name_and_no_second_argument_is_one() -> None:
    with GifWriter(io.BytesIO()) as gif, pytest.raises(TypeError, match="positional argument"):
        gif.add(np.eye(2), 1)  # type: ignore[call-arg]


def test_lines_and_panels_take_what_they_name_out_of_a_state() -> None:
    state = {"w": np.eye(2), "loss": 0.5, "k": np.ones((2, 2, 2))}
    panels = fastheat.Panels({"w": (2, 2)}, lines="loss")
    for options in ({"lines": "loss"}, {"heatmap": panels}):
        gif = GifWriter(io.BytesIO(), **options)
        with pytest.warns(UserWarning, match=r"left out 'k' \(2, 2, 2\), expected"):
            gif.add(state)
        gif.close()
    with GifWriter(io.BytesIO()) as gif, pytest.raises(ValueError, match="at least one matrix"):
        gif.add({"loss": 0.5, "k": np.ones((2, 2, 2))})


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("do", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_writer_is_neither_copied_nor_pickled(do: Any, background: bool) -> None:
    with GifWriter(io.BytesIO(), background=background) as gif:
        for value in (gif, {"recorder": gif}):
            if do is not copy.copy or value is gif:
                with pytest.raises(TypeError, match=r"^expected a GifWriter to be neither copied"):
                    do(value)
        gif.add(np.eye(2))


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no long double")
def test_digits_of_a_long_double_that_are_lost_are_told() -> None:
    third = np.ones((2, 2), np.longdouble) / 3
    message = r"0\.33333333333333333334 in cell \(0, 0\) becomes 0\.33333333333333331483 as float64"
    with pytest.warns(UserWarning, match=message):
        save_gif(io.BytesIO(), third[None])
    with pytest.warns(UserWarning, match=message), GifWriter(io.BytesIO()) as gif:
        gif.add(third)
    with GifWriter(io.BytesIO()) as gif:
        gif.add(np.full((2, 2), 0.1).astype(np.longdouble))
