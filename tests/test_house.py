"""The rooms of the package: data flows down through them, and each imports only from below."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import fastheat
from fastheat import Heatmap, Panels
from fastheat.cli.arguments import parse
from fastheat.figure.aliases import elsewhere
from fastheat.inputs.sources.readers import READERS
from fastheat.layout.look import LISTED, OPTIONS
from fastheat.render.kernels import jit

PACKAGE = Path(fastheat.__file__).parent

# each room, and the rooms that it may import from, besides itself and GROUND
BELOW = {
    "cli": "called pipeline figure render inputs layout style gif",
    "called": "pipeline figure render layout inputs style gif",
    "pipeline": "figure render layout inputs style gif",
    "figure": "render layout inputs style gif",
    "render": "layout inputs style",
    "layout": "inputs style gif",
    "inputs": "style",
    "style": "",
    "gif": "",
    "ground": "",
}
CALLED = ("save", "writer", "indexed")
GROUND = ("checks", "messages", "tables")  # modules that every room may import
# a reduction runs the kernels for it, which do not depend on layouts
UPWARD = {("layout.reduction", "render.kernels.reduce")}


def room_of(module: str) -> str:
    top = module.partition(".")[0]
    return "called" if top in CALLED else "ground" if top in GROUND else top


def modules() -> dict[str, ast.Module]:
    paths = (path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE / "objects")
    found = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): ast.parse(path.read_text())
        for path in paths
    }
    del found["__init__"], found["__main__"]
    return found


def imports(tree: ast.Module, known: set[str]) -> Iterator[str]:
    """Yield the modules of the package that a module imports, anywhere in its code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level
            module = str(node.module)
            for name in (module, *(f"{module}.{alias.name}" for alias in node.names)):
                if name.removeprefix("fastheat.") in known:
                    yield name.removeprefix("fastheat.")
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("fastheat.") for alias in node.names)


def test_each_room_imports_only_from_those_below_it() -> None:
    trees = modules()
    wrong = {
        (name, other)
        for name, tree in trees.items()
        for other in imports(tree, set(trees))
        if room_of(other) not in (room_of(name), "ground", *BELOW[room_of(name)].split())
    }
    assert wrong == UPWARD


def test_rooms_are_those_of_the_plan_and_few_modules_stand_outside() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert folders == BELOW.keys() - {"called", "ground"}
    outside = {path.stem for path in PACKAGE.glob("*.py")}
    assert outside == {"__init__", "__main__", *CALLED, *GROUND}


def test_no_file_is_so_long_that_it_has_to_be_searched() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 700} == {}


def test_doors_say_what_is_behind_them_and_import_nothing() -> None:
    for path in PACKAGE.rglob("__init__.py"):
        tree = ast.parse(path.read_text())
        doc = ast.get_docstring(tree)
        assert doc
        if path.parent == PACKAGE:
            continue
        assert len(tree.body) == 1, path
        inside = {each.stem for each in path.parent.glob("*.py")} - {"__init__"}
        inside |= {f"{each.parent.name}/" for each in path.parent.glob("*/__init__.py")}
        assert {name for name in inside if f"`{name}`" not in doc} == set(), path


def names_from(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of everything that one imports from the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("fastheat."):
            for alias in node.names:
                yield str(node.module).removeprefix("fastheat."), alias.name


def door_of(room: str) -> set[tuple[str, str]]:
    """Return the modules and names that a room's docstring lists as its door."""
    doc = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    door = doc.partition("Door\n----\n")[2]
    return {
        (f"{room}.{module}" if module else room, name)
        for module, names in re.findall(r"(?ms)^`([\w.]*)`: (.*?)(?=\n`|\Z)", door)
        for name in re.findall(r"\w+", names)
    }


def test_rooms_are_entered_by_their_doors() -> None:
    trees = modules()
    used = {
        (other, name)
        for module, tree in trees.items()
        for other, name in names_from(tree)
        if room_of(other) != room_of(module)
    }
    for room in sorted(set(BELOW) - {"called", "ground", "cli"}):
        inside = {(other, name) for other, name in used if room_of(other) == room}
        assert inside == door_of(room), room
        assert not [name for _, name in inside if name.startswith("_")], room


def test_a_kernel_calls_no_entry_of_another_file() -> None:
    for path in (PACKAGE / "render" / "kernels").glob("*.py"):
        for module, name in names_from(ast.parse(path.read_text())):
            if module.startswith("render.kernels.") and path.stem != "compiling":
                found = getattr(import_module(f"fastheat.{module}"), name, None)
                assert not isinstance(found, jit.Entry), (path.stem, name)


def test_no_modules_import_each_other_in_a_circle() -> None:
    trees = modules()
    below = {
        name: {
            other
            for node in tree.body
            for other in imports(ast.Module([node], []), set(trees))
            if isinstance(node, ast.ImportFrom)
        }
        for name, tree in trees.items()
    }
    while below:
        ready = {name for name, others in below.items() if not others & below.keys()}
        assert ready, sorted(below)
        below = {name: others for name, others in below.items() if name not in ready}


def test_every_option_is_a_row_of_the_table_and_in_the_command_line_and_docstring() -> None:
    options = [
        name
        for name, parameter in inspect.signature(Heatmap.__init__).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    assert set(options) == set(OPTIONS)
    known = {action.dest for action in parse(["render", "x.npy"]).parser._actions}
    documented = set(re.findall(r"(?m)^    ([a-z_, ]+) : ", Heatmap.__doc__ or ""))
    documented = {name for names in documented for name in names.split(", ")}
    for name in options:
        assert OPTIONS[name].help, name
        assert name in known, name
        assert name in documented, name
        for other in OPTIONS[name].also.split():
            assert other not in OPTIONS, other
            assert elsewhere(other) == f"; here it is {name}=", other


def test_options_that_may_be_iterators_are_read_for_each_panel() -> None:
    given: dict[str, Any] = {"row_groups": [1, 2], "col_groups": [2], "boundaries": [0, 1, 2]}
    given["row_labels"] = ["x", "y", "z"]
    series = {name for name in given if OPTIONS[name].kind in LISTED}
    assert series == given.keys()
    shapes = {"a": (3, 4), "b": (3, 4)}
    (wanted, _) = Panels(shapes, **given).layout().panels
    for panel in (
        Panels(shapes, **{name: iter(each) for name, each in given.items()}).layout().panels
    ):
        np.testing.assert_array_equal(np.diff(panel.grid.y0), np.diff(wanted.grid.y0))
        np.testing.assert_array_equal(panel.shades.edges, wanted.shades.edges)


def test_readers_name_functions_that_there_are() -> None:
    for reader in READERS:
        for place in filter(None, (reader.frames, reader.tensors)):
            module, name = place.split(".")
            assert callable(getattr(import_module(f"fastheat.inputs.sources.{module}"), name))
