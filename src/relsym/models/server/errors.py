"""What goes wrong with a server: what may pass, what concerns one question, what only the user can mend."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import requests

from relsym.data.sources.bounded import TooLarge, TooSlow, read_json
from relsym.data.sources.fetch import TooLongWait
from relsym.runs.credentials import masked

# The status that servers answer with when they do not have a path.
NOT_OFFERED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
# When they do not take a field of the request.
OF_FIELDS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
# When a question is longer than the model's window.
OF_LENGTH = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
TOO_LONG = re.compile(
    r"context_length_exceeded|context (?:length|window|size)|maximum (?:context|sequence|input|model) ?len"
    r"|too many tokens|prompt is too long|longer than the (?:maximum|model)",
    re.IGNORECASE,
)
FILTERED = re.compile(
    r"content_filter|content management policy|content_policy_violation|ResponsibleAIPolicyViolation"
)
# When it may be the one question that is refused, such as one that a filter dislikes.
OF_QUESTION = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
    }
)
# Why a question has no answer, where the word matters further.
BUSY, LATE = "too many requests", "no answer in time"
# Fields that ``ways`` tries and can do without.
FIELDS_OF_CHOICE = re.compile(r"logprob|\becho\b", re.IGNORECASE)


class Stopped(Exception):
    """The run ends; nothing more is asked."""


class Unfit(Exception):
    """The server takes other questions, but not this one; the text says why, in a word or two."""


class Odd(requests.ConnectionError):
    """An answer with a status of success that is none: the next one to the same question may be better.

    reason: why, in a word or two.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class Late(requests.ConnectionError):
    """No answer came in time."""


class Declined(ValueError):
    """A refusal that asking again would not change.

    status: of HTTP.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Exhausted(ConnectionError):
    """All attempts failed.

    status: of HTTP, in the last response; None where none came.
    reason: why, in a word or two.
    """

    def __init__(self, message: str, status: int | None, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def unfit(response: requests.Response) -> Unfit | None:
    """The error to raise if something is wrong with the question itself, else None."""
    if response.status_code in OF_LENGTH and TOO_LONG.search(response.text):
        return Unfit("too long")
    if response.status_code == HTTPStatus.BAD_REQUEST and FILTERED.search(response.text):
        return Unfit("filtered")
    return None


def is_busy(response: requests.Response, is_trial: bool) -> bool:
    """Whether the same request may be answered later.

    Args:
        is_trial: whether the request tries fields; later ones have only those that were taken.
    """
    status = response.status_code
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return True
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "insufficient_quota" not in response.text  # OpenAI's word for an account without money
    if status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.NOT_IMPLEMENTED:
        return False
    # Some servers fail with status 500 on a field that they do not know: asking again would not help.
    return not is_trial or FIELDS_OF_CHOICE.search(said(response)) is None


def declined(response: requests.Response, url: str, key_env: str, with_key: bool) -> Declined:
    """The error for a refusal, with what to do about it. ``with_key``: whether a key was sent."""
    status = response.status_code
    reason = response.reason or ""
    advice = _advice(response, key_env, with_key)
    return Declined(f"{url}: status {status} {reason}: {said(response)!r}. {advice}", status)


def exhausted(message: str, url: str, retries: int, error: requests.RequestException) -> Exhausted:
    """The error after the last attempt, which failed with ``error``, with what to do about it."""
    status = None if error.response is None else error.response.status_code
    reason, advice = _diagnosis(error, status, url)
    attempts = "" if isinstance(error, TooLongWait) else f" No answer within {retries} retries."
    problem = message.rstrip(".")
    return Exhausted(
        f"{problem}.{attempts} {advice} Answers so far are kept: the same command "
        "goes on from there, and asks none of them again.",
        status,
        reason,
    )


def _diagnosis(error: requests.RequestException, status: int | None, url: str) -> tuple[str, str]:
    """Why all attempts failed, in a word or two, and what to do about it."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or isinstance(error, TooLongWait):
        return (
            BUSY,
            "It takes no more for now: lower model.concurrency, raise model.retries, or come back later.",
        )
    if status is not None:
        advice = "The server is out of order, or overloaded: see its own log; lower model.concurrency."
        return "server error", advice
    if isinstance(error, Late | TooSlow):
        return LATE, "Raise model.timeout_s, or lower model.concurrency."
    if isinstance(error, TooLarge):
        return "too large", "Lower model.top_logprobs, or look into the server's own log."
    if isinstance(error, Odd):
        if "log-probabilit" in error.reason:
            return error.reason, "Its log-probabilities are none: mend the server, or pass model.read=text."
        advice = "Check that model.url is the API's base (it mostly ends in /v1), not a web page."
        return error.reason, advice
    return "broken connection", f"Is the server running, and is {url} its address (model.url)?"


def said(response: requests.Response) -> str:
    """The server's own words about what is wrong, cut to what a message can hold."""
    try:
        return str(_innermost(read_json(response.text)))[:500]
    except (ValueError, RecursionError):
        return " ".join(response.text[:200].split())


def _innermost(payload: Any) -> Any:
    """Servers wrap their words differently: {"error": {"message": ...}}, {"detail": ...} and the like."""
    while isinstance(payload, dict):
        inner = payload.get("error") or payload.get("message") or payload.get("detail")
        if not inner:
            break
        payload = inner
    return payload


def _advice(response: requests.Response, key_env: str, with_key: bool) -> str:
    status = response.status_code
    if "Location" in response.headers:
        location = masked(response.headers["Location"])
        return f"It has moved: pass model.url with the base of {location}."
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        if with_key:
            problem = f"The key in {key_env} is not accepted"
        else:
            problem = f"No key was sent, since {key_env} is not set"
        return f"{problem}: export that environment variable, or name another one with model.key_env."
    if status == HTTPStatus.NOT_FOUND:
        return "Check model.url (it mostly ends in /v1), model.name and model.api."
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "The account has no quota left."
    return (
        "model.body adds, changes and (with null) drops fields of the request: model.body={max_tokens: null}."
    )
