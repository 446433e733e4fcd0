"""Answers about one row as columns, and what they took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from relsym.models.base import Columns
from relsym.models.server.asking import Outcome
from relsym.models.server.ways import Way

MILLION = 1_000_000
# Asked now, then at hand already: how many requests, and the tokens that the server counted in them.
COUNTS = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "cached_requests",
    "cached_prompt_tokens",
    "cached_completion_tokens",
)


def columns_of(name: str, words: Mapping[str, str], way: Way) -> list[str]:
    """The columns of one wording."""
    return [
        f"{name}:{what}" for what in ("answer", "problem", *(words if way.reads_logprobs else ()), *COUNTS)
    ]


def record_of(name: str, words: Mapping[str, str], way: Way, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The values of these columns for one row.

    A row one of whose requests has no answer has none; problem is "" where all have.
    """
    answers = [outcome.answer for outcome in outcomes if outcome.answer is not None]
    whole = len(answers) == len(outcomes)
    logprobs = way.likelihoods(answers, words) if whole else dict.fromkeys(words)
    values = {
        "answer": answers[0].text if whole else None,
        "problem": next((each.problem for each in outcomes if each.problem), ""),
    }
    values |= logprobs if way.reads_logprobs else {}
    for prefix, cached in (("", False), ("cached_", True)):
        told = [each.answer for each in outcomes if each.answer is not None and each.cached == cached]
        values |= {
            f"{prefix}requests": len(told),
            f"{prefix}prompt_tokens": _sum(answer.prompt_tokens for answer in told),
            f"{prefix}completion_tokens": _sum(answer.completion_tokens for answer in told),
        }
    return {f"{name}:{what}": value for what, value in values.items()}


def costs_of(measured: Columns, price: Mapping[str, float | int | None]) -> dict[str, float]:
    """Sums over all wordings. What came from the cache costs nothing.

    untold: requests whose tokens the server did not count; there is no price then.
    """
    sums = {what: float(sum(value or 0 for value in _values(measured, what))) for what in COUNTS}
    untold = sum(value is None for value in _values(measured, "prompt_tokens")) + sum(
        value is None for value in _values(measured, "completion_tokens")
    )
    if untold:
        return {**sums, "untold": float(untold)}
    if any(value is None for value in price.values()):
        return sums
    return {
        **sums,
        "usd": (sums["prompt_tokens"] * price["prompt"] + sums["completion_tokens"] * price["completion"])
        / MILLION,
    }


def _values(measured: Columns, what: str) -> Iterable[int | None]:
    return (
        value for column, values in measured.items() if column.rpartition(":")[2] == what for value in values
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    told = list(counts)
    return None if None in told else sum(told)
