"""Terms of ConceptNet: which language they are of, and what people call them.

A term is ``/c/LANGUAGE/WORDS``, with an underscore for each blank, and may go on with its part of speech and
its sense: ``/c/en/big_dog/n/wn/animal``. Terms that differ in what follows the words are different entities
with one label. The label is read off the term: the sentence ``surfaceText``, which few assertions have, names
a term in whatever inflexion it stands there.
"""

from __future__ import annotations

import polars as pl


def in_language(language: str) -> pl.Expr:
    """Whether both terms of a statement are of a language (its code)."""
    start = f"/c/{language}/"
    return pl.col("subject").str.starts_with(start) & pl.col("object").str.starts_with(start)


def term_labels(terms: pl.Series) -> pl.DataFrame:
    """The labels of terms (columns entity and label); null of what is no term."""
    words = terms.str.extract(r"^/c/[^/]+/([^/]+)")
    return pl.DataFrame({"entity": terms, "label": words.str.replace_all("_", " ", literal=True)})
