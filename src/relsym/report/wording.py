"""Words and numbers that several tables use."""

from __future__ import annotations

# Measures of a reading beside its accuracy -> what a column of them is called.
BEYOND_ACCURACY = {
    "balanced": "balanced accuracy",
    "bias": "entailment bias",
    "consistency": "same if swapped",
    "auroc": "AUROC",
    "ece": "ECE",
}
CAUTION = (
    "The label of a swap pair depends on its relation alone, so a look-up of templates can score 100 % too: "
    "a score says which templates the model knows, not that it understands the relation."
)


def percent(value: float) -> str:
    """A share in per cent with two decimals: one wrong row in 2,000 must not read 100."""
    return f"{100 * value:.2f}"


def measure_text(measure: str, value: float | None, symmetric: bool) -> str:
    """A measure of ``BEYOND_ACCURACY`` in per cent; ``-`` where there is none.

    Args:
        measure: a key of ``BEYOND_ACCURACY``.
        value: a share in [0, 1]; of the bias a difference of shares in [-1, 1].
        symmetric: the reading cannot tell the order of the texts, so that its consistency is 100 by
            construction. The text says so.
    """
    if value is None:
        return "-"
    if measure == "bias":
        return f"{100 * value:+.2f}"
    if measure == "consistency" and symmetric:
        return f"{percent(value)} by construction"
    return percent(value)
