"""Hardware options: processes that others start, and one GPU."""

from __future__ import annotations

import csv
import json
import os

import pytest
import torch
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from relsym.app.hardware import check_hardware, scoring_device, started_from_outside, waits_for_srun
from relsym.probes.search import faiss_version

TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2"}
SLURM = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "6", "SLURM_NTASKS_PER_NODE": "3", "SLURM_NNODES": "2"}
pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")


@pytest.fixture(autouse=True)
def _started_by_nobody(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_") or name in TORCHRUN]:
        monkeypatch.delenv(name)


def hardware(*overrides: str):
    with initialize_config_module("relsym.conf", version_base="1.3"):
        return compose("train", [*overrides]).hardware


def given(monkeypatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("option", "variables", "devices", "nodes"), [("ddp_multinode", TORCHRUN, 2, 2), ("slurm", SLURM, 3, 2)]
)
def test_devices_and_nodes_are_what_the_starter_says(monkeypatch, option, variables, devices, nodes):
    given(monkeypatch, {**variables, "SLURM_STEP_ID": "0"})
    chosen = hardware(f"hardware={option}")
    assert (chosen.devices, chosen.num_nodes) == (devices, nodes)
    check_hardware(chosen)
    assert started_from_outside() == devices * nodes


@pytest.mark.parametrize("option", ["slurm", "ddp_multinode"])
def test_processes_that_nobody_started_are_refused_with_what_to_do(relsym, quick, tmp_path, option):
    ended = relsym("train", *quick, f"hardware={option}")
    assert ended.code == 1
    for part in ("number of devices is not known", "srun", "torchrun", "hardware.devices=N", "hardware=cpu"):
        assert part in ended.err
    assert not (tmp_path / "run" / "results.json").exists()


def test_a_sweep_may_say_how_many_tasks_its_jobs_will_have():
    check_hardware(hardware("hardware=slurm", "hardware.devices=2"))


@pytest.mark.parametrize(
    ("variables", "option"), [(TORCHRUN, "ddp_multinode"), ({**SLURM, "SLURM_STEP_ID": "0"}, "slurm")]
)
def test_several_processes_need_a_folder_that_does_not_hold_the_time(
    relsym, quick, tmp_path, monkeypatch, variables, option
):
    given(monkeypatch, variables)
    monkeypatch.chdir(tmp_path)
    ended = relsym("train", *quick[:-1], f"hardware={option}", "hardware.accelerator=cpu")
    assert ended.code == 1
    assert "Set hydra.run.dir=FOLDER" in ended.err


def test_tasks_of_slurm_without_srun_would_wait_for_each_other_and_are_refused(relsym, quick, monkeypatch):
    given(monkeypatch, SLURM)
    ended = relsym("train", *quick, "hardware=slurm")
    assert ended.code == 1
    assert "was not started by srun" in ended.err
    assert waits_for_srun()
    monkeypatch.setenv("SLURM_JOB_NAME", "interactive")
    assert not waits_for_srun()
    monkeypatch.setenv("SLURM_JOB_NAME", "mine")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    assert not waits_for_srun()


@pytest.mark.parametrize(
    ("accelerator", "there", "device"),
    [("gpu", True, "cuda"), ("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu")],
)
def test_scores_are_computed_where_the_training_was(monkeypatch, accelerator, there, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert scoring_device(OmegaConf.create({"accelerator": accelerator})).type == device


def test_the_number_of_devices_can_be_read_before_a_run_starts(monkeypatch):
    given(monkeypatch, {**TORCHRUN, **SLURM})
    for option in ("cpu", "gpu", "ddp", "ddp_cpu", "ddp_multinode", "slurm"):
        devices = hardware(f"hardware={option}").devices
        assert devices == "auto" or isinstance(devices, int)


# --- one GPU

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA GPU here")


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("objective", ["random_label", "knn", "knn_learnt", "finetune", "fixed_label"])
def test_bf16_on_a_gpu_trains_scores_and_searches(relsym, quick, tmp_path, objective):
    """A model that the samples can be learnt by heart with: the training accuracy says that gradients flow in
    bf16.
    """
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this GPU has no bf16")
    ended = relsym(
        "train",
        *quick,
        f"objective={objective}",
        "hardware=gpu",
        "precision=bf16",
        "training.max_steps=60",
        "training.epochs=60",
        "data.samples=16",
        "data.test_pairs=40",
        "objective.learning_rate=0.003",
    )
    assert ended.code == 0, ended.err
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["memory"]["peak_gpu_gib"] > 0
    assert results["precision"] == "bf16"
    with open(tmp_path / "run" / "csv" / "metrics.csv", newline="") as stream:
        learnt = [float(line["train/accuracy"]) for line in csv.DictReader(stream) if line["train/accuracy"]]
    assert learnt[-1] >= 0.9
    assert results["metrics"]["test/accuracy/delexicalised"] >= 0.6


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("k", [1, 5])
def test_faiss_on_a_gpu_finds_what_brute_force_finds(k):
    from relsym.probes import search

    if not (faiss_version() or "").startswith("faiss-gpu"):
        pytest.skip("faiss-gpu is not installed")
    import faiss  # the index is asked where it lives

    generator = torch.Generator().manual_seed(0)
    memory = torch.nn.functional.normalize(torch.randn(500, 64, generator=generator), dim=-1)
    memory[300:400] = memory[:100]  # ties
    queries = torch.nn.functional.normalize(torch.randn(2000, 64, generator=generator), dim=-1)
    index = search._index(faiss, memory)
    assert isinstance(index, faiss.GpuIndexFlatIP)
    assert index.getDevice() == torch.cuda.current_device()
    found = search.nearest(queries, memory, k)
    similarity = queries @ memory.T
    expected = similarity.topk(k, dim=-1).values
    torch.testing.assert_close(similarity.gather(1, found), expected, atol=1e-5, rtol=0)


@pytest.mark.gpu
@gpu
def test_a_gpu_gives_the_scores_of_a_cpu_within_a_row(relsym, quick, tmp_path):
    found = {}
    for name in ("cpu", "gpu"):
        ended = relsym(
            "train",
            *quick,
            f"hardware={name}",
            "training.max_steps=20",
            "data.samples=16",
            "data.test_pairs=40",
            "model.dropout=0.0",
            f"hydra.run.dir={tmp_path / name}",
        )
        assert ended.code == 0, ended.err
        found[name] = json.loads((tmp_path / name / "results.json").read_text())
    for key, value in found["cpu"]["metrics"].items():
        assert found["gpu"]["metrics"][key] == pytest.approx(value, abs=0.051), key
    assert found["cpu"]["job_hash"] == found["gpu"]["job_hash"]
