"""Run folders and sweeps as a training writes them, of invented accuracies, for the tests of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from relsym.evaluation.shortcuts import SHORTCUTS
from relsym.metrics.base import SENTENCES
from relsym.objectives.finetune import FineTuning
from relsym.objectives.knn import KnnRetraining, LearntMetricRetraining
from relsym.objectives.random_label import RandomLabelRetraining
from relsym.runs.identity import Identity
from relsym.runs.results import (
    LAST,
    AnyResults,
    BenchmarkRecord,
    Interval,
    ObjectiveRecord,
    Reader,
    Settings,
    TrainResults,
    read_results,
    results_json,
)
from relsym.runs.sweeps import Entry, SweepFile, sweep_json

FORMS = ("lexicalised", "delexicalised")
METRICS = {"random_label": "hadamard", "knn": "hadamard", "knn_learnt": "pair", "finetune": "none"}
OBJECTIVES = {
    "random_label": RandomLabelRetraining,
    "knn": KnnRetraining,
    "knn_learnt": LearntMetricRetraining,
    "finetune": FineTuning,
}
PUBLISHED = {"bundled": "sentence-transformers/all-MiniLM-L6-v2"}
KINDS = {"P1382": "symmetric", "P3373": "symmetric", "P131": "antisymmetric", "P40": "antisymmetric"}


def digest(*words: object) -> str:
    return sha256(repr(words).encode()).hexdigest()


def comparison(metric: str) -> str:
    """The metric by which the untrained encoder is read: without one, pairs are read as one input."""
    return metric.replace("none", "pair")


def objective_of(option: str, metric: str) -> ObjectiveRecord:
    """An objective as a training records it: its metric is named where there is a choice."""
    kind = OBJECTIVES[option]
    label = f"{kind.title} ({metric})" if kind.reads_metric == SENTENCES else kind.title
    return ObjectiveRecord(label, kind.title, kind.place, comparison(metric))


def readers_of(metric: str, when: str = "untrained") -> dict[str, Reader]:
    """What stands beside a retrained encoder."""
    look_up, by = SHORTCUTS["template_lookup"], comparison(metric)
    return {
        "reference/constant": Reader("best constant answer", 0),
        "shortcut/template_lookup": Reader(look_up.title, look_up.place),
        "untrained/random_label": Reader(f"{when}, random label embeddings ({by})", LAST - 2, encoder=True),
        "shortcut/knn_untrained": Reader(f"{when}, k-NN ({by})", LAST - 1, encoder=True),
    }


def benchmark_of(kinds: Mapping[str, str]) -> BenchmarkRecord:
    """The benchmark of every run that is not told otherwise."""
    hashes = {"content_hash": "b" * 64, "rows_hash": "r" * 64}
    return BenchmarkRecord("mini", **hashes, sides="grouped, seed 0", fold=None, kinds=dict(kinds))


def train_results(
    objective: str = "knn",
    metric: str | None = None,
    model: str = "bundled",
    samples: int = 64,
    seed: int = 0,
    **fields: Any,
) -> TrainResults:
    """What a training came to; ``fields`` has at least metrics, intervals and rows."""
    metric = metric or METRICS[objective]
    given: dict[str, Any] = {
        "model": model,
        "published": PUBLISHED.get(model),
        "readers": readers_of(metric),
        "train_rows": samples,
        "benchmark": benchmark_of(KINDS),
        "score_on": "test",
        "precision": "fp32",
        "train_properties": None,
        "counts": {"facts": 100},
        "choices": {"objective": objective, "metric": metric, "model": model, "data": "mini"},
        "seed": seed,
        "sample_seed": seed,
        "job_hash": None,
        "cell_hash": digest(objective, metric, model, samples, seed),
        "config_hash": digest("configuration", objective, metric, model, samples, seed),
        "git_commit": "c" * 40,
        "versions": {"relsym": "0.1.0"},
        "seconds": {},
        "memory": {},
        "objective": objective_of(objective, metric),
        "labels": ["entailment", "contradiction"],
        "recipe": [],
        "encoder": {"name": model, "revision": None},
        "model_sha256": digest(model),
        "settings": Settings(data="d", encoder="e", all="a", ladder=None),
        "init": None,
        "sweep": None,
        "job": None,
        "epochs": 10,
    }
    return TrainResults(**given | fields)


def write_run(
    folder: Path,
    objective: str = "knn",
    samples: int = 64,
    seed: int = 0,
    wrong: dict[str, int] | int = 0,
    rows: int = 40,
    model: str = "bundled",
    kinds: dict[str, str] = KINDS,
    metric: str | None = None,
    version: str = "0.1.0",
    **changes: Any,
) -> Path:
    """A finished run with its predictions.

    wrong: how many rows of each form (or of all) are, those of the last properties first.
    changes: other values, see ``changed``.
    """
    metric, properties, right = metric or METRICS[objective], list(kinds), {}
    of_row = [properties[i * len(properties) // rows] for i in range(rows)]
    for form in FORMS:
        number = wrong[form] if isinstance(wrong, dict) else wrong
        right[form] = np.arange(rows) < rows - number
    metrics, intervals = {}, {}
    for form in FORMS:
        metrics |= {f"untrained/random_label/{form}": 0.5, f"reference/constant/{form}": 0.5}
        found = {
            f"test/accuracy/{form}": right[form].mean(),
            f"shortcut/knn_untrained/{form}": 0.7,
            f"shortcut/template_lookup/{form}": min(1.0, samples / 64),
        }
        for name in properties:
            found[f"test/accuracy/{form}/{name}"] = right[form][np.array(of_row) == name].mean()
        for key, value in found.items():
            metrics[key] = float(value)
            intervals[key] = Interval(round(rows * float(value)), rows, float(value), low=0.6, high=1.0)
    setting = digest(objective, metric, model)
    read = digest(model, comparison(metric), samples)
    results = train_results(
        objective,
        metric,
        model,
        samples,
        seed,
        metrics=metrics,
        intervals=intervals,
        rows=dict.fromkeys(FORMS, rows),
        benchmark=benchmark_of(kinds),
        versions={"relsym": version},
        settings=Settings(data=digest(samples), encoder=read, all=digest(setting, samples), ladder=setting),
        job_hash=digest(objective, metric, model, samples, seed, version),
        train_properties=dict.fromkeys(properties[: samples // 8], 4),
        seconds={"train": samples / 4 + 5, "score": 3.0},
        memory={"peak_gib": 1.3},
    )
    write_results(folder, changed(results, changes))
    write_predictions(folder, of_row, right)
    return folder


def write_predictions(folder: Path, properties: Sequence[str], right: Mapping[str, Sequence[bool]]) -> None:
    """``predictions.parquet`` of a run. properties: of each row.  right: by form, whether each row is."""
    lines = []
    for form, answers in right.items():
        for row, answer in enumerate(answers):
            lines.append((f"{form}-{row}", properties[row], form, f"fact {row}", bool(answer)))
    table = pl.DataFrame(lines, schema=["pair_id", "property", "form", "fact_id", "correct"], orient="row")
    table.write_parquet(folder / "predictions.parquet")


def write_results(folder: Path, results: AnyResults) -> None:
    """Results in a new folder."""
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(results_json(results))


def changed(results: AnyResults, changes: Mapping[str, Any]) -> AnyResults:
    """Results with other values for some keys; a dotted key (``benchmark.fold``) names one inside another."""
    content = msgspec.to_builtins(results)
    for key, value in changes.items():
        *path, last = key.split(".")
        place = content
        for name in path:
            place = place[name]
        place[last] = msgspec.to_builtins(value)
    return msgspec.convert(content, type(results))


def change(folder: Path, **changes: Any) -> None:
    """Other values for some keys of a run's results, see ``changed``."""
    path = folder / "results.json"
    path.write_text(results_json(changed(read_results(path), changes)))


def job(
    number: int,
    objective: str,
    samples: int,
    seed: int,
    verdict: str = "done",
    folder: str | None = None,
    error: str | None = None,
    job_hash: str | None = None,
) -> Entry:
    name = f"{number:03d}-{objective}-samples{samples}-seed{seed}"
    return Entry(
        number=number,
        name=name,
        overrides=[f"objective={objective}", f"data.samples={samples}", f"seed={seed}"],
        choices={"objective": objective, "model": "bundled"},
        published=PUBLISHED["bundled"],
        samples=samples,
        seed=seed,
        score_on="test",
        identity=Identity(digest("cell", number), job_hash or digest(number), digest("ladder", objective)),
        accelerator="cpu",
        devices=1,
        folder=folder or name,
        verdict=verdict,
        error=error,
    )


def write_sweep(folder: Path, jobs: list[Entry], name: str = "table4") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sweep.json").write_text(sweep_json(SweepFile(name, "0.1.0", folder.name, jobs)))
    return folder
