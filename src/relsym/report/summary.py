"""What was run, in two sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from relsym.report.collect import Collected
from relsym.runs.results import AnyResults, EvaluateResults, TrainResults


def lead(collected: Collected) -> str:
    """What was run: sentences about the trainings, then about the evaluations, where there are any."""
    sentences = []
    if collected.runs:
        sentences.append(_trainings(collected.runs))
    if collected.evaluations:
        sentences.append(_evaluations(collected.evaluations))
    return " ".join(sentences)


def _evaluations(runs: Sequence[EvaluateResults]) -> str:
    """Number of evaluations, the models with their kinds, benchmarks and versions."""
    models = [f"{run.model} ({run.kind})" for run in runs]
    number = f"{len(runs)} evaluation{_plural(runs)}"
    return f"{number}: {_named(models, 'model')}. {_benchmarks(runs)}"


def _trainings(runs: Sequence[TrainResults]) -> str:
    """Number of runs, their objectives, encoders, training samples, seeds, benchmarks and versions."""
    placed_objectives = {(run.objective.place, run.objective.label) for run in runs}
    objectives = [label for _, label in sorted(placed_objectives)]
    encoders = [run.model for run in runs]
    samples = sorted({run.train_rows for run in runs})
    seeds = sorted({run.seed for run in runs})
    number = f"{len(runs)} finished run{_plural(runs)}"
    return (
        f"{number}: {_named(objectives, 'objective')}; "
        f"{_named(encoders, 'encoder')}; "
        f"training samples {_listed(samples)}; "
        f"seed{_plural(seeds)} {_listed(seeds)}. "
        f"{_benchmarks(runs)}"
    )


def _benchmarks(runs: Sequence[AnyResults]) -> str:
    """The benchmarks and the versions of relsym of these runs."""
    titles = [run.benchmark.title for run in runs]
    versions = sorted({run.relsym for run in runs})
    return f"{_named(titles, 'benchmark')}. relsym {_listed(versions)}."


def _named(values: Iterable[str], noun: str) -> str:
    """``2 objectives (k-NN, fine-tuning)``: how many different values, and which."""
    names = list(dict.fromkeys(values))
    number = f"{len(names)} {noun}{_plural(names)}"
    return f"{number} ({', '.join(names)})"


def _plural(things: Sequence[Any]) -> str:
    """The ending of a noun for so many things."""
    return "s" if len(things) > 1 else ""


def _listed(values: Sequence[Any]) -> str:
    """All of a few values; of more than 12 the first and the last."""
    if len(values) <= 12:
        return ", ".join(map(str, values))
    first, last = values[0], values[-1]
    return f"{first} to {last} ({len(values)} of them)"
