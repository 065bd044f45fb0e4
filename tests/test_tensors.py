"""Tensors and array-likes of other libraries, tested with stand-ins that behave like them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fastheat import GifWriter, save_gif
from fastheat.inputs.sources.tensors import as_array

VALUES = np.arange(6.0, dtype=np.float32).reshape(2, 3)


class Torch:
    """A tensor with a gradient, on another device, of a dtype that numpy lacks."""

    layout = "torch.strided"

    def __init__(self, steps: tuple[str, ...] = ()) -> None:
        self.steps = steps

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[np.float32]:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def _done(self, step: str) -> Torch:
        return Torch((*self.steps, step))

    def detach(self) -> Torch:
        return self._done("detach")

    def cpu(self) -> Torch:
        return self._done("cpu")

    def resolve_conj(self) -> Torch:
        return self._done("conj")

    def resolve_neg(self) -> Torch:
        return self._done("neg")

    def float(self) -> Torch:
        return self._done("float")

    def numpy(self) -> NDArray[np.float32]:
        if "float" not in self.steps:
            raise TypeError("Got unsupported ScalarType BFloat16")
        assert self.steps == ("detach", "cpu", "conj", "neg", "float")
        return VALUES


class OnlyDlpack:
    """An array that offers only DLPack."""

    def __dlpack__(self, **options: Any) -> Any:
        return VALUES.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return VALUES.__dlpack_device__()


class OnlyArray:
    """An object that offers only `__array__`."""

    def __array__(self, dtype: object = None, copy: object = None) -> NDArray[np.float32]:
        return VALUES


@pytest.mark.parametrize("value", [Torch(), OnlyDlpack(), OnlyArray(), VALUES, VALUES.tolist()])
def test_array_likes_are_read_and_drawn(value: object) -> None:
    np.testing.assert_array_equal(as_array(value), VALUES)
    live, whole = io.BytesIO(), io.BytesIO()
    with GifWriter(live, vmin=0, vmax=5) as writer:
        writer.add(value)
    save_gif(whole, [value], vmin=0, vmax=5)
    assert live.getvalue() == whole.getvalue()


def test_arrays_are_not_copied() -> None:
    assert as_array(VALUES) is VALUES
    masked = np.ma.masked_equal(VALUES, 2)
    assert as_array(masked) is masked
