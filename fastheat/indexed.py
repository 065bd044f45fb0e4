"""`save_indexed_gif`: finished images of palette indices, written by the same encoder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from os import PathLike
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastheat.gif.limits import LARGEST_SIDE
from fastheat.gif.target import Claim, check_other
from fastheat.inputs.sources.arrays import array_of
from fastheat.inputs.sources.files import file_of, load
from fastheat.inputs.sources.source import FileArray, is_ready
from fastheat.messages import short
from fastheat.pipeline.output import Output
from fastheat.render.encode import encode_indexed

CHUNK_BYTES = 1 << 22  # approximate size of the images that are encoded together
CHUNK_FRAMES = 32
MOST_COLORS = 256


@dataclass(frozen=True, slots=True)
class IndexedSummary:
    """Counts of the frames that were written.

    Attributes
    ----------
    frames : int
        Frames taken from the source.
    merged : int
        Frames equal to the one before, whose delay they only lengthened.
    size : (int, int)
        Width and height in pixels.
    duration : float
        Milliseconds of one playback.
    raised : int
        Frames whose delay was raised to 20 ms, the shortest that browsers respect.
    bytes : int
        Size of the GIF.
    seconds : float
        Time taken.
    """

    frames: int
    merged: int
    size: tuple[int, int]
    duration: float
    raised: int
    bytes: int
    seconds: float


def save_indexed_gif(
    file: str | PathLike[str] | BinaryIO,
    frames: object,
    palette: object,
    *,
    fps: float | None = None,
    duration: float | Sequence[float] | None = None,
    loop: int | None = 0,
) -> IndexedSummary:
    """Write palette indices as an animated GIF, losslessly.

    Only the rectangle that differs from the previous frame is written. Pixels in it that stay the
    same are transparent where that takes fewer bytes.

    Parameters
    ----------
    file
        A path or a binary file object. If it can seek, it holds a complete GIF of the frames
        written so far at every instant.
    frames
        Palette indices: an array (T, H, W), a sequence or iterator of arrays (H, W) or of Pillow
        images of mode "P" or "L", whose own palettes are ignored, or a path as `load_frames` reads
        it. Their dtype is uint8, another integer type or bool. They are read a chunk at a time, and
        never collected.
    palette
        (n, 3) red, green and blue, from 0 to 255, of 1 to 256 colours; or the 3n numbers in a row,
        as `PIL.Image.Image.getpalette` returns them, or as bytes.
    fps
        Frames per second.
    duration
        Milliseconds per frame, or a sequence with those of each frame; 100 if `fps` is not given
        either. GIF stores hundredths of a second; rounding errors do not add up. Durations under
        20 ms are raised to 20 ms.
    loop
        Number of times that the animation is repeated, 0 for ever; None plays it once.

    Returns
    -------
    IndexedSummary
        Counts of the frames that were written.

    Raises
    ------
    TypeError, ValueError
        If an argument or a frame is not as expected. The file is not touched, unless frames before
        that one were written, which it then has.
    OSError
        If the file cannot be written; BlockingIOError if another writer has it.

    Warns
    -----
    UserWarning
        If delays were raised.

    Examples
    --------
    >>> ramp = np.arange(64, dtype=np.uint8)
    >>> frames = np.stack([np.tile(np.roll(ramp, t), (48, 1)) for t in range(64)])
    >>> gray = np.repeat(4 * ramp[:, None], 3, axis=1)
    >>> save_indexed_gif("ramp.gif", frames, gray, fps=25).frames
    64
    """
    started = time.perf_counter()
    output = Output(file, fps, duration, loop)
    clock = output.clock
    table, colors = _read_palette(palette)
    with Claim(file) as output.claim:
        source = load(frames, defer=False) if isinstance(frames, str | PathLike) else frames
        check_other(file, file_of(source))
        if isinstance(source, Sized) and not isinstance(source, type):
            clock.check(len(source) if getattr(source, "ndim", True) else None)
        pictures = _pictures(source, colors)
        height, width = (first := next(pictures)).shape
        # the first unused color is the transparent one
        transparent = colors if colors < MOST_COLORS else None
        stack = source if isinstance(source, np.ndarray) and is_ready(source, np.uint8) else None
        with output:
            output.begin_indexed((width, height), table, min(colors + 1, MOST_COLORS))
            for start, chunk in _chunks(first, pictures, stack):
                output.add(encode_indexed(chunk, transparent, first=start))
                output.commit()
        target = output.file
        assert target is not None
        clock.warn()
        return IndexedSummary(
            frames=clock.frames,
            merged=target.merged,
            size=(width, height),
            duration=10.0 * target.ticks,
            raised=clock.raised,
            bytes=target.length,
            seconds=time.perf_counter() - started,
        )


def _read_palette(palette: object) -> tuple[NDArray[np.uint8], int]:
    """Return the colour table, (256, 3), and the number of colours that are given."""
    expected = "expected palette to be 1 to 256 rows of red, green and blue, 0 to 255"
    try:
        given = np.asarray(bytearray(palette) if isinstance(palette, bytes) else palette)
    except Exception as error:  # raised by any foreign __array__
        raise ValueError(f"{expected}, not {short(palette)}") from error
    if given.ndim == 1 and given.size % 3 == 0:
        given = given.reshape(-1, 3)
    if given.ndim != 2 or given.shape[1] != 3 or not 1 <= len(given) <= MOST_COLORS:
        what = f"of shape {given.shape}" if given.ndim else short(palette)
        raise ValueError(f"{expected}, not {what}")
    if given.dtype.kind not in "iu":
        raise TypeError(f"{expected}, not {given.dtype}")
    if given.min() < 0 or given.max() > 255:
        wrong = given[(given < 0) | (given > 255)][0]
        raise ValueError(f"{expected}, not {wrong}")
    table = np.zeros((MOST_COLORS, 3), np.uint8)
    table[: len(given)] = given
    return table, len(given)


def _pictures(frames: object, colors: int) -> Iterator[NDArray[np.uint8]]:
    """Yield each frame as uint8, checked; raise ValueError if there is none."""
    if isinstance(frames, np.ndarray | FileArray) and frames.ndim != 3:
        raise ValueError(f"expected frames of shape (T, H, W), not {frames.shape}")
    if not isinstance(frames, Iterable):
        raise TypeError(
            f"expected frames to be an array (T, H, W) or an iterable of arrays (H, W), "
            f"not {short(frames)}"
        )
    shape: tuple[int, ...] | None = None
    for number, frame in enumerate(frames):
        if isinstance(frame, Image.Image) and frame.mode not in ("P", "L", "1"):
            raise ValueError(
                f"frame {number}: expected an image of mode 'P' or 'L', not {frame.mode!r}"
            )
        picture = np.asarray(frame) if isinstance(frame, Image.Image) else array_of(frame, number)
        if picture.ndim != 2 or 0 in picture.shape or max(picture.shape) > LARGEST_SIDE:
            raise ValueError(
                f"frame {number}: expected shape (H, W) with sides of 1 to "
                f"{LARGEST_SIDE} px, not {picture.shape}"
            )
        if shape is not None and picture.shape != shape:
            raise ValueError(f"frame {number}: expected shape {shape}, not {picture.shape}")
        shape = picture.shape
        if picture.dtype.kind not in "biu":
            raise TypeError(f"frame {number}: expected palette indices, not {picture.dtype}")
        if picture.dtype != np.uint8 or colors < MOST_COLORS:
            low = int(picture.min()) if picture.dtype.kind == "i" else 0
            high = int(picture.max())
            if low < 0 or high >= colors:
                raise ValueError(
                    f"frame {number}: expected indices of a palette of {colors}, 0 to "
                    f"{colors - 1}, not {low if low < 0 else high}"
                )
        yield picture.astype(np.uint8, copy=False)
    if shape is None:
        raise ValueError("expected at least one frame, not none")


def _chunks(
    first: NDArray[np.uint8], others: Iterator[NDArray[np.uint8]], stack: NDArray[np.uint8] | None
) -> Iterator[tuple[bool, NDArray[np.uint8]]]:
    """Yield chunks of images (T, H, W), each preceded by the last image of the chunk before.

    The very first begins with the first of all, and says so. They are views of `stack`, where that
    has them all, else copies. An error in the frames is raised when those before it were yielded.
    """
    most = max(2, min(CHUNK_FRAMES, CHUNK_BYTES // first.size))
    chunk = np.empty((0 if stack is not None else most + 1, *first.shape), np.uint8)
    chunk[:1] = first
    begin, count = 0, 1
    failed: Exception | None = None
    try:
        for picture in others:
            if stack is None:
                chunk[count] = picture
            count += 1
            if count == most + 1:
                yield begin == 0, chunk if stack is None else stack[begin : begin + count]
                chunk[:1] = chunk[-1:]
                begin, count = begin + most, 1
    except Exception as error:
        failed = error
    if count > 1 or begin == 0:
        yield begin == 0, chunk[:count] if stack is None else stack[begin : begin + count]
    if failed is not None:
        raise failed
