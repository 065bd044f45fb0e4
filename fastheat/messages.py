"""Text of errors and warnings: suggested names, shortened values, and the caller's line."""

from __future__ import annotations

import reprlib
import sys
import warnings
from collections.abc import Iterable
from types import FrameType

MOST_SHOWN = 300  # characters of a value in a message
MOST_SAID = 4000  # characters of an error message, which may quote text of any length


def suggest(word: str, known: Iterable[str]) -> str:
    """Return a suggestion of the known words nearest to a mistyped one.

    Parameters
    ----------
    word
        The word that was given.
    known
        The words that are accepted.

    Returns
    -------
    str
        ``"; did you mean 'a' or 'b'?"``, or an empty string if none is near.
    """
    import difflib  # only needed for errors

    # Compared without case: the commonest slip is 'ylgn' for 'YlGn'.
    folded: dict[str, list[str]] = {}
    for name in dict.fromkeys(known):
        folded.setdefault(name.lower(), []).append(name)
    near = difflib.get_close_matches(word.lower(), folded, n=3, cutoff=0.6)
    names = [repr(name) for key in near for name in folded[key]]
    return f"; did you mean {' or '.join(names)}?" if names else ""


def short(value: object) -> str:
    """Return the `repr` of a value on one line, shortened if it is long."""
    try:
        text = " ".join(_short.repr(value).split())
    except Exception:  # an integer of over 4,300 digits, or a foreign __repr__ that fails
        text = f"<{type(value).__name__}>"
    return printable(text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}...")


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 100


def in_a_line(error: BaseException, most: int = 400) -> str:
    """Return an error's message on one line, cut off after `most` characters."""
    return printable(" ".join(str(error)[: 4 * most].split())[:most]) or type(error).__name__


def printable(text: str) -> str:
    """Return text with escapes for all that would end the line or control a terminal."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def many(count: int, noun: str) -> str:
    """Return a count with its noun, such as "1 frame" or "2 frames"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def warn(message: str) -> None:
    """Issue a warning that points at the line that called into this package."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and _package(frame) == _PACKAGE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


_PACKAGE = __name__.partition(".")[0]
