"""Annotations: numbers or texts that cells show instead of their values.

They are the same in all frames, or differ from frame to frame.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, repeat
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.ranges import MatrixLimits
from fastheat.inputs.frames.stream import Frames, common_length, in_chunks
from fastheat.inputs.sources.arrays import NESTED, Floats, check_rows, check_text
from fastheat.inputs.sources.files import load
from fastheat.inputs.sources.labelled import Axes, aligned, axes_of
from fastheat.inputs.sources.masks import hide, is_masked
from fastheat.inputs.sources.objects import is_missing, is_real, numbers_of
from fastheat.inputs.sources.shapes import Shape, Shapes, keys_of, of_panel
from fastheat.inputs.sources.source import FileArray
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import MOST_SAID, in_a_line, short
from fastheat.style.text.formats import ValueFormat, as_written, check_length

TEXTS = np.dtype(str)  # the dtype of annotations that are text
MOST_DIFFERENT = 4000  # letters, each of which is measured
SAMPLED = 64  # longest texts of all frames, for which a layout is made
DEEPEST = 3  # dimensions, (T, N, M)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Annotations of one frame, or of all frames alike."""

    # (N, M) float64, or strings as objects, masked or empty in cells without annotation; of several
    # matrices a structured scalar with a field for each annotated one
    cells: NDArray[Any]
    dtype: np.dtype[Any]  # of the numbers as given, or TEXTS; structured for several matrices
    axes: Axes | None = None  # labels of their rows and columns, if they carry any

    def aligned(self, axes: Axes) -> Cells:
        """Return the cells in the order of the labels of the matrices that they are for."""
        if self.axes is None:
            return self
        cells = aligned(self.cells, self.axes, axes, "annot", "the frames")
        return replace(self, cells=cells, axes=axes)

    @property
    def parts(self) -> dict[str, Cells]:
        """The annotations of each annotated matrix by name; a single one is named ""."""
        if self.dtype.names is None:
            return {"": self}
        return {name: Cells(self.cells[name], self.dtype[name]) for name in self.dtype.names}

    @property
    def nbytes(self) -> int:
        """The size in memory in bytes; a string counts for each cell that refers to it."""
        each = (part.cells for part in self.parts.values())
        strings = chain.from_iterable(cells.flat for cells in each if cells.dtype.kind == "O")
        return self.cells.nbytes + sum(map(sys.getsizeof, strings))

    def texts(self, valfmt: ValueFormat | None) -> tuple[str, ...]:
        """Return the text of each cell, in raster order."""
        cells = self.cells.ravel().tolist()
        if self.dtype.kind == "U" or valfmt is None:
            return tuple(cells)
        pairs = zip(cells, is_masked(self.cells).ravel().tolist(), strict=True)
        return tuple(
            "" if masked else valfmt.write(as_written(x, self.dtype)) for x, masked in pairs
        )


def _structured(parts: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return matrices by panel, of as many frames as `shape` says, as an array of structures."""
    form = [(name, each.dtype, each.shape[len(shape) :]) for name, each in parts.items()]
    frames = np.empty(shape, form)
    for name, each in parts.items():
        frames[name] = each
    return frames


class Sample(NamedTuple):
    """Sample of the annotations of frames, for which a layout reserves room."""

    dtype: np.dtype[Any]
    texts: tuple[str, ...] = ()
    letters: str = ""
    span: tuple[float, float] | None = None  # range of the numbers


# the sample of a matrix, or of each panel whose frames are annotated
Samples: TypeAlias = "Sample | dict[str, Sample]"
# the annot= option of each panel
Parts: TypeAlias = "dict[str, Cells | Sample | bool]"


def facts_of(sample: Samples) -> dict[str, Any]:
    """Return samples as values that JSON can represent."""
    if isinstance(sample, dict):
        return {name: facts_of(each) for name, each in sample.items()}
    return {
        "dtype": "str" if sample.dtype.kind == "U" else sample.dtype.name,
        "texts": list(sample.texts),
        "letters": sample.letters,
        "span": sample.span,
    }


@dataclass(frozen=True, slots=True, eq=False)
class Annots:
    """Annotations that differ between frames, read in chunks.

    Attributes
    ----------
    dtype
        The dtype of all annotations, or TEXTS; for panels a structured dtype with a field for each
        annotated one.
    length
        The number of frames that they are for, or None if not known.
    sample
        Function that returns a `Sample` of all annotations, or of the first frame's if they can be
        read only once; for panels, the annot option of each.
    chunks
        Function of a number of frames. It reads all annotations once, in chunks of so many frames,
        the last of which may have fewer: (t, N, M) float64 or strings as objects, or (t,) with such
        fields for panels.
    """

    dtype: np.dtype[Any]
    length: int | None
    sample: Callable[[], Sample | Parts]
    chunks: Callable[[int], Iterator[NDArray[Any]]]


def read_annot(annot: object, shape: tuple[int, int]) -> bool | Cells | Sample:
    """Return a checked `annot` option of a heatmap: a boolean, the cells or a sample."""
    if annot is None or isinstance(annot, bool | np.bool_):
        return bool(annot)
    if isinstance(annot, Sample):
        return annot
    opened = open_annots(annot, shape)
    if not isinstance(opened, Cells):
        raise ValueError(
            f"expected annot of shape {shape}, the same in all frames, not annotations of frames, "
            "which save_gif takes"
        )
    return opened


def open_annots(
    annot: object, shape: Shapes, axes: Mapping[str, Axes] | None = None, *, made: bool = False
) -> Cells | Annots | Parts:
    """Check annotations of any kind for matrices of a shape.

    Parameters
    ----------
    annot
        Numbers or strings: an array-like (N, M), the same for all frames; an array (T, N, M) or a
        sequence or iterable of array-likes (N, M), one per frame; or the path of a file with
        either, see `load_frames`. For panels a dictionary of these by name, in which False means
        no text. The result of an earlier call is returned as it is.
    axes
        The labels that the matrices carry, by panel; annotations with labels are read in their
        order.
    made
        Whether the layout exists already. Annotations that are the same in all frames can then no
        longer be an option of it, and are repeated for each frame.
    """
    if isinstance(annot, Annots):
        return annot
    known = axes or {}
    if isinstance(shape, dict):
        return _open_parts(annot, shape, known, made)
    opened = _open_one(annot, shape, known.get(""))
    return _repeated(opened) if made and isinstance(opened, Cells) else opened


def _open_one(annot: object, shape: Shape, axes: Axes | None) -> Cells | Annots:
    """Open the annotations of one matrix."""
    if isinstance(annot, Annots):
        return annot
    if isinstance(annot, Cells):
        if annot.cells.shape != shape:
            raise ValueError(f"expected annot of shape {shape}, not {annot.cells.shape}")
        return annot if axes is None else annot.aligned(axes)
    if isinstance(annot, str | os.PathLike):
        loaded = load(annot, defer=False)
        length = len(loaded) if hasattr(loaded, "__len__") else None
        alone = length == 1 and _depth(loaded) not in (2, 3)  # an archive with one matrix
        return _open_one(next(iter(loaded)) if alone else loaded, shape, axes)
    depth = _depth(annot)
    if depth == 2:
        return matrix_of(annot, shape, "annot", axes)
    iterable = depth == DEEPEST or hasattr(annot, "__iter__") or hasattr(annot, "__getitem__")
    iterable &= not isinstance(annot, np.generic)
    if not iterable or isinstance(annot, Mapping | Set | bytes | bytearray | type):
        given = short(annot)
        if isinstance(annot, Mapping):
            given = (
                f"a dictionary with {keys_of(annot)}: give list(annot.values()), in the order of "
                "the frames"
            )
        raise TypeError(
            "expected annot to be True, False, an array (N, M) of numbers or strings, or one for "
            f"each frame, not {given}"
        )
    if (depth in (0, 1) and isinstance(annot, np.ndarray | FileArray)) or depth > DEEPEST:
        found = getattr(annot, "shape", None) or f"{depth} dimensions"
        raise ValueError(
            f"expected annot of shape {shape} or (T, {shape[0]}, {shape[1]}), not {found}"
        )
    return _open_each(annot, shape, axes, stacked=depth == DEEPEST and hasattr(annot, "shape"))


def _open_parts(
    annot: object, shapes: dict[str, Shape], axes: Mapping[str, Axes], made: bool
) -> Annots | Parts:
    """Open the annotations of each panel that has any."""
    if isinstance(annot, str | os.PathLike):
        annot = _load_parts(annot, _panels(shapes))
    parts: Parts = {}
    each: dict[str, Annots] = {}
    for name, given in by_panel(annot, _panels(shapes)).items():
        with of_panel(name):
            if given is None or isinstance(given, bool | np.bool_):
                if made and not given:
                    raise TypeError(f"expected annot={given!r} as an option of the panel")
                parts |= {} if made else {name: bool(given)}
                continue
            opened = _open_one(given, shapes[name], axes.get(name))
        if isinstance(opened, Annots):
            each[name] = opened
        elif made:
            each[name] = _repeated(opened)
        else:
            parts[name] = opened
    return _together(each, parts) if each else parts


def _load_parts(path: str | os.PathLike[str], panels: Sequence[str]) -> Any:
    """Load the annotations of panels from a file of several arrays, or of one named as a panel."""
    loaded = load(path, defer=False)
    if isinstance(loaded, Mapping):
        return loaded
    for name in panels:
        with suppress(ValueError):
            return {name: load(path, defer=False, tensor=name)}
    raise ValueError(
        f"expected a file with annot by the names of the panels, as {panels[0]!r}, not "
        f"{os.fsdecode(path)!r}"
    )


def _together(each: dict[str, Annots], parts: Parts) -> Annots:
    """Join the panels' per-frame annotations; `parts` are annotations that all frames share."""
    length = common_length(each, "annot of equally many frames for each panel")

    def read(size: int) -> Iterator[NDArray[Any]]:
        for chunks in zip(*(part.chunks(size) for part in each.values()), strict=False):
            count = min(map(len, chunks))
            yield _structured(dict(zip(each, (c[:count] for c in chunks), strict=True)), (count,))

    def sample() -> Parts:
        return {**parts, **{name: cast(Sample, part.sample()) for name, part in each.items()}}

    dtype = np.dtype([(name, part.dtype) for name, part in each.items()])
    return Annots(dtype, length, sample, read)


def by_panel(annot: object, panels: Sequence[str]) -> dict[str, Any]:
    """Return the entries of a dictionary by panel, in the order of the panels."""
    if not isinstance(annot, Mapping):
        raise TypeError(
            f"expected annot to be a dictionary by the names of the panels, such as "
            f"{{{panels[0]!r}: ...}}, not {short(annot)}"
        )
    for name in annot:
        if name not in panels:
            raise ValueError(f"expected annot of panels {', '.join(panels)}, not of {short(name)}")
    return {name: annot[name] for name in panels if name in annot}


def _panels(shapes: dict[str, Shape]) -> list[str]:
    """Return the names of the matrices of a frame, which are the panels, without the scalars."""
    return [name for name, shape in shapes.items() if shape]


def cells_in(annot: object, shape: Shapes, axes: Mapping[str, Axes]) -> Cells:
    """Return the annotations of one frame, checked, in the order of the labels of its matrices."""
    if not isinstance(shape, dict):
        return matrix_of(annot, shape, "annot", axes.get(""))
    parts = {}
    for name, given in by_panel(annot, _panels(shape)).items():
        if given is not None:
            with of_panel(name):
                parts[name] = matrix_of(given, shape[name], "annot", axes.get(name))
    if not parts:
        raise ValueError(f"expected annot of at least one panel, not {short(annot)}")
    cells = _structured({name: each.cells for name, each in parts.items()}, ())
    return Cells(cells, np.dtype([(name, each.dtype) for name, each in parts.items()]))


def shape_of(annot: object) -> tuple[int, int] | None:
    """Return the shape of annotations that are the same in all frames, or None for any others."""
    if isinstance(annot, str | os.PathLike):
        annot = load(annot, defer=False)
    if _depth(annot) != 2:
        return None
    if isinstance(annot, NESTED):
        check_rows(annot, "annot")
    shape = np.shape(as_array(annot))
    return (shape[0], shape[1]) if len(shape) == 2 and min(shape) > 0 else None


def matrix_of(value: object, shape: Shape, name: str, axes: Axes | None = None) -> Cells:
    """Return an array-like of numbers or strings as `Cells`; masked cells and None are blank.

    Labels that it carries are put in the order of `axes`, if these are known.
    """
    cells = _matrix_of(value, shape, name)
    found = axes_of(value)
    if found is None:
        return cells
    if axes is None:
        return replace(cells, axes=found)
    return replace(cells, cells=aligned(cells.cells, found, axes, name, "the frames"), axes=axes)


def _matrix_of(value: object, shape: Shape, name: str) -> Cells:
    for row in value if isinstance(value, NESTED) else ():
        for cell in row if isinstance(row, NESTED) else ():
            if isinstance(cell, str):  # an array gives every text the room of the longest
                check_length(f"texts in {name}", cell)
    try:
        if isinstance(value, NESTED):
            check_rows(value, name)
        array: NDArray[Any] = as_array(value)
    except Exception as error:
        raise TypeError(
            f"expected {name} to be an array (N, M) of numbers or strings, not "
            f"{short(value)[:200]}: {in_a_line(error, 200)}"
        ) from None
    if array.shape != shape:
        raise ValueError(f"expected {name} of shape {shape}, not {array.shape}")
    blank = np.ma.getmaskarray(array).copy()
    plain: NDArray[Any] = np.ma.getdata(array)
    if plain.dtype.kind == "O":
        plain, missing = _objects(plain, blank, name)
        blank |= missing
    if plain.dtype.kind == "U":
        check_text(plain, name)
    if plain.dtype.kind in "UT" or plain.dtype == object:
        cells = plain.astype(object)
        check_length(f"texts in {name}", max(cells.flat, key=len))
        cells[blank] = ""
        return Cells(cells, TEXTS)
    if plain.dtype.kind not in "biuf":
        raise TypeError(f"expected {name} of numbers or strings, not of dtype {plain.dtype}")
    cells = np.empty(shape)
    Floats().into(cells[None], plain[None], 0)
    hide(cells, blank)
    return Cells(cells, written_dtype(plain.dtype))


def _objects(
    cells: NDArray[Any], blank: NDArray[np.bool_], name: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return objects as an array of strings or numbers, and the mask of missing ones.

    Numbers among strings become strings, as Python writes them.
    """
    flat = cells.ravel().tolist()
    missing = blank | np.array([is_missing(cell) for cell in flat], bool).reshape(cells.shape)
    gone = missing.ravel().tolist()
    texts = any(isinstance(cell, str) for cell, m in zip(flat, gone, strict=True) if not m)
    if not texts and not missing.all():
        given = np.where(missing, 0, cells)
        return numbers_of(given, name), missing
    for k, cell in enumerate(flat):
        if isinstance(cell, float) and cell != cell:  # as pandas has missing texts
            gone[k] = True
        elif not gone[k] and not (isinstance(cell, str) or is_real(cell)):
            i, j = divmod(k, cells.shape[1])
            raise TypeError(
                f"expected {name} of strings or numbers, not {short(cell)} in cell ({i}, {j})"
            )
    written = np.array(["" if m else str(c) for c, m in zip(flat, gone, strict=True)], object)
    return written.reshape(cells.shape), np.array(gone, bool).reshape(cells.shape)


def written_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype as which numbers of a dtype are formatted."""
    native = dtype.newbyteorder("=")
    return np.dtype(np.float64) if native.kind == "f" and native.itemsize > 8 else native


def _depth(value: object, most: int = DEEPEST + 1) -> int:
    """Return the number of dimensions of an array-like, or 0 for a scalar or if not known."""
    ndim = getattr(value, "ndim", None)
    if isinstance(ndim, int):
        return ndim
    if isinstance(value, NESTED):
        return 1 + (_depth(value[0], most - 1) if value and most > 1 else 0)
    if hasattr(value, "__array__") and not isinstance(value, type):
        with suppress(Exception):  # whatever a foreign __array__ raises
            return int(as_array(value).ndim)
    return 0


@contextmanager
def _naming() -> Iterator[None]:
    """Prefix errors with "annot", unless they mention it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        text = in_a_line(error, MOST_SAID)
        # a subclass may take other arguments, as UnicodeDecodeError does
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(text if "annot" in text else f"annot: {text}") from None


def _open_each(annot: Any, shape: Shape, axes: Axes | None, *, stacked: bool) -> Annots:
    once = iter(annot) is annot
    with _naming():
        if stacked:
            first = list(annot[:1])
        else:
            rest = iter(annot)
            first = list(islice(rest, 1))
            if once:
                annot = chain(first, rest)
        if not first:
            raise ValueError("expected annot for each frame, not for none")
        cells = matrix_of(first[0], shape, "annot of frame 0", axes)
        axes = axes or cells.axes
        if cells.dtype.kind != "U":
            frames = open_frames(annot, axes=None if axes is None else {"": axes})
            if frames.shape != shape:
                raise ValueError(f"expected annot of shape {shape}, not {frames.shape}")
            dtype, length = written_dtype(frames.dtype), frames.length
            read = partial(_read_numbers, frames)
        else:
            dtype, length = TEXTS, len(annot) if hasattr(annot, "__len__") else None
            read = partial(_read_texts, annot, shape, axes)

    def sample() -> Sample:
        return _sample_of_chunks(dtype, [sampled] if sampled is not None else read(SAMPLED))

    sampled = cells.cells if once else None
    return Annots(dtype, length, sample, read)


def _read_numbers(frames: Frames, size: int) -> Iterator[NDArray[Any]]:
    with _naming():
        yield from frames.chunks(size)


def _read_texts(
    annot: Iterable[Any], shape: Shape, axes: Axes | None, size: int
) -> Iterator[NDArray[Any]]:
    def fill(out: NDArray[Any], each: Any, number: int) -> None:
        found = matrix_of(each, shape, f"annot of frame {number}", axes)
        if found.dtype.kind != "U":
            raise TypeError(
                f"expected annot of frame {number} to be strings as that of frame 0, "
                f"not {found.dtype}"
            )
        out[0] = found.cells

    return in_chunks(annot, size, shape, fill, object)


def _repeated(cells: Cells) -> Annots:
    """Return the annotations of one frame, repeated for every frame."""
    each = cells.cells

    def read(size: int) -> Iterator[NDArray[Any]]:
        return repeat(np.broadcast_to(each, (size, *each.shape)))

    return Annots(cells.dtype, None, lambda: _sample_of(cells), read)


def _sample_of_chunks(dtype: np.dtype[Any], chunks: Iterable[NDArray[Any]]) -> Sample:
    """Return a sample of numbers: their range, or of texts: the longest ones, and all letters."""
    if dtype.kind != "U":
        limits = MatrixLimits()
        for chunk in chunks:
            limits.add(chunk)
        return Sample(dtype, span=limits.completed)
    letters: dict[str, None] = {}
    longest: list[str] = []
    for chunk in chunks:
        new = set(chunk.ravel().tolist())
        letters |= dict.fromkeys("".join(sorted(new)))
        if len(letters) > MOST_DIFFERENT:
            raise ValueError(
                f"expected annot with up to {MOST_DIFFERENT} different letters, not "
                f"{len(letters)} or more"
            )
        longest = sorted({*longest, *new}, key=lambda text: (-_length(text), text))[:SAMPLED]
    return Sample(TEXTS, tuple(longest), "".join(letters))


def _length(text: str) -> int:
    return max(map(len, text.split("\n")))


def sample_of(cells: Cells) -> Samples:
    """Return a sample of the annotations of one frame."""
    each = {name: _sample_of(part) for name, part in cells.parts.items()}
    return each.get("", each)


def _sample_of(cells: Cells) -> Sample:
    return _sample_of_chunks(cells.dtype, [cells.cells])


def kind_of(dtype: np.dtype[Any]) -> str:
    """Return a name for annotations of a dtype, for errors."""
    if dtype.names is not None:
        return " and ".join(f"{kind_of(dtype[name])} for {name!r}" for name in dtype.names)
    return "strings" if dtype.kind == "U" else dtype.name
