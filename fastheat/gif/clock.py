"""Timing: fps and durations -> delays in whole hundredths of a second, and the loop count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any

import numpy as np

from fastheat.checks import is_whole
from fastheat.gif import blocks
from fastheat.messages import many, short, warn

DEFAULT_DURATION = 100.0  # ms
LONGEST_DURATION = 1e9  # ms, over eleven days per frame
SECONDS = 1.0  # ms; shorter durations are likely to be meant in seconds


class Clock:
    """Converter of durations to delays in whole hundredths of a second, without drift.

    Parameters
    ----------
    fps
        Frames per second.
    duration
        Milliseconds per frame: one number for all frames, or a sequence with one for each.

    Attributes
    ----------
    durations
        Milliseconds per frame, or a list with those of each frame.
    frames
        Number of frames that have been given a delay.
    delay
        The last frame's delay.
    raised
        Number of frames whose delay was raised to the shortest that browsers honour.

    Raises
    ------
    TypeError
        If `fps` or `duration` is not numeric.
    ValueError
        If both are given, or either is out of range: a frame lasts at most `LONGEST_DURATION`.
    """

    def __init__(self, fps: object, duration: object) -> None:
        self.durations = _durations(fps, duration)
        if isinstance(self.durations, list):  # ms until the end of each frame, from 0 on
            self._ends = list(accumulate(map(_honoured, self.durations), initial=0.0))
        self._ticks = 0
        self.frames = 0
        self.delay = 0
        self.raised = 0

    @property
    def each(self) -> float | None:
        """Milliseconds per frame, or None if each frame was given a duration of its own."""
        return None if isinstance(self.durations, list) else self.durations

    def check(self, frames: int | None) -> None:
        """Raise a ValueError if there is a list of durations of another length than `frames`."""
        each = self.durations
        if isinstance(each, list) and frames is not None and len(each) != frames:
            raise ValueError(f"expected a duration for each of {frames} frames, not {len(each)}")

    def resume(self, ticks: int) -> int:
        """Continue after the last frame that ends by `ticks` hundredths; return its end."""
        if isinstance(self.durations, list):
            count = bisect_right(self._ends, ticks, key=_ticks_of) - 1
        else:  # `ticks` comes from a file and may be huge, so count without a loop
            each = _honoured(self.durations)
            count = int((10.0 * ticks + 5.0) / each)
            count -= _ticks_of(count * each) > ticks
            count += _ticks_of((count + 1) * each) <= ticks
        self.frames, self._ticks = count, _ticks_of(self._end(count))
        return self._ticks

    def _end(self, frames: int) -> float:
        """Return the end of the last of `frames` frames in ms, as it would be without rounding."""
        if isinstance(self.durations, list):
            return self._ends[frames]
        return frames * _honoured(self.durations)

    def next(self) -> int:
        """Return the delay of the next frame."""
        each = self.durations
        if isinstance(each, list) and self.frames >= len(each):
            raise ValueError(f"expected a duration for each frame, not {len(each)} for more frames")
        duration = each[self.frames] if isinstance(each, list) else each
        self.frames += 1
        self.raised += duration < 10 * blocks.SHORTEST_DELAY
        # rounding errors are carried over: 33.4 ms become 3, 4, 3, 3, 4 ... hundredths
        self.delay = _ticks(self._end(self.frames) - 10.0 * self._ticks)
        self._ticks += self.delay
        return self.delay

    def held(self, duration: float) -> int:
        """Return the hundredths to add to the last delay for it to last `duration` ms."""
        self.raised += duration < 10 * blocks.SHORTEST_DELAY
        return _ticks(duration) - self.delay

    def warn(self) -> None:
        """Warn about raised delays and unused durations."""
        if isinstance(self.durations, list) and self.frames < len(self.durations):
            warn(
                f"took the first {self.frames} of {len(self.durations)} durations, as many as "
                "there were frames"
            )
        if self.raised:
            warn(
                f"raised the delay of {many(self.raised, 'frame')} to "
                f"{10 * blocks.SHORTEST_DELAY} ms, since browsers play shorter ones at 100 ms"
            )


def _honoured(duration: float) -> float:
    """Return a duration in ms, raised to the shortest that browsers honour."""
    return max(duration, 10.0 * blocks.SHORTEST_DELAY)


def _ticks(duration: float) -> int:
    return max(_ticks_of(duration), blocks.SHORTEST_DELAY)


def _ticks_of(duration: float) -> int:
    return int(duration / 10 + 0.5)


def read_loop(loop: object) -> int | None:
    """Return `loop`, checked: the number of repeats, 0 for ever, or None."""
    if loop is None:
        return None
    if not is_whole(loop) or not 0 <= int(loop) <= blocks.MOST_LOOPS:  # type: ignore[call-overload]
        raise ValueError(
            f"expected loop to be 0 (for ever) to {blocks.MOST_LOOPS} or None, not {short(loop)}"
        )
    return int(loop)  # type: ignore[call-overload, no-any-return]


def _durations(fps: object, duration: object) -> float | list[float]:
    if fps is not None and duration is not None:
        raise ValueError(
            f"expected fps or duration, not both: fps={short(fps)}, duration={short(duration)}"
        )
    if fps is not None:
        rate = _number("fps", fps, "a number")
        if not 0 < rate < float("inf"):
            raise ValueError(f"expected fps to be above 0, not {short(fps)}")
        return read_milliseconds("fps", 1000.0 / rate, fps)
    if duration is None:
        return DEFAULT_DURATION
    listed = isinstance(duration, Sequence) and not isinstance(duration, str | bytes | bytearray)
    if listed or getattr(duration, "ndim", 0) == 1:
        return [read_milliseconds("duration", each) for each in duration]  # type: ignore[attr-defined]
    return read_milliseconds("duration", duration)


def read_milliseconds(name: str, value: object, given: object = None) -> float:
    """Return a frame's duration in ms, checked.

    Errors show `given` in place of `value` if the value was computed from it.
    """
    number = _number(name, value, "milliseconds")
    if not 0 <= number <= LONGEST_DURATION:
        shown = value if given is None else given
        raise ValueError(
            f"expected {name} to give 0 to {LONGEST_DURATION:g} milliseconds a frame, "
            f"not {short(shown)}"
        )
    return number


def warn_of_seconds(name: str, given: object, read: float | Sequence[float]) -> None:
    """Warn of durations that are likely to be meant in seconds, as given and as read."""
    longest = read if isinstance(read, float) else max(read, default=0.0)
    if not 0 < longest < SECONDS:
        return
    way = "for seconds give 1000 times as much"
    if isinstance(read, float):
        rate = f" or fps={1 / read:.3g}" if name == "duration" else ""
        way = f"for {read:g} s give {name}={1000 * read:g}{rate}"
    shortest = 10 * blocks.SHORTEST_DELAY
    warn(f"{name}={short(given)} is in milliseconds, and raised to {shortest}: {way}")


def _number(name: str, value: object, what: str) -> float:
    try:
        if isinstance(value, str | bytes | bool | np.timedelta64 | np.datetime64):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"expected {name} to be {what}, not {short(value)}") from None
    except (TypeError, ValueError, RuntimeError):  # the last one of tensors
        raise TypeError(
            f"expected {name} to be {what}, not {short(value)}{_way(name, value, what)}"
        ) from None


def _way(name: str, value: Any, what: str) -> str:
    """Return what to give instead of a time span or an iterator, "" for anything else."""
    if what == "milliseconds" and type(value).__name__ in ("timedelta", "timedelta64", "Timedelta"):
        with suppress(Exception):  # a span of months has no length
            return f": give {name}={np.timedelta64(value) / np.timedelta64(1, 'ms'):g}"
    if name == "duration" and isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return ": give a list of those of each frame"
    return ""
