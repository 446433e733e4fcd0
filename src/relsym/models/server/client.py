"""Requests to an OpenAI-compatible endpoint: tried again where that may help, else refused with advice."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests

from relsym.data.sources.bounded import (
    SMALL_BODY,
    SUCCESS,
    TooLarge,
    TooSlow,
    bounded_session,
    exchange,
    read_json,
    whole_text,
)
from relsym.data.sources.fetch import USER_AGENT, persistent, retry_after
from relsym.models.server.answers import CHAT, Answer, Garbled, read_answer
from relsym.models.server.errors import (
    NOT_OFFERED,
    Declined,
    Exhausted,
    Late,
    Odd,
    Stopped,
    declined,
    exhausted,
    is_busy,
    unfit,
)
from relsym.runs.credentials import masked

LOG = logging.getLogger(__name__)
JITTER = 1.0  # seconds at most, added to waits so that threads do not come back at once
WORTH_TELLING = 8.0  # seconds: a wait as long as this is a warning
# Seconds at most before a question is asked again whose answer was odd: the server is there, and not busy.
ODD_WAIT = 2.0
TOKEN_BYTES = 4096  # of a token with its twenty likeliest, in an answer; OpenAI's take half of it
REFUSAL_CHARS = 2**16  # of a refusal that are looked at
Read = Callable[[Any], Any]
Lacks = Callable[[Answer, Mapping[str, Any]], str]


class Client:
    """One endpoint; its threads have a connection each.

    url: the base, such as http://localhost:8000/v1.
    api: chat or completions.
    key_env: the environment variable with the key; no key is sent where it is not set.
    timeout_s: how many seconds may pass without a byte; a whole answer may take twice as long.
    retries: further attempts after a busy server, a broken connection or a body that is no answer.
    max_tokens: of an answer, which may have 16 MiB, and 4 KiB more for each.

    Raises:
        ValueError: a URL, a name of a variable or a key that cannot be right.
        Declined: when asked: the server will not take this however often it is asked (key, model, URL, a
            field of the request). It is a ValueError.
        Unfit: when asked: the server takes other questions, but not this one.
        Exhausted: when asked: all attempts failed. It is a ConnectionError.
        Stopped: when asked: ``stop`` was called.
    """

    def __init__(
        self, url: str, api: str, key_env: str, timeout_s: float | int, retries: int, max_tokens: int = 16
    ) -> None:
        self.url = _checked_url(url)
        self.api = api
        self.timeout_s = timeout_s
        self.retries = retries
        self.largest_answer = SMALL_BODY + TOKEN_BYTES * max_tokens
        self.key_env = key_env
        # Read one at a time: Python objects take many times the memory of the JSON that they come from.
        self._reading = threading.Lock()
        self.stopped = threading.Event()
        self._own = threading.local()  # a session for each thread: requests does not share them safely
        self._key = _key(key_env)
        if self._key and not _is_private(self.url):
            LOG.warning(
                "%s is not encrypted: the key of %s travels in the clear. Use https.", self.url, key_env
            )

    def ask(self, body: Mapping[str, Any], lacks: Lacks | None = None) -> Answer:
        """The answer to one request.

        Args:
            lacks: what the answer to a request lacks that others have, in a word or two; "" for nothing. One
                that lacks something is asked for again. None: the request is a trial, of fields that the
                server may not take.
        """
        path = "chat/completions" if self.api == CHAT else "completions"

        def read(payload: Any) -> Answer:
            answer = read_answer(self.api, payload)
            problem = "" if lacks is None else lacks(answer, body)
            if problem:
                raise Garbled(f"{problem}, which other answers have", problem)
            return answer

        return self._patiently("POST", path, body, read, is_trial=lacks is None and "logprobs" in body)

    def models(self) -> list[dict[str, Any]] | None:
        """What the endpoint says of its models, an entry for each; None where it offers no list of them."""
        # A server that lacks the list, or fails on it alone, can be asked questions all the same.
        try:
            return self._patiently("GET", "models", None, _entries)
        except Declined as error:
            if error.status in NOT_OFFERED:
                return None
            raise
        except Exhausted as error:
            if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            LOG.warning(
                "%s fails on /models: answers are taken for those of any model of this name. %s",
                self.url,
                error,
            )
            return None

    def stop(self) -> None:
        """End all waits, and let no thread ask anything more."""
        self.stopped.set()

    def _patiently(
        self, method: str, path: str, body: Mapping[str, Any] | None, read: Read, is_trial: bool = False
    ) -> Any:
        """What ``read`` makes of the response, after as many attempts as it takes."""

        def attempt() -> Any:
            return self._read(self._once(method, path, body), read, is_trial)

        try:
            return persistent(attempt, self.retries, JITTER, self._pause)
        except requests.RequestException as error:
            message = self.hidden(str(error))
            # From None: the error underneath could show the key.
            raise exhausted(message, self.url, self.retries, error) from None

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> requests.Response:
        """The response to one attempt.

        What may pass is raised as an error of ``requests``: ``persistent`` tries again then.
        """
        if self.stopped.is_set():
            raise Stopped
        url = f"{self.url}/{path}"
        session = self._session()
        try:
            return exchange(session, method, url, self.timeout_s, self.largest_answer, json=body)
        except requests.Timeout as error:
            raise Late(f"{self.url}: timed out, no answer within {self.timeout_s:g} s.") from error
        except (TooSlow, TooLarge) as error:
            raise type(error)(f"{self.url}: {error}.") from error

    def _read(self, response: requests.Response, read: Read, is_trial: bool) -> Any:
        """What ``read`` makes of the response, or the error for what is none."""
        text = self.hidden(response.text)
        if response.status_code not in SUCCESS:
            text = text[:REFUSAL_CHARS]  # its beginning says why; nobody parses megabytes for that
        response._content = text.encode()  # a server may repeat the key: nothing further sees it
        problem = unfit(response)
        if problem is not None:
            raise problem
        if is_busy(response, is_trial):
            pause = retry_after(response)
            asked = f" ({pause})" if pause else ""
            message = f"{self.url}: status {response.status_code}{asked}: {text[:200]!r}."
            raise requests.HTTPError(message, response=response)
        if response.status_code not in SUCCESS:
            raise declined(response, self.url, self.key_env, bool(self._key))
        try:
            with self._reading:
                return read(read_json(text))
        except ValueError as error:
            kind = response.headers.get("Content-Type", "no content type")
            reason = error.reason if isinstance(error, Garbled) else "no whole answer"
            message = (
                f"{self.url}: status {response.status_code}, but the body ({kind}) is no whole answer: "
                f"{error}. It starts with {text[:100]!r}."
            )
            raise Odd(message, reason) from error

    def _session(self) -> requests.Session:
        """The calling thread's own session, made when it first asks."""
        if not hasattr(self._own, "session"):
            session = bounded_session({"User-Agent": USER_AGENT})
            # As ``auth`` rather than a header, which ~/.netrc would overrule.
            session.auth = self._sign
            self._own.session = session
        return self._own.session

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def _pause(self, error: requests.RequestException, wait: float) -> None:
        """Wait, unless the client is stopped meanwhile."""
        if isinstance(error, Odd):
            wait = min(wait, ODD_WAIT)
        level = logging.WARNING if wait >= WORTH_TELLING else logging.DEBUG
        message = self.hidden(str(error))
        LOG.log(level, "%s Trying again in %.1f s.", message, wait)
        if self.stopped.wait(wait):
            raise Stopped

    def hidden(self, text: str) -> str:
        """The text without the key."""
        if not self._key:  # an empty key stands between any two characters
            return text
        return text.replace(self._key, "[key]")


def _entries(payload: Any) -> list[dict[str, Any]]:
    """The list of models in the body of a response; some servers send the list alone."""
    entries = payload.get("data") if isinstance(payload, dict) else payload
    if not isinstance(entries, list):
        raise Garbled("no list of models")
    for entry in entries:
        if not isinstance(entry, dict) or "id" not in entry:
            raise Garbled("no list of models")
    # What it says of the model is stored: no file can hold halves of characters, NaN or infinite numbers.
    text = whole_text(json.dumps(entries, ensure_ascii=False))
    return json.loads(text, parse_constant=lambda name: None)


def _key(key_env: str) -> str:
    """The key, "" if the variable is not set; errors name the variable, and nothing that might be a key."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key_env):
        raise ValueError(
            "model.key_env is no name of an environment variable. Give the name (OPENAI_API_KEY), never the "
            "key itself."
        )
    key = os.environ.get(key_env, "").strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError(
            f"The environment variable {key_env} holds something that is no key: blanks within, or "
            "characters outside ASCII."
        )
    return key


def _checked_url(url: str) -> str:
    """The URL without slashes at its end, or a ValueError that says what is wrong with it."""
    parts = urlsplit(url)
    # This message must not repeat the URL, which may hold a password.
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "model.url holds a user name, a password or a query. Keys come from the environment alone: "
            "model.key_env=NAME."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f"model.url={masked(url)!r}: expected the base of an http or https endpoint, such as "
            "http://localhost:8000/v1."
        )
    if parts.path.rstrip("/").endswith("/completions"):
        raise ValueError(
            f"model.url={masked(url)!r}: give the base alone (up to /v1); model.api says which API is asked."
        )
    return url.rstrip("/")


def _is_private(url: str) -> bool:
    """Whether nobody on the way can read the key: https, or this very machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, not an address
        return False
