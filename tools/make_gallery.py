"""Draw the images of docs/gallery.md with the code that the page shows.

``python tools/make_gallery.py`` runs the page's Python blocks one after another, in the folder of
its images. The same versions of numpy and Pillow give the same bytes.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "gallery.md"


def blocks(page: str) -> list[str]:
    """Return the page's code blocks, each padded so that errors give the page's line numbers."""
    found = re.finditer(r"```python\n(.*?)```", page, re.DOTALL)
    return ["\n" * page.count("\n", 0, match.start(1)) + match[1] for match in found]


def draw(folder: Path) -> None:
    """Run the page's code in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        space: dict[str, object] = {}
        for block in blocks(PAGE.read_text()):
            exec(compile(block, str(PAGE), "exec"), space)
    finally:
        os.chdir(before)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE.parent / "gallery")
