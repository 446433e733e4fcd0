"""Hardware never changes science: two gloo ranks against one process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parent / "ddp_gradients.py"


@pytest.mark.slow
def test_two_ranks_give_the_gradients_of_one_process(tmp_path, shell):
    alone = shell(sys.executable, str(SCRIPT), str(tmp_path / "one.pt"), OMP_NUM_THREADS="1")
    assert alone.code == 0, alone.err[-3000:]
    both = shell(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29611", str(SCRIPT),
                 str(tmp_path / "two.pt"), OMP_NUM_THREADS="1")
    assert both.code == 0, both.err[-3000:]
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one.pt", "two.pt"))
    assert {key.split()[-1] for key in one} == {"8", "28", "36"}
    assert one.keys() == two.keys()
    for case, gradients in one.items():
        assert gradients.abs().max() > 1e-4, case
        torch.testing.assert_close(two[case], gradients, atol=1e-9, rtol=1e-6, msg=lambda text, case=case: f"{case}: {text}")


@pytest.mark.slow
def test_a_ddp_run_is_one_run_with_the_results_of_one_process(tmp_path, shell, triples_folder):
    found = {}
    for hardware in ("cpu", "ddp_cpu"):
        ended = shell(sys.executable, "-m", "relsym", "train", "model=tiny", "model.dropout=0.0", f"hardware={hardware}", "tracking=csv",
                      "data=wikidata5m", f"data.folder={triples_folder}", "data.samples=28", "data.test_pairs=40", "training.epochs=3",
                      f"hydra.run.dir={tmp_path / hardware}", OMP_NUM_THREADS="1")
        assert ended.code == 0, ended.err[-3000:]
        found[hardware] = json.loads((tmp_path / hardware / "results.json").read_text())
        curves = (tmp_path / hardware / "csv" / "metrics.csv").read_text().splitlines()
        found[hardware]["losses"] = [float(line.split(",")[curves[0].split(",").index("train/loss")]) for line in curves[1:4]]
    assert found["cpu"]["losses"] == pytest.approx(found["ddp_cpu"]["losses"], rel=1e-3)
    for key, value in found["cpu"]["metrics"].items():
        assert found["ddp_cpu"]["metrics"][key] == pytest.approx(value, abs=0.051), key
    assert found["cpu"]["config_hash"] == found["ddp_cpu"]["config_hash"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir() and path != triples_folder) == ["cpu", "ddp_cpu"]
