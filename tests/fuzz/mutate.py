"""Mutations of files: of their bytes, and of the structure of each kind of file."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import pickletools
import re
import struct
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from .corpus import MATRIX, STACK, Files, Seed, commented, npy_of, safetensors, zipped

LARGEST = 1 << 20  # bytes of an input, at most
INTEGERS: tuple[int, ...] = (
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    1000,
    32767,
    32768,
    65535,
    65536,
)
INTEGERS += (10**6, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**47, 2**62, 2**63 - 1, 2**63)
INTEGERS += (2**64 - 1, -1, -2, -128, -(2**31), -(2**63))

Change = Callable[[bytes, Random], bytes]


def mutated(seed: Seed, corpus: Sequence[Seed], rng: Random) -> Seed:
    """Return a seed with a few changes in one of its files, sometimes under another suffix."""
    name = rng.choice(list(seed.files))
    if seed.kind in ("zarr",) and rng.random() < 0.6:  # the metadata decide most
        name = next(iter(seed.files))
    data = seed.files[name]
    files: Files = dict(seed.files)
    if seed.kind == "zarr" and rng.random() < 0.05:
        files.pop(name) if len(files) > 1 else None
        return replace(seed, files=files)
    structured = STRUCTURED.get(seed.kind)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 8))):
        if structured is not None and rng.random() < 0.6:
            with suppress(Exception):  # an earlier change may have made it another kind
                data = structured(data, rng)
        elif rng.random() < 0.15:
            other = rng.choice([each for each in corpus if each.kind == seed.kind])
            data = spliced(data, rng.choice(list(other.files.values())), rng)
        else:
            data = rng.choice(BYTES)(data, rng)
        data = data[:LARGEST]
    files[name] = data
    renamed = rng.choice(corpus)
    if len(files) == 1 and "." in renamed.main and "/" not in name and rng.random() < 0.04:
        files = {seed.name.partition(".")[0] + "." + renamed.main.rpartition(".")[2]: files[name]}
    return replace(seed, files=files)


# ----------------------------------------------------------------------------------------- bytes


def _place(data: bytes | bytearray, rng: Random) -> int:
    """Return an offset into the data, most often near the headers."""
    return rng.randrange(min(len(data), rng.choice((64, 512, len(data) + 1))) or 1)


def flipped(data: bytes, rng: Random) -> bytes:
    out = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8, 32))):
        out[_place(out, rng)] ^= 1 << rng.randrange(8)
    return bytes(out)


def set_byte(data: bytes, rng: Random) -> bytes:
    out = bytearray(data or b"\0")
    out[_place(out, rng)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(out)


def set_integer(data: bytes, rng: Random) -> bytes:
    """Overwrite bytes with an interesting integer of any size and byte order."""
    size = rng.choice((1, 2, 4, 4, 8))
    number = rng.choice(INTEGERS) % (1 << 8 * size)
    at = _place(data, rng) // rng.choice((1, size)) * rng.choice((1, size))
    return data[:at] + number.to_bytes(size, rng.choice(("little", "big"))) + data[at + size :]


def cut(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def removed(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 64)) :]


def repeated(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    size = rng.choice((1, 4, 16, 64, 256))
    times = rng.choice((1, 2, 10, 1000))
    return data[:at] + data[at : at + size] * times + data[at:]


def inserted(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    more = rng.choice(
        (rng.randbytes(rng.choice((1, 4, 16))), b"\0" * 16, b"\xff" * 16, b"\x1b[31m")
    )
    return data[:at] + more + data[at:]


def spliced(data: bytes, other: bytes, rng: Random) -> bytes:
    """Insert a chunk of another file, or overwrite with it."""
    start = _place(other, rng)
    chunk = other[start : start + rng.choice((4, 16, 64, 256, len(other)))]
    at = _place(data, rng)
    return data[:at] + chunk + data[at + rng.choice((0, len(chunk))) :]


BYTES: tuple[Change, ...] = (flipped, set_byte, set_integer, cut, removed, repeated, inserted)


# ---------------------------------------------------------------------------------- headers, JSON

# placeholders for JSON that Python's json cannot write
RAW = {"@deep@": "[" * 60_000 + "]" * 60_000, "@digits@": "9" * 4000, "@infinite@": "1e999"}


def _value(rng: Random) -> Any:
    """Return a value that a place in JSON is not meant to hold."""
    return rng.choice(
        (
            None,
            True,
            rng.choice(INTEGERS),
            rng.choice(INTEGERS),
            10**30,
            float("nan"),
            -0.5,
            "",
            "x" * 5000,
            "\x1b[31m\nred",
            "\ud800",
            "../../secret.bin",
            [],
            {},
            [1] * 5000,
            {str(k): 0 for k in range(500)},
            {"shape": {}, "dtype": {}},
            [[[]]],
            {"id": "pickle"},
            {"id": "blosc"},
            "<U100000000",
            "|O",
            "float64",
            "str",
            *RAW,
        )
    )


def changed_json(text: bytes | str, rng: Random) -> bytes:
    """Return JSON with a node changed, moved, removed or duplicated."""
    tree = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])

    if isinstance(tree, (dict, list)):
        walk(tree)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not places:
            tree = _value(rng)
            break
        node, key = rng.choice(places)
        with suppress(KeyError, IndexError):
            way = rng.randrange(7)
            if way == 0:
                del node[key]
            elif way == 1:
                other, place = rng.choice(places)
                node[key] = json.loads(json.dumps(other[place]))
            elif way == 2 and isinstance(node[key], int):
                node[key] += rng.choice((-1, 1, 100, -1000))
            elif way == 3 and isinstance(node, dict):
                node[rng.choice(("", "w", "held", "step", "scalars", "sample", "xlim"))] = _value(
                    rng
                )
            else:
                node[key] = _value(rng)
    out = json.dumps(tree, separators=(",", ":"))
    for name, raw in RAW.items():
        out = out.replace(json.dumps(name), raw)
    return out.encode()


_DTYPES = (
    "'<f8'",
    "'>f2'",
    "'|b1'",
    "'<U4'",
    "'<U100000000'",
    "'|S3'",
    "'|O'",
    "'O'",
    "'|V8'",
    "'|V0'",
    "'<U0'",
    "'<M8[ns]'",
    "'<c16'",
    "'<f16'",
    "[('a', '<f8')]",
    "[('a', '|O'), ('b', '<i4', (2,))]",
    "[]",
    "('<f8', (2, 2))",
    "('|O', (2,))",
    "'f8,i4'",
    "'" + "f8," * 2000 + "'",
    "None",
    "3",
    "{'names': ['a'], 'formats': ['|O'], 'offsets': [4]}",
)


def npy_header(data: bytes, rng: Random) -> bytes:
    """Change the header of a .npy file."""
    size = 10 if data[6] == 1 else 12
    (length,) = struct.unpack_from("<H" if size == 10 else "<I", data, 8)
    text, rest = data[size : size + length].decode("latin-1").strip(), data[size + length :]
    way = rng.randrange(8)
    if way <= 2:
        text = re.sub(
            r"('descr': ).*(, 'fortran)", lambda m: m[1] + rng.choice(_DTYPES) + m[2], text
        )
    elif way <= 5:
        sides = [
            str(rng.choice((*INTEGERS, 0, 1, 2, 3, 4, 10**25))) for _ in range(rng.randrange(6))
        ]
        known = re.findall(r"\d+", text.rpartition("(")[2])
        for k, side in enumerate(known):
            if k < len(sides) and rng.random() < 0.5:
                sides[k] = side
        shape = rng.choice(
            (", ".join(sides) + ",", "1," * 40, "True, 2, 4", "2.0, 2, 4", "-1, 2, 4")
        )
        text = re.sub(r"'shape': \(.*?\)", f"'shape': ({shape})", text)
    elif way == 6:
        text = text.replace("False", rng.choice(("True", "1", "None", "[[" * 300)))
    else:
        text = rng.choice(("(" * 5000, "{" + text, text * 50, "-" * 20_000 + "1", "{}", "'\\x1b'"))
    version = rng.choice((b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\x01\x02", data[6:8]))
    return npy_of(text, rest, version)


def zip_fields(data: bytes, rng: Random) -> bytes:
    """Change a field in a record of a zip archive."""
    kinds = {b"PK\x01\x02": 46, b"PK\x03\x04": 30, b"PK\x05\x06": 22}
    found = [
        (m.start(), kinds[m[0]]) for m in re.finditer(rb"PK(\x01\x02|\x03\x04|\x05\x06)", data)
    ]
    start, length = rng.choice(found)
    size = rng.choice((2, 4))
    at = start + 4 + 2 * rng.randrange((length - 4) // 2)
    number = rng.choice((*INTEGERS, 0, 8, 12, 14, 93, 99)) % (1 << 8 * size)
    return data[:at] + number.to_bytes(size, "little") + data[at + size :]


def members(data: bytes, rng: Random, change: Change, pattern: str) -> bytes:
    """Change a member of a zip archive, its name, or its compression."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    fitting = [name for name in found if name.endswith(pattern)] or list(found)
    name = rng.choice(fitting)
    way = rng.randrange(6)
    if way == 0:
        names = (
            "../a.npy",
            "/a.npy",
            "a\nb.npy",
            "\x1b[31m.npy",
            "x" * 5000 + ".npy",
            ".npy",
            "é.npy",
        )
        found[rng.choice(names)] = found.pop(name)
    elif way == 1:
        found[f"{len(found)}.npy"] = found[name]
    else:
        found[name] = rng.choice((change, change, rng.choice(BYTES)))(found[name], rng)
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)
    return zipped(found, rng.choice(methods))


def _npz(data: bytes, rng: Random) -> bytes:
    return zip_fields(data, rng) if rng.random() < 0.4 else members(data, rng, npy_header, ".npy")


def _safetensors(data: bytes, rng: Random) -> bytes:
    (length,) = struct.unpack_from("<Q", data)
    return safetensors(changed_json(data[8 : 8 + length], rng), data[8 + length :])


def _torch(data: bytes, rng: Random) -> bytes:
    if not data.startswith(b"PK"):
        return opcodes(data, rng)
    return zip_fields(data, rng) if rng.random() < 0.3 else members(data, rng, opcodes, ".pkl")


def _json_or_chunk(data: bytes, rng: Random) -> bytes:
    if data.startswith(b"{"):
        return changed_json(data, rng)
    packed = (zlib.compress(data), pickle.dumps([data]), b"", data * 100)
    return rng.choice(packed) if rng.random() < 0.5 else rng.choice(BYTES)(data, rng)


# ---------------------------------------------------------------------------------------- pickles


def _snippet(value: object) -> bytes:
    """Return the opcodes that push a value."""
    return pickletools.optimize(pickle.dumps(value, 2))[2:-1]


# values that occur in pickles of frames
_SNIPPETS = tuple(
    _snippet(value)
    for value in (
        STACK,
        MATRIX,
        MATRIX[0],
        np.asfortranarray(MATRIX),
        np.zeros((0, 3)),
        np.zeros((1 << 40, 0)),
        np.ma.MaskedArray(MATRIX, MATRIX > 0),
        np.float32(1.5),
        np.array(["a", "bc"]),
        deque([1, 2]),
        deque(maxlen=3),
        np.dtype("f8"),
        [[1, 2], [3, 4]],
        [1.5] * 300,
        {"w": 1},
        b"bytes" * 60,
        10**40,
        complex(1, 2),
        -1.0,
        float("nan"),
        "text",
        True,
        None,
    )
)
_NAMES = (
    b"ccollections\ndeque\n",
    b"ccollections\nOrderedDict\n",
    b"c_codecs\nencode\n",
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cnumpy._core.multiarray\n_reconstruct\n",
    b"cnumpy._core.multiarray\nscalar\n",
    b"cnumpy._core.numeric\n_frombuffer\n",
    b"cnumpy.ma.core\n_mareconstruct\n",
    b"c__builtin__\nbytes\n",
    b"c__builtin__\ncomplex\n",
    b"cos\nsystem\n",
    b"cbuiltins\neval\n",
)
# every opcode without an argument, except STOP
_PLAIN = tuple(
    op.code.encode("latin-1") for op in pickletools.opcodes if op.arg is None and op.code != "."
)


def opcodes(data: bytes, rng: Random) -> bytes:
    """Remove, duplicate, swap or insert opcodes of a pickle."""
    ends: list[int] = []
    with suppress(Exception):
        ends += (at or 0 for _, _, at in pickletools.genops(data))
    if not ends:
        return program(rng)
    parts = [data[a:b] for a, b in zip(ends, [*ends[1:], len(data)], strict=True)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, other = rng.randrange(len(parts)), rng.randrange(len(parts))
        way = rng.randrange(6)
        if way == 0 and len(parts) > 1:
            del parts[at]
        elif way == 1:
            parts.insert(at, parts[other])
        elif way == 2:
            parts[at], parts[other] = parts[other], parts[at]
        elif way == 3:
            parts.insert(at, rng.choice(_PLAIN) * rng.choice((1, 1, 2, 1000)))
        elif way == 4:
            parts.insert(at, rng.choice((*_SNIPPETS, *_NAMES)))
        else:
            parts[at] = _operand(parts[at], rng)
    return b"".join(parts)


def _operand(part: bytes, rng: Random) -> bytes:
    """Return an opcode with another argument: one of the same size, or a longer number."""
    if part[-1:] == b"\n" and part[:1] in b"ILFpg":
        said = rng.choice((str(rng.choice(INTEGERS)), "9" * 3000, "nan", "1e999", "0x10", "00", ""))
        return part[:1] + said.encode() + b"\n"
    return part[:1] + set_integer(part[1:], rng)[: len(part) - 1]


def program(rng: Random) -> bytes:
    """Return a random pickle that mostly keeps to the rules of the stack."""
    out = [b"\x80" + bytes([rng.randrange(6)])]
    stack: list[str] = []  # the kinds of its items
    kept = 0

    def push(code: bytes, kind: str) -> None:
        out.append(code)
        stack.append(kind)

    for _ in range(rng.choice((5, 20, 60, 200))):
        way = rng.randrange(14)
        top = stack[-1] if stack else ""
        if way == 0:
            push(rng.choice(_SNIPPETS), "value")
        elif way == 1:
            push(*rng.choice(((b"]", "list"), (b"}", "dict"), (b")", "tuple"))))
        elif way == 2 and top:
            out.append(b"q" + bytes([kept % 256]))
            kept += 1
        elif way == 3 and kept:
            push(b"h" + bytes([rng.randrange(min(kept, 256))]), "value")
        elif way == 4 and top:
            push(b"2", top)
        elif way == 5 and top:
            push(b"(", "mark")
        elif way == 6 and len(stack) > 1 and (rng.random() < 0.1 or stack[-2] in ("list", "deque")):
            out.append(b"a")
            stack.pop()
        elif way in (7, 8) and "mark" in stack:
            at = len(stack) - 1 - stack[::-1].index("mark")
            target = stack[at - 1] if at else ""
            codes = [(b"t", "tuple"), (b"l", "list")]
            code, kind = rng.choice(codes)
            if target in ("list", "deque"):
                code, kind = b"e", target
            elif target == "dict" and (len(stack) - at) % 2:
                code, kind = b"u", target
            del stack[at - 1 if code in b"eu" else at :]
            push(code, kind)
        elif way == 9 and top:
            count = rng.randrange(1, min(len(stack), 3) + 1)
            if "mark" not in stack[-count:]:
                del stack[-count:]
                push((b"\x85", b"\x86", b"\x87")[count - 1], "tuple")
        elif way == 10:
            name = rng.choice(_NAMES)
            push(name, "name")
            if b"deque" in name and kept:
                out.append(b"](" + (b"h" + bytes([rng.randrange(min(kept, 256))])) * 2 + b"e\x85R")
                stack[-1] = "deque"
        elif way == 11 and stack[-2:] == ["name", "tuple"]:
            out.append(b"R")
            stack[-2:] = ["value"]
        elif way == 12 and top:  # doubles the top again and again
            times = rng.choice((2, 10, 40))
            out.append(rng.choice((b"2\x86", b"q\xff0](h\xffh\xffe")) * times)
            stack[-1] = "list"
        elif way == 13 and len(stack) > 1:
            out.append(rng.choice((b"b", b"R", b"s", b"0")))
            stack.pop()
    # the rest of the stack becomes one object, or several dumped one after another
    return b"".join(out) + rng.choice((b".", b"\x85.", b"2\x86.", b".\x80\2]."))


def _pickle(data: bytes, rng: Random) -> bytes:
    return program(rng) if rng.random() < 0.5 else opcodes(data, rng)


# ------------------------------------------------------------------------------------------- GIFs


def _pieces(data: bytes) -> list[bytes]:
    """Return the header of a GIF, each of its blocks, and whatever follows."""
    end = 13 + (3 * (2 << (data[10] & 7)) if data[10] & 0x80 else 0)
    pieces = [data[:end]]
    while data[end : end + 1] in (b"!", b","):
        start = end
        if data[end] == 0x21:
            end += 2
        else:
            end += 10 + (3 * (2 << (data[end + 9] & 7)) if data[end + 9] & 0x80 else 0) + 1
        while size := data[end]:
            end += size + 1
        end += 1
        pieces.append(data[start:end])
    return [*pieces, data[end:]]


def _text_of(piece: bytes) -> bytes:
    """Return the text of a comment."""
    text, at = b"", 2
    while size := piece[at]:
        text += piece[at + 1 : at + 1 + size]
        at += size + 1
    return text


def gif_blocks(data: bytes, rng: Random) -> bytes:
    """Change blocks of a GIF, mostly the notes in its comments."""
    pieces = _pieces(data)
    notes = [k for k, piece in enumerate(pieces) if piece.startswith(b"!\xfe")]
    at, other = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    way = rng.randrange(10)
    if way < 5 and notes:
        at = rng.choice(notes)
        pieces[at] = commented(changed_json(_text_of(pieces[at]), rng))
    elif way == 5:
        pieces.insert(at, pieces[other])
    elif way == 6:
        pieces[at], pieces[other] = pieces[other], pieces[at]
    elif way == 7:
        pieces[at : at + 1] = [pieces[at]] * rng.choice((0, 2, 50))
    else:
        pieces[at] = rng.choice((flipped, set_byte, set_integer))(pieces[at], rng)
    return b"".join(pieces)


# ------------------------------------------------------------------------------------------ others


def font_table(data: bytes, rng: Random) -> bytes:
    """Change a field in the table directory of a font, or the beginning of a table."""
    count = int.from_bytes(data[4:6], "big")
    at = 12 + 16 * rng.randrange(count or 1)
    if rng.random() < 0.5:
        place = at + 4 * rng.randrange(4)
    else:
        place = int.from_bytes(data[at + 8 : at + 12], "big") + 2 * rng.randrange(40)
    size = rng.choice((1, 2, 4))
    number = rng.choice((*INTEGERS, rng.randrange(1 << 16))) % (1 << 8 * size)
    return data[:place] + number.to_bytes(size, "big") + data[place + size :]


def text_lines(data: bytes, rng: Random) -> bytes:
    """Change lines of text."""
    lines = data.split(b"\n")
    texts = (
        b"\x1b[31m",
        b"{step:>99999999}",
        b"{step.__class__}",
        b"{0[0]}",
        b"{",
        b"\xff\xfe",
        "\u202e\u05d0\u0301".encode() * 50,
        b"x" * 3000,
        b"\0",
        b"\r",
    )
    lines[rng.randrange(len(lines))] = rng.choice(texts)
    return b"\n".join(lines * (rng.choice((1, 1, 2, 100)) if len(data) < 1000 else 1))


def csv_cells(data: bytes, rng: Random) -> bytes:
    """Change cells of a text file, the lines they are in, or how it is packed."""
    packed = data.startswith(b"\x1f\x8b")
    text = gzip.decompress(data)[:LARGEST] if packed else data
    lines = text.split(b"\n")
    mark = rng.choice((b",", b";", b"\t")) if rng.random() < 0.1 else b","
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(min(len(lines), 20))
        cells = lines[at].split(mark)
        cells[rng.randrange(min(len(cells), 20))] = rng.choice(CELLS)
        lines[at] = mark.join(cells * rng.choice((1, 1, 1, 2)))
        if rng.random() < 0.3:
            lines.insert(rng.randrange(len(lines)), lines[at])
    text = rng.choice((b"\n", b"\n", b"\r\n", b"\r")).join(lines)
    return gzip.compress(text, mtime=0) if packed or rng.random() < 0.05 else text


CELLS: tuple[bytes, ...] = (b"", b"NA", b"nan", b"-inf", b"1e999", b"abc", b'"', b'"1"', b'"a\nb"')
CELLS += (b"1,5", b"1.5", b"-1", b"0", b"1", b"7", b"1000000000", b"9" * 30, b"9" * 9000, b"1_0")
CELLS += (
    b"step",
    b"row",
    b"value",
    b"col",
    b"Unnamed: 0",
    b"\0",
    b"\xff",
    "\u0663".encode(),
    b" 2 ",
)
CELLS += (b"\x1b[31m", b"\xef\xbb\xbf", b"\r", b"x" * 140_000, b"0.5", b"2.0")
STRUCTURED: dict[str, Change] = {
    "csv": csv_cells,
    "npy": npy_header,
    "npz": _npz,
    "pickle": _pickle,
    "safetensors": _safetensors,
    "torch": _torch,
    "zarr": _json_or_chunk,
    "gif": gif_blocks,
    "font": font_table,
    "text": text_lines,
}
