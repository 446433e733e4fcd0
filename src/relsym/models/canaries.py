"""Pairs about which nobody disagrees: whoever answers them by chance is no NLI model."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files
from typing import NamedTuple

from scipy.stats import binom

from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.runs.plain_yaml import read_yaml

# So seldom would guesses reach the number of right answers that is asked for.
GUESSED = 0.01


class Canary(NamedTuple):
    """A pair and its label."""

    premise: str
    hypothesis: str
    label: str


def _canaries() -> tuple[Canary, ...]:
    """Every premise of canaries.yaml with its three hypotheses."""
    canaries = []
    for entry in read_yaml(files("relsym.models").joinpath("canaries.yaml")):
        for label in NLI_LABELS:
            canaries.append(Canary(entry["premise"], entry[label], label))
    return tuple(canaries)


CANARIES = _canaries()


def canaries_for(labels: Collection[str]) -> list[Canary]:
    """Those that a model with these labels can get right: as many of each label."""
    return [canary for canary in CANARIES if canary.label in labels]


def fewest_right(pairs: int, labels: int) -> int:
    """The number of right answers from which on a model does more than guess.

        the smallest k with P(X >= k) <= 0.01,   X ~ Binomial(pairs, 1 / labels)

    One constant answer, right on 1 / labels of the pairs, stays far below it: 30 of 60 for three labels, 28
    of 40 for two.
    """
    # P(X > k) <= 0.01 holds from this quantile on.
    return int(binom.isf(GUESSED, pairs, 1 / labels)) + 1
