"""The list of readers: tests that recognise each kind of file, and functions that open it."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from fastheat.inputs.sources.packed import SUFFIXES, codec_of, unpacked

if TYPE_CHECKING:
    from fastheat.inputs.sources.source import Seen

_START = 2056  # bytes at the start of a file from which its kind is recognised
_FIRST = 64  # of these, those that most kinds have their marks in
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # the second is that of an empty archive
_NUMPY = b"\x93NUMPY"
_OLD_TORCH = 0x1950A86A20F9469CFC6C.to_bytes(10, "little")  # in files from before PyTorch 1.6
_PICKLES = (".obj", ".pkl", ".pickle", ".joblib")
# how pickles of protocols 0 and 1 begin if they hold arrays or containers
_OLD_PICKLE = re.compile(rb"\(?c[\w.]+\r?\n\w+\r?\n|\(?[dl]p?\d*\r?\n|[]}]q\0|\(?[]}]\(")
_TEXT = re.compile(rb"[\t\n\r -~\x80-\xff]+")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_PLACES = (0, 512, 1024, 2048)  # as MATLAB puts 512 bytes of text before it
_LFS = b"version https://git-lfs.github.com/spec/"
_TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
KERAS = "model.weights.h5"  # the member of a .keras file with its weights
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
        Name of the function that opens the frames, as ``module.name``. Its arguments are the file
        as `Seen`, or the path of a folder, and the name of an array or None.
    tensors
        Name of the function that lists the tensors of an open checkpoint. It returns a dictionary
        with an `Entry` for each name. None if such files cannot be checkpoints.
    numbers
        Whether the function `tensors` takes a second argument, the name of a number to list if
        there is one.
    defers
        Whether the function `frames` takes a third argument, which says whether arrays may stay in
        the file.
    beside
        Whether such files often lie beside checkpoints. A directory that also has another kind of
        checkpoint is then read as that kind.
    """

    suffixes: tuple[str, ...]
    looks_like: Callable[[Any, Path], bool]
    frames: str
    tensors: str | None = None
    numbers: bool = False
    defers: bool = False
    beside: bool = False

    def open_frames(self, file: Seen | Path, tensor: str | None, defer: bool) -> Any:
        """Open the frames of a file; `defer` says whether arrays may stay in it."""
        return _late(self.frames)(file, tensor, *[defer] * self.defers)

    def list_tensors(self, file: BinaryIO, wanted: str | None) -> dict[str, Any]:
        """Return the tensors of a checkpoint by name; the name of an unnamed one is ``""``.

        A number, such as a loss, is among them only if it is `wanted`.
        """
        found: dict[str, Any] = _late(self.tensors or "")(file, *[wanted] * self.numbers)
        return found


def _late(place: str) -> Any:
    """Return a function of this folder, imported here so that `import fastheat` stays fast."""
    module, name = place.split(".")
    return getattr(import_module(f"fastheat.inputs.sources.{module}"), name)


def _begins(magic: bytes) -> Callable[[Any, Path], bool]:
    return lambda start, _: start.startswith(magic)


def _is_safetensors(start: bytes, path: Path) -> bool:
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= LONGEST_HEADER:
        return True
    return start[:6] not in (b"", _NUMPY) and path.suffix.lower() == ".safetensors"


def _is_torch(start: Start, path: Path) -> bool:
    if start[:4] not in _ZIPS:
        return start[:1] == pickle.PROTO and _OLD_TORCH in start[:_FIRST]
    return any(name.endswith("/data.pkl") for name in start.members())


def _is_keras(start: Start, path: Path) -> bool:
    return start[:4] in _ZIPS and KERAS in start.members()


def _is_npz(start: Start, path: Path) -> bool:
    return start[:4] in _ZIPS


def _is_hdf5(start: bytes, path: Path) -> bool:
    return any(start.startswith(_HDF5, place) for place in _HDF5_PLACES)


def _is_zarr(start: bytes, path: Path) -> bool:
    return not start and bool(_late("zarrfolders.is_zarr")(path))


def _is_pickle(start: bytes, path: Path) -> bool:
    if start[:1] == pickle.PROTO or _OLD_PICKLE.match(start):
        return True
    return start != b"" and path.suffix.lower() in _PICKLES


def _is_text(start: bytes, path: Path) -> bool:
    return start != b"" and path.name.lower().endswith(_TEXTS)


# the first match wins; the suffix counts only where the content is not distinctive
READERS = (
    Reader(
        (".safetensors",),
        _is_safetensors,
        "histories.open_tensors",
        "tensorfiles.list_safetensors",
    ),
    Reader(
        (".pt", ".pth", ".ckpt", ".bin"),
        _is_torch,
        "histories.open_torch",
        "tensorfiles.list_torch",
        numbers=True,
    ),
    Reader((".keras",), _is_keras, "hdf5tensors.open_keras", "hdf5tensors.list_keras"),
    Reader((".npz",), _is_npz, "npz.open_archive", "tensorfiles.list_npz"),
    Reader((".npy",), _begins(_NUMPY), "npy.open_array", "tensorfiles.list_npy", True, defers=True),
    Reader((".h5", ".hdf5", ".mat"), _is_hdf5, "hdf5tensors.open_hdf5", "hdf5tensors.list_hdf5"),
    Reader((".zarr",), _is_zarr, "zarrfolders.open_zarr"),
    Reader(
        _PICKLES, _is_pickle, "pickled.open_pickle", "tensorfiles.list_pickle", True, True, True
    ),
    Reader(_TEXTS, _is_text, "textfiles.open_text", "textfiles.list_text", beside=True),
)
# suffixes, in the order in which messages list them
FRAMES = tuple(suffix for each in sorted(READERS) for suffix in each.suffixes)
CHECKPOINTS = tuple(suffix for each in READERS if each.tensors for suffix in each.suffixes)


class Start(bytes):
    """The first bytes of a file, which can also list the members of an archive."""

    file: BinaryIO | None = None

    def members(self) -> list[str]:
        """Return the names of the members of the file, a zip archive."""
        import zipfile

        assert self.file is not None
        with zipfile.ZipFile(self.file) as archive:
            return archive.namelist()


def reader_of(path: Path, file: BinaryIO | None = None) -> tuple[str | None, Reader | None]:
    """Return the compression and the reader of an open file or of a folder, None for none."""
    if file is None:
        return None, _first(Start(), path)
    start = _start_of(file)
    if not start:
        raise ValueError("the file is empty")
    if start.startswith(_LFS):
        raise ValueError(
            "it is a pointer of Git LFS and not the file, expected its content: run git lfs pull"
        )
    if start.startswith(b"MATLAB 5.0") and not _is_hdf5(start, path):
        raise ValueError(
            "a file of MATLAB before 7.3, expected one of 7.3: read it with scipy.io.loadmat(...), "
            "or write it with save(..., '-v7.3')"
        )
    codec = codec_of(start)
    if codec is None or (codec == "gzip" and path.name.lower().endswith(_TEXTS)):
        return None, _first(start, path)
    with unpacked(file, codec) as content:
        inner = path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
        return codec, _first(_start_of(content), inner)


def suffix_of(file: BinaryIO) -> str:
    """Return a suffix for content without a name, by which text is told from old pickles."""
    start, packed = _start_of(file), ""
    if (codec := codec_of(start)) is not None:
        packed = ".gz" if codec == "gzip" else ".xz"
        with unpacked(file, codec) as content:
            start = _start_of(content)
    is_pickle = start[:1] == pickle.PROTO or _OLD_PICKLE.match(start)
    return (".pickle" if is_pickle or not _TEXT.fullmatch(start) else ".csv") + packed


def is_npy(path: Path) -> bool:
    """Return whether a file is an .npy file."""
    with path.open("rb") as file:
        return file.read(len(_NUMPY)) == _NUMPY


def _start_of(file: BinaryIO) -> Start:
    start = Start(file.read(_START))
    file.seek(0)
    start.file = file
    return start


def _first(start: Start, path: Path) -> Reader | None:
    return next((each for each in READERS if each.looks_like(start, path)), None)


def reader_of_checkpoint(path: Path) -> Reader | None:
    """Return the reader of a checkpoint by its suffix, or None if it has no known one."""
    name = path.name[1:].lower()  # a name that is only a suffix does not count
    inner = name.rpartition(".")[0] if name.endswith(SUFFIXES) else name
    for each in READERS:
        if each.tensors and (name.endswith(each.suffixes) or inner.endswith(each.suffixes)):
            return each
    return None
