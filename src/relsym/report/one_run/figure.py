"""What a tracker shows of one run: accuracy by property beside the best shortcut, and the rows of the
property known worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

MODEL, SHORTCUT = "#1b6ca8", "#9a9a9a"
SHOWN_COLUMNS = ("form", "property", "premise", "hypothesis", "label", "prediction")
MOST_ROWS, LONGEST_NAME = 200, 14


class Bars(NamedTuple):
    """One panel of the figure: a form, by property.

    shortcut: the one with the highest accuracy on all rows of the form.  model, beside: accuracy in [0, 1] by
    property, of the model and of that shortcut.  low, high: the model's 95 % interval.
    """

    form: str
    shortcut: str
    model: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    beside: Mapping[str, float]


def properties_figure(title: str, panels: Sequence[Bars]) -> Figure:
    """Horizontal bars, one panel a form: the model with its interval, the best shortcut as a mark on the same
    row.
    """
    names = list(panels[0].model)  # every form asks for the same facts
    height = 1.6 + 0.27 * len(names)
    figure = Figure(figsize=(4.4 * len(panels) + 1, height))
    FigureCanvasAgg(figure)
    for axes, panel in zip(
        figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True
    ):
        places, values = range(len(names)), [100 * panel.model[name] for name in names]
        errors = [
            [value - 100 * panel.low[name] for name, value in zip(names, values, strict=True)],
            [100 * panel.high[name] - value for name, value in zip(names, values, strict=True)],
        ]
        axes.barh(
            places,
            values,
            xerr=errors,
            color=MODEL,
            height=0.6,
            ecolor="black",
            error_kw={"elinewidth": 0.8},
            label="model",
        )
        axes.plot(
            [100 * panel.beside[name] for name in names],
            places,
            marker="D",
            linestyle="",
            color=SHORTCUT,
            markeredgecolor="black",
            label=f"best shortcut: {panel.shortcut}",
        )
        axes.set_yticks(places, [name[:LONGEST_NAME] for name in names])
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel(f"accuracy in %, {panel.form}")
        axes.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    axes.invert_yaxis()
    figure.suptitle(title, fontsize=10)
    figure.subplots_adjust(left=0.12, right=0.98, bottom=0.55 / height, top=1 - 0.65 / height, wspace=0.06)
    return figure


def worst_rows(predictions: Mapping[str, Sequence[Any]]) -> list[list[str]]:
    """Of the form scored worst, the rows of the property with the lowest accuracy: ``SHOWN_COLUMNS``, errors
    first, at most ``MOST_ROWS``.

    ``predictions``: the columns of ``predictions.parquet``. Of equals, the one that comes first.
    """
    form = _worst(predictions["form"], predictions["correct"])
    rows = [row for row in range(len(predictions["form"])) if predictions["form"][row] == form]
    worst = _worst(
        [predictions["property"][row] for row in rows], [predictions["correct"][row] for row in rows]
    )
    chosen = sorted(
        (row for row in rows if predictions["property"][row] == worst),
        key=lambda row: predictions["correct"][row],
    )
    return [[str(predictions[column][row]) for column in SHOWN_COLUMNS] for row in chosen[:MOST_ROWS]]


def _worst(keys: Sequence[str], correct: Sequence[bool]) -> str:
    right: dict[str, list[bool]] = {}
    for key, answer in zip(keys, correct, strict=True):
        right.setdefault(key, []).append(answer)
    return min(right, key=lambda key: sum(right[key]) / len(right[key]))
