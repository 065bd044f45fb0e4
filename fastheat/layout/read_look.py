"""The look of a heatmap, read from the options that were given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from fastheat.inputs.frames.annotations import Cells, Sample
from fastheat.layout.axes.measures import TITLE_SIZE
from fastheat.layout.look import FIELDS, OPTIONS, Look
from fastheat.layout.options import Given
from fastheat.messages import short
from fastheat.style.text.fonts import find_typeface
from fastheat.style.text.formats import ValueFormat

MOST_LISTED = 1 << 20


def read_look(given: Given, defaults: Mapping[str, Any]) -> Look:
    """Read the options of a heatmap.

    Parameters
    ----------
    given
        The options as given.
    defaults
        The default of each option.

    Raises
    ------
    TypeError, ValueError
        If the value of an option is not one that it takes, or it has no effect without another
        option that is off.
    """
    read = {}
    for name, (field, option) in FIELDS.items():
        value = given[name]
        useless = option.needs and not given[option.needs] and not _is_unset(value, defaults[name])
        if not useless or defaults[name] is not None:
            read[field] = option.read(name, value, given)
        if useless:
            raise ValueError(f"expected {option.needs}=True with {name}={short(value)}")
    typeface, lacking = find_typeface(given["font"], *_letters(read))
    _, transparent = given.paper
    return Look(
        **read,
        shape=given.shape,
        given=None,
        fit=given["text_size"] == "fit",
        titled=False,
        title_size=TITLE_SIZE * read["fontsize"],
        typeface=typeface,
        lacking=lacking,
        point=given.point,
        frame=None,
        cell=None,
        transparent_grid=transparent and given.has_no_grid,
        transparent=transparent,
    )


def bar_options(look: Look) -> tuple[Any, ...]:
    """Return the options of the colour bar, equal for bars that look alike."""
    own = [getattr(look, field) for field, option in FIELDS.values() if option.needs == "cbar"]
    colors = look.tick, look.foreground
    return *colors, *(each.source if isinstance(each, ValueFormat) else each for each in own)


def _letters(read: Mapping[str, Any]) -> tuple[str, str]:
    """Return the characters to draw, and further ones that a Python format may write."""
    words = [read[name] for name in ("bar_label", "title", "xlabel", "ylabel")]
    letters = "".join([read["rows"].letters, read["columns"].letters, *words, "0123456789.-+e"])
    bar_format: ValueFormat | None = read["bar_format"]
    if bar_format:
        letters += bar_format.charset or bar_format.likely
    annot: Cells | Sample | None = read["annot"]
    valfmt: ValueFormat | None = read["valfmt"]
    if annot is not None and annot.dtype.kind == "U":
        return letters + (
            annot.letters if isinstance(annot, Sample) else "".join(annot.texts(None))
        ), ""
    if valfmt is None:
        return letters, ""
    return letters + valfmt.charset, "" if valfmt.charset else valfmt.likely


def listed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that can be read several times, with iterators turned into lists.

    Raises
    ------
    ValueError
        If an iterator has so many items that it may have no end.
    """
    found = dict(options)
    for name, value in options.items():
        if name in OPTIONS and OPTIONS[name].series and isinstance(value, Iterator):
            found[name] = list(islice(value, MOST_LISTED + 1))
            if len(found[name]) > MOST_LISTED:
                raise ValueError(
                    f"expected {name} to be an iterator of up to {MOST_LISTED} items, not of more: "
                    "give a list or an array"
                )
    return found


def _is_unset(value: object, default: object) -> bool:
    return value is None or value is default or (type(value) is type(default) and value == default)
