"""Which differences between models are more than chance, on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from relsym.evaluation.paired import RESAMPLES, interval_and_p, mcnemar, resampled_means
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
    holm_by_form,
    interval_cell,
    p_cell,
    points_text,
    rows_of_form,
)
from relsym.report.tables.models import name_of_model
from relsym.runs.predictions import RowAnswers, read_answers
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


class ModelContrast(NamedTuple):
    """Two models in one form (or all).

    value: the difference in accuracy, in [-1, 1].
    sums: of the differences of each fact's rows, [facts].
    sizes: how many rows of the form each fact has, [facts].
    only: how many rows the first model alone has right, and the second alone.
    """

    one: EvaluateResults
    two: EvaluateResults
    form: str
    value: float
    sums: ndarray
    sizes: ndarray
    only: tuple[int, int]


def differences_table(scope: Scope) -> Table | None:
    """Every pair of models on the same rows; None if fewer than two have predictions.

    Raises:
        ValueError: a run's predictions cannot be used, or answer other rows than another run's.
    """
    answers = {run.path: read_answers(run) for run in scope.runs}
    check_rows(answers)
    answered = []
    for run in scope.runs:
        table = answers[run.path]
        if table is not None:
            answered.append((run, table))
    contrasts = list(_contrasts(scope, answered))
    if not contrasts:
        return None
    sums = np.column_stack([contrast.sums for contrast in contrasts])
    sizes = np.column_stack([contrast.sizes for contrast in contrasts])
    # All contrasts in one call, so that they are resampled with the same draws.
    (lows, highs), p_values = interval_and_p(resampled_means(sums, sizes))
    corrected = holm_by_form([contrast.form for contrast in contrasts], p_values)
    rows = []
    for contrast, low, high, p, corrected_p in zip(contrasts, lows, highs, p_values, corrected, strict=True):
        rows.append(_row(scope, contrast, low, high, p, corrected_p))
    title = "Differences between models on the same rows"
    return Table("model_differences", title, DIFFERENCE_COLUMNS, tuple(rows), DIFFERENCE_NOTES)


def _contrasts(
    scope: Scope, answered: Sequence[tuple[EvaluateResults, RowAnswers]]
) -> Iterator[ModelContrast]:
    """Every pair of runs with their answers: all forms pooled, then each apart."""
    for (one, first), (two, second) in combinations(answered, 2):
        for form in compared_forms(scope):
            of_form = rows_of_form(first.forms, form)
            difference = (first.correct - second.correct) * of_form
            only_first = int((difference > 0).sum())
            only_second = int((difference < 0).sum())
            value = float(difference.sum() / of_form.sum())
            # By fact, since the bootstrap draws facts; one without rows of this form counts 0 rows.
            sums = np.bincount(first.facts, weights=difference)
            sizes = np.bincount(first.facts, weights=of_form)
            yield ModelContrast(one, two, form, value, sums, sizes, (only_first, only_second))


def _row(
    scope: Scope, contrast: ModelContrast, low: float, high: float, p: float, corrected: float
) -> TableRow:
    """One comparison, with its 95 % interval, its p-value, and the p-value with Holm's correction."""
    names = []
    for run in (contrast.one, contrast.two):
        names.append(f"{name_of_model(run, scope.runs)} ({run.reading})")
    paths = (contrast.one.path, contrast.two.path)
    difference = Cell(points_text(contrast.value), contrast.value, paths)
    only_first, only_second = contrast.only
    beyond_chance = bool(corrected < ALPHA)
    cells = (
        *text_cells(*names, contrast.form),
        difference,
        interval_cell(low, high),
        count(only_first),
        count(only_second),
        p_cell(mcnemar(only_first, only_second)),
        p_cell(p),
        p_cell(corrected),
        Cell("yes" if beyond_chance else "no"),
    )
    form = "" if contrast.form == POOLED else contrast.form
    return TableRow(cells, form=form, strong=beyond_chance)
