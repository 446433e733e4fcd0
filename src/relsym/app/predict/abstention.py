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
from relsym.evaluation.conformal import FACT_PARTS, Kept, abstains, kept, nonconformity, threshold
from relsym.models.base import Columns
from relsym.models.run import RunModel
from relsym.runs.layout import PREDICTIONS, RESULTS
from relsym.runs.predictions import read_answers
from relsym.runs.results import TrainResults, read_results

# A share of so few groups says little: by more than this, two standard errors, it may be off.
TELLS_LITTLE = 0.05


@dataclass(frozen=True)
class Abstention:
    """The threshold of a run's answers, and how its promise was kept.

    coverage: that is promised.
    q: see ``relsym.evaluation.conformal``.
    rows: that calibrate it.
    on_facts: on facts that did not calibrate it; None: they are too few.
    on_relations: on relations that neither trained the run nor calibrated it; None: see ``without``.
    without: why nothing is known of such relations.
    added: labels that were added after training.
    """

    coverage: float
    q: float
    rows: int
    on_facts: Kept | None
    on_relations: Kept | None
    without: str
    added: tuple[str, ...] = ()

    def of(self, scores: Float[ndarray, "n labels"]) -> list[bool]:
        """Whether each row is abstained from."""
        return abstains(nonconformity(scores), self.q).tolist()

    def account(self) -> str:
        """How the promise was kept, for a person."""
        rows = f"{self.rows:,} of the rows that the run was scored on"
        lines = [
            f"predict.coverage={self.coverage:g}, calibrated on {rows}:",
            f"  on other facts {self._kept(self.on_facts, 'facts', 'they are too few')}.",
            f"  on relations that it never saw {self._kept(self.on_relations, 'relations', self.without)}.",
        ]
        if self.added:
            lines.append(
                f"  for pairs of {', '.join(self.added)} nothing is promised: no row that calibrates has "
                "a label that was added later."
            )
        return "\n".join(lines)

    def _kept(self, promise: Kept | None, groups: str, without: str) -> str:
        """How it was kept on one kind of rows.

        Args:
            promise: None where that is not known.
            groups: what was left out of the calibration in turn.
            without: why it is not known.
        """
        if promise is None:
            return f"nothing is known: {without}"
        right = (
            "none are answered"
            if promise.right is None
            else f"of those answered {_percent(promise.right)} are right"
        )
        covered, abstained = _percent(promise.covered), _percent(promise.abstained)
        text = f"the label is held possible in {covered}; {abstained} are abstained from, and {right}"
        slack = 2 * np.sqrt(self.coverage * (1 - self.coverage) / promise.groups)
        if promise.covered < self.coverage - slack:
            return f"{text}. THE PROMISE IS NOT KEPT"
        if slack > TELLS_LITTLE:
            return f"{text}. {promise.groups} {groups} are too few to tell whether the promise is kept"
        return text


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


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
            f"{folder / PREDICTIONS} is not there, whose rows predict.coverage calibrates on. Leave it out, "
            "or pass model.folder=RUN of a training that has them."
        )
    table = pl.read_parquet((folder / PREDICTIONS).read_bytes())
    # Rows with names, where there are some: they are most like what users ask.
    table = table.filter(form=results.forms[0])
    rows = []
    for line in table.select("pair_id", "property", "premise", "hypothesis", "label").iter_rows():
        pair_id, property, premise, hypothesis, label = line
        rows.append(Row(pair_id, property, "", premise, hypothesis, label))
    with progress("calibrating", len(rows)) as advance:
        measured = model.measure(rows, advance)
    values = nonconformity(scores_of(measured, model.labels))
    targets = np.array([model.labels.index(label) for label in table["label"]])
    q = threshold(values[np.arange(len(values)), targets], coverage)
    if q == np.inf:
        raise ValueError(
            f"predict.coverage={coverage:g}: the {len(rows)} rows that the run was scored on are too few for "
            f"it: at most {len(rows) / (len(rows) + 1):.3f}."
        )
    facts = table.select(pl.when(pl.col("fact_id") == "").then("pair_id").otherwise("fact_id"))
    on_facts = kept(values, targets, facts.to_series().to_list(), coverage, FACT_PARTS)
    is_new = ~table["property"].is_in(list(results.train_properties or {})).to_numpy()
    on_relations = None
    without = _without_new_relations(results, table["property"].filter(is_new))
    if not without:
        relations = table["property"].to_list()
        on_relations = kept(values, targets, relations, coverage, only=is_new)
        without = "the others are too few"
    return Abstention(coverage, q, len(rows), on_facts, on_relations, without, model.added)


def _without_new_relations(results: TrainResults, new: pl.Series) -> str:
    """Why nothing is known of relations that did not train; empty where something is.

    Args:
        new: the property of each scored row of such relations.
    """
    if results.train_properties is None or not any(results.benchmark.kinds):
        return "the rows that trained it are not recorded by relation"
    if new.is_empty():
        return "all relations that it was scored on had trained it; expect less there"
    if new.n_unique() == 1:
        return "it was scored on one of them alone"
    return ""


def scores_of(measured: Columns, labels: tuple[str, ...]) -> Float[ndarray, "n labels"]:
    """The scores that a model has measured, in the order of its labels."""
    return np.array([measured[label] for label in labels], np.float64).T
