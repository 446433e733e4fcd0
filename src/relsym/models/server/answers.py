"""What a server answered, in one shape for both APIs and all servers."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from relsym.data.sources.bounded import whole_text

CHAT, COMPLETIONS = "chat", "completions"
APIS = (CHAT, COMPLETIONS)
Body = dict[str, Any]  # the JSON object of a request
# How far numbers may be from what a probability can be: servers round.
ROUNDING = 0.01
# What some servers write for "not among the likely ones", and others for minus infinity.
NOT_TOLD = -9999.0
# A server that counts more tokens than this in one answer does not count.
MOST_TOKENS = 10**9
# How a server says that a message without a text is as it should be: it was cut off while the model thought,
# or calls a function.
_WITHOUT_TEXT = frozenset({"length", "content_filter", "tool_calls", "function_call"})


class Garbled(ValueError):
    """The body of a response that holds no whole answer.

    reason: why, in a word or two.
    """

    def __init__(self, message: str, reason: str = "no whole answer") -> None:
        super().__init__(message)
        self.reason = reason


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
    prompt_tokens, completion_tokens: how many the server counted; None where it did not say, or said no
        count.
    """

    text: str
    steps: tuple[Step, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def read_answer(api: str, payload: Any) -> Answer:
    """The answer in the body of a response, which is JSON that was parsed.

    Halves of characters become U+FFFD, and what is no count of tokens None: neither is the answer's fault.

    Raises:
        Garbled: the body is anything but an answer, an error, an answer without choices or text, or one with
            log-probabilities that cannot be: above 0, NaN, of more than 1 together, or without a number among
            those that have one.
    """
    # Any of these errors means a body of another shape: servers and proxies send all sorts with status 200.
    try:
        choice = _choice(payload)
        text = _content(choice) if api == CHAT else choice["text"]
        if not isinstance(text, str):
            raise Garbled(f"the text is {text!r:.50}", "no text")
        steps = _steps(choice.get("logprobs") or {})
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise Garbled(f"no choices[0] with a text ({type(error).__name__}: {error})") from error
    except (ValueError, OverflowError) as error:
        if isinstance(error, Garbled):
            raise
        raise Garbled(f"no choices[0] with log-probabilities ({error})", "no log-probabilities") from error
    usage = payload.get("usage")
    counts = usage if isinstance(usage, Mapping) else {}
    prompt_tokens, completion_tokens = counts.get("prompt_tokens"), counts.get("completion_tokens")
    return Answer(whole_text(text), steps, _count(prompt_tokens), _count(completion_tokens))


def pack(answer: Answer) -> bytes:
    """An answer as compressed JSON; the compression brings a checksum."""
    text = json.dumps(answer, ensure_ascii=False)
    return zlib.compress(text.encode())


def unpack(stored: bytes) -> Answer | None:
    """The answer that ``pack`` made these bytes of; None if they were damaged."""
    try:
        text, stored_steps, prompt_tokens, completion_tokens = json.loads(zlib.decompress(stored))
        if not isinstance(text, str):
            return None
        steps = []
        for token, logprob, stored_top in stored_steps:
            # JSON turned the tuples into lists. Read as when it came: what is refused today may have been
            # kept by an earlier version.
            top = _top((likely_token, likely_logprob) for likely_token, likely_logprob in stored_top)
            steps.append(Step(_token(token), _logprob(logprob), top))
        return Answer(text, tuple(steps), _count(prompt_tokens), _count(completion_tokens))
    except (zlib.error, ValueError, TypeError):
        return None


def _choice(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first of the answers that were given to one request, in whatever order they came.

    Raises:
        Garbled: there is none, or the server speaks of an error beside it.
    """
    choices = payload.get("choices")
    if not choices or not isinstance(choices, list):
        error = payload.get("error")
        if error:
            raise Garbled(f"the server says {error!r:.200}", "server error")
        raise Garbled("there are no choices", "no choices")
    choice = min(choices, key=_index)
    error = payload.get("error") or choice.get("error")
    if error or choice.get("finish_reason") == "error":
        raise Garbled(f"the server says {error or choice!r:.200}", "server error")
    return choice


def _index(choice: Mapping[str, Any]) -> int:
    """The place of an answer among its like; the first where the server does not say."""
    index = choice.get("index")
    return index if isinstance(index, int) else 0


def _count(value: Any) -> int | None:
    """A number of tokens; None for what is none: a word, a negative or a huge number, an object."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MOST_TOKENS or value != int(value):
        return None
    return int(value)


def _content(choice: Mapping[str, Any]) -> Any:
    """The text of a chat message, or whatever stands in its place."""
    message = choice["message"]
    content = message.get("content")
    if content is None:
        if choice.get("finish_reason") in _WITHOUT_TEXT:
            return ""
        return message.get("refusal")
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
        token = _token(entry["token"])
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
        step = Step(_token(token), _logprob(logprob), _top(likely.items()))
        steps.append(step)
    return tuple(steps)


def _top(pairs: Iterable[tuple[Any, Any]]) -> tuple[tuple[str, float], ...]:
    """The likely tokens that the server tells a log-probability of.

    They are listed from the likeliest on, so that those without one, which stands for minus infinity, are the
    last.

    Raises:
        ValueError: their probabilities come to more than 1, or one without stands before one with.
    """
    top = []
    untold = None
    for token, value in pairs:
        logprob = _logprob(value)
        if logprob is None:
            # -9999 is a number, with a place of its own in whatever order.
            if value is None or math.isinf(float(value)):
                untold = token
            continue
        if untold is not None:
            raise ValueError(f"the likely token {untold!r:.50} has none, and one behind it has")
        top.append((_token(token), logprob))
    total = sum(math.exp(logprob) for _, logprob in top)
    if total > 1 + ROUNDING:
        raise ValueError(f"the log-probabilities of the likely tokens come to a probability of {total:.3g}")
    return tuple(top)


def _token(value: Any) -> str:
    """The text of a token.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        raise ValueError(f"the token {value!r:.50} is no text")
    return whole_text(value)


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
