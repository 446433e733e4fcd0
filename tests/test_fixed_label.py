"""Fixed labels: one function of one sentence, whose sign says what follows and what is excluded."""

from __future__ import annotations

import json
from collections import Counter
from unittest.mock import patch

import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.nn.functional import cosine_similarity

from benchmarks_of import data
from relsym.app.earlier_run import load_run
from relsym.app.train import steps as training
from relsym.app.train.best_epoch import BestEpoch
from relsym.data.batches import GlobalBatchSampler
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.encoders.load import tiny_encoder
from relsym.metrics.controls import Cosine, Euclidean
from relsym.metrics.hadamard import Hadamard
from relsym.metrics.pair import Pair
from relsym.metrics.rotate import Rotate
from relsym.metrics.signed_form import class_scores, form_of
from relsym.objectives.fixed_label import FixedLabelRetraining
from relsym.probes.cut_points import CutPoints, best_cut
from test_app import refused
from test_objectives import build, rows, steps
from test_recipes import Sample

TWO = (ENTAILMENT, CONTRADICTION)
THREE = (ENTAILMENT, NEUTRAL, CONTRADICTION)
OTHER_ORDER = (CONTRADICTION, ENTAILMENT, NEUTRAL)
METRICS = (Hadamard, Rotate)
VARIANTS = ["swap", "identity", "paraphrase"]
SIGN = {ENTAILMENT: 1.0, NEUTRAL: 0.0, CONTRADICTION: -1.0}
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers.*"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec.*"),
]


def fixed(metric=None, labels=THREE, **changes) -> FixedLabelRetraining:
    return build(FixedLabelRetraining, metric=metric, labels=labels, **changes)


def vectors(count: int, dim: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 2, dim, generator=torch.Generator().manual_seed(seed))


def pair_of_form(form: float) -> torch.Tensor:
    """A premise and a hypothesis [2 2] with that cosine."""
    return torch.tensor([[1.0, 0.0], [form, (1 - form**2) ** 0.5]])


def of_forms(*forms: float) -> torch.Tensor:
    return torch.stack([pair_of_form(form) for form in forms])


def probe_of(labels=THREE, cut_points: tuple[float, float] | None = None) -> CutPoints:
    probe = CutPoints()
    signs = torch.tensor([SIGN[label] for label in labels])
    probe.fit(Hadamard(), {"signs": signs}, torch.zeros(0, 2, 2), torch.zeros(0, dtype=torch.long))
    if cut_points:
        probe.cut_points = torch.tensor(cut_points)
    return probe


# --- the form


@given(st.integers(1, 8), st.integers(1, 12), st.integers(0, 1000))
def test_the_form_is_the_cosine_under_hadamard_and_rotate_alike(count, half, seed):
    representation = vectors(count, 2 * half, seed)
    cosine = cosine_similarity(representation[:, 0], representation[:, 1], dim=-1)
    for metric in METRICS:
        torch.testing.assert_close(form_of(metric(), representation), cosine, atol=1e-6, rtol=0)


@pytest.mark.parametrize("metric", METRICS)
def test_the_labels_square_to_the_identity_under_the_metric(metric):
    """Times l a vector is itself and times -l its opposite: either, taken twice, leaves it as it is."""
    vector = vectors(5)[:, 0]
    identity = metric().identity_label(32)
    labels = torch.stack((identity, -identity))
    itself, opposite = torch.tensor([0.0, 2.0]).expand(5, 2), torch.tensor([2.0, 0.0]).expand(5, 2)
    torch.testing.assert_close(metric().distance(vector, vector, labels), itself, atol=1e-6, rtol=0)
    torch.testing.assert_close(metric().distance(-vector, vector, labels), opposite, atol=1e-6, rtol=0)


@pytest.mark.parametrize("metric", [Cosine, Euclidean, Pair])
def test_a_metric_without_an_identity_is_refused(metric):
    assert not metric.has_identity
    with pytest.raises(ValueError, match=rf"{metric.__name__} has no label that .*metric=hadamard"):
        fixed(metric())
    assert [one.has_identity for one in METRICS] == [True, True]


# --- the loss


def test_the_loss_is_that_of_three_rows_by_hand():
    objective = fixed()
    representation = of_forms(0.8, 0.5, -0.6)
    targets = torch.tensor([THREE.index(label) for label in (ENTAILMENT, NEUTRAL, CONTRADICTION)])
    expected = (0.2**2 + 0.5**2 + 0.4**2) / 3
    assert objective.loss(representation, targets).item() == pytest.approx(expected, abs=1e-6)
    neutral = objective.loss(representation[1:2], targets[1:2])
    assert neutral.item() == pytest.approx(0.25, abs=1e-6)


def test_the_unrelated_loss_is_a_double_loop_over_texts_of_different_facts():
    objective, about = fixed(unrelated_weight=3.0), torch.tensor([0, 1, 0, 2])
    representation = vectors(4)
    slow = []
    for i in range(4):
        for j in range(4):
            if about[i] == about[j]:
                continue
            for first in representation[i]:
                for second in representation[j]:
                    slow.append(torch.cosine_similarity(first, second, dim=0) ** 2)
    expected = 3.0 * torch.stack(slow).mean()
    torch.testing.assert_close(objective.unrelated_loss(representation, about), expected)


def test_rows_about_one_fact_never_count_as_unrelated():
    representation = vectors(3)
    representation[1] = representation[0]  # the same sentences in two rows
    found = fixed().unrelated_loss(representation, torch.tensor([7, 7, 1]))
    alone = fixed().unrelated_loss(representation[1:], torch.tensor([7, 1]))
    torch.testing.assert_close(found, alone)


def test_a_batch_of_one_fact_has_no_unrelated_loss_and_finite_gradients():
    representation = vectors(4).requires_grad_()
    loss = fixed().unrelated_loss(representation, torch.zeros(4, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert representation.grad.abs().max() == 0


@pytest.mark.parametrize("metric", METRICS)
def test_equal_and_opposite_sentences_have_finite_gradients(metric):
    representation = vectors(2)
    representation[0, 1] = representation[0, 0]
    representation[1, 1] = -representation[1, 0]
    representation.requires_grad_()
    objective = fixed(metric())
    loss = objective.loss(representation, torch.tensor([0, 2]))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-10)
    assert representation.grad.isfinite().all()


def test_without_a_weight_there_is_no_unrelated_loss_and_the_weight_has_an_effect():
    assert fixed(unrelated_weight=0.0).unrelated_loss(vectors(2), torch.tensor([0, 1])) is None
    found = []
    for weight in (0.0, 1.0, 8.0):
        objective = fixed(unrelated_weight=weight)
        steps(objective, rows(8), epochs=3)
        assert ("train/unrelated" in objective.trainer.callback_metrics) == (weight > 0)
        found.append(objective.encoder.encode(["a1 is a sibling of b1."]))
    assert not torch.allclose(found[0], found[1], atol=1e-6)
    assert not torch.allclose(found[1], found[2], atol=1e-6)


def test_the_unrelated_loss_is_part_of_the_loss_of_a_step():
    objective = fixed(unrelated_weight=5.0).eval()
    batch = batch_of(objective)
    representation = objective.represent(batch)
    with patch.object(FixedLabelRetraining, "log"):
        total = objective.training_step(batch, 0)
    parts = (
        objective.loss(representation, batch.targets),
        objective.unrelated_loss(representation, batch.about),
    )
    assert parts[1] > 0
    torch.testing.assert_close(total, parts[0] + parts[1])


def test_labels_beyond_the_three_are_refused():
    with pytest.raises(ValueError, match=r"knows the labels entailment, .* the data have alternation too"):
        fixed(labels=(*TWO, "alternation"))


# --- hadamard and rotate are one model


def batch_of(objective, count: int = 6):
    data = Sample(batch_size=count, score_on="test", seed=0)
    data.read()
    data.tokenize_with(
        objective.tokenize, objective.encoder.collate, objective.labels, objective.encodes_once
    )
    return data.batch(range(count))


def read_weights(objective) -> list[torch.nn.Parameter]:
    """Those that vectors depend on: BERT's pooler is not read."""
    return [weight for weight in objective.encoder.parameters() if weight.grad is not None]


def test_on_any_vectors_hadamard_and_rotate_have_one_loss_one_gradient_and_one_answer():
    targets, about = torch.arange(12) % 3, torch.arange(12) // 3
    losses, gradients, answers = [], [], []
    for metric in METRICS:
        representation = vectors(12, 48).requires_grad_()
        objective = fixed(metric())
        loss = objective.loss(representation, targets) + objective.unrelated_loss(representation, about)
        loss.backward()
        losses.append(loss.detach())
        gradients.append(representation.grad)
        answers.append(objective.predict_batch(representation.detach(), targets))
    torch.testing.assert_close(*losses, atol=1e-6, rtol=0)
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=0)
    assert answers[0].equal(answers[1])


def test_through_an_encoder_hadamard_and_rotate_are_one_model():
    gradients, scores, answers = [], [], []
    for metric in METRICS:
        objective = fixed(metric()).eval()
        batch = batch_of(objective)
        with patch.object(FixedLabelRetraining, "log"):
            objective.training_step(batch, 0).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in read_weights(objective)]))
        representation = objective.represent(batch).detach()
        probe = CutPoints()
        probe.fit(objective.metric, objective.read_out(), representation[:0], batch.targets[:0])
        scores.append(probe.scores(representation, 3))
        answers.append(probe.predict(representation))
    assert gradients[0].abs().max() > 1e-3
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=0)
    torch.testing.assert_close(*scores, atol=1e-6, rtol=0)
    assert answers[0].equal(answers[1])


# --- batches


def test_texts_encoded_once_have_the_vectors_that_they_have_row_by_row():
    objective = fixed().eval()
    data = Sample(batch_size=4, score_on="test", seed=0)
    repeated = rows(2)
    # One premise in three rows, once as the hypothesis of another.
    first, second = repeated
    data.train_rows = [first, second, first._replace(hypothesis=second.premise), second]
    found = []
    for once in (False, True):
        data.tokenize_with(objective.tokenize, objective.encoder.collate, objective.labels, once)
        batch = data.batch([0, 1, 2, 3])
        found.append(objective.represent(batch).detach())
        encoded = sum(len(tokens["input_ids"]) for tokens in batch.inputs)
        assert encoded == (4 if once else 8)
    torch.testing.assert_close(*found, atol=1e-6, rtol=0)


def test_a_text_of_several_rows_has_one_dropout_mask():
    encoder = tiny_encoder(dropout=0.5)
    objective = fixed(encoder=encoder).train()
    data = Sample(batch_size=4, score_on="test", seed=0)
    data.train_rows = [rows(1)[0]] * 2
    same = []
    for once in (True, False):
        data.tokenize_with(objective.tokenize, encoder.collate, objective.labels, once)
        representation = objective.represent(data.batch([0, 1]))
        same.append(representation[0].equal(representation[1]))
    assert same == [True, False]


# --- cut points


def test_the_cut_points_start_half_way_and_the_sign_decides_where_nothing_is_neutral():
    forms = of_forms(0.9, 0.4, -0.4, -0.9, 0.0)
    answers = [THREE[i] for i in probe_of().predict(forms)]
    assert answers == [ENTAILMENT, NEUTRAL, NEUTRAL, CONTRADICTION, NEUTRAL]
    answers = [TWO[i] for i in probe_of(TWO).predict(forms[:4])]
    assert answers == [ENTAILMENT, ENTAILMENT, CONTRADICTION, CONTRADICTION]


@given(st.lists(st.floats(-1, 1).filter(lambda form: abs(form) > 1e-3), min_size=1, max_size=9))
def test_where_no_row_can_be_neutral_three_classes_are_read_as_two_by_the_sign(forms):
    forms = torch.tensor(forms)
    signs = torch.tensor([SIGN[label] for label in OTHER_ORDER])
    # Whatever the cut points, and though both are on one side of 0.
    scores = class_scores(forms, signs, torch.tensor([0.2, 0.7]), neutral_asked=False)
    answers = [OTHER_ORDER[i] for i in scores.argmax(-1)]
    assert answers == [ENTAILMENT if form > 0 else CONTRADICTION for form in forms]
    assert scores.isfinite().all()


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6), st.floats(-0.9, 0), st.floats(0.01, 0.9))
def test_the_highest_score_is_the_class_between_or_beyond_the_cut_points(forms, lower, upper):
    forms, cut_points = torch.tensor(forms), torch.tensor([lower, upper])
    lower, upper = cut_points.tolist()
    forms = forms[((forms - lower).abs() > 1e-5) & ((forms - upper).abs() > 1e-5)]
    signs = torch.tensor([SIGN[label] for label in OTHER_ORDER])
    answers = [OTHER_ORDER[i] for i in class_scores(forms, signs, cut_points).argmax(-1)]
    expected = []
    for form in forms.tolist():
        beyond = ENTAILMENT if form > upper else CONTRADICTION
        expected.append(NEUTRAL if lower < form < upper else beyond)
    assert answers == expected


def test_cut_points_by_hand():
    """Classes count alike, however many rows each has; of equally good points the nearest to the start."""
    forms = (0.9, 0.3, 0.3, 0.3, 0.1, -0.1, -0.4, -0.3, -0.8)
    labels = (ENTAILMENT, *[ENTAILMENT] * 3, NEUTRAL, NEUTRAL, NEUTRAL, CONTRADICTION, CONTRADICTION)
    probe = probe_of()
    probe.choose(of_forms(*forms), torch.tensor([THREE.index(label) for label in labels]))
    # All of entailment lies above 0.2, and no neutral row. Below -0.2 all of contradiction and a third of
    # neutral, below -0.6 half of contradiction and no neutral: 5/3 against 3/2.
    assert probe.cut_points.tolist() == pytest.approx([-0.2, 0.2], abs=1e-6)
    # A tie between anything in (0.1, 0.9): the start.
    assert best_cut(torch.tensor([0.9]), torch.tensor([0.1]), 0.5) == 0.5
    assert best_cut(torch.tensor([0.4]), torch.tensor([0.2]), 0.5) == pytest.approx(0.3)


@given(
    st.lists(st.integers(-10, 10), min_size=1, max_size=8),
    st.lists(st.integers(-10, 10), min_size=1, max_size=8),
)
def test_no_point_between_two_values_parts_samples_better_than_the_cut(above, below):
    lowest, highest = min(above + below), max(above + below)
    above, below = (torch.tensor(sample) / 10 for sample in (above, below))

    def right(cut: float) -> float:
        return float((above >= cut).double().mean() + (below < cut).double().mean())

    found = best_cut(above, below, 0.5)
    cuts = [0.5, *(value / 10 + 0.05 for value in range(lowest, highest))]
    assert right(found) == pytest.approx(max(right(cut) for cut in cuts))


def test_without_rows_of_all_classes_and_where_nothing_parts_them_the_cut_points_stay():
    for forms, labels in (
        ((0.2, -0.2), (ENTAILMENT, CONTRADICTION)),
        ((0.2, 0.1), (ENTAILMENT, NEUTRAL)),
        ((), ()),
        # The wrong way round: the best upper cut would lie below the lower one.
        ((-0.9, -0.9, 0.9, 0.95, -0.95), (ENTAILMENT, ENTAILMENT, CONTRADICTION, NEUTRAL, NEUTRAL)),
    ):
        probe = probe_of()
        pairs = of_forms(*forms) if forms else torch.zeros(0, 2, 2)
        targets = torch.tensor([THREE.index(label) for label in labels], dtype=torch.long)
        probe.choose(pairs, targets)
        lower, upper = probe.cut_points.tolist()
        assert lower < upper
        if len(set(labels)) < 3:
            assert (lower, upper) == (-0.5, 0.5)


def test_a_restored_probe_answers_as_the_stored_one_and_refit_chooses_anew():
    probe = probe_of(OTHER_ORDER, (-0.1, 0.3))
    again = CutPoints()
    again.restore(Rotate(), probe.tensors())
    pairs = of_forms(*[i / 10 for i in range(-10, 11)])
    assert again.predict(pairs).equal(probe.predict(pairs))
    torch.testing.assert_close(again.scores(pairs, 3), probe.scores(pairs, 3))
    targets = torch.tensor([OTHER_ORDER.index(label) for label in (CONTRADICTION, NEUTRAL, ENTAILMENT)])
    again.refit(Rotate(), of_forms(0.0, 0.2, 0.4), targets)
    assert again.cut_points.tolist() == pytest.approx([0.1, 0.3], abs=1e-6)
    assert probe.cut_points.tolist() == pytest.approx([-0.1, 0.3])
    with pytest.raises(KeyError, match="cut_points"):
        CutPoints().restore(Rotate(), {"signs": probe.signs})


# --- whole runs


def trained(relsym, folder, *words: str) -> dict:
    ended = relsym(
        "train", "model=tiny", "tracking=csv", "objective=fixed_label", *words, f"hydra.run.dir={folder}"
    )
    assert ended.code == 0, ended.err
    return json.loads((folder / "results.json").read_text())


@pytest.fixture
def nli(mnli_folder) -> tuple[str, ...]:
    return ("data=mnli", f"data.folder={mnli_folder}", "data.samples=30", "training.max_steps=2")


def test_what_cannot_be_multiplied_is_refused_before_anything_is_loaded(relsym, quick, tmp_path):
    with patch.object(training, "read_data", side_effect=AssertionError):
        for metric in ("none", "cosine", "euclidean", "pair"):
            ended = relsym("train", *quick, "objective=fixed_label", f"metric={metric}")
            refused(ended, "Leave metric unset to get the right one", tmp_path / "run")
            assert "(hadamard or rotate, which are the same then)" in ended.err.replace("\n", " ")


def test_a_run_with_three_labels_chooses_its_cut_points_on_validation_rows_alone(
    relsym, tmp_path, nli, monkeypatch
):
    chosen_on = []
    choose = CutPoints.choose

    def watched(probe, representation, targets):
        chosen_on.append(len(targets))
        choose(probe, representation, targets)

    monkeypatch.setattr(CutPoints, "choose", watched)
    found = trained(relsym, tmp_path / "run", *nli)
    assert found["labels"] == list(THREE)
    assert chosen_on == [found["counts"]["validation rows"]]
    assert chosen_on[0] > 0
    stored = load_file(tmp_path / "run" / "probe.safetensors")
    assert set(stored) == {"signs", "cut_points"}
    assert stored["signs"].tolist() == [1, 0, -1]

    trained(relsym, tmp_path / "tuned", *nli, "data.score_on=validation")
    assert len(chosen_on) == 1
    assert load_file(tmp_path / "tuned" / "probe.safetensors")["cut_points"].tolist() == [-0.5, 0.5]


def test_without_neutral_rows_no_validation_row_is_encoded(relsym, quick, tmp_path):
    with patch.object(training, "choose_reading", side_effect=AssertionError):
        found = trained(relsym, tmp_path / "run", *quick[:-1])
    assert found["labels"] == list(TWO)


def test_a_set_without_validation_rows_keeps_the_cut_points(relsym, tmp_path, nli, monkeypatch):
    monkeypatch.setattr("relsym.data.nli.NliData._is_held_out", lambda data, row: False)
    trained(relsym, tmp_path / "run", *nli)
    assert load_file(tmp_path / "run" / "probe.safetensors")["cut_points"].tolist() == [-0.5, 0.5]
    assert "no validation rows: CutPoints reads as it starts" in (tmp_path / "run/train.log").read_text()
    words = ("model=tiny", "tracking=csv", *nli, "training.keep=best", f"hydra.run.dir={tmp_path / 'best'}")
    refused(relsym("train", *words), "these data have none. Pass training.keep=last", tmp_path / "best")


def test_the_best_epoch_is_read_as_the_run_reads_it():
    """With cut points chosen on the validation rows: no form here reaches those that reading starts with."""
    objective = fixed().eval()
    probe = CutPoints()
    validation = rows(9, THREE)
    callback = BestEpoch(validation, [], probe, "fp32")
    forms = {ENTAILMENT: 0.3, NEUTRAL: 0.2, CONTRADICTION: 0.1}
    pairs = of_forms(*[forms[row.label] for row in validation])
    with patch("relsym.app.train.best_epoch.represent", return_value=pairs):
        assert callback._accuracy(objective) == 1.0


def test_a_run_is_read_by_the_sign_on_rows_of_two_labels_and_by_its_cut_points_on_three(
    relsym, tmp_path, nli
):
    run = tmp_path / "run"
    trained(relsym, run, *nli)
    small = ("tracking=csv", "model=run", f"model.folder={run}", "validation_pairs=16", "swapped_pairs=0")
    for name, words in (
        ("two", ("data.samples=8", "data.test_pairs=28", "swapped_pairs=8")),
        ("three", nli[:2]),
    ):
        ended = relsym("evaluate", *small, *words, f"hydra.run.dir={tmp_path / name}")
        assert ended.code == 0, ended.err
    two = json.loads((tmp_path / "two" / "results.json").read_text())
    answers = set(pl.read_parquet(tmp_path / "two" / "predictions.parquet")["prediction"])
    assert answers <= set(TWO)
    assert {reading["name"] for reading in two["readings"]} == {"strict", "two_way", "threshold"}
    # Cosine does not see the order of its sentences.
    assert all(reading["symmetric"] for reading in two["readings"])
    model = load_run(str(run), "fp32", "cpu")
    three = pl.read_parquet(tmp_path / "three" / "predictions.parquet")
    by_hand = [
        Row(str(i), "", "mnli", premise, hypothesis, NEUTRAL)
        for i, (premise, hypothesis) in enumerate(three.select("premise", "hypothesis").iter_rows())
    ]
    assert model.measure(by_hand)["answer"] == three["prediction"].to_list()


def test_rows_of_the_bank_that_are_never_neutral_are_read_by_the_sign_though_neutral_ones_train(
    relsym, quick, tmp_path, nli
):
    """``other_relation`` and ``other_object`` are neutral, and are asked in training alone."""
    small = ("data=relations", "data.samples=54", "data.test_pairs=48", "data.neutral=false")
    found = trained(relsym, tmp_path / "run", *quick[:-1], "objective=fixed_label", *small)
    assert set(found["labels"]) == set(THREE)
    trained(relsym, tmp_path / "nli", *nli)
    evaluated = tmp_path / "evaluated"
    words = ("tracking=csv", "model=run", f"model.folder={tmp_path / 'nli'}", *small, "validation_pairs=48")
    ended = relsym("evaluate", *words, f"hydra.run.dir={evaluated}")
    assert ended.code == 0, ended.err
    for folder in (tmp_path / "run", evaluated):
        table = pl.read_parquet(folder / "predictions.parquet")
        assert set(table["label"]) == set(TWO)
        assert set(table["prediction"]) <= set(TWO)


@pytest.mark.slow
def test_a_run_goes_on_from_one_of_another_objective_metric_or_with_more_labels(relsym, quick, tmp_path, nli):
    """Nothing but the encoder is taken over, and no row of two labels is answered neutral."""
    first = relsym("train", *quick[:-1], "objective=random_label", f"hydra.run.dir={tmp_path / 'first'}")
    assert first.code == 0
    trained(relsym, tmp_path / "next", *quick[:-1], f"init={tmp_path / 'first'}", "metric=rotate")
    trained(relsym, tmp_path / "last", *quick[:-1], f"init={tmp_path / 'next'}")
    refused(
        relsym("train", *quick, "objective=random_label", f"init={tmp_path / 'last'}"),
        "holds no label_embeddings",
        tmp_path / "run",
    )

    trained(relsym, tmp_path / "nli", *nli)
    found = trained(relsym, tmp_path / "on", *quick[:-1], f"init={tmp_path / 'nli'}")
    assert found["labels"] == list(THREE)
    assert set(pl.read_parquet(tmp_path / "on" / "predictions.parquet")["prediction"]) <= set(TWO)


def test_fixed_labels_train_in_bf16_and_keep_the_best_epoch(relsym, quick, tmp_path, nli):
    trained(relsym, tmp_path / "symmetry", *quick[:-1], "precision=bf16")
    found = trained(relsym, tmp_path / "nli", *nli, "precision=bf16", "training.keep=best")
    assert found["epoch_kept"] == 1


def test_whole_facts_stay_together_and_a_batch_too_small_for_one_is_refused(facts):
    read = data(facts, train_variants=VARIANTS, samples=24, form="mixed", whole_facts=True, batch_size=13)
    units = read.units()
    # A fact in two forms is two units, with one number.
    assert len(units) == 8
    read.tokenize_with(lambda rows: [[{"input_ids": [1]} for _ in rows]], lambda features: {}, TWO)
    sampler = GlobalBatchSampler(read._targets, read.batch_size, 0, units=units)
    assert len(sampler) == read.steps_per_epoch() == 2
    dealt = list(sampler)
    for batch in dealt:
        facts_of_batch = Counter((read.train_rows[row].fact_id, read.train_rows[row].form) for row in batch)
        assert set(facts_of_batch.values()) == {3}
        assert len(batch) == 12
    assert sorted(row for batch in dealt for row in batch) == list(range(24))
    with pytest.raises(ValueError, match=r"one fact has 3 rows. Pass data.batch_size=3 or more"):
        data(facts, train_variants=VARIANTS, samples=24, form="mixed", whole_facts=True, batch_size=2)


def test_rows_are_about_a_pair_and_a_meaning_in_either_form_and_direction(facts):
    read = data(facts, train_variants=VARIANTS, samples=24, form="mixed")
    topics = read.about(read.train_rows)
    for row, topic in zip(read.train_rows, topics, strict=True):
        for other, other_topic in zip(read.train_rows, topics, strict=True):
            assert (topic == other_topic) == (row.fact_id == other.fact_id)
    child = Row("1", "P40", "lexicalised", "p", "h", ENTAILMENT, "P40:Q1:Q2", subject="a", object="b")
    parent = child._replace(property="P22", fact_id="P22:Q2:Q1", subject="b", object="a")
    sibling = child._replace(property="P3373", fact_id="P3373:Q1:Q2")
    elsewhere = child._replace(fact_id="P40:Q1:Q3", object="c")
    nli = Row("2", "mnli", "mnli", "p", "h", ENTAILMENT)
    first, converse, other_relation, other_object, replayed, again = read.about(
        [child, parent, sibling, elsewhere, nli, nli._replace(hypothesis="g")]
    )
    assert first == converse
    assert len({first, other_relation, other_object, replayed}) == 4
    assert replayed == again
