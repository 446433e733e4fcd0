"""What stood in the place of a property, told where none of the chosen ones was there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from relsym.data.triples import ENTITY_ID, PROPERTY_ID
from relsym.visible import printable

SHOWN = 5  # of the values that were seen, and of the chosen properties
# What values look like, looked for in this order, and what to do then.
LOOKS = (
    (
        PROPERTY_ID.pattern,
        "other properties of Wikidata: name them in data.properties (data.property_table=extended has more "
        "than the default table), or in a property table of your own (data.property_table=TABLE.yaml)",
    ),
    (
        ENTITY_ID.pattern,
        "items of Wikidata and no properties: are the columns in another order? Say which is which with "
        "data.columns.subject, data.columns.property and data.columns.object",
    ),
    (
        r"<?[A-Za-z][A-Za-z0-9+.-]*://.*|/.+/.+",
        "IRIs or paths: a property table (data.property_table=TABLE.yaml) may name them whole or by their "
        "last part",
    ),
    (
        r"-?\d+",
        "numbers, indices of another file perhaps: name the columns with data.columns, or write a property "
        "table (data.property_table=TABLE.yaml) whose keys are these numbers in quotes",
    ),
    (
        ".*",
        "names of another vocabulary than the property table's: write a table with these names as keys, and "
        "pass it as data.property_table=TABLE.yaml",
    ),
)


def seen_properties(values: Counter[str], chosen: Sequence[str]) -> str:
    """Which values stand in the place of a property, what they look like, and what to do.

    Args:
        values: those that are none of the chosen properties, with the number of their statements.
        chosen: the properties that were looked for.
    """
    commonest = values.most_common(SHOWN)
    listed = [f"'{printable(value)}' ({number})" for value, number in commonest]
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    advice = _advice([value for value, _ in commonest])
    looked_for = ", ".join(printable(name) for name in chosen[:SHOWN])
    others = " ..." if len(chosen) > SHOWN else ""
    return (
        f"In the place of a property stand {', '.join(listed)}{more}; looked for: {looked_for}{others}. "
        f"These look like {advice}."
    )


def _advice(values: Sequence[str]) -> str:
    """What most of the values look like, and what to do."""
    fits: Counter[str] = Counter()
    for value in values:
        for pattern, advice in LOOKS:
            if re.fullmatch(pattern, value, re.DOTALL):
                fits[advice] += 1
                break
    [(advice, _)] = fits.most_common(1)
    return advice
