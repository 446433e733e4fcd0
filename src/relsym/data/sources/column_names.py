"""Tells a first row of column names from a row of data, where nobody said which of the two it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The words of which names of columns are made. In KGTK's files the property's column is called label.
PROPERTY_WORDS = {
    *("property", "prop", "predicate", "pred", "relation", "relationship", "rel", "edge", "label", "p", "r")
}
NAME_WORDS = PROPERTY_WORDS | {
    *("subject", "subj", "sub", "s", "head", "h", "source", "src", "from"),
    *("object", "obj", "o", "tail", "t", "target", "tgt", "to"),
    *("entity", "entity1", "entity2", "ent", "node", "node1", "node2", "item"),
    *("id", "ids", "qid", "pid", "uri", "iri", "key", "wikidata"),
    *("name", "labels", "title", "type", "value"),
}


def read_like_column_names(fields: Mapping[str, str]) -> bool:
    """Whether all of these fields are made of words for columns, in any letter case.

    Args:
        fields: role -> field. That of a property has to have a word for one.
    """
    for role, field in fields.items():
        words = _words(field)
        if not words or not words <= NAME_WORDS:
            return False
        if role == "property" and not words & PROPERTY_WORDS:
            return False
    return True


def _words(field: str) -> set[str]:
    """The words of a field in lower case: head and id of ``head_id``, ``headId`` and ``#Head ID``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", field)
    return set(re.findall(r"[^\W_]+", spaced.lower()))
