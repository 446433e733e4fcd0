"""Ids, properties and labels as other programs write them: IRIs, literals, several languages."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate

from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.seen_properties import seen_properties
from relsym.data.sources.iris import PropertyNames, plain_id
from relsym.data.sources.table import TripleTable
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.runs.identity import computed

ENTITY = "http://www.wikidata.org/entity/"
DIRECT = "http://www.wikidata.org/prop/direct/"


def table(folder: Path, rows: list[tuple[str, ...]], name: str = "facts.tsv") -> Path:
    """A TSV file without column names."""
    path = folder / name
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def label_table(folder: Path, labels: list[tuple[str, str]], language: str | None = None):
    """A source of one statement, with these labels in a file of their own."""
    facts = table(folder, [("Q1", "P40", "Q2")])
    entities = table(folder, labels, "labels.tsv")
    return TripleTable(facts, entities=entities, language=language).read(["P40"])


@pytest.mark.parametrize(
    ("name", "id"),
    [
        (f"{ENTITY}Q46", "Q46"),
        (f"<{ENTITY}Q46>", "Q46"),
        (f"{ENTITY.replace('http', 'https')}Q46", "Q46"),
        ("https://www.wikidata.org/wiki/Q46", "Q46"),
        ("https://www.wikidata.org/wiki/Property:P131", "P131"),
        (f"<{DIRECT}P131>", "P131"),
        (f"{ENTITY}P131", "P131"),
        ("wd:Q46", "Q46"),
        ("wdt:P131", "P131"),
        ("ps:P131", "P131"),
        ("<http://dbpedia.org/resource/Paris>", "http://dbpedia.org/resource/Paris"),
        # What is none of Wikidata's names stays as it is.
        ("http://www.wikidata.org/prop/qualifier/P131", "http://www.wikidata.org/prop/qualifier/P131"),
        ("pq:P131", "pq:P131"),
        ("<Paris>", "<Paris>"),
        ("/m/02mjmr", "/m/02mjmr"),
        ("00260881", "00260881"),
        ("Q46", "Q46"),
    ],
)
def test_a_name_of_wikidata_is_read_as_its_id(tmp_path, name, id):
    assert plain_id(name) == id
    source = TripleTable(table(tmp_path, [(name, "P40", "Q2")])).read(["P40"])
    assert source.triples.rows() == [(id, "P40", "Q2")]


@pytest.mark.parametrize(("entity", "direct"), [(ENTITY, DIRECT), ("wd:", "wdt:")])
def test_iris_are_read_by_every_reader_of_triples_and_of_labels(tmp_path, entity, direct):
    rows = [(f"{entity}Q1", f"{direct}P40", f"{entity}Q2"), (f"{entity}Q1", f"{direct}P22", f"{entity}Q3")]
    table(tmp_path, rows, "triples.tsv")
    table(tmp_path, [(f"{entity}Q1", "Ann"), (f"{entity}Q2", "Bo")], "entities.tsv")
    of_table = TripleTable(tmp_path / "triples.tsv", entities=tmp_path / "entities.tsv").read(["P40"])
    of_folder = Wikidata5MFolder(str(tmp_path)).read(["P40"])
    for source in (of_table, of_folder):
        assert source.triples.rows() == [("Q1", "P40", "Q2")]
        assert dict(source.labels.iter_rows()) == {"Q1": "Ann", "Q2": "Bo"}
        assert source.dropped["other property"] == 1
        assert source.other_properties == {f"{direct}P22" if source is of_table else "P22": 1}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http://dbpedia.org/ontology/spouse", "<http://dbpedia.org/ontology/spouse>"),
        ("<http://dbpedia.org/ontology/spouse>", "http://dbpedia.org/ontology/spouse"),
        ("spouse", "http://dbpedia.org/ontology/spouse"),
        ("spouse", "<http://example.org/terms#spouse>"),
        ("/people/person/spouse", "/people/person/spouse"),
        ("spouse", "/people/person/spouse"),
        ("wdt:P26", f"{DIRECT}P26"),
        ("isLocatedIn", "<isLocatedIn>"),
        ("<isLocatedIn>", "isLocatedIn"),
        (f"{DIRECT}P26", "P26"),
    ],
)
def test_a_property_table_names_an_iri_whole_or_by_its_last_part(tmp_path, key, value):
    source = TripleTable(table(tmp_path, [("a", value, "b"), ("a", "http://x/y/other", "c")])).read([key])
    assert source.triples.rows() == [("a", key, "b")]


def test_a_last_part_that_two_iris_share_is_refused_and_a_whole_name_is_not():
    rows = pl.DataFrame({"property": ["http://x/a/spouse", "http://x/b/spouse", "http://x/b/spouse"]})
    with pytest.raises(ValueError, match=r"spouse .* may be 'http://x/./spouse' or .*whole in data.property"):
        PropertyNames(["spouse"]).chosen(rows)
    names = PropertyNames(["http://x/b/spouse"])
    assert names.chosen(rows).height == 2
    assert names.others == {"http://x/a/spouse": 1}


def test_the_last_part_of_a_name_that_is_no_property_of_wikidata_is_not_taken_for_one():
    rows = pl.DataFrame(
        {"property": ["http://www.wikidata.org/prop/qualifier/P131", "pq:P131", "http://x/P131"]}
    )
    assert PropertyNames(["P131"]).chosen(rows).is_empty()


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("'Paris'@en", "Paris"),
        ('"Paris"@en', "Paris"),
        ("'Paris'@en-gb", "Paris"),
        (r"'Land\'s End'@en", "Land's End"),
        ("'Land's End'@en", "Land's End"),
        (r"'a \| b'@en", "a | b"),
        (r'"say \"hi\""@en', 'say "hi"'),
        (r'"Caf\u00E9 \\ x"@en', "Café \\ x"),
        ('"1984"^^xsd:string', "1984"),
        ('"1984"^^<http://www.w3.org/2001/XMLSchema#string>', "1984"),
        # What RDF has behind a literal, other ways to write a tag, and Turtle's three quotes.
        ('"Ann 1"@en .', "Ann 1"),
        ('"Ann 1"@en  ', "Ann 1"),
        (' "Ann 1"@en;', "Ann 1"),
        ('"1984"^^xsd:string .', "1984"),
        ('"a"@en_gb', "a"),
        ('"a"@en--ltr', "a"),
        ('"""a "b" c"""@en', 'a "b" c'),
        ("'''Land's End'''@en", "Land's End"),
        (r'"""a\nb"""@en', "a\nb"),
        # Quotes alone belong to the name, and so does an @ elsewhere.
        ('"Heroes"', '"Heroes"'),
        ("'Til Tuesday", "'Til Tuesday"),
        ("'x' @home", "'x' @home"),
        ("me@example", "me@example"),
    ],
)
def test_a_literal_of_kgtk_or_rdf_is_its_text(tmp_path, written, label):
    source = label_table(tmp_path, [("Q1", written), ("Q2", "Bo")])
    assert dict(source.labels.iter_rows()) == {"Q1": label, "Q2": "Bo"}


def test_labels_that_look_like_literals_and_are_none_stay_and_are_told(tmp_path, caplog):
    labels = [("Q1", '"Ann"@en is here'), ("Q2", "'Bo'@")]
    source = label_table(tmp_path, labels)
    assert dict(source.labels.iter_rows()) == dict(labels)
    assert "labels.tsv: labels that look like literals and are not read as such: 2, such as " in caplog.text
    assert '"Ann"@en is here. They stay as they are' in caplog.text
    caplog.clear()
    label_table(tmp_path, [("Q1", '"Ann"@en'), ("Q2", '"Heroes"')])
    assert "look like literals" not in caplog.text


def test_a_tag_with_an_underscore_is_one_with_a_hyphen(tmp_path):
    labels = [("Q1", '"Onibus"@pt_BR'), ("Q1", '"Autocarro"@pt'), ("Q2", '"Bo"@pt-br')]
    source = label_table(tmp_path, labels, "pt_br")
    assert dict(source.labels.iter_rows()) == {"Q1": "Onibus", "Q2": "Bo"}
    assert source.language == "pt-br"


def test_of_several_languages_one_is_taken_and_told(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    labels = [
        *(("Q1", "'Köln'@de"), ("Q1", "'Cologne'@en"), ("Q1", "'Cologne GB'@en-gb")),
        *(("Q2", "'Colour'@en-gb"), ("Q2", "'Farbe'@de"), ("Q2", "'mul'@mul")),
    ]
    source = label_table(tmp_path, labels)
    assert dict(source.labels.iter_rows()) == {"Q1": "Cologne", "Q2": "Colour"}
    assert source.notes == {"label in another language (en is taken)": 4}
    assert "labels are in de, en-gb, en, mul; taken: en, left out: 4 labels" in caplog.text
    german = label_table(tmp_path, labels, "de")
    assert dict(german.labels.iter_rows()) == {"Q1": "Köln", "Q2": "Farbe"}
    assert german.language == "de"


def test_a_language_of_labels_can_be_said_of_a_folder_too(tmp_path):
    table(tmp_path, [("Q1", "P40", "Q2")], "triples.tsv")
    labels = [("Q1", "'K\u00f6ln'@de"), ("Q1", "'Cologne'@fr"), ("Q2", "'Wien'@de"), ("Q2", "'Vienne'@fr")]
    table(tmp_path, labels, "entities.tsv")
    french = [f"data.folder={tmp_path}", "data=wikidata5m", "data.language=fr"]
    with initialize_config_module("relsym.conf", version_base="1.3"):
        source = instantiate(compose("build", french).data.reader).read(["P40"])
    assert dict(source.labels.iter_rows()) == {"Q1": "Cologne", "Q2": "Vienne"}
    assert source.language == "fr"
    with pytest.raises(ValueError, match=r"entities\.tsv: the labels are in de, fr\. .*data\.language=TAG"):
        Wikidata5MFolder(str(tmp_path)).read(["P40"])


def test_the_only_language_is_taken_and_one_of_several_without_english_has_to_be_named(tmp_path):
    only = label_table(tmp_path, [("Q1", "'Köln'@de"), ("Q2", "'Wien'@de-at")])
    assert dict(only.labels.iter_rows()) == {"Q1": "Köln", "Q2": "Wien"}
    assert only.language == "de"
    several = [("Q1", "'Köln'@de"), ("Q2", "'Vienne'@fr")]
    with pytest.raises(ValueError, match=r"labels\.tsv: the labels are in de, fr. Say which to take"):
        label_table(tmp_path, several)
    with pytest.raises(ValueError, match=r"data.language=it: the labels of labels.tsv are in de, fr"):
        label_table(tmp_path, several, "it")


def test_an_escape_that_is_none_is_refused_with_its_label(tmp_path):
    with pytest.raises(ValueError, match=r"labels\.tsv: the label .*q.*no escape of a character. Correct"):
        label_table(tmp_path, [("Q1", r"'a \q'@en"), ("Q2", "Bo")])


def test_literals_beside_the_statements_are_read_alike(tmp_path):
    path = table(
        tmp_path, [("Q1", "P40", "Q2", "'Ann'@en", "'Bo'@en"), ("Q1", "P40", "Q2", "'A'@de", "'B'@de")]
    )
    columns = {"subject": 0, "property": 1, "object": 2, "subject_label": 3, "object_label": 4}
    source = TripleTable(path, columns=columns, header=False).read(["P40"])
    assert dict(source.labels.iter_rows()) == {"Q1": "Ann", "Q2": "Bo"}


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("http://dbpedia.org/ontology/spouse", "whole or by their last part"),
        ("/people/person/spouse", "whole or by their last part"),
        ("P9999", "data.properties"),
        ("Q42", "columns in another order"),
        ("17", "keys are these numbers in quotes"),
        ("has child", "names as keys"),
    ],
)
def test_without_a_usable_fact_the_message_names_what_stood_in_the_place_of_a_property(tmp_path, value, hint):
    reader = TripleTable(table(tmp_path, [("a", value, "b"), ("b", value, "c"), ("c", "x\x1b[1m", "d")]))
    with pytest.raises(ValueError, match="no usable fact") as caught:
        SymmetryBenchmark(reader)
    message = str(caught.value)
    assert f"'{value}' (2), 'x\\x1b[1m' (1)" in message
    assert "looked for: P1382, " in message
    assert hint in message


def test_at_most_five_values_are_named():
    told = seen_properties(Counter({f"p{number}": 9 - number for number in range(9)}), ["P1"])
    assert "'p4' (5) and 4 more; looked for: P1." in told
    assert "p5" not in told


def test_settings_of_data_that_came_later_are_no_part_of_a_hash_while_they_are_null():
    before = {"data": {"module": {"benchmark": {"findings": {"twin": None}, "reader": {"licence": "x"}}}}}
    later = {"language": None, "encoding": None, "clean_labels": None}
    findings = {"twin": None, "padded_label": None}
    reader = {"licence": "x", **later}
    now = {"data": {**later, "module": {"benchmark": {"findings": findings, "reader": reader}}}}
    assert computed(now) == computed(before)
    now["data"]["language"] = "de"
    assert computed(now) != computed(before)
