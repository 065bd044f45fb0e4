"""Bounds on the numbers that a chunked file claims to hold, by the bytes that it has.

A chunk that a file lacks reads as one repeated number, and a compressed one can become a thousand
times as large, so a few hundred bytes may claim any shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod

import numpy as np

_FRAMES = 1 << 17
_CELLS = 1 << 23  # of a frame: 67 MB as float64
_BYTES = 1 << 29  # of all frames,
_BESIDE = 1 << 28  # and of what their chunks have beside them
_CHUNK = 1 << 25  # bytes of one, decoded
_CHUNKS = 1 << 16
_DENSEST = 64  # times as large as it is stored: one that is larger


def check_shape(
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: np.dtype[np.generic],
    held: Callable[[], int],
) -> None:
    """Refuse an array that claims far more than the bytes that are there.

    Parameters
    ----------
    shape, chunks
        (T, N, M) of the array, and of each chunk.
    dtype
        Of its numbers.
    held
        Returns the bytes that are there, which takes a while to find out.
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
            f"it claims shape {shape} in chunks of {chunks} and has {there} bytes, which is too "
            "few to be read safely: open it with its own library, and give the part that is there"
        )


def check_chunk(size: int, stored: int) -> None:
    """Refuse a chunk that would become very large, and is stored in very few bytes."""
    most = max(_CHUNK, _DENSEST * stored)
    if size > most:
        raise ValueError(
            f"a chunk of {stored} bytes becomes {size}, expected at most {most}: open it with its "
            "own library, and give the array"
        )


def between(
    low: tuple[int, ...], high: tuple[int, ...], steps: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield the places of chunks that a box lies in."""
    axes = zip(low, high, steps, strict=True)
    return product(*(range(first // step, -(-last // step)) for first, last, step in axes))
