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
# Drop and accuracy of one setting; exact means of whole numbers are whole.
_Setting = tuple[float | int, float | int]


def point_values(points: Sequence[Point], key: str) -> list[Any]:
    """The value of every point for a key."""
    return [point[key] for point in points]


def distinct_values(points: Sequence[Point], key: str) -> list[Any]:
    """The values that points have for a key, each once, in the order of first appearance."""
    return list(dict.fromkeys(point_values(points, key)))


def points_with(points: Sequence[Point], key: str, value: Any) -> list[Point]:
    """The points that have this value for a key."""
    return [point for point in points if point[key] == value]


def percentages(points: Sequence[Point], key: str) -> list[float | int]:
    """The value of every point for a key, a share in [0, 1], in per cent."""
    return [100 * point[key] for point in points]


def accuracy_points(scope: Scope, ladders: Sequence[Ladder]) -> list[Point]:
    """A point for each ladder, number of samples, form and property ("" for all rows).

    ``values`` are the accuracies in [0, 1], one a seed; ``stopped`` counts the seeds that were solved with
    fewer samples and keep that value.
    """
    points = []
    for ladder in ladders:
        for samples in ladder.rungs:
            points += _rung_points(scope, ladder, samples)
    return points


def _rung_points(scope: Scope, ladder: Ladder, samples: int) -> list[Point]:
    """The points of one ladder at one number of samples."""
    runs = list(ladder.at(samples).values())
    stopped = sum(run.train_rows != samples for run in runs)
    points = []
    for form in scope.forms:
        for property in ("", *scope.kinds):
            values = _accuracies(runs, form, property)
            if not values:  # no run of these has scored rows of the property
                continue
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


def _accuracies(runs: Sequence[Results], form: str, property: str) -> list[float]:
    """Every run's accuracy on a form's rows of one property, or on all of them ("").

    A run that has no rows of the property is left out.
    """
    if not property:
        return [run.accuracy(form) for run in runs]
    accuracies = []
    for run in runs:
        accuracy = run.of_property(form, property)
        if accuracy is not None:
            accuracies.append(accuracy)
    return accuracies


def best_shortcut(runs: Sequence[Results], form: str) -> tuple[str, float]:
    """Title and mean accuracy in [0, 1] of the shortcut with the highest mean over the runs.

    Where no run has a shortcut's figure for the form: ``("none", 0.0)``.
    """
    values_of: dict[str, list[float]] = {}
    for run in runs:
        for key, reader in run.shortcuts.items():
            value = run.metrics.get(f"{key}/{form}")
            if value is not None:
                values_of.setdefault(reader.title, []).append(value)
    if not values_of:
        return "none", 0.0
    means = {}
    for title, values in values_of.items():
        means[title] = mean(values)
    best = max(means, key=lambda title: means[title])
    return best, means[best]


def shortcut_points(scope: Scope) -> list[Point]:
    """The best shortcut at each number of samples that was run, by form."""
    points = []
    for samples in sorted({run.train_rows for run in scope.runs}):
        runs = [run for run in scope.runs if run.train_rows == samples]
        for form in scope.forms:
            name, value = best_shortcut(runs, form)
            point = {"form": form, "samples": samples, "name": name, "value": value}
            points.append(point)
    return points


def cost_points(ladders: Sequence[Ladder]) -> list[Point]:
    """Mean seconds of training and peak memory (GiB) by ladder and number of samples, where recorded."""
    points = []
    for ladder in ladders:
        for samples in ladder.rungs:
            costs = cost_rows(ladder.run_at(samples))
            if costs:
                rung = {"objective": ladder.label, "model": ladder.model, "samples": samples}
                points.append(rung | costs)
    return points


def forgetting_points(ladders: Sequence[Ladder]) -> list[Point]:
    """Drop and accuracy (mean over the forms) of each run that measured the drop.

    ``front`` says whether the mean of the run's setting over its seeds is on the Pareto front.
    """
    points = []
    for ladder in ladders:
        for run in ladder.all_runs:
            if run.drop is None:
                continue
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
    # A single lucky seed is no reason to prefer a setting: their means are compared.
    settings = _by_setting(points)
    verdicts = on_front([_means(runs) for runs in settings])
    for runs, is_best in zip(settings, verdicts, strict=True):
        for point in runs:
            point["front"] = is_best
    return points


def on_front(settings: Sequence[_Setting]) -> list[bool]:
    """For each (drop, accuracy), whether it is on the Pareto front.

    It is, if no other one is better in one of the two without being worse in the other.
    """
    verdicts = []
    for setting in settings:
        beaten = any(_beats(other, setting) for other in settings)
        verdicts.append(not beaten)
    return verdicts


def _beats(other: _Setting, setting: _Setting) -> bool:
    """Whether another setting is better in drop or accuracy and no worse in either."""
    other_drop, other_accuracy = other
    drop, accuracy = setting
    no_worse = other_drop <= drop and other_accuracy >= accuracy
    return no_worse and other != setting


def front_line(points: Sequence[Point]) -> list[_Setting]:
    """(drop, accuracy) of the settings on the Pareto front, means over seeds, sorted by drop."""
    on_the_front = [point for point in points if point["front"]]
    settings = _by_setting(on_the_front)
    return sorted(_means(runs) for runs in settings)


def _by_setting(points: Sequence[Point]) -> list[list[Point]]:
    """Group the points that differ in the seed alone."""
    keys = []
    for point in points:
        keys.append((point["objective"], point["model"], point["samples"]))
    return list(by_key(points, keys).values())


def _means(runs: Sequence[Point]) -> _Setting:
    """Drop and accuracy of one setting: the means over its seeds."""
    drop = mean(point_values(runs, "drop"))
    accuracy = mean(point_values(runs, "accuracy"))
    return drop, accuracy
