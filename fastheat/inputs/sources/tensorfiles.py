"""Files of named tensors: safetensors, .npz, .npy and PyTorch, read one tensor at a time."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from numbers import Real
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources import contents, pickles
from fastheat.inputs.sources.labelled import Axes
from fastheat.inputs.sources.named import without_repeats
from fastheat.inputs.sources.npy import read_header
from fastheat.inputs.sources.npz import headers_in, read_member
from fastheat.inputs.sources.packed import packed_size
from fastheat.inputs.sources.pickled import matrices_in
from fastheat.inputs.sources.readers import LONGEST_HEADER
from fastheat.inputs.sources.source import Stored
from fastheat.inputs.sources.tensors import of_bits, size_of
from fastheat.inputs.sources.torchfiles import Places, Tensor, load, place_of, refusal
from fastheat.messages import short

Kinds: TypeAlias = "type | tuple[type, ...]"

_MOST_PARTS = 1_000_000  # of a file of PyTorch's,
_MOST_LETTERS = 100_000_000  # and of the names of its tensors together
_FEW = 10_000  # of both, of the smallest file
_MOST_SIDES = 64  # of a tensor
_DEEPEST = 200
# as numpy and ml_dtypes call what safetensors has
_DTYPES = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "BOOL": "bool",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor that is still in its file: its shape, the name of its dtype, and its reader."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[BinaryIO], npt.NDArray[Any]]  # takes the open file
    placed: Placed | None = None  # where it lies, if its numbers lie there as they are
    axes: Axes | None = None  # the labels of its rows and columns, if the file has any


@dataclass(frozen=True, slots=True)
class Placed:
    """The place of a tensor's numbers in its file; strides count numbers, None is contiguous."""

    shape: tuple[int, ...]
    dtype: str
    offset: int
    strides: tuple[int, ...] | None = None
    big: bool = False

    def read(self, file: BinaryIO) -> npt.NDArray[Any]:
        """Read the tensor from its open file."""
        file.seek(self.offset)
        shape, width = self.shape, size_of(self.dtype) or 0
        if self.strides is None:
            raw = file.read(prod(shape) * width)
            return of_bits(raw, self.dtype, big=self.big).reshape(shape)
        reach = sum((side - 1) * step for side, step in zip(shape, self.strides, strict=True))
        values = of_bits(file.read(width * (1 + reach)), self.dtype, big=self.big)
        if len(values) < 1 + reach:
            raise EOFError("the file ends before the tensor does")
        steps = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values, shape, steps)

    def part(self, start: int, stop: int) -> Placed:
        """Return the place of some of the frames of a tensor (T, N, M)."""
        step = prod(self.shape[1:]) if self.strides is None else self.strides[0]
        offset = self.offset + start * step * (size_of(self.dtype) or 0)
        return replace(self, shape=(stop - start, *self.shape[1:]), offset=offset)


def dtype_of(entry: Entry) -> np.dtype[Any]:
    """Return the dtype of what `take` reads; raise ValueError if it is not of real numbers."""
    if size_of(entry.dtype) is None:
        raise ValueError(f"it has dtype {entry.dtype[:40]}, expected real numbers")
    return of_bits(b"", entry.dtype).dtype


# ------------------------------------------------------------------------- npy, npz, safetensors


def list_safetensors(file: BinaryIO) -> dict[str, Entry]:
    """Return the tensors of a file of safetensors by their names."""
    length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEADER:
        raise ValueError("damaged: the header is too long")
    raw = file.read(length)
    end = file.seek(0, 2)
    try:
        header = json.loads(raw, object_pairs_hook=without_repeats)
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
        place = 8 + length + first
        placed = Placed(shape, dtype, place)
        entries[name] = Entry(shape, dtype, placed.read, placed)
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


def list_npy(file: BinaryIO, wanted: str | None = None) -> dict[str, Entry]:
    """Return the array of an .npy file under the name ``""``, or those of an object in it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    array = read_header(file, size)
    if array.dtype == object:
        return _entries_of(file, file.tell(), wanted)
    return {"": Entry(array.shape, array.dtype.name, _read_all)}


def list_npz(file: BinaryIO) -> dict[str, Entry]:
    """Return the arrays of an .npz file by their names."""
    with zipfile.ZipFile(file) as archive:
        headers = headers_in(archive)
    return {
        name[:-4]: Entry(shape, dtype.name, partial(_read_member, name))
        for name, (shape, dtype) in headers.items()
    }


def _read_member(name: str, file: BinaryIO) -> npt.NDArray[Any]:
    with zipfile.ZipFile(file) as archive, archive.open(name) as member:
        return _read_all(member, archive.getinfo(name).compress_size)


def _read_all(file: Any, packed: int | None = None) -> npt.NDArray[Any]:
    rows = list(read_member(file, packed))  # a matrix, or the numbers of a vector
    return rows[0] if rows[0].ndim else np.array(rows)


# ---------------------------------------------------------------------------------------- pickles


def list_pickle(file: BinaryIO, wanted: str | None = None) -> dict[str, Entry]:
    """Return the arrays of a pickle by their names, with dots between those of nested ones.

    The number that is `wanted`, such as a loss, is listed too.
    """
    return _entries_of(file, 0, wanted)


def _entries_of(file: BinaryIO, start: int, wanted: str | None) -> dict[str, Entry]:
    """Return the arrays of a pickle that begins at an offset."""
    content = _content_at(file, start)
    entries = {
        name: Entry(
            tuple(array.shape),
            array.dtype.name,
            array.read if isinstance(array, Stored) else partial(_read_again, start, name),
        )
        for name, array in matrices_in(content).items()
    }
    return _with_number(entries, content, wanted)


def _with_number(entries: dict[str, Entry], content: Any, wanted: str | None) -> dict[str, Entry]:
    """Return entries with that of a number in the content of a file, if there is one of a name."""
    if wanted is None or wanted in entries:
        return entries
    if not contents.has(content, wanted):  # an error lists the numbers
        numbers = contents.numbers_in(content)
        return {**{name: _number(name, each) for name, each in numbers.items()}, **entries}
    value = contents.named(content, wanted)
    if not isinstance(value, Real):
        raise ValueError(
            f"its {short(wanted)} is {contents.described(value)}, expected a matrix, vector or "
            "number"
        )
    return {**entries, wanted: _number(wanted, value)}


def _number(name: str, value: Real) -> Entry:
    def read(_: BinaryIO) -> npt.NDArray[Any]:
        try:
            return np.array(float(value))
        except OverflowError:
            raise ValueError(f"its {short(name)} is too large for a float") from None

    return Entry((), "float64", read)


def _content_at(file: BinaryIO, start: int, *, defer: bool = True) -> Any:
    file.seek(start)
    return pickles.load(file, defer=defer, skip=True, packed=packed_size(file))


def _read_again(start: int, name: str, file: BinaryIO) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = matrices_in(_content_at(file, start, defer=False))[name]
    return array


# ---------------------------------------------------------------------------------------- PyTorch


def list_torch(file: BinaryIO, wanted: str | None = None) -> dict[str, Entry]:
    """Return the tensors of a file of `torch.save`; nested ones have dots in their names.

    The number that is `wanted`, such as a loss, is listed too.
    """
    loaded, places, big = load(file)
    entries: dict[str, Entry] = {}
    size = file.seek(0, os.SEEK_END)
    for name, tensor in _tensors_in(loaded, (Tensor, np.ndarray), size).items():
        try:
            entries[name] = entry_of(tensor, places, big, name)
        except ValueError as error:
            raise ValueError(f"tensor {short(name)}: {error}") from None
    if not entries:  # what was left out is all there is
        try:
            pickles.check_read(loaded)
        except pickle.UnpicklingError as error:
            raise refusal(error) from None
    return _with_number(entries, loaded, wanted)


def entry_of(tensor: Any, places: Places, big: bool, name: str = "") -> Entry:
    """Return the entry of a tensor of PyTorch, or of an array beside it."""
    if not isinstance(tensor, Tensor):
        return Entry(tuple(tensor.shape), tensor.dtype.name, partial(_array_again, name))
    placed = Placed(tensor.shape, tensor.dtype, place_of(tensor, places), tensor.strides, big)
    return Entry(tensor.shape, tensor.dtype, placed.read, placed)


def _array_again(name: str, file: BinaryIO) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = _tensors_in(load(file)[0], np.ndarray)[name]
    return array


def _tensors_in(loaded: Any, kind: Kinds, size: int = _MOST_LETTERS) -> dict[str, Any]:
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


def _flat(value: Any, name: str, kind: Kinds, depth: int = 0) -> Iterator[tuple[str, Any]]:
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
