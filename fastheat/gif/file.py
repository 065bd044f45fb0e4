"""GIF files that are written frame by frame: merging equal frames, and committing atomically."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from fastheat.gif import blocks
from fastheat.gif.target import NO_ROOM


@dataclass(slots=True)
class _Frame:
    """An image and the delay until the next image that differs from it.

    A delay longer than one GIF frame can have is split into parts: the image, then empty frames
    that only extend the delay. Each part is filled before the next is begun, so that lengthening
    the delay changes the last part or appends new ones, and no other place in the file.
    """

    image: bytes | memoryview
    transparent: int | None
    delays: list[int]  # of each part, in hundredths of a second
    note: bytes = b""  # comment blocks before the image
    # comment block right before each part, replaced when the frame is repeated; b"" for none
    labels: list[bytes] = field(default_factory=list)
    # further comment blocks, each with the number of parts that precede it
    after: list[tuple[int, bytes]] = field(default_factory=list)

    def lengthen(self, delay: int) -> None:
        """Lengthen the delay by `delay` hundredths, or shorten it if that is negative."""
        if delay < 0:
            self._shorten(-delay)
        elif self.delays[-1] + delay <= blocks.LONGEST_DELAY:
            self.delays[-1] += delay
        elif delay:
            lacks = max(blocks.SHORTEST_DELAY - delay, 0)
            self.delays[-1] -= lacks
            more = split(delay + lacks)
            self.delays += more
            self.labels += [b""] * len(more)

    def _shorten(self, delay: int) -> None:
        dropped: list[bytes] = []
        while len(self.delays) > 1 and self.delays[-1] <= delay:
            delay -= self.delays.pop()
            dropped.insert(0, self.labels.pop())
        self.delays[-1] -= delay
        # labels of dropped parts stay, as comments in file order
        place = sum(count <= len(self.delays) for count, _ in self.after)
        self.after[place:place] = [(len(self.delays) + 1, label) for label in dropped if label]
        if len(self.delays) > 1 and (lacks := blocks.SHORTEST_DELAY - self.delays[-1]) > 0:
            self.delays[-2] -= lacks
            self.delays[-1] += lacks

    def tail(self, parts: int, notes: int) -> Iterator[tuple[bytes | memoryview, bool]]:
        """Yield (bytes, True for a part) after the first `parts` parts and `notes` comments."""
        after = self.after[notes:]
        for k in range(parts, len(self.delays) + 1):
            while after and (after[0][0] <= k or k == len(self.delays)):
                yield after.pop(0)[1], False
            if k < len(self.delays):
                yield self.labels[k], False
                yield self.control(k) + (blocks.EMPTY_IMAGE if k else self.image), True

    def control(self, part: int) -> bytes:
        """Return the graphic control block of a part."""
        return blocks.graphic_control(self.delays[part], 0 if part else self.transparent)


def split(delay: int) -> list[int]:
    """Split a delay into parts of at most 65,535 hundredths, none too short for browsers."""
    parts: list[int] = []
    while delay or not parts:
        part = min(delay, blocks.LONGEST_DELAY)
        if 0 < delay - part < blocks.SHORTEST_DELAY:
            part -= blocks.SHORTEST_DELAY
        parts.append(part)
        delay -= part
    return parts


class Tail:
    """The last frame of a file being read, whose delay may be split into several parts.

    Attributes
    ----------
    parts
        The frame's image, then the empty images that only extend its delay.
    notes
        The comments after the image, each with the number of parts that precede it.
    begin, ticks
        Start and end of the frame, in hundredths of a second from the start of the file.
    length
        Bytes of the file up to and including the trailer.
    """

    def __init__(self) -> None:
        self.parts: list[blocks.FrameInfo] = []
        self.notes: list[tuple[int, blocks.Comment]] = []
        self.begin = 0
        self.ticks = 0
        self.length = 0

    def add(self, block: blocks.Block) -> bool:
        """Take the next block; return True if it is a frame that differs from the one before."""
        differs = False
        if isinstance(block, blocks.FrameInfo):
            differs = not (self.parts and _goes_on(block))
            if differs:
                self.parts, self.notes, self.begin = [], [], self.ticks
            self.parts.append(block)
            self.ticks += block.delay
        elif isinstance(block, blocks.Comment):
            self.notes.append((len(self.parts), block))
        elif isinstance(block, blocks.End):
            self.length = block.length
        return differs


class GifFile:
    """A GIF that is complete at every instant, written to a path or a file object.

    New frames are written after the trailer, where decoders do not look, and end with a trailer of
    their own. Their first byte is written last, over the old trailer: that single byte commits
    them. A frame that repeats the one before is merged: it only lengthens that frame's delay, in
    place. A sink that cannot seek gets a plain stream, in which each frame is held back until the
    next one that differs is known.

    Parameters
    ----------
    file
        A path, which keeps its old file until the first commit, or a binary file object, which is
        written to from its current position and left open.
    header
        Bytes from `blocks.header`.
    sync
        Whether each commit waits until the data is on the disk, written in an order that survives
        a loss of power.
    part
        Temporary path of a new file until it replaces the old one; by default a random name.

    Attributes
    ----------
    merged
        Number of frames that were merged into the one before.
    gone
        Whether the file had been removed or replaced by the time it was closed.
    ticks
        Duration of all frames in hundredths of a second.
    """

    def __init__(
        self,
        file: str | PathLike[str] | BinaryIO,
        header: bytes,
        *,
        sync: bool = False,
        part: Path | None = None,
    ) -> None:
        self._target = file
        self._part = part
        self._header = header
        self._sync = sync
        self._sink: BinaryIO | None = None
        self._seekable = False
        self._start = 0
        self._end = 0  # position of the trailer in the sink
        self._frames: list[_Frame] = []  # not in the sink yet
        self._last: _Frame | None = None  # last frame in the sink; the sink has of it:
        self._places: list[int] = []  # positions of its graphic control blocks
        self._delays: list[int] = []  # the delay in each of them
        self._labels: list[bytes] = []  # the label before each of them
        self._noted = 0  # how many of the comments in `_last.after`
        self._cut: int | None = None  # position from which the sink's content is to be removed
        self._torn = False  # whether a stream ends within a frame
        self._failed = False  # no retry after an error: the file may be someone else's by then
        self.merged = 0
        self.gone = False
        self.ticks = 0

    @classmethod
    def resumed(cls, path: Path, tail: Tail, *, sync: bool = False) -> GifFile:
        """Open a file of at least one frame for appending, and cut it off after its trailer."""
        file = cls(path, b"", sync=sync)
        file._sink = path.open("r+b", buffering=0)
        file._sink.truncate(tail.length)
        file._seekable = True
        last = _Frame(
            b"",
            tail.parts[0].transparent,
            [frame.delay for frame in tail.parts],
            labels=[b""] * len(tail.parts),
            after=[(parts, blocks.comment_of(note.text)) for parts, note in tail.notes],
        )
        places = [frame.offset for frame in tail.parts]
        file._done(last, places, tail.length - len(blocks.TRAILER))
        file.ticks = tail.ticks
        return file

    @property
    def length(self) -> int:
        """Length in bytes of the GIF in the sink."""
        return self._end - self._start + len(blocks.TRAILER)

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
            Its image block, empty if the frame repeats the one before.
        transparent
            Index of the transparent pixels, or None if there are none.
        delay
            Hundredths of a second until the next frame.
        note
            Comment blocks before the frame. A frame with a note is never merged into the one
            before, so that the file never has one without the other.
        label
            Comment block right before the frame's last part. If the frame is merged, the label
            goes before the part begun for its delay if there is one, replaces the last part's
            label if both have the same length, and otherwise is added after the last part.
        """
        last = self._frames[-1] if self._frames else self._last
        if note and not image:
            image, transparent = blocks.SAME_IMAGE, 0
        self.ticks += delay
        if image or last is None:
            delays = split(delay)
            labels = [*[b""] * (len(delays) - 1), label]
            self._frames.append(_Frame(image, transparent, delays, note, labels))
            return
        parts = len(last.delays)
        last.lengthen(delay)
        self.merged += 1
        if len(last.delays) > parts or (label and len(label) == len(last.labels[-1])):
            last.labels[-1] = label
        else:
            self.add_note(label)

    def add_note(self, note: bytes) -> None:
        """Add a comment block after the last frame."""
        if note:
            last = self._last_added()
            last.after.append((len(last.delays), note))

    def lengthen(self, delay: int) -> None:
        """Lengthen the delay of the last added frame by `delay` hundredths."""
        self._last_added().lengthen(delay)
        self.ticks += delay

    def hold(self, delay: int, note: bytes) -> None:
        """Commit a comment block that announces a longer delay, then lengthen the last frame.

        In this order, a file left by a process that was killed in between can be recognised.
        """
        self.add_note(note)
        self.commit()
        self.lengthen(delay)

    def let_go(self, delay: int, number: int | None, offset: int) -> None:
        """Undo `hold`: shorten the last frame, and remove a comment and all that follow it.

        Parameters
        ----------
        delay
            Hundredths by which to shorten it.
        number, offset
            Index of that comment among those after the last frame, or None to remove none, and its
            position in the file.
        """
        self.lengthen(-delay)
        if number is not None:
            assert self._last is not None
            del self._last.after[number:]
            self._noted, self._cut = number, offset

    def _last_added(self) -> _Frame:
        last = self._frames[-1] if self._frames else self._last
        if last is None:
            raise RuntimeError("expected a frame before what is said of the last one")
        return last

    def commit(self) -> None:
        """Write all pending frames and changes to the file; to a stream, all but the last frame.

        If that fails, the file stays as it was, and nothing more is written to it.
        """
        if self._failed or (not self._frames and self._is_mended()):
            return
        try:
            if self._sink is None:
                self._open()
            elif self._seekable:
                self._append()
            elif not self._torn:
                self._stream(len(self._frames) - 1)
        except Exception:
            self._failed = True
            raise

    def _is_mended(self) -> bool:
        last = self._last
        return last is None or (
            last.delays == self._delays
            and last.labels == self._labels
            and len(last.after) == self._noted
            and self._cut is None
        )

    def close(self) -> None:
        """Write what is pending, end a stream with its trailer, and close a file opened here."""
        self._finish()
        if self._sink is not self._target and self._seekable:
            self.gone = os.fstat(self._sink_now().fileno()).st_nlink == 0
        self.abandon()

    def _finish(self) -> None:
        self.commit()
        if self._seekable:
            self._sink_now().seek(self._end + len(blocks.TRAILER))
        elif self._sink is not None and not self._torn:
            self._stream(len(self._frames))
            self._write(blocks.TRAILER)
            self._flush()

    def fail(self) -> None:
        """Close the file with the frames so far, unless committing them is what failed."""
        if not self._failed:
            with suppress(Exception):
                self._finish()
        self.abandon()

    def abandon(self) -> None:
        """Close the file as the last commit left it."""
        if self._sink is not None and self._sink is not self._target:
            self._sink.close()

    def _open(self) -> None:
        """Open the sink and write the header and the first frames."""
        try:
            if isinstance(self._target, str | PathLike):
                path = Path(fspath(self._target))
                if not path.exists() or path.is_file():
                    self._create(Path(os.path.realpath(path)))
                    return
                self._failed = True  # opened twice, a pipe might wait for another reader
                self._sink = path.open("wb", buffering=0)
                self._failed = False
                self._seekable = self._sink.seekable()
            else:
                self._sink = self._target
                seekable = getattr(self._sink, "seekable", None)
                self._seekable = bool(seekable and seekable() and not _appends(self._sink))
            if self._seekable:
                self._start = self._sink.tell()
                try:
                    self._begin()
                except BaseException:
                    self._sink.seek(self._start)
                    raise
            else:
                self._torn = True
                self._write(self._header)
                self._end += len(self._header)
                self._stream(len(self._frames) - 1)
        except BaseException:
            self._failed |= self._torn
            self.abandon()
            self._sink = None
            raise

    def _create(self, path: Path) -> None:
        """Write a new file beside the old one, and replace that when the new one is complete."""
        part = self._part or path.with_name(f".{os.urandom(8).hex()}.part")
        self._seekable = True
        try:
            sink = part.open("x+b", buffering=0)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self._overwrite(path)
            return
        replaced = False
        try:
            self._sink = sink
            self._begin()
            if path.exists():
                from shutil import copymode

                copymode(path, part)
            if os.name == "nt":  # Windows cannot rename an open file
                sink.close()
            try:
                part.replace(path)
                replaced = True
            except OSError as error:
                if error.errno != errno.EBUSY:  # EBUSY: the path itself is a mount point
                    raise
                self._sink = path.open("r+b", buffering=0)
                sink.seek(0)
                from shutil import copyfileobj

                copyfileobj(sink, self._sink)
                self._sink.truncate()
                self._flush()
                sink.close()
        except BaseException:
            self._sink = None
            sink.close()
            raise
        finally:
            if not replaced:
                part.unlink(missing_ok=True)
        if os.name == "nt":
            self._sink = path.open("r+b", buffering=0)
        if self._sync and hasattr(os, "O_DIRECTORY"):
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _overwrite(self, path: Path) -> None:
        """Write into the existing file, where none can be made beside it."""
        self._sink = path.open("r+b" if path.exists() else "wb", buffering=0)
        self._begin()
        self._sink.truncate()

    def _begin(self) -> None:
        """Write the header and the first frames."""
        data, places, end = _laid(self._start, self._header, [], self._new())
        self._write(data)
        self._flush()
        self._done(self._last_added(), places, end)

    def _append(self) -> None:
        """Update the delay of the last frame in place, and commit the new frames after it."""
        sink = self._sink_now()
        last = self._last
        if last is not None:
            for k, said in enumerate(zip(self._delays, self._labels, strict=True)):
                if k < len(last.delays) and said != (last.delays[k], last.labels[k]):
                    # they are adjacent: one write, so that the file never has only one of them
                    sink.seek(self._places[k] - len(last.labels[k]))
                    self._write(last.labels[k] + last.control(k))
            self._shorten(last)
        data, places, end = _laid(self._end, b"", self._places, self._new())
        if end > self._end:
            sink.seek(self._end + 1)
            self._write(data[1:])
            self._flush()
            sink.seek(self._end)
            self._write(data[:1])
        self._flush()
        self._done(self._last_added(), places, end)

    def _shorten(self, last: _Frame) -> None:
        """Cut off the parts and comments that the last frame no longer has."""
        cuts = [] if self._cut is None else [self._cut]
        parts = len(last.delays)
        if parts < len(self._places):
            cuts.append(self._places[parts] - len(self._labels[parts]))
            kept = sum(count <= parts for count, _ in last.after)
            self._noted = min(self._noted, kept)
        if not cuts:
            return
        start, places = min(cuts), self._places[:parts]
        data, places, end = _laid(start, b"", places, [(last, len(places), self._noted)])
        sink = self._sink_now()
        sink.seek(start)
        # a single write: the file always has either the old content or all of its replacement
        self._write(data)
        sink.truncate(end + len(blocks.TRAILER))
        self._done(last, places, end)

    def _new(self) -> list[tuple[_Frame, int, int]]:
        """Return the frames that are not in the sink as a whole, as `_laid` takes them."""
        behind = [] if self._last is None else [(self._last, len(self._delays), self._noted)]
        return [*behind, *((frame, 0, 0) for frame in self._frames)]

    def _done(self, last: _Frame, places: list[int], end: int) -> None:
        """Remember what the sink has: frames up to `last`, laid out as by `_laid`."""
        frames = self._frames if last is self._last else []
        delays, labels, noted = last.delays.copy(), last.labels.copy(), len(last.after)
        # no call in between, where Ctrl-C could interrupt
        self._end, self._places, self._noted, self._cut = end, places, noted, None
        self._last, self._frames, self._delays, self._labels = last, frames, delays, labels
        last.image = b""

    def _stream(self, count: int) -> None:
        self._torn = True
        for frame in self._frames[:count]:
            tail = (piece for piece, _ in frame.tail(0, 0))
            data = b"".join([frame.note, *tail])
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
            # raw files may write only a part; sinks that are not io objects may return None
            if written is not None and not 0 < written <= len(view):
                raise OSError(f"expected write to take 1 to {len(view)} bytes, not {written!r}")
            view = view[written:] if written is not None else view[len(view) :]

    def _flush(self) -> None:
        flush = getattr(self._sink, "flush", None)
        if flush is not None:
            flush()
        if self._sync:
            os.fsync(self._sink_now().fileno())


def _laid(
    start: int, header: bytes, places: list[int], frames: Iterable[tuple[_Frame, int, int]]
) -> tuple[memoryview, list[int], int]:
    """Lay out the end of a file from position `start` on.

    Parameters
    ----------
    places
        Positions of the graphic control blocks of the frame before, which may be the first one.
    frames
        Frames to add, each with the numbers of its parts and comments that are before `start`.

    Returns
    -------
    memoryview
        The header, what is to be added, and a trailer.
    list of int
        Positions of the graphic control blocks of the frame that will be the last.
    int
        Position of the trailer.
    """
    pieces: list[bytes | memoryview] = [header]
    places, start = places.copy(), start + len(header)
    for frame, parts, notes in frames:
        if parts == 0:
            places = []
            pieces.append(frame.note)
            start += len(frame.note)
        for piece, is_part in frame.tail(parts, notes):
            if is_part:
                places.append(start)
            pieces.append(piece)
            start += len(piece)
    pieces.append(blocks.TRAILER)
    # joined only once, since copying may stall all other threads
    return memoryview(b"".join(pieces)), places, start


def _goes_on(frame: blocks.FrameInfo) -> bool:
    """Return True if a frame only extends the delay of the one before."""
    control = len(blocks.graphic_control(0, 0))
    empty = frame.box == (0, 0, 1, 1) and frame.transparent == 0
    return empty and frame.length == control + len(blocks.EMPTY_IMAGE)


def _appends(file: BinaryIO) -> bool:
    """Return True if a file is in append mode, where every write goes to the end."""
    if "a" in str(getattr(file, "mode", "")):
        return True
    try:
        import fcntl

        return bool(fcntl.fcntl(file.fileno(), fcntl.F_GETFL) & os.O_APPEND)
    except (ImportError, AttributeError, OSError):  # Windows, or not a real file
        return False
