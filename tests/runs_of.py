"""Run folders and sweeps as a training writes them, of invented accuracies, for the tests of the report."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

FORMS = ("lexicalised", "delexicalised")
METRICS = {"random_label": "hadamard", "knn": "hadamard", "knn_learnt": "pair", "finetune": "none"}
KINDS = {"P1382": "symmetric", "P3373": "symmetric", "P131": "antisymmetric", "P40": "antisymmetric"}


def digest(*words: object) -> str:
    return sha256(repr(words).encode()).hexdigest()


def write_run(folder: Path, objective: str = "knn", samples: int = 64, seed: int = 0, wrong: dict[str, int] | int = 0, rows: int = 40,
              model: str = "bundled", kinds: dict[str, str] = KINDS, metric: str | None = None, version: str = "0.1.0", **changes) -> Path:
    """A finished run with ``wrong`` rows in each form (or in all), those of the last properties first, and its predictions."""
    metric, properties, right = metric or METRICS[objective], list(kinds), {}
    of_row = [properties[i * len(properties) // rows] for i in range(rows)]
    for form in FORMS:
        number = wrong[form] if isinstance(wrong, dict) else wrong
        right[form] = np.arange(rows) < rows - number
    metrics, intervals = {}, {}
    for form in FORMS:
        found = {f"test/accuracy/{form}": right[form].mean(), "shortcut/template_lookup/" + form: min(1.0, samples / 64),
                 "shortcut/knn_untrained/" + form: 0.7, "untrained/random_label/" + form: 0.5, "reference/constant/" + form: 0.5}
        found |= {f"test/accuracy/{form}/{name}": right[form][[of == name for of in of_row]].mean() for name in properties}
        metrics |= {key: float(value) for key, value in found.items()}
        intervals |= {key: {"correct": round(rows * float(value)), "rows": rows, "value": float(value), "low": 0.6, "high": 1.0}
                      for key, value in found.items() if not key.startswith(("untrained", "reference"))}
    setting = digest(objective, metric, model)
    results = {"task": "train", "model": model, "metrics": metrics, "intervals": intervals,
               "rows": {"train": samples, **dict.fromkeys(FORMS, rows)}, "benchmark": "mini", "fold": None, "rows_hash": "r" * 64, "kinds": dict(kinds),
               "sides": "grouped, seed 0", "score_on": "test", "precision": "fp32", "init": None, "seed": seed, "sample_seed": seed,
               "choices": {"objective": objective, "metric": metric, "model": model, "data": "mini"}, "benchmark_hash": "b" * 64,
               "config_hash": digest(objective, metric, model, samples, seed), "git_commit": "c" * 40, "versions": {"relsym": version},
               "setting_hashes": {"data": digest(samples), "encoder": digest(model, metric.replace("none", "pair"), samples), "all": digest(setting, samples), "ladder": setting},
               "job_hash": digest(objective, metric, model, samples, seed, version), "train_properties": dict.fromkeys(properties[:samples // 8], 4),
               "seconds/train": samples / 4 + 5, "seconds/score": 3.0, "memory/peak_gib": 1.3, **changes}
    folder.mkdir(parents=True)
    lines = [(f"{form}-{i}", of_row[i], form, f"fact {i}", bool(right[form][i])) for form in FORMS for i in range(rows)]
    table = pl.DataFrame(lines, schema=["pair_id", "property", "form", "fact_id", "correct"], orient="row")
    table.write_parquet(folder / "predictions.parquet")
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def change(folder: Path, **changes) -> None:
    """Other values for some keys of a run's results."""
    path = folder / "results.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def job(number: int, objective: str, samples: int, seed: int, verdict: str = "done", folder: str | None = None, error: str | None = None, **more) -> dict:
    name = f"{number:03d}-{objective}-samples{samples}-seed{seed}"
    return {"number": number, "name": name, "overrides": [f"objective={objective}", f"data.samples={samples}", f"seed={seed}"],
            "choices": {"objective": objective, "model": "bundled"}, "samples": samples, "seed": seed, "job_hash": digest(number), "verdict": verdict,
            "folder": folder or name, "error": error} | more


def write_sweep(folder: Path, jobs: list[dict], name: str = "table4") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.json").write_text(json.dumps({"format": 1, "name": name, "jobs": jobs}))
    return folder
