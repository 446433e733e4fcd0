"""Static figures, drawn without a display: every reader beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from relsym.data.pairs import FORMS
from relsym.report.figures.texts import figure_text, plain_texts
from relsym.report.tables.readers import BY_KIND, TITLES, Line

# One for each column of a table: two forms, or two or three kinds of each.
STYLES = (
    ("o", "#1b6ca8"),
    ("D", "#d9822b"),
    ("s", "#2c8c5a"),
    ("^", "#8e4585"),
    ("v", "#b03a2e"),
    ("P", "#5d6d7e"),
)
# Names may hold dollar signs; the ids in an SVG must not change from run to run.
STYLE = {"text.parse_math": False, "svg.hashsalt": "relsym", "svg.fonttype": "none"}

DOTS_PER_INCH = 150
# No side of an image has more, for Matplotlib refuses 2^16: a line for each of very many models comes there.
MOST_DOTS = 60_000


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the path's ending names, the same bytes for the same figure."""
    FigureCanvasAgg(figure)
    # An SVG would hold the time at which it was written, and differ from one report to the next.
    metadata = {"Date": None} if path.suffix == ".svg" else None
    with rc_context(STYLE):
        dots = min(DOTS_PER_INCH, MOST_DOTS / max(figure.get_size_inches()))
        figure.savefig(path, dpi=dots, metadata=metadata)


@plain_texts
def accuracy_figure(title: str, lines: Sequence[Line]) -> Figure:
    """A measure of every reader in %, one marker a column, with its interval (one seed) or range (seeds).

    Of several numbers of samples the highest is drawn. The dashed line is chance; shares of facts have none,
    for one constant answer has no group right, and of roles those of symmetric relations alone.
    """
    highest = max(line.samples for line in lines)
    lines = [line for line in lines if line.samples == highest]
    forms = list(lines[0].values)
    figure_height = 1.2 + 0.42 * len(lines)
    figure = Figure(figsize=(8, figure_height), layout="constrained")
    axes = figure.add_subplot()
    # The markers of one reader lie within 0.36 of a line, around its middle.
    step = 0.36 / len(forms)
    middle = (len(forms) - 1) / 2
    for place, form in enumerate(forms):
        marker, colour = STYLES[place % len(STYLES)]
        offset = step * (place - middle)
        for row, line in enumerate(lines):
            height = row + offset
            low, high = _range(line, form)  # not symmetric around the mean, so it is drawn as a line
            centre = 100 * mean(line.values[form])
            axes.plot([100 * low, 100 * high], [height, height], color=colour, linewidth=1.5)
            axes.plot(
                centre,
                height,
                marker=marker,
                color=colour,
                linestyle="",
                label=figure_text(form) if row == 0 else None,  # the legend names each form once
            )
    if not title.startswith(tuple(TITLES[measure] for measure in BY_KIND)):
        axes.axvline(_chance(forms), color="grey", linestyle="--", linewidth=1)
    titles = [figure_text(f"{line.reader}, n = {line.samples}") for line in lines]
    axes.set_yticks(range(len(lines)), titles)
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if line.retrained else "normal")
    axes.invert_yaxis()
    axes.set_xlim(right=101.5)
    axes.set_xlabel(title.partition(",")[0])
    figure.suptitle(figure_text(title), fontsize=10)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower right", ncols=len(forms), frameon=False)
    return figure


def _range(line: Line, form: str) -> tuple[float, float]:
    """Lowest and highest seed; of one seed the interval of its rows, which is its value if it has none."""
    values = line.values[form]
    if len(values) > 1:
        return min(values), max(values)
    value = values[0]
    return line.intervals.get(form, (value, value))


def _chance(forms: Sequence[str]) -> float:
    """What guessing scores in %: the benchmark's own forms have two labels, any other (NLI) has three."""
    if all(form.startswith(FORMS) for form in forms):
        return 100 / 2
    return 100 / 3
