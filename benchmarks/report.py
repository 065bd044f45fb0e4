"""Tables in the documentation: each stands between two markers that name its case."""

from __future__ import annotations

import re
from collections.abc import Mapping

from benchmarks.measure import Table


def filled(text: str, tables: Mapping[str, Table]) -> str:
    """Return the text with these tables between their markers."""
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        text = place.sub(lambda _, t=table, b=begin, e=end: f"{b}\n{t.markdown()}\n\n{e}", text)  # type: ignore[misc]
    return text
