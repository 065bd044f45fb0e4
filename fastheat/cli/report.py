"""Printed output: summaries, information on files, warnings and errors."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from itertools import accumulate
from typing import Any, BinaryIO, TextIO

from fastheat.gif import blocks
from fastheat.messages import MOST_SAID, many, printable
from fastheat.pipeline.summary import GifSummary


def summary_line(name: str, summary: GifSummary) -> str:
    width, height = summary.size
    text = (
        f"{name}: {many(summary.frames, 'frame')} of {width} x {height} px "
        f"in {summary.seconds:.2f} s, {summary.frames / max(summary.seconds, 1e-9):.0f} frames/s, "
        f"{spelled_size(summary.bytes / summary.frames)} a frame, {spelled_size(summary.bytes)}"
    )
    if summary.reduced:
        cells = summary.cells.values() if isinstance(summary.cells, dict) else [summary.cells]
        drawn = ", ".join(f"{n} x {m}" for n, m in cells)
        text += f"; drawn as {drawn} cells, the {summary.reduced} of each block of values"
    if summary.merged:
        text += f"; {many(summary.merged, 'frame')} the same as the one before"
    low, high = summary.sides
    changed = [
        (summary.under, "value", f"under {low}"),
        (summary.over, "value", f"over {high}"),
        (summary.bad - summary.refused, "value", "NaN or infinite"),
        (summary.refused, "value", "that the norm does not take"),
        (summary.masked, "cell", "masked"),
        (summary.hidden, "text", "left out"),
        (len(summary.lacking), "character", "without a glyph"),
        (summary.raised, "delay", "raised"),
    ]
    shown = [f"{many(count, noun)} {what}" for count, noun, what in changed if count]
    return f"{text}; not as given: {', '.join(shown)}" if shown else text


def describe(name: str, file: BinaryIO, each: bool) -> dict[str, Any]:
    """Return a GIF's metadata as `fastheat info --json` prints it, with times in milliseconds.

    `each` adds a list of all frames.
    """
    screen, end, loop, ticks = blocks.Screen((0, 0), 0), blocks.End(0, 0), None, 0
    # frames may be many, but distinct lengths are few: at most the root of twice the file's length
    lengths: Counter[int] = Counter()
    frames = []
    for block in blocks.read_blocks(file):
        if isinstance(block, blocks.FrameInfo):
            ticks += block.delay
            lengths[block.length] += 1
            if each:
                frames.append(
                    {
                        "delay": 10 * block.delay,
                        "box": block.box,
                        "bytes": block.length,
                        "transparent": block.transparent,
                        "disposal": block.disposal,
                    }
                )
        elif isinstance(block, blocks.Screen):
            screen = block
        elif isinstance(block, blocks.Loop):
            loop = block.times
        elif isinstance(block, blocks.End):
            end = block
    sizes = None
    if lengths:
        sizes = {"min": min(lengths), "median": _median(lengths), "max": max(lengths)}
    described: dict[str, Any] = {
        "file": name,
        "frames": lengths.total(),
        "width": screen.size[0],
        "height": screen.size[1],
        "duration": 10.0 * ticks,
        "loop": loop,
        "colors": screen.colors,
        "bytes": end.length,
        "bytes_per_frame": sizes,
        "trailing": end.trailing,
    }
    return described | {"each": frames} if each else described


def _median(counts: Counter[int]) -> float:
    """Return the median of a multiset of numbers."""
    total = counts.total()
    numbers, ends = zip(*sorted(counts.items()), strict=True)
    reached = list(accumulate(ends))
    low, high = (numbers[bisect_right(reached, k)] for k in ((total - 1) // 2, total // 2))
    return float(low + high) / 2


def info_lines(info: Mapping[str, Any]) -> Iterator[str]:
    loop = info["loop"]
    plays = "once" if loop is None else "for ever" if loop == 0 else f"{loop + 1} times"
    yield printable(
        f"{info['file']}: {many(info['frames'], 'frame')} of {info['width']} x {info['height']} px"
    )
    yield f"  duration  {info['duration'] / 1000:g} s, played {plays}"
    yield f"  size      {spelled_size(info['bytes'])} ({info['bytes']} bytes)"
    if info["bytes_per_frame"]:
        sizes = (f"{name} {spelled_size(size)}" for name, size in info["bytes_per_frame"].items())
        yield f"  a frame   {', '.join(sizes)}"
    yield f"  colours   {info['colors']} in the table"
    if info["trailing"]:
        yield f"  after it  {many(info['trailing'], 'byte')} that decoders ignore"
    for number, frame in enumerate(info.get("each", ())):
        left, top, width, height = frame["box"]
        transparent = "" if frame["transparent"] is None else ", transparent"
        yield (
            f"  frame {number}: {frame['delay']} ms, {width} x {height} px at {left}, {top}, "
            f"{frame['bytes']} bytes{transparent}"
        )


def spelled_size(count: float) -> str:
    if count < 1000:
        return f"{count:.0f} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


def fail(status: int, message: str) -> int:
    print_to(f"fastheat: error: {printable(message[:MOST_SAID])}\n", sys.stderr)
    return status


def print_to(text: str, stream: TextIO | None) -> None:
    if stream is None:  # closed by the shell
        return
    encoding = stream.encoding or "utf-8"
    with given_up_on_error() if stream is sys.stdout else nullcontext():
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()


@contextmanager
def given_up_on_error() -> Iterator[None]:
    """Keep Python from flushing standard output again at exit, after writing to it has failed."""
    try:
        yield
    except OSError:
        with suppress(OSError, ValueError):  # sys.stdout may be an object without a descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
