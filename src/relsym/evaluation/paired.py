"""Whether two readers differ, on the same rows and seeds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import binomtest

RESAMPLES = 10_000
# Counts held at a time, in numbers: 64 MiB.
COUNTS_AT_ONCE = 2**23


def resampled_means(
    sums: Float[ndarray, "facts contrasts"],
    sizes: Float[ndarray, "facts contrasts"],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Float[ndarray, "resamples contrasts"]:
    """Mean difference of each contrast when whole facts are drawn with replacement.

        m_b = sum_f w_bf sums_f / sum_f w_bf sizes_f,   w_b ~ Multinomial(facts, 1 / facts)

    All contrasts share the same draws. Rows of one fact (its forms and variants) are drawn together, for they
    are not independent.

    Args:
        sums: of the differences over the rows of a fact.
        sizes: number of rows of the fact.
        resamples: how many times the facts are drawn.
        seed: of the draws.
    """
    facts = len(sums)
    generator = np.random.default_rng(seed)
    # Facts that are alike in every contrast are drawn as one group, with the multinomial's own group counts:
    # near 100 % almost all facts are alike.
    sums_and_sizes = np.hstack([sums, sizes])
    groups, facts_in_group = np.unique(sums_and_sizes, axis=0, return_counts=True)
    group_sums, group_sizes = np.hsplit(groups, 2)
    shares = facts_in_group / facts
    resamples_at_once = max(1, COUNTS_AT_ONCE // len(groups))
    blocks = []
    for start in range(0, resamples, resamples_at_once):
        size = min(resamples_at_once, resamples - start)
        draws = generator.multinomial(facts, shares, size=size).astype(np.float64)
        # A draw of facts that have no row in a contrast has mean 0 / 1 there, not 0 / 0.
        rows = np.maximum(draws @ group_sizes, 1)
        blocks.append((draws @ group_sums) / rows)
    return np.concatenate(blocks)


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
