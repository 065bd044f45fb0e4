"""Titles that change from frame to frame."""

from __future__ import annotations

import io
import itertools
import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import assert_lossless, by_pillow
from gif_info import read_info
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fastheat import Heatmap, Panels, save_gif
from fastheat.cli.main import main
from fastheat.inputs.frames import spans
from fastheat.style.text import atlas, labels
from fastheat.style.text.atlas import extent
from fastheat.style.text.fonts import find_typeface
from fastheat.style.text.labels import Label

LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "dpi": 80}


def frames(count: int) -> NDArray[np.float64]:
    steps = np.random.default_rng(0).normal(0, 0.1, (count, 4, 7))
    steps[::3] = 0
    values: NDArray[np.float64] = np.clip(steps.cumsum(0), -1, 1)
    return values


@pytest.mark.parametrize("chunk", [1, 3, 64])
@pytest.mark.parametrize("valfmt", ["{x:.1f}", None, lambda x: f"<{x:.1f}>"])
def test_each_frame_has_its_title_and_no_pixel_of_another(
    valfmt: Any, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "CHUNK_FRAMES", chunk)
    values = frames(20)
    titles = [f"step {k // 2}  {'*' * (k % 5)}" for k in range(20)]
    titles[7], titles[8], titles[9] = "", "a\nb", "Wide " * 12
    heatmap = Heatmap((4, 7), valfmt=valfmt, title="x", **LOOK)
    file = io.BytesIO()
    summary = save_gif(file, values, titles=titles, heatmap=heatmap)
    wanted = [heatmap.rgb(*each) for each in zip(values, titles, strict=True)]
    assert_lossless(file.getvalue(), wanted)
    other = io.BytesIO()
    assert save_gif(other, values, titles=iter(titles), heatmap=heatmap, workers=3).frames == 20
    assert other.getvalue() == file.getvalue()
    assert (summary.hidden, summary.untitled) == (0, 0)


@pytest.mark.parametrize("title", ["Epoch 12", "fjord AVATo {j}: -1.5e-03, |W|", "Größe é"])
def test_a_title_is_drawn_as_imagedraw_draws_it(title: str, dejavu: str) -> None:
    heatmap = Heatmap((4, 7), valfmt=None, font=dejavu, **LOOK)
    picture = heatmap.image(np.zeros((4, 7)), title).convert("L")
    without = heatmap.image(np.zeros((4, 7)), "").convert("L")
    difference = np.asarray(without).astype(int) - np.asarray(picture)
    ys, xs = np.nonzero(difference)
    layout = heatmap.with_titles().layout()
    place = layout.title
    assert place is not None
    font = layout.typeface.at(place.size)
    label = Label(title, place.size, (0.5, 1.0), 0.0, layout.typeface)
    width, _, down = label.metrics()
    ink = Image.new("L", picture.size)
    at = np.floor(place.x - width / 2 + 0.5), np.floor(place.y - down + 0.5)
    ImageDraw.Draw(ink).text(at, title, 255, font, anchor="ls")
    drawn = np.asarray(ink).astype(int)
    # the palette does not have all 256 greys
    assert abs(difference - drawn).max() <= 255 / (len(layout.label_ramp) - 1) / 2 + 1
    assert place.top <= ys.min() <= ys.max() < place.bottom
    assert abs((xs.min() + xs.max()) / 2 - place.x) < 2


@given(st.text(string.printable, min_size=1, max_size=12), st.floats(6, 40))
def test_a_line_reaches_as_far_as_pillow_says(line: str, size: float) -> None:
    font = find_typeface(None, "")[0].at(size)
    shown = "".join(c if c.isprintable() else " " for c in line)
    _, top, _, bottom = font.getbbox(shown, anchor="ls")
    assert extent(line, font) == (top, bottom)


@pytest.mark.parametrize(
    ("title", "message"),
    [
        (
            "step {step}",
            "expected frames with a {step}, .* 'step {step}': give titles='step {}' to number",
        ),
        ("{step:04d} of 9", "expected frames with a {step}, .*: give titles='step {}'"),
        ("step {}", "expected a title of all frames, not 'step {}': give titles='step {}'"),
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_a_title_that_would_change_is_refused_where_nothing_fills_it(
    title: str, message: str, given: bool
) -> None:
    look = {"heatmap": Heatmap((4, 7), title=title, **LOOK)} if given else {"title": title, **LOOK}
    with pytest.raises(ValueError, match=f"^{message}"):
        save_gif(io.BytesIO(), frames(3), **look)
    if given:
        save_gif(io.BytesIO(), frames(3), titles=["a", "b", "c"], **look)
    else:
        with pytest.raises(ValueError, match=r"^expected a title of all frames above"):
            save_gif(io.BytesIO(), frames(3), titles=["a", "b", "c"], **look)
    for other in ("{", "$W_{enc}$", "{step"):
        save_gif(io.BytesIO(), frames(3), title=other, **LOOK)


def test_a_frame_of_another_title_only_writes_the_title() -> None:
    values = np.repeat(frames(1), 3, axis=0)
    file = io.BytesIO()
    summary = save_gif(file, values, titles=["step 1", "step 2", "step 2"], **LOOK)
    assert summary.merged == 1
    file.seek(0)
    _, second = read_info(file).frames
    assert second.box[2] < 20
    assert second.box[3] < 20
    assert second.length < 120


def test_a_title_that_is_too_long_is_smaller_and_then_left_out_and_counted() -> None:
    heatmap = Heatmap((2, 2), **LOOK).with_titles()
    place = heatmap.layout().title
    assert place is not None
    widths = []
    for title in ("A" * 5, "A" * 20, "A" * 26):
        rows = heatmap.indices(np.zeros((2, 2)), title)[place.top : place.bottom]
        xs = np.nonzero((rows != rows[0, 0]).any(0))[0]
        assert 0 <= xs.min() <= xs.max() < heatmap.size[0]
        widths.append((xs.max() - xs.min()) / len(title))
    assert widths == sorted(widths, reverse=True)
    with pytest.warns(UserWarning, match="left out the title of 1 frame"):
        heatmap.indices(np.zeros((2, 2)), "A" * 500)
    with pytest.warns(UserWarning, match="left out the title of 1 frame"):
        summary = save_gif(
            io.BytesIO(), np.zeros((2, 2, 2)), titles=["A" * 500, "B"], heatmap=heatmap
        )
    assert (summary.hidden, summary.untitled) == (0, 1)


def ends_of(picture: NDArray[np.uint8], rows: slice) -> tuple[int, int]:
    """Return how many columns are free at each end of some rows."""
    xs = np.nonzero((picture[rows] != picture[0, 0]).any((0, 2)))[0]
    return int(xs.min()), int(picture.shape[1] - 1 - xs.max())


def test_a_long_title_of_a_frame_keeps_off_the_edges_as_a_fixed_one_does() -> None:
    long = "The weights of a layer that has a long name, at step 195 of 2,000 and ever on"
    for look in ({}, {"figsize": (4, 3)}):
        options: dict[str, Any] = {**LOOK, "valfmt": None, **look}
        for picture in (
            Heatmap((6, 8), title=long, **options),
            Heatmap((6, 8), **options).with_titles(),
            Panels({"a": (6, 8)}, **options).with_titles(),
        ):
            pad = 1.08 * 10 * 80 / 72
            values = np.zeros((6, 8))
            frame: Any = {"a": values} if isinstance(picture, Panels) else values
            layout = picture.layout()
            bottom = 14 if layout.title is None else layout.title.bottom
            left, right = ends_of(picture.rgb(frame, long), slice(0, bottom))
            assert min(left, right) >= pad / 2 - 1
            assert left + right >= 2 * pad - 2


def test_a_title_without_room_but_at_the_edges_is_there() -> None:
    heatmap = Heatmap((2, 2), **LOOK).with_titles()
    place = heatmap.layout().title
    assert place is not None
    long = "A" * 26
    assert ends_of(heatmap.rgb(np.zeros((2, 2)), long), slice(place.top, place.bottom))[0] >= 0


@pytest.mark.parametrize("look", [{}, {"figsize": (4, 3)}])
@pytest.mark.parametrize("titles", [["step 195", "", "a\nb", "x" * 40], "step {}"])
def test_titles_of_frames_stand_below_one_of_all(look: dict[str, Any], titles: Any) -> None:
    values, file = frames(4), io.BytesIO()
    summary = save_gif(file, values, title="Layer 0 weights", titles=titles, **LOOK, **look)
    assert summary.untitled == 0
    each = titles if isinstance(titles, list) else [titles.format(k) for k in range(4)]
    longest = max(each, key=len) if isinstance(titles, list) else " "
    lines = max(1, *(title.count("\n") + 1 for title in each)) if isinstance(titles, list) else 1
    room = "\n".join(["Layer 0 weights", *[longest] * lines])
    heatmap = Heatmap((4, 7), title=room, **LOOK, **look)
    wanted = [f"Layer 0 weights\n{title}".strip() for title in each]
    pictures = [heatmap.with_titles().rgb(*each) for each in zip(values, wanted, strict=True)]
    assert_lossless(file.getvalue(), pictures)
    # the first titles are in the place of a title of two lines, at full size
    place = heatmap.with_titles().layout().title
    assert place is not None
    assert place.size == pytest.approx(1.2 * 10 * 80 / 72)


def test_an_empty_title_and_that_of_a_heatmap_leave_titles_as_they_are() -> None:
    values, files = frames(2), [io.BytesIO() for _ in range(4)]
    save_gif(files[0], values, title="", titles="step {}", **LOOK)
    save_gif(files[1], values, titles="step {}", **LOOK)
    heatmap = Heatmap((4, 7), title="above", **LOOK)
    save_gif(files[2], values, titles="step {}", heatmap=heatmap)
    assert files[0].getvalue() == files[1].getvalue()
    pictures = [heatmap.with_titles().rgb(values[k], f"step {k}") for k in range(2)]
    assert_lossless(files[2].getvalue(), pictures)


def test_the_command_line_has_titles_below_the_one_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("w.npy", frames(3))
    look = ["-q", "--title", "Layer 0", "--titles", "a,bb,step 195"]
    assert main(["render", "w.npy", "-o", "w.gif", *look]) == 0
    save_gif("x.gif", frames(3), title="Layer 0", titles=["a", "bb", "step 195"])
    assert Path("w.gif").read_bytes() == Path("x.gif").read_bytes()
    assert main(["render", "w.npy", "-o", "w.png", "--frame", "2", *look]) == 0
    last = by_pillow(Path("w.gif").read_bytes())[-1][0]
    with Image.open("w.png") as still:
        np.testing.assert_array_equal(np.asarray(still.convert("RGB")), last)
    assert main(["render", "w.npy", "-o", "y.gif", "--title", "all", "--titles", "a,b"]) != 0


def test_a_list_of_titles_makes_room_for_the_longest() -> None:
    titles = ["A" * 60, "B"]
    summary = save_gif(io.BytesIO(), np.zeros((2, 2, 2)), titles=titles, **LOOK)
    assert summary.size == Heatmap((2, 2), title=titles[0], **LOOK).size
    assert summary.untitled == 0


@pytest.mark.parametrize(
    ("titles", "title"),
    [
        (["one\ntwo", "a long one", "x"], "a long one\na long one"),
        ("step {}\nof many\nframes", "\n\n"),
    ],
)
def test_there_is_room_for_the_lines_of_titles(titles: Any, title: str) -> None:
    file, values = io.BytesIO(), np.zeros((3, 2, 2))
    summary = save_gif(file, values, titles=titles, **LOOK)
    assert summary.untitled == 0
    heatmap = Heatmap((2, 2), title=title, **LOOK).with_titles()
    assert summary.size == heatmap.size
    place = heatmap.layout().title
    assert place is not None
    first = titles[0] if isinstance(titles, list) else titles.format(0)
    label = Label(first, 1.2 * 10 * 80 / 72, (0.5, 1.0), 0.0, heatmap.layout().typeface)
    assert place.bottom - place.top >= label.box().height  # at full size


def test_what_the_font_lacks_in_a_title_is_named() -> None:
    with pytest.warns(UserWarning, match=r"a glyph for .*000f1234"):
        summary = save_gif(io.BytesIO(), np.zeros((1, 2, 2)), titles=["a \U000f1234"], **LOOK)
    assert summary.lacking == "\U000f1234"


def test_numbered_titles() -> None:
    files = io.BytesIO(), io.BytesIO()
    save_gif(files[0], frames(5), titles="step {}", **LOOK)
    save_gif(files[1], frames(5), titles=(f"step {k}" for k in itertools.count()), **LOOK)
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize(
    ("titles", "error", "message"),
    [
        (["a"] * 4, ValueError, "a title for each of 5 frames, not 4"),
        (iter(["a"] * 4), ValueError, "a title for each frame, not 4 for more frames"),
        (
            ["a", "b", (3,), "d", "e"],
            TypeError,
            "expected title 2 to be a text, number or date, not .3,.",
        ),
        ("step", ValueError, "expected titles to be a text for each frame, or one with {}"),
        ("step {", ValueError, "or one with {} for its number, not 'step {'"),
        (5, TypeError, "expected titles to be a text for each frame, not 5"),
    ],
)
def test_wrong_titles_are_refused(titles: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message.replace("{}", r"\{\}").replace("{'", r"\{'")):
        save_gif(io.BytesIO(), frames(5), titles=titles, **LOOK)
    with pytest.raises(TypeError, match="title to be a text, number or date"):
        Heatmap((4, 7), **LOOK).rgb(frames(1)[0], title=[3])


def test_other_names_of_the_step_in_a_title_are_refused() -> None:
    for name in ("epoch", "iteration", "frame"):
        said = f"expected {{step}} for the step of each frame, not {{{name}}}, in the title"
        with pytest.raises(ValueError, match=re.escape(said)):
            save_gif(io.BytesIO(), frames(2), title=f"at {{{name}}}", **LOOK)
    save_gif(io.BytesIO(), frames(2), title="w_{ij}", **LOOK)  # as it is


@pytest.mark.parametrize("vmax", [1.0, 2.0, 7.0])
def test_titles_of_frames_stand_above_all_numbers_of_a_bar_on_top(vmax: float) -> None:
    options: dict[str, Any] = {"cbar": True, "cbar_location": "top", "vmin": -1, "vmax": vmax}
    picture = Heatmap((3, 4), valfmt=None, **options).with_titles()
    layout = picture.layout()
    assert layout.title is not None
    assert layout.panels[0].frame.bar is not None
    middle = layout.background[layout.title.bottom : int(layout.panels[0].frame.bar.y0)]
    paper = layout.label_ramp[0]
    assert (middle != paper).any()
    assert (layout.background[: layout.title.bottom] == paper).all()


def test_what_is_measured_of_a_long_word_grows_with_its_letters_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = 0

    def measure(letters: str, font: Any) -> int:
        nonlocal measured
        measured += len(letters)
        return atlas.measure(letters, font)

    monkeypatch.setattr(labels, "measure", measure)
    with pytest.raises(ValueError, match="labels have room"):
        Heatmap((4, 5), figsize=(3, 2), vmin=0, vmax=1, title="x" * 20_000).rgb(np.ones((4, 5)))
    assert measured < 50 * 20_000
