"""Every decoder returns exactly the pixels of `Heatmap.rgb`, however the file was written."""

from __future__ import annotations

import io
import itertools
import math
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import pytest
from decoders import Pixels, assert_lossless, by_ffmpeg, by_pillow
from gif_info import GifInfo, read_info
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from fastheat import GifSummary, GifWriter, Heatmap, save_gif
from fastheat.inputs.frames import spans
from fastheat.render import encode
from fastheat.render.encode import encode_chunk, joined

Values = npt.NDArray[np.float64]

PLAIN: dict[str, Any] = {"row_labels": None, "col_labels": None, "valfmt": None}


def written(frames: object, **options: Any) -> tuple[bytes, GifSummary]:
    """Return the file and the summary of frames, ignoring warnings."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        summary = save_gif(file, frames, **options)
    assert summary.bytes == len(file.getvalue())
    return file.getvalue(), summary


def blocks(data: bytes) -> GifInfo:
    return read_info(io.BytesIO(data))


def pictures(heatmap: Heatmap, frames: Sequence[Any]) -> list[Pixels]:
    """Return the images that the frames should give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return [heatmap.rgb(frame) for frame in frames]


# ----------------------------------------------------------------------------- any frames, any look


def percent(value: float) -> str:
    return f"{value:.0%}"


def many_letters(value: float) -> str:
    """Return a text for a value, with too many kinds of letters for all pairs to be precomputed."""
    return "".join(chr(0x21 + (k * 7 + sum(repr(float(value)).encode())) % 90) for k in range(4))


FORMATS = [
    "{x:.2f}",
    "f.{x:.2f}f.",
    many_letters,
    ".9f",
    ".3e",
    "+.1f",
    "{x:.1%}",
    ",.1f",
    "$ {x:.2f}",
    "({x:g})",
    "{x}",
    None,
    percent,
]
SLANTED = str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "STIXGeneralItalic.ttf")
COLORS = st.sampled_from(["white", "black", "#c0ffee", "0.5", "tab:red", (0.1, 0.2, 0.9)])

looks = st.fixed_dictionaries(
    {"vmin": st.sampled_from([-1.0, 0.0]), "vmax": st.sampled_from([0.0, 0.05, 1.0])},
    optional={
        "valfmt": st.sampled_from(FORMATS),
        "cmap": st.sampled_from(["YlGn", "flag", "gray", "hsv", "tab10", ["red", "#0000ff80"]]),
        "figsize": st.tuples(st.floats(2.5, 5), st.floats(2.5, 5)),
        "dpi": st.sampled_from([40, 72, 100, 111.1]),
        "grid_width": st.sampled_from([0, 1, 3]),
        "grid_color": COLORS,
        "cbar": st.booleans(),
        "square": st.booleans(),
        "ha": st.sampled_from(["left", "center", "right"]),
        "va": st.sampled_from(["top", "center", "bottom"]),
        "col_rotation": st.sampled_from([None, 0, -30, 45, 90, -90, 180]),
        "row_labels": st.sampled_from(["auto", None, "r{}"]),
        "col_labels": st.sampled_from(["auto", None, "c{}"]),
        "title": st.sampled_from(["", "Weights\nof it"]),
        "xlabel": st.sampled_from(["", "x"]),
        "ylabel": st.sampled_from(["", "y"]),
        "threshold": st.floats(-1, 2),
        "textcolors": st.tuples(COLORS, COLORS),
        "font": st.sampled_from([None, "DejaVu Sans", SLANTED]),
        "fontsize": st.floats(4, 20),
        "text_size": st.floats(1, 30),
        "background": COLORS,
        "foreground": COLORS,
        "style": st.sampled_from(["light", "dark"]),
        "row_side": st.sampled_from(["left", "right"]),
        "col_side": st.sampled_from(["top", "bottom"]),
        "row_groups": st.integers(1, 4),
        "col_groups": st.integers(1, 4),
        "group_width": st.floats(0.1, 6),
        "under": COLORS,
        "bad": COLORS,
    },
).map(lambda look: look | {"cbar_label": "weight"} if look.get("cbar") else look)

shapes = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.just(1), st.integers(1, 30)),
    st.tuples(st.integers(1, 30), st.just(1)),
)
numbers = st.one_of(
    st.floats(-0.2, 1.2),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 0.05, math.nan, math.inf, -math.inf, 1e22, -1e-9]),
)


@st.composite
def histories(draw: st.DrawFn) -> Values:
    """Draw frames that mostly repeat the values of the previous frame."""
    rows, columns = draw(shapes)
    cells = rows * columns
    few = draw(st.lists(numbers, min_size=1, max_size=12))
    start = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(start)
    frame = random.choice(few, (rows, columns))
    frames = [frame]
    for kind in draw(st.lists(st.sampled_from("sonta"), max_size=5)):
        frame = frame.copy()
        if kind == "o":  # one cell
            frame.flat[random.integers(cells)] = random.choice(few)
        elif kind == "n":  # values that only just differ
            frame = np.nextafter(frame, 1.0)
        elif kind == "t":  # a third of all cells
            chosen = random.random((rows, columns)) < 0.3
            frame[chosen] = random.choice(few, chosen.sum())
        elif kind == "a":
            frame = random.normal(0.5, 0.5, (rows, columns))
        frames.append(frame)
    return np.stack(frames)


def drawable(shape: tuple[int, int], look: dict[str, Any]) -> Heatmap | None:
    """Return the heatmap, or None if the figure has no room for its cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        heatmap = Heatmap(shape, **look)
        try:
            heatmap.layout()
        except ValueError as error:
            if "figsize" not in str(error):
                raise
            return None
    return heatmap


@settings(max_examples=80)
@given(frames=histories(), look=looks)
def test_decoders_give_back_the_pixels_of_rgb(frames: Values, look: dict[str, Any]) -> None:
    heatmap = drawable(frames.shape[1:], look)
    if heatmap is None:
        return
    data, summary = written(frames, heatmap=heatmap)
    assert summary.frames == len(frames)
    assert_lossless(data, pictures(heatmap, list(frames)))
    info = blocks(data)
    assert info.size == heatmap.size
    assert len(info.frames) == summary.frames - summary.merged
    assert info.trailing == 0
    for frame in info.frames:
        left, top, width, height = frame.box
        assert width > 0
        assert height > 0
        assert left + width <= info.size[0]
        assert top + height <= info.size[1]
        assert frame.disposal == 1
        assert frame.transparent is None or frame.transparent < info.colors


@given(frames=histories(), look=looks, sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_bytes_do_not_depend_on_workers_chunks_or_the_kind_of_source(
    frames: Values, look: dict[str, Any], sizes: list[int]
) -> None:
    heatmap = drawable(frames.shape[1:], look)
    if heatmap is None:
        return
    wanted, _ = written(frames, heatmap=heatmap)
    for size in sizes:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spans, "CHUNK_FRAMES", size)
            for workers in (1, 2, 3):
                assert written(frames, heatmap=heatmap, workers=workers)[0] == wanted
            assert written(iter(frames), heatmap=heatmap)[0] == wanted
    assert written(list(frames), heatmap=heatmap)[0] == wanted
    assert written(iter(frames.tolist()), heatmap=heatmap, workers=2)[0] == wanted
    assert written(np.asfortranarray(frames), heatmap=heatmap)[0] == wanted
    assert written(frames.astype(">f8"), heatmap=heatmap)[0] == wanted


@given(frames=histories(), look=looks)
def test_a_chunk_is_the_same_a_frame_at_a_time(frames: Values, look: dict[str, Any]) -> None:
    heatmap = drawable(frames.shape[1:], look)
    if heatmap is None:
        return
    layout = heatmap.layout()
    whole = encode_chunk(layout, None, frames)
    parts = [
        encode_chunk(layout, frames[t - 1] if t else None, frames[t : t + 1])
        for t in range(len(frames))
    ]
    assert b"".join(part.data for part in parts) == whole.data
    ends = np.cumsum([len(part.data) for part in parts])
    assert ends.tolist() == whole.ends
    assert [part.transparent[0] for part in parts] == whole.transparent
    total = parts[0].shown
    for part in parts[1:]:
        total = total + part.shown
    assert replace(total, lacking="") == replace(whole.shown, lacking="")
    assert set(total.lacking) == set(whole.shown.lacking)


def test_bytes_do_not_depend_on_what_the_thread_encoded_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = Heatmap((3, 4), vmin=0, vmax=1, dpi=40, **PLAIN)
    large = Heatmap((9, 7), vmin=0, vmax=1, dpi=60, valfmt=".2f")
    frames = {each: np.random.default_rng(5).random((6, *each.shape)) for each in (small, large)}

    def encoded(heatmap: Heatmap) -> bytes:
        values = frames[heatmap]
        return bytes(encode_chunk(heatmap.layout(), values[0], values[1:]).data)

    def encoded_by_a_new_thread(heatmap: Heatmap) -> bytes:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(encoded, heatmap).result()

    wanted = {each: encoded_by_a_new_thread(each) for each in frames}
    for each in (small, small, large, small, large, large):
        assert encoded(each) == wanted[each]

    monkeypatch.setattr(encode, "MOST_KEPT", math.prod(small.size))
    for each in (large, small, large):
        assert encoded(each) == wanted[each]


def test_a_thread_that_is_interrupted_while_it_encodes_lends_nothing_twice() -> None:
    with encode._tools(12, 34) as first:
        pass
    with encode._tools(12, 30) as tools, encode._tools(12, 34) as others:
        assert tools is first
        each = (itertools.chain.from_iterable(lent) for lent in (tools, others))
        assert not any(itertools.starmap(np.shares_memory, zip(*each, strict=True)))


@given(frames=histories(), look=looks)
def test_the_frame_before_tells_all_that_a_chunk_needs(
    frames: Values, look: dict[str, Any]
) -> None:
    heatmap = drawable(frames.shape[1:], look)
    if heatmap is None:
        return
    layout = heatmap.layout()
    kept = frames.copy()
    for cut in range(1, len(frames)):
        first = encode_chunk(layout, None, frames[:cut])
        second = encode_chunk(layout, frames[cut - 1], np.ascontiguousarray(frames[cut:]))
        assert joined([first, second]).data == encode_chunk(layout, None, frames).data
    np.testing.assert_array_equal(frames, kept)  # the input is not modified


@given(frames=histories(), look=looks)
def test_stills_agree_with_each_other(frames: Values, look: dict[str, Any]) -> None:
    heatmap = drawable(frames.shape[1:], look)
    if heatmap is None:
        return
    (rgb,) = pictures(heatmap, list(frames[-1:]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        indices = heatmap.indices(frames[-1])
        image = heatmap.image(frames[-1])
    np.testing.assert_array_equal(heatmap.palette[indices], rgb)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), rgb)
    assert image.mode == "P"
    assert image.size == heatmap.size == (rgb.shape[1], rgb.shape[0])
    assert indices.max() < heatmap.layout().panels[0].shades.colors
    assert not (indices == 0).any()  # reserved for unchanged pixels


@pytest.mark.parametrize("ha", ["left", "center", "right"])
@pytest.mark.parametrize("valfmt", [percent, "{x}", lambda x: f"#{x:.0f}" * (1 + (x > 0.5))])
def test_texts_that_python_writes_stand_alike_whatever_is_drawn_with_them(
    valfmt: Any, ha: str
) -> None:
    # each frame has characters that no other has
    frames = np.array([0.0, math.inf, 0.56, -7.25, 5e-324, 0.9, math.nan]).reshape(-1, 1, 1)
    heatmap = Heatmap((1, 1), vmin=-1, vmax=1, valfmt=valfmt, ha=ha)
    data, _ = written(frames, heatmap=heatmap)
    assert_lossless(data, pictures(heatmap, list(frames)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spans, "CHUNK_FRAMES", 1)
        assert written(frames, heatmap=heatmap)[0] == data


@pytest.mark.parametrize("rare", ["ff.", "fj\nfj", "\u0633\u0644\u0627\u0645", "", "-" * 40])
@pytest.mark.parametrize("font", [SLANTED, None])
def test_bytes_do_not_depend_on_a_rare_text_in_the_chunk(rare: str, font: str | None) -> None:
    # letters of some texts cannot be cut, so that all of such a text is drawn again
    def write(x: float) -> str:
        return rare if x > 0.9 else f"f{x:.3f}f" if x > 0.5 else f"{x:.2f}"

    rng = np.random.default_rng(7)
    frames = np.repeat(0.3 + 0.5 * rng.random((1, 5, 4)), 12, 0)
    for t in range(1, len(frames)):
        frames[t:, t % 5, :2] += 0.001 * rng.integers(9, size=2)
    frames[7, 2, 3] = 1
    heatmap = Heatmap((5, 4), vmin=0, vmax=1, valfmt=write, font=font, figsize=(5, 3))
    assert_lossless(written(frames, heatmap=heatmap)[0], pictures(heatmap, list(frames)))
    layout = heatmap.layout()
    for t, (block, _) in enumerate(encode_chunk(layout, None, frames)):
        before = frames[t - 1] if t else None
        assert encode_chunk(layout, before, frames[t : t + 1]).data == block


@pytest.mark.parametrize("height", [0.28, 0.3, 0.34, 0.38, 0.42, 0.5])
@pytest.mark.parametrize("valfmt", ["$({x:.1f})", "{x:,.1f}j", lambda x: f"$({x:.1f})"])
def test_texts_higher_than_digits_are_lossless_in_low_cells(valfmt: Any, height: float) -> None:
    frames = np.random.default_rng(0).uniform(0, 1, (4, 3, 3))
    heatmap = Heatmap(
        (3, 3),
        vmin=0,
        vmax=1,
        valfmt=valfmt,
        figsize=(2, height),
        square=False,
        grid_width=0,
        fontsize=1,
        text_size=8,
        row_labels=None,
        col_labels=None,
    )
    data, _ = written(frames, heatmap=heatmap)
    assert_lossless(data, pictures(heatmap, list(frames)))


@pytest.mark.parametrize("text_size", [0.05, 0.5, 1, 2])
def test_text_that_is_too_small_to_be_read_is_left_out(text_size: float) -> None:
    frames = np.random.default_rng(0).uniform(0, 1, (3, 2, 2))
    heatmap = Heatmap((2, 2), vmin=0, vmax=1, text_size=text_size, dpi=40)
    data, summary = written(frames, heatmap=heatmap)
    assert summary.hidden == 12
    assert_lossless(data, pictures(heatmap, list(frames)))


# ------------------------------------------------------------------------------- pictures and codes


@pytest.mark.parametrize("cmap", ["gray", "flag", "tab10"])
@pytest.mark.parametrize("side", [1, 2, 40, 150, 300])
def test_noise_of_many_cells_of_a_pixel_or_two_is_lossless(side: int, cmap: str) -> None:
    # hardly any runs, so the code table fills up and is cleared again and again
    random = np.random.default_rng(side)
    frames = random.uniform(-0.1, 1.1, (3, side, side))
    heatmap = Heatmap(
        (side, side), cmap=cmap, vmin=0, vmax=1, figsize=(4, 4), grid_width=0, **PLAIN
    )
    data, _ = written(frames, heatmap=heatmap)
    assert_lossless(data, pictures(heatmap, list(frames)))


@pytest.mark.parametrize("width", [5000, 20000])
def test_long_runs_are_lossless(width: int) -> None:
    # longer runs of one colour than fit in the code table
    frames = np.array([[[0.0, 1.0]], [[1.0, 1.0]], [[1.0, 0.0]]])
    heatmap = Heatmap(
        (1, 2), vmin=0, vmax=1, figsize=(width / 100, 0.9), square=False, grid_width=0, **PLAIN
    )
    data, _ = written(frames, heatmap=heatmap)
    assert_lossless(data, pictures(heatmap, list(frames)))


def test_the_largest_side_that_a_gif_can_have_is_written() -> None:
    heatmap = Heatmap((1, 1), vmin=0, vmax=1, figsize=(655.35, 0.6), square=False, **PLAIN)
    assert heatmap.size == (65535, 60)
    data, _ = written([[[0.0]], [[1.0]]], heatmap=heatmap)
    assert blocks(data).size == (65535, 60)
    assert_lossless(data, pictures(heatmap, [[[0.0]], [[1.0]]]))


def test_many_frames_are_lossless_over_many_chunks() -> None:
    random = np.random.default_rng(5)
    frames = np.cumsum(random.normal(0, 0.01, (150, 4, 5)), 0)
    heatmap = Heatmap((4, 5), vmin=-0.3, vmax=0.3, valfmt=".9f", dpi=50)
    data, summary = written(frames, heatmap=heatmap, workers=3)
    assert summary.merged == 0
    assert_lossless(data, pictures(heatmap, list(frames)))


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, np.int8, np.int64, np.uint16, np.bool_]
)
def test_every_dtype_is_lossless(dtype: Any) -> None:
    random = np.random.default_rng(6)
    frames = random.uniform(0, 1.8, (4, 3, 4)).astype(dtype)
    heatmap = Heatmap((3, 4), vmin=0, vmax=1, valfmt="{x:.3f}", dpi=60)
    data, _ = written(frames, heatmap=heatmap)
    assert_lossless(data, pictures(heatmap, list(frames)))


@pytest.mark.parametrize("valfmt", ["d", "08,d", "{x:+d} m"])  # Python formats the second
def test_masked_integers_have_no_text(valfmt: str) -> None:
    frames = np.ma.masked_equal(np.arange(24).reshape(4, 2, 3), 5)
    heatmap = Heatmap((2, 3), vmin=0, vmax=24, valfmt=valfmt)
    data, summary = written(frames, heatmap=heatmap)
    assert (summary.bad, summary.masked) == (0, 1)
    assert_lossless(data, pictures(heatmap, list(frames)))
    grid = heatmap.layout().panels[0].grid
    cell = heatmap.indices(frames[0])[grid.y0[1] : grid.y1[1], grid.x0[2] : grid.x1[2]]
    assert len(np.unique(cell)) == 1


def test_frames_that_are_all_nan_are_drawn() -> None:
    frames = np.full((2, 2, 3), math.nan)
    data, summary = written(frames)
    assert summary.bad == 12
    assert summary.merged == 1
    heatmap = Heatmap((2, 3), vmin=summary.vmin, vmax=summary.vmax)
    assert_lossless(data, pictures(heatmap, list(frames)))


@pytest.mark.parametrize(
    ("low", "high"), [(-8e307, 8e307), (0, 1.7e308), (-5e-324, 5e-324), (0, 5e-324), (1e-320, 1)]
)
@pytest.mark.filterwarnings("ignore:.* the colours of the ends:UserWarning")
@pytest.mark.parametrize(
    "look", [{"valfmt": None, "cbar": True}, {"valfmt": ".1e", "threshold": 0}], ids=str
)
def test_ranges_as_wide_and_as_narrow_as_floats_are_drawn(
    look: dict[str, Any], low: float, high: float
) -> None:
    frames = np.array([[[low, high]], [[high, low]]])
    data = io.BytesIO()
    summary = save_gif(data, frames, dpi=50, **look)
    assert (summary.vmin, summary.vmax) == (low, high)
    heatmap = Heatmap((1, 2), dpi=50, vmin=low, vmax=high, **look)
    assert_lossless(data.getvalue(), pictures(heatmap, list(frames)))


# --------------------------------------------------------------------------------- other decoders


def an_animation() -> tuple[bytes, list[Pixels]]:
    random = np.random.default_rng(7)
    frames = np.cumsum(random.normal(0, 0.1, (12, 4, 6)), 0)
    frames[:, 0] = frames[0, 0]
    heatmap = Heatmap((4, 6), cmap="RdBu", vmin=-0.5, vmax=0.5, dpi=60, cbar=True)
    data, _ = written(frames, heatmap=heatmap)
    return data, pictures(heatmap, list(frames))


@pytest.mark.skipif(shutil.which("gifsicle") is None, reason="gifsicle is not installed")
def test_gifsicle_reads_every_frame_without_a_warning(tmp_path: Path) -> None:
    data, wanted = an_animation()
    (tmp_path / "in.gif").write_bytes(data)
    command = ["gifsicle", "--no-ignore-errors", "--unoptimize", "in.gif", "-o", "out.gif"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    found = by_pillow((tmp_path / "out.gif").read_bytes())
    assert len(found) == len(wanted)
    for (picture, _), expected in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(picture, expected)


@pytest.mark.skipif(shutil.which("giftopnm") is None, reason="giftopnm is not installed")
def test_giftopnm_reads_every_image_without_a_warning() -> None:
    data, wanted = an_animation()
    result = subprocess.run(
        ["giftopnm", "-image=all"], input=data, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    # it returns the rectangles as they are; the first is the whole image
    with Image.open(io.BytesIO(result.stdout)) as image:
        first = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(first, wanted[0])


@pytest.mark.skipif(shutil.which("giftext") is None, reason="giftext is not installed")
def test_giflib_reads_every_image(tmp_path: Path) -> None:
    data, wanted = an_animation()
    (tmp_path / "in.gif").write_bytes(data)
    result = subprocess.run(
        ["giftext", "in.gif"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("Image #") == len(wanted)
    assert "GIF file terminated normally" in result.stdout


# ------------------------------------------------------------------------------------------ merging


def changing(count: int) -> Values:
    """Return frames of one cell, each in another colour than the nine previous ones."""
    return (np.arange(count) % 10).reshape(-1, 1, 1) / 9.5


def small() -> Heatmap:
    return Heatmap((1, 1), vmin=0, vmax=1, figsize=(0.6, 0.6), cmap="tab10", **PLAIN)


def delays(frames: object, **timing: Any) -> tuple[list[int], GifSummary]:
    """Return the delays of a file in hundredths of a second."""
    data, summary = written(frames, heatmap=small(), **timing)
    info = blocks(data)
    assert [10.0 * f.delay for f in info.frames] == [d for _, d in by_pillow(data)]
    assert summary.duration == info.duration
    assert len(info.frames) <= summary.frames or info.duration > 655350
    return [frame.delay for frame in info.frames], summary


def test_identical_frames_merge_into_one_delay() -> None:
    frames = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.0]).reshape(-1, 1, 1)
    found, summary = delays(frames, duration=100)
    assert found == [20, 30, 10]
    assert (summary.frames, summary.merged) == (6, 3)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_frames_merge_across_chunks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", size)
    frames = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).reshape(-1, 1, 1)
    for workers in (1, 2):
        found, summary = delays(frames, duration=100, workers=workers)
        assert found == [40, 30]
        assert summary.merged == 5


@pytest.mark.parametrize("valfmt", [None, lambda x: "same"])
def test_frames_merge_where_slots_differ_that_look_alike(valfmt: Any) -> None:
    # values below the range look like its lowest level, as do two levels of the same colour
    frames = np.array([-1.0, 0.0, -5.0, 0.3, 0.9, 2.0]).reshape(-1, 1, 1)
    data, summary = written(
        frames, vmin=0, vmax=1, cmap=["red", "red", "blue", "blue"], valfmt=valfmt
    )
    shown = [frame for frame, _ in by_pillow(data)]
    assert all((a != b).any() for a, b in itertools.pairwise(shown))
    assert summary.merged == len(frames) - len(shown)


def test_frames_merge_where_only_hidden_digits_differ() -> None:
    frames = np.array([0.111, 0.1112, 0.1109]).reshape(-1, 1, 1)
    data, summary = written(frames, vmin=0, vmax=1, valfmt="{x:.2f}")
    assert summary.merged == 2
    assert len(blocks(data).frames) == 1


def test_nan_of_any_bits_merges_with_nan() -> None:
    quiet, other = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
    frames = np.array([quiet, other, quiet]).reshape(-1, 1, 1)
    assert delays(frames)[1].merged == 2


def test_minus_zero_merges_with_zero_only_where_it_reads_the_same() -> None:
    frames = np.array([0.0, -0.0]).reshape(-1, 1, 1)
    assert written(frames, vmin=0, vmax=1, valfmt="{x:.1f}")[1].merged == 0
    assert written(frames, vmin=0, vmax=1, valfmt=None)[1].merged == 1


def test_a_frame_alone_is_a_gif() -> None:
    found, summary = delays(changing(1))
    assert found == [10]
    assert (summary.frames, summary.merged) == (1, 0)


# ------------------------------------------------------------------------------------------- timing


@given(duration=st.floats(20, 500), count=st.integers(1, 60))
@example(duration=33.4, count=60)
def test_the_mean_delay_is_exact(duration: float, count: int) -> None:
    found, summary = delays(changing(count), duration=duration)
    elapsed = np.cumsum(found) * 10.0
    wanted = np.arange(1, count + 1) * duration
    assert np.abs(elapsed - wanted).max() <= 5.0 + 1e-6
    assert summary.raised == 0
    assert set(found) <= {math.floor(duration / 10), math.ceil(duration / 10)}


def test_33_4_ms_last_ten_seconds_in_300_frames() -> None:
    found, _ = delays(changing(300), duration=33.4)
    assert set(found) == {3, 4}
    assert sum(found) == 1002


@pytest.mark.parametrize(("fps", "wanted"), [(10, [10] * 6), (30, [3, 4, 3] * 2), (0.5, [200] * 6)])
def test_fps_is_duration_the_other_way_round(fps: float, wanted: list[int]) -> None:
    assert delays(changing(6), fps=fps)[0] == wanted
    assert delays(changing(6), duration=1000 / fps)[0] == wanted


def test_100_ms_are_the_default() -> None:
    assert delays(changing(3))[0] == [10] * 3


@pytest.mark.parametrize("timing", [{"duration": 8}, {"fps": 60}, {"duration": 0}])
def test_short_delays_are_raised_with_one_warning_and_counted(timing: dict[str, float]) -> None:
    file = io.BytesIO()
    with pytest.warns(UserWarning, match=r"raised the delay of 5 frames to 20 ms") as caught:
        summary = save_gif(file, changing(5), heatmap=small(), **timing)  # type: ignore[arg-type]
    assert len(caught) == 1
    assert summary.raised == 5
    assert [frame.delay for frame in blocks(file.getvalue()).frames] == [2] * 5


def test_20_ms_are_not_raised() -> None:
    found, summary = delays(changing(5), duration=20)
    assert found == [2] * 5
    assert summary.raised == 0


def test_every_frame_may_have_its_own_duration() -> None:
    found, summary = delays(changing(4), duration=[50, 100, 10, 33])
    assert found[:3] == [5, 10, 2]
    assert found[3] in (3, 4)
    assert summary.raised == 1
    assert delays(changing(3), duration=np.array([30.0, 40.0, 50.0]))[0] == [3, 4, 5]
    assert delays(changing(3), duration=(30, 40, 50))[0] == [3, 4, 5]


def test_merged_frames_last_as_long_as_all_of_them() -> None:
    frames = np.array([0.0, 0.0, 1.0]).reshape(-1, 1, 1)
    assert delays(frames, duration=[30, 500, 40])[0] == [53, 4]


@pytest.mark.parametrize(
    ("timing", "message"),
    [
        ({"duration": 0.5}, "duration=0.5 is in .* for 0.5 s give duration=500 or fps=2$"),
        ({"duration": [0.5, 0.04]}, r"duration=\[0.5, 0.04\] is in .* 1000 times as much$"),
        ({"duration": 50, "hold": 0.25}, "hold=0.25 is in .* for 0.25 s give hold=250$"),
    ],
)
def test_durations_that_are_likely_to_be_seconds_are_told_at_once(
    timing: dict[str, Any], message: str
) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        writer = GifWriter(io.BytesIO(), **timing)
        assert re.search(message, str(caught[0].message))
        assert caught[0].filename == __file__
        writer.close()
        assert len(caught) == 1


def test_durations_in_any_array_are_those_of_each_frame() -> None:
    class Series:
        ndim = 1

        def __iter__(self) -> Any:
            return iter([np.array(30), np.array(40)])

    assert delays(changing(2), duration=Series())[0] == [3, 4]


def test_hold_takes_the_place_of_the_last_duration() -> None:
    assert delays(changing(3), duration=50, hold=2000)[0] == [5, 5, 200]
    assert delays(changing(1), duration=50, hold=2000)[0] == [200]
    frames = np.array([0.0, 1.0, 1.0]).reshape(-1, 1, 1)
    assert delays(frames, duration=50, hold=2000)[0] == [5, 205]


def test_hold_may_be_shorter_than_the_duration() -> None:
    assert delays(changing(3), duration=500, hold=40)[0] == [50, 50, 4]


def test_a_hold_that_is_raised_is_not_silent() -> None:
    with pytest.warns(UserWarning, match="raised") as caught:
        summary = save_gif(io.BytesIO(), changing(3), heatmap=small(), duration=50, hold=5)
    assert len(caught) == 1
    assert summary.raised == 1


@pytest.mark.parametrize("milliseconds", [655350, 655360, 655370, 655400, 1_400_000, 3_000_000])
def test_delays_over_655_seconds_are_split(milliseconds: int) -> None:
    data, summary = written(changing(2), heatmap=small(), duration=[milliseconds, 50])
    info = blocks(data)
    assert sum(frame.delay for frame in info.frames[:-1]) == milliseconds // 10
    assert info.frames[-1].delay == 5
    assert all(2 <= frame.delay <= 65535 for frame in info.frames)
    assert len(info.frames) == math.ceil(milliseconds / 655350) + 1
    assert (summary.frames, summary.merged) == (2, 0)
    first, last = pictures(small(), list(changing(2)))
    shown = [picture for picture, _ in by_pillow(data)]
    for picture in shown[:-1]:
        np.testing.assert_array_equal(picture, first)
    np.testing.assert_array_equal(shown[-1], last)
    for picture, other in zip(shown, by_ffmpeg(data), strict=True):
        np.testing.assert_array_equal(picture, other)


def test_merging_and_holding_stop_at_655_seconds() -> None:
    frames = np.zeros((3, 1, 1))
    data, summary = written(frames, heatmap=small(), duration=300_000, hold=200_000)
    # three frames of 300, 300 and 200 s: a part does not change once the next one has begun
    assert [frame.delay for frame in blocks(data).frames] == [60000, 20000]
    assert summary.merged == 2
    assert summary.duration == 800_000


@pytest.mark.parametrize("loop", [None, 0, 1, 7, 65535])
def test_the_loop_is_read_back(loop: int | None) -> None:
    data, _ = written(changing(3), heatmap=small(), loop=loop)
    assert blocks(data).loop == loop
    with Image.open(io.BytesIO(data)) as image:
        image.seek(2)
        assert image.info.get("loop") == loop
    assert (b"NETSCAPE2.0" in data) == (loop is not None)


def test_it_loops_for_ever_by_default() -> None:
    assert blocks(written(changing(2), heatmap=small())[0]).loop == 0


# -------------------------------------------------------------------------------------------- sinks


class Pipe(io.RawIOBase):
    """A sink that can only be written to, a few bytes at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.data = b""

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any, /) -> int:
        part = bytes(data[: self.most])
        self.data += part
        return len(part)


class Bare:
    """A sink that has only a `write` method, which returns nothing."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: Any) -> None:
        self.data += bytes(data)


@pytest.mark.parametrize("size", [1, 3, 64])
def test_every_sink_gets_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", size)
    frames, heatmap = changing(8), small()
    wanted, _ = written(frames, heatmap=heatmap, hold=500)
    for pipe in (Pipe(7), Pipe(1 << 20), Bare()):
        summary = save_gif(pipe, frames, heatmap=heatmap, hold=500)  # type: ignore[arg-type]
        assert pipe.data == wanted
        assert summary.bytes == len(wanted)
    path = tmp_path / "a.gif"
    path.write_bytes(b"x" * 100_000)  # a longer file
    save_gif(path, frames, heatmap=heatmap, hold=500)
    assert path.read_bytes() == wanted
    save_gif(str(path), frames, heatmap=heatmap, hold=500)
    assert path.read_bytes() == wanted
    with path.open("wb", buffering=0) as raw:
        save_gif(raw, frames, heatmap=heatmap, hold=500)
        assert not raw.closed
    assert path.read_bytes() == wanted
    with path.open("wb") as buffered:
        buffered.write(b"before")
        save_gif(buffered, frames, heatmap=heatmap, hold=500)
        assert buffered.tell() == 6 + len(wanted)
        buffered.write(b"after")
    assert path.read_bytes() == b"before" + wanted + b"after"
    with path.open("ab") as appending:
        save_gif(appending, frames, heatmap=heatmap, hold=500)
    assert path.read_bytes() == b"before" + wanted + b"after" + wanted


def test_the_file_is_whole_after_every_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", 2)
    heatmap, frames = small(), changing(9)
    wanted = pictures(heatmap, list(frames))
    states: list[bytes] = []

    class Watched(io.BytesIO):
        def write(self, data: Any, /) -> int:
            count = super().write(data)
            states.append(self.getvalue())
            return count

    save_gif(Watched(), frames, heatmap=heatmap, workers=1)
    counts = []
    for state in states:
        found = by_pillow(state)
        counts.append(len(found))
        assert len(blocks(state).frames) == len(found)
        for (picture, _), expected in zip(found, wanted, strict=False):
            np.testing.assert_array_equal(picture, expected)
    assert counts == sorted(counts)
    assert counts[-1] == 9
    assert len(set(counts)) > 3


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 64])
def test_what_came_before_an_error_in_the_frames_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, workers: int
) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", size)
    heatmap, frames = small(), changing(9)

    def breaking() -> Iterator[Values]:
        yield from frames
        raise RuntimeError("the training stopped")

    path = tmp_path / "a.gif"
    with pytest.raises(RuntimeError, match="the training stopped"):
        save_gif(path, breaking(), heatmap=heatmap, workers=workers)
    found = by_pillow(path.read_bytes())
    wanted = pictures(heatmap, list(frames))
    assert blocks(path.read_bytes()).trailing == 0
    for (picture, _), expected in zip(found, wanted, strict=False):
        np.testing.assert_array_equal(picture, expected)
    assert len(found) == 9


@pytest.mark.parametrize("workers", [1, 3])
def test_the_file_is_whole_after_an_error_in_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", 2)
    heatmap, frames = small(), changing(40)

    def breaking() -> Iterator[Values]:
        yield from frames
        raise RuntimeError("the training stopped")

    path = tmp_path / "a.gif"
    path.write_bytes(b"x" * 100_000)
    with pytest.raises(RuntimeError, match="the training stopped"):
        save_gif(path, breaking(), heatmap=heatmap, workers=workers)
    found = by_pillow(path.read_bytes())
    assert len(found) >= 20
    for (picture, _), expected in zip(found, pictures(heatmap, list(frames)), strict=False):
        np.testing.assert_array_equal(picture, expected)


def test_progress_is_told_of_every_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", 2)
    calls: list[tuple[int, int | None]] = []

    def tell(done: int, total: int | None) -> None:
        calls.append((done, total))

    written(changing(5), heatmap=small(), progress=tell, workers=1)
    assert calls == [(2, 5), (4, 5), (5, 5)]
    calls.clear()
    written(changing(5), heatmap=small(), progress=tell, workers=2)  # called for every job
    assert calls == [(3, 5), (5, 5)]
    calls.clear()
    written(iter(changing(3)), heatmap=small(), progress=tell)
    assert calls == [(2, None), (3, None)]


# -------------------------------------------------------------------------------- what is not shown


@given(frames=histories(), vmin=st.floats(-0.5, 0.4), vmax=st.floats(0.5, 1.5))
def test_values_out_of_the_range_are_counted(frames: Values, vmin: float, vmax: float) -> None:
    options = {**PLAIN, "figsize": (1.5, 1.5), "vmin": vmin, "vmax": vmax}
    _, summary = written(frames, **options)
    finite = frames[np.isfinite(frames)]
    with np.errstate(over="ignore"):
        place = 256 * ((finite - vmin) / (vmax - vmin))
    assert summary.under == (place < 0).sum()
    assert summary.over == (place > 256).sum()
    assert summary.bad == frames.size - finite.size


@given(frames=histories())
def test_the_range_is_taken_from_all_frames_that_can_be_read_twice(frames: Values) -> None:
    finite = frames[np.isfinite(frames)]
    wanted = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if not math.isfinite(wanted[1] - wanted[0]):
        return
    for source in (frames, list(frames)):
        _, summary = written(source, figsize=(1.5, 1.5), **PLAIN)
        assert (summary.vmin, summary.vmax) == wanted
        assert summary.under == summary.over == 0


def test_a_range_from_the_first_frame_of_an_iterator_is_warned_of() -> None:
    frames = np.array([[[0.25, 0.5]], [[0.5, 0.25]]])
    with pytest.warns(UserWarning, match=r"vmin=0.25 and vmax=0.5 from the first frame") as caught:
        summary = save_gif(io.BytesIO(), iter(frames), **PLAIN)
    assert len(caught) == 1
    assert (summary.vmin, summary.vmax) == (0.25, 0.5)
    assert (summary.under, summary.over) == (0, 0)


def test_values_out_of_the_range_are_warned_of_once() -> None:
    frames = np.array([[[0.25, 0.5]], [[0.0, 1.0]], [[-1.0, 0.5]]])
    clipped = "2 values below vmin=0.25 and 1 value above vmax=0.5 have the colours of the ends"
    with pytest.warns(UserWarning, match=clipped) as caught:
        summary = save_gif(io.BytesIO(), frames, vmin=0.25, vmax=0.5, **PLAIN)
    assert len(caught) == 1
    assert (summary.under, summary.over) == (2, 1)
