"""Files of named tensors: safetensors, .npz, .npy and PyTorch, read one tensor at a time."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.npy import read_header
from fastheat.inputs.sources.npz import headers_in, read_member
from fastheat.inputs.sources.source import Seen
from fastheat.inputs.sources.tensors import of_bits, size_of
from fastheat.inputs.sources.torchfiles import Tensor, is_torch, load, place_of
from fastheat.messages import short

SUFFIXES = (".safetensors", ".npz", ".npy", ".pt", ".pth")
_LONGEST_HEADER = 100_000_000  # bytes, safetensors' own limit
_MOST_PARTS = 1_000_000  # containers and tensors of a PyTorch file
_MOST_LETTERS = 100_000_000  # of the names of its tensors together
_FEW = 10_000  # parts, and letters, that the smallest file may have
_MOST_SIDES = 64  # dimensions
_DEEPEST = 200  # nested containers
_NUMPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
# names in numpy or ml_dtypes by dtype name in safetensors
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a file, not read yet: its shape, the name of its dtype, and where it is."""

    shape: tuple[int, ...]
    dtype: str
    offset: int = 0  # in bytes; 0 in .npy and .npz files
    strides: tuple[int, ...] | None = None  # in items, or None if contiguous
    big: bool = False  # whether big-endian


def look(path: Path, file: BinaryIO) -> dict[str, Entry]:
    """Return the tensors of a file by name; the name of an .npy file's array is ``""``."""
    magic = file.read(9)
    file.seek(0)
    if not magic:
        raise ValueError("the file is empty")
    if magic[:6] == _NUMPY:
        shape, _, dtype = read_header(file, os.fstat(file.fileno()).st_size)
        return {"": Entry(shape, dtype.name)}
    if path.suffix.lower() == ".safetensors" or is_safetensors(magic):
        return _look_safetensors(file)
    if is_torch(file):
        return _look_torch(file)
    if magic[:4] == _ZIP:
        return _look_npz(file)
    accepted = ", ".join(SUFFIXES)
    raise ValueError(f"not a file of tensors, expected the content of {accepted}")


def take(seen: Seen, name: str, entry: Entry) -> npt.NDArray[Any]:
    """Read one tensor as a numpy array."""
    with seen.open() as file:
        if entry.offset:
            file.seek(entry.offset)
            width = size_of(entry.dtype) or 0
            if entry.strides is None:
                data = file.read(prod(entry.shape) * width)
                return of_bits(data, entry.dtype, big=entry.big).reshape(entry.shape)
            steps = zip(entry.shape, entry.strides, strict=True)
            size = width * (1 + sum((side - 1) * step for side, step in steps))
            values = of_bits(file.read(size), entry.dtype, big=entry.big)
            if len(values) * width < size:
                raise EOFError("the file ends before the tensor does")
            strides = [step * values.itemsize for step in entry.strides]
            return np.lib.stride_tricks.as_strided(values, entry.shape, strides)
        magic = file.read(6)
        file.seek(0)
        if magic == _NUMPY:
            return _whole(file)
        with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
            return _whole(member, archive.getinfo(f"{name}.npy").compress_size)


def _whole(file: Any, packed: int | None = None) -> npt.NDArray[Any]:
    rows = list(read_member(file, packed))  # one matrix, or the numbers of a vector
    return rows[0] if rows[0].ndim else np.array(rows)


def dtype_of(entry: Entry) -> np.dtype[Any]:
    """Return the dtype of what `take` reads; raise ValueError if it is not of real numbers."""
    if size_of(entry.dtype) is None:
        raise ValueError(f"it has dtype {entry.dtype[:40]}, expected real numbers")
    return of_bits(b"", entry.dtype).dtype


# -------------------------------------------------------------------------------- safetensors, npz


def is_safetensors(magic: bytes) -> bool:
    """Return whether a file begins as safetensors files do, with a length and a JSON object."""
    return magic[8:9] == b"{" and int.from_bytes(magic[:8], "little") <= _LONGEST_HEADER


def _look_safetensors(file: BinaryIO) -> dict[str, Entry]:
    length = int.from_bytes(file.read(8), "little")
    if length > _LONGEST_HEADER:
        raise ValueError("damaged: the header is too long")
    raw = file.read(length)
    end = file.seek(0, 2)
    try:
        header = json.loads(raw, object_pairs_hook=_without_repeats)
        found = {
            name: (each["dtype"], tuple(each["shape"]), *each["data_offsets"])
            for name, each in header.items()
            if name != "__metadata__"
        }
        whole = [side for _, shape, *offsets in found.values() for side in (*shape, *offsets)]
        # the product of thousands of long numbers would take minutes
        sound = all(type(side) is int and 0 <= side < 1 << 63 for side in whole)
        sound = sound and all(
            type(each[0]) is str and len(each) == 4 and len(each[1]) <= _MOST_SIDES
            for each in found.values()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound or len(raw) != length:
        raise ValueError("damaged: the header is not a JSON object that describes tensors")
    entries: dict[str, Entry] = {}
    for name, (kind, shape, first, last) in found.items():
        dtype = _DTYPES.get(kind, kind)
        size = size_of(dtype)
        if size is not None and last - first != prod(shape) * size:
            raise ValueError(
                f"damaged: {last - first} bytes for tensor {short(name)}, {kind} {short(shape)}"
            )
        if 8 + length + last > end:
            raise ValueError(f"the file ends before tensor {short(name)} does")
        entries[name] = Entry(shape, dtype, 8 + length + first)
    taken = 0
    for name, (_, _, first, last) in sorted(found.items(), key=lambda each: each[1][2:]):
        if first != taken:
            raise ValueError(f"damaged: tensor {short(name)} begins at {first}, expected {taken}")
        taken = last
    if 8 + length + taken != end:
        raise ValueError(
            f"damaged: it goes on after its tensors by {end - 8 - length - taken} bytes"
        )
    return entries


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object as a dictionary, or raise ValueError if a name occurs twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _look_npz(file: BinaryIO) -> dict[str, Entry]:
    with zipfile.ZipFile(file) as archive:
        headers = headers_in(archive)
    return {name[:-4]: Entry(shape, dtype.name) for name, (shape, dtype) in headers.items()}


# ---------------------------------------------------------------------------------------- PyTorch


def _look_torch(file: BinaryIO) -> dict[str, Entry]:
    """Return the tensors of a file written by `torch.save`; names of nested ones are dotted."""
    loaded, places, big = load(file)
    entries: dict[str, Entry] = {}
    found = _tensors_in(loaded, Tensor, os.fstat(file.fileno()).st_size)
    for name, tensor in found.items():
        try:
            offset = place_of(tensor, places)
        except ValueError as error:
            raise ValueError(f"tensor {short(name)}: {error}") from None
        entries[name] = Entry(tensor.shape, tensor.dtype, offset, tensor.strides, big)
    return entries


def _tensors_in(loaded: Any, kind: type, size: int = _MOST_LETTERS) -> dict[str, Any]:
    """Return the tensors in the containers of a file, by dotted name.

    The limits grow with the file's size, since containers may share their items.
    """
    tensors: dict[str, Any] = {}
    letters = 0
    parts, most = min(_MOST_PARTS, _FEW + size // 16), min(_MOST_LETTERS, _FEW + 16 * size)
    for count, (name, value) in enumerate(_flat(loaded, "", kind)):
        if count == parts:
            raise ValueError(f"it has over {parts} containers and tensors, expected fewer")
        if isinstance(value, kind):
            tensors[name] = value
            letters += len(name)
        if letters > most:
            raise ValueError(f"its names have over {most} letters, expected fewer")
    return tensors


def _flat(value: Any, name: str, kind: type, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield a container and all containers and tensors nested in it, with their dotted names."""
    if depth > _DEEPEST:
        raise ValueError(f"its containers are nested over {_DEEPEST} deep, expected fewer levels")
    yield name, value
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, (list, tuple)):
        items = enumerate(value)
    elif isinstance(value, Mapping):
        items = value.items()
    for key, item in items:
        if isinstance(item, (kind, list, tuple, Mapping)):
            yield from _flat(item, f"{name}.{key}" if name else str(key), kind, depth + 1)
