"""What the figures draw, as plain values: the static ones and those of the page draw the same."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from relsym.data.sampling import by_key
from relsym.report.labels import READERS, metric_of
from relsym.report.scopes import Scope
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.origins import cost_rows
from relsym.report.tables.paper_cells import DROP

Point = dict[str, Any]


def accuracy_points(scope: Scope, found: Sequence[Ladder]) -> list[Point]:
    """The accuracies, one a seed, of each ladder, form, property ("" for all) and number of samples."""
    properties = list(dict.fromkeys(property for run in scope.runs for property in run["kinds"]))
    points = []
    for ladder in found:
        for samples in ladder.rungs:
            runs = list(ladder.at(samples).values())
            stopped = sum(run["rows"]["train"] != samples for run in runs)
            for form in scope.forms:
                for property in ("", *properties):
                    key = f"{runs[0]['score_on']}/accuracy/{form}" + (f"/{property}" if property else "")
                    if values := [run["metrics"][key] for run in runs if key in run["metrics"]]:
                        points.append({"objective": ladder.label, "model": ladder.model, "form": form, "property": property,
                                       "samples": samples, "values": values, "stopped": stopped})
    return points


def best_shortcut(runs: Sequence[dict[str, Any]], form: str) -> tuple[str, float]:
    """The reader without retraining that scores best on these runs' rows, by its mean, and that mean."""
    found: dict[str, list[float]] = {}
    for run in runs:
        for name in READERS:
            if name.startswith("shortcut/") and (value := run["metrics"].get(f"{name}/{form}")) is not None:
                label = READERS[name] + (f" ({metric_of(run)})" if name == "shortcut/knn_untrained" else "")
                found.setdefault(label, []).append(value)
    return max(((label, mean(values)) for label, values in found.items()), key=lambda pair: pair[1], default=("none", 0.0))


def shortcut_points(scope: Scope) -> list[Point]:
    """The best shortcut at each number of samples."""
    points = []
    for samples in sorted({run["rows"]["train"] for run in scope.runs}):
        for form in scope.forms:
            name, value = best_shortcut([run for run in scope.runs if run["rows"]["train"] == samples], form)
            points.append({"form": form, "samples": samples, "name": name, "value": value})
    return points


def cost_points(found: Sequence[Ladder]) -> list[Point]:
    """Seconds of training and peak memory by ladder and number of samples."""
    return [{"objective": ladder.label, "model": ladder.model, "samples": samples, **costs}
            for ladder in found for samples in ladder.rungs
            if (costs := cost_rows([rungs[samples] for rungs in ladder.runs.values() if samples in rungs]))]


def forgetting_points(found: Sequence[Ladder]) -> list[Point]:
    """Drop and accuracy (mean over the forms) of each run that measured the drop, and whether its setting is on the Pareto front."""
    points = [{"objective": ladder.label, "model": ladder.model, "samples": samples, "seed": seeds[0], "drop": run["metrics"][DROP],
             "accuracy": mean(run["metrics"][f"{run['score_on']}/accuracy/{form}"] for form in run["rows"] if form != "train")}
            for ladder in found for seeds, rungs in ladder.runs.items() for samples, run in rungs.items() if DROP in run["metrics"]]
    settings = by_key(points, [(point["objective"], point["model"], point["samples"]) for point in points]).values()
    for runs, best in zip(settings, on_front([(_mean(runs, "drop"), _mean(runs, "accuracy")) for runs in settings]), strict=True):
        for point in runs:
            point["front"] = best
    return points


def on_front(settings: Sequence[tuple[float | int, float | int]]) -> list[bool]:
    """Of (drop, accuracy): which of them no other one beats in one without losing in the other."""
    return [not any(drop <= own and accuracy >= right and (drop, accuracy) != (own, right) for drop, accuracy in settings)
            for own, right in settings]


def front_line(points: Sequence[Point]) -> list[tuple[float | int, float | int]]:
    """Means over seeds of the settings on the front, by drop."""
    best = [point for point in points if point["front"]]
    settings = by_key(best, [(point["objective"], point["model"], point["samples"]) for point in best]).values()
    return sorted((_mean(runs, "drop"), _mean(runs, "accuracy")) for runs in settings)


def _mean(points: Sequence[Point], what: str) -> float | int:
    return mean(point[what] for point in points)
