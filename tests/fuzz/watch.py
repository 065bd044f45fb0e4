"""Observation of a process that reads: its memory, processor time and audit events."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import site
import socket
import sys
import sysconfig
import time
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import fastheat

MEMORY = 300 << 20  # bytes above those of an idle process
SECONDS = 5.0  # processor time
SPACE = 3 << 30  # address space above what is in use, in bytes; a process gets no more

# audit events that reading data never needs
_NEVER: tuple[str, ...] = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.kill",
    "os.putenv",
)
_NEVER += (
    "subprocess.",
    "socket.",
    "pty.",
    "urllib.",
    "ftplib.",
    "http.",
    "smtplib.",
    "webbrowser.",
)
_NEVER += ("ctypes.dlopen", "ctypes.dlsym", "code.__new__", "marshal.", "sys.addaudithook")
_NEVER += ("shutil.copy", "shutil.chown", "os.symlink", "os.link", "os.chmod", "os.chown")
# audit events that change files; their first arguments are paths
_CHANGES: tuple[str, ...] = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.utime",
    "shutil.",
)
# code that may open its own files: it compiles kernels, imports modules, makes classes
_THEIRS: tuple[str, ...] = (
    "/numba/",
    "/llvmlite/",
    "<frozen importlib",
    "importlib/",
    "/dataclasses.py",
)
_THEIRS += ("collections/__init__.py", "/typing.py", "/enum.py", "fastheat/render/kernels/")


class Watch:
    """Measures one call, and lists everything in it that reading must not do.

    Parameters
    ----------
    folder
        The folder where files may be read and written.
    """

    def __init__(self, folder: Path, trace: TextIO) -> None:
        self.seen: list[str] = []
        self._folder = str(folder)
        self._on = self._asking = False
        places: list[str] = [*sysconfig.get_paths().values(), *site.getsitepackages(), sys.prefix]
        places += [
            str(Path(fastheat.__file__).parent),
            str(Path(__file__).parent),
            "/proc/self/",
            "/usr/share/",
            "/dev/urandom",
        ]
        places += ["/etc/localtime", "/sys/", "/proc/", sys.base_prefix, "/usr/lib"]
        self._readable = (self._folder, *places)
        faulthandler.enable(trace)
        faulthandler.register(signal.SIGPROF, trace, all_threads=False)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + SPACE, -1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, -1))
        sys.addaudithook(self._audit)
        self.idle = resident()

    def __enter__(self) -> Watch:
        self.seen = []
        with Path("/proc/self/clear_refs").open("w") as file:
            file.write("5")
        self._modules = len(sys.modules)
        self._started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        self._on = True
        return self

    def __exit__(self, *_: object) -> None:
        self._on = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.seconds = time.process_time() - self._started
        self.grown = _status("VmHWM") - self.idle

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on or self._asking:
            return
        self._asking = True  # files opened here do not count
        try:
            if self._refuses(event, arguments) and not _is_theirs(sys._getframe(1)):
                shown = " ".join(f"{each!r:.80}" for each in arguments[:2])
                self.seen.append(f"{event} {shown}")
        finally:
            self._asking = False

    def _refuses(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            return self._opens(*arguments)
        if event == "socket.__new__" and arguments[1] == socket.AF_UNIX:
            return False  # zarr's threads wake one another through these
        if event in ("exec", "compile", "pickle.find_class") or event.startswith(_NEVER):
            return event != "compile" or not _only_parses(sys._getframe(2))
        if event == "import":
            root = str(arguments[0]).partition(".")[0]
            return root not in sys.modules and root not in sys.stdlib_module_names
        if event.startswith(_CHANGES):
            return not all(self._inside(each) for each in arguments[:1])
        return False

    def _opens(self, path: Any, mode: Any, flags: Any) -> bool:
        if not isinstance(path, (str, bytes)):  # a file descriptor
            return False
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND))
        if os.fsdecode(path) == os.devnull:
            return False
        where = os.path.realpath(os.fsdecode(path))
        return not where.startswith((self._folder,) if writes else self._readable)

    def _inside(self, path: Any) -> bool:
        return not isinstance(path, (str, bytes)) or os.path.realpath(os.fsdecode(path)).startswith(
            self._folder
        )


def _is_theirs(frame: FrameType | None) -> bool:
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in _THEIRS):
            return True
        frame = frame.f_back
    return False


def _only_parses(frame: FrameType | None) -> bool:
    """Return whether source is only parsed into a tree, for `ast.literal_eval`."""
    while frame is not None:
        if frame.f_code.co_filename.endswith("ast.py"):
            return True
        frame = frame.f_back
    return False


def _status(name: str) -> int:
    """Return a size in bytes from /proc/self/status."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.partition(f"{name}:")[2].split()[0])


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return _status("VmRSS")
