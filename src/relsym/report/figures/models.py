"""Figures of evaluated models: accuracy of every reading, and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relsym.report.figures.curves import COLOURS, MARKERS
from relsym.report.figures.intervals import interval_halves
from relsym.report.figures.points import Point, distinct_values, percentages, points_with
from relsym.report.figures.texts import figure_text, plain_texts
from relsym.report.scopes import Scope
from relsym.report.tables.models import names_of_models, read_models

# So many names of models fit below the panels of calibration at their ordinary height.
NAMES_BESIDE_PANELS = 20


def reading_points(scope: Scope) -> list[Point]:
    """Accuracy of every reading of every model, by form, with its interval and the best constant answer.

    All figures are shares in [0, 1]; ``first`` marks the reading that stands for its model.
    """
    points = []
    names = names_of_models(scope.runs)
    for model in read_models(scope.runs):
        run = model.run
        for form in scope.forms:
            interval = model.interval(form)
            points.append(
                {
                    "model": run.model,
                    "name": names[run.path],
                    "reading": model.name,
                    "form": form,
                    "value": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "first": model.first,
                    "constant": run.metrics[f"reference/constant/{form}"],
                }
            )
    return points


def reliability_points(scope: Scope) -> list[Point]:
    """The bins of the reading that stands for each model, by form, where it gives probabilities."""
    points = []
    names = names_of_models(scope.runs)
    for run in scope.runs:
        name = f"{names[run.path]} ({run.reading})"
        reliability = run.reliability.get(run.reading, {})
        for form, bins in reliability.items():
            # As plain values: the page writes its points as JSON.
            plain_bins = [msgspec.to_builtins(bar) for bar in bins]
            points.append({"model": run.model, "name": name, "form": form, "bins": plain_bins})
    return points


@plain_texts
def models_figure(points: Sequence[Point]) -> Figure:
    """Accuracy in % with its 95 % interval: a line for each reading, a marker for each form.

    The dashed lines are the best constant answers, one for each form. The name of a reading that stands for
    its model is bold.
    """
    forms = distinct_values(points, "form")
    lines = list(dict.fromkeys(_line_of(point) for point in points))
    line_numbers = {line: number for number, line in enumerate(lines)}
    height = 1.2 + 0.3 * len(lines)
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.add_subplot()
    # The markers of one reading lie within 0.4 of a line, around its middle.
    step = 0.4 / len(forms)
    middle = (len(forms) - 1) / 2
    for place, form in enumerate(forms):
        in_form = points_with(points, "form", form)
        offset = step * (place - middle)
        heights = []
        for point in in_form:
            heights.append(line_numbers[_line_of(point)] + offset)
        _draw_readings(axes, in_form, heights, place)
        constant = 100 * in_form[0]["constant"]
        axes.axvline(constant, color="grey", linestyle="--", linewidth=1)
    titles = [figure_text(f"{name}, {reading}") for name, reading in lines]
    axes.set_yticks(range(len(lines)), titles, fontsize=8)
    first = {_line_of(point) for point in points_with(points, "first", True)}
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if line in first else "normal")
    axes.invert_yaxis()
    axes.set_xlim(-1.5, 101.5)
    axes.set_xlabel("accuracy in %, 95 % interval; dashed: best constant answer")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower right", ncols=len(forms), frameon=False)
    return figure


def _line_of(point: Point) -> tuple[str, str]:
    """Model and reading: the line on which a point is drawn."""
    return point["name"], point["reading"]


def _draw_readings(axes: Axes, in_form: Sequence[Point], heights: Sequence[float], place: int) -> None:
    """Draw the accuracies of one form; ``place`` among the forms decides marker and colour."""
    values = percentages(in_form, "value")
    axes.errorbar(
        values,
        heights,
        xerr=interval_halves(values, percentages(in_form, "low"), percentages(in_form, "high")),
        linestyle="",
        marker=MARKERS[place % len(MARKERS)],
        markersize=4,
        color=COLOURS[place % len(COLOURS)],
        label=figure_text(in_form[0]["form"]),
    )


@plain_texts
def reliability_figure(points: Sequence[Point]) -> Figure:
    """Share of entailment against its mean probability, a panel for each form.

    On the dashed diagonal a model is calibrated.
    """
    forms = distinct_values(points, "form")
    names = distinct_values(points, "name")
    width = 4.4 * len(forms) + 0.6
    # Without more height the names of many models would lie over the panels.
    names_below = max(0, len(names) - NAMES_BESIDE_PANELS)
    height = 4.6 + 0.1 * names_below  # two names to a line
    figure = Figure(figsize=(width, height), layout="constrained")
    panels: Any = figure.subplots(1, len(forms), squeeze=False, sharey=True)[0]
    for axes, form in zip(panels, forms, strict=True):
        axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
        for point in points_with(points, "form", form):
            place = names.index(point["name"])
            _draw_bins(axes, point, place)
        axes.set_xlabel("probability of entailment, mean of a bin")
        axes.set_title(figure_text(form), fontsize=10)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share of entailment")
    # A model may give probabilities in some forms alone, so that no panel by itself has all names.
    handle_of: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        handle_of |= dict(zip(labels, handles, strict=True))
    figure.legend(
        handle_of.values(), handle_of.keys(), loc="outside lower center", ncols=2, frameon=False, fontsize=9
    )
    return figure


def _draw_bins(axes: Axes, point: Point, place: int) -> None:
    """Draw the bins of one model; its ``place`` among the models decides marker and colour."""
    bins = point["bins"]
    axes.plot(
        [bar["probability"] for bar in bins],
        [bar["entailment"] for bar in bins],
        linewidth=1,
        markersize=4,
        marker=MARKERS[place % len(MARKERS)],
        color=COLOURS[place % len(COLOURS)],
        label=figure_text(point["name"]),
    )
