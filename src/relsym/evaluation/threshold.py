"""The threshold of a score that tells entailment best, and the rows that have a score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from relsym.data.relations import ENTAILMENT


def best_threshold(labels: Sequence[str], scores: Sequence[float | None]) -> float:
    """The score from which on a row counts as entailment.

    It is the one of the highest balanced accuracy on these rows; of several, the middle one.

    Raises:
        ValueError: no row of entailment, or none of another label.
    """
    targets, values = (tensor.numpy() for tensor in scored(labels, scores))
    if len(set(targets.tolist())) < 2:
        raise ValueError("a threshold needs rows of entailment and rows of another label.")
    distinct = np.unique(values)
    # Below all scores, half-way between neighbours, above all scores: no other cut divides the rows anew.
    lowest = distinct[0] - 1e-6
    between = (distinct[1:] + distinct[:-1]) / 2
    highest = distinct[-1] + 1e-6
    cuts = np.concatenate([[lowest], between, [highest]])

    entailed = np.sort(values[targets == 1])
    others = np.sort(values[targets == 0])
    # Shares of the rows below each cut, which would not count as entailment.
    entailed_below = np.searchsorted(entailed, cuts) / len(entailed)
    others_below = np.searchsorted(others, cuts) / len(others)
    # Twice the balanced accuracy less 1. Cuts that are equally good may differ by a rounding error.
    gain = others_below - entailed_below
    best = np.flatnonzero(np.isclose(gain, gain.max()))
    middle = best[len(best) // 2]
    return float(cuts[middle])


def scored(labels: Sequence[str], scores: Sequence[float | None]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the rows that have a score: 1 for entailment and 0 for another label [n], and the scores [n]."""
    targets: list[int] = []
    values: list[float] = []
    for label, score in zip(labels, scores, strict=True):
        if score is not None:
            targets.append(int(label == ENTAILMENT))
            values.append(score)
    return torch.tensor(targets), torch.tensor(values, dtype=torch.float64)
