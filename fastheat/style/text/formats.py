"""Value formats: parsing `valfmt`, into numbers that the kernels use where they support it."""

from __future__ import annotations

import copy
import inspect
import itertools
import re
import string
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from fastheat.messages import in_a_line, short
from fastheat.tables import Spec

FIXED, EXPONENT, GENERAL, PERCENT, INTEGER = range(5)
MAX_PRECISION = 60
MAX_WIDTH = 500
INTEGER_TYPES = ("b", "d", "o", "x", "X")  # of format specs that floats do not have
LONGEST = 10_000  # characters that a format may ask for, or a function may return
MOST_LETTERS = 100_000  # characters of a literal text to draw

_SPEC = re.compile(
    r"(?:(?P<fill>.)?(?P<align>[<>=^]))?(?P<sign>[-+ ])?(?P<z>z)?(?P<alternate>#)?(?P<zero>0)?"
    r"(?P<width>[0-9]+)?(?P<group>[,_])?(?:\.(?P<precision>[0-9]+))?(?P<type>[fFeEgG%d])",
    re.DOTALL,
)
_KINDS = {"f": FIXED, "e": EXPONENT, "g": GENERAL, "%": PERCENT, "d": INTEGER}


def parse_spec(spec: str) -> Spec | None:
    """Return a format spec in numbers, or None if it is valid but left to Python's own `format`.

    Left to Python: no type letter, types 'n', 'b', 'o' and 'x', a zero-padded width together with a
    thousands separator, a fill outside ASCII, a precision over `MAX_PRECISION` or a width over
    `MAX_WIDTH`.

    Raises
    ------
    ValueError
        If Python cannot format a float with it (for `INTEGER_TYPES`: an int), or a width or
        precision is above `LONGEST`.
    """
    if fault := _fault(spec):
        raise ValueError(f"expected a format spec for numbers, not {short(spec)}: {fault}")
    match = _SPEC.fullmatch(spec)
    if match is None:
        return None
    zero = match["zero"] and not match["fill"]
    fill = match["fill"] or ("0" if zero else " ")
    align = match["align"] or ("=" if zero else ">")
    width = int(match["width"] or 0)
    kind = _KINDS[match["type"].lower()]
    precision = 0 if kind == INTEGER else int(match["precision"] or 6)
    zeros_take_separators = match["group"] and fill == "0" and align == "=" and width
    if zeros_take_separators or not fill.isascii() or fill == "\0":
        return None
    if precision > MAX_PRECISION or width > MAX_WIDTH:
        return None
    return Spec(
        kind=kind,
        precision=max(precision, 1) if kind == GENERAL else precision,
        sign=ord(match["sign"]) if match["sign"] in ("+", " ") else 0,
        no_minus_zero=int(match["z"] is not None or kind == INTEGER),
        alternate=int(match["alternate"] is not None and kind != INTEGER),
        group=ord(match["group"]) if match["group"] else 0,
        upper=int(match["type"].isupper()),
        fill=ord(fill),
        align=ord(align),
        width=width,
    )


def _fault(spec: str) -> str:
    """Return the reason that a format spec cannot be used, or an empty string if it can."""
    if too_long := _fault_of_length(spec):
        return too_long
    try:
        format(1 if spec.endswith(INTEGER_TYPES) else 0.5, spec)
    except ValueError as error:
        if spec.endswith("c"):
            return "it writes characters: give valfmt=chr"
        way = f": give {spec[1:]!r}" if spec.startswith("%") and not _fault(spec[1:]) else ""
        return in_a_line(error) + way
    return ""


def _fault_of_length(spec: str) -> str:
    # Python would try to format with it, and run out of memory
    return f"a width or precision above {LONGEST}" if _largest(spec) > LONGEST else ""


def _largest(spec: str) -> int:
    """Return the largest number in a format spec; like `format`, in digits of any script."""
    numbers = _NUMBER.findall(spec)
    return max((int(n) if len(n) < 10 else 10**9 for n in numbers), default=0)


_NUMBER = re.compile(r"\d+")


class Template(NamedTuple):
    """A text with fields in braces, safe to fill with any value.

    No field reaches an attribute or an item of a value, and none asks for more than `LONGEST`
    characters, not even by a width that is itself a field.
    """

    text: str
    names: tuple[str, ...]  # of the fields in order, "" for those without a name
    nested: bool  # whether a width or precision is itself a field

    @classmethod
    def read(cls, text: str) -> Template:
        """Return a parsed text.

        Raises
        ------
        ValueError
            If it cannot be used. The message is only the reason, to be added to another message.
        """
        if len(text) > LONGEST:
            raise ValueError(_TOO_LONG)
        names: list[str] = []
        nested, total = False, 0
        parts = [(text, True)]
        while parts:
            part, outer = parts.pop(0)
            for _, name, spec, _ in string.Formatter().parse(part):
                if name is None:
                    continue
                if "." in name or "[" in name:
                    raise ValueError(f"a field that reaches into a value, {short(name)}")
                if fault := _fault_of_length(spec or ""):
                    raise ValueError(fault)
                names.append(name)
                nested |= not outer
                total += _largest(spec or "")
                if "{" in (spec or ""):
                    parts.append((spec or "", False))
        if total > 10 * LONGEST:
            raise ValueError(_TOO_LONG)
        return cls(text, tuple(names), nested)

    def fill(self, *values: object, **named: object) -> str:
        """Return the text with its fields filled, as `str.format` does.

        Raises
        ------
        ValueError
            If a value or the filled text is too long. Errors of the formatting itself pass through.
        """
        for value in (*values, *named.values()):
            if isinstance(value, str | bytes | bytearray) and len(value) > LONGEST:
                raise ValueError(_TOO_LONG)
        write = _bounded.format if self.nested else str.format
        text = write(self.text, *values, **named)
        if len(text) > LONGEST:
            raise ValueError(_TOO_LONG)
        return text


class _Bounded(string.Formatter):
    """A formatter that refuses a width or precision above `LONGEST` once it is filled in."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        if fault := _fault_of_length(format_spec):
            raise ValueError(fault)
        return super().format_field(value, format_spec)


_bounded = _Bounded()
_TOO_LONG = f"a text of more than {LONGEST} characters"


def check_length(name: str, text: str, most: int = MOST_LETTERS) -> str:
    """Return a text to draw, or raise a ValueError if it has more than `most` characters."""
    if len(text) > most:
        raise ValueError(f"expected {name} of at most {most} characters, not {len(text)}")
    return text


def max_length(spec: Spec, exponent_max: int = 308) -> int:
    """Return the largest length `format_value` writes for any |x| < 10 ** (exponent_max + 1)."""
    whole = max(exponent_max, 0) + 2  # one to spare, since rounding may carry into a new digit
    if spec.kind == PERCENT:
        whole += 2
    elif spec.kind == EXPONENT:
        whole = 1
    elif spec.kind == GENERAL:
        whole = spec.precision
    separators = (whole - 1) // 3 if spec.group else 0
    after = {PERCENT: len("%"), EXPONENT: len("e+308"), GENERAL: len("e+308")}  # or "0.000" before
    length = len("-") + whole + separators + len(".") + spec.precision + after.get(spec.kind, 0)
    return max(length, len("-inf%"), spec.width)


class ValueFormat(NamedTuple):
    """The format of a value: literal text around a format spec, or a function of the value.

    The kernels write values themselves if `spec` is not None; otherwise `write` does, in Python.
    """

    source: object
    write: Callable[[object], str]
    before: str = ""
    spec: Spec | None = None
    after: str = ""
    integers: bool = False

    @property
    def fixed(self) -> bool:
        """True if no number between two others has a longer text than both of them."""
        return self.spec is not None and self.spec.kind in (FIXED, PERCENT, INTEGER)

    @property
    def longest(self) -> int:
        """Largest number of characters that the kernels write for a value, without literal text."""
        return 0 if self.spec is None else max_length(self.spec)

    @property
    def charset(self) -> str:
        """All characters that the kernels may write, literal text included."""
        return "".join(sorted(set("".join(self.neighbours))))

    @property
    def likely(self) -> str:
        """A number as Python writes it, whose characters the font should have; "" on failure."""
        with suppress(Exception):  # the format may not accept this value
            return self.write(-1.5)
        return ""

    @property
    def neighbours(self) -> frozenset[str]:
        """All pairs of characters that the kernels may write side by side."""
        if self.spec is None:
            return frozenset()
        return _neighbours(self.spec, self.before, self.after)


@lru_cache(maxsize=64)
def _neighbours(spec: Spec, before: str, after: str) -> frozenset[str]:
    digits, words = "0123456789", ("INF", "NAN") if spec.upper else ("inf", "nan")
    fill = chr(spec.fill) if spec.width else ""
    signs = "-" + (chr(spec.sign) if spec.sign else "")
    group = chr(spec.group) if spec.group else ""
    power = ("E" if spec.upper else "e") if spec.kind in (EXPONENT, GENERAL) else ""
    starts = digits + "".join(word[0] for word in words)
    ends = digits + "".join(word[-1] for word in words) + ("." if spec.alternate else "")
    # characters, and those that may follow each of them
    beside = [(digits, digits + "." + group + power), ("." + group, digits), (signs, starts)]
    if power:
        beside += [(power, "+-"), ("+-", digits), ("." if spec.alternate else "", power)]
    if spec.kind == PERCENT:
        beside.append((ends, "%"))
        ends = "%"
    if fill:
        beside += [(ends + signs + fill, fill), (fill, starts + signs)]
    beside += [(before[-1:], starts + signs + fill), (ends + fill, after[:1])]
    beside += itertools.chain.from_iterable(
        itertools.pairwise(text) for text in (*words, before, after)
    )
    return frozenset(a + b for first, second in beside for a in first for b in second)


AS_THEY_ARE = ValueFormat("str", str)  # for annotations that are texts already


def as_written(value: float, dtype: np.dtype[Any]) -> object:
    """Return a value in the type in which `format` would get it from an array of `dtype`."""
    if dtype.kind == "b":
        return bool(value)
    if dtype.kind in "iu" and np.isfinite(value):
        return int(value)
    if dtype.kind != "f" or dtype.itemsize == 8:
        return float(value)
    with np.errstate(all="ignore"):
        return dtype.type(value)


def parse_valfmt(valfmt: object) -> ValueFormat:
    """Return the format that `valfmt`, a string or a function, describes; see `Heatmap`.

    Raises
    ------
    TypeError
        If it is neither a string nor a function of a value.
    ValueError
        If Python could not format a number with it, or it asks for a text that is too long.
    """
    if callable(valfmt):
        if fault := _fault_of_function(valfmt):
            raise ValueError(
                f"expected valfmt to be a function of a value, not {short(valfmt)}: {fault}"
            )
        if hasattr(valfmt, "create_dummy_axis") and getattr(valfmt, "axis", None) is None:
            # a matplotlib formatter, which may query its axis; the caller's own stays unchanged
            valfmt = copy.copy(valfmt)
            valfmt.create_dummy_axis()
        return ValueFormat(valfmt, partial(_call, valfmt, _takes_position(valfmt)))
    if not isinstance(valfmt, str):
        raise TypeError(
            "expected valfmt to be a format string such as '{x:.2f}', a format spec such as "
            f"'.2f', a function or None, not {short(valfmt)}"
        )
    if "{" not in valfmt:
        return _spec_format(valfmt, "", valfmt, "")
    try:
        template = Template.read(valfmt)
    except ValueError as error:
        raise ValueError(
            "expected valfmt to be a format string such as '{x:.2f}', "
            f"not {short(valfmt)}: {in_a_line(error)}"
        ) from None
    fields = list(string.Formatter().parse(valfmt))
    slots = [k for k, field in enumerate(fields) if field[1] is not None]
    if len(slots) == 1 and not template.nested:
        _, name, spec, conversion = fields[slots[0]]
        if name in ("x", "", "0") and spec and not conversion:
            literals = [field[0] for field in fields]
            before, after = literals[: slots[0] + 1], literals[slots[0] + 1 :]
            return _spec_format(valfmt, "".join(before), spec, "".join(after))
    write = partial(_fill, template)
    write(0.5)
    return ValueFormat(valfmt, write)


def _fault_of_function(function: object) -> str:
    """Return the fault of the format in a function, such as a matplotlib formatter, or ""."""
    bound, format_ = getattr(function, "__self__", None), getattr(function, "fmt", None)
    kinds = {kind.__name__ for kind in type(function).__mro__}
    template = format_ if "StrMethodFormatter" in kinds else None
    if isinstance(bound, str) and getattr(function, "__name__", "") == "format":
        template = bound  # "{:.2f}".format
    if isinstance(template, str):
        try:
            Template.read(template)
        except ValueError as error:
            return in_a_line(error)
        return ""
    sizes = [_largest(" ".join(_PRINTF.findall(t))) for t in (format_, bound) if isinstance(t, str)]
    for name in ("decimals", "places"):  # of PercentFormatter and EngFormatter
        size = getattr(function, name, None)
        sizes += [size] if isinstance(size, int) else []
    return f"a width or precision above {LONGEST}" if max(sizes, default=0) > LONGEST else ""


_PRINTF = re.compile(r"%[^a-zA-Z%]*")  # the flags, width and precision of each field


def _spec_format(source: str, before: str, spec: str, after: str) -> ValueFormat:
    if fault := _TOO_LONG if len(spec) > LONGEST else _fault(spec):
        raise ValueError(
            "expected valfmt to be a format string such as '{x:.2f}' or a format spec such as "
            f"'.2f', not {short(source)}: {fault}"
        )
    integers = spec.endswith(INTEGER_TYPES)
    write = partial(_spell, before, spec, after)
    lines = "\n" in before + after  # the kernels only write texts of one line
    return ValueFormat(source, write, before, None if lines else parse_spec(spec), after, integers)


# functions of a value once their other arguments are given: workers can take them with `partial`


def _spell(before: str, spec: str, after: str, value: object) -> str:
    if spec.endswith(INTEGER_TYPES) and isinstance(
        value, float
    ):  # NaN or infinite: no int has these
        spec = spec[:-1] + "f"
    return before + format(value, spec) + after


def _fill(template: Template, value: object) -> str:
    try:
        return template.fill(value, x=value, pos=None)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(
            f"expected a format string for one value x, such as '{{x:.2f}}', "
            f"not {short(template.text)}: {type(error).__name__}: {in_a_line(error)}"
        ) from None


def _call(function: Callable[..., object], positioned: bool, value: object) -> str:
    text = function(value, None) if positioned else function(value)
    if not isinstance(text, str):
        raise TypeError(f"expected valfmt({short(value)}) to return a string, not {short(text)}")
    # the name of the value takes longer than most functions: only for an error
    return text if len(text) <= LONGEST else check_length(f"valfmt({short(value)})", text, LONGEST)


def _takes_position(function: Callable[..., object]) -> bool:
    """Return True if a function needs a position as well, as those of matplotlib's `FuncFormatter`.

    Raises
    ------
    TypeError
        If it can be called neither with a value nor with a value and a position.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a C function without a signature
        return False
    for arguments in ((0.5,), (0.5, None)):
        with suppress(TypeError):
            signature.bind(*arguments)
            return len(arguments) == 2
    raise TypeError(
        f"expected valfmt to be a function of a value, or of one and its position, not "
        f"{short(function)}{signature}"
    )


def title_template(title: str) -> Template:
    """Return a title with the names that it has to be filled with."""
    try:
        template = Template.read(title)
    except ValueError as error:
        raise ValueError(
            f"expected title to be a format string, not {short(title)}: {in_a_line(error)}"
        ) from None
    for name in template.names:
        if not name or name[0].isdigit():
            raise ValueError(
                f"expected a name in each field of the title, as {{step}}, not {short(title)}"
            )
    return template
