"""The choice of the steps of a loop that are recorded."""

from __future__ import annotations

import math
import sys
import time
from numbers import Real

from fastheat.checks import is_series, is_whole
from fastheat.messages import short

FEWEST_OF_DECADE = 0.1


class Sampler:
    """Chooses steps by number, and by the cost of recording them.

    Parameters
    ----------
    every
        Record only multiples of this number.
    steps
        Record only these steps. If it is a number, record that many in each decade, evenly spaced
        on a logarithmic scale, and step 0.
    overhead
        Record a step only while recording has cost at most this share of the time since the first
        one.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid, or both `every` and `steps` are given.
    """

    def __init__(self, every: object, steps: object, overhead: object) -> None:
        if every is not None and steps is not None:
            raise ValueError(
                f"expected every or steps, not both: every={short(every)}, steps={short(steps)}"
            )
        if every is not None and (not is_whole(every) or every < 1):  # type: ignore[operator]
            raise ValueError(f"expected every to be a whole number from 1, not {short(every)}")
        self._every: int = 1 if every is None else int(every)  # type: ignore[call-overload]
        self._named, self._decade = _read_steps(steps)
        self._share = _read_share(overhead)
        self._started: float | None = None
        self._spent = 0.0

    def takes(self, step: int) -> bool:
        """Return True if a step is to be recorded."""
        if self._every > 1 and step % self._every:
            return False
        if self._named is not None and step not in self._named:
            return False
        if self._decade is not None and not _is_on_scale(step, self._decade):
            return False
        if self._share is None:
            return True
        now = time.perf_counter()
        if self._started is None:
            self._started = now
            return True
        return self._spent <= self._share * (now - self._started)

    def spend(self, seconds: float) -> None:
        """Add seconds to the cost of recording."""
        self._spent += seconds


def _read_steps(steps: object) -> tuple[frozenset[int] | None, float | None]:
    if steps is None:
        return None, None
    if is_series(steps) and not isinstance(steps, str | bytes):
        named = list(steps)
        wrong = [step for step in named if not is_whole(step)]
        if wrong:
            raise TypeError(f"expected steps to be whole numbers, not {short(wrong[0])}")
        return frozenset(map(int, named)), None
    is_number = isinstance(steps, Real) and not isinstance(steps, bool)
    if not is_number or not FEWEST_OF_DECADE <= steps <= sys.float_info.max:  # type: ignore[operator]
        raise TypeError(
            f"expected steps to be the numbers of steps, or how many of a decade, "
            f"{FEWEST_OF_DECADE} or more, not {short(steps)}"
        )
    return None, float(steps)  # type: ignore[arg-type]


def _read_share(overhead: object) -> float | None:
    if overhead is None:
        return None
    wrong = isinstance(overhead, bool) or not isinstance(overhead, Real)
    if wrong or not 0 < overhead <= 1:  # type: ignore[operator]
        raise ValueError(
            f"expected overhead to be a share of the loop's time, above 0 and at most 1, "
            f"not {short(overhead)}"
        )
    return float(overhead)  # type: ignore[arg-type]


def _is_on_scale(step: int, decade: float) -> bool:
    """Return True if a step is 0, or 10 ** (i / decade) rounded for any i from 0 on."""
    if step < 1:
        return step == 0
    near = round(decade * math.log10(step))
    return any(round(10 ** (i / decade)) == step for i in (near - 1, near, near + 1) if i >= 0)
