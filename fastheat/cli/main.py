"""The command line: `fastheat render`, `demo`, `info` and `warmup`."""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain, islice, takewhile
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from fastheat.checks import defaults_of
from fastheat.cli import demo
from fastheat.cli.arguments import STANDARD, TIMING, UsageError, as_options, given_options, parse
from fastheat.cli.report import (
    describe,
    fail,
    given_up_on_error,
    info_lines,
    print_to,
    spelled_size,
    summary_line,
)
from fastheat.figure.heatmap import Heatmap
from fastheat.figure.make import make_figure
from fastheat.gif.target import check_place, check_target
from fastheat.inputs.frames.annotations import Annots, open_annots
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.spans import chunk_length, spans_of
from fastheat.inputs.frames.stream import Frames
from fastheat.inputs.sources.checkpoints import has_pattern
from fastheat.inputs.sources.readers import suffix_of
from fastheat.inputs.sources.shapes import cells_of
from fastheat.messages import printable
from fastheat.pipeline.workers import WorkerPool
from fastheat.render.kernels import jit, objects
from fastheat.save import prepared, save_gif, titles_of, with_first_texts, with_range_of

# settings of Pillow's formats that keep text sharp
KINDS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv
        The arguments; None stands for those of the process.

    Returns
    -------
    int
        The exit status: 0, 1 if something failed, 2 if the arguments are wrong, 130 if interrupted.
    """
    try:
        args = parse(sys.argv[1:] if argv is None else argv)
        with warnings_in_a_line(), _saying_that_it_compiles(args):
            COMMANDS[args.command](args)
    except UsageError as error:
        return fail(2, as_options(str(error)))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has closed the pipe
        return 1
    except OSError as error:
        named = f"{error.filename}: " if error.filename is not None else ""
        return fail(1, f"{named}{error.strerror}" if error.strerror else str(error))
    except MemoryError as error:
        return fail(1, f"not enough memory: {error}" if str(error) else "not enough memory")
    except (ValueError, TypeError, ImportError) as error:
        return fail(1, as_options(str(error)))
    except Exception as error:  # a bug of ours, but still no traceback
        return fail(1, f"{type(error).__name__}: {error}")
    return 0


# --------------------------------------------------------------------------------------- commands


def _render(args: argparse.Namespace) -> None:
    options = given_options(args)
    still = "frame" in args
    suffix = ".png" if still else ".gif"
    if args.output is None and args.input == [STANDARD]:
        raise UsageError(
            f"expected -o OUT{suffix}, since standard input has no name to take it from"
        )
    output = _stem(args.input) + suffix if args.output is None else args.output
    target = _target(output, still=still)
    bar = None if still else _bar_maker(args)
    names = getattr(args, "tensor", [None])
    for name in args.input[1:]:
        if not Path(name).exists():
            raise UsageError(f"unexpected argument {name!r}, which is not a file")
    with _inputs(args.input) as paths:
        for name, path in zip(args.input, paths, strict=True):
            if path.suffix.lower() == ".gif" and path.is_file():
                raise UsageError(f"expected frames, not {name!r}: a GIF only has pictures of them")
        if output != STANDARD and any(_same_file(path, output) for path in paths):
            raise UsageError(f"expected an output that is not the input, not {output!r}")
        with _naming_input(_shown(args.input)):
            given = paths[0] if len(paths) == 1 else paths
            frames = open_frames(given, tensor=names[0] if len(names) == 1 else names)
        if still:
            _write_still(args, target, frames, options)
        else:
            _write(args, target, _shown(args.input), frames, options, bar)


def _demo(args: argparse.Namespace) -> None:
    options = given_options(args)
    look = dict(demo.LOOK)
    if "fps" in options:
        look.pop("duration", None)
    target = _target(args.output)
    bar = _bar_maker(args)
    history = demo.train(args.steps, args.seed, every=args.every)
    _write(args, target, "demo", history, {**look, **options}, bar)


def _info(args: argparse.Namespace) -> None:
    name = "standard input" if args.file == STANDARD else args.file
    try:
        piped = nullcontext(_binary(sys.stdin, name)) if args.file == STANDARD else None
        with piped or Path(args.file).open("rb") as file:
            described = describe(args.file, file, args.frames)
    except ValueError as error:
        raise ValueError(f"cannot read {name}: {error}") from None
    if args.json:
        print_to(json.dumps(described, indent=2) + "\n", sys.stdout)
    else:
        print_to("".join(f"{line}\n" for line in info_lines(described)), sys.stdout)


def _warmup(args: argparse.Namespace) -> None:
    found = objects.where()
    if found is None:
        objects.open_cache()  # any error should come before the seconds of compiling
        jit.tell_of_compiling()
        made = objects.make(objects.host())
        found = objects.keep(made), made
    path, made = found
    objects.link(made)  # raises if it cannot be used
    how = "built with the package" if path.parent == objects.BUILT else "compiled on this machine"
    rows = {
        "kernels": path,
        "made": f"{how}, by {made.maker}",
        "processor": f"{made.target.system}-{made.target.level}",
        "bytes": f"{path.stat().st_size:,}",
        "package": objects.BUILT,
        "cache": objects.cache_folder() or "none: there is no home folder",
    }
    if jit.is_plain():
        rows["not used"] = "NUMBA_DISABLE_JIT is set: kernels run as plain Python"
    lines = (f"{name:<10} {printable(str(value))}\n" for name, value in rows.items())
    print_to("".join(lines), sys.stdout)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "help": lambda _: print_to("", sys.stdout),  # flushes the help, which fails if it is closed
    "render": _render,
    "demo": _demo,
    "info": _info,
    "warmup": _warmup,
}


# --------------------------------------------------------------------------------- input, output


def _binary(stream: TextIO | None, name: str) -> BinaryIO:
    """Return the binary buffer of a standard stream, which must not be a terminal."""
    if stream is None:
        raise OSError(f"{name} is closed")
    if stream.isatty():
        raise UsageError(f"expected {name} to be a file or a pipe, not a terminal")
    return stream.buffer


class _Stream:
    """Standard output as a sink that cannot seek.

    If the shell opened it to append (``>>``), it would claim to be seekable, but write at the end
    all the same.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        with given_up_on_error():
            return self._stream.write(data)

    def flush(self) -> None:
        with given_up_on_error():
            self._stream.flush()

    def __str__(self) -> str:
        return "standard output"


def _target(output: str, *, still: bool = False) -> Any:
    """Return the target of a GIF or a still, checked before anything is read."""
    if output == STANDARD:
        return _Stream(_binary(sys.stdout, "standard output"))
    path = Path(output)
    if still:
        if _picture_format(path.suffix.lower()) is None:
            raise UsageError(
                f"expected a picture that Pillow writes, such as {path.stem + '.png'!r}, "
                f"not {output!r}"
            )
        check_place(path)
        return output
    try:
        check_target(output)
    except ValueError as error:
        raise ValueError(f"{error}, or --frame K for a still of one frame") from None
    return output


def _say(args: argparse.Namespace, target: Any, text: str) -> None:
    """Print what was written, beside a file that goes to standard output."""
    if not args.quiet:
        said = sys.stderr if isinstance(target, _Stream) else sys.stdout
        print_to(f"{printable(text)}\n", said)


def _picture_format(suffix: str) -> str | None:
    """Return Pillow's name of the format for a suffix, or None if it cannot write that."""
    from PIL import Image

    name = Image.registered_extensions().get(suffix)
    return name if name in Image.SAVE else None


@contextmanager
def _inputs(names: Sequence[str]) -> Iterator[list[Path]]:
    """Yield the paths of the input; standard input is copied to a temporary file."""
    if list(names) != [STANDARD]:
        yield [Path(name) for name in names]
        return
    source = _binary(sys.stdin, "standard input")
    # a memory map may still be open at the end, which prevents removal on Windows
    with tempfile.TemporaryDirectory(prefix="fastheat-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "input")
        with path.open("w+b") as file:
            shutil.copyfileobj(source, file, 1 << 20)
            file.seek(0)
            suffix = suffix_of(file)
        path = path.rename(path.with_suffix(suffix))
        try:
            yield [path]
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "standard input")) from None


def _stem(names: Sequence[str]) -> str:
    """Return the stem of the output's name: the input's, or the common beginning of several."""
    stems = [Path(name).stem for name in names]
    if len(names) == 1 and not has_pattern(names[0]):
        return stems[0]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(min(stems), max(stems), strict=False))
    stem = re.split(r"[*?[]", "".join(first for first, _ in alike))[0]
    return stem.rstrip("0123456789-_=. ") or "frames"


def _shown(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _same_file(path: Path, output: str) -> bool:
    try:
        return path.samefile(output)
    except OSError:
        return False


@contextmanager
def _naming_input(name: str) -> Iterator[None]:
    """Prefix errors with the name of the input, unless they contain it."""
    shown = "standard input" if name == STANDARD else name
    try:
        yield
    except (ValueError, TypeError) as error:
        text = str(error)
        named = text if text.startswith("cannot read ") else f"{shown}: {text}"
        raise ValueError(named) from None


def _bar_maker(args: argparse.Namespace) -> Callable[..., Any] | None:
    """Return tqdm if a progress bar is wanted, else None."""
    wanted = args.progress
    if wanted is None:
        wanted = not args.quiet and sys.stderr is not None and sys.stderr.isatty()
    if not wanted:
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        if args.progress:
            raise ImportError('--progress needs tqdm: pip install "fastheat[cli]"') from None
        return None
    return tqdm  # type: ignore[no-any-return]


@contextmanager
def _saying_that_it_compiles(args: argparse.Namespace) -> Iterator[None]:
    """Print a line when kernels are compiled, if someone waits at a terminal."""
    waiting = sys.stderr is not None and sys.stderr.isatty() and not getattr(args, "quiet", False)
    if not waiting and not getattr(args, "progress", None):
        yield
        return

    def tell() -> None:
        text = "fastheat: compiling, once on this machine, takes some seconds"
        shown = sys.modules.get("tqdm")
        shown.tqdm.write(text, sys.stderr) if shown else print_to(f"{text}\n", sys.stderr)

    with jit.on_compiling(tell):
        yield


@contextmanager
def _counting(
    maker: Callable[..., Any] | None, total: int | None
) -> Iterator[Callable[[int, int | None], None] | None]:
    """Display a progress bar on standard error; yield the callback for `save_gif`, or None."""
    if maker is None:
        yield None
        return
    bar = maker(total=total, unit=" frames", file=sys.stderr, leave=False, dynamic_ncols=True)
    with bar:
        yield lambda count, _: bar.update(count - bar.n)


def _write(
    args: argparse.Namespace,
    target: Any,
    name: str,
    frames: object,
    options: dict[str, Any],
    bar: Callable[..., Any] | None,
) -> None:
    """Write frames, then print a summary; errors tell wrong options from wrong frames."""
    timing = {key: options.pop(key) for key in TIMING if key in options}
    with _naming_input(name):
        source = open_frames(frames)
    each = timing.get("duration")
    if isinstance(each, list) and source.length not in (None, len(each)):
        raise UsageError(f"expected a duration for each of {source.length} frames, not {len(each)}")
    with _options_at_fault():
        each_title, options["title"] = titles_of(options.get("title"), timing.get("titles"), source)
    if "titles" in timing:
        timing["titles"] = each_title
    annots = _annots_of_frames(source, options)
    if annots is not None:
        timing["annot"] = annots
    with _options_at_fault():
        heatmap = make_figure(source.shape, options)
        if timing.get("autoscale") == "grow":
            heatmap.check_growth()
        if timing.get("autoscale") == "frame":
            heatmap.per_frame_limits()
        if None not in heatmap.range:
            heatmap.layout(source.dtype)  # raises early; the layout is cached
    try:
        with _naming_input(name), _counting(bar, source.length) as progress:
            summary = save_gif(target, frames, heatmap=heatmap, progress=progress, **timing)
    except (ValueError, TypeError):
        if None in heatmap.range:
            with _options_at_fault():
                heatmap.completed((None,) * len(heatmap.range)).layout(source.dtype)
        raise
    except OSError as error:
        if error.strerror and error.filename is None:  # such as a full disk
            raise OSError(error.errno, error.strerror, str(target)) from None
        raise
    _say(args, target, summary_line(str(target), summary))


def _encoded(image: Any, name: str, inch: float) -> bytes:
    """Return an image encoded in one of Pillow's formats, as RGB if that has no palettes.

    Parameters
    ----------
    image
        A Pillow image.
    name
        Pillow's name of the format.
    inch
        Pixels per inch, by which programs show the image at its intended size.
    """
    settings = {"dpi": (inch, inch), "resolution": inch, **KINDS.get(name, {})}
    for mode in (image.mode, "RGB"):
        file = io.BytesIO()
        try:
            image.convert(mode).save(file, name, **settings)
            return file.getvalue()
        except (OSError, ValueError, KeyError) as error:
            reason = error
    raise ValueError(f"cannot write a picture as {name}: {reason}")


def _annots_of_frames(source: Frames, options: dict[str, Any]) -> Annots | None:
    """Return annotations that differ from frame to frame, or None.

    The option `annot` is replaced by the value that `Heatmap` takes.
    """
    if not options.get("annot"):
        return None
    with _naming_input(options["annot"]):
        annots = open_annots(options["annot"], source.shape)
        if isinstance(annots, Annots):
            options["annot"] = annots.sample()
            return annots
    options["annot"] = annots
    return None


def _write_still(
    args: argparse.Namespace, target: Any, source: Frames, options: dict[str, Any]
) -> None:
    """Write a still picture of one frame, as it looks in the animation."""
    for name in TIMING:
        if name in options and name not in ("titles", "autoscale"):
            raise UsageError(f"expected no --{name} with --frame, which writes one picture")
    scaling = options.pop("autoscale", None)
    if scaling == "grow":
        raise UsageError(
            "expected no --autoscale grow with --frame, since the range depends on all frames "
            "before: give --vmin and --vmax"
        )
    given = options.pop("titles", None)
    shown = _shown(args.input)
    with _options_at_fault():
        titles, options["title"] = titles_of(options.get("title"), given, source)
    with _naming_input(shown):
        count = source.count()
    number = args.frame + count if args.frame < 0 else args.frame
    if not 0 <= number < count:
        raise UsageError(
            f"expected --frame 0 to {count - 1}, or -1 to {-count} from the end, not {args.frame}"
        )
    annots = _annots_of_frames(source, options)
    with _options_at_fault():
        heatmap = make_figure(source.shape, options).labelled(source.axes)
        lines = heatmap.lines
        heatmap = heatmap.for_frames(count, source.steps)
        heatmap, titles, source = prepared(heatmap, scaling, titles, source)
    with _naming_input(shown):
        if None in heatmap.range:
            with WorkerPool(None, None) as pool:
                heatmap, source = with_range_of(heatmap, source, pool)
        heatmap, source = with_first_texts(heatmap, source)
        past = _scalars(source, number, len(lines)) if lines else None
        span = spans_of(source, in_process=True)
        if span is None:
            values = next(islice(source.chunks(1), number, None))[0]
        else:
            (values,), found = span.part(number, number + 1).values()
            source.emit(found)
    title = None if titles is None else next(islice(titles, number, None), None)
    if titles is not None and title is None:
        raise UsageError(f"expected a title for each of {count} frames")
    annot = None if annots is None else next(islice(annots.chunks(1), number, None), None)
    if annots is not None and annot is None:
        raise UsageError(f"expected annot for each of {count} frames")
    own, kind = (None, None) if annots is None or annot is None else (annot[0], annots.dtype)
    with _options_at_fault():
        image = heatmap.frame_image(values, source.dtype, title, own, kind, past)
    suffix = ".png" if isinstance(target, _Stream) else Path(target).suffix.lower()
    inch = options.get("dpi", defaults_of(Heatmap.__init__)["dpi"])
    data = _encoded(image, _picture_format(suffix) or "PNG", inch)
    if isinstance(target, _Stream):
        target.write(data)
        target.flush()
    else:
        Path(target).write_bytes(data)
    width, height = image.size
    size = spelled_size(len(data))
    _say(args, target, f"{target}: frame {number} of {count}, {width} x {height} px, {size}")


def _scalars(source: Frames, number: int, count: int) -> NDArray[np.float64]:
    """Return the scalars of the frames before `number`, for lines: shape (number, count)."""
    chunks = source.chunks(chunk_length(cells_of(source.shape)))
    rows = chain.from_iterable(chunk[:, -count:].copy() for chunk in chunks)
    return np.reshape(list(islice(rows, number)), (number, count))


@contextmanager
def _options_at_fault() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from None


@contextmanager
def warnings_in_a_line() -> Iterator[None]:
    """Print warnings as `fastheat: warning: ...` at the end, where they interrupt no output."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for text in dict.fromkeys(str(warning.message) for warning in caught):
                print_to(f"fastheat: warning: {printable(as_options(text))}\n", sys.stderr)
