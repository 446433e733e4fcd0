"""What a server answered, in one shape for both APIs and all servers."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

CHAT, COMPLETIONS = "chat", "completions"
APIS = (CHAT, COMPLETIONS)
Body = dict[str, Any]  # of a request


class Garbled(ValueError):
    """A body that is no whole answer."""


class Step(NamedTuple):
    """One token: its text, its log-probability (nats; None where the server tells none), the likeliest tokens
    in its place.
    """

    token: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()


class Answer(NamedTuple):
    """A whole answer. steps is empty where no log-probabilities came; token counts are None where the server
    did not tell them.
    """

    text: str
    steps: tuple[Step, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def read_answer(api: str, payload: Any) -> Answer:
    """The answer in the body of a response.

    Raises:
        Garbled: something else than an answer, one without choices included.
    """
    try:
        choice, usage = payload["choices"][0], payload.get("usage") or {}
        text = _content(choice["message"]) if api == CHAT else choice["text"]
        if not isinstance(text, str):
            raise TypeError(f"the text is {text!r}")
        return Answer(
            text,
            _steps(choice.get("logprobs") or {}),
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Garbled(f"no choices[0] with a text ({type(error).__name__}: {error})") from error


def pack(answer: Answer) -> bytes:
    """An answer as bytes, with a checksum."""
    return zlib.compress(json.dumps(answer, ensure_ascii=False).encode())


def unpack(stored: bytes) -> Answer | None:
    """What ``pack`` made; None for bytes that were damaged."""
    try:
        text, steps, *counts = json.loads(zlib.decompress(stored))
        return Answer(
            text,
            tuple(Step(token, logprob, tuple((t, p) for t, p in top)) for token, logprob, top in steps),
            *counts,
        )
    except (zlib.error, ValueError, TypeError):
        return None


def _content(message: Mapping[str, Any]) -> str:
    """A refusal has no content; some servers send it in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return message.get("refusal") or "" if content is None else content


def _steps(logprobs: Mapping[str, Any]) -> tuple[Step, ...]:
    if content := logprobs.get("content"):
        return tuple(
            Step(
                str(entry["token"]),
                _number(entry["logprob"]),
                _top((each["token"], each["logprob"]) for each in entry.get("top_logprobs") or []),
            )
            for entry in content
        )
    tokens = logprobs.get("tokens") or []
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    return tuple(
        Step(str(token), _number(logprob), _top((top or {}).items()))
        for token, logprob, top in zip(
            tokens, logprobs.get("token_logprobs") or [None] * len(tokens), tops, strict=True
        )
    )


def _top(pairs: Any) -> tuple[tuple[str, float], ...]:
    return tuple((str(token), float(logprob)) for token, logprob in pairs if logprob is not None)


def _number(logprob: Any) -> float | None:
    """Infinite and undefined ones are none: no reading could be made of them."""
    return float(logprob) if logprob is not None and math.isfinite(float(logprob)) else None
