"""What every table of differences shares: which rows are compared, and how a difference is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from relsym.evaluation.paired import holm
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell
from relsym.runs.predictions import RowAnswers

# Stands for a form where the rows of all forms are compared at once.
POOLED = "all forms"
# A corrected p-value below it is beyond chance.
ALPHA = 0.05


def check_rows(answers: dict[str, RowAnswers | None]) -> None:
    """Refuse runs that answered different rows.

    Args:
        answers: of each run, by the path of its results; None where it has no predictions.

    Raises:
        ValueError: with both paths.
    """
    first = reference = None
    for path, table in answers.items():
        if table is None:
            continue
        if reference is None:
            first, reference = path, table
        if table.rows != reference.rows:
            raise ValueError(
                f"{path} and {first}: their predictions.parquet answer other rows, though results.json says "
                "the same. Run the job that was changed again."
            )


def compared_forms(scope: Scope) -> list[str]:
    """All forms pooled, then each apart; the form alone where there is one only."""
    if len(scope.forms) > 1:
        return [POOLED, *scope.forms]
    return scope.forms


def rows_of_form(forms: ndarray, form: str) -> ndarray:
    """Which rows are of a form, as a mask over the rows; ``POOLED`` takes all of them.

    Args:
        forms: of each row, [rows].
    """
    if form == POOLED:
        return np.full(len(forms), True)
    return forms == form


def holm_by_form(forms: Sequence[str], p_values: ndarray) -> ndarray:
    """p-values with Holm's correction over all comparisons of the same form.

    Args:
        forms: of each comparison.  p_values: of each comparison, [comparisons].
    """
    corrected = np.empty_like(p_values)
    # A form is a question of its own: what is corrected for is how many comparisons ask the same one.
    for form in set(forms):
        places = [place for place, other in enumerate(forms) if other == form]
        corrected[places] = holm(p_values[places])
    return corrected


def points_text(difference: float) -> str:
    """A difference between accuracies in points, with its sign."""
    return f"{100 * difference:+.2f}"


def interval_cell(low: float, high: float) -> Cell:
    """The interval of a difference, in points."""
    return Cell(f"[{points_text(low)}, {points_text(high)}]")


def p_text(p: float) -> str:
    """A p-value with the digits that matter: four below 0.1, else two."""
    return f"{p:.4f}" if p < 0.1 else f"{p:.2f}"


def p_cell(p: float) -> Cell:
    """A cell with a p-value."""
    return Cell(p_text(p), float(p))
