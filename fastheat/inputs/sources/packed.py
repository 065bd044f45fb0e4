"""Files that gzip, bzip2, xz or zlib compressed as a whole, decompressed in bounded memory."""

from __future__ import annotations

import io
import os
import zlib
from typing import Any, BinaryIO

from fastheat.messages import in_a_line

# bytes of content that any file may have, and per compressed byte
_MOST, _MOST_TIMES = 1 << 26, 64
_BLOCK = 1 << 16  # bytes decompressed at a time
_DICTIONARY = 1 << 27  # bytes of memory that xz may take besides
SUFFIXES = (".gz", ".bz2", ".xz", ".lzma", ".z", ".zlib")
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"]\0\0": "lzma",
}
_OTHERS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"7z\xbc\xaf": "7z"}


class Unpacked(io.BytesIO):
    """The content of a compressed file, and the size of that file in bytes."""

    name = "its content"  # what messages call it

    def __init__(self, content: bytes, packed: int) -> None:
        super().__init__(content)
        self.packed = packed


def packed_size(file: BinaryIO) -> int | None:
    """Return the size of the compressed file that a file is the content of, or None."""
    return file.packed if isinstance(file, Unpacked) else None


def size_of(file: BinaryIO) -> int:
    """Return the size of an open file on disk in bytes, compressed or not."""
    packed = packed_size(file)
    return os.fstat(file.fileno()).st_size if packed is None else packed


def codec_of(start: bytes) -> str | None:
    """Return how a file is compressed, from its first bytes, or None if it is not.

    Raises
    ------
    ValueError
        If it is compressed in a way that only other packages decompress.
    """
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            raise ValueError(f"compressed with {name}, expected gzip, bzip2 or xz: decompress it")
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            return name
    # a header of zlib is two bytes alone, which may also begin a text
    if start[:1] == b"x" and int.from_bytes(start[:2], "big") % 31 == 0:
        try:
            return "zlib" if zlib.decompressobj().decompress(start, 1) else None
        except zlib.error:
            return None
    return None


def unpacked(file: BinaryIO, codec: str) -> Unpacked:
    """Return the content of an open compressed file.

    Raises
    ------
    ValueError
        If the file is damaged, or becomes far larger than files of numbers do.
    """
    packed = file.seek(0, os.SEEK_END)
    file.seek(0)
    most = max(_MOST, _MOST_TIMES * packed)
    parts: list[bytes] = []
    left = most + 1
    decoder: Any = None
    raw = file.read(_BLOCK)
    while raw:
        try:
            decoder = decoder or _decoder(codec)
            part = decoder.decompress(raw, left)
        except Exception as error:  # lzma.LZMAError too, which is not imported
            raise ValueError(f"damaged: its {codec} data say {in_a_line(error)!r}") from None
        parts.append(part)
        left -= len(part)
        if not left:
            raise ValueError(
                f"{packed} bytes become over {most}, expected fewer: decompress the file first if "
                "you trust it"
            )
        raw = b""
        if decoder.eof:  # another part may follow, or padding
            raw = decoder.unused_data.lstrip(b"\0")
            decoder = None
        raw = raw or file.read(_BLOCK)
    if decoder is not None:
        raise ValueError(f"the file ends before its {codec} data do")
    return Unpacked(b"".join(parts), packed)


def _decoder(codec: str) -> Any:
    if codec in ("gzip", "zlib"):
        return zlib.decompressobj(zlib.MAX_WBITS | (16 if codec == "gzip" else 0))
    if codec == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    import lzma

    return lzma.LZMADecompressor(memlimit=_DICTIONARY)
