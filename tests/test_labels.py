"""``relsym labels`` and ``SymmetryModel.add_label``: a further label from a few pairs, without training."""

from __future__ import annotations

import shutil
from hashlib import sha256

import numpy as np
import polars as pl
import pytest
import torch

from relsym import SymmetryModel
from relsym.runs.added_labels import read_added, versions_of

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
OPEN = {"random_label": (), "knn": ("probe.k=3",), "knn_learnt": ("probe.k=3",)}
PAIRS = [(f"Ann met Bo {number}.", f"Ann has {number} red shoes.") for number in range(12)]
ASKED = [("Ann is a sibling of Bo.", "Bo is a sibling of Ann."), ("Ann met Bo 3.", "Ann has 3 red shoes.")]


def bytes_below(folder):
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "labels"
    }


@pytest.fixture
def trained(relsym, quick, tmp_path):
    """The folder of a finished run."""

    def call(objective, *overrides):
        ended = relsym("train", *quick, f"objective={objective}", *OPEN.get(objective, ()), *overrides)
        assert ended.code == 0, ended.err
        return tmp_path / "run"

    return call


@pytest.fixture
def examples(tmp_path):
    """A table with the pairs of the new label."""
    path = tmp_path / "neutral.csv"
    lines = [f'"{premise}","{hypothesis}"\n' for premise, hypothesis in PAIRS]
    path.write_text("premise,hypothesis\n" + "".join(lines))
    return path


@pytest.mark.parametrize("objective", OPEN)
def test_a_label_is_added_and_taken_away_and_the_run_is_what_it_was(
    objective, trained, examples, relsym, tmp_path
):
    run = trained(objective)
    before = bytes_below(run)
    plain = SymmetryModel.load(run)
    scores = plain.scores(ASKED)
    ended = relsym("labels", "add", f"model.folder={run}", "label=neutral", f"examples={examples}")
    assert ended.code == 0, ended.err
    assert "Labels: entailment, contradiction, neutral" in ended.out
    model = SymmetryModel.load(run)
    assert model.labels == (*plain.labels, "neutral")
    assert model.scores(ASKED).shape == (2, 3)
    # A pair of the label itself implies it most of all.
    assert model.predict([PAIRS[0]]) == ["neutral"]

    ended = relsym("labels", "remove", f"model.folder={run}", "label=neutral")
    assert ended.code == 0, ended.err
    assert bytes_below(run) == before
    again = SymmetryModel.load(run)
    assert again.labels == plain.labels
    assert np.array_equal(again.scores(ASKED), scores)
    assert sorted(path.name for path in (run / "labels").iterdir()) == ["001.parquet", "002.parquet"]


def test_python_does_the_same(trained, examples, relsym, tmp_path):
    run = trained("knn")
    by_hand = SymmetryModel.load(run)
    by_hand.add_label("neutral", PAIRS, write=False)
    assert not (run / "labels").exists()
    written = SymmetryModel.load(run)
    written.add_label("neutral", PAIRS)
    loaded = SymmetryModel.load(run)
    for model in (written, loaded):
        assert model.labels == by_hand.labels
        assert np.array_equal(model.scores([*ASKED, *PAIRS]), by_hand.scores([*ASKED, *PAIRS]))
        assert model.explain(PAIRS[0]).neighbours[0] == "neutral/1"
    assert loaded.remove_label("neutral").labels == ("entailment", "contradiction")
    with pytest.raises(ValueError, match="was not added to"):
        loaded.remove_label("entailment")


def test_the_label_embedding_is_the_direction_of_the_mean_of_what_its_pairs_imply(trained):
    model = SymmetryModel.load(trained("random_label"))
    metric, encoder = model.run.metric, model.run.encoder
    premises, hypotheses = (encoder.encode([pair[side] for pair in PAIRS]) for side in (0, 1))
    implied = metric.label_of(premises, hypotheses)
    model.add_label("neutral", PAIRS, write=False)
    added = model.run.probe.label_embeddings[-1]
    assert torch.allclose(added, torch.nn.functional.normalize(implied.sum(0), dim=-1), atol=1e-5)


@pytest.mark.parametrize(("objective", "reason"), [("finetune", "its head"), ("fixed_label", "one number")])
def test_what_has_no_place_for_a_label_says_why(objective, reason, trained, examples, relsym):
    run = trained(objective)
    ended = relsym("labels", "add", f"model.folder={run}", "label=neutral", f"examples={examples}")
    assert ended.code == 1
    assert "has no place for a further label" in ended.err
    assert reason in ended.err
    assert not (run / "labels").exists()


def test_what_was_added_goes_along_with_the_run_and_into_every_command(trained, relsym, tmp_path):
    run = trained("knn")
    SymmetryModel.load(run).add_label("neutral", PAIRS)
    SymmetryModel.load(run).save_pretrained(tmp_path / "copy")
    copy = SymmetryModel.from_pretrained(tmp_path / "copy")
    assert copy.labels[-1] == "neutral"
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("premise,hypothesis\n" + ",".join(f'"{text}"' for text in PAIRS[1]) + "\n")
    output = tmp_path / "answers.csv"
    ended = relsym("predict", f"model.folder={run}", f"input={pairs}", f"output={output}")
    assert ended.code == 0, ended.err
    answers = pl.read_csv(output)
    assert answers["label"].to_list() == ["neutral"]
    assert answers["p_neutral"].to_list() == copy.predict_proba([PAIRS[1]])[:, -1].tolist()


def test_a_trial_measures_both_readers_and_adds_the_label(trained, examples, relsym):
    run = trained("random_label")
    words = (f"model.folder={run}", "label=neutral", f"examples={examples}", "check=true")
    ended = relsym("labels", "add", *words)
    assert ended.code == 0, ended.err
    assert "logistic regression" in ended.out
    assert "new label right" in ended.out
    assert list(read_added(run).labels) == ["neutral"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "label=neutral"), "examples is not set"),
        (("add", "label=neutral", "examples=none.csv"), "examples=none.csv: no such file"),
        (("add", "label=entailment", "examples=EXAMPLES"), "the run has it already"),
        (("add", "label='a/b'", "examples=EXAMPLES"), "expected at most 40 letters"),
        (("add", "label=neutral", "examples=EXAMPLES", "labels.premise=text"), "text"),
        (("list", "label=neutral"), "label is not for relsym labels list"),
        (("remove", "label=neutral"), "was not added to"),
        (("remove", "label=neutral", "check=true"), "check=true is not for relsym labels remove"),
        (("change",), "expected add, list, remove as the first word"),
    ],
)
def test_what_cannot_be_done_is_refused(words, message, trained, examples, relsym):
    run = trained("random_label")
    filled = [word.replace("EXAMPLES", str(examples)) for word in words]
    ended = relsym("labels", *filled, f"model.folder={run}")
    assert ended.code == 1
    assert message in ended.err
    assert not (run / "labels").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("premise,hypothesis\n", "holds no"),
        ("premise,hypothesis\na,\n", "with a premise and a hypothesis"),
        ("premise\na\n", "hypothesis"),
        ("", "empty"),
    ],
)
def test_examples_that_are_no_pairs_are_refused(content, message, trained, relsym, tmp_path):
    run = trained("random_label")
    path = tmp_path / "examples.csv"
    path.write_text(content)
    ended = relsym("labels", "add", f"model.folder={run}", "label=neutral", f"examples={path}")
    assert ended.code == 1
    assert message in ended.err


def test_a_version_of_another_run_or_a_damaged_one_is_refused(trained, relsym, tmp_path):
    run = trained("random_label")
    SymmetryModel.load(run).add_label("neutral", PAIRS)
    [path] = versions_of(run).values()
    other = tmp_path / "other"
    shutil.copytree(run, other)
    probe = other / "probe.safetensors"
    probe.write_bytes(probe.read_bytes() + b" ")
    with pytest.raises(ValueError, match="were added to another run"):
        read_added(other)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="damaged"):
        SymmetryModel.load(run)


def test_too_few_pairs_for_a_majority_are_told(trained, relsym, tmp_path):
    run = trained("knn", "probe.k=5")
    path = tmp_path / "examples.jsonl"
    path.write_text('{"premise": "a", "hypothesis": "b"}\n{"premise": "c", "hypothesis": "d"}\n')
    ended = relsym("labels", "add", f"model.folder={run}", "label=other", f"examples={path}")
    assert ended.code == 0, ended.err
    assert "2 pairs of other are no majority of probe.k=5 neighbours" in ended.out
