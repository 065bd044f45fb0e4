"""Where the range of the colormap comes from: all frames, or those so far."""

from __future__ import annotations

import io
import re
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from numpy.typing import NDArray

import fastheat
from fastheat import GifWriter, Heatmap, save_gif
from fastheat.cli import main

FRAMES = np.cumsum(np.random.default_rng(4).normal(size=(70, 3, 4)), axis=0)


def recorded(frames: Any, *, titles: Any = None, annots: Any = None, **options: Any) -> bytes:
    """Return the GIF of a `GifWriter` that is given frames one by one."""
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


# ------------------------------------------------------------------------------- the command line


def test_the_command_line_scales(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "frames.npy", FRAMES)
    paths = [str(tmp_path / name) for name in ("frames.npy", "shown.gif")]
    assert main(["render", paths[0], "-o", paths[1], "-q", "--autoscale", "grow"]) == 0
    assert Path(paths[1]).read_bytes() == recorded(FRAMES, autoscale="grow")
    for more, message in (
        (["--autoscale", "some"], "expected one of all, grow.*, not 'some'"),
        (["--autoscale", "grow", "--robust"], "expected no robust with autoscale='grow'"),
        (["--autoscale", "grow", "--frame", "1"], "expected no --autoscale grow with --frame"),
    ):
        name = "still.png" if "--frame" in more else "other.gif"
        assert main(["render", paths[0], "-o", str(tmp_path / name), *more]) == 2
        assert re.search(message, capsys.readouterr().err)
        assert not (tmp_path / name).exists()
