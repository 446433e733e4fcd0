"""What a server answered, in one shape for both APIs and all servers."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

CHAT, COMPLETIONS = "chat", "completions"
APIS = (CHAT, COMPLETIONS)
Body = dict[str, Any]  # the JSON object of a request
# How far numbers may be from what a probability can be: servers round.
ROUNDING = 0.01
# What some servers write for "not among the likely ones", and others for minus infinity.
NOT_TOLD = -9999.0


class Garbled(ValueError):
    """The body of a response that holds no whole answer."""


class Step(NamedTuple):
    """One token of an answer.

    token: its text.
    logprob: its log-probability in nats; None where the server gives none, minus infinity, or -9999.
    top: the likeliest tokens in its place, each with its log-probability in nats.
    """

    token: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()


class Answer(NamedTuple):
    """A whole answer.

    steps: its tokens; empty where no log-probabilities came.
    prompt_tokens, completion_tokens: how many the server counted; None where it did not say.
    """

    text: str
    steps: tuple[Step, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def read_answer(api: str, payload: Any) -> Answer:
    """The answer in the body of a response, which is JSON that was parsed.

    Raises:
        Garbled: the body is anything but an answer, an answer without choices, or one with log-probabilities
            that cannot be: above 0, NaN, or of more than 1 together.
    """
    # Any of these errors means a body of another shape: servers and proxies send all sorts with status 200.
    try:
        choice = payload["choices"][0]
        usage = payload.get("usage") or {}
        text = _content(choice["message"]) if api == CHAT else choice["text"]
        if not isinstance(text, str):
            raise TypeError(f"the text is {text!r}")
        steps = _steps(choice.get("logprobs") or {})
        return Answer(text, steps, usage.get("prompt_tokens"), usage.get("completion_tokens"))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Garbled(f"no choices[0] with a text ({type(error).__name__}: {error})") from error


def pack(answer: Answer) -> bytes:
    """An answer as compressed JSON; the compression brings a checksum."""
    text = json.dumps(answer, ensure_ascii=False)
    return zlib.compress(text.encode())


def unpack(stored: bytes) -> Answer | None:
    """The answer that ``pack`` made these bytes of; None if they were damaged."""
    try:
        text, stored_steps, *counts = json.loads(zlib.decompress(stored))
        steps = []
        for token, logprob, stored_top in stored_steps:
            # JSON turned the tuples into lists. Read as when it came: what is refused today may have been
            # kept by an earlier version.
            top = _top((likely_token, likely_logprob) for likely_token, likely_logprob in stored_top)
            steps.append(Step(token, _logprob(logprob), top))
        return Answer(text, tuple(steps), *counts)
    except (zlib.error, ValueError, TypeError):
        return None


def _content(message: Mapping[str, Any]) -> Any:
    """The text of a chat message, or whatever stands in its place."""
    content = message.get("content")
    if content is None:  # as in a refusal
        return message.get("refusal") or ""
    if isinstance(content, list):  # some servers send the text in parts
        return "".join(part.get("text") or "" for part in content)
    return content


def _steps(logprobs: Mapping[str, Any]) -> tuple[Step, ...]:
    """The tokens of an answer; none where the server sent no log-probabilities."""
    entries = logprobs.get("content")
    return _chat_steps(entries) if entries else _completion_steps(logprobs)


def _chat_steps(entries: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The chat API describes each token by an object of its own."""
    steps = []
    for entry in entries:
        token = str(entry["token"])
        logprob = _logprob(entry["logprob"])
        likely = entry.get("top_logprobs") or []
        top = _top((each["token"], each["logprob"]) for each in likely)
        steps.append(Step(token, logprob, top))
    return tuple(steps)


def _completion_steps(logprobs: Mapping[str, Any]) -> tuple[Step, ...]:
    """The completions API sends lists that run side by side; a prompt's first token has null in them."""
    tokens = logprobs.get("tokens") or []
    nothing = [None] * len(tokens)
    token_logprobs = logprobs.get("token_logprobs") or nothing
    tops = logprobs.get("top_logprobs") or nothing
    steps = []
    for token, logprob, top in zip(tokens, token_logprobs, tops, strict=True):
        likely = top or {}
        step = Step(str(token), _logprob(logprob), _top(likely.items()))
        steps.append(step)
    return tuple(steps)


def _top(pairs: Iterable[tuple[Any, Any]]) -> tuple[tuple[str, float], ...]:
    """The likely tokens that the server tells a log-probability of.

    Raises:
        ValueError: their probabilities come to more than 1.
    """
    top = []
    for token, value in pairs:
        logprob = _logprob(value)
        if logprob is not None:
            top.append((str(token), logprob))
    total = sum(math.exp(logprob) for _, logprob in top)
    if total > 1 + ROUNDING:
        raise ValueError(f"the log-probabilities of the likely tokens come to a probability of {total:.3g}")
    return tuple(top)


def _logprob(value: Any) -> float | None:
    """The log-probability, at most 0; None if the server does not tell it.

    Raises:
        ValueError: it is no number, NaN, or above 0 by more than rounding.
    """
    if value is None:
        return None
    logprob = float(value)
    if math.isnan(logprob) or logprob > ROUNDING:
        raise ValueError(f"{value!r} is no log-probability, which is at most 0")
    return min(logprob, 0.0) if logprob > NOT_TOLD else None
