"""Whole histories in one file, and series of files, are read as people keep them."""

from __future__ import annotations

import argparse
import bz2
import collections
import datetime
import gzip
import io
import lzma
import math
import pickle
import struct
import subprocess
import sys
import tracemalloc
import types
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from decoders import by_pillow
from safetensors_bytes import safetensors

from fastheat import Panels, load_frames, save_gif
from fastheat.cli.main import main
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.stream import Frames
from fastheat.inputs.sources import source
from fastheat.inputs.sources.contents import choose
from fastheat.inputs.sources.numbering import are_steps, families, in_order, steps_in

STACK = np.random.default_rng(0).normal(size=(5, 3, 4))
FRAMES = list(STACK)
STEPS = (0, 10, 20, 30, 40)
BY_STEP = dict(zip(STEPS, FRAMES, strict=True))
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
Pair = collections.namedtuple("Pair", "first second")
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".z": zlib.compress,
}


class Settings:
    """A class of the user, which is not there when the file is read."""

    def __init__(self) -> None:
        self.rate = 0.1


def read(opened: Frames) -> npt.NDArray[np.float64]:
    return np.concatenate(list(opened.chunks(2)))


def check(
    frames: object, tensor: str | None = None, expected: Any = STACK, steps: Any = None
) -> None:
    """Check the values and steps of frames, as `save_gif` opens them and as `load_frames` does."""
    for opened in (
        open_frames(frames, tensor=tensor),
        open_frames(load_frames(frames, tensor=tensor)),
    ):
        np.testing.assert_array_equal(read(opened), np.asarray(expected, np.float64))
        if steps is not None:
            assert opened.steps is not None
            assert list(opened.steps) == list(steps)


def complaint(frames: object, tensor: str | None = None, kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as caught:
        read(open_frames(frames, tensor=tensor))
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 700
    return message


def dumped(path: Path, value: object, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def npy(array: Any, *, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=pickled)
    return file.getvalue()


@contextmanager
def little_memory(most: int = 1 << 28) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------------------------------- pickles


def settings_beside(frames: object) -> dict[str, Any]:
    return {
        "w": frames,
        "rate": 0.1,
        "name": "run.npy",
        "args": argparse.Namespace(a=1),
        "path": Path("x"),
        "mine": Settings(),
        "set": {1, 2},
        "nothing": None,
        "scalar": np.float32(3),
        "texts": np.array([b"a"]),
        "zone": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
        "counts": collections.Counter("aab"),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("frames", [STACK, FRAMES], ids=["stack", "list"])
def test_settings_beside_frames_are_left_alone(
    protocol: int, frames: object, tmp_path: Path
) -> None:
    path = dumped(tmp_path / "run.pkl", settings_beside(frames), protocol)
    check(path, "w")
    check(path)
    assert "asks for" in complaint(path, "mine")
    assert "Settings" in complaint(path, "mine")
    assert "'name' is text, expected matrices: it has 'w' " in complaint(path, "name")
    assert "it holds no 'v'; it has 'w' " in complaint(path, "v")


CONTAINERS: dict[str, Any] = {
    "defaultdict": collections.defaultdict(list, w=FRAMES),
    "defaultdict of a function": collections.defaultdict(Settings, w=FRAMES),
    "OrderedDict": collections.OrderedDict(w=FRAMES),
    "Counter": collections.Counter({"w": FRAMES}),
    "deque": {"w": collections.deque(FRAMES)},
    "namedtuple": {"w": Pair(*FRAMES[:2])},
    "SimpleNamespace": types.SimpleNamespace(w=FRAMES),
    "object array": {"w": np.array([*FRAMES, None], object)[:-1]},
    "object numbers": {"w": STACK.astype(object)},
    "matrix": {"w": [frame.view(np.matrix) for frame in FRAMES]},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", CONTAINERS)
def test_plain_containers_are_read_without_their_classes(
    name: str, protocol: int, tmp_path: Path
) -> None:
    path = dumped(tmp_path / "run.pkl", CONTAINERS[name], protocol)
    check(path, None if protocol % 2 else "w", STACK[:2] if name == "namedtuple" else STACK)


def test_frames_of_a_memory_map_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", STACK)
    mapped = np.load(tmp_path / "w.npy", mmap_mode="r")
    check(dumped(tmp_path / "w.pkl", list(mapped)))


KEYS: dict[str, list[Any]] = {
    "whole": [0, 10, 20, 30, 40],
    "down": [4, 3, 2, 1, 0],
    "numpy": list(np.arange(5)),
    "floats": [0.5, 1.5, 2.5, 3.5, 4.5],
    "dates": [datetime.date(2024, 1, day) for day in range(1, 6)],
    "times": [datetime.datetime(2024, 1, 1, hour) for hour in range(5)],
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", KEYS)
def test_keys_that_count_are_the_steps_of_frames(kind: str, protocol: int, tmp_path: Path) -> None:
    keys = KEYS[kind]
    path = dumped(tmp_path / "w.pkl", dict(zip(keys, FRAMES, strict=True)), protocol)
    check(path, steps=keys)
    states = {key: {"w": frame, "v": -frame} for key, frame in zip(keys, FRAMES, strict=True)}
    check(dumped(tmp_path / "states.pkl", states, protocol), "v", -STACK, keys)
    check(dumped(tmp_path / "in.pkl", {"w": states, "x": 3}, protocol), "w.v", -STACK, keys)


def test_texts_that_count_are_steps_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    named = {f"step_{step}": BY_STEP[step] for step in (40, 0, 10, 30, 20)}
    check(dumped(tmp_path / "w.pkl", named), steps=STEPS)
    layers = {f"layer_{step}": frame for step, frame in BY_STEP.items()}
    assert "it holds 5 matrices, expected tensor= to name one" in complaint(
        dumped(tmp_path / "layers.pkl", layers)
    )


def test_texts_that_count_are_steps_of_dictionaries_too(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    states = {f"step_{10 * k}": {"w": w, "b": w[0], "loss": 0.5} for k, w in enumerate(FRAMES)}
    tensors = {k: {n: torch.as_tensor(v) for n, v in each.items()} for k, each in states.items()}
    torch.save(tensors, tmp_path / "w.pt")
    wanted = np.concatenate([STACK.reshape(5, -1), STACK[:, 0], np.full((5, 1), 0.5)], axis=1)
    for frames in (states, tmp_path / "w.pt", dumped(tmp_path / "w.pkl", states)):
        opened = open_frames(frames)
        np.testing.assert_array_equal(read(opened), wanted)
        steps = [f"step_{k}" for k in STEPS] if frames is states else STEPS
        assert list(opened.steps or ()) == list(steps)
    check(tmp_path / "w.pt", "b", STACK[:, :1], STEPS)
    save_gif(tmp_path / "w.gif", states, heatmap=Panels({"w": (3, 4), "b": (1, 4)}, lines="loss"))
    layers = {str(k): {"w": w, "b": w[0]} for k, w in enumerate(FRAMES)}
    torch.save(
        {k: {n: torch.tensor(v) for n, v in each.items()} for k, each in layers.items()},
        tmp_path / "l.pt",
    )
    assert "it holds 5 tensors of shape (N, M)" in complaint(tmp_path / "l.pt")
    assert "it holds 5 matrices" in complaint(dumped(tmp_path / "l.pkl", layers))


@pytest.mark.parametrize(
    ("names", "steps"),
    [
        ("step 10, step 20", True),
        ("epoch 3", True),
        ("global step=1.5, global step=2.5", True),
        ("Epoch #1, Epoch #2", True),
        ("0, 1", None),
        ("layer 0, layer 1", False),
        ("w1, w2", False),
        ("step 1, epoch 1", False),
        ("step 1 w, step 2 w", False),
        ("step 1 of 2, step 2 of 2", False),
        ("step", False),
    ],
)
def test_names_of_a_word_and_a_number_are_steps(names: str, steps: bool | None) -> None:
    for alone in (False, True):
        assert are_steps(names.split(", "), alone=alone) == (alone if steps is None else steps)


@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_pairs_of_a_step_and_matrices_are_frames_as_in_memory(kind: str, tmp_path: Path) -> None:
    def written(content: Any) -> Path:
        if kind == "pickle":
            return dumped(tmp_path / "pairs.pkl", content)
        torch = pytest.importorskip("torch")
        torch.save(content, tmp_path / "pairs.pt")
        return tmp_path / "pairs.pt"

    keep = np.asarray
    if kind == "torch":
        keep = pytest.importorskip("torch").tensor
    pairs = list(zip(STEPS, map(keep, FRAMES), strict=True))
    check(written(pairs), None, STACK, STEPS)
    check(written({"history": pairs, "rate": 0.1}), None, STACK, STEPS)
    check(written({"history": pairs, "rate": 0.1}), "history", STACK, STEPS)
    bundles = [(step, {"w": w, "b": w[0], "loss": 0.5}) for step, w in pairs]
    path = written(bundles)
    wanted = np.concatenate([STACK.reshape(5, -1), STACK[:, 0], np.full((5, 1), 0.5)], axis=1)
    opened = open_frames(path)
    np.testing.assert_array_equal(read(opened), wanted)
    assert list(opened.steps or ()) == list(STEPS)
    check(path, "w", STACK, STEPS)
    check(path, "b", STACK[:, :1], STEPS)


def test_a_name_is_looked_up_in_each_of_many_dictionaries(tmp_path: Path) -> None:
    records = [{"step": k, "w": frame, "loss": 0.5} for k, frame in enumerate(FRAMES)]
    check(dumped(tmp_path / "records.pkl", records), "w")
    (tmp_path / "dumps.pkl").write_bytes(b"".join(map(pickle.dumps, records)))
    opened = open_frames(tmp_path / "dumps.pkl", tensor="w")
    np.testing.assert_array_equal(read(opened), STACK)
    del records[3]["w"]
    assert "object 3 has no 'w'" in complaint(dumped(tmp_path / "records.pkl", records), "w")


def test_several_histories_beside_settings_are_listed(tmp_path: Path) -> None:
    held = {"run": {"w": STACK, "v": FRAMES}, "rate": 0.1, "args": argparse.Namespace(a=1)}
    message = complaint(dumped(tmp_path / "run.pkl", held))
    assert message.endswith(
        "it holds 2 arrays of shape (T, N, M), expected tensor= to name one: 'run.w' (5, 3, 4), "
        "'run.v' 5 of (3, 4), 'rate' a number, 'args' argparse.Namespace"
    )
    check(tmp_path / "run.pkl", "run.v")


def test_only_what_is_asked_for_has_to_be_readable(tmp_path: Path) -> None:
    path = dumped(tmp_path / "w.pkl", {"w": [*FRAMES, Settings()], "v": FRAMES})
    check(path, "v")
    assert "Settings, expected only numpy arrays" in complaint(path, "w")
    assert "Settings" in complaint(dumped(path, [*FRAMES, Settings()]))
    path.write_bytes(b"cpandas\nDataFrame\n)R.")
    assert "pandas.read_pickle(...)" in complaint(path)


def test_names_of_shared_containers_are_not_listed_for_ever() -> None:
    shared: dict[str, Any] = {"w": 1}
    for _ in range(40):
        shared = {"a": shared, "b": shared}
    with pytest.raises(ValueError, match=r"over 200000 values|letters, expected fewer"):
        choose(shared, None)
    with pytest.raises(ValueError, match="letters, expected fewer"):
        choose({"k" * 1000: {str(k): None for k in range(100_000)}}, None)


def test_pickles_that_windows_wrote_as_text_are_read(tmp_path: Path) -> None:
    for value in (FRAMES, {"w": FRAMES, "n": True, "k": 3, "text": "a"}):
        data = pickle.dumps(value, 0)
        (tmp_path / "w.pkl").write_bytes(data.replace(b"\n", b"\r\n"))
        check(tmp_path / "w.pkl", "w" if isinstance(value, dict) else None)


@pytest.mark.parametrize(
    "data", [b"1,2\n3,4\n", b"hello", b"\n", b"g5\n.", b"Fx\n.", b"c\xff\nx\n.", b"S'\n.", b"Ix\n."]
)
def test_damaged_text_pickles_are_refused_in_plain_words(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pkl").write_bytes(data)
    message = complaint(tmp_path / "w.pkl")
    assert "damaged pickle" in message or "truncated pickle" in message
    assert "Error" not in message


# ------------------------------------------------------------------------- .npy files of objects


def test_object_arrays_of_npy_files_are_read_as_pickles(tmp_path: Path) -> None:
    path = tmp_path / "w.npy"
    held: Any = settings_beside(FRAMES)
    path.write_bytes(npy(held, pickled=True))
    check(path, "w")
    path.write_bytes(npy(BY_STEP, pickled=True))
    check(path, steps=STEPS)
    ragged = np.empty(5, object)
    ragged[:] = FRAMES
    path.write_bytes(npy(ragged, pickled=True))
    check(path)
    path.write_bytes(npy(STACK.astype(object), pickled=True))
    check(path)
    path.write_bytes(npy({"w": FRAMES}, pickled=True) + b"more")
    assert "it goes on after its object" in complaint(path)
    path.write_bytes(npy(3.0))
    with pytest.raises(ValueError, match=r"an array of shape \(\), expected \(T, N, M\)"):
        load_frames(path)
    path.write_bytes(npy({"w": Settings()}, pickled=True))
    assert "asks for" in complaint(path, "w")


def test_a_structured_dtype_names_its_fields(tmp_path: Path) -> None:
    records = np.zeros((5, 3, 4), [("a", "f8"), ("b", "f4")])
    np.save(tmp_path / "w.npy", records)
    np.savez(tmp_path / "w.npz", w=records)
    for records_in in (tmp_path / "w.npy", tmp_path / "w.npz", records, list(records)):
        with pytest.raises(
            (TypeError, ValueError), match=r"give one of the fields 'a', 'b', as array\['a'\]"
        ):
            read(open_frames(records_in))
    assert "array['a']" in complaint(dumped(tmp_path / "w.pkl", records))


# -------------------------------------------------------------------------------- compressed files


@pytest.mark.parametrize("suffix", PACKERS)
def test_files_of_every_kind_are_decompressed(suffix: str, tmp_path: Path) -> None:
    archive, matrices = io.BytesIO(), io.BytesIO()
    np.savez(archive, w=STACK)
    np.savez(matrices, **{f"step_{step}": frame for step, frame in BY_STEP.items()})
    lines = "\n".join(",".join(map(repr, map(float, row))) for row in STACK[0])
    contents: dict[str, tuple[bytes, Any]] = {
        "w.npy": (npy(STACK), STACK),
        "objects.npy": (npy({"w": FRAMES}, pickled=True), STACK),
        "w.pkl": (pickle.dumps(FRAMES), STACK),
        "old.pkl": (pickle.dumps(FRAMES, 0), STACK),
        "dumps.pkl": (b"".join(map(pickle.dumps, FRAMES)), STACK),
        "w.npz": (archive.getvalue(), STACK),
        "m.npz": (matrices.getvalue(), STACK),
        "w.safetensors": (safetensors({"w": STACK}), STACK),
        "m.safetensors": (safetensors({"w": STACK[0]}), STACK[:1]),
        "w.csv": (lines.encode(), STACK[:1]),
        "without": (npy(STACK), STACK),
    }
    for name, (content, expected) in contents.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(PACKERS[suffix](content))
        check(path, None, expected)
        again = open_frames(path)
        np.testing.assert_array_equal(read(again), expected)


def test_a_compressed_history_is_decompressed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.safetensors.gz"
    frames = {f"step_{step}": frame for step, frame in BY_STEP.items()}
    for tensors in (frames, {"w": STACK}):
        path.write_bytes(gzip.compress(safetensors(tensors)))
        loaded = load_frames(path)
        with monkeypatch.context() as patch:
            patch.setattr(source, "unpacked", None)
            np.testing.assert_array_equal(read(open_frames(loaded)), STACK)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_series_of_compressed_files_is_read(suffix: str, tmp_path: Path) -> None:
    for step, frame in BY_STEP.items():
        (tmp_path / f"s{step}.npy{suffix}").write_bytes(PACKERS[suffix](npy(frame)))
    check(tmp_path, steps=STEPS)


def test_two_members_of_gzip_are_one_content(tmp_path: Path) -> None:
    data = npy(STACK)
    path = tmp_path / "w.npy.gz"
    path.write_bytes(gzip.compress(data[:200]) + gzip.compress(data[200:]) + b"\0" * 9)
    check(path)


BOMBS = {
    "zeros": npy(STACK)[:128] + bytes(90_000_000),
    "lists": b"\x80\x04(" + b"]" * 20_000_000 + b"l.",
    "nested": b"(" * 20_000_000,
}


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("zeros", ".gz"), ("zeros", ".xz"), ("zeros", ".bz2"), ("lists", ".gz"), ("nested", ".xz")],
)
def test_bombs_are_refused_in_little_memory(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.pkl{suffix}"
    fast: dict[str, Callable[[bytes], bytes]] = {
        ".gz": lambda data: gzip.compress(data, 1),
        ".xz": lambda data: lzma.compress(data, preset=0),
        ".bz2": lambda data: bz2.compress(data, 1),
    }
    path.write_bytes(fast[suffix](BOMBS[kind]))
    with little_memory():
        assert "expected fewer: decompress the file first if you trust it" in complaint(path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_files_that_were_cut_are_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.npy{suffix}"
    packed = PACKERS[suffix](npy(STACK))
    path.write_bytes(packed[:-30])
    assert complaint(path).startswith(f"cannot read {path}: ")
    path.write_bytes(packed[:60] + bytes(40) + packed[100:])
    assert complaint(path).startswith(f"cannot read {path}: ")


def test_other_compressions_are_named(tmp_path: Path) -> None:
    (tmp_path / "w.npy.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(40))
    assert "compressed with zstd, expected gzip, bzip2 or xz" in complaint(tmp_path / "w.npy.zst")


# ----------------------------------------------------------------------------------------- joblib


class NumpyArrayWrapper:
    """What joblib writes before the bytes of an array."""

    def __init__(self, array: npt.NDArray[Any], aligned: bool) -> None:
        self.subclass = type(array)
        self.shape, self.dtype = array.shape, array.dtype
        self.order = "F" if array.flags.fnc else "C"
        self.allow_mmap = aligned
        if aligned:
            self.numpy_array_alignment_bytes = 16


NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"


def joblib_dump(arrays: list[npt.NDArray[Any]], *, aligned: bool) -> bytes:
    """Return a list of arrays as `joblib.dump` writes it."""
    data = b"\x80\x04](."[:4]
    for array in arrays:
        wrapper = pickle.dumps(NumpyArrayWrapper(array, aligned), 4)
        data += wrapper[11:-1]  # without its protocol, frame and end
        if aligned:
            padding = 16 - (len(data) + 1) % 16
            data += bytes([padding]) + b"\xff" * padding
        data += array.tobytes("A")
    return data + b"e."


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("suffix", ["", *PACKERS])
def test_dumps_of_joblib_are_read(suffix: str, aligned: bool, tmp_path: Path) -> None:
    module = types.ModuleType("joblib.numpy_pickle")
    module.NumpyArrayWrapper = NumpyArrayWrapper  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "joblib", types.ModuleType("joblib"))
        patch.setitem(sys.modules, "joblib.numpy_pickle", module)
        arrays = [*FRAMES[:4], np.asfortranarray(FRAMES[4])]
        data = joblib_dump(arrays, aligned=aligned)
    path = tmp_path / "w.joblib"
    path.write_bytes(PACKERS.get(suffix, bytes)(data))
    check(path)
    path.write_bytes(data[:-300])
    assert complaint(path).startswith(f"cannot read {path}: ")


def test_what_joblib_alone_can_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "w.joblib"
    path.write_bytes(b"cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}b.")
    assert "read it with joblib.load(...) and give the arrays" in complaint(path)


# ---------------------------------------------------------------------------------- tensor files


def test_a_stack_of_safetensors_is_frames_as_in_an_npy_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors({"w": STACK, "b": STACK[:, 0, 0]}))
    check(path)
    check(path, "w")
    path.write_bytes(safetensors({"w": STACK, "v": -STACK}))
    check(path, "v", -STACK)
    assert (
        "it holds 2 tensors of shape (T, N, M), expected tensor= to name one: 'w' (5, 3, 4), 'v'"
        in (complaint(path))
    )
    path.write_bytes(safetensors({f"step_{step}": frame for step, frame in BY_STEP.items()}))
    check(path, steps=STEPS)
    named = {f"step_{step}.w": frame for step, frame in BY_STEP.items()}
    path.write_bytes(safetensors({**named, "step_0.v": STACK[0].T}))
    check(path, "w", steps=STEPS)
    path.write_bytes(safetensors({f"{step}.weight": frame for step, frame in BY_STEP.items()}))
    assert "it holds 5 tensors of shape (N, M), expected tensor= to name one" in complaint(path)


def test_a_stack_of_bfloat16_is_read_frame_by_frame(tmp_path: Path) -> None:
    whole = STACK.astype("f4").view("u4") & np.uint32(0xFFFF0000)
    raw = (whole >> 16).astype("<u2").tobytes()
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors({}, w=("BF16", [5, 3, 4], raw)))
    check(path, expected=whole.view("f4"))


def test_npz_frames_named_by_steps_have_these(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{f"step_{step}": frame for step, frame in BY_STEP.items()})
    check(tmp_path / "w.npz", steps=STEPS)
    np.savez(tmp_path / "w.npz", *FRAMES)
    assert open_frames(tmp_path / "w.npz").steps is None


@pytest.mark.parametrize("name", ["w.npy", "w.pt", "w.pkl", "w.csv", "w.safetensors", "w.h5"])
def test_a_pointer_of_git_lfs_says_what_to_run(name: str, tmp_path: Path) -> None:
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    (tmp_path / name).write_text(text)
    assert "run git lfs pull" in complaint(tmp_path / name)
    for step in (1, 2):
        (tmp_path / f"s{step}_{name}").write_text(text)
    assert "run git lfs pull" in complaint(str(tmp_path / f"s*_{name}"))


def test_files_of_older_matlab_say_what_reads_them(tmp_path: Path) -> None:
    (tmp_path / "w.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(300))
    assert "scipy.io.loadmat(...)" in complaint(tmp_path / "w.mat")


# ------------------------------------------------------------------------------------------ series

NAMES: dict[str, tuple[list[str], tuple[float, ...]]] = {
    "accuracy": (["ep1_acc0.91", "ep2_acc0.95", "ep3_acc0.93"], (1, 2, 3)),
    "accuracy first": (["acc0.95_2", "acc0.91_1"], (1, 2)),
    "whole accuracy": (["w-1-91", "w-2-95", "w-3-91"], (1, 2, 3)),
    "loss of either form": (["e1-loss1.5", "e2-loss1"], (1, 2)),
    "exponents": (["it5_lr1e-05", "it6_lr2.5e-06"], (5, 6)),
    "epoch and batch": (["epoch1_batch100", "epoch2_batch100"], (1, 2)),
    "Keras": (["weights.01-0.35", "weights.02-0.20", "weights.03-0.35"], (1, 2, 3)),
    "times": (["t0.5", "t0.25", "t1"], (0.25, 0.5, 1)),
}


@pytest.mark.parametrize("case", NAMES)
def test_the_number_that_counts_up_is_the_step(case: str) -> None:
    names, steps = NAMES[case]
    for shuffled in (names, names[::-1]):
        _, found = in_order([Path(f"run/{name}.pt") for name in shuffled], given=False)
        assert found == steps


@pytest.mark.parametrize("given", [False, True])
def test_last_and_best_among_numbered_files_are_left_out_and_told(given: bool) -> None:
    numbered = [Path(f"ep{k}.pt") for k in (1, 2, 10)]
    others = [Path("last.pt"), Path("best.pt"), Path("model_best.pt"), Path("best-ep2.pt")]
    with pytest.warns(UserWarning, match=r"left out last\.pt, best\.pt, model_best\.pt, best-ep2"):
        paths, steps = in_order([*others, *numbered], given=given)
    assert (list(paths), steps) == (numbered, (1, 2, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert in_order([Path("last.npy")], given=False) == ([Path("last.npy")], None)


def test_files_that_are_left_out_are_told_once_for_all_names(tmp_path: Path) -> None:
    for name in ("1", "2", "last"):
        dumped(tmp_path / f"{name}.pkl", {"w": FRAMES[0], "b": FRAMES[0][0]})
    with pytest.warns(UserWarning, match=r"left out last\.pkl") as caught:
        open_frames(tmp_path, tensor=["w", "b"])
    assert len(caught) == 1


def test_a_number_of_a_name_is_bounded() -> None:
    with pytest.raises(ValueError, match="a number of 5000 digits"):
        in_order([Path("s1"), Path("s" + "1" * 5000)], given=False)


def test_arrays_of_one_name_are_found_by_their_numbers() -> None:
    names = ["step_0/w", "step_10/w", "step_0/v", "step_10/v", "w_1", "w_2", "bias", "1", "2"]
    found = families(names)
    assert set(found) == {"w", "v", ""}
    assert found["v"].names == ("step_0/v", "step_10/v")
    assert (found[""].steps, found[""].named) == ((1, 2), True)
    assert not families(["layers.0.weight", "layers.1.weight"])["layers.weight"].named
    assert not families(["0.weight", "2.weight"])["weight"].named
    assert steps_in(["a"]) is None
    assert steps_in(["a1b2", "a2b1"]) is None


@pytest.mark.parametrize("suffix", [".pkl", ".npy"])
def test_a_series_of_pickles_is_read(suffix: str, tmp_path: Path) -> None:
    for step, frame in BY_STEP.items():
        state = {"w": frame, "rate": 0.1, "mine": Settings()}
        path = tmp_path / f"s{step}{suffix}"
        path.write_bytes(pickle.dumps(state) if suffix == ".pkl" else npy(state, pickled=True))
    check(tmp_path, "w", steps=STEPS)
    check(tmp_path, None, steps=STEPS)


def test_a_generator_of_paths_is_a_series(tmp_path: Path) -> None:
    for step, frame in BY_STEP.items():
        np.savez(tmp_path / f"s{step}.npz", w=frame, v=-frame)
    opened = open_frames(tmp_path.glob("*.npz"), tensor="w")
    np.testing.assert_array_equal(read(opened), STACK)
    assert opened.steps == STEPS
    panels = open_frames(tmp_path.glob("*.npz"), tensor=["w", "v"])
    assert panels.shape == {"w": (3, 4), "v": (3, 4)}
    with pytest.raises(ValueError, match="expected tensor= to name one"):
        open_frames(tmp_path.glob("*.npz"))
    np.testing.assert_array_equal(read(open_frames(iter(FRAMES))), STACK)
    assert "there are no frames" in complaint(tmp_path.glob("*.none"))


# ------------------------------------------------------------------------------------------- HDF5


def test_hdf5_datasets_of_one_per_step_are_frames(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    names: dict[str, str | None] = {
        "step_{}/weight": None,
        "{}": None,
        "epoch{}": None,
        "w/{}": "w",
        "w_{}": "w",
        "run/step_{}/w": "run/w",
    }
    for number, (name, tensor) in enumerate(names.items()):
        path = tmp_path / f"{number}.h5"
        with h5py.File(path, "w") as file:
            for step, frame in BY_STEP.items():
                file.create_dataset(
                    name.format(step), data=frame, chunks=(3, 2), compression="gzip"
                )
        check(path, tensor, steps=STEPS)
    with h5py.File(tmp_path / "several.h5", "w") as file:
        for step, frame in BY_STEP.items():
            file[f"step_{step}/w"] = frame
            file[f"step_{step}/v"] = frame.T
            file[f"step_{step}/bias"] = frame[0]
    path = tmp_path / "several.h5"
    assert "expected tensor= to name one, or those of all steps by 'v' or 'w': " in complaint(path)
    check(path, "w", steps=STEPS)
    check(path, "bias", STACK[:, :1], STEPS)
    check(path, "step_20/w", STACK[2:3])
    with h5py.File(path, "a") as file:
        del file["step_20/w"]
        file["step_20/w"] = np.zeros((2, 2))
    assert "frame 2: the matrix is float64 (2, 2), expected" in complaint(path, "w")


@pytest.mark.parametrize("block", [512, 1024, 2048])
def test_hdf5_is_recognised_behind_a_block_of_the_user(block: int, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.mat", "w", userblock_size=block) as file:
        file["w"] = STACK
    data = (tmp_path / "w.mat").read_bytes()
    (tmp_path / "w.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(block) + data[block:])
    check(tmp_path / "w.mat")


def test_soft_links_lead_to_datasets_of_the_same_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["run/w"] = STACK
        file["latest"] = h5py.SoftLink("/run/w")
        file["group"] = h5py.SoftLink("run")
        file["run/self"] = h5py.SoftLink("w")
        file["gone"] = h5py.SoftLink("/nothing")
        file["circle"] = h5py.SoftLink("/circle")
        file["away"] = h5py.ExternalLink("other.h5", "/w")
    check(path)
    for name in ("latest", "group/w", "run/self", "group/self"):
        check(path, name)
    for name in ("gone", "circle", "group/nothing"):
        assert f"it holds no tensor {name!r}; it has 'run/w' (5, 3, 4)" in complaint(path, name)
    assert "'away' is a link to another file, which is not read" in complaint(path, "away")


def test_hdf5_of_complex_numbers_or_text_says_so(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["w"] = STACK + 1j
    assert "its 'w' holds complex numbers, expected real numbers: give the array" in complaint(path)
    with h5py.File(path, "a") as file:
        del file["w"]
        file["names"] = ["a", "b"]
    assert "its 'names' holds text, expected real numbers" in complaint(path)


def keras(content: bytes) -> bytes:
    """Return a .keras file with this HDF5 file of weights."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", content)
    return file.getvalue()


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ".keras", ".h5.gz", ".keras.gz"])
def test_series_of_keras_are_read(suffix: str, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for step, frame in BY_STEP.items():
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            file["layers/dense/vars/0"] = frame
            file["layers/dense/vars/1"] = frame[0]
            file["names"] = "dense"
        data = keras(memory.getvalue()) if ".keras" in suffix else memory.getvalue()
        packed = gzip.compress(data) if suffix.endswith(".gz") else data
        (tmp_path / f"epoch{step}{suffix}").write_bytes(packed)
    check(tmp_path, "layers/dense/vars/0", steps=STEPS)
    check(tmp_path, None, steps=STEPS)
    check(tmp_path / f"epoch10{suffix}", None, STACK[1:2])


def test_no_external_data_of_an_hdf5_file_in_memory_is_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret.bin").write_bytes(STACK[0].tobytes())
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        place = [(str(tmp_path / "secret.bin"), 0, 96)]
        file.create_dataset("w", (3, 4), "f8", external=place)
    path = tmp_path / "w.keras"
    path.write_bytes(keras(memory.getvalue()))
    assert "lies in the file " in complaint(path)


# ------------------------------------------------------------------- what only looks like a path


def test_a_text_in_a_dictionary_is_no_path(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", STACK)
    message = complaint({"w": str(tmp_path / "w.npy")}, kind=TypeError)
    assert "panel 'w': expected frames, not the text '" in message
    assert "fastheat.load_frames('" in message
    opened = open_frames({"w": tmp_path / "w.npy"})
    assert opened.shape == {"w": (3, 4)}


def test_an_open_file_is_asked_for_its_path(tmp_path: Path) -> None:
    path = tmp_path / "w.npy.gz"
    path.write_bytes(gzip.compress(npy(STACK)))
    with path.open("rb") as raw, gzip.open(path) as packed, path.open() as text:
        for file in (raw, packed, text):
            message = complaint(file, kind=TypeError)
            assert f"not an open file: give its path, {str(path)!r}" in message
    assert "not an open file: write it to a file" in complaint(io.BytesIO(b"x"), kind=TypeError)
    with pytest.raises(TypeError, match="not an open file"):
        load_frames(io.BytesIO(b"x"), tensor="w")


# ---------------------------------------------------------------------------------- command line

PIPED: dict[str, tuple[bytes, Any]] = {
    "csv": (b"1,2\n3,4\n", [[1, 2], [3, 4]]),
    "header": (b"col,b\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
    "tabs": (b"1\t2\n3\t4", [[1, 2], [3, 4]]),
    "mark": (b"\xef\xbb\xbf1,2\n3,4\n", [[1, 2], [3, 4]]),
    "gzip": (gzip.compress(b"1,2\n3,4\n"), [[1, 2], [3, 4]]),
    "xz": (lzma.compress(b"1,2\n3,4\n"), [[1, 2], [3, 4]]),
    "old list": (pickle.dumps([STACK[0]], 0), STACK[0]),
    "old dictionary": (pickle.dumps({1: STACK[0]}, 1), STACK[0]),
    "old array": (pickle.dumps(STACK[:1], 0), STACK[0]),
    "npy.gz": (gzip.compress(npy(STACK[:1])), STACK[0]),
}


@pytest.mark.parametrize("kind", PIPED)
def test_standard_input_is_known_by_its_content(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, expected = PIPED[kind]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["render", "-", "-o", "w.gif", "--quiet", "--figsize", "3", "2"]) == 0
    file = io.BytesIO()
    frame: Any = np.asarray(expected, np.float64)
    if kind == "header":
        pd: Any = pytest.importorskip("pandas")
        frame = pd.DataFrame(frame, columns=["col", "b"])
    save_gif(file, [frame], figsize=(3, 2))
    found, wanted = (
        by_pillow(data)[0][0] for data in (Path("w.gif").read_bytes(), file.getvalue())
    )
    np.testing.assert_array_equal(found, wanted)


def test_an_error_of_standard_input_has_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"1,2\n3,x\n")))
    assert main(["render", "-", "-o", "w.gif"]) == 1
    assert "cannot read standard input: line 2, column 2: expected a number" in (
        capsys.readouterr().err
    )


def test_a_package_in_a_zip_archive_has_its_colormaps(tmp_path: Path) -> None:
    import fastheat

    package = Path(fastheat.__file__).parent
    with zipfile.ZipFile(tmp_path / "fastheat.zip", "w") as archive:
        for path in package.rglob("*"):
            if path.suffix in (".py", ".npy"):
                archive.write(path, Path("fastheat", path.relative_to(package)))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'fastheat.zip')!r}); import fastheat; "
        "from fastheat.style.colors.colormaps import colormap; print(fastheat.__file__, "
        "colormap('YlGn').table[-1].tolist())"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().endswith("[0, 69, 41]")
    assert "fastheat.zip" in found.stdout


def test_an_xz_file_may_not_claim_gigabytes_of_memory(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 4096}]
    packed = bytearray(lzma.compress(npy(STACK), check=lzma.CHECK_NONE, filters=filters))
    header = packed[12 : 12 + 4 * (packed[12] + 1)]
    place = header.index(b"\x21\x01") + 2
    header[place] = 40  # 4 GB, the largest dictionary
    header[-4:] = struct.pack("<I", zlib.crc32(header[:-4]))
    packed[12 : 12 + len(header)] = header
    (tmp_path / "w.npy.xz").write_bytes(packed)
    assert "its xz data say 'Memory usage limit" in complaint(tmp_path / "w.npy.xz")


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("kind", ["pickle", "torch"])
def test_dictionaries_of_each_step_are_panels_rows_and_lines(
    kind: str, stepped: bool, tmp_path: Path
) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 4, 6))
    path = tmp_path / "history"
    if kind == "torch":
        torch = pytest.importorskip("torch")
        records = [
            {"w": torch.tensor(w), "b": torch.tensor(w[0]), "loss": w[0, 0]} for w in weights
        ]
    else:
        records = [{"w": w, "b": w[0], "loss": w[0, 0]} for w in weights]
    content: Any = {10 * k: each for k, each in enumerate(records)} if stepped else records
    if kind == "torch":
        torch.save(content, path)
    else:
        dumped(path, content)
    expected = {"w": weights, "b": weights[:, :1], "loss": weights[:, 0, 0]}
    for names in (["w", "b", "loss"], ["w", "b"], ["w", "loss"], None):
        opened = open_frames(path, tensor=names)
        wanted = [expected[name].reshape(3, -1) for name in names or ("w", "b", "loss")]
        np.testing.assert_array_equal(read(opened).reshape(3, -1), np.concatenate(wanted, axis=1))
        if stepped and names != ["w", "loss"]:
            assert list(opened.steps or ()) == [0, 10, 20]
    np.testing.assert_array_equal(read(open_frames(path, tensor="b")), weights[:, :1])
    with pytest.raises(ValueError, match="number of each frame, expected a matrix"):
        open_frames(path, tensor="loss")


def files_of(folder: Path, kind: str, content: dict[str, Any]) -> Path:
    """Write arrays of one history to a file of some kind."""
    path = folder / f"history{kind}"
    if kind == ".pkl":
        return dumped(path, content)
    if kind == ".npy":
        path.write_bytes(npy(np.array(content, object), pickled=True))
    elif kind == ".npz":
        np.savez_compressed(path, **content)
    elif kind == ".safetensors":
        path.write_bytes(safetensors(content))
    elif kind == ".h5":
        with pytest.importorskip("h5py").File(path, "w") as file:
            file.update(content)
    elif kind == ".zarr":
        group = pytest.importorskip("zarr").open_group(path, mode="w")
        for name, array in content.items():
            group.create_array(name, data=array)
    else:
        torch = pytest.importorskip("torch")
        torch.save({name: torch.tensor(array) for name, array in content.items()}, path)
    return path


@pytest.mark.parametrize("kind", [".pkl", ".npy", ".npz", ".safetensors", ".h5", ".zarr", ".pt"])
def test_vectors_and_numbers_beside_a_stack_are_rows_and_a_line(kind: str, tmp_path: Path) -> None:
    history = {"w": STACK, "b": STACK[:, 0].copy(), "loss": STACK[:, 0, 0].copy()}
    path = files_of(tmp_path, kind, history)
    for names in (["w", "b"], ["b", "w"], ["w", "loss"], ["loss", "b", "w"]):
        wanted = [history[name].reshape(5, -1) for name in sorted(names, key="loss".__eq__)]
        for frames in (path, load_frames(path, tensor=names), {k: history[k] for k in names}):
            opened = open_frames(frames, tensor=names if frames is path else None)
            got = read(opened).reshape(5, -1)
            np.testing.assert_array_equal(got, np.concatenate(wanted, axis=1))
    check(path, "w")
    alone = read(open_frames(path, tensor="b"))
    np.testing.assert_array_equal(alone, STACK[None, :, 0])  # a single matrix


def test_a_single_matrix_of_as_many_rows_as_there_are_frames_stays_one() -> None:
    with pytest.raises(ValueError, match="equally many frames of each panel, not 5 of 'w', 1 of"):
        open_frames({"w": STACK, "b": STACK[None, :, 0]})


@pytest.mark.parametrize("kind", [".pkl", ".npy", ".npz", ".safetensors", ".h5", ".zarr", ".pt"])
def test_a_single_state_and_a_history_of_one_frame_are_read_alike(
    kind: str, tmp_path: Path
) -> None:
    square = np.arange(16.0).reshape(4, 4)
    path = files_of(tmp_path, kind, {"w": square, "b": square[0].copy()})
    opened = open_frames(path, tensor=["w", "b"])
    assert opened.shape == {"w": (4, 4), "b": (1, 4)}
    np.testing.assert_array_equal(read(opened), [[*square.ravel(), *square[0]]])
    check(path, "b", square[None, :1])
    one = {"w": STACK[:1], "b": STACK[:1, 0].copy(), "loss": STACK[:1, 0, 0].copy()}
    opened = open_frames(files_of(tmp_path, kind, one), tensor=["w", "b", "loss"])
    assert opened.shape == {"w": (3, 4), "b": (1, 4), "loss": ()}


@pytest.mark.parametrize("kind", [".pkl", ".npz", ".safetensors", ".h5", ".zarr", ".pt"])
def test_more_or_fewer_vectors_than_frames_are_named_with_their_shape(
    kind: str, tmp_path: Path
) -> None:
    path = files_of(tmp_path, kind, {"w": STACK, "b": STACK[:4, 0].copy(), "loss": np.zeros(6)})
    with pytest.raises(
        ValueError, match=r"'b' has shape \(4, 4\), expected one vector for each of 5"
    ):
        open_frames(path, tensor=["w", "b"])
    with pytest.raises(
        ValueError, match=r"'loss' has shape \(6,\), expected one number for each of"
    ):
        open_frames(path, tensor=["loss", "w"])
    with pytest.raises(ValueError, match="expected different names of tensors"):
        open_frames(path, tensor=["w", "w"])


def test_a_stack_of_safetensors_beside_matrices_has_to_be_named(tmp_path: Path) -> None:
    path = files_of(tmp_path, ".safetensors", {"w": STACK, "b": STACK[:, 0].copy()})
    assert (
        "holds 1 tensor of shape (T, N, M) and matrices, expected tensor= to name one: 'w' (5"
        in (complaint(path))
    )


def test_dumped_dictionaries_have_rows_and_lines(tmp_path: Path) -> None:
    records = [{"w": w, "b": w[0], "loss": float(w[0, 0])} for w in FRAMES]
    (tmp_path / "d.pkl").write_bytes(b"".join(map(pickle.dumps, records)))
    wanted = np.concatenate([STACK.reshape(5, -1), STACK[:, 0], STACK[:, 0, :1]], axis=1)
    opened = open_frames(tmp_path / "d.pkl", tensor=["w", "b", "loss"])
    np.testing.assert_array_equal(read(opened), wanted)


def test_a_number_that_is_none_is_nan(tmp_path: Path) -> None:
    records = [{"w": w, "loss": None if k == 1 else k} for k, w in enumerate(FRAMES)]
    for frames in (records, dumped(tmp_path / "r.pkl", records)):
        numbers = read(open_frames(frames))[:, -1]
        np.testing.assert_array_equal(numbers, [0, math.nan, 2, 3, 4])
    records[0]["loss"] = None
    opened = open_frames(tmp_path / "r.pkl", tensor=["w", "loss"])
    np.testing.assert_array_equal(read(opened)[:, -1], [0, math.nan, 2, 3, 4])


def test_panels_of_different_steps_are_refused(tmp_path: Path) -> None:
    frames = {"a": {0: FRAMES[0], 10: FRAMES[1]}, "b": {0: FRAMES[0], 20: FRAMES[1]}}
    for given in (frames, dumped(tmp_path / "f.pkl", frames)):
        tensor = None if given is frames else ["a", "b"]
        with pytest.raises(ValueError, match="not 10 of 'a' and 20 of 'b' in frame 1"):
            open_frames(given, tensor=tensor)


def test_numbers_of_a_line_may_be_of_any_kind() -> None:
    nested = {"w": STACK.tolist(), "b": STACK[:, 0].tolist()}
    np.testing.assert_array_equal(
        read(open_frames(nested)), np.concatenate([STACK.reshape(5, -1), STACK[:, 0]], axis=1)
    )
    for numbers in (range(5), [Decimal(k) for k in range(5)], list(map(Fraction, range(5)))):
        opened = open_frames({"w": STACK, "loss": numbers})
        np.testing.assert_array_equal(read(opened)[:, -1], range(5))


def test_a_number_of_a_line_that_is_no_float_is_named() -> None:
    with pytest.raises(ValueError, match="panel 'loss': the number of frame 1 is too large for a"):
        open_frames({"w": STACK, "loss": [1, 10**400, 2, 3, 4]})


def test_a_table_of_vectors_says_how_it_becomes_rows() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match=r"for a row of each frame give its \.to_numpy\(\)"):
        open_frames({"w": STACK, "b": pandas.DataFrame(STACK[:, 0], columns=list("abcd"))})


def test_a_wrong_name_in_checkpoints_is_met_by_the_numbers_too(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for k in range(2):
        torch.save({"w": torch.eye(2), "log": {"loss": 0.5}, "all": [0.5]}, tmp_path / f"{k}.pt")
    said = complaint(tmp_path, "los")
    assert said.endswith("it holds no tensor 'los'; it has 'w' (2, 2), 'log.loss' ()")
    assert "its 'all' is a list, expected a matrix, vector or number" in complaint(tmp_path, "all")
    torch.save([{"w": torch.eye(2)}] * 3, tmp_path / "history.pt")
    assert "it holds no 'v'; it has 'w' (2, 2)" in complaint(tmp_path / "history.pt", "v")


@pytest.mark.parametrize("kind", [".pkl", ".npy", ".npz", ".safetensors", ".h5", ".pt"])
def test_a_name_stands_for_arrays_of_all_steps(kind: str, tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    for step, w in reversed(BY_STEP.items()):
        content |= {f"step_{step}.w": w, f"step_{step}.b": w[0].copy(), f"step_{step}.n": w[0, 0]}
    content = {name: np.asarray(array) for name, array in content.items()}
    path = files_of(tmp_path, kind, content)
    check(path, "w", STACK, STEPS)
    check(path, "b", STACK[:, :1], STEPS)
    opened = open_frames(path, tensor=["w", "b", "n"])
    wanted = np.concatenate([STACK.reshape(5, -1), STACK[:, 0], STACK[:, 0, :1]], axis=1)
    np.testing.assert_array_equal(read(opened), wanted)
    assert list(opened.steps or ()) == list(STEPS)
    complaint(path, "v")


def test_arrays_of_all_steps_in_an_npz_have_one_shape(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"step_0.w": FRAMES[0], "step_1.w": FRAMES[0][:2], "b": [1]})
    assert "'step_1.w' has shape (2, 4), expected (3, 4) as 'step_0.w'" in complaint(
        tmp_path / "a.npz", "w"
    )
    assert "expected tensor= to name one" in complaint(tmp_path / "a.npz")


def test_texts_beside_matrices_are_left_out_and_told(tmp_path: Path) -> None:
    records = [{"w": w, "name": f"run {k}", "raw": b"x"} for k, w in enumerate(FRAMES)]
    for frames in (records, dumped(tmp_path / "r.pkl", records)):
        with pytest.warns(UserWarning, match=r"left out 'name' \(a text\), 'raw' \(a text\)"):
            opened = open_frames(frames)
        np.testing.assert_array_equal(read(opened), STACK.reshape(5, -1))


def test_lists_of_vectors_and_numbers_are_rows_and_a_line(tmp_path: Path) -> None:
    history = {"w": FRAMES, "b": [w[0] for w in FRAMES], "loss": [float(w[0, 0]) for w in FRAMES]}
    wanted = np.concatenate([STACK.reshape(5, -1), STACK[:, 0], STACK[:, 0, :1]], axis=1)
    path = dumped(tmp_path / "a.pkl", history)
    np.testing.assert_array_equal(read(open_frames(history)), wanted)
    np.testing.assert_array_equal(read(open_frames(path, tensor=["w", "b", "loss"])), wanted)
    check(path, "b", STACK[:, :1])


@pytest.mark.parametrize("kind", ["torch", "pickle"])
def test_numbers_of_checkpoints_that_are_no_tensors_are_lines(kind: str, tmp_path: Path) -> None:
    losses = (0.5, 1, np.float32(0.25), True, np.float64(4))
    for step, (w, loss) in enumerate(zip(FRAMES, losses, strict=True)):
        content = {"w": w, "loss": loss, "name": "x", "log": {"lr": 0.5 / (step + 1)}}
        if kind == "torch":
            pytest.importorskip("torch").save(content, tmp_path / f"{step}.pt")
        else:
            dumped(tmp_path / f"{step}.pkl", content)
    for name, numbers in {"loss": losses, "log.lr": [0.5 / k for k in range(1, 6)]}.items():
        opened = open_frames(tmp_path, tensor=["w", name])
        np.testing.assert_array_equal(read(opened)[:, -1], np.asarray(numbers, float))
        assert list(opened.steps or ()) == [0, 1, 2, 3, 4]
    check(tmp_path, "w")
    said = complaint(tmp_path, "loss")
    assert said.startswith("tensor 'loss' is a number of each frame, expected a matrix")
    assert "'name' is text, expected matrices" in complaint(tmp_path, "name")
    assert "it holds no tensor 'los'" in complaint(tmp_path, "los")


def test_a_number_of_a_checkpoint_that_is_no_float_says_so(tmp_path: Path) -> None:
    for step in range(2):
        dumped(tmp_path / f"{step}.pkl", {"w": FRAMES[0], "n": 10**400})
    with pytest.raises(ValueError, match=r"its 'n' is too large for a float"):
        open_frames(tmp_path, tensor=["w", "n"])


def test_a_value_that_is_unlike_the_numbers_before_it_is_named(tmp_path: Path) -> None:
    matrix = np.ones((2, 3))
    for value, said in (("x", "text"), (matrix, r"\(2, 3\)")):
        path = dumped(tmp_path / "a.pkl", [{"w": matrix, "n": 1.0}, {"w": matrix, "n": value}])
        with pytest.raises(ValueError, match=f"'n' of frame 1 is {said}, expected a number"):
            open_frames(path, tensor=["w", "n"])
    path = dumped(tmp_path / "a.pkl", [{"w": matrix, "n": 1}, {"w": matrix, "n": 10**400}])
    with pytest.raises(ValueError, match="too large for a float"):
        open_frames(path, tensor=["w", "n"])


def test_tensors_of_dictionaries_that_share_their_numbers_take_bounded_memory(
    tmp_path: Path,
) -> None:
    torch = pytest.importorskip("torch")
    shared = torch.arange(250_000.0)
    records = [{"w": shared[k : k + 200_000].view(400, 500), "n": 0.0} for k in range(60)]
    torch.save(records, tmp_path / "a.pt")
    with little_memory(), pytest.raises(ValueError, match="share their numbers"):
        open_frames(tmp_path / "a.pt")


def test_one_dictionary_in_very_many_places_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    steps: dict[str, Any] = {f"step_{k}": {} for k in range(5000)}
    content = {f"w{k}": steps for k in range(5000)}
    torch.save(content, tmp_path / "a.pt")
    for path in (tmp_path / "a.pt", dumped(tmp_path / "a.pkl", content)):
        for tensor in (None, "w", "step_0"):
            assert "values in containers that share them" in complaint(path, tensor)


def test_a_kernel_in_each_dictionary_is_refused_by_its_shape(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save([{"w": torch.zeros(2, 3), "k": torch.zeros(2, 2, 2, 2)}] * 3, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"frame 0 has shape \(2, 2, 2, 2\), expected rows and"):
        open_frames(tmp_path / "a.pt", tensor="k")
