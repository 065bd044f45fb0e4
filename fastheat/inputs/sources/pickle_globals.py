"""The globals that a pickle may name: numpy's arrays, dtypes and scalars, and a few containers."""

from __future__ import annotations

import datetime
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
from fastheat.messages import short

_VOID = re.compile(r"V[0-9]{1,9}")
_DTYPE = re.compile(r"b1|[iufc][1-9][0-9]?|U[1-9][0-9]{0,4}")
EXPECTED = "expected only numpy arrays, numbers, lists, tuples and dicts"
_SMALL, CALL, _MASKED = 8, 16, 32  # cost of a call in bytes: for a scalar, usual, masked array
_MOST_FIELDS = 8  # of a structured dtype, named in an error
# what to do about objects of other packages
_HINTS = {
    "torch": "of a model save arrays of its weights, and of tensors .detach().cpu().numpy()",
    "joblib": "read it with joblib.load(...) and give the arrays",
    "pandas": "read it with pandas.read_pickle(...) and give .to_numpy() of each table",
}


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A global that a pickle may name, and the function that runs when the pickle calls it."""

    call: Callable[..., object] | None = None
    takes_unread: bool = False  # whether the arguments may be `Unread`, to which they are no matter


@dataclass(frozen=True, slots=True, eq=False)
class Unread:
    """An object of a pickle that is never made: the global it asks for, or a description."""

    what: str | tuple[object, object]

    @property
    def name(self) -> str:
        """The object in a few words, or the module and name of its class."""
        return self.what if isinstance(self.what, str) else _dotted(self.what)

    @property
    def error(self) -> pickle.UnpicklingError:
        """The error of a reader that needs the object."""
        if isinstance(self.what, str):
            return pickle.UnpicklingError(self.what)
        hint = _HINTS.get(self.name.partition(".")[0], "")
        return pickle.UnpicklingError(
            f"the pickle asks for {self.name}, {EXPECTED}{hint and f'; {hint}'}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Inline:
    """An array whose bytes follow in the pickle behind its description, as joblib writes them."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: str
    aligned: bool  # whether the bytes follow padding and its length


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


_OBJECTS = Name()  # stands for the dtype of object arrays
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


def _pass(check: Callable[..., object], *arguments: object) -> None:
    """Call a check, and raise its error as one of pickles, which is not taken for damage."""
    try:
        check(*arguments)
    except (TypeError, ValueError) as error:
        raise pickle.UnpicklingError(str(error)) from None


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
        _pass(check_text, array, "an array")
    return array


def _dtype(name: object, align: object = False, copy: object = True) -> Pending | Unread:
    if name in ("O8", "O4"):
        return Pending(lambda *state: _OBJECTS)
    if isinstance(name, str) and _VOID.fullmatch(name):
        return Pending(_finish_fields)
    if not (isinstance(name, str) and _DTYPE.fullmatch(name)):
        shown = ascii(name[:20]) if isinstance(name, str) else f"a {type(name).__name__}"
        return Unread(f"an array of dtype {shown}, expected numbers")

    def finish(version: object, byteorder: str, *fields: object) -> np.dtype[Any]:
        if byteorder not in ("<", ">", "|", "=") or fields[:3] != (None, None, None):
            raise pickle.UnpicklingError("an array of a structured dtype, expected numbers")
        dtype = np.dtype(byteorder + name)
        _pass(check_type, dtype, "an array", REAL + "cU")
        return dtype

    return Pending(finish)


def _finish_fields(
    version: object, byteorder: object, base: object, names: object, *others: object
) -> Unread:
    fields = [short(name) for name in names[:_MOST_FIELDS]] if isinstance(names, tuple) else []
    if not fields:
        return Unread("an array of dtype 'V', expected numbers")
    return Unread(
        f"an array of dtype 'V' with fields {', '.join(fields)}, expected numbers: save one of "
        f"them, such as array[{fields[0]}]"
    )


def _finish_array(
    version: object, shape: object, dtype: object, fortran: object, raw: bytes | str | Span
) -> object:
    if dtype is _OBJECTS:
        return _objects(shape, raw)
    return _array(raw, dtype, shape, "F" if fortran else "C")


def _objects(shape: object, items: object) -> object:
    """Return the objects of an object array: the one in it, a list, or an array of numbers."""
    if not (type(items) is list and are_sides(shape) and len(items) == math.prod(shape)):
        raise pickle.UnpicklingError("damaged pickle: an object array without its objects")
    if len(shape) < 2:
        return items if shape else items[0]
    if items and all(issubclass(kind, (int, float, np.number)) for kind in set(map(type, items))):
        array = np.array(items)
        if array.dtype.kind in REAL:
            return array.reshape(shape)
    return Unread(f"an object array of shape {short(shape)}, expected one of numbers: save a list")


def _of_jax(function: object, arguments: object, state: object, aval: object) -> object:
    if type(state) is not tuple:
        raise pickle.UnpicklingError("damaged pickle: a JAX array without a state")
    return _finish_array(*state)


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
    if dtype is _OBJECTS:
        return Unread("a masked array of objects, expected numbers")
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


def _dictionary(*factory: object) -> dict[object, object]:
    return {}


def _counter(counts: object = None) -> object:
    return {} if counts is None else counts


def _namespace() -> Pending:
    return Pending(_attributes)


def _attributes(attributes: object) -> object:
    if type(attributes) is not dict:
        raise pickle.UnpicklingError("damaged pickle: a namespace without attributes")
    return attributes


def _reconstructor(kind: object, base: object, state: object) -> object:
    """Return the content of a subclass of a tuple, list or dict, such as a namedtuple."""
    if type(state) in (tuple, list, dict):
        return state
    return kind if type(kind) is Unread else Unread(("copyreg", "_reconstructor"))


def _date(state: object) -> object:
    return datetime.date(_state_of(state, 4))  # type: ignore[call-arg, arg-type]


def _datetime(state: object, zone: object = None) -> object:
    if zone is not None:
        return Unread("a date with a time zone, expected one without")
    return datetime.datetime(_state_of(state, 10))  # type: ignore[call-arg, arg-type]


def _state_of(state: object, length: int) -> bytes:
    state = state.encode("latin-1") if isinstance(state, str) else state
    if type(state) is not bytes or len(state) != length:
        raise pickle.UnpicklingError("damaged pickle: a date without its bytes")
    return state


def _inline(state: object) -> Inline:
    found = state if type(state) is dict else {}
    dtype, shape = found.get("dtype"), found.get("shape")
    if not (isinstance(dtype, np.dtype) and type(shape) is tuple and are_sides(shape)):
        raise Unread(("joblib.numpy_pickle", "NumpyArrayWrapper")).error
    order = "F" if found.get("order") == "F" else "C"
    return Inline(dtype, tuple(shape), order, found.get("numpy_array_alignment_bytes") is not None)


# The bytes, lists and tuples among the arguments of these functions are copied, by their places;
# with the cost of a call in bytes. Of all others, only strings and lists are.
COPYING: dict[Callable[..., object], tuple[int, tuple[int, ...]]] = {
    _encode: (_SMALL, (0, 1)),
    _deque: (CALL, (0, 1)),
    _scalar: (_SMALL, (0, 1)),
    _finish_masked: (_MASKED, (5,)),
}
NAMES = {
    ("numpy", "ndarray"): Name(),
    ("numpy", "memmap"): Name(),
    ("numpy", "matrix"): Name(),
    ("numpy", "dtype"): Name(_dtype),
    ("numpy.ma", "MaskedArray"): Name(),
    ("numpy.ma.core", "MaskedArray"): Name(),
    ("numpy.ma.core", "_mareconstruct"): Name(lambda *ignored: Pending(_finish_masked)),
    ("jax._src.array", "_reconstruct_array"): Name(_of_jax),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): Name(lambda: Pending(_inline)),
    ("_codecs", "encode"): Name(_encode),
    ("collections", "deque"): Name(_deque),
    ("collections", "OrderedDict"): Name(_dictionary),
    ("collections", "defaultdict"): Name(_dictionary, takes_unread=True),
    ("collections", "Counter"): Name(_counter),
    ("types", "SimpleNamespace"): Name(_namespace),
    ("datetime", "date"): Name(_date),
    ("datetime", "datetime"): Name(_datetime),
}
for _builtins in ("builtins", "__builtin__"):
    NAMES[_builtins, "bytes"] = Name(_bytes)
    NAMES[_builtins, "complex"] = Name(complex)
    for _kind in ("dict", "float", "int", "list", "object", "tuple"):
        NAMES[_builtins, _kind] = Name()
for _module in ("copyreg", "copy_reg"):
    NAMES[_module, "_reconstructor"] = Name(_reconstructor, takes_unread=True)
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    NAMES[_core + ".multiarray", "_reconstruct"] = Name(lambda *ignored: Pending(_finish_array))
    NAMES[_core + ".multiarray", "scalar"] = Name(_scalar)
    NAMES[_core + ".numeric", "_frombuffer"] = Name(frombuffer)


def _dotted(parts: tuple[object, object]) -> str:
    # An attacker may have chosen the names: no line breaks, no control codes, no megabytes.
    return ".".join(
        ascii(part[:80])[1:-1] if isinstance(part, str) else type(part).__name__ for part in parts
    )
