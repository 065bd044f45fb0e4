"""One writer per file: who may write where, and what is left when a process ends."""

from __future__ import annotations

import errno
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from gif_info import read_info
from numpy.typing import NDArray

from fastheat import GifWriter, Heatmap, save_gif, save_indexed_gif
from fastheat.cli.main import main
from fastheat.gif import blocks
from fastheat.gif.file import GifFile
from fastheat.gif.target import Claim, check_target

LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "dpi": 40}
FRAMES = np.random.default_rng(3).uniform(-1, 1, (6, 2, 3))
PALETTE = np.zeros((4, 3), np.uint8)
posix = pytest.mark.skipif(os.name == "nt", reason="pipes, forks and links as POSIX has them")


def frames_in(path: Path) -> int:
    return len(by_pillow(path.read_bytes()))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def hidden_in(folder: Path) -> list[str]:
    return [name for name in names_in(folder) if name.startswith(".")]


HOLD = """
import sys
from fastheat import GifWriter
writer = GifWriter(sys.argv[1], vmin=-1, vmax=1, dpi=40, mode=sys.argv[2])
if sys.argv[3] == "1":
    writer.add([[0.0, 1.0]])
    writer.flush()
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path, mode: str = "w", added: bool = True) -> Iterator[Any]:
    """Let another process hold a file open; it is killed at the end if it is still alive."""
    argv = [sys.executable, "-c", HOLD, str(path), mode, str(int(added))]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
            yield child
        finally:
            child.kill()


# ------------------------------------------------------------------------------------- processes


@pytest.mark.parametrize("added", [True, False])
def test_the_second_process_is_refused_at_opening_in_words(tmp_path: Path, added: bool) -> None:
    path, link = tmp_path / "a.gif", tmp_path / "link.gif"
    if os.name != "nt":
        link.symlink_to(path)
    with held_by_another(path, added=added) as child:
        before = path.read_bytes() if added else b""
        message = re.escape(
            f"{path} is being written by process {child.pid}: record on one rank, or give each its "
            "own file"
        )
        places: list[Any] = [path, str(path), os.path.relpath(path)]
        for place in [*places, *([link] if os.name != "nt" else [])]:
            for mode in ("w", "a"):
                with pytest.raises(BlockingIOError, match=message):
                    GifWriter(place, mode=mode, **LOOK)
            with pytest.raises(BlockingIOError, match=message):
                save_gif(place, FRAMES, **LOOK)
            with pytest.raises(BlockingIOError, match=message):
                save_indexed_gif(place, np.zeros((2, 3, 3), np.uint8), PALETTE)
        assert (path.read_bytes() if path.exists() else b"") == before
    # the lock ends with its process, in whatever way that ends
    assert save_gif(path, FRAMES, **LOOK).frames == 6
    assert hidden_in(tmp_path) == []


def test_the_command_line_says_who_writes_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, source = tmp_path / "a.gif", tmp_path / "frames.npy"
    np.save(source, FRAMES)
    with held_by_another(path) as child:
        assert main(["render", str(source), "-o", str(path)]) != 0
        said = capsys.readouterr().err
        assert f"is being written by process {child.pid}: " in said
        assert said.count("\n") == 1


def test_a_writer_that_is_refused_reads_no_frames(tmp_path: Path) -> None:
    def frames() -> Iterator[NDArray[np.float64]]:
        raise AssertionError("read")
        yield

    with held_by_another(tmp_path / "a.gif"), pytest.raises(BlockingIOError):
        save_gif(tmp_path / "a.gif", frames(), **LOOK)


def test_what_a_killed_process_left_is_taken_away_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    with held_by_another(path):
        pass
    (lock,) = hidden_in(tmp_path)
    part = tmp_path / (tmp_path / lock).read_text().split("\n")[1]
    part.write_bytes(b"half")
    other = tmp_path / ".b.gif.0123456789ab.part"
    other.write_bytes(b"another's")
    with GifWriter(path, mode="a", **LOOK) as writer:
        assert writer.frames == 1
    assert hidden_in(tmp_path) == [other.name]


@pytest.mark.parametrize("said", ["1\n../x\n", "1\nx\n", "\0\n\n\n", "9" * 5000, ""])
def test_a_lock_that_says_anything_takes_nothing_away(tmp_path: Path, said: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for other in (tmp_path / "x", folder / "x"):
        other.write_bytes(b"")
    (folder / ".a.gif.lock").write_text(said)
    save_gif(folder / "a.gif", FRAMES, **LOOK)
    assert names_in(folder) == ["a.gif", "x"]
    assert (tmp_path / "x").exists()


@posix
def test_a_forked_child_is_refused_and_leaves_the_lock_to_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    writer = GifWriter(path, background=False, **LOOK)
    writer.add(FRAMES[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about forks in a process with threads
        child = os.fork()
    if child == 0:
        try:
            GifWriter(path, **LOOK)
        except BlockingIOError as error:
            os._exit(7 if f"process {os.getppid()}" in str(error) else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    writer.add(FRAMES[1])
    script = f"from fastheat import GifWriter; GifWriter({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "BlockingIOError" in done.stderr
    writer.close()
    assert frames_in(path) == 2


@posix
def test_a_child_that_lives_on_does_not_keep_the_lock_of_a_killed_parent(tmp_path: Path) -> None:
    script = """
import os, sys, time
from fastheat import GifWriter
writer = GifWriter(sys.argv[1], background=False)
writer.add([[0.0, 1.0]])
if os.fork() == 0:
    print("open", flush=True)
    os.close(1)
    time.sleep(20)
    os._exit(0)
time.sleep(20)
"""
    path = tmp_path / "a.gif"
    argv = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"open\n"
            parent.kill()
            parent.wait()
            with GifWriter(path, mode="a") as writer:
                assert writer.frames == 1
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_a_file_system_without_locks_is_told_by_the_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastheat.gif.target._locked", lambda _: None)
    path = tmp_path / "a.gif"
    with Claim(path):
        monkeypatch.setattr("fastheat.gif.target._claims", {})  # as in another process
        message = r"process \d+: .*; if it was killed, remove '.*\.a\.gif\.lock'"
        with pytest.raises(BlockingIOError, match=message):
            Claim(path)
    save_gif(path, FRAMES, **LOOK)
    assert hidden_in(tmp_path) == []


# --------------------------------------------------------------------------------- one process


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_writer_that_was_left_open_is_finished_by_the_next(
    tmp_path: Path, background: bool, mode: str
) -> None:
    path = tmp_path / "a.gif"
    older = GifWriter(path, background=background, **LOOK)
    for frame in FRAMES:
        older.add(frame)
    with GifWriter(path, mode=mode, background=background, **LOOK) as newer:
        assert newer.frames == (6 if mode == "a" else 0)
        assert frames_in(path) == 6
        with pytest.raises(ValueError, match="closed: another one was opened on its file"):
            older.add(FRAMES[0])
        newer.add(-FRAMES[0])
    summary = older.close()
    assert summary is not None
    assert summary.frames == 6
    assert frames_in(path) == (7 if mode == "a" else 1)
    assert hidden_in(tmp_path) == []


def test_what_went_wrong_with_the_older_writer_is_told(tmp_path: Path) -> None:
    older = GifWriter(tmp_path / "a.gif", background=True, **LOOK)
    older._session.error = OSError("disk full")
    with pytest.warns(UserWarning, match="left open met a OSError: disk full"):
        GifWriter(tmp_path / "a.gif", **LOOK).close()


def test_files_that_threads_save_to_one_path_are_refused_but_for_one(tmp_path: Path) -> None:
    path, go = tmp_path / "a.gif", threading.Event()
    results: list[int | None] = []
    refused: list[str] = []

    def frames() -> Iterator[NDArray[np.float64]]:
        yield FRAMES[0]
        go.wait(30)
        yield FRAMES[1]

    def save(source: Any) -> None:
        try:
            results.append(save_gif(path, source, **LOOK).frames)
        except BlockingIOError as error:
            refused.append(str(error))
            results.append(None)
            go.set()

    threads = [threading.Thread(target=save, args=(each,)) for each in (frames(), frames())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [2, None]
    assert "by this process already: " in refused[0]
    assert frames_in(path) == 2


@pytest.mark.parametrize("background", [True, False])
def test_threads_share_a_writer(tmp_path: Path, background: bool) -> None:
    path, count = tmp_path / "a.gif", 40
    errors: list[BaseException] = []
    writer = GifWriter(path, background=background, queue_bytes=4000, **LOOK)

    def record(number: int) -> None:
        try:
            for step in range(count):
                writer.add(np.full((2, 2), (number * count + step) / (4 * count)))
                if step % 13 == 0:
                    writer.flush()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary = writer.close()
    assert not errors
    assert summary is not None
    assert summary.frames == writer.frames == 4 * count
    data = path.read_bytes()
    assert sum(delay for _, delay in by_pillow(data)) == 4 * count * 100
    assert read_info(io.BytesIO(data)).trailing == 0


def test_threads_may_close_a_writer_at_once(tmp_path: Path) -> None:
    writer = GifWriter(tmp_path / "a.gif", **LOOK)
    writer.add(FRAMES[0])
    summaries: list[Any] = []
    threads = [threading.Thread(target=lambda: summaries.append(writer.close())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each is None for each in summaries].count(False) == 1


# ---------------------------------------------------------------------------- after a failure


def test_nothing_is_tried_again_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gif"
    header = blocks.header((1, 1), PALETTE, 2, 0)
    replace, tries = Path.replace, []

    def failing(part: Path, target: Path) -> Path:
        tries.append(part)
        if len(tries) == 1:
            path.write_bytes(b"another's")
            raise OSError(errno.ENOSPC, "no room")
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", failing)
    file = GifFile(path, header)
    file.add(blocks.EMPTY_IMAGE, 0, 10)
    with pytest.raises(OSError, match="no room"):
        file.commit()
    file.fail()
    assert path.read_bytes() == b"another's"
    assert names_in(tmp_path) == ["a.gif"]


@posix
@pytest.mark.parametrize("how", ["save_gif", "GifWriter", "save_indexed_gif"])
def test_a_pipe_whose_reader_leaves_is_an_error_and_no_wait(tmp_path: Path, how: str) -> None:
    pipe = tmp_path / "pipe.gif"
    os.mkfifo(pipe)
    script = f"""
import sys, numpy as np, fastheat
frames = np.random.default_rng(0).normal(size=(400, 40, 40))
if {how!r} == "save_gif":
    fastheat.save_gif({str(pipe)!r}, iter(frames), vmin=-1, vmax=1)
elif {how!r} == "GifWriter":
    with fastheat.GifWriter({str(pipe)!r}, vmin=-1, vmax=1, background=False) as writer:
        for frame in frames:
            writer.add(frame)
else:
    pictures = np.random.default_rng(0).integers(0, 4, (400, 400, 400), np.uint8)
    fastheat.save_indexed_gif({str(pipe)!r}, pictures, np.zeros((4, 3), np.uint8))
"""
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) as child:
        try:
            with pipe.open("rb") as reader:
                assert reader.read(3) == b"GIF"
            _, said = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 1
    assert b"BrokenPipeError" in said


@posix
def test_ctrl_c_while_a_pipe_has_no_reader_ends_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.gif"
    os.mkfifo(pipe)
    script = (
        "import fastheat, numpy as np; print('go', flush=True); "
        f"fastheat.save_gif({str(pipe)!r}, np.zeros((2, 2, 2)))"
    )
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"go\n"
            time.sleep(3)
            child.send_signal(signal.SIGINT)
            _, said = child.communicate(timeout=60)
        finally:
            child.kill()
    assert b"KeyboardInterrupt" in said


@pytest.mark.parametrize("kind", ["render", "save_gif", "stack"])
@posix
def test_a_pipe_as_font_is_refused(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "font.ttf"
    os.mkfifo(pipe)
    done: list[object] = []

    def draw() -> None:
        try:
            save_gif(io.BytesIO(), FRAMES, font=str(pipe) if kind == "stack" else pipe, **LOOK)
        except Exception as error:
            done.append(error)

    if kind == "render":
        np.save(tmp_path / "frames.npy", FRAMES)
        source, target = tmp_path / "frames.npy", tmp_path / "a.gif"
        draw = lambda: done.append(  # noqa: E731
            main(["render", str(source), "-o", str(target), "--font", str(pipe)])
        )
    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert done
    assert done != [0]


# ------------------------------------------------------------------------------------- places


@pytest.mark.parametrize("length", [100, 200, 201, 240, 250, 254, 255])
@pytest.mark.parametrize("letter", ["a", "ä"])
def test_long_names_are_written(tmp_path: Path, length: int, letter: str) -> None:
    stem = (length - 4) // len(letter.encode())
    path = tmp_path / f"{letter * stem}.gif"
    with GifWriter(path, **LOOK) as writer:
        writer.add(FRAMES[0])
        with pytest.raises(BlockingIOError):
            claim_in_another(path)
    assert frames_in(path) == 1
    assert hidden_in(tmp_path) == []


def claim_in_another(path: Path) -> None:
    """Raise the error that another process gets when it opens a path."""
    script = (
        "import sys; from fastheat.gif.target import Claim\n"
        "try: Claim(sys.argv[1])\n"
        "except BlockingIOError: sys.exit(7)\n"
    )
    if subprocess.run([sys.executable, "-c", script, str(path)]).returncode == 7:
        raise BlockingIOError


@pytest.mark.parametrize("hidden", [".a.gif.lock", ".a.gif.part"])
@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
@posix
def test_what_has_the_name_of_a_hidden_file_is_left_alone(
    tmp_path: Path, hidden: str, kind: str
) -> None:
    path, other = tmp_path / "a.gif", tmp_path / "other"
    other.write_bytes(b"precious")
    if kind == "folder":
        (tmp_path / hidden).mkdir()
    elif kind == "link":
        (tmp_path / hidden).symlink_to(other)
    else:
        os.mkfifo(tmp_path / hidden)
    with GifWriter(path, **LOOK) as writer:
        writer.add(FRAMES[0])
        with pytest.raises(BlockingIOError):
            claim_in_another(path)
    assert frames_in(path) == 1
    assert other.read_bytes() == b"precious"
    assert hidden_in(tmp_path) == [hidden]


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("before", [0, 100_000])
def test_a_file_in_a_folder_that_takes_no_other_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, before: int
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(bytes(before))
    inode = path.stat().st_ino
    system, opened = os.open, Path.open

    def no_new(name: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise OSError(code, os.strerror(code), str(name))
        return system(name, flags, *args, **kwargs)

    def no_part(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if "x" in mode:
            raise OSError(code, os.strerror(code), str(self))
        return opened(self, mode, *args, **kwargs)

    monkeypatch.setattr(os, "open", no_new)
    monkeypatch.setattr(Path, "open", no_part)
    with GifWriter(path, background=False, **LOOK) as writer:
        writer.add(FRAMES[0])
        monkeypatch.setattr("fastheat.gif.target._claims", {})  # as in another process
        with pytest.raises(BlockingIOError):
            Claim(path)
        writer.add(FRAMES[1])
    assert frames_in(path) == 2
    assert path.stat().st_ino == inode
    assert read_info(io.BytesIO(path.read_bytes())).trailing == 0


def test_a_file_that_is_mounted_there_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(bytes(100_000))

    def busy(part: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, "busy", str(target))

    monkeypatch.setattr(Path, "replace", busy)
    with GifWriter(path, background=False, **LOOK) as writer:
        for frame in FRAMES:
            writer.add(frame)
    assert frames_in(path) == 6
    assert names_in(tmp_path) == ["a.gif"]


@posix
@pytest.mark.parametrize("mode", ["w", "a"])
def test_links_in_a_circle_are_refused_in_a_line(tmp_path: Path, mode: str) -> None:
    one, two = tmp_path / "one.gif", tmp_path / "two.gif"
    one.symlink_to(two)
    two.symlink_to(one)
    with pytest.raises(OSError, match=r"expected a path that may be written: Too many levels"):
        check_target(one)
    with pytest.raises(OSError, match=r"expected a path that may be written: Too many levels"):
        GifWriter(one, mode=mode, **LOOK)
    with pytest.raises(OSError, match="File name too long"):
        check_target(tmp_path / ("a" * 300))


@posix
def test_a_link_keeps_pointing_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "a.gif", tmp_path / "link.gif"
    link.symlink_to(path)
    save_gif(link, FRAMES, **LOOK)
    assert link.is_symlink()
    assert frames_in(path) == 6
    assert hidden_in(tmp_path) == hidden_in(tmp_path / "real") == []


# ----------------------------------------------------------------- signals, collections of garbage


@posix
def test_a_handler_that_closes_the_writer_waits_for_the_frame(tmp_path: Path) -> None:
    """The handler may run at any line of `add`."""
    path = tmp_path / "a.gif"
    heatmap = Heatmap((30, 30), vmin=0, vmax=1, valfmt=None, row_labels=None, col_labels=None)
    values, whole = np.random.default_rng(0).random((30, 30)), []
    writer: list[GifWriter] = []
    before = signal.signal(signal.SIGALRM, lambda *_: whole.append(writer[-1].close()))
    random = np.random.default_rng(1)
    try:
        for number in range(300):
            path.unlink(missing_ok=True)
            writer.append(GifWriter(path, background=False, heatmap=heatmap))
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 4e-3))
            try:
                taken = writer[-1].add(values)
            except ValueError:
                taken = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            writer[-1].close()
            assert path.exists() == taken, number
            assert not taken or frames_in(path) == 1
            assert hidden_in(tmp_path) == []
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_frame_within_a_frame_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = GifWriter(tmp_path / "a.gif", background=False, **LOOK)
    write, errors = GifFile._write, []

    def within(file: GifFile, data: Any) -> None:
        monkeypatch.undo()
        with pytest.raises(RuntimeError, match="not one within another") as caught:
            writer.add(FRAMES[1])
        errors.append(caught.value)
        assert writer.close() is None
        write(file, data)

    monkeypatch.setattr(GifFile, "_write", within)
    writer.add(FRAMES[0])
    assert errors
    assert frames_in(tmp_path / "a.gif") == 1
    assert hidden_in(tmp_path) == []


def test_a_collection_of_garbage_may_close_a_writer_while_another_opens(tmp_path: Path) -> None:
    script = """
import gc, sys, numpy as np, fastheat
options = dict(background=False, vmin=0, vmax=1, valfmt=None, row_labels=None, col_labels=None)
for count in list(range(4, 24)) * 2:
    gc.collect(); gc.disable()
    cycle = fastheat.GifWriter(sys.argv[1] + "/one.gif", **options)
    cycle.add(np.eye(2)); cycle.me = cycle
    gc.collect(0); del cycle
    gc.set_threshold(count, 2, 10**6); gc.enable()
    with fastheat.GifWriter(sys.argv[1] + "/two.gif", **options) as other: other.add(np.eye(2))
    gc.set_threshold(700, 10, 10)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert names_in(tmp_path) == ["one.gif", "two.gif"]


HELD_IN_CHILD = """
import multiprocessing, sys, numpy as np, fastheat
def child(path):
    writer = fastheat.GifWriter(path, vmin=0, vmax=1, valfmt=None)
    for k in range(20): writer.add(np.full((2, 2), k / 20), step=k)
if __name__ == "__main__":
    process = multiprocessing.get_context(sys.argv[2]).Process(target=child, args=sys.argv[1:2])
    process.start(); process.join(); sys.exit(process.exitcode)
"""


@posix
@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_a_writer_left_open_in_a_child_is_finished_when_that_ends(
    tmp_path: Path, start: str
) -> None:
    path, script = tmp_path / "a.gif", tmp_path / "child.py"
    script.write_text(HELD_IN_CHILD)
    argv = [sys.executable, "-W", "ignore", str(script), str(path), start]
    assert subprocess.run(argv).returncode == 0
    assert frames_in(path) == 20
    assert hidden_in(tmp_path) == []


@posix
def test_a_file_is_one_under_all_its_names(tmp_path: Path) -> None:
    path, other = tmp_path / "a.gif", tmp_path / "other.gif"
    save_gif(path, FRAMES, **LOOK)
    os.link(path, other)
    with GifWriter(path, mode="a", **LOOK) as writer:
        with pytest.raises(BlockingIOError, match="by another writer: "):
            GifWriter(other, mode="a", **LOOK)
        with pytest.raises(BlockingIOError):
            claim_in_another(other)
        writer.add(FRAMES[0])
    with GifWriter(other, mode="a", **LOOK) as writer:
        assert writer.frames == 7


@posix
@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_that_is_removed_meanwhile_is_told(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "a.gif"
    writer = GifWriter(path, background=False, **LOOK)
    writer.add(FRAMES[0])
    path.unlink()
    if replaced:
        path.write_bytes(b"another's")
    writer.add(FRAMES[1])
    with pytest.warns(UserWarning, match="was removed or replaced while it was written"):
        writer.close()
    assert not replaced or path.read_bytes() == b"another's"


@posix
def test_a_pipe_at_the_name_of_the_lock_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / ".a.gif.lock")
    system = os.open

    def unwritable(name: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if str(name).endswith(".a.gif.lock") and flags & os.O_RDWR:
            raise FileExistsError if flags & os.O_CREAT else PermissionError
        return system(name, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", unwritable)
    assert save_gif(tmp_path / "a.gif", FRAMES, **LOOK).frames == 6
