"""Figures of evaluated models: accuracy of every reading, and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from matplotlib.figure import Figure

from relsym.report.figures.curves import COLOURS, MARKERS
from relsym.report.figures.points import Point
from relsym.report.scopes import Scope
from relsym.report.tables.models import name_of_model, read_models


def reading_points(scope: Scope) -> list[Point]:
    """Accuracy of every reading of every model, by form, with its interval and the best constant answer."""
    points = []
    for model in read_models(scope.runs):
        for form in scope.forms:
            interval = model.interval(form)
            points.append(
                {
                    "model": model.run.model,
                    "name": name_of_model(model.run, scope.runs),
                    "reading": model.name,
                    "form": form,
                    "value": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "first": model.first,
                    "constant": model.run.metrics[f"reference/constant/{form}"],
                }
            )
    return points


def reliability_points(scope: Scope) -> list[Point]:
    """The bins of the reading that stands for each model, where it gives probabilities."""
    points = []
    for run in scope.runs:
        name = f"{name_of_model(run, scope.runs)} ({run.reading})"
        for form, bins in run.reliability.get(run.reading, {}).items():
            points.append(
                {
                    "model": run.model,
                    "name": name,
                    "form": form,
                    "bins": [msgspec.to_builtins(one) for one in bins],
                }
            )
    return points


def models_figure(points: Sequence[Point]) -> Figure:
    """A line for each reading, a marker with its interval for each form; the dashed lines are the best
    constant answers.
    """
    forms = list(dict.fromkeys(point["form"] for point in points))
    lines = list(dict.fromkeys((point["name"], point["reading"]) for point in points))
    figure = Figure(figsize=(8, 1.2 + 0.3 * len(lines)), layout="constrained")
    axes = figure.add_subplot()
    for place, form in enumerate(forms):
        of_form = [point for point in points if point["form"] == form]
        offset = (0.4 / len(forms)) * (place - (len(forms) - 1) / 2)
        heights = [lines.index((point["name"], point["reading"])) + offset for point in of_form]
        values = [100 * point["value"] for point in of_form]
        errors = [
            [value - 100 * point["low"] for value, point in zip(values, of_form, strict=True)],
            [100 * point["high"] - value for value, point in zip(values, of_form, strict=True)],
        ]
        axes.errorbar(
            values,
            heights,
            xerr=errors,
            linestyle="",
            marker=MARKERS[place % len(MARKERS)],
            markersize=4,
            color=COLOURS[place % len(COLOURS)],
            label=form,
        )
        axes.axvline(100 * of_form[0]["constant"], color="grey", linestyle="--", linewidth=1)
    axes.set_yticks(
        range(len(lines)), [f"{name}, {reading}" for name, reading in lines], fontsize=8, parse_math=False
    )
    first = {(point["name"], point["reading"]) for point in points if point["first"]}
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if line in first else "normal")
    axes.invert_yaxis()
    axes.set_xlim(-1.5, 101.5)
    axes.set_xlabel("accuracy in %, 95 % interval; dashed: best constant answer")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower right", ncols=len(forms), frameon=False)
    return figure


def reliability_figure(points: Sequence[Point]) -> Figure:
    """Share of entailment against its mean probability, a panel for each form; on the diagonal a model is
    calibrated.
    """
    forms = list(dict.fromkeys(point["form"] for point in points))
    names = list(dict.fromkeys(point["name"] for point in points))
    figure = Figure(figsize=(4.4 * len(forms) + 0.6, 4.6), layout="constrained")
    panels: Any = figure.subplots(1, len(forms), squeeze=False, sharey=True)[0]
    for axes, form in zip(panels, forms, strict=True):
        axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
        for point in (point for point in points if point["form"] == form):
            place = names.index(point["name"])
            axes.plot(
                [one["probability"] for one in point["bins"]],
                [one["entailment"] for one in point["bins"]],
                linewidth=1,
                markersize=4,
                marker=MARKERS[place % len(MARKERS)],
                color=COLOURS[place % len(COLOURS)],
                label=point["name"],
            )
        axes.set_xlabel("probability of entailment, mean of a bin")
        axes.set_title(form, fontsize=10)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share of entailment")
    known = {
        text: handle
        for axes in panels
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    legend = figure.legend(
        known.values(), known.keys(), loc="outside lower center", ncols=2, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure
