"""Autoscaling: the range comes from all frames, from those so far, or from each one."""

from __future__ import annotations

import io
import pickle
import re
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import assert_lossless, by_pillow
from matplotlib.colors import Normalize
from numpy.typing import NDArray
from oracles import paint
from PIL import Image

import fastheat
from fastheat import GifWriter, Heatmap, Panels, save_gif
from fastheat.cli.main import main
from fastheat.render.encode import encode_chunk, joined
from fastheat.tables import TRANSPARENT

FRAMES = np.cumsum(np.random.default_rng(4).normal(size=(70, 3, 4)), axis=0)


def recorded(frames: Any, *, titles: Any = None, annots: Any = None, **options: Any) -> bytes:
    """Return the GIF that a `GifWriter` writes when it gets the frames one by one."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with GifWriter(file, background=False, **options) as writer:
            for k, frame in enumerate(frames):
                title = None if titles is None else titles.format(k)
                writer.add(frame, title=title, annot=None if annots is None else annots[k])
    return file.getvalue()


def saved(frames: Any, **options: Any) -> tuple[bytes, fastheat.GifSummary]:
    file = io.BytesIO()
    summary = save_gif(file, frames, **options)
    return file.getvalue(), summary


# ---------------------------------------------------------------------------------- of all frames


def test_all_is_the_range_of_all_frames(tmp_path: Path) -> None:
    assert saved(FRAMES, autoscale="all")[0] == saved(FRAMES)[0]
    np.save(tmp_path / "frames.npy", FRAMES)
    assert saved(tmp_path / "frames.npy", autoscale="all")[1].vmax == FRAMES.max()


def test_all_refuses_frames_that_can_be_read_only_once() -> None:
    with pytest.raises(ValueError, match=r"read twice with autoscale='all', .* or give vmin and"):
        save_gif(io.BytesIO(), iter(FRAMES), autoscale="all")
    assert saved(iter(FRAMES), autoscale="all", vmin=-99, vmax=99)[1].frames == 70


# -------------------------------------------------------------------------------- range that grows


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cbar": True},
        {"titles": "step {}"},
        {"titles": "step {}", "cbar": True, "hold": 900},
        {"title": "weights", "valfmt": None, "hold": 900, "fps": 30},
        {"norm": "symlog", "cbar": True, "figsize": (4, 3)},
        {"vmin": -30, "valfmt": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("once", [False, True])
def test_a_range_that_grows_is_that_of_a_writer(options: dict[str, Any], once: bool) -> None:
    given = iter(FRAMES) if once else FRAMES
    shown, summary = saved(given, autoscale="grow", **options)
    assert shown == recorded(FRAMES, autoscale="grow", **options)
    assert summary.frames == 70
    assert summary.vmin <= FRAMES.min() < FRAMES.max() <= summary.vmax


def test_panels_grow_as_those_of_a_writer() -> None:
    frames = {"a": FRAMES, "b": FRAMES[:, :2] / 9, "loss": np.linspace(3, 0, 70)}
    options: dict[str, Any] = {"options": {"b": {"valfmt": None}}, "lines": "loss", "xlim": 70}
    each = [{name: stack[k] for name, stack in frames.items()} for k in range(70)]
    for more in ({}, {"cbar": True, "share_range": True}):
        shown, summary = saved(frames, autoscale="grow", **options, **more)
        assert shown == recorded(each, autoscale="grow", **options, **more)
        assert summary.ranges["a"][1] >= FRAMES.max()


def test_annotations_of_each_frame_stay_while_the_range_grows() -> None:
    heatmap = Heatmap((3, 4), valfmt="{x:.1f}", dpi=70)
    shown, _ = saved(FRAMES, annot=FRAMES / 2, autoscale="grow", heatmap=heatmap)
    assert shown == recorded(FRAMES, annots=FRAMES / 2, autoscale="grow", heatmap=heatmap)


def test_reduced_frames_grow_as_those_of_a_writer() -> None:
    frames = np.cumsum(np.random.default_rng(1).normal(size=(9, 90, 70)), axis=0)
    options: dict[str, Any] = {"figsize": (1, 2), "reduce": "absmax", "autoscale": "grow"}
    with pytest.warns(UserWarning, match="drew 90 x 70 values"):
        shown, summary = saved(iter(frames), **options)
    assert shown == recorded(frames, **options)
    assert summary.cells != (90, 70)


def test_progress_counts_frames_of_a_range_that_grows() -> None:
    seen: list[tuple[int, int | None]] = []
    save_gif(io.BytesIO(), FRAMES, autoscale="grow", progress=lambda *each: seen.append(each))
    assert seen[-1] == (70, 70)
    assert [count for count, _ in seen] == sorted(count for count, _ in seen)


def test_frames_before_one_that_fails_are_in_a_file_whose_range_grows() -> None:
    def frames() -> Iterator[NDArray[np.float64]]:
        yield from FRAMES[:40]
        raise ZeroDivisionError("diverged")

    file = io.BytesIO()
    with pytest.raises(ZeroDivisionError, match="diverged"):
        save_gif(file, frames(), autoscale="grow")
    assert len(by_pillow(file.getvalue())) == 40


def test_memory_does_not_grow_with_the_frames_of_a_range_that_does() -> None:
    def peak(count: int) -> int:
        def frames() -> Iterator[NDArray[np.float64]]:
            for k in range(count):
                yield np.full((20, 20), np.log1p(k))

        tracemalloc.start()
        with open("/dev/null", "wb") as sink:  # noqa: PTH123
            save_gif(sink, frames(), autoscale="grow", valfmt=None, figsize=(2, 1))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(40)
    assert peak(320) < 1.3 * peak(80)


@pytest.mark.filterwarnings("ignore:left out the text", "ignore:over all frames")
def test_a_range_that_cannot_grow_any_more_is_told() -> None:
    frames = np.array([[0.13, -0.13], [0.64, 0.10]]) * 2.0 ** np.arange(60)[:, None, None]
    with pytest.warns(UserWarning, match="could not widen the range any more"):  # noqa: PT031
        summary = save_gif(io.BytesIO(), frames, autoscale="grow", cbar=True)
        assert summary.over > 0


# ------------------------------------------------------------------------------ range of each frame


def alone(frame: Any, title: str, picture: Any) -> NDArray[np.uint8]:
    """Return a frame over its own range, drawn as a still."""
    layout = picture.layout(np.dtype(np.float64))
    indices, _ = paint(layout, np.ascontiguousarray(frame, np.float64), title)
    pixels: NDArray[np.uint8] = layout.table[indices]
    return pixels


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"valfmt": None},
        {"title": "weights", "robust": True, "cmap": "RdBu"},
        {"norm": "symlog", "vmin": -3},
        {"mask": np.eye(3, 4) > 0, "bad": "grey"},
        {"annot": [list("abcd")] * 3},
        {"cbar": True, "title": "weights", "cbar_label": "value"},
        {"cbar": True, "valfmt": None, "cbar_location": "top"},
        {"cbar": True, "cbar_location": "left", "cbar_ticks": [-3, 0, 3, 99], "style": "dark"},
        {"cbar": True, "cbar_location": "bottom", "norm": "symlog", "cbar_format": ".3e"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:over all frames")
def test_each_frame_is_drawn_as_it_is_alone(options: dict[str, Any]) -> None:
    frames = FRAMES.copy()
    frames[5, 0, 0], frames[6], frames[7], frames[8] = np.nan, np.inf, 4.0, frames[9]
    shown, summary = saved(frames, autoscale="frame", **options)
    picture = Heatmap((3, 4), **options).per_frame_limits()
    if "cbar" not in options:
        picture = picture.with_titles()
    picture = picture.completed(picture.find_range(frames))
    title = options.get("title", "")
    assert_lossless(shown, [alone(frame, title, picture) for frame in frames])
    assert summary.autoscale == "frame"
    assert summary.bad == (13 if "mask" not in options else 9)
    # an array leaves room for all frames; a writer knows only the first one
    once, _ = saved(iter(frames), autoscale="frame", **options)
    assert once == recorded(frames, autoscale="frame", **options)


def test_a_frame_has_the_colours_of_a_heatmap_over_its_range_which_its_title_says() -> None:
    look: dict[str, Any] = {"valfmt": "{x:.3f}", "figsize": (4, 3)}
    shown, summary = saved(FRAMES, autoscale="frame", titles="step {}", **look)
    wanted = []
    for k, frame in enumerate(FRAMES):
        low, high = frame.min(), frame.max()
        picture = Heatmap((3, 4), vmin=low, vmax=high, **look)
        wanted.append(picture.rgb(frame, f"step {k}  [{low:g}, {high:g}]"))
    grid = Heatmap((3, 4), vmin=0, vmax=1, **look).with_titles().layout().panels[0].grid
    middle = grid.y0[:, None] + 1, grid.x0[None, :] + 1
    top = int(grid.y0[0]) - 20
    for (found, _), own in zip(by_pillow(shown), wanted, strict=True):
        np.testing.assert_array_equal(found[middle], own[middle])
        np.testing.assert_array_equal(found[:top], own[:top])
    assert (summary.vmin, summary.vmax) == (FRAMES.min(), FRAMES.max())
    assert (summary.under, summary.over) == (0, 0)


@pytest.mark.parametrize("location", ["left", "right", "top", "bottom"])
@pytest.mark.parametrize("more", [{}, {"norm": "asinh"}, {"cbar_ticks": 4, "figsize": (4, 3)}])
def test_the_numbers_at_the_bar_are_those_of_the_range_of_each_frame(
    location: str, more: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"cbar": True, "cbar_location": location, "dpi": 80, **more}
    frames = FRAMES[10:30] * np.geomspace(0.1, 20, 20)[:, None, None]
    shown, _ = saved(frames, autoscale="frame", valfmt=None, titles="step {}", **options)
    picture = Heatmap((3, 4), valfmt=None, **options).per_frame_limits().with_titles()
    picture = picture.completed(picture.find_range(frames))
    layout = picture.layout()
    ((numbers, _),) = layout.bars
    part = slice(numbers.y0, numbers.y1), slice(numbers.x0, numbers.x1)
    seen = set()
    for (found, _), frame in zip(by_pillow(shown), frames, strict=True):
        # the bar is drawn like the static one of a heatmap with this range
        fixed = picture.with_look(given=None, frame=layout.panels[0].frame).over(
            frame.min(), frame.max()
        )
        static = fixed.layout()
        np.testing.assert_array_equal(found[part], static.table[static.background][part])
        seen.add(found[part].tobytes())
    assert len(seen) == len(frames)


def test_numbers_on_a_transparent_background_are_cleared_away() -> None:
    options: dict[str, Any] = {"cbar": True, "valfmt": None, "background": "none"}
    shown, _ = saved(FRAMES, autoscale="frame", **options)
    picture = Heatmap((3, 4), **options).per_frame_limits()
    layout = picture.completed(picture.find_range(FRAMES)).layout()
    with Image.open(io.BytesIO(shown)) as image:
        for number, frame in enumerate(FRAMES):
            image.seek(number)
            found = np.asarray(image.convert("RGBA"))
            indices, _ = paint(layout, frame)
            clear = indices == TRANSPARENT
            assert clear.any()
            np.testing.assert_array_equal(found[..., 3] == 0, clear)
            np.testing.assert_array_equal(found[~clear, :3], layout.table[indices][~clear])


def test_numbers_that_are_longer_than_there_is_room_for_are_drawn_smaller() -> None:
    frames = np.stack([FRAMES[0], 1e9 + FRAMES[1] / 999])
    shown, _ = saved(iter(frames), autoscale="frame", cbar=True, valfmt=None)
    picture = Heatmap((3, 4), valfmt=None, cbar=True).per_frame_limits()
    picture = picture.completed(picture.find_range(FRAMES[0]))
    ((numbers, _),) = picture.layout().bars
    found = by_pillow(shown)[1][0]
    part = found[numbers.y0 : numbers.y1, numbers.x0 : numbers.x1]
    assert (part < 128).any()
    for edge in (part[0], part[-1], part[:, -1]):
        assert (edge == 255).all()


def test_an_end_that_is_given_stays_and_the_other_is_of_each_frame() -> None:
    with pytest.warns(UserWarning, match="below the vmin of their frame"):
        _, summary = saved(FRAMES, autoscale="frame", vmin=-2, valfmt=None)
    assert (summary.vmin, summary.vmax) == (-2, FRAMES.max())
    assert summary.under == (FRAMES < -2).sum()


def test_a_range_that_is_given_is_that_of_all_frames() -> None:
    fixed, summary = saved(FRAMES, autoscale="frame", vmin=-99, vmax=99)
    assert fixed == saved(FRAMES, vmin=-99, vmax=99)[0]
    assert summary.autoscale is None


@pytest.mark.parametrize("options", [{}, {"valfmt": None}], ids=str)
def test_chunks_of_frames_with_ranges_of_their_own_can_go_anywhere(options: Any) -> None:
    picture = Heatmap((3, 4), **options).per_frame_limits().with_titles()
    layout = picture.completed((-9.0, 9.0)).layout()
    layout = pickle.loads(pickle.dumps(layout))
    titles = [f"step {k}" for k in range(70)]
    whole = encode_chunk(layout, None, FRAMES, titles)
    parts = [encode_chunk(layout, None, FRAMES[:1], titles[:1])]
    for start, stop in ((1, 2), (2, 40), (40, 70)):
        before, part = FRAMES[start - 1], FRAMES[start:stop]
        parts.append(encode_chunk(layout, before, part, titles[start - 1 : stop]))
    together = joined(parts)
    assert bytes(together.data) == bytes(whole.data)
    assert together.shown == whole.shown
    assert whole.shown.extremes == (FRAMES.min(), FRAMES.max())
    assert saved(FRAMES, autoscale="frame", workers=3)[0] == saved(FRAMES, autoscale="frame")[0]


@pytest.mark.parametrize("shares", [False, True])
def test_panels_have_the_ranges_of_their_own_matrices(shares: bool) -> None:
    frames = {"a": FRAMES, "b": FRAMES[:, :2] / 9, "c": FRAMES[:, :, :2]}
    options: dict[str, Any] = {
        "options": {"b": {"valfmt": None}, "c": {"vmin": -5, "vmax": 5}},
        "share_range": shares,
    }
    with pytest.warns(UserWarning, match="the colours of the ends"):
        shown, summary = saved(frames, autoscale="frame", titles="step {}", **options)
    panels = fastheat.Panels({"a": (3, 4), "b": (2, 4), "c": (3, 2)}, **options)
    low, high = float(FRAMES.min()), float(FRAMES.max())  # the range that there is room for
    b = (low, high) if shares else (frames["b"].min(), frames["b"].max())
    panels = panels.per_frame_limits().with_titles().completed((low, high, *b, -5.0, 5.0))
    grids = [part.grid for part in panels.layout().panels]
    for k, (picture, _) in enumerate(by_pillow(shown)):
        own = {name: stack[k] for name, stack in frames.items()}
        ends = {name: (each.min(), each.max()) for name, each in own.items()} | {"c": (-5, 5)}
        if shares:
            ends["a"] = ends["b"] = (own["a"].min(), own["a"].max())
        for (name, matrix), grid in zip(own.items(), grids, strict=True):
            low, high = ends[name]
            single = Heatmap(matrix.shape, vmin=low, vmax=high, valfmt=None)
            place = single.layout().panels[0].grid
            wanted = single.rgb(matrix)[place.y0[:, None], place.x0[None, :]]
            found = picture[grid.y0[:, None] + 1, grid.x0[None, :] + 1]
            np.testing.assert_array_equal(found, wanted)
    assert summary.ranges["c"] == (-5, 5)
    assert summary.ranges["a"] == (FRAMES.min(), FRAMES.max())
    each = [{name: stack[k] for name, stack in frames.items()} for k in range(70)]
    look = {**options, "title": "a of {step}"}
    once = recorded(each, autoscale="frame", **look)
    assert len(by_pillow(once)) == 70


@pytest.mark.parametrize("location", ["right", "left", "top", "bottom"])
@pytest.mark.parametrize("shares", [False, True])
def test_panels_have_numbers_at_their_bars(location: str, shares: bool) -> None:
    frames = {"a": FRAMES[:9], "b": FRAMES[:9, :2] / 9, "loss": np.linspace(3, 0, 9)}
    options: dict[str, Any] = {
        "cbar": True,
        "cbar_location": location,
        "share_range": shares,
        "valfmt": None,
    }
    shown, _ = saved(frames, autoscale="frame", titles="step {}", **options)
    panels = fastheat.Panels({"a": (3, 4), "b": (2, 4)}, lines="loss", xlim=9, **options)
    panels = panels.per_frame_limits().with_titles()
    flat = np.stack([np.hstack([each[k].ravel() for each in frames.values()]) for k in range(9)])
    panels = panels.completed(panels.find_range(flat))
    layout = panels.layout()
    assert len(layout.bars) == (1 if shares else 2)
    wanted = []
    for k, values in enumerate(flat):
        indices, _ = paint(layout, values, f"step {k}", past=flat[:k, -1:])
        wanted.append(layout.table[indices])
    assert_lossless(shown, wanted)
    for numbers, part in layout.bars:
        place = slice(numbers.y0, numbers.y1), slice(numbers.x0, numbers.x1)
        assert len({picture[place].tobytes() for picture in wanted}) == 9
        single = list(panels.ranges.values())[part]
        assert single[0] < single[1]


def test_reduced_frames_have_the_range_of_what_is_drawn() -> None:
    frames = np.cumsum(np.random.default_rng(1).normal(size=(9, 90, 70)), axis=0)
    with pytest.warns(UserWarning, match="drew 90 x 70 values"):
        _, summary = saved(frames, autoscale="frame", figsize=(1, 2), reduce="absmax")
    assert (summary.vmin, summary.vmax) == (frames.min(), frames.max())


def test_a_file_of_ranges_of_frames_is_gone_on_with(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.gif", tmp_path / "resumed.gif"
    for file, parts in ((whole, [FRAMES]), (path, [FRAMES[:30], FRAMES[30:]])):
        for part in parts:
            with GifWriter(file, mode="a", autoscale="frame", title="{step}") as writer:
                for frame in part:
                    writer.add(frame)
    assert [pixels.tobytes() for pixels, _ in by_pillow(whole.read_bytes())] == [
        pixels.tobytes() for pixels, _ in by_pillow(path.read_bytes())
    ]
    with pytest.raises(ValueError, match="expected autoscale 'frame' as in the file"):
        GifWriter(path, mode="a", title="{step}")
    save_gif(tmp_path / "fixed.gif", FRAMES)
    with pytest.raises(ValueError, match="expected autoscale None as in the file"):
        GifWriter(tmp_path / "fixed.gif", mode="a", autoscale="frame")


# ------------------------------------------------------------------------------- the command line


def test_the_command_line_scales(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "frames.npy", FRAMES)
    paths = [str(tmp_path / name) for name in ("frames.npy", "shown.gif")]
    assert main(["render", paths[0], "-o", paths[1], "-q", "--autoscale", "grow"]) == 0
    assert Path(paths[1]).read_bytes() == recorded(FRAMES, autoscale="grow")
    assert main(["render", paths[0], "-o", paths[1], "-q", "--autoscale", "frame"]) == 0
    assert Path(paths[1]).read_bytes() == saved(FRAMES, autoscale="frame")[0]
    still = str(tmp_path / "still.png")
    assert main(["render", paths[0], "-o", still, "--autoscale", "frame", "--frame", "-1"]) == 0
    with Image.open(still) as image:
        last = by_pillow(Path(paths[1]).read_bytes())[-1][0]
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), last)
    for more, message in (
        (["--autoscale", "some"], "expected one of all, grow.*, not 'some'"),
        (["--autoscale", "grow", "--robust"], "expected no robust with --autoscale grow"),
        (["--autoscale", "frame", "--threshold", "1"], "no threshold with --autoscale frame"),
        (["--autoscale", "grow", "--frame", "1"], "expected no --autoscale grow with --frame"),
    ):
        name = "other.png" if "--frame" in more else "other.gif"
        assert main(["render", paths[0], "-o", str(tmp_path / name), *more]) == 2
        assert re.search(message, capsys.readouterr().err)
        assert not (tmp_path / name).exists()


# ------------------------------------------------------------------------------ of a constant one


ZEROS = np.zeros((3, 4))


def told(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in caught]


def test_what_is_beyond_an_empty_range_is_counted_and_has_matplotlibs_colour() -> None:
    frames = np.stack([ZEROS, *FRAMES[:2]])
    below, above = int((frames < 0).sum()), int((frames > 0).sum())
    text = f"{below} values below vmin=0 and {above} values above vmax=0 have the colours"
    for valfmt in (None, ".1f"):
        with pytest.warns(UserWarning, match=text):
            data, summary = saved(frames, vmin=0, vmax=0, valfmt=valfmt)
        assert (summary.under, summary.over) == (below, above)
        heatmap = Heatmap((3, 4), vmin=0, vmax=0, valfmt=valfmt)
        assert_lossless(data, [heatmap.rgb(frame) for frame in frames])
        shown = [paint(heatmap.layout(), frame)[1] for frame in frames]
        assert (sum(each.under for each in shown), sum(each.over for each in shown)) == (
            below,
            above,
        )
    assert (Normalize(0, 0)(frames[1]) == 0).all()
    plain = Heatmap((3, 4), vmin=0, vmax=0, valfmt=None)
    assert (plain.rgb(frames[1]) == plain.rgb(ZEROS)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_the_value_of_an_empty_range_is_in_it(dtype: Any) -> None:
    frame = np.full((2, 2), 0.1 if np.dtype(dtype).kind == "f" else 7, dtype)
    assert saved([frame])[1].under == saved([frame])[1].over == 0
    with pytest.warns(UserWarning, match="1 value above"):
        saved([frame, np.array([[1, 0], [0, 0]], dtype) + frame], autoscale=None, **ends(frame))


def ends(frame: NDArray[Any]) -> dict[str, float]:
    return {"vmin": float(frame.min()), "vmax": float(frame.min())}


def test_frames_over_their_own_range_count_what_is_beyond_an_end_that_was_given() -> None:
    with pytest.warns(UserWarning, match="12 values below the vmin of their frame"):
        summary = saved([ZEROS - 1, ZEROS + 9, FRAMES[0] ** 2], vmin=0, autoscale="frame")[1]
    assert (summary.under, summary.over) == (12, 0)


def test_an_empty_range_of_the_first_frame_is_told_once_if_values_are_beyond() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with GifWriter(io.BytesIO(), cbar=True) as writer:
            writer.add(ZEROS)
            writer.add(FRAMES[0])
    assert told(caught) == [
        "took an empty range, vmin=0 and vmax=0, from the first frame: give vmin and vmax, or "
        "autoscale='grow'",
        f"over all frames, {(FRAMES[0] < 0).sum()} values below vmin=0 and "
        f"{(FRAMES[0] > 0).sum()} values above vmax=0 have the colours of the ends",
    ]
    assert writer.summary is not None
    assert writer.summary.under + writer.summary.over == 12
    with GifWriter(io.BytesIO()) as writer:  # no warning: constant frames lose nothing
        writer.add(ZEROS)
        writer.add(ZEROS)
    with GifWriter(io.BytesIO(), autoscale="grow") as writer:
        writer.add(ZEROS)
        writer.add(FRAMES[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with GifWriter(io.BytesIO()) as writer:
            writer.add({"a": FRAMES[0], "b": ZEROS})
            writer.add({"a": FRAMES[0], "b": FRAMES[0]})
    assert told(caught)[0].startswith("took empty ranges of 'b' from the first frame: give vmin")


def test_an_empty_range_of_the_first_of_an_iterator_is_told_with_what_to_give() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        saved(iter([ZEROS, FRAMES[0]]))
    first, counted = told(caught)
    assert first == (
        "took an empty range, vmin=0 and vmax=0, from the first frame, since the frames can be "
        "read only once: give vmin and vmax, or autoscale='grow'"
    )
    assert "values below vmin=0" in counted


@pytest.mark.parametrize("options", [{}, {"vmin": -0.0, "vmax": -0.0}, {"cbar_ticks": [-0.0]}])
def test_negative_zeros_are_zeros_of_a_range(options: dict[str, Any]) -> None:
    def still(values: NDArray[np.float64]) -> NDArray[np.uint8]:
        file = io.BytesIO(saved([values], cbar=True, valfmt=None, **options)[0])
        return np.asarray(Image.open(file).convert("RGB"))

    assert (still(-ZEROS) == still(ZEROS)).all()
    assert Heatmap((3, 4)).completed((-0.0, 1.0)).range_text == "[0, 1]"


def test_numbers_at_the_bar_of_a_panel_have_the_colour_of_its_labels() -> None:
    frames = np.random.default_rng(0).normal(size=(2, 3, 4))
    own = {"a": {"foreground": "red"}, "b": {"foreground": "blue"}}
    look: dict[str, Any] = {"valfmt": None, "cmap": "gray", "cbar": True, "options": own}
    file = io.BytesIO()
    save_gif(file, {"a": frames, "b": frames}, autoscale="frame", columns=2, **look)
    panels = fastheat.Panels({"a": (3, 4), "b": (3, 4)}, columns=2, **look).per_frame_limits()
    low, high = float(frames.min()), float(frames.max())
    bars = panels.completed((low, high, low, high)).layout().bars
    assert [panel for _, panel in bars] == [0, 1]
    for picture, _ in by_pillow(file.getvalue()):
        for (numbers, _), other in zip(bars, (2, 0), strict=True):
            part = picture[numbers.y0 : numbers.y1, numbers.x0 : numbers.x1].astype(int)
            inked = (part < 250).any(2)
            assert inked.sum() > 20
            assert (part[inked][:, other] <= part[inked].max(1)).all()
            assert (part[inked].argmax(1) != other).all()


NANS = np.full((2, 2), np.nan)
LATER = np.array([[0.25, 2.0], [5.0, 6.0]])


def watched(frames: Any, **options: Any) -> tuple[Any, list[str]]:
    """Return the last range of a recording, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with GifWriter(io.BytesIO(), cbar=True, **options) as writer:
            for frame in frames:
                writer.add(frame)
    assert writer.heatmap is not None
    return writer.heatmap.range, told(caught)


def test_a_still_without_values_leaves_the_range_to_the_first_with_any() -> None:
    heatmap = Heatmap((2, 2), cbar=True)
    heatmap.rgb(NANS)
    assert heatmap.range == (None, None)
    np.testing.assert_array_equal(heatmap.rgb(LATER), Heatmap((2, 2), cbar=True).rgb(LATER))
    assert heatmap.with_range(-1, 1).range == (0.25, 6)
    panels = Panels({"a": (2, 2), "b": (2, 2)})
    panels.rgb({"a": NANS, "b": LATER})
    assert panels.range == (None, None, 0.25, 6)


def test_a_range_that_grows_begins_with_the_first_value() -> None:
    assert watched([NANS, LATER], autoscale="grow") == ((0.25, 6), [])
    assert watched([-LATER, LATER], autoscale="grow", norm="log")[0] == (0.25, 6)
    both = [{"a": NANS, "b": LATER}, {"a": LATER, "b": LATER}]
    assert watched(both, autoscale="grow") == ((0.25, 6, 0.25, 6), [])
    _, said = watched([NANS, NANS], autoscale="grow")
    assert said == ["took vmin=0 and vmax=1, since no frame shows a value that is finite"]


def test_a_range_that_is_made_up_is_told_with_the_reason() -> None:
    ways = ": give vmin and vmax, or autoscale='grow'"
    reason = "since the first frame shows no value that is"
    assert watched([NANS])[1] == [f"took vmin=0 and vmax=1, {reason} finite{ways}"]
    assert watched([NANS], vmin=-2)[1] == [f"took vmin=-2 and vmax=1, {reason} finite{ways}"]
    assert watched([-LATER], norm="log")[1][0] == f"took vmin=1 and vmax=10, {reason} above 0{ways}"
    assert watched([{"a": NANS, "b": LATER}])[1] == [
        f"took the range [0, 1] for 'a', {reason} finite{ways}"
    ]
    with pytest.warns(UserWarning, match="finite, and the frames can be read only once: give"):
        saved(iter([NANS, NANS]))
    with pytest.warns(UserWarning, match="since no frame shows a value that is finite$"):
        saved([NANS, NANS])
    save_gif(io.BytesIO(), [NANS, LATER])  # taken from both
