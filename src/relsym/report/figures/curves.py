"""Static figures of what changes with the number of training samples."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from relsym.report.figures.points import (
    Point,
    distinct_values,
    front_line,
    percentages,
    point_values,
    points_with,
)
from relsym.report.figures.texts import figure_text, plain_texts

# An objective has a colour, and a marker for those who see few colours; an encoder has a kind of line. The
# page draws the same.
COLOURS = ("#2f6fdb", "#d9822b", "#2c9c69", "#a05195", "#c8483d", "#5b7083", "#9a7d0a", "#1797a6")
# From all wrong over half to all right.
SCALE = ((0.0, "#c2571a"), (0.5, "#f4ead9"), (1.0, "#2f6fb5"))
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
LINES = ("-", ":", "-.", "--")
# What the cost figure may show: key of a point -> label of its axis.
_COST_LABELS = {"seconds": "seconds of training", "memory": "peak memory in GiB"}
# Objective and model.
_CurveName = tuple[str, str]


def curve_names(points: Sequence[Point]) -> list[_CurveName]:
    """Objective and model of every curve, each pair once, in the order of the points."""
    names = [_curve_of(point) for point in points]
    return list(dict.fromkeys(names))


def _curve_of(point: Point) -> _CurveName:
    """The curve that a point belongs to."""
    return point["objective"], point["model"]


def _points_on(name: _CurveName, points: Sequence[Point]) -> list[Point]:
    """The points that belong to one curve."""
    return [point for point in points if _curve_of(point) == name]


def style(name: _CurveName, points: Sequence[Point]) -> dict[str, Any]:
    """The arguments of ``Axes.plot`` for the curve of an objective and a model.

    Colour and marker are the objective's, the kind of line is the model's, each by its place among those of
    ``points``.
    """
    objective, model = name
    objective_place = distinct_values(points, "objective").index(objective)
    model_place = distinct_values(points, "model").index(model)
    return {
        "color": COLOURS[objective_place % len(COLOURS)],
        "marker": MARKERS[objective_place % len(MARKERS)],
        "linestyle": LINES[model_place % len(LINES)],
        "markersize": 4,
        "label": curve_title(name, points),
    }


def curve_title(name: _CurveName, points: Sequence[Point]) -> str:
    """A curve's name in a legend: its objective, and its model where the points have several."""
    objective, model = name
    if len(distinct_values(points, "model")) == 1:
        return figure_text(objective)
    return figure_text(f"{objective}, {model}")


@plain_texts
def curves_figure(points: Sequence[Point], shortcuts: Sequence[Point]) -> Figure:
    """Accuracy in % against training samples, one panel a form.

    A curve is the mean over the seeds, its band goes from the lowest to the highest seed. The dashed line is
    the best shortcut.
    """
    forms = distinct_values(points, "form")
    overall = points_with(points, "property", "")
    figure, panels = _row_of_panels(len(forms), height=4.4, share_y=True)
    for axes, form in zip(panels, forms, strict=True):
        in_form = points_with(overall, "form", form)
        for name in curve_names(overall):
            # The style is that of the whole figure, so that a curve looks the same in every panel.
            look = style(name, overall)
            _draw_curve(axes, _points_on(name, in_form), look)
        _draw_shortcuts(axes, points_with(shortcuts, "form", form))
        _samples_axis(axes, overall)
        axes.set_title(figure_text(form), fontsize=10)
    panels[0].set_ylabel("accuracy in %")
    return _with_legend(figure, panels[0])


def _row_of_panels(number: int, height: float, share_y: bool = False) -> tuple[Figure, Any]:
    """A figure of so many panels side by side, ``height`` inches high, and an array of its axes."""
    width = 4.6 * number + 0.6
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(1, number, squeeze=False, sharey=share_y)
    return figure, panels[0]


def _draw_curve(axes: Axes, curve: Sequence[Point], look: dict[str, Any]) -> None:
    """Draw the mean over the seeds, and the band of all seeds."""
    samples = point_values(curve, "samples")
    lowest, means, highest = [], [], []
    for point in curve:
        accuracies = point["values"]
        lowest.append(100 * min(accuracies))
        means.append(100 * mean(accuracies))
        highest.append(100 * max(accuracies))
    axes.plot(samples, means, **look)
    axes.fill_between(samples, lowest, highest, color=look["color"], alpha=0.15, linewidth=0)


def _draw_shortcuts(axes: Axes, shortcuts: Sequence[Point]) -> None:
    """Draw the accuracy of the best shortcut at each number of samples."""
    axes.plot(
        point_values(shortcuts, "samples"),
        percentages(shortcuts, "value"),
        color="grey",
        linestyle="--",
        linewidth=1.2,
        label="best shortcut",
    )


def _with_legend(figure: Figure, axes: Axes) -> Figure:
    """Add the names of the curves below the panels, and return the figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _samples_axis(axes: Axes, points: Sequence[Point]) -> None:
    """Make the horizontal axis logarithmic, with a tick at every number of samples that was run."""
    samples = sorted(distinct_values(points, "samples"))
    labels = [str(number) for number in samples]
    axes.set_xscale("log")
    axes.set_xticks(samples, labels)
    axes.set_xticks([], minor=True)  # a logarithmic axis would have some of its own
    axes.set_xlabel("training samples")
    axes.grid(alpha=0.3)


@plain_texts
def heat_figure(points: Sequence[Point]) -> Figure:
    """Accuracy in % by property and training samples, one panel a curve, mean over seeds and forms."""
    of_properties = [point for point in points if point["property"]]
    names = curve_names(of_properties)
    properties = distinct_values(of_properties, "property")
    property_labels = [figure_text(property) for property in properties]
    samples = sorted(distinct_values(of_properties, "samples"))
    columns = min(2, len(names))
    rows = -(-len(names) // columns)  # rounded up
    width = 4.6 * columns + 1
    height = (0.27 * len(properties) + 1) * rows
    figure = Figure(figsize=(width, height), layout="constrained")
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    colours = LinearSegmentedColormap.from_list("relsym", SCALE)
    image = None
    # Not strict: an odd number of curves leaves the last panel empty.
    for axes, name in zip(panels.flat, names, strict=False):
        grid = _heat_grid(_points_on(name, of_properties), properties, samples)
        image = axes.imshow(grid, vmin=0, vmax=100, cmap=colours, aspect="auto")
        labels = [str(number) for number in samples]
        axes.set_xticks(range(len(samples)), labels)
        axes.set_yticks(range(len(properties)), property_labels, fontsize=8)
        axes.set_title(curve_title(name, of_properties), fontsize=10)
    for axes in panels.flat[len(names) :]:
        axes.set_axis_off()
    # Every panel has the same scale, so that the colours of the last one explain all of them.
    figure.colorbar(image, ax=panels, label="accuracy in %, mean over forms and seeds", shrink=0.6)
    figure.supxlabel("training samples", fontsize=10)
    return figure


def _heat_grid(
    curve: Sequence[Point], properties: Sequence[str], samples: Sequence[int]
) -> list[list[float]]:
    """The accuracies of one curve in %: a row for each property, a column for each number of samples."""
    grid = []
    for property in properties:
        of_property = points_with(curve, "property", property)
        levels = [_level(of_property, number) for number in samples]
        grid.append(levels)
    return grid


def _level(points: Sequence[Point], samples: int) -> float:
    """The mean accuracy in % of the points with so many samples; NaN, an empty field, without any."""
    at_samples = points_with(points, "samples", samples)
    accuracies = [mean(point["values"]) for point in at_samples]
    if not accuracies:
        return float("nan")
    return 100 * mean(accuracies)


@plain_texts
def cost_figure(points: Sequence[Point]) -> Figure:
    """Seconds of training and peak memory against training samples, one panel for each that was measured."""
    measured = []
    for key in _COST_LABELS:
        if any(key in point for point in points):
            measured.append(key)
    figure, panels = _row_of_panels(len(measured), height=4.0)
    for axes, key in zip(panels, measured, strict=True):
        with_cost = [point for point in points if key in point]
        for name in curve_names(points):
            curve = _points_on(name, with_cost)
            samples = point_values(curve, "samples")
            costs = point_values(curve, key)
            axes.plot(samples, costs, **style(name, points))
        _samples_axis(axes, points)
        axes.set_ylabel(_COST_LABELS[key])
        axes.set_ylim(bottom=0)
    return _with_legend(figure, panels[0])


@plain_texts
def forgetting_figure(points: Sequence[Point]) -> Figure:
    """Accuracy against the drop on what the encoder knew before, one marker a run.

    The line joins the settings (means over seeds) on the Pareto front.
    """
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name in curve_names(points):
        runs = _points_on(name, points)
        drops = percentages(runs, "drop")
        accuracies = percentages(runs, "accuracy")
        look = style(name, points)
        look["linestyle"] = ""  # a line from run to run would mean nothing
        axes.plot(drops, accuracies, **look)
    _draw_front(axes, points)
    axes.set_xlabel("forgetting: drop in points")
    axes.set_ylabel("accuracy in %, mean over the forms")
    axes.grid(alpha=0.3)
    return _with_legend(figure, axes)


def _draw_front(axes: Axes, points: Sequence[Point]) -> None:
    """Draw the line between the settings that no other one beats in both drop and accuracy."""
    drops, accuracies = [], []
    for drop, accuracy in front_line(points):
        drops.append(100 * drop)
        accuracies.append(100 * accuracy)
    axes.plot(
        drops,
        accuracies,
        color="grey",
        linestyle="--",
        linewidth=1,
        drawstyle="steps-post",
        zorder=0,
        label="Pareto front (means over seeds)",
    )
