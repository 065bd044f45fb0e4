"""Loading of frames from paths, by the kind of file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from fastheat.inputs.sources.arrays import check_text
from fastheat.inputs.sources.readers import FRAMES, Reader, is_npy, reader_of
from fastheat.inputs.sources.shapes import check_names
from fastheat.inputs.sources.source import FileArray, Seen, in_one_frame, mapped, naming
from fastheat.messages import short

if TYPE_CHECKING:
    from fastheat.inputs.sources.npz import Archive
    from fastheat.inputs.sources.pickled import Dumps, Pickled


def load_frames(source: object, *, tensor: object = None) -> Any:
    """Load frames from files, in a form that `save_gif` takes.

    Parameters
    ----------
    source
        The path of

        - a ``.npy`` file: an array of shape (T, N, M), or objects as in a pickle,
        - a ``.npz`` file: one such array, or several of shape (N, M), the frames in stored order,
        - a ``.obj``, ``.pkl``, ``.pickle`` or ``.joblib`` file: a pickled array or list of frames,
          a dictionary with such an entry or with a matrix for each step, or frames that were dumped
          to the file one after another,
        - a ``.pt``, ``.pth``, ``.ckpt`` or ``.bin`` file of PyTorch: a tensor (T, N, M), a list of
          matrices, or a dictionary as in a pickle,
        - a ``.safetensors`` file: a tensor (T, N, M), or a matrix for each step,
        - a ``.zarr`` folder or an HDF5 file (``.h5``, ``.hdf5``, ``.mat`` of MATLAB 7.3): an array
          (T, N, M), in HDF5 also datasets or groups of one per step, such as ``step_10/weight``,
        - a ``.csv`` or ``.tsv`` file: a long table with the columns step, row, col and value, or a
          matrix, see the notes;

        or checkpoints, one for each frame: a pattern with ``*``, ``?`` or ``[]``, a directory, or a
        sequence or iterator of paths. Checkpoints are files of all these kinds but ``.zarr``, and
        ``.keras``. They are sorted by the number that counts in their names, which is their step.
        Files named ``last`` or ``best`` among numbered ones are left out, with a warning. Paths in
        a sequence whose names have no such number keep their order.

        Files may be compressed by gzip, bzip2, xz or zlib. They are recognised by their content,
        and by their suffix only where the content is not distinctive. Any other object is returned
        as it is.
    tensor
        The name of the array to draw, if there are several: of the matrix in each checkpoint, with
        dots between the keys of nested dictionaries, or of the array in a group, an archive or a
        pickled dictionary. In a list of dictionaries, or one of each step, it is a key of each. A
        vector in each checkpoint or dictionary is drawn as a matrix of one row. A sequence of
        names, or a dictionary of names by panel, gives frames of several matrices; a number in each
        checkpoint or dictionary then becomes a line. So do arrays of shape (T,) beside one of shape
        (T, N, M), and the rows of those of shape (T, M) are vectors of each frame.

    Returns
    -------
    array, list or iterable, or a dictionary of these
        The frames. A single pickled object, a long table and what was compressed are in memory; any
        others are read from the file during iteration, which can be repeated. The steps are those
        in the names of files or datasets, or the keys of a dictionary if they are numbers or dates.
        Slices of checkpoints and of a long table keep them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file cannot be read, is damaged, or does not hold frames. In a pickle or PyTorch file,
        objects other than arrays, numbers and containers are never made, and no code is run: frames
        that hold such objects are refused.
    TypeError
        For an open file in place of its path.
    ImportError
        If the library that a file needs is missing.

    Notes
    -----
    Text is read as UTF-8. Commas, tabs or semicolons separate cells; numbers between semicolons may
    have decimal commas. Empty cells, NA, NaN and null are NaN, and blank lines are skipped. The
    first row is a header if any of it is text, or if it counts from 0 above decimals as pandas
    numbers columns. The first column holds labels, which are not drawn, if its header is empty or
    ``Unnamed: 0``, as pandas writes that of an index, or if its first cell is text.

    A long table has a line for each cell. Its rows and columns are whole numbers from 0, or text,
    which is numbered in the order of first appearance; the first line decides. Frames are in
    ascending order of their steps. A cell without a line is NaN; one with two lines is an error.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> for step in (0, 50, 100):
    ...     np.savez(f"step_{step}.npz", encoder=rng.normal(size=(3, 4)), bias=rng.normal(size=4))
    >>> frames = load_frames("step_*.npz", tensor="encoder")
    >>> frames.shape, frames.steps
    ((3, 3, 4), (0, 50, 100))
    """
    frames = load(source, defer=False, tensor=tensor)
    if isinstance(frames, FileArray) and is_npy(frames.path):
        # a memory map for the caller; `save_gif` reads without one
        array = np.lib.format.open_memmap(frames.path, mode="r")
        with naming(frames.path):
            if not array.ndim:
                raise ValueError("an array of shape (), expected (T, N, M)")
            if array.dtype.kind == "U":
                check_text(array, "the array")
        return array
    return frames


def load(source: object, *, defer: bool, tensor: object = None) -> Any:
    """Load frames; if `defer`, arrays in pickles stay in the file if possible."""
    source = _listed(source, defer or tensor is not None)
    if isinstance(tensor, (Mapping, list, tuple)):
        names = (
            tensor if isinstance(tensor, Mapping) else {name: name for name in check_names(tensor)}
        )
        if not names:
            raise ValueError(f"expected the name of a tensor, not {short(tensor)}")
        if len(names) < len(tensor):
            raise ValueError(f"expected different names of tensors, not {short(tensor)}")
        return _in_steps(
            {
                panel: _load(source, defer, name, told=number > 0)
                for number, (panel, name) in enumerate(
                    zip(check_names(names), names.values(), strict=True)
                )
            }
        )
    frames = _load(source, defer, tensor)
    if tensor is not None and isinstance(frames, np.ndarray) and frames.ndim == 1:
        raise ValueError(
            f"tensor {short(tensor)} is a number of each frame, expected a matrix: it is a line "
            f"beneath panels, with tensor=['...', {short(tensor)}]"
        )
    return frames


def _in_steps(found: dict[str, Any]) -> dict[str, Any]:
    """Return matrices and vectors beside frames as the rows, and the numbers, of each frame.

    Raises
    ------
    ValueError
        If there are more or fewer of these than frames.
    """
    single = {name: each for name, each in found.items() if getattr(each, "rank", 3) < 3}
    stacks = {
        name: len(each)
        for name, each in found.items()
        if name not in single and getattr(each, "ndim", 3) > 1 and hasattr(each, "__len__")
    }
    if not stacks or any(len(each) > 1 for each in single.values()):
        return found
    first, length = next(iter(stacks.items()))
    for name, each in single.items():
        array = each[0] if each.rank > 1 else each[0][0]
        if len(array) != length:
            raise ValueError(
                f"tensor {short(name)} has shape {array.shape}, expected one "
                f"{'vector' if each.rank > 1 else 'number'} for each of {length} frames of "
                f"{short(first)}"
            )
        found[name] = array[:, None] if each.rank > 1 else array
    return found


def _load(source: object, defer: bool, tensor: object, *, told: bool = False) -> Any:
    """Load frames; `tensor` must be a single name or None.

    With `told`, no warning says which files are left out.
    """
    if tensor is not None and not isinstance(tensor, str):
        raise TypeError(f"expected tensor to be the name of one, not {short(tensor)}")
    paths: Any = source if isinstance(source, (list, tuple)) else [source]
    if not paths or not all(map(_is_path, paths)):
        if tensor is None:
            return source
        from fastheat.inputs.sources.datasets import dataset_of

        if (found := dataset_of(source, tensor)) is None:
            raise TypeError(
                f"expected tensor={tensor!r} with files or a group, not with {short(source)}"
            )
        return in_one_frame(found)
    from fastheat.inputs.sources.checkpoints import (
        files_in,
        has_pattern,
        matching,
        open_checkpoints,
    )

    if isinstance(source, (list, tuple)):
        return open_checkpoints(
            [Path(os.fsdecode(path)) for path in paths], tensor, given=True, told=told
        )
    name = os.fsdecode(paths[0])
    if has_pattern(name):
        return open_checkpoints(matching(name), tensor, given=False, told=told)
    path = Path(name)
    with naming(path):
        if (readable := _reader_for(path)) is not None:
            file, reader = readable
            return reader.open_frames(file, tensor, defer)
        files = files_in(path)
    return open_checkpoints(files, tensor, given=False, told=told)


def _listed(source: Any, begin: bool) -> Any:
    """Return an iterator of paths, such as that of `Path.glob`, as a list; begin others if asked.

    Raises
    ------
    TypeError
        For an open file, since frames are read more than once, and by workers.
    """
    if callable(getattr(source, "read", None)) and hasattr(source, "readable"):
        path = getattr(source, "name", None)
        hint = f"give its path, {short(path)}" if isinstance(path, str) else "write it to a file"
        raise TypeError(f"expected frames or a path, not an open file: {hint}")
    if not (begin and isinstance(source, Iterator)):
        return source
    first = list(islice(source, 1))
    if not first or _is_path(first[0]):
        return sorted([*first, *source], key=os.fspath)
    return _chained(first, source)


def _chained(first: list[Any], others: Iterator[Any]) -> Iterator[Any]:
    # unlike itertools.chain, this does not hold the first frame until the end
    while first:
        yield first.pop()
    yield from others


def _is_path(path: object) -> bool:
    return isinstance(path, (str, os.PathLike))


def _reader_for(path: Path) -> tuple[Seen | Path, Reader] | None:
    """Return a file and its reader, or None for a folder of checkpoints or a missing file."""
    if path.is_dir() or not path.exists():
        _, reader = reader_of(path)
        return None if reader is None else (path, reader)
    if not path.is_file():
        raise ValueError("a special file, expected a file with frames")
    with path.open("rb") as file:
        codec, reader = reader_of(path, file)
        if reader is not None:
            return Seen.of(path, file)._replace(codec=codec), reader
        file.seek(0)
        if file.read(4) == b"GIF8":
            raise ValueError("a GIF, which has pictures of numbers and not these; expected frames")
    raise ValueError(f"not a file of frames, expected the content of {', '.join(FRAMES)}")


def is_archive(frames: object) -> TypeGuard[Archive]:
    """Return whether frames are those of an .npz file, without importing its reader."""
    archives: Any = sys.modules.get("fastheat.inputs.sources.npz")
    return archives is not None and isinstance(frames, archives.Archive)


def is_pickled(frames: object) -> TypeGuard[Pickled]:
    """Return whether frames are those of a pickle, without importing its reader."""
    pickled: Any = sys.modules.get("fastheat.inputs.sources.pickled")
    return pickled is not None and isinstance(frames, pickled.Pickled)


def _are_dumps(frames: object) -> TypeGuard[Dumps]:
    pickled: Any = sys.modules.get("fastheat.inputs.sources.pickled")
    return pickled is not None and isinstance(frames, pickled.Dumps)


def file_of(frames: object) -> Path | None:
    """Return the file from which frames are read, or None if there is none or it is not known."""
    if isinstance(frames, FileArray) or is_pickled(frames) or is_archive(frames):
        return frames.seen.path
    if _are_dumps(frames):
        return frames.path
    if isinstance(frames, Mapping):
        return next(filter(None, map(file_of, frames.values())), None)
    for each in frames if isinstance(frames, (list, tuple)) else [frames]:
        if (name := getattr(mapped(each), "filename", None)) is not None:
            return Path(name)
    return None
