"""``relsym labels`` and ``SymmetryModel.add_label``: a further label from a few pairs, without training."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from relsym import SymmetryModel
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.rotate import Rotate
from relsym.probes.nearest_label import NearestLabel
from relsym.runs.added_labels import newest_version, versions_of

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*")
CONF = Path(__file__).parent.parent / "conf"
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
    assert sorted(path.name for path in (run / "labels").iterdir()) == ["001.json", "002.json"]


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
    loaded.remove_label("neutral")
    assert SymmetryModel.load(run).labels == ("entailment", "contradiction")
    with pytest.raises(ValueError, match="was not added to"):
        loaded.remove_label("entailment")


@pytest.mark.parametrize("metric", ["hadamard", "rotate", "cosine", "euclidean"])
def test_pairs_that_imply_a_label_of_their_own_get_it_under_every_metric(metric, tmp_path):
    """Pairs with h = l * p for a label l of the metric's own kind, and pairs of trained labels."""
    made = instantiate(compose_metric(metric))
    generator = torch.Generator().manual_seed(0)
    labels = made.random_labels(3, 64, generator)
    probe = NearestLabel()
    probe.restore(made, {"label_embeddings": labels[:2]})
    asked, targets = [], []
    for index, label in enumerate(labels):
        pairs = pairs_implying(made, label, generator)
        implied = made.label_of(*pairs)
        if index == 2:
            probe.add_class(made, implied[:10], 2)
        asked.append(torch.stack(pairs, dim=1)[10:])
        targets += [index] * (len(implied) - 10)
    answers = probe.predict(torch.cat(asked))
    assert (answers == torch.tensor(targets)).double().mean() >= 0.95


def compose_metric(name):
    return OmegaConf.load(CONF / "metric" / f"{name}.yaml")


def pairs_implying(metric, label, generator, count=60):
    """Premises and hypotheses that imply a label, with noise of a fifth of their length."""
    premises = torch.randn(count, 64, generator=generator)
    if isinstance(metric, Rotate):
        phases = torch.complex(label[:32], label[32:])
        turned = torch.complex(premises[:, :32], premises[:, 32:]) * phases.conj()
        hypotheses = torch.cat([turned.real, turned.imag], dim=1)
    elif isinstance(metric, Hadamard):
        hypotheses = premises * label.sign()
    else:
        hypotheses = premises = label + 0.02 * premises
    noise = 0.2 * hypotheses.norm(dim=1, keepdim=True) / 8
    return premises, hypotheses + noise * torch.randn(count, 64, generator=generator)


def test_the_first_of_two_added_labels_can_be_taken_away(trained):
    run = trained("random_label")
    model = SymmetryModel.load(run)
    others = [(f"Ann owns shop {number}.", f"Shop {number} is closed.") for number in range(5)]
    model.add_label("neutral", PAIRS)
    model.add_label("other", [*others, *others])
    alone = SymmetryModel.load(run)
    alone.remove_label("neutral")
    left = SymmetryModel.load(run)
    assert left.labels == ("entailment", "contradiction", "other")
    # The columns of the others are what they were.
    assert np.allclose(left.scores(ASKED), np.delete(model.scores(ASKED), 2, axis=1))
    _, version = newest_version(run)
    assert [len(added.pairs) for added in version.labels] == [5]  # equal pairs count once


def test_a_label_that_another_process_added_is_not_written_over(trained):
    run = trained("random_label")
    first, second = SymmetryModel.load(run), SymmetryModel.load(run)
    first.add_label("neutral", PAIRS)
    with pytest.raises(ValueError, match="has it already"):
        second.add_label("neutral", PAIRS[:2])
    assert second.labels == ("entailment", "contradiction")  # nothing is half done
    second.add_label("other", PAIRS[:2])
    assert SymmetryModel.load(run).labels[2:] == ("neutral", "other")


def test_an_evaluation_names_the_added_labels_and_is_not_kept_once_they_change(trained, relsym, tmp_path):
    run = trained("random_label")
    SymmetryModel.load(run).add_label("neutral", PAIRS)
    words = ("model=run", f"model.folder={run}", "data.samples=8", "data.test_pairs=28", "validation_pairs=0")
    more = (
        "swapped_pairs=0",
        "tracking=csv",
        "seed=0,1",
        f"hydra.sweep.dir={tmp_path / 'evaluations'}",
        "-m",
    )
    assert relsym("evaluate", *words, *more).code == 0
    [first, _] = sorted((tmp_path / "evaluations").glob("*/results.json"))
    assert json.loads(first.read_text())["source"]["added_labels"] == "neutral"
    before = first.stat().st_mtime_ns
    assert relsym("evaluate", *words, *more).code == 0
    assert first.stat().st_mtime_ns == before
    SymmetryModel.load(run).remove_label("neutral")
    ended = relsym("evaluate", *words, *more)
    assert ended.code == 1
    assert "holds a finished run" in ended.err


def test_abstention_promises_nothing_about_an_added_label(trained, relsym):
    run = trained("random_label", "data.test_pairs=28")
    SymmetryModel.load(run).add_label("neutral", PAIRS)
    ended = relsym("predict", f"model.folder={run}", "predict.coverage=0.5", "--", *ASKED[0])
    assert ended.code == 0, ended.err
    assert "for pairs of neutral nothing is promised" in ended.out + ended.err


def test_what_lies_in_the_hubs_cache_is_not_written_to(trained, tmp_path):
    copy = tmp_path / "snapshots" / "abc"
    shutil.copytree(trained("random_label"), copy)
    model = SymmetryModel.load(copy)
    with pytest.raises(ValueError, match="lies in the cache of the hub"):
        model.add_label("neutral", PAIRS)
    assert model.labels == ("entailment", "contradiction")
    model.add_label("neutral", PAIRS, write=False)
    assert model.labels[-1] == "neutral"


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
    ended = relsym("labels", "add", *words, "write=false")
    assert ended.code == 0, ended.err
    assert newest_version(run) is None
    rows = re.findall(r"│ +5 │ (added|logistic regression) +│ +([\d.]+) │ +([\d.]+) │ +([\d.]+) │", ended.out)
    shares = {reader: [float(share) for share in figures] for reader, *figures in rows}
    assert set(shares) == {"added", "logistic regression"}
    # Pairs of one wording are told from all others, and what is added can only take answers away.
    assert shares["added"][0] == 100
    assert shares["added"][2] <= shares["added"][1]
    assert relsym("labels", "add", *words).code == 0
    assert newest_version(run)[1].names() == ["neutral"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("add", "label=neutral"), "examples is not set"),
        (("add", "label=neutral", "examples=none.csv"), "examples=none.csv: no such file"),
        (("add", "label=entailment", "examples=EXAMPLES"), "the run has it already"),
        (("add", "label='a/b'", "examples=EXAMPLES"), "expected at most 40 letters"),
        (("add", "label=answer", "examples=EXAMPLES"), "none of answer, unscored"),
        (("add", "label=neutral", "examples=EXAMPLES", "write=false"), "there is nothing to do"),
        (("add", "label=neutral", "examples=EXAMPLES", "labels.premise=text"), "text"),
        (("list", "label=neutral"), "label is not for relsym labels list"),
        (("remove", "label=neutral"), "was not added to"),
        (("remove", "label=neutral", "check=true"), "check and write are not for relsym labels remove"),
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
        ("premise,hypothesis\na,\n", "a text is empty"),
        ('premise,hypothesis\na," "\n', "a text is empty"),
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


def test_labels_of_another_run_are_refused_though_its_label_embeddings_are_the_same(trained, tmp_path):
    run = trained("random_label")
    SymmetryModel.load(run).add_label("neutral", PAIRS)
    kept = tmp_path / "kept"
    shutil.move(run, kept)
    other = trained("random_label", "objective.learning_rate=0.01")
    # They are drawn by the seed alone, so only the encoders differ.
    assert (other / "probe.safetensors").read_bytes() == (kept / "probe.safetensors").read_bytes()
    shutil.copytree(kept / "labels", other / "labels")
    with pytest.raises(ValueError, match="were added to another run"):
        SymmetryModel.load(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:100], "not JSON"),
        (lambda text: text.replace('"neutral"', '"../x"'), "label"),
        (
            lambda text: text.replace('"format": 1', '"format": 7').replace('"format":1', '"format":7'),
            "format",
        ),
        (lambda text: re.sub(r'("implied":\s*\[\s*\[)[^\]]*', r"\g<1>0.5", text, count=1), "several lengths"),
    ],
)
def test_a_damaged_version_is_refused_and_an_old_one_is_only_told(change, message, trained, relsym):
    run = trained("random_label")
    SymmetryModel.load(run).add_label("neutral", PAIRS)
    [path] = versions_of(run).values()
    content = path.read_text()
    assert change(content) != content
    path.write_text(change(content))
    with pytest.raises(ValueError, match=message):
        SymmetryModel.load(run)
    (run / "labels" / "002.json").write_text(content)
    ended = relsym("labels", "list", f"model.folder={run}")
    assert ended.code == 0, ended.err
    assert "damaged" in ended.out


def test_too_few_pairs_for_a_majority_are_told(trained, relsym, tmp_path):
    run = trained("knn", "probe.k=5")
    path = tmp_path / "examples.jsonl"
    path.write_text('{"premise": "a", "hypothesis": "b"}\n{"premise": "c", "hypothesis": "d"}\n')
    ended = relsym("labels", "add", f"model.folder={run}", "label=other", f"examples={path}")
    assert ended.code == 0, ended.err
    assert "2 pairs of other are no majority of probe.k=5 neighbours" in ended.out
