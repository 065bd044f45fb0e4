"""Sources: what any process can read for itself gives the same frames there as here."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fastheat import save_gif
from fastheat.sources import open_frames
from fastheat.stores import Mapped, Source, is_local, let_go, read_frames

STACK = np.arange(60, dtype=np.float32).reshape(5, 4, 3)


class Made:
    """A source of a user's own: no array, no sequence."""

    def __init__(self, stack: npt.NDArray[Any], dtype: Any = None) -> None:
        self.stack = stack
        self.shape = stack.shape
        self.dtype = stack.dtype if dtype is None else dtype

    def read(self, start: int, stop: int) -> Any:
        assert 0 <= start < stop <= len(self.stack)
        return self.stack[start:stop]


def source_of(frames: object) -> Source:
    source = open_frames(frames).source
    assert source is not None
    assert not isinstance(source, Mapping)
    return source


VIEWS: dict[str, Callable[[Any], Any]] = {
    "whole": lambda stack: stack,
    "part": lambda stack: stack[1:4, :, 1:],
    "every other": lambda stack: stack[::2],
    "backwards": lambda stack: stack[::-1, ::-1],
    "transposed": lambda stack: stack.transpose(0, 2, 1),
    "plain view": lambda stack: np.asarray(stack)[1:],
    "repeated": lambda stack: np.broadcast_to(stack[2], (7, 4, 3)),
    "other bytes": lambda stack: stack.view("u1"),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_views_of_a_mapped_file_are_read_where_they_are_unpickled(
    view: str, mode: Any, tmp_path: Path
) -> None:
    np.save(tmp_path / "stack.npy", STACK)
    array = VIEWS[view](np.load(tmp_path / "stack.npy", mmap_mode=mode))
    frames = open_frames(array)
    source = frames.source
    assert isinstance(source, Mapped)
    assert not is_local(source)
    sent = pickle.dumps(source)
    assert len(sent) < 1000
    again = pickle.loads(sent)
    assert (again.shape, again.dtype) == (array.shape, array.dtype)
    for start, stop in ((2, 3), (0, len(array)), (1, 3)):
        np.testing.assert_array_equal(again.read(start, stop), array[start:stop])
    assert frames.file == source.path == tmp_path / "stack.npy"


def test_an_offset_of_many_pages_is_kept(tmp_path: Path) -> None:
    data = np.arange(30_000, dtype=np.int32)
    data.tofile(tmp_path / "raw")
    array = np.memmap(tmp_path / "raw", np.int32, "r", 4 * 10_001, (3, 40, 50))
    again = pickle.loads(pickle.dumps(source_of(array[1:])))
    np.testing.assert_array_equal(again.read(1, 2)[0], data[10_001 + 4000 :][:2000].reshape(40, 50))


def test_another_process_reads_a_path_for_itself(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", STACK)
    source = source_of(tmp_path / "stack.npy")
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).read(3, 5).tolist())"
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(source), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == str(STACK[3:].tolist())


@pytest.mark.parametrize("change", [b"", b"longer"])
def test_a_mapped_file_that_changed_its_size_is_refused(change: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stack.npy"
    np.save(path, STACK)
    again = pickle.loads(pickle.dumps(source_of(path)))
    whole = path.read_bytes()
    path.write_bytes(whole + change if change else whole[:-4])
    with pytest.raises(
        ValueError, match=r"cannot read .*stack\.npy: the file changed after it was open"
    ):
        again.read(0, 1)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        again.read(0, 1)


def test_what_other_processes_cannot_see_is_local(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", STACK)
    changed = np.load(tmp_path / "stack.npy", mmap_mode="c")
    changed[0] = 7  # in memory alone
    masked = np.ma.MaskedArray(np.load(tmp_path / "stack.npy", mmap_mode="r"), STACK > 50)
    sums = np.load(tmp_path / "stack.npy", mmap_mode="r") + 0
    arrays = [STACK, changed, masked, sums]
    if os.name == "posix":
        arrays.append(np.memmap(tmp_path / "gone", np.float32, "w+", shape=(5, 4, 3)))
        (tmp_path / "gone").unlink()
    for array in arrays:
        source = source_of(array)
        assert is_local(source)
        part = read_frames(source, 1, 3)
        np.testing.assert_array_equal(part, array[1:3])
        np.testing.assert_array_equal(np.ma.getmaskarray(part), np.ma.getmaskarray(array[1:3]))


@pytest.mark.parametrize(
    "frames", [list(STACK), iter(STACK), [STACK[0].tolist()]], ids=["list", "iterator", "nested"]
)
def test_what_is_taken_in_order_has_no_source(frames: object) -> None:
    assert open_frames(frames).source is None


FILES: dict[str, Callable[[Path], object]] = {
    "members.npz": lambda path: np.savez(path, *STACK),
    "members, compressed.npz": lambda path: np.savez_compressed(path, *STACK),
    "members in Fortran order.npz": lambda path: np.savez(path, *map(np.asfortranarray, STACK)),
    "stack.npz": lambda path: np.savez(path, STACK),
    "stack in Fortran order.npz": lambda path: np.savez(path, np.asfortranarray(STACK)),
    "stack.pkl": lambda path: path.write_bytes(pickle.dumps(np.repeat(STACK, 20, 2))),
    "dict.pkl": lambda path: path.write_bytes(pickle.dumps({"w": np.repeat(STACK, 20, 2)})),
    "list.pkl": lambda path: path.write_bytes(pickle.dumps(list(np.repeat(STACK, 20, 2)))),
    "list in Fortran order.pkl": lambda path: path.write_bytes(
        pickle.dumps([np.asfortranarray(frame) for frame in np.repeat(STACK, 20, 2)])
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_any_frames_of_a_file_are_read_alone_and_elsewhere(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    frames = open_frames(tmp_path / name)
    (chunk,) = frames.chunks(9)
    source = source_of(tmp_path / name)
    assert not is_local(source)
    again = pickle.loads(pickle.dumps(source))
    assert (again.shape, again.dtype) == (chunk.shape, frames.dtype)
    for start, stop in ((3, 5), (0, 1), (2, 4), (0, 5)):
        np.testing.assert_array_equal(read_frames(again, start, stop), chunk[start:stop])
    np.testing.assert_array_equal(again[-2], chunk[-2])
    np.testing.assert_array_equal(again[::-2], chunk[::-2])
    np.testing.assert_array_equal(np.asarray(again), chunk)
    status = (tmp_path / name).stat()
    FILES[name](tmp_path / name)
    os.utime(tmp_path / name, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    afresh = pickle.loads(pickle.dumps(frames.source))
    with pytest.raises(ValueError, match=r"cannot read .*: the file changed after it was opened"):
        afresh.read(0, 1)


def test_what_does_not_lie_apart_is_taken_in_order(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "stack.npz", STACK)
    np.savez(tmp_path / "types.npz", STACK[0], STACK[1].astype("f8"))
    (tmp_path / "small.pkl").write_bytes(pickle.dumps(list(STACK)))
    for name in ("stack.npz", "types.npz", "small.pkl"):
        assert open_frames(tmp_path / name).source is None


def test_a_damaged_member_is_refused_when_it_is_read_alone(tmp_path: Path) -> None:
    stack = np.repeat(STACK, 2000, 2)
    np.savez(tmp_path / "members.npz", *stack)
    data = (tmp_path / "members.npz").read_bytes()
    place = data.index(stack[3].tobytes()) + stack[3].nbytes - 1
    damaged = bytearray(data)
    damaged[place] ^= 1
    (tmp_path / "members.npz").write_bytes(damaged)
    source = source_of(tmp_path / "members.npz")
    np.testing.assert_array_equal(source.read(0, 3), stack[:3])
    with pytest.raises(ValueError, match=r"cannot read .*members\.npz: arr_3\.npy is damaged"):
        source.read(2, 5)


def test_threads_read_one_source_at_once(tmp_path: Path) -> None:
    stack = np.arange(200.0 * 64).reshape(200, 8, 8)
    np.save(tmp_path / "stack.npy", stack)
    again = pickle.loads(pickle.dumps(source_of(tmp_path / "stack.npy")))

    def read(number: int) -> bool:
        block = read_frames(again, number, number + 1)
        same = bool((block == stack[number]).all())
        let_go(block)
        return same

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, [*range(200)] * 3))


def test_a_source_of_ones_own_is_read_as_an_array_is() -> None:
    for source in (Made(STACK), Made(STACK.astype(">i2")), Made(STACK, "float64")):
        frames = open_frames(source)
        assert frames.source is source
        assert (frames.shape, frames.length, frames.rereadable) == ((4, 3), 5, True)
        for size in (1, 2, 9):
            np.testing.assert_array_equal(np.concatenate(list(frames.chunks(size))), STACK)
    masked = np.ma.MaskedArray(STACK, STACK % 7 == 3)
    (chunk,) = open_frames(Made(masked)).chunks(5)
    np.testing.assert_array_equal(chunk, np.where(masked.mask, np.nan, STACK))


class Short(Made):
    def read(self, start: int, stop: int) -> Any:
        return self.stack[start : stop - (start >= 2)]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (Made(STACK[0]), ValueError, r"shape \(4, 3\), expected \(T, N, M\)"),
        (Made(STACK[:0]), ValueError, "expected at least one frame"),
        (Made(STACK, object), TypeError, "frame 0 has dtype object, expected real numbers"),
        (Made(STACK, "complex"), TypeError, "frame 0 has dtype complex128"),
        (Made(STACK, "float33"), TypeError, "expected the source's dtype .* not 'float33'"),
        (Made(STACK, "int8"), TypeError, "frame 0 has dtype float32, expected int8"),
        (Short(STACK), ValueError, r"frame 2: read\(2, 3\) has shape \(0, 4, 3\), expected \(1, "),
    ],
)
def test_what_is_wrong_with_a_source_is_said(
    source: Made, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        list(open_frames(source).chunks(2))


class ReadWhole(Made):
    """An array of another library, whose `read` takes no part of it."""

    def read(self) -> Any:  # type: ignore[override]
        raise AssertionError("read as a source")

    def __getitem__(self, index: slice) -> Any:
        return self.stack[index]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise AssertionError("read as a whole")


def test_an_array_with_a_read_of_another_kind_is_no_source() -> None:
    frames = open_frames(ReadWhole(STACK))
    assert frames.source is None
    np.testing.assert_array_equal(np.concatenate(list(frames.chunks(2))), STACK)


class Failing(Made):
    """A source that has lost a frame."""

    def read(self, start: int, stop: int) -> Any:
        if start <= 3 < stop:
            raise OSError("frame 3 is lost")
        return self.stack[start:stop]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("panels", [False, True])
def test_the_frames_before_one_that_fails_are_written(panels: bool, workers: int) -> None:
    frames: Any = Failing(STACK)
    before: Any = STACK[:3]
    if panels:
        frames, before = {"a": STACK, "b": frames}, {"a": before, "b": before}
    files = io.BytesIO(), io.BytesIO()
    with pytest.raises(OSError, match="frame 3 is lost"):
        save_gif(files[0], frames, vmin=0, vmax=60, workers=workers)
    save_gif(files[1], before, vmin=0, vmax=60)
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"shape": (-3, 4, 5)}, r"shape \(-3, 4, 5\), expected at least one frame"),
        ({"shape": (2.5, 4, 5)}, r"shape to be \(T, N, M\), not \(2.5, 4, 5\)"),
        ({"shape": None}, r"shape to be \(T, N, M\), not None"),
        ({"shape": (3, 4, 5), "steps": [1, 2]}, r"one for each of 3 frames, not \[1, 2\]"),
        ({"shape": (3, 4, 5), "steps": 7}, "one for each of 3 frames, not 7"),
    ],
)
def test_what_a_source_says_of_itself_is_checked(attributes: dict[str, Any], said: str) -> None:
    class Odd:
        dtype = np.dtype(float)

        def read(self, start: int, stop: int) -> Any:
            return np.zeros((stop - start, 4, 5))

    odd = Odd()
    odd.__dict__.update(attributes)
    with pytest.raises((TypeError, ValueError), match=said):
        open_frames(odd)


def test_a_list_that_becomes_shorter_meanwhile_says_so() -> None:
    frames = [np.zeros((2, 3))] * 9
    chunks = open_frames(frames).chunks(4)
    next(chunks)
    frames.clear()
    with pytest.raises(ValueError, match="frame 4 is gone: there were 9 frames, now 0"):
        next(chunks)
