"""origin="lower" gives the same image as matrices and options with their rows reversed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import assert_lossless, by_pillow

from fastheat import GifWriter, Heatmap, Panels, save_gif

N, M = SHAPE = (5, 4)
rng = np.random.default_rng(0)
FRAMES = np.clip(rng.normal(0, 0.4, (8, *SHAPE)).cumsum(0), -1, 1)
FRAMES[3] = FRAMES[2]
FRAMES[5, 1, 2] = np.nan
WORDS = np.array(["", "a", "bcd", "e\nf"], object)[rng.integers(0, 4, (8, *SHAPE))]
LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "dpi": 60}
NAMES = ["first", "b", "two\nlines", "d", "the last"]
OPTIONS: list[dict[str, Any]] = [
    {"row_labels": NAMES},
    {"row_labels": NAMES, "valfmt": None, "grid_width": 0, "ylabel": "rows", "cbar": True},
    {"row_groups": [1, 4], "col_groups": [1], "valfmt": None, "row_labels": None},
    {"mask": rng.random(SHAPE) < 0.3, "row_labels": None, "va": "top", "title": "a title"},
    {"annot": WORDS[0], "mask": rng.random(SHAPE) < 0.3, "row_labels": None},
    {"annot": FRAMES[0] * 10, "row_labels": NAMES, "row_rotation": 45, "row_side": "right"},
]


def turned(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the same image with the first row at the top."""
    other = dict(options)
    for name in ("row_labels", "mask", "annot"):
        if options.get(name) is not None:
            other[name] = options[name][::-1]
    if "row_groups" in options:
        other["row_groups"] = sorted(N - k for k in options["row_groups"])
    return other


def written(frames: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    save_gif(file, frames, **options)
    return file.getvalue()


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_all_that_belongs_to_a_row_follows_it(options: dict[str, Any]) -> None:
    heatmap = Heatmap(SHAPE, origin="lower", **LOOK, **options)
    wanted = Heatmap(SHAPE, **LOOK, **turned(options))
    stills = [wanted.rgb(frame[::-1]) for frame in FRAMES]
    for frame, still in zip(FRAMES, stills, strict=True):
        np.testing.assert_array_equal(heatmap.rgb(frame), still)
    assert_lossless(written(FRAMES, heatmap=heatmap), stills)
    panels = Panels({"a": SHAPE, "b": SHAPE}, options={"b": {"origin": "lower", **options}}, **LOOK)
    pair = {"a": FRAMES[:, ::-1], "b": FRAMES}
    frames = [{name: each[k] for name, each in pair.items()} for k in range(8)]
    stills = [panels.rgb(frame) for frame in frames]
    assert_lossless(written(pair, heatmap=panels), stills)
    other = Panels({"a": SHAPE, "b": SHAPE}, options={"b": turned(options)}, **LOOK)
    both = {"a": pair["a"][7], "b": FRAMES[7, ::-1]}
    np.testing.assert_array_equal(stills[7], other.rgb(both))


def test_annotations_of_each_frame_follow_the_rows() -> None:
    heatmap = Heatmap(SHAPE, annot=WORDS[0], origin="lower", row_labels=None, **LOOK)
    wanted = Heatmap(SHAPE, annot=WORDS[0, ::-1], row_labels=None, **LOOK)
    pairs = list(zip(FRAMES, WORDS, strict=True))
    stills = [wanted.rgb(frame[::-1], annot=words[::-1]) for frame, words in pairs]
    np.testing.assert_array_equal(heatmap.rgb(FRAMES[1], annot=WORDS[1]), stills[1])
    assert_lossless(written(FRAMES, heatmap=heatmap, annot=WORDS), stills)


@pytest.mark.parametrize("count", [2, 3])
def test_labels_are_counted_from_the_first_row(count: int) -> None:
    heatmap = Heatmap(SHAPE, origin="lower", row_labels=count, col_labels=None, **LOOK)
    grid = heatmap.layout().panels[0].grid
    left = heatmap.layout().background[:, : grid.x0[0] - 2]
    ink = (left != left[0, 0]).any(1)
    found = [k for k in range(N) if ink[grid.y0[N - 1 - k] : grid.y1[N - 1 - k]].any()]
    assert found == list(range(0, N, count))


@pytest.mark.filterwarnings("ignore:drew:UserWarning")
def test_matrices_are_reduced_before_they_are_turned() -> None:
    values = rng.normal(0, 0.4, (3, 700, 90))
    look: dict[str, Any] = {"figsize": (3, 2.5), "row_labels": None, **LOOK}
    heatmap = Heatmap(values.shape[1:], origin="lower", mask=values[0] > 0.9, **look)
    plain = Heatmap(values.shape[1:], mask=values[0] > 0.9, **look)
    grid, upper = heatmap.layout().panels[0].grid, plain.layout().panels[0].grid
    assert heatmap.reduction is not None
    for frame in values:
        cells = heatmap.rgb(frame)[np.ix_(grid.y0, grid.x0)]
        np.testing.assert_array_equal(cells[::-1], plain.rgb(frame)[np.ix_(upper.y0, upper.x0)])
    assert_lossless(written(values, heatmap=heatmap), [heatmap.rgb(frame) for frame in values])


def test_a_recording_is_gone_on_with_only_the_same_way_up(tmp_path: Path) -> None:
    path = tmp_path / "weights.gif"
    look = {**LOOK, "row_labels": None, "valfmt": None, "origin": "lower"}
    for part in (FRAMES[:5], FRAMES[5:]):
        with GifWriter(path, mode="a", **look) as writer:
            for frame in part:
                writer.add(frame)
    shown = by_pillow(path.read_bytes())
    np.testing.assert_array_equal(shown[-1][0], Heatmap(SHAPE, **look).rgb(FRAMES[-1]))
    with pytest.raises(ValueError, match="expected the labels"):
        GifWriter(path, mode="a", **{**look, "origin": "upper"})
    with pytest.raises(ValueError, match="expected origin to be one of upper, lower, not 'top'"):
        Heatmap(SHAPE, origin="top")
