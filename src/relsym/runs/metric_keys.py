"""The keys of ``metrics`` and ``intervals`` in ``results.json``, for those who write and those who read them.

A key reads ``stage/what/form``, with a property, a variant or a kind after it where the figure is about a
part of the rows: ``test/accuracy/lexicalised``, ``test/accuracy/lexicalised/P131``,
``shortcut/majority/delexicalised``. A kind may follow a variant:
``test/accuracy/lexicalised/swap/symmetric``.

What was measured beside the accuracy of the model itself stands in the place of ``accuracy``
(``test/groups/lexicalised``), of another reader behind its name (``shortcut/majority_groups/lexicalised``).
"""

from __future__ import annotations

# Measures that are no share of rows: (lowest, highest) value, None where there is no bound.
SIGNED = (-1.0, 1.0)
UNBOUNDED = (None, None)
SHARE = (0.0, 1.0)
# Measures of who did what to whom -> the two variants that both have to be right.
ROLE_MEASURES = {
    "roles": ("paraphrase", "swapped_paraphrase"),
    "converse_roles": ("converse", "swapped_converse"),
}
# Of scores with what people said of the rows; only rated rows have it.
SPEARMAN = "spearman"
RANGES = {"bias": SIGNED, SPEARMAN: SIGNED, "drop": SIGNED, "retention": UNBOUNDED}


def measure_of(reader: str, measure: str) -> str:
    """The key of another measure of the same reader.

    ``test/accuracy`` and ``groups`` give ``test/groups``; ``shortcut/majority`` and ``groups`` give
    ``shortcut/majority_groups``.
    """
    if measure == "accuracy":
        return reader
    if reader.endswith("/accuracy"):
        return reader.replace("/accuracy", f"/{measure}")
    return f"{reader}_{measure}"


def range_of(key: str) -> tuple[float | None, float | None]:
    """The (lowest, highest) value that a metric may have; None where there is no bound.

    [0, 1] for shares of rows, [-1, 1] for differences of two shares and for correlations, no bounds for a
    retention.
    """
    parts = key.split("/")
    if parts[0] == "forgetting":  # forgetting/drop, forgetting/kept/before
        name = parts[-1]
    elif len(parts) > 1:
        name = parts[1]
    else:
        name = parts[0]
    for measure, bounds in RANGES.items():
        if name == measure or name.endswith(f"_{measure}"):
            return bounds
    return SHARE
