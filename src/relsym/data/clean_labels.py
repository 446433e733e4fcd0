"""Names that were made for machines (``Ames,_Iowa``, ``bring.v.10``, ``/c/en/big``), made into words.

A cleaning is a function of a column of labels. Several are applied one after the other, before the audit
looks at the labels: what they made equal is one of its findings (``cleaned_alike``).
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from urllib.parse import unquote

import polars as pl

from relsym.data.triples import LABEL_SCHEMA, TripleSource, entities_of

LOG = logging.getLogger(__name__)
# White space of any script, and what has no width: zero-width blanks, joiners of words, soft hyphens.
LABEL_BLANK = r"[\s\p{Z}]"
UNSEEN = r"[\x{ad}\x{200b}\x{2060}\x{feff}]"
_SCHEME = "^<?[A-Za-z][A-Za-z0-9+.-]*://"
# DBpedia's and a wiki's names may hold slashes (AC/DC), and so may what stands behind a hash.
_WHOLE_NAME = rf"{_SCHEME}[^<>#]*?(?:/resource/|/wiki/|#)([^<>]*[^<>/#])[/#]?>?$"
_LAST_PART = rf"{_SCHEME}[^<>]*[/#]([^/#<>]+)[/#]?>?$"
_WITHOUT_NAME = rf"{_SCHEME}[^<>]*/(?:resource|wiki)[/#]?>?$"
_IN_BRACKETS = r"^<([^<>]+)>$"
_WORDNET_SYNSET = r"^(.+)\.[nvasr]\.\d+$"
_WORDNET_SENSE = r"^_*(.+)_(?:NN|VB|JJ|RB)_\d+$"
_CONCEPTNET = r"^/c/[a-z]{2,3}(?:_[a-z]+)*/([^/]+)(?:/.*)?$"
_PARENTHESES_AT_THE_END = r"\s*\([^()]*\)$"
_BEFORE_DEFINITION = r"(?s)^(.+?)[,;]\s"
_ESCAPES_OF_BYTES = re.compile("(?:%[0-9A-Fa-f]{2})+")


def _blanks(label: pl.Expr) -> pl.Expr:
    without_unseen = label.str.replace_all(UNSEEN, "")
    return without_unseen.str.replace_all(f"{LABEL_BLANK}+", " ").str.strip_chars()


def _underscores(label: pl.Expr) -> pl.Expr:
    return label.str.replace_all("_+", " ").str.strip_chars()


def _iri(label: pl.Expr) -> pl.Expr:
    last_part = pl.when(~label.str.contains(_WITHOUT_NAME)).then(label.str.extract(_LAST_PART))
    name = pl.coalesce(label.str.extract(_WHOLE_NAME), last_part, label.str.extract(_IN_BRACKETS))
    # A label that is no IRI is a name already: its "50%25" is no escape.
    return pl.coalesce(name.map_elements(_without_escapes, return_dtype=pl.String), label)


def _without_escapes(name: str) -> str:
    """A part of an IRI with its characters; bytes that are no UTF-8 stay escaped."""
    return _ESCAPES_OF_BYTES.sub(_characters, name)


def _characters(escapes: re.Match[str]) -> str:
    try:
        return unquote(escapes[0], errors="strict")
    except UnicodeDecodeError:
        return escapes[0]


def _wordnet(label: pl.Expr) -> pl.Expr:
    lemma = pl.coalesce(label.str.extract(_WORDNET_SYNSET), label.str.extract(_WORDNET_SENSE), label)
    return _underscores(lemma)


def _conceptnet(label: pl.Expr) -> pl.Expr:
    return _underscores(pl.coalesce(label.str.extract(_CONCEPTNET), label))


def _camel_case(label: pl.Expr) -> pl.Expr:
    between_words = label.str.replace_all(r"(\p{Ll}|\d)(\p{Lu})", "$1 $2")
    return between_words.str.replace_all(r"(\p{Lu})(\p{Lu}\p{Ll})", "$1 $2")


def _parentheses(label: pl.Expr) -> pl.Expr:
    return label.str.replace(_PARENTHESES_AT_THE_END, "")


def _definition(label: pl.Expr) -> pl.Expr:
    return pl.coalesce(label.str.extract(_BEFORE_DEFINITION), label)


def _quotes(label: pl.Expr) -> pl.Expr:
    return pl.coalesce(label.str.extract(r'(?s)^"(.+)"$'), label.str.extract("(?s)^'(.+)'$"), label)


CLEANINGS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "blanks": _blanks,  # '  Paris\u00a0' -> Paris
    "underscores": _underscores,  # Ames,_Iowa -> Ames, Iowa
    "iri": _iri,  # http://dbpedia.org/resource/Ames,_Iowa -> Ames,_Iowa; <Paris> -> Paris
    "wordnet": _wordnet,  # bring.v.10, __bring_VB_10 -> bring
    "conceptnet": _conceptnet,  # /c/en/hot_dog/n -> hot dog
    "camel_case": _camel_case,  # NewYorkCity -> New York City
    "parentheses": _parentheses,  # Paris (film) -> Paris
    "definition": _definition,  # land reform, a redistribution of land -> land reform
    "quotes": _quotes,  # "Paris" -> Paris
}


def checked_cleanings(names: Sequence[str] | str | None) -> tuple[str, ...]:
    """The names of cleanings in their order.

    Args:
        names: of ``CLEANINGS``; one of them alone; None: none.

    Raises:
        ValueError: an unknown name.
    """
    chosen = (names,) if isinstance(names, str) else tuple(names or ())
    for name in chosen:
        if name not in CLEANINGS:
            raise ValueError(
                f"data.clean_labels={name}: expected {', '.join(CLEANINGS)}, or a list of them, which are "
                "applied in its order: data.clean_labels=[iri,underscores]."
            )
    return chosen


def with_clean_labels(source: TripleSource, cleanings: Sequence[str]) -> tuple[TripleSource, pl.Series]:
    """A source with labels that were cleaned, and the entities whose labels became equal.

    Where ids stand in for labels, the labels are made of them, and the source is a labelled one from then on,
    whose ids name its entities too (``named_by_ids``).

    Args:
        source: as a reader returns it.
        cleanings: names of ``CLEANINGS``, applied in this order.

    Returns:
        The source, and those of its entities whose label cleaning made equal to another one's (letter case
        aside), though before it was not.
    """
    cleaned = pl.col("label")
    for name in cleanings:
        cleaned = CLEANINGS[name](cleaned)
    named = source.labels.join(entities_of(source.triples).to_frame(), on="entity", how="semi")
    both = named.with_columns(cleaned=cleaned)
    is_changed = pl.col("label") != pl.col("cleaned")
    changed = both.filter(is_changed).height
    applied = ", ".join(cleanings)
    LOG.info("data.clean_labels=[%s]: labels that it changed: %d of %d", applied, changed, both.height)
    nobody = pl.Series("entity", [], dtype=pl.String)
    if not changed:
        LOG.warning("data.clean_labels=[%s] changes no label.", applied)
        return source, nobody

    name_after = pl.col("cleaned").str.to_lowercase()
    distinct_before = pl.col("label").str.to_lowercase().n_unique().over(name_after)
    alike = both.filter((distinct_before > 1) & (pl.col("cleaned") != ""))["entity"]
    labels = both.filter(pl.col("cleaned") != "").select("entity", label="cleaned")
    notes = source.notes + Counter({f"label cleaned ({applied})": changed})
    cleaned_source = dataclasses.replace(
        source,
        labels=labels.select(list(LABEL_SCHEMA)),
        notes=notes,
        labelled=True,
        named_by_ids=source.named_by_ids or not source.labelled,
    )
    return cleaned_source, alike
