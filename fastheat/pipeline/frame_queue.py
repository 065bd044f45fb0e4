"""The queue between a loop and the thread that encodes its frames."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from operator import attrgetter
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.spans import chunk_length
from fastheat.inputs.sources.arrays import Frame
from fastheat.pipeline.sampling import Sampler
from fastheat.pipeline.session import Given, Session
from fastheat.render.kernels import jit

LARGE = 1 << 20  # bytes; copies of this size and more release the interpreter lock
OBJECTS = 512  # bytes, about, of the objects around the numbers of a queued frame,
OBJECTS_EACH = 128  # and of each of its arrays
LOADING = 0.04  # s, longest wait for kernels on opening: loading them would slow the first steps
LINGER = 0.2  # s; the thread lets frames gather, to interrupt the loop once for all of them


def here() -> object:
    """Return an object that identifies this process; a forked child has another one."""
    return _process


class FrameQueue:
    """A queue of copied frames, and the thread that encodes them.

    A loop must not be slowed down: unless the queue is full, `put` waits for no other thread, and
    it releases the interpreter lock only to copy large arrays. The queue holds no reference to
    the `GifWriter`.
    """

    def __init__(self, session: Session, sampler: Sampler, queue_bytes: int) -> None:
        self._session = session
        self._sampler = sampler
        self._room = queue_bytes
        self._queue: SimpleQueue[Given | threading.Event | None] = SimpleQueue()
        # a stack, since the buffer used last is still in the processor's cache
        self._free: deque[Frame] = deque()
        self._freed = threading.Event()
        self._buffers = 0
        # frames, and bytes of their titles and annotations: those queued, which the loop counts,
        # and those of them written, which the thread counts
        self._queued = self._queued_beside = 0
        self._written = self._written_beside = 0
        self._ended = False  # whether `finish` was called
        self._hurry = threading.Event()  # set if somebody waits for queued frames
        self._ready = threading.Event()
        self._process = _process
        self._thread = threading.Thread(target=self._run, name="fastheat", daemon=True)

    def start(self) -> None:
        """Start the thread, and give it time to load compiled kernels."""
        self._thread.start()
        _running.add(self)
        _finish_with_child()
        self._ready.wait(LOADING)

    def put(self, given: Given, drops: bool) -> bool:
        """Queue a copy of a frame; return False if the queue is full and `drops` is True."""
        frame, title, annot, step = given
        beside = _bytes_beside(given)
        while (buffer := self._take_buffer(frame, beside)) is None:
            self._hurry.set()
            if drops:
                return False
            self._freed.wait()
            self._freed.clear()
        try:
            for part, own in zip(frame, buffer, strict=True):
                if part.dtype is not own.dtype:  # integers come as float64 if cells are masked
                    buffer = tuple(each.copy() for each in frame)
                    break
                _copy(part, own)
            if self._ended:  # maybe by a signal handler, meanwhile
                raise ValueError("expected a GifWriter that is open, but it is closed")
            self._queue.put((buffer, title, annot, step))
            self._queued += 1
            self._queued_beside += beside
        except BaseException:
            # Ctrl-C, at any point: the buffer may be queued already, so it is not reused, and
            # another one may be allocated in its place
            self._buffers -= 1
            raise
        return True

    def _take_buffer(self, frame: Frame, beside: int) -> Frame | None:
        """Return a buffer for a copy, or None if the queue is full; two frames may always wait."""
        own = _bytes_of(frame)
        held = self._buffers * own + self._queued_beside - self._written_beside
        waits = self._queued - self._written >= 2
        if waits and held + beside > self._room:
            return None
        with suppress(IndexError):
            return self._free.pop()
        if waits and held + beside + own > self._room:
            return None
        self._buffers += 1
        return _like(frame)

    def flush(self) -> None:
        """Wait until all queued frames are written."""
        done = threading.Event()
        self._queue.put(done)
        self._hurry.set()
        while not done.wait(0.1):
            if not self._thread.is_alive():
                return

    def finish(self) -> None:
        """Let the thread end once all queued frames are written."""
        if self._process is _process:
            self._ended = True
            self._queue.put(None)
            self._hurry.set()

    def close(self) -> None:
        """Let the thread write all queued frames, and wait for its end."""
        self.finish()
        self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(Exception):  # raised again for the first frame
                jit.load(beside=True)
            self._ready.set()
            while self._drain():
                pass
        finally:
            self._session.close()
            _running.discard(self)

    def _drain(self) -> bool:
        """Write frames as soon as some wait, until none do; return False if they were the last."""
        item: Any = self._queue.get()
        if item is not None:
            self._hurry.wait(LINGER)
            self._hurry.clear()
        batch: list[Given] = []
        while True:
            if isinstance(item, tuple):
                batch.append(item)
                most = chunk_length(sum(part.size for part in item[0]))
            if batch and (not isinstance(item, tuple) or len(batch) == most):
                self._write(batch)
                batch = []
            if isinstance(item, threading.Event):
                item.set()
            elif not isinstance(item, tuple):
                return item is not None
            try:
                item = self._queue.get_nowait()
            except Empty:
                item = _NOTHING

    def _write(self, batch: list[Given]) -> None:
        started = time.thread_time()
        if self._session.error is None:
            with suppress(BaseException):  # the session keeps the error
                self._session.write(batch)
        self._sampler.spend(time.thread_time() - started)
        self._written_beside += sum(map(_bytes_beside, batch))
        self._written += len(batch)
        self._free.extend(buffer for buffer, *_ in batch)
        self._freed.set()


def _like(frame: Frame) -> Frame:
    """Return an uninitialised buffer for a copy of a frame."""
    return tuple(np.empty(part.shape, part.dtype) for part in frame)


def _copy(array: NDArray[Any], buffer: NDArray[Any]) -> None:
    if array.flags.c_contiguous and array.nbytes < LARGE:
        buffer.data.cast("B")[:] = array.data.cast("B")
    else:
        np.copyto(buffer, array)


def _bytes_of(frame: Frame) -> int:
    """Return the bytes that a queued copy takes, without its title and annotations."""
    numbers: int = sum(map(attrgetter("nbytes"), frame))
    return OBJECTS + OBJECTS_EACH * len(frame) + numbers


def _bytes_beside(given: Given) -> int:
    """Return the bytes of the title and annotations of a frame."""
    _, title, annot, _ = given
    return sys.getsizeof(title) + (annot.nbytes if annot is not None else 0)


# another object in each process
_process = object()


def _forked() -> None:
    global _process
    _process = object()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

_NOTHING = object()
_running: set[FrameQueue] = set()


def _finish_with_child() -> None:
    """Have queued frames written when a process of multiprocessing ends, which skips `atexit`."""
    known = sys.modules.get("multiprocessing.process")
    if known is not None and known.parent_process() is not None:
        from multiprocessing import util

        util.Finalize(None, _finish_all, exitpriority=0)


@atexit.register
def _finish_all() -> None:
    """Write the queued frames of unclosed writers when the interpreter ends."""
    for thread in list(_running):
        thread.close()
