"""Notes in files, whoever wrote them: each entry is read with a type and bounds, or refused."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from gif_info import read_info
from hypothesis import given
from hypothesis import strategies as st

from fastheat import GifWriter
from fastheat.gif import blocks
from fastheat.gif.clock import Clock
from fastheat.gif.file import GifFile

LOOK: dict[str, Any] = {"vmin": -1, "vmax": 1, "dpi": 40}
FRAMES = np.random.default_rng(5).uniform(-1, 1, (12, 2, 3))
TABLE = np.zeros((256, 3), np.uint8)


def blocks_of(data: bytes) -> Iterator[bytes]:
    """Yield the header, each comment block, and the bytes between them."""
    cuts = [0]
    for block in blocks.read_blocks(io.BytesIO(data)):
        if isinstance(block, blocks.Comment):
            cuts += block.offset, block.offset + len(blocks.comment_of(block.text))
    for start, stop in itertools.pairwise([*cuts, len(data)]):
        yield data[start:stop]


def with_notes(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return a file with each of its notes changed."""
    changed = b""
    for piece in blocks_of(data):
        if piece.startswith(b"!\xfe"):
            (comment,) = read_info(io.BytesIO(WRAP[0] + piece + WRAP[1])).comments
            facts = json.loads(comment)["fastheat"]
            said = change(facts)
            text = said if isinstance(said, str) else json.dumps({"fastheat": said or facts})
            piece = blocks.comment(text.replace('{"fastheat": ', '{"fastheat":'))
        changed += piece
    return changed


WRAP = blocks.header((1, 1), TABLE, 2, None), b";"


def written(frames: Any = FRAMES, **options: Any) -> bytes:
    stream = io.BytesIO()
    with GifWriter(stream, background=False, **LOOK | options) as writer:
        for step, frame in enumerate(frames):
            writer.add(frame, step=step)
    return stream.getvalue()


def refusal(path: Path, **options: Any) -> str:
    """Return the error of mode="a" for a file, checked to be one short, printable line."""
    with pytest.raises((ValueError, TypeError)) as caught:
        GifWriter(path, mode="a", **LOOK | options).close()
    check_message(caught.value)
    return str(caught.value)


def check_message(error: Exception) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 700


BAD: list[Any] = [
    *(None, True, -1, 0, 1.5, 10**19, -(10**19), "x", "\x1b[31mred", "x" * 100_000, [], {}),
    *([1], [1, 2, 3], [0, 1], [-1, 2], [2.0, 3.0], [10**15, 10**15], [[2, 3]], [True, True]),
    *({"a": 1}, {"": [2, 3]}, {"\x1b": [2, 3]}, {"a": [2, 3], "b": "O"}, {"a" * 2000: [2, 3]}),
    *("O", "object", "V8", "f8,f8", "(1000000,)f8", "datetime64[ns]", "U", "S1000000000", "c16"),
]
KEYS = (
    *("shape", "dtype", "vmin", "vmax", "duration", "titled", "look", "written", "autoscale"),
    *("version", "sample", "xlim", "step", "held", "ticks"),
)


@pytest.mark.parametrize("key", KEYS)
def test_a_note_that_says_anything_is_refused_in_a_line_or_means_nothing(
    tmp_path: Path, key: str
) -> None:
    path, data = tmp_path / "a.gif", written(hold=500)
    for value in BAD:
        path.write_bytes(with_notes(data, lambda facts: facts | {key: value}))  # noqa: B023
        before = path.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                writer = GifWriter(path, mode="a", hold=500, **LOOK)
        except (ValueError, TypeError) as error:
            check_message(error)
            assert path.read_bytes() == before
        else:
            # without "ticks", frames that the hold may show are counted too
            assert writer.frames in ((12, 16) if key == "ticks" else (12,))
            writer.close()


@pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "Infinity", "9" * 4000, "9" * 10_000])
@pytest.mark.parametrize("key", ["vmin", "vmax", "duration", "step", "held", "shape", "xlim"])
def test_numbers_that_json_has_no_end_for_are_refused(tmp_path: Path, key: str, text: str) -> None:
    path, data = tmp_path / "a.gif", written(hold=500)
    marked = "@@"

    def change(facts: dict[str, Any]) -> str:
        said = [marked] if key == "shape" else marked
        return json.dumps({"fastheat": facts | {key: said}}).replace(f'"{marked}"', text)

    path.write_bytes(with_notes(data, change))
    refusal(path, hold=500)


def test_a_file_of_before_notes_had_versions_is_refused_with_what_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"

    def older(facts: dict[str, Any]) -> dict[str, Any]:
        new = ("version", "writer", "look")
        return {k: v for k, v in facts.items() if k not in new} | {"mark": "0123456789ab"}

    path.write_bytes(with_notes(written(), older))
    before = path.read_bytes()
    assert "fastheat 0.1 wrote it" in refusal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("writer", "said"),
    [("9.0.1", "fastheat 9.0.1 wrote it"), ("\x1b[31m" * 99, "\\x1b"), (7, "later")],
)
def test_a_file_of_a_later_version_is_refused_with_what_wrote_it(
    tmp_path: Path, writer: object, said: str
) -> None:
    path = tmp_path / "a.gif"
    change = {"version": 2, "writer": writer}
    path.write_bytes(with_notes(written(), lambda facts: facts | change))
    assert said in refusal(path)
    assert "update fastheat" in refusal(path)


def test_an_aspect_that_this_version_does_not_know_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"

    def later(facts: dict[str, Any]) -> dict[str, Any]:
        return facts | ({"look": facts["look"] | {"shadows": "a1"}} if "look" in facts else {})

    path.write_bytes(with_notes(written(), later))
    assert "unlike: 'shadows'" in refusal(path)


@pytest.mark.parametrize(
    "options",
    [{}, {"title": "{step}", "norm": "symlog", "cbar": True, "mask": np.eye(2, 3, dtype=bool)}],
)
def test_a_file_is_continued_where_classes_have_other_names(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(written(**options))
    classes = {
        each
        for name, module in sys.modules.copy().items()
        if name.startswith("fastheat.")
        for each in vars(module).values()
        if isinstance(each, type) and each.__module__.startswith("fastheat.")
    }
    names = {each: (each.__name__, each.__qualname__) for each in classes}
    try:
        for each in classes:
            each.__name__ = each.__qualname__ = "Another"
        with GifWriter(path, mode="a", **LOOK | options) as writer:
            writer.add(FRAMES[0], step=99)
    finally:
        for each, (name, qualified) in names.items():
            each.__name__, each.__qualname__ = name, qualified
    assert len(by_pillow(path.read_bytes())) == 13


CONTINUED: dict[str, Any] = {
    "vmin": 0,
    "vmax": 1,
    "dpi": 30,
    "valfmt": None,
    "row_labels": None,
    "col_labels": None,
}  # no letters, since versions of FreeType draw them differently


@pytest.mark.parametrize("file", sorted((Path(__file__).parent / "data").glob("*.gif")), ids=str)
def test_files_of_earlier_versions_are_continued(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(file.read_bytes())
    shapes = {"a": (2, 3), "b": (3, 1)}
    values: Any = {name: np.full(shape, 0.25) for name, shape in shapes.items()}
    if "panels" not in file.name:
        values = values["a"]
    with GifWriter(path, mode="a", **CONTINUED) as writer:
        writer.add(values)
    assert len(by_pillow(path.read_bytes())) == 4


@pytest.mark.parametrize("names", [("a",), ("a", "b")])
@pytest.mark.parametrize("lines", [None, "loss", ["loss", "rate"]])
@pytest.mark.parametrize("autoscale", [None, "grow", "frame"])
def test_panels_of_any_number_are_gone_on_with(
    tmp_path: Path, names: tuple[str, ...], lines: Any, autoscale: str | None
) -> None:
    path = tmp_path / "a.gif"
    options = {"lines": lines, "autoscale": autoscale, "dpi": 40, "title": "{step}"}
    scalars = {"loss": 0.5, "rate": 1.0} if lines else {}
    for first in (0, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with GifWriter(path, mode="a", background=False, **options) as writer:
                for step in range(first, first + 2):
                    frame = dict.fromkeys(names, FRAMES[step] * (step + 1))
                    writer.add(frame, step=step, **(scalars if lines != "loss" else {"loss": 1}))
        assert writer.frames == first + 2


@pytest.mark.parametrize("options", [{"autoscale": "frame"}, {"autoscale": "frame", "cbar": True}])
def test_a_later_range_that_makes_the_picture_larger_is_refused(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "a.gif"
    with GifWriter(path, background=False, dpi=50, **options) as writer:
        writer.add(np.eye(2), step=0)
    data = path.read_bytes()
    place = data.index(b"!\xfe$")  # the note with the step
    forged = blocks.comment('{"fastheat":{"vmax":1e300}}')
    path.write_bytes(data[:place] + forged + data[place:])
    with pytest.raises(ValueError, match=r"a range that the picture of .* has room for"):
        GifWriter(path, mode="a", background=False, dpi=50, **options)


def test_brackets_in_brackets_are_no_note(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    deep = '{"fastheat":' + "[" * 200_000 + "]" * 200_000 + "}"
    path.write_bytes(with_notes(written(), lambda _: deep))
    assert "it has no note of its shape" in refusal(path)


def test_a_file_of_others_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(blocks.header((2, 2), TABLE, 4, 0) + blocks.EMPTY_IMAGE + b";")
    assert "expected a GIF that fastheat wrote, to continue it, not " in refusal(path)
    path.write_bytes(blocks.header((2, 2), TABLE, 4, 0) + b";")
    assert "it has no frames" in refusal(path)
    path.write_bytes(b"\x1b]0;owned\x07")
    refusal(path)


@pytest.mark.parametrize(
    "image",
    [
        blocks.SAME_IMAGE,
        b"!\xf9\x04\x04\x0a\x00\x00\x04abcd\x00" + blocks.SAME_IMAGE,
        blocks.graphic_control(10, 0)[:-1] + b"\x01a\x00" + blocks.SAME_IMAGE,
        b"!\xf9\x05abcde\x00" + blocks.SAME_IMAGE,
        b"!\xf9\x00" + blocks.SAME_IMAGE,
        blocks.EMPTY_IMAGE,
    ],
)
def test_a_frame_whose_delay_has_no_place_of_its_own_is_not_gone_on_with(
    tmp_path: Path, image: bytes
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(written()[:-1] + image + b";")
    before = path.read_bytes()
    assert "no graphic control block" in refusal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "held", [-(10**12), 10**12, -(10**8), 10**8, 119, 120, 130, -9, -(1 << 62)]
)
def test_a_hold_that_the_frames_do_not_have_is_refused_at_once(tmp_path: Path, held: int) -> None:
    path = tmp_path / "a.gif"
    data = written()[:-1] + blocks.comment(json.dumps({"fastheat": {"held": held}})) + b";"
    path.write_bytes(data.replace(b'{"fastheat": ', b'{"fastheat":'))
    try:
        with GifWriter(path, mode="a", **LOOK) as writer:
            assert 0 < writer.frames < 1_000_000
    except ValueError as error:
        check_message(error)


def test_frames_that_last_for_years_take_no_loop(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    longest = blocks.graphic_control(blocks.LONGEST_DELAY, 0) + blocks.EMPTY_IMAGE
    path.write_bytes(written()[:-1] + 45_000 * longest + b";")
    script = (
        "import sys, resource; resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"
        "from fastheat import GifWriter\n"
        "writer = GifWriter(sys.argv[1], mode='a', vmin=-1, vmax=1, dpi=40, background=False)\n"
        "writer.add([[0.0, 1.0, 0.5]] * 2, step=10**9)\n"
        "print(writer.close().frames)\n"
    )
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    # the frames of 100 ms that fit in the time, and one more
    assert int(done.stdout) == (12 * 10 + 45_000 * blocks.LONGEST_DELAY) // 10 + 1


def test_forged_panels_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    names = [f"p{k}" for k in range(20_000)]
    forged = {
        "shape": {name: [2, 2] for name in names},
        "dtype": dict.fromkeys(names, "float64"),
        "vmin": [0.0] * len(names),
        "vmax": [1.0] * len(names),
    }
    path.write_bytes(with_notes(written(), lambda facts: facts | forged))
    script = (
        "import sys, resource; resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"
        "import time, fastheat.writer\n"
        "started = time.process_time()\n"
        "try: fastheat.GifWriter(sys.argv[1], mode='a', dpi=40)\n"
        "except ValueError as error: print(len(str(error)), time.process_time() - started)\n"
    )
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    length, seconds = done.stdout.split()
    assert int(length) < 700
    assert float(seconds) < 5


@pytest.mark.parametrize("what", ["opened", "described"])
def test_a_long_file_takes_no_more_memory_than_a_short_one(tmp_path: Path, what: str) -> None:
    resource = pytest.importorskip("resource")
    del resource
    script = {
        "opened": "from fastheat.pipeline.session import find; from pathlib import Path\n"
        "run = lambda: find(Path(sys.argv[1]))",
        "described": "from fastheat.cli.main import main\n"
        "run = lambda: main(['info', sys.argv[1]])",
    }[what]
    script = f"""
import sys, tracemalloc
{script}
tracemalloc.start()
run()
print(tracemalloc.get_traced_memory()[1])
"""
    data = written(FRAMES[:1], title="{step}")
    image = blocks.graphic_control(10, None) + blocks.SAME_IMAGE
    peaks = []
    for count in (100, 20_000):
        path = tmp_path / f"{count}.gif"
        noted = (blocks.comment(f'{{"fastheat":{{"step":{k}}}}}') + image for k in range(count))
        path.write_bytes(data[:-1] + b"".join(noted) + b";")
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout.split("\n")[-2]))
    assert peaks[1] < 1.1 * peaks[0] + 100_000


# ---------------------------------------------------------------- states that a kill can leave


def states_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return a list that collects the file's content after each write from now on."""
    states: list[bytes] = []
    write = GifFile._write

    def watched(file: GifFile, data: Any) -> None:
        write(file, data)
        if path.exists():
            states.append(path.read_bytes())

    monkeypatch.setattr(GifFile, "_write", watched)
    return states


@pytest.mark.parametrize("hold", [None, 50, 500, 1_000_000, 655_330])
@pytest.mark.parametrize(
    "each",
    [
        *(100_000, 655_330, 655_350, 655_360, 1_310_720),
        [100, 655_340, 100, 50, 70, 90, 33.4, 1_310_700, 20],
    ],
)
def test_whatever_instant_a_kill_leaves_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hold: float | None, each: Any
) -> None:
    path, again = tmp_path / "a.gif", tmp_path / "again.gif"
    options: dict[str, Any] = {**LOOK, "duration": each, "background": False, "valfmt": None}
    values = [0, 1, 1, 1, 1, 0, 0, 1]
    states = states_of(path, monkeypatch)
    for part in (range(5), range(5, 8)):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "took the first")
            with GifWriter(path, mode="a", hold=hold, **options) as writer:
                for step in part:
                    writer.add([[float(values[step])]], step=step)
    monkeypatch.undo()
    assert len(set(states)) > 6
    for state in dict.fromkeys(states):
        again.write_bytes(state)
        assert len(by_pillow(state)) >= 1
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "took the first")
            writer = GifWriter(again, mode="a", **options)
            assert writer.step is not None
            assert writer.frames == writer.step + 1
            writer.add([[0.5]], step=100)
            writer.close()
        shown = sum(delay for _, delay in by_pillow(again.read_bytes()))
        lasts = each if isinstance(each, list) else [each] * writer.frames
        assert abs(shown - sum(lasts[: writer.frames])) <= 5


@pytest.mark.parametrize("hold", [300, 2_000, 700_000])
def test_a_held_file_goes_on_as_if_it_never_was(tmp_path: Path, hold: float) -> None:
    whole, path = tmp_path / "whole.gif", tmp_path / "a.gif"
    for file, parts in ((whole, [range(12)]), (path, [range(4), range(4, 9), range(9, 12)])):
        for part in parts:
            with GifWriter(file, mode="a", hold=hold, **LOOK) as writer:
                for step in part:
                    writer.add(FRAMES[step // 3], step=step)
    # after a restart, the first frame is written in full, even if nothing changed
    assert shown_in(path) == shown_in(whole)
    held = [c for c in read_info(io.BytesIO(path.read_bytes())).comments if b'"held"' in c]
    assert len(held) == 1


def shown_in(path: Path) -> list[tuple[bytes, float]]:
    """Return each image that is shown, and for how long until another one follows."""
    same = itertools.groupby(by_pillow(path.read_bytes()), key=lambda each: each[0].tobytes())
    return [(pixels, sum(delay for _, delay in each)) for pixels, each in same]


def test_a_held_file_of_before_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(
        with_notes(written(hold=500), lambda f: {k: v for k, v in f.items() if k != "ticks"})
    )
    with GifWriter(path, mode="a", **LOOK) as writer:
        assert writer.frames == 12
        writer.add(FRAMES[0], step=12)
    assert sum(delay for _, delay in by_pillow(path.read_bytes())) == 1300


# ------------------------------------------------------------------------------------- clock


@given(st.floats(0, 1000) | st.sampled_from([1000 / 30, 33.4, 20, 25, 8]), st.integers(0, 300))
def test_a_clock_goes_on_where_another_stopped(each: float, count: int) -> None:
    clock, other = Clock(None, each), Clock(None, each)
    delays = [clock.next() for _ in range(count)]
    ends = list(itertools.accumulate(delays, initial=0))
    for ticks in {*ends[-3:], max(ends[-1] - 1, 0), ends[-1] + 1}:
        before = max(end for end in ends if end <= ticks)
        assert other.resume(ticks) == before
        assert other.frames == ends.index(before)
        if other.frames == count:
            assert other.next() == delay_after(each, count)


def delay_after(each: float, count: int) -> int:
    clock = Clock(None, each)
    for _ in range(count):
        clock.next()
    return clock.next()
