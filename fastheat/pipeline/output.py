"""The GIF that images are written to: every file takes this way out."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fsdecode
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastheat.figure.base import Figure
from fastheat.gif import blocks
from fastheat.gif.clock import Clock, read_loop, read_milliseconds, warn_of_seconds
from fastheat.gif.file import GifFile
from fastheat.gif.target import Claim, check_target
from fastheat.inputs.frames.annotations import Samples
from fastheat.layout.layout import Layout, Shown
from fastheat.pipeline import resume
from fastheat.render.encode import Images


class Output:
    """A GIF from its header to the time that its last frame is held.

    After an error, the file has the frames before it.

    Parameters
    ----------
    file
        A path or a binary file object.
    fps, duration, loop, hold
        As users give them.
    sync
        Whether each commit waits until the data are on disk.

    Raises
    ------
    TypeError, ValueError, OSError
        If an argument is invalid, or the file cannot be written.
    """

    claim: Claim  # on the file, to be set before frames are written

    def __init__(
        self,
        file: str | PathLike[str] | BinaryIO,
        fps: object,
        duration: object,
        loop: object,
        hold: object = None,
        *,
        sync: bool = False,
    ) -> None:
        check_target(file)
        self.place = Path(fsdecode(file)) if isinstance(file, str | PathLike) else file
        self.clock = Clock(fps, duration)
        self.hold = None if hold is None else read_milliseconds("hold", hold)
        if duration is not None:
            warn_of_seconds("duration", duration, self.clock.durations)
        if self.hold is not None:
            warn_of_seconds("hold", hold, self.hold)
        self.loop = read_loop(loop)
        self.sync = sync
        self.shown = Shown()  # a tally of what could not be shown as given
        self.file: GifFile | None = None
        self.added = 0  # frames

    def begin(
        self,
        layout: Layout,
        figure: Figure,
        sample: Samples | None = None,
    ) -> None:
        """Write the header of frames with a layout, and the note by which they can be continued.

        Parameters
        ----------
        figure
            The figure with this layout.
        sample
            Sample of the annotations that the layout has room for, if the options do not tell.
        """
        made_for = resume.MadeFor(sample, figure.axes, figure.seen)
        self._open(resume.header(layout, figure.range, self.clock.each, self.loop, made_for))

    def begin_indexed(self, size: tuple[int, int], table: NDArray[np.uint8], colors: int) -> None:
        """Write the header of frames that are palette indices."""
        self._open(blocks.header(size, table, colors, self.loop))

    def _open(self, header: bytes) -> None:
        self.file = GifFile(self.place, header, sync=self.sync, part=self.claim.part)

    def add(
        self,
        images: Images,
        steps: Sequence[int | None] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Add the images of consecutive frames, which `commit` makes a part of the file.

        Parameters
        ----------
        steps
            The step of each frame, for `mode="a"`; None for frames without one.
        facts
            Facts for a note before the first of these frames, such as a range that has grown.
        """
        assert self.file is not None
        self.shown += images.shown
        note = resume.block(**facts) if facts else b""
        each = zip(images, resume.scalars(images), steps or [None] * len(images.ends), strict=True)
        for (image, transparent), scalars, step in each:
            label = b"" if step is None else resume.step(step)
            self.file.add(image, transparent, self.clock.next(), note + scalars, label)
            note = b""
            self.added += 1

    def commit(self) -> None:
        """Make the frames that were added a part of the file."""
        assert self.file is not None
        self.file.commit()

    def close(self, *, failed: bool = False) -> None:
        """Hold the last frame, and close the file; after an error, with the frames before it."""
        if self.file is None:
            return
        if failed:
            self.file.fail()
            return
        try:
            if self.hold is not None and self.added:
                more = self.clock.held(self.hold)
                self.file.hold(more, resume.block(held=more, ticks=self.file.ticks))
            self.file.close()
        except BaseException:
            self.file.abandon()
            raise

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.close(failed=error is not None)
