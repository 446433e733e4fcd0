"""Hardware never changes science: two gloo ranks against one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parent / "ddp_gradients.py"


@pytest.mark.slow
def test_two_ranks_give_the_gradients_of_one_process(tmp_path, shell):
    alone = shell(sys.executable, str(SCRIPT), str(tmp_path / "one.pt"), OMP_NUM_THREADS="1")
    assert alone.code == 0, alone.err[-3000:]
    both = shell(
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "2",
        "--master_port",
        "29611",
        str(SCRIPT),
        str(tmp_path / "two.pt"),
        OMP_NUM_THREADS="1",
    )
    assert both.code == 0, both.err[-3000:]
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert {key.split()[-1] for key in one} == {"8", "28", "36"}
    assert one.keys() == two.keys()
    for case, gradients in one.items():
        assert gradients.abs().max() > 1e-4, case
        torch.testing.assert_close(
            two[case], gradients, atol=1e-9, rtol=1e-6, msg=lambda text, case=case: f"{case}: {text}"
        )


def command(folder: Path, triples: Path, hardware: str, *overrides: str) -> list[str]:
    return [
        "-m",
        "relsym",
        "train",
        "model=tiny",
        "model.dropout=0.0",
        f"hardware={hardware}",
        "tracking=wandb",
        "data=wikidata5m",
        f"data.folder={triples}",
        "data.samples=28",
        "data.test_pairs=40",
        "training.epochs=3",
        f"hydra.run.dir={folder}",
        *overrides,
    ]


def ended_well(*processes: subprocess.Popen) -> None:
    for process in processes:
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err[-3000:]


def start(*words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def losses(run: Path) -> list[float]:
    """The loss of every step, as the only W&B run in a run folder holds them."""
    (folder,) = (run / "wandb").glob("offline-run-*")
    read = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    items = [
        line["history"]["item"]
        for line in map(json.loads, read.stdout.splitlines())
        if line["type"] == "history"
    ]
    return [item["train/loss_step"] for item in items if "train/loss_step" in item]


def files(run: Path) -> list[str]:
    """What stands in a run folder, without what is W&B's own."""
    return sorted(
        str(path.relative_to(run))
        for path in run.rglob("*")
        if path.is_file() and "wandb" not in path.relative_to(run).parts
    )


@pytest.fixture
def alone(tmp_path, triples_folder) -> Path:
    """A run of one process."""
    ended_well(start(*command(tmp_path / "alone", triples_folder, "cpu")))
    return tmp_path / "alone"


def same_run(alone: Path, several: Path) -> None:
    """One run in one folder, written by the first rank, with the results of one process at the same global
    batch.
    """
    assert losses(several) == pytest.approx(losses(alone), rel=1e-3)
    assert len(losses(several)) == 6
    first, second = (json.loads((run / "results.json").read_text()) for run in (alone, several))
    for key, value in first["metrics"].items():
        assert second["metrics"][key] == pytest.approx(value, abs=0.051), key
    assert first["job_hash"] == second["job_hash"]
    assert files(alone) == files(several)


@pytest.mark.slow
def test_a_ddp_run_is_one_run_with_the_results_of_one_process(alone, tmp_path, triples_folder):
    ended_well(start(*command(tmp_path / "ddp", triples_folder, "ddp_cpu")))
    same_run(alone, tmp_path / "ddp")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir() and path != triples_folder) == [
        "alone",
        "ddp",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["[replay,distill,l2sp,freeze,wise_ft]", "[replay,lora]"])
def test_a_ddp_run_with_a_recipe_has_the_results_of_one_process(
    tmp_path, triples_folder, mnli_folder, recipe
):
    ended_well(
        start(
            *command(
                tmp_path / "nli", mnli_folder, "cpu", "data=mnli", "data.samples=30", "training.epochs=1"
            )
        )
    )
    words = (f"init={tmp_path / 'nli'}", f"recipe={recipe}", "recipe.replay.rows_per_batch=5")
    for name, hardware in (("alone", "cpu"), ("ddp", "ddp_cpu")):
        ended_well(start(*command(tmp_path / name, triples_folder, hardware, *words)))
    same_run(tmp_path / "alone", tmp_path / "ddp")
    first, second = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("alone", "ddp"))
    assert first["replayed_rows"] == second["replayed_rows"] == 30
    assert first["replayed_distinct"] == second["replayed_distinct"]


@pytest.mark.slow
def test_a_run_on_two_nodes_is_one_run_with_the_results_of_one_process(alone, tmp_path, triples_folder):
    words = command(tmp_path / "nodes", triples_folder, "ddp_multinode", "hardware.accelerator=cpu")
    nodes = [
        start(
            "-m",
            "torch.distributed.run",
            "--nnodes=2",
            "--nproc-per-node=1",
            f"--node-rank={rank}",
            "--master-addr=127.0.0.1",
            "--master-port=29627",
            *words,
        )
        for rank in range(2)
    ]
    ended_well(*nodes)
    same_run(alone, tmp_path / "nodes")


@pytest.mark.slow
def test_a_rank_that_dies_ends_the_run(tmp_path, triples_folder):
    first = start(
        *command(
            tmp_path / "run",
            triples_folder,
            "ddp_cpu",
            "training.epochs=100000",
            "training.patience=100000",
            "training.stop_loss=0",
        )
    )
    until = time.monotonic() + 100
    while time.monotonic() < until and not ranks_of(first.pid):
        time.sleep(0.5)
    time.sleep(8)
    (second,) = ranks_of(first.pid)
    os.kill(second, signal.SIGKILL)
    _, err = first.communicate(timeout=60)
    assert first.returncode not in (0, None), err
    assert not (tmp_path / "run" / "results.json").exists()


def ranks_of(pid: int) -> list[int]:
    """The further ranks that a process has started."""
    children = {
        int(word)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for word in path.read_text().split()
    }
    return [child for child in children if "relsym" in Path(f"/proc/{child}/cmdline").read_text()]
