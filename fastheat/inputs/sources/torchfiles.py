"""The tensors of files that `torch.save` wrote, read without PyTorch, which may run what they hold.

The pickle in such a file says what tensors there are: it is read by the machine of `unpickle`, to
which a tensor is a place in the file. Nothing is made of it before its numbers are asked for.
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

from fastheat.inputs.sources.npz import data_of
from fastheat.inputs.sources.pickles import _find, _Machine, _Name
from fastheat.inputs.sources.tensors import size_of
from fastheat.messages import in_a_line, short

_ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C  # which files of before PyTorch 1.6 begin with
_VERSION = 1001
_MOST_SIDES = 64
_SHARED = 1 << 20  # numbers of a tensor that may lie in one another's place

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
_BYTES = "bytes"  # the dtype of a storage that has none
_SIZES = {"complex64": 8, "complex128": 16, "qint8": 1, "quint8": 1, "qint32": 4, _BYTES: 1}
_DTYPES = (
    *("float64", "float32", "float16", "bfloat16", "complex64", "complex128", "bool"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
)
# what PyTorch itself lets a file make that is no tensor of numbers, in whose place there is nothing
_NOTHING = (
    *(("torch", name) for name in ("device", "per_tensor_affine", "per_channel_affine", "strided")),
    *(
        ("torch._utils", f"_rebuild_{name}")
        for name in ("qtensor", "sparse_tensor", "meta_tensor_no_storage", "nested_tensor")
    ),
    ("torch.serialization", "_get_layout"),
    ("collections", "Counter"),
    ("builtins", "set"),
    ("builtins", "bytearray"),
    ("__builtin__", "set"),
    ("__builtin__", "bytearray"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Storage:
    key: str
    dtype: str
    length: int  # numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Marker:
    """A dtype, or a class of storages, of which only the dtype counts."""

    dtype: str


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor whose numbers stay in the file.

    Attributes
    ----------
    shape, strides
        Sides, and numbers from one to the next along each.
    dtype
        Its name.
    key
        Of the storage that its numbers are in.
    start
        The first of them in it.
    """

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    key: str
    start: int

    @property
    def reach(self) -> int:
        """The numbers from the first to the last."""
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + sum((side - 1) * step for side, step in steps)


Places = Callable[[str], tuple[int, int]]  # of a storage by its key: where it begins, and bytes


def load(file: BinaryIO) -> tuple[Any, Places, bool]:
    """Return what is in a file, with a `Tensor` in place of each, and where storages lie.

    The last says whether they are of a machine of the other byte order, big-endian.
    """
    size = os.fstat(file.fileno()).st_size
    zipped = file.read(4) == _ZIP
    file.seek(0)
    try:
        return _in_archive(file, size) if zipped else (*_in_sequence(file, size), False)
    except pickle.UnpicklingError as error:
        said = in_a_line(error).partition(", expected")[0][:200]
        raise ValueError(
            f"{said}, expected only tensors, numbers and containers; nothing in "
            "it was run: of a model save its state_dict()"
        ) from None


def place_of(tensor: Tensor, places: Places) -> int:
    """Return where in the file the first number of a tensor lies; all of them are within it."""
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
                raise ValueError(f"{short(info.filename)} stands twice in it")
            # torch.save compresses none
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
        loaded = _run(_States(io.BytesIO(archive.read(pickled)), False))

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
    """Read a file of before PyTorch 1.6: pickles, and the storages that the last of them names."""
    magic, version, system = (_run(_States(file, False)) for _ in range(3))
    if magic != _MAGIC or version != _VERSION or type(system) is not dict:
        raise ValueError("damaged: it does not begin as files of PyTorch do")
    if system.get("little_endian") is not True:
        raise ValueError("it is of a machine of the other byte order, expected little-endian")
    machine = _States(file, False)
    loaded = _run(machine)
    keys = _run(_States(file, False))
    if type(keys) is not list or not all(type(key) is str for key in keys):
        raise ValueError("damaged: it does not say what storages it has")
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


# -------------------------------------------------------------------------------------- the pickle


class _States(_Machine):
    """Unpickles what `torch.save` does of the state of a model."""

    def __init__(self, file: BinaryIO, defer: bool) -> None:
        super().__init__(file, defer)
        self.storages: dict[str, _Storage] = {}

    def find(self, module: object, name: object) -> None:
        self.stack.append(_named(module, name))

    def persistent(self) -> None:
        what = self.stack.pop()
        if type(what) is not tuple or len(what) not in (5, 6) or what[0] != "storage":
            raise pickle.UnpicklingError("damaged: a tensor without a storage")
        _, kind, key, _, length, *view = what
        if not isinstance(kind, _Marker) or type(key) is not str or not _is_side(length):
            raise pickle.UnpicklingError("damaged: a tensor without a storage")
        if view not in ([], [None]):
            raise pickle.UnpicklingError("it has a storage in another one")
        storage = self.storages.setdefault(key, _Storage(key, kind.dtype, length))
        if (storage.dtype, storage.length) != (kind.dtype, length):
            raise pickle.UnpicklingError(f"damaged: two storages of one name {short(key)}")
        self.stack.append(storage)

    def build(self) -> None:
        if type(self.stack[-2]) in (dict, type(None), Tensor):  # attributes, as of a state_dict()
            self.stack.pop()
        else:
            super().build()


def _run(machine: _States) -> Any:
    try:
        return machine.run()
    except pickle.UnpicklingError:
        raise
    except Exception as error:  # there is no end to the ways in which damaged bytes can fail
        raise pickle.UnpicklingError(f"damaged ({type(error).__name__}: {error})") from error


def _named(module: object, name: object) -> object:
    """Return what is in the place of a name that a pickle mentions."""
    if type(module) is str and type(name) is str:
        if module in ("torch", "torch.storage") and name in ("UntypedStorage", "_UntypedStorage"):
            return _Marker(_BYTES)
        if module == "torch" and name.removesuffix("Storage") in _STORAGES:
            return _Marker(_STORAGES[name.removesuffix("Storage")])
        if module == "torch" and name in _DTYPES:
            return _Marker(name)
        if (module, name) in _CALLS:
            return _CALLS[module, name]
    return _find(module, name)


def _is_side(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _tensor(
    storage: object, start: object, shape: object, strides: object, *others: object
) -> Tensor:
    if not (
        isinstance(storage, _Storage)
        and type(shape) is type(strides) is tuple
        and len(shape) == len(strides) <= _MOST_SIDES
        and all(map(_is_side, (start, *shape, *strides)))
    ):
        raise pickle.UnpicklingError("damaged: a tensor without a storage, shape or strides")
    return Tensor(shape, strides, storage.dtype, storage.key, start)  # type: ignore[arg-type]


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
    call = function.call if isinstance(function, _Name) else None
    if call not in (_tensor, _tensor_3) or type(arguments) is not tuple:
        raise pickle.UnpicklingError("damaged: a tensor of a type of its own")
    return call(*arguments)


def _size(sides: object = ()) -> object:
    return sides


def _nothing(*arguments: object) -> None:
    return None


_CALLS: dict[tuple[str, str], _Name] = {
    ("torch._utils", "_rebuild_tensor"): _Name(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Name(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): _Name(_tensor_3),
    ("torch._utils", "_rebuild_parameter"): _Name(_parameter),
    ("torch._utils", "_rebuild_parameter_with_state"): _Name(_parameter),
    ("torch._tensor", "_rebuild_from_type_v2"): _Name(_of_type),
    ("torch", "Tensor"): _Name(),
    ("torch.nn.parameter", "Buffer"): _Name(),
    ("torch.nn.parameter", "Parameter"): _Name(),
    ("torch", "Size"): _Name(_size),
    **dict.fromkeys(_NOTHING, _Name(_nothing)),
}
