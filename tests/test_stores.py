"""Sources that any process can read for itself give the same frames there as here."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from decoders import by_pillow
from hypothesis import given
from hypothesis import strategies as st
from safetensors_bytes import safetensors

from fastheat import save_gif, save_indexed_gif
from fastheat.cli.main import main
from fastheat.gif.file import GifFile
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources import source as stores
from fastheat.inputs.sources.source import (
    FileArray,
    Mapped,
    Seen,
    Source,
    is_local,
    let_go,
    read_frames,
)

MAPS = Path("/proc/self/maps")
STACK = np.arange(60, dtype=np.float32).reshape(5, 4, 3)


class Made:
    """A user-defined source: neither an array nor a sequence."""

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
    assert isinstance(again, FileArray)  # read there, not mapped
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
def test_a_file_that_changed_its_size_is_refused(change: bytes, tmp_path: Path) -> None:
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


@st.composite
def selections(draw: st.DrawFn) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return a contiguous array, and any kind of view of it."""
    sides = draw(st.lists(st.integers(1, 9), min_size=3, max_size=3))
    dtype = draw(st.sampled_from(["u1", "<f2", ">f4", "<f8", ">i8", "?"]))
    whole = np.random.default_rng(0).integers(0, 2, sides).astype(dtype)
    view = np.lib.stride_tricks.sliding_window_view(whole, 2, 0) if sides[0] > 1 else whole
    view = draw(st.sampled_from([whole, view, np.broadcast_to(whole, (3, *sides))]))
    view = view.transpose(draw(st.permutations(range(view.ndim))))
    index = [
        slice(None, None, draw(st.sampled_from([1, 1, 1, 2, -1, -3]))) for _ in range(view.ndim)
    ]
    return whole, view[tuple(index)]


@given(
    selections(),
    st.sampled_from([1, 40, 1 << 20]),
    st.sampled_from([0, 16, 1 << 13]),
    st.booleans(),
)
def test_cells_are_read_from_a_file_in_whatever_order_they_lie_there(
    selection: tuple[npt.NDArray[Any], npt.NDArray[Any]], scratch: int, gap: int, places: bool
) -> None:
    whole, view = selection
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "SCRATCH", scratch)
        patch.setattr(stores, "GAP", gap)
        if not places:
            patch.delattr(os, "preadv", raising=False)  # not every system has it
        path = Path(folder) / "raw"
        path.write_bytes(b"before" + whole.tobytes())
        with path.open("rb") as file:
            seen = Seen.of(path, file)
        offset = 6 + view.ctypes.data - whole.ctypes.data
        array = FileArray(seen, offset, view.dtype, view.shape, view.strides)
        np.testing.assert_array_equal(array.array(), view)
        for index in ((slice(1, 3),), (slice(0, 2), slice(1, None)), (slice(2, 2),)):
            np.testing.assert_array_equal(array[index], view[index])


CHANGED: dict[str, Callable[[Path, npt.NDArray[Any]], object]] = {
    "stack.npy": np.save,
    "floats of 4 bytes.npy": lambda path, stack: np.save(path, stack.astype(">f4")),
    "stack in Fortran order.npy": lambda path, stack: np.save(path, np.asfortranarray(stack)),
    "stored.npz": np.savez,
    "compressed.npz": np.savez_compressed,
    "members.npz": lambda path, stack: np.savez(path, *stack[:600]),
    "panels.npz": lambda path, stack: np.savez(path, a=stack, b=stack[:, :3]),
    "stack.pkl": lambda path, stack: path.write_bytes(pickle.dumps(stack)),
    "list.pkl": lambda path, stack: path.write_bytes(pickle.dumps(list(stack))),
}
CHANGING = """
import json, multiprocessing, os, sys, warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from PIL import Image
from fastheat import save_gif

def cut(path):
    os.truncate(path, 200)

def grow(path):
    with path.open("ab") as file:
        file.write(b"more")

def replace(path):
    other = path.with_suffix(".other")
    other.write_bytes(bytes(path.stat().st_size))
    other.replace(path)

def write_in_place(path):
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))

def run(path, data, change, options):
    path.unlink()
    path.write_bytes(data)
    done = []
    def progress(count, total):
        if not done:
            change(path)
            status = path.stat()
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        done.append(count)
    try:
        save_gif("part.gif", path, progress=progress, **options)
        said = None
    except ValueError as error:
        said = str(error).removeprefix("panel 'a': ")
    with Image.open("part.gif") as gif:
        frames = gif.n_frames
    part = Path("part.gif").read_bytes()
    same = part == whole if said is None else whole.startswith(part[:-1]) and len(part) < len(whole)
    print(json.dumps([path.name, change.__name__, said, done[-1] == frames, same]), flush=True)

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    kind, *paths = sys.argv[1:]
    look = {"vmin": -9, "vmax": 9, "valfmt": None, "figsize": (3, 2)}
    if kind == "processes":
        pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
        options = {**look, "executor": pool}
    else:
        options = {**look, "workers": int(kind)}
    for path in map(Path, paths):
        data = path.read_bytes()
        save_gif("whole.gif", path, **look)
        whole = Path("whole.gif").read_bytes()
        for change in (cut, grow, replace, write_in_place):
            run(path, data, change, options)
"""


@pytest.mark.parametrize("workers", ["1", "4", "processes"])
def test_a_file_that_changes_while_it_is_drawn_is_an_error_after_the_frames_before(
    workers: str, tmp_path: Path
) -> None:
    stack = np.random.default_rng(1).normal(size=(2000, 8, 5))
    for name, write in CHANGED.items():
        write(tmp_path / name, stack)
    (tmp_path / "changing.py").write_text(CHANGING)
    done = subprocess.run(
        [sys.executable, "changing.py", workers, *CHANGED],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stderr) == (0, "")  # not killed by a signal
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == 4 * len(CHANGED)
    for name, change, said, counted, begins in results:
        expected: str | None = (
            f"cannot read {tmp_path.resolve() / name}: the file changed after it was opened"
        )
        # a process that has the old file open still reads all of it
        if change == "replace" and said is None:
            expected = None
        assert (name, change, said, counted, begins) == (name, change, expected, True, True)


RENDERING = """
import os, sys
from fastheat.cli.main import main
from fastheat.gif.file import GifFile

own = GifFile.commit

def commit(self):
    own(self)
    os.truncate("stack.npy", 200)

GifFile.commit = commit
sys.exit(main(["render", "stack.npy", "-o", "a.gif", "--valfmt", "", *sys.argv[1:]]))
"""


def test_the_command_line_says_that_a_file_was_cut_while_it_is_drawn(tmp_path: Path) -> None:
    for options in ([], ["--workers", "4"], ["--vmin", "0", "--vmax", "1", "--workers", "1"]):
        np.save(tmp_path / "stack.npy", np.random.default_rng(1).random((3000, 6, 5)))
        done = subprocess.run(
            [sys.executable, "-c", RENDERING, *options],
            capture_output=True,
            cwd=tmp_path,
            text=True,
        )
        assert done.returncode == 1
        (said,) = done.stderr.splitlines()
        assert said.endswith("stack.npy: the file changed after it was opened")
        assert by_pillow((tmp_path / "a.gif").read_bytes())


def test_text_of_annotations_that_was_cut_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "texts.npy"
    stack = np.random.default_rng(1).random((400, 6, 5))
    for annot in (stack, stack.astype("U3")):
        np.save(path, annot)
        with pytest.raises(ValueError, match="the file changed after it was opened"):
            save_gif(
                tmp_path / "a.gif", stack, annot=path, progress=lambda *_: os.truncate(path, 99)
            )
        assert by_pillow((tmp_path / "a.gif").read_bytes())


@pytest.mark.skipif(not MAPS.exists(), reason="what is mapped cannot be listed here")
@pytest.mark.filterwarnings("ignore:.*under a pixel")
@pytest.mark.parametrize("workers", [1, 2])
def test_no_file_is_mapped_but_by_the_caller(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = np.random.default_rng(1).random((40, 300, 50))
    for name, write in CHANGED.items():
        write(tmp_path / name, stack)
    for number in range(40):
        np.save(tmp_path / f"step_{number}.npy", stack[number])
        tensors = {"w": stack[number]}
        (tmp_path / f"step_{number}.safetensors").write_bytes(safetensors(tensors))
    np.save(tmp_path / "annot.npy", stack[:, :9])
    np.save(tmp_path / "matrix.npy", stack[0])
    np.save(tmp_path / "indices.npy", stack.astype(np.uint8))
    found: list[bool] = []

    def commit(self: GifFile) -> None:
        own(self)
        found.append(str(tmp_path) in MAPS.read_text())

    own = GifFile.commit
    monkeypatch.setattr(GifFile, "commit", commit)
    options: dict[str, Any] = {"valfmt": None, "workers": workers}
    sources: list[Any] = [tmp_path / name for name in CHANGED]
    sources += [str(tmp_path / "step_*.npy"), str(tmp_path / "step_*.safetensors")]
    sources.append({"a": tmp_path / "stack.npy", "b": tmp_path / "stored.npz"})
    for source in sources:
        for figsize in (None, (3, 2)):  # the small figure reduces blocks to a value each
            save_gif(io.BytesIO(), source, figsize=figsize, **options)
    save_gif(io.BytesIO(), stack[:, :9], annot=tmp_path / "annot.npy", workers=workers)
    save_indexed_gif(io.BytesIO(), tmp_path / "indices.npy", np.zeros((256, 3), int))
    for name in ("stack.npy", "matrix.npy"):
        main(["render", str(tmp_path / name), "-o", str(tmp_path / "a.gif"), "--quiet"])
    assert len(found) > 2 * len(sources)
    assert not any(found)
    save_gif(io.BytesIO(), np.load(tmp_path / "stack.npy", mmap_mode="r"), **options)
    assert found[-1]


def test_what_other_processes_cannot_see_is_local(tmp_path: Path) -> None:
    np.save(tmp_path / "stack.npy", STACK)
    changed = np.load(tmp_path / "stack.npy", mmap_mode="c")
    changed[0] = 7  # changed in memory only
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
    """An array of another library, whose `read` cannot read a part of it."""

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
