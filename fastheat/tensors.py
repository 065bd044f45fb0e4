"""Tensors of other libraries as numpy arrays; none of those is imported here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(value: Any) -> NDArray[Any]:
    """Return what an array-like holds, on this machine's memory where it lies elsewhere.

    The array may share the memory of `value`. Numbers that numpy has no type for, such as bfloat16,
    become float32, which has all of them.

    Parameters
    ----------
    value
        A numpy array; a tensor of PyTorch, whether or not it has a gradient and wherever it lies;
        one of JAX or TensorFlow; anything with ``__array__`` or ``__dlpack__``; or nested lists.
    """
    if isinstance(value, np.ndarray):
        return _of_known_type(value)
    if callable(getattr(value, "detach", None)):
        return _of_torch(value)
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    return _of_known_type(np.asarray(value))


def _of_torch(tensor: Any) -> NDArray[Any]:
    tensor = tensor.detach()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    tensor = tensor.cpu()
    for lazy in ("resolve_conj", "resolve_neg"):
        tensor = getattr(tensor, lazy)()
    try:
        array: NDArray[Any] = tensor.numpy()
    except TypeError:  # a type that numpy does not have
        array = tensor.float().numpy()
    return array


def _of_known_type(array: NDArray[Any]) -> NDArray[Any]:
    """Widen types that other packages add to numpy, such as those of ml_dtypes."""
    added = array.dtype.kind == "V" and array.dtype.names is None
    if added and np.can_cast(array.dtype, np.float32):
        return array.astype(np.float32)
    return array
