"""Arrays of zarr, h5py and dask are read on demand, in this process or another."""

from __future__ import annotations

import base64
import io
import json
import os
import pickle
import shutil
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fastheat import load_frames
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources import hdf5files
from fastheat.inputs.sources.source import Chunked, Source, is_local

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
    """An array in chunks, which remembers the parts that were read."""

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
    shutil.rmtree(path)  # missing chunks would be read as zeros
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
    np.testing.assert_array_equal(read(tmp_path / "g.zarr", tensor="loss"), [STACK[:, :1, 0].T])
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


class Payload:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def write_zarr_2(path: Path, files: dict[str, bytes] | None = None, **settings: Any) -> Path:
    metadata = {
        "zarr_format": 2,
        "shape": [4, 3, 5],
        "chunks": [2, 3, 5],
        "dtype": "<f4",
        "compressor": None,
        "filters": None,
        "fill_value": 0,
        "order": "C",
    }
    return write_folder(path, ".zarray", {**metadata, **settings}, files)


BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


def write_zarr_3(path: Path, files: dict[str, bytes] | None = None, **settings: Any) -> Path:
    metadata = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [4, 3, 5],
        "data_type": "float32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3, 5]}},
        "chunk_key_encoding": {"name": "default"},
        "codecs": [BYTES],
        "fill_value": 0,
    }
    return write_folder(path, "zarr.json", {**metadata, **settings}, files)


def write_folder(
    path: Path, name: str, metadata: dict[str, Any], files: dict[str, bytes] | None
) -> Path:
    path.mkdir(parents=True)
    (path / name).write_text(json.dumps(metadata))
    for key, data in (files or {}).items():
        (path / key).parent.mkdir(parents=True, exist_ok=True)
        (path / key).write_bytes(data)
    return path


def sharded(codecs: list[Any], index_codecs: list[Any]) -> list[Any]:
    settings = {"chunk_shape": [1, 3, 5], "codecs": codecs, "index_codecs": index_codecs}
    return [{"name": "sharding_indexed", "configuration": settings}]


PICKLE = {"name": "numcodecs.pickle", "configuration": {"id": "pickle"}}
CODECS: dict[str, tuple[Callable[..., Path], dict[str, Any]]] = {
    "compressor": (write_zarr_2, {"compressor": {"id": "pickle"}}),
    "filter": (write_zarr_2, {"filters": [{"id": "pickle"}]}),
    "objects": (write_zarr_2, {"dtype": "|O", "filters": [{"id": "pickle"}]}),
    "vlen": (write_zarr_2, {"compressor": {"id": "vlen-bytes"}}),
    "JSON": (write_zarr_2, {"compressor": {"id": "json2"}}),
    "unknown": (write_zarr_2, {"compressor": {"id": "nothing.known"}}),
    "no name": (write_zarr_2, {"compressor": {}}),
    "a list": (write_zarr_2, {"compressor": [["id", "pickle"]]}),
    "first in 3": (write_zarr_3, {"codecs": [PICKLE]}),
    "last in 3": (write_zarr_3, {"codecs": [BYTES, PICKLE]}),
    "before bytes in 3": (write_zarr_3, {"codecs": [PICKLE, BYTES]}),
    "without a prefix in 3": (write_zarr_3, {"codecs": [BYTES, {"name": "pickle"}]}),
    "in shards": (write_zarr_3, {"codecs": sharded([BYTES, PICKLE], [BYTES])}),
    "of an index": (write_zarr_3, {"codecs": sharded([BYTES], [BYTES, PICKLE])}),
    "strings in 3": (write_zarr_3, {"data_type": "string", "codecs": [{"name": "vlen-utf8"}]}),
}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("case", CODECS)
def test_zarr_folders_run_none_but_known_codecs(case: str, nested: bool, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    made = tmp_path / "made"
    payload = pickle.dumps(Payload(made))
    write, settings = CODECS[case]
    path = tmp_path / "w.zarr"
    if nested:
        write_folder(path, ".zgroup", {"zarr_format": 2}, None)
        write_folder(path / "g", "zarr.json", {"zarr_format": 3, "node_type": "group"}, None)
    fill = base64.b64encode(payload).decode()
    for name, more in (("a", {}), ("b", {"fill_value": fill})):
        files = {"0.0.0": payload, "c/0/0/0": payload}
        array = write(path / "g" / name if nested else path / name, files, **settings, **more)
        tensor = f"g/{name}" if nested else None
        assert complaint(path if nested else array, tensor)
    assert not made.exists()
    pickle.loads(payload)
    assert made.exists()


def test_what_is_checked_of_a_zarr_folder_is_what_is_read(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = STACK[:2, :3, :1].repeat(5, 2).tobytes()
    harmless = {"zarr_format": 2, "metadata": {"w/.zarray": {"compressor": None}}}
    hostile = write_zarr_2(tmp_path / "a" / "w", {"0.0.0": data}, compressor={"id": "pickle"})
    (tmp_path / "a" / ".zmetadata").write_text(json.dumps(harmless))
    (tmp_path / "a" / ".zgroup").write_text('{"zarr_format": 2}')
    assert "uses the codec 'pickle'" in complaint(tmp_path / "a")
    twice = (hostile / ".zarray").read_text().replace("{", '{"compressor": null,', 1)
    (hostile / ".zarray").write_text(twice)
    assert "damaged: .zarray is not a JSON object of metadata" in complaint(hostile)
    both = write_zarr_3(tmp_path / "b", {"c/0/0/0": data})
    (both / ".zarray").write_text((hostile / ".zarray").read_text())
    np.testing.assert_array_equal(np.array(load_frames(both))[:2].tobytes(), data)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes of POSIX")
@pytest.mark.parametrize("named", ["0.0.0", ".zarray"])
def test_links_and_pipes_in_a_zarr_folder_lead_to_no_other_file(named: str, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = bytes(2 * 3 * 5 * 4)
    metadata = write_zarr_2(tmp_path / "other", {"0.0.0": data}) / ".zarray"
    for number, target in enumerate((tmp_path / "other" / named, "/dev/zero", named, None)):
        path = write_zarr_2(tmp_path / f"{number}.zarr", {"0.0.0": data})
        (path / named).unlink()
        if target is None:
            os.mkfifo(path / named)
        else:
            (path / named).symlink_to(target)
        if named == ".zarray" and number:  # then it is not a zarr folder
            with pytest.raises((ValueError, OSError)):
                load_frames(path)
            continue
        with pytest.raises(ValueError, match=r"outside of|special file|Too many levels|leads to"):
            load_frames(path).read(0, 1)
    within = write_zarr_2(tmp_path / "within", {"real": np.ones(30, "f4").tobytes()})
    (within / "0.0.0").symlink_to("real")
    (tmp_path / "link.zarr").symlink_to(within)
    assert load_frames(tmp_path / "link.zarr").read(0, 2).all()
    group = write_folder(tmp_path / "group", ".zgroup", {"zarr_format": 2}, None)
    (group / "w").symlink_to(metadata.parent)
    assert "it holds no tensor" in complaint(group)


CLAIMS: dict[str, dict[str, Any]] = {
    "frames": {"shape": [200_000, 1, 1], "chunks": [200_000, 1, 1], "dtype": "|u1"},
    "all": {"shape": [10**5, 1000, 1000], "chunks": [10, 1000, 1000]},
    "a frame": {"shape": [1, 4000, 4000], "chunks": [1, 4000, 4000], "dtype": "|u1"},
    "a chunk": {"chunks": [10**9, 3, 5]},
    "chunks": {"shape": [1, 1000, 1000], "chunks": [1, 1, 1], "dtype": "|u1"},
    "product": {"shape": [1 << 47, 1 << 47, 1 << 47]},
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_zarr_folders_may_claim_little_more_than_they_have(claim: str, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    path = write_zarr_2(tmp_path / "w.zarr", **CLAIMS[claim])
    assert "which is too few to be read safely" in complaint(path)
    if claim == "all":  # with enough bytes in the file, the claim is believed
        with (path / "0.0.0").open("wb") as file:
            file.truncate(1 << 30)
        assert len(load_frames(path)) == 10**5


def compressed(name: str, data: bytes) -> bytes:
    if name in ("zlib", "gzip", "bz2", "lzma"):
        return bytes(import_module(name).compress(data))
    numcodecs = pytest.importorskip("numcodecs")
    codec = {"zstd": "Zstd", "blosc": "Blosc", "lz4": "LZ4"}[name]
    return bytes(getattr(numcodecs, codec)().encode(np.frombuffer(data, np.uint8)))


COMPRESSORS = ["zlib", "gzip", "bz2", "lzma", "zstd", "blosc", "lz4"]


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_chunk_becomes_no_larger_than_it_has_to_be(name: str, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    whole = np.arange(30, dtype="<f4").tobytes()
    bomb = compressed(name, bytes(1 << 28))
    settings: dict[str, Any] = {"compressor": {"id": name}}
    good = compressed(name, whole)
    path = write_zarr_2(tmp_path / "w.zarr", {"0.0.0": good}, **settings)
    np.testing.assert_array_equal(load_frames(path).read(0, 2).ravel(), np.arange(30))
    claiming = [bomb, compressed(name, whole[:-4]), compressed(name, whole + b"more"), good[:-1]]
    if name in ("blosc", "lz4"):  # these begin with sizes
        places = (0,) if name == "lz4" else (4, 8, 12)
        claiming += [good[:k] + struct.pack("<I", 1 << 28) + good[k + 4 :] for k in places]
    for data in [*claiming, good[:9], b"", b"\0" * 40, *(good[:k] + b"\xff" * 4 for k in (4, 12))]:
        (path / "0.0.0").write_bytes(data)
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=r"w\.zarr: damaged: "):
                load_frames(path).read(0, 1)
            # instead of 1 << 28; xz needs a dictionary
            assert tracemalloc.get_traced_memory()[1] < 1 << 24
        finally:
            tracemalloc.stop()


def test_shards_have_each_of_their_chunks_once_and_within_them(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = np.arange(30, dtype="<f4").tobytes()
    nowhere = (1 << 64) - 1
    for number, (index, expected) in enumerate(
        [
            ([0, 60, 60, 60], None),
            ([0, 60, nowhere, nowhere], None),
            ([0, 60, 0, 60], None),
            ([0, 120, 0, 120], "share their bytes"),
            ([0, 60, 1 << 63, 60], "ends before its chunks do"),
            ([0, 60, nowhere, 60], "ends before its chunks do"),
            ([0, 60, 60, 1 << 63], "share their bytes"),
            ([0, 50, 60, 60], "a chunk of 50 bytes, expected 60"),
        ]
    ):
        files = {"c/0/0/0": data + np.array(index, "<u8").tobytes()}
        codecs = sharded([BYTES], [BYTES])
        path = write_zarr_3(tmp_path / f"{number}.zarr", files, codecs=codecs)
        if expected is None:
            np.testing.assert_array_equal(load_frames(path).read(0, 1).ravel(), np.arange(15))
        else:
            with pytest.raises(ValueError, match=expected):
                load_frames(path).read(0, 2)
    for cut in (b"", data[:20]):
        (path / "c/0/0/0").write_bytes(cut)
        with pytest.raises(ValueError, match="ends before its index does"):
            load_frames(path).read(0, 2)


ODD: dict[str, tuple[Callable[..., Path], dict[str, Any]]] = {
    "text": (write_zarr_2, {"dtype": "<U3"}),
    "fields": (write_zarr_2, {"dtype": [["a", "<f4"], ["b", "|O"]]}),
    "a list of dtypes": (write_zarr_2, {"dtype": "f4," * 9}),
    "complex": (write_zarr_2, {"dtype": "<c8"}),
    "no dtype": (write_zarr_2, {"dtype": None}),
    "negative": (write_zarr_2, {"shape": [-4, 3, 5]}),
    "bool": (write_zarr_2, {"shape": [True, 3, 5]}),
    "no chunks": (write_zarr_2, {"chunks": [0, 3, 5]}),
    "few chunks": (write_zarr_2, {"chunks": [2, 3]}),
    "matrix": (write_zarr_2, {"shape": [3, 5], "chunks": [3, 5]}),
    "fill": (write_zarr_2, {"fill_value": {"a": 1}}),
    "large fill": (write_zarr_2, {"fill_value": 10**400}),
    "separator": (write_zarr_2, {"dimension_separator": "/../"}),
    "order": (write_zarr_2, {"order": "K"}),
    "keys": (write_zarr_3, {"chunk_key_encoding": {"name": "own"}}),
    "grid": (write_zarr_3, {"chunk_grid": {"name": "rectilinear"}}),
    "key separator": (
        write_zarr_3,
        {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "/../"}}},
    ),
    "extension": (write_zarr_3, {"data_type": {"name": "numpy.datetime64"}}),
    "unknown": (write_zarr_3, {"more": {"name": "x"}}),
    "transformers": (write_zarr_3, {"storage_transformers": [{"name": "x"}]}),
    "transpose": (
        write_zarr_3,
        {"codecs": [{"name": "transpose", "configuration": {"order": [0, 0, 1]}}, BYTES]},
    ),
    "nothing": (write_zarr_3, {"codecs": []}),
    "other": (write_zarr_3, {"zarr_format": 4}),
}


@pytest.mark.parametrize("case", ODD)
def test_zarr_metadata_that_are_not_understood_are_refused(case: str, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    write, settings = ODD[case]
    message = complaint(write(tmp_path / "w.zarr", **settings))
    assert len(message) < 400


@pytest.mark.parametrize("text", [b"", b"[" * 100_000, b"[]", b'{"zarr_format": 2}', b"\xff\xfe{"])
@pytest.mark.parametrize("name", ["zarr.json", ".zarray"])
def test_damaged_zarr_metadata_are_refused(name: str, text: bytes, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    (tmp_path / "w.zarr").mkdir()
    (tmp_path / "w.zarr" / name).write_bytes(text)
    assert "damaged: " in complaint(tmp_path / "w.zarr")


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
    np.testing.assert_array_equal(source.read(3, 9), STACK[3:9])  # although it was closed
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


def test_hdf5_files_are_read_from_their_own_bytes(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    other = write_hdf5(tmp_path / "other.h5")
    raw = tmp_path / "secret.bin"
    raw.write_bytes(STACK.tobytes())

    def virtual(file: str) -> Any:
        layout = h5py.VirtualLayout(STACK.shape, "f4")
        layout[:] = h5py.VirtualSource(file, "s", STACK.shape)
        return layout

    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        external: Any = {"shape": STACK.shape, "dtype": "f4", "external": [(str(raw), 0, 1104)]}
        file.create_dataset("external", **external)
        file["link"] = h5py.ExternalLink(str(other), "/layers/0/w")
        file["group"] = h5py.ExternalLink(str(other), "/")
        file["soft"] = h5py.SoftLink("/group/layers/0/w")
        file.create_virtual_dataset("virtual", virtual(str(other)))
    assert "'/external' lies in the file " in complaint(path, "external")
    assert "'/virtual' lies in the file " in complaint(path, "virtual")
    for name in ("link", "soft", "group/layers/0/w"):
        assert "is a link to another file, which is not read" in complaint(path, name)
    for name, source in {
        "linked": h5py.ExternalLink(str(other), "/layers/0/w"),
        "external": external,
        "own": {"data": STACK, "chunks": (7, 4, 3), "compression": "gzip"},
        "itself": None,
    }.items():
        path = tmp_path / f"{name}.h5"
        with h5py.File(path, "w") as file:
            if name == "linked":
                file["s"] = source
            elif source is None:
                file.create_virtual_dataset("s", virtual("."))
            else:
                file.create_dataset("s", **source)
            file.create_virtual_dataset("w", virtual("."))
        if name == "own":
            np.testing.assert_array_equal(read(path, tensor="w"), STACK)
        else:
            assert complaint(path, "w")


def test_plug_ins_are_not_run_for_an_hdf5_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    space = h5py.h5s.create_simple(STACK.shape)
    for codes in ((32015,), (2, 256), (1, 2), (1, 1)):
        path = tmp_path / f"{codes}.h5"
        with h5py.File(path, "w") as file:
            settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            settings.set_chunk((10, 4, 3))
            for code in codes:
                settings.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (4,))
            h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, space, settings)
        said = "stands after a compressor" if codes[0] == 1 else f"uses filter {codes[-1]}, a plug"
        assert said in complaint(path)


@pytest.mark.parametrize(
    "settings",
    [
        {"compression": "gzip"},
        {"compression": "lzf", "shuffle": True, "fletcher32": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "gzip", "scaleoffset": 6},
        {"scaleoffset": 6},
        {"compression": "szip"},
        {"fletcher32": True},
        {"chunks": None},
    ],
)
def test_all_filters_of_the_hdf5_library_are_read(settings: dict[str, Any], tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    if settings.get("compression") == "szip" and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("this HDF5 has no szip")
    smooth = np.round(STACK, 1)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        written = file.create_dataset("w", data=smooth, **{"chunks": (10, 4, 2), **settings})
        if written.chunks:  # a missing chunk beside those that are there
            file.create_dataset("v", STACK.shape, "f4", fillvalue=7, **{**settings, "chunks": True})
            file["v"][:3] = smooth[:3]
            np.testing.assert_array_equal(file["v"][3:], 7)
    with h5py.File(tmp_path / "w.h5", "r") as file:
        expected = file["w"][:]
    np.testing.assert_array_equal(read(tmp_path / "w.h5", tensor="w"), expected)
    if settings.get("chunks", True):
        np.testing.assert_allclose(read(tmp_path / "w.h5", tensor="v")[:3], smooth[:3], atol=1e-5)


def test_hdf5_files_with_a_driver_information_block_are_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file["w"] = STACK
    raw = path.read_bytes()
    place = 24 + 3 * 8
    assert (raw[8], raw[place : place + 8]) == (0, b"\xff" * 8)
    block = b"\0\0\0\0" + (1 << 29).to_bytes(4, "little") + b"NCSAfami"
    asks = raw[:place] + len(raw).to_bytes(8, "little") + raw[place + 8 :] + block
    path.write_bytes(asks)
    assert "needs the driver that wrote it" in complaint(path)
    for start, expected in ((asks, True), (raw, False)):  # version 1 has four more bytes before
        path.write_bytes(start[:8] + b"\1" + start[9:24] + bytes(4) + start[24:])
        assert ("needs the driver that wrote it" in complaint(path)) == expected
    for size in range(8, 60):
        path.write_bytes(raw[:size])
        assert "truncated" in complaint(path) or "Unable" in complaint(path)


def test_an_hdf5_chunk_becomes_no_larger_than_it_has_to_be(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for number, data in enumerate((bytes(1 << 27), b"")):
        path = tmp_path / f"{number}w.h5"
        with h5py.File(path, "w") as file:
            settings: Any = {"shape": (20, 5, 7), "dtype": "u1", "chunks": (10, 5, 7)}
            made = file.create_dataset("w", compression="gzip", **settings)
            made.id.write_direct_chunk((10, 0, 0), zlib.compress(data) if data else b"damaged")
        source = load_frames(path)
        assert not source.read(0, 10).any()
        with pytest.raises(ValueError, match=r"w\.h5: damaged: a chunk (of|that gzip)"):
            pickle.loads(pickle.dumps(source)).read(10, 11)


def _cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


@pytest.mark.parametrize(
    ("settings", "damage"),
    [
        ({"compression": "gzip"}, lambda raw: zlib.compress(zlib.decompress(raw)[:-1])),
        ({"compression": "gzip"}, lambda raw: zlib.compress(zlib.decompress(raw) + b"1")),
        ({"compression": "lzf"}, _cut),
        ({"compression": "lzf"}, lambda raw: raw + b"\0\0"),
        ({"compression": "lzf"}, lambda raw: b"\x20\0" + raw),  # repeats what is not there
        ({"compression": "szip"}, _cut),
        ({"compression": "szip"}, lambda raw: raw[:-2]),
        ({"compression": "szip"}, lambda raw: b"\xff\x0f" + raw[2:]),
        ({"scaleoffset": 0}, _cut),
        ({"scaleoffset": 0}, lambda raw: b"\xff" + raw[1:]),
        ({"scaleoffset": 0, "compression": "gzip"}, lambda raw: zlib.compress(bytes(20))),
        ({"shuffle": True}, _cut),
        ({"fletcher32": True}, lambda raw: raw[:3]),
        ({}, _cut),
    ],
)
def test_an_hdf5_chunk_becomes_no_smaller_than_it_has_to_be(
    settings: dict[str, Any], damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """The library would take the rest from whatever lies behind it in memory."""
    h5py = pytest.importorskip("h5py")
    if "szip" in settings.values() and not h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        pytest.skip("this HDF5 has no szip")
    frames = np.arange(3 * 32 * 32).reshape(3, 32, 32) // 7
    with h5py.File(tmp_path / "w.h5", "w", libver="earliest") as file:
        made = file.create_dataset("w", data=frames.astype("i4"), chunks=(1, 32, 32), **settings)
        skipped, raw = made.id.read_direct_chunk((1, 0, 0))
        if settings:
            made.id.write_direct_chunk((1, 0, 0), damage(raw), skipped)
    if not settings:  # the size of the chunk is in its index alone
        raw = (tmp_path / "w.h5").read_bytes()
        keys = [(4096).to_bytes(4, "little") + bytes(4) + bytes((k,)) + bytes(7) for k in range(3)]
        assert [raw.count(key) for key in keys] == [1, 1, 1]
        raw = raw.replace(keys[1], (16).to_bytes(4, "little") + keys[1][4:])
        (tmp_path / "w.h5").write_bytes(raw)
    source = load_frames(tmp_path / "w.h5")
    if settings:
        np.testing.assert_array_equal(source.read(0, 1), frames[:1])
    with pytest.raises(ValueError, match=r"w\.h5: (damaged|Can't synchronously read)"):
        source.read(1, 2)


@given(npst.arrays(np.uint8, st.integers(1, 600), elements=st.sampled_from([0, 1, 2, 255])))
def test_lzf_is_decoded_as_the_library_does(data: npt.NDArray[np.uint8]) -> None:
    h5py = pytest.importorskip("h5py")
    data = np.concatenate([data, np.zeros(600, np.uint8), data])
    with h5py.File(io.BytesIO(), "w") as file:
        made = file.create_dataset("w", data=data, chunks=data.shape, compression="lzf")
        skipped, raw = made.id.read_direct_chunk((0,))
    assert not skipped
    assert hdf5files._from_lzf(raw, data.size) == data.tobytes()


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((10**9, 5, 7), (100, 5, 7)),
        ((1, 10**5, 10**5), None),
        ((3, 5, 7), (10**8, 5, 7)),
        ((1, 4000, 4000), (1, 1, 1)),
    ],
)
def test_hdf5_files_may_claim_little_more_than_they_have(
    shape: tuple[int, ...], chunks: Any, tmp_path: Path
) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        most = (None, *shape[1:]) if chunks else None
        file.create_dataset("w", shape, "u1", chunks=chunks, maxshape=most)
    assert "which is too few to be read safely" in complaint(tmp_path / "w.h5")


def test_hdf5_datasets_of_anything_but_numbers_are_not_looked_at(tmp_path: Path) -> None:
    """A tag may name any numpy dtype, even that of pointers to objects."""
    h5py = pytest.importorskip("h5py")
    space = h5py.h5s.create_simple((2, 3, 4))
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        for number, (size, tag) in enumerate([(8, b"NUMPY:|O"), (1, b"NUMPY:<f8")]):
            kind = h5py.h5t.create(h5py.h5t.OPAQUE, size)
            kind.set_tag(tag)
            h5py.h5d.create(file.id, b"opaque%d" % number, kind, space)
        for name, dtype in {
            "vlen": h5py.vlen_dtype("f4"),
            "text": h5py.string_dtype(),
            "reference": h5py.ref_dtype,
            "fields": np.dtype([("a", "f4")]),
            "complex": np.dtype("c8"),
            "arrays": np.dtype("(2,)f4"),
        }.items():
            file.create_dataset(name, (2, 3, 4), dtype)
        file["type"] = np.dtype("f4")
        file["empty"] = h5py.Empty("f4")
        file["itself"] = file
        file["w"] = STACK
    np.testing.assert_array_equal(read(path), STACK)
    assert complaint(path, "none") == "it holds no tensor 'none'; it has 'w' (23, 4, 3)"
    for name, held in {
        "vlen": "lists",
        "text": "text",
        "reference": "references",
        "fields": "records",
        "complex": "complex numbers",
        "opaque0": "no numbers",
    }.items():
        assert f"its {name!r} holds {held}, expected real numbers" in complaint(path, name)
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        group = file
        for _ in range(1000):
            group = group.create_group("g")
    assert "groups are nested over 100 deep" in complaint(tmp_path / "deep.h5")


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


def test_dask_arrays_in_a_file_are_refused(tmp_path: Path) -> None:
    """Their graphs are functions, and this package's own classes for them must not let them in."""
    array = pytest.importorskip("dask.array")
    cloudpickle = pytest.importorskip("cloudpickle")
    lazy = array.from_array(STACK, chunks=(6, 4, 3))
    for number, data in enumerate((cloudpickle.dumps(lazy), pickle.dumps(source_of(lazy)))):
        (tmp_path / f"{number}.pkl").write_bytes(data)
        assert "the pickle asks for " in complaint(tmp_path / f"{number}.pkl")


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
        match=rf"cannot read .*{name}: this needs {library}: pip install 'fastheat\[{extra}\]'$",
    ):
        load_frames(tmp_path / name)


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


def test_a_pattern_of_virtual_sources_is_refused(tmp_path: Path) -> None:
    """The HDF5 library fills in numbers: for `a%b` it reads `a0`, which may lie anywhere."""
    h5py = pytest.importorskip("h5py")
    secret, path = tmp_path / "secret.bin", tmp_path / "virtual.h5"
    secret.write_bytes(np.arange(24.0).tobytes())
    unlimited = h5py.h5s.UNLIMITED
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("a%b", data=np.zeros((1, 4, 6)))
        place = [(str(secret), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("a0", shape=(1, 4, 6), dtype="f8", external=place)
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        space = h5py.h5s.create_simple((2, 4, 6), (unlimited, 4, 6))
        space.select_hyperslab((0, 0, 0), (unlimited, 1, 1), (1, 1, 1), (1, 4, 6))
        settings.set_virtual(space, b".", b"a%b", h5py.h5s.create_simple((1, 4, 6)))
        whole = h5py.h5s.create_simple((2, 4, 6), (unlimited, 4, 6))
        h5py.h5d.create(file.id, b"v", h5py.h5t.IEEE_F64LE, whole, settings)
    with pytest.raises(ValueError, match="its parts are 'a%b', a pattern, expected names"):
        load_frames(path, tensor="v")


@pytest.mark.parametrize("link", ["external", "soft"])
def test_a_link_whose_name_is_a_path_is_not_followed(tmp_path: Path, link: str) -> None:
    h5py = pytest.importorskip("h5py")
    other, path = tmp_path / "other.h5", tmp_path / "linked.h5"
    with h5py.File(other, "w") as file:
        file["x"] = np.ones((1, 4, 6))
    with h5py.File(path, "w", libver="earliest") as file:
        file["gQx"] = np.zeros((1, 4, 6))
        file["own"] = np.zeros((2, 4, 6))
        file["e"] = h5py.ExternalLink(str(other), "/")
        file["g"] = h5py.ExternalLink(str(other), "/") if link == "external" else h5py.SoftLink("e")
    path.write_bytes(path.read_bytes().replace(b"gQx", b"g/x"))
    frames = load_frames(path)
    assert frames.shape == (2, 4, 6)
    assert not np.asarray(frames).any()
    with pytest.raises(ValueError, match="its 'g/x' is a link to another file, which is not read"):
        load_frames(path, tensor="g/x")


@pytest.mark.parametrize("library", ["zarr", "h5py"])
def test_long_chunks_are_decoded_as_seldom_as_memory_lets(
    tmp_path: Path, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = pytest.importorskip(library)
    values = np.random.default_rng(0).normal(size=(103, 4, 5))
    path = tmp_path / ("long.zarr" if library == "zarr" else "long.h5")
    if library == "zarr":
        module.create_array(path, data=values, chunks=(50, 2, 5))
    else:
        with module.File(path, "w") as file:
            file.create_dataset("a", data=values, chunks=(50, 2, 5), compression="gzip")
    monkeypatch.setattr("fastheat.inputs.sources.source.CHUNK_BYTES", 20 * 160)
    frames = load_frames(path)
    taken: list[tuple[int, int]] = []
    take = type(frames).take

    def counted(self: Any, start: int, stop: int) -> Any:
        taken.append((start, stop))
        return take(self, start, stop)

    monkeypatch.setattr(type(frames), "take", counted)
    read = np.concatenate([frames.read(k, min(k + 7, 103)) for k in range(0, 103, 7)])
    np.testing.assert_array_equal(read, values)
    assert taken == [(0, 20), (20, 40), (40, 50), (50, 70), (70, 90), (90, 100), (100, 103)]
