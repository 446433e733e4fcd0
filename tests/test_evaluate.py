"""``relsym evaluate``: one path for models of every kind, that can be stopped and goes on."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import comb
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from models_of import NLI, tiny_classifier
from relsym.app.read_as import read_as_in
from relsym.app.shards import Shards
from relsym.data.pairs import Row
from relsym.models.base import Advance, Columns, Judged, Model, Reading
from relsym.models.canaries import CANARIES, canaries_for, fewest_right
from relsym.models.nli import CrossEncoder
from relsym.models.predictions import PredictionTable

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec.*")
SMALL = ("tracking=csv", "data.samples=8", "data.test_pairs=28", "validation_pairs=16", "swapped_pairs=8")


def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())


class Named(Model):
    """A model that measures ``values``, whatever the rows."""

    kind = "made up"

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[float] = []

    def fingerprint(self) -> str:
        return self.name

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        return {"entailment": self.values, "answer": ["nan"] * len(rows)}

    def readings(self) -> tuple[Reading, ...]:
        return (Reading("answer"),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        return Judged(measured["answer"])


@pytest.fixture
def evaluate(relsym, tmp_path):
    def call(*overrides: str, out: str = "out", code: int = 0):
        ended = relsym("evaluate", *SMALL, f"hydra.run.dir={tmp_path / out}", *overrides)
        assert ended.code == code, ended.err
        return results(tmp_path / out) if code == 0 else ended.err

    return call


@pytest.fixture
def classifier(tmp_path):
    """A folder with a ``tiny_classifier``."""
    return lambda id2label, always=None, fitted=False: tiny_classifier(
        tmp_path / "classifier", id2label, always, fitted
    )


def test_an_encoder_is_read_by_every_untrained_read_out_beside_the_shortcuts(evaluate, tmp_path):
    found = evaluate("model=tiny")
    assert found["task"] == "evaluate"
    assert found["kind"] == "encoder"
    names = {reading["name"] for reading in found["readings"] if reading["alone"]}
    assert names == {"knn", "logistic"}
    assert found["reading"] in names
    other = (names - {found["reading"]}).pop()
    for key in (
        "test/accuracy/lexicalised",
        f"reading/{other}/delexicalised",
        "family/random_label/lexicalised",
        "test/balanced/lexicalised",
        f"reading/{other}_bias/lexicalised",
        "test/auroc/delexicalised",
        "test/ece/lexicalised",
        "shortcut/template_lookup/lexicalised",
        "reference/constant/lexicalised",
        "test/consistency/lexicalised",
    ):
        assert 0 <= abs(found["metrics"][key]) <= 1, key
    assert (
        found["metrics"]["test/consistency/lexicalised"] == 1
    )  # hadamard's label embedding does not see the order
    assert (
        found["metrics"]["family/random_label_min/lexicalised"]
        <= found["metrics"]["family/random_label/lexicalised"]
    )
    assert sum(found["histograms"]["knn"]["lexicalised"].values()) == 28
    assert set(found["clusters"]["knn"]["lexicalised"]) == {"fact", "property"}
    table = pl.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert table.height == 56
    assert {"prediction", "correct", "prediction:knn", "score:logistic", "measured:random_label.0"} <= set(
        table.columns
    )
    assert table.filter(form="lexicalised")["correct"].mean() == pytest.approx(
        found["metrics"]["test/accuracy/lexicalised"]
    )
    assert not (tmp_path / "out" / "shards").exists()


def test_a_direction_aware_metric_is_not_said_to_be_consistent_by_construction(evaluate):
    found = evaluate("model=tiny", "metric=rotate")
    assert not any(reading["symmetric"] for reading in found["readings"])


@pytest.mark.slow
def test_a_finished_run_is_read_by_its_own_probe_and_gets_the_runs_own_score(evaluate, relsym, tmp_path):
    trained = relsym(
        "train",
        "model=tiny",
        "tracking=csv",
        "training.max_steps=4",
        "data.samples=8",
        "data.test_pairs=28",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert trained.code == 0, trained.err
    found = evaluate("model=run", f"model.folder={tmp_path / 'run'}", "reading=strict")
    for form in ("lexicalised", "delexicalised"):
        assert (
            found["metrics"][f"test/accuracy/{form}"]
            == results(tmp_path / "run")["metrics"][f"test/accuracy/{form}"]
        )
    assert {reading["name"] for reading in found["readings"]} == {"strict", "threshold"}
    message = evaluate(
        "model=run", f"model.folder={tmp_path / 'run'}", "data.split_seed=1", out="other", code=1
    )
    assert "may have trained it" in message
    assert "model.folder=" in message
    assert "no finished run there" in evaluate("model=run", f"model.folder={tmp_path}", out="none", code=1)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["random_label", "knn_learnt", "finetune", "fixed_label"])
def test_runs_of_every_objective_can_be_evaluated(evaluate, relsym, tmp_path, objective):
    trained = relsym(
        "train",
        "model=tiny",
        f"objective={objective}",
        "tracking=csv",
        "training.max_steps=1",
        "data.samples=8",
        "data.test_pairs=28",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert trained.code == 0, trained.err
    found = evaluate("model=run", f"model.folder={tmp_path / 'run'}", "reading=strict")
    assert (
        found["metrics"]["test/accuracy/lexicalised"]
        == results(tmp_path / "run")["metrics"]["test/accuracy/lexicalised"]
    )


def test_a_run_on_nli_rows_is_read_by_three_rules(evaluate, relsym, tmp_path, mnli_folder):
    trained = relsym(
        "train",
        "model=tiny",
        "objective=finetune",
        "data=mnli",
        f"data.folder={mnli_folder}",
        "tracking=csv",
        "training.max_steps=2",
        f"hydra.run.dir={tmp_path / 'run'}",
    )
    assert trained.code == 0, trained.err
    found = evaluate("model=run", f"model.folder={tmp_path / 'run'}")
    assert {reading["name"] for reading in found["readings"]} == {"strict", "two_way", "threshold"}


def test_always_neutral_is_wrong_by_the_strict_rule_and_half_right_by_the_two_way_rule(evaluate, classifier):
    found = evaluate("model=nli", f"model.name={classifier(NLI, always=1)}", "model.check_labels=false")
    metrics, chosen = found["metrics"], found["reading"]

    def accuracy(rule: str) -> float:
        return metrics["test/accuracy/lexicalised" if rule == chosen else f"reading/{rule}/lexicalised"]

    assert accuracy("strict") == 0
    assert accuracy("two_way") == 0.5
    assert found["histograms"]["strict"]["lexicalised"] == {"neutral": 28}
    assert found["histograms"]["two_way"]["lexicalised"] == {"contradiction": 28}


@pytest.mark.parametrize(
    ("names", "order"),
    [(NLI, None), ({0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}, "[contradiction,neutral,entailment]")],
)
def test_the_label_order_is_read_from_the_model_or_told(evaluate, classifier, names, order):
    told = [] if order is None else [f"model.label_order={order}"]
    found = evaluate(
        "model=nli", f"model.name={classifier(names, always=2)}", "model.check_labels=false", *told
    )
    assert found["histograms"]["strict"]["lexicalised"] == {"entailment": 28}
    assert found["source"]["classes"] == ["contradiction", "neutral", "entailment"]


def test_label_names_that_say_nothing_are_refused_with_the_override_that_tells_them(evaluate, classifier):
    message = evaluate(
        "model=nli", f"model.name={classifier({0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'})}", code=1
    )
    assert "LABEL_0, LABEL_1, LABEL_2" in message
    assert "model.label_order=[contradiction,neutral,entailment]" in message
    assert "expected 3 of" in evaluate(
        "model=nli", f"model.name={classifier(NLI)}", "model.label_order=[neutral]", out="b", code=1
    )


CHECKED = {
    "revision": None,
    "label_order": None,
    "check_labels": True,
    "max_length": 256,
    "tokens_per_batch": None,
    "trust_remote_code": False,
    "precision": "fp32",
    "accelerator": "cpu",
}
ORDER = ("entailment", "neutral", "contradiction")


def answering(answers: list[str]) -> Callable[..., torch.Tensor]:
    """In place of ``CrossEncoder.probabilities``: these answers, in the order entailment, neutral,
    contradiction of the classes.
    """
    rows = torch.eye(3)[[ORDER.index(answer) for answer in answers]]
    return lambda self, premises, hypotheses, advance=lambda count: None: rows[: len(premises)]


def test_an_order_that_canary_pairs_contradict_is_refused_with_the_order_that_they_agree_with(
    classifier, monkeypatch
):
    told = [canary.label for canary in CANARIES]
    monkeypatch.setattr(CrossEncoder, "probabilities", answering(told))
    folder = classifier({0: "contradiction", 1: "neutral", 2: "entailment"})
    with pytest.raises(ValueError, match=r"model\.label_order=\[entailment,neutral,contradiction\]"):
        CrossEncoder(folder, **CHECKED)
    assert CrossEncoder(folder, **{**CHECKED, "label_order": list(ORDER)}).classes == ORDER


def test_there_are_as_many_canary_pairs_of_each_label_and_guesses_stay_below_the_number_that_is_asked_for():
    assert Counter(canary.label for canary in CANARIES) == dict.fromkeys(ORDER, 20)
    assert len(set(CANARIES)) == 60
    assert len(canaries_for(["entailment", "contradiction"])) == 40
    # By hand: sum of C(60, i) (1/3)^i (2/3)^(60-i) from i = 30 is 0.0056, from 29 on 0.0114; of fair coins,
    # C(40, i) / 2^40 from 28 on 0.0083, from 27 on 0.0192.
    for pairs, labels, fewest in ((60, 3, 30), (40, 2, 28)):
        assert fewest_right(pairs, labels) == fewest
        tail = [
            comb(pairs, right) * (labels - 1) ** (pairs - right) / labels**pairs for right in range(pairs + 1)
        ]
        assert sum(tail[fewest:]) <= 0.01 < sum(tail[fewest - 1 :])


@pytest.mark.parametrize(
    ("right", "accepted"), [(60, True), (42, True), (30, True), (29, False), (20, False)]
)
def test_a_model_that_answers_canary_pairs_by_chance_is_refused_and_a_weak_one_is_not(
    classifier, monkeypatch, right, accepted
):
    told = [canary.label for canary in CANARIES]
    # What is wrong is wrong in both ways alike, so that no other order of the labels is better.
    others = [ORDER[(ORDER.index(label) + 1 + number // 3 % 2) % 3] for number, label in enumerate(told)]
    monkeypatch.setattr(CrossEncoder, "probabilities", answering(told[:right] + others[right:]))
    folder = classifier({0: "entailment", 1: "neutral", 2: "contradiction"})
    if accepted:
        assert CrossEncoder(folder, **CHECKED).classes == ORDER
        return
    with pytest.raises(ValueError, match=rf"gets {right} of 60 pairs .* 30 or more .* model\.check_labels"):
        CrossEncoder(folder, **CHECKED)
    assert CrossEncoder(folder, **{**CHECKED, "check_labels": False}).classes == ORDER


@pytest.mark.parametrize("always", [None, 0, 1, 2])
def test_a_head_that_was_never_trained_or_knows_one_answer_is_refused(evaluate, classifier, always):
    folder = classifier(NLI, always)
    message = evaluate("model=auto", f"model.name={folder}", code=1)
    assert "it answers at chance" in message
    assert "model=nli model.check_labels=false" in message
    two = classifier({0: "entailment", 1: "not_entailment"}, always=0)
    assert "gets 20 of 40 pairs right" in evaluate("model=nli", f"model.name={two}", out="two", code=1)


def test_a_two_class_model_calls_what_is_not_entailment_contradiction(evaluate, classifier):
    found = evaluate(
        "model=nli",
        f"model.name={classifier({0: 'entailment', 1: 'not_entailment'}, always=1)}",
        "model.check_labels=false",
        "model.max_length=64",
    )
    assert found["histograms"]["strict"]["lexicalised"] == {"contradiction": 28}
    assert {reading["name"] for reading in found["readings"]} == {"strict", "threshold"}


def test_probabilities_do_not_depend_on_the_batch(classifier):
    settings = {**CHECKED, "check_labels": False, "max_length": 64}
    folder = classifier(NLI)
    premises, hypotheses, _ = zip(*CANARIES, strict=True)
    one, many = (CrossEncoder(folder, **{**settings, "tokens_per_batch": tokens}) for tokens in (1, 4096))
    torch.testing.assert_close(
        one.probabilities(premises, hypotheses), many.probabilities(premises, hypotheses), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    "name", ["majority", "template_lookup", "hypothesis_only", "bag_of_words", "word_order", "entity_pair"]
)
def test_a_shortcut_as_a_model_scores_what_it_scores_beside_a_model(evaluate, name):
    found = evaluate(f"model=shortcut/{name}")
    for form in ("lexicalised", "delexicalised"):
        assert found["metrics"][f"test/accuracy/{form}"] == found["metrics"][f"shortcut/{name}/{form}"]


@pytest.mark.slow
def test_a_function_answers_with_labels_or_probabilities_or_not_at_all(evaluate, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "def borders(premises, hypotheses):\n    return [1.0 if 'sibling' in p else 0.25 if 'part' in p else "
        "None for p in premises]\n"
        "def few(premises, hypotheses):\n    return ['entailment']\n"
        "def odd(premises, hypotheses):\n    return ['yes'] * len(premises)\n"
        "def above(premises, hypotheses):\n    return [1.5] * len(premises)\n"
        "def nan(premises, hypotheses):\n    return [float('nan')] * len(premises)\n"
        "def nothing(premises, hypotheses):\n    pass\n"
        "def word(premises, hypotheses):\n    return 'entailment'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = evaluate("model=callable", "model.function=mine:borders", "model.batch=5")
    unscored = found["unscored"]["answer"]["lexicalised"]
    assert 0 < unscored < 28
    assert found["histograms"]["answer"]["lexicalised"]["unscored"] == unscored
    assert found["metrics"]["test/accuracy/lexicalised"] <= 1 - unscored / 28
    for name, told in (
        ("few", "gave 1 answers to 28 pairs"),
        ("odd", "gave 'yes'"),
        ("above", "gave 1.5"),
        ("nan", "gave nan"),
        ("nothing", "gave None; expected one answer for each pair"),
        ("word", "gave 'entailment'; expected one answer for each pair"),
        ("none", "no attribute"),
    ):
        assert told in evaluate(
            "model=callable", f"model.function=mine:{name}", "validation_pairs=0", out=name, code=1
        )


@pytest.mark.slow
def test_a_table_of_answers_needs_one_line_for_each_row(evaluate, tmp_path):
    evaluate("model=shortcut/template_lookup", out="first")
    told = pl.read_parquet(tmp_path / "first" / "predictions.parquet")
    table = told.select("pair_id", "form", "prediction")
    path = tmp_path / "answers.csv"

    def answer(table: pl.DataFrame, code: int = 0, out: str = "out"):
        table.write_csv(path)
        return evaluate("model=predictions", f"model.file={path}", out=out, code=code)

    found = answer(table)
    assert found["metrics"]["test/accuracy/lexicalised"] == told.filter(form="lexicalised")["correct"].mean()
    assert set(found["measured_rows"]) == {"scored"}
    assert "3 rows have no line" in answer(table.head(table.height - 3), 1, "a")
    assert "are there more than once" in answer(pl.concat([table, table.head(1)]), 1, "b")
    assert "have another prediction" in answer(table.with_columns(prediction=pl.lit("yes")), 1, "c")
    assert "have a score outside [0, 1]" in answer(table.with_columns(score=pl.lit(1.5)), 1, "d")
    assert "cannot be read" in answer(table.with_columns(score=pl.lit("high")), 1, "e")
    assert "has the columns pair_id, form" in answer(table.select("pair_id", "form"), 1, "f")
    more = pl.concat(
        [
            table,
            pl.DataFrame({"pair_id": ["P1:x:swap"], "form": ["lexicalised"], "prediction": ["entailment"]}),
        ]
    )
    assert "about rows that are not scored" in answer(more, 1, "g")
    assert (
        evaluate("model=predictions", f"model.file={path}", "model.ignore_others=true", out="h")["unscored"]
        == {}
    )
    assert answer(table.with_columns(prediction=pl.lit("")), out="i")["unscored"] == {
        "answer": {"lexicalised": 28, "delexicalised": 28}
    }
    assert "no such file" in evaluate("model=predictions", "model.file=nowhere.csv", out="j", code=1)


def table_of(path: Path, content: str | bytes) -> dict:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return PredictionTable(str(path), ignore_others=False).table


def test_answers_are_read_whatever_the_first_lines_hold(tmp_path):
    csv, jsonl = tmp_path / "answers.csv", tmp_path / "answers.jsonl"
    many = range(2000)
    whole = "".join(f"{number},lexicalised,1\n" for number in many)
    table = table_of(csv, f"pair_id,form,score\n{whole}007,lexicalised,0.25\nlast,lexicalised,\n")
    assert len(table) == 2002
    assert table["3", "lexicalised"] == (None, 1.0)
    assert table["007", "lexicalised"] == (None, 0.25)
    assert table["last", "lexicalised"] == (None, None)
    lines = [json.dumps({"pair_id": str(number), "form": "a", "prediction": None}) for number in many]
    lines.append(json.dumps({"pair_id": "last", "form": "a", "prediction": "neutral", "score": 0.5}))
    table = table_of(jsonl, "\n".join(lines))
    assert table["0", "a"] == (None, None)
    assert table["last", "a"] == ("neutral", 0.5)


def test_an_ending_in_capitals_is_the_same_ending(tmp_path):
    table = table_of(tmp_path / "ANSWERS.CSV", "pair_id,form,score\n007,a,0.5\n")
    assert table == {("007", "a"): (None, 0.5)}


def test_values_of_answers_are_read_one_by_one_in_every_format(tmp_path):
    scores = [0, 1, 0.25, "0.5", "", None, "1e-1"]
    read = [0.0, 1.0, 0.25, 0.5, None, None, 0.1]
    lines = [json.dumps({"pair_id": f"00{n}", "form": "a", "score": score}) for n, score in enumerate(scores)]
    # A key that is missing is no answer either; an id that is a number is the text of it.
    lines += ['{"pair_id": 7, "form": "a"}', "", '{"prediction": "neutral", "form": "a", "pair_id": "8"}']
    table = table_of(tmp_path / "answers.jsonl", "\n".join(lines))
    assert [table[f"00{n}", "a"][1] for n in range(len(scores))] == read
    assert (table["7", "a"], table["8", "a"]) == ((None, None), ("neutral", None))

    rows = "".join(f"00{n},a,{'' if score is None else score}\n" for n, score in enumerate(scores))
    marked = ("pair_id,form,score\n" + rows).encode("utf-16")
    table = table_of(tmp_path / "answers.csv", marked)
    assert [table[f"00{n}", "a"][1] for n in range(len(scores))] == read

    path = tmp_path / "answers.parquet"
    ids = [f"00{n}" for n in range(3)]
    for column in (
        pl.Series([0, 1, 1]),
        pl.Series(["0", "1", "1.0"]),
        pl.Series([0, 1, 1], dtype=pl.Float32),
    ):
        pl.DataFrame({"pair_id": ids, "form": "a", "score": column}).write_parquet(path)
        table = PredictionTable(str(path), ignore_others=False).table
        assert [table[id, "a"][1] for id in ids] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "pair_id,form,score\na,b,nan\n", "1 lines have a score outside"),
        ("a.csv", "pair_id,form,score\na,b,true\n", "cannot be read"),
        (
            "a.jsonl",
            '{"pair_id": "a", "form": "b", "score": true}',
            "a.jsonl, line 1: the score is True: expected",
        ),
        ("a.jsonl", '{"pair_id": "a", "form": "b", "score": [1]}', "line 1: the score is .1.: expected"),
        ("a.jsonl", '{"pair_id": "a", "form": "b"}\n{', "a.jsonl, line 2: no JSON"),
        ("a.jsonl", '{"pair_id": "a", "form": "b", "score": NaN}', "a.jsonl, line 1: no JSON"),
        ("a.jsonl", "[1]", "a.jsonl, line 1: no object"),
        (
            "a.jsonl",
            '{"pair_id": "a", "form": "b", "prediction": "\\ud83d"}',
            "prediction holds .ud83d, half",
        ),
        ("a.jsonl", '{"pair_id": "a\\udc00", "form": "b", "score": 1}', "line 1: the pair_id holds"),
        ("a.jsonl", '{"pair_id": "a", "form": "b"}', "has the columns pair_id, form"),
        ("a.jsonl", b'{"pair_id": "\xe9"}', "a.jsonl, line 1: not UTF-8 .*iconv -f ISO-8859-1"),
        ("a.csv", "pair_id,form,score\na,b,1\n".encode("utf-16-le"), "a.csv: not UTF-8, but UTF-16LE"),
        ("a.csv", "pair_id,form,score,score\na,b,0,1\n", "a.csv, line 1: score stands there more than once"),
        ("a.csv", "pair_id,form,prediction,score\na,b\n", "line 2: expected 4 fields.*got 2"),
        ("a.csv", 'pair_id,form,score\na,"b"c,1\n', "a.csv, line 2: .* expected after"),
        ("a.csv", b"pair_id,form,score\n\xe9,b,1\n", "a.csv, line 2: not UTF-8"),
        ("a.csv", "pair_id,form,score\ra,b,1\r", "a.csv: its lines end with a carriage return alone"),
        ("a.jsonl", b"PK\x03\x04\x14", r"a\.jsonl: packed \(zip, .*Unpack it\. Columns"),
        ("a.csv", b"PAR1\x15PAR1", r"a\.csv: it begins as a Parquet .* end in \.parquet"),
        ("a.jsonl", '{"pair_id": "a", "form": "b", "score": 1, "score": 0}', "line 1: the key score twice"),
        ("a.csv", "pair_id,form,score\n,b,1\n", "1 lines have no pair_id or no form"),
        ("a.jsonl", '{"pair_id": "a", "form": null, "score": 1}', "1 lines have no pair_id or no form"),
    ],
)
def test_a_table_of_answers_that_are_none_is_refused(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        table_of(tmp_path / name, content)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused_and_impossible_is_no_fault(tmp_path, broken):
    rows = [Row(f"P1:{number}#swap", "P1", "lexicalised", "a", "b", "entailment") for number in range(4)]
    model = Named("made up")
    shards = Shards(tmp_path, "plan", 2)
    model.values = [-1.0, float("-inf")]
    assert shards.measure("fine", rows, model, lambda count: None)["entailment"] == [-1.0, -math.inf] * 2
    model.values = [-1.0, broken]
    with pytest.raises(
        ValueError, match=r"made up: entailment is no number .* 1 of 2 rows, such as P1:1#swap"
    ):
        shards.measure("broken", rows, model, lambda count: None)
    assert not list(shards.folder.glob("broken*"))


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, b"\xff"])
def test_a_damaged_plan_of_shards_is_named_with_what_to_do(tmp_path, content):
    Shards(tmp_path, "plan", 2)
    plan = tmp_path / "shards" / "plan.json"
    plan.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"plan\.json: damaged .* Delete the folder .*shards to"):
        Shards(tmp_path, "plan", 2)


@pytest.mark.parametrize("content", ["- model", "model: [1]", "model: *x", "a: [", "x: &x [*x]"])
def test_the_damaged_configuration_of_a_finished_evaluation_is_named(tmp_path, content):
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"config\.yaml"):
        read_as_in({"model": {"pooling": None}}, tmp_path)
    (tmp_path / "config.yaml").write_text("model: {pooling: mean}")
    assert read_as_in({"model": {"pooling": None}}, tmp_path) == {"model": {"pooling": "mean"}}


@pytest.mark.slow
def test_the_first_reading_is_the_best_on_validation_rows_or_the_one_that_is_told(evaluate):
    assert evaluate("model=tiny", "reading=logistic")["reading"] == "logistic"
    assert evaluate("model=tiny", "validation_pairs=0", out="b")["reading"] == "knn"
    assert "this model has knn, logistic" in evaluate("model=tiny", "reading=nearest", out="c", code=1)


def test_a_wrong_reading_costs_nothing_that_was_measured(evaluate, tmp_path):
    evaluate("model=tiny", "reading=nearest", code=1)
    assert list((tmp_path / "out" / "shards").glob("*.parquet"))
    found = evaluate("model=tiny", "reading=knn")
    assert found["measured_before"] == 2 * (28 + 16 + 8)


def test_a_stopped_run_goes_on_from_its_last_shard_and_no_other_run_takes_its_shards(
    evaluate, tmp_path, monkeypatch
):
    (tmp_path / "stops.py").write_text(
        "import os\ncalls = []\n"
        "def answer(premises, hypotheses):\n"
        "    calls.append(len(premises))\n"
        "    if os.environ.get('STOPS') and len(calls) == 5: raise OSError('the model went away')\n"
        "    return [0.9 if 'sibling' in p else 0.1 for p in premises]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("model=callable", "model.function=stops:answer", "shard_rows=8")
    monkeypatch.setenv("STOPS", "1")
    assert "the model went away" in evaluate(*words, code=1)
    import stops

    assert len(list((tmp_path / "out" / "shards").glob("*.parquet"))) == 4
    assert "Give that run's command again" in evaluate(*words, "data.test_pairs=20", code=1)
    monkeypatch.delenv("STOPS")
    stops.calls.clear()
    went_on = evaluate(*words)
    assert sum(stops.calls) == 2 * (28 + 16 + 8) - 4 * 8
    stops.calls.clear()
    at_once = evaluate(*words, out="again")
    assert sum(stops.calls) == 2 * (28 + 16 + 8)
    assert went_on["metrics"] == at_once["metrics"]
    assert went_on["job_hash"] == at_once["job_hash"]


def test_shard_size_changes_no_figure(evaluate):
    assert evaluate("model=tiny", "shard_rows=5", out="a")["metrics"] == pytest.approx(
        evaluate("model=tiny", out="b")["metrics"], abs=1e-6
    )


@pytest.mark.slow
def test_a_killed_evaluation_goes_on(tmp_path):
    (tmp_path / "slow_model.py").write_text(
        "import time\ndef answer(premises, hypotheses):\n    time.sleep(0.5)\n    return [0.5] * "
        "len(premises)\n"
    )
    command = [
        sys.executable,
        "-m",
        "relsym",
        "evaluate",
        *SMALL,
        "model=callable",
        "model.function=slow_model:answer",
        "shard_rows=8",
        f"hydra.run.dir={tmp_path / 'out'}",
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "out" / "shards").glob("*.parquet"))) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list((tmp_path / "out" / "shards").glob("[!p]*.parquet")))
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert results(tmp_path / "out")["measured_before"] >= 8 * (done - 1)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model=tiny", "metric=none"), "read by distance"),
        (("model=tiny", "precision=fp8"), "expected fp32 or bf16"),
        (("model=tiny", "hardware=ddp_cpu"), "one process measures"),
        (("model=tiny", "hardware=gpu"), "torch finds none"),
        (("model=tiny", "data.score_on=validation"), "validation_pairs=0"),
        (("model=tiny", "validation_pairs=-1"), "0: none"),
        (("model=tiny", "swapped_pairs=many"), "whole number"),
        (("model=tiny", "probe.k=50"), "the memory has only 8 rows"),
        (("model=nli", "model.name=/nowhere"), "model.name=/nowhere: no such folder"),
        (("model=run",), "model.folder is not set"),
    ],
)
@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_what_cannot_be_evaluated_is_refused_with_the_reason(evaluate, overrides, message):
    assert message in evaluate(*overrides, code=1)


@pytest.mark.parametrize(
    "model",
    [
        "nli",
        "run",
        "shortcut/majority",
        "callable",
        "predictions",
        "auto",
        "causal_lm",
        "smollm2",
        "masked_lm",
        "openai_compatible",
    ],
)
def test_a_model_that_is_no_encoder_cannot_be_trained(relsym, quick, model):
    needed = {"callable": ["model.function=a:b"], "auto": ["model.name=a"]}.get(model, [])
    ended = relsym("train", *(word for word in quick if word != "model=tiny"), f"model={model}", *needed)
    assert ended.code == 1
    assert "relsym evaluate" in ended.err


def test_rows_of_three_labels_are_scored_by_the_strict_rule_alone(evaluate, classifier, mnli_folder):
    found = evaluate(
        "data=mnli",
        f"data.folder={mnli_folder}",
        "data.samples=6",
        "validation_pairs=3",
        "data.test_pairs=30",
        "model=nli",
        f"model.name={classifier(NLI, always=1)}",
        "model.check_labels=false",
    )
    assert [reading["name"] for reading in found["readings"]] == ["strict"]
    assert found["metrics"]["test/accuracy/mnli"] == pytest.approx(1 / 3)


def test_more_tokens_than_the_model_has_places_for_are_refused(evaluate, classifier):
    assert "at most 256 tokens" in evaluate(
        "model=nli", f"model.name={classifier(NLI)}", "model.max_length=300", code=1
    )


@pytest.mark.parametrize("part", ["classifier", "pooler", "encoder.layer.1"])
def test_a_classifier_without_some_of_its_weights_is_refused_by_their_names(evaluate, classifier, part):
    folder = Path(classifier(NLI))
    weights = load_file(folder / "model.safetensors")
    left = {name: tensor.clone() for name, tensor in weights.items() if f"{part}." not in name}
    save_file(left, folder / "model.safetensors", metadata={"format": "pt"})
    message = evaluate("model=nli", f"model.name={folder}", "model.check_labels=false", code=1)
    count = len(weights) - len(left)
    assert f"lack {count} of the weights that BertForSequenceClassification needs" in message
    assert f"{part}." in message


def test_a_tokenizer_without_pad_token_is_refused(evaluate, classifier):
    folder = Path(classifier(NLI))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "pad_token": None}))
    assert "no pad token" in evaluate("model=nli", f"model.name={folder}", code=1)


@pytest.mark.slow
def test_the_kind_of_a_model_is_found_from_its_files_or_told(evaluate, classifier):
    folder = classifier(NLI, fitted=True)
    common = ("model=auto", "swapped_pairs=0", "validation_pairs=0")
    config = json.loads((Path(folder) / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert evaluate(*common, f"model.name={folder}", out="nli")["kind"] == "nli"
    (Path(folder) / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    assert evaluate(*common, f"model.name={folder}", out="encoder")["kind"] == "encoder"
    (Path(folder) / "config.json").write_text(
        json.dumps({**config, "architectures": ["BertForTokenClassification"]})
    )
    assert "which with model.kind=encoder|nli" in evaluate(*common, f"model.name={folder}", out="c", code=1)
    assert evaluate(*common, f"model.name={folder}", "model.kind=encoder", out="told")["kind"] == "encoder"
    assert "expected encoder, nli" in evaluate(
        *common, f"model.name={folder}", "model.kind=llm", out="d", code=1
    )


def test_a_folder_that_is_no_model_is_refused_with_what_is_in_it(evaluate, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("nothing")
    assert "the folder holds a.txt" in evaluate("model=auto", f"model.name={tmp_path / 'notes'}", code=1)


@pytest.mark.slow
def test_several_models_are_evaluated_one_after_the_other_and_finished_ones_are_kept(relsym, tmp_path):
    command = (
        "-m",
        "model=shortcut/majority,shortcut/word_order",
        *SMALL,
        f"hydra.sweep.dir={tmp_path / 'all'}",
    )
    assert relsym("evaluate", *command).code == 0
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "all").glob("*/results.json")}
    assert len(times) == 2
    (tmp_path / "all" / "1" / "results.json").unlink()
    again = relsym("evaluate", *command)
    assert again.code == 0, again.err
    assert "kept from an earlier call" in again.out
    assert {path: path.stat().st_mtime_ns == at for path, at in times.items()} == {
        tmp_path / "all" / "0" / "results.json": True,
        tmp_path / "all" / "1" / "results.json": False,
    }
