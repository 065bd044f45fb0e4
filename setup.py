"""The build: the settings of pyproject.toml, plus machine code of the kernels in the wheel.

If numba is missing or does not support the platform, the wheel contains no machine code, and the
kernels are compiled at their first use.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithKernels(build_py):
    """A `build_py` that also puts machine code of the kernels into the copy of the package."""

    objects: list[Path] = []  # noqa: RUF012

    def run(self) -> None:
        """Copy and compile; an editable install keeps the machine code in the sources."""
        super().run()
        package = ROOT / "fastheat" if self.editable_mode else Path(self.build_lib) / "fastheat"
        shutil.rmtree(package / "objects", ignore_errors=True)
        self.objects = _compile(package / "objects")

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the files that the build writes."""
        return [*super().get_outputs(include_bytecode), *map(str, self.objects)]


def _compile(folder: Path) -> list[Path]:
    """Compile the kernels into a folder, for every kind of processor that this system supports."""
    sys.path.insert(0, str(ROOT))
    try:
        import numba  # noqa: F401

        from fastheat.render.kernels import objects
        from fastheat.render.kernels.symbols import undefined

        folder.mkdir(parents=True, exist_ok=True)
        made = []
        for target in objects.targets():
            code = objects.make(target)
            path = folder / objects.name_for(target)
            path.write_bytes(code.pack())
            made.append(path)
            asked = ", ".join(sorted(undefined(code.code))) or "nothing"
            print(f"compiled {path.name}: {len(code.code):,} bytes, which need {asked}")
    except Exception as error:  # numba may fail here in any way
        print(f"kernels are compiled at their first use, not now: {error}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        return []
    finally:
        sys.path.remove(str(ROOT))
    return made


class PlatformWheel(bdist_wheel):
    """A wheel for any Python 3, and for one platform if it contains machine code."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the Python, ABI and platform tags."""
        if not self.get_finalized_command("build_py").objects:
            return super().get_tag()
        self.root_is_pure = False
        *_, platform = super().get_tag()
        return "py3", "none", platform


setup(cmdclass={"build_py": BuildWithKernels, "bdist_wheel": PlatformWheel})
