"""Evaluations as ``relsym evaluate`` writes them, of invented accuracies, for the tests of the report."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from relsym.evaluation.statistics import accuracy
from runs_of import FORMS, KINDS, digest

ROWS = 40


def write_evaluation(folder: Path, model: str, right: dict[str, int], kind: str = "nli") -> Path:
    """A finished evaluation with so many right rows in each form by each reading; the last reading stands for the model."""
    chosen, properties = list(right)[-1], list(KINDS)
    metrics, intervals = {}, {}
    for form in FORMS:
        metrics |= {f"reference/constant/{form}": 0.5, f"shortcut/majority/{form}": 0.5, f"family/prompts/{form}": 0.5, f"family/prompts_min/{form}": 0.4,
                    f"family/prompts_max/{form}": 0.6, f"family/prompts_sd/{form}": 0.1, f"test/bias/{form}": 0.1, f"test/consistency/{form}": 1.0,
                    f"test/auroc/{form}": 0.7, f"test/balanced/{form}": 0.6}
        for name, count in right.items():
            key = f"test/accuracy/{form}" if name == chosen else f"reading/{name}/{form}"
            intervals[key] = accuracy([row < count for row in range(ROWS)])._asdict()
        for place, property in enumerate(properties):
            of = range(place, ROWS, len(properties))
            intervals[f"test/accuracy/{form}/{property}"] = accuracy([row < right[chosen] for row in of])._asdict()
    metrics |= {key: found["value"] for key, found in intervals.items()}
    clusters = {name: {form: {"fact": [accuracy([row < count for row in range(ROWS)]).low, accuracy([row < count for row in range(ROWS)]).high],
                              "property": [0.0, 1.0]} for form in FORMS} for name, count in right.items()}
    if "two_way" in clusters:  # properties agree there
        clusters["two_way"] = {form: {name: value["fact"] for name in value} for form, value in clusters["two_way"].items()}
    clusters["strict"] = {form: {name: value["fact"] for name in value} for form, value in clusters["strict"].items()}
    bins = [{"low": 0.0, "high": 0.5, "rows": 20, "probability": 0.3, "entailment": 0.4}, {"low": 0.5, "high": 1.0, "rows": 20, "probability": 0.8, "entailment": 0.6}]
    readings = [{"name": name, "family": "", "alone": True, "probability": True, "symmetric": name == "two_way"} for name in right]
    readings += [{"name": f"prompt{i}", "family": "prompts", "alone": False, "probability": False, "symmetric": False} for i in (1, 2)]
    results = {"task": "evaluate", "model": model, "kind": kind, "metrics": metrics, "intervals": intervals, "readings": readings, "reading": chosen,
               "reliability": {chosen: dict.fromkeys(FORMS, bins)}, "clusters": clusters, "unscored": {chosen: {"lexicalised": 3}}, "costs": {},
               "rows": {"train": 64, **dict.fromkeys(FORMS, ROWS)}, "benchmark": "mini", "fold": None, "rows_hash": "e" * 64, "kinds": dict(KINDS),
               "sides": "grouped, seed 0", "score_on": "test", "precision": "fp32", "init": None, "seed": 0, "sample_seed": 0,
               "choices": {"model": "nli", "metric": "hadamard", "data": "mini"}, "benchmark_hash": "b" * 64, "config_hash": digest(model),
               "git_commit": "c" * 40, "versions": {"relsym": "0.1.0"}, "job_hash": digest(model)}
    folder.mkdir(parents=True)
    lines = [(f"{form}-{row}", properties[row % len(properties)], form, f"fact {row}", row < right[chosen]) for form in FORMS for row in range(ROWS)]
    pl.DataFrame(lines, schema=["pair_id", "property", "form", "fact_id", "correct"], orient="row").write_parquet(folder / "predictions.parquet")
    (folder / "results.json").write_text(json.dumps(results))
    return folder
