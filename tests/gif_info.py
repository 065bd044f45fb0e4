"""The metadata of a whole GIF, for tests that look at every frame and comment of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from fastheat.gif.blocks import Comment, End, FrameInfo, Loop, Screen, read_blocks


class GifInfo(NamedTuple):
    """Metadata of a whole GIF file."""

    size: tuple[int, int]  # width, height in pixels
    colors: int  # entries of the global colour table
    loop: int | None  # repeats after the first playback, 0 for ever, None if not given
    frames: Sequence[FrameInfo]
    comments: Sequence[bytes]  # text of the comment extensions, in file order
    length: int  # bytes up to and including the trailer
    trailing: int  # bytes after it

    @property
    def duration(self) -> float:
        """Duration of one playback in milliseconds."""
        return 10.0 * sum(frame.delay for frame in self.frames)


def read_info(file: BinaryIO) -> GifInfo:
    """Return a GIF's metadata, with every frame and comment; see `read_blocks`."""
    screen, loop, end = Screen((0, 0), 0), None, End(0, 0)
    frames, comments = [], []
    for block in read_blocks(file):
        match block:
            case Screen():
                screen = block
            case Loop():
                loop = block.times
            case Comment():
                comments.append(block.text)
            case FrameInfo():
                frames.append(block)
            case End():
                end = block
    return GifInfo(screen.size, screen.colors, loop, frames, comments, end.length, end.trailing)
