"""Split conformal prediction: labels that hold with a promised probability, and how often they do.

    s(x, y) = max over z != y of score(x, z) - score(x, y)     how far another label is ahead of y
    q       = the ceil((n + 1) coverage)-th smallest s(x_i, y_i) of n calibration rows
    set(x)  = {y: s(x, y) <= q}

The label of a row that is exchangeable with the calibration rows is in its set with at least the probability
``coverage``. That is a promise about all rows together: among those with one label it may hold less often. A
row whose set is not one label is abstained from. Source: Vovk, Gammerman and Shafer 2005, chapter 4;
Angelopoulos and Bates 2021, arXiv:2107.07511, section 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

FACT_PARTS = 10


class Kept(NamedTuple):
    """How a promise was kept on rows that did not calibrate it.

    covered: share of the rows whose label is in their set.
    abstained: share of the rows whose set is not one label.
    right: share of the other rows whose one label is right; None where there are none.
    rows: how many.
    groups: in so many groups, each answered by what the others had calibrated.
    """

    covered: float
    abstained: float
    right: float | None
    rows: int
    groups: int


def nonconformity(scores: Float[ndarray, "n m"]) -> Float[ndarray, "n m"]:
    """s(x, y) of each row and label; m is at least 2."""
    ordered = np.sort(scores, axis=1)
    best, second = ordered[:, -1:], ordered[:, -2:-1]
    # Of the best label the rival is the second, of all others the best; of equal ones both are alike.
    rival = np.where(scores == best, second, best)
    return rival - scores


def threshold(own: Float[ndarray, " n"], coverage: float) -> float:
    """q: infinite where the rows are too few for the coverage.

    Args:
        own: s(x_i, y_i) of the calibration rows.
        coverage: in (0, 1).
    """
    rank = ceil((len(own) + 1) * coverage)
    return float(np.sort(own)[rank - 1]) if rank <= len(own) else np.inf


def abstains(values: Float[ndarray, "n m"], q: float) -> Bool[ndarray, " n"]:
    """Whether the set of each row is not one label.

    Args:
        values: ``nonconformity`` of the rows.
        q: of ``threshold``.
    """
    return (values <= q).sum(axis=1) != 1


def kept(
    values: Float[ndarray, "n m"],
    targets: Int[ndarray, " n"],
    groups: Sequence[str],
    coverage: float,
    folds: int | None = None,
    only: Bool[ndarray, " n"] | None = None,
) -> Kept | None:
    """How the promise is kept where each group is answered by what the others calibrate.

    Args:
        values: ``nonconformity`` of the rows.
        targets: their labels.
        groups: what each row belongs to: its fact, or its relation.
        coverage: that is promised.
        folds: takes the groups in so many parts, not one by one.
        only: the rows that are judged, in whole groups; the others calibrate. None: all are judged.

    Returns:
        None where the others are too few to calibrate anything.
    """
    own = values[np.arange(len(values)), targets]
    names = list(dict.fromkeys(groups))
    part_of = {name: place % (folds or len(names)) for place, name in enumerate(names)}
    parts = np.array([part_of[name] for name in groups])
    covered = np.zeros(len(values), bool)
    abstained = np.zeros(len(values), bool)
    judged = np.ones(len(values), bool) if only is None else only
    for part in np.unique(parts[judged]):
        here = parts == part
        q = threshold(own[~here], coverage)
        if q == np.inf:
            return None
        covered[here] = own[here] <= q
        abstained[here] = abstains(values[here], q)
    covered, abstained = covered[judged], abstained[judged]
    right = float(covered[~abstained].mean()) if not abstained.all() else None
    count = len(set(np.array(groups)[judged]))
    return Kept(float(covered.mean()), float(abstained.mean()), right, len(covered), count)
