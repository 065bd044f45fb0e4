"""Limits on the array that a file may claim to hold, relative to the file's size if chunked.

A missing chunk reads as the fill value, and a compressed one can grow a thousandfold, so a file of
a few hundred bytes may claim any shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import TypeGuard

import numpy as np

_FRAMES = 1 << 17
_CELLS = 1 << 23  # of a frame: 67 MB as float64
_BYTES = 1 << 29  # of all frames
_BESIDE = 1 << 28  # bytes by which chunks at the edges extend beyond the array
_CHUNK = 1 << 25  # bytes of a decoded chunk that are always allowed
_CHUNKS = 1 << 16
_DENSEST = 64  # the highest compression ratio of a chunk larger than _CHUNK


def is_side(value: object) -> TypeGuard[int]:
    """Return True for a value of a file that can be the side of an array."""
    return type(value) is int and 0 <= value < 1 << 48


def are_sides(value: object, most: int = 32) -> TypeGuard[Sequence[int]]:
    """Return True for a value of a file that can be the shape of an array of up to `most` axes."""
    return isinstance(value, (list, tuple)) and len(value) <= most and all(map(is_side, value))


def check_shape(
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: np.dtype[np.generic],
    held: Callable[[], int],
) -> None:
    """Raise ValueError for an array that claims far more than the bytes of its file could hold.

    Parameters
    ----------
    shape, chunks
        (T, N, M) of the array, and of each chunk.
    dtype
        The dtype of its numbers.
    held
        A function that returns the size of the file or folder in bytes; called only if needed,
        since it may take a while.
    """
    frames, cells = shape[0], prod(shape[1:])
    counts = [-(-side // step) for side, step in zip(shape, chunks, strict=True)]
    parts = prod(counts)
    size = prod(shape) * dtype.itemsize
    beside = parts * prod(chunks) * dtype.itemsize - size
    likely = frames <= _FRAMES and cells <= _CELLS and size <= _BYTES
    if likely and beside <= _BESIDE and parts <= _CHUNKS:
        return
    there = held()
    if (
        frames > _FRAMES + there // 8
        or cells > _CELLS + 4 * there
        or size > _BYTES + 1000 * there  # as dense as deflate can be
        or beside > _BESIDE + 64 * there
        or parts > _CHUNKS + there // 8
    ):
        raise ValueError(
            f"it claims shape {shape} in chunks of {chunks}, but has {there} bytes, which is too "
            "few to be read safely: open it with its own library, and give the part that is there"
        )


def check_chunk(size: int, stored: int) -> None:
    """Raise ValueError for a chunk that is large when decoded but stored in very few bytes."""
    most = max(_CHUNK, _DENSEST * stored)
    if size > most:
        raise ValueError(
            f"a chunk of {stored} bytes becomes {size}, expected at most {most}: open it with its "
            "own library, and give the array"
        )


def between(
    low: tuple[int, ...], high: tuple[int, ...], steps: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield the grid indices of the chunks that overlap the box from `low` to `high`."""
    axes = zip(low, high, steps, strict=True)
    return product(*(range(first // step, -(-last // step)) for first, last, step in axes))
