"""Labels that are written as literals of KGTK (``'Paris'@en``) or of RDF (``"Paris"@en``)."""

from __future__ import annotations

import logging
import re
from collections import Counter

import polars as pl

from relsym.visible import printable

LOG = logging.getLogger(__name__)
ENGLISH = "en"
ANY_LANGUAGE = "mul"  # Wikidata's tag of a label that stands for all languages
# A text in quotes with its language (and direction, which RDF 1.2 has) or its datatype, and with the end of a
# statement behind it perhaps. Quotes alone prove nothing: "Heroes" is a song's name.
_END = r"\s*[.;,]?\s*$"
_TAG = r"@(?<language>[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*)(?:--(?:ltr|rtl))?"
_DATATYPE = r"\^\^(?:<[^<>\s]*>|[\w-]*:[\w-]+)"
TAGGED_LITERAL = rf"""(?s)^\s*(?:'(?<kgtk>.*)'|"(?<rdf>.*)"){_TAG}{_END}"""
TYPED_LITERAL = rf'(?s)^\s*"(?<typed>.*)"{_DATATYPE}{_END}'
_MAY_BE_LITERAL = r"""(?s)^\s*['"].*['"](?:@|\^\^)"""
# The text of a literal of Turtle that stands in three quotes, when the outer ones are gone.
_IN_MORE_QUOTES = {"rdf": r'(?s)^""(.*)""$', "kgtk": r"(?s)^''(.*)''$"}
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
# The escapes of N-Triples, and those that KGTK has beside them.
RDF_CHARACTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
KGTK_CHARACTERS = {**RDF_CHARACTERS, "a": "\a", "v": "\v", "|": "|"}


def unescape(text: str, kgtk: bool = False) -> str:
    """Undo the escapes of N-Triples (W3C recommendation of 2014, section 2.4), or of these and KGTK.

    Raises:
        ValueError: an escape that there is not, or a number that is no character's.
    """
    characters = KGTK_CHARACTERS if kgtk else RDF_CHARACTERS

    def character(escape: re.Match[str]) -> str:
        """A letter's character (such as that of \\n), or that of a code point."""
        short, long, letter = escape.groups()
        if letter in characters:
            return characters[letter]
        if letter is None:
            code = int(short or long, 16)
            is_surrogate = 0xD800 <= code <= 0xDFFF
            if code <= 0x10FFFF and not is_surrogate:
                return chr(code)
        raise ValueError(f"{escape.group()} is no escape of a character")

    return ESCAPE.sub(character, text) if "\\" in text else text


def plain_labels(
    labels: pl.DataFrame, language: str | None, notes: Counter[str], origin: str
) -> tuple[pl.DataFrame, str | None]:
    """The labels without the quotes, escapes and tags of literals, in one language.

    Labels that are no literals stay as they are; those that look like one are counted in a warning. Of those
    with a language an entity keeps the ones in the language itself, or else in a variant of it (``en-gb`` of
    ``en``), or else in ``mul``; the others are dropped and counted.

    Args:
        labels: entity and label, in the order in which they were read.
        language: the tag of the language; None: the only one there is, or English of several.
        notes: counts, raised by those in other languages.
        origin: where the labels are from, for errors.

    Returns:
        The labels, in their order, and the language that was taken; None where no label has one.

    Raises:
        ValueError: no label in the language, several languages of which none is English, an escape that is
            none.
    """
    label = pl.col("label")
    may_be_literal = label.str.contains(_MAY_BE_LITERAL)
    if not labels.select(may_be_literal.any()).item():
        return labels, None

    parts = labels.with_columns(label.str.extract_groups(TAGGED_LITERAL).struct.unnest())
    parts = parts.with_columns(label.str.extract_groups(TYPED_LITERAL).struct.unnest())
    in_quotes = pl.coalesce("kgtk", "rdf", "typed")
    in_more = [pl.col(name).str.extract(pattern) for name, pattern in _IN_MORE_QUOTES.items()]
    tag = pl.col("language").str.to_lowercase().str.replace_all("_", "-")
    parts = parts.with_columns(content=pl.coalesce(*in_more, in_quotes), language=tag)
    content = pl.col("content")
    _tell_unread(parts.filter(may_be_literal & content.is_null())["label"], origin)
    escaped = parts.filter(content.str.contains("\\", literal=True))
    texts = {}
    for text in escaped["content"].unique():
        texts[text] = _content(text, origin)
    parts = parts.with_columns(label=pl.coalesce(content.replace_strict(texts, default=content), label))

    tags = parts["language"].drop_nulls()
    if tags.is_empty():
        return parts.select(labels.columns), None
    chosen = _chosen_language(set(tags), language, origin)
    return _of_language(parts, chosen, tags, notes).select(labels.columns), chosen


def _of_language(parts: pl.DataFrame, language: str, tags: pl.Series, notes: Counter[str]) -> pl.DataFrame:
    """The labels in this language or in none; see ``plain_labels``."""
    tag = pl.col("language")
    rank = (
        pl.when(tag.is_null() | (tag == language))
        .then(0)
        .when(tag.str.starts_with(f"{language}-"))
        .then(1)
        .when(tag == ANY_LANGUAGE)
        .then(2)
    )
    ranked = parts.with_columns(rank=rank)
    kept = ranked.filter(pl.col("rank") == pl.col("rank").min().over("entity"))
    left_out = parts.height - kept.height
    if left_out:
        notes[f"label in another language ({language} is taken)"] += left_out
        languages = [tag for tag, _ in Counter(tags).most_common()]
        shown = ", ".join(languages[:8]) + (" ..." if len(languages) > 8 else "")
        LOG.info("labels are in %s; taken: %s, left out: %d labels", shown, language, left_out)
    return kept


def _chosen_language(tags: set[str], language: str | None, origin: str) -> str:
    """The language to take.

    Args:
        tags: of the labels, in lower case.
        language: the wanted one; None: see ``plain_labels``.
        origin: for errors.
    """
    main_tags = {tag.partition("-")[0] for tag in tags} - {ANY_LANGUAGE}
    shown = ", ".join(sorted(tags)[:20])
    if language is None:
        if ENGLISH in main_tags or not main_tags:
            return ENGLISH
        if len(main_tags) == 1:
            return main_tags.pop()
        raise ValueError(f"{origin}: the labels are in {shown}. Say which to take with data.language=TAG.")
    wanted = language.lower().replace("_", "-")
    if not any(tag in (wanted, ANY_LANGUAGE) or tag.startswith(f"{wanted}-") for tag in tags):
        raise ValueError(
            f"data.language={language}: the labels of {origin} are in {shown}. Name one of these."
        )
    return wanted


def _tell_unread(labels: pl.Series, origin: str) -> None:
    """Warn of labels that look like literals and are none; ``origin`` is where they are from."""
    if not labels.is_empty():
        LOG.warning(
            "%s: labels that look like literals and are not read as such: %d, such as %s. They stay as "
            "they are: if they are literals, write 'TEXT'@TAG or \"TEXT\"@TAG, and nothing behind the tag.",
            origin,
            labels.len(),
            printable(labels[0]),
        )


def _content(text: str, origin: str) -> str:
    """What stands between the quotes of a literal, without escapes; ``origin`` is for errors."""
    try:
        return unescape(text, kgtk=True)
    except ValueError as error:
        raise ValueError(f"{origin}: the label {text[:80]!r}: {error}. Correct it.") from error
