"""Real training loops: recorded, interrupted, and continued from a checkpoint."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

pytest.importorskip("torch")
pytest.importorskip("jax")

TORCH = """
import sys
import torch, fastheat
path, checkpoint, start, stop = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 6), torch.nn.Tanh(), torch.nn.Linear(6, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
inputs = torch.randn(256, 8)
if start:
    state = torch.load(checkpoint)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
with fastheat.GifWriter(
    path, mode="a", vmin=-1.5, vmax=1.5, title="step {step}  loss {loss:.4f}", duration=30
) as gif:
    for step in range(start, stop):
        loss = torch.nn.functional.mse_loss(model(inputs), inputs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        gif.add(model[0].weight, step=step, loss=loss)
        print(step, flush=True)
        if step == 249:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state, checkpoint)
"""

JAX = """
import sys
import numpy as np
import jax, jax.numpy as jnp, fastheat
path, checkpoint, start, stop = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
inputs = jax.random.normal(jax.random.key(1), (256, 8))
weights = jax.random.normal(jax.random.key(0), (8, 6)) / 3

@jax.jit
def train(weights):
    def loss(w):
        return jnp.mean((jnp.tanh(inputs @ w) @ w.T - inputs) ** 2)
    value, slope = jax.value_and_grad(loss)(weights)
    return weights - 0.5 * slope, value

if start:
    weights = jnp.asarray(np.load(checkpoint))
with fastheat.GifWriter(
    path, mode="a", vmin=-1.5, vmax=1.5, title="step {step}  loss {loss:.4f}", duration=30
) as gif:
    for step in range(start, stop):
        weights, loss = train(weights)
        gif.add(weights, step=step, loss=loss)
        print(step, flush=True)
        if step == 249:
            with open(checkpoint, "wb") as file:
                np.save(file, weights)
"""


def run(code: str, path: Path, start: int, stop: int, interrupt: int | None = None) -> str:
    """Run a loop in a new process, and send it Ctrl-C at a step."""
    argv = [sys.executable, "-W", "ignore", "-c", code, str(path), f"{path}.state"]
    with subprocess.Popen(
        [*argv, str(start), str(stop)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        if interrupt is not None:
            while child.stdout.readline() != f"{interrupt}\n":
                pass
            child.send_signal(signal.SIGINT)
        _, errors = child.communicate()
    if interrupt is None:
        assert child.returncode == 0, errors
    return errors


def pictures(path: Path) -> list[tuple[int, bytes]]:
    with Image.open(path) as image:
        return [
            (int(frame.info["duration"]), np.asarray(frame.convert("RGB")).tobytes())
            for frame in ImageSequence.Iterator(image)
        ]


@pytest.mark.parametrize("code", [TORCH, JAX], ids=["torch", "jax"])
def test_a_loop_that_went_on_from_a_checkpoint_shows_what_one_run_does(
    code: str, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole.gif", tmp_path / "parts.gif"
    run(code, whole, 0, 500)
    run(code, parts, 0, 300)
    run(code, parts, 250, 500)
    assert len(pictures(whole)) == 500
    assert pictures(parts) == pictures(whole)


@pytest.mark.parametrize("code", [TORCH, JAX], ids=["torch", "jax"])
def test_ctrl_c_in_the_middle_leaves_what_was_added(code: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "interrupted.gif", tmp_path / "whole.gif"
    errors = run(code, path, 0, 100_000, interrupt=300)
    assert "KeyboardInterrupt" in errors
    shown = pictures(path)
    assert len(shown) > 300
    run(code, whole, 0, 301)
    assert shown[:300] == pictures(whole)[:300]
    run(code, path, 250, len(shown) + 20)
    assert len(pictures(path)) == len(shown) + 20
