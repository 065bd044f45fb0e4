"""The corpus that the fuzzer mutates: valid files of every kind, and hostile ones."""

from __future__ import annotations

import argparse
import bz2
import collections
import datetime
import gzip
import io
import json
import lzma
import pickle
import re
import struct
import tempfile
import types
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from fastheat import GifWriter
from fastheat.gif import blocks

Files = dict[str, bytes]

STACK = np.random.default_rng(0).normal(size=(3, 2, 4))
MATRIX = STACK[0].astype("f4")
# the content of another file on this machine: a reader checks that no frame ever shows it
SECRET = np.full(64, 1234.5678)
SECRET_NAME = "secret.bin"

# options that the GIFs are written with, and that continuing them has to repeat
GIFS: dict[str, dict[str, Any]] = {
    "plain": {"vmin": -3, "vmax": 3, "valfmt": None},
    "texts": {"vmin": -3, "vmax": 3, "valfmt": "{x:.1f}"},
    "titled": {"vmin": -3, "vmax": 3, "valfmt": None, "title": "step {step}"},
    "grown": {"autoscale": "grow", "valfmt": None},
    "byframe": {"autoscale": "frame", "valfmt": None},
    "long": {"vmin": -3, "vmax": 3, "valfmt": None, "duration": 700_000},
    "lines": {"vmin": -3, "vmax": 3, "valfmt": None, "lines": "loss"},
}
SMALL: dict[str, Any] = {"figsize": (3, 2), "dpi": 40}


@dataclass(frozen=True, eq=False)
class Seed:
    """A file or a folder of files; the first name is the one that is read."""

    kind: str
    name: str
    files: Files

    @property
    def main(self) -> str:
        """The path to read: the folder, if the files are in one."""
        return next(iter(self.files)).partition("/")[0]


def seeds() -> list[Seed]:
    """Return the corpus, the same in every process."""
    found = [
        Seed(kind, name, files if isinstance(files, dict) else {name: files})
        for make in (
            _npy,
            _npz,
            _pickles,
            _packed,
            _safetensors,
            _torch,
            _zarr,
            _hdf5,
            _gifs,
            _fonts,
            _texts,
            _csv,
        )
        for kind, name, files in make()
    ]
    return sorted(found, key=lambda seed: (seed.kind, seed.name))


Made = Iterator[tuple[str, str, "bytes | Files"]]


# -------------------------------------------------------------------------------------- npy, npz


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    """Return the bytes of a .npy file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version, allow_pickle=False)
    return file.getvalue()


def npy_of(header: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """Return a .npy file whose header is any text."""
    text = header.encode("latin-1", "replace") + b"\n"
    size = struct.pack("<H" if version[0] == 1 else "<I", len(text) & (0xFFFF, -1)[version[0] != 1])
    return b"\x93NUMPY" + version + size + text + data


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive with a constant date."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as archive:
        warnings.simplefilter("ignore")  # duplicate names
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return file.getvalue()


def _npy() -> Made:
    kinds = ("f8", ">f4", "f2", "i4", "u1", "?", "<U5", "c16")
    for dtype in kinds:
        yield "npy", f"stack-{dtype.strip('<>?')}.npy", npy((STACK * 10).astype(dtype))
    yield "npy", "fortran.npy", npy(np.asfortranarray(STACK))
    yield "npy", "matrix.npy", npy(MATRIX, (2, 0))
    yield "npy", "mask.npy", npy(STACK[0] > 0)
    yield "npy", "extremes.npy", npy([[[np.nan, np.inf, -np.inf, 1e308]] * 2] * 2)
    pointers = np.arange(1, 25, dtype="u8").tobytes()
    for name, descr, shape in (
        ("objects", "'|O'", "(3, 2, 4)"),
        ("fields", "[('a', '<f8'), ('b', '|O')]", "(3, 2, 2)"),
        ("subarray", "('|O', (2,))", "(3, 2, 2)"),
        ("vast", "'<f8'", "(1000000000000, 0, 4)"),
        ("wide", "'<U100000000'", "(0, 2, 4)"),
        ("void", "'|V8'", "(3, 2, 4)"),
    ):
        header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
        yield "npy", f"{name}.npy", npy_of(header, pointers)
        yield "npz", f"{name}.npz", zipped({"w.npy": npy_of(header, pointers)})
    letters = np.full((2, 4), "a")
    letters.view("u4")[0, :2] = 0x110000, 0xD800
    yield "npy", "letters.npy", npy(letters)
    yield "npy", "nested.npy", npy_of("(" * 9000 + ")" * 9000)


def _npz() -> Made:
    yield "npz", "stack.npz", zipped({"w.npy": npy(STACK)})
    frames = {f"arr_{k}.npy": npy(frame) for k, frame in enumerate(STACK)}
    yield "npz", "frames.npz", zipped(frames, zipfile.ZIP_DEFLATED)
    yield "npz", "other.npz", zipped(frames, zipfile.ZIP_BZIP2)
    panels = {"w.npy": npy(STACK), "v.npy": npy(STACK[:, :1]), "loss.npy": npy(STACK[:, 0, 0])}
    yield "npz", "panels.npz", zipped(panels)
    yield "npz", "matrix.npz", zipped({"w.npy": npy(MATRIX), "bias.npy": npy(MATRIX[0])})
    yield "npz", "many.npz", zipped({f"{k}.npy": npy(MATRIX[:1, :1]) for k in range(2000)})


# -------------------------------------------------------------------------------------- pickles


def _pickles() -> Made:
    masked = np.ma.MaskedArray(STACK, STACK > 1)
    dicts = [{"w": frame, "v": frame[:1]} for frame in STACK]
    objects: dict[str, Any] = {
        "array": STACK,
        "fortran": np.asfortranarray(STACK[0]),
        "list": list(STACK),
        "nested": STACK.tolist(),
        "deque": collections.deque(STACK, 9),
        "dict": {"w": STACK},
        "panels": {"w": STACK, "v": list(STACK), "loss": STACK[:, 0, 0]},
        "dicts": dicts,
        "masked": masked,
        "scalars": [[[np.float32(x) for x in row] for row in STACK[0]]],
        "texts": (STACK * 10).astype("<U4"),
        "settings": {
            "w": list(STACK),
            "rate": 0.1,
            "name": "run",
            "args": argparse.Namespace(a=1),
            "path": Path("x"),
            "set": {1},
        },
        "steps": dict(enumerate(STACK)),
        "dates": {datetime.date(2024, 1, k + 1): frame for k, frame in enumerate(STACK)},
        "default": collections.defaultdict(list, w=list(STACK)),
        "namespace": types.SimpleNamespace(w=STACK, run={"v": STACK}),
        "objects": np.array([*STACK, None], object)[:-1],
        "maskedlist": [np.ma.MaskedArray(frame, frame > 1) for frame in STACK],
        "large": [np.tile(frame, 8) for frame in STACK],
    }
    for name, value in objects.items():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            yield "pickle", f"{name}-{protocol}.pkl", pickle.dumps(value, protocol)
    joblib = b"\x80\x04](cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\5\0\0\0dtype"
    joblib += pickle.dumps(MATRIX.dtype, 2)[2:-1] + b"X\5\0\0\0shapeK\2K\4\x86ub"
    yield "pickle", "one.joblib", joblib + MATRIX.tobytes() + b"e."
    crlf = pickle.dumps(list(STACK), 0).replace(b"\n", b"\r\n")
    yield "pickle", "crlf.pkl", crlf
    yield "pickle", "dumps.pkl", b"".join(map(pickle.dumps, STACK))
    yield "pickle", "protocol0.obj", b"".join(pickle.dumps(frame, 0) for frame in STACK)
    yield "pickle", "deques.pkl", sharing(35)
    yield "pickle", "deques-more.pkl", sharing(108)
    row = b"]" + b"(" + b"K\1" * 11_500 + b"e"
    yield "pickle", "rows.pkl", b"\x80\2" + b"](" + row + b"2" * 11_499 + b"e."
    doubled = b"K\1" + b"2\x86" * 40
    yield "pickle", "doubled.pkl", b"\x80\2](" + pickle.dumps(STACK[0], 2)[2:-1] + doubled + b"e."
    yield "pickle", "doubled-dtype.pkl", b"\x80\2cnumpy\ndtype\n" + doubled + b"\x85R."
    yield "pickle", "tuples.pkl", b"\x80\2K\1" + b"\x85" * 50_000 + b"."
    collide = ((k + 1) * ((1 << 61) - 1) for k in range(20_000))
    keys = (b"\x8a\x0a" + key.to_bytes(10, "little") + b"N" for key in collide)
    yield "pickle", "collisions.pkl", b"\x80\2" + b"}(" + b"".join(keys) + b"u."
    yield "pickle", "call.pkl", b"\x80\2cos\nsystem\nX\4\0\0\0true\x85R."


def sharing(depth: int) -> bytes:
    """Return a pickle of nested deques, each of which holds the previous one twice."""
    begin = b"\x80\2ccollections\ndeque\nq\0]K\1a\x85Rq\1"
    return begin + b"h\0](h\1h\1e\x85Rq\1" * depth + b"."


# -------------------------------------------------------------------------- files of tensors


def safetensors(header: Any, data: bytes = b"") -> bytes:
    """Return a safetensors file whose header is any bytes or JSON value."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "z": zlib.compress,
}


def _packed() -> Made:
    objects = io.BytesIO()
    np.save(objects, {"w": STACK, "v": Path("x")}, allow_pickle=True)  # type: ignore[arg-type]
    yield "npy", "objects-w.npy", objects.getvalue()
    for suffix, pack in PACKERS.items():
        yield "packed", f"stack.npy.{suffix}", pack(npy(STACK))
        yield "packed", f"list.pkl.{suffix}", pack(pickle.dumps(list(STACK)))
        yield "packed", f"stack.npz.{suffix}", pack(zipped({"w.npy": npy(STACK)}))
    yield "packed", "zeros.npy.xz", lzma.compress(npy(STACK)[:128] + bytes(1 << 28))
    yield "packed", "lists.pkl.gz", gzip.compress(b"(" + b"]" * 60_000_000 + b"l.", mtime=0)
    yield (
        "packed",
        "tuples.pkl.gz",
        gzip.compress(b"\x80\4](" + b")\x85" * 990_000 + b"e.", mtime=0),
    )
    names = b"".join(b"cm%d\nn\n)R" % k for k in range(110_000))
    yield "packed", "names.pkl.gz", gzip.compress(b"\x80\4](" + names + b"e.", mtime=0)
    yield "packed", "commas.csv.xz", lzma.compress(b"," * 60_000_000)


def _safetensors() -> Made:
    one = {"w": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}}
    yield "safetensors", "one.safetensors", safetensors(one, MATRIX.tobytes())
    several = {
        "__metadata__": {"format": "pt"},
        "layer.weight": {"dtype": "BF16", "shape": [2, 4], "data_offsets": [0, 16]},
        "layer.bias": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [16, 20]},
        "w": {"dtype": "I16", "shape": [2, 4], "data_offsets": [20, 36]},
    }
    yield "safetensors", "several.safetensors", safetensors(several, bytes(range(36)))
    yield "safetensors", "nested.safetensors", safetensors(b"{" + b'"a":[' * 50_000)
    digits = b'{"w":{"dtype":"F32","shape":[' + b"9" * 4000 + b'],"data_offsets":[0,0]}}'
    yield "safetensors", "digits.safetensors", safetensors(digits)


def _torch() -> Made:
    if find_spec("torch") is None:
        return
    import torch

    weights = torch.arange(8.0).reshape(2, 4)
    states: dict[str, Any] = {
        "state": {"w": weights, "model": {"bias": weights[0], "w": weights.t()}},
        "tensor": weights,
        "half": {"w": weights.bfloat16(), "list": [weights, (weights, 1)]},
        "sparse": {"w": weights.to_sparse()},
        "outside": {"w": _sparse(1 << 40, (2, 4))},
        "sparse-vast": {"w": _sparse(1, (30_000, 30_000))},
        "expanded": {"w": weights[0, 0].expand(30_000, 30_000)},
        "stack": torch.stack([weights, -weights]),
        "steps": {0: weights, 10: -weights},
        "settings": {"w": [weights, -weights], "args": argparse.Namespace(a=1), "v": MATRIX},
    }
    for name, state in states.items():
        file = io.BytesIO()
        torch.save(state, file)
        yield "torch", f"{name}.pt", file.getvalue()
    for name in ("state", "tensor"):
        file = io.BytesIO()
        torch.save(states[name], file, _use_new_zipfile_serialization=False)
        # its only storage is named after a memory address
        yield "torch", f"{name}-old.pt", re.sub(rb"X....\d{9,}", b"X\1\0\0\x000", file.getvalue())


def _sparse(column: int, shape: tuple[int, int]) -> Any:
    """Return a sparse tensor with a value in a column that may be out of bounds."""
    import torch

    places = torch.tensor([[0, 1], [1, column]])
    return torch.sparse_coo_tensor(places, torch.ones(2), shape, check_invariants=False)


# -------------------------------------------------------------------------------- zarr and HDF5


def _zarr() -> Made:
    """Yield folders written by hand, since writing them with zarr would start its threads."""
    if find_spec("zarr") is None:
        return
    array = STACK.astype("<f4")
    second: dict[str, Any] = {
        "zarr_format": 2,
        "shape": [3, 2, 4],
        "chunks": [2, 2, 4],
        "dtype": "<f4",
        "compressor": None,
        "fill_value": 0.0,
        "order": "C",
        "filters": None,
    }
    chunks = [array[:2].tobytes(), np.concatenate([array[2:], array[:1]]).tobytes()]
    blocks = {f"{k}.0.0": chunk for k, chunk in enumerate(chunks)}

    def v2(**changes: Any) -> Files:
        return {".zarray": json.dumps(second | changes).encode(), **blocks}

    def v3(codecs: Any = None, **changes: Any) -> Files:
        said = {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [3, 2, 4],
            "data_type": "float32",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 2, 4]}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": 0.0,
            "codecs": codecs or [{"name": "bytes", "configuration": {"endian": "little"}}],
            "attributes": {},
        }
        stored = {f"c/{k}/0/0": chunk for k, chunk in enumerate(chunks)}
        return {"zarr.json": json.dumps(said | changes).encode(), **stored}

    plain = [{"name": "bytes", "configuration": {"endian": "little"}}]
    sharded = [
        {
            "name": "sharding_indexed",
            "configuration": {"chunk_shape": [1, 2, 4], "codecs": plain, "index_codecs": plain},
        }
    ]
    group = {".zgroup": b'{"zarr_format":2}'} | {f"w/{name}": raw for name, raw in v2().items()}
    group3 = {"zarr.json": b'{"zarr_format":3,"node_type":"group","attributes":{}}'}
    folders = {
        "v2": v2(),
        "v2-zlib": v2(compressor={"id": "zlib", "level": 1}),
        "v2-pickle": v2(compressor={"id": "pickle"}),
        "v2-filter": v2(filters=[{"id": "delta", "dtype": "<f4"}]),
        "v2-objects": v2(dtype="|O", filters=[{"id": "pickle"}]),
        "v2-vast": v2(shape=[3, 30_000, 30_000], chunks=[1, 30_000, 30_000]),
        "v3": v3(),
        "v3-gzip": v3([*plain, {"name": "gzip", "configuration": {"level": 1}}]),
        "v3-sharded": v3(sharded),
        "v3-vast": v3(shape=[1 << 40, 2, 4]),
        "group": group,
        "group3": group3 | {f"w/{name}": raw for name, raw in v3().items()},
    }
    for name, files in folders.items():
        yield "zarr", f"{name}.zarr", {f"{name}.zarr/{each}": raw for each, raw in files.items()}


def _hdf5() -> Made:
    if find_spec("h5py") is None:
        return
    import h5py

    def file_with(write: Callable[[Any], object]) -> bytes:
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            write(file)
        return memory.getvalue()

    def several(file: Any) -> None:
        file.create_group("run")["w"] = STACK
        file["bias"] = STACK[0]

    def stepwise(file: Any) -> None:
        for step, frame in enumerate(STACK):
            file[f"step_{step}/w"] = frame
        file["w"] = h5py.SoftLink("/step_1/w")
        file["text"] = ["a", "b"]

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout(shape=(2, 4, 8), dtype="f8")
        layout[0] = h5py.VirtualSource(SECRET_NAME + ".h5", "w", shape=(4, 8))
        file.create_virtual_dataset("w", layout)

    yield "hdf5", "one.h5", file_with(lambda file: file.create_dataset("w", data=STACK))
    yield "hdf5", "several.h5", file_with(several)
    yield "hdf5", "steps.h5", file_with(stepwise)
    weights = file_with(lambda file: file.create_dataset("layers/w/0", data=MATRIX))
    yield "hdf5", "model.keras", zipped({"config.json": b"{}", "model.weights.h5": weights})
    chunked = {"chunks": (1, 2, 4), "compression": "gzip", "shuffle": True, "fletcher32": True}
    yield "hdf5", "chunked.h5", file_with(lambda f: f.create_dataset("w", data=STACK, **chunked))
    vast = {"shape": (2, 30_000, 30_000), "chunks": (1, 1000, 1000), "dtype": "f8"}
    yield "hdf5", "vast.h5", file_with(lambda file: file.create_dataset("w", **vast))
    place = [(f"../{SECRET_NAME}", 0, SECRET.nbytes)]
    external = {"shape": (2, 4, 8), "dtype": "f8", "external": place}
    yield "hdf5", "external.h5", file_with(lambda file: file.create_dataset("w", **external))
    yield "hdf5", "virtual.h5", file_with(virtual)
    link = h5py.ExternalLink(f"../{SECRET_NAME}.h5", "w")
    yield "hdf5", "link.h5", file_with(lambda file: file.__setitem__("w", link))
    yield "hdf5", "cycle.h5", file_with(lambda file: file.__setitem__("w", file["/"]))


# ------------------------------------------------------------------------------------------ GIFs


def _gifs() -> Made:
    for name, options in GIFS.items():
        yield "gif", f"{name}.gif", _recorded(options, [*STACK, STACK[-1]])
    plain = _recorded(GIFS["plain"], STACK)
    for name, note in (
        ("held", b'{"fastheat":{"held":-1000000000000}}'),
        ("infinite", b'{"fastheat":{"held":1e999,"vmin":1e999,"duration":1e999}}'),
        ("deep", b'{"fastheat":' + b"[" * 100_000),
        (
            "steered",
            b'{"fastheat":{"mark":"\\u001b[31mred\\nline","loop":"' + b"x" * 100_000 + b'"}}',
        ),
        ("digits", b'{"fastheat":{"step":' + b"9" * 4000 + b"}}"),
        ("panels", _forged(20_000)),
    ):
        yield "gif", f"plain-{name}.gif", plain[:-1] + commented(note) + b";"
    late = _recorded(GIFS["long"], [*STACK, STACK[-1]])
    image = late.rindex(b"!\xf9\x04\x05\xff\xff", 0, late.rindex(b"!\xf9\x04\x05\xff\xff")) + 8
    after = late.index(b"!\xf9\x04\x05", image)
    uncontrolled = late[:after] + late[image:after] + late[after:]
    yield "gif", "long-uncontrolled.gif", uncontrolled
    control = blocks.graphic_control(65535, 0) + blocks.EMPTY_IMAGE
    yield "gif", "plain-delays.gif", plain[:-1] + control * 30_000 + b";"


def _recorded(options: dict[str, Any], frames: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.gif")
        with GifWriter(path, background=False, **SMALL, **options) as writer:
            for step, frame in enumerate(frames):
                writer.add(as_frame(frame, options), **step_of(step, options))
        return path.read_bytes()


def as_frame(frame: Any, options: dict[str, Any]) -> Any:
    """Return a frame in the form that a GIF with these options takes."""
    return {"w": frame, "loss": frame[0, 0]} if "lines" in options else frame


def step_of(step: int, options: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments that `add` needs besides."""
    return {"step": step} if "title" in options else {}


def _forged(count: int) -> bytes:
    """Return a note that claims this many panels."""
    names = [f"{k:x}" for k in range(count)]
    said = {
        "shape": {name: [1, 1] for name in names},
        "dtype": dict.fromkeys(names, "float64"),
        "vmin": [0.0] * count,
        "vmax": [1.0] * count,
    }
    return json.dumps({"fastheat": said}, separators=(",", ":")).encode()


def commented(note: bytes) -> bytes:
    """Return a GIF comment that contains any bytes."""
    return blocks.comment(note.decode("latin-1").encode("ascii", "replace").decode())


# -------------------------------------------------------------------------------- fonts and texts


def _fonts() -> Made:
    from matplotlib import get_data_path
    from PIL import ImageFont

    built_in: Any = ImageFont.load_default(10)
    yield "font", "aileron.ttf", built_in.path.getvalue()
    folder = Path(get_data_path(), "fonts", "ttf")
    yield "font", "cmss10.ttf", (folder / "cmss10.ttf").read_bytes()


def _texts() -> Made:
    yield "text", "two.txt", b"first\nsecond\n"
    yield "text", "four.txt", "a\r\nb\u0301\r\n\u05d0\u0628\r\n\U0001f600".encode("utf-8-sig")
    yield "text", "templates.txt", b"{step}\n{:999999999}\n{x.__class__}\n"
    yield "text", "long.txt", b"x" * 60_000 + b"\n" + b"y" * 60_000
    yield "text", "lines.txt", b"\n" * 200_000


# --------------------------------------------------------------------------------------- .csv, .tsv


def _csv() -> Made:
    rows = [",".join(map(str, row)) for row in STACK[0].tolist()]
    matrix = "\n".join(rows).encode() + b"\n"
    yield "csv", "matrix.csv", matrix
    yield "csv", "packed.csv.gz", gzip.compress(matrix, mtime=0)
    labels = "".join(f"{k},{row}\r\n" for k, row in enumerate(rows))
    yield "csv", "index.csv", b",0,1,2,3\r\n" + labels.encode()
    yield "csv", "header.csv", '\ufeffname,a,b\n"x, y",1,\nz,NA,2e3\n'.encode()
    yield "csv", "tabs.tsv", matrix.replace(b",", b"\t")
    yield "csv", "commas.csv", matrix.replace(b",", b";").replace(b".", b",")
    cells = [(t, i, j, STACK[t, i, j]) for t, i, j in np.ndindex(*STACK.shape)]
    long = "".join(f"{t},{i},{j},{value}\n" for t, i, j, value in cells)
    yield "csv", "long.csv", b"step,row,col,value\n" + long.encode()
    named = "".join(f"{value},r{i},{100 * t},c{j}\n" for t, i, j, value in cells)
    yield "csv", "named.csv", b"Value,Row,Step,Column\n" + named.encode()
    yield "csv", "vast.csv", b"step,row,col,value\n0,1000000000,1000000000,1\n"
    yield "csv", "wide.csv", b"," * 900_000
    yield "csv", "thin.csv", b"0\n" * 450_000
    yield "csv", "quoted.csv", b'"' + b"1\n" * 400_000
    yield "csv", "bomb.csv.gz", gzip.compress(b"," * 100_000_000, mtime=0)
    dense = b"," * 1_500_000 + b"\n"
    yield "csv", "dense.csv.gz", gzip.compress(dense * 2, mtime=0)
    yield "csv", "denser.csv.gz", gzip.compress(dense * 11, mtime=0)
    yield "csv", "digits.csv", b"9" * 130_000 + b",1\n"
