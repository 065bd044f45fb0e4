"""The line plot of scalars beneath panels: by kernels as by stills, in its place, of all values."""

from __future__ import annotations

import io
import math
import re
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from decoders import assert_lossless, by_pillow
from hypothesis import given, settings
from hypothesis import strategies as st

from fastheat import GifWriter, Panels, save_gif
from fastheat.plots import History, base_of, stages_of

BLUE = (31, 119, 180)  # C0
SHAPES = {"a": (2, 3), "b": (3, 2)}
LOOK: dict[str, Any] = {"vmin": 0, "vmax": 1, "valfmt": None, "dpi": 50}


def history(scalars: npt.NDArray[np.float64]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {name: rng.random((len(scalars), *shape)) for name, shape in SHAPES.items()} | {
        "loss": scalars
    }


def still(heatmap: Panels, stacks: dict[str, Any], number: int) -> npt.NDArray[np.uint8]:
    frame = {name: stacks[name][number] for name in SHAPES}
    return heatmap.rgb(frame | {"loss": stacks["loss"][: number + 1]})


def written(frames: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        save_gif(file, frames, **options)
    return file.getvalue()


numbers = st.one_of(
    st.floats(-2, 2), st.floats(), st.sampled_from([0.0, 1e-300, 1e300, math.nan, math.inf])
)


@given(
    st.lists(numbers, min_size=1, max_size=12),
    st.fixed_dictionaries(
        {},
        optional={
            "xlim": st.sampled_from([1, 2, 5, 400]),
            "ylim": st.sampled_from([(0, 1), (-1e9, 2), (0.1, 0.2)]),
            "figsize": st.just((6, 6)),
            "background": st.sampled_from(["black", "#eee"]),
        },
    ),
)
@settings(max_examples=30)
def test_every_decoder_gives_back_the_still_of_each_frame(
    scalars: list[float], options: dict[str, Any]
) -> None:
    stacks = history(np.array(scalars))
    heatmap = Panels(SHAPES, lines={"loss": "C0"}, **LOOK, **options).for_frames(len(scalars))
    stills = [still(heatmap, stacks, k) for k in range(len(scalars))]
    assert_lossless(written(stacks, heatmap=heatmap), stills)


def test_bytes_do_not_depend_on_threads_chunks_or_the_way_they_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stacks = history(np.cumsum(np.random.default_rng(1).normal(size=80)))
    look = {**LOOK, "lines": "loss", "xlim": 50}
    expected = written(stacks, **look)
    assert written(stacks, **look, workers=3) == expected
    first = {"loss": stacks["loss"]} | stacks  # numbers stand behind the matrices all the same
    frames = [{name: stack[k] for name, stack in first.items()} for k in range(80)]
    assert written(iter(frames), **look) == expected
    for background in (True, False):
        file = io.BytesIO()
        with GifWriter(file, **look, background=background) as writer:
            for k in range(80):
                writer.add({name: stacks[name][k] for name in SHAPES}, loss=stacks["loss"][k])
        assert file.getvalue() == expected
    monkeypatch.setattr("fastheat.save.chunk_length", lambda _: 7)
    assert written(stacks, **look) == expected


def test_the_line_goes_through_the_values() -> None:
    scalars = np.concatenate([np.linspace(0, 1, 60), np.linspace(1, 0.25, 41)])
    heatmap = Panels({"a": (9, 9)}, lines="loss", xlim=101, ylim=(0, 1), vmin=0, vmax=1)
    picture = heatmap.rgb({"a": np.zeros((9, 9)), "loss": scalars})
    plot = heatmap.layout().plot
    assert plot is not None
    (stage,) = stages_of(plot, scalars[:, None], 100)
    left, right, top, bottom = base_of(plot, stage).box
    blue = (picture[plot.top :] == BLUE).all(-1)[top:bottom, left:right]
    rows, columns = np.nonzero(blue)
    at = np.interp((columns + 0.5) / (right - left) * 100, np.arange(101), scalars)
    slope = (bottom - top) / (right - left) * 100 / 60  # of the line, in pixels
    assert np.abs((bottom - top) * (1 - at) - rows - 0.5).max() < 2 * math.hypot(1, slope)
    assert len(set(columns.tolist())) > 0.9 * (right - left)
    outside = (picture == BLUE).all(-1)
    assert outside[plot.top :][:top].any()  # its name, above the axes
    assert not outside[: plot.top].any()


def test_axes_grow_when_they_are_full() -> None:
    plot = Panels(SHAPES, lines="loss", **LOOK).layout().plot
    assert plot is not None
    values = np.arange(100.0)[:, None]
    stages = stages_of(plot, values, 0)
    assert [stages[k].room for k in (0, 31, 32, 63, 64, 99)] == [32, 32, 64, 64, 128, 128]
    for number, stage in enumerate(stages):
        assert stage.low <= 0
        assert stage.high >= number
    assert len(set(stages)) < 40


def test_what_does_not_change_costs_nothing() -> None:
    stacks = history(np.full(300, math.nan))
    for name in SHAPES:
        stacks[name][:] = stacks[name][0]
    assert len(by_pillow(written(stacks, lines="loss", xlim=300, **LOOK))) == 1


def test_scalars_of_a_file_make_a_line(tmp_path: Any) -> None:
    stacks = history(np.linspace(1, 0, 9))
    np.savez(tmp_path / "w.npz", **stacks)
    expected = written(stacks, **LOOK)
    assert written(tmp_path / "w.npz", **LOOK) == expected
    heatmap = Panels(SHAPES, lines="loss", **LOOK)
    assert written(tmp_path / "w.npz", heatmap=heatmap) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lines": 3}, "expected lines to be names of scalars, not 3"),
        ({"lines": [3]}, "expected lines to be names of scalars, not [3]"),
        ({"lines": "a"}, "expected other names of lines than of panels, each once: 'a'"),
        ({"lines": ["x", "x"]}, "expected other names of lines than of panels, each once: 'x'"),
        ({"lines": [str(k) for k in range(11)]}, "expected at most 10 lines, not 11"),
        ({"lines": {"x": "no colour"}}, "lines['x']: "),
        ({"lines": "x", "xlim": 0}, "expected xlim to be at least 1, not 0"),
        ({"lines": "x", "ylim": (1, 0)}, "expected ylim to be a lower and a higher number"),
        ({"lines": "x", "ylim": 3}, "expected ylim to be two numbers, not 3"),
        ({"ylim": (0, 1)}, "expected lines= with ylim=(0, 1)"),
    ],
)
def test_lines_that_cannot_be_drawn_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        Panels(SHAPES, **options)


def test_frames_without_their_scalars_are_refused(tmp_path: Any) -> None:
    stacks = history(np.zeros(3))
    heatmap = Panels(SHAPES, lines="loss", **LOOK)
    matrices = {name: stacks[name] for name in SHAPES}
    with pytest.raises(ValueError, match="keys 'a', 'b', 'loss', not keys 'a', 'b'"):
        save_gif(io.BytesIO(), matrices, heatmap=heatmap)
    with pytest.raises(ValueError, match="expected frames with the scalars of lines='acc'"):
        save_gif(io.BytesIO(), stacks, lines="acc")
    with pytest.raises(TypeError, match="panel 'loss': expected a number for each frame"):
        save_gif(io.BytesIO(), {**stacks, "loss": np.zeros((3, 2))}, heatmap=heatmap)
    first = {name: stacks[name][0] for name in SHAPES}
    path = tmp_path / "lines.gif"
    with GifWriter(path, lines="loss") as writer:
        with pytest.raises(TypeError, match="expected loss= with add, for the line of that name"):
            writer.add(first)
        writer.add(first, loss=1)
    with pytest.raises(ValueError, match="expected no lines with mode='a'"):
        GifWriter(path, mode="a", heatmap=heatmap)


@given(st.lists(st.integers(0, 90), max_size=8), st.integers(1, 3))
def test_the_history_has_all_scalars_and_leaves_what_it_gave_as_it_was(
    lengths: list[int], count: int
) -> None:
    history, given = History(count), []
    frames = np.arange(sum(lengths) * (4 + count), dtype=float).reshape(-1, 4 + count)
    start = 0
    for length in lengths:
        given.append((start, history.rows))
        history.add(frames[start : start + length])
        start += length
    for start, rows in [*given, (len(frames), history.rows)]:
        assert rows is not None
        np.testing.assert_array_equal(rows, frames[:start, 4:])
