"""A finished run as trackers show it, and the words by which people find it there."""

from __future__ import annotations

from matplotlib.figure import Figure

from relsym.app.tracking.tracker import Final
from relsym.evaluation.score import Scores
from relsym.report.one_run.figure import SHOWN_COLUMNS, Bars, properties_figure, worst_rows
from relsym.runs.results import AnyResults


def final_of(results: AnyResults, scores: Scores, step: int) -> Final:
    """What a tracker shows of a finished run: numbers, a table of its worst rows and a figure by property.

    Args:
        scores: of the run's rows.  step: of the optimiser, at which the training ended.
    """
    model = results.accuracy_key

    def rows() -> tuple[str, list[str], list[list[str]]]:
        name = f"{results.score_on}/worst_property"
        return name, list(SHOWN_COLUMNS), worst_rows(scores.table(model))

    def figure() -> tuple[str, Figure]:
        name = f"{results.score_on}/by_property"
        title = f"{results.model}, {results.train_rows} training rows, seed {results.seed}"
        panels = [panel(scores, model, form) for form in scores.rows]
        return name, properties_figure(title, panels)

    return Final(results.metrics, results.measured, step, rows, figure)


def panel(scores: Scores, model: str, form: str) -> Bars:
    """One form: the model by property, and the shortcut that is best on all its rows, if there is any."""
    shortcuts = {}
    for name in scores.predictions:
        if name.startswith("shortcut/"):
            shortcuts[name] = scores.accuracy(name, form).value
    # Of equals the first.
    best = max(shortcuts, key=lambda name: shortcuts[name], default=None)
    accuracies, lows, highs, beside = {}, {}, {}, {}
    # A dictionary rather than a set: the properties stay in the order of the rows.
    for property in dict.fromkeys(row.property for row in scores.rows[form]):
        accuracy = scores.accuracy(model, form, property=property)
        accuracies[property] = accuracy.value
        lows[property] = accuracy.low
        highs[property] = accuracy.high
        if best is not None:
            beside[property] = scores.accuracy(best, form, property=property).value
    shortcut = None if best is None else best.removeprefix("shortcut/")
    return Bars(form, shortcut, accuracies, lows, highs, beside)
