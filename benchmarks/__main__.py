"""Run the benchmarks: ``python -m benchmarks [--quick] [case ...]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks import chart, report
from benchmarks.cases import CASES
from benchmarks.measure import Table


def main() -> None:
    """Run the requested cases, print their tables, and write the requested files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds")
    parser.add_argument("--json", type=Path, help="add the tables to this JSON file")
    parser.add_argument("--chart", type=Path, help="draw the rates to this PNG file")
    parser.add_argument(
        "--into",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="insert the tables between their markers in this file; may be repeated",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"unknown case {', '.join(sorted(unknown))}: expected {', '.join(CASES)}")
    os.environ["MPLBACKEND"] = "Agg"
    print(f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    tables = {}
    for name in arguments.cases or CASES:
        with tempfile.TemporaryDirectory() as folder:
            tables[name] = CASES[name](Path(folder), arguments.quick)
        print(f"\n{tables[name].markdown()}", flush=True)
    if arguments.json:
        every = json.loads(arguments.json.read_text()) if arguments.json.exists() else {}
        every |= {name: asdict(table) for name, table in tables.items()}
        every = {name: every[name] for name in CASES if name in every}
        arguments.json.write_text(json.dumps(every, indent=1) + "\n")
        tables = {name: Table(**table) for name, table in every.items()}
    if arguments.chart:
        chart.draw(tables, arguments.chart)
    for path in arguments.into:
        path.write_text(report.filled(path.read_text(), tables))


if __name__ == "__main__":
    main()
