"""``relsym predict``: pairs of one's own, on the command line and in tables."""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from frozen_jobs import trained
from parameters import first_fast
from relsym import SymmetryModel
from relsym.app.earlier_run import load_run
from relsym.app.predict.abstention import Abstention, _without_new_relations, calibrated
from relsym.app.predict.pair_table import Wanted
from relsym.app.predict.parquet_table import ParquetTable
from relsym.app.predict.text_table import CsvTable, JsonTable, TsvTable
from relsym.app.texts_behind_dashes import texts_behind_dashes
from relsym.encoders.encoder import Encoder
from relsym.evaluation.conformal import Kept
from relsym.models.run import RunModel
from relsym.runs.results import read_results

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
PAIRS = [
    ("Ann is married to Bo.", "Bo is married to Ann."),
    ('Ann calls Bo "dad", often.', "Bo calls Ann\ndad."),
    ("=Ann is Bo's mother", "Bo is Ann's mother; é"),
]
WANTED = Wanted("premise", "hypothesis", ("label", "p_yes", "p_no"))
ANSWERS = {"label": ["yes", "no", "yes"], "p_yes": [0.75, 0.1, 1.0], "p_no": [0.25, 0.9, 0.0]}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run of k-NN."""
    return trained(tmp_path_factory.mktemp("run") / "knn")


def texts_of(kind: str, end: str, last_end: bool, mark: bytes) -> bytes:
    """A table of ``PAIRS`` with further columns, and a blank line in it."""
    pairs = PAIRS if kind != "tsv" else [tuple(text.replace("\n", " ") for text in pair) for pair in PAIRS]
    delimiter = {"semicolons": ";", "tabs": "\t"}.get(kind, ",")
    lines = []
    if kind == "jsonl":
        for number, (premise, hypothesis) in enumerate(pairs):
            lines.append(
                f'{{ "id":{number}.50,"premise" : {json.dumps(premise)},'
                f'"more": [1, {{"a": 2}}], "hypothesis":{json.dumps(hypothesis)} }} '
            )
    elif kind == "tsv":
        lines = ["id\tpremise\t hypothesis \thypothesis"]
        lines += [
            f"0{number}\t{premise}\t\t{hypothesis}" for number, (premise, hypothesis) in enumerate(pairs)
        ]
    else:
        rows = io.StringIO()
        writer = csv.writer(rows, delimiter=delimiter, lineterminator="\r\n")
        for number, pair in enumerate(pairs):
            writer.writerow([f"0{number}", *pair])
        # The quotes of a cell that needs none stay too.
        lines = [f'"id"{delimiter}premise{delimiter}"hypothesis"', *rows.getvalue().split("\r\n")[:-1]]
    lines.insert(2, "")
    return mark + (end.join(lines) + end * last_end).encode()


TABLES = {"csv": CsvTable, "semicolons": CsvTable, "tabs": CsvTable, "tsv": TsvTable, "jsonl": JsonTable}


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8], ids=["plain", "marked"])
@pytest.mark.parametrize("last_end", [True, False], ids=["ended", "cut"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"], ids=["lf", "crlf", "crcrlf"])
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_what_stood_in_a_text_stays_byte_for_byte(tmp_path, kind, end, last_end, mark, size):
    path, out = tmp_path / "in", tmp_path / "out"
    content = texts_of(kind, end, last_end, mark)
    path.write_bytes(content)
    table = TABLES[kind](path, WANTED)
    parts = list(table.parts(size, "reading"))
    rows = [row for part in parts for row in part.rows]
    expected = PAIRS if kind != "tsv" else [(one, other.replace("\n", " ")) for one, other in PAIRS]
    assert [(row.premise, row.hypothesis) for row in rows] == expected
    answered, before = [], 0
    for part in parts:
        until = before + len(part.rows)
        answered.append((part, {name: values[before:until] for name, values in ANSWERS.items()}))
        before = until
    table.write(out, answered)
    # Without what was added, it is what it was.
    added = [f"{label}{{0}}{yes:.6g}{{0}}{no:.6g}" for label, yes, no in zip(*ANSWERS.values(), strict=True)]
    delimiter = {"semicolons": ";", "tabs": "\t", "tsv": "\t"}.get(kind, ",")
    cells = [f"{delimiter}{text.format(delimiter)}" for text in ("label{0}p_yes{0}p_no", *added)]
    if kind == "jsonl":
        keys = zip(*ANSWERS.values(), strict=True)
        cells = [f', "label": "{label}", "p_yes": {yes}, "p_no": {no}' for label, yes, no in keys]
    written = out.read_bytes().decode()
    for cell in cells:
        assert written.count(cell) >= 1
        written = written.replace(cell, "", 1)
    assert written.encode() == content
    # And what was added stands in the row that it is about.
    assert answers_in(kind, out) == list(zip(*ANSWERS.values(), strict=True))


def answers_in(kind: str, path: Path) -> list[tuple]:
    """The columns that were added, row for row, by another reader."""
    text = path.read_bytes().decode("utf-8-sig")
    if kind == "jsonl":
        objects = [json.loads(line) for line in text.split("\n") if line.strip()]
        return [tuple(value[name] for name in ANSWERS) for value in objects]
    if kind == "tsv":
        rows = [line.strip("\r").split("\t") for line in text.split("\n") if line.strip()]
    else:
        delimiter = {"semicolons": ";", "tabs": "\t"}.get(kind, ",")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    assert [row[1] for row in rows[1:]] == [premise for premise, _ in PAIRS]
    return [(label, float(yes), float(no)) for *_, label, yes, no in rows[1:]]


def test_premise_and_hypothesis_may_be_one_column(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("a,b\nA is B.,x\n")
    [part] = CsvTable(path, Wanted("a", "a", ("label",))).parts(5, "reading")
    assert [(row.premise, row.hypothesis) for row in part.rows] == [("A is B.", "A is B.")]


def test_cells_that_are_formulas_get_an_apostrophe_on_demand(tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    cells = [["-1.5", "=A", "x\r\ny \u200fz"], ["+x;=1", "\tA", "@B"], ["a;=1", "\uff1dA", " -B"]]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "premise", "hypothesis"], *cells])
    table = CsvTable(path, WANTED, safe=True)
    [part] = table.parts(10, "reading")
    table.write(out, [(part, ANSWERS)])
    text = out.read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["id", "premise", "hypothesis", "label", "p_yes", "p_no"]
    # A number is none, and no other letter changes.
    assert rows[1][:3] == ["-1.5", "'=A", "x\r\ny \u200fz"]
    assert rows[2][:3] == ["'+x;=1", "'\tA", "'@B"]
    assert rows[3][:3] == ["a;=1", "'\uff1dA", "' -B"]
    assert '"a;=1"' in text  # for a spreadsheet that parts cells by semicolons


def test_columns_of_parquet_keep_their_types(tmp_path):
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    premises, hypotheses = zip(*PAIRS, strict=True)
    columns = {
        "when": pa.array([1, None, 3], pa.timestamp("us", "UTC")),
        "premise": pa.array(premises).dictionary_encode(),
        "hypothesis": pa.array(hypotheses, pa.large_string()),
        "nested": pa.array([{"a": [1]}, None, {"a": []}]),
    }
    before = pa.table(columns).replace_schema_metadata({"whose": "mine"})
    pq.write_table(before, path, compression="zstd")
    table = ParquetTable(path, WANTED)
    parts = list(table.parts(2, "reading"))
    answered = [(parts[0], {name: values[:2] for name, values in ANSWERS.items()})]
    answered.append((parts[1], {name: values[2:] for name, values in ANSWERS.items()}))
    table.write(out, answered)
    after = pq.read_table(out)
    assert after.select(before.column_names).equals(before)
    assert after.schema.metadata[b"whose"] == b"mine"
    assert after.select(list(ANSWERS)).to_pydict() == ANSWERS
    assert pq.read_metadata(out).row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("place", [20, 60, 200])
def test_damaged_parquet_names_the_file(tmp_path, place):
    path = tmp_path / "in.parquet"
    columns = {name: [f"{name} {row}" for row in range(500)] for name in ("premise", "hypothesis")}
    pq.write_table(pa.table(columns), path, use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[place : place + 60] = b"\xff" * 60
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"in\.parquet: damaged after row 0"):
        list(ParquetTable(path, WANTED).parts(1000, "reading"))


FAULTY = [
    ("in.csv", b"", "the file is empty"),
    ("in.csv", b"premise,hypothesis\n", "holds no pair"),
    ("in.csv", b"premise,text\na,b\n", "no column named hypothesis, but premise, text"),
    ("in.csv", b"premise,premise,hypothesis\na,b,c\n", "2 columns named premise"),
    ("in.csv", b"premise,hypothesis,label\na,b,c\n", "has a column label already"),
    ("in.csv", b"premise,hypothesis\na,b\nc\n", "line 3 of {path}: 1 fields, and the first line names 2"),
    ("in.csv", b'premise,hypothesis\na,"b"c\n', "line 2 of {path}: no row of CSV"),
    ("in.csv", b'premise,hypothesis\na,"b\n', "a quoted field is never closed"),
    ("in.csv", b"premise,hypothesis\na,\n", "line 2 of {path}: hypothesis is empty"),
    ("in.csv", b"premise,hypothesis\na,b\xff\n", "line 2 of {path}: not UTF-8"),
    ("in.csv", b"premise,hypothesis\ra,b\r", "its lines end with a carriage return alone"),
    ("in.csv", b"premise,hypothesis\na\0,b\n", "line 2 of {path}: premise holds a NUL character"),
    ("in.csv", "premise,hypothesis\na,b\n".encode("utf-16"), "in utf-16-le, and answers are added to UTF-8"),
    ("in.tsv", b"premise\thypothesis\na\tb\tc\n", "line 2 of {path}: 3 fields"),
    ("in.tsv", b"premise\thypothesis\n\t\na\tb\n", "line 2 of {path}: premise is empty"),
    ("in.jsonl", b'{"premise": "a", "hypothesis": "b"}\n{"premise": "a"}\n', "line 2 of {path}: no column"),
    ("in.jsonl", b'{"premise": "a", "hypothesis": 3}\n', "line 1 of {path}: hypothesis is no text, but 3"),
    ("in.jsonl", b'{"premise": "a", "hypothesis": ["b"]}\n', "line 1 of {path}: hypothesis is no text"),
    ("in.jsonl", b'{"premise": "a", "hypothesis": "\\ud800"}\n', "half a pair of surrogates"),
    ("in.jsonl", b'{"premise": "a", "premise": "a", "hypothesis": "b"}\n', "2 columns named premise"),
    ("in.jsonl", b"[1]\n", "line 1 of {path}: expected a JSON object"),
    ("in.jsonl", b"{\n", "line 1 of {path}: no JSON"),
    ("in.parquet", b"PAR1", "no readable Parquet file"),
    ("in.xlsx", b"PK", "packed (.xlsx)"),
    ("in.doc", b"a", "no table by its name"),
    ("in.csv.gz", b"a", "packed (.gz), and answers are added to plain files"),
    ("in.tgz", b"a", "packed (.tgz)"),
]


@pytest.mark.parametrize(("name", "content", "message"), FAULTY)
def test_a_faulty_table_is_one_message_and_leaves_nothing(relsym, run, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    out = tmp_path / name.replace("in", "out")
    ended = relsym("predict", f"model.folder={run}", f"input={path}", f"output={out}")
    assert ended.code == 1
    assert message.format(path=path) in ended.err.replace("\n", " ").replace("relsym: error: ", "")
    assert "Traceback" not in ended.err
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((), "nothing to answer: relsym predict -- 'PREMISE' 'HYPOTHESIS'"),
        (("input=in.csv",), "output is not set"),
        (("input=none.csv", "output=out.csv"), "input=none.csv: no such file"),
        (("input=in.csv", "output=none/out.csv"), "there is no folder none"),
        (("input=in.csv", "output=in.csv"), "is there already, and nothing is overwritten"),
        (("input=in.csv", "output=out.jsonl"), "the answers stand beside what the input has, so it is csv"),
        (("input=-", "output=out.csv"), "pass predict.format=csv, tsv or jsonl"),
        (("input=-", "output=-", "predict.format=parquet"), "a stream has none"),
        (("input=in.csv", "output=-", "predict.format=parquet"), "Parquet is no text"),
        (("input=in.csv", "output=-", "predict.premise=P"), "no column named P, but premise, hypothesis"),
        (
            ("input=in.csv", "output=-", "model.folder=null", "predict.coverage=0.9"),
            "the run that relsym comes with has not with it",
        ),
        (
            ("input=in.csv", "output=-", "model.folder=null", "model.trust_remote_code=true"),
            "code is trusted only in a run that is named",
        ),
        (("input=in.csv", "output=out.csv", "model.folder=none"), "model.folder=none: no finished run there"),
        (("input=in.jsonl", "output=-", "predict.safe_csv=true"), "is for CSV, and this is jsonl"),
        (
            ("input=in.csv", "output=out.csv", "hydra.run.dir=X"),
            "this command fills no run folder. Pass output=FILE",
        ),
        (("input=in.csv", "output=out.csv", "-m"), "does one thing at a time"),
        (("--", "one"), "1 texts behind --: expected a premise and a hypothesis"),
        (("input=in.csv", "--", "one", "two"), "a pair stands behind --"),
        (("--", "one", " "), "behind --: the hypothesis is empty"),
        (("predict.premis=a",), "predict.premise"),
        (("predict.cache=none/x", "--", "one", "two"), "predict.cache=none/x: there is no folder none"),
        (("input=in.csv", "output=-", "predict.cache=in.csv"), "is the input or the output too"),
        (("predict.cache=in.jsonl", "--", "one", "two"), "in.jsonl: cannot be used as a cache of vectors"),
    ],
)
def test_options_that_do_not_work_get_one_message(relsym, run, tmp_path, monkeypatch, overrides, message):
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("premise,hypothesis\na,b\n")
    Path("in.jsonl").write_text("{}\n")
    ended = relsym("predict", f"model.folder={run}", *overrides)
    assert ended.code == 1
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert sorted(os.listdir()) == ["in.csv", "in.jsonl"]


def test_a_pair_on_the_command_line_is_answered_as_in_python(relsym, run):
    model = SymmetryModel.load(run)
    for pair in (*PAIRS, ("${seed} of A, {b}: c=d", "--help")):
        ended = relsym("predict", f"model.folder={run}", "--", *pair)
        assert ended.code == 0, ended.err
        explanation = model.explain(pair)
        neighbours = " ".join(explanation.neighbours)
        assert ended.out == f"{explanation.label}\nread off {explanation.reading}\nthese are {neighbours}\n"


def test_only_the_first_dashes_part_texts_from_options():
    assert texts_behind_dashes(["a=1", "--", "x", "--", "y"]) == (["a=1"], ["x", "--", "y"])
    assert texts_behind_dashes(["a=1"]) == (["a=1"], None)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_table_is_answered_as_in_python_row_for_row(relsym, run, tmp_path, kind):
    predictions = pl.read_parquet(run / "predictions.parquet").select("premise", "hypothesis", "prediction")
    table = pl.concat([predictions, predictions[:3]])  # the same texts again
    path, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    write = {"csv": table.write_csv, "jsonl": table.write_ndjson, "parquet": table.write_parquet}
    write[kind](path)
    ended = relsym("predict", f"model.folder={run}", f"input={path}", f"output={out}", "shard_rows=7")
    assert ended.code == 0, ended.err
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}
    answered = read[kind](out)
    added = ["label", "p_entailment", "p_contradiction", "distance", "neighbours"]
    assert answered.columns == [*table.columns, *added]
    assert answered.select(table.columns).equals(table)
    assert answered["label"].to_list() == table["prediction"].to_list()
    model = SymmetryModel.load(run)
    scores = model.predict_proba(list(table.select("premise", "hypothesis").iter_rows()))
    assert answered.select("p_entailment", "p_contradiction").to_numpy() == pytest.approx(scores, abs=1e-6)
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name, out.name]
    assert f"{len(table)} pairs in" in ended.out
    assert f"Written to {out}" in ended.out


def test_scores_that_are_no_probabilities_are_not_called_so_and_names_may_begin_otherwise(
    relsym, quick, tmp_path
):
    assert relsym("train", *quick, "objective=random_label").code == 0
    path, out = tmp_path / "in.tsv", tmp_path / "out.tsv"
    path.write_text("label\ta\tb\nx\tA is B.\tB is A.\n")
    columns = ("predict.premise=a", "predict.hypothesis=b", "predict.prefix=r_")
    folder = f"model.folder={tmp_path / 'run'}"
    assert relsym("predict", folder, f"input={path}", f"output={out}", *columns).code == 0
    header, [*_, entailment, contradiction, distance] = (
        line.split("\t") for line in out.read_text().splitlines()
    )
    assert header[3:] == ["r_label", "r_score_entailment", "r_score_contradiction", "r_distance"]
    # Of label embeddings a score is minus the distance.
    assert float(distance) == -max(float(entailment), float(contradiction)) > 0


def test_the_training_pairs_that_voted_are_named(relsym, run, tmp_path):
    memory = pl.read_parquet(run / "memory.parquet")
    assert memory.columns == ["pair_id", "property", "form", "premise", "hypothesis", "label"]
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    memory.rename({"label": "of_training"}).write_parquet(path)
    ended = relsym("predict", f"model.folder={run}", f"input={path}", f"output={out}")
    assert ended.code == 0, ended.err
    answered = pl.read_parquet(out)
    k = SymmetryModel.load(run).run.probe.k
    label_of = dict(memory.select("pair_id", "label").iter_rows())
    for line in answered.iter_rows(named=True):
        neighbours = line["neighbours"].split(" ")
        assert len(neighbours) == k  # a pair that trained with names and with ids counts twice
        # A training pair is its own nearest neighbour, and the votes are those that the shares count.
        assert neighbours[0] == line["pair_id"]
        assert line["distance"] == pytest.approx(0, abs=1e-6)
        votes = [label_of[neighbour] for neighbour in neighbours]
        assert votes.count("entailment") / k == pytest.approx(line["p_entailment"])


def test_a_run_without_the_ids_of_its_training_pairs_answers_without_neighbours(relsym, run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "memory.parquet").unlink()
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("premise,hypothesis\nA is B.,B is A.\n")
    assert relsym("predict", f"model.folder={copy}", f"input={path}", f"output={out}").code == 0
    assert pl.read_csv(out).columns[2:] == ["label", "p_entailment", "p_contradiction", "distance"]
    explanation = SymmetryModel.load(copy).explain(PAIRS[0])
    assert explanation.neighbours == ()
    assert explanation.distance == SymmetryModel.load(run).explain(PAIRS[0]).distance
    for content, message in (
        (b"PAR1", "damaged. Delete it to go without the ids of training pairs"),
        (None, "names 3 training pairs, and they are not the 8 that are kept beside it"),
    ):
        if content is None:
            pl.read_parquet(run / "memory.parquet")[:3].write_parquet(copy / "memory.parquet")
        else:
            (copy / "memory.parquet").write_bytes(content)
        ended = relsym("predict", f"model.folder={copy}", "--", *PAIRS[0])
        assert ended.code == 1
        assert message in ended.err


def test_a_text_is_encoded_once_over_calls_with_a_cache(relsym, run, tmp_path, monkeypatch):
    path, cache = tmp_path / "in.csv", tmp_path / "vectors.db"
    path.write_text("premise,hypothesis\n" + "".join(f"A{row} is B.,B is A{row}.\n" for row in range(10)))
    words = ("predict", f"model.folder={run}", f"input={path}", "shard_rows=4")
    assert relsym(*words, f"output={tmp_path / 'without.csv'}").code == 0
    assert relsym(*words, f"output={tmp_path / 'first.csv'}", f"predict.cache={cache}").code == 0
    encoded: list[str] = []
    monkeypatch.setattr(
        Encoder, "raw_vectors", lambda self, texts, *others, **more: encoded.extend(texts) or Ellipsis
    )
    assert relsym(*words, f"output={tmp_path / 'second.csv'}", f"predict.cache={cache}").code == 0
    assert encoded == []
    monkeypatch.undo()
    path.write_text(path.read_text() + "A0 is B.,new\n")
    encode = Encoder.raw_vectors

    def counted(self, texts, *others, **more):
        encoded.extend(texts)
        return encode(self, texts, *others, **more)

    monkeypatch.setattr(Encoder, "raw_vectors", counted)
    assert relsym(*words, f"output={tmp_path / 'third.csv'}", f"predict.cache={cache}").code == 0
    assert encoded == ["new"]
    without = (tmp_path / "without.csv").read_text()
    assert (tmp_path / "first.csv").read_text() == without
    assert (tmp_path / "second.csv").read_text() == without
    assert (tmp_path / "third.csv").read_text().startswith(without)


@pytest.mark.parametrize("stop", first_fast([0, 1, 4]))
def test_a_call_that_was_stopped_goes_on(relsym, run, tmp_path, monkeypatch, stop):
    path, out, whole = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "whole.csv"
    path.write_text("premise,hypothesis\n" + "".join(f"A{row} is B.,B is A{row}.\n" for row in range(10)))
    words = ("predict", f"model.folder={run}", f"input={path}", "shard_rows=2")
    assert relsym(*words, f"output={whole}").code == 0
    measured = []
    measure = RunModel.measure

    def counted(self, rows, advance=lambda count: None):
        if len(measured) == stop:
            raise KeyboardInterrupt
        measured.append(len(rows))
        return measure(self, rows, advance)

    with monkeypatch.context() as patched:
        patched.setattr(RunModel, "measure", counted)
        assert relsym(*words, f"output={out}").code == 130
    assert not out.exists()
    assert len(measured) == stop
    # Nothing goes on from it that would have other answers.
    other = tmp_path / "other.csv"
    other.write_text("premise,hypothesis\na,b\n")
    of_another = (
        (f"input={other}",),
        ("precision=bf16",),
        ("predict.premise=hypothesis",),
        ("shard_rows=3",),
    )
    for change in of_another:
        refused = relsym(*words, f"output={out}", *change)
        assert "choose another output" in refused.err, change
    measured.clear()
    monkeypatch.setattr(
        RunModel, "measure", lambda self, rows, advance: measured.append(1) or measure(self, rows, advance)
    )
    assert relsym(*words, f"output={out}").code == 0
    assert len(measured) == 5 - stop
    assert out.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "out.csv.partial").exists()


def test_nothing_that_lies_beside_the_output_is_touched(relsym, run, tmp_path):
    path, out = tmp_path / "partial.out.csv", tmp_path / "out.csv"
    path.write_text("premise,hypothesis\na,b\n")
    words = ("predict", f"model.folder={run}", f"input={path}", f"output={out}")
    notes = tmp_path / "out.csv.partial" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    ended = relsym(*words)
    assert ended.code == 1
    assert "holds something else (notes.txt)" in ended.err
    assert sorted(file.name for file in notes.parent.iterdir()) == ["notes.txt"]
    notes.unlink()
    assert relsym(*words).code == 0
    assert path.read_text() == "premise,hypothesis\na,b\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.csv", "partial.out.csv"]


def test_an_output_that_came_meanwhile_is_kept(relsym, run, tmp_path, monkeypatch):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("premise,hypothesis\na,b\n")
    measure = RunModel.measure

    def meanwhile(self, rows, advance):
        out.write_text("of another call")
        return measure(self, rows, advance)

    monkeypatch.setattr(RunModel, "measure", meanwhile)
    ended = relsym("predict", f"model.folder={run}", f"input={path}", f"output={out}")
    assert ended.code == 1
    assert "is there already" in ended.err
    assert out.read_text() == "of another call"


def test_two_calls_do_not_write_one_output(relsym, run, tmp_path, occupied):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("premise,hypothesis\na,b\n")
    with occupied(tmp_path / "out.csv.partial"):
        ended = relsym("predict", f"model.folder={run}", f"input={path}", f"output={out}")
    assert ended.code == 1
    assert "another process writes there" in ended.err
    assert "choose another output" in ended.err


@pytest.mark.slow
def test_from_standard_input_to_standard_output_whatever_the_reader_does(run, tmp_path):
    command = [sys.executable, "-m", "relsym", "predict", f"model.folder={run}", "input=-", "output=-"]
    # A text that is cut is warned about, but not in the table.
    rows = texts_of("csv", "\r\n", False, b"") + b"\r\n3," + b"word " * 300 + b",b"
    piped = subprocess.run([*command, "predict.format=csv"], input=rows, capture_output=True, check=True)
    assert b"may be cut" in piped.stderr
    assert b"4 pairs in" in piped.stderr
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_bytes(rows)
    subprocess.run([*command[:-2], f"input={path}", f"output={out}"], check=True, capture_output=True)
    assert piped.stdout == out.read_bytes()
    added = b"label,p_entailment,p_contradiction,distance,neighbours"
    assert piped.stdout.startswith(b'"id",premise,"hypothesis",' + added + b"\r\n")
    with subprocess.Popen(
        [*command, "predict.format=csv", "shard_rows=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as reader:
        reader.stdout.close()  # before anything is written
        reader.stdin.write(rows)
        reader.stdin.close()
        err = reader.stderr.read()
    assert reader.returncode == 0, err
    assert b"Traceback" not in err


@pytest.mark.slow
def test_a_call_that_was_killed_leaves_no_half_table(run, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("premise,hypothesis\n" + "".join(f"A{row} is B.,B is A{row}.\n" for row in range(20_000)))
    words = [f"model.folder={run}", f"input={path}", f"output={out}", "shard_rows=100"]
    command = [sys.executable, "-m", "relsym", "predict", *words]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shards = tmp_path / "out.csv.partial" / "shards"
    deadline = time.monotonic() + 120
    while len(list(shards.glob("*.parquet"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not out.exists()
    subprocess.run(command, check=True, capture_output=True)
    assert len(out.read_text().splitlines()) == 20_001
    assert sorted(file.name for file in tmp_path.iterdir()) == ["in.csv", "out.csv"]


# --- abstention


def test_a_table_says_where_the_run_abstains(relsym, run, tmp_path):
    pairs = pl.read_parquet(run / "predictions.parquet").filter(form="lexicalised")
    pairs = pairs.select("premise", "hypothesis", "label")
    path, out = tmp_path / "pairs.csv", tmp_path / "answers.csv"
    pairs.rename({"label": "gold"}).write_csv(path)
    words = (f"model.folder={run}", f"input={path}", f"output={out}")
    ended = relsym("predict", *words, "predict.coverage=0.6")
    assert ended.code == 0, ended.err
    assert f"calibrated on {pairs.height} of the rows that the run was scored on" in ended.out
    assert "on relations that it never saw " in ended.out
    answers = pl.read_csv(out)
    assert answers.columns[-1] == "abstained"
    # The rows calibrate themselves here: with k = 1 a row's nonconformity is -1 or 1.
    right = (answers["label"] == answers["gold"]).sum()
    asked = int(np.ceil((pairs.height + 1) * 0.6))
    assert answers["abstained"].to_list() == [right < asked] * pairs.height


def test_a_pair_says_whether_the_run_abstains(relsym, run):
    words = (f"model.folder={run}", "predict.coverage=0.6")
    ended = relsym("predict", *words, "--", "A borders B.", "B borders A.")
    assert ended.code == 0, ended.err
    assert "abstain" in ended.out.splitlines()[3]
    assert "predict.coverage=0.6, calibrated on" in ended.out


def test_too_much_coverage_for_the_rows_is_refused(relsym, run, tmp_path):
    ended = relsym("predict", f"model.folder={run}", "predict.coverage=0.999", "--", "a", "b")
    assert ended.code == 1
    assert "scored on are too few for it: at most 0." in ended.err
    ended = relsym("predict", f"model.folder={run}", "predict.coverage=1", "--", "a", "b")
    assert ended.code == 1
    assert "predict.coverage" in ended.err


def test_coverage_of_relations_that_did_not_train_is_told_apart(relsym, tmp_path):
    folder = tmp_path / "bank"
    small = ("model=tiny", "tracking=csv", "data=relations", "data.samples=54", "data.test_pairs=96")
    ended = relsym(
        "train", *small, "objective=fixed_label", "training.max_steps=1", f"hydra.run.dir={folder}"
    )
    assert ended.code == 0, ended.err
    model = load_run(str(folder), None, "cpu")
    abstention = calibrated(model, 0.8)
    assert abstention.on_relations is not None
    scored = pl.read_parquet(folder / "predictions.parquet").filter(form="lexicalised")
    assert abstention.on_relations.rows == abstention.rows == scored.height
    assert abstention.on_relations.groups == scored["property"].n_unique()
    assert "on relations that it never saw the label is held possible in" in abstention.account()


def test_why_nothing_is_known_of_new_relations_is_said(run):
    results = read_results(run / "results.json")
    known = pl.Series("property", [], pl.String)
    without = {
        "had trained it": _without_new_relations(results, known),
        "one of them alone": _without_new_relations(results, pl.Series(["P1", "P1"])),
        "not recorded": _without_new_relations(replace(results, train_properties=None), known),
    }
    for words, told_why in without.items():
        assert words in told_why
    assert _without_new_relations(results, pl.Series(["P1", "P2"])) == ""


@pytest.mark.parametrize(
    ("promise", "words"),
    [
        (
            Kept(0.80, 0.1, 0.7, 1000, 500),
            "10.0 % are abstained from, and of those answered 70.0 % are right. THE PROMISE IS NOT KEPT",
        ),
        (Kept(0.94, 1.0, None, 1000, 500), "none are answered."),
        (Kept(0.90, 0.1, 0.9, 1000, 4), "4 relations are too few to tell whether the promise is kept"),
        (None, "on relations that it never saw nothing is known: because."),
    ],
)
def test_the_account_says_whether_the_promise_was_kept(promise, words):
    assert words in Abstention(0.95, 0.0, 1000, promise, promise, "because").account()


def test_rows_that_are_gone_calibrate_nothing(run, tmp_path):
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy" / "predictions.parquet").unlink()
    with pytest.raises(ValueError, match=r"predictions.parquet is not there, whose rows predict.coverage"):
        calibrated(load_run(str(tmp_path / "copy"), None, "cpu"), 0.8)
