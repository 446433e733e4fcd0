"""Static figures, drawn without a display: every reader beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from relsym.data.pairs import FORMS
from relsym.report.tables.readers import TITLES, Line

# One for each column of a table: two forms, or two kinds of each.
STYLES = (("o", "#1b6ca8"), ("D", "#d9822b"), ("s", "#2c8c5a"), ("^", "#8e4585"))
# Names may hold dollar signs; the ids in an SVG must not change from run to run.
STYLE = {"text.parse_math": False, "svg.hashsalt": "relsym", "svg.fonttype": "none"}


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the path's ending names."""
    FigureCanvasAgg(figure)
    with rc_context(STYLE):
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def accuracy_figure(title: str, lines: Sequence[Line]) -> Figure:
    """A measure of every reader, one marker a column, with intervals (one seed) or the range over seeds; the
    dashed line is chance.

    Of several numbers of samples the highest is drawn. Group accuracy has no dashed line: one constant answer
    has no group right.
    """
    highest = max(line.samples for line in lines)
    lines = [line for line in lines if line.samples == highest]
    forms = list(lines[0].values)
    figure = Figure(figsize=(8, 1.2 + 0.42 * len(lines)), layout="constrained")
    axes = figure.add_subplot()
    for offset, form in enumerate(forms):
        marker, colour = STYLES[offset % len(STYLES)]
        for row, line in enumerate(lines):
            centre, (low, high) = 100 * mean(line.values[form]), _range(line, form)
            height = row + (0.36 / len(forms)) * (offset - (len(forms) - 1) / 2)
            axes.plot([100 * low, 100 * high], [height, height], color=colour, linewidth=1.5)
            axes.plot(
                centre, height, marker=marker, color=colour, linestyle="", label=form if row == 0 else None
            )
    if not title.startswith(TITLES["groups"]):
        axes.axvline(
            100 / (2 if all(form.startswith(FORMS) for form in forms) else 3),
            color="grey",
            linestyle="--",
            linewidth=1,
        )
    axes.set_yticks(
        range(len(lines)), [f"{line.reader}, n = {line.samples}" for line in lines], parse_math=False
    )
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if line.retrained else "normal")
    axes.invert_yaxis()
    axes.set_xlim(right=101.5)
    axes.set_xlabel(title.partition(",")[0])
    figure.suptitle(title, fontsize=10, parse_math=False)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower right", ncols=len(forms), frameon=False)
    return figure


def _range(line: Line, form: str) -> tuple[float, float]:
    values = line.values[form]
    return (min(values), max(values)) if len(values) > 1 else line.intervals.get(form, (values[0], values[0]))
