"""The README's code that hands a GIF on, run with the real packages."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastheat

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"```py\n(.*?)```", README, re.DOTALL)


def block(word: str) -> str:
    (code,) = [code for code in BLOCKS if word in code and f"import {word}" in code]
    return str(code)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the names that the preceding code defines: a GIF of 20 frames, and its writer."""
    monkeypatch.chdir(tmp_path)
    with fastheat.GifWriter("layer.gif", vmin=-9, vmax=9) as gif:
        for frame in np.random.default_rng(0).normal(size=(20, 4, 6)):
            gif.add(frame)
    return {"fastheat": fastheat, "np": np, "gif": gif}


def run(code: str, names: dict[str, Any]) -> None:
    exec(compile(code, "README.md", "exec"), names)


def test_every_block_is_run_here() -> None:
    words = ("torch", "wandb", "mlflow", "Summary")
    assert sorted(map(block, words)) == sorted(BLOCKS)


def test_a_layer_of_pytorch_is_recorded_and_gone_on_with(names: dict[str, Any]) -> None:
    Path("layer.gif").unlink()
    run(block("torch"), names)
    assert names["gif"].frames == 100
    with pytest.warns(UserWarning, match="left out 100 frames of steps up to 99"):
        run(block("torch"), names)
    assert names["gif"].frames == 100


@pytest.mark.filterwarnings("ignore")
def test_weights_and_biases_keeps_the_file_as_it_is(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(Path.cwd()))
    run(block("wandb"), names)
    (kept,) = Path.cwd().glob("wandb/offline-run-*/files/media/videos/*.gif")
    assert kept.read_bytes() == Path("layer.gif").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_mlflow_keeps_the_file_as_it_is(
    names: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(Path("mlruns").resolve().as_uri())
    run(block("mlflow"), names)
    (kept,) = Path("mlruns").rglob("layer.gif")
    assert kept.read_bytes() == Path("layer.gif").read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_file_back(names: dict[str, Any]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(block("Summary"), names)
    events = EventAccumulator("runs").Reload()
    (image,) = events.Images("layer")
    assert image.encoded_image_string == Path("layer.gif").read_bytes()
    assert (image.width, image.height) == names["gif"].size
    assert image.step == 100
