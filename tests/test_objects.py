"""Machine code runs only if it was made from these sources, and for this kind of machine."""

from __future__ import annotations

import ast
import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastheat import Heatmap, save_gif
from fastheat.cli.main import main
from fastheat.render.kernels import compiling, jit, objects, stills
from fastheat.render.kernels.symbols import undefined

ROOT = Path(__file__).parent.parent
MASKS, KERNELS = "inputs/sources/masks.py", "render/kernels"
SLOW = pytest.mark.skipif("FASTHEAT_SLOW_TESTS" not in os.environ, reason="compiles many times")
AS_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> objects.MachineCode:
    """Return machine code that fits this machine."""
    return objects.find() or objects.make(objects.host())


class Place:
    """A cache folder, and a package without machine code."""

    def __init__(self, folder: Path, made: objects.MachineCode) -> None:
        self.folder = folder
        self.path = folder / objects.name_for(made.target)
        self.compiled = 0


@pytest.fixture
def place(tmp_path: Path, made: objects.MachineCode, monkeypatch: pytest.MonkeyPatch) -> Place:
    found = Place(tmp_path / "cache", made)

    def make(*_: object, **__: object) -> objects.MachineCode:
        found.compiled += 1
        return made

    monkeypatch.setattr(objects, "BUILT", tmp_path / "nothing")
    monkeypatch.setattr(objects, "make", make)
    monkeypatch.setattr(jit, "_run", None)
    monkeypatch.setenv("FASTHEAT_CACHE_DIR", str(found.folder))
    return found


FRAMES = np.random.default_rng(0).random((3, 2, 3))


def drawn() -> bytes:
    file = io.BytesIO()
    save_gif(file, FRAMES, vmin=0, vmax=1, valfmt=".2f", dpi=40)
    return file.getvalue()


EXPECTED = drawn()


def draws(place: Place) -> int:
    """Draw as a new process would, and return how often that compiles."""
    before = place.compiled
    jit._run = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert drawn() == EXPECTED
    compiled = place.compiled - before
    assert len(caught) == (compiled and objects.where() is None), caught
    assert all("cannot be kept" in str(each.message) for each in caught)
    return compiled


# ------------------------------------------------------------------------------- what is not run


def test_what_was_compiled_is_kept_and_found(place: Place, made: objects.MachineCode) -> None:
    assert (draws(place), draws(place)) == (1, 0)
    assert objects.where() == (place.path, made)
    assert list(place.folder.iterdir()) == [place.path]
    if os.name == "posix":
        assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.path.stat().st_mode) == 0o600


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    if rng.random() < 0.4:
        return data[: rng.integers(len(data))]
    changed = bytearray(data)
    for at in rng.integers(0, len(data), rng.integers(1, 9)):
        changed[at] ^= 1 << rng.integers(8)
    return bytes(changed)


def test_code_for_a_lesser_processor_that_fits_is_used(
    place: Place, made: objects.MachineCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesser = objects.Target(made.target.system, "lesser", made.target.cpu, made.target.tuning, ())
    monkeypatch.setattr(objects, "fitting", lambda: (made.target, lesser))
    place.folder.mkdir(mode=0o700)
    path = place.folder / objects.name_for(lesser)
    path.write_bytes(replace(made, target=lesser).pack())
    assert draws(place) == 0
    path.write_bytes(made.pack())  # for another kind of processor than its name says
    assert draws(place) == 1


def test_damaged_machine_code_is_never_run(place: Place, made: objects.MachineCode) -> None:
    rng = np.random.default_rng(0)
    place.folder.mkdir(mode=0o700)
    for _ in range(200):
        data = damaged(made.pack(), rng)
        if data == made.pack():
            continue
        place.path.write_bytes(data)
        assert draws(place) == 1
        assert place.path.read_bytes() == made.pack()  # the damaged file is replaced


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "0" * 64},
        {"convention": objects.CONVENTION + 1},
        {"target": objects.Target("sparc-sunos5", "v9", "ultrasparc", "", ())},
        {"target": replace(objects.host(), needs=(*objects.host().needs, "flying"))},
        {"target": replace(objects.host(), needs=())},
        {"code": b"\x7fELF" + bytes(4000)},
        {"code": b""},
        {"symbol": "main"},
    ],
)
def test_machine_code_of_others_is_never_run(
    place: Place, made: objects.MachineCode, change: dict[str, Any]
) -> None:
    """The checksum is right; foreign code itself is refused by the linker."""
    place.folder.mkdir(mode=0o700)
    place.path.write_bytes(replace(made, **change).pack())
    assert draws(place) == 1


@given(st.binary(max_size=200))
def test_bytes_of_anything_else_are_no_machine_code(data: bytes) -> None:
    with pytest.raises(ValueError, match="not as it was written"):
        objects.unpack(data)
    with pytest.raises(Exception):  # noqa: B017
        objects.unpack(hashlib.sha256(data).digest() + data)


@pytest.mark.parametrize(
    "header", ["5", "[]", '{"target": 5}', '{"target": {"needs": [[]]}}', "{}"]
)
def test_a_header_of_another_shape_is_no_error(place: Place, header: str) -> None:
    body = header.encode() + b"\ncode"
    place.folder.mkdir(mode=0o700)
    place.path.write_bytes(hashlib.sha256(body).digest() + body)
    assert draws(place) == 1


def test_a_processor_that_llvm_does_not_know_leaves_it_to_numba(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> objects.Target:
        raise RuntimeError("no features of this processor")

    monkeypatch.setattr(objects, "host", unknown)
    monkeypatch.setattr(compiling, "run_through_numba", lambda: jit.run_plainly)
    assert drawn() == EXPECTED
    assert jit._run is jit.run_plainly


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_folder_that_others_may_write_to_is_not_used(place: Place, mode: int) -> None:
    assert draws(place) == 1
    place.folder.chmod(mode)
    assert (draws(place), draws(place)) == (1, 1)
    place.folder.chmod(0o700)
    place.path.chmod(0o600 | (mode & 0o22))
    assert (draws(place), draws(place)) == (1, 0)  # replaced by a file that others may not write to


@AS_ROOT
def test_a_folder_or_file_of_others_is_not_used(place: Place) -> None:
    assert draws(place) == 1
    os.chown(place.folder, 12345, -1)
    assert (draws(place), draws(place)) == (1, 1)
    os.chown(place.folder, 0, -1)
    os.chown(place.path, 12345, -1)
    assert (draws(place), draws(place)) == (1, 0)


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_link_is_not_followed(place: Place, tmp_path: Path) -> None:
    assert draws(place) == 1
    place.path.rename(tmp_path / "elsewhere")
    place.path.symlink_to(tmp_path / "elsewhere")
    assert (draws(place), draws(place)) == (1, 0)
    assert not place.path.is_symlink()


def test_without_a_place_to_write_it_is_compiled_in_memory(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.folder.write_bytes(b"a file")
    assert (draws(place), draws(place)) == (1, 1)
    place.folder.unlink()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(objects.MachineCode, "pack", full)
        assert (draws(place), draws(place)) == (1, 1)
    assert list(place.folder.iterdir()) == []
    with monkeypatch.context() as patch:
        patch.delenv("FASTHEAT_CACHE_DIR")
        patch.setattr(Path, "home", lambda: Path("/dev/null/nobody"))
        patch.setenv("XDG_CACHE_HOME", "relative")
        assert (draws(place), draws(place)) == (1, 1)


def test_warming_up_says_what_is_wrong_with_a_folder_before_it_compiles(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def warmed_up() -> str:
        assert main(["warmup"]) == 1
        error = capsys.readouterr().err
        assert place.compiled == 0
        assert "set FASTHEAT_CACHE_DIR to a folder where only you may write" in error
        assert str(place.folder) in error
        return error

    place.folder.write_bytes(b"a file")
    assert "not a folder" in warmed_up()
    if os.name == "posix":
        place.folder.unlink()
        place.folder.mkdir()
        place.folder.chmod(0o777)
        assert "others own it or may write there" in warmed_up()


def test_home_is_known_in_the_name_of_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    for name, folder in (("~/kept", "/home/me/kept"), ("~no-such-user/a", "~no-such-user/a")):
        monkeypatch.setenv("FASTHEAT_CACHE_DIR", name)
        assert objects.cache_folder() == Path(folder)


def test_the_cache_folder_is_where_the_system_has_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/me"))
    monkeypatch.delenv("FASTHEAT_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    for system, folder in (
        ("linux", "/xdg/fastheat"),
        ("darwin", "/home/me/Library/Caches/fastheat"),
    ):
        monkeypatch.setattr(sys, "platform", system)
        assert objects.cache_folder() == Path(folder)
    monkeypatch.setenv("FASTHEAT_CACHE_DIR", "/given")
    assert objects.cache_folder() == Path("/given")


# ------------------------------------------------------------------------------ what else can run


def test_where_machine_code_cannot_be_loaded_numba_runs(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no LLJIT here")

    monkeypatch.setattr(objects, "link", refuse)
    monkeypatch.setattr(compiling, "run_through_numba", lambda: jit.run_plainly)
    assert drawn() == EXPECTED
    assert jit._run is jit.run_plainly


def test_the_compiler_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python")
    with pytest.raises((OSError, RuntimeError)):
        objects.make(objects.host())
    monkeypatch.setattr(sys, "executable", "/usr/bin/blender")
    with pytest.raises(RuntimeError, match="no interpreter"):
        objects.make(objects.host())


def run(code: str, *, warns: str = "", **environment: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,  # no other package of this name is there
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert warns in done.stderr
    assert len(done.stderr.splitlines()) == bool(warns)
    return done.stdout.strip()


DRAW = """
import hashlib, io, sys
import numpy as np, fastheat
file = io.BytesIO()
frames = np.random.default_rng(0).random((3, 2, 3))
fastheat.save_gif(file, frames, vmin=0, vmax=1, valfmt=".2f", dpi=40)
print(hashlib.sha256(file.getvalue()).hexdigest(), "numba" in sys.modules)
"""


def test_kernels_run_as_plain_python_where_numba_is_told_not_to_compile() -> None:
    digest = hashlib.sha256(EXPECTED).hexdigest()
    assert run(DRAW, NUMBA_DISABLE_JIT="1", HOME="/dev/null") == f"{digest} False"


def test_llvmlite_is_left_nothing_to_unload_when_the_process_ends() -> None:
    code = (
        "import gc, numpy, fastheat\n"
        "fastheat.Heatmap((2, 2), vmin=0, vmax=1).image(numpy.zeros((2, 2)))\n"
        "from llvmlite.binding import ffi, orcjit\n"
        "orcs = orcjit.LLJIT, orcjit.ResourceTracker\n"
        "print([each for each in gc.get_objects() if isinstance(each, orcs) and not each.closed])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_importing_the_package_loads_no_compiler_and_no_pillow() -> None:
    code = (
        "import sys, fastheat; assert not {'numba', 'llvmlite', 'PIL'} & set(sys.modules);"
        "from fastheat.render.kernels import stills;"
        "assert not {'numba', 'llvmlite', 'PIL'} & set(sys.modules)"
    )
    run(code)


def test_an_array_of_another_kind_is_refused_by_its_name() -> None:
    layout = Heatmap((2, 3), vmin=0, vmax=1).layout()
    rest = (
        layout.panels[0].grid,
        layout.panels[0].shades,
        np.empty((2, 3), np.uint8),
        np.zeros(4, np.int64),
    )
    picture = layout.background.copy()
    jit.load()
    if jit._run is jit.run_plainly:
        pytest.skip("plain Python takes any array")
    for values in (np.zeros((2, 3), np.float32), np.zeros(6), np.zeros((3, 2)).T):
        with pytest.raises(TypeError, match="values: expected a C-contiguous float64 array of sha"):
            stills.paint_fills.words((values, *rest, picture))


def test_machine_code_of_other_arguments_is_told_from_what_was_imported(
    made: objects.MachineCode,
) -> None:
    others = [f"{entry} and more" for entry in made.entries]
    ran = jit.run_machine_code(replace(made, entries=others))
    with pytest.raises(RuntimeError, match="its files have changed since"):
        ran(stills.paint_fills, ())


# ---------------------------------------------------------------------------------------- digest


def constants() -> Iterator[tuple[str, str]]:
    """Yield the module and name of each constant that is compiled into a kernel."""
    for function in (*jit.helpers, *(kernel.function for kernel in jit.entries)):
        if isinstance(function, FunctionType) and function.__module__.startswith("fastheat."):
            yield from constants_of(function.__module__, names_in(function.__code__))


def constants_of(module: str, names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the constants among a module's names, imported ones with the module of origin."""
    space = vars(sys.modules[module])
    origins = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in ast.walk(ast.parse(Path(space["__file__"]).read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("fastheat.")
        for alias in node.names
    }
    for name in sorted(names & space.keys()):
        if not isinstance(space[name], FunctionType | ModuleType | type):
            origin, own = origins.get(name, (module, name))
            yield origin.removeprefix("fastheat."), own


def names_in(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_in(constant)
    return found


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a copy of the package's folder, from which the digest is computed."""
    folder = tmp_path / "fastheat"
    shutil.copytree(
        objects.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__", "objects")
    )
    monkeypatch.setattr(objects, "PACKAGE", folder)
    objects.digest.cache_clear()
    yield folder
    objects.digest.cache_clear()


def test_each_constant_that_is_compiled_in_changes_the_digest(copy: Path) -> None:
    known = sorted(set(constants()))
    inputs, style = "inputs.sources.masks", "style.text.formats"
    assert {("tables", "TRANSPARENT"), (inputs, "MASKED"), (style, "PERCENT")} <= set(known)
    assert len(known) > 60
    first = objects.digest()
    for module, name in known:
        path = copy / f"{module.replace('.', '/')}.py"
        source = path.read_text()
        changed = re.sub(rf"^(.*\b{name}\b.* = .*)$", r"\1  # 1", source, count=1, flags=re.M)
        assert changed != source, name
        path.write_text(changed)
        objects.digest.cache_clear()
        assert objects.digest() != first, name
        path.write_text(source)
    objects.digest.cache_clear()
    assert objects.digest() == first


def test_the_digest_covers_what_is_imported_at_any_remove(copy: Path) -> None:
    first = objects.digest()
    (copy / "constants.py").write_text("A = 1\n")
    for importing in (
        "from fastheat.constants import A",
        "from fastheat import constants",
        "from fastheat import (  # several (two)\n    messages,\n    constants as others,\n)",
        "import fastheat.constants",
        "def late():\n    from fastheat.constants import A\n",
    ):
        source = (objects.PACKAGE / MASKS).read_text()
        (copy / MASKS).write_text(f"{source}\n{importing}\n")
        objects.digest.cache_clear()
        before = objects.digest()
        assert before != first
        (copy / "constants.py").write_text("A = 2\n")
        objects.digest.cache_clear()
        assert objects.digest() != before, importing
        (copy / "constants.py").write_text("A = 1\n")
        (copy / MASKS).write_text(source)


def test_imports_are_found_as_the_parser_finds_them() -> None:
    paths = {
        ".".join(path.relative_to(objects.PACKAGE).with_suffix("").parts): path
        for path in objects.PACKAGE.rglob("*.py")
    }
    for name, path in paths.items():
        expected = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not node.level
                module = str(node.module)
                expected |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                expected |= {alias.name for alias in node.names}
        expected = {each.removeprefix("fastheat.") for each in expected} & paths.keys()
        found = objects.imported(path.read_bytes())
        assert expected <= found, name
        # docstrings and strings may mention more
        assert {each.rpartition(".")[2] for each in found - expected} <= {"compiling"}, name


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tables.py", "TRANSPARENT = 0 ", "TRANSPARENT = 1 "),
        pytest.param(MASKS, "0x7FFAD4 << 40", "0x7FFAD5 << 40", marks=SLOW),
        pytest.param(f"{KERNELS}/lzw.py", "= np.uint64(2531)", "= np.uint64(2533)", marks=SLOW),
        pytest.param(f"{KERNELS}/images.py", "SAMPLED = 16", "SAMPLED = 2", marks=SLOW),
        pytest.param(
            f"{KERNELS}/digits.py",
            'ASCII_0 = np.uint64(ord("0"))',
            'ASCII_0 = np.uint64(ord("1"))',
            marks=SLOW,
        ),
        pytest.param(
            f"{KERNELS}/digits.py",
            "HALF = np.uint64(1 << 63)",
            "HALF = np.uint64(1 << 62)",
            marks=SLOW,
        ),
    ],
)
def test_a_changed_constant_is_compiled_anew_and_draws_as_plain_python_does(
    file: str, old: str, new: str, copy: Path, tmp_path: Path, made: objects.MachineCode
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    (cache / objects.name_for(made.target)).write_bytes(made.pack())
    source = (copy / file).read_text()
    assert source.count(old) == 1
    environment = {"PYTHONPATH": str(tmp_path), "FASTHEAT_CACHE_DIR": str(cache)}
    before = run(DRAW, **environment)
    assert len(list(cache.iterdir())) == 1
    (copy / file).write_text(source.replace(old, new))
    after = run(DRAW, **environment)
    assert len(list(cache.iterdir())) == 2
    assert after == run(DRAW, NUMBA_DISABLE_JIT="1", **environment)
    assert (after != before) == (new[:7] in ("TRANSPA", "ASCII_0", "HALF = "))


# --------------------------------------------------------------------------------------- the build


SOURCE = """
target triple = "{triple}"
declare i8* @memcpy(i8*, i8*, i64)
declare void @a_name_that_is_longer_than_eight()
declare double @fmod(double, double)
@common = common global i64 0
define linkonce_odr void @inner() {{
  call void @a_name_that_is_longer_than_eight()
  ret void
}}
define double @outer(double %x, double* %y, i8* %z) {{
  call void @inner()
  %q = call i8* @memcpy(i8* %z, i8* %z, i64 9)
  %r = frem double %x, %x
  store i64 1, i64* @common
  ret double %r
}}
"""


@pytest.mark.parametrize(
    ("triple", "magic"),
    [
        ("x86_64-unknown-linux-gnu", b"\x7fELF"),
        ("x86_64-apple-darwin", b"\xcf\xfa\xed\xfe"),
        ("x86_64-pc-windows-msvc", b"\x64\x86"),
    ],
)
def test_the_symbols_that_an_object_asks_for_are_found(triple: str, magic: bytes) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        machine = llvm.Target.from_triple(triple).create_target_machine()
    except RuntimeError:
        pytest.skip(f"LLVM has no {triple} here")
    code = machine.emit_object(llvm.parse_assembly(SOURCE.format(triple=triple)))
    assert code.startswith(magic)
    found = undefined(code) - {"_fltused"}  # COFF code with floats refers to it
    assert found == {"memcpy", "fmod", "a_name_that_is_longer_than_eight"}


def test_machine_code_asks_for_nothing_but_what_is_known(made: objects.MachineCode) -> None:
    assert undefined(made.code) <= set(objects.KNOWN)


def test_kernels_that_ask_for_more_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linker would find any function of this process."""
    answer = subprocess.CompletedProcess([], 0, b"{}\ncode", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    header: dict[str, Any] = {
        "digest": objects.digest(),
        "symbol": "",
        "maker": "",
        "convention": 1,
        "entries": [],
    }
    answer.stdout = json.dumps(header).encode() + b"\ncode"
    monkeypatch.setattr(objects, "undefined", lambda _: {"memset", "system"})
    with pytest.raises(RuntimeError, match="ask for system"):
        objects.make(objects.host())


def test_machine_code_is_small(made: objects.MachineCode) -> None:
    assert len(objects.targets()) * len(made.code) < 500_000


def build(tmp_path: Path, kind: str, *options: str, **environment: str) -> Path:
    source, target = tmp_path / "source", tmp_path / "out"
    shutil.copytree(
        ROOT,
        source,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info"),
    )
    if kind == "sdist":
        command = [sys.executable, "setup.py", "-q", "sdist", "-d", str(target)]
    else:
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(target)]
        command += ["--no-build-isolation", *options, str(source)]
    subprocess.run(command, check=True, cwd=source, env=os.environ | environment)
    (path,) = target.iterdir()
    return path


@SLOW
def test_the_wheel_has_machine_code_and_compiles_nothing(
    tmp_path: Path, made: objects.MachineCode
) -> None:
    wheel = build(tmp_path, "wheel")
    assert re.fullmatch(r"fastheat-[\d.]+-py3-none-(?!any)\w+\.whl", wheel.name)
    assert wheel.stat().st_size < 1_200_000
    target = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as file:
        file.extractall(target)
    built = {path.name for path in (target / "fastheat" / "objects").iterdir()}
    assert built == {objects.name_for(kind) for kind in objects.targets()}
    code = "import sys; from fastheat.render.kernels import objects; print(objects.where()[0])"
    home = tmp_path / "home"
    home.mkdir()
    where = run(code, PYTHONPATH=str(target), HOME=str(home))
    assert Path(where).parent == target / "fastheat" / "objects"
    digest = hashlib.sha256(EXPECTED).hexdigest()
    assert run(DRAW, PYTHONPATH=str(target), HOME=str(home)) == f"{digest} False"
    assert not list(home.iterdir())


@SLOW
def test_without_numba_the_wheel_is_plain(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "numba.py").write_text("raise ImportError('no numba here')")
    wheel = build(tmp_path, "wheel", PYTHONPATH=str(tmp_path / "without"))
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as file:
        assert not [name for name in file.namelist() if "objects/" in name]


@SLOW
def test_the_source_distribution_has_no_machine_code(tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(build(tmp_path, "sdist")) as file:
        names = file.getnames()
    assert not [name for name in names if name.endswith(".o")]
    assert {"setup.py", "pyproject.toml", "fastheat/render/kernels/lzw.py"} <= {
        name.split("/", 1)[1] for name in names if "/" in name
    }


# ------------------------------------------------------------------------------- whole processes


@SLOW
def test_four_processes_at_once_with_an_empty_cache_are_all_right(
    copy: Path, tmp_path: Path
) -> None:
    environment = {
        "PYTHONPATH": str(tmp_path),
        "PATH": os.environ["PATH"],
        "FASTHEAT_CACHE_DIR": str(tmp_path / "cache"),
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", DRAW], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    outputs = {process.communicate()[0] for process in processes}
    digest = hashlib.sha256(EXPECTED).hexdigest()
    assert outputs == {f"{digest} False\n".encode()}
    (path,) = (tmp_path / "cache").iterdir()
    assert path.name == objects.name_for(objects.host())
    objects.unpack(path.read_bytes())


@SLOW
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a limit of POSIX")
def test_frames_are_drawn_with_a_full_disk(copy: Path, tmp_path: Path) -> None:
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n" + DRAW
    digest = hashlib.sha256(EXPECTED).hexdigest()
    home = tmp_path / "home"
    home.mkdir()
    ran = run(code, PYTHONPATH=str(tmp_path), HOME=str(home), warns="cannot be kept: [Errno 27]")
    assert ran == f"{digest} False"
    assert not [path for path in home.rglob("*") if path.is_file()]
