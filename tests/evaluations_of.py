"""Evaluations as ``relsym evaluate`` writes them, of invented accuracies, for the tests of the report."""

from __future__ import annotations

from pathlib import Path

import msgspec

from relsym.evaluation.shortcuts import SHORTCUTS
from relsym.evaluation.statistics import accuracy
from relsym.runs.results import Bin, EvaluateResults, Interval, Reader, Reading
from runs_of import FORMS, KINDS, benchmark_of, digest, write_predictions, write_results

ROWS = 40
# Figures that every model has, by their keys without the form.
BESIDE = {
    "reference/constant": 0.5,
    "shortcut/majority": 0.5,
    "family/prompts": 0.5,
    "family/prompts_min": 0.4,
    "family/prompts_max": 0.6,
    "family/prompts_sd": 0.1,
    "test/bias": 0.1,
    "test/consistency": 1.0,
    "test/auroc": 0.7,
    "test/balanced": 0.6,
}


def first_right(count: int) -> Interval:
    """Of ``ROWS`` rows the first ``count`` are right."""
    return Interval(*accuracy([row < count for row in range(ROWS)]))


def clusters_of(name: str, count: int) -> dict[str, tuple[float, float]]:
    """Intervals over facts and over properties; of the readings that tests look at both agree."""
    interval = first_right(count)
    over_facts = (interval.low, interval.high)
    return {"fact": over_facts, "property": over_facts if name in ("strict", "two_way") else (0.0, 1.0)}


def write_evaluation(folder: Path, model: str, right: dict[str, int], kind: str = "nli") -> Path:
    """A finished evaluation.

    right: reading -> how many rows of each form it has right; the last one stands for the model.
    """
    chosen, properties = list(right)[-1], list(KINDS)
    metrics, intervals = {}, {}
    for form in FORMS:
        metrics |= {f"{key}/{form}": value for key, value in BESIDE.items()}
        for name, count in right.items():
            key = f"test/accuracy/{form}" if name == chosen else f"reading/{name}/{form}"
            intervals[key] = first_right(count)
        for place, property in enumerate(properties):
            correct = [row < right[chosen] for row in range(place, ROWS, len(properties))]
            intervals[f"test/accuracy/{form}/{property}"] = Interval(*accuracy(correct))
    metrics |= {key: interval.value for key, interval in intervals.items()}
    clusters, histograms = {}, {}
    for name, count in right.items():
        clusters[name] = {form: clusters_of(name, count) for form in FORMS}
        answered = {"entailment": count, "contradiction": ROWS - count}
        histograms[name] = {form: answered for form in FORMS}
    bins = [
        Bin(low=0.0, high=0.5, rows=20, probability=0.3, entailment=0.4),
        Bin(low=0.5, high=1.0, rows=20, probability=0.8, entailment=0.6),
    ]
    readings = [Reading(name, probability=True, symmetric=name == "two_way") for name in right]
    readings += [Reading(f"prompt{number}", family="prompts", alone=False) for number in (1, 2)]
    results = EvaluateResults(
        model=model,
        published=None,
        metrics=metrics,
        intervals=intervals,
        readers={
            "reference/constant": Reader("best constant answer", 0),
            "shortcut/majority": Reader(SHORTCUTS["majority"].title, SHORTCUTS["majority"].place),
        },
        train_rows=64,
        rows=dict.fromkeys(FORMS, ROWS),
        benchmark=msgspec.structs.replace(benchmark_of(KINDS), rows_hash="e" * 64),
        score_on="test",
        precision="fp32",
        train_properties=None,
        counts={"facts": 100},
        choices={"model": "nli", "metric": "hadamard", "data": "mini"},
        seed=0,
        sample_seed=0,
        job_hash=digest(model),
        cell_hash=digest("cell", model),
        config_hash=digest("configuration", model),
        git_commit="c" * 40,
        versions={"relsym": "0.1.0"},
        seconds={"score": 3.0},
        memory={"peak_gib": 1.3},
        kind=kind,
        source={"name": model},
        readings=readings,
        reading=chosen,
        histograms=histograms,
        reliability={chosen: dict.fromkeys(FORMS, bins)},
        clusters=clusters,
        unscored={chosen: {"lexicalised": 3}},
        costs={},
        measured_rows={"score": dict.fromkeys(FORMS, ROWS)},
        measured_before=0,
        model_fingerprint=digest("fingerprint", model),
    )
    write_results(folder, results)
    of_row = [properties[row % len(properties)] for row in range(ROWS)]
    correct = [row < right[chosen] for row in range(ROWS)]
    write_predictions(folder, of_row, {form: correct for form in FORMS})
    return folder
