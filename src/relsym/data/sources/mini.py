"""The embedded benchmark: well-known facts that come with the package, so that nothing has to be fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from importlib.resources import files

import polars as pl

from relsym.data.triples import TRIPLE_SCHEMA, TripleSource


class Mini:
    """At least 60 well-known true facts for each of the 14 properties, written for this project from general
    knowledge (CC0).

    ``facts.tsv``: subject, property, object.  ``entities.tsv``: Q-id, label, checked (true where the id was
    compared with Wikidata's own label of it).
    """

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the facts of ``properties``, and the labels."""
        facts, entities = (_table(name) for name in ("facts.tsv", "entities.tsv"))
        chosen = facts.filter(pl.col("property").is_in(list(properties))).select(*TRIPLE_SCHEMA)
        return TripleSource(
            chosen,
            entities.select("entity", "label"),
            facts.height,
            Counter({"other property": facts.height - chosen.height})
            if chosen.height < facts.height
            else Counter(),
            notes=Counter({"unchecked id": entities.filter(pl.col("checked") == "false").height}),
            origin="well-known facts that come with relsym (data=mini)",
        )


def _table(name: str) -> pl.DataFrame:
    content = files("relsym.data").joinpath("mini", name).read_bytes()
    return pl.read_csv(content, separator="\t", quote_char=None, infer_schema=False)
