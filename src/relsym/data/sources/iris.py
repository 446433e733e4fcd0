"""The names in Wikidata's RDF and of other data on the web, and which id or property each of them means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

import polars as pl

from relsym.data.triples import PROPERTY_ID

ENTITY_IRI = "http://www.wikidata.org/entity/"
DIRECT_IRI = "http://www.wikidata.org/prop/direct/"
LABEL_IRI = "http://www.w3.org/2000/01/rdf-schema#label"
# An id of Wikidata as an IRI, as the address of its page, or behind one of the prefixes that its query
# service has. A qualifier's or a reference's IRI (prop/qualifier/P131, pq:P131) states nothing about items.
WIKIDATA_NAME = (
    r"^<?(?:https?://www\.wikidata\.org/(?:entity/|wiki/(?:Property:)?|prop/(?:direct/|statement/)?)"
    r"|(?:wdt?|p|ps):)([QPL][1-9]\d*)>?$"
)
# An IRI in the brackets of N-Triples and Turtle. A name that is none, such as <Paris>, keeps its brackets.
BRACKETED_IRI = r"^<([A-Za-z][A-Za-z0-9+.-]*:[^<>\s]*)>$"
_IN_BRACKETS = r"^<([^<>\s]+)>$"
# How a name begins that may be one of the two.
_MARKED = r"^(?:<|https?:|wdt?:|ps?:)"
_MOST_SEEN = 10_000  # distinct values that are counted: a column of entities would have millions


def plain_id(name: str) -> str:
    """An id as it is written without IRI, prefix and brackets: ``Q46`` of each of Wikidata's names for it.

    Other IRIs stay as they are, without brackets; and so does what is no IRI.
    """
    for pattern in (WIKIDATA_NAME, BRACKETED_IRI):
        match = re.match(pattern, name)
        if match:
            return match[1]
    return name


def may_hold_iris(block: bytes) -> bool:
    """Whether ``with_plain_ids`` may change something in a text: no more than a look at its bytes."""
    # A single byte is found ten times as fast as a word, and most blocks have no colon.
    return b":" in block and any(mark in block for mark in (b"wikidata.org/", b"wd:Q", b"wdt:P"))


def with_plain_ids(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The rows with ``plain_id`` of each value in some columns of strings."""
    plain = {}
    for name in columns:
        # Most tables have no such name, and looking for its beginning is all that is done to them.
        if rows[name].str.contains(_MARKED).any():
            column = pl.col(name)
            of_wikidata = column.str.extract(WIKIDATA_NAME)
            plain[name] = pl.coalesce(of_wikidata, column.str.extract(BRACKETED_IRI), column)
    return rows.with_columns(**plain) if plain else rows


class PropertyNames:
    """Which property of the property table a value in a table of statements means.

    A value is a property's name in the property table if both are equal, or both are names of one property of
    Wikidata (``wdt:P131`` and ``P131``), or one is the other in brackets, as YAGO's dumps have them
    (``<isLocatedIn>``). The last part of an IRI that is not
    Wikidata's (``http://dbpedia.org/ontology/spouse``), or of a path as Freebase has them
    (``/people/person/spouse``), will do where the property table has no more: it may name ``spouse``.

    Args:
        properties: as the property table names them.

    Attributes:
        others: values that mean none of them, with the number of their statements; of very many distinct ones
            the commonest.
    """

    def __init__(self, properties: Collection[str]) -> None:
        self.properties = set(properties)
        self.others: Counter[str] = Counter()
        self._plain = {_property_name(name): name for name in properties}
        self._meant_by: dict[str, str] = {}  # property -> the value, without brackets, that means it

    def chosen(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows about one of the properties, with its name in the property table in ``property``.

        Raises:
            ValueError: two values mean one property, one of them by its last part.
        """
        counts = rows["property"].value_counts()
        renamed = {}
        meant = []
        others: Counter[str] = Counter()
        for value, number in counts.iter_rows():
            name = self._meaning(value)
            if name is None:
                others[value] = number
                continue
            meant.append(value)
            if name != value:
                renamed[value] = name
        self._count(others)
        is_chosen = pl.col("property").is_in(meant)
        chosen = rows.filter(is_chosen)
        return chosen.with_columns(pl.col("property").replace(renamed)) if renamed else chosen

    def _meaning(self, value: str) -> str | None:
        """The property that a value means; None: none of them."""
        plain = _property_name(value)
        name = value if value in self.properties else self._plain.get(plain)
        if name is None:
            last = _last_part(plain)
            # P131 is Wikidata's; that of another Wikibase (http://example.org/P131) is another property.
            if last not in self.properties or PROPERTY_ID.fullmatch(last):
                return None
            name = last
        before = self._meant_by.setdefault(name, plain)
        if before != plain:
            raise ValueError(
                f"the property {name} of the property table may be {before!r} or {plain!r} of the data. "
                "Name the one that you mean whole in data.property_table."
            )
        return name

    def _count(self, others: Counter[str]) -> None:
        """Add the counts of a block; where there are too many values, the rarest are forgotten."""
        self.others.update(others)
        if len(self.others) > 2 * _MOST_SEEN:
            self.others = Counter(dict(self.others.most_common(_MOST_SEEN)))


def _property_name(name: str) -> str:
    """``plain_id`` of a property's name, without brackets even if it is no IRI."""
    return re.sub(_IN_BRACKETS, r"\1", plain_id(name))


def _last_part(name: str) -> str | None:
    """What stands behind the last slash or hash of an IRI or of a path; None for anything else."""
    is_iri = "://" in name and "wikidata.org/" not in name
    if not (is_iri or name.startswith("/")):
        return None
    return re.split("[/#]", name.rstrip("/#"))[-1]
