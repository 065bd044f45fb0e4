"""No file harms its reader: tests of the corpus, of mutated files, and of the fuzzer itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .corpus import seeds
from .run import Inputs

ROOT = Path(__file__).parents[2]
INPUTS = 20_000 if "FASTHEAT_SLOW_TESTS" in os.environ else 300

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork and /proc")


def run(*arguments: str) -> str:
    """Run a new Python: forks of this one would lack the threads of its imported modules."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def fuzz(tmp_path: Path, *arguments: str) -> None:
    said = run("-m", "tests.fuzz", "--seed", "1", "--findings", str(tmp_path), *arguments)
    assert said.splitlines()[-1].startswith("0 findings in ")


def test_every_file_of_the_corpus_takes_under_five_seconds_and_300_mb(tmp_path: Path) -> None:
    fuzz(tmp_path, "--inputs", "0", "--jobs", "2")


def test_no_changed_file_harms(tmp_path: Path) -> None:
    fuzz(tmp_path, "--without-corpus", "--inputs", str(INPUTS), "--jobs", "2")


def test_an_input_follows_from_seed_and_number_alone() -> None:
    first, again, other = Inputs(seeds(), 3), Inputs(seeds(), 3), Inputs(seeds(), 4)
    numbers = range(first.unchanged, first.unchanged + 60)
    made = [(first[k].reader, first[k].seed.files) for k in numbers]
    assert [(again[k].reader, again[k].seed.files) for k in reversed(numbers)] == made[::-1]
    assert [(other[k].reader, other[k].seed.files) for k in numbers] != made


HARM = """
import os, signal, time
from pathlib import Path
import numpy as np
from tests.fuzz import readers, run, watch
from tests.fuzz.corpus import Seed

def harm(path, seed, variant):
    if seed == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif seed == "hang":
        while True:
            pass
    elif seed == "slow":
        end = time.process_time() + 1.4
        while time.process_time() < end:
            pass
    elif seed == "memory":
        np.ones(400 << 20, np.uint8)
    elif seed == "error":
        {}["a"]
    elif seed == "lines":
        raise ValueError("two\\nlines")
    elif seed == "long":
        raise ValueError("x" * 1000)
    elif seed == "audit":
        Path("/etc/hostname").open().close()
    elif seed == "written":
        path.write_bytes(b"")
    elif seed == "left":
        Path("more").touch()

watch.SECONDS = 1.0
readers.READERS.clear()
readers.READERS["harm"] = readers.Reader(("text",), "api", harm)
names = "crash hang slow memory error lines long audit written left nothing".split()
inputs = run.Inputs([Seed("text", name, {name: b"a"}) for name in names], 0)
found = run.search(inputs, stop=lambda k: k >= len(names), jobs=2, tell=lambda found: None)
print(sorted((each.case.seed.name, each.kind) for each in found if each.case.number < len(names)))
"""


def test_what_must_not_be_is_found_and_the_other_inputs_are_read() -> None:
    found = [
        ("audit", "audit"),
        ("crash", "crash"),
        ("error", "error KeyError"),
        ("hang", "hang"),
        ("left", "output"),
        ("lines", "message lines"),
        ("long", "message long"),
        ("memory", "memory"),
        ("slow", "slow"),
        ("written", "input"),
    ]
    assert run("-c", HARM).strip() == str(found)
