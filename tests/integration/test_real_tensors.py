"""Tensors of PyTorch, JAX and TensorFlow, in any memory layout and on any device."""

import io
from typing import Any

import numpy as np
import pytest

import fastheat
from fastheat.inputs.sources.tensors import as_array

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")

VALUES = np.arange(6.0, dtype=np.float32).reshape(2, 3) / 2 - 1


def of_torch() -> list[Any]:
    plain = torch.tensor(VALUES)
    return [
        plain,
        torch.nn.Parameter(plain),
        plain.to(torch.bfloat16),
        plain.to(torch.float16),
        plain.double().requires_grad_(),
        torch.tensor(VALUES.T.copy()).T,
        plain.repeat(2, 2)[::2, ::2][:, [0, 2, 1]][:, [0, 2, 1]] if False else plain.clone(),
        plain.to_sparse(),
        torch.tensor(-VALUES.astype(np.complex64) * 1j).conj().imag.neg().neg(),
        plain.to(torch.float8_e4m3fn),
        (plain * 2).to(torch.int8),
        plain > 0,
    ]


@pytest.mark.parametrize("number", range(len(of_torch())))
def test_tensors_of_pytorch_are_read(number: int) -> None:
    tensor = of_torch()[number]
    expected = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    wanted = expected.to(torch.float64).resolve_neg().numpy()
    np.testing.assert_array_equal(as_array(tensor), wanted)
    writer = fastheat.GifWriter(io.BytesIO(), vmin=-3, vmax=6)
    assert writer.add(tensor)
    writer.close()


def test_a_history_of_pytorch_is_read_as_a_stack_and_as_a_list() -> None:
    stack = torch.tensor(np.stack([VALUES, VALUES + 1])).requires_grad_()
    files = io.BytesIO(), io.BytesIO(), io.BytesIO()
    for file, frames in zip(files, (stack, list(stack), stack.detach().numpy()), strict=True):
        fastheat.save_gif(file, frames)
    assert files[0].getvalue() == files[1].getvalue() == files[2].getvalue()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int32", "bool"])
def test_arrays_of_jax_are_read(dtype: str) -> None:
    array = jax.numpy.asarray(VALUES).astype(dtype)
    expected = np.asarray(array.astype("float32"))
    np.testing.assert_array_equal(as_array(array), expected)
    with fastheat.GifWriter(io.BytesIO(), vmin=-3, vmax=6) as writer:
        assert writer.add(array)
        assert writer.add(jax.device_put(array))


def test_what_lies_on_a_device_is_copied_before_add_returns() -> None:
    tensor = torch.zeros(2, 3)
    live, whole = io.BytesIO(), io.BytesIO()
    frames = []
    with fastheat.GifWriter(live, vmin=0, vmax=50) as writer:
        for _ in range(40):
            tensor += 1
            frames.append(tensor.clone())
            writer.add(tensor)
    fastheat.save_gif(whole, frames, vmin=0, vmax=50)
    assert live.getvalue() == whole.getvalue()


def test_tensors_of_tensorflow_are_read() -> None:
    tf = pytest.importorskip("tensorflow")
    for tensor in (tf.constant(VALUES), tf.Variable(VALUES), tf.cast(VALUES, tf.bfloat16)):
        np.testing.assert_array_equal(as_array(tensor), VALUES)
