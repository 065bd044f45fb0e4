"""Timing: fps and durations as whole hundredths of a second, and how often to play."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastheat.gif import blocks
from fastheat.messages import many, short, warn

DEFAULT_DURATION = 100.0  # ms
LONGEST_DURATION = 1e9  # ms; eleven days a frame


class Clock:
    """Turns durations into whole hundredths of a second whose sum stays right.

    Parameters
    ----------
    fps
        Frames a second.
    duration
        Milliseconds of each frame, or those of each in turn.

    Attributes
    ----------
    frames
        How many have a delay.
    delay
        The last one given.
    raised
        Frames whose delay was raised to the shortest that browsers keep to.

    Raises
    ------
    TypeError, ValueError
        If they are no numbers, both are given, or a frame would last longer than eleven days.
    """

    def __init__(self, fps: object, duration: object) -> None:
        self._durations = _durations(fps, duration)
        self._time = 0.0
        self._ticks = 0
        self.frames = 0
        self.delay = 0
        self.raised = 0

    @property
    def each(self) -> float | None:
        """Milliseconds of each frame, None where they differ."""
        return None if isinstance(self._durations, list) else self._durations

    def check(self, frames: int | None) -> None:
        """Refuse a list of durations that is not one for each frame."""
        each = self._durations
        if isinstance(each, list) and frames is not None and len(each) != frames:
            raise ValueError(f"expected a duration for each of {frames} frames, not {len(each)}")

    def resume(self, ticks: int) -> int:
        """Go on behind the last frame that ends within so many hundredths; return where it ends."""
        if isinstance(self._durations, list):
            count, time = 0, 0.0
            for duration in self._durations:
                longer = time + _honoured(duration)
                if _ticks_of(longer) > ticks:
                    break
                count, time = count + 1, longer
        else:  # a file may say any number: no loop over its frames
            each = _honoured(self._durations)
            count = int((10.0 * ticks + 5.0) / each)
            count -= _ticks_of(count * each) > ticks
            count += _ticks_of((count + 1) * each) <= ticks
            time = count * each
        self.frames, self._time, self._ticks = count, time, _ticks_of(time)
        return self._ticks

    def next(self) -> int:
        """Return the delay of the next frame."""
        each = self._durations
        if isinstance(each, list) and self.frames >= len(each):
            raise ValueError(f"expected a duration for each frame, not {len(each)} for more frames")
        duration = each[self.frames] if isinstance(each, list) else each
        self.frames += 1
        self.raised += duration < 10 * blocks.SHORTEST_DELAY
        # rounding is carried on: 33.4 ms are 3, 4, 3, 3, 4 ... hundredths
        if isinstance(each, list):
            self._time += _honoured(duration)
        else:
            self._time = self.frames * _honoured(each)
        self.delay = _ticks(self._time - 10.0 * self._ticks)
        self._ticks += self.delay
        return self.delay

    def held(self, duration: float) -> int:
        """Return how much longer the last frame is shown if it is to last so many milliseconds."""
        self.raised += duration < 10 * blocks.SHORTEST_DELAY
        return _ticks(duration) - self.delay

    def warn(self) -> None:
        """Warn of delays that were raised, and of durations that no frame had."""
        if isinstance(self._durations, list) and self.frames < len(self._durations):
            warn(
                f"took the first {self.frames} of {len(self._durations)} durations, as many as "
                "there were frames"
            )
        if self.raised:
            warn(
                f"raised the delay of {many(self.raised, 'frame')} to "
                f"{10 * blocks.SHORTEST_DELAY} ms, since browsers play shorter ones at 100 ms"
            )


def _honoured(duration: float) -> float:
    """Return the milliseconds that browsers show a frame, if it is to be shown so long."""
    return max(duration, 10.0 * blocks.SHORTEST_DELAY)


def _ticks(duration: float) -> int:
    return max(_ticks_of(duration), blocks.SHORTEST_DELAY)


def _ticks_of(duration: float) -> int:
    return int(duration / 10 + 0.5)


def read_loop(loop: object) -> int | None:
    """Return how often to play again."""
    if loop is None:
        return None
    if not is_whole(loop) or not 0 <= int(loop) <= blocks.MOST_LOOPS:  # type: ignore[call-overload]
        raise ValueError(
            f"expected loop to be 0 (for ever) to {blocks.MOST_LOOPS} or None, not {short(loop)}"
        )
    return int(loop)  # type: ignore[call-overload, no-any-return]


def is_whole(value: object) -> bool:
    """Return whether a value is an integer, which True is not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


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
    if (
        isinstance(duration, Sequence | np.ndarray)
        and not isinstance(duration, str | bytes | bytearray)
        and getattr(duration, "ndim", 1) == 1
    ):
        return [read_milliseconds("duration", each) for each in duration]
    return read_milliseconds("duration", duration)


def read_milliseconds(name: str, value: object, given: object = None) -> float:
    """Return how long a frame is shown; errors name `given` where the value was made from it."""
    number = _number(name, value, "milliseconds")
    if not 0 <= number <= LONGEST_DURATION:
        shown = value if given is None else given
        raise ValueError(
            f"expected {name} to give 0 to {LONGEST_DURATION:g} milliseconds a frame, "
            f"not {short(shown)}"
        )
    return number


def _number(name: str, value: object, what: str) -> float:
    try:
        if isinstance(value, str | bytes | bool):
            raise TypeError
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        raise ValueError(f"expected {name} to be {what}, not {short(value)}") from None
    except (TypeError, ValueError):
        raise TypeError(f"expected {name} to be {what}, not {short(value)}") from None
