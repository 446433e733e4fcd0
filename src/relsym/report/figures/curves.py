"""Static figures of what changes with the number of training samples."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from relsym.report.figures.points import Point, front_line

# An objective has a colour, and a marker for those who see few colours; an encoder has a kind of line. The
# page draws the same.
COLOURS = ("#2f6fdb", "#d9822b", "#2c9c69", "#a05195", "#c8483d", "#5b7083", "#9a7d0a", "#1797a6")
# From all wrong over half to all right.
SCALE = ((0.0, "#c2571a"), (0.5, "#f4ead9"), (1.0, "#2f6fb5"))
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
LINES = ("-", ":", "-.", "--")


def curve_names(points: Sequence[Point]) -> list[tuple[str, str]]:
    """Objective and model of every curve."""
    return list(dict.fromkeys((point["objective"], point["model"]) for point in points))


def style(name: tuple[str, str], points: Sequence[Point]) -> dict[str, Any]:
    """How a curve is drawn."""
    objective, model = (
        list(dict.fromkeys(one[place] for one in curve_names(points))).index(name[place]) for place in (0, 1)
    )
    return {
        "color": COLOURS[objective % len(COLOURS)],
        "marker": MARKERS[objective % len(MARKERS)],
        "linestyle": LINES[model % len(LINES)],
        "markersize": 4,
        "label": curve_title(name, points),
    }


def curve_title(name: tuple[str, str], points: Sequence[Point]) -> str:
    """A curve's name: the model is left out where there is one alone."""
    return name[0] if len({model for _, model in curve_names(points)}) == 1 else f"{name[0]}, {name[1]}"


def curves_figure(points: Sequence[Point], shortcuts: Sequence[Point]) -> Figure:
    """Accuracy against training samples, one panel a form: mean over the seeds, the band from the lowest to
    the highest seed.
    """
    forms, whole = (
        list(dict.fromkeys(point["form"] for point in points)),
        [point for point in points if not point["property"]],
    )
    figure = Figure(figsize=(4.6 * len(forms) + 0.6, 4.4), layout="constrained")
    panels: Any = figure.subplots(1, len(forms), squeeze=False, sharey=True)[0]
    for axes, form in zip(panels, forms, strict=True):
        for name in curve_names(whole):
            curve = [
                point
                for point in whole
                if (point["objective"], point["model"]) == name and point["form"] == form
            ]
            samples, drawn = [point["samples"] for point in curve], style(name, whole)
            low, middle, high = ([100 * of(point["values"]) for point in curve] for of in (min, mean, max))
            axes.plot(samples, middle, **drawn)
            axes.fill_between(samples, low, high, color=drawn["color"], alpha=0.15, linewidth=0)
        best = [point for point in shortcuts if point["form"] == form]
        axes.plot(
            [point["samples"] for point in best],
            [100 * point["value"] for point in best],
            color="grey",
            linestyle="--",
            linewidth=1.2,
            label="best shortcut",
        )
        _samples_axis(axes, whole)
        axes.set_title(form, fontsize=10)
    panels[0].set_ylabel("accuracy in %")
    return _with_legend(figure, panels[0])


def _with_legend(figure: Figure, axes: Axes) -> Figure:
    """The curves' names below the panels, as they read: names may hold dollar signs."""
    legend = figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def _samples_axis(axes: Axes, points: Sequence[Point]) -> None:
    """A logarithmic axis with a tick at every number of samples that was run."""
    samples = sorted({point["samples"] for point in points})
    axes.set_xscale("log")
    axes.set_xticks(samples, list(map(str, samples)))
    axes.set_xticks([], minor=True)
    axes.set_xlabel("training samples")
    axes.grid(alpha=0.3)


def heat_figure(points: Sequence[Point]) -> Figure:
    """Accuracy by property and training samples, one panel an objective, mean over seeds and forms."""
    of_property = [point for point in points if point["property"]]
    names, properties = (
        curve_names(of_property),
        list(dict.fromkeys(point["property"] for point in of_property)),
    )
    samples = sorted({point["samples"] for point in of_property})
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(4.6 * columns + 1, (0.27 * len(properties) + 1) * rows), layout="constrained")
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    image = None
    for axes, name in zip(panels.flat, names, strict=False):
        grid = [[_level(of_property, name, property, n) for n in samples] for property in properties]
        image = axes.imshow(
            grid, vmin=0, vmax=100, cmap=LinearSegmentedColormap.from_list("relsym", SCALE), aspect="auto"
        )
        axes.set_xticks(range(len(samples)), list(map(str, samples)))
        axes.set_yticks(range(len(properties)), properties, fontsize=8, parse_math=False)
        axes.set_title(curve_title(name, of_property), fontsize=10, parse_math=False)
    for axes in list(panels.flat)[len(names) :]:
        axes.set_axis_off()
    figure.colorbar(image, ax=panels, label="accuracy in %, mean over forms and seeds", shrink=0.6)
    figure.supxlabel("training samples", fontsize=10)
    return figure


def _level(points: Sequence[Point], name: tuple[str, str], property: str, samples: int) -> float:
    values = [
        mean(point["values"])
        for point in points
        if (point["objective"], point["model"], point["property"], point["samples"])
        == (*name, property, samples)
    ]
    return 100 * mean(values) if values else float("nan")


def cost_figure(points: Sequence[Point]) -> Figure:
    """Seconds of training and peak memory against training samples."""
    shown = [
        (key, label)
        for key, label in (("seconds", "seconds of training"), ("memory", "peak memory in GiB"))
        if any(key in point for point in points)
    ]
    figure = Figure(figsize=(4.6 * len(shown) + 0.6, 4), layout="constrained")
    panels: Any = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (key, label) in zip(panels, shown, strict=True):
        for name in curve_names(points):
            curve = [
                point for point in points if (point["objective"], point["model"]) == name and key in point
            ]
            axes.plot(
                [point["samples"] for point in curve], [point[key] for point in curve], **style(name, points)
            )
        _samples_axis(axes, points)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
    return _with_legend(figure, panels[0])


def forgetting_figure(points: Sequence[Point]) -> Figure:
    """Accuracy against the drop on what the encoder knew before, one marker a run; the line joins the means
    on the Pareto front.
    """
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name in curve_names(points):
        of_name = [point for point in points if (point["objective"], point["model"]) == name]
        axes.plot(
            [100 * point["drop"] for point in of_name],
            [100 * point["accuracy"] for point in of_name],
            **{**style(name, points), "linestyle": ""},
        )
    front = front_line(points)
    axes.plot(
        [100 * drop for drop, _ in front],
        [100 * accuracy for _, accuracy in front],
        color="grey",
        linestyle="--",
        linewidth=1,
        drawstyle="steps-post",
        zorder=0,
        label="Pareto front (means over seeds)",
    )
    axes.set_xlabel("forgetting: drop in points")
    axes.set_ylabel("accuracy in %, mean over the forms")
    axes.grid(alpha=0.3)
    return _with_legend(figure, axes)
