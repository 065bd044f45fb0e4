"""Where a GIF goes: what may be written to, and by one writer at a time."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import platform
import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from os import PathLike, fsencode, fspath
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from fastheat.messages import printable, short

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PICTURES = (".apng", ".avif", ".bmp", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".webp")
FILMS = (".avi", ".mkv", ".mov", ".mp4", ".webm")
LONGEST_NAME = 200  # bytes of a file's name that hidden ones beside it repeat; 255 are allowed

# what a folder says in which no file may be made, though one in it may be written
NO_ROOM = (errno.EACCES, errno.EPERM, errno.EROFS)


def check_target(file: object) -> None:
    """Refuse what cannot be written to, before anything is.

    Raises
    ------
    TypeError
        If it is neither a path nor a binary file object.
    ValueError
        If the path ends as those of another picture format do.
    OSError
        If the folder is not there, or the path is a folder or not writable.
    """
    if isinstance(file, str | PathLike):
        path = Path(fspath(cast("str | PathLike[str]", file)))
        if path.suffix.lower() in (*PICTURES, *FILMS):
            other = str(path.with_suffix(".gif"))
            raise ValueError(f"expected a path for a GIF, such as {other!r}, not {str(path)!r}")
        check_place(path)
    elif isinstance(file, io.TextIOBase) or not callable(getattr(file, "write", None)):
        raise TypeError(f"expected a path or a file object open for bytes, not {short(file)}")


def check_place(path: Path) -> None:
    """Refuse a path that cannot be written to."""
    try:
        path.stat()
        there = True
    except (FileNotFoundError, NotADirectoryError):
        there = False
    except OSError as error:  # links in a circle, a name too long, a folder that hides its files
        reason = error.strerror or os.strerror(error.errno or 0)
        raise OSError(
            error.errno, f"expected a path that may be written: {reason}", str(path)
        ) from None
    if path.is_dir():
        raise IsADirectoryError(f"expected a path for a file, but {str(path)!r} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"expected a folder to write {str(path)!r} in, but there is no {str(path.parent)!r}"
        )
    if not os.access(path if there else path.parent, os.W_OK):
        raise PermissionError(f"expected a path that may be written, not {str(path)!r}")


def check_other(file: object, source: Path | None) -> None:
    """Refuse to write over the file that the frames are read from.

    Raises
    ------
    ValueError
        If `file`, a path or a file object, is that file.
    """
    if source is None:
        return
    try:
        if isinstance(file, str | PathLike):
            found = Path(file).stat()
        else:
            found = os.fstat(cast("BinaryIO", file).fileno())
        same = os.path.samestat(found, source.stat())
    except (OSError, AttributeError, ValueError):  # not there yet, or no real file
        return
    if same:
        raise ValueError(f"expected a file other than that of the frames, not {short(file)}")


class Claim:
    """The sole right to write a file, until it is released or the process ends.

    It is a lock on a hidden file beside the target, which says who holds it, and is taken away in
    the end. Where the file system has no locks, the file's being there is the lock. In a folder in
    which no file can be made, the target itself is locked. File objects, pipes and devices are the
    caller's own, and nothing is claimed.

    Parameters
    ----------
    file
        A path, or a file object.

    Attributes
    ----------
    finish
        Finishes the file and releases the claim: called where this process opens the same file
        once more. While it is None, that is refused.
    part
        A name for a new file that is to replace the target, None if nothing is claimed.

    Raises
    ------
    BlockingIOError
        If another writer has the file.
    """

    def __init__(self, file: object) -> None:
        self.finish: Callable[[], object] | None = None
        self.part: Path | None = None
        self._process = os.getpid()
        self._descriptors: list[int] = []  # of the lock, and of what else is locked
        self._released = False
        self._lock: Path | None = None
        self._target = Path()
        if not isinstance(file, str | PathLike):
            return
        # realpath, since Path.resolve raises where links go in a circle
        path = self._target = Path(os.path.realpath(os.fsdecode(file)))
        if path.exists() and not path.is_file():
            return
        self._register(path)
        try:
            self.part = path.with_name(f"{_hidden(path)}.{os.urandom(6).hex()}.part")
            self._take(path)
        except BaseException:
            self._release()
            raise

    def _register(self, path: Path) -> None:
        """Register this claim on a path, after an older one of this process has finished.

        No lock is held: a collection of garbage may close another writer in the midst of it.
        """
        for _ in range(TRIES):
            older = _claims.setdefault(path, self)
            if older is self:
                return
            if not older._released:
                if older.finish is None:
                    break
                older.finish()
                if not older._released:  # it is in the midst of a frame, further down this stack
                    break
            time.sleep(WAIT)  # another thread is about to leave the place
        raise BlockingIOError(_refusal(path, "this process already"))

    def _take(self, path: Path) -> None:
        names = dict.fromkeys((_hidden(path), f".{_digest(path)}"))
        for lock in (path.with_name(f"{name}.lock") for name in names):
            try:
                taken = self._take_lock(path, lock)
            except BlockingIOError:
                raise
            except OSError as error:
                if error.errno in NO_ROOM:
                    break
                continue  # a folder of that name, a link
            if taken:
                if path.exists() and path.stat().st_nlink > 1:  # the same file by other names
                    self._lock_target(path)
                return
        with suppress(FileNotFoundError):  # no file and no room for one: told when it is created
            self._lock_target(path)

    def _lock_target(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | _FLAGS)
        self._descriptors.append(descriptor)
        if _locked(descriptor) is False:
            raise BlockingIOError(_refusal(path, "another writer"))

    def _take_lock(self, path: Path, lock: Path) -> bool:
        """Create and lock the file beside the target; return whether it is still in place."""
        for _ in range(TRIES):
            try:
                descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
                made = True
            except FileExistsError:
                try:
                    descriptor = _open(lock)
                except FileNotFoundError:  # released in between
                    continue
                made = False
            self._descriptors.append(descriptor)
            locked = _locked(descriptor)
            if locked is False or (locked is None and not made):
                said = os.read(descriptor, 1024)
                self._close()
                left = "" if locked is False else f"; if it was killed, remove {str(lock)!r}"
                raise BlockingIOError(_refusal(path, _owner(said)) + left)
            with suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), lock.stat()):
                    self._lock = lock
                    self._write(descriptor)
                    return True
            self._close()  # the one before took it away in between
        return False

    def _write(self, descriptor: int) -> None:
        """Write the holder, and the name of its temporary file, into the lock."""
        assert self.part is not None
        said = os.read(descriptor, 1024).decode("utf-8", "surrogateescape").split("\n")
        pattern = re.escape(_hidden(self._target)) + r"\.[0-9a-f]{12}\.part"
        if len(said) > 1 and re.fullmatch(pattern, said[1]):
            with suppress(OSError):
                self._target.with_name(said[1]).unlink()
        text = f"{self._process} {platform.node()}\n{self.part.name}\n"
        with suppress(OSError):  # no room on the disk: it is locked all the same
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, text.encode("utf-8", "surrogateescape"))

    def release(self) -> None:
        """Release the claim; a second call, or one in a forked child, does nothing."""
        if not self._released and self._process == os.getpid():
            self._release()

    def _release(self) -> None:
        self._released = True
        try:
            if os.name == "nt":  # an open file cannot be removed there
                self._close()
            if self._lock is not None:
                with suppress(OSError):
                    self._lock.unlink()
            self._close()
        finally:
            if _claims.get(self._target) is self:
                del _claims[self._target]

    def _close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


TRIES = 200  # to lock a file that others take away meanwhile,
WAIT = 0.005  # s, after each
# without waiting at a pipe of that name
_FLAGS = sum(getattr(os, f"O_{name}", 0) for name in ("NOFOLLOW", "NONBLOCK", "CLOEXEC", "BINARY"))
_FAR = 1 << 30  # a byte of the lock's file that has nothing else, for Windows


def _open(lock: Path) -> int:
    """Open an existing lock file, which may belong to another user."""
    try:
        descriptor = os.open(lock, os.O_RDWR | _FLAGS)
    except PermissionError:
        descriptor = os.open(lock, os.O_RDONLY | _FLAGS)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EEXIST, "expected a file", str(lock))


def _locked(descriptor: int) -> bool | None:
    """Lock a file; return whether it worked, or None if the file system has no locks."""
    try:
        if fcntl is not None:
            # not lockf: its locks end when any descriptor of the file is closed
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            os.lseek(descriptor, _FAR, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError as error:
        held = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
        return False if error.errno in held else None
    return True


def _hidden(path: Path) -> str:
    """Return the prefix of the hidden files beside a target."""
    return f".{path.name if len(fsencode(path.name)) <= LONGEST_NAME else _digest(path)}"


def _digest(path: Path) -> str:
    return hashlib.sha256(fsencode(path.name)).hexdigest()[:16]


def _owner(said: bytes) -> str:
    """Return the writer that a lock file names."""
    number, _, host = said.decode("utf-8", "replace").partition("\n")[0].partition(" ")
    if not (number.isascii() and number.isdigit()):
        return "another process"
    where = f" on {printable(host[:80])}" if host not in ("", platform.node()) else ""
    return f"process {number[:20]}{where}"


def _refusal(path: Path, owner: str) -> str:
    return (
        f"{printable(str(path))} is being written by {owner}: record on one rank, or give each its "
        "own file"
    )


_claims: dict[Path, Claim] = {}


def _forked() -> None:
    """Close inherited locks, which would otherwise outlive the parent in its children."""
    for claim in _claims.values():
        claim._close()
    _claims.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
