"""What a new label would be worth, and what it would cost the old ones: measured before it is added."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from relsym.app.added_labels import representation_of
from relsym.metrics.base import parts
from relsym.models.run import RunModel
from relsym.runs.layout import PREDICTIONS

EXAMPLE_COUNTS = (5, 10, 20, 50)  # examples that are added
DRAW_SEEDS = range(5)
OWN_ROWS = 2000  # of the run's scored rows, half of which the regression learns from
TRIAL_SCHEMA = {
    "examples": pl.Int64,
    "reader": pl.String,
    "new_label": pl.Float64,
    "old_labels_before": pl.Float64,
    "old_labels_after": pl.Float64,
}
OWN_READER, REGRESSION = "added", "logistic regression"


class TrialRows(NamedTuple):
    """What a trial is measured on.

    Attributes:
        new: what the probe reads of the examples of the new label.
        old: likewise of rows with the run's own labels.
        new_implied, old_implied: the label embeddings that they imply.
        targets: the classes of the rows.
        facts: the number of the fact that each row asks about.
    """

    new: Float[Tensor, "n parts dim"]
    old: Float[Tensor, "m parts dim"]
    new_implied: Float[Tensor, "n channels"]
    old_implied: Float[Tensor, "m channels"]
    targets: Int[Tensor, " m"]
    facts: Int[ndarray, " m"]


def trial(model: RunModel, pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Accuracies with so many examples, means over ``DRAW_SEEDS`` (columns ``TRIAL_SCHEMA``).

    The examples are drawn, and the others asked; of the run's scored rows one half is asked, and from the
    other half the logistic regression learns, beside the examples, on the label embeddings that pairs imply.

    Args:
        model: of the run, without the label.
        pairs: of the label.

    Raises:
        ValueError: fewer than 10 pairs, or a run whose scored rows are gone.
    """
    fewest = 2 * EXAMPLE_COUNTS[0]
    if len(pairs) < fewest:
        raise ValueError(
            f"check=true: {len(pairs)} pairs, half of which are asked: at least {fewest} needed."
        )
    rows = _trial_rows(model, pairs)
    lines = []
    for count in EXAMPLE_COUNTS:
        if 2 * count > len(pairs):
            break
        measured: dict[str, list[tuple[float, float, float]]] = {OWN_READER: [], REGRESSION: []}
        for seed in DRAW_SEEDS:
            order = np.random.default_rng(seed).permutation(len(pairs))
            chosen, asked = torch.from_numpy(order[:count]), torch.from_numpy(order[count:])
            learnt, kept = _halves(rows.facts, seed)
            measured[OWN_READER].append(_added(model, rows, chosen, asked, kept))
            measured[REGRESSION].append(_regression(rows, chosen, asked, learnt, kept, len(model.labels)))
        for reader, figures in measured.items():
            lines.append((count, reader, *np.mean(figures, axis=0).round(4).tolist()))
    return pl.DataFrame(lines, schema=TRIAL_SCHEMA, orient="row")


def _trial_rows(model: RunModel, pairs: Sequence[tuple[str, str]]) -> TrialRows:
    """The examples, and some of the rows that the run was scored on."""
    path = Path(model.name).expanduser() / PREDICTIONS
    if not path.is_file():
        raise ValueError(
            f"check=true: {path} is not there, whose rows are the run's own labels. Leave it out."
        )
    table = pl.read_parquet(
        path.read_bytes(), columns=["pair_id", "fact_id", "premise", "hypothesis", "label"]
    )
    table = table.sample(min(OWN_ROWS, table.height), seed=0)
    if table["label"].n_unique() < 2:
        raise ValueError(f"check=true: the rows in {path} have one label alone, so nothing can be compared.")
    facts = table.select(pl.when(pl.col("fact_id") == "").then("pair_id").otherwise("fact_id")).to_series()
    own = list(table.select("premise", "hypothesis").iter_rows())
    targets = torch.tensor([model.labels.index(label) for label in table["label"]])
    both = representation_of(model, [*pairs, *own])
    implied = model.metric.label_of(*parts(both))
    count = len(pairs)
    return TrialRows(
        both[:count],
        both[count:],
        implied[:count],
        implied[count:],
        targets,
        facts.rank("dense").cast(pl.Int64).to_numpy(),
    )


def _halves(facts: Int[ndarray, " m"], seed: int) -> tuple[Int[Tensor, " one"], Int[Tensor, " other"]]:
    """Two halves of the rows; the rows of a fact are in one of them."""
    distinct = np.random.default_rng(seed).permutation(np.unique(facts))
    is_first = np.isin(facts, distinct[: len(distinct) // 2])
    return torch.from_numpy(np.flatnonzero(is_first)), torch.from_numpy(np.flatnonzero(~is_first))


def _added(
    model: RunModel, rows: TrialRows, chosen: Tensor, asked: Tensor, kept: Tensor
) -> tuple[float, float, float]:
    """How the probe answers before and after a label was added."""
    new_class = len(model.labels)
    before = model.probe.predict(rows.old[kept])
    probe = copy.copy(model.probe)  # what it keeps is replaced, and never changed in place
    probe.add_class(model.metric, rows.new_implied[chosen], new_class)
    return _shares(
        probe.predict(rows.new[asked]) == new_class,
        before == rows.targets[kept],
        probe.predict(rows.old[kept]) == rows.targets[kept],
    )


def _regression(
    rows: TrialRows, chosen: Tensor, asked: Tensor, learnt: Tensor, kept: Tensor, new_class: int
) -> tuple[float, float, float]:
    """How logistic regression answers that has learnt without and with the examples."""
    inputs, targets = rows.old_implied[learnt].numpy(), rows.targets[learnt].numpy()
    before = _fitted(inputs, targets).predict(rows.old_implied[kept].numpy())
    inputs = np.concatenate([inputs, rows.new_implied[chosen].numpy()])
    targets = np.concatenate([targets, np.full(len(chosen), new_class)])
    after = _fitted(inputs, targets)
    old = rows.targets[kept].numpy()
    return _shares(
        after.predict(rows.new_implied[asked].numpy()) == new_class,
        before == old,
        after.predict(rows.old_implied[kept].numpy()) == old,
    )


def _fitted(inputs: np.ndarray, targets: np.ndarray) -> LogisticRegression:
    """Balanced, since the examples are few beside the rows of the old labels."""
    return LogisticRegression(max_iter=1000, class_weight="balanced").fit(inputs, targets)


def _shares(*right: Tensor | np.ndarray) -> tuple[float, ...]:
    """The share of right answers in each."""
    return tuple(float(np.mean(np.asarray(one))) for one in right)
