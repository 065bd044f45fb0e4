"""What errors and warnings say: names that are near, values cut short, the caller's line."""

from __future__ import annotations

import reprlib
import sys
import warnings
from collections.abc import Iterable
from types import FrameType

MOST_SHOWN = 300  # characters of a value in a message
MOST_SAID = 4000  # characters of an error, which text of others may be in


def suggest(word: str, known: Iterable[str]) -> str:
    """Name the known words nearest to a mistyped one.

    Parameters
    ----------
    word
        What was given.
    known
        The words that would have been understood.

    Returns
    -------
    str
        ``"; did you mean 'a' or 'b'?"``, or an empty string where nothing is near.
    """
    import difflib  # for the sake of an error alone

    # Compared without case: the commonest slip is 'ylgn' for 'YlGn'.
    folded: dict[str, list[str]] = {}
    for name in dict.fromkeys(known):
        folded.setdefault(name.lower(), []).append(name)
    near = difflib.get_close_matches(word.lower(), folded, n=3, cutoff=0.6)
    names = [repr(name) for key in near for name in folded[key]]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def short(value: object) -> str:
    """Return the `repr` of a value on one line, cut where it is long."""
    try:
        text = " ".join(_short.repr(value).split())
    except Exception:  # an integer of over 4,300 digits, or what is not ours
        text = f"<{type(value).__name__}>"
    return printable(text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}...")


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 100


def in_a_line(error: BaseException, most: int = 400) -> str:
    """Return what an error says on one line, cut where it is long."""
    return printable(" ".join(str(error)[: 4 * most].split())[:most]) or type(error).__name__


def printable(text: str) -> str:
    """Write what would end the line, or steer a terminal, as escapes: names may hold anything."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def many(count: int, noun: str) -> str:
    """Return "1 frame" or "2 frames"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def warn(message: str) -> None:
    """Warn of something at the line that called into this package."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and _package(frame) == _PACKAGE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


_PACKAGE = __name__.partition(".")[0]
