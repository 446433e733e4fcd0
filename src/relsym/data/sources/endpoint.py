"""A SPARQL 1.1 endpoint over HTTP: asked one query at a time, with pauses; its answers are kept on disk."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from relsym.data.caches import read_cached, write_cached
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
from relsym.data.sources.fetch import USER_AGENT, may_pass, persistent, retry_after
from relsym.runs.credentials import masked, public

LOG = logging.getLogger(__name__)
BODY_START = 200  # characters of an answer that an error quotes
ROW_BYTES = 1024  # of an answer beside ``SMALL_BODY``, on average; Wikidata's take a quarter of it


class Term(NamedTuple):
    """One value of an answer.

    kind: uri, literal or bnode.
    tag: the language or the datatype of a literal, else empty.
    """

    kind: str
    value: str
    tag: str = ""


class SelectQuery(NamedTuple):
    """A SELECT query, with two texts for its errors.

    variables: those of the answer, in the order in which a solution lists them.
    about: what is asked.
    relief: what to do if it is too much for the endpoint.
    rows: how many the answer may have.
    """

    query: str
    variables: tuple[str, ...]
    about: str
    relief: str
    rows: int = 1


Solution = tuple[Term, ...]


class NoSparql(requests.ConnectionError):
    """An answer with a status of success that is no whole SPARQL JSON."""


class Endpoint:
    """Asks one query at a time, pauses in between, and keeps the answers; leaving its context disconnects.

    An answer's file is its SHA-256, a line feed, and JSON; its name is the hash of endpoint, without secrets,
    and query. A damaged one is asked for again. ``dates`` holds the days on which the answers of this context
    were given.

    Args:
        url: of the query service.
        cache: the folder of the answers.
        pause, timeout, retries, user_agent, refresh: as ``relsym.data.sources.sparql.WikidataSparql`` takes
            them.
    """

    def __init__(
        self,
        url: str,
        cache: Path,
        pause: float | int,
        timeout: float | int,
        retries: int,
        user_agent: str | None,
        refresh: bool,
    ) -> None:
        self.url = url
        self.cache = cache
        self.pause = pause
        self.timeout = timeout
        self.retries = retries
        self.user_agent = user_agent
        self.refresh = refresh

        # The name goes into errors and saved files: no user, password or key of the query may be in it.
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.name = parts._replace(netloc=host, query="", fragment="").geturl()

        self.dates: set[str] = set()
        self._session: requests.Session | None = None

    def __enter__(self) -> Endpoint:
        self.dates.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            self._session.close()
            self._session = None

    def ask(self, question: SelectQuery) -> list[Solution]:
        """The rows of the answer, one term per variable.

        Raises:
            ValueError: the endpoint refuses the query, or its answers are not SPARQL JSON.
            ConnectionError, TimeoutError: the endpoint was not reached, or did not answer in time.
        """
        # Whoever asks, and with whatever signature, the answer is the same.
        key = sha256(f"{public(self.url)} {question.query}".encode()).hexdigest()
        path = self.cache / f"{key}.json"
        answer = None if self.refresh else read_cached(path)
        if answer is None:
            rows = self._answer(question)
            answer = {
                "endpoint": self.name,
                "query": question.query,
                "asked": f"{datetime.now(UTC):%Y-%m-%d}",
                "rows": rows,
            }
            write_cached(path, answer, "Answers are kept in data.cache: pass a folder with room")
        self.dates.add(answer["asked"])

        solutions = []
        for row in answer["rows"]:
            # JSON has made lists of the terms that were kept.
            terms = tuple(Term(*term) for term in row)
            solutions.append(terms)
        return solutions

    def _answer(self, question: SelectQuery) -> list[list[Term]]:
        """The rows of the endpoint's answer, after as many retries as it takes."""
        try:
            return persistent(lambda: self._asked(question), self.retries)
        except requests.ReadTimeout as error:
            raise TimeoutError(
                f"{self.name}: no answer within {self.timeout:g} s ({question.about}). "
                f"Raise data.timeout, or {question.relief}."
            ) from error
        except requests.HTTPError as error:
            # Still busy after the last retry.
            raise self._refused(error.response, question) from error
        except NoSparql as error:
            raise ValueError(str(error)) from error
        except requests.RequestException as error:
            advice = "with more data.retries if it breaks often"
            if isinstance(error, TooSlow | TooLarge):
                advice = f"with a longer data.timeout, or {question.relief}"
            raise ConnectionError(
                f"{self.name}: no answer after {self.retries} retries ({question.about}): "
                f"{masked(str(error))}. What came so far is kept: run this again to go on, {advice}."
            ) from error

    def _refused(self, response: requests.Response, question: SelectQuery) -> ValueError:
        """The error for an answer without a status of success."""
        status = f"{response.status_code} {response.reason}"
        advice = _advice(response, question.relief)
        return ValueError(
            f"{self.name}: status {status} ({question.about}). "
            f"{advice} The answer starts with {_start(response)!r}."
        )

    def _asked(self, question: SelectQuery) -> list[list[Term]]:
        """One attempt.

        A busy endpoint is an ``HTTPError`` and an answer that broke off ``NoSparql``: ``persistent`` tries
        again.
        """
        response = self._post(question)
        status = response.status_code
        # A query that ran out of the endpoint's own time would run out of it again: no retry.
        if may_pass(status) and not _out_of_time(response):
            raise requests.HTTPError(f"{self.name}: status {status}", response=response)
        if status not in SUCCESS:
            raise self._refused(response, question)
        if status == HTTPStatus.PARTIAL_CONTENT:
            raise NoSparql(
                f"{self.name}: the answer is a part of the whole alone, as its status 206 says "
                f"({question.about}). Try later, or {question.relief}."
            )
        return self._parsed(response, question)

    def _post(self, question: SelectQuery) -> requests.Response:
        """Send a query, after a pause unless it is the first."""
        if self._session is None:
            headers = {"Accept": "application/sparql-results+json", "User-Agent": self._agent()}
            self._session = bounded_session(headers)
        else:
            # Every request but the first waits, retries included.
            time.sleep(self.pause)
        largest = SMALL_BODY + ROW_BYTES * question.rows
        query = {"query": question.query}
        return exchange(self._session, "POST", self.url, self.timeout, largest, data=query)

    def _agent(self) -> str:
        """The User-Agent header: the user's, or relsym's own with a warning."""
        if self.user_agent is None:
            LOG.warning(
                "%s is asked without a contact: "
                "pass data.user_agent='NAME (ADDRESS)', so that its operators can reach you.",
                self.name,
            )
        return self.user_agent or USER_AGENT

    def _parsed(self, response: requests.Response, question: SelectQuery) -> list[list[Term]]:
        """The rows of a SPARQL JSON answer, with the terms of each in the order of the query's variables."""
        try:
            rows = []
            for bindings in read_json(response.text)["results"]["bindings"]:
                terms = [_term(bindings[name]) for name in question.variables]
                rows.append(terms)
            return rows
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            kind = response.headers.get("Content-Type", "no content type")
            received = f"the answer (status {response.status_code}, {kind})"
            raise NoSparql(
                f"{self.name}: {received} is no SPARQL JSON ({question.about}); "
                f"it starts with {_start(response)!r}. "
                "Check that data.endpoint is the service, not its web page; "
                f"if it begins as JSON, it was cut short: {question.relief}."
            ) from error


def _term(value: dict[str, Any]) -> Term:
    """A value of the answer; texts are cleaned of what no file can hold.

    Raises:
        TypeError, KeyError: it is no term of SPARQL JSON.
    """
    texts = (value["type"], value["value"], value.get("xml:lang") or value.get("datatype") or "")
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"expected texts, got {text!r:.50}")
    return Term(*map(whole_text, texts))


def _advice(response: requests.Response, relief: str) -> str:
    """What to do about an answer whose status is not 200."""
    if "Location" in response.headers:
        return f"It has moved: pass data.endpoint={masked(response.headers['Location'])}."
    if _out_of_time(response):
        return f"The endpoint ran out of its own time: {relief}."
    if may_pass(response.status_code):
        pause = retry_after(response)
        asked = f" ({pause})" if pause else ""
        return (
            f"It is overloaded, or asks for longer pauses{asked}: "
            f"try later, raise data.retries or data.pause, or {relief}."
        )
    if response.status_code == HTTPStatus.BAD_REQUEST:
        return "It does not take this query: is it a SPARQL 1.1 endpoint?"
    return "Check data.endpoint; a public endpoint may want a contact in data.user_agent."


def _out_of_time(response: requests.Response) -> bool:
    """Whether the endpoint broke the query off: Blazegraph says so with a Java exception and status 500."""
    return response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and "TimeoutException" in response.text


def _start(response: requests.Response) -> str:
    """The beginning of an answer, on one line."""
    return " ".join(response.text[:BODY_START].split())
