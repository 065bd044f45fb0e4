"""Executors of other projects give the same bytes, even when a worker is killed."""

from __future__ import annotations

import io
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastheat

LOOK: dict[str, Any] = {"vmin": -30, "vmax": 30, "valfmt": "{x:.4f}", "figsize": (9, 6)}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "weights.npy"
    np.save(path, np.random.default_rng(0).normal(size=(600, 10, 15)).cumsum(0) / 10)
    return path


@pytest.fixture(scope="module")
def wanted(history: Path) -> bytes:
    return written(history, workers=1)


@pytest.fixture
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


def written(frames: object, **options: Any) -> bytes:
    file = io.BytesIO()
    fastheat.save_gif(file, frames, **LOOK, **options)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_a_dask_cluster_writes_the_bytes_of_one_thread(
    client: Any, history: Path, wanted: bytes
) -> None:
    assert written(history, executor=client.get_executor()) == wanted
    assert written(np.load(history), executor=client) == wanted
    assert written(history, executor=client, workers=1) == wanted


@pytest.mark.filterwarnings("ignore")
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    (code,) = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    stack = np.random.default_rng(0).normal(size=(60, 4, 5))
    np.save("weights.npy", stack)
    look: dict[str, Any] = {"vmin": -9, "vmax": 9}
    names = {"__name__": "__main__", "fastheat": fastheat, "look": look}
    exec(compile(code, "scaling.md", "exec"), names)
    fastheat.save_gif("one.gif", stack, workers=1, **look)
    assert Path("weights.gif").read_bytes() == Path("one.gif").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_a_dask_worker_that_is_killed_in_the_middle_is_made_up_for(
    client: Any, history: Path, wanted: bytes
) -> None:
    killed: list[int] = []

    def kill(done: int, total: int | None) -> None:
        if not killed and done >= 100:
            pids = list(client.run(os.getpid).values())
            os.kill(pids[0], signal.SIGKILL)
            killed.append(pids[0])

    assert written(history, executor=client, progress=kill) == wanted
    assert killed


@pytest.mark.filterwarnings("ignore")
def test_loky_sends_what_pickle_does_not_take(history: Path) -> None:
    loky = pytest.importorskip("loky")
    executor = loky.get_reusable_executor(max_workers=2)
    options: dict[str, Any] = {"figsize": (9, 6), "vmin": -30, "vmax": 30}
    files = []
    for given in ({"workers": 1}, {"executor": executor}):
        file = io.BytesIO()
        write = lambda x: f"<{x:.2f}>"  # noqa: E731
        fastheat.save_gif(file, history, valfmt=write, **options, **given)
        files.append(file.getvalue())
    executor.shutdown()
    assert files[0] == files[1]
