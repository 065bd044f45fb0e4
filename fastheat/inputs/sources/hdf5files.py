"""Safety checks of HDF5 files: only their own bytes are read, and only by h5py's own filters.

A dataset may refer to data in any other file, use a filter plug-in, or have small chunks that
decompress to a thousand times the size they should have. The HDF5 library would follow all of it.
Where a chunk decodes to fewer bytes than it should have, the library takes the rest from whatever
lies behind them in memory, so that pictures would show it.
"""

from __future__ import annotations

import os
import zlib
from array import array
from math import prod
from typing import Any, BinaryIO

import numpy as np

from fastheat.inputs.sources.bounds import between, check_chunk, check_shape
from fastheat.messages import printable, short

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK = 156  # bytes at most, with addresses of 32 bytes
_DEEPEST = 100  # nested groups
_MOST_LINKS = 200  # followed, and parts of paths
_GZIP, _SHUFFLE, _FLETCHER32, _SZIP, _SCALEOFFSET, _LZF = 1, 2, 3, 4, 6, 32000
_KNOWN = {
    _GZIP: "gzip",
    _SHUFFLE: "shuffle",
    _FLETCHER32: "fletcher32",
    _SZIP: "szip",
    _SCALEOFFSET: "scaleoffset",
    _LZF: "lzf",
}
_SZIP_METHODS = 4 | 32  # bits of entropy coding and of nearest neighbours
_SPARE = 64  # bytes that checksums and headers may add to a chunk


def check_superblock(file: BinaryIO) -> None:
    """Raise ValueError for an open file that has a driver information block.

    The library takes as much memory as such a block claims, even behind the end of the file. It
    opens files that have one only by the driver that wrote their parts, which h5py must be told.

    References
    ----------
    HDF5 File Format Specification, "II.A. Format Signature and Superblock": four addresses, the
    last of them that of the block, all bits set if there is none.
    """
    start = file.read(2048 + SUPERBLOCK)
    file.seek(0)
    start = start[max(start.find(SIGNATURE), 0) :]  # MATLAB has 512 bytes of text before it
    if start[8:9] not in (b"\0", b"\1"):  # later ones keep it where its size is bounded
        return
    (size,) = start[13:14] or b"\0"
    end = 24 + 4 * start[8] + 4 * size
    if start[end - size : end].strip(b"\xff"):
        raise ValueError(
            "it needs the driver that wrote it, and may be one of several parts: open it with "
            "h5py, if you trust it, and give the dataset"
        )


def numbers_in(
    h5py: Any, file: Any, others: dict[str, str] | None = None
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the numeric datasets in a file, by name.

    Only hard links are followed, since all others may lead into other files.

    Parameters
    ----------
    others
        Filled with what all other datasets hold, by name.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    seen = set()
    own, _ = _place(h5py, file["/"].id)
    waiting = [("", file.id, 0)]
    while waiting:
        prefix, group, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ValueError(f"its groups are nested over {_DEEPEST} deep, expected fewer levels")
        for raw in sorted(group):
            # the library takes a link name with a slash for a path, which may cross other links
            if b"/" in raw or raw == b"." or not _is_hard(h5py, group, raw):
                continue
            name = prefix + raw.decode("utf-8", "surrogateescape")
            item = h5py.h5o.open(group, raw)
            if isinstance(item, h5py.h5t.TypeID) or (place := _place(h5py, item)) in seen:
                continue
            if place[0] != own:
                raise ValueError(f"its {short(name)} lies in another file, which is not read")
            seen.add(place)
            if isinstance(item, h5py.h5g.GroupID):
                waiting.append((f"{name}/", item, depth + 1))
            elif isinstance(item, h5py.h5d.DatasetID):
                if _is_of_numbers(h5py, item):
                    shapes[name] = item.shape
                elif others is not None:
                    others[name] = _content_of(h5py, item)
    return dict(sorted(shapes.items()))


def behind_soft_links(h5py: Any, file: Any, name: str) -> str | None:
    """Return the name that a path leads to by soft links within a file, or None if to nothing.

    Raises
    ------
    ValueError
        If a link on the way leads to another file.
    """
    waiting = name.encode("utf-8", "surrogateescape").split(b"/")[::-1]
    there: list[bytes] = []
    for _ in range(_MOST_LINKS):
        if not waiting:
            return b"/".join(there).decode("utf-8", "surrogateescape")
        if (part := waiting.pop()) in (b"", b"."):
            continue
        group = h5py.h5o.open(file.id, b"/".join(there) or b"/")
        if not isinstance(group, h5py.h5g.GroupID) or not group.links.exists(part):
            return None
        kind = group.links.get_info(part).type
        if kind == h5py.h5l.TYPE_HARD:
            there.append(part)
        elif kind == h5py.h5l.TYPE_SOFT:
            target = group.links.get_val(part)
            there = [] if target.startswith(b"/") else there
            waiting += target.split(b"/")[::-1]
        else:
            raise ValueError(
                f"its {short(name)} is a link to another file, which is not read: open that file"
            )
    return None


def _content_of(h5py: Any, dataset: Any) -> str:
    """Return what a dataset without real numbers holds, in a few words."""
    kind = dataset.get_type().get_class()
    if kind == h5py.h5t.COMPOUND:
        found = dataset.dtype
        return "complex numbers" if found.kind == "c" else "records"
    known = {h5py.h5t.STRING: "text", h5py.h5t.VLEN: "lists", h5py.h5t.REFERENCE: "references"}
    return known.get(kind, "no numbers")


def _is_hard(h5py: Any, group: Any, name: bytes) -> bool:
    return bool(group.links.get_info(name).type == h5py.h5l.TYPE_HARD)


def _place(h5py: Any, item: Any) -> tuple[int, int]:
    found = h5py.h5o.get_info(item)
    return found.fileno, found.addr


def _is_of_numbers(h5py: Any, dataset: Any) -> bool:
    # h5py maps other classes to dtypes too, even to any dtype that a tag names, such as object
    kind = dataset.get_type().get_class()
    if kind not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM):
        return False
    if dataset.get_space().get_simple_extent_type() == h5py.h5s.NULL:
        return False
    found = dataset.dtype
    return found.kind in "biuf" or (kind == h5py.h5t.FLOAT and found.names is None)


def check_dataset(h5py: Any, file: Any, dataset: Any) -> None:
    """Raise ValueError for a dataset with parts in other files, plug-in filters or false sizes."""
    _check_place(dataset)
    settings = dataset.id.get_create_plist()
    if settings.get_layout() == h5py.h5d.VIRTUAL:
        names = numbers_in(h5py, file)
        for number in range(settings.get_virtual_count()):
            other = settings.get_virtual_filename(number)
            name = settings.get_virtual_dsetname(number).lstrip("/")
            if other != ".":
                raise _elsewhere(dataset, f"the file {short(other)}")
            if "%" in name:  # a pattern, which may match datasets that are not checked here
                raise ValueError(f"its parts are {short(name)}, a pattern, expected names")
            if name not in names:
                raise ValueError(
                    f"damaged: it lacks {short(name)}, to which a virtual dataset refers"
                )
            source = file[name]
            _check_place(source)
            if source.id.get_create_plist().get_layout() == h5py.h5d.VIRTUAL:
                raise ValueError(f"its {short(name)} is virtual too, expected stored numbers")
            if source.shape:
                Chunks(source).check(source, 0, source.shape[0])
    sides = (*dataset.shape, 1, 1)[: max(3, len(dataset.shape))]
    chunks = (*(dataset.chunks or dataset.shape), 1, 1)[: len(sides)]
    if 0 not in sides:
        check_shape(sides, chunks, dataset.dtype, file.id.get_filesize)


def _check_place(dataset: Any) -> None:
    settings = dataset.id.get_create_plist()
    if settings.get_external_count():
        raise _elsewhere(dataset, f"the file {short(os.fsdecode(settings.get_external(0)[0]))}")
    size = _chunk_size(dataset)
    compressed = False
    for code, values in _filters(dataset):
        if code not in _KNOWN:
            known = ", ".join(_KNOWN.values())
            raise ValueError(
                f"dataset {short(dataset.name)} uses filter {code}, a plug-in, which is not "
                f"run for files; expected {known}: open it with h5py, if you trust it, and give "
                "the dataset"
            )
        # the sizes checked below are right only for the order of filters that h5py writes
        if compressed and code != _FLETCHER32:
            raise ValueError(f"damaged: filter {_KNOWN[code]} stands after a compressor")
        compressed |= code in (_GZIP, _SZIP, _LZF)
        claimed = {_SCALEOFFSET: values[2] * values[4], _LZF: values[2]}.get(code, 0)
        if claimed > size + _SPARE:
            raise ValueError(
                f"damaged: filter {_KNOWN[code]} of {claimed} bytes, of a chunk of {size}"
            )


def _elsewhere(dataset: Any, where: str) -> ValueError:
    return ValueError(
        f"dataset {short(dataset.name)} lies in {printable(where)}, and no other file is read: "
        "open it with h5py, if you trust it, and give the dataset"
    )


def _filters(dataset: Any) -> list[tuple[int, tuple[int, ...]]]:
    """Return the code of each filter in the order in which they encode, and its values.

    These are at least five, as far as filters here have so many.
    """
    settings = dataset.id.get_create_plist()
    found = (settings.get_filter(number)[:3:2] for number in range(settings.get_nfilters()))
    return [(code, (*values, *(0,) * 5)) for code, values in found]


def _chunk_size(dataset: Any) -> int:
    return prod(dataset.chunks or ()) * int(dataset.id.get_type().get_size())


class Chunks:
    """The chunks of a dataset that passed `check_dataset`, checked before each read."""

    def __init__(self, dataset: Any) -> None:
        self._filters = _filters(dataset)
        if dataset.chunks is None:
            return
        self._counts = [-(-a // b) for a, b in zip(dataset.shape, dataset.chunks, strict=True)]
        numbers, sizes = array("q"), array("q")

        def note(found: Any) -> None:
            place = [a // b for a, b in zip(found.chunk_offset, dataset.chunks, strict=True)]
            if all(a < b for a, b in zip(place, self._counts, strict=True)):
                numbers.append(int(np.ravel_multi_index(place, self._counts)))
                sizes.append(found.size)

        if hasattr(dataset.id, "chunk_iter"):
            dataset.id.chunk_iter(note)
        else:  # an older HDF5, in which this takes time quadratic in the number of chunks
            for number in range(dataset.id.get_num_chunks()):
                note(dataset.id.get_chunk_info(number))
        if sum(sizes) > dataset.file.id.get_filesize():
            raise ValueError("damaged: it has chunks that share their bytes")
        order = np.argsort(numbers, kind="stable")
        self._numbers, self._sizes = np.array(numbers)[order], np.array(sizes)[order]
        whole = _chunk_size(dataset)
        if not self._filters and (self._sizes != whole).any():
            raise ValueError(f"damaged: it has chunks of other sizes than {whole} bytes")

    def check(self, dataset: Any, start: int, stop: int) -> None:
        """Raise ValueError if a chunk of these frames decodes to more or less than it should."""
        if not self._filters:
            return
        size = _chunk_size(dataset)
        high = (stop, *dataset.shape[1:])
        low = (start, *(0 for _ in high[1:]))
        for place in between(low, high, dataset.chunks):
            number = np.ravel_multi_index(place, self._counts)
            at = int(np.searchsorted(self._numbers, number))
            if at == len(self._numbers) or self._numbers[at] != number:
                continue
            check_chunk(size, int(self._sizes[at]))
            corner = tuple(a * b for a, b in zip(place, dataset.chunks, strict=True))
            skipped, raw = dataset.id.read_direct_chunk(corner)
            applied = [each for k, each in enumerate(self._filters) if not skipped >> k & 1]
            found = _decoded_size(dataset, applied, raw, size)
            if found != size:
                raise ValueError(
                    f"damaged: a chunk of {len(raw)} bytes that becomes {found}, not {size}"
                )


def _decoded_size(
    dataset: Any, filters: list[tuple[int, tuple[int, ...]]], raw: bytes, size: int
) -> int:
    """Return the number of bytes to which filters decode a chunk, exactly if it is up to `size`.

    Raises
    ------
    ValueError
        If a filter would need more bytes than there are.

    References
    ----------
    The sources of HDF5, H5Zfletcher32.c, H5Zscaleoffset.c and H5Zszip.c: four bytes of a checksum
    at the end; a header of 21 bytes, which begins with the number of bits of each value; a header
    with the size when decoded.
    """
    most = size + _SPARE
    for code, values in reversed(filters):
        if code == _SZIP:
            claimed = int.from_bytes(raw[:4], "little")
            if claimed == size and not _is_whole_szip(dataset, values, raw, size):
                raise ValueError("damaged: a chunk that szip cannot decode")
            return claimed
        if code == _GZIP:
            try:
                raw = zlib.decompressobj().decompress(raw, most + 1)
            except zlib.error as error:
                raise ValueError(f"damaged: a chunk that gzip cannot decode ({error})") from None
        elif code == _LZF:
            raw = _from_lzf(raw, most)
        elif code == _FLETCHER32:
            raw = raw[:-4]
        elif code == _SCALEOFFSET:
            count, width = values[2], values[4]
            bits = int.from_bytes(raw[:4], "little")
            if bits > 8 * width or 21 + -(-count * bits // 8) > len(raw):
                raise ValueError(f"damaged: {len(raw)} bytes of {count} values of {bits} bits each")
            return count * width
    return len(raw)


def _is_whole_szip(dataset: Any, values: tuple[int, ...], raw: bytes, size: int) -> bool:
    """Return True if szip decodes a chunk to the same bytes, whatever lies behind its end."""
    from h5py import h5d, h5f, h5p, h5s

    access, settings = h5p.create(h5p.FILE_ACCESS), h5p.create(h5p.DATASET_CREATE)
    access.set_fapl_core(backing_store=False)
    settings.set_chunk(dataset.chunks)
    settings.set_szip(values[0] & _SZIP_METHODS, values[1])
    file = h5f.create(b"chunk", h5f.ACC_TRUNC, fapl=access)
    decoded = np.empty((2, size), np.uint8)
    for out, behind in zip(decoded, (b"\0", b"\xff"), strict=True):
        kind, space = dataset.id.get_type().copy(), h5s.create_simple(dataset.chunks)
        copy = h5d.create(file, behind.hex().encode(), kind, space, settings)
        copy.write_direct_chunk((0,) * len(dataset.chunks), raw + 2 * size * behind)
        copy.read(h5s.ALL, h5s.ALL, out, kind)
    file.close()
    return bool((decoded[0] == decoded[1]).all())


def _from_lzf(raw: bytes, most: int) -> bytes:
    """Return the bytes that LZF decodes; over `most`, only the first of them.

    References
    ----------
    M. Lehmann, LibLZF, lzf_d.c: below 32, a control byte precedes as many literal bytes and one
    more; others repeat bytes before, with the length in the upper three bits and in a byte if these
    are all set, and the distance in the lower five bits and a byte.
    """
    out, at = bytearray(), 0
    try:
        while at < len(raw) and len(out) <= most:
            control, at = raw[at], at + 1
            if control < 32:
                literal = raw[at : at + control + 1]
                if len(literal) <= control:
                    raise IndexError
                out += literal
                at += len(literal)
                continue
            length = control >> 5
            if length == 7:
                length, at = 7 + raw[at], at + 1
            back = ((control & 31) << 8 | raw[at]) + 1
            at += 1
            if back > len(out):
                raise IndexError
            repeated = bytes(out[-back : len(out) - back + length + 2])
            out += (repeated * (length // back + 2))[: length + 2]
    except IndexError:
        raise ValueError("damaged: a chunk that LZF cannot decode") from None
    return bytes(out)
