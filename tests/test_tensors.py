"""Tensors and array-likes of other libraries, tested with stand-ins that behave like them."""

from __future__ import annotations

import io
import re
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


class Odd(Torch):
    """A tensor whose values cannot be read."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self.__dict__.update(attributes)

    def numel(self) -> int:
        return 1 << 40


class UninitializedTensorMixin(Odd):
    pass


class FakeTensor(Odd):
    pass


class MaskedTensor(Odd):
    pass


class Tracer:
    shape = (2, 3)

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        raise TypeError("traced:\nsee the manual")


class LazyFrame:
    pass


class BCOO:
    nse = 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Odd(full_tensor=print), "a part: give .full_tensor(), on all ranks"),
        (Odd(is_meta=True), "a tensor on the meta device, which has none: load its values first"),
        (Odd(is_quantized=True), "a quantized tensor: give .dequantize()"),
        (Odd(is_nested=True), "torch.nested.to_padded_tensor(tensor, float('nan'))"),
        (Odd(layout="torch.sparse_coo", shape=(1 << 20, 1 << 20)), "a sparse tensor of 1048576 x"),
        (UninitializedTensorMixin(), "which has none yet: call the module once before"),
        (FakeTensor(), "a tensor on the meta device"),
        (MaskedTensor(), "a MaskedTensor: give .to_tensor(float('nan'))"),
        (Tracer(), "a Tracer, which has none while JAX traces: call it outside, or by jax.debug"),
        (LazyFrame(), "a LazyFrame: give .collect()"),
        (BCOO(), "a BCOO, which is sparse: give .todense()"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_tensor_without_values_says_what_to_give(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)) as caught:
        save_gif(io.BytesIO(), [value])
    assert str(caught.value).startswith("frame 0: expected ")
    with GifWriter(io.BytesIO()) as writer, pytest.raises(TypeError, match=re.escape(message)):
        writer.add(value)


class Small(Torch):
    """A tensor of one row or one cell that needs a gradient, on another device."""

    def __init__(self, values: NDArray[np.float32], steps: tuple[str, ...] = ()) -> None:
        super().__init__(steps)
        self.values, self.shape, self.ndim = values, values.shape, values.ndim

    def __len__(self) -> int:
        return len(self.values)

    def _done(self, step: str) -> Small:
        return Small(self.values, (*self.steps, step))

    def numpy(self) -> NDArray[np.float32]:
        assert "detach" in self.steps
        return self.values


def test_lists_of_rows_and_cells_that_are_tensors_are_read() -> None:
    rows = [Small(row) for row in VALUES]
    for frame in (rows, [[Small(np.array(cell)) for cell in row] for row in VALUES]):
        live, whole = io.BytesIO(), io.BytesIO()
        with GifWriter(live, vmin=0, vmax=5) as writer:
            writer.add(frame)
        save_gif(whole, [VALUES], vmin=0, vmax=5)
        assert live.getvalue() == whole.getvalue()
