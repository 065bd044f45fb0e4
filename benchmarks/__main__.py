"""Run the benchmarks: ``python -m benchmarks [--quick] [case ...]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.cases import CASES


def main() -> None:
    """Run the cases that were asked for, print their tables and write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds")
    parser.add_argument("--json", type=Path, help="write the tables to this file too")
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"unknown case {', '.join(sorted(unknown))}: expected {', '.join(CASES)}")
    os.environ["MPLBACKEND"] = "Agg"
    print(f"{platform.machine()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    tables = {}
    for name in arguments.cases or CASES:
        with tempfile.TemporaryDirectory() as folder:
            table = CASES[name](Path(folder), arguments.quick)
        tables[name] = asdict(table)
        print(f"\n{table.title}\n\n{table.markdown()}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(tables, indent=1) + "\n")


if __name__ == "__main__":
    main()
