"""The demo's training is deterministic, and it learns."""

from __future__ import annotations

import numpy as np
import pytest

from fastheat import Heatmap
from fastheat.cli import demo


def test_the_history_begins_before_training_and_has_a_matrix_every_few_steps() -> None:
    history = demo.train(steps=20, every=6)
    assert history.shape == (4, 10, 15)
    assert np.abs(history[0]).max() < 0.2
    assert np.array_equal(history, demo.train(steps=18, every=1)[::6])


def test_training_for_no_steps_leaves_the_first_weights() -> None:
    assert np.array_equal(demo.train(steps=0), demo.train(steps=3)[:1])


def test_the_seed_decides_everything() -> None:
    assert np.array_equal(demo.train(30, seed=4), demo.train(30, seed=4))
    assert not np.allclose(demo.train(30, seed=4)[0], demo.train(30, seed=5)[0])


@pytest.mark.parametrize("seed", range(4))
def test_the_encoder_ends_up_seeing_the_hidden_factors_and_little_else(seed: int) -> None:
    history = demo.train(seed=seed)
    # the part of each row that is equal for the three inputs that a factor moves
    factors = history.reshape(-1, 10, 5, 3).mean(-1)
    seen = 3 * np.square(factors).sum((1, 2)) / np.square(history).sum((1, 2))
    assert seen[0] < 0.5
    assert seen[-1] > 0.85


@pytest.mark.parametrize("seed", range(4))
def test_stronger_factors_are_learnt_first_and_the_weakest_before_the_end(seed: int) -> None:
    strength = np.square(demo.train(seed=seed)).reshape(-1, 10, 5, 3).sum((1, 3))
    half = [int(np.argmax(each > each[-1] / 2)) for each in strength.T]
    assert half[0] < half[2] < half[4]
    assert len(strength) // 2 < half[4] < len(strength) - 5


def test_the_look_is_the_articles() -> None:
    look = {name: value for name, value in demo.LOOK.items() if name not in ("duration", "hold")}
    heatmap = Heatmap((10, 15), vmin=0, vmax=1, **look)  # type: ignore[arg-type]
    article = Heatmap(
        (10, 15),
        row_labels=[f"embed_dim_{k}" for k in range(10)],
        col_labels=[f"orig_dim_{k}" for k in range(15)],
        cmap="YlGn",
        vmin=0,
        vmax=1,
        valfmt="{x:.9f}",
        figsize=(15, 10),
    )
    values = demo.train(steps=0)[0]
    assert heatmap.size == (1500, 1000)
    assert np.array_equal(heatmap.rgb(values), article.rgb(values))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": -1}, "expected steps to be at least 0, not -1"),
        ({"seed": -3}, "expected seed to be at least 0, not -3"),
        ({"every": 0}, "expected every to be at least 1, not 0"),
    ],
)
def test_numbers_out_of_range_are_named(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        demo.train(**arguments)
