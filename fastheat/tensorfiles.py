"""Files of tensors by name: safetensors, .npz, .npy and PyTorch's, of which one tensor is read."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.archives import data_of, headers_in, read_header, read_member
from fastheat.messages import in_a_line, short
from fastheat.stores import Seen
from fastheat.tensors import as_array, of_bits, size_of

SUFFIXES = (".safetensors", ".npz", ".npy", ".pt", ".pth")
_LONGEST_HEADER = 100_000_000  # bytes, as safetensors itself has it
_MOST_PARTS = 1_000_000  # of a file of PyTorch's,
_MOST_LETTERS = 100_000_000  # and of the names of its tensors together
_MOST_SIDES = 64  # of a tensor
_DEEPEST = 200
_NUMPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_OLD_TORCH = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # which its pickles begin with
# as numpy and ml_dtypes call what safetensors has
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
    """A tensor of a file, not read: its shape, the name of its dtype, and where it lies."""

    shape: tuple[int, ...]
    dtype: str
    offset: int = 0


def look(path: Path, file: BinaryIO) -> dict[str, Entry]:
    """Return the tensors of a file by their names; an only one without a name is ``""``."""
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
        return _look_torch(path, file)
    if magic[:4] == _ZIP:
        return _look_npz(file)
    accepted = ", ".join(SUFFIXES)
    raise ValueError(f"not a file of tensors, expected the content of {accepted}")


def take(seen: Seen, name: str, entry: Entry) -> npt.NDArray[Any]:
    """Read one tensor, as numpy has it."""
    with seen.open() as file:
        if entry.offset:
            file.seek(entry.offset)
            data = file.read(prod(entry.shape) * (size_of(entry.dtype) or 0))
            return of_bits(data, entry.dtype).reshape(entry.shape)
        magic = file.read(6)
        file.seek(0)
        if magic == _NUMPY:
            return _whole(file)
        if not is_torch(file):
            with zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
                return _whole(member, archive.getinfo(f"{name}.npy").compress_size)
        # a copy, for the others of the file not to stay in memory
        return np.array(as_array(_torch_tensors(seen.path)[name]))


def _whole(file: Any, packed: int | None = None) -> npt.NDArray[Any]:
    rows = list(read_member(file, packed))  # a matrix, or the numbers of a vector
    return rows[0] if rows[0].ndim else np.array(rows)


def dtype_of(entry: Entry) -> np.dtype[Any]:
    """Return the dtype that `take` reads it as."""
    if size_of(entry.dtype) is None:
        raise ValueError(f"it has dtype {entry.dtype[:40]}, expected real numbers")
    return of_bits(b"", entry.dtype).dtype


# -------------------------------------------------------------------------------- safetensors, npz


def is_safetensors(magic: bytes) -> bool:
    """Return whether a file begins as one of safetensors: the length of JSON, and JSON."""
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
        # a product of thousands of long numbers would take minutes
        sound = all(type(side) is int and 0 <= side < 1 << 63 for side in whole)
        sound = sound and all(
            type(each[0]) is str and len(each) == 4 and len(each[1]) <= _MOST_SIDES
            for each in found.values()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        sound = False
    if not sound or len(raw) != length:
        raise ValueError("damaged: the header is no JSON that names tensors")
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
    """Return a dictionary of JSON, in which a name may stand once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _look_npz(file: BinaryIO) -> dict[str, Entry]:
    with zipfile.ZipFile(file) as archive:
        headers = headers_in(archive)
    return {name[:-4]: Entry(shape, dtype.name) for name, (shape, dtype) in headers.items()}


# ---------------------------------------------------------------------------------------- PyTorch


def is_torch(file: BinaryIO) -> bool:
    """Return whether a file is one that `torch.save` wrote, of today or before PyTorch 1.6."""
    begin = file.read(64)
    file.seek(0)
    if begin[:4] != _ZIP:
        return begin[:1] == pickle.PROTO and _OLD_TORCH in begin
    with zipfile.ZipFile(file) as archive:
        found = any(name.endswith("/data.pkl") for name in archive.namelist())
    file.seek(0)
    return found


def _look_torch(path: Path, file: BinaryIO) -> dict[str, Entry]:
    """Return the tensors of a file of `torch.save`, and of most where they lie."""
    places: dict[int, tuple[int, int]] = {}
    try:
        outline, places = _outline(file)
        tensors = _torch_tensors(outline, "meta")
    except Exception:  # not all versions of torch and kinds of tensors take that, nor all files
        tensors = _torch_tensors(path)
    return {
        name: Entry(tuple(each.shape), _named(each), _place_of(each, places))
        for name, each in tensors.items()
    }


def _outline(file: BinaryIO) -> tuple[BinaryIO, dict[int, tuple[int, int]]]:
    """Return a file of PyTorch's without its numbers, and where in `file` they are.

    PyTorch reads numbers either all of them or by a map, which a file that is cut must not have.

    Returns
    -------
    file
        In memory.
    dict of (int, int)
        Offset and length of each storage, by the offset that it has in the outline.
    """
    outline = io.BytesIO()
    places: dict[int, tuple[int, int]] = {}
    end = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(outline, "w") as empty:
        for info in archive.infolist():
            name = info.filename.partition("/")[2]
            if info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{short(info.filename)} is compressed")
            if name == "byteorder" and archive.read(info) != b"little":
                raise ValueError("numbers that are not little-endian")
            if name in ("data.pkl", "version"):
                empty.writestr(info.filename, archive.read(info))
            elif name.startswith("data/"):
                empty.writestr(info.filename, b"")
                place = data_of(outline, empty.getinfo(info.filename))
                outline.seek(0, 2)
                start = data_of(file, info)
                places[place] = start, min(info.file_size, end - start)
    outline.seek(0)
    return outline, places


def _place_of(tensor: Any, places: Mapping[int, tuple[int, int]]) -> int:
    """Return where in the file the numbers of a tensor begin, 0 where that is not known."""
    if not places or str(tensor.layout) != "torch.strided":
        return 0
    if tensor.is_neg() or not tensor.is_contiguous():
        return 0
    start, length = places.get(getattr(tensor.untyped_storage(), "_checkpoint_offset", -1), (0, 0))
    first, size = tensor.storage_offset(), tensor.element_size()
    return start + first * size if (first + tensor.numel()) * size <= length else 0


def _torch_tensors(file: Path | BinaryIO, device: str = "cpu") -> dict[str, Any]:
    """Return the tensors of a file of `torch.save`; those of nested ones have dots in their names.

    On the device "meta" they have no numbers.
    """
    try:
        import torch
    except ImportError:
        raise ImportError("that takes torch: pip install 'fastheat[checkpoints]'") from None
    try:
        loaded = torch.load(file, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        said = in_a_line(error)
        if why := re.search(
            r"WeightsUnpickler error: (.*?)(?:\s*Check the doc|$)", str(error), re.S
        ):
            said = " ".join(why[1].split())  # the rest is how to have it run
        what = f"asks for {asked[1]}" if asked else f"is refused ({said[:200]})"
        raise ValueError(
            f"it {what}, expected only tensors, numbers and containers; nothing in it was run: "
            "of a model save its state_dict()"
        ) from None
    return _tensors_in(loaded, torch.Tensor)


def _tensors_in(loaded: Any, kind: type) -> dict[str, Any]:
    """Return the tensors in containers; those that share their items may have any number."""
    tensors: dict[str, Any] = {}
    letters = 0
    for count, (name, value) in enumerate(_flat(loaded, "", kind)):
        if count == _MOST_PARTS:
            raise ValueError(f"it has over {_MOST_PARTS} containers and tensors, expected fewer")
        if isinstance(value, kind):
            tensors[name] = value
            letters += len(name)
        if letters > _MOST_LETTERS:
            raise ValueError(f"its names have over {_MOST_LETTERS} letters, expected fewer")
    return tensors


def _flat(value: Any, name: str, kind: type, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the containers and tensors in one, itself first, with their names."""
    if depth > _DEEPEST:
        raise ValueError(f"it has over {_DEEPEST} containers in one another, expected fewer")
    yield name, value
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, (list, tuple)):
        items = enumerate(value)
    elif isinstance(value, Mapping):
        items = value.items()
    for key, item in items:
        if isinstance(item, (kind, list, tuple, Mapping)):
            yield from _flat(item, f"{name}.{key}" if name else str(key), kind, depth + 1)


def _named(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")
