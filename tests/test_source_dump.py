"""The reader of Wikidata's dumps: JSON and truthy N-Triples."""

from __future__ import annotations

import bz2
import gzip
import json
import threading
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relsym.data.sources import dump_lines
from relsym.data.sources.dump import WikidataDump
from relsym.data.sources.dump_lines import ItemSet, ahead
from relsym.data.sources.literals import unescape
from relsym.data.triples import TripleSource

PROPERTIES = ("P131", "P361", "P3373")
WIKIDATA = "http://www.wikidata.org/"
RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
OPEN = {"": open, ".gz": gzip.open, ".bz2": bz2.open}
XSD_STRING = "<http://www.w3.org/2001/XMLSchema#string>"


# --- a dump in memory, written in both formats


def snak(property: str, value: str) -> dict:
    """A snak of an item, another entity, a text, novalue or somevalue."""
    head = {"property": property, "hash": "0" * 40, "datatype": "wikibase-item"}
    if value in ("novalue", "somevalue"):
        return {"snaktype": value, **head}
    if not value[1:].isdigit():
        return {"snaktype": "value", **head, "datavalue": {"value": value, "type": "string"}}
    kind = {"Q": "item", "P": "property", "L": "lexeme"}[value[0]]
    return {
        "snaktype": "value",
        **head,
        "datavalue": {
            "value": {"entity-type": kind, "numeric-id": int(value[1:]), "id": value},
            "type": "wikibase-entityid",
        },
    }


def statement(property: str, value: str, rank: str = "normal") -> dict:
    return {
        "mainsnak": snak(property, value),
        "type": "statement",
        "rank": rank,
        "references": [{"snaks": {"P361": [snak("P361", "Q1")]}}],
    }


def entity(id: str, statements: list[tuple], labels: dict[str, str] | None = None) -> dict:
    """An entity; a statement is (property, value) or (property, value, rank)."""
    claims: dict[str, list] = {}
    for each in statements:
        claims.setdefault(each[0], []).append(statement(*each))
    terms = {language: {"language": language, "value": label} for language, label in (labels or {}).items()}
    kind = {"Q": "item", "P": "property", "L": "lexeme"}[id[0]]
    return {
        "type": kind,
        "id": id,
        "labels": terms or [],
        "descriptions": {"en": {"language": "en", "value": '"P131"'}},
        "claims": claims or [],
    }


def json_lines(entities: list[dict]) -> list[str]:
    lines = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in entities]
    return ["[", *(f"{line}," for line in lines[:-1]), *lines[-1:], "]"]


def nt_line(subject: str, predicate: str, object: str) -> str:
    return f"<{WIKIDATA}entity/{subject}> <{predicate}> {object} ."


def nt_statement(subject: str, property: str, value: str) -> str:
    if value == "novalue":
        return nt_line(subject, RDF_TYPE, f"<{WIKIDATA}prop/novalue/{property}>")
    object = (
        "_:b1"
        if value == "somevalue"
        else f"<{WIKIDATA}entity/{value}>"
        if value[1:].isdigit()
        else json.dumps(value)
    )
    return nt_line(subject, f"{WIKIDATA}prop/direct/{property}", object)


def nt_lines(entities: list[dict]) -> list[str]:
    """The truthy dump of the same entities."""
    lines = ['<http://wikiba.se/ontology#Dump> <http://schema.org/softwareVersion> "1.0.0" .']
    for each in entities:
        for language, label in (each["labels"] or {}).items():
            text = label["value"].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines += [
                nt_line(each["id"], predicate, f'"{text}"@{language}')
                for predicate in (RDFS_LABEL, "http://schema.org/name")
            ]
        for property, group in (each["claims"] or {}).items():
            best = "preferred" if any(s["rank"] == "preferred" for s in group) else "normal"
            lines += [
                nt_statement(each["id"], property, value_of(s["mainsnak"]))
                for s in group
                if s["rank"] == best
            ]
    return lines


def value_of(mainsnak: dict) -> str:
    if mainsnak["snaktype"] != "value":
        return mainsnak["snaktype"]
    value = mainsnak["datavalue"]["value"]
    return value if isinstance(value, str) else value["id"]


def written(folder: Path, lines: list[str | bytes], name: str = "dump.json") -> Path:
    path = folder / name
    data = b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines)
    with OPEN[path.suffix if path.suffix in OPEN else ""](path, "wb") as out:
        out.write(data)
    return path


def read(path: Path, properties: tuple[str, ...] = PROPERTIES, **options) -> TripleSource:
    return WikidataDump(path, **options).read(properties)


def labels_of(source: TripleSource) -> dict[str, str]:
    assert source.labels["entity"].is_unique().all()
    return dict(source.labels.iter_rows())


BELGIUM = entity(
    "Q31", [("P361", "Q55"), ("P131", "Q46"), ("P17", "Q31")], {"fr": "Belgique", "en": "Belgium"}
)
BENELUX = entity("Q55", [("P31", "Q4")], {"mul": 'Bene "lux" \\ é\n中'})
EUROPE = entity("Q46", [], {"de": "Europa"})
UNNAMED = entity("Q4", [], {"en": "nobody names me"})
WORLD = [BELGIUM, BENELUX, EUROPE, UNNAMED]
FACTS = [("Q31", "P131", "Q46"), ("Q31", "P361", "Q55")]
NAMES = {"Q31": "Belgium", "Q55": 'Bene "lux" \\ é\n中'}
FORMATS = {"json": ("dump.json", json_lines), "truthy": ("dump.nt", nt_lines)}


@pytest.fixture(params=FORMATS)
def of_format(request, tmp_path):
    """Writes entities in one of the formats."""
    name, lines = FORMATS[request.param]
    return lambda entities, suffix="": written(tmp_path, lines(entities), name + suffix)


# --- both formats


@pytest.mark.parametrize("suffix", OPEN)
def test_statements_of_the_chosen_properties_and_their_labels_are_read_from_plain_and_compressed_files(
    of_format, suffix
):
    source = read(of_format(WORLD, suffix))
    assert sorted(source.triples.iter_rows()) == FACTS
    assert labels_of(source) == NAMES
    assert (source.read, source.dropped, source.notes) == (2, Counter(), Counter())


@pytest.mark.parametrize("block", [1, 64, 300, 10**6])
def test_where_the_blocks_end_changes_nothing(of_format, monkeypatch, block):
    whole = read(path := of_format(WORLD * 3))
    monkeypatch.setattr(dump_lines, "DUMP_BLOCK", block)
    parts = read(path)
    assert parts.triples.equals(whole.triples)
    assert sorted(parts.labels.iter_rows()) == sorted(whole.labels.iter_rows())


@pytest.mark.parametrize(
    ("language", "fallbacks", "label"),
    [
        ("fr", ["mul", "en"], "Belgique"),
        ("nl", ["mul", "en"], "Belgium"),
        ("nl", ["fr", "en"], "Belgique"),
        ("FR", [], "Belgique"),
        ("nl", [], None),
        ("en-gb", ["mul"], None),
    ],
)
def test_a_label_is_in_the_language_asked_for_or_the_first_fallback_that_there_is(
    of_format, language, fallbacks, label
):
    source = read(of_format(WORLD), language=language, fallbacks=fallbacks)
    assert labels_of(source).get("Q31") == label
    assert source.language == language.lower()


def test_a_statement_is_dropped_if_it_has_no_value_or_an_unknown_one_or_no_item_at_either_end(of_format):
    statements = [
        ("P131", "novalue"),
        ("P131", "somevalue"),
        ("P361", "P5"),
        ("P361", "L7"),
        ("P361", "a text"),
        ("P3373", "Q2"),
    ]
    entities = [entity("Q1", statements), entity("P9", [("P361", "Q2")]), entity("L3", [("P361", "Q2")])]
    source = read(of_format(entities))
    assert source.triples.rows() == [("Q1", "P3373", "Q2")]
    assert source.dropped == {"no value": 1, "some value": 1, "not an item": 5}
    assert source.read == 8


def test_a_target_that_the_dump_lacks_has_no_label(of_format):
    source = read(of_format([entity("Q1", [("P131", "Q999")], {"en": "one"})]))
    assert source.triples.height == 1
    assert labels_of(source) == {"Q1": "one"}


def test_if_every_statement_is_dropped_there_are_no_labels(of_format):
    source = read(of_format([entity("Q1", [("P131", "novalue")], {"en": "one"})]))
    assert (source.triples.height, source.labels.height, source.read) == (0, 0, 1)


def test_a_dump_without_a_statement_of_the_properties_is_refused(of_format):
    with pytest.raises(ValueError, match=r"no statement of the properties P25.*data\.properties"):
        read(of_format(WORLD), ("P25",))


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_a_compressed_dump_that_ends_early_is_refused(of_format, suffix):
    path = of_format(WORLD * 50, suffix)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"damaged or cut short.*Fetch it again"):
        read(path)


def test_a_line_that_is_not_utf8_is_a_bad_row(of_format):
    path = of_format(WORLD)
    lines = path.read_bytes().splitlines()
    written(path.parent, [*lines[:2], b"{ \xff <", *lines[2:]], path.name)
    with pytest.raises(ValueError, match=r"line 3 of .*not UTF-8.*data\.on_bad_row=skip"):
        read(path)
    source = read(path, on_bad_row="skip")
    assert (sorted(source.triples.iter_rows()), source.dropped, source.read, labels_of(source)) == (
        FACTS,
        {"bad row": 1},
        3,
        NAMES,
    )


def test_no_thread_is_left_behind_by_an_error(of_format, monkeypatch):
    monkeypatch.setattr(dump_lines, "DUMP_BLOCK", 64)
    path = of_format(WORLD * 20)
    written(path.parent, ["nonsense", *path.read_text().splitlines()], path.name)
    with pytest.raises(ValueError, match="line 1 of"):
        read(path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decompress")]


made_up_statements = st.lists(
    st.tuples(
        st.sampled_from((*PROPERTIES, "P17")),
        st.sampled_from(("Q1", "Q2", "Q3", "Q12345678901", "P4", "text", "novalue", "somevalue")),
        st.sampled_from(("normal", "normal", "preferred", "deprecated")),
    ),
    max_size=6,
)
made_up_labels = st.dictionaries(
    st.sampled_from(("en", "mul", "nl")),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5),
)


def brute_force(entities: list[dict]) -> tuple[list[tuple[str, str, str]], Counter]:
    """Kept and dropped statements, by the book."""
    kept, dropped = [], Counter()
    for each in entities:
        for property, group in ((p, g) for p, g in (each["claims"] or {}).items() if p in PROPERTIES):
            ranks = {s["rank"] for s in group}
            for s in group:
                value = value_of(s["mainsnak"])
                if s["rank"] == "deprecated":
                    dropped["deprecated"] += 1
                elif s["rank"] == "normal" and "preferred" in ranks:
                    dropped["not best rank"] += 1
                elif value in ("novalue", "somevalue"):
                    dropped[value.replace("value", " value")] += 1
                elif value[0] == "Q":
                    kept.append((each["id"], property, value))
                else:
                    dropped["not an item"] += 1
    return sorted(kept), dropped


@pytest.mark.slow
@given(st.lists(st.tuples(made_up_statements, made_up_labels), min_size=1, max_size=5))
def test_both_formats_agree_with_a_double_loop_over_the_entities(contents):
    entities = [
        entity(f"Q{number}", statements, labels) for number, (statements, labels) in enumerate(contents, 1)
    ]
    entities.append(entity("Q9", [("P131", "Q1")]))
    kept, dropped = brute_force(entities)
    named = {end for subject, _, object in kept for end in (subject, object)}
    labels = {
        e["id"]: (e["labels"].get("en") or e["labels"]["mul"])["value"]
        for e in entities
        if e["id"] in named and e["labels"] and {"en", "mul"} & set(e["labels"])
    }
    with TemporaryDirectory() as folder:
        for name, lines in FORMATS.values():
            source = read(written(Path(folder), lines(entities), name))
            assert sorted(source.triples.iter_rows()) == kept
            assert labels_of(source) == labels
            by_rank = {"deprecated", "not best rank"} if name == "dump.nt" else set()
            assert source.dropped == Counter(
                {reason: n for reason, n in dropped.items() if reason not in by_rank}
            )


# --- JSON


def test_preferred_statements_stand_for_their_group_even_if_they_have_no_value(tmp_path):
    statements = [
        ("P131", "Q2"),
        ("P131", "novalue", "preferred"),
        ("P131", "Q3", "deprecated"),
        ("P361", "Q4"),
        ("P361", "Q5"),
        ("P3373", "Q6", "preferred"),
        ("P3373", "Q7", "preferred"),
        ("P3373", "Q8"),
    ]
    source = read(written(tmp_path, json_lines([entity("Q1", statements)])))
    assert source.triples["object"].to_list() == ["Q4", "Q5", "Q6", "Q7"]
    assert source.dropped == {"not best rank": 2, "no value": 1, "deprecated": 1}


@pytest.mark.parametrize("turn", [list, reversed])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_order_of_keys_and_white_space_change_nothing(tmp_path, turn, indent):
    lines = [json.dumps(dict(turn(list(each.items()))), indent=indent).replace("\n", " ") for each in WORLD]
    source = read(written(tmp_path, [" [", *(f" {line} , \r" for line in lines), "", "] "]))
    assert sorted(source.triples.iter_rows()) == FACTS
    assert labels_of(source) == NAMES


def test_a_value_of_an_older_dump_that_has_a_number_only_is_read_if_it_is_an_item(tmp_path):
    old = entity("Q1", [("P131", "Q2"), ("P131", "P3")])
    for each in old["claims"]["P131"]:
        del each["mainsnak"]["datavalue"]["value"]["id"]
    source = read(written(tmp_path, json_lines([old])))
    assert source.triples.rows() == [("Q1", "P131", "Q2")]
    assert source.dropped == {"not an item": 1}


BROKEN = {
    "cut": json_lines([BELGIUM])[1][:-9] + ",",
    "no JSON": "Belgium",
    "an unknown rank": json_lines([BELGIUM])[1].replace('"normal"', '"best"'),
    "no id": json_lines([BELGIUM])[1].replace('"id":"Q31",', "", 1),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_line_that_cannot_be_read_is_named_with_the_way_out_or_counted_as_one_statement(tmp_path, broken):
    path = written(tmp_path, ["[", broken, *json_lines(WORLD)[1:]])
    with pytest.raises(
        ValueError, match=r"line 2 of .*expected an entity as JSON.*got .*data\.on_bad_row=skip"
    ):
        read(path)
    source = read(path, on_bad_row="skip")
    assert (sorted(source.triples.iter_rows()), source.dropped, source.read) == (FACTS, {"bad row": 1}, 3)
    assert source.notes == {}


def test_a_line_that_only_the_labels_need_is_named_or_noted_when_it_cannot_be_read(tmp_path):
    path = written(
        tmp_path,
        [line[:-5] if line.startswith('{"type":"item","id":"Q46"') else line for line in json_lines(WORLD)],
    )
    with pytest.raises(ValueError, match="line 4 of"):
        read(path)
    source = read(path, on_bad_row="skip")
    assert (source.read, source.notes, labels_of(source)) == (2, {"bad row among the labels": 1}, NAMES)


def test_an_entity_that_only_mentions_a_property_has_no_statement_of_it(tmp_path):
    code = entity("Q8", [], {"en": "P131"})
    assert code["claims"] == []
    assert read(written(tmp_path, json_lines([code, *WORLD]))).read == 2


@pytest.mark.parametrize("block", [64, 10**6])
def test_line_numbers_count_brackets_and_empty_lines_in_whatever_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(dump_lines, "DUMP_BLOCK", block)
    with pytest.raises(ValueError, match="line 8 of"):
        read(written(tmp_path, ["[", "", *json_lines(WORLD)[1:-1], "", "nonsense", "]"]))


def test_a_line_that_cannot_matter_is_not_parsed(tmp_path):
    assert (
        read(written(tmp_path, ["[", '{"type":"item","id":"Q77", no JSON', *json_lines(WORLD)[1:]])).read == 2
    )


@pytest.mark.parametrize("lines", [[], ["[", "]"], ["[", "", "]"]])
def test_a_file_without_an_entity_is_refused(tmp_path, lines):
    with pytest.raises(ValueError, match=r"none of its \d lines is an entity's.*data\.format"):
        read(written(tmp_path, lines))


# --- N-Triples


@pytest.mark.parametrize(
    ("written_as", "text"),
    [
        (r"a \"b\" \\ c", 'a "b" \\ c'),
        (r"\n\t\r\b\f\'", "\n\t\r\b\f'"),
        (r"caf\u00E9", "café"),
        (r"\U0001F600", "😀"),
        (r"\\u0041", r"\u0041"),
    ],
)
def test_escapes_are_undone(tmp_path, written_as, text):
    assert unescape(written_as) == text
    lines = [nt_statement("Q1", "P131", "Q2"), nt_line("Q2", RDFS_LABEL, f'"{written_as}"@en')]
    assert labels_of(read(written(tmp_path, lines, "dump.nt"))) == {"Q2": text}


@given(st.text())
def test_an_escaped_text_reads_as_it_was(text):
    assert (
        unescape(text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r"))
        == text
    )


@pytest.mark.parametrize("escape", [r"\x", r"\u12", r"\uD800", r"\UFFFFFFFF"])
def test_an_escape_that_there_is_not_makes_the_label_a_bad_row(tmp_path, escape):
    path = written(
        tmp_path, [nt_statement("Q1", "P131", "Q2"), nt_line("Q2", RDFS_LABEL, f'"{escape}"@en')], "dump.nt"
    )
    with pytest.raises(ValueError, match=r"line 2 of .*is no escape of a character"):
        read(path)
    source = read(path, on_bad_row="skip")
    assert (source.labels.height, source.notes) == (0, {"bad row among the labels": 1})


def test_only_the_predicate_makes_a_statement_or_a_label(tmp_path):
    lines = [
        nt_line("P131", "http://wikiba.se/ontology#directClaim", f"<{WIKIDATA}prop/direct/P131>"),
        nt_line("Q1", "http://schema.org/description", f'"<{WIKIDATA}prop/direct/P131> <{RDFS_LABEL}>"@en'),
        f"<{WIKIDATA}prop/novalue/P131> <{RDF_TYPE}> <http://www.w3.org/2002/07/owl#Class> .",
        nt_line("Q1", f"{WIKIDATA}prop/direct-normalized/P131", f"<{WIKIDATA}entity/Q3>"),
        nt_statement("Q1", "P131", "Q2"),
        nt_line("Q1", RDFS_LABEL, '"one"@en'),
        nt_line("Q2", RDFS_LABEL, f'"two"^^{XSD_STRING}'),
    ]
    source = read(written(tmp_path, lines, "dump.nt"))
    assert (source.triples.rows(), source.dropped, labels_of(source)) == (
        [("Q1", "P131", "Q2")],
        {},
        {"Q1": "one"},
    )


def test_an_unknown_value_may_be_a_blank_node_or_its_skolem_name(tmp_path):
    lines = [
        nt_line("Q1", f"{WIKIDATA}prop/direct/P131", node)
        for node in ("_:genid1", f"<{WIKIDATA}.well-known/genid/0a>")
    ]
    assert read(written(tmp_path, lines, "dump.nt")).dropped == {"some value": 2}


def test_white_space_comments_and_the_case_of_a_language_change_nothing(tmp_path):
    lines = [
        "# a comment",
        "",
        f"\t<{WIKIDATA}entity/Q1>\t<{WIKIDATA}prop/direct/P131><{WIKIDATA}entity/Q2>.\r",
        f'  <{WIKIDATA}entity/Q1> <{RDFS_LABEL}> "one"@EN.  ',
    ]
    source = read(written(tmp_path, lines, "dump.nt"))
    assert (source.triples.rows(), labels_of(source)) == ([("Q1", "P131", "Q2")], {"Q1": "one"})


@pytest.mark.parametrize(
    "broken", [f"<{WIKIDATA}entity/Q1> <{WIKIDATA}prop/direct/P131> Q2 .", "Q1 P131 Q2", "{}"]
)
def test_a_line_that_is_no_triple_is_named_with_the_way_out_or_counted(tmp_path, broken):
    path = written(tmp_path, [*nt_lines(WORLD), broken], "dump.nt")
    with pytest.raises(
        ValueError, match=rf"line {len(nt_lines(WORLD)) + 1} of .*expected a triple.*data\.on_bad_row=skip"
    ):
        read(path)
    source = read(path, on_bad_row="skip")
    assert (source.dropped, source.read) == ({"bad row": 1}, 3)


# --- the options


def test_without_a_path_the_error_names_the_key_and_the_place_to_find_dumps():
    with pytest.raises(ValueError, match=r"data\.dump is not set: pass data\.dump=PATH"):
        WikidataDump(None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data\.dump=.*none\.json"):
        WikidataDump(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ({"format": "rdf"}, r"data\.format=rdf: expected json or truthy"),
        ({"on_bad_row": "keep"}, r"data\.on_bad_row=keep: expected error or skip"),
        ({}, r"neither \.json nor \.nt\. Pass data\.format=json"),
    ],
)
def test_an_unknown_word_or_name_is_refused_with_the_choices(tmp_path, option, error):
    with pytest.raises(ValueError, match=error):
        WikidataDump(written(tmp_path, json_lines(WORLD), "dump.txt"), **option)


def test_the_format_may_be_said_where_the_name_does_not_tell_it(tmp_path):
    assert read(written(tmp_path, json_lines(WORLD), "a.txt"), format="json").triples.height == 2
    assert read(written(tmp_path, nt_lines(WORLD), "b.json"), format="truthy").triples.height == 2


# --- the parts


def test_the_thread_stays_at_most_so_many_blocks_ahead():
    fetched = []

    def blocks():
        for number in range(1, 20):
            fetched.append(number)
            yield bytes([number])

    for block in ahead(blocks(), depth=3):
        assert len(fetched) - block[0] <= 3
    assert len(fetched) == 19


def test_an_error_of_the_thread_reaches_the_caller_after_the_blocks_before_it():
    def blocks():
        yield b"1"
        raise ValueError("damaged")

    got = []
    with pytest.raises(ValueError, match="damaged"):
        got.extend(ahead(blocks()))
    assert got == [b"1"]


def test_a_caller_that_stops_closes_the_file():
    closed = []

    def blocks():
        try:
            while True:
                yield b"1"
        finally:
            closed.append(True)

    fetched = blocks()
    stream = ahead(fetched)
    next(stream)
    stream.close()
    assert closed == [True]


ids = st.one_of(
    st.none(),
    st.builds("{}{}".format, st.sampled_from("QPL"), st.one_of(st.integers(1, 20), st.just(10**30))),
)


@given(st.lists(st.integers(1, 20).map("Q{}".format), min_size=1), st.lists(ids))
def test_an_item_set_holds_its_items_and_nothing_else(items, looked_up):
    held = ItemSet(pl.Series(items, dtype=pl.String)).holds(pl.Series(looked_up, dtype=pl.String))
    assert held.to_list() == [each in items for each in looked_up]


def test_an_item_whose_number_is_too_large_is_not_taken_for_another_entity():
    held = ItemSet(pl.Series([f"Q{10**30}", "Q2"])).holds(pl.Series([None, "P2", "Q2"]))
    assert held.to_list() == [False, False, True]


# --- dumps that were written otherwise, or not to the end

REDIRECT = '{"entity":"Q99","redirect":"Q31"},'
ODD_VALUES = [
    {"value": {"entity-type": "entity-schema", "id": "E10"}, "type": "wikibase-entityid"},
    {"value": None, "type": "bad", "error": "Bad value type"},
    None,  # no value at all, though the snak says that there is one
]


def written_otherwise(folder: Path, kind: str) -> Path:
    """WORLD as other programs write it."""
    lines = json_lines(WORLD)
    if kind == "crlf":
        return written(folder, [f"{line}\r" for line in lines])
    if kind == "a line an entity":  # as wikibase-dump-filter writes it
        return written(folder, [line.removesuffix(",") for line in lines[1:-1]])
    if kind == "redirect":
        return written(folder, [*lines[:2], REDIRECT, *lines[2:]])
    if kind == "numbers alone":  # before 2017 values had no id
        return written(folder, [line.replace('"id":"Q55"}', '"x":0}') for line in lines])
    path = folder / "dump.json.bz2"  # kind: several streams
    path.write_bytes(b"".join(bz2.compress(f"{line}\n".encode()) for line in lines))
    return path


@pytest.mark.parametrize("kind", ["crlf", "a line an entity", "redirect", "numbers alone", "several streams"])
def test_a_dump_that_is_written_otherwise_is_read_alike(tmp_path, kind):
    source = read(written_otherwise(tmp_path, kind))
    assert (sorted(source.triples.iter_rows()), labels_of(source), source.read) == (FACTS, NAMES, 2)
    assert not source.notes


def test_values_that_are_no_items_are_dropped_and_the_others_are_kept(tmp_path):
    odd = json.loads(json.dumps(BELGIUM))
    for value in ODD_VALUES:
        more = statement("P361", "Q55")
        more["mainsnak"] = {"snaktype": "value", "property": "P361"} | ({"datavalue": value} if value else {})
        odd["claims"]["P361"].append(more)
    lexeme = {"type": "lexeme", "id": "L1", "lemmas": {}, "claims": {"P361": [statement("P361", "L2")]}}
    source = read(written(tmp_path, json_lines([odd, {**lexeme, "senses": {}, "forms": []}, *WORLD[1:]])))
    assert sorted(source.triples.iter_rows()) == FACTS
    assert source.dropped == {"not an item": 4}
    assert labels_of(source) == NAMES


@pytest.mark.parametrize("kept", [4, 5])
def test_a_dump_whose_bracket_is_never_closed_was_cut(tmp_path, kept, caplog):
    path = written(tmp_path, json_lines(WORLD)[:kept])
    with pytest.raises(ValueError, match=rf"cut short: its {kept} lines .*Fetch it again.*on_bad_row=skip"):
        read(path)
    source = read(path, on_bad_row="skip")
    assert sorted(source.triples.iter_rows()) == FACTS
    told = [record.message for record in caplog.records if "cut short" in record.message]
    assert told == [
        f"{path}: cut short: its {kept} lines begin with a bracket that is never closed. "
        "The entities that are there are read."
    ]


def test_half_of_a_character_in_a_dump_is_named(tmp_path):
    lines = json_lines(WORLD)
    lines[2] = lines[2].replace("Bene", r"Bene\ud83d ")
    path = written(tmp_path, lines)
    with pytest.raises(ValueError, match=r"line 3 of .*ud83d is half of a character, a lone surrogate"):
        read(path)
    assert labels_of(read(path, on_bad_row="skip")) == {"Q31": "Belgium"}
