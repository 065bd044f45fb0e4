"""Image blocks: the runs of the parts of a picture, joined and encoded."""

from typing import Annotated

import numpy as np

from fastheat.render.kernels.jit import Int64s, Uint8s, entry, inlined, jit
from fastheat.render.kernels.lists import Lists
from fastheat.render.kernels.lzw import Coder, code_size_of, encode_lzw
from fastheat.render.kernels.runs import (
    Lines,
    Runs,
    begin_run,
    changed_rectangle,
    difference_runs,
    picture_runs,
    take_row,
)
from fastheat.render.kernels.unsigned import U0
from fastheat.tables import TRANSPARENT


# Copies bytes. Its indices are unsigned: a test for < 0 would keep the loop from being vectorised.
@inlined
def copy(source, start, target, place, count):
    for k in range(count):
        target[np.uint64(place + k)] = source[np.uint64(start + k)]


# Writes an image descriptor, the code size, and n runs as data sub-blocks to out[end:]; returns the
# new end. rectangle: x0, x1, y0, y1, out: uint8
@jit
def write_image(rectangle, indices, starts, n, coder, out, end):
    x0, x1, y0, y1 = rectangle
    code_size = code_size_of(indices, n)
    size = encode_lzw(indices, starts, n, code_size, coder)
    codes = coder.codes_out
    out[end] = 0x2C
    place = end + 1
    for number in (x0, y0, x1 - x0, y1 - y0):
        out[place], out[place + 1] = number & 0xFF, number >> 8
        place += 2
    out[place] = 0
    out[place + 1] = code_size
    place += 2
    for start in range(0, size, 255):
        length = min(255, size - start)
        out[place] = length
        copy(codes, start, out, place + 1, length)
        place += 1 + length
    out[place] = 0
    return place + 1


SAMPLED = 16  # rows, of which one is looked at
BYTES, HIGH_BITS = (np.uint64(k * 0x0101010101010101) for k in (1, 0x80))


# Returns a palette index that does not occur in the changed words of a picture: 0, 255, or the
# least one free; -1 if none is. picture: (H, W), rows: (H, 2) as of changed_rectangle, present:
# (256,) uint8 scratch
@jit
def free_index(picture, lines, rows, present):
    for index in (0, 255):
        every = np.uint64(index) * BYTES
        found = U0
        for y in range(rows.shape[0]):
            take_row(picture, picture, y, lines)
            for w in range(np.uint64(rows[y, 0]), np.uint64(rows[y, 1])):
                pixels = lines.words[0, w] ^ every
                found |= (pixels - BYTES) & ~pixels & HIGH_BITS  # not 0 if any byte of pixels is 0
        if found == U0:
            return np.int64(index)
    present[:] = 0
    for y in range(rows.shape[0]):
        for x in range(8 * rows[y, 0], min(8 * rows[y, 1], picture.shape[1])):
            present[picture[y, x]] = 1
    for index in range(256):
        if present[index] == 0:
            return np.int64(index)
    return np.int64(-1)


# Encodes a whole picture of palette indices as an image block; returns its size in bytes.
@entry
def encode_picture(
    picture: Annotated[Uint8s, "H, W"], runs: Runs, coder: Coder, out: Annotated[Uint8s, "room"]
) -> int:
    height, width = picture.shape
    n = picture_runs((0, width, 0, height), picture, runs.indices, runs.starts)
    return write_image((0, width, 0, height), runs.indices, runs.starts, n, coder, out, 0)


# Returns the only part that changes in frame t, -1 if none or several do.
@inlined
def only_changed(t, lists):
    changed, only = np.int64(0), np.int64(-1)
    for k in range(lists.cursors.size):
        if lists.rectangles[k, t, 0] < lists.rectangles[k, t, 1]:
            changed += 1
            only = np.int64(k)
    return only if changed == 1 else np.int64(-1)


# Joins the runs of frame t of all parts, row by row, transparent in between. Returns the rectangle
# around them, x0 >= x1 if nothing changes, and the number of runs.
@jit
def join_runs(t, lists, indices, starts):
    rectangles, cursors = lists.rectangles, lists.cursors
    x0, x1, y0, y1 = np.int64(1 << 30), np.int64(0), np.int64(1 << 30), np.int64(0)
    for k in range(cursors.size):
        cursors[k] = lists.ends[k, t - 1]
        if rectangles[k, t, 0] < rectangles[k, t, 1]:
            x0, x1 = min(x0, rectangles[k, t, 0]), max(x1, rectangles[k, t, 1])
            y0, y1 = min(y0, rectangles[k, t, 2]), max(y1, rectangles[k, t, 3])
    n, last, done = np.int64(0), np.int64(-1), np.int64(0)
    width = x1 - x0
    y = y0
    while y < y1:
        following = y1
        for k in range(cursors.size):
            left, right = rectangles[k, t, 0], rectangles[k, t, 1]
            top, bottom = rectangles[k, t, 2], rectangles[k, t, 3]
            if left >= right or y >= bottom:
                continue
            if y < top:
                following = min(following, top)
                continue
            alone = right - left == width  # in all of its rows, which are joined at once
            following = min(following, bottom if alone else y + 1)
            begin = (y - y0) * width + left - x0
            if begin > done:
                n, last = begin_run(TRANSPARENT, done, last, n, indices, starts)
            pixel = (y - top) * (right - left)
            stop = pixel + right - left
            r, end = cursors[k], cursors[k] + 1
            if alone:  # y == top
                stop, end = width * (bottom - top), lists.ends[k, t] - 1
            while lists.starts[end] < stop:
                end += 1
            done = begin + stop - pixel
            # only the first run here may continue the last one
            n, last = begin_run(np.int64(lists.indices[r]), begin, last, n, indices, starts)
            copy(lists.indices, r + 1, indices, n, end - r - 1)
            shift = np.uint32((begin - pixel) & 0xFFFFFFFF)
            for q in range(1, end - r):
                starts[np.uint64(n + q - 1)] = lists.starts[np.uint64(r + q)] + shift
            n += end - r - 1
            last = np.int64(lists.indices[end - 1])
            cursors[k] = end if lists.starts[end] == stop else end - 1
        y = following
    pixels = max(width, 0) * max(y1 - y0, 0)
    if done < pixels:
        n, _ = begin_run(TRANSPARENT, done, last, n, indices, starts)
    starts[n] = pixels
    return (x0, x1, y0, y1), n


# Encodes frames of several parts from their lists of runs, from frame `start` on, until those up to
# `stop` are done or there is space for less than `room` bytes; returns the next frame to encode.
@entry
def encode_lists(
    lists: Lists,
    stop: int,
    start: int,
    room: int,
    runs: Runs,
    coder: Coder,
    ends: Annotated[Int64s, "T"],
    out: Annotated[Uint8s, "bytes"],
) -> int:
    for t in range(start, stop):
        end = ends[t - 1]
        if out.size - end < room:
            return t
        k = only_changed(t, lists)
        if k >= 0:
            x0, x1, y0, y1 = lists.rectangles[k, t]
            first, last = lists.ends[k, t - 1], lists.ends[k, t]
            own = lists.indices[first:last], lists.starts[first:last]
            end = write_image((x0, x1, y0, y1), *own, last - first - 1, coder, out, end)
        else:
            rectangle, n = join_runs(t, lists, runs.indices, runs.starts)
            if n > 0:
                end = write_image(rectangle, runs.indices, runs.starts, n, coder, out, end)
        ends[t] = end
    return stop


# Encodes frames of palette indices by comparing them; start, room, out, ends and the result are as
# of encode_lists. The transparent index is `free`, or, if that is negative, one that a frame does
# not use, if any. lines, rows, present: scratch, transparents: the transparent index of each frame,
# -1 if it has none
@entry
def encode_differences(
    frames: Annotated[Uint8s, "T, H, W"],
    free: int,
    lines: Lines,
    rows: Annotated[Int64s, "H, 2"],
    present: Annotated[Uint8s, "256"],
    transparents: Annotated[Int64s, "T"],
    start: int,
    room: int,
    runs: Runs,
    coder: Coder,
    ends: Annotated[Int64s, "T"],
    out: Annotated[Uint8s, "bytes"],
) -> int:
    for t in range(start, ends.size):
        end = ends[t - 1]
        if out.size - end < room:
            return t
        transparents[t] = -1
        now, old = frames[t], frames[t - 1]
        sides = changed_rectangle(now, old, lines, rows)
        if sides[0] < sides[1]:
            index = free if free >= 0 else free_index(now, lines, rows, present)
            if index < 0:
                n = picture_runs(sides, now, runs.indices, runs.starts)
            else:
                # a sample of the rows shows if it pays to leave single pixels transparent
                words_only = pixels_too = np.int64(0)
                for k in range(3):
                    step = SAMPLED if k < 2 else 1
                    each = k == 1 or (k == 2 and pixels_too < words_only)
                    n, used = difference_runs(
                        sides, now, old, lines, rows, step, index, each, runs.indices, runs.starts
                    )
                    if k == 0:
                        words_only = n
                    elif k == 1:
                        pixels_too = n
                if used:
                    transparents[t] = index
            end = write_image(sides, runs.indices, runs.starts, n, coder, out, end)
        ends[t] = end
    return ends.size
