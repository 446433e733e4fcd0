"""The sentences of SIS by what gives an answer away: an exchange around "and", a verb that trained."""

from __future__ import annotations

import re

import polars as pl
import torch
from torchmetrics.functional import spearman_corrcoef

from relsym.data.relation_bank import BANK, read_property_table
from relsym.data.relations import ENTAILMENT
from relsym.data.splits import TRAIN
from relsym.evaluation.classification import auroc

# Exchanging two names changes the case of pronouns, and may leave an article out.
PRONOUNS = {"i": "me", "he": "him", "she": "her", "they": "them", "we": "us"}
ARTICLES = ("the", "a", "an")


def parts_of_sis(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """All rows, those without an exchange around "and", and of these such with a verb that trained or not.

    Args:
        rows: of ``rated.parquet``.
    """
    texts = [rows["premise"].to_list(), rows["hypothesis"].to_list()]
    around = [exchanges_around_and(*pair) for pair in zip(*texts, strict=True)]
    words = trained_words()
    known = [bool(forms_of(verb) & words) for verb in rows["property"].to_list()]
    rows = rows.with_columns(around=pl.Series(around), known=pl.Series(known))
    others = rows.filter(~pl.col("around"))
    return {
        "all": rows,
        'no exchange around "and"': others,
        "of these, a verb of the bank": others.filter("known"),
        "of these, another verb": others.filter(~pl.col("known")),
    }


def figures_of(rows: pl.DataFrame, score: str) -> dict[str, float]:
    """Spearman's correlation of a score with how much the same the two mean, over all rows; the area under
    the ROC curve over those with a label.

    Args:
        score: the column.
    """
    scores = torch.tensor(rows[score].to_list(), dtype=torch.float64)
    ratings = torch.tensor(rows["rating"].to_list(), dtype=torch.float64)  # low: means the same
    labelled = rows.filter(pl.col("label").is_not_null())
    area = auroc(labelled["label"].to_list(), labelled[score].to_list())
    return {
        "sentences": rows.height,
        "entailment": labelled.filter(label=ENTAILMENT).height,
        "contradiction": labelled.filter(pl.col("label") != ENTAILMENT).height,
        "spearman": round(float(spearman_corrcoef(scores, -ratings)), 4),
        "auroc": None if area is None else round(area, 4),
    }


def exchanges_around_and(sentence: str, exchanged: str) -> bool:
    """Whether the second says "B and A" where the first says "A and B", and else the same."""
    words, other = plain_words(sentence), plain_words(exchanged)
    for place in [place for place, word in enumerate(words) if word == "and"]:
        for begin in range(place):
            for end in range(place + 2, len(words) + 1):
                first, second = words[begin:place], words[place + 1 : end]
                if words[:begin] + second + ["and"] + first + words[end:] == other:
                    return True
    return False


def plain_words(sentence: str) -> list[str]:
    """Its words in lower case, without articles, pronouns in one case."""
    words = re.findall(r"[\w'-]+", sentence.lower())
    return [PRONOUNS.get(word, word) for word in words if word not in ARTICLES]


def trained_words() -> set[str]:
    """The words of all wordings that the bank trains on."""
    texts = [
        text
        for relation in read_property_table(BANK).values()
        if relation.side == TRAIN
        for text in (relation.reworded or relation).wordings
        if text
    ]
    return {word for text in texts for word in plain_words(text)}


def forms_of(verb: str) -> set[str]:
    """The regular forms of a verb."""
    stem = verb[:-1]
    forms = {verb, f"{verb}s", f"{verb}es", f"{verb}ed", f"{verb}ing"}
    if verb.endswith("e"):
        forms |= {f"{verb}d", f"{stem}ing"}
    if verb.endswith("y"):
        forms |= {f"{stem}ies", f"{stem}ied"}
    return forms
