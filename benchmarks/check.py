"""relsym check: does it find what was planted, what does it take, and what does the share of reverses know
that the wording does not?

    python benchmarks/check.py planted --triples REAL
    python benchmarks/check.py kinds --triples REAL
    python benchmarks/check.py speed [--count 21000000]

REAL is a folder in the layout of Wikidata5M.

``planted`` takes one direction of 10 % of the pairs that a symmetric property states both ways away, plants
500 reversals of antisymmetric statements, and compares the findings before and after: how many of the planted
ones are found, and of the other new ones, whether they are about a pair, or a circle, that was touched.

``kinds`` tells symmetric from antisymmetric properties, one left out at a time: from the wording alone, from
the share of some drawn pairs of entities that are stated both ways, and from both, by logistic regression on
the others. With no pair drawn the share knows nothing.

``speed`` checks made-up statements, as many of each property as a real file has in proportion, and prints the
seconds of all rules, the seconds to write the findings, and the peak memory.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

from relsym import check_statements
from relsym.checking.knowledge_check import KnowledgeCheck
from relsym.checking.statements import StatementSet, pairs_in, reversed_codes
from relsym.checking.wording_kinds import WordingKinds
from relsym.data.relations import ANTISYMMETRIC, SYMMETRIC, read_relations
from relsym.report.findings.tables import write_parquet
from runs import markdown

TAKEN_AWAY, PLANTED = 0.1, 500
DRAWS = 100
DRAWN = (0, 1, 5, 20)
PAIR = ("property", "first", "second")
# Statements of each property in a hundred, and whether half of its pairs are stated both ways.
MADE_UP = {
    "P279": 22,
    "P47": 14,
    "P361": 14,
    "P3373": 11,
    "P131": 11,
    "P1889": 8,
    "P40": 8,
    "P22": 6,
    "P25": 6,
}
BOTH_WAYS = ("P47", "P3373", "P1889")
ENTITIES = 5_000_000


def real_triples(folder: Path) -> pl.DataFrame:
    """The statements of a folder, each once."""
    columns = ["subject", "property", "object"]
    return pl.read_csv(folder / "triples.tsv", separator="\t", has_header=False, new_columns=columns).unique(
        maintain_order=True
    )


def with_pairs(statements: pl.DataFrame) -> pl.DataFrame:
    """Statements or findings with their two entities in an order that the reverse has too."""
    return statements.with_columns(
        first=pl.min_horizontal("subject", "object"), second=pl.max_horizontal("subject", "object")
    )


def planted(triples: pl.DataFrame) -> None:
    """Take away and plant, and compare the findings."""
    kinds = {name: relation.kind for name, relation in read_relations("extended").items()}
    rows = with_pairs(triples).with_columns(kind=pl.col("property").replace_strict(kinds, default=""))
    rows = rows.filter(pl.col("first") != pl.col("second"))
    stated_both_ways = rows.filter(pl.len().over(*PAIR) == 2, pl.col("kind") == SYMMETRIC)
    pairs = stated_both_ways.unique([*PAIR], keep="any", maintain_order=True)
    removed = pairs.sample(fraction=TAKEN_AWAY, seed=0)
    one_way = rows.filter(pl.len().over(*PAIR) == 1, pl.col("kind") == ANTISYMMETRIC)
    chosen = one_way.sample(PLANTED, seed=0)
    reversals = chosen.select(subject="object", property="property", object="subject")
    changed = pl.concat([triples.join(removed, on=["subject", "property", "object"], how="anti"), reversals])

    before, after = check_statements(triples), check_statements(changed)
    key = ["rule", "property", "subject", "object"]
    fresh = with_pairs(after.table().join(before.table(), on=key, how="anti"))
    missing = fresh.filter(pl.col("rule") == "missing_reverse").join(removed, on=[*PAIR], how="semi")
    reversed_pairs = fresh.filter(pl.col("rule") == "reversed_antisymmetric")
    reversed_pairs = reversed_pairs.join(with_pairs(reversals), on=[*PAIR], how="semi")
    expected = pl.concat([missing, reversed_pairs])
    others = fresh.join(expected, on=key, how="anti")
    touched = pl.concat([removed.select("first", "second"), with_pairs(reversals).select("first", "second")])
    entailed = others.filter(pl.col("rule") != "cycle").join(touched, on=["first", "second"], how="semi")
    circles = [
        _leads_through(evidence, reversals)
        for evidence in others.filter(pl.col("rule") == "cycle")["evidence"]
    ]
    unexplained = others.height - entailed.height - sum(circles)

    print(f"pairs stated both ways: {pairs.height:,}; taken away: {removed.height:,}; planted: {PLANTED}\n")
    table = [
        ("missing reverse", removed.height, missing.height),
        ("reversed antisymmetric", PLANTED, reversed_pairs.height),
    ]
    print(markdown(("planted", "number", "found"), table))
    counts = Counter(entailed["rule"].to_list()) + Counter({"cycle": sum(circles)})
    print(markdown(("new beside them, about what was planted", "number"), sorted(counts.items())))
    print(f"new, and about nothing that was planted: {unexplained}")


def _leads_through(evidence: str, reversals: pl.DataFrame) -> bool:
    """Whether a circle has one of the planted statements in it."""
    property, _, way = evidence.partition(" leads round ")
    ids = way.partition(": ")[2].partition(" (")[0].split(" -> ")
    steps = set(zip(ids, [property] * len(ids), ids[1:], strict=False))
    return any(row in steps for row in reversals.iter_rows())


def kinds(triples: pl.DataFrame) -> None:
    """Tell kinds from wordings, from shares, and from both."""
    relations = read_relations("extended")
    statements = StatementSet(triples.filter(pl.col("property").is_in(list(relations))))
    random = np.random.default_rng(0)
    names = []
    both_ways = {}
    for property in statements:
        if relations[property].kind in (SYMMETRIC, ANTISYMMETRIC):
            names.append(property)
            pairs = pairs_in(statements.proper(property))
            stated = statements.states(property, pairs) & statements.states(property, reversed_codes(pairs))
            both_ways[property] = stated
    votes = WordingKinds().votes({name: relations[name] for name in names})
    symmetric = np.array([relations[name].kind == SYMMETRIC for name in names])
    wording = np.array([_log_odds(votes[name].kind, votes[name].probability) for name in names])

    rows = []
    for drawn in DRAWN:
        seen = np.zeros((len(names), DRAWS))
        for place, name in enumerate(names):
            if drawn:
                seen[place] = random.choice(both_ways[name], size=(DRAWS, drawn)).sum(axis=1)
        right = {"wording": (wording > 0) == symmetric}
        features = {"share": _share(seen, drawn), "both": _with_wording(seen, drawn, wording)}
        for how, values in features.items():
            right[how] = _left_out(values, symmetric)
        rows.append((drawn, *(f"{100 * np.mean(right[how]):.1f}" for how in ("wording", "share", "both"))))
    print(f"{len(names)} properties, {int(symmetric.sum())} of them symmetric; {DRAWS} draws each\n")
    print(markdown(("pairs drawn of each property", "wording", "share", "both"), rows))


def _log_odds(kind: str, probability: float) -> float:
    """Of being symmetric."""
    odds = np.log(probability / (1 - probability))
    return float(odds if kind == SYMMETRIC else -odds)


def _share(seen: np.ndarray, drawn: int) -> np.ndarray:
    """Features [properties draws 1]: the share, a pair of each kind added."""
    return ((seen + 1) / (drawn + 2))[..., None]


def _with_wording(seen: np.ndarray, drawn: int, wording: np.ndarray) -> np.ndarray:
    """Features [properties draws 2]: the share, and the wording's log-odds."""
    odds = np.broadcast_to(wording[:, None, None], (*seen.shape, 1))
    return np.concatenate([_share(seen, drawn), odds], axis=-1)


def _left_out(features: np.ndarray, symmetric: np.ndarray) -> np.ndarray:
    """Whether each draw of each property is told right by what was fitted on the others."""
    right = []
    for place in range(len(symmetric)):
        others = np.arange(len(symmetric)) != place
        inputs = features[others].reshape(-1, features.shape[-1])
        labels = symmetric[others].repeat(features.shape[1])
        model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000).fit(inputs, labels)
        right.append(model.predict(features[place]) == symmetric[place])
    return np.array(right)


def made_up(count: int) -> pl.DataFrame:
    """Statements between random entities."""
    random = np.random.default_rng(0)
    parts = []
    for property, hundredths in MADE_UP.items():
        number = count * hundredths // 100
        paired = number // 4 if property in BOTH_WAYS else 0
        # Few lead back, as in a real file: the subject has mostly the lower number.
        ends = np.sort(random.integers(1, ENTITIES, size=(number - paired, 2)), axis=1)
        ends = np.concatenate([ends, ends[:paired, ::-1]])
        parts.append(
            pl.DataFrame({"subject": ends[:, 0], "object": ends[:, 1]}).select(
                pl.format("Q{}", "subject").alias("subject"),
                pl.lit(property).alias("property"),
                pl.format("Q{}", "object").alias("object"),
            )
        )
    return pl.concat(parts)


def speed(count: int) -> None:
    """Seconds and memory of all rules over so many statements."""
    triples = made_up(count)
    before = peak()
    began = time.perf_counter()
    result: KnowledgeCheck = check_statements(triples)
    looked = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(result, Path(folder) / "findings.parquet")
    wrote = time.perf_counter()
    table = [
        (
            f"{triples.height:,}",
            f"{len(result):,}",
            f"{looked - began:.1f}",
            f"{wrote - looked:.1f}",
            f"{before:.1f}",
            f"{peak():.1f}",
        )
    ]
    print(markdown(("statements", "findings", "rules, s", "writing, s", "GiB before", "GiB at most"), table))


def peak() -> float:
    """The peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("planted", "kinds", "speed"))
    parser.add_argument("--triples", type=Path, help="real triples in the layout of Wikidata5M")
    parser.add_argument("--count", type=int, default=21_000_000)
    options = parser.parse_args()
    if options.what == "speed":
        speed(options.count)
    elif options.triples is None:
        parser.error(f"{options.what} needs --triples")
    elif options.what == "planted":
        planted(real_triples(options.triples))
    else:
        kinds(real_triples(options.triples))


if __name__ == "__main__":
    main()
