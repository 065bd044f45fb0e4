"""GIF files: frames that merge, and the commit that keeps the file whole."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from fastheat import gif
from fastheat.messages import short
from fastheat.timing import Clock

PICTURES = (".apng", ".avif", ".bmp", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".webp")
FILMS = (".avi", ".mkv", ".mov", ".mp4", ".webm")


@dataclass(slots=True)
class _Frame:
    """An image, and how long it is shown before one that differs."""

    image: bytes | memoryview
    transparent: int | None
    delay: int  # hundredths of a second
    note: bytes = b""  # comment blocks before it,
    label: bytes = b""  # one more, which a repeat replaces,
    after: bytes = b""  # and those behind it

    def parts(self) -> list[int]:
        """Return the delay in parts that a frame can have; after the first, nothing changes."""
        parts: list[int] = []
        left = self.delay
        while left or not parts:
            part = min(left, gif.LONGEST_DELAY)
            if 0 < left - part < gif.SHORTEST_DELAY:
                part -= gif.SHORTEST_DELAY
            parts.append(part)
            left -= part
        return parts

    def pieces(self) -> Iterator[bytes]:
        """Yield the control block and image of each part."""
        image, transparent = self.image, self.transparent
        for delay in self.parts():
            yield gif.graphic_control(delay, transparent) + image
            image, transparent = gif.EMPTY_IMAGE, 0


class GifFile:
    """A GIF that is whole at every instant, in any sink.

    Frames go behind the trailer, where decoders do not look, with a trailer of their own; then the
    first byte of theirs takes the place of the old trailer, and that one byte commits them. A
    frame that shows the same as the one before only lengthens its delay, where that lies. A sink
    that cannot seek gets a plain stream, in which a frame comes after the next one that differs.

    Parameters
    ----------
    file
        A path, which has the old file until the first commit, or a binary file object, which is
        written to from where it stands and stays open.
    header
        As `gif.header` gives it.
    sync
        Whether to wait at each commit until the disk has it, in an order that survives a loss of
        power.

    Attributes
    ----------
    merged
        Frames that only lengthened the one before.
    ticks
        Hundredths of a second of all frames together.
    """

    def __init__(
        self, file: str | PathLike[str] | BinaryIO, header: bytes, *, sync: bool = False
    ) -> None:
        self._target = file
        self._header = header
        self._sync = sync
        self._sink: BinaryIO | None = None
        self._seekable = False
        self._start = 0
        self._end = 0  # of what is in the sink, the trailer not counted
        self._frames: list[_Frame] = []  # that are not in the sink yet
        self._last: _Frame | None = None  # the last that is, where its delay may be changed,
        self._places: list[int] = []  # where its control blocks lie,
        self._delays: list[int] = []  # what they say,
        self._label = b""  # and the label before the first
        self._note = b""  # what goes behind the frames
        self._torn = False  # a stream that ends within a frame
        self.merged = 0
        self.ticks = 0

    @classmethod
    def resumed(cls, path: Path, info: gif.GifInfo, *, sync: bool = False) -> GifFile:
        """Go on with a file of at least one frame, as `gif.read_info` read it.

        What lies behind its trailer is cut off.
        """
        file = cls(path, b"", sync=sync)
        file._sink = path.open("r+b", buffering=0)
        file._sink.truncate(info.length)
        file._seekable = True
        file._end = info.length - len(gif.TRAILER)
        parts = 1  # of the last frame's delay
        while parts < len(info.frames) and _goes_on(info.frames[-parts]):
            parts += 1
        frames = info.frames[-parts:]
        delay = sum(frame.delay for frame in frames)
        file._last = _Frame(b"", frames[0].transparent, delay)
        file._places = [frame.offset for frame in frames]
        file._delays = [frame.delay for frame in frames]
        file.ticks = sum(frame.delay for frame in info.frames)
        return file

    @property
    def length(self) -> int:
        """Bytes of the GIF in the sink."""
        return self._end - self._start + len(gif.TRAILER)

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
        with suppress(Exception):
            self._finish()
        self.abandon()

    def add_all(
        self, images: Iterable[tuple[bytes | memoryview, int | None, bytes]], clock: Clock
    ) -> None:
        """Add frames, each an image, its transparent index and a note, and commit them."""
        for image, transparent, note in images:
            self.add(image, transparent, clock.next(), note)
        self.commit()

    def add(
        self,
        image: bytes | memoryview,
        transparent: int | None,
        delay: int,
        note: bytes = b"",
        label: bytes = b"",
    ) -> None:
        """Add a frame.

        Parameters
        ----------
        image
            Its image block, no bytes for what the frame before showed.
        transparent
            The index of pixels that stay as they were, None where there is none.
        delay
            Hundredths of a second until the next frame.
        note, label
            Comment blocks to go before it. If it shows what the frame before showed, the label goes
            behind that one, or in the place of that one's, if that is as long. With a note it is
            a frame of its own all the same, so that one is never without the other.
        """
        last = self._frames[-1] if self._frames else self._last
        if note and not image:
            image, transparent = gif.SAME_IMAGE, 0
        if image or last is None:
            self._frames.append(_Frame(image, transparent, delay, note, label))
            self.ticks += delay
            return
        self.lengthen(delay)
        self.merged += 1
        if label and len(label) == len(last.label):
            last.label, label = label, b""
        self.add_note(label)

    def add_note(self, note: bytes) -> None:
        """Add a comment block behind the last frame."""
        if self._frames:
            self._frames[-1].after += note
        else:
            self._note += note

    def lengthen(self, delay: int) -> None:
        """Show the frame that was added last so much longer."""
        last = self._frames[-1] if self._frames else self._last
        if last is None:
            raise RuntimeError("expected a frame to lengthen")
        last.delay += delay
        self.ticks += delay

    def commit(self) -> None:
        """Put what was added into the file; of a stream all but the last frame.

        If that fails, the file is as it was, and the next commit tries it again.
        """
        if not self._frames and not self._note and self._is_mended():
            return
        if self._sink is None:
            try:
                self._open()
            except BaseException:
                self.abandon()
                self._sink = None
                raise
        elif self._seekable:
            self._append()
        elif not self._torn:
            self._stream(len(self._frames) - 1)

    def _is_mended(self) -> bool:
        last = self._last
        return last is None or (last.parts() == self._delays and last.label == self._label)

    def close(self) -> None:
        """Write the last frame and the trailer."""
        self._finish()
        self.abandon()

    def _finish(self) -> None:
        self.commit()
        if self._seekable:
            self._sink_now().seek(self._end + len(gif.TRAILER))
        elif self._sink is not None and not self._torn:
            self._stream(len(self._frames))
            self._write(self._note + gif.TRAILER)
            self._end += len(self._note)
            self._flush()

    def abandon(self) -> None:
        """Leave the file as the last commit left it."""
        if self._sink is not None and self._sink is not self._target:
            self._sink.close()

    def _open(self) -> None:
        """Open the sink and write to it for the first time."""
        if isinstance(self._target, str | PathLike):
            path = Path(fspath(self._target))
            if not path.exists() or path.is_file():
                self._create(path.resolve())
                return
            self._sink = path.open("wb", buffering=0)
            self._seekable = self._sink.seekable()
        else:
            self._sink = self._target
            seekable = getattr(self._sink, "seekable", None)
            self._seekable = bool(seekable and seekable() and not _appends(self._sink))
        if self._seekable:
            self._start = self._sink.tell()
            try:
                self._begin(self._start)
            except BaseException:
                self._sink.seek(self._start)
                raise
        else:
            self._torn = True
            self._write(self._header)
            self._end += len(self._header)
            self._stream(len(self._frames) - 1)

    def _create(self, path: Path) -> None:
        """Write a new file beside the old one, which it replaces when it is whole."""
        part = path.with_name(f".{path.name}.part")
        self._seekable = True
        try:
            part.unlink(missing_ok=True)  # of a process that was killed
            sink = part.open("x+b", buffering=0)
        except PermissionError:  # a file that may be written, in a folder that may not
            self._sink = path.open("wb", buffering=0)
            self._begin(0)
            return
        try:
            self._sink = sink
            self._begin(0)
            if path.exists():
                shutil.copymode(path, part)
            if os.name == "nt":  # an open file cannot be renamed there
                sink.close()
            part.replace(path)
        except BaseException:
            self._sink = None
            sink.close()
            part.unlink(missing_ok=True)
            raise
        if os.name == "nt":
            self._sink = path.open("r+b", buffering=0)
        if self._sync and hasattr(os, "O_DIRECTORY"):
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _begin(self, start: int) -> None:
        """Write the header and the first frames at `start`."""
        data, places, end = self._laid(start, self._header, [], [])
        self._write(data)
        self._flush()
        self._done(end, places)

    def _append(self) -> None:
        """Mend the delay of the last frame, and commit the others behind it."""
        sink = self._sink_now()
        parts = self._last.parts() if self._last else []
        if len(parts) < len(self._places):
            # a delay that became shorter: end the file at the parts that it needs no more
            end = self._places[len(parts)]
            sink.seek(end)
            self._write(gif.TRAILER)
            sink.truncate(end + len(gif.TRAILER))
            self._end = end
            del self._places[len(parts) :], self._delays[len(parts) :]
        had = len(self._delays)
        for k in range(1, had):
            if parts[k] != self._delays[k]:
                sink.seek(self._places[k])
                self._write(gif.graphic_control(parts[k], 0))
        if self._last is not None and not self._is_mended():
            # side by side and in one write, so that one is never without the other
            label = self._last.label
            sink.seek(self._places[0] - len(label))
            self._write(label + gif.graphic_control(parts[0], self._last.transparent))
        data, places, end = self._laid(self._end, b"", self._places, parts[had:])
        if end > self._end:
            sink.seek(self._end + 1)
            self._write(data[1:])
            self._flush()
            sink.seek(self._end)
            self._write(data[:1])
        self._flush()
        self._done(end, places)

    def _laid(
        self, start: int, header: bytes, places: list[int], more: list[int]
    ) -> tuple[memoryview, list[int], int]:
        """Lay frames from `start` on: of the last one `more` parts of its delay, and the new ones.

        Returns the header, their bytes and a trailer; where the control blocks lie of that which is
        then the last; and where the trailer does.
        """
        pieces: list[bytes | memoryview] = [header]
        start += len(header)
        places = places.copy()
        for delay in more:
            places.append(start)
            pieces += gif.graphic_control(delay, 0), gif.EMPTY_IMAGE
            start += sum(map(len, pieces[-2:]))
        pieces.append(self._note)
        start += len(self._note)
        for frame in self._frames:
            places = []
            pieces += frame.note, frame.label
            start += len(frame.note) + len(frame.label)
            for piece in frame.pieces():
                places.append(start)
                pieces.append(piece)
                start += len(piece)
            pieces.append(frame.after)
            start += len(frame.after)
        pieces.append(gif.TRAILER)
        # joined once, since copies hold up all other threads
        return memoryview(b"".join(pieces)), places, start

    def _done(self, end: int, places: list[int]) -> None:
        last = self._frames[-1] if self._frames else self._last
        delays, label = (last.parts(), last.label) if last else (self._delays, self._label)
        # with no call in between, at which Ctrl-C might come
        self._end, self._places, self._note = end, places, b""
        self._last, self._frames, self._delays, self._label = last, [], delays, label

    def _stream(self, count: int) -> None:
        self._torn = True
        for frame in self._frames[:count]:
            data = b"".join([frame.note, frame.label, *frame.pieces(), frame.after])
            self._write(data)
            self._end += len(data)
        del self._frames[:count]
        self._flush()
        self._torn = False

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
        if self._sync:
            os.fsync(self._sink_now().fileno())


def _goes_on(frame: gif.FrameInfo) -> bool:
    """Return whether a frame changes nothing, but goes on with the delay of the one before."""
    control = len(gif.graphic_control(0, 0))
    empty = frame.box == (0, 0, 1, 1) and frame.transparent == 0
    return empty and frame.length == control + len(gif.EMPTY_IMAGE)


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
        check_place(path)
    elif isinstance(file, io.TextIOBase) or not callable(getattr(file, "write", None)):
        raise TypeError(f"expected a path or a file object open for bytes, not {short(file)}")


def check_place(path: Path) -> None:
    """Refuse a path that cannot be written to."""
    if path.is_dir():
        raise IsADirectoryError(f"expected a path for a file, but {str(path)!r} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"expected a folder to write {str(path)!r} in, but there is no {str(path.parent)!r}"
        )
    place = path if path.exists() else path.parent
    if not os.access(place, os.W_OK):
        raise PermissionError(f"expected a path that may be written, not {str(path)!r}")


def check_other(file: object, source: Path | None) -> None:
    """Refuse to write over the file that the frames are read from.

    Raises
    ------
    ValueError
        If `file`, a path or a file object, is that file.
    """
    if source is None:
        return
    try:
        if isinstance(file, str | PathLike):
            found = Path(file).stat()
        else:
            found = os.fstat(cast("BinaryIO", file).fileno())
        same = os.path.samestat(found, source.stat())
    except (OSError, AttributeError, ValueError):  # not there yet, or no real file
        return
    if same:
        raise ValueError(f"expected a file other than that of the frames, not {short(file)}")
