"""python -m tests.fuzz: mutates files, reads them, and prints every finding."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

from .corpus import seeds
from .run import Found, Inputs, repeat, save, search, warm


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the changes (default: 0)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--inputs", type=int, help="how many changed files, behind the corpus")
    length.add_argument("--minutes", type=float, help="how long (default: 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    default = Path(tempfile.gettempdir(), "fastheat-fuzz")
    parser.add_argument("--findings", type=Path, default=default, help=f"folder ({default})")
    parser.add_argument("--only", default="", help="a regular expression for 'READER KIND NAME'")
    parser.add_argument("--without-corpus", action="store_true", help="changed files alone")
    parser.add_argument("--repeat", type=Path, help="the folder of a finding, to read it again")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    # exit normally, so that nothing is left behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    inputs = Inputs(seeds(), args.seed, args.only)
    warm(inputs)
    if args.repeat:
        again = repeat(args.repeat)
        print("\n".join(f"{each}\n{each.text}" for each in again) or "nothing is found")
        return int(bool(again))
    started = time.monotonic()
    end = started + 60 * (args.minutes or 1)
    read = 0

    def stop(number: int) -> bool:
        if args.inputs is not None:
            most: int = inputs.unchanged + args.inputs
            return number >= most
        return time.monotonic() > end

    def tell(found: Found) -> None:
        print(f"{found}\n  {save(found, args.findings)}", flush=True)
        print("".join(f"  | {line[:200]}\n" for line in found.text.split("\n")[-12:]), flush=True)

    def count(done: int) -> None:
        nonlocal read
        if done // 10_000 > read // 10_000:
            print(f"{done} inputs, {time.monotonic() - started:.0f} s", flush=True)
        read = done

    start = inputs.unchanged if args.without_corpus else 0
    found = search(inputs, start=start, stop=stop, jobs=args.jobs, tell=tell, count=count)
    print(f"{len(found)} findings in {read} inputs, {time.monotonic() - started:.0f} s")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
