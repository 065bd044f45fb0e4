"""Pickles may hold arrays and containers; anything else is refused by name, and nothing runs."""

from __future__ import annotations

import argparse
import base64
import builtins
import codecs
import collections
import copyreg
import functools
import gc
import io
import os
import pickle
import pickletools
import re
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastheat.inputs.sources import pickle_globals, pickles
from fastheat.inputs.sources.source import Stored

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
DTYPES = ["?", "i1", "<u2", ">i4", "u8", "<f2", ">f4", "<f8", ">f8", "g", "c16"]

# Written by numpy 1.23.5 on Python 3.10, and by numpy 1.16.6 on Python 2.7. For each protocol, a
# C- and a Fortran-ordered array; "ma" is a masked array, "sc" a nested list of scalars.
NUMPY_1 = {
    "0": """
        KGxwMApjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApwMQooY251bXB5Cm5kYXJyYXkKcDIKKEkw
        CnRwMwpjX2NvZGVjcwplbmNvZGUKcDQKKFZiCnA1ClZsYXRpbjEKcDYKdHA3ClJwOAp0cDkKUnAxMAooSTEKKEky
        CkkyCnRwMTEKY251bXB5CmR0eXBlCnAxMgooVmY4CnAxMwpJMDAKSTAxCnRwMTQKUnAxNQooSTMKVjwKcDE2Ck5O
        TkktMQpJLTEKSTAKdHAxNwpiSTAwCmc0CihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAw+D9c
        dTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDDAXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAw
        XHUwMDAwXHUwMDAw0D9cdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDAIQApwMTgKZzYKdHAxOQpS
        cDIwCnRwMjEKYmFnMQooZzIKKEkwCnRwMjIKZzgKdHAyMwpScDI0CihJMQooSTIKSTIKdHAyNQpnMTUKSTAxCmc0
        CihWXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwXHUwMDAwFEBcdTAwMDBcdTAwMDBcdTAwMDBcdTAwMDBc
        dTAwMDBcdTAwMDAcQFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMFx1MDAwMBhAXHUwMDAwXHUwMDAwXHUw
        MDAwXHUwMDAwXHUwMDAwXHUwMDAwIEAKcDI2Cmc2CnRwMjcKUnAyOAp0cDI5CmJhLg==
    """,
    "1": """
        XXEAKGNudW1weS5jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEBKGNudW1weQpuZGFycmF5CnECKEsAdHED
        Y19jb2RlY3MKZW5jb2RlCnEEKFgBAAAAYnEFWAYAAABsYXRpbjFxBnRxB1JxCHRxCVJxCihLAShLAksCdHELY251
        bXB5CmR0eXBlCnEMKFgCAAAAZjhxDUkwMApJMDEKdHEOUnEPKEsDWAEAAAA8cRBOTk5K/////0r/////SwB0cRFi
        STAwCmgEKFgjAAAAAAAAAAAAw7g/AAAAAAAAAMOAAAAAAAAAw5A/AAAAAAAACEBxEmgGdHETUnEUdHEVYmgBKGgC
        KEsAdHEWaAh0cRdScRgoSwEoSwJLAnRxGWgPSTAxCmgEKFggAAAAAAAAAAAAFEAAAAAAAAAcQAAAAAAAABhAAAAA
        AAAAIEBxGmgGdHEbUnEcdHEdYmUu
    """,
    "2": """
        gAJdcQAoY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQFjbnVtcHkKbmRhcnJheQpxAksAhXED
        Y19jb2RlY3MKZW5jb2RlCnEEWAEAAABicQVYBgAAAGxhdGluMXEGhnEHUnEIh3EJUnEKKEsBSwJLAoZxC2NudW1w
        eQpkdHlwZQpxDFgCAAAAZjhxDYmIh3EOUnEPKEsDWAEAAAA8cRBOTk5K/////0r/////SwB0cRFiiWgEWCMAAAAA
        AAAAAADDuD8AAAAAAAAAw4AAAAAAAADDkD8AAAAAAAAIQHESaAaGcRNScRR0cRViaAFoAksAhXEWaAiHcRdScRgo
        SwFLAksChnEZaA+IaARYIAAAAAAAAAAAABRAAAAAAAAAHEAAAAAAAAAYQAAAAAAAACBAcRpoBoZxG1JxHHRxHWJl
        Lg==
    """,
    "4": """
        gASV7gAAAAAAAABdlCiMFW51bXB5LmNvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAdu
        ZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwJLAoaUaASMBWR0eXBllJOUjAJmOJSJiIeUUpQoSwOMATyUTk5OSv//
        //9K/////0sAdJRiiUMgAAAAAAAA+D8AAAAAAAAAwAAAAAAAANA/AAAAAAAACECUdJRiaANoBksAhZRoCIeUUpQo
        SwFLAksChpRoEIhDIAAAAAAAABRAAAAAAAAAHEAAAAAAAAAYQAAAAAAAACBAlHSUYmUu
    """,
    "5": """
        gAWV1gAAAAAAAABdlCiMEm51bXB5LmNvcmUubnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYgAAAAAAAAAAAAAAAA
        APg/AAAAAAAAAMAAAAAAAADQPwAAAAAAAAhAlIwFbnVtcHmUjAVkdHlwZZSTlIwCZjiUiYiHlFKUKEsDjAE8lE5O
        Tkr/////Sv////9LAHSUYksCSwKGlIwBQ5R0lFKUaAMoliAAAAAAAAAAAAAAAAAAFEAAAAAAAAAcQAAAAAAAABhA
        AAAAAAAAIECUaApLAksChpSMAUaUdJRSlGUu
    """,
    "ma": """
        gAJjbnVtcHkubWEuY29yZQpfbWFyZWNvbnN0cnVjdApxAChjbnVtcHkubWEuY29yZQpNYXNrZWRBcnJheQpxAWNu
        dW1weQpuZGFycmF5CnECSwCFcQNYAQAAAGJxBHRxBVJxBihLAUsBSwKGcQdjbnVtcHkKZHR5cGUKcQhYAgAAAGk4
        cQmJiIdxClJxCyhLA1gBAAAAPHEMTk5OSv////9K/////0sAdHENYoljX2NvZGVjcwplbmNvZGUKcQ5YEAAAAAEA
        AAAAAAAAAgAAAAAAAABxD1gGAAAAbGF0aW4xcRCGcRFScRJoDlgCAAAAAAFxE2gQhnEUUnEVTnRxFmIu
    """,
    "sc": """
        gAJdcQBdcQEoY251bXB5LmNvcmUubXVsdGlhcnJheQpzY2FsYXIKcQJjbnVtcHkKZHR5cGUKcQNYAgAAAGY0cQSJ
        iIdxBVJxBihLA1gBAAAAPHEHTk5OSv////9K/////0sAdHEIYmNfY29kZWNzCmVuY29kZQpxCVgFAAAAAADDgD9x
        ClgGAAAAbGF0aW4xcQuGcQxScQ2GcQ5ScQ9oAmgDWAIAAABpOHEQiYiHcRFScRIoSwNoB05OTkr/////Sv////9L
        AHRxE2JoCVgIAAAAAgAAAAAAAABxFGgLhnEVUnEWhnEXUnEYZWEu
    """,
}
PYTHON_2 = {
    "0": """
        KGxwMApjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApwMQooY251bXB5Cm5kYXJyYXkKcDIKKEkw
        CnRwMwpTJ2InCnA0CnRwNQpScDYKKEkxCihJMgpJMgp0cDcKY251bXB5CmR0eXBlCnA4CihTJ2Y4JwpwOQpJMApJ
        MQp0cDEwClJwMTEKKEkzClMnPCcKcDEyCk5OTkktMQpJLTEKSTAKdHAxMwpiSTAwClMnXHgwMFx4MDBceDAwXHgw
        MFx4MDBceDAwXHhmOD9ceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHhjMFx4MDBceDAwXHgwMFx4MDBceDAw
        XHgwMFx4ZDA/XHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgwOEAnCnAxNAp0cDE1CmJhZzEKKGcyCihJMAp0cDE2
        Cmc0CnRwMTcKUnAxOAooSTEKKEkyCkkyCnRwMTkKZzExCkkwMQpTJ1x4MDBceDAwXHgwMFx4MDBceDAwXHgwMFx4
        MTRAXHgwMFx4MDBceDAwXHgwMFx4MDBceDAwXHgxY0BceDAwXHgwMFx4MDBceDAwXHgwMFx4MDBceDE4QFx4MDBc
        eDAwXHgwMFx4MDBceDAwXHgwMCBAJwpwMjAKdHAyMQpiYS4=
    """,
    "1": """
        XXEAKGNudW1weS5jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEBKGNudW1weQpuZGFycmF5CnECKEsAdHED
        VQFicQR0cQVScQYoSwEoSwJLAnRxB2NudW1weQpkdHlwZQpxCChVAmY4cQlLAEsBdHEKUnELKEsDVQE8cQxOTk5K
        /////0r/////SwB0cQ1iSTAwClUgAAAAAAAA+D8AAAAAAAAAwAAAAAAAANA/AAAAAAAACEBxDnRxD2JoAShoAihL
        AHRxEGgEdHERUnESKEsBKEsCSwJ0cRNoC0kwMQpVIAAAAAAAABRAAAAAAAAAHEAAAAAAAAAYQAAAAAAAACBAcRR0
        cRViZS4=
    """,
    "2": """
        gAJdcQAoY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQFjbnVtcHkKbmRhcnJheQpxAksAhXED
        VQFicQSHcQVScQYoSwFLAksChnEHY251bXB5CmR0eXBlCnEIVQJmOHEJSwBLAYdxClJxCyhLA1UBPHEMTk5OSv//
        //9K/////0sAdHENYolVIAAAAAAAAPg/AAAAAAAAAMAAAAAAAADQPwAAAAAAAAhAcQ50cQ9iaAFoAksAhXEQaASH
        cRFScRIoSwFLAksChnETaAuIVSAAAAAAAAAUQAAAAAAAABxAAAAAAAAAGEAAAAAAAAAgQHEUdHEVYmUu
    """,
    "ma": """
        gAJjbnVtcHkubWEuY29yZQpfbWFyZWNvbnN0cnVjdApxAChjbnVtcHkubWEuY29yZQpNYXNrZWRBcnJheQpxAWNu
        dW1weQpuZGFycmF5CnECSwCFcQNVAWJxBHRxBVJxBihLAUsBSwKGcQdjbnVtcHkKZHR5cGUKcQhVAmk4cQlLAEsB
        h3EKUnELKEsDVQE8cQxOTk5K/////0r/////SwB0cQ1iiVUQAQAAAAAAAAACAAAAAAAAAHEOVQIAAXEPTnRxEGIu
    """,
    "sc": """
        gAJdcQBdcQEoY251bXB5LmNvcmUubXVsdGlhcnJheQpzY2FsYXIKcQJjbnVtcHkKZHR5cGUKcQNVAmY0cQRLAEsB
        h3EFUnEGKEsDVQE8cQdOTk5K/////0r/////SwB0cQhiVQQAAMA/cQmGcQpScQtoAmgDVQJpOHEMSwBLAYdxDVJx
        DihLA1UBPHEPTk5OSv////9K/////0sAdHEQYlUIAgAAAAAAAABxEYZxElJxE2VhLg==
    """,
}


@pytest.fixture(scope="module", params=["eager", "deferred"], autouse=True)
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run each test of this file twice; the second time, all data stay in the file."""
    global DEFER
    DEFER = request.param == "deferred"
    with patch.object(pickles, "_LARGE", 1 if DEFER else pickles._LARGE):
        yield request.param


DEFER = False


def load(data: bytes) -> Any:
    file = io.BytesIO(data)
    value = pickles.load(file, defer=DEFER)
    if DEFER:
        with suppress(RecursionError):  # data nested that deeply hold no arrays here
            value = read(value, file, {})
    return value


def read(value: Any, file: BinaryIO, known: dict[int, Any]) -> Any:
    """Read the parts of `value` that are still in the file, keeping shared objects shared."""
    if id(value) in known:
        return known[id(value)]
    known[id(value)] = new = value
    if isinstance(value, Stored | pickle_globals.Span):
        new = value.read(file) if isinstance(value, Stored) else pickle_globals.whole(value)
    elif isinstance(value, tuple):
        new = tuple(read(item, file, known) for item in value)
    elif isinstance(value, list | collections.deque | dict):
        for key in value if isinstance(value, dict) else range(len(value)):
            value[key] = read(value[key], file, known)
    known[id(value)] = new
    return new


def refusal(data: bytes) -> str:
    """Return the error of data that must be refused, having run nothing and allocated little."""
    with nothing_runs(), little_memory(), pytest.raises(pickle.UnpicklingError) as caught:
        load(data)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 400
    return message


EVENTS: list[str] | None = None
WATCHED = 0  # the thread that loads
ELSEWHERE: set[str] = set()  # modules that other threads import, started by other tests

codecs.lookup("raw_unicode_escape")  # the codec of protocol 0, loaded in advance


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if EVENTS is None:
        return
    if threading.get_ident() == WATCHED:
        EVENTS.append(event)
    elif event == "import":
        ELSEWHERE.add(str(arguments[0]))


sys.addaudithook(watch)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Check by audit hook that no import, file, process, eval or foreign attribute is used."""
    global EVENTS, WATCHED
    modules = set(sys.modules)
    events: list[str] = []
    ELSEWHERE.clear()
    EVENTS, WATCHED = events, threading.get_ident()
    gc.disable()  # garbage of other tests may close files when it is collected
    try:
        yield
    finally:
        gc.enable()
        EVENTS = None
    assert events == []
    assert set(sys.modules) - ELSEWHERE == modules - ELSEWHERE


@contextmanager
def little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


class Call:
    """An object that is pickled as a call of `function`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def by_name(module: str, name: str, *arguments: object) -> bytes:
    """Return a pickle of protocol 4 that calls module.name; Python resolves dots in both."""
    names = b"".join(
        b"\x8c" + bytes([len(text.encode())]) + text.encode() for text in (module, name)
    )
    values = pickle.dumps(arguments, 2)[2:-1]
    return b"\x80\x04" + names + b"\x93" + values + b"R."


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_of_every_protocol_dtype_and_order_come_back(protocol: int, dtype: str) -> None:
    stack = np.arange(24).reshape(2, 3, 4).astype(dtype)
    frames = [
        stack,
        np.asfortranarray(stack),
        stack.transpose(1, 0, 2),
        stack[:, ::2, 1:],
        stack[0].T,
        stack[:0],
        np.asarray(stack[1, 2, 3]),
        stack[1, 2, 3],
    ]
    loaded = load(pickle.dumps(frames, protocol))
    assert type(loaded) is list
    for before, after in zip(frames, loaded, strict=True):
        assert type(after) is type(before)
        assert after.dtype == before.dtype
        assert after.shape == before.shape
        np.testing.assert_array_equal(after, before)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_masked_arrays_keep_their_masks(protocol: int) -> None:
    values = np.array([[1, 2, 3], [4, 5, 6]])
    for data in (values, np.asfortranarray(values)):
        before = np.ma.MaskedArray(data, data % 3 == 2)
        after = load(pickle.dumps(before, protocol))
        assert isinstance(after, np.ma.MaskedArray)
        np.testing.assert_array_equal(np.ma.getmaskarray(after), np.ma.getmaskarray(before))
        np.testing.assert_array_equal(after.filled(-1), before.filled(-1))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (4, 5), (60, 80)])
@pytest.mark.parametrize("dtype", ["u1", "f4", "f8"])
def test_many_masked_arrays_are_no_copies(
    protocol: int, shape: tuple[int, int], dtype: str
) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 9, (500 if shape[0] < 60 else 20, *shape)).astype(dtype)
    for before in (np.ma.MaskedArray(values, values > 3), np.ma.MaskedArray(values, mask=False)):
        for pickled in (list(before), before):
            after = np.ma.stack(load(pickle.dumps(pickled, protocol)))
            np.testing.assert_array_equal(np.ma.getmaskarray(after), np.ma.getmaskarray(before))
            np.testing.assert_array_equal(after.filled(0), before.filled(0))


PLAIN: list[Any] = [
    [],
    (),
    {},
    b"",
    "",
    None,
    True,
    False,
    0,
    -1,
    255,
    65535,
    65536,
    -(2**31),
    2**40,
    -(2**70),
    2**800,
    1.5,
    float("inf"),
    1 - 2j,
    "käse\n\\'\U0001f9c0",
    b"\x00\xff" * 300,
    "x" * 70000,
    bytes(range(256)),
    [1, [2, (3, {"a": [4]})]],
    {"weights": [[1.0, 2.0]], 3: None, 4.5: "x", b"k": ()},
    (1,),
    (1, 2),
    (1, 2, 3),
    (1, 2, 3, 4),
    collections.deque([1, 2], maxlen=5),
    collections.deque([[1.0]]),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:20])
def test_plain_values_come_back_as_pickle_itself_reads_them(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    loaded = load(data)
    assert type(loaded) is type(value)
    assert loaded == value


numbers = st.integers() | st.floats(allow_nan=False) | st.booleans()
trees = st.recursive(
    numbers | st.none() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@given(tree=trees, protocol=st.sampled_from(PROTOCOLS))
@settings(deadline=None)
def test_any_tree_of_plain_values_comes_back(tree: Any, protocol: int) -> None:
    assert load(pickle.dumps(tree, protocol)) == tree


def test_shared_objects_stay_shared() -> None:
    frame = np.ones((2, 3))
    for protocol in PROTOCOLS:
        first, second, third = load(pickle.dumps([frame, frame, [frame]], protocol))
        assert first is second
        assert first is third[0]


def test_ordered_dicts_are_read_as_dicts() -> None:
    ordered = collections.OrderedDict(a=np.ones((1, 1)), b=2)
    for protocol in PROTOCOLS:
        assert list(load(pickle.dumps(ordered, protocol))) == ["a", "b"]


@pytest.mark.parametrize("written", [NUMPY_1, PYTHON_2], ids=["numpy 1", "Python 2"])
def test_pickles_of_older_versions_are_read(written: dict[str, str]) -> None:
    for name, text in written.items():
        loaded = load(base64.b64decode(text))
        if name == "ma":
            np.testing.assert_array_equal(loaded.filled(-1), [[1, -1]])
        elif name == "sc":
            assert loaded == [[1.5, 2]]
            assert [value.dtype for value in loaded[0]] == ["f4", "i8"]
        else:
            np.testing.assert_array_equal(loaded[0], [[1.5, -2.0], [0.25, 3.0]])
            np.testing.assert_array_equal(loaded[1], [[5.0, 6.0], [7.0, 8.0]])


def test_the_names_of_numpy_1_and_2_are_the_same_to_it() -> None:
    frame = np.arange(6.0).reshape(2, 3)
    for protocol in (0, 1, 2, 3):  # in these, names are lines without a length
        data = pickle.dumps([frame, frame[0, 0]], protocol)
        for core in (b"numpy.core", b"numpy._core"):
            written = data.replace(b"cnumpy._core.", b"c%s." % core)
            written = written.replace(b"cnumpy.core.", b"c%s." % core)
            array, scalar = load(written)
            np.testing.assert_array_equal(array, frame)
            assert scalar == frame[0, 0]


def test_objects_that_were_dumped_one_after_another_are_read_one_at_a_time() -> None:
    file = io.BytesIO()
    for protocol in PROTOCOLS:
        pickle.dump(np.full((2, 2), protocol), file, protocol)
    file.seek(0)
    for protocol in PROTOCOLS:
        assert pickles.load(file)[0, 0] == protocol
    assert file.read() == b""


def attacks(ran: Path) -> dict[str, tuple[object, str]]:
    touch, path = f"touch {ran}", str(ran)
    return {
        "os.system": (Call(os.system, touch), f"{os.name}.system"),
        "eval": (Call(eval, f"open({path!r}, 'w')"), "builtins.eval"),
        "exec": (Call(exec, f"open({path!r}, 'w')"), "builtins.exec"),
        "open": (Call(open, path, "w"), "io.open"),
        "getattr": (Call(getattr, Call(__import__, "os"), "system"), "builtins.getattr"),
        "import": (Call(__import__, "os"), "builtins.__import__"),
        "subprocess": (Call(subprocess.Popen, ["touch", path]), "subprocess.Popen"),
        "check_output": (Call(subprocess.check_output, ["touch", path]), "subprocess.check_output"),
        "partial": (Call(functools.partial(os.system, touch)), "functools.partial"),
        "numpy.load": (Call(np.load, path), "numpy.load"),
        "numpy.fromfile": (Call(np.fromfile, path), "fromfile"),
        "numpy.memmap": (Call(np.memmap, path, "u1", "w+", 0, (1,)), "numpy.memmap"),
        "numpy.save": (Call(np.save, path, 1), "numpy.save"),
        "frombuffer": (Call(np.frombuffer, b"12345678"), "frombuffer"),
        "zeros": (Call(np.zeros, 1 << 40), "zeros"),
        "function": (np.linalg.norm, "numpy.linalg.norm"),
        "class": (Path, "pathlib"),
        "instance": (argparse.Namespace(a=1), "argparse.Namespace"),
        "exception": (ValueError("x"), "builtins.ValueError"),
        "set": ({1}, "set"),
        "frozenset": (frozenset({1}), "frozenset"),
        "object dtype": (np.array([Call(os.system, touch)], dtype=object), ""),
        "objects": (np.array([[[1], None]], dtype=object), "an object array"),
        "strings": (np.array([b"a", b"b"]), "'S1'"),
        "dates": (np.array(["2020-01-01"], "M8[D]"), "'M8'"),
        "records": (np.zeros(3, [("a", "f8")]), "with fields 'a', expected numbers"),
        "array subclass": (np.ones((2, 2)).view(np.recarray), "numpy"),
        "random state": (np.random.RandomState(0), "numpy.random"),
        "copyreg": (Call(copyreg.add_extension, "os", "system", 77), "copyreg.add_extension"),
        "in a list": ([np.ones((1, 1)), [Call(os.system, touch)]], f"{os.name}.system"),
        "in a dict": ({"a": Call(os.system, touch)}, f"{os.name}.system"),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", attacks(Path()))
def test_what_would_run_is_refused_by_name(name: str, protocol: int, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    attack, asked = attacks(ran)[name]
    try:
        data = pickle.dumps(attack, protocol)
    except (pickle.PicklingError, TypeError):
        pytest.skip("cannot be written in this protocol")
    message = refusal(data)
    if protocol >= 3:  # older ones write the names of Python 2, and sets as constructor calls
        assert asked in message
    assert not ran.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy", "_core.multiarray._reconstruct"),
        ("numpy.core", "multiarray._reconstruct"),
        ("numpy._core.multiarray", "_reconstruct.__class__"),
        ("numpy._core.multiarray", "_reconstruct.__globals__"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "dtype.__new__"),
        ("numpy", "dtype.__class__.__base__.__subclasses__"),
        ("numpy", "os.system"),
        ("numpy", "ma.ndarray"),
        ("numpy", "dtype.dtype"),
        ("numpy", ""),
        ("", "numpy"),
        ("collections", "deque.__init__.__globals__"),
        ("collections", "OrderedDict.__class__"),
        ("collections", "_sys.modules"),
        ("_codecs", "encode.__self__"),
        ("_codecs", "decode"),
        ("codecs", "open"),
        ("builtins", "bytes.fromhex"),
        ("builtins", "complex.__base__"),
        ("fastheat.inputs.sources.pickles", "os.system"),
        ("fastheat.inputs.sources.pickles", "_NAMES"),
        ("copyreg", "__newobj__"),
        ("operator", "attrgetter"),
        ("numpy.core._multiarray_umath", "_reconstruct"),
        ("numpy.ma.core", "MaskedArray.dump"),
        ("numpy.lib.npyio", "loadtxt"),
        ("os\nsystem", "x\x1b[31m\r\n"),
        ("é" * 50, "\u202e\x00"),
    ],
)
def test_dots_and_near_names_lead_nowhere(module: str, name: str) -> None:
    message = refusal(by_name(module, name, "x", "y", "z"))
    assert ascii(module)[1:-1] in message
    assert ascii(name)[1:-1] in message


def test_names_in_the_lines_of_old_protocols_are_refused_alike() -> None:
    assert "os.system" in refusal(b"cos\nsystem\n(S'true'\ntR.")
    assert "posix.system" in refusal(b"(S'true'\niposix\nsystem\n.")
    assert "numpy.ndarray" in refusal(b"(I0\ninumpy\nndarray\n.")
    assert "os.system" in refusal(b"(cos\nsystem\nS'true'\no.")
    assert "__builtin__.eval" in refusal(b"c__builtin__\neval\n(S'1'\ntR.")


def test_a_name_whose_parts_are_no_text_is_refused() -> None:
    refusal(b"\x80\x04]]\x93.")
    refusal(b"\x80\x04C\x02os\x8c\x06system\x93.")


NDARRAY = b"cnumpy\nndarray\n"
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(" + NDARRAY + b"(I0\ntS'b'\ntR"
FLOAT64 = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"


def array_of(shape: bytes, raw: bytes, dtype: bytes = FLOAT64) -> bytes:
    return RECONSTRUCT + b"(I1\n(" + shape + b"t" + dtype + b"I00\n" + raw + b"tb"


STATE = array_of(b"I0\n", b"S''\n").removeprefix(RECONSTRUCT)


def test_the_pieces_of_these_tests_make_an_array() -> None:
    raw = b"B" + struct.pack("<I", 16) + np.array([1.0, 2.0]).tobytes()
    np.testing.assert_array_equal(load(array_of(b"I1\nI2\n", raw) + b"."), [[1.0, 2.0]])
    assert load(RECONSTRUCT + STATE + b".").shape == (0,)


@pytest.mark.parametrize(
    "data",
    {
        "name of a class called": NDARRAY + b"(I5\ntR.",
        "call of a call": RECONSTRUCT + b"(tR.",
        "call of a list": b"](tR.",
        "call of an array": array_of(b"I0\n", b"S''\n") + b"(tR.",
        "arguments no tuple": b"cnumpy\ndtype\nS'f8'\nR.",
        "too many arguments": b"c_codecs\nencode\n(S'a'\nS'latin1'\nS'x'\ntR.",
        "state of a name": b"cnumpy\ndtype\n}b.",
        "slots of a name": b"cnumpy\ndtype\n(N}S'call'\nI1\nstb.",
        "state of a list": b"]}b.",
        "attributes of a call to come": RECONSTRUCT + b"}S'finish'\nI1\nsb.",
        "slots of a call to come": RECONSTRUCT + b"(N}S'finish'\nI1\nstb.",
        "state given twice": array_of(b"I0\n", b"S''\n") + b"(tb.",
        "state of a copy given twice": RECONSTRUCT + b"2" + STATE + b"0" + STATE + b".",
        "new object": NDARRAY + b"(I5\nt\x81.",
        "new object with keywords": NDARRAY + b"(I5\nt}\x92.",
        "old object": b"(" + NDARRAY + b"I5\no.",
        "items of an array": array_of(b"I0\n", b"S''\n") + b"I0\nI1\ns.",
        "append to an array": array_of(b"I0\n", b"S''\n") + b"I0\na.",
        "append to a dict": b"}I0\na.",
        "items of a list": b"]I0\nI1\ns.",
        "items of a name": b"cnumpy\ndtype\nI0\nI1\ns.",
        "codec": b"c_codecs\nencode\n(S'a'\nS'rot13'\ntR.",
        "codec of bytes": b"c_codecs\nencode\n(C\x01aS'latin1'\ntR.",
        "bytes of a size": b"c__builtin__\nbytes\n(I1000000000\ntR.",
        "complex of text": b"c__builtin__\ncomplex\n(S'x'\ntR.",
        "persistent id": b"Pid\n.",
        "binary persistent id": b"Nq\x00Q.",
        "extension 1": b"\x80\x02\x82\x01.",
        "extension 2": b"\x80\x02\x83\x01\x00.",
        "extension 4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "buffer from outside": b"\x80\x05\x97.",
        "protocol 6": b"\x80\x06N.",
        "unknown opcode": b"\xff.",
        "only a name": NDARRAY + b".",
        "only a call to come": RECONSTRUCT + b".",
        "dtype not complete": array_of(b"I0\n", b"S''\n", b"cnumpy\ndtype\n(S'f8'\ntR") + b".",
        "dtype of objects": b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR.",
        "dtype by a list": b"cnumpy\ndtype\n(]I0\nI1\ntR.",
        "dtype of fields": FLOAT64.replace(b"NNN", b"N(S'a'\nt}") + b".",
        "dtype of a foreign order": FLOAT64.replace(b"'<'", b"'O,'") + b".",
        "dtype too wide": b"cnumpy\ndtype\n(S'f99'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb.",
        "array without dtype": array_of(b"I1\n", b"S'12345678'\n", b"S'f8'\n") + b".",
        "array without bytes": array_of(b"I1\n", b"]") + b".",
        "too few bytes": array_of(b"I2\n", b"S'12345678'\n") + b".",
        "too many bytes": array_of(b"I1\n", b"S'123456789'\n") + b".",
        "negative shape": array_of(b"I-1\nI-1\n", b"S'12345678'\n") + b".",
        "shape of text": array_of(b"S'1'\n", b"S'12345678'\n") + b".",
        "too many sides": array_of(b"I1\n" * 100, b"S'12345678'\n") + b".",
        "wide letters": array_of(b"I1\n", b"V\\u1234\n") + b".",
        "dict key of a tuple": b"}(I1\ntNs.",
        "dict keys of tuples": b"}((I1\ntNu.",
        "dict of tuples": b"((I1\ntNd.",
        "dict key without value": b"}(I1\nu.",
        "empty": b"",
        "no stop": b"I1\n",
        "nothing": b".",
        "no mark": b"t.",
        "memo missing": b"h\x05.",
        "no number": b"Ix\n.",
        "bad string": b"Sx\n.",
        "bad text": b"\x8c\x01\xff.",
    }.items(),
    ids=lambda item: item[0],
)
def test_nothing_can_be_made_of_the_pieces(data: tuple[str, bytes]) -> None:
    refusal(data[1])


def test_the_extension_registry_is_not_asked() -> None:
    cache: dict[int, Any] = copyreg._extension_cache  # type: ignore[attr-defined]
    copyreg.add_extension("os", "system", 0x77)
    cache[0x77] = os.system
    try:
        assert "extension" in refusal(b"\x80\x02\x82\x77X\x04\x00\x00\x00true\x85R.")
    finally:
        copyreg.remove_extension("os", "system", 0x77)
        cache.pop(0x77, None)


def test_what_a_pickle_changes_is_its_own() -> None:
    before = dict(pickle_globals.NAMES)
    refusal(b"cnumpy\ndtype\n(N}S'call'\nI1\nstb.")
    refusal(b"cnumpy\ndtype\n}S'call'\nI1\nsb.")
    assert before == pickle_globals.NAMES
    assert not hasattr(builtins, "call")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(array_of(b"I1000000\nI1000000\n", b"S''\n") + b".", id="shape"),
        pytest.param(array_of(b"I281474976710655\n" * 30, b"S''\n") + b".", id="all shapes"),
        pytest.param(array_of(b"I0\nL" + b"9" * 400 + b"L\n", b"S''\n") + b".", id="huge side"),
        pytest.param(
            b"cnumpy.core.multiarray\n_reconstruct\n(" + NDARRAY + b"(I99999999999\ntS'b'\ntR.",
            id="empty array",
        ),
        pytest.param(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.", id="bytes"),
        pytest.param(b"\x80\x04\x8e" + struct.pack("<Q", (1 << 64) - 1) + b"x.", id="most bytes"),
        pytest.param(b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.", id="bytearray"),
        pytest.param(b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.", id="text"),
        pytest.param(b"B" + struct.pack("<I", (1 << 32) - 1) + b"x.", id="short bytes"),
        pytest.param(b"\x8b" + struct.pack("<I", (1 << 32) - 1) + b"x.", id="number"),
        pytest.param(b"L" + b"9" * 1_000_000 + b"L\n.", id="digits"),
        pytest.param(b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"}]Ns.", id="frame"),
    ],
)
def test_a_claim_of_gigabytes_is_no_allocation(data: bytes, tmp_path: Path) -> None:
    refusal(data)
    # read() of a file allocates the size it is asked for, however much there is
    path = tmp_path / "data.pkl"
    path.write_bytes(data)
    with path.open("rb") as file, little_memory(), pytest.raises(pickle.UnpicklingError):
        pickles.load(file, defer=DEFER)


def test_a_number_without_end_is_refused_by_its_length() -> None:
    assert "1000000 digits, expected" in refusal(b"I" + b"9" * 1_000_000 + b"\n.")


def test_a_high_memo_index_takes_no_memory() -> None:
    with little_memory():
        assert load(b"]r\xff\xff\xff\xff0j\xff\xff\xff\xff.") == []
        assert load(b"]p" + b"9" * 100 + b"\n.") == []


def test_depth_is_no_recursion() -> None:
    depth = 300_000
    for data in (b"]" * depth + b"a" * (depth - 1), b")" + b"\x85" * depth):
        nested = load(data + b".")
        assert len(nested) == 1
        del nested
    # Python's own unpickler overflows the C stack when it hashes this
    refusal(b"})" + b"\x85" * depth + b"Ns.")


DEQUE = b"ccollections\ndeque\n"
# the start of a container, and the opcodes around its items
SHARING = {
    "lists": (b"", b"](", b"e"),
    "tuples": (b"", b"(", b"t"),
    "dicts": (b"", b"}(", b"u"),
    "lists and tuples": (b"", b"](", b"te"),
    "lists and deques": (b"", b"](" + DEQUE + b")R(", b"ee"),
}


def sharing(kind: str, levels: int, width: int) -> bytes:
    """Return a pickle of containers that each hold the previous one `width` times, by the memo."""
    start, before, after = SHARING[kind]
    data = start + b")q\x00"
    for level in range(levels):
        items = [b"h" + bytes([level])] * width
        if kind == "dicts":
            items = [b"U\x02%02d" % k + item for k, item in enumerate(items)]
        inner = b"(" if kind == "lists and tuples" else b""
        data += b"0" + before + inner + b"".join(items) + after + b"q" + bytes([level + 1])
    return data + b"."


@pytest.mark.parametrize("kind", SHARING)
def test_containers_that_share_their_items_are_not_multiplied(kind: str) -> None:
    for levels, width in ((100, 2), (4, 60), (60, 3)):
        assert "in containers that share them" in refusal(sharing(kind, levels, width))
    assert len(load(sharing(kind, 3, 60))) >= 1


@pytest.mark.parametrize(
    "data",
    [
        b"]q\x00(h\x00h\x00e.",
        b"]q\x00]h\x00aa.",
        b"}q\x00S'a'\nh\x00s.",
        b"]q\x00(h\x00ta.",
        DEQUE + b")Rq\x00]h\x00aa.",
        b"](]q\x00h\x00ae.",
    ],
)
def test_what_holds_itself_has_no_end(data: bytes) -> None:
    assert "a container in itself" in refusal(data)


def test_what_grows_after_it_was_shared_is_counted_as_it_became() -> None:
    # an empty list, ten thousand times in another, which then gets ten thousand items
    data = b"]q\x00](" + b"h\x00" * 10_000 + b"e(h\x00(" + b"N" * 10_000 + b"el\x86."
    assert "in containers that share them" in refusal(data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_honestly_shared_is_read(protocol: int) -> None:
    frame, row = np.ones((300, 300)), [0.5] * 300
    nested = np.ones((10, 15)).tolist()
    panels = {"a": frame, "b": frame[:2]}
    for value in (
        [frame] * 20_000,
        tuple([frame] * 1000),
        [panels] * 5000,
        {"a": [frame] * 1000, "b": [frame[0]] * 1000},
        {f"layer {k}": frame for k in range(40)},
        [[row] * 300] * 20,
        [nested] * 1000,
        [[frame[0], frame[1]]] * 1000,
        [None] * 500_000,
        ["word"] * 100_000,
        {k: float(k) for k in range(50_000)},
        {10 * k: None for k in range(9000)},
        [{1.5: k, -k: None} for k in range(1000)],
        collections.deque([frame] * 1000, maxlen=1000),
        np.ma.MaskedArray(np.random.default_rng(0).random((40, 40)), np.eye(40) > 0),
        [np.bool_(1), np.float32(2), np.float64(3)] * 1000,
        [np.float32(k) for k in range(3000)],
    ):
        data = pickle.dumps(value, protocol)
        assert len(load(data)) == len(value)
        assert len(load(pickletools.optimize(data))) == len(value)


def test_a_large_file_may_hold_as_many_values_as_it_has_bytes() -> None:
    assert len(load(b"(" + b"N" * 4_300_000 + b"l.")) == 4_300_000


def test_memo_indices_may_have_gaps() -> None:
    data = b"](" + b"".join(b"](Nep%d\n" % (7 * k) for k in range(3000)) + b"e]("
    data += b"".join(b"g%d\n" % (7 * k) for k in range(3000)) + b"e\x86."
    first, second = load(data)
    assert len(first) == 3000
    assert all(one is other for one, other in zip(first, second, strict=True))
    refusal(b"](Np5\ng3\ne.")
    # like Python's own unpickler, which counts the objects in the memo
    assert load(b"]p5\n0U\x01a\x94U\x01b0g1\n.") == "a"
    # keys that no pickler writes are bounded in number
    wild = b"".join(b"p%d\n" % (10**12 + k) for k in range(5000))
    assert "numbers as keys" in refusal(b"N" + wild + b".")


def integer(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


MODULUS = sys.hash_info.modulus


@pytest.mark.parametrize(
    "keys",
    [
        [integer(MODULUS * k) for k in range(1, 50_000)],
        [integer(-MODULUS * k) for k in range(1, 50_000)],
        [integer(k << 40) for k in range(1, 50_000)],
        [b"G" + struct.pack(">d", k) for k in range(50_000)],
        [b"I%d\n" % (MODULUS * k) for k in range(1, 50_000)],
    ],
    ids=["multiples", "negative", "powers", "floats", "digits"],
)
def test_numbers_that_could_share_a_hash_are_few(keys: list[bytes]) -> None:
    for data in (b"}(" + b"N".join(keys) + b"Nu.", b"}" + b"".join(k + b"Ns" for k in keys) + b"."):
        assert "over 10000 numbers as keys" in refusal(data)
    split = b"](" + b"".join(b"}(" + b"N".join(keys[k::9]) + b"Nu" for k in range(9)) + b"e."
    assert "over 10000 numbers as keys" in refusal(split)
    assert len(load(b"}(" + b"N".join(keys[:5000]) + b"Nu.")) == 5000


def test_a_number_of_many_bytes_is_refused_by_its_length() -> None:
    raw = struct.pack("<I", 500_000) + b"\x7f" * 500_000
    assert "500000 bytes, expected" in refusal(b"\x8b" + raw + b".")
    assert load(b"\x8b" + struct.pack("<I", 300) + b"\x7f" * 300 + b".") > 1 << 2000


def test_a_deque_in_a_deque_is_refused() -> None:
    # the destructor of a deque recurses, unlike that of a list
    for data in (b")R" + DEQUE + b")Ra", b")R(" + DEQUE + b")Re", b"((" + DEQUE + b")RltR"):
        assert "a deque in a deque" in refusal(DEQUE + data + b".")
    depth = 20_000
    between = (DEQUE + b")R]") * depth + b"a" * (2 * depth - 1)
    deep = load(between + b".")
    assert len(deep) == 1
    del deep


CALLS = {
    "deques": (DEQUE, b")", b"h\x00h\x01R"),
    "deques of some": (DEQUE, b"((" + b"N" * 255 + b"lt", b"h\x00h\x01R"),
    "arrays": (
        b"cnumpy.core.numeric\n_frombuffer\n",
        b"(C\x01a" + FLOAT64.replace(b"f8", b"u1") + b"(" + b"I1\n" * 32 + b"tS'C'\nt",
        b"h\x00h\x01R",
    ),
    "arrays with masks": (
        b"cnumpy.ma.core\n_mareconstruct\n",
        b"(I1\n(I1\nt" + FLOAT64.replace(b"f8", b"u1") + b"I00\nC\x01aC\x01bNt",
        b"h\x00)Rh\x01b",
    ),
    "bytes": (b"c_codecs\nencode\n", b"(U\xff" + b"a" * 255 + b"S'latin1'\nt", b"h\x00h\x01R"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_few_bytes_call_for_few_objects(name: str) -> None:
    function, arguments, call = CALLS[name]
    data = function + b"q\x000" + arguments + b"q\x010(%sl."
    assert len(load(data % call)) == 1
    with little_memory(), pytest.raises(pickle.UnpicklingError, match="copies more data"):
        load(data % (call * 150_000))


def test_objects_of_one_file_share_what_they_may_hold() -> None:
    data = pickle.dumps([[0.0] * 1000] * 3000)
    spare = pickles.Spare()
    file = io.BytesIO(data * 9)
    assert len(pickles.load(file, defer=DEFER, spare=spare)) == 3000
    with pytest.raises(pickle.UnpicklingError, match="in containers that share them"):
        pickles.load(file, defer=DEFER, spare=spare)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_cut_is_found(protocol: int) -> None:
    data = pickle.dumps([np.ones((2, 2)), np.float32(1.5), {"a": (1, b"x")}], protocol)
    for end in range(len(data)):
        with pytest.raises(pickle.UnpicklingError):
            load(data[:end])


@given(data=st.binary(max_size=60), protocol=st.sampled_from(PROTOCOLS), rest=st.data())
@settings(deadline=None, max_examples=300)
def test_damage_raises_one_error_or_nothing(data: bytes, protocol: int, rest: Any) -> None:
    whole = pickle.dumps([np.ones((2, 2)), np.float32(1.5), {"a": (1, b"x")}], protocol)
    start = rest.draw(st.integers(0, len(whole)))
    damaged = io.BytesIO(whole[:start] + data + whole[start + len(data) :])
    with nothing_runs(), suppress(pickle.UnpicklingError):
        pickles.load(damaged, defer=DEFER)


def test_arrays_do_not_share_memory_with_one_another() -> None:
    frames: list[npt.NDArray[Any]] = load(pickle.dumps([np.ones((2, 2)), np.ones((2, 2))]))
    assert not np.shares_memory(frames[0], frames[1])
    assert not frames[0].flags.writeable


# Data left in the file


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_large_matrices_and_stacks_of_raw_bytes_stay_in_the_file(protocol: int) -> None:
    stack = np.arange(6000.0).reshape(10, 20, 30)
    stays = [stack, stack[0], np.asfortranarray(stack[0]), stack[0] > 1, stack.astype(">f4")]
    held = [stack[0, :2, :2], stack[0, 0], stack.T, np.ma.MaskedArray(stack[0]), stack[0, 0, 0]]
    file = io.BytesIO(pickle.dumps([*stays, *held], protocol))
    with patch.object(pickles, "_LARGE", 256):
        loaded = pickles.load(file, defer=True)
    assert not file.read()
    for number, (before, after) in enumerate(zip([*stays, *held], loaded, strict=True)):
        assert isinstance(after, Stored) == (number < len(stays) and protocol >= 3)
        assert (after.shape, after.dtype, after.ndim) == (before.shape, before.dtype, before.ndim)
        if isinstance(after, Stored):
            assert len(after) == len(before)
            after = after.read(file)
            assert not after.flags.writeable
        assert type(after) is type(before)
        np.testing.assert_array_equal(after, before)


def test_stored_frames_share_their_shape_and_dtype() -> None:
    stack = np.arange(6000, dtype="<i2").reshape(10, 20, 30)
    file = io.BytesIO(b"before" + pickle.dumps(list(stack)))
    file.seek(6)
    frames = pickles.load(file, defer=True)
    assert len(frames) == 10
    for before, after in zip(stack, frames, strict=True):
        np.testing.assert_array_equal(after.read(file), before)
        assert after.shape is frames[0].shape
        assert after.dtype is frames[0].dtype


def test_arrays_are_not_read_unless_asked_for() -> None:
    stack = np.ones((100, 100, 100), np.float32)
    for value in (list(stack), stack):
        file = io.BytesIO(pickle.dumps(value))
        tracemalloc.start()
        try:
            kept = pickles.load(file, defer=True)
            assert len(kept) == 100
            assert tracemalloc.get_traced_memory()[1] < 200_000
        finally:
            tracemalloc.stop()


def test_an_array_whose_data_are_gone_says_so() -> None:
    data = pickle.dumps(np.ones((10, 10)))
    array = pickles.load(io.BytesIO(data), defer=True)
    for end in (0, 200, len(data) - 20):
        with pytest.raises(EOFError, match="ends before the array"):
            array.read(io.BytesIO(data[:end]))


def test_data_mentioned_a_thousand_times_is_held_once() -> None:
    raw = b"\x80\x04B" + struct.pack("<I", 1 << 20) + bytes(1 << 20) + b"q\x000"
    vector = array_of(b"I131072\n", b"h\x00")
    matrix = array_of(b"I131072\nI1\n", b"h\x00")
    with little_memory():
        assert (
            len(pickles.load(io.BytesIO(raw + b"(" + vector * 1000 + b"l."), defer=DEFER)) == 1000
        )
        assert (
            len(pickles.load(io.BytesIO(raw + b"(" + matrix * 1000 + b"l."), defer=DEFER)) == 1000
        )


TEXT = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
BYTES = b"B" + TEXT[1:]
BYTE = b"cnumpy\ndtype\n(S'u1'\ntR(I3\nS'|'\nNNNtb"
LETTERS = b"cnumpy\ndtype\n(S'U65536'\ntR(I3\nS'<'\nNNNtb"
LATIN = struct.pack("<262144B", *b"a\0\0\0" * 65536)


@pytest.mark.parametrize(
    ("function", "arguments", "call"),
    [
        pytest.param(b"c_codecs\nencode\n", TEXT + b"S'latin1'\n", b"h\x00h\x01R", id="text"),
        pytest.param(
            b"ccollections\ndeque\n", b"(" + b"N" * (1 << 20) + b"l", b"h\x00h\x01R", id="deque"
        ),
        pytest.param(
            b"cnumpy.core.numeric\n_frombuffer\n",
            TEXT + BYTE + b"(I1048576\ntS'C'\n",
            b"h\x00h\x01R",
            id="array of text",
        ),
        pytest.param(
            b"cnumpy.core.multiarray\nscalar\n",
            LETTERS + b"B" + struct.pack("<I", len(LATIN)) + LATIN,
            b"h\x00h\x01R",
            id="letters",
        ),
        pytest.param(
            b"cnumpy.ma.core\n_mareconstruct\n",
            b"I1\n(I1048576\nt" + BYTE + b"I00\n" + BYTES + BYTES.replace(b"a", b"\0") + b"N",
            b"h\x00)Rh\x01b",
            id="mask",
        ),
    ],
)
def test_no_data_are_copied_again_and_again(function: bytes, arguments: bytes, call: bytes) -> None:
    data = b"(" + function + b"q\x00(" + arguments + b"tq\x01" + b"%sl."
    assert len(load(data % call)) == 3
    assert "copies more data than it has" in refusal(data % (call * 1000))


@given(data=st.binary(max_size=9), protocol=st.sampled_from([3, 4, 5]), rest=st.data())
@settings(deadline=None, max_examples=300)
def test_damage_is_the_same_to_arrays_that_stay_in_the_file(
    data: bytes, protocol: int, rest: Any
) -> None:
    damaged = bytearray(pickle.dumps([np.ones((2, 2)), np.ones((3, 2, 2)), b"xy"], protocol))
    start = rest.draw(st.integers(0, len(damaged)))
    damaged[start : start + len(data)] = data
    results: list[Any] = [None, None]
    for defer in (False, True):
        file = io.BytesIO(damaged)
        with suppress(pickle.UnpicklingError):
            results[defer] = read(pickles.load(file, defer=defer), file, {})
    eager, deferred = (re.sub(" at 0x[0-9a-f]+", "", repr(result)) for result in results)
    assert eager == deferred


def test_what_a_dtype_is_called_is_text_before_it_is_shown() -> None:
    name = b"K\x01" + 60 * b"2\x86"  # pairs of the previous pair, each twice as long
    with pytest.raises(pickle.UnpicklingError, match="of dtype a tuple, expected numbers"):
        load(b"\x80\x02cnumpy\ndtype\n" + name + b"\x85R.")
