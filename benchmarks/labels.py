"""A label that is added after training: what it is worth, what it costs the old ones, beside a regression.

    python benchmarks/labels.py --triples REAL --out outputs/labels

REAL is a folder in the layout of Wikidata5M. Each objective is trained on 64 swap pairs of real facts
(entailment, contradiction). The new label is neutral: the same relation and object of another subject, from
facts that are scored. What is printed is what ``relsym labels add check=true`` measures.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import polars as pl

from relsym.app.earlier_run import load_run
from relsym.app.labels.trial import trial
from relsym.data.relations import read_relations
from relsym.runs.layout import PREDICTIONS
from runs import markdown, run_once

OBJECTIVES = ("random_label", "knn", "knn_learnt")
PAIRS = 200


def neutral_pairs(run: Path, seed: int = 0) -> list[tuple[str, str]]:
    """Statements about facts that the run was scored on, each beside one with another subject."""
    rows = pl.read_parquet(run / PREDICTIONS).filter(form="lexicalised")
    draw = random.Random(seed)
    pairs = []
    for (property,), of_property in rows.partition_by("property", as_dict=True, maintain_order=True).items():
        template = read_relations("extended")[property].template
        premises = of_property["premise"].unique(maintain_order=True).to_list()
        for premise in premises:
            other = draw.choice(premises)
            names, others = names_in(premise, template), names_in(other, template)
            if names and others and len({*names, *others}) == 4:
                pairs.append((premise, filled(template, others[0], names[1])))
    draw.shuffle(pairs)
    return pairs[:PAIRS]


def names_in(sentence: str, template: str) -> tuple[str, str] | None:
    """The names in the slots [X] and [Y] of a template; None where they cannot be told."""
    first, second = sorted(("[X]", "[Y]"), key=template.index)
    before, rest = template.split(first)
    between, after = rest.split(second)
    if not (sentence.startswith(before) and sentence.endswith(after)):
        return None
    inner = sentence[len(before) : len(sentence) - len(after)]
    names = inner.split(between)
    if len(names) != 2:
        return None
    return (names[0], names[1]) if first == "[X]" else (names[1], names[0])


def filled(template: str, subject: str, object: str) -> str:
    """A template with both names."""
    return template.replace("[X]", subject).replace("[Y]", object)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--triples", type=Path, required=True, help="real triples in the layout of Wikidata5M"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rows = []
    for objective in OBJECTIVES:
        folder = options.out.resolve() / objective
        run_once(folder, f"objective={objective}", "data=wikidata5m", f"data.folder={options.triples}")
        model = load_run(str(folder), None, "auto", with_added=False)
        for count, reader, new, before, after in trial(model, neutral_pairs(folder)).iter_rows():
            cells = [f"{100 * share:.1f}" for share in (new, before, after)]
            rows.append((objective, count, reader, *cells))
    header = ("objective", "pairs added", "reader", "new label right", "old labels before", "after")
    print(markdown(header, rows))


if __name__ == "__main__":
    main()
