"""Zarr arrays in folders, read without zarr, which would run any codec that their metadata name.

The metadata, of format 2 or 3, are read once and select among the decoders below. All sizes are
known in advance, so no chunk decodes to more than its full size. Only files in the folder are read.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import check_stack
from fastheat.inputs.sources.bounds import are_sides, between, check_shape
from fastheat.inputs.sources.named import pick, without_repeats
from fastheat.inputs.sources.source import Chunked, Loaded, in_one_frame, naming
from fastheat.inputs.sources.zarr_codecs import (
    Chunk,
    ZarrError,
    chunk_of,
    damaged,
    number_type,
    unknown,
)
from fastheat.messages import short

METADATA = ("zarr.json", ".zarray", ".zgroup")  # every array's or group's folder has one of them
_MOST_JSON = 1 << 24  # bytes
_DEEPEST = 100  # nested groups
_KEPT_INDEXES = 1 << 24  # bytes
_NOWHERE = (1 << 64) - 1  # marks a missing chunk in the index of a shard
_HINTS = ("[zarr.open(path)]", "")  # on what to give in place of a matrix, and for its rows
_TYPES = {  # format 3
    "bool": "|b1",
    **{
        f"{name}{8 * size}": f"={name[0]}{size}"
        for name in ("int", "uint")
        for size in (1, 2, 4, 8)
    },
    **{f"float{8 * size}": f"=f{size}" for size in (2, 4, 8)},
}
_KEYS = {
    2: ("zarr_format", "shape", "chunks", "dtype", "compressor", "filters", "fill_value", "order",
        "dimension_separator"),
    3: ("zarr_format", "node_type", "shape", "data_type", "chunk_grid", "chunk_key_encoding",
        "codecs", "fill_value", "storage_transformers"),
}  # fmt: skip
_UNUSED = ("attributes", "dimension_names", "consolidated_metadata")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr array or group."""
    return any((path / name).is_file() for name in METADATA)


def check_there(path: Path) -> None:
    """Raise FileNotFoundError for a folder that is no longer a zarr array."""
    # in a deleted store all chunks are missing, and would read as the fill value
    if not is_zarr(path):
        raise FileNotFoundError(errno.ENOENT, "No such zarr array", str(path))


# -------------------------------------------------------------------------------------- the folder


@contextmanager
def _opened(root: str, path: str) -> Iterator[BinaryIO | None]:
    """Open a file of the folder, or yield None if it is missing; links may not lead out of it."""
    try:
        os.lstat(path)  # finds most missing files, and is faster than realpath
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    real = os.path.realpath(path)
    if not real.startswith(root + os.sep):
        raise ZarrError(
            f"{short(os.path.relpath(path, root))} is a link to a file outside of the folder"
        )
    if not stat.S_ISREG(os.stat(real).st_mode):  # noqa: PTH116 - opening a pipe blocks
        raise ZarrError(f"{short(os.path.relpath(path, root))} is a special file")
    with open(real, "rb") as file:  # noqa: PTH123
        yield file


def _json(root: str, path: str) -> Any:
    """Return the JSON object in a metadata file, or None if the file is missing."""
    with _opened(root, path) as file:
        if file is None:
            return None
        name, size = os.path.basename(path), os.fstat(file.fileno()).st_size  # noqa: PTH119
        if size > _MOST_JSON:
            damaged(f"{name} has over {_MOST_JSON} bytes")
        text = file.read(size)
    try:
        found = json.loads(text, object_pairs_hook=without_repeats)
    except (ValueError, RecursionError):
        found = None
    if type(found) is not dict:
        damaged(f"{name} is not a JSON object of metadata")
    return found


def _array_in(root: str, folder: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the metadata of the array in a folder, or None, and whether the folder is a group."""
    found = _json(root, os.path.join(folder, METADATA[0]))  # noqa: PTH118
    if found is not None:
        if found.get("zarr_format") != 3 or found.get("node_type") not in ("array", "group"):
            damaged("zarr.json does not describe an array or group of format 3")
        return (found, False) if found["node_type"] == "array" else (None, True)
    found = _json(root, os.path.join(folder, METADATA[1]))  # noqa: PTH118
    if found is not None:
        if found.get("zarr_format") != 2:
            damaged(".zarray does not describe an array of format 2")
        return found, False
    return None, os.path.isfile(os.path.join(folder, METADATA[2]))  # noqa: PTH113, PTH118


def shapes_in(path: Path) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes of all arrays in a group's folder by name, or None if it is an array."""
    root = os.path.realpath(path)
    shapes: dict[str, tuple[int, ...]] = {}
    waiting = [("", 0)]
    while waiting:
        name, depth = waiting.pop()
        folder = os.path.join(root, name)  # noqa: PTH118
        array, is_group = _array_in(root, folder)
        if array is not None:
            if not name:
                return None
            sides = array.get("shape")
            shapes[name] = tuple(sides) if are_sides(sides) else ()
        elif is_group:
            if depth > _DEEPEST:
                raise ZarrError(
                    f"its groups are nested over {_DEEPEST} deep, expected fewer levels"
                )
            with os.scandir(folder) as entries:
                waiting += [
                    (f"{name}/{entry.name}" if name else entry.name, depth + 1)
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                ]
    return dict(sorted(shapes.items()))


def _bytes_in(folder: str) -> int:
    """Return the total size of the files in a folder in bytes; hard-linked files count once."""
    sizes: dict[tuple[int, int], int] = {}
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    status = entry.stat(follow_symlinks=False)
                    sizes[status.st_dev, status.st_ino or len(sizes)] = status.st_size
    return sum(sizes.values())


# -------------------------------------------------------------------------------------- the array


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape, dtype and chunking of an array, as described by its metadata."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    grid: tuple[int, ...]  # shape of the chunk or shard in one file
    separator: str
    prefix: str
    chunk: Chunk
    index: Index | None  # of the shards, or None if each file holds one chunk


@dataclass(frozen=True, slots=True)
class Index:
    """The index of a shard, a file that holds several chunks."""

    shape: tuple[int, ...]  # chunks along each axis
    first: bool  # at the start of the file, rather than its end
    chunk: Chunk  # the encoding of the index itself


def layout_of(found: Mapping[str, Any]) -> Layout:
    """Return the layout that an array's metadata describe; raise ZarrError if not supported."""
    try:
        return _layout_2(found) if found["zarr_format"] == 2 else _layout_3(found)
    except ZarrError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, ValueError) as error:
        raise ZarrError(f"damaged: its metadata lack what they need ({short(error)})") from None


def _layout_2(found: Mapping[str, Any]) -> Layout:
    shape, grid = _sides(found["shape"]), _sides(found["chunks"])
    dtype = number_type(found["dtype"])
    order, separator = found.get("order", "C"), found.get("dimension_separator", ".")
    if order not in ("C", "F") or separator not in (".", "/"):
        damaged(f"order {short(order)} and dimension_separator {short(separator)}")
    _check_grid(shape, grid)
    codecs = [*(found.get("filters") or []), found.get("compressor")]
    named = [(each["id"], each) for each in codecs if each is not None]
    axes = tuple(range(len(shape)))[:: 1 if order == "C" else -1]
    chunk = chunk_of(grid, dtype, axes, named)
    return Layout(
        shape, dtype, _fill(found.get("fill_value"), dtype), grid, separator, "", chunk, None
    )


def _layout_3(found: Mapping[str, Any]) -> Layout:
    for key, value in found.items():
        required = not isinstance(value, dict) or value.get("must_understand", True)
        if key not in _KEYS[3] and key not in _UNUSED and required:
            raise ZarrError(f"its metadata have {short(key)}, which is not supported")
    if found.get("storage_transformers"):
        raise ZarrError("it has storage_transformers, which are not supported")
    shape = _sides(found["shape"])
    kind, _ = _named(found["data_type"])
    if kind not in _TYPES:
        raise ZarrError(f"it has dtype {short(kind)}, expected real numbers")
    dtype = np.dtype(_TYPES[kind])
    grid_name, settings = _named(found["chunk_grid"])
    if grid_name != "regular":
        raise ZarrError(f"it has a chunk_grid {short(grid_name)}, expected 'regular'")
    grid = _sides(settings["chunk_shape"])
    _check_grid(shape, grid)
    keys, settings = _named(found["chunk_key_encoding"])
    if keys not in ("default", "v2"):
        raise ZarrError(f"it has a chunk_key_encoding {short(keys)}, expected 'default' or 'v2'")
    separator = settings.get("separator", "/" if keys == "default" else ".")
    if separator not in (".", "/"):
        damaged(f"a separator {short(separator)}")
    prefix = f"c{separator}" if keys == "default" else ""
    codecs = [_named(each) for each in found["codecs"]]
    index = None
    if codecs and codecs[0][0] == "sharding_indexed":
        if len(codecs) > 1:
            raise ZarrError("its shards have a second codec, which is not supported")
        chunk, index = _shards(grid, dtype, codecs[0][1])
    else:
        chunk = _chunk_3(grid, dtype, codecs)
    fill = _fill(found["fill_value"], dtype)
    return Layout(shape, dtype, fill, grid, separator, prefix, chunk, index)


def _shards(
    grid: tuple[int, ...], dtype: np.dtype[Any], settings: Mapping[str, Any]
) -> tuple[Chunk, Index]:
    inner = _sides(settings["chunk_shape"])
    _check_grid(grid, inner)
    if any(side % step for side, step in zip(grid, inner, strict=True)):
        damaged(f"shards of {grid} with chunks of {inner}")
    chunk = _chunk_3(inner, dtype, [_named(each) for each in settings["codecs"]])
    counts = tuple(side // step for side, step in zip(grid, inner, strict=True))
    codecs = [_named(each) for each in settings["index_codecs"]]
    listed = _chunk_3((*counts, 2), np.dtype("=u8"), codecs)
    where = settings.get("index_location", "end")
    if where not in ("start", "end") or listed.size is None:
        damaged("shards whose index is compressed, or at neither end")
    return chunk, Index(counts, where == "start", listed)


def _chunk_3(
    shape: tuple[int, ...], dtype: np.dtype[Any], codecs: list[tuple[str, Mapping[str, Any]]]
) -> Chunk:
    axes = tuple(range(len(shape)))
    names = [name for name, _ in codecs]
    place = names.index("bytes") if "bytes" in names else 0
    for name, settings in codecs[:place]:
        if name != "transpose":
            raise unknown(name)
        order = settings["order"]
        order = {"C": axes, "F": axes[::-1]}.get(order) if isinstance(order, str) else order
        if not are_sides(order) or sorted(order) != list(range(len(shape))):
            damaged(f"a transpose by {short(order)}")
        axes = tuple(axes[axis] for axis in order)
    if "bytes" not in names:
        raise unknown(next((name for name in names if name != "transpose"), "none"))
    endian = codecs[place][1].get("endian")
    if endian not in ("little", "big") and (dtype.itemsize > 1 or endian is not None):
        damaged(f"bytes in order {short(endian)}")
    stored = dtype.newbyteorder("<" if endian == "little" else ">") if endian else dtype
    return chunk_of(shape, stored, axes, codecs[place + 1 :])


def _named(value: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the name and configuration of an extension point of format 3."""
    if isinstance(value, str):
        return value, {}
    settings = value.get("configuration") or {}
    if type(value["name"]) is not str or type(settings) is not dict:
        damaged(f"metadata {short(value)}")
    return value["name"], settings


def _sides(value: Any) -> tuple[int, ...]:
    if not are_sides(value):
        damaged(f"a shape {short(value)}")
    return tuple(value)


def _check_grid(shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    if len(chunks) != len(shape) or 0 in chunks:
        damaged(f"chunks of {short(chunks)} for shape {short(shape)}")


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    """Return the fill value, which missing chunks read as, in the array's dtype."""
    words = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
    if value is None:
        return dtype.type(0)
    if isinstance(value, str) and dtype.kind == "f":
        if value in words:
            return dtype.type(words[value])
        if re.fullmatch(f"0x[0-9a-fA-F]{{{2 * dtype.itemsize}}}", value):
            bits = np.frombuffer(bytes.fromhex(value[2:]), dtype.newbyteorder(">"))
            return dtype.type(bits[0])
    if type(value) in (bool, int, float):
        kept = float(value) if dtype.kind == "f" else int(value)
        if dtype.kind in "iu" and not np.iinfo(dtype).min <= kept <= np.iinfo(dtype).max:
            damaged(f"a fill_value {short(value)} of dtype {dtype}")
        return dtype.type(kept)
    return damaged(f"a fill_value {short(value)}")


# -------------------------------------------------------------------------------------- reading


def open_zarr(path: Path, tensor: str | None) -> ZarrFolder | Loaded:
    """Open an array in the folder of a zarr array or group."""
    if find_spec("zarr") is None:  # its dependencies decode the chunks
        raise ImportError("this needs zarr: pip install 'fastheat[zarr]'")
    shapes = shapes_in(path)
    if shapes is None and tensor is not None:
        raise ValueError(f"it is an array, which has no tensor {tensor!r}")
    name = "" if shapes is None else pick(shapes, tensor, 3)
    root = os.path.realpath(path)
    folder = os.path.join(root, name) if name else root  # noqa: PTH118
    found, _ = _array_in(root, folder)
    if found is None:
        damaged(f"no array {short(name)}")
    array = ZarrFolder(path.absolute() / name, root, folder, found)
    if tensor is None:
        check_stack(array.shape, *_HINTS)
        return array
    opened: ZarrFolder | Loaded = in_one_frame(array)
    return opened


class ZarrFolder(Chunked):
    """A zarr array in a folder.

    Attributes
    ----------
    path
        The folder, as the caller named it.
    """

    path: Path

    def __init__(self, path: Path, root: str, folder: str, found: Mapping[str, Any]) -> None:
        self.path = path
        self._root = root  # of the outermost group, or of the array; links may not lead out of it
        self._folder = folder
        self._found = {key: found[key] for key in _KEYS[found["zarr_format"]] if key in found}
        self._layout = layout_of(found)
        if len(self._layout.shape) not in (1, 2):
            check_stack(self._layout.shape, *_HINTS)
        chunk = self._layout.chunk
        check_shape(self._layout.shape, chunk.shape, chunk.dtype, partial(_bytes_in, folder))
        self.shape = self._layout.shape
        self.dtype = self._layout.dtype
        self.every = min(chunk.shape[0], self.shape[0])
        self._indexes: dict[str, npt.NDArray[Any]] = {}  # decoded, by the key of the shard

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what has been decoded."""
        return ZarrFolder, (self.path, self._root, self._folder, self._found)

    def take(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames; missing chunks have the fill value."""
        with naming(self.path):
            check_there(self.path)
            return self._decoded(start, stop)

    def _decoded(self, start: int, stop: int) -> npt.NDArray[Any]:
        layout = self._layout
        block = np.full((stop - start, *layout.shape[1:]), layout.fill, layout.dtype)
        end = (stop, *layout.shape[1:])
        begin = (start, *[0] * (len(end) - 1))
        for place in between(begin, end, layout.grid):
            key = layout.prefix + layout.separator.join(map(str, place))
            with _opened(self._root, f"{self._folder}/{key}") as file:
                if file is None:
                    continue
                corner = tuple(a * b for a, b in zip(place, layout.grid, strict=True))
                for offset, chunk in self._chunks(file, key, corner, start, stop):
                    _put(block, begin, chunk, offset)
        return block

    def _chunks(
        self, file: BinaryIO, key: str, corner: tuple[int, ...], start: int, stop: int
    ) -> Iterator[tuple[tuple[int, ...], npt.NDArray[Any]]]:
        """Yield the start and the data of each chunk of a file that overlaps the frames."""
        layout, chunk = self._layout, self._layout.chunk
        if layout.index is None:
            yield corner, chunk.decode(_part(file, 0, os.fstat(file.fileno()).st_size, chunk))
            return
        listed = self._index(file, key, layout.index)
        size = os.fstat(file.fileno()).st_size
        low = max(start - corner[0], 0), *[0] * (len(corner) - 1)
        sides = zip(layout.shape, corner, layout.grid, strict=True)
        high = [min(side - begin, most) for side, begin, most in sides]
        high[0] = min(stop - corner[0], high[0])
        for place in between(low, tuple(high), chunk.shape):
            offset, length = listed[place].tolist()
            if offset == length == _NOWHERE:
                continue
            if offset + length > size:
                damaged(f"the shard {short(key)} ends before its chunks do")
            begin = zip(corner, place, chunk.shape, strict=True)
            yield (
                tuple(a + b * c for a, b, c in begin),
                chunk.decode(_part(file, offset, length, chunk)),
            )

    def _index(self, file: BinaryIO, key: str, index: Index) -> npt.NDArray[Any]:
        if key not in self._indexes:
            held, size = os.fstat(file.fileno()).st_size, index.chunk.size or 0
            if held < size:
                damaged(f"the shard {short(key)} ends before its index does")
            listed = index.chunk.decode(_part(file, 0 if index.first else held - size, size))
            lengths = listed[..., 1][listed[..., 1] != _NOWHERE]
            if lengths.astype(float).sum() > held:
                damaged(f"the shard {short(key)} has chunks that share their bytes")
            if sum(each.nbytes for each in self._indexes.values()) + listed.nbytes > _KEPT_INDEXES:
                self._indexes = {}
            self._indexes[key] = listed
        return self._indexes[key]


def _part(file: BinaryIO, offset: int, length: int, chunk: Chunk | None = None) -> bytes:
    """Read bytes of a file; for a chunk, refuse far more bytes than it decodes to."""
    if chunk is not None and length > 2 * chunk.nbytes + 1024:
        damaged(f"a chunk of {length} bytes that becomes {chunk.nbytes}")
    file.seek(offset)
    raw = file.read(length)
    if len(raw) != length:
        raise ValueError("the file changed after it was opened")
    return raw


def _put(
    block: npt.NDArray[Any], origin: tuple[int, ...], chunk: npt.NDArray[Any], at: tuple[int, ...]
) -> None:
    """Copy the overlap of a block that begins at `origin` and a chunk that begins at `at`."""
    into, of = [], []
    for first, side, begin, length in zip(origin, block.shape, at, chunk.shape, strict=True):
        low, high = max(first, begin), min(first + side, begin + length)
        into.append(slice(low - first, high - first))
        of.append(slice(low - begin, high - begin))
    block[tuple(into)] = chunk[tuple(of)]
