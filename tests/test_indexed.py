"""save_indexed_gif: decoders return the same images, for any indices and palette."""

from __future__ import annotations

import doctest
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from compiled import compiled
from decoders import Pixels, assert_lossless, by_pillow
from gif_info import read_info
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

import fastheat
from fastheat import indexed, save_indexed_gif
from fastheat.indexed import IndexedSummary
from fastheat.render.kernels.runs import changed_rectangle, new_lines

Indices = npt.NDArray[np.uint8]
RANDOM = np.random.default_rng(3).permutation(256 * 256)[:256]
PALETTE: Pixels = np.stack([RANDOM % 251, RANDOM // 256, RANDOM % 256], axis=1).astype(np.uint8)


def written(frames: object, palette: object = PALETTE, **timing: Any) -> tuple[bytes, Any]:
    file = io.BytesIO()
    summary = save_indexed_gif(file, frames, palette, **timing)
    assert summary.bytes == len(file.getvalue())
    return file.getvalue(), summary


def frame_infos(data: bytes) -> Any:
    return read_info(io.BytesIO(data)).frames


@st.composite
def histories(draw: st.DrawFn) -> tuple[Indices, int]:
    """Return frames that differ from one another in some pixels, and the number of colours."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    colors = draw(st.sampled_from([1, 2, 3, 16, 60, 255, 256]))
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 40))
    cell = draw(st.integers(1, 12))
    share = draw(st.sampled_from([0.0, 0.03, 0.3, 1.0]))
    frame = np.zeros((height, width), np.uint8)
    frames = []
    for _ in range(draw(st.integers(1, 7))):
        fresh = random.integers(0, colors, (height // cell + 1, width // cell + 1))
        changed = random.random(fresh.shape) < share
        block = np.ones((cell, cell), int)
        everywhere = np.kron(changed, block)[:height, :width] > 0
        frame = np.where(everywhere, np.kron(fresh, block)[:height, :width], frame)
        frames.append(frame.astype(np.uint8))
    return np.stack(frames), colors


@settings(max_examples=150)
@given(histories())
@example((np.zeros((3, 1, 1), np.uint8), 1))
@example((np.arange(256, dtype=np.uint8).reshape(1, 16, 16).repeat(3, 0) + np.uint8(0), 256))
def test_decoders_give_back_the_pictures(history: tuple[Indices, int]) -> None:
    frames, colors = history
    data, summary = written(frames, PALETTE[:colors])
    assert_lossless(data, list(PALETTE[frames]))
    assert summary.frames == len(frames)
    assert summary.size == (frames.shape[2], frames.shape[1])
    assert summary.merged == sum((a == b).all() for a, b in itertools.pairwise(frames))


@given(histories(), st.integers(2, 5))
def test_bytes_do_not_depend_on_chunks_or_the_kind_of_source(
    history: tuple[Indices, int], size: int
) -> None:
    frames, colors = history
    data, _ = written(frames, PALETTE[:colors])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexed, "CHUNK_FRAMES", size)
        assert written(iter(frames), PALETTE[:colors])[0] == data
    assert written(list(frames.astype(np.int64)), PALETTE[:colors].tolist())[0] == data
    images = [Image.fromarray(frame) for frame in frames]
    assert written(images, PALETTE[:colors].ravel())[0] == data
    assert written(np.asfortranarray(frames), PALETTE[:colors])[0] == data


def test_an_iterator_may_hand_out_the_same_array_again() -> None:
    frame = np.zeros((5, 7), np.uint8)

    def frames() -> Any:
        for k in range(70):
            frame[:, k % 7] += 1
            yield frame

    copies = [f.copy() for f in frames()]
    frame[:] = 0
    assert_lossless(written(frames())[0], [PALETTE[f] for f in copies])


def test_all_256_indices_in_use_leave_none_to_be_transparent() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    frames = np.stack([every, every[::-1], np.roll(every, 1)])
    data, _ = written(frames)
    assert [f.transparent for f in frame_infos(data)] == [None] * 3
    assert_lossless(data, list(PALETTE[frames]))


@pytest.mark.parametrize("kept", [0, 77, 255])
def test_an_index_that_a_frame_has_not_is_the_transparent_one(kept: int) -> None:
    every = np.delete(np.arange(256), kept).astype(np.uint8)
    frames = np.stack([np.resize(every, (32, 64))] * 2)
    frames[1, :, ::9] = frames[0, ::-1, ::9]
    data, _ = written(frames)
    assert frame_infos(data)[1].transparent == kept
    assert_lossless(data, list(PALETTE[frames]))


def test_a_small_palette_has_its_transparent_index_beyond_it() -> None:
    frames = np.zeros((2, 9, 90), np.uint8)
    frames[1, 4, [3, 80]] = 2
    data, _ = written(frames, PALETTE[:3])
    (_, second) = frame_infos(data)
    assert second.transparent == 3
    assert second.box == (3, 4, 78, 1)
    assert read_info(io.BytesIO(data)).colors == 4


@given(st.data())
def test_only_the_rectangle_that_differs_is_written(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 60))
    x = sorted(data.draw(st.tuples(*[st.integers(0, width - 1)] * 2)))
    y = sorted(data.draw(st.tuples(*[st.integers(0, height - 1)] * 2)))
    frames = np.ones((2, height, width), np.uint8)
    frames[1, y[0], x[0]] = frames[1, y[1], x[1]] = frames[1, y[0], x[1]] = 9
    infos = frame_infos(written(frames)[0])
    assert infos[1].box == (x[0], y[0], x[1] - x[0] + 1, y[1] - y[0] + 1)


@pytest.mark.parametrize("share", [0.002, 0.05])
def test_pixels_that_stay_cost_next_to_nothing(share: float) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 60, (2, 300, 300)).astype(np.uint8)
    frames[1] = np.where(rng.random((300, 300)) < share, frames[1], frames[0])
    infos = frame_infos(written(frames, PALETTE[:60])[0])
    assert infos[1].length < 5 * np.count_nonzero(frames[0] != frames[1])


def test_noise_is_not_larger_for_what_stays_by_chance() -> None:
    frames = np.random.default_rng(0).integers(0, 8, (2, 200, 200)).astype(np.uint8)
    first, second = frame_infos(written(frames, PALETTE[:8])[0])
    assert second.length < 1.01 * first.length


@pytest.mark.parametrize("opened", [False, True])
def test_the_file_of_the_frames_is_not_written_over(tmp_path: Path, opened: bool) -> None:
    path = tmp_path / "frames.npy"
    np.save(path, np.zeros((3, 4, 5), np.uint8))
    before = path.read_bytes()
    mapped = np.load(path, mmap_mode="r")
    for frames in (path, mapped, [np.ones((4, 5), np.uint8), *mapped]):
        with path.open("r+b") as file, pytest.raises(ValueError, match="expected a file other"):
            save_indexed_gif(file if opened else path, frames, PALETTE)
        assert path.read_bytes() == before


def test_durations_that_no_frame_had_are_told() -> None:
    frames = np.zeros((3, 4, 5), np.uint8)
    with pytest.warns(UserWarning, match="took the first 3 of 5 durations"):
        save_indexed_gif(io.BytesIO(), iter(frames), PALETTE, duration=[50] * 5)


@pytest.mark.parametrize("value", [10**400, True, "20", b"ab"])
@pytest.mark.parametrize("name", ["fps", "duration"])
def test_what_is_no_number_is_no_time(name: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=f"expected {name} to be"):
        save_indexed_gif(io.BytesIO(), np.zeros((3, 4, 5), np.uint8), PALETTE, **{name: value})  # type: ignore[arg-type]


def test_a_palette_may_be_bytes() -> None:
    files = io.BytesIO(), io.BytesIO()
    for file, palette in zip(files, (PALETTE, PALETTE.tobytes()), strict=True):
        save_indexed_gif(file, np.zeros((3, 4, 5), np.uint8), palette)
    assert files[0].getvalue() == files[1].getvalue()


# ----------------------------------------------------------------------- a kernel and its oracle


@compiled
def rectangle_of(picture: Any, old: Any, lines: Any, rows: Any) -> Any:
    return changed_rectangle(picture, old, lines, rows)


def changed(pair: Indices) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(pair[0] != pair[1])
    return int(xs.min()), int(xs.max()) + 1, int(ys.min()), int(ys.max()) + 1


@pytest.mark.parametrize("function", [rectangle_of, changed_rectangle])
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 40]))
@settings(max_examples=25)
def test_changed_rectangles_are_those_of_numpy(
    function: Callable[..., Any], seed: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    pair = np.repeat(rng.integers(0, 256, (1, 11, 37)).astype(np.uint8), 2, axis=0)
    pair[1, rng.integers(0, 11, count), rng.integers(0, 37, count)] ^= np.uint8(
        1 << rng.integers(8)
    )
    if (pair[0] == pair[1]).all():
        return
    rows = np.zeros((11, 2), np.int64)
    with np.errstate(over="ignore"):
        lines = new_lines(37)
        assert tuple(map(int, function(pair[1], pair[0], lines, rows))) == changed(pair)
    for y in range(11):
        ws = np.unique(np.flatnonzero(pair[0, y] != pair[1, y]) // 8)
        expected = [ws[0], ws[-1] + 1] if len(ws) else [0, 0]
        assert rows[y].tolist() == expected


# ------------------------------------------------------------------------------------------ edge


def test_the_summary_says_what_was_written(tmp_path: Path) -> None:
    frames = np.zeros((4, 5, 6), np.uint8)
    frames[2] = 1
    path = tmp_path / "few.gif"
    with pytest.warns(UserWarning, match="raised the delay of 4 frames to 20 ms"):
        summary = save_indexed_gif(path, frames, PALETTE[:2], duration=[5, 10, 15, 19.9], loop=3)
    assert summary == IndexedSummary(
        frames=4,
        merged=1,
        size=(6, 5),
        duration=80.0,
        raised=4,
        bytes=path.stat().st_size,
        seconds=summary.seconds,
    )
    info = read_info(io.BytesIO(path.read_bytes()))
    assert info.loop == 3
    assert [f.delay for f in info.frames] == [4, 2, 2]


def test_a_npy_file_and_the_palette_of_a_heatmap_are_taken(tmp_path: Path) -> None:
    heatmap = fastheat.Heatmap((2, 3), vmin=0, vmax=1, dpi=50)
    values = np.random.default_rng(0).random((3, 2, 3))
    frames = np.stack([heatmap.indices(each) for each in values])
    np.save(tmp_path / "frames.npy", frames)
    save_indexed_gif(tmp_path / "out.gif", str(tmp_path / "frames.npy"), heatmap.palette)
    found = by_pillow((tmp_path / "out.gif").read_bytes())
    for (picture, _), each in zip(found, values, strict=True):
        np.testing.assert_array_equal(picture, heatmap.rgb(each))


def test_its_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"np": np, "save_indexed_gif": save_indexed_gif}
    (example,) = doctest.DocTestFinder().find(save_indexed_gif, globs=names)
    assert doctest.DocTestRunner().run(example) == (0, len(example.examples))
    assert (tmp_path / "ramp.gif").stat().st_size > 1000


OK = np.zeros((2, 3, 4), np.uint8)


@pytest.mark.parametrize(
    ("frames", "palette", "kind", "message"),
    [
        (OK[0], PALETTE, ValueError, r"expected frames of shape \(T, H, W\), not \(3, 4\)"),
        (OK[:0], PALETTE, ValueError, "expected at least one frame, not none"),
        (iter(()), PALETTE, ValueError, "expected at least one frame, not none"),
        (3, PALETTE, TypeError, "expected frames to be an array"),
        (OK / 2, PALETTE, TypeError, "frame 0: expected palette indices, not float64"),
        (
            [OK[0], OK[0, :2]],
            PALETTE,
            ValueError,
            r"frame 1: expected shape \(3, 4\), not \(2, 4\)",
        ),
        ([OK], PALETTE, ValueError, r"frame 0: expected shape \(H, W\) .* not \(2, 3, 4\)"),
        (OK[:, :0], PALETTE, ValueError, r"frame 0: expected shape .* not \(0, 4\)"),
        (
            OK + 3,
            PALETTE[:3],
            ValueError,
            "frame 0: expected indices of a palette of 3, 0 to 2, not 3",
        ),
        (OK.astype(int) - 1, PALETTE, ValueError, "frame 0: .* palette of 256, .*, not -1"),
        (OK.astype(int) + 256, PALETTE, ValueError, "frame 0: .* palette of 256, .*, not 256"),
        ([Image.new("RGB", (4, 3))], PALETTE, ValueError, "frame 0: .* mode 'P' or 'L', not 'RGB'"),
        (OK, PALETTE[:0], ValueError, r"expected palette to be 1 to 256 rows .* not of shape"),
        (OK, np.zeros((257, 3), int), ValueError, r"expected palette .* not of shape \(257, 3\)"),
        (OK, np.zeros((4, 4), int), ValueError, r"expected palette .* not of shape \(4, 4\)"),
        (OK, PALETTE / 255, TypeError, "expected palette .* 0 to 255, not float64"),
        (OK, PALETTE.astype(int) + 9, ValueError, "expected palette .* 0 to 255, not 2"),
        (OK, "viridis", ValueError, "expected palette .* not 'viridis'"),
        pytest.param(
            *(OK, [[1, 2], [3]], ValueError, "expected palette "),
            marks=pytest.mark.skipif(
                np.lib.NumpyVersion(np.__version__) < "1.24.0", reason="numpy only warns"
            ),
        ),
    ],
)
def test_bad_frames_and_palettes_are_refused_by_name(
    frames: object, palette: object, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "never.gif"
    with pytest.raises(kind, match=message):
        save_indexed_gif(path, frames, palette)
    assert not path.exists() or "frame 1" in message


@pytest.mark.parametrize(
    ("timing", "kind", "message"),
    [
        ({"fps": 0}, ValueError, "expected fps to be above 0, not 0"),
        ({"fps": 5, "duration": 5}, ValueError, "expected fps or duration, not both"),
        ({"duration": [20]}, ValueError, "expected a duration for each of 2 frames, not 1"),
        ({"loop": -1}, ValueError, r"expected loop to be 0 \(for ever\)"),
        ({"loop": True}, ValueError, r"expected loop to be 0 \(for ever\)"),
    ],
)
def test_bad_timing_is_refused_before_anything_is_written(
    timing: Any, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        save_indexed_gif(tmp_path / "never.gif", OK, PALETTE, **timing)
    assert not (tmp_path / "never.gif").exists()


def test_the_frames_before_a_bad_one_are_in_the_file(tmp_path: Path) -> None:
    frames = [np.full((4, 4), k, np.uint8) for k in range(40)] + [np.zeros((5, 4), np.uint8)]
    path = tmp_path / "most.gif"
    with pytest.raises(ValueError, match="frame 40: expected shape"):
        save_indexed_gif(path, frames, PALETTE)
    assert_lossless(path.read_bytes(), [PALETTE[f] for f in frames[:40]])
