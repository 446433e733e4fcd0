"""Which rows of an NLI set are read: known ragged layouts are read right, any other row is bad, and no row is
shifted, or lost without a count.
"""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from relsym.data.pairs import Row
from relsym.data.sources.nli import NliSource
from relsym.data.sources.nli_labels import Meanings
from relsym.runs.identity import computed

SENTENCES = "sentence1\tsentence2"
# The layouts of SNLI and MNLI in GLUE: one annotator in the training part, five in the others, the gold label
# last.
GLUE = {
    11: "index\tcaptionID\tpairID\tparse1\tparse2\ttree1\ttree2\t" + SENTENCES + "\tlabel1\tgold_label",
    12: "index\tpromptID\tpairID\tgenre\tparse1\tparse2\ttree1\ttree2\t" + SENTENCES + "\tlabel1\tgold_label",
    16: "index\tpromptID\tpairID\tgenre\tparse1\tparse2\ttree1\ttree2\t"
    + SENTENCES
    + "\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label",
}
# The original layout, with the gold label first.
ORIGINAL = (
    "gold_label\tparse1\tparse2\ttree1\ttree2\t"
    + SENTENCES
    + ("\tcaptionID\tpairID\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5")
)
ROLES = ("premise", "hypothesis", "label")
PLAIN = "\t".join(ROLES)
GOOD = ("It rains.", "It is wet.", "entailment")
ADVICE = r"Pass data\.on_bad_row=skip to drop and count such rows\.$"


def source(folder: Path, name: str, content: str | bytes, on_bad_row: str = "error", **options) -> NliSource:
    """A set whose two parts are one file."""
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    return NliSource("nli", str(folder), train=name, test=name, on_bad_row=on_bad_row, **options)


def read(
    folder: Path, name: str, content: str | bytes, on_bad_row: str = "error", **options
) -> tuple[list[Row], Counter[str]]:
    """The rows of such a set, and what was counted."""
    counts: Counter[str] = Counter()
    rows = list(source(folder, name, content, on_bad_row, **options).rows("train", counts))
    return rows, counts


def said(rows: list[Row]) -> list[tuple[str, str, str]]:
    return [(row.premise, row.hypothesis, row.label) for row in rows]


def refused_and_skipped(folder: Path, name: str, content: str | bytes, message: str) -> list[Row]:
    """The rows that are left where the one bad row, which is refused with this message, is skipped."""
    with pytest.raises(ValueError, match=message + r"[\s\S]*" + ADVICE):
        read(folder, name, content)
    rows, counts = read(folder, name, content, "skip")
    assert counts["bad row"] == 1
    return rows


def glue_line(width: int, premise: str, hypothesis: str, *labels: str) -> str:
    """A row in one of GLUE's layouts, with these labels at its end."""
    left = GLUE[width].split("\t").index("sentence1")
    return "\t".join([*("x" for _ in range(left)), premise, hypothesis, *labels])


def as_csv(text: str) -> str:
    """Text with tabs as CSV, each field in quotes."""
    lines = []
    for line in text.splitlines():
        fields = [field.replace('"', '""') for field in line.split("\t")]
        lines.append('"' + '","'.join(fields) + '"')
    return "\n".join(lines) + "\n"


# --- ragged layouts that are known


@pytest.mark.parametrize("kind", ["tsv", "csv"])
@pytest.mark.parametrize("width", GLUE)
def test_a_row_with_one_annotator_or_five_has_its_sentences_from_the_left_and_its_gold_label_last(
    tmp_path, width, kind
):
    five = ("neutral", "neutral", "contradiction", "contradiction", "contradiction")
    lines = [
        GLUE[width],
        glue_line(width, 'He said "no", twice', "He spoke.", "neutral", "entailment"),
        glue_line(width, "A dog runs.", "A cat runs.", *five, "contradiction"),
        glue_line(width, "A dog runs.", "It is brown.", "neutral", "", "", "", "", "neutral"),
    ]
    text = "\n".join(lines) + "\n"
    rows, counts = read(tmp_path, f"x.{kind}", as_csv(text) if kind == "csv" else text)
    assert said(rows) == [
        ('He said "no", twice', "He spoke.", "entailment"),
        ("A dog runs.", "A cat runs.", "contradiction"),
        ("A dog runs.", "It is brown.", "neutral"),
    ]
    assert not counts


def test_the_original_layout_may_lack_the_labels_of_annotators_that_a_row_did_not_have(tmp_path):
    left = ("neutral", "p", "p", "t", "t", "A dog runs.", "It is brown.", "3.jpg#1", "3.jpg#1n")
    lines = [ORIGINAL]
    for labels in ((), ("neutral",), ("neutral", "", "", "", ""), ("neutral",) * 5):
        lines.append("\t".join((*left, *labels)))
    rows, _ = read(tmp_path, "x.txt", "\n".join(lines) + "\n")
    assert said(rows) == [("A dog runs.", "It is brown.", "neutral")] * 4


@pytest.mark.parametrize(
    "fields",
    [
        ("A dog", "runs.", "It is brown.", *("neutral",) * 6),
        # As many fields as the header: the tab makes up for an annotator who is missing.
        ("A dog", "runs.", "It is brown.", *("neutral",) * 5),
        ("A dog runs.", "It is", "brown.", *("neutral",) * 6),
        ("A dog runs.", "It is", "brown.", *("neutral",) * 2),
        ("A dog runs.", "\tIt is brown.", *("neutral",) * 6),
    ],
)
@pytest.mark.parametrize("width", GLUE)
def test_a_tab_inside_a_sentence_is_a_bad_row_and_no_sentence(tmp_path, width, fields):
    good = glue_line(width, "A cat runs.", "It is red.", "neutral", "neutral")
    lines = [GLUE[width], good, glue_line(width, *fields), good]
    message = rf"line 3 of .*x\.tsv: expected {width} tab-separated fields .*labels alone.*, got \d+: "
    rows = refused_and_skipped(tmp_path, "x.tsv", "\n".join(lines) + "\n", message)
    assert said(rows) == [("A cat runs.", "It is red.", "neutral")] * 2
    # A row's number is its place in the table, whatever was dropped before it.
    assert [row.pair_id for row in rows] == ["x.tsv:1", "x.tsv:3"]


def test_a_row_without_one_of_its_first_fields_is_not_shifted_by_one(tmp_path):
    whole = glue_line(16, "A dog runs.", "It is brown.", *("neutral",) * 6)
    short = whole.partition("\t")[2]
    rows = refused_and_skipped(tmp_path, "x.tsv", f"{GLUE[16]}\n{whole}\n{short}\n", r"line 3 of .*got 15: ")
    assert said(rows) == [("A dog runs.", "It is brown.", "neutral")]


def test_the_last_annotator_of_a_file_that_was_cut_short_is_not_its_gold_label(tmp_path):
    whole = glue_line(16, "A dog runs.", "It is brown.", *("neutral",) * 6)
    cut = glue_line(16, "A dog runs.", "It is red.", "neutral", "entailment", "neutral")
    rows = refused_and_skipped(tmp_path, "x.tsv", f"{GLUE[16]}\n{whole}\n{cut}", r"line 3 of .*got 13: ")
    assert len(rows) == 1
    # A whole file may end without the end of a line.
    assert len(read(tmp_path, "x.tsv", f"{GLUE[16]}\n{whole}\n{whole}")[0]) == 2


@pytest.mark.parametrize(
    ("header", "line"),
    [
        # Another column follows the annotators', so that a field too many has no certain place.
        ("sentence1\tsentence2\tlabel1\tgold_label\tnote", "a\tb\tneutral\tneutral\tneutral\tneutral"),
        ("sentence1\tlabel1\tsentence2\tgold_label", "a\tneutral\tneutral\tb\tneutral"),
        ("sentence1\tsentence2\tgold_label", "a\tb\tneutral\tneutral"),
        ("sentence1\tsentence2\tgold_label", "a\tb\tneutral\t"),
    ],
)
def test_a_field_too_many_is_a_bad_row_where_the_columns_that_vary_cannot_be_named(tmp_path, header, line):
    good = "\t".join("neutral" for _ in header.split("\t"))
    rows = refused_and_skipped(tmp_path, "x.tsv", f"{header}\n{good}\n{line}\n", r"line 3 of ")
    assert len(rows) == 1


def test_a_column_of_an_annotator_may_be_read_as_the_label_where_all_rows_have_it(tmp_path):
    line = glue_line(16, "A dog runs.", "It is brown.", "neutral", "entailment", *("neutral",) * 4)
    short = glue_line(16, "A dog runs.", "It is brown.", "neutral", "neutral")
    counts: Counter[str] = Counter()
    text = f"{GLUE[16]}\n{line}\n{short}\n"
    rows = source(tmp_path, "x.tsv", text, "skip", columns={"label": "label2"}).rows("train", counts)
    assert said(list(rows)) == [("A dog runs.", "It is brown.", "entailment")]
    assert counts["bad row"] == 1


# --- bad rows in every format


JSON_GOOD = json.dumps(dict(zip(ROLES, GOOD, strict=True)))
LINE_GOOD = "\t".join(GOOD)


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("x.tsv", "a\tb", r"line 3 of .*x\.tsv: expected 3 tab-separated fields, got 2: 'a\\tb'"),
        ("x.tsv", "a\tb\tc\tneutral", r"line 3 of .*, got 4: "),
        ("x.tsv", "\t\t", r"line 3 of .*, got 3: "),
        ("x.csv", "a,b", r"row 3 of .*x\.csv: expected 3 comma-separated fields, got 'a,b'"),
        ("x.csv", "a, b,c,neutral", r"row 3 of .*, got 'a, b,c,neutral'"),
        ("x.csv", '"a, b",c,neutral,', r"row 3 of "),
        ("x.jsonl", '{"premise": "a", "label": "neutral"}', r"line 2 of .*\(no hypothesis\)"),
        ("x.jsonl", '{"premise": "a", "hypothesis": "b"}', r"line 2 of .*\(no label\)"),
        ("x.jsonl", '{"premise": null, "hypothesis": "b", "label": "neutral"}', r"\(no premise\)"),
        ("x.jsonl", '{"premise": "a", "hypothesis": "b", "la', r"line 2 of .*\(no JSON\)"),
        ("x.jsonl", '{"premise": "a", "hypothesis": "b", "label": NaN}', r"line 2 of .*\(no JSON\)"),
        ("x.jsonl", '["a", "b", "neutral"]', r"line 2 of .*\(no object\)"),
        (
            "x.jsonl",
            r'{"premise": "a \ud83c b", "hypothesis": "b", "label": "neutral"}',
            r"line 2 of .*\(\\ud83c is half of a character, a lone surrogate\)",
        ),
        (
            "x.jsonl",
            '{"premise": "a", "hypothesis": "b", "label": "neutral", "q": ' + "[" * 9999 + "]" * 9999 + "}",
            r"line 2 of .*\(no JSON\)",
        ),
    ],
)
def test_a_bad_row_is_refused_with_its_place_or_skipped_with_a_count(tmp_path, name, bad, message):
    good = {
        "tsv": f"{PLAIN}\n{LINE_GOOD}",
        "csv": f"{PLAIN}\n{LINE_GOOD}".replace("\t", ","),
        "jsonl": JSON_GOOD,
    }
    first = good[name.removeprefix("x.")]
    rows = refused_and_skipped(tmp_path, name, f"{first}\n{bad}\n{first.splitlines()[-1]}\n\n", message)
    assert said(rows) == [GOOD, GOOD]


def test_an_object_in_place_of_a_text_is_a_bad_row_and_a_text_that_looks_like_one_is_a_text(tmp_path):
    bracket = json.dumps({"premise": "[laughs] no", "hypothesis": "{b", "label": "neutral"})
    nested = json.dumps({"premise": {"en": "a"}, "hypothesis": "b", "label": "neutral"})
    text = "\n".join([JSON_GOOD] * 120 + [bracket, nested]) + "\n"
    rows = refused_and_skipped(
        tmp_path, "x.jsonl", text, r"line 122 of .*list or an object in place of a text"
    )
    assert said(rows[120:]) == [("[laughs] no", "{b", "neutral")]


def parquet(**columns: list) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def test_a_null_or_bytes_that_are_no_text_are_bad_rows_in_parquet(tmp_path):
    data = parquet(premise=["a", None], hypothesis=["b", "c"], label=["neutral", "neutral"])
    rows = refused_and_skipped(tmp_path, "x.parquet", data, r"row 2 of .*x\.parquet.*\(no premise\)")
    assert said(rows) == [("a", "b", "neutral")]
    data = parquet(premise=[b"a", b"\xff"], hypothesis=["b", "c"], label=["neutral", "neutral"])
    assert said(refused_and_skipped(tmp_path, "x.parquet", data, r"row 2 of ")) == [("a", "b", "neutral")]


def test_a_null_in_a_hub_set_is_a_bad_row_and_a_null_label_is_no_consensus(offline_hub, hub_folder):
    columns = {
        "premise": ["a", None, "c"],
        "hypothesis": ["b", "b", "b"],
        "label": ["neutral", "neutral", None],
    }
    table = pl.DataFrame(columns)
    path = str(hub_folder(train=table, test=table))
    with pytest.raises(ValueError, match=r"row 2 of part train of data\.hub=.*\(no premise\)\. " + ADVICE):
        list(NliSource("nli", hub=path).rows("train", Counter()))
    counts: Counter[str] = Counter()
    rows = list(NliSource("nli", hub=path, on_bad_row="skip").rows("train", counts))
    assert said(rows) == [("a", "b", "neutral")]
    assert counts == {"bad row": 1, "no consensus label": 1}


def test_a_set_of_bad_rows_alone_is_refused_even_if_they_are_skipped(tmp_path):
    with pytest.raises(ValueError, match=r"no row of its 2 is left: 1 are bad rows, 1 have no consensus"):
        read(tmp_path, "x.tsv", f"{PLAIN}\na\tb\na\tb\t-\n", "skip")


def test_on_bad_row_is_one_of_two_words_and_an_error_calls_it_by_its_key(tmp_path):
    with pytest.raises(ValueError, match=r"data\.on_bad_row=keep: expected error or skip"):
        read(tmp_path, "x.tsv", f"{PLAIN}\n{LINE_GOOD}\n", "keep")
    with pytest.raises(ValueError, match=r"Pass forgetting\.on_bad_row=skip"):
        read(tmp_path, "x.tsv", f"{PLAIN}\na\tb\n", on_bad_row_key="forgetting.on_bad_row")


# --- labels


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.tsv", f"{PLAIN}\n{LINE_GOOD}\na\tb\t\na\tb\t \na\tb\t-\n"),
        ("x.csv", 'premise,hypothesis,label\nIt rains.,It is wet.,entailment\na,b,\na,b,""\na,b,-\n'),
        (
            "x.jsonl",
            JSON_GOOD
            + '\n{"premise": "a", "hypothesis": "b", "label": ""}'
            + '\n{"premise": "a", "hypothesis": "b", "label": null}'
            + '\n{"premise": "a", "hypothesis": "b", "label": "-"}\n',
        ),
        (
            "x.parquet",
            parquet(
                premise=["It rains.", *"aaa"],
                hypothesis=["It is wet.", *"bbb"],
                label=["entailment", "", None, "-"],
            ),
        ),
    ],
)
def test_an_empty_label_says_that_there_was_no_consensus_and_is_counted(tmp_path, name, content, caplog):
    with caplog.at_level(logging.INFO):
        rows, counts = read(tmp_path, name, content)
    assert said(rows) == [GOOD]
    assert counts == {"no consensus label": 3}
    assert f"train rows of {tmp_path / name}: 4 (left out: no consensus label: 3)" in caplog.messages


@pytest.mark.parametrize("on_bad_row", ["error", "skip"])
def test_a_label_that_no_set_declares_is_refused_with_its_line_and_as_it_is_written(tmp_path, on_bad_row):
    text = f"{PLAIN}\n{LINE_GOOD}\na\tb\tENTAILED\n"
    with pytest.raises(ValueError, match=r"line 3 of .*x\.tsv: label 'ENTAILED'; expected entailment"):
        read(tmp_path, "x.tsv", text, on_bad_row)
    assert Meanings(None, None, "set").of(" Entailment ") == "entailment"


@pytest.mark.parametrize(
    "described", [b"no JSON", b"[]", b'{"info": []}', b'{"info": {"features": {"label": 1}}}']
)
def test_a_parquet_file_that_describes_itself_wrongly_declares_no_names(tmp_path, described):
    table = pa.table({"premise": ["a"], "hypothesis": ["b"], "label": [0]})
    pq.write_table(table.replace_schema_metadata({b"huggingface": described}), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    with pytest.raises(ValueError, match=r"row 1 of .*x\.parquet: label '0' is a number"):
        read(tmp_path, "x.parquet", content)


# --- headers


def test_a_name_that_two_columns_bear_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"several columns are called premise.*data\.columns"):
        read(tmp_path, "x.tsv", f"{PLAIN}\tpremise\n{LINE_GOOD}\tx\n")


def test_a_part_without_labels_is_refused_by_the_column_that_it_lacks(tmp_path):
    with pytest.raises(ValueError, match=r"no column gold_label: the file has 'index, sentence1, sentence2'"):
        read(tmp_path, "x.tsv", "index\tsentence1\tsentence2\n0\ta\tb\n")


def test_a_byte_order_mark_windows_line_ends_and_blank_last_lines_are_no_part_of_the_rows(tmp_path):
    text = f"{PLAIN}\n{LINE_GOOD}\n\n\n".replace("\n", "\r\n").encode()
    assert said(read(tmp_path, "x.tsv", b"\xef\xbb\xbf" + text)[0]) == [GOOD]
    csv_text = text.replace(b"\t", b",")
    assert said(read(tmp_path, "x.csv", b"\xef\xbb\xbf" + csv_text)[0]) == [GOOD]


# --- in a run


def test_what_becomes_of_bad_nli_rows_is_no_part_of_what_a_run_computes():
    module = {"_target_": "m", "source": {"folder": "a", "on_bad_row": "skip", "on_bad_row_key": "k"}}
    rows = {"folder": "a", "on_bad_row": "skip", "module": module}
    before = {"folder": "a", "module": {"_target_": "m", "source": {"folder": "a"}}}
    assert computed({"data": rows, "forgetting": rows}) == computed({"data": before, "forgetting": before})
    # Triples had the setting from the beginning, so that it is part of their hash.
    triples = {"on_bad_row": "skip", "module": {"benchmark": {}}}
    assert computed({"data": triples})["data"] == triples


CAPTIONS = "gold_label\tsentence1\tsentence2\tcaptionID\tpairID\tlabel1\tlabel2\tlabel3\tlabel4\tlabel5"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        # A tab in the first sentence, and an id that is a number where the labels are letters.
        (CAPTIONS, "entailment\tA man.\twalks\tHe walks.\timg.jpg\t3\te\te\te\te\te"),
        # The second sentence is a word that elsewhere says that there is no label.
        ("index\tsentence1\tsentence2\tlabel1\tgold_label", "0\tAre you\tin\tNone\tentailment\tentailment"),
        ("index\tsentence1\tsentence2\tlabel1\tgold_label", "0\tAre you\tin\te\tentailment\tentailment"),
        ("index\tsentence1\tsentence2\tlabel1\tgold_label", "0\tAre you\tin\t7\tneutral\tneutral"),
    ],
)
@pytest.mark.parametrize("name", ["rows.tsv", "rows.csv"])
def test_labels_of_two_kinds_in_a_row_say_that_its_fields_are_moved(tmp_path, header, row, name):
    text = f"{header}\n{row}\n"
    if name.endswith(".csv"):
        text = text.replace("\t", ",")
    with pytest.raises(ValueError, match=ADVICE):
        read(tmp_path, name, text)


def test_a_comma_that_moves_the_labels_of_a_row_of_the_headers_width_is_noticed(tmp_path):
    header = "gold_label,sentence1,sentence2,pairID,label1,label2"
    text = f"{header}\nentailment,A man, tall,He is tall,7,entailment\n"
    with pytest.raises(ValueError, match=ADVICE):
        read(tmp_path, "rows.csv", text)


@pytest.mark.parametrize(
    "rows",
    [
        # An opening quote that is closed in another row, or before its field ends.
        'A man,"tall man said,entailment\nA dog,"a dog said,neutral\nX,Y,entailment\n',
        'A man,"Stop" he said,entailment\n',
    ],
)
def test_text_behind_a_closing_quote_of_csv_is_refused_and_joins_no_rows(tmp_path, rows):
    with pytest.raises(ValueError, match=r"row 2 of .*rows\.csv: a quote is not closed where its field ends"):
        read(tmp_path, "rows.csv", f"premise,hypothesis,label\n{rows}")


def test_quotes_that_are_doubled_or_inside_a_field_are_read(tmp_path):
    text = 'premise,hypothesis,label\n"He said ""no"".",A 5" disk,neutral\n"a,\nb",It is 5" wide,entailment\n'
    rows, _ = read(tmp_path, "rows.csv", text)
    assert [(row.premise, row.hypothesis) for row in rows] == [
        ('He said "no".', 'A 5" disk'),
        ("a,\nb", 'It is 5" wide'),
    ]


def test_a_key_that_stands_twice_in_a_line_of_json_says_nothing(tmp_path):
    once = '{"premise": "a", "hypothesis": "b", "label": "entailment"}\n'
    twice = '{"premise": "a", "hypothesis": "b", "label": "entailment", "label": "neutral"}\n'
    with pytest.raises(ValueError, match=r"line 2 of .*\(the key label twice\)"):
        read(tmp_path, "rows.jsonl", once + twice)
    inside = '{"premise": "the \\"label\\": x, \\"label\\": y", "hypothesis": "b", "label": "neutral"}\n'
    rows, _ = read(tmp_path, "rows.jsonl", inside)
    assert rows[0].premise == 'the "label": x, "label": y'
