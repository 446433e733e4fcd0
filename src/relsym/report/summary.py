"""What was run, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from relsym.report.collect import Collected
from relsym.report.labels import objective_of, place_of


def lead(collected: Collected) -> str:
    """Of trainings and of evaluations, numbers and names."""
    return " ".join(told(found) for told, found in ((_trainings, collected.runs), (_evaluations, collected.evaluations)) if found)


def _evaluations(runs: Sequence[dict[str, Any]]) -> str:
    """Models by kind, benchmarks, versions."""
    models = (f"{run['model']} ({run['kind']})" for run in runs)
    versions = sorted({str(run["versions"].get("relsym", "unknown")) for run in runs})
    return (f"{len(runs)} evaluation{'s' * (len(runs) > 1)}: {_named(models, 'model')}. "
            f"{_named((run['benchmark'] for run in runs), 'benchmark')}. relsym {_listed(versions)}.")


def _trainings(runs: Sequence[dict[str, Any]]) -> str:
    """Numbers of runs, objectives, encoders, samples, seeds; benchmarks and versions by name."""
    samples, seeds = (sorted(values) for values in ({run["rows"]["train"] for run in runs}, {run["seed"] for run in runs}))
    objectives = [label for _, label in sorted({(place_of(run), objective_of(run)) for run in runs})]
    versions = sorted({str(run["versions"].get("relsym", "unknown")) for run in runs})
    return (f"{len(runs)} finished run{'s' * (len(runs) > 1)}: {_named(objectives, 'objective')}; "
            f"{_named((run['model'] for run in runs), 'encoder')}; training samples {_listed(samples)}; "
            f"seed{'s' * (len(seeds) > 1)} {_listed(seeds)}. {_named((run['benchmark'] for run in runs), 'benchmark')}. "
            f"relsym {_listed(versions)}.")


def _named(values: Iterable[str], noun: str) -> str:
    found = list(dict.fromkeys(values))
    return f"{len(found)} {noun}{'s' * (len(found) > 1)} ({', '.join(found)})"


def _listed(values: Sequence[Any]) -> str:
    """All of a few; of many the first and the last."""
    return ", ".join(map(str, values)) if len(values) <= 12 else f"{values[0]} to {values[-1]} ({len(values)} of them)"
