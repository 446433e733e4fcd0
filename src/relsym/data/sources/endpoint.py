"""A SPARQL 1.1 endpoint over HTTP: asked politely, one query at a time, its answers kept."""

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

LOG = logging.getLogger(__name__)
BODY_START = 200


class Term(NamedTuple):
    """One value of an answer: kind is uri, literal or bnode; tag is the language or the datatype of a
    literal.
    """

    kind: str
    value: str
    tag: str = ""


class SelectQuery(NamedTuple):
    """A SELECT query. about and relief are for errors: what is asked, and what to do if it is too much for
    the endpoint.
    """

    query: str
    variables: tuple[str, ...]
    about: str
    relief: str


Solution = tuple[Term, ...]


class Endpoint:
    """Asks queries one at a time, politely, and keeps the answers; a context manager that closes its
    connection.

    An answer's file is its SHA-256, a line feed, and JSON; its name is the hash of endpoint and query. A
    damaged one is asked for again.

    Args: those of ``relsym.data.sources.sparql.WikidataSparql``; url is its endpoint, cache the folder
    itself.
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
        self.url, self.cache, self.pause, self.timeout, self.retries, self.refresh = (
            url,
            cache,
            pause,
            timeout,
            retries,
            refresh,
        )
        parts = urlsplit(url)
        self.name = parts._replace(
            netloc=parts.netloc.rpartition("@")[2], query="", fragment=""
        ).geturl()  # no secrets
        self.user_agent, self.dates, self._session = user_agent, set[str](), None

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
        """The rows of the answer, one term per variable."""
        path = self.cache / f"{sha256(f'{self.url} {question.query}'.encode()).hexdigest()}.json"
        if self.refresh or (found := read_cached(path)) is None:
            rows = self._parsed(self._answer(question), question)
            found = {
                "endpoint": self.name,
                "query": question.query,
                "asked": f"{datetime.now(UTC):%Y-%m-%d}",
                "rows": rows,
            }
            write_cached(path, found, "Answers are kept in data.cache: pass a folder with room")
        self.dates.add(found["asked"])
        return [tuple(Term(*term) for term in row) for row in found["rows"]]

    def _answer(self, question: SelectQuery) -> requests.Response:
        try:
            response = persistent(lambda: self._post(question.query), self.retries)
        except requests.ReadTimeout as error:
            raise TimeoutError(
                f"{self.name}: no answer within {self.timeout:g} s ({question.about}). Raise data.timeout, "
                "or "
                f"{question.relief}."
            ) from error
        except requests.HTTPError as error:
            response = error.response
        except requests.RequestException as error:
            raise ConnectionError(
                f"{self.name}: no answer after {self.retries} retries ({question.about}): {error}. What came "
                "so far is "
                "kept: run this again to go on, with more data.retries if it breaks often."
            ) from error
        if response.status_code != HTTPStatus.OK:
            raise ValueError(
                f"{self.name}: status {response.status_code} {response.reason} ({question.about}). "
                f"{_advice(response, question.relief)} The answer starts with {_start(response)!r}."
            )
        return response

    def _post(self, query: str) -> requests.Response:
        if self._session is None:
            self._session = requests.Session()
            self._session.headers.update(
                {"Accept": "application/sparql-results+json", "User-Agent": self._agent()}
            )
        else:
            time.sleep(self.pause)
        # A redirected POST would arrive as a GET without its query.
        response = self._session.post(
            self.url, data={"query": query}, timeout=self.timeout, allow_redirects=False
        )
        # The same query would run out of the endpoint's time again.
        if response.status_code in BUSY and not _out_of_time(response):
            raise requests.HTTPError(f"{self.name}: status {response.status_code}.", response=response)
        return response

    def _agent(self) -> str:
        if self.user_agent is None:
            LOG.warning(
                "%s is asked without a contact: pass data.user_agent='NAME (ADDRESS)', so that its operators "
                "can reach you.",
                self.name,
            )
        return self.user_agent or USER_AGENT

    def _parsed(self, response: requests.Response, question: SelectQuery) -> list[list[Term]]:
        try:
            return [
                [_term(row[name]) for name in question.variables]
                for row in response.json()["results"]["bindings"]
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            kind = response.headers.get("Content-Type", "no content type")
            raise ValueError(
                f"{self.name}: the answer (status {response.status_code}, {kind}) is no SPARQL JSON "
                f"({question.about}); it "
                f"starts with {_start(response)!r}. Check that data.endpoint is the service, not its web "
                "page; if it begins "
                f"as JSON, it was cut short: {question.relief}."
            ) from error


def _term(value: dict[str, Any]) -> Term:
    return Term(value["type"], str(value["value"]), value.get("xml:lang") or value.get("datatype", ""))


def _advice(response: requests.Response, relief: str) -> str:
    if "Location" in response.headers:
        return f"It has moved: pass data.endpoint={response.headers['Location']}."
    if _out_of_time(response):
        return f"The endpoint ran out of its own time: {relief}."
    if response.status_code in BUSY:
        return (
            "It is overloaded, or asks for longer pauses: try later, raise data.retries or data.pause, or "
            f"{relief}."
        )
    if response.status_code == HTTPStatus.BAD_REQUEST:
        return "It does not take this query: is it a SPARQL 1.1 endpoint?"
    return "Check data.endpoint; a public endpoint may want a contact in data.user_agent."


def _out_of_time(response: requests.Response) -> bool:
    return response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and "TimeoutException" in response.text


def _start(response: requests.Response) -> str:
    return " ".join(response.text[:BODY_START].split())
