"""Spans: frames that follow one another, for any worker to read for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.stream import Converter, Frames, read_values, taker
from fastheat.inputs.sources.arrays import Floats
from fastheat.inputs.sources.shapes import cells_of, of_panel, parts_of
from fastheat.inputs.sources.source import Source, is_local

CHUNK_BYTES = 1 << 24  # of values, about, which are encoded together
CHUNK_FRAMES = 32


def chunk_length(cells: int) -> int:
    """Return how many frames of so many values are best encoded together."""
    return max(1, min(CHUNK_FRAMES, CHUNK_BYTES // (8 * cells)))


class Part(NamedTuple):
    """One of the matrices of frames."""

    source: Source
    dtype: np.dtype[Any]  # that it has at most
    converter: Converter | None


class Span(NamedTuple):
    """Frames of a source, from `start` to before `stop`."""

    parts: Mapping[str, Part]  # one, named "", where a frame is one matrix
    start: int
    stop: int
    size: int  # frames that are read at a time

    def part(self, first: int, last: int) -> Span:
        """Return those from `first` to before `last` of these."""
        return self._replace(start=self.start + first, stop=self.start + last)

    def chunks(self) -> Iterator[tuple[NDArray[np.float64], dict[str, str]]]:
        """Read them a few at a time, each as `values` does."""
        for first in range(0, self.stop - self.start, self.size):
            yield self.part(first, min(first + self.size, self.stop - self.start)).values()

    def values(self) -> tuple[NDArray[np.float64], dict[str, str]]:
        """Read them.

        Returns
        -------
        (T, N, M) float64, or (T, C) of several matrices
            C-contiguous, and not to be written to.
        dict
            What is to be told of each matrix.
        """
        told: dict[str, str] = {}
        read = {}
        for name, part in self.parts.items():
            floats = Floats(lambda message, name=name: told.setdefault(name, message))  # type: ignore[misc]
            take = taker(part.source, part.dtype)
            if not name:
                return read_values(take, self.start, self.stop, part.converter, floats), told
            with of_panel(name):
                read[name] = read_values(take, self.start, self.stop, part.converter, floats)
        flat = [each.reshape(self.stop - self.start, -1) for each in read.values()]
        return np.concatenate(flat, axis=1), told


def spans_of(frames: Frames, *, near: bool) -> Span | None:
    """Return all frames as a span, None where workers cannot read them for themselves.

    Parameters
    ----------
    near
        Whether the workers have the memory of this process.
    """
    source, converter = frames.source, frames.converter
    if source is None or frames.length is None:
        return None
    if isinstance(source, Mapping):
        kinds = parts_of(frames.dtype)
        through: Mapping[str, Any] = getattr(converter, "parts", {})
        parts = {
            name: Part(each, kinds[name][1], through.get(name)) for name, each in source.items()
        }
    else:
        parts = {"": Part(source, frames.dtype, converter)}  # type: ignore[arg-type]
    if not near and any(is_local(part.source) for part in parts.values()):
        return None
    return Span(parts, 0, frames.length, chunk_length(cells_of(frames.shape)))
