"""The list of readers: tests that recognise each kind of file, and functions that open it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

_START = 64  # bytes at the start of a file from which its kind is recognised
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # the second is that of an empty archive
_NUMPY = b"\x93NUMPY"
_OLD_TORCH = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")  # in files from before PyTorch 1.6
_PICKLES = (".obj", ".pkl", ".pickle")
_TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
LONGEST_HEADER = 100_000_000  # bytes of JSON, the limit of safetensors itself


class Reader(NamedTuple):
    """A kind of file or folder.

    Attributes
    ----------
    suffixes
        Endings of the names of such files.
    looks_like
        Function that returns whether a path is of this kind. Its arguments are the first bytes of
        the file, empty for a folder, and the path.
    frames
        Name of the function that opens the frames, as ``module.name``. Its arguments are a path,
        and the name of an array or None.
    tensors
        Name of the function that lists the tensors of an open checkpoint. It returns a dictionary
        with an `Entry` for each name. None if such files cannot be checkpoints.
    defers
        Whether the function `frames` takes a third argument, which says whether arrays may stay in
        the file.
    beside
        Whether such files often lie beside checkpoints. A directory that also has another kind of
        checkpoint is then read as that kind.
    """

    suffixes: tuple[str, ...]
    looks_like: Callable[[bytes, Path], bool]
    frames: str
    tensors: str | None = None
    defers: bool = False
    beside: bool = False

    def open_frames(self, path: Path, tensor: str | None, defer: bool) -> Any:
        """Open the frames of a path; `defer` says whether arrays may stay in the file."""
        return _late(self.frames)(path, tensor, *[defer] * self.defers)

    def list_tensors(self, file: BinaryIO) -> dict[str, Any]:
        """Return the tensors of a checkpoint by name; the name of an unnamed one is ``""``."""
        return _late(self.tensors or "")(file)  # type: ignore[no-any-return]


def _late(place: str) -> Any:
    """Return a function of this folder, imported here so that `import fastheat` stays fast."""
    module, name = place.split(".")
    return getattr(import_module(f"fastheat.inputs.sources.{module}"), name)


def _begins(magic: bytes) -> Callable[[bytes, Path], bool]:
    return lambda start, _: start.startswith(magic)


def _is_safetensors(start: bytes, path: Path) -> bool:
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= LONGEST_HEADER:
        return True
    return start[:6] not in (b"", _NUMPY) and path.suffix.lower() == ".safetensors"


def _is_torch(start: bytes, path: Path) -> bool:
    if start[:4] not in _ZIPS:
        return start[:1] == pickle.PROTO and _OLD_TORCH in start
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def _is_npz(start: bytes, path: Path) -> bool:
    return start[:4] in _ZIPS and not _is_torch(start, path)


def _is_zarr(start: bytes, path: Path) -> bool:
    return not start and bool(_late("zarrfolders.is_zarr")(path))


def _is_pickle(start: bytes, path: Path) -> bool:
    return start[:1] == pickle.PROTO or (start != b"" and path.suffix.lower() in _PICKLES)


def _is_text(start: bytes, path: Path) -> bool:
    return start != b"" and path.name.lower().endswith(_TEXTS)


# the first match wins; the suffix counts only where the content is not distinctive
_CHECKPOINT = "checkpoints.open_checkpoint"
READERS = (
    Reader((".safetensors",), _is_safetensors, _CHECKPOINT, "tensorfiles.list_safetensors"),
    Reader((".npz",), _is_npz, "npz.open_archive", "tensorfiles.list_npz"),
    Reader((".npy",), _begins(_NUMPY), "npy.open_array", "tensorfiles.list_npy"),
    Reader((".pt", ".pth"), _is_torch, _CHECKPOINT, "tensorfiles.list_torch"),
    Reader((".h5", ".hdf5"), _begins(b"\x89HDF\r\n"), "datasets.open_hdf5"),
    Reader((".zarr",), _is_zarr, "zarrfolders.open_zarr"),
    Reader(_PICKLES, _is_pickle, "files.open_pickle", defers=True),
    Reader(_TEXTS, _is_text, "textfiles.open_text", "textfiles.list_text", beside=True),
)
# suffixes, in the order in which messages list them
FRAMES = tuple(suffix for each in sorted(READERS) for suffix in each.suffixes)
CHECKPOINTS = tuple(suffix for each in READERS if each.tensors for suffix in each.suffixes)


def reader_of(path: Path, file: BinaryIO | None = None) -> Reader | None:
    """Return the reader of an open file or of a folder, or None if no reader matches."""
    start = b""
    if file is not None:
        start = file.read(_START)
        file.seek(0)
        if not start:
            raise ValueError("the file is empty")
    return next((each for each in READERS if each.looks_like(start, path)), None)


def reader_of_checkpoint(path: Path) -> Reader | None:
    """Return the reader of a checkpoint by its suffix, or None if it has no known one."""
    name = path.name[1:].lower()  # a name that is only a suffix does not count
    return next((each for each in READERS if each.tensors and name.endswith(each.suffixes)), None)
