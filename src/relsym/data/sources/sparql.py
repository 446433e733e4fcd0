"""Wikidata's statements from any SPARQL 1.1 endpoint that holds them in Wikidata's own terms (wdt:P131,
wd:Q64).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit

from relsym.data.caches import cache_folder
from relsym.data.progress import progress
from relsym.data.sources.endpoint import Endpoint, SelectQuery, Solution, Term
from relsym.data.sources.iris import DIRECT_IRI, ENTITY_IRI, LABEL_IRI
from relsym.data.triples import ENTITY_ID, PROPERTY_ID, TripleSource, check_choice, label_frame, triple_frame
from relsym.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

WIKIDATA = "https://query.wikidata.org/sparql"
LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
Page = Callable[..., list[Solution]]


class WikidataSparql:
    """Truthy statements (wdt:) between items, and the items' labels, asked page by page.

    Every answer is kept in ``cache``: a run that broke goes on with what it lacks, and a second run asks
    nothing.

    Args:
        endpoint: URL of the query service.
        language, fallbacks: an entity's label is the first there is, in this order.
        page_size: rows asked for at once.  label_batch: entities whose labels are asked for at once.
        limit: statements read of each property; None reads all. The rest is not asked for; ``notes`` counts
        the properties cut. order: "subject" (by IRI: complete and the same whatever the endpoint does, but
        the endpoint has to sort a property's statements,
            which a public one may refuse for millions of them) or "endpoint" (as they come, nothing is
            sorted; checked for repetitions).
        pause: seconds between two requests.  timeout: seconds without an answer.
        retries: further attempts after a broken connection or a busy server (429, 5xx).
        user_agent: who asks, with an address to write to; public endpoints may refuse a request without one.
        cache: folder of the answers; None is relsym/sparql in $XDG_CACHE_HOME or ~/.cache.  refresh: ask
        again whatever is there.
    """

    def __init__(
        self,
        endpoint: str = WIKIDATA,
        language: str = "en",
        fallbacks: Sequence[str] = ("mul", "en"),
        page_size: PositiveInt = 10_000,
        limit: PositiveInt | None = None,
        order: str = "subject",
        label_batch: PositiveInt = 500,
        pause: NonNegativeFloat = 1.0,
        timeout: PositiveFloat = 90.0,
        retries: NonNegativeInt = 4,
        user_agent: str | None = None,
        cache: str | None = None,
        refresh: bool = False,
    ) -> None:
        counts = {
            "page_size": page_size,
            "label_batch": label_batch,
            "limit": 1 if limit is None else limit,
            "timeout": timeout,
        }
        for key, value in counts.items():
            _check(key, value, value > 0, "a positive number")
        for key, value in (("pause", pause), ("retries", retries)):
            _check(key, value, value >= 0, "0 or more")
        for tag in (language, *fallbacks):
            _check(
                "language" if tag == language else "fallbacks",
                tag,
                LANGUAGE_TAG.fullmatch(tag),
                "language tags such as en or pt-br",
            )
        _check(
            "user_agent",
            user_agent,
            user_agent is None or (user_agent.isascii() and user_agent.isprintable()),
            "plain ASCII",
        )
        _check(
            "endpoint",
            endpoint,
            urlsplit(endpoint).scheme in ("http", "https") and urlsplit(endpoint).hostname,
            "an http or https URL",
        )
        check_choice("data.order", order, tuple(PAGES))
        self.languages = list(dict.fromkeys(tag.lower() for tag in (language, *fallbacks)))
        self.page_size, self.label_batch, self.limit, self.order = page_size, label_batch, limit, order
        self.endpoint = Endpoint(
            endpoint, cache_folder("sparql", cache), pause, timeout, retries, user_agent, refresh
        )

    def read(self, properties: Collection[str]) -> TripleSource:
        """Ask for the statements of ``properties``, in the order of their numbers, then for the labels of the
        items they name.

        Raises:
            ValueError: an id that is no P-id (nothing is asked), an answer that is refused or is not SPARQL
            JSON, no statement at all. ConnectionError, TimeoutError: the endpoint was not reached or did not
            answer in time; the answers so far are kept.
        """
        if strange := [p for p in properties if not PROPERTY_ID.fullmatch(p)]:
            raise ValueError(
                f"data.properties: {strange[0]!r} is no property id (expected P and a number, such as P131)."
            )
        with self.endpoint as endpoint:
            triples, dropped, notes = self._statements(sorted(set(properties), key=lambda p: int(p[1:])))
            labels = self._labels(
                sorted({q for s, _, o in triples for q in (s, o)}, key=lambda q: int(q[1:]))
            )
        asked = " to ".join(dict.fromkeys((min(endpoint.dates), max(endpoint.dates))))
        return TripleSource(
            triple_frame(triples),
            label_frame(labels),
            len(triples) + dropped.total(),
            dropped,
            f"{endpoint.name} asked on {asked}, labels in {', '.join(self.languages)}",
            notes=notes,
            language=self.languages[0],
        )

    def _statements(
        self, properties: list[str]
    ) -> tuple[list[tuple[str, str, str]], Counter[str], Counter[str]]:
        triples, dropped, notes = [], Counter(), Counter()
        with progress(f"asking {self.endpoint.name}", len(properties)) as advance:
            for property in properties:
                rows, more = self._rows(property)
                items = [(item(s), property, item(o)) for s, o in rows]
                kept = [triple for triple in items if None not in triple]
                triples += kept
                dropped += Counter({"not an item": len(rows) - len(kept)})
                notes += Counter({f"properties cut at data.limit={self.limit}": int(more)})
                advance(1)
        if not triples and not dropped:
            raise ValueError(
                f"{self.endpoint.name} has no statement of {', '.join(properties) or 'no property'}. Check "
                "that data.endpoint "
                f"holds Wikidata's truthy statements (<{DIRECT_IRI}P131>), or choose other "
                "properties with data.properties."
            )
        return triples, dropped, notes

    def _rows(self, property: str) -> tuple[list[Solution], bool]:
        """The statements up to the limit, and whether there are more (which is why one more is asked for)."""
        unsorted = " or pass data.order=endpoint, which has nothing sorted" * (self.order == "subject")

        def page(size: int, start: str | None = None, offset: int = 0) -> list[Solution]:
            about = (
                f"{property}, {size} rows"
                + f" from <{start}>" * bool(start)
                + f" after {offset}" * bool(offset)
            )
            query = statements_query(property, size, start, offset)
            return self.endpoint.ask(SelectQuery(query, ("s", "o"), about, f"lower data.page_size{unsorted}"))

        rows = PAGES[self.order](page, self.page_size, math.inf if self.limit is None else self.limit + 1)
        try:
            return list(islice(rows, self.limit)), next(rows, None) is not None
        except PagesDisagree as error:
            raise ValueError(f"{self.endpoint.name}, {property}: {error}") from error

    def _labels(self, entities: list[str]) -> dict[str, str]:
        labels: dict[str, str] = {}
        batches = [entities[i : i + self.label_batch] for i in range(0, len(entities), self.label_batch)]
        with progress(f"asking {self.endpoint.name} for labels", len(batches)) as advance:
            for number, batch in enumerate(batches, 1):
                found = self.endpoint.ask(
                    SelectQuery(
                        labels_query(batch, self.languages),
                        ("e", "label"),
                        f"labels, batch {number} of {len(batches)}",
                        "lower data.label_batch",
                    )
                )
                # The last to be set is the label: of the most wanted language, and of two in one language the
                # first by alphabet.
                for entity, label in sorted(
                    found,
                    key=lambda row: (self.languages.index(row[1].tag.lower()), row[1].value),
                    reverse=True,
                ):
                    labels[entity.value.removeprefix(ENTITY_IRI)] = label.value
                advance(1)
        return labels


class PagesDisagree(ValueError):
    """The pages of one property cannot all be right."""


def by_subject(page: Page, size: int, wanted: float | int) -> Iterator[Solution]:
    """At least ``wanted`` rows, or all, sorted by subject; pages of whole subjects, each from where the one
    before ended.

    A page that is full may end in the midst of a subject: these rows are left, and the next page starts with
    that subject. So rows that come or go between two requests (or between a broken run and the next) move no
    others across a page's edge, as they would with OFFSET; and as each page has fewer rows left to sort, the
    last is no dearer than the first. The key is the subject alone because only IRIs have an order that SPARQL
    defines: an object may be a blank node or a literal.
    """
    start, asked, read, seen = "", size, 0, set[str]()
    while True:
        limit = int(min(asked, wanted - read))
        rows = page(limit, start)
        if len(rows) < limit and rows and page(1, start, offset=len(rows)):
            raise PagesDisagree(
                f"{len(rows)} rows came where {limit} were asked for, although there are more: the endpoint "
                "caps its "
                f"answers (pass data.page_size={len(rows)} or less, or data.order=endpoint), or has new "
                "statements since "
                "the answers kept (pass data.refresh=true)."
            )
        if len(rows) < limit or len(rows) == wanted - read:
            yield from rows
            return
        last = rows[-1][0].value
        whole = [row for row in rows if row[0].value != last]
        if not seen.isdisjoint(subjects := {s.value for s, _ in whole}):
            raise PagesDisagree(
                f"<{min(seen & subjects)}> came on two pages: the endpoint sorts IRIs in another way than it "
                "compares "
                "their strings. Pass data.order=endpoint."
            )
        yield from whole
        seen |= subjects
        # A subject with more objects than a page has rows: ask for it again with room for more.
        start, asked, read = last, size if whole else 2 * asked, read + len(whole)


def by_offset(page: Page, size: int, wanted: float | int) -> Iterator[Solution]:
    """At least ``wanted`` rows, or all, in the endpoint's own order, which SPARQL does not promise to be the
    same on every page.

    So it is checked: if no row came twice and none is left after the last, every row came. Nothing has to be
    sorted for it.
    """
    read, seen = 0, set[Solution]()
    while read < wanted and (rows := page(int(min(size, wanted - read)), offset=read)):
        for row in rows:
            # A blank node's name holds within one answer only.
            if row in seen and "bnode" not in (row[0].kind, row[1].kind):
                raise PagesDisagree(
                    f"<{row[0].value}> with {row[1].value!r} came twice: the endpoint's own order changed "
                    "between two "
                    "pages. Pass data.order=subject, or data.page_size above data.limit so that one page is "
                    "enough."
                )
            seen.add(row)
        yield from rows
        read += len(rows)


PAGES = {"subject": by_subject, "endpoint": by_offset}


def statements_query(property: str, size: int, start: str | None, offset: int) -> str:
    """Statements of a property about anything that has an IRI, sorted by it and from ``start`` on, or
    unsorted (None).
    """
    # json.dumps quotes as SPARQL does; what comes from the endpoint must not become part of the query.
    onward = f" && STR(?s) >= {json.dumps(start, ensure_ascii=False)}" if start else ""
    order = "" if start is None else " ORDER BY ?s ?o"
    return (
        f"SELECT ?s ?o WHERE {{ ?s <{DIRECT_IRI}{property}> ?o FILTER(isIRI(?s){onward}) }}{order} "
        f"LIMIT {size}" + f" OFFSET {offset}" * bool(offset)
    )


def labels_query(entities: Sequence[str], languages: Sequence[str]) -> str:
    """Labels of these items in these languages."""
    values = " ".join(f"<{ENTITY_IRI}{q}>" for q in entities)
    tags = ", ".join(f'"{tag}"' for tag in languages)
    return (
        f"SELECT ?e ?label WHERE {{ VALUES ?e {{ {values} }} ?e <{LABEL_IRI}> ?label "
        f"FILTER(LCASE(LANG(?label)) IN ({tags})) }}"
    )


def item(term: Term) -> str | None:
    """The Q-id of an item's IRI; None for a literal, a blank node, a property, a lexeme."""
    id = term.value.removeprefix(ENTITY_IRI)
    return id if term.kind == "uri" and ENTITY_ID.fullmatch(id) else None


def _check(key: str, value: object, fits: object, expected: str) -> None:
    if not fits:
        raise ValueError(f"data.{key}={value}: expected {expected}.")
