"""Arrays of objects that are numbers, as nullable columns of tables and mixed lists give."""

from __future__ import annotations

from numbers import Complex, Integral, Number, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastheat.messages import short

_EXACT = 1 << 53  # up to this magnitude, every integer is a float64


def is_missing(cell: Any) -> bool:
    """Return True for None, and for the NA of pandas and its like."""
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell is np.ma.masked


def is_real(value: Any) -> bool:
    """Return True for a real number of Python or numpy, `Decimal` and `Fraction` included."""
    if isinstance(value, Real | np.number | np.bool_):
        return True
    return isinstance(value, Number) and not isinstance(value, Complex)


def numbers_of(cells: NDArray[Any], what: str) -> NDArray[Any]:
    """Return objects that are numbers as an array of numbers, missing ones as NaN.

    Parameters
    ----------
    cells
        Array of objects: numbers of Python or numpy, `Decimal`, `Fraction`, bool, None, NA, or
        arrays of a single number.
    what
        Its name in errors.

    Returns
    -------
    array
        bool, or int64, if all cells are that; else float64, or longdouble where float64 would
        change an integer, so that whoever converts it can tell.

    Raises
    ------
    TypeError
        If a cell is no number.
    """
    each: list[bool | int | float] = []
    for k, cell in enumerate(cells.flat):
        number = _number(cell)
        if number is None:
            place = ", ".join(str(int(i)) for i in np.unravel_index(k, cells.shape))
            raise TypeError(f"{what} has {short(cell)} in cell ({place}), expected a number")
        each.append(number)
    kinds = set(map(type, each))
    if kinds == {bool}:
        return np.array(each, bool).reshape(cells.shape)
    if kinds <= {bool, int} and all(-(1 << 63) <= x < 1 << 63 for x in each):
        return np.array(each, np.int64).reshape(cells.shape)
    exact = all(type(x) is not int or -_EXACT <= x <= _EXACT or _float(x) == x for x in each)
    numbers = np.empty(len(each), np.float64 if exact else np.longdouble)
    for k, number in enumerate(each):
        numbers[k] = _float(number) if exact or type(number) is not int else _long(number)
    return numbers.reshape(cells.shape)


def _number(cell: Any) -> bool | int | float | None:
    """Return a cell as a number of Python, None if it is not one."""
    if is_missing(cell):
        return float("nan")
    if getattr(cell, "ndim", None) == 0 and callable(getattr(cell, "item", None)):
        cell = cell.item()
    if isinstance(cell, bool | np.bool_):
        return bool(cell)
    if isinstance(cell, Integral):
        return int(cell)
    return _float(cell) if is_real(cell) else None


def _float(number: Any) -> float:
    try:
        return float(number)
    except (OverflowError, ValueError):  # larger than any float64, or a signalling NaN of decimal
        return float("inf") * (1 if number > 0 else -1) if isinstance(number, int) else float("nan")


def _long(number: int) -> Any:
    """Return an integer as longdouble, which differs from float64 wherever that changes it."""
    try:
        long = np.longdouble(str(number))
    except (OverflowError, ValueError):
        return np.longdouble(_float(number))
    if long == _float(number) != number:  # longdouble changes it just as much
        return np.nextafter(long, np.longdouble(np.inf if number > _float(number) else -np.inf))
    return long
