"""Series of checkpoints: one tensor of each file, in the order of the numbers in their names."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors_bytes import safetensors

from fastheat import Heatmap, load_frames, save_gif
from fastheat.cli.main import main
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources.numbering import in_order
from fastheat.inputs.sources.tensorfiles import _flat, _tensors_in
from fastheat.inputs.sources.tensors import of_bits

STEPS = (2, 10, 9, 100)
WEIGHTS = {step: np.random.default_rng(step).normal(size=(3, 5)).astype("f4") for step in STEPS}
IN_ORDER = np.stack([WEIGHTS[step] for step in sorted(STEPS)])


def state(step: int) -> dict[str, Any]:
    """Return the state dict of a small network."""
    return {
        "encoder.bias": WEIGHTS[step][:, 0],
        "encoder.weight": WEIGHTS[step],
        "conv.weight": np.zeros((8, 3, 3, 3), "f4"),
        "decoder.weight": -WEIGHTS[step].T,
    }


def write(folder: Path, suffix: str = ".safetensors") -> Path:
    folder.mkdir(exist_ok=True)
    for step in STEPS:
        path = folder / f"step_{step}{suffix}"
        if suffix == ".safetensors":
            path.write_bytes(safetensors(state(step)))
        elif suffix == ".npz":
            np.savez(path, **state(step))
        else:
            np.save(path, WEIGHTS[step])
    return folder


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".npy"])
@pytest.mark.parametrize("form", ["pattern", "directory", "paths"])
def test_every_kind_of_file_gives_the_tensors_in_order(
    suffix: str, form: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, suffix)
    (folder / "notes.json").write_text("{}")
    files: Any = {
        "pattern": str(folder / f"step_*{suffix}"),
        "directory": folder,
        "paths": [folder / f"step_{step}{suffix}" for step in STEPS],
    }[form]
    frames = load_frames(files, tensor=None if suffix == ".npy" else "encoder.weight")
    assert (frames.shape, frames.dtype, frames.steps) == ((4, 3, 5), np.float32, (2, 9, 10, 100))
    np.testing.assert_array_equal(np.asarray(frames), IN_ORDER)
    opened = open_frames(frames)
    np.testing.assert_array_equal(np.concatenate(list(opened.chunks(3))), IN_ORDER)
    assert opened.source is frames
    again = pickle.loads(pickle.dumps(frames))
    np.testing.assert_array_equal(again.read(1, 3), IN_ORDER[1:3])
    assert len(pickle.dumps(frames)) < 2000


def test_a_sole_matrix_needs_no_name_and_several_are_panels(tmp_path: Path) -> None:
    folder = write(tmp_path)
    names = ["encoder.weight", "decoder.weight"]
    panels = open_frames(load_frames(folder, tensor=names))
    assert panels.shape == {"encoder.weight": (3, 5), "decoder.weight": (5, 3)}
    assert panels.steps == (2, 9, 10, 100)
    flat = np.concatenate([IN_ORDER, -IN_ORDER.transpose(0, 2, 1).reshape(4, 3, 5)], axis=1)
    (chunk,) = panels.chunks(9)
    np.testing.assert_array_equal(chunk, flat.reshape(4, -1))
    renamed = load_frames(folder, tensor={"in": names[0], "out": names[1]})
    assert [(name, each.name) for name, each in renamed.items()] == [
        ("in", "encoder.weight"),
        ("out", "decoder.weight"),
    ]
    for step in STEPS:
        sole = safetensors({"w": WEIGHTS[step], "b": np.zeros(3, "f4")})
        (folder / f"step_{step}.safetensors").write_bytes(sole)
    np.testing.assert_array_equal(np.asarray(load_frames(folder)), IN_ORDER)


ORDERS: dict[str, tuple[list[str], tuple[int, ...]]] = {
    "natural": (["s2", "s10", "s100"], (2, 10, 100)),
    "zeros": (["s002", "s010", "s100"], (2, 10, 100)),
    "in folders": (["a1/c20/m.pt", "a1/c100/m.pt"], (20, 100)),
    "in the middle": (["7-s9-of-9", "7-s10-of-9"], (9, 10)),
    "called step": (["epoch=1-step=90", "epoch=2-step=80"], (90, 80)),
    "called epoch": (["epoch=1-loss=0.5", "epoch=2-loss=0.25"], (1, 2)),
    "alone": (["v2_s7"], (7,)),
}


@pytest.mark.parametrize("case", ORDERS)
@pytest.mark.parametrize("given", [True, False])
def test_files_are_ordered_by_the_number_that_differs(case: str, given: bool) -> None:
    names, steps = ORDERS[case]
    by_step = sorted(zip(steps, names, strict=True))
    for shuffled in (names, names[::-1], sorted(names)):
        paths, found = in_order(list(map(Path, shuffled)), given=given)
        assert found == tuple(step for step, _ in by_step)
        assert list(map(str, paths)) == [str(Path(name)) for _, name in by_step]


MIXED: dict[str, tuple[list[str], str]] = {
    "mixture": (["s1", "t2"], "names differ in a number alone, not 's1' and 't2'"),
    "last": (["s1", "s2", "s"], "names differ in a number alone, not 's1' and 's'"),
    "several": (["a1b2", "a3b4"], "differ in one number, not in several as 'a1b2' and 'a3b4'"),
}


@pytest.mark.parametrize("case", MIXED)
def test_names_without_an_order_are_refused_unless_they_were_given_in_one(case: str) -> None:
    names, message = MIXED[case]
    paths = list(map(Path, names))
    with pytest.raises(ValueError, match=f"^expected files whose .*{message}$"):
        in_order(paths, given=False)
    assert in_order(paths, given=True) == (paths, None)


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    "names", [["s1", "s2", "s01"], ["s1", "s1"], ["step1-r1", "step1-r2"][:1] * 2]
)
def test_two_files_of_one_number_are_refused(names: list[str], given: bool) -> None:
    with pytest.raises(ValueError, match=r"^expected one file of number 1, not '.*1' and '.*1'$"):
        in_order(list(map(Path, names)), given=given)


def complaint(files: object, tensor: object = None) -> str:
    with pytest.raises(ValueError) as caught:
        load_frames(files, tensor=tensor)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_what_tensors_there_are_is_said(tmp_path: Path) -> None:
    folder = write(tmp_path)
    first = folder / "step_2.safetensors"
    listed = (
        "'encoder.weight' (3, 5), 'decoder.weight' (5, 3), 'encoder.bias' (3,), "
        "'conv.weight' (8, 3, 3, 3)"
    )
    assert complaint(folder) == (
        f"cannot read {first}: it holds 2 tensors of shape (N, M), expected tensor= to name one: "
        f"{listed}"
    )
    assert complaint(folder, "encoder.wieght") == (
        f"cannot read {first}: it holds no tensor 'encoder.wieght'; did you mean 'encoder.weight' "
        f"or 'decoder.weight' or 'encoder.bias'? it has {listed}"
    )
    assert complaint(folder, "conv.weight") == (
        f"cannot read {first}: tensor 'conv.weight' has shape (8, 3, 3, 3), expected (N, M); give "
        "arrays that are reshaped"
    )
    many = {f"{'long' * 40}.{k}": np.zeros((2, 2), "f4") for k in range(500)}
    (tmp_path / "many.safetensors").write_bytes(safetensors(many))
    message = complaint(tmp_path / "many.safetensors")
    assert message.endswith("longlonglong.3' (2, 2) and 496 more, 496 of them (N, M)")
    few: dict[str, Any] = {**dict(list(many.items())[-4:]), "b" * 30: np.zeros(3, "f4")}
    write_one(tmp_path / "many.safetensors", few)
    assert complaint(tmp_path / "many.safetensors").endswith("and 1 more")
    assert "it holds no tensor of shape (N, M): 'b' (3,)" in complaint(
        write_one(tmp_path / "bias.safetensors", {"b": np.zeros(3, "f4")})
    )


def test_a_vector_of_each_checkpoint_is_a_matrix_of_one_row(tmp_path: Path) -> None:
    for suffix in (".safetensors", ".npz"):
        frames = load_frames(write(tmp_path / suffix[1:], suffix), tensor="encoder.bias")
        assert frames.shape == (4, 1, 3)
        np.testing.assert_array_equal(np.asarray(frames)[:, 0], IN_ORDER[:, :, 0])
        save_gif(io.BytesIO(), frames)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_number_of_each_checkpoint_is_a_line_beneath_panels(suffix: str, tmp_path: Path) -> None:
    for step, weights in WEIGHTS.items():
        tensors: dict[str, Any] = {"w": weights, "loss": np.array(step / 4, "f4")}
        if suffix == ".npz":
            np.savez(tmp_path / f"{step}.npz", **tensors)
        else:
            (tmp_path / f"{step}.safetensors").write_bytes(safetensors(tensors))
    drawn = gif(tmp_path, tensor=["w", "loss"])
    assert drawn == gif({"w": IN_ORDER, "loss": [0.5, 2.25, 2.5, 25.0]})
    assert "tensor 'loss' is a number of each frame, expected a matrix" in complaint(
        tmp_path, "loss"
    )


@pytest.mark.parametrize("part", [np.s_[::2], np.s_[1:3], np.s_[::-1], np.s_[-1:]])
def test_a_slice_of_checkpoints_has_their_steps_and_is_read_as_they_are(
    part: slice, tmp_path: Path
) -> None:
    folder = write(tmp_path)
    frames = load_frames(folder, tensor="encoder.weight")[part]
    assert frames.steps == (2, 9, 10, 100)[part]
    assert len(frames) == len(frames.steps)
    np.testing.assert_array_equal(np.asarray(frames), IN_ORDER[part])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(frames))[0], IN_ORDER[part][0])
    look: dict[str, Any] = {"title": "step {step}", "vmin": -9, "vmax": 9}
    sliced, listed = io.BytesIO(), io.BytesIO()
    save_gif(sliced, frames, **look)
    paths = [folder / f"step_{step}.safetensors" for step in frames.steps]
    if frames.steps == tuple(sorted(frames.steps)):
        save_gif(listed, load_frames(paths, tensor="encoder.weight"), **look)
        assert sliced.getvalue() == listed.getvalue()


def test_no_checkpoints_are_refused(tmp_path: Path) -> None:
    frames = load_frames(write(tmp_path), tensor="encoder.weight")[4:]
    assert np.asarray(frames).shape == frames.shape == (0, 3, 5)
    with pytest.raises(ValueError, match=r"shape \(0, 3, 5\), expected at least one frame"):
        save_gif(io.BytesIO(), frames)


def write_one(path: Path, tensors: dict[str, Any]) -> Path:
    path.write_bytes(safetensors(tensors))
    return path


def test_an_array_without_a_name_has_no_other_and_is_a_matrix(tmp_path: Path) -> None:
    folder = write(tmp_path, ".npy")
    assert complaint(folder, "w").endswith("step_2.npy: it holds one array without a name, not 'w'")
    np.save(folder / "step_9.npy", np.zeros((2, 3, 5)))
    assert complaint(folder).endswith("step_9.npy: an array of shape (2, 3, 5), expected (N, M)")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"w": np.zeros((5, 3), "f4")},
            r"tensor 'w' is float32 \(5, 3\), expected float32 \(3, 5\)",
        ),
        (
            {"w": np.zeros((3, 5), "f2")},
            r"tensor 'w' is float16 \(3, 5\), expected float32 \(3, 5\)",
        ),
        ({"v": np.zeros((3, 5), "f4")}, r"it holds no tensor 'w'; it has 'v' \(3, 5\)"),
    ],
)
def test_the_file_whose_tensor_is_unlike_the_others_is_named(
    changed: dict[str, Any], message: str, tmp_path: Path
) -> None:
    for step in range(4):
        write_one(tmp_path / f"{step}.safetensors", {"w": np.zeros((3, 5), "f4")})
    write_one(tmp_path / "2.safetensors", changed)
    with pytest.raises(ValueError, match=rf"^cannot read .*2\.safetensors: {message}"):
        load_frames(tmp_path)


def replaced(path: Path) -> None:
    other = path.with_suffix(".new")
    write_one(other, {"w": np.ones((3, 5), "f4")})
    os.utime(other, ns=(0, path.stat().st_mtime_ns + 10**9))
    other.replace(path)


CHANGES: dict[str, tuple[Callable[[Path], object], type[Exception]]] = {
    "gone": (Path.unlink, FileNotFoundError),
    "truncated": (lambda path: os.truncate(path, 100), ValueError),
    "replaced": (replaced, ValueError),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_changes_meanwhile_is_named(how: str, tmp_path: Path) -> None:
    for step in range(4):
        write_one(tmp_path / f"{step}.safetensors", {"w": np.full((3, 5), step, "f4")})
    frames = load_frames(tmp_path)
    change, error = CHANGES[how]
    change(tmp_path / "2.safetensors")
    np.testing.assert_array_equal(frames.read(0, 2)[:, 0, 0], [0, 1])
    with pytest.raises(error, match=r"2\.safetensors"):
        frames.read(1, 4)
    with pytest.raises(error, match=r"2\.safetensors"):
        save_gif(io.BytesIO(), frames)


def test_only_the_tensor_is_read(tmp_path: Path) -> None:
    """The files of 8 GB are sparse: only the blocks of their matrix take room on the disk."""
    size = 1 << 33
    header = {
        "large": {"dtype": "U8", "shape": [size // 4, 4], "data_offsets": [0, size]},
        "w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [size, size + 60]},
    }
    text = json.dumps(header).encode()
    for step, weights in WEIGHTS.items():
        with (tmp_path / f"{step}.safetensors").open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.seek(size, 1)
            file.write(weights.tobytes())
    tracemalloc.start()
    try:
        frames = load_frames(tmp_path, tensor="w")
        np.testing.assert_array_equal(np.asarray(frames), IN_ORDER)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------------------------------- numbers


def test_every_bfloat16_is_the_float32_that_it_begins() -> None:
    codes = np.arange(1 << 16, dtype="<u2")
    expected = [struct.unpack("<f", b"\0\0" + struct.pack("<H", code))[0] for code in codes]
    found = of_bits(codes.tobytes(), "bfloat16")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(expected, "f4"))
    np.testing.assert_array_equal(np.signbit(found), codes >= 1 << 15)


EIGHTS = ["e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu"]


@pytest.mark.parametrize("name", EIGHTS)
def test_every_float_of_eight_bits_is_that_of_ml_dtypes(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    if not hasattr(ml_dtypes, f"float8_{name}"):
        pytest.skip(f"this ml_dtypes has no float8_{name}")
    codes = np.arange(256, dtype=np.uint8)
    expected = codes.view(getattr(ml_dtypes, f"float8_{name}")).astype(np.float32)
    found = of_bits(codes.tobytes(), f"float8_{name}")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    zeros = found == 0
    np.testing.assert_array_equal(np.signbit(found[zeros]), np.signbit(expected[zeros]))


def test_floats_of_eight_bits_are_those_of_their_definition() -> None:
    def one(name: str, code: int) -> float:
        return float(of_bits(bytes([code]), f"float8_{name}")[0])

    # the largest, the smallest positive and 1, from the papers that define the formats
    assert [one("e4m3fn", code) for code in (0x7E, 0x01, 0x38, 0xB8)] == [448, 2**-9, 1, -1]
    assert [one("e5m2", code) for code in (0x7B, 0x01, 0x3C, 0x7C)] == [57344, 2**-16, 1, np.inf]
    assert [one("e4m3fnuz", code) for code in (0x7F, 0x01, 0x40)] == [240, 2**-10, 1]
    assert [one("e5m2fnuz", code) for code in (0x7F, 0x01, 0x40)] == [57344, 2**-17, 1]
    assert [one("e8m0fnu", code) for code in (0, 127, 254)] == [2**-127, 1, 2.0**127]
    nans = {"e4m3fn": 0x7F, "e5m2": 0x7D, "e4m3fnuz": 0x80, "e5m2fnuz": 0x80, "e8m0fnu": 0xFF}
    assert all(np.isnan(one(name, code)) for name, code in nans.items())


@pytest.mark.parametrize(
    ("kind", "raw", "dtype", "expected"),
    [
        ("BF16", "803f", np.float32, 1.0),
        ("F8_E4M3", "38", np.float32, 1.0),
        ("F8_E5M2", "3c", np.float32, 1.0),
        ("I64", "0100000000000000", np.int64, 1),
        ("U16", "0100", np.uint16, 1),
        ("BOOL", "01", np.bool_, True),
    ],
)
def test_dtypes_that_numpy_has_are_kept_and_others_become_float32(
    kind: str, raw: str, dtype: Any, expected: float, tmp_path: Path
) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(safetensors({}, w=(kind, [2, 3], bytes.fromhex(raw) * 6)))
    frames = load_frames(path)
    assert frames.dtype == dtype
    np.testing.assert_array_equal(np.asarray(frames), np.full((1, 2, 3), expected))


def test_a_dtype_that_is_not_known_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(safetensors({}, w=("F4", [2, 4], b"1234"), v=("F32", [1, 1], b"1234")))
    assert complaint(path, "w") == f"cannot read {path}: it has dtype F4, expected real numbers"
    assert load_frames(path, tensor="v").shape == (1, 1, 1)


GOOD = safetensors({"w": WEIGHTS[2]})
HEAD = int.from_bytes(GOOD[:8], "little")


def damaged(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text + WEIGHTS[2].tobytes()


DAMAGE: dict[str, bytes] = {
    "empty": b"",
    "short length": GOOD[:5],
    "short header": GOOD[:30],
    "long header": struct.pack("<Q", 1 << 40) + GOOD[8:],
    "no JSON": damaged(b"{w}"),
    "not a dictionary": damaged(b"[1, 2]"),
    "no tensors": damaged(b'{"w": 3}'),
    "no shape": damaged(b'{"w": {"dtype": "F32", "data_offsets": [0, 60]}}'),
    "negative": damaged(b'{"w": {"dtype": "F32", "shape": [-3, -5], "data_offsets": [0, 60]}}'),
    "floats": damaged(b'{"w": {"dtype": "F32", "shape": [3.0, 5], "data_offsets": [0, 60]}}'),
    "offsets": damaged(b'{"w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 61]}}'),
    "huge": damaged(b'{"w": {"dtype": "F32", "shape": [9999999, 9], "data_offsets": [0, 60]}}'),
    "beyond 64 bits": damaged(
        b'{"w": {"dtype": "F32", "shape": [0, %d], "data_offsets": [0, 0]}}' % 10**30
    ),
    "too many sides": damaged(
        b'{"w": {"dtype": "F32", "shape": [%s3, 5], "data_offsets": [0, 60]}}' % (b"1, " * 99)
    ),
    "no data": GOOD[: 8 + HEAD],
    "less data": GOOD[:-1],
    "deep": damaged(b"[" * 100_000),
    "dtype": damaged(b'{"w": {"dtype": ["F32"], "shape": [3, 5], "data_offsets": [0, 60]}}'),
    "three offsets": damaged(
        b'{"w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60, 9]}}'
    ),
    "name twice": damaged(
        b'{"w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]},'
        b' "w": {"dtype": "F32", "shape": [3, 5], "data_offsets": [0, 60]}}'
    ),
    "overlap": damaged(
        b'{"v": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},'
        b' "w": {"dtype": "F32", "shape": [3, 4], "data_offsets": [12, 60]}}'
    ),
    "hole": damaged(b'{"w": {"dtype": "F32", "shape": [3, 4], "data_offsets": [12, 60]}}'),
    "more data": GOOD + b"\0",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_safetensors_are_refused(how: str, tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(DAMAGE[how])
    message = complaint(path, "w")
    assert message.startswith(f"cannot read {path}: ")
    assert any(word in message for word in ("damaged", "the file ends", "the file is empty"))


def test_a_message_is_a_short_line_whatever_the_names_are(tmp_path: Path) -> None:
    path = tmp_path / "s\x1b[2J\n.safetensors"
    path.write_bytes(safetensors({"n\n\x1b" * 9999: np.zeros((2, 3, 4, 5), "f4")}))
    for tensor in ("n\n\x1b" * 9999, "m" * 9999, None):
        message = complaint(path, tensor)
        assert message.isprintable()
        assert len(message) < len(str(tmp_path)) + 400


def test_an_array_that_claims_more_than_its_file_has_is_refused(tmp_path: Path) -> None:
    header = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": (2**70, 3)}
    np.lib.format.write_array_header_1_0(header, claim)
    for name in ("a.npz", "b.npz"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("w.npy", header.getvalue())
    (tmp_path / "a.npy").write_bytes(header.getvalue())
    for files in ([tmp_path / "a.npz", tmp_path / "b.npz"], tmp_path / "a.npz"):
        assert "ends before its array of shape (1180591620717411303424, 3)" in complaint(files, "w")
    with pytest.raises(ValueError, match="ends before its array"):
        load_frames([tmp_path / "a.npy"])


def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path) -> None:
    np.save(tmp_path / "s1.npy", np.zeros((3, 4)))
    os.mkfifo(tmp_path / "s2.npy")
    with pytest.raises(ValueError, match=r"s2\.npy: a special file, expected one of tensors"):
        load_frames(str(tmp_path / "s*.npy"))


def test_containers_that_share_their_items_are_not_followed_for_ever() -> None:
    shared: list[Any] = []
    for _ in range(60):
        shared = [shared, shared]
    within: dict[str, Any] = {}
    within["self"] = within
    assert sum(1 for _ in islice(_flat(shared, "", np.ndarray), 1000)) == 1000
    with pytest.raises(ValueError, match="containers are nested over 200 deep"):
        list(_flat(within, "", np.ndarray))


def test_names_that_tensors_share_are_not_multiplied() -> None:
    tensors = [np.zeros((2, 3))] * 2000
    assert len(_tensors_in({"k" * 9: tensors}, np.ndarray)) == 2000
    with pytest.raises(ValueError, match="its names have over 100000000 letters"):
        _tensors_in({"k" * 100_000: tensors}, np.ndarray)


def test_archives_with_a_name_that_stands_twice_are_refused(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, w=np.zeros((2, 3)))
        with zipfile.ZipFile(tmp_path / name) as archive:
            member = archive.read("w.npy")
        with (
            pytest.warns(UserWarning, match="Duplicate name"),
            zipfile.ZipFile(tmp_path / name, "a") as archive,
        ):
            archive.writestr("w.npy", member)
    for files in (tmp_path / "a.npz", [tmp_path / "a.npz", tmp_path / "b.npz"]):
        with pytest.raises(ValueError, match=r"a\.npz: 'w\.npy' occurs twice"):
            load_frames(files)


# ---------------------------------------------------------------------------------------- PyTorch


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def numbers(*values: int) -> bytes:
    long = [int(value).to_bytes(9, "little", signed=True) for value in values]
    return b"(" + b"".join(b"\x8a\x09" + value for value in long) + b"t"


def tensor_of(
    key: str,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    start: int = 0,
    length: int = 60,
    kind: str = "FloatStorage",
) -> bytes:
    """Return the opcodes that `torch.save` writes for a tensor."""
    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu")
    storage += numbers(length)[1:-1] + b"tQ"
    function = b"ctorch._utils\n_rebuild_tensor_v2\n"
    place = numbers(start)[1:-1] + numbers(*shape) + numbers(*strides)
    return function + b"(" + storage + place + b"\x89ccollections\nOrderedDict\n)RtR"


def torch_file(path: Path, tensors: dict[str, bytes], **members: bytes) -> Path:
    """Write an archive of tensors, whose storage "0" holds the numbers from 0 to 59."""
    items = b"".join(text(name) + tensor for name, tensor in tensors.items())
    pickled = b"\x80\x02}(" + items + b"u."
    found = {
        "data.pkl": pickled,
        "byteorder": b"little",
        "data/0": np.arange(60, dtype="<f4").tobytes(),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**found, **members}.items():
            archive.writestr(f"s/{name}", data)
    return path


def test_tensors_of_pytorch_are_read_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    views = {
        "plain": ((5, 4), (4, 1), 0),
        "transposed": ((4, 5), (1, 4), 20),
        "strided": ((3, 4), (20, 2), 7),
        "expanded": ((3, 4), (0, 1), 50),
        "vector": ((6,), (2,), 3),
    }
    tensors = {name: tensor_of("0", *view) for name, view in views.items()}
    # like a state_dict(), which has the versions of modules as an attribute
    attributes = b"}" + text("_metadata") + b"}sb"
    tensors["module"] = b"ccollections\nOrderedDict\n)R" + text("k") + b"Ns" + attributes
    path = torch_file(tmp_path / "s1.pt", tensors)
    for name, (shape, strides, start) in views.items():
        indices = np.indices(shape).reshape(len(shape), -1)
        expected = start + np.array(strides) @ indices
        found = load_frames(path, tensor=name)
        np.testing.assert_array_equal(np.asarray(found).ravel(), expected)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(found))[0].ravel(), expected)


ALLOCATING = b"c__builtin__\nbytearray\n" + numbers(10**10) + b"R"
HOSTILE: dict[str, tuple[dict[str, bytes], dict[str, bytes], str]] = {
    "code": ({"w": b"cos\nmkdir\n(" + text("made") + b"tR"}, {}, "asks for os.mkdir"),
    "a class": ({"w": b"c__torch__\nModule\n)\x81"}, {"constants.pkl": b"\x80\x02)."}, "asks for"),
    "sparse": ({"w": b"ctorch._utils\n_rebuild_sparse_tensor\n)R"}, {}, "save .to_dense()"),
    "quantized": ({"w": b"ctorch._utils\n_rebuild_qtensor\n)R"}, {}, "save .dequantize()"),
    "state": ({"w": b"ctorch\nDevice\n"}, {}, "asks for torch.Device"),
    "start": ({"w": tensor_of("0", (5, 4), (4, 1), 41)}, {}, "ends after the 240 bytes"),
    "strides": ({"w": tensor_of("0", (5, 4), (15, 1))}, {}, "ends after the 240 bytes"),
    "claim": (
        {"w": tensor_of("0", (10**6, 10**6), (10**6, 1), 0, 10**12)},
        {},
        "ends after the 240",
    ),
    "wider": (
        {"w": tensor_of("0", (5, 8), (8, 1), kind="DoubleStorage")},
        {},
        "ends after the 240",
    ),
    "expanded": ({"w": tensor_of("0", (10**6, 10**6), (0, 0))}, {}, "numbers in 1 places"),
    "negative": ({"w": tensor_of("0", (5, 4), (-4, 1), 50)}, {}, "without a storage, shape"),
    "rank": ({"w": tensor_of("0", (5, 4), (4,))}, {}, "without a storage, shape"),
    "sides": ({"w": tensor_of("0", (1,) * 100, (1,) * 100)}, {}, "without a storage, shape"),
    "missing": ({"w": tensor_of("1", (5, 4), (4, 1))}, {}, "it lacks the storage '1'"),
    "two": (
        {"w": tensor_of("0", (5, 4), (4, 1)), "v": tensor_of("0", (5, 4), (4, 1), 0, 59)},
        {},
        "two storages of one name",
    ),
    "order": (
        {"w": tensor_of("0", (5, 4), (4, 1))},
        {"byteorder": b"middle"},
        "byte order is neither",
    ),
    "stack": ({"w": b"QQQ"}, {}, "damaged"),
    "no pickle": ({}, {"data.pkl": b""}, "damaged|truncated"),
    "memo": ({"w": b"Nr\xff\xff\xff\x7f"}, {}, "'w' is None, expected matrices"),
    "memory": ({"w": ALLOCATING}, {}, "asks for __builtin__.bytearray"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_files_of_pytorch_run_nothing_and_read_nothing_else(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tensors, members, said = HOSTILE[case]
    path = torch_file(tmp_path / "s1.pt", tensors, **members)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=said):
            load_frames(path, tensor="w")
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert len(complaint(path, "w")) < len(str(path)) + 400
    assert not Path("made").exists()


def test_archives_of_pytorch_have_each_member_once_and_none_compressed(tmp_path: Path) -> None:
    tensors = {"w": tensor_of("0", (5, 4), (4, 1))}
    path = torch_file(tmp_path / "s1.pt", tensors)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s/data/1", bytes(1 << 20))
    assert "'s/data/1' is compressed" in complaint(path)
    path = torch_file(tmp_path / "s2.pt", tensors)
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("s/data/0", bytes(240))
    assert "'s/data/0' occurs twice" in complaint(path)


@pytest.mark.parametrize("cut", [None, 1, 100, 200])
def test_files_of_before_pytorch_1_6_are_read_as_far_as_they_go(
    cut: int | None, tmp_path: Path
) -> None:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
    state = b"\x80\x02}(" + text("w") + tensor_of("7", (5, 4), (1, 5), 3) + b"u."
    raw = magic + pickle.dumps({"little_endian": True}, 2) + state + pickle.dumps(["7"], 2)
    raw += struct.pack("<q", 60) + np.arange(60, dtype="<f4").tobytes()
    path = tmp_path / "s1.pt"
    path.write_bytes(raw if cut is None else raw[:-cut])
    if cut is None:
        expected = 3 + np.arange(20).reshape(4, 5).T
        np.testing.assert_array_equal(load_frames(path, tensor="w")[0], expected)
    else:
        assert "the file ends before storage '7' does" in complaint(path, "w")
    path.write_bytes(raw[:-248] + struct.pack("<q", 61) + raw[-240:])
    assert "another length than it says" in complaint(path, "w")


def test_a_dtype_of_any_length_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(safetensors({}, w=("f4," * 200_000, [1, 1], b"1234")))
    tracemalloc.start()
    try:
        assert "expected real numbers" in complaint(path, "w")
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------- files and options


def test_folders_of_no_or_several_kinds_are_refused(tmp_path: Path) -> None:
    assert "a directory without .safetensors, .pt, .pth, .ckpt, .bin" in complaint(tmp_path)
    for step in (500, 1000):
        (tmp_path / "run" / f"checkpoint-{step}").mkdir(parents=True)
        write_one(tmp_path / "run" / f"checkpoint-{step}" / "model.safetensors", {"w": IN_ORDER[0]})
    pattern = str(tmp_path / "run" / "*" / "model.safetensors")
    assert complaint(tmp_path / "run").endswith(f": give a pattern such as {pattern!r}")
    assert load_frames(pattern).steps == (500, 1000)
    write(tmp_path)
    write(tmp_path, ".npz")
    message = complaint(tmp_path)
    assert "a directory of files of several kinds (.npz, .safetensors), expected one" in message
    with pytest.raises(FileNotFoundError, match=r"No file matches.*nothing_\*"):
        load_frames(str(tmp_path / "nothing_*"))
    (tmp_path / "deep_1").mkdir()
    assert "deep_1: a directory, expected a file of tensors" in complaint(str(tmp_path / "deep_*"))


def test_a_name_of_a_tensor_is_refused_where_there_are_none(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", IN_ORDER)
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(list(IN_ORDER)))
    assert "w.npy: it holds one array without a name, not 'w'" in complaint(tmp_path / "w.npy", "w")
    assert "w.pkl: it holds frames without names, not 'w'" in complaint(tmp_path / "w.pkl", "w")
    for frames in (IN_ORDER, list(IN_ORDER), iter(IN_ORDER)):
        with pytest.raises(TypeError, match="expected tensor='w' with files or a group, not with"):
            load_frames(frames, tensor="w")
    with pytest.raises(TypeError, match="expected tensor to be the name of one, not 3"):
        load_frames(tmp_path / "w.npy", tensor=3)
    assert complaint(tmp_path / "w.npy", []) == "expected the name of a tensor, not []"


def test_a_name_chooses_of_archives_and_pickled_dictionaries(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=IN_ORDER, b=-IN_ORDER, c=IN_ORDER[0])
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"a": IN_ORDER, "b": -IN_ORDER}))
    for name in ("a.npz", "a.pkl"):
        for tensor, expected in (("a", IN_ORDER), ("b", -IN_ORDER)):
            (chunk,) = open_frames(tmp_path / name, tensor=tensor).chunks(9)
            np.testing.assert_array_equal(chunk, expected)
        assert "it holds no" in complaint(tmp_path / name, "d")
    (chunk,) = open_frames(tmp_path / "a.npz", tensor="c").chunks(9)
    np.testing.assert_array_equal(chunk, IN_ORDER[:1])


def gif(frames: object, **options: Any) -> bytes:
    file = io.BytesIO()
    save_gif(file, frames, **options)
    return file.getvalue()


def test_titles_have_the_step_of_the_file(tmp_path: Path) -> None:
    files = str(write(tmp_path) / "*.safetensors")
    texts = [f"step {step} ({step:05})" for step in sorted(STEPS)]
    expected = gif(IN_ORDER, titles=texts, title="")
    template = "step {step} ({step:05})"
    named: dict[str, Any] = {"tensor": "encoder.weight"}
    assert gif(files, titles=template, title="", **named) == expected
    heatmap = Heatmap((3, 5), title=template)
    assert gif(files, title=template, **named) == gif(IN_ORDER, titles=texts, heatmap=heatmap)
    both = gif(IN_ORDER, titles=[f"{text}\n{k}" for k, text in enumerate(texts)])
    assert gif(files, title=template, titles="{}", **named) == both
    numbered = gif(IN_ORDER, titles=[f"{k}: {s}" for k, s in enumerate(sorted(STEPS))], title="")
    assert gif(files, titles="{}: {step}", title="", **named) == numbered
    assert gif(files, title="{step", **named) == gif(IN_ORDER, title="{step")
    with pytest.raises(ValueError, match=r"not 'step \{step\}'$"):
        gif(IN_ORDER, titles="step {step}")
    with pytest.raises(ValueError, match=r"^expected a title with \{step\} alone, .* \{loss\}'$"):
        gif(files, title="step {step} {loss}", **named)
    with pytest.raises(ValueError, match=r"or \{step\} for its step, not 'x'$"):
        gif(files, titles="x", **named)


def test_the_command_renders_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "ckpt")
    monkeypatch.chdir(tmp_path)
    tensor = ["--tensor", "encoder.weight"]
    title = ["--title", "step {step}"]
    files = [f"ckpt/step_{step}.safetensors" for step in STEPS]
    for inputs, output in (
        (["ckpt/step_*.safetensors"], "step.gif"),
        (files, "step.gif"),
        (["ckpt"], "ckpt.gif"),
    ):
        assert main(["render", *inputs, *tensor, *title]) == 0
        found = Path(output).read_bytes()
        heatmap = Heatmap((3, 5), title=title[1])
        assert found == gif(IN_ORDER, titles=[f"step {s}" for s in sorted(STEPS)], heatmap=heatmap)
        Path(output).unlink()
    capsys.readouterr()
    assert main(["render", "ckpt", *tensor, *title, "--frame", "1", "-o", "still.png"]) == 0
    assert main(["render", "ckpt", *tensor, "--tensor", "decoder.weight", "-o", "panels.gif"]) == 0
    assert Path("panels.gif").read_bytes() == gif(
        {"encoder.weight": IN_ORDER, "decoder.weight": -IN_ORDER.transpose(0, 2, 1)}
    )
    assert main(["render", "ckpt"]) == 1
    assert "expected --tensor to name one: 'encoder.weight' (3, 5)" in capsys.readouterr().err
    assert main(["render", files[0], "out.gif"]) == 2
    assert "unexpected argument 'out.gif', which is not a file" in capsys.readouterr().err
