"""Sources for arrays of zarr, h5py and dask, which every process that reads them opens again."""

from __future__ import annotations

import errno
import os
import pickle
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.hdf5files import (
    SUPERBLOCK,
    Chunks,
    check_dataset,
    check_superblock,
    numbers_in,
)
from fastheat.inputs.sources.named import pick
from fastheat.inputs.sources.source import Seen, Source, Stack, naming
from fastheat.inputs.sources.tensors import as_array
from fastheat.inputs.sources.zarrfolders import Reader, is_zarr, shapes_in
from fastheat.messages import short

KEPT_BYTES = 1 << 26  # of the last chunk's decoded frames
_IN_MEMORY = ("dict", "KVStore", "MemoryStore", "ManagedMemoryStore", "GpuMemoryStore")


def dataset_of(frames: object, tensor: str | None = None) -> Source | None:
    """Return the source of an array of h5py, zarr or dask, or None for any other object.

    Parameters
    ----------
    frames
        An array, or a group of arrays.
    tensor
        The name of an array in a group; None for an array, or for the only one in a group.
    """
    for library, wrap in (("h5py", _of_h5py), ("zarr", _of_zarr), ("dask.array", _of_dask)):
        module = sys.modules.get(library)
        if module is not None and (source := wrap(module, frames, tensor)) is not None:
            return source
    return None


def _of_h5py(h5py: Any, frames: Any, tensor: str | None) -> Source | None:
    if isinstance(frames, (h5py.Group, h5py.Dataset)) and not frames:
        raise ValueError(f"expected an open HDF5 file, not {short(frames)}")
    if isinstance(frames, h5py.Group) and (tensor is not None or not _are_panels(h5py, frames)):
        return Hdf5.of(frames[pick(_shapes_of_hdf5(h5py, frames), tensor, 3)])
    return Hdf5.of(frames) if isinstance(frames, h5py.Dataset) and tensor is None else None


def _are_panels(h5py: Any, group: Any) -> bool:
    """Return whether a group holds panels: two or more stacks of frames, or vectors beside one."""
    items = list(group.values())
    ranks = {len(each.shape or ()) if isinstance(each, h5py.Dataset) else 0 for each in items}
    return len(items) > 1 and {3} <= ranks <= {1, 3}


def _of_zarr(zarr: Any, frames: Any, tensor: str | None) -> Source | None:
    if isinstance(frames, zarr.Group):
        return Zarr(frames[pick(dict(_shapes_of_zarr(zarr, frames)), tensor, 3)])
    return Zarr(frames) if isinstance(frames, zarr.Array) and tensor is None else None


def _of_dask(array: Any, frames: Any, tensor: str | None) -> Source | None:
    return Dask(frames) if isinstance(frames, array.Array) and tensor is None else None


def library(name: str, extra: str) -> Any:
    """Import the library that a kind of file needs; the error says how to install it."""
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(f"this needs {name}: pip install 'fastheat[{extra}]'") from None


class Chunked(Stack):
    """Base class for frames stored in chunks of several; keeps the last chunk for the next read."""

    every = 1  # frames in a chunk
    _block: tuple[int, npt.NDArray[Any]] = (-1, np.empty(0))  # first frame and data of the last one

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames from the underlying array."""
        raise NotImplementedError

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames."""
        # read as much of a chunk as may be kept, so that long chunks are decoded rarely
        fit = KEPT_BYTES // max(prod(self.shape[1:]) * self.dtype.itemsize, 1)
        count = max(1, min(self.every, fit))
        if stop - start >= count:
            return self.take(start, stop)
        parts = []
        while start < stop:
            row = start - start % self.every
            first = row + (start - row) // count * count
            last = min(first + count, row + self.every, len(self))
            place, block = self._block
            if place != first:
                block = self.take(first, last)
                self._block = first, block
            parts.append(block[start - first : stop - first])
            start = last
        masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
        join: Any = np.ma.concatenate if masked else np.concatenate
        return parts[0] if len(parts) == 1 else join(parts)

    def __getitem__(self, index: int | slice) -> npt.NDArray[Any]:
        """Return one frame, or an array of several, as a writeable copy."""
        return super().__getitem__(index).copy()  # writing must not change the kept chunk

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return all frames as one array."""
        return np.asarray(self.take(0, len(self)), dtype)


# ------------------------------------------------------------------------------------------- HDF5


class Hdf5(Chunked):
    """A dataset of an HDF5 file."""

    def __init__(
        self,
        seen: Seen,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        every: int,
        dataset: Any = None,
        *,
        local: bool = False,
        trusted: bool = True,
    ) -> None:
        self.seen = seen
        self.path = seen.path
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.local = local  # open for writing, or in memory
        self.trusted = trusted  # whether the caller opened the dataset
        self.every = every
        self._dataset = dataset
        self._process = os.getpid()

        self._chunks: Chunks | None = None

    @classmethod
    def of(cls, dataset: Any, *, trusted: bool = True) -> Hdf5:
        """Return the source of an `h5py.Dataset`."""
        file = dataset.file
        named = file.driver not in ("core", "fileobj")
        path = Path(os.fsdecode(file.filename)) if named else Path(repr(file))
        elsewhere = named and file.mode == "r" and path.is_file()
        seen = Seen(path, 0)
        if elsewhere:
            with path.open("rb") as opened:
                seen = Seen.of(path.absolute(), opened)
        every = (dataset.chunks or (1,))[0]
        place = (seen, dataset.name, dataset.shape or (), dataset.dtype, every)
        return cls(*place, dataset, local=not elsewhere, trusted=trusted)

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames of the dataset."""
        if self.local:
            return as_array(self._dataset[start:stop])
        with self.seen.open():
            # a file opened before a fork has one file position, which the processes share
            if not self._dataset or self._process != os.getpid():
                h5py = library("h5py", "hdf5")
                self._dataset = h5py.File(self.path, "r")[self.name]
                self._process = os.getpid()
            if not self.trusted:
                self._chunks = self._chunks or Chunks(self._dataset)
                self._chunks.check(self._dataset, start, stop)
            return as_array(self._dataset[start:stop])

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the open file."""
        if self.local:
            raise TypeError(f"cannot pickle the dataset {self.name!r} of a file open for writing")
        place = (self.seen, self.name, self.shape, self.dtype, self.every)
        return partial(Hdf5, local=False, trusted=self.trusted), place


def open_hdf5(path: Path, tensor: str | None) -> Hdf5:
    """Open a dataset of an HDF5 file, by name or as the only one with frames."""
    h5py = library("h5py", "hdf5")
    with path.open("rb") as start:
        check_superblock(start.read(SUPERBLOCK))
    file = h5py.File(path, "r")
    dataset = file[pick(numbers_in(h5py, file), tensor, 3)]
    check_dataset(h5py, file, dataset)
    return Hdf5.of(dataset, trusted=False)


def _shapes_of_hdf5(h5py: Any, group: Any) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None and item.dtype.kind in "biufV":
            shapes[name] = item.shape

    group.visititems(look)
    return shapes


# ------------------------------------------------------------------------------------------- zarr


class Zarr(Chunked):
    """An array that the caller opened with zarr, and whose codecs are trusted."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape = array.shape
        self.dtype = array.dtype
        self.every = (*array.chunks, 1)[0]
        self.local = type(array.store).__name__ in _IN_MEMORY
        self.path = _folder_of(array)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the zarr array, which holds a reference to its store."""
        return Zarr, (self._array,)

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames; missing chunks have the fill value."""
        if self.path is None:
            return as_array(self._array[start:stop])
        with naming(self.path):
            # in a deleted store all chunks are missing, and would read as the fill value
            if not is_zarr(self.path):
                raise FileNotFoundError(errno.ENOENT, "No such zarr array", str(self.path))
            return as_array(self._array[start:stop])


def _folder_of(array: Any) -> Path | None:
    """Return the folder of a zarr array, or None if it is not stored in one."""
    store = array.store
    root = getattr(store, "root", None) or getattr(store, "path", None)
    if not isinstance(root, (str, Path)) or not Path(root).is_dir():
        return None
    return Path(root, array.path)


class ZarrFolder(Chunked):
    """A zarr array in a folder, read by fastheat's own reader rather than by zarr."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self._reader = reader
        self.path = path
        self.shape = reader.layout.shape
        self.dtype = reader.layout.dtype
        self.every = min(reader.layout.chunk.shape[0], self.shape[0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the kept chunk."""
        return ZarrFolder, (self.path, self._reader)

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames; missing chunks have the fill value."""
        with naming(self.path):
            # in a deleted store all chunks are missing, and would read as the fill value
            if not is_zarr(self.path):
                raise FileNotFoundError(errno.ENOENT, "No such zarr array", str(self.path))
            return self._reader.read(start, stop)


def open_zarr(path: Path, tensor: str | None) -> ZarrFolder:
    """Open an array in the folder of a zarr array or group."""
    if find_spec("zarr") is None:  # its dependencies decode the chunks
        raise ImportError("this needs zarr: pip install 'fastheat[zarr]'")
    shapes = shapes_in(path)
    if shapes is None:
        if tensor is not None:
            raise ValueError(f"it is an array, which has no tensor {tensor!r}")
        return ZarrFolder(path.absolute(), Reader.of(path))
    name = pick(shapes, tensor, 3)
    return ZarrFolder(path.absolute() / name, Reader.of(path, name))


def _shapes_of_zarr(
    zarr: Any, group: Any, prefix: str = ""
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, item in group.arrays():
        yield prefix + name, item.shape
    for name, item in group.groups():
        yield from _shapes_of_zarr(zarr, item, f"{prefix}{name}/")


# ------------------------------------------------------------------------------------------- dask


class Dask(Chunked):
    """A dask array whose frames are computed on demand."""

    def __init__(self, array: Any, *, elsewhere: bool = False) -> None:
        if any(side != side for side in array.shape):
            raise ValueError(
                f"expected frames whose number is known, not of shape {array.shape}: call "
                "compute_chunk_sizes() first"
            )
        self._array = array
        self.shape = array.shape
        self.dtype = array.dtype
        sizes = set(array.chunks[0][:-1] if array.ndim else ())  # the last chunk may be shorter
        self.every = max(array.chunks[0]) if array.ndim and len(sizes) <= 1 else 1
        self.elsewhere = elsewhere
        self.local = _is_persisted(array)  # only this process's client can find the parts

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Compute frames; on a worker process or a cluster, this happens on the calling thread."""
        alone = self.elsewhere or _in_worker()
        scheduler = "synchronous" if alone else None
        return as_array(self._array[start:stop].compute(scheduler=scheduler))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the graph as dask does, including functions by value."""
        import cloudpickle  # a dependency of dask

        return _undask, (cloudpickle.dumps(self._array),)


def _undask(data: bytes) -> Dask:
    return Dask(pickle.loads(data), elsewhere=True)


def _is_persisted(array: Any) -> bool:
    """Return whether a cluster already holds parts of an array."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    graph = array.__dask_graph__()
    return any(isinstance(task, distributed.Future) for task in graph.values())


def _in_worker() -> bool:
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True
