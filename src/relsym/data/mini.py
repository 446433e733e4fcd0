"""The embedded benchmark: well-known facts that come with the package, so that nothing has to be fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from importlib.resources import files
from importlib.resources.abc import Traversable

from relsym.data.triples import Triple, TripleSource


class Mini:
    """At least 60 well-known true facts for each of the 14 properties, written for this project from general knowledge (CC0).

    ``facts.tsv``: subject, property, object.  ``entities.tsv``: Q-id, label, checked (true where the id was compared with Wikidata's
    own label of it).
    """

    def read(self, properties: Container[str]) -> TripleSource:
        """Read the facts of ``properties``, and the labels."""
        folder = files("relsym.data").joinpath("mini")
        facts = [Triple(*row) for row in _table(folder.joinpath("facts.tsv"), ("subject", "property", "object"))]
        entities = _table(folder.joinpath("entities.tsv"), ("entity", "label", "checked"))
        unchecked = sum(checked == "false" for _, _, checked in entities)
        chosen = [fact for fact in facts if fact.property in properties]
        return TripleSource(chosen, {entity: label for entity, label, _ in entities}, counts=Counter({"unchecked id": unchecked}))


def _table(path: Traversable, header: tuple[str, ...]) -> list[list[str]]:
    first, *rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    if tuple(first) != header:
        raise ValueError(f"{path}: expected the columns {header}, got {first}.")
    return rows
