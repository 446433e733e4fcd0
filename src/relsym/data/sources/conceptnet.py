"""Terms of ConceptNet: which language they are of, and what people call them.

A term is ``/c/LANGUAGE/WORDS``, with an underscore for each blank, and may go on with its part of speech and
its sense: ``/c/en/big_dog/n/wn/animal``. Terms that differ in what follows the words are different entities
with one label. The label is read off the term: the sentence ``surfaceText``, which few assertions have, names
a term in whatever inflexion it stands there.
"""

from __future__ import annotations

from collections import Counter

import polars as pl

SHOWN_LANGUAGES = 10  # languages that an error names
_LANGUAGE = "^/c/([^/]+)/"


def in_language(language: str) -> pl.Expr:
    """Whether both terms of a statement are of a language (its code)."""
    start = f"/c/{language}/"
    return pl.col("subject").str.starts_with(start) & pl.col("object").str.starts_with(start)


def no_such_language(language: str, terms: Counter[str], origin: str) -> str:
    """The error where no statement has both of its terms in a language, with the languages that there are.

    Args:
        language: the wanted one.
        terms: of the statements that were left out, by language.
        origin: where they are from.
    """
    seen = [f"{name} ({number})" for name, number in terms.most_common(SHOWN_LANGUAGES)]
    more = f" and {len(terms) - SHOWN_LANGUAGES} more" if len(terms) > SHOWN_LANGUAGES else ""
    return (
        f"{origin}: no statement of the chosen properties has both terms in data.language={language}. Their "
        f"terms are of {', '.join(seen)}{more}. Name one of these languages with data.language=CODE."
    )


def languages_of(statements: pl.DataFrame) -> Counter[str]:
    """How many terms of statements are of each language; what is no term counts for none."""
    terms = pl.concat([statements["subject"], statements["object"]])
    counts = terms.str.extract(_LANGUAGE).drop_nulls().value_counts()
    return Counter(dict(counts.iter_rows()))


def term_labels(terms: pl.Series) -> pl.DataFrame:
    """The labels of terms (columns entity and label); null of what is no term."""
    words = terms.str.extract(r"^/c/[^/]+/([^/]+)")
    return pl.DataFrame({"entity": terms, "label": words.str.replace_all("_", " ", literal=True)})
