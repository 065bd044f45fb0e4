"""Frames of any kind become float64 chunks, or a one-line error that says which frame is wrong."""

from __future__ import annotations

import collections
import gc
import io
import mmap
import os
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
import warnings
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastheat import GifWriter, save_gif
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.stream import Frames
from fastheat.inputs.sources.files import load_frames

STACK = np.arange(60.0).reshape(5, 4, 3)


def read(frames: object, size: int = 2) -> npt.NDArray[np.float64]:
    """Return all chunks as one array, after checking each."""
    opened = open_frames(frames)
    chunks = list(opened.chunks(size))
    for chunk in chunks:
        assert type(chunk) is np.ndarray
        assert chunk.dtype == np.float64
        assert chunk.dtype.isnative
        assert chunk.flags.c_contiguous
        assert chunk.flags.writeable
        assert chunk.shape[1:] == opened.shape
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert 1 <= len(chunks[-1]) <= size
    joined = np.concatenate(chunks)
    assert opened.length in (None, len(joined))
    return joined


def complaint(frames: object, error: type[Exception] = ValueError, *, late: bool = False) -> str:
    """Return the one-line error of opening the frames, or of reading them if `late`."""
    with nullcontext() if late else pytest.raises(error) as caught:
        opened = open_frames(frames)
    if late:
        with pytest.raises(error) as caught:
            collections.deque(opened.chunks(2), maxlen=0)
    assert caught is not None
    message = str(caught.value)
    assert "\n" not in message
    return message


def csr_like() -> Any:
    """Return an object like a sparse array of SciPy."""

    class csr_array:  # noqa: N801
        nnz, shape = 1, (4, 3)

        def __len__(self) -> int:
            raise TypeError("sparse array length is ambiguous")

        def __getitem__(self, key: object) -> object:
            return self

        def toarray(self) -> Any:
            return STACK[0]

    return csr_array()


class Table:
    """A data frame, which is indexed by the names of its columns."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)
        if self.values.dtype.kind == "U":
            self.values = np.array(values, object)
        self.shape, self.dtype = self.values.shape, None

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.values

    def __getitem__(self, key: object) -> Any:
        raise KeyError(key)

    def select_dtypes(self, kind: str) -> Any:
        return self


class ArrayLike:
    """A tensor of another library: neither a sequence nor an ndarray."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        return self.values


class Sliced(ArrayLike):
    """A dataset of another library, which reads the slices asked for."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        super().__init__(values)
        self.shape, self.dtype, self.most = values.shape, "its own", 0

    def __getitem__(self, index: slice) -> ArrayLike:
        self.most = max(self.most, len(self.values[index]))
        return ArrayLike(self.values[index])

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        raise AssertionError("read as a whole")


class Reiterable:
    def __iter__(self) -> Iterator[Any]:
        yield from STACK


class Indexed:
    """An old-style sequence, without an end."""

    def __len__(self) -> int:
        return len(STACK)

    def __getitem__(self, index: int) -> Any:
        return STACK[index % len(STACK)]


KINDS = {
    "array": (lambda: STACK, 5, True),
    "Fortran order": (lambda: np.asfortranarray(STACK), 5, True),
    "strided": (lambda: np.repeat(STACK, 2, 0)[::2], 5, True),
    "backwards": (lambda: STACK[::-1].copy()[::-1], 5, True),
    "read-only": (lambda: np.broadcast_to(STACK, STACK.shape), 5, True),
    "array-like": (lambda: ArrayLike(STACK), 5, True),
    "sliced": (lambda: Sliced(STACK), 5, True),
    "list": (lambda: list(STACK), 5, True),
    "tuple": (lambda: tuple(STACK), 5, True),
    "deque": (lambda: collections.deque(STACK), 5, True),
    "user list": (lambda: collections.UserList(STACK), 5, True),
    "nested lists": (lambda: STACK.tolist(), 5, True),
    "nested tuples": (lambda: [tuple(map(tuple, frame)) for frame in STACK], 5, True),
    "lists of rows": (lambda: [list(frame) for frame in STACK], 5, True),
    "array-likes": (lambda: [ArrayLike(frame) for frame in STACK], 5, True),
    "transposed frames": (lambda: [frame.T.copy().T for frame in STACK], 5, True),
    "indexed": (Indexed, 5, True),
    "reiterable": (Reiterable, None, True),
    "dict values": (lambda: dict(enumerate(STACK)).values(), 5, True),
    "generator": (lambda: (frame for frame in STACK), None, False),
    "iterator": (lambda: iter(STACK), None, False),
    "map": (lambda: map(np.asarray, STACK.tolist()), None, False),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_every_kind_of_frames_gives_the_same_chunks(kind: str, size: int) -> None:
    make, length, rereadable = KINDS[kind]
    opened = open_frames(make())  # type: ignore[no-untyped-call]
    assert (opened.shape, opened.length, opened.rereadable) == ((4, 3), length, rereadable)
    assert opened.dtype == np.float64
    np.testing.assert_array_equal(read(make(), size), STACK)  # type: ignore[no-untyped-call]
    for _ in range(1 + rereadable):
        np.testing.assert_array_equal(np.concatenate(list(opened.chunks(size))), STACK)


dtypes = st.sampled_from(
    [
        "?",
        "i1",
        "u1",
        "<i2",
        ">u2",
        "<i4",
        ">i4",
        "u4",
        "<i8",
        ">u8",
        "<f2",
        ">f2",
        "f4",
        ">f8",
        "g",
    ]
)


@st.composite
def stacks(draw: st.DrawFn) -> npt.NDArray[Any]:
    dtype = np.dtype(draw(dtypes))
    shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 4), st.integers(1, 4)))
    raw: Any = draw(hnp.arrays(np.dtype("i8" if dtype.kind in "iu" else "f2"), shape))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack = (raw >> 11 if dtype.kind in "iu" else raw).astype(dtype)
    if dtype.kind == "u" and dtype.itemsize == 8:
        stack >>= 11  # the cast made large numbers of negative ones
    axes = draw(st.permutations(range(3)))
    laid_out: npt.NDArray[Any] = stack.transpose(axes).copy().transpose(np.argsort(axes))
    return laid_out


@given(stack=stacks(), size=st.integers(1, 9), form=st.sampled_from(["array", "list", "iterator"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_chunks_are_the_stack_as_float64(stack: npt.NDArray[Any], size: int, form: str) -> None:
    frames = {"array": stack, "list": list(stack), "iterator": iter(stack)}[form]
    with np.errstate(all="ignore"):
        expected = np.stack([frame.astype(np.float64) for frame in stack])
    assert open_frames(list(stack)).dtype == stack.dtype
    np.testing.assert_array_equal(read(frames, size), expected)


def test_chunks_are_copies_but_of_a_stack_that_kernels_can_read() -> None:
    stack = STACK.astype(np.float64)
    closed = stack.copy()
    closed.flags.writeable = False
    for frames in (list(stack), iter(stack), closed, stack[:, :, ::-1], stack[::2].astype("f4")):
        for chunk in open_frames(frames).chunks(2):
            assert chunk.flags.carray
            assert not np.shares_memory(chunk, stack)
            assert not np.shares_memory(chunk, closed)
    for start, chunk in zip(range(0, 5, 2), open_frames(stack).chunks(2), strict=False):
        assert np.shares_memory(chunk, stack)
        np.testing.assert_array_equal(chunk, stack[start : start + 2])


def test_the_dtype_is_the_common_one_where_it_can_be_known() -> None:
    frames = [np.ones((2, 2), dtype) for dtype in ("i2", "f4", "?")]
    assert open_frames(frames).dtype == np.float32
    assert open_frames(iter(frames)).dtype == np.int16
    assert open_frames(np.ones((2, 2, 2), ">i2")).dtype == np.dtype(">i2")
    assert open_frames([[[True, False]]]).dtype == bool
    np.testing.assert_array_equal(read(frames), np.ones((3, 2, 2)))


def test_masked_cells_become_nan_in_every_form() -> None:
    mask = STACK % 7 == 3
    expected = np.where(mask, np.nan, STACK)
    for dtype in (np.float64, np.float32, np.int64, np.uint8):
        masked = np.ma.MaskedArray(STACK.astype(dtype), mask)
        rows = [[frame[row] for row in range(4)] for frame in masked]
        for frames in (masked, list(masked), iter(masked), rows):
            np.testing.assert_array_equal(read(frames), expected)
    np.testing.assert_array_equal(read(np.ma.MaskedArray(STACK)), STACK)


def test_nan_and_infinities_pass_through() -> None:
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        stack = np.array([[[np.nan, np.inf, -np.inf, -0.0]]], dtype)
        np.testing.assert_array_equal(read(stack), stack.astype(np.float64))
    signalling = np.array([[[0x7FA00000]]], np.uint32).view(np.float32)
    assert np.isnan(read(signalling)).all()


@pytest.mark.parametrize("form", [list, iter, np.asarray], ids=["list", "iterator", "array"])
@pytest.mark.parametrize(
    ("dtype", "value", "becomes"),
    [
        ("i8", 2**53 + 1, "9007199254740992"),
        ("i8", -(2**53) - 1, "-9007199254740992"),
        (">i8", 2**63 - 1, "9223372036854775808"),
        ("u8", 2**64 - 1, "18446744073709551616"),
        ("u8", 2**53 + 1, "9007199254740992"),
    ],
)
def test_an_integer_that_changes_is_named_once(
    form: Any, dtype: str, value: int, becomes: str
) -> None:
    stack = np.zeros((7, 2, 3), dtype)
    stack[4, 1, 2] = stack[6, 0, 0] = value
    opened = open_frames(form(stack))
    with pytest.warns(
        UserWarning, match=rf"^frame 4: {value} in cell \(1, 2\) .* {becomes} as"
    ) as w:
        joined = np.concatenate(list(opened.chunks(3)))
    assert len(w) == 1
    np.testing.assert_array_equal(joined, stack.astype(np.float64))
    if opened.rereadable:
        assert sum(len(chunk) for chunk in opened.chunks(3)) == 7


def test_large_integers_that_fit_are_no_news() -> None:
    exact = [2**53, -(2**53), 2**62, -(2**63), 2**63 - 1024, 0]
    np.testing.assert_array_equal(read(np.array([[exact]], np.int64))[0, 0], exact)
    unsigned = [2**53, 2**63, 2**64 - 2048]
    np.testing.assert_array_equal(read(np.array([[unsigned]], np.uint64))[0, 0], unsigned)


def test_a_masked_integer_is_not_reported() -> None:
    values = np.array([[[2**53 + 1, 1]]])
    masked = np.ma.MaskedArray(values, [[[True, False]]])
    np.testing.assert_array_equal(read(masked), [[[np.nan, 1]]])


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="long double is double here")
def test_a_long_double_that_changes_is_named() -> None:
    third = np.longdouble(1) / 3
    for value in (third, np.longdouble("1e400"), np.longdouble("1e-400")):
        stack = np.array([[[1, value, np.nan]]], np.longdouble)
        with pytest.warns(UserWarning, match=r"^frame 0: .* in cell \(0, 1\)"):
            read(stack)


# Memory


class Tracked(np.ndarray[Any, np.dtype[np.float64]]):
    """An array that weak references can point to."""


def test_an_iterator_is_read_no_faster_than_asked_and_its_frames_are_dropped() -> None:
    alive: list[weakref.ref[Any]] = []

    def frames() -> Iterator[Any]:
        for number in range(20):
            frame = np.full((2, 2), float(number)).view(Tracked)
            alive.append(weakref.ref(frame))
            yield frame
            del frame

    opened = open_frames(frames())
    assert len(alive) == 1
    for number, chunk in enumerate(opened.chunks(4)):
        np.testing.assert_array_equal(chunk[:, 0, 0], np.arange(4) + 4 * number)
        assert len(alive) == 4 * number + 4
        gc.collect()
        assert sum(reference() is not None for reference in alive) <= 1


def test_an_array_that_is_yielded_again_with_new_values_gives_each_of_them() -> None:
    weights = np.zeros((2, 2))

    def training() -> Iterator[Any]:
        for _ in range(7):
            weights[:] += 1
            yield weights

    np.testing.assert_array_equal(read(training(), 3)[:, 0, 0], np.arange(1, 8))


def peak(frames: object) -> int:
    opened = open_frames(frames)
    tracemalloc.start()
    try:
        collections.deque(opened.chunks(4), maxlen=0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_frames(tmp_path: Path) -> None:
    frame = np.ones((100, 100), np.float32)  # 40 kB; 500 of them are 20 MB
    stack = np.broadcast_to(frame, (500, 100, 100))
    np.save(tmp_path / "stack.npy", stack)
    np.savez(tmp_path / "stack.npz", stack)
    np.savez_compressed(tmp_path / "frames.npz", *stack)
    with (tmp_path / "dumps.pkl").open("wb") as file:
        for each in stack:
            pickle.dump(each, file)
    sources = [stack, list(stack), iter(stack)]
    paths = [tmp_path / name for name in ("stack.npy", "stack.npz", "frames.npz", "dumps.pkl")]
    for source in (*sources, *paths):
        assert peak(source) < 2_000_000


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("form", [list, np.asarray], ids=["list", "array"])
def test_a_pickle_is_not_held(tmp_path: Path, protocol: int, form: Any) -> None:
    stack = np.ones((500, 100, 100), np.float32)  # 20 MB
    path = tmp_path / "frames.obj"
    path.write_bytes(pickle.dumps(form(stack), protocol))
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in open_frames(path).chunks(8)) == 500
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def resident(path: Path) -> int:
    """Return how many kB of a mapped file are resident in this process."""
    entries = re.findall(r"\n[^\n]+ (/[^\n]+)(?:\n[A-Z][^\n]*)*?\nRss: +(\d+)", SMAPS.read_text())
    return sum(int(kilobytes) for name, kilobytes in entries if name == str(path.resolve()))


SMAPS = Path("/proc/self/smaps")
needs_smaps = pytest.mark.skipif(
    not (SMAPS.exists() and hasattr(mmap, "MADV_DONTNEED")), reason="pages cannot be counted here"
)

MAPPED: dict[str, Any] = {
    "memmap": lambda stack: stack,
    "slice": lambda stack: stack[::2, 1:],
    "backwards": lambda stack: stack[::-1],
    "array": np.asarray,
    "view": lambda stack: np.asarray(stack)[1:].view(np.uint64),
    "masked": np.ma.MaskedArray,
    "list": list,
}


@needs_smaps
@pytest.mark.parametrize("kind", MAPPED)
@pytest.mark.parametrize("mode", ["r", "r+", "w+"])
def test_the_pages_of_a_mapped_file_are_let_go(tmp_path: Path, kind: str, mode: Any) -> None:
    path = tmp_path / "frames.npy"
    np.save(path, np.ones((200, 50, 50), np.uint64))  # 4 MB
    stack: Any = np.load(path, mmap_mode=None if mode == "w+" else mode)
    if mode == "w+":
        stack = np.lib.format.open_memmap(path, "w+", np.uint64, (200, 50, 50))
        stack[:] = 1
    opened = open_frames(MAPPED[kind](stack))
    most = 0
    for chunk in opened.chunks(8):
        assert (chunk == 1).all()
        most = max(most, resident(path))
    assert most < 1000
    assert (stack == 1).all()
    assert resident(path) > 3900


def test_changes_to_a_mapped_file_are_kept(tmp_path: Path) -> None:
    for mode in ("c", "r+"):
        path = tmp_path / f"{mode}.npy"
        np.save(path, STACK)
        stack = np.load(path, mmap_mode=mode)
        stack += 1
        for frames in (stack, stack[1:], list(stack), np.asarray(stack), np.ma.MaskedArray(stack)):
            np.testing.assert_array_equal(read(frames), STACK[-len(frames) :] + 1)
        np.testing.assert_array_equal(stack, STACK + 1)
        stack.flush()
        np.testing.assert_array_equal(np.load(path), STACK + (mode == "r+"))


def test_a_sliced_source_is_asked_for_a_chunk_at_a_time() -> None:
    source = Sliced(STACK)
    np.testing.assert_array_equal(read(source, 2), STACK)
    assert source.most == 2


# Errors


def test_what_is_no_collection_of_frames_is_a_type_error() -> None:
    for frames in (None, 1, 2.5, object(), True):
        assert f"type {type(frames).__name__}" in complaint(frames, TypeError)
    assert "panel 'bias': expected a number for each frame, not int64 of ()" in complaint(
        {"w": STACK, "bias": 3}, TypeError
    )
    assert "no keys" in complaint({}, TypeError)
    assert "type bytes" in complaint(b"frames", TypeError)
    assert "type set" in complaint({1}, TypeError)
    assert "not an open file" in complaint(io.BytesIO(b"line\n"), TypeError)


def test_the_wrong_number_of_dimensions_is_named_with_a_way_out() -> None:
    assert "shape (4, 3), expected (T, N, M); " in complaint(STACK[0])
    assert "[frames]" in complaint(STACK[0])
    assert "shape (60,)" in complaint(STACK.ravel())
    assert "shape (5, 4, 3, 1)" in complaint(STACK[..., None])
    assert "shape ()" in complaint(np.float64(1))
    assert "shape (4, 3)" in complaint(ArrayLike(STACK[0]))
    assert "frame 0 has shape (3,)" in complaint(STACK[0].tolist())
    assert "frame 0 has shape ()" in complaint([1.0, 2.0])
    assert "frame 1 has shape (1, 4, 3)" in complaint([STACK[0], STACK[:1]])
    assert "frame 1 has rows of rows" in complaint([STACK[0], STACK[:1].tolist()])
    assert "frame 1 has rows of rows" in complaint([STACK[0], [STACK[0], STACK[0]]])


@pytest.mark.parametrize(
    ("frames", "codes"),
    [
        (STACK[0], ["[frames]", "frames[:, None]"]),
        (list(STACK[0]), ["[frames]", "[[row] for row in frames]"]),
        (
            np.zeros((4, 2, 5, 3)),
            ["frames.reshape(4, 2, -1)", "{f'head {k}': frames[:, k] for k in range(2)}"],
        ),
    ],
)
def test_frames_of_other_dimensions_are_drawn_as_the_error_says(
    frames: Any, codes: list[str]
) -> None:
    message = complaint(frames)
    for code in codes:
        assert code.removeprefix("frames.reshape") in message
        save_gif(io.BytesIO(), eval(code, {"frames": frames}), vmin=0, vmax=60)


def test_matrices_of_other_dimensions_are_recorded_as_the_error_says() -> None:
    torchs, keras = np.zeros((8, 3, 2, 2)), np.zeros((2, 2, 3, 8))
    for values in (np.zeros(5), np.zeros((4, 5, 6)), torchs, keras):
        with (
            pytest.raises(ValueError, match="expected a matrix") as error,
            GifWriter(io.BytesIO()) as gif,
        ):
            gif.add(values)
        said = str(error.value).partition(": give ")[2]
        ways = said.replace(" for panels", "").removesuffix(" if its axes are (..., in, out)")
        for way in ways.split(", or "):
            assert way in said
            with GifWriter(io.BytesIO(), vmin=0, vmax=1) as gif:
                gif.add(eval(way, {"values": values}))
    assert torchs.reshape(8, -1).shape == keras.reshape(-1, 8).T.shape == (8, 12)


def test_no_frames_and_no_cells_are_named() -> None:
    nothing: list[Any] = [[], (), iter([]), collections.deque()]
    for frames in nothing:
        assert "no frames" in complaint(frames)
    assert "shape (0, 4, 3), expected at least one frame" in complaint(STACK[:0])
    assert "frame 0 has shape (0, 3)" in complaint(STACK[:, :0])
    assert "frame 0 has shape (4, 0)" in complaint(list(STACK[:, :, :0]))
    assert "frame 0 has shape (0,)" in complaint([[]])
    assert "frame 0 has shape (1, 0)" in complaint([[[]]])


def test_a_frame_of_another_shape_is_named_before_anything_is_read() -> None:
    frames = [*STACK[:3], np.ones((4, 5)), *STACK]
    expected = "frame 3 has shape (4, 5), expected (4, 3) as frame 0"
    assert complaint(frames) == expected
    assert complaint([frame.tolist() for frame in frames]) == expected
    assert complaint(iter(frames), late=True) == expected


@pytest.mark.parametrize(
    ("frame", "dtype"),
    [
        (np.ones((4, 3), complex), "complex128"),
        (np.full((4, 3), "x"), "<U1"),
        (np.full((4, 3), b"x"), "|S1"),
        (np.zeros((4, 3), "M8[s]"), "datetime64[s]"),
        (np.zeros((4, 3), "m8[s]"), "timedelta64[s]"),
        (np.zeros((4, 3), [("a", "f8")]), "[('a', '<f8')]"),
        ("abc", "<U3"),
        ([["a", "b"]], "<U1"),
        ([[1j]], "complex128"),
    ],
)
def test_a_frame_of_no_real_numbers_is_named(frame: Any, dtype: str) -> None:
    expected = f"frame 1 has dtype {dtype}, expected real numbers"
    if dtype == "complex128":
        expected += "; give np.abs()"
    if dtype.startswith("["):
        expected += ": give one of the fields 'a', as array['a']"
    assert complaint([STACK[0], frame], TypeError) == expected
    assert complaint(iter([STACK[0], frame]), TypeError, late=True) == expected
    if isinstance(frame, np.ndarray):
        assert f"dtype {dtype}" in complaint(frame[None], TypeError)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (None, "frame 1: expected numbers, not None, as a gradient is before backward()"),
        ({}, "frame 1: expected one matrix, not {}"),
        (iter([[1.0]]), "expected rows of numbers, not a list_iterator, which may be read once"),
        ({1.0, 2.0}, "expected rows of numbers in order, not a set: give a list of rows"),
        (object(), "frame 1: expected numbers, not an object"),
        (np.ndarray, "frame 1: expected numbers, not the class ndarray"),
        (np.array([[1.0, "a"]], object), "frame 1 has 'a' in cell (0, 1), expected a number"),
        (Table([[1.0, "a"]]), "frame 1 has 'a' in cell (0, 1), expected a number"),
        (csr_like(), "frame 1: expected numbers, not a csr_array, which is sparse: give .toa"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_array_says_what_to_give(frame: Any, message: str) -> None:
    assert message in complaint([STACK[0], frame], TypeError)


def test_columns_with_the_names_of_attributes_are_data() -> None:
    table = Table(STACK[0])
    for name in ("nnz", "nse", "detach", "state_dict", "layout"):
        setattr(table, name, STACK[0, :, 0])
    np.testing.assert_array_equal(read([table], 1), STACK[:1])


def test_a_stack_that_is_sparse_or_a_class_is_refused_in_words() -> None:
    assert "not a csr_array, which is sparse: give .toarray()" in complaint(csr_like(), TypeError)
    assert "frames is of type type, expected an array" in complaint(np.ndarray, TypeError)


@pytest.mark.parametrize("single", [STACK[0], Table(STACK[0])])
def test_a_matrix_in_place_of_frames_is_told_how_to_be_one(single: Any) -> None:
    assert "; for a single frame pass [frames]" in complaint(single)
    np.testing.assert_array_equal(read([single], 1), STACK[:1])


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_of_numpy_are_read_as_arrays() -> None:
    np.testing.assert_array_equal(read([np.matrix(frame) for frame in STACK], 2), STACK)


def test_values_without_dimensions_are_cells_and_numbers_of_lines() -> None:
    cells = [[np.array(cell) for cell in row] for row in STACK[0]]
    np.testing.assert_array_equal(read([cells], 1), STACK[:1])
    assert "frame 0 has shape (2,)" in complaint([[np.array(1.0), np.array(2.0)]])
    lines = open_frames({"w": STACK, "loss": [np.array(float(k)) for k in range(len(STACK))]})
    assert lines.shape == {"w": STACK.shape[1:], "loss": ()}


@pytest.mark.parametrize("suffix", ["npy", "pkl", "list.pkl"])
def test_a_matrix_in_a_file_is_one_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"matrix.{suffix}"
    if suffix == "npy":
        np.save(path, STACK[0])
    else:
        write(path, STACK[0].tolist() if "list" in suffix else STACK[0])
    opened = open_frames(path)
    assert opened.length == 1
    np.testing.assert_array_equal(read(path, 1), STACK[:1])


def test_ragged_rows_are_named() -> None:
    ragged = [[1.0, 2.0, 3.0], [1.0, 2.0]]
    assert "frame 1 has rows of 2 and of 3 cells" in complaint([STACK[0], ragged])
    assert "frame 0 has rows of 2 and of 3" in complaint([ragged])
    assert "frame 0 (list) is not an array" in complaint([[[1.0, 2.0], 3.0]], TypeError)


def test_the_error_of_a_foreign_array_is_one_line_with_its_frame() -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise RuntimeError("requires grad:\n  use detach()")

    expected = "frame 1 (Tensor) is not an array of numbers: requires grad: use detach()"
    assert complaint([STACK[0], Tensor()], TypeError) == expected
    assert complaint(iter([STACK[0], Tensor()]), TypeError, late=True) == expected


def test_lists_that_share_their_rows_are_not_multiplied() -> None:
    row = [0.0] * 20_000
    assert "20000 x 20000 cells, expected an array" in complaint([[row] * 20_000])
    deep: list[Any] = [0.0, 0.0]
    for _ in range(60):
        deep = [deep, deep]
    assert "rows of rows" in complaint([deep])
    endless: list[Any] = []
    endless.extend([endless, endless])
    assert "rows of rows" in complaint(endless)


def test_an_iterator_can_be_read_once_and_says_so() -> None:
    opened = open_frames(iter(STACK))
    assert not opened.rereadable
    assert sum(len(chunk) for chunk in opened.chunks(2)) == 5
    with pytest.raises(ValueError, match="read already"):
        opened.chunks(2)


def test_an_error_of_the_iterator_itself_passes_through() -> None:
    def frames() -> Iterator[Any]:
        yield STACK[0]
        raise KeyError("loss")

    with pytest.raises(KeyError, match="loss"):
        list(open_frames(frames()).chunks(1))


@pytest.mark.parametrize("size", [0, -1])
def test_chunks_of_no_frames_are_refused_at_once(size: int) -> None:
    with pytest.raises(ValueError, match=f"size is {size}, expected"):
        open_frames(STACK).chunks(size)


def test_frames_cannot_be_changed() -> None:
    opened = open_frames(STACK)
    assert isinstance(opened, Frames)
    with pytest.raises(AttributeError):
        opened.length = 3  # type: ignore[misc]


# Files


def write(path: Path, value: Any) -> Path:
    path.write_bytes(pickle.dumps(value))
    return path


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def test_what_is_no_path_is_returned_as_it_is() -> None:
    for source in (STACK, [STACK[0]], iter(STACK), None, 3):
        assert load_frames(source) is source


@pytest.mark.parametrize("suffix", [".obj", ".pkl", ".pickle", ".PKL", ".data", ""])
def test_pickled_frames_are_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"animation_data{suffix}"
    for value in (list(STACK), tuple(STACK), STACK, STACK.tolist(), {"weights": list(STACK)}):
        np.testing.assert_array_equal(read(write(path, value)), STACK)
        np.testing.assert_array_equal(read(str(path)), STACK)
    assert isinstance(load_frames(write(path, list(STACK))), list)


def test_an_old_protocol_needs_the_suffix(tmp_path: Path) -> None:
    for protocol in (0, 1):
        path = tmp_path / "frames.obj"
        path.write_bytes(pickle.dumps(list(STACK), protocol))
        np.testing.assert_array_equal(read(path), STACK)


def test_frames_dumped_one_by_one_are_read_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "frames.pkl"
    with path.open("wb") as file:
        for number, frame in enumerate(STACK):
            pickle.dump(frame, file, protocol=number)
    opened = open_frames(path)
    assert (opened.length, opened.rereadable, opened.shape) == (None, True, (4, 3))
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(opened.chunks(2))), STACK)
    with path.open("ab") as file:
        file.write(pickle.dumps(STACK[0])[:-9])
    message = complaint(path, late=True)
    assert "frames.pkl: object 5: truncated pickle" in message


def test_a_pickle_of_something_else_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "data.pkl"
    for value in (None, 3, "frames", 2.5, b"x"):
        assert f"holds a {type(value).__name__}, expected" in complaint(write(path, value))
    assert "it holds no frames, expected" in complaint(write(path, {"a": 1, "b": None}))
    assert "frame 0 has shape (5, 4, 3)" in complaint(write(path, dict.fromkeys(range(9), STACK)))
    assert complaint(write(path, {})).endswith(
        "it holds no frames, expected arrays (T, N, M): nothing"
    )
    assert complaint(write(path, {"a": "b"})).endswith("expected arrays (T, N, M): 'a' text")
    assert "shape (4,)" in complaint(write(path, STACK[0, :, 0]))
    assert "no frames" in complaint(write(path, []))


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    path = tmp_path / "evil.obj"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(ran).encode() + b"'\ntR.")
    message = complaint(path)
    assert message.startswith(f"cannot read {path}: the pickle asks for os.system, expected only")
    assert not ran.exists()


ORDERS: dict[str, Any] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": lambda stack: np.repeat(stack, 2, 1)[:, ::2],
    "transposed frames": lambda stack: stack.transpose(0, 2, 1).copy().transpose(0, 2, 1),
}
LARGE = np.arange(2520.0).reshape(7, 20, 18) % 251


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ORDERS)
def test_arrays_left_in_a_pickle_are_as_if_they_were_loaded(
    tmp_path: Path, protocol: int, order: str
) -> None:
    path = tmp_path / "frames.obj"
    for dtype in ("?", "u1", ">i2", "<f4", ">f8", "f8", "g"):
        stack = ORDERS[order](LARGE.astype(dtype))
        frames = list(stack)
        mixed = [*frames[:3], frames[3].tolist(), np.ma.MaskedArray(frames[4]), *frames[5:]]
        for value in (stack, frames, tuple(frames), {"w": collections.deque(frames)}, mixed):
            path.write_bytes(pickle.dumps(value, protocol))
            opened, loaded = open_frames(path), open_frames(load_frames(path))
            for name in ("shape", "dtype", "length", "rereadable"):
                assert getattr(opened, name) == getattr(loaded, name)
            for size in (1, 3, 100):
                for _ in range(2):
                    np.testing.assert_array_equal(
                        list(opened.chunks(size))[-1], list(loaded.chunks(size))[-1]
                    )
                np.testing.assert_array_equal(read(path, size), stack)


def test_load_frames_gives_real_arrays(tmp_path: Path) -> None:
    stack = load_frames(write(tmp_path / "stack.obj", LARGE))
    frames = load_frames(write(tmp_path / "frames.obj", list(LARGE)))
    assert type(stack) is np.ndarray
    assert type(frames) is list
    assert {type(frame) for frame in frames} == {np.ndarray}


@pytest.mark.parametrize(
    "value",
    [
        LARGE[0, 0],
        LARGE[None],
        LARGE.astype(complex),
        [LARGE[0], LARGE[0, :19]],
        [LARGE[0], LARGE],
        [LARGE[0], [LARGE[0], LARGE[0]]],
        [LARGE[0], [LARGE[0], [1.0]]],
        [LARGE[0], b"x" * 300],
        {"a": LARGE, "b": LARGE[0]},
        {"a": b"x" * 300},
        b"x" * 300,
    ],
    ids=lambda value: repr(np.shape(value) if isinstance(value, np.ndarray) else type(value)),
)
def test_what_is_wrong_with_arrays_left_in_a_pickle_is_found_when_it_is_opened(
    tmp_path: Path, value: Any
) -> None:
    path = write(tmp_path / "frames.obj", value)
    errors = ValueError, TypeError
    with pytest.raises(errors) as expected:
        open_frames(load_frames(path))
    with pytest.raises(errors) as caught:
        open_frames(path)
    assert (caught.type, str(caught.value)) == (expected.type, str(expected.value))


@pytest.mark.parametrize("value", [LARGE, list(LARGE)], ids=["stack", "list"])
def test_a_pickle_that_changes_while_it_is_read_is_named(tmp_path: Path, value: Any) -> None:
    path = write(tmp_path / "frames.obj", value)
    data = path.read_bytes()
    changed = f"cannot read {path}: the file changed after it was opened"

    def touched(new: bytes) -> str:
        path.write_bytes(data)
        opened = open_frames(path)
        chunks = opened.chunks(2)
        np.testing.assert_array_equal(next(chunks), LARGE[:2])
        path.write_bytes(new)
        later = path.stat().st_mtime_ns + 10**9  # file times may be coarse
        os.utime(path, ns=(later, later))
        with pytest.raises(ValueError) as first:
            next(chunks)
        with pytest.raises(ValueError) as second:
            next(opened.chunks(2))
        assert str(first.value).startswith(f"cannot read {path}: ")
        assert "\n" not in str(first.value)
        return str(second.value)

    assert touched(data[:-1] + b"?") == changed
    assert touched(data + b"more") == changed
    assert touched(b"") == changed
    path.write_bytes(data)
    opened = open_frames(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        next(opened.chunks(2))


def test_a_pickle_is_closed_by_who_reads_it(tmp_path: Path, monkeypatch: Any) -> None:
    files: list[Any] = []
    really = Path.open

    def watched(self: Path, *arguments: Any, **options: Any) -> Any:
        files.append(really(self, *arguments, **options))
        return files[-1]

    monkeypatch.setattr(Path, "open", watched)
    opened = open_frames(write(tmp_path / "frames.obj", list(LARGE)))
    assert all(file.closed for file in files)
    assert sum(len(chunk) for chunk in opened.chunks(2)) == 7
    assert all(file.closed for file in files)
    chunks = opened.chunks(2)
    next(chunks)
    assert not files[-1].closed
    del chunks
    gc.collect()
    assert files[-1].closed


def test_opened_frames_are_opened_already() -> None:
    opened = open_frames(STACK)
    assert open_frames(opened) is opened


@pytest.mark.parametrize("suffix", [".npy", ".dat"])
def test_npy_files_are_mapped_not_read(tmp_path: Path, suffix: str) -> None:
    for array in (STACK, np.asfortranarray(STACK), STACK.astype(">f4")):
        path = tmp_path / f"frames{suffix}"
        path.write_bytes(npy(array))
        assert isinstance(load_frames(path), np.memmap)
        assert open_frames(path).dtype == array.dtype
        np.testing.assert_array_equal(read(path), STACK)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_files_are_one_stack_or_many_frames(tmp_path: Path, save: Any) -> None:
    path = tmp_path / "frames.npz"
    for array in (STACK, np.asfortranarray(STACK), STACK.astype(">i2"), STACK[:1]):
        save(path, weights=array)
        opened = open_frames(path)
        assert (opened.length, opened.rereadable) == (len(array), True)
        assert opened.dtype == array.dtype
        for _ in range(2):
            np.testing.assert_array_equal(np.concatenate(list(opened.chunks(2))), array)
    frames = {f"step {10 - number}": frame for number, frame in enumerate(STACK)}
    frames["step 7"] = np.asfortranarray(frames["step 7"]).astype("f4")
    save(path, **frames)
    opened = open_frames(path)
    assert (opened.length, opened.rereadable) == (5, True)
    assert opened.dtype == np.float64
    np.testing.assert_array_equal(read(path), STACK)
    assert len(load_frames(path)) == 5


def test_an_npz_of_other_arrays_lists_them(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, weights=STACK, more=STACK[..., None])
    assert "holds 'weights' (5, 4, 3), 'more' (5, 4, 3, 1), expected arrays" in complaint(path)
    np.savez(path, loss=STACK[:, 0, 0])
    assert "holds 'loss' (5,), expected arrays" in complaint(path)
    np.savez(path, a=STACK, b=STACK[0])
    assert "'a' (5, 4, 3), 'b' (4, 3)" in complaint(path)
    zipped(path, {f"a{number}.npy": npy(np.ones(1)) for number in range(20)})
    assert "'a7' (1,), ..., expected" in complaint(path)
    assert "holds 'readme.txt', expected" in complaint(zipped(path, {"readme.txt": b"hello"}))
    assert "holds nothing" in complaint(zipped(path, {}))
    np.savez(path, STACK[0], STACK[0, :2])
    assert "frame 1 has shape (2, 3), expected (4, 3)" in complaint(path)
    np.savez(path, STACK[:0])
    assert "no frames" in complaint(path)
    np.savez(path, np.asfortranarray(STACK)[:0])
    assert list(load_frames(path)) == []
    np.savez(path, STACK.astype(object))
    assert "dtype object" in complaint(path, TypeError)
    with pytest.raises(ValueError, match="cannot read"):
        list(load_frames(path))


def test_a_missing_file_is_file_not_found(tmp_path: Path) -> None:
    path = tmp_path / "none.npy"
    assert str(path) in complaint(path, FileNotFoundError)
    assert "nowhere.obj" in complaint("nowhere.obj", FileNotFoundError)


def test_what_is_no_readable_file_is_one_line(tmp_path: Path, monkeypatch: Any) -> None:
    assert f"{tmp_path}: a directory" in complaint(tmp_path)
    assert "null" in complaint("a\0b.npy")
    complaint("a" * 5000)
    path = tmp_path / "frames.npy"
    path.write_bytes(npy(STACK))
    assert "Not a directory" in complaint(path / "frames.npy")

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    assert complaint(path) == f"cannot read {path}: Permission denied"


@pytest.mark.parametrize("suffix", [".obj", ".npy", ".npz", ".txt", ""])
def test_other_content_is_refused_with_the_accepted_suffixes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    path.write_bytes(b"")
    assert complaint(path) == f"cannot read {path}: the file is empty"
    path.write_bytes(b"1,2,3\n4,5,6\n")
    message = complaint(path)
    assert str(path) in message
    if suffix != ".obj":
        assert ".npy, .npz, .obj, .pkl, .pickle" in message


WHOLE = {
    "npy": npy(STACK),
    "pkl": pickle.dumps(list(STACK)),
}


@pytest.mark.parametrize("kind", ["npy", "pkl", "npz", "frames.npz"])
def test_every_cut_of_a_file_is_one_line(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"data.{kind}"
    if kind == "npz":
        np.savez_compressed(path, STACK)
    elif kind == "frames.npz":
        np.savez(path, *STACK)
    else:
        path.write_bytes(WHOLE[kind])
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        assert str(path) in complaint(path)


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255), kind=st.sampled_from("ab"))
@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_archive_raises_one_kind_of_error_or_nothing(
    tmp_path: Path, position: int, byte: int, kind: str
) -> None:
    path = tmp_path / f"data {kind}.npz"
    if kind == "a":
        np.savez_compressed(path, STACK)
    else:
        np.savez(path, *STACK)
    damaged = bytearray(path.read_bytes())
    damaged[position % len(damaged)] = byte
    path.write_bytes(damaged)
    with suppress(ValueError, TypeError):
        read(path)


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("shape", ["(10**9,)*3", "(1000000, 1000000, 1000000)", "(3, 4, 4)"])
def test_a_shape_that_the_file_does_not_hold_is_no_allocation(tmp_path: Path, shape: str) -> None:
    data = header(shape) + bytes(8)
    mapped = tmp_path / "data.npy"
    mapped.write_bytes(data)
    archive = zipped(tmp_path / "data.npz", {"a.npy": data})
    tracemalloc.start()
    try:
        assert str(mapped) in complaint(mapped)
        with pytest.raises(ValueError, match=r"data\.npz"):
            list(open_frames(archive).chunks(1))
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_a_member_that_goes_on_after_its_frames_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "data.npz", {"a.npy": npy(STACK) + b"x"})
    assert "goes on after its 5 frames" in complaint(path, late=True)
    path = zipped(tmp_path / "data.npz", {"a.npy": header("(-1, 2, 2)")})
    assert "negative" in complaint(path)
    path = zipped(tmp_path / "data.npz", {"a.npy": npy(STACK).replace(b"Y\1\0", b"Y\3\0")})
    assert "npy format (3, 0)" in complaint(path)


def raw(descr: str, shape: str, data: bytes, fortran: bool = False) -> bytes:
    """Return a .npy file with any header text and any bytes."""
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def read_all(files: Any, tensor: str | None = None) -> list[Any]:
    """Return every frame of every panel that `load_frames` returns."""
    loaded = load_frames(files, tensor=tensor)
    stacks = loaded.values() if isinstance(loaded, dict) else [loaded]
    return [frame for stack in stacks for frame in stack]


ALIVE = [object() for _ in range(4)]
ADDRESSES = b"".join(id(each).to_bytes(8, "little") for each in ALIVE)


@pytest.mark.parametrize("shape", ["(1, 2, 2)", "(2, 2)", "(4,)", "()", "(4, 1, 1)"])
@pytest.mark.parametrize(
    "descr",
    [
        "'|O'",
        "'O'",
        "'<O8'",
        "[('a', '|O')]",
        "[('a', '<i4'), ('b', '<i4')]",
        "[('a', '|O', (1,))]",
        "('|O', (1,))",
        "('<f8', (1,))",
        "[('', [('', '|O')])]",
        "'|V8'",
        "'<M8[s]'",
        "'<m8[s]'",
        "'<c8'",
        "'|S8'",
        "'<U0'",
        "'|S0'",
        "'|V0'",
        "'f4,f4'",
        "'(2,)f4'",
        "'|T16'",
    ],
)
def test_bytes_of_a_file_are_numbers_and_nothing_else(
    tmp_path: Path, descr: str, shape: str
) -> None:
    data = raw(descr, shape, ADDRESSES)
    mapped = tmp_path / "a.npy"
    mapped.write_bytes(data)
    archive = zipped(tmp_path / "a.npz", {"a.npy": data})
    several = zipped(tmp_path / "b.npz", {"a.npy": data, "b.npy": data})
    named: list[tuple[Path, str | None]] = [(mapped, None), (archive, None), (archive, "a")]
    for path, tensor in [*named, (several, None), (several, "b")]:
        with pytest.raises((TypeError, ValueError)):
            read_all(path, tensor)
        with pytest.raises((TypeError, ValueError)):
            list(open_frames(path, tensor=tensor).chunks(1))
    for files in ([mapped], [archive], [several]):
        with pytest.raises((TypeError, ValueError)):
            read_all(files, None if files == [mapped] else "a")


@pytest.mark.parametrize(
    ("dtype", "message"),
    [(object, "object"), ("M8[s]", "datetime64"), (complex, "complex128")],
)
def test_what_has_another_type_in_an_archive_is_named_where_it_is_asked_for(
    tmp_path: Path, dtype: Any, message: str
) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, weights=STACK, others=np.zeros(3, dtype))
    np.testing.assert_array_equal(np.stack(list(load_frames(path, tensor="weights"))), STACK)
    np.savez(path, STACK.astype(dtype))
    with pytest.raises(ValueError, match=rf"arr_0.npy has dtype {message}\S*, expected real"):
        list(load_frames(path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (raw("'<f8'", "(True, True, True)", bytes(8)), "shape (True, True, True)"),
        (raw("'<f8'", "(" + "1, " * 65 + ")", bytes(8)), "expected up to 64 integers"),
        (raw("'<f8'", "(4294967296, 4294967296, 1)", bytes(8)), "ends before its array"),
        (raw("'<f8'", "(" + "9" * 4000 + ", 1, 1)", bytes(8)), "ends before its array"),
        (raw("'<f8'", "(-1, -1, 1)", bytes(8)), "no negative sides"),
        (raw("'<f8'", "(1000000000000, 0, 2)", b""), "at least one cell"),
        (raw("'<f8'", "(1000000000000, 3, 0)", b"", fortran=True), "at least one cell"),
        (raw("'<f8'", "(" * 3000 + "1", bytes(8)), "cannot read"),
        (raw("'<f8'", "(" + "-" * 9000 + "1,)", bytes(8)), "cannot read"),
        (raw("'<f8'", "(1, 1, 1)" + " " * 10_000, bytes(8)), "expected at most 10000"),
        (b"\x93NUMPY\x02\x00" + (1 << 31).to_bytes(4, "little"), "expected at most 10000"),
        (b"\x93NUMPY\x03\x00" + bytes(9), "npy format (3, 0)"),
        (b"\x93NUMPY\x01\x00", "cannot read"),
    ],
    ids=range(13),
)
def test_a_header_that_asks_for_too_much_is_refused(
    tmp_path: Path, data: bytes, message: str
) -> None:
    mapped = tmp_path / "a.npy"
    mapped.write_bytes(data)
    for path in (mapped, zipped(tmp_path / "a.npz", {"a.npy": data})):
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=re.escape(message)) as caught:
                read_all(path)
            assert tracemalloc.get_traced_memory()[1] < 1 << 25
        finally:
            tracemalloc.stop()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500 + len(str(path))


@pytest.mark.parametrize(
    ("shape", "fortran"),
    [
        ((1, 10_000, 10_000), False),
        ((10_000, 10_000), False),
        ((100_000_000, 1, 1), True),
        ((4, 5000, 5000), True),
    ],
)
def test_what_a_few_bytes_become_at_once_is_bounded(
    tmp_path: Path, shape: tuple[int, ...], fortran: bool
) -> None:
    data = raw("'|u1'", str(shape), bytes(100_000_000), fortran)
    path = zipped(tmp_path / "a.npz", {"a.npy": data})
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"'a\.npy' becomes 800000000 bytes of .* compressed"):
            next(iter(load_frames(path)))
        with pytest.raises(ValueError, match=r"'a\.npy' becomes .* save it uncompressed"):
            list(open_frames(path).chunks(1))
        if len(shape) == 2:
            source: Any = open_frames(path).source
            with pytest.raises(ValueError, match=r"'a\.npy' becomes .* save it uncompressed"):
                source.read(0, 1)
        assert tracemalloc.get_traced_memory()[1] < 1 << 25
    finally:
        tracemalloc.stop()


def test_what_a_few_bytes_become_one_after_another_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, np.zeros((10_000, 100, 100), np.uint8))
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in load_frames(path)) == 10_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_members_that_share_bytes_or_claim_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=STACK[0], b=STACK[1])
    whole = path.read_bytes()
    entry = whole.rindex(b"PK\x01\x02")  # the record of the second member
    shared = bytearray(whole)
    shared[entry + 42 : entry + 46] = bytes(4)  # the offset where it begins
    path.write_bytes(shared)
    assert "within another member" in complaint(path)
    claims = bytearray(whole)
    claims[entry + 24 : entry + 28] = (1 << 30).to_bytes(4, "little")  # its size
    path.write_bytes(claims)
    assert f"claims {1 << 30} bytes, expected at most" in complaint(path)
    locked = bytearray(whole)
    locked[entry + 8] |= 1
    path.write_bytes(locked)
    assert "encrypted" in complaint(path)
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(path, "w", kind) as archive:
            archive.writestr("a.npy", npy(STACK))
        assert "not compressed as np.savez_compressed does" in complaint(path)


def test_rows_in_any_sequence_are_looked_at_before_numpy_does() -> None:
    for kind in (list, tuple, collections.deque):
        assert "rows of rows" in complaint([kind([[1.0, 2.0], kind([[1.0], [2.0]])])])
        assert "rows of rows" in complaint([kind([[np.ones(9)] * 9] * 9)])
        np.testing.assert_array_equal(
            read([kind([kind([1, 2]), kind([3, 4])])]), [[[1, 2], [3, 4]]]
        )
    row = np.zeros(100_000, np.uint8)
    assert "1000 rows that share their memory" in complaint([[row] * 1000])
    assert "1000 rows that share their memory" in complaint([[row[1:], row[:-1]] * 500])
    apart = list(np.zeros((100, 90_000), np.uint8))
    assert open_frames([apart]).shape == (100, 90_000)
    assert "a text of 100000 letters" in complaint([[["a" * 100_000] + ["b"] * 999]])
    assert "a text of 100000 letters" in complaint([[np.array(["a" * 25_000])] * 999])
    scalars = [[np.array(1.0), np.array(2.0)]]
    np.testing.assert_array_equal(read([scalars]), [[[1.0, 2.0]]])


def test_a_later_frame_of_another_kind_of_number_is_refused() -> None:
    opened = open_frames(iter([np.zeros((1, 1), int), np.full((1, 1), 0.7)]))
    chunks = opened.chunks(8)
    assert next(chunks).tolist() == [[[0.0]]]
    with pytest.raises(TypeError, match="frame 1 has dtype float64, expected int64 as frame 0"):
        next(chunks)


def test_a_later_frame_may_be_of_a_narrower_type() -> None:
    opened = open_frames(
        iter([np.zeros((1, 1)), np.ones((1, 1), np.float32), np.ones((1, 1), int)])
    )
    assert np.concatenate(list(opened.chunks(8))).ravel().tolist() == [0.0, 1.0, 1.0]


@pytest.mark.skipif(os.name == "nt", reason="resource is of POSIX")
def test_headers_of_archives_are_no_bomb(tmp_path: Path) -> None:
    """A dtype of 3,200 fields deflates to 60 bytes; in numpy it takes 600 kB and 5 ms."""
    fields = ",".join(["i1"] * 3200)
    header = f"{{'descr':'{fields}','fortran_order':False,'shape':(1,1)}}\n".encode()
    raw = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5000):
            archive.writestr(f"{number}.npy", raw)
    assert path.stat().st_size < 1_000_000
    script = (
        "import fastheat, resource, sys; fastheat.load_frames\n"
        "before = resource.getrusage(resource.RUSAGE_SELF)\n"
        "try: fastheat.load_frames(sys.argv[1])\n"
        "except ValueError as error: print(error)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF)\n"
        "assert after.ru_maxrss - before.ru_maxrss < 300_000\n"
        "assert after.ru_utime - before.ru_utime < 5\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert "headers of over 1048576 bytes" in done.stdout


def test_an_archive_may_hold_records_beside_what_is_drawn(tmp_path: Path) -> None:
    records = np.zeros((2, 2), [("a", "f8"), ("b", "i4")])
    np.savez(tmp_path / "both.npz", stack=np.zeros((3, 2, 2)), records=records)
    assert load_frames(tmp_path / "both.npz", tensor="stack").length == 3
    with pytest.raises(ValueError, match=r"records.npy has dtype .*, expected real numbers"):
        list(load_frames(tmp_path / "both.npz", tensor="records"))
