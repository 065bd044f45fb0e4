"""Frames of several matrices: arrays by name, and frames that are dictionaries or tuples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from fastheat.inputs.frames.stream import (
    Converters,
    Frames,
    common_length,
    header,
    in_chunks,
    into_of,
    joined,
    matrix_in,
)
from fastheat.inputs.sources.arrays import FloatArray, Floats, array_of, check_dtype, common_dtype
from fastheat.inputs.sources.files import is_archive
from fastheat.inputs.sources.labelled import Aligners, axes_of
from fastheat.inputs.sources.objects import is_real
from fastheat.inputs.sources.shapes import (
    Shape,
    as_row,
    cells_of,
    check_names,
    check_part,
    flat,
    form_of,
    keys_of,
    left_out,
    of_panel,
    parts_in,
    warn_of_left_out,
)
from fastheat.inputs.sources.source import let_go
from fastheat.messages import short


def open_stacks(
    stacks: Mapping[Any, Any],
    panels: Mapping[str, Shape],
    open_frames: Callable[[object, str], Frames],
) -> Frames:
    """Open frames that are given separately for each panel, or numbers for each line.

    Parameters
    ----------
    stacks
        The frames of each panel, and one number per frame for each line, by name.
    panels
        The expected shape of each, () for a line; none if not known.
    open_frames
        Function that opens the frames of one panel, with its name.
    """
    names = _names_of(stacks, panels)
    lengths = set(map(_matrices_in, stacks.values())) - {0}
    opened: dict[str, Frames] = {}
    for name in names:
        with of_panel(name):
            stack = stacks[name]
            if len(lengths) == 1:
                stack = _in_rows(stack, min(lengths))
            if isinstance(stack, str):
                given = short(stack)
                raise TypeError(
                    f"expected frames, not the text {given}: for those of a file give "
                    f"fastheat.load_frames({given})"
                )
            opened[name] = (
                _open_scalars(stack) if _is_line(name, stack, panels) else open_frames(stack, name)
            )
    length = common_length(opened, "equally many frames of each panel")
    shapes: dict[str, Shape] = {}
    for name, each in opened.items():
        with of_panel(name):
            if isinstance(each.shape, dict):
                raise TypeError("expected an array (T, N, M), not a dictionary")
            check_part(0, each.shape, each.dtype, panels.get(name))
        shapes[name] = each.shape

    def read(size: int, converters: Converters) -> Iterator[FloatArray]:
        through = {name: {"": each} for name, each in converters.items()}
        chunks = {name: each._read(size, through.get(name, {})) for name, each in opened.items()}
        done = 0
        while True:
            parts: dict[str, FloatArray] = {}
            for name, each in chunks.items():
                with of_panel(name):
                    parts[name] = next(each, np.empty(0))
            count, most = min(map(len, parts.values())), max(map(len, parts.values()))
            if count:
                yield joined(part[:count] for part in parts.values())
            done += count
            for name, part in parts.items():
                if len(part) < most:
                    with of_panel(name):
                        next(chunks[name], None)  # raises the error that ended it, if any
                    raise ValueError(f"expected frame {done} of {name!r} too")
            if not count:
                return

    sources: dict[str, Any] = {
        name: each.source for name, each in opened.items() if each.source is not None
    }
    stepped = _common_steps(opened)
    return Frames(
        shapes,
        form_of(shapes, [each.dtype for each in opened.values()]),
        length,
        all(each.rereadable for each in opened.values()),
        read,
        source=sources if len(sources) == len(opened) else None,
        steps=None if stepped is None else stepped.steps,
        step_name="" if stepped is None else stepped.step_name,
        aligners=Aligners({name: a for name, each in opened.items() for a in each.axes.values()}),
    )


def _common_steps(opened: Mapping[str, Frames]) -> Frames | None:
    """Return frames that have the steps of all panels, or None if none has any.

    Raises
    ------
    ValueError
        If two panels have different steps.
    """
    found = {name: each for name, each in opened.items() if isinstance(each.steps, Sequence)}
    first = next(iter(found), "")
    for name, each in found.items():
        pairs = zip(found[first].steps or (), each.steps or (), strict=False)
        for number, (step, other) in enumerate(pairs):
            if step != other and not (step != step and other != other):
                raise ValueError(
                    f"expected the same steps of all panels, not {short(step)} of {first!r} and "
                    f"{short(other)} of {name!r} in frame {number}: give arrays, as by "
                    "np.stack(frames), to pair them by position"
                )
    return next((each for each in opened.values() if each.steps is not None), None)


def _matrices_in(stack: Any) -> int:
    """Return the number of matrices of an entry, those of each frame; 0 if it is not known."""
    if is_archive(stack):
        return stack.length if stack.headers and len(stack.headers[0][0]) == 2 else 0
    if isinstance(stack, (list, tuple)):
        first = stack[0] if stack else None
        if isinstance(first, (list, tuple)) and first and isinstance(first[0], (list, tuple)):
            return len(stack)
        return len(stack) if len(getattr(first, "shape", ())) == 2 else 0
    shape: Any = getattr(stack, "shape", ())
    return int(shape[0]) if isinstance(shape, tuple) and len(shape) == 3 else 0


def _in_rows(stack: Any, length: int) -> Any:
    """Return vectors, one for each frame, as matrices of one row, and anything else as it is."""
    if isinstance(stack, (list, tuple)) and len(stack) == length and not isinstance(stack[0], str):
        return list(map(as_row, stack))
    shape: Any = getattr(stack, "shape", ())
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[0] != length:
        return stack
    if axes_of(stack) is not None:
        raise ValueError(
            f"frames is {short(stack)} of shape {shape}, expected (T, N, M): for a row of each "
            "frame give its .to_numpy()"
        )
    return array_of(stack, 0)[:, None]


def _or_nan(part: Any, shape: Shape | None) -> Any:
    """Return NaN for a number that a line lacks, as a metric that is not computed at each step."""
    return math.nan if part is None and shape == () else part


def _is_line(name: str, stack: object, panels: Mapping[str, Shape]) -> bool:
    """Return whether the entry of a name holds one number per frame, or is a number."""
    if name in panels:
        return panels[name] == ()
    shape: Any = getattr(stack, "shape", None)
    if is_real(stack) or shape == () or isinstance(stack, range):
        return True
    if is_archive(stack):
        return stack.headers[:1] != () and stack.headers[0][0] == ()
    if shape is None and isinstance(stack, (list, tuple)) and stack:
        return is_real(stack[0]) or getattr(stack[0], "shape", None) == ()
    return shape is not None and len(shape) == 1


def _open_scalars(values: object) -> Frames:
    """Open an array-like of one number per frame."""
    # an iterator, since list(values) would allocate room for as many items as an archive claims
    array = array_of(list(iter(values)) if is_archive(values) else values, 0)
    if array.ndim != 1 or not array.size or array.dtype.kind not in "biuf":
        raise TypeError(f"expected a number for each frame, not {array.dtype} of {array.shape}")
    with np.errstate(over="ignore"):
        scalars = array.astype(np.float64)
    if (large := np.flatnonzero(np.isinf(scalars) & np.isfinite(array))).size:
        raise ValueError(f"the number of frame {large[0]} is too large for a float")

    def read(size: int, _: object) -> Iterator[FloatArray]:
        for start in range(0, len(scalars), size):
            yield scalars[start : start + size]

    nothing: Any = ()  # the shape of a scalar
    return Frames(nothing, np.dtype(np.float64), len(scalars), True, read)


def _names_of(frame: Mapping[Any, Any], panels: Mapping[str, Shape]) -> tuple[str, ...]:
    """Return the names of the panels in order, followed by those of lines.

    Raises
    ------
    ValueError
        If the keys of the frame are not the names of `panels`.
    """
    names = tuple(panels)
    if not names:  # scalars come after the matrices
        lines = {name for name in check_names(frame) if _is_line(name, frame[name], {})}
        names = tuple(sorted(frame, key=lines.__contains__))
    if set(frame) != set(names):
        raise ValueError(
            f"expected matrices with {keys_of(dict.fromkeys(names))}, not {keys_of(frame)}"
        )
    return names


def open_bundles(
    frames: Iterable[Any],
    iterate: Callable[[], Iterator[Any]],
    length: int | None,
    rereadable: bool,
    floats: Floats,
    panels: Mapping[str, Shape],
    aligners: Aligners,
) -> Frames:
    """Open frames that each hold several matrices.

    Parameters
    ----------
    frames
        Frames whose shapes and dtypes are checked here.
    iterate
        Function that returns an iterator over all frames.
    length
        The number of frames, or None if not known.
    rereadable
        Whether `iterate` can be called again.
    panels
        The expected shape of each matrix, () for a line; none if not known.
    aligners
        The labels of each matrix.
    """
    names = tuple(panels)
    shapes: dict[str, Shape] = {}
    dtypes: dict[str, dict[np.dtype[Any], None]] = {}
    without: Mapping[str, Shape | None] = {}

    def drawn(frame: Any) -> Any:
        if not isinstance(frame, Mapping):
            return frame
        return {name: as_row(part) for name, part in flat(frame).items() if name not in without}

    for number, given in enumerate(frames):
        if number == 0 and isinstance(given, Mapping):
            found = left_out(flat(given), names)
            without = {name: shape for name, shape in found.items() if shape != ()}  # of lines
            warn_of_left_out(without)
        frame = drawn(given)
        if number == 0 and not panels:
            names = _names_of(frame, {})
        for name, part in zip(names, parts_in(frame, names, number), strict=True):
            part = _or_nan(part, shapes.get(name, panels.get(name)))
            with of_panel(name):
                shape, dtype = header(part, number, aligners[name])
                check_part(number, shape, dtype, shapes.get(name, panels.get(name)))
            shapes[name] = shape
            dtype = dtype if shape else np.dtype(np.float64)
            dtypes.setdefault(name, {})[dtype] = None
    if not shapes:
        raise ValueError("there are no frames, expected at least one")
    common = {name: common_dtype(dtypes[name]) for name in names}

    def read(size: int, converters: Converters) -> Iterator[FloatArray]:
        cells = {**shapes, **{name: each.cells for name, each in converters.items()}}
        into = {name: into_of(converters.get(name), floats) for name in names}

        def fill(out: FloatArray, frame: Any, number: int) -> None:
            place = 0
            for name, part in zip(names, parts_in(drawn(frame), names, number), strict=True):
                part = _or_nan(part, shapes[name])
                with of_panel(name):
                    array = matrix_in(part, number, aligners[name])
                    check_part(number, array.shape, array.dtype, shapes[name])
                    array = array if array.shape else array.astype(np.float64)
                    check_dtype(number, array.dtype, common[name])
                    stop = place + prod(cells[name])
                    own = out[0, place:stop].reshape(1, *cells[name])
                    into[name](own, array[None], number)
                    place = stop
                let_go(array)

        most = size if length is None else min(size, length)
        return in_chunks(iterate(), most, (cells_of(cells),), fill)

    form = form_of(shapes, list(common.values()))
    return Frames(shapes, form, length, rereadable, read, aligners=aligners)
