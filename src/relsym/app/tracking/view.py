"""A finished run as trackers show it, and the words by which people find it there."""

from __future__ import annotations

from matplotlib.figure import Figure

from relsym.app.tracking.tracker import Final
from relsym.evaluation.score import Scores
from relsym.report.one_run.figure import SHOWN_COLUMNS, Bars, properties_figure, worst_rows
from relsym.runs.results import AnyResults


def final_of(results: AnyResults, scores: Scores, step: int) -> Final:
    """What the results say in numbers, a figure and a table."""
    model = results.accuracy_key

    def rows() -> tuple[str, list[str], list[list[str]]]:
        return f"{results.score_on}/worst_property", list(SHOWN_COLUMNS), worst_rows(scores.table(model))

    def figure() -> tuple[str, Figure]:
        title = f"{results.model}, {results.train_rows} training rows, seed {results.seed}"
        return f"{results.score_on}/by_property", properties_figure(
            title, [panel(scores, model, form) for form in scores.rows]
        )

    return Final(results.metrics, results.measured, step, rows, figure)


def panel(scores: Scores, model: str, form: str) -> Bars:
    """One form: the model by property, and the shortcut that is best on all its rows."""
    shortcuts = {
        name: scores.accuracy(name, form).value for name in scores.predictions if name.startswith("shortcut/")
    }
    best = max(shortcuts, key=lambda name: shortcuts[name])
    properties = dict.fromkeys(row.property for row in scores.rows[form])
    own = {name: scores.accuracy(model, form, property=name) for name in properties}
    return Bars(
        form,
        best.removeprefix("shortcut/"),
        {name: found.value for name, found in own.items()},
        {name: found.low for name, found in own.items()},
        {name: found.high for name, found in own.items()},
        {name: scores.accuracy(best, form, property=name).value for name in properties},
    )
