"""What stands between the fields of a table: said, told by the name, or by the first lines; never guessed
between two readings.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from hydra import compose, initialize_config_module
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from relsym.data.blocks import line_blocks
from relsym.data.sources import rows as reading
from relsym.data.sources.table import TripleTable
from relsym.runs.identity import TABLE_SETTINGS, computed

ROWS = [("Q1", "P40", "Q2"), ("Q3", "P131", "Q4"), ("Q5", "P40", "Q6")]
OF_P40 = [ROWS[0], ROWS[2]]
BETWEEN = {"comma": ",", "tab": "\t", "semicolon": ";", "pipe": "|", "blanks": "  "}


def table(path: Path, rows, between: str = "\t", above: str = "") -> Path:
    """Rows as lines below ``above``."""
    path.write_text(above + "".join(between.join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path, properties=("P40",), **options):
    return TripleTable(path, **options).read(properties)


# --- delimiters


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "del"])
@pytest.mark.parametrize("name", BETWEEN)
@pytest.mark.parametrize("is_said", [True, False])
@pytest.mark.parametrize("header", ["", "subject{0}property{0}object\n"])
def test_every_delimiter_is_read_under_every_name_said_or_not(tmp_path, suffix, name, is_said, header):
    path = table(tmp_path / f"facts.{suffix}", ROWS, BETWEEN[name], header.format(BETWEEN[name]))
    source = read(path, delimiter=name if is_said else None)
    assert source.triples.rows() == OF_P40
    assert (source.read, source.dropped) == (3, {"other property": 1})


def test_a_delimiter_that_the_name_does_not_say_is_told(tmp_path, caplog):
    read(table(tmp_path / "facts.csv", ROWS))
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "read as tab-separated" in warning
    assert "data.delimiter=tab" in warning
    caplog.clear()
    read(table(tmp_path / "facts.csv", ROWS), delimiter="tab")
    read(table(tmp_path / "facts.tsv", ROWS))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(("value", "between"), [("^", "^"), (r"\t", "\t"), (";", ";"), (":", ":")])
def test_a_delimiter_may_be_a_character(tmp_path, value, between):
    assert read(table(tmp_path / "facts.txt", ROWS, between), delimiter=value).triples.rows() == OF_P40


def test_two_readings_of_the_right_width_are_a_question_and_no_facts(tmp_path):
    rows = [("Ames, Iowa", "P131", "Story, Iowa"), ("Rome, Lazio", "P131", "Lazio, Italy")]
    path = table(tmp_path / "facts.csv", rows)
    message = r"several ways.*'Ames, Iowa.tP131.tStory, Iowa'.*data\.delimiter=comma or data\.delimiter=tab"
    with pytest.raises(ValueError, match=message):
        read(path, ["P131"])
    assert read(path, ["P131"], delimiter="tab").triples.rows() == rows
    # Neither tab nor comma: two other delimiters fit.
    other = table(tmp_path / "facts.tsv", [("a;b;c|P131|d",), ("e;f;g|P131|h",)])
    other.write_text("a;P131|x;b|c\nd;P131|x;e|f\n")
    with pytest.raises(ValueError, match=r"data\.delimiter=semicolon or data\.delimiter=pipe"):
        read(other, ["P131"])


@pytest.mark.parametrize(
    ("text", "delimiters"),
    [
        ("Q1;P40;Q2;1,5;2,5\n", "comma or data.delimiter=semicolon"),
        ("Q1\tP40\tQ2\ta,b,c\n", "comma or data.delimiter=tab"),
    ],
)
def test_commas_inside_fields_do_not_make_three_columns(tmp_path, text, delimiters):
    (tmp_path / "facts.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(f"Pass data.delimiter={delimiters}.")):
        read(tmp_path / "facts.csv")


def test_the_labels_are_not_split_at_what_may_stand_in_them(tmp_path):
    facts = table(tmp_path / "facts.csv", ROWS, ",")
    # Aliases and semicolons in every line of a CSV file are text.
    aliases = table(tmp_path / "a.csv", [("Q1", "one", "a;b"), ("Q2", "two", "c;d")], ",")
    assert dict(read(facts, entities=aliases).labels.iter_rows()) == {"Q1": "one", "Q2": "two"}
    # So are blanks, whatever the name says of the delimiter; said, they are none of a label of two words.
    words = table(tmp_path / "b.txt", [("Q1", "Paris"), ("Q2", "New York")], " ")
    assert read(facts, entities=words).labels.is_empty()
    with pytest.raises(ValueError, match=r"line 2 of .*2 blank-separated.*got 3: 'Q2 New York'"):
        read(facts, entities=words, entity_delimiter="blanks")
    tabs = table(tmp_path / "c.csv", [("Q1", "Ames, Iowa"), ("Q2", "Boone")])
    with pytest.raises(ValueError, match=r"data\.entity_delimiter=comma or data\.entity_delimiter=tab"):
        read(facts, entities=tabs)
    # Numbers are no labels.
    numbers = table(tmp_path / "entity2id.txt", [("Q1", "0"), ("Q2", "1")], above="2\n")
    with pytest.raises(ValueError, match=r"'2', is a number alone.*data\.entity_ids=FILE"):
        read(facts, entities=numbers)
    assert read(facts, entities=numbers, entity_format="tsv").labels.height == 2


def test_column_names_settle_which_delimiter_it_is(tmp_path):
    rows = [("Ames; a; b", "P40", "Q2")]
    path = table(tmp_path / "facts.csv", rows, ",", "subject,property,object\n")
    assert read(path).triples.rows() == rows


def test_lines_of_several_widths_are_no_reading_and_the_first_line_is_shown(tmp_path):
    path = table(tmp_path / "facts.txt", [*ROWS, ("New", "York", "P131", "USA")], " ")
    with pytest.raises(ValueError, match=r"'Q1 P40 Q2', has too few tab.*data\.delimiter=blanks"):
        read(path)
    with pytest.raises(ValueError, match=r"line 4 of .*expected 3 blank-separated.*got 4: 'New York"):
        read(path, delimiter="blanks")
    assert read(path, delimiter="blanks", on_bad_row="skip").dropped == {"bad row": 1, "other property": 1}


def test_a_bad_row_does_not_change_how_the_others_are_separated(tmp_path):
    path = table(tmp_path / "facts.csv", [("Q1 a", "P40", "Q2 b"), ("Q3 a", "Q4 b")], ",")
    with pytest.raises(ValueError, match=r"row 2 of .*expected 3 comma-separated"):
        read(path)


def test_more_columns_by_another_delimiter_name_it_and_the_columns(tmp_path):
    rows = [("1, a, b, c", *row) for row in ROWS]
    with pytest.raises(ValueError, match=r"all rows have 4 fields: pass data\.delimiter=tab.*data\.order"):
        read(table(tmp_path / "facts.csv", rows))
    order = [None, "subject", "property", "object"]
    assert read(table(tmp_path / "facts.csv", rows), delimiter="tab", order=order).triples.rows() == OF_P40


def test_quotes_under_a_name_that_says_csv_are_a_question_where_tabs_were_found(tmp_path):
    path = table(tmp_path / "facts.csv", [*ROWS, ("Q7", "P40", '"Q8"')])
    with pytest.raises(
        ValueError, match=r"line 4 of .*data\.format=csv data\.delimiter=tab.*data\.format=tsv"
    ):
        read(path)
    assert read(path, format="tsv").triples.rows()[-1] == ("Q7", "P40", '"Q8"')
    assert read(path, format="csv", delimiter="tab").triples.rows()[-1] == ("Q7", "P40", "Q8")


@given(
    st.lists(st.tuples(*[st.text('ab,;|\t "', min_size=1, max_size=4)] * 3), min_size=1, max_size=6),
    st.sampled_from(sorted(BETWEEN.values())),
    st.sampled_from(["csv", "tsv"]),
)
def test_what_is_read_without_a_word_is_what_the_right_word_gives_or_an_error(
    tmp_path_factory, rows, between, suffix
):
    path = table(tmp_path_factory.mktemp("guess") / f"facts.{suffix}", rows, between)
    chosen = {field for row in rows for field in row}
    try:
        source = read(path, chosen)
    except ValueError:
        return
    # Whatever was read stands so in the file, each row split by one and the same delimiter.
    kinds = [{}, *({"delimiter": name} for name in BETWEEN), {"format": "tsv"}, {"format": "csv"}]
    readings = []
    for options in kinds[1:]:
        try:
            readings.append(read(path, chosen, **options).triples.rows())
        except ValueError:
            continue
    assert source.triples.rows() in readings


# --- formats


def test_a_format_overrides_the_name(tmp_path):
    lines = [f'{{"subject": "{s}", "property": "{p}", "object": "{o}"}}\n' for s, p, o in ROWS]
    (tmp_path / "facts.txt").write_text("".join(lines))
    with pytest.raises(ValueError, match=r"is a JSON object.*data\.format=jsonl"):
        read(tmp_path / "facts.txt")
    assert read(tmp_path / "facts.txt", format="jsonl").triples.rows() == OF_P40
    frame = pl.DataFrame(ROWS, schema=["subject", "property", "object"], orient="row")
    frame.write_parquet(tmp_path / "facts.csv")
    with pytest.raises(ValueError, match=r"begins as a Parquet file does.*data\.format=parquet"):
        read(tmp_path / "facts.csv")
    assert read(tmp_path / "facts.csv", format="parquet").triples.rows() == OF_P40
    path = table(tmp_path / "facts.dump", ROWS)
    with pytest.raises(ValueError, match=r"no table by its name.*data\.format=csv\|tsv\|jsonl\|parquet"):
        read(path)
    assert read(path, format="tsv").triples.rows() == OF_P40
    assert read(path, delimiter="tab").triples.rows() == OF_P40


def test_the_labels_have_a_format_and_a_delimiter_of_their_own(tmp_path):
    facts = table(tmp_path / "facts.csv", ROWS, ",")
    labels = table(tmp_path / "labels.dat", [("Q1", "one, a"), ("Q2", "two, b")])
    with pytest.raises(ValueError, match=r"data\.entity_format=csv"):
        read(facts, entities=labels)
    source = read(facts, entities=labels, entity_format="tsv")
    assert dict(source.labels.iter_rows()) == {"Q1": "one, a", "Q2": "two, b"}
    semicolons = table(tmp_path / "labels.csv", [("Q1", "one"), ("Q2", "two")], ";")
    source = read(facts, entities=semicolons)
    assert dict(source.labels.iter_rows()) == {"Q1": "one", "Q2": "two"}
    assert read(facts, entities=semicolons, entity_delimiter="semicolon").labels.height == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "xml"}, r"data\.format=xml: expected csv, tsv, jsonl, parquet, openke, conceptnet"),
        ({"delimiter": "ab"}, r"data\.delimiter=ab: expected comma, tab"),
        ({"delimiter": "a"}, "no letter"),
        ({"delimiter": "¦"}, r"data\.delimiter=¦: expected a character of ASCII.*sed"),
        ({"format": "jsonl", "delimiter": "tab"}, "does not go with"),
        ({"format": "csv", "delimiter": "blanks"}, "does not go with"),
        ({"entity_format": "openke"}, r"data\.entity_format=openke: expected csv"),
        ({"order": ["subject", "object"]}, r"data\.order=.*each of subject, property, object once"),
        ({"order": ["subject", "object", "relation"]}, r"data\.order="),
        ({"order": ["subject", "subject", "property", "object"]}, r"data\.order="),
        (
            {"order": ["subject", "property", "object"], "columns": {"subject": "head"}},
            r"data\.order and data\.columns both",
        ),
        ({"format": "conceptnet", "language": "German"}, r"data\.language=German: expected a code"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        TripleTable(table(tmp_path / "facts.csv", ROWS, ","), **options)


def test_an_order_names_all_columns(tmp_path):
    path = table(tmp_path / "facts.tsv", [(o, s, "x", p) for s, p, o in ROWS])
    order = ["object", "subject", None, "property"]
    assert read(path, order=order).triples.rows() == OF_P40
    with pytest.raises(ValueError, match=r"data\.order has 3 columns, the first row 4"):
        read(path, order=["subject", "property", "object"])
    above = "o\ts\tx\tp\n"
    headed = table(tmp_path / "headed.tsv", [(o, s, "x", p) for s, p, o in ROWS], above=above)
    source = read(headed, order=order, header=True)
    assert source.triples.rows() == OF_P40
    assert source.read == 3
    with pytest.raises(ValueError, match=r"pass data\.header=true; if it is a row .*data\.header=false"):
        read(
            table(tmp_path / "named.tsv", ROWS, above="head\trelation\ttail\n"),
            order=["subject", "property", "object"],
        )


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_an_order_is_of_no_file_whose_columns_have_names(tmp_path, suffix):
    frame = pl.DataFrame(ROWS, schema=["subject", "property", "object"], orient="row")
    path = tmp_path / f"facts.{suffix}"
    (frame.write_parquet if suffix == "parquet" else frame.write_ndjson)(path)
    with pytest.raises(ValueError, match=r"its columns have names, .*Leave data\.order out"):
        read(path, order=["subject", "property", "object"])
    assert read(path).triples.rows() == OF_P40


@pytest.mark.parametrize("ending", ["TSV", "CSV", "Txt", "TSV.GZ"])
def test_endings_in_capitals_are_known(tmp_path, ending):
    text = table(tmp_path / "plain", ROWS, "," if ending == "CSV" else "\t").read_bytes()
    path = tmp_path / f"facts.{ending}"
    path.write_bytes(gzip.compress(text) if ending.endswith("GZ") else text)
    (tmp_path / "labels.JSON").write_text('{"Q1": "Ann"}')
    source = read(path, entities=tmp_path / "labels.JSON")
    assert source.triples.rows() == OF_P40
    assert source.labels.rows() == [("Q1", "Ann")]


@pytest.mark.parametrize("name", ["semicolon", "comma", "^"])
@pytest.mark.parametrize("is_said", [True, False])
def test_excels_line_about_the_delimiter_is_no_row(tmp_path, name, is_said):
    between = BETWEEN.get(name, name)
    path = table(tmp_path / "facts.csv", ROWS, between, f"sep={between}\nsubject,property,object\n")
    with pytest.raises(ValueError, match=rf"tells Excel .*pass data\.delimiter={re.escape(name)}\."):
        read(path, delimiter=name if is_said else None)


# --- OpenKE and LibKGE


@pytest.fixture
def openke(tmp_path) -> Path:
    """train2id.txt, entity2id.txt and relation2id.txt: head, tail, relation."""
    (tmp_path / "train2id.txt").write_text("3\n0 1 0\n2 0 1\n1 2 0\n")
    (tmp_path / "entity2id.txt").write_text("3\n00260881\t0\n/m/01\t1\nnew york\t2\n")
    (tmp_path / "relation2id.txt").write_text("2\n_similar_to\t0\n_hypernym\t1\n")
    return tmp_path


def test_a_counted_file_is_read_where_it_is_called_one(openke):
    names = {"entity_ids": openke / "entity2id.txt", "relation_ids": openke / "relation2id.txt"}
    source = read(openke / "train2id.txt", ["_similar_to", "_hypernym"], format="openke", **names)
    assert source.triples.rows() == [
        ("00260881", "_similar_to", "/m/01"),
        ("new york", "_hypernym", "00260881"),
        ("/m/01", "_similar_to", "new york"),
    ]
    by_number = read(openke / "train2id.txt", ["0"], format="openke")
    assert by_number.triples.rows() == [("0", "0", "1"), ("1", "0", "2")]
    order = ["subject", "property", "object"]
    other = read(openke / "train2id.txt", ["2"], format="openke", order=order)
    assert other.triples.rows() == [("1", "2", "0")]


@pytest.mark.parametrize("skip", [{}, {"on_bad_row": "skip"}])
@pytest.mark.parametrize("said", [{}, {"delimiter": "blanks"}, {"format": "tsv"}])
@pytest.mark.parametrize("between", [" ", "\t"])
def test_a_count_that_nobody_spoke_of_is_told_and_no_columns_are_guessed(openke, skip, said, between):
    path = openke / "train2id.txt"
    path.write_text(path.read_text().replace(" ", between))
    message = r"'3', is a number alone.*head, tail and relation.*data\.format=openke"
    with pytest.raises(ValueError, match=message):
        read(path, ["0", "1"], **skip, **said)


def test_a_count_that_is_wrong_is_a_file_that_is_not_whole(openke):
    path = openke / "train2id.txt"
    path.write_text("4\n0 1 0\n2 0 1\n1 2 0\n")
    with pytest.raises(ValueError, match="counts 4 rows, and 3 follow"):
        read(path, ["0"], format="openke", on_bad_row="skip")
    path.write_text("0 1 0\n2 0 1\n")
    with pytest.raises(ValueError, match=r"first line is '0 1 0', and not the number of rows.*data\.order"):
        read(path, ["0"], format="openke")
    (openke / "entity2id.txt").write_text("4\na\t0\nb\t1\n")
    path.write_text("1\n0 1 0\n")
    with pytest.raises(ValueError, match=r"entity2id\.txt: the first line counts 4 lines, and 2 follow"):
        read(path, ["0"], format="openke", entity_ids=openke / "entity2id.txt")


def test_rows_of_a_counted_file_are_numbered_as_in_the_file_wherever_a_block_ends(openke, monkeypatch):
    path = openke / "train2id.txt"
    path.write_text("5\n0 1 0\n2 0 1\n1 2 0\n1 2\n0 2 0\n")
    monkeypatch.setattr(reading, "line_blocks", partial(line_blocks, size=7))
    with pytest.raises(ValueError, match=r"line 5 of .*3 blank-separated.*got 2: '1 2'"):
        read(path, ["0"], format="openke")
    assert read(path, ["0"], format="openke", on_bad_row="skip").read == 5


def test_a_number_without_an_id_is_a_bad_row(openke):
    (openke / "train2id.txt").write_text("2\n0 1 0\n2 9 1\n")
    names = {"entity_ids": openke / "entity2id.txt", "relation_ids": openke / "relation2id.txt"}
    with pytest.raises(ValueError, match=r"line 3 of .*number of its object has no id in entity2id\.txt"):
        read(openke / "train2id.txt", ["_hypernym"], format="openke", **names)
    source = read(openke / "train2id.txt", ["_similar_to"], format="openke", on_bad_row="skip", **names)
    assert source.triples.rows() == [("00260881", "_similar_to", "/m/01")]
    assert source.dropped == {"number without an id": 1}


def test_libkges_files_are_read_by_their_ending(tmp_path):
    table(tmp_path / "train.del", [("0", "1", "2"), ("2", "0", "1")])
    table(tmp_path / "valid.del", [("1", "1", "0")])
    table(tmp_path / "entity_ids.del", [("0", "Ann"), ("1", "Ben"), ("2", "Cem")])
    table(tmp_path / "relation_ids.del", [("0", "knows"), ("1", "begat")])
    labels = table(tmp_path / "entity_strings.del", [("Ann", "Ann A."), ("Ben", "Ben B.")])
    source = read(
        [tmp_path / "train.del", tmp_path / "valid.del"],
        ["begat"],
        entity_ids=tmp_path / "entity_ids.del",
        relation_ids=tmp_path / "relation_ids.del",
        entities=labels,
    )
    assert source.triples.rows() == [("Ann", "begat", "Cem"), ("Ben", "begat", "Ann")]
    assert dict(source.labels.iter_rows()) == {"Ann": "Ann A.", "Ben": "Ben B."}


@pytest.mark.parametrize("labels", [[("0", "same"), ("1", "same")], [("Ann", "same"), ("Ben", "same")]])
def test_labels_are_by_id_or_by_number_and_ids_have_no_blanks_beside_the_tab(tmp_path, labels):
    table(tmp_path / "train.del", [("0", "0", "1")])
    table(tmp_path / "entity_ids.del", [("0", " Ann"), ("1 ", "Ben "), ("2", "Cem")])
    table(tmp_path / "relation_ids.del", [("0", "knows")])
    files = {f"{role}_ids": tmp_path / f"{role}_ids.del" for role in ("entity", "relation")}
    strings = table(tmp_path / "entity_strings.del", labels)
    source = read(tmp_path / "train.del", ["knows"], entities=strings, **files)
    assert source.triples.rows() == [("Ann", "knows", "Ben")]
    assert dict(source.labels.iter_rows()) == {"Ann": "same", "Ben": "same"}
    (tmp_path / "relation_ids.del").write_text("0\tknows\n1\tknows\n")
    with pytest.raises(ValueError, match=r"relation_ids=.*'knows' \(0, 1\).* Correct the file"):
        read(tmp_path / "train.del", ["knows"], **files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0\t1\n1\t0\n", "both columns hold numbers"),
        ("a\tb\nc\td\n", "no column of numbers"),
        ("a\t0\nc\t1\nb\t0\n", r"line 3 of .*ids\.txt: the number 0 stands in line 1 too"),
        ("0\t\n1\tb\n", r"line 1 of .*ids\.txt: expected a number and an id.*'0\\t'"),
        ("0\ta\n1\tb\n2\ta\n", r"entity_ids=.*1 ids stand under .*'a' \(0, 2\).*data\.entities="),
        ("0\twd:Q1\n1\tQ1\n", r"1 ids stand under several numbers, such as 'Q1' \(0, 1\)"),
        (" \n", "is empty"),
        ("a\t0\nb c\n", "line 2 of .*a number and an id"),
        ("", "is empty"),
    ],
)
def test_files_of_ids_that_do_not_say_which_is_the_number_are_refused(openke, text, message):
    (openke / "ids.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        read(openke / "train2id.txt", ["0"], format="openke", entity_ids=openke / "ids.txt")
    with pytest.raises(FileNotFoundError, match=r"data\.relation_ids=nowhere\.txt: no such file"):
        read(openke / "train2id.txt", ["0"], format="openke", relation_ids="nowhere.txt")


# --- ConceptNet


def assertion(relation: str, start: str, end: str) -> tuple[str, ...]:
    about = json.dumps({"surfaceText": f'[[A {start}]] "is" a, [[{end}]]', "weight": 1.0})
    return (f"/a/[/r/{relation}/,{start}/,{end}/]", f"/r/{relation}", start, end, about)


ASSERTIONS = [
    assertion("Synonym", "/c/en/big/a/wn", "/c/en/very_large"),
    assertion("Synonym", "/c/en/big", "/c/de/gross"),
    assertion("PartOf", "/c/en/wheel/n", "/c/en/car/n/wn/artifact"),
    assertion("PartOf", "/c/de/rad", "/c/de/auto"),
    assertion("ExternalURL", "/c/en/car", "http://example.org/car"),
]


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_conceptnets_assertions_are_read_in_one_language_with_labels_from_the_terms(tmp_path, suffix):
    path = table(tmp_path / f"assertions.{suffix}", ASSERTIONS)
    relations = ["/r/Synonym", "/r/PartOf"]
    source = read(path, relations, format="conceptnet")
    assert source.triples.rows() == [
        ("/c/en/big/a/wn", "/r/Synonym", "/c/en/very_large"),
        ("/c/en/wheel/n", "/r/PartOf", "/c/en/car/n/wn/artifact"),
    ]
    assert list(dict(source.labels.iter_rows()).values()) == ["big", "wheel", "very large", "car"]
    assert source.dropped == {"other property": 1, "other language": 2}
    assert (source.labelled, source.language) == (True, "en")
    german = read(path, relations, format="conceptnet", language="de")
    assert german.triples.rows() == [("/c/de/rad", "/r/PartOf", "/c/de/auto")]


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_assertions_that_nobody_called_so_are_named(tmp_path, suffix):
    path = table(tmp_path / f"assertions.{suffix}", ASSERTIONS)
    with pytest.raises(ValueError, match=r"begins as ConceptNet's assertions do.*data\.format=conceptnet"):
        read(path, ["/r/Synonym"])
    with pytest.raises(ValueError, match=r"data\.format=conceptnet has 5 columns, the first row 3"):
        read(table(tmp_path / "facts.tsv", ROWS), format="conceptnet")


# --- hashes


def test_what_nobody_says_of_a_table_is_no_part_of_a_hash():
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose("train", ["data=table", "data.triples=x.csv"])
        said = compose("train", ["data=table", "data.triples=x.csv", "data.delimiter=tab"])
    data = computed(OmegaConf.to_container(config, resolve=True))["data"]
    for settings in (data, data["reader"], data["module"]["benchmark"]["reader"]):
        assert "columns" in settings or "entity_columns" in settings
        assert not set(TABLE_SETTINGS) & settings.keys()
    data = computed(OmegaConf.to_container(said, resolve=True))["data"]
    assert data["delimiter"] == data["module"]["benchmark"]["reader"]["delimiter"] == "tab"
    assert set(TABLE_SETTINGS) <= OmegaConf.to_container(config.data.reader).keys()
