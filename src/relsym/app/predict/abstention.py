"""When ``relsym predict`` abstains: calibrated on the rows that the run itself was scored on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray

from relsym.data.pairs import Row
from relsym.data.progress import progress
from relsym.evaluation.conformal import ENTITY_PARTS, Kept, abstains, kept, nonconformity, threshold
from relsym.models.base import Columns
from relsym.models.run import RunModel
from relsym.runs.layout import PREDICTIONS, RESULTS
from relsym.runs.predictions import read_answers
from relsym.runs.results import TrainResults, read_results


@dataclass(frozen=True)
class Abstention:
    """The threshold of a run's answers, and how its promise was kept.

    coverage: that is promised.
    q: see ``relsym.evaluation.conformal``.
    on_entities: on facts that did not calibrate it.
    on_relations: on relations that neither trained the run nor calibrated it; None: there are none.
    """

    coverage: float
    q: float
    on_entities: Kept
    on_relations: Kept | None

    def of(self, scores: Float[ndarray, "n labels"]) -> list[bool]:
        """Whether each row is abstained from."""
        return abstains(nonconformity(scores), self.q).tolist()

    def account(self) -> str:
        """How the promise was kept, for a person."""
        rows = self.on_entities.rows
        lines = [
            f"predict.coverage={self.coverage:g}, calibrated on {rows:,} rows that the run was scored on:",
            f"  on facts about other entities {self._kept(self.on_entities)}.",
        ]
        if self.on_relations is None:
            lines.append(
                "  on relations that it never saw nothing is known: all that it was scored on had trained "
                "it. Expect less there; runs with data=relations or data.fold=... are scored on others."
            )
        else:
            lines.append(f"  on relations that it never saw {self._kept(self.on_relations)}.")
        return "\n".join(lines)

    def _kept(self, promise: Kept) -> str:
        """How it was kept on one kind of rows."""
        covered, abstained = f"{100 * promise.covered:.1f} %", f"{100 * promise.abstained:.1f} %"
        # Two standard errors of a share of so many independent groups: fewer is not kept.
        slack = 2 * np.sqrt(self.coverage * (1 - self.coverage) / promise.groups)
        verdict = "" if promise.covered >= self.coverage - slack else ": the promise is NOT kept"
        return f"the label is held possible in {covered}, and {abstained} are abstained from{verdict}"


def calibrated(model: RunModel, coverage: float) -> Abstention:
    """The abstention of a run.

    Args:
        model: the run; its folder holds the rows that it was scored on.
        coverage: in (0, 1).

    Raises:
        ValueError: the rows are gone, damaged, or too few for this coverage.
    """
    folder = Path(model.name).expanduser()
    results = read_results(folder / RESULTS)
    assert isinstance(results, TrainResults)  # what was loaded is a training
    if read_answers(results) is None:
        raise ValueError(
            f"{folder / PREDICTIONS} is gone, whose rows predict.coverage calibrates on. Leave it out, or "
            "train again."
        )
    table = pl.read_parquet((folder / PREDICTIONS).read_bytes())
    rows = []
    for line in table.select("pair_id", "property", "premise", "hypothesis", "label").iter_rows(named=True):
        rows.append(
            Row(line["pair_id"], line["property"], "", line["premise"], line["hypothesis"], line["label"])
        )
    with progress("calibrating", len(rows)) as advance:
        measured = model.measure(rows, advance)
    values = nonconformity(scores_of(measured, model.labels))
    targets = np.array([model.labels.index(label) for label in table["label"]])
    q = threshold(values[np.arange(len(values)), targets], coverage)
    if not np.isfinite(q):
        raise ValueError(
            f"predict.coverage={coverage:g}: the {len(rows)} rows that the run was scored on are too few for "
            f"it: at most {len(rows) / (len(rows) + 1):.3f}."
        )
    facts = table.select(pl.when(pl.col("fact_id") == "").then("pair_id").otherwise("fact_id"))
    on_entities = kept(values, targets, facts.to_series().to_list(), coverage, ENTITY_PARTS)
    is_new = ~table["property"].is_in(list(results.train_properties or {})).to_numpy()
    relations = table["property"].filter(pl.Series(is_new)).to_list()
    on_relations = None
    if len(set(relations)) > 1 and results.train_properties is not None:
        on_relations = kept(values[is_new], targets[is_new], relations, coverage)
    return Abstention(coverage, q, on_entities, on_relations)


def scores_of(measured: Columns, labels: tuple[str, ...]) -> Float[ndarray, "n labels"]:
    """The scores that a model has measured, in the order of its labels."""
    return np.array([measured[label] for label in labels], np.float64).T
