"""How many samples it takes, where some runs never got there."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.stats import CensoredData, ecdf

from relsym.evaluation.paired import RESAMPLES


def median_samples(samples: Float[ndarray, " runs"], reached: Bool[ndarray, " runs"]) -> float:
    """Kaplan-Meier median: the number of samples by which at most half of the runs are still unsolved.

        S(t) = prod over t_i <= t of (1 - solved at t_i / at risk at t_i),   median = min {t: S(t) <= 1/2}

    Source: Kaplan & Meier 1958, doi:10.2307/2281868.

    Args:
        samples: with which a run was solved, or, where ``reached`` is false, the highest number that was
            tried in vain.
        reached: whether the run was solved at all.

    Returns:
        The median; infinity where S never falls to 1/2.

    Raises:
        ValueError: no runs.
    """
    if not samples.size:
        raise ValueError("there are no runs to take the median of.")
    survival = ecdf(CensoredData.right_censored(samples, ~reached)).sf
    half_solved = survival.quantiles[survival.probabilities <= 0.5]
    if not half_solved.size:
        return float("inf")
    return float(half_solved[0])


def median_interval(
    samples: Float[ndarray, " runs"], reached: Bool[ndarray, " runs"], seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of ``median_samples``, runs drawn with replacement.

    Its bounds are numbers of samples that were tried, or infinity. Source: Efron 1981, doi:10.2307/2287832.
    """
    runs = len(samples)
    generator = np.random.default_rng(seed)
    shares = np.full(runs, 1 / runs)
    drawn = generator.multinomial(runs, shares, size=RESAMPLES)
    medians = resampled_medians(samples, reached, drawn)
    # This method takes one of the medians: between a number and infinity nothing can be interpolated.
    low, high = np.quantile(medians, (0.025, 0.975), method="inverted_cdf")
    return float(low), float(high)


def resampled_medians(
    samples: Float[ndarray, " runs"], reached: Bool[ndarray, " runs"], drawn: ndarray
) -> Float[ndarray, " resamples"]:
    """The Kaplan-Meier median of each resample of the runs; infinity where it has none.

    Args:
        samples: as in ``median_samples``.
        reached: as in ``median_samples``.
        drawn: how often each run stands in each resample, [resamples runs].
    """
    times = np.unique(samples)
    samples_column = samples[:, None]
    solved_at = (samples_column == times) & reached[:, None]  # [runs times]
    at_risk_at = samples_column >= times
    solved = drawn @ solved_at  # [resamples times]
    at_risk = drawn @ at_risk_at
    # Where no run is at risk none is solved, and the share is 0 / 1.
    share_solved = solved / np.maximum(at_risk, 1)
    survival = np.cumprod(1 - share_solved, axis=1)
    # A product of fractions such as 2/3 * 3/4 may miss 1/2 by a rounding error.
    half_solved = survival <= 0.5 + 1e-12
    first = half_solved.argmax(axis=1)  # 0 where S never falls to 1/2
    return np.where(half_solved.any(axis=1), times[first], np.inf)
