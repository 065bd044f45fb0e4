"""Declaring kernels, loading their machine code, and calling them.

A kernel that Python calls is an `entry`; kernels that are only called by kernels are `jit` or
`inlined`. Declaring a kernel does not compile it: machine code is made of all of them at once,
mostly when the package is built, and running it needs neither numba nor a compiler.

An entry declares its parameters by annotations: arrays, as in
``Annotated[NDArray[np.float64], "N, M"]`` with a name or a number for each axis, `int`, `float`,
`bool`, and named tuples of these. It returns an `int` or None. Arrays are C-contiguous and belong
to the caller: kernels allocate nothing.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    NamedTuple,
    ParamSpec,
    TypeVar,
    cast,
    get_args,
    get_origin,
)

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastheat.render.kernels.objects import MachineCode

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Function = TypeVar("Function", bound=Callable[..., Any])


class Array(NamedTuple):
    """The type of an array argument."""

    dtype: np.dtype[Any]
    axes: tuple[str, ...]


class Fields(NamedTuple):
    """The type of a named tuple argument."""

    tuple: Callable[..., Any]
    fields: Sequence[Array | Fields | type]


class Entry(Generic[Parameters, Result]):
    """A kernel that Python calls.

    Its arguments are passed as 64-bit words, field by field: the address and the shape of an array,
    a number as int64 or float64.
    """

    def __init__(self, function: Callable[Parameters, Result]) -> None:
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """Run the kernel, with positional arguments only."""
        if kwargs:
            raise TypeError(f"expected {self.__name__} with arguments by place, not by name")
        return cast(Result, (_run or load())(self, args))

    @cached_property
    def types(self) -> dict[str, Array | Fields | type]:
        """Types of the parameters, by name."""
        hints = self.function.__annotations__.items()
        return {name: _type_of(hint) for name, hint in hints if name != "return"}

    @cached_property
    def returns(self) -> bool:
        """True if the kernel returns an int, False if None."""
        return self.function.__annotations__["return"] is int

    def words(self, args: tuple[Any, ...]) -> bytes:
        """Return the arguments as the words that machine code reads.

        Raises
        ------
        TypeError
            If an array's dtype, dimension or layout is not as declared, since its memory would be
            misread.
        """
        words: list[Any] = []
        for (name, type_), value in zip(self.types.items(), args, strict=True):
            _append(words, type_, value, name)
        return self._struct.pack(*words)

    @cached_property
    def signature(self) -> str:
        """Name, parameters and result as a text, for comparison."""
        names = (
            f"{each.dtype}{len(each.axes)}" if isinstance(each, Array) else each.__name__
            for each in _leaves(self.types.values())
        )
        return f"{self.__name__}({', '.join(names)}) {self.returns}"

    @cached_property
    def _struct(self) -> struct.Struct:
        codes = (
            "q" * (1 + len(each.axes)) if isinstance(each, Array) else "d" if each is float else "q"
            for each in _leaves(self.types.values())
        )
        return struct.Struct("".join(codes))


entries: list[Entry[..., Any]] = []
helpers: dict[Callable[..., Any], dict[str, bool]] = {}  # with options for numba


def entry(function: Callable[Parameters, Result]) -> Entry[Parameters, Result]:
    """Declare a kernel that Python calls."""
    made = Entry(function)
    entries.append(made)
    return made


def jit(function: Function) -> Function:
    """Declare a kernel that only kernels call."""
    helpers[function] = {}
    return function


def inlined(function: Function) -> Function:
    """Declare a kernel that is inlined into the kernels that call it."""
    helpers[function] = {"forceinline": True}
    return function


@lru_cache(maxsize=256)
def _type_of(hint: Any) -> Array | Fields | type:
    if get_origin(hint) is Annotated:
        array, axes = get_args(hint)
        return Array(np.dtype(_scalar_of(array)), tuple(axes.split(", ")))
    if issubclass(hint, tuple):
        return Fields(hint, tuple(map(_type_of, hint.__annotations__.values())))
    assert hint in (int, float, bool), hint
    return cast(type, hint)


def _scalar_of(hint: Any) -> Any:
    """Return the scalar type of an `NDArray`, which numpy's versions nest differently."""
    if isinstance(hint, type) and issubclass(hint, np.generic):
        return hint
    return next(filter(None, map(_scalar_of, get_args(hint))), None)


MOST_KEPT = 12  # named tuples of layouts whose words are cached, which keeps their arrays alive
_of_layouts: dict[int, tuple[object, list[Any]]] = {}  # by identity, as they recur in every call


def _append(words: list[Any], type_: Array | Fields | type, value: Any, name: str) -> None:
    if isinstance(type_, Array):
        flags, dtype = value.flags, value.dtype
        if (
            (dtype is not type_.dtype and dtype != type_.dtype)
            or value.ndim != len(type_.axes)
            or not (flags.c_contiguous and flags.aligned)
        ):
            raise TypeError(
                f"{name}: expected a C-contiguous {type_.dtype} array of shape "
                f"({', '.join(type_.axes)}), not {value.dtype} of shape {value.shape} and "
                f"strides {value.strides}"
            )
        words.append(value.__array_interface__["data"][0])
        words += value.shape
    elif isinstance(type_, Fields):
        kept = _of_layouts.get(id(value))
        if kept is not None and kept[0] is value:
            words += kept[1]
            return
        first = len(words)
        for field, each in zip(type_.fields, value, strict=True):
            _append(words, field, each, name)
        if type_.tuple.__module__ == "fastheat.tables":
            if len(_of_layouts) >= MOST_KEPT:
                _of_layouts.clear()
            _of_layouts[id(value)] = value, words[first:]
    else:
        words.append(value if type_ is float else int(value))


def _leaves(types: Iterable[Array | Fields | type]) -> Iterator[Array | type]:
    """Yield the types of arrays and numbers, those of the fields in place of a named tuple."""
    for type_ in types:
        if isinstance(type_, Fields):
            yield from _leaves(type_.fields)
        else:
            yield type_


# ---------------------------------------------------------------------------------------- loading

Run = Callable[[Entry[..., Any], tuple[Any, ...]], Any]

_run: Run | None = None  # function that runs kernels, once loaded
_lock = threading.RLock()
_listeners: list[Callable[[], object]] = []


def load(*, beside: bool = False) -> Run:
    """Return the function that runs kernels, compiling them if no machine code fits this machine.

    Parameters
    ----------
    beside
        Whether to compile at low priority, so as not to slow down a running loop.
    """
    global _run
    with _lock:
        if _run is None:
            _run = _find() or _compile(beside)
        return _run


def is_plain() -> bool:
    """Return True if the environment asks to run kernels as plain Python."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _find() -> Run | None:
    """Return a function that runs kernels without compiling them, or None if they must be."""
    if is_plain():
        return run_plainly
    from fastheat.render.kernels import objects

    with suppress(Exception):  # any error of LLVM's: kernels are compiled again
        made = objects.find()
        return None if made is None else run_machine_code(made)
    return None


def _compile(beside: bool) -> Run:
    from fastheat.messages import in_a_line, warn
    from fastheat.render.kernels import objects

    tell_of_compiling()
    try:
        made = objects.make(objects.host(), beside=beside)
        run = run_machine_code(made)
    except Exception:  # numba in this process reports errors in a kernel, if that is the reason
        from fastheat.render.kernels import compiling

        return compiling.run_through_numba()
    try:
        objects.keep(made)
    except OSError as error:
        warn(
            "kernels are compiled in each process, which takes seconds, as the result "
            f"cannot be kept: {in_a_line(error)}"
        )
    return run


def tell_of_compiling() -> None:
    """Call the listeners of `on_compiling`, before all kernels are compiled."""
    for tell in _listeners:
        tell()


@contextmanager
def on_compiling(tell: Callable[[], object]) -> Iterator[None]:
    """Within the context, call `tell` before all kernels are compiled, which takes seconds."""
    _listeners.append(tell)
    try:
        yield
    finally:
        _listeners.remove(tell)


def run_machine_code(made: MachineCode) -> Run:
    """Load machine code; return a function that runs kernels by it."""
    from fastheat.render.kernels import objects

    function = objects.link(made)
    numbers = {signature: number for number, signature in enumerate(made.entries)}
    known: dict[Entry[..., Any], int] = {}

    def run(kernel: Entry[..., Any], args: tuple[Any, ...]) -> Any:
        number = known.get(kernel)
        if number is None:
            if kernel.signature not in numbers:
                raise RuntimeError(
                    "expected fastheat as it was imported, but its files have changed since: "
                    "restart Python"
                )
            number = known[kernel] = numbers[kernel.signature]
        result = function(number, kernel.words(args))
        return result if kernel.returns else None

    return run


def run_plainly(kernel: Entry[..., Any], args: tuple[Any, ...]) -> Any:
    """Run a kernel as plain Python."""
    with np.errstate(all="ignore"):  # as in machine code
        return kernel.function(*args)


def _forked() -> None:
    global _lock
    _lock = threading.RLock()  # a thread that held the old one does not exist in this process


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


Uint8s = NDArray[np.uint8]
Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Uint16s = NDArray[np.uint16]
Uint32s = NDArray[np.uint32]
Uint64s = NDArray[np.uint64]
Float64s = NDArray[np.float64]
