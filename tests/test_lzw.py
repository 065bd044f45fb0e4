"""The run-walking LZW encoder, compared with a plain greedy encoder and decoder of GIF89a."""

import itertools
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import pytest
from compiled import compiled
from hypothesis import given, settings
from hypothesis import strategies as st

from fastheat import Heatmap
from fastheat.render.kernels.lzw import GENERATIONS, encode_lzw, new_coder

Runs = list[tuple[int, int]]


@compiled
def encode_compiled(indices: Any, starts: Any, n: Any, code_size: Any, coder: Any) -> Any:
    return encode_lzw(indices, starts, n, code_size, coder)


def encode(runs: Runs, code_size: int, function: Callable[..., Any]) -> bytes:
    joined = [(k, sum(n for _, n in same)) for k, same in itertools.groupby(runs, lambda r: r[0])]
    indices = np.array([index for index, _ in joined], np.uint8)
    starts = np.cumsum([0, *(length for _, length in joined)]).astype(np.uint32)
    coder = new_coder(int(starts[-1]))
    size = function(indices, starts, np.int64(len(joined)), np.int64(code_size), coder)
    return bytes(coder.codes_out[:size].tobytes())


def pack(codes: Iterator[tuple[int, int]]) -> bytes:
    total = filled = 0
    for code, bits in codes:
        total |= code << filled
        filled += bits
    return total.to_bytes((filled + 7) // 8, "little")


def plain_lzw(pixels: list[int], code_size: int, clears: Collection[int] = ()) -> bytes:
    """Encode pixel by pixel with a dictionary of tuples, cleared before the codes in `clears`."""

    def codes() -> Iterator[tuple[int, int]]:
        clear = 1 << code_size
        table: dict[tuple[int, ...], int] = {}
        bits, following, written = code_size + 1, clear + 2, 0
        yield clear, bits
        phrase: tuple[int, ...] = ()
        for pixel in pixels:
            longer = (*phrase, pixel)
            if len(longer) == 1 or longer in table:
                phrase = longer
                continue
            yield table.get(phrase, phrase[0]), bits
            written += 1
            if following < 4096:
                table[longer] = following
                if following == 1 << bits:
                    bits += 1
                following += 1
            phrase = (pixel,)
            if written in clears:
                yield clear, bits
                table.clear()
                bits, following = code_size + 1, clear + 2
        yield table.get(phrase, phrase[0]), bits
        if following == 1 << bits and bits < 12:
            bits += 1
        yield clear + 1, bits

    return pack(codes())


def decode(data: bytes, code_size: int, clears: list[int] | None = None) -> list[int]:
    """Decode as in appendix F of GIF89a, and refuse whatever a strict decoder would.

    `clears` collects the numbers of codes after which the table was cleared. Here only a full table
    may be cleared.
    """
    stream, place = int.from_bytes(data, "little"), 0
    clear, end = 1 << code_size, (1 << code_size) + 1
    table: list[tuple[int, ...]] = []
    bits = code_size + 1
    last: tuple[int, ...] = ()
    pixels: list[int] = []
    written = 0
    while True:
        assert place + bits <= 8 * len(data), "ends without an end code"
        code = stream >> place & (1 << bits) - 1
        place += bits
        if code == clear:
            assert not table or len(table) == 4096, "clears a table that has room"
            if table and clears is not None:
                clears.append(written)
            table = [(k,) for k in range(clear)] + [(), ()]
            bits, last = code_size + 1, ()
            continue
        if code == end:
            assert len(data) == (place + 7) // 8, "goes on after the end code"
            return pixels
        assert code <= len(table)
        phrase = table[code] if code < len(table) else (*last, last[0])
        if last and len(table) < 4096:
            table.append((*last, phrase[0]))
            if len(table) == 1 << bits and bits < 12:
                bits += 1
        pixels += phrase
        last = phrase
        written += 1


def spread(runs: Runs) -> list[int]:
    return [index for index, length in runs for _ in range(length)]


@st.composite
def images(draw: st.DrawFn) -> tuple[Runs, int]:
    code_size = draw(st.integers(2, 8))
    index = st.integers(0, min((1 << code_size) - 1, draw(st.sampled_from([1, 3, 255]))))
    length = st.one_of(st.integers(1, 4), st.integers(1, 300))
    runs = draw(st.lists(st.tuples(index, length), min_size=1, max_size=60))
    return runs, code_size


@given(images())
def test_runs_give_the_codes_of_plain_lzw(image: tuple[Runs, int]) -> None:
    runs, code_size = image
    data = encode(runs, code_size, encode_compiled)
    assert data == plain_lzw(spread(runs), code_size)
    assert decode(data, code_size) == spread(runs)


@pytest.mark.parametrize("seed", range(6))
def test_kernels_give_the_same_codes_uncompiled(seed: int) -> None:
    rng = np.random.default_rng(seed)
    runs = [(int(i), int(n)) for i, n in rng.integers((0, 1), (4, 60), (80, 2))]
    data = encode(runs, 2, encode_lzw)
    assert data == plain_lzw(spread(runs), 2)


@pytest.mark.parametrize("code_size", [2, 5, 8])
@pytest.mark.parametrize("longest", [1, 3, 40, 2000])
def test_a_full_table_that_no_longer_pays_is_cleared(code_size: int, longest: int) -> None:
    # runs that the table has not learnt
    rng = np.random.default_rng(longest)
    high = (1 << code_size, longest + 1)
    runs = [(int(i), int(n)) for i, n in rng.integers((0, 1), high, (20_000, 2))]
    runs = runs if longest < 100 else runs[:2000]
    data = encode(runs, code_size, encode_compiled)
    clears: list[int] = []
    assert decode(data, code_size, clears) == spread(runs)
    assert data == plain_lzw(spread(runs), code_size, clears)


def test_a_full_table_is_kept_while_it_gives_what_it_gave() -> None:
    rng = np.random.default_rng(0)
    learnt = rng.integers((0, 1), (200, 9), (4000, 2)).tolist()
    longer = rng.integers((0, 20), (200, 60), (400, 2)).tolist()
    for runs, cleared in ((learnt * 2, 0), (learnt * 2 + longer, 1)):
        clears: list[int] = []
        data = encode(runs, 8, encode_compiled)
        assert decode(data, 8, clears) == spread(runs)
        assert len(clears) == cleared
        assert data == plain_lzw(spread(runs), 8, clears)


def test_keeping_tables_pays_where_flat_cells_and_letters_alternate() -> None:
    look: dict[str, Any] = {"cmap": "YlGn", "valfmt": "{x:.9f}", "figsize": (15, 10)}
    heatmap = Heatmap((10, 15), vmin=0, vmax=1, **look)
    pixels = heatmap.indices(np.random.default_rng(1).random((10, 15))).ravel().tolist()
    data = encode([(k, 1) for k in pixels], 8, encode_compiled)
    full = 4096 - (1 << 8) - 2  # codes
    eager = plain_lzw(pixels, 8, range(full, len(pixels), full))
    assert len(data) < len(eager)


def test_one_flat_image_takes_about_the_square_root_of_its_pixels() -> None:
    data = encode([(7, 1_000_000)], 8, encode_compiled)
    assert decode(data, 8) == [7] * 1_000_000
    assert len(data) < 3_000


def test_a_coder_is_used_for_many_images_and_their_tables_never_mix() -> None:
    rng = np.random.default_rng(5)
    coder = new_coder(400)
    for _ in range(4 * GENERATIONS):
        indices = np.tile(rng.permutation(4), 5).astype(np.uint8)
        starts = np.concatenate([[0], rng.integers(1, 20, 20).cumsum()]).astype(np.uint32)
        size = encode_compiled(indices, starts, np.int64(20), np.int64(2), coder)
        pixels = np.repeat(indices, np.diff(starts)).tolist()
        assert coder.codes_out[:size].tobytes() == plain_lzw(pixels, 2)


@given(st.integers(1, 600), st.integers(2, 8))
@settings(max_examples=60)
def test_noise_of_any_length_ends_in_whole_bytes(pixels: int, code_size: int) -> None:
    noise = np.random.default_rng(pixels).integers(0, 1 << code_size, pixels)
    runs = [(int(i), 1) for i in noise]
    assert decode(encode(runs, code_size, encode_compiled), code_size) == noise.tolist()
