"""Files and arrays of other libraries are drawn with the values that these libraries read."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageSequence

import fastheat
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources import tensorfiles
from fastheat.inputs.sources.source import is_local
from fastheat.inputs.sources.tensors import of_bits

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
safetensors_numpy = pytest.importorskip("safetensors.numpy")
safetensors = pytest.importorskip("safetensors")
h5py = pytest.importorskip("h5py")
zarr = pytest.importorskip("zarr")
dask_array = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
ml_dtypes = pytest.importorskip("ml_dtypes")

MAPS = Path("/proc/self/maps")
STEPS = (0, 5, 10, 100, 1000)
LOOK: dict[str, Any] = {"vmin": -9, "vmax": 9, "cmap": "RdBu_r"}
NAMES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float8_e4m3fn": torch.float8_e4m3fn,
    "float8_e5m2": torch.float8_e5m2,
    "int8": torch.int8,
    "bool": torch.bool,
}


def model(step: int, dtype: Any = torch.float32) -> dict[str, Any]:
    """Return the state dict of a model after some steps."""
    generator = torch.Generator().manual_seed(step)
    return {
        "encoder.weight": torch.randn(4, 6, generator=generator).to(dtype),
        "encoder.bias": torch.randn(4, generator=generator),
        "conv.weight": torch.randn(8, 3, 3, 3, generator=generator),
        "head.weight": torch.randn(2, 4, generator=generator),
    }


def pictures(file: Any) -> list[npt.NDArray[np.uint8]]:
    with Image.open(file) as image:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]


def check(values: npt.NDArray[Any], frames: object, **options: Any) -> None:
    """Check that Pillow decodes the frame of each matrix of values."""
    file = io.BytesIO()
    summary = fastheat.save_gif(file, frames, **LOOK, **options)
    assert summary.merged == 0
    decoded = pictures(file)
    assert len(decoded) == len(values)
    heatmap = fastheat.Heatmap(values.shape[1:], **LOOK)
    for picture, value in zip(decoded, values, strict=True):
        np.testing.assert_array_equal(picture, heatmap.rgb(value))


def files_of(folder: Path, write: Callable[[dict[str, Any], Path], object], dtype: Any) -> None:
    folder.mkdir(exist_ok=True)
    for step in STEPS:
        write(model(step, dtype), folder / f"step_{step}")


@pytest.mark.parametrize("name", NAMES)
def test_safetensors_that_torch_wrote(name: str, tmp_path: Path) -> None:
    files_of(
        tmp_path,
        lambda state, path: safetensors_torch.save_file(state, path.with_suffix(".safetensors")),
        NAMES[name],
    )
    values = []
    for step in STEPS:
        with safetensors.safe_open(tmp_path / f"step_{step}.safetensors", "pt") as file:
            values.append(file.get_tensor("encoder.weight").to(torch.float64).numpy())
    pattern = str(tmp_path / "step_*.safetensors")
    if name not in ("int8", "bool"):  # some of their frames are equal
        check(np.stack(values), pattern, tensor="encoder.weight")
    frames = fastheat.load_frames(pattern, tensor="encoder.weight")
    assert frames.steps == STEPS
    np.testing.assert_array_equal(np.asarray(frames).astype(np.float64), np.stack(values))


def test_safetensors_that_numpy_wrote(tmp_path: Path) -> None:
    for step in STEPS:
        state = {name: tensor.numpy() for name, tensor in model(step).items()}
        safetensors_numpy.save_file(state, tmp_path / f"{step}.safetensors", {"format": "np"})
    values = np.stack(
        [
            safetensors_numpy.load_file(tmp_path / f"{step}.safetensors")["head.weight"]
            for step in STEPS
        ]
    )
    check(values, tmp_path, tensor="head.weight")


@pytest.mark.parametrize(
    ("name", "old"),
    [("float32", False), ("bfloat16", False), ("float8_e5m2", False), ("bfloat16", True)],
)
def test_nested_states_of_pytorch(name: str, old: bool, tmp_path: Path) -> None:
    for step in STEPS:
        state = model(step, NAMES[name])
        nested = {"model": state, "step": step, "groups": [{"lr": 0.1, "params": [0]}]}
        torch.save(nested, tmp_path / f"step_{step}.pt", _use_new_zipfile_serialization=not old)
    values = [
        torch.load(tmp_path / f"step_{step}.pt", weights_only=True)["model"]["encoder.weight"]
        for step in STEPS
    ]
    expected = torch.stack([each.float() for each in values]).numpy()
    check(expected, str(tmp_path / "*.pt"), tensor="model.encoder.weight", titles=None)
    with pytest.raises(ValueError, match=r"step_0\.pt: it holds no tensor 'encoder\.weight'; did"):
        fastheat.load_frames(tmp_path, tensor="encoder.weight")


def test_a_bare_tensor_and_a_parameter_of_pytorch(tmp_path: Path) -> None:
    values = []
    for step in STEPS:
        weight = torch.nn.Linear(6, 4).weight
        torch.save(weight if step else weight.detach(), tmp_path / f"w{step}.pth")
        values.append(weight.detach().numpy())
    check(np.stack(values), tmp_path)


def test_a_tensor_of_pytorch_is_read_where_it_lies(tmp_path: Path) -> None:
    whole = torch.randn(9, 6)
    state = {
        "w": whole,
        "rows": whole[2:5],
        "turned": whole.t(),  # its memory order differs from its rows
        "more": torch.zeros(1000, 1000),
        "counts": torch.arange(12, dtype=torch.int16).reshape(3, 4),
    }
    torch.save(state, tmp_path / "little.pt")
    with (  # as a machine with the other byte order writes it
        zipfile.ZipFile(tmp_path / "little.pt") as archive,
        zipfile.ZipFile(tmp_path / "big.pt", "w") as other,
    ):
        for name in archive.namelist():
            data = archive.read(name)
            if "/data/" in name:
                width = 2 if len(data) == 24 else 4  # that of the counts, and of all others
                data = np.frombuffer(data, f"<u{width}").astype(f">u{width}").tobytes()
            other.writestr(name, b"big" if name.endswith("byteorder") else data)
    for name in ("w", "rows", "turned", "counts"):
        frame = fastheat.load_frames(tmp_path / "little.pt", tensor=name)[0]
        np.testing.assert_array_equal(frame, state[name].numpy())
        frame = fastheat.load_frames(tmp_path / "big.pt", tensor=name)[0]
        np.testing.assert_array_equal(frame, state[name].numpy())
    frames = fastheat.load_frames(tmp_path / "little.pt", tensor="w")
    os.truncate(tmp_path / "little.pt", 2000)
    with pytest.raises(ValueError, match=r"little\.pt: the file changed after it was opened"):
        frames.read(0, 1)


@pytest.mark.skipif(not MAPS.exists(), reason="what is mapped cannot be listed here")
def test_files_of_pytorch_are_not_mapped(tmp_path: Path) -> None:
    torch.save({"w": torch.randn(9, 6), "t": torch.randn(6, 9).t()}, tmp_path / "s.pt")
    mapped = []

    own = tensorfiles._tensors_in

    def tensors_in(*arguments: Any) -> dict[str, Any]:
        mapped.append(str(tmp_path) in MAPS.read_text())
        return own(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensorfiles, "_tensors_in", tensors_in)
        for name in ("w", "t"):
            np.asarray(fastheat.load_frames(tmp_path / "s.pt", tensor=name))
    assert mapped
    assert not any(mapped)


class Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl"])
@pytest.mark.parametrize("archive", [False, True])
def test_a_file_that_would_run_code_is_refused(suffix: str, archive: bool, tmp_path: Path) -> None:
    made = tmp_path / "made"
    path = tmp_path / f"s{suffix}"
    state = {"w": torch.zeros(2, 2), "more": Payload(made)}
    if archive:
        torch.save(state, path)
    else:
        path.write_bytes(pickle.dumps(Payload(made)))
    if archive:  # only what is asked for is made
        assert not fastheat.load_frames(path, tensor="w")[0].any()
    with pytest.raises(ValueError, match=rf"^cannot read .*s{suffix}: ") as caught:
        fastheat.load_frames(path, tensor="more" if archive else "w")
    message = str(caught.value)
    assert "\n" not in message
    assert "mkdir" in message
    assert len(message.removeprefix(str(path))) < 400
    assert not made.exists()
    pickle.loads(pickle.dumps(Payload(made)))
    assert made.exists()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_stores(zarr_format: int, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(40, 4, 6)).astype("f4")
    group = zarr.open_group(tmp_path / "run.zarr", mode="w", zarr_format=zarr_format)
    group.create_array("layer/w", data=values, chunks=(7, 4, 3))
    read = zarr.open(tmp_path / "run.zarr", mode="r")["layer/w"]
    np.testing.assert_array_equal(read[:], values)
    check(read[:], tmp_path / "run.zarr", tensor="layer/w")
    check(read[:], read)


ZARR_2: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("Zlib", "GZip", "BZ2", "LZMA", "LZ4", "Zstd", "CRC32", "Adler32")),
    *(("Blosc", {"cname": name}) for name in ("lz4", "zstd", "zlib", "blosclz")),
    ("Fletcher32", {}),
    ("Delta", {"dtype": "<f4"}),
    ("FixedScaleOffset", {"offset": 1, "scale": 100, "dtype": "<f4", "astype": "<i2"}),
    ("Quantize", {"digits": 3, "dtype": "<f4"}),
    ("AsType", {"encode_dtype": "<f8", "decode_dtype": "<f4"}),
    ("BitRound", {"keepbits": 8}),
    ("Shuffle", {"elementsize": 4}),
]


@pytest.mark.parametrize(("name", "settings"), ZARR_2)
def test_zarr_2_arrays_are_read_as_zarr_reads_them(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    values = np.random.default_rng(0).normal(size=(23, 5, 7)).astype("f4")
    codec = getattr(pytest.importorskip("numcodecs"), name)(**settings)
    filters = name in ("Delta", "FixedScaleOffset", "Quantize", "AsType", "BitRound", "Shuffle")
    how = {"filters": [codec]} if filters else {"compressors": codec}
    for order, separator in (("C", "."), ("F", "/")):
        keys = {"name": "v2", "separator": separator}
        path = tmp_path / f"{order}.zarr"
        settings = {"chunks": (10, 5, 4), "dtype": "f4", "order": order, "fill_value": 7}
        written = zarr.create_array(
            path, shape=values.shape, zarr_format=2, chunk_key_encoding=keys, **settings, **how
        )
        written[:13] = values[:13]
        np.testing.assert_array_equal(np.asarray(fastheat.load_frames(path)), written[:])


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float64"])
@pytest.mark.parametrize("shards", [None, (10, 5, 8)])
@pytest.mark.parametrize("codec", ["gzip", "zstd", "blosc", "crc32c", "numcodecs.zlib", None])
@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3")
def test_zarr_3_arrays_are_read_as_zarr_reads_them(
    dtype: str, shards: Any, codec: str | None, tmp_path: Path
) -> None:
    values = (np.random.default_rng(0).normal(size=(23, 5, 7)) * 9).astype(dtype)
    codecs = None if codec is None else [{"name": codec, "configuration": {}}]
    if codec == "crc32c":
        codecs = [
            {"name": "zstd", "configuration": {"level": 1, "checksum": True}},
            {"name": codec},
        ]
    path = tmp_path / "w.zarr"
    written = zarr.create_array(
        path,
        shape=values.shape,
        dtype=dtype,
        chunks=(5, 5, 4),
        shards=shards,
        compressors=codecs,
        filters=[{"name": "transpose", "configuration": {"order": (2, 0, 1)}}],
        serializer={"name": "bytes", "configuration": {"endian": "big"}},
        fill_value=np.dtype(dtype).type(1),
    )
    written[:12] = values[:12]
    np.testing.assert_array_equal(np.asarray(fastheat.load_frames(path)), written[:])


@pytest.mark.parametrize("old", [False, True])
def test_views_of_pytorch_are_read_as_pytorch_reads_them(old: bool, tmp_path: Path) -> None:
    whole = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    state = {
        "whole": whole,
        "transposed": whole.T,
        "part": whole[3:20:2, 5:9],
        "expanded": whole[:1].expand(6, 30),
        "parameter": torch.nn.Parameter(whole[5:]),
        "row": whole[7],
        "bfloat16": whole.bfloat16().T,
        "int64": (whole * 100).long(),
    }
    path = tmp_path / "s1.pt"
    module = torch.nn.Linear(3, 4)
    more = {"optimizer": [{"lr": 0.1}], "module": module.state_dict(), "size": whole.shape}
    more |= {"sparse": torch.eye(3).to_sparse(), "dtype": torch.float32, "set": {1, 2}}
    more |= {"device": torch.device("cpu"), "complex": whole[:2].to(torch.complex64)}
    torch.save({**state, **more}, path, _use_new_zipfile_serialization=not old)
    for name, tensor in state.items():
        found = fastheat.load_frames(path, tensor=name)
        expected = tensor.detach().float() if name == "bfloat16" else tensor.detach()
        np.testing.assert_array_equal(found[0], np.atleast_2d(expected.numpy()))
    found = fastheat.load_frames(path, tensor="module.weight")
    np.testing.assert_array_equal(found[0], module.weight.detach().numpy())


def test_hdf5_files(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(40, 4, 6)).astype(">f8")
    with h5py.File(tmp_path / "run.hdf5", "w") as file:
        file.create_dataset("layer/w", data=values, chunks=(9, 4, 6), compression="lzf")
    with h5py.File(tmp_path / "run.hdf5", "r") as file:
        check(file["layer/w"][:], tmp_path / "run.hdf5", tensor="layer/w")
        check(file["layer/w"][:], file["layer/w"])


def test_dask_arrays(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(40, 4, 6))
    zarr.create_array(tmp_path / "w.zarr", data=values, chunks=(7, 4, 3))
    lazy = dask_array.from_zarr(tmp_path / "w.zarr").rechunk((10, 4, 6)) / 2
    check(lazy.compute(), lazy)
    check(lazy.compute(), lazy.map_blocks(lambda block: block))


@pytest.mark.filterwarnings("ignore")  # about ports, and what distributed leaves open
def test_arrays_on_a_cluster_are_read_by_its_client_alone() -> None:
    values = np.random.default_rng(0).normal(size=(20, 4, 6))
    lazy = dask_array.from_array(values, chunks=(5, 4, 6)) * 2
    settings = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": ":0"}
    with distributed.Client(processes=False, **settings) as client:
        persisted = client.persist(lazy)
        assert is_local(open_frames(persisted).source)  # type: ignore[arg-type]
        for frames in (persisted, lazy):
            check(values * 2, frames)
            check(values * 2, frames, executor=client)
        # computed within a worker: one of its threads waits, so only the other one is left
        source = open_frames(lazy).source
        assert not is_local(source)  # type: ignore[arg-type]
        parts = client.map(lambda start: source.read(start, start + 5), range(0, 20, 5))  # type: ignore[union-attr]
        np.testing.assert_array_equal(np.concatenate(client.gather(parts)), values * 2)


def test_processes_read_all_kinds_for_themselves(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 4, 6)).astype("f4")
    zarr.create_array(tmp_path / "w.zarr", data=values, chunks=(7, 4, 3))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["w"] = values
    np.save(tmp_path / "w.npy", values)
    np.savez(tmp_path / "w.npz", *values)
    (tmp_path / "safe").mkdir()
    (tmp_path / "torch").mkdir()
    for step, value in enumerate(values):
        safetensors_numpy.save_file({"w": value}, tmp_path / "safe" / f"{step}.safetensors")
        torch.save({"w": torch.tensor(value)}, tmp_path / "torch" / f"{step}.pt")
    kinds: list[Any] = [tmp_path / name for name in ("w.zarr", "w.h5", "w.npy", "w.npz")]
    kinds += [tmp_path / "safe", tmp_path / "torch", dask_array.from_zarr(tmp_path / "w.zarr")]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for frames in kinds:
            opened = open_frames(frames)
            assert opened.source is not None
            assert not is_local(opened.source)  # type: ignore[arg-type]
            check(values, frames, executor=pool)


@pytest.mark.parametrize("name", ["bfloat16", *(n for n in NAMES if n.startswith("float8"))])
def test_every_pattern_of_bits_is_the_number_of_torch_and_ml_dtypes(name: str) -> None:
    raw = np.arange(1 << 16, dtype="<u2") if name == "bfloat16" else np.arange(256, dtype="u1")
    found = of_bits(raw.tobytes(), name)
    np.testing.assert_array_equal(found, raw.view(getattr(ml_dtypes, name)).astype(np.float32))
    bits = torch.tensor(raw.view("i2" if name == "bfloat16" else "u1"))
    np.testing.assert_array_equal(found, bits.view(NAMES[name]).float().numpy())


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_the_memory_of_many_large_checkpoints_is_that_of_one_tensor(tmp_path: Path) -> None:
    """The 300 sparse files of 60 MB add up to 18 GB."""
    others = {f"layer.{k}": ("F32", [512, 512]) for k in range(60)}
    header: dict[str, Any] = {}
    end = 0
    for name, (kind, shape) in {**others, "w": ("F32", [64, 64])}.items():
        size = 4 * shape[0] * shape[1]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    for step in range(300):
        with (tmp_path / f"step_{step}.safetensors").open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.seek(end - 4 * 64 * 64, 1)
            file.write(rng.normal(size=(64, 64)).astype("<f4").tobytes())
    code = (
        "import re, sys, fastheat\n"
        "summary = fastheat.save_gif('w.gif', sys.argv[1], tensor='w', valfmt=None)\n"
        "assert summary.frames == 300\n"
        "print(re.findall(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[0])\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "*.safetensors")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400 * 1024
