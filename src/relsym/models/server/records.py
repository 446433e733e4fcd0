"""Answers about one row as columns, and what they took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from relsym.models.base import Columns
from relsym.models.server.asking import Outcome
from relsym.models.server.ways import Way

MILLION = 1_000_000
# How many requests, and how many tokens the server counted in them: first those that were asked now, then
# those whose answer was in the cache.
COUNTS = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "cached_requests",
    "cached_prompt_tokens",
    "cached_completion_tokens",
)


def columns_of(name: str, words: Mapping[str, str], way: Way) -> list[str]:
    """The names of the columns of one wording."""
    parts = ["answer", "problem", *way.columns(words), *COUNTS]
    return [f"{name}:{part}" for part in parts]


def record_of(name: str, words: Mapping[str, str], way: Way, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The values of these columns for one row.

    Where one of a row's requests has no answer, the row has none, and ``problem`` says why; it is "" where
    all have one.
    """
    answers = [outcome.answer for outcome in outcomes if outcome.answer is not None]
    complete = len(answers) == len(outcomes)
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    values: dict[str, Any] = {}
    # Where a wording takes a request for each label, their texts are alike: the first will do.
    values["answer"] = answers[0].text if complete else None
    values["problem"] = problems[0] if problems else ""
    values |= way.likelihoods(answers, words) if complete else dict.fromkeys(way.columns(words))

    for prefix, cached in (("", False), ("cached_", True)):
        counted = []
        for outcome in outcomes:
            if outcome.answer is not None and outcome.cached == cached:
                counted.append(outcome.answer)
        values[f"{prefix}requests"] = len(counted)
        values[f"{prefix}prompt_tokens"] = _sum(answer.prompt_tokens for answer in counted)
        values[f"{prefix}completion_tokens"] = _sum(answer.completion_tokens for answer in counted)
    return {f"{name}:{part}": value for part, value in values.items()}


def has_problems(measured: Columns) -> bool:
    """Whether a row has no answer in one of the wordings."""
    return any(_values(measured, "problem"))


def costs_of(measured: Columns, price: Mapping[str, float | int | None]) -> dict[str, float]:
    """What answers took, over all wordings: the sum of each of ``COUNTS``, and ``usd`` where it is known.

    What came from the cache costs nothing. ``untold`` counts the token numbers that the server did not send;
    it stands in place of ``usd``, which they leave unknown.

    Args:
        price: USD per million tokens, for ``prompt`` and ``completion``; None where unknown.
    """
    costs: dict[str, float] = {}
    for part in COUNTS:
        total = sum(value or 0 for value in _values(measured, part))
        costs[part] = float(total)
    # A sum with unknown parts is no sum: it must not be turned into a price.
    untold = 0
    for part in ("prompt_tokens", "completion_tokens"):
        untold += sum(value is None for value in _values(measured, part))
    if untold:
        costs["untold"] = float(untold)
    elif None not in price.values():
        prompt_cost = costs["prompt_tokens"] * price["prompt"]
        completion_cost = costs["completion_tokens"] * price["completion"]
        costs["usd"] = (prompt_cost + completion_cost) / MILLION
    return costs


def _values(measured: Columns, part: str) -> Iterator[Any]:
    """The values of all columns that hold this part, whatever their wording."""
    for column, values in measured.items():
        if column.rpartition(":")[2] == part:
            yield from values


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one of the counts is unknown."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
