"""Sources for arrays of zarr, h5py and dask, which every process that reads them opens again."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy.typing as npt

from fastheat.inputs.sources.hdf5files import Chunks
from fastheat.inputs.sources.named import pick
from fastheat.inputs.sources.source import Chunked, Seen, Source, naming
from fastheat.inputs.sources.tensors import as_array
from fastheat.inputs.sources.zarrfolders import check_there
from fastheat.messages import short

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
        return Hdf5(frames[pick(_shapes_of_hdf5(h5py, frames), tensor, 3)])
    return Hdf5(frames) if isinstance(frames, h5py.Dataset) and tensor is None else None


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


def import_h5py() -> Any:
    """Import h5py; the error says how to install it."""
    try:
        return import_module("h5py")
    except ImportError:
        raise ImportError("this needs h5py: pip install 'fastheat[hdf5]'") from None


# ------------------------------------------------------------------------------------------- HDF5


class Hdf5(Chunked):
    """A dataset of an HDF5 file."""

    def __init__(self, dataset: Any, *, trusted: bool = True) -> None:
        file = dataset.file
        named = file.driver not in ("core", "fileobj")
        self.path = Path(os.fsdecode(file.filename)) if named else Path(repr(file))
        self.local = not (named and file.mode == "r" and self.path.is_file())
        if not self.local:
            with self.path.open("rb") as opened:
                self.seen = Seen.of(self.path, opened)
            self.path = self.seen.path
        self.name = dataset.name
        self.shape = dataset.shape or ()
        self.dtype = dataset.dtype
        self.trusted = trusted  # whether the caller opened the dataset
        self.every = (dataset.chunks or (1,))[0]
        self._dataset = dataset
        self._process = os.getpid()
        self._chunks: Chunks | None = None

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames of the dataset."""
        if self.local:
            return as_array(self._dataset[start:stop])
        with self.seen.open():
            # a file opened before a fork has one file position, which the processes share
            if not self._dataset or self._process != os.getpid():
                self._dataset = import_h5py().File(self.path, "r")[self.name]
                self._process = os.getpid()
            if not self.trusted:
                self._chunks = self._chunks or Chunks(self._dataset)
                self._chunks.check(self._dataset, start, stop)
            return as_array(self._dataset[start:stop])

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the open file."""
        if self.local:
            raise TypeError(f"cannot pickle the dataset {self.name!r} of a file open for writing")
        return {**super().__getstate__(), "_dataset": None, "_chunks": None}


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

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames; missing chunks have the fill value."""
        if self.path is None:
            return as_array(self._array[start:stop])
        with naming(self.path):
            check_there(self.path)
            return as_array(self._array[start:stop])


def _folder_of(array: Any) -> Path | None:
    """Return the folder of a zarr array, or None if it is not stored in one."""
    store = array.store
    root = getattr(store, "root", None) or getattr(store, "path", None)
    if not isinstance(root, (str, Path)) or not Path(root).is_dir():
        return None
    return Path(root, array.path)


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
    return distributed is not None and any(
        isinstance(task, distributed.Future) for task in array.__dask_graph__().values()
    )


def _in_worker() -> bool:
    if (distributed := sys.modules.get("distributed")) is not None:
        with suppress(ValueError):
            distributed.get_worker()
            return True
    return False
