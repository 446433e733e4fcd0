"""What a tracker shows of one run: a figure by property, and the rows of the property known worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from relsym.report.figures.intervals import interval_halves
from relsym.report.figures.texts import figure_text, plain_texts

MODEL, SHORTCUT = "#1b6ca8", "#9a9a9a"
SHOWN_COLUMNS = ("form", "property", "premise", "hypothesis", "label", "prediction")
MOST_ROWS, LONGEST_NAME = 200, 14


class Bars(NamedTuple):
    """One panel of the figure: a form, by property.

    shortcut: the one with the highest accuracy on all rows of the form; None: there is none.  model, beside:
    accuracy in [0, 1] by property, of the model and of that shortcut.  low, high: the model's 95 % interval.
    """

    form: str
    shortcut: str | None
    model: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    beside: Mapping[str, float]


@plain_texts
def properties_figure(title: str, panels: Sequence[Bars]) -> Figure:
    """Accuracy in % by property, one panel a form.

    Horizontal bars are the model with its interval, a mark on the same row is the best shortcut.
    """
    names = list(panels[0].model)  # every form asks for the same facts
    height = 1.6 + 0.27 * len(names)
    width = 4.4 * len(panels) + 1
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    all_axes: Any = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(all_axes, panels, strict=True):
        _draw_panel(axes, panel, names)
    # The panels share this axis, so that one turn puts the first property on top in all of them.
    all_axes[-1].invert_yaxis()
    figure.suptitle(figure_text(title), fontsize=10)
    # Margins above and below in inches, so that they stay the same however many properties there are.
    figure.subplots_adjust(left=0.12, right=0.98, bottom=0.55 / height, top=1 - 0.65 / height, wspace=0.06)
    return figure


def _draw_panel(axes: Axes, panel: Bars, names: Sequence[str]) -> None:
    """Draw a bar and a mark for each of the named properties."""
    places = range(len(names))
    values = [100 * panel.model[name] for name in names]
    lows = [100 * panel.low[name] for name in names]
    highs = [100 * panel.high[name] for name in names]
    axes.barh(
        places,
        values,
        xerr=interval_halves(values, lows, highs),
        color=MODEL,
        height=0.6,
        ecolor="black",
        error_kw={"elinewidth": 0.8},
        label="model",
    )
    if panel.shortcut is not None:
        axes.plot(
            [100 * panel.beside[name] for name in names],
            places,
            marker="D",
            linestyle="",
            color=SHORTCUT,
            markeredgecolor="black",
            label=figure_text(f"best shortcut: {panel.shortcut}"),
        )
    labels = [figure_text(name[:LONGEST_NAME]) for name in names]
    axes.set_yticks(places, labels)
    axes.set_xlim(-1.5, 101.5)
    axes.set_xlabel(figure_text(f"accuracy in %, {panel.form}"))
    axes.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)


def worst_rows(predictions: Mapping[str, Sequence[Any]]) -> list[list[str]]:
    """The rows of the worst property in the form scored worst, errors first.

    The worst is what has the lowest accuracy; of equals, the one that comes first.

    Args:
        predictions: the columns of ``predictions.parquet``.

    Returns:
        At most ``MOST_ROWS`` rows, each with the text of ``SHOWN_COLUMNS``.
    """
    forms = predictions["form"]
    properties = predictions["property"]
    correct = predictions["correct"]
    worst_form = _worst(forms, correct)
    in_form = []
    for row, form in enumerate(forms):
        if form == worst_form:
            in_form.append(row)
    properties_in_form = [properties[row] for row in in_form]
    correct_in_form = [correct[row] for row in in_form]
    worst_property = _worst(properties_in_form, correct_in_form)
    chosen = [row for row in in_form if properties[row] == worst_property]
    chosen.sort(key=lambda row: correct[row])  # False sorts before True
    shown = []
    for row in chosen[:MOST_ROWS]:
        texts = [str(predictions[column][row]) for column in SHOWN_COLUMNS]
        shown.append(texts)
    return shown


def _worst(keys: Sequence[str], correct: Sequence[bool]) -> str:
    """The key with the lowest share of correct rows."""
    answers_of: dict[str, list[bool]] = {}
    for key, answer in zip(keys, correct, strict=True):
        answers_of.setdefault(key, []).append(answer)
    accuracies = {}
    for key, answers in answers_of.items():
        accuracies[key] = sum(answers) / len(answers)
    return min(accuracies, key=lambda key: accuracies[key])
