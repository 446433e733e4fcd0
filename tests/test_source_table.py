"""Tables of statements: every row is kept or dropped for a reason, in every format, and columns are never
guessed wrongly.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import time
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st

from relsym.data import blocks as text_blocks
from relsym.data.sources import rows as reading
from relsym.data.sources.file_log import NEGATIVES
from relsym.data.sources.table import SEVERAL_LABELS, TripleTable

ROWS = [("Q1", "P40", "Q2"), ("Q3", "P131", "Q4"), ("Q5", "P40", "Q6"), ("Q2", "P40", "Q5")]
OF_P40 = [ROWS[0], ROWS[2], ROWS[3]]
NAMES = ("subject", "property", "object")
FORMATS = ("csv", "tsv", "txt", "csv.gz", "tsv.gz", "txt.bz2", "parquet", "jsonl", "ndjson", "jsonl.gz")


def write(path: Path, rows: list[tuple], names: tuple[str, ...] | None = NAMES) -> Path:
    """A table in the format of the name; names None: without header."""
    kinds, text = path.suffixes, io.StringIO(newline="")
    if ".parquet" in kinds:
        pl.DataFrame(rows, schema=list(names), orient="row").write_parquet(path)
        return path
    if ".csv" in kinds:
        csv.writer(text).writerows([*([names] if names else []), *rows])
    elif ".jsonl" in kinds or ".ndjson" in kinds:
        text.writelines(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    else:
        text.writelines("\t".join(row) + "\n" for row in [*([names] if names else []), *rows])
    packed = {".gz": gzip.compress, ".bz2": bz2.compress}.get(kinds[-1], bytes)
    path.write_bytes(packed(text.getvalue().encode()))
    return path


def read(path, properties=("P40",), **options):
    return TripleTable(path, **options).read(properties)


def labels(source) -> dict[str, str]:
    return dict(source.labels.iter_rows())


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_tells_the_same_statements_in_order(tmp_path, suffix):
    source = read(write(tmp_path / f"facts.{suffix}", ROWS))
    assert source.triples.rows() == OF_P40
    assert (source.read, source.dropped) == (4, {"other property": 1})


@pytest.mark.parametrize("suffix", FORMATS)
def test_columns_are_found_by_their_mapped_names_wherever_they_stand(tmp_path, suffix):
    path = write(
        tmp_path / f"facts.{suffix}",
        [(p, o, "more", s) for s, p, o in ROWS],
        ('the "id"', "the tail's 'é'", "note", "head"),
    )
    source = read(path, columns={"subject": "head", "property": 'the "id"', "object": "the tail's 'é'"})
    assert source.triples.rows() == OF_P40


@pytest.mark.parametrize("suffix", ["csv", "txt", "txt.gz"])
@pytest.mark.parametrize("header", [False, None])
def test_the_first_row_of_a_file_without_header_is_kept(tmp_path, suffix, header):
    source = read(write(tmp_path / f"train.{suffix}", ROWS, None), header=header)
    assert source.triples.rows() == OF_P40
    assert source.read == 4


def test_a_header_that_is_denied_is_read_as_a_row(tmp_path):
    source = read(write(tmp_path / "facts.tsv", ROWS), header=False)
    assert source.read == 5
    assert source.dropped == {"other property": 2}


def test_ids_are_free_strings(tmp_path):
    rows = [
        ("/m/027rn", "/location/country/form_of_government", "/m/06cx9"),
        ("/m/0 1", "P40", 'Überfluß, "quoted"'),
    ]
    source = read(
        write(tmp_path / "train.txt", rows, None), properties=["/location/country/form_of_government", "P40"]
    )
    assert source.triples.rows() == rows
    assert not source.labelled
    assert labels(source) == {entity: entity for s, _, o in rows for entity in (s, o)}


def test_further_columns_of_a_file_without_header_are_read_by_their_positions(tmp_path):
    path = write(
        tmp_path / "facts.tsv",
        [(o, p, s, "weight", f"name of {s}", f"name of {o}") for s, p, o in ROWS],
        None,
    )
    source = read(
        path, columns={"subject": 2, "property": 1, "object": 0, "subject_label": 4, "object_label": 5}
    )
    assert source.triples.rows() == OF_P40
    assert labels(source) == {q: f"name of {q}" for q in ("Q1", "Q5", "Q2", "Q6")}


def test_positions_skip_a_header_that_is_declared(tmp_path):
    path = write(tmp_path / "facts.tsv", ROWS, ("a", "b", "c"))
    assert read(path, columns={"subject": 0, "property": 1, "object": 2}, header=True).read == 4
    assert read(path, columns={"subject": 0, "property": 1, "object": 2}).read == 5


@pytest.mark.parametrize("suffix", FORMATS)
def test_missing_columns_are_named_with_those_found_and_the_override(tmp_path, suffix):
    path = write(
        tmp_path / f"facts.{suffix}", [(*row, "x") for row in ROWS], ("head", "property", "object", "other")
    )
    with pytest.raises(ValueError, match=r"no column subject.*head.*other.*data\.columns\.subject=NAME"):
        read(path)


@pytest.mark.parametrize(
    ("names", "options", "advice"),
    [
        (("head", "property", "tail"), {}, r"no column subject, object.*data\.header=false"),
        (("head", "relation", "tail"), {"columns": {"subject": "Head"}}, r"no column Head, property, object"),
        (("head", "relation", "tail"), {"header": True}, r"no column subject, property, object"),
        (
            ("head", "relation", "tail"),
            {"header": False, "columns": {"subject": "head"}},
            r"data\.columns\.subject=head.*positions",
        ),
        (None, {"columns": {"subject": 3}}, r"data\.columns\.subject=3.*3 fields"),
        (None, {"columns": {"subject": -1}}, r"data\.columns\.subject=-1"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_rather_than_guessed(tmp_path, names, options, advice):
    with pytest.raises(ValueError, match=advice):
        read(write(tmp_path / "facts.tsv", ROWS, names), **options)


def test_four_columns_without_names_are_not_guessed(tmp_path):
    with pytest.raises(
        ValueError, match=r"no column subject, property, object.*'Q1'.*data\.header=false.*positions"
    ):
        read(write(tmp_path / "facts.csv", [(*row, "1") for row in ROWS], None))


BAD = {  # format -> its text with four bad rows among six, and what is said about the first of them
    "tsv": (
        "subject\tproperty\tobject\nQ1\tP40\tQ2\nQ1\tP40\n\nQ1\tP40\tQ2\tQ3\nQ1\t \tQ2\nQ3\tP40\tQ4\n",
        r"line 3 .*3 tab-separated.*Q1.tP40",
    ),
    "csv": (
        'subject,property,object\nQ1,P40,Q2\nQ1,P40\n\nQ1,P40,Q2,\nQ1,"",Q2\nQ3,P40,Q4\n',
        r"row 3 .*3 comma-separated.*Q1,P40",
    ),
    "jsonl": (
        '{"subject": "Q1", "property": "P40", "object": "Q2"}\n{"subject": "Q1", "property": '
        '"P40"}\n\n{broken\n'
        '{"subject": "Q1", "property": null, "object": "Q2"}\n{"subject": "Q3", "property": "P40", "object": '
        '"Q4"}\n',
        r"line 2 .*JSON object.*subject",
    ),
}


@pytest.mark.parametrize("suffix", BAD)
def test_bad_rows_are_refused_with_their_place_or_counted(tmp_path, suffix):
    text, advice = BAD[suffix]
    path = tmp_path / f"facts.{suffix}"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"{advice}[\s\S]*data\.on_bad_row=skip"):
        read(path)
    source = read(path, on_bad_row="skip")
    assert source.triples.rows() == [("Q1", "P40", "Q2"), ("Q3", "P40", "Q4")]
    assert (source.read, source.dropped) == (6, {"bad row": 4})


def test_an_empty_cell_of_a_parquet_file_is_a_bad_row(tmp_path):
    path = write(tmp_path / "facts.parquet", [*ROWS, ("Q1", "P40", None)])
    with pytest.raises(
        ValueError, match=r"row 5 .*subject, property, object filled in.*data\.on_bad_row=skip"
    ):
        read(path)
    assert read(path, on_bad_row="skip").dropped == {"bad row": 1, "other property": 1}


def test_numbers_in_parquet_are_ids_and_lists_are_refused(tmp_path):
    path = write(tmp_path / "facts.parquet", [(1, "P40", 2)])
    assert read(path).triples.rows() == [("1", "P40", "2")]
    with pytest.raises(ValueError, match=r"object \(large_list.*data\.columns"):
        read(write(tmp_path / "lists.parquet", [("Q1", "P40", ["Q2"])]))


def test_quotes_belong_to_csv_and_are_text_in_tsv(tmp_path):
    columns = {"subject_label": "subject_label", "object_label": "object_label"}
    names = (*NAMES, "subject_label", "object_label")
    odd = 'the "x", or\ny'
    source = read(write(tmp_path / "facts.csv", [("Q1", "P40", "Q2", odd, "b")], names), columns=columns)
    assert labels(source) == {"Q1": odd, "Q2": "b"}
    source = read(write(tmp_path / "facts.tsv", [("Q1", "P40", "Q2", '"a', 'b"')], names), columns=columns)
    assert labels(source) == {"Q1": '"a', "Q2": 'b"'}


def test_a_quoted_field_that_is_never_closed_is_an_error(tmp_path):
    (tmp_path / "facts.csv").write_text('subject,property,object\nQ1,P40,"Q2\nQ3,P40,Q4\n')
    with pytest.raises(ValueError, match=r"never closed.*\.tsv"):
        read(tmp_path / "facts.csv", on_bad_row="skip")


def test_an_endless_quoted_field_is_not_read_to_the_end_of_the_file(tmp_path, monkeypatch):
    path, taken = tmp_path / "facts.csv", []
    path.write_text('subject,property,object\nQ1,P40,"Q2\n' + "Q3,P40,Q4\n" * 100)
    monkeypatch.setattr(reading, "LONGEST_ROW", 200)
    monkeypatch.setattr(
        reading, "line_blocks", lambda file, **_: (taken.append(block) or block for block in blocks(file, 20))
    )
    with pytest.raises(ValueError, match="never closed"):
        read(path)
    assert sum(map(len, taken)) < 400


@pytest.mark.parametrize("name", ["facts.tsv", "facts.csv", "facts.jsonl", "facts.tsv.gz"])
def test_a_text_without_a_line_end_is_refused_at_a_limit(tmp_path, monkeypatch, name):
    taken = []
    path = write(tmp_path / name, ROWS[:1])
    text = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    endless = text + b"x" * 10_000
    path.write_bytes(gzip.compress(endless) if name.endswith(".gz") else endless)
    monkeypatch.setattr(text_blocks, "LONGEST_LINE", 200)
    monkeypatch.setattr(
        reading, "line_blocks", lambda file, **_: (taken.append(block) or block for block in blocks(file, 20))
    )
    told = rf"{name}: the line that begins at byte {len(text)} .* more than 200 bytes"
    with pytest.raises(ValueError, match=told):
        read(path)
    assert sum(map(len, taken)) <= len(text)


def test_long_lines_and_quoted_fields_over_many_blocks_are_read_in_time(tmp_path):
    path = tmp_path / "facts.csv"
    path.write_bytes(b'a,"' + b"x\n" * 2_000_000 + b'"\n' + b"y" * 4_000_000 + b"\n")
    started = time.monotonic()
    # 8,000 blocks: joined one by one, they would be copied 8,000 times over.
    size = sum(map(len, reading.closed_quotes(blocks(path, 1000), path)))
    assert size == path.stat().st_size
    assert time.monotonic() - started < 2


def test_json_without_end_is_a_line_that_is_no_object(tmp_path):
    path = tmp_path / "facts.jsonl"
    path.write_text("[" * 100_000 + "\n")
    with pytest.raises(ValueError, match="expected a JSON object in each line"):
        read(path)
    path = tmp_path / "labels.json"
    path.write_text('{"Q1": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(ValueError, match=r"labels\.json: not JSON \(maximum recursion depth"):
        read(write(tmp_path / "facts.csv", ROWS), entities=path)


@pytest.mark.slow
@given(
    st.lists(
        st.lists(
            st.sampled_from(["Q1", "Q2", "P40", "P131", "", 'a"b', "x\ny", "é,"]), min_size=1, max_size=4
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 40),
)
def test_no_row_is_lost_wherever_a_block_ends(tmp_path_factory, rows, size):
    path = tmp_path_factory.mktemp("blocks") / "facts.csv"
    write(path, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "line_blocks", lambda file, **_: blocks(file, size))
        source = read(path, on_bad_row="skip")
    assert source.read == len(rows)
    assert source.triples.rows() == [
        tuple(row) for row in rows if len(row) == 3 and all(row) and row[1] == "P40"
    ]


def blocks(path: Path, size: int):
    from relsym.data.blocks import line_blocks

    return line_blocks(path, size)


def test_line_numbers_count_through_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "line_blocks", lambda file, **_: blocks(file, 30))
    with pytest.raises(ValueError, match="line 42 "):
        read(write(tmp_path / "facts.tsv", [ROWS[0]] * 40 + [("Q1",)]))


def test_several_files_are_read_one_after_the_other_by_glob_or_list(tmp_path):
    for name, row in zip(("test", "train", "valid"), ROWS, strict=False):
        write(tmp_path / f"{name}.txt", [row], None)
    by_glob = read(str(tmp_path / "t*.txt"))
    assert by_glob.triples.rows() == [ROWS[0]]
    assert by_glob.origin == "table test.txt, train.txt"
    by_list = read([tmp_path / "valid.txt", tmp_path / "t*.txt"])
    assert by_list.triples.rows() == [ROWS[2], ROWS[0]]
    assert by_list.read == 3


def test_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(tmp_path):
    for name, between in (("facts.tsv", "\t"), ("facts.csv", ",")):
        (tmp_path / name).write_bytes(
            b"\xef\xbb\xbf" + "\r\n".join(between.join(row) for row in (NAMES, *ROWS)).encode()
        )
        assert read(tmp_path / name).triples.rows() == OF_P40


ENTITIES = [("Q1", "one"), ("Q2", "two"), ("Q3", "three"), ("Q5", 'five, "5"')]
NAMED = {"Q1": "one", "Q2": "two", "Q5": 'five, "5"'}


@pytest.mark.parametrize("suffix", FORMATS)
def test_labels_come_from_an_entity_file_of_every_format(tmp_path, suffix):
    source = read(
        write(tmp_path / "train.txt", ROWS, None),
        entities=write(tmp_path / f"entities.{suffix}", ENTITIES, ("entity", "label")),
    )
    assert labels(source) == NAMED
    assert source.labelled


def test_entities_in_the_layout_of_wikidata5m_have_any_number_of_aliases(tmp_path):
    (tmp_path / "entity.txt").write_text('Q1\tone\tuno\tun\nQ2\ttwo\nQ6\nQ5\tfive, "5"\tV\n')
    assert labels(read(write(tmp_path / "train.txt", ROWS, None), entities=tmp_path / "entity.txt")) == NAMED


@pytest.mark.parametrize("value", [lambda label: label, lambda label: {"label": label, "wiki": "x"}])
def test_entities_may_be_one_json_object(tmp_path, value):
    named = {q: value(label) for q, label in [*ENTITIES, ("Q6", "sechs, süß")]} | {"Q2": None}
    (tmp_path / "entities.json").write_text(json.dumps(named, ensure_ascii=False), encoding="utf-8")
    source = read(write(tmp_path / "train.txt", ROWS, None), entities=tmp_path / "entities.json")
    assert labels(source) == {"Q1": "one", "Q5": 'five, "5"', "Q6": "sechs, süß"}


@pytest.mark.parametrize("front", ["", "\ufeff"])
def test_an_id_twice_in_a_json_object_has_its_first_label_and_is_counted(tmp_path, front):
    path = tmp_path / "entities.json"
    inner = '{"label": "two", "label": "deux", "label": "two"}'
    path.write_text(f'{front}{{"Q1": "one", "Q2": {inner}, "Q1": "un", "Q1": "one"}}', encoding="utf-8")
    source = read(write(tmp_path / "train.txt", ROWS, None), entities=path)
    assert labels(source) == {"Q1": "one", "Q2": "two"}
    assert source.notes == {SEVERAL_LABELS: 2}


def test_entity_columns_are_mapped_in_tables_and_json(tmp_path):
    facts, columns = write(tmp_path / "train.txt", ROWS, None), {"entity": "id", "label": "name"}
    table_file = write(tmp_path / "entities.csv", [(b, a) for a, b in ENTITIES], ("name", "id"))
    (tmp_path / "entities.json").write_text(
        json.dumps({q: {"name": label, "label": "wrong"} for q, label in ENTITIES})
    )
    assert labels(read(facts, entities=table_file, entity_columns=columns)) == NAMED
    assert labels(read(facts, entities=tmp_path / "entities.json", entity_columns=columns)) == NAMED
    with pytest.raises(
        ValueError, match=r"no column nom.*data\.entity_columns\.label=NAME.*data\.entity_header=false"
    ):
        read(facts, entities=table_file, entity_columns={"entity": "id", "label": "nom"})


def test_an_entity_header_can_be_denied(tmp_path):
    facts = write(tmp_path / "train.txt", [("entity", "P40", "Q1")], None)
    entities = write(tmp_path / "entities.tsv", ENTITIES, ("entity", "label"))
    assert labels(read(facts, entities=entities)) == {"Q1": "one"}
    assert labels(read(facts, entities=entities, entity_header=False)) == {"entity": "label", "Q1": "one"}


def test_an_entity_without_id_is_a_bad_row_of_the_entities(tmp_path):
    facts = write(tmp_path / "train.txt", ROWS, None)
    entities = write(tmp_path / "entities.tsv", [*ENTITIES, ("", "nobody")], None)
    with pytest.raises(
        ValueError, match=r"line 5 of .*entities\.tsv.*entity filled in.*data\.on_bad_row=skip"
    ):
        read(facts, entities=entities)
    source = read(facts, entities=entities, on_bad_row="skip")
    assert labels(source) == NAMED
    assert source.notes == {"bad row of the entities": 1}


def test_the_first_of_several_labels_is_kept_and_empty_ones_are_none(tmp_path):
    names = (*NAMES, "from", "to")
    rows = [
        ("Q1", "P40", "Q2", "", "two"),
        ("Q2", "P40", "Q3", "zwei", "three"),
        ("Q3", "P40", "Q4", "three", " "),
        ("Q8", "P22", "Q9", "eight", "nine"),
    ]
    source = read(
        write(tmp_path / "facts.tsv", rows, names), columns={"subject_label": "from", "object_label": "to"}
    )
    assert labels(source) == {"Q2": "two", "Q3": "three"}
    assert source.notes == {SEVERAL_LABELS: 1}


def test_nothing_of_the_chosen_properties_is_an_empty_source_with_its_account(tmp_path):
    source = read(write(tmp_path / "facts.csv", ROWS), properties=["P999"])
    assert source.triples.is_empty()
    assert source.dropped == {"other property": 4}


def test_a_parquet_file_without_rows_is_an_empty_table(tmp_path):
    source = read(
        write(tmp_path / "facts.parquet", [("Q1", "P40", "Q2")]),
        entities=write(tmp_path / "entities.parquet", [], ("entity", "label")),
    )
    assert source.labels.is_empty()
    assert read(write(tmp_path / "none.parquet", [])).read == 0


def test_the_licence_is_unknown_until_it_is_told(tmp_path):
    path = write(tmp_path / "facts.csv", ROWS)
    assert read(path).licence == "unknown"
    assert read(path, licence="CC-BY-4.0").licence == "CC-BY-4.0"


@pytest.mark.parametrize(
    ("options", "error", "advice"),
    [
        ({"triples": None}, ValueError, r"data\.triples=FILE"),
        ({"triples": "{folder}/nothing*.txt"}, FileNotFoundError, r"data\.triples=FILE"),
        ({"triples": "{folder}"}, ValueError, r"is a folder.*data\.triples=.*\*\.txt"),
        ({"triples": "{folder}/facts.xml"}, ValueError, r"\.csv, \.tsv.*\.jsonl"),
        ({"triples": "{folder}/entities.json"}, ValueError, "expected .csv"),
        ({"entities": "{folder}/nothing.txt"}, FileNotFoundError, r"data\.entities=FILE"),
        ({"columns": {"subjekt": "a"}}, ValueError, r"unknown subjekt.*subject"),
        ({"columns": {"object": None}}, ValueError, r"data\.columns\.object=NAME"),
        ({"entity_columns": {"label": None}}, ValueError, r"data\.entity_columns\.label=NAME"),
        ({"columns": {"subject_label": "a"}}, ValueError, "both or neither"),
        (
            {"columns": {"subject_label": "a", "object_label": "b"}, "entities": "{folder}/entities.json"},
            ValueError,
            "leave one",
        ),
        ({"on_bad_row": "ignore"}, ValueError, "error or skip"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_with_advice(tmp_path, options, error, advice):
    for name in ("facts.csv", "facts.xml", "entities.json"):
        (tmp_path / name).write_text("{}")
    options = {
        key: value.format(folder=tmp_path) if isinstance(value, str) else value
        for key, value in options.items()
    }
    with pytest.raises(error, match=advice):
        TripleTable(**{"triples": tmp_path / "facts.csv", **options})


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("facts.csv", b"", "is empty"),
        ("facts.tsv", b"Q1\tP40\tQ2\nQ1\tP40\tM\xfcller\n", "line 2 .*not UTF-8"),
        ("facts.parquet", b"nonsense", "no readable Parquet"),
        ("facts.tsv.gz", b"\x1f\x8bnonsense", "damaged"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, name, content, advice):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}.*{advice}|{advice.split('.*')[0]}.*{name}"):
        read(tmp_path / name)


@pytest.mark.parametrize(("content", "advice"), [("{", "not JSON"), ("[1]", "JSON object")])
def test_entities_that_are_no_json_object_are_refused(tmp_path, content, advice):
    (tmp_path / "entities.json").write_text(content)
    with pytest.raises(ValueError, match=advice):
        read(write(tmp_path / "train.txt", ROWS, None), entities=tmp_path / "entities.json")


def test_the_option_reads_what_the_command_line_names(tmp_path):
    write(tmp_path / "facts.csv", [(s, p, o) for s, p, o in ROWS], ("head", "property", "object"))
    write(tmp_path / "entities.tsv", ENTITIES, None)
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose(
            "train",
            [
                "data=table",
                f"data.triples={tmp_path / 'facts.csv'}",
                f"data.entities={tmp_path / 'entities.tsv'}",
                "data.columns.subject=head",
                "data.licence=MIT",
            ],
        )
    source = instantiate(config.data.reader).read(["P40"])
    assert source.triples.rows() == OF_P40
    assert labels(source) == NAMED
    assert source.licence == "MIT"


# --- column names that are not known, and what a pattern takes


@pytest.mark.parametrize(
    ("suffix", "names"),
    [
        ("tsv", ("head", "relation", "tail")),
        ("csv", ("Subject", "Predicate", "Object")),
        ("txt", ("SUBJECT", "PROPERTY", "OBJECT")),
        ("tsv", ("node1", "label", "node2")),
        ("csv", ("head_id", "relationId", "#tail")),
    ],
)
def test_a_first_row_of_other_column_names_is_refused_and_no_statement(tmp_path, suffix, names):
    path = write(tmp_path / f"facts.{suffix}", ROWS, names)
    columns = dict(zip(NAMES, names, strict=True))
    settings = " ".join(f"data.columns.{role}={name}" for role, name in columns.items())
    message = rf"reads like column names.*pass data\.header=true {settings}; .*data\.header=false"
    for on_bad_row in ("error", "skip"):
        with pytest.raises(ValueError, match=message):
            read(path, on_bad_row=on_bad_row)
    assert read(path, header=True, columns=columns).read == len(ROWS)
    # Whoever says that there are no column names is believed.
    assert read(path, header=False).read == len(ROWS) + 1


def test_column_names_above_positions_and_above_entities_are_refused_too(tmp_path):
    path = write(
        tmp_path / "facts.tsv", [("1", *row) for row in ROWS], ("number", "head", "relation", "tail")
    )
    columns = {"subject": 1, "property": 2, "object": 3}
    with pytest.raises(ValueError, match="reads like column names"):
        read(path, columns=columns)
    assert read(path, columns=columns, header=True).read == len(ROWS)
    entities = write(tmp_path / "entities.tsv", [("Q1", "Ana")], ("id", "name"))
    with pytest.raises(ValueError, match=r"data\.entity_header=true data\.entity_columns\.entity=id"):
        read(write(tmp_path / "facts.txt", ROWS, None), entities=entities)


def test_a_name_that_two_columns_bear_is_refused(tmp_path):
    path = write(tmp_path / "facts.csv", [(*row, "Q9") for row in ROWS], (*NAMES, "subject"))
    with pytest.raises(ValueError, match="several columns are called subject"):
        read(path)


def test_each_file_is_told_with_its_rows_and_negatives_that_a_pattern_takes_are_warned_of(tmp_path, caplog):
    caplog.set_level("INFO")
    for name in ("train", "valid_negatives"):
        write(tmp_path / f"{name}.txt", ROWS, None)
    pattern = str(tmp_path / "*.txt")
    assert read(pattern).read == 2 * len(ROWS)
    assert f"data.triples: train.txt, rows: {len(ROWS)}" in caplog.messages
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith(f"data.triples={pattern} takes valid_negatives.txt (rows: {len(ROWS)}): ")

    caplog.clear()
    read([tmp_path / "train.txt", tmp_path / "valid_negatives.txt"])
    assert caplog.messages == [
        f"data.triples: {name}.txt, rows: {len(ROWS)}" for name in ("train", "valid_negatives")
    ]
    # A file that is named is meant, even beside a pattern that takes it as well.
    read([tmp_path / "valid_negatives.txt", pattern])
    assert all(record.levelname == "INFO" for record in caplog.records)


@pytest.mark.parametrize(
    ("name", "is_negative"),
    [("train_neg", True), ("Negatives", True), ("neg-valid", True), ("negation", False), ("Negev", False)],
)
def test_negatives_are_known_by_the_word(name, is_negative):
    assert bool(NEGATIVES.search(name)) == is_negative


def test_files_of_several_layouts_under_one_pattern_are_warned_of(tmp_path, caplog):
    write(tmp_path / "a.tsv", ROWS, None)
    write(tmp_path / "b.tsv", [(*row, "x") for row in ROWS], (*NAMES, "note"))
    assert read(str(tmp_path / "*.tsv")).read == 2 * len(ROWS)
    (warning,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "a.tsv (3 tab-separated fields without column names)" in warning
    assert "b.tsv (4 tab-separated fields below column names)" in warning


def test_a_nested_value_far_down_a_file_is_a_bad_row_and_no_id(tmp_path):
    good = '{"subject": "Q1", "property": "P40", "object": "Q2"}\n'
    nested = '{"subject": {"id": "Q1"}, "property": "P40", "object": "Q2"}\n'
    path = tmp_path / "facts.jsonl"
    path.write_text(good * 150 + nested)
    with pytest.raises(ValueError, match=r"line 151 of .*a list or an object in place of a text"):
        read(path)
    assert read(path, on_bad_row="skip").dropped == {"bad row": 1}


def test_half_of_a_character_in_a_json_file_of_labels_is_named(tmp_path):
    facts = write(tmp_path / "facts.tsv", ROWS)
    entities = tmp_path / "entities.json"
    entities.write_text(r'{"Q1": "Ana \ud83c"}')
    with pytest.raises(ValueError, match=r"entities\.json: 'Ana .ud83c' holds half of a character"):
        read(facts, entities=entities)
    entities.write_text("[" * 99999)
    with pytest.raises(ValueError, match=r"entities\.json: not JSON"):
        read(facts, entities=entities)


@pytest.mark.parametrize("side", ["subject", "property", "object"])
def test_half_of_a_character_in_a_row_of_json_is_named_with_its_line(tmp_path, side):
    row = dict(zip(NAMES, ROWS[0], strict=True))
    lines = [json.dumps(row), json.dumps(row | {side: "a\ud83d"})]
    path = tmp_path / "facts.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"line 2 of .*ud83d is half of a character, a lone surrogate"):
        read(path)
    assert read(path, on_bad_row="skip").dropped == {"bad row": 1}
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"entity": "Q1", "label": "Ana \\udc00"}\n')
    with pytest.raises(ValueError, match=r"line 1 of .*labels\.jsonl.*udc00 is half of a character"):
        read(write(tmp_path / "facts.tsv", ROWS), entities=labels)


# What a library would take for a number, a truth value or nothing.
ID_TEXTS = (
    *("00260881", "1e5", "1.50", "-0", "12345678901234567890123"),
    *("NaN", "nan", "NA", "null", "None", "true"),
)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_ids_and_labels_that_look_like_something_else_stay_texts(tmp_path, suffix):
    rows = [(id, "7", f"x{id}") for id in ID_TEXTS]
    # The first rows would have any reader that guesses take all for whole numbers.
    rows = [(str(number), "7", str(number + 1)) for number in range(0, 2000, 2)] + rows
    path = write(tmp_path / f"facts.{suffix}", rows)
    entities = write(tmp_path / f"labels.{suffix}", [(s, s) for s, _, _ in rows], ("entity", "label"))
    source = read(path, properties=["7"], entities=entities)
    assert source.triples.rows() == rows
    assert labels(source) == {id: id for id, _, _ in rows}


def test_numbers_in_json_are_read_as_they_are_written(tmp_path):
    path = tmp_path / "facts.jsonl"
    numbers = ["17", "1e5", "1.50", "12345678901234567890123", "-3", "true"]
    path.write_text("".join(f'{{"subject": {n}, "property": 7, "object": "b"}}\n' for n in numbers))
    assert [row[0] for row in read(path, properties=["7"]).triples.rows()] == numbers
    with path.open("a") as file:
        file.write('{"subject": 0017, "property": 7, "object": "b"}\n')
    with pytest.raises(ValueError, match=r"line 7 of .*no JSON"):
        read(path, properties=["7"])


def test_whole_numbers_that_a_table_holds_as_fractions_are_read_as_whole_ones(tmp_path):
    path = tmp_path / "facts.parquet"
    frame = pl.DataFrame({"subject": [17.0, 260881.0], "property": [7.0, 7.0], "object": [1, 2]})
    frame.write_parquet(path)
    assert read(path, properties=["7"]).triples.rows() == [("17", "7", "1"), ("260881", "7", "2")]


def test_what_is_no_number_in_a_column_of_fractions_is_a_bad_row(tmp_path):
    path = tmp_path / "facts.parquet"
    pl.DataFrame({"subject": [17.0, float("nan")], "property": [7, 7], "object": [1, 2]}).write_parquet(path)
    with pytest.raises(ValueError, match=r"row 2 of .*\(no subject\)"):
        read(path, properties=["7"])
    source = read(path, properties=["7"], on_bad_row="skip")
    assert source.triples.rows() == [("17", "7", "1")]
    assert source.dropped["bad row"] == 1


@pytest.mark.parametrize(
    "values",
    [
        pa.array([5], pa.duration("s")),
        pa.array([b"Q1"], pa.binary()).dictionary_encode(),
        pa.array([["Q1"]], pa.list_(pa.string())),
    ],
)
def test_columns_of_parquet_that_hold_no_texts_are_named(tmp_path, values):
    path = tmp_path / "facts.parquet"
    pa.parquet.write_table(pa.table({"subject": values, "property": ["P40"], "object": ["Q2"]}), path)
    with pytest.raises(ValueError, match=r"facts\.parquet: subject \(.*expected columns of strings"):
        read(path)


def test_a_dictionary_of_texts_in_parquet_is_read(tmp_path):
    path = tmp_path / "facts.parquet"
    subject = pa.array(["Q1"]).dictionary_encode()
    pa.parquet.write_table(pa.table({"subject": subject, "property": ["P40"], "object": [b"Q2"]}), path)
    assert read(path).triples.rows() == [("Q1", "P40", "Q2")]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"en": "Ann", "de": "Anna"}, r"the key label: Q1 has the keys 'en, de'.*entity_columns\.label=en"),
        (["Ann", "Anna"], r"that of Q1 is a list, \['Ann', 'Anna'\]\. Write one label"),
        ({"label": {"en": "Ann"}}, r"under the key label: Q1 has the keys 'label'\. Write id -> label"),
    ],
)
def test_labels_in_json_that_stand_elsewhere_are_pointed_to(tmp_path, value, message):
    facts, path = write(tmp_path / "train.txt", ROWS, None), tmp_path / "entities.json"
    path.write_text(json.dumps({"Q1": value, "Q2": None}))
    with pytest.raises(ValueError, match=rf"entities\.json: no entity has a .*{message}"):
        read(facts, entities=path)
    path.write_text(json.dumps({"Q1": value, "Q2": "Ben"}))
    assert labels(read(facts, entities=path)) == {"Q2": "Ben"}
    path.write_text(json.dumps({"Q1": {"label": None}}))
    assert labels(read(facts, entities=path)) == {}
    path.write_text(json.dumps({"Q1": {"en": "Ann"}}))
    assert labels(read(facts, entities=path, entity_columns={"label": "en"})) == {"Q1": "Ann"}
