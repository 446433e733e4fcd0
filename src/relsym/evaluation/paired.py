"""Whether two readers differ, on the same rows and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.stats import binomtest

RESAMPLES = 10_000
# Counts held at a time, in numbers: 64 MiB.
COUNTS_AT_ONCE = 2**23
# Contrasts whose means are held at a time: 256 of them, resampled 10,000 times, take 20 MiB.
CONTRASTS_AT_ONCE = 256


@dataclass(frozen=True)
class Resampling:
    """How whole facts are drawn with replacement, always with the same draws.

        w_b ~ Multinomial(facts, 1 / facts)

    Rows of one fact (its forms and variants) are drawn together, for they are not independent. Facts that are
    alike are drawn as one group, with the multinomial's own group counts: near 100 % almost all facts are
    alike.

    one_of: a fact of each group, as its place, [groups].
    shares: which share of all facts is in each group, [groups].
    facts: how many there are.
    resamples: how many times the facts are drawn.
    seed: of the draws.
    """

    one_of: Int[ndarray, " groups"]
    shares: Float[ndarray, " groups"]
    facts: int
    resamples: int = RESAMPLES
    seed: int = 0

    def sums(self, *of_facts: Float[ndarray, "facts _"]) -> list[Float[ndarray, "resamples _"]]:
        """The sum of each column over the facts of each resample, for each of the arrays.

        Args:
            of_facts: numbers that are the same for all facts of a group.
        """
        of_groups = [numbers[self.one_of] for numbers in of_facts]
        blocks = [[draws @ numbers for numbers in of_groups] for draws in self._draws()]
        return [np.concatenate(of_array) for of_array in zip(*blocks, strict=True)]

    def _draws(self) -> Iterator[Float[ndarray, "some groups"]]:
        """How often each group is drawn, as many resamples at a time as fit."""
        generator = np.random.default_rng(self.seed)
        resamples_at_once = max(1, COUNTS_AT_ONCE // len(self.shares))
        for start in range(0, self.resamples, resamples_at_once):
            size = min(resamples_at_once, self.resamples - start)
            yield generator.multinomial(self.facts, self.shares, size=size).astype(np.float64)


def resampling(
    of_facts: Float[ndarray, "facts columns"], resamples: int = RESAMPLES, seed: int = 0
) -> Resampling:
    """The draws of facts, of which those that are alike in every column are one group.

    The groups stand in the order of their first column, then of their second, and so on, which the draws
    depend on.

    Args:
        of_facts: all that is going to be summed, or what it follows from.
        resamples: how many times the facts are drawn.
        seed: of the draws.
    """
    _, one_of, in_group = np.unique(of_facts, axis=0, return_index=True, return_counts=True)
    facts = len(of_facts)
    return Resampling(one_of, in_group / facts, facts, resamples, seed)


def resampled_means(
    sums: Float[ndarray, "facts contrasts"],
    sizes: Float[ndarray, "facts contrasts"],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Float[ndarray, "resamples contrasts"]:
    """Mean difference of each contrast when whole facts are drawn with replacement.

        m_b = sum_f w_bf sums_f / sum_f w_bf sizes_f

    All contrasts share the same draws, see ``Resampling``.

    Args:
        sums: of the differences over the rows of a fact.
        sizes: number of rows of the fact.
        resamples: how many times the facts are drawn.
        seed: of the draws.
    """
    draws = resampling(np.hstack([sums, sizes]), resamples, seed)
    return means(*draws.sums(sums, sizes))


def means(
    sums: Float[ndarray, "resamples contrasts"], sizes: Float[ndarray, "resamples _"]
) -> Float[ndarray, "resamples contrasts"]:
    """Mean of each contrast in each resample, from the sum of its differences and its number of rows."""
    # A draw of facts that have no row in a contrast has mean 0 / 1 there, not 0 / 0.
    return sums / np.maximum(sizes, 1)


def intervals_and_p(
    sums: Float[ndarray, "facts contrasts"], sizes: Float[ndarray, "facts contrasts"]
) -> tuple[Float[ndarray, "2 contrasts"], Float[ndarray, " contrasts"]]:
    """``interval_and_p`` of ``resampled_means``, with the means of ``CONTRASTS_AT_ONCE`` contrasts at a time.

    Args:
        sums: of the differences over the rows of a fact.
        sizes: number of rows of the fact.
    """
    # The draws are those of all contrasts, whichever are summed.
    draws = resampling(np.hstack([sums, sizes]))
    intervals, p_values = [], []
    for start in range(0, sums.shape[1], CONTRASTS_AT_ONCE):
        some = slice(start, start + CONTRASTS_AT_ONCE)
        interval, p = interval_and_p(means(*draws.sums(sums[:, some], sizes[:, some])))
        intervals.append(interval)
        p_values.append(p)
    return np.hstack(intervals), np.concatenate(p_values)


def interval_and_p(
    means: Float[ndarray, "resamples contrasts"],
) -> tuple[Float[ndarray, "2 contrasts"], Float[ndarray, " contrasts"]]:
    """95 % percentile interval of each contrast, and the two-sided p-value of no difference.

        p = min(1, 2 (1 + min(#{m_b <= 0}, #{m_b >= 0})) / (resamples + 1))

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 15.
    """
    not_above = (means <= 0).sum(axis=0)
    not_below = (means >= 0).sum(axis=0)
    beyond = np.minimum(not_above, not_below)
    # A resample at exactly 0 is counted on both sides, hence the minimum with 1.
    p_values = 2 * (1 + beyond) / (len(means) + 1)
    interval = np.quantile(means, (0.025, 0.975), axis=0)
    return interval, np.minimum(1.0, p_values)


@cache
def mcnemar(one_right: int, other_right: int) -> float:
    """Exact two-sided p-value that two readers of the same rows are right equally often.

        X ~ Binomial(one + other, 1/2),   over the rows that exactly one of them has right

    Rows count as independent; where facts have several rows, the bootstrap over facts is the one to read.
    Source: McNemar 1947, doi:10.1007/BF02295996, in its exact form.

    Args:
        one_right: rows that the one reader alone has right.
        other_right: rows that the other alone has right.
    """
    differing = one_right + other_right
    if differing == 0:
        return 1.0
    return float(binomtest(one_right, differing).pvalue)


def holm(p_values: Float[ndarray, " tests"]) -> Float[ndarray, " tests"]:
    """p-values corrected for how many tests were made.

        p'_(i) = max over j <= i of min(1, (tests - j + 1) p_(j)),   p_(1) <= p_(2) <= ...

    Source: Holm 1979, jstor.org/stable/4615733.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    # A corrected p-value is never below that of a smaller p-value.
    ascending = np.maximum.accumulate(p_values[order] * factors)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(1.0, ascending)
    return corrected
