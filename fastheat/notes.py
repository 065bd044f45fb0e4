"""What a GIF says of itself in comments, which no player shows: enough to go on with it later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from fastheat import gif
from fastheat.annotations import Sample
from fastheat.layout import Layout

NAME = "fastheat"
STEP_WIDTH = 14  # characters


def header(
    layout: Layout,
    vmin: float,
    vmax: float,
    duration: float | None,
    loop: int | None,
    sample: Sample | None = None,
) -> bytes:
    """Return all that comes before the first frame, with a note of what is drawn and how.

    Parameters
    ----------
    sample
        What of the annotations of frames is not known from the options.
    """
    more: dict[str, object] = {}
    if layout.annotated:
        more["written"] = "str" if layout.written.kind == "U" else layout.written.name
    if sample is not None:
        more["sample"] = sample.facts()
    note = block(
        shape=layout.shape if layout.reduction is None else layout.reduction.shape,
        dtype=layout.dtype.name,
        vmin=float(vmin),
        vmax=float(vmax),
        duration=duration,
        titled=layout.title is not None,
        mark=mark(layout),
        **more,
    )
    return gif.header(layout.size, layout.table, layout.shades.colors, loop) + note


def mark(layout: Layout) -> str:
    """Return a number that layouts share which draw the same, but for their range."""
    digest = hashlib.sha256(layout.static.tobytes())
    for array in (*layout.grid, layout.shades.inks, layout.statics):
        digest.update(array.tobytes())
    source = None if layout.format is None else layout.format.source
    written = source if isinstance(source, str) else source is None
    if layout.fixed is not None:
        digest.update(repr(layout.fixed.texts).encode("utf-8", "surrogatepass"))
    digest.update(repr((layout.title, layout.sizes, layout.typeface, written)).encode())
    if layout.reduction is not None:
        digest.update(repr((layout.reduction.cells, layout.reduction.how)).encode())
    return digest.hexdigest()[:12]


def block(**facts: object) -> bytes:
    """Return a comment that says something, in JSON."""
    return gif.comment(json.dumps({NAME: facts}, separators=(",", ":")))


def step(number: int) -> bytes:
    """Return a comment that says which step a frame shows, as long for each number."""
    return gif.comment('{"%s":{"step":%*d}}' % (NAME, STEP_WIDTH, number))  # noqa: UP031


def read(comments: Iterable[bytes]) -> dict[str, Any]:
    """Return what all notes of a file say, the last of each kind."""
    facts: dict[str, Any] = {}
    for comment in comments:
        try:
            said = json.loads(comment)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get(NAME), dict):
            facts |= said[NAME]
    return facts
