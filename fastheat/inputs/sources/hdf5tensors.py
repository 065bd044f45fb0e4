"""Matrices in HDF5 and Keras files: a stack of frames, one matrix per step, or one in each file."""

from __future__ import annotations

import os
import zipfile
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.checkpoints import Checkpoints, open_checkpoint, series_of
from fastheat.inputs.sources.datasets import Hdf5, import_h5py
from fastheat.inputs.sources.hdf5files import (
    Chunks,
    behind_soft_links,
    check_dataset,
    check_superblock,
    numbers_in,
)
from fastheat.inputs.sources.named import listed, pick
from fastheat.inputs.sources.npz import check_members, read_whole
from fastheat.inputs.sources.numbering import Family, families
from fastheat.inputs.sources.packed import Unpacked, packed_size
from fastheat.inputs.sources.readers import KERAS
from fastheat.inputs.sources.source import Loaded, Seen
from fastheat.inputs.sources.tensorfiles import Entry
from fastheat.inputs.sources.tensors import as_array
from fastheat.messages import short


def open_hdf5(seen: Seen, tensor: str | None) -> Hdf5 | Checkpoints | Loaded | npt.NDArray[Any]:
    """Open the frames of an HDF5 file: a dataset (T, N, M), or one dataset for each step."""
    h5py = import_h5py()
    with seen.open() as file, _opened(h5py, file) as opened:
        shapes = _shapes(h5py, opened, tensor)
        if tensor is not None and tensor not in shapes:
            tensor = behind_soft_links(h5py, opened, tensor) or tensor
        if (family := _family_in(shapes, tensor)) is not None:
            entries = [(seen, _entry(h5py, opened, name)) for name in family.names]
            return series_of(entries, family.steps)
        matrices = [name for name, shape in shapes.items() if len(shape) == 2 and 0 not in shape]
        stacks = any(len(shape) == 3 for shape in shapes.values())
        if tensor is None and len(matrices) == 1 and not stacks:
            tensor = matrices[0]
        if len(shapes.get(tensor or "", (0,) * 3)) < 3:
            return open_checkpoint(seen, tensor)
        if tensor is None and not stacks and (found := families(matrices)):
            raise ValueError(
                f"it holds {len(matrices)} matrices, expected tensor= to name one, or those of all "
                f"steps by {' or '.join(map(short, list(found)[:4]))}: {listed(shapes, 2)}"
            )
        name = pick(shapes, tensor, 3)
        check_dataset(h5py, opened, opened[name])
        if packed_size(file) is not None:
            return _read_dataset(name, file)
    return Hdf5(h5py.File(seen.path, "r")[name], trusted=False)


def _shapes(h5py: Any, opened: Any, tensor: str | None) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the datasets of numbers; errors name what the others hold."""
    others: dict[str, str] = {}
    shapes = numbers_in(h5py, opened, others)
    if tensor in others or (others and not shapes):
        name = tensor if tensor in others else next(iter(others))
        hint = ": give the array of its .real, .imag or abs()" if "complex" in others[name] else ""
        raise ValueError(f"its {short(name)} holds {others[name]}, expected real numbers{hint}")
    return shapes


def _family_in(shapes: dict[str, tuple[int, ...]], tensor: str | None) -> Family | None:
    """Return the datasets of one name, of one per step, or None if a single one is meant."""
    if tensor is not None:
        return None if tensor in shapes else families(shapes).get(tensor)
    if any(len(shape) > 2 for shape in shapes.values()):
        return None
    matrices = [name for name, shape in shapes.items() if len(shape) == 2 and 0 not in shape]
    found = list(families(matrices).values())
    sole = len(found) == 1 and found[0].named and len(found[0].names) == len(matrices)
    return found[0] if sole else None


def _opened(h5py: Any, file: BinaryIO) -> Any:
    check_superblock(file)
    # a path opens faster, and is what a content in memory lacks
    return h5py.File(file if isinstance(file, Unpacked) else file.name, "r")


def list_hdf5(file: BinaryIO) -> dict[str, Entry]:
    """Return the datasets of numbers in an HDF5 file by their names."""
    h5py = import_h5py()
    with _opened(h5py, file) as opened:
        shapes = _shapes(h5py, opened, None)
        return {name: _entry(h5py, opened, name) for name in shapes}


def _entry(h5py: Any, opened: Any, name: str) -> Entry:
    dataset = opened[name]
    return Entry(
        dataset.shape, as_array(np.empty(0, dataset.dtype)).dtype.name, partial(_read_dataset, name)
    )


def _read_dataset(name: str, file: BinaryIO) -> npt.NDArray[Any]:
    """Read a whole dataset after the checks of files that are not trusted."""
    h5py = import_h5py()
    with _opened(h5py, file) as opened:
        dataset = opened[name]
        check_dataset(h5py, opened, dataset)
        if dataset.shape:
            Chunks(dataset).check(dataset, 0, dataset.shape[0])
        return as_array(dataset[()])


# ------------------------------------------------------------------------------------------ Keras


def open_keras(seen: Seen, tensor: str | None) -> Checkpoints | Loaded | npt.NDArray[Any]:
    """Open the weights of a model of Keras as a checkpoint."""
    return open_checkpoint(seen, tensor)


def list_keras(file: BinaryIO) -> dict[str, Entry]:
    """Return the weights in a .keras file by their names."""
    with _weights(file) as content:
        entries = list_hdf5(content)
    return {
        name: Entry(entry.shape, entry.dtype, partial(_read_keras, name))
        for name, entry in entries.items()
    }


def _read_keras(name: str, file: BinaryIO) -> npt.NDArray[Any]:
    with _weights(file) as content:
        return _read_dataset(name, content)


def _weights(file: BinaryIO) -> Unpacked:
    """Return the HDF5 file in a .keras file."""
    size = file.seek(0, os.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        check_members(archive)
        return Unpacked(read_whole(archive, KERAS), size)
