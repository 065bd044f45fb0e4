"""Array-likes as arrays: validated as frames, and converted to float64."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.masks import hide
from fastheat.inputs.sources.objects import numbers_of
from fastheat.inputs.sources.remedies import without_texts
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import in_a_line, warn

FloatArray: TypeAlias = npt.NDArray[np.float64]
# the matrices of a frame, one or one per panel, and the scalars behind them
Frame: TypeAlias = "tuple[npt.NDArray[Any], ...]"
Header: TypeAlias = tuple[tuple[int, ...], "np.dtype[Any]"]

NESTED = (list, tuple, deque)  # sequences that numpy looks into and unpickling can produce
REAL = "biuf"  # kinds of dtypes
_WIDEST = 1 << 19  # bytes of an item; only texts are this long
_MOST_CELLS = 1 << 27  # of a nested list: 1 GB as float64
_MOST_SHARED = 1 << 23  # cells of a list whose rows share memory
_MOST_LETTERS = 1 << 24  # of the texts in a list, each padded to the longest: 64 MB


def check_type(dtype: np.dtype[Any], what: str, kinds: str = REAL) -> None:
    """Raise TypeError for a dtype that a file may not have, before its bytes are viewed as one.

    With an object dtype, or numpy's variable-length strings, the bytes would be used as pointers.

    Parameters
    ----------
    dtype
        The dtype in the file's header.
    what
        The subject of the error message.
    kinds
        The accepted values of `numpy.dtype.kind`.
    """
    plain = dtype.names is None and dtype.subdtype is None and not dtype.hasobject
    if not (plain and dtype.kind in kinds and 0 < dtype.itemsize <= _WIDEST):
        expected = "real numbers or text" if "U" in kinds else "real numbers"
        ways = {"O": "; of objects that are numbers give .astype(float)", "c": "; give np.abs()"}
        hint = ways.get(dtype.kind, "")
        if dtype.names:
            fields = ", ".join(ascii(name)[:40] for name in dtype.names[:8])
            hint = f": give one of the fields {fields}, as array[{ascii(dtype.names[0])[:40]}]"
        raise TypeError(f"{what} has dtype {str(dtype)[:100]}, expected {expected}{hint}")


def check_text(array: npt.NDArray[np.str_], what: str) -> None:
    """Raise ValueError for text with invalid code points, which numpy does not check."""
    if not array.nbytes:
        return
    code = np.dtype(np.uint32).newbyteorder(array.dtype.byteorder)
    together = np.ascontiguousarray(array.T if array.flags.fnc else array)
    if int(together.view(code).max()) > sys.maxunicode:
        raise ValueError(f"expected {what} to be text, but it has bytes that are not characters")


def is_masked_array(value: object) -> TypeGuard[np.ma.MaskedArray[Any, Any]]:
    """Return whether a value is a masked array, without importing `numpy.ma`."""
    return "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray)


def array_of(frame: object, number: int) -> npt.NDArray[Any]:
    """Return a frame as an array, which may share its memory; errors name the frame's number."""
    stack: Any = as_array
    if isinstance(frame, NESTED):
        check_rows(frame, f"frame {number}")
        kinds = _kinds(frame)
        if any(map(is_masked_array, frame)):
            stack = np.ma.stack
        elif any(hasattr(kind, "detach") for kind in kinds):
            frame = [_detached(row) for row in frame]
        if any(kind.__name__ == "MaskedConstant" for kind in kinds):
            stack = _masked
    array = converted(frame, number, stack)
    return _numbers_in(array, frame, number) if array.dtype == object and array.ndim else array


def _numbers_in(array: npt.NDArray[Any], frame: object, number: int) -> npt.NDArray[Any]:
    """Return objects that are numbers as numbers, with the mask of a masked array."""
    mask = np.ma.getmaskarray(array) if is_masked_array(array) else None
    data = np.ma.getdata(array)
    if mask is not None:
        data = data.copy()
        data[mask] = None
    try:
        numbers = numbers_of(data, f"frame {number}")
    except TypeError as error:
        raise TypeError(f"{error}{without_texts(frame)}") from None
    return numbers if mask is None else np.ma.array(numbers, mask=mask)


def _kinds(frame: Sequence[Any]) -> set[type]:
    """Return the types of the rows of nested sequences, and of their cells."""
    kinds = set(map(type, frame))
    if any(issubclass(kind, NESTED) for kind in kinds):
        kinds.update(*(map(type, row) for row in frame if isinstance(row, NESTED)))
    return kinds


def _masked(rows: Any) -> npt.NDArray[Any]:
    """Return rows of cells, some of them masked, as a masked array."""
    mask = [[cell is np.ma.masked for cell in row] for row in rows]
    cells = [[0 if cell is np.ma.masked else cell for cell in row] for row in rows]
    return np.ma.array(np.asarray(cells), mask=mask)


def _detached(row: Any) -> Any:
    """Return a row, or the cells of one, as arrays where they are tensors."""
    if isinstance(row, NESTED):
        return [_detached(cell) for cell in row]
    return as_array(row) if hasattr(row, "detach") else row


def converted(
    frame: object, number: int, convert: Callable[[Any], npt.NDArray[Any]] = as_array
) -> npt.NDArray[Any]:
    """Return a frame, or a block that begins with it, as an array; errors name its number."""
    try:
        return convert(frame)
    except Exception as error:  # whatever a foreign __array__ raises
        reason = in_a_line(error)
        if reason.startswith("expected "):
            raise TypeError(f"frame {number}: {reason}") from error
        what = type(frame).__name__
        if way := without_texts(frame):
            raise TypeError(f"frame {number} has columns that are no numbers{way}") from error
        raise TypeError(f"frame {number} ({what}) is not an array of numbers: {reason}") from error


def check_rows(frame: Sequence[Any], what: str) -> None:
    """Raise ValueError for nested sequences that are ragged, deeper than a matrix, or too large.

    This runs before numpy sees them: numpy searches 64 levels, which takes forever if lists share
    their items, and gives every text the room of the longest.
    """
    kinds = set(map(type, frame))
    sized = {
        kind for kind in kinds if hasattr(kind, "__len__") and not issubclass(kind, (str, bytes))
    }
    rows = frame if sized == kinds else [row for row in frame if type(row) in sized]
    if not all(issubclass(kind, NESTED) for kind in sized):  # arrays of no dimensions are cells
        rows = [row for row in rows if getattr(row, "ndim", 1) != 0]
    nested = [row for row in rows if isinstance(row, NESTED)]
    widths = set(map(len, rows))
    if len(widths) > 1:
        few, many = min(widths), max(widths)
        raise ValueError(f"{what} has rows of {few} and of {many} cells, expected all alike")
    cells = len(frame) * max(widths, default=1)
    if cells > _MOST_CELLS:
        raise ValueError(
            f"{what} is a list of {len(frame)} x {max(widths, default=1)} cells, expected an array"
        )
    if any(getattr(row, "ndim", 1) > 1 for row in rows) or any(map(_has_rows, nested)):
        raise ValueError(f"{what} has rows of rows, expected rows of cells")
    if cells > _MOST_SHARED and 8 * _held(rows) < cells:
        raise ValueError(
            f"{what} is a list of {len(frame)} rows that share their memory, expected an array"
        )
    longest = max(map(_letters, (frame, *nested)))
    if longest * cells > _MOST_LETTERS:
        raise ValueError(
            f"{what} has {cells} cells and a text of {longest} letters, expected shorter ones"
        )


def _has_rows(row: Iterable[Any]) -> bool:
    """Return whether numpy would look into any cell of a row as a sequence."""
    for kind in set(map(type, row)):
        if issubclass(kind, (*NESTED, dict)):
            return True
        if issubclass(kind, (str, bytes)) or not hasattr(kind, "__getitem__"):
            continue
        # zero-dimensional arrays and tensors are cells
        if hasattr(kind, "__len__") and any(
            getattr(cell, "ndim", 1) for cell in row if type(cell) is kind
        ):
            return True
    return False


def _held(rows: Iterable[Any]) -> int:
    """Return a lower bound on the memory of rows in bytes; rows that are lists count each time."""
    held: dict[int, int] = {}  # bytes by the id of the object that owns them
    total = 0
    for row in rows:
        if isinstance(row, np.ndarray):
            base = row if row.base is None else row.base
            whole = len(base) if isinstance(base, bytes) else getattr(base, "nbytes", 0)
            held[id(base)] = max(whole, row.nbytes)
        else:
            total += 8 * len(row)
    return total + sum(held.values())


def _letters(cells: Iterable[Any]) -> int:
    """Return the length of the longest text among cells or rows."""
    longest = 0
    for kind in set(map(type, cells)):
        if issubclass(kind, (str, bytes)):
            longest = max(longest, *(len(cell) for cell in cells if type(cell) is kind))
        elif issubclass(kind, np.ndarray):
            texts = [
                cell.itemsize for cell in cells if type(cell) is kind and cell.dtype.kind in "US"
            ]
            longest = max(longest, *texts, 0)
    return longest


def check_stack(
    shape: tuple[int, ...],
    single: str = "[frames]",
    vectors: str = ", for vectors in order frames[:, None]",
) -> None:
    """Raise ValueError for a shape that is not that of a stack of frames.

    Errors say that a matrix can be drawn by what is given as `single`, and its rows one after the
    other by `vectors`.
    """
    if len(shape) != 3:
        hint = ""
        if len(shape) == 2:
            hint = f"; for a single frame pass {single}{vectors}"
        if len(shape) > 3:
            hint = f"; give .reshape({shape[0]}, {shape[1]}, -1)"
        if len(shape) == 4:
            hint += f", or {{f'head {{k}}': frames[:, k] for k in range({shape[1]})}} for panels"
        raise ValueError(f"frames has shape {shape}, expected (T, N, M){hint}")
    if shape[0] < 1:
        raise ValueError(f"frames has shape {shape}, expected at least one frame")


def check_frame(
    number: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    expected: tuple[int, ...] | None = None,
) -> None:
    """Raise TypeError or ValueError unless a frame is a matrix of real numbers, as expected."""
    if dtype.kind not in REAL:
        check_type(dtype, f"frame {number}")
    if len(shape) != 2:
        hints = (
            "; for a single cell pass [[frame]]",
            "; for a single frame pass [frames], for vectors in order [[row] for row in frames]",
        )
        hint = hints[len(shape)] if len(shape) < 2 else f"; give {as_matrix(shape, 'frame')}"
        raise ValueError(
            f"frame {number} has shape {shape}, expected rows and columns (N, M){hint}"
        )
    if min(shape) < 1:
        raise ValueError(f"frame {number} has shape {shape}, expected at least one cell")
    if expected is not None and shape != expected:
        raise ValueError(f"frame {number} has shape {shape}, expected {expected} as frame 0")


def as_matrix(shape: tuple[int, ...], name: str) -> str:
    """Return the code that makes an array of other dimensions a matrix, or several, for errors."""
    if len(shape) < 2:
        return f"[{name}]"
    if len(shape) == 3:
        panels = f"{{f'head {{k}}': {name}[k] for k in range({shape[0]})}} for panels"
        return f"{name}.reshape({shape[0]}, -1), or {panels}"
    return (
        f"{name}.reshape({shape[0]}, -1), or {name}.reshape(-1, {shape[-1]}).T if its axes are "
        "(..., in, out)"
    )


def check_dtype(number: int, dtype: np.dtype[Any], expected: np.dtype[Any]) -> None:
    """Raise TypeError for a dtype that cannot be cast to the expected one without loss."""
    if not np.can_cast(dtype, expected, "safe"):
        # rounding could move a value into another bin of the colormap
        raise TypeError(
            f"frame {number} has dtype {dtype}, expected {expected} as frame 0: give all of them "
            "by .astype(float)"
        )


def common_dtype(dtypes: Collection[np.dtype[Any]]) -> np.dtype[Any]:
    """Return the dtype that can hold all of some; a single one as it is, in its byte order."""
    return np.result_type(*dtypes) if len(dtypes) > 1 else next(iter(dtypes))


class Floats:
    """Converter to float64 that warns of the first value that this changes."""

    def __init__(self, emit: Callable[[str], object] = warn) -> None:
        self.warned = False
        self._emit = emit

    # out: (t, n, M) float64; block: (t, n, M) of any real dtype, the rows of frames from `row` on
    def into(self, out: FloatArray, block: npt.NDArray[Any], number: int, row: int = 0) -> None:
        if block.shape != out.shape:
            raise ValueError(f"frame {number}: shape {block.shape[1:]}, expected {out.shape[1:]}")
        values, mask = block, None
        if is_masked_array(block):
            values, mask = np.ma.getdata(block), np.ma.getmaskarray(block)
        with np.errstate(all="ignore"):  # overflow is found below, and NaN needs no warning
            out[...] = values
            if not self.warned and values.dtype.itemsize >= 8 and values.dtype != np.float64:
                changed = _changed(values, out)
                if mask is not None:
                    changed &= ~mask
                if changed.any():
                    self._warn(values, out, number, changed, row)
        if mask is not None:
            hide(out, mask)

    def _warn(
        self,
        values: npt.NDArray[Any],
        out: FloatArray,
        number: int,
        changed: npt.NDArray[Any],
        top: int,
    ) -> None:
        self.warned = True
        frame, row, col = (int(axis[0]) for axis in np.nonzero(changed))
        became, was = float(out[frame, row, col]), values[frame, row, col]
        now = int(became) if values.dtype.kind in "iu" else values.dtype.type(became)
        # as str() writes them: format() has fewer digits of a longdouble
        self._emit(
            f"frame {number + frame}: {was!s} in cell ({top + row}, {col}) becomes {now!s} as "
            "float64; later changes are not reported"
        )


def join_frames(frames: Sequence[Frame], floats: Floats, number: int) -> FloatArray:
    """Return frames as one float64 array (T, C), the matrices of each one after the other."""
    values = np.empty((len(frames), sum(part.size for part in frames[0])))
    start = 0
    for parts in zip(*frames, strict=True):
        stop, first = start + parts[0].size, parts[0]
        out = values[:, start:stop].reshape(-1, *first.shape)
        # masked integers, which are float64 already, may be among others
        if all(part.dtype == first.dtype for part in parts):
            floats.into(out, first[None] if len(parts) == 1 else np.stack(parts), number)
        else:
            for k, part in enumerate(parts):
                floats.into(out[k : k + 1], part[None], number + k)
        start = stop
    return values


def _changed(values: npt.NDArray[Any], out: FloatArray) -> npt.NDArray[Any]:
    changed: npt.NDArray[Any] = out.astype(values.dtype) != values
    if values.dtype.kind == "f":
        changed &= ~np.isnan(values)
        return changed
    # The largest integers round up to a power of two, and C leaves its cast back undefined.
    changed |= out >= 2.0 ** (64 if values.dtype.kind == "u" else 63)
    return changed
