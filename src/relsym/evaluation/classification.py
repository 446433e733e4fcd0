"""What accuracy alone does not say about two-way answers: balance, bias, ranking, calibration and order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from scipy.stats import rankdata
from torchmetrics.functional.classification import binary_auroc, binary_calibration_error, multiclass_recall

from relsym.data.relations import ENTAILMENT
from relsym.evaluation.threshold import scored
from relsym.runs.results import Bin

BINS = 15


def balanced_accuracy(labels: Sequence[str], answers: Sequence[str | None]) -> float:
    """The share of right answers among the rows of each label that occurs, averaged over these labels.

    A row without an answer is not right.
    """
    present = list(dict.fromkeys(labels))
    class_of = {label: index for index, label in enumerate(present)}
    # No answer, or one that is no row's label, counts as a class of its own, which is never right.
    other = len(present)
    answered = torch.tensor([class_of.get(answer, other) for answer in answers])
    targets = torch.tensor([class_of[label] for label in labels])
    recalls = multiclass_recall(answered, targets, num_classes=other + 1, average="none")
    return float(recalls[:other].double().mean())


def entailment_bias(labels: Sequence[str], answers: Sequence[str | None]) -> float:
    """Share of rows answered with entailment less the share that is entailment.

    Entailment to everything gives 0.5 on balanced rows.
    """
    answered = sum(answer == ENTAILMENT for answer in answers)
    true = sum(label == ENTAILMENT for label in labels)
    return (answered - true) / len(labels)


def consistency(answers: Sequence[str | None], swapped: Sequence[str | None]) -> float | None:
    """Share of pairs that get the same answer when premise and hypothesis are exchanged.

    Only pairs that were answered both times count; None if there are none.
    """
    same = []
    for answer, answer_swapped in zip(answers, swapped, strict=True):
        if answer is not None and answer_swapped is not None:
            same.append(answer == answer_swapped)
    if not same:
        return None
    return sum(same) / len(same)


def auroc(labels: Sequence[str], scores: Sequence[float | None]) -> float | None:
    """Probability that a row of entailment scores above a row of another label; ties count half.

    Rows without a score are left out; None unless both kinds of rows are there.
    """
    targets, values = scored(labels, scores)
    if len(set(targets.tolist())) < 2:
        return None
    # torchmetrics squashes scores outside [0, 1] by a sigmoid, which can make different scores equal. Ranks
    # in [0, 1] have the same order and are left alone.
    _, rank_of_row = np.unique(values.numpy(), return_inverse=True)
    ranks = torch.tensor(rank_of_row, dtype=torch.float64)
    highest = max(1.0, float(ranks.max()))  # at least 1: where all scores are equal, every rank is 0
    area = float(binary_auroc(ranks / highest, targets))
    # Summed in single precision, a perfect order can end just above 1.
    return min(1.0, area)


def rank_correlation(values: Sequence[float], scores: Sequence[float | None]) -> float | None:
    """Spearman's rank correlation of scores with values, in [-1, 1]; ties have the mean of their ranks.

        rho = cov(rank of value, rank of score) / (sd of the first * sd of the second)

    Rows without a score are left out; None where all that are left have one value or one score.
    """
    kept = [place for place, score in enumerate(scores) if score is not None]
    ranks_of_values = rankdata([values[place] for place in kept])
    ranks_of_scores = rankdata([scores[place] for place in kept])
    if len(set(ranks_of_values)) < 2 or len(set(ranks_of_scores)) < 2:
        return None
    return float(np.corrcoef(ranks_of_values, ranks_of_scores)[0, 1])


def calibration_error(labels: Sequence[str], probabilities: Sequence[float | None]) -> float | None:
    """Expected calibration error of the probability of entailment, in [0, 1]; None without rows.

        ECE = sum over bins of (rows in bin / rows) |share of entailment - mean probability|

    The 15 bins are of equal width. Source: Guo et al. 2017, arXiv:1706.04599, section 2, for the probability
    of one class.
    """
    targets, values = scored(labels, probabilities)
    if not len(values):
        return None
    error = float(binary_calibration_error(values, targets, n_bins=BINS, norm="l1"))
    # Rounding can take the worst possible calibration just above 1.
    return min(1.0, error)


def reliability(labels: Sequence[str], probabilities: Sequence[float | None]) -> list[Bin]:
    """The bins behind ``calibration_error``, from low to high; empty ones are left out."""
    targets, values = (tensor.numpy() for tensor in scored(labels, probabilities))
    edges = np.linspace(0, 1, BINS + 1)
    inner_edges = edges[1:-1]
    bin_of_row = np.clip(np.digitize(values, inner_edges), 0, BINS - 1)
    bins = []
    for number, (low, high) in enumerate(pairwise(edges)):
        in_bin = bin_of_row == number
        if not in_bin.any():
            continue
        bins.append(
            Bin(
                low=float(low),
                high=float(high),
                rows=int(in_bin.sum()),
                probability=float(values[in_bin].mean()),
                entailment=float(targets[in_bin].mean()),
            )
        )
    return bins


def histogram(answers: Sequence[str | None]) -> dict[str, int]:
    """How often each label was the answer, the commonest first; "unscored" counts rows without an answer."""
    counts = Counter("unscored" if answer is None else answer for answer in answers)
    return dict(counts.most_common())
