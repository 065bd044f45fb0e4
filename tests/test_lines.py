"""The line plot of scalars beneath panels: same in frames and stills, in place, complete."""

from __future__ import annotations

import io
import itertools
import math
import pickle
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from decoders import assert_lossless, by_pillow
from gif_info import read_info
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import paint_plot

from fastheat import GifWriter, Panels, load_frames, save_gif
from fastheat.layout import lineplot
from fastheat.layout.lineplot import base_of, stages_of
from fastheat.pipeline import resume
from fastheat.pipeline.jobs import Beside, encodings
from fastheat.render.lineplot import History, Past

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
    first = {"loss": stacks["loss"]} | stacks  # scalars still come after the matrices
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


@given(st.integers(0, 20), st.integers(1, 9), st.sampled_from([None, (0, 1)]))
@settings(max_examples=10)
def test_lines_of_any_frames_are_those_of_the_stills(first: int, count: int, ylim: Any) -> None:
    plot = Panels(SHAPES, lines=["loss", "accuracy"], ylim=ylim, **LOOK).layout().plot
    assert plot is not None
    values = scalars_of(first + count, 2)
    past = Past(values[:0]).after(plot, values[: first + 1])
    for k, picture in enumerate(past.draw(plot, values[first + 1 :])):
        np.testing.assert_array_equal(picture, paint_plot(plot, values[: first + k + 1]))


def scalars_of(count: int, lines: int) -> npt.NDArray[np.float64]:
    """Return scalars with growing limits, some of them missing."""
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=(count, lines)), axis=0)
    values[rng.random(values.shape) < 0.2] = np.nan
    return values


@given(
    st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=10),
    st.sampled_from([None, (0, 1)]),
    st.sampled_from([None, 9, 200]),
)
@settings(max_examples=25)
def test_lines_that_are_gone_on_with_are_those_drawn_anew(
    chunks: list[tuple[int, bool]], ylim: Any, xlim: int | None
) -> None:
    look = {**LOOK, "ylim": ylim, "xlim": xlim}
    plot = Panels(SHAPES, lines=["loss", "accuracy"], **look).layout().plot
    assert plot is not None
    values = scalars_of(sum(count for count, _ in chunks), 2)
    frames, history, start = np.hstack([values[:, :1], values]), History(2), 0
    for count, encoded in chunks:  # some are added without being drawn
        stop = start + count
        past = history.before(plot, frames[start:stop])
        if start and encoded:
            assert past is not None
            drawn = past.draw(plot, values[start:stop])
            for k, picture in enumerate(drawn):
                np.testing.assert_array_equal(picture, paint_plot(plot, values[: start + k]))
            middle = start + count // 2  # cuts a chunk in two
            cut = past.after(plot, values[start:middle]).draw(plot, values[middle:stop])
            np.testing.assert_array_equal(cut, drawn[middle - start :])
        history.add(frames[start:stop])
        start = stop


def test_a_frame_is_drawn_from_the_lines_before_whatever_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths: list[int] = []

    def counted(plot: Any, stage: Any, values: Any, *rest: Any) -> Any:
        lengths.append(len(values))
        return places(plot, stage, values, *rest)

    places = lineplot.places_of
    monkeypatch.setattr("fastheat.render.lineplot.places_of", counted)
    stacks = history(np.linspace(0, 1, 2000))
    for name in SHAPES:
        stacks[name][:] = 0
    look: dict[str, Any] = {**LOOK, "lines": "loss"}
    given: list[dict[str, Any]] = [{"ylim": (0, 1)}, {}]
    for options in given:
        totals = []
        for count in (1000, 2000):
            lengths.clear()
            with GifWriter(io.BytesIO(), background=False, **look, **options) as writer:
                for k in range(count):
                    writer.add({name: stacks[name][k] for name in stacks})
            totals.append(sum(lengths))
        assert totals[1] - totals[0] < 30 * 1000
    lengths.clear()
    written(stacks, **look, ylim=(0, 1))
    assert max(lengths) <= 33  # a chunk and the frame before it


def test_what_a_job_is_given_of_the_lines_before_it_does_not_grow() -> None:
    plot = Panels(SHAPES, lines="loss", xlim=10_000, ylim=(0, 1), **LOOK).layout().plot
    assert plot is not None
    sizes = []
    for count in (10, 5000):
        past_of, frames = History(1), np.zeros((count, 1))
        past_of.add(frames)
        sizes.append(len(pickle.dumps(past_of.before(plot, frames[:8]))))
    assert sizes[1] < sizes[0] + 16


@pytest.mark.parametrize("ylim", [None, (0, 1)])
def test_a_job_with_lines_gives_the_same_a_frame_at_a_time(ylim: Any) -> None:
    layout = Panels(SHAPES, lines="loss", ylim=ylim, **LOOK).layout()
    values = np.hstack([np.zeros((70, 12)), scalars_of(70, 1)])
    beside = Beside(None, None, 1)
    jobs = list(encodings(layout, iter([values[:5], values[5:37], values[37:]]), beside))
    for job in jobs:
        whole, each = job.run().value, [one.run().value for one in job.each()]
        assert bytes(whole.data) == b"".join(bytes(one.data) for one in each)
        rows = [scalars for one in each for scalars in one.scalars]
        np.testing.assert_array_equal(whole.scalars, rows)
        assert len(rows) == len(whole.ends)


def test_the_line_goes_through_the_values() -> None:
    scalars = np.concatenate([np.linspace(0, 1, 60), np.linspace(1, 0.25, 41)])
    heatmap = Panels({"a": (9, 9)}, lines="loss", xlim=101, ylim=(0, 1), vmin=0, vmax=1)
    picture = heatmap.rgb({"a": np.zeros((9, 9)), "loss": scalars})
    plot = heatmap.layout().plot
    assert plot is not None
    (stage,) = stages_of(plot, scalars[:, None], 100)
    left, right, top, bottom = base_of(plot, stage).data
    # right of the dot at its start
    blue = (picture[plot.top :] == BLUE).all(-1)[top:bottom, left + 4 : right]
    rows, columns = np.nonzero(blue)
    columns += 4
    at = np.interp((columns + 0.5) / (right - left) * 100, np.arange(101), scalars)
    slope = (bottom - top) / (right - left) * 100 / 60  # of the line, in pixels per pixel
    assert np.abs((bottom - top) * (1 - at) - rows - 0.5).max() < 2 * math.hypot(1, slope)
    assert len(set(columns.tolist())) > 0.9 * (right - left)
    outside = (picture == BLUE).all(-1)
    assert outside[plot.top :][:top].any()  # the name of the line, above the axes
    assert not outside[: plot.top].any()


@given(st.lists(numbers, min_size=1, max_size=9), st.sampled_from([None, (0, 1), (-1e9, 2)]))
def test_the_axes_stay_where_they_are(scalars: list[float], ylim: Any) -> None:
    plot = Panels(SHAPES, lines="loss", ylim=ylim, **LOOK).layout().plot
    assert plot is not None
    stages = stages_of(plot, np.array(scalars)[:, None], 0)
    bases = [base_of(plot, stage) for stage in stages]
    assert len({base.box for base in bases}) == 1
    left, _, top, bottom = bases[0].box
    for base in bases:  # no label is cut off
        ink = base.picture != base.picture[0, 0]
        assert ink[top:bottom, left - 1].all()
        assert not ink[:, :2].any()


def test_a_point_with_none_before_it_is_a_dot() -> None:
    scalars = np.array([0.5, 0.5, math.nan, 0.5, math.nan])
    heatmap = Panels({"a": (9, 9)}, lines="loss", xlim=5, ylim=(0, 1), vmin=0, vmax=1)
    plot = heatmap.layout().plot
    assert plot is not None
    for count in range(1, 6):
        picture = heatmap.rgb({"a": np.zeros((9, 9)), "loss": scalars[:count]})[plot.top :]
        base = base_of(plot, stages_of(plot, scalars[:count, None], count - 1)[0])
        x0, x1, y0, y1 = base.data
        blue = (picture == BLUE).all(-1)
        for number in range(5):
            x, y = round(x0 + (x1 - x0) * number / 4), round((y0 + y1) / 2)
            around = blue[y - 5 : y + 5, max(0, x - 5) : x + 5]
            dot = number in (0, 3) and number < count
            assert (around.sum() > 20) == dot
            if dot:  # complete and round
                assert np.ptp(np.nonzero(around)[0]) >= 4
                assert around[:, :5].any()
                assert around[:, 5:].any()
        line = blue[y0:y1, round(x0 + (x1 - x0) / 8)]
        assert line.any() == (count > 1)


@pytest.mark.parametrize("ends", [(0.08, 1.0), (0, 1), (0.31, 0.87), (-3, 4), (0, 0.0021)])
def test_values_have_three_ticks_or_more(ends: tuple[float, float]) -> None:
    plot = Panels({"a": (9, 9)}, lines="loss", vmin=0, vmax=1).layout().plot
    assert plot is not None
    (stage,) = stages_of(plot, np.array(ends)[:, None], 1)
    base = base_of(plot, stage)
    left, _, top, bottom = base.box
    ticks = base.picture[top - 1 : bottom + 2, left - 4] != base.picture[0, 0]
    rows = np.flatnonzero(np.diff(ticks.astype(int), prepend=0) == 1)
    assert 3 <= len(rows) <= 6
    assert np.diff(rows).min() > 1.2 * 10 * 100 / 72  # px per line of text


def test_the_plot_of_checkpoints_counts_their_steps(tmp_path: Path) -> None:
    stacks = history(np.linspace(1, 0, 5))
    for k in range(5):
        np.savez(tmp_path / f"step_{100 * k}.npz", **{n: s[k] for n, s in stacks.items()})
    counted = Panels(SHAPES, lines="loss", **LOOK).for_frames(5, range(0, 500, 100))
    plain = Panels(SHAPES, lines="loss", **LOOK).for_frames(5)
    assert (still(counted, stacks, 4) != still(plain, stacks, 4)).any()
    series: dict[str, Any] = {
        name: load_frames(str(tmp_path / "step_*.npz"), tensor=name) for name in SHAPES
    }
    data = written({**series, "loss": stacks["loss"]}, lines="loss", **LOOK)
    assert_lossless(data, [still(counted, stacks, k) for k in range(5)])
    uneven = Panels(SHAPES, lines="loss", **LOOK).for_frames(5, [0, 1, 10, 100, 1000])
    np.testing.assert_array_equal(still(uneven, stacks, 4), still(plain, stacks, 4))


def test_numbers_of_add_that_are_shown_nowhere_are_named_once() -> None:
    frame = {"a": np.zeros((2, 3))}
    with GifWriter(io.BytesIO(), vmin=0, vmax=1, title="{lr}") as writer:
        with pytest.warns(UserWarning, match="loss of add is not shown: give lines='loss'"):
            writer.add(frame, loss=0.3, lr=1, step=3)
        writer.add(frame, loss=0.3, lr=1, step=4)
    with GifWriter(io.BytesIO(), vmin=0, vmax=1, lines="loss") as writer:
        writer.add(frame, loss=0.3, step=3)


def test_lines_of_a_file_go_on_without_being_named(tmp_path: Path) -> None:
    stacks = history(np.linspace(1, 0, 6))
    one, other = tmp_path / "one.gif", tmp_path / "other.gif"
    for path, options in ((one, {"lines": "loss"}), (other, {})):
        record(path, stacks, range(3), lines="loss")
        record(path, stacks, range(3, 6), **options)
    assert one.read_bytes() == other.read_bytes()


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


def test_what_does_not_change_costs_little_more_than_what_is_said_of_it() -> None:
    stacks = history(np.full(300, math.nan))
    for name in SHAPES:
        stacks[name][:] = stacks[name][0]
    data = written(stacks, lines="loss", xlim=300, **LOOK)
    one = {name: stack[:1] for name, stack in stacks.items()}
    assert len(data) - len(written(one, lines="loss", xlim=300, **LOOK)) < 299 * 70
    assert_lossless(data, [by_pillow(data)[0][0]] * 300)


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
        ({"lines": "a"}, "expected different names for all panels and lines, not 'a' twice"),
        ({"lines": ["x", "x"]}, "expected different names for all panels and lines, not 'x' twice"),
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


def record(path: Path, stacks: dict[str, Any], numbers: range, **options: Any) -> None:
    with GifWriter(path, **{"mode": "a", **LOOK, **options}) as writer:
        assert writer.frames == numbers.start
        for k in numbers:
            writer.add({name: stacks[name][k] for name in SHAPES}, loss=stacks["loss"][k], step=k)


def shown(path: Path) -> list[npt.NDArray[np.uint8]]:
    """Return the image of each frame."""
    each = by_pillow(path.read_bytes())
    return [picture for picture, duration in each for _ in range(round(duration / 100))]


def parts_of(path: Path) -> list[bytes]:
    """Return the bytes of each frame, with the comments before it."""
    with path.open("rb") as file:
        info = read_info(file)
    ends = [frame.offset + frame.length for frame in info.frames]
    data = path.read_bytes()
    return [data[a:b] for a, b in itertools.pairwise([0, *ends, info.length])]


@given(
    st.lists(numbers, min_size=2, max_size=10),
    st.lists(st.integers(1, 9), max_size=3, unique=True),
    st.sampled_from([{}, {"ylim": (0, 1)}, {"xlim": 4, "background": False}]),
)
@settings(max_examples=20)
def test_a_resumed_file_is_that_of_one_recording(
    scalars: list[float], cuts: list[int], options: dict[str, Any]
) -> None:
    stacks = history(np.array(scalars))
    stacks["a"][:], stacks["b"][:] = 0.5, 0.5  # some frames are repeats
    bounds = [0, *sorted(cut for cut in cuts if cut < len(scalars)), len(scalars)]
    with tempfile.TemporaryDirectory() as folder:
        whole, path = Path(folder, "whole.gif"), Path(folder, "resumed.gif")
        record(whole, stacks, range(len(scalars)), lines="loss", **options)
        for start, stop in itertools.pairwise(bounds):
            record(path, stacks, range(start, stop), lines="loss", **options)
        look = {name: value for name, value in options.items() if name != "background"}
        heatmap = Panels(SHAPES, lines="loss", **LOOK, **look)
        stills = [still(heatmap, stacks, k) for k in range(len(scalars))]
        assert_lossless(path.read_bytes(), stills)
        one, other = parts_of(whole), parts_of(path)
    # the first frame after a restart is encoded in full
    assert sum(a != b for a, b in zip(one, other, strict=True)) == len(bounds) - 2


def test_a_range_goes_on_growing_with_the_lines_that_there_were(tmp_path: Path) -> None:
    stacks = history(np.cumsum(np.random.default_rng(0).normal(size=50)))
    stacks["a"] *= np.linspace(1, 9, 50)[:, None, None]
    options: dict[str, Any] = {"autoscale": "grow", "cbar": True, "vmax": None, "lines": "loss"}
    whole, path = tmp_path / "whole.gif", tmp_path / "resumed.gif"
    record(whole, stacks, range(50), **options)
    for start, stop in itertools.pairwise([0, 1, 20, 45, 50]):
        record(path, stacks, range(start, stop), **options)
    assert_lossless(path.read_bytes(), shown(whole))


@pytest.mark.parametrize("xlim", [None, 40])
def test_lines_of_a_file_of_save_gif_are_gone_on_with(tmp_path: Path, xlim: int | None) -> None:
    stacks = history(np.cumsum(np.random.default_rng(0).normal(size=30)))
    path = tmp_path / "lines.gif"
    first = {name: stack[:20] for name, stack in stacks.items()}
    look = {**LOOK, "lines": {"loss": "red"}, "xlim": xlim}
    path.write_bytes(written(first, **look))
    record(path, stacks, range(20, 30), **look)
    heatmap = Panels(SHAPES, **{**look, "xlim": xlim or 20})
    assert_lossless(path.read_bytes(), [still(heatmap, stacks, k) for k in range(30)])
    before = path.read_bytes()
    for other in ({"xlim": 50}, {"ylim": (0, 1)}, {"lines": "loss"}):
        with pytest.raises(ValueError, match=r"expected (xlim|the colors|the labels)"):
            GifWriter(path, mode="a", **{**look, **other})
    with pytest.raises(ValueError, match="lines='acc', not with 'loss'"):
        GifWriter(path, mode="a", **{**look, "lines": "acc"})
    assert path.read_bytes() == before


def test_a_frame_and_its_scalars_are_committed_together() -> None:
    states = []

    class Watched(io.BytesIO):
        def write(self, data: Any) -> int:
            count = super().write(data)
            info = read_info(io.BytesIO(self.getvalue()))
            known = len(list(resume.read_scalars(info.comments)))
            states.append((info.duration / 100, known))
            return count

    with GifWriter(Watched(), lines="loss", background=False, **LOOK) as writer:
        for loss in (0.5, math.nan, math.nan, math.nan):
            writer.add({"a": np.zeros((2, 3)), "loss": loss})
    assert states[-1] == (4, 4)
    assert all(frames == known for frames, known in states)


def test_a_file_without_the_scalars_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks = history(np.linspace(0, 1, 5))
    path = tmp_path / "old.gif"
    with monkeypatch.context() as patch:
        patch.setattr("fastheat.render.encode._scalars", lambda *_: ())
        record(path, stacks, range(5), lines="loss")
    before = path.read_bytes()
    message = "expected a file that has the scalars of its 5 frames, to continue its lines"
    with pytest.raises(ValueError, match=message):
        GifWriter(path, mode="a", lines="loss", **LOOK)
    assert path.read_bytes() == before


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
