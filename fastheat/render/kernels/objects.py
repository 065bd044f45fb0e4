"""Files of machine code: finding one that fits this machine, checking, loading and making it.

The package contains the code compiled when it was built, the user's cache folder the code compiled
on this machine. Neither is trusted: code only runs if its checksum, its sources, the processor and
the calling convention all match. If anything does not, kernels are compiled again, which is never
an error.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import platform
import re
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastheat.render.kernels.symbols import undefined

PACKAGE = Path(__file__).parents[2]
BUILT = PACKAGE / "objects"  # folder of the machine code that was built with the package

# Version of the calling convention: as numba calls its own functions, with an entry's number and
# the address of its arguments as 64-bit words. To be incremented with each change.
CONVENTION = 1
NICENESS = 10  # of a compiler beside a loop, so that it only uses idle time

# The processors to build machine code for, the best first: levels of the x86-64 psABI. The highest
# uses its vectors at full width, where LLVM prefers half of it for the sake of early processors.
_V2 = ("cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave")
_V4 = (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")
_LEVELS: dict[str, dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "x86_64": {"v4": ("x86-64-v4", "-prefer-256-bit", _V4), "v3": ("x86-64-v3", "", _V3)},
    "aarch64": {"v8": ("generic", "", ())},
}


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of processor to make machine code for."""

    system: str  # see `this_system`
    level: str
    cpu: str  # LLVM's name for it
    tuning: str  # LLVM features to switch on or off
    needs: tuple[str, ...]  # features that a processor must have


@dataclass(frozen=True, slots=True)
class MachineCode:
    """An object file of all kernels."""

    target: Target
    digest: str  # of the sources
    symbol: str  # name of the function to call
    maker: str  # versions of numba and llvmlite
    convention: int
    entries: list[str]  # `Entry.signature` of each entry, in the order of their numbers
    code: bytes

    def pack(self) -> bytes:
        """Return the content of a file: a checksum, a line of JSON, and the object file."""
        header = {name: value for name, value in asdict(self).items() if name != "code"}
        body = json.dumps(header).encode() + b"\n" + self.code
        return hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> MachineCode:
    """Return the machine code in the content of a file; see `MachineCode.pack`.

    Raises
    ------
    Exception
        Any exception, if the content is not as `pack` wrote it.
    """
    body = data[32:]
    if hashlib.sha256(body).digest() != data[:32]:
        raise ValueError("machine code that is not as it was written")
    header, code = body.split(b"\n", 1)
    fields: dict[str, Any] = json.loads(header)
    target = fields.pop("target")
    target["needs"] = tuple(target["needs"])
    return MachineCode(target=Target(**target), code=code, **fields)


# ----------------------------------------------------------------------------------------- fitting


def this_system() -> str:
    """Return architecture and operating system, which determine the ABI and the object format."""
    machine = platform.machine().lower()
    return f"{ {'amd64': 'x86_64', 'arm64': 'aarch64'}.get(machine, machine) }-{sys.platform}"


def targets() -> list[Target]:
    """Return the kinds of processors for which machine code is built on this system."""
    system = this_system()
    levels = _LEVELS.get(system.split("-")[0], {})
    return [Target(system, level, *needs) for level, needs in levels.items()]


@cache
def fitting() -> tuple[Target, ...]:
    """Return the targets that this machine's processor can run, the best first.

    If there is none, the processor itself is the only one.
    """
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    has = {name for name, there in features.items() if there}
    name = llvm.get_host_cpu_name()
    own = Target(this_system(), name, name, features.flatten(), tuple(sorted(has)))
    return tuple(target for target in targets() if has.issuperset(target.needs)) or (own,)


def host() -> Target:
    """Return the best target that this machine's processor can run."""
    return fitting()[0]


@cache
def digest() -> str | None:
    """Return the digest of the sources of machine code, or None if there are no sources.

    These are the kernels and all modules of this package that they import, directly or not, since
    a constant of any of them may be compiled in.
    """
    try:
        sources = _sources("render.kernels.compiling")
    except OSError:
        return None
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update(f"{name} {len(sources[name])}\n".encode() + sources[name])
    return total.hexdigest()


def _sources(root: str) -> dict[str, bytes]:
    """Return the sources, by name, of a module and of all it imports from this package."""
    sources: dict[str, bytes] = {}
    names = [root]
    while names:
        name = names.pop()
        if name not in sources:
            sources[name] = _file_of(name).read_bytes()
            names += imported(sources[name])
    return sources


def _file_of(name: str) -> Path:
    return PACKAGE.joinpath(*name.split(".")).with_suffix(".py")


def imported(source: bytes) -> set[str]:
    """Return the modules of this package imported anywhere in a source, such as "gif.file"."""
    source = re.sub(rb"#.*", b"", source)  # comments might contain the end of a list of names
    found = set(re.findall(rb"^\s*import fastheat\.([\w.]+)", source, re.M))
    from_one = rb"^\s*from fastheat((?:\.\w+)*) import (\([^)]*\)|.*)"
    for module, names in re.findall(from_one, source, re.M):
        words = re.findall(rb"\w+", re.sub(rb" as \w+", b"", names))
        found |= {module[1:], *((module + b"." + word)[1:] for word in words)}
    return {name for name in map(bytes.decode, found) if name and _file_of(name).is_file()}


def fits(made: MachineCode, target: Target) -> bool:
    """Return True if machine code was made of this package's sources for a target."""
    return made.digest == digest() and made.convention == CONVENTION and made.target == target


# ----------------------------------------------------------------------------------------- folders


_OLD = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def cache_folder() -> Path | None:
    """Return the folder in which this user's machine code is kept, or None if there is none."""
    given = os.environ.get("FASTHEAT_CACHE_DIR")
    if given:
        return Path(os.path.expanduser(given))  # noqa: PTH111  (it keeps unknown users as they are)
    with suppress(RuntimeError):  # no home folder
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            base = Path(local) if local else Path.home() / "AppData" / "Local"
            return base / "fastheat" / "Cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "fastheat"
        xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
        # relative paths are to be ignored (XDG Base Directory Specification)
        return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "fastheat"
    return None


def name_for(target: Target) -> str:
    """Return the file name of machine code for a target, made of the current sources."""
    return f"kernels-{(digest() or '')[:16]}-{target.system}-{target.level}.o"


def find() -> MachineCode | None:
    """Return machine code that fits this machine, or None if it must be compiled."""
    found = where()
    return found[1] if found else None


def where() -> tuple[Path, MachineCode] | None:
    """Return the path of the machine code that fits this machine, and the code, or None."""
    if digest() is None:
        return None
    folder = cache_folder()
    for target in (host(), *fitting()[1:]):
        name = name_for(target)
        for path in (BUILT / name, *([folder / name] if folder else [])):
            with suppress(Exception):  # a broken file only means compiling again
                made = unpack(path.read_bytes() if path.parent == BUILT else _read_own(path))
                if fits(made, target):
                    return path, made
    return None


def _read_own(path: Path) -> bytes:
    """Read a file, if only this user can have written to it and its folder."""
    _check_own(path.parent, path.parent.stat())
    with os.fdopen(os.open(path, _OLD), "rb") as file:
        _check_own(path, os.fstat(file.fileno()))
        return file.read()


def _check_own(path: Path, status: os.stat_result) -> None:
    if hasattr(os, "geteuid") and (
        status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        reason = "others own it or may write there"
        raise PermissionError(errno.EPERM, reason, str(path))


def open_cache() -> Path:
    """Return the user's cache folder, created if it does not exist.

    Raises
    ------
    OSError
        If no file can be kept in it, or others may write to it.
    """
    folder = cache_folder()
    if folder is None:
        raise FileNotFoundError(errno.ENOENT, f"no home folder: {_REMEDY}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_own(folder, folder.stat())
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, f"not a folder: {_REMEDY}", str(folder)) from None
    except OSError as error:
        raise type(error)(error.errno, f"{error.strerror}: {_REMEDY}", str(folder)) from None
    return folder


_REMEDY = "set FASTHEAT_CACHE_DIR to a folder where only you may write"


def keep(made: MachineCode) -> Path:
    """Save machine code in the user's cache folder, atomically, and return its path.

    Raises
    ------
    OSError
        If it cannot be saved.
    """
    folder = open_cache()
    path = folder / name_for(made.target)
    partial = folder / f".{path.name}.{os.urandom(8).hex()}"
    try:
        with os.fdopen(os.open(partial, _NEW, 0o600), "wb") as file:
            file.write(made.pack())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


# -------------------------------------------------------------------------------- making, loading


def make(target: Target, *, beside: bool = False) -> MachineCode:
    """Compile all kernels in a separate process, which takes seconds.

    Parameters
    ----------
    beside
        Whether to compile at low priority, so as not to slow down a running loop.

    Raises
    ------
    Exception
        Any exception of numba, LLVM or the system, if compiling is not possible here.
    """
    import subprocess

    if digest() is None or not _has_interpreter():
        raise RuntimeError("no sources, or no interpreter to compile them")
    code = (
        "import os, sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        f"getattr(os, 'nice', abs)({NICENESS if beside else 0})\n"
        "from fastheat.render.kernels import compiling\n"
        f"compiling.write({target.cpu!r}, {target.tuning!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        # the user's settings for numba are meant for other code
        env={name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")},
        start_new_session=True,  # Ctrl-C should only reach the user's loop
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    header, machine_code = done.stdout.split(b"\n", 1)
    made = MachineCode(target=target, code=machine_code, **json.loads(header))
    if made.digest != digest():
        raise RuntimeError("the sources changed meanwhile")
    unknown = undefined(machine_code) - set(KNOWN)
    if unknown:
        raise RuntimeError(f"kernels that ask for {', '.join(sorted(unknown))}")
    return made


def _has_interpreter() -> bool:
    """Return True if `sys.executable` is a Python interpreter, not a program that embeds one."""
    name = Path(sys.executable or "").name.lower()
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)


# The only external functions that machine code may call: LLVM turns copying and filling loops into
# these
KNOWN = ("memcpy", "memmove", "memset")


def link(made: MachineCode) -> Callable[[int, bytes], int]:
    """Load machine code; return a function that calls an entry, by its number, with its words.

    Raises
    ------
    Exception
        Any exception of llvmlite, if the code cannot be loaded.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    compiler = llvm.create_lljit_compiler(suppress_errors=True)
    builder = llvm.JITLibraryBuilder().add_object_img(made.code).export_symbol(made.symbol)
    for name in KNOWN:
        builder.import_symbol(name, _address(name))
    library = builder.link(compiler, "fastheat")
    # returns a status, 0 for success; takes the addresses of the result and of an exception
    prototype = ctypes.CFUNCTYPE(
        ctypes.c_int32,
        ctypes.POINTER(ctypes.c_int64),
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_int64,
        ctypes.c_char_p,
    )
    function = prototype(library[made.symbol])
    # the code stays until the process ends, when llvmlite may no longer be able to unload it
    library.detach()
    compiler.detach()

    def call(number: int, words: bytes) -> int:
        result, raised = ctypes.c_int64(), ctypes.c_void_p()
        status = function(ctypes.byref(result), ctypes.byref(raised), number, words)
        if status:
            raise RuntimeError(f"kernel {number} failed: {status}")
        return result.value

    return call


def _address(name: str) -> int:
    """Return the address of a function of the C library."""
    library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    assert address is not None
    return address
