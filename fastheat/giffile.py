"""Writing a GIF: frames that merge, and the commit that keeps the file whole."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from fastheat import gif
from fastheat.messages import short
from fastheat.timing import Clock

PICTURES = (".apng", ".avif", ".bmp", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".webp")
FILMS = (".avi", ".mkv", ".mov", ".mp4", ".webm")


class GifFile:
    """A GIF that is whole at every instant, in any sink.

    Frames go behind the trailer, where decoders do not look, with a trailer of their own; then the
    first byte of theirs takes the place of the old trailer, and that one byte commits them. A sink
    that cannot seek gets a plain stream.

    Parameters
    ----------
    file
        A path, which is overwritten at the first commit, or a binary file object, which is written
        to from where it stands and stays open.
    header
        As `gif.header` gives it.

    Attributes
    ----------
    merged
        Frames that only lengthened the one before.
    ticks
        Hundredths of a second of all frames together.
    bytes
        Size of the GIF, once closed.
    """

    def __init__(self, file: str | PathLike[str] | BinaryIO, header: bytes) -> None:
        self._target = file
        self._header = header
        self._sink: BinaryIO | None = None
        self._seekable = False
        self._end = 0  # of the file in the sink, trailer not counted
        self._image: tuple[bytes | memoryview, int | None] | None = None
        self._delay = 0
        self._ready: list[bytes | memoryview] = []
        self._committing = False
        self.merged = 0
        self.ticks = 0
        self.bytes = 0

    def __enter__(self) -> GifFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # the frames so far are good, unless it is their commit that failed
        if not self._committing:
            with suppress(Exception):
                self._finish_frame()
                self.commit()
                if self._sink is not None and not self._seekable:
                    self._write(gif.TRAILER)
        self._abandon()

    def add_all(
        self, data: bytes, ends: Sequence[int], transparents: Sequence[int | None], clock: Clock
    ) -> None:
        """Add frames whose image blocks are joined and end at `ends`, and commit them."""
        view, start = memoryview(data), 0
        for end, transparent in zip(ends, transparents, strict=True):
            self.add(view[start:end], transparent, clock.next())
            start = end
        self.commit()

    def add(self, image: bytes | memoryview, transparent: int | None, delay: int) -> None:
        """Add a frame.

        Parameters
        ----------
        image
            Its image block, no bytes for what the frame before showed.
        transparent
            The index of pixels that stay as they were, None where there is none.
        delay
            Hundredths of a second until the next frame.
        """
        if not image and self._image is not None:
            self._delay += delay
            self.merged += 1
            return
        self._finish_frame()
        self._image = image, transparent
        self._delay = delay

    def lengthen(self, delay: int) -> None:
        """Show the frame that was added last so much longer."""
        self._delay += delay

    def _finish_frame(self) -> None:
        if self._image is None:
            return
        image, transparent = self._image
        while True:
            # what is left of a longer delay is shown by a frame that changes nothing
            delay = min(self._delay, gif.LONGEST_DELAY)
            if 0 < self._delay - delay < gif.SHORTEST_DELAY:
                delay -= gif.SHORTEST_DELAY
            control = gif.graphic_control(delay, transparent)
            self._ready += control, image
            self.ticks += delay
            self._delay -= delay
            if not self._delay:
                break
            image, transparent = gif.EMPTY_IMAGE, 0
        self._image = None

    def commit(self) -> None:
        """Write the frames whose delay is known."""
        if not self._ready:
            return
        self._committing = True
        begun = self._sink is not None
        if not begun:
            self._open()
            self._ready.insert(0, self._header)
        if self._seekable:
            self._ready.append(gif.TRAILER)
        frames = memoryview(b"".join(self._ready))
        self._ready.clear()
        if begun and self._seekable:
            sink = self._sink_now()
            sink.seek(self._end + 1)
            self._write(frames[1:])
            self._flush()
            sink.seek(self._end)
            self._write(frames[:1])
        else:
            self._write(frames)
        added = len(frames) - (len(gif.TRAILER) if self._seekable else 0)
        self._end += added
        self.bytes += added
        self._flush()
        self._committing = False

    def close(self) -> None:
        """Write the last frame and the trailer."""
        self._finish_frame()
        self.commit()
        self.bytes += len(gif.TRAILER)
        if self._seekable:
            self._sink_now().seek(self._end + len(gif.TRAILER))
        else:
            self._write(gif.TRAILER)
            self._flush()
        self._abandon()

    def _abandon(self) -> None:
        """Leave the file as the last commit left it."""
        if self._sink is not None and self._sink is not self._target:
            self._sink.close()

    def _open(self) -> None:
        if isinstance(self._target, str | PathLike):
            self._sink = Path(fspath(self._target)).open("wb", buffering=0)  # noqa: SIM115
            self._seekable = self._sink.seekable()
        else:
            self._sink = self._target
            seekable = getattr(self._sink, "seekable", None)
            self._seekable = bool(seekable and seekable() and not _appends(self._sink))
        self._end = self._sink.tell() if self._seekable else 0

    def _sink_now(self) -> BinaryIO:
        if self._sink is None:
            raise RuntimeError("expected a frame before the end of the file")
        return self._sink

    def _write(self, data: bytes | memoryview) -> None:
        sink = self._sink_now()
        view = memoryview(data)
        while view:
            written = sink.write(view)
            # raw files may take a part; None is what sinks that are no io objects return
            if written is not None and not 0 < written <= len(view):
                raise OSError(f"expected write to take 1 to {len(view)} bytes, not {written!r}")
            view = view[written:] if written is not None else view[len(view) :]

    def _flush(self) -> None:
        flush = getattr(self._sink, "flush", None)
        if flush is not None:
            flush()


def _appends(file: BinaryIO) -> bool:
    """Return whether a file writes at its end, wherever it was sought to."""
    if "a" in str(getattr(file, "mode", "")):
        return True
    try:
        import fcntl

        return bool(fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_APPEND)
    except (ImportError, AttributeError, OSError):  # no such system, no real file
        return False


def check_target(file: object) -> None:
    """Refuse what cannot be written to, before anything is.

    Raises
    ------
    TypeError
        If it is neither a path nor a binary file object.
    ValueError
        If the path ends as those of another picture format do.
    OSError
        If the folder is not there, or the path is a folder or not writable.
    """
    if isinstance(file, str | PathLike):
        path = Path(fspath(cast("str | PathLike[str]", file)))
        if path.suffix.lower() in (*PICTURES, *FILMS):
            other = str(path.with_suffix(".gif"))
            raise ValueError(f"expected a path for a GIF, such as {other!r}, not {str(path)!r}")
        if path.is_dir():
            raise IsADirectoryError(f"expected a path for the GIF, but {str(path)!r} is a folder")
        if not path.parent.is_dir():
            raise FileNotFoundError(
                f"expected a folder to write {str(path)!r} in, but there is no {str(path.parent)!r}"
            )
        place = path if path.exists() else path.parent
        if not os.access(place, os.W_OK):
            raise PermissionError(f"expected a path that may be written, not {str(path)!r}")
    elif isinstance(file, io.TextIOBase) or not callable(getattr(file, "write", None)):
        raise TypeError(f"expected a path or a file object open for bytes, not {short(file)}")
