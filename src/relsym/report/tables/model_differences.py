"""Which differences between models are more than chance, on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from relsym.evaluation.paired import RESAMPLES, holm, interval_and_p, mcnemar, means, resampling
from relsym.report.scopes import Scope
from relsym.report.tables.cells import (
    Cell,
    Table,
    TableRow,
    count,
    followed_columns,
    number_columns,
    text_cells,
    text_columns,
)
from relsym.report.tables.differences import (
    ALPHA,
    POOLED,
    check_rows,
    compared_forms,
    interval_cell,
    p_cell,
    points_text,
    rows_of_form,
)
from relsym.report.tables.models import names_of_models
from relsym.runs.predictions import read_answers
from relsym.runs.results import EvaluateResults

DIFFERENCE_COLUMNS = (
    *text_columns("first", "second", "form"),
    *followed_columns("first - second, points"),
    *text_columns("95 % interval"),
    *number_columns("only first right", "only second right", "p, McNemar", "p, bootstrap", "p, Holm"),
    *text_columns("beyond chance"),
)
DIFFERENCE_NOTES = (
    "Of each model the reading that stands for it. Interval and bootstrap p: facts (with all their rows) "
    f"drawn with replacement {RESAMPLES:,} times, the same draws for all. McNemar's exact test takes rows as "
    "independent. Holm's correction of the bootstrap p over all comparisons of the same form; beyond chance: "
    f"corrected p below {ALPHA}.",
)


# With more models than these, people are shown the differences to one of them; the CSV file holds all pairs.
MODELS_IN_PAIRS = 20


class Answered(NamedTuple):
    """Models that answered the same rows.

    runs: of each model.
    correct: 1 or 0, [models, rows].
    forms, facts: the form, and the number of the fact, of each row, [rows].
    """

    runs: list[EvaluateResults]
    correct: ndarray
    forms: ndarray
    facts: ndarray


class ModelContrast(NamedTuple):
    """Two models in one form (or all).

    one, two: their runs.
    value: the difference in accuracy, in [-1, 1].
    interval: of 95 %.
    p_value, corrected: of the bootstrap, and with Holm's correction.
    only: how many rows the first model alone has right, and the second alone.
    """

    one: EvaluateResults
    two: EvaluateResults
    form: str
    value: float
    interval: tuple[float, float]
    p_value: float
    corrected: float
    only: tuple[int, int]

    def turned(self) -> ModelContrast:
        """The second model against the first."""
        low, high = self.interval
        only_first, only_second = self.only
        return self._replace(
            one=self.two,
            two=self.one,
            value=0 - self.value,  # no minus in front of nothing
            interval=(0 - high, 0 - low),
            only=(only_second, only_first),
        )


def differences_table(scope: Scope) -> Table | None:
    """Every pair of models on the same rows; None if fewer than two have predictions.

    Of more than ``MODELS_IN_PAIRS`` models people are shown how far each is behind the best one.

    Raises:
        ValueError: a run's predictions cannot be used, or answer other rows than another run's.
    """
    answered = _answered(scope)
    if answered is None:
        return None
    names = names_of_models(scope.runs)
    contrasts = list(_contrasts(answered, compared_forms(scope)))
    rows = tuple(_row(contrast, names) for contrast in contrasts)
    title = "Differences between models on the same rows"
    table = Table("model_differences", title, DIFFERENCE_COLUMNS, rows, DIFFERENCE_NOTES)
    if len(answered.runs) <= MODELS_IN_PAIRS:
        return table
    best = answered.runs[answered.correct.sum(axis=1).argmax()]
    to_best = [_row(contrast, names) for contrast in _against(best, contrasts)]
    note = (
        f"Of {len(answered.runs)} models, each against the one with the most right answers over all forms, "
        f"{names[best.path]}: chosen on these rows, it looks a little better than it is. Holm's correction "
        "is over all pairs, which stand in the CSV file."
    )
    return replace(table, notes=(*DIFFERENCE_NOTES, note), shown_rows=tuple(to_best))


def _answered(scope: Scope) -> Answered | None:
    """The runs with predictions, and what they answered; None if there are fewer than two."""
    answers = {run.path: read_answers(run) for run in scope.runs}
    check_rows(answers)
    runs, correct, rows = [], [], None
    for run in scope.runs:
        table = answers[run.path]
        if table is not None:
            runs.append(run)
            correct.append(table.correct)
            rows = table
    if rows is None or len(runs) < 2:
        return None
    # Every run answers the same rows, see check_rows, so that one run's forms and facts are everyone's.
    return Answered(runs, np.stack(correct), rows.forms, rows.facts)


def _against(best: EvaluateResults, contrasts: Sequence[ModelContrast]) -> Iterator[ModelContrast]:
    """The contrasts of one model, which stands first in all of them."""
    for contrast in contrasts:
        if contrast.one is best:
            yield contrast
        elif contrast.two is best:
            yield contrast.turned()


def _contrasts(answered: Answered, forms: Sequence[str]) -> Iterator[ModelContrast]:
    """Every pair of models: all forms pooled, then each apart."""
    statistics = _statistics(answered, forms)
    both_right, right, rows = {}, {}, {}
    for form in forms:
        correct = answered.correct[:, rows_of_form(answered.forms, form)]
        both_right[form] = (correct @ correct.T).astype(int)  # [models, models]
        right[form] = both_right[form].diagonal()
        rows[form] = correct.shape[1]
    for pair, (one, two) in enumerate(combinations(range(len(answered.runs)), 2)):
        runs = (answered.runs[one], answered.runs[two])
        for place, form in enumerate(forms):
            both = both_right[form][one, two]
            only_first = int(right[form][one] - both)
            only_second = int(right[form][two] - both)
            value = (only_first - only_second) / rows[form]
            low, high, p_value, corrected = statistics[pair, place].tolist()
            yield ModelContrast(
                *runs, form, value, (low, high), p_value, corrected, (only_first, only_second)
            )


def _statistics(answered: Answered, forms: Sequence[str]) -> ndarray:
    """Intervals and p-values of every pair of models, all resampled with the same draws.

    What is resampled is how far each model is behind the first one; the other pairs follow by subtraction,
    which is exact, for these are whole numbers of rows. Held at a time are the resamples of each model, and
    the means of one model against all behind it: that grows with the number of models, not of pairs.

    Returns:
        Lower and upper bound, p-value, and p-value with Holm's correction, [pairs, forms, 4]; pairs in the
        order of ``combinations``.
    """
    behind, sizes = _behind_the_first(answered, forms)
    models = len(answered.runs)
    # By pair, then by form: it is in this order that the columns decide about the draws.
    columns = [behind[form][:, model] for model in range(1, models) for form in forms]
    draws = resampling(np.column_stack([*columns, *sizes.values()]))
    statistics = np.empty((models * (models - 1) // 2, len(forms), 4))
    for place, form in enumerate(forms):
        of_models, rows = draws.sums(behind[form], sizes[form][:, None])
        resampled = of_models.T.copy()  # [models, resamples], each model's in one piece
        of_form = statistics[:, place]
        start = 0
        for model in range(models - 1):
            differences = resampled[model + 1 :] - resampled[model]
            of_pairs = of_form[start : start + len(differences)]
            interval, p_values = interval_and_p(means(differences.T, rows))
            of_pairs[:, :2] = interval.T
            of_pairs[:, 2] = p_values
            start += len(differences)
        of_form[:, 3] = holm(of_form[:, 2])
    return statistics


def _behind_the_first(
    answered: Answered, forms: Sequence[str]
) -> tuple[dict[str, ndarray], dict[str, ndarray]]:
    """How many rows of each fact the first model has right more than each other, and how many rows there are.

    Returns:
        By form, [facts, models] and [facts]; a fact without rows of the form counts 0.
    """
    behind, sizes = {}, {}
    for form in forms:
        of_form = rows_of_form(answered.forms, form)
        by_model = []
        for correct in answered.correct:
            difference = (answered.correct[0] - correct) * of_form
            by_model.append(np.bincount(answered.facts, weights=difference))
        behind[form] = np.column_stack(by_model)
        sizes[form] = np.bincount(answered.facts, weights=of_form)
    return behind, sizes


def _row(contrast: ModelContrast, names: Mapping[str, str]) -> TableRow:
    """One comparison, with its 95 % interval, its p-value, and the p-value with Holm's correction.

    Args:
        names: of the models, by the paths of their runs.
    """
    runs = (contrast.one, contrast.two)
    models = [f"{names[run.path]} ({run.reading})" for run in runs]
    difference = Cell(points_text(contrast.value), contrast.value, tuple(run.path for run in runs))
    only_first, only_second = contrast.only
    beyond_chance = contrast.corrected < ALPHA
    cells = (
        *text_cells(*models, contrast.form),
        difference,
        interval_cell(*contrast.interval),
        count(only_first),
        count(only_second),
        p_cell(mcnemar(only_first, only_second)),
        p_cell(contrast.p_value),
        p_cell(contrast.corrected),
        Cell("yes" if beyond_chance else "no"),
    )
    form = "" if contrast.form == POOLED else contrast.form
    return TableRow(cells, form=form, strong=beyond_chance)
