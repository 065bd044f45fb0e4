"""What a process does while it reads: memory, processor time, and what the interpreter audits."""

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

MEMORY = 300 << 20  # bytes above idle
SECONDS = 5.0  # of processor time
SPACE = 3 << 30  # bytes of addresses above those in use, beyond which a process gets no more

# what nothing that reads data has to do with
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
# these change files, of which the first arguments are paths
_CHANGES: tuple[str, ...] = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.utime",
    "shutil.",
)
# whose code loads and compiles kernels, imports modules and makes classes, in files of their own
_THEIRS: tuple[str, ...] = (
    "/numba/",
    "/llvmlite/",
    "<frozen importlib",
    "importlib/",
    "/dataclasses.py",
)
_THEIRS += ("collections/__init__.py", "/typing.py", "/enum.py", "fastheat/render/kernels/")


class Watch:
    """Counts what one call takes, and lists what it does that reading must not.

    Parameters
    ----------
    folder
        Where files may be read and written.
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
        self._asking = True  # what is opened here is none of theirs
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
            return False  # by which a thread of zarr's wakes another
        if event in ("exec", "compile", "pickle.find_class") or event.startswith(_NEVER):
            return event != "compile" or not _only_parses(sys._getframe(2))
        if event == "import":
            root = str(arguments[0]).partition(".")[0]
            return root not in sys.modules and root not in sys.stdlib_module_names
        if event.startswith(_CHANGES):
            return not all(self._inside(each) for each in arguments[:1])
        return False

    def _opens(self, path: Any, mode: Any, flags: Any) -> bool:
        if not isinstance(path, (str, bytes)):  # a descriptor
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
    """Return whether source becomes a tree alone, which `ast.literal_eval` reads."""
    while frame is not None:
        if frame.f_code.co_filename.endswith("ast.py"):
            return True
        frame = frame.f_back
    return False


def _status(name: str) -> int:
    """Return bytes that the system counts of this process."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.partition(f"{name}:")[2].split()[0])


def resident() -> int:
    """Return the bytes of memory that this process has now."""
    return _status("VmRSS")
