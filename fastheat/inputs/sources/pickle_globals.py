"""The globals that a pickle may name: numpy's arrays, dtypes and scalars, and a few containers."""

from __future__ import annotations

import math
import pickle
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import REAL, check_text, check_type
from fastheat.inputs.sources.bounds import are_sides
from fastheat.inputs.sources.source import Stored

_DTYPE = re.compile(r"b1|[iufc][1-9][0-9]?|U[1-9][0-9]{0,4}")
EXPECTED = "expected only numpy arrays, numbers, lists, tuples and dicts"
_SMALL, CALL, _MASKED = 8, 16, 128  # cost of a call in bytes: for a scalar, usual, masked array


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A global that a pickle may name, and the function that runs when the pickle calls it."""

    call: Callable[..., object] | None = None


@dataclass(slots=True, eq=False)
class Pending:
    """An object that a pickle creates first and fills later, by the BUILD opcode."""

    finish: Callable[..., object]
    value: object = None


@dataclass(slots=True, eq=False)
class Span:
    """A byte string left in the file, which may become the data of an array."""

    file: BinaryIO
    offset: int
    length: int
    data: bytes | None = None

    def __len__(self) -> int:
        return self.length


_shared = lru_cache(64)(tuple)  # the many frames of a long history share a few shapes

ARRAYS = (np.ndarray, np.ma.MaskedArray, Stored)


def whole(value: Any) -> Any:
    """Return the bytes of a span, and any other value as it is."""
    if type(value) is not Span:
        return value
    if value.data is None:  # kept, since a pickle of a few bytes can refer to it a million times
        here = value.file.tell()
        value.file.seek(value.offset)
        value.data = value.file.read(value.length)
        value.file.seek(here)
    return value.data


def checked_length(length: int) -> int:
    if length > 400:  # about the limit that _integer has for digits
        raise pickle.UnpicklingError(f"a number of {length} bytes, expected at most 400")
    return length


def _array(
    raw: bytes | str | Span, dtype: object, shape: object, order: str
) -> npt.NDArray[Any] | Stored:
    if isinstance(raw, str):
        raw = raw.encode("latin-1")
    if not (isinstance(raw, (bytes, Span)) and isinstance(dtype, np.dtype)):
        raise pickle.UnpicklingError("damaged pickle: an array without bytes or dtype")
    if not (isinstance(shape, tuple) and are_sides(shape)):
        raise pickle.UnpicklingError("damaged pickle: an array without a shape")
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise pickle.UnpicklingError(
            f"damaged pickle: {len(raw)} bytes for shape {str(shape)[:80]} and dtype {dtype}"
        )
    if isinstance(raw, Span):
        if order == "C" and len(shape) >= 2:
            return Stored(_shared(shape), dtype, "C", raw.offset)
        if order == "F" and len(shape) == 2:
            return Stored(_shared(shape), dtype, "F", raw.offset)
    array = np.ndarray(shape, dtype, buffer=whole(raw), order="F" if order == "F" else "C")
    if dtype.kind == "U":
        check_text(array, "an array")
    return array


def _dtype(name: str, align: object = False, copy: object = True) -> Pending:
    if not (isinstance(name, str) and _DTYPE.fullmatch(name)):
        shown = ascii(name[:20]) if isinstance(name, str) else f"a {type(name).__name__}"
        raise pickle.UnpicklingError(f"an array of dtype {shown}, expected numbers")

    def finish(version: object, byteorder: str, *fields: object) -> np.dtype[Any]:
        if byteorder not in ("<", ">", "|", "=") or fields[:3] != (None, None, None):
            raise pickle.UnpicklingError("an array of a structured dtype, expected numbers")
        dtype = np.dtype(byteorder + name)
        check_type(dtype, "an array", REAL + "cU")
        return dtype

    return Pending(finish)


def _finish_array(
    version: object, shape: object, dtype: object, fortran: object, raw: bytes | str | Span
) -> npt.NDArray[Any] | Stored:
    return _array(raw, dtype, shape, "F" if fortran else "C")


def _finish_masked(
    version: object,
    shape: object,
    dtype: object,
    fortran: object,
    raw: bytes | str | Span,
    mask: bytes | str | Span,
    fill_value: object,
) -> object:
    order = "F" if fortran else "C"
    hidden = _array(whole(mask), np.dtype(np.uint8), shape, order) != 0
    return np.ma.MaskedArray(_array(whole(raw), dtype, shape, order), hidden)


def frombuffer(
    raw: bytes | Span, dtype: object, shape: tuple[int, ...], order: str, axes: tuple[int, ...] = ()
) -> npt.NDArray[Any] | Stored:
    array = _array(raw, dtype, shape, order)
    return array.transpose(axes) if order == "K" and isinstance(array, np.ndarray) else array


def _scalar(dtype: object, raw: bytes | str) -> object:
    array = _array(raw, dtype, (), "C")
    assert isinstance(array, np.ndarray)
    return array[()]


def _encode(text: str, encoding: str) -> bytes:
    # Protocols 0 to 2 have no bytes, and store a string and a call that encodes it.
    if not (isinstance(text, str) and encoding in ("latin1", "latin-1")):
        raise pickle.UnpicklingError("the pickle encodes something other than bytes as latin-1")
    return text.encode("latin-1")


def _bytes() -> bytes:
    return b""


def _deque(items: tuple[object, ...] = (), maxlen: int | None = None) -> deque[object]:
    items = items if isinstance(items, (list, tuple)) else ()
    check_deque(items)
    return deque(items, maxlen)


def check_deque(items: Sequence[object]) -> None:
    # CPython frees nested deques recursively, without a limit, which overflows the C stack.
    if deque in map(type, items):
        raise pickle.UnpicklingError("the pickle holds a deque in a deque, expected lists in it")


def _ordered_dict() -> dict[object, object]:
    return {}


# Functions that may copy any sequence they are given, with the cost of a call in bytes. All others
# copy only strings, which become the data of arrays.
COPYING = {_encode: _SMALL, _deque: CALL, _scalar: _SMALL, _finish_masked: _MASKED}
NAMES = {
    ("numpy", "ndarray"): Name(),
    ("numpy", "dtype"): Name(_dtype),
    ("numpy.ma", "MaskedArray"): Name(),
    ("numpy.ma.core", "MaskedArray"): Name(),
    ("numpy.ma.core", "_mareconstruct"): Name(lambda *ignored: Pending(_finish_masked)),
    ("_codecs", "encode"): Name(_encode),
    ("collections", "deque"): Name(_deque),
    ("collections", "OrderedDict"): Name(_ordered_dict),
}
for _builtins in ("builtins", "__builtin__"):
    NAMES[_builtins, "bytes"] = Name(_bytes)
    NAMES[_builtins, "complex"] = Name(complex)
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    NAMES[_core + ".multiarray", "_reconstruct"] = Name(lambda *ignored: Pending(_finish_array))
    NAMES[_core + ".multiarray", "scalar"] = Name(_scalar)
    NAMES[_core + ".numeric", "_frombuffer"] = Name(frombuffer)


def refused(module: object, name: object) -> pickle.UnpicklingError:
    # An attacker may have chosen the names: no line breaks, no control codes, no megabytes.
    asked = ".".join(
        ascii(part[:80])[1:-1] if isinstance(part, str) else type(part).__name__
        for part in (module, name)
    )
    hint = "; of a model save arrays of its weights" if asked.startswith("torch.") else ""
    return pickle.UnpicklingError(f"the pickle asks for {asked}, {EXPECTED}{hint}")
