"""GIF's variant of LZW (GIF89a, appendix F): runs to codes.

A phrase is a sequence of pixels that has a code. A phrase P, with an index k that P does not end
with, starts a chain of longer phrases: Pk, Pkk, ... up to the longest so far (the empty phrase
starts k, kk, ...). A chain is named by the code of its first phrase. So a run does not take a step
per pixel, but one to its chain and one to its length in the chain:

    chain of (P, k)             in the table, at the key P | k
    length 1                    the chain's name
    the longest                 last[chain], of length longest[chain]
    lengths in between          in the table, at the key chain | length

A run that is longer than that ends the phrase at the longest, which adds a phrase one pixel longer.

The table has a key's code at the slot that the key hashes to, or some steps further; `keys` has the
key of each code. An entry is generation << 12 | code, so that incrementing the generation empties
the table.

A full table is kept as long as it pays (the deferred clear of GIF89a's cover sheet): until the
number of runs per word of codes falls below its average since the table was empty, or below the
best average of an earlier table, as a forager leaves a patch that yields less than the average
(Charnov 1976).

    entries: (SLOTS,) uint16      keys: (4096,) uint32      longest, last: (4096,) uint16

Everything is uint64, since numba turns a mix with int64 into float64, and tests signed indices for
< 0.
"""

from typing import Annotated, NamedTuple

import numpy as np

from fastheat.render.kernels.jit import Uint8s, Uint16s, Uint32s, Uint64s, inlined, jit
from fastheat.render.kernels.unsigned import LOW, U0, U1, U2, U5, U7

# 64 KB, at most an eighth of it in use: an L1 cache miss costs less than a mispredicted branch
# where two keys collide; encoding took 7 % longer with half as many slots, 25 % with a quarter
SLOTS = 1 << 15
GENERATIONS = 1 << 4
CODES = 1 << 12
MASK = np.uint64(SLOTS - 1)
STEP = np.uint64(1021)  # to the next slot; far, since neighbouring codes have neighbouring slots
SPREAD = np.uint64(2531)  # factor that spreads indices and lengths over the slots
APART = np.uint64(1365)  # offset of the slots of lengths from those of indices
LENGTHS = np.uint64(1 << 31)  # bit set in keys that contain a length
NO_PHRASE = np.uint64(CODES)
FULL = np.uint64(CODES)
LOOKED_AT = 128  # codes between two checks of a full table
KEPT_FROM = 0.95  # of the average; a full table is cleared below it, as new ones have to learn
U8, U12, U31 = (np.uint64(k) for k in (8, 12, 31))


class Coder(NamedTuple):
    """The encoder's table and output, reused for every image."""

    entries: Annotated[Uint16s, "SLOTS"]
    keys: Annotated[Uint32s, "CODES"]
    longest: Annotated[Uint16s, "CODES"]
    last: Annotated[Uint16s, "CODES"]
    generation: Annotated[Uint64s, "1"]
    words: Annotated[Uint32s, "room"]  # the codes
    codes_out: Annotated[Uint8s, "4 * room"]  # the same memory as bytes


def new_coder(pixels: int) -> Coder:
    """Return an encoder for images of at most `pixels` pixels."""
    # at worst 12 bits per pixel, a clear code per 3,800 of them, and the codes at both ends
    words = np.empty((pixels + pixels // 3800 + 8) * 12 // 32 + 8, np.uint32)
    return Coder(
        entries=np.zeros(SLOTS, np.uint16),
        keys=np.zeros(CODES, np.uint32),
        longest=np.zeros(CODES, np.uint16),
        last=np.zeros(CODES, np.uint16),
        generation=np.zeros(1, np.uint64),
        words=words,
        codes_out=words.view(np.uint8),
    )


def room_for(coder: Coder) -> int:
    """Return the largest size of an image block in bytes: codes, sub-block sizes and descriptor."""
    size = int(coder.codes_out.size)
    return size + size // 255 + 32


# Returns the code of a key that hashes to `slot`, FULL or more if it has none, and the slot that it
# is in or belongs in.
@inlined
def find_code(key, slot, tag, entries, keys):
    code = np.uint64(entries[slot]) ^ tag
    while code < FULL and np.uint64(keys[code]) != key:
        slot = (slot + STEP) & MASK
        code = np.uint64(entries[slot]) ^ tag
    return code, slot


# Appends a code to the pending bits, least significant first, and stores full words. Returns the
# pending bits, their number and the index of the next word.
@inlined
def put_code(code, bits, total, filled, word, words):
    total |= code << filled
    filled += bits
    words[word] = np.uint32(total & LOW)
    whole = filled >> U5
    return total >> (whole << U5), filled & U31, word + whole


# Empties the table; returns the tag of its entries, their generation << 12.
@inlined
def next_table(clear, coder):
    for k in range(clear):
        coder.longest[k] = 1
        coder.last[k] = k
    generation = coder.generation[0] + U1
    if generation == GENERATIONS:
        coder.entries[:] = 0
        generation = U1
    coder.generation[0] = generation
    return generation << U12


# Encodes n runs of indices below 1 << code_size; returns the length of the codes in bytes.
@jit
def encode_lzw(indices, starts, n, code_size, coder):
    entries, keys, longest, last = coder.entries, coder.keys, coder.longest, coder.last
    words = coder.words
    clear = U1 << np.uint64(code_size)
    tag = next_table(clear, coder)
    bits = np.uint64(code_size) + U1
    code = clear + U2
    total, filled, word = clear, bits, U0
    phrase = NO_PHRASE
    slot = key = U0
    first_run, first_word = np.int64(0), U0  # when the table was last empty
    unseen, seen_run, seen_word = 0, np.int64(0), U0  # codes to the next check; at the last check
    best = 0.0  # runs per word of codes with the best earlier table
    for r in range(n):
        k = np.uint64(indices[r])
        left = np.uint64(starts[r + 1]) - np.uint64(starts[r])
        while True:
            chain = k
            if phrase != NO_PHRASE:
                key = phrase << U8 | k
                chain, slot = find_code(key, (phrase ^ k * SPREAD) & MASK, tag, entries, keys)
            if chain < FULL:
                most = np.uint64(longest[chain])
                if left <= most:
                    phrase = chain
                    if left != U1:
                        phrase = np.uint64(last[chain])
                        if left != most:
                            key = LENGTHS | left << U12 | chain
                            slot = (chain ^ left * SPREAD + APART) & MASK
                            phrase, slot = find_code(key, slot, tag, entries, keys)
                    break
                phrase = np.uint64(last[chain])
                left -= most
                if code < FULL:
                    most += U1
                    longest[chain] = most
                    last[chain] = code
                    key = LENGTHS | most << U12 | chain
                    slot = (chain ^ most * SPREAD + APART) & MASK
                    _, slot = find_code(key, slot, tag, entries, keys)
            elif code < FULL:
                longest[code] = 1
                last[code] = code
            total, filled, word = put_code(phrase, bits, total, filled, word, words)
            phrase = NO_PHRASE
            if code < FULL:
                entries[slot] = tag | code
                keys[code] = key
                # the decoder is one entry behind, so the next code is the first of the new width
                bits += code >> bits
                code += U1
                if code == FULL:
                    unseen, seen_run, seen_word = LOOKED_AT, r, word
            else:
                unseen -= 1
                if unseen == 0:
                    now = np.float64(r - seen_run) / np.float64(word - seen_word)
                    average = np.float64(r - first_run) / np.float64(word - first_word)
                    if now < KEPT_FROM * max(average, best):
                        best = max(average, best)
                        total, filled, word = put_code(clear, bits, total, filled, word, words)
                        tag = next_table(clear, coder)
                        bits = np.uint64(code_size) + U1
                        code = clear + U2
                        first_run, first_word = r, word
                    unseen, seen_run, seen_word = LOOKED_AT, r, word
    total, filled, word = put_code(phrase, bits, total, filled, word, words)
    if code == U1 << bits and bits < U12:
        bits += U1
    total, filled, word = put_code(clear + U1, bits, total, filled, word, words)
    words[word] = np.uint32(total & LOW)
    return np.int64(word) * 4 + np.int64(filled + U7) // 8


# Returns the number of bits that n indices need, at least 2.
@jit
def code_size_of(indices, n):
    bits = np.uint8(3)
    for r in range(n):
        bits |= indices[r]
    code_size = 2
    while bits >> code_size > 0:
        code_size += 1
    return code_size
