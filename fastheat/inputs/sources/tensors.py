"""Tensors of other libraries as numpy arrays, without importing those libraries."""

from __future__ import annotations

from functools import lru_cache
from numbers import Number
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.sources.remedies import no_array, no_conversion, without_values


def as_array(value: Any) -> NDArray[Any]:
    """Return an array-like as a numpy array, copied to host memory if it is on another device.

    The array may share the memory of `value`. Types that numpy lacks, such as bfloat16, become
    float32, which represents all their values.

    Parameters
    ----------
    value
        A numpy array; a PyTorch tensor, on any device, with or without gradient; a JAX or
        TensorFlow tensor; anything with ``__array__`` or ``__dlpack__``; or nested lists.

    Raises
    ------
    TypeError
        If it is known to have no numbers; the message says what to give instead.
    """
    if isinstance(value, np.matrix):  # whose parts are never vectors
        return np.asarray(value)
    if isinstance(value, np.ndarray):
        return _of_known_type(value)
    if reason := without_values(value) or no_array(value):
        raise TypeError(reason)
    if callable(getattr(value, "detach", None)):
        return _of_torch(value)
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    array = _of_known_type(np.asarray(value))
    if array.dtype == object and not array.ndim and not isinstance(value, Number):
        raise TypeError(no_conversion(value))
    return array


def _of_torch(tensor: Any) -> NDArray[Any]:
    tensor = tensor.detach()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    try:
        array: NDArray[Any] = tensor.numpy()
    except TypeError:  # a dtype that numpy lacks
        try:
            array = tensor.float().numpy()
        except NotImplementedError:
            raise TypeError(
                f"expected real numbers, not {tensor.dtype}, of which PyTorch makes no others"
            ) from None
    return array


def _of_known_type(array: NDArray[Any]) -> NDArray[Any]:
    """Widen dtypes that other packages add to numpy, such as those of ml_dtypes, to float32."""
    added = array.dtype.kind == "V" and array.dtype.names is None
    if added and np.can_cast(array.dtype, np.float32):
        return array.astype(np.float32)
    return array


# exponent bits, fraction bits and exponent bias of 8-bit floats, by their names in ml_dtypes
_FLOATS8 = {
    "float8_e4m3fn": (4, 3, 7),
    "float8_e4m3fnuz": (4, 3, 8),
    "float8_e5m2": (5, 2, 15),
    "float8_e5m2fnuz": (5, 2, 16),
    "float8_e8m0fnu": (8, 0, 127),
}


def size_of(name: str) -> int | None:
    """Return the size in bytes of a dtype by its name, or None if the dtype is not supported."""
    if name == "bfloat16":
        return 2
    if name in _FLOATS8:
        return 1
    # the name may come from a file, and numpy would parse any number of fields in it
    if not name.isalnum() or len(name) > 20:
        return None
    try:
        dtype = np.dtype(name)
    except TypeError:
        return None
    return dtype.itemsize if dtype.kind in "biuf" else None


def of_bits(data: bytes, name: str, *, big: bool = False) -> NDArray[Any]:
    """Return bytes as numbers of any dtype that `size_of` knows, little-endian unless `big`.

    bfloat16 and 8-bit floats become float32, which represents all their values.
    """
    order: Literal["<", ">"] = ">" if big else "<"
    if name == "bfloat16":
        return (np.frombuffer(data, f"{order}u2").astype(np.uint32) << 16).view(np.float32)
    if name in _FLOATS8:
        return _floats8(name)[np.frombuffer(data, np.uint8)]
    return np.frombuffer(data, np.dtype(name).newbyteorder(order))


@lru_cache
def _floats8(name: str) -> NDArray[np.float32]:
    """Return the table of the 256 values of an 8-bit float."""
    exponents, fractions, bias = _FLOATS8[name]
    code = np.arange(256)
    fraction = code & ((1 << fractions) - 1)
    exponent = code >> fractions & ((1 << exponents) - 1)
    if name == "float8_e8m0fnu":  # powers of two only, without a sign
        value = np.ldexp(1.0, exponent - bias)
        value[0xFF] = np.nan
        return np.asarray(value, np.float32)
    normal = exponent > 0
    whole = fraction + (normal << fractions)
    value = np.ldexp(whole.astype(np.float64), np.maximum(exponent, 1) - bias - fractions)
    if name == "float8_e5m2":
        value[exponent == 31] = np.where(fraction[exponent == 31], np.nan, np.inf)
    value = np.where(code & 0x80, -value, value)
    value[[0x7F, 0xFF] if name == "float8_e4m3fn" else [0x80] if "fnuz" in name else []] = np.nan
    return np.asarray(value, np.float32)
