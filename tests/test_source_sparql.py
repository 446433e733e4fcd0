"""Wikidata over SPARQL, against a real engine on the loopback interface that can be told to fail."""

from __future__ import annotations

import json
import logging
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hydra.utils import instantiate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import faults
import relsym.conf
from loopback import Loopback, QuietHandler
from relsym.data.caches import cache_folder
from relsym.data.sources.iris import DIRECT_IRI, ENTITY_IRI, LABEL_IRI
from relsym.data.sources.sparql import WikidataSparql

pytestmark = pytest.mark.usefixtures("sleeps")
ox = pytest.importorskip("pyoxigraph")
PAUSE = 0.125


def wd(id: str) -> ox.NamedNode:
    return ox.NamedNode(ENTITY_IRI + id)


def wdt(id: str) -> ox.NamedNode:
    return ox.NamedNode(DIRECT_IRI + id)


def spo(s: str, p: str, o: object) -> ox.Quad:
    return ox.Quad(wd(s), wdt(p), wd(o) if isinstance(o, str) else o)


def label(id: str, text: str, language: str = "en") -> ox.Quad:
    return ox.Quad(wd(id), ox.NamedNode(LABEL_IRI), ox.Literal(text, language=language))


class Served(Loopback):
    """An engine behind HTTP: what was asked of it, and how it is to answer the next requests (each takes one
    trouble; then all is well).
    """

    def __init__(self) -> None:
        self.store, self.queries, self.agents, self.troubles = ox.Store(), [], [], []
        self.cap: int | None = None
        served = self

        class Handler(QuietHandler):
            served = self

            def do_POST(self) -> None:
                query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["query"][0]
                assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                assert self.headers["Accept"] == "application/sparql-results+json"
                served.queries.append(query)
                served.agents.append(self.headers["User-Agent"])
                trouble = served.troubles.pop(0) if served.troubles else None
                if trouble:
                    trouble(self, query)
                else:
                    served.answer(self, query)

        super().__init__(Handler)
        self.url = f"{self.root}/sparql"

    def answer(self, handler: BaseHTTPRequestHandler, query: str) -> None:
        body = self.store.query(query).serialize(format=ox.QueryResultsFormat.JSON)
        if self.cap is not None:
            answer = json.loads(body)
            answer["results"]["bindings"] = answer["results"]["bindings"][: self.cap]
            body = json.dumps(answer).encode()
        reply(handler, 200, body, "application/sparql-results+json")


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "text/plain", **headers: str
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def says(status: int, body: bytes = b"", kind: str = "text/plain", **headers: str) -> Callable[..., None]:
    return lambda handler, _: reply(handler, status, body, kind, **headers)


def drops(handler: BaseHTTPRequestHandler, _: str) -> None:
    """Cut the connection in the midst of the answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"results"')
    handler.close_connection = True


@pytest.fixture
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.close()


@pytest.fixture
def reader(served: Served, tmp_path: Path) -> Callable[..., WikidataSparql]:
    def make(**changes: object) -> WikidataSparql:
        return WikidataSparql(
            **{
                "endpoint": served.url,
                "cache": str(tmp_path / "cache"),
                "pause": PAUSE,
                "retries": 2,
                **changes,
            }
        )

    return make


def chain(served: Served, count: int = 9, property: str = "P131") -> set[tuple[str, str, str]]:
    """A fact about each of ``count`` subjects; nobody has a label."""
    facts = {(f"Q{n}", property, f"Q{n + 1}") for n in range(1, count + 1)}
    served.store.extend(spo(*fact) for fact in facts)
    return facts


# --- what is read

objects = st.one_of(
    st.integers(1, 30).map("Q{}".format),
    st.sampled_from(["P31", "L7", "L7-S1"]),
    st.builds(ox.Literal, st.sampled_from(["Q5", "1999", ""])),
    st.builds(ox.Literal, st.just("Q5"), language=st.just("en")),
    st.integers(1, 3).map(lambda n: ox.BlankNode(f"unknown{n}")),
)
statements = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 30).map("Q{}".format), st.sampled_from(["P6", "L1"])),
        st.sampled_from(["P131", "P22", "P47"]),
        objects,
    ),
    min_size=1,
    max_size=40,
)


@pytest.mark.parametrize("order", ["subject", "endpoint"])
def test_what_is_read_is_every_statement_between_items_whatever_the_size_of_a_page(order, served, tmp_path):
    tried = iter(range(10**6))

    @settings(
        max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    )
    @given(statements, st.integers(1, 12))
    def check(facts, size):
        served.store.clear()
        facts = [*facts, ("Q1", "P131", "Q2")]
        served.store.extend(spo(*fact) for fact in facts)
        source = WikidataSparql(
            served.url, page_size=size, order=order, pause=0, cache=str(tmp_path / str(next(tried)))
        ).read(["P131", "P22"])
        asked = {
            (q.subject.value, q.predicate.value, q.object)
            for q in served.store
            if q.predicate in (wdt("P131"), wdt("P22"))
        }
        between = {
            fact
            for fact in facts
            if fact[1] != "P47" and fact[0][0] == "Q" and str(fact[2])[0] == "Q" and isinstance(fact[2], str)
        }
        assert Counter(source.triples.rows()) == Counter(between)
        assert source.dropped.total() == len(asked) - len(between)
        assert set(source.dropped) <= {"not an item"}
        assert source.read == len(asked)

    check()


def test_sorted_statements_are_the_same_whatever_the_size_of_a_page(served, reader):
    chain(served, 30)
    whole = reader().read(["P131"]).triples.rows()
    assert whole == sorted(whole)
    assert [reader(page_size=size).read(["P131"]).triples.rows() for size in (1, 2, 7, 29, 30, 31)] == [
        whole
    ] * 6


def test_a_subject_with_more_objects_than_a_page_has_rows_is_read_whole(served, reader):
    facts = chain(served) | {("Q3", "P131", f"Q{n}") for n in range(100, 150)}
    served.store.extend(spo(*fact) for fact in facts)
    assert set(reader(page_size=4).read(["P131"]).triples.rows()) == facts


def test_unknown_values_literals_and_other_entities_are_counted_as_no_items(served, reader):
    served.store.extend(
        [
            spo("Q1", "P22", "Q2"),
            spo("Q1", "P22", ox.BlankNode("somebody")),
            spo("Q1", "P22", ox.Literal("Q2")),
            spo("Q1", "P22", "P31"),
            spo("Q1", "P22", ox.Literal(ENTITY_IRI + "Q2")),
            spo("Q1", "P22", ox.NamedNode("http://www.wikidata.org/.well-known/genid/1")),
            spo("Q1", "P22", ox.NamedNode("http://other.org/Q2")),
        ]
    )
    # "No value" stands in Wikidata as a class of the subject, not as a statement to be read.
    served.store.add(
        ox.Quad(
            wd("Q4"),
            ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"),
            ox.NamedNode("http://www.wikidata.org/prop/novalue/P22"),
        )
    )
    source = reader().read(["P22"])
    assert source.triples.rows() == [("Q1", "P22", "Q2")]
    assert source.dropped == {"not an item": 6}
    assert source.read == 7


@pytest.mark.parametrize("order", ["subject", "endpoint"])
def test_statements_about_nodes_without_an_iri_are_not_asked_for(order, served, reader):
    facts = chain(served)
    served.store.extend(ox.Quad(ox.BlankNode(f"nobody{n}"), wdt("P131"), wd("Q1")) for n in range(9))
    source = reader(order=order, page_size=4).read(["P131"])
    assert set(source.triples.rows()) == facts
    assert source.read == len(facts)


@pytest.mark.parametrize("order", ["subject", "endpoint"])
@pytest.mark.parametrize(("page_size", "limit"), [(10, 4), (3, 4), (2, 4), (4, 4), (5, 4), (1, 1)])
def test_no_more_than_the_limit_is_read_of_a_property_and_the_notes_say_so(
    order, page_size, limit, served, reader
):
    facts = chain(served) | chain(served, 4, "P22") | chain(served, 1, "P25")
    source = reader(order=order, page_size=page_size, limit=limit).read(["P131", "P22", "P25"])
    kept = Counter(source.triples["property"])
    assert kept == {"P131": limit, "P22": min(limit, 4), "P25": 1}
    assert set(source.triples.rows()) <= facts
    assert source.triples.is_duplicated().sum() == 0
    assert source.notes == {f"properties cut at data.limit={limit}": sum(size > limit for size in (9, 4, 1))}
    assert source.read == source.triples.height


def test_the_limit_takes_the_first_of_the_sorted_statements_whatever_the_size_of_a_page(served, reader):
    facts = sorted(chain(served, 30))
    for size in (1, 3, 100):
        assert reader(page_size=size, limit=5).read(["P131"]).triples.rows() == facts[:5]


def test_the_limit_within_a_subject_takes_the_first_of_its_sorted_objects(served, reader):
    objects = random.Random(0).sample(range(100, 200), 40)
    served.store.extend(spo("Q1", "P131", f"Q{n}") for n in objects)
    assert reader(limit=5).read(["P131"]).triples["object"].to_list() == [
        f"Q{n}" for n in sorted(objects)[:5]
    ]


def test_rows_that_come_between_two_pages_lose_no_others(served, reader):
    facts = chain(served, 9)

    def grows(handler, query):
        served.store.extend([spo("Q0", "P131", "Q1"), spo("Q10", "P131", "Q11"), spo("Q11", "P131", "Q12")])
        served.answer(handler, query)

    served.troubles = [None, None, grows]
    read = reader(page_size=3).read(["P131"]).triples.rows()
    assert facts <= set(read)
    assert len(read) == len(set(read))


# --- labels


def test_a_label_is_the_first_there_is_of_language_and_fallbacks(served, reader):
    chain(served, 4)
    served.store.extend(
        [
            label("Q1", "eins", "de"),
            label("Q1", "one"),
            label("Q1", "uno", "mul"),
            label("Q2", "two"),
            label("Q2", "dos", "mul"),
            label("Q3", "three"),
            label("Q4", "quatre", "fr"),
            label("Q5", "b", "de"),
            label("Q5", "a", "de"),
            label("Q99", "not named"),
        ]
    )
    source = reader(language="DE", fallbacks=["mul", "en"]).read(["P131"])
    assert dict(source.labels.rows()) == {"Q1": "eins", "Q2": "dos", "Q3": "three", "Q5": "a"}


@pytest.mark.parametrize("size", [1, 2, 5, 9, 10, 11])
def test_labels_are_complete_whatever_the_size_of_a_batch(size, served, reader):
    chain(served, 9)
    served.store.extend(label(f"Q{n}", f"name {n}") for n in range(1, 11))
    source = reader(label_batch=size).read(["P131"])
    assert dict(source.labels.rows()) == {f"Q{n}": f"name {n}" for n in range(1, 11)}
    assert sum("VALUES" in query for query in served.queries) == -(-10 // size)


def test_the_source_names_endpoint_and_languages_but_no_password(served, reader):
    chain(served)
    source = reader(endpoint=served.url.replace("//", "//me:secret@") + "?key=secret").read(["P131"])
    assert served.url in source.origin
    assert "en, mul" in source.origin
    assert "secret" not in source.origin
    assert source.licence == "CC0-1.0"
    assert source.language == "en"


def test_the_option_builds_a_reader_of_its_values(served, tmp_path):
    option = OmegaConf.load(Path(relsym.conf.__file__).parent / "data" / "wikidata_sparql.yaml")
    option.update(endpoint=served.url, cache=str(tmp_path), limit=3, pause=0)
    chain(served)
    assert instantiate(OmegaConf.create({"data": option}).data.reader).read(["P131"]).read == 3


# --- what is kept


def test_a_second_run_asks_nothing_and_reads_the_same(served, reader):
    chain(served)
    first = reader(page_size=2).read(["P131"])
    asked = len(served.queries)
    second = reader(page_size=2).read(["P131"])
    assert len(served.queries) == asked
    assert second.triples.equals(first.triples)
    assert second.origin == first.origin


@pytest.mark.parametrize("order", ["subject", "endpoint"])
@pytest.mark.parametrize("broken", [0, 1, 3, 6])
def test_a_broken_run_goes_on_with_only_the_missing_requests(order, broken, served, reader, tmp_path):
    chain(served)
    reader(page_size=2, order=order, label_batch=4, cache=str(tmp_path / "undisturbed")).read(["P131"])
    needed, served.queries = served.queries, []
    served.troubles = [None] * broken + [drops]
    with pytest.raises(ConnectionError, match="run this again to go on"):
        reader(page_size=2, order=order, label_batch=4, retries=0).read(["P131"])
    assert len(served.queries) == broken + 1
    served.queries = []
    reader(page_size=2, order=order, label_batch=4, retries=0).read(["P131"])
    assert served.queries == needed[broken:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-20],
        lambda body: body.replace(b"Q1", b"Q7"),
        lambda body: b"",
        lambda body: b"\xff\x00" + body,
    ],
)
def test_a_damaged_page_is_asked_for_again(damage, served, reader, tmp_path):
    chain(served)
    before = reader().read(["P131"]).triples
    asked = len(served.queries)
    pages = list((tmp_path / "cache").iterdir())
    hurt = next(
        page for page in pages if b"ORDER BY" in page.read_bytes() and b"OFFSET" not in page.read_bytes()
    )
    hurt.write_bytes(damage(hurt.read_bytes()))
    assert reader().read(["P131"]).triples.equals(before)
    assert len(served.queries) == asked + 1
    assert set((tmp_path / "cache").iterdir()) == set(pages)


def test_refresh_asks_again_what_is_there_and_keeps_the_new_answer(served, reader):
    chain(served)
    reader().read(["P131"])
    served.store.add(spo("Q50", "P131", "Q51"))
    assert reader().read(["P131"]).read == 9
    assert reader(refresh=True).read(["P131"]).read == 10
    assert reader().read(["P131"]).read == 10


def test_another_endpoint_has_pages_of_its_own(served, reader):
    chain(served)
    reader().read(["P131"])
    asked = len(served.queries)
    reader(endpoint=served.url + "?other").read(["P131"])
    assert len(served.queries) == 2 * asked


def test_an_answer_that_cannot_be_kept_is_an_error_that_names_the_folder(served, reader, tmp_path):
    chain(served)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"data\.cache: pass a folder.*file"):
        reader(cache=str(tmp_path / "file")).read(["P131"])


def test_answers_are_kept_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("sparql") == tmp_path / "relsym" / "sparql"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder("sparql") == tmp_path / "home" / ".cache" / "relsym" / "sparql"
    assert cache_folder("sparql", "~/mine") == tmp_path / "home" / "mine"


# --- manners


def test_a_pause_stands_before_every_request_but_the_first_and_none_before_a_kept_answer(
    served, reader, sleeps
):
    chain(served)
    reader(page_size=2, label_batch=3).read(["P131"])
    assert len(served.queries) > 4
    assert sleeps == [PAUSE] * (len(served.queries) - 1)
    reader(page_size=2, label_batch=3).read(["P131"])
    assert sleeps == [PAUSE] * (len(served.queries) - 1)


def test_the_user_agent_is_the_users_or_else_names_relsym_and_asks_for_a_contact(served, reader, caplog):
    chain(served)
    with caplog.at_level(logging.WARNING):
        reader(user_agent="study (me@example.org)").read(["P131"])
        assert set(served.agents) == {"study (me@example.org)"}
        assert not caplog.records
        served.agents.clear()
        reader(refresh=True).read(["P131"])
    assert len(set(served.agents)) == 1
    assert served.agents[0].startswith("relsym/")
    assert [record.message for record in caplog.records if "data.user_agent" in record.message]


def test_a_busy_server_is_waited_for_as_long_as_it_says(served, reader, sleeps):
    facts = chain(served)
    served.troubles = [says(429, Retry_After="7")]
    assert set(reader(pause=0).read(["P131"]).triples.rows()) == facts
    assert 7 in sleeps


def test_retries_wait_longer_each_time_and_end_in_the_same_result(served, reader, sleeps):
    facts = chain(served)
    served.troubles = [says(503), says(502, Retry_After="nonsense"), drops, says(500)]
    assert set(reader(pause=0, retries=4).read(["P131"]).triples.rows()) == facts
    assert [seconds for seconds in sleeps if seconds] == [2, 4, 8]


def test_a_server_that_wants_hours_is_not_waited_for(served, reader, sleeps):
    chain(served)
    served.troubles = [says(429, b"Too many requests", Retry_After="7200")]
    with pytest.raises(
        ValueError, match=r"status 429.*P131.*asks for longer pauses.*data\.pause.*Too many requests"
    ):
        reader().read(["P131"])
    assert sleeps == []


# --- errors


@pytest.mark.parametrize(
    ("trouble", "message", "requests"),
    [
        (says(503, b"down for repair"), r"status 503.*P131, 10000 rows.*data\.retries.*down for repair", 3),
        (
            says(500, b"SPARQL-QUERY ... java.util.concurrent.TimeoutException"),
            r"status 500.*ran out of its own time.*data\.page_size.*data\.order=endpoint",
            1,
        ),
        (says(400, b"parse error at line 1"), r"status 400.*P131.*SPARQL 1\.1.*parse error at line 1", 1),
        (says(403, b"blocked"), r"status 403.*data\.user_agent.*blocked", 1),
        (says(404, b"nothing here"), r"status 404.*Check data\.endpoint.*nothing here", 1),
        (
            says(301, Location="https://elsewhere.org/sparql"),
            r"status 301.*data\.endpoint=https://elsewhere\.org/sparql",
            1,
        ),
        (
            says(200, b"<html><title>Query</title>", "text/html"),
            r"status 200, text/html.*no SPARQL JSON.*<html><title>Query.*data\.endpoint is the service",
            3,
        ),
        (
            says(200, b'{"head": {}, "results": {"bindings": [{"s"', "application/json"),
            r"no SPARQL JSON.*cut short.*data\.page_size",
            3,
        ),
        (says(200, b'{"boolean": true}', "application/json"), r"no SPARQL JSON.*boolean", 3),
        (says(200, b'{"results": {"bindings": [{"x": {}}]}}', "application/json"), r"no SPARQL JSON", 3),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_that_says_what_came_and_what_to_do(
    trouble, message, requests, served, reader, tmp_path
):
    chain(served)
    served.troubles = [trouble] * 9
    with pytest.raises(ValueError, match=message) as caught:
        reader().read(["P131"])
    assert served.url in str(caught.value)
    assert len(served.queries) == requests
    assert not (tmp_path / "cache").exists()


# --- a misbehaving endpoint


def faulty(fault: faults.Fault) -> Callable[..., None]:
    """The right answer, after a fault on its way."""

    def trouble(handler: BaseHTTPRequestHandler, query: str) -> None:
        right = handler.served.store.query(query).serialize(format=ox.QueryResultsFormat.JSON)
        fault(handler, right)

    return trouble


def changed(change: Callable[[list[dict]], object]) -> faults.Fault:
    """The right answer, after ``change(bindings)`` changed something in it."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        answer = json.loads(body)
        change(answer["results"]["bindings"])
        faults.send(handler, json.dumps(answer).encode())

    return fault


def broken_off(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """As a public endpoint does whose time is over in the midst of an answer."""
    trace = b"SPARQL-QUERY: queryStr=SELECT ...\njava.util.concurrent.TimeoutException\n\tat java.util"
    faults.send(handler, body[: len(body) // 2] + trace)


def partial(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """As a public endpoint does that has had enough: whole JSON, with a part of the rows."""
    answer = json.loads(body)
    del answer["results"]["bindings"][1:]
    faults.send(handler, json.dumps(answer).encode(), 206)


MISBEHAVES: dict[str, faults.Fault] = {
    **faults.BROKEN,
    **faults.ODD_BUT_RIGHT,
    "broken_off": broken_off,
    "partial": partial,
    "rate_limit": faults.sends(429, b"Rate limit exceeded", "text/plain", Retry_After="2"),
    "not_finite": changed(lambda rows: rows[0]["s"].update(value=math.nan)),
    "number": changed(lambda rows: rows[0]["s"].update(value=10**400)),
    "tag": changed(lambda rows: rows[0]["s"].update(datatype=["a"])),
    "row_null": changed(lambda rows: rows.append(None)),
}


@pytest.mark.parametrize("name", MISBEHAVES)
def test_an_endpoint_that_misbehaves_once_is_asked_again_and_all_is_read(name, served, reader):
    facts = chain(served)
    served.store.add(label("Q1", "one"))
    served.troubles = [None, faulty(MISBEHAVES[name]), None, faulty(MISBEHAVES[name])]
    source = reader(page_size=4).read(["P131"])
    assert set(source.triples.rows()) == facts
    assert dict(source.labels.rows()) == {"Q1": "one"}


@pytest.mark.parametrize("name", faults.SLOW)
def test_an_endpoint_that_sends_byte_by_byte_is_given_up_and_asked_again(name, served, reader):
    facts = chain(served)
    served.troubles = [None, faulty(faults.SLOW[name])]
    assert set(reader(page_size=4, timeout=0.15, retries=5).read(["P131"]).triples.rows()) == facts
    served.troubles = [faulty(faults.SLOW[name])]
    with pytest.raises(ConnectionError, match=r"timed out, .*data\.timeout, or lower data\.page_size"):
        reader(page_size=5, timeout=0.15, retries=0).read(["P131"])


def test_a_part_of_an_answer_is_refused_and_not_kept(served, reader):
    facts = chain(served)
    served.troubles = [faulty(partial)] * 2
    with pytest.raises(ValueError, match=r"status 206.*lower data\.page_size"):
        reader(retries=1).read(["P131"])
    assert set(reader().read(["P131"]).triples.rows()) == facts


def test_an_answer_that_is_too_large_is_an_error_that_says_how_large(served, reader):
    chain(served)
    served.troubles = [faulty(faults.endless)]
    with pytest.raises(ConnectionError, match=r"larger than 25\.8 MiB.*lower data\.page_size"):
        reader(retries=0).read(["P131"])


@pytest.mark.parametrize("value", faults.PATIENT)
def test_a_pause_that_an_endpoint_asks_for_is_bounded_whatever_it_says(value, served, reader, sleeps):
    facts = chain(served)
    served.troubles = [faulty(faults.sends(429, b"slow down", Retry_After=value))]
    assert set(reader().read(["P131"]).triples.rows()) == facts
    assert max(sleeps) <= 2


@pytest.mark.parametrize("value", faults.ENDLESS)
def test_a_pause_of_years_is_an_error_that_names_it(value, served, reader, sleeps):
    facts = chain(served)
    served.troubles = [faulty(faults.sends(429, b"slow down", Retry_After=value))]
    with pytest.raises(ValueError, match=rf"status 429.*Retry-After: {value[:40]}.*slow down") as caught:
        reader().read(["P131"])
    assert len(str(caught.value)) < 1000
    assert set(reader().read(["P131"]).triples.rows()) == facts


def test_halves_of_characters_and_labels_in_other_languages_do_no_harm(served, reader):
    chain(served, 2)
    served.store.extend([label("Q1", "one"), label("Q2", "two"), label("Q3", "three")])

    def odd(rows: list[dict]) -> None:
        by_id = {row["e"]["value"].removeprefix(ENTITY_IRI): row["label"] for row in rows}
        by_id["Q1"]["value"] += " \ud83d"
        by_id["Q2"]["xml:lang"] = "xx"

    served.troubles = [None, None, faulty(changed(odd))]
    first = reader().read(["P131"])
    assert dict(first.labels.rows()) == {"Q1": "one \ufffd", "Q3": "three"}
    assert reader().read(["P131"]).labels.equals(first.labels), "from the cache"


def test_an_error_over_labels_names_the_batch_and_its_own_remedy(served, reader):
    chain(served)
    served.troubles = [None, None, None, *[says(504)] * 9]
    with pytest.raises(ValueError, match=r"labels, batch 2 of 3.*lower data\.label_batch"):
        reader(label_batch=4).read(["P131"])


def test_an_endpoint_that_does_not_answer_in_time_is_an_error_that_names_the_page(served, reader):
    chain(served)
    served.troubles = [lambda *_: served.released.wait()]
    with pytest.raises(
        TimeoutError,
        match=(
            r"no answer within 0\.2 s \(P131, 10000 "
            r"rows\).*data\.timeout.*data\.page_size.*data\.order=endpoint"
        ),
    ):
        reader(timeout=0.2).read(["P131"])


def test_an_endpoint_that_is_not_there_is_an_error_after_the_retries(served, reader, sleeps):
    served.close()
    with pytest.raises(ConnectionError, match=r"no answer after 2 retries.*P131.*data\.retries"):
        reader(pause=0).read(["P131"])
    assert [seconds for seconds in sleeps if seconds] == [2]


def test_an_endpoint_that_caps_its_answers_is_noticed(served, reader):
    facts = chain(served)
    served.cap = 4
    with pytest.raises(
        ValueError, match=r"P131: 4 rows came where 8 were asked for.*data\.page_size=4 or less"
    ):
        reader(page_size=8).read(["P131"])
    assert set(reader(page_size=4, label_batch=4).read(["P131"]).triples.rows()) == facts
    assert set(reader(page_size=8, order="endpoint").read(["P131"]).triples.rows()) == facts


def test_an_endpoint_whose_own_order_changes_between_pages_is_noticed(served, reader):
    facts = sorted(chain(served, 30))
    shuffle = random.Random(0)

    def unsteady(handler, query):
        shuffle.shuffle(facts)
        offset = int(query.partition("OFFSET ")[2] or 0)
        rows = [
            {"s": {"type": "uri", "value": ENTITY_IRI + s}, "o": {"type": "uri", "value": ENTITY_IRI + o}}
            for s, _, o in facts[offset : offset + 10]
        ]
        reply(
            handler,
            200,
            json.dumps({"results": {"bindings": rows}}).encode(),
            "application/sparql-results+json",
        )

    served.troubles = [unsteady] * 9
    with pytest.raises(ValueError, match=r"P131: .*came twice.*data\.order=subject"):
        reader(page_size=10, order="endpoint").read(["P131"])


def test_blank_nodes_of_the_same_name_on_two_pages_are_two(served, reader):
    def renames(handler, query):
        """Name the only blank node of an answer b0, as engines do."""
        rows = [{"s": {"type": "uri", "value": ENTITY_IRI + "Q1"}, "o": {"type": "bnode", "value": "b0"}}] * (
            "OFFSET 2" not in query
        )
        reply(
            handler,
            200,
            json.dumps({"results": {"bindings": rows}}).encode(),
            "application/sparql-results+json",
        )

    served.troubles = [renames] * 3
    assert reader(page_size=1, order="endpoint").read(["P131"]).dropped == {"not an item": 2}


def test_an_endpoint_that_does_not_compare_as_it_sorts_is_noticed(served, reader):
    facts = sorted(chain(served, 30))

    def deaf(handler, query):
        """Take no notice of the filter."""
        rows = [
            {"s": {"type": "uri", "value": ENTITY_IRI + s}, "o": {"type": "uri", "value": ENTITY_IRI + o}}
            for s, _, o in facts[:10]
        ]
        reply(
            handler,
            200,
            json.dumps({"results": {"bindings": rows}}).encode(),
            "application/sparql-results+json",
        )

    served.troubles = [deaf] * 9
    with pytest.raises(ValueError, match=r"P131: .*on two pages.*data\.order=endpoint"):
        reader(page_size=10).read(["P131"])


def test_an_endpoint_without_such_statements_is_an_error(served, reader):
    served.store.add(label("Q1", "one"))
    with pytest.raises(ValueError, match=r"no statement of P22, P131.*data\.endpoint.*data\.properties"):
        reader().read(["P131", "P22"])


@pytest.mark.parametrize("strange", ["Q5", "P0", "", "P131> ?o } #", "p131", "P131 ", "wdt:P131", "P131\n"])
def test_an_id_that_is_no_property_id_is_refused_before_anything_is_asked(strange, served, reader):
    with pytest.raises(ValueError, match=r"data\.properties: .*no property id"):
        reader().read(["P131", strange])
    assert served.queries == []


def test_an_iri_from_the_endpoint_does_not_become_part_of_the_next_query(served, reader):
    evil = 'http://x.org/") } #\\'

    def sly(handler, query):
        rows = [
            {"s": {"type": "uri", "value": s}, "o": {"type": "uri", "value": ENTITY_IRI + "Q1"}}
            for s in ("http://x.org/", evil)
        ]
        reply(
            handler,
            200,
            json.dumps({"results": {"bindings": rows}}).encode(),
            "application/sparql-results+json",
        )

    chain(served)
    served.troubles = [sly]
    reader(page_size=2).read(["P131"])
    assert r'STR(?s) >= "http://x.org/\") } #\\"' in served.queries[1]
    served.store.query(served.queries[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"page_size": 0}, r"data\.page_size=0"),
        ({"limit": 0}, r"data\.limit=0"),
        ({"label_batch": 0}, r"data\.label_batch=0"),
        ({"timeout": 0.0}, r"data\.timeout=0"),
        ({"pause": -1.0}, r"data\.pause=-1"),
        ({"retries": -1}, r"data\.retries=-1"),
        ({"language": 'en") #'}, r"data\.language="),
        ({"fallbacks": ["e n"]}, r"data\.fallbacks=e n"),
        ({"user_agent": "a\nb"}, r"data\.user_agent="),
        ({"endpoint": "query.wikidata.org/sparql"}, r"data\.endpoint=.*http"),
        ({"endpoint": "file:///etc"}, r"data\.endpoint="),
        ({"order": "random"}, r"data\.order=random: expected subject or endpoint"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(change, message, reader):
    with pytest.raises(ValueError, match=message):
        reader(**change)
