"""Every reader of the package, and the outcomes that it may have."""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from fastheat import GifWriter, Heatmap, load_frames, save_gif, save_indexed_gif
from fastheat.cli import arguments, main, report
from fastheat.gif import blocks

from .corpus import GIFS, MATRIX, SECRET, SMALL, STACK, as_frame, npy, safetensors, step_of

PLAIN: dict[str, Any] = {**SMALL, "valfmt": None, "workers": 1}
MOST_FRAMES = 2000  # to read at most, however many a file claims
LONGEST = 500  # characters of a message at most, not counting the path
PRINTED = 1 << 18  # characters that `info` may print
FAMILIES = {
    "api": (ValueError, TypeError, OSError, ImportError),
    "frames": (ValueError, FileNotFoundError, ImportError),
    "cli": (ValueError, TypeError, OSError, ImportError, arguments.UsageError),
}


class Finding(Exception):  # noqa: N818
    """Something that reading a file must not do: its kind, and a key that identifies it."""

    def __init__(self, kind: str, key: str, text: str) -> None:
        super().__init__(kind, key, text)
        self.kind, self.key, self.text = kind, key, text


@dataclass(frozen=True)
class Reader:
    """A way to read files of some kinds."""

    kinds: tuple[str, ...]
    family: str
    read: Callable[[Path, str, int], object]  # the file, its seed's name, and a variant
    weight: float = 1.0


def check(name: str, path: Path, seed: str, variant: int) -> None:
    """Read a file, and raise a `Finding` for anything that must not happen."""
    reader = READERS[name]
    path_text = str(path)
    before = path.read_bytes() if path.is_file() else b""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            reader.read(path, seed, variant)
            failed = None
        except FAMILIES[reader.family] as error:
            failed = error
            _check_message(str(error), path_text, where(error))
            if re.search("allocate|[Nn]ot enough memory|MemoryError", str(error)):
                raise Finding("memory", where(error), str(error)[:300]) from error
        except Finding:
            raise
        except MemoryError as error:
            raise Finding("memory", where(error), _trace(error)) from error
        except Exception as error:
            kind = f"error {type(error).__name__}"
            raise Finding(kind, where(error), _trace(error)) from error
    for warning in told:
        if warning.category is UserWarning:
            _check_message(str(warning.message), path_text, "warning")
    output = Path("out.gif")
    if output.exists() and output.stat().st_size:
        with output.open("rb") as file:
            if not any(isinstance(each, blocks.FrameInfo) for each in [*blocks.read_blocks(file)]):
                raise Finding("output", name, "a GIF without frames was left")
    changed = path.is_file() and path.read_bytes() != before
    if changed and (name != "append" or failed is not None):
        key = f"{name} {where(failed) if failed else ''}"
        raise Finding("input", key, f"the file that was read is not as it was: {failed!r:.500}")
    left = {each.name for each in Path().iterdir()} - {path.name, *KEPT}
    if left:
        raise Finding("output", name, f"files were left: {sorted(left)!r:.200}")


KEPT = ("out.gif", "frames.npy", "step_2.npy", "step_2.safetensors")


def where(error: BaseException) -> str:
    """Return the functions in the traceback of an error's first cause: ours, and the innermost."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(each.filename).name}:{each.name}" for each in frames]
    ours = [p for p, f in zip(places, frames, strict=True) if "/fastheat/" in f.filename]
    return " ".join(dict.fromkeys([*ours[-2:], *places[-1:]]))


def _trace(error: BaseException) -> str:
    lines = traceback.format_exception(error, limit=-8)
    return "".join(line[:300] for line in lines)[-3000:]


def _check_message(text: str, path: str, key: str) -> None:
    """Refuse a message that is not a single line, is too long, or controls a terminal."""
    text = text.replace(path, "FILE").replace(os.path.realpath(path), "FILE")
    if not text.isprintable():
        wrong = next(c for c in text if not c.isprintable())
        kind = "lines" if "\n" in text else "unprintable"
        raise Finding(f"message {kind}", key, f"{wrong!a} in {ascii(text)[:600]}")
    if len(text) > LONGEST:
        raise Finding("message long", key, f"{len(text)} characters: {text[:600]}")


# ------------------------------------------------------------------------------------- in Python


def _iterated(frames: Any) -> None:
    """Read all frames, and check that none contains objects or the content of another file."""
    if isinstance(frames, Mapping):
        for each in frames.values():
            _iterated(each)
        return
    shape = getattr(frames, "shape", None)
    if isinstance(frames, np.ndarray) or shape is not None:
        dtype = getattr(frames, "dtype", np.dtype(float))
        if dtype.hasobject:
            raise Finding("objects", "dtype", f"{dtype} of shape {shape}")
    for frame in islice(frames, MOST_FRAMES) if isinstance(frames, Iterable) else ():
        if isinstance(frame, Mapping):
            _iterated(frame)
            continue
        if isinstance(frame, np.ndarray):
            if frame.dtype.hasobject:
                raise Finding("objects", "dtype", f"a frame of {frame.dtype}")
            if frame.dtype.kind in "biufc" and frame.size <= 1 << 20:
                if (frame == SECRET[0]).any():
                    raise Finding("secret", "frames", "what another file holds is in a frame")
                frame.sum()


def _frames(path: Path, seed: str, variant: int) -> None:
    tensor = (None, None, None, "w", "layer.weight", ["w", "v"])[variant % 6]
    _iterated(load_frames(path, tensor=tensor))


def _sequence(path: Path, seed: str, variant: int) -> None:
    """Read a file as one of several checkpoints."""
    other = Path("step_2" + path.suffix)
    if path.suffix == ".safetensors":
        one = {"w": {"dtype": "F32", "shape": [2, 4], "data_offsets": [0, 32]}}
        other.write_bytes(safetensors(one, MATRIX.tobytes()))
    else:
        other = Path("step_2.npy")
        other.write_bytes(npy(MATRIX))
    tensor = None if other.suffix == ".npy" else "w"
    paths = [other, path] if variant % 2 else [path, path]
    _iterated(load_frames(paths, tensor=tensor))


def _save(path: Path, seed: str, variant: int) -> None:
    options = dict(PLAIN)
    if variant % 4 == 1:
        options["valfmt"] = "{x:.1f}"
    if variant % 4 == 2:
        options |= {"norm": "log"}
    if variant % 4 == 3:
        options |= {"vmin": -1, "vmax": 1, "titles": "step {step}" if variant % 8 == 3 else "{}"}
    save_gif("out.gif", load_frames(path) if variant % 3 else str(path), **options)


def _indexed(path: Path, seed: str, variant: int) -> None:
    palette = np.zeros((256 if variant % 2 else 4, 3), np.uint8)
    save_indexed_gif("out.gif", str(path), palette)


def _annot(path: Path, seed: str, variant: int) -> None:
    options = {**PLAIN, "valfmt": "{x:.1f}", "annot": str(path)}
    if variant % 4 == 3:
        save_gif("out.gif", {"w": STACK, "v": STACK[:, :1]}, **options)
    else:
        save_gif("out.gif", STACK, **options)


def _append(path: Path, seed: str, variant: int) -> None:
    options = dict(GIFS[re.split(r"[-.]", seed)[0]])
    frame = as_frame(STACK[1], options)
    with GifWriter(path, mode="a", background=False, **SMALL, **options) as writer:
        writer.add(frame, **step_of(5000, options))
    with path.open("rb") as file:
        *_, end = blocks.read_blocks(file)
    assert isinstance(end, blocks.End)
    if end.trailing:
        raise Finding("output", "append", f"{end.trailing} bytes behind the trailer")


def _font(path: Path, seed: str, variant: int) -> None:
    font: Any = str(path) if variant % 2 else path
    size = {0: {}, 1: {"fontsize": 30}}.get(variant % 3, {"title": "Title \u00e9 \u0394"})
    Heatmap((2, 4), vmin=-2, vmax=2, font=font, **SMALL, **size).indices(STACK[0])


# -------------------------------------------------------------------------------- the command line


@contextmanager
def _streams(path: Path | None) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Replace the standard streams by files."""
    out, err = io.BytesIO(), io.BytesIO()
    stdin = io.TextIOWrapper(io.BytesIO(path.read_bytes() if path else b""))
    with (
        patch.object(sys, "stdin", stdin),
        patch.object(sys, "stdout", io.TextIOWrapper(out, "utf-8", write_through=True)) as stdout,
        patch.object(sys, "stderr", io.TextIOWrapper(err, "utf-8", write_through=True)) as stderr,
    ):
        yield out, err
        stdout.detach()
        stderr.detach()


def _main(arguments: list[str], path: Path, piped: bool = False) -> None:
    """Run the command line, and check its inner exceptions, its exit status and its output."""
    raised: list[BaseException] = []
    fail = report.fail

    def kept(status: int, message: str) -> int:
        error = sys.exc_info()[1]
        if error is not None:
            raised.append(error)
        return fail(status, message)

    with _streams(path if piped else None) as (out, err), patch.object(main, "fail", kept):
        status = main.main(arguments)
    for error in raised:
        if not isinstance(error, FAMILIES["cli"]):
            kind = "memory" if isinstance(error, MemoryError) else f"error {type(error).__name__}"
            raise Finding(kind, where(error), _trace(error)) from error
    key = where(raised[0]) if raised else "printed"
    lines = err.getvalue().decode().split("\n")
    errors = [line for line in lines if line.startswith("fastheat: error: ")]
    if len(errors) != (status != 0) or status not in (0, 1, 2):
        raise Finding("status", key, f"status {status} with {lines!r:.500}")
    for line in lines[:-1]:
        if not line.startswith(("fastheat: error: ", "fastheat: warning: ")):
            raise Finding("message lines", key, f"{line!r:.500}")
        _check_message(line, str(path), key)
        if re.search("allocate|not enough memory|MemoryError", line):
            raise Finding("memory", key, line[:300])
    printed = out.getvalue()
    if arguments[0] == "info":
        frames = printed.count(b"\n")
        if len(printed) > PRINTED + 1000 * frames:
            raise Finding("message long", "stdout", f"{len(printed)} bytes printed")
        for line in printed.decode().split("\n"):
            if not line.isprintable():
                raise Finding("message unprintable", "stdout", ascii(line)[:500])


_LOOK = ["--figsize", "3", "2", "--dpi", "40", "--workers", "1"]


def _render(path: Path, seed: str, variant: int) -> None:
    ways: tuple[list[str], ...] = (
        ["--valfmt", "none"],
        ["--valfmt", "{x:.1f}", "--cbar"],
        ["--tensor", "w", "--titles", "step {step}"],
        ["--frame", "-1"],
        ["--valfmt", "none", "--autoscale", "frame"],
        ["--valfmt", "none", "--autoscale", "grow", "--robust"],
    )
    way = ways[variant % len(ways)]
    output = "-" if "--frame" in way else "out.gif"
    _main(["render", str(path), "-o", output, *_LOOK, *way], path)


def _piped(path: Path, seed: str, variant: int) -> None:
    _main(["render", "-", "-o", "out.gif", *_LOOK, "--valfmt", "none"], path, piped=True)


def _beside(option: str) -> Callable[[Path, str, int], None]:
    """Return a reader of a file that an option names, beside valid frames."""

    def read(path: Path, seed: str, variant: int) -> None:
        frames = Path("frames.npy")
        frames.write_bytes(npy(STACK))
        _main(["render", str(frames), "-o", "out.gif", *_LOOK, f"{option}={path}"], path)

    return read


def _labels(path: Path, seed: str, variant: int) -> None:
    frames = Path("frames.npy")
    frames.write_bytes(npy(STACK))
    option = ("--row-labels", "--col-labels", "--titles")[variant % 3]
    _main(["render", str(frames), "-o", "out.gif", *_LOOK, f"{option}=@{path}"], path)


def _info(path: Path, seed: str, variant: int) -> None:
    extra = ([], ["--frames"], ["--json"], ["--json", "--frames"])[variant % 4]
    piped = variant % 8 >= 6
    _main(["info", "-" if piped else str(path), *extra], path, piped)


FRAMES = ("npy", "npz", "pickle", "safetensors", "torch", "zarr", "hdf5", "csv", "packed")
SERIES = ("npy", "npz", "pickle", "safetensors", "torch", "hdf5", "csv", "packed")
FILES = tuple(kind for kind in FRAMES if kind != "zarr")
READERS: dict[str, Reader] = {
    "frames": Reader(FRAMES, "frames", _frames, 12),
    "sequence": Reader(SERIES, "frames", _sequence, 3),
    "save": Reader(FRAMES, "api", _save, 3),
    "indexed": Reader(FRAMES, "api", _indexed, 2),
    "annot": Reader(FRAMES, "api", _annot, 2),
    "render": Reader((*FRAMES, "gif"), "cli", _render, 2),
    "piped": Reader((*FILES, "gif"), "cli", _piped, 1),
    "--annot": Reader(FRAMES, "cli", _beside("--annot"), 1),
    "--mask": Reader(("npy", "npz", "pickle"), "cli", _beside("--mask"), 1),
    "--font": Reader(("font",), "cli", _beside("--font"), 1),
    "--labels": Reader(("text",), "cli", _labels, 1),
    "info": Reader(("gif",), "cli", _info, 6),
    "append": Reader(("gif",), "api", _append, 6),
    "font": Reader(("font",), "api", _font, 2),
}
VARIANTS = 24  # a multiple of the number of variants of each reader
