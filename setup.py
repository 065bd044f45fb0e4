"""The build: what pyproject.toml says, and machine code of the kernels inside the wheel.

Where numba is missing or does not know the platform, the wheel is without it, and kernels are
compiled at their first use.
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
    """Copies the package and puts machine code of its kernels into the copy."""

    objects: list[Path] = []  # noqa: RUF012

    def run(self) -> None:
        """Copy and compile; of an editable install, compile into the sources."""
        super().run()
        package = ROOT / "fastheat" if self.editable_mode else Path(self.build_lib) / "fastheat"
        shutil.rmtree(package / "objects", ignore_errors=True)
        self.objects = _compile(package / "objects")

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return the files of the build."""
        return [*super().get_outputs(include_bytecode), *map(str, self.objects)]


def _compile(folder: Path) -> list[Path]:
    """Compile the kernels for all kinds of processors of this system, into a folder."""
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
            print(f"compiled {path.name}: {len(code.code):,} bytes, which ask for {asked}")
    except Exception as error:  # whatever is wrong with numba here
        print(f"kernels are compiled at their first use, not now: {error}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        return []
    finally:
        sys.path.remove(str(ROOT))
    return made


class PlatformWheel(bdist_wheel):
    """A wheel for any Python 3, of one platform where machine code is in it."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of Python, ABI and platform."""
        if not self.get_finalized_command("build_py").objects:
            return super().get_tag()
        self.root_is_pure = False
        *_, platform = super().get_tag()
        return "py3", "none", platform


setup(cmdclass={"build_py": BuildWithKernels, "bdist_wheel": PlatformWheel})
