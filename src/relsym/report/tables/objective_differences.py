"""Which differences between objectives are more than chance: the same rows, the same seeds, the same number
of samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import stdev
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from relsym.evaluation.paired import RESAMPLES, holm, interval_and_p, resampled_means
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, text_columns
from relsym.report.tables.ladders import Ladder, Seeds
from relsym.runs.predictions import RowAnswers, read_answers

POOLED = "all forms"
ALPHA = 0.05

COMPARISON_COLUMNS = (
    *text_columns("first", "second", "encoder", "form"),
    *map(Column, ("samples", "seeds", "first - second, points")),
    *text_columns("95 % interval"),
    *map(Column, ("sd over seeds", "p", "p, Holm")),
    *text_columns("beyond chance"),
)
COMPARISON_NOTES = (
    f"Paired bootstrap: facts (with all their forms) drawn with replacement {RESAMPLES:,} times, jointly "
    "over the seeds, which are "
    "kept: interval and p speak about other rows, not about other seeds. How much the difference changes "
    "from seed to seed stands "
    "apart, as its standard deviation.",
    "Holm's correction over all comparisons of the same form in this table; beyond chance: corrected p "
    f"below {ALPHA}. Only numbers "
    "of samples that both objectives were run with; what was left out as solved is not compared.",
)


class ObjectiveContrast(NamedTuple):
    """Two objectives at one number of samples, in one form (or all).

    by_seed: mean difference in accuracy, one a seed.  sums, sizes: of the differences (mean over seeds) of
    each fact's rows, and how many. runs: paths of the results compared.
    """

    one: Ladder
    two: Ladder
    samples: int
    form: str
    by_seed: list[float]
    sums: ndarray
    sizes: ndarray
    runs: tuple[str, ...]


def comparison_table(scope: Scope, found: Sequence[Ladder]) -> Table | None:
    """Every pair of objectives with one encoder, at every number of samples that both were run with; None if
    there is none.
    """
    answers = {run.path: read_answers(run) for ladder in found for run in ladder.all_runs}
    check_rows(answers)
    made: list[ObjectiveContrast] = []
    for one, two, samples, seeds in _pairs(found):
        made += _contrasts(scope, answers, one, two, samples, seeds)
    if not made:
        return None
    means = resampled_means(
        np.column_stack([contrast.sums for contrast in made]),
        np.column_stack([contrast.sizes for contrast in made]),
    )
    (low, high), p = interval_and_p(means)
    corrected = _by_form(made, p)
    rows = tuple(_row(contrast, low[i], high[i], p[i], corrected[i]) for i, contrast in enumerate(made))
    absent = sum(table is None for table in answers.values())
    gone = (f"{absent} runs have no predictions.parquet and are left out here.",) if absent else ()
    title = "Differences between objectives on the same rows and seeds"
    return Table("comparisons", title, COMPARISON_COLUMNS, rows, (*COMPARISON_NOTES, *gone))


def _pairs(found: Sequence[Ladder]) -> Iterator[tuple[Ladder, Ladder, int, list[Seeds]]]:
    """Two ladders with one encoder, a number of samples, and the seeds that both have there."""
    for one, two in combinations(found, 2):
        for samples in sorted(set(one.rungs) & set(two.rungs)) if one.model == two.model else ():
            seeds = [
                seed
                for seed in sorted(set(one.runs) & set(two.runs))
                if samples in one.runs[seed] and samples in two.runs[seed]
            ]
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
    paths = [(one.runs[seed][samples].path, two.runs[seed][samples].path) for seed in seeds]
    paths = [pair for pair in paths if all(answers[path] for path in pair)]
    if not paths:
        return
    differences = np.stack([answers[first].correct - answers[second].correct for first, second in paths])
    forms, facts = answers[paths[0][0]].forms, answers[paths[0][0]].facts
    for form in (POOLED, *scope.forms) if len(scope.forms) > 1 else scope.forms:
        kept = np.full(len(forms), True) if form == POOLED else forms == form
        sums = np.bincount(facts, weights=differences.mean(axis=0) * kept, minlength=facts.max() + 1)
        sizes = np.bincount(facts, weights=kept, minlength=facts.max() + 1)
        by_seed = differences[:, kept].mean(axis=1).tolist()
        yield ObjectiveContrast(
            one, two, samples, form, by_seed, sums, sizes, tuple(path for pair in paths for path in pair)
        )


def _by_form(made: Sequence[ObjectiveContrast], p: ndarray) -> ndarray:
    corrected = np.empty_like(p)
    for form in {contrast.form for contrast in made}:
        places = [i for i, contrast in enumerate(made) if contrast.form == form]
        corrected[places] = holm(p[places])
    return corrected


def _row(contrast: ObjectiveContrast, low: float, high: float, p: float, corrected: float) -> TableRow:
    one, two, value = contrast.one, contrast.two, float(np.mean(contrast.by_seed))
    deviation = f"{100 * stdev(contrast.by_seed):.2f}" if len(contrast.by_seed) > 1 else "one seed"
    cells = (
        *map(Cell, (one.label, two.label, one.model, contrast.form)),
        count(contrast.samples),
        count(len(contrast.by_seed)),
        Cell(f"{100 * value:+.2f}", value, contrast.runs),
        Cell(f"[{100 * low:+.2f}, {100 * high:+.2f}]"),
        Cell(deviation),
        Cell(p_text(p), float(p)),
        Cell(p_text(corrected), float(corrected)),
        Cell("yes" if corrected < ALPHA else "no"),
    )
    form = "" if contrast.form == POOLED else contrast.form
    return TableRow(cells, one.model, f"{one.label}\n{two.label}", form, strong=bool(corrected < ALPHA))


def p_text(p: float) -> str:
    """A p-value with the digits that matter."""
    return f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def check_rows(answers: dict[str, RowAnswers | None]) -> None:
    """All runs of a scope answered the same rows."""
    known = {path: table for path, table in answers.items() if table is not None}
    for path, table in known.items():
        first, reference = next(iter(known.items()))
        if table.rows != reference.rows:
            raise ValueError(
                f"{path} and {first}: their predictions.parquet answer other rows, though results.json says "
                "the same. "
                "Run the job that was changed again."
            )
