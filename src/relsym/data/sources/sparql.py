"""Wikidata's statements from a SPARQL 1.1 endpoint.

Any will do that holds them in Wikidata's own terms (wdt:P131, wd:Q64).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from urllib.parse import urlsplit

from relsym.data.caches import cache_folder
from relsym.data.progress import progress
from relsym.data.sources.endpoint import Endpoint, SelectQuery, Solution, Term
from relsym.data.sources.iris import DIRECT_IRI, ENTITY_IRI, LABEL_IRI
from relsym.data.triples import ENTITY_ID, PROPERTY_ID, TripleSource, check_choice, label_frame, triple_frame
from relsym.ranges import NonNegativeInt, Pause, PositiveInt, Seconds
from relsym.runs.credentials import masked

WIKIDATA = "https://query.wikidata.org/sparql"
LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
# page(size, start, offset=0): so many rows of a property's statements, as ``statements_query`` asks for them.
Page = Callable[..., list[Solution]]


class WikidataSparql:
    """Truthy statements (wdt:) between items, and the items' labels, asked page by page.

    Every answer is kept in ``cache``: a run that broke goes on with what it lacks, and a second run asks
    nothing.

    Args:
        endpoint: URL of the query service.
        language, fallbacks: an entity's label is the first there is, in this order.
        page_size: rows asked for at once.
        limit: statements read of each property; None reads all. The rest is not asked for; ``notes`` counts
            the properties cut.
        order: "subject" (by IRI: complete and the same whatever the endpoint does, but the endpoint has to
            sort a property's statements, which a public one may refuse for millions of them) or "endpoint"
            (as they come, nothing is sorted; checked for repetitions).
        label_batch: entities whose labels are asked for at once.
        pause: seconds between two requests.
        timeout: seconds without an answer, or without a byte of it; a whole one may take twice as long.
        retries: further attempts after a broken connection, a busy server (408, 429, 5xx) or an answer that
            broke off.
        user_agent: who asks, with an address to write to; public endpoints may refuse a request without one.
        cache: folder of the answers; None is relsym/sparql in $XDG_CACHE_HOME or ~/.cache.
        refresh: ask again whatever is there.

    Raises:
        ValueError: an argument out of its range.
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
        pause: Pause = 1.0,
        timeout: Seconds = 90.0,
        retries: NonNegativeInt = 4,
        user_agent: str | None = None,
        cache: str | None = None,
        refresh: bool = False,
    ) -> None:
        _check("page_size", page_size, page_size > 0, "a positive number")
        _check("label_batch", label_batch, label_batch > 0, "a positive number")
        _check("limit", limit, limit is None or limit > 0, "a positive number")
        _check("timeout", timeout, timeout > 0, "a positive number")
        _check("pause", pause, pause >= 0, "0 or more")
        _check("retries", retries, retries >= 0, "0 or more")

        tags = "language tags such as en or pt-br"
        _check("language", language, LANGUAGE_TAG.fullmatch(language), tags)
        for tag in fallbacks:
            _check("fallbacks", tag, LANGUAGE_TAG.fullmatch(tag), tags)

        # It is sent as an HTTP header, which can hold nothing else.
        is_header = user_agent is None or (user_agent.isascii() and user_agent.isprintable())
        _check("user_agent", user_agent, is_header, "plain ASCII")
        url = urlsplit(endpoint)
        is_http = url.scheme in ("http", "https") and url.hostname
        _check("endpoint", masked(endpoint), is_http, "an http or https URL")
        check_choice("data.order", order, tuple(PAGES))

        lower_tags = [tag.lower() for tag in (language, *fallbacks)]
        self.languages = list(dict.fromkeys(lower_tags))
        self.page_size = page_size
        self.label_batch = label_batch
        self.limit = limit
        self.order = order
        folder = cache_folder("sparql", cache)
        self.endpoint = Endpoint(endpoint, folder, pause, timeout, retries, user_agent, refresh)

    def read(self, properties: Collection[str]) -> TripleSource:
        """Ask for the statements of ``properties``, then for the labels of the items they name.

        The properties are asked for in the order of their numbers, and so are the items.

        Raises:
            ValueError: an id that is no P-id (nothing is asked), an answer that is refused or is not SPARQL
                JSON, no statement at all.
            ConnectionError, TimeoutError: the endpoint was not reached or did not answer in time; the answers
                so far are kept.
        """
        for property in properties:
            if not PROPERTY_ID.fullmatch(property):
                raise ValueError(
                    f"data.properties: {property!r} is no property id "
                    "(expected P and a number, such as P131)."
                )

        with self.endpoint as endpoint:
            in_order = sorted(set(properties), key=_number)
            triples, dropped, notes = self._statements(in_order)
            entities = set[str]()
            for subject, _, object in triples:
                entities.add(subject)
                entities.add(object)
            labels = self._labels(sorted(entities, key=_number))

        first_day, last_day = min(endpoint.dates), max(endpoint.dates)
        days = first_day if first_day == last_day else f"{first_day} to {last_day}"
        return TripleSource(
            triple_frame(triples),
            label_frame(labels),
            len(triples) + dropped.total(),
            dropped,
            f"{endpoint.name} asked on {days}, labels in {', '.join(self.languages)}",
            notes=notes,
            language=self.languages[0],
        )

    def _statements(
        self, properties: list[str]
    ) -> tuple[list[tuple[str, str, str]], Counter[str], Counter[str]]:
        """The statements between items; how many others were dropped; the properties cut at the limit."""
        triples: list[tuple[str, str, str]] = []
        dropped: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        with progress(f"asking {self.endpoint.name}", len(properties)) as advance:
            for property in properties:
                rows, is_cut = self._rows(property)
                between_items = _between_items(rows, property)
                triples += between_items
                if len(between_items) < len(rows):
                    dropped["not an item"] += len(rows) - len(between_items)
                if is_cut:
                    notes[f"properties cut at data.limit={self.limit}"] += 1
                advance(1)
        if not triples and not dropped:
            names = ", ".join(properties) or "no property"
            raise ValueError(
                f"{self.endpoint.name} has no statement of {names}. Check that data.endpoint holds "
                f"Wikidata's truthy statements (<{DIRECT_IRI}P131>), "
                "or choose other properties with data.properties."
            )
        return triples, dropped, notes

    def _rows(self, property: str) -> tuple[list[Solution], bool]:
        """The statements up to the limit, and whether there are more (which is why one more is asked for)."""
        wanted = math.inf if self.limit is None else self.limit + 1
        page = partial(self._page, property)
        rows = PAGES[self.order](page, self.page_size, wanted)
        try:
            statements = list(islice(rows, self.limit))
            is_cut = next(rows, None) is not None
        except PagesDisagree as error:
            raise ValueError(f"{self.endpoint.name}, {property}: {error}") from error
        return statements, is_cut

    def _page(self, property: str, size: int, start: str | None = None, offset: int = 0) -> list[Solution]:
        """Some of a property's statements (see ``statements_query``), as subject and object."""
        about = f"{property}, {size} rows"
        if start:
            about += f" from <{start}>"
        if offset:
            about += f" after {offset}"
        relief = "lower data.page_size"
        if self.order == "subject":
            relief += " or pass data.order=endpoint, which has nothing sorted"
        query = statements_query(property, size, start, offset)
        return self.endpoint.ask(SelectQuery(query, ("s", "o"), about, relief, size))

    def _labels(self, entities: list[str]) -> dict[str, str]:
        """Q-id -> label, for those of the items that have one in the languages."""
        labels: dict[str, str] = {}
        starts = range(0, len(entities), self.label_batch)
        batches = [entities[start : start + self.label_batch] for start in starts]
        with progress(f"asking {self.endpoint.name} for labels", len(batches)) as advance:
            for number, batch in enumerate(batches, 1):
                query = labels_query(batch, self.languages)
                about = f"labels, batch {number} of {len(batches)}"
                size = len(batch) * len(self.languages)
                relief = "lower data.label_batch"
                answer = self.endpoint.ask(SelectQuery(query, ("e", "label"), about, relief, size))
                # Only these languages were asked for, whatever came.
                rows = [row for row in answer if row[1].tag.lower() in self.languages]
                # The last to be set is the label: of the most wanted language, and of two in one language the
                # first by alphabet.
                rows.sort(key=self._preference, reverse=True)
                for entity, label in rows:
                    labels[entity.value.removeprefix(ENTITY_IRI)] = label.value
                advance(1)
        return labels

    def _preference(self, row: Solution) -> tuple[int, str]:
        """Smaller for the label (of entity and label) that is wanted more."""
        _, label = row
        return self.languages.index(label.tag.lower()), label.value


class PagesDisagree(ValueError):
    """The pages of one property cannot all be right."""


def by_subject(page: Page, size: int, wanted: float | int) -> Iterator[Solution]:
    """At least ``wanted`` rows, or all, sorted by subject.

    The pages are of whole subjects, each from where the one before ended. A page that is full may end in the
    midst of a subject: these rows are left, and the next page starts with that subject. So rows that come or
    go between two requests (or between a broken run and the next) move no others across a page's edge, as
    they would with OFFSET; and as each page has fewer rows left to sort, the last is no dearer than the
    first. The key is the subject alone because only IRIs have an order that SPARQL defines: an object may be
    a blank node or a literal.

    Args:
        page: asks for a page.
        size: rows of a page.
        wanted: rows after which no further page is asked for; infinity: all.

    Raises:
        PagesDisagree: the endpoint caps its answers, or sorts them in an order of its own.
    """
    start = ""
    room = size
    read = 0
    seen = set[str]()
    while True:
        limit = int(min(room, wanted - read))
        rows = page(limit, start)
        is_short = len(rows) < limit
        # A short page should be the last; one row more is asked for, to be sure that there is none.
        if is_short and rows and page(1, start, offset=len(rows)):
            raise PagesDisagree(
                f"{len(rows)} rows came where {limit} were asked for, although there are more: "
                f"the endpoint caps its answers (pass data.page_size={len(rows)} or less, "
                "or data.order=endpoint), or has new statements since the answers kept "
                "(pass data.refresh=true)."
            )
        if is_short or len(rows) == wanted - read:
            yield from rows
            return

        last = rows[-1][0].value
        whole = [row for row in rows if row[0].value != last]
        subjects = {subject.value for subject, _ in whole}
        repeated = seen & subjects
        if repeated:
            raise PagesDisagree(
                f"<{min(repeated)}> came on two pages: the endpoint sorts IRIs in another way than it "
                "compares their strings. Pass data.order=endpoint."
            )
        yield from whole
        seen |= subjects
        start = last
        read += len(whole)
        # A subject with more objects than a page has rows: ask for it again with room for more.
        room = size if whole else 2 * room


def by_offset(page: Page, size: int, wanted: float | int) -> Iterator[Solution]:
    """At least ``wanted`` rows, or all, in the endpoint's own order.

    SPARQL does not promise that this order is the same on every page. So it is checked: if no row came twice
    and none is left after the last, every row came. Nothing has to be sorted for it.

    Args:
        page: asks for a page.
        size: rows of a page.
        wanted: rows after which no further page is asked for; infinity: all.

    Raises:
        PagesDisagree: a row came twice.
    """
    read = 0
    seen = set[Solution]()
    while read < wanted:
        limit = int(min(size, wanted - read))
        rows = page(limit, offset=read)
        if not rows:
            return
        for row in rows:
            subject, object = row
            # A blank node's name holds within one answer only.
            if row in seen and "bnode" not in (subject.kind, object.kind):
                raise PagesDisagree(
                    f"<{subject.value}> with {object.value!r} came twice: the endpoint's own order changed "
                    "between two pages. Pass data.order=subject, "
                    "or data.page_size above data.limit so that one page is enough."
                )
            seen.add(row)
        yield from rows
        read += len(rows)


PAGES = {"subject": by_subject, "endpoint": by_offset}


def statements_query(property: str, size: int, start: str | None, offset: int) -> str:
    """The query for statements of a property about anything that has an IRI.

    Args:
        property: its P-id.
        size: rows at most.
        start: sorted by subject, those from this IRI on ("": from the first); None: unsorted.
        offset: rows to pass over.
    """
    # json.dumps quotes as SPARQL does; what comes from the endpoint must not become part of the query.
    onward = f" && STR(?s) >= {json.dumps(start, ensure_ascii=False)}" if start else ""
    order = "" if start is None else " ORDER BY ?s ?o"
    beyond = f" OFFSET {offset}" if offset else ""
    return (
        f"SELECT ?s ?o WHERE {{ ?s <{DIRECT_IRI}{property}> ?o FILTER(isIRI(?s){onward}) }}{order} "
        f"LIMIT {size}{beyond}"
    )


def labels_query(entities: Sequence[str], languages: Sequence[str]) -> str:
    """The query for the labels of these items in these languages (tags in lower case)."""
    values = " ".join(f"<{ENTITY_IRI}{entity}>" for entity in entities)
    tags = ", ".join(f'"{tag}"' for tag in languages)
    return (
        f"SELECT ?e ?label WHERE {{ VALUES ?e {{ {values} }} ?e <{LABEL_IRI}> ?label "
        f"FILTER(LCASE(LANG(?label)) IN ({tags})) }}"
    )


def item(term: Term) -> str | None:
    """The Q-id of an item's IRI; None for a literal, a blank node, a property, a lexeme."""
    id = term.value.removeprefix(ENTITY_IRI)
    return id if term.kind == "uri" and ENTITY_ID.fullmatch(id) else None


def _between_items(rows: list[Solution], property: str) -> list[tuple[str, str, str]]:
    """The triples of those rows whose subject and object are both items."""
    triples = []
    for subject_term, object_term in rows:
        subject, object = item(subject_term), item(object_term)
        if subject is not None and object is not None:
            triples.append((subject, property, object))
    return triples


def _number(id: str) -> int:
    """The number of a P-id or a Q-id."""
    return int(id[1:])


def _check(key: str, value: object, fits: object, expected: str) -> None:
    """Refuse a value of the configuration that does not fit, saying what was expected."""
    if not fits:
        raise ValueError(f"data.{key}={value}: expected {expected}.")
