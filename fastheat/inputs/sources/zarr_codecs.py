"""Codecs of zarr: compressors, checksums and filters, which bring a chunk back to an array."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import prod
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.bounds import check_chunk
from fastheat.messages import short

_LZMA_MEMORY = 1 << 27  # bytes
Decode = Callable[[bytes], bytes]


class ZarrError(ValueError):
    """An error in a zarr folder that no writer of numeric arrays would have caused."""


def damaged(what: str) -> NoReturn:
    raise ZarrError(f"damaged: {what}")


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
            damaged(f"a chunk of {len(raw)} bytes, expected {self.size}")
        for decoder in self.decoders:
            raw = decoder(raw)
        sides = [self.shape[axis] for axis in self.axes]
        array = np.frombuffer(raw, self.dtype).reshape(sides)
        return array.transpose(np.argsort(self.axes))


def unknown(name: object) -> ZarrError:
    return ZarrError(
        f"it uses the codec {short(name)}, which is not run for files; expected one of "
        f"{', '.join(_COMPRESSORS)} or of numbers: open it with zarr, if you trust it, and give "
        "the array"
    )


def chunk_of(
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
            raise unknown(full_name)
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
        damaged(f"a chunk of {len(raw)} bytes that becomes {size}")
    try:
        data = _COMPRESSORS[name](raw, size, lzma_format)
    except (ImportError, MemoryError, ZarrError):
        raise
    except Exception as error:
        raise ZarrError(f"damaged: a chunk that {name} cannot decode ({short(error)})") from None
    if len(data) != size:
        damaged(f"a chunk whose {name} becomes {len(data)} bytes or more, expected {size}")
    return data


def _of_lzma(settings: Mapping[str, Any]) -> int:
    form = settings.get("format", lzma.FORMAT_XZ)
    if settings.get("filters") is not None or form not in (lzma.FORMAT_XZ, lzma.FORMAT_ALONE):
        raise ZarrError(f"it uses lzma in format {short(form)} or with custom filters")
    return int(form)


def _within(engine: Any, raw: bytes, size: int) -> bytes:
    """Decompress by an engine of the standard library, up to a byte more than `size`."""
    data: bytes = engine.decompress(raw, size + 1)
    return data if engine.eof or len(data) > size else b""


def _unlzma(raw: bytes, size: int, form: int) -> bytes:
    return _within(lzma.LZMADecompressor(form, memlimit=_LZMA_MEMORY), raw, size)


def _unblosc(raw: bytes, size: int, _: int) -> bytes:
    sizes = [int.from_bytes(raw[place : place + 4], "little") for place in (4, 8, 12)]
    if len(raw) < 16 or sizes[0] != size or sizes[2] != len(raw) or not 0 < sizes[1] <= size:
        damaged(f"a chunk whose blosc header says {sizes}, expected {size} and {len(raw)} bytes")
    return bytes(_numcodecs("blosc").decompress(raw))


def _unzstd(raw: bytes, size: int, _: int) -> bytes:
    said = _zstd_size(raw)
    if said not in (None, size):
        damaged(f"a chunk whose zstd header says {said} bytes, expected {size}")
    out = np.empty(size, np.uint8)
    _numcodecs("zstd").decompress(raw, out)
    return out.data  # type: ignore[return-value]


def _zstd_size(raw: bytes) -> int | None:
    """Return the decoded size in the header of a zstd frame, or None if it has none."""
    if raw[:4] != b"\x28\xb5\x2f\xfd" or len(raw) < 18 - 9:
        damaged("a chunk that is not zstd's")
    flags = raw[4]
    single = flags >> 5 & 1
    length = (single, 2, 4, 8)[flags >> 6]
    begin = 5 + (not single) + (0, 1, 2, 4)[flags & 3]
    if not length:
        return None
    return int.from_bytes(raw[begin : begin + length], "little") + 256 * (length == 2)


def _unlz4(raw: bytes, size: int, _: int) -> bytes:
    if (said := int.from_bytes(raw[:4], "little")) != size:
        damaged(f"a chunk whose lz4 header says {said} bytes, expected {size}")
    return bytes(_numcodecs("lz4").decompress(raw))


def _numcodecs(name: str) -> Any:
    return import_module(f"numcodecs.{name}")


_COMPRESSORS: dict[str, Callable[[bytes, int, int], bytes]] = {
    "gzip": lambda raw, size, _: _within(zlib.decompressobj(31), raw, size),
    "zlib": lambda raw, size, _: _within(zlib.decompressobj(15), raw, size),
    "bz2": lambda raw, size, _: _within(bz2.BZ2Decompressor(), raw, size),
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
        damaged(f"{name} at {short(where)}")

    def decode(raw: bytes) -> bytes:
        data, said = (raw[4:], raw[:4]) if where == "start" else (raw[:-4], raw[-4:])
        if len(raw) < 4 or compute(bytes(data)) != int.from_bytes(said, "little"):
            damaged(f"a chunk whose {name} is not that of its bytes")
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
        dtype = number_type(settings[kept])
        stored = number_type(settings.get(became) or settings[kept])
        if size % dtype.itemsize:
            damaged(f"a filter of {dtype} for {size} bytes")

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
        damaged(f"a scale {short(scale)} and offset {short(offset)}")
    return (values / float(scale) + float(offset)).astype(dtype)


def _shuffled(settings: Mapping[str, Any], size: int) -> tuple[Decode, int]:
    width = settings.get("elementsize", 4)
    if type(width) is not int or width < 1 or size % width:
        damaged(f"a shuffle of {short(width)} bytes for {size}")
    return lambda raw: np.frombuffer(raw, np.uint8).reshape(width, -1).T.tobytes(), size


def _packed(_: Mapping[str, Any], size: int) -> tuple[Decode, int]:
    packed = 1 + (size + 7) // 8
    return lambda raw: np.unpackbits(np.frombuffer(raw[1:], np.uint8))[:size].tobytes(), packed


_FILTERS: dict[str, Filter] = {
    "delta": _converting(_undelta),
    "fixedscaleoffset": _converting(_unscale),
    "quantize": _converting(lambda values, dtype, _: values.astype(dtype)),
    "astype": _converting(
        lambda values, dtype, _: values.astype(dtype), "decode_dtype", "encode_dtype"
    ),
    "shuffle": _shuffled,
    "packbits": _packed,
    "bitround": lambda _, size: (lambda raw: raw, size),
}


def number_type(value: Any) -> np.dtype[Any]:
    """Return the dtype that a string of format 2 names; raise ZarrError if not numeric."""
    if not (isinstance(value, str) and re.fullmatch(r"\|[biu]1|[<>]([iuf][248]|f16|[iu]1)", value)):
        raise ZarrError(f"it has dtype {short(value)}, expected real numbers")
    return np.dtype(value)
