"""The digit kernels, compared with Python's `format` over as much of float64 as time allows."""

import itertools
import math
import os
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from compiled import compiled
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastheat.inputs.sources.masks import MASKED
from fastheat.render.kernels.digits import LIMBS, SCRATCH, format_value, scaled, write_numbers
from fastheat.style.text import formats
from fastheat.style.text.formats import max_length, parse_spec
from fastheat.tables import Spec, Writing

SLOW = "FASTHEAT_SLOW_TESTS" in os.environ
SPECS = [".2f", ".9f", ".0f", ".30f", ".3e", ".0e", ".17e", ".4g", ".17g", "#.6g", "+,.1%", "_.3f"]
Z = "z" if sys.version_info >= (3, 11) else ""  # "z": no minus before zero
SPECS += ["z.2f"] if Z else []
SPECS += [" .4f", "09.3f", "*^24.3e", "x<12.1f", "=+15,.2f", ".60f", ".60G", ".18e", ".19E"]


@compiled
def format_compiled(x: Any, spec: Any, scratch: Any, out: Any) -> Any:
    return format_value(x, spec, scratch, out)


@compiled
def scaled_compiled(m: Any, power: Any, shift: Any) -> Any:
    return scaled(m, power, shift)


def parsed(spec: str) -> Spec:
    result = parse_spec(spec)
    assert result is not None
    return result


def texts(values: NDArray[np.float64], spec: str) -> list[str]:
    """Return the texts that the kernel used for frames writes for values, with ASCII glyphs."""
    fields = parsed(spec)
    longest = max_length(fields) + 2
    segments = np.full((1, len(values), longest + 1), -7, np.int32)
    lengths = np.zeros((1, len(values)), np.int32)
    ascii_, none = np.arange(128, dtype=np.uint16), np.zeros(0, np.uint16)
    digits, line = np.empty(SCRATCH, np.uint64), np.full(max_length(fields) + 1, 7, np.uint8)
    row = values.copy()[None]
    row.view(np.int64)[row.view(np.int64) == MASKED] = np.float64(np.nan).view(np.int64)
    writing = Writing(fields, none, none, ascii_, 128, len(line))
    write_numbers(row, row.view(np.int64), writing, digits, line, segments, lengths)
    assert line[-1] == 7
    assert (segments[..., -1] == -7).all()
    codes = (segments[0] & 127).astype(np.uint8)
    return [
        each[: n - 1].tobytes().decode("ascii")
        for each, n in zip(codes, lengths[0].tolist(), strict=True)
    ]


def text(x: float, spec: str, kernel: Callable[..., int] = format_compiled) -> str:
    out = np.zeros(max_length(parsed(spec)), np.uint8)
    n = kernel(x, parsed(spec), np.empty(SCRATCH, np.uint64), out)
    return out[:n].tobytes().decode("ascii")


def python(x: float, spec: str) -> str:
    return format(int(x) if spec.endswith("d") else x, spec)


def check(values: Any, specs: list[str]) -> None:
    with np.errstate(invalid="ignore"):  # signalling NaNs
        array = np.asarray(values, np.float64)
    for spec in specs:
        for x, got in zip(array.tolist(), texts(array, spec), strict=True):
            assert got == python(x, spec), (x.hex(), spec)


def powers_and_neighbours() -> list[float]:
    powers = [float(f"1e{k}") for k in range(-323, 309)]
    powers += [math.ldexp(1, k) for k in range(-1074, 1024)]
    near = [*powers, *(9.995 * p for p in powers[:632]), *(0.5 * p for p in powers[:632])]
    return [y for x in near for y in (math.nextafter(x, 0.0), x, math.nextafter(x, math.inf))]


def test_random_bit_patterns_read_as_python_writes_them() -> None:
    bits = np.random.default_rng(1).integers(0, 2**64, 10_000_000 if SLOW else 200_000, np.uint64)
    for i, part in enumerate(np.array_split(bits, len(bits) // 10_000)):
        check(part.view(np.float64), [SPECS[i % len(SPECS)]])


def test_usual_weights_read_as_python_writes_them() -> None:
    rng = np.random.default_rng(2)
    for scale in (1e-12, 1e-6, 0.05, 3.0, 1e3, 1e8, 1e15, 1e18):
        check(rng.normal(0, scale, 1_000), [*SPECS, ".15f", ".16f", ".18f", ".19f", ".15g", ".16e"])


def test_every_float16() -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    check(halves, [".2f", ".0f", ".3e", ".2%", ".3g"])


def test_random_float32() -> None:
    bits = np.random.default_rng(3).integers(0, 2**32, 20_000, np.uint32)
    check(bits.view(np.float32), [".2f", ".9f", ".3e", ".4g"])


@pytest.mark.parametrize("precision", range(31))
def test_ties_go_to_even_at_every_precision(precision: int) -> None:
    k = np.random.default_rng(precision).integers(-(10**6), 10**6, 60)
    ties = [x / 2.0**n for x in [*k.tolist(), *range(-20, 20)] for n in (1, 2, 3, precision + 1)]
    check(ties, [f".{precision}{kind}" for kind in "feg%"])


def test_powers_subnormals_and_values_next_to_them() -> None:
    check(powers_and_neighbours(), [".0f", ".2f", ".9f", ".0e", ".3e", ".17e", "g", ".1g", ".2%"])


def test_every_combination_of_flags() -> None:
    edge = [0.0, -0.0, 0.004, -0.004, 9.995, -9.995, 0.5, 2.5, 999.9996, -1234567.891, 1e16, 1e-5]
    edge += [123456.0, 1e300, -5e-324, math.inf, -math.inf, math.nan, -math.nan, 1.5e308]
    seen = 0
    pads = ["", "*<", "*>", "*^", "*=", "<", "^", "="]
    flags = (
        pads,
        ["", "+", "-", " "],
        ["", Z],
        ["", "#"],
        ["", "0"],
        ["", "1", "17"],
        ["", ",", "_"],
    )
    kinds = ["f", ".0F", ".2e", ".0E", "g", ".2G", ".1%", "d"]
    for *parts, tail in itertools.product(*flags, kinds):
        spec = "".join([*parts, tail])
        try:
            fields = parse_spec(spec)
        except ValueError:
            with pytest.raises(ValueError):
                python(1.0, spec)
            continue
        if fields is not None:
            whole = [x for x in edge if math.isfinite(x) and x == int(x)]
            check(whole if tail == "d" else edge, [spec])
            seen += 1
    assert seen > 4_000


numbers = st.floats() | st.floats(-10, 10) | st.decimals(-1000, 1000, places=3).map(float)


@given(numbers, st.integers(0, 60), st.sampled_from("fFeEgG%"), st.sampled_from(" +#-" + Z))
@example(sys.float_info.max, 60, "%", "-").via("overflows when multiplied by 100")
@settings(max_examples=100_000 if SLOW else 2_000, deadline=None)
def test_any_float_at_any_precision(x: float, precision: int, kind: str, flag: str) -> None:
    spec = f"{flag}.{precision}{kind}"
    assert text(x, spec) == python(x, spec)


@given(st.integers(0, 2**53 - 1), st.integers(1, 10**18), st.integers(1, 1126))
@example(2**50 - 2**25 + 1, 2**25 + 1, 76).via("2**75 + 1: a half, and one bit far below it")
@example(2**52, 2**24, 77).via("exactly a half")
@example(3 * 2**51, 2**23, 75).via("exactly one and a half")
@example(2**52, 2**13, 65).via("one, with nothing left over")
@settings(max_examples=2_000, deadline=None)
def test_scaled_is_exact_and_rounds_half_to_even(m: int, power: int, shift: int) -> None:
    expected = round(Fraction(m * power, 2**shift))
    assume(expected < 2**63)
    kernels: tuple[Callable[..., int], ...] = scaled_compiled, scaled
    for kernel in kernels:
        assert int(kernel(np.uint64(m), np.uint64(power), shift)) == expected


@pytest.mark.filterwarnings("ignore:overflow encountered in multiply:RuntimeWarning")
@pytest.mark.parametrize("spec", [*SPECS, "d"])
def test_kernels_read_the_same_uncompiled(spec: str) -> None:
    values = [0.0, -0.0, 7.0, 1e16, 1e300, 1e308, -(2.0**60)]
    if spec != "d":
        values += [0.046875, -2.5, 999.9996, -5e-324, math.inf, -math.inf, math.nan]
    for x in values:
        assert text(x, spec, format_value) == python(x, spec)


def test_longest_numbers_stay_inside_scratch() -> None:
    longest = [sys.float_info.max, 2.2250738585072009e-308, 4.4501477170144023e-308, 5e-324]
    for x, spec in itertools.product(longest, [".60f", ".60e", ".60g", ".0f"]):
        guarded = np.full(SCRATCH + 20, 77, np.uint64)
        out = np.zeros(max_length(parsed(spec)), np.uint8)
        n = format_value(x, parsed(spec), guarded[10:-10], out)
        assert out[:n].tobytes().decode() == python(x, spec)
        assert (guarded[:10] == 77).all()
        assert (guarded[-10:] == 77).all()
    assert len(str(2**53 * 5**1074)) <= 9 * LIMBS


@pytest.mark.parametrize(
    "spec", ["f", ".3f", ",.3f", "_.2%", ".3e", ",.17g", "#g", "40.2f", "+.0f", "d"]
)
def test_max_length_is_enough_for_the_magnitude(spec: str) -> None:
    for exponent in (-300, -5, 0, 1, 2, 5, 17, 100, 305, 308):
        top = math.nextafter(10.0 ** (exponent + 1), 0.0) if exponent < 308 else sys.float_info.max
        small = [-5e-324, -1e-5, -0.00012345678901234567]
        for x in (top, -top, *small, math.inf, -math.inf, math.nan):
            if spec == "d" and not math.isfinite(x):
                continue
            if abs(x) <= top or not math.isfinite(x):
                assert len(python(x, spec)) <= max_length(parsed(spec), exponent)


@pytest.mark.parametrize(
    "spec",
    ["", ".3", "10", "n", "x", "#06X", "_b", "o", "+", "010,f", "0=9,f", "é>9f", ".61f", "501f"],
)
def test_what_is_left_to_python(spec: str) -> None:
    assert parse_spec(spec) is None
    assert parse_spec("0>9,.2f") is not None


@pytest.mark.parametrize(
    "spec", ["q", ".2q", ".f", "c", ".2x", ",b", ".2d", "zd", ",n", ",_f", "r", "{}"]
)
def test_what_python_refuses_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="expected a format spec for numbers, not "):
        parse_spec(spec)


def test_each_part_of_a_spec_is_a_number_for_the_kernels() -> None:
    assert parsed(f"*^+{Z}#20_.3E")._asdict() == {
        "kind": formats.EXPONENT,
        "precision": 3,
        "sign": ord("+"),
        "no_minus_zero": len(Z),
        "alternate": 1,
        "group": ord("_"),
        "upper": 1,
        "fill": ord("*"),
        "align": ord("^"),
        "width": 20,
    }
