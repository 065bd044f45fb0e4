"""Output targets: checks before anything is written, and a lock against a second writer."""

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
from typing import BinaryIO, cast

from fastheat.messages import printable, short

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PICTURES = (".apng", ".avif", ".bmp", ".jpeg", ".jpg", ".pdf", ".png", ".svg", ".tif", ".webp")
FILMS = (".avi", ".mkv", ".mov", ".mp4", ".webm")
LONGEST_NAME = 200  # bytes of a target's name; longer ones are hashed in names of hidden files

# errors of a folder in which no file may be created, though existing ones may be writable
NO_ROOM = (errno.EACCES, errno.EPERM, errno.EROFS)


def check_target(file: object) -> None:
    """Raise an error if a GIF cannot be written to `file`, before anything is.

    Raises
    ------
    TypeError
        If it is neither a path nor a binary file object.
    ValueError
        If the path has the suffix of another image or video format.
    OSError
        If its folder does not exist, or the path is a folder or not writable.
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
    """Raise an OSError if a path cannot be written to."""
    try:
        path.stat()
        there = True
    except (FileNotFoundError, NotADirectoryError):
        there = False
    except OSError as error:  # a loop of links, too long a name, a folder that may not be searched
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
    """Raise an error if writing `file` would overwrite the file the frames are read from.

    Raises
    ------
    ValueError
        If `file`, a path or a file object, is the file at `source`.
    """
    if source is None:
        return
    try:
        if isinstance(file, str | PathLike):
            found = Path(file).stat()
        else:
            found = os.fstat(cast("BinaryIO", file).fileno())
        same = os.path.samestat(found, source.stat())
    except (OSError, AttributeError, ValueError):  # it does not exist yet, or is not a real file
        return
    if same:
        raise ValueError(f"expected a file other than that of the frames, not {short(file)}")


class Claim:
    """The exclusive right to write a file, held until it is released or the process ends.

    The claim is a lock on a hidden file beside the target, which names the holder and is removed
    on release. On a file system without locks, the existence of that file is the lock. In a folder
    where no file can be created, the target itself is locked. File objects, pipes and devices
    belong to the caller, and are not claimed.

    Parameters
    ----------
    file
        A path, or a file object.

    Attributes
    ----------
    finish
        Finishes the file and releases the claim; called when the same process opens the file
        again. As long as it is None, opening it again is an error.
    part
        Temporary path for a new file that will replace the target, or None if nothing is claimed.

    Raises
    ------
    BlockingIOError
        If another writer holds the file.
    """

    def __init__(self, file: object) -> None:
        self.finish: Callable[[], object] | None = None
        self.part: Path | None = None
        self._process = os.getpid()
        self._descriptors: list[int] = []  # of the locked files
        self._released = False
        self._lock: Path | None = None
        self._target = Path()
        if not isinstance(file, str | PathLike):
            return
        # realpath, since Path.resolve raises on a loop of links
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
        """Register this claim on a path, once any older claim of this process has finished.

        No thread lock is held, since garbage collection may close another writer at any point.
        """
        for _ in range(TRIES):
            older = _claims.setdefault(path, self)
            if older is self:
                return
            if not older._released:
                if older.finish is None:
                    break
                older.finish()
                if not older._released:  # it is writing a frame, further up this very call stack
                    break
            time.sleep(WAIT)  # another thread is about to remove its claim
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
                continue  # a folder or link of that name
            if taken:
                if path.exists() and path.stat().st_nlink > 1:  # it has other names (hard links)
                    self._lock_target(path)
                return
        with suppress(FileNotFoundError):  # it cannot be created: reported when that is tried
            self._lock_target(path)

    def _lock_target(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | _FLAGS)
        self._descriptors.append(descriptor)
        if _locked(descriptor) is False:
            raise BlockingIOError(_refusal(path, "another writer"))

    def _take_lock(self, path: Path, lock: Path) -> bool:
        """Create and lock the hidden file; return True if it is still in place once locked."""
        for _ in range(TRIES):
            try:
                descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
                made = True
            except FileExistsError:
                try:
                    descriptor = _open(lock)
                except FileNotFoundError:  # removed in between
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
            self._close()  # its previous holder removed it in between
        return False

    def _write(self, descriptor: int) -> None:
        """Write this process and its temporary file's name into the lock file.

        A temporary file that a killed holder left behind is removed.
        """
        assert self.part is not None
        said = os.read(descriptor, 1024).decode("utf-8", "surrogateescape").split("\n")
        pattern = re.escape(_hidden(self._target)) + r"\.[0-9a-f]{12}\.part"
        if len(said) > 1 and re.fullmatch(pattern, said[1]):
            with suppress(OSError):
                self._target.with_name(said[1]).unlink()
        text = f"{self._process} {platform.node()}\n{self.part.name}\n"
        with suppress(OSError):  # the disk may be full; the lock holds all the same
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
            if os.name == "nt":  # Windows cannot remove an open file
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

    def __exit__(self, *_: object) -> None:
        self.release()


TRIES = 200  # attempts to register a claim, or to lock a file that others keep removing
WAIT = 0.005  # s between attempts to register
# NONBLOCK: do not wait if the name turns out to be a pipe
_FLAGS = sum(getattr(os, f"O_{name}", 0) for name in ("NOFOLLOW", "NONBLOCK", "CLOEXEC", "BINARY"))
_FAR = 1 << 30  # offset of the byte to lock on Windows, far beyond the lock file's text


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
    """Lock a file; return True on success, False if it is held, None if locks do not work."""
    try:
        if fcntl is not None:
            # not lockf, whose locks end when any descriptor of the file is closed
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
    """Return the writer named in a lock file, in words."""
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
