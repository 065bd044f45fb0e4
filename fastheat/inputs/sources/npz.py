"""Arrays of .npz files, read one after the other or by random access."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import REAL, Header, check_text, check_type
from fastheat.inputs.sources.named import pick
from fastheat.inputs.sources.npy import read_header
from fastheat.inputs.sources.numbering import Family, families
from fastheat.inputs.sources.source import FileArray, Loaded, Seen, Source, Stack
from fastheat.messages import short

# the compression methods that numpy writes, and their highest possible compression ratios
_MOST_TIMES = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
# the local file header of a member: signature, length of its name, length of its extra field
_LOCAL = struct.Struct("<4s22xHH")
_LONG_HEADER = 512  # bytes, more than the .npy header of any array of numbers has
_MOST_LONG_HEADERS = 1 << 20  # bytes beyond _LONG_HEADER, in total over an archive's headers
_AT_ONCE = 1 << 26  # bytes that may always be decompressed at once
_AT_ONCE_TIMES = 512  # the highest compression ratio beyond that
_MOST_FIELDS = 8  # of a structured dtype that is kept, for an error that names them
_NUMBER = 40  # bytes of a number in a list


@dataclass(frozen=True, slots=True)
class Archive:
    """The frames of an .npz file, read on demand."""

    seen: Seen
    names: tuple[str, ...]
    headers: tuple[Header, ...]  # one per member, or one for the frames of a single stack
    length: int
    steps: tuple[float, ...] | None = None  # the numbers in the names of the frames

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        with self.seen.open() as file, zipfile.ZipFile(file) as archive:
            for name in self.names:
                info = archive.getinfo(name)
                with archive.open(info) as member:
                    for frame in read_member(member, info.compress_size):
                        self.seen.check(file)
                        yield frame

    def source(self) -> Source | None:
        """Return a source for random access, or None if the frames must be read in order."""
        if len(set(self.headers)) != 1 or len(self.headers[0][0]) != 2:
            return None
        (rows, columns), dtype = self.headers[0]
        if dtype.kind not in REAL or self.seen.codec is not None:
            return None
        with self.seen.open() as file, zipfile.ZipFile(file) as archive:
            infos = [archive.getinfo(name) for name in self.names]
        if len(infos) != self.length:
            return _stored_stack(self.seen, infos[0])
        return Members(self.seen, self.names, (rows, columns), dtype)


class Members(Stack):
    """Matrices of one shape, each in its own member of an .npz file."""

    def __init__(
        self, seen: Seen, names: tuple[str, ...], cells: tuple[int, int], dtype: np.dtype[Any]
    ) -> None:
        self.seen = seen
        self.names = names
        self.shape = (len(names), *cells)
        self.dtype = dtype
        self._infos: list[zipfile.ZipInfo] = []

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the members' offsets, which take more bytes to send than to look up again."""
        return _members, (self.seen, self.names, self.shape[1:], self.dtype)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Read frames, and check their CRC as `zipfile` does."""
        with self.seen.open() as file:
            if not self._infos:
                with zipfile.ZipFile(file) as archive:
                    self._infos = list(map(archive.getinfo, self.names))
            infos = self._infos[start:stop]
            for info in infos:
                if info.file_size > info.compress_size:
                    _check_at_once(info.filename, info.file_size, info.compress_size)
            block = np.empty((stop - start, *self.shape[1:]), self.dtype)
            for out, info in zip(block, infos, strict=True):
                (out[...],) = read_member(_member(file, info), info.compress_size)
        return block


@lru_cache(maxsize=4)
def _members(*place: Any) -> Members:
    """Return one shared object for all unpickled copies, so a process looks up members once."""
    return Members(*place)


def _member(file: BinaryIO, info: zipfile.ZipInfo) -> IO[bytes]:
    """Read a whole member; unlike with `zipfile`, several threads may do so at once."""
    size, length = info.compress_size, info.file_size
    file.seek(data_of(file, info))
    raw = file.read(size)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw, length + 1)
    if len(raw) != length or zlib.crc32(raw) != info.CRC:
        raise ValueError(f"{info.filename} is damaged")
    member = BytesIO(raw)
    member.name = info.filename
    return member


def data_of(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Return the offset of a member's data in the file."""
    file.seek(info.header_offset)
    magic, name, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    if magic != b"PK\x03\x04":
        raise ValueError(f"{info.filename} is damaged")
    return int(info.header_offset + _LOCAL.size + name + extra)


def _stored_stack(seen: Seen, info: zipfile.ZipInfo) -> FileArray | None:
    """Return the source of an uncompressed array (T, N, M), or None if it is not one."""
    if info.compress_type != zipfile.ZIP_STORED:
        return None
    with seen.open() as file:
        file.seek(data_of(file, info))
        start = file.tell()
        array = read_header(file)
    if array.dtype.kind not in REAL or array.offset + array.nbytes != start + info.file_size:
        return None
    return FileArray.of(seen, array)


def open_archive(
    seen: Seen, tensor: str | None = None
) -> Archive | Loaded | npt.NDArray[Any] | dict[str, Archive]:
    """Open the arrays of an .npz file, or the one that `tensor` names; all headers are read."""
    with seen.open() as file, zipfile.ZipFile(file) as archive:
        headers = headers_in(archive)
        others = [name for name in archive.namelist() if name not in headers]
        if tensor is not None:
            shapes = {name[:-4]: shape for name, (shape, _) in headers.items()}
            family = families(shapes).get(tensor) if tensor not in shapes else None
            if family is not None and family.named:
                return _of_steps(seen, archive, headers, family)
            name = f"{pick(shapes, tensor, 3)}.npy"
            headers, others = {name: headers[name]}, []
            if len(headers[name][0]) < 3:
                return Loaded.single(seen.path, _read(archive, name))
    ranks = {len(shape) for shape, _ in headers.values()}
    if not others and ranks == {2}:
        names = [name[:-4] for name in headers]
        counted = list(families(names).values())
        steps = None
        if len(counted) == 1 and counted[0].named and len(counted[0].names) == len(names):
            numbers = dict(zip(counted[0].names, counted[0].steps, strict=True))
            steps = tuple(numbers[name] for name in names)
        return Archive(seen, tuple(headers), tuple(headers.values()), len(headers), steps)
    if not others and {3} <= ranks <= {1, 3}:
        stacks = {
            name[:-4]: Archive(seen, (name,), ((shape[1:], dtype),) * min(shape[0], 1), shape[0])
            for name, (shape, dtype) in headers.items()
        }
        return stacks if len(stacks) > 1 else next(iter(stacks.values()))
    shown = [f"{name[:-4][:40]!a} {shape}" for name, (shape, _) in headers.items()]
    shown += [ascii(name[:40]) for name in others]
    known = {2, 3} & ranks and ranks <= {0, 1, 2, 3} and not others
    wish = "arrays of shape (T, N, M) or several of shape (N, M)"
    raise ValueError(
        f"the archive holds {', '.join(shown[:8] + ['...'] * (len(shown) > 8)) or 'nothing'}, "
        f"expected {'tensor= to name one' if known else wish}"
    )


def _of_steps(
    seen: Seen, archive: zipfile.ZipFile, headers: dict[str, Header], family: Family
) -> Archive | Loaded | npt.NDArray[Any]:
    """Return the arrays of one name, of one per step: matrices, vectors as rows, or numbers."""
    names = tuple(f"{name}.npy" for name in family.names)
    found = tuple(headers[name] for name in names)
    for name, header in zip(family.names, found, strict=True):
        if header[0] != found[0][0]:
            raise ValueError(
                f"tensor {short(name)} has shape {header[0]}, expected {found[0][0]} as "
                f"{short(family.names[0])}"
            )
    if len(found[0][0]) > 1:
        return Archive(seen, names, found, len(names), family.steps)
    array = np.array([_read(archive, name) for name in names])
    if not found[0][0]:
        return array.reshape(-1)
    return Loaded(seen.path, array[:, None], family.steps, rank=1)


def _read(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """Read one matrix, vector or number."""
    with archive.open(name) as member:
        parts = list(read_member(member, archive.getinfo(name).compress_size))
    return parts[0] if parts[0].ndim else np.array(parts)


def headers_in(archive: zipfile.ZipFile) -> dict[str, Header]:
    """Read the headers of all arrays, by the names of their members."""
    check_members(archive)
    headers: dict[str, Header] = {}
    left = _MOST_LONG_HEADERS
    for info in archive.infolist():
        name = info.filename
        if name in headers:  # only the last of several with one name could be read
            raise ValueError(f"{name[:40]!a} occurs twice in it")
        if name.endswith(".npy"):
            with archive.open(info) as member:
                array = read_header(member, info.file_size)
            left -= max(array.offset - _LONG_HEADER, 0)
            if left < 0:
                raise ValueError(f"headers of over {_MOST_LONG_HEADERS} bytes, expected short ones")
            # a dtype of many fields takes more memory than its header, and is not a number anyway
            dtype = array.dtype
            if dtype.names is not None and len(dtype.names) > _MOST_FIELDS:
                dtype = np.dtype((np.void, dtype.itemsize))
            headers[name] = array.shape, dtype
    return headers


def check_members(archive: zipfile.ZipFile) -> None:
    """Raise ValueError if members overlap, or claim a size that their data cannot decompress to."""
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        name = f"{info.filename[:40]!a}"
        if info.header_offset < end:
            raise ValueError(f"{name} lies within another member")
        end = info.header_offset + _LOCAL.size + info.compress_size
        if info.compress_type not in _MOST_TIMES:  # zipfile reads other methods without a limit
            raise ValueError(f"{name} is not compressed as np.savez_compressed does")
        most = info.compress_size * _MOST_TIMES[info.compress_type]
        if info.file_size > most:
            raise ValueError(
                f"{name} claims {info.file_size} bytes, expected at most {most} of "
                f"{info.compress_size} compressed"
            )


def read_whole(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of a member that `check_members` passed, unless it is far too large."""
    info = archive.getinfo(name)
    _check_at_once(name, info.file_size, info.compress_size)
    return archive.read(info)


def _check_at_once(name: str, size: int, packed: int) -> None:
    """Raise ValueError if few compressed bytes become very many when decompressed at once."""
    if size > max(_AT_ONCE, _AT_ONCE_TIMES * packed):
        raise ValueError(
            f"{name[:40]!a} becomes {size} bytes of {packed} compressed: save it uncompressed, as "
            "np.savez does"
        )


def read_member(member: IO[bytes], packed: int | None = None) -> Iterator[npt.NDArray[Any]]:
    """Yield each frame of an .npy file, which holds a stack of frames or a single one.

    Parameters
    ----------
    member
        The file.
    packed
        Its size within an archive in bytes, compressed or not; a frame of far more raises
        ValueError. None for a file of its own.
    """
    array = read_header(member)
    shape, dtype = array.shape, array.dtype
    check_type(dtype, member.name, REAL + "U")
    if len(shape) in (0, 2):
        shape = (1, *shape)
    if 0 in shape[1:]:
        raise ValueError(f"{member.name} has shape {short(shape)}, expected at least one cell")
    # In Fortran order the cells of a frame are scattered, so all frames are read together.
    together = max(shape[0], 1) if array.order == "F" or len(shape) == 1 else 1
    block = (together, *shape[1:])
    size = prod(block) * dtype.itemsize
    if packed is not None and size > packed:
        least = _NUMBER if len(shape) == 1 else 8  # as float64
        _check_at_once(member.name, prod(block) * max(dtype.itemsize, least), packed)
    for _ in range(0, shape[0], together):
        # Reading comes before allocating: the header may claim any size.
        raw = member.read(size)
        if len(raw) != size:
            raise ValueError(f"{member.name} ends before its {shape[0]} frames do")
        frames = np.ndarray(block, dtype, buffer=raw, order=array.order)
        if dtype.kind == "U":
            check_text(frames, member.name)
        yield from frames
    if member.read(1):
        raise ValueError(f"{member.name} goes on after its {shape[0]} frames")
