"""Conversion of any sequence, array or file of matrices to `Frames`."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import islice
from numbers import Number
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastheat.inputs.frames.keyed import all_of, keyed_frames
from fastheat.inputs.frames.matrices import open_bundles, open_stacks
from fastheat.inputs.frames.stream import (
    Converters,
    Frames,
    Take,
    header,
    in_chunks,
    into_of,
    matrix_in,
    read_values,
    taker,
)
from fastheat.inputs.sources.arrays import (
    NESTED,
    FloatArray,
    Floats,
    Header,
    array_of,
    check_dtype,
    check_frame,
    check_stack,
    common_dtype,
)
from fastheat.inputs.sources.files import file_of, is_archive, is_pickled, load
from fastheat.inputs.sources.labelled import Aligner, Aligners, Axes, axes_of
from fastheat.inputs.sources.remedies import is_sparse, without_values
from fastheat.inputs.sources.shapes import Shape, Shapes, keys_of
from fastheat.inputs.sources.source import Source, in_one_frame, is_source, let_go, source_of
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import short

LIBRARIES = frozenset({"h5py", "zarr", "dask.array"})  # `datasets` opens their arrays


def open_frames(
    frames: object,
    shape: Shapes | None = None,
    tensor: object = None,
    axes: Mapping[str, Axes] | None = None,
) -> Frames:
    """Return frames of any kind as `Frames`, after checking them.

    Nothing is collected in memory: arrays and lists are converted chunk by chunk, and iterators are
    consumed on demand, except for the first frame, which is read here.

    Parameters
    ----------
    frames
        An array of shape (T, N, M), or anything with its ``shape``, slices and ``__array__``; a
        `Source`; a sequence or iterable of array-likes of shape (N, M); or a path, see
        `load_frames`, whose arrays stay in the file if possible. `Frames` are returned as they
        are. Frames of several matrices are dictionaries of matrices, or one dictionary of arrays
        (T, N, M). Frames with keys are pairs of a key and a matrix, a dictionary by numbers or
        dates, or the groups of a table.
    shape
        The expected shapes of the matrices of panels by name, so that frames may also be tuples in
        the order of the names; None, or the shape of one matrix, which is not checked.
    tensor
        The name of the array to draw if a file holds several, see `load_frames`.
    axes
        The labels of rows and columns by panel, in whose order matrices with labels are read; by
        default those of the first frame with any.

    Returns
    -------
    Frames

    Raises
    ------
    ValueError
        If there are no frames, or their shapes are not two-dimensional, non-empty and all equal.
    TypeError
        If a frame is not an array of real numbers.
    """
    if isinstance(frames, Frames):
        return frames
    panels = shape if isinstance(shape, dict) else None
    named = Path(os.fsdecode(frames)) if isinstance(frames, (str, os.PathLike)) else None
    frames = load(frames, defer=True, tensor=tensor)
    if named:
        frames = _in_one_frame(frames)
    if not LIBRARIES.isdisjoint(sys.modules):
        from fastheat.inputs.sources.datasets import dataset_of

        if (dataset := dataset_of(frames)) is not None:
            frames = dataset
    if isinstance(frames, np.ndarray) and frames.dtype == object and not frames.ndim:
        frames = frames.item()  # as `numpy.load` returns a dictionary
    if reason := without_values(frames):
        raise TypeError(f"frames is not an array (T, N, M): {reason}")
    floats, aligners = Floats(), Aligners(axes or {})
    keyed = keyed_frames(frames, panels)
    frames = keyed.frames
    if panels is not None and len(panels) == 1 and _is_stack(frames):
        frames = {next(iter(panels)): frames}
    if isinstance(frames, Mapping) and (frames or panels):

        def open_one(stack: object, name: str) -> Frames:
            known = aligners[name].axes
            return open_frames(stack, axes=None if known is None else {"": known})

        stacks = open_stacks(frames, panels or {}, open_one)
        return replace(stacks, file=named or file_of(frames))
    if panels is not None:
        opened = _open_each(frames, floats, aligners, panels)
        return replace(keyed.given(opened), file=named or file_of(frames))
    if isinstance(frames, np.ndarray) and frames.dtype == object:
        frames = array_of(frames, 0) if frames.ndim > 1 else list(frames)
    if is_source(frames):
        return _open_source(frames, floats)
    array_like = all(hasattr(frames, name) for name in ("__array__", "__getitem__"))
    shaped = array_like and isinstance(getattr(frames, "shape", None), Iterable)
    if shaped and not is_sparse(frames):
        opened = replace(_open_stack(frames, floats, aligners[""]), aligners=aligners)
        return replace(keyed.given(opened), file=named or file_of(frames))
    iterable = hasattr(frames, "__iter__") or hasattr(frames, "__getitem__")
    unordered = isinstance(frames, (Mapping, Set, bytes, bytearray, type))
    if unordered or not (iterable or hasattr(frames, "__array__")):
        what = f" with {keys_of(frames)}" if isinstance(frames, Mapping) else ""
        raise TypeError(
            f"frames is of type {type(frames).__name__}{what}, expected an array (T, N, M), "
            "a sequence or iterable of arrays (N, M), or a path"
        )
    if not iterable:
        return _open_stack(array_of(frames, 0), floats, aligners[""])
    source = frames.source() if is_pickled(frames) or is_archive(frames) else None
    opened = _open_each(frames, floats, aligners)
    return replace(keyed.given(opened), file=named or file_of(frames), source=source)


def _in_one_frame(frames: Any) -> Any:
    """Return a matrix from a file as its only frame, anything else as it is."""
    if isinstance(frames, NESTED) and frames and isinstance(frames[0], NESTED) and frames[0]:
        return [frames] if isinstance(frames[0][0], Number) else frames
    return in_one_frame(frames)


def _is_stack(frames: object) -> bool:
    if isinstance(frames, Mapping):
        return False
    return is_archive(frames) or is_source(frames) or bool(getattr(frames, "ndim", 0) == 3)


def _open_stack(frames: Any, floats: Floats, aligner: Aligner) -> Frames:
    shape = tuple(frames.shape)
    if axes_of(frames) is None:
        check_stack(shape)
    else:  # tables have no slices with new axes
        levels = getattr(getattr(frames, "index", None), "nlevels", 1)
        groups = ", for the groups of its index frames.groupby(level=0)" if levels > 1 else ""
        check_stack(shape, vectors=groups)
    dtype = frames.dtype
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        dtype = array_of(frames[:1], 0).dtype
    check_frame(0, shape[1:], dtype)
    if isinstance(frames, np.ndarray):
        return _open_source(source_of(frames), floats)

    aligner.array(frames, np.broadcast_to(np.zeros((), bool), shape), "frames")  # labels checked

    def take(start: int, stop: int) -> npt.NDArray[Any]:
        block = array_of(frames[start:stop], start)
        block = aligner.array(frames, block, "frames")
        if block.shape != (stop - start, *shape[1:]):
            raise ValueError(f"frame {start}: shape {block.shape[1:]}, expected {shape[1:]}")
        return block

    return _stacked(shape, dtype, take, floats)


def _open_source(source: Source, floats: Floats) -> Frames:
    try:
        shape = tuple(map(operator.index, source.shape))
    except TypeError:
        raise TypeError(
            f"expected the source's shape to be (T, N, M), not {short(source.shape)}"
        ) from None
    check_stack(shape)
    dtype = _dtype_of(source)
    check_frame(0, shape[1:], dtype)

    take = taker(source, dtype)
    path = getattr(source, "path", None)
    file = path if isinstance(path, Path) else None
    steps = getattr(source, "steps", None)
    if steps is not None and (not hasattr(steps, "__len__") or len(steps) != shape[0]):
        raise ValueError(
            f"expected the source's steps to be one for each of {shape[0]} frames, not "
            f"{short(steps)}"
        )
    opened = _stacked(shape, dtype, take, floats)
    axes = getattr(source, "axes", None)
    aligners = Aligners({"": axes} if isinstance(axes, Axes) else {})
    return replace(opened, file=file, source=source, steps=steps, aligners=aligners)


def _dtype_of(source: Source) -> np.dtype[Any]:
    """Return the numpy dtype of the arrays that a source reads."""
    try:
        return as_array(np.empty(0, source.dtype)).dtype
    except TypeError:
        raise TypeError(
            f"expected the source's dtype to be one of numpy, not {short(source.dtype)}"
        ) from None


def _stacked(shape: tuple[int, ...], dtype: np.dtype[Any], take: Take, floats: Floats) -> Frames:
    """Open frames (T, N, M) that `take` reads in any order."""

    def read(size: int, converters: Converters) -> Iterator[FloatArray]:
        converter = converters.get("")

        def fill(out: FloatArray, number: int, _: int) -> None:
            out[:] = read_values(take, number, number + 1, converter, floats)

        cells = shape[1:] if converter is None else converter.cells
        for start in range(0, shape[0], size):
            stop = min(start + size, shape[0])
            try:
                chunk = read_values(take, start, stop, converter, floats)
            except Exception:  # the frames before the one that fails are valid
                yield from in_chunks(range(start, stop), stop - start, cells, fill)
            else:
                yield chunk

    return Frames((int(shape[1]), int(shape[2])), dtype, int(shape[0]), True, read)


def _open_each(
    frames: Any,
    floats: Floats,
    aligners: Aligners,
    panels: Mapping[str, Shape] | None = None,
) -> Frames:
    length = len(frames) if hasattr(frames, "__len__") else None
    rereadable = True
    if length is not None and hasattr(frames, "__getitem__"):

        def iterate() -> Iterator[Any]:
            for number in range(length):
                try:
                    yield frames[number]
                except IndexError:
                    if number < len(frames):
                        raise
                    raise ValueError(
                        f"frame {number} is gone: there were {length} frames, now {len(frames)}"
                    ) from None
    else:

        def iterate() -> Iterator[Any]:
            return iter(frames)

    if is_archive(frames):
        headers: Iterable[Header] = frames.headers
    else:
        if isinstance(frames, NESTED) or is_pickled(frames):
            known = frames.frames if is_pickled(frames) else frames
        else:  # other frames may be expensive to read, or readable only once
            iterator = iterate()
            known = list(islice(iterator, 1))
            if iterator is frames:
                rereadable = False
                iterate = _once(all_of(list(known), iterator))
        if panels is not None or isinstance(next(iter(known), None), Mapping):
            return open_bundles(known, iterate, length, rereadable, floats, panels or {}, aligners)
        headers = (header(frame, number, aligners[""]) for number, frame in enumerate(known))
    shape: tuple[int, ...] | None = None
    dtypes: dict[np.dtype[Any], None] = {}
    for number, (found, dtype) in enumerate(headers):
        check_frame(number, found, dtype, shape)
        shape = found
        dtypes[dtype] = None
    if shape is None:
        raise ValueError("there are no frames, expected at least one")
    expected = shape
    common = common_dtype(dtypes)

    def read(size: int, converters: Converters) -> Iterator[FloatArray]:
        into = into_of(converters.get(""), floats)

        def fill(out: FloatArray, frame: Any, number: int) -> None:
            array = matrix_in(frame, number, aligners[""])
            check_frame(number, array.shape, array.dtype, expected)
            check_dtype(number, array.dtype, common)
            into(out, array[None], number)
            let_go(array)

        most = size if length is None else min(size, length)
        cells = converters[""].cells if converters else expected
        return in_chunks(iterate(), most, cells, fill)

    shape = expected[0], expected[1]
    return Frames(shape, common, length, rereadable, read, aligners=aligners)


def _once(frames: Iterator[Any]) -> Callable[[], Iterator[Any]]:
    """Return a function that returns an iterator once, and raises ValueError when called again."""
    unread = [frames]

    def iterate() -> Iterator[Any]:
        if not unread:
            raise ValueError(
                "frames is an iterator, and was read already; expected a list or array"
            )
        return unread.pop()

    return iterate
