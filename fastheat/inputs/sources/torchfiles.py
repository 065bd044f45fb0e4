"""The tensors in files written by `torch.save`, read without PyTorch, which may run code in them.

The pickle in such a file describes the tensors. The machine of `pickles` runs it, with a tensor
represented by its place in the file. Nothing is allocated before a tensor's numbers are asked for.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

from fastheat.inputs.sources.bounds import are_sides, is_side
from fastheat.inputs.sources.npz import data_of
from fastheat.inputs.sources.packed import packed_size
from fastheat.inputs.sources.pickle_globals import NAMES, Name
from fastheat.inputs.sources.pickles import Machine
from fastheat.inputs.sources.tensors import size_of
from fastheat.messages import in_a_line, short

_ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C  # begins the files of PyTorch before 1.6
_VERSION = 1001
_MOST_SIDES = 64  # dimensions
_SHARED = 1 << 20  # items that a tensor may have even if they overlap, as in an expanded one

_STORAGES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
    "QInt8": "qint8",
    "QUInt8": "quint8",
    "QInt32": "qint32",
}
# what to save in place of tensors that are not strided
_HINTS = {
    "_sparse": "of a sparse tensor save .to_dense()",
    "qtensor": "of a quantized tensor save .dequantize()",
    "nested": "of a nested tensor save .unbind()",
}
_BYTES = "bytes"  # the dtype of an untyped storage
_SIZES = {"complex64": 8, "complex128": 16, "qint8": 1, "quint8": 1, "qint32": 4, _BYTES: 1}
_DTYPES = (
    *("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "bool"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Storage:
    key: str
    dtype: str
    length: int  # items


@dataclass(frozen=True, slots=True, eq=False)
class _Marker:
    """A global that stands for a dtype: the dtype itself, or a storage class."""

    dtype: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor whose numbers stay in the file.

    Attributes
    ----------
    shape, strides
        The shape, and the step along each axis in items.
    dtype
        The name of the dtype.
    key
        The key of the storage that holds its numbers.
    start
        The index of its first item in the storage.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    key: str
    start: int

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def reach(self) -> int:
        """The number of storage items from the first to the last, both included."""
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + sum((side - 1) * step for side, step in steps)


Places = Callable[[str], tuple[int, int]]  # storage key -> offset in the file, size in bytes


def load(file: BinaryIO) -> tuple[Any, Places, bool]:
    """Load a file, with a `Tensor` in place of each tensor.

    Returns
    -------
    object
        The content of the file.
    callable
        Gives the place of a storage in the file.
    bool
        Whether the numbers are big-endian.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    zipped = file.read(4) == _ZIP
    file.seek(0)
    try:
        return _in_archive(file, size) if zipped else (*_in_sequence(file, size), False)
    except pickle.UnpicklingError as error:
        raise refusal(error) from None


def refusal(error: BaseException) -> ValueError:
    """Return the error of a reader that needs an object that was not read."""
    said = in_a_line(error).partition(", expected")[0][:200]
    hints = (hint for name, hint in _HINTS.items() if name in said)
    return ValueError(
        f"{said}, expected only tensors, numbers and containers; nothing in it was run: "
        + next(hints, "of a model save its state_dict()")
    )


def place_of(tensor: Tensor, places: Places) -> int:
    """Return the file offset of a tensor's first item; all items must be in its storage."""
    width = size_of(tensor.dtype)
    if width is None or 0 in tensor.shape:
        return 0
    offset, held = places(tensor.key)
    if (tensor.start + tensor.reach) * width > held:
        raise ValueError(f"damaged: it ends after the {held} bytes of its storage do")
    if prod(tensor.shape) > max(tensor.reach, _SHARED):
        raise ValueError(
            f"it has {prod(tensor.shape)} numbers in {tensor.reach} places, expected one for each: "
            "save a contiguous() one"
        )
    return offset + tensor.start * width


def _in_archive(file: BinaryIO, size: int) -> tuple[Any, Places, bool]:
    with zipfile.ZipFile(file) as archive:
        members: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            if info.filename in members:
                raise ValueError(f"{short(info.filename)} occurs twice in it")
            # torch.save does not compress
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                raise ValueError(f"damaged: {short(info.filename)} is compressed")
            members[info.filename] = info
        (pickled,) = (name for name in members if name.endswith("/data.pkl"))
        root = pickled.removesuffix("data.pkl")
        order, said = members.get(f"{root}byteorder"), b"little"
        if order is not None:
            said = archive.read(order) if order.file_size < 9 else b""
        if said not in (b"little", b"big"):
            raise ValueError("damaged: its byte order is neither little nor big")
        if members[pickled].file_size > size:
            raise ValueError(f"damaged: {short(pickled)} ends after the file does")
        loaded = _States(io.BytesIO(archive.read(pickled))).load()

    def place(key: str) -> tuple[int, int]:
        info = members.get(f"{root}data/{key}")
        if info is None:
            raise ValueError(f"damaged: it lacks the storage {short(key)}")
        offset = data_of(file, info)
        if offset + info.file_size > size:
            raise ValueError(f"damaged: storage {short(key)} ends after the file does")
        return offset, info.file_size

    return loaded, place, said == b"big"


def _in_sequence(file: BinaryIO, size: int) -> tuple[Any, Places]:
    """Read a file of PyTorch before 1.6: pickles, then the storages that the last pickle lists."""
    magic, version, system = (_States(file).load() for _ in range(3))
    if magic != _MAGIC or version != _VERSION or type(system) is not dict:
        raise ValueError("damaged: it does not begin as files of PyTorch do")
    if system.get("little_endian") is not True:
        raise ValueError("expected a file of a little-endian machine")
    machine = _States(file)
    loaded = machine.load()
    keys = _States(file).load()
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise ValueError("damaged: it does not list its storages")
    places: dict[str, tuple[int, int]] = {}
    offset = file.tell()
    for key in keys:
        file.seek(offset)
        length = int.from_bytes(file.read(8), "little")
        storage = machine.storages.get(key)
        if storage is None or storage.length != length:
            raise ValueError(f"damaged: storage {short(key)} has another length than it says")
        width = _SIZES.get(storage.dtype) or size_of(storage.dtype) or 1
        places[key] = offset + 8, length * width
        offset += 8 + length * width
        if offset > size:
            raise ValueError(f"the file ends before storage {short(key)} does")

    def place(key: str) -> tuple[int, int]:
        if key not in places:
            raise ValueError(f"damaged: it lacks the storage {short(key)}")
        return places[key]

    return loaded, place


# -------------------------------------------------------------------------------------- unpickling


def _tensor(
    storage: object, start: object, shape: object, strides: object, *others: object
) -> Tensor:
    if not (
        isinstance(storage, _Storage)
        and is_side(start)
        and type(shape) is type(strides) is tuple
        and are_sides(shape, _MOST_SIDES)
        and are_sides(strides, _MOST_SIDES)
        and len(shape) == len(strides)
    ):
        raise pickle.UnpicklingError("damaged: a tensor without a storage, shape or strides")
    return Tensor(tuple(shape), tuple(strides), storage.dtype, storage.key, start)


def _tensor_3(
    storage: object,
    start: object,
    shape: object,
    strides: object,
    grad: object,
    hooks: object,
    dtype: object,
    *others: object,
) -> Tensor:
    if not isinstance(storage, _Storage) or not isinstance(dtype, _Marker):
        raise pickle.UnpicklingError("damaged: a tensor without a storage or dtype")
    return _tensor(_Storage(storage.key, dtype.dtype, storage.length), start, shape, strides)


def _parameter(data: object, *others: object) -> object:
    return data


def _of_type(function: object, kind: object, arguments: object, *others: object) -> object:
    call = function.call if isinstance(function, Name) else None
    if call not in (_tensor, _tensor_3) or type(arguments) is not tuple:
        raise pickle.UnpicklingError("damaged: a tensor subclass without a tensor")
    return call(*arguments)


def _size(sides: object = ()) -> object:
    return sides


_NAMES: dict[tuple[str, str], object] = {
    **NAMES,
    **{("torch", name): _Marker(name) for name in _DTYPES},
    **{("torch", f"{name}Storage"): _Marker(dtype) for name, dtype in _STORAGES.items()},
    **{
        (module, name): _Marker(_BYTES)
        for module in ("torch", "torch.storage")
        for name in ("UntypedStorage", "_UntypedStorage")
    },
    ("torch._utils", "_rebuild_tensor"): Name(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): Name(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): Name(_tensor_3),
    ("torch._utils", "_rebuild_parameter"): Name(_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): Name(_parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): Name(_of_type),
    ("torch", "Tensor"): Name(),
    ("torch.nn.parameter", "Buffer"): Name(),
    ("torch.nn.parameter", "Parameter"): Name(),
    ("torch", "Size"): Name(_size),
}


class _States(Machine):
    """Unpickler of the model states that `torch.save` writes."""

    damaged = "damaged"
    names = _NAMES

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, defer=False, packed=packed_size(file))
        self.storages: dict[str, _Storage] = {}

    def persistent(self) -> None:
        what = self.stack.pop()
        if type(what) is not tuple or len(what) not in (5, 6) or what[0] != "storage":
            raise pickle.UnpicklingError("damaged: a tensor without a storage")
        _, kind, key, _, length, *view = what
        if not isinstance(kind, _Marker) or type(key) is not str or not is_side(length):
            raise pickle.UnpicklingError("damaged: a tensor without a storage")
        if view not in ([], [None]):
            raise pickle.UnpicklingError("it has a storage that is a view of another one")
        storage = self.storages.setdefault(key, _Storage(key, kind.dtype, length))
        if (storage.dtype, storage.length) != (kind.dtype, length):
            raise pickle.UnpicklingError(f"damaged: two storages of one name {short(key)}")
        self.stack.append(storage)

    def build(self) -> None:
        if type(self.stack[-2]) is Tensor:  # its attributes
            self.stack.pop()
        else:
            super().build()
