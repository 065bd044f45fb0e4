"""The header of .npy files."""

from __future__ import annotations

import os
from io import BytesIO
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np

from fastheat.inputs.sources.arrays import REAL, check_text, check_type
from fastheat.inputs.sources.source import FileArray, Seen, Stored
from fastheat.messages import in_a_line, short

_LONGEST_HEADER = 10_000  # bytes, as numpy itself has it
_MOST_SIDES = 64  # of an array


def read_header(member: IO[bytes] | BinaryIO, room: int | None = None) -> Stored:
    """Read the header of an .npy file.

    An array larger than `room`, the size of the whole file in bytes, raises ValueError. The dtype
    is not checked: call `check_type` before viewing bytes as that dtype.
    """
    version = np.lib.format.read_magic(member)
    if version not in ((1, 0), (2, 0)):  # 3.0 is for field names in Unicode, not for numbers
        raise ValueError(f"npy format {version}, expected (1, 0) or (2, 0)")
    prefix = member.read(2 if version == (1, 0) else 4)
    length = int.from_bytes(prefix, "little")
    if length > _LONGEST_HEADER:  # the parser would need a hundred times as much memory
        raise ValueError(f"a header of {length} bytes, expected at most {_LONGEST_HEADER}")
    header = BytesIO(prefix + member.read(length))
    read: Any = np.lib.format
    parse = read.read_array_header_1_0 if version == (1, 0) else read.read_array_header_2_0
    try:
        shape, fortran, dtype = parse(header)
    except Exception as error:  # of any kind: the header is parsed as a Python literal
        raise ValueError(f"damaged header: {in_a_line(error)}") from None
    if len(shape) > _MOST_SIDES or any(type(side) is not int for side in shape):
        raise ValueError(f"an array of shape {short(shape)}, expected up to {_MOST_SIDES} integers")
    if shape and min(shape) < 0:
        raise ValueError(f"an array of shape {short(shape)}, expected no negative sides")
    if room is not None and not dtype.hasobject and prod(shape) * dtype.itemsize > room:
        raise ValueError(
            f"it ends before its array of shape {short(shape)} does, after {room} bytes"
        )
    return Stored(shape, dtype, "F" if fortran else "C", member.tell())


def open_array(seen: Seen, tensor: str | None, defer: bool) -> Any:
    """Open the array of an .npy file, and refuse one that was cut; objects are read as a pickle."""
    with seen.open() as file:
        array = read_header(file)
        if array.dtype == object:
            from fastheat.inputs.sources.pickled import frames_of_pickle  # few files are read by it

            return frames_of_pickle(seen, file, tensor, defer)
        if tensor is not None:
            raise ValueError(f"it holds one array without a name, not {tensor!r}")
        check_type(array.dtype, "frame 0", REAL + "U")
        shape = array.shape
        if 0 in shape[1:]:
            raise ValueError(f"an array of shape {short(shape)}, expected at least one cell")
        held = file.seek(0, os.SEEK_END) - array.offset
        if shape and held < array.nbytes:
            raise ValueError(
                f"the file ends before its array of shape {short(shape)} does, after "
                f"{held * shape[0] // array.nbytes} of {shape[0]}"
            )
        if seen.codec is not None:
            read = array.read(file)
            if array.dtype.kind == "U":
                check_text(read, "the array")
            return read
    return FileArray.of(seen, array)
