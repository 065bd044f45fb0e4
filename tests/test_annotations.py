"""Annotations: other numbers or texts than the values, the same in all frames or one set each."""

from __future__ import annotations

import io
import math
import pickle
import weakref
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import assert_lossless, by_pillow
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fastheat import GifWriter, Heatmap, Panels, load_frames, save_gif
from fastheat.inputs.frames import spans
from fastheat.inputs.frames.annotations import open_annots, sample_of
from fastheat.render.encode import encode_chunk

SHAPE = (3, 4)
LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "dpi": 60, "valfmt": "{x}"}

rng = np.random.default_rng(0)
FRAMES: NDArray[np.float64] = np.clip(rng.normal(0, 0.3, (9, *SHAPE)).cumsum(0), -1, 1)
FRAMES[4] = FRAMES[3]
NUMBERS = rng.integers(0, 30, (9, *SHAPE))
NUMBERS[4:6] = NUMBERS[3]
WORDS = np.array(["", "a", "bcd", "two\nlines", "x" * 40, "fj"])[NUMBERS % 6]


def written(frames: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    save_gif(file, frames, **options)
    return file.getvalue()


@pytest.mark.parametrize("valfmt", ["{x:.1f}", "{x:+d}!", lambda x: f"<{x}>", "{x}\n{x:.0%}"])
@pytest.mark.parametrize("annots", [NUMBERS, NUMBERS.astype(np.float32), NUMBERS.tolist()])
def test_each_frame_has_its_numbers(annots: Any, valfmt: Any) -> None:
    if valfmt == "{x:+d}!" and not isinstance(annots, list) and annots.dtype.kind == "f":
        valfmt = "{x:+e}!"
    look = LOOK | {"valfmt": valfmt}
    heatmap = Heatmap(SHAPE, annot=open_annots(annots, SHAPE).sample(), **look)  # type: ignore[union-attr]
    wanted = [heatmap.rgb(v, annot=a) for v, a in zip(FRAMES, annots, strict=True)]
    assert_lossless(written(FRAMES, annot=annots, **look), wanted)


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
@pytest.mark.parametrize("form", ["array", "objects", "list", "lists", "iterator"])
def test_each_frame_has_its_texts(form: str) -> None:
    forms: dict[str, Any] = {
        "array": WORDS,
        "objects": np.where(WORDS == "", np.array(None), WORDS),
        "list": list(WORDS),
        "lists": WORDS.tolist(),
        "iterator": iter(WORDS),
    }
    sample = open_annots(iter(WORDS) if form == "iterator" else WORDS, SHAPE).sample()  # type: ignore[union-attr]
    heatmap = Heatmap(SHAPE, annot=sample, **LOOK)
    wanted = [heatmap.rgb(v, annot=a) for v, a in zip(FRAMES, WORDS, strict=True)]
    assert_lossless(written(FRAMES, annot=forms[form], **LOOK), wanted)


@pytest.mark.parametrize("annot", [NUMBERS[0], WORDS[0], WORDS[0].tolist()])
def test_the_same_annotations_stay_in_all_frames(annot: Any) -> None:
    heatmap = Heatmap(SHAPE, annot=annot, **LOOK)
    data = written(FRAMES, annot=annot, **LOOK)
    assert_lossless(data, [heatmap.rgb(frame) for frame in FRAMES])
    assert written(FRAMES, heatmap=heatmap) == data
    (panel,) = heatmap.layout().panels
    assert panel.fixed is not None
    assert pickle.loads(pickle.dumps(panel)).fixed.texts == panel.fixed.texts


@pytest.mark.parametrize("annots", [NUMBERS, WORDS])
def test_the_bytes_do_not_depend_on_chunks_threads_or_the_writer(
    annots: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heatmap = Heatmap(SHAPE, annot=annots[0], **LOOK)
    titles = [f"step {k}" for k in range(9)]
    options: dict[str, Any] = {"annot": annots, "titles": titles, "heatmap": heatmap}
    whole = written(FRAMES, **options)
    for chunk in (1, 2, 4):
        monkeypatch.setattr(spans, "CHUNK_FRAMES", chunk)
        assert written(FRAMES, workers=3, **options) == whole
    for background in (True, False):
        file = io.BytesIO()
        with GifWriter(file, background=background, heatmap=heatmap) as gif:
            for values, annot, title in zip(FRAMES, annots, titles, strict=True):
                gif.add(values, title=title, annot=annot)
        assert file.getvalue() == whole


@pytest.mark.parametrize("annots", [NUMBERS.astype(float), WORDS.astype(object)])
def test_kernels_draw_annotations_the_same_uncompiled(
    annots: Any, request: pytest.FixtureRequest
) -> None:
    heatmap = Heatmap(SHAPE, annot=annots[0], **LOOK).with_annots(np.dtype(annots.dtype.type))
    if annots.dtype == object:
        heatmap = heatmap.with_annots(np.dtype(str))
    compiled = encode_chunk(heatmap.layout(), None, FRAMES, (), annots)
    request.getfixturevalue("uncompiled")
    assert encode_chunk(heatmap.layout(), None, FRAMES, (), annots) == compiled


def test_annotations_that_are_the_values_look_as_those() -> None:
    look: dict[str, Any] = {
        "figsize": (8, 4),
        "text_size": 6,
        "valfmt": "{x:+.2f}",
        "vmin": -1,
        "vmax": 1,
    }
    plain = Heatmap(SHAPE, **look)
    wanted = plain.rgb(FRAMES[0])
    for other in (
        Heatmap(SHAPE, annot=FRAMES[0], **look),
        Heatmap(SHAPE, annot=[[f"{x:+.2f}" for x in row] for row in FRAMES[0]], **look),
    ):
        np.testing.assert_array_equal(other.rgb(FRAMES[0]), wanted)
    np.testing.assert_array_equal(plain.rgb(FRAMES[0], annot=FRAMES[0]), wanted)


@pytest.mark.parametrize("annot", [False, None])
def test_no_annotations_are_no_text(annot: Any) -> None:
    look: dict[str, Any] = {"figsize": (4, 3), "vmin": -1, "vmax": 1}
    wanted = Heatmap(SHAPE, valfmt=None, **look).rgb(FRAMES[0])
    np.testing.assert_array_equal(Heatmap(SHAPE, annot=annot, **look).rgb(FRAMES[0]), wanted)
    assert written(FRAMES, annot=annot, **look) == written(FRAMES, valfmt=None, **look)


def test_masked_cells_missing_ones_and_none_of_annotations_are_empty() -> None:
    texts = [["a", None], [math.nan, "b"]]
    wanted = Heatmap((2, 2), annot=[["a", ""], ["", "b"]], **LOOK).rgb(np.eye(2))
    found = Heatmap((2, 2), annot=np.array(texts, object), **LOOK).rgb(np.eye(2))
    np.testing.assert_array_equal(found, wanted)
    masked = np.ma.array([[1, 2], [3, 4]], mask=[[False, True], [True, False]])
    wanted = Heatmap((2, 2), annot=[["1", ""], ["", "4"]], **LOOK).rgb(np.eye(2))
    np.testing.assert_array_equal(Heatmap((2, 2), annot=masked, **LOOK).rgb(np.eye(2)), wanted)


def test_masked_annotations_of_a_frame_are_empty_too() -> None:
    numbers = np.ma.MaskedArray(NUMBERS, NUMBERS % 5 == 0)
    heatmap = Heatmap(SHAPE, annot=NUMBERS[0], **LOOK)
    texts = np.where(numbers.mask, "", NUMBERS.astype(str))
    wanted = [heatmap.rgb(v, annot=t) for v, t in zip(FRAMES, texts, strict=True)]
    objects = np.where(numbers.mask, np.array(None), NUMBERS.astype(object))
    for values, picture, one, other in zip(FRAMES, wanted, numbers, objects, strict=True):
        np.testing.assert_array_equal(heatmap.rgb(values, annot=one), picture)
        np.testing.assert_array_equal(heatmap.rgb(values, annot=other), picture)
    for annots in (numbers, list(numbers), iter(numbers)):
        assert_lossless(written(FRAMES, annot=annots, heatmap=heatmap), wanted)


@pytest.mark.parametrize("ha", ["left", "center", "right"])
@pytest.mark.parametrize("va", ["top", "center", "bottom"])
def test_lines_of_a_text_are_drawn_as_imagedraw_draws_them(va: str, ha: str) -> None:
    lines = ["one", "second", "3"]
    heatmap = Heatmap(
        (1, 1),
        annot=[["\n".join(lines)]],
        figsize=(4, 4),
        ha=ha,
        va=va,
        cmap=["white", "white"],
        vmin=0,
        vmax=1,
    )
    picture = np.asarray(heatmap.image(np.zeros((1, 1))).convert("L")).astype(int)
    layout = heatmap.layout()
    size, grid = layout.panels[0].sizes[0], layout.panels[0].grid
    cell = picture[grid.y0[0] : grid.y1[0], grid.x0[0] : grid.x1[0]]
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    font = font.font_variant(layout_engine=ImageFont.Layout.BASIC)
    pens, baselines, rest = [], [], cell.copy()
    for line in lines:
        canvas = Image.new("L", (200, 60))
        ImageDraw.Draw(canvas).text((50, 40), line, 255, font, anchor="ls")
        left, top, right, bottom = canvas.getbbox() or (0, 0, 0, 0)
        cover = np.rint(np.asarray(canvas)[top:bottom, left:right] / 255 * 4)
        wanted = np.floor(255 - 255 * cover / 4 + 0.5).astype(int)
        windows = np.lib.stride_tricks.sliding_window_view(cell, wanted.shape)
        ((y, x),) = np.argwhere((windows == wanted).all((2, 3)))
        rest[y : y + bottom - top, x : x + right - left] = 255
        pens.append(
            x - left + 50 + font.getlength(line) * {"left": 0, "center": 0.5, "right": 1}[ha]
        )
        baselines.append(y - top + 40)
    assert (rest == 255).all()
    assert np.ptp(pens) <= 1
    assert np.abs(np.diff(baselines) - 1.2 * size).max() <= 1
    middle = {"left": 0, "center": cell.shape[1] / 2, "right": cell.shape[1]}[ha]
    assert abs(pens[0] - middle) <= (2 if ha == "center" else 6)
    first = baselines[0] - 0.75 * size
    last = cell.shape[0] - baselines[-1]
    if va == "center":
        assert abs(first - last) < 0.5 * size
    else:
        assert (first if va == "top" else last) < 0.4 * size


def test_frames_whose_fills_and_annotations_stay_cost_nothing() -> None:
    values = np.full((5, 2, 2), 0.5) + 1e-9 * np.arange(5)[:, None, None]
    file = io.BytesIO()
    for annot in ([["a", "b"], ["c", "d"]], np.broadcast_to([[1, 2], [3, 4]], (5, 2, 2))):
        assert save_gif(file, values, annot=annot, vmin=0, vmax=1, valfmt="{x}").merged == 4


def test_annotations_of_an_iterator_are_taken_a_chunk_at_a_time() -> None:
    living: list[weakref.ref[Any]] = []
    most = 0

    def annots() -> Iterator[NDArray[Any]]:
        nonlocal most
        for k in range(200):
            each = np.full(SHAPE, k)
            living.append(weakref.ref(each))
            most = max(most, sum(ref() is not None for ref in living))
            yield each

    frames = np.zeros((200, *SHAPE))
    save_gif(io.BytesIO(), frames, annot=annots(), **LOOK)
    assert len(living) == 200
    assert most < 10


def test_a_loop_may_yield_the_same_array_of_annotations_again() -> None:
    def annots(each: NDArray[Any]) -> Iterator[NDArray[Any]]:
        again = each[0].copy()
        for one in each:
            again[...] = one
            yield again

    for each in (NUMBERS, WORDS):
        options = {"heatmap": Heatmap(SHAPE, annot=each[0], **LOOK)}
        assert written(FRAMES, annot=annots(each), **options) == written(
            FRAMES, annot=each, **options
        )


def test_the_first_annotations_of_a_writer_make_the_room_also_after_a_restart(
    tmp_path: Path,
) -> None:
    for annots in (NUMBERS, WORDS):
        parts = tmp_path / "parts.gif"
        for part in (slice(0, 4), slice(4, 9)):
            with GifWriter(parts, mode="a", **LOOK) as gif:
                for values, annot in zip(FRAMES[part], annots[part], strict=True):
                    gif.add(values, annot=annot)
        sample = sample_of(open_annots(annots[0], SHAPE))  # type: ignore[arg-type]
        heatmap = Heatmap(SHAPE, annot=sample, **LOOK)
        wanted = [heatmap.rgb(v, annot=a) for v, a in zip(FRAMES, annots, strict=True)]
        assert_lossless(parts.read_bytes(), wanted)
        parts.unlink()


def test_a_writer_whose_range_grows_keeps_annotations(tmp_path: Path) -> None:
    look = LOOK | {"vmin": -0.1, "vmax": 0.1, "cbar": True}
    with GifWriter(tmp_path / "a.gif", autoscale="grow", **look) as gif:
        for values, annot in zip(FRAMES, WORDS, strict=True):
            gif.add(values, annot=annot)
        gif.flush()
        assert gif.heatmap is not None
        last = gif.heatmap.rgb(FRAMES[-1], annot=WORDS[-1])
    with Image.open(tmp_path / "a.gif") as image:
        image.seek(image.n_frames - 1)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), last)


def test_a_writer_goes_on_only_with_the_same_annotations(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    with GifWriter(path, annot=WORDS[0], **LOOK) as gif:
        gif.add(FRAMES[0])
    with GifWriter(path, mode="a", annot=WORDS[0], **LOOK) as gif:
        gif.add(FRAMES[1])
    with pytest.raises(ValueError, match="expected the"):
        GifWriter(path, mode="a", annot=WORDS[1], **LOOK)


def test_a_path_is_a_file_of_annotations(tmp_path: Path) -> None:
    for name, one, each in (("n", NUMBERS[0], NUMBERS), ("w", WORDS[0], WORDS)):
        np.save(tmp_path / f"{name}1.npy", one)
        np.savez(tmp_path / f"{name}1.npz", one)
        (tmp_path / f"{name}1.pkl").write_bytes(pickle.dumps(one))
        np.save(tmp_path / f"{name}.npy", each)
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(list(each)))
        for suffix in ("npy", "npz", "pkl"):
            path = tmp_path / f"{name}1.{suffix}"
            assert written(FRAMES, annot=path, **LOOK) == written(FRAMES, annot=one, **LOOK)
        for suffix in ("npy", "pkl"):
            path = tmp_path / f"{name}.{suffix}"
            assert written(FRAMES, annot=path, **LOOK) == written(FRAMES, annot=each, **LOOK)


@pytest.mark.parametrize(
    ("annot", "error", "names"),
    [
        (5, TypeError, ["annot", "5"]),
        ({"a": 1}, TypeError, ["annot", "keys 'a'", "give list(annot.values())"]),
        (b"abc", TypeError, ["annot", "b'abc'"]),
        (NUMBERS[0, :2], ValueError, ["annot", "(2, 4)", "(3, 4)"]),
        (NUMBERS[0, 0], ValueError, ["annot", "(4,)", "(3, 4)"]),
        (NUMBERS[None], ValueError, ["annot", "(1, 9, 3, 4)"]),
        (NUMBERS[:8], ValueError, ["annot", "9 frames", "8"]),
        (WORDS[:8], ValueError, ["annot", "9 frames", "8"]),
        (iter(WORDS[:8]), ValueError, ["annot", "8"]),
        (iter(NUMBERS[:8]), ValueError, ["annot", "8"]),
        ([], ValueError, ["annot"]),
        ([NUMBERS[0]] * 8 + [NUMBERS[0].T], ValueError, ["annot", "frame 8", "(4, 3)"]),
        ([WORDS[0]] * 8 + [NUMBERS[0]], TypeError, ["annot", "frame 8", "int64", "strings"]),
        (NUMBERS[0].astype(complex), TypeError, ["annot", "complex128"]),
        (NUMBERS[0].astype("S2"), TypeError, ["annot", "S2"]),
        (np.full(SHAPE, object()), TypeError, ["annot", "object object", "(0, 0)"]),
        ([["a", "b"], ["c"]], TypeError, ["annot"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_annotation_is_refused(annot: Any, error: Any, names: list[str]) -> None:
    with pytest.raises(error) as caught:
        written(FRAMES, annot=annot, **LOOK)
    message = str(caught.value)
    assert all(name in message for name in names), message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.pkl"])
def test_a_file_of_annotations_holds_numbers_or_text(tmp_path: Path, name: str) -> None:
    address = id(SHAPE).to_bytes(8, "little")
    for descr in ("'|O'", "[('a', '|O')]", "('|O', (1,))", "'|V8'", "'<M8[s]'"):
        for shape in ((9, *SHAPE), SHAPE):
            text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
            data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + address * 108
            path = tmp_path / name
            if name == "a.npz":
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("a.npy", data)
            else:
                path.write_bytes(data)
            with pytest.raises((TypeError, ValueError)):
                written(FRAMES, annot=path, **LOOK)
            with pytest.raises((TypeError, ValueError)):
                Heatmap(SHAPE, annot=path, **LOOK)


def test_texts_of_which_one_is_long_do_not_all_take_its_room(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    texts = np.array(WORDS[0].tolist(), object)
    for length in (90_000, 2_000_000):
        texts[0, 0] = "a" * length
        wide = texts if length > 100_000 else np.tile(texts, (20, 20))
        path.write_bytes(pickle.dumps(wide.tolist()))
        frames = np.zeros((2, *wide.shape))
        for annot in (path, wide.tolist()):
            with pytest.raises((TypeError, ValueError), match=f"{length}( letters|$)"):
                written(frames, annot=annot, **LOOK)


def test_annotations_that_share_their_items_are_not_multiplied(tmp_path: Path) -> None:
    deep: Any = ["a", "b"]
    for _ in range(60):
        deep = deque([deep, deep])
    for annot in (deep, [deep, deep], [[deep, deep]]):
        with pytest.raises((TypeError, ValueError), match="annot"):
            written(FRAMES, annot=annot, **LOOK)


def test_annotations_where_they_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="the same in all frames"):
        Heatmap(SHAPE, annot=NUMBERS)
    with pytest.raises(ValueError, match="valfmt for the numbers"):
        Heatmap(SHAPE, annot=NUMBERS[0], valfmt=None)
    plain = Heatmap(SHAPE, annot=False, vmin=0, vmax=1)
    with pytest.raises(ValueError, match="make room for texts"):
        plain.rgb(FRAMES[0], annot=NUMBERS[0])
    with pytest.raises(TypeError, match="annot=False as an option"):
        written(FRAMES, heatmap=plain, annot=False)
    with pytest.raises(ValueError, match=r"annot of shape \(3, 4\), not \(2, 4\)"):
        Heatmap(SHAPE, vmin=0, vmax=1).rgb(FRAMES[0], annot=NUMBERS[0, :2])
    with GifWriter(io.BytesIO(), **LOOK) as gif:
        gif.add(FRAMES[0], annot=NUMBERS[0])
        with pytest.raises(TypeError, match="annot= with each frame"):
            gif.add(FRAMES[1])
        with pytest.raises(TypeError, match="annot of int64 as with the frames before, not strin"):
            gif.add(FRAMES[1], annot=WORDS[1])
        with pytest.raises(ValueError, match=r"annot of shape \(3, 4\), not \(2, 4\)"):
            gif.add(FRAMES[1], annot=NUMBERS[1, :2])
    with GifWriter(io.BytesIO(), **LOOK | {"valfmt": ".2f"}) as gif:
        gif.add(FRAMES[0])
        with pytest.raises(ValueError, match="annot= from the first frame on"):
            gif.add(FRAMES[1], annot=NUMBERS[1])


# ------------------------------------------------------------------------------------------ panels

SHAPES = {"a": SHAPE, "b": (2, 5), "c": (1, 2)}
STACKS: dict[str, Any] = {
    name: np.clip(rng.normal(0, 0.3, (9, *shape)).cumsum(0), -1, 1)
    for name, shape in SHAPES.items()
}
OTHERS = {"a": NUMBERS, "b": np.resize(WORDS, (9, 2, 5))}
KINDS: list[dict[str, Any]] = [
    OTHERS,
    {"a": WORDS, "b": rng.normal(size=(9, 2, 5))},
    {"a": NUMBERS.astype(np.float32), "c": rng.random((9, 1, 2))},
    {"b": OTHERS["b"].tolist()},
]


def at(stacks: dict[str, Any], number: int) -> dict[str, Any]:
    return {name: stack[number] for name, stack in stacks.items()}


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
@pytest.mark.parametrize("annots", KINDS, ids=range(4))
@pytest.mark.parametrize("more", [{}, {"figsize": (9, 4), "mask": None}], ids=["plain", "mask"])
def test_each_frame_of_panels_has_its_annotations(annots: Any, more: dict[str, Any]) -> None:
    look = {**LOOK, **more}
    if "mask" in look:
        look["options"] = {"a": {"mask": rng.random(SHAPE) < 0.3}}
    opened = open_annots(annots, SHAPES)  # type: ignore[arg-type]
    sampled = opened.sample()  # type: ignore[union-attr]
    assert list(sampled) == list(annots)
    heatmap = Panels(SHAPES, annot=sampled, **look)
    wanted = [heatmap.rgb(at(STACKS, k), annot=at(annots, k)) for k in range(9)]
    assert_lossless(written(STACKS, annot=annots, **look), wanted)


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
def test_a_panel_with_annotations_looks_as_a_heatmap_with_them() -> None:
    look: dict[str, Any] = {**LOOK, "cmap": "RdBu_r"}
    for name, annots in OTHERS.items():
        part = open_annots(annots, SHAPES[name]).sample()  # type: ignore[union-attr]
        alone = Heatmap(SHAPES[name], annot=part, title=name, **look)
        panels = Panels({name: SHAPES[name]}, annot={name: part}, **look)
        for k in (0, 5):
            np.testing.assert_array_equal(
                panels.rgb(at({name: STACKS[name]}, k), annot={name: annots[k]}),
                alone.rgb(STACKS[name][k], annot=annots[k]),
            )


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
def test_bytes_of_panels_with_annotations_do_not_depend_on_chunks_threads_or_the_writer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heatmap = Panels(SHAPES, annot=at(OTHERS, 0), **LOOK)
    titles = [f"step {k}" for k in range(9)]
    options: dict[str, Any] = {"annot": OTHERS, "titles": titles, "heatmap": heatmap}
    whole = written(STACKS, **options)
    for chunk in (1, 2, 4):
        monkeypatch.setattr(spans, "CHUNK_FRAMES", chunk)
        assert written(STACKS, workers=3, **options) == whole
    once = {"a": iter(NUMBERS), "b": OTHERS["b"]}
    assert written(STACKS, **{**options, "annot": once}) == whole
    for background in (True, False):
        file = io.BytesIO()
        with GifWriter(file, background=background, heatmap=heatmap) as gif:
            for k in range(9):
                gif.add(at(STACKS, k), title=titles[k], annot=at(OTHERS, k))
        assert file.getvalue() == whole


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
def test_panels_with_annotations_of_some_frames_and_of_all_together() -> None:
    every = {"a": NUMBERS, "b": OTHERS["b"][0], "c": False}
    heatmap = Panels(
        SHAPES,
        annot={"a": open_annots(NUMBERS, SHAPE).sample(), "b": OTHERS["b"][0], "c": False},  # type: ignore[union-attr]
        **LOOK,
    )
    wanted = [heatmap.rgb(at(STACKS, k), annot={"a": NUMBERS[k]}) for k in range(9)]
    assert_lossless(written(STACKS, annot=every, **LOOK), wanted)
    plain = Panels(SHAPES, **LOOK)
    one = {"b": OTHERS["b"][0]}
    wanted = [plain.rgb(at(STACKS, k), annot=one) for k in range(9)]
    assert_lossless(written(STACKS, heatmap=plain, annot={**one, "a": True}), wanted)


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
def test_the_first_annotations_of_panels_make_the_room_also_after_a_restart(
    tmp_path: Path,
) -> None:
    whole, path = tmp_path / "whole.gif", tmp_path / "parts.gif"
    for file, parts in ((whole, [range(9)]), (path, [range(4), range(4, 9)])):
        for part in parts:
            with GifWriter(file, mode="a", autoscale="grow", **{**LOOK, "vmax": None}) as gif:
                for k in part:
                    gif.add(at(STACKS, k), annot=at(OTHERS, k))
    each = by_pillow(whole.read_bytes())
    assert_lossless(path.read_bytes(), [shown for shown, ms in each for _ in range(int(ms // 100))])
    with GifWriter(path, mode="a", autoscale="grow", **{**LOOK, "vmax": None}) as gif:
        with pytest.raises(TypeError, match="expected annot= with each frame"):
            gif.add(at(STACKS, 0))
        other_kinds = "expected annot of int64 for 'a' and strings for 'b' .* not int64 for 'a'$"
        with pytest.raises(TypeError, match=other_kinds):
            gif.add(at(STACKS, 0), annot={"a": NUMBERS[0]})


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
def test_a_file_has_the_annotations_of_panels(tmp_path: Path) -> None:
    annots: dict[str, Any] = {"a": NUMBERS, "c": rng.random((9, 1, 2))}
    np.savez(tmp_path / "annots.npz", **annots)
    (tmp_path / "annots.pkl").write_bytes(pickle.dumps(annots))
    for name in ("annots.npz", "annots.pkl"):
        path = tmp_path / name
        assert written(STACKS, annot=path, **LOOK) == written(STACKS, annot=annots, **LOOK)
    alone: dict[str, Any] = {"b": rng.random((9, 2, 5))}
    np.savez(tmp_path / "alone.npz", **alone)
    np.save(tmp_path / "none.npy", alone["b"])
    path = tmp_path / "alone.npz"
    assert written(STACKS, annot=path, **LOOK) == written(STACKS, annot=alone, **LOOK)
    with pytest.raises(ValueError, match="expected a file with annot by the names of the panels"):
        written(STACKS, annot=tmp_path / "none.npy", **LOOK)


@pytest.mark.parametrize(
    ("annot", "message"),
    [
        (NUMBERS, r"expected annot to be a dictionary by the names of the panels, such as {'a'"),
        ({"x": NUMBERS}, "expected annot of panels a, b, c, not of 'x'"),
        ({"a": NUMBERS[:, :2]}, "panel 'a': .*annot"),
        (
            {"a": NUMBERS, "b": OTHERS["b"][:8]},
            "equally many frames for each panel, not 9 of 'a', 8",
        ),
        ({"a": NUMBERS[:8]}, "expected annot for each of 9 frames, not for 8"),
        ({"a": iter(NUMBERS[:8])}, "expected annot for each frame, not 8 for more frames"),
    ],
    ids=range(6),
)
def test_what_are_no_annotations_of_panels_is_refused(annot: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        written(STACKS, annot=annot, **LOOK)


@pytest.mark.filterwarnings("ignore:left out the text:UserWarning")
def test_annotations_of_panels_where_they_cannot_be_are_refused() -> None:
    heatmap = Panels(SHAPES, annot={"a": False}, **LOOK)
    with pytest.raises(ValueError, match=r"panel 'a': .* make room for texts"):
        heatmap.rgb(at(STACKS, 0), annot={"a": NUMBERS[0]})
    with pytest.raises(TypeError, match="panel 'b': expected annot=False as an option"):
        written(STACKS, heatmap=heatmap, annot={"b": False})
    with pytest.raises(ValueError, match=r"expected annot of at least one panel, not {'a': None}"):
        heatmap.rgb(at(STACKS, 0), annot={"a": None})
    made = Panels(SHAPES, annot=open_annots(OTHERS, SHAPES).sample(), **LOOK)  # type: ignore[arg-type, union-attr]
    with pytest.raises(ValueError, match="panel 'b': expected annot= with each frame"):
        made.rgb(at(STACKS, 0), annot={"a": NUMBERS[0]})
    with GifWriter(io.BytesIO(), **LOOK) as gif:
        gif.add(at(STACKS, 0))
        with pytest.raises(ValueError, match="expected annot= from the first frame on"):
            gif.add(at(STACKS, 1), annot=at(OTHERS, 1))


@pytest.mark.parametrize("code", [0x110000, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("order", ["<", ">"])
def test_texts_of_a_file_whose_bytes_are_no_characters_are_refused(
    tmp_path: Path, code: int, order: str
) -> None:
    texts = np.full((2, 3), "ab", f"{order}U2")
    texts.view(f"{order}u4")[1, 2] = code
    np.save(tmp_path / "texts.npy", texts)
    (tmp_path / "texts.pkl").write_bytes(pickle.dumps([texts, texts]))
    for name in ("texts.npy", "texts.pkl"):
        with pytest.raises(ValueError, match="bytes that are not characters"):
            save_gif(tmp_path / "a.gif", np.zeros((2, 2, 3)), annot=tmp_path / name)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_texts_are_loaded_only_if_all_are_of_characters(
    tmp_path: Path, order: str, layout: Any
) -> None:
    """A string made of other bytes is an error of numpy's, and only when it is looked at."""
    texts = np.full((2, 2, 3), "ab\ud800", f"{order}U4", order=layout)
    names = ("texts.npy", "stack.npz", "frames.npz", "texts.pkl")

    def write() -> None:
        np.save(tmp_path / "texts.npy", texts)
        np.savez(tmp_path / "stack.npz", texts)
        np.savez(tmp_path / "frames.npz", *texts)
        (tmp_path / "texts.pkl").write_bytes(pickle.dumps(texts))

    write()
    for name in names:
        np.testing.assert_array_equal(list(load_frames(tmp_path / name)), texts)
    codes = texts.T if layout == "F" else texts
    codes.view(f"{order}u4")[1, 1, 5] = 0x110000
    write()
    for name in names:
        with pytest.raises(ValueError, match=rf"{name}: .* bytes that are not characters"):
            list(load_frames(tmp_path / name))


def test_annotations_of_very_many_letters_are_refused(tmp_path: Path) -> None:
    letters = np.array(list(map(chr, range(0x4E00, 0x4E00 + 4002)))).reshape(2, 3, 667)
    with pytest.raises(ValueError, match="up to 4000 different letters, not 4002 or more"):
        save_gif(tmp_path / "a.gif", np.zeros(letters.shape), annot=letters)
