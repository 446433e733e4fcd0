"""Which differences between models are more than chance, on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from relsym.evaluation.paired import RESAMPLES, holm, interval_and_p, mcnemar, resampled_means
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, text_columns
from relsym.report.tables.models import name_of_model
from relsym.report.tables.objective_differences import ALPHA, POOLED, check_rows, p_text
from relsym.runs.predictions import RowAnswers, read_answers
from relsym.runs.results import EvaluateResults

DIFFERENCE_COLUMNS = (
    *text_columns("first", "second", "form"),
    Column("first - second, points"),
    *text_columns("95 % interval"),
    *map(Column, ("only first right", "only second right", "p, McNemar", "p, bootstrap", "p, Holm")),
    *text_columns("beyond chance"),
)
DIFFERENCE_NOTES = (
    "Of each model the reading that stands for it. Interval and bootstrap p: facts (with all their rows) "
    "drawn with replacement "
    f"{RESAMPLES:,} times, the same draws for all. McNemar's exact test takes rows as independent. Holm's "
    "correction of the bootstrap "
    f"p over all comparisons of the same form; beyond chance: corrected p below {ALPHA}.",
)


class ModelContrast(NamedTuple):
    """Two models in one form (or all).

    sums, sizes: of the differences of each fact's rows, and how many.  only: rows that the first alone, the
    second alone has right.
    """

    one: EvaluateResults
    two: EvaluateResults
    form: str
    value: float
    sums: ndarray
    sizes: ndarray
    only: tuple[int, int]


def differences_table(scope: Scope) -> Table | None:
    """Every pair of models; None if there is none."""
    answers = {run.path: read_answers(run) for run in scope.runs}
    check_rows(answers)
    known = [(run, answers[run.path]) for run in scope.runs if answers[run.path] is not None]
    made = list(_contrasts(scope, known))
    if not made:
        return None
    means = resampled_means(
        np.column_stack([contrast.sums for contrast in made]),
        np.column_stack([contrast.sizes for contrast in made]),
    )
    (low, high), p = interval_and_p(means)
    corrected = np.empty_like(p)
    for form in {contrast.form for contrast in made}:
        places = [place for place, contrast in enumerate(made) if contrast.form == form]
        corrected[places] = holm(p[places])
    rows = tuple(
        _row(scope, contrast, low[i], high[i], p[i], corrected[i]) for i, contrast in enumerate(made)
    )
    return Table(
        "model_differences",
        "Differences between models on the same rows",
        DIFFERENCE_COLUMNS,
        rows,
        DIFFERENCE_NOTES,
    )


def _contrasts(scope: Scope, known: Sequence[tuple[EvaluateResults, RowAnswers]]) -> Iterator[ModelContrast]:
    for (one, first), (two, second) in combinations(known, 2):
        for form in (POOLED, *scope.forms) if len(scope.forms) > 1 else scope.forms:
            kept = np.full(len(first.forms), True) if form == POOLED else first.forms == form
            difference = (first.correct - second.correct) * kept
            only = int((difference > 0).sum()), int((difference < 0).sum())
            facts = first.facts.max() + 1
            sums, sizes = (np.bincount(first.facts, weights=of, minlength=facts) for of in (difference, kept))
            yield ModelContrast(one, two, form, float(difference.sum() / kept.sum()), sums, sizes, only)


def _row(
    scope: Scope, contrast: ModelContrast, low: float, high: float, p: float, corrected: float
) -> TableRow:
    named = [f"{name_of_model(run, scope.runs)} ({run.reading})" for run in (contrast.one, contrast.two)]
    exact = mcnemar(*contrast.only)
    cells = (
        *map(Cell, (*named, contrast.form)),
        Cell(f"{100 * contrast.value:+.2f}", contrast.value, (contrast.one.path, contrast.two.path)),
        Cell(f"[{100 * low:+.2f}, {100 * high:+.2f}]"),
        *map(count, contrast.only),
        Cell(p_text(exact), exact),
        Cell(p_text(p), float(p)),
        Cell(p_text(corrected), float(corrected)),
        Cell("yes" if corrected < ALPHA else "no"),
    )
    return TableRow(
        cells, form="" if contrast.form == POOLED else contrast.form, strong=bool(corrected < ALPHA)
    )
