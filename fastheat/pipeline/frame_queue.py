"""Frames copied, queued, and encoded on a thread of their own."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.inputs.frames.annotations import Cells, PanelCells
from fastheat.inputs.frames.spans import chunk_length
from fastheat.inputs.sources.arrays import Frame
from fastheat.pipeline.sampling import Sampler
from fastheat.pipeline.session import Recorder
from fastheat.render.kernels import jit

LARGE = 1 << 20  # bytes from which a copy lets other threads run
OBJECTS = 512  # bytes, about, of the objects around the numbers of a queued frame,
OBJECTS_EACH = 128  # and of each of its arrays
LOADING = 0.04  # s at most that opening waits for kernels, which would hold up the first steps
LINGER = 0.2  # s that the thread lets frames gather: it takes the loop's time once for all of them


def here() -> object:
    """Return an object that is another one in a forked child."""
    return _process


class Background:
    """A queue of copied frames, and the thread that has them encoded.

    Nothing that `put` does lets go of the interpreter's lock or waits for another thread, unless
    the queue is full: a loop must not slow down. It holds no reference to the `GifWriter`.
    """

    def __init__(self, recorder: Recorder, sampler: Sampler, queue_bytes: int) -> None:
        self._recorder = recorder
        self._sampler = sampler
        self._room = queue_bytes
        self._queue: SimpleQueue[_Item | threading.Event | None] = SimpleQueue()
        # taken from the end where they are put, since the last used is in the processor's cache
        self._free: deque[Frame] = deque()
        self._freed = threading.Event()
        self._buffers = 0
        # frames queued, and bytes of their titles and annotations: counted by the loop, and those
        # of them that were written by the thread
        self._queued = self._queued_beside = 0
        self._written = self._written_beside = 0
        self._ended = False  # whether the last frame was put
        self._hurry = threading.Event()  # somebody waits for what is queued
        self._ready = threading.Event()
        self._process = _process
        self._thread = threading.Thread(target=self._run, name="fastheat", daemon=True)

    def start(self) -> None:
        """Start the thread, and give it the time to load kernels that are compiled."""
        self._thread.start()
        _running.add(self)
        _finish_with_child()
        self._ready.wait(LOADING)

    def put(
        self,
        frame: Frame,
        title: str,
        annot: Cells | PanelCells | None,
        step: int | None,
        drops: bool,
    ) -> bool:
        """Queue a copy of a frame; return whether there was room for it."""
        if self._ended:
            raise ValueError("expected a GifWriter that is open, but it is closed")
        beside = _bytes_beside(title, annot)
        buffer = self._take_buffer(frame, beside)
        if buffer is None:
            self._hurry.set()
            if drops:
                return False
            buffer = self._wait(frame, beside)
        try:
            if not _are_alike(frame, buffer):  # integers of which some are masked
                buffer = _like(frame)
            if isinstance(frame, tuple):
                for part, own in zip(frame, buffer, strict=True):
                    _copy(part, own)
            elif isinstance(buffer, np.ndarray):
                _copy(frame, buffer)
            if self._ended:  # by the handler of a signal, meanwhile
                raise ValueError("expected a GifWriter that is open, but it is closed")
            self._queue.put((buffer, title, annot, step))
            self._queued += 1
            self._queued_beside += beside
        except BaseException:
            # Ctrl-C, at whatever point: the buffer may be queued or not, so it is not taken back,
            # and another one may be had in its place
            self._buffers -= 1
            raise
        return True

    def _take_buffer(self, frame: Frame, beside: int) -> Frame | None:
        """Return room for a copy of a frame, None while the queue has none; two may always wait."""
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

    def _wait(self, frame: Frame, beside: int) -> Frame:
        """Wait for room."""
        while True:
            self._freed.clear()
            buffer = self._take_buffer(frame, beside)
            if buffer is not None:
                return buffer
            self._freed.wait()

    def flush(self) -> None:
        """Wait until what is queued was written."""
        done = threading.Event()
        self._queue.put(done)
        self._hurry.set()
        while not done.wait(0.1):
            if not self._thread.is_alive():
                return

    def finish(self) -> None:
        """Let the thread end when all is written."""
        if self._process is _process:
            self._ended = True
            self._queue.put(None)
            self._hurry.set()

    def join(self) -> None:
        """Wait for its end."""
        if self._process is _process:
            self._thread.join()

    def _run(self) -> None:
        try:
            with suppress(Exception):  # told when a frame meets it
                jit.load(beside=True)
            self._ready.set()
            self._work()
        finally:
            self._recorder.close()
            _running.discard(self)

    def _work(self) -> None:
        item = self._queue.get()
        while item is not None:
            self._hurry.wait(LINGER)
            self._hurry.clear()
            item = self._drain(item)
            if item is _NOTHING:
                item = self._queue.get()

    def _drain(self, item: Any) -> Any:
        """Write the frames that wait; return what ends them, None or `_NOTHING`."""
        batch: list[_Item] = []
        while True:
            if isinstance(item, tuple):
                batch.append(item)
                most = chunk_length(_cells_of(item[0]))
                full = len(batch) == most
            if batch and (full or not isinstance(item, tuple)):
                self._write(batch)
                batch = []
            if isinstance(item, threading.Event):
                item.set()
            elif not isinstance(item, tuple):
                return item
            try:
                item = self._queue.get_nowait()
            except Empty:
                item = _NOTHING

    def _write(self, batch: list[_Item]) -> None:
        started = time.thread_time()
        if self._recorder.error is None:
            with suppress(BaseException):  # the recorder keeps it
                self._recorder.write(*map(list, zip(*batch, strict=True)))
        self._sampler.spend(time.thread_time() - started)
        self._written_beside += sum(_bytes_beside(title, annot) for _, title, annot, _ in batch)
        self._written += len(batch)
        self._free.extend(buffer for buffer, *_ in batch)
        self._freed.set()


def _like(frame: Frame) -> Frame:
    """Return room for a copy of a frame."""
    if isinstance(frame, tuple):
        return tuple(np.empty(part.shape, part.dtype) for part in frame)
    return np.empty(frame.shape, frame.dtype)


def _are_alike(frame: Frame, buffer: Frame) -> bool:
    if isinstance(frame, tuple):
        return all(a.dtype is b.dtype for a, b in zip(frame, buffer, strict=True))
    return isinstance(buffer, np.ndarray) and frame.dtype is buffer.dtype


def _copy(array: NDArray[Any], buffer: NDArray[Any]) -> None:
    if array.flags.c_contiguous and array.nbytes < LARGE:
        buffer.data.cast("B")[:] = array.data.cast("B")
    else:
        np.copyto(buffer, array)


def _bytes_of(frame: Frame) -> int:
    """Return what a queued copy takes, its title and annotations aside."""
    parts = frame if isinstance(frame, tuple) else (frame,)
    return OBJECTS + sum(part.nbytes + OBJECTS_EACH for part in parts)


def _bytes_beside(title: str, annot: Cells | PanelCells | None) -> int:
    return sys.getsizeof(title) + (annot.nbytes if annot is not None else 0)


def _cells_of(frame: Frame) -> int:
    return sum(part.size for part in frame) if isinstance(frame, tuple) else frame.size


# one object in each process
_process = object()


def _forked() -> None:
    global _process
    _process = object()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

_Item = tuple[Frame, str, Cells | PanelCells | None, int | None]
_NOTHING = object()
_running: set[Background] = set()


def _finish_with_child() -> None:
    """Have what is queued written when a process of multiprocessing ends, which skips `atexit`."""
    known = sys.modules.get("multiprocessing.process")
    if known is not None and known.parent_process() is not None:
        from multiprocessing import util

        util.Finalize(None, _finish_all, exitpriority=0)


@atexit.register
def _finish_all() -> None:
    """Write what is queued when the interpreter ends and nobody closed it."""
    for thread in list(_running):
        thread.finish()
        thread.join()
