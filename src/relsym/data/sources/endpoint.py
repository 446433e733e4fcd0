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
from relsym.data.sources.fetch import BUSY, USER_AGENT, persistent
from relsym.runs.credentials import masked, public

LOG = logging.getLogger(__name__)
BODY_START = 200  # characters of an answer that an error quotes


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
    """

    query: str
    variables: tuple[str, ...]
    about: str
    relief: str


Solution = tuple[Term, ...]


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
            ValueError: the endpoint refuses the query, or its answer is not SPARQL JSON.
            ConnectionError, TimeoutError: the endpoint was not reached, or did not answer in time.
        """
        # Whoever asks, and with whatever signature, the answer is the same.
        key = sha256(f"{public(self.url)} {question.query}".encode()).hexdigest()
        path = self.cache / f"{key}.json"
        answer = None if self.refresh else read_cached(path)
        if answer is None:
            rows = self._parsed(self._answer(question), question)
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

    def _answer(self, question: SelectQuery) -> requests.Response:
        """The endpoint's answer of status 200, after as many retries as it takes."""
        try:
            response = persistent(lambda: self._post(question.query), self.retries)
        except requests.ReadTimeout as error:
            raise TimeoutError(
                f"{self.name}: no answer within {self.timeout:g} s ({question.about}). "
                f"Raise data.timeout, or {question.relief}."
            ) from error
        except requests.HTTPError as error:
            # Still busy after the last retry: its status is reported below, as every other refusal's.
            response = error.response
        except requests.RequestException as error:
            raise ConnectionError(
                f"{self.name}: no answer after {self.retries} retries ({question.about}): "
                f"{masked(str(error))}. What came so far is kept: "
                "run this again to go on, with more data.retries if it breaks often."
            ) from error
        if response.status_code != HTTPStatus.OK:
            status = f"{response.status_code} {response.reason}"
            advice = _advice(response, question.relief)
            raise ValueError(
                f"{self.name}: status {status} ({question.about}). "
                f"{advice} The answer starts with {_start(response)!r}."
            )
        return response

    def _post(self, query: str) -> requests.Response:
        """One attempt; a busy endpoint is an ``HTTPError``, which ``persistent`` tries again."""
        if self._session is None:
            self._session = requests.Session()
            headers = {"Accept": "application/sparql-results+json", "User-Agent": self._agent()}
            self._session.headers.update(headers)
        else:
            # Every request but the first waits, retries included.
            time.sleep(self.pause)
        # A redirected POST would arrive as a GET without its query.
        response = self._session.post(
            self.url, data={"query": query}, timeout=self.timeout, allow_redirects=False
        )
        # A query that ran out of the endpoint's own time would run out of it again: no retry.
        if response.status_code in BUSY and not _out_of_time(response):
            raise requests.HTTPError(f"{self.name}: status {response.status_code}.", response=response)
        return response

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
            for bindings in response.json()["results"]["bindings"]:
                terms = [_term(bindings[name]) for name in question.variables]
                rows.append(terms)
            return rows
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            kind = response.headers.get("Content-Type", "no content type")
            received = f"the answer (status {response.status_code}, {kind})"
            raise ValueError(
                f"{self.name}: {received} is no SPARQL JSON ({question.about}); "
                f"it starts with {_start(response)!r}. "
                "Check that data.endpoint is the service, not its web page; "
                f"if it begins as JSON, it was cut short: {question.relief}."
            ) from error


def _term(value: dict[str, Any]) -> Term:
    tag = value.get("xml:lang") or value.get("datatype", "")
    return Term(value["type"], str(value["value"]), tag)


def _advice(response: requests.Response, relief: str) -> str:
    """What to do about an answer whose status is not 200."""
    if "Location" in response.headers:
        return f"It has moved: pass data.endpoint={masked(response.headers['Location'])}."
    if _out_of_time(response):
        return f"The endpoint ran out of its own time: {relief}."
    if response.status_code in BUSY:
        return (
            "It is overloaded, or asks for longer pauses: "
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
