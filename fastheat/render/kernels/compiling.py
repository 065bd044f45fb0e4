"""Compiling kernels with numba: to machine code for any process, or for this one only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from types import FunctionType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import types
from numba.core import codegen, config
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

# importing them declares all kernels
from fastheat.render.kernels import cells, digits, images, lines, objects, reduce, stills  # noqa: F401
from fastheat.render.kernels.jit import Array, Entry, Fields, Run, entries, helpers

# _nrt=False leaves out the runtime for allocation and reference counting: a kernel that allocates
# does not compile, and frames take a sixth less time
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
INNER = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

jit: Any = numba.njit  # Any, since its annotations lack some options


class Copies:
    """Copies of kernels for numba to compile, which call compiled kernels.

    The kernels themselves remain plain Python functions.
    """

    def __init__(self) -> None:
        self._helpers: dict[Callable[..., Any], Any] = {}
        self._spaces: dict[int, dict[str, Any]] = {}

    def compiled(self, function: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Return numba's dispatcher for a copy of a function."""
        assert isinstance(function, FunctionType)
        return jit(**options)(
            FunctionType(function.__code__, self._space(function), function.__name__)
        )

    def _space(self, function: FunctionType) -> dict[str, Any]:
        """Return a function's globals, with the kernels among them replaced by compiled ones."""
        names = function.__globals__
        space = self._spaces.get(id(names))
        if space is None:
            space = self._spaces[id(names)] = dict(names)
            space.update(
                (name, self._helper(each))
                for name, each in names.items()
                if isinstance(each, FunctionType) and each in helpers
            )
        return space

    def _helper(self, function: FunctionType) -> Any:
        if function not in self._helpers:
            self._helpers[function] = self.compiled(function, INNER | helpers[function])
        return self._helpers[function]


def run_through_numba() -> Run:
    """Return a function that runs kernels by numba's dispatchers, compiled at the first call."""
    copies = Copies()
    dispatchers = {kernel: copies.compiled(kernel.function, OPTIONS) for kernel in entries}

    def run(kernel: Entry[..., Any], args: tuple[Any, ...]) -> Any:
        return dispatchers[kernel](*args)

    return run


def write(cpu: str, features: str) -> None:
    """Write machine code of all kernels to standard output, for a processor as LLVM names it.

    Only for a process that does nothing else: this changes settings and parts of numba for good.
    """
    digest = objects.digest()
    settings: Any = config
    settings.CPU_NAME, settings.CPU_FEATURES = cpu, features
    _compile_once()
    dispatcher = jit(**INNER)(_dispatch(Copies()))
    dispatcher.compile((types.int64, types.CPointer(types.int64)))
    (made,) = dispatcher.overloads.values()
    library = made.library
    header = {
        "digest": digest,
        "symbol": made.fndesc.llvm_func_name,
        "maker": f"numba {numba.__version__}, llvmlite {llvmlite.__version__}",
        "convention": objects.CONVENTION,
        "entries": [kernel.signature for kernel in entries],
    }
    code = library.codegen._tm.emit_object(library._final_module)
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + code)


def _compile_once() -> None:
    """Make numba optimise the whole only once, and make no machine code of single functions.

    This halves the time. It overrides numba's internals by name; in a version with other names,
    compiling just takes longer.
    """
    base: Any = codegen.JITCodeLibrary

    class Library(base):  # type: ignore[misc]
        def _finalize_specific(self) -> None:
            pass

        def _optimize_final_module(self) -> None:
            if "dispatch" in self.name:
                super()._optimize_final_module()

    def get_executable(library: Any, *_: object) -> Any:
        library._ensure_finalized()
        return [].append  # a new object each time: numba identifies functions by their executables

    context = cpu_target.target_context
    context.get_executable = get_executable
    context.codegen()._library_class = Library


def _dispatch(copies: Copies) -> Callable[..., Any]:
    """Return a function of a number and words that calls the entry with that number."""
    space: dict[str, Any] = {"int64": np.int64, "float64": np.float64}
    source = ["def dispatch(number, words):", "    result = int64(0)"]
    for number, kernel in enumerate(entries):
        space[kernel.__name__] = copies.compiled(kernel.function, INNER)
        place = count()
        args = ", ".join(_source(type_, place, space) for type_ in kernel.types.values())
        result = "result = " if kernel.returns else ""
        source += [f"    if number == {number}:", f"        {result}{kernel.__name__}({args})"]
    exec("\n".join([*source, "    return result"]), space)
    function: Callable[..., Any] = space["dispatch"]
    return function


def _source(type_: Array | Fields | type, place: Iterator[int], space: dict[str, Any]) -> str:
    """Return the source of an argument that is read from the words at the next places."""
    if isinstance(type_, Array):
        name = f"{type_.dtype}_{len(type_.axes)}"
        if name not in space:
            space[name] = _array_reader(type_)
        first, *_ = [next(place) for _ in range(1 + len(type_.axes))]
        return f"{name}(words, {first})"
    if isinstance(type_, Fields):
        name = type_.tuple.__name__
        space[name] = type_.tuple
        return f"{name}({', '.join(_source(each, place, space) for each in type_.fields)})"
    word = f"words[{next(place)}]"
    if type_ is float:
        return f"int64({word}).view(float64)"
    return f"{word} != 0" if type_ is bool else word


def _array_reader(array: Array) -> Any:
    """Return an intrinsic that makes an array from the words at a place: address and shape."""
    dimensions, item = len(array.axes), array.dtype.itemsize
    made = types.Array(numba.from_dtype(array.dtype), dimensions, "C")

    def read(_: Any, words: Any, place: Any) -> Any:
        def generate(context: Any, builder: Any, __: Any, args: Any) -> Any:
            words, place = args
            constant = context.get_constant
            address, *shape = (
                builder.load(builder.gep(words, [builder.add(place, constant(types.int64, k))]))
                for k in range(1 + dimensions)
            )
            strides = [constant(types.intp, item)]
            for length in shape[:0:-1]:
                strides.insert(0, builder.mul(strides[0], length))
            result = make_array(made)(context, builder)
            populate_array(
                result,
                data=builder.inttoptr(address, result.data.type),
                shape=shape,
                strides=strides,
                itemsize=constant(types.intp, item),
                meminfo=None,
            )
            return result._getvalue()

        return made(words, place), generate

    return intrinsic(read)
