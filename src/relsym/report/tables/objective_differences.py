"""Which differences between objectives are more than chance.

Two objectives are compared on the same rows, with the same seeds and the same number of samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import stdev
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from relsym.evaluation.paired import RESAMPLES, intervals_and_p
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
from relsym.report.tables.ladders import Ladder, Seeds
from relsym.runs.predictions import RowAnswers, read_answers

COMPARISON_COLUMNS = (
    *text_columns("first", "second", "encoder", "form"),
    *number_columns("samples", "seeds"),
    *followed_columns("first - second, points"),
    *text_columns("95 % interval"),
    *number_columns("sd over seeds", "p", "p, Holm"),
    *text_columns("beyond chance"),
)
COMPARISON_NOTES = (
    f"Paired bootstrap: facts (with all their forms) drawn with replacement {RESAMPLES:,} times, jointly "
    "over the seeds, which are kept: interval and p speak about other rows, not about other seeds. How much "
    "the difference changes from seed to seed stands apart, as its standard deviation.",
    "Holm's correction over all comparisons of the same form in this table; beyond chance: corrected p "
    f"below {ALPHA}. Only numbers of samples that both objectives were run with; what was left out as solved "
    "is not compared.",
)


class ObjectiveContrast(NamedTuple):
    """Two objectives at one number of samples, in one form (or all).

    by_seed: mean difference in accuracy, one for each seed.
    sums: of the differences (means over the seeds) of each fact's rows, [facts].
    sizes: how many rows of the form each fact has, [facts].
    runs: paths of the results compared.
    """

    one: Ladder
    two: Ladder
    samples: int
    form: str
    by_seed: list[float]
    sums: ndarray
    sizes: ndarray
    runs: tuple[str, ...]


def comparison_table(scope: Scope, ladders: Sequence[Ladder]) -> Table | None:
    """Every pair of objectives with one encoder, at every number of samples that both were run with.

    None if there is no such pair.

    Raises:
        ValueError: a run's predictions cannot be used, or answer other rows than another run's.
    """
    answers: dict[str, RowAnswers | None] = {}
    for ladder in ladders:
        for run in ladder.all_runs:
            answers[run.path] = read_answers(run)
    check_rows(answers)
    contrasts: list[ObjectiveContrast] = []
    for one, two, samples, seeds in _pairs(ladders):
        contrasts += _contrasts(scope, answers, one, two, samples, seeds)
    if not contrasts:
        return None
    sums = np.column_stack([contrast.sums for contrast in contrasts])
    sizes = np.column_stack([contrast.sizes for contrast in contrasts])
    # All contrasts in one call, so that they are resampled with the same draws.
    (lows, highs), p_values = intervals_and_p(sums, sizes)
    corrected = holm_by_form([contrast.form for contrast in contrasts], p_values)
    rows = []
    for contrast, low, high, p, corrected_p in zip(contrasts, lows, highs, p_values, corrected, strict=True):
        rows.append(_row(contrast, low, high, p, corrected_p))
    notes = list(COMPARISON_NOTES)
    absent = sum(table is None for table in answers.values())
    if absent:
        notes.append(f"{absent} runs have no predictions.parquet and are left out here.")
    title = "Differences between objectives on the same rows and seeds"
    return Table("comparisons", title, COMPARISON_COLUMNS, tuple(rows), tuple(notes))


def _pairs(ladders: Sequence[Ladder]) -> Iterator[tuple[Ladder, Ladder, int, list[Seeds]]]:
    """Two ladders with one encoder, a number of samples, and the seeds that both have there."""
    for one, two in combinations(ladders, 2):
        if one.model != two.model:
            continue
        common_seeds = sorted(set(one.runs) & set(two.runs))
        for samples in sorted(set(one.rungs) & set(two.rungs)):
            seeds = []
            for seed in common_seeds:
                if samples in one.runs[seed] and samples in two.runs[seed]:
                    seeds.append(seed)
            if seeds:
                yield one, two, samples, seeds


def _contrasts(
    scope: Scope,
    answers: Mapping[str, RowAnswers | None],
    one: Ladder,
    two: Ladder,
    samples: int,
    seeds: Sequence[Seeds],
) -> Iterator[ObjectiveContrast]:
    """All forms pooled, then each apart; seeds without predictions are left out."""
    paths: list[str] = []
    answered: list[tuple[RowAnswers, RowAnswers]] = []
    for seed in seeds:
        first_path = one.runs[seed][samples].path
        second_path = two.runs[seed][samples].path
        first, second = answers[first_path], answers[second_path]
        if first is not None and second is not None:
            paths += [first_path, second_path]
            answered.append((first, second))
    if not answered:
        return
    differences = np.stack([first.correct - second.correct for first, second in answered])
    mean_differences = differences.mean(axis=0)  # over the seeds, one for each row
    # Every run answers the same rows, see check_rows, so that the first one's facts are everyone's.
    rows = answered[0][0]
    for form in compared_forms(scope):
        of_form = rows_of_form(rows.forms, form)
        # By fact, since the bootstrap draws facts; one without rows of this form counts 0 rows.
        sums = np.bincount(rows.facts, weights=mean_differences * of_form)
        sizes = np.bincount(rows.facts, weights=of_form)
        by_seed = differences[:, of_form].mean(axis=1).tolist()
        yield ObjectiveContrast(one, two, samples, form, by_seed, sums, sizes, tuple(paths))


def _row(contrast: ObjectiveContrast, low: float, high: float, p: float, corrected: float) -> TableRow:
    """One comparison, with its 95 % interval, its p-value, and the p-value with Holm's correction."""
    one, two = contrast.one, contrast.two
    value = float(np.mean(contrast.by_seed))
    deviation = "one seed"
    if len(contrast.by_seed) > 1:
        deviation = f"{100 * stdev(contrast.by_seed):.2f}"
    beyond_chance = bool(corrected < ALPHA)
    names = text_cells(one.label, two.label, one.model, contrast.form)
    difference = Cell(points_text(value), value, contrast.runs)
    cells = (
        *names,
        count(contrast.samples),
        count(len(contrast.by_seed)),
        difference,
        interval_cell(low, high),
        Cell(deviation),
        p_cell(p),
        p_cell(corrected),
        Cell("yes" if beyond_chance else "no"),
    )
    form = "" if contrast.form == POOLED else contrast.form
    # A row of two objectives belongs to both in the report's filter, which splits its entries at line breaks.
    return TableRow(cells, one.model, f"{one.label}\n{two.label}", form, strong=beyond_chance)
