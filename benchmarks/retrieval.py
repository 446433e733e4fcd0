"""Does a search tell what a sentence implies from what it excludes? Real facts among 20,000 sentences.

    relsym build benchmark=contrast data=wikidata5m data.folder=REAL hydra.run.dir=CONTRAST
    python benchmarks/retrieval.py --benchmark CONTRAST --runs RUN [RUN ...] [--encoders NAME [NAME ...]]
        [--rerankers RUN [RUN ...]]

Each query is a statement about entities that no training row names. Among the sentences stand, for each of
its facts, a paraphrase, the converse, the reversal and the negation; and, as hard ones, the same pair under
another relation of another meaning and the same subject with another object. The query itself is left out,
and so is what facts of other relations say of its pair. The implied ones are on top if they are the nearest,
all of them and nothing else; the excluded ones are below 0 if all are, and most opposed if nothing is further
away; no hard one is above if every implied sentence is nearer than both.
Together are all of these but the sign, which only fixed labels define. The bank of relations trains on these
relations, and on none of the entities.

Beside the runs (of objective=fixed_label) stand encoders before training, and BM25 times a sign: minus where
one of the two sentences denies and the other does not. Words alone cannot tell a sentence from its reversal.
Rerankers are runs that read two sentences together: each is asked about the sentences that the first of the
encoders finds nearest, and orders them by what speaks for entailment less what speaks for contradiction;
those that it is not asked about lie between, at 0.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from relsym import SymmetryModel
from relsym.data.relation_bank import BANK, read_property_table
from relsym.data.relations import ANTISYMMETRIC, CONTRADICTION, ENTAILMENT, SYMMETRIC
from relsym.encoders.bundled import load_bundled
from relsym.encoders.load import load_encoder
from runs import markdown

ASKED = ("paraphrase", "converse", "swap", "negated_identity")
DENIAL = re.compile(r"\b(not|no|never|neither|nor|cannot)\b|n't\b")
KINDS = (SYMMETRIC, ANTISYMMETRIC)
COLUMNS = ("implied on top", "excluded below 0", "excluded most opposed", "no hard one above", "together")
FORMS = {"names": "", "ids": "_delex"}  # the ends of the names of their columns
# Cosines of queries [q dim] and sentences [n dim], or any other score, [q n].
Score = Callable[[Sequence[str], Sequence[str]], np.ndarray]


class Query(NamedTuple):
    """A statement, and the sentences about its fact.

    pair: the two entities it is about.
    implied, excluded: what follows from it, and what cannot hold beside it.
    hard: what looks like it and says something else.
    """

    kind: str
    text: str
    pair: frozenset[str]
    implied: list[str]
    excluded: list[str]
    hard: list[str]


def queries_of(rows: pl.DataFrame, suffix: str, draw: random.Random) -> list[Query]:
    """One query for each fact, in a random order.

    Args:
        rows: of the contrast benchmark, about properties of the bank of the two kinds.
        suffix: of the columns with the texts.
    """
    premise, hypothesis = f"premise{suffix}", f"hypothesis{suffix}"
    names = ("subject", "object") if not suffix else ("subject_id", "object_id")
    facts = rows.filter(variant="identity").unique("fact_id", keep="first", maintain_order=True)
    # A statement of each property, whose two names are exchanged for those of another fact.
    of_property: dict[str, list[dict]] = {}
    for fact in facts.iter_rows(named=True):
        if fact[names[0]] in fact[premise] and fact[names[1]] in fact[premise]:
            of_property.setdefault(fact["property"], []).append(fact)
    relations = read_property_table(BANK)
    meanings = {name: relations[name].meaning for name in rows["property"].unique().to_list()}
    queries = []
    for part in rows.partition_by("fact_id", maintain_order=True):
        fact = part.row(0, named=True)
        asked = part.filter(pl.col("variant").is_in(ASKED))
        by_label = {
            label: asked.filter(label=label)[hypothesis].unique().to_list()
            for label in (ENTAILMENT, CONTRADICTION)
        }
        # Not one that may follow from the fact's own: "child" from "mother".
        others = [name for name in of_property if meanings[name] != meanings[fact["property"]]]
        model = draw.choice(of_property[draw.choice(others)])
        other_relation = renamed(
            model[premise], {model[names[0]]: fact[names[0]], model[names[1]]: fact[names[1]]}
        )
        other = draw.choice(of_property[fact["property"]])
        other_object = renamed(fact[premise], {fact[names[1]]: other[names[1]]})
        known = {fact[premise], *by_label[ENTAILMENT], *by_label[CONTRADICTION]}
        hard = [text for text in (other_relation, other_object) if text not in known]
        pair = frozenset((fact[names[0]], fact[names[1]]))
        queries.append(Query(fact["kind"], fact[premise], pair, *by_label.values(), hard))
    draw.shuffle(queries)
    return queries


class Search:
    """Sentences about the facts of many queries, and those of the queries that are asked.

    Args:
        queries: in a random order.
        asked: how many are asked, half of each kind.
        wanted: how many sentences are searched, of the first queries.
    """

    def __init__(self, queries: Sequence[Query], asked: int, wanted: int) -> None:
        self.sentences = sentences_of(queries, wanted)
        self.place_of = {text: place for place, text in enumerate(self.sentences)}
        complete = [
            query
            for query in queries
            if {*query.implied, *query.excluded, *query.hard} <= self.place_of.keys()
        ]
        self.said_of: dict[frozenset[str], set[str]] = {}
        for query in complete:
            said = self.said_of.setdefault(query.pair, set())
            said |= {*query.implied, *query.excluded, *query.hard, query.text}
        self.queries: list[Query] = []
        for kind in KINDS:
            self.queries += [query for query in complete if query.kind == kind][: asked // 2]

    def left_out(self, query: Query) -> set[str]:
        """The query itself, and what facts of other relations say of its pair: it may follow, and may not.

        That Ann is Bo's mother gives that Bo is Ann's child, and no label says so.
        """
        own = {*query.implied, *query.excluded, *query.hard}
        return {text for text in self.said_of[query.pair] - own if text in self.place_of}

    def answered(self, score: Score) -> dict[str, dict[str, float]]:
        """By kind, the share of its queries that get each of ``COLUMNS`` right."""
        scores = score([query.text for query in self.queries], self.sentences)
        shares = {}
        for kind in KINDS:
            of_kind = [
                judged(query, row, self.place_of, self.left_out(query))
                for query, row in zip(self.queries, scores, strict=True)
                if query.kind == kind
            ]
            right = np.array(of_kind)
            together = right[:, [0, 2, 3]].all(axis=1)
            means = np.column_stack([right, together]).mean(axis=0)
            shares[kind] = dict(zip(COLUMNS, means.tolist(), strict=True))
        return shares


def real_rows(benchmark: Path, split: str) -> pl.DataFrame:
    """Rows of a built benchmark that are about real triples of the two kinds.

    The bank's own relations have names of their own, and made-up entities.
    """
    rows = pl.read_parquet(benchmark / "data" / f"{split}.parquet")
    return rows.filter(pl.col("property").str.contains(r"^P\d+$"), pl.col("kind").is_in(KINDS))


def renamed(text: str, names: dict[str, str]) -> str:
    """The text with names exchanged, all at once."""
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(pattern, lambda match: names[match[0]], text)


def sentences_of(queries: Sequence[Query], wanted: int) -> list[str]:
    """The first so many different sentences about the facts of the queries."""
    sentences: dict[str, None] = {}
    for query in queries:
        sentences |= dict.fromkeys([*query.implied, *query.excluded, *query.hard])
        if len(sentences) >= wanted:
            break
    return list(sentences)


def judged(query: Query, scores: np.ndarray, place_of: dict[str, int], left_out: Set[str]) -> list[bool]:
    """What one query gets right, in the order of ``COLUMNS`` but for the last.

    Args:
        scores: of all sentences.
        place_of: each sentence.
        left_out: sentences that do not count.
    """
    others = np.ones(len(scores), bool)
    others[[place_of[text] for text in left_out]] = False
    implied = np.array([place_of[text] for text in query.implied])
    excluded = np.array([place_of[text] for text in query.excluded])
    hard = np.array([place_of[text] for text in query.hard], int)
    rest = others.copy()
    rest[implied] = False
    is_on_top = scores[implied].min() > scores[rest].max()
    rest = others.copy()
    rest[excluded] = False
    is_opposed = scores[excluded].max() < scores[rest].min()
    is_clean = scores[implied].min() > scores[hard].max(initial=-np.inf)
    return [bool(is_on_top), bool((scores[excluded] < 0).all()), bool(is_opposed), bool(is_clean)]


def by_cosine(encode: Callable[[Sequence[str]], np.ndarray]) -> Score:
    """Cosines of an encoder's vectors."""

    def score(queries: Sequence[str], sentences: Sequence[str]) -> np.ndarray:
        return unit(encode(queries)) @ unit(encode(sentences)).T

    return score


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def by_words(queries: Sequence[str], sentences: Sequence[str]) -> np.ndarray:
    """BM25 times a sign."""
    import bm25s  # an extra, which those who read the figures do without

    search = bm25s.BM25()
    search.index(bm25s.tokenize(list(sentences), stopwords=None, show_progress=False), show_progress=False)
    denies = np.array([bool(DENIAL.search(text)) for text in sentences])
    scores = []
    for query in queries:
        [words] = bm25s.tokenize([query], stopwords=None, return_ids=False, show_progress=False)
        signs = np.where(denies == bool(DENIAL.search(query)), 1, -1)
        scores.append(signs * search.get_scores(words))
    return np.stack(scores)


def reranked(run: SymmetryModel, first: Score, among: int) -> Score:
    """What a run says of the sentences that another score puts on top.

    Args:
        among: how many it is asked about.
    """
    entailment, contradiction = (run.labels.index(label) for label in (ENTAILMENT, CONTRADICTION))

    def score(queries: Sequence[str], sentences: Sequence[str]) -> np.ndarray:
        found = np.argsort(-first(queries, sentences), axis=1)[:, :among]
        pairs = [
            (query, sentences[place])
            for query, places in zip(queries, found, strict=True)
            for place in places.tolist()
        ]
        of_labels = run.scores(pairs)
        speaks = (of_labels[:, entailment] - of_labels[:, contradiction]).reshape(found.shape)
        scores = np.zeros((len(queries), len(sentences)))
        np.put_along_axis(scores, found, speaks, axis=1)
        return scores

    return score


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--benchmark", type=Path, required=True)
    parser.add_argument("--runs", nargs="+", type=Path, required=True)
    parser.add_argument(
        "--encoders", nargs="*", default=["bundled"], help="bundled, or names as of model.name"
    )
    parser.add_argument("--rerankers", nargs="*", type=Path, default=[])
    parser.add_argument("--among", type=int, default=50, help="sentences that a reranker is asked about")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    rows = real_rows(arguments.benchmark, arguments.split)
    readers: dict[str, Score] = {}
    for run in arguments.runs:
        readers[str(run)] = by_cosine(SymmetryModel.load(run).encode)
    for name in arguments.encoders:
        encoder = load_bundled() if name == "bundled" else load_encoder(name)
        readers[name] = by_cosine(lambda texts, encoder=encoder: encoder.encode(list(texts)).numpy())
    readers["BM25 x sign"] = by_words
    for run in arguments.rerankers:
        first = readers[arguments.encoders[0]]
        readers[f"{run}, reranking"] = reranked(SymmetryModel.load(run), first, arguments.among)

    lines = []
    for form, suffix in FORMS.items():
        queries = queries_of(rows, suffix, random.Random(arguments.seed))
        search = Search(queries, arguments.queries, arguments.sentences)
        for name, score in readers.items():
            for kind, shares in search.answered(score).items():
                count = sum(query.kind == kind for query in search.queries)
                shown = [f"{100 * shares[column]:.1f}" for column in COLUMNS]
                lines.append((name, form, kind, count, *shown))
        print(f"{form}: {len(search.sentences):,} sentences, {len(search.queries):,} queries")
    print(markdown(("reader", "form", "kind", "queries", *COLUMNS), lines))


if __name__ == "__main__":
    main()
