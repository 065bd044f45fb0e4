"""Zarr arrays in folders, read without zarr, which would run any codec that their metadata name.

The metadata, of format 2 or 3, are read once and select among the decoders below. All sizes are
known in advance, so no chunk decodes to more than its full size. Only files in the folder are read.
"""

from __future__ import annotations

import bz2
import json
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeGuard

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import check_stack
from fastheat.inputs.sources.bounds import between, check_chunk, check_shape
from fastheat.messages import short

METADATA = ("zarr.json", ".zarray", ".zgroup")  # every array's or group's folder has one of them
_MOST_JSON = 1 << 24  # bytes
_DEEPEST = 100  # nested groups
_LZMA_MEMORY = 1 << 27  # bytes
_KEPT_INDEXES = 1 << 24  # bytes
_NOWHERE = (1 << 64) - 1  # marks a missing chunk in the index of a shard
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

Decode = Callable[[bytes], bytes]


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a zarr array or group."""
    return any((path / name).is_file() for name in METADATA)


class ZarrError(ValueError):
    """An error in a zarr folder that no writer of numeric arrays would have caused."""


def _damaged(what: str) -> NoReturn:
    raise ZarrError(f"damaged: {what}")


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
            _damaged(f"{name} has over {_MOST_JSON} bytes")
        text = file.read(size)
    try:
        found = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        found = None
    if type(found) is not dict:
        _damaged(f"{name} is not a JSON object of metadata")
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _array_in(root: str, folder: str) -> tuple[dict[str, Any] | None, bool]:
    """Return the metadata of the array in a folder, or None, and whether the folder is a group."""
    found = _json(root, os.path.join(folder, METADATA[0]))  # noqa: PTH118
    if found is not None:
        if found.get("zarr_format") != 3 or found.get("node_type") not in ("array", "group"):
            _damaged("zarr.json does not describe an array or group of format 3")
        return (found, False) if found["node_type"] == "array" else (None, True)
    found = _json(root, os.path.join(folder, METADATA[1]))  # noqa: PTH118
    if found is not None:
        if found.get("zarr_format") != 2:
            _damaged(".zarray does not describe an array of format 2")
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
            shapes[name] = tuple(sides) if _are_sides(sides) else ()
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
class Chunk:
    """The shape, dtype and codecs of a chunk."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axes: tuple[int, ...]  # in stored order
    size: int | None  # stored size in bytes, or None if compressed
    decoders: tuple[Decode, ...]

    @property
    def nbytes(self) -> int:
        """The size of the decoded chunk in bytes."""
        return prod(self.shape) * self.dtype.itemsize

    def decode(self, raw: bytes) -> npt.NDArray[Any]:
        """Return the decoded chunk."""
        check_chunk(self.nbytes, len(raw))
        if self.size is not None and len(raw) != self.size:
            _damaged(f"a chunk of {len(raw)} bytes, expected {self.size}")
        for decoder in self.decoders:
            raw = decoder(raw)
        sides = [self.shape[axis] for axis in self.axes]
        array = np.frombuffer(raw, self.dtype).reshape(sides)
        return array.transpose(np.argsort(self.axes))


@dataclass(frozen=True, slots=True)
class Index:
    """The index of a shard, a file that holds several chunks."""

    shape: tuple[int, ...]  # chunks along each axis
    first: bool  # at the start of the file, rather than its end
    chunk: Chunk  # the encoding of the index itself


def layout_of(found: Mapping[str, Any]) -> Layout:
    """Return the layout that an array's metadata describe; raise ZarrError if not supported."""
    try:
        layout = _layout_2(found) if found["zarr_format"] == 2 else _layout_3(found)
    except ZarrError:
        raise
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, ValueError) as error:
        raise ZarrError(f"damaged: its metadata lack what they need ({short(error)})") from None
    return layout


def _layout_2(found: Mapping[str, Any]) -> Layout:
    shape, grid = _sides(found["shape"]), _sides(found["chunks"])
    dtype = _number_type(found["dtype"])
    order, separator = found.get("order", "C"), found.get("dimension_separator", ".")
    if order not in ("C", "F") or separator not in (".", "/"):
        _damaged(f"order {short(order)} and dimension_separator {short(separator)}")
    _check_grid(shape, grid)
    codecs = [*(found.get("filters") or []), found.get("compressor")]
    named = [(each["id"], each) for each in codecs if each is not None]
    axes = tuple(range(len(shape)))[:: 1 if order == "C" else -1]
    chunk = _chunk(grid, dtype, axes, named)
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
        _damaged(f"a separator {short(separator)}")
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
        _damaged(f"shards of {grid} with chunks of {inner}")
    chunk = _chunk_3(inner, dtype, [_named(each) for each in settings["codecs"]])
    counts = tuple(side // step for side, step in zip(grid, inner, strict=True))
    codecs = [_named(each) for each in settings["index_codecs"]]
    listed = _chunk_3((*counts, 2), np.dtype("=u8"), codecs)
    where = settings.get("index_location", "end")
    if where not in ("start", "end") or listed.size is None:
        _damaged("shards whose index is compressed, or at neither end")
    return chunk, Index(counts, where == "start", listed)


def _chunk_3(
    shape: tuple[int, ...], dtype: np.dtype[Any], codecs: list[tuple[str, Mapping[str, Any]]]
) -> Chunk:
    axes = tuple(range(len(shape)))
    names = [name for name, _ in codecs]
    place = names.index("bytes") if "bytes" in names else 0
    for name, settings in codecs[:place]:
        if name != "transpose":
            raise _unknown(name)
        order = settings["order"]
        order = {"C": axes, "F": axes[::-1]}.get(order) if isinstance(order, str) else order
        if not _are_sides(order) or sorted(order) != list(range(len(shape))):
            _damaged(f"a transpose by {short(order)}")
        axes = tuple(axes[axis] for axis in order)
    if "bytes" not in names:
        raise _unknown(next((name for name in names if name != "transpose"), "none"))
    endian = codecs[place][1].get("endian")
    if endian not in ("little", "big") and (dtype.itemsize > 1 or endian is not None):
        _damaged(f"bytes in order {short(endian)}")
    stored = dtype.newbyteorder("<" if endian == "little" else ">") if endian else dtype
    return _chunk(shape, stored, axes, codecs[place + 1 :])


def _named(value: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the name and configuration of an extension point of format 3."""
    if isinstance(value, str):
        return value, {}
    settings = value.get("configuration") or {}
    if type(value["name"]) is not str or type(settings) is not dict:
        _damaged(f"metadata {short(value)}")
    return value["name"], settings


def _are_sides(value: object) -> TypeGuard[Sequence[int]]:
    return (
        isinstance(value, (list, tuple))
        and len(value) <= 32
        and all(type(side) is int and 0 <= side < 1 << 48 for side in value)
    )


def _sides(value: Any) -> tuple[int, ...]:
    if not _are_sides(value):
        _damaged(f"a shape {short(value)}")
    return tuple(value)


def _check_grid(shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    if len(chunks) != len(shape) or 0 in chunks:
        _damaged(f"chunks of {short(chunks)} for shape {short(shape)}")


def _number_type(value: Any) -> np.dtype[Any]:
    """Return the dtype that a string of format 2 names; raise ZarrError if not numeric."""
    if not (isinstance(value, str) and re.fullmatch(r"\|[biu]1|[<>]([iuf][248]|f16|[iu]1)", value)):
        raise ZarrError(f"it has dtype {short(value)}, expected real numbers")
    return np.dtype(value)


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
            _damaged(f"a fill_value {short(value)} of dtype {dtype}")
        return dtype.type(kept)
    _damaged(f"a fill_value {short(value)}")


# -------------------------------------------------------------------------------------- the codecs


def _unknown(name: object) -> ZarrError:
    return ZarrError(
        f"it uses the codec {short(name)}, which is not run for files; expected one of "
        f"{', '.join(_COMPRESSORS)} or of numbers: open it with zarr, if you trust it, and give "
        "the array"
    )


def _chunk(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    axes: tuple[int, ...],
    codecs: list[tuple[str, Mapping[str, Any]]],
) -> Chunk:
    """Return the chunk that a list of codecs, in encoding order, describes."""
    size: int | None = prod(shape) * dtype.itemsize
    decoders: list[Decode] = []
    for full_name, settings in codecs:
        name = full_name.removeprefix("numcodecs.") if isinstance(full_name, str) else full_name
        if not isinstance(name, str) or name not in {**_COMPRESSORS, **_CHECKSUMS, **_FILTERS}:
            raise _unknown(full_name)
        if name in _CHECKSUMS:
            decoders.append(_checksum(name, settings))
            size = None if size is None else size + 4
        elif size is None:
            raise ZarrError(f"it has the codec {short(name)} after a compressor")
        elif name in _COMPRESSORS:
            decoders.append(partial(_decompress, name, _of_lzma(settings), size))
            size = None
        else:
            decoder, size = _FILTERS[name](settings, size)
            decoders.append(decoder)
    return Chunk(shape, dtype, axes, size, tuple(reversed(decoders)))


def _decompress(name: str, lzma_format: int, size: int, raw: bytes) -> bytes:
    if size == 0 or len(raw) > 2 * size + 1024:
        _damaged(f"a chunk of {len(raw)} bytes that becomes {size}")
    try:
        data = _COMPRESSORS[name](raw, size, lzma_format)
    except (ImportError, MemoryError, ZarrError):
        raise
    except Exception as error:
        raise ZarrError(f"damaged: a chunk that {name} cannot decode ({short(error)})") from None
    if len(data) != size:
        _damaged(f"a chunk whose {name} becomes {len(data)} bytes or more, expected {size}")
    return data


def _of_lzma(settings: Mapping[str, Any]) -> int:
    form = settings.get("format", lzma.FORMAT_XZ)
    if settings.get("filters") is not None or form not in (lzma.FORMAT_XZ, lzma.FORMAT_ALONE):
        raise ZarrError(f"it uses lzma in format {short(form)} or with custom filters")
    return int(form)


def _inflate(bits: int, raw: bytes, size: int, _: int) -> bytes:
    engine = zlib.decompressobj(bits)
    data = engine.decompress(raw, size + 1)
    return data if engine.eof or len(data) > size else b""


def _of_bz2(raw: bytes, size: int, _: int) -> bytes:
    engine = bz2.BZ2Decompressor()
    data = engine.decompress(raw, size + 1)
    return data if engine.eof or len(data) > size else b""


def _unlzma(raw: bytes, size: int, form: int) -> bytes:
    engine = lzma.LZMADecompressor(form, memlimit=_LZMA_MEMORY)
    data = engine.decompress(raw, size + 1)
    return data if engine.eof or len(data) > size else b""


# numcodecs trusts the sizes in the headers of the next three formats, so they are checked first


def _unblosc(raw: bytes, size: int, _: int) -> bytes:
    sizes = [int.from_bytes(raw[place : place + 4], "little") for place in (4, 8, 12)]
    if len(raw) < 16 or sizes[0] != size or sizes[2] != len(raw) or not 0 < sizes[1] <= size:
        _damaged(f"a chunk whose blosc header says {sizes}, expected {size} and {len(raw)} bytes")
    return bytes(_numcodecs("blosc").decompress(raw))


def _unzstd(raw: bytes, size: int, _: int) -> bytes:
    said = _zstd_size(raw)
    if said not in (None, size):
        _damaged(f"a chunk whose zstd header says {said} bytes, expected {size}")
    out = np.empty(size, np.uint8)
    _numcodecs("zstd").decompress(raw, out)
    return out.data  # type: ignore[return-value]


def _zstd_size(raw: bytes) -> int | None:
    """Return the decoded size in the header of a zstd frame, or None if it has none."""
    if raw[:4] != b"\x28\xb5\x2f\xfd" or len(raw) < 18 - 9:
        _damaged("a chunk that is not zstd's")
    flags = raw[4]
    single = flags >> 5 & 1
    length = (single, 2, 4, 8)[flags >> 6]
    begin = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    if not length:
        return None
    return int.from_bytes(raw[begin : begin + length], "little") + 256 * (length == 2)


def _unlz4(raw: bytes, size: int, _: int) -> bytes:
    if (said := int.from_bytes(raw[:4], "little")) != size:
        _damaged(f"a chunk whose lz4 header says {said} bytes, expected {size}")
    return bytes(_numcodecs("lz4").decompress(raw))


def _numcodecs(name: str) -> Any:
    return import_module(f"numcodecs.{name}")


_COMPRESSORS: dict[str, Callable[[bytes, int, int], bytes]] = {
    "gzip": partial(_inflate, 31),
    "zlib": partial(_inflate, 15),
    "bz2": _of_bz2,
    "lzma": _unlzma,
    "blosc": _unblosc,
    "zstd": _unzstd,
    "lz4": _unlz4,
}


def _crc32c(data: bytes) -> int:
    for module, name in (("google_crc32c", "value"), ("crc32c", "crc32c")):
        try:
            return int(getattr(import_module(module), name)(data))
        except ImportError:
            continue
    raise ImportError("this needs google_crc32c: pip install google-crc32c")


def _fletcher32(data: bytes) -> int:
    encoded = bytes(_numcodecs("fletcher32").Fletcher32().encode(np.frombuffer(data, np.uint8)))
    return int.from_bytes(encoded[-4:], "little")


# functions, and where numcodecs puts the checksum by default
_CHECKSUMS: dict[str, tuple[Callable[[bytes], int], str]] = {
    "crc32": (zlib.crc32, "start"),
    "adler32": (zlib.adler32, "start"),
    "crc32c": (_crc32c, "end"),
    "fletcher32": (_fletcher32, "end"),
}


def _checksum(name: str, settings: Mapping[str, Any]) -> Decode:
    compute, usual = _CHECKSUMS[name]
    where = settings.get("location", usual)
    if where not in ("start", "end"):
        _damaged(f"{name} at {short(where)}")

    def decode(raw: bytes) -> bytes:
        data, said = (raw[4:], raw[:4]) if where == "start" else (raw[:-4], raw[-4:])
        if len(raw) < 4 or compute(bytes(data)) != int.from_bytes(said, "little"):
            _damaged(f"a chunk whose {name} is not that of its bytes")
        return data

    return decode


Filter = Callable[[Mapping[str, Any], int], tuple[Decode, int]]


def _converting(
    convert: Callable[[npt.NDArray[Any], np.dtype[Any], Mapping[str, Any]], npt.NDArray[Any]],
    kept: str = "dtype",
    became: str = "astype",
) -> Filter:
    """Return a filter that converts numbers between the two dtypes that its settings name."""

    def filtered(settings: Mapping[str, Any], size: int) -> tuple[Decode, int]:
        dtype = _number_type(settings[kept])
        stored = _number_type(settings.get(became) or settings[kept])
        if size % dtype.itemsize:
            _damaged(f"a filter of {dtype} for {size} bytes")

        def decode(raw: bytes) -> bytes:
            with np.errstate(all="ignore"):
                return convert(np.frombuffer(raw, stored), dtype, settings).tobytes()

        return decode, size // dtype.itemsize * stored.itemsize

    return filtered


def _undelta(
    values: npt.NDArray[Any], dtype: np.dtype[Any], _: Mapping[str, Any]
) -> npt.NDArray[Any]:
    out = np.empty(len(values), dtype)
    np.cumsum(values, out=out)
    return out


def _unscale(
    values: npt.NDArray[Any], dtype: np.dtype[Any], settings: Mapping[str, Any]
) -> npt.NDArray[Any]:
    scale, offset = settings["scale"], settings["offset"]
    if not {type(scale), type(offset)} <= {int, float}:
        _damaged(f"a scale {short(scale)} and offset {short(offset)}")
    return (values / float(scale) + float(offset)).astype(dtype)


def _as_type(
    values: npt.NDArray[Any], dtype: np.dtype[Any], _: Mapping[str, Any]
) -> npt.NDArray[Any]:
    return values.astype(dtype)


def _shuffled(settings: Mapping[str, Any], size: int) -> tuple[Decode, int]:
    width = settings.get("elementsize", 4)
    if type(width) is not int or width < 1 or size % width:
        _damaged(f"a shuffle of {short(width)} bytes for {size}")
    return lambda raw: np.frombuffer(raw, np.uint8).reshape(width, -1).T.tobytes(), size


def _packed(_: Mapping[str, Any], size: int) -> tuple[Decode, int]:
    return lambda raw: np.unpackbits(np.frombuffer(raw[1:], np.uint8))[:size].tobytes(), (
        1 + (size + 7) // 8
    )


def _same(_: Mapping[str, Any], size: int) -> tuple[Decode, int]:
    return lambda raw: raw, size


_FILTERS: dict[str, Filter] = {
    "delta": _converting(_undelta),
    "fixedscaleoffset": _converting(_unscale),
    "quantize": _converting(_as_type),
    "astype": _converting(_as_type, "decode_dtype", "encode_dtype"),
    "shuffle": _shuffled,
    "packbits": _packed,
    "bitround": _same,
}


# -------------------------------------------------------------------------------------- reading


class Reader:
    """A reader of any frames of the array in a folder.

    Attributes
    ----------
    root
        The folder of the outermost group, or of the array itself; links may not lead out of it.
    folder
        The folder of the array.
    found
        The metadata of the array.
    """

    def __init__(self, root: str, folder: str, found: Mapping[str, Any]) -> None:
        self.root = root
        self.folder = folder
        self.found = {key: found[key] for key in _KEYS[found["zarr_format"]] if key in found}
        self.layout = layout_of(found)
        check_stack(self.layout.shape)
        chunk = self.layout.chunk
        check_shape(self.layout.shape, chunk.shape, chunk.dtype, partial(_bytes_in, folder))
        self._indexes: dict[str, npt.NDArray[Any]] = {}  # decoded, by the key of the shard

    @classmethod
    def of(cls, path: Path, name: str = "") -> Reader:
        """Open the array in a folder, or the array with this name in a group."""
        root = os.path.realpath(path)
        folder = os.path.join(root, name) if name else root  # noqa: PTH118
        found, _ = _array_in(root, folder)
        if found is None:
            _damaged(f"no array {short(name)}")
        return cls(root, folder, found)

    def __reduce__(self) -> tuple[Any, ...]:
        return Reader, (self.root, self.folder, self.found)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames; missing chunks have the fill value."""
        layout = self.layout
        block = np.full((stop - start, *layout.shape[1:]), layout.fill, layout.dtype)
        end = (stop, *layout.shape[1:])
        for place in between((start, 0, 0), end, layout.grid):
            key = layout.prefix + layout.separator.join(map(str, place))
            with _opened(self.root, f"{self.folder}/{key}") as file:
                if file is None:
                    continue
                corner = tuple(a * b for a, b in zip(place, layout.grid, strict=True))
                for offset, chunk in self._chunks(file, key, corner, start, stop):
                    _put(block, (start, 0, 0), chunk, offset)
        return block

    def _chunks(
        self, file: BinaryIO, key: str, corner: tuple[int, ...], start: int, stop: int
    ) -> Iterator[tuple[tuple[int, ...], npt.NDArray[Any]]]:
        """Yield the start and the data of each chunk of a file that overlaps the frames."""
        layout, chunk = self.layout, self.layout.chunk
        if layout.index is None:
            yield corner, chunk.decode(_part(file, 0, os.fstat(file.fileno()).st_size, chunk))
            return
        listed = self._index(file, key, layout.index)
        size = os.fstat(file.fileno()).st_size
        low = max(start - corner[0], 0), 0, 0
        sides = zip(layout.shape, corner, layout.grid, strict=True)
        high = [min(side - begin, most) for side, begin, most in sides]
        high[0] = min(stop - corner[0], high[0])
        for place in between(low, tuple(high), chunk.shape):
            offset, length = listed[place].tolist()
            if offset == length == _NOWHERE:
                continue
            if offset + length > size:
                _damaged(f"the shard {short(key)} ends before its chunks do")
            begin = zip(corner, place, chunk.shape, strict=True)
            yield (
                tuple(a + b * c for a, b, c in begin),
                chunk.decode(_part(file, offset, length, chunk)),
            )

    def _index(self, file: BinaryIO, key: str, index: Index) -> npt.NDArray[Any]:
        if key not in self._indexes:
            held, size = os.fstat(file.fileno()).st_size, index.chunk.size or 0
            if held < size:
                _damaged(f"the shard {short(key)} ends before its index does")
            listed = index.chunk.decode(_part(file, 0 if index.first else held - size, size))
            lengths = listed[..., 1][listed[..., 1] != _NOWHERE]
            if lengths.astype(float).sum() > held:
                _damaged(f"the shard {short(key)} has chunks that share their bytes")
            if sum(each.nbytes for each in self._indexes.values()) + listed.nbytes > _KEPT_INDEXES:
                self._indexes = {}
            self._indexes[key] = listed
        return self._indexes[key]


def _part(file: BinaryIO, offset: int, length: int, chunk: Chunk | None = None) -> bytes:
    """Read bytes of a file; for a chunk, refuse far more bytes than it decodes to."""
    if chunk is not None and length > 2 * chunk.nbytes + 1024:
        _damaged(f"a chunk of {length} bytes that becomes {chunk.nbytes}")
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
