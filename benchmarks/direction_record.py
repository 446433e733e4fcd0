"""What was measured of the direction encoder: counts by relation in one JSON file, and the shares they give.

The file holds aggregates alone. It is written anew with every figure, so that a measurement that was broken
off goes on where it stopped, and runs that were deleted leave their figures behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from relsym.data.pairs import COUNTED_APART
from relsym.evaluation.clusters import cluster_interval
from relsym.runs.files import write_atomically
from relsym.runs.metric_keys import ROLE_MEASURES

# Of a relation: how many are right, of how many.
Count = tuple[int, int]
# By measure, form, kind and relation.
Counts = dict[str, dict[str, dict[str, dict[str, Count]]]]
SWAP = "swap"


class Share(NamedTuple):
    """A share of facts, with the 95 % interval that draws whole relations; no interval of one relation."""

    value: float
    low: float | None
    high: float | None
    facts: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{100 * self.value:.1f}"
        return f"{100 * self.value:.1f} [{100 * self.low:.0f}, {100 * self.high:.0f}]"


class Record:
    """The figures of a file, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def once(self, name: str, measure: Callable[..., Any], *arguments: Any) -> Any:
        """The figure of this name; where there is none yet, what is measured now, which is kept."""
        if name not in self.figures:
            print(f"measuring {name}", flush=True)
            self.figures[name] = measure(*arguments)
            text = json.dumps(self.figures, indent=1, sort_keys=True)
            write_atomically(self.path, lambda path: path.write_text(_joined(text) + "\n"))
        return self.figures[name]

    def forget(self, prefix: str) -> None:
        """Drop the figures whose names begin so, that they are measured again."""
        self.figures = {name: figure for name, figure in self.figures.items() if not name.startswith(prefix)}

    def named(self, prefix: str, suffix: str) -> list[Any]:
        """The figures of several runs (seeds): all whose names begin and end so."""
        return [
            figure
            for name, figure in self.figures.items()
            if name.startswith(prefix) and name.endswith(suffix)
        ]


def _joined(text: str) -> str:
    """JSON with each count of two numbers on one line."""
    return re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text)


def counts_of(predictions: pl.DataFrame) -> Counts:
    """Whole groups, both roles and the swap of the rows of ``predictions.parquet``, by relation."""
    counts: Counts = {"groups": _whole(predictions.filter(~pl.col("variant").is_in(COUNTED_APART)))}
    for measure, variants in ROLE_MEASURES.items():
        asked = predictions.filter(pl.col("variant").is_in(variants))
        complete = pl.len().over("form", "fact_id") == len(variants)
        counts[measure] = _whole(asked.filter(complete))
    counts[SWAP] = _whole(predictions.filter(variant=SWAP))
    return counts


def _whole(rows: pl.DataFrame) -> dict[str, dict[str, dict[str, Count]]]:
    """Facts all of whose rows are right, by form, kind and relation."""
    facts = rows.group_by("form", "kind", "property", "fact_id").agg(pl.col("correct").all())
    by_relation = facts.group_by("form", "kind", "property").agg(pl.col("correct").sum(), pl.len())
    counts: dict[str, dict[str, dict[str, Count]]] = {}
    for form, kind, property, right, total in by_relation.sort("form", "kind", "property").iter_rows():
        counts.setdefault(form, {}).setdefault(kind, {})[property] = (right, total)
    return counts


def share(counts: Iterable[Mapping[str, Count]]) -> Share:
    """The share over all runs (seeds), with the interval that draws relations."""
    correct: list[bool] = []
    relations: list[str] = []
    for of_run in counts:
        for relation, (right, total) in of_run.items():
            correct += [True] * right + [False] * (total - right)
            relations += [relation] * total
    low, high = cluster_interval(correct, relations) or (None, None)
    return Share(sum(correct) / len(correct), low, high, len(correct))
