"""The demo: training of a linear autoencoder, with the history of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

INPUTS, HIDDEN, FACTORS = 15, 10, 5
SAMPLES = 256
NOISE = 0.05
RATE = 0.01  # learning rate: the weakest factor is learned shortly before the default last step
START = 0.03  # standard deviation of the weights before training

LOOK: Mapping[str, object] = MappingProxyType(
    {
        "row_labels": "embed_dim_{}",
        "col_labels": "orig_dim_{}",
        "cmap": "YlGn",
        "valfmt": "{x:.9f}",
        "figsize": (15, 10),
        "duration": 50,
        "hold": 2000,
    }
)
"""Arguments of `save_gif` for drawing the demo."""


def train(steps: int = 300, seed: int = 0, *, every: int = 3) -> NDArray[np.float64]:
    """Train a linear autoencoder of 15 inputs and 10 hidden units by gradient descent.

    The data has five hidden factors, each of which drives three neighbouring inputs; the first
    factor is the strongest. So the encoder learns them one after another, as Saxe, McClelland and
    Ganguli explain in "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks" (2014).

    Parameters
    ----------
    steps
        Number of steps of gradient descent, each over all data.
    seed
        Seed of the data and of the initial weights.
    every
        Number of steps from one recorded matrix to the next.

    Returns
    -------
    array, shape (steps // every + 1, 10, 15)
        The encoder's weights, first those before any step.

    Raises
    ------
    ValueError
        If `steps` or `seed` is below 0, or `every` below 1.
    """
    for name, value, least in (("steps", steps, 0), ("seed", seed, 0), ("every", every, 1)):
        if value < least:
            raise ValueError(f"expected {name} to be at least {least}, not {value!r}")
    rng = np.random.default_rng(seed)
    # x: (SAMPLES, INPUTS), encoder: (HIDDEN, INPUTS), decoder: (INPUTS, HIDDEN)
    mixing = np.repeat(np.eye(FACTORS), INPUTS // FACTORS, axis=1)
    factors = rng.standard_normal((SAMPLES, FACTORS)) * np.linspace(0.9, 0.5, FACTORS)
    x = factors @ mixing + NOISE * rng.standard_normal((SAMPLES, INPUTS))
    encoder = START * rng.standard_normal((HIDDEN, INPUTS))
    decoder = START * rng.standard_normal((INPUTS, HIDDEN))
    history = np.empty((steps // every + 1, HIDDEN, INPUTS))
    history[0] = encoder
    for step in range(1, steps + 1):
        hidden = x @ encoder.T
        error = hidden @ decoder.T - x
        # the gradient of |error|^2, summed over inputs and averaged over samples
        toward_decoder = 2 / SAMPLES * error.T @ hidden
        toward_encoder = 2 / SAMPLES * decoder.T @ error.T @ x
        decoder -= RATE * toward_decoder
        encoder -= RATE * toward_encoder
        if step % every == 0:
            history[step // every] = encoder
    return history
