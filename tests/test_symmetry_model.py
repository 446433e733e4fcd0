"""``from relsym import SymmetryModel``: a finished run that answers pairs of one's own, in Python."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

import relsym as package
from parameters import first_fast
from relsym import SymmetryModel
from relsym.uncollected import uncollected

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
OBJECTIVES = {
    "random_label": (),
    "knn": ("probe.k=3",),
    "fixed_label": (),
    "knn_learnt": ("probe.k=3",),
    "finetune": (),
}
JOINT = ("knn_learnt", "finetune")


@pytest.fixture
def trained(relsym, quick, tmp_path):
    """A finished run of an objective, and its predictions."""

    def call(objective: str, *overrides: str) -> tuple[SymmetryModel, pl.DataFrame]:
        options = (f"objective={objective}", *OBJECTIVES[objective], *overrides)
        ended = relsym("train", *quick, *options)
        assert ended.code == 0, ended.err
        folder = tmp_path / "run"
        return SymmetryModel.load(folder), pl.read_parquet(folder / "predictions.parquet")

    return call


def pairs_of(predictions: pl.DataFrame) -> list[tuple[str, str]]:
    return list(predictions.select("premise", "hypothesis").iter_rows())


@pytest.mark.parametrize("objective", first_fast(OBJECTIVES))
def test_it_answers_as_its_run_did_row_for_row(trained, objective):
    model, predictions = trained(objective)
    pairs = pairs_of(predictions)
    answers = model.predict(pairs)
    assert answers == predictions["prediction"].to_list()
    # In another order, one by one, from an iterator: a pair has one answer.
    assert model.predict(zip(*zip(*pairs[::-1], strict=True), strict=True)) == answers[::-1]
    assert [model.predict([pair])[0] for pair in pairs[:3]] == answers[:3]
    scores = model.scores(pairs)
    assert scores.shape == (len(pairs), len(model.labels))
    assert scores.dtype == np.float32
    # k-NN breaks ties by the nearest; the answer has the highest score all the same.
    of_answers = scores[range(len(pairs)), [model.labels.index(answer) for answer in answers]]
    assert (of_answers == scores.max(axis=1)).all()


def test_a_run_in_lower_precision_answers_in_it(trained):
    model, predictions = trained("fixed_label", "precision=bf16", "data.test_pairs=190", "data.samples=48")
    assert next(model._model.encoder.parameters()).dtype == torch.bfloat16
    assert model.predict(pairs_of(predictions)) == predictions["prediction"].to_list()


def test_columns_of_a_table_are_taken(trained):
    model, predictions = trained("random_label")
    table = predictions.select("premise", "hypothesis")
    answers = predictions["prediction"].to_list()
    assert model.predict(zip(table["premise"], table["hypothesis"], strict=True)) == answers
    assert len(model.encode(table["premise"])) == len(table)


def test_labels_of_anybodys_run_are_shown_harmless(trained):
    model, predictions = trained("random_label")
    model._model.labels = ("entail\x1b]0;title\x07", "contra\u202ediction")
    model._model.name = "run\x1b[2J"
    shown = repr(model) + model.explain(pairs_of(predictions)[0]).reading
    assert not set(shown) & set("\x1b\x07\u202e")
    assert "\\x1b" in shown


def test_three_labels_are_read_between_the_cut_points_of_the_run(trained):
    model, predictions = trained(
        "fixed_label", "data=relations", "data.samples=54", "data.test_pairs=48", "training.max_steps=2"
    )
    assert model.labels == ("entailment", "contradiction", "neutral")
    assert model.predict(pairs_of(predictions)) == predictions["prediction"].to_list()
    assert "cosine" in model.explain(pairs_of(predictions)[0]).reading
    assert "contradiction below" in model.explain(pairs_of(predictions)[0]).reading


@pytest.mark.parametrize("objective", first_fast(OBJECTIVES))
def test_an_explanation_says_what_the_label_was_read_off(trained, objective):
    model, predictions = trained(objective)
    pair = pairs_of(predictions)[0]
    explanation = model.explain(pair)
    assert (explanation.premise, explanation.hypothesis) == pair
    assert explanation.label == model.predict([pair])[0]
    assert list(explanation.scores) == list(model.labels)
    assert list(explanation.scores.values()) == pytest.approx(model.scores([pair])[0].tolist())
    if objective in JOINT:
        assert explanation.cosine is None
    else:
        premise, hypothesis = model.encode(pair, normalize=True)
        assert explanation.cosine == pytest.approx(float(premise @ hypothesis), abs=1e-6)
    words = {
        "random_label": f"distance to the label embeddings: {explanation.label} ",
        "knn": "the 3 nearest training pairs, nearest first: ",
        "fixed_label": "read by its sign: entailment above 0",
        "knn_learnt": "the 3 nearest training pairs, nearest first: ",
        "finetune": f"scores: {explanation.label} 0.",
    }
    assert words[objective] in explanation.reading


def test_sentences_have_the_vectors_that_the_metric_compares(trained):
    model, predictions = trained("fixed_label")
    sentences = predictions["premise"].to_list()
    vectors = model.encode(sentences)
    own = model._model.encoder.raw_vectors(sentences).numpy()
    assert vectors == pytest.approx(own, abs=1e-5)
    unit = model.encode(sentences, normalize=True)
    assert np.linalg.norm(unit, axis=1) == pytest.approx(1, abs=1e-5)
    assert unit == pytest.approx(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), abs=1e-5)


def test_a_run_that_reads_a_pair_as_one_input_has_no_vector_of_a_sentence_but_probabilities(trained):
    model, predictions = trained("finetune")
    with pytest.raises(ValueError, match="Load a run of objective=fixed_label"):
        model.encode(["a"])
    assert model.predict_proba(pairs_of(predictions)).sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_scores_that_are_no_probabilities_are_not_called_so(trained):
    model, predictions = trained("random_label")
    with pytest.raises(ValueError, match=r"NearestLabel, whose scores are no probabilities. Take scores"):
        model.predict_proba(pairs_of(predictions))


def test_of_nothing_there_is_nothing(trained):
    model, _ = trained("random_label")
    assert model.predict([]) == []
    assert model.scores([]).shape == (0, 2)
    assert model.encode([]).shape == (0, model._model.encoder.dim)


def test_the_package_names_what_it_offers():
    assert dir(package) == ["StatementIndex", "SymmetryModel", "__version__", "check_statements"]
    with pytest.raises(AttributeError, match="no attribute 'SymetryModel'"):
        package.SymetryModel  # noqa: B018


def test_importing_the_package_loads_nothing_heavy(shell):
    ended = shell(
        sys.executable, "-c", "import relsym, sys; print({'torch', 'polars', 'hydra'} & {*sys.modules})"
    )
    assert ended.out == "set()\n", ended.err


ANSWERED_WITHOUT = """
import sys
from relsym import SymmetryModel
model = SymmetryModel.load(sys.argv[1])
assert model.predict([("A borders B.", "B borders A.")]) in (["entailment"], ["contradiction"])
print({"pytorch_lightning", "torchmetrics", "scipy.stats", "hydra", "faiss"} & {*sys.modules})
"""


def test_an_answer_imports_nothing_that_trains_or_reports(shell, trained, tmp_path):
    trained("fixed_label")
    ended = shell(sys.executable, "-c", ANSWERED_WITHOUT, str(tmp_path / "run"))
    assert ended.out == "set()\n", ended.err


def test_the_command_that_answers_imports_nothing_that_trains(shell, trained, tmp_path):
    trained("fixed_label")
    imported = shell(
        *(sys.executable, "-X", "importtime", "-m", "relsym", "predict"),
        *(f"model.folder={tmp_path / 'run'}", "--", "A borders B.", "B borders A."),
    )
    assert imported.code == 0, imported.err
    assert "transformers" in imported.err
    assert not {"pytorch_lightning", "torchmetrics"} & {*re.findall(r"[\w.]+$", imported.err, re.MULTILINE)}


def test_garbage_is_collected_again_after_an_import():
    """As it was before: by whoever has switched it off it stays so."""
    for switch in (gc.disable, gc.enable):  # ends with what is usual
        switch()
        enabled = gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled


BAD_INPUT = """
import sys

import polars as pl

from relsym import SymmetryModel

model = SymmetryModel.load(sys.argv[1])
for bad in (
    lambda: SymmetryModel.load(sys.argv[1] + "/nowhere"),
    lambda: SymmetryModel.load(5),
    lambda: SymmetryModel.load(sys.argv[1], precision="fp8"),
    lambda: SymmetryModel.load(sys.argv[1], precision=["bf16"]),
    lambda: SymmetryModel.load(sys.argv[1], accelerator="tpu"),
    lambda: model.predict("a b"),
    lambda: model.predict(5),
    lambda: model.predict([("a", "b"), ("a", "b", "c")]),
    lambda: model.predict(["ab"]),
    lambda: model.predict([("a", None)]),
    lambda: model.explain("ab"),
    lambda: model.encode("a sentence"),
    lambda: model.encode(["a", 5]),
    lambda: model.predict([("a", "\\ud800 is b")]),
    lambda: model.encode(["a", "\\ud800"]),
    lambda: model.encode({"a": 1}),
    lambda: model.encode({"a", "b"}),
    lambda: model.encode(pl.DataFrame({"premise": ["a"]})),
    lambda: model.predict(pl.DataFrame({"premise": ["a"], "hypothesis": ["b"]})),
):
    try:
        bad()
    except ValueError as error:
        print(error)
    else:
        print("taken")
table = pl.DataFrame({"premise": ["a b"], "hypothesis": ["b a"]})
print(model.predict(table.to_numpy()) == model.predict([("a b", "b a")]))
"""


def test_bad_input_gets_one_clear_message(trained, shell, tmp_path):
    trained("random_label")
    script = tmp_path / "script.py"
    script.write_text(BAD_INPUT)
    ended = shell(sys.executable, str(script), str(tmp_path / "run"))
    assert ended.code == 0, ended.err
    assert "Loading weights" not in ended.err
    messages = ended.out.splitlines()
    for message, words in zip(
        messages,
        [
            "/nowhere: no finished run there",
            "run=5: expected the folder of a relsym train",
            "precision='fp8': expected one of None, fp32, bf16",
            "precision=['bf16']: expected one of None, fp32, bf16",
            "accelerator='tpu': expected one of cpu, gpu, auto",
            "pairs: expected a list of (premise, hypothesis), got 'a b'",
            "pairs: expected a list of (premise, hypothesis), got 5",
            "pairs[1]: expected (premise, hypothesis), two texts, got ('a', 'b', 'c')",
            "pairs[0]: expected (premise, hypothesis), two texts, got 'ab'",
            "pairs[0]: expected (premise, hypothesis), two texts, got ('a', None)",
            "pairs[0]: expected (premise, hypothesis), two texts, got 'ab'",
            "sentences: expected a list of texts, got 'a sentence'",
            "sentences[1]: expected a text, got 5",
            "pairs[0]: 'a\\ud800 is b' holds half a pair of surrogates",
            "sentences[1]: '\\ud800' holds half a pair of surrogates",
            "sentences: expected a list of texts, got {'a': 1}",
            "sentences: expected a list of texts, got {",
            "sentences: expected a list of texts, got a table. Pass its columns",
            "pairs: expected a list of (premise, hypothesis), got a table. Pass its columns",
            "True",
        ],
        strict=True,
    ):
        assert words in message


def test_the_home_folder_may_be_written_short(trained, monkeypatch, tmp_path):
    model, _ = trained("random_label")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SymmetryModel.load("~/run").labels == model.labels
    assert str(Path("~/run").expanduser()) in repr(SymmetryModel.load("~/run"))
