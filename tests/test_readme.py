"""README.md: its code and commands run, its options exist, its figures are the measured ones."""

import json
import re
import shlex
from pathlib import Path

import pytest
from gif_info import read_info
from safetensors_bytes import safetensors

from benchmarks.cases import CASES
from benchmarks.measure import Table
from benchmarks.report import filled
from fastheat.cli.main import main
from fastheat.figure.heatmap import option_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(blocks("python"))
    exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "weights.gif").stat().st_size > 1000
    assert (tmp_path / "same.gif").stat().st_size > 1000
    assert (tmp_path / "encoder.gif").stat().st_size > 1000
    assert (tmp_path / "rings.gif").stat().st_size > 1000
    assert (tmp_path / "live.gif").stat().st_size > 1000
    assert (tmp_path / "last.png").read_bytes().startswith(b"\x89PNG")


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    from fastheat.cli.demo import train

    monkeypatch.chdir(tmp_path)
    Path("animation_data.obj").write_bytes(pickle.dumps(list(train(4))))
    Path("ckpt").mkdir()
    for step, weights in enumerate(train(4)):
        state = {"encoder.weight": weights, "decoder.weight": weights.T.copy()}
        Path(f"ckpt/step_{step}.safetensors").write_bytes(safetensors(state))
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("fastheat ")]
    assert [command[0] for command in commands] == ["render", "render", "render", "info"]
    for command in commands:
        assert main(command) == 0
    assert Path("training_weights.gif").stat().st_size > 1000
    assert Path("encoder.gif").stat().st_size > 1000


def test_every_option_it_names_exists() -> None:
    table = README[README.index("| there | here |") :]
    known = {*option_names(), "fps", "duration", "loop", "hold", "autoscale"}
    rows = [line for line in table.splitlines() if line.startswith("|")]
    named = set()
    for row in rows:
        named |= set(re.findall(r"`(\w+)=", row.split("|")[2]))
    assert named
    assert named <= known


def test_all_figures_are_those_that_the_benchmarks_wrote() -> None:
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text())
    tables = {name: Table(**table) for name, table in results.items()}
    pages = [README, (ROOT / "docs" / "scaling.md").read_text()]
    assert list(tables) == list(CASES)
    assert all("".join(pages).count(f"<!-- {name} -->") == 1 for name in tables)
    for page in pages:
        assert filled(page, tables) == page


def test_its_gif_is_small_and_whole() -> None:
    (name,) = re.findall(r"!\[.*?\]\((.*?\.gif)\)", README)
    path = ROOT / name
    assert path.stat().st_size < 300_000
    with path.open("rb") as file:
        info = read_info(file)
    assert len(info.frames) > 10
    assert info.trailing == 0
