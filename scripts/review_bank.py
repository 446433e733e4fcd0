"""Say how far the readers of the bank of relations agree on its kinds.

    python scripts/review_bank.py [REVIEWS.tsv]

The file has a header and the columns relation, writer, first_reader and second_reader: the kind that each of
them gave, the readers without seeing the writer's or each other's. Without an argument it is ``reviews.tsv``
of the bank that comes with relsym. A relation is to be dropped where the three are not of one mind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from sklearn.metrics import cohen_kappa_score

import relsym
from relsym.data.relation_bank import read_bank
from relsym.data.relations import KINDS

READERS = ("writer", "first_reader", "second_reader")
COLUMNS = ("relation", *READERS)


def read_reviews(path: Path) -> pl.DataFrame:
    """The answers, checked.

    Raises:
        ValueError: other columns, a relation twice, or an answer that is no kind, with its line.
    """
    reviews = pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False)
    if tuple(reviews.columns) != COLUMNS:
        raise ValueError(f"{path}: columns {', '.join(reviews.columns)}; expected {', '.join(COLUMNS)}.")
    seen = set()
    for line, (relation, *answers) in enumerate(reviews.iter_rows(), start=2):
        if relation in seen:
            raise ValueError(f"{path}, line {line}: {relation} a second time. Take one of the two out.")
        seen.add(relation)
        for answer in answers:
            if answer not in KINDS:
                raise ValueError(f"{path}, line {line}: {answer!r} is no kind. Kinds: {', '.join(KINDS)}.")
    return reviews


def report(reviews: pl.DataFrame, kinds: dict[str, str]) -> list[str]:
    """Agreement of each two, Cohen's kappa, and which relations were dropped.

    Args:
        reviews: the answers.
        kinds: of the relations that are in the bank.
    """
    lines = [f"{reviews.height} relations reviewed, {len(kinds)} in the bank"]
    for first, second in (READERS[1:], READERS[:2], (READERS[0], READERS[2])):
        agree = (reviews[first] == reviews[second]).mean()
        kappa = cohen_kappa_score(reviews[first].to_list(), reviews[second].to_list())
        lines.append(f"{first}, {second}: agreement {agree:.1%}, Cohen's kappa {kappa:.3f}")

    one_mind = pl.all_horizontal(pl.col(reader) == pl.col("writer") for reader in READERS)
    differing = reviews.filter(~one_mind)["relation"].to_list()
    dropped = [relation for relation in differing if relation not in kinds]
    lines.append(f"not of one mind: {len(differing)}; dropped: {', '.join(dropped) or 'none'}")
    kept = [relation for relation in differing if relation in kinds]
    if kept:
        lines.append(f"still in the bank, though not of one mind: {', '.join(kept)}")
    unread = sorted(kinds.keys() - set(reviews["relation"]))
    if unread:
        lines.append(f"in the bank, and not reviewed: {', '.join(unread)}")
    return lines


def main(arguments: list[str]) -> None:
    """Print the report."""
    bank = Path(relsym.__file__).parent / "data" / "bank"
    path = Path(arguments[0]) if arguments else bank / "reviews.tsv"
    if not path.is_file():
        sys.exit(f"{path}: no such file. Write one with the columns {', '.join(COLUMNS)}, parted by tabs.")
    kinds = {name: entry.kind for name, entry in read_bank().entries.items()}
    print("\n".join(report(read_reviews(path), kinds)))


if __name__ == "__main__":
    main(sys.argv[1:])
