"""docs/scaling.md: its code runs, workers read what it says, its numbers match the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from numpy.typing import NDArray

from fastheat.inputs.frames import spans
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.frames.spans import spans_of
from fastheat.pipeline import jobs, workers

PAGE = (Path(__file__).parents[1] / "docs" / "scaling.md").read_text()


def shown(path: Path) -> NDArray[np.uint8]:
    return np.stack([pixels for pixels, _ in by_pillow(path.read_bytes())])


def test_the_python_runs_and_all_files_are_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = []
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "scaling.md", "exec"), names)
        whole.append(Path("weights.gif").read_bytes())
    assert len(whole) == 3
    assert len(set(whole)) == 1
    frames = shown(Path("weights.gif"))
    assert len(frames) == 100
    assert np.array_equal(shown(Path("tenth.gif")), frames[::10])
    parts = sorted(Path().glob("weights-*.gif"))
    assert len(parts) == 2
    assert np.array_equal(np.concatenate([shown(part) for part in parts]), frames)


class Own:
    shape = (20, 4, 5)
    dtype = np.dtype(float)

    def read(self, start: int, stop: int) -> Any:
        return np.zeros((stop - start, 4, 5))


def test_workers_of_other_processes_read_what_can_be_read_in_any_order(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).normal(size=(20, 4, 5))
    path = tmp_path / "stack.npy"
    np.save(path, stack)
    mapped = np.load(path, mmap_mode="r")
    read: list[Any] = [path, mapped, mapped[::10], mapped[5:15], Own()]
    sent: list[Any] = [stack, list(stack), iter(stack)]
    assert all(spans_of(open_frames(each), in_process=False) for each in read)
    assert not any(spans_of(open_frames(each), in_process=False) for each in sent)
    assert spans_of(open_frames(stack), in_process=True)


def test_its_numbers_of_jobs_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"less than {workers.THREAD_SECONDS} s, or {workers.TASK_SECONDS} s" in text
    assert f"up to {jobs.MOST_FRAMES:,} frames or {workers.RESULT_BYTES >> 20} MiB" in text
    assert f"It has at least {jobs.FEWEST_FRAMES} frames" in text
    assert f"{spans.CHUNK_FRAMES} frames or {spans.CHUNK_BYTES >> 20} MiB of values" in text
