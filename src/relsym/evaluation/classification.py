"""What accuracy alone does not say about two-way answers: balance, bias, ranking, calibration, and whether
order is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torchmetrics.functional.classification import binary_auroc, binary_calibration_error, multiclass_recall

from relsym.data.relations import ENTAILMENT
from relsym.runs.results import Bin

BINS = 15


def balanced_accuracy(labels: Sequence[str], answers: Sequence[str | None]) -> float:
    """Mean over the labels that occur of the share of their rows that are answered right; a row without an
    answer is not right.
    """
    present = list(dict.fromkeys(labels))
    place = {label: index for index, label in enumerate(present)}
    other = len(present)
    answered, targets = (
        torch.tensor([place.get(answer, other) for answer in answers]),
        torch.tensor([place[label] for label in labels]),
    )
    found = multiclass_recall(answered, targets, num_classes=other + 1, average="none")
    return float(found[:other].double().mean())


def entailment_bias(labels: Sequence[str], answers: Sequence[str | None]) -> float:
    """Share of rows answered with entailment less the share that is entailment; 0.5 is entailment to
    everything on balanced rows.
    """
    return (
        sum(answer == ENTAILMENT for answer in answers) - sum(label == ENTAILMENT for label in labels)
    ) / len(labels)


def consistency(answers: Sequence[str | None], swapped: Sequence[str | None]) -> float | None:
    """Share of pairs judged alike when premise and hypothesis are exchanged, of those answered both times;
    None if there are none.
    """
    both = [
        (one, two) for one, two in zip(answers, swapped, strict=True) if one is not None and two is not None
    ]
    return sum(one == two for one, two in both) / len(both) if both else None


def auroc(labels: Sequence[str], scores: Sequence[float | None]) -> float | None:
    """Probability that a row of entailment scores above one that is not (ties count half), of rows with a
    score; None without both.
    """
    targets, values = _scored(labels, scores)
    if len(set(targets.tolist())) < 2:
        return None
    # torchmetrics squashes scores outside [0, 1] by a sigmoid, which can tie what differs: ranks order the
    # same.
    ranks = torch.tensor(np.unique(values.numpy(), return_inverse=True)[1], dtype=torch.float64)
    # Summed in single precision, a perfect order can end just above 1.
    return min(1.0, float(binary_auroc(ranks / max(1.0, float(ranks.max())), targets)))


def calibration_error(labels: Sequence[str], probabilities: Sequence[float | None]) -> float | None:
    """Expected calibration error of the probability of entailment; None without rows.

        ECE = sum over bins of (rows in bin / rows) |share of entailment - mean probability|,   15 bins of
        equal width

    Source: Guo et al. 2017, arXiv:1706.04599, section 2, for the probability of one class.
    """
    targets, values = _scored(labels, probabilities)
    if not len(values):
        return None
    return min(1.0, float(binary_calibration_error(values, targets, n_bins=BINS, norm="l1")))


def reliability(labels: Sequence[str], probabilities: Sequence[float | None]) -> list[Bin]:
    """The bins behind ``calibration_error``; empty ones are left out."""
    targets, values = (tensor.numpy() for tensor in _scored(labels, probabilities))
    edges = np.linspace(0, 1, BINS + 1)
    places = np.clip(np.digitize(values, edges[1:-1]), 0, BINS - 1)
    return [
        Bin(float(low), float(high), int(here.sum()), float(values[here].mean()), float(targets[here].mean()))
        for place, (low, high) in enumerate(pairwise(edges))
        if (here := places == place).any()
    ]


def best_threshold(labels: Sequence[str], scores: Sequence[float | None]) -> float:
    """The score from which on a row counts as entailment: that of the highest balanced accuracy on these
    rows, the middle one of several.

    Raises:
        ValueError: no row of entailment, or none of another label.
    """
    targets, values = (tensor.numpy() for tensor in _scored(labels, scores))
    if len(set(targets.tolist())) < 2:
        raise ValueError("a threshold needs rows of entailment and rows of another label.")
    distinct = np.unique(values)
    cuts = np.concatenate([[distinct[0] - 1e-6], (distinct[1:] + distinct[:-1]) / 2, [distinct[-1] + 1e-6]])
    below_yes = np.searchsorted(np.sort(values[targets == 1]), cuts)
    below_no = np.searchsorted(np.sort(values[targets == 0]), cuts)
    gain = below_no / (targets == 0).sum() - below_yes / (targets == 1).sum()
    best = np.flatnonzero(np.isclose(gain, gain.max()))
    return float(cuts[best[len(best) // 2]])


def histogram(answers: Sequence[str | None]) -> dict[str, int]:
    """How often each label was the answer; "unscored" counts the rows without one."""
    return dict(Counter("unscored" if answer is None else answer for answer in answers).most_common())


def _scored(labels: Sequence[str], scores: Sequence[float | None]) -> tuple[torch.Tensor, torch.Tensor]:
    """Whether a row is entailment, and its score, of the rows that have one."""
    pairs = [
        (label == ENTAILMENT, score) for label, score in zip(labels, scores, strict=True) if score is not None
    ]
    return torch.tensor([int(yes) for yes, _ in pairs]), torch.tensor(
        [score for _, score in pairs], dtype=torch.float64
    )
