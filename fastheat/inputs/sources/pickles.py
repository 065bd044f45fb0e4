"""A reader for pickles of numpy arrays, numbers and plain containers, and nothing else.

A pickle is a program that may import and call anything, so none is handed to `pickle` here. This is
a small machine for the opcodes that such data need. It imports nothing: the few globals that
pickles of numpy name are keys of a table of functions in this module. Each of these checks its
arguments, and no foreign function or class is ever on the stack. That also keeps out what a
`find_class` method cannot: the extension registry, memo indices for which the C unpickler fills
gigabytes, and deeply nested tuples as dict keys, whose hash overflows the C stack.
"""

from __future__ import annotations

import datetime
import math
import os
import pickle
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np

from fastheat.inputs.sources.arrays import NESTED
from fastheat.inputs.sources.pickle_globals import (
    ARRAYS,
    CALL,
    COPYING,
    EXPECTED,
    NAMES,
    Inline,
    Name,
    Pending,
    Span,
    Unread,
    check_deque,
    checked_length,
    frombuffer,
    whole,
)

_DATES = (datetime.date, datetime.datetime)
_KEYS = (str, bytes, int, float, bool, type(None), *_DATES)
_CONTAINERS = (*NESTED, dict)
_INERT = {Unread, Name, Pending, Inline}  # what is never handed out
# A file may hold _PER_BYTE values per byte, and _SPARE more, counting shared ones each time.
_SPARE = 1 << 22
_PER_BYTE = 4
_FEW = 16  # arrays in a dict whose cells are not counted; also a margin for small integer keys
# Calls may copy _COPIES times the bytes read, and _SLACK more.
_COPIES = 2
_SLACK = 4096
_NUMBERS = 10_000  # numbers as dict keys, whose hashes an attacker can make collide
_APART = 4  # integers up to _APART times the size of the dict are not counted among these
# Bytes of a compressed file besides long strings, in any case and per byte when compressed.
_OPCODES, _OPCODES_TIMES = 1 << 21, 2
_OTHERS = 1000  # entries of the memo at indices that Python itself never writes
_LARGE = 256  # bytes; shorter data are read at once even if deferred
_BLOCK = 1 << 16  # bytes read at a time
_STOP = pickle.STOP[0]


@dataclass(slots=True)
class Spare:
    """The budget of shared values that the objects of one file have left."""

    values: int = _SPARE


def load(
    file: BinaryIO,
    *,
    defer: bool = False,
    spare: Spare | None = None,
    skip: bool = False,
    packed: int | None = None,
) -> Any:
    """Read one pickled object and leave the file at its end.

    Parameters
    ----------
    file
        Seekable, open for reading bytes, at the first byte of a pickle of protocol 0 to 5.
    defer
        Whether to leave the data of large arrays in the file if they are stored contiguously.
    spare
        The budget that the objects of the file share, if it holds several.
    skip
        Whether other objects may be among the values, each as an `Unread` in its place, which
        `check_read` finds.
    packed
        The size of the file in bytes if it is compressed, to which its opcodes are bounded.

    Returns
    -------
    object
        Arrays, masked arrays, numpy scalars, numbers, strings, bytes, dates, None, and lists,
        tuples, deques and dicts of these; namedtuples are tuples, and object arrays lists. The
        arrays are read-only, and their dtypes numbers or text. If `defer`, some of them are
        `Stored`, and long bytes in tuples are placeholders.

    Raises
    ------
    pickle.UnpicklingError
        If the pickle is damaged, or asks for anything else; then the message names it.
    """
    machine = Machine(file, defer=defer, packed=packed)
    value = machine.load()
    own = _PER_BYTE * machine.taken
    spare = spare or Spare()
    spare.values -= max(count_of(value, own + spare.values) - own, 0)
    if machine.unread and not skip:
        check_read(value)
    return value


def check_read(value: object) -> None:
    """Raise the error of the first object in nested containers that was not read, if any."""
    known = set()
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if type(container) in _INERT:
            raise _error_of(container)
        if type(container) not in _CONTAINERS or _identity(container) in known:
            continue
        known.add(_identity(container))
        items: Any = container
        keys = list(items) if type(container) is dict else ()
        items = [*keys, *items.values()] if type(container) is dict else items
        kinds = set(map(type, items))
        if not kinds.isdisjoint(_INERT):
            raise _error_of(next(item for item in items if type(item) in _INERT))
        if not kinds.isdisjoint(_CONTAINERS):
            waiting += reversed([item for item in items if type(item) in _CONTAINERS])


def _error_of(inert: object) -> pickle.UnpicklingError:
    if isinstance(inert, Unread):
        return inert.error
    return pickle.UnpicklingError("damaged pickle: a function or an array that is not complete")


_identity = object.__hash__  # like id(), but without raising an audit event at each call


def count_of(value: object, most: int) -> int:
    """Return the number of values in nested containers; shared containers count each time.

    Raises
    ------
    pickle.UnpicklingError
        If there are over `most`, or a container is in itself.
    """
    if type(value) not in _CONTAINERS:
        return 1
    counts: dict[int, int] = {}  # by container identity; 0 while those in it are counted
    # each container being counted, with all that it waits for after it
    waiting: list[Any] = [value]
    while waiting:
        container = waiting[-1]
        own = _identity(container)
        if counts.get(own):  # it occurs several times
            waiting.pop()
            continue
        items = container.values() if type(container) is dict else container
        kinds = set(map(type, items))
        plain = kinds.isdisjoint(_CONTAINERS)
        nested = () if plain else (item for item in items if type(item) in _CONTAINERS)
        if own not in counts and not plain:
            counts[own] = 0
            for item in nested:
                known = counts.get(_identity(item))
                if known == 0:
                    raise pickle.UnpicklingError("damaged pickle: a container in itself")
                if known is None:
                    waiting.append(item)
            continue
        counts[own] = 1 + len(items) + sum(counts[_identity(item)] for item in nested)
        waiting.pop()
        # Arrays are read one frame at a time, but those of a dict may together be one frame.
        together = type(container) is dict and len(items) >= _FEW and not kinds.isdisjoint(ARRAYS)
        if max(counts[own], sum(map(_cells, items)) if together else 0) > most:
            raise pickle.UnpicklingError(
                f"the pickle holds over {most} values in containers that share them, expected "
                "fewer: save arrays"
            )
    return counts[_identity(value)]


def _cells(item: Any) -> int:
    """Return the number of cells in a matrix, or in one matrix of a stack."""
    shape: tuple[int, ...] = getattr(item, "shape", ())
    return math.prod(shape) // (max(shape[0], 1) if len(shape) > 2 else 1)


class Machine:
    """The pickle machine: its stack, marks and memo, and the file, which it reads in blocks."""

    damaged = "damaged pickle"  # what errors call the file
    names: Mapping[tuple[str, str], object] = NAMES  # by module and name

    def __init__(self, file: BinaryIO, *, defer: bool, packed: int | None = None) -> None:
        self.file = file
        self.defer = defer
        self.first = self.start = file.tell()  # file offsets of the pickle, and of the block
        self.size = file.seek(0, os.SEEK_END)
        file.seek(self.start)
        self.block = b""
        self.place = 0  # position in the block
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        # a list needs a third of the memory of a dict, and the memo is most of what is used; it
        # becomes a dict at the first index that leaves out others
        self.memo: list[Any] | dict[int, Any] = []
        self.numbers = 0  # numbers used as dict keys, except integers that count up
        self.copied = 0  # bytes or items that calls have copied
        self.unread = False  # whether any object was not made
        self.cr = b""  # before the ends of lines, in files that Windows wrote as text
        self.long = 0  # bytes in long strings, which take no more memory than in the file
        self.packed = packed
        self.most = math.inf if packed is None else max(_OPCODES, _OPCODES_TIMES * packed)

    def load(self) -> Any:
        """Run the pickle, and return its object."""
        try:
            return self.run()
        except pickle.UnpicklingError:
            raise
        except Exception as error:  # damaged bytes can fail in any way
            place = self.start + self.place - self.first
            raise pickle.UnpicklingError(
                f"{self.damaged}: no pickle from byte {place} on, expected what pickle.dump writes"
            ) from error

    def run(self) -> Any:
        while True:
            if self.place == len(self.block):
                self.more(1)
            opcode = self.block[self.place]
            self.place += 1
            if opcode == _STOP:
                break
            if push := _PUSH.get(opcode):
                self.stack.append(push(self))
            elif step := _STEPS.get(opcode):
                step(self)
            else:
                raise pickle.UnpicklingError(
                    f"{self.damaged}: the opcode {bytes([opcode])!r} at byte {self.taken - 1}, "
                    "expected what pickle.dump writes"
                )
        value = whole(self.stack.pop())
        if isinstance(value, (Name, Pending, Inline)):
            raise pickle.UnpicklingError("damaged pickle: it ends before its object is complete")
        self.file.seek(self.start + self.place)
        return value

    # ----------------------------------------------------------------------------- the file

    @property
    def taken(self) -> int:
        """The number of bytes read so far."""
        return self.start + self.place - self.first

    def byte(self) -> int:
        if self.place == len(self.block):
            self.more(1)
        self.place += 1
        return self.block[self.place - 1]

    def read(self, count: int) -> bytes:
        if count >= _LARGE:
            self.long += count
        if self.place + count > len(self.block):
            self.more(count)
        self.place += count
        return self.block[self.place - count : self.place]

    def unpack(self, layout: struct.Struct) -> Any:
        if self.place + layout.size > len(self.block):
            self.more(layout.size)
        self.place += layout.size
        return layout.unpack_from(self.block, self.place - layout.size)[0]

    def more(self, count: int) -> None:
        """Read on until the block has at least `count` unread bytes."""
        # A length of gigabytes must not reach the allocator before the file is known to have them.
        if count > self.size - self.start - self.place:
            raise pickle.UnpicklingError("truncated pickle")
        if self.taken - self.long > self.most:
            raise pickle.UnpicklingError(
                f"{self.packed} bytes become over {self.most} besides arrays and texts, expected "
                "fewer: decompress the file first if you trust it"
            )
        self.start += self.place
        if count > _BLOCK:  # large data are read in one piece, to avoid copies
            self.file.seek(self.start)
            self.block = self.file.read(count)
        else:
            self.block = self.block[self.place :] + self.file.read(_BLOCK)
        self.place = 0
        if len(self.block) < count:
            raise pickle.UnpicklingError("truncated pickle")

    def data(self, count: int) -> bytes | Span:
        if not self.defer or count < _LARGE:
            return self.read(count)
        span = Span(self.file, self.start + self.place, count)
        if count > self.size - span.offset:
            raise pickle.UnpicklingError("truncated pickle")
        self.place += count
        if self.place > len(self.block):
            self.start = self.file.seek(span.offset + count)
            self.block, self.place = b"", 0
        return span

    def line(self) -> bytes:
        here = 0  # unread bytes of the block, which have no line break
        while (end := self.block.find(b"\n", self.place + here)) < 0:
            here = len(self.block) - self.place
            self.more(min(2 * here + 1, self.size - self.start - self.place) if here else 1)
            if len(self.block) - self.place == here:
                raise pickle.UnpicklingError("truncated pickle")
        line = self.block[self.place : end]
        self.place = end + 1
        if len(line) >= _LARGE:
            self.long += len(line)
        return line.removesuffix(self.cr)

    def word(self) -> bytes:
        """Return a line of a name or a number, which shows whether lines end as on Windows."""
        line = self.line()
        if line.endswith(b"\r"):
            self.cr = b"\r"
        return line.strip()

    # ----------------------------------------------------------------------------- opcodes

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def pop_pair(self) -> list[Any]:
        second, first = self.stack.pop(), self.stack.pop()
        return [first, second]

    def push_marked(self, kind: Callable[[list[Any]], object]) -> None:
        items = self.pop_mark()
        self.stack.append(kind(items))

    def pack(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError("pop from empty list")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def memoize(self) -> None:
        self.put(len(self.memo))

    def put(self, key: int) -> None:
        if isinstance(self.memo, list):
            if key == len(self.memo):
                self.memo.append(self.stack[-1])
                return
            if not 0 <= key < len(self.memo):
                self.memo = dict(enumerate(self.memo))
        # an index is at most the bytes read so far, even if entries never read are left out
        if not 0 <= key <= self.taken and key not in self.memo:
            self.number(_NUMBERS // _OTHERS)
        self.memo[key] = self.stack[-1]

    def get(self, key: int) -> None:
        if isinstance(self.memo, list) and not 0 <= key < len(self.memo):
            raise KeyError(key)
        value = self.memo[key]
        if type(value) is Pending and value.value is not None:
            value = value.value
        self.stack.append(value)

    def number(self, count: int = 1) -> None:
        """Count numbers used as keys up to a limit, since equal hashes take quadratic time."""
        self.numbers += count
        if self.numbers > _NUMBERS:
            raise pickle.UnpicklingError(
                f"the pickle has over {_NUMBERS} numbers as keys, expected text or 0, 1, 2, ..."
            )

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is Unread:
            self.stack.append(function)
        elif isinstance(function, Name) and type(arguments) is tuple:
            self.stack.append(self.made(function, arguments))
        else:
            raise pickle.UnpicklingError(
                f"the pickle calls a {type(function).__name__}, expected only data"
            )

    def made(self, function: Name, arguments: tuple[object, ...]) -> object:
        """Return what a global makes of arguments, or the first of them that was not read."""
        if function.call is None:
            names = (key for key, value in self.names.items() if value is function)
            return self.refused(next(names, "a function"))
        if not function.takes_unread:
            for each in arguments:
                if type(each) is Unread:
                    return each
        return self.called(function.call, arguments)

    def new_object(self, arguments: Any = None) -> None:
        """Make the instance of a class; only a namedtuple's class is given its items."""
        arguments = self.stack.pop() if arguments is None else arguments
        kind = self.stack.pop()
        if isinstance(kind, Name) and type(arguments) is tuple:
            self.stack.append(self.made(kind, arguments))
        elif type(kind) is Unread and type(arguments) is tuple and arguments:
            self.stack.append(arguments)
        else:
            self.stack.append(kind if type(kind) is Unread else self.refused("an object"))

    def new_object_with_keywords(self) -> None:
        del self.stack[-2:]
        self.new_object(())

    def old_object(self) -> None:
        kind, *_ = self.pop_mark()
        self.stack.append(kind if type(kind) is Unread else self.refused("an object"))

    def old_instance(self) -> None:
        name = self.named()
        self.pop_mark()
        self.stack.append(self.refused(name))

    def refused(self, what: str | tuple[object, object]) -> Unread:
        """Return the stand-in for an object that is not made."""
        self.unread = True
        return _held(what) if isinstance(what, str) else Unread(what)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack.pop()
        if type(target) is not Pending:
            # attributes, such as those of a state_dict(), are ignored
            inert = type(target) is Unread or (type(target) is dict and type(state) is dict)
            self.stack.append(
                target if inert else self.refused(f"the state of a {type(target).__name__}")
            )
            return
        if target.value is not None:
            raise pickle.UnpicklingError("damaged pickle: an array that is made twice")
        arguments = state if type(state) is tuple else (state,)
        unread = next((each for each in arguments if type(each) is Unread), None)
        target.value = unread or self.called(target.finish, arguments)
        if type(target.value) is Inline:
            target.value = self.inline(target.value)
        self.unread |= type(target.value) is Unread
        self.stack.append(target.value)

    def inline(self, array: Inline) -> object:
        """Read the bytes of an array that follow its description, after padding."""
        if array.aligned:
            self.read(self.byte())
        raw = self.data(math.prod(array.shape) * array.dtype.itemsize)
        return frombuffer(raw, array.dtype, array.shape, array.order)

    def called(self, call: Callable[..., object], arguments: tuple[object, ...]) -> object:
        cost, places = COPYING.get(call, (CALL, ()))
        self.copied += cost
        for place, each in enumerate(arguments):
            copied = (str, list, bytes, tuple, Span) if place in places else (str, list)
            if isinstance(each, copied):
                self.copied += len(each)
        # Five bytes of opcodes are enough to copy the largest object in the memo once more.
        if self.copied > _COPIES * self.taken + _SLACK:
            raise pickle.UnpicklingError("damaged pickle: it copies more data than it has")
        value = call(*arguments)
        self.unread |= type(value) is Unread
        return value

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is Unread:
            return
        if type(target) is not list:
            if type(target) is not deque:
                raise pickle.UnpicklingError(
                    f"damaged pickle: it appends to a {type(target).__name__}"
                )
            check_deque(items)
        target.extend(map(whole, items))

    def dictionary(self) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self.update(items)

    def update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is Unread:
            return
        if type(target) is not dict:
            raise pickle.UnpicklingError(
                f"damaged pickle: it sets keys of a {type(target).__name__}"
            )
        items = list(map(whole, items))
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, np.generic):
                key = key.item()
            if type(key) not in _KEYS:  # its hash could overflow the C stack, or run code
                self.unread = True
                key = Unread(_held(f"a dict key of type {type(key).__name__}").what)
            if type(key) in (int, float) and not (
                type(key) is int and 0 <= key <= _APART * len(target) + _FEW
            ):
                self.number()
            target[key] = value

    def named(self) -> tuple[str, str]:
        return self.word().decode(), self.word().decode()

    def find(self, module: object, name: object) -> None:
        if type(module) is str and type(name) is str and (module, name) in self.names:
            self.stack.append(self.names[module, name])
        else:
            self.stack.append(self.refused((module, name)))

    def persistent(self) -> None:
        self.stack.pop()
        self.stack.append(self.refused("a persistent id"))

    def leave_out(self, what: str, *, marked: bool = False, size: int = 0, lines: int = 0) -> None:
        """Push a stand-in for an object, and skip its marked items or its bytes."""
        if marked:
            self.pop_mark()
        self.read(size)
        for _ in range(lines):
            self.line()
        self.stack.append(self.refused(what))

    def protocol(self) -> None:
        if (version := self.byte()) > 5:
            raise pickle.UnpicklingError(f"pickle protocol {version}, expected 0 to 5")


@lru_cache(16)
def _held(what: str) -> Unread:
    return Unread(f"the pickle holds {what}, {EXPECTED}")


_U2, _U4, _U8 = (struct.Struct(layout) for layout in ("<H", "<I", "<Q"))
_I4, _F8 = struct.Struct("<i"), struct.Struct(">d")


def _integer(text: bytes) -> int:
    if len(text) > 1000:  # int() takes time quadratic in the number of digits
        raise pickle.UnpicklingError(f"a number of {len(text)} digits, expected at most 1000")
    return int(text.removesuffix(b"L"))


def _quoted(text: bytes) -> str:
    text = text.removesuffix(b"\r")
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise pickle.UnpicklingError("damaged pickle: a string without quotes")
    # In Python 2, array data are a string, whose bytes latin-1 keeps one to one.
    return text[1:-1].decode("unicode-escape")


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


# Opcodes that push one value, with the function that reads it.
_PUSH: dict[int, Callable[[Machine], object]] = {
    opcode[0]: push
    for opcode, push in {
        pickle.NONE: lambda machine: None,
        pickle.NEWTRUE: lambda machine: True,
        pickle.NEWFALSE: lambda machine: False,
        pickle.EMPTY_LIST: lambda machine: [],
        pickle.EMPTY_TUPLE: lambda machine: (),
        pickle.EMPTY_DICT: lambda machine: {},
        pickle.BINFLOAT: lambda machine: machine.unpack(_F8),
        pickle.FLOAT: lambda machine: float(machine.word()),
        pickle.BININT1: Machine.byte,
        pickle.BININT2: lambda machine: machine.unpack(_U2),
        pickle.BININT: lambda machine: machine.unpack(_I4),
        pickle.LONG1: lambda machine: _signed(machine.read(machine.byte())),
        pickle.LONG4: lambda machine: _signed(machine.read(checked_length(machine.unpack(_U4)))),
        pickle.LONG: lambda machine: _integer(machine.word()),
        pickle.INT: lambda machine: _integer_or_bool(machine.word()),
        pickle.SHORT_BINBYTES: lambda machine: machine.data(machine.byte()),
        pickle.BINBYTES: lambda machine: machine.data(machine.unpack(_U4)),
        pickle.BINBYTES8: lambda machine: machine.data(machine.unpack(_U8)),
        pickle.BYTEARRAY8: lambda machine: machine.data(machine.unpack(_U8)),
        pickle.SHORT_BINUNICODE: lambda machine: _utf8(machine.read(machine.byte())),
        pickle.BINUNICODE: lambda machine: _utf8(machine.read(machine.unpack(_U4))),
        pickle.BINUNICODE8: lambda machine: _utf8(machine.read(machine.unpack(_U8))),
        pickle.UNICODE: lambda machine: machine.line().decode("raw-unicode-escape"),
        pickle.STRING: lambda machine: _quoted(machine.line()),
        pickle.SHORT_BINSTRING: lambda machine: machine.read(machine.byte()).decode("latin-1"),
        pickle.BINSTRING: lambda machine: machine.read(machine.unpack(_U4)).decode("latin-1"),
    }.items()
}

# All other opcodes, with the function that runs them.
_STEPS: dict[int, Callable[[Machine], object]] = {
    opcode[0]: step
    for opcode, step in {
        pickle.MEMOIZE: Machine.memoize,
        pickle.BINPUT: lambda machine: machine.put(machine.byte()),
        pickle.LONG_BINPUT: lambda machine: machine.put(machine.unpack(_U4)),
        pickle.PUT: lambda machine: machine.put(_integer(machine.word())),
        pickle.BINGET: lambda machine: machine.get(machine.byte()),
        pickle.LONG_BINGET: lambda machine: machine.get(machine.unpack(_U4)),
        pickle.GET: lambda machine: machine.get(_integer(machine.word())),
        pickle.MARK: Machine.mark,
        pickle.POP: Machine.pop,
        pickle.POP_MARK: Machine.pop_mark,
        pickle.DUP: lambda machine: machine.stack.append(machine.stack[-1]),
        pickle.TUPLE: lambda machine: machine.push_marked(tuple),
        pickle.TUPLE1: lambda machine: machine.pack(1),
        pickle.TUPLE2: lambda machine: machine.pack(2),
        pickle.TUPLE3: lambda machine: machine.pack(3),
        pickle.LIST: lambda machine: machine.push_marked(list),
        pickle.APPEND: lambda machine: machine.extend([machine.stack.pop()]),
        pickle.APPENDS: lambda machine: machine.extend(machine.pop_mark()),
        pickle.DICT: Machine.dictionary,
        pickle.SETITEM: lambda machine: machine.update(machine.pop_pair()),
        pickle.SETITEMS: lambda machine: machine.update(machine.pop_mark()),
        pickle.REDUCE: Machine.reduce,
        pickle.BUILD: lambda machine: machine.build(),
        pickle.STACK_GLOBAL: lambda machine: machine.find(*machine.pop_pair()),
        pickle.GLOBAL: lambda machine: machine.find(*machine.named()),
        pickle.INST: Machine.old_instance,
        pickle.OBJ: Machine.old_object,
        pickle.NEWOBJ: Machine.new_object,
        pickle.NEWOBJ_EX: Machine.new_object_with_keywords,
        pickle.BINPERSID: lambda machine: machine.persistent(),
        pickle.PERSID: lambda machine: machine.leave_out("a persistent id", lines=1),
        pickle.EMPTY_SET: lambda machine: machine.leave_out("a set"),
        pickle.FROZENSET: lambda machine: machine.leave_out("a frozenset", marked=True),
        pickle.ADDITEMS: Machine.pop_mark,
        pickle.EXT1: lambda machine: machine.leave_out("an extension code", size=1),
        pickle.EXT2: lambda machine: machine.leave_out("an extension code", size=2),
        pickle.EXT4: lambda machine: machine.leave_out("an extension code", size=4),
        pickle.NEXT_BUFFER: lambda machine: machine.leave_out("a buffer kept elsewhere"),
        pickle.PROTO: Machine.protocol,
        pickle.FRAME: lambda machine: machine.read(8),  # only a hint to read ahead
        pickle.READONLY_BUFFER: lambda machine: None,  # every buffer is read-only here
    }.items()
}


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _integer_or_bool(text: bytes) -> int:
    return text == b"01" if text in (b"00", b"01") else _integer(text)
