"""What the figures draw, as plain values: the static ones and those of the page draw the same."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from relsym.data.sampling import by_key
from relsym.report.scopes import Scope
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.origins import cost_rows
from relsym.runs.results import Results

Point = dict[str, Any]


def accuracy_points(scope: Scope, found: Sequence[Ladder]) -> list[Point]:
    """The accuracies, one a seed, of each ladder, form, property ("" for all) and number of samples."""
    points = []
    for ladder in found:
        for samples in ladder.rungs:
            runs = list(ladder.at(samples).values())
            stopped = sum(run.train_rows != samples for run in runs)
            for form in scope.forms:
                for property in ("", *scope.kinds):
                    accuracies = [
                        run.of_property(form, property) if property else run.accuracy(form) for run in runs
                    ]
                    values = [accuracy for accuracy in accuracies if accuracy is not None]
                    if values:
                        points.append(
                            {
                                "objective": ladder.label,
                                "model": ladder.model,
                                "form": form,
                                "property": property,
                                "samples": samples,
                                "values": values,
                                "stopped": stopped,
                            }
                        )
    return points


def best_shortcut(runs: Sequence[Results], form: str) -> tuple[str, float]:
    """The shortcut that scores best on these runs' rows, by its mean, and that mean."""
    values_of: dict[str, list[float]] = {}
    for run in runs:
        for key, reader in run.shortcuts.items():
            value = run.metrics.get(f"{key}/{form}")
            if value is not None:
                values_of.setdefault(reader.title, []).append(value)
    if not values_of:
        return "none", 0.0
    means = {title: mean(values) for title, values in values_of.items()}
    best = max(means, key=lambda title: means[title])
    return best, means[best]


def shortcut_points(scope: Scope) -> list[Point]:
    """The best shortcut at each number of samples."""
    points = []
    for samples in sorted({run.train_rows for run in scope.runs}):
        runs = [run for run in scope.runs if run.train_rows == samples]
        for form in scope.forms:
            name, value = best_shortcut(runs, form)
            points.append({"form": form, "samples": samples, "name": name, "value": value})
    return points


def cost_points(found: Sequence[Ladder]) -> list[Point]:
    """Seconds of training and peak memory by ladder and number of samples."""
    points = []
    for ladder in found:
        for samples in ladder.rungs:
            costs = cost_rows(ladder.run_at(samples))
            if costs:
                points.append({"objective": ladder.label, "model": ladder.model, "samples": samples, **costs})
    return points


def forgetting_points(found: Sequence[Ladder]) -> list[Point]:
    """Drop and accuracy (mean over the forms) of each run that measured the drop, and whether its setting is
    on the Pareto front.
    """
    points = []
    for ladder in found:
        for run in ladder.all_runs:
            if run.drop is not None:
                points.append(
                    {
                        "objective": ladder.label,
                        "model": ladder.model,
                        "samples": run.train_rows,
                        "seed": run.seed,
                        "drop": run.drop,
                        "accuracy": run.mean_accuracy,
                    }
                )
    settings = _by_setting(points)
    is_best = on_front([(_mean(runs, "drop"), _mean(runs, "accuracy")) for runs in settings])
    for runs, best in zip(settings, is_best, strict=True):
        for point in runs:
            point["front"] = best
    return points


def on_front(settings: Sequence[tuple[float | int, float | int]]) -> list[bool]:
    """Of (drop, accuracy): which of them no other one beats in one without losing in the other."""
    return [
        not any(
            drop <= own and accuracy >= right and (drop, accuracy) != (own, right)
            for drop, accuracy in settings
        )
        for own, right in settings
    ]


def front_line(points: Sequence[Point]) -> list[tuple[float | int, float | int]]:
    """Means over seeds of the settings on the front, by drop."""
    settings = _by_setting([point for point in points if point["front"]])
    return sorted((_mean(runs, "drop"), _mean(runs, "accuracy")) for runs in settings)


def _by_setting(points: Sequence[Point]) -> list[list[Point]]:
    """Points that differ in the seed alone, together."""
    keys = [(point["objective"], point["model"], point["samples"]) for point in points]
    return list(by_key(points, keys).values())


def _mean(points: Sequence[Point], what: str) -> float | int:
    return mean(point[what] for point in points)
