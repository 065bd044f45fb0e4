"""Spans of consecutive frames, which any worker can read for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.stream import Converter, Frames, joined, read_values, taker
from fastheat.inputs.sources.arrays import Floats
from fastheat.inputs.sources.shapes import cells_of, of_panel, parts_of
from fastheat.inputs.sources.source import Source, is_local

CHUNK_BYTES = 1 << 24  # of the values of a chunk, about
CHUNK_FRAMES = 32  # the most frames of a chunk


def chunk_length(cells: int) -> int:
    """Return the best number of frames to encode together, for frames with `cells` values."""
    return max(1, min(CHUNK_FRAMES, CHUNK_BYTES // (8 * cells)))


class Part(NamedTuple):
    """The source of one of the matrices of a frame."""

    source: Source
    dtype: np.dtype[Any]  # the widest that a frame may have
    converter: Converter | None


class Span(NamedTuple):
    """The frames of a source from `start` up to but not including `stop`."""

    parts: Mapping[str, Part]  # by matrix; a single one, named "", if a frame is one matrix
    start: int
    stop: int
    size: int  # frames to read at a time

    def part(self, first: int, last: int) -> Span:
        """Return the span of this one's frames from `first` up to but not including `last`."""
        return self._replace(start=self.start + first, stop=self.start + last)

    def chunks(self) -> Iterator[tuple[NDArray[np.float64], dict[str, str]]]:
        """Read the frames in chunks of `size`, each returned as by `values`."""
        for first in range(0, self.stop - self.start, self.size):
            yield self.part(first, min(first + self.size, self.stop - self.start)).values()

    def values(self) -> tuple[NDArray[np.float64], dict[str, str]]:
        """Read the frames.

        Returns
        -------
        (T, N, M) float64, or (T, C) for several matrices
            C-contiguous; the caller must not write to it.
        dict
            The warning about each matrix that has one, by its name.
        """
        warnings: dict[str, str] = {}
        read = {}
        for name, part in self.parts.items():
            floats = Floats(lambda message, name=name: warnings.setdefault(name, message))  # type: ignore[misc]
            take = taker(part.source, part.dtype)
            if not name:
                return read_values(take, self.start, self.stop, part.converter, floats), warnings
            with of_panel(name):
                read[name] = read_values(take, self.start, self.stop, part.converter, floats)
        return joined(read.values()), warnings


def spans_of(frames: Frames, *, in_process: bool) -> Span | None:
    """Return all frames as a span, or None if workers cannot read them for themselves.

    Parameters
    ----------
    in_process
        Whether the workers share the memory of this process.
    """
    source, through = frames.source, frames.converters
    if source is None or frames.length is None:
        return None
    if isinstance(source, Mapping):
        kinds = parts_of(frames.dtype)
        parts = {
            name: Part(each, kinds[name][1], through.get(name)) for name, each in source.items()
        }
    else:
        parts = {"": Part(source, frames.dtype, through.get(""))}
    if not in_process and any(is_local(part.source) for part in parts.values()):
        return None
    return Span(parts, 0, frames.length, chunk_length(cells_of(frames.shape)))
