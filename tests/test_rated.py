"""Pairs that people rated: labels by two thresholds, ranks over all of them, and nothing trained on any."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hydra import compose, initialize_config_module

from benchmarks_of import read_option
from models_of import tiny_classifier
from relsym.app.tracking.view import panel
from relsym.app.values.checks import check_composed
from relsym.data.pairs import Row
from relsym.data.rated import RatedData
from relsym.data.sources.rated import checked_scale
from relsym.evaluation.classification import rank_correlation
from relsym.evaluation.score import Scores
from relsym.report.one_run.figure import properties_figure

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
DOCUMENT = (Path(__file__).parent.parent / "docs" / "data-sets.md").read_text(encoding="utf-8")
NAMES = ("premise", "hypothesis", "rating", "verb")
# On a scale from 1 (means the same) to 5: two labels, and one pair between.
SAID = [
    ("Ann met Bo.", "Bo met Ann.", "1.2", "meet"),
    ("Ann hit Bo.", "Bo hit Ann.", "4.6", "hit"),
    ("Ann wed Bo, ä.", "Bo wed Ann.", "2", "meet"),
    ("Ann saw Bo.", "Bo saw Ann.", "3.1", "see"),
    ("Ann ate pie.", "Pie ate Ann.", "4", "hit"),
]
LABELS = ["entailment", "contradiction", "entailment", "", "contradiction"]
FALLING = {"scale": [1, 5], "same": 2, "different": 4}
WORDS = ("data.scale=[1,5]", "data.same=2", "data.different=4")
# Scores by the verb of the premise: met, hit, wed, saw, ate.
SCORES = {"met": 0.9, "hit": 0.2, "wed": 0.6, "saw": 0.6, "ate": 0.3}


def write(path: Path, said: list[tuple[str, ...]] = SAID, names: tuple[str, ...] = NAMES) -> Path:
    """Pairs as a file, in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind == ".parquet":
        pl.DataFrame(said, schema=list(names), orient="row").write_parquet(path)
        return path
    if kind == ".jsonl":
        text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in said)
    elif kind == ".csv":
        plain = path.parent / "plain.csv"
        with plain.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([names, *said])
        text = plain.read_text(encoding="utf-8")
        plain.unlink()
    else:
        text = "".join("\t".join(row) + "\n" for row in [names, *said])
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def rated(file: Path | None, data: str = "rated", **changes: Any) -> RatedData:
    """The option, with ``data.KEY=value`` for each change, read."""
    keys = {"file": None if file is None else str(file)} | changes
    columns = keys.pop("columns", {})
    words = [f"data.{key}={json.dumps(value)}" for key, value in keys.items()]
    words += [f"++data.columns.{role}={name}" for role, name in columns.items()]
    return read_option("evaluate", f"data={data}", *words)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write(tmp_path / "pairs.csv")


@pytest.fixture
def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that answer: ``rater:scores`` and the like."""
    (tmp_path / "rater.py").write_text(
        f"SCORES = {SCORES}\n"
        "import os\ncalls = []\n"
        "def of(premise):\n    return next(score for verb, score in SCORES.items() if verb in premise)\n"
        "def scores(premises, hypotheses):\n    return [of(premise) for premise in premises]\n"
        "def constant(premises, hypotheses):\n    return [0.5] * len(premises)\n"
        "def labels(premises, hypotheses):\n    return ['entailment'] * len(premises)\n"
        "def some(premises, hypotheses):\n    return [None if 'saw' in p else of(p) for p in premises]\n"
        "def stops(premises, hypotheses):\n"
        "    calls.append(len(premises))\n"
        "    if os.environ.get('STOPS') and len(calls) == 3: raise OSError('the model went away')\n"
        "    return [of(premise) for premise in premises]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture
def evaluate(relsym, tmp_path, scores):
    """``relsym evaluate`` on rated pairs, by default with ``rater:scores``."""

    def call(file: Path, *words: str, function: str = "scores", out: str = "out", code: int = 0) -> Any:
        asked = ("model=callable", f"model.function=rater:{function}", "model.batch=2")
        if any(word.startswith("model=") for word in words):
            asked = ()
        on = ("data=rated", f"data.file={file}", *WORDS, "data.columns.property=verb")
        place = ("tracking=csv", f"hydra.run.dir={tmp_path / out}")
        ended = relsym("evaluate", *on, *asked, *place, *words)
        assert ended.code == code, ended.err
        return json.loads((tmp_path / out / "results.json").read_text()) if code == 0 else ended.err

    return call


# --- rows


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.jsonl", "p.parquet", "p.csv.gz", "p.jsonl.gz"])
def test_rows_are_labelled_by_the_thresholds_whatever_the_format(tmp_path, name):
    read = rated(write(tmp_path / name), **FALLING, columns={"property": "verb"})
    [form] = read.score_rows
    assert form == "rated"
    rows = [*read.score_rows[form], *read.unlabelled[form]]
    by_row = sorted(rows, key=lambda row: int(row.pair_id.rpartition(":")[2]))
    assert [(row.premise, row.hypothesis, row.property) for row in by_row] == [
        (premise, hypothesis, verb) for premise, hypothesis, _, verb in SAID
    ]
    assert [row.label for row in by_row] == LABELS
    assert [row.pair_id for row in by_row] == [f"{name}:{number}" for number in range(1, 6)]
    assert {row.form for row in rows} == {"rated"}
    assert [row.label for row in read.unlabelled[form]] == [""]
    assert list(read.ratings.values()) == [1.2, 4.6, 2.0, 3.1, 4.0]
    assert read.counts == {"rated pairs": 5, "entailment": 2, "contradiction": 2, "between": 1}
    assert read.train_rows == []
    assert read.rows_of("validation", None) == {"rated": []}


def test_the_higher_end_may_mean_the_same(tmp_path):
    risen = [
        (premise, hypothesis, str(6 - float(rating)), verb) for premise, hypothesis, rating, verb in SAID
    ]
    read = rated(write(tmp_path / "p.csv", risen), scale=[1, 5], same=4, different=2)
    assert [row.label for row in read.score_rows["rated"]] == [label for label in LABELS if label]
    falling = rated(write(tmp_path / "q.csv"), **FALLING)
    values = list(read.sameness.values())
    assert values == pytest.approx(list(falling.sameness.values()))
    assert max(values) == values[0]


def test_a_rating_on_a_threshold_has_its_label():
    scale = checked_scale([0, 1], 0.1 + 0.2, 0.9)
    assert scale.label_of(0.1 + 0.2) == "entailment"
    assert scale.label_of(0.9) == "contradiction"
    assert scale.label_of(0.5) == ""


def test_the_set_is_called_by_its_title_and_so_is_a_row_without_a_property(tmp_path):
    said = [(*row[:3], "" if row[3] == "hit" else row[3]) for row in SAID]
    read = rated(write(tmp_path / "p.csv", said), **FALLING, title="mine", columns={"property": "verb"})
    assert read.title == "mine"
    assert list(read.score_rows) == list(read.unlabelled) == ["mine"]
    assert Counter(row.property for row in read.score_rows["mine"]) == {"meet": 2, "mine": 2}
    assert rated(tmp_path / "p.csv", **FALLING).score_rows["rated"][0].property == "rated"


def test_the_preset_names_columns_scale_and_thresholds(tmp_path):
    names = ("sentence", "sentence_rev", "sentence average score", "predicate")
    read = rated(write(tmp_path / "sis.csv", names=names), data="sis")
    assert [row.label for row in read.score_rows["sis"]] == [label for label in LABELS if label]
    assert [row.property for row in read.score_rows["sis"]] == ["meet", "hit", "meet", "hit"]


def test_pairs_are_drawn_whatever_their_label(tmp_path):
    said = [(f"{row[0]} {number}", *row[1:]) for number in range(40) for row in SAID]
    file = write(tmp_path / "p.csv", said)
    read, again = rated(file, **FALLING, test_pairs=50), rated(file, **FALLING, test_pairs=50)
    assert len(read.score_rows["rated"]) + len(read.unlabelled["rated"]) == 50
    assert 2 <= len(read.unlabelled["rated"]) <= 25
    assert read.score_rows == again.score_rows
    assert len(read.ratings) == 200
    assert read.content_hash == rated(file, **FALLING).content_hash


def test_the_content_hash_is_of_texts_labels_and_ratings(pairs, tmp_path):
    hashes = {rated(pairs, **FALLING).content_hash, rated(pairs, **{**FALLING, "same": 1.5}).content_hash}
    said = [*SAID[:3], (*SAID[3][:2], "3.2", "see"), SAID[4]]
    hashes.add(rated(write(tmp_path / "other" / "pairs.csv", said), **FALLING).content_hash)
    assert len(hashes) == 3
    same = write(tmp_path / "elsewhere" / "pairs.csv")
    assert rated(same, **FALLING).content_hash == rated(pairs, **FALLING).content_hash


def test_a_real_set_of_graded_symmetry_is_read(real_data):
    file = real_data / "transfer" / "sis.csv"
    if not file.is_file():
        pytest.skip(f"{file}: RELSYM_REAL_DATA names a folder without the SIS set")
    read = rated(file, data="sis")
    assert read.counts == {"rated pairs": 400, "entailment": 249, "contradiction": 84, "between": 67}
    assert Counter(row.label for row in read.score_rows["sis"]) == {"entailment": 249, "contradiction": 84}
    assert len(read.unlabelled["sis"]) == 67
    assert len(read.ratings) == 400
    assert len({row.property for row in read.score_rows["sis"]}) == 40


# --- bad input


def test_a_file_has_to_be_named_and_there(tmp_path):
    for file, message in (
        (None, r"data\.file is not set\. Pass data\.file=PATH"),
        (tmp_path / "none.csv", r"none\.csv: no such file\. Pass data\.file=PATH"),
        (tmp_path, "no such file"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            rated(file, **FALLING)
    (tmp_path / "pairs.xlsx").write_text("a")
    with pytest.raises(ValueError, match=r"pairs\.xlsx: .*expected|pairs\.xlsx: packed"):
        rated(tmp_path / "pairs.xlsx", **FALLING)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": None}, r"data\.scale is not set\. Pass data\.scale=\[LOWEST,HIGHEST\]"),
        ({"scale": [1]}, r"data\.scale=\[1\]: expected two numbers"),
        ({"scale": [5, 1]}, r"data\.scale=\[5,1\]: expected two numbers, the lowest rating and the highest"),
        ({"scale": [1, 1]}, "expected two numbers"),
        ({"same": None}, r"data\.same is not set\. Pass data\.same=RATING"),
        ({"different": None}, r"data\.different is not set"),
        ({"same": 0.5}, r"data\.same=0\.5: outside of data\.scale=\[1,5\]"),
        ({"different": 7}, r"data\.different=7: outside of data\.scale=\[1,5\]"),
        ({"same": 4}, r"data\.same=4 and data\.different=4: a pair cannot be both"),
        ({"columns": {"verb": "verb"}}, r"data\.columns: unknown verb: expected premise, hypothesis, rating"),
        ({"title": "a/b"}, r"data\.title=a/b: metrics are called by it"),
        ({"on_bad_row": "drop"}, r"data\.on_bad_row=drop: expected error or skip"),
        ({"encoding": "latin-9000"}, r"data\.encoding=latin-9000: no encoding"),
        ({"test_pairs": 1}, r"data\.test_pairs=1: no pair that is drawn is .*null for all 5"),
    ],
)
def test_settings_that_mean_nothing_are_refused(pairs, changes, message):
    with pytest.raises(ValueError, match=message):
        rated(pairs, **FALLING | changes)


def test_a_scale_that_is_no_list_of_numbers_is_refused_before_anything_is_read():
    with initialize_config_module("relsym.conf", version_base="1.3"):
        config = compose("evaluate", ["data=sis", "data.scale=[low,high]", "data.same=x"])
    message = r"data\.scale=.*: expected a list \(lowest and highest rating, such as \[1,5\]\), or null"
    with pytest.raises(ValueError, match=message) as refused:
        check_composed(config, "evaluate")
    assert "data.same=x: expected a number or null." in str(refused.value)


def test_thresholds_in_one_half_of_the_scale_are_read_with_a_warning(caplog):
    assert checked_scale([0, 5], 4, 3).rises
    assert "stand in one half of the scale: taken for one on which 5 means the same" in caplog.text


BAD_ROWS = [
    (("a", "b", "high", "v"), "the column rating, the rating, is 'high': expected a number from 1 to 5"),
    (("a", "b", "", "v"), "the column rating, the rating, is '': expected a number"),
    (("a", "b", "nan", "v"), "is 'nan': expected a number"),
    (("a", "b", "inf", "v"), "is 'inf': expected a number"),
    (("a", "b", "1_0", "v"), "is '1_0': expected a number"),
    (("a", "b", "5.1", "v"), r"is '5\.1': .*Correct it, or data\.scale=\[1,5\]"),
    (("a", "b", "0", "v"), "is '0': expected a number from 1 to 5"),
    ((" ", "b", "1", "v"), "the column premise, the premise, is empty"),
    (("a", "", "1", "v"), "the column hypothesis, the hypothesis, is empty"),
    (("a", "b", "1"), "expected 4 comma-separated fields, got"),
]


@pytest.mark.parametrize(("row", "problem"), BAD_ROWS)
def test_a_bad_row_is_told_with_its_place_and_column_or_left_out(tmp_path, row, problem):
    file = write(tmp_path / "p.csv", [*SAID[:2], row, *SAID[2:]])
    advice = r".*\. Pass data\.on_bad_row=skip to drop and count such rows\."
    with pytest.raises(ValueError, match=rf"^row 4 of {re.escape(str(file))}: .*{problem}{advice}$"):
        rated(file, **FALLING)
    read = rated(file, **FALLING, on_bad_row="skip")
    reasons = {"bad row", "empty text", "unusable rating"}
    assert {reason: count for reason, count in read.counts.items() if reason in reasons} in (
        {"bad row": 1},
        {"empty text": 1},
        {"unusable rating": 1},
    )
    # Ids tell rows of the file.
    assert list(read.ratings) == [f"p.csv:{number}" for number in (1, 2, 4, 5, 6)]


def test_what_is_missing_in_typed_files_is_told_alike(tmp_path):
    table = pl.DataFrame({"premise": ["a", None], "hypothesis": ["b", "c"], "rating": [1.0, 5.0]})
    table.write_parquet(tmp_path / "p.parquet")
    with pytest.raises(ValueError, match=r"row 2 of .*p\.parquet: the column premise, the premise, is empty"):
        rated(tmp_path / "p.parquet", **FALLING)
    nan = pl.DataFrame({"premise": ["a", "b"], "hypothesis": ["b", "c"], "rating": [1.0, float("nan")]})
    nan.write_parquet(tmp_path / "q.parquet")
    with pytest.raises(ValueError, match=r"row 2 of .*q\.parquet: the column rating, the rating, is ''"):
        rated(tmp_path / "q.parquet", **FALLING)
    (tmp_path / "p.jsonl").write_text(
        '{"premise": "a", "hypothesis": "b", "rating": 1}\n{"premise": "a", "hypothesis": "b"}\n'
    )
    with pytest.raises(ValueError, match=r"line 2 of .*p\.jsonl: expected a JSON object with .*no rating"):
        rated(tmp_path / "p.jsonl", **FALLING)


def test_columns_that_are_not_there_are_told_with_those_that_are(pairs):
    message = r"pairs\.csv: no column score: the file has .*premise, hypothesis, rating, verb"
    with pytest.raises(ValueError, match=rf"{message}.*Name its columns with data\.columns\.rating=NAME"):
        rated(pairs, **FALLING, columns={"rating": "score"})
    with pytest.raises(ValueError, match=r"no column kind: .*data\.columns\.property=NAME"):
        rated(pairs, **FALLING, columns={"property": "kind"})
    wide = [f"a long name of column {number}" for number in range(12)]
    with pytest.raises(ValueError, match=", ".join(wide)):
        rated(write(pairs.parent / "wide.csv", [], tuple(wide)), **FALLING)


def test_files_without_pairs_or_without_a_label_are_refused(tmp_path):
    (tmp_path / "nothing.csv").write_text("")
    with pytest.raises(ValueError, match=r"nothing\.csv: the file is empty"):
        rated(tmp_path / "nothing.csv", **FALLING)
    with pytest.raises(ValueError, match=r"head\.csv: the file is empty but for its column names"):
        rated(write(tmp_path / "head.csv", []), **FALLING)
    with pytest.raises(ValueError, match=r"no pair is left of its 1 rows: all are bad rows"):
        rated(write(tmp_path / "bad.csv", [("a", "b", "9", "v")]), **FALLING, on_bad_row="skip")
    message = (
        r"one\.csv: no pair is contradiction by data\.same=2 and data\.different=4: the column rating has "
        r"ratings from 1\.2 to 3\.1\. Choose other thresholds"
    )
    with pytest.raises(ValueError, match=message):
        rated(write(tmp_path / "one.csv", [SAID[0], SAID[3]]), **FALLING)


def test_another_encoding_is_told_and_may_be_named(tmp_path):
    file = write(tmp_path / "p.tsv")
    file.write_bytes(file.read_bytes().decode().encode("latin1"))
    with pytest.raises(ValueError, match=r"line 4 of .*p\.tsv: not UTF-8 .*Pass data\.encoding=latin1"):
        rated(file, **FALLING)
    assert rated(file, **FALLING, encoding="latin1").score_rows["rated"][2].premise == "Ann wed Bo, ä."


# --- ranks


def test_the_rank_correlation_is_the_one_worked_out_by_hand():
    # Ranks 4, 2.5, 2.5, 1 and 4, 1.5, 3, 1.5; products of what they differ from 2.5 sum to 3.75, squares to
    # 4.5 and 4.5.
    assert rank_correlation([4.0, 3.0, 3.0, 1.0], [0.9, 0.2, 0.6, 0.2]) == pytest.approx(3.75 / 4.5)
    assert rank_correlation([1.0, 2.0, 3.0], [0.1, 0.2, 0.3]) == pytest.approx(1)
    assert rank_correlation([1.0, 2.0, 3.0], [-0.1, -0.2, float("-inf")]) == pytest.approx(-1)


def test_there_is_no_rank_correlation_where_all_is_equal():
    assert rank_correlation([1.0, 2.0, 3.0], [0.5, 0.5, 0.5]) is None
    assert rank_correlation([2.0, 2.0, 2.0], [0.1, 0.5, 0.7]) is None
    assert rank_correlation([1.0, 2.0, 3.0], [0.5, None, None]) is None
    assert rank_correlation([], []) is None
    assert rank_correlation([1.0, 2.0, 3.0], [0.5, None, 0.7]) == pytest.approx(1)


# Ratings 1.2, 4.6, 2, 3.1, 4 from the far end: ranks 5, 1, 4, 3, 2; scores 0.9, 0.2, 0.6, 0.6, 0.3: ranks 5,
# 1, 3.5, 3.5, 2. Sum of products less 5 * 9 is 54.5 - 45; squares less 45 are 10 and 9.5.
BY_HAND = 9.5 / (10 * 9.5) ** 0.5


def test_unlabelled_pairs_are_ranked_beside_the_labelled_ones(evaluate, pairs, relsym, tmp_path):
    found = evaluate(pairs)
    metrics = found["metrics"]
    assert metrics["test/spearman/rated"] == pytest.approx(BY_HAND)
    assert metrics["test/auroc/rated"] == 1
    assert metrics["test/accuracy/rated"] == 1
    assert metrics["test/accuracy/rated/meet"] == 1
    assert found["rows"] == {"rated": 4}
    assert found["measured_rows"] == {
        "scored": {"rated": 4},
        "unlabelled": {"rated": 1},
        "swapped": {"rated": 4},
    }
    assert found["sample_seed"] == found["seed"] == 0
    assert found["counts"]["between"] == 1
    assert found["shortcuts" if "shortcuts" in found else "readers"].keys() == {"reference/constant"}
    answers = pl.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert answers.height == 4
    table = pl.read_parquet(tmp_path / "out" / "rated.parquet")
    assert table.columns == [
        *("pair_id", "property", "form", "premise", "hypothesis", "rating", "label"),
        *("prediction:answer", "score:answer"),
    ]
    assert table["pair_id"].to_list() == [f"pairs.csv:{number}" for number in range(1, 6)]
    assert table["label"].to_list() == [label or None for label in LABELS]
    assert table["rating"].to_list() == [1.2, 4.6, 2.0, 3.1, 4.0]
    assert table["score:answer"].to_list() == [0.9, 0.2, 0.6, 0.6, 0.3]
    assert table["prediction:answer"][3] == "entailment"
    assert not (tmp_path / "out" / "shards").exists()

    ended = relsym("report", f"inputs={tmp_path / 'out'}", f"hydra.run.dir={tmp_path / 'report'}")
    assert ended.code == 0, ended.err
    text = (tmp_path / "report" / "report.md").read_text()
    assert "Spearman: rank correlation of the score" in text
    [table] = (tmp_path / "report" / "tables").glob("beyond_accuracy*.csv")
    [line] = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    assert float(line["Spearman"]) == pytest.approx(100 * BY_HAND, abs=0.01)


def test_the_correlation_is_the_same_where_the_higher_end_means_the_same(evaluate, tmp_path):
    risen = [
        (premise, hypothesis, str(6 - float(rating)), verb) for premise, hypothesis, rating, verb in SAID
    ]
    found = evaluate(write(tmp_path / "risen.csv", risen), "data.same=4", "data.different=2")
    assert found["metrics"]["test/spearman/rated"] == pytest.approx(BY_HAND)


def test_without_different_scores_there_is_no_correlation(evaluate, pairs, tmp_path):
    found = evaluate(pairs, function="constant")
    assert "test/spearman/rated" not in found["metrics"]
    assert found["metrics"]["test/auroc/rated"] == 0.5
    found = evaluate(pairs, function="labels", out="labels")
    assert not any("spearman" in key or "auroc" in key for key in found["metrics"])
    assert "score:answer" not in pl.read_parquet(tmp_path / "labels" / "rated.parquet").columns


def test_a_pair_without_a_score_is_left_out(evaluate, pairs, tmp_path):
    found = evaluate(pairs, function="some")
    assert found["metrics"]["test/spearman/rated"] == pytest.approx(1)
    table = pl.read_parquet(tmp_path / "out" / "rated.parquet")
    assert table["score:answer"].to_list() == [0.9, 0.2, 0.6, None, 0.3]
    assert table["prediction:answer"][3] is None


def test_all_pairs_may_have_a_label(evaluate, tmp_path):
    found = evaluate(write(tmp_path / "p.csv", [row for row in SAID if row[3] != "see"]))
    assert found["measured_rows"].keys() == {"scored", "swapped"}
    assert found["metrics"]["test/spearman/rated"] == pytest.approx(1)
    assert pl.read_parquet(tmp_path / "out" / "rated.parquet").height == 4


def test_the_figure_is_printed_and_only_of_rated_pairs(relsym, pairs, scores, tmp_path):
    answers = ("model=callable", "tracking=csv")
    on = ("data=rated", f"data.file={pairs}", *WORDS)
    ended = relsym(
        "evaluate", *on, *answers, "model.function=rater:scores", f"hydra.run.dir={tmp_path / 'a'}"
    )
    assert "Spearman" in ended.out
    assert f"{100 * BY_HAND:+.2f}" in ended.out
    assert "no rows to learn from or to choose on" in ended.out
    few = ("data.samples=8", "data.test_pairs=28", "validation_pairs=0")
    ended = relsym(
        "evaluate", *few, *answers, "model.function=rater:constant", f"hydra.run.dir={tmp_path / 'b'}"
    )
    assert ended.code == 0, ended.err
    assert "Spearman" not in ended.out
    assert not (tmp_path / "b" / "rated.parquet").exists()


def test_a_stopped_evaluation_goes_on_with_its_unlabelled_pairs(evaluate, pairs, tmp_path, monkeypatch):
    monkeypatch.setenv("STOPS", "yes")
    words = ("shard_rows=2", "swapped_pairs=0")
    assert "the model went away" in evaluate(pairs, *words, function="stops", code=1)
    assert {path.name for path in (tmp_path / "out" / "shards").glob("*.parquet")} == {
        "scored-rated-00000.parquet",
        "scored-rated-00001.parquet",
    }
    monkeypatch.delenv("STOPS")
    found = evaluate(pairs, *words, function="stops")
    assert found["measured_before"] == 4
    assert found["metrics"]["test/spearman/rated"] == pytest.approx(BY_HAND)


def test_hashes_do_not_tell_where_the_file_lies(evaluate, pairs, tmp_path):
    moved = write(tmp_path / "elsewhere" / "pairs.csv")
    one, other = evaluate(pairs), evaluate(moved, out="other")
    assert one["cell_hash"] == other["cell_hash"]
    assert one["benchmark"] == other["benchmark"]
    third = evaluate(pairs, "data.same=1.5", out="third")
    assert third["cell_hash"] != one["cell_hash"]


# --- models


def test_a_trained_run_is_read_by_its_probe_without_thresholds(evaluate, relsym, quick, pairs, tmp_path):
    assert relsym("train", *quick).code == 0
    found = evaluate(pairs, "model=run", f"model.folder={tmp_path / 'run'}")
    assert [reading["name"] for reading in found["readings"]] == ["strict"]
    assert "validation" not in found["measured_rows"]
    assert pl.read_parquet(tmp_path / "out" / "rated.parquet")["score:strict"].null_count() == 0


def test_an_nli_model_is_read_by_the_rules_that_need_no_threshold(evaluate, pairs, tmp_path):
    name = tiny_classifier(tmp_path / "classifier", fitted=True)
    found = evaluate(pairs, "model=nli", f"model.name={name}", "reading=two_way")
    assert [reading["name"] for reading in found["readings"]] == ["strict", "two_way"]
    assert found["reading"] == "two_way"
    assert found["metrics"]["test/spearman/rated"] == found["metrics"]["reading/strict_spearman/rated"]


@pytest.mark.parametrize(
    "words",
    [
        ("model=tiny",),
        ("model=shortcut/majority",),
        ("model=openai_compatible", "model.url=http://x", "model.name=y", "model.shots=2"),
    ],
    ids=lambda words: words[0],
)
def test_a_model_that_needs_labelled_rows_is_refused_with_others(evaluate, pairs, words):
    error = evaluate(pairs, *words, code=1)
    assert f"{words[0]} answers from labelled rows, and data=rated has none. Pass a model that needs" in error
    assert "model=run model.folder=RUN" in error


def test_an_encoder_that_is_told_by_its_files_is_refused_too(evaluate, pairs, tmp_path):
    name = tiny_classifier(tmp_path / "classifier")
    error = evaluate(pairs, "model=auto", f"model.name={name}", "model.kind=encoder", code=1)
    assert "model=auto answers from labelled rows" in error
    assert not (tmp_path / "out" / "shards").exists()


def test_answers_from_elsewhere_are_needed_for_all_rated_pairs(evaluate, pairs, tmp_path):
    table = pl.DataFrame(
        {
            "pair_id": [f"pairs.csv:{number}" for number in range(1, 6)],
            "form": "rated",
            "score": list(SCORES.values()),
        }
    )
    table.write_csv(tmp_path / "answers.csv")
    found = evaluate(pairs, "model=predictions", f"model.file={tmp_path / 'answers.csv'}")
    assert found["metrics"]["test/spearman/rated"] == pytest.approx(BY_HAND)
    assert found["measured_rows"].keys() == {"scored", "unlabelled"}
    table.head(3).write_csv(tmp_path / "few.csv")
    error = evaluate(pairs, "model=predictions", f"model.file={tmp_path / 'few.csv'}", out="few", code=1)
    assert "2 rows have no line" in error


# --- other commands


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train", ("tracking=csv", "model=tiny")),
        ("train", ("tracking=csv", "model=tiny", "training.keep=best", "recipe=l2sp")),
        ("build", ()),
        ("export", ()),
        ("export", ("task=rows",)),
    ],
    ids=lambda part: part if isinstance(part, str) else "_".join(part),
)
def test_no_other_command_takes_rated_pairs(relsym, pairs, tmp_path, command, words):
    on = ("data=sis", f"data.file={pairs}", f"hydra.run.dir={tmp_path / 'other'}")
    ended = relsym(command, *on, *words)
    assert ended.code == 1
    [line] = [line for line in ended.err.splitlines() if line.strip()]
    assert line.endswith(
        "data=sis is for relsym evaluate alone: its pairs are rated, and none trains. Choose another one for "
        f"relsym {command}."
    )


def test_no_sweep_of_trainings_takes_rated_pairs(relsym, pairs, tmp_path):
    ended = relsym(
        "train",
        "-m",
        *("data=sis", f"data.file={pairs}", "model=tiny", "tracking=csv", "seed=0,1"),
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert ended.code == 1
    assert "is for relsym evaluate alone" in ended.err


def test_there_is_no_validation_part_to_score(evaluate, pairs):
    assert "data.score_on=validation: nothing reads this key" in evaluate(
        pairs, "data.score_on=validation", code=1
    )


def test_shortcuts_of_ones_own_are_refused(evaluate, pairs, tmp_path):
    folder = tmp_path / "conf" / "shortcut"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package shortcuts.mine\n_target_: relsym.evaluation.shortcuts.Majority\n"
    )
    words = ("shortcut=mine", "--config-dir", str(tmp_path / "conf"))
    assert "shortcut=mine: shortcuts answer from labelled rows" in evaluate(pairs, *words, code=1)


def test_a_figure_by_property_needs_no_shortcut():
    rows = [Row(str(number), "meet", "sis", "a", "b", "entailment") for number in range(4)]
    scores = Scores({"sis": rows})
    scores.add("test/accuracy", "sis", ["entailment"] * 3 + [None])
    bars = panel(scores, "test/accuracy", "sis")
    assert bars.shortcut is None
    assert bars.beside == {}
    assert properties_figure("model", [bars]).axes[0].get_legend() is not None


@pytest.mark.parametrize("line", re.findall(r"^relsym evaluate .*$", DOCUMENT, flags=re.MULTILINE))
def test_the_documented_commands_compose(line):
    words = [word.strip("'") for word in line.split()[2:]]
    with initialize_config_module("relsym.conf", version_base="1.3"):
        check_composed(compose("evaluate", words), "evaluate")
