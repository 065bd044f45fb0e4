"""GIF89a blocks as bytes, written and read. Pixels stay encoded, and no file is opened here.

Section numbers refer to the GIF89a specification (CompuServe, 1990).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

TRAILER = b";"  # section 27; decoders ignore what follows it
SHORTEST_DELAY = 2  # hundredths; browsers play 0 and 1 as 10
LONGEST_DELAY = 65535  # hundredths, 16 bits
MOST_LOOPS = 65535
LONGEST_COMMENT = 1 << 24  # bytes; reading cuts off the rest of a longer one, to bound memory
# the smallest image: one pixel of index 0, which changes nothing if that index is transparent; its
# 3-bit codes are clear (4), the index, end (5) (sections 20, 22)
EMPTY_IMAGE = struct.pack("<BHHHHBBBHB", 0x2C, 0, 0, 1, 1, 0, 2, 2, 4 | 0 << 3 | 5 << 6, 0)
# the same image at x = 1 instead of 0, so that a reader can tell the two apart
SAME_IMAGE = struct.pack("<BHHHHBBBHB", 0x2C, 1, 0, 1, 1, 0, 2, 2, 4 | 0 << 3 | 5 << 6, 0)


def header(size: tuple[int, int], table: NDArray[np.uint8], count: int, loop: int | None) -> bytes:
    """Return everything that precedes the first frame (sections 17 to 19 and 26).

    Parameters
    ----------
    size
        Width and height in pixels, at most 65,535.
    table
        Global colour table, (256, 3), with `count` entries in use.
    loop
        Number of repeats after the first playback: 0 repeats for ever, None not at all.
    """
    bits = max(1, (count - 1).bit_length())
    screen = struct.pack("<6sHHBBB", b"GIF89a", *size, 0xF0 | (bits - 1), 0, 0)
    application = b""
    if loop is not None:
        application = b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loop, 0)
    return screen + table[: 1 << bits].tobytes() + application


def graphic_control(delay: int, transparent: int | None) -> bytes:
    """Return a graphic control extension (section 23) that leaves its frame in place.

    Parameters
    ----------
    delay
        Hundredths of a second until the next frame.
    transparent
        Index of the transparent pixels, or None if the image has none.
    """
    flags = 0x04 | (transparent is not None)  # disposal 1: do not dispose
    return struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, delay, transparent or 0, 0)


def comment(text: str) -> bytes:
    """Return a comment extension holding ASCII text (section 24)."""
    return comment_of(text.encode("ascii"))


def comment_of(data: bytes) -> bytes:
    """Return a comment extension holding arbitrary bytes (section 24)."""
    blocks = [data[k : k + 255] for k in range(0, len(data), 255)]
    return b"!\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


class Screen(NamedTuple):
    """The logical screen: the GIF's size and the length of its global colour table."""

    size: tuple[int, int]  # width, height in pixels
    colors: int  # entries of the global colour table


class Loop(NamedTuple):
    """The Netscape looping extension."""

    times: int  # repeats after the first playback, 0 for ever


class Comment(NamedTuple):
    """A comment extension."""

    text: bytes
    offset: int  # of its first byte in the file


class FrameInfo(NamedTuple):
    """One frame's image and graphic control block, without its pixels."""

    delay: int  # hundredths of a second
    box: tuple[int, int, int, int]  # left, top, width, height in pixels
    offset: int  # of its first byte in the file: the graphic control block's if there is one
    length: int  # bytes, with the graphic control block
    transparent: int | None
    disposal: int
    controlled: bool = True  # whether there is a graphic control block


class End(NamedTuple):
    """The trailer, with the number of bytes on either side."""

    length: int  # bytes up to and including the trailer
    trailing: int  # bytes after it


Block: TypeAlias = Screen | Loop | Comment | FrameInfo | End


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.offset = 0

    def take(self, count: int) -> bytes:
        data = self.file.read(count)
        self.offset += len(data)
        if len(data) < count:
            raise ValueError(f"expected a whole GIF, but it ends at byte {self.offset}")
        return data

    def blocks(self) -> Iterator[bytes]:
        """Yield the data of sub-blocks, reading each with the next one's size (section 15)."""
        size = self.take(1)[0]
        while size > 0:
            data = self.take(size + 1)
            yield data[:-1]
            size = data[-1]

    def skip(self) -> None:
        """Skip sub-blocks up to the block terminator."""
        size = self.take(1)[0]
        while size > 0:
            size = self.take(size + 1)[-1]

    def text(self) -> bytes:
        """Return the data of sub-blocks joined, cut after about `LONGEST_COMMENT` bytes."""
        kept = bytearray()
        for block in self.blocks():
            if len(kept) <= LONGEST_COMMENT:
                kept += block
        return bytes(kept)


def read_blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield the blocks of a GIF in file order, without decoding its pixels.

    Memory use does not grow with the file.

    Parameters
    ----------
    file
        Binary file, open for reading at the GIF's first byte.

    Raises
    ------
    ValueError
        If it is not a GIF, ends early or has a block that GIF89a does not define.
    """
    reader = _Reader(file)
    signature = file.read(6)
    reader.offset = len(signature)
    if signature not in (b"GIF87a", b"GIF89a"):
        raise ValueError(f"expected a GIF, which begins with GIF87a or GIF89a, not {signature!r}")
    width, height, flags, _, _ = struct.unpack("<HHBBB", reader.take(7))
    colors = 2 << (flags & 7) if flags & 0x80 else 0
    reader.take(3 * colors)
    yield Screen((width, height), colors)
    control: tuple[int, int, int | None, int] | None = None
    while (introducer := reader.take(1)) != TRAILER:
        start = reader.offset - 1
        if introducer == b"!":
            label = reader.take(1)[0]
            if label == 0xFE:
                yield Comment(reader.text(), start)
                continue
            blocks = reader.blocks()
            data = list(islice(blocks, 2))
            for _ in blocks:
                pass
            if label == 0xF9 and [*map(len, data)] == [4]:
                packed, delay, index = struct.unpack("<BHB", data[0])
                control = start, delay, index if packed & 1 else None, packed >> 2 & 7
            elif label == 0xFF and data[:1] == [b"NETSCAPE2.0"] and [*map(len, data[1:])] == [3]:
                yield Loop(int(struct.unpack("<xH", data[1])[0]))
        elif introducer == b",":
            left, top, columns, rows, packed = struct.unpack("<HHHHB", reader.take(9))
            reader.take(3 * (2 << (packed & 7)) if packed & 0x80 else 0)
            reader.take(1)
            reader.skip()
            first, delay, transparent, disposal = control or (start, 0, None, 0)
            place, length = (left, top, columns, rows), reader.offset - first
            known = control is not None
            yield FrameInfo(delay, place, first, length, transparent, disposal, known)
            control = None
        else:
            raise ValueError(
                f"expected an extension, an image or the trailer at byte {reader.offset - 1}, "
                f"not {introducer!r}"
            )
    length = reader.offset
    trailing = 0
    while chunk := file.read(1 << 16):
        trailing += len(chunk)
    yield End(length, trailing)
