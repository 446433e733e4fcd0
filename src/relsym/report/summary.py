"""What was run, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from relsym.report.collect import Collected
from relsym.runs.results import AnyResults, EvaluateResults, TrainResults


def lead(collected: Collected) -> str:
    """Numbers and names, of trainings and of evaluations."""
    sentences = []
    if collected.runs:
        sentences.append(_trainings(collected.runs))
    if collected.evaluations:
        sentences.append(_evaluations(collected.evaluations))
    return " ".join(sentences)


def _evaluations(runs: Sequence[EvaluateResults]) -> str:
    """Models by kind, benchmarks, versions."""
    models = (f"{run.model} ({run.kind})" for run in runs)
    return f"{len(runs)} evaluation{'s' * (len(runs) > 1)}: {_named(models, 'model')}. {_benchmarks(runs)}"


def _trainings(runs: Sequence[TrainResults]) -> str:
    """Numbers of runs, objectives, encoders, samples, seeds; benchmarks and versions by name."""
    samples = sorted({run.train_rows for run in runs})
    seeds = sorted({run.seed for run in runs})
    objectives = [label for _, label in sorted({(run.objective.place, run.objective.label) for run in runs})]
    return (
        f"{len(runs)} finished run{'s' * (len(runs) > 1)}: {_named(objectives, 'objective')}; "
        f"{_named((run.model for run in runs), 'encoder')}; training samples {_listed(samples)}; "
        f"seed{'s' * (len(seeds) > 1)} {_listed(seeds)}. {_benchmarks(runs)}"
    )


def _benchmarks(runs: Sequence[AnyResults]) -> str:
    versions = sorted({run.relsym for run in runs})
    return f"{_named((run.benchmark.title for run in runs), 'benchmark')}. relsym {_listed(versions)}."


def _named(values: Iterable[str], noun: str) -> str:
    names = list(dict.fromkeys(values))
    return f"{len(names)} {noun}{'s' * (len(names) > 1)} ({', '.join(names)})"


def _listed(values: Sequence[Any]) -> str:
    """All of a few; of many the first and the last."""
    if len(values) <= 12:
        return ", ".join(map(str, values))
    return f"{values[0]} to {values[-1]} ({len(values)} of them)"
