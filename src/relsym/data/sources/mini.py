"""The embedded benchmark: well-known facts that come with the package, so that nothing has to be fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from importlib.resources import files

import polars as pl

from relsym.data.triples import TRIPLE_SCHEMA, TripleSource


class Mini:
    """At least 60 well-known true facts for each of the 14 properties.

    They were written for this project from general knowledge (CC0). ``facts.tsv`` holds subject, property and
    object; ``entities.tsv`` Q-id, label and checked (true where the id was compared with Wikidata's own label
    of it).
    """

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the facts of ``properties``, and the labels."""
        facts = _table("facts.tsv")
        entities = _table("entities.tsv")
        chosen = facts.filter(pl.col("property").is_in(list(properties)))
        dropped = Counter({"other property": facts.height - chosen.height})
        unchecked = entities.filter(pl.col("checked") == "false")
        return TripleSource(
            chosen.select(*TRIPLE_SCHEMA),
            entities.select("entity", "label"),
            facts.height,
            +dropped,  # without a reason that dropped nothing
            notes=Counter({"unchecked id": unchecked.height}),
            origin="well-known facts that come with relsym (data=mini)",
            wikidata=False,  # written from general knowledge, with Wikidata's ids
        )


def _table(name: str) -> pl.DataFrame:
    """A file of the package as strings."""
    content = files("relsym.data").joinpath("mini", name).read_bytes()
    return pl.read_csv(content, separator="\t", quote_char=None, infer_schema=False)
