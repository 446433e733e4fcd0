"""Words and numbers that several tables use."""

from __future__ import annotations

from collections.abc import Iterable

from relsym.runs.metric_keys import SPEARMAN
from relsym.runs.results import EvaluateResults

# Measures of a reading beside its accuracy -> what a column of them is called.
BEYOND_ACCURACY = {
    "balanced": "balanced accuracy",
    "bias": "entailment bias",
    "consistency": "same if swapped",
    "auroc": "AUROC",
    SPEARMAN: "Spearman",
    "ece": "ECE",
}
CAUTION = (
    "The label of a swap pair depends on its relation alone, so a look-up of templates can score 100 % too: "
    "a score says which templates the model knows, not that it understands the relation."
)


def beyond_accuracy(runs: Iterable[EvaluateResults]) -> dict[str, str]:
    """Measures of ``BEYOND_ACCURACY`` with their headings; that of rated rows only where there are some."""
    headings = dict(BEYOND_ACCURACY)
    if not any(run.is_rated for run in runs):
        del headings[SPEARMAN]
    return headings


def percent(value: float) -> str:
    """A share in per cent with two decimals: one wrong row in 2,000 must not read 100."""
    return f"{100 * value:.2f}"


def measure_text(measure: str, value: float | None, symmetric: bool) -> str:
    """A measure of ``BEYOND_ACCURACY`` in per cent; ``-`` where there is none.

    Args:
        measure: a key of ``BEYOND_ACCURACY``.
        value: a share in [0, 1]; of the bias a difference of shares, and of Spearman a correlation, in
            [-1, 1].
        symmetric: the reading cannot tell the order of the texts, so that its consistency is 100 by
            construction. The text says so.
    """
    if value is None:
        return "-"
    if measure in ("bias", SPEARMAN):
        return f"{100 * value:+.2f}"
    if measure == "consistency" and symmetric:
        return f"{percent(value)} by construction"
    return percent(value)
