"""How many samples it takes, where some runs never got there."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.stats import CensoredData, ecdf

from relsym.evaluation.paired import RESAMPLES


def median_samples(samples: Float[ndarray, " runs"], reached: Bool[ndarray, " runs"]) -> float:
    """Kaplan-Meier median: the smallest number of samples by which at most half of the runs are still
    unsolved.

        S(t) = prod over t_i <= t of (1 - solved at t_i / at risk at t_i),   median = min {t: S(t) <= 1/2}

    Args:
        samples: where a run was solved, or, where ``reached`` is false, the highest number that was tried in
        vain.

    Returns:
        The median; infinity where S never falls to 1/2.  Source: Kaplan & Meier 1958, doi:10.2307/2281868.

    Raises:
        ValueError: no runs.
    """
    if not samples.size:
        raise ValueError("there are no runs to take the median of.")
    survival = ecdf(CensoredData.right_censored(samples, ~reached)).sf
    below = survival.quantiles[survival.probabilities <= 0.5]
    return float(below[0]) if below.size else float("inf")


def median_interval(
    samples: Float[ndarray, " runs"], reached: Bool[ndarray, " runs"], seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of ``median_samples``, runs drawn with replacement; its bounds are
    numbers that were tried.

    Source: Efron 1981, doi:10.2307/2287832.
    """
    runs = len(samples)
    drawn = np.random.default_rng(seed).multinomial(runs, np.full(runs, 1 / runs), size=RESAMPLES)
    medians = resampled_medians(samples, reached, drawn)
    low, high = np.quantile(medians, (0.025, 0.975), method="inverted_cdf")
    return float(low), float(high)


def resampled_medians(
    samples: Float[ndarray, " runs"], reached: Bool[ndarray, " runs"], drawn: ndarray
) -> Float[ndarray, " resamples"]:
    """The median of each resample at once.

    Args:
        drawn: how often each run stands in each resample, [resamples, runs].
    """
    times = np.unique(samples)
    solved = drawn @ ((samples[:, None] == times) & reached[:, None])
    at_risk = drawn @ (samples[:, None] >= times)
    survival = np.cumprod(1 - solved / np.maximum(at_risk, 1), axis=1)
    median = (
        survival <= 0.5 + 1e-12
    )  # a product of fractions such as 2/3 * 3/4 may miss 1/2 by a rounding error
    return np.where(median.any(axis=1), times[median.argmax(axis=1)], np.inf)
