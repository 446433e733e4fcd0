"""Folders of finished trainings, written by the typed record, for the tests of what goes on from them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import save_file

from relsym.encoders.load import tiny_encoder
from relsym.runs.layout import CONFIG, ENCODER, PROBE, RESULTS
from relsym.runs.results import (
    BenchmarkRecord,
    Interval,
    ObjectiveRecord,
    Settings,
    TrainResults,
    results_json,
)

LABELS = ["entailment", "contradiction"]
NLI_LABELS = ["entailment", "neutral", "contradiction"]
SYMMETRY_DATA = {
    "module": {
        "_target_": "relsym.data.symmetry.SymmetryData",
        "samples": 8,
        "sampling": "stratified",
        "form": "mixed",
        "train_variants": ["swap"],
        "score_variants": None,
        "sample_seed": 0,
        "test_pairs": 8,
        "score_on": "test",
        "batch_size": 16,
        "seed": 0,
        "benchmark": {
            "_target_": "relsym.data.benchmark.SymmetryBenchmark",
            "_partial_": True,
            "split": "grouped",
            "reader": {"_target_": "relsym.data.sources.mini.Mini"},
        },
    },
    "reader": {"_target_": "relsym.data.sources.mini.Mini"},
}
CONFIGURATION = {
    "seed": 0,
    "precision": "fp32",
    "labels": LABELS,
    "data": SYMMETRY_DATA,
    "trust": [],
    "model": {
        "_target_": "relsym.encoders.load.load_encoder",
        "name": "somewhere",
        "revision": "main",
        "pooling": "mean",
        "max_length": 64,
        "dropout": None,
        "trust_remote_code": False,
    },
    "metric": {"_target_": "relsym.metrics.hadamard.Hadamard"},
    "probe": {"_target_": "relsym.probes.knn.Knn", "k": 3},
    "objective": {"_target_": "relsym.objectives.knn.KnnRetraining", "margin": 0.5, "learning_rate": 1e-4},
}


def nli_data_of(folder: Path) -> dict[str, Any]:
    """The ``data`` of a run on NLI rows in a folder."""
    source = {"_target_": "relsym.data.sources.nli.NliSource", "layout": "mnli", "folder": str(folder)}
    return {
        "module": {
            "_target_": "relsym.data.nli.NliData",
            "source": source,
            "samples": 12,
            "sample_seed": 0,
            "split_seed": 0,
            "test_pairs": 9,
            "score_on": "validation",
            "batch_size": 32,
            "seed": 0,
            "by_length": True,
        }
    }


def changed(config: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a dotted place."""
    copied = copy.deepcopy(config)
    *above, last = place.split(".")
    node = copied
    for key in above:
        node = node[key]
    node[last] = value
    return copied


def results_of(labels: list[str], **changes: Any) -> TrainResults:
    """The least that results hold."""
    key, number = "test/accuracy/lexicalised", "a" * 64
    told = {
        "model": "tiny",
        "published": None,
        "metrics": {key: 0.5},
        "intervals": {key: Interval(4, 8, 0.5, 0.2, 0.8)},
        "readers": {},
        "train_rows": 8,
        "rows": {"lexicalised": 8},
        "benchmark": BenchmarkRecord("mini", number, number, "grouped, seed 0", None, {}),
        "score_on": "test",
        "precision": "fp32",
        "train_properties": None,
        "counts": {},
        "choices": {},
        "seed": 0,
        "sample_seed": 0,
        "job_hash": number,
        "cell_hash": number,
        "config_hash": number,
        "git_commit": None,
        "versions": {},
        "seconds": {},
        "memory": {},
        "objective": ObjectiveRecord("k-NN", "k-NN", 0, "hadamard"),
        "labels": labels,
        "recipe": [],
        "encoder": {},
        "model_sha256": number,
        "settings": Settings(number, number, number, number),
        "init": None,
        "sweep": None,
        "job": None,
        "epochs": 1,
    }
    return TrainResults(**{**told, **changes})


def write_earlier_run(
    folder: Path, config: dict[str, Any] | str = CONFIGURATION, labels: list[str] = LABELS, **results: Any
) -> Path:
    """A run of k-NN retraining on a tiny encoder.

    Args:
        config: the content of its ``config.yaml``, or the text.
        labels, results: what its ``results.json`` says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder = tiny_encoder()
    (folder / ENCODER).mkdir(exist_ok=True)
    encoder.save(folder / ENCODER)
    memory = np.random.default_rng(0).normal(size=(6, encoder.dim)).astype(np.float32)
    save_file({"memory": memory, "memory_targets": np.arange(6) % len(labels)}, folder / PROBE)
    (folder / CONFIG).write_text(
        config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False)
    )
    (folder / RESULTS).write_text(results_json(results_of(labels, **results)))
    return folder
