"""What a GIF says of itself in comments, which no player shows: enough to go on with it later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat import gif
from fastheat.annotations import Samples, facts_of
from fastheat.forms import Shapes, form_of, parts_of
from fastheat.layout import Layout
from fastheat.mosaic import Mosaic
from fastheat.ranges import Range

NAME = "fastheat"
STEP_WIDTH = 14  # characters


def header(
    layout: Layout | Mosaic,
    ends: Range,
    duration: float | None,
    loop: int | None,
    sample: Samples | None = None,
) -> bytes:
    """Return all that comes before the first frame, with a note of what is drawn and how.

    Parameters
    ----------
    sample
        What of the annotations of frames is not known from the options.
    """
    more: dict[str, object] = {}
    written = _written(layout)
    if written:
        more["written"] = written
    if layout.is_by_frame:
        more["autoscale"] = "frame"
    if sample is not None:
        more["sample"] = facts_of(sample)
    if isinstance(layout, Mosaic) and layout.plot and layout.plot.room:
        more["xlim"] = layout.plot.room
    note = block(
        shape=layout.shape_read,
        dtype=dtype_name(layout.dtype),
        **range_facts(ends),
        duration=duration,
        titled=layout.title is not None,
        mark=mark(layout),
        **more,
    )
    return gif.header(layout.size, layout.table, layout.colors, loop) + note


def _written(layout: Layout | Mosaic) -> Any:
    """Return the dtype of annotations of each frame, or those of the panels; None without any."""
    if isinstance(layout, Mosaic):
        parts = zip(layout.shape, layout.parts, strict=False)
        return {name: _written(part) for name, part in parts if part.annotated}
    if not layout.annotated:
        return None
    return "str" if layout.written.kind == "U" else layout.written.name


def written_from(said: Any) -> np.dtype[Any] | None:
    """Return the dtype of annotations that a note says."""
    if isinstance(said, dict):
        return np.dtype([(str(name), np.dtype(each)) for name, each in said.items()])
    return None if said is None else np.dtype(said)


def range_facts(ends: Range) -> dict[str, Any]:
    """Return what a note says of a range: numbers, or lists of those of the panels."""
    if len(ends) == 2:
        return {"vmin": ends[0], "vmax": ends[1]}
    return {"vmin": ends[::2], "vmax": ends[1::2]}


def range_of(facts: dict[str, Any]) -> Range:
    """Return the range that a note says."""
    low, high = (facts[name] for name in ("vmin", "vmax"))
    if not isinstance(low, list):
        return float(low), float(high)
    return tuple(float(end) for pair in zip(low, high, strict=True) for end in pair)


def dtype_name(dtype: np.dtype[Any]) -> Any:
    """Return what a note says of a dtype: its name, or those of the panels."""
    if dtype.names is None:
        return dtype.name
    return {name: kind.name for name, (_, kind) in parts_of(dtype).items()}


def form_from(facts: dict[str, Any]) -> tuple[Shapes, np.dtype[Any]]:
    """Return the shape and dtype of the frames that a note says."""
    shape, dtype = facts["shape"], facts["dtype"]
    if not isinstance(shape, dict):
        return (int(shape[0]), int(shape[1])), _number_type(dtype)
    shapes = {str(name): tuple(int(side) for side in sides) for name, sides in shape.items()}
    return shapes, form_of(shapes, [_number_type(dtype[name]) for name in shapes])


def _number_type(name: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(name)
    if dtype.kind not in "biuf":
        raise ValueError(f"expected the type of numbers, not {name!r}")
    return dtype


def mark(layout: Layout | Mosaic, begun: Any = None) -> str:
    """Return a number that layouts share which draw the same, but for their range.

    Parameters
    ----------
    begun
        The hash of what never changes of the picture, which is that of each of its parts.
    """
    if isinstance(layout, Mosaic):
        begun = hashlib.sha256(layout.static.tobytes())
        each = (mark(part, begun.copy()) for part in layout.parts)
        marks = [*each, repr((layout.title, layout.typeface))]
        if layout.plot is not None:
            marks.append(repr(layout.plot))
        return hashlib.sha256(" ".join(marks).encode()).hexdigest()[:12]
    digest = hashlib.sha256(layout.static.tobytes()) if begun is None else begun
    for array in (*layout.grid[:5], layout.shades.inks, layout.statics):
        digest.update(array.tobytes())
    source = None if layout.format is None else layout.format.source
    written = source if isinstance(source, str) else source is None
    if layout.fixed is not None:
        digest.update(repr(layout.fixed.texts).encode("utf-8", "surrogatepass"))
    digest.update(repr((layout.title, layout.sizes, layout.typeface, written)).encode())
    if layout.reduction is not None:
        digest.update(repr((layout.reduction.cells, layout.reduction.how)).encode())
    digest.update(layout.norm.encode())
    if layout.grid.lower:
        digest.update(b"lower")
    if layout.mask is not None:
        digest.update(np.packbits(layout.mask).tobytes())
    return digest.hexdigest()[:12]


def block(**facts: object) -> bytes:
    """Return a comment that says something, in JSON."""
    return gif.comment(json.dumps({NAME: facts}, separators=(",", ":")))


def step(number: int) -> bytes:
    """Return a comment that says which step a frame shows, as long for each number."""
    return gif.comment('{"%s":{"step":%*d}}' % (NAME, STEP_WIDTH, number))  # noqa: UP031


def scalars(values: NDArray[np.float64]) -> bytes:
    """Return a comment that says the scalars of a frame, which its pixels do not."""
    return block(scalars=values.tolist())


def read_scalars(comments: Iterable[bytes]) -> list[list[float]]:
    """Return the scalars of each frame."""
    said = (read([comment]) for comment in comments)
    return [[float(x) for x in each["scalars"]] for each in said if "scalars" in each]


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
