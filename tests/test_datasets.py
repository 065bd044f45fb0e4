"""Arrays of zarr, h5py and dask are read as they are asked for, in this process or another."""

from __future__ import annotations

import pickle
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fastheat import load_frames
from fastheat.datasets import Chunked
from fastheat.sources import open_frames
from fastheat.stores import Source, is_local

STACK = np.random.default_rng(0).normal(size=(23, 4, 3)).astype(np.float32)


def read(frames: object, size: int = 5, **options: Any) -> npt.NDArray[np.float64]:
    return np.concatenate(list(open_frames(frames, **options).chunks(size)))


def source_of(frames: object, **options: Any) -> Any:
    source = open_frames(frames, **options).source
    assert source is not None
    return source


def complaint(path: Path, tensor: str | None = None) -> str:
    with pytest.raises(ValueError) as caught:
        load_frames(path, tensor=tensor)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"cannot read {path}: ")
    return message.removeprefix(f"cannot read {path}: ")


def check_elsewhere(source: Source, size: int = 3000) -> None:
    assert not is_local(source)
    sent = pickle.dumps(source)
    assert len(sent) < size
    again = pickle.loads(sent)
    assert (again.shape, again.dtype) == (STACK.shape, STACK.dtype)
    for start, stop in ((20, 23), (0, 1), (4, 16), (9, 11)):
        np.testing.assert_array_equal(again.read(start, stop), STACK[start:stop])


class Counted(Chunked):
    """Chunks of an array, and which of it was asked for."""

    def __init__(self, stack: npt.NDArray[Any], every: int) -> None:
        self.stack, self.every = stack, every
        self.shape, self.dtype = stack.shape, stack.dtype
        self.asked: list[tuple[int, int]] = []

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        self.asked.append((start, stop))
        return self.stack[start:stop]


@pytest.mark.parametrize("size", [1, 3, 5, 7, 10, 23, 40])
def test_a_chunk_of_several_frames_is_read_once(size: int) -> None:
    source = Counted(STACK, 10)
    np.testing.assert_array_equal(read(source, size), STACK)
    if size < 10:
        assert source.asked == [(0, 10), (10, 20), (20, 23)]
    masked = Counted(np.ma.MaskedArray(STACK, STACK > 1), 10)
    np.testing.assert_array_equal(read(masked, size), np.where(STACK > 1, np.nan, STACK))


# ------------------------------------------------------------------------------------------- zarr


@pytest.mark.parametrize("every", [10, 64])
def test_what_is_done_to_frames_is_not_done_to_those_that_are_read_later(every: int) -> None:
    class Fresh(Counted):
        def take(self, start: int, stop: int) -> npt.NDArray[Any]:
            return super().take(start, stop).copy()

    source = Fresh(STACK, every)
    for got in (source[0], source[2:5], np.array(source)):
        got *= 2
    np.testing.assert_array_equal(source[2:5], STACK[2:5])
    np.testing.assert_array_equal(read(source, 4), STACK)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_arrays_and_folders(zarr_format: int, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", "3")
    path = tmp_path / "w.zarr"
    made = zarr.create_array(path, data=STACK, chunks=(10, 4, 2), zarr_format=zarr_format)
    for frames in (made, path, str(path), load_frames(path)):
        np.testing.assert_array_equal(read(frames), STACK)
        check_elsewhere(source_of(frames))
    assert complaint(path, "w") == "it is an array, which has no tensor 'w'"
    source = source_of(path)
    shutil.rmtree(path)  # what chunks are missing would be read as zeros
    with pytest.raises(FileNotFoundError, match=r"w\.zarr"):
        source.read(0, 1)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_the_array_of_a_zarr_group_is_named(zarr_format: int, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", "3")
    group = zarr.open_group(tmp_path / "g.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("layers/0/w", data=STACK)
    group.create_array("loss", data=STACK[:, 0, 0])
    for frames in (group, tmp_path / "g.zarr"):
        np.testing.assert_array_equal(read(frames), STACK)
        np.testing.assert_array_equal(read(frames, tensor="layers/0/w"), STACK)
    message = complaint(tmp_path / "g.zarr", "layers/0/v")
    assert message == (
        "it holds no tensor 'layers/0/v'; did you mean 'layers/0/w'? it has 'layers/0/w' "
        "(23, 4, 3), 'loss' (23,)"
    )
    assert "tensor 'loss' has shape (23,), expected (T, N, M)" in complaint(
        tmp_path / "g.zarr", "loss"
    )
    group.create_array("more", data=-STACK)
    said = "it holds 2 tensors of shape (T, N, M), expected tensor= to name one"
    assert complaint(tmp_path / "g.zarr").startswith(said)
    panels = open_frames(tmp_path / "g.zarr", tensor={"w": "layers/0/w", "v": "more"})
    (chunk,) = panels.chunks(40)
    np.testing.assert_array_equal(chunk, np.stack([STACK, -STACK], 1).reshape(23, -1))


def test_zarr_arrays_in_memory_are_local() -> None:
    zarr = pytest.importorskip("zarr", "3")
    source = source_of(zarr.create_array({}, data=STACK))
    assert is_local(source)
    np.testing.assert_array_equal(source.read(3, 9), STACK[3:9])


# ------------------------------------------------------------------------------------------- HDF5


def write_hdf5(path: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/0/w", data=STACK, chunks=(7, 4, 3), compression="gzip")
        file["loss"] = STACK[:, 0, 0]
        file["name"] = "a run"
    return path


def test_hdf5_datasets_and_files(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = write_hdf5(tmp_path / "w.h5")
    with h5py.File(path, "r") as file:
        dataset = file["layers/0/w"]
        for frames in (dataset, path, load_frames(path, tensor="layers/0/w")):
            np.testing.assert_array_equal(read(frames), STACK)
            check_elsewhere(source_of(frames))
        np.testing.assert_array_equal(read(file, tensor="layers/0/w"), STACK)
        np.testing.assert_array_equal(read(file), STACK)
        source = source_of(dataset)
        assert open_frames(dataset).file == path
    np.testing.assert_array_equal(source.read(3, 9), STACK[3:9])  # after it was closed
    message = complaint(path, "layers/0/v")
    assert message == (
        "it holds no tensor 'layers/0/v'; did you mean 'layers/0/w'? it has 'layers/0/w' "
        "(23, 4, 3), 'loss' (23,)"
    )
    path.write_bytes(path.read_bytes() + b"more")
    for each in (source, pickle.loads(pickle.dumps(source))):
        with pytest.raises(ValueError, match=r"w\.h5: the file changed after it was opened"):
            each.read(0, 1)
    (tmp_path / "damaged.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert complaint(tmp_path / "damaged.h5")


def test_an_hdf5_file_of_several_datasets_asks_for_one_unless_they_are_panels(
    tmp_path: Path,
) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/a"] = file["layers/b"] = STACK
        file["loss"] = STACK[:, 0, 0]
        with pytest.raises(ValueError, match=r"^it holds 2 tensors of .*tensor= to name one: 'lay"):
            open_frames(file)
        panels = open_frames(file["layers"])
        assert panels.shape == {"a": STACK.shape[1:], "b": STACK.shape[1:]}


def test_hdf5_files_that_others_cannot_open_are_local(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = write_hdf5(tmp_path / "w.h5")
    with (
        h5py.File(path, "r+") as written,
        h5py.File("none", "w", driver="core", backing_store=False) as memory,
    ):
        memory["w"] = STACK
        for dataset in (written["layers/0/w"], memory["w"]):
            source = source_of(dataset)
            assert is_local(source)
            np.testing.assert_array_equal(source.read(3, 9), STACK[3:9])
            with pytest.raises(TypeError, match="cannot pickle the dataset"):
                pickle.dumps(source)


def test_an_hdf5_file_of_several_is_panels_as_dictionaries_are(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"], file["b"] = STACK, -STACK
        opened = open_frames(file)
        assert opened.shape == {"a": (4, 3), "b": (4, 3)}
        (chunk,) = opened.chunks(40)
        np.testing.assert_array_equal(chunk, np.stack([STACK, -STACK], 1).reshape(23, -1))


# ------------------------------------------------------------------------------------------- dask


def test_dask_arrays_are_computed_as_they_are_asked_for() -> None:
    array = pytest.importorskip("dask.array")
    pytest.importorskip("cloudpickle")
    computed = []

    def seen(block: Any, block_info: Any = None) -> Any:
        computed.append(block_info[0]["chunk-location"][0] if block_info else None)
        return block * 2

    lazy = array.from_array(STACK / 2, chunks=(10, 4, 3)).map_blocks(seen, dtype=STACK.dtype)
    computed.clear()
    np.testing.assert_array_equal(read(lazy), STACK)
    assert computed == [0, 1, 2]
    check_elsewhere(source_of(array.from_array(STACK, chunks=(6, 4, 3)) * 1), 10_000)
    check_elsewhere(source_of(array.from_array(STACK, chunks=4).map_blocks(lambda b: b)), 10_000)
    masked = array.ma.masked_greater(array.from_array(STACK, chunks=(5, 2, 2)), 1)
    np.testing.assert_array_equal(read(masked), np.where(STACK > 1, np.nan, STACK))
    with pytest.raises(ValueError, match="call compute_chunk_sizes"):
        open_frames(lazy[lazy[:, 0, 0] > 0])


# ------------------------------------------------------------------------------------- not at hand


@pytest.mark.parametrize(
    ("library", "extra", "name"), [("zarr", "zarr", "w.zarr"), ("h5py", "hdf5", "w.h5")]
)
def test_a_library_that_is_missing_is_named(
    library: str, extra: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library == "zarr":
        (tmp_path / name).mkdir()
        (tmp_path / name / "zarr.json").write_text("{}")
    else:
        (tmp_path / name).write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        ImportError,
        match=rf"cannot read .*{name}: that takes {library}: pip install 'fastheat\[{extra}\]'$",
    ):
        load_frames(tmp_path / name)


def test_torch_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "s.pt", "w") as archive:
        archive.writestr("s/data.pkl", b"")
    monkeypatch.setitem(sys.modules, "torch", None)
    said = r"cannot read .*s\.pt: that takes torch: pip install 'fastheat\[checkpoints\]'$"
    with pytest.raises(ImportError, match=said):
        load_frames(tmp_path / "s.pt")


def test_closed_hdf5_files_and_names_beside_arrays_are_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["g/x"] = STACK
        dataset, group = file["g/x"], file["g"]
        with pytest.raises(TypeError, match="expected tensor='x' with files or a group, not with"):
            open_frames(dataset, tensor="x")
    for closed in (dataset, group, file):
        with pytest.raises(ValueError, match="expected an open HDF5 file, not <Closed HDF5"):
            open_frames(closed)
